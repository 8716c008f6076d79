package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"
)

// reachFlags say how others than this machine reach the service: what passes on the way holds passwords and answers.
type reachFlags struct {
	TLSCert       string   `name:"tls-cert" placeholder:"FILE" help:"Certificate, with those between it and the authority, as PEM. Read again when it changes."`
	TLSKey        string   `name:"tls-key" placeholder:"FILE" help:"Private key of --tls-cert, as PEM."`
	ACMEHost      []string `name:"acme-host" placeholder:"NAME" help:"Name to get a certificate for, and to renew it, from Let's Encrypt, whose terms of service you accept with this. The service has to be reached at port 443 under that name; certificates are kept in --data. May be given several times."`
	ACMEEmail     string   `name:"acme-email" placeholder:"ADDRESS" help:"Where the authority writes when something is wrong with a certificate."`
	ACMEDirectory string   `name:"acme-directory" placeholder:"URL" help:"Directory of another authority than Let's Encrypt."`
	RedirectHTTP  string   `name:"redirect-http" placeholder:"HOST:PORT" help:"A second address, such as :80, from which those who come without TLS are led to the one with it. Authorities can check names there, too."`
	InsecureHTTP  bool     `name:"insecure-http" help:"Answer others than this machine without TLS, though passwords and answers can be read on the way: for a network that nobody else is on."`
}

// door is how a service answers over TLS.
type door struct {
	config *tls.Config
	prove  func(http.Handler) http.Handler // answers an authority that checks a name, at the address without TLS
}

// encrypted reports whether the service answers over TLS itself.
func (f reachFlags) encrypted() bool { return f.TLSCert != "" || len(f.ACMEHost) > 0 }

// check refuses settings that do not go together.
func (f reachFlags) check() error {
	switch {
	case (f.TLSCert == "") != (f.TLSKey == ""):
		return usage("%s and %s belong together: one of them is missing", setting("tls-cert"), setting("tls-key"))
	case f.TLSCert != "" && len(f.ACMEHost) > 0:
		return usage("%s and %s are two ways to a certificate: choose one", setting("tls-cert"), setting("acme-host"))
	case len(f.ACMEHost) == 0 && (f.ACMEEmail != "" || f.ACMEDirectory != ""):
		return usage("%s is missing: the name to get a certificate for", setting("acme-host"))
	case f.RedirectHTTP != "" && !f.encrypted():
		return usage("%s leads to an address with TLS, and there is none: give %s, or %s", setting("redirect-http"), setting("tls-cert"), setting("acme-host"))
	}
	for _, name := range f.ACMEHost {
		if net.ParseIP(name) != nil || !strings.Contains(name, ".") || strings.ContainsAny(name, "/:*@ ") {
			return usage("%s is %q: it takes a name such as survey.example.com", setting("acme-host"), name)
		}
	}
	if f.ACMEDirectory != "" {
		if directory, err := url.Parse(f.ACMEDirectory); err != nil || directory.Scheme != "https" || directory.Host == "" {
			return usage("%s is %q: it takes an address such as https://acme.example.com/directory", setting("acme-directory"), f.ACMEDirectory)
		}
	}
	if f.RedirectHTTP != "" {
		if _, _, err := net.SplitHostPort(f.RedirectHTTP); err != nil {
			return usage("%s is %q: it takes a host and a port, such as :80 (%v)", setting("redirect-http"), f.RedirectHTTP, err)
		}
	}
	return nil
}

// enter returns how to answer over TLS, or nil where the service does not. Data is the directory for certificates.
func (f reachFlags) enter(data string, now func() time.Time, log *slog.Logger) (*door, error) {
	if f.TLSCert != "" {
		files := &certificateFiles{certificate: f.TLSCert, key: f.TLSKey, now: now, log: log}
		if err := files.read(); err != nil {
			return nil, fmt.Errorf("%s, %s: %w", setting("tls-cert"), setting("tls-key"), err)
		}
		config := &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: files.current}
		return &door{config, func(next http.Handler) http.Handler { return next }}, nil
	}
	if len(f.ACMEHost) == 0 {
		return nil, nil //nolint:nilnil // no door is a service without TLS
	}
	manager := &autocert.Manager{
		Prompt: autocert.AcceptTOS, Cache: autocert.DirCache(filepath.Join(data, "acme")),
		HostPolicy: autocert.HostWhitelist(f.ACMEHost...), Email: f.ACMEEmail,
	}
	if f.ACMEDirectory != "" {
		manager.Client = &acme.Client{DirectoryURL: f.ACMEDirectory}
	}
	config := manager.TLSConfig() // names the protocol by which authorities check names
	config.MinVersion = tls.VersionTLS12
	return &door{config, manager.HTTPHandler}, nil
}

