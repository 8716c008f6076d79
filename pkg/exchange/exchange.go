package exchange

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"cxmirror/pkg/survey"
)

// The optional columns of the native format.
const (
	respondentColumn = "respondent"
	weightColumn     = "weight"
)

// keptRejections is how many rejections a report quotes. All are counted, and handed to [OnReject].
const keptRejections = 100

// Reader reads one file of answers as records of a questionnaire, in one pass and in memory that does not
// grow with the file, but for eight to twenty bytes for each respondent who is named. It is not safe for
// concurrent use.
type Reader struct {
	q        *survey.Questionnaire
	text     *text
	csv      *csv.Reader
	skipped  int // lines before those that csv counts
	header   *header
	plan     *plan
	decoder  *survey.Decoder
	onReject func(Rejection)

	record survey.Record
	first  []string // the first row of answers, where reading the header had to look at it
	number []byte   // a weight with its decimal mark changed
	seen   respondents
	firsts [][]int // by column of the questionnaire, for rankings: how often each option is first
	report Report
	err    error
}

// Report counts what became of the rows of a file: Rows = Accepted + Filtered + Rejected. Rows without
// anything in them, which spreadsheets leave at the end, are counted apart.
type Report struct {
	File       string
	Rows       int // rows of answers read
	Accepted   int // handed out as records
	Filtered   int // left out because the map says so
	Outside    int // of those filtered, the ones that belong to none of the map's audiences
	Rejected   int // left out because something is wrong with them
	Empty      int // rows without a single filled cell; not in Rows
	Rejections []Rejection
	Rankings   []FirstChoice // for a look whether rankings were read the right way round
}

// FirstChoice says which option a ranking puts first most often. If a file's place numbers are taken for
// an order, or the other way round, every row is still valid; this is where a person sees it.
type FirstChoice struct {
	Item   survey.ItemCode
	Option survey.OptionCode
	Count  int // accepted rows that put it first
	Of     int // accepted rows that rank anything
}

// Rejection says which row was left out, where, and why. Line and Column (in characters) count from 1 and
// point at the cell; Field is the item or column concerned, Value what the cell holds.
type Rejection struct {
	File         string
	Line, Column int
	Field, Value string
	Says         survey.Saying // why
}

// String returns "answers.csv:17:4: expectations: 4 options given, at most 3 allowed".
func (r Rejection) String() string {
	if r.Field == "" {
		return place(r.File, r.Line, r.Column) + r.Says.String()
	}
	return place(r.File, r.Line, r.Column) + r.Field + ": " + r.Says.String()
}

// String returns the counts as a sentence of a log.
func (r Report) String() string {
	s := fmt.Sprintf("%s: %s, %d accepted, %d filtered out by the map, %d rejected", r.File, rows(r.Rows, ""), r.Accepted, r.Filtered, r.Rejected)
	if r.Empty > 0 {
		s += " (and " + rows(r.Empty, "empty ") + ")"
	}
	return s
}

func countCells(n int) string {
	if n == 1 {
		return "1 cell"
	}
	return strconv.Itoa(n) + " cells"
}

func rows(n int, quality string) string {
	if n == 1 {
		return "1 " + quality + "row"
	}
	return fmt.Sprintf("%d %srows", n, quality)
}

// Option changes how a file is read.
type Option func(*Reader, *[]survey.ItemCode)

// Need makes [Open] fail if a column of one of the items is missing. Other columns may be: their values
// are [survey.Missing].
func Need(items ...survey.ItemCode) Option {
	return func(_ *Reader, needed *[]survey.ItemCode) { *needed = append(*needed, items...) }
}

// OnReject is called with every rejected row, in the order of the file.
func OnReject(f func(Rejection)) Option {
	return func(r *Reader, _ *[]survey.ItemCode) { r.onReject = f }
}

