package survey

import (
	"math"
	"math/bits"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The words and separators of an answer in a file of answers. They cannot be codes of ordinary options.
const (
	NoneWord       = "none"       // asked, and picked nothing
	CannotSayWord  = "cannot_say" // asked, and cannot say
	MultiSeparator = ";"          // between the codes of a multi answer
	RankSeparator  = ">"          // between the codes of a rank answer, best first
)

// Decoder turns answers in codes into coded values, and checks them. It is the only place where the rules
// of answers are kept: forms, JSON and files all pass through it. A decoder is not safe for concurrent use;
// make one per goroutine.
type Decoder struct {
	questionnaire *Questionnaire
	columns       []columnCodes
	unknown       []bool // columns the source does not have
	memos         []conditionMemo
	problems      []Problem
}

// columnCodes is what decoding a cell of one column needs at hand.
type columnCodes struct {
	kind      Kind
	item      *Item
	options   codeTable
	exclusive uint64
	noneCode  int // the position of an option coded "none", or -1
}

// NewDecoder returns a decoder of answers to the questionnaire.
func (q *Questionnaire) NewDecoder() *Decoder {
	d := &Decoder{
		questionnaire: q,
		columns:       make([]columnCodes, len(q.columns)),
		unknown:       make([]bool, len(q.columns)),
		memos:         make([]conditionMemo, len(q.Items)),
	}
	for i, c := range q.columns {
		codes := columnCodes{kind: c.Item.Kind, item: c.Item, options: newCodeTable(c.Options), noneCode: -1}
		for j, o := range c.Options {
			if o.Exclusive {
				codes.exclusive |= 1 << j
			}
			if o.Code == NoneWord {
				codes.noneCode = j
			}
		}
		d.columns[i] = codes
	}
	return d
}

// Decode reads one cell in the native format into v, reusing v.Order: an empty cell is [Missing], the word
// "none" is [None], "cannot_say" is [CannotSay] where the scale offers it. Where an item has an option of
// code "none", the word means that option: it is Answered, with that option picked. Blanks around codes are
// ignored, and so is one separator after the last code. column is a position in [Questionnaire.Columns].
//
// Decode returns nil if the answer is valid, and allocates nothing then. Otherwise v is Missing and the
// problem says why.
func (d *Decoder) Decode(column int, cell string, v *Value) *Problem {
	clearValue(v)
	c := &d.columns[column]
	if c.kind == Text {
		return d.decodeText(column, cell, v)
	}
	cell = trimBlanks(cell)
	if cell == "" {
		return nil
	}
	problem := d.decodeWord(column, cell, v)
	if problem != nil {
		clearValue(v)
		problem.Key = d.questionnaire.columns[column].Key
	}
	return problem
}

// DecodeCodes is [Decoder.Decode] for an answer that is already in parts: the codes picked of a multi item
// in any order, of a rank item best first, or the one answer of any other kind. No codes at all is Missing;
// the single code "none" is what it is in a cell.
func (d *Decoder) DecodeCodes(column int, codes []string, v *Value) *Problem {
	clearValue(v)
	c := &d.columns[column]
	var problem *Problem
	switch {
	case len(codes) == 0:
	case len(codes) == 1 && (c.kind != Multi && c.kind != Rank || c.isWord(trimBlanks(codes[0]))):
		return d.Decode(column, codes[0], v)
	case c.kind == Multi || c.kind == Rank:
		for _, code := range codes {
			if problem = c.add(trimBlanks(code), v); problem != nil {
				problem.explain(codes, " ")
				break
			}
		}
		if problem == nil {
			problem = c.checkPicks(v)
		}
	default:
		problem = &Problem{Rule: SeveralAnswers, Count: len(codes), Given: strings.Join(codes, " ")}
	}
	if problem != nil {
		clearValue(v)
		problem.Key = d.questionnaire.columns[column].Key
	}
	return problem
}

// Unknown tells the decoder that its source has no such column, so that its values are always Missing and
// say nothing. [Decoder.Check] then leaves out the rules that need the column.
func (d *Decoder) Unknown(column int) { d.unknown[column] = true }

// Check checks the rules between the answers of one response: an item is answered only if its condition
// holds, and what is ranked was picked. An order that says no more than the picks do, that of a single pick,
// is valid where the item was not asked, too (see [Questionnaire.Effective]). values has one value per column. The problems are returned in the
// order of the columns; the slice is reused by the next call. It is nil if there are none.
func (d *Decoder) Check(values []Value) []Problem {
	d.problems = d.problems[:0]
	column := 0
	for i := range d.questionnaire.Items {
		item := &d.questionnaire.Items[i]
		first, n := column, item.columnCount()
		column += n
		if item.ShowIf != nil {
			d.checkAsked(i, values, first, n)
		}
		if item.Kind == Rank && item.Of != "" && values[first].State == Answered {
			d.checkPicked(item, values, first)
		}
	}
	if len(d.problems) == 0 {
		return nil
	}
	return d.problems
}

func (d *Decoder) checkAsked(item int, values []Value, first, n int) {
	condition := d.questionnaire.Items[item].ShowIf
	for i := first; i < first+n; i++ {
		if values[i].State == Missing || d.questionnaire.rules[i].follows(&values[i], values) {
			continue
		}
		for _, used := range condition.columns {
			if d.unknown[used] {
				return
			}
		}
		if !d.memos[item].holds(condition, values) {
			d.problems = append(d.problems, Problem{Rule: NotAsked, Key: d.questionnaire.columns[i].Key})
		}
	}
}

func (d *Decoder) checkPicked(item *Item, values []Value, column int) {
	source, ok := d.questionnaire.Column(string(item.Of))
	if !ok || d.unknown[source] {
		return
	}
	// The options of a rank item with `of` are its source's without the exclusive ones, so positions of
	// the two lists may differ and are matched by code.
	picked := values[source].Bits
	for _, place := range values[column].Order {
		at, known := d.columns[source].options.find(string(item.Options[place].Code))
		if !known || picked&(1<<at) == 0 {
			d.problems = append(d.problems, Problem{
				Rule: NotPicked, Key: string(item.Code), Given: string(item.Options[place].Code), Other: string(item.Of),
			})
		}
	}
}

// isWord reports whether a cell is one of the words that stand for a state of this column.
func (c *columnCodes) isWord(cell string) bool {
	return cell == "" || cell == NoneWord && c.noneCode < 0
}

func (d *Decoder) decodeWord(column int, cell string, v *Value) *Problem {
	c := &d.columns[column]
	switch {
	case cell == NoneWord && c.noneCode < 0:
		if c.item.HasOptions() {
			v.State = None
			return nil
		}
		return &Problem{Rule: NoneNotPossible, Given: cell}
	case cell == CannotSayWord && !c.item.HasOptions():
		if c.item.Scale == nil || !c.item.Scale.CannotSay {
			return &Problem{Rule: NoCannotSay, Given: cell}
		}
		v.State = CannotSay
		return nil
	}
	switch c.kind {
	case Single, Matrix:
		at, ok := c.options.find(cell)
		if !ok {
			return c.unknownOption(cell)
		}
		v.State, v.Bits = Answered, uint64(at)
		return nil
	case Multi:
		return c.decodeList(cell, MultiSeparator[0], v)
	case Rank:
		return c.decodeList(cell, RankSeparator[0], v)
	case Rating, NPS:
		return decodePoint(c.item.Scale, cell, v)
	case Number:
		return decodeNumber(c.item.Range, cell, v)
	case Text:
		return d.decodeText(column, cell, v)
	}
	return &Problem{Rule: WrongShape, Given: cell, Other: string(c.kind)}
}

func (c *columnCodes) decodeList(cell string, separator byte, v *Value) *Problem {
	rest := cell
	for {
		code := rest
		end := strings.IndexByte(rest, separator)
		if end >= 0 {
			code = rest[:end]
		}
		if problem := c.add(trimBlanks(code), v); problem != nil {
			problem.explain(strings.Split(cell, string(separator)), string(separator))
			return problem
		}
		// Spreadsheets that join columns leave a separator after the last code.
		if end < 0 || trimBlanks(rest[end+1:]) == "" {
			return c.checkPicks(v)
		}
		rest = rest[end+1:]
	}
}

// add adds one more code to the picks, or to the order, of a value.
func (c *columnCodes) add(code string, v *Value) *Problem {
	if code == "" {
		return &Problem{Rule: EmptyCode}
	}
	at, ok := c.options.find(code)
	if !ok && code == NoneWord {
		return &Problem{Rule: NotAlone, Given: code}
	}
	if !ok {
		return c.unknownOption(code)
	}
	if v.Bits&(1<<at) != 0 {
		return &Problem{Rule: RepeatedOption, Given: code}
	}
	v.Bits |= 1 << at
	if c.kind == Rank {
		v.Order = append(v.Order, at)
	}
	return nil
}

// explain completes a problem of one part of an answer by what it says of the others.
func (p *Problem) explain(parts []string, separator string) {
	if p.Rule == EmptyCode {
		p.Given = strings.Join(parts, separator)
	}
	if p.Rule != NotAlone {
		return
	}
	for _, part := range parts {
		if part = trimBlanks(part); part != "" && part != NoneWord {
			p.Other = part
			return
		}
	}
	p.Rule = RepeatedOption // "none", twice
}

// checkPicks closes a value whose options have all been added.
func (c *columnCodes) checkPicks(v *Value) *Problem {
	n := bits.OnesCount64(v.Bits)
	if alone := v.Bits & c.exclusive; alone != 0 {
		if n > 1 {
			one := bits.TrailingZeros64(alone)
			other := bits.TrailingZeros64(v.Bits &^ (1 << one))
			return &Problem{Rule: NotAlone, Given: c.code(one), Other: c.code(other)}
		}
	} else if n < c.item.Min {
		return &Problem{Rule: TooFew, Count: n, Limit: c.item.Min}
	}
	if n > c.item.Max {
		return &Problem{Rule: TooMany, Count: n, Limit: c.item.Max}
	}
	v.State = Answered
	if c.kind == Rank {
		v.Bits = 0 // the order says it all, and equal answers must have equal values
	}
	return nil
}

func (c *columnCodes) code(at int) string { return string(c.item.Options[at].Code) }

func (c *columnCodes) unknownOption(code string) *Problem {
	known := make([]string, len(c.item.Options))
	for i := range c.item.Options {
		known[i] = c.code(i)
	}
	return &Problem{Rule: UnknownOption, Given: code, Nearest: Nearest(code, known)}
}

// decodePoint reads a whole point of a scale. "4.0" is the point 4: spreadsheets and statistics programs
// write whole numbers so once a column has had an empty cell.
func decodePoint(s *Scale, cell string, v *Value) *Problem {
	digits := cell
	if whole, zeros, ok := strings.Cut(cell, "."); ok && strings.Trim(zeros, "0") == "" && zeros != "" {
		digits = whole
	}
	point, ok := smallNumber(digits)
	if !ok || point < s.Min || point > s.Max {
		return &Problem{Rule: OffScale, Given: cell, Low: float64(s.Min), High: float64(s.Max)}
	}
	v.State, v.Bits = Answered, uint64(point) //nolint:gosec // a point is never negative: smallNumber reads digits only
	return nil
}

// smallNumber reads a non-negative number of at most three digits.
func smallNumber(s string) (int, bool) {
	if s == "" || len(s) > 3 {
		return 0, false
	}
	n := 0
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + int(s[i]-'0')
	}
	return n, true
}

