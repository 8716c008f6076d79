package tally

import (
	"cmp"
	"slices"

	"cxmirror/pkg/survey"
)

// Crosstab is one item by the options of a background question.
type Crosstab struct {
	Segment  *survey.Item
	Total    *Table   // everybody who answered the background question
	Tables   []*Table // by option of Segment; nil where withheld
	Withheld int      // how many segments are withheld
}

// Crosstab makes the table of an item for every segment of a background question, in one pass.
//
// A segment whose base is below the threshold is withheld. What is withheld must not come out by taking the
// shown segments from the total, so as long as fewer people than the threshold are hidden in all, the
// smallest segment still shown is withheld too. It is an error, as in [Wave.Table], if the total may not be
// shown.
func (w *Wave) Crosstab(v View, segment survey.ItemCode) (*Crosstab, error) {
	if w.protection != nil {
		return w.protectedCrosstab(v, segment)
	}
	c, it, err := w.choices(segment)
	if err != nil {
		return nil, err
	}
	groups := c.options
	if len(v.Only) > 0 {
		within, err := w.groups(v.Only)
		if err != nil {
			return nil, err
		}
		for i, o := range c.options {
			within[i] *= o
		}
		groups = within
	}
	tables, err := w.tables(v, groups, len(it.Options))
	if err != nil {
		return nil, err
	}
	x := &Crosstab{Segment: it, Total: merge(tables), Tables: tables}
	if err := x.Total.publishable(); err != nil {
		return nil, err
	}
	x.withhold(w.threshold)
	for _, t := range append([]*Table{x.Total}, x.Tables...) {
		if t != nil {
			t.withholdRows()
		}
	}
	return x, nil
}

// withhold hides small segments, and others until the hidden ones are at least a threshold of people.
func (x *Crosstab) withhold(threshold int) {
	hidden := 0
	for i, t := range x.Tables {
		if t.N < threshold {
			hidden += t.N
			x.hide(i)
		}
	}
	for hidden > 0 && hidden < threshold {
		smallest := -1
		for i, t := range x.Tables {
			if t != nil && (smallest < 0 || t.N < x.Tables[smallest].N) {
				smallest = i
			}
		}
		hidden += x.Tables[smallest].N // the total is not below the threshold, so there is one
		x.hide(smallest)
	}
}

func (x *Crosstab) hide(i int) {
	x.Tables[i] = nil
	x.Withheld++
}

// merge adds tables of different people up to one.
func merge(tables []*Table) *Table {
	first := tables[0]
	total := &Table{
		Item: first.Item, Audience: first.Audience, Options: first.Options, Top: first.Top,
		Weighted: first.Weighted, Threshold: first.Threshold,
		Moments: slices.Clone(first.Moments), First: slices.Clone(first.First),
		CannotSay: slices.Clone(first.CannotSay), Centred: slices.Clone(first.Centred), Persons: first.Persons,
	}
	for _, t := range tables {
		total.Missing += t.Missing
		total.Partial += t.Partial
		total.Cells = mergeCells(total.Cells, t.Cells)
	}
	for _, t := range tables[1:] {
		for i := range total.Moments {
			total.Moments[i] = total.Moments[i].plus(t.Moments[i])
		}
		for i := range total.Centred {
			total.Centred[i] = total.Centred[i].plus(t.Centred[i])
		}
		for i := range total.CannotSay {
			total.CannotSay[i] += t.CannotSay[i]
		}
		total.Persons = total.Persons.plus(t.Persons)
		for i := range total.First {
			total.First[i] = total.First[i].Plus(t.First[i])
		}
	}
	total.close()
	return total
}

func (m Moments) plus(o Moments) Moments {
	return Moments{m.Plus(o.Weight), m.WY + o.WY, m.WYY + o.WYY, m.W2Y + o.W2Y, m.W2YY + o.W2YY}
}

// Shares returns the weighted share of people who chose each option, of those who judged it: the plain
// figures of a bar chart. An option that nobody judged has a share of 0.
func (t *Table) Shares() []float64 {
	chosen, judged := t.Counts()
	shares := make([]float64, len(t.Options))
	for i := range shares {
		if judged[i].W > 0 {
			shares[i] = chosen[i].W / judged[i].W
		}
	}
	return shares
}

// Counts returns, by option, the people who chose it and those who judged it.
func (t *Table) Counts() (chosen, judged []Weight) {
	chosen, judged = make([]Weight, len(t.Options)), make([]Weight, len(t.Options))
	for _, c := range t.Cells {
		for i := range t.Options {
			if c.Chosen>>i&1 != 0 {
				chosen[i] = chosen[i].Plus(c.Weight)
			}
			if c.Judged>>i&1 != 0 {
				judged[i] = judged[i].Plus(c.Weight)
			}
		}
	}
	return chosen, judged
}

// mergeCells adds the people of two tables pattern by pattern. Both are in the order of their masks, and so
// is what comes of it.
func mergeCells(a, b []Cell) []Cell {
	both := make([]Cell, 0, max(len(a), len(b))+8)
	for len(a) > 0 && len(b) > 0 {
		switch order := compareCells(a[0], b[0]); {
		case order < 0:
			both, a = append(both, a[0]), a[1:]
		case order > 0:
			both, b = append(both, b[0]), b[1:]
		default:
			both = append(both, Cell{a[0].Chosen, a[0].Judged, a[0].Plus(b[0].Weight)})
			a, b = a[1:], b[1:]
		}
	}
	return append(append(both, a...), b...)
}

func compareCells(a, b Cell) int {
	return cmp.Or(cmp.Compare(a.Chosen, b.Chosen), cmp.Compare(a.Judged, b.Judged))
}
