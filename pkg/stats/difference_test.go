package stats

import (
	"errors"
	"fmt"
	"math"
	"testing"
)

type differenceFixture struct {
	Label          string
	X1, N1, X2, N2 float64
	Diff           float64
	Newcombe       [2]float64
	Score          [2]float64 `json:"miettinen_nurminen"`
	Mee            [2]float64
	Z              *float64 `json:"z_nminus1"`
	P              *float64 `json:"p_nminus1"`
	ZPooled        *float64 `json:"z_pooled"`
	Fisher         float64  `json:"p_fisher"`
	CohenH         float64  `json:"cohen_h"`
	Published      *struct {
		Newcombe [2]float64 `json:"newcombe_method10"`
		Score    [2]float64 `json:"miettinen_nurminen_method6"`
	}
}

// Newcombe (1998), Stat. Med. 17:873-890, Table II (a)-(h), and cases of R's ratesci, PropCIs and base.
func TestDifferenceFixture(t *testing.T) {
	var fixture struct{ Difference []differenceFixture }
	load(t, "proportions.json", &fixture)
	published := 0
	for _, tt := range fixture.Difference {
		a, b := Proportion{tt.X1, tt.N1}, Proportion{tt.X2, tt.N2}
		what := fmt.Sprintf("%v/%v - %v/%v", tt.X1, tt.N1, tt.X2, tt.N2)
		newcombe := must[Interval](t)(NewcombeDifference(a, b, 0.95))
		score := must[Interval](t)(MiettinenNurminen(a, b, 0.95))
		nearInterval(t, "Newcombe "+what, newcombe, tt.Newcombe, closedForm)
		nearInterval(t, "Miettinen-Nurminen "+what, score, tt.Score, rootFound)
		nearInterval(t, "Mee "+what, scoreInterval(a, b, normalTwoSided(0.95), 1), tt.Mee, rootFound)
		near(t, "CohenH "+what, CohenH(a.Share(), b.Share()), tt.CohenH, closedForm)
		if tt.Published != nil {
			published++
			nearInterval(t, "published Newcombe "+what, newcombe, tt.Published.Newcombe, 6e-5)
			nearInterval(t, "published Miettinen-Nurminen "+what, score, tt.Published.Score, 6e-5)
		}
		exact, midP := fisher(a, b)
		relative(t, "Fisher exact "+what, exact, tt.Fisher, closedForm)
		if midP > exact {
			t.Errorf("%s: mid-P %v above the exact p %v", what, midP, exact)
		}
		test := must[Test](t)(DifferenceTest(a, b))
		square := must[float64](t)(PooledChiSquare(a, b))
		if tt.Z == nil { // everybody or nobody on both sides
			if test.Statistic != 0 || test.P != 1 || square != 0 {
				t.Errorf("%s: test %+v and chi-square %v, want z 0, p 1, chi-square 0", what, test, square)
			}
			continue
		}
		near(t, "z "+what, test.Statistic, *tt.Z, closedForm)
		relative(t, "pooled chi-square "+what, square, *tt.ZPooled**tt.ZPooled, closedForm)
		if test.Method == "N-1 chi-square" {
			relative(t, "p "+what, test.P, *tt.P, closedForm)
		}
	}
	if published != 8 {
		t.Errorf("%d published examples, want all 8", published)
	}
}

func TestMidPFisher(t *testing.T) {
	// Fagerland, Lydersen & Laake (2017), Statistical Analysis of Contingency Tables, chapter 4, as printed by
	// the authors' R package contingencytables (tea tasting; Perondi 2004; Lampasona 2013; Ritland 2007; one more).
	tests := []struct {
		a, b Proportion
		midP float64
	}{
		{Proportion{3, 4}, Proportion{1, 4}, 0.25714},
		{Proportion{7, 34}, Proportion{1, 34}, 0.02966},
		{Proportion{9, 13}, Proportion{4, 14}, 0.03914},
		{Proportion{0, 16}, Proportion{15, 72}, 0.04466},
		{Proportion{745, 748}, Proportion{127, 129}, 0.09193139},
	}
	for _, tt := range tests {
		what := fmt.Sprintf("%v against %v", tt.a, tt.b)
		_, midP := fisher(tt.a, tt.b)
		near(t, "mid-P of "+what, midP, tt.midP, 5e-6)
		_, swapped := fisher(tt.b, tt.a)
		relative(t, "mid-P with sides swapped of "+what, swapped, midP, 1e-10)
	}
	// By hand: margins 3 and 9997 of 10,000, 1 picked. P(1 of 3) = 3/10000; the other table is likelier.
	test := must[Test](t)(DifferenceTest(Proportion{1, 3}, Proportion{0, 9997}))
	if test.Method != "mid-P Fisher" {
		t.Errorf("method %q where the smallest expected count is 0.0003, want mid-P Fisher", test.Method)
	}
	relative(t, "mid-P of 1/3 against 0/9997", test.P, 0.5*3.0/10000, 1e-9)
	// Fractional counts have no exact table.
	test = must[Test](t)(DifferenceTest(Proportion{0.9, 2.5}, Proportion{0, 900}))
	if test.Method != "N-1 chi-square" {
		t.Errorf("method %q for fractional counts, want N-1 chi-square", test.Method)
	}
}

