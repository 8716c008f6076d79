package main

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
)

// tenToRank is a questionnaire that asks to rank ten options, listed in this order.
func tenToRank(order ...string) string {
	options := make([]string, len(order))
	for i, code := range order {
		options[i] = fmt.Sprintf("{code: %s, text: Option %[1]s}", code)
	}
	return "code: ten\nlanguages: [en]\ntitle: Ten\nitems:\n" +
		"  - {code: order, kind: rank, text: Rank them, options: [" + strings.Join(options, ", ") + "]}\n"
}

func tenCodes() []string { return strings.Split("ABCDEFGHYZ", "") }

// places writes an order as "1 A, 2= B, 2= C".
func places(ranking []entry, rule []ruleValue) string {
	var said []string
	add := func(rank int, tied bool, code string) {
		mark := ""
		if tied {
			mark = "="
		}
		said = append(said, fmt.Sprintf("%d%s %s", rank, mark, code))
	}
	for _, e := range ranking {
		add(e.Rank, e.Tied, e.Code)
	}
	for _, v := range rule {
		add(v.Rank, v.Tied, v.Code)
	}
	return strings.Join(said, ", ")
}

// orders are the orders of one side by every rule.
func (s side) orders(rule string) map[string]string {
	said := map[string]string{rule: places(s.Ranking, nil)}
	for _, r := range s.Rules {
		said[r.Rule] = places(nil, r.Values)
	}
	return said
}

// Two classic traps of rankings in which not everybody ranks everything.
//
// The first, outside: 60 people rank A then B, 39 rank B then A, one ranks only Z. A mean place taken over
// those who ranked an option puts Z level with the best; counting the unranked as place 0 puts the seven that
// nobody chose first of all.
//
// The second, inside: 60 people rank only A, 10 rank B, then C, then D. Points for places from below (a Borda
// count over the length of the person's own list) let the ten who gave long lists outvote the sixty.
func TestRankingsThatAreNotComplete(t *testing.T) {
	dir := t.TempDir()
	external := write(t, dir, "external.csv", answers("order", responses{60, "A>B"}, responses{39, "B>A"}, responses{1, "Z"}))
	internal := write(t, dir, "internal.csv", answers("order", responses{60, "A"}, responses{10, "B>C>D"}))

	wantExternal := map[string]string{
		"share in top 3": "1= A, 1= B, 3 Z, 4= C, 4= D, 4= E, 4= F, 4= G, 4= H, 4= Y",
		"share first":    "1 A, 2 B, 3 Z, 4= C, 4= D, 4= E, 4= F, 4= G, 4= H, 4= Y",
		"mean place":     "1 A, 2 B, 3 Z, 4= C, 4= D, 4= E, 4= F, 4= G, 4= H, 4= Y",
	}
	wantInternal := map[string]string{
		"share in top 3": "1 A, 2= B, 2= C, 2= D, 5= E, 5= F, 5= G, 5= H, 5= Y, 5= Z",
		"share first":    "1 A, 2 B, 3= C, 3= D, 3= E, 3= F, 3= G, 3= H, 3= Y, 3= Z",
		"mean place":     "1 A, 2 B, 3 C, 4 D, 5= E, 5= F, 5= G, 5= H, 5= Y, 5= Z",
	}
	q := write(t, dir, "ten.yaml", tenToRank(tenCodes()...))
	got := compareJSON(t, "-q", q, "--external", external, "--internal", internal)
	if got.External.N != 100 || got.Internal.N != 70 {
		t.Errorf("bases %d and %d; everyone asked is in them: 100 and 70", got.External.N, got.Internal.N)
	}
	if orders := got.External.orders(got.Rule); !maps.Equal(orders, wantExternal) {
		t.Errorf("outside\n got %v\nwant %v", orders, wantExternal)
	}
	if orders := got.Internal.orders(got.Rule); !maps.Equal(orders, wantInternal) {
		t.Errorf("inside\n got %v\nwant %v", orders, wantInternal)
	}
	if got.External.OrderHolds || got.Internal.OrderHolds {
		t.Error("the first three are others by another rule, and nothing says so")
	}
	checkNothing(t, got.External, "CDEFGHY")
	checkNothing(t, got.Internal, "EFGHYZ")

	// Everybody who did not rank an option is taken to put it at the middle of the places left over.
	for option, want := range map[string]float64{"A": (60*1 + 39*2 + 6) / 100.0, "Z": (99*6.5 + 1) / 100, "C": (99*6.5 + 6) / 100} {
		if mean := got.External.byRule(t, "mean place")[option].Value; math.Abs(mean-want) > 1e-12 {
			t.Errorf("mean place of %s is %v, want %v", option, mean, want)
		}
	}
	for option, want := range map[string]float64{"A": (60*1 + 10*7) / 70.0, "B": (60*6 + 10*1) / 70.0, "E": (60*6 + 10*7) / 70.0} {
		if mean := got.Internal.byRule(t, "mean place")[option].Value; math.Abs(mean-want) > 1e-12 {
			t.Errorf("mean place of %s is %v, want %v", option, mean, want)
		}
	}
}

