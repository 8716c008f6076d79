package survey

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// questionnaireOf parses a questionnaire of tests from its items.
func questionnaireOf(tb testing.TB, items string) *Questionnaire {
	tb.Helper()
	return parseText(tb, "code: q\nlanguages: [en, pl]\ntitle: {en: T, pl: T}\nitems:\n"+items)
}

func parseText(tb testing.TB, text string) *Questionnaire {
	tb.Helper()
	q, err := Parse([]byte(text), "q.yaml", nil)
	if err != nil {
		tb.Fatal(err)
	}
	return q
}

// everyKind is a questionnaire with an item of each kind, and each rule that an answer can break.
const everyKind = `
  - code: channel
    kind: single
    text: {en: Which way?, pl: Jak?}
    options:
      - {code: phone, text: {en: By phone, pl: Telefonicznie}}
      - {code: web, text: {en: On the web, pl: Przez internet}}
      - {code: none, exclusive: true, text: {en: I did not, pl: Brak kontaktu}}
  - code: expectations
    kind: multi
    max: 3
    text: {en: Which matter?, pl: Co ważne?}
    options:
      - {code: speed, text: {en: Speed, pl: Szybkość}}
      - {code: ease, text: {en: Ease, pl: Łatwość}}
      - {code: care, text: {en: Care, pl: Troska}}
      - {code: price, text: {en: Price, pl: Cena}}
      - {code: nothing, exclusive: true, text: {en: None of these, pl: Żadne z tych}}
      - {code: other, other: true, text: {en: 'Other, please specify', pl: Inne}}
  - code: order
    kind: rank
    of: expectations
    show_if: count(expectations) > 1
    text: {en: In which order?, pl: W jakiej kolejności?}
  - code: places
    kind: rank
    min: 2
    max: 3
    text: {en: Best three?, pl: Trzy najlepsze?}
    options:
      - {code: A, text: {en: A, pl: A}}
      - {code: B, text: {en: B, pl: B}}
      - {code: C, text: {en: C, pl: C}}
      - {code: D, text: {en: D, pl: D}}
  - code: performance
    kind: rating
    scale: {min: 1, max: 5, cannot_say: true}
    text: {en: How well?, pl: Jak?}
    rows:
      - {code: speed, text: {en: Speed, pl: Szybkość}}
      - {code: ease, text: {en: Ease, pl: Łatwość}}
  - code: overall
    kind: rating
    required: true
    scale: {min: 1, max: 5}
    text: {en: Overall?, pl: Ogólnie?}
  - code: hours
    kind: number
    min: 0
    max: 80
    decimals: 1
    text: {en: Hours?, pl: Godziny?}
  - code: recommendation
    kind: nps
    text: {en: Recommend?, pl: Czy polecisz?}
  - code: duties
    kind: matrix
    text: {en: Who?, pl: Kto?}
    rows:
      - {code: goals, text: {en: Goals, pl: Cele}}
      - {code: means, text: {en: Means, pl: Środki}}
    options:
      - {code: hr, text: {en: HR, pl: Kadry}}
      - {code: all, text: {en: Everyone, pl: Wszyscy}}
  - code: comment
    kind: text
    length: 20
    show_if: answered(overall)
    text: {en: Why?, pl: Dlaczego?}
`

