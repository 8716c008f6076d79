package access

import (
	"cmp"
	"context"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"cxmirror/pkg/survey"
)

// SingleSignOn is a provider of OpenID Connect whom the service believes who somebody is: the company's own, or that
// of whoever runs the service. Its administrators can come in as any user.
type SingleSignOn struct {
	Issuer       string // exactly as in the provider's tokens: "https://login.example.org/realms/company"
	ClientID     string
	ClientSecret string
	Name         string       // on the button: "Example login"; "" is a button without a name
	GroupsClaim  string       // "" is "groups"; "realm_access.roles" is roles within realm_access
	Scopes       []string     // beside openid, profile and email
	Client       *http.Client // nil is one that waits 15 seconds
}

// ReturnPath is where the provider sends people back to, behind the address of the service: the redirect URI to
// register there.
const ReturnPath = "/sign-in/oidc/callback"

const (
	signOnFor      = 10 * time.Minute // from the button to coming back
	providerWithin = 15 * time.Second // that each answer of the provider may take
	defaultGroups  = "groups"
)

// signOn is single sign-on at work. The provider is asked for its addresses when they are first needed: one that is
// away keeps nobody from starting the service, and is asked again the next time.
type signOn struct {
	SingleSignOn
	config oauth2.Config // without the provider's addresses
	now    func() time.Time

	turn     chan struct{}  // of who looks for the provider, one at a time
	provider *oidc.Provider // of who has the turn
}

func newSignOn(o SingleSignOn, base string, now func() time.Time) (*signOn, error) {
	issuer, err := url.Parse(o.Issuer)
	if err != nil || issuer.Host == "" || issuer.Scheme != "https" && issuer.Scheme != "http" || issuer.RawQuery != "" || issuer.Fragment != "" || issuer.User != nil {
		return nil, fmt.Errorf("issuer of single sign-on: %q is not an address such as https://login.example.org", o.Issuer)
	}
	if o.ClientID == "" {
		return nil, errors.New("single sign-on: the provider's client ID is missing")
	}
	o.GroupsClaim = cmp.Or(o.GroupsClaim, defaultGroups)
	if o.Client == nil {
		o.Client = &http.Client{Timeout: providerWithin}
	}
	scopes := []string{oidc.ScopeOpenID, "profile", "email"}
	for _, scope := range o.Scopes {
		if !slices.Contains(scopes, scope) {
			scopes = append(scopes, scope)
		}
	}
	return &signOn{SingleSignOn: o, now: now, turn: make(chan struct{}, 1), config: oauth2.Config{
		ClientID: o.ClientID, ClientSecret: o.ClientSecret, RedirectURL: base + ReturnPath, Scopes: scopes,
	}}, nil
}

// reach returns the provider and how to talk to it, or an error that is [ErrProvider].
func (o *signOn) reach(ctx context.Context) (*oidc.Provider, oauth2.Config, error) {
	select {
	case o.turn <- struct{}{}:
	case <-ctx.Done(): // who waits behind others for a provider that is away waits no longer than for herself
		return nil, oauth2.Config{}, fmt.Errorf("%w: %s: %w", ErrProvider, o.Issuer, ctx.Err())
	}
	defer func() { <-o.turn }()
	if o.provider == nil {
		provider, err := oidc.NewProvider(ctx, o.Issuer)
		if err != nil {
			return nil, oauth2.Config{}, fmt.Errorf("%w: %s: %w", ErrProvider, o.Issuer, err)
		}
		o.provider = provider
	}
	config := o.config
	config.Endpoint = o.provider.Endpoint()
	return o.provider, config, nil
}

// SignOnName returns what the provider of single sign-on is called, and whether there is one.
func (s *Service) SignOnName() (name string, ok bool) {
	if s.signOn == nil {
		return "", false
	}
	return s.signOn.Name, true
}

// SignOn is a single sign-on on its way. The session of the browser keeps it on the server, and gives it up when the
// browser comes back: so each can be finished once, and in the browser that began it.
type SignOn struct {
	State    string    `json:"state"`
	Nonce    string    `json:"nonce"`
	Verifier string    `json:"verifier"` // of the code (PKCE, RFC 7636)
	Begun    time.Time `json:"begun"`
}