// checkNothing fails unless each of the options has been chosen by nobody and stands below all others.
func checkNothing(t *testing.T, s side, options string) {
	t.Helper()
	for code := range strings.SplitSeq(options, "") {
		if e := s.entry(t, code); e.Count != 0 || e.Share != 0 || e.Rank != len(s.Ranking)-len(options)+1 {
			t.Errorf("%s: %d people, share %v, place %d; nobody chose it", code, e.Count, e.Share, e.Rank)
		}
	}
}

// By the share first, nothing depends on how long people's lists are.
func TestShareFirstOrdersTheTraps(t *testing.T) {
	dir := t.TempDir()
	q := write(t, dir, "ten.yaml", tenToRank(tenCodes()...))
	external := write(t, dir, "external.csv", answers("order", responses{60, "A>B"}, responses{39, "B>A"}, responses{1, "Z"}))
	internal := write(t, dir, "internal.csv", answers("order", responses{60, "A"}, responses{10, "B>C>D"}))
	got := compareJSON(t, "-q", q, "--external", external, "--internal", internal, "--top", "1")
	if got.Rule != "share in top 1" {
		t.Errorf("the rule is %q", got.Rule)
	}
	for _, side := range []struct {
		name string
		got  side
		want map[string]int
	}{
		{"outside", got.External, map[string]int{"A": 60, "B": 39, "Z": 1}},
		{"inside", got.Internal, map[string]int{"A": 60, "B": 10}},
	} {
		if first := side.got.Ranking[0]; first.Code != "A" || first.Rank != 1 || first.Tied {
			t.Errorf("%s: first is %+v, want A alone", side.name, first)
		}
		for _, e := range side.got.Ranking {
			if e.Count != side.want[e.Code] {
				t.Errorf("%s: %d people put %s first, want %d", side.name, e.Count, e.Code, side.want[e.Code])
			}
		}
	}
}

// The order of the questionnaire is no argument: turned round, it changes no figure and breaks no tie.
func TestTheOrderOfTheQuestionnaireChangesNoPlace(t *testing.T) {
	dir := t.TempDir()
	external := write(t, dir, "external.csv", answers("order", responses{60, "A>B"}, responses{39, "B>A"}, responses{1, "Z"}))
	internal := write(t, dir, "internal.csv", answers("order", responses{60, "A"}, responses{10, "B>C>D"}))
	forwards := tenCodes()
	backwards := slices.Clone(forwards)
	slices.Reverse(backwards)
	var results []comparison
	for i, codes := range [][]string{forwards, backwards} {
		q := write(t, dir, fmt.Sprintf("ten-%d.yaml", i), tenToRank(codes...))
		results = append(results, compareJSON(t, "-q", q, "--external", external, "--internal", internal))
	}
	for _, code := range forwards {
		if a, b := results[0].item(t, code), results[1].item(t, code); a != b {
			t.Errorf("%s: %+v in one order, %+v in the other", code, a, b)
		}
		for i, s := range [][2]side{{results[0].External, results[1].External}, {results[0].Internal, results[1].Internal}} {
			a, b := s[0].entry(t, code), s[1].entry(t, code)
			a.Mean, b.Mean = nil, nil
			if a != b {
				t.Errorf("%s on side %d: %+v in one order, %+v in the other", code, i, a, b)
			}
		}
	}
}

// What a reader sees of the traps: the tie as a tie, and that the order depends on the rule.
func TestTheTextShowsTiesAndTheRule(t *testing.T) {
	dir := t.TempDir()
	q := write(t, dir, "ten.yaml", tenToRank(tenCodes()...))
	external := write(t, dir, "external.csv", answers("order", responses{60, "A>B"}, responses{39, "B>A"}, responses{1, "Z"}))
	internal := write(t, dir, "internal.csv", answers("order", responses{60, "A"}, responses{10, "B>C>D"}))
	got := cxmirror(t, "compare", "-q", q, "--external", external, "--internal", internal, "--width", "200")
	if got.code != exitDone {
		t.Fatal(got.stderr)
	}
	for _, want := range []string{
		"“Option A” and “Option B” share the first place",
		"External customers, by share first: 1 Option A (60\u00a0%) · 2 Option B (39\u00a0%) · 3 Option Z (1\u00a0%)",
		"External customers, by mean place: 1 Option A",
		"Internal customers, by mean place: 1 Option A (1.86) · 2 Option B (5.29) · 3 Option C (5.43)",
		"The order of the first 3 depends on the rule",
	} {
		if !strings.Contains(got.stdout, want) {
			t.Errorf("the text does not say %q:\n%s", want, got.stdout)
		}
	}
	if !strings.Contains(got.stdout, "\n1= ") {
		t.Errorf("the tie is not shown as one:\n%s", got.stdout)
	}
}
