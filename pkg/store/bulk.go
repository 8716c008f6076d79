package store

import (
	"strings"

	"gorm.io/gorm"
)

// bulkParameters is how many values one statement takes at most: SQLite allows 32,766.
const bulkParameters = 12_000

// A bulk inserts many rows with few statements. Call flush at the end.
type bulk struct {
	tx      *gorm.DB
	into    string // "table (column, column)"
	one     string // "(?, ?)"
	columns int
	tail    string // " ON CONFLICT ...", or ""
	rows    int
	values  []any
}

// newBulk returns a bulk for a table's columns.
func newBulk(tx *gorm.DB, table, columns, tail string) *bulk {
	n := strings.Count(columns, ",") + 1
	return &bulk{
		tx: tx, into: table + " (" + columns + ")", one: "(" + strings.TrimSuffix(strings.Repeat("?, ", n), ", ") + ")", columns: n,
		tail: tail,
	}
}

// add adds one row, with a value for each column.
func (b *bulk) add(values ...any) error {
	b.values = append(b.values, values...)
	b.rows++
	if len(b.values)+b.columns > bulkParameters {
		return b.flush()
	}
	return nil
}

// flush inserts what was added.
func (b *bulk) flush() error {
	if b.rows == 0 {
		return nil
	}
	rows := strings.TrimSuffix(strings.Repeat(b.one+", ", b.rows), ", ")
	err := b.tx.Exec("INSERT INTO "+b.into+" VALUES "+rows+b.tail, b.values...).Error
	b.rows, b.values = 0, b.values[:0]
	return err
}
