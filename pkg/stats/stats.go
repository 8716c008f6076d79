// Package stats is numbers in, numbers out: intervals and tests of shares and means, corrections for many
// comparisons, sets of ranks, agreement of ranked lists, weights. It knows no survey, no item and no
// language; it holds no state, and draws random numbers only from a source it is given, so that the same
// answers give the same figures on every machine.
//
// Conventions of the whole package:
//
//   - A share is in [0, 1], never in percent. A level is a coverage in (0, 1), e.g. 0.95. Tests are
//     two-sided unless the name says otherwise.
//   - Counts are float64, because with weights they are fractional: pass share times effective n, and the
//     effective n. Without weights they are whole numbers of persons.
//   - A rank is 1 for the best; equal numbers are a tie.
//   - Bad input (NaN, infinite, negative, lengths that differ, a level outside (0, 1)) is an
//     [*ArgumentError]; a figure that the data do not define is [ErrUndefined]. Neither is ever answered
//     with 0 or NaN.
//   - Arguments are never changed.
package stats

import (
	"errors"
	"fmt"
	"math"
)

// ErrUndefined says that the input is in order but the figure does not exist for it: a correlation of a
// list whose entries are all tied, a logit of a share of 0.
var ErrUndefined = errors.New("undefined for this input")

// ArgumentError says which argument of a function is out of its range.
type ArgumentError struct {
	Function string  // as called, e.g. "Wilson"
	Argument string  // the argument, with its index where it is a list, e.g. "weights[3]"
	Value    float64 // what was passed; a length where lengths differ
	Want     string  // the range, e.g. "a finite number above 0"
}

// Error names the function, the argument, what it was and what it must be.
func (e *ArgumentError) Error() string {
	return fmt.Sprintf("stats.%s: %s is %v, want %s", e.Function, e.Argument, e.Value, e.Want)
}

// Interval is a range from Low to High, both included.
type Interval struct{ Low, High float64 }

// Contains reports whether v lies in the interval.
func (i Interval) Contains(v float64) bool { return i.Low <= v && v <= i.High }

// Within reports whether the whole interval lies strictly inside ±margin. With an interval of coverage
// 1 - 2α this is two one-sided tests of practical equality at level α (Schuirmann 1987).
func (i Interval) Within(margin float64) bool { return -margin < i.Low && i.High < margin }

// Clipped returns the part of the interval inside [low, high]; for printing intervals that may leave the
// possible range, such as the adjusted Wald interval of [NetPromoter].
func (i Interval) Clipped(low, high float64) Interval {
	return Interval{min(max(i.Low, low), high), max(min(i.High, high), low)}
}

// around widens the interval by a rounding error, if need be, so that it contains its own estimate.
func (i Interval) around(estimate float64) Interval {
	return Interval{min(i.Low, estimate), max(i.High, estimate)}
}

// Proportion is Successes out of Trials. Both are counts of persons, or, with weights, share times
// effective n and effective n.
type Proportion struct{ Successes, Trials float64 }

// Share is Successes / Trials, NaN without trials.
func (p Proportion) Share() float64 { return p.Successes / p.Trials }

// whole reports whether both numbers are whole counts, as an exact test needs them.
func (p Proportion) whole() bool {
	return p.Successes == math.Trunc(p.Successes) && p.Trials == math.Trunc(p.Trials)
}

// checked returns p with rounding errors at 0 and at Trials removed (a weighted share of 1 may come out as
// 1 + 2e-16), or an error if it is no proportion.
func (p Proportion) checked(function, argument string) (Proportion, error) {
	const slack = 1e-9 // of Trials
	if !finite(p.Trials) || p.Trials <= 0 {
		return p, &ArgumentError{function, argument + " trials", p.Trials, "a finite number above 0"}
	}
	if !(p.Successes >= -slack*p.Trials && p.Successes <= p.Trials*(1+slack)) {
		return p, &ArgumentError{function, argument + " successes", p.Successes, fmt.Sprintf("a number in [0, %v], the trials", p.Trials)}
	}
	p.Successes = min(max(p.Successes, 0), p.Trials)
	return p, nil
}

// checkedPair is checked for the two sides of a comparison.
func checkedPair(function string, a, b Proportion) (first, second Proportion, err error) {
	if first, err = a.checked(function, "a:"); err != nil {
		return a, b, err
	}
	second, err = b.checked(function, "b:")
	return first, second, err
}

// Test is the outcome of one test of a null hypothesis.
type Test struct {
	Statistic float64 // signed z where there is a direction, otherwise chi-square or t
	DF        float64 // degrees of freedom; 0 where the method has none
	P         float64 // two-sided unless the method says otherwise
	Method    string  // short name for a footnote, e.g. "N-1 chi-square"
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

func checkLevel(function string, level float64) error {
	if !(level > 0 && level < 1) {
		return &ArgumentError{function, "level", level, "a coverage in (0, 1), e.g. 0.95"}
	}
	return nil
}

func checkLength(function, argument string, got, want int) error {
	if got != want {
		return &ArgumentError{function, "length of " + argument, float64(got), fmt.Sprintf("%d, one for each of the others", want)}
	}
	return nil
}
