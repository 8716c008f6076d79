package fieldwork

import (
	"math"
)

// Early says why nothing can be said yet of how many will answer in the end.
type Early string

// Why it is too early to tell. NotEarly is that it is not.
const (
	NotEarly      Early = ""
	TooFewDays    Early = "too_few_days"
	TooFewAnswers Early = "too_few_answers"
	NotSlowing    Early = "not_slowing" // as many come a day as at the beginning: no end can be seen
)

// What a projection needs at least.
const (
	projectionDays    = 4
	projectionAnswers = 20
)

// Course is how a wave went so far.
type Course struct {
	Days      []int // how many finished on each day since the launch, whole days only; at least one for each day
	Invited   int   // how many could have; 0 is not known, as with an open link
	Remaining int   // days that answers are still taken, after those; below 0 is that no end is set
}

// Projection is how many will have answered when a wave ends, if nobody is reminded in between.
type Projection struct {
	Expected  int
	Low, High int   // with 95 % confidence, as far as the days to come are like those before
	Early     Early // why there is none, and all else is zero
	Method    string
}

// Project says how many will have answered in the end. It takes it that each day brings a constant part less than
// the one before, and estimates that part from the days so far (maximum likelihood for a truncated geometric
// distribution). The interval holds the doubt about that part, and what days differ by chance and by weekends
// beyond it. A reminder brings a new wave of answers that no curve so far can tell of.
func Project(c Course) Projection {
	days, n, sum := len(c.Days), 0, 0.0
	for at, finished := range c.Days {
		n += finished
		sum += float64(at+1) * float64(finished)
	}
	switch {
	case days < projectionDays:
		return Projection{Early: TooFewDays}
	case n < projectionAnswers:
		return Projection{Early: TooFewAnswers}
	}
	theta := fitDecay(sum/float64(n), days)
	_, variance := truncated(theta, days)
	spread := overdispersion(c.Days, theta, n)
	doubt := math.Sqrt(spread / (float64(n) * variance)) // of theta
	const z95, chi90 = 1.959964, 2.705543
	// The likelihood ratio against days that are all alike.
	if gain := float64(n) * (theta*(sum/float64(n)-1) - math.Log(weightOf(theta, days)/float64(days))); theta >= 0 || 2*gain < chi90*spread {
		return Projection{Early: NotSlowing}
	}
	future := func(theta float64) float64 { return float64(n) * coming(theta, days, c.Remaining) }
	more := future(theta)
	step := doubt / 100
	slope := (future(theta+step) - future(theta-step)) / (2 * step)
	// Of the part, of how many there were to come, and of those who come.
	deviation := math.Sqrt(slope*slope*doubt*doubt + spread*more*more/float64(n) + spread*more)
	low, high := more, more
	if more > 0 {
		root := math.Sqrt(more) // on this scale counts vary alike, few or many
		reach := z95 * deviation / (2 * root)
		low, high = max(root-reach, 0), root+reach
		low, high = low*low, high*high
	}
	most := math.Inf(1)
	if c.Invited > 0 {
		most = float64(max(c.Invited, n))
	}
	whole := func(more float64) int { return int(math.Round(min(float64(n)+more, most, math.MaxInt32))) }
	return Projection{Expected: whole(more), Low: whole(low), High: whole(high), Method: "geometric decay by day"}
}

// truncated returns mean and variance of the day 1..days on which an answer comes, when the chance of each day is
// exp(theta) times that of the one before.
func truncated(theta float64, days int) (mean, variance float64) {
	total, first, second := 0.0, 0.0, 0.0
	weight := 1.0
	for day := 1; day <= days; day++ {
		total += weight
		first += weight * float64(day)
		second += weight * float64(day) * float64(day)
		weight *= math.Exp(theta)
	}
	mean = first / total
	return mean, second/total - mean*mean
}

// weightOf returns the sum of the chances of the days, where the first has the chance 1.
func weightOf(theta float64, days int) float64 {
	total := 0.0
	for day := range days {
		total += math.Exp(theta * float64(day))
	}
	return total
}

// fitDecay returns the theta whose mean day is the one that was seen: the maximum likelihood estimate.
func fitDecay(mean float64, days int) float64 {
	low, high := -10.0, 1.0 // everybody on the first day; more every day
	for range 100 {
		middle := (low + high) / 2
		if m, _ := truncated(middle, days); m < mean {
			low = middle
		} else {
			high = middle
		}
	}
	return (low + high) / 2
}

// coming returns how many answers come in the days that remain, for each that came so far.
func coming(theta float64, days, remaining int) float64 {
	q := math.Exp(theta)
	if q >= 1 {
		return math.Inf(1)
	}
	so, rest := 1-math.Pow(q, float64(days)), math.Pow(q, float64(days))
	if remaining >= 0 {
		rest -= math.Pow(q, float64(days+remaining))
	}
	return rest / so
}

// overdispersion is by how much days differ more than chance alone would have it, at least 1: Pearson's
// chi-square by its degrees of freedom.
func overdispersion(days []int, theta float64, n int) float64 {
	total, chi2 := weightOf(theta, len(days)), 0.0
	for day, finished := range days {
		expected := float64(n) * math.Exp(theta*float64(day)) / total
		if expected > 0 {
			d := float64(finished) - expected
			chi2 += d * d / max(expected, 1) // a day on which hardly anybody is expected says little
		}
	}
	return max(1, chi2/float64(len(days)-2))
}
