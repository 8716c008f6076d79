package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"

	"cxmirror/pkg/survey"
)

// The queue of mails lives in the database. A mail waits until it was sent, failed for good, or is dropped because
// it concerns nobody any more. Who claims mails has them until it settles them, gives them back or is deleted from
// the senders; after that they are claimed again, with the Message-ID they had.

// claimable is the SQL condition for mails that may be claimed at a time. Those of an archived organisation wait until it
// comes back.
const claimable = "state = 'waiting' AND sender_id IS NULL AND not_before <= ? AND organisation_id NOT IN " + archived

// MailsWait reports whether mails may be claimed at now. Where there are none, mailings of which no mail waits any
// more become done: their last mails may have been noted at the same moment, each beside the other.
func (s *Store) MailsWait(ctx context.Context, now time.Time) (bool, error) {
	var wait bool
	err := s.read.WithContext(ctx).Raw("SELECT EXISTS (SELECT 1 FROM mails WHERE "+claimable+")", *utc(&now)).Scan(&wait).Error
	if err == nil && !wait {
		err = s.change(ctx, func(tx *gorm.DB) error { return finishMailings(tx, "true") })
	}
	if err != nil {
		return false, fmt.Errorf("look for mails that wait: %w", classify(err))
	}
	return wait, nil
}

// ClaimMails takes up to limit mails of all organisations out of the queue that may be sent at now, the one that
// waits for longest first, for a sender. Of one that was deleted, because others took it for dead, it is an error
// of [survey.ErrConflict]. Mails that concern nobody any more are dropped on the way: an invitation of somebody who has one, a reminder of somebody who has
// finished, whatever is for people who are inactive, want no mail or cannot be reached, and all of a wave that
// takes no more answers.
func (s *Store) ClaimMails(ctx context.Context, sender survey.SenderID, now time.Time, limit int) ([]survey.Mail, error) {
	var mails []survey.Mail
	for len(mails) == 0 {
		looked := 0
		err := s.change(ctx, func(tx *gorm.DB) (err error) {
			mails, looked, err = s.claimMails(tx, sender, now, limit)
			return err
		})
		if errors.Is(err, gorm.ErrForeignKeyViolated) {
			return nil, fmt.Errorf("claim mails: sender %d is not known any more: %w", sender, survey.ErrConflict)
		}
		if err != nil {
			return nil, fmt.Errorf("claim mails: %w", classify(err))
		}
		if looked < limit { // the end of the queue
			break
		}
	}
	return mails, nil
}

// claimMails looks at limit mails and claims those of them that are to be sent.
func (s *Store) claimMails(tx *gorm.DB, sender survey.SenderID, now time.Time, limit int) (mails []survey.Mail, looked int, err error) {
	lock := ""
	if s.engine == postgresEngine {
		lock = " FOR UPDATE SKIP LOCKED"
	}
	var ids []int64
	err = tx.Raw("SELECT id FROM mails WHERE "+claimable+" ORDER BY not_before, id LIMIT ?"+lock, *utc(&now), limit).Scan(&ids).Error
	if err != nil {
		return nil, 0, err
	}
	if len(ids) > 0 {
		if mails, err = wantedMails(tx, ids, now); err != nil {
			return nil, 0, err
		}
		claimed := make([]int64, len(mails))
		for i := range mails {
			claimed[i] = mails[i].ID
		}
		if len(claimed) > 0 {
			if err := tx.Exec("UPDATE mails SET sender_id = ? WHERE id IN ?", int64(sender), claimed).Error; err != nil {
				return nil, 0, err
			}
		}
		dropped := slices.DeleteFunc(slices.Clone(ids), func(id int64) bool { return slices.Contains(claimed, id) })
		if len(dropped) > 0 {
			if err := tx.Exec("UPDATE mails SET state = 'dropped', reason = 'concerns nobody any more' WHERE id IN ?", dropped).Error; err != nil {
				return nil, 0, err
			}
		}
	}
	if len(ids) < limit { // the last mails of a mailing may have been noted at the same moment, each beside the other
		err = finishMailings(tx, "true")
	}
	return mails, len(ids), err
}

// mailRow is a mail with the one it is for.
type mailRow struct {
	Person personRow `gorm:"embedded"` // named: gorm passes over what is embedded and not exported

	MailID             int64
	MailingID          int64
	Kind               string
	WaveID             int64
	InvitationID       responseID
	MessageID          string
	Attempts           int
	InvitationLanguage string
}

