package tally_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"cxmirror/pkg/survey"
	"cxmirror/pkg/tally"
)

// Pairs are gathered by what people left out; here they are counted person by person.
func TestPairsAreThoseOfPersons(t *testing.T) {
	const n = 5
	random := rand.New(rand.NewPCG(11, 1))
	table := &tally.Table{Options: make([]survey.Option, n)}
	for range 300 {
		judged := uint64(random.IntN(1<<n) | random.IntN(1<<n))
		w := 0.1 + random.Float64()
		table.Cells = append(table.Cells, tally.Cell{
			Chosen: judged & uint64(random.IntN(1<<n)), Judged: judged, Weight: tally.Weight{N: 1, W: w, W2: w * w},
		})
	}
	pairs := table.Pairs()
	for i := range n {
		for j := range n {
			var judged, chose, both, preferred tally.Weight
			for _, c := range table.Cells {
				if (c.Judged>>i)&(c.Judged>>j)&1 == 0 {
					continue
				}
				judged = judged.Plus(c.Weight)
				if c.Chosen>>i&1 == 0 {
					continue
				}
				chose = chose.Plus(c.Weight)
				if c.Chosen>>j&1 != 0 {
					both = both.Plus(c.Weight)
				} else {
					preferred = preferred.Plus(c.Weight)
				}
			}
			for _, tt := range []struct {
				name      string
				got, want tally.Weight
			}{
				{"Judged", pairs.Judged[i][j], judged},
				{"Chose", pairs.Chose[i][j], chose},
				{"Both", pairs.Both[i][j], both},
				{"Preferred", pairs.Preferred(i, j), preferred},
			} {
				if tt.got.N != tt.want.N || math.Abs(tt.got.W-tt.want.W) > 1e-9 || math.Abs(tt.got.W2-tt.want.W2) > 1e-9 {
					t.Errorf("%s of %d and %d is %v; want %v", tt.name, i, j, tt.got, tt.want)
				}
			}
		}
	}
}

// Where nobody is left, no weight is left by rounding either.
func TestPairsOfNobodyWeighNothing(t *testing.T) {
	table := &tally.Table{Options: make([]survey.Option, 2)}
	for i, w := range []float64{0.1, 0.2, 0.3, 0.7} { // each judges one of the two, or neither
		table.Cells = append(table.Cells, tally.Cell{Judged: []uint64{1, 2, 0, 1}[i], Weight: tally.Weight{N: 1, W: w, W2: w * w}})
	}
	pairs := table.Pairs()
	if got := pairs.Judged[0][1]; got != (tally.Weight{}) {
		t.Errorf("nobody judged both options, and they weigh %v", got)
	}
	if got := pairs.Preferred(0, 1); got != (tally.Weight{}) {
		t.Errorf("nobody prefers the first option, and they weigh %v", got)
	}
}
