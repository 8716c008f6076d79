package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"cxmirror/pkg/survey"
)

// linkRow is what is read of a row of the table sign_in_links.
type linkRow struct {
	Hash      []byte
	Kind      string
	UserID    *int64
	Way       string
	ExpiresAt time.Time
}

func (row *linkRow) link() survey.SignInLink {
	link := survey.SignInLink{Hash: row.Hash, Kind: survey.LinkKind(row.Kind), Way: survey.LinkWay(row.Way), Expires: row.ExpiresAt.UTC()}
	if row.UserID != nil {
		link.User = survey.UserID(*row.UserID)
	}
	return link
}

// CreateLink stores a link for signing in. It replaces the one of the same kind and user, if there is one, which
// does not work any more. A user who does not exist is [survey.ErrNotFound].
func (s *Store) CreateLink(ctx context.Context, link survey.SignInLink) error {
	err := s.changeOnce(ctx, func(tx *gorm.DB) error { return putLink(tx, &link) })
	switch {
	case errors.Is(err, gorm.ErrForeignKeyViolated):
		err = survey.ErrNotFound
	case errors.Is(err, gorm.ErrDuplicatedKey):
		err = fmt.Errorf("its secret was used before: %w", survey.ErrConflict)
	}
	if err != nil {
		return fmt.Errorf("store the %s link of user %d: %w", link.Kind, link.User, classify(err))
	}
	return nil
}

func putLink(tx *gorm.DB, link *survey.SignInLink) error {
	target := "(user_id, kind)"
	if link.User == 0 {
		target = "(kind) WHERE user_id IS NULL"
	}
	// The hash is not the first: gorm takes bytes right behind a parenthesis for a list.
	return tx.Exec(`
		INSERT INTO sign_in_links (kind, hash, user_id, way, expires_at) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT `+target+` DO UPDATE SET hash = excluded.hash, way = excluded.way, expires_at = excluded.expires_at`,
		string(link.Kind), link.Hash, userOrNull(link.User), string(cmp.Or(link.Way, survey.ByHand)), *utc(&link.Expires)).Error
}

// validLink returns the SQL condition for links that work at a time: of that hash and kind, not expired, for setting up as
// long as there is nobody, and where whoever runs the server was shown it, as long as it opens nothing that is in use.
func validLink() string {
	return `hash = ? AND kind = ? AND expires_at > ? AND (kind <> 'set-up' OR NOT EXISTS (SELECT 1 FROM users)) AND
		(way <> 'server' OR NOT EXISTS (SELECT 1 FROM members m WHERE m.user_id = sign_in_links.user_id AND ` + inUse("m.organisation_id") + `))`
}

// Link returns the link whose secret has a hash, if it is of a kind and works at now, else [survey.ErrNotFound]. It
// can still be used. A link for setting up works as long as there are no users.
func (s *Store) Link(ctx context.Context, hash []byte, kind survey.LinkKind, now time.Time) (survey.SignInLink, error) {
	var row linkRow
	err := found(s.read.WithContext(ctx).Raw("SELECT hash, kind, user_id, way, expires_at FROM sign_in_links WHERE "+validLink(),
		hash, string(kind), *utc(&now)).Scan(&row))
	if err != nil {
		return survey.SignInLink{}, fmt.Errorf("%s link: %w", kind, classify(err))
	}
	return row.link(), nil
}

// useLink returns what [Store.Link] does, and takes the link away with all others of its user: of all callers one
// gets it.
func (s *Store) useLink(tx *gorm.DB, hash []byte, kind survey.LinkKind, now time.Time) (survey.SignInLink, error) {
	// Of two who use two links of one user at once the second waits here, not for a link that the other has.
	if err := s.holdLinks(tx, hash); err != nil {
		return survey.SignInLink{}, err
	}
	var row linkRow
	err := returning(tx, &row, "DELETE FROM sign_in_links WHERE "+validLink()+" RETURNING hash, kind, user_id, way, expires_at", hash, string(kind), *utc(&now))
	if err == nil && len(row.Hash) == 0 {
		err = survey.ErrNotFound
	}
	if err == nil && row.UserID != nil {
		err = tx.Exec("DELETE FROM sign_in_links WHERE user_id = ?", *row.UserID).Error
	}
	return row.link(), err
}

// holdLinks keeps others from using links of the user whose link has a hash, until the transaction ends.
func (s *Store) holdLinks(tx *gorm.DB, hash []byte) error {
	if s.engine == sqliteEngine {
		return nil // which has one writer
	}
	var held int64
	return tx.Raw("SELECT u.id FROM users u WHERE u.id = (SELECT user_id FROM sign_in_links WHERE hash = ?) FOR NO KEY UPDATE", hash).Scan(&held).Error
}
