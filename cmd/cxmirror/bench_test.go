//go:build linux

package main_test

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"cxmirror/charts"
	"cxmirror/pkg/exchange"
	"cxmirror/pkg/findings"
	"cxmirror/pkg/survey"
	"cxmirror/pkg/tally"
)

// These benchmarks measure the program against its limits, and against what one would otherwise use, in one
// run on one machine. Each prints how often its time (or memory) fits into the limit, and how many times
// faster it is than the other way; over a limit it fails. They stand in the order in which they must run:
// the memory of a child process is only known while its parent is the smaller of the two.

// limit reports a measurement as a share of what it may be, and fails the benchmark where it is more.
func limit(b *testing.B, what string, got, atMost float64, unit string) {
	b.Helper()
	b.ReportMetric(got, unit)
	b.ReportMetric(got/atMost, "of-"+what+"-limit")
	if got > atMost {
		b.Errorf("%s is %.4g %s; the limit is %.4g", what, got, unit, atMost)
	}
}

// waveQuestionnaire asks what a usual wave asks: 12 expectations picked, put in order and rated.
const waveQuestionnaire = `
code: wave
version: 1
languages: [en]
title: Wave
items:
  - {code: branch, kind: single, background: true, text: Your branch?, options: [%s]}
  - {code: expectations, kind: multi, max: 3, text: What matters most?, options: [%s, {code: nothing, exclusive: true, text: None}]}
  - {code: order, kind: rank, of: expectations, text: In which order?}
  - {code: performance, kind: rating, text: How do we do?, rows: [%[2]s], scale: {min: 1, max: 5, cannot_say: true}}
  - {code: recommendation, kind: nps, text: Would you recommend us?}
`

const (
	branches     = 20
	expectations = 12
	ratings      = 12
)

// wave returns the text of waveQuestionnaire.
func wave() string {
	return fmt.Sprintf(waveQuestionnaire, options("b", branches), options("e", expectations))
}

// options returns n options in the notation of questionnaires, with the codes prefix1 to prefixN.
func options(prefix string, n int) string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("{code: %s%d, text: %[1]s number %[2]d}", prefix, i+1)
	}
	return strings.Join(list, ", ")
}

// writeWave writes a file of simulated answers to waveQuestionnaire. Earlier expectations are picked more
// often; shift moves the preference, so that two files differ.
func writeWave(b *testing.B, path string, rows int, seed uint64, shift int) {
	b.Helper()
	f, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	w := bufio.NewWriterSize(f, 1<<20)
	header := []string{"respondent", "branch", "expectations", "order", "recommendation"}
	for i := range ratings {
		header = append(header, fmt.Sprintf("performance.e%d", i+1))
	}
	fmt.Fprintln(w, strings.Join(header, ","))
	random := rand.New(rand.NewPCG(seed, 1))
	var line []byte
	for row := range rows {
		line = appendResponse(line[:0], random, seed, row, shift)
		if _, err := w.Write(line); err != nil {
			b.Fatal(err)
		}
	}
	if err := errors.Join(w.Flush(), f.Close()); err != nil {
		b.Fatal(err)
	}
}

func appendResponse(line []byte, random *rand.Rand, seed uint64, row, shift int) []byte {
	line = fmt.Appendf(line, "r%d-%d,b%d,", seed, row, 1+random.IntN(branches))
	var picks []int
	for len(picks) < 1+random.IntN(3) {
		pick := (min(random.IntN(expectations), random.IntN(expectations)) + shift) % expectations
		if !slices.Contains(picks, pick) {
			picks = append(picks, pick)
		}
	}
	switch random.IntN(20) {
	case 0: // did not answer
		line = append(line, ',')
	case 1:
		line = append(line, "nothing,"...)
	default:
		line = appendCodes(line, picks, ';')
		line = append(line, ',')
		random.Shuffle(len(picks), func(i, j int) { picks[i], picks[j] = picks[j], picks[i] })
		line = appendCodes(line, picks, '>')
	}
	line = append(line, ',')
	line = strconv.AppendInt(line, random.Int64N(11), 10)
	// People rate the rows of one questionnaire much alike, and now and then cannot say.
	mood := 2 + random.IntN(4)
	for range ratings {
		line = append(line, ',')
		if random.IntN(50) == 0 {
			line = append(line, survey.CannotSayWord...)
		} else {
			line = strconv.AppendInt(line, int64(min(max(mood+random.IntN(3)-1, 1), 5)), 10)
		}
	}
	return append(line, '\n')
}

