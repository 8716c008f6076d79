package stats

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mathext"
)

// Names of the tests, as printed beneath a table.
const (
	methodNMinus1     = "N-1 chi-square"
	methodMidPFisher  = "mid-P Fisher"
	methodZ           = "z of the two variances"
	methodNoVariation = "no variation"
)

// NewcombeDifference returns the interval of a's share minus b's share, two independent samples, by
// square-and-add of their Wilson intervals; bounds in [-1, 1]. With weights pass share times effective n
// and effective n on both sides.
// Source: Newcombe (1998), Stat. Med. 17:873-890, method 10.
func NewcombeDifference(a, b Proportion, level float64) (Interval, error) {
	a, b, err := checkedPair("NewcombeDifference", a, b)
	if err != nil {
		return Interval{}, err
	}
	if err := checkLevel("NewcombeDifference", level); err != nil {
		return Interval{}, err
	}
	return newcombe(a, b, normalTwoSided(level)), nil
}

// newcombe is NewcombeDifference for checked input and a ready normal quantile.
func newcombe(a, b Proportion, z float64) Interval {
	return squareAndAdd(a.Share(), wilson(a, z), b.Share(), wilson(b, z), 0)
}

// squareAndAdd is the interval of p - q from the intervals of two estimates whose correlation is phi: the
// distance of each limit is recovered from the two intervals (MOVER).
// Source: Newcombe (1998), Stat. Med. 17:873-890 and 2635-2650; Zou & Donner (2008), Stat. Med. 27:1693-1702.
func squareAndAdd(p float64, ofP Interval, q float64, ofQ Interval, phi float64) Interval {
	reach := func(x, y float64) float64 { return math.Sqrt(max(x*x-2*phi*x*y+y*y, 0)) }
	d := p - q
	return Interval{
		Low:  d - reach(p-ofP.Low, ofQ.High-q),
		High: d + reach(ofP.High-p, q-ofQ.Low),
	}.around(d)
}

// MiettinenNurminen returns the score interval of a's share minus b's share, two independent samples, with
// the variance factor N/(N-1); bounds in [-1, 1], found by bisection to 1e-12. It excludes 0 exactly when
// the N-1 chi-square of [DifferenceTest] has p < 1 - level. It is an error if the trials of both together
// are not above 1.
// Source: Miettinen & Nurminen (1985), Stat. Med. 4:213-226.
func MiettinenNurminen(a, b Proportion, level float64) (Interval, error) {
	a, b, err := checkedPair("MiettinenNurminen", a, b)
	if err != nil {
		return Interval{}, err
	}
	if err := checkLevel("MiettinenNurminen", level); err != nil {
		return Interval{}, err
	}
	n := a.Trials + b.Trials
	if n <= 1 {
		return Interval{}, &ArgumentError{"MiettinenNurminen", "trials of both sides", n, "a number above 1"}
	}
	return scoreInterval(a, b, normalTwoSided(level), n/(n-1)), nil
}

// scoreInterval holds the differences d that a score test with this variance factor does not reject. A
// factor of 1 is Mee's interval.
func scoreInterval(a, b Proportion, z, factor float64) Interval {
	observed := a.Share() - b.Share()
	// The score falls from +inf at -1 to -inf at 1; bisect for the points where it passes ±z.
	bound := func(inside, outside float64) float64 {
		for math.Abs(outside-inside) > 1e-13 {
			middle := inside + (outside-inside)/2
			if middle == inside || middle == outside {
				break
			}
			variance := factor * constrainedVariance(a, b, middle)
			if gap := observed - middle; gap*gap <= z*z*variance {
				inside = middle
			} else {
				outside = middle
			}
		}
		return inside
	}
	interval := Interval{observed, observed}
	if observed > -1 {
		interval.Low = bound(observed, -1)
	}
	if observed < 1 {
		interval.High = bound(observed, 1)
	}
	// An impossible d has no variance, so the bisection ends within 1e-13 of an end that the interval holds.
	if interval.Low < -1+1e-12 {
		interval.Low = -1
	}
	if interval.High > 1-1e-12 {
		interval.High = 1
	}
	return interval.around(observed)
}