func TestDecode(t *testing.T) {
	q := questionnaireOf(t, everyKind)
	tests := []struct {
		key, cell string
		want      Value
		problem   string
	}{
		{"channel", "", Value{}, ""},
		{"channel", " web ", Value{State: Answered, Bits: 1}, ""},
		{"channel", "none", Value{State: Answered, Bits: 2}, ""}, // the option of that code
		{"channel", "Web", Value{}, `no option "Web" (did you mean "web"?)`},
		{"channel", "phone;web", Value{}, `no option "phone;web"`},
		{"channel", "cannot_say", Value{}, `no option "cannot_say"`},
		{"expectations", "ease;speed", Value{State: Answered, Bits: 0b11}, ""},
		{"expectations", " ease ; speed", Value{State: Answered, Bits: 0b11}, ""},
		{"expectations", "none", Value{State: None}, ""},
		{"expectations", "nothing", Value{State: Answered, Bits: 0b10000}, ""},
		{"expectations", "nothing;ease", Value{}, `"nothing" excludes every other option, but comes with "ease"`},
		{"expectations", "none;ease", Value{}, `"none" excludes every other option, but comes with "ease"`},
		{"expectations", "speed;none", Value{}, `"none" excludes every other option, but comes with "speed"`},
		{"expectations", "none;none", Value{}, `"none" is given twice`},
		{"expectations", "ease;ease", Value{}, `"ease" is given twice`},
		{"expectations", "ease;;speed", Value{}, `an empty code between separators in "ease;;speed"`},
		{"expectations", "ease;speed;", Value{State: Answered, Bits: 0b11}, ""}, // as spreadsheets join columns
		{"expectations", "ease ; ", Value{State: Answered, Bits: 0b10}, ""},
		{"expectations", "ease;;", Value{}, `an empty code between separators in "ease;;"`},
		{"expectations", ";ease", Value{}, `an empty code between separators in ";ease"`},
		{"expectations", ";", Value{}, `an empty code between separators in ";"`},
		{"expectations", "care;other", Value{State: Answered, Bits: 0b100100}, ""},
		{"order", "other", Value{}, `no option "other"`}, // nor are own answers
		{"places", "C>A>", Value{State: Answered, Order: []uint8{2, 0}}, ""},
		{"channel", "web;", Value{}, `no option "web;" (did you mean "web"?)`},
		{"expectations", "speed;ease;care;price", Value{}, "4 options given, at most 3 allowed"},
		{"expectations", "sped", Value{}, `no option "sped" (did you mean "speed"?)`},
		{"expectations", "speed>ease", Value{}, `no option "speed>ease"`},
		{"order", "ease>speed", Value{State: Answered, Order: []uint8{1, 0}}, ""},
		{"order", "nothing", Value{}, `no option "nothing"`}, // exclusive options are not ranked
		{"places", "C>A", Value{State: Answered, Order: []uint8{2, 0}}, ""},
		{"places", "C", Value{}, "1 options given, at least 2 needed"},
		{"places", "A>B>C>D", Value{}, "4 options given, at most 3 allowed"},
		{"places", "A>B>A", Value{}, `"A" is given twice`},
		{"places", "none", Value{State: None}, ""},
		{"performance.speed", "4", Value{State: Answered, Bits: 4}, ""},
		{"performance.speed", "4.0", Value{State: Answered, Bits: 4}, ""},
		{"performance.speed", "4.5", Value{}, `"4.5" is not a whole point of the scale from 1 to 5`},
		{"performance.speed", "0", Value{}, `"0" is not a whole point of the scale from 1 to 5`},
		{"performance.speed", "6", Value{}, `"6" is not a whole point of the scale from 1 to 5`},
		{"performance.speed", "-1", Value{}, `"-1" is not a whole point of the scale from 1 to 5`},
		{"performance.speed", "cannot_say", Value{State: CannotSay}, ""},
		{"performance.speed", "none", Value{}, `"none" is for items with options; leave the answer empty if there is none`},
		{"overall", "cannot_say", Value{}, `"cannot_say" is not offered`},
		{"hours", "7.5", Value{State: Answered, Number: 7.5}, ""},
		{"hours", "7.50", Value{State: Answered, Number: 7.5}, ""},
		{"hours", "7,5", Value{}, `"7,5" is not a number (digits with a decimal point)`},
		{"hours", "7.55", Value{}, `"7.55" has more than 1 decimals`},
		{"hours", "81", Value{}, `"81" is outside 0 to 80`},
		{"hours", "NaN", Value{}, `"NaN" is not a number (digits with a decimal point)`},
		{"hours", "1e999", Value{}, `"1e999" is not a number (digits with a decimal point)`},
		{"hours", "0x1p-2", Value{}, `"0x1p-2" is not a number (digits with a decimal point)`},
		{"recommendation", "10", Value{State: Answered, Bits: 10}, ""},
		{"recommendation", "0", Value{State: Answered, Bits: 0}, ""},
		{"recommendation", "11", Value{}, `"11" is not a whole point of the scale from 0 to 10`},
		{"duties.means", "all", Value{State: Answered, Bits: 1}, ""},
		{"duties.means", "none", Value{State: None}, ""},
		{"comment", " none ", Value{State: Answered, Text: "none"}, ""}, // words are words
		{"comment", "a\r\nb", Value{State: Answered, Text: "a\nb"}, ""},
		{"comment", strings.Repeat("ж", 20), Value{State: Answered, Text: strings.Repeat("ж", 20)}, ""},
		{"comment", strings.Repeat("ж", 21), Value{}, "21 characters, at most 20 allowed"},
		{"comment", "a\x00b", Value{}, "the text has control characters or is not valid UTF-8"},
		{"comment", "a\xffb", Value{}, "the text has control characters or is not valid UTF-8"},
		{"comment", " \t ", Value{}, ""},
	}
	d := q.NewDecoder()
	v := Value{State: Answered, Bits: 99, Order: []uint8{1, 2, 3}, Number: 1, Text: "of the row before"}
	for _, tt := range tests {
		column, ok := q.Column(tt.key)
		if !ok {
			t.Fatalf("no column %s", tt.key)
		}
		got, want := "", tt.problem
		if p := d.Decode(column, tt.cell, &v); p != nil {
			got = p.String()
			want = tt.key + ": " + tt.problem
		}
		if got != want {
			t.Errorf("%s=%q: %q; want %q", tt.key, tt.cell, got, want)
		}
		if diff := cmp.Diff(tt.want, v, sameOrder()); diff != "" {
			t.Errorf("%s=%q: want -, got +\n%s", tt.key, tt.cell, diff)
		}
	}
}

