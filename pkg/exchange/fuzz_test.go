package exchange

import (
	"bytes"
	"math"
	"math/bits"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"

	"cxmirror/pkg/survey"
)

// FuzzRead reads whatever there is: nothing may panic, the counts must add up, and what is accepted must
// be a valid response, which can be written and read again.
func FuzzRead(f *testing.F) {
	files, err := filepath.Glob("testdata/cases/*.txt")
	if err != nil || len(files) == 0 {
		f.Fatal(err, files)
	}
	for _, file := range files {
		sections := cutSections(string(readFile(f, file)))
		mapText := ""
		if sections[0].name == "map.yaml" {
			mapText = sections[0].body
		}
		f.Add([]byte(mapText), []byte(sections[len(sections)-2].body))
	}
	q := caseQuestionnaire(f)
	var whole bytes.Buffer // a file with every column
	w, random := NewWriter(&whole, q), rand.New(rand.NewPCG(5, 6))
	for i := range 8 {
		record := randomRecord(q, random, i)
		if err := w.Write(&record); err != nil {
			f.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(nil), whole.Bytes())
	f.Fuzz(func(t *testing.T, mapText, answers []byte) {
		var m *Map
		if len(mapText) > 0 {
			var err error
			if m, err = ParseMap(mapText, "map.yaml"); (m == nil) == (err == nil) {
				t.Fatalf("map %v, error %v", m, err)
			}
		}
		r, err := Open(bytes.NewReader(answers), "answers.csv", q, m)
		if err != nil {
			return
		}
		var file bytes.Buffer
		w := NewWriter(&file, q)
		n := 0
		for record := range r.Records() {
			n++
			checkRecord(t, q, record)
			if err := w.Write(record); err != nil {
				t.Fatal(err)
			}
		}
		report := r.Report()
		if report.Rows != report.Accepted+report.Filtered+report.Rejected || report.Accepted != n {
			t.Fatalf("%d records; %v", n, report)
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		// The native format has every column: an answer whose condition could not be checked, since the file
		// lacked the column it asks for, may be found not asked then.
		if slices.Contains(r.plan.sources, nil) {
			return
		}
		again, err := Open(&file, "again.csv", q, nil)
		if err != nil {
			t.Fatal(err)
		}
		for range again.Records() {
		}
		// One respondent may answer in two audiences; the native format has no audiences.
		repeats := 0
		for _, rejection := range again.Report().Rejections {
			if len(m.Audiences()) > 1 && rejection.Field == respondentColumn {
				repeats++
			}
		}
		if again.Err() != nil || again.Report().Accepted+repeats != n {
			t.Fatalf("%d records were written; %v, %v %v", n, again.Err(), again.Report(), again.Report().Rejections)
		}
	})
}

// checkRecord checks that every answer is among the options, within the limits and on the scale.
func checkRecord(t *testing.T, q *survey.Questionnaire, r *survey.Record) {
	t.Helper()
	if !(r.Weight > 0) || math.IsInf(r.Weight, 0) || r.Line < 1 || r.Audience == "" {
		t.Fatalf("record %+v", r)
	}
	for i, c := range q.Columns() {
		v := &r.Values[i]
		if v.State != survey.Answered {
			if v.Bits != 0 || len(v.Order) != 0 || v.Text != "" || v.Number != 0 {
				t.Fatalf("%s: not answered, and yet %+v", c.Key, v)
			}
			continue
		}
		valid := true
		switch c.Item.Kind {
		case survey.Single, survey.Matrix:
			valid = v.Bits < uint64(len(c.Options))
		case survey.Multi:
			n := bits.OnesCount64(v.Bits)
			valid = v.Bits>>len(c.Options) == 0 && n >= 1 && n <= c.Item.Max
		case survey.Rank:
			var seen uint64
			for _, at := range v.Order {
				valid = valid && int(at) < len(c.Options) && seen&(1<<at) == 0
				seen |= 1 << at
			}
			valid = valid && len(v.Order) >= c.Item.Min && len(v.Order) <= c.Item.Max
		case survey.Rating, survey.NPS:
			valid = v.Bits >= uint64(c.Item.Scale.Min) && v.Bits <= uint64(c.Item.Scale.Max)
		case survey.Number:
			valid = v.Number >= c.Item.Range.Low && v.Number <= c.Item.Range.High
		case survey.Text:
			valid = v.Text != ""
		}
		if !valid {
			t.Fatalf("%s: accepted %+v", c.Key, v)
		}
	}
}
