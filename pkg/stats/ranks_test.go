package stats

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestCompetitionRanks(t *testing.T) {
	tests := []struct {
		scores []float64
		want   []int
	}{
		{[]float64{40, 30, 30, 10}, []int{1, 2, 2, 4}},
		{[]float64{10, 30, 40, 30}, []int{4, 2, 1, 2}},
		{[]float64{5, 5, 5}, []int{1, 1, 1}},
		{[]float64{math.Nextafter(0.3, 1), 0.3}, []int{1, 2}}, // exact ties only
		{[]float64{math.NaN(), 1}, []int{2, 1}},
		{nil, []int{}},
	}
	for _, tt := range tests {
		if got := CompetitionRanks(tt.scores); !slices.Equal(got, tt.want) {
			t.Errorf("CompetitionRanks(%v) = %v, want %v", tt.scores, got, tt.want)
		}
	}
	if got := CompetitionRanks([]string{"b", "c", "a"}); !slices.Equal(got, []int{2, 1, 3}) {
		t.Errorf("ranks of words %v", got)
	}
}

func TestRankShares(t *testing.T) {
	// 1/3 and 2/6 tie although 1.0/3 and the like need not; 2^61 of 2^62 is a half like 1 of 2.
	got := must[[]int](t)(RankShares([]int{1, 2, 1 << 61, 1, 0}, []int{3, 6, 1 << 62, 2, 7}))
	if want := []int{3, 3, 1, 1, 5}; !slices.Equal(got, want) {
		t.Errorf("RankShares = %v, want %v", got, want)
	}
	// One in 2^53 more is seen.
	got = must[[]int](t)(RankShares([]int{1 << 53, 1<<53 + 1}, []int{1 << 54, 1 << 54}))
	if want := []int{2, 1}; !slices.Equal(got, want) {
		t.Errorf("RankShares = %v, want %v", got, want)
	}
	for _, bad := range [][2][]int{{{1}, {0}}, {{-1}, {3}}, {{4}, {3}}, {{1, 1}, {3}}} {
		_, err := RankShares(bad[0], bad[1])
		refused(t, "RankShares", fmt.Sprint(bad), err)
	}
}

// For pick-one questions the sets are those of R's csranks_multinom (Bazylik et al. 2021): whoever picked i did
// not pick j.
func TestRankSetsMultinomial(t *testing.T) {
	var fixture struct {
		Cases []struct {
			Counts   []int
			Coverage float64
			Holm     struct{ L, U, Rank []int } `json:"simul_holm"`
		} `json:"multinomial_exact"`
	}
	load(t, "rank_sets.json", &fixture)
	if len(fixture.Cases) != 6 {
		t.Errorf("%d tables, want 6", len(fixture.Cases))
	}
	for _, tt := range fixture.Cases {
		if got := CompetitionRanks(tt.Counts); !slices.Equal(got, tt.Holm.Rank) {
			t.Errorf("ranks of %v are %v, want %v", tt.Counts, got, tt.Holm.Rank)
		}
		for i, set := range must[[]RankSet](t)(RankSets(pickOne(tt.Counts), tt.Coverage)) {
			if want := (RankSet{tt.Holm.L[i], tt.Holm.U[i]}); set != want {
				t.Errorf("%v item %d: %v, want %v", tt.Counts, i, set, want)
			}
		}
	}
}

// pickOne is the table of preferences when each person picked one item.
func pickOne(counts []int) [][]int {
	preferred := make([][]int, len(counts))
	for i, count := range counts {
		preferred[i] = slices.Repeat([]int{count}, len(counts))
		preferred[i][i] = 0
	}
	return preferred
}

func TestKleinWrightWieczorek(t *testing.T) {
	type sets struct {
		Z    float64
		L, U []int
	}
	var fixture struct {
		Pisa struct {
			Estimate, SE []float64
			Bonferroni   sets `json:"klein_wright_wieczorek_bonferroni_95"`
			Sidak        sets `json:"klein_wright_wieczorek_sidak_95"`
		} `json:"pisa2018"`
		Travel struct {
			Estimate, SE []float64
			Sidak        sets `json:"sidak_90"`
			Bonferroni   sets `json:"bonferroni_90"`
		} `json:"travel_time"`
	}
	load(t, "rank_sets.json", &fixture)
	check := func(name string, got []RankSet, want sets) {
		t.Helper()
		if len(got) != len(want.L) || len(got) == 0 {
			t.Fatalf("%s: %d sets, want %d", name, len(got), len(want.L))
		}
		for i, set := range got {
			if set != (RankSet{want.L[i], want.U[i]}) {
				t.Errorf("%s row %d: %v, want %d-%d", name, i, set, want.L[i], want.U[i])
			}
		}
	}
	pisa, travel := fixture.Pisa, fixture.Travel
	check("PISA 2018, Šidák", must[[]RankSet](t)(KleinWrightWieczorek(pisa.Estimate, pisa.SE, 0.95)), pisa.Sidak)
	check("PISA 2018, Bonferroni", must[[]RankSet](t)(ranksFromEstimates("", pisa.Estimate, pisa.SE, 1-0.05/38)), pisa.Bonferroni)
	// Travel times rank the lowest first.
	lowest := make([]float64, len(travel.Estimate))
	for i, v := range travel.Estimate {
		lowest[i] = -v
	}
	check("travel time, Šidák", must[[]RankSet](t)(KleinWrightWieczorek(lowest, travel.SE, 0.9)), travel.Sidak)
	check("travel time, Bonferroni", must[[]RankSet](t)(ranksFromEstimates("", lowest, travel.SE, 1-0.1/51)), travel.Bonferroni)
	near(t, "z of 51 states", normalTwoSided(math.Pow(0.9, 1.0/51)), travel.Sidak.Z, closedForm)

	_, err := KleinWrightWieczorek([]float64{1, 2}, []float64{1}, 0.95)
	refused(t, "KleinWrightWieczorek", "lengths", err)
	_, err = KleinWrightWieczorek([]float64{math.NaN()}, []float64{1}, 0.95)
	refused(t, "KleinWrightWieczorek", "NaN", err)
	_, err = KleinWrightWieczorek([]float64{1}, []float64{-1}, 0.95)
	refused(t, "KleinWrightWieczorek", "a negative error", err)
}

