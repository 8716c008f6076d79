package exchange

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"cxmirror/pkg/survey"
)

// plan is what a map (or the native format) comes to for one file and one questionnaire.
type plan struct {
	sources    []answerSource // one for each column of the questionnaire; nil: the file lacks it
	respondent int            // column of the file, or -1
	weight     int            // column of the file, or -1
	guarded    bool           // respondents may carry the apostrophe of our own export
	decimal    byte
	missing    map[string]bool
	keep       []test
	// blankIsAnswer says that a row of blanks is somebody who picked nothing, not the end of a spreadsheet.
	blankIsAnswer bool
	complete      []int // columns of the questionnaire that must be answered in full
	audience      survey.Audience
	rules         []audienceTest
}

// test asks something about the cells of a row.
type test func(row []string) bool

type audienceTest struct {
	audience survey.Audience
	holds    test
}

// binder makes a plan, and collects what the map, the file and the questionnaire do not agree on.
type binder struct {
	q        *survey.Questionnaire
	m        *Map
	h        *header
	decoder  *survey.Decoder
	plan     *plan
	problems survey.Diagnostics
	told     map[string]bool // what was listed once, and need not be again
}

// bind makes the plan. m may be nil. needed are items whose every column must be there.
func bind(q *survey.Questionnaire, m *Map, h *header, decoder *survey.Decoder, needed []survey.ItemCode) (*plan, error) {
	if m == nil {
		m = &Map{source: survey.NewSource("", nil), layout: layout{headers: []int{1}, data: 2, decimal: '.'}}
	}
	b := &binder{q: q, m: m, h: h, decoder: decoder, told: make(map[string]bool), plan: &plan{
		sources: make([]answerSource, len(q.Columns())), respondent: -1, weight: -1, decimal: m.layout.decimal,
		missing: wordSet(nil, m.missing), audience: cmp.Or(m.audience, q.Audience),
	}}
	b.markIgnored()
	for i := range m.items {
		b.bindItem(&m.items[i])
	}
	own := b.bindNative()
	b.bindPeople()
	b.bindRows()
	if len(b.problems) > 0 {
		if h.lacked {
			return nil, errors.Join(own, b.problems.Sort(), h.catalogue())
		}
		return nil, errors.Join(own, b.problems.Sort())
	}
	missing := b.checkNeeded(needed, own != nil)
	if !m.ignoreRest {
		known := []string{respondentColumn, weightColumn}
		for _, c := range q.Columns() {
			known = append(known, c.Key)
		}
		own = errors.Join(own, h.checkAccounted(known))
	}
	if err := errors.Join(missing, own); err != nil {
		return nil, err
	}
	for i, source := range b.plan.sources {
		if source == nil {
			decoder.Unknown(i)
		}
	}
	return b.plan, nil
}

func (b *binder) fail(at word, format string, args ...any) {
	b.problems = append(b.problems, b.m.source.At(at.line, at.column, format, args...))
}

// column finds a column that the map names, and marks it as used.
func (b *binder) column(name word) (int, bool) {
	at, problem := b.h.find(name.text)
	if problem != nil {
		b.fail(name, "%s", problem)
		return 0, false
	}
	b.h.used[at] = true
	return at, true
}

func (b *binder) columns(names []word) []int {
	found := make([]int, 0, len(names))
	for _, name := range names {
		if at, ok := b.column(name); ok {
			found = append(found, at)
		}
	}
	return found
}

// markIgnored marks every column of an ignored name; several columns may share it.
func (b *binder) markIgnored() {
	for _, name := range b.m.ignore {
		if same := b.h.twice[name.text]; len(same) > 0 {
			for _, at := range same {
				b.h.ignored[at] = true
			}
			continue
		}
		at, problem := b.h.find(name.text)
		if problem != nil {
			b.fail(name, "ignore: %s", problem)
			continue
		}
		b.h.ignored[at] = true
	}
}

// native returns the column of the file that bears a name of the native format, unless it is ignored.
func (b *binder) native(name string) (int, bool, error) {
	at, ok := b.h.byName[name]
	if !ok || b.h.ignored[at] {
		return 0, false, nil
	}
	b.h.used[at] = true
	if same := b.h.twice[name]; len(same) > 0 {
		for _, other := range same {
			b.h.used[other] = true
		}
		return 0, false, b.h.problem(same[1], survey.Say(
			"column_twice", "column %q stands twice: in columns %s and %s", "Name", name, "First", columnLetters(same[0]), "Second", columnLetters(same[1])))
	}
	return at, true, nil
}

