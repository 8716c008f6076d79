package exchange

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"cxmirror/pkg/survey"
)

// Map says how a file of somebody else's making holds the answers to a questionnaire: which column is
// which item, what its cells mean, which rows count, and which audience they belong to. [MapManual] shows
// how one is written. A map is not changed after [ParseMap], and any number of readers may
// share it.
type Map struct {
	source *survey.Source

	layout     layout
	missing    []word
	respondent word // the column, or no text
	weight     word
	audience   survey.Audience // of every row, unless rules tell them apart
	audiences  []audienceRule
	keep       []condition
	items      []itemMap
	ignore     []word
	ignoreRest bool
}

// layout is how the file is written.
type layout struct {
	encoding  string
	delimiter rune  // 0: found out
	headers   []int // rows that name the columns, ascending, from 1; empty: there are none
	data      int   // the first row of answers, from 1
	lenient   bool  // a quote within an unquoted cell is a letter
	decimal   byte  // '.' or ','
}

// audienceRule says which rows belong to an audience.
type audienceRule struct {
	audience survey.Audience
	when     condition
}

// condition is a question about the cells of a row.
type condition struct {
	operator operator
	parts    []condition // all, anyOf, not
	column   word        // equals
	values   []word      // equals
	names    []word      // present: columns; complete: items
}

type operator uint8

const (
	all      operator = iota // every part holds
	anyOf                    // at least one part holds
	not                      // no part holds
	equals                   // the cell is one of the values
	present                  // the cells hold something
	complete                 // the items are answered in full
)

// itemMap says where the answers to an item, or to one row of an item, are found.
type itemMap struct {
	key      word
	form     form
	columns  []word       // oneColumn: one; severalColumns: best first for a ranking
	byCode   []codeColumn // optionColumns, placeColumns, rowColumns
	constant word

	recode    []recoding
	otherwise *word  // what every cell that recode does not name means
	texts     word   // cells hold the questionnaire's own texts in this language
	missing   []word // besides the map's
	separator string // between the entries of a cell; "" is that of the native format
	list      listing
	listed    []word // placesInCell: the options whose places the cell gives, in this order
	highBest  bool   // place numbers: the highest is best
	closeGaps bool   // place numbers: a hole in the numbering is no error
	picked    []word // optionColumns: what the cell of a picked option reads; nil: usual words
	notPicked []word // optionColumns: besides blank
	filled    bool   // optionColumns: whatever is not blank is a pick
	asked     asked
	askedIf   condition
}

type codeColumn struct {
	code   word
	column word // no text: the file has no column for it
}

type recoding struct {
	from, to word
}

// form is how the answer to one item is laid out in columns.
type form uint8

const (
	oneColumn      form = iota
	severalColumns      // each holds one option
	optionColumns       // one for each option: picked or not
	placeColumns        // one for each option: its place
	rowColumns          // one for each row of a rating or matrix
	constantValue       // none: the same answer in every row
)

// listing is how a cell with several entries is read.
type listing uint8

const (
	unsaid       listing = iota
	orderInCell          // entries are options, best first
	placesInCell         // entries are places
)

// asked says when a row in which nothing is picked means "asked, and picked nothing" rather than missing.
type asked uint8

const (
	askedIfSaid asked = iota // when at least one cell says in so many words that an option is not picked
	askedAlways
	askedWhen // when a condition holds
)

// maxMap bounds the size of a map, in bytes. The time that reading YAML takes grows with the square of its
// size; a thousand recoded values fit many times.
const maxMap = 256 << 10

// ParseMap reads a map. name is what messages call it. The error is [survey.Diagnostics]: every mistake
// found, with its line and column. Whether the columns, items and codes that it names exist is checked by
// [Open], against the questionnaire and the header of the file.
func ParseMap(src []byte, name string) (*Map, error) {
	if len(src) > maxMap {
		return nil, survey.Diagnostics{{File: name, Message: fmt.Sprintf("the map has %d KB, at most %d are read", len(src)>>10, maxMap>>10)}}
	}
	p := mapParser{source: survey.NewSource(name, src)}
	root, problems := parseNode(src, p.source)
	p.problems = problems
	var m *Map
	switch {
	case root == nil && len(problems) == 0:
		p.fail(word{line: 1, column: 1}, "the map is empty; it needs at least `items:`, or `file:` or `ignore:` for a file whose columns have the right names")
	case root != nil:
		m = p.parse(root)
	}
	if len(p.problems) > 0 {
		return nil, p.problems.Sort()
	}
	return m, nil
}

