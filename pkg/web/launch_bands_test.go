package web

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"testing"

	"cxmirror/pkg/fieldwork"
	"cxmirror/pkg/store"
	"cxmirror/pkg/store/storetest"
	"cxmirror/pkg/survey"
)

// Age and the day of hiring are offered in bands, cut where the page proposes or where somebody types; the launch
// freezes them under names in every language of the workbench.
func TestLaunchBands(t *testing.T) {
	t.Parallel()
	for name, open := range storetest.Engines() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			launchBands(t, open(t))
		})
	}
}

func launchBands(t *testing.T, db *store.Store) {
	t.Helper()
	f, hr := newLaunch(t, db, nil)
	ctx := t.Context()
	for key, kind := range map[string]survey.AttributeType{"age": survey.NumberAttribute, "hired": survey.DateAttribute} {
		if err := db.SaveAttribute(ctx, survey.Attribute{Organisation: survey.DefaultOrganisation, Key: key, Name: key + " of all", Type: kind}); err != nil {
			t.Fatal(err)
		}
	}
	people, _, err := db.People(ctx, survey.DefaultOrganisation, store.PeopleQuery{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range people {
		people[i].Attributes["age"], people[i].Attributes["hired"] = fmt.Sprint(20+i%40), fmt.Sprintf("%d-03-01", 2012+i%12)
		if err := db.SavePerson(ctx, &people[i]); err != nil {
			t.Fatal(err)
		}
	}
	f.step(t, hr, "people", func(url.Values) {})
	form := filled(hr.get(f.path("/launch/promise")).body)
	if form.Get("bands.a.age") == "" || form.Get("bands.a.hired") == "" || form.Get("place.a.age") != "" {
		t.Fatalf("proposed: %v; want bands, and nothing reported by them yet", form)
	}
	for typed, says := range map[string]string{
		"":            "Write where the bands begin, such as 30, 45, 60",
		"30, old":     "“old” cannot be read",
		"45, 30":      "“30” is not higher than the one before it",
		"<b>30</b>, ": "“<b>30</b>” cannot be read",
	} {
		form.Set("place.a.age", "1")
		form.Set("bands.a.age", typed)
		got := hr.post(f.path("/launch/promise"), form)
		mustSay(t, got, 422, says)
		if kept := filled(got.body); kept.Get("place.a.age") != "1" || kept.Get("bands.a.hired") != form.Get("bands.a.hired") {
			t.Errorf("typed %q, the page comes back with %v", typed, kept)
		}
	}
	f.step(t, hr, "promise", func(v url.Values) {
		for field := range v {
			if len(field) > 6 && field[:6] == "place." {
				v.Set(field, "")
			}
		}
		v.Set("place.a.age", "1")
		v.Set("place.a.hired", "2")
		v.Set("bands.a.age", "30, 45")
		v.Set("bands.a.hired", "2016, 2020")
	})
	text, err := db.Plan(ctx, survey.DefaultOrganisation, f.draft.ID)
	var plan fieldwork.Plan
	if err != nil || json.Unmarshal(text, &plan) != nil || len(plan.Bands) != 2 {
		t.Fatalf("the plan is %s, %v", text, err)
	}
	mustSay(t, hr.get(f.path("/launch/check")), 200, "Ready to launch", "30 to 44", "2016 to 2019")
	if got := hr.post(f.path("/launch/confirm"), url.Values{}); got.status != 303 {
		t.Fatalf("launch: status %d", got.status)
	}
	w, err := db.Wave(ctx, survey.DefaultOrganisation, f.draft.ID)
	if err != nil {
		t.Fatal(err)
	}
	names := make(map[survey.Language][]string)
	for _, s := range w.Segments {
		for _, v := range s.Values {
			for _, lang := range []survey.Language{"en", "pl", "ro", "ru"} {
				names[lang] = append(names[lang], v.Text.In(lang))
			}
		}
	}
	for lang, want := range map[survey.Language][]string{
		"en": {"under 30", "30 to 44", "45 and over", "before 2016", "2016 to 2019", "2020 and later"},
		"pl": {"poniżej 30", "od 30 do 44", "45 i więcej", "przed 2016", "od 2016 do 2019", "2020 i później"},
		"ro": {"sub 30", "de la 30 la 44", "45 și peste", "înainte de 2016", "de la 2016 la 2019", "2020 și mai târziu"},
		"ru": {"меньше 30", "от 30 до 44", "45 и больше", "раньше 2016", "от 2016 до 2019", "2020 и позже"},
	} {
		if !slices.Equal(names[lang], want) {
			t.Errorf("%s: the segments are %q; want %q", lang, names[lang], want)
		}
	}
}
