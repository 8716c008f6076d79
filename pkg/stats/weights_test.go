package stats

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

type apiFixture struct {
	Rows struct {
		SType, Awards []string
		SchoolWide    []string  `json:"sch_wide"`
		API           []float64 `json:"api00"`
		Start         []float64 `json:"pw"`
	}
	Targets struct {
		SType      map[string]float64
		SchoolWide map[string]float64 `json:"sch_wide"`
	}
	Raked   []float64 `json:"raked_weights"`
	Kish    float64   `json:"kish_n_eff"`
	Deff    float64   `json:"kish_deff"`
	Figures struct {
		Mean    float64 `json:"mean_api00"`
		SE      float64 `json:"se_weights_as_fixed"`
		Share   float64 `json:"share_awards"`
		ShareSE float64 `json:"se_share_awards"`
	} `json:"raked_no_clusters"`
	Tight struct {
		Weights []float64
		Mean    float64 `json:"mean_api00"`
		Kish    float64 `json:"kish_n_eff"`
	} `json:"raked_tight"`
}

func loadAPI(t *testing.T) apiFixture {
	t.Helper()
	var fixture apiFixture
	load(t, "raking_api.json", &fixture)
	if len(fixture.Raked) != 183 || len(fixture.Rows.API) != 183 || len(fixture.Tight.Weights) != 183 {
		t.Fatal("raking_api.json is not whole")
	}
	return fixture
}

func (f apiFixture) awarded() []bool {
	picked := make([]bool, len(f.Rows.Awards))
	for i, award := range f.Rows.Awards {
		picked[i] = award == "Yes"
	}
	return picked
}

// California schools, R's survey package (svymean with the raked weights and no clusters).
func TestWeightedFixture(t *testing.T) {
	fixture := loadAPI(t)
	near(t, "Kish", must[float64](t)(Kish(fixture.Raked)), fixture.Kish, 1e-6)
	near(t, "design effect", 183/must[float64](t)(Kish(fixture.Raked)), fixture.Deff, closedForm)

	mean, variance, err := WeightedMeanVariance(fixture.Rows.API, fixture.Raked)
	if err != nil {
		t.Fatal(err)
	}
	relative(t, "weighted mean", mean, fixture.Figures.Mean, closedForm)
	relative(t, "its SE", math.Sqrt(variance), fixture.Figures.SE, closedForm)

	share, variance, err := WeightedShareVariance(fixture.Raked, fixture.awarded())
	if err != nil {
		t.Fatal(err)
	}
	near(t, "weighted share", share, fixture.Figures.Share, closedForm)
	near(t, "its SE", math.Sqrt(variance), fixture.Figures.ShareSE, closedForm)
}

func TestWeightedProperties(t *testing.T) {
	fixture := loadAPI(t)
	weights, picked := slices.Clone(fixture.Raked), fixture.awarded()
	s := must[WeightedShare](t)(NewWeightedShare(weights, picked))

	fromSums, variance, err := WeightedShareVarianceFromSums(s.N, s.W, s.W2, s.PickedW, s.PickedW2)
	if err != nil || fromSums != s.Share() || variance != s.Variance() {
		t.Errorf("from sums %v, %v, %v; want %v, %v", fromSums, variance, err, s.Share(), s.Variance())
	}
	// The share is the mean of zeros and ones.
	ones := make([]float64, len(picked))
	for i, p := range picked {
		ones[i] = boolFloat(p)
	}
	mean, meanVariance, err := WeightedMeanVariance(ones, weights)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "mean of zeros and ones", mean, s.Share(), 1e-13)
	relative(t, "its variance", meanVariance, s.Variance(), 1e-12)

	// Doubled weights and other orders change nothing.
	doubled := slices.Clone(weights)
	for i := range doubled {
		doubled[i] *= 2
	}
	d := must[WeightedShare](t)(NewWeightedShare(doubled, picked))
	near(t, "share of doubled weights", d.Share(), s.Share(), 1e-14)
	relative(t, "variance of doubled weights", d.Variance(), s.Variance(), 1e-12)
	relative(t, "Kish of doubled weights", d.Kish(), s.Kish(), 1e-12)
	slices.Reverse(weights)
	slices.Reverse(picked)
	r := must[WeightedShare](t)(NewWeightedShare(weights, picked))
	relative(t, "variance of another order", r.Variance(), s.Variance(), 1e-12)

	// Equal weights give the unweighted figures; the effective n reproduces the variance.
	equal := must[WeightedShare](t)(NewWeightedShare(slices.Repeat([]float64{3}, 40), append(make([]bool, 30), slices.Repeat([]bool{true}, 10)...)))
	near(t, "Kish of equal weights", equal.Kish(), 40, 1e-12)
	near(t, "variance of equal weights", equal.Variance(), 0.25*0.75/39, 1e-15)
	near(t, "effective n of equal weights", equal.Proportion().Trials, 39, 1e-12)
	p := s.Proportion()
	relative(t, "variance from effective n", p.Share()*(1-p.Share())/p.Trials, s.Variance(), 1e-12)

	// At the edges the effective n is Kish's.
	all := must[WeightedShare](t)(NewWeightedShare([]float64{1, 2, 3}, []bool{true, true, true}))
	if all.Share() != 1 || all.Variance() != 0 {
		t.Errorf("everybody picked: share %v, variance %v", all.Share(), all.Variance())
	}
	near(t, "effective n where everybody picked", all.Proportion().Trials, 36.0/14, 1e-14)
}

