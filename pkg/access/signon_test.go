package access_test

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cxmirror/pkg/access"
	"cxmirror/pkg/access/accesstest"
	"cxmirror/pkg/store"
	"cxmirror/pkg/store/storetest"
	"cxmirror/pkg/survey"
)

var people = []accesstest.User{
	{Subject: "s-ann", Address: "Ann@example.org", Verified: true, Password: "pw-ann", Name: "Ann Moore", Locale: "pl-PL", Groups: []string{"hr", "everybody"}},
	{Subject: "s-bob", Address: "bob@example.org", Verified: true, Password: "pw-bob", Name: "Bob", Groups: []string{"everybody"}},
	{Subject: "s-eve", Address: "eve@example.org", Verified: false, Password: "pw-eve", Name: "Eve", Groups: []string{"hr"}},
	{Subject: "s-ann2", Address: "ann2@example.org", Verified: true, Password: "pw-ann2", Groups: []string{"hr"}},
}

// withProvider returns a lobby with a real provider at its door. Its clock is that of the machine, as the provider's is.
func withProvider(t *testing.T, db *store.Store, p *accesstest.Provider) *lobby {
	t.Helper()
	return newLobby(t, db, func(o *access.Options) {
		o.Now = time.Now
		o.SignOn = &access.SingleSignOn{Issuer: p.Issuer, ClientID: p.ClientID, ClientSecret: p.ClientSecret, Name: "Example login", Scopes: []string{"groups"}}
	})
}

// comeBack begins a single sign-on, signs in at the provider, and returns what the browser has when it comes back.
func (l *lobby) comeBack(t *testing.T, user, secret string) (access.SignOn, url.Values) {
	t.Helper()
	address, kept, err := l.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	back := accesstest.SignIn(t, address, user, secret, "sign-in")
	if got := back.Scheme + "://" + back.Host + back.Path; got != base+access.ReturnPath {
		t.Fatalf("sent back to %s", got)
	}
	return kept, back.Query()
}

func (l *lobby) signOn(t *testing.T, user, secret string) (access.Outcome, error) {
	t.Helper()
	kept, query := l.comeBack(t, user, secret)
	return l.Finish(t.Context(), kept, query)
}

// rolesOf returns what somebody is in the default organisation.
func (l *lobby) rolesOf(t *testing.T, user survey.UserID) []survey.Role {
	t.Helper()
	memberships, err := l.store.Memberships(t.Context(), user)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range memberships {
		if m.Organisation.ID == survey.DefaultOrganisation {
			return m.Roles
		}
	}
	return nil
}