// Audiences returns the audiences that the map splits a file into, in the map's order; none if it does not
// speak of audiences.
func (m *Map) Audiences() []survey.Audience {
	if m == nil {
		return nil
	}
	if m.audience != "" {
		return []survey.Audience{m.audience}
	}
	found := make([]survey.Audience, len(m.audiences))
	for i, rule := range m.audiences {
		found[i] = rule.audience
	}
	return found
}

// mapParser turns the YAML of a map into a Map, and collects what is wrong with it.
type mapParser struct {
	source     *survey.Source
	problems   survey.Diagnostics
	conditions int
}

// maxConditions bounds how many conditions aliases may multiply a small map into.
const maxConditions = 10_000

func (p *mapParser) fail(at word, format string, args ...any) {
	p.problems = append(p.problems, p.source.At(at.line, at.column, format, args...))
}

// wholeMap is what messages call a map as such.
const wholeMap = "the map"

// keys hands out the pairs of a mapping whose keys are known, and says about the others what to do.
func (p *mapParser) keys(n *node, what string, known []mapKey, each func(key word, value *node)) {
	if n.shape != mapping {
		p.fail(n.word, "%s is made of keys, `key: value`; it knows %s", what, strings.Join(keyNames(known), ", "))
		return
	}
	for _, pair := range n.pairs {
		if _, ok := keyNamed(pair.key.text, known); !ok {
			p.fail(pair.key, "%s", unknownKey(what, known, pair.key.text, pair.value))
			continue
		}
		each(pair.key, pair.value)
	}
}

// word reads a scalar that is not blank.
func (p *mapParser) word(key word, n *node) word {
	if n.shape != scalar || strings.TrimSpace(n.text) == "" {
		p.fail(n.word, "%s takes one text or number, as in %s%s", key.text, exampleOf(key.text), p.commentHint(n))
		return word{}
	}
	return trimmed(n.word)
}

// commentHint explains a value that is nothing because a # made a comment of it.
func (p *mapParser) commentHint(n *node) string {
	if line := p.source.At(n.line, 1, "").Source; n.shape == nothing && strings.Contains(line, "#") {
		return "; a # begins a comment: put a text that begins with one in quotes"
	}
	return ""
}

// words reads a scalar or a list of scalars, blank ones included.
func (p *mapParser) words(key word, n *node) []word {
	switch n.shape {
	case scalar:
		return []word{trimmed(n.word)}
	case nothing:
		return []word{{line: n.line, column: n.column}}
	case list:
		words := make([]word, 0, len(n.items))
		for _, item := range n.items {
			if item.shape != scalar && item.shape != nothing {
				p.fail(item.word, "%s takes texts or numbers, as in %s", key.text, exampleOf(key.text))
				continue
			}
			words = append(words, trimmed(item.word))
		}
		if len(n.items) == 0 {
			p.fail(n.word, "%s is an empty list; it takes at least one text, as in %s", key.text, exampleOf(key.text))
		}
		return words
	case mapping:
	}
	p.fail(n.word, "%s takes a text, or a list of texts, as in %s", key.text, exampleOf(key.text))
	return nil
}

// names is words, none of them blank or twice.
func (p *mapParser) names(key word, n *node) []word {
	words := p.words(key, n)
	for i, w := range words {
		if w.text == "" {
			p.fail(w, "%s: an empty name", key.text)
		} else if slices.ContainsFunc(words[:i], func(earlier word) bool { return earlier.text == w.text }) {
			p.fail(w, "%s: %q stands twice", key.text, w.text)
		}
	}
	return words
}

// oneOf reads a scalar that must be one of a few words, and returns its position in them, or -1.
func (p *mapParser) oneOf(key word, n *node, known ...string) int {
	w := p.word(key, n)
	if w.text == "" {
		return -1
	}
	at := slices.Index(known, w.text)
	if at < 0 {
		p.fail(w, "%s is %s, not %q", key.text, strings.Join(quoted(known), " or "), w.text)
	}
	return at
}

