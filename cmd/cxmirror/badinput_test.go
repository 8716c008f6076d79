package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// What people give the program by mistake, and what it must say then: which file, which line, which column,
// what is wrong. Whatever ends the reading leaves nothing that could be taken for a result; a row that is
// refused is named and counted, and the exit code tells.

// mattersQuestionnaire is what the files of these tests answer.
const mattersQuestionnaire = `code: matters
languages: [en]
title: What matters
items:
  - code: expectations
    kind: multi
    max: 3
    text: Which of these matter most?
    options: [{code: speed, text: Speed}, {code: ease, text: Ease}, {code: courtesy, text: Courtesy}, {code: recovery, text: Recovery}, {code: nothing, exclusive: true, text: Nothing}]
  - {code: order, kind: rank, of: expectations, text: In which order?}
  - code: performance
    kind: rating
    text: How well do we do?
    rows: [{code: speed, text: Speed}, {code: ease, text: Ease}]
    scale: {min: 1, max: 5, cannot_say: true}
  - {code: comment, kind: text, text: Anything else?}
`

// goodAnswers are 33 responses to mattersQuestionnaire on lines 2 to 34.
func goodAnswers() string {
	return answers("expectations,order",
		responses{20, "speed;ease,ease>speed"}, responses{10, "courtesy,"}, responses{3, "none,"})
}

// folder is a folder with a questionnaire and a good file of answers, where results go to out.json.
type folder struct {
	path          string
	questionnaire string
	good          string
	out           string
}

func newFolder(t *testing.T) folder {
	t.Helper()
	dir := t.TempDir()
	return folder{
		dir, write(t, dir, "matters.yaml", mattersQuestionnaire),
		write(t, dir, "good.csv", goodAnswers()), filepath.Join(dir, "out.json"),
	}
}

// compare compares the good file with another, into a file.
func (f folder) compare(t *testing.T, internal string, more ...string) outcome {
	t.Helper()
	return cxmirror(t, slices.Concat([]string{
		"compare", "-q", f.questionnaire, "--external", f.good, "--internal", internal, "--format", "json", "-o", f.out,
	}, more)...)
}

// checkRefused fails unless the program ended with the code, said all of this and nothing like a crash, and left
// no result and no debris.
func (f folder) checkRefused(t *testing.T, got outcome, code int, want ...string) {
	t.Helper()
	checkSaid(t, got, code, want...)
	if got.stdout != "" {
		t.Errorf("something was printed: %q", got.stdout)
	}
	if _, err := os.Stat(f.out); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a result was left behind: %v", err)
	}
	f.checkTidy(t)
}