// Open reads the header of a file and makes ready to read its answers. name is what messages call the
// file; a name that ends in .tsv (or .tsv.gz) says that its cells are separated by tabs. Files packed with
// gzip are unpacked. m may be nil: the file is in the native format.
//
// The error names everything that is wrong: a [*FileError] for the file (empty, in another encoding, a
// column missing, unknown or there twice), [survey.Diagnostics] for the map, joined if there are several.
func Open(r io.Reader, name string, q *survey.Questionnaire, m *Map, options ...Option) (*Reader, error) {
	reader := &Reader{q: q, decoder: q.NewDecoder(), report: Report{File: name}, onReject: func(Rejection) {}}
	var needed []survey.ItemCode
	for _, option := range options {
		option(reader, &needed)
	}
	l := layout{headers: []int{1}, data: 2}
	if m != nil {
		l = m.layout
	}
	t, err := openText(r, name, l.encoding, q.Languages)
	if err != nil {
		return nil, err
	}
	reader.text = t
	if err := reader.openRows(l); err != nil {
		return nil, err
	}
	if err := reader.readHeader(l); err != nil {
		return nil, err
	}
	reader.plan, err = bind(q, m, reader.header, reader.decoder, needed)
	if err != nil {
		return nil, err
	}
	reader.record.Values = make([]survey.Value, len(q.Columns()))
	reader.firsts = make([][]int, len(q.Columns()))
	for i, c := range q.Columns() {
		if c.Item.Kind == survey.Rank {
			reader.firsts[i] = make([]int, len(c.Options))
		}
	}
	return reader, nil
}

// openRows finds the delimiter and starts the CSV reader.
func (r *Reader) openRows(l layout) error {
	lines := bufio.NewReaderSize(r.text, blockSize)
	delimiter := l.delimiter
	// Excel can be told the delimiter by a first line of its own.
	if declared, ok := declaredDelimiter(r.text.head); ok {
		if _, err := lines.ReadString('\n'); err != nil && !errors.Is(err, io.EOF) {
			return r.failure(err)
		}
		r.skipped = 1
		if delimiter == 0 {
			delimiter = declared
		}
	}
	if delimiter == 0 {
		delimiter = guessDelimiter(r.text.head, r.report.File, l, r.skipped)
	}
	r.csv = csv.NewReader(lines)
	r.csv.Comma = delimiter
	r.csv.ReuseRecord = true
	r.csv.FieldsPerRecord = -1
	r.csv.LazyQuotes = l.lenient
	return nil
}

// declaredDelimiter reads a first line such as "sep=;".
func declaredDelimiter(head []byte) (rune, bool) {
	line, _, _ := strings.Cut(string(head[:min(len(head), 16)]), "\n")
	line = strings.TrimRight(line, "\r")
	after, found := strings.CutPrefix(strings.ToLower(line), "sep=")
	if !found || len(after) != 1 || !strings.Contains(",;|:\t", after) {
		return 0, false
	}
	return rune(after[0]), true
}

// guessDelimiter looks at the header: tabs and no commas make a TSV; so does the name. Semicolons alone are
// what spreadsheets write in countries with a decimal comma, bars alone what databases write.
func guessDelimiter(head []byte, file string, l layout, skipped int) rune {
	name := strings.TrimSuffix(strings.ToLower(file), ".gz")
	if strings.HasSuffix(name, ".tsv") || strings.HasSuffix(name, ".tab") {
		return '\t'
	}
	row := l.data
	if len(l.headers) > 0 {
		row = l.headers[0]
	}
	var commas, tabs, semicolons, bars int
	quoted, line, filled := false, 1, false
	for _, c := range head {
		if c == '"' {
			quoted = !quoted
		}
		if quoted {
			continue
		}
		if c == '\n' || c == '\r' {
			if filled {
				line++
				filled = false
			}
			continue
		}
		filled = true
		if line < row+skipped {
			continue
		}
		if line > row+skipped {
			break
		}
		switch c {
		case ',':
			commas++
		case '\t':
			tabs++
		case ';':
			semicolons++
		case '|':
			bars++
		}
	}
	switch {
	case commas > 0:
		return ','
	case tabs > 0:
		return '\t'
	case semicolons > 0:
		return ';'
	case bars > 0:
		return '|'
	}
	return ','
}