// bindNative takes every column that is called as the questionnaire calls it, and that the map does not
// speak of, in the native format.
func (b *binder) bindNative() error {
	var problems []error
	for i, c := range b.q.Columns() {
		if b.plan.sources[i] != nil || b.mapped(c) {
			continue
		}
		at, ok, err := b.native(c.Key)
		if err != nil {
			problems = append(problems, err)
		}
		if ok {
			b.plan.sources[i] = &oneCell{
				answerSlot: b.slot(i), vocabulary: vocabulary{missing: b.plan.missing},
				field: at, guarded: true, decimal: b.plan.decimal,
			}
		}
	}
	return errors.Join(problems...)
}

// mapped reports whether the map speaks of a column, rightly or wrongly.
func (b *binder) mapped(c survey.Column) bool {
	return slices.ContainsFunc(b.m.items, func(it itemMap) bool {
		return it.key.text == c.Key || it.key.text == string(c.Item.Code)
	})
}

func (b *binder) bindPeople() {
	b.plan.respondent, b.plan.guarded = b.person(b.m.respondent, respondentColumn)
	b.plan.weight, _ = b.person(b.m.weight, weightColumn)
}

func (b *binder) person(named word, native string) (column int, isNative bool) {
	if named.text != "" {
		if at, ok := b.column(named); ok {
			return at, false
		}
		return -1, false
	}
	at, ok, err := b.native(native)
	if err != nil {
		b.fail(word{}, "%s", err.Error())
	}
	if !ok {
		return -1, false
	}
	return at, true
}

func (b *binder) bindRows() {
	for _, c := range b.m.keep {
		b.bindKeep(c)
	}
	for _, rule := range b.m.audiences {
		b.plan.rules = append(b.plan.rules, audienceTest{rule.audience, b.test(rule.when)})
	}
}

// bindKeep takes the items out of a condition of keep that must be complete; the rest is about cells.
func (b *binder) bindKeep(c condition) {
	rest := condition{operator: all}
	for _, part := range c.parts {
		if part.operator != complete {
			rest.parts = append(rest.parts, part)
			continue
		}
		for _, name := range part.names {
			found := false
			for i, column := range b.q.Columns() {
				if string(column.Item.Code) == name.text || column.Key == name.text {
					b.plan.complete = append(b.plan.complete, i)
					found = true
					if b.plan.sources[i] == nil {
						b.fail(name, "complete: the file has no answers to %s", column.Key)
					}
				}
			}
			if !found {
				b.fail(name, "complete: the questionnaire has no item %s%s%s", name, didYouMean(name.text, b.itemCodes()), b.once("items", b.itemCodes()))
			}
		}
	}
	if len(rest.parts) > 0 {
		b.plan.keep = append(b.plan.keep, b.test(rest))
	}
}

// once lists what there is, the first time that somebody looks for something else.
func (b *binder) once(what string, there []string) string {
	const most = 30
	if b.told[what] || len(there) == 0 {
		return ""
	}
	b.told[what] = true
	if len(there) > most {
		return fmt.Sprintf("; it has %s and %d more", strings.Join(there[:most], ", "), len(there)-most)
	}
	return "; it has " + strings.Join(there, ", ")
}

func (b *binder) options(item *survey.Item) string {
	return b.once("options of "+string(item.Code), optionCodes(item))
}

func (b *binder) itemCodes() []string {
	codes := make([]string, len(b.q.Items))
	for i := range b.q.Items {
		codes[i] = string(b.q.Items[i].Code)
	}
	return codes
}

// test turns a condition into a function of a row.
func (b *binder) test(c condition) test {
	missing := b.plan.missing
	switch c.operator {
	case equals:
		at, _ := b.column(c.column)
		values := wordSet(nil, c.values)
		return func(row []string) bool { return values[trim(row[at])] }
	case present:
		columns := b.columns(c.names)
		return func(row []string) bool {
			return !slices.ContainsFunc(columns, func(at int) bool {
				cell := trim(row[at])
				return cell == "" || missing[cell]
			})
		}
	case all, anyOf, not, complete:
	}
	parts := make([]test, len(c.parts))
	for i, part := range c.parts {
		parts[i] = b.test(part)
	}
	holds := func(row []string) bool {
		return !slices.ContainsFunc(parts, func(t test) bool { return !t(row) })
	}
	some := func(row []string) bool {
		return slices.ContainsFunc(parts, func(t test) bool { return t(row) })
	}
	switch c.operator {
	case anyOf:
		return some
	case not:
		return func(row []string) bool { return !some(row) }
	case all, equals, present, complete:
	}
	return holds
}

