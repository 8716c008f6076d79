package stats

import (
	"fmt"
	"math"
)

// Kish returns the effective number of respondents (Σw)² / Σw²: how many equally weighted ones would carry as
// much information about a share. It is at most len(weights). Weights are finite and above 0.
// Source: Kish (1965), Survey Sampling, section 11.7.
func Kish(weights []float64) (float64, error) {
	if err := checkWeights("Kish", weights); err != nil {
		return 0, err
	}
	var sum, squares float64
	for _, w := range weights {
		sum += w
		squares += w * w
	}
	return KishFromSums(sum, squares), nil
}

// KishFromSums is [Kish] from the sum of the weights and the sum of their squares; 0 when both are 0.
func KishFromSums(sumW, sumW2 float64) float64 {
	if sumW2 <= 0 {
		return 0
	}
	return sumW * sumW / sumW2
}

func checkWeights(function string, weights []float64) error {
	if len(weights) == 0 {
		return &ArgumentError{function, "length of weights", 0, "at least 1"}
	}
	for i, w := range weights {
		if !finite(w) || w <= 0 {
			return &ArgumentError{function, indexed("weights", i), w, "a finite number above 0"}
		}
	}
	return nil
}

// WeightedShare is the sufficient statistic of a weighted share: sums over the base of one question, W and W2 of
// the weights and of their squares, and the same over the persons who picked the item.
type WeightedShare struct {
	N                 float64 // persons in the base
	W, W2             float64 // Σw, Σw² over the base
	PickedW, PickedW2 float64 // Σw, Σw² over those who picked
}

// NewWeightedShare sums up the answers to one item: picked[i] says whether the person of weights[i] picked it.
func NewWeightedShare(weights []float64, picked []bool) (WeightedShare, error) {
	const function = "NewWeightedShare"
	if err := checkLength(function, "picked", len(picked), len(weights)); err != nil {
		return WeightedShare{}, err
	}
	if err := checkWeights(function, weights); err != nil {
		return WeightedShare{}, err
	}
	s := WeightedShare{N: float64(len(weights))}
	for i, w := range weights {
		s.W += w
		s.W2 += w * w
		if picked[i] {
			s.PickedW += w
			s.PickedW2 += w * w
		}
	}
	return s, nil
}

// Share is the weighted share, in [0, 1]; NaN without anybody.
func (s WeightedShare) Share() float64 { return min(s.PickedW/s.W, 1) }

// Variance is the linearised variance of Share with the weights taken as fixed:
// n/(n-1) Σ w² (y-p)² / (Σw)². It is 0 for a share of 0 or 1, and for one person.
// Source: as R survey's svymean without clusters; Lumley (2004), J. Stat. Softw. 9(8).
func (s WeightedShare) Variance() float64 {
	p := s.Share()
	if s.N <= 1 || p == 0 || p == 1 {
		return 0
	}
	squares := (1-p)*(1-p)*s.PickedW2 + p*p*max(s.W2-s.PickedW2, 0)
	return s.N / (s.N - 1) * squares / (s.W * s.W)
}

// Kish is the effective number of persons in the base.
func (s WeightedShare) Kish() float64 { return KishFromSums(s.W, s.W2) }

// Proportion is the share on the effective n of this item ([EffectiveTrials]), ready for [Wilson] and
// [NewcombeDifference].
func (s WeightedShare) Proportion() Proportion {
	n := EffectiveTrials(s.Share(), s.Variance(), s.Kish())
	return Proportion{s.Share() * n, n}
}

func (s WeightedShare) check(function, argument string) error {
	const slack = 1 + 1e-9
	switch {
	case !finite(s.N) || s.N < 1:
		return &ArgumentError{function, argument + "N", s.N, "a finite number of at least 1"}
	case !finite(s.W) || s.W <= 0:
		return &ArgumentError{function, argument + "W", s.W, "a finite number above 0"}
	case !finite(s.W2) || s.W2 <= 0 || s.W2 > s.W*s.W*slack || s.W*s.W > s.N*s.W2*slack:
		return &ArgumentError{function, argument + "W2", s.W2, "between W²/N and W²"}
	case !(s.PickedW >= 0 && s.PickedW <= s.W*slack):
		return &ArgumentError{function, argument + "PickedW", s.PickedW, "a number in [0, W]"}
	case !(s.PickedW2 >= 0 && s.PickedW2 <= s.W2*slack):
		return &ArgumentError{function, argument + "PickedW2", s.PickedW2, "a number in [0, W2]"}
	}
	return nil
}

// WeightedShareVariance returns a weighted share and its linearised variance from the answers themselves;
// [WeightedShare.Variance] has the formula.
func WeightedShareVariance(weights []float64, picked []bool) (share, variance float64, err error) {
	s, err := NewWeightedShare(weights, picked)
	if err != nil {
		return 0, 0, err
	}
	return s.Share(), s.Variance(), nil
}

// WeightedShareVarianceFromSums is [WeightedShareVariance] from the sums over the base: persons, Σw, Σw², and
// Σw and Σw² over those who picked.
func WeightedShareVarianceFromSums(n, sumW, sumW2, sumWY, sumW2Y float64) (share, variance float64, err error) {
	s := WeightedShare{N: n, W: sumW, W2: sumW2, PickedW: sumWY, PickedW2: sumW2Y}
	if err := s.check("WeightedShareVarianceFromSums", ""); err != nil {
		return 0, 0, err
	}
	return s.Share(), s.Variance(), nil
}

