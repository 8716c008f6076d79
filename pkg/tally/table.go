package tally

import (
	"fmt"
	"math/bits"
	"slices"
	"sync"

	"cxmirror/pkg/survey"
)

// View says which table to make of a wave.
type View struct {
	Item survey.ItemCode
	Top  int       // rank items: an option counts as chosen if it is among the first Top; 0 means 3
	Only []Segment // only people in all of these segments
}

// Segment is the people who gave one answer to a background question, or the rest who gave another.
type Segment struct {
	Item   survey.ItemCode
	Option survey.OptionCode
	Rest   bool // everybody else who answered the background question
}

// DefaultTop is the length of the list people look at when nobody says otherwise.
const DefaultTop = 3

// Table is what people answered to one item: a histogram of patterns.
//
// A pattern says of every option whether it was chosen: picked (single, multi), ranked among the first Top
// (rank), or rated in the top box (rating, where the rows are the options).
type Table struct {
	Item      *survey.Item
	Audience  survey.Audience
	Options   []survey.Option // bit i of a cell's masks is option i
	Top       int             // rank items; otherwise 0
	Cells     []Cell          // in the order of their masks
	N         int             // persons in the base: everybody who answered, "none" included
	SumW      float64         // their weights
	SumW2     float64         // their squared weights
	Weighted  bool            // responses differ in weight; otherwise SumW = SumW2 = N
	None      int             // of N, persons who were asked and picked nothing
	Missing   int             // persons outside N who did not answer
	Partial   int             // of N, persons who rated some rows and left others empty
	Threshold int             // the smallest base shown, which N met
	Moments   []Moments       // rating: of the points; rank: of the places; by option, otherwise nil
	First     []Weight        // rank: who put the option first; otherwise nil
	CannotSay []int           // rating: persons who said that they cannot say; by option, otherwise nil
	Withheld  []bool          // options of which nothing is told: of a protected wave, see [Wave.Protect]; of a rating, rows that fewer than Threshold people rated; otherwise nil
	Earlier   []bool          // of a protected wave: options that stand as they were when fewer people had answered; otherwise nil
	Centred   []Moments       // rating: of the points less the person's own mean point; by option, otherwise nil
	Persons   Moments         // rating: of the persons' own mean points; like Centred, of those who rated every row
}

// Cell is the people with one pattern.
type Cell struct {
	Chosen uint64 // the options chosen
	Judged uint64 // the options they judged at all: all of them, less the rows they left empty or cannot say of
	Weight
}

// Weight counts people: how many, the sum of their weights, and of the squares.
type Weight struct {
	N     int
	W, W2 float64
}

func (a *Weight) add(w float64) {
	a.N++
	a.W += w
	a.W2 += w * w
}

// Plus returns the two groups together.
func (a Weight) Plus(b Weight) Weight { return Weight{a.N + b.N, a.W + b.W, a.W2 + b.W2} }

// Moments are the sums from which a mean and its variance follow, y being a point or a place.
type Moments struct {
	Weight
	WY, WYY   float64 // sums of w*y and w*y*y
	W2Y, W2YY float64 // sums of w*w*y and w*w*y*y
}

func (m *Moments) add(w, y float64) {
	m.Weight.add(w)
	m.WY += w * y
	m.WYY += w * y * y
	m.W2Y += w * w * y
	m.W2YY += w * w * y * y
}

// Table makes the table of an item. It is an error if the wave has no such item, if the item has nothing to
// rank, if nobody answered it ([ErrNobody]), or, as a [WithheldError], if fewer people than the threshold did.
//
// A person counts in the base of a rating if she answered any row of it, and in a row's own base if she rated
// that row.
func (w *Wave) Table(v View) (*Table, error) {
	if w.protection != nil {
		return w.protectedTable(v)
	}
	groups, err := w.groups(v.Only)
	if err != nil {
		return nil, err
	}
	tables, err := w.tables(v, groups, 1)
	if err != nil {
		return nil, err
	}
	if err := tables[0].publishable(); err != nil {
		return nil, err
	}
	tables[0].withholdRows()
	return tables[0], nil
}

