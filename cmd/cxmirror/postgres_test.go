//go:build linux

package main_test

import (
	"bufio"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"cxmirror/pkg/store/storetest"
)

// A postgres is a PostgreSQL server of a benchmark's own, to count what cxmirror counts.
type postgres struct{ *storetest.Server }

// startPostgres starts a server with enough memory to hold what it counts.
func startPostgres(b *testing.B) *postgres {
	b.Helper()
	return &postgres{storetest.StartPostgres(b, "shared_buffers=512MB")}
}

// query runs SQL and psql's own commands, and returns what psql prints: rows as lines, columns parted by |.
func (p *postgres) query(b *testing.B, script io.Reader) string {
	b.Helper()
	psql := exec.CommandContext(b.Context(), filepath.Join(p.Programs(), "psql"), "--dbname", p.DSN("postgres"),
		"--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set", "ON_ERROR_STOP=1")
	psql.Stdin = script
	var stderr strings.Builder
	psql.Stderr = &stderr
	out, err := psql.Output()
	if err != nil {
		b.Fatalf("psql: %v\n%s", err, stderr.String())
	}
	return string(out)
}

// load copies the responses into a table with one boolean column per option.
func (p *postgres) load(b *testing.B, responses []crosstabResponse) {
	b.Helper()
	pipe, script := io.Pipe()
	go func() {
		w := bufio.NewWriter(script)
		columns := make([]string, crosstabOptions)
		for i := range columns {
			columns[i] = fmt.Sprintf("o%d boolean", i)
		}
		fmt.Fprintf(w, "CREATE UNLOGGED TABLE responses (segment smallint, weight float8, %s);\n", strings.Join(columns, ", "))
		fmt.Fprintln(w, "COPY responses FROM STDIN;")
		for _, r := range responses {
			fmt.Fprintf(w, "%d\t%g", r.segment, r.weight)
			for option := range crosstabOptions {
				_, _ = w.WriteString([]string{"\tf", "\tt"}[r.picks>>option&1])
			}
			_ = w.WriteByte('\n')
		}
		fmt.Fprintln(w, "\\.\nVACUUM ANALYZE responses;")
		_ = script.CloseWithError(w.Flush()) // psql's end is seen by query
	}()
	p.query(b, pipe)
}

// crosstab counts the cells in the server, and returns them with the time of the fastest of five runs after
// a first one, as psql measures it.
func (p *postgres) crosstab(b *testing.B, weighted bool) (cells, time.Duration) {
	b.Helper()
	aggregate := "count(*)"
	if weighted {
		aggregate = "sum(weight)"
	}
	columns := make([]string, crosstabOptions)
	for i := range columns {
		columns[i] = fmt.Sprintf("%s FILTER (WHERE o%d)", aggregate, i)
	}
	sql := fmt.Sprintf("SELECT segment, %s FROM responses GROUP BY segment", strings.Join(columns, ", "))
	var counts cells
	for row := range strings.Lines(p.query(b, strings.NewReader(sql+";\n"))) {
		fields := strings.Split(strings.TrimSpace(row), "|")
		segment, err := strconv.Atoi(fields[0])
		if err != nil {
			b.Fatal(err)
		}
		for option, field := range fields[1:] {
			if counts[segment][option], err = strconv.ParseFloat(field, 64); err != nil {
				b.Fatal(err)
			}
		}
	}
	script := "\\timing on\n" + sql + " \\g /dev/null\n" + strings.Repeat("\\g /dev/null\n", 4)
	fastest := time.Duration(0)
	for line := range strings.Lines(p.query(b, strings.NewReader(script))) {
		figure, ok := strings.CutPrefix(line, "Time: ")
		if !ok {
			continue
		}
		figure, _, _ = strings.Cut(figure, " ")
		milliseconds, err := strconv.ParseFloat(figure, 64)
		if err != nil {
			b.Fatal(err)
		}
		if took := time.Duration(milliseconds * float64(time.Millisecond)); fastest == 0 || took < fastest {
			fastest = took
		}
	}
	if fastest == 0 {
		b.Fatal("psql printed no time")
	}
	return counts, fastest
}
