package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/labstack/echo/v4"

	"cxmirror/pkg/access"
	"cxmirror/pkg/store"
	"cxmirror/pkg/survey"
)

// How long somebody stays signed in.
const (
	sessionLife  = 14 * 24 * time.Hour // from signing in, whatever she does
	powerfulIdle = 24 * time.Hour      // without a visit, for those who can change what others may do
	seenEvery    = 5 * time.Minute     // how finely a visit is noted
	halfwayLife  = 15 * time.Minute    // from a password to the second factor, and out to single sign-on and back
)

// The cookies of a session. The prefix makes browsers refuse the cookie from anybody but this very host over TLS, a
// neighbour under the same domain among them.
const (
	plainCookie  = "cxmirror"
	secureCookie = "__Host-cxmirror"
)

// What a session holds besides whose it is.
const (
	inOrganisation = "organisation" // the one she works in: an int64
	withStanding   = "standing"     // what she was when the session got its name
	waitsForSecond = "second"       // whose password was right and whose second factor is not known yet: an int64
	knewPassword   = "knew"         // which password that was: a string, see access.Outcome
	thenGoes       = "next"         // where she wanted to go: a path
	keptForSignOn  = "sign-on"      // what single sign-on wants back: bytes
)

// sessionKey names what the context of a request holds.
type sessionKey string

// contextOfFacts is where whose session it is lies in the context of a request.
const contextOfFacts sessionKey = "facts"

// sessions knows browsers again. What a browser holds is a random name alone; everything else lies in the database,
// where it is found by the hash of that name.
type sessions struct {
	manager *scs.SessionManager
	now     func() time.Time
}

func newSessions(s *store.Store, now func() time.Time) *sessions {
	manager := scs.New()
	manager.Store = sessionRows{s, now}
	manager.HashTokenInStore = true
	manager.Lifetime = sessionLife
	return &sessions{manager, now}
}

// sessionRows is the table of sessions as package scs wants it. Whose a session is and when it ends comes with the
// context: it has columns of its own, so that somebody can see and end her sessions.
type sessionRows struct {
	store *store.Store
	now   func() time.Time
}

func factsOf(ctx context.Context) *survey.Session {
	facts, _ := ctx.Value(contextOfFacts).(*survey.Session)
	return facts
}

var errNoContext = errors.New("sessions: a session is kept within a request")

// Find is what nobody calls: there is [sessionRows.FindCtx].
func (sessionRows) Find(string) ([]byte, bool, error) { return nil, false, errNoContext }

// Commit is what nobody calls: there is [sessionRows.CommitCtx].
func (sessionRows) Commit(string, []byte, time.Time) error { return errNoContext }

// Delete is what nobody calls: there is [sessionRows.DeleteCtx].
func (sessionRows) Delete(string) error { return errNoContext }

// FindCtx returns what a session holds, and notes in the context whose it is.
func (r sessionRows) FindCtx(ctx context.Context, hash string) ([]byte, bool, error) {
	facts := factsOf(ctx)
	if facts == nil {
		return nil, false, errNoContext
	}
	data, found, err := r.store.SessionData(ctx, hash, r.now())
	if errors.Is(err, survey.ErrNotFound) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	*facts = found
	return data, true, nil
}

// CommitCtx stores a session as the context describes it. When it ends is told by our clock, not by that of scs.
func (r sessionRows) CommitCtx(ctx context.Context, hash string, data []byte, _ time.Time) error {
	facts := factsOf(ctx)
	if facts == nil {
		return errNoContext
	}
	facts.Hash = hash
	return r.store.SaveSession(ctx, *facts, data)
}

// DeleteCtx ends a session.
func (r sessionRows) DeleteCtx(ctx context.Context, hash string) error {
	return r.store.DeleteSession(ctx, hash)
}

// load finds the session of a token; an empty one where there is none.
func (k *sessions) load(ctx context.Context, token string) (context.Context, error) {
	ctx = context.WithValue(ctx, contextOfFacts, &survey.Session{})
	loaded, err := k.manager.Load(ctx, token)
	if err != nil {
		return ctx, fmt.Errorf("session: %w", err)
	}
	return loaded, nil
}

// begin makes the session of a context one that was never there before, under a name that nobody knew: whatever a
// browser held until now, somebody else may have put there.
func (k *sessions) begin(ctx context.Context, user survey.UserID, agent string, life time.Duration) error {
	if err := k.manager.Clear(ctx); err != nil {
		return err
	}
	if err := k.manager.RenewToken(ctx); err != nil {
		return fmt.Errorf("session: %w", err)
	}
	now := k.now()
	*factsOf(ctx) = survey.Session{User: user, Agent: agent, Started: now, Seen: now, Expires: now.Add(life)}
	return nil
}

