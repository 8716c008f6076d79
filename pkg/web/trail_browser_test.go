package web

import (
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"cxmirror/pkg/store/storetest"
	"cxmirror/pkg/survey"
)

// newServerBench returns a workbench with both sides of a survey whose owner runs the server too, and her.
func newServerBench(t *testing.T) (*field, *person) {
	t.Helper()
	f, _ := newBench(t)
	twoSides(t, f)
	users, err := f.store.Users(t.Context())
	if err != nil || len(users) != 1 {
		t.Fatalf("users %v, %v", users, err)
	}
	boss := users[0]
	boss.Administrator = true
	if err := storetest.SaveUser(t.Context(), f.store, boss); err != nil {
		t.Fatal(err)
	}
	f.http.Close() // she signs in anew, as what she has become
	f.http = httptest.NewServer(f.asOwner(t))
	t.Cleanup(f.http.Close)
	return f, f.person(t)
}

// Every page of views, of the audit trail and of the server, in every look: nothing too wide, and nothing that a
// checker of accessibility objects to.
func TestTrailAndServerInABrowser(t *testing.T) {
	b := chromium(t)
	f, owner := newServerBench(t)
	reader := f.addUser(t, "reader@example.com", survey.Viewer)
	f.addUser(t, strings.Repeat("very.long.", 6)+"name@example.com", survey.Viewer)
	f.addOrganisation(t, strings.Repeat("Wieloczłonowa ", 9))
	owner.get("/divergence?segment=internal:department:operations")
	if got := owner.post("/views", url.Values{"query": {owner.get("/views/new?segment=internal:department:operations").hidden()["query"]}, "name": {"Dla zarządu: " + strings.Repeat("operacje ", 8)}, "reader": {idOf(reader)}}); got.location != "/views?done=made" {
		t.Fatalf("the view is not saved: %d %s", got.status, visible(got.body))
	}
	owner.get("/divergence/figures.csv?top=3")
	owner.get("/waves/1/answers.csv")
	owner.post("/instance/users", url.Values{"address": {"new@example.com"}})
	f.addEvent(t, survey.AuditEvent{Organisation: survey.DefaultOrganisation, Actor: survey.ByToken, Who: "Nightly (cxm_ab…)", Action: "answers.exported", Subject: "wave 2", At: f.now().AddDate(0, 0, -1), Request: strings.Repeat("a", 32)})
	f.addEvent(t, survey.AuditEvent{Organisation: survey.DefaultOrganisation, Actor: survey.ByCommand, Who: "root", Action: "roles.changed", Subject: userSubject(reader.ID), At: f.now().AddDate(0, 0, -1), Details: map[string]string{"from": "owner, hr", "to": "viewer"}})
	owner.post("/members/groups", url.Values{"group": {"cx-analysts"}, "role": {"analyst"}})
	empty, _ := newBench(t)
	for _, look := range looks() {
		b.window(look.width, look.height, look.dark)
		for _, page := range []struct{ name, address, language string }{
			{"audit", f.http.URL + "/audit", "en"},
			{"audit-all", f.http.URL + "/audit?scope=everywhere", "ru"},
			{"audit-wrong", f.http.URL + "/audit?from=soon&user=x", "pl"},
			{"audit-empty", empty.http.URL + "/audit", "ro"},
			{"views", f.http.URL + "/views?done=made", "pl"},
			{"views-empty", empty.http.URL + "/views", "ru"},
			{"view", f.http.URL + "/views/1", "en"},
			{"view-edit", f.http.URL + "/views/1/edit", "ro"},
			{"view-new", f.http.URL + "/views/new", "en"},
			{"instance", f.http.URL + "/instance", "pl"},
			{"housed", f.http.URL + "/instance/organisations/1", "en"},
			{"orphan", f.http.URL + "/instance/organisations/2", "ru"},
			{"users", f.http.URL + "/instance/users", "ro"},
			{"user", f.http.URL + "/instance/users/2", "en"},
			{"groups", f.http.URL + "/members/groups", "pl"},
			{"housed-groups", f.http.URL + "/instance/groups", "ro"},
			{"members", f.http.URL + "/members", "en"},
		} {
			b.forget()
			b.language(page.language)
			b.open(page.address)
			if read[bool](b, `document.querySelector(".door") !== null`) {
				t.Fatalf("%s leads to %s", page.address, b.address())
			}
			name := "trail-" + look.name + "-" + page.name
			b.fits(name)
			b.accessible(name)
			b.whole(name)
		}
	}
}

// An owner who runs the server saves a view, makes an organisation, and reads in the trail what she has done.
func TestFromViewToTrailInABrowser(t *testing.T) {
	b := chromium(t)
	f, _ := newServerBench(t)
	f.addUser(t, "reader@example.com", survey.Viewer)
	b.window(390, 844, false)
	b.language("en")
	b.open(f.http.URL + "/divergence?segment=internal:department:operations")
	b.press(`a[href^="/views/new"]`)
	b.do(chromedp.SetValue(chromedp.CSS("#name"), "For the board"))
	b.click(`label:has([name=reader])`)
	b.press(".form button.main")
	if words := b.words(); !strings.Contains(words, "The view is saved.") || !strings.Contains(words, "Readers: Reader") {
		t.Fatalf("the views: %.600s", words)
	}
	b.press(`.views a[href="/views/1"]`)
	b.open(f.http.URL + "/")
	b.click(".who summary")
	b.press(`.who a[href="/instance"]`)
	b.do(chromedp.SetValue(chromedp.CSS("#name"), "Łódź & Sons"), chromedp.SetValue(chromedp.CSS("#owner"), "boss@example.org"))
	b.press(".form button.main")
	if words := b.words(); !strings.Contains(words, "shown this once") {
		t.Fatalf("no link: %.600s", words)
	}
	b.open(f.http.URL + "/")
	b.click(".who summary")
	b.press(`.who a[href="/audit"]`)
	for _, want := range []string{"A view was saved", "Results were looked at", "View “For the board”", "Production or operations"} {
		if words := b.words(); !strings.Contains(words, want) {
			t.Errorf("the trail does not say %q: %.1500s", want, words)
		}
	}
	b.do(chromedp.SetValue(chromedp.CSS("[name=scope]"), "instance"), chromedp.SetValue(chromedp.CSS("[name=action]"), "organisation"))
	b.press(".choose button.main")
	if words := b.words(); !strings.Contains(words, "An organisation was made") || strings.Contains(words, "A view was saved") {
		t.Errorf("the server's own trail: %.1000s", words)
	}
}
