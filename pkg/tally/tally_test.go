package tally

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"cxmirror/pkg/survey"
)

const twoQuestions = `
code: two
version: 1
audience: internal
languages: [en]
title: Two
items:
  - code: department
    kind: single
    background: true
    text: Where?
    options: [{code: it, text: IT}, {code: hr, text: HR}, {code: legal, text: Legal}, {code: sales, text: Sales}]
  - code: picks
    kind: multi
    text: Which?
    options: [{code: a, text: a}, {code: b, text: b}, {code: c, text: c}]
`

func parse(tb testing.TB, text string) *survey.Questionnaire {
	tb.Helper()
	q, err := survey.Parse([]byte(text), "test.yaml", nil)
	if err != nil {
		tb.Fatal(err)
	}
	return q
}

// add adds n people who gave these answers, in the order of the columns.
func add(tb testing.TB, w *Wave, n int, cells ...string) {
	tb.Helper()
	d := w.Questionnaire().NewDecoder()
	rec := &survey.Record{Weight: 1, Values: make([]survey.Value, len(w.Questionnaire().Columns()))}
	for i, cell := range cells {
		if problem := d.Decode(i, cell, &rec.Values[i]); problem != nil {
			tb.Fatal(problem)
		}
	}
	for range n {
		w.Add(rec)
	}
}

func TestASmallBaseIsAnErrorThatDoesNotTellHowSmall(t *testing.T) {
	w := New(parse(t, twoQuestions), survey.Internal, 5)
	add(t, w, 4, "it", "a;b")
	add(t, w, 20, "it", "")
	_, err := w.Table(View{Item: "picks"})
	if !errors.Is(err, ErrWithheld) {
		t.Fatalf("four answers give %v, want ErrWithheld", err)
	}
	if got, want := err.Error(), "internal: fewer than 5 people answered picks: withheld to protect people"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	add(t, w, 1, "it", "none")
	if table, err := w.Table(View{Item: "picks"}); err != nil || table.N != 5 || table.None != 1 || table.Missing != 20 {
		t.Errorf("five answers give %+v, %v", table, err)
	}
}

