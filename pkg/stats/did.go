package stats

import (
	"fmt"
	"math"
)

// BeforeAfter is one group's share in two waves of different people.
type BeforeAfter struct{ Before, After Proportion }

// Change is the share after minus the share before.
func (g BeforeAfter) Change() float64 { return g.After.Share() - g.Before.Share() }

// DifferenceInDifferences is how much more one group's share changed than another's.
type DifferenceInDifferences struct {
	Estimate float64  // change in the pilot minus change in the rest, in [-2, 2]
	SE       float64  // Wald: root of the sum of p(1-p)/n over the four cells
	Wald     Interval // Estimate ± z SE
	Interval Interval // MOVER: square-and-add of the two Newcombe intervals; the one to show
	Test     Test     // Wald z; where no cell varies, by Interval
}

// CompareChanges returns the difference in differences of a pilot group and the rest, four independent
// samples. That the pilot would have changed as the rest did is assumed and cannot be tested with two waves;
// with one pilot department the interval covers the sampling of persons only, not what else was special
// about it. People who answered in both waves need the paired form instead ([PairedDifference]).
//
// Wald is the least squares estimate of the saturated model with HC0 errors. Where all four shares are 0 or 1
// it has no width; Test then takes the standard error from the MOVER limit on the side of 0.
// Source: Newcombe (2001), Stat. Med. 20:2885-2893; Zou & Donner (2008), Stat. Med. 27:1693-1702.
func CompareChanges(pilot, rest BeforeAfter, level float64) (DifferenceInDifferences, error) {
	const function = "CompareChanges"
	if err := checkLevel(function, level); err != nil {
		return DifferenceInDifferences{}, err
	}
	pilot, rest, err := checkedChanges(function, pilot, rest)
	if err != nil {
		return DifferenceInDifferences{}, err
	}
	z := normalTwoSided(level)
	var variance float64
	for _, p := range []Proportion{pilot.After, pilot.Before, rest.After, rest.Before} {
		variance += p.Share() * (1 - p.Share()) / p.Trials
	}
	estimate := pilot.Change() - rest.Change()
	interval := squareAndAdd(
		pilot.Change(), newcombe(pilot.After, pilot.Before, z),
		rest.Change(), newcombe(rest.After, rest.Before, z), 0)
	test, err := ZTest(estimate, variance)
	if err != nil { // no cell varies, yet the changes differ
		reach := estimate - interval.Low
		if estimate < 0 {
			reach = interval.High - estimate
		}
		if test, err = ZTest(estimate, reach*reach/(z*z)); err != nil {
			return DifferenceInDifferences{}, err
		}
		test.Method = "z of the MOVER interval"
	}
	return DifferenceInDifferences{
		Estimate: estimate,
		SE:       math.Sqrt(variance),
		Wald:     waldInterval(estimate, variance, z),
		Interval: interval,
		Test:     test,
	}, nil
}

// LogitInteraction returns the same comparison on the scale of log odds: the interaction of group and wave in a
// logistic regression, its standard error, and its z test. Near shares of 0 or 1 it can disagree with the
// difference in differences, even in sign. It is [ErrUndefined] where a share is 0 or 1.
// Source: Puhani (2012), Econ. Lett. 115:85-87.
func LogitInteraction(pilot, rest BeforeAfter) (estimate, se float64, test Test, err error) {
	pilot, rest, err = checkedChanges("LogitInteraction", pilot, rest)
	if err != nil {
		return 0, 0, Test{}, err
	}
	var variance float64
	for i, p := range []Proportion{pilot.After, pilot.Before, rest.Before, rest.After} {
		failures := p.Trials - p.Successes
		if p.Successes == 0 || failures == 0 {
			return 0, 0, Test{}, fmt.Errorf("log odds of a share of %v: %w", p.Share(), ErrUndefined)
		}
		logit := math.Log(p.Successes / failures)
		if i%2 == 1 {
			logit = -logit
		}
		estimate += logit
		variance += 1/p.Successes + 1/failures
	}
	test, err = ZTest(estimate, variance)
	return estimate, math.Sqrt(variance), test, err
}

func checkedChanges(function string, pilot, rest BeforeAfter) (first, second BeforeAfter, err error) {
	if first.After, err = pilot.After.checked(function, "pilot after:"); err != nil {
		return first, second, err
	}
	if first.Before, err = pilot.Before.checked(function, "pilot before:"); err != nil {
		return first, second, err
	}
	if second.After, err = rest.After.checked(function, "rest after:"); err != nil {
		return first, second, err
	}
	second.Before, err = rest.Before.checked(function, "rest before:")
	return first, second, err
}