// Begin returns the address of the provider to send a browser to, and what to keep until it comes back. A provider
// that cannot be reached is [ErrProvider]; without one it is [survey.ErrNotFound].
func (s *Service) Begin(ctx context.Context) (address string, kept SignOn, err error) {
	if s.signOn == nil {
		return "", SignOn{}, fmt.Errorf("single sign-on is not set up: %w", survey.ErrNotFound)
	}
	_, config, err := s.signOn.reach(oidc.ClientContext(ctx, s.signOn.Client))
	if err != nil {
		return "", SignOn{}, err
	}
	random, err := s.bytesOf(3 * linkBytes)
	if err != nil {
		return "", SignOn{}, err
	}
	text := func(i int) string { return base64.RawURLEncoding.EncodeToString(random[i*linkBytes : (i+1)*linkBytes]) }
	kept = SignOn{State: text(0), Nonce: text(1), Verifier: text(2), Begun: s.now()}
	return config.AuthCodeURL(kept.State, oidc.Nonce(kept.Nonce), oauth2.S256ChallengeOption(kept.Verifier)), kept, nil
}

// Finish lets somebody in whom the provider sends back. The query is that of the address she comes back to.
//
// Who comes for the first time is the user who has signed in by that provider, or the one with her address, if the
// provider has verified it; then her password and her links here end, since nobody has verified who set it. Somebody new becomes
// a user if one of her groups has a role. Roles that her groups have replace those that her groups had the last
// time; roles that somebody gave her here stay. There is no second factor of ours after single sign-on: to ask for
// one is the provider's office.
//
// It returns a [*RefusedError], or an error that is [ErrProvider] when the provider does not answer.
func (s *Service) Finish(ctx context.Context, kept SignOn, query url.Values) (Outcome, error) {
	if s.signOn == nil {
		return Outcome{}, fmt.Errorf("single sign-on is not set up: %w", survey.ErrNotFound)
	}
	person, err := s.signOn.identify(oidc.ClientContext(ctx, s.signOn.Client), kept, query)
	if err != nil {
		return Outcome{}, err
	}
	roles, err := s.rolesOf(ctx, person.groups)
	if err != nil {
		return Outcome{}, err
	}
	user, err := s.userBehind(ctx, person, len(roles) > 0)
	if refused, ok := errors.AsType[*RefusedError](err); ok {
		refused.Address = person.address
	}
	if err != nil {
		return Outcome{}, err
	}
	if err := s.takeRoles(ctx, user, roles); err != nil {
		return Outcome{}, err
	}
	return s.letIn(ctx, user, nil)
}

// identity is what a provider says of somebody.
type identity struct {
	subject, address, name string
	language               survey.Language
	groups                 []string
}

// identify finds out whom the provider sends back, and believes nothing that its signature does not cover.
func (o *signOn) identify(ctx context.Context, kept SignOn, query url.Values) (identity, error) {
	if kept.State == "" || subtle.ConstantTimeCompare([]byte(kept.State), []byte(query.Get("state"))) != 1 || o.now().Sub(kept.Begun) > signOnFor {
		return identity{}, refuse(SignOnExpired, "single sign-on was begun elsewhere, or too long ago: begin again")
	}
	if issuer := query.Get("iss"); issuer != "" && issuer != o.Issuer { // RFC 9207
		return identity{}, refuse(SignOnRefused, "another provider than %s has answered", o.Issuer)
	}
	switch failure := query.Get("error"); failure {
	case "":
	case "server_error", "temporarily_unavailable": // RFC 6749, 4.1.2.1
		return identity{}, fmt.Errorf("%w: it says %s", ErrProvider, failure)
	default:
		return identity{}, refuse(SignOnCancelled, "the provider says %q", cut(failure))
	}
	provider, config, err := o.reach(ctx)
	if err != nil {
		return identity{}, err
	}
	token, err := config.Exchange(ctx, query.Get("code"), oauth2.VerifierOption(kept.Verifier))
	if err != nil {
		return identity{}, exchangeError(err)
	}
	raw, ok := token.Extra("id_token").(string)
	if !ok {
		return identity{}, refuse(SignOnRefused, "the provider has given no ID token")
	}
	verified, err := provider.VerifierContext(ctx, &oidc.Config{ClientID: o.ClientID, Now: o.now}).Verify(ctx, raw)
	if err != nil {
		return identity{}, tokenRefused(err)
	}
	var said claims
	if err := verified.Claims(&said); err != nil {
		return identity{}, refuse(SignOnRefused, "the ID token cannot be read")
	}
	switch {
	case subtle.ConstantTimeCompare([]byte(verified.Nonce), []byte(kept.Nonce)) != 1:
		return identity{}, refuse(SignOnRefused, "the ID token belongs to another sign-on")
	case len(verified.Audience) > 1 && said.text("azp") != o.ClientID, said.text("azp") != "" && said.text("azp") != o.ClientID:
		return identity{}, refuse(SignOnRefused, "the ID token was made for another program")
	case verified.Subject == "":
		return identity{}, refuse(SignOnRefused, "the ID token names nobody")
	case verified.AccessTokenHash != "" && verified.VerifyAccessToken(token.AccessToken) != nil:
		return identity{}, refuse(SignOnRefused, "the access token does not belong to the ID token")
	}
	if said.lacks("email") || said.lacks(o.GroupsClaim) {
		if err := said.askFor(ctx, provider, token, verified.Subject); err != nil {
			return identity{}, err
		}
	}
	return said.identity(verified.Subject, o.GroupsClaim)
}

