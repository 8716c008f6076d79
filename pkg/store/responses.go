package store

import (
	"cmp"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
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

	InvitationID *responseID
	Attributes   []byte
}

// TableName tells gorm the name of the table.
func (responseRow) TableName() string { return "responses" }

func (row *responseRow) response() (survey.Response, error) {
	r := survey.Response{
		ID: survey.ResponseID(row.ID), Wave: survey.WaveID(row.WaveID), Version: survey.VersionID(row.VersionID),
		Language: survey.Language(row.Language),
		Seed:     uint64(row.Seed), //nolint:gosec // the database has no unsigned numbers: the bits are kept
		Page:     row.Page, Revision: row.Revision, Answers: row.Answers, Weight: row.Weight, Person: row.Person,
		Started: row.StartedAt.UTC(), Completed: utc(row.CompletedAt),
	}
	if row.InvitationID != nil {
		r.Invitation = survey.InvitationID(*row.InvitationID)
	}
	var err error
	r.Attributes, err = decodeAttributes(row.Attributes)
	return r, err
}

// noAttributes is how it is stored that a response has no attributes.
const noAttributes = "{}"

// encodeAttributes returns attributes as they are stored: the same ones always as the same text.
func encodeAttributes(attributes map[survey.ItemCode]survey.OptionCode) (string, error) {
	if len(attributes) == 0 {
		return noAttributes, nil
	}
	text, err := json.Marshal(attributes)
	return string(text), err
}

// decodeAttributes is the reverse; none are nil.
func decodeAttributes(stored []byte) (map[survey.ItemCode]survey.OptionCode, error) {
	if len(stored) == 0 || string(stored) == noAttributes {
		return nil, nil //nolint:nilnil // no attributes
	}
	var attributes map[survey.ItemCode]survey.OptionCode
	if err := json.Unmarshal(stored, &attributes); err != nil {
		return nil, fmt.Errorf("attributes as stored: %w", err)
	}
	return attributes, nil
}

// hashKey returns what is stored of a respondent's secret: who reads the database cannot answer for her.
func hashKey(key string) []byte {
	hash := sha256.Sum256([]byte(key))
	return hash[:]
}

// StartResponse stores a draft. Its id and key are random and come from the caller; a weight of 0 is stored as
// 1. The same draft twice is one row. With an invitation it is noted that the person began; one that was answered
// is [survey.ErrFinished], one for which another draft was begun [survey.ErrConflict] (see
// [Store.ResponseByInvitation]). A wave that the organisation does not have is [survey.ErrNotFound], and so is an
// anonymous one: it has no drafts that can be read (see [Store.StartDraft]). In waves that protect people only the day of
// r.Started is kept.
func (s *Store) StartResponse(ctx context.Context, organisation survey.OrganisationID, r *survey.Response) error {
	err := s.startResponse(ctx, organisation, r)
	if errors.Is(err, gorm.ErrDuplicatedKey) {
		err = s.started(ctx, organisation, r)
	}
	if err != nil {
		return fmt.Errorf("start response %s: %w", r.ID, classify(err))
	}
	return nil
}

func (s *Store) startResponse(ctx context.Context, organisation survey.OrganisationID, r *survey.Response) error {
	answers, err := storable(r.Answers)
	if err != nil {
		return err
	}
	attributes, err := encodeAttributes(r.Attributes)
	if err != nil {
		return err
	}
	if r.Key == "" {
		return errors.New("a draft needs a key, or nobody can go on with it")
	}
	insert := func(tx *gorm.DB) error {
		return found(tx.Exec(`
			INSERT INTO responses (id, organisation_id, wave_id, version_id, key_hash, language, seed, page, revision, answers, weight, person,
				started_at, invitation_id, attributes)
			SELECT ?, organisation_id, id, ?, ?, ?, ?, ?, ?, ?, ?, ?,
				CASE WHEN mode = 'identified' OR threshold = 1 THEN `+s.instant()+` ELSE `+s.instant()+` END, ?, ?
			FROM waves WHERE organisation_id = ? AND id = ? AND mode <> 'anonymous'`,
			string(r.ID), int64(r.Version), hashKey(r.Key), string(r.Language),
			int64(r.Seed), //nolint:gosec // the bits are kept
			r.Page, r.Revision, answers, weight(r), r.Person, *utc(&r.Started), day(r.Started), nullable(r.Invitation), attributes, int64(organisation), int64(r.Wave)))
	}
	if r.Invitation == "" {
		err = s.changeOnce(ctx, insert)
	} else {
		err = s.change(ctx, func(tx *gorm.DB) error {
			if err := begin(tx, organisation, r.Wave, r.Invitation); err != nil {
				return err
			}
			return insert(tx)
		})
	}
	if isNull(err) || errors.Is(err, gorm.ErrForeignKeyViolated) || errors.Is(err, survey.ErrNotFound) {
		return fmt.Errorf("wave %d with version %d: %w", r.Wave, r.Version, survey.ErrNotFound)
	}
	return err
}

