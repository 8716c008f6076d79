package web

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strconv"
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
	const whole = "external=1&internal=2&item=expectations"
	owner.post("/views", url.Values{"query": {whole + "&segment=internal:department:legal"}, "name": {"The lawyers"}})
	owner.get("/views/1").expect(t, http.StatusOK, []string{"The lawyers"}, `class="picture`)
	// What is not named, or is not there, is not stored: the form shows what is nearest to it, and asks to look.
	other := survey.Organisation{Name: "Another"}
	if err := f.store.CreateOrganisation(t.Context(), &other); err != nil {
		t.Fatal(err)
	}
	version, err := f.store.Version(t.Context(), survey.DefaultOrganisation, f.version(t, "external-expectations"))
	if err != nil {
		t.Fatal(err)
	}
	version.ID, version.Organisation = 0, other.ID
	if err := f.store.SaveVersion(t.Context(), &version); err != nil {
		t.Fatal(err)
	}
	foreign := survey.Wave{Organisation: other.ID, Version: version.ID, Name: "Elsewhere", Audience: survey.External, Slug: "elsewhere", Threshold: 1, Comments: 1, State: survey.WaveOpen}
	if err := f.store.CreateWave(t.Context(), &foreign); err != nil {
		t.Fatal(err)
	}
	for _, query := range []string{
		"", "https://evil.com", "external=1&internal=2", "external=1&item=expectations", "internal=2&item=expectations", "external=&internal=&item=",
		"external=99&internal=2&item=expectations", "external=1&internal=99&item=expectations", "external=1&internal=2&item=nothing", "external=2&internal=1&item=expectations",
		"external=" + strconv.FormatInt(int64(foreign.ID), 10) + "&internal=2&item=expectations",
		whole + "&segment=internal:department:nothing", whole + "&segment=x", "%zz",
	} {
		got := owner.post("/views", url.Values{"query": {query}, "name": {"Typed with care"}})
		got.expect(t, http.StatusUnprocessableEntity, []string{"is not named, or is not there", "Customers, spring", "Employees, spring"}, "evil.com", "Elsewhere")
		got.holds(t, `value="Typed with care"`, `href="/divergence"`)
		if offered, err := url.ParseQuery(got.hidden()["query"]); err != nil || offered.Get("external") != "1" || offered.Get("internal") != "2" || offered.Get("item") != "expectations" {
			t.Errorf("%q: the form offers %v, %v", query, offered, err)
		}
	}
	if views, err := f.store.Views(t.Context(), survey.DefaultOrganisation); err != nil || len(views) != 1 {
		t.Errorf("views %+v, %v; want the first alone", views, err)
	}
}

// Where there is nothing to compare, a view cannot be saved, and what was typed is still there.
func TestViewOfNothing(t *testing.T) {
	_, owner := newBench(t)
	got := owner.post("/views", url.Values{"query": {"external=1&internal=2&item=x"}, "name": {"Too early"}})
	got.expect(t, http.StatusUnprocessableEntity, []string{"There is nothing to compare yet"}, "is not there")
	got.holds(t, `value="Too early"`, `href="/divergence"`)
	if strings.Contains(got.body, `<button class="button main">Save`) {
		t.Error("what is nothing can be saved")
	}
}

func idOf(u survey.User) string { return strings.TrimPrefix(userSubject(u.ID), "user ") }

// Who wants to save what is not there, or not hers, is led back to the results, which say so.
func TestViewOfWhatIsNotThere(t *testing.T) {
	f, owner := newBench(t)
	owner.get(owner.get("/views/new").location).expect(t, http.StatusOK, []string{"is not there any more"}) // nor is anything else
	twoSides(t, f)
	for _, query := range []string{"external=99&internal=2&item=expectations", "external=1&internal=x", "item=nonsense", "segment=internal:department:nowhere", "segment=x"} {
		got := owner.get("/views/new?" + query)
		if got.status != http.StatusSeeOther || got.location != "/divergence?gone=1" {
			t.Errorf("%s: %d to %q", query, got.status, got.location)
			continue
		}
		owner.get(got.location).expect(t, http.StatusOK, []string{"is not there any more", "choose again", "Save this view"})
	}
	owner.get("/divergence").expect(t, http.StatusOK, nil, "is not there any more")
}