// What is shown and the total must not give a hidden group of 1 to 4 by subtraction.
func TestWithheldSegmentsCannotBeSubtracted(t *testing.T) {
	departments := []string{"it", "hr", "legal", "sales"}
	random := rand.New(rand.NewPCG(3, 4))
	for range 500 {
		w := New(parse(t, twoQuestions), survey.Internal, 5)
		total := 0
		for _, d := range departments {
			n := random.IntN(12)
			total += n
			add(t, w, n, d, "a")
		}
		x, err := w.Crosstab(View{Item: "picks"}, "department")
		if total < 5 {
			if !errors.Is(err, ErrWithheld) && (total > 0 || !errors.Is(err, ErrNobody)) {
				t.Fatalf("a total of %d gives %v", total, err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		hidden, withheld := x.Total.N, 0
		for _, table := range x.Tables {
			if table == nil {
				withheld++
				continue
			}
			hidden -= table.N
			if table.N < 5 {
				t.Fatalf("a segment of %d is shown", table.N)
			}
		}
		if hidden > 0 && hidden < 5 {
			t.Fatalf("%d hidden people come out by subtraction", hidden)
		}
		if x.Withheld != withheld {
			t.Errorf("says %d withheld of %d", x.Withheld, withheld)
		}
	}
}

// Every width of mask, with and without weights and groups, equals a plain loop.
func TestTablesEqualAPlainLoop(t *testing.T) {
	for _, options := range []int{1, 3, 10, 15, 16, 17, 31, 32, 40, survey.MaxOptions} {
		for _, weighted := range []bool{false, true} {
			t.Run(fmt.Sprint(options, weighted), func(t *testing.T) { equalsAPlainLoop(t, options, weighted) })
		}
	}
}

func equalsAPlainLoop(t *testing.T, options int, weighted bool) {
	t.Helper()
	q := wideQuestionnaire(t, options, 20)
	random := rand.New(rand.NewPCG(uint64(options), 7))
	w := New(q, survey.External, 1)
	type sums struct{ n, w float64 }
	want := make([][]sums, 20)
	for i := range want {
		want[i] = make([]sums, options)
	}
	rec := &survey.Record{Values: make([]survey.Value, 2)}
	bases := make([]int, 20)
	for range 3000 {
		segment := random.IntN(21) // 20 is no answer
		rec.Values[0] = survey.Value{State: survey.Answered, Bits: uint64(segment)}
		if segment == 20 {
			rec.Values[0] = survey.Value{}
		}
		set := random.Uint64() & random.Uint64() & (1<<options - 1)
		rec.Values[1] = survey.Value{State: survey.Answered, Bits: set}
		switch {
		case random.IntN(10) == 0:
			rec.Values[1] = survey.Value{}
		case set == 0:
			rec.Values[1] = survey.Value{State: survey.None}
		}
		rec.Weight = 1
		if weighted {
			rec.Weight = float64(1 + random.IntN(4))
		}
		w.Add(rec)
		if segment == 20 || rec.Values[1].State == survey.Missing {
			continue
		}
		bases[segment]++
		for o := range options {
			if rec.Values[1].Bits>>o&1 == 1 {
				want[segment][o].n++
				want[segment][o].w += rec.Weight
			}
		}
	}
	x, err := w.Crosstab(View{Item: "picks"}, "segment")
	if err != nil {
		t.Fatal(err)
	}
	for s, table := range x.Tables {
		if table.N != bases[s] {
			t.Errorf("segment %d: base %d, want %d", s, table.N, bases[s])
		}
		chosen, judged := table.Counts()
		for o := range options {
			if float64(chosen[o].N) != want[s][o].n || chosen[o].W != want[s][o].w || judged[o].N != table.N {
				t.Errorf("segment %d, option %d: %+v of %+v; want %+v of %d", s, o, chosen[o], judged[o], want[s][o], table.N)
			}
		}
	}
	// The segments one by one, and their rests, are the same people.
	for s := range 20 {
		option := q.Items[0].Options[s].Code
		only, err := w.Table(View{Item: "picks", Only: []Segment{{Item: "segment", Option: option}}})
		if err != nil || only.N != bases[s] {
			t.Fatalf("only %s: %v, %v; want %d", option, only, err, bases[s])
		}
		rest, err := w.Table(View{Item: "picks", Only: []Segment{{Item: "segment", Option: option, Rest: true}}})
		if err != nil || rest.N+only.N != x.Total.N {
			t.Fatalf("%s and the rest: %d and %d; want %d together", option, only.N, rest.N, x.Total.N)
		}
	}
}

// wideQuestionnaire asks for a segment and for picks.
func wideQuestionnaire(tb testing.TB, options, segments int) *survey.Questionnaire {
	tb.Helper()
	list := func(prefix string, n int) string {
		text := ""
		for i := range n {
			text += fmt.Sprintf("      - {code: %s%d, text: %s%d}\n", prefix, i, prefix, i)
		}
		return text
	}
	return parse(tb, "code: wide\nversion: 1\naudience: external\nlanguages: [en]\ntitle: Wide\nitems:\n"+
		"  - code: segment\n    kind: single\n    background: true\n    text: Who?\n    options:\n"+list("s", segments)+
		"  - code: picks\n    kind: multi\n    text: Which?\n    options:\n"+list("o", options))
}

func TestJoinMatchesPeopleWhicheverSideIsLarger(t *testing.T) {
	q := parse(t, twoQuestions)
	wave := func(from, to int, cell string) *Wave {
		w := New(q, survey.Internal, 1)
		d := q.NewDecoder()
		for i := from; i < to; i++ {
			rec := &survey.Record{Weight: 1, Respondent: fmt.Sprint(i), Values: make([]survey.Value, 2)}
			if problem := d.Decode(1, cell, &rec.Values[1]); problem != nil {
				t.Fatal(problem)
			}
			w.Add(rec)
		}
		return w
	}
	small, large := wave(90, 100, "a"), wave(0, 95, "b;c")
	for _, tt := range []struct {
		first, second         *Wave
		onlyFirst, onlySecond int
		chosen                JointCell
	}{
		{large, small, 90, 5, JointCell{First: 0b110, Second: 0b001}},
		{small, large, 5, 90, JointCell{First: 0b001, Second: 0b110}},
	} {
		j, err := Join(tt.first, tt.second, View{Item: "picks"})
		if err != nil {
			t.Fatal(err)
		}
		if j.N != 5 || j.OnlyFirst != tt.onlyFirst || j.OnlySecond != tt.onlySecond || len(j.Cells) != 1 {
			t.Fatalf("%+v; want 5 in both, %d and %d in one", j, tt.onlyFirst, tt.onlySecond)
		}
		if c := j.Cells[0]; c.First != tt.chosen.First || c.Second != tt.chosen.Second || c.Judged != 0b111 || c.N != 5 {
			t.Errorf("%+v, want %+v of 5", c, tt.chosen)
		}
	}
}

func TestWhatCannotBeTabledSaysWhy(t *testing.T) {
	w := New(parse(t, twoQuestions), survey.Internal, 1, "picks")
	add(t, w, 10, "it", "a")
	for _, tt := range []struct {
		name string
		make func() error
	}{
		{"an item that does not exist", func() error { _, err := w.Table(View{Item: "colour"}); return err }},
		{"a segment that is not held", func() error { _, err := w.Crosstab(View{Item: "picks"}, "department"); return err }},
		{"segments of picks", func() error { _, err := w.Crosstab(View{Item: "picks"}, "picks"); return err }},
		{"an item that is not held", func() error { _, err := w.Table(View{Item: "department"}); return err }},
	} {
		if err := tt.make(); err == nil || errors.Is(err, ErrWithheld) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}