// constrainedVariance is the variance of the difference of two shares at their maximum likelihood estimates
// under a difference of exactly d. The estimate of b's share is the root of the derivative of the likelihood,
// which falls throughout its range. The cubic of Miettinen & Nurminen (1985) gives the same root in closed
// form, but loses half of its digits for one answer against a million; it is the first guess.
func constrainedVariance(a, b Proportion, d float64) float64 {
	low, high := max(0, -d), min(1, 1-d)
	q := min(max(constrainedCubic(a, b, d), low), high)
	// The derivative and its slope; a term without a count is no term, also at the edge.
	derivative := func(q float64) (value, slope float64) {
		add := func(count, distance float64) {
			if count > 0 {
				term := count / distance
				value += term
				slope -= math.Abs(term / distance)
			}
		}
		add(a.Successes, q+d)
		add(a.Trials-a.Successes, q+d-1)
		add(b.Successes, q)
		add(b.Trials-b.Successes, q-1)
		return value, slope
	}
	for range 100 {
		value, slope := derivative(q)
		if value > 0 {
			low = q
		} else {
			high = q
		}
		next := q - value/slope
		if !(next > low && next < high) {
			next = low + (high-low)/2
		}
		if math.Abs(next-q) <= 1e-15*min(next, 1-next) || high-low <= 1e-16 {
			q = next
			break
		}
		q = next
	}
	p := min(max(q+d, 0), 1)
	return p*(1-p)/a.Trials + q*(1-q)/b.Trials
}

// constrainedCubic is the closed form of appendix I of Miettinen & Nurminen (1985) for b's share.
func constrainedCubic(a, b Proportion, d float64) float64 {
	n := a.Trials + b.Trials
	// Divided by n, so that no count is too large.
	l2 := ((a.Trials+2*b.Trials)*d-a.Successes-b.Successes)/n - 1
	l1 := (b.Trials*d-n-2*b.Successes)*d/n + (a.Successes+b.Successes)/n
	l0 := b.Successes * d * (1 - d) / n
	third := l2 / 3
	q := third*third*third - l1*l2/6 + l0/2
	r := math.Copysign(math.Sqrt(max(third*third-l1/3, 0)), q)
	if r == 0 {
		return -third
	}
	return 2*r*math.Cos((math.Pi+math.Acos(min(max(q/(r*r*r), -1), 1)))/3) - third
}

// DifferenceTest tests whether two independent shares differ. It is the N-1 chi-square, with the signed z in
// Statistic (positive when a's share is higher). Where the smallest expected count is below 1 and the counts
// are whole, P comes from the mid-P Fisher test instead; Statistic stays the z. A pooled share of 0 or 1
// leaves nothing to test: z is 0 and P is 1.
//
// The N-1 form is the score test behind [MiettinenNurminen], and holds its level far below the expected
// counts of 5 of the textbooks.
// Source: Campbell (2007), Stat. Med. 26:3661-3675; Lydersen, Fagerland & Laake (2009), Stat. Med. 28:1159-1175.
func DifferenceTest(a, b Proportion) (Test, error) {
	a, b, err := checkedPair("DifferenceTest", a, b)
	if err != nil {
		return Test{}, err
	}
	n := a.Trials + b.Trials
	if n <= 1 {
		return Test{}, &ArgumentError{"DifferenceTest", "trials of both sides", n, "a number above 1"}
	}
	pooled := (a.Successes + b.Successes) / n
	if pooled == 0 || pooled == 1 {
		return Test{0, 1, 1, methodNMinus1}, nil
	}
	z := pooledZ(a, b) * math.Sqrt((n-1)/n)
	if min(a.Trials, b.Trials)*min(pooled, 1-pooled) < 1 && a.whole() && b.whole() {
		_, midP := fisher(a, b)
		return Test{z, 0, midP, methodMidPFisher}, nil
	}
	return Test{z, 1, normalTwoSidedP(z), methodNMinus1}, nil
}

// pooledZ is the signed root of Pearson's chi-square of two shares; the pooled share is not 0 or 1.
func pooledZ(a, b Proportion) float64 {
	pooled := (a.Successes + b.Successes) / (a.Trials + b.Trials)
	return (a.Share() - b.Share()) / math.Sqrt(pooled*(1-pooled)*(1/a.Trials+1/b.Trials))
}

