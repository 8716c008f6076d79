package stats

import "math"

// Wilson returns the score interval for a proportion. k successes out of n trials are counts of persons,
// fractional when weighted (pass the effective n); level is the coverage, e.g. 0.95. Bounds are
// proportions in [0, 1]; there is no continuity correction. It is an error if n <= 0, k is outside [0, n]
// or level outside (0, 1).
// Source: Wilson (1927), JASA 22:209; as in Newcombe (1998), Stat. Med. 17:857-872, method 3.
func Wilson(k, n, level float64) (Interval, error) {
	p, err := Proportion{k, n}.checked("Wilson", "the proportion's")
	if err != nil {
		return Interval{}, err
	}
	if err := checkLevel("Wilson", level); err != nil {
		return Interval{}, err
	}
	return wilson(p, normalTwoSided(level)), nil
}

// wilson is Wilson for checked input and a ready normal quantile.
func wilson(p Proportion, z float64) Interval {
	share, n := p.Share(), p.Trials
	denominator := 1 + z*z/n
	centre := (share + z*z/(2*n)) / denominator
	half := z * math.Sqrt(share*(1-share)/n+z*z/(4*n*n)) / denominator
	interval := Interval{max(centre-half, 0), min(centre+half, 1)}
	// Exactly 0 and 1 at the edges, where the formula leaves a rounding error.
	if p.Successes == 0 {
		interval.Low = 0
	}
	if p.Successes == p.Trials {
		interval.High = 1
	}
	return interval.around(share)
}

// ClopperPearson returns the exact interval for a proportion of k in n, from the beta distribution: never
// below its coverage, and wider than [Wilson] for it. Shown beside Wilson for fewer than about 10 trials.
// Arguments and errors as in [Wilson].
// Source: Clopper & Pearson (1934), Biometrika 26:404; Newcombe (1998), Stat. Med. 17:857-872, method 5.
func ClopperPearson(k, n, level float64) (Interval, error) {
	p, err := Proportion{k, n}.checked("ClopperPearson", "the proportion's")
	if err != nil {
		return Interval{}, err
	}
	if err := checkLevel("ClopperPearson", level); err != nil {
		return Interval{}, err
	}
	tail := (1 - level) / 2
	interval := Interval{0, 1}
	if p.Successes > 0 {
		interval.Low = betaQuantile(p.Successes, p.Trials-p.Successes+1, tail)
	}
	if p.Successes < p.Trials {
		// The upper bound counted from 1, where its digits are.
		interval.High = 1 - betaQuantile(p.Trials-p.Successes, p.Successes+1, tail)
	}
	return interval.around(p.Share()), nil
}