func appendCodes(line []byte, picks []int, separator byte) []byte {
	for i, pick := range picks {
		if i > 0 {
			line = append(line, separator)
		}
		line = append(line, 'e')
		line = strconv.AppendInt(line, int64(pick+1), 10)
	}
	return line
}

// program builds cxmirror once for a benchmark and returns its path.
func program(b *testing.B) string {
	b.Helper()
	path := filepath.Join(b.TempDir(), "cxmirror")
	build := exec.CommandContext(b.Context(), "go", "build", "-trimpath", "-tags", "timetzdata", "-ldflags", "-s -w", "-o", path, ".") // as make does
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("go build: %v\n%s", err, out)
	}
	return path
}

// run runs a program to its end and returns how long that took and the most memory it held, in MB (10^6).
func run(b *testing.B, path string, args ...string) (took time.Duration, megabytes float64) {
	b.Helper()
	cmd := exec.CommandContext(b.Context(), path, args...)
	var stderr strings.Builder
	cmd.Stdout, cmd.Stderr = io.Discard, &stderr
	began := time.Now()
	err := cmd.Run()
	took = time.Since(began)
	if err != nil {
		b.Fatalf("%s %s: %v\n%s", filepath.Base(path), strings.Join(args, " "), err, stderr.String())
	}
	usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		b.Fatal("the system does not say how much memory a process held")
	}
	// Linux counts the parent's memory at the fork as the child's own, so a large parent would be measured.
	var own syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &own); err != nil {
		b.Fatal(err)
	}
	if own.Maxrss >= usage.Maxrss {
		b.Fatalf("this benchmark held %d KiB itself, more than %s: run it alone", own.Maxrss, filepath.Base(path))
	}
	return took, float64(usage.Maxrss) * 1024 / 1e6
}

// BenchmarkCompareFiles compares 1,000,000 external with 100,000 internal responses from CSV files, from the
// start of the process to its end: under 4 s and 200 MB. The yardstick is a bare pass of encoding/csv over
// the same two files.
func BenchmarkCompareFiles(b *testing.B) {
	dir := b.TempDir()
	questionnaire := filepath.Join(dir, "wave.yaml")
	external, internal := filepath.Join(dir, "external.csv"), filepath.Join(dir, "internal.csv")
	if err := os.WriteFile(questionnaire, []byte(wave()), 0o600); err != nil {
		b.Fatal(err)
	}
	writeWave(b, external, 1_000_000, 1, 0)
	writeWave(b, internal, 100_000, 2, 3)
	cxmirror := program(b)

	var took time.Duration
	var most float64
	for b.Loop() {
		t, megabytes := run(b, cxmirror, "compare", "--questionnaire", questionnaire,
			"--external", external, "--internal", internal, "--item", "expectations", "--format", "json")
		took += t
		most = max(most, megabytes)
	}
	seconds := took.Seconds() / float64(b.N)
	limit(b, "time", seconds, 4, "s")
	limit(b, "memory", most, 200, "MB")
	b.ReportMetric(seconds/(scan(b, external)+scan(b, internal)).Seconds(), "times-a-bare-csv-pass")
}

// BenchmarkCompareHTML makes the page of a survey of 6,029 people, of whom 3,915 count, with its three charts:
// under 0.8 s from the start of the process to its end.
func BenchmarkCompareHTML(b *testing.B) {
	cxmirror := program(b)
	page := filepath.Join(b.TempDir(), "page.html")
	var took time.Duration
	for b.Loop() {
		t, _ := run(b, cxmirror, "compare", "--questionnaire", "example/oss-values.yaml", "--map", "example/oss-map.yaml",
			"example/oss_survey_2017.csv.gz", "--format", "html", "--output", page)
		took += t
	}
	limit(b, "time", took.Seconds()/float64(b.N), 0.8, "s")
	html, err := os.ReadFile(page)
	if err != nil {
		b.Fatal(err)
	}
	if drawn := strings.Count(string(html), "</svg>"); drawn < 3 {
		b.Errorf("the page has %d charts; want 3", drawn)
	}
}

// scan reads a CSV file with encoding/csv, keeps nothing and returns how long that took.
func scan(b *testing.B, path string) time.Duration {
	b.Helper()
	f, err := os.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	began := time.Now()
	r := csv.NewReader(f)
	r.ReuseRecord = true
	for {
		if _, err := r.Read(); errors.Is(err, io.EOF) {
			return time.Since(began)
		} else if err != nil {
			b.Fatal(err)
		}
	}
}