func decodeNumber(r Range, cell string, v *Value) *Problem {
	// ParseFloat also reads hexadecimal, underscores and names of numbers that are none.
	if strings.Trim(cell, "+-.0123456789eE") != "" {
		return &Problem{Rule: NotANumber, Given: cell}
	}
	x, err := strconv.ParseFloat(cell, 64)
	if err != nil || math.IsInf(x, 0) {
		return &Problem{Rule: NotANumber, Given: cell}
	}
	if x < r.Low || x > r.High {
		return &Problem{Rule: OutOfRange, Given: cell, Low: r.Low, High: r.High}
	}
	if decimals(x) > r.Decimals {
		return &Problem{Rule: TooManyDecimals, Given: cell, Limit: r.Decimals}
	}
	v.State, v.Number = Answered, x+0 // +0 turns a negative zero into zero
	return nil
}

// decimals counts the decimals of a number's shortest notation, so that 2.50 has one and 1e-3 has three.
func decimals(x float64) int {
	if x == math.Trunc(x) {
		return 0
	}
	var buffer [32]byte
	text := strconv.AppendFloat(buffer[:0], x, 'f', -1, 64)
	return len(text) - 1 - slices.Index(text, '.')
}

func (d *Decoder) decodeText(column int, cell string, v *Value) *Problem {
	text := strings.TrimSpace(cell)
	if text == "" {
		return nil
	}
	if strings.IndexByte(text, '\r') >= 0 { // forms send CRLF; equal words must be equal values
		text = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text)
	}
	key := d.questionnaire.columns[column].Key
	if !utf8.ValidString(text) || strings.ContainsFunc(text, forbiddenInText) {
		return &Problem{Rule: NotText, Key: key}
	}
	limit := d.columns[column].item.Length
	if len(text) > limit {
		if n := utf8.RuneCountInString(text); n > limit {
			return &Problem{Rule: TooLong, Key: key, Count: n, Limit: limit}
		}
	}
	v.State, v.Text = Answered, text
	return nil
}

