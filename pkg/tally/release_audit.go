package tally

import (
	"cmp"
	"errors"
	"math"
	"math/bits"
	"slices"
)

// The audit of what can be found out from published figures by adding and subtracting them.
//
// Everybody counted belongs to an atom: the people who are the same to every published figure. A figure that is
// published is the sum over some atoms, a vector of zeros and ones; whatever can be computed from all figures is
// a combination of these vectors, a member of their row space. A group of people is disclosed if the vector of
// the group, zeros and ones again, is in the row space. The audit looks for one of fewer people than allowed.
//
// A vector of the row space is determined by its values on a set of pivots, atoms whose columns are a basis: it is
// the sum of the rows of the reduced echelon form, times those values. One of zeros and ones is the sum of some of
// these rows, and its people include those of their pivots, so that only pivots on small atoms can take part and
// only a few at once. The search adds rows until a sum is a group; where a column of the sum is neither 0 nor 1,
// or too many people are in it, a row must be added that changes one of these columns, or there is no group that
// way. It is exhaustive.
//
// Numbers are residues of a large prime. A group that can be computed is never missed for that: it would have to be
// one of more dimensions than the residues have, and ranks modulo several primes prove that there are none; that
// a residue is 0 or 1 by chance would only hide more.
//
// The whole of each step, a stretch of time at whose end everybody is counted together, is always published.
// Each step has a pivot of its own, its largest atom, and other columns count by what sets them apart from it.

// errTooHard says that an audit would have taken too long, or could not be proved. What it was to pass stays hidden.
var errTooHard = errors.New("too many figures to audit")

// auditPrimes are the largest primes below powers of two, as many as a proof may need. The first is worked with.
func auditPrimes() []uint64 {
	return []uint64{1<<61 - 1, 1<<63 - 25, 1<<62 - 57, 1<<60 - 93, 1<<59 - 55, 1<<58 - 27, 1<<57 - 13, 1<<56 - 5}
}

// auditAtom is the people whom no published figure tells apart.
type auditAtom struct {
	id     int32 // the caller's, which stays while atoms are reordered
	step   int32
	people int32
	parts  []int32 // the published parts they are in, in rising order
}

// audit is the row space of what is published.
type audit struct {
	field
	atoms   []auditAtom // the largest first
	columns []auditColumn
	steps   []int32 // the pivot of each step: a position in atoms, -1 for a step without people
	rows    []auditRow
	pivots  []int32 // of rows: positions in atoms
	at      map[int32]int32
	parts   int
	work    int // how much may still be done: additions, of which a processor does some hundred millions a second
}

// auditColumn is what sets an atom apart from the pivot of its step: parts with 1 or -1. A column that is empty
// belongs to the pivot.
type auditColumn []auditEntry

type auditEntry struct {
	part  int32
	minus bool
}

// auditRow is a combination of published parts, numbers by part, that is 1 on its own pivot and 0 on all others.
type auditRow []uint64

// auditWork bounds an audit.
const auditWork = 60_000_000

// newAudit finds the pivots. parts is how many published parts there are. The atoms are reordered.
func newAudit(atoms []auditAtom, parts, work int) (*audit, error) {
	a := &audit{field: field{auditPrimes()[0]}, atoms: atoms, at: map[int32]int32{}, parts: parts, work: work}
	slices.SortFunc(atoms, func(x, y auditAtom) int {
		if c := cmp.Compare(y.people, x.people); c != 0 {
			return c
		}
		if c := cmp.Compare(x.step, y.step); c != 0 {
			return c
		}
		return slices.Compare(x.parts, y.parts)
	})
	for i, atom := range atoms {
		for len(a.steps) <= int(atom.step) {
			a.steps = append(a.steps, -1)
		}
		if a.steps[atom.step] < 0 {
			a.steps[atom.step] = int32(i)
		}
	}
	a.columns = make([]auditColumn, len(atoms))
	entries := make([]auditEntry, 0, 4*len(atoms))
	for i, atom := range atoms {
		from := len(entries)
		entries = apart(entries, atom.parts, atoms[a.steps[atom.step]].parts)
		a.columns[i] = entries[from:len(entries):len(entries)]
	}
	pivots, rows, err := a.eliminate(a.field, a.columns, parts)
	if err != nil {
		return nil, err
	}
	for r, i := range pivots {
		a.pivots = append(a.pivots, int32(i)) //nolint:gosec // there are fewer atoms than people, which fit an int32
		a.at[int32(i)] = int32(r)             //nolint:gosec // as above
	}
	a.rows = rows
	return a, a.prove()
}

