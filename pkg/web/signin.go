package web

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"cxmirror/pkg/access"
	"cxmirror/pkg/survey"
)

// Addresses of signing in, and the cookie by which a browser is known in which somebody has signed in before.
const (
	signInPath   = "/sign-in"
	codePath     = "/sign-in/code"
	deviceCookie = "cxmirror_device"
	longestNext  = 2000 // bytes of an address to go to afterwards
)

// signInRoutes are the ways to the workbench, and out of it.
func (s *Server) signInRoutes(g *echo.Group) {
	g.GET(signInPath, s.showSignIn)
	g.POST(signInPath, s.signIn)
	g.GET(codePath, s.showSecondFactor)
	g.POST(codePath, s.enterSecondFactor)
	g.GET("/sign-in/oidc", s.beginSignOn)
	g.GET("/sign-in/oidc/callback", s.finishSignOn)
	g.POST("/sign-out", s.signOut)

	// Links by mail, and the one by which the first administrator comes in.
	g.GET("/forgot", s.showForgot)
	g.POST("/forgot", s.sendReset)
	for _, kind := range []survey.LinkKind{survey.ResetLink, survey.InvitationLink} {
		g.GET("/"+string(kind)+"/:secret", s.showLink(kind))
		g.POST("/"+string(kind)+"/:secret", s.acceptLink(kind))
	}
	g.GET("/"+string(survey.SetUpLink)+"/:secret", s.showSetUp)
	g.POST("/"+string(survey.SetUpLink)+"/:secret", s.setUp)

	// Where she works once she is in.
	g.GET("/work-in", s.showPlaces)
	g.POST("/work-in", s.switchOrganisation)
	g.POST("/look-as", s.lookAs)
}

// signInPage asks who somebody is.
type signInPage struct {
	room
	Address    string // as typed
	Next       string // where she wanted to go
	Problem    string
	SignOn     string // the address of single sign-on; "" is none
	SignOnSays string
	Forgot     bool   // a link for another password can be sent
	Told       string // what happened before, such as that she has signed out
}

func (s *Server) showSignIn(c echo.Context) error {
	if actor := actorOf(c); actor != nil && s.guest == 0 {
		return c.Redirect(http.StatusSeeOther, ownAddress(c.QueryParam("next")))
	}
	page := s.signInPage(c, "", ownAddress(c.QueryParam("next")))
	if c.QueryParam("out") != "" {
		page.Told = page.T("signin_out")
	}
	return s.show(c, http.StatusOK, "workbench", "sign-in", page)
}

func (s *Server) signInPage(c echo.Context, address, next string) signInPage {
	page := signInPage{room: s.room(c, ""), Address: address, Next: next, Forgot: s.access.SendsMail()}
	page.Title = page.T("signin")
	if name, ok := s.access.SignOnName(); ok {
		page.SignOn, page.SignOnSays = "/sign-in/oidc?"+url.Values{"next": {next}}.Encode(), page.T("signin_sso")
		if name != "" {
			page.SignOnSays = page.With("signin_sso_with", "Name", name)
		}
	}
	return page
}

// signIn lets in who knows her password.
func (s *Server) signIn(c echo.Context) error {
	form, err := receiveForm(c, formLimit)
	if err != nil {
		return err
	}
	next := ownAddress(form.text("next"))
	ctx := c.Request().Context()
	outcome, err := s.access.SignIn(ctx, access.Attempt{
		Address: form.text("address"), Password: form.fields.Get("password"), From: addressOfNetwork(c).String(), Device: deviceOf(c),
	})
	if err != nil {
		page := s.signInPage(c, form.text("address"), next)
		status, words, known := page.refusalOf(c, err, s.now())
		if !known {
			return err
		}
		if errors.Is(err, access.ErrWrong) {
			s.refused(c, "user.refused", form.text("address"), byPassword)
		}
		page.Problem = words
		return s.show(c, status, "workbench", "sign-in", page)
	}
	return s.letIn(c, &outcome, next, byPassword)
}

// letIn signs in who has shown who she is, or asks for her second factor.
func (s *Server) letIn(c echo.Context, outcome *access.Outcome, next, by string) error {
	if outcome.NeedsSecondFactor {
		s.cameInBy(c, &outcome.User, byPassword)
		ctx := c.Request().Context()
		if err := s.sessions.begin(ctx, 0, agentOf(c.Request().UserAgent()), halfwayLife); err != nil {
			return err
		}
		s.sessions.manager.Put(ctx, waitsForSecond, int64(outcome.User.ID))
		s.sessions.manager.Put(ctx, knewPassword, outcome.Knew)
		s.sessions.manager.Put(ctx, thenGoes, next)
		if err := s.keepSession(c); err != nil {
			return err
		}
		return c.Redirect(http.StatusSeeOther, codePath)
	}
	if outcome.Device != "" {
		c.SetCookie(&http.Cookie{ //nolint:gosec // Secure where the connection is: on loopback there is none
			Name: deviceCookie, Value: outcome.Device, Path: "/", HttpOnly: true, Secure: s.overTLS(c.Request()),
			SameSite: http.SameSiteLaxMode, MaxAge: int(access.KnownFor.Seconds()),
		})
	}
	if err := s.admit(c, outcome.User.ID, 0); err != nil {
		return err
	}
	switch holds, err := s.access.StillHolds(c.Request().Context(), outcome); {
	case err != nil:
		return errors.Join(err, s.endSession(c))
	case !holds: // her password was ended while it was looked at
		if err := s.endSession(c); err != nil {
			return err
		}
		return c.Redirect(http.StatusSeeOther, signInPath)
	}
	s.cameInBy(c, &outcome.User)
	s.note(c, access.Event{Action: "user.signed_in", Subject: userSubject(outcome.User.ID), Details: map[string]string{"by": by}, Instance: true})
	return c.Redirect(http.StatusSeeOther, next)
}

