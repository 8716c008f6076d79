package stats

import (
	"fmt"
	"math"
)

const (
	methodPairedT = "t of the differences"
	methodWelch   = "Welch t"
)

// Mean is the mean of a sample, the variance of the sample (divided by N-1) and its size; with weights the
// effective size.
type Mean struct{ Value, Variance, N float64 }

// SampleMean returns the mean of at least two values: the ratings of an item, the places given to it, or the
// gaps of paired answers (performance minus expectation, person by person), which [MeanInterval] and
// [MeanTest] then compare with 0.
func SampleMean(values []float64) (Mean, error) {
	if len(values) < 2 {
		return Mean{}, &ArgumentError{"SampleMean", "length of values", float64(len(values)), "at least 2"}
	}
	n := float64(len(values))
	var sum float64
	for i, v := range values {
		if !finite(v) {
			return Mean{}, &ArgumentError{"SampleMean", indexed("values", i), v, "a finite number"}
		}
		sum += v
	}
	mean := sum / n
	var squares, drift float64 // the second corrects the first for the rounding of mean
	for _, v := range values {
		squares += (v - mean) * (v - mean)
		drift += v - mean
	}
	return Mean{mean, (squares - drift*drift/n) / (n - 1), n}, nil
}

// MeanOfCounts returns the mean of a rating from how many persons gave each of its points; counts may be
// weighted, as long as they add up to the effective number.
func MeanOfCounts(points, counts []float64) (Mean, error) {
	const function = "MeanOfCounts"
	if err := checkLength(function, "counts", len(counts), len(points)); err != nil {
		return Mean{}, err
	}
	var n, sum float64
	for i, count := range counts {
		if !finite(points[i]) {
			return Mean{}, &ArgumentError{function, indexed("points", i), points[i], "a finite number"}
		}
		if !finite(count) || count < 0 {
			return Mean{}, &ArgumentError{function, indexed("counts", i), count, "a finite number of at least 0"}
		}
		n += count
		sum += count * points[i]
	}
	if n <= 1 {
		return Mean{}, &ArgumentError{function, "sum of counts", n, "a number above 1"}
	}
	mean := sum / n
	var squares float64
	for i, count := range counts {
		squares += count * (points[i] - mean) * (points[i] - mean)
	}
	return Mean{mean, squares / (n - 1), n}, nil
}

func (m Mean) check(function, argument string) error {
	switch {
	case !finite(m.Value):
		return &ArgumentError{function, argument + "value", m.Value, "a finite number"}
	case !finite(m.Variance) || m.Variance < 0:
		return &ArgumentError{function, argument + "variance", m.Variance, "a finite number of at least 0"}
	case !finite(m.N) || m.N <= 1:
		return &ArgumentError{function, argument + "n", m.N, "a finite number above 1"}
	}
	return nil
}

// MeanInterval returns the t interval of a mean. It has no width where all values are equal, and is then no
// sign of certainty: show the shares of the points beside it.
func MeanInterval(m Mean, level float64) (Interval, error) {
	if err := m.check("MeanInterval", ""); err != nil {
		return Interval{}, err
	}
	if err := checkLevel("MeanInterval", level); err != nil {
		return Interval{}, err
	}
	half := studentTwoSided(level, m.N-1) * math.Sqrt(m.Variance/m.N)
	return Interval{m.Value - half, m.Value + half}, nil
}

// MeanTest tests whether a mean differs from zero, for gaps of paired answers; Statistic is the signed t. Where
// nothing varies, P is 1 for a mean of zero and otherwise [ErrUndefined].
func MeanTest(m Mean) (Test, error) {
	if err := m.check("MeanTest", ""); err != nil {
		return Test{}, err
	}
	if m.Variance == 0 {
		if m.Value == 0 {
			return Test{0, m.N - 1, 1, methodNoVariation}, nil
		}
		return Test{}, fmt.Errorf("t of values that are all equal: %w", ErrUndefined)
	}
	t := m.Value / math.Sqrt(m.Variance/m.N)
	return Test{t, m.N - 1, studentTwoSidedP(t, m.N-1), methodPairedT}, nil
}

// WelchTest tests whether two independent means differ, without assuming equal variances; Statistic is the
// signed t. Where neither sample varies, P is 1 for equal means and otherwise [ErrUndefined].
// Source: Welch (1947), Biometrika 34:28-35.
func WelchTest(a, b Mean) (Test, error) {
	variance, df, err := welch("WelchTest", a, b)
	if err != nil {
		return Test{}, err
	}
	d := a.Value - b.Value
	if variance == 0 {
		if d == 0 {
			return Test{0, df, 1, methodNoVariation}, nil
		}
		return Test{}, fmt.Errorf("t of two samples without variation: %w", ErrUndefined)
	}
	t := d / math.Sqrt(variance)
	return Test{t, df, studentTwoSidedP(t, df), methodWelch}, nil
}

// WelchDifference returns the interval of a's mean minus b's mean, independent samples with variances of
// their own. Source: as [WelchTest].
func WelchDifference(a, b Mean, level float64) (Interval, error) {
	variance, df, err := welch("WelchDifference", a, b)
	if err != nil {
		return Interval{}, err
	}
	if err := checkLevel("WelchDifference", level); err != nil {
		return Interval{}, err
	}
	d := a.Value - b.Value
	if variance == 0 {
		return Interval{d, d}, nil
	}
	half := studentTwoSided(level, df) * math.Sqrt(variance)
	return Interval{d - half, d + half}, nil
}

// welch returns the variance of the difference and Satterthwaite's degrees of freedom.
func welch(function string, a, b Mean) (variance, df float64, err error) {
	if err := a.check(function, "a: "); err != nil {
		return 0, 0, err
	}
	if err := b.check(function, "b: "); err != nil {
		return 0, 0, err
	}
	ofA, ofB := a.Variance/a.N, b.Variance/b.N
	variance = ofA + ofB
	if variance == 0 {
		return 0, a.N + b.N - 2, nil
	}
	// As shares of the variance, which neither overflow nor underflow when squared.
	shareA, shareB := ofA/variance, ofB/variance
	return variance, 1 / (shareA*shareA/(a.N-1) + shareB*shareB/(b.N-1)), nil
}
