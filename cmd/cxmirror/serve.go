package main

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
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
	reachFlags
	signOnFlags

	NoMigrate         bool   `help:"Do not bring an older database up to date; refuse to start instead."`
	BreachedPasswords string `placeholder:"FILE" help:"Passwords that nobody may choose, because everybody tries them: SHA-1 in hexadecimal digits, sorted, one a line, as Have I Been Pwned hands them out."`
}

// serverFlags say how the service answers.
type serverFlags struct {
	fieldworkFlags

	Listen      string   `default:"127.0.0.1:8080" placeholder:"HOST:PORT" help:"Where to answer. Addresses that others than this machine reach want TLS: here, or at a proxy. Port 0 is any that is free."`
	LogFormat   string   `default:"text" enum:"text,json" help:"Lines of the log: ${enum}."`
	Respondents string   `placeholder:"HOST:PORT" help:"A second address, which may be open to everybody, for the pages of respondents and nothing else: no workbench, no results. TLS as for the first."`
	TrustProxy  []string `placeholder:"CIDR" help:"Networks of the proxies before the service, such as 10.0.0.0/8: what they say of visitors' addresses and of TLS is believed. May be given several times, or with commas."`

	guest    survey.UserID  // of a demonstration
	people   access.Options // what else signing in needs: the provider of single sign-on, and passwords that are known
	door     *door          // nil is a service without TLS
	redirect string         // the address without TLS that leads to the one with it; "" is none
	Memory   int64          `default:"256" placeholder:"MIB" help:"How much memory the answers that somebody looks at may take, in MiB; those used least recently leave. A million responses take about 30."`
}

// Limits of the server. Handlers have shorter ones of their own. Over HTTP/2 package http has more: 250 requests at once
// on a connection, where one that is given up counts until its handler has ended, and 1 MiB of what nobody has read yet.
const (
	headerPatience = 10 * time.Second // to send what a request is about
	uploadPatience = 5 * time.Minute  // to send all of it: a file of answers over a slow line
	answerPatience = 5 * time.Minute
	idlePatience   = 2 * time.Minute
	stopPatience   = 15 * time.Second // for requests to end when the service is asked to stop
	maxHeaderBytes = 64 << 10

	// Templates and phrases are read from several times what is kept of them. While that happens garbage is collected
	// early, in percent of what is kept, so that what stays lies close together and the rest goes back to the system.
	startCollection = 50
)

// Help is printed by serve --help.
func (serveCommand) Help() string {
	return `Examples:

  cxmirror serve
  cxmirror serve --listen 127.0.0.1:9000 --data /var/lib/cxmirror
  CXMIRROR_DSN=postgres://cxmirror@localhost/cxmirror cxmirror serve --log-format json

Without --dsn, answers are kept in the file cxmirror.db in --data, which one process can serve: a second one
refuses to start. Any number of processes can serve one PostgreSQL. The database is brought up to date at the
start; with --no-migrate the service refuses to start instead, for those who migrate by hand (cxmirror migrate).

The first start prints a link by which the first user comes in, who can invite others; so does every start until it
was used. /healthz says that it runs, /readyz that its database answers, /metrics what it did.

Without more, the service answers on this machine only. Others reach it over TLS, which ends here or at a proxy:

  cxmirror serve --listen :443 --acme-host survey.example.com --redirect-http :80
  cxmirror serve --listen :443 --tls-cert fullchain.pem --tls-key key.pem --address https://survey.example.com
  cxmirror serve --trust-proxy 127.0.0.1/32 --address https://survey.example.com

SIGTERM or Ctrl-C stops it: requests that are being answered have 15 seconds to end. A second one ends it at
once; what was acknowledged is stored all the same.`
}

