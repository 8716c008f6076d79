package web

import (
	"errors"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"cxmirror/pkg/access"
	"cxmirror/pkg/survey"
)

// usersPage lists who signs in, and makes others.
type usersPage struct {
	room
	List          listing
	Users         []userLine // of the page of the list
	Address, Name string     // as typed
	Administrator bool
	Again         again
	Problems      map[string]string
	Done          string
	Link          string // to be handed over, shown this once
	LinkFor       string
}

// userLine is a user as she is listed.
type userLine struct {
	survey.User
	Called string
	Marks  []string // the ends of keys of phrases
	Last   string   // the day she signed in; "" is never
}

// userMarks says what is out of the ordinary about a user.
func (s *Server) userMarks(u *survey.User) []string {
	var marks []string
	if u.Administrator {
		marks = append(marks, "administrator")
	}
	if u.Disabled {
		marks = append(marks, "disabled")
	}
	if u.Subject != "" {
		marks = append(marks, "elsewhere")
	} else if s.awaited(u) {
		marks = append(marks, "invited")
	}
	return marks
}

// awaited reports whether somebody was invited and has not accepted yet. The guest of a demonstration has no password
// either, and was never invited: everybody is let in as her.
func (s *Server) awaited(u *survey.User) bool {
	return u.PasswordHash == "" && u.Subject == "" && u.ID != s.guest
}

func (s *Server) userLine(r room, u *survey.User) userLine {
	line := userLine{User: *u, Called: calledAs(u), Marks: s.userMarks(u)}
	if u.SignedIn != nil {
		line.Last = r.Day(*u.SignedIn)
	}
	return line
}

func (s *Server) showUsers(c echo.Context) error {
	page, err := s.usersPage(c)
	if err != nil {
		return err
	}
	switch c.QueryParam("done") {
	case "deleted":
		page.Done = page.T("user_done_deleted")
	case "mailed":
		page.Done = page.T("members_done_mailed")
	case "unsent":
		page.Done = page.T("members_done_unsent")
	}
	return s.show(c, http.StatusOK, "workbench", "users", page)
}

func (s *Server) usersPage(c echo.Context) (usersPage, error) {
	page := usersPage{room: s.room(c, "instance"), Again: s.again(c), Problems: map[string]string{}}
	page.Title = page.T("users")
	users, err := s.store.Users(c.Request().Context())
	page.List = readListing("/instance/users", c.QueryParams())
	page.List.Hint = page.T("user_search_hint")
	users = lookThrough(&page.List, &page.room, users, func(u *survey.User) string { return u.Name + " " + u.Address })
	for i := range users {
		page.Users = append(page.Users, s.userLine(page.room, &users[i]))
	}
	return page, err
}

// createUser makes somebody a user who works nowhere yet. The link by which she chooses a password goes to her by mail;
// where there is none, it is shown to be handed over. To make an administrator one shows once more who one is.
func (s *Server) createUser(c echo.Context) error {
	form, err := receiveForm(c, formLimit)
	if err != nil {
		return err
	}
	page, err := s.usersPage(c)
	if err != nil {
		return err
	}
	page.Address, page.Name = strings.TrimSpace(form.text("address")), form.line("name")
	page.Administrator = form.text("administrator") != ""
	user := survey.User{Name: page.Name, Language: page.Lang, Administrator: page.Administrator}
	if user.Address, err = access.CheckAddress(page.Address); err != nil {
		page.Problems["address"] = page.T("refused_bad_address")
	}
	if page.Name != "" {
		if user.Name, err = access.CheckName(page.Name); err != nil {
			page.Problems["name"] = page.T("refused_bad_name")
		}
	}
	ctx := c.Request().Context()
	if len(page.Problems) == 0 && page.Administrator {
		wrong, status, err := s.sureOf(c, form, page.room)
		if err != nil {
			return err
		}
		if page.Again.Wrong = wrong; wrong != "" {
			return s.show(c, status, "workbench", "users", page)
		}
	}
	if len(page.Problems) == 0 {
		err = s.store.CreateUser(ctx, &user)
		if errors.Is(err, survey.ErrConflict) {
			page.Problems["address"] = page.T("user_taken")
		} else if err != nil {
			return err
		}
	}
	if len(page.Problems) > 0 {
		return s.show(c, http.StatusUnprocessableEntity, "workbench", "users", page)
	}
	s.note(c, access.Event{ // now: she is there, also if no link comes to her
		Action: "user.made", Subject: userSubject(user.ID), Details: map[string]string{"address": user.Address, "administrator": yesOrNo(user.Administrator)}, Instance: true,
	})
	if s.access.SendsMail() {
		mailed, err := s.access.MailInvitation(ctx, actorOf(c), user.ID)
		if err != nil {
			return err
		}
		return c.Redirect(http.StatusSeeOther, "/instance/users?done="+mailedOrNot(mailed))
	}
	link, kind, err := s.access.LinkToShow(ctx, user.ID)
	if err != nil {
		return err
	}
	if err := s.noteShownLink(c, &user, kind, nowhere); err != nil {
		return err
	}
	if page, err = s.usersPage(c); err != nil {
		return err
	}
	page.Link, page.LinkFor = link, user.Address
	return s.show(c, http.StatusCreated, "workbench", "users", page)
}