func TestDecodeCodes(t *testing.T) {
	q := questionnaireOf(t, everyKind)
	tests := []struct {
		key   string
		codes []string
		want  string // the cell it is equal to, or the problem
	}{
		{"expectations", nil, ""},
		{"expectations", []string{"care", "ease"}, "ease;care"},
		{"expectations", []string{"none"}, "none"},
		{"expectations", []string{"speed;ease"}, `expectations: no option "speed;ease"`},
		{"expectations", []string{"ease", ""}, `expectations: an empty code between separators in "ease "`},
		{"expectations", []string{"none", "ease"}, `expectations: "none" excludes every other option, but comes with "ease"`},
		{"places", []string{"B", "A"}, "B>A"},
		{"channel", []string{"none"}, "none"},
		{"channel", []string{"web", "web"}, "channel: 2 answers given where one is asked for"},
		{"overall", []string{"3"}, "3"},
		{"comment", []string{"Hello; > world"}, "Hello; > world"},
	}
	d := q.NewDecoder()
	for _, tt := range tests {
		column, _ := q.Column(tt.key)
		var v Value
		var got string
		if p := d.DecodeCodes(column, tt.codes, &v); p != nil {
			got = p.String()
		} else {
			got = string(q.AppendCell(nil, column, &v))
		}
		if got != tt.want {
			t.Errorf("%s %q: %q; want %q", tt.key, tt.codes, got, tt.want)
		}
	}
}

