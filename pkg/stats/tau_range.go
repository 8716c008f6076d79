package stats

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// TauUnderSameness returns the range in which tau-b of two samples lies with probability level when both come
// from one population: what tau to expect of n1 and n2 people who do not differ. shares are the K items'
// shares in that population, covariance is the K by K covariance of one person's answers; n1 and n2 are
// persons, or effective n.
//
// Shares of both samples are drawn draws times from their normal approximation, rounded to whole persons so
// that small samples tie as they do in truth, and ranked. The source makes the result repeatable. It is an
// error if draws is below 20 or K below 2; [ErrUndefined] if every drawn list is tied throughout.
//
// The approximation stands in for permuting the labels of persons, whose cost grows with their number.
func TauUnderSameness(shares []float64, covariance [][]float64, n1, n2, level float64, draws int, source rand.Source) (Interval, error) {
	const function = "TauUnderSameness"
	if len(shares) < 2 {
		return Interval{}, &ArgumentError{function, "length of shares", float64(len(shares)), "at least 2"}
	}
	if err := checkLevel(function, level); err != nil {
		return Interval{}, err
	}
	if draws < 20 {
		return Interval{}, &ArgumentError{function, "draws", float64(draws), "at least 20"}
	}
	for _, n := range []float64{n1, n2} {
		if !finite(n) || n <= 0 {
			return Interval{}, &ArgumentError{function, "n", n, "a finite number above 0"}
		}
	}
	for i, p := range shares {
		if !(p >= 0 && p <= 1) {
			return Interval{}, &ArgumentError{function, indexed("shares", i), p, "a share in [0, 1]"}
		}
	}
	root, err := lowerRoot(function, covariance, len(shares))
	if err != nil {
		return Interval{}, err
	}
	random := rand.New(source)
	taus := make([]float64, 0, draws)
	for range draws {
		tau, err := TauB(drawnRanks(shares, root, n1, random), drawnRanks(shares, root, n2, random))
		if err == nil {
			taus = append(taus, tau)
		}
	}
	if len(taus) == 0 {
		return Interval{}, fmt.Errorf("tau-b of samples in which everything ties: %w", ErrUndefined)
	}
	slices.Sort(taus)
	tail := (1 - level) / 2
	at := func(q float64) float64 { return taus[int(math.Round(q*float64(len(taus)-1)))] }
	return Interval{at(tail), at(1 - tail)}, nil
}

// drawnRanks ranks one sample of n people.
func drawnRanks(shares []float64, root [][]float64, n float64, random *rand.Rand) []int {
	noise := make([]float64, len(shares))
	for i := range noise {
		noise[i] = random.NormFloat64()
	}
	counts := make([]float64, len(shares))
	for i, p := range shares {
		deviation := 0.0
		for j, r := range root[i] {
			deviation += r * noise[j]
		}
		counts[i] = math.Round(min(max(n*p+math.Sqrt(n)*deviation, 0), n))
	}
	return CompetitionRanks(counts)
}

// lowerRoot is the Cholesky factor of a covariance matrix that may be singular, as that of picks of exactly
// three is: a pivot of nothing but rounding errors leaves its column empty.
func lowerRoot(function string, covariance [][]float64, k int) ([][]float64, error) {
	if err := checkLength(function, "covariance", len(covariance), k); err != nil {
		return nil, err
	}
	root := make([][]float64, k)
	for i := range root {
		if err := checkLength(function, indexed("covariance", i), len(covariance[i]), k); err != nil {
			return nil, err
		}
		root[i] = make([]float64, i+1)
		for j := range i + 1 {
			rest := covariance[i][j]
			if !finite(rest) {
				return nil, &ArgumentError{function, cell("covariance", i, j), rest, "a finite number"}
			}
			for m := range j {
				rest -= root[i][m] * root[j][m]
			}
			switch {
			case i == j && rest < -1e-6:
				return nil, &ArgumentError{function, cell("covariance", i, j), covariance[i][j], "a covariance matrix"}
			case i == j:
				root[i][i] = math.Sqrt(max(rest, 0))
			case root[j][j] > 1e-7:
				root[i][j] = rest / root[j][j]
			}
		}
	}
	return root, nil
}
