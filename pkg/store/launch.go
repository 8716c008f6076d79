package store

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"gorm.io/gorm"

	"cxmirror/pkg/survey"
)

// NewInvitation is an invitation as it is stored when a wave is launched, with what its person's ways in are found
// by.
type NewInvitation struct {
	survey.Invitation

	TokenHash []byte // of the secret in the personal link
	CodeHash  []byte // of the access code on paper; nil is none
}

// LaunchWave launches a wave that is stored: w as it is from now on, with w.Launched set, who is invited, what is
// written to them and when. It is one transaction. The wave is open afterwards, and its promise is kept (see
// [survey.Wave.Keeps]). LaunchWave returns how many are invited.
//
// A wave that was launched before is [survey.ErrConflict], and so is a person who is invited twice; a person, or
// a version, that the organisation does not have is [survey.ErrNotFound].
func (s *Store) LaunchWave(ctx context.Context, w survey.Wave, invitations iter.Seq2[NewInvitation, error], letters []survey.Letter, mailings []survey.Mailing) (int, error) {
	invited := 0
	err := s.change(ctx, func(tx *gorm.DB) error {
		stored, err := s.lockWave(tx, w.Organisation, w.ID)
		switch {
		case err != nil:
			return err
		case stored.Launched != nil:
			return fmt.Errorf("it was launched at %v: %w", *stored.Launched, survey.ErrConflict)
		case w.Launched == nil:
			return errors.New("it has no time of launch")
		}
		if invited, err = insertInvitations(ctx, tx, &w, invitations); err != nil {
			return err
		}
		w.State, w.Invited = survey.WaveOpen, invited
		row, err := newWaveRow(&w)
		if err != nil {
			return err
		}
		columns, err := s.updatable(tx, &stored, &row)
		if err != nil {
			return err
		}
		if err := tx.Model(&waveRow{ID: row.ID}).Select(append(columns, "LaunchedAt", "Invited")).Updates(&row).Error; err != nil {
			return err
		}
		for i := range letters {
			if err := saveLetter(tx, w.Organisation, w.ID, &letters[i]); err != nil {
				return err
			}
		}
		for i := range mailings {
			if err := planMailing(tx, w.Organisation, w.ID, &mailings[i]); err != nil {
				return err
			}
		}
		return nil
	})
	s.waveChanges.Add(1)
	switch {
	case errors.Is(err, gorm.ErrDuplicatedKey):
		err = fmt.Errorf("somebody is invited twice, or the slug is taken: %w", survey.ErrConflict)
	case errors.Is(err, gorm.ErrForeignKeyViolated):
		err = fmt.Errorf("a person or a version is not the organisation's: %w", survey.ErrNotFound)
	}
	if err != nil {
		return 0, fmt.Errorf("launch wave %d: %w", w.ID, classify(err))
	}
	return invited, nil
}

func insertInvitations(ctx context.Context, tx *gorm.DB, w *survey.Wave, invitations iter.Seq2[NewInvitation, error]) (int, error) {
	rows := newBulk(tx, "invitations", "id, organisation_id, wave_id, person_id, token_hash, code_hash, language, attributes", "")
	n := 0
	for i, err := range invitations {
		if err := errors.Join(err, ctx.Err()); err != nil {
			return 0, err
		}
		n++
		if i.ID == "" || len(i.TokenHash) == 0 {
			return 0, fmt.Errorf("invitation %d has no id, or no way in", n)
		}
		attributes, err := encodeAttributes(i.Attributes)
		if err != nil {
			return 0, err
		}
		var person *int64
		if i.Person != 0 {
			id := int64(i.Person)
			person = &id
		}
		err = rows.add(string(i.ID), int64(w.Organisation), int64(w.ID), person, i.TokenHash, i.CodeHash, string(i.Language), attributes)
		if err != nil {
			return 0, err
		}
	}
	return n, rows.flush()
}
