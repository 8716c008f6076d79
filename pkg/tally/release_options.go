package tally

import (
	"cmp"
	"fmt"
	"maps"
	"math/bits"
	"slices"
	"sync"

	"cxmirror/pkg/survey"
)

// What may be told of the single options of a protected wave.
//
// That two of a department chose something tells of the two as a department of two would, and that all but two did
// tells of those. A count is therefore shown of nobody's choice, or of at least k people's, who leave nobody or at
// least k others, and the same holds for all that can be computed from it and the counts seen before.
//
// Options are looked at again at every cut, the last of which is made when the wave closes, and when half as many people
// are new as were counted at the last look: the more looks, the fewer people between two of them, and the less can be
// told in the end. At a look an option is counted again among everybody if, of those who came since it was counted last, nobody or at least
// k chose it, and nobody or at least k did not. Otherwise it stays as it was, on the base it had then. Those who chose it and those who did not are two populations, and the parts
// of a cut are planned for both together as they are for all who answered: see [releasePlanner].
//
// An option is withheld from a table that it cannot be counted in, or in which it is counted of less than half of the
// people: what is that old says little of them.
//
// Where options add up to what is known (one answer of many, an order of all), one that is held back would come
// out as the difference. There another is held back with it, until those held back were chosen by as many people as the
// threshold asks for; and what is not shown of one part at a cut is shown of none.
//
// Nothing else is told of who answered what: no means, of points or places, and no second look at a ranking (first
// places beside the first three), since two sums over the same few people give away what each of them said. Rankings
// are therefore counted among the first [DefaultTop] only, whatever a view asks for.

// optionRelease is what may be shown of one option.
type optionRelease struct {
	steps []releaseStep
	cuts  []publishedCut // as two sides have it; see releasePlanner
}

// shown reports whether a cut shows the option of a part.
func (o *optionRelease) shown(cut int, p partOf, mirror int) bool {
	parts := o.cuts[cut].parts
	return parts[p] || parts[partOf{p.segment + mirror, p.value}]
}

// until is the release up to which a cut counts the option; 0 if it does not.
func (o *optionRelease) until(cut int) int32 { return lastOf(o.steps[:o.cuts[cut].steps/2]) }

func lastOf(steps []releaseStep) int32 {
	if len(steps) == 0 {
		return 0
	}
	return steps[len(steps)-1].last
}

// choiceSets is who chose what of an item, a bit an option, by response.
type choiceSets struct {
	options        []survey.Option
	chosen, judged []uint64
	sums           bool // the options chosen add up to what everybody knows
}

func (w *Wave) choiceSets(it *survey.Item) (choiceSets, error) {
	p, err := w.patterns(View{Item: it.Code})
	if err != nil {
		return choiceSets{}, err
	}
	c := choiceSets{options: p.options, chosen: make([]uint64, w.n), judged: make([]uint64, w.n)}
	for i := range w.n {
		if got, in := p.of(i); in {
			c.chosen[i], c.judged[i] = got.chosen, got.judged
		}
	}
	switch it.Kind {
	case survey.Single:
		c.sums = true
	case survey.Multi:
		c.sums = it.Min == it.Max
	case survey.Rank:
		c.sums = it.Of == "" || it.Min >= min(DefaultTop, it.Max)
	case survey.Rating, survey.Number, survey.NPS, survey.Text, survey.Matrix:
	}
	return c, nil
}

// releaseOptions works out what may be shown of every option of an item of which the rest is known.
func (w *Wave) releaseOptions(it *survey.Item, r *itemRelease) error {
	switch it.Kind {
	case survey.Single, survey.Multi, survey.Rank, survey.Rating:
	case survey.Number, survey.NPS, survey.Text, survey.Matrix:
		return nil
	}
	g := w.protection
	c, err := w.choiceSets(it)
	if err != nil {
		return err
	}
	r.options = make([]optionRelease, len(c.options))
	g.optionSteps(r, &c)
	planners := make([]*releasePlanner, len(c.options))
	known := len(g.Cuts)
	for x := range r.options {
		key := fmt.Sprintf("%s#%d", it.Code, x)
		r.options[x].cuts = slices.Clip(g.earlier[key])
		known = min(known, len(r.options[x].cuts))
	}
	for at := known; at < len(g.Cuts); at++ {
		var planned sync.WaitGroup // each option is planned by itself
		for x := range r.options {
			planned.Go(func() {
				o := &r.options[x]
				o.cuts = o.cuts[:at:at]
				if planners[x] == nil {
					judged := g.people(func(i int) bool { return c.judged[i]>>x&1 != 0 })
					planners[x] = plannerOf(judged, o.steps, func(i int) bool { return c.chosen[i]>>x&1 != 0 })
				}
				planners[x].cuts = o.cuts
				within := r.cuts[at].parts
				if r.rows != nil {
					within = r.rows[x][at].parts
				}
				release := g.Cuts[at].Release
				cut, _ := planners[x].plan(2*stepsUntil(o.steps, release), g.thresholdAt(release), false, func(p partOf) bool { return within[p] })
				o.cuts = append(o.cuts, cut)
			})
		}
		planned.Wait()
		if c.sums {
			g.holdBackParts(r, planners, at)
		}
	}
	for x := range r.options {
		g.replayed[fmt.Sprintf("%s#%d", it.Code, x)] = r.options[x].cuts
	}
	return nil
}

