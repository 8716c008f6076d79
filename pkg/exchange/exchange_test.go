package exchange

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"

	"cxmirror/pkg/survey"
)

func caseQuestionnaire(tb testing.TB) *survey.Questionnaire {
	tb.Helper()
	return parseQuestionnaire(tb, string(readFile(tb, "testdata/cases/questionnaire.yaml")))
}

func parseMap(tb testing.TB, src string) *Map {
	tb.Helper()
	if src == "" {
		return nil
	}
	m, err := ParseMap([]byte(src), "map.yaml")
	if err != nil {
		tb.Fatal(err)
	}
	return m
}

func encoded(tb testing.TB, e encoding.Encoding, text string) string {
	tb.Helper()
	s, err := e.NewEncoder().String(text)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func zipped(tb testing.TB, text string) string {
	tb.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.WriteString(w, text); err != nil {
		tb.Fatal(err)
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return b.String()
}

// One file in every way in which its bytes may come must give the same records.
func TestBytes(t *testing.T) {
	const polish = "expectations,comment\nspeed,Dziękuję za żółtą łódź\n\"speed;ease\",\"Zażółć\ngęślą\"\n"
	const russian = "expectations,comment\nspeed,Съешь ещё этих булок\n\"speed;ease\",\"да\nнет\"\n"
	const western = "expectations,comment\nspeed,Crème brûlée\n\"speed;ease\",\"Ünïcödé\nÄ\"\n"
	crlf := strings.NewReplacer("\n", "\r\n")
	// Rows end in CR; within quotes Excel for Mac keeps LF.
	cr := strings.NewReplacer("\n\"speed", "\r\"speed", "comment\n", "comment\r", "\"\n", "\"\r")
	utf16 := func(order unicode.Endianness, bom unicode.BOMPolicy) encoding.Encoding {
		return unicode.UTF16(order, bom)
	}
	tests := []struct {
		name, text, bytes, mapText string
	}{
		{"plain", polish, polish, ""},
		{"byte order mark", polish, "\ufeff" + polish, ""},
		{"mark and name", polish, "\ufeff" + polish, "file: {encoding: UTF-8}"},
		{"CRLF", polish, crlf.Replace(polish), ""},
		{"CR", polish, cr.Replace(polish), ""},
		{"no end of the last line", polish, strings.TrimSuffix(polish, "\n"), ""},
		{"gzip", polish, zipped(t, polish), ""},
		{"gzip, CR, windows-1250", polish, zipped(t, encoded(t, charmap.Windows1250, cr.Replace(polish))), "file: {encoding: windows-1250}"},
		{"UTF-16 LE with mark", polish, encoded(t, utf16(unicode.LittleEndian, unicode.UseBOM), polish), ""},
		{"UTF-16 BE with mark", russian, encoded(t, utf16(unicode.BigEndian, unicode.UseBOM), russian), ""},
		{"UTF-16 LE without mark", russian, encoded(t, utf16(unicode.LittleEndian, unicode.IgnoreBOM), russian), "file: {encoding: utf-16le}"},
		{"UTF-16 BE without mark", russian, encoded(t, utf16(unicode.BigEndian, unicode.IgnoreBOM), crlf.Replace(russian)), "file: {encoding: utf-16be}"},
		{"windows-1250", polish, encoded(t, charmap.Windows1250, polish), "file: {encoding: windows-1250}"},
		{"cp1250, the short name", polish, encoded(t, charmap.Windows1250, polish), "file: {encoding: CP1250}"},
		{"ISO 8859-2", polish, encoded(t, charmap.ISO8859_2, polish), "file: {encoding: iso-8859-2}"},
		{"cp852", polish, encoded(t, charmap.CodePage852, polish), "file: {encoding: cp852}"},
		{"windows-1251", russian, encoded(t, charmap.Windows1251, russian), "file: {encoding: windows-1251}"},
		{"KOI8-R", russian, encoded(t, charmap.KOI8R, russian), "file: {encoding: koi8-r}"},
		{"Mac Cyrillic", russian, encoded(t, charmap.MacintoshCyrillic, cr.Replace(russian)), "file: {encoding: x-mac-cyrillic}"},
		{"Mac Roman", western, encoded(t, charmap.Macintosh, cr.Replace(western)), "file: {encoding: macintosh}"},
		{"cp437", western, encoded(t, charmap.CodePage437, western), "file: {encoding: cp437}"},
		{"latin1", western, encoded(t, charmap.ISO8859_1, western), "file: {encoding: latin1}"},
	}
	q := caseQuestionnaire(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			want := comments(t, q, nil, strings.NewReader(tt.text))
			got := comments(t, q, parseMap(t, tt.mapText), strings.NewReader(tt.bytes))
			if got != want || strings.Count(want, "|") != 2 {
				t.Errorf("got %q, want %q", got, want)
			}
			// The blocks in which bytes arrive must not matter: here, one at a time.
			if got := comments(t, q, parseMap(t, tt.mapText), iotest.OneByteReader(strings.NewReader(tt.bytes))); got != want {
				t.Errorf("byte by byte: got %q, want %q", got, want)
			}
		})
	}
}

