package stats

import (
	"cmp"
	"errors"
	"iter"
	"math"
	"slices"
)

// ErrUnprotectable says that a table cannot be published with its totals at all: even with every count hidden,
// the totals give a small group away. It is shown without its parts, or not at all.
var ErrUnprotectable = errors.New("the totals alone give a small group away")

// CellRule says which counts of people in a two-way table are too small to be shown.
type CellRule struct {
	// Threshold is k, at least 1: a count of 1 to k-1 people is hidden. Zeros are shown.
	Threshold int
	// Rest hides a count as well if it leaves 1 to k-1 people in the rest of its row: "all but two of them said
	// so" identifies the two. A table whose rows already have "said so" and "did not" as columns needs no Rest.
	Rest bool
}

// Suppression is which cells of a table are not shown, all as [row][column].
type Suppression struct {
	Primary [][]bool // hidden because they are small themselves
	Hidden  [][]bool // these, and the complementary ones, without which those would come out by subtraction
}

// Complementary is how many cells are hidden only to protect others.
func (s *Suppression) Complementary() int {
	n := 0
	for r := range s.Hidden {
		for c := range s.Hidden[r] {
			if s.Hidden[r][c] && !s.Primary[r][c] {
				n++
			}
		}
	}
	return n
}

// CountRange is the smallest and the largest count that a hidden cell can have for all that is published.
type CountRange struct{ Low, High int }

// Suppress chooses which cells to hide of a table of counts of people, [row][column], whose row, column and
// grand totals are published. What it returns has passed the audit of [CellRule.Audit]: nobody who takes the
// shown counts from the totals can pin a hidden cell down, nor tell that a small one is below the threshold.
//
// Zeros stay shown: that nobody said something tells of no person. It is an [*ArgumentError] if the threshold
// is below 1, a count is negative or rows differ in length, and [ErrUnprotectable] if no pattern protects.
//
// Each small cell is protected by the cheapest cycle of cells through it (Cox 1980, J. Am. Stat. Assoc.
// 75:377-385; the fewest new cells, then the fewest people), in several orders of the small cells; what turns
// out to be hidden needlessly is shown again; and where so few cells can be combined that all combinations can
// be tried, fewer are looked for. On small tables the pattern is therefore optimal, on larger ones good.
// The rules are those of Hundepool et al. (2012), Statistical Disclosure Control, chapter 4.
func (r CellRule) Suppress(counts [][]int) (*Suppression, error) {
	t, err := newCellTable("Suppress", r, counts)
	if err != nil {
		return nil, err
	}
	primary := t.primaryCells()
	s := &Suppression{Primary: t.pattern(primary), Hidden: t.pattern(primary)}
	if len(primary) == 0 {
		return s, nil
	}
	best, ok := t.protect(primary)
	if !ok {
		return nil, ErrUnprotectable
	}
	for _, c := range t.fewer(primary, best) {
		s.Hidden[c/t.cols][c%t.cols] = true
	}
	return s, nil
}

// Audit reports whether a pattern of hidden cells protects a table: every hidden cell could be two things at
// least; one hidden for being small could be less than it is, and as much as the threshold; and with Rest, one
// hidden for its small rest could be more than it is, and leave as much as the threshold. Shapes must be equal.
func (r CellRule) Audit(counts [][]int, hidden [][]bool) (bool, error) {
	t, err := newCellTable("Audit", r, counts)
	if err != nil {
		return false, err
	}
	flat, err := t.flat("Audit", hidden)
	if err != nil {
		return false, err
	}
	for _, c := range t.primaryCells() {
		if !flat[c] {
			return false, nil
		}
	}
	return t.safe(flat), nil
}

