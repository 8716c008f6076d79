package stats

import (
	"cmp"
	"fmt"
	"math"
	"math/bits"
	"slices"
)

// RankSet is the range of places that an item may truly hold: Low is the best, High the worst, from 1.
type RankSet struct{ Low, High int }

// CompetitionRanks ranks scores, highest first, as in sport: 1, 2, 2, 4. Only exactly equal scores tie; to
// rank shares of different bases use [RankShares], whose ties do not depend on rounding. NaN ranks last.
func CompetitionRanks[T cmp.Ordered](scores []T) []int {
	return ranksBy(len(scores), func(i, j int) int { return cmp.Compare(scores[j], scores[i]) })
}

// RankShares ranks items by successes out of trials, highest first, as [CompetitionRanks] does, but compares
// the ratios exactly: 1/3 ties with 2/6. Trials above 0, successes in [0, trials].
func RankShares(successes, trials []int) ([]int, error) {
	const function = "RankShares"
	if err := checkLength(function, "trials", len(trials), len(successes)); err != nil {
		return nil, err
	}
	for i, n := range trials {
		if n <= 0 {
			return nil, &ArgumentError{function, indexed("trials", i), float64(n), "a number above 0"}
		}
		if k := successes[i]; k < 0 || k > n {
			return nil, &ArgumentError{function, indexed("successes", i), float64(k), fmt.Sprintf("a number in [0, %d], the trials", n)}
		}
	}
	return ranksBy(len(trials), func(i, j int) int {
		return compareProducts(successes[j], trials[i], successes[i], trials[j])
	}), nil
}

// compareProducts compares a*b with c*d, all of them at least 0, in 128 bits.
func compareProducts(a, b, c, d int) int {
	high, low := bits.Mul64(uint64(max(a, 0)), uint64(max(b, 0)))
	otherHigh, otherLow := bits.Mul64(uint64(max(c, 0)), uint64(max(d, 0)))
	return cmp.Or(cmp.Compare(high, otherHigh), cmp.Compare(low, otherLow))
}

// ranksBy gives competition ranks to n items in the order of compare, best first.
func ranksBy(n int, compare func(i, j int) int) []int {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, compare)
	ranks := make([]int, n)
	for place, item := range order {
		ranks[item] = place + 1
		if place > 0 && compare(order[place-1], item) == 0 {
			ranks[item] = ranks[order[place-1]]
		}
	}
	return ranks
}

// RankSets returns for each of K items the places it may truly hold, for all items at once with the
// coverage level, at any sample size and without random numbers. preferred[i][j] is the number of persons
// who picked i and not j; the diagonal is ignored.
//
// Every ordered pair is tested by the exact one-sided binomial (the conditional form of McNemar's test), and
// Holm's correction covers all K(K-1) claims. An item's best place is one below the items shown to be
// better, its worst one above those shown to be worse. For pick-one questions this is the finite-sample
// method of the source, which the same conditional argument carries over to pick-several.
// Source: Bazylik, Mogstad, Romano, Shaikh & Wilhelm (2021), "Finite- and large-sample inference for ranks
// using multinomial data", NBER working paper 29519.
func RankSets(preferred [][]int, level float64) ([]RankSet, error) {
	const function = "RankSets"
	p := make([][]float64, len(preferred))
	for i, row := range preferred {
		if err := checkLength(function, indexed("preferred", i), len(row), len(preferred)); err != nil {
			return nil, err
		}
		for j, count := range row {
			if count < 0 {
				return nil, &ArgumentError{function, cell("preferred", i, j), float64(count), "a number of at least 0"}
			}
		}
		p[i] = make([]float64, len(preferred))
	}
	for i, row := range preferred {
		for j, other := range preferred[:i] {
			forI, forJ := float64(row[j]), float64(other[i])
			atLeast, atMost, _ := fairTails(forI, forI+forJ)
			p[i][j], p[j][i] = atLeast, atMost
		}
	}
	return RankSetsFromTests(p, level)
}

// RankSetsFromTests is the last step of [RankSets] for any other test of pairs: p[i][j] is the one-sided p of
// the claim that item i is truly above item j; the diagonal is ignored. Holm's correction covers all K(K-1)
// claims, so the sets hold for all items at once.
func RankSetsFromTests(p [][]float64, level float64) ([]RankSet, error) {
	const function = "RankSetsFromTests"
	if err := checkLevel(function, level); err != nil {
		return nil, err
	}
	items := len(p)
	claims := make([]float64, 0, items*items)
	for i, row := range p {
		if err := checkLength(function, indexed("p", i), len(row), items); err != nil {
			return nil, err
		}
		for j, v := range row {
			if i == j {
				continue
			}
			if !(v >= 0 && v <= 1) {
				return nil, &ArgumentError{function, cell("p", i, j), v, "a probability in [0, 1]"}
			}
			claims = append(claims, v)
		}
	}
	adjusted, err := Holm(claims)
	if err != nil {
		return nil, err
	}
	sets := allRanks(items)
	next := 0
	for i := range items {
		for j := range items {
			if i == j {
				continue
			}
			if adjusted[next] <= 1-level {
				sets[j].Low++  // i is above j
				sets[i].High-- // so j is below i
			}
			next++
		}
	}
	return sets, nil
}

// KleinWrightWieczorek returns the places that items may truly hold, for all items at once, from their
// estimates and standard errors alone: highest estimate first. Each item has a normal interval with Šidák's
// correction for their number; one is shown to be better than another where their intervals do not meet.
// Simple and conservative; for means and worths. Šidák's correction holds for correlated estimates too.
// Source: Klein, Wright & Wieczorek (2020), J. R. Stat. Soc. C 69:589-606.
func KleinWrightWieczorek(estimate, se []float64, level float64) ([]RankSet, error) {
	const function = "KleinWrightWieczorek"
	if err := checkLevel(function, level); err != nil {
		return nil, err
	}
	return ranksFromEstimates(function, estimate, se, math.Pow(level, 1/float64(max(len(estimate), 1))))
}

// ranksFromEstimates compares normal intervals of the given coverage of each.
func ranksFromEstimates(function string, estimate, se []float64, each float64) ([]RankSet, error) {
	if err := checkLength(function, "se", len(se), len(estimate)); err != nil {
		return nil, err
	}
	z := normalTwoSided(each)
	intervals := make([]Interval, len(estimate))
	for i, v := range estimate {
		if !finite(v) {
			return nil, &ArgumentError{function, indexed("estimate", i), v, "a finite number"}
		}
		if !finite(se[i]) || se[i] < 0 {
			return nil, &ArgumentError{function, indexed("se", i), se[i], "a finite number of at least 0"}
		}
		intervals[i] = Interval{v - z*se[i], v + z*se[i]}
	}
	sets := allRanks(len(estimate))
	for i, a := range intervals {
		for j, b := range intervals {
			if a.Low > b.High {
				sets[j].Low++
				sets[i].High--
			}
		}
	}
	return sets, nil
}

// allRanks is the state of knowing nothing: every item may hold every place.
func allRanks(items int) []RankSet {
	sets := make([]RankSet, items)
	for i := range sets {
		sets[i] = RankSet{1, items}
	}
	return sets
}

// cell names one entry of a table argument.
func cell(argument string, i, j int) string { return fmt.Sprintf("%s[%d][%d]", argument, i, j) }
