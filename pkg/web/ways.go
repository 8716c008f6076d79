package web

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"

	"github.com/labstack/echo/v4"

	"cxmirror/pkg/survey"
)

// way is how a respondent came to a wave. Her pages are the same by each way; what differs is by what she is known
// again, and what the browser keeps.
type way int

// The ways in.
const (
	openLink     way = iota // /o/{slug}: a cookie, which stays
	personalLink            // /s/{token}: the link itself, on whatever device; no cookie
	kiosk                   // /k/{slug}: a cookie that the next person does not find
	noWay                   // /privacy/{slug}: to read only
)

func wayOf(c echo.Context) way {
	switch {
	case strings.HasPrefix(c.Path(), "/s/"), strings.HasPrefix(c.Path(), "/u/"):
		return personalLink
	case strings.HasPrefix(c.Path(), "/k/"):
		return kiosk
	case strings.HasPrefix(c.Path(), "/o/"):
		return openLink
	}
	return noWay
}

// holdsToken reports whether an address is itself what lets somebody in: who has it is its owner.
func holdsToken(path string) bool {
	for _, way := range []string{"/s/", "/u/", "/reset/", "/invitation/", "/set-up/"} {
		if strings.HasPrefix(path, way) {
			return true
		}
	}
	return false
}

const (
	finishedMark = "finished"  // what the cookie of an anonymous response becomes
	kioskAge     = 2 * 60 * 60 // seconds; whoever stands there has gone long before
)

// Errors of the ways in.
var (
	errUnknownLink = fmt.Errorf("personal link: %w", survey.ErrNotFound)
	errOtherWay    = fmt.Errorf("no answers are taken this way: %w", survey.ErrClosed)
)

// enter finds the wave of a request, and what the visitor brings along: a key, and with a personal link her
// invitation. While the database does not answer, it fills in the wave as last seen beside the error.
func (s *Server) enter(ctx context.Context, c echo.Context, v *visit) error {
	v.way = wayOf(c)
	if v.way == personalLink {
		return s.enterByLink(ctx, c, v)
	}
	var err error
	if v.wave, err = s.fielded.wave(ctx, c.Param("slug")); v.wave.ID == 0 || v.way == noWay {
		return err
	}
	if cookie, missing := c.Cookie(cookieOf(&v.wave)); missing == nil {
		if isKey(cookie.Value) {
			v.key = cookie.Value
		}
		v.sealed = cookie.Value == finishedMark && v.way == openLink
	}
	return err
}

// enterByLink finds who comes with a personal link. A link that nobody has takes as long as one of a wave whose
// personal data were erased, and is told the same.
func (s *Server) enterByLink(ctx context.Context, c echo.Context, v *visit) error {
	v.token = tokenOf(c)
	who, err := s.fieldwork.ByToken(ctx, v.token)
	switch {
	case away(err):
		s.links.recall(v)
		return err
	case errors.Is(err, survey.ErrNotFound):
		return errUnknownLink
	case err != nil:
		return err
	}
	v.wave, v.key, v.invitation = who.Wave, who.Key, who.Invitation
	s.links.remember(v)
	return nil
}

// tokenOf returns the token of a request as it was sent out: mail programs take a full stop or a bracket behind a
// link for a part of it, and some change its case.
func tokenOf(c echo.Context) string {
	token, err := url.PathUnescape(c.Param("token"))
	if err != nil {
		token = c.Param("token")
	}
	return strings.ToLower(strings.TrimRight(strings.TrimSpace(token), `.,;:!?)]}>"'`))
}

// address is where the survey begins for the visitor.
func (v *visit) address() string {
	switch v.way {
	case personalLink:
		return "/s/" + url.PathEscape(v.token)
	case kiosk:
		return "/k/" + v.wave.Slug
	case openLink, noWay:
	}
	return "/o/" + v.wave.Slug
}

func (v *visit) addressOfPage(page int) string { return v.address() + "/" + strconv.Itoa(page) }

// addressOfThanks is where a response ends. Where nothing is left of it that could be found again, the address
// says in which language the thanks are.
func (v *visit) addressOfThanks() string {
	if v.way == kiosk || v.wave.Mode == survey.Anonymous {
		return v.address() + "/thanks?lang=" + url.QueryEscape(string(v.lang))
	}
	return v.address() + "/thanks"
}

func addressOfMail(token string) string { return "/u/" + url.PathEscape(token) }

