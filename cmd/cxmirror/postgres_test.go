//go:build linux

package main_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A postgres is a PostgreSQL server of a benchmark's own, that is gone after it.
type postgres struct {
	bin string // its programs
	dir string // its data and its socket
}

// startPostgres starts a server from the installed programs, on a socket only. Without PostgreSQL on the
// machine the benchmark is skipped.
func startPostgres(b *testing.B) *postgres {
	b.Helper()
	bin := postgresPrograms()
	if bin == "" {
		b.Skip("PostgreSQL is not installed: there is nothing to compare with")
	}
	//nolint:usetesting // the path of a socket may have 107 bytes: TempDir's carries the name of the benchmark
	dir, err := os.MkdirTemp("", "pg")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = os.RemoveAll(dir) })
	attributes := unprivileged(b, dir)
	data := filepath.Join(dir, "data")
	initdb := exec.CommandContext(b.Context(), filepath.Join(bin, "initdb"), "--pgdata", data, "--username", "cxmirror",
		"--auth", "trust", "--encoding", "UTF8", "--locale", "C", "--no-sync")
	initdb.Dir, initdb.SysProcAttr = dir, attributes
	if out, err := initdb.CombinedOutput(); err != nil {
		b.Fatalf("initdb: %v\n%s", err, out)
	}

	var log strings.Builder
	server := exec.CommandContext(b.Context(), filepath.Join(bin, "postgres"), "-D", data, "-k", dir,
		"-c", "listen_addresses=", "-c", "shared_buffers=512MB", "-c", "fsync=off")
	server.Dir, server.SysProcAttr = dir, attributes
	server.Stdout, server.Stderr = &log, &log
	server.Cancel = func() error { return server.Process.Signal(os.Interrupt) } // a fast shutdown
	if err := server.Start(); err != nil {
		b.Fatal(err)
	}
	var end error
	ended := make(chan struct{})
	go func() { end = server.Wait(); close(ended) }()
	b.Cleanup(func() { <-ended }) // the context is cancelled by now

	p := &postgres{bin: bin, dir: dir}
	for deadline := time.Now().Add(30 * time.Second); ; {
		err := exec.CommandContext(b.Context(), filepath.Join(bin, "pg_isready"), "--host", dir, "--username", "cxmirror", "--quiet").Run()
		if err == nil {
			return p
		}
		if _, notYet := errors.AsType[*exec.ExitError](err); !notYet {
			b.Fatal(err)
		}
		select {
		case <-ended:
			b.Fatalf("postgres ended at its start: %v\n%s", end, log.String())
		case <-time.After(50 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			b.Fatal("postgres did not accept a connection within 30 s")
		}
	}
}

// postgresPrograms returns the directory of the programs of the newest PostgreSQL on the machine, or "".
func postgresPrograms() string {
	// Debian keeps one directory per version, off the PATH.
	versions, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err == nil && len(versions) > 0 {
		slices.SortFunc(versions, func(a, b string) int { return postgresVersion(a) - postgresVersion(b) })
		return filepath.Dir(versions[len(versions)-1])
	}
	path, err := exec.LookPath("initdb")
	if err != nil {
		return ""
	}
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target // its neighbours need not be linked too
	}
	return filepath.Dir(path)
}

func postgresVersion(initdb string) int {
	version, err := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(initdb))))
	if err != nil {
		return 0
	}
	return version
}

// unprivileged makes dir belong to a user other than root, whom PostgreSQL refuses to serve, and returns
// what runs a program as that user. It is nobody; and nil for those who are not root anyway.
func unprivileged(b *testing.B, dir string) *syscall.SysProcAttr {
	b.Helper()
	if os.Getuid() != 0 {
		return nil
	}
	nobody, err := user.Lookup("nobody")
	if err != nil {
		b.Fatal(err)
	}
	uid, uidErr := strconv.ParseUint(nobody.Uid, 10, 32)
	gid, gidErr := strconv.ParseUint(nobody.Gid, 10, 32)
	if uidErr != nil || gidErr != nil {
		b.Fatalf("nobody has the ids %s:%s", nobody.Uid, nobody.Gid)
	}
	if err := os.Chown(dir, int(uid), int(gid)); err != nil {
		b.Fatal(err)
	}
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
}

// query runs SQL and psql's own commands, and returns what psql prints: rows as lines, columns parted by |.
func (p *postgres) query(b *testing.B, script io.Reader) string {
	b.Helper()
	psql := exec.CommandContext(b.Context(), filepath.Join(p.bin, "psql"), "--host", p.dir, "--username", "cxmirror", "--dbname", "postgres",
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
