package exchange

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"

	"cxmirror/pkg/survey"
)

// reference holds what independent tools computed from the public files; testdata/LICENCES.md says which.
type reference struct {
	OSS map[survey.Audience]struct {
		N      int
		TopBox map[string]int     `json:"top_box"`
		Mean   map[string]float64 `json:"mean"`
	} `json:"oss"`
	StarWars map[survey.Audience]struct {
		N         int
		First     map[string]int     `json:"first"`
		Top3      map[string]int     `json:"top3"`
		MeanPlace map[string]float64 `json:"mean_place"`
	} `json:"star_wars"`
	Masculinity map[survey.Audience]struct {
		N             int
		SumWeights    float64            `json:"sum_weights"`
		Picked        map[string]int     `json:"picked"`
		WeightedShare map[string]float64 `json:"weighted_share"`
	} `json:"masculinity"`
}

func readReference(t *testing.T) reference {
	t.Helper()
	var r reference
	if err := json.Unmarshal(readFile(t, "testdata/reference.json"), &r); err != nil {
		t.Fatal(err)
	}
	return r
}

func readFile(tb testing.TB, name string) []byte {
	tb.Helper()
	content, err := os.ReadFile(filepath.FromSlash(name))
	if err != nil {
		tb.Fatal(err)
	}
	return content
}

// read opens a file of answers with its questionnaire and map, and hands every record to use.
func read(t *testing.T, file, questionnaire, mapFile string, use func(*survey.Questionnaire, *survey.Record)) Report {
	t.Helper()
	q := parseQuestionnaire(t, string(readFile(t, questionnaire)))
	m, err := ParseMap(readFile(t, mapFile), filepath.Base(mapFile))
	if err != nil {
		t.Fatal(err)
	}
	r, err := Open(bytes.NewReader(readFile(t, file)), filepath.Base(file), q, m)
	if err != nil {
		t.Fatal(err)
	}
	for record := range r.Records() {
		use(q, record)
	}
	if err := r.Err(); err != nil {
		t.Fatal(err)
	}
	report := r.Report()
	if report.Rows != report.Accepted+report.Filtered+report.Rejected {
		t.Errorf("%s: the counts do not add up", report)
	}
	return report
}

func checkClean(t *testing.T, got Report, rows, accepted int) {
	t.Helper()
	if got.Rows != rows || got.Accepted != accepted || got.Rejected != 0 || got.Empty != 0 {
		t.Errorf("%s; want %d rows, %d accepted, none rejected\n%v", got, rows, accepted, got.Rejections)
	}
}

func closeTo(a, b float64) bool { return math.Abs(a-b) <= 1e-8*max(1, math.Abs(b)) }

// TestOpenSourceSurvey reads eleven ratings with one recode, of people who rated all eleven, packed with gzip.
func TestOpenSourceSurvey(t *testing.T) {
	const example = "../../cmd/cxmirror/example/"
	n := map[survey.Audience]int{}
	top, sum := map[string]int{}, map[string]float64{}
	segments := map[string]int{}
	report := read(t, example+"oss_survey_2017.csv.gz", example+"oss-values.yaml", example+"oss-map.yaml", func(q *survey.Questionnaire, r *survey.Record) {
		n[r.Audience]++
		for i, c := range q.Columns() {
			v := &r.Values[i]
			switch {
			case c.Item.Kind == survey.Single && v.State == survey.Answered:
				segments[c.Key+"="+string(c.Options[v.Bits].Code)]++
			case c.Item.Kind == survey.Rating:
				key := string(r.Audience) + " " + string(c.Row)
				sum[key] += float64(v.Bits)
				if c.Item.Scale.InTopBox(int(v.Bits)) {
					top[key]++
				}
			}
		}
	})
	checkClean(t, report, 6029, 1075+2840)
	for audience, want := range readReference(t).OSS {
		if n[audience] != want.N || len(want.TopBox) != 11 {
			t.Errorf("%s: %d people, %d items; want %d, 11", audience, n[audience], len(want.TopBox), want.N)
		}
		for row, count := range want.TopBox {
			key := string(audience) + " " + row
			if mean := sum[key] / float64(want.N); top[key] != count || !closeTo(mean, want.Mean[row]) {
				t.Errorf("%s: top box %d, mean %.8f; want %d, %.8f", key, top[key], mean, count, want.Mean[row])
			}
		}
	}
	// NA is missing in the column of ages, and no option of employment or community was lost.
	answered := map[string]int{}
	for key, count := range segments {
		answered[key[:3]] += count
	}
	if len(segments) != 6+7+2 || answered["com"] != 3915 {
		t.Errorf("segments: %v", segments)
	}
}

