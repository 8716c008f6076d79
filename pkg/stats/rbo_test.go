package stats

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"
)

// parseRanking reads "a (b c) d": groups in parentheses are ties.
func parseRanking(t *testing.T, text string) [][]string {
	t.Helper()
	var groups [][]string
	for len(text) > 0 {
		text = strings.TrimSpace(text)
		if inside, found := strings.CutPrefix(text, "("); found {
			group, rest, closed := strings.Cut(inside, ")")
			if !closed {
				t.Fatalf("no closing parenthesis in %q", text)
			}
			groups, text = append(groups, strings.Fields(group)), rest
			continue
		}
		item, rest, _ := strings.Cut(text, " ")
		groups, text = append(groups, []string{item}), rest
	}
	return groups
}

type overlapFixture struct{ Ext, Min, Max, Res float64 }

func (f overlapFixture) check(t *testing.T, x, y string, p float64, ties TieRule) {
	t.Helper()
	what := fmt.Sprintf("RBO of %s and %s, p = %v, tie rule %d", x, y, p, ties)
	got := must[Overlap](t)(RBOTies(parseRanking(t, x), parseRanking(t, y), p, ties))
	near(t, what+" ext", got.Extrapolated, f.Ext, closedForm)
	near(t, what+" min", got.Low, f.Min, closedForm)
	near(t, what+" max", got.High, f.Max, closedForm)
	near(t, what+" res", got.Residual(), f.Res, closedForm)
	swapped := must[Overlap](t)(RBOTies(parseRanking(t, y), parseRanking(t, x), p, ties))
	near(t, what+" swapped", swapped.Extrapolated, f.Ext, closedForm)
}

// Worked examples by the R implementation of Corsi & Urbano (SIGIR 2024), top weights of Webber et al. (2010).
func TestRBOFixture(t *testing.T) {
	var fixture struct {
		Weights struct {
			Rows []struct {
				P, Weight float64
				D         int
			}
		} `json:"webber_top_d_weight"`
		Cases []struct {
			X, Y    string
			P       float64
			W, A, B overlapFixture
		} `json:"own_cases"`
		Chance struct {
			Rows []struct {
				P, Baseline float64
				K           int
			}
		} `json:"chance_baseline"`
	}
	load(t, "rbo.json", &fixture)
	if len(fixture.Cases) != 50 || len(fixture.Weights.Rows) != 24 || len(fixture.Chance.Rows) != 25 {
		t.Error("rbo.json is not whole")
	}
	for _, tt := range fixture.Cases {
		tt.W.check(t, tt.X, tt.Y, tt.P, TiesShared)
		tt.A.check(t, tt.X, tt.Y, tt.P, TiesAveraged)
		tt.B.check(t, tt.X, tt.Y, tt.P, TiesCorrelated)
	}
	for _, tt := range fixture.Weights.Rows {
		near(t, fmt.Sprintf("top weight p = %v, d = %d", tt.P, tt.D), must[float64](t)(RBOTopWeight(tt.P, tt.D)), tt.Weight, closedForm)
	}
	// Webber et al. (2010), section 4.4: 86 % of the weight on the first ten at p = .9.
	near(t, "published top weight", must[float64](t)(RBOTopWeight(0.9, 10)), 0.8556, 5e-5)
	for _, tt := range fixture.Chance.Rows {
		near(t, fmt.Sprintf("chance p = %v, K = %d", tt.P, tt.K), must[float64](t)(RBOChance(tt.K, tt.P)), tt.Baseline, closedForm)
	}
}

// The authors' own test set has a licence that keeps it out of this repository; where it lies beside the
// checkout it is used.
func TestRBOAuthorsTestSet(t *testing.T) {
	text, err := os.ReadFile("../../../shared/fixtures/rbo.json")
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("the authors' test set (CC BY-SA 4.0) is not beside this checkout")
	}
	if err != nil {
		t.Fatal(err)
	}
	var fixture struct {
		Cases []struct {
			X, Y string
			P    float64
			WExt float64 `json:"w.ext"`
			WMin float64 `json:"w.min"`
			WMax float64 `json:"w.max"`
			WRes float64 `json:"w.res"`
			AExt float64 `json:"a.ext"`
			AMin float64 `json:"a.min"`
			AMax float64 `json:"a.max"`
			ARes float64 `json:"a.res"`
			BExt float64 `json:"b.ext"`
			BMin float64 `json:"b.min"`
			BMax float64 `json:"b.max"`
			BRes float64 `json:"b.res"`
		} `json:"tie_cases"`
	}
	if err := json.Unmarshal(text, &fixture); err != nil {
		t.Fatal(err)
	}
	if len(fixture.Cases) != 200 {
		t.Errorf("%d rows, want 200", len(fixture.Cases))
	}
	for _, tt := range fixture.Cases {
		overlapFixture{tt.WExt, tt.WMin, tt.WMax, tt.WRes}.check(t, tt.X, tt.Y, tt.P, TiesShared)
		overlapFixture{tt.AExt, tt.AMin, tt.AMax, tt.ARes}.check(t, tt.X, tt.Y, tt.P, TiesAveraged)
		overlapFixture{tt.BExt, tt.BMin, tt.BMax, tt.BRes}.check(t, tt.X, tt.Y, tt.P, TiesCorrelated)
	}
}

