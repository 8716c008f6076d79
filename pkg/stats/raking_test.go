package stats

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"
)

// margin turns the labels of respondents and the targets by label into a Margin.
func margin(name string, labels []string, targets map[string]float64) Margin {
	order := make([]string, 0, len(targets))
	for label := range targets {
		order = append(order, label)
	}
	slices.Sort(order)
	m := Margin{Name: name, Category: make([]int, len(labels)), Targets: make([]float64, len(order))}
	for c, label := range order {
		m.Targets[c] = targets[label]
	}
	for i, label := range labels {
		m.Category[i] = slices.Index(order, label)
	}
	return m
}

// The example of rake() in R's survey package, converged to 1e-9.
func TestRakeFixture(t *testing.T) {
	fixture := loadAPI(t)
	margins := []Margin{
		margin("school type", fixture.Rows.SType, fixture.Targets.SType),
		margin("school-wide target", fixture.Rows.SchoolWide, fixture.Targets.SchoolWide),
	}
	start := slices.Clone(fixture.Rows.Start)
	weights, report, err := Rake(margins, start, RakeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(start, fixture.Rows.Start) {
		t.Error("Rake changed the start weights")
	}
	for i, want := range fixture.Tight.Weights {
		relative(t, fmt.Sprintf("weight %d", i), weights[i], want, closedForm)
	}
	mean, _, err := WeightedMeanVariance(fixture.Rows.API, weights)
	if err != nil {
		t.Fatal(err)
	}
	relative(t, "raked mean", mean, fixture.Tight.Mean, closedForm)
	near(t, "published mean, help page of rake()", mean, 641.23, 5e-3)
	relative(t, "Kish", report.EffectiveN, fixture.Tight.Kish, closedForm)
	relative(t, "design effect", report.DesignEffect, 183/fixture.Tight.Kish, closedForm)
	if report.LargestError > 1e-8 || report.Trimmed != 0 || report.Iterations < 2 {
		t.Errorf("report %+v", report)
	}
	relative(t, "largest weight", report.High, slices.Max(weights)/(6194.0/183), 1e-12)
	relative(t, "smallest weight", report.Low, slices.Min(weights)/(6194.0/183), 1e-12)

	// Shares and percent say the same as persons; the order of margins and doubled start weights do not matter.
	shares := []Margin{margins[1], margins[0]}
	for m := range shares {
		shares[m].Targets = slices.Clone(shares[m].Targets)
		for c := range shares[m].Targets {
			shares[m].Targets[c] *= []float64{1, 100}[m] / 6194
		}
	}
	for i := range start {
		start[i] *= 2
	}
	again, _, err := Rake(shares, start, RakeOptions{Total: 6194})
	if err != nil {
		t.Fatal(err)
	}
	for i := range again {
		relative(t, fmt.Sprintf("weight %d from shares", i), again[i], weights[i], 1e-7)
	}
}

func TestRakeOneMarginIsCellWeighting(t *testing.T) {
	weights, _, err := Rake([]Margin{{"sex", []int{0, 0, 0, 1}, []float64{50, 50}}}, nil, RakeOptions{Total: 4})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []float64{2.0 / 3, 2.0 / 3, 2.0 / 3, 2} {
		near(t, fmt.Sprintf("weight %d", i), weights[i], want, 1e-12)
	}
}

func TestRakeTrimmed(t *testing.T) {
	// A few people stand for a large group by two margins at once.
	var age, region []int
	for i := range 300 {
		age = append(age, int(boolFloat(i%20 == 0)))
		region = append(region, int(boolFloat(i%7 == 0 || i == 20 || i == 40)))
	}
	margins := []Margin{{"age", age, []float64{55, 45}}, {"region", region, []float64{60, 40}}}
	free, before, err := Rake(margins, nil, RakeOptions{Total: 300})
	if err != nil {
		t.Fatal(err)
	}
	if before.High < 5 {
		t.Fatalf("the untrimmed spread %v is too small to test", before.High)
	}
	weights, report, err := Rake(margins, nil, RakeOptions{Total: 300, TrimLow: 1.0 / 5, TrimHigh: 10})
	if err != nil {
		t.Fatal(err)
	}
	if report.Trimmed == 0 || report.High >= before.High || report.EffectiveN <= before.EffectiveN {
		t.Errorf("trimmed %+v, untrimmed %+v", report, before)
	}
	if report.High > 10.1 || report.Low < 0.19 {
		t.Errorf("spread %v to %v is not near the bounds 0.2 to 10", report.Low, report.High)
	}
	for _, m := range margins {
		for c, sum := range categorySums(weights, m) {
			near(t, fmt.Sprintf("%s %d after trimming", m.Name, c), sum, 3*m.Targets[c], 1e-4)
		}
	}
	if slices.Equal(free, weights) {
		t.Error("trimming changed nothing")
	}
}

func TestRakeRefused(t *testing.T) {
	good := Margin{"age", []int{0, 1, 0}, []float64{40, 60}}
	nan := math.NaN()
	arguments := map[string]func() error{
		"no margins":     func() error { _, _, err := Rake(nil, nil, RakeOptions{}); return err },
		"no respondents": func() error { _, _, err := Rake([]Margin{{"age", nil, []float64{1}}}, nil, RakeOptions{}); return err },
		"lengths":        func() error { _, _, err := Rake([]Margin{good}, []float64{1}, RakeOptions{}); return err },
		"lengths of margin": func() error {
			_, _, err := Rake([]Margin{good, {"sex", []int{0}, []float64{1}}}, nil, RakeOptions{})
			return err
		},
		"a weight of 0": func() error { _, _, err := Rake([]Margin{good}, []float64{1, 0, 1}, RakeOptions{}); return err },
		"no such category": func() error {
			_, _, err := Rake([]Margin{{"age", []int{0, 2}, []float64{1, 1}}}, nil, RakeOptions{})
			return err
		},
		"missing category": func() error {
			_, _, err := Rake([]Margin{{"age", []int{0, -1}, []float64{1, 1}}}, nil, RakeOptions{})
			return err
		},
		"a negative target": func() error {
			_, _, err := Rake([]Margin{{"age", []int{0, 1}, []float64{2, -1}}}, nil, RakeOptions{})
			return err
		},
		"NaN": func() error {
			_, _, err := Rake([]Margin{{"age", []int{0, 1}, []float64{2, nan}}}, nil, RakeOptions{})
			return err
		},
		"a bad total":       func() error { _, _, err := Rake([]Margin{good}, nil, RakeOptions{Total: -1}); return err },
		"a bad tolerance":   func() error { _, _, err := Rake([]Margin{good}, nil, RakeOptions{Tolerance: nan}); return err },
		"bad iterations":    func() error { _, _, err := Rake([]Margin{good}, nil, RakeOptions{MaxIterations: -1}); return err },
		"a bad lower bound": func() error { _, _, err := Rake([]Margin{good}, nil, RakeOptions{TrimLow: 1}); return err },
		"a bad upper bound": func() error { _, _, err := Rake([]Margin{good}, nil, RakeOptions{TrimHigh: 1}); return err },
	}
	for what, call := range arguments {
		refused(t, "Rake", what, call())
	}
	for _, empty := range []Margin{
		{"age", []int{0, 0, 0}, []float64{40, 60}},
		{"age", []int{0, 1, 0}, []float64{100, 0}},
	} {
		if _, _, err := Rake([]Margin{empty}, nil, RakeOptions{}); !errors.Is(err, ErrEmptyCell) {
			t.Errorf("%v: error %v, want ErrEmptyCell", empty, err)
		}
	}
	// The sexes of the two ages contradict: the rounds settle into a circle that misses a margin.
	contradiction := []Margin{{"age", []int{0, 0, 1, 1}, []float64{3, 1}}, {"sex", []int{0, 0, 1, 1}, []float64{1, 3}}}
	if _, _, err := Rake(contradiction, nil, RakeOptions{}); !errors.Is(err, ErrNotConverged) {
		t.Errorf("contradicting margins: error %v, want ErrNotConverged", err)
	}
	slow := []Margin{{"age", []int{0, 0, 1, 1}, []float64{3, 1}}, {"sex", []int{0, 1, 0, 1}, []float64{1, 3}}}
	if _, _, err := Rake(slow, []float64{1, 2, 3, 9}, RakeOptions{MaxIterations: 2}); !errors.Is(err, ErrNotConverged) {
		t.Errorf("two rounds: error %v, want ErrNotConverged", err)
	}
}
