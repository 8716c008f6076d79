package tally

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"cxmirror/pkg/survey"
)

const optionQuestions = `
code: options
version: 1
audience: internal
languages: [en]
title: Options
items:
  - {code: department, kind: single, background: true, text: Who?, options: [{code: it, text: it}, {code: hr, text: hr}, {code: sales, text: sales}]}
  - {code: picks, kind: multi, text: Which?, max: 3, options: [{code: a, text: a}, {code: b, text: b}, {code: c, text: c}, {code: d, text: d}]}
  - {code: one, kind: single, text: One?, options: [{code: a, text: a}, {code: b, text: b}, {code: c, text: c}, {code: d, text: d}]}
  - {code: order, kind: rank, text: What first?, options: [{code: a, text: a}, {code: b, text: b}, {code: c, text: c}, {code: d, text: d}, {code: e, text: e}]}
  - code: rated
    kind: rating
    text: How?
    rows: [{code: x, text: x}, {code: y, text: y}]
    scale: {min: 1, max: 5, top: 1, low: bad, high: good, cannot_say: true}
`

// answering is some people of one release who answer the same.
type answering struct {
	n                                     int
	release                               int32
	department, picks, one, order, ratedX string
}

func protectedOf(t *testing.T, cuts []Cut, groups ...answering) *Wave {
	t.Helper()
	w := New(parse(t, optionQuestions), survey.Internal, 1)
	var releases []int32
	for _, g := range groups {
		add(t, w, g.n, g.department, g.picks, g.one, g.order, g.ratedX, "")
		releases = append(releases, slices.Repeat([]int32{g.release}, g.n)...)
	}
	protected, err := w.Protect(releases, Protection{Segments: []survey.ItemCode{"department"}, Thresholds: []Threshold{{0, 5}}, Cuts: cuts}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return protected
}

// told writes what a table tells of its options: "a 10/40, b -".
func told(t *testing.T, w *Wave, v View) string {
	t.Helper()
	table, err := w.Table(v)
	if err != nil {
		if !errors.Is(err, ErrWithheld) {
			t.Fatal(err)
		}
		return "withheld"
	}
	chosen, judged := table.Counts()
	var said []string
	for x, o := range table.Options {
		figure := fmt.Sprintf("%s %d/%d", o.Code, chosen[x].N, judged[x].N)
		if table.Withheld[x] {
			figure = string(o.Code) + " -"
		}
		if table.Earlier[x] {
			figure += " earlier"
		}
		said = append(said, figure)
	}
	return strings.Join(said, ", ")
}

func TestOptionsThatFewChose(t *testing.T) {
	for _, tt := range []struct {
		name   string
		groups []answering
		want   string
	}{
		{"some, few, all but few, nobody", []answering{{n: 20, release: 1, picks: "a;c"}, {n: 16, release: 1, picks: "c"}, {n: 4, release: 1, picks: "b"}}, "a 20/40, b -, c -, d 0/40"},
		{"everybody", []answering{{n: 12, release: 1, picks: "a"}}, "a 12/12, b 0/12, c 0/12, d 0/12"},
		{"later the same", []answering{{n: 10, release: 1, picks: "a"}, {n: 10, release: 1, picks: "b"}, {n: 10, release: 2, picks: "a"}}, "a 20/30, b 10/30, c 0/30, d 0/30"},
		{"later so few that nobody looks", []answering{{n: 10, release: 1, picks: "a"}, {n: 10, release: 1, picks: "b"}, {n: 9, release: 2, picks: "a"}}, "a 10/20 earlier, b 10/20 earlier, c 0/20 earlier, d 0/20 earlier"},
		{"later a few more", []answering{
			{n: 10, release: 1, picks: "a"},
			{n: 10, release: 1, picks: "b"},
			{n: 2, release: 2, picks: "a"},
			{n: 8, release: 2, picks: "b"},
		}, "a 10/20 earlier, b 10/20 earlier, c 0/30, d 0/30"},
		{"told again when they are enough", []answering{
			{n: 10, release: 1, picks: "a"},
			{n: 10, release: 1, picks: "b"},
			{n: 2, release: 2, picks: "a"},
			{n: 8, release: 2, picks: "b"},
			{n: 13, release: 3, picks: "a"},
			{n: 2, release: 3, picks: "b"},
		}, "a 25/45, b 20/45, c 0/45, d 0/45"},
		{"too old to be told", []answering{
			{n: 5, release: 1, picks: "a"},
			{n: 5, release: 1, picks: "b"},
			{n: 4, release: 2, picks: "a"},
			{n: 20, release: 2, picks: "b"},
		}, "a -, b -, c 0/34, d 0/34"},
		{"nothing that can be told", []answering{{n: 3, release: 1, picks: "a;b"}, {n: 3, release: 1, picks: "c;d"}}, "withheld"},
	} {
		if got := told(t, protectedOf(t, nil, tt.groups...), View{Item: "picks"}); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

// When a wave closes there is a last look, however few came since.
func TestOptionsAtTheClose(t *testing.T) {
	people := []answering{{n: 10, release: 1, picks: "a"}, {n: 10, release: 1, picks: "b"}, {n: 6, release: 2, picks: "a"}}
	w := protectedOf(t, []Cut{{Release: 2, Shown: []Segment{}, Final: true}}, people...)
	if got, want := told(t, w, View{Item: "picks"}), "a 16/26, b 10/26, c 0/26, d 0/26"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// One answer of many: the options add up to everybody, and one alone that is held back comes out.
func TestOptionsThatAddUp(t *testing.T) {
	w := protectedOf(t, nil,
		answering{n: 20, release: 1, one: "a"}, answering{n: 12, release: 1, one: "b"}, answering{n: 7, release: 1, one: "c"}, answering{n: 2, release: 1, one: "d"})
	if got, want := told(t, w, View{Item: "one"}), "a 20/41, b 12/41, c -, d -"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// Whatever is asked for, an order is counted among its first three, and means are of nobody.
func TestOrdersAndRatingsTellSharesOnly(t *testing.T) {
	w := protectedOf(t, nil,
		answering{n: 20, release: 1, order: "a>b>c>d>e", ratedX: "5"}, answering{n: 20, release: 1, order: "c>d>e>a>b", ratedX: "1"},
		answering{n: 3, release: 1, ratedX: "cannot_say"})
	want := "a 20/40, b 20/40, c 40/40, d 20/40, e 20/40"
	for _, top := range []int{0, 1, 2, 3, 5} {
		if got := told(t, w, View{Item: "order", Top: top}); got != want {
			t.Errorf("top %d: %s, want %s", top, got, want)
		}
	}
	order, err := w.Table(View{Item: "order", Top: 1})
	if err != nil || order.Top != 3 || order.Moments != nil || order.First != nil || order.None != 0 {
		t.Errorf("an order tells %+v, %v", order, err)
	}
	rated, err := w.Table(View{Item: "rated"})
	if err != nil || rated.Moments != nil || rated.Centred != nil || rated.CannotSay != nil || rated.Persons.N != 0 || rated.Missing != 0 || rated.Partial != 0 {
		t.Errorf("a rating tells %+v, %v", rated, err)
	}
}

func TestOptionsOfParts(t *testing.T) {
	people := []answering{
		{n: 10, release: 1, department: "it", picks: "a"},
		{n: 10, release: 1, department: "it", picks: "b"},
		{n: 2, release: 1, department: "hr", picks: "a"}, // with 8 of sales: HR's and sales' are held back, IT's is not
		{n: 18, release: 1, department: "hr", picks: "b"},
		{n: 8, release: 1, department: "sales", picks: "a"},
		{n: 12, release: 1, department: "sales", picks: "b"},
	}
	cut := Cut{Release: 1, Shown: []Segment{{"department", "it", false}, {"department", "hr", false}, {"department", "sales", false}}}
	w := protectedOf(t, []Cut{cut}, people...)
	held := 0
	for department, want := range map[survey.OptionCode][2]string{
		"it":    {"a 10/20, b 10/20, c 0/20, d 0/20", "a 10/40, b 30/40, c 0/40, d 0/40"},
		"hr":    {"a -, b -, c 0/20, d 0/20", "a -, b -, c 0/40, d 0/40"},
		"sales": {"a 8/20, b 12/20, c 0/20, d 0/20", "a 12/40, b 28/40, c 0/40, d 0/40"},
	} {
		for i, rest := range []bool{false, true} {
			got := told(t, w, View{Item: "picks", Only: []Segment{{"department", department, rest}}})
			if got != want[i] {
				held++
				if !strings.HasPrefix(got, "a -, b -") {
					t.Errorf("%s (rest %v): %s, want %s", department, rest, got, want[i])
				}
			}
		}
	}
	if held != 2 {
		t.Errorf("%d figures beside HR's are held back; two, of one more department, hide those of HR", held)
	}
}

// What may be told of options comes out the same however often it is worked out, and on top of what was known before.
func TestOptionsComeOutTheSame(t *testing.T) {
	q := parse(t, protectedQuestions)
	for trial := range 20 {
		rng := rand.New(rand.NewPCG(uint64(trial), 31))
		k := 2 + rng.IntN(3)
		s, cuts := season(t, q, rng, 20+rng.IntN(30), k)
		last := slices.MaxFunc(s.people, func(a, b member) int { return int(a.release - b.release) }).release
		raw, releases := panelWave(t, q, s.people, last, 1)
		var earlier *Wave
		for n := range len(cuts) + 1 {
			p := Protection{Segments: []survey.ItemCode{"department", "location", "level"}, Thresholds: []Threshold{{0, k}}, Cuts: cuts[:n]}
			fresh, err := raw.Protect(releases, p, nil)
			if err != nil {
				t.Fatal(err)
			}
			grown, err := raw.Protect(releases, p, earlier)
			if err != nil {
				t.Fatal(err)
			}
			for _, item := range []survey.ItemCode{"picks", "some", "rated"} {
				views := []View{{Item: item}}
				for _, c := range cuts[:n] {
					for _, part := range c.Shown {
						views = append(views, View{Item: item, Only: []Segment{part}})
					}
				}
				for _, v := range views {
					if a, b := told(t, fresh, v), told(t, grown, v); a != b {
						t.Fatalf("trial %d, %d cuts, %v: %s at once, %s step by step", trial, n, v, a, b)
					}
				}
			}
			earlier = grown
		}
	}
}
