package web

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"cxmirror/pkg/access"
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
	if err := storetest.SaveOrganisation(t.Context(), f.store, o); err != nil {
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

// A proposal in which people could be told is warned of, and stored as it was wanted.
func TestSmallThresholdIsWarnedOf(t *testing.T) {
	f, _ := newBench(t)
	owner := f.person(t)
	warnings := map[string]map[string]string{
		"en": {"1": "from 1 employee on would be shown", "2": "from 2 employees on would be shown"},
		"pl": {"1": "od 1 pracownika", "2": "od 2 pracowników"},
		"ro": {"1": "de la 1 angajat în sus", "2": "de la 2 angajați în sus"},
		"ru": {"1": "от 1 сотрудника", "2": "от 2 сотрудников"},
	}
	hints := map[string]string{"en": "5 is usual; below 3, people can be told", "pl": "poniżej 3", "ro": "sub 3", "ru": "ниже 3"}
	for _, threshold := range []string{"1", "2", "3", "1000"} {
		saved := owner.sendForm("/organisation", map[string]string{"name": "Acme\u202e \u2066Ltd", "threshold": threshold, "comments": "1000"}, nil)
		o, err := f.store.Organisation(t.Context(), survey.DefaultOrganisation)
		if saved.status != http.StatusSeeOther || err != nil || strconv.Itoa(o.Threshold) != threshold || o.Name != "Acme Ltd" {
			t.Fatalf("%s: status %d, %+q with %d, %v", threshold, saved.status, o.Name, o.Threshold, err)
		}
		for lang, words := range warnings {
			page := owner.get("/organisation?saved=1&lang=" + lang)
			mustSay(t, page, 200, hints[lang])
			warned := strings.Contains(page.body, `id="threshold-small"`)
			if want := words[threshold]; warned != (want != "") || !strings.Contains(visible(page.body), want) {
				t.Errorf("%s in %s: warned %v; want %q", threshold, lang, warned, want)
			}
		}
	}
}

// Names that people type keep nothing that turns the direction of writing.
func TestNamesAreOneLine(t *testing.T) {
	f, _ := newBench(t)
	twoSides(t, f)
	owner := f.person(t)
	const typed, kept = "\u202eSpring \u2066می\u200cخواهم\u2069\u200b", "Spring می\u200cخواهم"
	if got := owner.sendForm("/waves/new", map[string]string{"questionnaire": "external-expectations", "name": typed, "slug": "typed", "mode": "confidential"}, nil); got.status != http.StatusSeeOther {
		t.Fatalf("new wave: %d %s", got.status, visible(got.body))
	}
	w, err := f.store.WaveBySlug(t.Context(), "typed")
	if err != nil || w.Name != kept {
		t.Errorf("the wave is called %+q, %v", w.Name, err)
	}
	owner.sendForm("/views", map[string]string{"query": "external=1&internal=2&item=expectations", "name": typed}, nil)
	views, err := f.store.Views(t.Context(), survey.DefaultOrganisation)
	if err != nil || len(views) != 1 || views[0].Name != kept {
		t.Errorf("views %+v, %v", views, err)
	}
	for given, want := range map[string]string{typed: kept, "\u202e\u200d": ""} {
		if name, err := access.CheckName(given); name != want || (err != nil) != (want == "") {
			t.Errorf("CheckName(%+q) = %+q, %v", given, name, err)
		}
	}
}