// withholdRows takes the rows out of a rating that too few people rated, as if nobody had. What is told of
// people who rated every row goes too, where they are too few.
func (t *Table) withholdRows() {
	if t.Item.Kind != survey.Rating {
		return
	}
	_, judged := t.Counts()
	t.Withheld = make([]bool, len(t.Options))
	var hidden uint64
	for i := range t.Options {
		if judged[i].N == 0 || judged[i].N >= t.Threshold {
			continue
		}
		t.Withheld[i] = true
		hidden |= 1 << i
		t.Moments[i], t.CannotSay[i] = Moments{}, 0
	}
	for i := range t.Cells {
		t.Cells[i].Chosen &^= hidden
		t.Cells[i].Judged &^= hidden
	}
	if t.Persons.N < t.Threshold {
		t.Persons = Moments{}
		clear(t.Centred)
	}
}

// publishable returns why a table may not be shown: that nobody answered, which tells of no person, or that
// too few did.
func (t *Table) publishable() error {
	switch {
	case t.N == 0:
		return fmt.Errorf("%s: %w %s", t.Audience, ErrNobody, t.Item.Code)
	case t.N < t.Threshold:
		return &WithheldError{Audience: t.Audience, Item: t.Item.Code, Threshold: t.Threshold}
	}
	return nil
}

// groups returns a group of 1 for everybody in all the segments and 0 for the others; nil is everybody.
func (w *Wave) groups(only []Segment) ([]uint8, error) {
	if len(only) == 0 {
		return nil, nil
	}
	groups := make([]uint8, w.n)
	for i := range groups {
		groups[i] = 1
	}
	for _, s := range only {
		c, it, err := w.choices(s.Item)
		if err != nil {
			return nil, err
		}
		at, ok := it.Option(s.Option)
		if !ok {
			return nil, fmt.Errorf("%s has no option %q", s.Item, s.Option)
		}
		wanted := uint8(at + 1) //nolint:gosec // at is below survey.MaxOptions
		for i, o := range c.options {
			if o == 0 || (o == wanted) == s.Rest {
				groups[i] = 0
			}
		}
	}
	return groups, nil
}

// choices returns the column of a background question.
func (w *Wave) choices(code survey.ItemCode) (*choices, *survey.Item, error) {
	at, ok := w.questionnaire.Column(string(code))
	if !ok {
		return nil, nil, fmt.Errorf("%s has no item %q to make segments of", w.questionnaire.Code, code)
	}
	c, ok := w.columns[at].(*choices)
	if !ok {
		return nil, nil, fmt.Errorf("%s cannot make segments: it is not a question with one answer, or its answers are not held", code)
	}
	return c, w.questionnaire.Columns()[at].Item, nil
}

// tables makes a table for each of the groups 1..n; group 0 is left out. Without groups everybody is in
// group 1.
func (w *Wave) tables(v View, groups []uint8, n int) ([]*Table, error) {
	it, ok := w.questionnaire.Item(v.Item)
	if !ok {
		return nil, fmt.Errorf("%s has no item %q", w.questionnaire.Code, v.Item)
	}
	tables := make([]*Table, n)
	for g := range tables {
		tables[g] = &Table{Item: it, Audience: w.audience, Weighted: w.Weighted(), Threshold: w.threshold}
	}
	switch it.Kind {
	case survey.Single:
		return tables, w.tallyChoices(it, tables, groups)
	case survey.Multi:
		return tables, w.tallyPicks(it, tables, groups)
	case survey.Rank:
		top := v.Top
		if top == 0 {
			top = DefaultTop
		}
		return tables, w.tallyOrders(it, min(top, it.Max), tables, groups)
	case survey.Rating:
		return tables, w.tallyPoints(it, tables, groups)
	case survey.Number, survey.NPS, survey.Text, survey.Matrix:
	}
	return nil, fmt.Errorf("%s is %s: it has no options to rank", it.Code, it.Kind.AnItem())
}

