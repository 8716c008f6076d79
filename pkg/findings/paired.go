package findings

import (
	"math"
	"math/bits"

	"cxmirror/pkg/stats"
	"cxmirror/pkg/survey"
	"cxmirror/pkg/tally"
)

// paired compares people with themselves: the external answer and the internal answer of the same person.
// Weights are those of the internal wave.
type paired struct {
	joint *tally.Joint
	at    map[survey.OptionCode]int
	pairs []pairSums // by option
}

// pairSums counts the people who judged an option in both waves.
type pairSums struct{ both, onlyExternal, onlyInternal, neither tally.Weight }

func newPaired(j *tally.Joint) *paired {
	c := &paired{joint: j, at: map[survey.OptionCode]int{}, pairs: make([]pairSums, len(j.Options))}
	for i, o := range j.Options {
		c.at[o.Code] = i
		s := &c.pairs[i]
		for _, cell := range j.Cells {
			if cell.Judged>>i&1 == 0 {
				continue
			}
			into := &s.neither
			switch {
			case cell.First>>i&1 != 0 && cell.Second>>i&1 != 0:
				into = &s.both
			case cell.First>>i&1 != 0:
				into = &s.onlyExternal
			case cell.Second>>i&1 != 0:
				into = &s.onlyInternal
			}
			*into = into.Plus(cell.Weight)
		}
	}
	return c
}

func (s pairSums) all() tally.Weight {
	return s.both.Plus(s.onlyExternal).Plus(s.onlyInternal).Plus(s.neither)
}

// counts are the persons as a table of internal against external.
func (s pairSums) counts() stats.Pairs {
	return stats.Pairs{
		Both: float64(s.both.N), OnlyFirst: float64(s.onlyInternal.N),
		OnlySecond: float64(s.onlyExternal.N), Neither: float64(s.neither.N),
	}
}

// variance is the linearised variance of the weighted mean difference within persons.
func (s pairSums) variance(difference float64) float64 {
	all := s.all()
	n := float64(all.N)
	squares := s.onlyInternal.W2 + s.onlyExternal.W2 -
		2*difference*(s.onlyInternal.W2-s.onlyExternal.W2) + difference*difference*all.W2
	return n / (n - 1) * max(squares, 0) / (all.W * all.W)
}

func (c *paired) item(d *ItemDifference, s Settings, family int) error {
	p := c.pairs[c.at[d.Code]]
	all := p.all()
	if all.N < max(2, c.joint.Threshold) {
		nothingKnown(d)
		return nil
	}
	if err := c.sides(d, p, s.Level); err != nil {
		return err
	}
	d.Difference = (p.onlyInternal.W - p.onlyExternal.W) / all.W
	interval, err := c.interval(p, d.Difference, s.Level)
	if err != nil {
		return err
	}
	d.Low, d.High = interval.Low, interval.High
	test, err := c.test(p, d.Difference)
	if err != nil {
		return err
	}
	d.P, d.Method = test.P, test.Method
	d.CohenH = stats.CohenH(d.Internal.Share, d.External.Share)
	d.Detectable, err = stats.PairedDetectableDifference(p.counts(), s.Level, Power, family)
	if err != nil {
		return err
	}
	d.Higher, err = stats.PairedProbabilityHigher(p.counts())
	return err
}

// sides replaces both sides' figures by those of the people in both; places stay those of the rankings.
func (c *paired) sides(d *ItemDifference, p pairSums, level float64) error {
	all := p.all()
	trials := float64(all.N)
	if c.joint.Weighted {
		trials = stats.KishFromSums(all.W, all.W2)
	}
	for _, side := range []struct {
		entry *Entry
		chose tally.Weight
	}{{&d.External, p.both.Plus(p.onlyExternal)}, {&d.Internal, p.both.Plus(p.onlyInternal)}} {
		share := side.chose.W / all.W
		interval, err := stats.Wilson(share*trials, trials, level)
		if err != nil {
			return err
		}
		e := side.entry
		e.Count, e.N, e.EffectiveN, e.Share = side.chose.N, all.N, trials, share
		e.Low, e.High = interval.Low, interval.High
	}
	return nil
}

func (c *paired) interval(p pairSums, difference, level float64) (stats.Interval, error) {
	if !c.joint.Weighted {
		return stats.PairedDifference(p.counts(), level)
	}
	return stats.MeanInterval(stats.Mean{
		Value: difference, Variance: p.variance(difference) * float64(p.all().N), N: float64(p.all().N),
	}, level)
}

func (c *paired) test(p pairSums, difference float64) (stats.Test, error) {
	if !c.joint.Weighted {
		return stats.McNemar(p.counts())
	}
	return stats.ZTest(difference, p.variance(difference))
}

func (c *paired) within(d *ItemDifference, s Settings) (bool, error) {
	p := c.pairs[c.at[d.Code]]
	if p.all().N < max(2, c.joint.Threshold) {
		return false, nil
	}
	interval, err := c.interval(p, d.Difference, equivalenceLevel(s))
	return err == nil && interval.Within(s.Margin), err
}

// global is the same closed form as for independent samples, over the differences within persons: their
// squared z, and the correlations of the differences.
func (c *paired) global(codes []survey.OptionCode) (stats.Test, error) {
	var z2 []float64
	var options []int
	for _, code := range codes {
		i := c.at[code]
		p := c.pairs[i]
		discordant := p.onlyInternal.W2 + p.onlyExternal.W2
		if discordant == 0 {
			continue
		}
		d := p.onlyInternal.W - p.onlyExternal.W
		z2 = append(z2, d*d/discordant)
		options = append(options, i)
	}
	if len(z2) == 0 {
		return stats.Test{P: 1, Method: "no spread to test"}, nil
	}
	return stats.HomogeneityTest(z2, c.sumOfSquaredCorrelations(options), 2)
}

// expectedTau is not known for the same people asked twice.
func (*paired) expectedTau([]survey.OptionCode, float64) (stats.Interval, error) {
	return stats.Interval{}, stats.ErrUndefined
}

// sumOfSquaredCorrelations is over the differences of the options, taken about zero: that is what they are
// if the two sides answer alike.
func (c *paired) sumOfSquaredCorrelations(options []int) float64 {
	n := len(options)
	products := make([]float64, n*n)
	for _, cell := range c.joint.Cells {
		up, down := cell.Second&^cell.First&cell.Judged, cell.First&^cell.Second&cell.Judged
		if bits.OnesCount64(up|down) == 0 {
			continue
		}
		for a, i := range options {
			x := sign(up, down, i)
			if x == 0 {
				continue
			}
			for b, j := range options {
				products[a*n+b] += cell.W * x * sign(up, down, j)
			}
		}
	}
	sum := 0.0
	for a := range n {
		for b := range n {
			if spread := products[a*n+a] * products[b*n+b]; spread > 0 {
				r := products[a*n+b] / math.Sqrt(spread)
				sum += r * r
			}
		}
	}
	return sum
}

func sign(up, down uint64, i int) float64 {
	return float64(up>>i&1) - float64(down>>i&1)
}
