package findings

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"cxmirror/pkg/survey"
	"cxmirror/pkg/tally"
)

// tenOptions is a questionnaire that asks to rank, and to pick from, ten options A to Z.
const tenOptions = `
code: ten
version: 1
audience: external
languages: [en]
title: Ten
items:
  - code: order
    kind: rank
    text: Rank them
    options: &ten
      - {code: A, text: A}
      - {code: B, text: B}
      - {code: C, text: C}
      - {code: D, text: D}
      - {code: E, text: E}
      - {code: F, text: F}
      - {code: G, text: G}
      - {code: H, text: H}
      - {code: Y, text: Y}
      - {code: Z, text: Z}
  - code: picks
    kind: multi
    max: 3
    text: Pick up to three
    options: *ten
  - code: care
    kind: rating
    text: How well?
    rows:
      - {code: A, text: A}
      - {code: B, text: B}
      - {code: C, text: C}
    scale: {min: 1, max: 5, top: 1, cannot_say: true}
`

// answers is so many people who gave the same cell.
type answers struct {
	people int
	cell   string
}

// waveOf is a wave in which each cell answers the one item.
func waveOf(t *testing.T, item survey.ItemCode, audience survey.Audience, given ...answers) *tally.Wave {
	t.Helper()
	q := parse(t, tenOptions)
	w := tally.New(q, audience, 1)
	for _, a := range given {
		for range a.people {
			w.Add(record(t, q, map[string]string{string(item): a.cell}, 1, ""))
		}
	}
	return w
}