// checkNeeded reports the items that must be there and are not. If something is wrong with columns that are
// there, that no other is found is no news.
func (b *binder) checkNeeded(needed []survey.ItemCode, columnsWrong bool) error {
	var lacking []string
	found := 0
	for i, c := range b.q.Columns() {
		if b.plan.sources[i] != nil {
			found++
		} else if slices.Contains(needed, c.Item.Code) && len(b.h.twice[c.Key]) == 0 {
			lacking = append(lacking, c.Key)
		}
	}
	if len(lacking) == 0 && (found > 0 || columnsWrong) {
		return nil
	}
	line := 0
	if len(b.h.at) > 0 {
		line = b.h.at[0].line
	}
	says := survey.Say("columns_none", "no column belongs to the questionnaire %s", "Questionnaire", b.q.Code)
	code := b.q.Columns()[0].Key
	switch len(lacking) {
	case 0:
	case 1:
		code = lacking[0]
		says = survey.Say("column_missing", "column %s is missing", "Column", code)
	default:
		code = lacking[0]
		says = survey.Say("columns_missing", "columns %s are missing", "Columns", strings.Join(lacking, ", "))
	}
	if len(b.h.byName) > 0 {
		says = says.And(b.h.listed())
	}
	advice := b.h.otherDelimiter()
	if advice.Key == "" {
		advice = survey.Say("other_column", "; if another column answers it, a map says which, `items: {%s: COLUMN}`", "Item", code)
	}
	return &FileError{File: b.h.file, Line: line, Says: says.And(advice)}
}

func (b *binder) slot(column int) answerSlot {
	return answerSlot{decoder: b.decoder, column: column, item: b.q.Columns()[column].Item}
}

// bindItem finds the columns of the questionnaire that an entry of the map is about, and gives them sources.
func (b *binder) bindItem(it *itemMap) {
	var slots []int
	for i, c := range b.q.Columns() {
		if c.Key == it.key.text || string(c.Item.Code) == it.key.text {
			slots = append(slots, i)
		}
	}
	if len(slots) == 0 {
		keys := b.itemCodes()
		for _, c := range b.q.Columns() {
			keys = append(keys, c.Key)
		}
		b.fail(it.key, "the questionnaire has no item %s%s%s", it.key, didYouMean(it.key.text, keys), b.once("items", b.itemCodes()))
		b.markUsed(it)
		return
	}
	if it.form == rowColumns {
		b.bindRowColumns(it, slots)
		return
	}
	first := b.q.Columns()[slots[0]]
	switch {
	case len(slots) > 1 && it.form != constantValue:
		b.fail(it.key, "%s has several rows: name their columns under `rows:`", it.key.text)
		b.markUsed(it)
	default:
		if !b.makesSense(it, first) {
			b.markUsed(it)
			return
		}
		for _, slot := range slots {
			b.put(it.key, slot, b.source(it, slot))
		}
	}
}

// markUsed keeps columns that the map names from being reported a second time, as unknown.
func (b *binder) markUsed(it *itemMap) {
	names := slices.Clone(it.columns)
	for _, entry := range it.byCode {
		names = append(names, entry.column)
	}
	for _, name := range names {
		if at, err := b.h.find(name.text); err == nil {
			b.h.used[at] = true
		}
	}
}

func (b *binder) put(at word, slot int, source answerSource) {
	if source == nil {
		return
	}
	if b.plan.sources[slot] != nil {
		b.fail(at, "%s is mapped twice", b.q.Columns()[slot].Key)
		return
	}
	b.plan.sources[slot] = source
}

