package exchange

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"cxmirror/pkg/survey"
)

const benchQuestionnaire = `
code: bench
title: Bench
languages: [en]
items:
  - {code: channel, kind: single, background: true, text: How, options: [{code: phone, text: Phone}, {code: branch, text: Branch}, {code: web, text: Web}]}
  - code: expectations
    kind: multi
    max: 3
    text: Pick
    options: [{code: competence, text: a}, {code: needs_met, text: b}, {code: speed, text: c}, {code: courtesy, text: d}, {code: listening, text: e}, {code: reliability, text: f}, {code: ease, text: g}, {code: informed, text: h}, {code: access, text: i}, {code: recovery, text: j}]
  - {code: order, kind: rank, of: expectations, show_if: count(expectations) > 1, text: Rank}
  - code: performance
    kind: rating
    scale: {min: 1, max: 5, cannot_say: true}
    text: How well
    rows: [{code: competence, text: a}, {code: needs_met, text: b}, {code: speed, text: c}, {code: courtesy, text: d}]
  - {code: recommend, kind: nps, text: Recommend}
`

func parseQuestionnaire(tb testing.TB, src string) *survey.Questionnaire {
	tb.Helper()
	q, err := survey.Parse([]byte(src), "q.yaml", nil)
	if err != nil {
		tb.Fatal(err)
	}
	return q
}

// benchRows makes a file of answers of about 110 bytes a row.
func benchRows(rows int) []byte {
	random := rand.New(rand.NewPCG(1, 2))
	codes := []string{"competence", "needs_met", "speed", "courtesy", "listening", "reliability", "ease", "informed", "access", "recovery"}
	channels := []string{"phone", "branch", "web"}
	var b bytes.Buffer
	b.WriteString("respondent,weight,channel,expectations,order,performance.competence,performance.needs_met,performance.speed,performance.courtesy,recommend\n")
	for i := range rows {
		random.Shuffle(len(codes), func(i, j int) { codes[i], codes[j] = codes[j], codes[i] })
		picks := codes[:1+random.IntN(3)]
		order := ""
		if len(picks) > 1 {
			order = strings.Join(picks, ">")
		}
		fmt.Fprintf(&b, "person-%07d,%.3f,%s,%s,%s,%d,%d,cannot_say,%d,%d\n", i, 0.5+random.Float64(), channels[random.IntN(3)],
			strings.Join(picks, ";"), order, 1+random.IntN(5), 1+random.IntN(5), 1+random.IntN(5), random.IntN(11))
	}
	return b.Bytes()
}

// BenchmarkRead reads a million responses of ten columns in the native format.
func BenchmarkRead(b *testing.B) {
	const rows = 1_000_000
	benchmark(b, nil, benchRows(rows), rows)
}

// BenchmarkReadMapped reads a million responses of a foreign export: labels, one column for each of ten
// options, three place numbers, a decimal comma in the weights, two audiences.
func BenchmarkReadMapped(b *testing.B) {
	const rows = 1_000_000
	random := rand.New(rand.NewPCG(1, 2))
	options := []string{"competence", "needs_met", "speed", "courtesy", "listening", "reliability", "ease", "informed", "access", "recovery"}
	words := []string{"Not at all", "Hardly", "So so", "Well", "Fully", "No opinion"}
	var file bytes.Buffer
	file.WriteString("ID;Weight;Role;Where;" + strings.Join(options, ";") + ";P1;P2;P3;NPS\n")
	for i := range rows {
		fmt.Fprintf(&file, "%d;%d,%02d;%s;By phone", i, 1+random.IntN(2), random.IntN(100), []string{"customer", "employee"}[random.IntN(2)])
		picks := 0
		for range 3 {
			picks |= 1 << random.IntN(len(options))
		}
		for option := range options {
			fmt.Fprintf(&file, ";%d", picks>>option&1)
		}
		fmt.Fprintf(&file, ";%s;%s;%s;%d\n", words[random.IntN(6)], words[random.IntN(6)], words[random.IntN(6)], random.IntN(11))
	}
	m, err := ParseMap([]byte(`
file: {decimal: ","}
respondent: ID
weight: Weight
audience: {external: {Role: customer}, internal: {Role: employee}}
items:
  channel: {column: Where, recode: {By phone: phone, At a branch: branch, On the web: web}}
  expectations:
    options: {competence: competence, needs_met: needs_met, speed: speed, courtesy: courtesy, listening: listening,
      reliability: reliability, ease: ease, informed: informed, access: access, recovery: recovery}
  performance:
    rows: {competence: P1, needs_met: P2, speed: P3}
    recode: {Not at all: 1, Hardly: 2, So so: 3, Well: 4, Fully: 5, No opinion: cannot_say}
  recommend: NPS
`), "bench-map.yaml")
	if err != nil {
		b.Fatal(err)
	}
	benchmark(b, m, file.Bytes(), rows)
}

func benchmark(b *testing.B, m *Map, file []byte, rows int) {
	b.Helper()
	q := parseQuestionnaire(b, benchQuestionnaire)
	b.SetBytes(int64(len(file)))
	b.ReportAllocs()
	for b.Loop() {
		r, err := Open(bytes.NewReader(file), "bench.csv", q, m, Need("expectations"))
		if err != nil {
			b.Fatal(err)
		}
		n := 0
		for range r.Records() {
			n++
		}
		if err := r.Err(); err != nil || n != rows {
			b.Fatalf("%d records, %v, %v", n, err, r.Report())
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(rows), "ns/row")
}
