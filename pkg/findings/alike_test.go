package findings

import (
	"errors"
	"strings"
	"testing"

	"cxmirror/pkg/survey"
	"cxmirror/pkg/tally"
)

// Questions that look alike and are not, each against the first. What is counted is another thing, so a
// difference between the answers says nothing of the people.
func TestOnlyAlikeQuestionsAreCompared(t *testing.T) {
	const three = "options: [{code: A, text: A}, {code: B, text: B}, {code: C, text: C}]"
	tests := []struct {
		name, external, internal string
		want                     string // "" if they can be compared
	}{
		{"other words, another order", "kind: multi, " + three, "kind: multi, options: [{code: C, text: Drei}, {code: B, text: Zwei}, {code: A, text: Eins}]", ""},
		{"another kind", "kind: multi, " + three, "kind: rank, " + three, "it is a multi item outside and a rank item inside"},
		{"another limit", "kind: multi, max: 3, " + three, "kind: multi, max: 1, " + three, "between 1 and 3 options may be given outside, and between 1 and 1 inside"},
		{"a shorter ranking", "kind: rank, " + three, "kind: rank, max: 2, " + three, "between 1 and 3 options"},
		{"an option more inside", "kind: multi, max: 2, " + three, "kind: multi, max: 2, options: [{code: A, text: A}, {code: B, text: B}, {code: C, text: C}, {code: D, text: D}]", `only the internal list has the option "D"`},
		{"an option more outside", "kind: multi, max: 2, options: [{code: D, text: D}, {code: A, text: A}, {code: B, text: B}, {code: C, text: C}]", "kind: multi, max: 2, " + three, `only the external list has the option "D"`},
		{"as many, but another", "kind: multi, " + three, "kind: multi, options: [{code: A, text: A}, {code: B, text: B}, {code: D, text: D}]", `only the external list has the option "C"`},
		{"exclusive outside", "kind: multi, max: 2, options: [{code: A, text: A}, {code: B, text: B}, {code: C, text: C, exclusive: true}]", "kind: multi, max: 2, " + three, `"C" is exclusive only in the external list`},
		{"exclusive inside", "kind: multi, max: 2, " + three, "kind: multi, max: 2, options: [{code: A, text: A}, {code: B, text: B}, {code: C, text: C, exclusive: true}]", `"C" is exclusive only in the internal list`},
		{"another scale", "kind: rating, rows: [{code: A, text: A}, {code: B, text: B}], scale: {min: 1, max: 5}", "kind: rating, rows: [{code: A, text: A}, {code: B, text: B}], scale: {min: 1, max: 10}", "its scale is 1 to 5 with 1 in the top box outside and 1 to 10 with 1 in the top box inside"},
		{"another top box", "kind: rating, rows: [{code: A, text: A}, {code: B, text: B}], scale: {min: 1, max: 5, top: 2}", "kind: rating, rows: [{code: A, text: A}, {code: B, text: B}], scale: {min: 1, max: 5}", "2 in the top box outside"},
		{"cannot say offered inside only", "kind: rating, rows: [{code: A, text: A}, {code: B, text: B}], scale: {min: 1, max: 5}", "kind: rating, rows: [{code: B, text: B}, {code: A, text: A}], scale: {min: 1, max: 5, cannot_say: true}", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Diverge(tableOf(t, tt.external, survey.External), tableOf(t, tt.internal, survey.Internal), nil, Settings{})
			if tt.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			notAlike, ok := errors.AsType[*NotAlikeError](err)
			if !ok || notAlike.Item != "q" || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

// tableOf is ten people who answered the question with its first option.
func tableOf(t *testing.T, question string, audience survey.Audience) *tally.Table {
	t.Helper()
	q := parse(t, "code: t\nlanguages: [en]\ntitle: T\nitems:\n  - {code: q, text: Q, "+question+"}\n")
	cells := map[string]string{"q": "A"}
	if q.Items[0].Kind == survey.Rating {
		cells = map[string]string{"q.A": "5", "q.B": "1"}
	}
	w := tally.New(q, audience, 1)
	for range 10 {
		w.Add(record(t, q, cells, 1, ""))
	}
	table, err := w.Table(tally.View{Item: "q"})
	if err != nil {
		t.Fatal(err)
	}
	return table
}