// exchangeError says why a code was not taken, without what a provider may quote in its answer.
func exchangeError(err error) error {
	if failure, ok := errors.AsType[*oauth2.RetrieveError](err); ok && failure.Response != nil && failure.Response.StatusCode < http.StatusInternalServerError {
		code := failure.ErrorCode
		if code == "" {
			code = strconv.Itoa(failure.Response.StatusCode)
		}
		return refuse(SignOnRefused, "the provider did not take its own code (%s)", cut(code))
	} else if ok && failure.Response != nil {
		return fmt.Errorf("%w: it answered %d", ErrProvider, failure.Response.StatusCode)
	}
	return fmt.Errorf("%w: %w", ErrProvider, err)
}

// tokenRefused tells a token that is wrong from keys that could not be had to look.
func tokenRefused(err error) error {
	if _, ok := errors.AsType[*url.Error](err); ok || errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%w: its keys: %w", ErrProvider, err)
	}
	return refuse(SignOnRefused, "the ID token is not good: %s", cut(err.Error()))
}

// claims are what a provider says of somebody.
type claims map[string]json.RawMessage

// askFor asks the provider for what the ID token does not say.
func (c claims) askFor(ctx context.Context, provider *oidc.Provider, token *oauth2.Token, subject string) error {
	if provider.UserInfoEndpoint() == "" {
		return nil
	}
	info, err := provider.UserInfo(ctx, oauth2.StaticTokenSource(token))
	if err != nil {
		return fmt.Errorf("%w: what it knows of the user: %w", ErrProvider, err)
	}
	if info.Subject != subject {
		return refuse(SignOnRefused, "the provider has answered about somebody else")
	}
	var more claims
	if err := info.Claims(&more); err != nil {
		return refuse(SignOnRefused, "what the provider knows of the user cannot be read")
	}
	// An address and whether it was verified go together.
	if c.lacks("email") {
		delete(c, "email_verified")
	} else {
		delete(more, "email_verified")
	}
	for key, value := range more {
		if _, ok := c[key]; !ok {
			c[key] = value
		}
	}
	return nil
}

// lacks reports whether there is no such claim. Dots lead into claims.
func (c claims) lacks(path string) bool { return c.at(path) == nil }

// at returns a claim: the one of that name, or what dots lead to.
func (c claims) at(path string) json.RawMessage {
	if value, ok := c[path]; ok {
		return value
	}
	first, rest, ok := strings.Cut(path, ".")
	if !ok {
		return nil
	}
	var inner claims
	if json.Unmarshal(c[first], &inner) != nil {
		return nil
	}
	return inner.at(rest)
}

func (c claims) text(key string) string {
	var text string
	if json.Unmarshal(c[key], &text) != nil {
		return ""
	}
	return text
}

// texts returns a claim of several texts, or of one.
func (c claims) texts(path string) []string {
	var several []string
	if json.Unmarshal(c.at(path), &several) == nil {
		return several
	}
	var one string
	if json.Unmarshal(c.at(path), &one) == nil && one != "" {
		return []string{one}
	}
	return nil
}

// identity reads who it is, if the address was verified. Some providers write true as a text.
func (c claims) identity(subject, groups string) (identity, error) {
	address, err := CheckAddress(c.text("email"))
	if verified := string(c["email_verified"]); err != nil || verified != "true" && verified != `"true"` {
		return identity{}, refuse(SignOnUnverified, "the provider does not say that it has verified her address")
	}
	name, err := CheckName(c.text("name"))
	if err != nil {
		name = ""
	}
	language, _, _ := strings.Cut(strings.ReplaceAll(c.text("locale"), "_", "-"), "-")
	return identity{subject: subject, address: address, name: name, language: survey.Language(strings.ToLower(language)), groups: c.texts(groups)}, nil
}

// rolesOf returns the roles that groups have.
func (s *Service) rolesOf(ctx context.Context, groups []string) ([]survey.GroupRole, error) {
	all, err := s.store.GroupRoles(ctx)
	if err != nil {
		return nil, fmt.Errorf("roles of groups: %w", err)
	}
	return slices.DeleteFunc(slices.Clone(all), func(r survey.GroupRole) bool { return !slices.Contains(groups, r.Group) }), nil
}

