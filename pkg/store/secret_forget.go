package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"gorm.io/gorm"

	"cxmirror/pkg/survey"
)

// SecretUse counts what depends on the secret that a database is used with, in all organisations.
type SecretUse struct {
	Links         int // invitations with a personal link
	Mailed        int // of those, the ones whose link was sent by mail
	Codes         int // invitations with an access code on paper
	Begun         int // unfinished answers by a personal link, of waves that are not anonymous
	Drafts        int // unfinished answers of anonymous waves, where nobody can tell which came by a personal link
	Sealed        int // finished answers of anonymous waves that wait
	SecondFactors int // users who sign in with one
}

// Ways are the ways in of one invitation, as they follow from a secret.
type Ways struct {
	TokenHash []byte // of the secret in the personal link
	CodeHash  []byte // of the access code on paper
	Key       string // of the response that was begun by the link
}

// SecretUse counts what depends on the secret that the database is used with.
func (s *Store) SecretUse(ctx context.Context) (SecretUse, error) {
	use, err := secretUse(s.read.WithContext(ctx))
	if err != nil {
		return SecretUse{}, fmt.Errorf("count what depends on the secret: %w", classify(err))
	}
	return use, nil
}

func secretUse(tx *gorm.DB) (SecretUse, error) {
	var use SecretUse
	err := tx.Raw(`
		SELECT
			(SELECT count(*) FROM invitations WHERE token_hash IS NOT NULL) AS links,
			(SELECT count(*) FROM invitations WHERE token_hash IS NOT NULL AND invited_at IS NOT NULL) AS mailed,
			(SELECT count(*) FROM invitations WHERE code_hash IS NOT NULL) AS codes,
			(SELECT count(*) FROM responses WHERE invitation_id IS NOT NULL AND completed_at IS NULL) AS begun,
			(SELECT count(*) FROM drafts WHERE length(content) > 0) AS drafts,
			(SELECT count(*) FROM sealed) AS sealed,
			(SELECT count(*) FROM users WHERE second_factor IS NOT NULL) AS second_factors`).Scan(&use).Error
	return use, err
}

// ForgetSecret ties the database to another secret, for good, where the one it was used with is lost: old and next
// are their fingerprints. ways returns the ways in of an invitation as they follow from the next one. Every invitation
// gets them, whoever has begun by a personal link of a wave that is not anonymous goes on by the new one, and what was
// sealed goes, since nobody can open it: waves could never publish anything again. So do drafts of anonymous
// waves with personal links alone. Answers that count, or wait without being sealed, stay as they are.
//
// All that is one transaction. ForgetSecret returns what depended on the old secret. A database that is used with
// another one than old is [survey.ErrConflict]. No server of the database may run meanwhile: it would go on with the
// secret that it has read.
func (s *Store) ForgetSecret(ctx context.Context, old, next []byte, ways func(survey.InvitationID) Ways) (SecretUse, error) {
	var use SecretUse
	err := s.change(ctx, func(tx *gorm.DB) error {
		bound, err := s.holdSecret(tx)
		switch {
		case err != nil:
			return err
		case !bytes.Equal(bound, old):
			return fmt.Errorf("it is used with yet another secret: %w", survey.ErrConflict)
		case bytes.Equal(old, next):
			return errors.New("the next secret is the old one: nothing is lost")
		}
		if use, err = secretUse(tx); err != nil {
			return err
		}
		if err := renewWays(tx, ways); err != nil {
			return err
		}
		for _, statement := range []string{
			"DELETE FROM sealed",
			"DELETE FROM drafts WHERE length(content) > 0 AND wave_id IN (SELECT id FROM waves WHERE NOT open_link AND NOT kiosk)",
		} {
			if err := tx.Exec(statement).Error; err != nil {
				return err
			}
		}
		return tx.Exec("UPDATE bound_secret SET fingerprint = ? WHERE id = 1", next).Error
	})
	s.waveChanges.Add(1)
	if err != nil {
		return SecretUse{}, fmt.Errorf("forget the secret of the database: %w", classify(err))
	}
	s.forgetSealed(ctx)
	return use, nil
}

// holdSecret returns the fingerprint that the database is tied to, and keeps others from tying it to another.
func (s *Store) holdSecret(tx *gorm.DB) ([]byte, error) {
	lock := " FOR UPDATE"
	if s.engine == sqliteEngine {
		lock = ""
	}
	var row struct{ Fingerprint []byte }
	err := found(tx.Raw("SELECT fingerprint FROM bound_secret WHERE id = 1" + lock).Scan(&row))
	return row.Fingerprint, err
}

// waysBatch is how many invitations are read at a time.
const waysBatch = 1000

// renewWays gives every invitation that has a way in another one, and what was begun by it another key.
func renewWays(tx *gorm.DB, ways func(survey.InvitationID) Ways) error {
	after := "00000000000000000000000000000000"
	for {
		var rows []struct {
			ID       responseID
			HasCode  bool
			Answered bool
		}
		err := tx.Raw(`
			SELECT i.id, i.code_hash IS NOT NULL AS has_code,
				EXISTS (SELECT 1 FROM responses r WHERE r.invitation_id = i.id AND r.key_hash IS NOT NULL) AS answered
			FROM invitations i WHERE i.token_hash IS NOT NULL AND i.id > ? ORDER BY i.id LIMIT ?`, after, waysBatch).Scan(&rows).Error
		if err != nil {
			return err
		}
		for _, row := range rows {
			after = string(row.ID)
			next := ways(survey.InvitationID(row.ID))
			if !row.HasCode {
				next.CodeHash = nil
			}
			err := tx.Exec("UPDATE invitations SET token_hash = ?, code_hash = ? WHERE id = ?", next.TokenHash, next.CodeHash, after).Error
			if err == nil && row.Answered {
				err = tx.Exec("UPDATE responses SET key_hash = ? WHERE invitation_id = ?", hashKey(next.Key), after).Error
			}
			if err != nil {
				return err
			}
		}
		if len(rows) < waysBatch {
			return nil
		}
	}
}