// Bounds returns, for every hidden cell of a table whose row and column totals are published, the smallest and
// the largest count that agrees with everything shown; a shown cell has its count as both. The counts of a
// two-way table are whole numbers at the ends of their ranges (its constraints are totally unimodular), so that
// what is found by the largest flow through the hidden cells is what a linear programme would find. It is an
// [*ArgumentError] if a count is negative or shapes differ.
func Bounds(counts [][]int, hidden [][]bool) ([][]CountRange, error) {
	t, err := newCellTable("Bounds", CellRule{Threshold: 1}, counts)
	if err != nil {
		return nil, err
	}
	flat, err := t.flat("Bounds", hidden)
	if err != nil {
		return nil, err
	}
	bounds := make([][]CountRange, t.rows)
	for r := range bounds {
		bounds[r] = make([]CountRange, t.cols)
		for c := range bounds[r] {
			bounds[r][c] = t.bounds(flat, r*t.cols+c)
		}
	}
	return bounds, nil
}

// cellTable is a table laid out row by row: cell = row*cols + column.
type cellTable struct {
	rule       CellRule
	rows, cols int
	counts     []int
	rowTotals  []int
	total      int
}

func newCellTable(function string, rule CellRule, counts [][]int) (*cellTable, error) {
	if rule.Threshold < 1 {
		return nil, &ArgumentError{function, "threshold", float64(rule.Threshold), "at least 1"}
	}
	t := &cellTable{rule: rule, rows: len(counts)}
	if t.rows > 0 {
		t.cols = len(counts[0])
	}
	t.rowTotals = make([]int, t.rows)
	for r, row := range counts {
		if err := checkLength(function, "rows of counts", len(row), t.cols); err != nil {
			return nil, err
		}
		for _, n := range row {
			if n < 0 {
				return nil, &ArgumentError{function, "counts", float64(n), "a number of people, 0 or more"}
			}
			t.rowTotals[r] += n
		}
		t.counts = append(t.counts, row...)
		t.total += t.rowTotals[r]
	}
	return t, nil
}

// small and smallRest are the two reasons for which a cell is primary.
func (t *cellTable) small(c int) bool { return 0 < t.counts[c] && t.counts[c] < t.rule.Threshold }

func (t *cellTable) smallRest(c int) bool {
	rest := t.rowTotals[c/t.cols] - t.counts[c]
	return t.rule.Rest && 0 < rest && rest < t.rule.Threshold && t.counts[c] > 0
}

func (t *cellTable) primaryCells() []int {
	var cells []int
	for c := range t.counts {
		if t.small(c) || t.smallRest(c) {
			cells = append(cells, c)
		}
	}
	return cells
}

func (t *cellTable) pattern(cells []int) [][]bool {
	p := make([][]bool, t.rows)
	for r := range p {
		p[r] = make([]bool, t.cols)
	}
	for _, c := range cells {
		p[c/t.cols][c%t.cols] = true
	}
	return p
}

func (t *cellTable) flat(function string, hidden [][]bool) ([]bool, error) {
	if err := checkLength(function, "hidden", len(hidden), t.rows); err != nil {
		return nil, err
	}
	flat := make([]bool, 0, len(t.counts))
	for _, row := range hidden {
		if err := checkLength(function, "rows of hidden", len(row), t.cols); err != nil {
			return nil, err
		}
		flat = append(flat, row...)
	}
	return flat, nil
}

func (t *cellTable) safe(hidden []bool) bool {
	for c, h := range hidden {
		if h && !t.safeCell(hidden, c) {
			return false
		}
	}
	return true
}

func (t *cellTable) safeCell(hidden []bool, c int) bool {
	b, n := t.bounds(hidden, c), t.counts[c]
	if b.Low == b.High {
		return false
	}
	if t.small(c) && (b.Low >= n || b.High < t.rule.Threshold) {
		return false
	}
	return !t.smallRest(c) || (b.High > n && t.rowTotals[c/t.cols]-b.Low >= t.rule.Threshold)
}

// bounds returns the range of one cell. From the true counts, which agree with everything published, the cell
// is raised and lowered along cycles of hidden cells for as long as none of them falls below 0.
func (t *cellTable) bounds(hidden []bool, cell int) CountRange {
	n := t.counts[cell]
	if !hidden[cell] {
		return CountRange{n, n}
	}
	row, col := cell/t.cols, t.rows+cell%t.cols
	return CountRange{n - t.flow(hidden, cell, row, col, n), n + t.flow(hidden, cell, col, row, math.MaxInt)}
}