// Variant a is by definition the mean over all orders of the tied items, and the chance level the mean over all
// orders of a list: both by enumeration.
func TestRBOByEnumeration(t *testing.T) {
	const p = 0.7
	a, b := []int{1, 2, 2, 2, 5}, []int{2, 1, 3, 5, 4}
	var sum, count float64
	for order := range permutations([]int{2, 3, 4}) {
		broken := []int{1, order[0], order[1], order[2], 5}
		sum += must[float64](t)(RBO(broken, b, p))
		count++
	}
	near(t, "RBO with ties", must[float64](t)(RBO(a, b, p)), sum/count, 1e-13)

	sum, count = 0, 0
	for order := range permutations([]int{1, 2, 3, 4, 5, 6}) {
		sum += must[float64](t)(RBO([]int{1, 2, 3, 4, 5, 6}, order, p))
		count++
	}
	if count != 720 {
		t.Fatalf("%v orders of six, want 720", count)
	}
	near(t, "chance level of six items", must[float64](t)(RBOChance(6, p)), sum/count, 1e-13)
}

// permutations yields every order of the values, in one slice that it keeps changing.
func permutations(values []int) func(yield func([]int) bool) {
	return func(yield func([]int) bool) {
		var place func(from int) bool
		place = func(from int) bool {
			if from == len(values) {
				return yield(values)
			}
			for i := from; i < len(values); i++ {
				values[from], values[i] = values[i], values[from]
				if !place(from + 1) {
					return false
				}
				values[from], values[i] = values[i], values[from]
			}
			return true
		}
		place(0)
	}
}

func TestRBORefusals(t *testing.T) {
	one := [][]string{{"a"}}
	for _, p := range []float64{0, 1, -0.7, 70} {
		_, err := RBOTies(one, one, p, TiesAveraged)
		refused(t, "RBOTies", "a bad p", err)
		_, err = RBO([]int{1, 2}, []int{2, 1}, p)
		refused(t, "RBO", "a bad p", err)
		_, err = RBOChance(5, p)
		refused(t, "RBOChance", "a bad p", err)
		_, err = RBOTopWeight(p, 3)
		refused(t, "RBOTopWeight", "a bad p", err)
	}
	for _, bad := range [][][]string{nil, {{}}, {{"a"}, {}}, {{"a"}, {"a"}}, {{"a", "a"}}} {
		_, err := RBOTies(one, bad, 0.7, TiesAveraged)
		refused(t, "RBOTies", fmt.Sprint(bad), err)
		_, err = RBOTies(bad, one, 0.7, TiesAveraged)
		refused(t, "RBOTies", fmt.Sprint(bad), err)
	}
	if _, err := RBO(nil, nil, 0.7); !errors.Is(err, ErrUndefined) {
		t.Errorf("RBO of nothing: error %v, want ErrUndefined", err)
	}
	_, err := RBOTies(one, one, 0.7, TieRule(9))
	refused(t, "RBOTies", "an unknown tie rule", err)
	_, err = RBOChance(0, 0.7)
	refused(t, "RBOChance", "no items", err)
	_, err = RBOTopWeight(0.7, 0)
	refused(t, "RBOTopWeight", "no depth", err)
}

func BenchmarkRBO(b *testing.B) {
	for _, items := range []int{12, 30} {
		b.Run(fmt.Sprintf("%d_items", items), func(b *testing.B) {
			x, y := make([]int, items), make([]int, items)
			for i := range items {
				x[i], y[i] = i/2*2+1, (i*7)%items+1
			}
			for b.Loop() {
				if _, err := RBO(x, y, 0.7); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
