// Package store keeps questionnaires, waves and responses, the people who are asked, organisations, who signs in to
// work in them and the audit trail in a database: PostgreSQL, or a file of SQLite. It is the only package that knows SQL. What it is handed and what it returns are the types of package survey, and so
// are the errors that callers branch on: [survey.ErrNotFound], [survey.ErrConflict], [survey.ErrUnavailable] and
// their neighbours, wrapped with what was being done.
//
// Both engines keep the same rules, and one test suite runs on both:
//
//   - A response is stored exactly once. Starting, saving or completing it a second time with the same content is
//     no error, so that a caller who did not hear back may try again; with other content it is one.
//   - A completed response does not change. It can only be deleted.
//   - What a call has returned nil for is on the disk: it survives the end of the process, and of the machine.
//   - Every row that belongs to an organisation names it and refers only to rows of the same one; a call that reads or
//     changes such rows says for which organisation, and does not find another's. Users are of no organisation: their
//     memberships are.
//   - The audit trail is only added to. Triggers hold that, too.
//   - What was promised when a wave was launched is only made stricter. Triggers hold it against whoever writes past
//     this package.
//   - In a wave that protects people (see [survey.Wave.Protects]) a finished answer is kept at once and begins to
//     count later, together with others, in steps of at least the threshold: [Store.Release], [Store.Unseal].
//   - In an anonymous wave no row, mark, order or length ties an answer to an invitation; sealed.go says how, and the
//     pairing test takes the whole database to find out.
//
// PostgreSQL serves any number of processes. SQLite serves one: its writes queue for one connection, and readers
// do not wait for them.
//
// The package draws no conclusions from answers, logs none, and puts none into errors.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"

	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"cxmirror/pkg/survey"
)

// A Store is an open database. It is safe for concurrent use.
type Store struct {
	engine engine
	write  *gorm.DB
	read   *gorm.DB // the same as write on PostgreSQL
	log    *slog.Logger
	path   string  // of a file of SQLite
	writer *writer // the same

	lookups     *lookups // of PostgreSQL
	waveChanges atomic.Int64
}

// engine says which database it is. Its values are the names of the folders with migrations.
type engine string

const (
	postgresEngine engine = "postgres"
	sqliteEngine   engine = "sqlite"
)

// Open opens a database. dsn is a PostgreSQL connection string ("postgres://user@host/name", or
// "host=... dbname=..."), or the path of a file of SQLite ("path" or "sqlite:path"), which is made when it is
// missing. In a PostgreSQL connection string, pool_max_conns sets how many connections the process uses at most
// (16 unless set).
//
// Open does not touch the schema: call [Store.Migrate]. A schema newer than the program is [ErrNewer]; a
// database that does not answer is [survey.ErrUnavailable].
func Open(ctx context.Context, dsn string, log *slog.Logger) (*Store, error) {
	open := openSQLite
	if isPostgres(dsn) {
		open = openPostgres
	}
	s, err := open(ctx, dsn)
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", classify(err))
	}
	s.log = log
	current, err := s.schema(ctx)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open the database: %w", classify(err)), s.Close())
	}
	if latest := latestSchema(s.engine); current > latest {
		return nil, errors.Join(fmt.Errorf("open the database: its schema is version %d, and this program knows versions up to %d: %w",
			current, latest, ErrNewer), s.Close())
	}
	return s, nil
}

// isPostgres reports whether a connection string is for PostgreSQL: a URL, or key=value pairs.
func isPostgres(dsn string) bool {
	for _, prefix := range []string{"postgres://", "postgresql://"} {
		if strings.HasPrefix(dsn, prefix) {
			return true
		}
	}
	for pair := range strings.FieldsSeq(dsn) {
		key, _, ok := strings.Cut(pair, "=")
		switch {
		case !ok:
			return false
		case key == "host", key == "dbname", key == "user", key == "service":
			return true
		}
	}
	return false
}

// settings returns how gorm is used on every engine: errors are translated, and nothing is printed, because its
// logger would print people's answers with the statements.
func settings() *gorm.Config {
	return &gorm.Config{TranslateError: true, DisableAutomaticPing: true, Logger: logger.Discard}
}

// Engine returns "postgres" or "sqlite".
func (s *Store) Engine() string { return string(s.engine) }

// Ping asks the database whether it answers.
func (s *Store) Ping(ctx context.Context) error {
	var one int
	if err := s.read.WithContext(ctx).Raw("SELECT 1").Scan(&one).Error; err != nil {
		return fmt.Errorf("ask the database: %w", classify(err))
	}
	return nil
}

// Close closes all connections, after the statements that are running.
func (s *Store) Close() error {
	if s.writer != nil {
		s.writer.stop()
	}
	var failures []error
	for _, db := range s.pools() {
		failures = append(failures, db.Close())
	}
	if err := errors.Join(failures...); err != nil {
		return fmt.Errorf("close the database: %w", err)
	}
	return nil
}

// pools returns the connections beneath gorm: one pool on PostgreSQL, readers and then the writer on SQLite.
// The writer is closed last, because the last connection to close a file of SQLite tidies its log away.
func (s *Store) pools() []*sql.DB {
	var pools []*sql.DB
	for _, db := range []*gorm.DB{s.read, s.write} {
		if db == nil {
			continue
		}
		if pool, err := db.DB(); err == nil && (len(pools) == 0 || pools[0] != pool) {
			pools = append(pools, pool)
		}
	}
	return pools
}

// change runs statements in one transaction: all of them count, or none. On SQLite they wait for their turn.
func (s *Store) change(ctx context.Context, statements func(tx *gorm.DB) error) error {
	if s.engine == sqliteEngine {
		return s.writer.write(ctx, statements)
	}
	return s.write.WithContext(ctx).Transaction(statements)
}

// changeOnce runs statements of which one writes, and nothing after it: on PostgreSQL it needs no transaction.
func (s *Store) changeOnce(ctx context.Context, statements func(tx *gorm.DB) error) error {
	if s.engine == sqliteEngine {
		return s.writer.write(ctx, statements)
	}
	return statements(s.write.WithContext(ctx))
}

// returning runs a statement that writes and scans what it returns. gorm names the errors of rows that are read
// by themselves only when it runs the whole statement.
func returning(tx *gorm.DB, into any, statement string, values ...any) error {
	err := tx.Raw(statement, values...).Scan(into).Error
	if translator, ok := tx.Dialector.(gorm.ErrorTranslator); ok && err != nil {
		return translator.Translate(err)
	}
	return err
}

// there returns nil if an organisation has a row with an id in a table, and otherwise [survey.ErrNotFound].
func there(tx *gorm.DB, table string, organisation survey.OrganisationID, id any) error {
	var one int
	return found(tx.Raw("SELECT 1 FROM "+table+" WHERE organisation_id = ? AND id = ?", int64(organisation), id).Scan(&one))
}

// found turns "no row was read" into [survey.ErrNotFound].
func found(result *gorm.DB) error {
	if result.Error == nil && result.RowsAffected == 0 {
		return survey.ErrNotFound
	}
	return result.Error
}