// readHeader reads the rows up to the first row of answers, and names the columns.
func (r *Reader) readHeader(l layout) error {
	var rows [][]string
	var places [][]position
	for n := 1; n < l.data; n++ {
		row, err := r.nextRow()
		if errors.Is(err, io.EOF) {
			if last := slices.Max(append(l.headers, 0)); n <= last {
				return &FileError{File: r.report.File, Says: survey.Say("header_beyond", "the file ends in row %d; its header is said to reach row %d", "Row", n-1, "Header", last)}
			}
			break
		}
		if err != nil {
			return r.failure(err)
		}
		if slices.Contains(l.headers, n) {
			at := make([]position, len(row))
			for i := range row {
				at[i].line, at[i].column = r.position(row, i)
			}
			rows, places = append(rows, slices.Clone(row)), append(places, at)
		}
	}
	if len(rows) > 0 {
		r.header = newHeader(r.report.File, rows, places)
		r.header.rows, r.header.sample = l.headers, r.firstRows
		return nil
	}
	row, err := r.nextRow()
	if err != nil && !errors.Is(err, io.EOF) {
		return r.failure(err)
	}
	r.first = row
	r.header = numberedHeader(r.report.File, len(row))
	return nil
}

// firstRows reads the first few rows of the file once more, as far as they were looked at.
func (r *Reader) firstRows() [][]string {
	const most = 6
	head := string(r.text.head)
	if r.text.crs {
		head = strings.ReplaceAll(head, "\r", "\n")
	}
	if r.skipped > 0 {
		_, head, _ = strings.Cut(head, "\n")
	}
	again := csv.NewReader(strings.NewReader(head))
	again.Comma, again.FieldsPerRecord, again.LazyQuotes = r.csv.Comma, -1, r.csv.LazyQuotes
	var rows [][]string
	for len(rows) < most {
		row, err := again.Read()
		if err != nil {
			break // the end, or where the first look ended: what there is must do for advice
		}
		rows = append(rows, row)
	}
	return rows
}

func (r *Reader) nextRow() ([]string, error) {
	if row := r.first; row != nil {
		r.first = nil
		return row, nil
	}
	r.text.startRow()
	return r.csv.Read()
}

// position returns the line and the column, in characters, of a cell of the row read last.
func (r *Reader) position(row []string, field int) (line, column int) {
	line, column = r.csv.FieldPos(field)
	// encoding/csv counts bytes. What the cells before have more of bytes than of characters is taken off.
	for i := field - 1; i >= 0; i-- {
		before := row[i]
		begins, _ := r.csv.FieldPos(i)
		if begins != line {
			before = before[strings.LastIndexByte(before, '\n')+1:]
		}
		column -= len(before) - utf8.RuneCountInString(before)
		if begins != line {
			break
		}
	}
	return line + r.skipped, column
}

// failure turns the error that ended the reading into one that people can use.
func (r *Reader) failure(err error) error {
	if own, ok := errors.AsType[*FileError](err); ok {
		return own
	}
	if errors.Is(err, errLongRow) {
		return &FileError{File: r.report.File, Line: r.lastLine() + 1, Says: survey.Say("row_endless",
			"the row that begins here, or soon after, is longer than %d MB: probably a quote that is never closed", "Limit", maxRow>>20)}
	}
	if broken, ok := errors.AsType[*csv.ParseError](err); ok {
		problem := &FileError{File: r.report.File, Line: broken.Line + r.skipped, Column: broken.Column}
		switch {
		case errors.Is(broken.Err, csv.ErrBareQuote):
			problem.Says = survey.Say("quote_bare", "a quote inside a cell that does not begin with one: put the cell in quotes and double the quote inside, or say `file: {quotes: lenient}` in a map")
		case errors.Is(broken.Err, csv.ErrQuote) && broken.StartLine != broken.Line:
			problem.Line, problem.Column = broken.StartLine+r.skipped, 0
			problem.Says = survey.Say("quote_unclosed", "a quote that opens in the row beginning here is not closed before line %d", "Line", broken.Line+r.skipped)
		case errors.Is(broken.Err, csv.ErrQuote):
			problem.Says = survey.Say("quote_within", "a quote inside a quoted cell, or one that is never closed: double it if it is part of the text")
		default:
			problem.Says = readFailure(broken.Err)
		}
		return problem
	}
	return &FileError{File: r.report.File, Line: r.lastLine(), Says: readFailure(err)}
}

func (r *Reader) lastLine() int { return max(r.record.Line, r.skipped) }