// wanted is the query for mails m that are to be sent at a time: their mailings g go on, and whom they are for has not done
// what they ask for, and can be written to.
const wanted = `
	SELECT p.*, m.id AS mail_id, m.mailing_id, g.kind, m.wave_id, m.invitation_id, m.message_id, m.attempts, i.language AS invitation_language
	FROM mails m JOIN mailings g ON g.id = m.mailing_id JOIN waves w ON w.id = m.wave_id
		JOIN invitations i ON i.id = m.invitation_id JOIN people p ON p.id = i.person_id
	WHERE g.state = 'sending' AND w.state <> 'closed' AND (w.closes_at IS NULL OR w.closes_at > ?)
		AND (g.kind = 'reminder' OR i.invited_at IS NULL) AND ` + reachable

// wantedMails returns those of some mails that are to be sent, in the same order.
func wantedMails(tx *gorm.DB, ids []int64, now time.Time) ([]survey.Mail, error) {
	mails, err := findMails(tx.Raw(wanted+" AND m.id IN ?", *utc(&now), ids))
	if err != nil {
		return nil, err
	}
	slices.SortFunc(mails, func(a, b survey.Mail) int { return slices.Index(ids, a.ID) - slices.Index(ids, b.ID) })
	return mails, nil
}

// findMails reads all mails of a query.
func findMails(query *gorm.DB) ([]survey.Mail, error) {
	var rows []mailRow
	if err := query.Scan(&rows).Error; err != nil {
		return nil, err
	}
	mails := make([]survey.Mail, len(rows))
	for i := range rows {
		row := &rows[i]
		mails[i] = survey.Mail{
			ID: row.MailID, Mailing: survey.MailingID(row.MailingID), Kind: survey.LetterKind(row.Kind), Wave: survey.WaveID(row.WaveID),
			Invitation: survey.InvitationID(row.InvitationID), MessageID: row.MessageID, Attempts: row.Attempts,
			Language: survey.Language(row.InvitationLanguage),
		}
		person, err := row.Person.person()
		if err != nil {
			return nil, err
		}
		mails[i].Person = person
	}
	return mails, nil
}

// ClaimedMail returns a mail as it is at now, right before its sender sends it: much may have happened since it was
// claimed. One that is not to be sent any more, or not now, is [survey.ErrConflict]: another sender has it, it concerns
// nobody any more, or its organisation was archived. One that the organisation does not have, or that was erased, is
// [survey.ErrNotFound].
func (s *Store) ClaimedMail(ctx context.Context, organisation survey.OrganisationID, sender survey.SenderID, id int64, now time.Time) (survey.Mail, error) {
	mails, err := findMails(s.read.WithContext(ctx).Raw(wanted+
		" AND m.id = ? AND m.organisation_id = ? AND m.state = 'waiting' AND m.sender_id = ? AND m.organisation_id NOT IN "+archived,
		*utc(&now), id, int64(organisation), int64(sender)))
	if err == nil && len(mails) == 0 {
		if err = there(s.read.WithContext(ctx), "mails", organisation, id); err == nil {
			err = survey.ErrConflict
		}
	}
	if err != nil {
		return survey.Mail{}, fmt.Errorf("mail %d, which was to be sent: %w", id, classify(err))
	}
	return mails[0], nil
}

// MailSent notes that a server took a mail at now: its invitation was invited, or reminded once more. A mail that
// was cancelled or dropped meanwhile was sent all the same. Noting it again does nothing. A mail that the organisation
// does not have, or that was erased, is [survey.ErrNotFound].
func (s *Store) MailSent(ctx context.Context, organisation survey.OrganisationID, id int64, now time.Time) error {
	err := s.change(ctx, func(tx *gorm.DB) error {
		invitation, err := settle(tx, organisation, id, "sent", "")
		if err != nil || invitation == nil {
			return err
		}
		set, values := "reminded = reminded + 1", []any{}
		if invitation.Kind == string(survey.InvitationLetter) {
			set, values = "invited_at = coalesce(invited_at, ?)", []any{*utc(&now)}
		}
		if err := tx.Exec("UPDATE invitations SET "+set+" WHERE id = ?", append(values, string(invitation.InvitationID))...).Error; err != nil {
			return err
		}
		return finishMailings(tx, "id = ?", invitation.MailingID)
	})
	if err != nil {
		return fmt.Errorf("note that mail %d was sent: %w", id, classify(err))
	}
	return nil
}

// MailFailed notes that a mail was refused for good, and why; its invitation shows it, and gets no more mail until
// the address is another. Noting it of a mail that is sent does nothing. A mail that the organisation does not have,
// or that was erased, is [survey.ErrNotFound].
func (s *Store) MailFailed(ctx context.Context, organisation survey.OrganisationID, id int64, reason string) error {
	err := s.change(ctx, func(tx *gorm.DB) error {
		invitation, err := settle(tx, organisation, id, "failed", reason)
		if err != nil || invitation == nil {
			return err
		}
		if reason == "" {
			reason = "refused"
		}
		if err := tx.Exec("UPDATE invitations SET failed = ? WHERE id = ?", reason, string(invitation.InvitationID)).Error; err != nil {
			return err
		}
		return finishMailings(tx, "id = ?", invitation.MailingID)
	})
	if err != nil {
		return fmt.Errorf("note that mail %d failed: %w", id, classify(err))
	}
	return nil
}