// mailedOrNot is how an address says whether a letter is on its way.
func mailedOrNot(mailed bool) string {
	if mailed {
		return "mailed"
	}
	return "unsent"
}

// nowhere is no organisation.
const nowhere survey.OrganisationID = 0

// noteShownLink notes that a link was shown that lets whoever has it sign in as a user: in the trail of the server and
// in those of all her organisations, but for one that is told already that she was invited.
func (s *Server) noteShownLink(c echo.Context, user *survey.User, kind survey.LinkKind, told survey.OrganisationID) error {
	organisations, err := s.store.OrganisationsOf(c.Request().Context(), user.ID)
	if err != nil {
		return err
	}
	event := access.Event{Action: "user.link_made", Subject: userSubject(user.ID), Details: map[string]string{"address": user.Address, "kind": string(kind)}}
	s.noteIn(c, slices.DeleteFunc(organisations, func(id survey.OrganisationID) bool { return id == told }), event)
	event.Instance = true
	s.note(c, event)
	return nil
}

// noteIn adds to the trails of organisations what whoever runs the server did to somebody who works there.
func (s *Server) noteIn(c echo.Context, organisations []survey.OrganisationID, event access.Event) {
	for _, id := range organisations {
		there := *actorOf(c)
		there.Organisation = survey.Organisation{ID: id}
		s.noteAs(c, &there, event)
	}
}

// noteOfUser adds to the trails of all organisations that a user works in what was done to her account. The trail of the
// server has it from the table of rights.
func (s *Server) noteOfUser(c echo.Context, user *survey.User, action string, details map[string]string) error {
	organisations, err := s.store.OrganisationsOf(c.Request().Context(), user.ID)
	if err != nil {
		return err
	}
	told := map[string]string{"address": user.Address}
	maps.Copy(told, details)
	s.noteIn(c, organisations, access.Event{Action: action, Subject: userSubject(user.ID), Details: told})
	return nil
}

// yesOrNo is how the audit trail has what is or is not.
func yesOrNo(is bool) string {
	if is {
		return "yes"
	}
	return "no"
}

// userPage is a user as those see her who run the server.
type userPage struct {
	room
	User        userLine
	Self        bool
	Memberships []namedText // organisation, roles
	Sessions    []seenSession
	Rescue      bool   // she can be given a link
	Command     string // that makes her one, where only whoever has the machine can; "" elsewhere
	Invitable   bool   // she can be invited again
	Again       again
	Typed       string
	Problem     string // with what was to be done
	TypedWrong  string
	Done        string
	Link        string // to be handed over, shown this once
}

// seenSession is a browser in which somebody is signed in.
type seenSession struct{ Agent, Started, Seen string }

// userOf returns the user whom an address names.
func (s *Server) userOf(c echo.Context) (*survey.User, error) {
	id, err := strconv.ParseInt(c.Param("user"), 10, 64)
	if err != nil {
		return nil, survey.ErrNotFound
	}
	user, err := s.store.User(c.Request().Context(), survey.UserID(id))
	return &user, err
}

func (s *Server) showUser(c echo.Context) error {
	return s.showUserWith(c, http.StatusOK, func(page *userPage) {
		switch done := c.QueryParam("done"); done {
		case "administrator", "disabled", "enabled", "factor", "sessions":
			page.Done = page.T("user_done_" + done)
		case "mailed", "unsent":
			page.Done = page.T("members_done_" + done)
		}
	})
}