// checkTidy fails if a file that was only begun is left.
func (f folder) checkTidy(t *testing.T) {
	t.Helper()
	left, err := filepath.Glob(filepath.Join(f.path, ".*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// checkSaid checks the exit code and the messages.
func checkSaid(t *testing.T, got outcome, code int, want ...string) {
	t.Helper()
	if got.code != code {
		t.Errorf("exit code %d, want %d", got.code, code)
	}
	for _, part := range want {
		if !strings.Contains(got.stderr, part) {
			t.Errorf("it does not say %q", part)
		}
	}
	for _, crash := range []string{"goroutine", "panic", "runtime error", ".go:", "%!", "<nil>", "0x0"} {
		if strings.Contains(got.stderr, crash) {
			t.Errorf("%q is no word for people", crash)
		}
	}
	if len(got.stderr) > 100_000 {
		t.Errorf("%d bytes of messages", len(got.stderr))
	} else if t.Failed() {
		t.Logf("it said:\n%s", got.stderr)
	}
}

// Files that cannot be read to their end, or hold nobody: nothing is made of them.
func TestFilesThatCannotBeRead(t *testing.T) {
	packed := func(text string) string {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		_, err := w.Write([]byte(text))
		if err = errors.Join(err, w.Close()); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	whole := packed(goodAnswers())
	tests := []struct {
		name, content string
		want          []string
	}{
		{"nothing in it", "", []string{"bad.csv: ", "is empty", "header"}},
		{"only a byte order mark", "\ufeff", []string{"bad.csv: ", "is empty"}},
		{"only line ends", "\n\r\n\n", []string{"bad.csv"}},
		{"only a header", "expectations,order\n", []string{"bad.csv: ", "no answers of the internal side", "0 rows read"}},
		{"only a header and empty rows", "expectations,order\n,\n,\n\n", []string{"bad.csv: ", "no answers of the internal side"}},
		{"nobody left", "expectations\nsped\nspeed;speed\n", []string{"bad.csv:2:1: expectations: ", "bad.csv:3:1: expectations: ", "no answers of the internal side", "2 rejected"}},
		{"a column missing", "order,comment\nspeed,fine\n", []string{"bad.csv:1: column expectations is missing", "order, comment"}},
		{"an unknown column", "expectations,odrer\nspeed,\n", []string{"bad.csv:1:14: ", `"odrer"`, "order"}},
		{"a column twice", "expectations,comment,expectations\nspeed,a,ease\n", []string{"bad.csv:1:22: ", `"expectations" stands twice`}},
		{"the wrong encoding", "expectations,comment\nspeed,fine\nease,Dzi\xeakuj\xea\n", []string{"bad.csv:3:9: ", "byte 0xea is not UTF-8", "encoding"}},
		{"the wrong encoding in the header", "expectations,\xb3\nspeed,\n", []string{"bad.csv:1:14: ", "byte 0xb3 is not UTF-8"}},
		{"the wrong encoding after letters of two bytes", "comment,expectations\nЗдравствуйте \xff,speed\n", []string{"bad.csv:2:14: ", "byte 0xff"}},
		{"UTF-16 without its mark", "e\x00x\x00p\x00\n\x00s\x00", []string{"bad.csv:1:1: ", "UTF-16", "encoding"}},
		{"a quote that is never closed", "expectations,comment\nspeed,\"broken\nease,ok\nspeed,ok\n", []string{"bad.csv:2", "not closed"}},
		{"a quote in the middle of a cell", "expectations,comment\nspeed,ok\nspeed,bro\"ken\nease,ok\n", []string{"bad.csv:3:10: ", "quote"}},
		{"letters after a quote", "expectations,comment\nspeed,ok\nspeed,\"bro\"ken\nease,ok\n", []string{"bad.csv:3:", "quote"}},
		{"a workbook", "PK\x03\x04" + strings.Repeat("\x00", 100), []string{"bad.csv: ", "Excel", "CSV"}},
		{"bytes that are no text", "\x00\x01\x02\xfe\xff\x80" + strings.Repeat("\xff\x00\x01", 3000), []string{"bad.csv"}},
		{"a picture", "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", []string{"bad.csv"}},
		{"a line of 10 MB", "expectations,comment\nspeed,ok\nease," + strings.Repeat("x", 10_000_000) + "\nspeed,ok\n", []string{"bad.csv:3: ", "longer than"}},
		{"a header of 10 MB", strings.Repeat("expectations;", 800_000) + "\nspeed\n", []string{"bad.csv:1"}},
		{"packed and cut short", whole[:len(whole)-30], []string{"bad.csv:", "cut short"}},
		{"packed, with its checksum wrong", whole[:len(whole)-5] + "\x00" + whole[len(whole)-4:], []string{"bad.csv"}},
		{"packed nothing", packed(""), []string{"bad.csv: ", "is empty"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newFolder(t)
			got := f.compare(t, write(t, f.path, "bad.csv", tt.content), "--item", "expectations")
			f.checkRefused(t, got, exitFailed, tt.want...)
		})
	}
}

// Rows with a mistake are refused one by one, and the others count.
func TestRowsThatAreRefused(t *testing.T) {
	tests := []struct {
		name, header string
		rows         []string // after 33 good rows, from line 35 on
		want         []string // one for each row
	}{
		{"an unknown code", "expectations,order", []string{"sped,", "Speed,", "speed;;ease,"}, []string{
			`bad.csv:35:1: expectations: no option "sped" (did you mean "speed"?)`,
			`bad.csv:36:1: expectations: no option "Speed"`,
			`bad.csv:37:1: expectations: an empty code`,
		}},
		{"four picks where three are allowed", "expectations,order", []string{"speed;ease;courtesy;recovery,"}, []string{
			`bad.csv:35:1: expectations: 4 options given, at most 3 allowed`,
		}},
		{"a pick twice, and an exclusive one with others", "expectations,order", []string{"speed;speed,", "speed;nothing,", "none;speed,"}, []string{
			`bad.csv:35:1: expectations: "speed" is given twice`,
			`bad.csv:36:1: expectations: "nothing" excludes`,
			`bad.csv:37:1: expectations: "none" excludes`,
		}},
		{"a rank with a repeat, or of what was not picked", "expectations,order", []string{"speed;ease,speed>ease>speed", "speed;ease,speed>courtesy"}, []string{
			`bad.csv:35:12: order: "speed" is given twice`,
			`bad.csv:36:12: order: "courtesy" is ranked but was not picked`,
		}},
		{"weights", "expectations,weight", []string{"speed,0", "speed,-0.5", "speed,NaN", "speed,+Inf", "speed,heavy", "speed,", "speed,1e999", "speed,0x10"}, []string{
			"bad.csv:35:7: weight: ", "bad.csv:36:7: weight: ", "bad.csv:37:7: weight: ", "bad.csv:38:7: weight: ",
			"bad.csv:39:7: weight: ", "bad.csv:40:7: weight: ", "bad.csv:41:7: weight: ", "bad.csv:42:7: weight: ",
		}},
		{"ratings off the scale", "expectations,performance.speed", []string{"speed,6", "speed,0", "speed,3.5", "speed,good"}, []string{
			"bad.csv:35:7: performance.speed: ", "bad.csv:36:7: performance.speed: ", "bad.csv:37:7: performance.speed: ", "bad.csv:38:7: performance.speed: ",
		}},
		{"rows too long and too short", "expectations,order", []string{"speed,speed,ease", "speed"}, []string{
			"bad.csv:35:13: the row has 3 cells, the header names 2", "bad.csv:36:1: the row ends after 1 cell, the header names 2",
		}},
		{"zero bytes in a cell", "expectations,order", []string{"sp\x00eed,"}, []string{"bad.csv:35:1: expectations: "}},
		{"terminal commands in a cell", "expectations,order", []string{"\x1b[2Jspeed,"}, []string{"bad.csv:35:1: expectations: "}},
		{"a respondent twice", "expectations,respondent", []string{"speed,again", "ease,again"}, []string{"", "bad.csv:36:6: respondent: "}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newFolder(t)
			good := map[string]string{"weight": "1", "performance.speed": "4", "order": ""}
			_, second, _ := strings.Cut(tt.header, ",")
			content := answers(tt.header, responses{32, "speed," + good[second]}, responses{1, "courtesy," + good[second]})
			got := f.compare(t, write(t, f.path, "bad.csv", content+strings.Join(tt.rows, "\n")+"\n"), "--item", "expectations")
			checkSaid(t, got, exitRejected, tt.want...)
			if strings.ContainsAny(got.stderr, "\x00\x1b") {
				t.Errorf("what the terminal obeys is printed: %q", got.stderr)
			}
			rejected := len(slices.DeleteFunc(slices.Clone(tt.want), func(s string) bool { return s == "" }))
			if lines := strings.Count(got.stderr, "\n"); lines != rejected {
				t.Errorf("%d lines of messages for %d rejected rows:\n%s", lines, rejected, got.stderr)
			}
			c := parseComparison(t, readFile(t, f.out))
			file := c.Internal.File
			if c.Rejected != rejected || file.Rejected != rejected || file.Rows != 33+len(tt.rows) || file.Accepted != file.Rows-rejected || c.Internal.N != file.Accepted {
				t.Errorf("%d rejected in all, and %+v, base %d; want %d of %d", c.Rejected, file, c.Internal.N, rejected, 33+len(tt.rows))
			}
			f.checkTidy(t)
		})
	}
}

// A row is refused whole, for a mistake in any of its cells; what the same row says elsewhere does not count.
func TestARefusedRowCountsNowhere(t *testing.T) {
	f := newFolder(t)
	bad := answers("expectations,performance.speed", responses{10, "speed,4"}, responses{7, "courtesy,9"})
	got := f.compare(t, write(t, f.path, "bad.csv", bad), "--item", "expectations")
	checkSaid(t, got, exitRejected)
	c := parseComparison(t, readFile(t, f.out))
	if e := c.Internal.entry(t, "courtesy"); c.Internal.N != 10 || e.Count != 0 {
		t.Errorf("base %d, %d courtesy; the refused rows count", c.Internal.N, e.Count)
	}
}

// However many rows are bad, each is named and counted: none is dropped in silence.
func TestManyRefusedRowsAreNamedAndCounted(t *testing.T) {
	f := newFolder(t)
	bad := write(t, f.path, "bad.csv", answers("expectations", responses{10, "speed"}, responses{3000, "sped"}))
	got := f.compare(t, bad)
	if lines := strings.Count(got.stderr, "\n"); got.code != exitRejected || lines != 3000 {
		t.Errorf("exit code %d, %d lines; want %d, 3,000", got.code, lines, exitRejected)
	}
	if c := parseComparison(t, readFile(t, f.out)); c.Rejected != 3000 {
		t.Errorf("%d rejected, want 3,000", c.Rejected)
	}
	text := cxmirror(t, "compare", "-q", f.questionnaire, "--external", f.good, "--internal", bad)
	if !strings.Contains(text.stdout, "3,000 rows were rejected") {
		t.Errorf("the text does not count them:\n%s", text.stdout)
	}
}

// What a terminal obeys does not reach it from the name of a file either, nor from its header.
func TestMessagesHoldNoCommands(t *testing.T) {
	f := newFolder(t)
	for what, path := range map[string]string{
		"a refused row":     write(t, f.path, "a\x1b[2J.csv", goodAnswers()+"sped,\n"),
		"an unknown column": write(t, f.path, "b\x1b[2J.csv", "expectations,\x1b[2Jorder\nspeed,\n"),
		"nobody":            write(t, f.path, "c\x1b[2J.csv", "expectations\n"),
		"no such file":      filepath.Join(f.path, "d\x1b[2J.csv"),
	} {
		got := f.compare(t, path)
		if got.code == exitDone || strings.ContainsAny(got.stderr, "\x1b") {
			t.Errorf("%s: exit code %d, %q", what, got.code, got.stderr)
		}
	}
}

// Either side may be the bad one, or both: then both are named.
func TestBothSidesAreNamed(t *testing.T) {
	f := newFolder(t)
	empty, missing := write(t, f.path, "empty.csv", ""), filepath.Join(f.path, "missing.csv")
	got := cxmirror(t, "compare", "-q", f.questionnaire, "--external", empty, "--internal", f.good, "-o", f.out)
	f.checkRefused(t, got, exitFailed, "empty.csv: the file is empty")
	got = cxmirror(t, "compare", "-q", f.questionnaire, "--external", empty, "--internal", missing, "-o", f.out)
	f.checkRefused(t, got, exitFailed, "empty.csv: the file is empty", "missing.csv", "no such file")
}

// Files that are not there, or are something else.
func TestPathsThatLeadNowhere(t *testing.T) {
	f := newFolder(t)
	missing := filepath.Join(f.path, "missing")
	unmapped := write(t, f.path, "unmapped.yaml", "items: {expectations: {column: What matters}}\n")
	broken := write(t, f.path, "broken.yaml", "items: {expectations: [\n")
	tests := []struct {
		name string
		args []string
		code int
		want []string
	}{
		{"no such file", []string{"--external", f.good, "--internal", missing}, exitFailed, []string{missing, "no such file"}},
		{"a folder", []string{"--external", f.path, "--internal", f.good}, exitFailed, []string{f.path, "is a directory"}},
		{"no such map", []string{"--map", missing, "--external", f.good, "--internal", f.good}, exitFailed, []string{missing, "map"}},
		{"a folder as a map", []string{"--map", f.path, "--external", f.good, "--internal", f.good}, exitFailed, []string{f.path, "map"}},
		{"a map of another file", []string{"--map", unmapped, "--external", f.good, "--internal", f.good}, exitFailed, []string{"unmapped.yaml:1:32: ", `no column "What matters"`, "^"}},
		{"a map that is no YAML", []string{"--map", broken, "--external", f.good, "--internal", f.good}, exitFailed, []string{"broken.yaml:1:", "YAML", "^"}},
		{"answers as a map", []string{"--map", f.good, "--external", f.good, "--internal", f.good}, exitFailed, []string{"good.csv:1:1: "}},
		{"one file without a map", []string{f.good}, exitUsage, []string{"--map", "audience"}},
		{"one file with a map of no audiences", []string{"--map", unmapped, f.good}, exitUsage, []string{"--map", "audience"}},
		{"both layouts at once", []string{f.good, "--external", f.good}, exitUsage, []string{"either"}},
		{"no answers", nil, exitUsage, []string{"--external", "--internal"}},
		{"no internal answers", []string{"--external", f.good}, exitUsage, []string{"--internal is missing"}},
		{"no external answers", []string{"--internal", f.good}, exitUsage, []string{"--external is missing"}},
		{"both sides from standard input", []string{"--external", "-", "--internal", "-"}, exitUsage, []string{"standard input"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := cxmirror(t, slices.Concat([]string{"compare", "-q", f.questionnaire, "-o", f.out}, tt.args)...)
			f.checkRefused(t, got, tt.code, tt.want...)
		})
	}
}

// Mistakes in a questionnaire are all named, each at its spot with the line itself.
func TestQuestionnairesWithMistakes(t *testing.T) {
	f := newFolder(t)
	answered := []string{"--external", f.good, "--internal", f.good, "-o", f.out}
	compare := func(q string) outcome { return cxmirror(t, slices.Concat([]string{"compare", "-q", q}, answered)...) }
	wrong := write(t, f.path, "wrong.yaml", `code: matters
languages: [en]
title: What matters
items:
  - {code: expectations, kind: multy, text: Which?}
  - {code: order, kind: rank, of: expectation, text: Order?}
  - {code: order, kind: nps, text: Recommend?, show_if: sastisfied > 3}
`)
	f.checkRefused(t, compare(wrong), exitFailed, "wrong.yaml:5:32: ", `"multy"`, `did you mean "multi"`, "wrong.yaml:7:12: ",
		"  - {code: expectations, kind: multy, text: Which?}\n", "^")
	f.checkRefused(t, compare(f.good), exitFailed, "good.csv:1:1: ", "questionnaire")
	f.checkRefused(t, compare(write(t, f.path, "syntax.yaml", "code: [matters\n")), exitFailed, "syntax.yaml:1:", "YAML")
	f.checkRefused(t, compare(write(t, f.path, "empty.yaml", "")), exitFailed, "empty.yaml")
	f.checkRefused(t, compare(f.path), exitFailed, f.path, "is a directory")
	f.checkRefused(t, compare("external-expectation"), exitFailed, "external-expectation", "external-expectations, internal-expectations")

	got := cxmirror(t, "lint", wrong, f.questionnaire, filepath.Join(f.path, "syntax.yaml"))
	checkSaid(t, got, exitFailed, "wrong.yaml:5:32: ", "syntax.yaml:1:", "2 of 3")
	if !strings.Contains(got.stdout, "matters.yaml: questionnaire matters, version 1, 4 items, in en") {
		t.Errorf("the good one is not named: %s", got.stdout)
	}
}

// Questions that were not put alike are not compared: the difference would be theirs.
func TestQuestionsThatAreNotAlike(t *testing.T) {
	f := newFolder(t)
	other := write(t, f.path, "other.yaml", `code: other
languages: [en]
title: Another list
items:
  - {code: expectations, kind: multi, text: Which?, options: [{code: speed, text: Speed}, {code: price, text: Price}]}
`)
	lists := cxmirror(t, "compare", "-q", f.questionnaire, "--internal-questionnaire", other, "--external", f.good,
		"--internal", write(t, f.path, "other.csv", answers("expectations", responses{9, "price"})), "-o", f.out)
	f.checkRefused(t, lists, exitFailed, "cxmirror: expectations cannot be compared: ", `only the external list has the option "ease"`)
	rated := write(t, f.path, "rated.yaml", `code: rated
languages: [en]
title: Rated
items:
  - {code: expectations, kind: rating, text: How much?, rows: [{code: speed, text: Speed}], scale: {min: 1, max: 5}}
`)
	kinds := cxmirror(t, "compare", "-q", f.questionnaire, "--internal-questionnaire", rated, "--external", f.good,
		"--internal", write(t, f.path, "rated.csv", answers("expectations.speed", responses{9, "5"})), "-o", f.out)
	f.checkRefused(t, kinds, exitFailed, "expectations cannot be compared: it is a multi item outside and a rating item inside")
}

// Settings that make no sense are refused before anything is read.
func TestSettingsThatMakeNoSense(t *testing.T) {
	f := newFolder(t)
	tests := []struct {
		args string
		want string
	}{
		{"--top 0", "--top is 0"},
		{"--top=-3", "--top is -3"},
		{"--top three", "--top"},
		{"--level 95", "--level is 95"},
		{"--level 0.3", "--level is 0.3"},
		{"--level 1", "--level is 1"},
		{"--level NaN", "--level is NaN"},
		{"--margin 10", "--margin is 10"},
		{"--margin 0", "--margin is 0"},
		{"--margin NaN", "--margin is NaN"},
		{"--threshold 0", "--threshold is 0"},
		{"--item comment", "a text item cannot be ranked"},
		{"--item expectation", "did you mean expectations?"},
		{"--format xml", "--format"},
		{"--language de", "--language"},
		{"--width wide", "--width"},
		{"--colour", "--colour"},
	}
	for _, tt := range tests {
		t.Run(tt.args, func(t *testing.T) {
			got := f.compare(t, filepath.Join(f.path, "not looked at"), strings.Fields(tt.args)...)
			f.checkRefused(t, got, exitUsage, tt.want)
		})
	}
	for _, args := range [][]string{{"comparison"}, {"compare", "--no-such-flag"}, {"lint"}, {"compare"}} {
		checkSaid(t, cxmirror(t, args...), exitUsage, "--help")
	}
}

// A result that cannot be put where it was asked for is no result.
func TestPlacesWhereNothingCanBeWritten(t *testing.T) {
	f := newFolder(t)
	nowhere := filepath.Join(f.path, "missing", "out.json")
	got := cxmirror(t, "compare", "-q", f.questionnaire, "--external", f.good, "--internal", f.good, "-o", nowhere)
	f.checkRefused(t, got, exitFailed, nowhere, "there is no folder")
	got = cxmirror(t, "compare", "-q", f.questionnaire, "--external", f.good, "--internal", f.good, "-o", f.path)
	f.checkRefused(t, got, exitFailed, f.path, "it is a folder")

	full := &bytes.Buffer{}
	code := run(t.Context(), []string{"compare", "-q", f.questionnaire, "--external", f.good, "--internal", f.good},
		func(string) string { return "" }, fullDisk{}, full)
	checkSaid(t, outcome{code: code, stderr: full.String()}, exitFailed, "no space left")
}

// fullDisk is where nothing more can be written.
type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("no space left") }

// A failure leaves the result of the last time as it was.
func TestAFailureKeepsTheOldResult(t *testing.T) {
	f := newFolder(t)
	if got := f.compare(t, f.good); got.code != exitDone {
		t.Fatal(got.stderr)
	}
	before := readFile(t, f.out)
	got := f.compare(t, write(t, f.path, "bad.csv", goodAnswers()+"speed,\"broken\n"))
	checkSaid(t, got, exitFailed, "bad.csv:35")
	if readFile(t, f.out) != before {
		t.Error("the old result was touched")
	}
	f.checkTidy(t)
}

// Whoever stops the program gets no result of half the answers.
func TestStoppedWhileReading(t *testing.T) {
	f := newFolder(t)
	stopped, stop := context.WithCancel(t.Context())
	stop()
	var stdout, stderr bytes.Buffer
	code := run(stopped, []string{"compare", "-q", f.questionnaire, "--external", f.good, "--internal", f.good, "-o", f.out},
		func(string) string { return "" }, &stdout, &stderr)
	f.checkRefused(t, outcome{code, stdout.String(), stderr.String()}, exitFailed, "stopped")
}
