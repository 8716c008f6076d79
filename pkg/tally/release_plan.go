package tally

import (
	"cmp"
	"maps"
	"slices"

	"cxmirror/pkg/survey"
)

// partOf is one value of one segment: positions, the value plus one as columns of choices have it.
type partOf struct {
	segment int
	value   uint8
}

// valuesWide is more than any value.
const valuesWide = survey.MaxOptions + 1

// index numbers the values of all segments.
func (p partOf) index() int { return p.segment*valuesWide + int(p.value) }

// releasePeople are the people who count: in all that is asked of a wave, or in one item.
type releasePeople struct {
	release  []int32   // by response; 0 does not count
	segments [][]uint8 // by segment and response: the value plus one, 0 for none
}

// stepShare is the part of those published already that must be new before a whole wave is counted again; it
// keeps the figures of large waves few enough to be audited, and moves them often enough.
const stepShare = 50

// cutShare is the part of those counted at the last cut that must be new before the next, while a wave is open.
const cutShare = 4

// releaseStep is a stretch of releases at whose end everybody is counted together.
type releaseStep struct {
	last   int32 // release
	people int   // new in it
}

// releaseSteps finds the steps. Each has at least a threshold of people, that which was in force at its end; what
// is left over after the last step waits. Final cuts end a step early, if it has a threshold of people.
func releaseSteps(people releasePeople, p *Protection, cuts []Cut) []releaseStep {
	counts := map[int32]int{}
	for _, r := range people.release {
		if r > 0 {
			counts[r]++
		}
	}
	for _, c := range cuts {
		counts[int32(c.Release)] += 0 //nolint:gosec // releases are int32 where responses have them
	}
	var steps []releaseStep
	waiting, counted := 0, 0
	for _, r := range slices.Sorted(maps.Keys(counts)) {
		waiting += counts[r]
		k := p.thresholdAt(int(r))
		final := slices.ContainsFunc(cuts, func(c Cut) bool { return c.Final && c.Release == int(r) })
		if waiting >= max(k, counted/stepShare) || final && waiting >= k {
			steps = append(steps, releaseStep{r, waiting})
			counted += waiting
			waiting = 0
		}
	}
	return steps
}

// publishedCut is a cut as one population sees it.
type publishedCut struct {
	steps int // how many steps it counts
	parts map[partOf]bool
}

// releasePlanner plans cuts for one population, or for the two sides of an option: those who chose it and those who
// did not.
//
// Of two sides each figure is published of both or of none, and each is a figure of its own. Their steps are numbered
// in turns, step s of the one being 2s and of the other 2s+1; and the segments of the second stand behind those of the
// first. Nobody of one side shares a figure with anybody of the other.
type releasePlanner struct {
	cuts   []publishedCut
	atoms  []fineAtom
	mirror int // of two sides, how many segments each has; otherwise 0
	work   int // what the audits of the plan being made may still do
}

// twin is the same part of the other side.
func (pl *releasePlanner) twin(p partOf) partOf {
	if pl.mirror > 0 {
		p.segment = (p.segment + pl.mirror) % (2 * pl.mirror)
	}
	return p
}

// side is which of two sides a segment is of.
func (pl *releasePlanner) side(p partOf) int {
	if pl.mirror > 0 && p.segment >= pl.mirror {
		return 1
	}
	return 0
}

// hide takes a part out of a cut, with its twin.
func (pl *releasePlanner) hide(cut publishedCut, p partOf) {
	delete(cut.parts, p)
	delete(cut.parts, pl.twin(p))
}

// fineAtom is people of one step who gave the same answers to all segments.
type fineAtom struct {
	step   int32
	people int32
	values []uint8
}

// planWork bounds all audits of one plan.
const planWork = 3 * auditWork

func newReleasePlanner(people releasePeople, steps []releaseStep) *releasePlanner {
	return plannerOf(people, steps, nil)
}