// kept returns the column of an item, or of its first row.
func kept[C column](w *Wave, it *survey.Item, at int) (C, error) {
	c, ok := w.columns[at].(C)
	if !ok {
		return c, fmt.Errorf("the answers to %s are not held in this wave", it.Code)
	}
	return c, nil
}

func (w *Wave) tallyPicks(it *survey.Item, tables []*Table, groups []uint8) error {
	at, _ := w.questionnaire.Column(string(it.Code))
	switch c := w.columns[at].(type) {
	case *picks[uint16]:
		tallySets(w, c, it, tables, groups)
	case *picks[uint32]:
		tallySets(w, c, it, tables, groups)
	case *picks[uint64]:
		tallySets(w, c, it, tables, groups)
	default:
		return fmt.Errorf("the answers to %s are not held in this wave", it.Code)
	}
	return nil
}

// denseOptions is how many options a histogram may have an entry for every pattern of: 2^16 patterns of 4
// bytes still fit a processor's second cache.
const denseOptions = 16

func tallySets[M mask](w *Wave, c *picks[M], it *survey.Item, tables []*Table, groups []uint8) {
	all := uint64(1)<<len(it.Options) - 1
	if len(it.Options) > denseOptions {
		tallySetsSparse(w, c, all, tables, groups)
	} else if w.weights == nil {
		tallySetsDense(c, all, tables, groups)
	} else {
		tallySetsWeighted(w, c, all, tables, groups)
	}
	for _, t := range tables {
		t.Options = it.Options
		t.close()
	}
}

// tallySetsDense is the loop that large waves spend their time in: one increment a person, the whole of the
// histogram in cache.
func tallySetsDense[M mask](c *picks[M], all uint64, tables []*Table, groups []uint8) {
	stride := int(all) + 2 //nolint:gosec // at most 2^16 patterns, and one for no answer
	counts := make([]uint32, (len(tables)+1)*stride)
	if groups == nil {
		group := counts[stride:]
		for _, set := range c.sets {
			group[set]++
		}
	} else {
		// The set of a missing answer is the pattern after the last.
		for i, set := range c.sets {
			counts[int(groups[i])*stride+int(set)]++
		}
	}
	for g, t := range tables {
		group := counts[(g+1)*stride : (g+2)*stride]
		t.Missing = int(group[stride-1])
		patterns := 0
		for _, n := range group[:stride-1] {
			if n > 0 {
				patterns++
			}
		}
		t.Cells = make([]Cell, 0, patterns)
		for set, n := range group[:stride-1] {
			if n > 0 {
				t.Cells = append(t.Cells, Cell{uint64(set), all, Weight{int(n), float64(n), float64(n)}})
			}
		}
	}
}

// shardRows is how many responses make it worth while to count weights in a goroutine of their own.
const shardRows = 500_000

// tallySetsWeighted cuts large waves into shards that are counted at the same time. How many depends on the
// number of responses only: weights are added in the same order, to the same bits, on every machine.
func tallySetsWeighted[M mask](w *Wave, c *picks[M], all uint64, tables []*Table, groups []uint8) {
	stride := int(all) + 2 //nolint:gosec // as in tallySetsDense
	shards := make([][]Weight, min(max(len(c.sets)/shardRows, 1), 8))
	var counted sync.WaitGroup
	for s := range shards {
		from, to := len(c.sets)*s/len(shards), len(c.sets)*(s+1)/len(shards)
		counted.Go(func() {
			sums := make([]Weight, (len(tables)+1)*stride)
			if groups == nil {
				addWeights(sums[stride:], c.sets[from:to], w.weights[from:to])
			} else {
				addGroupWeights(sums, stride, c.sets[from:to], w.weights[from:to], groups[from:to])
			}
			shards[s] = sums
		})
	}
	counted.Wait()
	sums := shards[0]
	for _, shard := range shards[1:] {
		for i := range sums {
			sums[i] = sums[i].Plus(shard[i])
		}
	}
	for g, t := range tables {
		group := sums[(g+1)*stride : (g+2)*stride]
		t.Missing = group[stride-1].N
		patterns := 0
		for _, sum := range group[:stride-1] {
			if sum.N > 0 {
				patterns++
			}
		}
		t.Cells = make([]Cell, 0, patterns)
		for set, sum := range group[:stride-1] {
			if sum.N > 0 {
				t.Cells = append(t.Cells, Cell{uint64(set), all, sum})
			}
		}
	}
}

