package store

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"

	"cxmirror/pkg/survey"
)

// SetUp uses up the link to set up the service whose secret has a hash, gives the organisation that there is from the
// start a name, and makes its first owner, all or nothing: whoever is interrupted can use the link once more. It fills
// in the user's id and when she was created. Of several who do so at once one does; the others, and who comes when
// there is a user, get [survey.ErrNotFound].
func (s *Store) SetUp(ctx context.Context, hash []byte, now time.Time, organisation string, u *survey.User) error {
	first := *u
	first.ID, first.Address = 0, mailbox(u.Address)
	err := checkUser(&first)
	if err == nil {
		err = s.change(ctx, func(tx *gorm.DB) error { return s.setUp(tx, hash, now, organisation, &first) })
	}
	if err != nil {
		return fmt.Errorf("set up the service: %w", classify(err))
	}
	s.waveChanges.Add(1) // what the organisation is called stands on respondents' pages
	*u = first
	return nil
}

func (s *Store) setUp(tx *gorm.DB, hash []byte, now time.Time, organisation string, first *survey.User) error {
	if _, err := s.useLink(tx, hash, survey.SetUpLink, now); err != nil {
		return err
	}
	o, err := takeOrganisation(tx, survey.DefaultOrganisation)
	if err != nil {
		return err
	}
	o.Name = organisation
	if err := checkOrganisation(&o); err != nil {
		return err
	}
	if err := found(tx.Exec("UPDATE organisations SET name = ? WHERE id = ?", o.Name, int64(o.ID))); err != nil {
		return err
	}
	if err := insertUser(tx, first); err != nil {
		return err
	}
	return s.setRoles(tx, o.ID, first.ID, []survey.Role{survey.Owner})
}