func parse(t *testing.T, text string) *survey.Questionnaire {
	t.Helper()
	q, err := survey.Parse([]byte(text), "test.yaml", nil)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func record(t *testing.T, q *survey.Questionnaire, cells map[string]string, weight float64, respondent string) *survey.Record {
	t.Helper()
	d := q.NewDecoder()
	rec := &survey.Record{Weight: weight, Respondent: respondent, Values: make([]survey.Value, len(q.Columns()))}
	for key, cell := range cells {
		at, ok := q.Column(key)
		if !ok {
			t.Fatalf("no column %s", key)
		}
		if problem := d.Decode(at, cell, &rec.Values[at]); problem != nil {
			t.Fatal(problem)
		}
	}
	return rec
}

func rank(t *testing.T, w *tally.Wave, item survey.ItemCode) Ranking {
	t.Helper()
	table, err := w.Table(tally.View{Item: item})
	if err != nil {
		t.Fatal(err)
	}
	r, err := Rank(table, Settings{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// order writes a ranking as "A1 B2 C=3", and by another rule likewise.
func order(r Ranking, rule Rule) string {
	var said []string
	for _, o := range r.ByRule {
		for _, v := range o.Values {
			if o.Rule == rule {
				said = append(said, fmt.Sprintf("%s%s%d", v.Code, map[bool]string{true: "="}[v.Tied], v.Rank))
			}
		}
	}
	for _, e := range r.Entries {
		if r.Rule == rule {
			said = append(said, fmt.Sprintf("%s%s%d", e.Code, map[bool]string{true: "="}[e.Tied], e.Rank))
		}
	}
	return strings.Join(said, " ")
}

// Mean rank over rankers only, unranked counted as place 0, puts three items nobody chose first here.
func TestAnItemNobodyRankedIsNeverAboveOneThatSomebodyDid(t *testing.T) {
	r := rank(t, waveOf(t, "order", survey.External, answers{60, "A>B"}, answers{39, "B>A"}, answers{1, "Z"}), "order")
	for rule, want := range map[Rule]string{
		ShareTopN:  "A=1 B=1 Z3 C=4 D=4 E=4 F=4 G=4 H=4 Y=4",
		ShareFirst: "A1 B2 Z3 C=4 D=4 E=4 F=4 G=4 H=4 Y=4",
		MeanPlace:  "A1 B2 Z3 C=4 D=4 E=4 F=4 G=4 H=4 Y=4",
	} {
		if got := order(r, rule); got != want {
			t.Errorf("by %s: %s; want %s", rule, got, want)
		}
	}
	if r.OrderHolds {
		t.Error("the tie of A and B in the first three is broken by the share first: the order depends on the rule, and nothing says so")
	}
	if r.Base.N != 100 {
		t.Errorf("base %d, want everyone asked: 100", r.Base.N)
	}
}

// A score of list length minus position lets 10 people who rank four items beat 60 who rank one.
func TestALongRankingDoesNotOutvoteAShortOne(t *testing.T) {
	r := rank(t, waveOf(t, "order", survey.External, answers{60, "A"}, answers{10, "B>C>D"}), "order")
	for rule, want := range map[Rule]string{
		ShareTopN:  "A1 B=2 C=2 D=2 E=5",
		ShareFirst: "A1 B2 C=3 D=3 E=3",
		MeanPlace:  "A1 B2 C3 D4 E=5",
	} {
		if got := order(r, rule); !strings.HasPrefix(got, want) {
			t.Errorf("by %s: %s; want %s ...", rule, got, want)
		}
	}
	// The ten who ranked three leave places 4 to 10, a mean of 7, for the other seven.
	if got, want := r.Entries[0].Mean, (60*1+10*7.0)/70; math.Abs(got-want) > 1e-12 {
		t.Errorf("mean place of A %v, want %v", got, want)
	}
}

// Who picked one thing was not asked to put it in order, and has put it first all the same.
func TestASinglePickIsARankingOfOne(t *testing.T) {
	q := parse(t, strings.Replace(tenOptions, "kind: rank\n    text: Rank them", "kind: rank\n    text: Rank all", 1)+`
  - code: best
    kind: rank
    of: picks
    show_if: count(picks) > 1
    text: In which order?
`)
	w := tally.New(q, survey.External, 1, "best")
	for range 60 {
		w.Add(record(t, q, map[string]string{"picks": "A"}, 1, ""))
	}
	for range 10 {
		w.Add(record(t, q, map[string]string{"picks": "B;C;D", "best": "B>C>D"}, 1, ""))
	}
	w.Add(record(t, q, map[string]string{"picks": "none"}, 1, ""))
	w.Add(record(t, q, map[string]string{"picks": "B;C"}, 1, "")) // asked, and gave no order
	r := rank(t, w, "best")
	if r.Base.N != 71 || r.Base.None != 1 || r.Base.Missing != 1 {
		t.Errorf("base %+v; want 71 with 1 none, and 1 missing", r.Base)
	}
	if got, want := order(r, ShareFirst), "A1 B2 C=3"; !strings.HasPrefix(got, want) {
		t.Errorf("by share first: %s; want %s ...", got, want)
	}
}

func TestPicksCountEverybodyAsked(t *testing.T) {
	r := rank(t, waveOf(t, "picks", survey.Internal, answers{6, "A;B"}, answers{3, "A"}, answers{1, "none"}, answers{2, ""}), "picks")
	if r.Base.N != 10 || r.Base.None != 1 || r.Base.Missing != 2 {
		t.Errorf("base %+v; want 10 with 1 none, and 2 missing", r.Base)
	}
	if a := r.Entries[0]; a.Code != "A" || a.Count != 9 || a.Share != 0.9 || a.Rank != 1 || a.Tied {
		t.Errorf("first %+v; want A, 9 of 10", a)
	}
	if c := r.Entries[2]; c.Rank != 3 || !c.Tied || c.Share != 0 || c.RankHigh != 10 {
		t.Errorf("third %+v; want a tie of the unchosen at 3, up to place 10", c)
	}
}

func TestCannotSayIsNeitherMissingNorAPoint(t *testing.T) {
	q := parse(t, tenOptions)
	w := tally.New(q, survey.External, 1)
	add := func(n int, a, b, c string) {
		for range n {
			w.Add(record(t, q, map[string]string{"care.A": a, "care.B": b, "care.C": c}, 1, ""))
		}
	}
	add(4, "5", "5", "1")
	add(4, "5", "cannot_say", "1")
	add(2, "1", "4", "1")
	add(3, "5", "5", "")
	add(5, "", "", "")
	r := rank(t, w, "care")
	if r.Base.N != 13 || r.Base.Partial != 3 || r.Base.Missing != 5 {
		t.Errorf("base %+v; want 13, 3 partial, 5 missing", r.Base)
	}
	got := map[survey.OptionCode]string{}
	for _, e := range r.Entries {
		got[e.Code] = fmt.Sprintf("%d/%d, %d cannot say, mean %.2f", e.Count, e.N, e.CannotSay, e.Mean)
	}
	want := map[survey.OptionCode]string{
		"A": "11/13, 0 cannot say, mean 4.38", "B": "7/9, 4 cannot say, mean 4.78", "C": "0/10, 0 cannot say, mean 1.00",
	}
	for code, w := range want {
		if got[code] != w {
			t.Errorf("%s: %s; want %s", code, got[code], w)
		}
	}
	if order(r, TopBox) != "A1 B2 C3" || order(r, MeanRating) != "B1 A2 C3" || r.OrderHolds {
		t.Errorf("orders %q and %q, holds %v; want the two rules to disagree, and to be flagged", order(r, TopBox), order(r, MeanRating), r.OrderHolds)
	}
}

func divergePicks(t *testing.T, external, internal *tally.Wave) *Divergence {
	t.Helper()
	view := tally.View{Item: "picks"}
	out, err := external.Table(view)
	if err != nil {
		t.Fatal(err)
	}
	in, err := internal.Table(view)
	if err != nil {
		t.Fatal(err)
	}
	joint, err := tally.Join(external, internal, view)
	if err != nil {
		t.Fatal(err)
	}
	d, err := Diverge(out, in, joint, Settings{})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func verdicts(d *Divergence) map[Verdict]int {
	n := map[Verdict]int{}
	for _, it := range d.Items {
		n[it.Verdict]++
	}
	return n
}

func TestVerdicts(t *testing.T) {
	big := waveOf(t, "picks", survey.External, answers{600, "A;B"}, answers{600, "B;C"})
	for _, tt := range []struct {
		name     string
		internal []answers
		want     map[survey.OptionCode]Verdict
	}{
		{"the same people again", []answers{{600, "A;B"}, {600, "B;C"}}, map[survey.OptionCode]Verdict{"A": Same, "B": Same, "C": Same, "D": Same}},
		{"ten people", []answers{{5, "A;B"}, {5, "B;C"}}, map[survey.OptionCode]Verdict{"A": Unknown, "C": Unknown}},
		{"A given up", []answers{{100, "A;B"}, {1000, "B;C"}}, map[survey.OptionCode]Verdict{"A": Different, "C": Different, "B": Same}},
		{"a little less of A", []answers{{10700, "A;B"}, {12000, "B;C"}}, map[survey.OptionCode]Verdict{"A": Same}},
		{"provably a little less of A", []answers{{90000, "A;B"}, {110000, "B;C"}}, map[survey.OptionCode]Verdict{"A": Small, "C": Small, "B": Same}},
	} {
		d := divergePicks(t, big, waveOf(t, "picks", survey.Internal, tt.internal...))
		for _, it := range d.Items {
			if want, ok := tt.want[it.Code]; ok && it.Verdict != want {
				t.Errorf("%s: %s is %q (difference %.3f, p %.4f); want %q", tt.name, it.Code, it.Verdict, it.Difference, it.PAdjusted, want)
			}
			if it.Low > it.Difference || it.High < it.Difference {
				t.Errorf("%s: interval of %s [%v, %v] without its difference %v", tt.name, it.Code, it.Low, it.High, it.Difference)
			}
		}
	}
}

func TestSwappedSidesTurnTheSigns(t *testing.T) {
	a := waveOf(t, "picks", survey.External, answers{30, "A;B;C"}, answers{20, "A;D"}, answers{7, "none"})
	b := waveOf(t, "picks", survey.Internal, answers{10, "A;B"}, answers{20, "C;D"}, answers{9, "D"})
	there, back := divergePicks(t, a, b), divergePicks(t, b, a)
	turned := map[survey.OptionCode]ItemDifference{}
	for _, it := range back.Items {
		turned[it.Code] = it
	}
	near := func(x, y float64) bool { return math.Abs(x-y) < 1e-12 }
	for _, it := range there.Items {
		o := turned[it.Code]
		if !near(it.Difference, -o.Difference) || !near(it.Low, -o.High) || !near(it.P, o.P) || !near(it.Higher, 1-o.Higher) || it.Verdict != o.Verdict {
			t.Errorf("%s: %+v and back %+v", it.Code, it, o)
		}
	}
	if !near(there.Lists.GlobalP, back.Lists.GlobalP) || there.Lists.TauB != back.Lists.TauB {
		t.Errorf("lists %+v and back %+v", there.Lists, back.Lists)
	}
}

// Equal weights are no weights, and a change of their unit changes nothing.
func TestWeightsHaveNoUnit(t *testing.T) {
	q := parse(t, tenOptions)
	wave := func(scale func(i int) float64) *tally.Wave {
		w := tally.New(q, survey.External, 1)
		for i := range 90 {
			w.Add(record(t, q, map[string]string{"picks": []string{"A;B", "B", "A;C;D", "D", "none"}[i%5]}, scale(i), ""))
		}
		return w
	}
	other := waveOf(t, "picks", survey.Internal, answers{20, "A;B"}, answers{30, "C"})
	plain := divergePicks(t, wave(func(int) float64 { return 1 }), other)
	if same := divergePicks(t, wave(func(int) float64 { return 7 }), other); fmt.Sprint(plain) != fmt.Sprint(same) {
		t.Errorf("weights of 7 for everybody change the result:\n%v\n%v", plain, same)
	}
	once := divergePicks(t, wave(func(i int) float64 { return 1 + float64(i%7) }), other)
	twice := divergePicks(t, wave(func(i int) float64 { return 2 + 2*float64(i%7) }), other)
	if !once.External.Base.Weighted || once.External.Base.EffectiveN >= 90 {
		t.Errorf("base %+v; want an effective N below 90", once.External.Base)
	}
	if fmt.Sprint(once.Items) != fmt.Sprint(twice.Items) || fmt.Sprint(once.Lists) != fmt.Sprint(twice.Lists) {
		t.Errorf("doubled weights change the result:\n%v\n%v", once, twice)
	}
}

// The naive test of two samples finds a difference that the same people, asked twice, do not show.
func TestThePairedGuard(t *testing.T) {
	q := parse(t, tenOptions)
	out, in := tally.New(q, survey.External, 1), tally.New(q, survey.Internal, 1)
	add := func(w *tally.Wave, from, to int, cell string) {
		for i := from; i < to; i++ {
			w.Add(record(t, q, map[string]string{"picks": cell}, 1, fmt.Sprint("person ", i)))
		}
	}
	// 300 who like A answer both, 300 who do not answer outside only.
	add(out, 0, 300, "A")
	add(out, 300, 600, "B")
	add(in, 0, 295, "A")
	add(in, 295, 310, "B")
	d := divergePicks(t, out, in)
	if d.Paired == nil || d.Paired.Pairs != 310 || d.Paired.OnlyExternal != 290 || d.Paired.OnlyInternal != 0 {
		t.Fatalf("pairing %+v; want 310 pairs, 290 outside only", d.Paired)
	}
	for _, it := range d.Items {
		if it.Code == "A" && (it.Internal.Count != 295 || it.External.Count != 300 || it.External.N != 310) {
			t.Errorf("A among the pairs: %d and %d of %d; want 300 and 295 of 310", it.External.Count, it.Internal.Count, it.External.N)
		}
		if it.Verdict == Different {
			t.Errorf("%s is called different (%v)", it.Code, it)
		}
	}
	// A handful in common is no pairing, and is told.
	few := tally.New(q, survey.Internal, 1)
	add(few, 590, 700, "A")
	if d := divergePicks(t, out, few); d.Paired != nil || d.Overlap != 10 {
		t.Errorf("pairing %+v and overlap %d; want none and 10", d.Paired, d.Overlap)
	}
}

func TestExclusiveOptionsStayInTheBaseAndOutOfTheRanking(t *testing.T) {
	q := parse(t, strings.Replace(tenOptions, "{code: Z, text: Z}", "{code: Z, text: Z, exclusive: true}", 1))
	w := tally.New(q, survey.External, 1)
	for _, cell := range []string{"A", "A;B", "Z", "Z", "Z"} {
		w.Add(record(t, q, map[string]string{"picks": cell}, 1, ""))
	}
	r := rank(t, w, "picks")
	if len(r.Entries) != 9 || r.Base.N != 5 || r.Entries[0].Share != 0.4 {
		t.Errorf("%d ranked of base %d, first %v; want 9 of base 5, first 0.4", len(r.Entries), r.Base.N, r.Entries[0].Share)
	}
	if len(r.Others) != 1 || r.Others[0].Code != "Z" || r.Others[0].Count != 3 || r.Others[0].Rank != 0 {
		t.Errorf("others %+v; want Z, 3, without a place", r.Others)
	}
}

func TestPermutedPeopleChangeNothing(t *testing.T) {
	q := parse(t, tenOptions)
	random := rand.New(rand.NewPCG(1, 2))
	var records []*survey.Record
	for i := range 200 {
		cells := map[string]string{
			"picks": []string{"A;B;C", "B;C", "D;E;F", "A", "none", ""}[random.IntN(6)],
			"order": []string{"A>B>C", "Z>A", "", "C>D"}[random.IntN(4)],
		}
		records = append(records, record(t, q, cells, 1+float64(i%3), ""))
	}
	ranked := func(item survey.ItemCode) string {
		w := tally.New(q, survey.External, 1)
		for _, rec := range records {
			w.Add(rec)
		}
		return fmt.Sprintf("%.12v", rank(t, w, item))
	}
	picks, orders := ranked("picks"), ranked("order")
	random.Shuffle(len(records), func(i, j int) { records[i], records[j] = records[j], records[i] })
	if got := ranked("picks"); got != picks {
		t.Errorf("picks in another order of people:\n%s\n%s", got, picks)
	}
	if got := ranked("order"); got != orders {
		t.Errorf("orders in another order of people:\n%s\n%s", got, orders)
	}
}

func TestNobodyIsComparedWithoutTheSameList(t *testing.T) {
	shorter := parse(t, strings.ReplaceAll(tenOptions, "      - {code: Y, text: Y}\n", ""))
	w := tally.New(shorter, survey.Internal, 1)
	w.Add(record(t, shorter, map[string]string{"picks": "A"}, 1, ""))
	in, err := w.Table(tally.View{Item: "picks"})
	if err != nil {
		t.Fatal(err)
	}
	out, err := waveOf(t, "picks", survey.External, answers{1, "A"}).Table(tally.View{Item: "picks"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Diverge(out, in, nil, Settings{}); err == nil {
		t.Error("lists of ten and of nine options were compared")
	}
}

// A row that fewer people rated than the threshold is withheld, though the question as a whole is not.
func TestRowsOfTooFewPeopleAreWithheld(t *testing.T) {
	q := parse(t, tenOptions)
	w := tally.New(q, survey.External, 5)
	add := func(n int, a, b, c string) {
		for range n {
			w.Add(record(t, q, map[string]string{"care.A": a, "care.B": b, "care.C": c}, 1, ""))
		}
	}
	add(20, "5", "4", "")
	add(4, "5", "4", "1")
	table, err := w.Table(tally.View{Item: "care"})
	if err != nil {
		t.Fatal(err)
	}
	for _, cell := range table.Cells {
		if cell.Judged>>2&1 != 0 {
			t.Errorf("a cell tells of row C: %+v", cell)
		}
	}
	if table.Moments[2].N != 0 || table.Persons.N != 0 || table.Centred[0].N != 0 {
		t.Errorf("sums tell of the four who rated C: %+v, %+v, %+v", table.Moments[2], table.Persons, table.Centred)
	}
	r, err := Rank(table, Settings{})
	if err != nil {
		t.Fatal(err)
	}
	last := r.Entries[len(r.Entries)-1]
	if last.Code != "C" || !last.Withheld || !math.IsNaN(last.Share) || last.N != 0 || last.Count != 0 {
		t.Errorf("row C is told of: %+v", last)
	}
	d, err := Diverge(table, table, nil, Settings{})
	if err != nil {
		t.Fatal(err)
	}
	speaker, err := NewSpeaker()
	if err != nil {
		t.Fatal(err)
	}
	for _, lang := range speaker.Languages() {
		if said := speaker.Item(d, &d.Items[2], lang); strings.Contains(said, "NaN") || strings.Contains(said, "– %") {
			t.Errorf("%s", said)
		}
	}
}
