// Package storetest gives tests databases of their own: files of SQLite, and a PostgreSQL server that is started
// from the installed programs for the tests of a package and is gone after them.
package storetest

import (
	"context"
	"iter"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"cxmirror/pkg/store"
	"cxmirror/pkg/survey"
)

// Engines yields both engines by name, each with what opens an empty database that has the current schema, for as
// long as a test runs.
func Engines() iter.Seq2[string, func(tb testing.TB) *store.Store] {
	return func(yield func(string, func(tb testing.TB) *store.Store) bool) {
		_ = yield("sqlite", func(tb testing.TB) *store.Store { tb.Helper(); return Open(tb, SQLite(tb)) }) &&
			yield("postgres", func(tb testing.TB) *store.Store { tb.Helper(); return Open(tb, Postgres(tb)) })
	}
}

// Each runs a test on both engines, each time with an empty database that has the current schema.
func Each(t *testing.T, test func(t *testing.T, s *store.Store)) {
	t.Helper()
	for name, open := range Engines() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
}

// Open opens a database, migrates it, and closes it when the test ends.
func Open(tb testing.TB, dsn string) *store.Store {
	tb.Helper()
	s, err := store.Open(tb.Context(), dsn, slog.New(slog.DiscardHandler))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	if _, _, err := s.Migrate(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	return s
}

// SaveUser makes a user what u says, whatever she is meanwhile: what tests may do, and programs may not.
func SaveUser(ctx context.Context, s *store.Store, u survey.User) error {
	_, err := s.ChangeUser(ctx, u.ID, func(stored *survey.User) error {
		*stored = u
		return nil
	})
	return err
}

// SaveOrganisation makes an organisation what o says, archived or not.
func SaveOrganisation(ctx context.Context, s *store.Store, o survey.Organisation) error {
	err := s.SaveOrganisation(ctx, o)
	switch {
	case err != nil:
		return err
	case o.Archived == nil:
		return s.RestoreOrganisation(ctx, o.ID)
	}
	return s.ArchiveOrganisation(ctx, o.ID, *o.Archived)
}

// SQLite returns the path of a file that does not exist yet, in a directory of the test's own.
func SQLite(tb testing.TB) (path string) {
	tb.Helper()
	return filepath.Join(tb.TempDir(), "cxmirror.db")
}

// Postgres returns the connection string of an empty database that is dropped when the test ends. It is on the
// server that CXMIRROR_TEST_POSTGRES names, or on one that is started for all tests of the process. Where there
// is no PostgreSQL the test is skipped; in CI, which must have one, it fails.
func Postgres(tb testing.TB) (dsn string) {
	tb.Helper()
	if server := os.Getenv("CXMIRROR_TEST_POSTGRES"); server != "" { //nolint:forbidigo // tests are told what to run on by the environment
		return newDatabase(tb, server)
	}
	return newDatabase(tb, sharedServer(tb))
}