// begin notes that somebody who was invited began to answer.
func begin(tx *gorm.DB, organisation survey.OrganisationID, wave survey.WaveID, id survey.InvitationID) error {
	result := tx.Exec("UPDATE invitations SET started = true WHERE id = ? AND organisation_id = ? AND wave_id = ? AND NOT finished", string(id), int64(organisation), int64(wave))
	if result.Error != nil || result.RowsAffected > 0 {
		return result.Error
	}
	return finishedOrUnknown(tx, organisation, wave, id)
}

// finish notes that somebody who was invited has answered. Of many calls one returns nil.
func finish(tx *gorm.DB, organisation survey.OrganisationID, wave survey.WaveID, id survey.InvitationID) error {
	result := tx.Exec("UPDATE invitations SET started = true, finished = true WHERE id = ? AND organisation_id = ? AND wave_id = ? AND NOT finished",
		string(id), int64(organisation), int64(wave))
	if result.Error != nil || result.RowsAffected > 0 {
		return result.Error
	}
	return finishedOrUnknown(tx, organisation, wave, id)
}

// finishedOrUnknown returns why an invitation cannot be answered.
func finishedOrUnknown(tx *gorm.DB, organisation survey.OrganisationID, wave survey.WaveID, id survey.InvitationID) error {
	var there bool
	err := tx.Raw("SELECT EXISTS (SELECT 1 FROM invitations WHERE id = ? AND organisation_id = ? AND wave_id = ?)", string(id), int64(organisation), int64(wave)).Scan(&there).Error
	if err != nil {
		return err
	}
	if there {
		return survey.ErrFinished
	}
	return fmt.Errorf("invitation of wave %d: %w", wave, survey.ErrNotFound)
}

// instant is the SQL for a parameter that is a time, where the database could not tell by itself.
func (s *Store) instant() string {
	if s.engine == postgresEngine {
		return "?::timestamptz"
	}
	return "?"
}

// day returns the beginning of a day in UTC: as fine as times are kept of people who are promised protection.
func day(t time.Time) time.Time { return t.UTC().Truncate(24 * time.Hour) }

// nullable returns an id as it is stored: NULL if it is empty.
func nullable(id survey.InvitationID) *string {
	if id == "" {
		return nil
	}
	text := string(id)
	return &text
}

