package tally

import (
	"testing"

	"cxmirror/pkg/survey"
)

// Two people of 42 do not say where they work. All departments beside everybody would tell what they answered.
func TestCrosstabBesideAll(t *testing.T) {
	q, err := survey.Parse([]byte(`
code: places
version: 1
audience: internal
languages: [en]
title: {en: Places}
items:
  - code: place
    kind: single
    background: true
    text: {en: Where?}
    options: [{code: north, text: {en: North}}, {code: south, text: {en: South}}]
  - code: wishes
    kind: multi
    text: {en: What?}
    options: [{code: a, text: {en: A}}, {code: b, text: {en: B}}]
`), "places.yaml", nil)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name                 string
		north, south, silent int
		shown                [2]bool
	}{
		{"everybody says", 30, 10, 0, [2]bool{true, true}},
		{"two do not", 30, 10, 2, [2]bool{true, false}},
		{"as many as the threshold do not", 30, 10, 5, [2]bool{true, true}},
		{"a small place hides the other already", 30, 3, 2, [2]bool{false, false}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := New(q, survey.Internal, 5)
			add := func(n int, place survey.Value) {
				for range n {
					w.Add(&survey.Record{Weight: 1, Values: []survey.Value{place, {State: survey.Answered, Bits: 1}}})
				}
			}
			add(tt.north, survey.Value{State: survey.Answered, Bits: 0})
			add(tt.south, survey.Value{State: survey.Answered, Bits: 1})
			add(tt.silent, survey.Value{})
			x, err := w.CrosstabBesideAll(View{Item: "wishes"}, "place")
			if err != nil {
				t.Fatal(err)
			}
			for i, table := range x.Tables {
				if (table != nil) != tt.shown[i] {
					t.Errorf("segment %d shown: %v, want %v", i, table != nil, tt.shown[i])
				}
			}
		})
	}
}