// open reports whether the wave takes answers by the way the visitor came.
func (v *visit) open() bool {
	switch v.way {
	case openLink:
		return v.wave.OpenLink
	case kiosk:
		return v.wave.Kiosk
	case personalLink:
		return true
	case noWay:
	}
	return false
}

// othersMay reports whether several people may answer with one browser.
func (v *visit) othersMay() bool { return v.way == openLink && !v.wave.OncePer }

// startsAnew reports whether somebody begins a response beside one that the browser has the key of.
func (v *visit) startsAnew(form *sentForm) bool {
	if v.way == kiosk {
		return form.own.Get(fieldKey) != v.key
	}
	return v.othersMay() && form.own.Get(fieldAct) == actAnew
}

// carried is what a page carries along of the answers on other pages, so that nothing is lost where the browser
// loses its cookie or the server its database. An anonymous response is kept from every copy of a page. At a kiosk,
// where a page may be sent again by somebody else, it says instead whose it is.
func (v *visit) carried(filled *sheet) string {
	switch {
	case v.way == kiosk && v.key == "":
		return filled.before
	case v.way == kiosk:
		return markOf(v.key)
	case v.wave.Mode == survey.Anonymous:
		return ""
	}
	return cmp.Or(string(v.response.Answers), filled.before)
}

// handOver gives the browser what it needs to go on with a response.
func (s *Server) handOver(c echo.Context, v *visit) {
	switch v.way {
	case openLink:
		s.setCookie(c, cookieOf(&v.wave), v.key, v.address(), cookieAge)
	case kiosk:
		s.setCookie(c, cookieOf(&v.wave), v.key, v.address(), kioskAge)
	case personalLink, noWay:
	}
}

// takeBack takes from the browser what leads to a response that is finished. With an open link a mark stays that
// says so and nothing else.
func (s *Server) takeBack(c echo.Context, v *visit) {
	switch {
	case v.way == kiosk:
		s.setCookie(c, cookieOf(&v.wave), "", v.address(), -1)
	case v.way == openLink && v.wave.Mode == survey.Anonymous:
		s.setCookie(c, cookieOf(&v.wave), finishedMark, v.address(), cookieAge)
	}
}

func cookieOf(w *survey.Wave) string { return "cx_" + w.Slug }

// setCookie has a browser keep a value for the addresses under a path for so many seconds, out of reach of scripts
// and of other sites' forms. A negative age takes it away.
func (s *Server) setCookie(c echo.Context, name, value, path string, age int) {
	//nolint:gosec // Secure wherever the connection is; over plain HTTP on one's own machine it would never come back
	c.SetCookie(&http.Cookie{
		Name: name, Value: value, Path: path, HttpOnly: true, Secure: s.overTLS(c.Request()), SameSite: http.SameSiteLaxMode, MaxAge: age,
	})
}

// noteOpened notes that somebody opened her personal link, where the wave tracks it. She is not kept from answering
// if that fails.
func (s *Server) noteOpened(ctx context.Context, c echo.Context, v *visit) {
	if v.way != personalLink || !v.wave.Tracks || v.invitation.Opened != nil || ctx.Value(headAsked) != nil {
		return
	}
	if err := s.store.NoteOpened(ctx, v.wave.Organisation, v.invitation.ID, s.now()); err != nil {
		s.log.LogAttrs(ctx, slog.LevelWarn, "opened link not noted", slog.String("id", requestID(c)), slog.Any("error", err))
	}
}

const linksHeld = 2000 // in each of two halves

// links remembers the waves of personal links that were used lately, so that a page can be given back filled in
// while the database does not answer. It holds no token and nothing of the invitation but its language.
type links struct {
	mu         sync.Mutex
	young, old map[[sha256.Size]byte]rememberedLink
}

type rememberedLink struct {
	wave     survey.Wave
	language survey.Language
	seed     uint64
}

func newLinks() *links { return &links{young: make(map[[sha256.Size]byte]rememberedLink)} }

func (l *links) remember(v *visit) {
	key := sha256.Sum256([]byte(v.token))
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.young) >= linksHeld {
		l.old, l.young = l.young, make(map[[sha256.Size]byte]rememberedLink)
	}
	l.young[key] = rememberedLink{v.wave, v.invitation.Language, seedOf(v.key)}
}

// recall fills in the wave of a link, if it is remembered.
func (l *links) recall(v *visit) {
	key := sha256.Sum256([]byte(v.token))
	l.mu.Lock()
	defer l.mu.Unlock()
	link, ok := l.young[key]
	if !ok {
		link = l.old[key]
	}
	v.wave, v.invitation.Language, v.response.Seed = link.wave, link.language, link.seed
}
