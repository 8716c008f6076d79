package store

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"cxmirror/pkg/survey"
)

// responseRow is what is read of a row of the table responses.
type responseRow struct {
	ID          responseID
	WaveID      int64
	VersionID   int64
	KeyHash     []byte
	Language    string
	Seed        int64
	Page        int
	Revision    int
	Answers     []byte
	Weight      float64
	Person      string
	StartedAt   time.Time
	CompletedAt *time.Time
}

// TableName tells gorm the name of the table.
func (responseRow) TableName() string { return "responses" }

func (row *responseRow) response() survey.Response {
	return survey.Response{
		ID: survey.ResponseID(row.ID), Wave: survey.WaveID(row.WaveID), Version: survey.VersionID(row.VersionID),
		Language: survey.Language(row.Language),
		Seed:     uint64(row.Seed), //nolint:gosec // the database has no unsigned numbers: the bits are kept
		Page:     row.Page, Revision: row.Revision, Answers: row.Answers, Weight: row.Weight, Person: row.Person,
		Started: row.StartedAt.UTC(), Completed: utc(row.CompletedAt),
	}
}

// hashKey returns what is stored of a respondent's secret: who reads the database cannot answer for her.
func hashKey(key string) []byte {
	hash := sha256.Sum256([]byte(key))
	return hash[:]
}

// StartResponse stores a draft. Its id and key are random and come from the caller; a weight of 0 is stored as
// 1. The same draft twice is one row. A wave that does not exist is [survey.ErrNotFound].
func (s *Store) StartResponse(ctx context.Context, r *survey.Response) error {
	err := s.startResponse(ctx, r)
	if errors.Is(err, gorm.ErrDuplicatedKey) {
		err = s.started(ctx, r)
	}
	if err != nil {
		return fmt.Errorf("start response %s: %w", r.ID, classify(err))
	}
	return nil
}

