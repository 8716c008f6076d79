package store

import (
	"context"
	"time"

	"gorm.io/gorm"

	"cxmirror/pkg/survey"
)

// DraftHash returns what is stored of a draft's key.
func DraftHash(d *Draft) []byte { return d.hash() }

// UseLink uses a link up for nothing.
func (s *Store) UseLink(ctx context.Context, hash []byte, kind survey.LinkKind, now time.Time) (survey.SignInLink, error) {
	var link survey.SignInLink
	err := s.change(ctx, func(tx *gorm.DB) (err error) {
		link, err = s.useLink(tx, hash, kind, now)
		return err
	})
	return link, classify(err)
}
