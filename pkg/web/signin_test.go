package web

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"cxmirror/pkg/access"
	"cxmirror/pkg/store"
	"cxmirror/pkg/store/storetest"
	"cxmirror/pkg/survey"
)

// newDoor is a workbench that nobody has signed in to, and a user with a password.
func newDoor(t *testing.T, roles ...survey.Role) (*field, *person, survey.User) {
	t.Helper()
	f, _ := newBench(t)
	f.http.Close() // it answers everybody as an owner
	f.http = httptest.NewServer(f.server.Handler())
	t.Cleanup(f.http.Close)
	user := f.addUser(t, "anna@example.com", roles...)
	f.setPassword(t, user, goodPassword)
	return f, f.person(t), user
}

const goodPassword = "four words of tests"

// setPassword gives a user a password by a link, as she would.
func (f *field) setPassword(t *testing.T, user survey.User, password string) {
	t.Helper()
	address, err := f.server.access.NewLink(t.Context(), user.ID, survey.InvitationLink)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.server.access.AcceptLink(t.Context(), secretOf(address), survey.InvitationLink, access.Acceptance{Name: user.Name, Password: password}); err != nil {
		t.Fatal(err)
	}
}

// secretOf is the end of a link.
func secretOf(address string) string { return address[strings.LastIndexByte(address, '/')+1:] }

// typed is what somebody types at the door.
func typed(address, password string, more ...string) url.Values {
	form := url.Values{"address": {address}, "password": {password}}
	for i := 0; i+1 < len(more); i += 2 {
		form.Set(more[i], more[i+1])
	}
	return form
}

// cookie returns the session's cookie that an answer sets, if it does.
func (a answer) cookie(name string) *http.Cookie {
	for _, line := range a.header.Values("Set-Cookie") {
		if c, err := http.ParseSetCookie(line); err == nil && c.Name == name {
			return c
		}
	}
	return nil
}