// WeightedMeanVariance returns a weighted mean and the linearised variance of that mean,
// n/(n-1) Σ w² (y - mean)² / (Σw)², for ratings; at least two values.
// Source: as [WeightedShare.Variance].
func WeightedMeanVariance(values, weights []float64) (mean, variance float64, err error) {
	const function = "WeightedMeanVariance"
	if err := checkLength(function, "weights", len(weights), len(values)); err != nil {
		return 0, 0, err
	}
	if err := checkWeights(function, weights); err != nil {
		return 0, 0, err
	}
	if len(values) < 2 {
		return 0, 0, &ArgumentError{function, "length of values", float64(len(values)), "at least 2"}
	}
	var sumW, sum float64
	for i, v := range values {
		if !finite(v) {
			return 0, 0, &ArgumentError{function, indexed("values", i), v, "a finite number"}
		}
		sumW += weights[i]
		sum += weights[i] * v
	}
	mean = sum / sumW
	for i, v := range values {
		r := weights[i] * (v - mean) / sumW
		variance += r * r
	}
	n := float64(len(values))
	return mean, variance * n / (n - 1), nil
}

// EffectiveTrials is the number of equally weighted trials that would give a share this variance,
// p(1-p)/variance. At a share of 0 or 1, where the variance tells nothing, it is kish.
// Source: Korn & Graubard (1998), Survey Methodology 24:193-201.
func EffectiveTrials(share, variance, kish float64) float64 {
	if !(variance > 0) || !(share > 0 && share < 1) {
		return kish
	}
	return share * (1 - share) / variance
}

// FinitePopulation returns the variance of an estimate from n persons drawn out of a population of known
// size: variance (1 - n/population). A census has no sampling error, but may still have non-response.
func FinitePopulation(variance, n, population float64) (float64, error) {
	const function = "FinitePopulation"
	if !finite(variance) || variance < 0 {
		return 0, &ArgumentError{function, "variance", variance, "a finite number of at least 0"}
	}
	if !finite(population) || population <= 0 {
		return 0, &ArgumentError{function, "population", population, "a finite number above 0"}
	}
	if !(n > 0 && n <= population) {
		return 0, &ArgumentError{function, "n", n, fmt.Sprintf("a number in (0, %v], the population", population)}
	}
	return variance * (1 - n/population), nil
}

// WeightedDifferenceTest tests whether two independent weighted shares differ, by [ZTest] on the difference and
// the sum of the two linearised variances. Where a share is 0 or 1 its variance is 0 and would make any
// difference look certain; the test is then [DifferenceTest] on the effective counts.
func WeightedDifferenceTest(a, b WeightedShare) (Test, error) {
	if err := a.check("WeightedDifferenceTest", "a: "); err != nil {
		return Test{}, err
	}
	if err := b.check("WeightedDifferenceTest", "b: "); err != nil {
		return Test{}, err
	}
	if a.Variance() == 0 || b.Variance() == 0 {
		return DifferenceTest(a.Proportion(), b.Proportion())
	}
	return ZTest(a.Share()-b.Share(), a.Variance()+b.Variance())
}

// WeightedPreference is how one person prefers one item to another, summed over the base of a question.
type WeightedPreference struct{ W, W2 float64 } // Σw, Σw² over the persons who picked the first and not the second

// WeightedRankSets is [RankSets] for weighted answers. n, sumW and sumW2 are persons, Σw and Σw² over the base;
// preferred[i][j] sums the weights of those who picked i and not j. Pairs are compared by the z of the
// difference of their shares with its linearised variance; a pair on which nobody differs, or everybody in
// the same way, by the exact binomial on Kish's effective number of those who differ. Holm's correction
// covers all K(K-1) claims.
func WeightedRankSets(n, sumW, sumW2 float64, preferred [][]WeightedPreference, level float64) ([]RankSet, error) {
	const function = "WeightedRankSets"
	base := WeightedShare{N: n, W: sumW, W2: sumW2}
	if err := base.check(function, "base: "); err != nil {
		return nil, err
	}
	p := make([][]float64, len(preferred))
	for i, row := range preferred {
		if err := checkLength(function, indexed("preferred", i), len(row), len(preferred)); err != nil {
			return nil, err
		}
		for j, v := range row {
			if i == j {
				continue
			}
			if !(v.W >= 0 && v.W <= sumW*(1+1e-9)) {
				return nil, &ArgumentError{function, cell("preferred", i, j) + ".W", v.W, "a number in [0, sumW]"}
			}
			if !(v.W2 >= 0 && v.W2 <= sumW2*(1+1e-9)) {
				return nil, &ArgumentError{function, cell("preferred", i, j) + ".W2", v.W2, "a number in [0, sumW2]"}
			}
		}
		p[i] = make([]float64, len(preferred))
	}
	for i := range preferred {
		for j := range preferred {
			if i != j {
				p[i][j] = preferenceP(base, preferred[i][j], preferred[j][i])
			}
		}
	}
	return RankSetsFromTests(p, level)
}

// preferenceP is the one-sided p of the claim that more weight prefers first to second.
func preferenceP(base WeightedShare, first, second WeightedPreference) float64 {
	if first.W == 0 || second.W == 0 {
		// Everybody who has a preference has the same one: the z would rest on a variance without the other.
		if first.W == 0 {
			return 1
		}
		return math.Pow(0.5, KishFromSums(first.W, first.W2))
	}
	d := (first.W - second.W) / base.W
	squares := (1-d)*(1-d)*first.W2 + (1+d)*(1+d)*second.W2 + d*d*max(base.W2-first.W2-second.W2, 0)
	variance := base.N / max(base.N-1, 1) * squares / (base.W * base.W)
	return normalUpper(d / math.Sqrt(variance))
}
