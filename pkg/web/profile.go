package web

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"cxmirror/pkg/access"
	"cxmirror/pkg/survey"
)

// profileRoutes are what somebody does to her own account.
func (s *Server) profileRoutes(g *echo.Group) {
	g.GET("/profile", s.showProfile)
	g.POST("/profile", s.saveProfile)
	g.POST("/profile/password", s.changePassword)
	g.POST("/profile/sessions/end", s.endOneSession)
	g.POST("/profile/sessions/others", s.endOtherSessions)
	s.secondFactorRoutes(g)
}

// profilePage is somebody's own account.
type profilePage struct {
	room
	Told        string
	Address     string
	Name        string // as typed
	Language    survey.Language
	Offered     []languageChoice
	Memberships []membershipLine
	Problems    map[string]string // by field

	HasPassword bool // or else she signs in elsewhere
	MinPassword int
	Factor      bool
	CodesLeft   int
	Sessions    []sessionLine
}

type membershipLine struct{ Organisation, Roles string }

// sessionLine is a browser in which she is signed in.
type sessionLine struct {
	Hash    string
	Agent   string
	Started string
	Seen    string
	This    bool
}

// profileDone are what the page tells of afterwards: the ends of keys of phrases.
var profileDone = []string{"saved", "password", "factor_ended", "session_ended"} //nolint:gochecknoglobals // nothing changes it

func (s *Server) showProfile(c echo.Context) error {
	page, err := s.profilePage(c)
	if err != nil {
		return err
	}
	if done := c.QueryParam("done"); slices.Contains(profileDone, done) {
		page.Told = page.T("profile_done_" + done)
	}
	if n, err := strconv.Atoi(c.QueryParam("ended")); err == nil && n >= 0 {
		page.Told = page.N("profile_done_others", n)
	}
	return s.show(c, http.StatusOK, "workbench", "profile", page)
}

func (s *Server) profilePage(c echo.Context) (profilePage, error) {
	ctx, user := c.Request().Context(), actorOf(c).User
	page := profilePage{
		room: s.room(c, "profile"), Address: user.Address, Name: user.Name, Language: user.Language, Problems: map[string]string{},
		HasPassword: user.PasswordHash != "", MinPassword: access.MinPassword, Factor: len(user.SecondFactor) > 0,
	}
	page.Title = page.T("profile")
	for _, lang := range page.phrases.Languages() {
		page.Offered = append(page.Offered, languageChoice{Tag: lang, Name: s.nameOf(lang), Current: lang == user.Language})
	}
	for i := range actorOf(c).Memberships {
		m := &actorOf(c).Memberships[i]
		var roles []string
		for _, role := range m.Roles {
			roles = append(roles, page.T("role_"+string(role)))
		}
		page.Memberships = append(page.Memberships, membershipLine{m.Organisation.Name, strings.Join(roles, ", ")})
	}
	if page.Guest {
		return page, nil // nobody has signed in
	}
	var err error
	if page.Factor {
		if page.CodesLeft, err = s.store.RecoveryCodes(ctx, user.ID); err != nil {
			return page, err
		}
	}
	sessions, err := s.store.Sessions(ctx, user.ID, s.now())
	if err != nil {
		return page, err
	}
	for i := range sessions {
		one := &sessions[i]
		if one.Agent == unknownAgent {
			one.Agent = page.T("profile_unknown")
		}
		page.Sessions = append(page.Sessions, sessionLine{
			one.Hash, one.Agent, one.Started.UTC().Format(minuteLayout), one.Seen.UTC().Format(minuteLayout), one.Hash == factsOf(ctx).Hash,
		})
	}
	return page, nil
}

// minuteLayout writes a moment to the minute.
const minuteLayout = time.DateOnly + " 15:04"

// own returns the form of somebody who has signed in: what is done to an account is not for the guests of a
// demonstration, who all are the same user.
func (s *Server) own(c echo.Context) (*upload, error) {
	form, err := receiveForm(c, formLimit)
	if err != nil {
		return nil, err
	}
	if factsOf(c.Request().Context()).User == 0 {
		return nil, survey.ErrNotFound
	}
	return form, nil
}

// noteOwn adds to the audit trail what somebody did to her own account.
func (s *Server) noteOwn(c echo.Context, action string, details map[string]string) {
	s.note(c, access.Event{Action: action, Subject: userSubject(actorOf(c).User.ID), Details: details, Instance: true})
}

