package exchange

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"

	"cxmirror/pkg/survey"
)

const (
	// MaxPeople is how many rows of people a file may have, unless [PeopleOptions] say another number.
	MaxPeople = 2_000_000
	// MaxAttributes is how many columns of a file may become attributes.
	MaxAttributes = 50
	// MaxPersonText is how many characters a name or the value of an attribute may have.
	MaxPersonText = 200
	// MaxKey is how many bytes a person's key may have.
	MaxKey = 254

	sampledRows = 60 // rows looked at before the first is handed out, to find the header and what columns hold
)

// PeopleMeaning says what a column of a file of people is taken for.
type PeopleMeaning string

// The meanings of columns.
const (
	AddressColumn    PeopleMeaning = "address"     // e-mail
	NameColumn       PeopleMeaning = "name"        // whole names
	GivenColumn      PeopleMeaning = "given_name"  // joined with patronymic and family name
	PatronymicColumn PeopleMeaning = "patronymic"  // or middle name
	FamilyColumn     PeopleMeaning = "family_name" // alone, it is the name
	LanguageColumn   PeopleMeaning = "language"
	KeyColumn        PeopleMeaning = "key"    // the organisation's own identifier
	ActiveColumn     PeopleMeaning = "active" // yes, no; blank is yes
	AttributeColumn  PeopleMeaning = "attribute"
	IgnoredColumn    PeopleMeaning = "ignored"
)

// PeopleMeanings returns every meaning, in the order in which people choose among them.
func PeopleMeanings() []PeopleMeaning {
	return []PeopleMeaning{
		AddressColumn, NameColumn, GivenColumn, PatronymicColumn, FamilyColumn, LanguageColumn, KeyColumn, ActiveColumn,
		AttributeColumn, IgnoredColumn,
	}
}

// ColumnUse is what a caller wants a column to be taken for.
type ColumnUse struct {
	Meaning   PeopleMeaning
	Attribute string // of an attribute: its key, as in [survey.Attribute]; "" makes one of the column's name
}

// PeopleOptions say how a file of people is read. The zero value recognises everything, wants an address of
// everybody and rejects languages that it does not know.
type PeopleOptions struct {
	Encoding  string               // of a text file, such as windows-1250; "" is recognised
	Delimiter rune                 // of a text file: comma, semicolon, tab or bar; 0 is recognised
	Sheet     string               // of a workbook; "" is the first that is not hidden
	Columns   map[string]ColumnUse // by name or, with a dollar, by letter ($C); the others are recognised
	Languages []survey.Language    // that people can be written to in; none are all the package knows
	Fallback  survey.Language      // stands for a language that is not among them; "" rejects the row
	OnPaper   bool                 // people without address are accepted: they get access codes on paper
	MaxRows   int                  // 0 is MaxPeople
	OnReject  func(PersonRejection)
}

// PeopleColumn tells what a column is taken for.
type PeopleColumn struct {
	Letter    string // as spreadsheets call it
	Header    string // as it stands in the file; "" is none
	Meaning   PeopleMeaning
	Attribute string               // the attribute's key
	Type      survey.AttributeType // proposed for the attribute, by the first rows
	Chosen    bool                 // by the caller, not recognised
	Note      ColumnNote           // why it is ignored, or how it was recognised if not by its name
	Instead   string               // of [NoteInstead]: the letter of the other column
	Examples  []string             // up to three different values, shortened
}

// ColumnNote says why a column is ignored, or how it was recognised; whoever shows it has a sentence for each.
type ColumnNote string