func (l *lobby) giveGroup(t *testing.T, roles ...survey.GroupRole) {
	t.Helper()
	organisations, err := l.store.Organisations(t.Context())
	for i := range organisations {
		var own []survey.GroupRole
		for _, role := range roles {
			if role.Organisation = cmp.Or(role.Organisation, survey.DefaultOrganisation); role.Organisation == organisations[i].ID {
				own = append(own, role)
			}
		}
		err = errors.Join(err, l.store.SetGroupRoles(t.Context(), organisations[i].ID, own))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestSingleSignOn goes through a real provider: whoever has a role by her groups, or is a user already, comes in.
func TestSingleSignOn(t *testing.T) {
	t.Parallel()
	p := accesstest.StartProvider(t, accesstest.Options{Return: base + access.ReturnPath, Users: people})
	storetest.Each(t, func(t *testing.T, db *store.Store) {
		l := withProvider(t, db, p)
		ctx := t.Context()
		_, err := l.signOn(t, "Ann@example.org", "pw-ann")
		wantProblem(t, "nobody's groups have a role", err, access.SignOnNoRole)
		l.giveGroup(t, survey.GroupRole{Group: "hr", Role: survey.HR}, survey.GroupRole{Group: "finance", Role: survey.Owner})

		ann, err := l.signOn(t, "Ann@example.org", "pw-ann")
		if err != nil || ann.User.Address != "ann@example.org" || ann.User.Name != "Ann Moore" || ann.User.Language != "pl" ||
			ann.User.PasswordHash != "" || ann.NeedsSecondFactor || ann.Device == "" {
			t.Fatalf("a new user: %+v, %v", ann, err)
		}
		if got := l.rolesOf(t, ann.User.ID); !slices.Equal(got, []survey.Role{survey.HR}) {
			t.Errorf("she is %v, want hr", got)
		}
		events, _, err := l.store.AuditEvents(ctx, survey.DefaultOrganisation, store.AuditQuery{Action: "roles.changed", Limit: 10})
		if err != nil || len(events) != 1 || events[0].Actor != survey.ByService || events[0].Details["user"] != "ann@example.org" || events[0].Details["from_groups"] != "hr" {
			t.Errorf("noted %+v, %v", events, err)
		}
		_, err = l.signOn(t, "bob@example.org", "pw-bob")
		wantProblem(t, "no group with a role", err, access.SignOnNoRole)
		_, err = l.signOn(t, "eve@example.org", "pw-eve")
		wantProblem(t, "an address that is not verified", err, access.SignOnUnverified)
		for _, refused := range []string{"bob@example.org", "eve@example.org"} {
			_, err := l.store.UserByAddress(ctx, refused)
			wantError(t, "who was refused is no user", err, survey.ErrNotFound)
		}

		// Her groups get another role; somebody gave her one here, which stays.
		l.setRoles(t, survey.DefaultOrganisation, ann.User.ID, survey.HR, survey.Viewer)
		l.giveGroup(t, survey.GroupRole{Group: "everybody", Role: survey.Analyst})
		again, err := l.signOn(t, "Ann@example.org", "pw-ann")
		if err != nil || again.User.ID != ann.User.ID {
			t.Fatalf("the second time: %+v, %v", again, err)
		}
		if got := l.rolesOf(t, ann.User.ID); !slices.Equal(got, []survey.Role{survey.Analyst, survey.Viewer}) {
			t.Errorf("she is %v, want analyst and viewer", got)
		}

		// No password lets her in, and none is sent.
		_, err = l.signIn(t, "ann@example.org", "pw-ann", "", "")
		wantError(t, "her password of there", err, access.ErrWrong)

		// A user of here who comes by her company's account: her password here ends, and so do her sessions.
		bob := l.user(t, "bob@example.org", survey.Owner)
		if err := l.store.SaveSession(ctx, survey.Session{Hash: "old", User: bob.ID, Started: time.Now(), Seen: time.Now(), Expires: time.Now().Add(time.Hour)}, []byte("x")); err != nil {
			t.Fatal(err)
		}
		linked, err := l.signOn(t, "bob@example.org", "pw-bob")
		if err != nil || linked.User.ID != bob.ID || linked.User.Subject != "s-bob" {
			t.Fatalf("a user of here: %+v, %v", linked, err)
		}
		_, err = l.signIn(t, "bob@example.org", password, "", "")
		wantError(t, "his password of here", err, access.ErrWrong)
		if sessions, err := l.store.Sessions(ctx, bob.ID, time.Now()); err != nil || len(sessions) > 0 {
			t.Errorf("his sessions go on: %+v, %v", sessions, err)
		}
		if got := l.rolesOf(t, bob.ID); !slices.Equal(got, []survey.Role{survey.Owner, survey.Analyst}) {
			t.Errorf("he is %v, want owner, as he was, and analyst", got)
		}

		// Somebody else with an address that is tied to another account there.
		taken := survey.User{Address: "ann2@example.org", Issuer: p.Issuer, Subject: "somebody else"}
		if err := l.store.CreateUser(ctx, &taken); err != nil {
			t.Fatal(err)
		}
		_, err = l.signOn(t, "ann2@example.org", "pw-ann2")
		wantProblem(t, "an address of another account", err, access.SignOnTaken)

		gone := again.User
		gone.Disabled = true
		l.save(t, gone)
		_, err = l.signOn(t, "Ann@example.org", "pw-ann")
		wantProblem(t, "a disabled user", err, access.SignOnNoRole)
		for _, secret := range []string{"pw-ann", "pw-bob", p.ClientSecret} {
			if strings.Contains(l.log.String(), secret) {
				t.Errorf("the log has a secret:\n%s", l.log)
			}
		}
	})
}

// TestSingleSignOnAsksForMore has a provider whose ID tokens say only who it is.
func TestSingleSignOnAsksForMore(t *testing.T) {
	t.Parallel()
	p := accesstest.StartProvider(t, accesstest.Options{Return: base + access.ReturnPath, Users: people, Thin: true})
	storetest.Each(t, func(t *testing.T, db *store.Store) {
		l := withProvider(t, db, p)
		l.giveGroup(t, survey.GroupRole{Group: "hr", Role: survey.HR})
		ann, err := l.signOn(t, "Ann@example.org", "pw-ann")
		if err != nil || ann.User.Address != "ann@example.org" || !slices.Equal(l.rolesOf(t, ann.User.ID), []survey.Role{survey.HR}) {
			t.Errorf("%+v, %v", ann, err)
		}
		_, err = l.signOn(t, "eve@example.org", "pw-eve")
		wantProblem(t, "an address that is not verified", err, access.SignOnUnverified)
	})
}

// TestSingleSignOnRefusesWhatWasTamperedWith changes what a browser comes back with, at a real provider.
func TestSingleSignOnRefusesWhatWasTamperedWith(t *testing.T) {
	t.Parallel()
	p := accesstest.StartProvider(t, accesstest.Options{Return: base + access.ReturnPath, Users: people})
	storetest.Each(t, func(t *testing.T, db *store.Store) {
		l := withProvider(t, db, p)
		ctx := t.Context()
		l.giveGroup(t, survey.GroupRole{Group: "hr", Role: survey.HR})
		for what, tt := range map[string]struct {
			change func(*access.SignOn, url.Values)
			want   access.Problem
		}{
			"another state":        {func(_ *access.SignOn, q url.Values) { q.Set("state", strings.Repeat("A", 43)) }, access.SignOnExpired},
			"no state":             {func(_ *access.SignOn, q url.Values) { q.Del("state") }, access.SignOnExpired},
			"nothing was begun":    {func(k *access.SignOn, q url.Values) { *k = access.SignOn{}; q.Del("state") }, access.SignOnExpired},
			"begun long ago":       {func(k *access.SignOn, _ url.Values) { k.Begun = k.Begun.Add(-11 * time.Minute) }, access.SignOnExpired},
			"another provider":     {func(_ *access.SignOn, q url.Values) { q.Set("iss", "https://evil.example.org") }, access.SignOnRefused},
			"another nonce":        {func(k *access.SignOn, _ url.Values) { k.Nonce = strings.Repeat("A", 43) }, access.SignOnRefused},
			"another verifier":     {func(k *access.SignOn, _ url.Values) { k.Verifier = strings.Repeat("A", 43) }, access.SignOnRefused},
			"no code":              {func(_ *access.SignOn, q url.Values) { q.Del("code") }, access.SignOnRefused},
			"a made-up code":       {func(_ *access.SignOn, q url.Values) { q.Set("code", "ory_ac_x.y") }, access.SignOnRefused},
			"an error with a code": {func(_ *access.SignOn, q url.Values) { q.Set("error", "invalid_scope\r\n") }, access.SignOnCancelled},
		} {
			kept, query := l.comeBack(t, "Ann@example.org", "pw-ann")
			tt.change(&kept, query)
			_, err := l.Finish(ctx, kept, query)
			wantProblem(t, what, err, tt.want)
			if err != nil && query.Get("code") != "" && strings.Contains(err.Error(), query.Get("code")) {
				t.Errorf("%s: the error tells the code: %v", what, err)
			}
		}
		_, err := l.store.UserByAddress(ctx, "ann@example.org")
		wantError(t, "none of it made a user", err, survey.ErrNotFound)

		kept, query := l.comeBack(t, "Ann@example.org", "pw-ann")
		if _, err := l.Finish(ctx, kept, query); err != nil {
			t.Fatal(err)
		}
		_, err = l.Finish(ctx, kept, query)
		wantProblem(t, "the same code again", err, access.SignOnRefused)

		// One browser's code in another's sign-on: the way to sign somebody in as oneself.
		_, query = l.comeBack(t, "Ann@example.org", "pw-ann")
		hers, victims := l.comeBack(t, "Ann@example.org", "pw-ann")
		victims.Set("code", query.Get("code"))
		_, err = l.Finish(ctx, hers, victims)
		wantProblem(t, "a code of another sign-on", err, access.SignOnRefused)

		address, kept, err := l.Begin(ctx)
		if err != nil {
			t.Fatal(err)
		}
		asked, err := url.Parse(address)
		if err != nil || asked.Query().Get("code_challenge_method") != "S256" || strings.Contains(address, kept.Verifier) || strings.Contains(address, p.ClientSecret) {
			t.Errorf("asked at %s", address)
		}
		_, err = l.Finish(ctx, kept, accesstest.SignIn(t, address, "", "", "cancel").Query())
		wantProblem(t, "she did not want to", err, access.SignOnCancelled)
	})
}

// TestProviderThatIsAway has one that is not there from the start, and one that goes in the middle.
func TestProviderThatIsAway(t *testing.T) {
	t.Parallel()
	p := accesstest.StartProvider(t, accesstest.Options{Return: base + access.ReturnPath, Users: people})
	away := *p
	away.Issuer = "http://127.0.0.1:1"
	for name, open := range storetest.Engines() {
		db := open(t)
		_, _, err := withProvider(t, db, &away).Begin(t.Context())
		wantError(t, name+": a provider that was never there", err, access.ErrProvider)
		if err != nil && !strings.Contains(err.Error(), away.Issuer) {
			t.Errorf("%s: %v, want which provider", name, err)
		}
		none := newLobby(t, db, nil)
		_, _, err = none.Begin(t.Context())
		wantError(t, name+": no provider", err, survey.ErrNotFound)
		if _, ok := none.SignOnName(); ok {
			t.Errorf("%s: there is a name of no provider", name)
		}
	}
	type visit struct {
		*lobby
		kept  access.SignOn
		query url.Values
	}
	var visits []visit
	for _, open := range storetest.Engines() {
		l := withProvider(t, open(t), p)
		if got, ok := l.SignOnName(); got != "Example login" || !ok {
			t.Errorf("the provider is called %q", got)
		}
		kept, query := l.comeBack(t, "Ann@example.org", "pw-ann")
		visits = append(visits, visit{l, kept, query})
	}
	p.Stop()
	for _, v := range visits {
		_, err := v.Finish(t.Context(), v.kept, v.query)
		wantError(t, "a provider that has gone", err, access.ErrProvider)
		if err != nil && (strings.Contains(err.Error(), p.ClientSecret) || strings.Contains(err.Error(), v.query.Get("code"))) {
			t.Errorf("the error tells secrets: %v", err)
		}
	}
}

// Who waits behind others for a provider that does not answer goes when her own time is over.
func TestProviderThatHangs(t *testing.T) {
	t.Parallel()
	asked, release := make(chan struct{}, 1), make(chan struct{})
	hanging := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		asked <- struct{}{}
		<-release
	}))
	t.Cleanup(hanging.Close)
	l := newLobby(t, storetest.Open(t, storetest.SQLite(t)), func(o *access.Options) {
		o.SignOn = &access.SingleSignOn{Issuer: hanging.URL, ClientID: "cxmirror"}
	})
	var first sync.WaitGroup
	first.Go(func() {
		_, _, err := l.Begin(t.Context())
		wantError(t, "a provider that says nothing", err, access.ErrProvider)
	})
	<-asked
	over, cancel := context.WithCancel(t.Context())
	cancel()
	second := make(chan error, 1)
	go func() {
		_, _, err := l.Begin(over)
		second <- err
	}()
	select {
	case err := <-second:
		wantError(t, "behind somebody who waits", err, access.ErrProvider)
	case <-time.After(10 * time.Second):
		t.Error("who came second waits for the first")
	}
	close(release)
	first.Wait()
}
