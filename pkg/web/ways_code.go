package web

import (
	"errors"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"cxmirror/pkg/survey"
)

// How many wrong access codes are borne. A code is one of 2^50, so that even 10,000 codes in use at once would take
// the whole world's tries some 100 years to meet one by chance; what an address may try is meant for an office of
// hundreds of people behind it.
const (
	triesOfAddress = 60 // at once, and one more every second
	triesOfAll     = 1000
	triesPerSecond = 20 // of all
	triesAnyway    = 3  // that an address has however much others try
	addressesHeld  = 10_000
	codeWait       = "30" // seconds, after which one may surely try again
)

// tries counts wrong access codes by the address they came from. It is held in memory alone, and nothing of it is
// logged.
type tries struct {
	mu  sync.Mutex
	by  map[netip.Addr]*allowance
	all allowance
}

// allowance is how many tries are left, as of a time.
type allowance struct {
	left float64
	at   time.Time
}

func newTries() *tries { return &tries{by: make(map[netip.Addr]*allowance)} }

// regain adds what was regained since the last time.
func (a *allowance) regain(now time.Time, perSecond float64, limit int) {
	if a.at.IsZero() {
		a.left = float64(limit)
	} else if since := now.Sub(a.at).Seconds(); since > 0 {
		a.left = min(a.left+since*perSecond, float64(limit))
	}
	a.at = now
}

// take reports whether one more code may be tried from an address, and counts it.
func (t *tries) take(from netip.Addr, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	own, known := t.by[from]
	if !known {
		if len(t.by) >= addressesHeld { // the allowance of all stays
			clear(t.by)
		}
		own = &allowance{}
		t.by[from] = own
	}
	own.regain(now, 1, triesOfAddress)
	t.all.regain(now, triesPerSecond, triesOfAll)
	if own.left < 1 || t.all.left < 1 && own.left <= triesOfAddress-triesAnyway {
		return false
	}
	own.left--
	t.all.left = max(t.all.left-1, 0)
	return true
}

// giveBack undoes a try whose code was right.
func (t *tries) giveBack(from netip.Addr) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if own, known := t.by[from]; known {
		own.left = min(own.left+1, triesOfAddress)
	}
	t.all.left = min(t.all.left+1, triesOfAll)
}

// addressOfNetwork returns the address of a visitor, or of her network where everybody has billions of them.
func addressOfNetwork(c echo.Context) netip.Addr {
	address, err := netip.ParseAddr(c.RealIP())
	if err != nil {
		return netip.Addr{}
	}
	if address = address.Unmap().WithZone(""); address.Is4() {
		return address
	}
	network, err := address.Prefix(64)
	if err != nil {
		return address
	}
	return network.Addr()
}

// codePage asks for an access code from paper.
type codePage struct {
	frame
	Typed   string
	Problem string
}

func (s *Server) showCode(c echo.Context) error { return s.showCodeWith(c, http.StatusOK, "", "") }

func (s *Server) showCodeWith(c echo.Context, status int, typed, problem string) error {
	lang := s.languageOfScreens(c.Request())
	page := codePage{frame: s.frame(lang, ""), Typed: typed}
	page.Title = page.Say("code_title")
	if problem != "" {
		page.Problem = page.Say(problem)
	}
	var err error
	if page.Menu, err = s.languageLinks(c, lang, nil); err != nil {
		return err
	}
	return s.show(c, status, "respond", "code", page)
}

// enterCode leads who typed an access code to her personal link.
func (s *Server) enterCode(c echo.Context) error {
	form, err := readForm(c)
	if form == nil {
		return err
	}
	typed := ""
	if given := form.answers["code"]; len(given) > 0 {
		typed = strings.TrimSpace(given[0])
	}
	if typed == "" {
		return s.showCodeWith(c, http.StatusUnprocessableEntity, "", "code_empty")
	}
	if typed = strings.ToUpper(typed); len(typed) > 100 {
		typed = ""
	}
	from := addressOfNetwork(c)
	if !s.tries.take(from, s.now()) {
		c.Response().Header().Set("Retry-After", codeWait)
		return s.showCodeWith(c, http.StatusTooManyRequests, typed, "code_wait")
	}
	_, token, err := s.fieldwork.ByCode(c.Request().Context(), typed)
	if errors.Is(err, survey.ErrNotFound) {
		return s.showCodeWith(c, http.StatusUnprocessableEntity, typed, "code_unknown")
	}
	s.tries.giveBack(from)
	if err != nil {
		return err
	}
	v := visit{way: personalLink, token: token}
	return c.Redirect(http.StatusSeeOther, v.address())
}