// What is noted of columns.
const (
	NoNote           ColumnNote = ""
	NoteByContents   ColumnNote = "by_contents"   // recognised by what it holds
	NoteProblem      ColumnNote = "problem"       // what was wrong when the file was read before
	NoteNameInParts  ColumnNote = "name_in_parts" // the name is read from other columns
	NoteInstead      ColumnNote = "instead"       // column Instead is taken for it
	NoteOneAddress   ColumnNote = "one_address"   // another one is taken
	NoteNoAddresses  ColumnNote = "no_addresses"  // it is called so, and holds none
	NoteSomebodyElse ColumnNote = "somebody_else" // it holds the addresses of others, such as managers
	NoteBlank        ColumnNote = "blank"         //
	NoteNoName       ColumnNote = "no_name"       //
	NoteRowNumber    ColumnNote = "row_number"    // which says nothing of a person
	NoteNotNeeded    ColumnNote = "not_needed"    // no survey should ask an office for it
)

// ColumnNotes returns every note but [NoNote].
func ColumnNotes() []ColumnNote {
	return []ColumnNote{
		NoteByContents, NoteProblem, NoteNameInParts, NoteInstead, NoteOneAddress, NoteNoAddresses, NoteSomebodyElse, NoteBlank, NoteNoName,
		NoteRowNumber, NoteNotNeeded,
	}
}

// ColumnsError says that the columns of a file cannot be used as they were recognised. The caller shows
// Columns, and lets people say what is what.
type ColumnsError struct {
	File    string
	Says    survey.Saying
	Columns []PeopleColumn
}

func (e *ColumnsError) Error() string { return e.File + ": " + e.Says.String() }

// PersonProblem is the kind of a problem, for counts.
type PersonProblem string

// What can be wrong with a row.
const (
	ProblemNoAddress  PersonProblem = "address missing"
	ProblemAddress    PersonProblem = "address malformed"
	ProblemRepeated   PersonProblem = "person repeated"
	ProblemNoKey      PersonProblem = "identifier missing"
	ProblemKey        PersonProblem = "identifier malformed"
	ProblemLanguage   PersonProblem = "language unknown"
	ProblemLong       PersonProblem = "text too long"
	ProblemCharacters PersonProblem = "characters not allowed"
	ProblemActive     PersonProblem = "neither yes nor no"
	ProblemCells      PersonProblem = "wrong number of cells"
	ProblemQuote      PersonProblem = "quotes left open"
	ProblemFormula    PersonProblem = "formula without a value"
)

// PersonRejection says what is wrong with one cell of a row that was left out. A row has as many as it has
// problems, one after the other.
type PersonRejection struct {
	File    string
	Line    int    // from 1: the line of a text file, the row of a sheet
	Column  string // the letter; "" is the row as a whole
	Header  string // the name of the column, if it has one
	Value   string // what the cell holds, shortened; control characters are shown as pictures
	Problem PersonProblem
	RowFault
}

// String returns "people.csv:17: C (E-mail): "jan.kowalski": no @ in it; an address reads name@company.com".
func (r PersonRejection) String() string { return place(r.File, r.Line, 0) + r.Explain() }

// Explain returns what String does without the place in the file.
func (r PersonRejection) Explain() string { return r.ExplainAs(r.RowFault.Explain(), r.Advise()) }

// ExplainAs is [PersonRejection.Explain] with sentences in another language: what is wrong, and what to do about it,
// which may be "".
func (r PersonRejection) ExplainAs(reason, advice string) string {
	var b strings.Builder
	if r.Column != "" {
		b.WriteString(r.Column)
		if r.Header != "" {
			fmt.Fprintf(&b, " (%s)", shortName(r.Header))
		}
		b.WriteString(": ")
	}
	if r.Value != "" {
		fmt.Fprintf(&b, "%q: ", r.Value)
	}
	b.WriteString(reason)
	if advice != "" {
		b.WriteString("; " + advice)
	}
	return b.String()
}

// PeopleReport counts what became of the rows of a file: Rows = Accepted + Rejected.
type PeopleReport struct {
	File       string
	Sheet      string // of a workbook
	Sheets     []string
	Encoding   string // of a text file, as far as it was read
	HeaderLine int    // the line the names of the columns stand in; 0 is none
	Rows       int
	Accepted   int
	Rejected   int
	Empty      int // rows without a filled cell; not in Rows
	Fallbacks  int // accepted rows whose language is the fallback
	Undirected int // accepted rows without an address
	Problems   map[PersonProblem]int
	Rejections []PersonRejection // of the first hundred rejected rows
}

