package stats

import (
	"cmp"
	"math"
	"slices"
)

// Holm returns Holm's adjusted p-values in the order of p: rejecting those below α keeps the probability of
// any false rejection below α, whatever the dependence. NaN is a comparison that was not made: it stays NaN
// and does not count. Any other value outside [0, 1] is an error.
// Source: Holm (1979), Scand. J. Stat. 6:65-70.
func Holm(p []float64) ([]float64, error) {
	order, err := ascending("Holm", p)
	if err != nil {
		return nil, err
	}
	adjusted := slices.Clone(p)
	largest := 0.0
	for i, index := range order {
		largest = max(largest, float64(len(order)-i)*p[index])
		adjusted[index] = min(largest, 1)
	}
	return adjusted, nil
}

// BenjaminiHochberg returns the adjusted p-values (q-values) in the order of p: of those below q, a share of
// at most q is expected to be false, for tests that are independent or positively dependent. For
// exploring many segments, not for a claim about one item. NaN as in [Holm].
// Source: Benjamini & Hochberg (1995), J. R. Stat. Soc. B 57:289-300.
func BenjaminiHochberg(p []float64) ([]float64, error) {
	order, err := ascending("BenjaminiHochberg", p)
	if err != nil {
		return nil, err
	}
	adjusted := slices.Clone(p)
	smallest := 1.0
	for i, index := range slices.Backward(order) {
		smallest = min(smallest, p[index]*float64(len(order))/float64(i+1))
		adjusted[index] = smallest
	}
	return adjusted, nil
}

// ascending returns the indices of the p-values that are not NaN, smallest p first.
func ascending(function string, p []float64) ([]int, error) {
	order := make([]int, 0, len(p))
	for i, v := range p {
		if math.IsNaN(v) {
			continue
		}
		if v < 0 || v > 1 {
			return nil, &ArgumentError{function, indexed("p", i), v, "a probability in [0, 1], or NaN for no test"}
		}
		order = append(order, i)
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(p[i], p[j]) })
	return order, nil
}
