package store

import (
	"context"
	"errors"
	"fmt"
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

// TableName tells gorm the name of the table.
func (waveRow) TableName() string { return "waves" }

func (row *waveRow) wave() survey.Wave {
	return survey.Wave{
		ID: survey.WaveID(row.ID), Organisation: survey.OrganisationID(row.OrganisationID), Version: survey.VersionID(row.VersionID),
		Name: row.Name, Audience: survey.Audience(row.Audience), Slug: row.Slug, State: survey.WaveState(row.State),
		Opens: utc(row.OpensAt), Closes: utc(row.ClosesAt), Limit: row.ResponseLimit, Threshold: row.Threshold,
		Promise: survey.Promise(row.Promise), Simulated: row.Simulated, Created: row.Created.UTC(),
	}
}

func newWaveRow(w *survey.Wave) waveRow {
	return waveRow{
		ID: int64(w.ID), OrganisationID: int64(w.Organisation), VersionID: int64(w.Version),
		Name: w.Name, Audience: string(w.Audience), Slug: w.Slug, State: string(w.State),
		OpensAt: utc(w.Opens), ClosesAt: utc(w.Closes), ResponseLimit: w.Limit, Threshold: w.Threshold,
		Promise: storedPromise(w.Promise), Simulated: w.Simulated,
	}
}

// utc returns a time as it is stored: in UTC, to the microsecond, which is as fine as PostgreSQL keeps it.
func utc(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	stored := t.UTC().Truncate(time.Microsecond)
	return &stored
}

// CreateWave stores a wave and fills in its id and when it was created. The slug of another wave, of whatever
// organisation, is [survey.ErrSlugTaken]; a version that the organisation does not have is [survey.ErrNotFound].
func (s *Store) CreateWave(ctx context.Context, w *survey.Wave) error {
	row := newWaveRow(w)
	row.ID = 0
	var stored waveRow
	err := s.change(ctx, func(tx *gorm.DB) error {
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
	return nil
}

// Wave returns a wave of an organisation, or [survey.ErrNotFound].
func (s *Store) Wave(ctx context.Context, organisation survey.OrganisationID, id survey.WaveID) (survey.Wave, error) {
	var row waveRow
	err := s.read.WithContext(ctx).Where("organisation_id = ? AND id = ?", int64(organisation), int64(id)).Take(&row).Error
	if err != nil {
		return survey.Wave{}, fmt.Errorf("wave %d: %w", id, classify(err))
	}
	return row.wave(), nil
}

// WaveBySlug returns the wave of an open link, or [survey.ErrNotFound].
func (s *Store) WaveBySlug(ctx context.Context, slug string) (survey.Wave, error) {
	var row waveRow
	if err := s.read.WithContext(ctx).Where("slug = ?", slug).Take(&row).Error; err != nil {
		return survey.Wave{}, fmt.Errorf("wave %q: %w", slug, classify(err))
	}
	return row.wave(), nil
}

// Waves returns an organisation's waves, the newest first.
func (s *Store) Waves(ctx context.Context, organisation survey.OrganisationID) ([]survey.Wave, error) {
	var rows []waveRow
	err := s.read.WithContext(ctx).Where("organisation_id = ?", int64(organisation)).Order("id DESC").Find(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("waves of organisation %d: %w", organisation, classify(err))
	}
	waves := make([]survey.Wave, len(rows))
	for i := range rows {
		waves[i] = rows[i].wave()
	}
	return waves, nil
}

// UpdateWave stores a wave's name, state, times, limit, threshold and promise; the rest of a wave does not
// change. A threshold lower than the stored one is [survey.ErrConflict]. When UpdateWave has closed a wave, no
// response of it is completed any more.
func (s *Store) UpdateWave(ctx context.Context, w survey.Wave) error {
	row := newWaveRow(&w)
	err := s.change(ctx, func(tx *gorm.DB) error {
		var stored waveRow
		err := s.lock(tx, "UPDATE").Where("organisation_id = ? AND id = ?", row.OrganisationID, row.ID).Take(&stored).Error
		if err != nil {
			return err
		}
		if row.Threshold < stored.Threshold {
			return fmt.Errorf("a threshold of %d cannot become %d: %w", stored.Threshold, row.Threshold, survey.ErrConflict)
		}
		return found(tx.Model(&stored).Select("Name", "State", "OpensAt", "ClosesAt", "ResponseLimit", "Threshold", "Promise").Updates(&row))
	})
	if err != nil {
		return fmt.Errorf("update wave %d: %w", w.ID, classify(err))
	}
	return nil
}

// DeleteWave deletes a wave with all its responses.
func (s *Store) DeleteWave(ctx context.Context, organisation survey.OrganisationID, id survey.WaveID) error {
	err := s.change(ctx, func(tx *gorm.DB) error {
		var row waveRow
		err := s.lock(tx, "UPDATE").Where("organisation_id = ? AND id = ?", int64(organisation), int64(id)).Take(&row).Error
		if err != nil {
			return err
		}
		if err := tx.Exec("DELETE FROM responses WHERE wave_id = ?", int64(id)).Error; err != nil {
			return err
		}
		return tx.Exec("DELETE FROM waves WHERE id = ?", int64(id)).Error
	})
	if err != nil {
		return fmt.Errorf("delete wave %d: %w", id, classify(err))
	}
	return nil
}

// Counts says how many people answer a wave.
type Counts struct {
	Started  int       // responses, finished or not
	Complete int       // finished ones
	Last     time.Time // when the one that was finished or imported last was finished, in UTC; zero if none was
}

// Counts returns how many people answer a wave. A wave that does not exist has none.
func (s *Store) Counts(ctx context.Context, wave survey.WaveID) (Counts, error) {
	counts, err := s.counts(ctx, "id = ?", int64(wave))
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

func (s *Store) counts(ctx context.Context, condition string, id int64) (map[survey.WaveID]Counts, error) {
	rows, err := s.read.WithContext(ctx).Raw(`
		SELECT id, -- each from an index: rows are large
			(SELECT count(*) FROM responses WHERE wave_id = waves.id),
			(SELECT count(*) FROM responses WHERE wave_id = waves.id AND tx IS NOT NULL),
			(SELECT completed_at FROM responses WHERE wave_id = waves.id AND tx IS NOT NULL ORDER BY tx DESC LIMIT 1)
		FROM waves WHERE `+condition, id).Rows()
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	counts := make(map[survey.WaveID]Counts)
	for rows.Next() {
		var wave int64
		var c Counts
		var last storedTime
		if err := rows.Scan(&wave, &c.Started, &c.Complete, &last); err != nil {
			return nil, err
		}
		c.Last = last.Time
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
		parsed, err := time.Parse("2006-01-02 15:04:05.999999999-07:00", value)
		t.Time = parsed.UTC()
		return err
	}
	return fmt.Errorf("a time is stored as %T", value)
}
