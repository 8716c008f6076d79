package survey

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestConditions(t *testing.T) {
	tests := []struct {
		condition string
		cells     map[string]string
		want      bool
	}{
		{`channel == "phone"`, map[string]string{"channel": "phone"}, true},
		{`channel == "phone"`, nil, false},
		{`channel != "none"`, map[string]string{"channel": "none"}, false},
		{`channel in ["phone", "web"]`, map[string]string{"channel": "web"}, true},
		{`count(expectations) > 1`, map[string]string{"expectations": "speed"}, false},
		{`count(expectations) > 1`, map[string]string{"expectations": "speed;ease"}, true},
		{`count(expectations) == 0`, map[string]string{"expectations": "nothing"}, true}, // exclusive options do not count
		{`has(expectations, "nothing")`, map[string]string{"expectations": "nothing"}, true},
		{`"ease" in expectations`, map[string]string{"expectations": "speed;ease"}, true},
		{`"ease" in expectations`, nil, false},
		{`answered(expectations)`, map[string]string{"expectations": "none"}, false},
		{`count(places) == 2 and places[0] == "B"`, map[string]string{"places": "B>A"}, true},
		{`places[0] == "B"`, nil, false}, // cannot be computed, so it does not hold
		{`performance.speed <= 2`, map[string]string{"performance.speed": "2"}, true},
		{`performance.speed <= 2`, nil, false},
		{`performance.speed <= 2 or performance.speed > 2`, map[string]string{"performance.speed": "cannot_say"}, false},
		{`performance["ease"] == 5`, map[string]string{"performance.ease": "5"}, true},
		{`performance.speed in [1, 2]`, map[string]string{"performance.speed": "2"}, true},
		{`performance.speed in [1, 2]`, map[string]string{"performance.speed": "3"}, false},
		{`not answered(performance.speed)`, map[string]string{"performance.speed": "cannot_say"}, true},
		{`overall + recommendation > 12`, map[string]string{"overall": "5", "recommendation": "8"}, true},
		{`hours >= 7.5`, map[string]string{"hours": "7.5"}, true},
		{`duties.goals == "hr" && duties.means != "hr"`, map[string]string{"duties.goals": "hr", "duties.means": "all"}, true},
		{`comment contains "help" || comment == ""`, map[string]string{"overall": "1", "comment": "no help"}, true},
		{`comment == ""`, nil, true},
		{`true`, nil, true},
		{`"ease" not in expectations`, map[string]string{"expectations": "speed"}, true},
		{`not ("ease" in expectations)`, map[string]string{"expectations": "speed;ease"}, false},
		{`len(expectations) > 1`, map[string]string{"expectations": "speed;ease"}, true},
		{`len(expectations) == 0`, map[string]string{"expectations": "nothing"}, true}, // like count
		{`count(expectations) == 2 and has(expectations, "other")`, map[string]string{"expectations": "speed;other"}, true},
	}
	for _, tt := range tests {
		q := questionnaireOf(t, everyKind+"  - code: last\n    kind: text\n    text: {en: Last, pl: Ostatnie}\n    show_if: '"+tt.condition+"'\n")
		item, _ := q.Item("last")
		values := decodeAll(t, q, q.NewDecoder(), tt.cells)
		if got := item.ShowIf.Holds(values); got != tt.want {
			t.Errorf("%s with %v: %v; want %v", tt.condition, tt.cells, got, tt.want)
		}
		var memo conditionMemo
		for range 2 {
			if got := memo.holds(item.ShowIf, values); got != tt.want {
				t.Errorf("%s with %v, remembered: %v; want %v", tt.condition, tt.cells, got, tt.want)
			}
		}
	}
}

func TestConditionItems(t *testing.T) {
	q := questionnaireOf(t, everyKind+"  - code: last\n    kind: text\n    text: {en: L, pl: L}\n    show_if: 'performance.ease > 1 or has(expectations, \"ease\") or performance.speed > 1'\n")
	item, _ := q.Item("last")
	if got := item.ShowIf.Items(); !slices.Equal(got, []ItemCode{"expectations", "performance"}) {
		t.Errorf("depends on %v", got)
	}
}

