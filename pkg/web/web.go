// Package web is what people see of cxmirror in a browser: the pages of respondents and the workbench of those
// who compare. It is the only package that knows HTTP.
//
// A handler reads a request, asks the domain, stores, and shows; what is a valid answer is known to pkg/survey,
// what the figures say to pkg/findings. Errors of the domain become pages in one place, errors.go. Pages are
// html/template files that are handed a struct made for them; they need no script, and what script there is
// only makes them better to use. Nothing is loaded from elsewhere, and nothing runs inline.
package web

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"cxmirror/charts"
	"cxmirror/pkg/access"
	"cxmirror/pkg/fieldwork"
	"cxmirror/pkg/report"
	"cxmirror/pkg/store"
	"cxmirror/pkg/survey"
	"cxmirror/pkg/tally"
)

//go:embed templates static phrases
var files embed.FS

// Limits of one request.
const (
	formLimit   = 1 << 20  // bytes of a form: a comment of 100 KB in Cyrillic, percent-encoded, is 600 KB
	uploadLimit = 64 << 20 // bytes of a file of answers
)

// Options are what a server is made of. All but Mailer, Outbox, BaseURL, TrustProxy, Public and Guest
// must be given.
type Options struct {
	Store      *store.Store
	Fieldwork  *fieldwork.Service
	Mailer     *fieldwork.Mailer // nil: no server for mail is set
	Outbox     string            // the folder that mails go to instead of a server, which whoever may launch sees: for a demonstration; "" is none
	BaseURL    string            // the address that links in mails and on paper begin with; "" is that of the request
	Waves      *tally.Waves
	Engine     *charts.Engine
	Reports    *report.Writer
	Log        *slog.Logger
	Now        func() time.Time
	Random     io.Reader // of keys: crypto/rand.Reader
	Version    string    // of the program
	TrustProxy []*net.IPNet
	Public     bool // of respondents' pages alone: the workbench stays out

	Access *access.Service
	Guest  survey.UserID // whom everybody is taken for who has not signed in, at a demonstration; 0 is nobody
}

// Server answers requests. It keeps nothing that another replica on the same database would lack: what it
// remembers can be read again. The one exception are files that wait for somebody to look at what is in them.
type Server struct {
	store      *store.Store
	fieldwork  *fieldwork.Service
	mailer     *fieldwork.Mailer
	outbox     string
	baseURL    string
	stationery *fieldwork.Stationery
	waves      *tally.Waves
	engine     *charts.Engine
	reports    *report.Writer
	log        *slog.Logger
	now        func() time.Time
	random     io.Reader
	version    string
	trustProxy []*net.IPNet
	public     bool
	access     *access.Service
	guest      survey.UserID

	sessions    *sessions
	gates       map[gateName]*addressGate
	waits       waits
	eventsRead  int // of the audit trail, at once
	shelf       *shelf
	pages       *pages
	static      *static
	fielded     *fielded
	drafts      *drafts
	links       *links
	tries       *tries
	logos       *logos
	looked      *looked
	dresses     *dresses
	refusals    *refusals
	phrases     *survey.Phrases
	respondents *respondentPages
	workbench   *workbench
	metrics     *prometheus.Registry
	requests    *prometheus.HistogramVec
	handler     http.Handler
}

