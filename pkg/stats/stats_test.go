package stats

import (
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The figures under testdata come from published tables and from independent programs (R, Python); each file
// says which. Closed forms are held to 1e-8, limits found by a root finder to 1e-6.
const (
	closedForm = 1e-8
	rootFound  = 1e-6
)

// load reads a file of testdata.
func load(t *testing.T, name string, into any) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

// near reports an absolute error above tolerance.
func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance) {
		t.Errorf("%s = %.12g, want %.12g (off by %.2g)", what, got, want, got-want)
	}
}

// relative reports a relative error above tolerance, for p-values that span many powers of ten.
func relative(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance*math.Abs(want)) {
		t.Errorf("%s = %.12g, want %.12g", what, got, want)
	}
}

func nearInterval(t *testing.T, what string, got Interval, want [2]float64, tolerance float64) {
	t.Helper()
	near(t, what+" low", got.Low, want[0], tolerance)
	near(t, what+" high", got.High, want[1], tolerance)
}

// must unwraps a result that has to be there.
func must[T any](t *testing.T) func(T, error) T {
	t.Helper()
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// refused reports an error that is missing, or is no ArgumentError that names its function.
func refused(t *testing.T, function, what string, err error) {
	t.Helper()
	argument, ok := errors.AsType[*ArgumentError](err)
	if !ok {
		t.Errorf("%s with %s: error %v, want an *ArgumentError", function, what, err)
		return
	}
	if argument.Function != function || !strings.Contains(err.Error(), "want") {
		t.Errorf("%s with %s: error %q does not name its function or what it wants", function, what, err)
	}
}

// proportionCases are sides of a comparison over everything from one answer to a million.
func proportionCases() []Proportion {
	return []Proportion{
		{0, 1},
		{1, 1},
		{0, 3},
		{2, 3},
		{0, 20},
		{1, 29},
		{20, 20},
		{7, 50},
		{25, 50},
		{49, 50},
		{0.4, 17.3},
		{12.75, 30.5},
		{423, 1200},
		{600, 1200},
		{1, 1200},
		{3, 1e6},
		{250000, 1e6},
		{1e6, 1e6},
	}
}

func TestIntervalMethods(t *testing.T) {
	i := Interval{-0.04, 0.09}
	if !i.Contains(-0.04) || !i.Contains(0.09) || i.Contains(0.0901) {
		t.Error("Contains must include both ends and nothing more")
	}
	if !i.Within(0.10) || i.Within(0.09) || i.Within(0.05) {
		t.Error("Within must be strict on both sides")
	}
	if got := (Interval{0.4, 1.06}).Clipped(-1, 1); got != (Interval{0.4, 1}) {
		t.Errorf("Clipped = %v, want [0.4, 1]", got)
	}
}

func TestRefusedProportions(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	good := Proportion{3, 10}
	functions := map[string]func(Proportion) error{
		"Wilson":             func(p Proportion) error { _, err := Wilson(p.Successes, p.Trials, 0.95); return err },
		"ClopperPearson":     func(p Proportion) error { _, err := ClopperPearson(p.Successes, p.Trials, 0.95); return err },
		"NewcombeDifference": func(p Proportion) error { _, err := NewcombeDifference(good, p, 0.95); return err },
		"MiettinenNurminen":  func(p Proportion) error { _, err := MiettinenNurminen(p, good, 0.95); return err },
		"DifferenceTest":     func(p Proportion) error { _, err := DifferenceTest(p, good); return err },
		"ProbabilityHigher":  func(p Proportion) error { _, err := ProbabilityHigher(good, p); return err },
		"PooledChiSquare":    func(p Proportion) error { _, err := PooledChiSquare(good, good, p); return err },
		"CompareChanges": func(p Proportion) error {
			_, err := CompareChanges(BeforeAfter{good, p}, BeforeAfter{good, good}, 0.95)
			return err
		},
		"LogitInteraction": func(p Proportion) error {
			_, _, _, err := LogitInteraction(BeforeAfter{good, good}, BeforeAfter{p, good})
			return err
		},
	}
	for name, call := range functions {
		for _, p := range []Proportion{{nan, 10}, {3, nan}, {-1, 10}, {11, 10}, {0, 0}, {3, -10}, {3, inf}, {inf, inf}} {
			refused(t, name, "a bad proportion", call(p))
		}
		if err := call(good); err != nil {
			t.Errorf("%s refuses 3 of 10: %v", name, err)
		}
		// A weighted share of 1 may come out a rounding error above it.
		if err := call(Proportion{10 * (1 + 1e-15), 10}); name != "LogitInteraction" && err != nil {
			t.Errorf("%s refuses a share of 1 + 1e-15: %v", name, err)
		}
	}
}

func TestRefusedLevels(t *testing.T) {
	a, b := Proportion{3, 10}, Proportion{5, 10}
	mean := Mean{3, 1, 10}
	score := must[NetPromoterScore](t)(NetPromoter(5, 3, 2, 0.95))
	two := [][]float64{{0, 0.5}, {0.5, 0}}
	functions := map[string]func(level float64) error{
		"Wilson":             func(l float64) error { _, err := Wilson(3, 10, l); return err },
		"ClopperPearson":     func(l float64) error { _, err := ClopperPearson(3, 10, l); return err },
		"NewcombeDifference": func(l float64) error { _, err := NewcombeDifference(a, b, l); return err },
		"MiettinenNurminen":  func(l float64) error { _, err := MiettinenNurminen(a, b, l); return err },
		"PairedDifference":   func(l float64) error { _, err := PairedDifference(Pairs{1, 2, 3, 4}, l); return err },
		"DetectableDifference": func(l float64) error {
			_, err := DetectableDifference(0.3, 10, 10, l, 0.8, 1)
			return err
		},
		"RankSetsFromTests":    func(l float64) error { _, err := RankSetsFromTests(two, l); return err },
		"KleinWrightWieczorek": func(l float64) error { _, err := KleinWrightWieczorek([]float64{1}, []float64{1}, l); return err },
		"MeanInterval":         func(l float64) error { _, err := MeanInterval(mean, l); return err },
		"WelchDifference":      func(l float64) error { _, err := WelchDifference(mean, mean, l); return err },
		"NetPromoter":          func(l float64) error { _, err := NetPromoter(1, 2, 3, l); return err },
		"CompareNetPromoter":   func(l float64) error { _, err := CompareNetPromoter(score, score, l); return err },
		"CompareChanges": func(l float64) error {
			_, err := CompareChanges(BeforeAfter{a, b}, BeforeAfter{b, a}, l)
			return err
		},
	}
	for name, call := range functions {
		for _, level := range []float64{0, 1, -0.5, 95, math.NaN()} {
			refused(t, name, "a bad level", call(level))
		}
		if err := call(0.9); err != nil {
			t.Errorf("%s refuses a level of 0.9: %v", name, err)
		}
	}
}