// flow is how much can be shifted from one node to another through the hidden cells other than cell, at most
// limit. Nodes are the rows, then the columns. A step from a row to a column raises their cell, which may rise
// without end; one from a column to a row lowers it, at most to 0.
func (t *cellTable) flow(hidden []bool, cell, from, to, limit int) int {
	counts := slices.Clone(t.counts)
	before := make([]int, t.rows+t.cols)
	total := 0
	for total < limit {
		for i := range before {
			before[i] = -1
		}
		before[from] = from
		queue := []int{from}
		for len(queue) > 0 && before[to] < 0 {
			node := queue[0]
			queue = queue[1:]
			for next := range t.neighbours(node) {
				c := t.cellOf(node, next)
				if before[next] < 0 && hidden[c] && c != cell && (node < t.rows || counts[c] > 0) {
					before[next] = node
					queue = append(queue, next)
				}
			}
		}
		if before[to] < 0 {
			break
		}
		amount := limit - total
		for node := to; node != from; node = before[node] {
			if last := before[node]; last >= t.rows {
				amount = min(amount, counts[t.cellOf(last, node)])
			}
		}
		for node := to; node != from; node = before[node] {
			if last := before[node]; last >= t.rows {
				counts[t.cellOf(last, node)] -= amount
			} else {
				counts[t.cellOf(last, node)] += amount
			}
		}
		total += amount
	}
	return total
}

// neighbours yields the columns of a row, or the rows of a column.
func (t *cellTable) neighbours(node int) iter.Seq[int] {
	low, high := 0, t.rows
	if node < t.rows {
		low, high = t.rows, t.rows+t.cols
	}
	return func(yield func(int) bool) {
		for next := low; next < high; next++ {
			if !yield(next) {
				return
			}
		}
	}
}

func (t *cellTable) cellOf(a, b int) int { return min(a, b)*t.cols + max(a, b) - t.rows }

// protect returns the best of several safe patterns.
func (t *cellTable) protect(primary []int) ([]bool, bool) {
	byCount := func(a, b int) int { return cmp.Or(cmp.Compare(t.counts[a], t.counts[b]), cmp.Compare(a, b)) }
	ascending := slices.SortedFunc(slices.Values(primary), byCount)
	descending := slices.Clone(ascending)
	slices.Reverse(descending)
	backward := slices.Clone(primary)
	slices.Reverse(backward)
	var best []bool
	for _, order := range [][]int{ascending, descending, primary, backward} {
		hidden, ok := t.protectInOrder(order)
		if !ok {
			return nil, false
		}
		if best == nil || t.cost(hidden) < t.cost(best) {
			best = hidden
		}
	}
	return best, true
}

// cost counts hidden cells first and people in them second.
func (t *cellTable) cost(hidden []bool) int {
	cost := 0
	for c, h := range hidden {
		if h {
			cost += t.total + 1 + t.counts[c]
		}
	}
	return cost
}

func (t *cellTable) protectInOrder(primary []int) ([]bool, bool) {
	hidden := make([]bool, len(t.counts))
	for _, c := range primary {
		hidden[c] = true
	}
	for _, c := range primary {
		if !t.safeCell(hidden, c) {
			t.closeCycle(hidden, c)
		}
	}
	if !t.safe(hidden) {
		// No single cycle has room enough. Everything that is there protects as well as anything can.
		for c, n := range t.counts {
			hidden[c] = n > 0
		}
		if !t.safe(hidden) {
			return nil, false
		}
	}
	t.showAgain(hidden)
	return hidden, true
}

