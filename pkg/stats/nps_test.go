package stats

import (
	"fmt"
	"math"
	"testing"
)

type npsFixture struct {
	Detractors, Passives, Promoters, N float64
	NPS, Var, SE                       float64
	Wald                               [2]float64 `json:"wald95"`
	Adjusted                           [2]float64 `json:"adjusted_wald95"`
}

func (f npsFixture) score(t *testing.T) NetPromoterScore {
	t.Helper()
	return must[NetPromoterScore](t)(NetPromoter(f.Promoters, f.Passives, f.Detractors, 0.95))
}

// Formulas of R's NPS package; Rocks (2016), Am. Stat. 70:365-372.
func TestNetPromoterFixture(t *testing.T) {
	var fixture struct {
		Cases       []npsFixture
		Differences []struct {
			A, B           npsFixture
			Diff, SE, Z, P float64
			Wald           [2]float64 `json:"wald95"`
		}
	}
	load(t, "nps.json", &fixture)
	if len(fixture.Cases) != 8 || len(fixture.Differences) != 2 {
		t.Error("nps.json is not whole")
	}
	for _, tt := range fixture.Cases {
		what := fmt.Sprintf("NPS %v/%v/%v", tt.Promoters, tt.Passives, tt.Detractors)
		got := tt.score(t)
		near(t, what, got.Score, tt.NPS, closedForm)
		near(t, what+" variance", got.Variance, tt.Var, closedForm)
		near(t, what+" n", got.N(), tt.N, 0)
		nearInterval(t, what+" Wald", got.Wald, tt.Wald, closedForm)
		nearInterval(t, what+" adjusted Wald", got.Interval, tt.Adjusted, closedForm)
	}
	for _, tt := range fixture.Differences {
		got := must[NetPromoterDifference](t)(CompareNetPromoter(tt.A.score(t), tt.B.score(t), 0.95))
		near(t, "difference", got.Difference, tt.Diff, closedForm)
		near(t, "SE", math.Sqrt(got.Variance), tt.SE, closedForm)
		near(t, "z", got.Test.Statistic, tt.Z, closedForm)
		near(t, "p", got.Test.P, tt.P, closedForm)
		nearInterval(t, "Wald", got.Wald, tt.Wald, closedForm)
	}
}

func TestNetPromoterProperties(t *testing.T) {
	counts := [][3]float64{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}, {10, 0, 0}, {0, 10, 0}, {5, 0, 5}, {1, 2, 7}, {30.5, 15.2, 5.3}, {5e5, 3e5, 2e5}}
	for _, a := range counts {
		for _, level := range []float64{0.5, 0.8, 0.95, 0.99} {
			what := fmt.Sprint(a, level)
			got := must[NetPromoterScore](t)(NetPromoter(a[0], a[1], a[2], level))
			if !got.Interval.Contains(got.Score) || !got.Wald.Contains(got.Score) || got.Interval.High <= got.Interval.Low {
				t.Errorf("%s: intervals %v and %v must hold %v, the first with a width", what, got.Interval, got.Wald, got.Score)
			}
			mirror := must[NetPromoterScore](t)(NetPromoter(a[2], a[1], a[0], level))
			near(t, "mirrored "+what, mirror.Interval.Low, -got.Interval.High, 1e-12)
		}
		for _, b := range counts {
			what := fmt.Sprint(a, b)
			x := must[NetPromoterScore](t)(NetPromoter(a[0], a[1], a[2], 0.95))
			y := must[NetPromoterScore](t)(NetPromoter(b[0], b[1], b[2], 0.95))
			got := must[NetPromoterDifference](t)(CompareNetPromoter(x, y, 0.95))
			back := must[NetPromoterDifference](t)(CompareNetPromoter(y, x, 0.95))
			near(t, "swapped "+what, back.Difference, -got.Difference, 1e-14)
			near(t, "swapped p "+what, back.Test.P, got.Test.P, 1e-12)
			near(t, "swapped interval "+what, back.Interval.Low, -got.Interval.High, 1e-12)
			if !got.Interval.Contains(got.Difference) || got.Interval.High <= got.Interval.Low {
				t.Errorf("%s: interval %v of %v", what, got.Interval, got.Difference)
			}
			if !(got.Test.P >= 0 && got.Test.P <= 1) {
				t.Errorf("%s: p %v", what, got.Test.P)
			}
		}
	}
	for _, bad := range [][3]float64{{-1, 2, 3}, {1, math.NaN(), 3}, {1, 2, math.Inf(1)}, {0, 0, 0}} {
		_, err := NetPromoter(bad[0], bad[1], bad[2], 0.95)
		refused(t, "NetPromoter", fmt.Sprint(bad), err)
	}
	_, err := CompareNetPromoter(NetPromoterScore{}, must[NetPromoterScore](t)(NetPromoter(1, 2, 3, 0.95)), 0.95)
	refused(t, "NetPromoter", "no answers", err)
}