// forbiddenInText reports whether a rune may not stand in a person's words: control characters would
// break files and documents made from them.
func forbiddenInText(r rune) bool {
	return unicode.IsControl(r) && r != '\n' && r != '\t'
}

// AppendCell appends an answer in the native format of files, the inverse of [Decoder.Decode]. [None] is the
// word "none". Of an item that offers an option of that code the word is that option, so there a file does not
// tell who picked nothing at all from who picked "none of these": both are read back as that option picked.
func (q *Questionnaire) AppendCell(dst []byte, column int, v *Value) []byte {
	c := &q.columns[column]
	switch v.State {
	case Missing:
		return dst
	case None:
		return append(dst, NoneWord...)
	case CannotSay:
		return append(dst, CannotSayWord...)
	case Answered:
	}
	switch c.Item.Kind {
	case Single, Matrix:
		return append(dst, c.Options[v.Bits].Code...)
	case Multi:
		for rest := v.Bits; rest != 0; rest &= rest - 1 {
			if rest != v.Bits {
				dst = append(dst, MultiSeparator...)
			}
			dst = append(dst, c.Options[bits.TrailingZeros64(rest)].Code...)
		}
	case Rank:
		for i, at := range v.Order {
			if i > 0 {
				dst = append(dst, RankSeparator...)
			}
			dst = append(dst, c.Options[at].Code...)
		}
	case Rating, NPS:
		return strconv.AppendUint(dst, v.Bits, 10)
	case Number:
		return strconv.AppendFloat(dst, v.Number, 'f', -1, 64)
	case Text:
		return append(dst, v.Text...)
	}
	return dst
}