func (b *binder) bindRowColumns(it *itemMap, slots []int) {
	item := b.q.Columns()[slots[0]].Item
	if !b.makesSense(it, b.q.Columns()[slots[0]]) {
		b.markUsed(it)
		return
	}
	rows := make([]string, len(item.Rows))
	for i, row := range item.Rows {
		rows[i] = string(row.Code)
	}
	if len(rows) == 0 {
		b.fail(it.key, "%s has no rows: give its `column`", it.key.text)
		b.markUsed(it)
		return
	}
	for _, entry := range it.byCode {
		at := slices.IndexFunc(slots, func(slot int) bool { return string(b.q.Columns()[slot].Row) == entry.code.text })
		if at < 0 {
			b.fail(entry.code, "%s has no row %s%s%s", item.Code, entry.code, didYouMean(entry.code.text, rows), b.once("rows of "+string(item.Code), rows))
			continue
		}
		if entry.column.text == "" {
			continue
		}
		row := *it
		row.form, row.columns = oneColumn, []word{entry.column}
		b.put(entry.code, slots[at], b.source(&row, slots[at]))
	}
}

// makesSense reports the words of an entry that mean nothing for the kind of item or the layout.
func (b *binder) makesSense(it *itemMap, c survey.Column) bool {
	before := len(b.problems)
	kind, several := c.Item.Kind, c.Item.Kind == survey.Multi || c.Item.Kind == survey.Rank
	refuse := func(used bool, what, use string) {
		if used {
			b.fail(it.key, "%s is %s: %s is for %s", it.key.text, kind.AnItem(), what, use)
		}
	}
	refuse(it.form == severalColumns && !several, "columns", "multi and rank")
	refuse(it.form == optionColumns && kind != survey.Multi && kind != survey.Single, "options", "multi and single")
	refuse(it.form == placeColumns && kind != survey.Rank, "places", "rank")
	refuse(it.separator != "" && !several, "separator", "multi and rank")
	refuse(it.list != unsaid && kind != survey.Rank, "list", "rank")
	refuse(it.highBest && kind != survey.Rank, "best", "rank")
	refuse(it.closeGaps && kind != survey.Rank, "gaps", "rank")
	recodes := it.recode != nil || it.otherwise != nil || it.texts.text != ""
	refuse(recodes && kind == survey.Text, "recode, else or texts", "answers in codes")
	ticks := it.picked != nil || it.notPicked != nil || it.asked != askedIfSaid
	places := it.form == placeColumns || it.list == placesInCell
	for _, rule := range []struct {
		broken bool
		words  string
	}{
		{(it.separator != "" || it.list != unsaid) && it.form != oneColumn, "separator and list are for `column`, several entries in one cell"},
		{it.highBest && !places, "best is for place numbers: `places`, or `list: places`"},
		{it.closeGaps && !places && it.form != severalColumns, "gaps are for `places`, `list: places` and `columns`"},
		{it.texts.text != "" && places, "texts are for cells that hold answers, not places"},
		{recodes && it.form == constantValue, "a constant is a code already; there is nothing to recode"},
		{recodes && it.form == optionColumns, "the cells of `options` say only whether an option is picked; say how under picked and not_picked"},
		{ticks && it.form != optionColumns, "picked, not_picked and asked are for `options`, one column for each option"},
	} {
		if rule.broken {
			b.fail(it.key, "%s: %s", it.key.text, rule.words)
		}
	}
	return len(b.problems) == before
}

// source makes the source of one column of the questionnaire; nil if the map is wrong about it.
func (b *binder) source(it *itemMap, slot int) answerSource {
	s := b.slot(slot)
	switch it.form {
	case constantValue:
		same := &sameAnswer{}
		if problem := b.decoder.Decode(slot, it.constant.text, &same.value); problem != nil {
			list := ""
			if problem.Rule == survey.UnknownOption {
				list = b.options(s.item)
			}
			b.fail(it.constant, "%s: %s%s", it.key.text, problem.Reason(), list)
			return nil
		}
		same.value.Order = slices.Clone(same.value.Order)
		return same
	case optionColumns:
		return b.optionSource(it, s)
	case placeColumns:
		return b.placeSource(it, s)
	case severalColumns:
		return &choiceCells{answerSlot: s, vocabulary: b.vocabulary(it, slot), fields: b.columns(it.columns), closeGaps: it.closeGaps}
	case oneColumn:
		return b.cellSource(it, s)
	case rowColumns: // bindRowColumns hands its rows over one by one
	}
	return nil
}

