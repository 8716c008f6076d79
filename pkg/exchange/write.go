package exchange

import (
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"cxmirror/pkg/survey"
)

// Writer writes answers as CSV in the native format, which [Open] reads back: codes, never labels, in UTF-8,
// rows ending in LF. Its columns are respondent, weight and those of the questionnaire. The format has no
// column for the audience: one file holds one.
//
// A spreadsheet takes a cell that begins with = + - or @ for a formula, and a respondent may have written
// one. Texts and respondents that begin so get an apostrophe in front, which [Open] takes off again.
type Writer struct {
	q     *survey.Questionnaire
	csv   *csv.Writer
	row   []string
	cell  []byte
	begun bool
}

// NewWriter returns a writer. The header is written with the first record, or by [Writer.Flush].
func NewWriter(w io.Writer, q *survey.Questionnaire) *Writer {
	return &Writer{q: q, csv: csv.NewWriter(w), row: make([]string, 0, len(q.Columns())+2)}
}

// Write writes one record. Its weight must be greater than 0, and its values as many as the questionnaire
// has columns; otherwise it is an error.
func (w *Writer) Write(record *survey.Record) error {
	columns := w.q.Columns()
	switch {
	case len(record.Values) != len(columns):
		return fmt.Errorf("write answers: a record of %d values for a questionnaire of %d columns", len(record.Values), len(columns))
	case !(record.Weight > 0) || math.IsInf(record.Weight, 0): // NaN is not greater, either
		return fmt.Errorf("write answers: weight %v is not a finite number greater than 0", record.Weight)
	}
	if err := w.writeHeader(); err != nil {
		return err
	}
	w.row = append(w.row[:0], guard(record.Respondent), strconv.FormatFloat(record.Weight, 'g', -1, 64))
	for i, c := range columns {
		w.cell = w.q.AppendCell(w.cell[:0], i, &record.Values[i])
		cell := string(w.cell)
		if c.Item.Kind == survey.Text {
			cell = guard(cell)
		}
		w.row = append(w.row, cell)
	}
	return w.csv.Write(w.row)
}

// Flush writes what is buffered, and the header if there was no record.
func (w *Writer) Flush() error {
	if err := w.writeHeader(); err != nil {
		return err
	}
	w.csv.Flush()
	return w.csv.Error()
}

func (w *Writer) writeHeader() error {
	if w.begun {
		return nil
	}
	w.begun = true
	w.row = append(w.row[:0], respondentColumn, weightColumn)
	for _, c := range w.q.Columns() {
		w.row = append(w.row, c.Key)
	}
	return w.csv.Write(w.row)
}

// guard puts an apostrophe before a text that a spreadsheet would take for a formula, and before one that
// begins like a guarded text, so that unguard gives every text back.
func guard(s string) string {
	if startsFormula(s) {
		return "'" + s
	}
	return s
}

// unguard takes the apostrophe of guard off.
func unguard(s string) string {
	if strings.HasPrefix(s, "'") && startsFormula(s) {
		return s[1:]
	}
	return s
}

// startsFormula reports whether a text begins, after any apostrophes, with a character that begins a formula.
func startsFormula(s string) bool {
	s = strings.TrimLeft(s, "'")
	return s != "" && strings.IndexByte("=+-@\t\r", s[0]) >= 0
}
