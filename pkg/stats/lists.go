package stats

import (
	"fmt"
	"math"
)

// TauB returns Kendall's tau-b of two rankings of the same items, in [-1, 1]: a[i] and b[i] are the ranks of
// item i, equal ranks are ties. It is [ErrUndefined] when one of them is tied throughout. Ranks are compared,
// not added: any whole numbers of at least 1 will do.
// Source: Kendall (1945), Biometrika 33:239-251.
func TauB(a, b []int) (float64, error) {
	if err := checkRanks("TauB", a, b); err != nil {
		return 0, err
	}
	var score, untiedA, untiedB float64
	for i := range a {
		for j := range i {
			x, y := sign(a[i]-a[j]), sign(b[i]-b[j])
			score += x * y
			untiedA += x * x
			untiedB += y * y
		}
	}
	if untiedA == 0 || untiedB == 0 {
		return 0, fmt.Errorf("tau-b of a list tied throughout: %w", ErrUndefined)
	}
	return score / math.Sqrt(untiedA*untiedB), nil
}

// TauX returns the extended rank correlation of Emond and Mason of two rankings of the same items, in
// [-1, 1]. It reads a tie as a statement that two items are equal, where [TauB] reads it as ignorance, and is
// defined for lists tied throughout; it needs at least two items. Arguments as for [TauB].
// Source: Emond & Mason (2002), J. Multi-Crit. Decis. Anal. 11:17-28.
func TauX(a, b []int) (float64, error) {
	if err := checkRanks("TauX", a, b); err != nil {
		return 0, err
	}
	if len(a) < 2 {
		return 0, fmt.Errorf("tau-x of fewer than two items: %w", ErrUndefined)
	}
	ahead := func(ranks []int, i, j int) int {
		if ranks[i] <= ranks[j] { // ahead of it, or tied with it
			return 1
		}
		return -1
	}
	score := 0
	for i := range a {
		for j := range a {
			if i != j {
				score += ahead(a, i, j) * ahead(b, i, j)
			}
		}
	}
	return float64(score) / float64(len(a)*(len(a)-1)), nil
}

// OverlapAt returns how much of the first n places two rankings of the same items share, in [0, 1]: the number
// of items that are among the first n of both, divided by the length of the longer of the two lists. A list
// is longer than n where a tie crosses its edge: with ranks 1, 2, 3, 3 the first three are four items, since
// breaking the tie would be a guess. With n at or above the number of items everything is in both, and the
// overlap is 1. Competition ranks, as for [TauB]; n at least 1.
func OverlapAt(a, b []int, n int) (float64, error) {
	if err := checkRanks("OverlapAt", a, b); err != nil {
		return 0, err
	}
	if n < 1 {
		return 0, &ArgumentError{"OverlapAt", "n", float64(n), "at least 1"}
	}
	var inA, inB, inBoth int
	for i := range a {
		first, second := a[i] <= n, b[i] <= n
		switch {
		case first && second:
			inA, inB, inBoth = inA+1, inB+1, inBoth+1
		case first:
			inA++
		case second:
			inB++
		}
	}
	if inA == 0 && inB == 0 {
		return 0, fmt.Errorf("overlap of empty lists: %w", ErrUndefined)
	}
	return float64(inBoth) / float64(max(inA, inB)), nil
}

// checkRanks refuses rankings of different length and ranks below 1.
func checkRanks(function string, a, b []int) error {
	if err := checkLength(function, "b", len(b), len(a)); err != nil {
		return err
	}
	for i := range a {
		if a[i] < 1 {
			return &ArgumentError{function, indexed("a", i), float64(a[i]), "a rank, at least 1"}
		}
		if b[i] < 1 {
			return &ArgumentError{function, indexed("b", i), float64(b[i]), "a rank, at least 1"}
		}
	}
	return nil
}

func sign(v int) float64 {
	switch {
	case v < 0:
		return -1
	case v > 0:
		return 1
	default:
		return 0
	}
}
