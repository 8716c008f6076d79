package findings

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"cxmirror/pkg/stats"
	"cxmirror/pkg/survey"
	"cxmirror/pkg/tally"
)

// Rank ranks the options of a table: by the share of people who picked them (single, multi), who put them
// among the first Top (rank), or who rated them in the top box (rating). Exclusive options stay in the base
// and out of the ranking. It is an error if nothing is left to rank.
//
// Intervals are Wilson's, on the effective N of each share where there are weights. Rank sets hold for all
// options at once: exact comparisons of every pair, corrected by Holm's method.
func Rank(t *tally.Table, s Settings) (Ranking, error) {
	return populationOf(t).rank(s.WithDefaults())
}

func (p *population) rank(s Settings) (Ranking, error) {
	t := p.table
	switch {
	case len(p.ranked) == 0 && p.hides():
		return Ranking{}, &tally.WithheldError{Audience: t.Audience, Item: t.Item.Code, Threshold: t.Threshold, Options: true}
	case len(p.ranked) == 0:
		return Ranking{}, fmt.Errorf("%s has no options to rank", t.Item.Code)
	}
	r := Ranking{
		Audience: t.Audience, Item: t.Item.Code, Kind: t.Item.Kind, Rule: DefaultRule(t.Item.Kind),
		Top: topOf(t, s), Level: s.Level,
		Base: Base{
			N: t.N, EffectiveN: p.effectiveN, Weighted: t.Weighted,
			None: t.None, Missing: t.Missing, Partial: t.Partial, Threshold: t.Threshold, Protected: t.Earlier != nil,
		},
	}
	entries := make([]Entry, len(t.Options))
	for i := range t.Options {
		e, err := p.entry(i, s.Level)
		if err != nil {
			return Ranking{}, fmt.Errorf("%s of %s: %w", t.Options[i].Code, t.Item.Code, err)
		}
		entries[i] = e
	}
	if err := p.place(func(i int) *Entry { return &entries[i] }, r.Rule, s.Level); err != nil {
		return Ranking{}, err
	}
	var withheld []Entry
	for i, e := range entries {
		switch {
		case e.Rank > 0:
			r.Entries = append(r.Entries, e)
		case t.Options[i].Ranked():
			withheld = append(withheld, e)
		default:
			r.Others = append(r.Others, e)
		}
	}
	slices.SortStableFunc(r.Entries, func(a, b Entry) int { return cmp.Compare(a.Rank, b.Rank) })
	r.Entries = append(r.Entries, withheld...)
	var err error
	r.ByRule, err = p.byRule(r.Rule, s.Level)
	if err != nil {
		return Ranking{}, fmt.Errorf("%s: %w", t.Item.Code, err)
	}
	r.OrderHolds = r.orderHolds()
	return r, nil
}

// place gives the options that take part in rankings their places.
func (p *population) place(entry func(i int) *Entry, rule Rule, level float64) error {
	sets, err := p.rankSets(level)
	if err != nil {
		return fmt.Errorf("rank sets of %s: %w", p.table.Item.Code, err)
	}
	places := competition(p.scores(rule), p.table.Weighted)
	for at, i := range p.ranked {
		e := entry(i)
		e.Rank, e.Tied = places[at].rank, places[at].tied
		e.RankLow, e.RankHigh = sets[at].Low, sets[at].High
	}
	return nil
}

// topOf is the length of the list people look at. An order of a wave that protects people is counted among its own first
// few only.
func topOf(t *tally.Table, s Settings) int {
	if t.Item.Kind == survey.Rank && t.Top < min(s.Top, t.Item.Max) {
		return t.Top
	}
	return s.Top
}

// DefaultRule returns the rule a kind is ranked by unless somebody asks for another.
func DefaultRule(kind survey.Kind) Rule {
	switch kind {
	case survey.Rank:
		return ShareTopN
	case survey.Rating:
		return TopBox
	case survey.Single, survey.Multi, survey.Number, survey.NPS, survey.Text, survey.Matrix:
	}
	return SharePicked
}

// rulesBeside are the rules whose order is shown beside the default one's.
func rulesBeside(rule Rule) []Rule {
	switch rule {
	case ShareTopN:
		return []Rule{ShareFirst, MeanPlace}
	case TopBox:
		return []Rule{MeanRating}
	case SharePicked, ShareFirst, MeanPlace, MeanRating:
	}
	return nil
}

// population is one side of a comparison: a table with the sums that everything else follows from.
type population struct {
	table      *tally.Table
	ranked     []int // positions of the options that take part in rankings
	effectiveN float64
	pairs      *tally.Pairs
}

func populationOf(t *tally.Table) *population {
	p := &population{table: t, effectiveN: float64(t.N), pairs: t.Pairs()}
	if t.Weighted {
		p.effectiveN = stats.KishFromSums(t.SumW, t.SumW2)
	}
	for i, o := range t.Options {
		if o.Ranked() && !p.withheld(i) {
			p.ranked = append(p.ranked, i)
		}
	}
	return p
}

