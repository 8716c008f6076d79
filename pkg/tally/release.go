package tally

import (
	"fmt"
	"maps"
	"slices"
	"sync"

	"cxmirror/pkg/survey"
)

// Protection is what was promised for a wave and what has been shown of it: from both follows what may be shown.
//
// Answers of a protected wave become visible in releases, numbered from 1 on. What is shown of an item, or of
// part of the people, then follows three rules.
//
// Everybody together is counted again whenever at least k people who answered the item are new (and a fiftieth of
// those counted already), so that what two looks at the figures have between them is never a small group.
//
// A part of the people, such as one department, is counted only at cuts, moments that are decided once for the
// whole wave and kept: between cuts a part stays as it was. A part is shown at a cut if at least k people are in
// it and at least k others, or none, are not.
//
// Beyond that an audit adds and subtracts everything shown so far of the item, of all cuts and of all segments, and
// hides parts until no group of 1 to k-1 people can be computed in this way that could not be computed before.
// Whoever knows of each person in which parts and releases she is learns no more than that.
//
// The same is done for each item among those who answered it: a question asked of three people of a department is
// not shown for it, nor where it could be found by subtraction; and each row of a rating, among those who rated it. (What
// everybody together adds from one step to the next are at least k people who answered the item; of a single row there
// may be fewer.)
//
// Of what a part answers, single options are withheld as people are: see release_options.go. What the rules do not
// cover is what a shown part tells of all its people: if everybody of a department says the same, its figure says so.
type Protection struct {
	Segments   []survey.ItemCode // background questions whose values are shown; the most important first
	Thresholds []Threshold       // k, as of which release; in rising order, at least one
	Cuts       []Cut             // made so far, in the order they were made
}

// Threshold is how many people stand behind a figure at least, from a release on. It may rise.
type Threshold struct {
	Release int `json:"release"` // the first release it holds for; the first threshold holds from the beginning
	People  int `json:"people"`
}

// Cut is a moment at which parts of a wave were counted. Of a cut whose Shown was not kept (nil), it is worked out again,
// the same as long as no response is taken away and k rises as it did.
type Cut struct {
	Release int       `json:"release"` // the last release counted
	Shown   []Segment `json:"shown"`   // the parts that could be shown, none of them a Rest
	Final   bool      `json:"final"`   // made when the wave had closed
}

// maxSegments is how many segments are audited together.
const maxSegments = 20

// protection is a protected wave's part of a Wave. It does not change but for what it keeps of each item.
type protection struct {
	Protection
	release  []int32
	segments [][]uint8
	items    []*survey.Item // of segments
	everyone *itemRelease

	earlier map[string][]publishedCut // worked out before, of the first cuts: by item, item and row, "" for everybody

	mu       sync.Mutex
	byItem   map[survey.ItemCode]*itemRelease
	replayed map[string][]publishedCut // as earlier, of all cuts
}

// itemRelease is what may be shown of one item.
type itemRelease struct {
	answered func(i int) bool // nil: everybody
	steps    []releaseStep
	cuts     []publishedCut

	// Of a rating, what may be shown of each row, cut by cut as above.
	rows [][]publishedCut

	options []optionRelease // of an item with options or rows, what may be shown of each
}

// Protect returns the wave with nothing to be had of it but what may be shown. releases says of each response, in
// the order they were added, in which release it became visible; 0 is not yet, and the response is not counted.
//
// Of the wave returned, Table and Crosstab are withheld ([ErrWithheld]) where the rules of [Protection] say so;
// so are tables of more than one segment at a time, of segments that are not in Protection, and of background
// questions themselves. People cannot be met again in another wave: [Join] finds nobody.
//
// earlier is the wave as it was protected before more was read of it, or nil: what was worked out for its cuts is not
// worked out again, and comes out the same. Nothing may have been taken away since.
//
// It is an error if releases are not as many as responses, a threshold is missing or falls, cuts are not in the
// order of their releases, or a segment or a part of a cut is not of the questionnaire.
func (w *Wave) Protect(releases []int32, p Protection, earlier *Wave) (*Wave, error) {
	if len(releases) != w.n {
		return nil, fmt.Errorf("protect a wave: %d responses with %d releases", w.n, len(releases))
	}
	if err := p.check(); err != nil {
		return nil, err
	}
	g := &protection{Protection: p, release: releases, byItem: map[survey.ItemCode]*itemRelease{}, replayed: map[string][]publishedCut{}}
	for _, code := range p.Segments {
		c, it, err := w.choices(code)
		if err != nil {
			return nil, fmt.Errorf("protect a wave: %w", err)
		}
		if len(c.options) != w.n {
			return nil, fmt.Errorf("protect a wave: %s was not held from the beginning", code)
		}
		g.segments, g.items = append(g.segments, c.options), append(g.items, it)
	}
	next := *w
	next.threshold = max(w.threshold, p.Thresholds[len(p.Thresholds)-1].People)
	next.respondents = nil
	next.protection = g
	if earlier != nil && earlier.protection != nil {
		g.earlier = earlier.protection.workedOut(&p)
	}
	everyone := g.people(nil)
	g.everyone = &itemRelease{steps: releaseSteps(everyone, &g.Protection, p.Cuts), cuts: slices.Clip(g.earlier[""])}
	var pl *releasePlanner
	for _, c := range p.Cuts[len(g.everyone.cuts):] {
		shown, err := g.parts(c.Shown)
		if err != nil {
			return nil, err
		}
		cut := publishedCut{stepsUntil(g.everyone.steps, c.Release), shown}
		if c.Shown == nil {
			if pl == nil {
				pl = newReleasePlanner(everyone, g.everyone.steps)
			}
			pl.cuts = g.everyone.cuts
			cut, _ = pl.plan(cut.steps, g.thresholdAt(c.Release), false, func(partOf) bool { return true })
		}
		g.everyone.cuts = append(g.everyone.cuts, cut)
	}
	return &next, nil
}

