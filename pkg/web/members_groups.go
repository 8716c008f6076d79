package web

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"cxmirror/pkg/survey"
)

// blankGroups is how many rows the form has for groups that are not there yet.
const blankGroups = 3

// groupsPage says which roles the groups of single sign-on have in the organisation worked in. Its owners say so, and
// nobody else: whoever runs the server may well say who is in a group.
type groupsPage struct {
	room
	contested
	Rows     []groupRow
	Roles    []survey.Role
	SignOn   bool // there is single sign-on
	Problems int
	Done     string
}

// groupRow is one of them, as typed.
type groupRow struct {
	Number  int // from 1
	Group   string
	Role    survey.Role
	Problem string
}

func (s *Server) showGroups(c echo.Context) error {
	page := s.groupsPage(c)
	groups, err := s.store.GroupRolesIn(c.Request().Context(), s.organisationOf(c))
	if err != nil {
		return err
	}
	for _, g := range groups {
		page.add(groupRow{Group: g.Group, Role: g.Role})
	}
	page.addBlanks()
	page.Was = formMark(namedGroups(groups))
	if c.QueryParam("done") == "saved" {
		page.Done = page.T("groups_done")
	}
	return s.show(c, http.StatusOK, "workbench", "groups", page)
}

func (s *Server) groupsPage(c echo.Context) groupsPage {
	page := groupsPage{room: s.room(c, "members"), Roles: survey.Roles()}
	page.Title = page.T("groups")
	_, page.SignOn = s.access.SignOnName()
	return page
}

func (p *groupsPage) add(row groupRow) {
	row.Number = len(p.Rows) + 1
	p.Rows = append(p.Rows, row)
}

// addBlanks adds rows for other groups, with the role that may do least: whoever forgets to choose makes nobody an owner.
func (p *groupsPage) addBlanks() {
	for range blankGroups {
		p.add(groupRow{Role: survey.Viewer})
	}
}

// saveGroups stores the roles of groups as the form has them. Who is signed in has them from her next sign-on.
func (s *Server) saveGroups(c echo.Context) error {
	form, err := receiveForm(c, formLimit)
	if err != nil {
		return err
	}
	page := s.groupsPage(c)
	groups, roles := form.fields["group"], form.fields["role"]
	if len(groups) != len(roles) {
		return echo.NewHTTPError(http.StatusBadRequest)
	}
	here := s.organisationOf(c)
	var wanted []survey.GroupRole
	for i := range groups {
		row := groupRow{Group: strings.TrimSpace(strings.ToValidUTF8(groups[i], "\uFFFD")), Role: survey.Role(roles[i])}
		if row.Group == "" {
			continue // whoever takes a group out empties its name
		}
		one := survey.GroupRole{Group: row.Group, Organisation: here, Role: row.Role}
		switch {
		case nameProblem(page.room, row.Group) != "":
			row.Problem = nameProblem(page.room, row.Group)
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
		page.Was = form.text("was")
		return s.show(c, http.StatusUnprocessableEntity, "workbench", "groups", page)
	}
	stored, err := s.store.GroupRolesIn(c.Request().Context(), here)
	if err != nil {
		return err
	}
	slices.SortFunc(wanted, func(a, b survey.GroupRole) int {
		return cmp.Or(strings.Compare(a.Group, b.Group), strings.Compare(string(a.Role), string(b.Role)))
	})
	if slices.Equal(wanted, stored) {
		return ledBack(c, "/members/groups")
	}
	if settles(form, namedGroups(stored), namedGroups(wanted)) != nil {
		page.addBlanks()
		page.overtake(namedGroups(stored), page.whereOther(stored, wanted))
		return s.show(c, http.StatusConflict, "workbench", "groups", page)
	}
	if err := s.store.SetGroupRoles(c.Request().Context(), here, wanted); err != nil {
		return err
	}
	detail(c, "groups", strconv.Itoa(len(wanted)))
	detail(c, "roles", groupWords(wanted))
	return c.Redirect(http.StatusSeeOther, "/members/groups?done=saved")
}

// namedGroups are what the form of groups is filled with.
func namedGroups(groups []survey.GroupRole) any {
	return append([]survey.GroupRole{}, groups...) // none is none, whether or not there is a slice
}

// whereOther says which roles groups have now, where those are other ones than were sent.
func (p *groupsPage) whereOther(stored, sent []survey.GroupRole) []namedText {
	roles := func(of []survey.GroupRole, group string) string {
		var names []string
		for _, g := range of {
			if g.Group == group {
				names = append(names, p.T("role_"+string(g.Role)))
			}
		}
		return strings.Join(names, ", ")
	}
	var all []namedText
	for _, g := range slices.Concat(stored, sent) {
		now := roles(stored, g.Group)
		told := slices.ContainsFunc(all, func(one namedText) bool { return one.Name == g.Group })
		if !told && now != roles(sent, g.Group) {
			all = append(all, namedText{g.Group, now})
		}
	}
	return all
}

// groupWords says for the audit trail which groups have which roles.
func groupWords(groups []survey.GroupRole) string {
	words := make([]string, len(groups))
	for i, g := range groups {
		words[i] = g.Group + ": " + string(g.Role)
	}
	return strings.Join(words, ", ")
}