// withheld reports whether nothing is told of option i.
func (p *population) withheld(i int) bool { return p.table.Withheld != nil && p.table.Withheld[i] }

// hides reports whether an option is withheld that could be ranked.
func (p *population) hides() bool {
	for i, o := range p.table.Options {
		if o.Ranked() && p.withheld(i) {
			return true
		}
	}
	return false
}

// among is the population with only some of the options to rank.
func (p *population) among(options map[survey.OptionCode]bool) *population {
	part := *p
	part.ranked = nil
	for _, i := range p.ranked {
		if options[p.table.Options[i].Code] {
			part.ranked = append(part.ranked, i)
		}
	}
	return &part
}

// chosen and judged are the people who chose option i, and those who judged it.
func (p *population) chosen(i int) tally.Weight { return p.pairs.Both[i][i] }
func (p *population) judged(i int) tally.Weight { return p.pairs.Judged[i][i] }

// weighted is the share of option i with the sums that its variance follows from.
func (p *population) weighted(i int) stats.WeightedShare {
	return weightedShare(p.judged(i), p.chosen(i))
}

func weightedShare(base, chosen tally.Weight) stats.WeightedShare {
	return stats.WeightedShare{N: float64(base.N), W: base.W, W2: base.W2, PickedW: chosen.W, PickedW2: chosen.W2}
}

// proportion is the share of option i as successes out of trials: persons, or with weights the share's own
// effective N.
func (p *population) proportion(i int) stats.Proportion {
	if !p.table.Weighted || p.judged(i).N == 0 {
		return stats.Proportion{Successes: float64(p.chosen(i).N), Trials: float64(p.judged(i).N)}
	}
	return p.weighted(i).Proportion()
}

func (p *population) entry(i int, level float64) (Entry, error) {
	o := p.table.Options[i]
	e := Entry{
		Code: o.Code, Text: o.Text, Count: p.chosen(i).N, N: p.judged(i).N, Mean: math.NaN(),
	}
	if e.Withheld = p.withheld(i); e.Withheld {
		e.Count, e.N, e.EffectiveN = 0, 0, math.NaN()
		e.Share, e.Low, e.High = math.NaN(), math.NaN(), math.NaN()
		return e, nil
	}
	e.Earlier = p.table.Earlier != nil && p.table.Earlier[i]
	if p.table.CannotSay != nil {
		e.CannotSay = p.table.CannotSay[i]
	}
	if e.N == 0 {
		// Everybody said "cannot say": there is no share, and nothing is known of it.
		e.Share, e.Low, e.High = math.NaN(), 0, 1
		return e, nil
	}
	share := p.proportion(i)
	interval, err := stats.Wilson(share.Successes, share.Trials, level)
	if err != nil {
		return Entry{}, err
	}
	e.EffectiveN, e.Share, e.Low, e.High = share.Trials, p.chosen(i).W/p.judged(i).W, interval.Low, interval.High
	if m := p.table.Moments; m != nil && m[i].W > 0 {
		e.Mean = m[i].WY / m[i].W
	}
	return e, nil
}

// rankSets returns the rank sets of the ranked options.
func (p *population) rankSets(level float64) ([]stats.RankSet, error) {
	if len(p.ranked) == 1 {
		return []stats.RankSet{{Low: 1, High: 1}}, nil
	}
	pairs := p.preferences()
	if p.table.Weighted {
		preferred := make([][]stats.WeightedPreference, len(pairs))
		for a, row := range pairs {
			for _, w := range row {
				preferred[a] = append(preferred[a], stats.WeightedPreference{W: w.W, W2: w.W2})
			}
		}
		return stats.WeightedRankSets(float64(p.table.N), p.table.SumW, p.table.SumW2, preferred, level)
	}
	preferred := make([][]int, len(pairs))
	for a, row := range pairs {
		for _, w := range row {
			preferred[a] = append(preferred[a], w.N)
		}
	}
	return stats.RankSets(preferred, level)
}

// preferences returns for every ordered pair of ranked options the people who chose the first and not the
// second, of those who judged both.
func (p *population) preferences() [][]tally.Weight {
	pairs := make([][]tally.Weight, len(p.ranked))
	for a, i := range p.ranked {
		for _, j := range p.ranked {
			pairs[a] = append(pairs[a], p.pairs.Preferred(i, j))
		}
	}
	return pairs
}

// score is a ratio, kept as its two parts so that equal ones are found equal.
type score struct{ over, under float64 }

// scores returns the scores of the ranked options by a rule, so turned that the higher is the better.
func (p *population) scores(rule Rule) []score {
	scores := make([]score, len(p.ranked))
	for at, i := range p.ranked {
		switch rule {
		case SharePicked, ShareTopN, TopBox:
			scores[at] = score{p.chosen(i).W, p.judged(i).W}
		case ShareFirst:
			scores[at] = score{p.table.First[i].W, p.table.SumW}
		case MeanPlace:
			scores[at] = score{-p.table.Moments[i].WY, p.table.Moments[i].W}
		case MeanRating:
			scores[at] = score{p.table.Moments[i].WY, p.table.Moments[i].W}
		}
	}
	return scores
}

