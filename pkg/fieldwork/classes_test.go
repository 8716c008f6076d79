package fieldwork

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// company draws people of a company as there are: a few large departments and many small ones, one manager
// among ten, locations that go with departments, two languages of which one is rare.
func company(n int, random *rand.Rand) []profile {
	departments := 1 + random.IntN(12)
	people := make([]profile, n)
	for i := range people {
		department := int(float64(departments) * math.Pow(random.Float64(), 2)) // some are small
		level, language := "staff", "pl"
		if random.IntN(10) == 0 {
			level = "manager"
		}
		if random.IntN(15) == 0 {
			language = "uk"
		}
		people[i] = profile{fmt.Sprint("d", department), level, fmt.Sprint("l", (department+random.IntN(2))%4), language}
		if random.IntN(20) == 0 {
			people[i][random.IntN(3)] = "" // did not say
		}
	}
	return people
}

func TestCoarsenHidesEverybodyAmongK(t *testing.T) {
	t.Parallel()
	for seed := range uint64(400) {
		random := seeded(seed)
		n, k := random.IntN(300), 1+random.IntN(10)
		people := company(n, random)
		visible := coarsen(people, k, random)
		if n < k || n == 0 {
			if visible != nil {
				t.Fatalf("seed %d: %d people with a threshold of %d are shown as %v", seed, n, k, visible)
			}
			continue
		}
		classes := map[string]int{}
		for i, p := range visible {
			classes[p.key()]++
			for at := range p {
				if p[at] != "" && p[at] != people[i][at] {
					t.Fatalf("seed %d: %v is shown as %v", seed, people[i], p)
				}
			}
		}
		for key, size := range classes {
			if size < k {
				t.Errorf("seed %d: %d people are shown as %q; the threshold is %d", seed, size, key, k)
			}
		}
		whole := map[string]int{}
		for _, p := range people {
			whole[p.key()]++
		}
		lost, borrowed := 0, 0
		for i, p := range visible {
			if whole[people[i].key()] >= k && p.key() != people[i].key() {
				borrowed++
			}
			if p.key() != people[i].key() {
				lost++
			}
		}
		if smallest := slices.Min(append(slices.Collect(maps.Values(whole)), n)); smallest >= k && lost > 0 {
			t.Errorf("seed %d: all classes are large enough, and %d people lost a segment", seed, lost)
		}
		if largest := slices.Max(slices.Collect(maps.Values(whole))); borrowed > max(2*k, largest) {
			t.Errorf("seed %d: %d people of classes that are large enough gave up segments for others", seed, borrowed)
		}
	}
}

func TestCoarsen(t *testing.T) {
	t.Parallel()
	of := func(lists ...string) []profile { // "5 sales staff": five of them; - is not known
		var people []profile
		for _, list := range lists {
			words := strings.Fields(list)
			n := 0
			if _, err := fmt.Sscan(words[0], &n); err != nil {
				t.Fatal(err)
			}
			for range n {
				p := profile(slices.Clone(words[1:]))
				for i := range p {
					p[i] = strings.Trim(p[i], "-")
				}
				people = append(people, p)
			}
		}
		return people
	}
	tests := []struct {
		name   string
		people []profile
		want   string // sorted
	}{
		{"large enough", of("5 sales staff", "7 it staff"), "7 it staff, 5 sales staff"},
		{"the last is given up first", of("5 sales staff", "3 it staff", "3 it manager"), "6 it -, 5 sales staff"},
		{
			"managers stay managers rather than nobody", of("9 sales staff", "2 sales manager", "9 it staff", "2 it manager", "2 law manager"),
			"6 - manager, 9 it staff, 9 sales staff",
		},
		{"who is left joins a class that gave up the same", of("4 sales a", "4 sales b", "1 sales c", "6 it a"), "6 it a, 9 sales -"},
		{"the last ones are joined by some of many", of("20 sales staff", "2 it manager"), "5 - -, 17 sales staff"},
		{"or by all of the smallest class", of("6 sales staff", "5 hr staff", "2 it manager"), "7 - -, 6 sales staff"},
		{"fewer than k in all", of("2 sales staff", "2 it staff"), ""},
		{"nobody", nil, ""},
		{"what was not said is a class", of("5 - staff", "5 it staff"), "5 - staff, 5 it staff"},
		{"no segments at all", []profile{{}, {}, {}, {}, {}}, "5"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			counts := map[string]int{}
			for _, p := range coarsen(tt.people, 5, seeded(1)) {
				words := ""
				for _, value := range p {
					if value == "" {
						value = "-"
					}
					words += " " + value
				}
				counts[words]++
			}
			var got []string
			for _, words := range slices.Sorted(maps.Keys(counts)) {
				got = append(got, fmt.Sprint(counts[words], words))
			}
			if strings.Join(got, ", ") != tt.want {
				t.Errorf("got  %s\nwant %s", strings.Join(got, ", "), tt.want)
			}
		})
	}
}

