package store

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"gorm.io/gorm"

	"cxmirror/pkg/survey"
)

// inUse is the SQL for whether an organisation, by a column of its id, has something that whoever runs the server must
// not come to see: a wave, or people in its panel.
func inUse(column string) string {
	return "(EXISTS (SELECT 1 FROM waves w WHERE w.organisation_id = " + column + ") OR EXISTS (SELECT 1 FROM people p WHERE p.organisation_id = " + column + "))"
}

// InUse reports whether an organisation has a wave, or people in its panel. One that does not exist has neither.
func (s *Store) InUse(ctx context.Context, organisation survey.OrganisationID) (bool, error) {
	used, err := organisationInUse(s.read.WithContext(ctx), organisation)
	if err != nil {
		return false, fmt.Errorf("what organisation %d has: %w", organisation, classify(err))
	}
	return used, nil
}

func organisationInUse(tx *gorm.DB, organisation survey.OrganisationID) (used bool, err error) {
	err = tx.Raw("SELECT EXISTS (SELECT 1 FROM organisations o WHERE o.id = ? AND "+inUse("o.id")+")", int64(organisation)).Scan(&used).Error
	return used, err
}

// WorksWhereInUse reports whether a user works in an organisation that has a wave or people in its panel, archived or
// not: links that let in as her are not for whoever runs the server then.
func (s *Store) WorksWhereInUse(ctx context.Context, user survey.UserID) (used bool, err error) {
	err = s.read.WithContext(ctx).Raw("SELECT EXISTS (SELECT 1 FROM members m WHERE m.user_id = ? AND "+inUse("m.organisation_id")+")", int64(user)).Scan(&used).Error
	if err != nil {
		return false, fmt.Errorf("what the organisations of user %d have: %w", user, classify(err))
	}
	return used, nil
}

// Admit makes a user a member of an organisation, or gives a member other roles, as decide says when it is told what
// she is. Nobody changes her account or who works there between the question and the answer, so that what was decided
// holds: neither a password that somebody sets meanwhile nor a link that is being used outlives an admission that begins
// anew. decide may be called more than once, and has no effects of its own; its error is returned as it is.
//
// A user or an organisation that does not exist is [survey.ErrNotFound], and what would leave no owner who can
// sign in is [survey.ErrLastOwner].
func (s *Store) Admit(ctx context.Context, organisation survey.OrganisationID, user survey.UserID, decide func(survey.Standing) (survey.Admission, error)) error {
	err := s.change(ctx, func(tx *gorm.DB) error { return s.admit(tx, organisation, user, decide) })
	if err != nil {
		return fmt.Errorf("admit user %d to organisation %d: %w", user, organisation, classify(err))
	}
	return nil
}

func (s *Store) admit(tx *gorm.DB, organisation survey.OrganisationID, user survey.UserID, decide func(survey.Standing) (survey.Admission, error)) error {
	if err := s.holdOrganisation(tx, organisation); err != nil {
		return err
	}
	standing, err := s.standing(tx, organisation, user)
	if err != nil {
		return err
	}
	admission, err := decide(standing)
	if err != nil {
		return err
	}
	if len(admission.Roles) == 0 {
		return errors.New("without a role")
	}
	if admission.Anew {
		err := tx.Exec("UPDATE users SET password_hash = '', proved = false, second_factor = NULL, factor_step = 0 WHERE id = ?", int64(user)).Error
		if err == nil {
			err = tx.Exec("DELETE FROM recovery_codes WHERE user_id = ?", int64(user)).Error
		}
		if err == nil {
			err = endSessions(tx, "user_id = ?", int64(user)).Error
		}
		if err != nil {
			return err
		}
	}
	if admission.Anew || admission.Link != nil {
		if err := tx.Exec("DELETE FROM sign_in_links WHERE user_id = ?", int64(user)).Error; err != nil {
			return err
		}
	}
	if err := s.setRoles(tx, organisation, user, admission.Roles); err != nil {
		return err
	}
	if admission.Link == nil {
		return nil
	}
	link := *admission.Link
	link.User = user
	return putLink(tx, &link)
}

// standing returns what a user is, and holds her account until the transaction ends. The caller holds the organisation.
func (s *Store) standing(tx *gorm.DB, organisation survey.OrganisationID, user survey.UserID) (survey.Standing, error) {
	if err := s.holdUser(tx, user); err != nil {
		return survey.Standing{}, err
	}
	stored, err := takeUser(tx, "u.id = ?", int64(user))
	if err != nil {
		return survey.Standing{}, err
	}
	standing := survey.Standing{User: stored}
	err = tx.Raw("SELECT role FROM member_roles WHERE organisation_id = ? AND user_id = ?", int64(organisation), int64(user)).Scan(&standing.Roles).Error
	if err != nil {
		return survey.Standing{}, err
	}
	sortRoles(standing.Roles)
	var works struct{ Elsewhere, ElsewhereInUse bool }
	err = tx.Raw(`
		SELECT EXISTS (SELECT 1 FROM members m WHERE m.user_id = ? AND m.organisation_id <> ?) AS elsewhere,
			EXISTS (SELECT 1 FROM members m WHERE m.user_id = ? AND m.organisation_id <> ? AND `+inUse("m.organisation_id")+`) AS elsewhere_in_use`,
		int64(user), int64(organisation), int64(user), int64(organisation)).Scan(&works).Error
	standing.Elsewhere, standing.ElsewhereInUse = works.Elsewhere, works.ElsewhereInUse
	return standing, err
}

