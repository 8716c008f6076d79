package exchange

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"cxmirror/pkg/survey"
)

// headerJoin stands between the parts of a name that several header rows make up together.
const headerJoin = " / "

// header is the names of a file's columns.
type header struct {
	file    string
	names   []string
	at      []position // where each name stands
	byName  map[string]int
	twice   map[string][]int // names of more than one column
	used    []bool
	ignored []bool
}

// position is a line and a column in characters, both from 1.
type position struct{ line, column int }

// newHeader joins the header rows. Where there are several, a blank cell of an upper row continues the cell
// to its left, as merged cells of a spreadsheet are exported: "Please rank the films / A New Hope".
func newHeader(file string, rows [][]string, places [][]position) *header {
	h := &header{file: file, byName: make(map[string]int), twice: make(map[string][]int)}
	width := 0
	for _, row := range rows {
		width = max(width, len(row))
	}
	h.names = make([]string, width)
	h.at = make([]position, width)
	for r, row := range rows {
		group := ""
		for i := range width {
			name := ""
			if i < len(row) {
				name = strings.TrimSpace(row[i])
				h.at[i] = places[r][i]
			}
			if r < len(rows)-1 {
				if name == "" {
					name = group
				}
				group = name
			}
			switch {
			case name == "":
			case h.names[i] == "":
				h.names[i] = name
			default:
				h.names[i] += headerJoin + name
			}
		}
	}
	h.index()
	return h
}

// numberedHeader is the header of a file that has none: columns are addressed by letter or number alone.
func numberedHeader(file string, width int) *header {
	h := &header{file: file, names: make([]string, width), at: make([]position, width)}
	h.index()
	return h
}

func (h *header) index() {
	h.used = make([]bool, len(h.names))
	h.ignored = make([]bool, len(h.names))
	for i, name := range h.names {
		if name == "" {
			continue
		}
		if first, ok := h.byName[name]; ok {
			if len(h.twice[name]) == 0 {
				h.twice[name] = []int{first}
			}
			h.twice[name] = append(h.twice[name], i)
			continue
		}
		h.byName[name] = i
	}
}

// find returns the position of the column that a map names: by its name, or as $C, or as $3.
func (h *header) find(name string) (int, error) {
	if at, ok := h.byName[name]; ok {
		if same := h.twice[name]; len(same) > 0 {
			letters := make([]string, len(same))
			for i, column := range same {
				letters[i] = "$" + columnLetters(column)
			}
			return 0, fmt.Errorf("%d columns of %s are called %q; say which one: %s", len(same), h.file, name, strings.Join(letters, ", "))
		}
		return at, nil
	}
	if address, ok := strings.CutPrefix(name, "$"); ok {
		at, ok := columnNumber(address)
		switch {
		case !ok:
			return 0, fmt.Errorf("%q is not an address of a column, such as $C or $3", name)
		case at >= len(h.names):
			return 0, fmt.Errorf("%s has %d columns; the last is $%s", h.file, len(h.names), columnLetters(len(h.names)-1))
		}
		return at, nil
	}
	if len(h.byName) == 0 {
		return 0, fmt.Errorf("%s has no header row: address the column as $A, or say which rows are the header", h.file)
	}
	return 0, fmt.Errorf("%s has no column %q%s%s", h.file, name, didYouMean(name, h.names), h.otherDelimiter())
}

// otherDelimiter is a hint for headers that were probably cut in the wrong places.
func (h *header) otherDelimiter() string {
	for _, delimiter := range []string{";", "\t", "|"} {
		if n := strings.Count(strings.Join(h.names, ""), delimiter); n > 0 && n >= len(h.names)-1 {
			return fmt.Sprintf("; the header looks as if cells were separated by %q, then the map says `file: {delimiter: %q}`", delimiter, delimiter)
		}
	}
	return ""
}

// problem is about the name of a column.
func (h *header) problem(column int, format string, args ...any) error {
	return &FileError{File: h.file, Line: h.at[column].line, Column: h.at[column].column, Message: fmt.Sprintf(format, args...)}
}

// checkAccounted reports every column that nobody asked for and nobody ignored.
func (h *header) checkAccounted(known []string) error {
	var problems []error
	const most = 20
	hidden := 0
	for i, name := range h.names {
		switch {
		case h.used[i] || h.ignored[i] || name == "":
		case len(problems) == most:
			hidden++
		default:
			problems = append(problems, h.problem(i, "column %s, %q, is not in the questionnaire%s", columnLetters(i), name, didYouMean(name, known)))
		}
	}
	if len(problems) == 0 {
		return nil
	}
	advice := "columns that are not wanted are listed in a map, `ignore: [NAME, ...]` or `ignore: rest`"
	if hidden > 0 {
		advice = fmt.Sprintf("and %d more; %s", hidden, advice)
	}
	return errors.Join(append(problems, &FileError{File: h.file, Message: advice})...)
}

// columnLetters names a column as spreadsheets do: 0 is A, 26 is AA.
func columnLetters(column int) string {
	const letters = 26
	name := ""
	for n := column + 1; n > 0; n = (n - 1) / letters {
		name = string(rune('A'+(n-1)%letters)) + name
	}
	return name
}

// columnNumber is the position, from 0, of a column addressed by letters or by its number from 1.
func columnNumber(address string) (int, bool) {
	const letters, longest = 26, 4
	if n, err := strconv.Atoi(address); err == nil {
		return n - 1, n >= 1
	}
	if address == "" || len(address) > longest {
		return 0, false
	}
	n := 0
	for _, r := range strings.ToUpper(address) {
		if r < 'A' || r > 'Z' {
			return 0, false
		}
		n = n*letters + int(r-'A') + 1
	}
	return n - 1, true
}

// didYouMean suggests the known word that a written one is probably a slip of. Names of columns are often
// whole questions, which differ in blanks, case and punctuation only.
func didYouMean(written string, known []string) string {
	near := survey.Nearest(written, known)
	if near == "" {
		if at := slices.IndexFunc(known, func(k string) bool { return bare(k) != "" && bare(k) == bare(written) }); at >= 0 {
			near = known[at]
		}
	}
	if near == "" || near == written {
		return ""
	}
	return fmt.Sprintf(" (did you mean %q?)", near)
}

// bare is a name without anything but its letters and digits.
func bare(name string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, name)
}

// listed names the columns, for people who look for one that is not there.
func (h *header) listed() string {
	const most = 12
	names := make([]string, 0, most)
	for i, name := range h.names {
		if name == "" {
			name = "$" + columnLetters(i)
		}
		names = append(names, name)
		if len(names) == most && len(h.names) > most {
			return fmt.Sprintf("%s and %d more", strings.Join(names, ", "), len(h.names)-most)
		}
	}
	return strings.Join(names, ", ")
}
