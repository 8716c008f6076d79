package findings

import (
	"fmt"
	"math"

	"cxmirror/pkg/stats"
	"cxmirror/pkg/tally"
)

// emphasis compares what the two sides stress, whatever level they rate at. It is nil if a side has too few
// people to say.
func emphasis(external, internal *population, d *Divergence, s Settings) (*Emphasis, error) {
	e := &Emphasis{}
	level, known, err := welch(external, internal, external.table.Persons, internal.table.Persons, s.Level)
	if err != nil || !known {
		return nil, err
	}
	e.External, e.Internal, e.Difference = level.external, level.internal, level.internal-level.external
	e.Low, e.High, e.P = level.interval.Low, level.interval.High, level.p
	var tested []float64
	for _, it := range d.Shown() {
		c, known, err := welch(external, internal,
			external.table.Centred[external.at(it.Code)], internal.table.Centred[internal.at(it.Code)], s.Level)
		if err != nil {
			return nil, fmt.Errorf("emphasis on %s: %w", it.Code, err)
		}
		if !known {
			c = welchComparison{math.NaN(), math.NaN(), stats.Interval{Low: math.Inf(-1), High: math.Inf(1)}, 1}
		}
		e.Items = append(e.Items, EmphasisItem{
			Code: it.Code, Text: it.External.Text, External: c.external, Internal: c.internal,
			Difference: c.internal - c.external, Low: c.interval.Low, High: c.interval.High, P: c.p,
		})
		tested = append(tested, c.p)
	}
	adjusted, err := stats.Holm(tested)
	for i := range e.Items {
		e.Items[i].PAdjusted = adjusted[i]
	}
	return e, err
}

type welchComparison struct {
	external, internal float64
	interval           stats.Interval // of internal minus external
	p                  float64
}

// welch compares two means; known is false if a side has fewer than two people.
func welch(external, internal *population, out, in tally.Moments, level float64) (c welchComparison, known bool, err error) {
	a, knownA := internal.meanOf(in)
	b, knownB := external.meanOf(out)
	if !knownA || !knownB {
		return c, false, nil
	}
	c.external, c.internal = b.Value, a.Value
	if a.Variance+b.Variance == 0 {
		// Nobody differs from anybody on either side: there is nothing to tell sampling noise by.
		c.interval, c.p = stats.Interval{Low: math.Inf(-1), High: math.Inf(1)}, 1
		return c, true, nil
	}
	test, err := stats.WelchTest(a, b)
	if err != nil {
		return c, false, err
	}
	c.p = test.P
	c.interval, err = stats.WelchDifference(a, b, level)
	return c, true, err
}
