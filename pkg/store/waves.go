package store

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"

	"cxmirror/pkg/survey"
)

// waveRow is a row of the table waves.
type waveRow struct {
	ID             int64
	OrganisationID int64
	VersionID      int64
	Name           string
	Audience       string
	Slug           string
	State          string
	OpensAt        *time.Time
	ClosesAt       *time.Time
	ResponseLimit  int
	Threshold      int
	Promise        storedPromise `gorm:"serializer:json"`
	Simulated      bool
	Generation     int64     `gorm:"->"` // counted in SQL
	Created        time.Time `gorm:"column:created_at"`
	Mode           string
	Comments       int
	Reported       *string         // JSON; NULL is not the same as none
	Segments       []storedSegment `gorm:"serializer:json"`
	LaunchedAt     *time.Time
	Invited        int
	OpenLink       bool
	OncePer        bool
	Kiosk          bool
	Tracks         bool
	TimeZone       string
	QuietFrom      int
	QuietUntil     int
	ErasesAt       *time.Time
	Cuts           []storedCut `gorm:"serializer:json"`
	Releases       int
	Held           []storedHeld `gorm:"serializer:json"`
	Archived       bool         `gorm:"->"` // computed, by [entrance]
}

// storedPromise is how a promise is stored: names of its own, so that renaming a field changes no database.
type storedPromise struct {
	Asker    survey.Words `json:"asker,omitempty"`
	Purpose  survey.Words `json:"purpose,omitempty"`
	Minutes  int          `json:"minutes,omitempty"`
	Kept     survey.Words `json:"kept,omitempty"`
	Contact  string       `json:"contact,omitempty"`
	Homepage string       `json:"homepage,omitempty"`
}

// storedSegment is how a segment is stored.
type storedSegment struct {
	Code   survey.ItemCode `json:"code"`
	Text   survey.Words    `json:"text,omitempty"`
	Values []storedValue   `json:"values"`
}

type storedValue struct {
	Code survey.OptionCode `json:"code"`
	Text survey.Words      `json:"text,omitempty"`
}

// storedCut is how a cut is stored.
type storedCut struct {
	Release int          `json:"release"`
	Shown   []storedPart `json:"shown"`
	Final   bool         `json:"final"`
}

type storedPart struct {
	Item   survey.ItemCode   `json:"item"`
	Option survey.OptionCode `json:"option"`
}

func newStoredCut(c *survey.Cut) storedCut {
	stored := storedCut{Release: c.Release, Shown: []storedPart{}, Final: c.Final}
	for _, p := range c.Shown {
		stored.Shown = append(stored.Shown, storedPart(p))
	}
	return stored
}

func (c *storedCut) cut() survey.Cut {
	cut := survey.Cut{Release: c.Release, Final: c.Final}
	for _, p := range c.Shown {
		cut.Shown = append(cut.Shown, survey.Part(p))
	}
	return cut
}

// storedHeld is how it is stored that a threshold held.
type storedHeld struct {
	Release   int `json:"release"`
	Threshold int `json:"threshold"`
}

// TableName tells gorm the name of the table.
func (waveRow) TableName() string { return "waves" }