// addWeights and addGroupWeights are the loops that large weighted waves spend their time in.
func addWeights[M mask](sums []Weight, sets []M, weights []float64) {
	for i, set := range sets {
		sums[set].add(weights[i])
	}
}

func addGroupWeights[M mask](sums []Weight, stride int, sets []M, weights []float64, groups []uint8) {
	for i, set := range sets {
		sums[int(groups[i])*stride+int(set)].add(weights[i])
	}
}

func tallySetsSparse[M mask](w *Wave, c *picks[M], all uint64, tables []*Table, groups []uint8) {
	sums := newSums(len(tables))
	for i, set := range c.sets {
		g := groupOf(groups, i)
		if g < 0 {
			continue
		}
		if set == c.missing {
			tables[g].Missing++
			continue
		}
		sums.add(g, pattern{uint64(set), all}, w.weightOf(i))
	}
	sums.fill(tables)
}

func (w *Wave) tallyChoices(it *survey.Item, tables []*Table, groups []uint8) error {
	at, _ := w.questionnaire.Column(string(it.Code))
	c, err := kept[*choices](w, it, at)
	if err != nil {
		return err
	}
	all := uint64(1)<<len(it.Options) - 1
	sums := newSums(len(tables))
	for i, o := range c.options {
		g := groupOf(groups, i)
		switch {
		case g < 0:
		case o == 0 && !c.answered(i):
			tables[g].Missing++
		default:
			sums.add(g, pattern{1 << o >> 1, all}, w.weightOf(i))
		}
	}
	sums.fill(tables)
	for _, t := range tables {
		t.Options = it.Options
		t.close()
	}
	return nil
}

func (w *Wave) tallyOrders(it *survey.Item, top int, tables []*Table, groups []uint8) error {
	at, _ := w.questionnaire.Column(string(it.Code))
	c, err := kept[*orders](w, it, at)
	if err != nil {
		return err
	}
	options := len(it.Options)
	all := uint64(1)<<options - 1
	for _, t := range tables {
		t.Options, t.Top = it.Options, top
		t.Moments, t.First = make([]Moments, options), make([]Weight, options)
	}
	rankable := 0
	for _, o := range it.Options {
		if o.Ranked() {
			rankable++
		}
	}
	sums := newSums(len(tables))
	for i := range w.n {
		g := groupOf(groups, i)
		if g < 0 {
			continue
		}
		t, order, weight := tables[g], c.of(i), w.weightOf(i)
		if order[0] == orderMissing {
			t.Missing++
			continue
		}
		var chosen, ranked uint64
		given := 0
		for p, o := range order {
			if o == 0 {
				break
			}
			if p < top {
				chosen |= 1 << (o - 1)
			}
			ranked |= 1 << (o - 1)
			t.Moments[o-1].add(weight, float64(p+1))
			given++
		}
		if given > 0 {
			t.First[order[0]-1].add(weight)
		}
		// Who was not ranked lost: the unranked share the places that are left over.
		left := float64(given+1+rankable) / 2
		for o := range options {
			if ranked>>o&1 == 0 {
				t.Moments[o].add(weight, left)
			}
		}
		sums.add(g, pattern{chosen, all}, weight)
	}
	sums.fill(tables)
	for _, t := range tables {
		t.close()
	}
	return nil
}