// workedOut returns what is known of the cuts of each item and row, if it holds for another protection.
func (g *protection) workedOut(p *Protection) map[string][]publishedCut {
	n := len(g.Cuts)
	if n > len(p.Cuts) || !slices.Equal(g.Segments, p.Segments) || !slices.EqualFunc(g.Cuts, p.Cuts[:n], Cut.equal) {
		return nil
	}
	for _, c := range g.Cuts {
		if g.thresholdAt(c.Release) != p.thresholdAt(c.Release) {
			return nil
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	cuts := map[string][]publishedCut{}
	maps.Copy(cuts, g.earlier)
	maps.Copy(cuts, g.replayed)
	cuts[""] = g.everyone.cuts
	return cuts
}

func (c Cut) equal(o Cut) bool {
	return c.Release == o.Release && c.Final == o.Final && slices.Equal(c.Shown, o.Shown)
}

func (p *Protection) check() error {
	if len(p.Thresholds) == 0 || p.Thresholds[0].People < 1 {
		return fmt.Errorf("protect a wave: a threshold of at least 1 is missing")
	}
	if len(p.Segments) > maxSegments {
		return fmt.Errorf("protect a wave: %d segments; at most %d can be shown of a wave", len(p.Segments), maxSegments)
	}
	for i, t := range p.Thresholds[1:] {
		if before := p.Thresholds[i]; t.People < before.People || t.Release < before.Release {
			return fmt.Errorf("protect a wave: a threshold of %d from release %d on follows one of %d from release %d on; it can only rise",
				t.People, t.Release, before.People, before.Release)
		}
	}
	for i, c := range p.Cuts {
		if c.Release < 1 || i > 0 && c.Release < p.Cuts[i-1].Release {
			return fmt.Errorf("protect a wave: cut %d is at release %d, before an earlier one or the first release", i+1, c.Release)
		}
	}
	return nil
}

// thresholdAt is k as of a release.
func (p *Protection) thresholdAt(release int) int {
	k := p.Thresholds[0].People
	for _, t := range p.Thresholds[1:] {
		if t.Release <= release {
			k = t.People
		}
	}
	return k
}

// parts turns segments into positions.
func (g *protection) parts(shown []Segment) (map[partOf]bool, error) {
	parts := map[partOf]bool{}
	for _, s := range shown {
		p, ok := g.part(s)
		if !ok {
			return nil, fmt.Errorf("protect a wave: a cut shows %s = %s, which is not among its segments", s.Item, s.Option)
		}
		parts[p] = true
	}
	return parts, nil
}

func (g *protection) part(s Segment) (partOf, bool) {
	j := slices.Index(g.Segments, s.Item)
	if j < 0 {
		return partOf{}, false
	}
	at, ok := g.items[j].Option(s.Option)
	return partOf{j, uint8(at + 1)}, ok //nolint:gosec // at is below survey.MaxOptions
}

func (g *protection) segment(p partOf) Segment {
	it := g.items[p.segment]
	return Segment{Item: it.Code, Option: it.Options[p.value-1].Code}
}

// people are those who count where answered says so, or all.
func (g *protection) people(answered func(i int) bool) releasePeople {
	release := g.release
	if answered != nil {
		release = slices.Clone(release)
		for i := range release {
			if release[i] > 0 && !answered(i) {
				release[i] = 0
			}
		}
	}
	return releasePeople{release, g.segments}
}

// NextCut proposes a cut of a protected wave: the parts that may be shown as of the last time everybody was
// counted. It reports false if there is none worth making. Whoever keeps the wave's cuts adds it to them, once, in
// one transaction with a look whether another was added meanwhile.
//
// While a wave is open, a cut is worth making if a quarter more people are there than at the last one and all
// that was shown then can be shown again. When it has closed, final says so: then a last cut shows what can be shown
// with everybody released, and what cannot stays as it was, or hidden. After a wave was opened again there can be
// another final one.
func (w *Wave) NextCut(final bool) (Cut, bool) {
	g := w.protection
	if g == nil {
		return Cut{}, false
	}
	last := slices.Max(append([]int32{0}, g.release...))
	cuts := g.Cuts
	if final {
		cuts = append(slices.Clone(cuts), Cut{Release: int(last), Final: true})
	}
	people := g.people(nil)
	steps := releaseSteps(people, &g.Protection, cuts)
	if len(steps) == 0 || last < 1 {
		return Cut{}, false
	}
	at := int(steps[len(steps)-1].last)
	counted, before := 0, 0
	for _, s := range steps {
		counted += s.people
		if len(g.Cuts) > 0 && int(s.last) <= g.Cuts[len(g.Cuts)-1].Release {
			before += s.people
		}
	}
	if counted == before || !final && counted-before < before/cutShare {
		return Cut{}, false
	}
	pl := newReleasePlanner(people, steps)
	for _, c := range g.everyone.cuts {
		pl.publish(c)
	}
	planned, ok := pl.plan(len(steps), g.thresholdAt(int(last)), !final, func(partOf) bool { return true })
	if !ok || !final && len(planned.parts) == 0 {
		return Cut{}, false
	}
	cut := Cut{Release: at, Final: final}
	for j := range g.segments {
		for v := range g.items[j].Options {
			if p := (partOf{j, uint8(v + 1)}); planned.parts[p] {
				cut.Shown = append(cut.Shown, g.segment(p))
			}
		}
	}
	return cut, true
}

// Shown tells as of which release an item is shown, for everybody (nil) or for a part of the people and its rest
// alike. It reports false if it is withheld. Of a wave that is not protected, everything is as of release 0.
func (w *Wave) Shown(item survey.ItemCode, part *Segment) (release int, ok bool) {
	g := w.protection
	if g == nil {
		return 0, true
	}
	r, err := w.released(item)
	if err != nil {
		return 0, false
	}
	steps := len(r.steps)
	if part != nil {
		steps = 0
		if p, known := g.part(*part); known {
			if cut := r.shownAt(p); cut >= 0 {
				steps = r.cuts[cut].steps
			}
		}
	}
	if steps == 0 {
		return 0, false
	}
	return int(r.steps[steps-1].last), true
}

// shownAt is the last cut that shows a part, or -1.
func (r *itemRelease) shownAt(p partOf) int {
	for i, c := range slices.Backward(r.cuts) {
		if c.parts[p] {
			return i
		}
	}
	return -1
}

func stepsUntil(steps []releaseStep, release int) int {
	n := 0
	for n < len(steps) && int(steps[n].last) <= release {
		n++
	}
	return n
}

// released works out what may be shown of an item, once: cut by cut, as it was when each was made. Of what a cut
// shows of the whole wave, it shows of an item what is safe among those who answered it.
func (w *Wave) released(code survey.ItemCode) (*itemRelease, error) {
	g := w.protection
	g.mu.Lock()
	defer g.mu.Unlock()
	if r := g.byItem[code]; r != nil {
		return r, nil
	}
	answered, err := w.answered(code)
	if err != nil {
		return nil, err
	}
	r := &itemRelease{answered: answered}
	people := g.people(answered)
	if slices.Equal(people.release, g.release) {
		r.steps, r.cuts = g.everyone.steps, g.everyone.cuts
	} else {
		r.steps = releaseSteps(people, &g.Protection, g.Cuts)
		r.cuts = g.replay(string(code), people, r.steps, g.everyone.cuts)
	}
	for row, rated := range w.raters(code) {
		key := fmt.Sprintf("%s.%d", code, row)
		r.rows = append(r.rows, g.replay(key, g.people(rated), r.steps, r.cuts))
	}
	it, _ := w.questionnaire.Item(code)
	if err := w.releaseOptions(it, r); err != nil {
		return nil, err
	}
	g.byItem[code] = r
	return r, nil
}

// replay plans the cuts of some of the people one after the other, each of no more parts than another plan shows.
func (g *protection) replay(key string, people releasePeople, steps []releaseStep, within []publishedCut) []publishedCut {
	cuts := g.earlier[key]
	if len(cuts) < len(g.Cuts) {
		pl := newReleasePlanner(people, steps)
		pl.cuts = slices.Clip(cuts)
		for i, c := range g.Cuts[len(cuts):] {
			allowed := within[len(cuts)+i].parts
			cut, _ := pl.plan(stepsUntil(steps, c.Release), g.thresholdAt(c.Release), false, func(p partOf) bool { return allowed[p] })
			pl.publish(cut)
		}
		cuts = pl.cuts
	}
	g.replayed[key] = cuts
	return cuts
}

// raters returns, for every row of a rating, a function that tells who rated it; nil for other items. Whoever cannot say has not rated.
func (w *Wave) raters(code survey.ItemCode) []func(i int) bool {
	it, _ := w.questionnaire.Item(code)
	if it.Kind != survey.Rating {
		return nil
	}
	var rows []func(i int) bool
	for at, c := range w.questionnaire.Columns() {
		if column, ok := w.columns[at].(*points); ok && c.Item == it {
			rows = append(rows, func(i int) bool { return column.points[i] < pointCannotSay })
		}
	}
	return rows
}

// answered returns a function that tells who is in the base of an item.
func (w *Wave) answered(code survey.ItemCode) (func(i int) bool, error) {
	it, ok := w.questionnaire.Item(code)
	if !ok {
		return nil, fmt.Errorf("%s has no item %q", w.questionnaire.Code, code)
	}
	var bases []func(i int) bool
	for at, c := range w.questionnaire.Columns() {
		if c.Item != it {
			continue
		}
		switch c := w.columns[at].(type) {
		case *choices:
			bases = append(bases, c.answered)
		case *picks[uint16]:
			bases = append(bases, func(i int) bool { return c.sets[i] != c.missing })
		case *picks[uint32]:
			bases = append(bases, func(i int) bool { return c.sets[i] != c.missing })
		case *picks[uint64]:
			bases = append(bases, func(i int) bool { return c.sets[i] != c.missing })
		case *orders:
			bases = append(bases, func(i int) bool { return c.width == 0 || c.places[i*c.width] != orderMissing })
		case *points:
			bases = append(bases, func(i int) bool { return c.points[i] != pointMissing })
		case *numbers:
			bases = append(bases, func(i int) bool { return c.numbers[i] == c.numbers[i] }) // not NaN
		default:
			return nil, fmt.Errorf("the answers to %s are not held in this wave", code)
		}
	}
	return func(i int) bool {
		return slices.ContainsFunc(bases, func(in func(i int) bool) bool { return in(i) })
	}, nil
}

// protectedTable is [Wave.Table] of a protected wave. How many of a part did not answer, gave no answer that is an
// option, or left rows empty, is not told: Missing, None and Partial are 0.
func (w *Wave) protectedTable(v View) (*Table, error) {
	g := w.protection
	withheld := &WithheldError{Audience: w.audience, Item: v.Item, Threshold: w.threshold}
	if it, ok := w.questionnaire.Item(v.Item); ok && it.Background {
		return nil, withheld
	}
	r, err := w.released(v.Item)
	if err != nil {
		return nil, err
	}
	last, in := lastOf(r.steps), func(int) bool { return true }
	var limits []int32
	if len(v.Only) == 0 {
		if len(r.steps) == 0 && slices.ContainsFunc(g.people(r.answered).release, func(release int32) bool { return release > 0 }) {
			return nil, withheld
		}
		limits = r.limits(-1, partOf{}, 0)
	} else {
		part := v.Only[0]
		p, ok := g.part(Segment{Item: part.Item, Option: part.Option})
		if !ok || len(v.Only) > 1 {
			return nil, withheld
		}
		cut := r.shownAt(p)
		if cut < 0 {
			return nil, withheld
		}
		values := g.segments[p.segment]
		last, in = lastOf(r.steps[:r.cuts[cut].steps]), func(i int) bool { return (values[i] == p.value) != part.Rest }
		limits = r.limits(cut, p, len(g.segments))
	}
	t, err := w.tableUntil(v, last, in, limits)
	if err != nil {
		return nil, err
	}
	if err := t.publishable(); err != nil {
		return nil, err
	}
	if !t.tellsAnything() {
		withheld.Options = true
		return nil, withheld
	}
	return t, nil
}

// protectedCrosstab is [Wave.Crosstab] of a protected wave. Its Total is everybody, with those who did not answer
// the background question, and each part is as of when it was last shown.
func (w *Wave) protectedCrosstab(v View, segment survey.ItemCode) (*Crosstab, error) {
	_, it, err := w.choices(segment)
	if err != nil {
		return nil, err
	}
	if len(v.Only) > 0 || !slices.Contains(w.protection.Segments, segment) {
		return nil, &WithheldError{Audience: w.audience, Item: v.Item, Threshold: w.threshold}
	}
	total, err := w.protectedTable(v)
	if err != nil {
		return nil, err
	}
	x := &Crosstab{Segment: it, Total: total, Tables: make([]*Table, len(it.Options))}
	for i, option := range it.Options {
		view := v
		view.Only = []Segment{{Item: segment, Option: option.Code}}
		if x.Tables[i], err = w.protectedTable(view); err != nil {
			x.hide(i)
		}
	}
	return x, nil
}