// BenchmarkCoarsen makes classes of 100,000 people with eight segments, most of whom are alone with theirs.
func BenchmarkCoarsen(b *testing.B) {
	random := seeded(1)
	people := make([]profile, 100_000)
	for i := range people {
		people[i] = make(profile, 8)
		for at := range people[i] {
			people[i][at] = fmt.Sprint(random.IntN(12))
		}
	}
	for b.Loop() {
		coarsen(people, 5, random)
	}
}

// Whatever the order in which people finish, and however often somebody looks whether a step is due: every step
// adds at least k of each class that it adds to, nobody is published twice, and after the closing all are
// published unless fewer than k were left.
func TestSteps(t *testing.T) {
	t.Parallel()
	for seed := range uint64(300) {
		random := seeded(seed)
		k := 2 + random.IntN(8)
		people := company(random.IntN(400), random)
		published, left := map[int]int{}, map[string]int{}
		var waiting []int
		look := func() {
			profiles := make([]profile, len(waiting))
			for i, person := range waiting {
				profiles[i] = people[person]
			}
			chosen := step(profiles, k, random)
			added := map[string]int{}
			for _, at := range chosen {
				published[waiting[at]]++
				added[profiles[at].key()]++
			}
			slices.Sort(chosen)
			for _, at := range slices.Backward(chosen) {
				waiting = slices.Delete(waiting, at, at+1)
			}
			clear(left)
			for _, person := range waiting {
				left[people[person].key()]++
			}
			for class, n := range added {
				if n < k || left[class] != k {
					t.Fatalf("seed %d: a step adds %d of %q and leaves %d; the threshold is %d", seed, n, class, left[class], k)
				}
			}
		}
		for person := range people {
			waiting = append(waiting, person)
			if random.IntN(3) == 0 {
				look()
			}
		}
		look()
		for class, n := range left {
			if n >= 2*k {
				t.Errorf("seed %d: %d of %q still wait; a step was due at %d", seed, n, class, 2*k)
			}
		}
		for person, times := range published {
			if times != 1 {
				t.Errorf("seed %d: person %d was published %d times", seed, person, times)
			}
		}
		if len(published)+len(waiting) != len(people) {
			t.Errorf("seed %d: %d published and %d waiting of %d", seed, len(published), len(waiting), len(people))
		}
	}
}

// Who is published, and in what order, follows from the draw alone: of 10 people of one class and a threshold of
// 5, everybody is published in half of the draws and stands at every place equally often, whenever she finished.
func TestStepIsADraw(t *testing.T) {
	t.Parallel()
	const draws, n, k = 4000, 10, 5
	people := make([]profile, n)
	for i := range people {
		people[i] = profile{"sales"}
	}
	places := [n][k]int{} // by order of arrival
	for seed := range uint64(draws) {
		for place, person := range step(people, k, seeded(seed)) {
			places[person][place]++
		}
	}
	// 50 cells of 400 each; the chi-square has 45 degrees of freedom (each place is taken in every draw), and is
	// above 80.1 once in a thousand times. The seeds are the same in every run.
	chi2 := 0.0
	for _, places := range places {
		for _, times := range places {
			d := float64(times) - draws/n
			chi2 += d * d / (draws / n)
		}
	}
	if chi2 > 80.1 {
		t.Errorf("chi-square %.1f; want at most 80.1: %v", chi2, places)
	}
}

func TestStepSize(t *testing.T) {
	t.Parallel()
	tests := []struct {
		waiting, k int
		closing    bool
		want       int
	}{
		{0, 5, false, 0},
		{5, 5, false, 0},
		{9, 5, false, 0},
		{10, 5, false, 5},
		{23, 5, false, 18},
		{0, 5, true, 0},
		{4, 5, true, 0},
		{5, 5, true, 5},
		{9, 5, true, 9},
		{23, 5, true, 23},
	}
	for _, tt := range tests {
		if got := stepSize(tt.waiting, tt.k, tt.closing); got != tt.want {
			t.Errorf("stepSize(%d, %d, %v) = %d; want %d", tt.waiting, tt.k, tt.closing, got, tt.want)
		}
	}
}
