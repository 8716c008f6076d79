package stats

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// The range agrees with drawing the people themselves: ten independent items, 1,200 people against 50.
func TestTauUnderSamenessAgreesWithDrawingPeople(t *testing.T) {
	shares := []float64{0.61, 0.54, 0.38, 0.31, 0.27, 0.26, 0.19, 0.17, 0.14, 0.09}
	covariance := make([][]float64, len(shares))
	for i, p := range shares {
		covariance[i] = make([]float64, len(shares))
		covariance[i][i] = p * (1 - p)
	}
	got, err := TauUnderSameness(shares, covariance, 1200, 50, 0.9, 2000, rand.NewPCG(1, 2))
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(3, 4))
	sample := func(n int) []int {
		counts := make([]int, len(shares))
		for range n {
			for i, p := range shares {
				if random.Float64() < p {
					counts[i]++
				}
			}
		}
		return CompetitionRanks(counts)
	}
	taus := make([]float64, 2000)
	for i := range taus {
		if taus[i], err = TauB(sample(1200), sample(50)); err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(taus)
	want := Interval{taus[100], taus[1899]}
	if math.Abs(got.Low-want.Low) > 0.04 || math.Abs(got.High-want.High) > 0.04 {
		t.Errorf("range %v; drawing people gives %v", got, want)
	}
}

func TestTauUnderSamenessIsRepeatableAndTakesSingularCovariances(t *testing.T) {
	// One pick of two: the second answer follows from the first.
	shares, covariance := []float64{0.6, 0.4}, [][]float64{{0.24, -0.24}, {-0.24, 0.24}}
	a, err := TauUnderSameness(shares, covariance, 100, 100, 0.95, 100, rand.NewPCG(5, 6))
	if err != nil {
		t.Fatal(err)
	}
	b, err := TauUnderSameness(shares, covariance, 100, 100, 0.95, 100, rand.NewPCG(5, 6))
	if err != nil || a != b {
		t.Errorf("%v and then %v, %v", a, b, err)
	}
}

func TestTauUnderSamenessRefuses(t *testing.T) {
	good := [][]float64{{0.25, 0}, {0, 0.25}}
	for name, call := range map[string]func() error{
		"one item": func() error {
			_, err := TauUnderSameness([]float64{0.5}, good, 9, 9, 0.9, 100, rand.NewPCG(1, 1))
			return err
		},
		"no people": func() error {
			_, err := TauUnderSameness([]float64{0.5, 0.4}, good, 0, 9, 0.9, 100, rand.NewPCG(1, 1))
			return err
		},
		"few draws": func() error {
			_, err := TauUnderSameness([]float64{0.5, 0.4}, good, 9, 9, 0.9, 10, rand.NewPCG(1, 1))
			return err
		},
		"no share": func() error {
			_, err := TauUnderSameness([]float64{0.5, 1.4}, good, 9, 9, 0.9, 100, rand.NewPCG(1, 1))
			return err
		},
		"no covariances": func() error {
			_, err := TauUnderSameness([]float64{0.5, 0.4}, [][]float64{{0.25, 0}, {0, -1}}, 9, 9, 0.9, 100, rand.NewPCG(1, 1))
			return err
		},
		"a short matrix": func() error {
			_, err := TauUnderSameness([]float64{0.5, 0.4}, good[:1], 9, 9, 0.9, 100, rand.NewPCG(1, 1))
			return err
		},
	} {
		if _, ok := errors.AsType[*ArgumentError](call()); !ok {
			t.Errorf("%s: %v, want an ArgumentError", name, call())
		}
	}
	nothing := [][]float64{{0, 0}, {0, 0}}
	if _, err := TauUnderSameness([]float64{0, 0}, nothing, 9, 9, 0.9, 100, rand.NewPCG(1, 1)); !errors.Is(err, ErrUndefined) {
		t.Errorf("lists tied throughout: %v, want ErrUndefined", err)
	}
}