// keep stores the session of a context and returns the token it is found by.
func (k *sessions) keep(ctx context.Context) (string, error) {
	token, _, err := k.manager.Commit(ctx)
	if err != nil {
		return "", fmt.Errorf("session: %w", err)
	}
	return token, nil
}

// idle reports whether a session has ended because nobody was there: only those of people who can change what others
// may do end that way.
func (k *sessions) idle(facts *survey.Session, powerful bool) bool {
	return powerful && k.now().Sub(facts.Seen) > powerfulIdle
}

// cookieName returns the name of the session's cookie on a connection.
func (s *Server) cookieName(r *http.Request) string {
	if s.overTLS(r) {
		return secureCookie
	}
	return plainCookie
}

// loadSession finds the session of a request and puts it into its context.
func (s *Server) loadSession(c echo.Context) error {
	token := ""
	if cookie, err := c.Cookie(s.cookieName(c.Request())); err == nil && len(cookie.Value) <= 100 {
		token = cookie.Value
	}
	ctx, err := s.sessions.load(c.Request().Context(), token)
	if err != nil {
		return err
	}
	c.SetRequest(c.Request().WithContext(ctx))
	return nil
}

// keepSession stores the session of a request, and tells the browser its name.
func (s *Server) keepSession(c echo.Context) error {
	ctx := c.Request().Context()
	token, err := s.sessions.keep(ctx)
	if err != nil {
		return err
	}
	s.setSessionCookie(c, token, int(factsOf(ctx).Expires.Sub(s.now()).Seconds()))
	return nil
}

// endSession forgets the session of a request, here and in the browser.
func (s *Server) endSession(c echo.Context) error {
	ctx := c.Request().Context()
	if err := s.sessions.manager.Destroy(ctx); err != nil {
		return fmt.Errorf("session: %w", err)
	}
	*factsOf(ctx) = survey.Session{}
	s.setSessionCookie(c, "", -1)
	return nil
}

func (s *Server) setSessionCookie(c echo.Context, token string, age int) {
	c.SetCookie(&http.Cookie{ //nolint:gosec // Secure where the connection is: on loopback there is none
		Name: s.cookieName(c.Request()), Value: token, Path: "/", HttpOnly: true, Secure: s.overTLS(c.Request()),
		SameSite: http.SameSiteLaxMode, MaxAge: age,
	})
}

// admit makes the browser that of somebody who is signed in from now on.
func (s *Server) admit(c echo.Context, user survey.UserID, organisation survey.OrganisationID) error {
	ctx := c.Request().Context()
	if err := s.sessions.begin(ctx, user, agentOf(c.Request().UserAgent()), sessionLife); err != nil {
		return err
	}
	actor, err := s.access.Actor(ctx, user, organisation)
	if err != nil {
		return err
	}
	s.sessions.manager.Put(ctx, inOrganisation, int64(actor.Organisation.ID))
	s.sessions.manager.Put(ctx, withStanding, standingOf(actor))
	if err := s.keepSession(c); err != nil {
		return err
	}
	s.know(c, actor)
	return nil
}

// standingOf is all that somebody is, in a line: while it changes, so does the name of her session.
func standingOf(a *access.Actor) string {
	var all strings.Builder
	if a.User.Administrator {
		all.WriteString("administrator;")
	}
	for i := range a.Memberships {
		fmt.Fprintf(&all, "%d=%v;", a.Memberships[i].Organisation.ID, a.Memberships[i].Roles)
	}
	return all.String()
}

// unknownAgent is a browser that does not say what it is, as programs of tests do.
const unknownAgent = "–"

// agentOf returns the browser and the system that a browser says it is, nothing finer: people know their sessions by
// it, and nobody is to be told apart by it.
func agentOf(header string) string {
	first := func(pairs [][2]string) string {
		for _, pair := range pairs {
			if strings.Contains(header, pair[0]) {
				return pair[1]
			}
		}
		return ""
	}
	browser := first([][2]string{
		{"Edg", "Edge"},
		{"OPR/", "Opera"},
		{"Firefox/", "Firefox"},
		{"FxiOS/", "Firefox"},
		{"CriOS/", "Chrome"},
		{"Chrome/", "Chrome"},
		{"Safari/", "Safari"},
	})
	system := first([][2]string{
		{"Windows", "Windows"},
		{"Android", "Android"},
		{"iPhone", "iPhone"},
		{"iPad", "iPad"},
		{"Macintosh", "macOS"},
		{"CrOS", "ChromeOS"},
		{"Linux", "Linux"},
	})
	switch {
	case browser != "" && system != "":
		return browser + ", " + system
	case browser+system == "":
		return unknownAgent
	}
	return browser + system
}
