package findings

import (
	"math"
	"math/rand/v2"
	"testing"

	"cxmirror/pkg/survey"
	"cxmirror/pkg/tally"
)

// People who cannot say of some rows leave shares with bases of their own. Nearly all of 63 people inside cannot
// say of ease, and of the three who can, none rates speed highest: over pairs, no matrix of covariances fits.
func TestRatingsThatFewCanGiveAreCompared(t *testing.T) {
	q := parse(t, "code: t\nlanguages: [en]\ntitle: T\nitems:\n"+
		"  - {code: q, text: Q, kind: rating, rows: [{code: speed, text: Speed}, {code: ease, text: Ease}], scale: {min: 1, max: 5, cannot_say: true}}\n")
	tableOf := func(audience survey.Audience, people int, speed, ease string, others int) *tally.Table {
		w := tally.New(q, audience, 1)
		for range people {
			w.Add(record(t, q, map[string]string{"q.speed": speed, "q.ease": ease}, 1, ""))
		}
		for range others {
			w.Add(record(t, q, map[string]string{"q.speed": "4", "q.ease": "5"}, 1, ""))
		}
		table, err := w.Table(tally.View{Item: "q"})
		if err != nil {
			t.Fatal(err)
		}
		return table
	}
	d, err := Diverge(tableOf(survey.External, 90, "5", "4", 0), tableOf(survey.Internal, 60, "5", "cannot_say", 3), nil, Settings{})
	if err != nil {
		t.Fatal(err)
	}
	if d.Items[0].Code != "speed" || d.Items[0].Internal.N != 63 || d.Items[1].Internal.N != 3 {
		t.Errorf("%+v", d.Items)
	}
}

// The covariance matrix is that of persons one by one: compared with a plain sum over 200 random persons of whom
// each judges some of four options.
func TestMomentsAreThoseOfPersons(t *testing.T) {
	const n, people = 4, 200
	random := rand.New(rand.NewPCG(7, 7))
	type person struct{ chosen, judged uint64 }
	var all []person
	table := &tally.Table{Options: make([]survey.Option, n)}
	for range people {
		judged := uint64(random.IntN(1 << n))
		p := person{judged & uint64(random.IntN(1<<n)), judged}
		all = append(all, p)
		table.Cells = append(table.Cells, tally.Cell{Chosen: p.chosen, Judged: p.judged, Weight: tally.Weight{N: 1, W: 1, W2: 1}})
	}
	r := newCorrelations(n)
	r.total = people
	r.add(table.Pairs(), []int{0, 1, 2, 3}, 1)
	shares, covariance := r.moments()
	var judgedBy, chosenBy [n]float64
	for _, p := range all {
		for i := range n {
			judgedBy[i] += float64(p.judged >> i & 1)
			chosenBy[i] += float64(p.chosen >> i & 1)
		}
	}
	adds := func(p person, i int) float64 {
		return float64(p.judged>>i&1) * (float64(p.chosen>>i&1) - chosenBy[i]/judgedBy[i]) * people / judgedBy[i]
	}
	for i := range n {
		if want := chosenBy[i] / judgedBy[i]; math.Abs(shares[i]-want) > 1e-12 {
			t.Errorf("share %d is %v, want %v", i, shares[i], want)
		}
		for j := range n {
			want := 0.0
			for _, p := range all {
				want += adds(p, i) * adds(p, j) / people
			}
			if math.Abs(covariance[i][j]-want) > 1e-12 {
				t.Errorf("covariance %d, %d is %v, want %v", i, j, covariance[i][j], want)
			}
		}
	}
}
