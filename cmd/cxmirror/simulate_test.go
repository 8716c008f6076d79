package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"cxmirror/pkg/findings"
	"cxmirror/pkg/survey"
	"cxmirror/pkg/tally"
)

// simulated is a wave of the demonstration as the tally holds it, and the answers it was made from.
func simulated(t *testing.T, d demoWave) (*tally.Wave, []survey.Answers) {
	t.Helper()
	_, q, err := d.version()
	if err != nil {
		t.Fatal(err)
	}
	answers, err := d.population.answers(q)
	if err != nil {
		t.Fatal(err)
	}
	wave := tally.New(q, q.Audience, demoThreshold)
	for _, a := range answers {
		record := a.Record()
		wave.Add(&record)
	}
	return wave, answers
}

// The demonstration has to show something: differences, agreement and things that cannot be told, in the whole
// and by department.
func TestTheSimulatedAnswersShowSomething(t *testing.T) {
	waves := demoWaves("en")
	external, _ := simulated(t, waves[0])
	internal, _ := simulated(t, waves[1])
	smaller, _ := simulated(t, waves[2])
	if external.Len() != 1200 || internal.Len() != 300 || smaller.Len() != 50 {
		t.Fatalf("%d, %d and %d people; want 1,200, 300 and 50", external.Len(), internal.Len(), smaller.Len())
	}
	for _, item := range []survey.ItemCode{"expectations", "order", "performance"} {
		verdicts := map[findings.Verdict]int{}
		for _, it := range diverge(t, external, internal, item).Items {
			verdicts[it.Verdict]++
		}
		if verdicts[findings.Different] < 2 || len(verdicts) < 2 {
			t.Errorf("%s: verdicts %v; want some that differ, and others", item, verdicts)
		}
	}
	unknown := 0
	for _, it := range diverge(t, external, smaller, "expectations").Items {
		if it.Verdict == findings.Unknown {
			unknown++
		}
	}
	if unknown < 3 {
		t.Errorf("of 50 people %d things cannot be told; want more", unknown)
	}
	for _, segment := range []survey.ItemCode{"department", "level", "served_by"} {
		x, err := internal.Crosstab(tally.View{Item: "expectations"}, segment)
		if err != nil {
			t.Fatal(err)
		}
		shown := 0
		for _, table := range x.Tables {
			if table != nil {
				shown++
			}
		}
		if shown < 2 {
			t.Errorf("%s: %d segments are large enough to be shown", segment, shown)
		}
	}
}

func diverge(t *testing.T, external, internal *tally.Wave, item survey.ItemCode) *findings.Divergence {
	t.Helper()
	a, err := external.Table(tally.View{Item: item})
	if err != nil {
		t.Fatal(err)
	}
	b, err := internal.Table(tally.View{Item: item})
	if err != nil {
		t.Fatal(err)
	}
	d, err := findings.Diverge(a, b, nil, findings.Settings{}.WithDefaults())
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// People leave things out, cannot say, pick nothing, order all or nothing, and write in their language.
func TestTheSimulatedAnswersLookLikeAnswers(t *testing.T) {
	for _, lang := range []survey.Language{"en", "pl", "ro", "ru"} {
		for _, d := range demoWaves(lang)[:2] {
			wave, answers := simulated(t, d)
			columns := wave.Questionnaire().Columns()
			states := map[string]map[survey.State]int{}
			var comments []string
			for _, a := range answers {
				for i, c := range columns {
					v := a.Values()[i]
					key := string(c.Item.Code)
					if states[key] == nil {
						states[key] = map[survey.State]int{}
					}
					states[key][v.State]++
					if c.Item.Kind == survey.Text && v.State == survey.Answered {
						comments = append(comments, v.Text)
					}
				}
			}
			for item, state := range map[string]survey.State{
				"expectations": survey.None, "order": survey.Missing, "performance": survey.CannotSay, "recommendation": survey.Missing,
			} {
				if states[item] != nil && (states[item][state] == 0 || states[item][survey.Answered] < len(answers)/2) {
					t.Errorf("%s, %s: %s is %v", lang, d.slug, item, states[item])
				}
			}
			if len(comments) < len(answers)/10 || len(comments) > len(answers)/2 {
				t.Errorf("%s, %s: %d comments of %d people", lang, d.slug, len(comments), len(answers))
			}
			if distinct := len(slices.Compact(slices.Sorted(slices.Values(comments)))); distinct < 8 {
				t.Errorf("%s, %s: only %d different comments", lang, d.slug, distinct)
			}
			cyrillic := strings.ContainsAny(strings.Join(comments, ""), "абвгде")
			if cyrillic != (lang == "ru") {
				t.Errorf("%s, %s: comments in another language: %q", lang, d.slug, comments[0])
			}
		}
	}
}

func questionnaireOf(t *testing.T, d demoWave) *survey.Questionnaire {
	t.Helper()
	_, q, err := d.version()
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// The same seed gives the same answers, so that everybody who looks at a demonstration sees the same figures.
func TestSimulatedAnswersAreReproducible(t *testing.T) {
	d := demoWaves("pl")[2]
	_, first := simulated(t, d)
	_, second := simulated(t, d)
	for i := range first {
		if fmt.Sprint(first[i].Form()) != fmt.Sprint(second[i].Form()) {
			t.Fatalf("person %d answers %v and then %v", i, first[i].Form(), second[i].Form())
		}
	}
}

// Shares that do not add up would leave questions unanswered in silence, and codes that do not exist would.
func TestPopulationsFitTheirQuestionnaires(t *testing.T) {
	for _, d := range demoWaves("en") {
		q := questionnaireOf(t, d)
		known := func(g group) bool {
			it, ok := q.Item(g.item)
			if !ok {
				return false
			}
			_, ok = it.Option(g.option)
			return ok
		}
		for item, lots := range d.population.shares {
			sum := 0.0
			for _, l := range lots {
				sum += l.share
				if !known(group{item, l.option}) {
					t.Errorf("%s: %s has no option %s", d.slug, item, l.option)
				}
			}
			if sum < 0.9999 || sum > 1.0001 {
				t.Errorf("%s: the shares of %s add up to %g", d.slug, item, sum)
			}
		}
		for g := range d.population.leanings {
			if !known(g) {
				t.Errorf("%s: there is no group %v", d.slug, g)
			}
		}
		for g := range d.population.moods {
			if !known(g) {
				t.Errorf("%s: there is no group %v", d.slug, g)
			}
		}
		expectations, _ := q.Item("expectations")
		for _, o := range expectations.Options {
			if _, ok := d.population.worth[o.Code]; !ok {
				t.Errorf("%s: nothing is said of how much %s matters", d.slug, o.Code)
			}
			if d.population.grades[o.Code] == 0 {
				t.Errorf("%s: nothing is said of how well %s goes", d.slug, o.Code)
			}
		}
		if len(d.population.worth) != len(expectations.Options) || len(d.population.grades) != len(expectations.Options) {
			t.Errorf("%s: an expectation that there is not", d.slug)
		}
	}
}