// started returns nil if a response is stored already as it was to be started, by an earlier try of the same
// caller.
func (s *Store) started(ctx context.Context, organisation survey.OrganisationID, r *survey.Response) error {
	var row responseRow
	err := s.read.WithContext(ctx).Where("id = ? AND organisation_id = ? AND wave_id = ? AND key_hash = ?",
		string(r.ID), int64(organisation), int64(r.Wave), hashKey(r.Key)).Take(&row).Error
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
func (s *Store) ResponseByKey(ctx context.Context, organisation survey.OrganisationID, wave survey.WaveID, key string) (survey.Response, error) {
	row, err := s.responseByKey(ctx, organisation, wave, key)
	if err != nil {
		return survey.Response{}, fmt.Errorf("response of wave %d by its key: %w", wave, classify(err))
	}
	r, err := row.response()
	r.Key = key
	return r, err
}

// ResponseByInvitation returns the response of a person who was invited, draft or complete, without its key, or
// [survey.ErrNotFound]. In anonymous waves nobody can tell, and it is never found.
func (s *Store) ResponseByInvitation(ctx context.Context, organisation survey.OrganisationID, wave survey.WaveID, id survey.InvitationID) (survey.Response, error) {
	var row responseRow
	err := s.read.WithContext(ctx).Where("organisation_id = ? AND wave_id = ? AND invitation_id = ?", int64(organisation), int64(wave), string(id)).Take(&row).Error
	if err != nil {
		return survey.Response{}, fmt.Errorf("response of wave %d by its invitation: %w", wave, classify(err))
	}
	return row.response()
}

// responseByKey reads the row without gorm's reflection, which takes as long as the database: every page that is
// shown to a respondent waits for it.
func (s *Store) responseByKey(ctx context.Context, organisation survey.OrganisationID, wave survey.WaveID, key string) (row responseRow, err error) {
	if s.lookups != nil {
		return s.lookups.find(ctx, int64(organisation), int64(wave), hashKey(key))
	}
	rows, err := s.read.WithContext(ctx).Raw(`
		SELECT id, wave_id, version_id, language, seed, page, revision, answers, weight, person, started_at, completed_at,
			invitation_id, attributes
		FROM responses WHERE organisation_id = ? AND wave_id = ? AND key_hash = ?`, int64(organisation), int64(wave), hashKey(key)).Rows()
	if err != nil {
		return row, err
	}
	defer func() { _ = rows.Close() }()
	if !rows.Next() {
		return row, cmp.Or(rows.Err(), sql.ErrNoRows)
	}
	err = rows.Scan(&row.ID, &row.WaveID, &row.VersionID, &row.Language, &row.Seed, &row.Page, &row.Revision, &row.Answers,
		&row.Weight, &row.Person, &row.StartedAt, &row.CompletedAt, &row.InvitationID, &row.Attributes)
	return row, err
}

// SavePage stores the answers, language, page and revision of a draft, whose stored revision must be the one
// before r.Revision. A save that is stored already is no error, so that it can be tried again. Somebody else's
// save in between is [survey.ErrConflict], a complete response [survey.ErrAnswered], an unknown one
// [survey.ErrNotFound].
func (s *Store) SavePage(ctx context.Context, organisation survey.OrganisationID, r survey.Response) error {
	err := s.savePage(ctx, organisation, &r)
	if err != nil {
		return fmt.Errorf("save page %d of response %s: %w", r.Page, r.ID, classify(err))
	}
	return nil
}

func (s *Store) savePage(ctx context.Context, organisation survey.OrganisationID, r *survey.Response) error {
	answers, err := storable(r.Answers)
	if err != nil {
		return err
	}
	return s.changeOnce(ctx, func(tx *gorm.DB) error {
		result := tx.Exec(`
			UPDATE responses SET answers = ?, language = ?, page = ?, revision = ?
			WHERE id = ? AND organisation_id = ? AND wave_id = ? AND revision = ? AND completed_at IS NULL`,
			answers, string(r.Language), r.Page, r.Revision, string(r.ID), int64(organisation), int64(r.Wave), r.Revision-1)
		if result.Error != nil || result.RowsAffected > 0 {
			return result.Error
		}
		stored, err := storedResponse(tx, organisation, r)
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
func storedResponse(tx *gorm.DB, organisation survey.OrganisationID, r *survey.Response) (responseRow, error) {
	var stored responseRow
	err := tx.Where("id = ? AND organisation_id = ? AND wave_id = ?", string(r.ID), int64(organisation), int64(r.Wave)).Take(&stored).Error
	return stored, err
}

// CompleteResponse stores the last answers of a draft and completes it at r.Completed, if the wave takes answers
// then: it is open, and has fewer than limit complete responses (0 is no limit). Its invitation, if it has one, is
// finished in the same transaction. In a wave that protects people the response does not count yet, and of the
// time only the day is kept: see [Store.Release]. Of many calls for the same
// response one takes effect; the others return nil if they say the same, else [survey.ErrAnswered]. Errors are
// otherwise those of [Store.SavePage] and of [survey.Wave.Takes]. However many people finish at once, the limit
// is not exceeded, and nobody finishes after the wave was closed.
func (s *Store) CompleteResponse(ctx context.Context, organisation survey.OrganisationID, r survey.Response, limit int) error {
	if err := s.completeResponse(ctx, organisation, &r, limit); err != nil {
		return fmt.Errorf("complete response %s: %w", r.ID, classify(err))
	}
	return nil
}

func (s *Store) completeResponse(ctx context.Context, organisation survey.OrganisationID, r *survey.Response, limit int) error {
	answers, err := storable(r.Answers)
	if err != nil {
		return err
	}
	if r.Completed == nil {
		return errors.New("it has no time of completion")
	}
	return s.change(ctx, func(tx *gorm.DB) error {
		protects, refusal, err := s.takes(tx, organisation, r.Wave, *r.Completed, limit)
		if err != nil {
			return err
		}
		if refusal == nil && r.Invitation != "" {
			// Before the response, as whoever starts one does: otherwise each could wait for the other.
			err := finish(tx, organisation, r.Wave, r.Invitation)
			if err != nil && !errors.Is(err, survey.ErrFinished) {
				return err
			}
			refusal = err
		}
		if refusal == nil {
			completed, counts := *utc(r.Completed), s.nextTx()
			if protects {
				completed, counts = day(completed), "NULL"
			}
			result := tx.Exec(`
				UPDATE responses SET answers = ?, language = ?, page = ?, revision = ?, completed_at = ?, tx = `+counts+`
				WHERE id = ? AND organisation_id = ? AND wave_id = ? AND revision = ? AND completed_at IS NULL`,
				answers, string(r.Language), r.Page, r.Revision, completed, string(r.ID), int64(organisation), int64(r.Wave), r.Revision-1)
			if result.Error != nil || result.RowsAffected > 0 {
				return result.Error
			}
			refusal = survey.ErrConflict
		}
		stored, err := storedResponse(tx, organisation, r)
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

// takes returns whether the wave protects people, and why it takes no response at a time, or nil. It holds the
// wave as it is until the transaction ends. Where there is a limit, those who finish go one by one: who counts
// must not count at the same time.
func (s *Store) takes(tx *gorm.DB, organisation survey.OrganisationID, id survey.WaveID, at time.Time, limit int) (protects bool, refusal, err error) {
	strength := " FOR SHARE"
	if limit > 0 {
		strength = " FOR NO KEY UPDATE"
	}
	if s.engine == sqliteEngine {
		strength = "" // a transaction that writes holds everything
	}
	wave := survey.Wave{Limit: limit}
	// Not the whole row: what people are told, in every language, is most of it.
	row := tx.Raw("SELECT state, opens_at, closes_at, mode, threshold, organisation_id IN "+archived+" FROM waves WHERE organisation_id = ? AND id = ?"+strength,
		int64(organisation), int64(id)).Row()
	if err := row.Scan(&wave.State, &wave.Opens, &wave.Closes, &wave.Mode, &wave.Threshold, &wave.Archived); err != nil {
		if errors.Is(err, sql.ErrNoRows) {
			err = survey.ErrNotFound
		}
		return false, nil, err
	}
	complete := 0
	if limit > 0 {
		err := tx.Raw(`
			SELECT (SELECT count(*) FROM responses WHERE wave_id = @wave AND tx IS NOT NULL)
				+ (SELECT count(*) FROM responses WHERE wave_id = @wave AND tx IS NULL AND completed_at IS NOT NULL)
				+ (SELECT count(*) FROM sealed WHERE wave_id = @wave)`, sql.Named("wave", int64(id))).Scan(&complete).Error
		if err != nil {
			return false, nil, err
		}
	}
	return wave.Protects(), wave.Takes(at, complete), nil
}

// lock makes a query hold the row it reads for itself until the transaction ends. On SQLite a transaction that writes holds
// everything.
func (s *Store) lock(tx *gorm.DB) *gorm.DB {
	if s.engine == sqliteEngine {
		return tx
	}
	return tx.Clauses(clause.Locking{Strength: "UPDATE"})
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
