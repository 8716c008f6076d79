package survey

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Diagnostic is one mistake at one spot of a source file.
type Diagnostic struct {
	File    string
	Line    int    // 1-based; 0 if the mistake is of the file as a whole
	Column  int    // 1-based, counted in characters (Unicode code points), a tab being one
	Message string // what is wrong, and what to do
	Source  string // the whole line as it stands in the file, without its end
}

// longestMessage is how many characters of a message are said; it may quote a whole file.
const longestMessage = 1000

// String returns "file:line:column: message", then the line itself and a caret under the spot. It is fit for
// a terminal whatever the source holds: control characters are shown and not sent, and of a long line only
// what stands about the spot is.
func (d Diagnostic) String() string {
	d.File, d.Message = printable(d.File), printable(d.Message)
	if runes := []rune(d.Message); len(runes) > longestMessage {
		d.Message = string(runes[:longestMessage]) + "…"
	}
	if d.Line == 0 {
		return d.File + ": " + d.Message
	}
	head := fmt.Sprintf("%s:%d:%d: %s", d.File, d.Line, d.Column, d.Message)
	if strings.TrimSpace(d.Source) == "" {
		return head
	}
	line, column := d.excerpt()
	return head + "\n    " + line + "\n    " + underCaret(line, column) + "^"
}

// excerpt returns the line and the column of the spot in it; of a very long line, the part about the spot.
func (d Diagnostic) excerpt() (line string, column int) {
	const longest, before = 160, 80
	runes := []rune(printable(d.Source))
	if len(runes) <= longest {
		return string(runes), d.Column
	}
	from := max(0, min(d.Column-1-before, len(runes)-longest))
	part := string(runes[from:min(from+longest, len(runes))])
	column = d.Column - from
	if from > 0 {
		part, column = "…"+part, column+1
	}
	if from+longest < len(runes) {
		part += "…"
	}
	return part, column
}

// underCaret returns what has to stand before a caret so that it comes under a column of the line: tabs
// stay tabs, letters that are two cells wide become two blanks, marks that combine become nothing.
func underCaret(line string, column int) string {
	var b strings.Builder
	at := 1
	for _, r := range line {
		if at >= column {
			break
		}
		at++
		if r == '\t' {
			b.WriteByte('\t')
			continue
		}
		b.WriteString("  "[:cellWidth(r)])
	}
	if at < column { // just past the end of the line
		b.WriteString(strings.Repeat(" ", column-at))
	}
	return b.String()
}

// Diagnostics is every mistake found in the sources read, as an error.
type Diagnostics []Diagnostic //nolint:errname // the word that compilers and editors use

// Error returns all mistakes in the order of the source.
func (d Diagnostics) Error() string {
	lines := make([]string, len(d))
	for i := range d {
		lines[i] = d[i].String()
	}
	return strings.Join(lines, "\n")
}

// Sort puts the mistakes in the order of the source, and drops those said twice.
func (d Diagnostics) Sort() Diagnostics {
	slices.SortStableFunc(d, func(a, b Diagnostic) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return slices.Compact(d)
}

// Source is the text of a file that mistakes are reported against.
type Source struct {
	Name  string
	lines []string
}

// NewSource returns the source of a file. Line ends may be LF, CRLF or CR; a byte order mark is not part
// of the text.
func NewSource(name string, text []byte) *Source {
	return &Source{Name: name, lines: strings.Split(plainLines(text), "\n")}
}

// At returns a diagnostic for a 1-based line and column (in characters) of the source.
func (s *Source) At(line, column int, format string, args ...any) Diagnostic {
	d := Diagnostic{File: s.Name, Line: line, Column: column, Message: fmt.Sprintf(format, args...)}
	if line >= 1 && line <= len(s.lines) {
		d.Source = s.lines[line-1]
	}
	return d
}

// plainLines returns text with LF as the only line end and without a byte order mark.
func plainLines(text []byte) string {
	s := strings.TrimPrefix(string(text), "\uFEFF")
	return strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(s)
}