// TestHyphens: item codes may have hyphens, which the expression language would read as minus.
func TestHyphens(t *testing.T) {
	q := questionnaireOf(t, `
  - {code: served-by, kind: single, text: {en: A, pl: A}, options: [{code: the-it, text: {en: IT, pl: IT}}]}
  - {code: served-by-whom, kind: text, text: {en: A, pl: A}, show_if: 'served-by == "the-it"'}
  - {code: last, kind: text, text: {en: A, pl: A}, show_if: 'served-by-whom == "served-by" and served-by != ""'}
`)
	values := decodeAll(t, q, q.NewDecoder(), map[string]string{"served-by": "the-it", "served-by-whom": "served-by"})
	for _, code := range []ItemCode{"served-by-whom", "last"} {
		if item, _ := q.Item(code); !item.ShowIf.Holds(values) {
			t.Errorf("%s: %s does not hold", code, item.ShowIf)
		}
	}
}

// TestDots: codes of options and rows may have dots; those of items have none.
func TestDots(t *testing.T) {
	q := questionnaireOf(t, `
  - code: values
    kind: rating
    text: {en: A, pl: A}
    scale: {min: 1, max: 5}
    rows:
      - {code: USER.VALUES.SECURITY, text: {en: A, pl: A}}
      - {code: USER-1.5, text: {en: A, pl: A}}
      - {code: USER, text: {en: A, pl: A}}
  - {code: of-it, kind: multi, text: {en: A, pl: A}, options: [{code: a.b, text: {en: X, pl: X}}, {code: 1.0, text: {en: Y, pl: Y}}]}
  - {code: a, kind: text, text: {en: A, pl: A}, show_if: values.USER.VALUES.SECURITY == 4}
  - {code: b, kind: text, text: {en: A, pl: A}, show_if: 'values["USER.VALUES.SECURITY"] == 4'}
  - {code: c, kind: text, text: {en: A, pl: A}, show_if: 'values["USER-1.5"] == 3 and values.USER == 2 and has(of-it, "a.b") and "1.0" in of-it'}
  - {code: d, kind: text, text: {en: "{{values.USER.VALUES.SECURITY}}", pl: "{{ values.USER }}"}}
`)
	values := decodeAll(t, q, q.NewDecoder(), map[string]string{
		"values.USER.VALUES.SECURITY": "4", "values.USER-1.5": "3", "values.USER": "2", "of-it": "1.0;a.b",
	})
	for _, code := range []ItemCode{"a", "b", "c"} {
		if item, _ := q.Item(code); !item.ShowIf.Holds(values) {
			t.Errorf("%s does not hold", item.ShowIf)
		}
	}
	last, _ := q.Item("d")
	if got := q.Pipe(last.Text["en"]+last.Text["pl"], English, values); got != "42" {
		t.Errorf("piped: %q", got)
	}
	answers, err := q.ReadAnswers(map[string][]string{"values.USER.VALUES.SECURITY": {"4"}, "of-it": {"a.b"}})
	if err != nil {
		t.Fatal(err)
	}
	stored, err := answers.MarshalJSON()
	if err != nil || string(stored) != `{"values.USER.VALUES.SECURITY":4,"of-it":["a.b"]}` {
		t.Errorf("stored as %s, %v", stored, err)
	}
}

func TestPipe(t *testing.T) {
	q := questionnaireOf(t, everyKind)
	values := decodeAll(t, q, q.NewDecoder(), map[string]string{
		"channel": "phone", "expectations": "ease;speed", "order": "ease>speed", "hours": "7.5", "performance.speed": "4",
		"overall": "1", "comment": "{{channel}} x",
	})
	tests := []struct{ text, want string }{
		{"no answers", "no answers"},
		{"You came {{channel}}.", "You came Telefonicznie."},
		{"{{ expectations }} / {{order}}", "Szybkość, Łatwość / Łatwość, Szybkość"},
		{"{{hours}} {{performance.speed}} [{{recommendation}}]", "7.5 4 []"},
		{"You said: {{comment}}", "You said: {{channel}} x"}, // an answer is not searched for more
	}
	for _, tt := range tests {
		if got := q.Pipe(tt.text, "pl", values); got != tt.want {
			t.Errorf("%q: %q; want %q", tt.text, got, tt.want)
		}
	}
}

