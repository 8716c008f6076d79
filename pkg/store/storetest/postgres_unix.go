//go:build unix

package storetest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
)

// A Server is a PostgreSQL server of the tests. It listens on a socket only.
type Server struct {
	bin     string // its programs
	dir     string // its data and its socket
	user    *syscall.SysProcAttr
	options string
	hold    *os.File // its other end notices when this process has ended
}

var errNotInstalled = errors.New("PostgreSQL is not installed, and CXMIRROR_TEST_POSTGRES does not name a server")

// shared is the server of all tests of the process. It is started by the first that needs one, and ends with the
// process.
var shared = sync.OnceValues(func() (*Server, error) { return start() }) //nolint:gochecknoglobals // a server takes a second to start: one for all

func sharedServer(tb testing.TB) string {
	tb.Helper()
	server, err := shared()
	skipWithout(tb, err)
	return server.DSN("postgres")
}

// StartPostgres starts a server for one test, which may stop and restart it. settings are lines of
// postgresql.conf such as "fsync=on"; unless told otherwise the server does not wait for the disk.
func StartPostgres(tb testing.TB, settings ...string) *Server {
	tb.Helper()
	server, err := start(settings...)
	skipWithout(tb, err)
	tb.Cleanup(func() { _ = server.control(context.WithoutCancel(tb.Context()), "stop", "-m", "immediate") })
	return server
}

// skipWithout ends a test that has no server to run on.
func skipWithout(tb testing.TB, err error) {
	tb.Helper()
	switch {
	case err == nil:
	case errors.Is(err, errNotInstalled) && os.Getenv("CI") != "true": //nolint:forbidigo // tests are told where they run by the environment
		tb.Skip(err)
	default:
		tb.Fatal(err)
	}
}

// DSN returns the connection string of a database of the server.
func (p *Server) DSN(database string) string {
	return fmt.Sprintf("host=%s user=cxmirror dbname=%s", p.dir, database)
}

// Database makes an empty database that is dropped when the test ends, and returns its connection string.
func (p *Server) Database(tb testing.TB) (dsn string) {
	tb.Helper()
	return newDatabase(tb, p.DSN("postgres"))
}

// Programs returns the directory of the server's programs: pgbench, psql, pg_dump.
func (p *Server) Programs() string { return p.bin }

// Crash ends the server at once, as if it had been killed, in the middle of whatever it is doing.
func (p *Server) Crash(tb testing.TB) {
	tb.Helper()
	if err := p.control(tb.Context(), "stop", "-m", "immediate"); err != nil {
		tb.Fatal(err)
	}
}

// Start starts a server again that was ended, and returns when it takes connections.
func (p *Server) Start(tb testing.TB) {
	tb.Helper()
	if err := p.control(tb.Context(), "start", "-w", "-t", "60", "-l", filepath.Join(p.dir, "log"), "-o", p.options); err != nil {
		tb.Fatal(err)
	}
}