// PeopleReader reads one file of people in one pass, and in memory that grows by about forty bytes a person,
// by which repetitions are found. It is not safe for concurrent use.
type PeopleReader struct {
	options PeopleOptions
	rows    peopleRows
	ahead   []*peopleRow
	names   []string
	columns []PeopleColumn
	plan    peoplePlan
	loose   bool // attributes may be any text, and people may come again; see OpenBounces
	keys    peopleLines
	mails   peopleLines
	report  PeopleReport
	err     error
}

// peopleRows hands out the rows of a file: lines of text or rows of a sheet.
type peopleRows interface {
	// next returns the next row, or io.EOF after the last. The row is the caller's.
	next() (*peopleRow, error)
	// padded reports whether rows must have as many cells as the header.
	padded() bool
	// describe tells a report what was recognised so far.
	describe(*PeopleReport)
}

// peopleRow is a row of a file.
type peopleRow struct {
	line   int
	cells  []string
	faults []cellFault
}

// cellFault is something that reading found wrong with a cell, or, column -1, with the row.
type cellFault struct {
	column  int
	problem PersonProblem
	RowFault
}

// OpenPeople reads the beginning of a file of people and makes ready to read them: CSV or TSV in UTF-8, UTF-16,
// windows-1250, windows-1251, windows-1252 or ISO 8859-2, packed with gzip or not, or a workbook (.xlsx). name
// is what messages call the file; what it is written in shows from its contents.
//
// Text files are read as a stream, whatever their size. A workbook must be at most 64 MB, and its rows are read
// as a stream, too. Formulas are never evaluated: a cell holds what it showed when the workbook was saved.
// Dates are read as 2006-01-02, other numbers as they are shown.
//
// The first of the upper rows in which the most columns have names that mean something is the header; what
// stands above it is a title. A file without header is read if addresses are found in it.
//
// Errors are a [*FileError] or, if the columns cannot be used, a [*ColumnsError].
func OpenPeople(r io.Reader, name string, options PeopleOptions) (*PeopleReader, error) {
	if options.MaxRows == 0 {
		options.MaxRows = MaxPeople
	}
	if options.OnReject == nil {
		options.OnReject = func(PersonRejection) {}
	}
	source, err := openPeopleRows(r, name, options)
	if err != nil {
		return nil, err
	}
	p := &PeopleReader{options: options, rows: source, keys: newPeopleLines(), mails: newPeopleLines(), report: PeopleReport{File: name, Problems: make(map[PersonProblem]int)}}
	for len(p.ahead) < sampledRows {
		row, err := source.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			if len(p.ahead) == 0 {
				return nil, err
			}
			p.err = err // after the rows before it
			break
		}
		p.ahead = append(p.ahead, row)
	}
	if err := p.readHeader(); err != nil {
		if p.err != nil {
			return nil, p.err // the file is damaged: what its columns are does not matter yet
		}
		return nil, err
	}
	return p, nil
}

// openPeopleRows finds out whether a file is a workbook or text.
func openPeopleRows(r io.Reader, name string, options PeopleOptions) (peopleRows, error) {
	start := make([]byte, 4)
	n, err := io.ReadFull(r, start)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, &FileError{File: name, Says: readFailure(err)}
	}
	start = start[:n]
	switch string(start) {
	case "PK\x03\x04":
		return openWorkbook(r, start, name, options)
	case "\xd0\xcf\x11\xe0":
		return nil, &FileError{File: name, Says: survey.Say("excel97", "this is a workbook of Excel 97, or one that is locked with a password: save it as .xlsx without password")}
	}
	return openPeopleText(io.MultiReader(strings.NewReader(string(start)), r), name, options)
}

