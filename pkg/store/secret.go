package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"gorm.io/gorm"

	"cxmirror/pkg/survey"
)

// ErrOtherSecret is a database that is used with another secret than the one at hand: links in new mails would
// lead nowhere, and answers that wait sealed could not be opened.
var ErrOtherSecret = errors.New("the database is used with another secret")

// SecretFingerprint returns the fingerprint of the secret that the database is used with, or [survey.ErrNotFound]
// while it was used with none.
func (s *Store) SecretFingerprint(ctx context.Context) ([]byte, error) {
	fingerprint, err := secretFingerprint(s.read.WithContext(ctx))
	if err != nil {
		return nil, fmt.Errorf("read which secret the database is used with: %w", classify(err))
	}
	return fingerprint, nil
}

// BindSecret ties the database to a secret by its fingerprint of 32 bytes: the first one that is given stays. One
// that is not the same is [ErrOtherSecret], also when several servers start at once with secrets of their own.
func (s *Store) BindSecret(ctx context.Context, fingerprint []byte) error {
	bound, err := secretFingerprint(s.read.WithContext(ctx)) // nothing is written at most starts
	if errors.Is(err, survey.ErrNotFound) {
		err = s.change(ctx, func(tx *gorm.DB) error {
			// Who comes second waits for the first and then reads what that one has written.
			err := tx.Exec("INSERT INTO bound_secret (id, fingerprint) VALUES (1, ?) ON CONFLICT (id) DO NOTHING", fingerprint).Error
			if err != nil {
				return err
			}
			bound, err = secretFingerprint(tx)
			return err
		})
	}
	if err != nil {
		return fmt.Errorf("tie the database to its secret: %w", classify(err))
	}
	if !bytes.Equal(bound, fingerprint) {
		return ErrOtherSecret
	}
	return nil
}

func secretFingerprint(tx *gorm.DB) ([]byte, error) {
	var row struct{ Fingerprint []byte }
	err := found(tx.Raw("SELECT fingerprint FROM bound_secret WHERE id = 1").Scan(&row))
	return row.Fingerprint, err
}
