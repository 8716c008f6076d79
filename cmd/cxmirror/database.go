package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"os"
	"path/filepath"
	"time"

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

// source returns the connection string; without one, that of the embedded database of the given name, for which
// there is a directory then.
func (f databaseFlags) source(name string) (flag, dsn string, err error) {
	if f.DSN != "" {
		return setting("dsn"), f.DSN, nil
	}
	flag = setting("data") + " " + f.Data
	if err := os.MkdirAll(f.Data, 0o700); err != nil { // answers are for the one who runs this
		return flag, "", fmt.Errorf("%s: %w", flag, err)
	}
	return flag, filepath.Join(f.Data, name), nil
}

// open opens the database; the embedded one is the file of the given name. It does not migrate.
func (f databaseFlags) open(ctx context.Context, name string, log *slog.Logger) (*store.Store, error) {
	flag, dsn, err := f.source(name)
	if err != nil {
		return nil, err
	}
	db, err := store.Open(ctx, dsn, log)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", flag, err)
	}
	return db, nil
}

// claim makes this process the one that serves the database, where only one can.
func (f databaseFlags) claim(name string) (*store.Claim, error) {
	flag, dsn, err := f.source(name)
	if err != nil {
		return nil, err
	}
	claim, err := store.ClaimToServe(dsn)
	if errors.Is(err, store.ErrServed) {
		return nil, fmt.Errorf("%w; stop it first, or name another directory by %s; several can serve one PostgreSQL (%s)",
			err, setting("data"), setting("dsn"))
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", flag, err)
	}
	return claim, nil
}

func releaseDatabase(claim *store.Claim, log *slog.Logger) {
	if err := claim.Release(); err != nil {
		log.Error("releasing the database", slog.String("error", err.Error()))
	}
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
	*survey.Versions

	store *store.Store
	now   func() time.Time
}

var _ tally.Source = (*storedWaves)(nil)

func newStoredWaves(db *store.Store, now func() time.Time) *storedWaves {
	return &storedWaves{Versions: survey.NewVersions(db), store: db, now: now}
}

// Wave returns a wave of an organisation.
func (s *storedWaves) Wave(ctx context.Context, organisation survey.OrganisationID, id survey.WaveID) (survey.Wave, error) {
	return s.store.Wave(ctx, organisation, id)
}

// Mark returns how far somebody who reads the wave now will have read.
func (s *storedWaves) Mark(ctx context.Context, organisation survey.OrganisationID, id survey.WaveID) (tally.Mark, error) {
	mark, err := s.store.Mark(ctx, organisation, id)
	return tally.Mark(mark), err
}

// Rows returns the responses that came since a mark.
func (s *storedWaves) Rows(ctx context.Context, organisation survey.OrganisationID, id survey.WaveID, after tally.Mark) iter.Seq2[tally.Row, error] {
	return func(yield func(tally.Row, error) bool) {
		for row, err := range s.store.Answers(ctx, organisation, id, store.Mark(after)) {
			if !yield(tally.Row{
				ID: row.ID, Version: row.Version, Answers: row.Answers, Weight: row.Weight, Person: row.Person,
				Release: row.Release, Attributes: row.Attributes,
			}, err) {
				return
			}
		}
	}
}

// Ended reports whether a wave takes no more answers and fewer wait than could begin to count together.
func (s *storedWaves) Ended(ctx context.Context, wave *survey.Wave) (bool, error) {
	if !errors.Is(wave.Takes(s.now(), 0), survey.ErrClosed) {
		return false, nil
	}
	waiting, err := s.store.Pending(ctx, wave.Organisation, wave.ID)
	return waiting < wave.Threshold, err
}

// AddCut keeps what was shown of a wave split by segments.
func (s *storedWaves) AddCut(ctx context.Context, wave *survey.Wave, cut survey.Cut) error {
	return s.store.AddCut(ctx, wave.Organisation, wave.ID, cut, len(wave.Cuts), wave.Releases)
}
