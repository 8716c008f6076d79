package store

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"time"

	"gorm.io/gorm"

	"cxmirror/pkg/survey"
)

// What an anonymous wave keeps, and how it is kept from telling who said what:
//
//   - A draft is found by a hash of the respondent's secret, and encrypted with it. No column leads from it to an
//     invitation. Where there is no invitation to say that somebody finished, an empty draft does.
//   - A finished answer is sealed in the transaction that marks its invitation as finished. Both rows carry that
//     transaction's mark (xmin on PostgreSQL). The sealed one is encrypted, and as long as any other.
//   - Unseal takes all sealed rows away and publishes some of them, under new random ids, in the order of those
//     ids, with one mark and one day for all. The rest is sealed anew: other ids, other bytes, that same mark.
//
// So a published answer has nothing in common with any sealed row, dead or alive, and no sealed row that has been
// through an Unseal has anything in common with an invitation.

// Draft is an unfinished answer of an anonymous wave. Only who has the key can read its content.
type Draft struct {
	Wave     survey.WaveID
	Version  survey.VersionID
	Key      string // secret of the one who answers, kept as a hash
	Language survey.Language
	Page     int    // pages saved
	Revision int    // grows by one with every save; a save names the one it makes
	Content  []byte // encrypted by the caller, of a length as of survey.PaddedLength
}

// draftRow is a row of the table drafts.
type draftRow struct {
	VersionID int64
	Language  string
	Page      int
	Revision  int
	Content   []byte // none: finished
}

// hash returns what is stored of the key. It differs from the hashes in other tables, so that nothing can be
// joined by it.
func (d *Draft) hash() []byte {
	sum := sha256.Sum256([]byte("draft " + strconv.FormatInt(int64(d.Wave), 10) + " " + d.Key))
	return sum[:]
}

// padded returns an error for content that tells of itself by its length.
func padded(content []byte) error {
	if want := survey.PaddedLength(len(content)); len(content) != want {
		return fmt.Errorf("the content has %d bytes: fill it up to %d before it is encrypted", len(content), want)
	}
	return nil
}

// StartDraft stores a draft of an anonymous wave, and notes of its invitation, unless that is "", that the person
// began. The same draft twice is one row; other content under its key is [survey.ErrConflict], an invitation that
// was answered [survey.ErrFinished]. A wave that the organisation does not have, or that is not anonymous,
// is [survey.ErrNotFound].
func (s *Store) StartDraft(ctx context.Context, organisation survey.OrganisationID, d *Draft, invitation survey.InvitationID) error {
	err := s.startDraft(ctx, organisation, d, invitation)
	if errors.Is(err, gorm.ErrDuplicatedKey) {
		err = s.draftStarted(ctx, organisation, d)
	}
	if errors.Is(err, gorm.ErrForeignKeyViolated) {
		err = fmt.Errorf("version %d: %w", d.Version, survey.ErrNotFound)
	}
	if err != nil {
		return fmt.Errorf("start a draft in wave %d: %w", d.Wave, classify(err))
	}
	return nil
}

func (s *Store) startDraft(ctx context.Context, organisation survey.OrganisationID, d *Draft, invitation survey.InvitationID) error {
	if d.Key == "" {
		return errors.New("a draft needs a key, or nobody can go on with it")
	}
	if err := padded(d.Content); err != nil {
		return err
	}
	return s.change(ctx, func(tx *gorm.DB) error {
		if invitation != "" {
			if err := begin(tx, organisation, d.Wave, invitation); err != nil {
				return err
			}
		}
		return found(tx.Exec(`
			INSERT INTO drafts (wave_id, key_hash, organisation_id, version_id, language, page, revision, content)
			SELECT id, ?, organisation_id, ?, ?, ?, ?, ? FROM waves WHERE organisation_id = ? AND id = ? AND mode = 'anonymous'`,
			d.hash(), int64(d.Version), string(d.Language), d.Page, d.Revision, d.Content, int64(organisation), int64(d.Wave)))
	})
}

// draftStarted returns nil if a draft is stored already as it was to be started, by an earlier try of the same
// caller. Its content is not compared: the same answers are encrypted to other bytes each time.
func (s *Store) draftStarted(ctx context.Context, organisation survey.OrganisationID, d *Draft) error {
	stored, err := s.DraftByKey(ctx, organisation, d.Wave, d.Key)
	if err == nil && stored.Revision != d.Revision {
		return survey.ErrConflict
	}
	return err
}

