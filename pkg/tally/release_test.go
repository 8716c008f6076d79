package tally

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"cxmirror/pkg/survey"
)

const protectedQuestions = `
code: protected
version: 1
audience: internal
languages: [en]
title: Protected
items:
  - {code: location, kind: single, background: true, text: Where?, options: [{code: l1, text: l1}, {code: l2, text: l2}, {code: l3, text: l3}]}
  - {code: department, kind: single, background: true, text: Who?, options: [{code: d1, text: d1}, {code: d2, text: d2}, {code: d3, text: d3}, {code: d4, text: d4}, {code: d5, text: d5}]}
  - {code: level, kind: single, background: true, text: What?, options: [{code: v1, text: v1}, {code: v2, text: v2}]}
  - {code: picks, kind: multi, text: Which?, options: [{code: a, text: a}, {code: b, text: b}, {code: c, text: c}]}
  - {code: some, kind: single, text: One?, options: [{code: a, text: a}, {code: b, text: b}]}
  - {code: few, kind: single, text: Few?, options: [{code: a, text: a}, {code: b, text: b}]}
  - code: rated
    kind: rating
    text: How?
    rows: [{code: x, text: x}, {code: y, text: y}]
    scale: {min: 1, max: 5, top: 1, low: bad, high: good}
`

// member is a person as nobody but the test knows her.
type member struct {
	release                     int32
	location, department, level string
	picks, some, few            string
	x, y                        string // rows of the rating
}

func (m *member) value(segment survey.ItemCode) string {
	return map[survey.ItemCode]string{"location": m.location, "department": m.department, "level": m.level}[segment]
}

func (m *member) answer(item survey.ItemCode) string {
	return map[survey.ItemCode]string{"picks": m.picks, "some": m.some, "few": m.few, "rated.x": m.x, "rated.y": m.y}[item]
}

// randomPanel draws people whose departments lie in locations, whose levels go with both, and who come in releases
// of at least k, the last perhaps of fewer.
func randomPanel(rng *rand.Rand, n, k int) []member {
	people := make([]member, n)
	at := map[string]string{"d1": "l1", "d2": "l1", "d3": "l2", "d4": "l2", "d5": "l3"}
	release, left := int32(1), k+rng.IntN(2*k)
	for i := range people {
		m := &people[i]
		m.release = release
		if left--; left == 0 {
			release++
			left = k + rng.IntN(2*k)
		}
		m.department = fmt.Sprintf("d%d", 1+min(rng.IntN(6), rng.IntN(6), 4))
		m.location = at[m.department]
		if rng.IntN(10) == 0 {
			m.location = "l3"
		}
		m.level = "v1"
		if rng.IntN(3) == 0 || m.department == "d2" && rng.IntN(3) > 0 {
			m.level = "v2"
		}
		if rng.IntN(12) == 0 {
			m.level = ""
		}
		m.picks = []string{"a", "b", "a;b", "none", "c"}[rng.IntN(5)]
		m.some = []string{"a", "b", ""}[min(rng.IntN(5), 2)]
		m.x, m.y = []string{"5", "1", "", "5"}[rng.IntN(4)], []string{"5", "1", ""}[rng.IntN(3)]
		if m.department == "d1" || m.level == "v2" { // asked of some only
			m.few = []string{"a", "b"}[rng.IntN(2)]
		}
	}
	// The order in which responses are read tells nothing.
	rng.Shuffle(n, func(i, j int) { people[i], people[j] = people[j], people[i] })
	return people
}

// panelWave is the wave as it is read when a release has been made.
func panelWave(tb testing.TB, q *survey.Questionnaire, people []member, release int32, k int) (*Wave, []int32) {
	tb.Helper()
	w, releases := New(q, survey.Internal, k), make([]int32, len(people))
	for i := range people {
		m := &people[i]
		add(tb, w, 1, m.location, m.department, m.level, m.picks, m.some, m.few, m.x, m.y)
		if m.release <= release {
			releases[i] = m.release
		}
	}
	return w, releases
}