func (b *binder) cellSource(it *itemMap, s answerSlot) answerSource {
	at, ok := b.column(it.columns[0])
	if !ok {
		return nil
	}
	if it.list == placesInCell {
		return b.placeListSource(it, s, at)
	}
	v := b.vocabulary(it, s.column)
	several := s.item.Kind == survey.Multi || s.item.Kind == survey.Rank
	if !several || (it.separator == "" && v.codes == nil && v.otherwise == nil) {
		return &oneCell{answerSlot: s, vocabulary: v, field: at, decimal: b.plan.decimal}
	}
	separator := cmp.Or(it.separator, survey.MultiSeparator)
	if s.item.Kind == survey.Rank {
		separator = cmp.Or(it.separator, survey.RankSeparator)
		if it.list == unsaid && b.readsBothWays(it, s.item) {
			b.fail(it.key, "%s: a cell such as 2,3,1 can be read in two ways; say `list: order` if it names the options, best first, "+
				"or `list: places` if it gives the place of each option in turn", it.key.text)
		}
	}
	return &listCell{answerSlot: s, vocabulary: v, field: at, separator: separator}
}

// readsBothWays reports whether the entries of a ranking could be options as well as places: whether what
// the file calls the options are numbers.
func (b *binder) readsBothWays(it *itemMap, item *survey.Item) bool {
	isPlace := func(s string) bool {
		return s != "" && len(s) <= 2 && strings.Trim(s, "0123456789") == "" && s != "0"
	}
	if len(it.recode) > 0 {
		return !slices.ContainsFunc(it.recode, func(r recoding) bool { return !isPlace(r.from.text) })
	}
	return !slices.ContainsFunc(item.Options, func(o survey.Option) bool { return !isPlace(string(o.Code)) })
}

// byOption finds the column of each option of an item; -1 where the file has none.
func (b *binder) byOption(it *itemMap, item *survey.Item) []int {
	fields := slices.Repeat([]int{-1}, len(item.Options))
	given := make([]bool, len(item.Options))
	for _, entry := range it.byCode {
		option, ok := item.Option(survey.OptionCode(entry.code.text))
		if !ok {
			b.fail(entry.code, "%s has no option %s%s%s", item.Code, entry.code, didYouMean(entry.code.text, optionCodes(item)), b.options(item))
			continue
		}
		given[option] = true
		if entry.column.text != "" {
			if at, ok := b.column(entry.column); ok {
				fields[option] = at
			}
		}
	}
	for option, ok := range given {
		if !ok && !item.Options[option].Exclusive {
			b.fail(it.key, "%s: option %q has no column; if the file does not offer it, say `%s: ~`", it.key.text, item.Options[option].Code, item.Options[option].Code)
		}
	}
	if slices.Max(fields) < 0 && len(b.problems) == 0 {
		b.fail(it.key, "%s: no option has a column", it.key.text)
	}
	return fields
}

func (b *binder) optionSource(it *itemMap, s answerSlot) answerSource {
	source := &optionCells{
		answerSlot: s, vocabulary: vocabulary{missing: wordSet(b.plan.missing, it.missing)},
		fields: b.byOption(it, s.item), says: make(map[string]tick), filled: it.filled, always: it.asked == askedAlways,
	}
	if none, ok := s.item.Option(survey.NoneWord); ok {
		source.noneOffered = source.fields[none] >= 0
	}
	b.plan.blankIsAnswer = b.plan.blankIsAnswer || source.always
	if it.asked == askedWhen {
		source.asked = b.test(it.askedIf)
	}
	picked, notPicked := it.picked, it.notPicked
	if picked == nil {
		source.anyCase = true
		for _, w := range []string{"1", "yes", "y", "true", "t", "x", "✓", "✔", "checked", "selected"} {
			source.says[w] = isPicked
		}
	}
	if notPicked == nil && !it.filled {
		source.anyCase = true
		for _, w := range []string{"0", "no", "n", "false", "f", "unchecked", "not selected"} {
			source.says[w] = isNotPicked
		}
	}
	if it.filled {
		picked = nil
	}
	for _, w := range picked {
		source.says[w.text] = isPicked
	}
	for _, w := range notPicked {
		if w.text == "" {
			continue // a blank cell is never a pick; whether it is an answer is the question of `asked`
		}
		if source.says[w.text] == isPicked && it.picked != nil {
			b.fail(w, "%s: %s is both picked and not picked", it.key.text, w)
		}
		source.says[w.text] = isNotPicked
	}
	return source
}

func (b *binder) placeSource(it *itemMap, s answerSlot) answerSource {
	v := b.words(it)
	source := &placeCells{answerSlot: s, vocabulary: v, highBest: it.highBest, closeGaps: it.closeGaps}
	for option, field := range b.byOption(it, s.item) {
		if field >= 0 {
			source.ranked = append(source.ranked, option)
			source.fields = append(source.fields, field)
		}
	}
	if len(source.fields) == 0 {
		return nil
	}
	source.places = make([]int, len(source.ranked))
	return source
}

