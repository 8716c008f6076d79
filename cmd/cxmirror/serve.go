package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"cxmirror/charts"
	"cxmirror/pkg/access"
	"cxmirror/pkg/report"
	"cxmirror/pkg/store"
	"cxmirror/pkg/survey"
	"cxmirror/pkg/tally"
	"cxmirror/pkg/web"
)

type serveCommand struct {
	serverFlags
	databaseFlags
	NoMigrate bool `help:"Do not bring an older database up to date; refuse to start instead."`
}

// serverFlags say how the service answers.
type serverFlags struct {
	fieldworkFlags

	Listen      string        `default:"127.0.0.1:8080" placeholder:"HOST:PORT" help:"Where to answer. Only addresses that this machine alone reaches. Port 0 is any that is free."`
	LogFormat   string        `default:"text" enum:"text,json" help:"Lines of the log: ${enum}."`
	Respondents string        `placeholder:"HOST:PORT" help:"A second address, which may be open to everybody, for the pages of respondents and nothing else: no workbench, no results. Put TLS before it."`
	TrustProxy  []string      `placeholder:"CIDR" help:"Networks of the proxies before the service, such as 10.0.0.0/8: what they say of visitors' addresses and of TLS is believed. May be given several times, or with commas."`
	guest       survey.UserID // of a demonstration

	Memory int64 `default:"256" placeholder:"MIB" help:"How much memory the answers that somebody looks at may take, in MiB; those used least recently leave. A million responses take about 30."`
}

// Limits of the server. Handlers have shorter ones of their own.
const (
	headerPatience = 10 * time.Second // to send what a request is about
	uploadPatience = 5 * time.Minute  // to send all of it: a file of answers over a slow line
	answerPatience = 5 * time.Minute
	idlePatience   = 2 * time.Minute
	stopPatience   = 15 * time.Second // for requests to end when the service is asked to stop
	maxHeaderBytes = 64 << 10
)

// Help is printed by serve --help.
func (serveCommand) Help() string {
	return `Serves the pages of respondents and the workbench.

  cxmirror serve
  cxmirror serve --listen 127.0.0.1:9000 --data /var/lib/cxmirror
  CXMIRROR_DSN=postgres://cxmirror@localhost/cxmirror cxmirror serve --log-format json

Without --dsn, answers are kept in the file cxmirror.db in --data, which one process can serve: a second one
refuses to start. Any number of processes can serve one PostgreSQL. The database is brought up to date at the
start; with --no-migrate the service refuses to start instead, for those who migrate by hand (cxmirror migrate).

The first start prints a link by which the first user comes in, who can invite others. The service answers on this
machine only. /healthz says that it runs, /readyz that its database answers, /metrics what it did.

SIGTERM or Ctrl-C stops it: requests that are being answered have 15 seconds to end. A second one ends it at
once; what was acknowledged is stored all the same.`
}

// Run serves until the context ends.
func (c serveCommand) Run(w *world) error {
	log := c.logger(w)
	if err := c.check(); err != nil {
		return err
	}
	claim, err := c.claim(serviceDatabase)
	if err != nil {
		return err
	}
	defer releaseDatabase(claim, log)
	db, err := c.open(w.ctx, serviceDatabase, log)
	if err != nil {
		return err
	}
	defer closeDatabase(db, log)
	if err := c.upToDate(w.ctx, db); err != nil {
		return err
	}
	// The address comes last: whoever gets through to it is answered.
	listener, err := c.listen(w.ctx)
	if err != nil {
		return err
	}
	log.InfoContext(w.ctx, "listening", slog.String("address", "http://"+listener.Addr().String()),
		slog.String("database", db.Engine()), slog.String("version", version),
		slog.String("reach", "this machine only"))
	return c.serve(w, listener, db, c.Data, log)
}

func (c serveCommand) upToDate(ctx context.Context, db *store.Store) error {
	if !c.NoMigrate {
		_, _, err := db.Migrate(ctx)
		return err
	}
	current, latest, err := db.Schema(ctx)
	if err != nil {
		return err
	}
	if current < latest {
		return fmt.Errorf("the database is of version %d, this program needs %d, and %s forbids to migrate it: run cxmirror migrate", current, latest, setting("no-migrate"))
	}
	return nil
}

// check refuses settings that make no sense, before anything is opened.
func (f serverFlags) check() error {
	if f.Memory < 1 || f.Memory > 1<<20 {
		return usage("%s is %d: it is a number of MiB, from 1 to %d", setting("memory"), f.Memory, 1<<20)
	}
	if _, _, err := f.servers(); err != nil {
		return err
	}
	if _, err := f.base(&net.TCPAddr{}); err != nil {
		return err
	}
	if _, err := f.proxies(); err != nil {
		return err
	}
	host, _, err := net.SplitHostPort(f.Listen)
	if err != nil {
		return usage("%s is %q: it takes a host and a port, such as 127.0.0.1:8080 (%v)", setting("listen"), f.Listen, err)
	}
	if ip := net.ParseIP(host); host != "localhost" && !ip.IsLoopback() {
		return usage("%s is %q: the service answers only on this machine: 127.0.0.1, [::1] or localhost", setting("listen"), f.Listen)
	}
	return nil
}

