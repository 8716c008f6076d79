package findings

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"cxmirror/pkg/stats"
	"cxmirror/pkg/survey"
	"cxmirror/pkg/tally"
)

// Diverge compares what an external and an internal population answered to the same list. Both tables must
// come of the same question; it is a [*NotAlikeError] if they do not.
//
// joint is the people who answered on both sides, or nil if nobody can have. Where they are at least half of
// the smaller side, only they are compared, each with herself: who stayed for the second question differs
// from who left, and comparing the sides as if they were strangers finds differences that are not there.
//
// Every option gets a verdict from the Holm-adjusted p of its difference and from whether its interval at
// twice the error (the two one-sided tests) lies within the margin.
func Diverge(external, internal *tally.Table, joint *tally.Joint, s Settings) (*Divergence, error) {
	s = s.WithDefaults()
	if !(s.Level > 0.5 && s.Level < 1) || !(s.Margin > 0 && s.Margin < 1) || s.Top < 1 {
		return nil, fmt.Errorf("settings %+v: a level lies between 0.5 and 1, a margin between 0 and 1, a list has at least 1 place", s)
	}
	if err := Alike(external, internal); err != nil {
		return nil, err
	}
	d := &Divergence{
		Item: external.Item.Code, Text: external.Item.Text, Kind: external.Item.Kind,
		Rule: DefaultRule(external.Item.Kind), Top: topOf(external, s), Level: s.Level, Margin: s.Margin,
	}
	var err error
	outside, inside := populationOf(external), populationOf(internal)
	if d.External, err = outside.rank(s); err != nil {
		return nil, err
	}
	if d.Internal, err = inside.rank(s); err != nil {
		return nil, err
	}
	var c comparison = &independent{external: outside, internal: inside}
	if joint != nil && joint.N > 0 {
		if joint.N >= joint.Threshold && 2*joint.N >= min(external.N, internal.N) {
			c = newPaired(joint)
			d.Paired = &Pairing{Pairs: joint.N, OnlyExternal: joint.OnlyFirst, OnlyInternal: joint.OnlySecond}
		} else if joint.N >= joint.Threshold {
			d.Overlap = joint.N
		}
	}
	if err := d.line(outside, inside, s); err != nil {
		return nil, err
	}
	if err := d.compareItems(c, s); err != nil {
		return nil, err
	}
	if err := d.compareLists(c); err != nil {
		return nil, err
	}
	if d.Paired == nil && d.Kind == survey.Rating && len(d.Items) > 1 {
		d.Emphasis, err = emphasis(outside, inside, d, s)
	}
	return d, err
}

// comparison is one way to compare two populations, option by option and as whole lists.
type comparison interface {
	// item fills in what the comparison says of one option. Adjusted p and verdict come later, since they
	// take all options.
	item(d *ItemDifference, s Settings, family int) error
	// within reports whether the difference lies within the margin, by two one-sided tests.
	within(d *ItemDifference, s Settings) (bool, error)
	// global is the one test that all shares are alike.
	global(codes []survey.OptionCode) (stats.Test, error)
	// expectedTau is the range in which tau-b lies if the sides do not differ, or stats.ErrUndefined.
	expectedTau(codes []survey.OptionCode, level float64) (stats.Interval, error)
}

// line puts the options of both sides beside each other, those last that a side withholds.
func (d *Divergence) line(external, internal *population, s Settings) error {
	inside := make(map[survey.OptionCode]Entry, len(d.Internal.Entries))
	for _, e := range d.Internal.Entries {
		inside[e.Code] = e
	}
	var withheld []ItemDifference
	for _, e := range d.External.Entries {
		it := ItemDifference{Code: e.Code, External: e, Internal: inside[e.Code], Verdict: Unknown}
		if it.Withheld() {
			nothingKnown(&it)
			for _, side := range []*Entry{&it.External, &it.Internal} {
				side.Rank, side.RankLow, side.RankHigh, side.Tied = 0, 0, 0, false
			}
			withheld = append(withheld, it)
			continue
		}
		d.Items = append(d.Items, it)
	}
	if len(d.Items) == 0 {
		return &tally.WithheldError{Audience: d.Internal.Audience, Item: d.Item, Threshold: d.Internal.Base.Threshold, Options: true}
	}
	if len(withheld) > 0 {
		at, both := map[survey.OptionCode]int{}, map[survey.OptionCode]bool{}
		for i := range d.Items {
			at[d.Items[i].Code], both[d.Items[i].Code] = i, true
		}
		err := external.among(both).place(func(i int) *Entry { return &d.Items[at[external.table.Options[i].Code]].External }, d.Rule, s.Level)
		if err != nil {
			return err
		}
		err = internal.among(both).place(func(i int) *Entry { return &d.Items[at[internal.table.Options[i].Code]].Internal }, d.Rule, s.Level)
		if err != nil {
			return err
		}
	}
	d.Items = append(d.Items, withheld...)
	return nil
}