func (b *binder) placeListSource(it *itemMap, s answerSlot, field int) answerSource {
	source := &placeCells{
		answerSlot: s, vocabulary: b.words(it), highBest: it.highBest, closeGaps: it.closeGaps,
		fields: []int{field}, separator: cmp.Or(it.separator, ","),
	}
	for i := range s.item.Options {
		if len(it.listed) == 0 {
			source.ranked = append(source.ranked, i)
		}
	}
	for _, name := range it.listed {
		option, ok := s.item.Option(survey.OptionCode(name.text))
		if !ok {
			b.fail(name, "%s has no option %s%s%s", s.item.Code, name, didYouMean(name.text, optionCodes(s.item)), b.options(s.item))
			continue
		}
		source.ranked = append(source.ranked, option)
	}
	source.places = make([]int, len(source.ranked))
	return source
}

// words is the vocabulary of cells whose words are not answers but places: they are not checked as codes.
func (b *binder) words(it *itemMap) vocabulary {
	v := vocabulary{missing: wordSet(b.plan.missing, it.missing)}
	if len(it.recode) > 0 {
		v.codes = make(map[string]string, len(it.recode))
		for _, r := range it.recode {
			v.codes[r.from.text] = r.to.text
		}
	}
	if it.otherwise != nil {
		v.otherwise = &it.otherwise.text
	}
	return v
}

// vocabulary is words, with every code checked against the questionnaire, and the questionnaire's own texts.
func (b *binder) vocabulary(it *itemMap, slot int) vocabulary {
	v := b.words(it)
	var scratch survey.Value
	check := func(to word) {
		if problem := b.decoder.Decode(slot, to.text, &scratch); problem != nil && problem.Rule != survey.TooFew {
			list := ""
			if problem.Rule == survey.UnknownOption {
				list = b.options(b.q.Columns()[slot].Item)
			}
			b.fail(to, "%s: %s%s", it.key.text, problem.Reason(), list)
		}
	}
	for _, r := range it.recode {
		check(r.to)
	}
	if it.otherwise != nil {
		check(*it.otherwise)
	}
	if it.texts.text != "" {
		b.addTexts(it, slot, &v)
	}
	for label := range v.codes {
		v.labels = append(v.labels, label)
	}
	slices.SortFunc(v.labels, func(a, b string) int {
		return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b))
	})
	return v
}

// addTexts lets cells hold the questionnaire's own texts: of options, or of the points of a scale.
func (b *binder) addTexts(it *itemMap, slot int, v *vocabulary) {
	c := b.q.Columns()[slot]
	lang := survey.Language(it.texts.text)
	if !slices.Contains(b.q.Languages, lang) {
		b.fail(it.texts, "texts: the questionnaire has no language %s; it has %v", it.texts, b.q.Languages)
		return
	}
	if v.codes == nil {
		v.codes = make(map[string]string)
	}
	own := make(map[string]string)
	add := func(words survey.Words, code string) {
		text, ok := words.Exactly(lang)
		if !ok {
			return
		}
		if other, taken := own[text]; taken {
			b.fail(it.texts, "texts: %q is the text of %s and of %s: recode it", text, other, code)
		}
		own[text] = code
		if _, recoded := v.codes[text]; !recoded {
			v.codes[text] = code
		}
	}
	for _, o := range c.Options {
		add(o.Text, string(o.Code))
	}
	if scale := c.Item.Scale; scale != nil {
		for point := scale.Min; point <= scale.Max; point++ {
			add(scale.Labels[point], fmt.Sprint(point))
		}
	}
	if len(own) == 0 {
		b.fail(it.texts, "texts: %s has no texts in %q to compare cells with", it.key.text, lang)
	}
}

// wordSet is a set of words, with those of another set; nil if there are none. The blank word is in the set
// of whoever names it.
func wordSet(base map[string]bool, words []word) map[string]bool {
	if len(words) == 0 {
		return base
	}
	set := make(map[string]bool, len(base)+len(words))
	for w := range base {
		set[w] = true
	}
	for _, w := range words {
		set[w.text] = true
	}
	return set
}

func optionCodes(item *survey.Item) []string {
	codes := make([]string, len(item.Options))
	for i, o := range item.Options {
		codes[i] = string(o.Code)
	}
	return codes
}
