package stats

import (
	"fmt"
	"testing"
)

// openSource is the GitHub Open Source Survey, 2017 and 2024 (CC0-1.0), with what R and Python made of it.
type openSource struct {
	Ratings map[string]struct {
		Items       []string
		A, B        openSourceSide
		Differences []openSourceDifference
		Lists       struct {
			TauB     float64            `json:"tau_b"`
			TauX     float64            `json:"tau_x"`
			RBO      map[string]float64 `json:"rbo_ext_a"`
			Overlap3 float64            `json:"overlap_at_3"`
			Overlap5 float64            `json:"overlap_at_5"`
		}
		SumZ2  float64 `json:"sum_z2"`
		LargeZ float64 `json:"max_abs_z"`
	}
	Paired []struct {
		Item     string
		N11      float64
		N10      float64 `json:"n10_user_only"`
		N01      float64 `json:"n01_contributor_only"`
		N00      float64
		Diff     float64
		McNemar  float64    `json:"p_mcnemar"`
		Exact    float64    `json:"p_exact"`
		MidP     float64    `json:"p_midp"`
		Interval [2]float64 `json:"newcombe_paired_method10"`
		Naive    struct {
			XUser        float64 `json:"x_user"`
			NUser        float64 `json:"n_user"`
			XContributor float64 `json:"x_contributor"`
			NContributor float64 `json:"n_contributor"`
			P            float64 `json:"p_nminus1"`
		} `json:"naive_independent"`
	}
	Waves struct {
		Items             []string
		User2017          [][2]float64   `json:"user_2017"`
		User2024          [][2]float64   `json:"user_2024"`
		Contributor2017   [][2]float64   `json:"contributor_2017"`
		Contributor2024   [][2]float64   `json:"contributor_2024"`
		UserChange        openSourceWave `json:"user_2017_vs_2024"`
		ContributorChange openSourceWave `json:"contributor_2024_vs_2017"`
		DiD               struct {
			Rows []struct {
				Item      string
				DiD       float64
				SE        float64 `json:"se_wald"`
				WaldLow   float64 `json:"wald_lo"`
				WaldHigh  float64 `json:"wald_hi"`
				Z, P      float64
				Holm      float64 `json:"p_holm"`
				BH        float64 `json:"p_bh"`
				MoverLow  float64 `json:"mover_lo"`
				MoverHigh float64 `json:"mover_hi"`
			}
		} `json:"did_contributor_minus_user_2024_minus_2017"`
	}
}

type openSourceSide struct {
	N         float64
	Counts    []float64
	Wilson    [][2]float64 `json:"wilson95"`
	Rank      []int
	Mean, SD  []float64
	RankLow   []int   `json:"rank_low"`
	RankHigh  []int   `json:"rank_high"`
	Preferred [][]int `json:"picked_row_not_column"`
}

type openSourceDifference struct {
	Item      string
	Diff      float64
	Low       float64 `json:"newcombe_lo"`
	High      float64 `json:"newcombe_hi"`
	ScoreLow  float64 `json:"mn_lo"`
	ScoreHigh float64 `json:"mn_hi"`
	Z         float64 `json:"z_nminus1"`
	P         float64
	Holm      float64 `json:"p_holm"`
	BH        float64 `json:"p_bh"`
	CohenH    float64 `json:"cohen_h"`
}

type openSourceWave struct {
	Differences []openSourceDifference
	RankA       []int   `json:"rank_a"`
	RankB       []int   `json:"rank_b"`
	TauB        float64 `json:"tau_b"`
}

func loadOpenSource(t *testing.T) openSource {
	t.Helper()
	var survey openSource
	load(t, "oss_survey.json", &survey)
	if len(survey.Ratings) != 2 || len(survey.Paired) != 8 || len(survey.Waves.Items) != 8 || len(survey.Waves.DiD.Rows) != 8 {
		t.Fatal("oss_survey.json is not whole")
	}
	return survey
}

// checkDifferences holds a family of comparisons, a minus b, to the reference.
func checkDifferences(t *testing.T, a, b []Proportion, want []openSourceDifference) {
	t.Helper()
	p := make([]float64, len(want))
	for i, w := range want {
		near(t, w.Item+" difference", a[i].Share()-b[i].Share(), w.Diff, closedForm)
		nearInterval(t, w.Item+" Newcombe", must[Interval](t)(NewcombeDifference(a[i], b[i], 0.95)), [2]float64{w.Low, w.High}, closedForm)
		nearInterval(t, w.Item+" Miettinen-Nurminen", must[Interval](t)(MiettinenNurminen(a[i], b[i], 0.95)), [2]float64{w.ScoreLow, w.ScoreHigh}, rootFound)
		test := must[Test](t)(DifferenceTest(a[i], b[i]))
		near(t, w.Item+" z", test.Statistic, w.Z, 1e-7) // stored with nine digits
		relative(t, w.Item+" p", test.P, w.P, 1e-6)
		near(t, w.Item+" h", CohenH(a[i].Share(), b[i].Share()), w.CohenH, closedForm)
		p[i] = test.P
	}
	holm, bh := must[[]float64](t)(Holm(p)), must[[]float64](t)(BenjaminiHochberg(p))
	for i, w := range want {
		relative(t, w.Item+" Holm", holm[i], w.Holm, 1e-6)
		relative(t, w.Item+" BH", bh[i], w.BH, 1e-6)
	}
}

