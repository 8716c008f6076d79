package stats

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// Errors of [Rake]. Both come wrapped with the margin and the category they arose at.
var (
	ErrEmptyCell    = errors.New("a target without respondents, or respondents without a target")
	ErrNotConverged = errors.New("raking did not converge")
)

// Margin is one known distribution of the population that weights shall reproduce, e.g. age groups.
type Margin struct {
	Name     string
	Category []int     // for each respondent, the index of its category in Targets
	Targets  []float64 // for each category, its size in the population: persons, shares or percent
}

// RakeOptions are the settings of [Rake]. The zero value is what most surveys want, without trimming.
type RakeOptions struct {
	Total         float64 // what the weights add up to; 0: the targets of the first margin
	Tolerance     float64 // largest relative change of a weight, and error of a margin, at the end; 0: 1e-8
	MaxIterations int     // rounds over all margins; 0: 1000
	TrimLow       float64 // smallest weight as a multiple of the mean, e.g. 1.0 / 5; 0: no bound
	TrimHigh      float64 // largest weight as a multiple of the mean, e.g. 5; 0: no bound
}

// RakeReport says what raking did to the weights.
type RakeReport struct {
	Iterations   int     // rounds over all margins, those after trimming included
	LargestError float64 // relative, over all categories of all margins
	Trimmed      int     // weights that were cut, counting each once
	Low, High    float64 // smallest and largest weight as multiples of the mean
	EffectiveN   float64 // Kish
	DesignEffect float64 // respondents / EffectiveN
}

// Rake returns weights that reproduce all margins at once and stay as close as they can to the start weights
// (nil: all equal), by iterative proportional fitting. Margins may come as persons, shares or percent: each is
// scaled to the same total. A category with a target but no respondents, or with respondents but a target of
// 0, is [ErrEmptyCell]: merge it with a neighbour. Margins that contradict each other, or need more rounds
// than allowed, are [ErrNotConverged].
//
// With trimming, weights outside the bounds are cut and the sample is raked again, up to 50 times; the
// margins always hold, the bounds as nearly as they then can: Low and High of the report have the final
// spread.
// Source: Deming & Stephan (1940), Ann. Math. Stat. 11:427-444; Deville, Särndal & Sautory (1993), JASA 88:1013-1020.
func Rake(margins []Margin, start []float64, options RakeOptions) ([]float64, RakeReport, error) {
	options, err := options.withDefaults(margins)
	if err != nil {
		return nil, RakeReport{}, err
	}
	weights, err := startWeights(margins, start)
	if err != nil {
		return nil, RakeReport{}, err
	}
	targets, err := scaledTargets(margins, options.Total)
	if err != nil {
		return nil, RakeReport{}, err
	}

	report := RakeReport{}
	cut := make([]bool, len(weights))
	const rounds = 50 // of trimming; each moves the rest of the weight closer to the bounds
	for round := range rounds + 1 {
		if err := rakeUntilStable(weights, margins, targets, options, &report); err != nil {
			return nil, report, err
		}
		if round == rounds || !trim(weights, cut, options) {
			break
		}
	}
	report.describe(weights, cut)
	return weights, report, nil
}

func (o RakeOptions) withDefaults(margins []Margin) (RakeOptions, error) {
	const function = "Rake"
	if len(margins) == 0 {
		return o, &ArgumentError{function, "number of margins", 0, "at least 1"}
	}
	if o.Total == 0 {
		for _, t := range margins[0].Targets {
			o.Total += t
		}
	}
	if o.Tolerance == 0 {
		o.Tolerance = 1e-8
	}
	if o.MaxIterations == 0 {
		o.MaxIterations = 1000
	}
	if o.TrimHigh == 0 {
		o.TrimHigh = math.Inf(1)
	}
	switch {
	case !finite(o.Total) || o.Total <= 0:
		return o, &ArgumentError{function, "total", o.Total, "a finite number above 0"}
	case !(o.Tolerance > 0 && o.Tolerance < 1):
		return o, &ArgumentError{function, "tolerance", o.Tolerance, "a relative change in (0, 1)"}
	case o.MaxIterations < 0:
		return o, &ArgumentError{function, "maximum of iterations", float64(o.MaxIterations), "at least 1"}
	case !(o.TrimLow >= 0 && o.TrimLow < 1):
		return o, &ArgumentError{function, "lower trim", o.TrimLow, "a multiple of the mean in [0, 1)"}
	case !(o.TrimHigh > 1):
		return o, &ArgumentError{function, "upper trim", o.TrimHigh, "a multiple of the mean above 1"}
	}
	return o, nil
}

// startWeights returns a copy of the start weights, or equal ones.
func startWeights(margins []Margin, start []float64) ([]float64, error) {
	if start == nil {
		weights := make([]float64, len(margins[0].Category))
		for i := range weights {
			weights[i] = 1
		}
		start = weights
	}
	if err := checkLength("Rake", "start", len(start), len(margins[0].Category)); err != nil {
		return nil, err
	}
	if err := checkWeights("Rake", start); err != nil {
		return nil, err
	}
	return slices.Clone(start), nil
}

