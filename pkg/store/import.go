package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
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
// In a wave that protects people only the day of their times is kept; as many as the threshold or more begin to
// count together, fewer wait for [Store.Release]. An anonymous wave takes none that say who answered:
// [survey.ErrPromised].
//
// The sequence must not use the store: on SQLite it would wait for itself.
func (s *Store) ImportResponses(ctx context.Context, organisation survey.OrganisationID, wave survey.WaveID, rows iter.Seq2[survey.Response, error]) (int, error) {
	imported := 0
	err := s.change(ctx, func(tx *gorm.DB) error {
		into, err := s.lockWave(tx, organisation, wave)
		if err != nil {
			return err
		}
		batch := importedRows{store: s, wave: &into, most: importBatch}
		if into.Protects() {
			batch.most = max(importBatch, into.Threshold) // as many as it takes to know whether they count
		}
		for r, err := range rows {
			if err := errors.Join(err, ctx.Err()); err != nil {
				return err
			}
			if err := batch.add(&r); err != nil {
				return fmt.Errorf("response %d: %w", imported+1, err)
			}
			imported++
			if len(batch.rows) == batch.most {
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

// firstPlace returns the first free place among the responses of a wave of SQLite that count.
func (s *Store) firstPlace(tx *gorm.DB, wave survey.WaveID) (int64, error) {
	place := int64(0)
	if s.engine == postgresEngine {
		return place, nil
	}
	err := tx.Raw("SELECT coalesce(max(tx), 0) + 1 FROM responses WHERE wave_id = ? AND tx IS NOT NULL", int64(wave)).Scan(&place).Error
	return place, err
}

// nextRelease counts another step by which responses begin to count, and notes which threshold holds for it if it is
// not that of the step before.
func nextRelease(tx *gorm.DB, wave survey.WaveID) (int, error) {
	var row waveRow
	err := found(tx.Raw("UPDATE waves SET releases = releases + 1 WHERE id = ? RETURNING id, releases, threshold, held", int64(wave)).Scan(&row))
	if err != nil {
		return 0, err
	}
	if n := len(row.Held); n > 0 && row.Held[n-1].Threshold == row.Threshold {
		return row.Releases, nil
	}
	row.Held = append(row.Held, storedHeld{Release: row.Releases, Threshold: row.Threshold})
	return row.Releases, tx.Model(&waveRow{ID: row.ID}).Select("Held").Updates(&row).Error
}

// importedRows are responses that are stored together.
type importedRows struct {
	store *Store
	wave  *survey.Wave
	most  int // rows that are kept before they are stored
	rows  [][]any

	begun   bool // the first were stored, and what follows is known
	counts  bool // they count
	place   int64
	release int
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
	case b.wave.Mode == survey.Anonymous && (r.Person != "" || r.Key != "" || r.Invitation != ""):
		return fmt.Errorf("it says who answered, and the wave is anonymous: %w", survey.ErrPromised)
	}
	attributes, err := encodeAttributes(r.Attributes)
	if err != nil {
		return err
	}
	var key []byte
	if r.Key != "" {
		key = hashKey(r.Key)
	}
	started, completed := r.Started, *utc(r.Completed)
	if started.IsZero() {
		started = completed
	}
	if b.wave.Protects() {
		started, completed = day(started), day(completed)
	}
	b.rows = append(b.rows, []any{
		string(r.ID), int64(b.wave.Organisation), int64(b.wave.ID), int64(cmp.Or(r.Version, b.wave.Version)), key, string(r.Language),
		int64(r.Seed), //nolint:gosec // the bits are kept
		r.Page, r.Revision, answers, weight(r), r.Person, *utc(&started), completed, attributes,
	})
	return nil
}

// insert stores what was added. The first time it settles whether it counts.
func (b *importedRows) insert(tx *gorm.DB) (err error) {
	if len(b.rows) == 0 {
		return nil
	}
	if !b.begun {
		b.begun = true
		b.counts = !b.wave.Protects() || len(b.rows) >= b.wave.Threshold
		if b.counts && b.wave.Protects() {
			if b.release, err = nextRelease(tx, b.wave.ID); err != nil {
				return err
			}
		}
		if b.place, err = b.store.firstPlace(tx, b.wave.ID); err != nil {
			return err
		}
	}
	for rows := range slices.Chunk(b.rows, importBatch) {
		if err := b.insertChunk(tx, rows); err != nil {
			return err
		}
	}
	b.rows = b.rows[:0]
	return nil
}

func (b *importedRows) insertChunk(tx *gorm.DB, rows [][]any) error {
	one := "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
	if b.store.engine == postgresEngine && b.counts {
		one = "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, pg_current_xact_id())"
	}
	var values []any
	for _, row := range rows {
		values = append(append(values, row...), b.release)
		switch {
		case !b.counts:
			values = append(values, nil)
		case b.store.engine == sqliteEngine:
			values = append(values, b.place)
			b.place++
		}
	}
	return tx.Exec("INSERT INTO responses (id, organisation_id, wave_id, version_id, key_hash, language, seed, page, revision, answers, weight, person,"+
		" started_at, completed_at, attributes, release, tx) VALUES "+strings.TrimSuffix(strings.Repeat(one+", ", len(rows)), ", "), values...).Error
}

// Respondents yields who is named by the complete responses of a wave, those that do not count yet included: an
// import leaves out whom it would store twice.
func (s *Store) Respondents(ctx context.Context, organisation survey.OrganisationID, wave survey.WaveID) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		rows, err := s.read.WithContext(ctx).Raw(
			"SELECT person FROM responses WHERE organisation_id = ? AND wave_id = ? AND completed_at IS NOT NULL AND person <> ''", int64(organisation), int64(wave)).Rows()
		if err != nil {
			yield("", fmt.Errorf("who answered wave %d: %w", wave, classify(err)))
			return
		}
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			var person string
			if err = rows.Scan(&person); err != nil || !yield(person, nil) {
				break
			}
		}
		if err := errors.Join(err, rows.Err()); err != nil {
			yield("", fmt.Errorf("who answered wave %d: %w", wave, classify(err)))
		}
	}
}
