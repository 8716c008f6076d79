package stats

import (
	"fmt"
	"math"
	"testing"
)

type pairedFixture struct {
	N11, N10, N01, N00 float64
	Diff               float64
	Interval           [2]float64 `json:"newcombe_method10"`
	Phi                float64    `json:"phi_corrected"`
	McNemar            float64    `json:"p_mcnemar"`
	Exact              float64    `json:"p_exact"`
	MidP               float64    `json:"p_midp"`
}

func (f pairedFixture) pairs() Pairs { return Pairs{f.N11, f.N10, f.N01, f.N00} }

func (f pairedFixture) check(t *testing.T) {
	t.Helper()
	p := f.pairs()
	what := fmt.Sprint(p)
	nearInterval(t, "PairedDifference "+what, must[Interval](t)(PairedDifference(p, 0.95)), f.Interval, closedForm)
	exact, midP := exactMcNemar(p.OnlyFirst, p.OnlySecond)
	relative(t, "exact p "+what, exact, f.Exact, closedForm)
	relative(t, "mid-P "+what, midP, f.MidP, closedForm)
	test := must[Test](t)(McNemar(p))
	relative(t, "chi-square p "+what, normalTwoSidedP(test.Statistic), f.McNemar, closedForm)
	want, method := f.McNemar, "McNemar chi-square"
	if p.OnlyFirst+p.OnlySecond < 25 {
		want, method = f.MidP, "mid-P McNemar"
	}
	relative(t, "McNemar "+what, test.P, want, closedForm)
	if test.Method != method {
		t.Errorf("McNemar %s by %q, want %q", what, test.Method, method)
	}
}

// Newcombe (1998), Stat. Med. 17:2635-2650; Fagerland, Lydersen & Laake (2013), BMC Med. Res. Methodol. 13:91.
func TestPairedFixture(t *testing.T) {
	var fixture struct{ Cases []pairedFixture }
	load(t, "paired.json", &fixture)
	if len(fixture.Cases) != 9 {
		t.Errorf("%d cases, want 9", len(fixture.Cases))
	}
	for _, tt := range fixture.Cases {
		tt.check(t)
		near(t, fmt.Sprint("phi ", tt.pairs()), tt.pairs().phi(), tt.Phi, closedForm)
	}
	published := must[Interval](t)(PairedDifference(Pairs{20, 12, 2, 16}, 0.95))
	nearInterval(t, "Newcombe 1998, 20 12 2 16", published, [2]float64{0.0562, 0.3292}, 5e-5)
	published = must[Interval](t)(PairedDifference(Pairs{1, 1, 7, 12}, 0.95))
	nearInterval(t, "Bentur 2009, 1 1 7 12", published, [2]float64{-0.507, -0.026}, 5e-4)
}

// The same people on eight priorities, as users and as contributors: the naive comparison of one of them would
// have claimed a difference that is not there.
func TestPairedOpenSource(t *testing.T) {
	for _, tt := range loadOpenSource(t).Paired {
		pairedFixture{
			tt.N11, tt.N10, tt.N01, tt.N00, tt.Diff, tt.Interval, 0, tt.McNemar, tt.Exact, tt.MidP,
		}.check(t)
		naive := must[Test](t)(DifferenceTest(Proportion{tt.Naive.XUser, tt.Naive.NUser}, Proportion{tt.Naive.XContributor, tt.Naive.NContributor}))
		relative(t, tt.Item+" as if independent", naive.P, tt.Naive.P, closedForm)
		if tt.Item == "LICENSE" && !(naive.P < 0.01 && must[Test](t)(McNemar(Pairs{tt.N11, tt.N10, tt.N01, tt.N00})).P > 0.25) {
			t.Error("LICENSE must differ naively and not in pairs")
		}
	}
}

func TestPairedProperties(t *testing.T) {
	cases := []Pairs{
		{0, 0, 0, 1},
		{1, 0, 0, 0},
		{0, 1, 0, 0},
		{0, 5, 0, 0},
		{3, 2, 2, 3},
		{0, 13, 12, 0},
		{0, 12, 12, 0},
		{10.5, 3.25, 1.75, 20},
		{250000, 1000, 900, 748100},
		{1, 300000, 299000, 1},
	}
	for _, p := range cases {
		what := fmt.Sprint(p)
		d := (p.OnlyFirst - p.OnlySecond) / p.N()
		interval := must[Interval](t)(PairedDifference(p, 0.95))
		if !interval.Contains(d) || interval.Low < -1 || interval.High > 1 || interval.Low >= interval.High {
			t.Errorf("interval %v of %s must hold %v, have a width and stay in [-1, 1]", interval, what, d)
		}
		swapped := Pairs{p.Both, p.OnlySecond, p.OnlyFirst, p.Neither}
		mirror := must[Interval](t)(PairedDifference(swapped, 0.95))
		near(t, "swapped "+what, mirror.Low, -interval.High, 1e-12)
		test, back := must[Test](t)(McNemar(p)), must[Test](t)(McNemar(swapped))
		relative(t, "swapped p "+what, back.P, test.P, 1e-12)
		near(t, "swapped z "+what, back.Statistic, -test.Statistic, 1e-12)
		if !(test.P > 0 && test.P <= 1) {
			t.Errorf("p of %s is %v", what, test.P)
		}
	}
	for _, bad := range []Pairs{{-1, 1, 1, 1}, {1, math.NaN(), 1, 1}, {1, 1, math.Inf(1), 1}, {0, 0, 0, 0}} {
		_, err := McNemar(bad)
		refused(t, "McNemar", fmt.Sprint(bad), err)
		_, err = PairedDifference(bad, 0.95)
		refused(t, "PairedDifference", fmt.Sprint(bad), err)
	}
}