// watcher notes every figure that is shown of an item, as the set of people in it.
type watcher struct {
	t       *testing.T
	people  []member
	figures map[survey.ItemCode][][]bool
	wholes  map[survey.ItemCode][][]bool // of rows of a rating, those of everybody
	options map[optionKey][][]bool       // by option, who was counted in a figure of it
	parts   int

	partOptions, withheld int
}

// look asks for everything there is to ask for, and checks that what is shown is true.
func (s *watcher) look(w *Wave) {
	s.t.Helper()
	s.lookAtRows(w)
	for _, item := range []survey.ItemCode{"picks", "some", "few"} {
		s.figure(w, item, nil)
		for _, segment := range []survey.ItemCode{"location", "department", "level"} {
			it, _ := w.Questionnaire().Item(segment)
			for _, option := range it.Options {
				for _, rest := range []bool{false, true} {
					s.figure(w, item, &Segment{segment, option.Code, rest})
				}
			}
		}
	}
}

func (s *watcher) figure(w *Wave, item survey.ItemCode, part *Segment) {
	s.t.Helper()
	v := View{Item: item}
	if part != nil {
		v.Only = []Segment{*part}
	}
	table, err := w.Table(v)
	release, shown := w.Shown(item, part)
	if errors.Is(err, ErrWithheld) || errors.Is(err, ErrNobody) {
		return
	}
	if err != nil || !shown {
		s.t.Fatalf("%s of %v: shown %v, %v", item, part, shown, err)
	}
	figure, n := make([]bool, len(s.people)), 0
	for i := range s.people {
		m := &s.people[i]
		if figure[i] = m.release <= int32(release) && m.answer(item) != "" && m.in(part); figure[i] {
			n++
		}
	}
	if table.N != n {
		s.t.Fatalf("%s of %v as of release %d: %d people, want %d", item, part, release, table.N, n)
	}
	for x, o := range table.Options {
		s.option(table, x, optionKey{item, item, string(o.Code)}, part, int32(release))
	}
	if part != nil {
		s.parts++
	}
	if !slices.ContainsFunc(s.figures[item], func(f []bool) bool { return slices.Equal(f, figure) }) {
		s.figures[item] = append(s.figures[item], figure)
	}
}

// lookAtRows notes what is shown of the rows of the rating.
func (s *watcher) lookAtRows(w *Wave) {
	s.t.Helper()
	views := []View{{Item: "rated"}}
	for _, segment := range []survey.ItemCode{"location", "department", "level"} {
		it, _ := w.Questionnaire().Item(segment)
		for _, option := range it.Options {
			for _, rest := range []bool{false, true} {
				views = append(views, View{Item: "rated", Only: []Segment{{segment, option.Code, rest}}})
			}
		}
	}
	for _, v := range views {
		table, err := w.Table(v)
		if err != nil {
			continue
		}
		var part *Segment
		if len(v.Only) > 0 {
			part = &v.Only[0]
		}
		release, _ := w.Shown("rated", part)
		_, judged := table.Counts()
		for row, key := range []survey.ItemCode{"rated.x", "rated.y"} {
			if figure := s.option(table, row, optionKey{"rated", key, "5"}, part, int32(release)); figure != nil {
				s.figures[key] = append(s.figures[key], figure)
				s.parts++
				if part == nil {
					s.wholes[key] = append(s.wholes[key], figure)
				}
			} else if judged[row].N != 0 {
				s.t.Fatalf("%s of %v is withheld with %d raters", key, part, judged[row].N)
			}
		}
	}
}

// optionKey is an option of an item, or a row of a rating: who is asked gives an answer to column, which chooses the
// option if it has answer in it.
type optionKey struct {
	item, column survey.ItemCode
	answer       string
}

func (k optionKey) chosenBy(m *member) bool {
	return slices.Contains(strings.Split(m.answer(k.column), ";"), k.answer)
}