func (w *Wave) tallyPoints(it *survey.Item, tables []*Table, groups []uint8) error {
	rows, columns, err := w.pointColumns(it)
	if err != nil {
		return err
	}
	for _, t := range tables {
		t.Options, t.CannotSay = rows, make([]int, len(rows))
		t.Moments, t.Centred = make([]Moments, len(rows)), make([]Moments, len(rows))
	}
	sums := newSums(len(tables))
	for i := range w.n {
		g := groupOf(groups, i)
		if g < 0 {
			continue
		}
		t, weight := tables[g], w.weightOf(i)
		p, empty := ratingOf(it, columns, i)
		if empty == len(columns) {
			t.Missing++
			continue
		}
		if empty > 0 {
			t.Partial++
		}
		total := 0
		for judged := p.judged; judged != 0; judged &= judged - 1 {
			total += int(columns[bits.TrailingZeros64(judged)].points[i])
		}
		// A mean of the rows that somebody happened to rate is no level to take the rows from.
		complete := p.judged == 1<<len(columns)-1
		own := float64(total) / float64(len(columns))
		if complete {
			t.Persons.add(weight, own)
		}
		for row, c := range columns {
			switch point := c.points[i]; {
			case p.judged>>row&1 != 0:
				t.Moments[row].add(weight, float64(point))
				if complete {
					t.Centred[row].add(weight, float64(point)-own)
				}
			case point == pointCannotSay:
				t.CannotSay[row]++
			}
		}
		sums.add(g, p, weight)
	}
	sums.fill(tables)
	for _, t := range tables {
		t.close()
	}
	return nil
}

// pointColumns returns the rows of a rating item, itself if it has none, and their columns.
func (w *Wave) pointColumns(it *survey.Item) ([]survey.Option, []*points, error) {
	rows := it.Rows
	if len(rows) == 0 {
		rows = []survey.Option{{Code: survey.OptionCode(it.Code), Text: it.Text}}
	}
	var columns []*points
	for i, c := range w.questionnaire.Columns() {
		if c.Item != it {
			continue
		}
		p, err := kept[*points](w, it, i)
		if err != nil {
			return nil, nil, err
		}
		columns = append(columns, p)
	}
	return rows, columns, nil
}

// ratingOf returns the pattern of response i, and how many rows were left empty.
func ratingOf(it *survey.Item, columns []*points, i int) (p pattern, empty int) {
	for row, c := range columns {
		switch point := c.points[i]; point {
		case pointMissing:
			empty++
		case pointCannotSay:
		default:
			p.judged |= 1 << row
			if it.Scale.InTopBox(int(point)) {
				p.chosen |= 1 << row
			}
		}
	}
	return p, empty
}

// close sums the cells into the base.
func (t *Table) close() {
	for _, c := range t.Cells {
		t.N += c.N
		t.SumW += c.W
		t.SumW2 += c.W2
		if c.Chosen == 0 && t.Item.Kind != survey.Rating {
			t.None += c.N
		}
	}
}

// groupOf returns the index of the table of response i, or -1 if it is in none.
func groupOf(groups []uint8, i int) int {
	if groups == nil {
		return 0
	}
	return int(groups[i]) - 1
}

// pattern is what one person chose and judged.
type pattern struct{ chosen, judged uint64 }

// sums gathers patterns that are too many, or too rare, for an array.
type sums []map[pattern]*Weight

func newSums(groups int) sums {
	s := make(sums, groups)
	for i := range s {
		s[i] = map[pattern]*Weight{}
	}
	return s
}

func (s sums) add(group int, p pattern, weight float64) {
	sum := s[group][p]
	if sum == nil {
		sum = &Weight{}
		s[group][p] = sum
	}
	sum.add(weight)
}

// fill hands the sums over in the order of their patterns, so that the same answers give the same figures to
// the last bit.
func (s sums) fill(tables []*Table) {
	for g, t := range tables {
		group := s[g]
		cells := make([]Cell, 0, len(group))
		for p, sum := range group {
			cells = append(cells, Cell{p.chosen, p.judged, *sum})
		}
		slices.SortFunc(cells, compareCells)
		t.Cells = cells
	}
}
