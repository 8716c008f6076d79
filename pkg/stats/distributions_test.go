package stats

import (
	"fmt"
	"math"
	"testing"
)

// Reference values of this file: mpmath with 40 digits, unless said otherwise.

func TestBetaTails(t *testing.T) {
	tests := []struct{ a, b, x, lower float64 }{
		{0.5, 0.5, 0.1, 0.204832764699133458},
		{8, 43, 0.05, 0.0031883432222975836},
		{500000.5, 500000.5, 0.499, 0.0227499969708269428},
		{0.5, 500000, 1e-5, 0.998434635993440497},
		{1000001, 2, 0.999999, 0.735758146573086433},
	}
	for _, tt := range tests {
		what := fmt.Sprintf("Beta(%v, %v) at %v", tt.a, tt.b, tt.x)
		lower, upper := betaTails(tt.a, tt.b, tt.x, 1-tt.x)
		relative(t, what, lower, tt.lower, 2e-10) // 1 - x itself is rounded: that is the last case's share
		near(t, what+" both tails", lower+upper, 1, 1e-15)
		upper, lower = betaTails(tt.b, tt.a, 1-tt.x, tt.x)
		relative(t, what+" from the other end", lower, tt.lower, 2e-10)
		near(t, what+" from the other end, both tails", lower+upper, 1, 1e-15)
		if q := betaQuantile(tt.a, tt.b, lower); math.Abs(q-tt.x) > 1e-9*tt.x {
			t.Errorf("%s: quantile %v", what, q)
		}
	}
	_, upper := betaTails(300, 900, 0.35, 0.65)
	relative(t, "far tail of Beta(300, 900)", upper, 1-0.999999999999960637, 1e-3) // 1 - printed digits
}

func TestFairTails(t *testing.T) {
	// Sums of binomial coefficients in exact integers.
	tests := []struct{ b, n, atLeast float64 }{
		{5, 8, 0.36328125},
		{8, 8, 0.00390625},
		{0, 5, 1},
		{13, 25, 0.5},
		{60, 61, 2.688821387764051e-17},
		{300, 500, 4.4700332711266337e-6},
		{5200, 10000, 0.0000329675779933622103},
	}
	for _, tt := range tests {
		what := fmt.Sprintf("Bin(%v, 1/2) from %v", tt.n, tt.b)
		atLeast, atMost, equal := fairTails(tt.b, tt.n)
		relative(t, what, atLeast, tt.atLeast, 1e-12)
		near(t, what+" both tails less the middle", atLeast+atMost-equal, 1, 1e-14)
		_, mirrored, _ := fairTails(tt.n-tt.b, tt.n)
		relative(t, what+" from the other end", mirrored, atLeast, 1e-12)
	}
	// A million of each: the normal approximation with its continuity correction is good to 1e-7.
	atLeast, _, _ := fairTails(1001000, 2000000)
	near(t, "Bin(2e6, 1/2) from 1001000", atLeast, normalUpper(999.5/math.Sqrt(500000)), 1e-7)
	if atLeast, atMost, equal := fairTails(0, 0); atLeast != 1 || atMost != 1 || equal != 1 {
		t.Errorf("no trials: %v %v %v, want 1 1 1", atLeast, atMost, equal)
	}
}

func TestChiSquareUpper(t *testing.T) {
	tests := []struct{ x, df, p float64 }{
		{3.841458820694124, 1, 0.05},
		{156.33575, 8.85048057, 3.42409953665800494e-29},
		{0.01, 0.5, 0.706919105278980416},
		{5000, 4800.5, 0.0219380316026426174},
		{0, 3, 1},
	}
	for _, tt := range tests {
		relative(t, fmt.Sprintf("chi-square %v on %v", tt.x, tt.df), chiSquareUpper(tt.x, tt.df), tt.p, 1e-9)
	}
}

func TestStudent(t *testing.T) {
	// Table of Student's t, e.g. Abramowitz & Stegun 26.10: two-sided 5 % points.
	for df, want := range map[float64]float64{1: 12.7062047364, 2: 4.30265272991, 9: 2.26215716280, 30: 2.04227245630} {
		got := studentTwoSided(0.95, df)
		near(t, fmt.Sprintf("t(0.95, %v)", df), got, want, 1e-9)
		near(t, fmt.Sprintf("P(|T| > t) on %v", df), studentTwoSidedP(got, df), 0.05, 1e-12)
	}
	near(t, "t on 1e7 degrees of freedom", studentTwoSided(0.95, 1e7), normalTwoSided(0.95), 1e-6)
	if p := studentTwoSidedP(0, 5); p != 1 {
		t.Errorf("P(|T| >= 0) = %v", p)
	}
}

func TestBinomialDensity(t *testing.T) {
	for _, tt := range []struct {
		k, n int
		p    float64
	}{{0, 10, 0.3}, {10, 10, 0.3}, {3, 10, 0.3}, {40, 100, 0.01}, {77, 150, 0.5}} {
		got := binomialDensity(float64(tt.k), float64(tt.n-tt.k), tt.p, 1-tt.p)
		relative(t, fmt.Sprintf("Bin(%d, %v) at %d", tt.n, tt.p, tt.k), got, binomialByLogGamma(tt.k, tt.n, tt.p), 1e-11)
	}
	for _, edge := range []struct{ a, b, x, y, want float64 }{{0, 0, 0.5, 0.5, 1}, {0, 3, 0, 1, 1}, {1, 3, 0, 1, 0}, {3, 0, 1, 0, 1}, {3, 1, 1, 0, 0}} {
		if got := binomialDensity(edge.a, edge.b, edge.x, edge.y); got != edge.want {
			t.Errorf("binomialDensity(%v, %v, %v, %v) = %v, want %v", edge.a, edge.b, edge.x, edge.y, got, edge.want)
		}
	}
}
