package storetest

import (
	"encoding/json"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"cxmirror/pkg/survey"
)

// History is what truly happened in one anonymous wave.
type History struct {
	Wave     survey.WaveID
	Segment  survey.ItemCode   // what both invitations and published responses tell of people
	Finished []string          // invitations, in the order in which they finished
	Class    map[string]string // by invitation, the value of Segment
	Response map[string]string // by invitation, the id of what was published of it
	Steps    []PublishedStep
}

// PublishedStep is one publication.
type PublishedStep struct {
	Finished  int      // how many had finished before it
	Responses []string // ids of what it published
}

// likely returns another history that tells the same: by invitation, the response. Chance decides who of those
// that had finished is published in a step, and with which of its responses.
func (h *History) likely(random *rand.Rand) map[string]string {
	classOf := map[string]string{} // of responses
	for invitation, response := range h.Response {
		classOf[response] = h.Class[invitation]
	}
	pairs := map[string]string{}
	waiting := map[string][]string{}
	finished := 0
	for _, step := range h.Steps {
		for ; finished < step.Finished; finished++ {
			id := h.Finished[finished]
			waiting[h.Class[id]] = append(waiting[h.Class[id]], id)
		}
		for _, response := range step.Responses {
			of := waiting[classOf[response]]
			i := random.IntN(len(of))
			pairs[of[i]] = response
			waiting[classOf[response]] = slices.Delete(of, i, i+1)
		}
	}
	return pairs
}

// An attack names a way to pair, and says which response each invitation gave.
type attack map[string]map[string]string

// attacks returns all guesses of the attacker about one wave.
func attacks(dump []Row, h *History, known map[string]func(id string) int) attack {
	wave := sortable(int64(h.Wave))
	byTable := map[string][]Row{}
	for _, row := range dump {
		if row.Live && row.Values["wave_id"] == wave && (row.Table != "invitations" || row.Values["finished"] == "true" || row.Values["finished"] == sortable(int64(1))) {
			byTable[row.Table] = append(byTable[row.Table], row)
		}
	}
	guesses := attack{}
	// Ranks, within each class.
	orders := func(table string) map[string]func(a, b Row) int {
		by := map[string]func(a, b Row) int{
			"place on the disk": func(a, b Row) int {
				return strings.Compare(a.Values["mark_page"]+a.Values["mark_line"], b.Values["mark_page"]+b.Values["mark_line"])
			},
		}
		for column := range byTable[table][0].Values {
			by[column] = func(a, b Row) int { return strings.Compare(a.Values[column], b.Values[column]) }
		}
		for name, at := range known {
			by[name] = func(a, b Row) int { return at(a.Values["id"]) - at(b.Values["id"]) }
		}
		return by
	}
	class := func(row Row) string {
		var attributes map[string]string
		_ = json.Unmarshal([]byte(row.Values["attributes"]), &attributes)
		return attributes[string(h.Segment)]
	}
	classes := slices.Compact(slices.Sorted(maps.Values(h.Class)))
	for a, byA := range orders("invitations") {
		for b, byB := range orders("responses") {
			forwards, backwards := map[string]string{}, map[string]string{}
			for _, of := range classes {
				isOf := func(row Row) bool { return class(row) != of }
				people, answers := slices.DeleteFunc(slices.Clone(byTable["invitations"]), isOf), slices.DeleteFunc(slices.Clone(byTable["responses"]), isOf)
				slices.SortStableFunc(people, byA)
				slices.SortStableFunc(answers, byB)
				for i := range min(len(people), len(answers)) {
					forwards[people[i].Values["id"]] = answers[i].Values["id"]
					backwards[people[i].Values["id"]] = answers[len(answers)-1-i].Values["id"]
				}
			}
			guesses["rank by "+a+" and "+b] = forwards
			guesses["rank by "+a+" and "+b+" backwards"] = backwards
		}
	}
	guesses["equal values"] = joined(byTable["invitations"], byTable["responses"], dump)
	return guesses
}