// readWave reads a file of answers to waveQuestionnaire.
func readWave(b *testing.B, path string, audience survey.Audience) *tally.Wave {
	b.Helper()
	q, err := survey.Parse([]byte(wave()), "wave.yaml", nil)
	if err != nil {
		b.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	reader, err := exchange.Open(f, path, q, nil)
	if err != nil {
		b.Fatal(err)
	}
	w := tally.Load(q, audience, 5, reader.Records())
	if report := reader.Report(); reader.Err() != nil || report.Rejected > 0 {
		b.Fatalf("%s: %v, %d rows rejected: %v", path, reader.Err(), report.Rejected, report.Rejections)
	}
	return w
}

// tables makes the tables of one item on both sides, of 1,000,000 and 100,000 responses.
func tables(b *testing.B, item survey.ItemCode) (external, internal *tally.Table) {
	b.Helper()
	sides := make([]*tally.Table, 2)
	for i, side := range []struct {
		audience survey.Audience
		rows     int
		shift    int
	}{{survey.External, 1_000_000, 0}, {survey.Internal, 100_000, 3}} {
		path := filepath.Join(b.TempDir(), "answers.csv")
		writeWave(b, path, side.rows, uint64(i), side.shift)
		var err error
		if sides[i], err = readWave(b, path, side.audience).Table(tally.View{Item: item}); err != nil {
			b.Fatal(err)
		}
	}
	return sides[0], sides[1]
}

// BenchmarkDivergence ranks both sides of a ready tally by every rule, compares them item by item and as
// lists, and says what is found: under 10 ms for 12 items.
func BenchmarkDivergence(b *testing.B) {
	speaker, err := findings.NewSpeaker()
	if err != nil {
		b.Fatal(err)
	}
	for _, item := range []survey.ItemCode{"expectations", "order", "performance"} {
		b.Run(string(item), func(b *testing.B) {
			external, internal := tables(b, item)
			said := 0
			for b.Loop() {
				d, err := findings.Diverge(external, internal, nil, findings.Settings{})
				if err != nil {
					b.Fatal(err)
				}
				said += len(speaker.Divergence(d, "en"))
			}
			if said == 0 {
				b.Error("nothing was said of the divergence")
			}
			limit(b, "time", b.Elapsed().Seconds()*1000/float64(b.N), 10, "ms")
		})
	}
}

// BenchmarkChart lays each picture of 12 items out and draws it as SVG with a warm engine: under 100 ms. Every
// turn is a new picture to the engine, one pixel wider; the last one is then asked for again, and must come
// from the cache.
func BenchmarkChart(b *testing.B) {
	external, internal := tables(b, "expectations")
	d, err := findings.Diverge(external, internal, nil, findings.Settings{})
	if err != nil {
		b.Fatal(err)
	}
	engine, err := charts.NewEngine()
	if err != nil {
		b.Fatal(err)
	}
	if err := engine.Warm(b.Context()); err != nil {
		b.Fatal(err)
	}
	for _, picture := range []struct {
		name string
		draw func(*findings.Divergence, charts.Look) (charts.Chart, error)
	}{{"mirror", charts.Mirror}, {"slope", charts.Slope}, {"difference", charts.Difference}} {
		b.Run(picture.name, func(b *testing.B) {
			width := 600
			svg := func() time.Duration {
				began := time.Now()
				chart, err := picture.draw(d, charts.Look{Width: width})
				if err != nil {
					b.Fatal(err)
				}
				if _, err := engine.SVG(b.Context(), chart); err != nil {
					b.Fatal(err)
				}
				return time.Since(began)
			}
			for b.Loop() {
				width++
				svg()
			}
			milliseconds := b.Elapsed().Seconds() * 1000 / float64(b.N)
			limit(b, "time", milliseconds, 100, "ms")
			if again := svg().Seconds() * 1000; again > milliseconds/10 {
				b.Errorf("drawn again it took %.3g ms: it did not come from the cache", again)
			}
			b.ReportMetric(milliseconds/(svg().Seconds()*1000), "times-faster-from-the-cache")
		})
	}
}

// crosstabQuestionnaire is 10 options to pick from, by a background question of 20.
const crosstabQuestionnaire = `
code: crosstab
version: 1
languages: [en]
title: Crosstab
items:
  - {code: segment, kind: single, background: true, text: Segment?, options: [%s]}
  - {code: picks, kind: multi, text: Which?, options: [%s]}
`

const (
	crosstabRows     = 1_000_000
	crosstabSegments = 20
	crosstabOptions  = 10
)

// A crosstabResponse is one of the responses that every way of counting is given.
type crosstabResponse struct {
	segment uint8  // 0 to crosstabSegments-1
	picks   uint16 // bit i is option i
	weight  float64
}

// crosstabResponses returns simulated responses. Weights are whole eighths, so that their sums are exact in
// every order of adding, and all ways of counting must agree to the last bit.
func crosstabResponses() []crosstabResponse {
	random := rand.New(rand.NewPCG(3, 1))
	responses := make([]crosstabResponse, crosstabRows)
	for i := range responses {
		responses[i] = crosstabResponse{
			segment: uint8(random.IntN(crosstabSegments)),
			picks:   uint16(random.IntN(1<<crosstabOptions) & random.IntN(1<<crosstabOptions)),
			weight:  float64(4+random.IntN(13)) / 8,
		}
	}
	return responses
}

// cells are the weighted numbers of people who picked an option, by segment and option.
type cells [crosstabSegments][crosstabOptions]float64

// BenchmarkCrosstab makes the 200 cells of a crosstab of 1,000,000 responses, 10 options by 20 segments: under 5 ms
// unweighted and under 10 ms weighted, and at least 50 times faster than PostgreSQL counts the same rows.
// The cells must be those of a plain loop and those of PostgreSQL.
//
// PostgreSQL is given the form that suits it best, one boolean column per option, in memory, analysed, with
// its workers in parallel. The fastest of five runs is set against the fastest crosstab.
func BenchmarkCrosstab(b *testing.B) {
	responses := crosstabResponses()
	server := startPostgres(b)
	server.load(b, responses)
	for _, way := range []struct {
		name     string
		weighted bool
		limit    float64 // ms
	}{
		{"unweighted", false, 5},
		{"weighted", true, 10},
	} {
		b.Run(way.name, func(b *testing.B) {
			w := crosstabWave(b, responses, way.weighted)
			var table *tally.Crosstab
			fastest := time.Hour
			for b.Loop() {
				began := time.Now()
				var err error
				if table, err = w.Crosstab(tally.View{Item: "picks"}, "segment"); err != nil {
					b.Fatal(err)
				}
				fastest = min(fastest, time.Since(began))
			}
			milliseconds := b.Elapsed().Seconds() * 1000 / float64(b.N)
			want := plainLoop(responses, way.weighted)
			if got := crosstabCells(b, table); got != want {
				b.Errorf("the crosstab is not that of a plain loop: %v; want %v", got, want)
			}
			fromServer, took := server.crosstab(b, way.weighted)
			if fromServer != want {
				b.Errorf("PostgreSQL's crosstab is not that of a plain loop: %v; want %v", fromServer, want)
			}
			limit(b, "time", milliseconds, way.limit, "ms")
			times := took.Seconds() / fastest.Seconds()
			b.ReportMetric(times, "times-faster-than-PostgreSQL")
			if times < 50 {
				b.Errorf("%.3g times faster than PostgreSQL's GROUP BY (%v, %v); it should be at least 50", times, fastest, took)
			}
		})
	}
}

// plainLoop counts the cells as nobody could get wrong.
func plainLoop(responses []crosstabResponse, weighted bool) cells {
	var counts cells
	for _, r := range responses {
		for option := range crosstabOptions {
			if r.picks>>option&1 == 0 {
				continue
			}
			if weighted {
				counts[r.segment][option] += r.weight
			} else {
				counts[r.segment][option]++
			}
		}
	}
	return counts
}

func crosstabWave(b *testing.B, responses []crosstabResponse, weighted bool) *tally.Wave {
	b.Helper()
	text := fmt.Sprintf(crosstabQuestionnaire, options("s", crosstabSegments), options("o", crosstabOptions))
	q, err := survey.Parse([]byte(text), "crosstab.yaml", nil)
	if err != nil {
		b.Fatal(err)
	}
	w := tally.New(q, survey.External, 5)
	record := survey.Record{Weight: 1, Values: make([]survey.Value, 2)}
	for _, r := range responses {
		record.Values[0] = survey.Value{State: survey.Answered, Bits: uint64(r.segment)}
		record.Values[1] = survey.Value{State: survey.Answered, Bits: uint64(r.picks)}
		if r.picks == 0 {
			record.Values[1].State = survey.None
		}
		if weighted {
			record.Weight = r.weight
		}
		w.Add(&record)
	}
	return w
}

func crosstabCells(b *testing.B, x *tally.Crosstab) cells {
	b.Helper()
	var counts cells
	for segment, table := range x.Tables {
		if table == nil {
			b.Fatalf("segment %d is withheld", segment)
		}
		chosen, _ := table.Counts()
		for option, people := range chosen {
			counts[segment][option] = people.W
		}
	}
	return counts
}