// New returns a server. It parses every template, reads every phrase and names every static file, so that what
// is wrong with one of them stops the start and not a respondent.
func New(o Options) (*Server, error) {
	if o.Store == nil || o.Fieldwork == nil || o.Waves == nil || o.Engine == nil || o.Reports == nil || o.Log == nil || o.Now == nil || o.Random == nil || o.Access == nil {
		return nil, errors.New("web: a server needs a store, fieldwork, access, waves, an engine of charts, reports, a log, a clock and randomness")
	}
	s := &Server{
		store: o.Store, fieldwork: o.Fieldwork, mailer: o.Mailer, outbox: o.Outbox, baseURL: strings.TrimSuffix(o.BaseURL, "/"), waves: o.Waves, engine: o.Engine, reports: o.Reports, log: o.Log, now: o.Now, random: o.Random,
		version: o.Version, trustProxy: o.TrustProxy, public: o.Public, access: o.Access, guest: o.Guest,
		sessions: newSessions(o.Store, o.Now), gates: newGates(), waits: usualWaits(), eventsRead: eventsRead, shelf: newShelf(o.Now, o.Random),
		fielded: newFielded(o.Store, o.Now), drafts: newDrafts(), links: newLinks(), tries: newTries(), logos: newLogos(), looked: newLooked(), refusals: newRefusals(),
	}
	var err error
	if s.static, err = newStatic(files, "static"); err != nil {
		return nil, fmt.Errorf("web: %w", err)
	}
	if s.pages, err = newPages(files, s.static); err != nil {
		return nil, fmt.Errorf("web: %w", err)
	}
	if s.phrases, err = survey.LoadPhrases(files, "phrases"); err != nil {
		return nil, fmt.Errorf("web: %w", err)
	}
	if s.dresses, err = newDresses(s.static); err != nil {
		return nil, fmt.Errorf("web: %w", err)
	}
	s.respondents = newRespondentPages(s.pages, s.phrases)
	if s.workbench, err = newWorkbench(s.pages, s.static); err != nil {
		return nil, fmt.Errorf("web: %w", err)
	}
	if s.stationery, err = fieldwork.NewStationery(); err != nil {
		return nil, fmt.Errorf("web: %w", err)
	}
	s.metrics, s.requests = newMetrics()
	if s.handler, err = s.newHandler(); err != nil {
		return nil, fmt.Errorf("web: %w", err)
	}
	return s, nil
}

// Handler returns what answers every request.
func (s *Server) Handler() http.Handler { return s.handler }

// Public returns what answers at a second address, which everybody can reach, as [Options].Public has it. It shares
// all that the server has read and remembers.
func (s *Server) Public() http.Handler {
	open := *s
	open.public = true
	handler, err := open.newHandler()
	if err != nil {
		panic(err) // its routes are some of those that were held to the table of rights at the start
	}
	return handler
}

func (s *Server) newHandler() (http.Handler, error) {
	e := echo.New()
	ruled := make(ruledRoutes)
	e.HideBanner, e.HidePort = true, true
	e.HTTPErrorHandler = s.respondError
	e.IPExtractor = s.addressOf()
	e.Use(s.identify, s.observe, s.recoverPanics, s.secure, s.refuseOtherSites, s.hurry(ruled), s.limitTime(ruled), s.guard(ruled))
	s.routes(e)
	return headOfPages(e), ruled.add(e.Routes(), !s.public)
}

// headAsked is where it lies in the context of a request that nobody reads what is answered.
const headAsked contextOfHead = "head"

type contextOfHead string

// headOfPages answers HEAD as GET without the page itself, which package http leaves out: what watches a service, or
// looks whether a link in a mail leads anywhere, asks like that.
func headOfPages(pages http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodHead {
			r = r.WithContext(context.WithValue(r.Context(), headAsked, true)) // package http still has the request as it came
			r.Method = http.MethodGet
		}
		pages.ServeHTTP(w, r)
	})
}

// addressOf returns how the address of a visitor is found. The word of a proxy is taken only where the proxy
// is one of ours.
func (s *Server) addressOf() echo.IPExtractor {
	if len(s.trustProxy) == 0 {
		return echo.ExtractIPDirect()
	}
	trust := []echo.TrustOption{echo.TrustLoopback(false), echo.TrustLinkLocal(false), echo.TrustPrivateNet(false)}
	for _, network := range s.trustProxy {
		trust = append(trust, echo.TrustIPRange(network))
	}
	return echo.ExtractIPFromXFFHeader(trust...)
}

// overTLS reports whether the visitor's own connection is encrypted, as far as we can know: by ourselves, or
// by a proxy of ours that says so.
func (s *Server) overTLS(r *http.Request) bool {
	if r.TLS != nil {
		return true
	}
	if r.Header.Get("X-Forwarded-Proto") != "https" {
		return false
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return false
	}
	address := net.ParseIP(host)
	for _, network := range s.trustProxy {
		if network.Contains(address) {
			return true
		}
	}
	return false
}