// deviceOf returns what a browser keeps since somebody has signed in from it.
func deviceOf(c echo.Context) string {
	cookie, err := c.Cookie(deviceCookie)
	if err != nil {
		return ""
	}
	return cookie.Value
}

// refusalOf says why somebody is not let in, and with which status. What it does not know is no refusal.
func (r room) refusalOf(c echo.Context, err error, now time.Time) (status int, words string, known bool) {
	if slow, ok := errors.AsType[*access.SlowDownError](err); ok {
		wait := max(1, int(slow.Until.Sub(now).Round(time.Second).Seconds()))
		c.Response().Header().Set("Retry-After", strconv.Itoa(wait))
		if wait > 90 {
			return http.StatusTooManyRequests, r.N("signin_slow_minutes", (wait+59)/60), true
		}
		return http.StatusTooManyRequests, r.N("signin_slow_seconds", wait), true
	}
	if refused, ok := errors.AsType[*access.RefusedError](err); ok {
		return http.StatusUnprocessableEntity, r.T("refused_" + string(refused.Problem)), true
	}
	if errors.Is(err, access.ErrWrong) {
		return http.StatusUnprocessableEntity, r.T("signin_wrong"), true
	}
	return 0, "", false
}

// secondFactorPage asks for a code.
type secondFactorPage struct {
	room
	Problem string
}

// halfway returns whose password was right in this browser, lately; 0 is nobody's.
func (s *Server) halfway(c echo.Context) survey.UserID {
	return survey.UserID(s.sessions.manager.GetInt64(c.Request().Context(), waitsForSecond))
}

func (s *Server) showSecondFactor(c echo.Context) error {
	if s.halfway(c) == 0 {
		return c.Redirect(http.StatusSeeOther, signInPath)
	}
	page := secondFactorPage{room: s.room(c, "")}
	page.Title = page.T("factor")
	return s.show(c, http.StatusOK, "workbench", "second-factor", page)
}

// enterSecondFactor lets in whose password was right and whose code is.
func (s *Server) enterSecondFactor(c echo.Context) error {
	form, err := receiveForm(c, formLimit)
	if err != nil {
		return err
	}
	user := s.halfway(c)
	if user == 0 { // it took too long; the password is asked for again
		return c.Redirect(http.StatusSeeOther, signInPath)
	}
	ctx := c.Request().Context()
	outcome, err := s.access.SecondFactor(ctx, access.CodeAttempt{
		User: user, Knew: s.sessions.manager.GetString(ctx, knewPassword), Code: form.text("code"), From: addressOfNetwork(c).String(), Device: deviceOf(c),
	})
	if err != nil {
		page := secondFactorPage{room: s.room(c, "")}
		page.Title = page.T("factor")
		status, words, known := page.refusalOf(c, err, s.now())
		if !known {
			return err
		}
		if page.Problem = words; errors.Is(err, access.ErrWrong) {
			page.Problem = page.T("factor_wrong")
			if err := s.refusedCode(c, user); err != nil {
				return err
			}
		}
		return s.show(c, status, "workbench", "second-factor", page)
	}
	by := bySecondFactor
	if outcome.CodesLeft >= 0 {
		by = byRecoveryCode
	}
	return s.letIn(c, &outcome, ownAddress(s.sessions.manager.GetString(ctx, thenGoes)), by)
}

// refusedCode notes that somebody gave a wrong code. She had given her password before: it is known who she is.
func (s *Server) refusedCode(c echo.Context, id survey.UserID) error {
	user, err := s.store.User(c.Request().Context(), id)
	if errors.Is(err, survey.ErrNotFound) { // she was deleted meanwhile
		s.refused(c, "user.refused", noAddress, bySecondFactor)
		return nil
	}
	if err != nil {
		return err
	}
	s.refused(c, "user.refused", user.Address, bySecondFactor)
	return nil
}

// signOut ends the session, wherever it was left open.
func (s *Server) signOut(c echo.Context) error {
	if actor := actorOf(c); actor != nil {
		s.note(c, access.Event{Action: "user.signed_out", Subject: userSubject(actor.User.ID), Instance: true})
	}
	if err := s.endSession(c); err != nil {
		return err
	}
	c.Response().Header().Set("Clear-Site-Data", `"cache"`)
	return c.Redirect(http.StatusSeeOther, signInPath+"?out=1")
}

// signInAddress is where somebody signs in who wanted to go to an address.
func signInAddress(next string) string {
	if next = ownAddress(next); next == "/" {
		return signInPath
	}
	return signInPath + "?" + url.Values{"next": {next}}.Encode()
}

// ownAddress returns an address within this server that somebody wanted to go to, or "/" for any other: who signs in
// here is led nowhere else.
func ownAddress(next string) string {
	next = cmp.Or(next, "/")
	parsed, err := url.Parse(next)
	if err != nil || len(next) > longestNext || next[0] != '/' || strings.HasPrefix(next, "//") ||
		strings.ContainsFunc(next, func(r rune) bool { return r < ' ' || r == '\\' || r == 0x7f }) ||
		parsed.Scheme != "" || parsed.Host != "" || parsed.User != nil || strings.Contains(parsed.Path, "//") || strings.HasPrefix(parsed.Path, signInPath) {
		return "/"
	}
	return parsed.RequestURI()
}
