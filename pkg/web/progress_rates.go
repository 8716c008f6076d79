package web

import (
	"cmp"
	"fmt"
	"slices"

	"cxmirror/pkg/store"
	"cxmirror/pkg/survey"
	"cxmirror/pkg/tally"
)

// segmentRates is how many have finished by the values of one segment of those invited.
type segmentRates struct {
	segment *survey.Segment
	values  []survey.OptionCode // "" are those of whom the segment says nothing; beside rates
	rates   []tally.ResponseRate
}

// ratesOf returns how many have finished by group, for each segment of those invited. What would tell of too few
// people is withheld, and so is what would come out by subtraction.
func ratesOf(w *survey.Wave, groups []store.GroupCount) ([]segmentRates, error) {
	var all []segmentRates
	for i := range w.Segments {
		of := segmentRates{segment: &w.Segments[i]}
		invited, finished := make(map[survey.OptionCode]int), make(map[survey.OptionCode]int)
		for _, g := range groups {
			invited[g.Attributes[of.segment.Code]] += g.Invited
			finished[g.Attributes[of.segment.Code]] += g.Finished
		}
		var parts []tally.ResponseGroup
		add := func(code survey.OptionCode) {
			if invited[code] > 0 {
				parts = append(parts, tally.ResponseGroup{Name: string(code), Invited: invited[code], Finished: finished[code]})
				of.values = append(of.values, code)
			}
		}
		for _, v := range of.segment.Values {
			add(v.Code)
		}
		add("")
		if len(parts) == 0 {
			continue
		}
		k := w.Threshold
		if !w.Protects() {
			k = 1
		}
		var err error
		if of.rates, err = tally.ResponseRates(parts, k); err != nil {
			return nil, fmt.Errorf("response rates by %s: %w", of.segment.Code, err)
		}
		all = append(all, of)
	}
	return all, nil
}

// nameOf returns what a value is called in a language; "" for those of whom the segment says nothing.
func (of *segmentRates) nameOf(value survey.OptionCode, lang survey.Language) string {
	for _, v := range of.segment.Values {
		if v.Code == value {
			return cmp.Or(v.Text.In(lang), string(v.Code))
		}
	}
	return string(value)
}

// rateTables lays out rates by group, one table for each segment.
func rateTables(r room, all []segmentRates) []rateTable {
	var tables []rateTable
	for i := range all {
		of := &all[i]
		table := rateTable{Name: cmp.Or(of.segment.Text.In(r.Lang), string(of.segment.Code))}
		for j, rate := range of.rates {
			g := rateGroup{Name: cmp.Or(of.nameOf(of.values[j], r.Lang), r.T("rates_others")), Invited: r.Integer(rate.Invited), Withheld: rate.Withheld}
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
	return tables
}
