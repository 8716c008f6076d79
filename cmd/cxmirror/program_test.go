package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// outcome is all that a run of the program leaves behind, its files apart.
type outcome struct {
	code           int
	stdout, stderr string
}

// cxmirror runs the program in this process, with an empty environment.
func cxmirror(t *testing.T, args ...string) outcome {
	t.Helper()
	return cxmirrorWith(t, nil, args...)
}

// cxmirrorWith runs the program with these environment variables and no others.
func cxmirrorWith(t *testing.T, environment map[string]string, args ...string) outcome {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), args, func(name string) string { return environment[name] }, &stdout, &stderr)
	return outcome{code, stdout.String(), stderr.String()}
}

// compareJSON runs compare and reads its JSON. Anything but a clean end fails the test.
func compareJSON(t *testing.T, args ...string) comparison {
	t.Helper()
	got := cxmirror(t, slices.Concat([]string{"compare", "--format", "json"}, args)...)
	if got.code != exitDone || got.stderr != "" {
		t.Fatalf("compare %s: exit code %d, %s", strings.Join(args, " "), got.code, got.stderr)
	}
	return parseComparison(t, got.stdout)
}

// comparison is the JSON of compare as a program outside would read it: the contract's names, and those of
// the added ones that tests look at.
type comparison struct {
	Item     string  `json:"item"`
	Kind     string  `json:"kind"`
	Rule     string  `json:"rule"`
	Top      int     `json:"top"`
	Level    float64 `json:"level"`
	Margin   float64 `json:"margin"`
	Sentence string  `json:"sentence"`
	Withheld *string `json:"withheld"`
	Rejected int     `json:"rejected"`
	External side    `json:"external"`
	Internal side    `json:"internal"`
	Paired   *struct {
		Pairs        int `json:"pairs"`
		OnlyExternal int `json:"only_external"`
		OnlyInternal int `json:"only_internal"`
	} `json:"paired"`
	Items []itemResult `json:"items"`
	Lists struct {
		TauB      *float64 `json:"tau_b"`
		RBO       float64  `json:"rbo"`
		RBOP      float64  `json:"rbo_p"`
		RBOChance float64  `json:"rbo_chance"`
		Overlap   float64  `json:"overlap"`
		GlobalP   float64  `json:"global_p"`
	} `json:"lists"`
}

type side struct {
	N          int     `json:"n"`
	EffectiveN float64 `json:"effective_n"`
	None       int     `json:"none"`
	Missing    int     `json:"missing"`
	OrderHolds bool    `json:"order_holds"`
	Ranking    []entry `json:"ranking"`
	Unranked   []entry `json:"unranked"`
	Rules      []struct {
		Rule   string      `json:"rule"`
		Values []ruleValue `json:"values"`
	} `json:"rules"`
	File struct {
		Rows, Accepted, Filtered, Rejected int
	} `json:"file"`
}

type entry struct {
	Code       string   `json:"code"`
	Count      int      `json:"count"`
	N          int      `json:"n"`
	EffectiveN float64  `json:"effective_n"`
	Share      float64  `json:"share"`
	Low        float64  `json:"low"`
	High       float64  `json:"high"`
	Mean       *float64 `json:"mean"`
	Rank       int      `json:"rank"`
	RankLow    int      `json:"rank_low"`
	RankHigh   int      `json:"rank_high"`
	Tied       bool     `json:"tied"`
	Withheld   bool     `json:"withheld"`
}

type ruleValue struct {
	Code             string
	Value, Low, High float64
	Rank             int
	Tied             bool
}

type itemResult struct {
	Code       string  `json:"code"`
	External   float64 `json:"external"`
	Internal   float64 `json:"internal"`
	Difference float64 `json:"difference"`
	Low        float64 `json:"low"`
	High       float64 `json:"high"`
	P          float64 `json:"p"`
	PAdjusted  float64 `json:"p_adjusted"`
	Verdict    string  `json:"verdict"`
	Detectable float64 `json:"detectable"`
	Higher     float64 `json:"higher"`
	CohenH     float64 `json:"cohen_h"`
	Method     string  `json:"method"`
	Sentence   string  `json:"sentence"`
}

func parseComparison(t *testing.T, text string) comparison {
	t.Helper()
	var c comparison
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		t.Fatalf("not JSON: %v\n%s", err, text)
	}
	return c
}

// entry returns the place of an option in the ranking, and fails the test if it is not ranked.
func (s side) entry(t *testing.T, code string) entry {
	t.Helper()
	for _, e := range s.Ranking {
		if e.Code == code {
			return e
		}
	}
	t.Fatalf("%s is not ranked", code)
	return entry{}
}

// byRule returns the values of one of the rules that stand beside the ranking's own.
func (s side) byRule(t *testing.T, rule string) map[string]ruleValue {
	t.Helper()
	values := map[string]ruleValue{}
	for _, r := range s.Rules {
		for _, v := range r.Values {
			if r.Rule == rule {
				values[v.Code] = v
			}
		}
	}
	if len(values) == 0 {
		t.Fatalf("no order by %s", rule)
	}
	return values
}

func (c comparison) item(t *testing.T, code string) itemResult {
	t.Helper()
	for _, it := range c.Items {
		if it.Code == code {
			return it
		}
	}
	t.Fatalf("%s is not compared", code)
	return itemResult{}
}

// write puts a file into the folder and returns its path.
func write(t *testing.T, folder, name, content string) string {
	t.Helper()
	path := filepath.Join(folder, name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// responses repeats one row of answers.
type responses struct {
	people int
	row    string
}

// answers is the text of a file with a header and so many of each row.
func answers(header string, given ...responses) string {
	var text strings.Builder
	text.WriteString(header + "\n")
	for _, g := range given {
		text.WriteString(strings.Repeat(g.row+"\n", g.people))
	}
	return text.String()
}
