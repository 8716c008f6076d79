package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"time"

	"cxmirror/pkg/access"
)

// signOnFlags say who is believed to know people: a provider of OpenID Connect.
type signOnFlags struct {
	OIDCIssuer           string   `name:"oidc-issuer" placeholder:"URL" help:"Provider of single sign-on by OpenID Connect, exactly as its tokens name it: https://login.example.com/realms/company. Register the address of the service with /sign-in/oidc/callback behind it there."`
	OIDCClientID         string   `name:"oidc-client-id" placeholder:"ID" help:"What the provider knows the service by."`
	OIDCClientSecretFile string   `name:"oidc-client-secret-file" placeholder:"FILE" help:"File with the secret that the provider gave the service; none for a client without one."`
	OIDCName             string   `name:"oidc-name" placeholder:"NAME" help:"What the provider is called on the button."`
	OIDCGroupsClaim      string   `name:"oidc-groups-claim" placeholder:"CLAIM" help:"Where the provider says which groups somebody is in: groups, unless given; dots lead into claims, as in realm_access.roles."`
	OIDCScopes           []string `name:"oidc-scopes" placeholder:"SCOPE" help:"What to ask the provider for, beside openid, profile and email: many want a scope for groups."`
}

// longestSecret is how large the file of a client's secret may be; another file was meant.
const longestSecret = 4 << 10

// provider returns the provider of single sign-on; nil is none.
func (f signOnFlags) provider() (*access.SingleSignOn, error) {
	if f.OIDCIssuer == "" {
		for _, other := range []struct {
			flag string
			set  bool
		}{
			{"oidc-client-id", f.OIDCClientID != ""},
			{"oidc-client-secret-file", f.OIDCClientSecretFile != ""},
			{"oidc-name", f.OIDCName != ""},
			{"oidc-groups-claim", f.OIDCGroupsClaim != ""},
			{"oidc-scopes", len(f.OIDCScopes) > 0},
		} {
			if other.set {
				return nil, usage("%s is missing: %s is of a provider of single sign-on", setting("oidc-issuer"), setting(other.flag))
			}
		}
		return nil, nil //nolint:nilnil // no single sign-on
	}
	issuer, err := url.Parse(f.OIDCIssuer)
	switch {
	case err != nil || issuer.Host == "" || issuer.RawQuery != "" || issuer.Fragment != "" || issuer.User != nil:
		return nil, usage("%s is %q: it takes an address such as https://login.example.com", setting("oidc-issuer"), f.OIDCIssuer)
	case issuer.Scheme != "https" && (issuer.Scheme != "http" || !onlyHere(issuer.Hostname())):
		return nil, usage("%s is %q: who somebody is has to come over https", setting("oidc-issuer"), f.OIDCIssuer)
	case f.OIDCClientID == "":
		return nil, usage("%s is missing: what the provider knows the service by", setting("oidc-client-id"))
	}
	secret, err := f.secret()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", setting("oidc-client-secret-file"), err)
	}
	return &access.SingleSignOn{
		Issuer: f.OIDCIssuer, ClientID: f.OIDCClientID, ClientSecret: secret, Name: f.OIDCName, GroupsClaim: f.OIDCGroupsClaim, Scopes: f.OIDCScopes,
	}, nil
}

// secret reads the secret of the client.
func (f signOnFlags) secret() (string, error) {
	if f.OIDCClientSecretFile == "" {
		return "", nil
	}
	content, err := os.ReadFile(f.OIDCClientSecretFile)
	if err != nil {
		return "", err
	}
	secret := strings.TrimSpace(string(content))
	if secret == "" || len(content) > longestSecret || strings.ContainsAny(secret, "\r\n") {
		return "", errors.New(f.OIDCClientSecretFile + " does not hold one line with the secret")
	}
	return secret, nil
}

// How long to wait before a provider that does not answer is asked again.
const (
	providerSoon = 15 * time.Second
	providerLate = 10 * time.Minute
)

// watchProvider says in the log whether the provider of single sign-on answers, until it does or the context ends.
// The service runs without: whoever signs in by it is told that it is away.
func watchProvider(ctx context.Context, people *access.Service, log *slog.Logger) {
	if _, ok := people.SignOnName(); !ok {
		return
	}
	for wait := providerSoon; ; wait = min(2*wait, providerLate) {
		_, _, err := people.Begin(ctx)
		if err == nil {
			log.InfoContext(ctx, "single sign-on is ready")
			return
		}
		if ctx.Err() != nil {
			return
		}
		log.WarnContext(ctx, "single sign-on: nobody can sign in by the provider now", slog.String("error", err.Error()), slog.Duration("again", wait))
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}