func TestCheck(t *testing.T) {
	q := questionnaireOf(t, everyKind)
	tests := []struct {
		name  string
		cells map[string]string
		lacks []string // columns the source does not have
		want  string
	}{
		{"in order", map[string]string{"expectations": "speed;ease", "order": "ease>speed", "overall": "1", "comment": "x"}, nil, ""},
		{"a partial order", map[string]string{"expectations": "speed;ease", "order": "ease"}, nil, ""},
		{"ranked, not picked", map[string]string{"expectations": "speed;ease", "order": "care>ease"}, nil, `order: "care" is ranked but was not picked in expectations`},
		{"one pick, and the order that follows", map[string]string{"expectations": "speed", "order": "speed"}, nil, ""},
		{"one pick beside an own answer", map[string]string{"expectations": "other;speed", "order": "speed"}, nil, ""},
		{"nothing picked, and nothing put in order", map[string]string{"expectations": "none", "order": "none"}, nil, ""},
		{"one pick, but an order of none", map[string]string{"expectations": "speed", "order": "none"}, nil, "order: answered, but by its show_if the item is not asked here"},
		{
			"one pick, but another put in order",
			map[string]string{"expectations": "speed", "order": "ease"},
			nil,
			`order: answered, but by its show_if the item is not asked here` + "\n" + `order: "ease" is ranked but was not picked in expectations`,
		},
		{
			"one pick put in order twice as long",
			map[string]string{"expectations": "speed", "order": "speed>ease"},
			nil,
			`order: answered, but by its show_if the item is not asked here` + "\n" + `order: "ease" is ranked but was not picked in expectations`,
		},
		{"comment without rating", map[string]string{"comment": "x"}, nil, "comment: answered, but by its show_if the item is not asked here"},
		{"comment, the rating unknown", map[string]string{"comment": "x"}, []string{"overall"}, ""},
		{"order, the picks unknown", map[string]string{"order": "care>ease"}, []string{"expectations"}, ""},
	}
	for _, tt := range tests {
		d := q.NewDecoder()
		for _, key := range tt.lacks {
			column, _ := q.Column(key)
			d.Unknown(column)
		}
		values := decodeAll(t, q, d, tt.cells)
		for range 2 { // the second time from memory
			var got []string
			for _, p := range d.Check(values) {
				got = append(got, p.String())
			}
			if strings.Join(got, "\n") != tt.want {
				t.Errorf("%s: %q; want %q", tt.name, got, tt.want)
			}
		}
	}
}

func TestEffective(t *testing.T) {
	q := questionnaireOf(t, everyKind)
	tests := []struct {
		name       string
		cells      map[string]string
		key        string
		want       string // as a cell
		wantsState State
	}{
		{"one pick is its own order", map[string]string{"expectations": "care"}, "order", "care", Answered},
		{"one pick beside an own answer", map[string]string{"expectations": "other;ease"}, "order", "ease", Answered},
		{"two picks in no order", map[string]string{"expectations": "ease;care"}, "order", "", Missing},
		{"an order given", map[string]string{"expectations": "ease;care", "order": "care>ease"}, "order", "care>ease", Answered},
		{"an order of part", map[string]string{"expectations": "ease;care", "order": "care"}, "order", "care", Answered},
		{"picked nothing", map[string]string{"expectations": "none"}, "order", "none", None},
		{"picked only what excludes the others", map[string]string{"expectations": "nothing"}, "order", "none", None},
		{"picked only an own answer", map[string]string{"expectations": "other"}, "order", "none", None},
		{"picks missing", nil, "order", "", Missing},
		{"a ranking of its own options", nil, "places", "", Missing},
		{"picks are what they are", map[string]string{"expectations": "other;ease"}, "expectations", "ease;other", Answered},
		{"a rating", map[string]string{"performance.ease": "cannot_say"}, "performance.ease", "cannot_say", CannotSay},
	}
	for _, tt := range tests {
		values := decodeAll(t, q, q.NewDecoder(), tt.cells)
		column, _ := q.Column(tt.key)
		before := cmp.Diff(Value{}, values[column])
		got := q.Effective(column, values)
		if cell := string(q.AppendCell(nil, column, &got)); cell != tt.want || got.State != tt.wantsState {
			t.Errorf("%s: %q, state %d; want %q, state %d", tt.name, cell, got.State, tt.want, tt.wantsState)
		}
		if after := cmp.Diff(Value{}, values[column]); after != before {
			t.Errorf("%s: the value itself changed from %s to %s", tt.name, before, after)
		}
	}
}