// optionShare is the part of those counted at the last look at options that must be new before the next.
const optionShare = 2

// optionSteps finds the steps of every option.
func (g *protection) optionSteps(r *itemRelease, c *choiceSets) {
	counts := make([][2]int, len(r.steps)*len(c.options)) // by step and option: who did not choose it, and who did
	stepOf := stepsByRelease(r.steps)
	for i, release := range g.release {
		s := stepOf(release)
		if s < 0 {
			continue
		}
		of := counts[int(s)*len(c.options):]
		for judged := c.judged[i]; judged != 0; judged &= judged - 1 {
			x := bits.TrailingZeros64(judged)
			of[x][c.chosen[i]>>x&1]++
		}
	}
	waiting := make([][2]int, len(c.options))
	counted, since := 0, 0
	for s, step := range r.steps {
		since += step.people
		look := since >= counted/optionShare || slices.ContainsFunc(g.Cuts, func(c Cut) bool {
			return int(step.last) <= c.Release && (s+1 == len(r.steps) || c.Release < int(r.steps[s+1].last))
		})
		if look {
			counted += since
			since = 0
		}
		k := g.thresholdAt(int(step.last))
		ready := make([]bool, len(c.options))
		for x := range waiting {
			waiting[x][0] += counts[s*len(c.options)+x][0]
			waiting[x][1] += counts[s*len(c.options)+x][1]
			ready[x] = look && manyOrNone(waiting[x][0], k) && manyOrNone(waiting[x][1], k) && waiting[x] != [2]int{}
		}
		if c.sums && look {
			holdBack(ready, func(x int) int { return waiting[x][1] }, k)
		}
		for x := range ready {
			if ready[x] {
				o := &r.options[x]
				o.steps = append(o.steps, releaseStep{step.last, waiting[x][0] + waiting[x][1]})
				waiting[x] = [2]int{}
			}
		}
	}
}

func manyOrNone(people, k int) bool { return people == 0 || people >= k }

// holdBack takes options back, of those that anybody chose the one that the fewest did first, until those not shown are
// several and were chosen by at least k people together, or by nobody. It reports whether it took any.
func holdBack(shown []bool, chose func(x int) int, k int) bool {
	took := false
	for {
		held, sum := 0, 0
		var open []int
		for x := range shown {
			if shown[x] {
				open = append(open, x)
				continue
			}
			held++
			sum += chose(x)
		}
		if held == 0 || len(open) == 0 || held > 1 && manyOrNone(sum, k) {
			return took
		}
		shown[slices.MinFunc(open, func(x, y int) int {
			if (chose(x) > 0) != (chose(y) > 0) {
				return cmp.Compare(chose(y), chose(x))
			}
			return cmp.Compare(chose(x), chose(y))
		})] = false
		took = true
	}
}

// holdBackParts hides at a cut, of options that add up, whatever is not shown of every part, of all parts.
func (g *protection) holdBackParts(r *itemRelease, planners []*releasePlanner, at int) {
	parts := slices.SortedFunc(maps.Keys(r.cuts[at].parts), func(a, b partOf) int {
		return cmp.Or(cmp.Compare(a.segment, b.segment), cmp.Compare(a.value, b.value))
	})
	k := g.thresholdAt(g.Cuts[at].Release)
	shown, counts := make([]bool, len(r.options)), make([]map[partOf]int, len(r.options))
	for x := range shown {
		shown[x] = !slices.ContainsFunc(parts, func(p partOf) bool { return !r.options[x].shown(at, p, len(g.segments)) })
		_, counts[x] = planners[x].people(r.options[x].cuts[at].steps)
	}
	for again := true; again; {
		again = false
		for _, p := range parts {
			p.segment += len(g.segments) // who chose
			again = holdBack(shown, func(x int) int { return counts[x][p] }, k) || again
		}
	}
	for x := range shown {
		if !shown[x] {
			clear(r.options[x].cuts[at].parts)
		}
	}
}