func (m *member) in(part *Segment) bool {
	return part == nil || (m.value(part.Item) == string(part.Option)) != part.Rest
}

// option notes what a table tells of one option, and returns who is in it; nil if it is withheld. It is counted as of
// some release, which its base tells.
func (s *watcher) option(table *Table, x int, key optionKey, part *Segment, release int32) []bool {
	s.t.Helper()
	chosen, judged := table.Counts()
	if table.Withheld[x] {
		if judged[x].N != 0 || chosen[x].N != 0 {
			s.t.Fatalf("%v of %v is withheld, and counted: %d of %d", key, part, chosen[x].N, judged[x].N)
		}
		s.withheld++
		return nil
	}
	for until := release; until > 0; until-- {
		figure, n, chose := make([]bool, len(s.people)), 0, 0
		for i := range s.people {
			m := &s.people[i]
			if figure[i] = m.release <= until && m.answer(key.column) != "" && m.in(part); figure[i] {
				n++
				if key.chosenBy(m) {
					chose++
				}
			}
		}
		if n != judged[x].N {
			continue
		}
		if chose != chosen[x].N {
			s.t.Fatalf("%v of %v as of release %d: %d chose it of %d; want %d", key, part, until, chosen[x].N, n, chose)
		}
		if 0 < chose && chose < table.Threshold || 0 < n-chose && n-chose < table.Threshold {
			s.t.Fatalf("%v of %v: %d chose it of %d, with a threshold of %d", key, part, chose, n, table.Threshold)
		}
		s.options[key] = append(s.options[key], figure)
		if part != nil {
			s.partOptions++
		}
		return figure
	}
	s.t.Fatalf("%v of %v: a base of %d is that of no release", key, part, judged[x].N)
	return nil
}

func (s *watcher) attackOptions(k int) {
	s.t.Helper()
	if found := s.fewChose(k); found != "" {
		s.t.Fatal(found)
	}
}

// fewChose adds and subtracts the counts of those who chose an option, and of those who did not, and says what comes out
// of fewer than k people; nothing if nothing does.
func (s *watcher) fewChose(k int) string {
	for key, figures := range s.options {
		for _, chose := range []bool{false, true} {
			var side []int
			for i := range s.people {
				if m := &s.people[i]; m.answer(key.column) != "" && key.chosenBy(m) == chose {
					side = append(side, i)
				}
			}
			var of [][]bool
			for _, f := range figures {
				var in []bool
				for _, i := range side {
					in = append(in, f[i])
				}
				if !slices.ContainsFunc(of, func(g []bool) bool { return slices.Equal(g, in) }) {
					of = append(of, in)
				}
			}
			if group := newAttacker(len(side), of).smallGroup(k, nil); group != nil {
				return fmt.Sprintf("k %d: from %d figures of %v, it comes out that these %d people chose it (%v): %v", k, len(of), key, len(group), chose, group)
			}
		}
	}
	return ""
}

// If every option were told of whoever is counted, the same seasons would give single choices away.
func TestTheAttackerFindsTheFewWhoChose(t *testing.T) {
	q, found := parse(t, protectedQuestions), 0
	for trial := range 20 {
		rng := rand.New(rand.NewPCG(uint64(trial), 5))
		k := 2 + rng.IntN(3)
		s, _ := season(t, q, rng, 12+rng.IntN(30), k)
		s.options = map[optionKey][][]bool{{"picks", "picks", "a"}: s.figures["picks"]}
		if s.fewChose(k) != "" {
			found++
		}
	}
	if found < 10 {
		t.Errorf("in %d of 20 seasons the attack finds a few people who chose something", found)
	}
}