// pickers draws n persons who pick up to 3 of the items, the first ones more often; seeded.
func pickers(n, items int) [][]bool {
	source := rand.New(rand.NewPCG(7, 11))
	people := make([][]bool, n)
	for i := range people {
		people[i] = make([]bool, items)
		for range source.IntN(4) {
			people[i][min(source.IntN(items), source.IntN(items+2))] = true
		}
	}
	return people
}

func preferences(people [][]bool, items int) [][]int {
	preferred := make([][]int, items)
	for i := range preferred {
		preferred[i] = make([]int, items)
		for _, picks := range people {
			for j := range items {
				if picks[i] && !picks[j] {
					preferred[i][j]++
				}
			}
		}
	}
	return preferred
}

func TestRankSetsProperties(t *testing.T) {
	const items = 8
	for _, n := range []int{0, 1, 3, 50, 1200} {
		people := pickers(n, items)
		preferred := preferences(people, items)
		sets := must[[]RankSet](t)(RankSets(preferred, 0.95))

		counts := make([]int, items)
		for _, picks := range people {
			for i, picked := range picks {
				if picked {
					counts[i]++
				}
			}
		}
		for i, rank := range CompetitionRanks(counts) {
			if rank < sets[i].Low || rank > sets[i].High {
				t.Errorf("n = %d: item %d has rank %d outside its set %v", n, i, rank, sets[i])
			}
		}
		// Persons in another order change nothing; items in another order take their sets along.
		slices.Reverse(people)
		if again := must[[]RankSet](t)(RankSets(preferences(people, items), 0.95)); !slices.Equal(again, sets) {
			t.Errorf("n = %d: the order of persons matters: %v, %v", n, again, sets)
		}
		for i := range people {
			slices.Reverse(people[i])
		}
		turned := must[[]RankSet](t)(RankSets(preferences(people, items), 0.95))
		slices.Reverse(turned)
		if !slices.Equal(turned, sets) {
			t.Errorf("n = %d: the order of items matters: %v, %v", n, turned, sets)
		}
		// A higher level cannot make a set shorter.
		for i, wide := range must[[]RankSet](t)(RankSets(preferred, 0.999)) {
			if wide.Low > sets[i].Low || wide.High < sets[i].High {
				t.Errorf("n = %d item %d: %v at 0.999 does not hold %v at 0.95", n, i, wide, sets[i])
			}
		}
		if n == 1200 && sets[0].High == items {
			t.Errorf("1,200 persons show nothing about the favourite: %v", sets)
		}
		if n <= 3 && slices.ContainsFunc(sets, func(s RankSet) bool { return s != RankSet{1, items} }) {
			t.Errorf("%d persons cannot order anything: %v", n, sets)
		}
	}
	_, err := RankSets([][]int{{0, 1}, {2}}, 0.95)
	refused(t, "RankSets", "lengths", err)
	_, err = RankSets([][]int{{0, -1}, {2, 0}}, 0.95)
	refused(t, "RankSets", "a negative count", err)
	_, err = RankSetsFromTests([][]float64{{0, 1.5}, {0.5, 0}}, 0.95)
	refused(t, "RankSetsFromTests", "p above 1", err)
	_, err = RankSetsFromTests([][]float64{{0, math.NaN()}, {0.5, 0}}, 0.95)
	refused(t, "RankSetsFromTests", "NaN", err)
	_, err = RankSetsFromTests([][]float64{{0}, {0.5}}, 0.95)
	refused(t, "RankSetsFromTests", "lengths", err)
}

func BenchmarkRankSets(b *testing.B) {
	for _, n := range []int{50, 1200, 1_000_000} {
		b.Run(fmt.Sprintf("12_items_%d_persons", n), func(b *testing.B) {
			const items = 12
			counts := make([]int, items)
			for i := range counts {
				counts[i] = n * (items + 20 - i) / (26 * items) // close together: the longest sums
			}
			preferred := pickOne(counts)
			for b.Loop() {
				if _, err := RankSets(preferred, 0.95); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
