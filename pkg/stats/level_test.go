package stats

import (
	"math"
	"math/rand/v2"
	"testing"
)

// Two populations that think alike, 1,200 and 50 persons, ten items: the errors that a whole table makes, not
// one test alone. The seed is fixed, and the bounds leave three standard errors of the simulation.
func TestErrorsOfWholeTables(t *testing.T) {
	const draws, outside, inside = 2000, 1200, 50
	truth := []float64{0.57, 0.44, 0.41, 0.36, 0.30, 0.24, 0.19, 0.12, 0.06, 0.03}
	source := rand.New(rand.NewPCG(20, 17))
	count := func(share float64, n int) float64 {
		k := 0
		for range n {
			if source.Float64() < share {
				k++
			}
		}
		return float64(k)
	}
	var corrected, uncorrected, missed float64
	for range draws {
		p := make([]float64, len(truth))
		anyRaw, anyMissed := false, false
		for i, share := range truth {
			a, b := Proportion{count(share, outside), outside}, Proportion{count(share, inside), inside}
			p[i] = must[Test](t)(DifferenceTest(a, b)).P
			anyRaw = anyRaw || p[i] < 0.05
			anyMissed = anyMissed || !must[Interval](t)(NewcombeDifference(a, b, 1-0.05/float64(len(truth)))).Contains(0)
		}
		anyHolm := false
		for _, v := range must[[]float64](t)(Holm(p)) {
			anyHolm = anyHolm || v < 0.05
		}
		corrected += boolFloat(anyHolm) / draws
		uncorrected += boolFloat(anyRaw) / draws
		missed += boolFloat(anyMissed) / draws
	}
	limit := 0.05 + 3*math.Sqrt(0.05*0.95/draws)
	if corrected > limit {
		t.Errorf("a difference claimed in %.3f of the draws of one population, want at most %.3f", corrected, limit)
	}
	if missed > limit {
		t.Errorf("a Bonferroni-corrected interval misses 0 in %.3f of the draws, want at most %.3f", missed, limit)
	}
	if uncorrected < 0.3 {
		t.Errorf("without correction only %.3f of the draws claim a difference: the test has no teeth", uncorrected)
	}
}

// All rank sets at once hold the true ranks in at least 95 of 100 samples, also where favourites nearly tie.
func TestRankSetsCoverAllRanks(t *testing.T) {
	const draws, persons = 1000, 300
	weights := []int{30, 29, 15, 10, 8, 5, 2, 1} // of 100
	truth := CompetitionRanks(weights)
	source := rand.New(rand.NewPCG(19, 71))
	var covered, informative float64
	for range draws {
		counts := make([]int, len(weights))
		for range persons {
			for i, draw := 0, source.IntN(100); ; i++ {
				if draw -= weights[i]; draw < 0 {
					counts[i]++
					break
				}
			}
		}
		all := true
		for i, set := range must[[]RankSet](t)(RankSets(pickOne(counts), 0.95)) {
			all = all && set.Low <= truth[i] && truth[i] <= set.High
			informative += float64(len(weights)-1-set.High+set.Low) / float64(draws*len(weights)*(len(weights)-1))
		}
		covered += boolFloat(all) / draws
	}
	if covered < 0.95 {
		t.Errorf("the sets hold all true ranks in %.3f of the samples, want 0.95", covered)
	}
	if informative < 0.4 {
		t.Errorf("the sets leave out only %.2f of the possible places", informative)
	}
}