// joined pairs each invitation with the response that it has most in common with, directly or through any one row
// of the database. A value counts for the less the more rows have it.
func joined(people, answers, dump []Row) map[string]string {
	ids := make(map[string]bool)
	for _, row := range append(slices.Clone(people), answers...) {
		ids[row.Values["id"]] = true
	}
	values := func(row Row) []string {
		var all []string
		for column, value := range row.Values {
			if value == "" || strings.HasPrefix(column, "mark_p") || strings.HasPrefix(column, "mark_l") || column == "mark_rowid" {
				continue // places are ranks, not values
			}
			all = append(all, value)
			if column == "raw" { // bytes of a dead row: the ids that stand in them
				for id := range ids {
					if strings.Contains(value, id) {
						all = append(all, id)
					}
				}
			}
		}
		slices.Sort(all)
		return slices.Compact(all)
	}
	frequency := func(rows []Row) map[string]float64 {
		n := map[string]float64{}
		for _, row := range rows {
			for _, v := range values(row) {
				n[v]++
			}
		}
		return n
	}
	ofPeople, ofAnswers := frequency(people), frequency(answers)
	score := make([][]float64, len(people))
	for i := range people {
		score[i] = make([]float64, len(answers))
	}
	holders := func(rows []Row) map[string][]int {
		by := map[string][]int{}
		for i, row := range rows {
			for _, v := range values(row) {
				by[v] = append(by[v], i)
			}
		}
		return by
	}
	peopleWith, answersWith := holders(people), holders(answers)
	for v, some := range peopleWith {
		for _, i := range some {
			for _, j := range answersWith[v] {
				score[i][j] += 1 / (ofPeople[v] * ofAnswers[v])
			}
		}
	}
	for _, row := range dump {
		toPeople, toAnswers := map[int]float64{}, map[int]float64{}
		for _, v := range values(row) {
			for _, i := range peopleWith[v] {
				toPeople[i] += 1 / ofPeople[v]
			}
			for _, j := range answersWith[v] {
				toAnswers[j] += 1 / ofAnswers[v]
			}
		}
		for i, a := range toPeople {
			for j, b := range toAnswers {
				score[i][j] += a * b / 100
			}
		}
	}
	guess := map[string]string{}
	for i, person := range people {
		best := 0
		for j := range answers {
			if score[i][j] > score[i][best]+1e-9 {
				best = j
			}
		}
		guess[person.Values["id"]] = answers[best].Values["id"]
	}
	return guess
}

// hits counts how often a guess is right.
func hits(guess, truth map[string]string) (n int) {
	for invitation, response := range guess {
		if truth[invitation] == response {
			n++
		}
	}
	return n
}

// poissonTail is the chance that a Poisson number with a mean is n or more.
func poissonTail(n int, mean float64) float64 {
	if n <= 0 {
		return 1
	}
	below, term := 0.0, math.Exp(-mean)
	for i := range n {
		if i > 0 {
			term *= mean / float64(i)
		}
		below += term
	}
	if tail := 1 - below; tail > 1e-12 {
		return tail
	}
	tail := 0.0 // small tails are lost in 1 - below
	logTerm := float64(n)*math.Log(mean) - mean
	for i := 2; i <= n; i++ {
		logTerm -= math.Log(float64(i))
	}
	for i, term := n, math.Exp(logTerm); i < n+1000 && term > 0; i++ {
		tail += term
		term *= mean / float64(i+1)
	}
	return tail
}

// Attempt is how far an attacker gets.
type Attempt struct {
	Best     string  // the attack that does best
	Hits     int     // how many answers it ties to who gave them
	Expected float64 // how many a guess that knows only what steps tell ties
	P        float64 // the chance of as many hits or more, times the number of attacks
}

// Attack attacks waves, in one database, with everything there is: every order of invitations against every order of
// responses, forwards and backwards, and equal values, directly or through any row. orders are what the attacker
// knows beside the rows, such as where an id stands in a file: by name, a number for each id.
func Attack(tb testing.TB, dump []Row, waves []*History, orders map[string]func(id string) int, random *rand.Rand) Attempt {
	tb.Helper()
	const likely = 100
	got, chance := map[string]int{}, map[string]float64{}
	for _, h := range waves {
		guesses := attacks(dump, h, orders)
		for name, guess := range guesses {
			got[name] += hits(guess, h.Response)
		}
		for range likely {
			other := h.likely(random)
			for name, guess := range guesses {
				chance[name] += float64(hits(guess, other)) / likely
			}
		}
	}
	best := Attempt{P: math.Inf(1)}
	for name, n := range got {
		if tail := poissonTail(n, max(chance[name], 0.5)) * float64(len(got)); tail < best.P {
			best = Attempt{name, n, chance[name], tail}
		}
	}
	tb.Logf("%d attacks on %d waves; the best, %s: %d hits where chance has %.1f", len(got), len(waves), best.Best, best.Hits, best.Expected)
	return best
}
