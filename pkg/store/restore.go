package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"

	driversqlite "modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"cxmirror/pkg/survey"
)

// What a file cannot be restored for.
var (
	ErrForeign = errors.New("it is no database of this program")
	ErrDamaged = errors.New("the file is damaged")
)

// Contents is what a backup holds.
type Contents struct {
	Schema      int64 // version
	Waves       int64
	Responses   int64  // complete ones
	Sealed      int64  // finished answers of anonymous waves that wait, which its secret alone opens
	People      int64  // of the panel
	Mails       int64  // that wait to be sent
	Sessions    int64  // that were open, and links to sign in by: neither works in the copy
	Fingerprint []byte // of its secret; nil while it was used with none
}

// accessSchema is the version of the schema from which on there are sessions, and links to sign in by.
const accessSchema = 3

// Restoration is a copy of a backup that was checked and lies beside the database whose place it is to take. It
// ends with [Restoration.Finish] or [Restoration.Abandon].
type Restoration struct {
	Contents Contents

	part string // the copy
	path string // the database
}

// PrepareRestore copies the backup of a file of SQLite, as [Store.Backup] writes it, beside the database of a
// connection string, as [Open] takes it, and checks the copy. Nothing of the database is touched, nor of the
// backup. The caller holds the claim to the database ([ClaimToServe]). It is an error if the backup is no database
// of this program ([ErrForeign]), is damaged ([ErrDamaged]), of a newer version of the program ([ErrNewer]), in
// service ([ErrServed]), or the database itself; and for PostgreSQL, which has programs for this.
func PrepareRestore(ctx context.Context, backup, dsn string) (*Restoration, error) {
	if isPostgres(dsn) {
		return nil, errors.New("restore: the database is PostgreSQL: use pg_restore, or the archive of its log")
	}
	path, err := sqlitePath(dsn)
	if err != nil {
		return nil, fmt.Errorf("restore: %w", err)
	}
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target // the file is replaced, not what leads to it
	}
	r, err := prepareRestore(ctx, backup, path)
	if err != nil {
		return nil, fmt.Errorf("restore %s: %w", backup, err)
	}
	return r, nil
}

func prepareRestore(ctx context.Context, backup, path string) (*Restoration, error) {
	about, err := os.Stat(backup)
	if err != nil {
		return nil, err
	}
	if present, err := os.Stat(path); err == nil && os.SameFile(about, present) {
		return nil, errors.New("it is the database itself, not a backup of it")
	}
	if err := isSQLite(backup, about); err != nil {
		return nil, err
	}
	// The file of a service that runs may change while it is copied.
	if _, err := os.Stat(backup + claimEnd); err == nil {
		claim, err := ClaimToServe(backup)
		if err != nil {
			return nil, err
		}
		defer func() { _ = claim.Release() }()
	}
	r := &Restoration{path: path}
	if r.part, err = copyBeside(ctx, backup, path); err == nil {
		err = r.check(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, r.Abandon())
	}
	return r, nil
}

// isSQLite refuses what is no file of SQLite, before SQLite takes an empty one for an empty database.
func isSQLite(path string, about os.FileInfo) error {
	if !about.Mode().IsRegular() {
		return errors.New("it is no file")
	}
	file, err := os.Open(path) //nolint:gosec // the operator names the file
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	const magic = "SQLite format 3\x00"
	begin := make([]byte, len(magic))
	n, err := io.ReadFull(file, begin)
	switch {
	case err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF):
		return err
	case bytes.HasPrefix(begin, []byte("PGDMP")):
		return fmt.Errorf("%w, but a dump of PostgreSQL: use pg_restore", ErrForeign)
	case string(begin[:n]) != magic:
		return fmt.Errorf("%w: it is not a file of SQLite", ErrForeign)
	}
	return nil
}

// copyBeside copies a file of SQLite into the directory of another, for its owner alone. A log beside it holds
// commits of its own: there is none beside what [Store.Backup] wrote, but maybe beside what somebody copied.
func copyBeside(ctx context.Context, from, path string) (part string, err error) {
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.part")
	if err != nil {
		return "", err
	}
	part = file.Name()
	if err := file.Close(); err != nil {
		return part, err
	}
	for _, end := range []string{"", walEnd} {
		if about, err := os.Stat(from + end); err != nil || about.Size() == 0 {
			if end == "" {
				return part, errors.Join(err, io.ErrUnexpectedEOF)
			}
			continue
		}
		if err := copyFile(ctx, from+end, part+end); err != nil {
			return part, err
		}
	}
	return part, nil
}

// What SQLite keeps beside a database that is open, or was not closed.
const (
	walEnd = "-wal" // commits that are not in the file yet
	shmEnd = "-shm" // where they are; it is made anew when it is missing
)

// copyFile copies a file to the disk.
func copyFile(ctx context.Context, from, to string) error {
	source, err := os.Open(from) //nolint:gosec // the operator names the file
	if err != nil {
		return err
	}
	defer func() { _ = source.Close() }()
	target, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600) //nolint:gosec // beside the database
	if err != nil {
		return err
	}
	const chunk = 16 << 20 // bytes, after which is asked whether to go on
	for err == nil {
		if err = ctx.Err(); err == nil {
			_, err = io.CopyN(target, source, chunk)
		}
	}
	if errors.Is(err, io.EOF) {
		err = target.Sync()
	}
	return errors.Join(err, target.Close())
}