func (row *waveRow) wave() (survey.Wave, error) {
	w := survey.Wave{
		ID: survey.WaveID(row.ID), Organisation: survey.OrganisationID(row.OrganisationID), Version: survey.VersionID(row.VersionID),
		Name: row.Name, Audience: survey.Audience(row.Audience), Slug: row.Slug, State: survey.WaveState(row.State),
		Opens: utc(row.OpensAt), Closes: utc(row.ClosesAt), Limit: row.ResponseLimit, Threshold: row.Threshold,
		Promise: survey.Promise(row.Promise), Simulated: row.Simulated, Archived: row.Archived, Created: row.Created.UTC(),
		Mode: survey.Mode(row.Mode), Comments: row.Comments, Launched: utc(row.LaunchedAt), Invited: row.Invited,
		OpenLink: row.OpenLink, OncePer: row.OncePer, Kiosk: row.Kiosk, Tracks: row.Tracks,
		TimeZone: row.TimeZone, QuietFrom: row.QuietFrom, QuietUntil: row.QuietUntil, Erases: utc(row.ErasesAt), Releases: row.Releases,
	}
	for i := range row.Cuts {
		w.Cuts = append(w.Cuts, row.Cuts[i].cut())
	}
	for _, h := range row.Held {
		w.Held = append(w.Held, survey.Held(h))
	}
	for _, s := range row.Segments {
		segment := survey.Segment{Code: s.Code, Text: s.Text}
		for _, v := range s.Values {
			segment.Values = append(segment.Values, survey.Option{Code: v.Code, Text: v.Text})
		}
		w.Segments = append(w.Segments, segment)
	}
	if row.Reported != nil {
		if err := json.Unmarshal([]byte(*row.Reported), &w.Reported); err != nil {
			return w, fmt.Errorf("what wave %d reports by, as stored: %w", row.ID, err)
		}
	}
	return w, nil
}

// newWaveRow returns a wave as it is stored. Whatever does not say its mode is confidential, and comments are
// never shown of fewer people than the rest.
func newWaveRow(w *survey.Wave) (waveRow, error) {
	row := waveRow{
		ID: int64(w.ID), OrganisationID: int64(w.Organisation), VersionID: int64(w.Version),
		Name: w.Name, Audience: string(w.Audience), Slug: w.Slug, State: string(w.State),
		OpensAt: utc(w.Opens), ClosesAt: utc(w.Closes), ResponseLimit: w.Limit, Threshold: w.Threshold,
		Promise: storedPromise(w.Promise), Simulated: w.Simulated,
		Mode: string(cmp.Or(w.Mode, survey.Confidential)), Comments: max(w.Comments, w.Threshold), LaunchedAt: utc(w.Launched), Invited: w.Invited,
		OpenLink: w.OpenLink, OncePer: w.OncePer, Kiosk: w.Kiosk, Tracks: w.Tracks,
		TimeZone: w.TimeZone, QuietFrom: w.QuietFrom, QuietUntil: w.QuietUntil, ErasesAt: utc(w.Erases), Releases: w.Releases,
		Cuts: []storedCut{}, Held: []storedHeld{}, Segments: []storedSegment{},
	}
	for i := range w.Cuts {
		row.Cuts = append(row.Cuts, newStoredCut(&w.Cuts[i]))
	}
	for _, h := range w.Held {
		row.Held = append(row.Held, storedHeld(h))
	}
	for _, s := range w.Segments {
		segment := storedSegment{Code: s.Code, Text: s.Text, Values: []storedValue{}}
		for _, v := range s.Values {
			segment.Values = append(segment.Values, storedValue{Code: v.Code, Text: v.Text})
		}
		row.Segments = append(row.Segments, segment)
	}
	if w.Reported != nil {
		codes, err := json.Marshal(w.Reported)
		if err != nil {
			return row, err
		}
		text := string(codes)
		row.Reported = &text
	}
	return row, nil
}

// utc returns a time as it is stored: in UTC, to the microsecond, which is as fine as PostgreSQL keeps it.
func utc(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	stored := t.UTC().Truncate(time.Microsecond)
	return &stored
}

// CreateWave stores a wave and fills in its id and when it was created, and its mode and threshold of comments
// where they were left out: confidential, and the threshold. The slug of another wave, of whatever organisation,
// is [survey.ErrSlugTaken]; a version that the organisation does not have is [survey.ErrNotFound].
func (s *Store) CreateWave(ctx context.Context, w *survey.Wave) error {
	row, err := newWaveRow(w)
	if err != nil {
		return fmt.Errorf("create wave %q: %w", w.Slug, err)
	}
	row.ID = 0
	var stored waveRow
	err = s.change(ctx, func(tx *gorm.DB) error {
		if err := tx.Omit("Created").Create(&row).Error; err != nil {
			return err
		}
		return tx.Take(&stored, row.ID).Error
	})
	switch {
	case errors.Is(err, gorm.ErrDuplicatedKey): // nothing else of a new row is unique
		err = survey.ErrSlugTaken
	case errors.Is(err, gorm.ErrForeignKeyViolated):
		err = fmt.Errorf("version %d of organisation %d: %w", w.Version, w.Organisation, survey.ErrNotFound)
	}
	if err != nil {
		return fmt.Errorf("create wave %q: %w", w.Slug, classify(err))
	}
	w.ID, w.Created = survey.WaveID(stored.ID), stored.Created.UTC()
	w.Mode, w.Comments = survey.Mode(stored.Mode), stored.Comments
	return nil
}

