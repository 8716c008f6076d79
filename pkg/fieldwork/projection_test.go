package fieldwork

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestProject(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		course Course
		want   Projection
	}{
		// 100, 50, 25, 12.5 ... of which the sum is 200, and 6.25 + 3.125 in two more days.
		{"halves", Course{Days: []int{800, 400, 200, 100}, Remaining: -1}, Projection{Expected: 1600}},
		{"halves, two more days", Course{Days: []int{800, 400, 200, 100}, Remaining: 2}, Projection{Expected: 1575}},
		{"it is over", Course{Days: []int{800, 400, 200, 100}}, Projection{Expected: 1500, Low: 1500, High: 1500}},
		{"no more than were invited", Course{Days: []int{800, 400, 200, 100}, Invited: 1550, Remaining: -1}, Projection{Expected: 1550, High: 1550}},
		{"three days", Course{Days: []int{800, 400, 200}}, Projection{Early: TooFewDays}},
		{"nineteen answers", Course{Days: []int{10, 5, 3, 1}}, Projection{Early: TooFewAnswers}},
		{"nobody", Course{Days: make([]int, 30)}, Projection{Early: TooFewAnswers}},
		{"as many each day", Course{Days: []int{50, 52, 49, 50, 51}}, Projection{Early: NotSlowing}},
		{"more each day", Course{Days: []int{10, 20, 40, 80}}, Projection{Early: NotSlowing}},
		{"no days", Course{}, Projection{Early: TooFewDays}},
		{"all on the first day", Course{Days: []int{300, 0, 0, 0, 0}, Remaining: 5}, Projection{Expected: 300, Low: 300, High: 301}},
	}
	for _, tt := range tests {
		got := Project(tt.course)
		n := 0
		for _, day := range tt.course.Days {
			n += day
		}
		if got.Early != tt.want.Early || math.Abs(float64(got.Expected-tt.want.Expected)) > 1 ||
			tt.want.Low > 0 && got.Low != tt.want.Low || tt.want.High > 0 && got.High != tt.want.High {
			t.Errorf("%s: got %+v; want %+v", tt.name, got, tt.want)
		}
		if got.Early == NotEarly && (got.Low < n || got.Low > got.Expected || got.Expected > got.High) {
			t.Errorf("%s: %d to %d about %d, of %d already there", tt.name, got.Low, got.High, got.Expected, n)
		}
	}
}

// In simulated waves the interval holds the number that answers in the end: in 95 of 100 where days follow the
// curve, and in most where nobody answers at weekends.
func TestProjectionHolds(t *testing.T) {
	t.Parallel()
	poisson := func(mean float64, random *rand.Rand) int {
		n, p := -1, 1.0
		for limit := math.Exp(-mean); p > limit; n++ {
			p *= random.Float64()
		}
		return n
	}
	tests := []struct {
		name    string
		weekend float64 // how many of a usual day
		atLeast int     // of 1000
	}{{"every day alike", 1, 915}, {"quiet weekends", 0.2, 800}}
	for _, tt := range tests {
		held, told := 0, 0
		for seed := range uint64(2000) {
			random := seeded(seed)
			first, q, start := 20+80*random.Float64(), 0.6+0.25*random.Float64(), random.IntN(7)
			before, after := 5+random.IntN(6), random.IntN(10)
			var days []int
			final := 0
			for day := range before + after {
				mean := first * math.Pow(q, float64(day))
				if (start+day)%7 >= 5 {
					mean *= tt.weekend
				}
				n := poisson(mean, random)
				final += n
				if day < before {
					days = append(days, n)
				}
			}
			got := Project(Course{Days: days, Remaining: after})
			if got.Early != NotEarly {
				continue
			}
			told++
			if got.Low <= final && final <= got.High {
				held++
			}
		}
		t.Logf("%s: held in %d of %d", tt.name, held, told)
		if told < 1000 || held*1000 < tt.atLeast*told {
			t.Errorf("%s: the interval held the final number in %d of %d waves", tt.name, held, told)
		}
	}
}
