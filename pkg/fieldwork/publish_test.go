package fieldwork

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"cxmirror/pkg/survey"
)

// staffQuestionnaire has segments of which one is asked only of those who gave an answer to another.
const staffQuestionnaire = `
code: staff
title: Staff
items:
  - {code: level, kind: single, background: true, text: Level?, options: [{code: staff, text: Staff}, {code: manager, text: Manager}]}
  - {code: hours, kind: number, text: Hours a week?}
  - {code: team, kind: single, background: true, show_if: level == "manager" or hours > 40, text: Team?, options: [{code: small, text: Small}, {code: large, text: Large}]}
  - {code: shoe, kind: number, background: true, text: Shoe size?}
  - {code: wishes, kind: multi, max: 2, required: true, text: Wishes?, options: [{code: speed, text: Speed}, {code: ease, text: Ease}, {code: none, text: None, exclusive: true}]}
  - {code: leads, kind: text, show_if: level == "manager", text: How do you lead?}
  - {code: comment, kind: text, text: Anything else?}
`

func questionnaire(tb testing.TB, source string) *survey.Questionnaire {
	tb.Helper()
	q, err := survey.Parse([]byte(source), "test.yaml", nil)
	if err != nil {
		tb.Fatal(err)
	}
	return q
}

// staff draws finished answers of a questionnaire, each with a comment of its own.
func staff(tb testing.TB, q *survey.Questionnaire, n int, random *rand.Rand) []finished {
	tb.Helper()
	people := company(n, random)
	all := make([]finished, n)
	for i, p := range people {
		form := map[string][]string{"wishes": {[]string{"speed", "ease", "none"}[random.IntN(3)]}, "comment": {fmt.Sprint("comment ", i)}}
		if p[1] != "" {
			form["level"] = []string{p[1]}
		}
		hours := 30 + random.IntN(20)
		form["hours"] = []string{fmt.Sprint(hours)}
		if p[1] == "manager" {
			form["leads"] = []string{"calmly"}
		}
		if p[1] == "manager" || hours > 40 {
			form["team"] = []string{[]string{"small", "large"}[random.IntN(2)]}
		}
		if random.IntN(2) == 0 {
			form["shoe"] = []string{fmt.Sprint(36 + random.IntN(12))}
		}
		answers, err := q.ReadAnswers(form)
		if err != nil {
			tb.Fatal(err)
		}
		all[i] = finished{sealedAnswers{Version: 1, Language: survey.Language(p[3]), Attributes: map[survey.ItemCode]survey.OptionCode{}}, answers}
		if p[0] != "" {
			all[i].Attributes["department"] = survey.OptionCode(p[0])
		}
		if p[2] != "" {
			all[i].Attributes["location"] = survey.OptionCode(p[2])
		}
	}
	return all
}

// commentOf tells answers apart that were not given the same comment.
func commentOf(tb testing.TB, f *finished) string {
	tb.Helper()
	v, ok := f.answers.Value("comment")
	if !ok || v.Text == "" {
		tb.Fatal("an answer lost its comment")
	}
	return v.Text
}

// seen is all that a published answer tells of who gave it.
func seen(tb testing.TB, f *finished) string {
	tb.Helper()
	attributes, err := json.Marshal(f.Attributes)
	if err != nil {
		tb.Fatal(err)
	}
	form := f.answers.Form()
	return fmt.Sprint(string(attributes), f.Language, form["level"], form["team"], form["shoe"], len(form["leads"]))
}

// A wave from its first answer to its last: random people in random order, a step whenever one is due, and the
// closing. Whatever is published says of everybody only what k others of the same step say of themselves.
func TestPublishWholeWave(t *testing.T) {
	t.Parallel()
	q := questionnaire(t, staffQuestionnaire)
	lists := [][]survey.ItemCode{
		{"department", "level", "team", "location"}, {"location", "team", "level"}, {"team", "level"}, {"team"}, {"level", "department"}, {},
	}
	for seed := range uint64(150) {
		random := seeded(seed)
		k := 2 + random.IntN(6)
		reported := lists[random.IntN(len(lists))]
		coming := staff(t, q, random.IntN(250), random)
		want := map[string]bool{}
		for i := range coming {
			want[commentOf(t, &coming[i])] = true
		}
		for i := range coming { // attributes that are not reported are not frozen on invitations
			for _, code := range []survey.ItemCode{"department", "location"} {
				if !slices.Contains(reported, code) {
					delete(coming[i].Attributes, code)
				}
			}
		}
		published := map[string]int{}
		var waiting []finished
		turn := func(closing bool) {
			copies := make([]finished, len(waiting))
			for i, f := range waiting {
				copies[i] = f
				copies[i].Attributes = maps.Clone(f.Attributes)
			}
			chosen := publish(copies, q, reported, k, closing, random)
			classes := map[string]int{}
			for _, at := range chosen {
				f := &copies[at]
				classes[seen(t, f)]++
				published[commentOf(t, f)]++
				if _, ok := f.answers.Form()["shoe"]; ok {
					t.Fatalf("seed %d: an answer tells a shoe size, which is not reported", seed)
				}
				encoded, err := json.Marshal(f.answers)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := q.ParseAnswers(encoded); err != nil {
					t.Fatalf("seed %d: what is published cannot be read again: %v\n%s", seed, err, encoded)
				}
			}
			for class, n := range classes {
				if n < k {
					t.Errorf("seed %d, closing %v: %d answers are seen as %s; the threshold is %d, reported %v", seed, closing, n, class, k, reported)
				}
			}
			slices.Sort(chosen)
			for _, at := range slices.Backward(chosen) {
				waiting = slices.Delete(waiting, at, at+1)
			}
		}
		for len(coming) > 0 {
			n := 1 + random.IntN(min(len(coming), 60))
			waiting = append(waiting, coming[:n]...)
			coming = coming[n:]
			turn(false)
		}
		left := len(waiting)
		turn(true)
		if len(waiting) > 0 && left >= k || len(waiting) >= k {
			t.Errorf("seed %d: %d answers were left, and after the closing %d wait", seed, left, len(waiting))
		}
		for comment, times := range published {
			if times != 1 || !want[comment] {
				t.Errorf("seed %d: %q was published %d times", seed, comment, times)
			}
		}
		if len(published)+len(waiting) != len(want) {
			t.Errorf("seed %d: %d published and %d waiting of %d", seed, len(published), len(waiting), len(want))
		}
	}
}