// attack is what somebody does who has kept everything shown and knows who is in which part and release.
func (s *watcher) attack(k int) {
	s.t.Helper()
	for item, figures := range s.figures {
		var answered []int
		for i := range s.people {
			if s.people[i].answer(item) != "" {
				answered = append(answered, i)
			}
		}
		among := func(figures [][]bool) (among [][]bool) {
			for _, f := range figures {
				var of []bool
				for _, i := range answered {
					of = append(of, f[i])
				}
				if !slices.ContainsFunc(among, func(g []bool) bool { return slices.Equal(g, of) }) {
					among = append(among, of)
				}
			}
			return among
		}
		// Of a row, everybody together may add fewer people than k who rated it: what follows from that alone does
		// not count.
		var but *attacker
		if wholes := s.wholes[item]; wholes != nil {
			but = newAttacker(len(answered), among(wholes))
		}
		if group := newAttacker(len(answered), among(figures)).smallGroup(k, but); group != nil {
			s.t.Fatalf("k %d: from %d figures of %s, the answers of these together can be computed: %v", k, len(figures), item, group)
		}
	}
}

// season runs a wave from its first release to its close, looking at all there is after every release.
func season(t *testing.T, q *survey.Questionnaire, rng *rand.Rand, n, k int) (s *watcher, cuts []Cut) {
	t.Helper()
	s = &watcher{t: t, people: randomPanel(rng, n, k), figures: map[survey.ItemCode][][]bool{}, wholes: map[survey.ItemCode][][]bool{}, options: map[optionKey][][]bool{}}
	p := Protection{Segments: []survey.ItemCode{"department", "location", "level"}, Thresholds: []Threshold{{0, k}}}
	last := slices.MaxFunc(s.people, func(a, b member) int { return int(a.release - b.release) }).release
	protected := func(release int32) *Wave {
		raw, releases := panelWave(t, q, s.people, release, 1)
		w, err := raw.Protect(releases, p, nil)
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	for release := int32(1); release <= last; release++ {
		w := protected(release)
		s.look(w)
		if rng.IntN(3) > 0 {
			if cut, ok := w.NextCut(false); ok {
				p.Cuts = append(p.Cuts, cut)
				s.look(protected(release))
			}
		}
	}
	if cut, ok := protected(last).NextCut(true); ok {
		p.Cuts = append(p.Cuts, cut)
	}
	if rng.IntN(2) == 0 { // what the cuts showed was not kept
		kept := slices.Clone(p.Cuts)
		for i := range p.Cuts {
			p.Cuts[i].Shown = nil
		}
		again := protected(last)
		for i, c := range again.protection.everyone.cuts {
			if shown, err := again.protection.parts(kept[i].Shown); err != nil || !maps.Equal(shown, c.parts) {
				t.Fatalf("cut %d, worked out again, shows %v; it showed %v", i+1, c.parts, shown)
			}
		}
	}
	w := protected(last)
	s.look(w)
	if cut, ok := w.NextCut(true); ok {
		t.Errorf("after the last cut comes another: %+v", cut)
	}
	return s, p.Cuts
}

func TestNoSmallGroupComesOutBySubtraction(t *testing.T) {
	q := parse(t, protectedQuestions)
	parts, made, options, withheld := 0, 0, 0, 0
	for trial := range 120 {
		rng := rand.New(rand.NewPCG(uint64(trial), 5))
		k := 2 + rng.IntN(3)
		s, cuts := season(t, q, rng, 12+rng.IntN(30), k)
		s.attack(k)
		s.attackOptions(k)
		parts += s.parts
		options += s.partOptions
		withheld += s.withheld
		made += len(cuts)
	}
	t.Logf("%d cuts, %d figures of parts and %d of options of parts shown, %d withheld", made, parts, options, withheld)
	if made < 200 || parts < 500 || options < 500 || withheld < 500 {
		t.Errorf("%d cuts, %d figures of parts: so little is shown that nothing is tried", made, parts)
	}
}

func FuzzNoSmallGroupComesOutBySubtraction(f *testing.F) {
	f.Add(uint64(1), uint8(20), uint8(1))
	f.Add(uint64(9), uint8(30), uint8(2))
	q := parse(f, protectedQuestions)
	f.Fuzz(func(t *testing.T, seed uint64, n, k uint8) {
		threshold := 2 + int(k%3)
		s, _ := season(t, q, rand.New(rand.NewPCG(seed, 11)), 2+int(n%36), threshold)
		s.attack(threshold)
		s.attackOptions(threshold)
	})
}

// Without the audit the same seasons give small groups away: the attacker is not blind.
func TestTheAttackerFindsWhatThePlainRuleLeavesOpen(t *testing.T) {
	found := 0
	for trial := range 40 {
		rng := rand.New(rand.NewPCG(uint64(trial), 5))
		k := 2 + rng.IntN(3)
		s := &watcher{t: t, people: randomPanel(rng, 12+rng.IntN(30), k)}
		var figures [][]bool
		figure := func(in func(m *member) bool) {
			f, n := make([]bool, len(s.people)), 0
			for i := range s.people {
				if f[i] = in(&s.people[i]); f[i] {
					n++
				}
			}
			if n >= k {
				figures = append(figures, f)
			}
		}
		figure(func(*member) bool { return true })
		for _, segment := range []survey.ItemCode{"department", "location", "level"} {
			for _, value := range []string{"l1", "l2", "l3", "d1", "d2", "d3", "d4", "d5", "v1", "v2"} {
				figure(func(m *member) bool { return m.value(segment) == value })
			}
		}
		if newAttacker(len(s.people), figures).smallGroup(k, nil) != nil {
			found++
		}
	}
	if found < 20 {
		t.Errorf("the attacker computed a small group in %d of 40 panels; she does not try", found)
	}
}

// Every replica shows the same, in whatever order it read the responses and was asked.
func TestAPlanDoesNotDependOnTheOrderOfReading(t *testing.T) {
	q := parse(t, protectedQuestions)
	for trial := range 20 {
		rng := rand.New(rand.NewPCG(uint64(trial), 6))
		people := randomPanel(rng, 60, 4)
		p := Protection{Segments: []survey.ItemCode{"level", "department", "location"}, Thresholds: []Threshold{{0, 4}}}
		var want []Cut
		var tables []*Table
		for order := range 3 {
			raw, releases := panelWave(t, q, people, 100, 1)
			w, err := raw.Protect(releases, p, nil)
			if err != nil {
				t.Fatal(err)
			}
			cut, ok := w.NextCut(true)
			if !ok {
				t.Fatal("no cut")
			}
			with := p
			with.Cuts = []Cut{cut}
			if order == 1 {
				with.Cuts = []Cut{{Release: cut.Release, Final: true}} // what it showed is worked out again
			}
			if w, err = raw.Protect(releases, with, nil); err != nil {
				t.Fatal(err)
			}
			var shown []*Table
			for _, item := range []survey.ItemCode{"some", "few", "picks"} {
				x, err := w.Crosstab(View{Item: item}, "department")
				if err != nil && !errors.Is(err, ErrWithheld) {
					t.Fatal(err)
				}
				if x != nil {
					shown = append(shown, x.Tables...)
				}
			}
			if order == 0 {
				want, tables = []Cut{cut}, shown
			} else if !reflect.DeepEqual(want, []Cut{cut}) || !reflect.DeepEqual(tables, shown) {
				t.Fatalf("read in another order, the cut is %+v, want %+v", cut, want[0])
			}
			rng.Shuffle(len(people), func(i, j int) { people[i], people[j] = people[j], people[i] })
		}
	}
}

// smallWave has 4 in legal, k is 5: they stay hidden, with as little else as possible.
func smallWave(t *testing.T) (*Wave, []int32) {
	t.Helper()
	w := New(parse(t, twoQuestions), survey.Internal, 5)
	for department, n := range map[string]int{"it": 30, "hr": 12, "legal": 4, "sales": 20} {
		add(t, w, n, department, "a")
	}
	return w, slices.Repeat([]int32{1}, w.Len())
}

func TestASmallPartStaysHiddenWithTheNextSmallest(t *testing.T) {
	raw, releases := smallWave(t)
	p := Protection{Segments: []survey.ItemCode{"department"}, Thresholds: []Threshold{{0, 5}}}
	w, err := raw.Protect(releases, p, nil)
	if err != nil {
		t.Fatal(err)
	}
	if x, err := w.Crosstab(View{Item: "picks"}, "department"); err != nil || x.Withheld != 4 {
		t.Errorf("before the first cut: %+v, %v; want the whole and no part", x, err)
	}
	cut, ok := w.NextCut(false)
	want := Cut{Release: 1, Shown: []Segment{{Item: "department", Option: "it"}, {Item: "department", Option: "sales"}}}
	if !ok || !reflect.DeepEqual(cut, want) {
		t.Fatalf("cut %+v, want %+v", cut, want)
	}
	p.Cuts = []Cut{cut}
	if w, err = raw.Protect(releases, p, nil); err != nil {
		t.Fatal(err)
	}
	x, err := w.CrosstabBesideAll(View{Item: "picks"}, "department")
	if err != nil || x.Withheld != 2 || x.Tables[0].N != 30 || x.Tables[3].N != 20 || x.Total.N != 66 {
		t.Errorf("after the cut: %+v, %v", x, err)
	}
	for _, v := range []View{
		{Item: "picks", Only: []Segment{{"department", "hr", false}}},
		{Item: "picks", Only: []Segment{{"department", "legal", true}}},
		{Item: "picks", Only: []Segment{{"department", "it", false}, {"department", "sales", true}}},
		{Item: "department"},
	} {
		if table, err := w.Table(v); !errors.Is(err, ErrWithheld) {
			t.Errorf("%+v shows %+v, %v", v, table, err)
		}
	}
	joint, err := Join(w, w, View{Item: "picks"})
	if err != nil || joint.N != 0 {
		t.Errorf("people of a protected wave are met again: %+v, %v", joint, err)
	}
}

// Between cuts parts stay as they were, while everybody is counted again with every k people.
func TestPartsStandStillBetweenCuts(t *testing.T) {
	raw, releases := smallWave(t)
	p := Protection{
		Segments: []survey.ItemCode{"department"}, Thresholds: []Threshold{{0, 5}},
		Cuts: []Cut{{Release: 1, Shown: []Segment{{Item: "department", Option: "it"}, {Item: "department", Option: "sales"}}}},
	}
	add(t, raw, 2, "it", "b")
	add(t, raw, 3, "sales", "b")
	releases = append(releases, 2, 2, 2, 2, 2)
	add(t, raw, 4, "hr", "b")
	releases = append(releases, 3, 3, 3, 3)
	add(t, raw, 1, "hr", "b")
	releases = append(releases, 0)
	w, err := raw.Protect(releases, p, nil)
	if err != nil {
		t.Fatal(err)
	}
	all, err := w.Table(View{Item: "picks"})
	if err != nil || all.N != 71 {
		t.Fatalf("everybody: %+v, %v; want 71, without the 4 that came last", all, err)
	}
	it, err := w.Table(View{Item: "picks", Only: []Segment{{"department", "it", false}}})
	rest, err2 := w.Table(View{Item: "picks", Only: []Segment{{"department", "it", true}}})
	if err != nil || err2 != nil || it.N != 30 || rest.N != 36 {
		t.Errorf("IT %+v, %v and the rest %+v, %v; want 30 and 36 as of the cut", it, err, rest, err2)
	}
	if release, ok := w.Shown("picks", &Segment{Item: "department", Option: "it"}); !ok || release != 1 {
		t.Errorf("IT is shown as of release %d, %v; want 1", release, ok)
	}
	if release, ok := w.Shown("picks", nil); !ok || release != 2 {
		t.Errorf("everybody is shown as of release %d, %v; want 2", release, ok)
	}
	if cut, ok := w.NextCut(false); ok {
		t.Errorf("5 people after 66 make a cut: %+v", cut)
	}
	// At the close the two new ones of IT and three of sales cannot be told from each other: both stay.
	if cut, ok := w.NextCut(true); !ok || len(cut.Shown) != 0 || !cut.Final {
		t.Errorf("the last cut is %+v, %v; want one that shows no part anew", cut, ok)
	}
}

// A threshold that rises does not make what is shown already a reason to show nothing more.
func TestARaisedThresholdHoldsForWhatIsNew(t *testing.T) {
	raw, releases := smallWave(t)
	add(t, raw, 25, "legal", "b")
	add(t, raw, 40, "it", "b")
	releases = append(releases, slices.Repeat([]int32{2}, 65)...)
	shown := []Segment{{Item: "department", Option: "it"}, {Item: "department", Option: "sales"}}
	p := Protection{
		Segments: []survey.ItemCode{"department"}, Thresholds: []Threshold{{0, 5}, {2, 20}}, Cuts: []Cut{{Release: 1, Shown: shown}},
	}
	w, err := raw.Protect(releases, p, nil)
	if err != nil {
		t.Fatal(err)
	}
	if w.Threshold() != 20 {
		t.Errorf("the threshold is %d, want 20", w.Threshold())
	}
	cut, ok := w.NextCut(true)
	// The 16 of HR and legal together were no secret while 5 were enough. Legal has 29 by now, but its 25 new people
	// are everybody new less those of IT, and what remains are the 4 that it had before.
	if !ok || !slices.Equal(cut.Shown, shown) {
		t.Errorf("cut %+v, %v; want one that shows IT and sales", cut, ok)
	}
}

func TestProtectRefuses(t *testing.T) {
	raw, releases := smallWave(t)
	good := Protection{Segments: []survey.ItemCode{"department"}, Thresholds: []Threshold{{0, 5}}}
	with := func(change func(p *Protection)) Protection {
		p := good
		change(&p)
		return p
	}
	for want, p := range map[string]Protection{
		"a threshold of at least 1": with(func(p *Protection) { p.Thresholds = nil }),
		"it can only rise":          with(func(p *Protection) { p.Thresholds = []Threshold{{0, 5}, {3, 4}} }),
		"no item":                   with(func(p *Protection) { p.Segments = []survey.ItemCode{"shoe"} }),
		"not among its segments":    with(func(p *Protection) { p.Cuts = []Cut{{Release: 1, Shown: []Segment{{Item: "department", Option: "x"}}}} }),
		"before an earlier one":     with(func(p *Protection) { p.Cuts = []Cut{{Release: 2}, {Release: 1}} }),
	} {
		if _, err := raw.Protect(releases, p, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want an error that says %q", err, want)
		}
	}
	if _, err := raw.Protect(releases[1:], good, nil); err == nil {
		t.Error("releases of fewer responses than there are pass")
	}
}

// largeWave has 6 segments of 12 values, drawn independently: hardly two people agree in all.
func largeWave(tb testing.TB, n, releases int) (*Wave, []int32, []survey.ItemCode) {
	tb.Helper()
	var text strings.Builder
	text.WriteString("code: large\nversion: 1\naudience: internal\nlanguages: [en]\ntitle: Large\nitems:\n")
	var segments []survey.ItemCode
	for s := range 6 {
		fmt.Fprintf(&text, "  - {code: s%d, kind: single, background: true, text: s, options: [", s)
		for v := range 12 {
			fmt.Fprintf(&text, "{code: v%d, text: v%d},", v, v)
		}
		text.WriteString("]}\n")
		segments = append(segments, survey.ItemCode(fmt.Sprintf("s%d", s)))
	}
	text.WriteString("  - {code: picks, kind: multi, text: Which?, options: [{code: a, text: a}, {code: b, text: b}]}\n")
	w := New(parse(tb, text.String()), survey.Internal, 5)
	rng := rand.New(rand.NewPCG(300, 6))
	rec := &survey.Record{Weight: 1, Values: make([]survey.Value, 7)}
	at := make([]int32, n)
	for i := range n {
		for s := range 6 {
			rec.Values[s] = survey.Value{State: survey.Answered, Bits: uint64(min(rng.IntN(12), rng.IntN(14), 11))}
		}
		rec.Values[6] = survey.Value{State: survey.Answered, Bits: uint64(1 + rng.IntN(3))}
		if rng.IntN(20) == 0 {
			rec.Values[6] = survey.Value{}
		}
		w.Add(rec)
		at[i] = int32(1 + i*releases/n)
	}
	return w, at, segments
}

// Large waves from the first releases to the close, with cuts whenever one is worth making: what is shown at the
// end is nearly everything, and no plan takes long.
func TestPlansOfLargeWaves(t *testing.T) {
	for _, tt := range []struct{ people, releases, cuts, parts int }{{2_000, 300, 6, 50}, {20_000, 2_000, 8, 60}} {
		raw, all, segments := largeWave(t, tt.people, tt.releases)
		p := Protection{Segments: segments, Thresholds: []Threshold{{0, 5}}}
		var earlier *Wave
		var slowest time.Duration
		for until := int32(tt.releases / 16); ; until = min(until*5/4+1, int32(tt.releases)) {
			releases := slices.Clone(all)
			for i := range releases {
				if releases[i] > until {
					releases[i] = 0
				}
			}
			w, err := raw.Protect(releases, p, earlier)
			if err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			cut, ok := w.NextCut(int(until) == tt.releases)
			slowest = max(slowest, time.Since(start))
			if ok {
				p.Cuts = append(p.Cuts, cut)
			}
			if _, err := w.Table(View{Item: "picks"}); err != nil {
				t.Fatal(err)
			}
			if earlier = w; int(until) == tt.releases {
				break
			}
		}
		shown := len(p.Cuts[len(p.Cuts)-1].Shown)
		t.Logf("%d people, %d releases: %d cuts, the slowest %v; the last shows %d of 72 parts", tt.people, tt.releases, len(p.Cuts), slowest.Round(time.Millisecond), shown)
		if len(p.Cuts) < tt.cuts || shown < tt.parts {
			t.Errorf("%d people: %d cuts, the last of %d parts; want %d and %d at least", tt.people, len(p.Cuts), shown, tt.cuts, tt.parts)
		}
		// What was worked out before comes out the same when it is worked out again.
		var crosstabs []*Crosstab
		for _, before := range []*Wave{earlier, nil} {
			w, err := raw.Protect(all, p, before)
			if err != nil {
				t.Fatal(err)
			}
			x, err := w.Crosstab(View{Item: "picks"}, "s0")
			if err != nil {
				t.Fatal(err)
			}
			crosstabs = append(crosstabs, x)
		}
		if !reflect.DeepEqual(crosstabs[0], crosstabs[1]) {
			t.Error("a wave protected before shows other figures than one protected anew")
		}
	}
}

func BenchmarkNextCut(b *testing.B) {
	raw, all, segments := largeWave(b, 300_000, 3_000)
	p := Protection{Segments: segments, Thresholds: []Threshold{{0, 5}}}
	half := slices.Clone(all)
	for i := range half {
		if half[i] > 1_500 {
			half[i] = 0
		}
	}
	protected := func(releases []int32) *Wave {
		w, err := raw.Protect(releases, p, nil)
		if err != nil {
			b.Fatal(err)
		}
		return w
	}
	b.Run("first", func(b *testing.B) {
		w := protected(half)
		for b.Loop() {
			if _, ok := w.NextCut(false); !ok {
				b.Fatal("no cut")
			}
		}
	})
	cut, _ := protected(half).NextCut(false)
	p.Cuts = []Cut{cut}
	b.Run("final", func(b *testing.B) {
		w := protected(all)
		for b.Loop() {
			if _, ok := w.NextCut(true); !ok {
				b.Fatal("no cut")
			}
		}
	})
	b.Run("item", func(b *testing.B) {
		for b.Loop() {
			if _, err := protected(all).Crosstab(View{Item: "picks"}, "s0"); err != nil {
				b.Fatal(err)
			}
		}
	})
}
