package web

import (
	"cmp"
	"fmt"
	"slices"

	"cxmirror/pkg/store"
	"cxmirror/pkg/survey"
	"cxmirror/pkg/tally"
)

// rateTables returns how many have finished by group, one table for each segment of those invited. What would tell
// of too few people is withheld, and so is what would come out by subtraction.
func rateTables(r room, w *survey.Wave, groups []store.GroupCount) ([]rateTable, error) {
	var tables []rateTable
	for i := range w.Segments {
		segment := &w.Segments[i]
		invited, finished := make(map[survey.OptionCode]int), make(map[survey.OptionCode]int)
		for _, g := range groups {
			invited[g.Attributes[segment.Code]] += g.Invited
			finished[g.Attributes[segment.Code]] += g.Finished
		}
		var parts []tally.ResponseGroup
		var names []string
		add := func(code survey.OptionCode, name string) {
			if invited[code] > 0 {
				parts = append(parts, tally.ResponseGroup{Invited: invited[code], Finished: finished[code]})
				names = append(names, name)
			}
		}
		for _, v := range segment.Values {
			add(v.Code, cmp.Or(v.Text.In(r.Lang), string(v.Code)))
		}
		add("", r.T("rates_others"))
		if len(parts) == 0 {
			continue
		}
		k := w.Threshold
		if !w.Protects() {
			k = 1
		}
		rates, err := tally.ResponseRates(parts, k)
		if err != nil {
			return nil, fmt.Errorf("response rates by %s: %w", segment.Code, err)
		}
		table := rateTable{Name: cmp.Or(segment.Text.In(r.Lang), string(segment.Code))}
		for i, rate := range rates {
			g := rateGroup{Name: names[i], Invited: r.Integer(rate.Invited), Withheld: rate.Withheld}
			if rate.Withheld {
				table.Hidden = true
			} else {
				share := float64(rate.Finished) / float64(rate.Invited)
				g.Finished, g.Rate, g.Share = r.Integer(rate.Finished), r.Percent(share), int(100*share)
			}
			table.Groups = append(table.Groups, g)
		}
		slices.SortStableFunc(table.Groups, func(a, b rateGroup) int { // those that are told first, the slowest on top
			switch {
			case a.Withheld != b.Withheld && a.Withheld:
				return 1
			case a.Withheld != b.Withheld:
				return -1
			}
			return cmp.Compare(a.Share, b.Share)
		})
		tables = append(tables, table)
	}
	return tables, nil
}
