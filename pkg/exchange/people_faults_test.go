package exchange

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// RowReasons lists every constant; each, and what is advised, is said in English.
func TestRowReasons(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("people_faults.go")
	if err != nil {
		t.Fatal(err)
	}
	declared := regexp.MustCompile(`RowReason = "([a-z_]+)"`).FindAllSubmatch(source, -1)
	reasons := RowReasons()
	if len(declared) < 40 || len(declared) != len(reasons) {
		t.Errorf("%d constants, %d listed", len(declared), len(reasons))
	}
	advised := make(map[RowAdvice]bool)
	for _, d := range declared {
		reason := RowReason(d[1])
		if !slices.Contains(reasons, reason) {
			t.Errorf("%s is not listed", reason)
		}
		fault := RowFault{Reason: reason, Count: 5, Limit: 4, Line: 7, Text: "x"}
		if said := fault.Explain(); said == string(reason) || strings.Contains(said, "%!") {
			t.Errorf("of %s is said %q", reason, said)
		}
		advised[fault.Advice()] = true
		if said := fault.Advise(); strings.Contains(said, "_") || (said == "") != (fault.Advice() == NoAdvice) {
			t.Errorf("of %s is advised %q", reason, said)
		}
	}
	for _, d := range regexp.MustCompile(`RowAdvice = "([a-z_]+)"`).FindAllSubmatch(source, -1) {
		if !advised[RowAdvice(d[1])] {
			t.Errorf("nobody is advised to %s", d[1])
		}
	}
}

// ColumnNotes lists every constant.
func TestColumnNotes(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("people.go")
	if err != nil {
		t.Fatal(err)
	}
	declared := regexp.MustCompile(`ColumnNote = "([a-z_]+)"`).FindAllSubmatch(source, -1)
	if notes := ColumnNotes(); len(declared) < 11 || len(declared) != len(notes) {
		t.Errorf("%d constants, %d listed", len(declared), len(notes))
	}
	for _, d := range declared {
		if !slices.Contains(ColumnNotes(), ColumnNote(d[1])) {
			t.Errorf("%s is not listed", d[1])
		}
	}
}

// A file is given back in the words of whoever asked for it, and is read again whatever they are.
func TestProblemsInAnotherLanguage(t *testing.T) {
	t.Parallel()
	const file = "e-mail,name\njan@firma,Jan\nola@firma.pl,Ola,,,more\n"
	options := PeopleOptions{}
	var back strings.Builder
	_, err := WriteProblems(&back, strings.NewReader(file), "people.csv", options, ProblemsFile{Explain: func(r PersonRejection) string {
		return r.ExplainAs("Powód: "+string(r.Reason), string(r.Advice()))
	}})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`A (e-mail): ""jan@firma"": Powód: domain_no_dot; address_like`, "Powód: cells_too_many; quote_cell", "Powód: beyond_columns"} {
		if !strings.Contains(back.String(), want) {
			t.Errorf("the file lacks %q:\n%s", want, back.String())
		}
	}
	if got := peopleTranscript(strings.NewReader(strings.Replace(back.String(), "jan@firma,", "jan@firma.pl,", 1)), "back.csv", options); !strings.Contains(got, "<jan@firma.pl>") {
		t.Errorf("read again:\n%s", got)
	}
}