// comments reads a file and returns the texts of its records, with their lines.
func comments(t *testing.T, q *survey.Questionnaire, m *Map, file io.Reader) string {
	t.Helper()
	r, err := Open(file, "answers.csv", q, m)
	if err != nil {
		t.Fatal(err)
	}
	column, _ := q.Column("comment")
	var b strings.Builder
	for record := range r.Records() {
		fmt.Fprintf(&b, "%d %s|", record.Line, record.Values[column].Text)
	}
	if err := r.Err(); err != nil {
		t.Fatal(err)
	}
	if report := r.Report(); report.Rejected > 0 {
		t.Fatal(report.Rejections)
	}
	return b.String()
}

// A character may be cut in two by the end of a block, wherever that is, and a bad one is found beyond it.
func TestCharactersAcrossBlocks(t *testing.T) {
	q := caseQuestionnaire(t)
	for shift := range 8 {
		var b strings.Builder
		b.WriteString("expectations,comment\n")
		b.WriteString("speed," + strings.Repeat("x", shift) + "\n")
		rows := 1
		for b.Len() < 3*blockSize {
			b.WriteString("speed,Съешь ещё этих булок 漢字 😀\n")
			rows++
		}
		r, err := Open(strings.NewReader(b.String()+"speed,\xd0\n"), "answers.csv", q, nil)
		if err != nil {
			t.Fatal(err)
		}
		column, _ := q.Column("comment")
		n := 0
		for record := range r.Records() {
			if n++; n > 1 && record.Values[column].Text != "Съешь ещё этих булок 漢字 😀" {
				t.Fatalf("row %d: %q", n, record.Values[column].Text)
			}
		}
		problem, ok := errors.AsType[*FileError](r.Err())
		if !ok || n != rows || problem.Line != rows+2 || problem.Column != 7 {
			t.Fatalf("%d of %d rows, %v; want an error in line %d, column 7", n, rows, r.Err(), rows+2)
		}
	}
}

// A file that breaks off, or cannot be read on, is never taken for whole.
func TestCutShort(t *testing.T) {
	q := caseQuestionnaire(t)
	var b strings.Builder
	b.WriteString("respondent,expectations\n")
	for i := range 50_000 {
		fmt.Fprintf(&b, "%d,speed;ease\n", i*7919%1_000_003)
	}
	whole := zipped(t, b.String())
	tests := []struct {
		name string
		file io.Reader
		want string
	}{
		{"gzip cut short", strings.NewReader(whole[:len(whole)/2]), "breaks off"},
		{"gzip damaged", strings.NewReader(whole[:len(whole)-8] + "12345678"), "checksum"},
		{"disk failure", io.MultiReader(strings.NewReader(b.String()[:200_000]), iotest.ErrReader(errors.New("disk on fire"))), "disk on fire"},
		{"a quote never closed", io.MultiReader(strings.NewReader("respondent,expectations\n1,speed\n2,\"speed\n"), strings.NewReader(strings.Repeat(b.String(), 10))), "quote that is never closed"},
	}
	for _, tt := range tests {
		r, err := Open(tt.file, "answers.csv", q, nil)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		n := 0
		for range r.Records() {
			n++
		}
		if err := r.Err(); err == nil || !strings.Contains(err.Error(), tt.want) || n == 0 || n > 50_000 {
			t.Errorf("%s: %d records, then %v; want %q", tt.name, n, err, tt.want)
		}
		// An error stays: asking again does not go on behind it.
		for range r.Records() {
			t.Errorf("%s: a record after the error", tt.name)
		}
	}
	if _, err := Open(iotest.ErrReader(errors.New("no such disk")), "answers.csv", q, nil); err == nil || !strings.Contains(err.Error(), "answers.csv: cannot be read: no such disk") {
		t.Errorf("opening what cannot be read: %v", err)
	}
}