// TestEffectiveOrder: what is ranked may stand elsewhere in the list of picks than in the order's.
func TestEffectiveOrder(t *testing.T) {
	q := questionnaireOf(t, `
  - code: picks
    kind: multi
    text: {en: A, pl: A}
    options:
      - {code: none, exclusive: true, text: {en: N, pl: N}}
      - {code: own, other: true, text: {en: O, pl: O}}
      - {code: x, text: {en: X, pl: X}}
      - {code: y, text: {en: Y, pl: Y}}
  - {code: order, kind: rank, of: picks, text: {en: A, pl: A}}
`)
	values := make([]Value, 2)
	for picks, want := range map[string]string{"x": "x", "y": "y", "own;y": "y", "own": "none", "none": "none", "x;y": ""} {
		if p := q.NewDecoder().Decode(0, picks, &values[0]); p != nil {
			t.Fatal(p)
		}
		v := q.Effective(1, values)
		if got := string(q.AppendCell(nil, 1, &v)); got != want {
			t.Errorf("%s: order %q; want %q", picks, got, want)
		}
	}
	if n := testing.AllocsPerRun(100, func() { q.Effective(0, values); q.Effective(1, values) }); n > 0 {
		t.Errorf("%v allocations; want none", n)
	}
}

// TestNoneOption: picking nothing of an item that offers "none" is that option once it is in a file; what is
// read from there is written and read again as it is.
func TestNoneOption(t *testing.T) {
	const options = "options: [{code: x, text: {en: X, pl: X}}, {code: y, text: {en: Y, pl: Y}}, {code: none, exclusive: true, text: {en: N, pl: N}}]"
	q := questionnaireOf(t, `
  - {code: single, kind: single, text: {en: A, pl: A}, `+options+`}
  - {code: multi, kind: multi, text: {en: A, pl: A}, `+options+`}
  - {code: rank, kind: rank, text: {en: A, pl: A}, `+options+`}
  - {code: matrix, kind: matrix, text: {en: A, pl: A}, rows: [{code: r.1, text: {en: R, pl: R}}], `+options+`}
  - {code: plain, kind: single, text: {en: A, pl: A}, options: [{code: x, text: {en: X, pl: X}}]}
`)
	want := map[string]Value{
		"single": {State: Answered, Bits: 2}, "multi": {State: Answered, Bits: 0b100}, "rank": {State: Answered, Order: []uint8{2}},
		"matrix.r.1": {State: Answered, Bits: 2}, "plain": {State: None},
	}
	d := q.NewDecoder()
	values := make([]Value, len(q.Columns()))
	for i, c := range q.Columns() {
		values[i] = Value{State: None}
		var read Value
		if p := d.Decode(i, string(q.AppendCell(nil, i, &values[i])), &read); p != nil {
			t.Fatal(p)
		}
		if diff := cmp.Diff(want[c.Key], read, sameOrder()); diff != "" {
			t.Errorf("%s, written and read: %s", c.Key, diff)
		}
		if again := q.AppendCell(nil, i, &read); string(again) != NoneWord {
			t.Errorf("%s, written again: %q", c.Key, again)
		}
		if diff := cmp.Diff(values[i], q.Effective(i, values)); diff != "" {
			t.Errorf("%s: results take one for the other: %s", c.Key, diff)
		}
	}
}

func decodeAll(tb testing.TB, q *Questionnaire, d *Decoder, cells map[string]string) []Value {
	tb.Helper()
	values := make([]Value, len(q.Columns()))
	for key, cell := range cells {
		column, ok := q.Column(key)
		if !ok {
			tb.Fatalf("no column %s", key)
		}
		if p := d.Decode(column, cell, &values[column]); p != nil {
			tb.Fatal(p)
		}
	}
	return values
}

