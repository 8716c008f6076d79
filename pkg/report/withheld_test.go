package report_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"cxmirror/pkg/findings"
	"cxmirror/pkg/report"
	"cxmirror/pkg/survey"
	"cxmirror/pkg/tally"
)

const pickedList = `
code: picked
languages: [en, pl, ro, ru]
title: {en: What matters, pl: Co jest ważne, ro: Ce contează, ru: Что важно}
items:
  - code: picks
    kind: multi
    max: 3
    text: {en: Which?, pl: Które?, ro: Care?, ru: Что?}
    options:
      - {code: speed, text: {en: Speed, pl: Szybkość, ro: Viteză, ru: Скорость}}
      - {code: care, text: {en: Care, pl: Troska, ro: Grijă, ru: Забота}}
      - {code: rare, text: {en: Rarity, pl: Rzadkość, ro: Raritate, ru: Редкость}}
`

// hidden compares 400 customers with 40 employees, of whom so few picked one option that it is withheld.
func hidden(t *testing.T, picks map[string]int) *report.Comparison {
	t.Helper()
	q, err := survey.Parse([]byte(pickedList), "picked.yaml", nil)
	if err != nil {
		t.Fatal(err)
	}
	waveOf := func(audience survey.Audience, picks map[string]int) *tally.Wave {
		w, d := tally.New(q, audience, 1), q.NewDecoder()
		for answer, n := range picks {
			for range n {
				rec := survey.Record{Weight: 1, Values: make([]survey.Value, 1)}
				if problem := d.Decode(0, answer, &rec.Values[0]); problem != nil {
					t.Fatal(problem)
				}
				w.Add(&rec)
			}
		}
		return w
	}
	inside := waveOf(survey.Internal, picks)
	protected, err := inside.Protect(slices.Repeat([]int32{1}, inside.Len()), tally.Protection{Thresholds: []tally.Threshold{{People: 5}}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	c := &report.Comparison{
		Settings: findings.Settings{}.WithDefaults(), Questionnaire: q, Item: &q.Items[0],
		External: report.Source{Name: "Customers", Wave: true, Rows: 400, Accepted: 400}, Internal: report.Source{Name: "Employees", Wave: true, Rows: 40, Accepted: 40},
		Made: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), Program: "cxmirror test",
	}
	if err := c.Compare(waveOf(survey.External, map[string]int{"speed;care": 200, "care": 140, "rare": 60}), protected, "picks"); err != nil {
		t.Fatal(err)
	}
	return c
}

// Two and three employees picked what is rare: no document tells which, down to the last byte.
func TestOptionsAreWithheldFromEveryDocument(t *testing.T) {
	w := newWriter(t)
	two := hidden(t, map[string]int{"speed": 18, "care": 20, "rare": 2})
	three := hidden(t, map[string]int{"speed;rare": 2, "speed": 16, "care": 20, "rare": 1, "none": 1})
	for _, lang := range languages {
		documents := func(c *report.Comparison) []string {
			var object, table bytes.Buffer
			if err := errors.Join(w.JSON(&object, c, lang), w.CSV(&table, c, lang)); err != nil {
				t.Fatal(err)
			}
			said := []string{object.String(), table.String(), textOf(t, w, c, lang, 80), textOf(t, w, c, lang, 140)}
			page := w.Page(c, lang)
			said = append(said, strings.Join(slices.Concat(page.Notes, page.Sentences, page.Lists, []string{page.Title, page.Rest, page.Method}), "\n"))
			for _, p := range w.Pictures(c.Divergence, lang) {
				for _, width := range []int{report.PhoneChart, report.WideChart} {
					chart, err := p.Chart(width)
					if err != nil {
						t.Fatal(err)
					}
					said = append(said, string(chart.Option))
				}
			}
			return said
		}
		of2, of3 := documents(two), documents(three)
		for i := range of2 {
			if of2[i] != of3[i] {
				t.Errorf("%s, document %d tells whether two or three picked it:\n%s\n%s", lang, i, of2[i], of3[i])
			}
			if strings.Contains(of2[i], "NaN") {
				t.Errorf("%s, document %d: NaN in\n%s", lang, i, of2[i])
			}
		}
		if !slices.ContainsFunc(w.Page(two, lang).Notes, func(note string) bool { return strings.Contains(note, "3") }) {
			t.Errorf("%s: no note says how many of 3 are not shown: %v", lang, w.Page(two, lang).Notes)
		}
	}
}

func TestWithheldOptionsInFiles(t *testing.T) {
	w, c := newWriter(t), hidden(t, map[string]int{"speed": 18, "care": 20, "rare": 2})
	var object struct {
		Internal struct {
			None    *int `json:"none"`
			Ranking []struct {
				Code     string   `json:"code"`
				Count    *int     `json:"count"`
				Share    *float64 `json:"share"`
				Rank     *int     `json:"rank"`
				Withheld bool     `json:"withheld"`
			} `json:"ranking"`
		} `json:"internal"`
		Items []struct {
			Code       string   `json:"code"`
			External   *float64 `json:"external"`
			Internal   *float64 `json:"internal"`
			Difference *float64 `json:"difference"`
			P          *float64 `json:"p"`
			PAdjusted  *float64 `json:"p_adjusted"`
			Detectable *float64 `json:"detectable"`
			Verdict    string   `json:"verdict"`
			Withheld   bool     `json:"withheld"`
		} `json:"items"`
	}
	var out, table bytes.Buffer
	if err := errors.Join(w.JSON(&out, c, "en"), w.CSV(&table, c, "en"), json.Unmarshal(out.Bytes(), &object)); err != nil {
		t.Fatal(err)
	}
	last, item := object.Internal.Ranking[2], object.Items[2]
	if last.Code != "rare" || !last.Withheld || last.Count != nil || last.Share != nil || last.Rank != nil || object.Internal.None != nil {
		t.Errorf("the ranking ends with %+v, none %v", last, object.Internal.None)
	}
	if item.Code != "rare" || !item.Withheld || item.Verdict != "unknown" || item.Internal != nil || item.Difference != nil || item.P != nil ||
		item.PAdjusted != nil || item.Detectable != nil || item.External == nil || *item.External != 0.15 {
		t.Errorf("the items end with %+v", item)
	}
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(table.String(), "\ufeff"))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for at, name := range rows[0] {
		value := rows[3][at]
		known := !strings.HasPrefix(name, "internal_") && !strings.Contains(name, "rank") &&
			!slices.Contains([]string{"difference", "difference_low", "difference_high", "p", "p_adjusted", "detectable", "higher", "external_part"}, name)
		if (value != "") != known || name == "withheld" && value != "true" {
			t.Errorf("%s of what is withheld is %q", name, value)
		}
	}
}

func TestNothingCanBeShownYet(t *testing.T) {
	w, c := newWriter(t), hidden(t, map[string]int{"speed": 4, "care": 3, "rare": 2})
	for _, lang := range languages {
		if said := textOf(t, w, c, lang, 100); c.Withheld == nil || !c.Withheld.Options || !strings.Contains(said, "5") || strings.Contains(said, "40") {
			t.Errorf("%s: %v, %s", lang, c.Withheld, said)
		}
	}
}