func (d *Divergence) compareItems(c comparison, s Settings) error {
	items := d.Shown()
	var tested []float64
	for i := range items {
		if err := c.item(&items[i], s, len(items)); err != nil {
			return fmt.Errorf("difference of %s: %w", items[i].Code, err)
		}
		tested = append(tested, items[i].P)
	}
	adjusted, err := stats.Holm(tested)
	if err != nil {
		return err
	}
	for i := range items {
		it := &items[i]
		it.PAdjusted = adjusted[i]
		within, err := c.within(it, s)
		if err != nil {
			return fmt.Errorf("difference of %s: %w", it.Code, err)
		}
		it.Verdict = verdict(it.PAdjusted < 1-s.Level, within)
	}
	return nil
}

func verdict(different, within bool) Verdict {
	switch {
	case different && within:
		return Small
	case different:
		return Different
	case within:
		return Same
	}
	return Unknown
}

func (d *Divergence) compareLists(c comparison) error {
	var outside, inside []int
	var codes []survey.OptionCode
	for _, it := range d.Shown() {
		outside = append(outside, it.External.Rank)
		inside = append(inside, it.Internal.Rank)
		codes = append(codes, it.Code)
	}
	l := &d.Lists
	l.RBOP = Persistence
	var err error
	switch l.TauB, err = stats.TauB(outside, inside); {
	case errors.Is(err, stats.ErrUndefined):
		l.TauB = math.NaN()
	case err != nil:
		return fmt.Errorf("tau-b: %w", err)
	}
	if l.RBO, err = stats.RBO(outside, inside, Persistence); err != nil {
		return fmt.Errorf("rank-biased overlap: %w", err)
	}
	if l.RBOChance, err = stats.RBOChance(len(codes), Persistence); err != nil {
		return fmt.Errorf("chance level of rank-biased overlap: %w", err)
	}
	if l.Overlap, err = stats.OverlapAt(outside, inside, min(d.Top, len(codes))); err != nil {
		return fmt.Errorf("overlap of the first %d: %w", d.Top, err)
	}
	global, err := c.global(codes)
	if err != nil {
		return fmt.Errorf("global test: %w", err)
	}
	l.GlobalP, l.GlobalMethod = global.P, global.Method
	switch expected, err := c.expectedTau(codes, d.Level); {
	case errors.Is(err, stats.ErrUndefined):
		l.TauLow, l.TauHigh = math.NaN(), math.NaN()
	case err != nil:
		return fmt.Errorf("tau-b of one population: %w", err)
	default:
		l.TauLow, l.TauHigh = expected.Low, expected.High
	}
	return nil
}

// independent compares two samples of different people.
type independent struct{ external, internal *population }

func (p *population) at(code survey.OptionCode) int {
	for i, o := range p.table.Options {
		if o.Code == code {
			return i
		}
	}
	return -1 // not reached: Alike has looked
}

// pair returns both sides' shares of an option as successes out of trials, and whether both have any.
func (c *independent) pair(code survey.OptionCode) (in, out stats.Proportion, both bool) {
	out = c.external.proportion(c.external.at(code))
	in = c.internal.proportion(c.internal.at(code))
	return in, out, in.Trials > 0 && out.Trials > 0
}

func (c *independent) item(d *ItemDifference, s Settings, family int) error {
	in, out, both := c.pair(d.Code)
	if !both {
		nothingKnown(d)
		return nil
	}
	d.Difference = d.Internal.Share - d.External.Share
	interval, err := stats.NewcombeDifference(in, out, s.Level)
	if err != nil {
		return err
	}
	d.Low, d.High = interval.Low, interval.High
	test, err := c.test(d.Code, in, out)
	if err != nil {
		return err
	}
	d.P, d.Method = test.P, test.Method
	pooled := (in.Successes + out.Successes) / (in.Trials + out.Trials)
	if d.Detectable, err = stats.DetectableDifference(pooled, in.Trials, out.Trials, s.Level, Power, family); err != nil {
		return err
	}
	d.CohenH = stats.CohenH(in.Share(), out.Share())
	d.Higher, err = stats.ProbabilityHigher(in, out)
	return err
}

func (c *independent) test(code survey.OptionCode, in, out stats.Proportion) (stats.Test, error) {
	if !c.external.table.Weighted && !c.internal.table.Weighted {
		return stats.DifferenceTest(in, out)
	}
	return stats.WeightedDifferenceTest(c.internal.weighted(c.internal.at(code)), c.external.weighted(c.external.at(code)))
}

func (c *independent) within(d *ItemDifference, s Settings) (bool, error) {
	in, out, both := c.pair(d.Code)
	if !both {
		return false, nil
	}
	interval, err := stats.NewcombeDifference(in, out, equivalenceLevel(s))
	return err == nil && interval.Within(s.Margin), err
}

// equivalenceLevel is the coverage of the interval that two one-sided tests at 1 - Level amount to.
func equivalenceLevel(s Settings) float64 { return 1 - 2*(1-s.Level) }

