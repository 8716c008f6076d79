package web

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"cxmirror/pkg/store"
	"cxmirror/pkg/survey"
)

// lastEvent is what the audit trail tells last of an organisation.
func (f *field) lastEvent(t *testing.T) survey.AuditEvent {
	t.Helper()
	events, _, err := f.store.AuditEvents(t.Context(), survey.DefaultOrganisation, store.AuditQuery{Limit: 1})
	if err != nil || len(events) == 0 {
		t.Fatalf("the trail: %v, %v", events, err)
	}
	return events[0]
}

// Whoever looks at results and leaves open at which is shown what was decided for her; the trail tells that, and not
// what her address did not say, or said in vain. Tomorrow, other waves may be decided on.
func TestTheTrailTellsWhatWasLookedAt(t *testing.T) {
	f, _ := newBench(t)
	handler := f.asOwner(t)
	external, internal := twoSides(t, f)
	view := survey.View{Organisation: survey.DefaultOrganisation, Name: "For the board", Query: "top=2&item=expectations", Maker: 1}
	if err := f.store.CreateView(t.Context(), &view); err != nil {
		t.Fatal(err)
	}
	decided := map[string]string{"external": fmt.Sprint(external.ID), "internal": fmt.Sprint(internal.ID), "item": "expectations", "top": "3"}
	with := func(more map[string]string) map[string]string {
		all := maps.Clone(decided)
		maps.Copy(all, more)
		return all
	}
	part := map[string]string{"segment": "internal:department:operations"}
	tests := []struct {
		address, action string
		want            map[string]string
	}{
		{"/divergence", "results.viewed", decided},
		{"/divergence?external=&internal=&item=&top=&segment=", "results.viewed", decided},
		{"/divergence?top=many&nonsense=1", "results.viewed", decided},
		{"/divergence?top=99", "results.viewed", with(map[string]string{"top": "10"})},
		{"/divergence?segment=internal:department:sales&segment=internal:department:operations", "results.viewed", with(part)},
		{"/divergence/findings.json", "results.exported", with(map[string]string{"document": "findings.json"})},
		{"/divergence/figures.csv?internal=" + fmt.Sprint(internal.ID), "results.exported", with(map[string]string{"document": "figures.csv"})},
		{"/divergence/report.html?top=4", "results.exported", with(map[string]string{"document": "report.html", "top": "4"})},
		{"/divergence/mirror.svg?theme=dark", "results.exported", with(map[string]string{"document": "mirror.svg", "theme": "dark"})},
		{"/divergence/pictures.json?width=700&top=5", "results.viewed", with(map[string]string{"top": "5"})}, // of no page that was shown
		{"/views/1/pictures.json?width=700", "results.viewed", with(map[string]string{"top": "2"})},
		{"/api/v1/divergence", "results.viewed", decided},
		{"/api/v1/divergence?segment=internal:department:operations&top=2", "results.viewed", with(map[string]string{"segment": part["segment"], "top": "2"})},
		{"/views/1?top=9", "results.viewed", with(map[string]string{"top": "2", "name": "For the board"})},
		{"/waves/1/comments", "comments.viewed", map[string]string{"item": "comment"}},
		{"/api/v1/waves/1/comments", "comments.viewed", map[string]string{"item": "comment"}},
	}
	for _, tt := range tests {
		got := httptest.NewRecorder() // a browser may have a large answer before the trail has its line
		handler.ServeHTTP(got, httptest.NewRequestWithContext(t.Context(), http.MethodGet, tt.address, nil))
		if got.Code != http.StatusOK {
			t.Errorf("%s: %d %.300s", tt.address, got.Code, got.Body)
			continue
		}
		if got := f.lastEvent(t); got.Action != tt.action || !maps.Equal(got.Details, tt.want) {
			t.Errorf("%s: the trail tells %s %v, want %s %v", tt.address, got.Action, got.Details, tt.action, tt.want)
		}
	}
	// The pictures of a page that was shown are no second look, until that is long ago.
	for _, tt := range []struct {
		later time.Duration
		lines int
	}{{0, 1}, {time.Minute, 1}, {2 * time.Hour, 2}} {
		f.pass(tt.later)
		before := f.lastEvent(t).ID
		for _, address := range []string{"/divergence?top=4", "/divergence/pictures.json?width=700&top=4"} {
			if address == "/divergence?top=4" && tt.later > 0 {
				continue
			}
			handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, address, nil))
		}
		if after := f.lastEvent(t).ID; tt.later == time.Minute && after != before || tt.later != time.Minute && after != before+1 {
			t.Errorf("after %v: the trail went from line %d to %d", tt.later, before, after)
		}
	}
	// No route that shows or hands out results was forgotten.
	for _, route := range slices.Sorted(maps.Keys(rights)) {
		if r := rights[route]; !strings.HasPrefix(r.action, "results.") && r.action != "comments.viewed" {
			continue
		}
		_, path, _ := strings.Cut(route, " ")
		if !slices.ContainsFunc(tests, func(tt struct {
			address, action string
			want            map[string]string
		},
		) bool {
			address, err := url.Parse(tt.address)
			return err == nil && leadsTo(path, address.Path)
		}) {
			t.Errorf("%s: what does the trail tell of it? Add it to the table", route)
		}
	}
}