// Records hands out every accepted row, once. The record, and all in it, is used again for the next row.
// Afterwards, [Reader.Err] tells whether the end of the file was reached.
func (r *Reader) Records() iter.Seq[*survey.Record] {
	return func(yield func(*survey.Record) bool) {
		for r.err == nil {
			row, err := r.nextRow()
			if err != nil {
				if !errors.Is(err, io.EOF) {
					r.err = r.failure(err)
				}
				return
			}
			if r.accept(row) && !yield(&r.record) {
				return
			}
		}
	}
}

// Err says why reading stopped before the end of the file; nil if it did not.
func (r *Reader) Err() error { return r.err }

// Report says what became of the rows read so far.
func (r *Reader) Report() Report {
	report := r.report
	report.Rejections = slices.Clone(r.report.Rejections)
	for i, counts := range r.firsts {
		c := r.q.Columns()[i]
		choice := FirstChoice{Item: c.Item.Code}
		best := 0
		for option, n := range counts {
			choice.Of += n
			if n > counts[best] {
				best = option
			}
		}
		if choice.Of > 0 {
			choice.Option, choice.Count = c.Options[best].Code, counts[best]
			report.Rankings = append(report.Rankings, choice)
		}
	}
	return report
}

// accept reads a row into the record. It returns false if the row is filtered out or rejected, and has
// counted it then.
func (r *Reader) accept(row []string) bool {
	width := len(r.header.names)
	if !r.plan.blankIsAnswer && isEmpty(row) {
		r.report.Empty++
		return false
	}
	r.report.Rows++
	line, _ := r.csv.FieldPos(0)
	r.record.Line = line + r.skipped
	if len(row) != width {
		if len(row) < width {
			return r.reject(row, len(row)-1, "", "", survey.Saying{
				Key: "row_short", Args: survey.Args{"Count": len(row), "Named": width},
				English: fmt.Sprintf("the row ends after %s, the header names %d", countCells(len(row)), width),
			})
		}
		if !isEmpty(row[width:]) {
			return r.reject(row, width, "", row[width], survey.Say("row_long",
				"the row has %d cells, the header names %d: probably a text with the delimiter in it, not in quotes", "Count", len(row), "Named", width))
		}
	}
	audience, keep, problem := r.sort(row)
	if problem != nil {
		return r.reject(row, problem.field, "audience", problem.value, problem.says)
	}
	if !keep {
		r.report.Filtered++
		if audience == "" {
			r.report.Outside++
		}
		return false
	}
	r.record.Audience = audience
	return r.readAnswers(row) && r.readPerson(row)
}

// sort finds out whether the map wants a row at all, and for which audience; "" is none.
func (r *Reader) sort(row []string) (audience survey.Audience, keep bool, problem *trouble) {
	audience = r.plan.audience
	for _, holds := range r.plan.keep {
		if !holds(row) {
			return audience, false, nil
		}
	}
	if len(r.plan.rules) > 0 {
		audience = ""
		for _, rule := range r.plan.rules {
			if !rule.holds(row) {
				continue
			}
			if audience != "" {
				return "", false, &trouble{field: 0, says: survey.Say(
					"two_audiences", "the row belongs to %s and to %s by the map", "First", audience, "Second", rule.audience)}
			}
			audience = rule.audience
		}
		if audience == "" {
			return "", false, nil
		}
	}
	for _, column := range r.plan.complete {
		if r.plan.sources[column].lacks(row) {
			return audience, false, nil
		}
	}
	return audience, true, nil
}

// readAnswers decodes and checks the answers of a row.
func (r *Reader) readAnswers(row []string) bool {
	for i, source := range r.plan.sources {
		if source == nil {
			continue // its value was never anything but Missing
		}
		if t := source.read(row, &r.record.Values[i]); t != nil {
			return r.reject(row, t.field, r.q.Columns()[i].Key, t.value, t.says)
		}
	}
	for _, column := range r.plan.complete {
		if !r.isComplete(column) {
			r.report.Filtered++
			return false
		}
	}
	if problems := r.decoder.Check(r.record.Values); len(problems) > 0 {
		p := problems[0]
		field := -1
		if column, ok := r.q.Column(p.Key); ok {
			field = r.plan.sources[column].blame()
		}
		value := ""
		if field >= 0 {
			value = row[field]
		}
		return r.reject(row, field, p.Key, value, p.Saying())
	}
	return true
}