// holdUser keeps others from changing an account, and from making it a member anywhere, until the transaction ends. Rows
// that refer to it can be stored meanwhile. Organisations are held before users.
func (s *Store) holdUser(tx *gorm.DB, user survey.UserID) error {
	if s.engine == sqliteEngine {
		return nil // which has one writer
	}
	var held int64
	return tx.Raw("SELECT id FROM users WHERE id = ? FOR NO KEY UPDATE", int64(user)).Scan(&held).Error
}

// AdmitToUnused makes a user an owner of an organisation that is not in use: that is for whoever runs the server to
// say, and of any other it is [survey.ErrInUse]. What is wrong otherwise is as with [Store.Admit].
func (s *Store) AdmitToUnused(ctx context.Context, organisation survey.OrganisationID, user survey.UserID, decide func(survey.Standing) (survey.Admission, error)) error {
	err := s.change(ctx, func(tx *gorm.DB) error {
		// A wave that is being made meanwhile comes after this: then she was an owner before there was one.
		if err := s.holdOrganisation(tx, organisation); err != nil {
			return err
		}
		switch used, err := organisationInUse(tx, organisation); {
		case err != nil:
			return err
		case used:
			return survey.ErrInUse
		}
		return s.admit(tx, organisation, user, decide)
	})
	if err != nil {
		return fmt.Errorf("admit user %d to organisation %d, which is not in use: %w", user, organisation, classify(err))
	}
	return nil
}

// ChangeRoles makes a member of an organisation something else there, with at least one role: as [Store.SetRoles], but
// whoever is no member, or is one no longer, is [survey.ErrNotFound].
func (s *Store) ChangeRoles(ctx context.Context, organisation survey.OrganisationID, user survey.UserID, roles []survey.Role) error {
	roles, err := checkedRoles(roles)
	if err == nil && len(roles) == 0 {
		err = errors.New("without a role")
	}
	if err == nil {
		err = s.change(ctx, func(tx *gorm.DB) error {
			if err := s.holdOrganisation(tx, organisation); err != nil {
				return err
			}
			var one int
			if err := found(tx.Raw("SELECT 1 FROM members WHERE organisation_id = ? AND user_id = ?", int64(organisation), int64(user)).Scan(&one)); err != nil {
				return err
			}
			return s.setRoles(tx, organisation, user, roles)
		})
	}
	if err != nil {
		return fmt.Errorf("change the roles of user %d in organisation %d: %w", user, organisation, classify(err))
	}
	return nil
}

// checkedRoles returns roles in order, each once.
func checkedRoles(roles []survey.Role) ([]survey.Role, error) {
	roles = slices.Clone(roles)
	slices.Sort(roles)
	roles = slices.Compact(roles)
	for _, role := range roles {
		if !slices.Contains(survey.Roles(), role) {
			return nil, fmt.Errorf("there is no role %q", role)
		}
	}
	return roles, nil
}

// AcceptLink uses up the link whose secret has a hash, and in the same moment gives its user what she chose: of several
// who do so at once one does. What anybody knew before that lets in as her ends, which is her password, her sessions and
// all other links. Where others than she have seen the link, so do her tokens: somebody else may have made them in her
// name. It returns the user as she is then.
func (s *Store) AcceptLink(ctx context.Context, hash []byte, kind survey.LinkKind, a survey.Acceptance) (survey.User, error) {
	var user survey.User
	err := s.change(ctx, func(tx *gorm.DB) error {
		link, err := s.useLink(tx, hash, kind, a.At)
		if err != nil {
			return err
		}
		err = found(tx.Exec("UPDATE users SET name = ?, language = ?, password_hash = ?, proved = ? WHERE id = ? AND NOT disabled",
			a.Name, string(a.Language), a.PasswordHash, link.Way == survey.ByMail, int64(link.User)))
		if err == nil && link.Way != survey.ByMail {
			err = tx.Exec("UPDATE api_tokens SET revoked_at = ? WHERE user_id = ? AND revoked_at IS NULL", *utc(&a.At), int64(link.User)).Error
		}
		if err == nil {
			err = endSessions(tx, "user_id = ?", int64(link.User)).Error
		}
		if err == nil {
			user, err = takeUser(tx, "u.id = ?", int64(link.User))
		}
		return err
	})
	if err != nil {
		return survey.User{}, fmt.Errorf("accept a %s link: %w", kind, classify(err))
	}
	return user, nil
}