// apart adds the difference of two sets of parts.
func apart(entries []auditEntry, a, b []int32) []auditEntry {
	for len(a) > 0 || len(b) > 0 {
		switch {
		case len(b) == 0 || len(a) > 0 && a[0] < b[0]:
			entries, a = append(entries, auditEntry{a[0], false}), a[1:]
		case len(a) == 0 || b[0] < a[0]:
			entries, b = append(entries, auditEntry{b[0], true}), b[1:]
		default:
			a, b = a[1:], b[1:]
		}
	}
	return entries
}

// eliminate is Gauss's and Jordan's, kept by functionals: for each pivot the combination of parts that is 1 on it
// and 0 on the others, and for each part without a pivot one that is 0 on all pivots. A column that none of the
// latter tells from 0 depends on the pivots.
func (a *audit) eliminate(f field, columns []auditColumn, parts int) (pivots []int, rows []auditRow, err error) {
	free := make([]auditRow, parts)
	for p := range free {
		free[p] = make(auditRow, parts)
		free[p][p] = 1
	}
	// Parts that no column has are free from beginning to end, and need not be asked of every column.
	used := make([]bool, parts)
	for _, column := range columns {
		for _, e := range column {
			used[e.part] = true
		}
	}
	free = slices.DeleteFunc(free, func(r auditRow) bool { return !used[slices.IndexFunc(r, func(n uint64) bool { return n != 0 })] })
	for i, column := range columns {
		if len(column) == 0 {
			continue
		}
		if len(free) == 0 {
			break
		}
		if a.work -= len(free) * len(column); a.work < 0 {
			return nil, nil, errTooHard
		}
		at := slices.IndexFunc(free, func(r auditRow) bool { return f.times(r, column) != 0 })
		if at < 0 {
			continue
		}
		row := free[at]
		free = slices.Delete(free, at, at+1)
		f.scale(row, f.inverse(f.times(row, column)))
		for _, others := range [2][]auditRow{free, rows} {
			for _, other := range others {
				if n := f.times(other, column); n != 0 {
					a.work -= 8 * parts
					f.add(other, f.p-n, row)
				}
			}
		}
		pivots, rows = append(pivots, i), append(rows, row)
	}
	return pivots, rows, nil
}

// prove makes sure that the columns have no higher rank in fractions than in residues. If they had, there would be
// a determinant of one more column than pivots that is not 0 and that each prime divides whose residues have no
// higher rank either; by Hadamard's bound it is smaller than the product of enough primes.
func (a *audit) prove() error {
	lengths := make([]int, 0, len(a.columns))
	for _, c := range a.columns {
		lengths = append(lengths, len(c))
	}
	slices.Sort(lengths)
	slices.Reverse(lengths)
	bound := 1.0 // bits, and one for rounding
	for _, n := range lengths[:min(len(lengths), len(a.rows)+1)] {
		bound += math.Log2(float64(max(n, 1))) / 2
	}
	for i, p := range auditPrimes() {
		if i > 0 {
			pivots, _, err := a.eliminate(field{p}, a.columns, a.parts)
			if err != nil {
				return err
			}
			if len(pivots) > len(a.rows) {
				return errTooHard // the first prime divides a determinant: one chance in 10^18
			}
		}
		if bound -= math.Log2(float64(p)) - 0.001; bound < 0 || len(a.rows) == a.parts {
			return nil
		}
	}
	return errTooHard
}

// field is arithmetic with the residues of a prime below 2^63.
type field struct{ p uint64 }

// times is a combination's number on a column.
func (f field) times(r auditRow, column auditColumn) uint64 {
	var sum uint64
	for _, e := range column {
		n := r[e.part]
		if e.minus && n != 0 {
			n = f.p - n
		}
		if sum += n; sum >= f.p {
			sum -= f.p
		}
	}
	return sum
}