func TestOpenSourceRatings(t *testing.T) {
	for name, tt := range loadOpenSource(t).Ratings {
		t.Run(name, func(t *testing.T) {
			shares := map[string][]Proportion{}
			for side, s := range map[string]openSourceSide{"a": tt.A, "b": tt.B} {
				for i, count := range s.Counts {
					what := side + " " + tt.Items[i]
					nearInterval(t, what, must[Interval](t)(Wilson(count, s.N, 0.95)), s.Wilson[i], closedForm)
					shares[side] = append(shares[side], Proportion{count, s.N})
				}
				if got := CompetitionRanks(s.Counts); fmt.Sprint(got) != fmt.Sprint(s.Rank) {
					t.Errorf("%s: ranks %v, want %v", side, got, s.Rank)
				}
				sets := must[[]RankSet](t)(RankSets(s.Preferred, 0.95))
				for i, set := range sets {
					if set != (RankSet{s.RankLow[i], s.RankHigh[i]}) {
						t.Errorf("%s %s: rank set %v, want %d-%d", side, tt.Items[i], set, s.RankLow[i], s.RankHigh[i])
					}
				}
			}
			checkDifferences(t, shares["a"], shares["b"], tt.Differences)

			var sum, largest float64
			for i := range tt.Items {
				z2 := must[float64](t)(PooledChiSquare(shares["a"][i], shares["b"][i]))
				sum, largest = sum+z2, max(largest, z2)
			}
			near(t, "sum of z²", sum, tt.SumZ2, 1e-6)
			near(t, "largest z²", largest, tt.LargeZ*tt.LargeZ, 1e-6)

			a, b := tt.A.Rank, tt.B.Rank
			near(t, "tau-b", must[float64](t)(TauB(a, b)), tt.Lists.TauB, closedForm)
			near(t, "tau-x", must[float64](t)(TauX(a, b)), tt.Lists.TauX, closedForm)
			near(t, "overlap at 3", must[float64](t)(OverlapAt(a, b, 3)), tt.Lists.Overlap3, closedForm)
			near(t, "overlap at 5", must[float64](t)(OverlapAt(a, b, 5)), tt.Lists.Overlap5, closedForm)
			if len(tt.Lists.RBO) != 4 {
				t.Errorf("%d values of RBO, want 4", len(tt.Lists.RBO))
			}
			for p, want := range tt.Lists.RBO {
				var persistence float64
				if _, err := fmt.Sscan(p, &persistence); err != nil {
					t.Fatal(err)
				}
				near(t, "RBO at p = "+p, must[float64](t)(RBO(a, b, persistence)), want, closedForm)
			}
		})
	}
}

func TestOpenSourceWaves(t *testing.T) {
	waves := loadOpenSource(t).Waves
	proportions := func(counts [][2]float64) []Proportion {
		out := make([]Proportion, len(counts))
		for i, c := range counts {
			out[i] = Proportion{c[0], c[1]}
		}
		return out
	}
	user17, user24 := proportions(waves.User2017), proportions(waves.User2024)
	contributor17, contributor24 := proportions(waves.Contributor2017), proportions(waves.Contributor2024)
	checkDifferences(t, user24, user17, waves.UserChange.Differences)
	checkDifferences(t, contributor24, contributor17, waves.ContributorChange.Differences)

	ranks := func(counts [][2]float64) []int {
		var successes, trials []int
		for _, c := range counts {
			successes, trials = append(successes, int(c[0])), append(trials, int(c[1]))
		}
		return must[[]int](t)(RankShares(successes, trials))
	}
	if a, b := ranks(waves.User2017), ranks(waves.User2024); fmt.Sprint(a, b) != fmt.Sprint(waves.UserChange.RankA, waves.UserChange.RankB) {
		t.Errorf("ranks of users %v, %v, want %v, %v", a, b, waves.UserChange.RankA, waves.UserChange.RankB)
	}
	near(t, "tau-b of users", must[float64](t)(TauB(waves.UserChange.RankA, waves.UserChange.RankB)), waves.UserChange.TauB, closedForm)

	p := make([]float64, len(waves.Items))
	for i, w := range waves.DiD.Rows {
		did := must[DifferenceInDifferences](t)(CompareChanges(
			BeforeAfter{contributor17[i], contributor24[i]}, BeforeAfter{user17[i], user24[i]}, 0.95))
		near(t, w.Item+" difference in differences", did.Estimate, w.DiD, closedForm)
		near(t, w.Item+" SE", did.SE, w.SE, closedForm)
		nearInterval(t, w.Item+" Wald", did.Wald, [2]float64{w.WaldLow, w.WaldHigh}, closedForm)
		nearInterval(t, w.Item+" MOVER", did.Interval, [2]float64{w.MoverLow, w.MoverHigh}, closedForm)
		near(t, w.Item+" z", did.Test.Statistic, w.Z, 1e-7)
		relative(t, w.Item+" p", did.Test.P, w.P, 1e-6)
		p[i] = did.Test.P
	}
	holm, bh := must[[]float64](t)(Holm(p)), must[[]float64](t)(BenjaminiHochberg(p))
	for i, w := range waves.DiD.Rows {
		relative(t, w.Item+" Holm", holm[i], w.Holm, 1e-6)
		relative(t, w.Item+" BH", bh[i], w.BH, 1e-6)
	}
}
