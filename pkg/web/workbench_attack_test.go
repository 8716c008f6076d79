package web

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"maps"
	"math/bits"
	mathrand "math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"cxmirror/pkg/store"
	"cxmirror/pkg/store/storetest"
	"cxmirror/pkg/survey"
)

const attackedQuestions = `
code: attacked
version: 1
audience: internal
languages: [en]
title: Attacked
items:
  - {code: location, kind: single, background: true, text: Where?, options: [{code: l0, text: l0}, {code: l1, text: l1}, {code: l2, text: l2}]}
  - {code: secret, kind: single, background: true, text: Not reported, options: [{code: s0, text: s0}, {code: s1, text: s1}]}
  - {code: picks, kind: multi, text: Which?, options: [{code: a, text: a}, {code: b, text: b}, {code: c, text: c}]}
`

// attacked is a wave, its people, and all that an attacker has seen of it. She knows of everybody in which groups and
// in which release she is; what she does not know is what anybody answered.
type attacked struct {
	wave    survey.Wave
	random  *mathrand.Rand
	people  []panelist
	release int
	views   [][]bool            // by view, whether a person is in it
	options map[string][][]bool // by option, whether a person is counted in a figure of it
	seen    int                 // views with figures of a part
	told    int                 // figures of options
	kept    int                 // options withheld
}

type panelist struct {
	release        int
	location, unit string
	picks          []string
}