func TestWeightedDifferenceTest(t *testing.T) {
	a := must[WeightedShare](t)(NewWeightedShare([]float64{1, 2, 1, 3, 1, 2}, []bool{true, false, true, true, false, false}))
	b := must[WeightedShare](t)(NewWeightedShare([]float64{2, 1, 1, 1, 2}, []bool{false, true, false, false, false}))
	test := must[Test](t)(WeightedDifferenceTest(a, b))
	near(t, "z", test.Statistic, (a.Share()-b.Share())/math.Sqrt(a.Variance()+b.Variance()), 1e-14)
	back := must[Test](t)(WeightedDifferenceTest(b, a))
	near(t, "swapped z", back.Statistic, -test.Statistic, 1e-14)
	near(t, "swapped p", back.P, test.P, 1e-14)

	// Three people who all say no are not 20 standard errors away from 30 %.
	few := WeightedShare{N: 3, W: 3, W2: 3}
	many := WeightedShare{N: 1200, W: 1200, W2: 1300, PickedW: 360, PickedW2: 390}
	test = must[Test](t)(WeightedDifferenceTest(few, many))
	if test.Method != "N-1 chi-square" || test.P < 0.05 {
		t.Errorf("0 of 3 against 30 %% of 1,200: %+v", test)
	}
	_, err := WeightedDifferenceTest(few, WeightedShare{})
	refused(t, "WeightedDifferenceTest", "nobody", err)
}

