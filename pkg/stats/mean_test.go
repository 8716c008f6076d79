package stats

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"
)

// sleep is Student's (1908) sleep data as in R's datasets: extra hours after two drugs, the same ten persons.
func sleep() (first, second []float64) {
	return []float64{0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0},
		[]float64{1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4}
}

// The figures are those of R's t.test on the sleep data.
func TestMeansOfSleep(t *testing.T) {
	first, second := sleep()
	a, b := must[Mean](t)(SampleMean(first)), must[Mean](t)(SampleMean(second))
	near(t, "mean", a.Value, 0.75, 1e-12)
	near(t, "variance", a.Variance, 3.200556, 1e-6)

	welch := must[Test](t)(WelchTest(a, b))
	near(t, "t", welch.Statistic, -1.8608, 5e-5)
	near(t, "df", welch.DF, 17.776, 5e-4)
	near(t, "p", welch.P, 0.07939, 5e-6)
	nearInterval(t, "difference", must[Interval](t)(WelchDifference(a, b, 0.95)), [2]float64{-3.3654832, 0.2054832}, 1e-7)

	gaps := make([]float64, len(first))
	for i := range gaps {
		gaps[i] = first[i] - second[i]
	}
	gap := must[Mean](t)(SampleMean(gaps))
	paired := must[Test](t)(MeanTest(gap))
	near(t, "paired t", paired.Statistic, -4.0621, 5e-5)
	near(t, "paired p", paired.P, 0.002833, 5e-7)
	nearInterval(t, "paired difference", must[Interval](t)(MeanInterval(gap, 0.95)), [2]float64{-2.4598858, -0.7001142}, 1e-7)
}

func TestMeanProperties(t *testing.T) {
	first, second := sleep()
	a, b := must[Mean](t)(SampleMean(first)), must[Mean](t)(SampleMean(second))
	test, back := must[Test](t)(WelchTest(a, b)), must[Test](t)(WelchTest(b, a))
	near(t, "swapped t", back.Statistic, -test.Statistic, 1e-12)
	near(t, "swapped p", back.P, test.P, 1e-12)
	i, mirror := must[Interval](t)(WelchDifference(a, b, 0.9)), must[Interval](t)(WelchDifference(b, a, 0.9))
	near(t, "swapped interval", mirror.Low, -i.High, 1e-12)
	if !i.Contains(a.Value - b.Value) {
		t.Errorf("%v does not hold the difference", i)
	}
	slices.Reverse(first)
	reversed := must[Mean](t)(SampleMean(first))
	near(t, "mean of another order", reversed.Value, a.Value, 1e-14)
	near(t, "variance of another order", reversed.Variance, a.Variance, 1e-13)

	// From counts of points as from the answers one by one; far from 0 without loss.
	counted := must[Mean](t)(MeanOfCounts([]float64{1, 2, 3, 4, 5}, []float64{1, 0, 2, 5, 4}))
	single := must[Mean](t)(SampleMean([]float64{1, 3, 3, 4, 4, 4, 4, 4, 5, 5, 5, 5}))
	near(t, "counted mean", counted.Value, single.Value, 1e-14)
	near(t, "counted variance", counted.Variance, single.Variance, 1e-14)
	far := must[Mean](t)(SampleMean([]float64{1e9 + 1, 1e9 + 2, 1e9 + 3}))
	near(t, "variance far from 0", far.Variance, 1, 1e-9)
}

func TestMeanEdges(t *testing.T) {
	same := Mean{4, 0, 10}
	if got := must[Interval](t)(MeanInterval(same, 0.95)); got != (Interval{4, 4}) {
		t.Errorf("interval of equal values %v", got)
	}
	if got := must[Test](t)(WelchTest(same, same)); got.P != 1 {
		t.Errorf("two samples of equal values: %+v", got)
	}
	if _, err := WelchTest(same, Mean{5, 0, 10}); !errors.Is(err, ErrUndefined) {
		t.Errorf("two different constants: error %v, want ErrUndefined", err)
	}
	if _, err := MeanTest(same); !errors.Is(err, ErrUndefined) {
		t.Errorf("a constant against 0: error %v, want ErrUndefined", err)
	}
	if got := must[Test](t)(MeanTest(Mean{0, 0, 5})); got.P != 1 {
		t.Errorf("constant 0: %+v", got)
	}
	if got := must[Interval](t)(WelchDifference(same, Mean{5, 0, 10}, 0.95)); got != (Interval{-1, -1}) {
		t.Errorf("difference of constants %v", got)
	}
	for _, bad := range []Mean{{math.NaN(), 1, 9}, {1, -1, 9}, {1, math.NaN(), 9}, {1, 1, 1}, {1, 1, math.Inf(1)}} {
		_, err := MeanInterval(bad, 0.95)
		refused(t, "MeanInterval", fmt.Sprint(bad), err)
		_, err = MeanTest(bad)
		refused(t, "MeanTest", fmt.Sprint(bad), err)
		_, err = WelchTest(same, bad)
		refused(t, "WelchTest", fmt.Sprint(bad), err)
		_, err = WelchDifference(bad, same, 0.95)
		refused(t, "WelchDifference", fmt.Sprint(bad), err)
	}
	for _, bad := range [][]float64{nil, {1}, {1, math.NaN()}} {
		_, err := SampleMean(bad)
		refused(t, "SampleMean", fmt.Sprint(bad), err)
	}
	for _, bad := range [][2][]float64{{{1, 2}, {3}}, {{1}, {1}}, {{1}, {-3}}, {{math.NaN()}, {3}}} {
		_, err := MeanOfCounts(bad[0], bad[1])
		refused(t, "MeanOfCounts", fmt.Sprint(bad), err)
	}
}