// TestRenamedLabels: labels are for people; renaming or translating them changes no coded answer.
func TestRenamedLabels(t *testing.T) {
	before := questionnaireOf(t, everyKind)
	renamed := strings.NewReplacer("en: Speed", "en: Pace", "pl: Łatwość", "pl: Prostota", "By phone", "On the phone").Replace(everyKind)
	after := questionnaireOf(t, renamed)
	cells := map[string]string{"channel": "phone", "expectations": "ease;speed", "order": "ease>speed", "performance.ease": "5"}
	if diff := cmp.Diff(decodeAll(t, before, before.NewDecoder(), cells), decodeAll(t, after, after.NewDecoder(), cells)); diff != "" {
		t.Error(diff)
	}
}

// FuzzDecode: whatever is accepted obeys the rules, and is written back as a cell that means the same.
func FuzzDecode(f *testing.F) {
	q := questionnaireOf(f, everyKind)
	for i := range q.Columns() {
		for _, cell := range []string{"", "none", "cannot_say", "speed;ease", "A>B>C", "5", "4.0", "-0", "1e1", "phone", "a\r\nb", "ж\u0085"} {
			f.Add(uint8(i), cell)
		}
	}
	d := q.NewDecoder()
	f.Fuzz(func(t *testing.T, at uint8, cell string) {
		column := int(at) % len(q.Columns())
		var v Value
		if p := d.Decode(column, cell, &v); p != nil {
			if p.Rule == "" || p.String() == "" || p.Key != q.Columns()[column].Key {
				t.Errorf("%q: a problem that says nothing: %+v", cell, p)
			}
			if diff := cmp.Diff(Value{Order: v.Order[:0]}, v); diff != "" {
				t.Errorf("%q: refused, but not missing: %s", cell, diff)
			}
			return
		}
		obeysRules(t, q, column, &v)
		again := string(q.AppendCell(nil, column, &v))
		var w Value
		if p := d.Decode(column, again, &w); p != nil {
			t.Fatalf("%q was written back as %q: %v", cell, again, p)
		}
		if diff := cmp.Diff(v, w); diff != "" {
			t.Errorf("%q was written back as %q\n%s", cell, again, diff)
		}
	})
}

// obeysRules checks an accepted answer by the definition of the grammar, not by the decoder's code.
func obeysRules(t *testing.T, q *Questionnaire, column int, v *Value) {
	t.Helper()
	c := q.Columns()[column]
	if v.State != Answered {
		if v.State == CannotSay && (c.Item.Scale == nil || !c.Item.Scale.CannotSay) || v.State == None && !c.Item.HasOptions() {
			t.Errorf("%s: state %d", c.Key, v.State)
		}
		if v.Bits != 0 || len(v.Order) != 0 || v.Number != 0 || v.Text != "" {
			t.Errorf("%s: state %d with an answer %+v", c.Key, v.State, v)
		}
		return
	}
	var picked []int
	for i := range 64 {
		if c.Item.Kind == Multi && v.Bits>>i&1 == 1 {
			picked = append(picked, i)
		}
	}
	for _, at := range v.Order {
		picked = append(picked, int(at))
	}
	seen := make(map[int]bool)
	for _, at := range picked {
		if at >= len(c.Options) || seen[at] || c.Options[at].Exclusive && len(picked) > 1 {
			t.Errorf("%s: picked %v", c.Key, picked)
			return
		}
		seen[at] = true
	}
	switch c.Item.Kind {
	case Single, Matrix:
		if v.Bits >= uint64(len(c.Options)) {
			t.Errorf("%s: option %d of %d", c.Key, v.Bits, len(c.Options))
		}
	case Multi, Rank:
		alone := len(picked) == 1 && c.Options[picked[0]].Exclusive
		if len(picked) > c.Item.Max || len(picked) < c.Item.Min && !alone {
			t.Errorf("%s: %d picks", c.Key, len(picked))
		}
	case Rating, NPS:
		if int(v.Bits) < c.Item.Scale.Min || int(v.Bits) > c.Item.Scale.Max {
			t.Errorf("%s: point %d", c.Key, v.Bits)
		}
	case Number:
		if !(v.Number >= c.Item.Range.Low && v.Number <= c.Item.Range.High) {
			t.Errorf("%s: number %v", c.Key, v.Number)
		}
	case Text:
		if n := len([]rune(v.Text)); n == 0 || n > c.Item.Length {
			t.Errorf("%s: %d characters", c.Key, n)
		}
	}
}

