package main

import (
	"path/filepath"
	"strings"
	"testing"

	"cxmirror/pkg/exchange"
)

// map prints the manual, or checks maps: those that are right are named, those that are wrong explained.
func TestMapCommand(t *testing.T) {
	dir := t.TempDir()
	right := write(t, dir, "right.yaml", "audience: {external: {who: 1}, internal: {who: 2}}\nignore: rest\n")
	wrong := write(t, dir, "wrong.yaml", "encoding: macintosh\nitems: {order: {colum: Q1}}\n")
	missing := filepath.Join(dir, "missing.yaml")
	tests := []struct {
		name   string
		args   []string
		code   int
		stdout string
		stderr []string
	}{
		{"manual", nil, exitDone, exchange.MapManual(), nil},
		{"right", []string{right}, exitDone, right + ": a map, rows of external, internal\n", nil},
		{"all that is wrong", []string{wrong, right, missing}, exitFailed, right + ": a map, rows of external, internal\n", []string{
			wrong + ":1:1: the map has no key \"encoding\"; it belongs under file, as in `file: {encoding: windows-1250}`\n    encoding: macintosh\n    ^\n",
			wrong + ":2:17: order has no key \"colum\"; did you mean column, as in `column: Q4`?",
			"read the map: open " + missing,
			"cxmirror: 2 of 3 maps are wrong; `cxmirror map` explains maps by example\n",
		}},
	}
	for _, tt := range tests {
		got := cxmirror(t, append([]string{"map"}, tt.args...)...)
		if got.code != tt.code || got.stdout != tt.stdout || (len(tt.stderr) == 0) != (got.stderr == "") {
			t.Errorf("%s: exit code %d, stdout %q, stderr %q", tt.name, got.code, got.stdout, got.stderr)
		}
		for _, part := range tt.stderr {
			if !strings.Contains(got.stderr, part) {
				t.Errorf("%s: %q is not in\n%s", tt.name, part, got.stderr)
			}
		}
	}
}

// The ways in which people first try to say that a file has two header rows in another encoding each lead to
// the one that works. The file is the Star Wars survey as published.
func TestMapsCanBeLearned(t *testing.T) {
	const answers, questionnaire = "../../pkg/exchange/testdata/star_wars_survey.csv", "../../pkg/exchange/testdata/star-wars.yaml"
	const rest = "\nitems: {films: {places: {I: $J, II: $K, III: $L, IV: $M, V: $N, VI: $O}}}\nignore: rest\n"
	const sides = "audience: {external: {$C: \"Yes\"}, internal: {$C: \"No\"}}"
	tests := []struct {
		written string
		code    int
		said    []string
	}{
		{"encoding: macintosh\n" + sides + rest, exitFailed, []string{"belongs under file, as in `file: {encoding: windows-1250}`"}},
		{"header: 2\n" + sides + rest, exitFailed, []string{"belongs under file, as in `file: {header: [1, 2]}`"}},
		{"header: 1\ndata: 3\n" + sides + rest, exitFailed, []string{"`file: {header: [1, 2]}`", "`file: {data: 4}`"}},
		{"file: {header_rows: 2}\n" + sides + rest, exitFailed, []string{"here it is called header, as in `header: [1, 2]`"}},
		{"file: {header: 1-2}\n" + sides + rest, exitFailed, []string{"`header: [1, 2]`, or `header: none`; \"1-2\" is not"}},
		{"file: {header: [1, 2]}\n" + sides + rest, exitFailed, []string{"is not UTF-8", "`file: {encoding: windows-1252}`"}},
		{"file: {header: [1, 2], encoding: macintosh}\n" + strings.ReplaceAll(sides, "$", "") + rest, exitFailed, []string{
			`no column "C"; the column with that letter or number is written with a dollar: $C, "Do you consider`,
			"the first 10 of its 38 columns are, by letter and by name:\n    $A   RespondentID\n    $B   Have you seen any",
		}},
		{"file: {header: 2, encoding: macintosh}\nrespondent: RespondentID\n" + sides + rest, exitFailed, []string{
			`no column "RespondentID"; it stands in row 1: ` + "`file: {header: 1}` takes the names from there, `file: {header: [1, 2]}`",
		}},
		{"file: {header: 1, encoding: macintosh}\n" + strings.Replace(sides, `"Yes"`, `["Yes", Response]`, 1) + rest, exitRejected, []string{
			"if this row still names columns, a map says so, `file: {header: [1, 2]}`",
		}},
		{"file: {header: [1, 2], encoding: macintosh}\n" + sides + rest, exitDone, nil},
		{"file: {header: 1, data: 3, encoding: macintosh}\n" + sides + rest, exitDone, nil},
	}
	for _, tt := range tests {
		layout := write(t, t.TempDir(), "map.yaml", tt.written)
		got := cxmirror(t, "compare", "-q", questionnaire, "--item", "films", "--map", layout, answers)
		if got.code != tt.code {
			t.Errorf("%s\nexit code %d, want %d\n%s", tt.written, got.code, tt.code, got.stderr)
		}
		for _, part := range tt.said {
			if !strings.Contains(got.stderr, part) {
				t.Errorf("%s\nit does not say %q, but\n%s", tt.written, part, got.stderr)
			}
		}
		if wrongMap := strings.Contains(got.stderr, "map.yaml:"); wrongMap != strings.Contains(got.stderr, "`cxmirror map` explains maps by example") {
			t.Errorf("%s\nwhere maps are explained is said if, and only if, one is wrong:\n%s", tt.written, got.stderr)
		}
	}
}
