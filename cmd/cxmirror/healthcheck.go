package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

type healthcheckCommand struct {
	Listen   string        `default:"127.0.0.1:8080" placeholder:"HOST:PORT" help:"Where the service answers: what serve was given."`
	TLSCert  string        `name:"tls-cert" placeholder:"FILE" help:"Ask over TLS: what serve was given."`
	ACMEHost []string      `name:"acme-host" placeholder:"NAME" help:"Ask over TLS, by this name: what serve was given."`
	Timeout  time.Duration `default:"3s" help:"How long to wait for an answer."`
}

// Help is printed by healthcheck --help.
func (healthcheckCommand) Help() string {
	return `Asks a running service whether it and its database answer (/readyz). The exit code is 0 if they do and 1 if not:
for containers that hold no other program to ask with.`
}

// Run asks once.
func (c healthcheckCommand) Run(w *world) error {
	if c.Timeout <= 0 {
		return usage("%s is %s: it must be longer than nothing", setting("timeout"), c.Timeout)
	}
	ctx, cancel := context.WithTimeout(w.ctx, c.Timeout)
	defer cancel()
	scheme, name := "http://", ""
	if c.TLSCert != "" || len(c.ACMEHost) > 0 {
		scheme = "https://"
	}
	if len(c.ACMEHost) > 0 {
		name = c.ACMEHost[0]
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+c.Listen+"/readyz", http.NoBody)
	if err != nil {
		return usage("%s is %q: %v", setting("listen"), c.Listen, err)
	}
	// No proxy stands between a service and a question from its own machine.
	client := http.Client{Transport: &http.Transport{Proxy: nil, DisableKeepAlives: true, TLSClientConfig: &tls.Config{
		ServerName:         name,
		InsecureSkipVerify: true, //nolint:gosec // the certificate is of another name than this machine's, and nothing that is said is secret or believed
	}}}
	response, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("not ready: %w", err)
	}
	defer response.Body.Close()
	said, _ := io.ReadAll(io.LimitReader(response.Body, 200))
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("not ready: %s: %s", response.Status, strings.TrimSpace(string(said)))
	}
	_, err = fmt.Fprintln(w.stdout, "ready")
	return err
}