func TestShownOrder(t *testing.T) {
	q := questionnaireOf(t, strings.Replace(everyKind, "    max: 3\n    text: {en: Which matter", "    max: 3\n    random: true\n    text: {en: Which matter", 1))
	item, _ := q.Item("expectations")
	// Orders are stored beside answers, so they are the same for ever: these were drawn once.
	for seed, want := range map[uint64]string{1: orderOfSeed1, 2: orderOfSeed2} {
		if got := fmt.Sprint(item.ShownOrder(seed)); got != want {
			t.Errorf("seed %d: %s; want %s", seed, got, want)
		}
	}
	// Each of the 24 orders of the four options is as likely as the others; the exclusive one and the own answer stay last.
	// 99.9 % quantile of chi-square with 23 degrees of freedom: 49.73.
	const draws = 24_000
	counts := make(map[string]int)
	for seed := range uint64(draws) {
		order := item.ShownOrder(seed)
		if order[4] != 4 || order[5] != 5 {
			t.Fatalf("seed %d: %v does not end with the exclusive option and the own answer", seed, order)
		}
		counts[fmt.Sprint(order)]++
	}
	chi2 := 0.0
	for _, n := range counts {
		chi2 += float64((n-draws/24)*(n-draws/24)) / (draws / 24)
	}
	if len(counts) != 24 || chi2 > 49.73 {
		t.Errorf("%d orders, chi-square %.1f; want 24, below 49.73", len(counts), chi2)
	}
	fixed, _ := q.Item("places")
	if got := fmt.Sprint(fixed.ShownOrder(7)); got != "[0 1 2 3]" {
		t.Errorf("not random, but %s", got)
	}
	asWritten := Item{Options: []Option{{Code: "none", Exclusive: true}, {Code: "a"}, {Code: "other", Other: true}, {Code: "b"}}}
	if got := fmt.Sprint(asWritten.ShownOrder(7)); got != "[0 1 2 3]" {
		t.Errorf("not random, but %s", got)
	}
}

const (
	orderOfSeed1 = "[1 3 0 2 4 5]"
	orderOfSeed2 = "[0 2 3 1 4 5]"
)

// FuzzCondition: whatever stands in show_if is refused at a spot, or can be computed for any answers.
func FuzzCondition(f *testing.F) {
	for _, condition := range []string{
		`channel == "phone"`, `count(expectations) > 1 and has(places, "A")`, `performance.speed in [1, 2]`, `not answered(hours)`,
		`hours / 0 > 1 ? true : false`, `comment matches "("`, `places[7] == "A"`, `1..9 == 3`, `let x = 1; x > 0`, `{"a": 1}.a == 1`,
		`comment[0:2] == "a"`, `performance.speed.ease > 1`, `len(places) > 1 and "A" not in places`, `performance.speed["ease"].x == 1`, `overall ** overall ** overall > 1`, `channel?.x`, `"ж" == comment`, `hours % 2 == 1`,
	} {
		f.Add(condition, "speed;ease", 7.5)
	}
	f.Fuzz(func(t *testing.T, condition, picks string, hours float64) {
		source := "code: q\nlanguages: [en, pl]\ntitle: {en: T, pl: T}\nitems:\n" + everyKind +
			"  - code: last\n    kind: text\n    text: {en: L, pl: L}\n    show_if: " + fmt.Sprintf("%q", condition) + "\n"
		q, err := Parse([]byte(source), "q.yaml", nil)
		if err != nil {
			return
		}
		item, _ := q.Item("last")
		d := q.NewDecoder()
		values := make([]Value, len(q.Columns()))
		item.ShowIf.Holds(values)
		for i := range values {
			for _, cell := range []string{picks, fmt.Sprint(hours), "A>B", "phone", "3", "hr"} {
				if d.Decode(i, cell, &values[i]) == nil {
					break
				}
			}
		}
		var memo conditionMemo
		holds := item.ShowIf.Holds(values)
		for range 2 { // computed, then from memory
			if got := memo.holds(item.ShowIf, values); got != holds {
				t.Errorf("%s: remembered %v, computed %v", condition, got, holds)
			}
		}
	})
}
