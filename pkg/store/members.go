package store

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"gorm.io/gorm"

	"cxmirror/pkg/survey"
)

// sortRoles puts roles in the order of [survey.Roles].
func sortRoles(roles []survey.Role) {
	order := survey.Roles()
	slices.SortFunc(roles, func(a, b survey.Role) int { return slices.Index(order, a) - slices.Index(order, b) })
}

// Memberships returns what a user is in which organisations, by their names, without logos. Those that are archived
// are not among them: nobody works there.
func (s *Store) Memberships(ctx context.Context, user survey.UserID) ([]survey.Membership, error) {
	memberships, err := s.memberships(ctx, user)
	if err != nil {
		return nil, fmt.Errorf("organisations of user %d: %w", user, classify(err))
	}
	return memberships, nil
}

// OrganisationsOf returns the numbers of all organisations that a user works in, in ascending order, those in the
// archive among them: where it has to be noted what was done to her way in.
func (s *Store) OrganisationsOf(ctx context.Context, user survey.UserID) ([]survey.OrganisationID, error) {
	var ids []survey.OrganisationID
	err := s.read.WithContext(ctx).Raw(`SELECT DISTINCT organisation_id FROM member_roles WHERE user_id = ? ORDER BY organisation_id`, int64(user)).Scan(&ids).Error
	if err != nil {
		return nil, fmt.Errorf("all organisations of user %d: %w", user, classify(err))
	}
	return ids, nil
}

func (s *Store) memberships(ctx context.Context, user survey.UserID) ([]survey.Membership, error) {
	var rows []struct {
		Organisation organisationRow `gorm:"embedded"`
		Role         string
	}
	err := s.read.WithContext(ctx).Raw(`
		SELECT `+organisationColumns+`, r.role FROM member_roles r JOIN organisations o ON o.id = r.organisation_id
		WHERE r.user_id = ? AND o.archived_at IS NULL ORDER BY lower(o.name), o.id`, int64(user)).Scan(&rows).Error
	if err != nil {
		return nil, err
	}
	var memberships []survey.Membership
	for i := range rows {
		if last := len(memberships) - 1; last < 0 || memberships[last].Organisation.ID != survey.OrganisationID(rows[i].Organisation.ID) {
			o, err := rows[i].Organisation.organisation()
			if err != nil {
				return nil, err
			}
			memberships = append(memberships, survey.Membership{Organisation: o})
		}
		m := &memberships[len(memberships)-1]
		m.Roles = append(m.Roles, survey.Role(rows[i].Role))
	}
	for i := range memberships {
		sortRoles(memberships[i].Roles)
	}
	return memberships, nil
}

// Members returns the users who work in an organisation, by address. One that does not exist has none.
func (s *Store) Members(ctx context.Context, organisation survey.OrganisationID) ([]survey.Member, error) {
	var rows []struct {
		User userRow `gorm:"embedded"`
		Role string
	}
	err := s.read.WithContext(ctx).Raw(`
		SELECT `+userColumns+`, r.role FROM member_roles r JOIN users u ON u.id = r.user_id WHERE r.organisation_id = ? ORDER BY u.address`,
		int64(organisation)).Scan(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("members of organisation %d: %w", organisation, classify(err))
	}
	var members []survey.Member
	for i := range rows {
		if last := len(members) - 1; last < 0 || members[last].User.ID != survey.UserID(rows[i].User.ID) {
			members = append(members, survey.Member{User: rows[i].User.user()})
		}
		m := &members[len(members)-1]
		m.Roles = append(m.Roles, survey.Role(rows[i].Role))
	}
	for i := range members {
		sortRoles(members[i].Roles)
	}
	return members, nil
}

