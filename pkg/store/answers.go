package store

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/stdlib"

	"cxmirror/pkg/survey"
)

// A Mark says how far a reader has read a wave. Take it before reading, and hand it to [Store.Answers] the next
// time. The zero Mark has read nothing.
type Mark struct {
	Generation int64 // another one than last time: responses were deleted, and the reader starts anew
	At         int64 // the first transaction, or place, that may not have been read
}

// Stored is what the tally needs of a response that counts.
type Stored struct {
	ID      survey.ResponseID
	Version survey.VersionID
	Answers []byte // JSON, valid until the next response is read
	Weight  float64
	Person  string

	Attributes []byte // JSON object of the wave's segments, "{}" where there are none; valid as long as Answers
	Release    int    // the step by which it began to count among others; 0 is that it counted at once
}

// Mark returns how far somebody who reads a wave from now on will have read. A wave that the organisation does not
// have is [survey.ErrNotFound].
//
// On PostgreSQL that is the oldest transaction still running: whatever an older one wrote is there to be read
// now, or never will be. Responses of younger ones may have been read already and are read again.
func (s *Store) Mark(ctx context.Context, organisation survey.OrganisationID, wave survey.WaveID) (Mark, error) {
	at := "(SELECT coalesce(max(tx), 0) + 1 FROM responses WHERE wave_id = waves.id AND tx IS NOT NULL)"
	if s.engine == postgresEngine {
		at = "pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
	}
	var mark Mark
	err := found(s.read.WithContext(ctx).Raw("SELECT generation, "+at+" AS at FROM waves WHERE organisation_id = ? AND id = ?", int64(organisation), int64(wave)).Scan(&mark))
	if err != nil {
		return Mark{}, fmt.Errorf("mark wave %d: %w", wave, classify(err))
	}
	return mark, nil
}

// Answers yields the responses of a wave that count and that a reader at a mark may not have read, in no order.
// Some of them it may have: it knows them by their ids. An error ends the sequence. A wave that the organisation does
// not have has none.
func (s *Store) Answers(ctx context.Context, organisation survey.OrganisationID, wave survey.WaveID, after Mark) iter.Seq2[Stored, error] {
	read := s.answersSQLite
	if s.engine == postgresEngine {
		read = s.answersPostgres
	}
	return func(yield func(Stored, error) bool) {
		if err := read(ctx, organisation, wave, after.At, func(row Stored) bool { return yield(row, nil) }); err != nil {
			yield(Stored{}, fmt.Errorf("read the responses of wave %d: %w", wave, classify(err)))
		}
	}
}

// answersPostgres reads past gorm and database/sql, which would spend more on a row than PostgreSQL does.
func (s *Store) answersPostgres(ctx context.Context, organisation survey.OrganisationID, wave survey.WaveID, at int64, use func(Stored) bool) error {
	pool, err := s.read.DB()
	if err != nil {
		return err
	}
	connection, err := pool.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = connection.Close() }()
	return connection.Raw(func(driverConnection any) error {
		wire, ok := driverConnection.(*stdlib.Conn)
		if !ok {
			return fmt.Errorf("the driver's connection is a %T", driverConnection)
		}
		// One snapshot for both questions: a step in between would otherwise be read as none.
		options := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
		return pgx.BeginTxFunc(ctx, wire.Conn(), options, func(tx pgx.Tx) error {
			var stepped bool
			err := tx.QueryRow(ctx, "SELECT releases > 0 OR segments <> '[]' FROM waves WHERE organisation_id = $1 AND id = $2", int64(organisation), int64(wave)).Scan(&stepped)
			if errors.Is(err, pgx.ErrNoRows) {
				return nil
			}
			if err != nil {
				return err
			}
			columns := "id, version_id, answers, weight, person"
			if stepped { // two columns more are felt where a million responses are read
				columns += ", attributes, release"
			}
			rows, err := tx.Query(ctx, "SELECT "+columns+" FROM responses WHERE wave_id = $1 AND tx >= $2::text::xid8", int64(wave), fmt.Sprint(at))
			if err != nil {
				return err
			}
			defer rows.Close()
			return eachPostgresRow(rows, stepped, use)
		})
	})
}

// eachPostgresRow hands out rows; those of a wave without steps and segments have neither.
func eachPostgresRow(rows pgx.Rows, stepped bool, use func(Stored) bool) error {
	var row Stored
	var id [16]byte
	var version int64
	var answers, attributes pgtype.DriverBytes // not copied
	none := []byte("{}")
	columns := []any{&id, &version, &answers, &row.Weight, &row.Person}
	if stepped {
		columns = append(columns, &attributes, &row.Release)
	}
	for rows.Next() {
		if err := rows.Scan(columns...); err != nil {
			return err
		}
		row.ID, row.Version = survey.ResponseID(hex.EncodeToString(id[:])), survey.VersionID(version)
		row.Answers, row.Attributes = answers, attributes
		if !stepped {
			row.Attributes = none
		}
		if !use(row) {
			return nil
		}
	}
	return rows.Err()
}

// sqliteChunk is how many responses are read at a time from SQLite.
const sqliteChunk = 2000

// answersSQLite reads in chunks: as long as somebody reads, the log cannot be tidied, and grows.
func (s *Store) answersSQLite(ctx context.Context, organisation survey.OrganisationID, wave survey.WaveID, at int64, use func(Stored) bool) error {
	type row struct {
		ID         string
		VersionID  int64
		Answers    []byte
		Weight     float64
		Person     string
		Attributes []byte
		Release    int
		Tx         int64
	}
	for {
		chunk := make([]row, 0, sqliteChunk)
		err := s.read.WithContext(ctx).Raw(`
			SELECT id, version_id, answers, weight, person, attributes, release, tx FROM responses
			WHERE organisation_id = ? AND wave_id = ? AND tx >= ? ORDER BY tx LIMIT ?`, int64(organisation), int64(wave), at, sqliteChunk).Scan(&chunk).Error
		if err != nil {
			return err
		}
		for _, r := range chunk {
			if !use(Stored{
				ID: survey.ResponseID(r.ID), Version: survey.VersionID(r.VersionID), Answers: r.Answers, Weight: r.Weight, Person: r.Person,
				Attributes: r.Attributes, Release: r.Release,
			}) {
				return nil
			}
			at = r.Tx + 1
		}
		if len(chunk) < sqliteChunk {
			return nil
		}
	}
}
