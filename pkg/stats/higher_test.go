package stats

import (
	"fmt"
	"math"
	"testing"
)

func TestProbabilityHigherExact(t *testing.T) {
	// Numerical integration of density times distribution function in 40 digits (mpmath's quad), panel by panel.
	tests := []struct {
		a, b Proportion
		want float64
	}{
		{Proportion{0, 50}, Proportion{0, 1200}, 0.87151233828683484635},
		{Proportion{9, 50}, Proportion{423, 1200}, 0.0043051937108640919635},
		{Proportion{21, 50}, Proportion{600, 1200}, 0.13372682277288856149},
		{Proportion{1, 3}, Proportion{90, 100}, 0.0078653803826184176343},
		{Proportion{400, 1000}, Proportion{700, 1000}, 2.1841130238597535452e-42},
		{Proportion{100, 20000}, Proportion{50, 20000}, 0.99998163505493436536},
		{Proportion{0.4, 17.3}, Proportion{12.75, 30.5}, 0.00056240709684750705854},
		{Proportion{40, 40}, Proportion{1199, 1200}, 0.22814916690632915499},
		{Proportion{0, 2000}, Proportion{5, 50}, 2.4915903163831901574e-10},
		{Proportion{1, 1}, Proportion{0, 1}, 0.90528473456935108578},
	}
	for _, tt := range tests {
		what := fmt.Sprintf("P(%v > %v)", tt.a, tt.b)
		got := must[float64](t)(ProbabilityHigher(tt.a, tt.b))
		relative(t, what, got, tt.want, 1e-11)
	}
}

// For whole parameters P(X > Y) is a finite sum: the probability that Y's k-th success comes first.
// Source: Cook (2003), "Exact calculation of beta inequalities", for X ~ Beta(a, b), Y ~ Beta(c, d):
// P(X > Y) = Σ_{i<a} B(c+i, b+d) / ((b+i) B(1+i, b) B(c, d)).
func TestBetaHigherWhole(t *testing.T) {
	logBeta := func(a, b float64) float64 {
		x, _ := math.Lgamma(a)
		y, _ := math.Lgamma(b)
		z, _ := math.Lgamma(a + b)
		return x + y - z
	}
	for _, tt := range [][4]float64{{1, 1, 1, 1}, {1, 50, 1, 3}, {10, 1, 1, 10}, {30, 21, 400, 800}, {5, 1, 7, 2}, {200, 300, 250, 250}} {
		a, b, c, d := tt[0], tt[1], tt[2], tt[3]
		want := 0.0
		for i := range int(a) {
			k := float64(i)
			want += math.Exp(logBeta(c+k, b+d)-logBeta(1+k, b)-logBeta(c, d)) / (b + k)
		}
		relative(t, fmt.Sprintf("P(Beta(%v, %v) > Beta(%v, %v))", a, b, c, d), betaHigher(a, b, c, d), want, 1e-10)
	}
}

func TestProbabilityHigherProperties(t *testing.T) {
	for _, a := range proportionCases() {
		for _, b := range proportionCases() {
			what := fmt.Sprintf("P(%v > %v)", a, b)
			p := must[float64](t)(ProbabilityHigher(a, b))
			q := must[float64](t)(ProbabilityHigher(b, a))
			near(t, what+" and its opposite", p+q, 1, 1e-11)
			if !(p >= 0 && p <= 1) {
				t.Errorf("%s = %v", what, p)
			}
			if a == b {
				near(t, what, p, 0.5, 1e-11)
			}
			// Counting who did not pick turns the question round.
			opposite := must[float64](t)(ProbabilityHigher(
				Proportion{b.Trials - b.Successes, b.Trials}, Proportion{a.Trials - a.Successes, a.Trials}))
			near(t, what+" by those who did not pick", opposite, p, 1e-11)
		}
	}
	// One more answer for a makes it likelier.
	before := 0.0
	for k := range 51 {
		p := must[float64](t)(ProbabilityHigher(Proportion{float64(k), 50}, Proportion{423, 1200}))
		if p < before || p == before && p < 1-1e-12 {
			t.Errorf("P(%d/50 > 423/1200) = %v, not above %v for one answer less", k, p, before)
		}
		before = p
	}
}

func BenchmarkProbabilityHigher(b *testing.B) {
	for _, tt := range []struct{ a, b Proportion }{
		{Proportion{9, 50}, Proportion{423, 1200}},
		{Proportion{0, 50}, Proportion{0, 1200}},
		{Proportion{0, 1e6}, Proportion{5, 50}},
		{Proportion{499000, 1e6}, Proportion{500000, 1e6}},
	} {
		b.Run(fmt.Sprintf("%v_of_%v_against_%v_of_%v", tt.a.Successes, tt.a.Trials, tt.b.Successes, tt.b.Trials), func(b *testing.B) {
			for b.Loop() {
				if _, err := ProbabilityHigher(tt.a, tt.b); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
