package store

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"

	"gorm.io/gorm"

	"cxmirror/pkg/survey"
)

// importBatch is how many responses one statement inserts.
const importBatch = 500

// ImportResponses stores complete responses in a wave, whatever its state, and returns how many. It is one
// transaction: if one of them cannot be stored, or the sequence ends in an error, none is. Their wave is the one
// given, a version of 0 is the wave's, a weight of 0 is 1, and a key may be missing: nobody answers them again.
// An id that is stored already, and two that are the same, are [survey.ErrConflict].
//
// The sequence must not use the store: on SQLite it would wait for itself.
func (s *Store) ImportResponses(ctx context.Context, wave survey.WaveID, rows iter.Seq2[survey.Response, error]) (int, error) {
	imported := 0
	err := s.change(ctx, func(tx *gorm.DB) error {
		var into waveRow
		if err := s.lock(tx, "SHARE").Where("id = ?", int64(wave)).Take(&into).Error; err != nil {
			return err
		}
		place, err := s.firstPlace(tx, into.ID)
		if err != nil {
			return err
		}
		batch := importedRows{store: s, wave: &into, place: place}
		for r, err := range rows {
			if err := errors.Join(err, ctx.Err()); err != nil {
				return err
			}
			if err := batch.add(&r); err != nil {
				return fmt.Errorf("response %d: %w", imported+1, err)
			}
			imported++
			if batch.rows == importBatch {
				if err := batch.insert(tx); err != nil {
					return err
				}
			}
		}
		return batch.insert(tx)
	})
	if errors.Is(err, gorm.ErrDuplicatedKey) {
		err = fmt.Errorf("a response is stored already: %w", survey.ErrConflict)
	}
	if errors.Is(err, gorm.ErrForeignKeyViolated) {
		err = fmt.Errorf("a response is of an unknown version: %w", survey.ErrNotFound)
	}
	if err != nil {
		return 0, fmt.Errorf("import responses into wave %d: %w", wave, classify(err))
	}
	return imported, nil
}

// firstPlace returns the first free place among the complete responses of a wave of SQLite.
func (s *Store) firstPlace(tx *gorm.DB, wave int64) (int64, error) {
	place := int64(0)
	if s.engine == postgresEngine {
		return place, nil
	}
	err := tx.Raw("SELECT coalesce(max(tx), 0) + 1 FROM responses WHERE wave_id = ? AND tx IS NOT NULL", wave).Scan(&place).Error
	return place, err
}

// importedRows are the responses of one INSERT.
type importedRows struct {
	store  *Store
	wave   *waveRow
	place  int64
	rows   int
	values []any
}

func (b *importedRows) add(r *survey.Response) error {
	answers, err := storable(r.Answers)
	switch {
	case err != nil:
		return err
	case r.ID == "":
		return errors.New("it has no id")
	case r.Completed == nil:
		return errors.New("it has no time of completion")
	}
	version := int64(r.Version)
	if version == 0 {
		version = b.wave.VersionID
	}
	var key []byte
	if r.Key != "" {
		key = hashKey(r.Key)
	}
	started := r.Started
	if started.IsZero() {
		started = *r.Completed
	}
	b.values = append(b.values, string(r.ID), b.wave.OrganisationID, b.wave.ID, version, key, string(r.Language),
		int64(r.Seed), //nolint:gosec // the bits are kept
		r.Page, r.Revision, answers, weight(r), r.Person, *utc(&started), *utc(r.Completed))
	if b.store.engine == sqliteEngine {
		b.values = append(b.values, b.place)
		b.place++
	}
	b.rows++
	return nil
}

func (b *importedRows) insert(tx *gorm.DB) error {
	if b.rows == 0 {
		return nil
	}
	one := "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
	if b.store.engine == postgresEngine {
		one = "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, pg_current_xact_id())"
	}
	err := tx.Exec("INSERT INTO responses (id, organisation_id, wave_id, version_id, key_hash, language, seed, page, revision, answers, weight, person,"+
		" started_at, completed_at, tx) VALUES "+strings.TrimSuffix(strings.Repeat(one+", ", b.rows), ", "), b.values...).Error
	b.rows, b.values = 0, b.values[:0]
	return err
}
