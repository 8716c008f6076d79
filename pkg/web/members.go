package web

import (
	"cmp"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"cxmirror/pkg/access"
	"cxmirror/pkg/survey"
)

// memberRoutes are who works in the organisation, and as what.
func (s *Server) memberRoutes(g *echo.Group) {
	g.GET("/members", s.showMembers)
	g.POST("/members", s.inviteMember)
	g.POST("/members/:user/roles", s.changeRoles)
	g.POST("/members/:user/invite", s.inviteAgain)
	g.POST("/members/:user/remove", s.removeMember)
	g.GET("/members/groups", s.showGroups)
	g.POST("/members/groups", s.saveGroups)
}

// membersPage lists who works in the organisation, and invites others.
type membersPage struct {
	room
	List    listing
	Members []memberLine // of the page of the list
	Alone   bool         // there is one
	Told    string       // what was done
	Problem string       // of no single field

	Address, Name string // of the form, as typed
	Roles         []tickedRole
	Problems      map[string]string
	Mails         bool    // letters are sent
	Handed        *handed // a link to be handed over
	Table         []rightLine
	Columns       []string // the names of the roles
}

// memberLine is one of those who work there.
type memberLine struct {
	User     survey.User
	Called   string
	Roles    []tickedRole
	Says     string // her roles
	SignedIn string // the day; "" is never
	State    string // the end of a key of a phrase: invited, disabled, elsewhere, or "" for who signs in by password
	Self     bool
	Invited  bool // she has not accepted yet
	Runs     bool // the server
	Problem  string
}

// tickedRole is a role in a form.
type tickedRole struct {
	Role   survey.Role
	Name   string
	Says   string
	Ticked bool
}

// handed is a link that is shown once, to be handed over.
type handed struct{ Says, Address string }

// rightLine says which roles have a right.
type rightLine struct {
	Name string
	Has  []bool // by role
}

func (s *Server) showMembers(c echo.Context) error {
	page, err := s.membersPage(c)
	if err != nil {
		return err
	}
	if told := c.QueryParam("done"); slices.Contains([]string{"roles", "removed", "mailed", "unsent", "added", "added_mailed"}, told) {
		page.Told = page.T("members_done_" + told)
	}
	return s.show(c, http.StatusOK, "workbench", "members", page)
}

func (s *Server) membersPage(c echo.Context) (membersPage, error) {
	page := membersPage{room: s.room(c, "members"), Problems: map[string]string{}, Mails: s.access.SendsMail()}
	page.Title = page.T("members")
	page.Roles = page.tick(nil)
	page.Table, page.Columns = page.rightsByRole()
	members, err := s.store.Members(c.Request().Context(), s.organisationOf(c))
	if err != nil {
		return page, err
	}
	page.Alone = len(members) == 1
	page.List = readListing("/members", c.QueryParams())
	page.List.Hint = page.T("user_search_hint")
	if at := slices.IndexFunc(members, func(m survey.Member) bool { return strconv.FormatInt(int64(m.User.ID), 10) == c.Param("user") }); at >= 0 {
		page.List.Number = at/linesPerPage + 1 // of whom something is said
	}
	words := func(m *survey.Member) string {
		return m.User.Name + " " + m.User.Address + " " + page.roleNames(m.Roles)
	}
	members = lookThrough(&page.List, &page.room, members, words)
	for i := range members {
		page.Members = append(page.Members, s.memberLine(page.room, &members[i]))
	}
	return page, nil
}

// memberLine is what the list says of a member.
func (s *Server) memberLine(r room, m *survey.Member) memberLine {
	line := memberLine{User: m.User, Called: m.User.Name, Roles: r.tick(m.Roles), Self: m.User.ID == r.actor.User.ID}
	for i, role := range m.Roles {
		if i > 0 {
			line.Says += ", "
		}
		line.Says += r.T("role_" + string(role))
	}
	if m.User.SignedIn != nil {
		line.SignedIn = r.Day(*m.User.SignedIn)
	}
	line.Invited, line.Runs = s.awaited(&m.User), m.User.Administrator
	switch {
	case m.User.Disabled:
		line.State = "disabled"
	case line.Invited:
		line.State = "invited"
	case m.User.Subject != "":
		line.State = "elsewhere"
	}
	return line
}

