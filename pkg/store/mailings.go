package store

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"cxmirror/pkg/survey"
)

// ChangeLetters changes what is written to the people of a wave: change is handed the letters that are stored, as
// [Store.Letters] has them, and returns those that are to be, and nobody else changes them meanwhile. One of a kind that
// change leaves out stays. A wave that the organisation does not have is [survey.ErrNotFound].
//
// change may be called more than once, and must not use the store; an error of its own is returned, and nothing is
// stored.
func (s *Store) ChangeLetters(
	ctx context.Context, organisation survey.OrganisationID, wave survey.WaveID, change func([]survey.Letter) ([]survey.Letter, error),
) error {
	err := s.change(ctx, func(tx *gorm.DB) error {
		if _, err := s.lockWave(tx, organisation, wave); err != nil {
			return err
		}
		letters, err := takeLetters(tx, organisation, wave)
		if err == nil {
			letters, err = change(letters)
		}
		if err != nil {
			return err
		}
		for i := range letters {
			if err := saveLetter(tx, organisation, wave, &letters[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("save the letters of wave %d: %w", wave, classify(err))
	}
	return nil
}

func saveLetter(tx *gorm.DB, organisation survey.OrganisationID, wave survey.WaveID, letter *survey.Letter) error {
	subject, err := json.Marshal(letter.Subject)
	if err != nil {
		return err
	}
	text, err := json.Marshal(letter.Text)
	if err != nil {
		return err
	}
	// Of another organisation's wave the reference fails on both.
	return tx.Exec(`
		INSERT INTO letters (wave_id, kind, organisation_id, subject, text) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (wave_id, kind) DO UPDATE SET organisation_id = excluded.organisation_id, subject = excluded.subject, text = excluded.text`,
		int64(wave), string(letter.Kind), int64(organisation), string(subject), string(text)).Error
}

// Letters returns what is written to the people of a wave, the invitation first.
func (s *Store) Letters(ctx context.Context, organisation survey.OrganisationID, wave survey.WaveID) ([]survey.Letter, error) {
	letters, err := takeLetters(s.read.WithContext(ctx), organisation, wave)
	if err != nil {
		return nil, fmt.Errorf("letters of wave %d: %w", wave, classify(err))
	}
	return letters, nil
}

// takeLetters reads the letters of a wave, the invitation first.
func takeLetters(db *gorm.DB, organisation survey.OrganisationID, wave survey.WaveID) ([]survey.Letter, error) {
	var rows []struct {
		Kind          string
		Subject, Text []byte
	}
	err := db.Raw("SELECT kind, subject, text FROM letters WHERE organisation_id = ? AND wave_id = ? ORDER BY kind", int64(organisation), int64(wave)).Scan(&rows).Error
	if err != nil {
		return nil, err
	}
	letters := make([]survey.Letter, len(rows))
	for i, row := range rows {
		letters[i] = survey.Letter{Wave: wave, Kind: survey.LetterKind(row.Kind)}
		if err := errors.Join(json.Unmarshal(row.Subject, &letters[i].Subject), json.Unmarshal(row.Text, &letters[i].Text)); err != nil {
			return nil, fmt.Errorf("the %s of wave %d, as stored: %w", row.Kind, wave, err)
		}
	}
	return letters, nil
}

// PlanMailing stores a mailing that starts by itself at its time, and fills in its id and state. A wave that the
// organisation does not have is [survey.ErrNotFound].
func (s *Store) PlanMailing(ctx context.Context, organisation survey.OrganisationID, m *survey.Mailing) error {
	err := s.change(ctx, func(tx *gorm.DB) error { return planMailing(tx, organisation, m.Wave, m) })
	if errors.Is(err, gorm.ErrForeignKeyViolated) {
		err = survey.ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("plan a mailing of wave %d: %w", m.Wave, classify(err))
	}
	return nil
}

func planMailing(tx *gorm.DB, organisation survey.OrganisationID, wave survey.WaveID, m *survey.Mailing) error {
	var id int64
	err := returning(tx, &id, "INSERT INTO mailings (organisation_id, wave_id, kind, starts_at, state) VALUES (?, ?, ?, ?, 'planned') RETURNING id",
		int64(organisation), int64(wave), string(m.Kind), *utc(&m.At))
	if err != nil {
		return err
	}
	m.ID, m.Organisation, m.Wave, m.State = survey.MailingID(id), organisation, wave, survey.MailingPlanned
	return nil
}

// mailingRow is what is read of a mailing and its mails.
type mailingRow struct {
	ID, WaveID           int64
	OrganisationID       int64
	Kind, State          string
	StartsAt             time.Time
	Queued, Sent, Failed int
}

// mailingColumns are the columns of a mailing in a query that calls the table g. Mails that were erased are
// counted in the mailing itself.
const mailingColumns = `g.id, g.organisation_id, g.wave_id, g.kind, g.state, g.starts_at,
	g.queued + (SELECT count(*) FROM mails WHERE mailing_id = g.id) AS queued,
	g.sent + (SELECT count(*) FROM mails WHERE mailing_id = g.id AND state = 'sent') AS sent,
	g.failed + (SELECT count(*) FROM mails WHERE mailing_id = g.id AND state = 'failed') AS failed`

func findMailings(query *gorm.DB) ([]survey.Mailing, error) {
	var rows []mailingRow
	if err := query.Scan(&rows).Error; err != nil {
		return nil, err
	}
	mailings := make([]survey.Mailing, len(rows))
	for i, row := range rows {
		mailings[i] = survey.Mailing{
			ID: survey.MailingID(row.ID), Organisation: survey.OrganisationID(row.OrganisationID), Wave: survey.WaveID(row.WaveID), Kind: survey.LetterKind(row.Kind), At: row.StartsAt.UTC(),
			State: survey.MailingState(row.State), Queued: row.Queued, Sent: row.Sent, Failed: row.Failed,
		}
	}
	return mailings, nil
}

// Mailings returns the mailings of a wave by their times.
func (s *Store) Mailings(ctx context.Context, organisation survey.OrganisationID, wave survey.WaveID) ([]survey.Mailing, error) {
	mailings, err := findMailings(s.read.WithContext(ctx).Raw(
		"SELECT "+mailingColumns+" FROM mailings g WHERE g.organisation_id = ? AND g.wave_id = ? ORDER BY g.starts_at, g.id", int64(organisation), int64(wave)))
	if err != nil {
		return nil, fmt.Errorf("mailings of wave %d: %w", wave, classify(err))
	}
	return mailings, nil
}

// DueMailings returns the planned mailings of all organisations whose time has come. Those of archived organisations
// stay planned.
func (s *Store) DueMailings(ctx context.Context, now time.Time) ([]survey.Mailing, error) {
	mailings, err := findMailings(s.read.WithContext(ctx).Raw(
		"SELECT "+mailingColumns+" FROM mailings g WHERE g.state = 'planned' AND g.starts_at <= ? AND g.organisation_id NOT IN "+archived+" ORDER BY g.starts_at, g.id", *utc(&now)))
	if err != nil {
		return nil, fmt.Errorf("mailings that are due: %w", classify(err))
	}
	return mailings, nil
}

// CancelMailing stops a mailing: mails of it that were not sent are not. One that is done, or cancelled already,
// is [survey.ErrConflict].
func (s *Store) CancelMailing(ctx context.Context, organisation survey.OrganisationID, id survey.MailingID) error {
	err := s.change(ctx, func(tx *gorm.DB) error {
		result := tx.Exec("UPDATE mailings SET state = 'cancelled' WHERE organisation_id = ? AND id = ? AND state IN ('planned', 'sending')",
			int64(organisation), int64(id))
		if result.Error != nil {
			return result.Error
		}
		if result.RowsAffected == 0 {
			return cmp.Or(there(tx, "mailings", organisation, int64(id)), survey.ErrConflict)
		}
		return tx.Exec("UPDATE mails SET state = 'dropped', reason = 'cancelled' WHERE mailing_id = ? AND state = 'waiting'", int64(id)).Error
	})
	if err != nil {
		return fmt.Errorf("cancel mailing %d: %w", id, classify(err))
	}
	return nil
}

// reachable is the SQL condition for invitations i whose people p can be written to.
const reachable = `p.active AND p.address <> '' AND p.unsubscribed_at IS NULL AND p.bounced_at IS NULL
	AND NOT i.unsubscribed AND i.failed = '' AND NOT i.finished`

// StartMailing puts the mails of a planned mailing into the queue, one for each person whom it concerns now, each
// with a Message-ID of its own, and returns how many. Invitations concern everybody who was not yet invited,
// reminders those who were and have not finished; neither goes to people who are inactive, want no mail, or whose
// mail does not arrive. A mailing of which there is nothing to send is done, and so is one of a wave that takes no
// more answers. One that is not planned any more is [survey.ErrConflict]: another process was faster, or it was
// cancelled, or its organisation is archived. One that the organisation does not have is [survey.ErrNotFound].
func (s *Store) StartMailing(ctx context.Context, organisation survey.OrganisationID, id survey.MailingID, messageID func() string, now time.Time) (int, error) {
	queued := 0
	err := s.change(ctx, func(tx *gorm.DB) error {
		var row struct {
			OrganisationID, WaveID int64
			Kind                   string
		}
		err := returning(tx, &row, "UPDATE mailings SET state = 'sending' WHERE id = ? AND organisation_id = ? AND state = 'planned' AND organisation_id NOT IN "+archived+" RETURNING organisation_id, wave_id, kind",
			int64(id), int64(organisation))
		if err != nil {
			return err
		}
		if row.WaveID == 0 {
			return cmp.Or(there(tx, "mailings", organisation, int64(id)), survey.ErrConflict)
		}
		invitations, err := concerned(tx, survey.WaveID(row.WaveID), survey.LetterKind(row.Kind), now)
		if err != nil {
			return err
		}
		mails := newBulk(tx, "mails", "organisation_id, wave_id, mailing_id, invitation_id, message_id, state, not_before", "")
		for _, invitation := range invitations {
			if err := mails.add(row.OrganisationID, row.WaveID, int64(id), string(invitation), messageID(), "waiting", *utc(&now)); err != nil {
				return err
			}
		}
		if err := mails.flush(); err != nil {
			return err
		}
		queued = len(invitations)
		return finishMailings(tx, "id = ?", int64(id))
	})
	if errors.Is(err, gorm.ErrDuplicatedKey) {
		err = fmt.Errorf("a Message-ID was used before: %w", survey.ErrConflict)
	}
	if err != nil {
		return 0, fmt.Errorf("start mailing %d: %w", id, classify(err))
	}
	return queued, nil
}

// concerned returns the invitations of a wave to whose people a letter goes now.
func concerned(tx *gorm.DB, wave survey.WaveID, kind survey.LetterKind, now time.Time) ([]responseID, error) {
	w, err := takeWave(tx.Where("id = ?", int64(wave)))
	if err != nil || closing(&w, now) {
		return nil, err
	}
	condition := "i.invited_at IS NULL"
	if kind == survey.ReminderLetter {
		condition = "i.invited_at IS NOT NULL"
	}
	var ids []responseID
	err = tx.Raw(`
		SELECT i.id FROM invitations i JOIN people p ON p.id = i.person_id
		WHERE i.wave_id = ? AND `+condition+` AND `+reachable+`
			AND NOT EXISTS (SELECT 1 FROM mails m WHERE m.invitation_id = i.id AND m.state = 'waiting')
		ORDER BY i.id`, int64(wave)).Scan(&ids).Error
	return ids, err
}

// finishMailings notes that mailings are done of which no mail waits any more.
func finishMailings(tx *gorm.DB, condition string, values ...any) error {
	return tx.Exec(`
		UPDATE mailings SET state = 'done' WHERE state = 'sending' AND `+condition+`
			AND NOT EXISTS (SELECT 1 FROM mails WHERE mailing_id = mailings.id AND state = 'waiting')`, values...).Error
}
