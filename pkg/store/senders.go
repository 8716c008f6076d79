package store

import (
	"context"
	"fmt"

	"gorm.io/gorm"

	"cxmirror/pkg/survey"
)

// Programs that send mail know of each other by rows of their own. While a program has claimed mails it beats;
// whoever sees that another's beats do not go on deletes it, and what that one had claimed is free. No clock is
// compared with another one.

// JoinSenders makes a sender.
func (s *Store) JoinSenders(ctx context.Context) (survey.SenderID, error) {
	var id int64
	err := s.change(ctx, func(tx *gorm.DB) error {
		return returning(tx, &id, "INSERT INTO senders (beats) VALUES (0) RETURNING id")
	})
	if err != nil {
		return 0, fmt.Errorf("join the senders of mail: %w", classify(err))
	}
	return survey.SenderID(id), nil
}

// BeatSender says that a sender lives. One that others took for dead is [survey.ErrNotFound]: it has no mails any
// more.
func (s *Store) BeatSender(ctx context.Context, id survey.SenderID) error {
	err := s.changeOnce(ctx, func(tx *gorm.DB) error {
		return found(tx.Exec("UPDATE senders SET beats = beats + 1 WHERE id = ?", int64(id)))
	})
	if err != nil {
		return fmt.Errorf("say that sender %d lives: %w", id, classify(err))
	}
	return nil
}

// Senders returns all senders, the oldest first.
func (s *Store) Senders(ctx context.Context) ([]survey.Sender, error) {
	var senders []survey.Sender
	err := s.read.WithContext(ctx).Raw("SELECT id, beats FROM senders ORDER BY id").Scan(&senders).Error
	if err != nil {
		return nil, fmt.Errorf("read the senders of mail: %w", classify(err))
	}
	return senders, nil
}

// LeaveSenders deletes a sender that has nothing more to send. What it has claimed is free.
func (s *Store) LeaveSenders(ctx context.Context, id survey.SenderID) error {
	err := s.changeOnce(ctx, func(tx *gorm.DB) error {
		return tx.Exec("DELETE FROM senders WHERE id = ?", int64(id)).Error
	})
	if err != nil {
		return fmt.Errorf("leave the senders of mail: %w", classify(err))
	}
	return nil
}

// DropSender deletes a sender that is taken for dead, and frees what it has claimed, unless it has beaten since it
// was seen: then it is an error of [survey.ErrConflict], as when it is deleted already.
func (s *Store) DropSender(ctx context.Context, seen survey.Sender) error {
	err := s.changeOnce(ctx, func(tx *gorm.DB) error {
		dropped := tx.Exec("DELETE FROM senders WHERE id = ? AND beats = ?", int64(seen.ID), seen.Beats)
		if dropped.Error == nil && dropped.RowsAffected == 0 {
			return survey.ErrConflict
		}
		return dropped.Error
	})
	if err != nil {
		return fmt.Errorf("delete sender %d, which seems dead: %w", seen.ID, classify(err))
	}
	return nil
}
