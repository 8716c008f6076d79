package survey

import (
	"strings"
	"testing"
)

// Segments come behind the items: columns stay where they are, conditions hold as they did, and the questionnaire
// itself is not touched.
func TestWithSegments(t *testing.T) {
	q, err := Parse([]byte(`code: q
version: 1
audience: internal
languages: [en]
title: {en: Q}
items:
  - code: used
    kind: single
    text: {en: Used?}
    options: [{code: yes_, text: {en: "Yes"}}, {code: no_, text: {en: "No"}}]
  - code: why
    kind: text
    text: {en: Why?}
    show_if: used == "no_"
`), "q.yaml", nil)
	if err != nil {
		t.Fatal(err)
	}
	department := Segment{Code: "department", Text: Words{"en": "Department"}, Values: []Option{{Code: "it"}, {Code: "hr"}}}
	wide, err := q.WithSegments([]Segment{department})
	if err != nil {
		t.Fatal(err)
	}
	if len(q.Items) != 2 || len(q.Columns()) != 2 {
		t.Errorf("the questionnaire has %d items and %d columns now; want 2 and 2", len(q.Items), len(q.Columns()))
	}
	for i, column := range wide.Columns() {
		it, ok := wide.Item(column.Item.Code)
		if !ok || it != column.Item {
			t.Errorf("column %d, %s, is of an item that is not the questionnaire's", i, column.Key)
		}
		if i < 2 && column.Key != q.Columns()[i].Key {
			t.Errorf("column %d is %s; want %s", i, column.Key, q.Columns()[i].Key)
		}
	}
	it, ok := wide.Item("department")
	if at, known := wide.Column("department"); !ok || !it.Background || it.Kind != Single || at != 2 || !known {
		t.Errorf("the segment is item %+v in column %d", it, at)
	}
	answers, err := wide.ReadAnswers(map[string][]string{"used": {"no_"}, "why": {"slow"}, "department": {"hr"}})
	if err != nil || !answers.Asked("why") || answers.Values()[2].Bits != 1 {
		t.Errorf("answers %v, %v", answers.Values(), err)
	}
	for _, code := range []ItemCode{"used", "department"} {
		if _, err := q.WithSegments([]Segment{department, {Code: code}}); err == nil || !strings.Contains(err.Error(), string(code)) {
			t.Errorf("a second %s: %v", code, err)
		}
	}
	if same, err := q.WithSegments(nil); same != q || err != nil {
		t.Errorf("without segments: %p, %v; want %p", same, err, q)
	}
}
