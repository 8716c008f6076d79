package web

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"cxmirror/pkg/store"
	"cxmirror/pkg/survey"
)

// signedInOnly makes a bench answer only those who have signed in.
func (f *field) signedInOnly(t *testing.T) {
	t.Helper()
	f.http.Close()
	f.http = httptest.NewServer(f.server.Handler())
	t.Cleanup(f.http.Close)
}

// An analyst saves what she has chosen and names it to a reader, who sees that and nothing else: no choice, no file, no
// part that is withheld, and not what was taken from her again.
func TestViewIsSavedAndRead(t *testing.T) {
	f, _ := newBench(t)
	twoSides(t, f)
	f.signedInOnly(t)
	analyst := f.as(t, f.addUser(t, "analyst@example.com", survey.Analyst), survey.DefaultOrganisation)
	reader := f.addUser(t, "reader@example.com", survey.Viewer)
	f.addUser(t, "other@example.com", survey.Viewer)
	eyes := f.as(t, reader, survey.DefaultOrganisation)

	analyst.get("/views").expect(t, http.StatusOK, []string{"No views yet", "See the divergence"})
	page := analyst.get("/divergence?segment=internal:department:operations&top=2")
	link := regexp.MustCompile(`href="(/views/new\?[^"]+)"`).FindStringSubmatch(page.body)
	if link == nil {
		t.Fatalf("the page of divergence offers no view: %s", visible(page.body))
	}
	at := strings.ReplaceAll(link[1], "&amp;", "&")
	form := analyst.get(at)
	form.expect(t, http.StatusOK, []string{"Customers, spring", "Employees, spring", "Production or operations", "reader@example.com", "other@example.com"}, "analyst@example.com")
	query := form.hidden()["query"]
	again := analyst.post("/views", url.Values{"query": {query}, "name": {"  "}, "reader": {idOf(reader)}})
	again.expect(t, http.StatusUnprocessableEntity, []string{"Give it a name."})
	again.holds(t, `value="`+idOf(reader)+`" checked`)
	saved := analyst.post("/views", url.Values{"query": {query}, "name": {"For the board"}, "reader": {idOf(reader), "1", "99"}})
	if saved.status != http.StatusSeeOther || saved.location != "/views?done=made" {
		t.Fatalf("saved: %d %s %s", saved.status, saved.location, visible(saved.body))
	}
	views, err := f.store.Views(t.Context(), survey.DefaultOrganisation)
	if err != nil || len(views) != 1 || len(views[0].Viewers) != 1 || views[0].Viewers[0] != reader.ID {
		t.Fatalf("views %+v, %v; want one, for the reader alone", views, err)
	}
	// Another wave with more answers changes nothing in what was saved.
	for part, want := range map[string]string{"top": "2", "segment": "internal:department:operations", "external": "1", "internal": "2"} {
		if chosen, err := url.ParseQuery(views[0].Query); err != nil || chosen.Get(part) != want {
			t.Errorf("the view keeps %s=%q, want %q", part, chosen.Get(part), want)
		}
	}
	analyst.get("/views?done=made").expect(t, http.StatusOK, []string{"The view is saved.", "For the board", "Reader"})

	eyes.get("/").holds(t, "For the board", `href="/views/1"`)
	eyes.get("/views").expect(t, http.StatusOK, []string{"For the board"}, "/views/1/edit", "analyst@example.com")
	eyes.get("/views/1").expect(t, http.StatusOK, []string{"For the board", "Production or operations"}, `name="segment"`, "figures.csv", "Save this view")
	for address, status := range map[string]int{
		"/divergence?" + views[0].Query: http.StatusForbidden, "/divergence/figures.csv?" + views[0].Query: http.StatusForbidden,
		"/views/1/edit": http.StatusForbidden, at: http.StatusForbidden, "/views/2": http.StatusNotFound, "/views/x": http.StatusNotFound,
	} {
		if got := eyes.get(address); got.status != status {
			t.Errorf("a reader at %s: %d, want %d", address, got.status, status)
		}
	}
	// A view asked for with parameters shows what was saved.
	eyes.get("/views/1?segment=internal:department:sales&top=9").expect(t, http.StatusOK, []string{"Production or operations"})

	analyst.get("/views/1/edit").holds(t, `value="For the board"`, `value="`+idOf(reader)+`" checked`, "Delete the view")
	analyst.post("/views/1/edit", url.Values{"name": {strings.Repeat("x", 2000)}}).expect(t, http.StatusUnprocessableEntity, []string{"At most 200 characters."})
	if got := analyst.post("/views/1/edit", url.Values{"name": {"For nobody"}}); got.location != "/views?done=changed" {
		t.Fatalf("changed: %d %s", got.status, visible(got.body))
	}
	if got := eyes.get("/views/1"); got.status != http.StatusNotFound {
		t.Errorf("a view that was taken from a reader: %d", got.status)
	}
	if got := analyst.post("/views/1/delete", nil); got.location != "/views?done=deleted" {
		t.Fatalf("deleted: %d %s", got.status, visible(got.body))
	}
	// The trail says what was looked at, whatever the address left open.
	events, _, err := f.store.AuditEvents(t.Context(), survey.DefaultOrganisation, store.AuditQuery{})
	if err != nil {
		t.Fatal(err)
	}
	noted := map[string]survey.AuditEvent{}
	for _, e := range events {
		noted[e.Action+" "+e.Subject+" "+e.Who] = e
	}
	for key, details := range map[string]map[string]string{
		"results.viewed view 1 reader@example.com": {"external": "1", "internal": "2", "top": "2", "segment": "internal:department:operations", "name": "For the board"},
		"results.viewed  analyst@example.com":      {"external": "1", "item": "expectations", "segment": "internal:department:operations"},
		"view.made view 1 analyst@example.com":     {"name": "For the board", "readers": userSubject(reader.ID)},
		"view.changed view 1 analyst@example.com":  {"name": "For nobody", "readers": ""},
		"view.deleted view 1 analyst@example.com":  {"name": "For nobody"},
	} {
		e, ok := noted[key]
		if !ok {
			t.Errorf("%s is not in the trail: %v", key, events)
		}
		for name, want := range details {
			if e.Details[name] != want {
				t.Errorf("%s: %s is %q, want %q", key, name, e.Details[name], want)
			}
		}
	}
}

// A part that is withheld is withheld in a view as on the page of divergence, and a choice that is another
// organisation's cannot be saved.
func TestViewWithholds(t *testing.T) {
	f, owner := newBench(t)
	twoSides(t, f)
	owner.post("/views", url.Values{"query": {"segment=internal:department:legal"}, "name": {"The lawyers"}})
	owner.get("/views/1").expect(t, http.StatusOK, []string{"The lawyers"}, `class="picture`)
	for _, query := range []string{"external=99", "item=nothing", "segment=internal:department:nothing", "%zz"} {
		if got := owner.post("/views", url.Values{"query": {query}, "name": {"x"}}); got.status != http.StatusNotFound {
			t.Errorf("%s: %d, want 404", query, got.status)
		}
	}
}

func idOf(u survey.User) string { return strings.TrimPrefix(userSubject(u.ID), "user ") }