// plannerOf makes a planner; chose, if not nil, says who is of the second side.
func plannerOf(people releasePeople, steps []releaseStep, chose func(i int) bool) *releasePlanner {
	pl := &releasePlanner{}
	classes := make([]int32, len(people.release))
	stepOf := stepsByRelease(steps)
	n := len(steps)
	if chose != nil {
		pl.mirror, n = len(people.segments), 2*n
	}
	for i, r := range people.release {
		classes[i] = stepOf(r)
		if chose != nil && classes[i] >= 0 {
			classes[i] *= 2
			if chose(i) {
				classes[i]++
			}
		}
	}
	step := slices.Clone(classes)
	for _, values := range people.segments {
		n = refine(classes, n, func(i int) int32 { return int32(values[i]) })
	}
	pl.atoms = make([]fineAtom, n)
	for i, c := range classes {
		if c < 0 {
			continue
		}
		a := &pl.atoms[c]
		if a.people++; a.values == nil {
			a.step = step[i]
			a.values = make([]uint8, len(people.segments)+pl.mirror)
			own := a.values
			if chose != nil && a.step%2 == 1 {
				own = own[pl.mirror:]
			}
			for j, values := range people.segments {
				own[j] = values[i]
			}
		}
	}
	return pl
}

// stepsByRelease returns a function that finds the step of a release, -1 for one after all steps or none.
func stepsByRelease(steps []releaseStep) func(release int32) int32 {
	return func(release int32) int32 {
		if release <= 0 {
			return -1
		}
		at, _ := slices.BinarySearchFunc(steps, release, func(s releaseStep, r int32) int { return cmp.Compare(s.last, r) })
		if at == len(steps) {
			return -1
		}
		return int32(at) //nolint:gosec // there are fewer steps than releases
	}
}

// refine splits classes, numbered from 0 and below n, by what more is known of their members, and returns how many
// there are then. -1 stays -1.
func refine(classes []int32, n int, by func(i int) int32) int {
	const dense = 1 << 22
	const width = valuesWide
	next := int32(0)
	if n*width <= dense {
		table := make([]int32, n*width)
		for i, c := range classes {
			if c < 0 {
				continue
			}
			v := by(i)
			if v >= width {
				return refineSparse(classes, by)
			}
			at := &table[int(c)*width+int(v)]
			if *at == 0 {
				next++
				*at = next
			}
		}
		for i, c := range classes {
			if c >= 0 {
				classes[i] = table[int(c)*width+int(by(i))] - 1
			}
		}
		return int(next)
	}
	return refineSparse(classes, by)
}

func refineSparse(classes []int32, by func(i int) int32) int {
	numbers := map[int64]int32{}
	for i, c := range classes {
		if c < 0 {
			continue
		}
		key := int64(c)<<32 | int64(by(i))
		number, ok := numbers[key]
		if !ok {
			number = int32(len(numbers)) //nolint:gosec // fewer than people
			numbers[key] = number
		}
		classes[i] = number
	}
	return len(numbers)
}

// people counts those of the first steps, of one or of two sides, and those of each part among them.
func (pl *releasePlanner) people(steps int) (whole [2]int, parts map[partOf]int) {
	var counts []int
	for i := range pl.atoms {
		a := &pl.atoms[i]
		if int(a.step) >= steps {
			continue
		}
		if counts == nil {
			counts = make([]int, len(a.values)*valuesWide)
		}
		if pl.mirror > 0 {
			whole[a.step%2] += int(a.people)
		} else {
			whole[0] += int(a.people)
		}
		for j, v := range a.values {
			counts[partOf{j, v}.index()] += int(a.people)
		}
	}
	parts = map[partOf]int{}
	for at, n := range counts {
		if p := (partOf{at / valuesWide, uint8(at % valuesWide)}); n > 0 && p.value != 0 {
			parts[p] = n
		}
	}
	return whole, parts
}

// publish notes a cut without asking whether it may be shown.
func (pl *releasePlanner) publish(cut publishedCut) { pl.cuts = append(pl.cuts, cut) }

