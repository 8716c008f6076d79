package stats

import (
	"fmt"
	"math"
	"testing"
)

func TestWilsonPublished(t *testing.T) {
	// Newcombe (1998), Stat. Med. 17:857-872, Table I, methods 3 and 5, four decimals.
	tests := []struct{ k, n, low, high, exactLow, exactHigh float64 }{
		{81, 263, 0.2553, 0.3662, 0.2527, 0.3676},
		{15, 148, 0.0624, 0.1605, 0.0578, 0.1617},
		{0, 20, 0.0000, 0.1611, 0.0000, 0.1684},
		{1, 29, 0.0061, 0.1718, 0.0009, 0.1776},
	}
	for _, tt := range tests {
		what := fmt.Sprintf("Wilson(%v/%v)", tt.k, tt.n)
		nearInterval(t, what, must[Interval](t)(Wilson(tt.k, tt.n, 0.95)), [2]float64{tt.low, tt.high}, 5e-5)
		nearInterval(t, "exact "+what, must[Interval](t)(ClopperPearson(tt.k, tt.n, 0.95)), [2]float64{tt.exactLow, tt.exactHigh}, 5e-5)
	}
}

func TestSingleProportionFixture(t *testing.T) {
	var fixture struct {
		Single []struct {
			X, N   float64
			Wilson [2]float64
			Exact  [2]float64 `json:"clopper_pearson"`
		}
	}
	load(t, "proportions.json", &fixture)
	for _, tt := range fixture.Single {
		what := fmt.Sprintf("%v/%v", tt.X, tt.N)
		nearInterval(t, "Wilson "+what, must[Interval](t)(Wilson(tt.X, tt.N, 0.95)), tt.Wilson, closedForm)
		nearInterval(t, "ClopperPearson "+what, must[Interval](t)(ClopperPearson(tt.X, tt.N, 0.95)), tt.Exact, closedForm)
	}
	if len(fixture.Single) != 13 {
		t.Errorf("fixture has %d proportions, want 13", len(fixture.Single))
	}
}

func TestSingleProportionProperties(t *testing.T) {
	for _, p := range proportionCases() {
		var before Interval
		for _, level := range []float64{0.5, 0.8, 0.95, 0.999} {
			what := fmt.Sprintf("%v/%v at %v", p.Successes, p.Trials, level)
			wilson := must[Interval](t)(Wilson(p.Successes, p.Trials, level))
			exact := must[Interval](t)(ClopperPearson(p.Successes, p.Trials, level))
			for name, i := range map[string]Interval{"Wilson": wilson, "ClopperPearson": exact} {
				if !i.Contains(p.Share()) || i.Low < 0 || i.High > 1 || i.High <= i.Low {
					t.Errorf("%s of %s is %v: it must hold the share, have a width, and stay in [0, 1]", name, what, i)
				}
			}
			if p.Successes == 0 && (wilson.Low != 0 || exact.Low != 0) || p.Successes == p.Trials && (wilson.High != 1 || exact.High != 1) {
				t.Errorf("%s: %v and %v must end exactly at the edge", what, wilson, exact)
			}
			// A higher level holds the lower one's interval.
			if before != (Interval{}) && (wilson.Low > before.Low || wilson.High < before.High) {
				t.Errorf("%s: %v does not hold %v of the level below", what, wilson, before)
			}
			before = wilson
			// Counting who did not pick mirrors the interval.
			mirror := must[Interval](t)(Wilson(p.Trials-p.Successes, p.Trials, level))
			near(t, "mirrored Wilson "+what, mirror.Low, 1-wilson.High, 1e-12)
			mirror = must[Interval](t)(ClopperPearson(p.Trials-p.Successes, p.Trials, level))
			near(t, "mirrored ClopperPearson "+what, mirror.High, 1-exact.Low, 1e-12)
		}
	}
}

// At a limit of the exact interval the observed count lies exactly in the tail: checked by summing the
// binomial distribution itself.
func TestClopperPearsonTails(t *testing.T) {
	for _, tt := range []struct{ k, n int }{{1, 12}, {3, 50}, {25, 50}, {423, 1200}, {1199, 1200}} {
		k, n := float64(tt.k), float64(tt.n)
		i := must[Interval](t)(ClopperPearson(k, n, 0.95))
		tail := func(p float64, from, to int) float64 {
			sum := 0.0
			for j := from; j <= to; j++ {
				sum += binomialByLogGamma(j, tt.n, p)
			}
			return sum
		}
		relative(t, fmt.Sprintf("P(X >= %v) at the lower limit", k), tail(i.Low, tt.k, tt.n), 0.025, 1e-9)
		relative(t, fmt.Sprintf("P(X <= %v) at the upper limit", k), tail(i.High, 0, tt.k), 0.025, 1e-9)
	}
}

func binomialByLogGamma(k, n int, p float64) float64 {
	lg := func(v int) float64 { l, _ := math.Lgamma(float64(v)); return l }
	return math.Exp(lg(n+1) - lg(k+1) - lg(n-k+1) + float64(k)*math.Log(p) + float64(n-k)*math.Log1p(-p))
}
