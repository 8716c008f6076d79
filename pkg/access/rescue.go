package access

import (
	"context"
	"fmt"

	"cxmirror/pkg/survey"
)

// SetPassword gives a user a password without asking for the one she has: for whoever has the machine. Her sessions
// end, and so do all links by which she, or whoever has got hold of one, could set another. It returns
// [survey.ErrNotFound] or a [*RefusedError].
func (s *Service) SetPassword(ctx context.Context, id survey.UserID, password string) error {
	user, err := s.store.User(ctx, id)
	if err != nil {
		return fmt.Errorf("set password: %w", err)
	}
	hash, err := s.newPassword(ctx, password, user)
	if err != nil {
		return err
	}
	if err := s.store.SetPassword(ctx, id, hash); err != nil {
		return fmt.Errorf("set password: %w", err)
	}
	s.post.send(ctx, user, letterPassword, nil)
	return nil
}
