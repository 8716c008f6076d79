package web

import (
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"cxmirror/pkg/store"
	"cxmirror/pkg/survey"
)

// Dates are read in the wave's time zone, thresholds of a launched wave go up only, and what was promised is shown
// and not offered.
func TestEditWaveThatWasLaunched(t *testing.T) {
	f, director := newBench(t)
	opens := time.Date(2027, 6, 1, 6, 30, 20, 0, time.UTC)
	w := f.addWave(t, "internal-expectations", survey.Wave{
		Name: "Colleagues", Audience: survey.Internal, Slug: "colleagues", Mode: survey.Anonymous, State: survey.WaveDraft, Threshold: 5, Comments: 10,
		TimeZone: "Europe/Warsaw", Opens: &opens, Promise: survey.Promise{Asker: survey.Words{"en": "Human Resources"}, Purpose: survey.Words{"en": "To serve you better"}},
	})
	path := "/waves/1/edit"
	got := director.look(path)
	got.expect(t, http.StatusOK, []string{"Time zone"}, "Launched on")
	got.holds(t, `value="Europe/Warsaw"`, `value="2027-06-01T08:30"`, `value="Human Resources"`, `name="comments" type="number" value="10"`)
	form := url.Values{"name": {"Colleagues"}, "opens": {"2027-06-01T08:30"}, "closes": {"2027-12-01T18:00"}, "threshold": {"4"}, "comments": {"8"}, "asker.en": {"Human Resources"}, "purpose.en": {"To serve you better"}}
	with := func(field, value string) url.Values {
		changed := maps.Clone(form)
		changed.Set(field, value)
		return changed
	}
	got = director.post(path, with("threshold", "2"))
	got.expect(t, http.StatusUnprocessableEntity, []string{"needs at least 3"})
	got.holds(t, `value="2"`, `value="8"`)
	if got := director.post(path, form); got.status != http.StatusSeeOther { // a draft has promised nothing yet
		t.Fatalf("lowering of a draft: %d\n%s", got.status, got.body)
	}
	w = f.stored(t, w.ID)
	if !w.Opens.Equal(opens) || !w.Closes.Equal(time.Date(2027, 12, 1, 17, 0, 0, 0, time.UTC)) || w.Threshold != 4 || w.Comments != 8 {
		t.Errorf("stored are %v to %v, %d and %d", w.Opens, w.Closes, w.Threshold, w.Comments)
	}
	director.look("/waves/1").expect(t, http.StatusOK, []string{"2027-06-01 08:30 CEST", "2027-12-01 18:00 CET"}, "UTC")

	launched, erases := noon, time.Date(2028, 1, 1, 0, 0, 0, 0, time.UTC)
	w.Launched, w.State, w.Erases = &launched, survey.WaveOpen, &erases
	if _, err := f.store.LaunchWave(t.Context(), w, without([]store.NewInvitation(nil)), nil, nil); err != nil {
		t.Fatal(err)
	}
	got = director.look(path)
	got.expect(t, http.StatusOK, []string{"Launched on 2027-03-14 13:00 CET", "Human Resources", "never lowered"})
	if strings.Contains(got.body, `name="asker.en"`) || strings.Contains(got.body, `name="kept.en"`) {
		t.Error("what was promised is offered to be changed")
	}
	form = url.Values{"name": {"Colleagues"}, "opens": {"2027-06-01T08:30"}, "closes": {"2027-12-01T18:00"}, "threshold": {"6"}, "comments": {"12"}, "contact": {"hr@example.com"}}
	for _, tt := range []struct{ field, value, says, holds string }{
		{"threshold", "3", "never lowered", `value="3" inputmode="numeric" min="0" aria-invalid="true"`},
		{"comments", "7", "never lowered", `value="7" inputmode="numeric" min="0" aria-invalid="true"`},
		{"closes", "2028-02-01T12:00", "Personal data are erased on 2028-01-01", `value="2028-02-01T12:00"`},
		{"closes", "2027-05-01T12:00", "close after it opens", `value="2027-05-01T12:00"`},
		{"asker.en", "Somebody else", "promised at the launch", `<q lang="en">Somebody else</q>`},
	} {
		got, status := director.post(path, with(tt.field, tt.value)), http.StatusUnprocessableEntity
		if tt.field == "asker.en" {
			status = http.StatusConflict
		}
		got.expect(t, status, []string{tt.says})
		got.holds(t, tt.holds, `value="hr@example.com"`, "Human Resources")
	}
	if got := director.post(path, with("comments", "")); got.status != http.StatusSeeOther || f.stored(t, w.ID).Comments != 8 {
		t.Errorf("comments left empty: %d, %d", got.status, f.stored(t, w.ID).Comments)
	}
	if got := director.post(path, form); got.status != http.StatusSeeOther {
		t.Fatalf("raising: %d\n%s", got.status, got.body)
	}
	w = f.stored(t, w.ID)
	if w.Threshold != 6 || w.Comments != 12 || w.Promise.Asker["en"] != "Human Resources" || w.Promise.Contact != "hr@example.com" {
		t.Errorf("after raising: %+v", w)
	}
	director.post(path, with("threshold", "20")) // comments stay at 12 in the form and go up with it
	if w = f.stored(t, w.ID); w.Threshold != 20 || w.Comments != 20 {
		t.Errorf("thresholds are %d and %d, want 20 and 20", w.Threshold, w.Comments)
	}

	form.Set("threshold", "20")
	form.Set("comments", "20")
	got = director.post(path, with("zone", "Warsaw"))
	got.expect(t, http.StatusUnprocessableEntity, []string{"Time zone"})
	got.holds(t, `value="Warsaw"`, `value="2027-06-01T08:30"`)
	if got := director.post(path, with("zone", "Europe/Bucharest")); got.status != http.StatusSeeOther {
		t.Fatalf("another time zone: %d\n%s", got.status, got.body)
	}
	if w = f.stored(t, w.ID); w.TimeZone != "Europe/Bucharest" || !w.Opens.Equal(time.Date(2027, 6, 1, 5, 30, 0, 0, time.UTC)) {
		t.Errorf("08:30 in Bucharest is stored as %v in %q", w.Opens, w.TimeZone)
	}
	// The next wave begins where this one is.
	director.post("/waves/new", url.Values{"questionnaire": {"internal-expectations"}, "name": {"Next"}, "slug": {"next"}, "mode": {"confidential"}})
	if next, err := f.store.WaveBySlug(t.Context(), "next"); err != nil || next.TimeZone != "Europe/Bucharest" {
		t.Errorf("a new wave is in %q: %v", next.TimeZone, err)
	}
	if strings.Contains(f.log.String(), "level=ERROR") {
		t.Error(f.log.String())
	}
}

// holds fails the test for everything that is not in the source of a page.
func (a answer) holds(t *testing.T, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(a.body, part) {
			t.Errorf("the page has no %q", part)
		}
	}
}

// stored reads a wave as it is stored.
func (f *field) stored(t *testing.T, id survey.WaveID) survey.Wave {
	t.Helper()
	w, err := f.store.Wave(t.Context(), survey.DefaultOrganisation, id)
	if err != nil {
		t.Fatal(err)
	}
	return w
}