// Wave returns a wave of an organisation, or [survey.ErrNotFound].
func (s *Store) Wave(ctx context.Context, organisation survey.OrganisationID, id survey.WaveID) (survey.Wave, error) {
	w, err := takeWave(s.read.WithContext(ctx).Where("organisation_id = ? AND id = ?", int64(organisation), int64(id)))
	if err != nil {
		return survey.Wave{}, fmt.Errorf("wave %d: %w", id, classify(err))
	}
	return w, nil
}

// WaveBySlug returns the wave of an open link, or [survey.ErrNotFound].
func (s *Store) WaveBySlug(ctx context.Context, slug string) (survey.Wave, error) {
	w, err := takeWave(s.read.WithContext(ctx).Select(entrance).Where("slug = ?", slug))
	if err != nil {
		return survey.Wave{}, fmt.Errorf("wave %q: %w", slug, classify(err))
	}
	return w, nil
}

// entrance is what is read of a wave by somebody who comes to answer it.
const entrance = "waves.*, organisation_id IN " + archived + " AS archived"

// takeWave reads the one wave of a query.
func takeWave(query *gorm.DB) (survey.Wave, error) {
	var row waveRow
	if err := query.Take(&row).Error; err != nil {
		return survey.Wave{}, err
	}
	return row.wave()
}

// Waves returns an organisation's waves, the newest first.
func (s *Store) Waves(ctx context.Context, organisation survey.OrganisationID) ([]survey.Wave, error) {
	waves, err := findWaves(s.read.WithContext(ctx).Where("organisation_id = ?", int64(organisation)).Order("id DESC"))
	if err != nil {
		return nil, fmt.Errorf("waves of organisation %d: %w", organisation, classify(err))
	}
	return waves, nil
}

// findWaves reads all waves of a query.
func findWaves(query *gorm.DB) ([]survey.Wave, error) {
	var rows []waveRow
	if err := query.Find(&rows).Error; err != nil {
		return nil, err
	}
	waves := make([]survey.Wave, len(rows))
	for i := range rows {
		w, err := rows[i].wave()
		if err != nil {
			return nil, err
		}
		waves[i] = w
	}
	return waves, nil
}

// lockWave reads a wave that nobody else changes until the transaction ends.
func (s *Store) lockWave(tx *gorm.DB, organisation survey.OrganisationID, id survey.WaveID) (survey.Wave, error) {
	return takeWave(s.lock(tx).Where("organisation_id = ? AND id = ?", int64(organisation), int64(id)))
}

// UpdateWave stores what can be changed of a wave: name, state, times, limit, thresholds, promise, mode, what is
// reported, its ways in, when its mails rest, and when its personal data go; of a draft that was never launched
// also its version, audience and slug. What [Store.LaunchWave], [Store.Release] and their neighbours keep does
// not change here.
//
// After the launch, whatever would take back what was promised is [survey.ErrPromised] (see
// [survey.Wave.Keeps]); the database refuses it, too. Otherwise a threshold lower than the stored one is
// [survey.ErrConflict], but for a draft that nobody has answered. The slug of another wave is
// [survey.ErrSlugTaken]. When UpdateWave has closed a wave, no response of it is completed any more.
func (s *Store) UpdateWave(ctx context.Context, w survey.Wave) error {
	return s.ChangeWave(ctx, w.Organisation, w.ID, func(stored *survey.Wave) error {
		*stored = w
		return nil
	})
}

