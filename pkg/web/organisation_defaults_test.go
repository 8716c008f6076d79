package web

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"cxmirror/pkg/store/storetest"
	"cxmirror/pkg/survey"
)

// setOrganisation changes the organisation that the workbench works for.
func (f *field) setOrganisation(t *testing.T, change func(*survey.Organisation)) {
	t.Helper()
	o, err := f.store.Organisation(t.Context(), survey.DefaultOrganisation)
	if err != nil {
		t.Fatal(err)
	}
	change(&o)
	if err := f.store.SaveOrganisation(t.Context(), o); err != nil {
		t.Fatal(err)
	}
}

// New waves are as the organisation has them, where nobody says otherwise.
func TestDefaultsOfAnOrganisation(t *testing.T) {
	f, director := newBench(t)
	mustSay(t, director.look("/waves/new"), 200, "Empty is 5 among employees")
	f.setOrganisation(t, func(o *survey.Organisation) { o.Threshold, o.Comments = 8, 15 })
	mustSay(t, director.look("/waves/new"), 200, "Empty is 8 among employees")
	for _, tt := range []struct {
		slug, questionnaire, mode, threshold string
		usual, want, comments                int // of the organisation, and of the wave
	}{
		{"colleagues", "internal-expectations", "confidential", "", 8, 8, 15},
		{"asked-for", "internal-expectations", "confidential", "20", 8, 20, 20},
		{"customers", "external-expectations", "confidential", "", 8, 1, 1},
		{"unnamed", "external-expectations", "anonymous", "", 8, 8, 8},
		{"too-few-unnamed", "internal-expectations", "anonymous", "", 2, 3, 15},
		{"few", "internal-expectations", "confidential", "", 2, 2, 15},
	} {
		f.setOrganisation(t, func(o *survey.Organisation) { o.Threshold = tt.usual })
		got := director.sendForm("/waves/new", map[string]string{
			"questionnaire": tt.questionnaire, "name": tt.slug, "slug": tt.slug, "mode": tt.mode, "threshold": tt.threshold,
		}, nil)
		w, err := f.store.WaveBySlug(t.Context(), tt.slug)
		if got.status != http.StatusSeeOther || err != nil || w.Threshold != tt.want || w.Comments != tt.comments {
			t.Errorf("%s: status %d, thresholds %d and %d, %v; want %d and %d", tt.slug, got.status, w.Threshold, w.Comments, err, tt.want, tt.comments)
		}
	}
}

// A launch is proposed with what is usual in the organisation.
func TestLaunchAsUsual(t *testing.T) {
	f, hr := newLaunch(t, storetest.Open(t, storetest.SQLite(t)), nil)
	f.setOrganisation(t, func(o *survey.Organisation) { o.Comments, o.Retention = 15, 60 })
	page := hr.get(f.path("/launch/promise"))
	closes := noon.UTC().AddDate(0, 0, 14)
	for _, field := range []string{`value="15"`, `value="` + closes.AddDate(0, 0, 60).Format(time.DateOnly)} {
		if page.status != 200 || !strings.Contains(page.body, field) {
			t.Errorf("status %d; want %s on the page", page.status, field)
		}
	}
}

// An archived organisation's waves take no answers by any way, and do again when it comes back.
func TestArchivedOrganisationTakesNoAnswers(t *testing.T) {
	f, _ := newBench(t)
	w := f.addWave(t, "external-expectations", survey.Wave{Name: "Customers", Audience: survey.External, Slug: "customers", Threshold: 1, OpenLink: true, Kiosk: true})
	visitor := f.person(t)
	mustSay(t, visitor.get("/o/"+w.Slug), 200, "<form")
	moment := noon
	f.setOrganisation(t, func(o *survey.Organisation) { o.Archived = &moment })
	for _, path := range []string{"/o/" + w.Slug, "/k/" + w.Slug} {
		mustSay(t, visitor.get(path), http.StatusGone, "Answers are no longer taken")
	}
	f.setOrganisation(t, func(o *survey.Organisation) { o.Archived = nil })
	mustSay(t, visitor.get("/o/"+w.Slug), 200, "<form")
}
