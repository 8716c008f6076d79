package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strconv"
	"strings"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"cxmirror/migrations"
)

// schemaTable is where goose notes which migrations were applied.
const schemaTable = "goose_db_version"

// Migrate brings the schema up to the program's, and returns the versions it had before and has after. Several
// processes may call it at once: one migrates, the others wait for it and find nothing left to do. A migration
// that fails leaves the schema as it was before that one.
func (s *Store) Migrate(ctx context.Context) (from, to int64, err error) {
	provider, err := s.migrations()
	if err != nil {
		return 0, 0, fmt.Errorf("migrate the database: %w", err)
	}
	from, err = s.schema(ctx)
	if err != nil {
		return 0, 0, fmt.Errorf("migrate the database: %w", classify(err))
	}
	if latest := latestSchema(s.engine); from > latest {
		return from, from, fmt.Errorf("migrate the database: its schema is version %d, and this program knows versions up to %d: %w", from, latest, ErrNewer)
	}
	up := func() error { _, err := provider.Up(ctx); return err }
	var failure error
	if s.engine == sqliteEngine {
		failure = s.writer.alone(up)
	} else {
		failure = up()
	}
	to, err = s.schema(ctx)
	if err != nil {
		return from, from, fmt.Errorf("migrate the database: %w", classify(errors.Join(failure, err)))
	}
	// SQLite has no lock that spans transactions: of two processes that migrate at once, one fails where the
	// other was faster, and finds the work done.
	if failure != nil && (s.engine != sqliteEngine || to != latestSchema(s.engine)) {
		return from, to, fmt.Errorf("migrate the database from version %d: %w", from, classify(failure))
	}
	if err := s.forgetForeignTransactions(ctx); err != nil {
		return from, to, fmt.Errorf("migrate the database: %w", classify(err))
	}
	if from != to {
		s.log.InfoContext(ctx, "database migrated", slog.String("engine", s.Engine()), slog.Int64("from", from), slog.Int64("to", to))
	}
	return from, to, nil
}

func (s *Store) migrations() (*goose.Provider, error) {
	folder, err := fs.Sub(migrations.FS(), s.Engine())
	if err != nil {
		return nil, err
	}
	pool, err := s.write.DB()
	if err != nil {
		return nil, err
	}
	options := []goose.ProviderOption{goose.WithSlog(slog.New(slog.DiscardHandler)), goose.WithDisableGlobalRegistry(true)}
	dialect := goose.DialectSQLite3
	if s.engine == postgresEngine {
		dialect = goose.DialectPostgres
		locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 300)) // asked every second, for 5 minutes
		if err != nil {
			return nil, err
		}
		options = append(options, goose.WithSessionLocker(locker))
	}
	return goose.NewProvider(dialect, pool, folder, options...)
}

// schema returns the version of the database's schema, 0 for an empty database.
func (s *Store) schema(ctx context.Context) (int64, error) {
	exists := "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = ?"
	if s.engine == postgresEngine {
		exists = "SELECT count(to_regclass(?))"
	}
	var tables, version int64
	if err := s.read.WithContext(ctx).Raw(exists, schemaTable).Scan(&tables).Error; err != nil || tables == 0 {
		return 0, err
	}
	err := s.read.WithContext(ctx).Raw("SELECT coalesce(max(version_id), 0) FROM " + schemaTable).Scan(&version).Error
	return version, err
}

// latestSchema returns the highest number among an engine's migrations.
func latestSchema(e engine) int64 {
	latest := int64(0)
	files, err := fs.ReadDir(migrations.FS(), string(e))
	if err != nil {
		return 0 // the folders are embedded: a test reads both
	}
	for _, file := range files {
		number, _, _ := strings.Cut(file.Name(), "_")
		if version, err := strconv.ParseInt(number, 10, 64); err == nil {
			latest = max(latest, version)
		}
	}
	return latest
}

// forgetForeignTransactions mends what a dump brought from another server: numbers of transactions this server
// has not reached. Readers would take those responses for new each time, until it had.
func (s *Store) forgetForeignTransactions(ctx context.Context) error {
	if s.engine != postgresEngine {
		return nil
	}
	return s.write.WithContext(ctx).Exec(`
		UPDATE responses SET tx = '3' -- the first there can be
		FROM (SELECT id FROM waves WHERE (
				SELECT tx FROM responses WHERE wave_id = waves.id AND tx IS NOT NULL ORDER BY tx DESC LIMIT 1
			) >= pg_snapshot_xmax(pg_current_snapshot())) AS restored
		WHERE wave_id = restored.id AND tx >= pg_snapshot_xmax(pg_current_snapshot())`).Error
}