// DraftByKey returns the draft of the person who has a key, or [survey.ErrNotFound]. If she came without an
// invitation and has finished, it is [survey.ErrFinished].
func (s *Store) DraftByKey(ctx context.Context, organisation survey.OrganisationID, wave survey.WaveID, key string) (Draft, error) {
	d := Draft{Wave: wave, Key: key}
	var row draftRow
	err := found(s.read.WithContext(ctx).Raw("SELECT version_id, language, page, revision, content FROM drafts WHERE organisation_id = ? AND wave_id = ? AND key_hash = ?",
		int64(organisation), int64(wave), d.hash()).Scan(&row))
	if err == nil && len(row.Content) == 0 {
		err = survey.ErrFinished
	}
	if err != nil {
		return Draft{}, fmt.Errorf("draft of wave %d by its key: %w", wave, classify(err))
	}
	d.Version, d.Language, d.Page, d.Revision, d.Content = survey.VersionID(row.VersionID), survey.Language(row.Language), row.Page, row.Revision, row.Content
	return d, nil
}

// SaveDraft stores content, language, page and revision of a draft, whose stored revision must be the one before
// d.Revision. The same save again is no error, since its content cannot be compared, if page and language are the
// same. Somebody else's save in between is [survey.ErrConflict], a draft that is not there [survey.ErrNotFound]:
// it was never begun, or is finished; without an invitation that is [survey.ErrFinished].
func (s *Store) SaveDraft(ctx context.Context, organisation survey.OrganisationID, d Draft) error {
	err := padded(d.Content)
	if err == nil {
		err = s.changeOnce(ctx, func(tx *gorm.DB) error {
			result := tx.Exec("UPDATE drafts SET content = ?, language = ?, page = ?, revision = ? WHERE organisation_id = ? AND wave_id = ? AND key_hash = ? AND revision = ? AND length(content) > 0",
				d.Content, string(d.Language), d.Page, d.Revision, int64(organisation), int64(d.Wave), d.hash(), d.Revision-1)
			if result.Error != nil || result.RowsAffected > 0 {
				return result.Error
			}
			return conflictOrUnknown(tx, organisation, &d)
		})
	}
	if err != nil {
		return fmt.Errorf("save page %d of a draft in wave %d: %w", d.Page, d.Wave, classify(err))
	}
	return nil
}

// conflictOrUnknown returns why a draft could not be saved or finished.
func conflictOrUnknown(tx *gorm.DB, organisation survey.OrganisationID, d *Draft) error {
	var lengths []int
	err := tx.Raw("SELECT length(content) FROM drafts WHERE organisation_id = ? AND wave_id = ? AND key_hash = ?", int64(organisation), int64(d.Wave), d.hash()).Scan(&lengths).Error
	switch {
	case err != nil:
		return err
	case len(lengths) == 0:
		return survey.ErrNotFound
	case lengths[0] == 0:
		return survey.ErrFinished
	}
	return survey.ErrConflict
}

// Seal finishes a draft: if the wave takes answers at now and has fewer than limit of them (0 is no limit), the
// draft goes, its invitation, unless that is "", is finished, and what was sealed of it waits to be published.
// Without an invitation an empty draft stays as the mark that this key has finished. All that is one transaction,
// and of many calls one returns nil; the others are [survey.ErrFinished]. A draft that was never begun is
// [survey.ErrNotFound]. d.Revision is the one after the draft's, as in [Store.SaveDraft]. Other errors are those of
// [survey.Wave.Takes].
func (s *Store) Seal(ctx context.Context, organisation survey.OrganisationID, d Draft, invitation survey.InvitationID, sealed survey.Sealed, now time.Time, limit int) error {
	err := padded(sealed.Content)
	if err == nil {
		err = s.change(ctx, func(tx *gorm.DB) error { return s.seal(tx, organisation, &d, invitation, &sealed, now, limit) })
	}
	if err != nil {
		return fmt.Errorf("seal an answer in wave %d: %w", d.Wave, classify(err))
	}
	return nil
}

