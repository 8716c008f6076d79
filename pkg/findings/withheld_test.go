package findings

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"cxmirror/pkg/survey"
	"cxmirror/pkg/tally"
)

const protectedList = `
code: list
version: 1
audience: internal
languages: [en]
title: List
items:
  - {code: picks, kind: multi, max: 3, text: Which?, options: [{code: a, text: a}, {code: b, text: b}, {code: c, text: c}, {code: d, text: d}]}
  - {code: order, kind: rank, text: What first?, options: [{code: a, text: a}, {code: b, text: b}, {code: c, text: c}, {code: d, text: d}, {code: e, text: e}]}
`

// toldTable is what is told of some people, given as picks or orders and how many answered so; of a wave that protects
// people, if k is not 0.
func toldTable(t *testing.T, item survey.ItemCode, audience survey.Audience, k, top int, answers map[string]int) *tally.Table {
	t.Helper()
	q := parse(t, protectedList)
	w := tally.New(q, audience, 1)
	for answer, n := range answers {
		for range n {
			w.Add(record(t, q, map[string]string{string(item): answer}, 1, ""))
		}
	}
	if k > 0 {
		var err error
		w, err = w.Protect(slices.Repeat([]int32{1}, w.Len()), tally.Protection{Thresholds: []tally.Threshold{{Release: 0, People: k}}}, nil)
		if err != nil {
			t.Fatal(err)
		}
	}
	table, err := w.Table(tally.View{Item: item, Top: top})
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func TestWithheldOptionsHaveNoFigures(t *testing.T) {
	outside := toldTable(t, "picks", survey.External, 0, 3, map[string]int{"a;b": 300, "c": 400, "d": 2, "b;c": 100})
	inside := toldTable(t, "picks", survey.Internal, 5, 3, map[string]int{"a": 20, "b;c": 3, "b": 17})
	d, err := Diverge(outside, inside, nil, Settings{})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(d.Shown()); n != 3 || len(d.Items) != 4 || d.Items[3].Code != "c" || d.Items[3].Verdict != Unknown {
		t.Fatalf("%d of %+v are shown", n, d.Items)
	}
	c := d.Items[3]
	if c.External.Count != 500 || c.External.Rank != 0 || c.Internal.Count != 0 || c.Internal.N != 0 || c.Internal.Rank != 0 || !c.Internal.Withheld {
		t.Errorf("c is told as %+v and %+v", c.External, c.Internal)
	}
	for i, x := range []float64{c.Internal.Share, c.Internal.Low, c.Internal.High, c.Difference, c.Low, c.High, c.P, c.PAdjusted, c.Detectable, c.Higher, c.CohenH} {
		if !math.IsNaN(x) {
			t.Errorf("figure %d of c is %v", i, x)
		}
	}
	// c, first outside, has that place in its own ranking; where both sides stand beside each other, places are those
	// among a, b and d.
	if first := d.External.Entries[0]; first.Code != "c" || first.Rank != 1 {
		t.Errorf("first outside is %+v", first)
	}
	if last := d.Internal.Entries[3]; last.Code != "c" || last.Rank != 0 {
		t.Errorf("last inside is %+v", last)
	}
	if b := d.Items[0]; b.Code != "b" || b.External.Rank != 1 || b.Internal.Rank != 1 || !b.Internal.Tied {
		t.Errorf("first of both is %+v, %+v", b.External, b.Internal)
	}
	for _, it := range d.Shown() {
		if it.External.RankHigh > 3 || it.Internal.RankHigh > 3 {
			t.Errorf("%s may be %d and %d of 3", it.Code, it.External.RankHigh, it.Internal.RankHigh)
		}
	}
	if base := d.Internal.Base; !base.Protected || base.None != 0 || d.External.Base.Protected {
		t.Errorf("bases %+v", base)
	}
}

// Whoever picked what is withheld changes no figure.
func TestNoFigureFollowsFromWhatIsWithheld(t *testing.T) {
	outside := toldTable(t, "picks", survey.External, 0, 3, map[string]int{"a;b": 300, "c": 400, "d": 20, "b;c": 100})
	var before string
	for _, answers := range []map[string]int{
		{"a;b": 12, "b": 20, "d": 10, "none": 3},
		{"a;b": 12, "b": 20, "d": 10, "none": 2, "c": 1},
		{"a;b;c": 2, "a;b": 10, "b": 18, "b;c": 2, "d": 10, "none": 3},
		{"a;b;c": 1, "a;b": 11, "b": 20, "d": 8, "d;c": 2, "none": 3},
	} {
		inside := toldTable(t, "picks", survey.Internal, 5, 3, answers)
		d, err := Diverge(outside, inside, nil, Settings{})
		if err != nil {
			t.Fatal(err)
		}
		if answers["none"] == 3 && answers["b"] == 20 && answers["d"] == 10 {
			continue // nobody picked c, which is told
		}
		now := fmt.Sprintf("%+v", *d)
		if before != "" && now != before {
			t.Errorf("%v gives\n%s\nnot\n%s", answers, now, before)
		}
		before = now
	}
}

func TestWithheldOptionsAreSaid(t *testing.T) {
	outside := toldTable(t, "picks", survey.External, 0, 3, map[string]int{"a;b": 900, "c": 2, "a": 100})
	inside := toldTable(t, "picks", survey.Internal, 5, 3, map[string]int{"a;c": 70, "b;c": 27, "b": 2})
	d, err := Diverge(outside, inside, nil, Settings{})
	if err != nil {
		t.Fatal(err)
	}
	speaker, err := NewSpeaker()
	if err != nil {
		t.Fatal(err)
	}
	// All but two picked c inside: it may be first, and no sentence says what is without saying "of what is shown".
	english := speaker.Divergence(d, "en") + speaker.Leads(d, "en")
	if !strings.Contains(english, "Of the items shown") || strings.Contains(english, "“c”") {
		t.Errorf("%s", english)
	}
	for _, lang := range speaker.Languages() {
		said := append(speaker.Notes(d, lang), speaker.Divergence(d, lang), speaker.Leads(d, lang), speaker.Gap(d, lang), speaker.Moves(d, lang),
			speaker.Ranking(&d.Internal, lang), speaker.Ranking(&d.External, lang))
		for i := range d.Items {
			said = append(said, speaker.Item(d, &d.Items[i], lang))
		}
		for _, s := range said {
			if strings.Contains(s, "NaN") || strings.Contains(s, "<no value>") || strings.Contains(s, "(– ") {
				t.Errorf("%s: %s", lang, s)
			}
		}
		if !slices.ContainsFunc(speaker.Notes(d, lang), func(s string) bool { return strings.Contains(s, "4") }) {
			t.Errorf("%s: no note says how many of 4 are not shown: %v", lang, speaker.Notes(d, lang))
		}
	}
}

func TestNothingIsShownOfAny(t *testing.T) {
	outside := toldTable(t, "picks", survey.External, 5, 3, map[string]int{"a;b": 10, "c": 3, "none": 10, "d": 2})
	inside := toldTable(t, "picks", survey.Internal, 5, 3, map[string]int{"c;d": 10, "a": 3, "b": 2, "none": 5})
	_, err := Diverge(outside, inside, nil, Settings{})
	withheld, ok := err.(*tally.WithheldError) //nolint:errorlint // the type is what is tested
	if !ok || !withheld.Options {
		t.Errorf("the error is %v", err)
	}
}

// An order is counted among its first three where people are protected: the rule says so, and two lengths do not compare.
func TestProtectedOrdersHaveOneTop(t *testing.T) {
	answers := map[string]int{"a>b>c>d>e": 30, "d>e>a>b>c": 30}
	inside := toldTable(t, "order", survey.Internal, 5, 5, answers)
	r, err := Rank(inside, Settings{Top: 5})
	if err != nil || r.Top != 3 || len(r.ByRule) != 0 {
		t.Errorf("top %d, %d more rules, %v", r.Top, len(r.ByRule), err)
	}
	if _, err := Diverge(toldTable(t, "order", survey.External, 0, 5, answers), inside, nil, Settings{Top: 5}); err == nil {
		t.Error("shares among the first five are set against shares among the first three")
	}
	d, err := Diverge(toldTable(t, "order", survey.External, 0, 3, answers), inside, nil, Settings{})
	if err != nil || d.Top != 3 || !reflect.DeepEqual(d.Items, d.Shown()) {
		t.Errorf("%+v, %v", d, err)
	}
}
