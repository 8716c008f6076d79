package web

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"

	"cxmirror/pkg/exchange"
	"cxmirror/pkg/survey"
)

// In the file of a protected wave every question has the answers that people gave, each as often as they gave it; and
// a row is nobody: who skipped a question, or gave a rare answer, is not found by it.
func TestTornAnswers(t *testing.T) {
	q, err := survey.Parse([]byte(`
code: torn
version: 1
languages: [en]
title: {en: Torn}
items:
  - {code: rare, kind: single, text: {en: Rare?}, options: [{code: a, text: {en: A}}, {code: b, text: {en: B}}]}
  - {code: same, kind: multi, max: 2, text: {en: Same?}, options: [{code: a, text: {en: A}}, {code: b, text: {en: B}}, {code: c, text: {en: C}}]}
`), "torn.yaml", nil)
	if err != nil {
		t.Fatal(err)
	}
	answered := newTornAnswers(q)
	const people = 400
	for i := range people { // whoever skips the first question gives an answer to the second that nobody else gives
		form := map[string][]string{"rare": {"a"}, "same": {"a", "b"}}
		if i%8 == 0 {
			form = map[string][]string{"same": {"c"}}
		}
		answers, err := q.ReadAnswers(form)
		if err != nil {
			t.Fatal(err)
		}
		record := answers.Record()
		answered.add(&record)
	}
	var nobody survey.Record
	nobody.Values = make([]survey.Value, len(q.Columns()))
	answered.add(&nobody)
	answered.tear(rand.New(rand.NewPCG(1, 2)))
	var file bytes.Buffer
	if err := answered.write(exchange.NewWriter(&file, q)); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&file).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]int{}
	for _, row := range rows[1:] {
		if row[0] != "" || row[1] != "1" {
			t.Fatalf("a row says who gave it, or a weight: %q", row)
		}
		counts["rare "+row[2]]++
		counts["same "+row[3]]++
		counts["both "+row[2]+" "+row[3]]++
	}
	for what, want := range map[string]int{"rare a": people * 7 / 8, "same a;b": people * 7 / 8, "same c": people / 8} {
		if counts[what] != want {
			t.Errorf("%s stands there %d times, want %d", what, counts[what], want)
		}
	}
	// Of the 50 who skipped the first question all gave the rare answer to the second. By lot it is one in eight.
	if skipped := counts["both  c"]; skipped > 20 {
		t.Errorf("of those who skipped a question, %d are found by it", skipped)
	}
	if fmt.Sprint(rows[0]) != "[respondent weight rare same]" {
		t.Errorf("the columns are %q", rows[0])
	}
}

// Whoever may not see addresses finds none in a file of answers: a code stands for a person who is known by hers, the
// same in both waves, by which answers can be paired.
func TestAnswersOfPeopleKnownByTheirAddresses(t *testing.T) {
	f, owner := newBench(t)
	analyst := f.as(t, f.addUser(t, "analyst@example.com", survey.Analyst), survey.DefaultOrganisation)
	codes := map[string][]string{}
	for _, side := range []survey.Audience{survey.External, survey.Internal} {
		wave := f.addWave(t, string(side)+"-expectations", survey.Wave{Name: "Known", Audience: side, Slug: string(side), Mode: survey.Identified})
		path := fmt.Sprintf("/waves/%d/import", wave.ID)
		sent := owner.sendForm(path, nil, map[string][2]string{"file": {"answers.csv", "respondent,expectations\nana@example.com,speed\nE-1042,courtesy\n"}}).hidden()
		sent["confirmed"] = "yes"
		if got := owner.sendForm(path, sent, nil); got.status != http.StatusSeeOther {
			t.Fatalf("status %d:\n%s", got.status, visible(got.body))
		}
		respondents := func(who *person) (first []string) {
			got := who.get(fmt.Sprintf("/waves/%d/answers.csv", wave.ID))
			rows, err := csv.NewReader(strings.NewReader(got.body)).ReadAll()
			if err != nil || got.status != http.StatusOK || len(rows) != 3 {
				t.Fatalf("status %d, %v:\n%s", got.status, err, got.body)
			}
			for _, row := range rows[1:] {
				first = append(first, row[0])
			}
			slices.Sort(first)
			return first
		}
		if got := respondents(owner); !slices.Equal(got, []string{"E-1042", "ana@example.com"}) {
			t.Errorf("whoever sees people is told of %q", got)
		}
		codes[string(side)] = respondents(analyst)
	}
	told := codes["external"]
	if !slices.Equal(told, codes["internal"]) || !slices.Contains(told, "E-1042") || slices.ContainsFunc(told, func(who string) bool { return strings.Contains(who, "ana") || strings.Contains(who, "@") || who == "" }) {
		t.Errorf("an analyst is told of %q", codes)
	}
}