// isComplete reports whether the answer just read leaves nothing open.
func (r *Reader) isComplete(column int) bool {
	v := &r.record.Values[column]
	item := r.q.Columns()[column].Item
	if v.State == survey.Answered && item.Kind == survey.Rank {
		return len(v.Order) >= min(item.Max, len(item.Options))
	}
	return v.State != survey.Missing
}

// readPerson reads the weight and the respondent of a row that is good otherwise, and counts the row.
func (r *Reader) readPerson(row []string) bool {
	r.record.Weight, r.record.Respondent = 1, ""
	if at := r.plan.weight; at >= 0 {
		weight, problem := r.parseWeight(row[at])
		if problem != nil {
			return r.reject(row, at, weightColumn, row[at], *problem)
		}
		r.record.Weight = weight
	}
	if at := r.plan.respondent; at >= 0 {
		id := trim(row[at])
		if r.plan.missing[id] {
			id = ""
		}
		if r.plan.guarded {
			id = unguard(id)
		}
		if id != "" {
			if first, again := r.seen.add(r.record.Audience, id, r.record.Line); again {
				return r.reject(row, at, respondentColumn, id, survey.Say("answered_before", "%q answered before, in line %d", "Respondent", shortened(id), "Line", first))
			}
		}
		r.record.Respondent = id
	}
	r.report.Accepted++
	for i, counts := range r.firsts {
		if order := r.record.Values[i].Order; counts != nil && r.record.Values[i].State == survey.Answered && len(order) > 0 {
			counts[order[0]]++
		}
	}
	return true
}

func (r *Reader) parseWeight(cell string) (weight float64, problem *survey.Saying) {
	refuse := func(why survey.Saying) (float64, *survey.Saying) { return 0, &why }
	said := trim(cell)
	if r.plan.missing[said] {
		said = ""
	}
	if said == "" {
		return refuse(survey.Say("weight_missing", "the row has no weight"))
	}
	r.number = append(r.number[:0], said...)
	if comma := slices.Index(r.number, ','); comma >= 0 && r.plan.decimal == ',' {
		r.number[comma] = '.'
	}
	w, err := strconv.ParseFloat(string(r.number), 64)
	switch {
	case err != nil && strings.Contains(said, ",") && r.plan.decimal != ',':
		return refuse(survey.Say("weight_not_a_number", "%q is not a number", "Weight", shortened(said)).And(decimalCommas()))
	case err != nil || math.IsNaN(w) || math.IsInf(w, 0):
		return refuse(survey.Say("weight_not_a_number", "%q is not a number", "Weight", shortened(said)))
	case w <= 0:
		return refuse(survey.Say("weight_not_positive", "a weight must be greater than 0, not %s; rows that shall not count are filtered out by a map, %s",
			"Weight", said, "Map", fmt.Sprintf("`keep: {not: {%s: %q}}`", r.header.names[r.plan.weight], said)))
	}
	return w, nil
}

// reject counts a row as rejected, and says why. It returns false, for callers to return.
func (r *Reader) reject(row []string, field int, key, value string, why survey.Saying) bool {
	r.report.Rejected++
	if h := r.header; r.report.Rows == 1 && h.halfNamed() {
		why = why.And(survey.Say("two_header_rows", "; if this row still names columns, a map says so, %s", "Map", fmt.Sprintf("`file: {header: [%d, %d]}`", h.rows[0], h.rows[0]+1)))
	}
	rejection := Rejection{File: r.report.File, Line: r.record.Line, Field: key, Value: strings.Clone(shortened(value)), Says: why}
	if field >= 0 && field < len(row) {
		rejection.Line, rejection.Column = r.position(row, field)
	}
	if len(r.report.Rejections) < keptRejections {
		r.report.Rejections = append(r.report.Rejections, rejection)
	}
	r.onReject(rejection)
	return false
}

// decimalCommas is what to do about numbers such as 1,5.
func decimalCommas() survey.Saying {
	return survey.Say("decimal_commas", "; if the file has decimal commas, say so in a map: `file: {decimal: \",\"}`")
}

// shortened cuts a value to what a message bears.
func shortened(s string) string {
	const longest = 60
	n := 0
	for i := range s {
		if n == longest {
			return s[:i] + "…"
		}
		n++
	}
	return s
}

func isEmpty(row []string) bool {
	return !slices.ContainsFunc(row, func(cell string) bool { return trim(cell) != "" })
}