// userBehind returns the user who somebody is, and makes her one if her groups have a role.
func (s *Service) userBehind(ctx context.Context, person identity, hasRole bool) (survey.User, error) {
	user, err := s.store.UserBySubject(ctx, s.signOn.Issuer, person.subject)
	if errors.Is(err, survey.ErrNotFound) {
		return s.firstTime(ctx, person, hasRole)
	}
	if err != nil {
		return survey.User{}, fmt.Errorf("single sign-on: %w", err)
	}
	if user.Disabled {
		return survey.User{}, refuse(SignOnNoRole, "user %d is disabled", user.ID)
	}
	// Her address changes with the provider's, unless it is somebody else's here.
	if user.Address != person.address || person.name != "" && user.Name == "" {
		changed, err := s.store.ChangeUser(ctx, user.ID, func(u *survey.User) error {
			u.Address, u.Name = person.address, cmp.Or(u.Name, person.name)
			return nil
		})
		if errors.Is(err, survey.ErrConflict) {
			return survey.User{}, refuse(SignOnTaken, "the address of user %d is now that of another user", user.ID)
		}
		if err != nil {
			return survey.User{}, fmt.Errorf("single sign-on: %w", err)
		}
		return changed, nil
	}
	return user, nil
}

// firstTime ties somebody to the user with her address, or makes her a user.
func (s *Service) firstTime(ctx context.Context, person identity, hasRole bool) (survey.User, error) {
	user, err := s.store.UserByAddress(ctx, person.address)
	switch {
	case errors.Is(err, survey.ErrNotFound) && !hasRole:
		return survey.User{}, refuse(SignOnNoRole, "none of her %d groups has a role here", len(person.groups))
	case errors.Is(err, survey.ErrNotFound):
		user = survey.User{
			Address: person.address, Name: person.name, Language: person.language, Created: s.now(),
			Issuer: s.signOn.Issuer, Subject: person.subject,
		}
		err := s.store.CreateUser(ctx, &user)
		if errors.Is(err, survey.ErrConflict) { // she came in by two tabs at once
			user, err = s.store.UserBySubject(ctx, s.signOn.Issuer, person.subject)
		}
		if err != nil {
			return survey.User{}, fmt.Errorf("single sign-on: %w", err)
		}
		return user, nil
	case err != nil:
		return survey.User{}, fmt.Errorf("single sign-on: %w", err)
	case user.Disabled:
		return survey.User{}, refuse(SignOnNoRole, "user %d is disabled", user.ID)
	case user.Issuer == s.signOn.Issuer && user.Subject == person.subject: // since a moment ago, in another tab
		return user, nil
	case user.Subject != "":
		return survey.User{}, refuse(SignOnTaken, "user %d signs in as another subject, or by another provider", user.ID)
	}
	// First of all the password: what fails behind it must not leave it to whoever set it.
	if err := s.store.SetPassword(ctx, user.ID, ""); err != nil {
		return survey.User{}, fmt.Errorf("single sign-on: %w", err)
	}
	user, err = s.store.ChangeUser(ctx, user.ID, func(u *survey.User) error {
		switch {
		case u.Disabled: // a moment ago, and so the following
			return refuse(SignOnNoRole, "user %d is disabled", u.ID)
		case u.Subject != "" && (u.Issuer != s.signOn.Issuer || u.Subject != person.subject):
			return refuse(SignOnTaken, "user %d signs in as another subject, or by another provider", u.ID)
		}
		u.Issuer, u.Subject, u.Name = s.signOn.Issuer, person.subject, cmp.Or(u.Name, person.name)
		return nil
	})
	if err != nil {
		return survey.User{}, fmt.Errorf("single sign-on: %w", err)
	}
	if _, err := s.store.EndSessions(ctx, user.ID, ""); err != nil {
		return survey.User{}, fmt.Errorf("single sign-on: %w", err)
	}
	return user, nil
}

// takeRoles gives a user the roles of her groups, and notes where that changed something.
func (s *Service) takeRoles(ctx context.Context, user survey.User, roles []survey.GroupRole) error {
	changed, err := s.store.SetRolesFromGroups(ctx, user.ID, roles)
	if err != nil {
		return fmt.Errorf("single sign-on: roles of groups: %w", err)
	}
	for _, organisation := range changed {
		var now []string
		for _, r := range roles {
			if r.Organisation == organisation {
				now = append(now, string(r.Role))
			}
		}
		actor := TheService()
		actor.Organisation.ID = organisation
		event := Event{Action: "roles.changed", Subject: fmt.Sprintf("user %d", user.ID), Details: map[string]string{
			"user": user.Address, "from_groups": strings.Join(slices.Compact(slices.Sorted(slices.Values(now))), ", "),
		}}
		if err := s.Note(ctx, actor, event); err != nil {
			return err
		}
	}
	return nil
}
