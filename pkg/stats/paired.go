package stats

import (
	"fmt"
	"math"
)

const (
	methodMidPMcNemar = "mid-P McNemar"
	methodMcNemar     = "McNemar chi-square"
)

// fewDiscordant is the number of discordant pairs below which McNemar's test is exact (mid-P).
const fewDiscordant = 25

// Pairs counts persons who answered both of two questions, or the same one on two occasions.
type Pairs struct{ Both, OnlyFirst, OnlySecond, Neither float64 }

// N is the number of persons.
func (p Pairs) N() float64 { return p.Both + p.OnlyFirst + p.OnlySecond + p.Neither }

func (p Pairs) check(function string) error {
	counts := []float64{p.Both, p.OnlyFirst, p.OnlySecond, p.Neither}
	for i, name := range []string{"both", "only first", "only second", "neither"} {
		if v := counts[i]; !finite(v) || v < 0 {
			return &ArgumentError{function, name, v, "a finite number of at least 0"}
		}
	}
	if n := p.N(); n <= 0 {
		return &ArgumentError{function, "persons in all", n, "more than 0"}
	}
	return nil
}

// McNemar tests whether the same persons picked the first as often as the second. With fewer than 25
// discordant pairs, in whole persons, P is the mid-P of the exact binomial test, otherwise that of the
// chi-square form without continuity correction; Method says which. Statistic is the signed z, positive
// when the first is picked more often.
// Source: Fagerland, Lydersen & Laake (2013), BMC Med. Res. Methodol. 13:91.
func McNemar(p Pairs) (Test, error) {
	if err := p.check("McNemar"); err != nil {
		return Test{}, err
	}
	discordant := p.OnlyFirst + p.OnlySecond
	z := 0.0
	if discordant > 0 {
		z = (p.OnlyFirst - p.OnlySecond) / math.Sqrt(discordant)
	}
	isWhole := p.OnlyFirst == math.Trunc(p.OnlyFirst) && p.OnlySecond == math.Trunc(p.OnlySecond)
	if discordant < fewDiscordant && isWhole {
		_, midP := exactMcNemar(p.OnlyFirst, p.OnlySecond)
		return Test{z, 0, midP, methodMidPMcNemar}, nil
	}
	return Test{z, 1, normalTwoSidedP(z), methodMcNemar}, nil
}

// exactMcNemar returns the two-sided exact p and its mid-P for two whole numbers of discordant pairs.
func exactMcNemar(onlyFirst, onlySecond float64) (exact, midP float64) {
	larger := max(onlyFirst, onlySecond)
	atLeast, _, equal := fairTails(larger, onlyFirst+onlySecond)
	return min(2*atLeast, 1), min(2*atLeast-equal, 1)
}

// PairedDifference returns the interval of the share of the first minus the share of the second, picked by
// the same persons; bounds in [-1, 1]. It squares and adds the two Wilson intervals less their
// correlation phi, which is corrected for continuity where positive.
// Source: Newcombe (1998), Stat. Med. 17:2635-2650, method 10.
func PairedDifference(p Pairs, level float64) (Interval, error) {
	if err := p.check("PairedDifference"); err != nil {
		return Interval{}, err
	}
	if err := checkLevel("PairedDifference", level); err != nil {
		return Interval{}, err
	}
	n, z := p.N(), normalTwoSided(level)
	first := Proportion{p.Both + p.OnlyFirst, n}
	second := Proportion{p.Both + p.OnlySecond, n}
	return squareAndAdd(first.Share(), wilson(first, z), second.Share(), wilson(second, z), p.phi()), nil
}

// phi is the correlation of the two picks as method 10 wants it; 0 where a margin is empty. The product of
// the four margins is taken as a product of roots: it passes the range of 64-bit integers at 55,000 persons.
func (p Pairs) phi() float64 {
	n := p.N()
	first, second := p.Both+p.OnlyFirst, p.Both+p.OnlySecond
	margins := math.Sqrt(first) * math.Sqrt(n-first) * math.Sqrt(second) * math.Sqrt(n-second)
	if margins == 0 {
		return 0
	}
	excess := p.Both*p.Neither - p.OnlyFirst*p.OnlySecond
	if excess > 0 {
		excess = max(excess-n/2, 0)
	}
	return min(max(excess/margins, -1), 1)
}

// indexed names one entry of a list argument.
func indexed(argument string, i int) string { return fmt.Sprintf("%s[%d]", argument, i) }