// What was answered only because of a segment goes with it; nothing else does.
func TestHide(t *testing.T) {
	t.Parallel()
	q := questionnaire(t, staffQuestionnaire)
	answers, err := q.ReadAnswers(map[string][]string{
		"level": {"manager"}, "team": {"small"}, "shoe": {"43"}, "wishes": {"none"}, "leads": {"calmly"}, "comment": {"Zażółć, \"ещё\"\nраз"},
	})
	if err != nil {
		t.Fatal(err)
	}
	f := finished{sealedAnswers{Attributes: map[survey.ItemCode]survey.OptionCode{"department": "v1", "location": "v2"}}, answers}
	f.hide(q, []survey.ItemCode{"level", "department"})
	encoded, err := json.Marshal(f.answers)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"shoe":43,"wishes":["none"],"comment":"Zażółć, \"ещё\"\nраз"}`
	if string(encoded) != want {
		t.Errorf("got  %s\nwant %s", encoded, want)
	}
	if len(f.Attributes) != 1 || f.Attributes["location"] != "v2" {
		t.Errorf("attributes %v; want the location alone", f.Attributes)
	}
}

// Every kind of answer, of every background, survives being left alone and is gone when hidden.
func TestHideEveryKind(t *testing.T) {
	t.Parallel()
	q := questionnaire(t, `
code: kinds
title: Kinds
items:
  - {code: one, kind: single, background: true, text: One?, options: [{code: a, text: A}, {code: b, text: B}]}
  - {code: many, kind: multi, max: 2, background: true, text: Many?, options: [{code: a, text: A}, {code: b, text: B}]}
  - {code: points, kind: rating, background: true, text: Points?, scale: {min: 1, max: 5, top: 1, cannot_say: true}, rows: [{code: x, text: X}, {code: y, text: Y}]}
  - {code: likely, kind: nps, background: true, text: Likely?}
  - {code: size, kind: number, background: true, text: Size?}
  - {code: order, kind: rank, of: many, text: Order?}
  - {code: grid, kind: matrix, text: Grid?, rows: [{code: x, text: X}], options: [{code: a, text: A}, {code: b, text: B}]}
  - {code: words, kind: text, text: Words?}
`)
	form := map[string][]string{
		"one": {"b"}, "many": {"a", "b"}, "points.x": {"cannot_say"}, "points.y": {"4"}, "likely": {"0"}, "size": {"7"},
		"order": {"b", "a"}, "grid.x": {"a"}, "words": {"none"},
	}
	read := func() finished {
		answers, err := q.ReadAnswers(form)
		if err != nil {
			t.Fatal(err)
		}
		return finished{answers: answers}
	}
	for i := range q.Items {
		code := q.Items[i].Code
		f := read()
		if value := f.profile(q, []survey.ItemCode{code})[0]; value == "" {
			t.Errorf("%s was answered, and its class does not tell", code)
		}
		f.hide(q, []survey.ItemCode{code})
		if value := f.profile(q, []survey.ItemCode{code})[0]; value != "" {
			t.Errorf("%s is hidden, and its class is %q", code, value)
		}
		for key, given := range f.answers.Form() {
			if strings.HasPrefix(key, string(code)) {
				t.Errorf("%s is hidden, and %s = %v is there", code, key, given)
			}
			if !slices.Equal(given, form[key]) {
				t.Errorf("%s is hidden, and %s became %v", code, key, given)
			}
		}
		gone := len(form) - len(f.answers.Form())
		if want := map[survey.ItemCode]int{"points": 2, "many": 2}[code]; gone != max(want, 1) { // no picks, no order of them
			t.Errorf("%s is hidden, and %d answers are gone", code, gone)
		}
	}
}