// SetRoles makes a user what she is in an organisation: with a first role she becomes a member, with none she is one
// no longer, and her tokens and the views named to her there go. Links to sign in as her that others have seen end when
// she becomes a member: they were made while that opened less. Roles that she has from groups of single sign-on and
// keeps remain the groups' ([Store.SetRolesFromGroups]). Whoever was none before is then
// [survey.ErrNotFound], and so are a user and an organisation that do not exist. What would leave no owner who
// can sign in is [survey.ErrLastOwner], also when two owners do it to each other at once.
func (s *Store) SetRoles(ctx context.Context, organisation survey.OrganisationID, user survey.UserID, roles []survey.Role) error {
	roles, err := checkedRoles(roles)
	if err != nil {
		return fmt.Errorf("set roles in organisation %d: %w", organisation, err)
	}
	err = s.change(ctx, func(tx *gorm.DB) error { return s.setRoles(tx, organisation, user, roles) })
	if errors.Is(err, gorm.ErrForeignKeyViolated) {
		err = survey.ErrNotFound // the user
	}
	if err != nil {
		return fmt.Errorf("set the roles of user %d in organisation %d: %w", user, organisation, classify(err))
	}
	return nil
}

func (s *Store) setRoles(tx *gorm.DB, organisation survey.OrganisationID, user survey.UserID, roles []survey.Role) error {
	if err := s.holdOrganisation(tx, organisation); err != nil {
		return err
	}
	var before []string
	err := tx.Raw("SELECT role FROM member_roles WHERE organisation_id = ? AND user_id = ?", int64(organisation), int64(user)).Scan(&before).Error
	if err != nil {
		return err
	}
	if slices.Contains(before, string(survey.Owner)) && !slices.Contains(roles, survey.Owner) {
		switch others, err := otherOwners(tx, organisation, user); {
		case err != nil:
			return err
		case !others:
			return survey.ErrLastOwner
		}
	}
	if len(roles) == 0 {
		return found(tx.Exec("DELETE FROM members WHERE organisation_id = ? AND user_id = ?", int64(organisation), int64(user)))
	}
	// The membership stays as it is, with all that hangs on it; its roles are other ones.
	if err := s.join(tx, organisation, user); err != nil {
		return err
	}
	// Roles that she has and keeps stay as they are: those of groups remain the groups'.
	err = tx.Exec("DELETE FROM member_roles WHERE organisation_id = ? AND user_id = ? AND role NOT IN ?", int64(organisation), int64(user), roles).Error
	if err != nil {
		return err
	}
	rows := newBulk(tx, "member_roles", "organisation_id, user_id, role", " ON CONFLICT DO NOTHING")
	for _, role := range roles {
		if err := rows.add(int64(organisation), int64(user), string(role)); err != nil {
			return err
		}
	}
	return rows.flush()
}

// join makes a user a member who may be one already. Links that others have seen end with a first membership: whoever
// has one must not come in to where she is admitted now.
func (s *Store) join(tx *gorm.DB, organisation survey.OrganisationID, user survey.UserID) error {
	if err := s.holdUser(tx, user); err != nil { // while it is asked elsewhere where she works, nobody adds to it
		return err
	}
	result := tx.Exec("INSERT INTO members (organisation_id, user_id) VALUES (?, ?) ON CONFLICT DO NOTHING", int64(organisation), int64(user))
	if result.Error != nil || result.RowsAffected == 0 {
		return result.Error
	}
	return tx.Exec("DELETE FROM sign_in_links WHERE user_id = ? AND way <> 'mail'", int64(user)).Error
}

// otherOwners reports whether an organisation has an owner beside a user who can sign in, or will when she
// accepts her invitation. The caller holds the organisation.
func otherOwners(tx *gorm.DB, organisation survey.OrganisationID, user survey.UserID) (bool, error) {
	var others bool
	err := tx.Raw(`
		SELECT EXISTS (SELECT 1 FROM member_roles r JOIN users u ON u.id = r.user_id
			WHERE r.organisation_id = ? AND r.role = 'owner' AND r.user_id <> ? AND NOT u.disabled)`, int64(organisation), int64(user)).Scan(&others).Error
	return others, err
}
