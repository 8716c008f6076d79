package exchange

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"cxmirror/pkg/survey"
)

// Whatever is written comes back as it was: every state of every kind of item, and every text.
func TestRoundTrip(t *testing.T) {
	q := caseQuestionnaire(t)
	random := rand.New(rand.NewPCG(3, 4))
	records := make([]survey.Record, 3000)
	for i := range records {
		records[i] = randomRecord(q, random, i)
	}
	var file bytes.Buffer
	w := NewWriter(&file, q)
	for i := range records {
		if err := w.Write(&records[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	written := file.String()
	r, err := Open(&file, "answers.csv", q, nil)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for got := range r.Records() {
		want := records[n]
		want.Line = got.Line
		for i := range got.Values { // an empty order is the same as none
			if len(got.Values[i].Order) == 0 {
				got.Values[i].Order = nil
			}
		}
		if !reflect.DeepEqual(*got, want) {
			t.Fatalf("record %d\ngot  %+v\nwant %+v", n, *got, want)
		}
		n++
	}
	if report := r.Report(); r.Err() != nil || n != len(records) || report.Rejected != 0 {
		t.Fatalf("%d records, %v, %v %v", n, r.Err(), report, report.Rejections)
	}
	// No cell may begin a formula, whatever people write.
	rows, err := csv.NewReader(strings.NewReader(written)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	texts := []int{slices.Index(rows[0], respondentColumn), slices.Index(rows[0], "comment")}
	for _, row := range rows[1:] {
		for _, i := range texts {
			if row[i] != "" && strings.ContainsRune("=+-@\t\r", rune(row[i][0])) {
				t.Errorf("cell %q begins a formula", row[i])
			}
		}
	}
}

// randomRecord is a valid response to the questionnaire of the cases.
func randomRecord(q *survey.Questionnaire, random *rand.Rand, n int) survey.Record {
	texts := []string{
		"=1+1", "'=1+1", "''=1", "'quoted'", "-", "@x", "+7 495", "a,b", "a\tb", "two\nlines", "say \"hi\"", "\"", "'", "none", "cannot_say",
		"ёлка 漢字 😀", ";", "\\.", "#", "0012", "1e5",
	}
	record := survey.Record{Audience: q.Audience, Weight: 1 + random.Float64(), Values: make([]survey.Value, len(q.Columns()))}
	if n%3 > 0 {
		record.Respondent = fmt.Sprintf("%s%d", []string{"", "=", "-", "'", "'+", "ж,"}[random.IntN(6)], n)
	}
	if n%5 == 0 {
		record.Weight = math.SmallestNonzeroFloat64
	}
	for i, c := range q.Columns() {
		v := &record.Values[i]
		kind := random.IntN(4)
		if c.Key == "order" || kind == 0 {
			continue // order comes below
		}
		v.State = survey.Answered
		switch c.Item.Kind {
		case survey.Single, survey.Matrix:
			v.Bits = uint64(random.IntN(len(c.Options)))
		case survey.Multi:
			if kind == 1 {
				v.State = survey.None
				break
			}
			for range 1 + random.IntN(3) {
				v.Bits |= 1 << random.IntN(4)
			}
		case survey.Rank:
			for _, at := range random.Perm(len(c.Options))[:1+random.IntN(len(c.Options))] {
				v.Order = append(v.Order, uint8(at))
			}
		case survey.Rating:
			if kind == 1 {
				v.State = survey.CannotSay
				break
			}
			v.Bits = uint64(1 + random.IntN(5))
		case survey.NPS:
			v.Bits = uint64(random.IntN(11))
		case survey.Number:
			v.Number = float64(random.IntN(1000)) / 10
		case survey.Text:
			v.Text = texts[random.IntN(len(texts))]
		}
	}
	picks, _ := q.Column("expectations")
	order, _ := q.Column("order")
	if bits := record.Values[picks].Bits; record.Values[picks].State == survey.Answered && bits&(bits-1) != 0 {
		v := &record.Values[order]
		v.State = survey.Answered
		for at := range 4 {
			if bits&(1<<at) != 0 {
				v.Order = append(v.Order, uint8(at))
			}
		}
		slices.Reverse(v.Order)
	}
	return record
}

func TestWriterRefuses(t *testing.T) {
	q := caseQuestionnaire(t)
	values := make([]survey.Value, len(q.Columns()))
	tests := []struct {
		name   string
		record survey.Record
	}{
		{"no weight", survey.Record{Values: values}},
		{"negative weight", survey.Record{Weight: -1, Values: values}},
		{"weight not a number", survey.Record{Weight: math.NaN(), Values: values}},
		{"infinite weight", survey.Record{Weight: math.Inf(1), Values: values}},
		{"too few values", survey.Record{Weight: 1, Values: values[1:]}},
	}
	for _, tt := range tests {
		var b bytes.Buffer
		w := NewWriter(&b, q)
		if err := w.Write(&tt.record); err == nil {
			t.Errorf("%s: no error", tt.name)
		}
		if err := w.Flush(); err != nil || strings.Count(b.String(), "\n") != 1 {
			t.Errorf("%s: %v, wrote %q", tt.name, err, b.String())
		}
	}
}

// An export of nobody's answers is a header, and is read back as a file without rows.
func TestWriteNothing(t *testing.T) {
	q := caseQuestionnaire(t)
	var b bytes.Buffer
	if err := NewWriter(&b, q).Flush(); err != nil {
		t.Fatal(err)
	}
	r, err := Open(&b, "answers.csv", q, nil, Need("expectations", "performance"))
	if err != nil {
		t.Fatal(err)
	}
	for range r.Records() {
		t.Error("a record")
	}
	if r.Err() != nil || r.Report().Rows != 0 {
		t.Error(r.Err(), r.Report())
	}
}