// showUserWith shows the page of a user with what is to be added to it.
func (s *Server) showUserWith(c echo.Context, status int, change func(*userPage)) error {
	user, err := s.userOf(c)
	if err != nil {
		return err
	}
	page := userPage{room: s.room(c, "instance"), Self: user.ID == actorOf(c).User.ID}
	page.User = s.userLine(page.room, user)
	page.Title, page.Invitable, page.Again = page.User.Called, s.mayBeMailed(user), s.again(c)
	ctx := c.Request().Context()
	if s.mayHaveLink(user) {
		used, err := s.store.WorksWhereInUse(ctx, user.ID)
		if err != nil {
			return err
		}
		if page.Rescue = !used; used {
			page.Command = "cxmirror user link " + strconv.FormatInt(int64(user.ID), 10)
		}
	}
	memberships, err := s.store.Memberships(ctx, user.ID)
	if err != nil {
		return err
	}
	for i := range memberships {
		page.Memberships = append(page.Memberships, namedText{memberships[i].Organisation.Name, page.roleNames(memberships[i].Roles)})
	}
	sessions, err := s.store.Sessions(ctx, user.ID, s.now())
	if err != nil {
		return err
	}
	for i := range sessions {
		agent := sessions[i].Agent
		if agent == unknownAgent {
			agent = page.T("profile_unknown")
		}
		page.Sessions = append(page.Sessions, seenSession{agent, page.Day(sessions[i].Started), page.Day(sessions[i].Seen)})
	}
	change(&page)
	return s.show(c, status, "workbench", "user", page)
}

// mayHaveLink reports whether a user can be handed a link to choose a password by: only where no mail brings her one.
// Elsewhere nobody else gets it, so that nobody signs in as somebody else. Whoever runs the server is shown it only as long
// as the user works nowhere that is in use.
func (s *Server) mayHaveLink(u *survey.User) bool {
	return !u.Disabled && u.Subject == "" && u.ID != s.guest && !s.access.SendsMail()
}

// mayBeMailed reports whether the invitation of a user can be sent to her again.
func (s *Server) mayBeMailed(u *survey.User) bool {
	return !u.Disabled && s.awaited(u) && s.access.SendsMail()
}

// changeUser stores what is changed of a user, and leads back to her page.
func (s *Server) changeUser(c echo.Context, done string, details map[string]string, change func(*survey.User)) error {
	user, err := s.userOf(c)
	if err != nil {
		return err
	}
	detail(c, "address", user.Address)
	changed, err := s.store.ChangeUser(c.Request().Context(), user.ID, func(u *survey.User) error {
		change(u)
		return nil
	})
	if errors.Is(err, survey.ErrLastAdministrator) {
		return s.showUserWith(c, http.StatusConflict, func(page *userPage) { page.Problem = page.T("user_last_administrator") })
	}
	if err != nil {
		return err
	}
	if err := s.noteOfUser(c, user, "user."+done, details); err != nil {
		return err
	}
	if user.ID == actorOf(c).User.ID && (changed.Disabled || !changed.Administrator) { // this page is not hers any more
		return c.Redirect(http.StatusSeeOther, "/")
	}
	return c.Redirect(http.StatusSeeOther, userAddress(user.ID)+"?done="+done)
}

// userAddress is the page of a user.
func userAddress(id survey.UserID) string {
	return "/instance/users/" + strconv.FormatInt(int64(id), 10)
}

// setAdministrator lets a user run the server, or no longer, once whoever wants it has shown once more who she is.
func (s *Server) setAdministrator(c echo.Context) error {
	form, err := receiveForm(c, formLimit)
	if err != nil {
		return err
	}
	wrong, status, err := s.sureOf(c, form, s.room(c, "instance"))
	if err != nil {
		return err
	}
	if wrong != "" {
		return s.showUserWith(c, status, func(page *userPage) { page.Again.Wrong = wrong })
	}
	is := form.text("administrator") == "yes"
	detail(c, "administrator", yesOrNo(is))
	return s.changeUser(c, "administrator", map[string]string{"administrator": yesOrNo(is)}, func(u *survey.User) { u.Administrator = is })
}

// disableUser keeps a user from signing in, and signs her out everywhere.
func (s *Server) disableUser(c echo.Context) error {
	return s.changeUser(c, "disabled", nil, func(u *survey.User) { u.Disabled = true })
}

// enableUser lets a user sign in again.
func (s *Server) enableUser(c echo.Context) error {
	return s.changeUser(c, "enabled", nil, func(u *survey.User) { u.Disabled = false })
}

// endFactorOfUser lets a user in by her password alone who has lost her authenticator and her recovery codes.
func (s *Server) endFactorOfUser(c echo.Context) error {
	user, err := s.userOf(c)
	if err != nil {
		return err
	}
	if user.ID == actorOf(c).User.ID { // there she is asked for her password: who finds her browser open has none
		undone(c)
		return c.Redirect(http.StatusSeeOther, "/profile")
	}
	if len(user.SecondFactor) == 0 {
		undone(c)
		return c.Redirect(http.StatusSeeOther, userAddress(user.ID))
	}
	if err := s.access.EndSecondFactor(c.Request().Context(), user.ID); err != nil {
		return err
	}
	if err := s.noteOfUser(c, user, "user.factor_ended", nil); err != nil {
		return err
	}
	detail(c, "address", user.Address)
	return c.Redirect(http.StatusSeeOther, userAddress(user.ID)+"?done=factor")
}

