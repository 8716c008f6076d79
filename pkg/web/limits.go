package web

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"os"
	"sync"
	"time"

	"github.com/labstack/echo/v4"
)

// gateName names a bound on how many requests come from one address.
type gateName string

// The gates. What is behind them is dear, or can be guessed. They are wide enough for an office behind one address;
// who is guessing passwords is slowed down by her failures, in package access.
const (
	signInGate gateName = "sign-in"
	mailGate   gateName = "mail"
	inviteGate gateName = "invite"
	apiGate    gateName = "api"
)

// gateWait is after how many seconds one may surely try again.
const gateWait = "60"

// errTooSlow says that what somebody sends did not arrive in time. Nothing of it is used: what came last is cut off.
var errTooSlow = errors.New("what was sent came too slowly")

// errTooMany says that too many requests came from one address.
var errTooMany = errors.New("too many requests from one address")

// addressGate counts requests by the address that they came from, in memory alone. Each server counts for itself.
type addressGate struct {
	burst     int     // at once
	perSecond float64 // that are regained

	mu sync.Mutex
	by map[netip.Addr]*allowance
}

func newGates() map[gateName]*addressGate {
	return map[gateName]*addressGate{
		signInGate: {burst: 120, perSecond: 1, by: make(map[netip.Addr]*allowance)},
		mailGate:   {burst: 20, perSecond: 1. / 30, by: make(map[netip.Addr]*allowance)},
		inviteGate: {burst: 200, perSecond: 1. / 10, by: make(map[netip.Addr]*allowance)},
		apiGate:    {burst: 600, perSecond: 20, by: make(map[netip.Addr]*allowance)},
	}
}

// take reports whether one more request may come from an address, and counts it.
func (g *addressGate) take(from netip.Addr, now time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	own, known := g.by[from]
	if !known {
		if len(g.by) >= addressesHeld { // whoever has so many addresses is not stopped by counting them
			clear(g.by)
		}
		own = &allowance{}
		g.by[from] = own
	}
	own.regain(now, g.perSecond, g.burst)
	if own.left < 1 {
		return false
	}
	own.left--
	return true
}

// waits are how long the server waits for visitors, and they for it.
type waits struct {
	form, file time.Duration // for a form, or one that files come with, to arrive
	work, long time.Duration // for what is done with it then; long is what the table of rights calls so
	respondent time.Duration // the same of a respondent's page: then she is told that the database does not answer
}

func usualWaits() waits {
	return waits{form: time.Minute, file: 5 * time.Minute, work: 20 * time.Second, long: 3 * time.Minute, respondent: 5 * time.Second}
}

// restartKey is where it lies in the context of a request how its time begins anew.
const restartKey = "restart"

// limitTime ends the work of a request that takes too long, whatever it waits for.
func (s *Server) limitTime(ruled ruledRoutes) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			whole, limit := c.Request(), s.waits.work
			switch {
			case ofRespondents(c.Path()):
				limit = s.waits.respondent
			case ruled[c.Path()][whole.Method].long:
				limit = s.waits.long
			}
			ctx, cancel := context.WithTimeout(whole.Context(), limit)
			defer func() {
				cancel()
				c.SetRequest(whole) // whoever tells of an error has not run out of time
			}()
			c.SetRequest(whole.WithContext(ctx))
			c.Set(restartKey, func() {
				before := c.Request().Context()
				anew, end := context.WithTimeout(context.WithoutCancel(before), limit)
				left := context.AfterFunc(whole.Context(), end)
				ends := cancel
				cancel = func() { left(); end(); ends() }
				given, _ := before.Deadline()
				if until, _ := anew.Deadline(); until.After(given) { // a handler may have taken more
					c.SetRequest(c.Request().WithContext(anew))
				}
			})
			return next(c)
		}
	}
}

// arrived begins the time of a request anew: what the visitor sent is here, on a slow line after a while, and only now
// there is something to work at.
func arrived(c echo.Context) {
	if restart, ok := c.Get(restartKey).(func()); ok {
		restart()
	}
}

// longAgo is a deadline that has passed, whatever time it is.
var longAgo = time.Unix(1, 0) //nolint:gochecknoglobals // nothing changes it

// hurry ends the reading of what a visitor sends when it takes too long: many slow senders would hold what others
// need. An address that files are sent to has more time.
func (s *Server) hurry(ruled ruledRoutes) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if c.Request().Body == nil || c.Request().Body == http.NoBody {
				return next(c)
			}
			body := &timedBody{ReadCloser: c.Request().Body}
			c.Request().Body = body
			c.Set(bodyKey, body)
			limit := s.waits.form
			if ruled[c.Path()][c.Request().Method].long {
				limit = s.waits.file
			}
			connection := http.NewResponseController(c.Response())
			timer := time.AfterFunc(limit, func() {
				_ = connection.SetReadDeadline(longAgo) // one that has none is a test's, and sends all at once
			})
			defer timer.Stop()
			body.arrived = func() { timer.Stop() } // what is done with it then takes its own time
			return next(c)
		}
	}
}

// bodyKey is where the body of a request lies in its context.
const bodyKey = "body"

// timedBody is the body of a request that has to arrive in time.
type timedBody struct {
	io.ReadCloser
	arrived func() // is called when all of it is there
	late    bool
}

// Read reads what has arrived. The error is errTooSlow where the time is over.
func (b *timedBody) Read(p []byte) (n int, err error) {
	n, err = b.ReadCloser.Read(p)
	switch {
	case errors.Is(err, io.EOF):
		b.arrived()
	case errors.Is(err, os.ErrDeadlineExceeded):
		b.late, err = true, errors.Join(errTooSlow, err)
	}
	return n, err
}

// cameLate reports whether what a visitor sent did not arrive in time. Package http takes her for gone then, although
// she waits for an answer.
func cameLate(c echo.Context) bool {
	body, ok := c.Get(bodyKey).(*timedBody)
	return ok && body.late
}

// keepTyped reads the form of a request that is refused, so that the page of the error gives it back. Of somebody we
// may not know it reads no more than a form has; a file has to be chosen again.
func keepTyped(c echo.Context) {
	r := c.Request()
	r.Body = http.MaxBytesReader(c.Response(), r.Body, formLimit)
	_, _ = receiveForm(c, formLimit) // what arrived is kept, whatever is wrong with the rest
	_, _ = io.Copy(io.Discard, r.Body)
}