// Columns tells what every column of the file is taken for.
func (p *PeopleReader) Columns() []PeopleColumn { return slices.Clone(p.columns) }

// Has reports whether the file has a column of this meaning: where it has none, nothing is known, which is not
// the same as blank. Any part of a name is a [NameColumn].
func (p *PeopleReader) Has(meaning PeopleMeaning) bool {
	return slices.ContainsFunc(p.columns, func(c PeopleColumn) bool {
		return c.Meaning == meaning || meaning == NameColumn && (c.Meaning == GivenColumn || c.Meaning == FamilyColumn)
	})
}

// People hands out every accepted person with the line she stands in, once. People have a key (the address in
// lower case, if the file has no column for it), and no id or organisation; blank attributes are left out of
// Attributes. Afterwards, [PeopleReader.Err] tells whether the end of the file was reached.
func (p *PeopleReader) People() iter.Seq2[int, survey.Person] {
	return func(yield func(int, survey.Person) bool) {
		for {
			row, err := p.nextRow()
			if err != nil {
				if !errors.Is(err, io.EOF) {
					p.err = err
				}
				return
			}
			if person, ok := p.accept(row); ok && !yield(row.line, person) {
				return
			}
		}
	}
}

// nextRow returns the next row that has a filled cell.
func (p *PeopleReader) nextRow() (*peopleRow, error) {
	for {
		var row *peopleRow
		switch {
		case len(p.ahead) > 0:
			row, p.ahead = p.ahead[0], p.ahead[1:]
		case p.err != nil:
			return nil, p.err
		default:
			var err error
			if row, err = p.rows.next(); err != nil {
				return nil, err
			}
		}
		if len(row.faults) == 0 && isEmpty(row.cells) {
			p.report.Empty++
			continue
		}
		if p.report.Rows == p.options.MaxRows {
			return nil, &FileError{File: p.report.File, Line: row.line, Says: survey.Say(
				"people_too_many", "the file has more than %d rows of people: divide it, and import the parts one after the other", "Limit", p.options.MaxRows)}
		}
		p.report.Rows++
		return row, nil
	}
}

// Err says why reading stopped before the end of the file; nil if it did not.
func (p *PeopleReader) Err() error { return p.err }

// Report says what became of the rows read so far.
func (p *PeopleReader) Report() PeopleReport {
	report := p.report
	p.rows.describe(&report)
	report.Problems = maps.Clone(report.Problems)
	report.Rejections = slices.Clone(report.Rejections)
	return report
}

// reject counts a row that is left out, and names everything that is wrong with it.
func (p *PeopleReader) reject(row *peopleRow, faults []cellFault) {
	p.report.Rejected++
	for _, fault := range faults {
		rejection := PersonRejection{File: p.report.File, Line: row.line, Problem: fault.problem, RowFault: fault.RowFault}
		if fault.column >= 0 {
			rejection.Column = columnLetters(fault.column)
			if fault.column < len(p.names) {
				rejection.Header = strings.Join(strings.Fields(p.names[fault.column]), " ")
			}
			if fault.column < len(row.cells) {
				rejection.Value = shownCell(row.cells[fault.column])
			}
		}
		p.report.Problems[fault.problem]++
		if p.report.Rejected <= keptRejections {
			p.report.Rejections = append(p.report.Rejections, rejection)
		}
		p.options.OnReject(rejection)
	}
}

// shownCell is a cell as messages show it: shortened, and with nothing in it that could steer a terminal.
func shownCell(cell string) string {
	const longest = 60
	shown, n := make([]rune, 0, longest+1), 0
	for _, r := range trimCell(cell) {
		if n == longest {
			return string(append(shown, '…'))
		}
		switch {
		case r < ' ':
			r += '\u2400'
		case r == 0x7f:
			r = '\u2421'
		case isSteering(r):
			r = '\uFFFD'
		}
		shown = append(shown, r)
		n++
	}
	return string(shown)
}