func TestWeightedRankSets(t *testing.T) {
	const items, n = 6, 400
	people := pickers(n, items)
	source := rand.New(rand.NewPCG(3, 5))
	weights := make([]float64, n)
	for i := range weights {
		weights[i] = 0.4 + 1.5*source.Float64()
	}
	sets := func(scale float64) []RankSet {
		var sumW, sumW2 float64
		preferred := make([][]WeightedPreference, items)
		for i := range preferred {
			preferred[i] = make([]WeightedPreference, items)
		}
		for person, picks := range people {
			w := weights[person] * scale
			sumW, sumW2 = sumW+w, sumW2+w*w
			for i := range items {
				for j := range items {
					if picks[i] && !picks[j] {
						preferred[i][j].W += w
						preferred[i][j].W2 += w * w
					}
				}
			}
		}
		return must[[]RankSet](t)(WeightedRankSets(n, sumW, sumW2, preferred, 0.95))
	}
	weighted := sets(1)
	if doubled := sets(2); !slices.Equal(doubled, weighted) {
		t.Errorf("doubled weights: %v, want %v", doubled, weighted)
	}
	if weighted[0] == (RankSet{1, items}) {
		t.Errorf("400 persons show nothing about the favourite: %v", weighted)
	}
	// With equal weights the z test and the exact one say the same of samples of this size.
	for i := range weights {
		weights[i] = 1
	}
	exact := must[[]RankSet](t)(RankSets(preferences(people, items), 0.95))
	for i, set := range sets(1) {
		if max(set.Low-exact[i].Low, exact[i].Low-set.Low, set.High-exact[i].High, exact[i].High-set.High) > 1 {
			t.Errorf("item %d: %v with weights of 1, %v exactly", i, set, exact[i])
		}
	}
	// Two heavy people are no proof.
	heavy := [][]WeightedPreference{{{}, {W: 200, W2: 20000}}, {{}, {}}}
	if got := must[[]RankSet](t)(WeightedRankSets(50, 248, 20048, heavy, 0.95)); got[0] != (RankSet{1, 2}) {
		t.Errorf("two heavy persons order two items: %v", got)
	}
	if p := preferenceP(WeightedShare{N: 10, W: 10, W2: 10}, WeightedPreference{}, WeightedPreference{}); p != 1 {
		t.Errorf("a pair nobody differs on: p %v, want 1", p)
	}
	_, err := WeightedRankSets(10, 10, 10, [][]WeightedPreference{{{}, {W: 11, W2: 1}}, {{}, {}}}, 0.95)
	refused(t, "WeightedRankSets", "more weight than there is", err)
	_, err = WeightedRankSets(10, 10, 10, [][]WeightedPreference{{{}, {W: 1, W2: -1}}, {{}, {}}}, 0.95)
	refused(t, "WeightedRankSets", "negative squares", err)
	_, err = WeightedRankSets(10, 10, 10, [][]WeightedPreference{{{}}, {{}, {}}}, 0.95)
	refused(t, "WeightedRankSets", "lengths", err)
	_, err = WeightedRankSets(0, 0, 0, nil, 0.95)
	refused(t, "WeightedRankSets", "nobody", err)
}

func TestWeightsRefused(t *testing.T) {
	for _, bad := range [][]float64{nil, {}, {1, 0}, {1, -1}, {math.NaN()}, {math.Inf(1)}} {
		_, err := Kish(bad)
		refused(t, "Kish", fmt.Sprint(bad), err)
		_, err = NewWeightedShare(bad, make([]bool, len(bad)))
		refused(t, "NewWeightedShare", fmt.Sprint(bad), err)
		_, _, err = WeightedMeanVariance(make([]float64, len(bad)), bad)
		refused(t, "WeightedMeanVariance", fmt.Sprint(bad), err)
	}
	_, _, err := WeightedShareVariance([]float64{1, 2}, []bool{true})
	refused(t, "NewWeightedShare", "lengths", err)
	_, _, err = WeightedMeanVariance([]float64{1}, []float64{1, 2})
	refused(t, "WeightedMeanVariance", "lengths", err)
	_, _, err = WeightedMeanVariance([]float64{1, math.NaN()}, []float64{1, 2})
	refused(t, "WeightedMeanVariance", "NaN", err)
	for _, bad := range [][5]float64{{0, 1, 1, 0, 0}, {2, 0, 1, 0, 0}, {2, 2, 9, 0, 0}, {2, 2, 1, 0, 0}, {2, 2, 2, 3, 0}, {2, 2, 2, 1, 5}, {math.NaN(), 2, 2, 1, 1}} {
		_, _, err := WeightedShareVarianceFromSums(bad[0], bad[1], bad[2], bad[3], bad[4])
		refused(t, "WeightedShareVarianceFromSums", fmt.Sprint(bad), err)
	}
	if got := KishFromSums(0, 0); got != 0 {
		t.Errorf("KishFromSums(0, 0) = %v", got)
	}
	near(t, "finite population", must[float64](t)(FinitePopulation(0.004, 50, 60)), 0.004/6, 1e-15)
	if got := must[float64](t)(FinitePopulation(0.004, 60, 60)); got != 0 {
		t.Errorf("a census has variance %v", got)
	}
	for _, bad := range [][3]float64{{-1, 5, 10}, {1, 11, 10}, {1, 0, 10}, {1, 5, math.NaN()}} {
		_, err := FinitePopulation(bad[0], bad[1], bad[2])
		refused(t, "FinitePopulation", fmt.Sprint(bad), err)
	}
}
