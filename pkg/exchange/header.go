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

	rows   []int             // the rows that the names stand in, from 1; none: there are no names
	sample func() [][]string // the first rows of the file, for advice
	lacked bool              // a column was looked for in vain
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
func (h *header) find(name string) (int, *survey.Saying) {
	refuse := func(why survey.Saying) (int, *survey.Saying) { return 0, &why }
	if at, ok := h.byName[name]; ok {
		if same := h.twice[name]; len(same) > 0 {
			letters := make([]string, len(same))
			for i, column := range same {
				letters[i] = "$" + columnLetters(column)
			}
			return refuse(survey.Say("column_many", "%d columns of %s are called %q; say which one: %s",
				"Count", len(same), "File", h.file, "Name", shortName(name), "Columns", strings.Join(letters, ", ")))
		}
		return at, nil
	}
	if address, ok := strings.CutPrefix(name, "$"); ok {
		at, ok := columnNumber(address)
		switch {
		case !ok:
			return refuse(survey.Say("column_address", "%q is not an address of a column, such as $C or $3", "Name", shortName(name)))
		case at >= len(h.names):
			return refuse(survey.Saying{
				Key: "column_beyond", Args: survey.Args{"File": h.file, "Count": len(h.names), "Last": columnLetters(len(h.names) - 1)},
				English: fmt.Sprintf("%s has %s; the last is $%s", h.file, columns(len(h.names)), columnLetters(len(h.names)-1)),
			})
		}
		return at, nil
	}
	if len(h.byName) == 0 {
		return refuse(survey.Say("header_none", "%s has no header row: address the column as $A, or say which row names the columns, as in `file: {header: 1}`", "File", h.file))
	}
	h.lacked = true
	return refuse(survey.Say("column_none", "%s has no column %q", "File", h.file, "Name", name).And(h.advice(name)))
}

// advice says which columns may be meant by a name that none has.
func (h *header) advice(name string) survey.Saying {
	if at, ok := columnNumber(name); ok && at < len(h.names) {
		return survey.Say("column_dollar", "; the column with that letter or number is written with a dollar: %s", "Column", h.named(at))
	}
	near, same := h.nearest(name)
	if row := h.elsewhere(name); row > 0 && !same {
		both := slices.Sorted(slices.Values(append([]int{row}, h.rows...)))
		return survey.Say("column_elsewhere", "; it stands in row %d: `file: {header: %d}` takes the names from there, `file: {header: [%s]}` from all these rows",
			"Row", row, "Header", row, "Both", strings.Trim(strings.Join(strings.Fields(fmt.Sprint(both)), ", "), "[]"))
	}
	if len(near) > 0 {
		said := make([]string, len(near))
		for i, at := range near {
			said[i] = h.named(at)
		}
		return survey.Saying{
			Key: "columns_near", Args: survey.Args{"Columns": strings.Join(said, "; ")},
			English: fmt.Sprintf("; did you mean %s?", strings.Join(said, ", or ")),
		}
	}
	return h.otherDelimiter()
}

// named is a column by its name, shortened, and its letter.
func (h *header) named(at int) string {
	if h.names[at] == "" {
		return "$" + columnLetters(at) + ", which has no name" // a map names it, whose mistakes are said in English
	}
	return fmt.Sprintf("$%s, %q", columnLetters(at), shortName(h.names[at]))
}

// nearest returns up to three columns whose names a written one may be a slip of, or a part of: people
// write the question and leave out its number, or one of two header rows. same says that their names, or
// the parts of one header row, differ from it in blanks, case and punctuation only.
func (h *header) nearest(name string) (found []int, same bool) {
	const most, shortest = 3, 3
	take := func(fits func(known string) bool) {
		for at, known := range h.names {
			if len(found) < most && known != "" && !slices.Contains(found, at) && fits(known) {
				found = append(found, at)
			}
		}
	}
	written := bare(name)
	if written != "" {
		take(func(known string) bool { return bare(known) == written })
		take(func(known string) bool {
			return slices.ContainsFunc(strings.Split(known, headerJoin), func(part string) bool { return bare(part) == written })
		})
	}
	same = len(found) > 0
	if near := survey.Nearest(name, h.names); near != "" {
		take(func(known string) bool { return known == near })
	}
	if len(written) >= shortest {
		take(func(known string) bool { return strings.HasPrefix(bare(known), written) })
		take(func(known string) bool { return strings.Contains(bare(known), written) })
	}
	return found, same
}

