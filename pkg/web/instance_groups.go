package web

import (
	"net/http"
	"slices"

	"github.com/labstack/echo/v4"

	"cxmirror/pkg/survey"
)

// housedGroupsPage says, to those who run the server, which roles the groups of single sign-on have where. Each
// organisation's owners say so themselves: a group of hers is a way into an organisation.
type housedGroupsPage struct {
	room
	Housed []housedGroups
	SignOn bool // there is single sign-on
}

// housedGroups are the groups of one organisation.
type housedGroups struct {
	ID     survey.OrganisationID
	Name   string
	Groups []namedText // group, role
}

func (s *Server) showHousedGroups(c echo.Context) error {
	page := housedGroupsPage{room: s.room(c, "instance")}
	page.Title = page.T("groups")
	_, page.SignOn = s.access.SignOnName()
	ctx := c.Request().Context()
	groups, err := s.store.GroupRoles(ctx)
	if err != nil {
		return err
	}
	all, err := s.store.Organisations(ctx)
	if err != nil {
		return err
	}
	for i := range all {
		one := housedGroups{ID: all[i].ID, Name: all[i].Name}
		for _, g := range groups {
			if g.Organisation == one.ID {
				one.Groups = append(one.Groups, namedText{g.Group, page.T("role_" + string(g.Role))})
			}
		}
		page.Housed = append(page.Housed, one)
	}
	page.Housed = slices.DeleteFunc(page.Housed, func(one housedGroups) bool { return len(one.Groups) == 0 })
	return s.show(c, http.StatusOK, "workbench", "housed-groups", page)
}