// plan chooses which of some parts may be shown as of the end of a step, beside everything published before: those
// that are large enough, and leave as many outside or nobody, less those without which nobody could compute a
// group of fewer than k people that could not be computed before. The smallest of those that take part in such
// a group is left out first, before those that the last cut shows already.
//
// With keep, it reports false as soon as one of the latter would have to be left out.
func (pl *releasePlanner) plan(steps, k int, keep bool, candidates func(partOf) bool) (publishedCut, bool) {
	pl.work = planWork
	cut := publishedCut{steps, map[partOf]bool{}}
	before := map[partOf]bool{}
	if len(pl.cuts) > 0 {
		before = pl.cuts[len(pl.cuts)-1].parts
	}
	counts := pl.large(cut, k, candidates)
	importance := func(a, b partOf) int {
		if before[a] != before[b] {
			if before[b] {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(counts[a], counts[b]), cmp.Compare(b.segment, a.segment), cmp.Compare(b.value, a.value))
	}
	kept := func() bool {
		for p := range before {
			if keep && !cut.parts[p] {
				return false
			}
		}
		return true
	}
	var hidden []partOf
	for len(cut.parts) > 0 && kept() {
		suspects, err := pl.suspects(cut, k)
		if err == nil && suspects == nil {
			pl.showAgain(cut, k, hidden, counts, importance)
			return cut, true
		}
		if err != nil {
			// What cannot be audited is not shown: of so much, what the last cut did not show, which ties long stretches
			// of time together, or the less important half.
			hidden = nil
			shown := slices.SortedFunc(maps.Keys(cut.parts), importance)
			drop := slices.IndexFunc(shown, func(p partOf) bool { return before[p] })
			if drop <= 0 {
				drop = (len(shown) + 1) / 2
			}
			for _, p := range shown[:drop] {
				pl.hide(cut, p)
			}
			continue
		}
		least := slices.MinFunc(suspects, importance)
		pl.hide(cut, least)
		hidden = append(hidden, least)
	}
	return cut, kept()
}

// large adds to a cut the parts that are large enough, and leave as many outside, since they were last shown as well
// as in all. It returns how many people are in each part.
func (pl *releasePlanner) large(cut publishedCut, k int, candidates func(partOf) bool) map[partOf]int {
	enough := func(part, whole int) bool {
		return (part == 0 || part >= k) && (whole == part || whole-part >= k)
	}
	whole, counts := pl.people(cut.steps)
	fits := func(p partOf) bool { return enough(counts[p], whole[pl.side(p)]) }
	for p := range counts {
		base := p
		if pl.side(p) == 1 {
			base = pl.twin(p)
		}
		if candidates(base) && fits(p) && fits(pl.twin(p)) {
			cut.parts[p] = true
		}
	}
	for i, c := range slices.Backward(pl.cuts) {
		then, thenCounts := pl.people(c.steps)
		for p := range c.parts {
			last := !slices.ContainsFunc(pl.cuts[i+1:], func(later publishedCut) bool { return later.parts[p] })
			// What was shown for a lower threshold is known, and no reason to hide what follows.
			at := pl.side(p)
			if last && thenCounts[p] >= k && !enough(counts[p]-thenCounts[p], whole[at]-then[at]) {
				pl.hide(cut, p)
			}
		}
	}
	return counts
}

// mostShownAgain bounds how many parts left out are tried once more.
const mostShownAgain = 8

// showAgain shows parts that turned out to be no danger once others were hidden.
func (pl *releasePlanner) showAgain(cut publishedCut, k int, hidden []partOf, counts map[partOf]int, importance func(a, b partOf) int) {
	if len(hidden) < 2 {
		return
	}
	slices.SortFunc(hidden, func(a, b partOf) int { return importance(b, a) })
	for _, p := range hidden[:min(len(hidden), mostShownAgain)] {
		cut.parts[p] = true
		if twin := pl.twin(p); counts[twin] > 0 {
			cut.parts[twin] = true
		}
		if suspects, err := pl.suspects(cut, k); err != nil || suspects != nil {
			pl.hide(cut, p)
		}
	}
}

// suspects returns the parts of a cut that take part in computing a small group; nil if none can be computed.
func (pl *releasePlanner) suspects(cut publishedCut, k int) ([]partOf, error) {
	cuts := append(slices.Clone(pl.cuts), cut)
	atoms, parts, newest := pl.coarse(cuts)
	for _, side := range pl.sides(atoms, parts) {
		found, err := pl.disclosed(side, cuts, k)
		if err != nil {
			return nil, err
		}
		if found == nil {
			continue
		}
		var suspects []partOf
		for _, part := range found.parts {
			if p, ok := newest[side.parts[part]]; ok {
				suspects = append(suspects, p)
			}
		}
		if suspects == nil {
			return slices.Collect(maps.Keys(cut.parts)), nil
		}
		return suspects, nil
	}
	return nil, nil
}

// auditedSide is what is audited at once: everybody, or one side of an option. Its atoms have its own numbers of parts.
type auditedSide struct {
	atoms []auditAtom
	parts []int32 // the numbers among all
}

// sides takes two sides apart: what can be computed of both is what can be computed of the one and of the other.
func (pl *releasePlanner) sides(atoms []auditAtom, parts int) []auditedSide {
	if pl.mirror == 0 {
		all := make([]int32, parts)
		for p := range all {
			all[p] = int32(p)
		}
		return []auditedSide{{atoms, all}}
	}
	sides := make([]auditedSide, 2)
	numbers := make([]int32, parts) // plus one
	for _, a := range atoms {
		side := &sides[a.step%2]
		own := make([]int32, len(a.parts))
		for i, p := range a.parts {
			if numbers[p] == 0 {
				side.parts = append(side.parts, p)
				numbers[p] = int32(len(side.parts)) //nolint:gosec // parts are few
			}
			own[i] = numbers[p] - 1
		}
		slices.Sort(own)
		a.parts = own
		side.atoms = append(side.atoms, a)
	}
	return sides
}

// disclosed audits one side, and returns a small group that could not be computed before the last cut; nil if there is
// none.
func (pl *releasePlanner) disclosed(side auditedSide, cuts []publishedCut, k int) (*disclosure, error) {
	a, err := pl.audit(side.atoms, len(side.parts))
	if err != nil {
		return nil, err
	}
	var past *audit
	defer func() { pl.work -= min(auditWork, pl.work) - a.work }()
	return a.disclosed(k, func(d *disclosure) (bool, error) {
		if past == nil {
			if past, err = pl.past(side.atoms, cuts); err != nil {
				return false, err
			}
		}
		group := map[int32]bool{}
		for _, id := range d.atoms {
			group[id] = true
		}
		return past.computes(group), nil
	})
}

// touched leaves out the steps that have nothing to do with the newest cut. What is published falls into blocks that
// share no step and no part, as stretches of time between two cuts do if both show the same parts, and of a group
// that can be computed, what lies in a block can be computed from that block. In blocks without anything new, that
// could be done before.
func touched(atoms []auditAtom, parts int, newest map[int32]partOf) []auditAtom {
	steps := int32(0)
	for i := range atoms {
		steps = max(steps, atoms[i].step+1)
	}
	block := make([]int32, int(steps)+parts) // a forest: the steps, then the parts
	for i := range block {
		block[i] = int32(i)
	}
	root := func(i int32) int32 {
		for block[i] != i {
			block[i] = block[block[i]]
			i = block[i]
		}
		return i
	}
	for i := range atoms {
		for _, p := range atoms[i].parts {
			block[root(atoms[i].step)] = root(steps + p)
		}
	}
	fresh := map[int32]bool{}
	for p := range newest {
		fresh[root(steps+p)] = true
	}
	return slices.DeleteFunc(atoms, func(a auditAtom) bool { return !fresh[root(a.step)] })
}

func (pl *releasePlanner) audit(atoms []auditAtom, parts int) (*audit, error) {
	work := min(auditWork, pl.work)
	a, err := newAudit(atoms, parts, work)
	if err != nil {
		pl.work -= work
	}
	return a, err
}

// past is the audit of what was published before the last of some cuts, over the same atoms.
func (pl *releasePlanner) past(atoms []auditAtom, cuts []publishedCut) (*audit, error) {
	numbers, parts, _ := pl.numbers(cuts[:len(cuts)-1])
	old := slices.Clone(atoms)
	for i := range old {
		old[i].parts = partsOf(&pl.atoms[old[i].id], numbers)
	}
	return newAudit(old, parts, auditWork)
}

// publishedParts numbers the parts by cut: everybody of a part who is new since the last cut that showed it.
type publishedParts [][]publishedPart // by partOf.index

type publishedPart struct {
	steps  int32 // of the cut
	number int32
}

// numbers gives numbers to all parts published, from 0, and says which are of the last cut. What a part adds to
// its people since it was last shown is as good as the part: the ones can be computed from the others.
func (pl *releasePlanner) numbers(cuts []publishedCut) (numbers publishedParts, n int, newest map[int32]partOf) {
	newest = map[int32]partOf{}
	if len(pl.atoms) > 0 {
		numbers = make(publishedParts, len(pl.atoms[0].values)*valuesWide)
	}
	for i, c := range cuts {
		parts := slices.SortedFunc(maps.Keys(c.parts), func(a, b partOf) int {
			return cmp.Or(cmp.Compare(a.segment, b.segment), cmp.Compare(a.value, b.value))
		})
		for _, p := range parts {
			numbers[p.index()] = append(numbers[p.index()], publishedPart{int32(c.steps), int32(n)}) //nolint:gosec // steps and parts are few
			if i == len(cuts)-1 {
				newest[int32(n)] = p
			}
			n++
		}
	}
	return numbers, n, newest
}

// partsOf are the numbers of the parts that an atom is in.
func partsOf(a *fineAtom, numbers publishedParts) []int32 {
	var parts []int32
	for j, v := range a.values {
		if v == 0 {
			continue
		}
		for _, p := range numbers[partOf{j, v}.index()] {
			if p.steps > a.step {
				parts = append(parts, p.number)
				break
			}
		}
	}
	slices.Sort(parts)
	return parts
}

// coarse joins the atoms that nothing published tells apart, of the steps that have to do with the newest cut.
func (pl *releasePlanner) coarse(cuts []publishedCut) (atoms []auditAtom, parts int, newest map[int32]partOf) {
	numbers, n, newest := pl.numbers(cuts)
	last := 0
	for _, c := range cuts {
		last = max(last, c.steps)
	}
	fine := make([]auditAtom, 0, len(pl.atoms))
	for i := range pl.atoms {
		if a := &pl.atoms[i]; int(a.step) < last {
			fine = append(fine, auditAtom{int32(i), a.step, a.people, partsOf(a, numbers)})
		}
	}
	fine = touched(fine, n, newest)
	classes, widest := make([]int32, len(fine)), 0
	for i := range fine {
		classes[i] = fine[i].step
		widest = max(widest, len(fine[i].parts))
	}
	count := last
	for at := range widest {
		count = refine(classes, count, func(i int) int32 {
			if at < len(fine[i].parts) {
				return fine[i].parts[at] + 1
			}
			return 0
		})
	}
	atoms = make([]auditAtom, count)
	for i, c := range classes {
		people := atoms[c].people + fine[i].people
		if atoms[c].people == 0 {
			atoms[c] = fine[i]
		}
		atoms[c].people = people
	}
	return slices.DeleteFunc(atoms, func(a auditAtom) bool { return a.people == 0 }), n, newest
}