// scaledTargets returns the targets of every margin, adding up to total, and refuses empty cells.
func scaledTargets(margins []Margin, total float64) ([][]float64, error) {
	const function = "Rake"
	respondents := len(margins[0].Category)
	targets := make([][]float64, len(margins))
	for m, margin := range margins {
		if err := checkLength(function, fmt.Sprintf("categories of margin %q", margin.Name), len(margin.Category), respondents); err != nil {
			return nil, err
		}
		var sum float64
		for c, t := range margin.Targets {
			if !finite(t) || t < 0 {
				return nil, &ArgumentError{function, fmt.Sprintf("margin %q: %s", margin.Name, indexed("target", c)), t, "a finite number of at least 0"}
			}
			sum += t
		}
		inCategory := make([]int, len(margin.Targets))
		for i, c := range margin.Category {
			if c < 0 || c >= len(margin.Targets) {
				return nil, &ArgumentError{function, fmt.Sprintf("margin %q: category of respondent %d", margin.Name, i), float64(c), fmt.Sprintf("an index of its %d targets", len(margin.Targets))}
			}
			inCategory[c]++
		}
		targets[m] = make([]float64, len(margin.Targets))
		for c, t := range margin.Targets {
			if (t > 0) != (inCategory[c] > 0) {
				return nil, fmt.Errorf("margin %q: category %d has target %v and %d respondents, merge it with another: %w", margin.Name, c, t, inCategory[c], ErrEmptyCell)
			}
			targets[m][c] = t / sum * total
		}
	}
	return targets, nil
}

// rakeUntilStable adjusts weights margin by margin until a round changes none of them by more than the
// tolerance. Contradicting margins make the rounds repeat themselves, so it also looks at the margins.
func rakeUntilStable(weights []float64, margins []Margin, targets [][]float64, options RakeOptions, report *RakeReport) error {
	before := make([]float64, len(weights))
	for range options.MaxIterations {
		report.Iterations++
		copy(before, weights)
		for m, margin := range margins {
			factors := categorySums(weights, margin)
			for c, sum := range factors {
				if sum > 0 {
					factors[c] = targets[m][c] / sum
				}
			}
			for i, c := range margin.Category {
				weights[i] *= factors[c]
			}
		}
		change := 0.0
		for i, w := range weights {
			change = max(change, math.Abs(w-before[i])/before[i])
		}
		if change > options.Tolerance {
			continue
		}
		worst, where := worstMargin(weights, margins, targets)
		report.LargestError = worst
		// Each weight settles at the tolerance, a sum of them may be a little behind.
		if worst <= 100*options.Tolerance {
			return nil
		}
		return fmt.Errorf("%s stays off by %.2g of its target, its margins contradict each other in this sample: %w", where, worst, ErrNotConverged)
	}
	worst, where := worstMargin(weights, margins, targets)
	report.LargestError = worst
	return fmt.Errorf("after %d rounds %s is off by %.2g of its target: %w", report.Iterations, where, worst, ErrNotConverged)
}

// categorySums adds up the weights in each category of a margin.
func categorySums(weights []float64, margin Margin) []float64 {
	sums := make([]float64, len(margin.Targets))
	for i, c := range margin.Category {
		sums[c] += weights[i]
	}
	return sums
}

// worstMargin returns the largest relative error of a category, and its name.
func worstMargin(weights []float64, margins []Margin, targets [][]float64) (worst float64, where string) {
	for m, margin := range margins {
		for c, sum := range categorySums(weights, margin) {
			if targets[m][c] == 0 {
				continue
			}
			if off := math.Abs(sum-targets[m][c]) / targets[m][c]; off >= worst {
				worst, where = off, fmt.Sprintf("category %d of margin %q", c, margin.Name)
			}
		}
	}
	return worst, where
}

// trim cuts weights to the bounds and reports whether any was outside by more than rounding.
func trim(weights []float64, cut []bool, options RakeOptions) bool {
	var sum float64
	for _, w := range weights {
		sum += w
	}
	mean := sum / float64(len(weights))
	low, high := options.TrimLow*mean, options.TrimHigh*mean
	trimmed := false
	for i, w := range weights {
		bounded := min(max(w, low), high)
		if math.Abs(bounded-w) > 1e-6*mean {
			weights[i], cut[i], trimmed = bounded, true, true
		}
	}
	return trimmed
}

// describe fills in what the final weights look like.
func (r *RakeReport) describe(weights []float64, cut []bool) {
	var sum, squares float64
	low, high := math.Inf(1), 0.0
	for i, w := range weights {
		sum += w
		squares += w * w
		low, high = min(low, w), max(high, w)
		if cut[i] {
			r.Trimmed++
		}
	}
	mean := sum / float64(len(weights))
	r.Low, r.High = low/mean, high/mean
	r.EffectiveN = KishFromSums(sum, squares)
	r.DesignEffect = float64(len(weights)) / r.EffectiveN
}