func clearValue(v *Value) { *v = Value{Order: v.Order[:0]} }

// trimBlanks cuts blanks and tabs off both ends. strings.TrimSpace costs several times as much.
func trimBlanks(s string) string {
	for s != "" && (s[0] == ' ' || s[0] == '\t') {
		s = s[1:]
	}
	for s != "" && (s[len(s)-1] == ' ' || s[len(s)-1] == '\t') {
		s = s[:len(s)-1]
	}
	return s
}

// codeTable finds the position of a code. It is an open-addressing table, several times faster than a map
// for the short codes of options.
type codeTable struct {
	codes []OptionCode
	slots []uint8 // position + 1, or 0 for an empty slot; a power of two, at least four times the codes
}

func newCodeTable(options []Option) codeTable {
	size := 8
	for size < 4*len(options) {
		size *= 2
	}
	t := codeTable{codes: make([]OptionCode, len(options)), slots: make([]uint8, size)}
	for i, o := range options {
		t.codes[i] = o.Code
		slot := t.slot(string(o.Code))
		for t.slots[slot] != 0 {
			slot = (slot + 1) & uint32(size-1) //nolint:gosec // size is at most 256
		}
		t.slots[slot] = uint8(i + 1)
	}
	return t
}

func (t *codeTable) find(code string) (uint8, bool) {
	if len(t.codes) == 0 {
		return 0, false
	}
	for slot := t.slot(code); t.slots[slot] != 0; slot = (slot + 1) & uint32(len(t.slots)-1) { //nolint:gosec // at most 256 slots
		if at := t.slots[slot] - 1; string(t.codes[at]) == code {
			return at, true
		}
	}
	return 0, false
}

// slot hashes a code by FNV-1a.
func (t *codeTable) slot(code string) uint32 {
	const offset, prime = 2166136261, 16777619
	hash := uint32(offset)
	for i := range len(code) {
		hash = (hash ^ uint32(code[i])) * prime
	}
	return (hash ^ hash>>15) & uint32(len(t.slots)-1) //nolint:gosec // at most 256 slots
}