// arrive lets people answer together: units lie in locations, and some are small.
func (a *attacked) arrive(t *testing.T, s *store.Store, n int) {
	t.Helper()
	a.release++
	first := len(a.people)
	for range n {
		unit := min(a.random.IntN(6), a.random.IntN(6)) // u0 is large, u5 small
		p := panelist{release: a.release, location: fmt.Sprintf("l%d", unit/2), unit: fmt.Sprintf("u%d", unit)}
		if a.random.IntN(8) == 0 {
			p.location = fmt.Sprintf("l%d", a.random.IntN(3))
		}
		for _, code := range []string{"a", "b", "c"} {
			if a.random.IntN(2) == 0 {
				p.picks = append(p.picks, code)
			}
		}
		a.people = append(a.people, p)
	}
	_, err := s.ImportResponses(t.Context(), survey.DefaultOrganisation, a.wave.ID, func(yield func(survey.Response, error) bool) {
		for _, p := range a.people[first:] {
			answers := map[string]any{"location": p.location, "secret": "s1", "picks": p.picks}
			if len(p.picks) == 0 {
				answers["picks"] = "none"
			}
			src, err := json.Marshal(answers)
			completed := noon
			if !yield(survey.Response{
				ID: survey.ResponseID(fmt.Sprintf("%016x%016x", a.random.Uint64(), a.random.Uint64())), Version: a.wave.Version, Language: "en",
				Answers: src, Attributes: map[survey.ItemCode]survey.OptionCode{"unit": survey.OptionCode(p.unit)}, Started: noon, Completed: &completed,
			}, err) {
				return
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

// figures are what findings.json tells of the attacked side.
type figures struct {
	Withheld *string `json:"withheld"`
	Internal struct {
		N       int `json:"n"`
		Ranking []struct {
			Code     string   `json:"code"`
			Count    *int     `json:"count"`
			N        *int     `json:"n"`
			Share    *float64 `json:"share"`
			Withheld bool     `json:"withheld"`
			Rank     int      `json:"rank"`
		} `json:"ranking"`
	} `json:"internal"`
}

// look notes what an address tells: who is in the figures follows from how many they are. segment is "" for everybody.
func (a *attacked) look(t *testing.T, director *person, external survey.WaveID, segment string) {
	t.Helper()
	address := []string{"/divergence/findings.json", apiRoot + "/divergence"}[a.random.IntN(2)] + fmt.Sprintf("?external=%d&internal=%d&item=picks", external, a.wave.ID) // one writes what the other does
	if segment != "" {
		address += "&segment=internal:" + segment
	}
	got := director.look(address)
	if got.status == http.StatusNotFound { // nobody counts yet
		return
	}
	var f figures
	if err := json.Unmarshal([]byte(got.body), &f); got.status != http.StatusOK || err != nil {
		t.Fatalf("%s: status %d, %v", address, got.status, err)
	}
	if f.Withheld != nil {
		return
	}
	in := func(p *panelist) bool {
		item, code, _ := strings.Cut(segment, ":")
		code, rest := strings.CutPrefix(code, "!")
		return segment == "" || (map[string]string{"location": p.location, "unit": p.unit}[item] == code) != rest
	}
	a.note(t, address, in, f.Internal.N)
	for _, r := range f.Internal.Ranking {
		if !r.Withheld {
			a.noteOption(t, address, in, r.Code, *r.N, *r.Count)
			continue
		}
		if a.kept++; r.Count != nil || r.N != nil || r.Share != nil || r.Rank != 0 {
			t.Fatalf("%s: %s is withheld, and told of", address, r.Code)
		}
	}
	if segment != "" {
		a.seen++
	}
}

// note finds out as of which release figures are, and keeps who is in them.
func (a *attacked) note(t *testing.T, what string, in func(*panelist) bool, n int) {
	t.Helper()
	members := a.members(in, n)
	if members == nil {
		t.Fatalf("%s: %d people are nobody's figures at the end of any release", what, n)
	}
	a.views = append(a.views, members)
}

// noteOption keeps who is counted in the figures of one option, which may be as of an earlier release.
func (a *attacked) noteOption(t *testing.T, what string, in func(*panelist) bool, code string, n, count int) {
	t.Helper()
	members, found := a.members(in, n), 0
	for i := range members {
		if members[i] && slices.Contains(a.people[i].picks, code) {
			found++
		}
	}
	if members == nil || found != count {
		t.Fatalf("%s: %d people picked %s, of %d; it is %d", what, count, code, n, found)
	}
	if a.options == nil {
		a.options = map[string][][]bool{}
	}
	a.options[code] = append(a.options[code], members)
	a.told++
}

// members are the people of some group who had answered when they were n; nil if they never were.
func (a *attacked) members(in func(*panelist) bool, n int) []bool {
	for until := range a.release + 1 {
		members, people := make([]bool, len(a.people)), 0
		for i := range a.people {
			if p := &a.people[i]; p.release <= until && in(p) {
				members[i] = true
				people++
			}
		}
		if people == n {
			return members
		}
	}
	return nil
}

// take notes what the file of answers tells.
func (a *attacked) take(t *testing.T, director *person) {
	t.Helper()
	got := director.look([]string{"", apiRoot}[a.random.IntN(2)] + fmt.Sprintf("/waves/%d/answers.csv", a.wave.ID))
	if got.status == http.StatusConflict {
		return
	}
	rows, err := csv.NewReader(strings.NewReader(got.body)).ReadAll()
	if err != nil || got.status != http.StatusOK {
		t.Fatalf("answers.csv: status %d, %v", got.status, err)
	}
	counts := map[string]int{}
	for _, row := range rows[1:] {
		for at, name := range rows[0] {
			switch {
			case name == "picks":
				for code := range strings.SplitSeq(row[at], ";") {
					counts[code]++
				}
			case name != "weight" && row[at] != "":
				t.Fatalf("answers.csv tells %s = %s", name, row[at])
			}
		}
	}
	everybody := func(*panelist) bool { return true }
	a.note(t, "answers.csv", everybody, len(rows)-1)
	for _, code := range []string{"a", "b", "c"} {
		a.noteOption(t, "answers.csv", everybody, code, len(rows)-1, counts[code])
	}
}

// few returns some of 1 to k-1 people of whom it can be computed that they picked an option, or that they did not; nil if
// there are none.
func (a *attacked) few(k int) []int {
	for _, code := range slices.Sorted(maps.Keys(a.options)) {
		for _, picked := range []bool{false, true} {
			group := a.computed(a.options[code], k, func(i int) bool { return slices.Contains(a.people[i].picks, code) == picked })
			if group != nil {
				return group
			}
		}
	}
	return nil
}

// small returns a group of 1 to k-1 people that can be computed by adding and subtracting views; nil if there is none.
func (a *attacked) small(k int) []int {
	return a.computed(a.views, k, func(int) bool { return true })
}

// prime is that of the field in which the attacker calculates.
const prime = 1<<61 - 1

func times(x, y uint64) uint64 {
	high, low := bits.Mul64(x, y)
	_, rest := bits.Div64(high%prime, low, prime)
	return rest
}

func inverse(x uint64) uint64 {
	result := uint64(1)
	for e := uint64(prime - 2); e > 0; e >>= 1 {
		if e&1 == 1 {
			result = times(result, x)
		}
		x = times(x, x)
	}
	return result
}

// computed returns a group of 1 to k-1 of some people that can be computed by adding and subtracting views; nil if there
// is none.
//
// People who are in the same views are one unknown. A group can be computed if it is a combination of views: then,
// and but for a chance of 2^-61 only then, it is orthogonal to a random solution of "every view is nothing".
func (a *attacked) computed(views [][]bool, k int, among func(i int) bool) []int {
	classes := map[string][]int{}
	for i := range a.people {
		if !among(i) {
			continue
		}
		key := make([]byte, len(views))
		for v := range views {
			if i < len(views[v]) && views[v][i] {
				key[v] = 1
			}
		}
		if slices.Contains(key, 1) {
			classes[string(key)] = append(classes[string(key)], i)
		}
	}
	var atoms [][]int
	var columns []string
	for key, members := range classes {
		columns, atoms = append(columns, key), append(atoms, members)
	}
	rows := make([][]uint64, len(views))
	for v := range rows {
		rows[v] = make([]uint64, len(atoms))
		for j := range atoms {
			rows[v][j] = uint64(columns[j][v])
		}
	}
	pivots := make([]int, 0, len(atoms))
	for j := range atoms {
		at := len(pivots)
		found := -1
		for v := at; v < len(rows); v++ {
			if rows[v][j] != 0 {
				found = v
				break
			}
		}
		if found < 0 {
			continue
		}
		rows[at], rows[found] = rows[found], rows[at]
		scale := inverse(rows[at][j])
		for c := range rows[at] {
			rows[at][c] = times(rows[at][c], scale)
		}
		for v := range rows {
			if factor := rows[v][j]; v != at && factor != 0 {
				for c := range rows[v] {
					rows[v][c] = (rows[v][c] + prime - times(factor, rows[at][c])) % prime
				}
			}
		}
		pivots = append(pivots, j)
	}
	solution := make([]uint64, len(atoms))
	for j := range solution {
		if !slices.Contains(pivots, j) {
			solution[j] = a.random.Uint64N(prime)
		}
	}
	for v, j := range pivots {
		for c := range solution {
			if c != j && !slices.Contains(pivots, c) {
				solution[j] = (solution[j] + prime - times(rows[v][c], solution[c])) % prime
			}
		}
	}
	var search func(from, people int, sum uint64, group []int) []int
	search = func(from, people int, sum uint64, group []int) []int {
		if people > 0 && sum == 0 {
			return group
		}
		for j := from; j < len(atoms); j++ {
			if people+len(atoms[j]) >= k {
				continue
			}
			if found := search(j+1, people+len(atoms[j]), (sum+solution[j])%prime, append(slices.Clone(group), atoms[j]...)); found != nil {
				return found
			}
		}
		return nil
	}
	return search(0, 0, 0, nil)
}

// An attacker looks at protected waves while answers come, at whatever pages and files she likes in whatever order,
// and adds and subtracts all she has seen: she cannot compute a group of 1 to k-1 people. Had she been shown one small
// part, she could.
func TestNoSmallGroupCanBeComputedFromPages(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f, director := newBenchIn(t, s)
		seed := mathrand.Uint64()
		t.Logf("seed %d", seed)
		random := mathrand.New(mathrand.NewPCG(seed, 1))
		outside := f.addWave(t, strings.Replace(attackedQuestions, "internal", "external", 1), survey.Wave{
			Name: "Customers", Audience: survey.External, Slug: "customers", Mode: survey.Identified,
		})
		(&attacked{wave: outside, random: random}).arriveOutside(t, s)
		units := survey.Segment{Code: "unit", Text: survey.Words{"en": "Unit"}}
		for i := range 6 {
			units.Values = append(units.Values, survey.Option{Code: survey.OptionCode(fmt.Sprintf("u%d", i)), Text: survey.Words{"en": fmt.Sprintf("u%d", i)}})
		}
		version := strings.Replace(attackedQuestions, "code: attacked", "code: attacked-inside", 1)
		var waves []*attacked
		for i := range 6 {
			mode := []survey.Mode{survey.Confidential, survey.Anonymous}[i%2]
			waves = append(waves, &attacked{random: random, wave: f.addWave(t, version, survey.Wave{
				Name: fmt.Sprintf("Employees %d", i), Audience: survey.Internal, Slug: fmt.Sprintf("employees-%d", i), Mode: mode, Threshold: 4 + i%3,
				Segments: []survey.Segment{units}, Reported: []survey.ItemCode{"unit", "location"},
			})})
		}
		var segments []string
		for i := range 6 {
			segments = append(segments, fmt.Sprintf("unit:u%d", i), fmt.Sprintf("unit:!u%d", i))
			if i < 3 {
				segments = append(segments, fmt.Sprintf("location:l%d", i), fmt.Sprintf("location:!l%d", i))
			}
		}
		const rounds = 6
		for round := range rounds {
			for _, a := range waves {
				if round < rounds-1 {
					a.arrive(t, s, a.wave.Threshold+random.IntN(6*a.wave.Threshold))
				} else {
					a.wave.State = survey.WaveClosed
					if err := s.UpdateWave(t.Context(), a.wave); err != nil {
						t.Fatal(err)
					}
				}
			}
			time.Sleep(600 * time.Millisecond) // waves in memory are looked at anew
			for _, a := range waves {
				looks := append(slices.Clone(segments), "", "", "file")
				random.Shuffle(len(looks), func(i, j int) { looks[i], looks[j] = looks[j], looks[i] })
				for _, segment := range looks[:random.IntN(len(looks)+1)] {
					if segment == "file" {
						a.take(t, director)
						continue
					}
					a.look(t, director, outside.ID, segment)
				}
				if got := director.look(fmt.Sprintf("/divergence/findings.json?external=%d&internal=%d&item=picks&segment=internal:secret:s1", outside.ID, a.wave.ID)); got.status != http.StatusNotFound {
					t.Errorf("a question that is not reported: status %d", got.status)
				}
				if group := a.small(a.wave.Threshold); group != nil {
					t.Fatalf("round %d: of a %s wave with a threshold of %d, a group of %d can be computed: %v", round, a.wave.Mode, a.wave.Threshold, len(group), group)
				}
				if group := a.few(a.wave.Threshold); group != nil {
					t.Fatalf("round %d: of a %s wave with a threshold of %d, the pick of %d people can be computed: %v", round, a.wave.Mode, a.wave.Threshold, len(group), group)
				}
			}
		}
		parts, told, kept := 0, 0, 0
		for _, a := range waves {
			parts += a.seen
			told += a.told
			kept += a.kept
			// Everybody but two is one view too many.
			members := make([]bool, len(a.people))
			for i := range members {
				members[i] = i > 1
			}
			everybody := make([]bool, len(a.people))
			for i := range everybody {
				everybody[i] = true
			}
			a.views = append(a.views, members, everybody)
			if group := a.small(a.wave.Threshold); len(group) == 0 || len(group) >= a.wave.Threshold {
				t.Errorf("the attack finds nothing where there is a group of two: %v", group)
			}
			// Were an option told of whoever is counted, some would be few.
			a.options = map[string][][]bool{"a": a.views}
			if a.few(a.wave.Threshold) == nil {
				t.Error("the attack finds nobody's pick where all of them are told")
			}
		}
		if parts < 20 {
			t.Errorf("only %d looks at parts showed figures: the test shows nothing", parts)
		}
		if told < 100 || kept < 20 {
			t.Errorf("%d figures of options were told and %d withheld: the test shows nothing", told, kept)
		}
		t.Logf("%d looks at parts showed figures; of options %d figures were told and %d withheld", parts, told, kept)
	})
}

// arriveOutside fills the side that nobody attacks.
func (a *attacked) arriveOutside(t *testing.T, s *store.Store) {
	t.Helper()
	_, err := s.ImportResponses(t.Context(), survey.DefaultOrganisation, a.wave.ID, func(yield func(survey.Response, error) bool) {
		for i := range 40 {
			completed := noon
			if !yield(survey.Response{
				ID: survey.ResponseID(fmt.Sprintf("%032x", i)), Version: a.wave.Version, Language: "en",
				Answers: []byte(`{"picks":["` + string("abc"[i%3]) + `"]}`), Started: noon, Completed: &completed,
			}, nil) {
				return
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}
