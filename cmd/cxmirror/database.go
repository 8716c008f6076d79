package main

import (
	"context"
	"fmt"
	"io/fs"
	"iter"
	"log/slog"
	"os"
	"path/filepath"
	"sync"

	"cxmirror/pkg/store"
	"cxmirror/pkg/survey"
	"cxmirror/pkg/tally"
)

// databaseFlags say where answers are kept.
type databaseFlags struct {
	Data string `default:"cxmirror-data" placeholder:"DIR" help:"Directory of the embedded database; made when missing."`
	DSN  string `name:"dsn" placeholder:"postgres://..." help:"PostgreSQL to use instead of the embedded database. Better in the environment than on the command line, where others on the machine can read a password."`
}

// The embedded databases in the data directory. A demonstration has its own, so that simulated answers never
// stand beside real ones.
const (
	serviceDatabase = "cxmirror.db"
	demoDatabase    = "demo.db"
)

// open opens the database; the embedded one is the file of the given name. It does not migrate.
func (f databaseFlags) open(ctx context.Context, name string, log *slog.Logger) (*store.Store, error) {
	if f.DSN != "" {
		db, err := store.Open(ctx, f.DSN, log)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", setting("dsn"), err)
		}
		return db, nil
	}
	if err := os.MkdirAll(f.Data, 0o700); err != nil { // answers are for the one who runs this
		return nil, fmt.Errorf("%s %s: %w", setting("data"), f.Data, err)
	}
	db, err := store.Open(ctx, filepath.Join(f.Data, name), log)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", setting("data"), f.Data, err)
	}
	return db, nil
}

// exists refuses to make a database for a command that needs one with something in it.
func (f databaseFlags) exists(name string) error {
	if f.DSN != "" {
		return nil
	}
	path := filepath.Join(f.Data, name)
	if _, err := os.Stat(path); err != nil {
		return fmt.Errorf("%s %s: there is no database %s; name the directory it is in, or the PostgreSQL by %s", setting("data"), f.Data, path, setting("dsn"))
	}
	return nil
}

// setting names a flag as people set it: on the command line or in the environment.
func setting(flag string) string { return fmt.Sprintf("--%s (%s)", flag, variableOf(flag)) }

// storedWaves hands the waves of the database to the tally.
type storedWaves struct {
	store *store.Store

	mu     sync.Mutex
	parsed map[survey.VersionID]*survey.Questionnaire // a stored version never changes
}

var _ tally.Source = (*storedWaves)(nil)

func newStoredWaves(db *store.Store) *storedWaves {
	return &storedWaves{store: db, parsed: map[survey.VersionID]*survey.Questionnaire{}}
}

// Wave returns a wave.
func (s *storedWaves) Wave(ctx context.Context, id survey.WaveID) (survey.Wave, error) {
	return s.store.Wave(ctx, survey.DefaultOrganisation, id)
}

// Questionnaire returns a stored version as parsed the first time.
func (s *storedWaves) Questionnaire(ctx context.Context, id survey.VersionID) (*survey.Questionnaire, error) {
	s.mu.Lock()
	q, ok := s.parsed[id]
	s.mu.Unlock()
	if ok {
		return q, nil
	}
	version, err := s.store.Version(ctx, survey.DefaultOrganisation, id)
	if err != nil {
		return nil, err
	}
	q, err = survey.Parse(version.Source, version.Code+".yaml", func(code string) ([]byte, error) {
		frame, ok := version.Frames[code]
		if !ok {
			return nil, fmt.Errorf("code frame %s: %w", code, fs.ErrNotExist)
		}
		return frame, nil
	})
	if err != nil {
		return nil, fmt.Errorf("version %d of %s, as stored: %w", version.Number, version.Code, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if first, ok := s.parsed[id]; ok {
		return first, nil // somebody was faster
	}
	s.parsed[id] = q
	return q, nil
}

// Mark returns how far somebody who reads the wave now will have read.
func (s *storedWaves) Mark(ctx context.Context, id survey.WaveID) (tally.Mark, error) {
	mark, err := s.store.Mark(ctx, id)
	return tally.Mark(mark), err
}

// Rows returns the responses that came since a mark.
func (s *storedWaves) Rows(ctx context.Context, id survey.WaveID, after tally.Mark) iter.Seq2[tally.Row, error] {
	return func(yield func(tally.Row, error) bool) {
		for row, err := range s.store.Answers(ctx, id, store.Mark(after)) {
			if !yield(tally.Row(row), err) {
				return
			}
		}
	}
}