// Run serves until the context ends.
func (c *serveCommand) Run(w *world) error {
	log := c.logger(w)
	err := c.ready(log, w.now)
	if err != nil {
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
	listener, err := listenAt(w.ctx, "listen", c.Listen, c.reachable())
	if err != nil {
		return err
	}
	if c.Address == "" && c.door != nil {
		c.Address = c.address(listener.Addr())
	}
	log.InfoContext(w.ctx, "listening", slog.String("address", c.scheme()+listener.Addr().String()),
		slog.String("database", db.Engine()), slog.String("version", version))
	return c.serve(w, listener, db, c.Data, log)
}

// reachable reports whether others than this machine may reach the service.
func (c *serveCommand) reachable() bool {
	return c.encrypted() || len(c.TrustProxy) > 0 || c.InsecureHTTP
}

// ready refuses settings that make no sense, before anything is opened, and reads what they name.
func (c *serveCommand) ready(log *slog.Logger, now func() time.Time) error {
	if err := errors.Join(c.serverFlags.check(), c.reachFlags.check()); err != nil {
		return err
	}
	if err := c.checkAddresses(); err != nil {
		return err
	}
	var err error
	if c.people.SignOn, err = c.provider(); err != nil {
		return err
	}
	if c.BreachedPasswords != "" {
		if _, err := os.Stat(c.BreachedPasswords); err != nil {
			return fmt.Errorf("%s: %w", setting("breached-passwords"), err)
		}
	}
	c.people.Breached, c.redirect = c.BreachedPasswords, c.RedirectHTTP
	c.door, err = c.enter(c.Data, now, log)
	return err
}

// checkAddresses refuses to let passwords and answers pass where they can be read, unless somebody has said so.
func (c *serveCommand) checkAddresses() error {
	for _, flag := range []string{"listen", "respondents"} {
		at := c.Listen
		if flag == "respondents" {
			at = c.Respondents
		}
		if at == "" {
			continue
		}
		host, _, err := net.SplitHostPort(at)
		if err != nil {
			return usage("%s is %q: it takes a host and a port, such as 127.0.0.1:8080 (%v)", setting(flag), at, err)
		}
		if onlyHere(host) {
			continue
		}
		if !c.reachable() {
			return usage("%s is %q, which others than this machine can reach, and passwords and answers could be read on the way: give a certificate (%s, or %s), or name the network of the proxy that has one (%s), or say that nobody else is on the network (%s)",
				setting(flag), at, setting("tls-cert"), setting("acme-host"), setting("trust-proxy"), setting("insecure-http"))
		}
		if ip := net.ParseIP(host); c.Address == "" && len(c.ACMEHost) == 0 && (host == "" || ip != nil && ip.IsUnspecified()) {
			return usage("%s is missing: links begin with the address that people come to, and %q is none", setting("address"), at)
		}
	}
	if c.encrypted() && strings.HasPrefix(c.Address, "http:") {
		return usage("%s is %q, and the service answers over TLS: it begins with https", setting("address"), c.Address)
	}
	return nil
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

// scheme is what the service's addresses begin with.
func (f serverFlags) scheme() string {
	if f.door != nil {
		return "https://"
	}
	return "http://"
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
	usual := debug.SetGCPercent(startCollection)
	work, err := f.newFielder(w, db, data, listener.Addr(), f.people, log)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	sites, err := f.sites(w, listener, work, db, log)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	ended := make(chan error, len(sites))
	for _, site := range sites {
		go func() { ended <- site.serve() }()
	}
	ending, stop := context.WithCancel(w.ctx)
	defer stop()
	wait := work.run(ending, log)
	if err := setUp(w, work.access, log); err != nil {
		log.ErrorContext(w.ctx, "link to set up the service", slog.String("error", err.Error()))
	}
	w.ready(f.scheme() + listener.Addr().String())
	debug.SetGCPercent(usual)
	debug.FreeOSMemory()
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
func setUp(w *world, people *access.Service, log *slog.Logger) error {
	link, err := people.SetUpLink(w.ctx)
	if errors.Is(err, survey.ErrConflict) {
		return nil
	}
	if err != nil {
		return err
	}
	// The link is not in the log, which others read, and keep.
	log.WarnContext(w.ctx, "nobody can sign in yet: the link to set up the service is on standard output")
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
	outbox := "" // mails have links to sign in by: who has the machine reads the folder there
	if f.guest != 0 {
		outbox = work.outbox
	}
	whole, err := web.New(web.Options{
		Store: db, Waves: tally.NewWaves(newStoredWaves(db, w.now), f.Memory<<20), Engine: engine, Reports: reports,
		Fieldwork: work.service, Mailer: work.mailer, Outbox: outbox, BaseURL: work.address, Access: work.access, Guest: f.guest,
		Log: log, Now: w.now, Random: rand.Reader, Version: version, TrustProxy: proxies,
	})
	if err != nil {
		return nil, err
	}
	everything := whole.Handler()
	if f.guest != 0 {
		everything = askedByName(f.Address, everything)
	}
	sites := []*site{f.newSite(listener, everything, log)}
	if f.Respondents != "" {
		// Whether it may be open was asked before.
		listener, err := listenAt(w.ctx, "respondents", f.Respondents, true)
		if err != nil {
			return nil, err
		}
		log.InfoContext(w.ctx, "listening", slog.String("address", f.scheme()+listener.Addr().String()), slog.String("pages", "of respondents only"))
		sites = append(sites, f.newSite(listener, whole.Public(), log))
	}
	if f.redirect != "" {
		listener, err := listenAt(w.ctx, "redirect-http", f.redirect, true)
		if err != nil {
			for _, site := range sites[1:] {
				err = errors.Join(err, site.listener.Close())
			}
			return nil, err
		}
		log.InfoContext(w.ctx, "listening", slog.String("address", "http://"+listener.Addr().String()), slog.String("leads to", work.address))
		led := f.newSite(listener, f.door.prove(ledTo(work.address)), log)
		led.TLSConfig = nil
		sites = append(sites, led)
	}
	return sites, nil
}

// serve answers until the server is shut down.
func (s *site) serve() error {
	if s.TLSConfig != nil {
		return s.ServeTLS(s.listener, "", "") // its configuration has the certificate
	}
	return s.Serve(s.listener)
}

func (f serverFlags) newSite(listener net.Listener, handler http.Handler, log *slog.Logger) *site {
	var encryption *tls.Config
	if f.door != nil {
		encryption = f.door.config.Clone()
	}
	return &site{listener: listener, Server: http.Server{
		TLSConfig:         encryption,
		Handler:           handler,
		ReadHeaderTimeout: headerPatience,
		ReadTimeout:       uploadPatience,
		WriteTimeout:      answerPatience,
		IdleTimeout:       idlePatience,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(nobodysAddress{log.Handler()}, slog.LevelWarn),
	}}
}

// nobodysAddress writes what package http says of connections that fail, without whose they were: with the time of the
// line, that would tell who was about to answer.
type nobodysAddress struct{ slog.Handler }

// Handle leaves out addresses with ports, as in "http: TLS handshake error from 192.0.2.7:50000: EOF".
func (h nobodysAddress) Handle(ctx context.Context, record slog.Record) error {
	words := strings.Split(record.Message, " ")
	for i, word := range words {
		address := strings.TrimSuffix(word, ":")
		if _, err := netip.ParseAddrPort(address); err == nil {
			words[i] = "an address" + word[len(address):]
		}
	}
	record.Message = strings.Join(words, " ")
	return h.Handler.Handle(ctx, record)
}

func closeDatabase(db *store.Store, log *slog.Logger) {
	if err := db.Close(); err != nil {
		log.Error("closing the database", slog.String("error", err.Error()))
	}
}
