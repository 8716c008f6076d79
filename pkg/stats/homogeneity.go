package stats

import (
	"fmt"
	"math"
)

const methodRaoScott = "second-order Rao-Scott"

// PooledChiSquare returns Pearson's chi-square for the shares of one item in two or more independent groups
// (groups by picked or not); for two groups it is the square of the pooled z. This is the per-item statistic
// of [HomogeneityTest]. It is 0 when everybody or nobody picked the item.
func PooledChiSquare(groups ...Proportion) (float64, error) {
	const function = "PooledChiSquare"
	if len(groups) < 2 {
		return 0, &ArgumentError{function, "groups", float64(len(groups)), "at least 2"}
	}
	var successes, trials float64
	for i, g := range groups {
		checked, err := g.checked(function, indexed("groups", i))
		if err != nil {
			return 0, err
		}
		successes += checked.Successes
		trials += checked.Trials
	}
	pooled := successes / trials
	variance := pooled * (1 - pooled)
	if variance == 0 {
		return 0, nil
	}
	var sum float64
	for _, g := range groups {
		d := g.Share() - pooled
		sum += g.Trials * d * d / variance
	}
	return sum, nil
}

// SumSquaredCorrelations returns the sum of all squared entries of the correlation matrix of picks, its
// diagonal included, over all respondents of all groups; and the items that vary. both[i][j] is the number
// (or weight) of respondents who picked i and j, both[i][i] of those who picked i, respondents the number
// (or weight) of all. Items that everybody or nobody picked have no correlation: they are left out of the
// sum and of varying, and must be left out of the statistics given to [HomogeneityTest] too.
func SumSquaredCorrelations(both [][]float64, respondents float64) (sum float64, varying []int, err error) {
	const function = "SumSquaredCorrelations"
	if !finite(respondents) || respondents <= 0 {
		return 0, nil, &ArgumentError{function, "respondents", respondents, "a finite number above 0"}
	}
	for i, row := range both {
		if err := checkLength(function, indexed("both", i), len(row), len(both)); err != nil {
			return 0, nil, err
		}
		for j, v := range row {
			if !(v >= 0 && v <= respondents*(1+1e-9)) || math.Abs(v-both[j][i]) > 1e-9*respondents {
				return 0, nil, &ArgumentError{function, fmt.Sprintf("both[%d][%d]", i, j), v, "a symmetric table of numbers in [0, respondents]"}
			}
		}
		if share := row[i] / respondents; share > 0 && share < 1 {
			varying = append(varying, i)
		}
	}
	for _, i := range varying {
		p := both[i][i] / respondents
		for _, j := range varying {
			if i == j {
				sum++
				continue
			}
			q := both[j][j] / respondents
			covariance := both[i][j]/respondents - p*q
			sum += covariance * covariance / (p * (1 - p) * q * (1 - q))
		}
	}
	return sum, varying, nil
}

// HomogeneityTest is the one test that groups answer a whole pick-several question alike. z2 holds the
// statistic of each of J items that vary ([PooledChiSquare]; with weights the squared z of the
// design-based comparison), sumSquaredCorrelations their correlations ([SumSquaredCorrelations]), groups
// the number of groups. Because picks are correlated, X² = Σ z2 is referred as X²·J/s to chi-square on
// (groups-1)·J²/s degrees of freedom. Without any item that varies P is 1.
//
// It decides about the list; which items differ is decided item by item with [Holm], and either may find
// something where the other does not.
// Source: second-order Rao & Scott (1984) as in Bilder & Loughin (2004), Biometrics 60:241-248, with the
// correlations pooled over groups.
func HomogeneityTest(z2 []float64, sumSquaredCorrelations float64, groups int) (Test, error) {
	const function = "HomogeneityTest"
	if groups < 2 {
		return Test{}, &ArgumentError{function, "groups", float64(groups), "at least 2"}
	}
	var sum float64
	for i, v := range z2 {
		if !finite(v) || v < 0 {
			return Test{}, &ArgumentError{function, indexed("z2", i), v, "a finite number of at least 0"}
		}
		sum += v
	}
	items := float64(len(z2))
	if items == 0 {
		return Test{0, 0, 1, methodRaoScott}, nil
	}
	// J for uncorrelated items, J² for items that are all the same.
	if !(sumSquaredCorrelations >= items*(1-1e-9) && sumSquaredCorrelations <= items*items*(1+1e-9)) {
		return Test{}, &ArgumentError{function, "sumSquaredCorrelations", sumSquaredCorrelations, fmt.Sprintf("a number between %v and %v for %v items", items, items*items, items)}
	}
	statistic := sum * items / sumSquaredCorrelations
	df := float64(groups-1) * items * items / sumSquaredCorrelations
	return Test{statistic, df, chiSquareUpper(statistic, df), methodRaoScott}, nil
}