// limits says of every option up to which release it is counted: among everybody (cut < 0), or in a part as of a cut;
// 0 where it is not shown.
func (r *itemRelease) limits(cut int, p partOf, mirror int) []int32 {
	limits := make([]int32, len(r.options))
	for x := range limits {
		switch o := &r.options[x]; {
		case cut < 0:
			limits[x] = lastOf(o.steps)
		case o.shown(cut, p, mirror):
			limits[x] = o.until(cut)
		}
	}
	return limits
}

// tableUntil makes the table of some people of the releases up to last, in which each option is counted up to the
// release of its limit only, as if those who came later had not judged it.
func (w *Wave) tableUntil(v View, last int32, in func(i int) bool, limits []int32) (*Table, error) {
	ends := []int32{last}
	for _, limit := range limits {
		if 0 < limit && limit < last && !slices.Contains(ends, limit) {
			ends = append(ends, limit)
		}
	}
	slices.Sort(ends)
	groups := make([]uint8, w.n)
	for i, release := range w.protection.release {
		if 0 < release && release <= last && in(i) {
			at, _ := slices.BinarySearch(ends, release)
			groups[i] = uint8(at + 1) //nolint:gosec // no more than options, and one
		}
	}
	v.Top = 0
	tables, err := w.tables(v, groups, len(ends))
	if err != nil {
		return nil, err
	}
	whole := make([]int, len(limits))
	for e, t := range tables {
		_, judged := t.Counts()
		var late uint64
		for x, limit := range limits {
			whole[x] += judged[x].N
			if limit < ends[e] {
				late |= 1 << x
			}
		}
		t.uncount(late)
	}
	t := tables[0]
	if len(tables) > 1 {
		t = merge(tables)
	}
	t.Moments, t.First, t.Centred, t.Persons, t.CannotSay = nil, nil, nil, Moments{}, nil
	t.None, t.Missing, t.Partial = 0, 0, 0
	t.Withheld, t.Earlier = make([]bool, len(limits)), make([]bool, len(limits))
	_, judged := t.Counts()
	var hidden uint64
	for x := range limits {
		// Of an option that nobody judged there is nothing to withhold.
		switch {
		case whole[x] > 0 && (judged[x].N < t.Threshold || 2*judged[x].N < whole[x]):
			t.Withheld[x] = true
			hidden |= 1 << x
		case judged[x].N < whole[x]:
			t.Earlier[x] = true
		}
	}
	t.uncount(hidden)
	return t, nil
}

// uncount takes options out of a table, as if nobody had judged them. The base stays.
func (t *Table) uncount(options uint64) {
	if options == 0 {
		return
	}
	for i := range t.Cells {
		t.Cells[i].Chosen &^= options
		t.Cells[i].Judged &^= options
	}
	slices.SortFunc(t.Cells, compareCells)
	cells := t.Cells[:0]
	for _, c := range t.Cells {
		if n := len(cells); n > 0 && compareCells(cells[n-1], c) == 0 {
			cells[n-1].Weight = cells[n-1].Plus(c.Weight)
		} else {
			cells = append(cells, c)
		}
	}
	t.Cells = cells
}

// tellsAnything reports whether an option that can be ranked is shown.
func (t *Table) tellsAnything() bool {
	for x, o := range t.Options {
		if o.Ranked() && !t.Withheld[x] {
			return true
		}
	}
	return false
}

// Alone returns up to which release, as the source numbers them, single answers to a question of picks may be told, as
// rows of a file without a word on who gave them: as far as every option is counted among everybody. It reports false if
// an option is withheld, since what is rare would stand in the file for all to see; and for other kinds of items, whose
// answers say more than any figure that is shown: the very point, the whole order, the number. Of a wave that is not
// protected everything may be told.
func (w *Wave) Alone(item survey.ItemCode) (release int, ok bool) {
	if w.protection == nil {
		return 0, true
	}
	t, err := w.Table(View{Item: item})
	if err != nil || t.Item.Kind == survey.Rating || t.Item.Kind == survey.Rank || slices.Contains(t.Withheld, true) {
		return 0, false
	}
	r, err := w.released(item)
	if err != nil {
		return 0, false
	}
	for _, s := range slices.Backward(r.steps) {
		if !slices.ContainsFunc(r.options, func(o optionRelease) bool {
			return !slices.ContainsFunc(o.steps, func(own releaseStep) bool { return own.last == s.last })
		}) {
			return int(s.last) - 1, true
		}
	}
	return 0, false
}