// tick returns all roles, with some of them ticked.
func (r room) tick(roles []survey.Role) []tickedRole {
	var all []tickedRole
	for _, role := range survey.Roles() {
		all = append(all, tickedRole{role, r.T("role_" + string(role)), r.T("role_text_" + string(role)), slices.Contains(roles, role)})
	}
	return all
}

// rightsByRole says what each role may do: the table of package access, in words.
func (r room) rightsByRole() (lines []rightLine, columns []string) {
	for _, role := range survey.Roles() {
		columns = append(columns, r.T("role_"+string(role)))
	}
	for _, right := range inOrder(access.Rights()) {
		line := rightLine{Name: r.rightWords(right)}
		for _, role := range survey.Roles() {
			line.Has = append(line.Has, access.May([]survey.Role{role}, right))
		}
		lines = append(lines, line)
	}
	return lines, columns
}

// inOrder puts rights in the order in which people meet what they are about.
func inOrder(rights []access.Right) []access.Right {
	about := []string{"waves", "fieldwork", "people", "results", "answers", "comments", "views", "organisation", "members", "tokens", "audit"}
	place := func(r access.Right) int {
		subject, _, _ := strings.Cut(string(r), ".")
		if at := slices.Index(about, subject); at >= 0 {
			return at
		}
		return len(about)
	}
	slices.SortStableFunc(rights, func(a, b access.Right) int { return cmp.Or(place(a)-place(b), strings.Compare(string(b), string(a))) }) // seeing before editing
	return rights
}

// rolesIn returns the roles that a form has ticked.
func rolesIn(form *upload) []survey.Role {
	var roles []survey.Role
	for _, role := range survey.Roles() {
		if slices.Contains(form.fields["roles"], string(role)) {
			roles = append(roles, role)
		}
	}
	return roles
}

// inviteMember lets somebody work here.
func (s *Server) inviteMember(c echo.Context) error {
	form, err := receiveForm(c, formLimit)
	if err != nil {
		return err
	}
	page, err := s.membersPage(c)
	if err != nil {
		return err
	}
	roles := rolesIn(form)
	page.Address, page.Name, page.Roles = form.text("address"), form.text("name"), page.tick(roles)
	invited, err := s.access.Invite(c.Request().Context(), actorOf(c), access.Invitation{
		Organisation: s.organisationOf(c), Address: page.Address, Name: page.Name, Language: s.workbenchLanguage(c), Roles: roles,
	})
	if refused, ok := errors.AsType[*access.RefusedError](err); ok {
		field := "address"
		switch refused.Problem { //nolint:exhaustive // all others are of the address
		case access.BadName:
			field = "name"
		case access.BadRoles:
			field = "roles"
		}
		page.Problems[field] = page.T("refused_" + string(refused.Problem))
		return s.show(c, http.StatusUnprocessableEntity, "workbench", "members", page)
	}
	if errors.Is(err, survey.ErrLastOwner) { // an owner who has not accepted yet is invited as something else
		page.Problems["roles"] = page.T("members_last_owner")
		return s.show(c, http.StatusConflict, "workbench", "members", page)
	}
	if err != nil {
		return err
	}
	about(c, userSubject(invited.User.ID))
	detail(c, "address", invited.User.Address)
	detail(c, "roles", wordsOf(roles))
	return s.afterInvitation(c, &invited)
}

// afterInvitation leads back to the list, unless there is a link to be handed over: that is shown at once and never
// again, since nothing keeps it.
func (s *Server) afterInvitation(c echo.Context, invited *access.Invited) error {
	if invited.Link == "" {
		done := "added"
		switch {
		case invited.Existing && invited.Mailed:
			done = "added_mailed"
		case !invited.Existing:
			done = mailedOrNot(invited.Mailed)
		}
		return c.Redirect(http.StatusSeeOther, "/members?done="+done)
	}
	if err := s.noteShownLink(c, &invited.User, survey.InvitationLink, s.organisationOf(c)); err != nil {
		return err
	}
	page, err := s.membersPage(c)
	if err != nil {
		return err
	}
	page.Handed = &handed{page.With("members_link", "Address", invited.User.Address), invited.Link}
	return s.show(c, http.StatusCreated, "workbench", "members", page)
}