// saveProfile stores what somebody is called, and in which language she works.
func (s *Server) saveProfile(c echo.Context) error {
	form, err := s.own(c)
	if err != nil {
		return err
	}
	page, err := s.profilePage(c)
	if err != nil {
		return err
	}
	page.Name, page.Language = form.text("name"), survey.Language(form.text("language"))
	name, err := access.CheckName(page.Name)
	if err != nil {
		page.Problems["name"] = page.T("refused_bad_name")
	}
	if page.Language != "" && !slices.Contains(page.phrases.Languages(), page.Language) {
		page.Problems["language"] = page.T("problem_language")
	}
	if len(page.Problems) > 0 {
		return s.show(c, http.StatusUnprocessableEntity, "workbench", "profile", page)
	}
	_, err = s.store.ChangeUser(c.Request().Context(), actorOf(c).User.ID, func(u *survey.User) error {
		u.Name, u.Language = name, page.Language
		return nil
	})
	if err != nil {
		return err
	}
	// A language that was chosen for this browser alone gives way to the one that is chosen for all.
	c.SetCookie(&http.Cookie{ //nolint:gosec // Secure where the connection is: on loopback there is none
		Name: workbenchLanguage, Path: "/", HttpOnly: true, Secure: s.overTLS(c.Request()), SameSite: http.SameSiteLaxMode, MaxAge: -1,
	})
	s.noteOwn(c, "user.changed", nil)
	return c.Redirect(http.StatusSeeOther, "/profile?done=saved")
}

// changePassword gives somebody another password, who knows the one she has.
func (s *Server) changePassword(c echo.Context) error {
	form, err := s.own(c)
	if err != nil {
		return err
	}
	if actorOf(c).User.PasswordHash == "" {
		return survey.ErrNotFound // she signs in elsewhere
	}
	page, err := s.profilePage(c)
	if err != nil {
		return err
	}
	if form.fields.Get("new_password") != form.fields.Get("again") {
		page.Problems["new_password"] = page.T("refused_" + string(passwordsDiffer))
		return s.show(c, http.StatusUnprocessableEntity, "workbench", "profile", page)
	}
	ctx := c.Request().Context()
	err = s.access.ChangePassword(ctx, actorOf(c).User.ID, access.PasswordChange{
		Old: form.fields.Get("password"), New: form.fields.Get("new_password"), From: addressOfNetwork(c).String(), Device: deviceOf(c), Keep: factsOf(ctx).Hash,
	})
	if err != nil {
		field := "new_password"
		if _, refused := errors.AsType[*access.RefusedError](err); !refused {
			field = "password"
		}
		return s.showProfileAgain(c, page, field, err)
	}
	s.noteOwn(c, "user.password_changed", nil)
	return c.Redirect(http.StatusSeeOther, "/profile?done=password")
}

// showProfileAgain shows the account with what is wrong beside a field.
func (s *Server) showProfileAgain(c echo.Context, page profilePage, field string, cause error) error {
	status, words, known := page.refusalOf(c, cause, s.now())
	if !known {
		return cause
	}
	if errors.Is(cause, access.ErrWrong) {
		words = page.T("profile_wrong")
		s.refused(c, "user.refused", actorOf(c).User.Address, byPasswordMore)
	}
	page.Problems[field] = words
	return s.show(c, status, "workbench", "profile", page)
}

// endOneSession signs her out in another browser.
func (s *Server) endOneSession(c echo.Context) error {
	form, err := s.own(c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	if form.text("session") == factsOf(ctx).Hash {
		return s.signOut(c) // this browser
	}
	if err := s.store.EndSession(ctx, actorOf(c).User.ID, form.text("session")); err != nil {
		return err
	}
	s.noteOwn(c, "user.session_ended", nil)
	return c.Redirect(http.StatusSeeOther, "/profile?done=session_ended")
}

// endOtherSessions signs her out in all other browsers.
func (s *Server) endOtherSessions(c echo.Context) error {
	if _, err := s.own(c); err != nil {
		return err
	}
	ctx := c.Request().Context()
	ended, err := s.store.EndSessions(ctx, actorOf(c).User.ID, factsOf(ctx).Hash)
	if err != nil {
		return err
	}
	s.noteOwn(c, "user.sessions_ended", map[string]string{"sessions": strconv.Itoa(ended)})
	return c.Redirect(http.StatusSeeOther, "/profile?ended="+strconv.Itoa(ended))
}