// ChangeWave changes a wave as [Store.UpdateWave] does: change is handed it as it is stored and says what it is to be,
// and nobody else changes it meanwhile.
//
// change may be called more than once, and must not use the store; an error of its own is returned, and nothing is
// stored.
func (s *Store) ChangeWave(ctx context.Context, organisation survey.OrganisationID, id survey.WaveID, change func(*survey.Wave) error) error {
	var w survey.Wave
	err := s.change(ctx, func(tx *gorm.DB) error {
		stored, err := s.lockWave(tx, organisation, id)
		if err != nil {
			return err
		}
		w = stored
		if err := change(&w); err != nil {
			return err
		}
		w.ID, w.Organisation = id, organisation
		row, err := newWaveRow(&w)
		if err != nil {
			return err
		}
		columns, err := s.updatable(tx, &stored, &row)
		if err != nil {
			return err
		}
		return found(tx.Model(&waveRow{ID: row.ID}).Select(columns).Updates(&row))
	})
	s.waveChanges.Add(1)
	switch {
	case errors.Is(err, gorm.ErrDuplicatedKey):
		err = survey.ErrSlugTaken
	case errors.Is(err, gorm.ErrForeignKeyViolated):
		err = fmt.Errorf("version %d of organisation %d: %w", w.Version, w.Organisation, survey.ErrNotFound)
	}
	if err != nil {
		return fmt.Errorf("update wave %d: %w", id, classify(err))
	}
	return nil
}

// WaveChanges returns how often this process has changed, launched, erased or deleted a wave. Whoever remembers a wave for a
// moment forgets it when the number is another: other processes' changes do not show.
func (s *Store) WaveChanges() int64 { return s.waveChanges.Load() }

// updatable returns the fields of a row that may be stored over a wave, or why it may not.
func (s *Store) updatable(tx *gorm.DB, stored *survey.Wave, row *waveRow) ([]string, error) {
	columns := []string{
		"Name", "State", "OpensAt", "ClosesAt", "ResponseLimit", "Threshold", "Comments", "Promise", "Mode", "Reported", "Segments",
		"OpenLink", "OncePer", "Kiosk", "Tracks", "TimeZone", "QuietFrom", "QuietUntil", "ErasesAt",
	}
	unlaunched := stored.Launched == nil && stored.State == survey.WaveDraft
	if unlaunched {
		columns = append(columns, "VersionID", "Audience", "Slug")
	} else {
		row.VersionID = int64(stored.Version)
	}
	next, err := row.wave()
	if err != nil {
		return nil, err
	}
	if err := stored.Keeps(&next); err != nil {
		return nil, err
	}
	if next.Threshold < stored.Threshold || next.Comments < stored.Comments {
		answered := !unlaunched
		if unlaunched {
			if err := tx.Raw("SELECT EXISTS (SELECT 1 FROM responses WHERE wave_id = ?)", row.ID).Scan(&answered).Error; err != nil {
				return nil, err
			}
		}
		if answered {
			return nil, fmt.Errorf("thresholds of %d and %d cannot become %d and %d: %w",
				stored.Threshold, stored.Comments, next.Threshold, next.Comments, survey.ErrConflict)
		}
	}
	return columns, nil
}

// DeleteWave deletes a wave with its responses, its invitations and all that was sent.
func (s *Store) DeleteWave(ctx context.Context, organisation survey.OrganisationID, id survey.WaveID) error {
	err := s.change(ctx, func(tx *gorm.DB) error {
		if _, err := s.lockWave(tx, organisation, id); err != nil {
			return err
		}
		for _, table := range []string{"mails", "mailings", "letters", "finished_by_day", "sealed", "drafts", "responses", "invitations"} { // plans go by themselves
			if err := tx.Exec("DELETE FROM "+table+" WHERE wave_id = ?", int64(id)).Error; err != nil {
				return err
			}
		}
		return tx.Exec("DELETE FROM waves WHERE id = ?", int64(id)).Error
	})
	s.waveChanges.Add(1)
	if err != nil {
		return fmt.Errorf("delete wave %d: %w", id, classify(err))
	}
	return nil
}