// add adds n times another row.
func (f field) add(r auditRow, n uint64, other auditRow) {
	for i, o := range other {
		if o == 0 {
			continue
		}
		if n != 1 {
			o = f.product(n, o)
		}
		if r[i] += o; r[i] >= f.p {
			r[i] -= f.p
		}
	}
}

func (f field) scale(r auditRow, n uint64) {
	for i := range r {
		r[i] = f.product(r[i], n)
	}
}

func (f field) product(a, b uint64) uint64 {
	high, low := bits.Mul64(a, b)
	return bits.Rem64(high, low, f.p)
}

// inverse is by Fermat: n to the power of p-2.
func (f field) inverse(n uint64) uint64 {
	result := uint64(1)
	for e := f.p - 2; e > 0; e >>= 1 {
		if e&1 != 0 {
			result = f.product(result, n)
		}
		n = f.product(n, n)
	}
	return result
}

// A disclosure is a group of people that can be computed.
type disclosure struct {
	atoms  []int32 // ids
	people int
	parts  []int32 // published parts that take part in one way to compute it
}

// disclosed looks for groups of 1 to limit-1 people, and returns the first that is not known already; nil if there
// is none. The error is errTooHard.
func (a *audit) disclosed(limit int, known func(d *disclosure) (bool, error)) (*disclosure, error) {
	if len(a.atoms) == 0 || a.surelySafe(limit) {
		return nil, nil //nolint:nilnil // nothing is disclosed, and that is no error
	}
	s := &auditSearch{
		audit: a, limit: int32(limit), known: known, sum: make(auditRow, a.parts), //nolint:gosec // a threshold
		stepsIn: map[int32]bool{}, excluded: map[int32]bool{}, onColumn: map[int32][]uint64{}, ofStep: map[int32][]int{},
	}
	for r, at := range a.pivots {
		step := a.atoms[at].step
		s.ofStep[step] = append(s.ofStep[step], r)
	}
	var seeds []int32
	for _, set := range [][]int32{a.pivots, a.steps} {
		for _, i := range set {
			if i >= 0 && a.atoms[i].people < s.limit {
				seeds = append(seeds, i)
			}
		}
	}
	return s.addOneOf(seeds, 0)
}

// surelySafe reports that no group of fewer than limit people can be computed, where there are so many people that
// this is plain. A group of the row space differs between two people of a step by a number that depends on their
// columns only. Pairs of different people, limit of them or more for each direction that columns have, cannot all
// have one of the group's people; and where none has, in pairs that span everything, the group is whole steps,
// which are not small. Where it reports false, nothing is known.
func (a *audit) surelySafe(limit int) bool {
	pairs := a.disjointPairs(limit)
	for range limit {
		work := a.work
		pivots, _, err := a.eliminate(a.field, pairs, a.parts)
		a.work = min(work, a.work+auditWork) // what a proof costs does not shorten the search
		if err != nil || len(pivots) < len(a.rows) {
			return false
		}
		for i, p := range pivots {
			pairs = slices.Delete(pairs, p-i, p-i+1)
		}
	}
	return true
}

// disjointPairs returns the differences between the columns of people of the same step, nobody in two pairs, those
// without rare parts first and of each rarest part not many more than are needed.
func (a *audit) disjointPairs(limit int) []auditColumn {
	people := make([]int32, a.parts)
	for _, atom := range a.atoms {
		for _, p := range atom.parts {
			people[p] += atom.people
		}
	}
	left := map[int32]int32{} // by step: somebody without a partner yet
	rarest := func(c auditColumn) int32 {
		return slices.MinFunc(c, func(x, y auditEntry) int {
			return cmp.Or(cmp.Compare(people[x.part], people[y.part]), cmp.Compare(x.part, y.part))
		}).part
	}
	byRarest := make([][]auditColumn, a.parts)
	pair := func(i, j int32) {
		if c := apart(nil, a.atoms[i].parts, a.atoms[j].parts); len(c) > 0 {
			if r := rarest(c); len(byRarest[r]) < 40*limit {
				byRarest[r] = append(byRarest[r], c)
			}
		}
	}
	for i := range a.atoms {
		n, step := a.atoms[i].people, a.atoms[i].step
		at := int32(i)
		if pivot := a.steps[step]; a.atoms[pivot].people >= int32(limit) { //nolint:gosec // a threshold
			// Nobody of so large an atom is in a small group: it is a partner for everybody.
			for range min(n, int32(limit)) { //nolint:gosec // as above
				pair(at, pivot)
			}
			continue
		}
		other, ok := left[step]
		if !ok {
			left[step] = at
			continue
		}
		pair(at, other)
		delete(left, step)
		if n > 1 {
			left[step] = at
		}
	}
	order := make([]int32, a.parts)
	for p := range order {
		order[p] = int32(p)
	}
	slices.SortStableFunc(order, func(x, y int32) int { return cmp.Compare(people[y], people[x]) })
	var pairs []auditColumn
	for _, p := range order {
		pairs = append(pairs, byRarest[p]...)
	}
	return pairs
}

