package stats

import (
	"fmt"
	"math"
	"testing"
)

// Loughin & Scherer (1998), Biometrics 54:630-637: 262 Kansas farmers, sources of veterinary information (any of
// five) by education (five groups); statistics of R's MRCV.
func TestHomogeneityFarmers(t *testing.T) {
	var fixture struct {
		Farmer struct {
			Group  []int
			Y      [][]int
			Pooled struct {
				PerItem []float64 `json:"per_item"`
				Sum     float64   `json:"sum_r2"`
				X2      float64   `json:"X2_adj"`
				DF      float64   `json:"df_adj"`
				P       float64
			} `json:"pooled_correlation_rs2"`
		} `json:"farmer1"`
	}
	load(t, "multiple_response.json", &fixture)
	farmer := fixture.Farmer
	if len(farmer.Y) != 262 || len(farmer.Group) != 262 {
		t.Fatalf("%d farmers in %d groups, want 262", len(farmer.Y), len(farmer.Group))
	}
	const items, groups = 5, 5
	both := table(items)
	shares := make([][groups]Proportion, items)
	for person, picks := range farmer.Y {
		for i := range items {
			shares[i][farmer.Group[person]-1].Trials++
			shares[i][farmer.Group[person]-1].Successes += float64(picks[i])
			for j := range items {
				both[i][j] += float64(picks[i] * picks[j])
			}
		}
	}
	z2 := make([]float64, items)
	for i := range items {
		z2[i] = must[float64](t)(PooledChiSquare(shares[i][:]...))
		relative(t, fmt.Sprintf("chi-square of item %d", i), z2[i], farmer.Pooled.PerItem[i], closedForm)
	}
	sum, varying, err := SumSquaredCorrelations(both, 262)
	if err != nil || len(varying) != items {
		t.Fatalf("varying %v, error %v", varying, err)
	}
	near(t, "sum of squared correlations", sum, farmer.Pooled.Sum, closedForm)
	test := must[Test](t)(HomogeneityTest(z2, sum, groups))
	near(t, "X²", test.Statistic, farmer.Pooled.X2, 1e-7)
	near(t, "df", test.DF, farmer.Pooled.DF, 1e-7)
	near(t, "p", test.P, farmer.Pooled.P, closedForm)

	// All weights doubled change nothing about the correlations.
	for i := range both {
		for j := range both[i] {
			both[i][j] *= 2
		}
	}
	doubled, _, err := SumSquaredCorrelations(both, 524)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "sum of squared correlations of doubled weights", doubled, sum, 1e-12)
}

func TestHomogeneityTwoGroups(t *testing.T) {
	var fixture struct {
		Cases map[string]struct {
			PerItem []float64 `json:"per_item"`
			Sum     float64   `json:"sum_r2"`
			X2      float64   `json:"X2_adj"`
			DF      float64   `json:"df_adj"`
			P       float64
		} `json:"so2019_cases"`
	}
	load(t, "multiple_response.json", &fixture)
	if len(fixture.Cases) != 4 {
		t.Errorf("%d cases, want 4", len(fixture.Cases))
	}
	for name, tt := range fixture.Cases {
		test := must[Test](t)(HomogeneityTest(tt.PerItem, tt.Sum, 2))
		relative(t, name+" X²", test.Statistic, tt.X2, closedForm)
		relative(t, name+" df", test.DF, tt.DF, closedForm)
		relative(t, name+" p", test.P, tt.P, 2e-7) // the stored statistics have nine digits
	}
}

func TestHomogeneityEdges(t *testing.T) {
	// Uncorrelated items are a plain sum of chi-squares, identical ones a single chi-square.
	independent := must[Test](t)(HomogeneityTest([]float64{1, 2, 3}, 3, 2))
	near(t, "X² of uncorrelated items", independent.Statistic, 6, 1e-12)
	near(t, "df of uncorrelated items", independent.DF, 3, 1e-12)
	same := must[Test](t)(HomogeneityTest([]float64{4, 4}, 4, 2))
	near(t, "p of identical items", same.P, normalTwoSidedP(2), 1e-12)
	if none := must[Test](t)(HomogeneityTest(nil, 0, 2)); none.P != 1 {
		t.Errorf("no item varies: %+v, want P 1", none)
	}
	// The second item is picked by all, the third by nobody: both are out.
	sum, varying, err := SumSquaredCorrelations([][]float64{{4, 4, 0}, {4, 10, 0}, {0, 0, 0}}, 10)
	if err != nil || sum != 1 || len(varying) != 1 || varying[0] != 0 {
		t.Errorf("sum %v of items %v, error %v; want 1 of item 0", sum, varying, err)
	}
	if none := must[float64](t)(PooledChiSquare(Proportion{0, 5}, Proportion{0, 9})); none != 0 {
		t.Errorf("chi-square where nobody picked is %v, want 0", none)
	}
	_, err = HomogeneityTest([]float64{1, math.NaN()}, 2, 2)
	refused(t, "HomogeneityTest", "NaN", err)
	_, err = HomogeneityTest([]float64{1, 1}, 1.5, 2)
	refused(t, "HomogeneityTest", "correlations of fewer items", err)
	_, err = HomogeneityTest([]float64{1, 1}, 2, 1)
	refused(t, "HomogeneityTest", "one group", err)
	_, err = PooledChiSquare(Proportion{1, 2})
	refused(t, "PooledChiSquare", "one group", err)
	for _, bad := range [][][]float64{{{1, 2}}, {{5, 2}, {3, 5}}, {{11}}, {{math.NaN()}}, {{-1}}} {
		_, _, err = SumSquaredCorrelations(bad, 10)
		refused(t, "SumSquaredCorrelations", fmt.Sprint(bad), err)
	}
	_, _, err = SumSquaredCorrelations(nil, 0)
	refused(t, "SumSquaredCorrelations", "nobody", err)
}

// table makes a square of zeros.
func table(items int) [][]float64 {
	rows := make([][]float64, items)
	for i := range rows {
		rows[i] = make([]float64, items)
	}
	return rows
}