// address returns the address that people come to, where nobody has said it.
func (f reachFlags) address(listening net.Addr) string {
	if len(f.ACMEHost) == 0 {
		return "https://" + listening.String()
	}
	_, port, err := net.SplitHostPort(listening.String())
	if err != nil || port == "443" {
		return "https://" + f.ACMEHost[0]
	}
	return "https://" + net.JoinHostPort(f.ACMEHost[0], port)
}

// ledTo leads to an address whoever comes to the same path without TLS. A form is not sent on: it was readable on its
// way, and whoever sent it should know.
func ledTo(base string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			http.Error(w, "Nothing was received. Use "+base+" instead.", http.StatusBadRequest)
			return
		}
		// The name is ours and not the request's, which anybody may have made up. Of an address that is none on a server,
		// as in "GET x:.example.com HTTP/1.1", the name would go on.
		if !strings.HasPrefix(r.URL.RequestURI(), "/") {
			http.Error(w, "That is no address of a page. Use "+base+" instead.", http.StatusBadRequest)
			return
		}
		http.Redirect(w, r, base+r.URL.RequestURI(), http.StatusMovedPermanently) //nolint:gosec // it begins with our own name, and a slash
	})
}

// lookEvery is how often files of a certificate are looked at, at most.
const lookEvery = 10 * time.Second

// certificateFiles is a certificate in files that something else renews.
type certificateFiles struct {
	certificate, key string
	now              func() time.Time
	log              *slog.Logger

	mu     sync.Mutex
	looked time.Time
	seen   [2]fileMark // of what is loaded, or could not be
	loaded *tls.Certificate
}

// fileMark tells one state of a file from another.
type fileMark struct {
	at   time.Time
	size int64
}

func markOf(path string) (fileMark, error) {
	about, err := os.Stat(path)
	if err != nil {
		return fileMark{}, err
	}
	return fileMark{about.ModTime(), about.Size()}, nil
}

// current returns the certificate that is in the files. While they cannot be read, or do not fit together because
// only one of them has been renewed yet, it is the one that was in them before.
func (c *certificateFiles) current(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := c.now(); c.loaded == nil || now.Sub(c.looked) >= lookEvery {
		c.looked = now
		if err := c.look(); err != nil {
			c.log.Warn("the certificate could not be read again; the old one is used", slog.String("error", err.Error()))
		}
	}
	if c.loaded == nil {
		return nil, errors.New("there is no certificate")
	}
	return c.loaded, nil
}

// read reads the files, so that what is wrong with them shows at the start.
func (c *certificateFiles) read() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.looked = c.now()
	return c.look()
}

// look reads the files if they have changed since. What could not be read is tried again when it has changed again.
func (c *certificateFiles) look() error {
	var marks [2]fileMark
	for i, path := range []string{c.certificate, c.key} {
		var err error
		if marks[i], err = markOf(path); err != nil {
			return err
		}
	}
	if marks == c.seen {
		return nil
	}
	c.seen = marks
	pair, err := tls.LoadX509KeyPair(c.certificate, c.key)
	if err != nil {
		return fmt.Errorf("%s and %s: %w", c.certificate, c.key, err)
	}
	if c.loaded != nil {
		c.log.Info("the certificate was renewed", slog.Time("until", pair.Leaf.NotAfter))
	}
	c.loaded = &pair
	return nil
}

// onlyHere reports whether an address that was asked for is one that this machine alone reaches.
func onlyHere(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// askedByName refuses requests that ask for a host by another name than those of this machine, or than that of an
// address. A page elsewhere can have its own name point at this machine, and then reads what it answers: whoever is let
// in without signing in would let in that page.
func askedByName(address string, next http.Handler) http.Handler {
	named := ""
	if u, err := url.Parse(address); err == nil {
		named = u.Hostname()
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := (&url.URL{Host: r.Host}).Hostname()
		if !onlyHere(strings.ToLower(host)) && (named == "" || !strings.EqualFold(host, named)) {
			http.Error(w, "A demonstration answers by the names of this machine only, such as 127.0.0.1 and localhost.", http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// listenAt takes an address. Unless it may be open, one that others than this machine reach is refused: a name can
// stand for any address, whatever it is called.
func listenAt(ctx context.Context, flag, at string, open bool) (net.Listener, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", at)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", setting(flag), err)
	}
	if address, ok := listener.Addr().(*net.TCPAddr); !open && (!ok || !address.IP.IsLoopback()) {
		_ = listener.Close()
		return nil, usage("%s is %q, which others than this machine can reach", setting(flag), at)
	}
	return listener, nil
}