// Counts says how many people answer a wave.
type Counts struct {
	Started  int       // people who began, finished or not
	Complete int       // those who finished
	Counted  int       // those of them whose answers are in the results; in a wave that protects people, others wait
	Last     time.Time // when the one that was finished or imported last was finished, in UTC; zero if none was. The day, in a wave that protects people
}

// Counts returns how many people answer a wave. A wave that the organisation does not have has none.
func (s *Store) Counts(ctx context.Context, organisation survey.OrganisationID, wave survey.WaveID) (Counts, error) {
	counts, err := s.counts(ctx, "organisation_id = ? AND id = ?", int64(organisation), int64(wave))
	if err != nil {
		return Counts{}, fmt.Errorf("count the responses of wave %d: %w", wave, classify(err))
	}
	return counts[wave], nil
}

// AllCounts returns the counts of all waves of an organisation. Waves that nobody began to answer are not in it.
func (s *Store) AllCounts(ctx context.Context, organisation survey.OrganisationID) (map[survey.WaveID]Counts, error) {
	counts, err := s.counts(ctx, "organisation_id = ?", int64(organisation))
	if err != nil {
		return nil, fmt.Errorf("count the responses of organisation %d: %w", organisation, classify(err))
	}
	return counts, nil
}

func (s *Store) counts(ctx context.Context, condition string, ids ...any) (map[survey.WaveID]Counts, error) {
	rows, err := s.read.WithContext(ctx).Raw(`
		SELECT id, -- each from an index: rows are large
			(SELECT count(*) FROM responses WHERE wave_id = waves.id),
			(SELECT count(*) FROM responses WHERE wave_id = waves.id AND tx IS NOT NULL),
			(SELECT count(*) FROM responses WHERE wave_id = waves.id AND tx IS NULL AND completed_at IS NOT NULL),
			(SELECT count(*) FROM drafts WHERE wave_id = waves.id AND length(content) > 0), -- an empty one is finished, and sealed
			(SELECT count(*) FROM sealed WHERE wave_id = waves.id),
			(SELECT completed_at FROM responses WHERE wave_id = waves.id AND tx IS NOT NULL ORDER BY tx DESC LIMIT 1),
			(SELECT completed_at FROM responses WHERE wave_id = waves.id AND tx IS NULL AND completed_at IS NOT NULL ORDER BY completed_at DESC LIMIT 1),
			(SELECT day FROM finished_by_day WHERE wave_id = waves.id ORDER BY day DESC LIMIT 1)
		FROM waves WHERE `+condition, ids...).Rows()
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	counts := make(map[survey.WaveID]Counts)
	for rows.Next() {
		var wave int64
		var c Counts
		var pending, drafts, sealed int
		var counted, waiting, day storedTime
		if err := rows.Scan(&wave, &c.Started, &c.Counted, &pending, &drafts, &sealed, &counted, &waiting, &day); err != nil {
			return nil, err
		}
		c.Started += drafts + sealed
		c.Complete = c.Counted + pending + sealed
		c.Last = slices.MaxFunc([]time.Time{counted.Time, waiting.Time, day.Time}, time.Time.Compare)
		if c.Started > 0 {
			counts[survey.WaveID(wave)] = c
		}
	}
	return counts, rows.Err()
}

// storedTime reads a computed time: SQLite says of columns that they are times, and of what is computed from
// them no more than that it is text.
type storedTime struct{ time.Time }

// Scan implements [database/sql.Scanner].
func (t *storedTime) Scan(value any) error {
	switch value := value.(type) {
	case nil:
		return nil
	case time.Time:
		t.Time = value.UTC()
		return nil
	case string:
		layout := "2006-01-02 15:04:05.999999999-07:00"
		if len(value) == len(time.DateOnly) {
			layout = time.DateOnly
		}
		parsed, err := time.Parse(layout, value)
		t.Time = parsed.UTC()
		return err
	}
	return fmt.Errorf("a time is stored as %T", value)
}
