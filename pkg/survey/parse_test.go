package survey

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write what the parser says into testdata/parse, to be read before it is committed")

// parseCase is one file of testdata/parse: a questionnaire, the code frames it uses (each after a line
// "----- frames/code.yaml"), and after a line "-----" the diagnostics expected, or the word "valid".
type parseCase struct {
	source   string
	frames   map[string]string
	expected string
}

func readParseCase(t *testing.T, file string) parseCase {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	c := parseCase{frames: make(map[string]string)}
	into := &c.source
	var frame string
	for line := range strings.Lines(string(text)) {
		rest, separator := strings.CutPrefix(line, "-----")
		name := strings.TrimSpace(rest)
		switch {
		case separator && name == "":
			frame, into = "", &c.expected
		case separator:
			frame = strings.TrimSuffix(strings.TrimPrefix(name, "frames/"), ".yaml")
		case frame != "":
			c.frames[frame] += line
		default:
			*into += line
		}
	}
	return c
}

func (c parseCase) frameSource(code string) ([]byte, error) {
	if text, ok := c.frames[code]; ok {
		return []byte(text), nil
	}
	return nil, fmt.Errorf("frame %s: %w", code, fs.ErrNotExist)
}

func TestParseCases(t *testing.T) {
	files, err := filepath.Glob("testdata/parse/*.txt")
	if err != nil || len(files) < 20 {
		t.Fatalf("found %d cases, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			c := readParseCase(t, file)
			said := "valid\n"
			q, err := Parse([]byte(c.source), "q.yaml", c.frameSource)
			if err != nil {
				said = err.Error() + "\n"
			}
			if (q == nil) == (err == nil) {
				t.Errorf("Parse returned %v and %v; want one of them", q, err)
			}
			if *update {
				whole, _ := os.ReadFile(file)
				head, _, _ := strings.Cut("\n"+string(whole), "\n-----\n")
				head = strings.TrimPrefix(head+"\n-----\n", "\n")
				if err := os.WriteFile(file, []byte(head+said), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(c.expected, said); diff != "" {
				t.Errorf("want -, got +\n%s", diff)
			}
		})
	}
}

func TestCompleteness(t *testing.T) {
	c := readParseCase(t, "testdata/parse/valid_every_kind.txt")
	partial := strings.NewReplacer(", pl: Kadry", "", "title: {en: Every kind, pl: Każdy rodzaj}", "title: {pl: Każdy rodzaj}", ", pl: W połowie", "").Replace(c.source)
	frames := func(code string) ([]byte, error) {
		text, err := c.frameSource(code)
		return []byte(strings.Replace(string(text), ", pl: Współpracownicy mają wiedzę", "", 1)), err
	}
	q, err := Parse([]byte(partial), "q.yaml", frames)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, language := range q.Completeness() {
		got = append(got, language.String())
	}
	// 29 texts: title, intro, 10 questions, 1 hint, 3 + 3 + 2 options, 2 rows, 3 labels of the scale, and
	// the frame's 3 once.
	want := []string{
		"en: 1 of 29 texts missing: title",
		"pl: 4 of 29 texts missing: items.served-by.options.HR.text, frame expectations: competence, items.performance.scale.labels.3, items.duties.options.hr.text",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got := q.Title.In(English); got != "Każdy rodzaj" {
		t.Errorf("a missing title falls back to %q", got)
	}
	if got := q.Items[1].Options[0].Text.In("pl"); got != "Colleagues have knowledge" {
		t.Errorf("the internal voice falls back to %q; want its own English, not words for customers", got)
	}
}

func TestFrameCompleteness(t *testing.T) {
	frame, err := ParseFrame([]byte("code: f\nlanguages: [en, pl]\ntitle: {en: T, pl: T}\noptions:\n"+
		"  - {code: a, text: {en: A, pl: A}, internal: {en: I}}\n  - {code: b, text: {en: B}}\n"), "f.yaml")
	if err != nil {
		t.Fatal(err)
	}
	want := []Completeness{
		{Language: English, Total: 4},
		{Language: "pl", Total: 4, Missing: []string{"options.a.internal", "options.b.text"}},
	}
	if diff := cmp.Diff(want, frame.Completeness()); diff != "" {
		t.Error(diff)
	}
}

// TestVoices: one frame, two audiences, the same codes.
func TestVoices(t *testing.T) {
	c := readParseCase(t, "testdata/parse/valid_every_kind.txt")
	for audience, want := range map[Audience]string{Internal: "Colleagues have knowledge", External: "Staff have knowledge", Leaders: "Staff have knowledge"} {
		q, err := Parse([]byte(strings.Replace(c.source, "audience: internal", "audience: "+string(audience), 1)), "q.yaml", c.frameSource)
		if err != nil {
			t.Fatal(err)
		}
		item, _ := q.Item("expectations")
		if o := item.Options[0]; o.Code != "competence" || o.Text.In(English) != want {
			t.Errorf("%s: %s %q; want competence %q", audience, o.Code, o.Text.In(English), want)
		}
		rated, _ := q.Item("performance")
		if diff := cmp.Diff(item.ShownOrder(7), withRandom(rated).ShownOrder(7)); diff != "" {
			t.Errorf("items that share a frame show it in two orders: %s", diff)
		}
	}
}

func withRandom(it *Item) *Item {
	random := *it
	random.Random = true
	return &random
}

// FuzzParse: Parse never panics, says where a mistake is, and what it accepts is whole and agrees with the
// schema.
func FuzzParse(f *testing.F) {
	files, _ := filepath.Glob("testdata/parse/*.txt")
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		source, _, _ := strings.Cut(string(text), "\n-----")
		f.Add(source)
	}
	f.Add("code: q\ntitle: t\nitems:\n" + everyKind)
	frame := []byte("code: expectations\ntitle: t\noptions: [{code: speed, text: x}, {code: ease, text: x}]\n")
	schema := compileSchema(f, Schema)
	f.Fuzz(func(t *testing.T, source string) {
		q, err := Parse([]byte(source), "q.yaml", func(string) ([]byte, error) { return frame, nil })
		if err != nil {
			mistakes, ok := errors.AsType[Diagnostics](err)
			if !ok || len(mistakes) == 0 || q != nil {
				t.Fatalf("refused with %v, %v", q, err)
			}
			lines := strings.Count(plainLines([]byte(source)), "\n") + 1
			for _, m := range mistakes {
				if steers := strings.ContainsFunc(m.String(), func(r rune) bool { return r != '\n' && r != '\t' && unicode.IsControl(r) }); steers {
					t.Errorf("a mistake that steers a terminal: %q", m.String())
				}
				if m.Message == "" || m.Line > lines || m.File == "q.yaml" && m.Line > 0 && m.Column < 1 {
					t.Errorf("a mistake at %d:%d of %d lines: %q", m.Line, m.Column, lines, m.Message)
				}
			}
			return
		}
		if err := validateYAML(t, schema, []byte(plainLines([]byte(source)))); err != nil && !errors.Is(err, errNotJSON) {
			t.Errorf("Parse accepts what the schema refuses: %v", err)
		}
		wholeQuestionnaire(t, q)
	})
}

// wholeQuestionnaire checks what every user of a questionnaire relies on.
func wholeQuestionnaire(t *testing.T, q *Questionnaire) {
	t.Helper()
	keys := make(map[string]bool)
	for i, c := range q.Columns() {
		if keys[c.Key] || c.Key == "" || c.Item == nil || len(c.Options) > MaxOptions {
			t.Errorf("column %d: %+v", i, c)
		}
		keys[c.Key] = true
		if at, ok := q.Column(c.Key); !ok || at != i {
			t.Errorf("column %s is found at %d; want %d", c.Key, at, i)
		}
		if c.Item.HasOptions() && len(c.Options) == 0 && c.Item.Of == "" {
			t.Errorf("%s has no options", c.Key)
		}
		if (c.Item.Kind == Multi || c.Item.Kind == Rank) && (c.Item.Min < 1 || c.Item.Min > c.Item.Max) {
			t.Errorf("%s: min %d, max %d", c.Key, c.Item.Min, c.Item.Max)
		}
		if s := c.Item.Scale; s != nil && (s.Min < 0 || s.Min >= s.Max || s.Max > 100 || s.Top < 1 || s.Top > s.Max-s.Min) {
			t.Errorf("%s: scale %+v", c.Key, s)
		}
	}
	nothing := q.NewAnswers()
	for i := range q.Items {
		nothing.Asked(q.Items[i].Code)
		q.Pipe(q.Items[i].Text.In(English), English, nothing.Values())
		q.Items[i].ShownOrder(1)
	}
	q.Completeness()
	if problems := q.NewDecoder().Check(nothing.Values()); problems != nil {
		t.Errorf("no answers at all, but %s", problems[0].String())
	}
}

// TestParseMutilated takes a valid questionnaire apart line by line: whatever is missing, doubled, moved or
// cut short, Parse neither panics nor accepts something that is not whole, and says where.
func TestParseMutilated(t *testing.T) {
	c := readParseCase(t, "testdata/parse/valid_every_kind.txt")
	lines := strings.Split(c.source, "\n")
	mutilate := map[string]func(line string) string{
		"deleted":  func(string) string { return "" },
		"doubled":  func(line string) string { return line + "\n" + line },
		"indented": func(line string) string { return "  " + line },
		"outdented": func(line string) string {
			return strings.TrimPrefix(line, "  ")
		},
		"without value": func(line string) string {
			before, _, _ := strings.Cut(line, ": ")
			return before + ":"
		},
		"as a list":   func(line string) string { return strings.Replace(line, ": ", ": [", 1) + "]" },
		"as a map":    func(line string) string { return strings.Replace(line, ": ", ": {x: ", 1) + "}" },
		"as a number": func(line string) string { before, _, _ := strings.Cut(line, ": "); return before + ": -1" },
		"cut":         func(line string) string { return line[:len(line)/2] },
		"reversed":    func(line string) string { r := []rune(line); slices.Reverse(r); return string(r) },
	}
	accepted, refused := 0, 0
	for name, change := range mutilate {
		for i := range lines {
			changed := slices.Clone(lines)
			changed[i] = change(lines[i])
			q, err := Parse([]byte(strings.Join(changed, "\n")), "q.yaml", c.frameSource)
			if err == nil {
				accepted++
				wholeQuestionnaire(t, q)
				continue
			}
			refused++
			for _, m := range err.(Diagnostics) { //nolint:errorlint,forcetypeassert // what Parse promises
				if m.Line < 1 || m.Column < 1 || strings.Contains(m.Message, "cannot be read") {
					t.Errorf("line %d %s: %s", i+1, name, m)
				}
			}
		}
	}
	if accepted < 20 || refused < 400 {
		t.Errorf("%d accepted, %d refused: the test has lost its point", accepted, refused)
	}
}

// BenchmarkParse measures a questionnaire of ten items with its conditions and code frame.
func BenchmarkParse(b *testing.B) {
	text, err := os.ReadFile("testdata/parse/valid_every_kind.txt")
	if err != nil {
		b.Fatal(err)
	}
	source, rest, _ := strings.Cut(string(text), "----- frames/expectations.yaml\n")
	frame, _, _ := strings.Cut(rest, "-----\n")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse([]byte(source), "q.yaml", func(string) ([]byte, error) { return []byte(frame), nil }); err != nil {
			b.Fatal(err)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	tests := []struct{ name, source, want string }{
		{"invalid UTF-8", "code: q\ntitle: \xb3\xf3d\xbc", "q.yaml:2:8: not UTF-8: save the file in that encoding"},
		{"UTF-16", "\xff\xfec\x00o\x00", "q.yaml:1:1: not UTF-8: save the file in that encoding"},
		{"a binary file", "PK\x03\x04\x00", "q.yaml:1:5: a zero byte: this is not a text file"},
		{"deep brackets", "code: " + strings.Repeat("[", 50_000), "q.yaml:1:39: nested deeper than anything a questionnaire has"},
		{"deep lists", strings.Repeat("- ", 50_000) + "x", "q.yaml:1:65: nested deeper than anything a questionnaire has"},
		{"too big", strings.Repeat("#", maxSourceBytes+1), "q.yaml: the file has 1048577 bytes, more than the 1048576 that are read"},
		{"an alias within itself", "code: q\ntitle: t\nitems: &i [*i]", "the file holds more than is read, or an alias within itself"},
		{"aliases of aliases", laughs(12), "the file holds more than is read, or an alias within itself"},
	}
	for _, tt := range tests {
		_, err := Parse([]byte(tt.source), "q.yaml", nil)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %.300v; want %q", tt.name, err, tt.want)
		}
		if err != nil && len(err.Error()) > 5000 {
			t.Errorf("%s: a message of %d bytes", tt.name, len(err.Error()))
		}
	}
}

// laughs returns a small file that aliases would blow up to ten to the power of n.
func laughs(n int) string {
	var b strings.Builder
	b.WriteString("a0: &a0 x\n")
	for i := range n {
		fmt.Fprintf(&b, "a%d: &a%d [%s]\n", i+1, i+1, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d,", i), 10), ","))
	}
	return b.String()
}

func TestLineEnds(t *testing.T) {
	const source = "code: q\ntitle: t\nitems:\n  - {code: a, kind: texd, text: x}\n"
	for name, changed := range map[string]string{
		"LF": source, "CRLF": strings.ReplaceAll(source, "\n", "\r\n"), "CR": strings.ReplaceAll(source, "\n", "\r"), "BOM": "\uFEFF" + source,
	} {
		_, err := Parse([]byte(changed), "q.yaml", nil)
		mistakes, _ := errors.AsType[Diagnostics](err)
		want := Diagnostics{{
			File: "q.yaml", Line: 4, Column: 21, Source: "  - {code: a, kind: texd, text: x}",
			Message: `"texd" is none of single, multi, rank, rating, number, nps, text, matrix (did you mean "text"?)`,
		}}
		if diff := cmp.Diff(want, mistakes); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// TestFrameNames: the mistakes of a code frame are reported where the frame lies, beside its questionnaire.
func TestFrameNames(t *testing.T) {
	const source = "code: q\ntitle: t\nitems:\n  - {code: a, kind: single, frame: mine, text: x}\n"
	frames := func(string) ([]byte, error) {
		return []byte("wrong: y\ncode: mine\noptions: [{code: a, text: b}]"), nil
	}
	for name, want := range map[string]string{
		"/home/anna/2026/q.yaml": "/home/anna/2026/frames/mine.yaml", "surveys/q.yaml": "surveys/frames/mine.yaml", "q.yaml": "frames/mine.yaml",
	} {
		_, err := Parse([]byte(source), name, frames)
		mistakes, _ := errors.AsType[Diagnostics](err)
		if len(mistakes) != 2 || !slices.ContainsFunc(mistakes, func(d Diagnostic) bool { return d.File == want && d.Line == 1 }) {
			t.Errorf("%s: %v; want a mistake in %s", name, err, want)
		}
	}
}

// TestTerminal: whatever a source holds, what is said of it shows control characters and sends none.
func TestTerminal(t *testing.T) {
	tests := []struct{ source, want string }{
		{"\x1b[2J\x07x\ty", "␛[2J␇x\ty"},
		{"a\x00b\x7f", "a␀b␡"},
		{"\u009b31m\u202eevil\u2066", "\ufffd31m\ufffdevil\ufffd"},
		{"bad \xff\xfe bytes", "bad \ufffd\ufffd bytes"},
		{"a\u2028b", "a\ufffdb"},
		{"Żółć, 漢字, a\u200db 👩‍👧", "Żółć, 漢字, a\u200db 👩‍👧"},
	}
	for _, tt := range tests {
		d := Diagnostic{File: "f\x1b", Line: 1, Column: 3, Message: "m " + tt.source, Source: tt.source}
		lines := strings.Split(d.String(), "\n")
		if len(lines) != 3 || lines[0] != "f␛:1:3: m "+tt.want || lines[1] != "    "+tt.want {
			t.Errorf("%q: %q; want %q", tt.source, lines, tt.want)
		}
	}
	long := Diagnostic{File: "f", Message: strings.Repeat("x\x1b", 100_000)}
	if n := len([]rune(long.String())); n > 1100 {
		t.Errorf("a message of %d characters", n)
	}
}

func TestLongLines(t *testing.T) {
	d := Diagnostic{File: "q.yaml", Line: 1, Column: 1001, Message: "here", Source: strings.Repeat("ж", 1000) + "X" + strings.Repeat("ж", 1000)}
	lines := strings.Split(d.String(), "\n")
	if len(lines) != 3 || len([]rune(lines[1])) != 4+160+2 {
		t.Fatalf("%q", lines)
	}
	if at := len([]rune(lines[2])) - 1; []rune(lines[1])[at] != 'X' {
		t.Errorf("the caret is under %q", []rune(lines[1])[at])
	}
}

func TestNearest(t *testing.T) {
	known := []string{"speed", "ease", "needs_met", "text", "A", "B", "Łatwość"}
	for written, want := range map[string]string{
		"sped": "speed", "seped": "speed", "SPEED": "speed", "needsmet": "needs_met", "txet": "text", "easy": "ease", "fone": "", "care": "",
		"C": "", "price": "", "": "", "Latwosc": "", "łatwośc": "Łatwość", strings.Repeat("x", 1000): "",
	} {
		if got := Nearest(written, known); got != want {
			t.Errorf("%q: %q; want %q", written, got, want)
		}
	}
}