func TestDecodeAllocatesNothing(t *testing.T) {
	q, rows := benchmarkRows(t, 100)
	d := q.NewDecoder()
	values := make([]Value, len(q.Columns()))
	var problem *Problem
	decode := func() { problem = decodeRows(d, rows, values) }
	decode() // memos and orders grow once
	codes := []string{"speed", "ease", "access"}
	column, _ := q.Column("expectations")
	parts := func() { problem = d.DecodeCodes(column, codes, &values[column]) }
	if n := testing.AllocsPerRun(10, parts); n > 0 || problem != nil {
		t.Errorf("%v allocations for an answer in parts, %v; want none", n, problem)
	}
	if n := testing.AllocsPerRun(10, decode); n > 0 || problem != nil {
		t.Errorf("%v allocations in 100 rows, %v; want none", n, problem)
	}
}

func decodeRows(d *Decoder, rows [][]string, values []Value) *Problem {
	for _, row := range rows {
		for column, cell := range row {
			if p := d.Decode(column, cell, &values[column]); p != nil {
				return p
			}
		}
		if problems := d.Check(values); problems != nil {
			return &problems[0]
		}
	}
	return nil
}

// benchmarkRows makes rows of the size of the bundled instruments: a pick of up to three of twelve, their
// order, twelve ratings and two backgrounds.
func benchmarkRows(tb testing.TB, n int) (*Questionnaire, [][]string) {
	tb.Helper()
	codes := strings.Fields("competence needs_met speed courtesy listening reliability ease informed access recovery respect surprise")
	var list, single strings.Builder
	for _, code := range codes {
		fmt.Fprintf(&list, "      - {code: %s, text: x}\n", code)
	}
	for code := range strings.FieldsSeq("it hr accounting purchasing logistics") {
		fmt.Fprintf(&single, "      - {code: %s, text: x}\n", code)
	}
	q := parseText(tb, "code: q\ntitle: t\nitems:\n"+
		"  - code: served_by\n    kind: single\n    text: x\n    options:\n"+single.String()+
		"  - code: expectations\n    kind: multi\n    max: 3\n    text: x\n    options:\n"+list.String()+
		"  - code: order\n    kind: rank\n    of: expectations\n    show_if: count(expectations) > 1\n    text: x\n"+
		"  - code: performance\n    kind: rating\n    text: x\n    scale: {min: 1, max: 5, cannot_say: true}\n    rows:\n"+list.String())
	random := rand.New(rand.NewPCG(1, 2))
	rows := make([][]string, n)
	for i := range rows {
		picks := random.Perm(len(codes))[:1+random.IntN(3)]
		multi := make([]string, len(picks))
		for j, p := range picks {
			multi[j] = codes[p]
		}
		order := ""
		if len(picks) > 1 {
			order = strings.Join(multi, ">")
		}
		row := []string{"accounting", strings.Join(multi, ";"), order}
		for range codes {
			row = append(row, []string{"1", "2", "3", "4", "5", "cannot_say", ""}[random.IntN(7)])
		}
		rows[i] = row
	}
	return q, rows
}

// BenchmarkDecode measures the check of one row of 15 columns.
func BenchmarkDecode(b *testing.B) {
	q, rows := benchmarkRows(b, 1000)
	d := q.NewDecoder()
	values := make([]Value, len(q.Columns()))
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		if p := decodeRows(d, rows[n%1000:n%1000+1], values); p != nil {
			b.Fatal(p)
		}
		n++
	}
}
