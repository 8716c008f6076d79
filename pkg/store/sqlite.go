package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/libtnb/sqlite"
	"gorm.io/gorm"
)

// sqliteReaders is how many connections read a file of SQLite at most. They cost some 2 MB each while in use.
const sqliteReaders = 8

// sqlitePragmas are the settings of every connection to a file of SQLite.
func sqlitePragmas() []string {
	return []string{
		"busy_timeout(10000)", // milliseconds; another process may be writing: a backup, a migration
		"journal_mode(WAL)",   // readers and the writer do not wait for each other
		"synchronous(FULL)",   // a commit is on the disk when it returns: what was acknowledged survives a power cut
		"foreign_keys(ON)",
		"wal_autocheckpoint(0)", // the writer empties the log; with readers about, SQLite would try at every commit
		"temp_store(MEMORY)",
		"secure_delete(ON)", // what is deleted is overwritten: drafts and sealed answers are to be gone
	}
}

func openSQLite(ctx context.Context, dsn string) (*Store, error) {
	path, err := sqlitePath(dsn)
	if err != nil {
		return nil, err
	}
	// A new file is for its owner only: it holds people's answers. SQLite gives its log the same rights.
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600) //nolint:gosec // the file is the one the operator names
	if err != nil {
		return nil, err
	}
	if err := file.Close(); err != nil {
		return nil, err
	}
	// One connection writes. SQLite allows one writer anyway, and a queue in the program is fair, does not poll,
	// and can commit together what waits. It takes its lock when a transaction begins, so that no transaction fails half-way for want of it.
	write, err := openSQLitePool(ctx, path, 1, "_txlock=immediate")
	if err != nil {
		return nil, err
	}
	read, err := openSQLitePool(ctx, path, sqliteReaders, "_pragma=query_only(ON)")
	if err != nil {
		if pool, poolErr := write.DB(); poolErr == nil {
			_ = pool.Close()
		}
		return nil, err
	}
	return &Store{engine: sqliteEngine, write: write, read: read, path: path, writer: newWriter(write, path)}, nil
}

// sqlitePath returns the file that a connection string names.
func sqlitePath(dsn string) (string, error) {
	path := strings.TrimPrefix(dsn, "sqlite:")
	switch {
	case path == "":
		return "", errors.New("the path of the file is empty")
	case strings.Contains(path, ":memory:"):
		return "", fmt.Errorf("%q: a database in memory would be another one for each connection; name a file", path)
	case strings.Contains(path, "://"):
		return "", fmt.Errorf("%q is neither a PostgreSQL connection string nor the path of a file", redacted(path))
	}
	return path, nil
}

func openSQLitePool(ctx context.Context, path string, connections int, setting string) (*gorm.DB, error) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	query := []string{setting, "_time_format=sqlite", "_texttotime=1", "_timezone=UTC"}
	for _, pragma := range sqlitePragmas() {
		query = append(query, "_pragma="+pragma)
	}
	name := url.URL{Scheme: "file", Path: filepath.ToSlash(absolute), RawQuery: strings.Join(query, "&")}
	pool, err := sql.Open(sqlite.DriverName, name.String())
	if err != nil {
		return nil, err
	}
	pool.SetMaxOpenConns(connections)
	pool.SetMaxIdleConns(connections)
	if err := pool.PingContext(ctx); err != nil {
		_ = pool.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	gormSettings := settings()
	gormSettings.PrepareStmt = true
	// The default transaction stays: without it, statements with RETURNING keep readers open that the log then
	// grows for.
	db, err := gorm.Open(sqlite.New(sqlite.Config{Conn: pool}), gormSettings)
	if err != nil {
		_ = pool.Close()
		return nil, err
	}
	return db, nil
}

// redacted hides the password of a connection string for an unknown database.
func redacted(dsn string) string {
	if u, err := url.Parse(dsn); err == nil {
		return u.Redacted()
	}
	return "the connection string"
}

// Backup writes a copy of a file of SQLite, as of one moment, while it is in use. path must not exist yet; it
// does not until the copy is complete and on the disk. PostgreSQL has programs for this: Backup says which.
func (s *Store) Backup(ctx context.Context, path string) error {
	if s.engine != sqliteEngine {
		return errors.New("back up: the database is PostgreSQL: use pg_dump, or pg_basebackup with an archive of its log")
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("back up to %s: %w", path, errors.Join(err, fs.ErrExist))
	}
	if err := s.backup(ctx, path); err != nil {
		return fmt.Errorf("back up to %s: %w", path, classify(err))
	}
	return nil
}

func (s *Store) backup(ctx context.Context, path string) error {
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.part") // 0600, and empty as VACUUM wants it
	if err != nil {
		return err
	}
	part := file.Name()
	defer func() { _ = os.Remove(part) }() // gone already if all went well
	defer func() { _ = file.Close() }()
	// A connection of its own: the readers may not write, not even another file, and the writer has to write.
	copier, err := openSQLitePool(ctx, s.path, 1, "mode=rw")
	if err != nil {
		return err
	}
	if pool, err := copier.DB(); err == nil {
		defer func() { _ = pool.Close() }()
	}
	if err := copier.WithContext(ctx).Exec("VACUUM INTO ?", part).Error; err != nil {
		return err
	}
	if err := file.Sync(); err != nil {
		return err
	}
	if err := os.Link(part, path); err != nil { // unlike a rename, it replaces nothing
		return err
	}
	return nil
}
