package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"cxmirror/pkg/survey"
)

// SavePlan keeps what is thought over before the launch of a wave, a JSON object, over what was kept before. A wave
// that was launched already is [survey.ErrConflict]: what is planned for it has no effect any more.
func (s *Store) SavePlan(ctx context.Context, organisation survey.OrganisationID, wave survey.WaveID, plan json.RawMessage) error {
	err := s.change(ctx, func(tx *gorm.DB) error {
		stored, err := s.lockWave(tx, organisation, wave)
		switch {
		case err != nil:
			return err
		case stored.Launched != nil:
			return fmt.Errorf("it was launched on %s: %w", stored.Launched.Format(time.DateOnly), survey.ErrConflict)
		}
		return tx.Exec("INSERT INTO plans (wave_id, organisation_id, plan) VALUES (?, ?, ?) ON CONFLICT (wave_id) DO UPDATE SET plan = excluded.plan",
			int64(wave), int64(organisation), string(plan)).Error
	})
	if err != nil {
		return fmt.Errorf("save the plan of wave %d: %w", wave, classify(err))
	}
	return nil
}

// Plan returns what [Store.SavePlan] kept of a wave, or [survey.ErrNotFound].
func (s *Store) Plan(ctx context.Context, organisation survey.OrganisationID, wave survey.WaveID) (json.RawMessage, error) {
	var row struct{ Plan []byte }
	err := found(s.read.WithContext(ctx).Raw("SELECT plan FROM plans WHERE organisation_id = ? AND wave_id = ?", int64(organisation), int64(wave)).Scan(&row))
	if err != nil {
		return nil, fmt.Errorf("plan of wave %d: %w", wave, classify(err))
	}
	return row.Plan, nil
}

// HasCodes reports whether people who were invited to a wave can come in by an access code on paper.
func (s *Store) HasCodes(ctx context.Context, organisation survey.OrganisationID, wave survey.WaveID) (bool, error) {
	var given bool
	err := s.read.WithContext(ctx).Raw("SELECT EXISTS (SELECT 1 FROM invitations WHERE organisation_id = ? AND wave_id = ? AND code_hash IS NOT NULL)",
		int64(organisation), int64(wave)).Scan(&given).Error
	if err != nil {
		return false, fmt.Errorf("access codes of wave %d: %w", wave, classify(err))
	}
	return given, nil
}

// MailPerson puts one mail to one person of a wave into the queue, at once and whatever is planned: the invitation
// if she has none yet, otherwise the reminder. messageID is of this mail alone. Somebody to whom no mail may go, who
// has finished, for whom one waits already, or whose wave takes no answers any more, is [survey.ErrConflict].
func (s *Store) MailPerson(ctx context.Context, organisation survey.OrganisationID, wave survey.WaveID, id survey.InvitationID, messageID string, now time.Time) error {
	err := s.change(ctx, func(tx *gorm.DB) error {
		w, err := s.lockWave(tx, organisation, wave)
		if err != nil {
			return err
		}
		var row struct {
			Invited, Reachable, Waits bool
		}
		err = found(tx.Raw(`
			SELECT i.invited_at IS NOT NULL AS invited, p.id IS NOT NULL AND `+reachable+` AS reachable,
				EXISTS (SELECT 1 FROM mails m WHERE m.invitation_id = i.id AND m.state = 'waiting') AS waits
			FROM invitations i LEFT JOIN people p ON p.id = i.person_id WHERE i.wave_id = ? AND i.id = ?`, int64(wave), string(id)).Scan(&row))
		switch {
		case err != nil:
			return err
		case closing(&w, now), !row.Reachable, row.Waits:
			return survey.ErrConflict
		}
		kind := survey.InvitationLetter
		if row.Invited {
			kind = survey.ReminderLetter
		}
		var mailing int64
		err = tx.Raw("INSERT INTO mailings (organisation_id, wave_id, kind, starts_at, state) VALUES (?, ?, ?, ?, 'sending') RETURNING id",
			int64(organisation), int64(wave), string(kind), *utc(&now)).Scan(&mailing).Error
		if err != nil {
			return err
		}
		return tx.Exec("INSERT INTO mails (organisation_id, wave_id, mailing_id, invitation_id, message_id, state, not_before) VALUES (?, ?, ?, ?, ?, 'waiting', ?)",
			int64(organisation), int64(wave), mailing, string(id), messageID, *utc(&now)).Error
	})
	if errors.Is(err, gorm.ErrDuplicatedKey) {
		err = fmt.Errorf("its Message-ID was used before: %w", survey.ErrConflict)
	}
	if err != nil {
		return fmt.Errorf("mail one person of wave %d: %w", wave, classify(err))
	}
	return nil
}