func start(settings ...string) (*Server, error) {
	bin := programs()
	if bin == "" {
		return nil, errNotInstalled
	}
	dir, err := os.MkdirTemp("", "pg") // short: the path of a socket may have 107 bytes
	if err != nil {
		return nil, err
	}
	p := &Server{bin: bin, dir: dir}
	if err := p.becomeUnprivileged(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	ctx := context.Background()
	initdb := p.command(ctx, "initdb", "--pgdata", p.data(), "--username", "cxmirror", "--auth", "trust", "--encoding", "UTF8", "--locale", "C", "--no-sync")
	if out, err := initdb.CombinedOutput(); err != nil {
		return nil, errors.Join(fmt.Errorf("initdb: %w\n%s", err, out), os.RemoveAll(dir))
	}
	if err := p.cleanUpAfterProcess(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	options := []string{"-k", dir, "-c listen_addresses=", "-c fsync=off", "-c max_connections=200", "-c shared_buffers=128MB", "-c max_wal_size=1GB"}
	for _, setting := range settings {
		options = append(options, "-c "+setting)
	}
	p.options = strings.Join(options, " ")
	return p, p.control(ctx, "start", "-w", "-t", "60", "-l", filepath.Join(dir, "log"), "-o", p.options)
}

func (p *Server) data() string { return filepath.Join(p.dir, "data") }

func (p *Server) command(ctx context.Context, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(p.bin, program), args...) //nolint:gosec // a program of PostgreSQL
	cmd.Dir, cmd.SysProcAttr = p.dir, p.user
	return cmd
}

func (p *Server) control(ctx context.Context, args ...string) error {
	cmd := p.command(ctx, "pg_ctl", append([]string{"--pgdata", p.data()}, args...)...)
	// Not a pipe: the server inherits it, and who reads the pipe would wait for the server's end.
	output, err := os.Create(filepath.Join(p.dir, "pg_ctl.log"))
	if err != nil {
		return err
	}
	defer func() { _ = output.Close() }()
	cmd.Stdout, cmd.Stderr = output, output
	if err := cmd.Run(); err != nil {
		said, _ := os.ReadFile(output.Name())
		logged, _ := os.ReadFile(filepath.Join(p.dir, "log"))
		return fmt.Errorf("pg_ctl %s: %w\n%s%s", args[0], err, said, logged)
	}
	return nil
}

// cleanUpAfterProcess leaves a shell behind that stops the server and removes its files when this process has
// ended, in whatever way: it waits for the end of a pipe that this process holds.
func (p *Server) cleanUpAfterProcess() error {
	held, hold, err := os.Pipe()
	if err != nil {
		return err
	}
	defer func() { _ = held.Close() }()
	const script = `cat; "$1/pg_ctl" --pgdata "$2/data" stop -m immediate; rm -rf "$2"`
	shell := exec.CommandContext(context.Background(), "sh", "-c", script, "sh", p.bin, p.dir) //nolint:gosec // the script is fixed
	shell.Stdin, shell.Dir = held, os.TempDir()
	shell.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // the terminal's interrupt is not for it
	if p.user != nil {
		shell.SysProcAttr.Credential = p.user.Credential
	}
	if err := shell.Start(); err != nil {
		return errors.Join(err, hold.Close())
	}
	p.hold = hold
	return nil
}

// becomeUnprivileged gives the directory to a user other than root, whom PostgreSQL refuses to serve, and runs
// its programs as that user. It is nobody; and whoever runs the tests if that is not root.
func (p *Server) becomeUnprivileged() error {
	if os.Getuid() != 0 {
		return nil
	}
	nobody, err := user.Lookup("nobody")
	if err != nil {
		return err
	}
	uid, uidErr := strconv.ParseUint(nobody.Uid, 10, 32)
	gid, gidErr := strconv.ParseUint(nobody.Gid, 10, 32)
	if err := errors.Join(uidErr, gidErr); err != nil {
		return fmt.Errorf("nobody has the ids %s:%s: %w", nobody.Uid, nobody.Gid, err)
	}
	if err := os.Chown(p.dir, int(uid), int(gid)); err != nil {
		return err
	}
	p.user = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	return nil
}

// programs returns the directory of the programs of the newest PostgreSQL on the machine, or "".
func programs() string {
	// Debian keeps one directory per version, off the PATH.
	installed, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err == nil && len(installed) > 0 {
		newest := slices.MaxFunc(installed, func(a, b string) int { return version(a) - version(b) })
		return filepath.Dir(newest)
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

func version(initdb string) int {
	number, err := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(initdb))))
	if err != nil {
		return 0
	}
	return number
}

// newDatabase makes a database on a server and returns its connection string.
func newDatabase(tb testing.TB, server string) string {
	tb.Helper()
	name := "test_" + strings.ToLower(rand.Text())
	execute := func(ctx context.Context, statement string) error {
		config, err := pgx.ParseConfig(server)
		if err != nil {
			return err
		}
		connection, err := pgx.ConnectConfig(ctx, config)
		if err != nil {
			return err
		}
		defer func() { _ = connection.Close(ctx) }()
		_, err = connection.Exec(ctx, statement)
		return err
	}
	if err := execute(tb.Context(), "CREATE DATABASE "+name); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		_ = execute(context.WithoutCancel(tb.Context()), "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)")
	})
	return inDatabase(server, name)
}

// inDatabase returns a connection string for another database of the same server.
func inDatabase(server, name string) string {
	if strings.Contains(server, "://") {
		before, query, _ := strings.Cut(server, "?")
		scheme, rest, _ := strings.Cut(before, "://")
		host, _, _ := strings.Cut(rest, "/")
		return scheme + "://" + host + "/" + name + "?" + query
	}
	fields := slices.DeleteFunc(strings.Fields(server), func(field string) bool { return strings.HasPrefix(field, "dbname=") })
	return strings.Join(append(fields, "dbname="+name), " ")
}