// settledMail is what is left to do for a mail that waits no more.
type settledMail struct {
	MailingID    int64
	InvitationID responseID
	Kind         string
}

// settle gives a mail its last state. It returns nil if it had that, or was sent.
func settle(tx *gorm.DB, organisation survey.OrganisationID, id int64, state, reason string) (*settledMail, error) {
	var settled settledMail
	err := tx.Raw(`
		UPDATE mails SET state = ?, reason = ?, sender_id = NULL WHERE id = ? AND organisation_id = ? AND state NOT IN ('sent', ?)
		RETURNING mailing_id, invitation_id, (SELECT kind FROM mailings WHERE mailings.id = mails.mailing_id) AS kind`, state, reason, id, int64(organisation), state).Scan(&settled).Error
	switch {
	case err != nil:
		return nil, err
	case settled.MailingID == 0:
		return nil, there(tx, "mails", organisation, id)
	}
	return &settled, nil
}

// MailDeferred notes that a mail could not be sent now, and why, and counts the attempt: it is not claimed before
// until. It does nothing of a mail that the sender has not claimed. A mail that the organisation does not have, or that
// was erased, is [survey.ErrNotFound].
func (s *Store) MailDeferred(ctx context.Context, organisation survey.OrganisationID, sender survey.SenderID, id int64, until time.Time, reason string) error {
	err := s.changeOnce(ctx, func(tx *gorm.DB) error {
		deferred := tx.Exec("UPDATE mails SET not_before = ?, attempts = attempts + 1, reason = ?, sender_id = NULL WHERE id = ? AND organisation_id = ? AND state = 'waiting' AND sender_id = ?",
			*utc(&until), reason, id, int64(organisation), int64(sender))
		if deferred.Error != nil || deferred.RowsAffected > 0 {
			return deferred.Error
		}
		return there(tx, "mails", organisation, id)
	})
	if err != nil {
		return fmt.Errorf("note that mail %d waits: %w", id, classify(err))
	}
	return nil
}

// ReleaseMails gives claimed mails back unsent, without counting an attempt: they are not claimed before until. It
// does nothing of mails that the sender has not claimed; if the organisation has none of them at all, it is [survey.ErrNotFound].
func (s *Store) ReleaseMails(ctx context.Context, organisation survey.OrganisationID, sender survey.SenderID, ids []int64, until time.Time) error {
	err := s.change(ctx, func(tx *gorm.DB) error {
		known := len(ids) == 0
		for chunk := range slices.Chunk(ids, 1000) {
			released := tx.Exec("UPDATE mails SET not_before = ?, sender_id = NULL WHERE id IN ? AND organisation_id = ? AND state = 'waiting' AND sender_id = ?",
				*utc(&until), chunk, int64(organisation), int64(sender))
			if released.Error != nil {
				return released.Error
			}
			if known = known || released.RowsAffected > 0; known {
				continue
			}
			if err := tx.Raw("SELECT EXISTS (SELECT 1 FROM mails WHERE id IN ? AND organisation_id = ?)", chunk, int64(organisation)).Scan(&known).Error; err != nil {
				return err
			}
		}
		if !known {
			return survey.ErrNotFound
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("give mails back: %w", classify(err))
	}
	return nil
}

// QueueCount says how many mails are in a state.
type QueueCount struct {
	Waiting, Sent, Failed, Dropped int
	Deferred                       int // of those that wait, those that were tried before
}

// MailQueue counts the mails of a wave.
func (s *Store) MailQueue(ctx context.Context, organisation survey.OrganisationID, wave survey.WaveID) (QueueCount, error) {
	var c QueueCount
	err := s.read.WithContext(ctx).Raw(`
		SELECT count(CASE WHEN m.state = 'waiting' THEN 1 END) AS waiting, count(CASE WHEN m.state = 'sent' THEN 1 END) AS sent,
			count(CASE WHEN m.state = 'failed' THEN 1 END) AS failed, count(CASE WHEN m.state = 'dropped' THEN 1 END) AS dropped,
			count(CASE WHEN m.state = 'waiting' AND attempts > 0 THEN 1 END) AS deferred
		FROM mailings g JOIN mails m ON m.mailing_id = g.id WHERE g.organisation_id = ? AND g.wave_id = ?`, int64(organisation), int64(wave)).Scan(&c).Error
	if err != nil {
		return QueueCount{}, fmt.Errorf("count the mails of wave %d: %w", wave, classify(err))
	}
	return c, nil
}