// check opens the copy and looks at all of it, and ends what lets people in without a password.
func (r *Restoration) check(ctx context.Context) error {
	s, err := Open(ctx, r.part, slog.New(slog.DiscardHandler))
	if err == nil {
		err = s.checkIntegrity(ctx)
		if err == nil {
			err = s.readContents(ctx, &r.Contents)
		}
		if err == nil && r.Contents.Schema >= accessSchema {
			// Since the backup sessions were ended, links were used, and people were removed: none of that comes back.
			sessions, links, failed := s.EndAllAccess(ctx)
			r.Contents.Sessions, err = int64(sessions+links), failed
		}
		err = errors.Join(err, s.Close())
	}
	if failure, ok := errors.AsType[*driversqlite.Error](err); ok {
		switch failure.Code() & 0xff {
		case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
			return fmt.Errorf("%w: %w", ErrDamaged, err)
		}
	}
	if err != nil {
		return err
	}
	// All is in the one file now, which is what will be renamed.
	if about, err := os.Stat(r.part + walEnd); err == nil && about.Size() > 0 {
		return errors.New("its log cannot be taken in: another program has the copy open")
	}
	return nil
}

// checkIntegrity reads the whole file.
func (s *Store) checkIntegrity(ctx context.Context) error {
	var said []string
	if err := s.read.WithContext(ctx).Raw("PRAGMA integrity_check(3)").Scan(&said).Error; err != nil {
		return fmt.Errorf("check the file: %w", err)
	}
	if !slices.Equal(said, []string{"ok"}) {
		return fmt.Errorf("%w: %s", ErrDamaged, strings.Join(said, "; "))
	}
	return nil
}

// readContents counts what is in a database, which may be of an older version, before it is migrated.
func (s *Store) readContents(ctx context.Context, into *Contents) error {
	var err error
	if into.Schema, err = s.schema(ctx); err != nil {
		return err
	}
	var tables []string
	if err := s.read.WithContext(ctx).Raw("SELECT name FROM sqlite_master WHERE type = 'table'").Scan(&tables).Error; err != nil {
		return err
	}
	for _, needed := range []string{"organisations", "versions", "waves", "responses"} {
		if into.Schema == 0 || !slices.Contains(tables, needed) {
			return fmt.Errorf("%w: it has not its tables", ErrForeign)
		}
	}
	for _, count := range []struct {
		table, rows string
		into        *int64
	}{
		{"waves", "waves", &into.Waves},
		{"responses", "responses WHERE completed_at IS NOT NULL", &into.Responses},
		{"sealed", "sealed", &into.Sealed},
		{"people", "people", &into.People},
		{"mails", "mails WHERE state = 'waiting'", &into.Mails},
	} {
		if !slices.Contains(tables, count.table) {
			continue
		}
		if err := s.read.WithContext(ctx).Raw("SELECT count(*) FROM " + count.rows).Scan(count.into).Error; err != nil {
			return fmt.Errorf("count %s: %w", count.table, err)
		}
	}
	if !slices.Contains(tables, "bound_secret") {
		return nil
	}
	into.Fingerprint, err = s.SecretFingerprint(ctx)
	if errors.Is(err, survey.ErrNotFound) {
		return nil
	}
	return err
}

// Finish puts the copy in the place of the database. The database that was there is kept under another name, which
// must not exist yet, with the log that could not be taken in if it is damaged. It reports whether there was one.
// Whenever the program ends in between, there is one whole database under each name that there is.
func (r *Restoration) Finish(ctx context.Context, kept string) (was bool, err error) {
	if err := r.finish(ctx, kept, &was); err != nil {
		return was, fmt.Errorf("restore to %s: %w", r.path, err)
	}
	return was, nil
}

func (r *Restoration) finish(ctx context.Context, kept string, was *bool) error {
	if _, err := os.Stat(r.path); err == nil {
		*was = true
		// Whoever closes the database last takes its log in. One that is damaged keeps it.
		if s, err := Open(ctx, r.path, slog.New(slog.DiscardHandler)); err == nil {
			_ = s.Close()
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, end := range []string{walEnd, ""} {
		if about, err := os.Stat(r.path + end); err != nil || about.Size() == 0 && end != "" {
			continue
		}
		if err := keepAs(ctx, r.path+end, kept+end); err != nil {
			return err
		}
	}
	for _, end := range []string{walEnd, shmEnd} { // SQLite would take them for those of the new file
		if err := os.Remove(r.path + end); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if err := os.Rename(r.part, r.path); err != nil {
		return err
	}
	return syncDirectory(filepath.Dir(r.path))
}

// keepAs gives a file a second name, or copies it where files cannot have two.
func keepAs(ctx context.Context, path, name string) error {
	err := os.Link(path, name)
	if err == nil || errors.Is(err, fs.ErrExist) {
		return err
	}
	if _, err := os.Lstat(name); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: %w", name, errors.Join(err, fs.ErrExist))
	}
	return copyFile(ctx, path, name)
}

// syncDirectory puts on the disk which names a directory has.
func syncDirectory(path string) error {
	if os.PathSeparator != '/' {
		return nil // other systems open no directories, and need not be told
	}
	directory, err := os.Open(path) //nolint:gosec // that of the database
	if err != nil {
		return err
	}
	return errors.Join(directory.Sync(), directory.Close())
}

// Abandon removes the copy. After [Restoration.Finish] there is none.
func (r *Restoration) Abandon() error {
	if r.part == "" {
		return nil
	}
	for _, end := range []string{"", walEnd, shmEnd} {
		if err := os.Remove(r.part + end); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove the copy of the backup: %w", err)
		}
	}
	return nil
}
