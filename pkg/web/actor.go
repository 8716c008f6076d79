package web

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"cxmirror/pkg/access"
	"cxmirror/pkg/survey"
)

// actorKey is where whoever sent a request lies in its context.
const actorKey = "actor"

// actorOf returns who sent a request; nil is somebody who has not signed in.
func actorOf(c echo.Context) *access.Actor {
	actor, _ := c.Get(actorKey).(*access.Actor)
	return actor
}

// organisationOf returns the organisation that whoever sent a request works for. What pages of the workbench read
// and change is that organisation's alone; 0 is none, and owns nothing.
func (s *Server) organisationOf(c echo.Context) survey.OrganisationID {
	if actor := actorOf(c); actor != nil {
		return actor.Organisation.ID
	}
	return 0
}

// know notes who sent a request.
func (s *Server) know(c echo.Context, actor *access.Actor) { c.Set(actorKey, actor) }

// identifyActor finds out who sends a request: by the token that a program shows, by the session of a browser, or,
// where the server is a demonstration, as its guest.
func (s *Server) identifyActor(c echo.Context) error {
	if token, ok := bearer(c.Request()); ok && ofAPI(c.Request().URL.Path) {
		actor, err := s.access.TokenHolder(c.Request().Context(), token)
		if err != nil {
			return err
		}
		s.know(c, actor)
		return nil
	}
	if err := s.loadSession(c); err != nil {
		return err
	}
	if factsOf(c.Request().Context()).User != 0 {
		return s.identifyUser(c)
	}
	if s.guest != 0 {
		return s.identifyGuest(c)
	}
	return nil
}

// bearer returns the token that a program shows.
func bearer(r *http.Request) (string, bool) {
	scheme, token, found := strings.Cut(r.Header.Get("Authorization"), " ")
	return strings.TrimSpace(token), found && strings.EqualFold(scheme, "bearer")
}

// identifyUser makes an actor of whom the session belongs to. What she may do is read anew with every request, so
// that what was taken from her is gone at once.
func (s *Server) identifyUser(c echo.Context) error {
	ctx := c.Request().Context()
	facts := factsOf(ctx)
	actor, err := s.access.Actor(ctx, facts.User, survey.OrganisationID(s.sessions.manager.GetInt64(ctx, inOrganisation)))
	if errors.Is(err, access.ErrSignedOut) {
		return s.endSession(c)
	}
	if err != nil {
		return err
	}
	if s.sessions.idle(facts, powerful(actor)) {
		return s.endSession(c)
	}
	s.know(c, actor)
	if followsByItself(c) {
		return nil
	}
	renew := s.sessions.manager.GetString(ctx, withStanding) != standingOf(actor)
	if !renew && s.now().Sub(facts.Seen) < seenEvery {
		return nil
	}
	if renew {
		s.sessions.manager.Put(ctx, withStanding, standingOf(actor))
		if err := s.sessions.manager.RenewToken(ctx); err != nil {
			return err
		}
	}
	facts.Seen = s.now()
	return s.keepSession(c)
}

// powerful reports whether somebody can change what others may do; her session ends sooner.
func powerful(a *access.Actor) bool {
	return a.User.Administrator || slices.ContainsFunc(a.Memberships, func(m survey.Membership) bool { return m.Has(survey.Owner) })
}

// followsByItself reports whether a page left open sends a request, with nobody before it.
func followsByItself(c echo.Context) bool { return c.Path() == "/counts.json" }

// The cookies with the role in which a guest looks at a demonstration, and with the organisation.
const (
	guestCookie      = "cxmirror_as"
	guestPlaceCookie = "cxmirror_in"
)

// rememberGuest keeps a choice of a guest in the browser. A demonstration is served without TLS, on loopback.
func rememberGuest(c echo.Context, name, value string) {
	c.SetCookie(&http.Cookie{Name: name, Value: value, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode}) //nolint:gosec // see above
}

// identifyGuest makes an actor of whoever looks at a demonstration: its owner, or what the guest wants to see it as.
func (s *Server) identifyGuest(c echo.Context) error {
	place := survey.DefaultOrganisation
	if cookie, err := c.Cookie(guestPlaceCookie); err == nil {
		if id, err := strconv.ParseInt(cookie.Value, 10, 64); err == nil {
			place = survey.OrganisationID(id)
		}
	}
	actor, err := s.access.Actor(c.Request().Context(), s.guest, place)
	if err != nil {
		return err
	}
	if cookie, err := c.Cookie(guestCookie); err == nil && slices.Contains(survey.Roles(), survey.Role(cookie.Value)) {
		actor.Roles, actor.User.Administrator = []survey.Role{survey.Role(cookie.Value)}, false
	}
	s.know(c, actor)
	return nil
}

// lookAs lets a guest of a demonstration see it as somebody of another role does.
func (s *Server) lookAs(c echo.Context) error {
	form, err := receiveForm(c, formLimit)
	if err != nil {
		return err
	}
	if s.guest == 0 || !slices.Contains(survey.Roles(), survey.Role(form.text("role"))) {
		return survey.ErrNotFound
	}
	rememberGuest(c, guestCookie, form.text("role"))
	return c.Redirect(http.StatusSeeOther, "/")
}

// switchOrganisation lets somebody work in another of her organisations.
func (s *Server) switchOrganisation(c echo.Context) error {
	form, err := receiveForm(c, formLimit)
	if err != nil {
		return err
	}
	id, err := strconv.ParseInt(form.text("to"), 10, 64)
	if err != nil {
		return survey.ErrNotFound
	}
	if err := s.workIn(c, survey.OrganisationID(id)); err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, "/")
}

// workIn makes an organisation the one that the session works in, under another name. It is survey.ErrNotFound
// unless it is one of hers.
func (s *Server) workIn(c echo.Context, organisation survey.OrganisationID) error {
	ctx, actor := c.Request().Context(), actorOf(c)
	if !slices.ContainsFunc(actor.Memberships, func(m survey.Membership) bool { return m.Organisation.ID == organisation }) {
		return survey.ErrNotFound
	}
	if factsOf(ctx).User == 0 && s.guest == 0 { // a program
		return survey.ErrNotFound
	}
	if factsOf(ctx).User == 0 { // a guest has no session
		rememberGuest(c, guestPlaceCookie, strconv.FormatInt(int64(organisation), 10))
		return nil
	}
	moved, err := s.access.Actor(ctx, actor.User.ID, organisation)
	if err != nil {
		return err
	}
	s.sessions.manager.Put(ctx, inOrganisation, int64(organisation))
	if err := s.sessions.manager.RenewToken(ctx); err != nil {
		return err
	}
	factsOf(ctx).Seen = s.now()
	if err := s.keepSession(c); err != nil {
		return err
	}
	s.know(c, moved)
	return nil
}