// TestStarWars reads rankings by place number under two header rows in Mac Roman.
func TestStarWars(t *testing.T) {
	n := map[survey.Audience]int{}
	first, top3, places := map[string]int{}, map[string]int{}, map[string]float64{}
	fans := 0
	report := read(t, "testdata/star_wars_survey.csv", "testdata/star-wars.yaml", "testdata/star-wars-map.yaml", func(q *survey.Questionnaire, r *survey.Record) {
		n[r.Audience]++
		films, _ := q.Column("films")
		fan, _ := q.Column("fan")
		if q.Columns()[fan].Options[r.Values[fan].Bits].Code == "yes" {
			fans++
		}
		for place, option := range r.Values[films].Order {
			key := string(r.Audience) + " " + string(q.Columns()[films].Options[option].Code)
			places[key] += float64(place + 1)
			if place == 0 {
				first[key]++
			}
			if place < 3 {
				top3[key]++
			}
		}
	})
	checkClean(t, report, 1186, 551+283)
	if fans != 551 {
		t.Errorf("%d fans, want 551", fans)
	}
	for audience, want := range readReference(t).StarWars {
		if n[audience] != want.N || len(want.First) != 6 {
			t.Errorf("%s: %d people, want %d", audience, n[audience], want.N)
		}
		for film := range want.First {
			key := string(audience) + " " + film
			if mean := places[key] / float64(want.N); first[key] != want.First[film] || top3[key] != want.Top3[film] || !closeTo(mean, want.MeanPlace[film]) {
				t.Errorf("%s: first %d, among three %d, mean place %.8f; want %d, %d, %.8f",
					key, first[key], top3[key], mean, want.First[film], want.Top3[film], want.MeanPlace[film])
			}
		}
	}
	if want := (FirstChoice{Item: "films", Option: "V", Count: 288, Of: 834}); len(report.Rankings) != 1 || report.Rankings[0] != want {
		t.Errorf("rankings %v, want %v", report.Rankings, want)
	}
}

// TestMasculinity reads weighted select-all questions, one 0/1 column for each option.
func TestMasculinity(t *testing.T) {
	tests := []struct {
		mapFile  string
		accepted int
	}{
		{"testdata/masculinity-map.yaml", 133 + 627},
		{"testdata/masculinity-everyone-map.yaml", 1615},
	}
	want := readReference(t).Masculinity
	for _, tt := range tests {
		n, weights := map[survey.Audience]int{}, map[survey.Audience]float64{}
		picked, share := map[string]int{}, map[string]float64{}
		none := 0
		report := read(t, "testdata/masculinity_weighted.csv", "testdata/masculinity.yaml", tt.mapFile, func(q *survey.Questionnaire, r *survey.Record) {
			n[r.Audience]++
			weights[r.Audience] += r.Weight
			for i, c := range q.Columns() {
				v := &r.Values[i]
				if c.Item.Kind != survey.Multi {
					continue
				}
				if v.State == survey.Missing {
					t.Errorf("line %d: %s is missing; every row has 0s and 1s", r.Line, c.Key)
				}
				if c.Key == "ideas" && v.State == survey.None {
					none++
				}
				for option := range c.Options {
					if v.Bits&(1<<option) != 0 {
						key := string(r.Audience) + " " + c.Key + "." + string(c.Options[option].Code)
						picked[key]++
						share[key] += r.Weight
					}
				}
			}
		})
		checkClean(t, report, 1615, tt.accepted)
		// Fourteen of all ticked none of the six ideas; they stay in the base.
		if tt.accepted == 1615 && none != 14 {
			t.Errorf("%d people picked none of the ideas, want 14", none)
		}
		for audience := range n {
			w := want[audience]
			if n[audience] != w.N || !closeTo(weights[audience], w.SumWeights) || len(w.Picked) != 18 {
				t.Errorf("%s: %d people, weights %.9f; want %d, %.9f", audience, n[audience], weights[audience], w.N, w.SumWeights)
			}
			for option := range w.Picked {
				key := string(audience) + " " + option
				if got := share[key] / weights[audience]; picked[key] != w.Picked[option] || !closeTo(got, w.WeightedShare[option]) {
					t.Errorf("%s: %d picks, share %.9f; want %d, %.9f", key, picked[key], got, w.Picked[option], w.WeightedShare[option])
				}
			}
		}
	}
}