func (s *Store) startResponse(ctx context.Context, r *survey.Response) error {
	answers, err := storable(r.Answers)
	if err != nil {
		return err
	}
	if r.Key == "" {
		return errors.New("a draft needs a key, or nobody can go on with it")
	}
	err = s.changeOnce(ctx, func(tx *gorm.DB) error {
		return tx.Exec(`
			INSERT INTO responses (id, organisation_id, wave_id, version_id, key_hash, language, seed, page, revision, answers, weight, person, started_at)
			VALUES (?, (SELECT organisation_id FROM waves WHERE id = ?), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			string(r.ID), int64(r.Wave), int64(r.Wave), int64(r.Version), hashKey(r.Key), string(r.Language),
			int64(r.Seed), //nolint:gosec // the bits are kept
			r.Page, r.Revision, answers, weight(r), r.Person, *utc(&r.Started)).Error
	})
	if isNull(err) || errors.Is(err, gorm.ErrForeignKeyViolated) {
		return fmt.Errorf("wave %d with version %d: %w", r.Wave, r.Version, survey.ErrNotFound)
	}
	return err
}

// started returns nil if a response is stored already as it was to be started, by an earlier try of the same
// caller.
func (s *Store) started(ctx context.Context, r *survey.Response) error {
	var row responseRow
	err := s.read.WithContext(ctx).Where("id = ? AND wave_id = ? AND key_hash = ?", string(r.ID), int64(r.Wave), hashKey(r.Key)).Take(&row).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return survey.ErrConflict
	}
	return err
}

// weight returns the weight to store: 1 unless one is given.
func weight(r *survey.Response) float64 {
	if r.Weight == 0 {
		return 1
	}
	return r.Weight
}

// ResponseByKey returns the response of the person who has a key, draft or complete, or [survey.ErrNotFound].
func (s *Store) ResponseByKey(ctx context.Context, wave survey.WaveID, key string) (survey.Response, error) {
	var row responseRow
	err := s.read.WithContext(ctx).Where("wave_id = ? AND key_hash = ?", int64(wave), hashKey(key)).Take(&row).Error
	if err != nil {
		return survey.Response{}, fmt.Errorf("response of wave %d by its key: %w", wave, classify(err))
	}
	r := row.response()
	r.Key = key
	return r, nil
}

// SavePage stores the answers, language, page and revision of a draft, whose stored revision must be the one
// before r.Revision. A save that is stored already is no error, so that it can be tried again. Somebody else's
// save in between is [survey.ErrConflict], a complete response [survey.ErrAnswered], an unknown one
// [survey.ErrNotFound].
func (s *Store) SavePage(ctx context.Context, r survey.Response) error {
	err := s.savePage(ctx, &r)
	if err != nil {
		return fmt.Errorf("save page %d of response %s: %w", r.Page, r.ID, classify(err))
	}
	return nil
}

func (s *Store) savePage(ctx context.Context, r *survey.Response) error {
	answers, err := storable(r.Answers)
	if err != nil {
		return err
	}
	return s.changeOnce(ctx, func(tx *gorm.DB) error {
		result := tx.Exec(`
			UPDATE responses SET answers = ?, language = ?, page = ?, revision = ?
			WHERE id = ? AND wave_id = ? AND revision = ? AND completed_at IS NULL`,
			answers, string(r.Language), r.Page, r.Revision, string(r.ID), int64(r.Wave), r.Revision-1)
		if result.Error != nil || result.RowsAffected > 0 {
			return result.Error
		}
		stored, err := storedResponse(tx, r)
		switch {
		case err != nil:
			return err
		case stored.CompletedAt != nil:
			return survey.ErrAnswered
		case stored.Revision != r.Revision || stored.Page != r.Page || !sameJSON(stored.Answers, r.Answers):
			return survey.ErrConflict
		}
		return nil
	})
}

// storedResponse reads what is stored of a response.
func storedResponse(tx *gorm.DB, r *survey.Response) (responseRow, error) {
	var stored responseRow
	err := tx.Where("id = ? AND wave_id = ?", string(r.ID), int64(r.Wave)).Take(&stored).Error
	return stored, err
}

// CompleteResponse stores the last answers of a draft and completes it at r.Completed, if the wave takes answers
// then: it is open, and has fewer than limit complete responses (0 is no limit). Of many calls for the same
// response one takes effect; the others return nil if they say the same, else [survey.ErrAnswered]. Errors are
// otherwise those of [Store.SavePage] and of [survey.Wave.Takes]. However many people finish at once, the limit
// is not exceeded, and nobody finishes after the wave was closed.
func (s *Store) CompleteResponse(ctx context.Context, r survey.Response, limit int) error {
	if err := s.completeResponse(ctx, &r, limit); err != nil {
		return fmt.Errorf("complete response %s: %w", r.ID, classify(err))
	}
	return nil
}

func (s *Store) completeResponse(ctx context.Context, r *survey.Response, limit int) error {
	answers, err := storable(r.Answers)
	if err != nil {
		return err
	}
	if r.Completed == nil {
		return errors.New("it has no time of completion")
	}
	return s.change(ctx, func(tx *gorm.DB) error {
		refusal, err := s.takes(tx, r, limit)
		if err != nil {
			return err
		}
		if refusal == nil {
			result := tx.Exec(`
				UPDATE responses SET answers = ?, language = ?, page = ?, revision = ?, completed_at = ?, tx = `+s.nextTx()+`
				WHERE id = ? AND wave_id = ? AND revision = ? AND completed_at IS NULL`,
				answers, string(r.Language), r.Page, r.Revision, *utc(r.Completed), string(r.ID), int64(r.Wave), r.Revision-1)
			if result.Error != nil || result.RowsAffected > 0 {
				return result.Error
			}
			refusal = survey.ErrConflict
		}
		stored, err := storedResponse(tx, r)
		switch {
		case err != nil:
			return err
		case stored.CompletedAt == nil:
			return refusal
		case !sameJSON(stored.Answers, r.Answers):
			return survey.ErrAnswered
		}
		return nil
	})
}

// takes returns why the wave takes no response now, or nil. It holds the wave as it is until the transaction
// ends. Where there is a limit, those who finish go one by one: who counts must not count at the same time.
func (s *Store) takes(tx *gorm.DB, r *survey.Response, limit int) (refusal, err error) {
	strength := "SHARE"
	if limit > 0 {
		strength = "NO KEY UPDATE"
	}
	var row waveRow
	if err := s.lock(tx, strength).Where("id = ?", int64(r.Wave)).Take(&row).Error; err != nil {
		return nil, err
	}
	complete := int64(0)
	if limit > 0 {
		if err := tx.Raw("SELECT count(*) FROM responses WHERE wave_id = ? AND tx IS NOT NULL", int64(r.Wave)).Scan(&complete).Error; err != nil {
			return nil, err
		}
	}
	wave := row.wave()
	wave.Limit = limit
	return wave.Takes(*r.Completed, int(complete)), nil
}

// lock makes a query hold the row it reads until the transaction ends. On SQLite a transaction that writes holds
// everything.
func (s *Store) lock(tx *gorm.DB, strength string) *gorm.DB {
	if s.engine == sqliteEngine {
		return tx
	}
	return tx.Clauses(clause.Locking{Strength: strength})
}

// nextTx is the SQL for the column tx of a response that is completed.
func (s *Store) nextTx() string {
	if s.engine == postgresEngine {
		return "pg_current_xact_id()"
	}
	return "(SELECT coalesce(max(before.tx), 0) + 1 FROM responses AS before WHERE before.wave_id = responses.wave_id AND before.tx IS NOT NULL)"
}

// DeleteResponse deletes a response, draft or complete. Whoever keeps the wave's answers in memory learns of it
// by [Store.Mark].
func (s *Store) DeleteResponse(ctx context.Context, organisation survey.OrganisationID, wave survey.WaveID, id survey.ResponseID) error {
	err := s.change(ctx, func(tx *gorm.DB) error {
		err := found(tx.Exec("UPDATE waves SET generation = generation + 1 WHERE id = ? AND organisation_id = ?", int64(wave), int64(organisation)))
		if err != nil {
			return err
		}
		return found(tx.Exec("DELETE FROM responses WHERE id = ? AND wave_id = ?", string(id), int64(wave)))
	})
	if err != nil {
		return fmt.Errorf("delete response %s: %w", id, classify(err))
	}
	return nil
}