// auditSearch is a sum of rows, and what may still be added to it.
type auditSearch struct {
	*audit
	limit    int32
	known    func(d *disclosure) (bool, error)
	sum      auditRow
	stepsIn  map[int32]bool     // steps whose pivot is in the group
	chosen   []int32            // pivots in the group
	excluded map[int32]bool     // pivots that were tried already, with everything that goes with them
	onColumn map[int32][]uint64 // by atom: the number of every row on its column
	ofStep   map[int32][]int    // by step: the rows whose pivots are in it
}

// addOneOf tries each of some pivots, with people in the group so far.
func (s *auditSearch) addOneOf(pivots []int32, people int32) (*disclosure, error) {
	var tried []int32
	defer func() {
		for _, p := range tried {
			delete(s.excluded, p)
		}
	}()
	for _, p := range pivots {
		if s.excluded[p] || people+s.atoms[p].people >= s.limit {
			continue
		}
		// Whatever has this pivot is found below; its siblings need not find it again.
		s.excluded[p] = true
		tried = append(tried, p)
		found, err := s.with(p, people+s.atoms[p].people)
		if found != nil || err != nil {
			return found, err
		}
	}
	return nil, nil //nolint:nilnil // nothing is disclosed, and that is no error
}

// with adds one pivot and goes on from there.
func (s *auditSearch) with(p, people int32) (*disclosure, error) {
	before := slices.Clone(s.sum)
	step := s.atoms[p].step
	isStep := s.steps[step] == p
	s.chosen = append(s.chosen, p)
	defer func() {
		s.sum = before
		s.chosen = s.chosen[:len(s.chosen)-1]
		if isStep {
			delete(s.stepsIn, step)
		}
	}()
	if isStep {
		// Pivots of rows in this step would be 1 with it, and are not.
		s.stepsIn[step] = true
		for _, r := range s.ofStep[step] {
			s.add(s.sum, s.p-1, s.rows[r])
		}
		s.work -= 4 * s.parts * len(s.ofStep[step])
	} else {
		s.add(s.sum, 1, s.rows[s.at[p]])
		s.work -= s.parts
	}
	next, found, err := s.look(s.limit - 1 - people)
	if err != nil {
		return nil, err
	}
	if found != nil {
		if known, err := s.known(found); err != nil || !known {
			return found, err
		}
		next = slices.Concat(s.pivots, s.steps)
		next = slices.DeleteFunc(next, func(i int32) bool { return i < 0 || slices.Contains(s.chosen, i) })
	}
	return s.addOneOf(next, people)
}

// value is the sum's number on an atom.
func (s *auditSearch) value(i int32) uint64 {
	v := s.times(s.sum, s.columns[i])
	if s.stepsIn[s.atoms[i].step] {
		v = (v + 1) % s.p
	}
	return v
}

// change is how much a pivot, if added, changes the sum's number on an atom.
func (s *auditSearch) change(pivot, i int32) uint64 {
	on := s.numbers(i)
	step := s.atoms[pivot].step
	if s.steps[step] != pivot {
		return on[s.at[pivot]]
	}
	var n uint64
	if s.atoms[i].step == step {
		n = 1
	}
	for _, r := range s.ofStep[step] {
		if n += s.p - on[r]; n >= s.p {
			n -= s.p
		}
	}
	return n
}

