package stats

import "math"

// NetPromoterScore is the share of promoters minus the share of detractors, in [-1, 1]; times 100 it is in
// points. [NetPromoter] makes it.
type NetPromoterScore struct {
	Promoters, Passives, Detractors float64 // the counts it was made from

	Score    float64
	Variance float64  // of Score: (P + D - (P - D)²) / n
	Interval Interval // adjusted Wald, the one to show; may pass ±1, clip it for printing
	Wald     Interval // without the pseudo-answers: no width when all answers are alike
}

// N is the number of answers.
func (s NetPromoterScore) N() float64 { return s.Promoters + s.Passives + s.Detractors }

// NetPromoter returns the score of counted answers: promoters gave 9 or 10 of 0 to 10, passives 7 or 8,
// detractors 0 to 6. The interval adds three pseudo-answers (3/4 promoter, 3/2 passive, 3/4 detractor) before
// it is taken as Wald's; at levels under about 0.85, or with a single answer, they pull it past the score of
// unanimous answers, and it is then extended to the score. With weights pass shares times effective n.
// Source: Rocks (2016), Am. Stat. 70:365-372.
func NetPromoter(promoters, passives, detractors, level float64) (NetPromoterScore, error) {
	const function = "NetPromoter"
	counts := []float64{promoters, passives, detractors}
	for i, name := range []string{"promoters", "passives", "detractors"} {
		if v := counts[i]; !finite(v) || v < 0 {
			return NetPromoterScore{}, &ArgumentError{function, name, v, "a finite number of at least 0"}
		}
	}
	if n := promoters + passives + detractors; n <= 0 {
		return NetPromoterScore{}, &ArgumentError{function, "answers in all", n, "more than 0"}
	}
	if err := checkLevel(function, level); err != nil {
		return NetPromoterScore{}, err
	}
	s := NetPromoterScore{Promoters: promoters, Passives: passives, Detractors: detractors}
	s.Score, s.Variance = s.moments(0)
	z := normalTwoSided(level)
	s.Wald = waldInterval(s.Score, s.Variance, z)
	s.Interval = s.adjusted(z)
	return s, nil
}

// moments returns the score and its variance after pseudo-answers: a quarter of them promoters, half
// passives, a quarter detractors.
func (s NetPromoterScore) moments(pseudo float64) (score, variance float64) {
	n := s.N() + pseudo
	p, d := (s.Promoters+pseudo/4)/n, (s.Detractors+pseudo/4)/n
	score = p - d
	return score, max(p+d-score*score, 0) / n
}

func (s NetPromoterScore) adjusted(z float64) Interval {
	score, variance := s.moments(3)
	return waldInterval(score, variance, z).around(s.Score)
}

// waldInterval is the estimate plus and minus z standard errors.
func waldInterval(estimate, variance, z float64) Interval {
	half := z * math.Sqrt(variance)
	return Interval{estimate - half, estimate + half}
}

// NetPromoterDifference is one score minus another, of independent samples.
type NetPromoterDifference struct {
	Difference float64
	Variance   float64
	Test       Test     // z of the two variances
	Wald       Interval // from the two variances; as the published formula
	Interval   Interval // square-and-add of the two adjusted intervals: keeps its width when answers are alike
}

// CompareNetPromoter compares two scores of independent samples, a minus b. Where neither sample varies and
// the scores differ, the two variances define no test; those after the pseudo-answers of [NetPromoter] take
// their place, and Test.Method says so.
// Source: Rocks (2016), Am. Stat. 70:365-372; interval by Zou & Donner (2008), Stat. Med. 27:1693-1702.
func CompareNetPromoter(a, b NetPromoterScore, level float64) (NetPromoterDifference, error) {
	const function = "CompareNetPromoter"
	if err := checkLevel(function, level); err != nil {
		return NetPromoterDifference{}, err
	}
	// Recomputed from the counts, so that a score made by hand or at another level is no trap.
	a, err := NetPromoter(a.Promoters, a.Passives, a.Detractors, level)
	if err != nil {
		return NetPromoterDifference{}, err
	}
	b, err = NetPromoter(b.Promoters, b.Passives, b.Detractors, level)
	if err != nil {
		return NetPromoterDifference{}, err
	}
	d, variance := a.Score-b.Score, a.Variance+b.Variance
	test, err := ZTest(d, variance)
	if err != nil {
		_, ofA := a.moments(3)
		_, ofB := b.moments(3)
		if test, err = ZTest(d, ofA+ofB); err != nil {
			return NetPromoterDifference{}, err
		}
		test.Method = "z of the two adjusted variances"
	}
	return NetPromoterDifference{
		Difference: d,
		Variance:   variance,
		Test:       test,
		Wald:       waldInterval(d, variance, normalTwoSided(level)),
		Interval:   squareAndAdd(a.Score, a.Interval, b.Score, b.Interval, 0),
	}, nil
}
