package web

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"math/rand/v2"
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