func (s *Store) seal(tx *gorm.DB, organisation survey.OrganisationID, d *Draft, invitation survey.InvitationID, sealed *survey.Sealed, now time.Time, limit int) error {
	_, refusal, err := s.takes(tx, organisation, d.Wave, now, limit)
	if err != nil {
		return err
	}
	if invitation != "" { // whoever finished in time and did not hear back hears it, also when the wave is closed
		if err := finish(tx, organisation, d.Wave, invitation); err != nil {
			return err
		}
	}
	if refusal != nil {
		if why := conflictOrUnknown(tx, organisation, d); invitation == "" && errors.Is(why, survey.ErrFinished) {
			return why // the same
		}
		return refusal
	}
	// The invitation says who has finished. Without one nothing would, and the last page sent twice would be two
	// answers: so an empty draft is left, of whom only the respondent's own browser knows the key.
	goes := "DELETE FROM drafts"
	if invitation == "" {
		goes = "UPDATE drafts SET content = '', language = '', page = 0, revision = 0"
	}
	result := tx.Exec(goes+" WHERE organisation_id = ? AND wave_id = ? AND key_hash = ? AND revision = ? AND length(content) > 0",
		int64(organisation), int64(d.Wave), d.hash(), d.Revision-1)
	switch {
	case result.Error != nil:
		return result.Error
	case result.RowsAffected == 0:
		return conflictOrUnknown(tx, organisation, d)
	}
	err = found(tx.Exec("INSERT INTO sealed (wave_id, id, organisation_id, content) SELECT id, ?, organisation_id, ? FROM waves WHERE id = ? AND mode = 'anonymous'",
		sealed.ID, sealed.Content, int64(d.Wave)))
	if err != nil {
		return err
	}
	return tx.Exec(`
		INSERT INTO finished_by_day (wave_id, day, share, organisation_id, people)
		SELECT id, `+s.date()+`, `+s.share()+`, organisation_id, 1 FROM waves WHERE id = ?
		ON CONFLICT (wave_id, day, share) DO UPDATE SET people = finished_by_day.people + 1`,
		now.UTC().Format(time.DateOnly), int64(d.Wave)).Error
}

// date is the SQL for a parameter that is a day.
func (s *Store) date() string {
	if s.engine == postgresEngine {
		return "?::date"
	}
	return "?"
}

// share is the SQL for the row of a day in which somebody is counted: on PostgreSQL people who finish at the same
// time would wait for each other at one row. It follows from the transaction, so it tells no more than that does.
func (s *Store) share() string {
	if s.engine == postgresEngine {
		return "(pg_current_xact_id()::text::bigint % 16)"
	}
	return "0"
}

// Unseal publishes sealed answers of an anonymous wave. decide is handed all that wait, by their random ids, and
// whether the wave takes no more answers at now. It returns the responses to publish and what is to wait on; the
// sealed rows it was handed all go. What waits on must be encrypted anew, under a new id. Publishing none changes
// nothing. Unseal returns how many were published.
//
// Of what is published only id, version, language, answers, attributes and weight are kept. It is stored in the
// order of its ids, which must be random, with the day of now as the time of all, as one step. A step of fewer
// than the threshold is [survey.ErrPromised]. While decide runs nobody finishes; it must not use the store.
//
// On SQLite what is deleted is overwritten, and the log is emptied afterwards; pieces of encrypted rows can stay in
// pages that were rearranged, until an erasure writes the file anew. On PostgreSQL dead rows stay in the files until
// they are vacuumed, which Unseal asks for when it has committed; what the server archives of its log is beyond the
// program.
func (s *Store) Unseal(ctx context.Context, organisation survey.OrganisationID, wave survey.WaveID, now time.Time, decide func(pending []survey.Sealed, closing bool) (publish []survey.Response, keep []survey.Sealed, err error)) (int, error) {
	published := 0
	err := s.change(ctx, func(tx *gorm.DB) error {
		w, err := s.lockWave(tx, organisation, wave)
		if err != nil {
			return err
		}
		pending, err := pendingSealed(tx, wave)
		if err != nil || len(pending) == 0 {
			return err
		}
		publish, keep, err := decide(slices.Clone(pending), closing(&w, now))
		if err != nil || len(publish) == 0 {
			return err
		}
		if err := checkUnsealed(&w, pending, publish, keep); err != nil {
			return err
		}
		if err := tx.Exec("DELETE FROM sealed WHERE wave_id = ?", int64(wave)).Error; err != nil {
			return err
		}
		published = len(publish)
		if err := s.publish(tx, &w, publish, day(now)); err != nil {
			return err
		}
		return keepSealed(tx, &w, keep)
	})
	if errors.Is(err, gorm.ErrDuplicatedKey) {
		err = fmt.Errorf("an id is taken: %w", survey.ErrConflict)
	}
	if err != nil {
		return 0, fmt.Errorf("unseal answers of wave %d: %w", wave, classify(err))
	}
	if published > 0 {
		s.forgetSealed(ctx)
	}
	return published, nil
}