// fisher returns the two-sided p of Fisher's exact test, and its mid-P: tables as probable as the observed
// one count for half. Tables are ordered by their probability given the margins; counts are whole.
func fisher(a, b Proportion) (exact, midP float64) {
	picked, n := a.Successes+b.Successes, a.Trials+b.Trials
	first, last := max(0, picked-b.Trials), min(a.Trials, picked)
	share := picked / n
	// Given the margins, the table's probability is that of two binomials at the pooled share, up to a factor.
	probability := func(x float64) float64 {
		return binomialDensity(x, a.Trials-x, share, 1-share) * binomialDensity(picked-x, b.Trials-picked+x, share, 1-share)
	}
	observed := probability(a.Successes)
	var total, below, equal float64
	for x := first; x <= last; x++ {
		p := probability(x)
		total += p
		switch { // equal up to rounding, as R's fisher.test has it
		case math.Abs(p-observed) <= 1e-7*observed:
			equal += p
		case p < observed:
			below += p
		}
	}
	return min((below+equal)/total, 1), min((below+equal/2)/total, 1)
}

// ZTest tests an estimated difference against 0, given the variance of that estimate; for comparisons whose
// variance is not the binomial one, as with weights. With a variance of 0 a difference of 0 has P = 1, and
// any other is [ErrUndefined]: a sample without spread says nothing of the spread it was drawn from (use
// [DifferenceTest] on the effective counts, as [WeightedDifferenceTest] does).
func ZTest(difference, variance float64) (Test, error) {
	if !finite(difference) {
		return Test{}, &ArgumentError{"ZTest", "difference", difference, "a finite number"}
	}
	if !finite(variance) || variance < 0 {
		return Test{}, &ArgumentError{"ZTest", "variance", variance, "a finite number of at least 0"}
	}
	if variance == 0 {
		if difference == 0 {
			return Test{0, 0, 1, methodNoVariation}, nil
		}
		return Test{}, fmt.Errorf("z of a difference with no variance: %w", ErrUndefined)
	}
	z := difference / math.Sqrt(variance)
	return Test{z, 0, normalTwoSidedP(z), methodZ}, nil
}

// CohenH is the effect size 2 asin √p - 2 asin √q of two shares in [0, 1]: about 0.2 is small, 0.5 medium,
// 0.8 large. NaN outside [0, 1].
// Source: Cohen (1988), Statistical Power Analysis for the Behavioral Sciences, chapter 6.
func CohenH(p, q float64) float64 {
	return 2*math.Asin(math.Sqrt(p)) - 2*math.Asin(math.Sqrt(q))
}

// DetectableDifference returns the smallest true difference of two shares that a two-sided test at
// (1 - level) / family would have found with the given power, when the shares lie about pooled; n1 and n2
// are persons, or effective n. The result is a share; above 1 no difference could have been seen. A pooled
// share of 0 or 1 is taken as half an answer away from the edge, since the sample cannot know that it is
// exactly there.
//
// The normal approximation is up to about three points too small where the smaller side expects fewer than
// five picks. Source: Fleiss, Levin & Paik (2003), Statistical Methods for Rates and Proportions, chapter 4.
func DetectableDifference(pooled, n1, n2, level, power float64, family int) (float64, error) {
	const function = "DetectableDifference"
	if !(pooled >= 0 && pooled <= 1) {
		return 0, &ArgumentError{function, "pooled", pooled, "a share in [0, 1]"}
	}
	if !finite(n1) || n1 <= 0 {
		return 0, &ArgumentError{function, "n1", n1, "a finite number above 0"}
	}
	if !finite(n2) || n2 <= 0 {
		return 0, &ArgumentError{function, "n2", n2, "a finite number above 0"}
	}
	standardErrors, err := reach(function, level, power, family)
	if err != nil {
		return 0, err
	}
	edge := 0.5 / (n1 + n2 + 1)
	share := min(max(pooled, edge), 1-edge)
	return standardErrors * math.Sqrt(share*(1-share)*(1/n1+1/n2)), nil
}

// reach is how many standard errors a difference must be long to be found with the given power at level
// (1 - level) / family, two-sided.
func reach(function string, level, power float64, family int) (float64, error) {
	if err := checkLevel(function, level); err != nil {
		return 0, err
	}
	if !(power >= 0.5 && power < 1) {
		return 0, &ArgumentError{function, "power", power, "a probability in [0.5, 1), e.g. 0.8"}
	}
	if family < 1 {
		return 0, &ArgumentError{function, "family", float64(family), "the number of comparisons, at least 1"}
	}
	tail := (1 - level) / 2 / float64(family)
	return mathext.NormalQuantile(power) - mathext.NormalQuantile(tail), nil
}
