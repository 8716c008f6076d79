package exchange

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/xuri/excelize/v2"

	"cxmirror/pkg/survey"
)

// PeopleFormat is a kind of file that people are written to.
type PeopleFormat string

// The formats of files of people.
const (
	PeopleCSV      PeopleFormat = "csv"  // UTF-8 with byte order mark, which Excel needs to show it right
	PeopleWorkbook PeopleFormat = "xlsx" // every cell is text, so that 00123 stays what it is
)

// WritePeople writes people so that [OpenPeople] reads the same again: key, address, name, language and active,
// then the attributes by their keys. Their values are those that were given, as [survey.Person] has them.
//
// A spreadsheet takes a cell of a CSV file that begins with = + - or @ for a formula. Such cells get an apostrophe
// in front, which OpenPeople takes off again; spreadsheets know it as the mark of a text. A tab would do as well
// in Excel, but is invisible, and stays in the text wherever else the file goes.
//
// An error among the people ends the writing, and is returned. So is a workbook of more people than Excel has rows.
func WritePeople(w io.Writer, format PeopleFormat, attributes []survey.Attribute, people iter.Seq2[survey.Person, error]) error {
	out, err := newSheetWriter(w, format, ',', "People")
	if err != nil {
		return fmt.Errorf("write people: %w", err)
	}
	defer out.close()
	names := nativeColumns()
	for _, a := range attributes {
		names = append(names, a.Key)
	}
	if err := out.header(names); err != nil {
		return fmt.Errorf("write people: %w", err)
	}
	row := make([]string, 0, len(names))
	for person, err := range people {
		if err != nil {
			return err
		}
		active := "yes"
		if !person.Active {
			active = "no"
		}
		row = append(row[:0], person.Key, person.Address, person.Name, string(person.Language), active)
		for _, a := range attributes {
			row = append(row, person.Attributes[a.Key])
		}
		if err := out.write(row); err != nil {
			return fmt.Errorf("write people: %w", err)
		}
	}
	if err := out.finish(); err != nil {
		return fmt.Errorf("write people: %w", err)
	}
	return nil
}

// ProblemsFile says what goes into a file that is given back.
type ProblemsFile struct {
	All  bool                      // every row; false: only those with a problem
	Also func(line int) (s string) // a further problem of a row, found elsewhere than in the file; may be nil

	// Explain says what is wrong with a row in the language of whoever gets the file; nil is
	// [PersonRejection.Explain], in English.
	Explain func(PersonRejection) string
}

// WriteProblems gives a file of people back with a last column "problem", which says for every rejected row what is
// wrong and what to do about it. The original is read once more, with the options it was read with. A workbook
// comes back as a workbook, of the sheet that was read and with all cells as text; a text file in UTF-8 with byte
// order mark, with its own delimiter. What stood above the header is left out.
//
// Corrected, the file can be read again as it is: its last column is ignored. Cells that spreadsheets would take
// for formulas are kept from it as in [WritePeople]. It returns how many rows were written.
func WriteProblems(w io.Writer, original io.Reader, name string, options PeopleOptions, wanted ProblemsFile) (int, error) {
	var problems []string
	explain := wanted.Explain
	if explain == nil {
		explain = PersonRejection.Explain
	}
	options.OnReject = func(r PersonRejection) {
		if explained := explain(r); !slices.Contains(problems, explained) {
			problems = append(problems, explained)
		}
	}
	p, err := OpenPeople(original, name, options)
	if err != nil {
		return 0, err
	}
	var out *sheetWriter
	switch rows := p.rows.(type) {
	case *textRows:
		out, err = newSheetWriter(w, PeopleCSV, rune(rows.delimiter), "")
	case *sheetRows:
		out, err = newSheetWriter(w, PeopleWorkbook, 0, rows.sheet)
	}
	if err != nil {
		return 0, fmt.Errorf("write problems: %w", err)
	}
	defer out.close()
	names := slices.Clone(p.names)
	if n := len(names); n > 0 && names[n-1] == problemColumn {
		names = names[:n-1]
	}
	width, written := len(names), 0
	if p.report.HeaderLine > 0 {
		if err := out.header(append(names, problemColumn)); err != nil {
			return 0, fmt.Errorf("write problems: %w", err)
		}
	}
	for {
		row, err := p.nextRow()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return written, err
		}
		problems = problems[:0]
		p.accept(row)
		if wanted.Also != nil {
			if also := wanted.Also(row.line); also != "" {
				problems = append(problems, also)
			}
		}
		if len(problems) == 0 && !wanted.All {
			continue
		}
		cells := make([]string, width, width+1)
		for i, cell := range row.cells {
			switch {
			case i < width:
				cells[i] = p.clean(cell)
			case i < len(p.names): // the problem it had before
			case trimCell(cell) != "":
				problems = append(problems, explain(PersonRejection{
					File: name, Line: row.line, Problem: ProblemCells, RowFault: RowFault{Reason: BeyondColumns, Text: shownCell(cell)},
				}))
			}
		}
		if err := out.write(append(cells, strings.Join(problems, " | "))); err != nil {
			return written, fmt.Errorf("write problems: %w", err)
		}
		written++
	}
	if err := out.finish(); err != nil {
		return written, fmt.Errorf("write problems: %w", err)
	}
	return written, nil
}

