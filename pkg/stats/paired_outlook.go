package stats

import "math"

// PairedProbabilityHigher returns the probability that the first share of the same persons is truly the
// higher one. Only those who answered differently tell: their share in favour of the first has the Jeffreys
// posterior Beta(first + 1/2, second + 1/2), and the result is its part above one half. It says which way
// things lean, as [ProbabilityHigher] does for independent samples; it is no test.
func PairedProbabilityHigher(p Pairs) (float64, error) {
	if err := p.check("PairedProbabilityHigher"); err != nil {
		return 0, err
	}
	_, above := betaTails(p.OnlyFirst+0.5, p.OnlySecond+0.5, 0.5, 0.5)
	return above, nil
}

// PairedDetectableDifference returns the smallest true difference that McNemar's test of the same persons,
// at level (1 - level) / family, would have found with the given power, if as many answered differently as
// did. The result is a share; above 1 no difference could have been seen. Where nobody answered differently
// one person is taken to have.
//
// Normal approximation with the variance of the null hypothesis. Source: Connor (1987), Biometrics
// 43:207-211, first approximation.
func PairedDetectableDifference(p Pairs, level, power float64, family int) (float64, error) {
	const function = "PairedDetectableDifference"
	if err := p.check(function); err != nil {
		return 0, err
	}
	standardErrors, err := reach(function, level, power, family)
	if err != nil {
		return 0, err
	}
	return standardErrors * math.Sqrt(max(p.OnlyFirst+p.OnlySecond, 1)) / p.N(), nil
}
