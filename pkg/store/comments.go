package store

import (
	"context"
	"fmt"

	"gorm.io/gorm"

	"cxmirror/pkg/survey"
)

// ReviewComment notes that somebody has looked at what a response says to an item: released says whether it may be
// seen with the other comments though it tells of a person. The last look counts. A response that the wave does
// not have is [survey.ErrNotFound].
func (s *Store) ReviewComment(ctx context.Context, organisation survey.OrganisationID, wave survey.WaveID, response survey.ResponseID, item survey.ItemCode, released bool) error {
	err := s.changeOnce(ctx, func(tx *gorm.DB) error {
		return found(tx.Exec(`
			INSERT INTO comment_reviews (response_id, item, organisation_id, wave_id, released)
			SELECT id, ?, organisation_id, wave_id, ? FROM responses WHERE organisation_id = ? AND wave_id = ? AND id = ?
			ON CONFLICT (response_id, item) DO UPDATE SET released = excluded.released`,
			string(item), released, int64(organisation), int64(wave), string(response)))
	})
	if err != nil {
		return fmt.Errorf("note that a comment of wave %d was looked at: %w", wave, classify(err))
	}
	return nil
}

// ReviewedComments returns the responses of a wave whose comment on an item was looked at, and whether it may be seen
// with the others.
func (s *Store) ReviewedComments(ctx context.Context, organisation survey.OrganisationID, wave survey.WaveID, item survey.ItemCode) (map[survey.ResponseID]bool, error) {
	var rows []struct {
		ResponseID responseID
		Released   bool
	}
	err := s.read.WithContext(ctx).Raw("SELECT response_id, released FROM comment_reviews WHERE organisation_id = ? AND wave_id = ? AND item = ?",
		int64(organisation), int64(wave), string(item)).Scan(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("comments of wave %d that were looked at: %w", wave, classify(err))
	}
	reviewed := make(map[survey.ResponseID]bool, len(rows))
	for _, row := range rows {
		reviewed[survey.ResponseID(row.ResponseID)] = row.Released
	}
	return reviewed, nil
}
