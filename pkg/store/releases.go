package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"

	"cxmirror/pkg/survey"
)

// Release lets responses of a wave that protects people begin to count, together, as one step. choose is handed
// the ids of all complete responses that do not count yet, in no order that follows arrival, the threshold, and
// whether the wave takes no more answers at now; it returns those that begin to count. Choosing none changes
// nothing. Release returns how many it was.
//
// A step of fewer than the threshold is [survey.ErrPromised]: the difference of two results would tell of them.
// While choose runs nobody completes a response of the wave; it must not use the store.
func (s *Store) Release(ctx context.Context, organisation survey.OrganisationID, wave survey.WaveID, now time.Time, choose func(pending []survey.ResponseID, k int, closing bool) []survey.ResponseID) (int, error) {
	released := 0
	err := s.change(ctx, func(tx *gorm.DB) error {
		w, err := s.lockWave(tx, organisation, wave)
		if err != nil {
			return err
		}
		pending, err := pendingResponses(tx, wave)
		if err != nil || len(pending) == 0 {
			return err
		}
		chosen := slices.Clone(choose(slices.Clone(pending), w.Threshold, closing(&w, now)))
		slices.Sort(chosen)
		switch {
		case len(chosen) == 0:
			return nil
		case len(slices.Compact(slices.Clone(chosen))) < len(chosen):
			return errors.New("a response was chosen twice")
		case len(chosen) < w.Threshold:
			return fmt.Errorf("a step of %d where the threshold is %d: %w", len(chosen), w.Threshold, survey.ErrPromised)
		}
		for _, id := range chosen {
			if _, ok := slices.BinarySearch(pending, id); !ok {
				return fmt.Errorf("response %s was chosen and is not pending: %w", id, survey.ErrNotFound)
			}
		}
		release, err := nextRelease(tx, wave)
		if err != nil {
			return err
		}
		released = len(chosen)
		return s.count(tx, wave, chosen, release)
	})
	if err != nil {
		return 0, fmt.Errorf("release responses of wave %d: %w", wave, classify(err))
	}
	return released, nil
}

// closing reports whether a wave takes no more answers.
func closing(w *survey.Wave, now time.Time) bool { return errors.Is(w.Takes(now, 0), survey.ErrClosed) }

// pendingResponses returns the complete responses of a wave that do not count yet, by id.
func pendingResponses(tx *gorm.DB, wave survey.WaveID) ([]survey.ResponseID, error) {
	var ids []responseID
	err := tx.Raw("SELECT id FROM responses WHERE wave_id = ? AND completed_at IS NOT NULL AND tx IS NULL", int64(wave)).Scan(&ids).Error
	pending := make([]survey.ResponseID, len(ids))
	for i, id := range ids {
		pending[i] = survey.ResponseID(id)
	}
	slices.Sort(pending)
	return pending, err
}

// count lets responses count.
func (s *Store) count(tx *gorm.DB, wave survey.WaveID, ids []survey.ResponseID, release int) error {
	var result *gorm.DB
	if s.engine == postgresEngine {
		result = tx.Exec("UPDATE responses SET tx = pg_current_xact_id(), release = ? WHERE wave_id = ? AND tx IS NULL AND id = ANY(?::uuid[])",
			release, int64(wave), uuids(ids))
	} else {
		place, err := s.firstPlace(tx, wave)
		if err != nil {
			return err
		}
		list, err := json.Marshal(ids)
		if err != nil {
			return err
		}
		// The plus signs keep SQLite from going through the wave for each of those chosen.
		result = tx.Exec("UPDATE responses SET tx = ? + chosen.key, release = ? FROM json_each(?) AS chosen WHERE responses.id = chosen.value AND +wave_id = ? AND +tx IS NULL",
			place, release, string(list), int64(wave))
	}
	if result.Error == nil && result.RowsAffected != int64(len(ids)) {
		return fmt.Errorf("%d of %d responses began to count", result.RowsAffected, len(ids))
	}
	return result.Error
}

// uuids is a list of ids as PostgreSQL reads an array.
func uuids[ID ~string](ids []ID) string {
	var list strings.Builder
	list.WriteByte('{')
	for i, id := range ids {
		if i > 0 {
			list.WriteByte(',')
		}
		list.WriteString(string(id))
	}
	list.WriteByte('}')
	return list.String()
}

// Pending returns how many people answered a wave whose answers do not count yet, sealed ones included.
func (s *Store) Pending(ctx context.Context, organisation survey.OrganisationID, wave survey.WaveID) (int, error) {
	var pending int
	err := s.read.WithContext(ctx).Raw(`
		SELECT (SELECT count(*) FROM responses WHERE wave_id = waves.id AND completed_at IS NOT NULL AND tx IS NULL)
			+ (SELECT count(*) FROM sealed WHERE wave_id = waves.id)
		FROM waves WHERE organisation_id = ? AND id = ?`, int64(organisation), int64(wave)).Scan(&pending).Error
	if err != nil {
		return 0, fmt.Errorf("count what is pending of wave %d: %w", wave, classify(err))
	}
	return pending, nil
}

// WavesToRelease returns the waves of all organisations in which answers wait to be counted.
func (s *Store) WavesToRelease(ctx context.Context) ([]survey.Wave, error) {
	waves, err := findWaves(s.read.WithContext(ctx).Where(`
		EXISTS (SELECT 1 FROM responses WHERE wave_id = waves.id AND completed_at IS NOT NULL AND tx IS NULL)
		OR EXISTS (SELECT 1 FROM sealed WHERE wave_id = waves.id)`).Order("id"))
	if err != nil {
		return nil, fmt.Errorf("waves with answers that wait: %w", classify(err))
	}
	return waves, nil
}

// AddCut notes that results of a wave were split by segments, and which parts were shown then, as the cut after so
// many others. What may be shown follows from the cuts before and from the answers that count, so it is
// [survey.ErrConflict] if another cut was added meanwhile, if it is before the last or of a release that has not been,
// and of a final cut also if answers began to count after those the caller had read: after releases of them.
// Who is told so reads the wave again. The same cut again, by a caller who did not hear back, is no error.
func (s *Store) AddCut(ctx context.Context, organisation survey.OrganisationID, wave survey.WaveID, cut survey.Cut, cuts, releases int) error {
	err := s.change(ctx, func(tx *gorm.DB) error {
		w, err := s.lockWave(tx, organisation, wave)
		if err != nil {
			return err
		}
		if len(w.Cuts) == cuts+1 && sameCut(&w.Cuts[cuts], &cut) {
			return nil
		}
		if len(w.Cuts) != cuts || cut.Release < 0 || cut.Release > w.Releases || cut.Final && w.Releases != releases ||
			cuts > 0 && cut.Release < w.Cuts[cuts-1].Release {
			return fmt.Errorf("there are %d cuts, and %d releases: %w", len(w.Cuts), w.Releases, survey.ErrConflict)
		}
		w.Cuts = append(w.Cuts, cut)
		row, err := newWaveRow(&w)
		if err != nil {
			return err
		}
		return found(tx.Model(&waveRow{ID: row.ID}).Select("Cuts").Updates(&row))
	})
	if err != nil {
		return fmt.Errorf("cut wave %d at release %d: %w", wave, cut.Release, classify(err))
	}
	return nil
}

func sameCut(a, b *survey.Cut) bool {
	return a.Release == b.Release && a.Final == b.Final && slices.Equal(a.Shown, b.Shown)
}
