package tally

import (
	"errors"
	"fmt"

	"cxmirror/pkg/stats"
)

// SuppressedCells says which counts of a crosstab are not printed, [option][value of the segment]: those of 1 to k-1
// people, those that leave 1 to k-1 people of a part who did not choose the option, and so many others that none of
// these can be worked out from the totals and the rest. "All but two of IT chose it" tells of the two.
//
// It is for tables and charts that print one part of a protected wave beside the others, with counts or shares:
// a share is a count wherever the base is known, and below 100 people it is without decimals too. Shares that are
// printed of fewer than 100 people have no decimals in any case. A finding of a whole part, such as its ranking, is
// made from all its answers and needs no such care: the part has k people.
//
// A part that is withheld is taken as one hidden column with everybody outside the parts shown. Options that fewer than
// k people chose of everybody, or all but so few, are hidden in all parts: their total tells too much already. It is an
// error if a part has more people than everybody, as when parts were counted later than their total.
func (x *Crosstab) SuppressedCells(k int) ([][]bool, error) {
	all, judged := x.Total.Counts()
	hidden := make([][]bool, len(x.Total.Options))
	for option := range hidden {
		hidden[option] = make([]bool, len(x.Tables))
		// Two rows, who chose the option and who did not; a column for each part shown, and one for the others.
		var columns []int
		chose, not := []int{all[option].N}, []int{judged[option].N - all[option].N}
		for v, t := range x.Tables {
			if t == nil || len(t.Withheld) > option && t.Withheld[option] {
				hidden[option][v] = true
				continue
			}
			chosen, of := t.Counts()
			columns = append(columns, v)
			chose, not = append(chose, chosen[option].N), append(not, of[option].N-chosen[option].N)
			chose[0] -= chosen[option].N
			not[0] -= of[option].N - chosen[option].N
		}
		if chose[0] < 0 || not[0] < 0 {
			return nil, fmt.Errorf("%s: parts of %s have more people than everybody: they were counted later", x.Total.Item.Code, x.Segment.Code)
		}
		s, err := (stats.CellRule{Threshold: k}).Suppress([][]int{chose, not})
		if err != nil && !errors.Is(err, stats.ErrUnprotectable) {
			return nil, fmt.Errorf("%s of %s: %w", x.Total.Item.Code, x.Segment.Code, err)
		}
		for i, v := range columns {
			// The rows of a column give each other away where the base of the part is told.
			hidden[option][v] = err != nil || s.Hidden[0][i+1] || s.Hidden[1][i+1]
		}
	}
	return hidden, nil
}

// ResponseGroup is how many people of a part were invited, and how many of them have finished.
type ResponseGroup struct {
	Name     string
	Invited  int
	Finished int
}

// ResponseRate is a group of which the rate may be told, or not.
type ResponseRate struct {
	ResponseGroup // Finished is 0 where it is withheld; how many were invited is no secret
	Withheld      bool
}

// ResponseRates withholds how many have finished of groups where that tells of too few: of 1 to k-1 who have finished,
// or who have not, and of so many other groups that none of those can be worked out from the total of all, which
// is shown beside them. Nobody, and everybody, is told. Groups must not overlap; together they are everybody invited.
//
// Who has finished is known to whoever sends reminders; the rates of a group over time are therefore not held against
// each other as results are.
//
// If what is told of all together is already about too few, every group is withheld. It is an error if k is below 1
// or more have finished than were invited.
func ResponseRates(groups []ResponseGroup, k int) ([]ResponseRate, error) {
	rates := make([]ResponseRate, len(groups))
	finished, not := make([]int, len(groups)), make([]int, len(groups))
	for i, g := range groups {
		rates[i].ResponseGroup = g
		finished[i], not[i] = g.Finished, g.Invited-g.Finished
		if not[i] < 0 || g.Finished < 0 {
			return nil, fmt.Errorf("response rates: of %d invited in %q, %d have finished", g.Invited, g.Name, g.Finished)
		}
	}
	s, err := (stats.CellRule{Threshold: k}).Suppress([][]int{finished, not})
	if err != nil && !errors.Is(err, stats.ErrUnprotectable) {
		return nil, fmt.Errorf("response rates: %w", err)
	}
	for i := range rates {
		if rates[i].Withheld = err != nil || s.Hidden[0][i] || s.Hidden[1][i]; rates[i].Withheld {
			rates[i].Finished = 0
		}
	}
	return rates, nil
}
