package web

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cxmirror/pkg/access"
	"cxmirror/pkg/store"
	"cxmirror/pkg/survey"
)

// testAccess lets people in. Its passwords are cheap.
func testAccess(tb testing.TB, s *store.Store, now func() time.Time, change func(*access.Options)) *access.Service {
	tb.Helper()
	options := access.Options{
		Store: s, Log: slog.New(slog.DiscardHandler), Now: now, Random: rand.Reader, Key: []byte(strings.Repeat("of a test!!!!!!!", 2)),
		Base: "https://survey.example.org", Cost: access.HashCost{Memory: 1 << 10, Passes: 1},
	}
	if change != nil {
		change(&options)
	}
	service, err := access.New(options)
	if err != nil {
		tb.Fatal(err)
	}
	return service
}

// addUser stores somebody who has roles in the first organisation.
func (f *field) addUser(tb testing.TB, address string, roles ...survey.Role) survey.User {
	tb.Helper()
	user := survey.User{Address: address, Name: strings.ToUpper(address[:1]) + address[1:strings.Index(address, "@")], Created: f.now()}
	if err := f.store.CreateUser(tb.Context(), &user); err != nil {
		tb.Fatal(err)
	}
	if len(roles) > 0 {
		f.setRoles(tb, survey.DefaultOrganisation, user, roles...)
	}
	return user
}

func (f *field) setRoles(tb testing.TB, organisation survey.OrganisationID, user survey.User, roles ...survey.Role) {
	tb.Helper()
	if err := f.store.SetRoles(tb.Context(), organisation, user.ID, roles); err != nil {
		tb.Fatal(err)
	}
}

// addOrganisation stores one more.
func (f *field) addOrganisation(tb testing.TB, name string) survey.Organisation {
	tb.Helper()
	o := survey.Organisation{Name: name, Threshold: 5, Comments: 10, Created: f.now()}
	if err := f.store.CreateOrganisation(tb.Context(), &o); err != nil {
		tb.Fatal(err)
	}
	return o
}

// session signs a user in without her password, and returns the token that her browser would have.
func (f *field) session(tb testing.TB, user survey.User, organisation survey.OrganisationID) string {
	tb.Helper()
	actor, err := f.server.access.Actor(tb.Context(), user.ID, organisation)
	if err != nil {
		tb.Fatal(err)
	}
	ctx, err := f.server.sessions.load(context.WithoutCancel(tb.Context()), "")
	if err != nil {
		tb.Fatal(err)
	}
	if err := f.server.sessions.begin(ctx, user.ID, "Firefox, Linux", sessionLife); err != nil {
		tb.Fatal(err)
	}
	f.server.sessions.manager.Put(ctx, inOrganisation, int64(actor.Organisation.ID))
	f.server.sessions.manager.Put(ctx, withStanding, standingOf(actor))
	token, err := f.server.sessions.keep(ctx)
	if err != nil {
		tb.Fatal(err)
	}
	return token
}

// as is a browser in which a user is signed in.
func (f *field) as(tb testing.TB, user survey.User, organisation survey.OrganisationID) *person {
	tb.Helper()
	p := f.person(tb)
	address, err := url.Parse(p.base)
	if err != nil {
		tb.Fatal(err)
	}
	p.client.Jar.SetCookies(address, []*http.Cookie{{Name: plainCookie, Value: f.session(tb, user, organisation), Path: "/"}})
	return p
}

// asOwner answers requests that come without a session as those of an owner of the first organisation, by a session
// that is hers like any other: for tests of what the workbench does, whatever browser they use.
func (f *field) asOwner(tb testing.TB) http.Handler {
	tb.Helper()
	users, err := f.store.Users(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	owner := survey.User{}
	if at := slices.IndexFunc(users, func(u survey.User) bool { return u.Address == "owner@example.com" }); at >= 0 {
		owner = users[at]
	} else {
		owner = f.addUser(tb, "owner@example.com", survey.Owner)
	}
	handler := f.server.Handler()
	var mu sync.Mutex
	token, since := f.session(tb, owner, survey.DefaultOrganisation), f.now()
	signedIn := func() string {
		mu.Lock()
		defer mu.Unlock()
		if age := f.now().Sub(since); age > powerfulIdle || age < 0 { // the test has moved on, and so does she
			token, since = f.session(tb, owner, survey.DefaultOrganisation), f.now()
		}
		return token
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := r.Cookie(plainCookie); err != nil && !ofRespondents(r.URL.Path) {
			r.AddCookie(&http.Cookie{Name: plainCookie, Value: signedIn()})
		}
		handler.ServeHTTP(w, r)
	})
}