// memberOf returns the member that an address names. Who works elsewhere is not found.
func (s *Server) memberOf(c echo.Context) (survey.Member, error) {
	id, err := strconv.ParseInt(c.Param("user"), 10, 64)
	if err != nil {
		return survey.Member{}, survey.ErrNotFound
	}
	members, err := s.store.Members(c.Request().Context(), s.organisationOf(c))
	if err != nil {
		return survey.Member{}, err
	}
	at := slices.IndexFunc(members, func(m survey.Member) bool { return m.User.ID == survey.UserID(id) })
	if at < 0 {
		return survey.Member{}, survey.ErrNotFound
	}
	return members[at], nil
}

// inviteAgain sends who has not accepted yet another link; the one before ends.
func (s *Server) inviteAgain(c echo.Context) error {
	member, err := s.memberOf(c)
	if err != nil {
		return err
	}
	invited, err := s.access.InviteAgain(c.Request().Context(), actorOf(c), s.organisationOf(c), member.User.ID)
	if refused, ok := errors.AsType[*access.RefusedError](err); ok { // she has accepted meanwhile
		return s.showMemberAgain(c, member.User.ID, nil, "refused_"+string(refused.Problem), http.StatusConflict)
	}
	if err != nil {
		return err
	}
	return s.afterInvitation(c, &invited)
}

// changeRoles makes a member something else.
func (s *Server) changeRoles(c echo.Context) error {
	form, err := receiveForm(c, formLimit)
	if err != nil {
		return err
	}
	member, err := s.memberOf(c)
	if err != nil {
		return err
	}
	roles := rolesIn(form)
	if len(roles) == 0 {
		return s.showMemberAgain(c, member.User.ID, roles, "members_no_role", http.StatusUnprocessableEntity)
	}
	if slices.Equal(roles, member.Roles) {
		undone(c)
		return c.Redirect(http.StatusSeeOther, "/members")
	}
	detail(c, "from", wordsOf(member.Roles))
	detail(c, "to", wordsOf(roles))
	return s.setRoles(c, &member, roles, "roles")
}

// removeMember ends a membership.
func (s *Server) removeMember(c echo.Context) error {
	member, err := s.memberOf(c)
	if err != nil {
		return err
	}
	detail(c, "address", member.User.Address)
	detail(c, "from", wordsOf(member.Roles))
	return s.setRoles(c, &member, nil, "removed")
}

func (s *Server) setRoles(c echo.Context, member *survey.Member, roles []survey.Role, done string) error {
	change := s.store.ChangeRoles // whom another owner has removed meanwhile does not come back
	if roles == nil {
		change = s.store.SetRoles
	}
	err := change(c.Request().Context(), s.organisationOf(c), member.User.ID, roles)
	if errors.Is(err, survey.ErrLastOwner) {
		if roles == nil {
			roles = member.Roles
		}
		return s.showMemberAgain(c, member.User.ID, roles, "members_last_owner", http.StatusConflict)
	}
	if err != nil {
		return err
	}
	if member.User.ID == actorOf(c).User.ID && !access.May(roles, access.ManageMembers) { // this page is not hers any more
		return c.Redirect(http.StatusSeeOther, "/")
	}
	return c.Redirect(http.StatusSeeOther, "/members?done="+done)
}

// showMemberAgain shows the list with what is wrong beside a member, and her roles as they were ticked.
func (s *Server) showMemberAgain(c echo.Context, id survey.UserID, roles []survey.Role, problem string, status int) error {
	page, err := s.membersPage(c)
	if err != nil {
		return err
	}
	for i := range page.Members {
		if line := &page.Members[i]; line.User.ID == id {
			line.Problem = page.T(problem)
			if roles != nil {
				line.Roles = page.tick(roles)
			}
		}
	}
	return s.show(c, status, "workbench", "members", page)
}