func TestDifferenceProperties(t *testing.T) {
	for _, a := range proportionCases() {
		for _, b := range proportionCases() {
			if a.Trials+b.Trials <= 2 {
				continue
			}
			what := fmt.Sprintf("%v against %v", a, b)
			d := a.Share() - b.Share()
			newcombe := must[Interval](t)(NewcombeDifference(a, b, 0.95))
			score := must[Interval](t)(MiettinenNurminen(a, b, 0.95))
			test := must[Test](t)(DifferenceTest(a, b))
			for name, i := range map[string]Interval{"Newcombe": newcombe, "Miettinen-Nurminen": score} {
				if !i.Contains(d) || i.Low < -1 || i.High > 1 || i.Low >= i.High {
					t.Errorf("%s of %s is %v: it must hold %v, have a width and stay in [-1, 1]", name, what, i, d)
				}
			}
			// Swapped sides turn everything round.
			mirror := must[Interval](t)(NewcombeDifference(b, a, 0.95))
			near(t, "swapped Newcombe "+what, mirror.Low, -newcombe.High, 1e-12)
			mirror = must[Interval](t)(MiettinenNurminen(b, a, 0.95))
			near(t, "swapped Miettinen-Nurminen "+what, mirror.Low, -score.High, 1e-9)
			back := must[Test](t)(DifferenceTest(b, a))
			relative(t, "swapped p "+what, back.P, test.P, 1e-9)
			near(t, "swapped z "+what, back.Statistic, -test.Statistic, 1e-9*math.Abs(test.Statistic)+1e-12)
			near(t, "swapped h "+what, CohenH(b.Share(), a.Share()), -CohenH(a.Share(), b.Share()), 1e-15)
			if !(test.P >= 0 && test.P <= 1) {
				t.Errorf("p of %s is %v", what, test.P)
			}
			// The score interval and the score test are one thing.
			if excludes := !score.Contains(0); excludes != (normalTwoSidedP(test.Statistic) < 0.05) {
				t.Errorf("%s: interval %v and z %v do not agree on 0", what, score, test.Statistic)
			}
		}
	}
}

func TestZTest(t *testing.T) {
	test := must[Test](t)(ZTest(0.196, 0.01))
	near(t, "z", test.Statistic, 1.96, 1e-12)
	near(t, "p", test.P, 0.049995790296440868, 1e-12) // R: 2*pnorm(-1.96)
	if test := must[Test](t)(ZTest(0, 0)); test.P != 1 || test.Statistic != 0 {
		t.Errorf("ZTest(0, 0) = %+v, want P 1", test)
	}
	if _, err := ZTest(0.1, 0); !errors.Is(err, ErrUndefined) {
		t.Errorf("ZTest(0.1, 0): error %v, want ErrUndefined", err)
	}
	for _, bad := range [][2]float64{{math.NaN(), 1}, {1, math.NaN()}, {1, -1}, {math.Inf(1), 1}} {
		_, err := ZTest(bad[0], bad[1])
		refused(t, "ZTest", "a bad number", err)
	}
}

func TestDetectableDifference(t *testing.T) {
	// By the formula: (1.959964 + 0.841621) and (2.807034 + 0.841621) times √(.3 × .7 × (1/1200 + 1/50)).
	near(t, "one comparison", must[float64](t)(DetectableDifference(0.3, 1200, 50, 0.95, 0.8, 1)), 0.185307444, closedForm)
	near(t, "ten comparisons", must[float64](t)(DetectableDifference(0.3, 1200, 50, 0.95, 0.8, 10)), 0.241335844, closedForm)

	var fixture struct {
		Simulated struct {
			Rows []struct {
				N2, P  float64
				Alone  float64 `json:"mde_05"`
				Family float64 `json:"mde_005"`
			}
		}
	}
	load(t, "detectable_difference.json", &fixture)
	if len(fixture.Simulated.Rows) != 18 {
		t.Fatalf("%d simulated rows, want 18", len(fixture.Simulated.Rows))
	}
	for _, row := range fixture.Simulated.Rows {
		for family, want := range map[int]float64{1: row.Alone, 10: row.Family} {
			// The formula takes the pooled share, the simulation is at row.P for 1,200 and row.P + want for N2.
			pooled := (1200*row.P + row.N2*(row.P+want)) / (1200 + row.N2)
			got := must[float64](t)(DetectableDifference(pooled, 1200, row.N2, 0.95, 0.8, family))
			near(t, fmt.Sprintf("p = %v, n2 = %v, family %d", row.P, row.N2, family), got, want, 0.025)
			again := must[float64](t)(DetectableDifference(1-pooled, row.N2, 1200, 0.95, 0.8, family))
			near(t, "the same from the other side", again, got, 1e-12)
		}
	}

	if got := must[float64](t)(DetectableDifference(0, 1200, 50, 0.95, 0.8, 1)); !(got > 0) {
		t.Errorf("at a pooled share of 0: %v, want above 0", got)
	}
	for _, bad := range []struct {
		pooled, n1, n2, power float64
		family                int
	}{{-0.1, 9, 9, 0.8, 1}, {1.1, 9, 9, 0.8, 1}, {math.NaN(), 9, 9, 0.8, 1}, {0.3, 0, 9, 0.8, 1}, {0.3, 9, -1, 0.8, 1}, {0.3, 9, 9, 1, 1}, {0.3, 9, 9, 0.8, 0}} {
		_, err := DetectableDifference(bad.pooled, bad.n1, bad.n2, 0.95, bad.power, bad.family)
		refused(t, "DetectableDifference", fmt.Sprint(bad), err)
	}
}