// Somebody signs in, is led where she wanted to go, and signs out.
func TestSigningIn(t *testing.T) {
	f, p, _ := newDoor(t, survey.Owner)
	out := p.get("/people?state=all")
	if out.status != http.StatusSeeOther || out.location != "/sign-in?next=%2Fpeople%3Fstate%3Dall" {
		t.Fatalf("a page for those who have signed in: %d %s", out.status, out.location)
	}
	door := p.get(out.location)
	mustSay(t, door, 200, "Sign in", "E-mail address", "Password")
	if strings.Contains(door.body, "<nav") || strings.Contains(door.body, "Sign out") {
		t.Error("the door has the rooms behind it on it")
	}
	wrong := p.post("/sign-in", typed("anna@example.com", "not it at all", "next", "/people?state=all"))
	mustSay(t, wrong, 422, "The address or the password is wrong")
	nobody := p.post("/sign-in", typed("nobody@example.com", "not it at all", "next", "/people?state=all"))
	alike := strings.NewReplacer("nobody@example.com", "anna@example.com", nobody.header.Get("X-Request-Id"), "")
	if alike.Replace(nobody.body) != strings.ReplaceAll(wrong.body, wrong.header.Get("X-Request-Id"), "") || nobody.status != wrong.status {
		t.Errorf("an address that is nobody's is told apart:\n%s\n%s", visible(nobody.body), visible(wrong.body))
	}
	if !strings.Contains(wrong.body, `value="anna@example.com"`) || !strings.Contains(wrong.body, `value="/people?state=all"`) || strings.Contains(wrong.body, "not it at all") {
		t.Errorf("what was typed is lost, or the password is not:\n%s", wrong.body)
	}

	in := p.post("/sign-in", typed(" Anna@Example.com ", goodPassword, "next", "/people?state=all"))
	if in.status != http.StatusSeeOther || in.location != "/people?state=all" {
		t.Fatalf("signed in: %d %s %s", in.status, in.location, visible(in.body))
	}
	c := in.cookie(plainCookie)
	if c == nil || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" || c.MaxAge != int(sessionLife.Seconds()) || len(c.Value) < 40 {
		t.Errorf("the cookie is %v", c)
	}
	mustSay(t, p.get(in.location), 200, "Sign out", "Anna")
	if got := p.get("/sign-in?next=/divergence"); got.status != http.StatusSeeOther || got.location != "/divergence" {
		t.Errorf("the door for somebody inside: %d %s", got.status, got.location)
	}

	gone := p.post("/sign-out", nil)
	if gone.status != http.StatusSeeOther || gone.cookie(plainCookie).MaxAge >= 0 {
		t.Errorf("signing out: %d %v", gone.status, gone.header)
	}
	mustSay(t, p.get(gone.location), 200, "You have signed out")
	p.hold(c.Value)
	if got := p.get("/people"); got.status != http.StatusSeeOther || !strings.HasPrefix(got.location, "/sign-in") {
		t.Errorf("the cookie from before signing out: %d %s", got.status, got.location)
	}
	log := f.log.String()
	for _, secret := range []string{goodPassword, "not it at all", c.Value, "anna@example.com"} {
		if strings.Contains(log, secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
}

// Behind TLS the cookie is the host's alone, and browsers are told to come back by TLS.
func TestSigningInOverTLS(t *testing.T) {
	f, _, user := newDoor(t, survey.Owner)
	site := httptest.NewTLSServer(f.server.Handler())
	defer site.Close()
	client := site.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	response, err := client.PostForm(site.URL+"/sign-in", typed(user.Address, goodPassword))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	got := answer{status: response.StatusCode, header: response.Header}
	c := got.cookie(secureCookie)
	if got.status != http.StatusSeeOther || c == nil || !c.Secure || c.Path != "/" || c.Domain != "" || got.cookie(plainCookie) != nil {
		t.Errorf("status %d, cookies %v", got.status, response.Header.Values("Set-Cookie"))
	}
	if !strings.HasPrefix(response.Header.Get("Strict-Transport-Security"), "max-age=") {
		t.Error("nothing tells the browser to come back by TLS")
	}
	// A neighbour under the same domain, or a page without TLS, could set the plain one.
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, site.URL+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.AddCookie(&http.Cookie{Name: plainCookie, Value: c.Value})
	again, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	again.Body.Close()
	if again.StatusCode != http.StatusSeeOther {
		t.Errorf("the plain cookie counts behind TLS: %d", again.StatusCode)
	}
}

// Whoever signs in is led to an address of this server, or to its start.
func TestWhereSigningInLeads(t *testing.T) {
	f, _, user := newDoor(t, survey.Owner)
	for next, want := range map[string]string{
		"": "/", "/": "/", "/people": "/people", "/divergence?external=1&internal=2#list": "/divergence?external=1&internal=2",
		"//evil.example": "/", "https://evil.example/": "/", `/\evil.example`: "/", `\\evil.example`: "/", "/\t/evil.example": "/", "/\n//evil.example": "/",
		"javascript:alert(1)": "/", "///evil.example": "/", "/%2f%2fevil.example": "/", "evil.example": "/", "/sign-in?next=/people": "/", "/sign-in/code": "/",
		"/%5cevil.example": "/%5cevil.example", "/" + strings.Repeat("a", longestNext): "/", "http:/people": "/", "/\x00": "/", "/.//evil.example": "/",
	} {
		got := f.person(t).post("/sign-in", typed(user.Address, goodPassword, "next", next))
		if got.status != http.StatusSeeOther || got.location != want {
			t.Errorf("%q leads to %d %q, want %q", next, got.status, got.location, want)
		}
		out := f.person(t).get("/sign-in?" + url.Values{"next": {next}}.Encode())
		if hidden := out.hidden()["next"]; hidden != want {
			t.Errorf("for %q the page leads on to %q, want %q", next, hidden, want)
		}
	}
}

// A name that somebody else put into the browser before is worth nothing once somebody signs in there.
func TestSessionFixation(t *testing.T) {
	f, p, user := newDoor(t, survey.Owner)
	for _, planted := range []string{"planted", strings.Repeat("A", 43), f.session(t, f.addUser(t, "attacker@example.com", survey.Viewer), survey.DefaultOrganisation)} {
		p.hold(planted)
		in := p.post("/sign-in", typed(user.Address, goodPassword))
		c := in.cookie(plainCookie)
		if in.status != http.StatusSeeOther || c == nil || c.Value == planted {
			t.Fatalf("signed in as %v", c)
		}
		attacker := f.person(t)
		attacker.hold(planted)
		if got := attacker.get("/people"); got.status == http.StatusOK {
			t.Errorf("the planted name %q has become hers", planted)
		}
		if got := p.get("/people"); got.status != http.StatusOK {
			t.Errorf("she is not in: %d", got.status)
		}
	}
}

// Names of sessions that were never given, that have ended, or that are too long, are nobody's.
func TestForgedAndEndedSessions(t *testing.T) {
	f, _, user := newDoor(t, survey.Analyst)
	owner := f.addUser(t, "owner.of@example.com", survey.Owner)
	out := func(name, token string) {
		t.Helper()
		p := f.person(t)
		p.hold(token)
		if got := p.get("/divergence"); got.status != http.StatusSeeOther || !strings.HasPrefix(got.location, "/sign-in") {
			t.Errorf("%s: %d %s", name, got.status, got.location)
		}
	}
	in := func(name, token string) {
		t.Helper()
		p := f.person(t)
		p.hold(token)
		if got := p.get("/divergence"); got.status != http.StatusOK {
			t.Errorf("%s: %d %s", name, got.status, got.location)
		}
	}
	token := f.session(t, user, survey.DefaultOrganisation)
	in("as it was given", token)
	out("one letter changed", token[:len(token)-1]+map[bool]string{true: "A", false: "B"}[token[len(token)-1] != 'A'])
	out("made up", strings.Repeat("x", 43))
	out("very long", strings.Repeat("x", 4000))
	hashed, err := f.store.Sessions(t.Context(), user.ID, f.now())
	if err != nil || len(hashed) != 1 {
		t.Fatalf("%v, %v", hashed, err)
	}
	out("what the database has", hashed[0].Hash)

	if err := f.store.EndSession(t.Context(), user.ID, hashed[0].Hash); err != nil {
		t.Fatal(err)
	}
	out("ended elsewhere", token)

	token = f.session(t, user, survey.DefaultOrganisation)
	f.pass(13 * 24 * time.Hour)
	in("an analyst after 13 days", token)
	f.pass(25 * time.Hour)
	out("after 14 days, whatever she did", token)

	token = f.session(t, owner, survey.DefaultOrganisation)
	f.pass(23 * time.Hour)
	in("an owner after 23 hours", token)
	f.pass(23 * time.Hour)
	in("and after 23 more", token)
	f.pass(25 * time.Hour)
	out("and after a day without a visit", token)

	token = f.session(t, user, survey.DefaultOrganisation)
	user.Disabled = true
	if err := storetest.SaveUser(t.Context(), f.store, user); err != nil {
		t.Fatal(err)
	}
	out("of somebody who may not sign in any more", token)
}

// pass lets time pass.
func (f *field) pass(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.moment = f.moment.Add(d)
}

// A page that was left open asks for counts every few seconds, and nobody sits before it.
func TestAPageLeftOpenSignsOut(t *testing.T) {
	f, _, _ := newDoor(t)
	owner := f.addUser(t, "owner.of@example.com", survey.Owner)
	p := f.as(t, owner, survey.DefaultOrganisation)
	for range 12 {
		if got := p.get("/counts.json"); got.status != http.StatusOK {
			t.Fatalf("counts: %d", got.status)
		}
		f.pass(2*time.Hour + time.Minute)
	}
	if got := p.get("/counts.json"); got.status != http.StatusSeeOther && got.status != http.StatusUnauthorized {
		t.Errorf("after a day of counts alone: %d", got.status)
	}
}

// Visits are noted every five minutes at most, so that a page is not a write.
func TestVisitsAreNotedRarely(t *testing.T) {
	f, _, user := newDoor(t, survey.Analyst)
	p := f.as(t, user, survey.DefaultOrganisation)
	seen := func() time.Time {
		t.Helper()
		all, err := f.store.Sessions(t.Context(), user.ID, f.now())
		if err != nil || len(all) != 1 {
			t.Fatalf("%v, %v", all, err)
		}
		return all[0].Seen.UTC()
	}
	began := seen()
	f.pass(4 * time.Minute)
	p.look("/")
	if got := seen(); !got.Equal(began) {
		t.Errorf("noted after four minutes: %s", got)
	}
	f.pass(2 * time.Minute)
	p.look("/")
	if got := seen(); !got.Equal(f.now().UTC()) {
		t.Errorf("after six minutes the visit is of %s, want %s", got, f.now())
	}
}

// When what she may do changes, so does the name of her session; what was taken from her is gone with the next request.
func TestRightsThatChange(t *testing.T) {
	f, _, user := newDoor(t, survey.HR)
	token := f.session(t, user, survey.DefaultOrganisation)
	p := f.person(t)
	p.hold(token)
	if got := p.get("/people"); got.status != http.StatusOK || got.cookie(plainCookie) != nil {
		t.Fatalf("%d %v", got.status, got.header)
	}
	f.setRoles(t, survey.DefaultOrganisation, user, survey.Analyst)
	refused := p.get("/people")
	mustSay(t, refused, 403, "You do not have access to this", "Who has access: Owner, HR.")
	renewed := refused.cookie(plainCookie)
	if renewed == nil || renewed.Value == token {
		t.Errorf("the session is still called the same")
	}
	before := f.person(t)
	before.hold(token)
	if got := before.get("/divergence"); got.status != http.StatusSeeOther {
		t.Errorf("the name from before: %d", got.status)
	}
	if got := p.look("/divergence"); got.status != http.StatusOK {
		t.Errorf("as an analyst: %d", got.status)
	}
}

// Who is signed out while she types keeps what she typed, signs in elsewhere, and sends it again.
func TestSignedOutWhileTyping(t *testing.T) {
	f, p, user := newDoor(t, survey.Owner)
	form := url.Values{"questionnaire": {"internal-expectations"}, "name": {"Staff, <spring>"}, "slug": {"staff"}}
	got := p.post("/waves/new", form)
	mustSay(t, got, 401, "You are signed out", "Nothing was stored", "Staff, <spring>")
	if fields := got.hidden(); fields["name"] != "Staff, <spring>" || fields["slug"] != "staff" || !strings.Contains(got.body, `action="/waves/new"`) {
		t.Errorf("it would send %v", fields)
	}
	p.hold(f.session(t, user, survey.DefaultOrganisation))
	if again := p.sendForm("/waves/new", got.hidden(), nil); again.status != http.StatusSeeOther {
		t.Errorf("sent again: %d %s", again.status, visible(again.body))
	}
	secret := p.post("/sign-out", nil)
	if secret.status != http.StatusSeeOther {
		t.Fatal(secret.status)
	}
	if got := p.post("/people/new", url.Values{"name": {"x"}, "password": {"typed secret"}}); strings.Contains(got.body, "typed secret") {
		t.Error("a password comes back")
	}
	// Nobody signs in to make the server read a large file.
	large := p.sendForm("/waves/1/import", map[string]string{"map": "columns: {a: b}"}, map[string][2]string{"file": {"large.csv", strings.Repeat("a,b,c\n", 1<<20)}})
	if large.status != http.StatusUnauthorized || strings.Contains(large.body, "a,b,c") {
		t.Errorf("a large file of nobody: %d", large.status)
	}
}

// Who may make no surveys is not told to where there are none.
func TestNothingToSeeYet(t *testing.T) {
	f, _, user := newDoor(t, survey.Analyst)
	got := f.as(t, user, survey.DefaultOrganisation).look("/")
	mustSay(t, got, 200, "No surveys yet", "An owner or HR makes and opens them")
	if strings.Contains(got.body, "/waves/new") || strings.Contains(got.body, "Three steps") {
		t.Errorf("an analyst is told to make a survey:\n%s", got.body)
	}
}

// Who works in two organisations, in two tabs, saves nothing into the wrong one, and loses nothing.
func TestFormsOfAnotherOrganisation(t *testing.T) {
	f, _, user := newDoor(t, survey.Owner)
	other := f.addOrganisation(t, "Second <Client>")
	f.setRoles(t, other.ID, user, survey.Owner)
	p := f.as(t, user, survey.DefaultOrganisation)
	page := p.look("/waves/new")
	if !strings.Contains(page.body, `action="/waves/new?organisation=1"`) || !strings.Contains(page.body, "Second &lt;Client&gt;") {
		t.Errorf("the page does not say for whom it is:\n%s", page.body)
	}
	if got := p.post("/work-in", url.Values{"to": {"2"}}); got.status != http.StatusSeeOther || got.cookie(plainCookie) == nil {
		t.Fatalf("switching: %d %v", got.status, got.header)
	}
	mustSay(t, p.look("/waves/999"), 404, "another organisation that you work in")
	form := url.Values{"questionnaire": {"internal-expectations"}, "name": {"Of the first"}, "slug": {"first"}}
	got := p.post("/waves/new?organisation=1", form)
	mustSay(t, got, 409, "This page was shown for another organisation", "Of the first", "Send it for")
	waves := func(organisation survey.OrganisationID) int {
		t.Helper()
		all, err := f.store.Waves(t.Context(), organisation)
		if err != nil {
			t.Fatal(err)
		}
		return len(all)
	}
	if waves(1) != 0 || waves(2) != 0 {
		t.Error("it was stored")
	}
	again := regexp.MustCompile(`<form method="post" action="(/waves/new\?[^"]*)" enctype`).FindStringSubmatch(got.body)
	if again == nil {
		t.Fatalf("it cannot be sent again:\n%s", got.body)
	}
	if sent := p.sendForm(unescaped(again[1]), got.hidden(), nil); sent.status != http.StatusSeeOther {
		t.Fatalf("sent again: %d %s", sent.status, visible(sent.body))
	} else if next := p.get(sent.location); next.status != http.StatusOK {
		t.Errorf("and then: %d", next.status)
	}
	if waves(1) != 1 || waves(2) != 0 {
		t.Errorf("%d waves of the first, %d of the other; want 1 and 0", waves(1), waves(2))
	}
	// A page from before there was a choice says nothing.
	if got := p.post("/waves/new", form); got.status != http.StatusConflict {
		t.Errorf("a form for nobody: %d", got.status)
	}
	for _, wrong := range []string{"3", "-1", "x", "1%00"} {
		if got := p.post("/waves/new?there=1&organisation="+wrong, form); got.status != http.StatusNotFound && got.status != http.StatusConflict {
			t.Errorf("a form for %q: %d", wrong, got.status)
		}
		if got := p.post("/work-in", url.Values{"to": {wrong}}); got.status != http.StatusNotFound {
			t.Errorf("working in %q: %d", wrong, got.status)
		}
	}
}

// A form that is sent to another of her organisations does there what she may do there, and nothing that she may do
// where she works now.
func TestFormOfAnotherOrganisationAsksForTheRightThere(t *testing.T) {
	f, _, user := newDoor(t, survey.Owner)
	other := f.addOrganisation(t, "Second")
	f.setRoles(t, other.ID, f.addUser(t, "eva@example.com"), survey.Owner)
	f.setRoles(t, other.ID, user, survey.Viewer)
	there := fmt.Sprintf("?there=1&organisation=%d", other.ID)
	for address, form := range map[string]url.Values{
		"/waves/new":  {"questionnaire": {"internal-expectations"}, "name": {"Smuggled"}},
		"/members":    {"address": {"accomplice@example.com"}, "roles": {"owner"}},
		"/people/new": {"name": {"Smuggled"}, "address": {"smuggled@example.com"}},
		fmt.Sprintf("/members/%d/roles", user.ID): {"roles": {"owner"}},
		"/tokens": {"name": {"Smuggled"}, "days": {"90"}, "rights": {"people.see"}},
	} {
		p := f.as(t, user, survey.DefaultOrganisation) // of which she is an owner
		if got := p.post(address+there, form); got.status != http.StatusForbidden {
			t.Errorf("%s, of an organisation in which she is a viewer: %d %s", address, got.status, visible(got.body))
		}
	}
	members, err := f.store.Members(t.Context(), other.ID)
	if err != nil || len(members) != 2 || slices.ContainsFunc(members, func(m survey.Member) bool {
		return m.User.ID == user.ID && !slices.Equal(m.Roles, []survey.Role{survey.Viewer})
	}) {
		t.Errorf("%d work there, and she as more than a viewer, or %v", len(members), err)
	}
	// And the other way round: what she may not do here does not keep her from what she may do there.
	f.setRoles(t, other.ID, user, survey.HR)
	f.setRoles(t, survey.DefaultOrganisation, f.addUser(t, "first@example.com"), survey.Owner)
	f.setRoles(t, survey.DefaultOrganisation, user, survey.Viewer)
	p := f.as(t, user, survey.DefaultOrganisation)
	form := url.Values{"questionnaire": {"internal-expectations"}, "name": {"Of the second"}}
	mustSay(t, p.post(fmt.Sprintf("/waves/new?organisation=%d", other.ID), form), 409, "This page was shown for another organisation")
	if got := p.post("/waves/new"+there, form); got.status != http.StatusSeeOther {
		t.Errorf("where she is HR: %d %s", got.status, visible(got.body))
	}
}

// The second factor: a code of the app, once; a recovery code, once; and a password alone opens nothing.
func TestSecondFactorAtTheDoor(t *testing.T) {
	f, p, user := newDoor(t, survey.Owner)
	enrolled, err := f.server.access.EnrolSecondFactor(t.Context(), user.ID)
	if err != nil {
		t.Fatal(err)
	}
	code := func() string {
		t.Helper()
		code, err := totp.GenerateCode(strings.ReplaceAll(enrolled.Secret, " ", ""), f.now())
		if err != nil {
			t.Fatal(err)
		}
		return code
	}
	recovery, err := f.server.access.ConfirmSecondFactor(t.Context(), user.ID, enrolled.Sealed, code())
	if err != nil {
		t.Fatal(err)
	}
	f.pass(time.Minute)
	if got := p.get("/sign-in/code"); got.status != http.StatusSeeOther || got.location != "/sign-in" {
		t.Errorf("a code before a password: %d %s", got.status, got.location)
	}
	half := p.post("/sign-in", typed(user.Address, goodPassword, "next", "/people"))
	if half.status != http.StatusSeeOther || half.location != "/sign-in/code" {
		t.Fatalf("with the password: %d %s", half.status, half.location)
	}
	halfway := half.cookie(plainCookie).Value
	if got := p.get("/people"); got.status != http.StatusSeeOther {
		t.Errorf("a password alone opens: %d", got.status)
	}
	mustSay(t, p.get("/sign-in/code"), 200, "Second factor", "six digits")
	mustSay(t, p.post("/sign-in/code", url.Values{"code": {"000000"}}), 422, "This code is wrong")
	used := code()
	in := p.post("/sign-in/code", url.Values{"code": {used}})
	if in.status != http.StatusSeeOther || in.location != "/people" || in.cookie(plainCookie).Value == halfway {
		t.Fatalf("with a code: %d %s %s", in.status, in.location, visible(in.body))
	}
	mustSay(t, p.get("/people"), 200, "Sign out")

	second := f.person(t)
	second.post("/sign-in", typed(user.Address, goodPassword))
	mustSay(t, second.post("/sign-in/code", url.Values{"code": {used}}), 422, "This code is wrong")
	if got := second.post("/sign-in/code", url.Values{"code": {recovery[0]}}); got.status != http.StatusSeeOther || got.location != "/" {
		t.Errorf("with a recovery code: %d %s", got.status, visible(got.body))
	}
	third := f.person(t)
	third.post("/sign-in", typed(user.Address, goodPassword))
	mustSay(t, third.post("/sign-in/code", url.Values{"code": {recovery[0]}}), 422, "This code is wrong")
	f.pass(halfwayLife + time.Minute)
	if got := third.post("/sign-in/code", url.Values{"code": {code()}}); got.status != http.StatusSeeOther || got.location != "/sign-in" {
		t.Errorf("too late: %d %s", got.status, got.location)
	}
}

// Links by mail set a password, once; looking at them uses nothing up.
func TestLinksAtTheDoor(t *testing.T) {
	f, p, user := newDoor(t, survey.Owner)
	session := f.session(t, user, survey.DefaultOrganisation)
	for _, kind := range []survey.LinkKind{survey.ResetLink, survey.InvitationLink} {
		t.Run(string(kind), func(t *testing.T) {
			address, err := f.server.access.NewLink(t.Context(), user.ID, kind)
			if err != nil {
				t.Fatal(err)
			}
			path := strings.TrimPrefix(address, "https://survey.example.org")
			page := p.get(path)
			mustSay(t, page, 200, "anna@example.com", "At least 12 characters")
			mustSay(t, p.get(path), 200, "anna@example.com")
			if page.header.Get("Referrer-Policy") != "no-referrer" || page.header.Get("Cache-Control") != "no-store" {
				t.Errorf("headers: %v", page.header)
			}
			for _, tt := range []struct{ password, again, says string }{
				{"short", "short", "too short"},
				{"one two three four", "one two three five", "not the same"},
				{"anna@example.com", "anna@example.com", "your address or your name"},
			} {
				got := p.post(path, url.Values{"password": {tt.password}, "again": {tt.again}, "name": {"Anna <b>"}})
				mustSay(t, got, 422, tt.says)
				if strings.Contains(got.body, `value="`+tt.again) && tt.again != user.Address {
					t.Errorf("the password is on the page:\n%s", got.body)
				}
			}
			name := map[bool]string{true: "Anna Nowak"}[kind == survey.InvitationLink]
			in := p.post(path, url.Values{"password": {"quite another one"}, "again": {"quite another one"}, "name": {name}})
			if in.status != http.StatusSeeOther || in.location != "/" {
				t.Fatalf("%d %s", in.status, visible(in.body))
			}
			mustSay(t, p.get("/"), 200, "Sign out")
			mustSay(t, p.post(path, url.Values{"password": {"and one more still"}, "again": {"and one more still"}, "name": {"x"}}), 410, "cannot be used any more")
			mustSay(t, p.get(path), 410, "cannot be used any more")
			old := f.person(t)
			old.hold(session)
			if got := old.get("/people"); got.status != http.StatusSeeOther {
				t.Errorf("a session from before goes on: %d", got.status)
			}
			if strings.Contains(f.log.String(), secretOf(address)) {
				t.Error("the log holds the secret of a link")
			}
		})
	}
}

// Asking for a link says the same whoever has the address; without mail it says what to do.
func TestForgottenPassword(t *testing.T) {
	f, p, _ := newDoor(t, survey.Owner)
	mustSay(t, p.get("/forgot"), 200, "This server sends no mail")
	var letters []access.Letter
	sent := make(chan access.Letter, 10)
	f.server.access = testAccess(t, f.store, f.now, func(o *access.Options) {
		o.Mail = func(_ context.Context, l access.Letter) error { sent <- l; return nil }
	})
	running, stop := context.WithCancel(t.Context())
	defer stop()
	go func() { _ = f.server.access.Run(running) }()
	known := p.post("/forgot", url.Values{"address": {"anna@example.com"}})
	mustSay(t, known, 200, "If there is an account with the address anna@example.com, a link is on its way")
	nobody := p.post("/forgot", url.Values{"address": {"nobody@example.com"}})
	if strings.ReplaceAll(nobody.body, "nobody@", "anna@") != known.body || nobody.status != known.status {
		t.Errorf("an address that is nobody's is told apart:\n%s", visible(nobody.body))
	}
	mustSay(t, p.post("/forgot", nil), 422, "not an e-mail address")
	select {
	case l := <-sent:
		letters = append(letters, l)
	case <-time.After(20 * time.Second):
		t.Fatal("no letter came")
	}
	link := regexp.MustCompile(`https://survey\.example\.org(/reset/\S+)`).FindStringSubmatch(letters[0].Text)
	if link == nil || letters[0].Address != "anna@example.com" {
		t.Fatalf("the letter says\n%s", letters[0].Text)
	}
	mustSay(t, p.get(link[1]), 200, "Choose a new password")
}

// The first user comes in by the link that a new service prints, once.
func TestSettingUp(t *testing.T) {
	f := newField(t, "external-expectations", nil)
	p := f.person(t)
	address, err := f.server.access.SetUpLink(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	path := strings.TrimPrefix(address, "https://survey.example.org")
	mustSay(t, p.get("/set-up/unknown"), 410, "cannot be used any more")
	mustSay(t, p.get(path), 200, "Set up this server")
	mustSay(t, p.post(path, url.Values{"organisation": {"Example <Ltd>"}, "address": {"not one"}, "name": {"Anna"}, "password": {goodPassword}, "again": {goodPassword}}), 422, "not an e-mail address", "Anna", "Example <Ltd>")
	mustSay(t, p.post(path, url.Values{"organisation": {"Example"}, "address": {"anna@example.com"}, "name": {" "}, "password": {goodPassword}, "again": {goodPassword}}), 422, "The name is missing")
	in := p.post(path, url.Values{"organisation": {"Example"}, "address": {"anna@example.com"}, "name": {"Anna"}, "password": {goodPassword}, "again": {goodPassword}})
	if in.status != http.StatusSeeOther {
		t.Fatalf("%d %s", in.status, visible(in.body))
	}
	mustSay(t, p.get("/"), 200, "Surveys", "People", "Sign out")
	mustSay(t, f.person(t).get(path), 410, "cannot be used any more")
	users, err := f.store.Users(t.Context())
	if err != nil || len(users) != 1 || !users[0].Administrator {
		t.Errorf("%+v, %v", users, err)
	}
}

// A guest looks at a demonstration without signing in, in whatever role she likes; nobody else can.
func TestGuestsOfADemonstration(t *testing.T) {
	f, _, user := newDoor(t, survey.Owner)
	if got := f.as(t, user, survey.DefaultOrganisation).post("/look-as", url.Values{"role": {"owner"}}); got.status != http.StatusNotFound {
		t.Errorf("choosing a role where there are no guests: %d", got.status)
	}
	f.server.guest = user.ID
	p := f.person(t)
	mustSay(t, p.get("/people"), 200, "nobody has to sign in", "Analyst")
	if got := p.post("/look-as", url.Values{"role": {"analyst"}}); got.status != http.StatusSeeOther {
		t.Fatalf("%d", got.status)
	}
	mustSay(t, p.get("/people"), 403, "Who has access: Owner, HR.")
	mustSay(t, p.get("/divergence"), 200, "Analyst")
	for _, wrong := range []string{"administrator", "", "owner;hr"} {
		if got := p.post("/look-as", url.Values{"role": {wrong}}); got.status != http.StatusNotFound {
			t.Errorf("as %q: %d", wrong, got.status)
		}
	}
	p.post("/look-as", url.Values{"role": {"viewer"}})
	mustSay(t, p.get("/"), 200, "Nobody has shared a view with you yet")
}

// Who sees no waves begins with the views that were named to her, and sees nothing but them.
func TestViewersHome(t *testing.T) {
	f, _, _ := newDoor(t)
	twoSides(t, f)
	viewer := f.addUser(t, "board@example.com", survey.Viewer)
	maker := f.addUser(t, "maker@example.com", survey.Analyst)
	views := []survey.View{
		{Organisation: 1, Name: "For the board", Query: "top=5", Maker: maker.ID, Created: f.now(), Viewers: []survey.UserID{viewer.ID}},
		{Organisation: 1, Name: "For analysts only", Query: "top=3", Maker: maker.ID, Created: f.now()},
	}
	for i := range views {
		if err := f.store.CreateView(t.Context(), &views[i]); err != nil {
			t.Fatal(err)
		}
	}
	p := f.as(t, viewer, survey.DefaultOrganisation)
	home := p.get("/")
	mustSay(t, home, 200, "For the board")
	if strings.Contains(home.body, "For analysts only") {
		t.Error("she sees a view that was not named to her")
	}
	page := p.get("/views/1")
	mustSay(t, page, 200, "For the board")
	if strings.Contains(page.body, `action="/divergence"`) || strings.Contains(page.body, "figures.csv") || !strings.Contains(page.body, "<svg") {
		t.Error("she can choose, or there is nothing to see")
	}
	if got := p.get("/views/1/pictures.json?width=600"); got.status != http.StatusOK {
		t.Errorf("pictures: %d", got.status)
	}
	for _, path := range []string{"/views/2", "/views/2/pictures.json?width=600", "/views/3", "/views/x"} {
		if got := p.get(path); got.status != http.StatusNotFound {
			t.Errorf("%s: %d", path, got.status)
		}
	}
	mustSay(t, f.as(t, maker, survey.DefaultOrganisation).get("/views/2"), 200, "For analysts only")
}

// The audit trail tells who did what, with which filter, and holds nothing that was answered or typed.
func TestRequestsInTheAuditTrail(t *testing.T) {
	f, p, user := newDoor(t, survey.Owner)
	external, internal := twoSides(t, f)
	p.post("/sign-in", typed("anna@example.com", "not the right one"))
	p.post("/sign-in", typed("my secret password", "not the right one"))
	p.post("/sign-in", typed("anna@example.com", goodPassword))
	p.look("/divergence?top=4&segment=internal:department:operations&nonsense=x")
	p.look("/divergence/figures.csv?top=4")
	p.get("/divergence/nothing.svg")
	p.look("/waves/1/answers.csv")
	p.post("/waves/2/fieldwork/raise", url.Values{"threshold": {"7"}, "comments": {"12"}})
	p.post("/waves/2/close", nil)
	kept := p.sendForm("/people/import", nil, map[string][2]string{"file": {"staff.csv", "key;name;address\n1;Ann Unseen;ann@example.com\n2;Bob;bob@example.com\n"}})
	preview := p.look(kept.location)
	file, _, _ := strings.Cut(kept.location, "?")
	for range 2 { // the second time nothing is done
		if got := p.post(file, fieldsOf(t, preview, file)); got.status != http.StatusSeeOther {
			t.Fatalf("import: %d", got.status)
		}
	}
	p.post("/waves/new", url.Values{"questionnaire": {"nonsense"}})
	p.post("/sign-out", nil)
	events, total, err := f.store.AuditEvents(t.Context(), 0, store.AuditQuery{Everywhere: true, Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(events, func(a, b survey.AuditEvent) int { return int(a.ID - b.ID) })
	var told []string
	for _, e := range events {
		if e.Request == "" || e.At.IsZero() {
			t.Errorf("no number or time: %+v", e)
		}
		told = append(told, strings.TrimSpace(e.Who+" "+e.Action+" "+e.Subject))
		for _, value := range e.Details {
			if strings.Contains(value, "not the right") || strings.Contains(value, "my secret") {
				t.Errorf("it holds what was typed: %+v", e)
			}
		}
	}
	me := "anna@example.com"
	want := []string{
		me + " user.refused " + userSubject(user.ID), "– user.refused", me + " user.signed_in " + userSubject(user.ID), me + " results.viewed", me + " results.exported",
		me + " answers.exported wave 1", me + " threshold.raised wave 2", me + " wave.closed wave 2", me + " people.imported", me + " user.signed_out " + userSubject(user.ID),
	}
	if !slices.Equal(told, want) || total != len(want) {
		t.Errorf("the trail of %v and %v tells\n%s\nwant\n%s", external.ID, internal.ID, strings.Join(told, "\n"), strings.Join(want, "\n"))
	}
	for _, e := range events {
		switch {
		case e.Action == "threshold.raised" && e.Details["threshold"] != "5 → 7":
			t.Errorf("raised from and to: %v", e.Details)
		case e.Action == "people.imported" && (e.Details["new"] != "2" || e.Details["rejected"] != "0" || len(e.Details) != 5):
			t.Errorf("imported: %v", e.Details)
		}
	}
	at := slices.IndexFunc(events, func(e survey.AuditEvent) bool { return e.Action == "results.viewed" })
	if at < 0 || events[at].Details["top"] != "4" || events[at].Details["segment"] != "internal:department:operations" || events[at].Details["nonsense"] != "" || events[at].Organisation != 1 {
		t.Errorf("what was looked at: %+v", events)
	}
}

// One address sends so much and no more, and is told when to come back.
func TestTooManyRequests(t *testing.T) {
	f, p, _ := newDoor(t, survey.Owner)
	first := 0
	for i := range 200 {
		if got := p.get("/reset/unknown"); got.status == http.StatusTooManyRequests {
			first = i
			if got.header.Get("Retry-After") == "" {
				t.Error("it does not say when to come back")
			}
			mustSay(t, got, 429, "Too many requests", "Wait a minute")
			break
		}
	}
	if first < 60 || first > 130 {
		t.Errorf("refused after %d requests", first)
	}
	mustSay(t, p.post("/sign-in", typed("anna@example.com", goodPassword, "next", "/people")), 429, "anna@example.com")
	f.pass(2 * time.Minute)
	if got := p.post("/sign-in", typed("anna@example.com", goodPassword)); got.status != http.StatusSeeOther {
		t.Errorf("two minutes later: %d", got.status)
	}
	if got := p.get("/o/nowhere"); got.status != http.StatusNotFound {
		t.Errorf("respondents are counted too: %d", got.status)
	}
}

// Respondents' pages ask nothing of the database but what is theirs: no cookie of a session, no visit noted.
func TestRespondentsHaveNoSession(t *testing.T) {
	f := newField(t, "external-expectations", nil)
	owner := f.addUser(t, "owner@example.com", survey.Owner)
	p := f.person(t)
	p.hold(f.session(t, owner, survey.DefaultOrganisation))
	f.pass(time.Hour)
	if got := p.get("/o/spring"); got.status != http.StatusOK || got.cookie(plainCookie) != nil {
		t.Errorf("%d %v", got.status, got.header)
	}
	all, err := f.store.Sessions(t.Context(), owner.ID, f.now())
	if err != nil || len(all) != 1 || !all[0].Seen.Equal(noon) {
		t.Errorf("a visit was noted: %+v, %v", all, err)
	}
}

// Who is on a slow line is waited for, and what she has sent then has as much time as anybody's.
func TestFormOnASlowLine(t *testing.T) {
	f, _, user := newDoor(t, survey.Owner)
	f.addWave(t, "external-expectations", survey.Wave{Name: "Customers", Audience: survey.External, Slug: "customers", Mode: survey.Identified, OpenLink: true})
	f.server.waits.work, f.server.waits.respondent = 4*time.Second, 4*time.Second
	var all sync.WaitGroup
	for path, form := range map[string]string{
		"/waves/new":    "questionnaire=internal-expectations&name=Sent+slowly",
		"/o/customers":  "_key=",
		"/api/v1/waves": `{"instrument": "internal-expectations", "name": "Slow", "slug": "slow"}`,
	} {
		kind := "application/x-www-form-urlencoded"
		if form[0] == '{' {
			kind = "application/json"
		}
		token := f.session(t, user, survey.DefaultOrganisation)
		all.Go(func() {
			connection, err := net.Dial("tcp", strings.TrimPrefix(f.http.URL, "http://"))
			if err != nil {
				t.Error(err)
				return
			}
			defer connection.Close()
			head := fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: %s\r\nContent-Length: %d\r\nCookie: %s=%s\r\n\r\n", path, kind, len(form), plainCookie, token)
			_, first := io.WriteString(connection, head+form[:2])
			time.Sleep(5 * time.Second)
			_, rest := io.WriteString(connection, form[2:])
			got, err := io.ReadAll(connection)
			if first != nil || rest != nil || err != nil || !strings.HasPrefix(string(got), "HTTP/1.1 303 ") && !strings.HasPrefix(string(got), "HTTP/1.1 201 ") {
				t.Errorf("%s: %v, %v, %v, %.500q", path, first, rest, err, got)
			}
		})
	}
	all.Wait()
}

// Who sends a form so slowly that it never ends is cut off, and a form of 10 MB is refused with what to do.
func TestSlowAndLargeForms(t *testing.T) {
	f, p, user := newDoor(t, survey.Owner)
	f.server.waits.form = 200 * time.Millisecond
	address := strings.TrimPrefix(f.http.URL, "http://")
	for _, tt := range []struct{ path, languages, says string }{
		{"/sign-in", "en", "<title>It came too slowly"},
		{"/o/nowhere", "ro", "A venit prea încet"},
		{"/o/nowhere/1", "uk", "Дані надходили надто повільно"},
		{"/waves/new", "pl", "Dane przychodziły zbyt wolno"},
		{"/organisation", "ru", "Данные поступали слишком медленно"},
		{"/api/v1/waves", "en", "#problem-too-slow"},
	} {
		path := tt.path
		connection, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer connection.Close()
		if err := connection.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(connection, "POST "+path+" HTTP/1.1\r\nHost: x\r\nAccept-Language: "+tt.languages+"\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\nCookie: "+
			plainCookie+"="+f.session(t, user, survey.DefaultOrganisation)+"\r\n\r\nname="); err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(connection); err != nil || !strings.HasPrefix(string(got), "HTTP/1.1 408 ") || !strings.Contains(string(got), "\r\nConnection: close\r\n") || !strings.Contains(string(got), tt.says) {
			t.Errorf("%s: %v, %.2000q; want to be told %q and cut off", path, err, got, tt.says)
		}
	}
	f.server.waits = usualWaits()
	p.hold(f.session(t, user, survey.DefaultOrganisation))
	large := strings.Repeat("x", 10<<20)
	for _, path := range []string{"/sign-in", "/forgot", "/organisation", "/people/new", "/waves/1/close", "/reset/unknown"} {
		got := p.post(path, url.Values{"name": {large}})
		if got.status < 400 || got.status >= 500 || strings.Contains(got.body, "xxxxxxxx") {
			t.Errorf("%s with 10 MB: status %d, %d bytes", path, got.status, len(got.body))
		}
	}
}