// elsewhere returns the row, not one of the header, in which a name stands that was looked for in the
// header; 0 if there is none.
func (h *header) elsewhere(name string) int {
	if h.sample == nil {
		return 0
	}
	wanted := bare(name)
	for i, row := range h.sample() {
		if !slices.Contains(h.rows, i+1) && wanted != "" && slices.ContainsFunc(row, func(cell string) bool { return bare(cell) == wanted }) {
			return i + 1
		}
	}
	return 0
}

// halfNamed reports whether the names look as if another row went on with them: some are missing between
// others, as under merged cells.
func (h *header) halfNamed() bool {
	last := len(h.names)
	for last > 0 && h.names[last-1] == "" {
		last--
	}
	return len(h.rows) == 1 && slices.Contains(h.names[:last], "")
}

// otherDelimiter is a hint for headers that were probably cut in the wrong places.
func (h *header) otherDelimiter() survey.Saying {
	for _, delimiter := range []string{";", "\t", "|"} {
		if n := strings.Count(strings.Join(h.names, ""), delimiter); n > 0 && n >= len(h.names)-1 {
			return survey.Say("other_delimiter", "; the header looks as if cells were separated by %q, then the map says %s",
				"Delimiter", delimiter, "Map", fmt.Sprintf("`file: {delimiter: %q}`", delimiter))
		}
	}
	return survey.Saying{}
}

// problem is about the name of a column.
func (h *header) problem(column int, what survey.Saying) error {
	return &FileError{File: h.file, Line: h.at[column].line, Column: h.at[column].column, Says: what}
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
			problems = append(problems, h.problem(i, survey.Say(
				"column_foreign", "column %s, %q, is not in the questionnaire", "Column", columnLetters(i), "Name", name).And(didYouMean(name, known))))
		}
	}
	if len(problems) == 0 {
		return nil
	}
	advice := survey.Say("columns_ignored", "columns that are not wanted are listed in a map, `ignore: [NAME, ...]` or `ignore: rest`")
	if hidden > 0 {
		advice = survey.Say("and_more", "and %d more; ", "Count", hidden).And(advice)
	}
	return errors.Join(append(problems, &FileError{File: h.file, Says: advice})...)
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
func didYouMean(written string, known []string) survey.Saying {
	near := survey.Nearest(written, known)
	if near == "" {
		if at := slices.IndexFunc(known, func(k string) bool { return bare(k) != "" && bare(k) == bare(written) }); at >= 0 {
			near = known[at]
		}
	}
	if near == "" || near == written {
		return survey.Saying{}
	}
	return survey.Say("near", " (did you mean %q?)", "Near", near)
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

// listed names the columns in one line, for people who look for one that is not there.
func (h *header) listed() survey.Saying {
	const most = 12
	names := make([]string, 0, most)
	for i, name := range h.names {
		if name == "" {
			name = "$" + columnLetters(i)
		}
		names = append(names, shortName(name))
		if len(names) == most && len(h.names) > most {
			return survey.Say("file_has_more", "; the file has %s and %d more", "Columns", strings.Join(names, ", "), "Count", len(h.names)-most)
		}
	}
	return survey.Say("file_has", "; the file has %s", "Columns", strings.Join(names, ", "))
}

// catalogue lists the columns, one a line, by letter and name: all of them, or the first if they are many.
func (h *header) catalogue() error {
	const most, first = 30, 10
	shown := len(h.names)
	if shown > most {
		shown = first
	}
	var list strings.Builder
	for i, name := range h.names[:shown] {
		if name == "" {
			name = "(no name)" // as above
		}
		fmt.Fprintf(&list, "\n    %-4s %s", "$"+columnLetters(i), shortName(name))
	}
	says := survey.Say("columns_first", "the first %d of its %d columns are, by letter and by name:%s", "First", shown, "Count", len(h.names), "List", list.String())
	if shown == len(h.names) {
		says = survey.Saying{
			Key: "columns_all", Args: survey.Args{"Count": shown, "List": list.String()},
			English: fmt.Sprintf("its %s, by letter and by name:%s", columns(shown), list.String()),
		}
	}
	return &FileError{File: h.file, Says: says}
}

func columns(n int) string {
	if n == 1 {
		return "1 column"
	}
	return fmt.Sprintf("%d columns", n)
}

// shortName cuts the middle out of a name that is too long for a message. Names joined of two header rows
// differ at their ends.
func shortName(name string) string {
	const longest, end = 90, 40
	runes := []rune(strings.Join(strings.Fields(name), " "))
	if len(runes) <= longest {
		return name
	}
	return string(runes[:longest-end-1]) + "…" + string(runes[len(runes)-end:])
}
