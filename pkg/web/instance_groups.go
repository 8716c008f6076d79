package web

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"cxmirror/pkg/survey"
)

// blankGroups is how many rows the form has for groups that are not there yet.
const blankGroups = 3

// groupsPage says which roles the groups of single sign-on have in which organisations.
type groupsPage struct {
	room
	Rows          []groupRow
	Organisations []organisationChoice
	Roles         []survey.Role
	SignOn        bool // there is single sign-on
	Problems      int
	Done          string
}

// groupRow is one of them, as typed.
type groupRow struct {
	Number       int // from 1
	Group        string
	Organisation survey.OrganisationID
	Role         survey.Role
	Problem      string
}

func (s *Server) showGroups(c echo.Context) error {
	page, err := s.groupsPage(c)
	if err != nil {
		return err
	}
	groups, err := s.store.GroupRoles(c.Request().Context())
	if err != nil {
		return err
	}
	for _, g := range groups {
		page.add(groupRow{Group: g.Group, Organisation: g.Organisation, Role: g.Role})
	}
	page.addBlanks()
	if c.QueryParam("done") == "saved" {
		page.Done = page.T("groups_done")
	}
	return s.show(c, http.StatusOK, "workbench", "groups", page)
}

func (s *Server) groupsPage(c echo.Context) (groupsPage, error) {
	page := groupsPage{room: s.room(c, "instance"), Roles: survey.Roles()}
	page.Title = page.T("groups")
	_, page.SignOn = s.access.SignOnName()
	all, err := s.store.Organisations(c.Request().Context())
	for i := range all {
		page.Organisations = append(page.Organisations, organisationChoice{ID: all[i].ID, Name: all[i].Name})
	}
	return page, err
}

func (p *groupsPage) add(row groupRow) {
	row.Number = len(p.Rows) + 1
	p.Rows = append(p.Rows, row)
}

func (p *groupsPage) addBlanks() {
	for range blankGroups {
		p.add(groupRow{})
	}
}

// saveGroups stores the roles of groups as the form has them. Who is signed in has them from her next sign-on.
func (s *Server) saveGroups(c echo.Context) error {
	form, err := receiveForm(c, formLimit)
	if err != nil {
		return err
	}
	page, err := s.groupsPage(c)
	if err != nil {
		return err
	}
	groups, organisations, roles := form.fields["group"], form.fields["in"], form.fields["role"]
	if len(groups) != len(organisations) || len(groups) != len(roles) {
		return echo.NewHTTPError(http.StatusBadRequest)
	}
	var wanted []survey.GroupRole
	for i := range groups {
		row := groupRow{Group: strings.TrimSpace(strings.ToValidUTF8(groups[i], "\uFFFD")), Role: survey.Role(roles[i])}
		id, _ := strconv.ParseInt(organisations[i], 10, 64) // what is no number is no organisation
		row.Organisation = survey.OrganisationID(id)
		if row.Group == "" {
			continue // whoever takes a group out empties its name
		}
		there := slices.ContainsFunc(page.Organisations, func(o organisationChoice) bool { return o.ID == row.Organisation })
		one := survey.GroupRole{Group: row.Group, Organisation: row.Organisation, Role: row.Role}
		switch {
		case nameProblem(page.room, row.Group) != "":
			row.Problem = nameProblem(page.room, row.Group)
		case !there:
			row.Problem = page.T("groups_no_organisation")
		case !slices.Contains(page.Roles, row.Role):
			row.Problem = page.T("groups_no_role")
		case slices.Contains(wanted, one):
			continue // twice is once
		}
		if row.Problem != "" {
			page.Problems++
		}
		wanted = append(wanted, one)
		page.add(row)
	}
	if page.Problems > 0 {
		page.addBlanks()
		return s.show(c, http.StatusUnprocessableEntity, "workbench", "groups", page)
	}
	if err := s.store.SetGroupRoles(c.Request().Context(), wanted); err != nil {
		return err
	}
	detail(c, "groups", strconv.Itoa(len(wanted)))
	return c.Redirect(http.StatusSeeOther, "/instance/groups?done=saved")
}
