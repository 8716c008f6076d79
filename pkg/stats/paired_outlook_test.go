package stats

import (
	"math"
	"testing"
)

func TestPairedProbabilityHigher(t *testing.T) {
	for _, tt := range []struct {
		p    Pairs
		want float64
	}{
		{Pairs{Both: 5, OnlyFirst: 0, OnlySecond: 0, Neither: 5}, 0.5},
		{Pairs{Both: 5, OnlyFirst: 7, OnlySecond: 7, Neither: 50}, 0.5},
		// Beta(3/2, 1/2): P(X > 1/2) = 1/2 + 1/π, by integrating (2/π) sqrt(x/(1-x)).
		{Pairs{OnlyFirst: 1, Neither: 3}, 0.5 + 1/math.Pi},
		{Pairs{OnlySecond: 1, Neither: 3}, 0.5 - 1/math.Pi},
	} {
		got, err := PairedProbabilityHigher(tt.p)
		if err != nil || math.Abs(got-tt.want) > 1e-12 {
			t.Errorf("PairedProbabilityHigher(%v) = %v, %v; want %v", tt.p, got, err, tt.want)
		}
	}
	if _, err := PairedProbabilityHigher(Pairs{OnlyFirst: -1}); err == nil {
		t.Error("a negative count was accepted")
	}
}

// A sample of exactly the detectable difference is found by McNemar's chi-square with a z of its reach: the
// critical value and the power's quantile.
func TestPairedDetectableDifferenceIsWhatTheTestSees(t *testing.T) {
	p := Pairs{Both: 300, OnlyFirst: 60, OnlySecond: 60, Neither: 580}
	got, err := PairedDetectableDifference(p, 0.95, 0.8, 1)
	if err != nil {
		t.Fatal(err)
	}
	z := got * p.N() / math.Sqrt(p.OnlyFirst+p.OnlySecond)
	if want := 1.959963985 + 0.841621234; math.Abs(z-want) > 1e-6 {
		t.Errorf("reach %v, want %v", z, want)
	}
	ten, err := PairedDetectableDifference(p, 0.95, 0.8, 10)
	if err != nil || ten <= got {
		t.Errorf("ten comparisons: %v, %v; want more than %v", ten, err, got)
	}
}
