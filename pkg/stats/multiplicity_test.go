package stats

import (
	"fmt"
	"math"
	"slices"
	"testing"
)

func TestAdjustedFixture(t *testing.T) {
	// R's p.adjust; the first case is Benjamini & Hochberg (1995), J. R. Stat. Soc. B 57:289-300, section 3.2.
	var fixture struct {
		Cases []struct {
			Name string
			P    []*float64
			Holm []*float64 `json:"adj_holm"`
			BH   []*float64 `json:"adj_BH"`
		}
	}
	load(t, "multiplicity.json", &fixture)
	if len(fixture.Cases) != 5 {
		t.Errorf("%d cases, want 5", len(fixture.Cases))
	}
	for _, tt := range fixture.Cases {
		p := numbers(tt.P)
		holm, bh := must[[]float64](t)(Holm(p)), must[[]float64](t)(BenjaminiHochberg(p))
		for name, pair := range map[string][2][]float64{"Holm": {holm, numbers(tt.Holm)}, "BenjaminiHochberg": {bh, numbers(tt.BH)}} {
			for i, want := range pair[1] {
				what := fmt.Sprintf("%s of %s [%d]", name, tt.Name, i)
				if math.IsNaN(want) {
					if !math.IsNaN(pair[0][i]) {
						t.Errorf("%s = %v, want NaN for a test that was not made", what, pair[0][i])
					}
					continue
				}
				near(t, what, pair[0][i], want, closedForm)
			}
		}
	}
	var rejected int
	for _, q := range must[[]float64](t)(BenjaminiHochberg(numbers(fixture.Cases[0].P))) {
		if q < 0.05 {
			rejected++
		}
	}
	if rejected != 4 {
		t.Errorf("Benjamini & Hochberg's example has %d rejections at 0.05, published 4", rejected)
	}
}

// numbers turns null into NaN.
func numbers(values []*float64) []float64 {
	out := make([]float64, len(values))
	for i, v := range values {
		out[i] = math.NaN()
		if v != nil {
			out[i] = *v
		}
	}
	return out
}

func TestAdjustedProperties(t *testing.T) {
	p := []float64{0.04, 0.01, 0.01, 0.2, 0, 0.04, 0.5, 1, 0.03, 0.0004, 1e-300}
	kept := slices.Clone(p)
	for name, adjust := range map[string]func([]float64) ([]float64, error){"Holm": Holm, "BenjaminiHochberg": BenjaminiHochberg} {
		adjusted := must[[]float64](t)(adjust(p))
		if !slices.Equal(p, kept) {
			t.Fatalf("%s changed its argument", name)
		}
		for i, v := range adjusted {
			if v < p[i] || v > 1 {
				t.Errorf("%s: %v became %v", name, p[i], v)
			}
			for j, w := range adjusted {
				if p[i] < p[j] && v > w {
					t.Errorf("%s turns the order of %v and %v", name, p[i], p[j])
				}
			}
		}
		reversed := slices.Clone(p)
		slices.Reverse(reversed)
		back := must[[]float64](t)(adjust(reversed))
		slices.Reverse(back)
		if !slices.Equal(back, adjusted) {
			t.Errorf("%s depends on the order: %v, %v", name, back, adjusted)
		}
		if empty := must[[]float64](t)(adjust(nil)); len(empty) != 0 {
			t.Errorf("%s of nothing = %v", name, empty)
		}
		for _, bad := range []float64{-1e-9, 1.001, math.Inf(1)} {
			_, err := adjust([]float64{0.5, bad})
			refused(t, name, fmt.Sprint(bad), err)
		}
	}
}
