package storetest

import (
	"context"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Row is a row of a dumped database with all that can be known of it.
type Row struct {
	Table  string
	Live   bool              // it is what a reader of the table sees; otherwise a dead row, or a row of another time
	Values map[string]string // by column or mark
}

// Dump returns every row of every table of a database with its internal marks, in physical order; of PostgreSQL, where
// the server lets it, the dead ones, too.
func Dump(tb testing.TB, dsn string) []Row {
	tb.Helper()
	if strings.HasPrefix(dsn, "host=") || strings.HasPrefix(dsn, "postgres") {
		return dumpPostgres(tb, dsn)
	}
	return dumpSQLite(tb, dsn)
}

// dumpSQLite returns every row of every table in physical order.
func dumpSQLite(tb testing.TB, path string) []Row {
	tb.Helper()
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(10000)")
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	query := func(statement string) (columns []string, rows [][]any) {
		result, err := db.QueryContext(tb.Context(), statement)
		if err != nil {
			return nil, nil // such as rowid where there is none
		}
		defer func() { _ = result.Close() }()
		columns, _ = result.Columns()
		for result.Next() {
			row, into := make([]any, len(columns)), make([]any, len(columns))
			for i := range row {
				into[i] = &row[i]
			}
			if err := result.Scan(into...); err != nil {
				tb.Fatal(err)
			}
			rows = append(rows, row)
		}
		if err := result.Err(); err != nil {
			tb.Fatal(err)
		}
		return columns, rows
	}
	var dump []Row
	_, tables := query("SELECT name FROM sqlite_master WHERE type = 'table'")
	for _, name := range tables {
		table := fmt.Sprint(name[0])
		columns, rows := query("SELECT rowid AS mark_rowid, * FROM " + table + " NOT INDEXED")
		if columns == nil {
			columns, rows = query("SELECT * FROM " + table)
		}
		if columns == nil {
			tb.Fatalf("table %s cannot be read", table)
		}
		for place, row := range rows {
			d := Row{Table: table, Live: true, Values: map[string]string{"mark_place": fmt.Sprintf("%012d", place)}}
			for i, column := range columns {
				d.Values[column] = sortable(row[i])
			}
			dump = append(dump, d)
		}
	}
	return dump
}

// dumpPostgres returns every row of every table with its internal marks, in physical order, and where the server
// lets it, the dead ones.
func dumpPostgres(tb testing.TB, dsn string) []Row {
	tb.Helper()
	ctx := tb.Context()
	connection, err := pgx.Connect(ctx, dsn)
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = connection.Close(context.WithoutCancel(ctx)) }()
	_, err = connection.Exec(ctx, "CREATE EXTENSION IF NOT EXISTS pageinspect")
	inspects := err == nil
	if !inspects {
		tb.Logf("dead rows are not looked at: %v", err)
	}
	query := func(statement string) (columns []string, rows [][]any) {
		result, err := connection.Query(ctx, statement)
		if err != nil {
			tb.Fatal(err)
		}
		defer result.Close()
		for _, field := range result.FieldDescriptions() {
			columns = append(columns, field.Name)
		}
		for result.Next() {
			row, err := result.Values()
			if err != nil {
				tb.Fatal(err)
			}
			rows = append(rows, row)
		}
		if err := result.Err(); err != nil {
			tb.Fatal(err)
		}
		return columns, rows
	}
	var dump []Row
	keep := func(table string, live bool, columns []string, rows [][]any) {
		for place, row := range rows {
			d := Row{Table: table, Live: live, Values: map[string]string{"mark_place": fmt.Sprintf("%012d", place)}}
			for i, column := range columns {
				d.Values[column] = sortable(row[i])
			}
			dump = append(dump, d)
		}
	}
	_, tables := query("SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'")
	for _, name := range tables {
		table := fmt.Sprint(name[0])
		columns, rows := query(`SELECT (ctid::text::point)[0]::bigint AS mark_page, (ctid::text::point)[1]::bigint AS mark_line, xmin::text::bigint AS mark_xmin,
			xmax::text::bigint AS mark_xmax, cmin::text::bigint AS mark_cmin, tableoid::bigint AS mark_table, t.* FROM ` + table + ` t`)
		keep(table, true, columns, rows)
		if inspects {
			columns, rows = query(`SELECT page AS mark_page, lp::bigint AS mark_line, t_xmin::text::bigint AS mark_xmin, t_xmax::text::bigint AS mark_xmax, t_data AS raw, length(t_data)::bigint AS raw_length
				FROM generate_series(0, pg_relation_size('` + table + `') / 8192 - 1) AS page, heap_page_items(get_raw_page('` + table + `', page::int)) WHERE t_data IS NOT NULL`)
			keep(table, false, columns, rows)
		}
	}
	columns, rows := query("SELECT * FROM pg_sequences")
	keep("pg_sequences", false, columns, rows)
	return dump
}

// sortable returns a value as a text that sorts as the value does.
func sortable(value any) string {
	switch value := value.(type) {
	case nil:
		return ""
	case int64:
		return fmt.Sprintf("%020d", value)
	case time.Time:
		return value.UTC().Format("2006-01-02T15:04:05.000000")
	case []byte:
		if json.Valid(value) {
			return string(value)
		}
		return hex.EncodeToString(value)
	case [16]byte:
		return hex.EncodeToString(value[:])
	case string:
		return value
	}
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	return string(text)
}