// Whoever stops in the middle goes on where she stopped.
func TestStopAndGoOn(t *testing.T) {
	r, err := Open(strings.NewReader("expectations\nspeed\nease\ncourtesy\n"), "answers.csv", caseQuestionnaire(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	var lines []int
	for record := range r.Records() {
		lines = append(lines, record.Line)
		break
	}
	for record := range r.Records() {
		lines = append(lines, record.Line)
	}
	if fmt.Sprint(lines) != "[2 3 4]" || r.Report().Accepted != 3 {
		t.Errorf("lines %v, %v", lines, r.Report())
	}
}

// A million bad rows are counted and named one by one, but not kept.
func TestRejectionsAreNotKept(t *testing.T) {
	const bad = 5000
	seen := 0
	r, err := Open(strings.NewReader("expectations\n"+strings.Repeat("sped\n", bad)), "answers.csv", caseQuestionnaire(t), nil,
		OnReject(func(Rejection) { seen++ }))
	if err != nil {
		t.Fatal(err)
	}
	for range r.Records() {
		t.Error("an accepted row")
	}
	report := r.Report()
	if seen != bad || report.Rejected != bad || len(report.Rejections) != keptRejections {
		t.Errorf("%d handed over, %d counted, %d kept; want %d, %d, %d", seen, report.Rejected, len(report.Rejections), bad, bad, keptRejections)
	}
	first := report.Rejections[0]
	if got, want := first.String(), `answers.csv:2:1: expectations: no option "sped" (did you mean "speed"?)`; got != want || first.Value != "sped" {
		t.Errorf("got %s of %q, want %s", got, first.Value, want)
	}
}

// Reading costs one allocation a row, the row itself, and memory does not grow with the file.
func TestAllocations(t *testing.T) {
	const rows = 20_000
	q := parseQuestionnaire(t, benchQuestionnaire)
	file := benchRows(rows)
	read := func() {
		r, err := Open(bytes.NewReader(file), "bench.csv", q, nil)
		if err != nil {
			t.Fatal(err)
		}
		for range r.Records() {
		}
		if report := r.Report(); r.Err() != nil || report.Accepted != rows {
			t.Fatal(r.Err(), report)
		}
	}
	read()
	if perRow := testing.AllocsPerRun(3, read) / rows; perRow > 1.1 {
		t.Errorf("%.2f allocations a row, want 1", perRow)
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	r, err := Open(bytes.NewReader(file), "bench.csv", q, nil)
	if err != nil {
		t.Fatal(err)
	}
	for range r.Records() {
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if kept := (float64(after.HeapAlloc) - float64(before.HeapAlloc)) / rows; kept > 80 {
		t.Errorf("%.0f bytes a row are kept", kept)
	}
	runtime.KeepAlive(r)
}

func TestMapAudiences(t *testing.T) {
	tests := []struct{ src, want string }{
		{"", "[]"},
		{"ignore: rest", "[]"},
		{"audience: leaders", "[leaders]"},
		{"audience: {internal: {a: 1}, external: {a: 2}}", "[internal external]"},
	}
	for _, tt := range tests {
		if got := fmt.Sprint(parseMap(t, tt.src).Audiences()); got != tt.want {
			t.Errorf("%q: %s, want %s", tt.src, got, tt.want)
		}
	}
}

func TestColumnLetters(t *testing.T) {
	tests := []struct {
		column  int
		letters string
	}{{0, "A"}, {25, "Z"}, {26, "AA"}, {51, "AZ"}, {701, "ZZ"}, {702, "AAA"}, {16383, "XFD"}}
	for _, tt := range tests {
		if got := columnLetters(tt.column); got != tt.letters {
			t.Errorf("column %d is %s, want %s", tt.column, got, tt.letters)
		}
		if got, ok := columnNumber(tt.letters); !ok || got != tt.column {
			t.Errorf("%s is column %d, want %d", tt.letters, got, tt.column)
		}
		if got, ok := columnNumber(fmt.Sprint(tt.column + 1)); !ok || got != tt.column {
			t.Errorf("number %d is column %d, want %d", tt.column+1, got, tt.column)
		}
	}
	for _, bad := range []string{"", "0", "-1", "A1", "ÄB", "ABCDE"} {
		if at, ok := columnNumber(bad); ok {
			t.Errorf("%q is taken for column %d", bad, at)
		}
	}
}

// What aliases multiply, and what is too long to read in reasonable time, ends as a message.
func TestHostileMaps(t *testing.T) {
	var laughs strings.Builder
	laughs.WriteString("keep:\n  - any: &a0 [{X: 1}, {X: 2}]\n")
	for i := range 40 {
		fmt.Fprintf(&laughs, "  - any: &a%d [{any: *a%d}, {any: *a%d}]\n", i+1, i, i)
	}
	tests := []struct{ name, src, want string }{
		{"aliases", laughs.String(), "more than 10000 conditions"},
		{"size", "ignore: [" + strings.Repeat("x", maxMap) + "]", "the map has 256 KB"},
		{"depth", "keep: " + strings.Repeat("{not: ", 200) + "{X: 1}" + strings.Repeat("}", 200), ""},
	}
	for _, tt := range tests {
		_, err := ParseMap([]byte(tt.src), "map.yaml")
		if (tt.want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
}