func (p *mapParser) parse(root *node) *Map {
	m := &Map{source: p.source, layout: layout{headers: []int{1}, data: 2, decimal: '.'}}
	p.keys(root, wholeMap, mapKeys(), func(key word, value *node) {
		switch key.text {
		case "file":
			p.parseLayout(value, &m.layout)
		case "missing":
			m.missing = p.words(key, value)
		case "respondent":
			m.respondent = p.word(key, value)
		case "weight":
			m.weight = p.word(key, value)
		case "audience":
			p.parseAudience(key, value, m)
		case "keep":
			m.keep = p.parseConditions(key, value, true)
		case "items":
			p.parseItems(value, m)
		case "ignore":
			m.ignore = p.names(key, value)
			if len(m.ignore) == 1 && m.ignore[0].text == "rest" && value.shape == scalar {
				m.ignore, m.ignoreRest = nil, true
			}
		}
	})
	return m
}

func (p *mapParser) parseLayout(n *node, l *layout) {
	dataAt := word{}
	if n.shape != mapping {
		p.fail(n.word, "file says how the file is written, as in %s; which file is read is said on the command line", exampleOf("file"))
		return
	}
	p.keys(n, "file", layoutKeys(), func(key word, value *node) {
		switch key.text {
		case "encoding":
			name := p.word(key, value)
			if _, _, known := encodingByName(name.text); !known {
				p.fail(name, "encoding: %s", noEncoding(name.text))
			}
			l.encoding = name.text
		case "delimiter":
			l.delimiter = p.delimiter(key, value)
		case "header":
			l.headers = p.headerRows(key, value)
		case "data":
			dataAt = p.word(key, value)
			if dataAt.text != "" {
				l.data = p.row(dataAt, "data is the first row of answers, as in `data: 4`")
			}
		case "quotes":
			l.lenient = p.oneOf(key, value, "strict", "lenient") == 1
		case "decimal":
			if mark := p.oneOf(key, value, ".", ","); mark >= 0 {
				l.decimal = ".,"[mark]
			}
		}
	})
	last := 0
	if len(l.headers) > 0 {
		last = l.headers[len(l.headers)-1]
	}
	switch {
	case dataAt.text == "" || l.data == 0: // not said, or wrongly
		l.data = last + 1
	case l.data <= last:
		p.fail(dataAt, "data: answers cannot begin in row %d, which is not below the header (row %d)", l.data, last)
	}
}

func (p *mapParser) delimiter(key word, n *node) rune {
	if n.shape == scalar {
		switch n.text {
		case ",", ";", "|", "\t", ":":
			return rune(n.text[0])
		case "tab", `\t`:
			return '\t'
		case "comma":
			return ','
		case "semicolon":
			return ';'
		case "pipe":
			return '|'
		}
	}
	p.fail(n.word, "%s is one of \",\", \";\", \"|\", \":\" or tab, as in %s", key.text, exampleOf(key.text))
	return 0
}

// headerRows reads the rows that name the columns.
func (p *mapParser) headerRows(key word, n *node) []int {
	const use = "header is the row that names the columns, as in `header: 1`, or several, `header: [1, 2]`, or `header: none`"
	if n.shape == scalar && n.text == "none" {
		return nil
	}
	if n.shape == nothing || n.shape == mapping {
		p.fail(n.word, "%s", use)
		return nil
	}
	rows := []int{}
	for _, w := range p.words(key, n) {
		if row := p.row(w, use); row > 0 && len(rows) > 0 && row <= rows[len(rows)-1] {
			p.fail(w, "header: rows are named from the top down, each once, as in `header: [1, 2]`")
		} else {
			rows = append(rows, row)
		}
	}
	return rows
}

// row reads the number of a row of the file; 0 if it is none, which is told with what is expected.
func (p *mapParser) row(w word, use string) int {
	const highest = 1000
	n, err := strconv.Atoi(w.text)
	if err != nil || n < 1 || n > highest {
		p.fail(w, "%s; %q is not the number of a row, from 1 to %d", use, w.text, highest)
		return 0
	}
	return n
}

