package store

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"gorm.io/gorm"

	"cxmirror/pkg/survey"
)

// GroupRoles returns which roles the groups of single sign-on have in which organisations, by group.
func (s *Store) GroupRoles(ctx context.Context) ([]survey.GroupRole, error) {
	groups, err := groupRoles(s.read.WithContext(ctx), "")
	if err != nil {
		return nil, fmt.Errorf("roles of groups: %w", classify(err))
	}
	return groups, nil
}

// GroupRolesIn returns which roles the groups of single sign-on have in one organisation, by group. One that does not
// exist has none.
func (s *Store) GroupRolesIn(ctx context.Context, organisation survey.OrganisationID) ([]survey.GroupRole, error) {
	groups, err := groupRoles(s.read.WithContext(ctx), "WHERE organisation_id = ?", int64(organisation))
	if err != nil {
		return nil, fmt.Errorf("roles of groups in organisation %d: %w", organisation, classify(err))
	}
	return groups, nil
}

func groupRoles(tx *gorm.DB, condition string, values ...any) ([]survey.GroupRole, error) {
	var rows []struct {
		GroupName      string
		OrganisationID int64
		Role           string
	}
	err := tx.Raw("SELECT group_name, organisation_id, role FROM group_roles "+condition+" ORDER BY group_name, organisation_id, role", values...).Scan(&rows).Error
	if err != nil {
		return nil, err
	}
	groups := make([]survey.GroupRole, len(rows))
	for i, row := range rows {
		groups[i] = survey.GroupRole{Group: row.GroupName, Organisation: survey.OrganisationID(row.OrganisationID), Role: survey.Role(row.Role)}
	}
	return groups, nil
}

// SetGroupRoles stores which roles the groups of single sign-on have in an organisation, over all there were: that is
// for its owners to say. Each row is of that organisation; one of another one, or an organisation that does not exist,
// is [survey.ErrNotFound], and nothing is stored.
func (s *Store) SetGroupRoles(ctx context.Context, organisation survey.OrganisationID, groups []survey.GroupRole) error {
	err := s.change(ctx, func(tx *gorm.DB) error {
		if err := s.holdOrganisation(tx, organisation); err != nil { // or two who do so at once would each add to the other's
			return err
		}
		if err := tx.Exec("DELETE FROM group_roles WHERE organisation_id = ?", int64(organisation)).Error; err != nil {
			return err
		}
		rows := newBulk(tx, "group_roles", "group_name, organisation_id, role", " ON CONFLICT DO NOTHING")
		for _, g := range groups {
			if g.Organisation != organisation {
				return fmt.Errorf("a role in organisation %d: %w", g.Organisation, survey.ErrNotFound)
			}
			if err := rows.add(g.Group, int64(organisation), string(g.Role)); err != nil {
				return err
			}
		}
		return rows.flush()
	})
	if err != nil {
		return fmt.Errorf("set the roles of groups in organisation %d: %w", organisation, classify(err))
	}
	return nil
}

// SetRolesFromGroups makes a user what her groups of single sign-on say she is, in all organisations, and returns the
// organisations where that changed something, by their ids. Roles that she has from groups that do not say so any
// more go, and with the last role her membership and what hangs on it; roles that she was given otherwise stay. The
// ownership of an organisation that would have no owner without her stays, too. An organisation that does not
// exist, and a user who does not, is [survey.ErrNotFound].
func (s *Store) SetRolesFromGroups(ctx context.Context, user survey.UserID, roles []survey.GroupRole) (changed []survey.OrganisationID, err error) {
	for _, r := range roles {
		if !slices.Contains(survey.Roles(), r.Role) {
			return nil, fmt.Errorf("set roles of user %d from her groups: there is no role %q", user, r.Role)
		}
	}
	err = s.change(ctx, func(tx *gorm.DB) error {
		changed = nil
		var organisations []int64
		err := tx.Raw("SELECT DISTINCT organisation_id FROM member_roles WHERE user_id = ? AND from_group", int64(user)).Scan(&organisations).Error
		if err != nil {
			return err
		}
		for _, r := range roles {
			organisations = append(organisations, int64(r.Organisation))
		}
		slices.Sort(organisations) // the order in which others hold several, all of them before the user
		organisations = slices.Compact(organisations)
		for _, id := range organisations {
			if err := s.holdOrganisation(tx, survey.OrganisationID(id)); err != nil {
				return fmt.Errorf("organisation %d: %w", id, err)
			}
		}
		for _, id := range organisations {
			organisation := survey.OrganisationID(id)
			var wanted []string
			for _, r := range roles {
				if r.Organisation == organisation && !slices.Contains(wanted, string(r.Role)) {
					wanted = append(wanted, string(r.Role))
				}
			}
			other, err := s.setRolesFromGroups(tx, organisation, user, wanted)
			if err != nil {
				return fmt.Errorf("organisation %d: %w", id, err)
			}
			if other {
				changed = append(changed, organisation)
			}
		}
		return nil
	})
	if errors.Is(err, gorm.ErrForeignKeyViolated) {
		err = survey.ErrNotFound // the user
	}
	if err != nil {
		return nil, fmt.Errorf("set roles of user %d from her groups: %w", user, classify(err))
	}
	return changed, nil
}

// setRolesFromGroups does it in one organisation, which the caller holds, and reports whether that changed something.
func (s *Store) setRolesFromGroups(tx *gorm.DB, organisation survey.OrganisationID, user survey.UserID, wanted []string) (changed bool, err error) {
	var before []struct {
		Role      string
		FromGroup bool
	}
	err = tx.Raw("SELECT role, from_group FROM member_roles WHERE organisation_id = ? AND user_id = ?", int64(organisation), int64(user)).Scan(&before).Error
	if err != nil {
		return false, err
	}
	left := 0
	for _, had := range before {
		keep := !had.FromGroup || slices.Contains(wanted, had.Role)
		if !keep && had.Role == string(survey.Owner) {
			others, err := otherOwners(tx, organisation, user)
			if err != nil {
				return false, err
			}
			keep = !others
		}
		wanted = slices.DeleteFunc(wanted, func(role string) bool { return role == had.Role })
		if keep {
			left++
			continue
		}
		changed = true
		err := tx.Exec("DELETE FROM member_roles WHERE organisation_id = ? AND user_id = ? AND role = ?", int64(organisation), int64(user), had.Role).Error
		if err != nil {
			return false, err
		}
	}
	if len(wanted) == 0 {
		if changed && left == 0 {
			err = tx.Exec("DELETE FROM members WHERE organisation_id = ? AND user_id = ?", int64(organisation), int64(user)).Error
		}
		return changed, err
	}
	if err := s.join(tx, organisation, user); err != nil {
		return false, err
	}
	rows := newBulk(tx, "member_roles", "organisation_id, user_id, role, from_group", " ON CONFLICT DO NOTHING")
	for _, role := range wanted {
		if err := rows.add(int64(organisation), int64(user), role, true); err != nil {
			return false, err
		}
	}
	return true, rows.flush()
}