// closeCycle hides the cheapest cells that make a cycle with a primary one, with room to raise and lower it as
// far as its reason asks. Without such a cycle it hides nothing.
func (t *cellTable) closeCycle(hidden []bool, cell int) {
	falls, rises := 1, 1 // what the cells that fall when this one rises must hold, and those that rise with it
	if t.small(cell) {
		falls = t.rule.Threshold - t.counts[cell]
	}
	if t.smallRest(cell) {
		rises = t.rule.Threshold - (t.rowTotals[cell/t.cols] - t.counts[cell])
	}
	from, to := t.rows+cell%t.cols, cell/t.cols
	nodes := t.rows + t.cols
	cost, before, done := make([]int, nodes), make([]int, nodes), make([]bool, nodes)
	for i := range cost {
		cost[i] = math.MaxInt
	}
	cost[from] = 0
	for {
		node := -1
		for i := range nodes {
			if !done[i] && cost[i] < math.MaxInt && (node < 0 || cost[i] < cost[node]) {
				node = i
			}
		}
		if node < 0 {
			return
		}
		if node == to {
			break
		}
		done[node] = true
		for next := range t.neighbours(node) {
			c := t.cellOf(node, next)
			if c == cell || done[next] || t.counts[c] < max(1, rises) && node < t.rows || t.counts[c] < max(1, falls) && node >= t.rows {
				continue
			}
			price := 0
			if !hidden[c] {
				price = t.total + 1 + t.counts[c]
			}
			if cost[node]+price < cost[next] {
				cost[next], before[next] = cost[node]+price, node
			}
		}
	}
	for node := to; node != from; node = before[node] {
		hidden[t.cellOf(before[node], node)] = true
	}
}

// mostTrials bounds how many patterns are tried to hide less. Hiding more than needed is no harm to anybody.
const mostTrials = 4000

// showAgain shows complementary cells again that are not needed, the most people first.
func (t *cellTable) showAgain(hidden []bool) {
	var cells []int
	for c, h := range hidden {
		if h && !t.small(c) && !t.smallRest(c) {
			cells = append(cells, c)
		}
	}
	slices.SortStableFunc(cells, func(a, b int) int { return cmp.Compare(t.counts[b], t.counts[a]) })
	for _, c := range cells[:min(len(cells), mostTrials/10)] {
		hidden[c] = false
		if !t.safe(hidden) {
			hidden[c] = true
		}
	}
}

// fewer tries all combinations of complementary cells that cost less than what was found, while those are few,
// and returns the hidden cells of the best pattern.
func (t *cellTable) fewer(primary []int, best []bool) []int {
	var candidates []int
	complementary := -len(primary)
	for c, n := range t.counts {
		if best[c] {
			complementary++
		}
		if n > 0 && !slices.Contains(primary, c) {
			candidates = append(candidates, c)
		}
	}
	slices.SortStableFunc(candidates, func(a, b int) int { return cmp.Compare(t.counts[a], t.counts[b]) })
	trials := 0
	for size := 0; size <= complementary; size++ {
		if trials += combinations(len(candidates), size); trials > mostTrials {
			break
		}
		hidden := make([]bool, len(t.counts))
		for _, c := range primary {
			hidden[c] = true
		}
		found := t.cheapest(hidden, candidates, size, t.cost(best))
		if found != nil {
			best = found
			break
		}
	}
	var cells []int
	for c, h := range best {
		if h {
			cells = append(cells, c)
		}
	}
	return cells
}

// cheapest returns the safe pattern of hidden and size of the candidates with the fewest people, if one costs
// less than limit.
func (t *cellTable) cheapest(hidden []bool, candidates []int, size, limit int) []bool {
	if size == 0 {
		if t.cost(hidden) < limit && t.safe(hidden) {
			return slices.Clone(hidden)
		}
		return nil
	}
	var best []bool
	for i, c := range candidates[:max(0, len(candidates)-size+1)] {
		hidden[c] = true
		if found := t.cheapest(hidden, candidates[i+1:], size-1, limit); found != nil {
			best, limit = found, t.cost(found)
		}
		hidden[c] = false
	}
	return best
}

// combinations is how many sets of size there are, or more than mostTrials.
func combinations(n, size int) int {
	c := 1
	for i := range size {
		if c = c * (n - i) / (i + 1); c > mostTrials {
			return mostTrials + 1
		}
	}
	return c
}