func (p *mapParser) parseAudience(key word, n *node, m *Map) {
	if n.shape != mapping {
		names := keyNames(audienceKeys())
		switch w := p.word(key, n); {
		case w.text == "":
		case slices.Contains(names, w.text):
			m.audience = survey.Audience(w.text)
		default:
			p.fail(w, "audience is %s for the whole file, not %q; where a column tells which row belongs to whom, %s",
				strings.Join(names, " or "), w.text, exampleOf("audience"))
		}
		return
	}
	p.keys(n, "audience", audienceKeys(), func(key word, value *node) {
		rule := audienceRule{audience: survey.Audience(key.text)}
		rule.when.parts = p.parseConditions(key, value, false)
		m.audiences = append(m.audiences, rule)
	})
}

// parseConditions reads a condition or a list of conditions that must all hold.
func (p *mapParser) parseConditions(key word, n *node, completeAllowed bool) []condition {
	if n.shape != list {
		return []condition{p.parseCondition(key, n, completeAllowed)}
	}
	conditions := make([]condition, 0, len(n.items))
	for _, item := range n.items {
		conditions = append(conditions, p.parseCondition(key, item, completeAllowed))
	}
	return conditions
}

func (p *mapParser) parseCondition(key word, n *node, completeAllowed bool) condition {
	c := condition{operator: all}
	if p.conditions++; p.conditions == maxConditions {
		p.fail(n.word, "more than %d conditions", maxConditions)
	}
	if p.conditions >= maxConditions {
		return c
	}
	if n.shape != mapping || len(n.pairs) == 0 {
		p.fail(n.word, "%s: a condition names a column and its value, `{STATUS: Complete}`, or values, `{AGE: [18 to 24, 25 to 34]}`; "+
			"or it is `not: {STATUS: Partial}`, `any: [{Q1: 1}, {Q2: 1}]`, `present: [AGE]` or, in keep, `complete: [expectations]`", key.text)
		return c
	}
	for _, pair := range n.pairs {
		part := condition{}
		switch pair.key.text {
		case "not", "any":
			part.operator = not
			if pair.key.text == "any" {
				part.operator = anyOf
			}
			part.parts = p.parseConditions(pair.key, pair.value, false)
		case "present":
			part.operator = present
			part.names = p.names(pair.key, pair.value)
		case "complete":
			part.operator = complete
			part.names = p.names(pair.key, pair.value)
			if !completeAllowed {
				p.fail(pair.key, "complete stands only in keep, and not within not or any")
			}
		default:
			part.operator = equals
			part.column = trimmed(pair.key)
			part.values = p.words(pair.key, pair.value)
		}
		c.parts = append(c.parts, part)
	}
	return c
}

func (p *mapParser) parseItems(n *node, m *Map) {
	if n.shape != mapping {
		p.fail(n.word, "under items stands the code of an item (or item.row), and the column that answers it, as in %s, without a - before it", exampleOf("items"))
		return
	}
	for _, pair := range n.pairs {
		m.items = append(m.items, p.parseItem(trimmed(pair.key), pair.value))
	}
}

func (p *mapParser) parseItem(key word, n *node) itemMap {
	it := itemMap{key: key}
	if n.shape == scalar || n.shape == nothing {
		it.columns = []word{p.word(key, n)}
		return it
	}
	if n.shape == list {
		p.fail(n.word, "%s takes one column, as in `%s: Q4`; several columns of one option each are `%s: {columns: [First, Second, Third]}`", key.text, key.text, key.text)
		return it
	}
	var forms []word
	p.keys(n, key.text, itemKeys(), func(key word, value *node) {
		switch key.text {
		case "column", "columns", "options", "places", "rows", "constant":
			forms = append(forms, key)
			p.parseForm(&it, key, value)
		case "recode":
			it.recode = p.parseRecode(key, value)
		case "else":
			target := p.target(key, value)
			it.otherwise = &target
		case "texts":
			it.texts = p.word(key, value)
		case "missing":
			it.missing = p.words(key, value)
		case "separator":
			if value.shape != scalar || value.text == "" {
				p.fail(value.word, `separator is what stands between the entries of a cell, as in %s`, exampleOf(key.text))
			}
			it.separator = value.text
		case "list":
			p.parseList(&it, key, value)
		case "best":
			it.highBest = p.oneOf(key, value, "lowest", "highest") == 1
		case "gaps":
			it.closeGaps = p.oneOf(key, value, "reject", "close") == 1
		case "picked":
			it.filled = value.shape == scalar && value.text == "filled"
			it.picked = p.words(key, value)
		case "not_picked":
			it.notPicked = p.words(key, value)
		case "asked":
			it.asked = askedWhen
			if value.shape == scalar && value.text == "always" {
				it.asked = askedAlways
			} else {
				it.askedIf.parts = p.parseConditions(key, value, false)
			}
		}
	})
	switch {
	case n.shape == mapping && len(forms) == 0:
		p.fail(key, "%s: say where the answers are, as in `column: Q4`: column, columns, options, places, rows or constant", key.text)
	case len(forms) > 1:
		p.fail(forms[1], "%s: %s and %s are two ways to lay out one answer; give one", key.text, forms[0].text, forms[1].text)
	}
	return it
}