// nothingKnown is the difference from or to a share of nobody, or one that is withheld.
func nothingKnown(d *ItemDifference) {
	d.Difference, d.CohenH = math.NaN(), math.NaN()
	d.Low, d.High = -1, 1
	d.P, d.Higher, d.Detectable = 1, 0.5, 1
	d.Method = "nobody could say"
	if d.Withheld() {
		d.Low, d.High, d.P, d.PAdjusted, d.Higher, d.Detectable = math.NaN(), math.NaN(), math.NaN(), math.NaN(), math.NaN(), math.NaN()
		d.Method = "withheld"
	}
}

// global is the second-order Rao-Scott test over the options that anybody chose.
func (c *independent) global(codes []survey.OptionCode) (stats.Test, error) {
	var z2 []float64
	for _, code := range codes {
		in, out, both := c.pair(code)
		pooled := (in.Successes + out.Successes) / (in.Trials + out.Trials)
		if !both || pooled <= 0 || pooled >= 1 {
			continue
		}
		d := in.Share() - out.Share()
		z2 = append(z2, d*d/(pooled*(1-pooled)*(1/in.Trials+1/out.Trials)))
	}
	if len(z2) == 0 {
		return stats.Test{P: 1, Method: "no spread to test"}, nil
	}
	return stats.HomogeneityTest(z2, c.pooled(codes).sumOfSquares(), 2)
}

// pooled gathers how the options go together in both populations as one.
func (c *independent) pooled(codes []survey.OptionCode) *correlations {
	r := newCorrelations(len(codes))
	for _, p := range []*population{c.external, c.internal} {
		positions := make([]int, len(codes))
		for i, code := range codes {
			positions[i] = p.at(code)
		}
		// Weights are scaled to the effective N, so that neither side's scale of weights counts.
		scale := p.effectiveN / p.table.SumW
		r.total += p.table.SumW * scale
		r.add(p.pairs, positions, scale)
	}
	return r
}

// Draws and seed of the tau that is to be expected; fixed, so that a finding does not change when it is
// looked at again.
const (
	tauDraws = 400
	tauSeed  = 1945
)

// expectedTau is the range of tau-b if both sides were samples of one population.
func (c *independent) expectedTau(codes []survey.OptionCode, level float64) (stats.Interval, error) {
	if len(codes) < 2 {
		return stats.Interval{}, stats.ErrUndefined
	}
	shares, covariance := c.pooled(codes).moments()
	return stats.TauUnderSameness(shares, covariance, c.external.effectiveN, c.internal.effectiveN, level, tauDraws, rand.NewPCG(tauSeed, tauSeed))
}

// correlations gathers the correlation matrix of 0/1 items from patterns.
type correlations struct {
	n      int
	total  float64     // weight of all
	judged [][]float64 // weight of those who judged both
	both   [][]float64 // who chose both
	first  [][]float64 // who chose the first, of those who judged both
}

func newCorrelations(n int) *correlations {
	square := func() [][]float64 {
		m := make([][]float64, n)
		for i := range m {
			m[i] = make([]float64, n)
		}
		return m
	}
	return &correlations{n, 0, square(), square(), square()}
}

// add adds the people of a table; options[i] is the position in it of item i, and scale multiplies weights.
func (r *correlations) add(p *tally.Pairs, options []int, scale float64) {
	for i, a := range options {
		for j, b := range options {
			r.judged[i][j] += p.Judged[a][b].W * scale
			r.first[i][j] += p.Chose[a][b].W * scale
			r.both[i][j] += p.Both[a][b].W * scale
		}
	}
}

// sumOfSquares is the sum of the squared entries of the correlation matrix, its diagonal included.
func (r *correlations) sumOfSquares() float64 {
	sum := 0.0
	for i := range r.n {
		for j := range r.n {
			p, q, cov := r.pair(i, j)
			if spread := p * (1 - p) * q * (1 - q); spread > 0 {
				sum += cov * cov / spread
			}
		}
	}
	return sum
}

// pair returns the shares of two options among those who judged both, and their covariance.
func (r *correlations) pair(i, j int) (p, q, covariance float64) {
	w := r.judged[i][j]
	if w == 0 {
		return 0, 0, 0
	}
	p, q = r.first[i][j]/w, r.first[j][i]/w
	return p, q, r.both[i][j]/w - p*q
}

// moments returns the shares, each of those who judged the option, and the covariance matrix of what one
// person adds to them: (chosen - share) / (share who judged) of those who judged, 0 of the others. It is a sum
// of products over persons, so it is a covariance matrix wherever people left options out; covariances of
// pairs, each over those who judged both, need not make one.
func (r *correlations) moments() (shares []float64, covariance [][]float64) {
	shares, covariance = make([]float64, r.n), make([][]float64, r.n)
	for i := range r.n {
		if r.judged[i][i] > 0 {
			shares[i] = r.first[i][i] / r.judged[i][i]
		}
	}
	for i, p := range shares {
		covariance[i] = make([]float64, r.n)
		for j, q := range shares {
			if r.judged[i][j] > 0 {
				products := r.both[i][j] - q*r.first[i][j] - p*r.first[j][i] + p*q*r.judged[i][j]
				covariance[i][j] = products * r.total / (r.judged[i][i] * r.judged[j][j])
			}
		}
	}
	return shares, covariance
}