// endSessionsOfUser signs a user out everywhere. Of oneself, this browser stays.
func (s *Server) endSessionsOfUser(c echo.Context) error {
	user, err := s.userOf(c)
	if err != nil {
		return err
	}
	except := ""
	if facts := factsOf(c.Request().Context()); facts != nil && facts.User == user.ID {
		except = facts.Hash
	}
	ended, err := s.store.EndSessions(c.Request().Context(), user.ID, except)
	if err != nil {
		return err
	}
	detail(c, "address", user.Address)
	detail(c, "sessions", strconv.Itoa(ended))
	return c.Redirect(http.StatusSeeOther, userAddress(user.ID)+"?done=sessions")
}

// makeLinkForUser shows a link by which a user chooses a password.
func (s *Server) makeLinkForUser(c echo.Context) error {
	user, err := s.userOf(c)
	if err != nil {
		return err
	}
	refused := func(problem string) error {
		return s.showUserWith(c, http.StatusConflict, func(page *userPage) { page.Problem = page.T(problem) })
	}
	if !s.mayHaveLink(user) {
		return refused("user_no_link")
	}
	link, kind, err := s.access.LinkToShow(c.Request().Context(), user.ID)
	switch {
	case errors.Is(err, survey.ErrInUse):
		return refused("user_link_in_use")
	case errors.Is(err, survey.ErrConflict): // she signs in elsewhere since a moment ago
		return refused("user_no_link")
	case err != nil:
		return err
	}
	if err := s.noteShownLink(c, user, kind, nowhere); err != nil {
		return err
	}
	return s.showUserWith(c, http.StatusCreated, func(page *userPage) { page.Link = link })
}

// inviteUserAgain sends a user who has not accepted yet another link, which nobody else sees; the one before ends.
func (s *Server) inviteUserAgain(c echo.Context) error {
	user, err := s.userOf(c)
	if err != nil {
		return err
	}
	refused := func() error {
		return s.showUserWith(c, http.StatusConflict, func(page *userPage) { page.Problem = page.T("user_not_invited") })
	}
	if !s.mayBeMailed(user) {
		return refused()
	}
	mailed, err := s.access.MailInvitation(c.Request().Context(), actorOf(c), user.ID)
	if errors.Is(err, survey.ErrConflict) { // she has accepted meanwhile
		return refused()
	}
	if err != nil {
		return err
	}
	if !mailed {
		undone(c)
	}
	detail(c, "address", user.Address)
	return c.Redirect(http.StatusSeeOther, userAddress(user.ID)+"?done="+mailedOrNot(mailed))
}

// deleteUser deletes a user once her address was typed. What she did stays in the audit trail.
func (s *Server) deleteUser(c echo.Context) error {
	form, err := receiveForm(c, formLimit)
	if err != nil {
		return err
	}
	user, err := s.userOf(c)
	if err != nil {
		return err
	}
	typed := strings.TrimSpace(form.text("typed"))
	if !strings.EqualFold(typed, user.Address) {
		return s.showUserWith(c, http.StatusUnprocessableEntity, func(page *userPage) { page.Typed, page.TypedWrong = typed, page.T("user_other_address") })
	}
	organisations, err := s.store.OrganisationsOf(c.Request().Context(), user.ID)
	if err == nil {
		err = s.store.DeleteUser(c.Request().Context(), user.ID)
	}
	switch {
	case errors.Is(err, survey.ErrLastAdministrator):
		return s.showUserWith(c, http.StatusConflict, func(page *userPage) { page.Problem = page.T("user_last_administrator") })
	case errors.Is(err, survey.ErrLastOwner):
		return s.showUserWith(c, http.StatusConflict, func(page *userPage) { page.Problem = page.T("user_last_owner") })
	case err != nil:
		return err
	}
	s.noteIn(c, organisations, access.Event{Action: "user.deleted", Subject: userSubject(user.ID), Details: map[string]string{"address": user.Address}})
	detail(c, "address", user.Address)
	if user.ID == actorOf(c).User.ID {
		return c.Redirect(http.StatusSeeOther, "/")
	}
	return c.Redirect(http.StatusSeeOther, "/instance/users?done=deleted")
}