func (p *mapParser) parseForm(it *itemMap, key word, n *node) {
	switch key.text {
	case "column":
		it.form = oneColumn
		it.columns = []word{p.word(key, n)}
	case "columns":
		it.form = severalColumns
		it.columns = p.names(key, n)
	case "constant":
		it.form = constantValue
		it.constant = p.word(key, n)
	case "options", "places", "rows":
		it.form = map[string]form{"options": optionColumns, "places": placeColumns, "rows": rowColumns}[key.text]
		if n.shape != mapping {
			p.fail(n.word, "%s takes codes and the column of each, as in %s", key.text, exampleOf(key.text))
			return
		}
		for _, pair := range n.pairs {
			entry := codeColumn{code: trimmed(pair.key), column: word{line: pair.value.line, column: pair.value.column}}
			if pair.value.shape != nothing || pair.value.unsaid {
				entry.column = p.column(pair.key, pair.value)
			}
			if slices.ContainsFunc(it.byCode, func(e codeColumn) bool { return e.column.text != "" && e.column.text == entry.column.text }) {
				p.fail(entry.column, "%s: column %s is given to two codes", it.key.text, entry.column)
			}
			it.byCode = append(it.byCode, entry)
		}
	}
}

func (p *mapParser) parseRecode(key word, n *node) []recoding {
	if n.shape != mapping {
		p.fail(n.word, "%s takes what cells read and the code it stands for, as in %s", key.text, exampleOf(key.text))
		return nil
	}
	pairs := make([]recoding, 0, len(n.pairs))
	for _, pair := range n.pairs {
		pairs = append(pairs, recoding{from: trimmed(pair.key), to: p.target(pair.key, pair.value)})
	}
	return pairs
}

// target reads what a cell is turned into; ~ means missing.
func (p *mapParser) target(key word, n *node) word {
	switch {
	case n.unsaid:
		p.fail(key, "%q stands for no code; if it means missing, say `%s: ~`; if it is part of a label with a comma, put the label in quotes%s",
			key.text, key.text, p.commentHint(n))
	case n.shape != scalar && n.shape != nothing:
		p.fail(n.word, "%q stands for one code, as in `%s: speed`, or for ~ (missing)", key.text, key.text)
	}
	return trimmed(n.word)
}

func (p *mapParser) parseList(it *itemMap, key word, n *node) {
	if n.shape != mapping {
		switch p.oneOf(key, n, "order", "places") {
		case 0:
			it.list = orderInCell
		case 1:
			it.list = placesInCell
		}
		return
	}
	p.keys(n, "list", []mapKey{{name: "places", example: "list: {places: [speed, ease, courtesy]}"}}, func(key word, value *node) {
		it.list = placesInCell
		it.listed = p.names(key, value)
	})
}

// column reads the column of a code, which must be said: ~ is the word for none.
func (p *mapParser) column(code word, n *node) word {
	if n.unsaid {
		p.fail(code, "%q has no column; if the file has none for it, say `%s: ~`; a name with a comma in it is put in quotes%s", code.text, code.text, p.commentHint(n))
		return word{}
	}
	return p.word(code, n)
}

func quoted(words []string) []string {
	in := make([]string, len(words))
	for i, w := range words {
		in[i] = strconv.Quote(w)
	}
	return in
}

func trimmed(w word) word {
	w.text = strings.TrimSpace(w.text)
	return w
}

func (w word) String() string { return fmt.Sprintf("%q", w.text) }