// numbers are those of all rows on an atom's column.
func (s *auditSearch) numbers(i int32) []uint64 {
	on, ok := s.onColumn[i]
	if !ok {
		on = make([]uint64, len(s.rows))
		for r := range s.rows {
			on[r] = s.times(s.rows[r], s.columns[i])
		}
		s.work -= len(s.rows) * (1 + len(s.columns[i]))
		s.onColumn[i] = on
	}
	return on
}

// look reads the sum. If it is a group of few enough people, the group is returned; otherwise the pivots of which
// one must be added to make it one, with so many people still to be added at most.
func (s *auditSearch) look(room int32) ([]int32, *disclosure, error) {
	const enough = 8 // columns that must change, of which the one with the fewest ways is taken
	var ones, must []int32
	people, looked := int32(0), 0
	for at := range s.atoms {
		i := int32(at)
		looked += 1 + len(s.columns[i])
		v := s.value(i)
		if v == 0 {
			continue
		}
		if v != 1 || s.atoms[i].people >= s.limit {
			if must = append(must, i); len(must) == enough || room == 0 {
				break
			}
		} else if people < s.limit {
			ones = append(ones, i)
			people += s.atoms[i].people
		}
	}
	if s.work -= looked; s.work < 0 {
		return nil, nil, errTooHard
	}
	switch {
	case len(must) == 0 && people < s.limit:
		return nil, s.disclosure(ones, people), nil
	case room == 0:
		return nil, nil, nil
	case len(must) > 0:
		return s.fewestWays(must, room), nil, nil
	}
	var ways []int32
	for _, i := range ones {
		for _, p := range s.ways(i, room) {
			if !slices.Contains(ways, p) {
				ways = append(ways, p)
			}
		}
	}
	return ways, nil, nil
}

func (s *auditSearch) disclosure(atoms []int32, people int32) *disclosure {
	d := &disclosure{people: int(people)}
	for _, i := range atoms {
		d.atoms = append(d.atoms, s.atoms[i].id)
	}
	for p, n := range s.sum {
		if n != 0 {
			d.parts = append(d.parts, int32(p))
		}
	}
	return d
}

// fewestWays returns the pivots of which one must be added so that some atoms change that must: those that change
// one atom and, when only one more can be added, put all the others right.
func (s *auditSearch) fewestWays(must []int32, room int32) []int32 {
	best := s.ways(must[0], room)
	for _, i := range must {
		if len(best) == 0 {
			return nil
		}
		if room > 1 {
			if ways := s.ways(i, room); len(ways) < len(best) {
				best = ways
			}
			continue
		}
		v := s.value(i)
		best = slices.DeleteFunc(best, func(p int32) bool {
			s.work--
			n := (v + s.change(p, i)) % s.p
			return n > 1 || n == 1 && s.atoms[i].people >= s.limit
		})
	}
	return best
}

// ways are the pivots that are still open, have room and change the sum on an atom.
func (s *auditSearch) ways(i, room int32) []int32 {
	var open []int32
	add := func(p int32) {
		if s.atoms[p].people <= room && !s.excluded[p] && !slices.Contains(s.chosen, p) && !slices.Contains(open, p) {
			open = append(open, p)
		}
	}
	add(s.steps[s.atoms[i].step])
	for r, n := range s.numbers(i) {
		if n != 0 {
			add(s.pivots[r])
			// The pivot of the step that this row's pivot is in changes it too, by the same number.
			add(s.steps[s.atoms[s.pivots[r]].step])
		}
	}
	s.work -= len(s.rows)
	return open
}

// computes reports whether a group, given by the ids of its atoms, can be computed from what is published.
func (a *audit) computes(group map[int32]bool) bool {
	// differs is 1 where an atom is in the group and the pivot of its step is not, -1 the other way round.
	differs := func(i int32) uint64 {
		in, with := group[a.atoms[i].id], group[a.atoms[a.steps[a.atoms[i].step]].id]
		switch {
		case in == with:
			return 0
		case in:
			return 1
		}
		return a.p - 1
	}
	sum := make(auditRow, a.parts)
	for r, at := range a.pivots {
		if n := differs(at); n != 0 {
			a.add(sum, n, a.rows[r])
		}
	}
	for i := range a.atoms {
		if a.times(sum, a.columns[i]) != differs(int32(i)) {
			return false
		}
	}
	return true
}