// proxies returns the networks whose word on visitors is taken.
func (f serverFlags) proxies() ([]*net.IPNet, error) {
	var networks []*net.IPNet
	for _, given := range f.TrustProxy {
		_, network, err := net.ParseCIDR(strings.TrimSpace(given))
		if err != nil {
			return nil, usage("%s is %q: it takes networks such as 10.0.0.0/8 or 127.0.0.1/32", setting("trust-proxy"), given)
		}
		networks = append(networks, network)
	}
	return networks, nil
}

// listen takes the address.
func (f serverFlags) listen(ctx context.Context) (net.Listener, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", f.Listen)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", setting("listen"), err)
	}
	// A name can stand for any address, whatever it is called.
	if address, ok := listener.Addr().(*net.TCPAddr); !ok || !address.IP.IsLoopback() {
		_ = listener.Close()
		return nil, usage("%s is %q, which others than this machine can reach", setting("listen"), f.Listen)
	}
	return listener, nil
}

// logger returns the log, on standard error. It holds no answers and no addresses of people.
func (f serverFlags) logger(w *world) *slog.Logger {
	if f.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w.stderr, nil))
	}
	return slog.New(slog.NewTextHandler(w.stderr, nil))
}

// serve answers and runs fieldwork until the context ends, and then lets requests and mails end.
func (f serverFlags) serve(w *world, listener net.Listener, db *store.Store, data string, log *slog.Logger) error {
	work, err := f.newFielder(w, db, data, listener.Addr(), log)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	sites, err := f.sites(w, listener, work, db, log)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	ended := make(chan error, len(sites))
	for _, site := range sites {
		go func() { ended <- site.Serve(site.listener) }()
	}
	ending, stop := context.WithCancel(w.ctx)
	defer stop()
	wait := work.run(ending, log)
	if err := setUp(w, work.access); err != nil {
		log.ErrorContext(w.ctx, "link to set up the service", slog.String("error", err.Error()))
	}
	w.ready("http://" + listener.Addr().String())
	debug.FreeOSMemory() // what templates and phrases were read from is several times what is kept of them
	select {
	case err = <-ended:
		err = fmt.Errorf("serve: %w", err)
		stop()
	case <-w.ctx.Done():
	}
	log.InfoContext(w.ctx, "stopping", slog.Duration("patience", stopPatience))
	// Requests that are being answered are not cancelled by what asked the service to stop.
	patience, cancel := context.WithTimeout(context.WithoutCancel(w.ctx), stopPatience)
	defer cancel()
	for _, site := range sites {
		if late := site.Shutdown(patience); late != nil {
			log.WarnContext(w.ctx, "requests were cut off", slog.String("error", late.Error()))
			err = errors.Join(err, fmt.Errorf("stop: requests did not end within %s: %w", stopPatience, late), site.Close())
		}
	}
	wait()
	log.InfoContext(w.ctx, "stopped")
	return err
}

// setUp prints the link by which the first user comes in, while there is none: whoever reads what the service prints
// runs it.
func setUp(w *world, people *access.Service) error {
	link, err := people.SetUpLink(w.ctx)
	if errors.Is(err, survey.ErrConflict) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w.stdout, "Nobody can sign in yet. Set up the service, within 24 hours, at\n\n  %s\n\n", link)
	return err
}

// site is a server and where it answers.
type site struct {
	http.Server

	listener net.Listener
}

// sites returns the servers: one of everything for this machine, and one of respondents' pages for everybody if
// there is to be one.
func (f serverFlags) sites(w *world, listener net.Listener, work *fielder, db *store.Store, log *slog.Logger) ([]*site, error) {
	engine, err := charts.NewEngine()
	if err != nil {
		return nil, err
	}
	reports, err := report.NewWriter()
	if err != nil {
		return nil, err
	}
	proxies, err := f.proxies()
	if err != nil {
		return nil, err
	}
	whole, err := web.New(web.Options{
		Store: db, Waves: tally.NewWaves(newStoredWaves(db, w.now), f.Memory<<20), Engine: engine, Reports: reports,
		Fieldwork: work.service, Mailer: work.mailer, Outbox: work.outbox, BaseURL: work.address, Access: work.access, Guest: f.guest,
		Log: log, Now: w.now, Random: rand.Reader, Version: version, TrustProxy: proxies,
	})
	if err != nil {
		return nil, err
	}
	sites := []*site{newSite(listener, whole.Handler(), log)}
	if f.Respondents == "" {
		return sites, nil
	}
	open, err := (&net.ListenConfig{}).Listen(w.ctx, "tcp", f.Respondents)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", setting("respondents"), err)
	}
	log.InfoContext(w.ctx, "listening", slog.String("address", "http://"+open.Addr().String()), slog.String("reach", "everybody: pages of respondents only"))
	return append(sites, newSite(open, whole.Public(), log)), nil
}

func newSite(listener net.Listener, handler http.Handler, log *slog.Logger) *site {
	return &site{listener: listener, Server: http.Server{
		Handler:           handler,
		ReadHeaderTimeout: headerPatience,
		ReadTimeout:       uploadPatience,
		WriteTimeout:      answerPatience,
		IdleTimeout:       idlePatience,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}}
}

func closeDatabase(db *store.Store, log *slog.Logger) {
	if err := db.Close(); err != nil {
		log.Error("closing the database", slog.String("error", err.Error()))
	}
}
