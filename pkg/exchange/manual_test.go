package exchange

import (
	"encoding/csv"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"cxmirror/pkg/survey"
)

// manualBlock is a block of the manual's indented lines, and what kind of text it is.
type manualBlock struct {
	kind byte // '|' a file, '=' what is read, '$' a command, 'm' a map
	text string
	line int // where it begins
}

// manualBlocks cuts the examples out of the manual. Lines of a file and of what is read lose their mark.
func manualBlocks(manual string) []manualBlock {
	var blocks []manualBlock
	open := false
	n := 0
	for line := range strings.Lines(manual) {
		n++
		example, indented := strings.CutPrefix(line, "    ")
		if !indented || example[0] == ' ' && !open {
			open = false
			continue
		}
		kind := byte('m')
		if strings.IndexByte("|=$", example[0]) >= 0 {
			kind = example[0]
			example = strings.TrimPrefix(example[1:], " ")
		}
		if !open {
			blocks = append(blocks, manualBlock{kind: kind, line: n})
		}
		open = true
		blocks[len(blocks)-1].text += example
	}
	return blocks
}

// Every map in the manual is one; and where the manual shows a file, a map and what is read, that is what
// is read, every row of it accepted or filtered out.
func TestManual(t *testing.T) {
	q := parseQuestionnaire(t, string(readFile(t, "testdata/manual.yaml")))
	maps, read := 0, 0
	var file, mapText string
	for _, block := range manualBlocks(MapManual()) {
		switch block.kind {
		case '|':
			file = block.text
		case 'm':
			if strings.HasPrefix(block.text, "code ") {
				continue // the table of items
			}
			mapText = block.text
			maps++
			if _, err := ParseMap([]byte(mapText), "maps.txt"); err != nil {
				t.Errorf("maps.txt:%d: %v", block.line, err)
			}
		case '=':
			read++
			if got := readForManual(t, q, file, mapText); got != block.text {
				t.Errorf("maps.txt:%d: the manual says\n%sbut this is read:\n%s", block.line, block.text, got)
			}
		}
	}
	if maps < 25 || read < 25 {
		t.Errorf("%d maps, %d of them with what is read; the test has lost most of the manual", maps, read)
	}
}

// readForManual reads a file in the encoding that its map names, and writes the columns that it has as the
// manual shows them.
func readForManual(t *testing.T, q *survey.Questionnaire, file, mapText string) string {
	t.Helper()
	m, err := ParseMap([]byte(mapText), "map.yaml")
	if err != nil {
		return err.Error()
	}
	if named, _, known := encodingByName(m.layout.encoding); known && named != nil {
		file = encoded(t, named, file)
	}
	r, err := Open(strings.NewReader(file), "export.csv", q, m)
	if err != nil {
		return err.Error()
	}
	var out strings.Builder
	w := csv.NewWriter(&out)
	write := func(row []string) {
		if err := w.Write(row); err != nil {
			t.Fatal(err)
		}
	}
	row := func(audience, respondent, weight string, answer func(i int) string) {
		var cells []string
		if len(m.Audiences()) > 0 {
			cells = append(cells, audience)
		}
		if r.plan.respondent >= 0 {
			cells = append(cells, respondent)
		}
		if r.plan.weight >= 0 {
			cells = append(cells, weight)
		}
		for i, source := range r.plan.sources {
			if source != nil {
				cells = append(cells, answer(i))
			}
		}
		write(cells)
	}
	row("audience", respondentColumn, weightColumn, func(i int) string { return q.Columns()[i].Key })
	for record := range r.Records() {
		row(string(record.Audience), record.Respondent, fmt.Sprint(record.Weight), func(i int) string {
			return string(q.AppendCell(nil, i, &record.Values[i]))
		})
	}
	w.Flush()
	if report := r.Report(); r.Err() != nil || report.Rejected > 0 {
		fmt.Fprintln(&out, r.Err(), report.Rejections)
	}
	return out.String()
}

// The manual is for a terminal, names every key that a map has, and every section that it announces.
func TestManualIsWhole(t *testing.T) {
	manual := MapManual()
	n := 0
	for line := range strings.Lines(manual) {
		n++
		if line = strings.TrimSuffix(line, "\n"); utf8.RuneCountInString(line) > 80 || strings.TrimRight(line, " ") != line || strings.Contains(line, "\t") {
			t.Errorf("maps.txt:%d: longer than 80 characters, or with blanks at its end, or with a tab: %q", n, line)
		}
	}
	keys := manual[strings.LastIndex(manual, "EVERY KEY"):]
	for _, known := range slices.Concat(mapKeys(), itemKeys()) {
		if !slices.Contains(strings.Fields(keys), known.name) {
			t.Errorf("the list of every key lacks %s", known.name)
		}
	}
	for _, known := range layoutKeys() {
		if !strings.Contains(manual, "\n"+known.name+" ") {
			t.Errorf("the section on how the file is written lacks %s", known.name)
		}
	}
	for number, title := range []string{
		"Columns", "Values", "Picks", "Rankings", "Ratings, matrices", "Missing", "Which rows count", "Two audiences in one file",
		"How the file is written", "Weights and respondents", "Three maps from beginning to end", "Every key",
	} {
		heading := fmt.Sprintf("\n%d  %s\n", number+1, strings.ToUpper(title))
		if !strings.Contains(manual, fmt.Sprintf(" %d  %s", number+1, title)) || !strings.Contains(manual, heading) {
			t.Errorf("section %d, %q, is announced and not there, or there and not announced", number+1, title)
		}
	}
}

// The package comment shows a map, too.
func TestDocumentedMap(t *testing.T) {
	_, after, _ := strings.Cut(string(readFile(t, "doc.go")), "//\tfile:")
	shown, _, found := strings.Cut("//\tfile:"+after, "//\n")
	if _, err := ParseMap([]byte(strings.ReplaceAll(shown, "//\t", "")), "doc.go"); err != nil || !found {
		t.Errorf("%v\n%s", err, shown)
	}
}

// Every example of a key is a value that the key takes.
func TestKeyExamples(t *testing.T) {
	for _, k := range mapKeys() {
		parseMap(t, k.example)
	}
	for _, k := range layoutKeys() {
		parseMap(t, "file: {"+k.example+"}")
	}
	for _, k := range itemKeys() {
		src := "items: {X: {" + k.example + "}}"
		if !k.form {
			src = "items: {X: {column: Q4, " + k.example + "}}"
		}
		parseMap(t, src)
	}
}
