package web

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"cxmirror/pkg/access"
	"cxmirror/pkg/access/accesstest"
	"cxmirror/pkg/survey"
)

// Every page of the door, and what the frame says of who is inside, in every look.
func TestTheDoorInABrowser(t *testing.T) {
	b := chromium(t)
	f, _, user := newDoor(t, survey.Owner)
	other := f.addOrganisation(t, "Zakłady Przemysłu Maszynowego im. Stefana Żeromskiego S.A., oddział w Gdańsku")
	f.setRoles(t, other.ID, user, survey.Analyst)
	link := func(kind survey.LinkKind) string {
		t.Helper()
		address, err := f.server.access.NewLink(t.Context(), user.ID, kind)
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimPrefix(address, "https://survey.example.org")
	}
	reset, invitation := link(survey.ResetLink), link(survey.InvitationLink)
	for _, look := range looks() {
		b.window(look.width, look.height, look.dark)
		for _, page := range []struct{ name, address, language string }{
			{"sign-in", "/sign-in", "en"}, {"forgot", "/forgot", "pl"}, {"reset", reset, "ro"}, {"invitation", invitation, "ru"}, {"used", "/reset/unknown", "en"},
		} {
			b.forget()
			b.language(page.language)
			b.open(f.http.URL + page.address)
			name := "door-" + look.name + "-" + page.name
			b.fits(name)
			b.accessible(name)
			b.whole(name)
		}
		b.forget()
		b.language("en")
		b.open(f.http.URL + "/people?state=all")
		b.do(chromedp.SetValue(chromedp.CSS("#address"), user.Address), chromedp.SetValue(chromedp.CSS("#password"), "not it at all"))
		b.press(".door form button")
		b.accessible("door-" + look.name + "-wrong")
		b.whole("door-" + look.name + "-wrong")
		b.do(chromedp.SetValue(chromedp.CSS("#password"), goodPassword))
		b.press(".door form button")
		if got := b.address(); got != f.http.URL+"/people?state=all" {
			t.Fatalf("%s: led to %s: %s", look.name, got, b.words())
		}
		name := "frame-" + look.name
		b.accessible(name) // before the menu lies over links of the page
		b.click(".who summary")
		b.fits(name)
		b.picture(name)
		b.press(`.who button[name=to]:not([aria-current])`)
		if words := b.words(); !strings.Contains(words, "Zakłady") {
			t.Errorf("%s: she does not work in the other organisation: %s", look.name, words)
		}
		b.open(f.http.URL + "/people")
		b.fits(name + "-refused")
		b.accessible(name + "-refused")
		b.whole(name + "-refused")
		b.click(".who summary")
		b.press(`.who form[action^="/sign-out"] button`)
		if words := b.words(); !strings.Contains(words, "You have signed out") {
			t.Errorf("%s: she is not out: %s", look.name, words)
		}
	}
}

// Somebody of a company signs in by its own provider, with her groups as roles; and reads why when she may not.
func TestSingleSignOnInABrowser(t *testing.T) {
	b := chromium(t)
	f, _ := newBench(t)
	f.http.Close()
	f.http = httptest.NewUnstartedServer(nil)
	base := "http://" + f.http.Listener.Addr().String()
	provider := accesstest.StartProvider(t, accesstest.Options{Return: base + access.ReturnPath, Users: []accesstest.User{
		{Subject: "s-ann", Address: "ann@example.org", Verified: true, Password: "pw-ann", Name: "Ann Moore", Groups: []string{"cx", "everybody"}},
		{Subject: "s-bob", Address: "bob@example.org", Verified: true, Password: "pw-bob", Name: "Bob", Groups: []string{"everybody"}},
	}})
	f.server.access = testAccess(t, f.store, time.Now, func(o *access.Options) {
		o.Base = base
		o.SignOn = &access.SingleSignOn{Issuer: provider.Issuer, ClientID: provider.ClientID, ClientSecret: provider.ClientSecret, Name: "Example login", Scopes: []string{"groups"}}
	})
	if err := f.store.SetGroupRoles(t.Context(), survey.DefaultOrganisation, []survey.GroupRole{{Group: "cx", Organisation: survey.DefaultOrganisation, Role: survey.Analyst}}); err != nil {
		t.Fatal(err)
	}
	f.http.Config.Handler = f.server.Handler()
	f.http.Start()
	t.Cleanup(f.http.Close)
	b.window(1280, 800, false)
	b.language("en")

	begin := func() {
		t.Helper()
		b.forget()
		b.open(base + "/divergence?top=4")
		if words := b.words(); !strings.Contains(words, "Sign in with Example login") {
			t.Fatalf("the door does not offer it: %s", words)
		}
		b.picture("door-sign-on")
		b.press(".door a.button")
	}
	typeIn := func(address, password string) {
		t.Helper()
		b.do(chromedp.SetValue(chromedp.CSS("[name=address]"), address), chromedp.SetValue(chromedp.CSS("[name=password]"), password))
		b.press("button[value=sign-in]")
	}
	begin()
	typeIn("ann@example.org", "pw-ann")
	if got := b.address(); got != base+"/divergence?top=4" {
		t.Fatalf("Ann is led to %s: %s", got, b.words())
	}
	b.open(base + "/people")
	if words := b.words(); !strings.Contains(words, "Ann Moore") || !strings.Contains(words, "You do not have access") {
		t.Errorf("Ann is not the analyst that her group makes her: %s", words)
	}

	begin()
	typeIn("bob@example.org", "pw-bob")
	if words := b.words(); !strings.Contains(words, "none of your groups has access here") {
		t.Errorf("Bob reads %s", words)
	}
	if log := f.log.String(); !strings.Contains(log, "single sign-on refused") || !strings.Contains(log, "groups has a role here") || strings.Contains(log, "bob@") {
		t.Errorf("the log does not say why Bob was refused, or says who he is:\n%s", log)
	}
	b.accessible("door-no-role")
	back := b.address()
	b.open(back) // the same answer of the provider once more
	if words := b.words(); !strings.Contains(words, "begun too long ago or in another browser") {
		t.Errorf("an answer that was used reads %s", words)
	}
	begin()
	b.press("button[value=cancel]")
	if words := b.words(); !strings.Contains(words, "did not continue") {
		t.Errorf("who changes her mind reads %s", words)
	}
	if log := f.log.String(); strings.Contains(log, "code=") || strings.Contains(log, "state=") || strings.Contains(log, "pw-ann") {
		t.Error("the log holds what came back")
	}
}