// pendingSealed returns what is sealed of a wave, by id.
func pendingSealed(tx *gorm.DB, wave survey.WaveID) ([]survey.Sealed, error) {
	var rows []struct {
		ID      responseID
		Content []byte
	}
	if err := tx.Raw("SELECT id, content FROM sealed WHERE wave_id = ?", int64(wave)).Scan(&rows).Error; err != nil {
		return nil, err
	}
	pending := make([]survey.Sealed, len(rows))
	for i, row := range rows {
		pending[i] = survey.Sealed{ID: string(row.ID), Content: row.Content}
	}
	slices.SortFunc(pending, func(a, b survey.Sealed) int { return cmp.Compare(a.ID, b.ID) })
	return pending, nil
}

// checkUnsealed returns an error if what was decided loses an answer, doubles one, or leaves a trace.
func checkUnsealed(w *survey.Wave, pending []survey.Sealed, publish []survey.Response, keep []survey.Sealed) error {
	if len(publish) < w.Threshold {
		return fmt.Errorf("a step of %d where the threshold is %d: %w", len(publish), w.Threshold, survey.ErrPromised)
	}
	if len(publish)+len(keep) != len(pending) {
		return fmt.Errorf("of %d sealed answers %d were published and %d kept", len(pending), len(publish), len(keep))
	}
	ids, contents := make(map[string]bool, len(pending)), make(map[[sha256.Size]byte]bool, len(pending))
	for _, p := range pending {
		ids[p.ID], contents[sha256.Sum256(p.Content)] = true, true
	}
	for _, k := range keep {
		if err := padded(k.Content); err != nil {
			return err
		}
		if ids[k.ID] || contents[sha256.Sum256(k.Content)] {
			return errors.New("what is kept must be encrypted anew, under a new id: its row could be told from those that were published")
		}
	}
	for i := range publish {
		if ids[string(publish[i].ID)] {
			return errors.New("a response has the id that it was sealed under")
		}
	}
	return nil
}

// publish stores responses that were sealed.
func (s *Store) publish(tx *gorm.DB, w *survey.Wave, responses []survey.Response, at time.Time) error {
	release, err := nextRelease(tx, w.ID)
	if err != nil {
		return err
	}
	batch := importedRows{store: s, wave: w, begun: true, counts: true, release: release}
	if batch.place, err = s.firstPlace(tx, w.ID); err != nil {
		return err
	}
	for _, r := range slices.SortedFunc(slices.Values(responses), func(a, b survey.Response) int { return cmp.Compare(a.ID, b.ID) }) {
		err := batch.add(&survey.Response{
			ID: r.ID, Version: r.Version, Language: r.Language, Answers: r.Answers, Attributes: r.Attributes, Weight: r.Weight,
			Started: at, Completed: &at,
		})
		if err != nil {
			return fmt.Errorf("response %s: %w", r.ID, err)
		}
	}
	return batch.insert(tx)
}

// keepSealed stores what waits on.
func keepSealed(tx *gorm.DB, w *survey.Wave, keep []survey.Sealed) error {
	rows := newBulk(tx, "sealed", "wave_id, id, organisation_id, content", "")
	for _, k := range slices.SortedFunc(slices.Values(keep), func(a, b survey.Sealed) int { return cmp.Compare(a.ID, b.ID) }) {
		if err := rows.add(int64(w.ID), k.ID, int64(w.Organisation), k.Content); err != nil {
			return err
		}
	}
	return rows.flush()
}

// forgetSealed removes what deleted rows of drafts and sealed answers leave behind, as far as that is cheap. It may
// fail: the rows are encrypted, and the next time does it.
func (s *Store) forgetSealed(ctx context.Context) {
	var err error
	if s.engine == postgresEngine {
		err = s.write.WithContext(ctx).Exec("VACUUM (TRUNCATE false) sealed, drafts").Error
	} else {
		err = s.writer.alone(func() error {
			s.writer.tidyAt = 0
			s.writer.tidy()
			return nil
		})
	}
	if err != nil && ctx.Err() == nil {
		s.log.WarnContext(ctx, "deleted rows were not cleared away", slog.Any("error", classify(err)))
	}
}
