package tally

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"

	"cxmirror/pkg/survey"
)

func TestSuppressedCells(t *testing.T) {
	w := New(parse(t, twoQuestions), survey.Internal, 5)
	for _, c := range []struct {
		n                 int
		department, picks string
	}{
		{2, "it", "a;b"},
		{20, "it", "b"}, // 2 of IT chose a: hidden; all of IT chose b
		{10, "hr", "a"},
		{12, "hr", "b"}, // 10 and 12: hidden only to protect IT
		{15, "sales", "a;b"},
		{15, "sales", "none"},
		{8, "legal", "none"}, // nobody chose anything: told
	} {
		add(t, w, c.n, c.department, c.picks)
	}
	x, err := w.Crosstab(View{Item: "picks"}, "department")
	if err != nil {
		t.Fatal(err)
	}
	got, err := x.SuppressedCells(5)
	if err != nil {
		t.Fatal(err)
	}
	// The departments are it, hr, legal, sales; the options a, b, c.
	want := [][]bool{{true, true, false, false}, {false, false, false, false}, {false, false, false, false}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("hidden %v, want %v", got, want)
	}
	// A part that is withheld is no shelter: everything of it is hidden, and IT still needs company among the shown.
	x.Tables[1], x.Withheld = nil, 1
	if got, err = x.SuppressedCells(5); err != nil || !got[0][0] || !got[0][1] || !got[1][1] {
		t.Errorf("with HR withheld: hidden %v, %v", got, err)
	}
	x.Total = x.Tables[0]
	if _, err = x.SuppressedCells(5); err == nil {
		t.Error("parts with more people than everybody pass")
	}
}

func TestSuppressedCellsOfAnOptionThatFewChose(t *testing.T) {
	w := New(parse(t, twoQuestions), survey.Internal, 5)
	add(t, w, 3, "it", "a")
	add(t, w, 20, "it", "b")
	add(t, w, 20, "hr", "b")
	x, err := w.Crosstab(View{Item: "picks"}, "department")
	if err != nil {
		t.Fatal(err)
	}
	x.Tables = x.Tables[:2]
	got, err := x.SuppressedCells(5)
	if want := [][]bool{{true, true}, {true, true}, {false, false}}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("hidden %v, %v; want %v: 3 chose a, and all but 3 chose b", got, err, want)
	}
}

func TestResponseRates(t *testing.T) {
	groups := []ResponseGroup{{"IT", 20, 3}, {"HR", 30, 15}, {"Sales", 40, 38}, {"Legal", 10, 0}, {"Store", 50, 25}, {"Board", 6, 6}}
	rates, err := ResponseRates(groups, 5)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []bool{true, false, true, false, false, false} {
		if r := rates[i]; r.Withheld != want || want && r.Finished != 0 || !want && r.Finished != groups[i].Finished || r.Invited != groups[i].Invited {
			t.Errorf("%+v: withheld %v, want %v", groups[i], r.Withheld, want)
		}
	}
	if rates, err = ResponseRates([]ResponseGroup{{"IT", 20, 2}, {"HR", 30, 1}}, 5); err != nil || !rates[0].Withheld || !rates[1].Withheld {
		t.Errorf("three have finished in all: %+v, %v", rates, err)
	}
	if _, err = ResponseRates([]ResponseGroup{{"IT", 2, 3}}, 5); err == nil {
		t.Error("more have finished than were invited, and that passes")
	}
}

// Whatever the groups, nobody can work out how many have finished of a group that is withheld.
func TestResponseRatesCannotBeWorkedOut(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 8))
	withheld := 0
	for range 300 {
		const k = 4
		groups, total := make([]ResponseGroup, 2+rng.IntN(4)), 0
		for i := range groups {
			invited := 1 + rng.IntN(15)
			groups[i] = ResponseGroup{fmt.Sprint(i), invited, rng.IntN(invited + 1)}
			total += groups[i].Finished
		}
		rates, err := ResponseRates(groups, k)
		if err != nil {
			t.Fatal(err)
		}
		hidden, hiddenFinished, room := 0, 0, 0
		for i, r := range rates {
			small := 0 < groups[i].Finished && groups[i].Finished < k || 0 < groups[i].Invited-groups[i].Finished && groups[i].Invited-groups[i].Finished < k
			if r.Withheld {
				hidden++
				hiddenFinished += groups[i].Finished
				room += groups[i].Invited
			} else if small {
				t.Fatalf("%+v is shown", groups[i])
			}
		}
		if hidden == 1 {
			t.Fatalf("%+v: one group is withheld, and follows from the total %d", rates, total)
		}
		if hidden > 0 {
			withheld++
		}
		if hidden < len(groups) && hidden > 0 && (hiddenFinished == 0 || hiddenFinished == room) {
			t.Fatalf("%+v: of those withheld nobody or everybody has finished, as the total tells", rates)
		}
	}
	if withheld < 100 {
		t.Errorf("only %d of 300 withhold anything", withheld)
	}
}