// sheetWriter writes rows of texts as CSV or as a workbook.
type sheetWriter struct {
	to     io.Writer
	csv    *csv.Writer
	cells  []string
	book   *excelize.File
	stream *excelize.StreamWriter
	values []any
	bold   int
	row    int
}

func newSheetWriter(w io.Writer, format PeopleFormat, delimiter rune, sheet string) (*sheetWriter, error) {
	if format == PeopleCSV {
		if _, err := io.WriteString(w, "\uFEFF"); err != nil {
			return nil, err //nolint:wrapcheck // the caller says what was written
		}
		s := &sheetWriter{to: w, csv: csv.NewWriter(w)}
		s.csv.Comma, s.csv.UseCRLF = delimiter, true
		return s, nil
	}
	if format != PeopleWorkbook {
		return nil, fmt.Errorf("no file of people is called %q", format)
	}
	s := &sheetWriter{to: w, book: excelize.NewFile()}
	var err error
	if err = s.book.SetSheetName("Sheet1", sheet); err != nil {
		return nil, fmt.Errorf("sheet %q: %w", sheet, err)
	}
	if s.bold, err = s.book.NewStyle(&excelize.Style{Font: &excelize.Font{Bold: true}}); err != nil {
		return nil, fmt.Errorf("style: %w", err)
	}
	if s.stream, err = s.book.NewStreamWriter(sheet); err != nil {
		return nil, fmt.Errorf("sheet %q: %w", sheet, err)
	}
	return s, nil
}

// header writes the names of the columns. In a workbook they stay in sight, and columns are as wide as they.
func (s *sheetWriter) header(names []string) error {
	if s.stream == nil {
		return s.write(names)
	}
	const narrowest, widest, problems = 14, 40, 60
	for i, name := range names {
		width := min(max(utf8.RuneCountInString(name)+4, narrowest), widest)
		switch name {
		case problemColumn:
			width = problems
		case "address", "name":
			width = widest
		}
		if err := s.stream.SetColWidth(i+1, i+1, float64(width)); err != nil {
			return fmt.Errorf("width of a column: %w", err)
		}
	}
	if err := s.stream.SetPanes(&excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"}); err != nil {
		return fmt.Errorf("header: %w", err)
	}
	values := make([]any, len(names))
	for i, name := range names {
		values[i] = excelize.Cell{StyleID: s.bold, Value: name}
	}
	s.row++
	if err := s.stream.SetRow("A1", values); err != nil {
		return fmt.Errorf("header: %w", err)
	}
	return nil
}

func (s *sheetWriter) write(cells []string) error {
	s.row++
	if s.csv != nil {
		s.cells = s.cells[:0]
		for _, cell := range cells {
			s.cells = append(s.cells, guard(cell))
		}
		return s.csv.Write(s.cells) //nolint:wrapcheck // the caller says what was written
	}
	if s.row > maxSheetRows {
		return fmt.Errorf("a sheet has at most %d rows: write a CSV file instead", maxSheetRows)
	}
	s.values = s.values[:0]
	for _, cell := range cells {
		if cell == "" {
			s.values = append(s.values, nil)
			continue
		}
		s.values = append(s.values, cell)
	}
	if err := s.stream.SetRow(fmt.Sprintf("A%d", s.row), s.values); err != nil {
		return fmt.Errorf("row %d: %w", s.row, err)
	}
	return nil
}

func (s *sheetWriter) finish() error {
	if s.csv != nil {
		s.csv.Flush()
		return s.csv.Error() //nolint:wrapcheck // the caller says what was written
	}
	if err := s.stream.Flush(); err != nil {
		return fmt.Errorf("workbook: %w", err)
	}
	if _, err := s.book.WriteTo(s.to); err != nil {
		return fmt.Errorf("workbook: %w", err)
	}
	return nil
}

// close removes what a large workbook keeps on disk while it is written.
func (s *sheetWriter) close() {
	if s.book != nil {
		_ = s.book.Close() // nothing was lost: what was written is with the reader of it
	}
}
