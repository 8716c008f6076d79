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

// tokenRow is what is read of a row of the table api_tokens.
type tokenRow struct {
	ID             int64
	OrganisationID int64
	UserID         int64
	Name           string
	Rights         []byte // JSON
	Prefix         string
	Hash           []byte
	CreatedAt      time.Time
	ExpiresAt      time.Time
	UsedOn         *time.Time
	RevokedAt      *time.Time
}

// tokenColumns are the columns of a token in a query that calls the table t.
const tokenColumns = "t.id, t.organisation_id, t.user_id, t.name, t.rights, t.prefix, t.hash, t.created_at, t.expires_at, t.used_on, t.revoked_at" //nolint:gosec // names of columns

func (row *tokenRow) token() (survey.APIToken, error) {
	t := survey.APIToken{
		ID: survey.TokenID(row.ID), Organisation: survey.OrganisationID(row.OrganisationID), User: survey.UserID(row.UserID), Name: row.Name,
		Prefix: row.Prefix, Hash: row.Hash, Created: row.CreatedAt.UTC(), Expires: row.ExpiresAt.UTC(), Used: utc(row.UsedOn), Revoked: utc(row.RevokedAt),
	}
	if err := json.Unmarshal(row.Rights, &t.Rights); err != nil {
		return t, fmt.Errorf("rights of token %d, as stored: %w", row.ID, err)
	}
	return t, nil
}

// CreateToken stores a token that a member of an organisation made, and fills in its id and when it was created.
// Somebody who is no member there is [survey.ErrNotFound].
func (s *Store) CreateToken(ctx context.Context, t *survey.APIToken) error {
	rights, err := json.Marshal(append([]string{}, t.Rights...))
	var row tokenRow
	if err == nil {
		err = s.change(ctx, func(tx *gorm.DB) error {
			return returning(tx, &row, `
				INSERT INTO api_tokens (organisation_id, user_id, name, rights, prefix, hash, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?)
				RETURNING id, created_at`,
				int64(t.Organisation), int64(t.User), t.Name, string(rights), t.Prefix, t.Hash, *utc(&t.Expires))
		})
	}
	switch {
	case errors.Is(err, gorm.ErrForeignKeyViolated):
		err = survey.ErrNotFound
	case errors.Is(err, gorm.ErrDuplicatedKey):
		err = fmt.Errorf("there is one with that secret: %w", survey.ErrConflict)
	}
	if err != nil {
		return fmt.Errorf("create a token of user %d in organisation %d: %w", t.User, t.Organisation, classify(err))
	}
	t.ID, t.Created, t.Expires = survey.TokenID(row.ID), row.CreatedAt.UTC(), *utc(&t.Expires)
	return nil
}

// TokenByHash returns the token that has a hash, or [survey.ErrNotFound] if it does not work at now: it was revoked or has
// expired, its organisation is archived, or who made it is disabled.
func (s *Store) TokenByHash(ctx context.Context, hash []byte, now time.Time) (survey.APIToken, error) {
	var row tokenRow
	err := found(s.read.WithContext(ctx).Raw(`
		SELECT `+tokenColumns+` FROM api_tokens t JOIN organisations o ON o.id = t.organisation_id JOIN users u ON u.id = t.user_id
		WHERE t.hash = ? AND t.revoked_at IS NULL AND t.expires_at > ? AND o.archived_at IS NULL AND NOT u.disabled`, hash, *utc(&now)).Scan(&row))
	var t survey.APIToken
	if err == nil {
		t, err = row.token()
	}
	if err != nil {
		return survey.APIToken{}, fmt.Errorf("a token: %w", classify(err))
	}
	return t, nil
}

// Tokens returns the tokens of an organisation, the newest first, with those that do not work any more.
func (s *Store) Tokens(ctx context.Context, organisation survey.OrganisationID) ([]survey.APIToken, error) {
	var rows []tokenRow
	err := s.read.WithContext(ctx).Raw("SELECT "+tokenColumns+" FROM api_tokens t WHERE t.organisation_id = ? ORDER BY t.id DESC", int64(organisation)).Scan(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("tokens of organisation %d: %w", organisation, classify(err))
	}
	tokens := make([]survey.APIToken, len(rows))
	for i := range rows {
		if tokens[i], err = rows[i].token(); err != nil {
			return nil, fmt.Errorf("tokens of organisation %d: %w", organisation, err)
		}
	}
	return tokens, nil
}

// RevokeToken makes a token of an organisation work no more from now on. Revoking it again changes nothing.
func (s *Store) RevokeToken(ctx context.Context, organisation survey.OrganisationID, id survey.TokenID, now time.Time) error {
	err := s.changeOnce(ctx, func(tx *gorm.DB) error {
		return found(tx.Exec("UPDATE api_tokens SET revoked_at = coalesce(revoked_at, ?) WHERE organisation_id = ? AND id = ?", *utc(&now), int64(organisation), int64(id)))
	})
	if err != nil {
		return fmt.Errorf("revoke token %d: %w", id, classify(err))
	}
	return nil
}

// TokenUsed notes the last day on which a token was used.
func (s *Store) TokenUsed(ctx context.Context, organisation survey.OrganisationID, id survey.TokenID, day time.Time) error {
	err := s.changeOnce(ctx, func(tx *gorm.DB) error {
		return found(tx.Exec("UPDATE api_tokens SET used_on = "+s.date()+" WHERE organisation_id = ? AND id = ?",
			day.UTC().Format(time.DateOnly), int64(organisation), int64(id)))
	})
	if err != nil {
		return fmt.Errorf("note that token %d was used: %w", id, classify(err))
	}
	return nil
}