type place struct {
	rank int
	tied bool
}

// weightedTie is the relative difference below which weighted scores are equal: sums of the same weights in
// another order differ in the last bits.
const weightedTie = 1e-12

// competition returns competition ranks: 1, 2, 2, 4. Scores without weights are ratios of counts, and are
// compared exactly by cross-multiplying. A score over nothing is last.
func competition(scores []score, weighted bool) []place {
	tolerance := 0.0
	if weighted {
		tolerance = weightedTie
	}
	places := make([]place, len(scores))
	for i, a := range scores {
		places[i].rank = 1
		for j, b := range scores {
			if i == j {
				continue
			}
			switch c := compareScores(a, b, tolerance); {
			case c < 0:
				places[i].rank++
			case c == 0:
				places[i].tied = true
			}
		}
	}
	return places
}

func compareScores(a, b score, tolerance float64) int {
	if a.under == 0 || b.under == 0 {
		return cmp.Compare(a.under, b.under)
	}
	left, right := a.over*b.under, b.over*a.under
	if math.Abs(left-right) <= tolerance*(math.Abs(left)+math.Abs(right)) {
		return 0
	}
	return cmp.Compare(left, right)
}

// byRule ranks the options by every rule that stands beside the default.
func (p *population) byRule(rule Rule, level float64) ([]RuleOrder, error) {
	var orders []RuleOrder
	if p.table.Moments == nil {
		return nil, nil // a protected wave tells no means, and ranks by one rule only
	}
	for _, other := range rulesBeside(rule) {
		places := competition(p.scores(other), p.table.Weighted)
		order := RuleOrder{Rule: other}
		for at, i := range p.ranked {
			v := RuleValue{Code: p.table.Options[i].Code, Rank: places[at].rank, Tied: places[at].tied}
			var err error
			if other == ShareFirst {
				err = p.shareFirst(i, level, &v)
			} else {
				err = p.mean(i, level, &v)
			}
			if err != nil {
				return nil, fmt.Errorf("%s of %s: %w", other, v.Code, err)
			}
			order.Values = append(order.Values, v)
		}
		slices.SortStableFunc(order.Values, func(a, b RuleValue) int { return cmp.Compare(a.Rank, b.Rank) })
		orders = append(orders, order)
	}
	return orders, nil
}

func (p *population) shareFirst(i int, level float64, v *RuleValue) error {
	first, t := p.table.First[i], p.table
	share := stats.Proportion{Successes: float64(first.N), Trials: float64(t.N)}
	if t.Weighted {
		share = weightedShare(tally.Weight{N: t.N, W: t.SumW, W2: t.SumW2}, first).Proportion()
	}
	interval, err := stats.Wilson(share.Successes, share.Trials, level)
	v.Value, v.Low, v.High = first.W/t.SumW, interval.Low, interval.High
	return err
}

// mean fills in the mean point or place with Student's interval; of fewer than two people there is none,
// and the whole line is all that is known.
func (p *population) mean(i int, level float64, v *RuleValue) error {
	m, known := p.meanOf(p.table.Moments[i])
	v.Value, v.Low, v.High = m.Value, math.Inf(-1), math.Inf(1)
	if !known {
		return nil
	}
	interval, err := stats.MeanInterval(m, level)
	v.Low, v.High = interval.Low, interval.High
	return err
}

// meanOf returns a mean on its effective number of people, and whether enough of them are known to say how
// sure it is. The variance is the linearised one; without weights that is the sample variance.
func (p *population) meanOf(m tally.Moments) (mean stats.Mean, known bool) {
	if m.N == 0 {
		return stats.Mean{Value: math.NaN()}, false
	}
	mean = stats.Mean{Value: m.WY / m.W, N: float64(m.N)}
	if p.table.Weighted {
		mean.N = stats.KishFromSums(m.W, m.W2)
	}
	if m.N < 2 || mean.N <= 1 {
		return mean, false
	}
	n := float64(m.N)
	squares := m.W2YY - 2*mean.Value*m.W2Y + mean.Value*mean.Value*m.W2
	mean.Variance = n / (n - 1) * max(squares, 0) / (m.W * m.W) * mean.N
	return mean, true
}

// orderHolds reports whether every rule gives the options that any rule puts among the first Top the same
// place.
func (r *Ranking) orderHolds() bool {
	ranks := make(map[survey.OptionCode]int, len(r.Entries))
	for _, e := range r.Entries {
		ranks[e.Code] = e.Rank
	}
	for _, order := range r.ByRule {
		for _, v := range order.Values {
			if min(v.Rank, ranks[v.Code]) <= r.Top && v.Rank != ranks[v.Code] {
				return false
			}
		}
	}
	return true
}
