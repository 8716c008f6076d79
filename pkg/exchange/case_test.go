package exchange

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"cxmirror/pkg/survey"
)

var update = flag.Bool("update", false, "write what the cases print into their files, for a look at the difference")

// A case is a text file: words on what it shows, then sections "-- map.yaml --" (optional), the file of
// answers under its own name, and "-- want --": every record, rejection and error, in the order they come.
// All cases share testdata/cases/questionnaire.yaml.
func TestCases(t *testing.T) {
	files, err := filepath.Glob("testdata/cases/*.txt")
	if err != nil || len(files) < 40 {
		t.Fatalf("%d cases, %v", len(files), err)
	}
	q := parseQuestionnaire(t, string(readFile(t, "testdata/cases/questionnaire.yaml")))
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text := string(readFile(t, file))
			sections := cutSections(text)
			if len(sections) < 2 || sections[len(sections)-1].name != "want" {
				t.Fatal("a case ends with -- want --")
			}
			want := sections[len(sections)-1].body
			answers := sections[len(sections)-2]
			mapText, hasMap := "", sections[0].name == "map.yaml"
			if hasMap {
				mapText = sections[0].body
			}
			got := transcript(q, mapText, hasMap, answers.name, answers.body)
			if *update {
				begin := strings.LastIndex(text, "-- want --\n")
				if err := os.WriteFile(file, []byte(text[:begin]+"-- want --\n"+got), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

type section struct{ name, body string }

func cutSections(text string) []section {
	marks := regexp.MustCompile(`(?m)^-- (\S+) --\n`).FindAllStringSubmatchIndex(text, -1)
	sections := make([]section, len(marks))
	for i, m := range marks {
		end := len(text)
		if i+1 < len(marks) {
			end = marks[i+1][0]
		}
		sections[i] = section{name: text[m[2]:m[3]], body: text[m[1]:end]}
	}
	return sections
}

// transcript reads a file of answers and tells all that comes of it.
func transcript(q *survey.Questionnaire, mapText string, hasMap bool, name, answers string) string {
	var b strings.Builder
	var m *Map
	if hasMap {
		var err error
		if m, err = ParseMap([]byte(mapText), "map.yaml"); err != nil {
			return err.Error() + "\n"
		}
	}
	// "\x" in a case stands for a byte, since cases are text.
	answers = regexp.MustCompile(`\\x[0-9a-f]{2}`).ReplaceAllStringFunc(answers, func(s string) string {
		var c byte
		_, _ = fmt.Sscanf(s, `\x%02x`, &c)
		return string([]byte{c})
	})
	r, err := Open(strings.NewReader(answers), name, q, m, Need("expectations"), OnReject(func(rejection Rejection) {
		fmt.Fprintf(&b, "%s [%s]\n", rejection, rejection.Value)
	}))
	if err != nil {
		return err.Error() + "\n"
	}
	for record := range r.Records() {
		fmt.Fprintf(&b, "%d %s %q ×%v", record.Line, record.Audience, record.Respondent, record.Weight)
		for i, c := range q.Columns() {
			v := &record.Values[i]
			if v.State != survey.Missing {
				fmt.Fprintf(&b, " %s=%s", c.Key, q.AppendCell(nil, i, v))
				if v.State == survey.None && string(q.AppendCell(nil, i, v)) != survey.NoneWord {
					b.WriteString("(none)")
				}
			}
		}
		b.WriteByte('\n')
	}
	report := r.Report()
	for _, c := range report.Rankings {
		fmt.Fprintf(&b, "%s: most often first is %s, %d of %d\n", c.Item, c.Option, c.Count, c.Of)
	}
	if err := r.Err(); err != nil {
		b.WriteString(err.Error() + "\n")
	}
	b.WriteString(report.String() + "\n")
	if report.Rows != report.Accepted+report.Filtered+report.Rejected {
		b.WriteString("THE COUNTS DO NOT ADD UP\n")
	}
	return b.String()
}
