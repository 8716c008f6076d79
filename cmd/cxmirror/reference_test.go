package main

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"
)

// The program against figures that other tools computed from the same public files, from the file on disk to
// the JSON on standard output. The files in testdata/reference name their sources. Every item of every case
// is checked, because a slip in vector code can spare the first.
//
// The figures stand with nine digits or more; closed forms must agree to all of them.

const publicFiles = "../../pkg/exchange/testdata/"

// figures of one option in one population.
type referenceShare struct {
	Count      int
	N          int
	Share      float64
	Low, High  float64
	EffectiveN float64 `json:"effective_n"`
	Rank       int
	RankLow    int     `json:"rank_low"`
	RankHigh   int     `json:"rank_high"`
	Mean       float64 // rating: mean point; ranking: mean place
	SD         float64
	RankByMean int             `json:"rank_by_mean"`
	First      *referenceShare // of a ranking
	Published  float64         `json:"published_percent"`
}

type referenceSide struct {
	N     int
	Items map[string]referenceShare
}

type referenceDifference struct {
	Difference float64
	Low, High  float64
	P          float64
	PAdjusted  float64 `json:"p_adjusted"`
	CohenH     float64 `json:"cohen_h"`
}

type referenceLists struct {
	TauB        float64 `json:"tau_b"`
	RBO         float64
	Overlap3    float64 `json:"overlap_3"`
	Overlap5    float64 `json:"overlap_5"`
	Permutation struct {
		Draws int
		P     float64
	}
}

type referenceCase struct {
	External, Internal referenceSide
	Differences        map[string]referenceDifference `json:"external_minus_internal"`
	DifferencesFirst   map[string]referenceDifference `json:"external_minus_internal_first"`
	Lists              referenceLists
}

func readReference[T any](t *testing.T, name string) T {
	t.Helper()
	var r T
	if err := json.Unmarshal([]byte(readFile(t, "testdata/reference/"+name)), &r); err != nil {
		t.Fatal(err)
	}
	return r
}

// checker compares figures and says which are off.
type checker struct {
	t    *testing.T
	what string
}

// close holds a figure to nine digits of the reference, whatever its size: a p-value of 1e-26 too.
func (c checker) close(name string, got, want float64) {
	c.t.Helper()
	if !(math.Abs(got-want) <= 1e-8*math.Abs(want)) && got != want {
		c.t.Errorf("%s: %s is %.12g, want %.12g", c.what, name, got, want)
	}
}

func (c checker) equal(name string, got, want int) {
	c.t.Helper()
	if got != want {
		c.t.Errorf("%s: %s is %d, want %d", c.what, name, got, want)
	}
}

func (c checker) share(e entry, want referenceShare) {
	c.t.Helper()
	c.equal("count", e.Count, want.Count)
	if want.N > 0 {
		c.equal("base", e.N, want.N)
	}
	c.close("share", e.Share, want.Share)
	c.close("low", e.Low, want.Low)
	c.close("high", e.High, want.High)
}

// differences checks that every option has the figures of the reference, whose differences are external
// minus internal: ours are internal minus external.
func (c checker) differences(got comparison, want map[string]referenceDifference) {
	c.t.Helper()
	c.equal("number of items", len(got.Items), len(want))
	for code, w := range want {
		it := got.item(c.t, code)
		at := checker{c.t, c.what + ", difference of " + code}
		at.close("difference", it.Difference, -w.Difference)
		at.close("low", it.Low, -w.High)
		at.close("high", it.High, -w.Low)
		at.close("p", it.P, w.P)
		at.close("Holm's p", it.PAdjusted, w.PAdjusted)
		if w.CohenH != 0 {
			at.close("Cohen's h", it.CohenH, -w.CohenH)
		}
	}
}

func (c checker) lists(got comparison, want referenceLists) {
	c.t.Helper()
	if got.Lists.TauB == nil {
		c.t.Errorf("%s: tau-b is undefined, want %v", c.what, want.TauB)
		return
	}
	c.close("tau-b", *got.Lists.TauB, want.TauB)
	c.close("rank-biased overlap", got.Lists.RBO, want.RBO)
	c.close("its persistence", got.Lists.RBOP, 0.7)
	c.close("overlap of the first three", got.Lists.Overlap, want.Overlap3)
	// The reference permuted labels; the closed form in the program approximates that distribution, and the
	// permutation has a Monte-Carlo error of its own.
	p, draws := want.Permutation.P, float64(want.Permutation.Draws)
	if tolerance := 4*math.Sqrt(p*(1-p)/draws) + 1/draws + 0.1*p; math.Abs(got.Lists.GlobalP-p) > tolerance {
		c.t.Errorf("%s: the global p is %.6f, want %.4f ± %.4f", c.what, got.Lists.GlobalP, p, tolerance)
	}
}

// with replaces lines of a map, so that a test shows what it changes and nothing else.
func with(t *testing.T, text string, oldNew ...string) string {
	t.Helper()
	for pair := range slices.Chunk(oldNew, 2) {
		if strings.Count(text, pair[0]) != 1 {
			t.Fatalf("%q stands %d times in the map", pair[0], strings.Count(text, pair[0]))
		}
		text = strings.Replace(text, pair[0], pair[1], 1)
	}
	return text
}

type openSourceReference struct {
	Cases  map[string]referenceCase
	Paired map[string]struct {
		Pairs           int
		User            struct{ Count, N int }
		Contributor     struct{ Count, N int }
		Both            int
		OnlyUser        int     `json:"only_user"`
		OnlyContributor int     `json:"only_contributor"`
		UserMinus       float64 `json:"diff"` // user minus contributor
		Low, High       float64
		PMcNemar        float64 `json:"p_mcnemar"`
		PIndependent    float64 `json:"p_independent"`
	}
}

// Eleven ratings: those who only use open source beside those who contribute, and the many of one platform
// beside the few of two small communities.
func TestOpenSourceSurveyEqualsTheReference(t *testing.T) {
	reference := readReference[openSourceReference](t, "oss.json")
	layout := readFile(t, "example/oss-map.yaml")
	communities := func(site string) string {
		return with(t, layout, "external: {PARTICIPATION.TYPE.CONTRIBUTE: 0}", "external: {POPULATION: github}",
			"internal: {PARTICIPATION.TYPE.CONTRIBUTE: 1}", "internal: {OFF.SITE.ID: "+site+"}")
	}
	maps := map[string]string{
		"only use against contribute": layout,
		"github against off_site_8":   communities("off_site_8"),
		"github against off_site_6":   communities("off_site_6"),
	}
	for name, want := range reference.Cases {
		t.Run(name, func(t *testing.T) {
			args := []string{"-q", "example/oss-values.yaml", "--map", write(t, t.TempDir(), "map.yaml", maps[name]), "example/oss_survey_2017.csv.gz"}
			got := compareJSON(t, args...)
			for what, s := range map[string]struct {
				got  side
				want referenceSide
			}{"external": {got.External, want.External}, "internal": {got.Internal, want.Internal}} {
				checkRatings(t, what, s.got, s.want)
			}
			all := checker{t, name}
			all.differences(got, want.Differences)
			all.lists(got, want.Lists)
			if given := checkVerdicts(t, got, args); name == "only use against contribute" &&
				(given["different"] == 0 || given["small"] == 0 || given["same"] == 0 || given["different"]+given["small"] != 6) {
				t.Errorf("verdicts %v; six of eleven differ after Holm's correction, in size or only provably", given)
			}
			five := compareJSON(t, append([]string{"--top", "5"}, args...)...)
			all.close("overlap of the first five", five.Lists.Overlap, want.Lists.Overlap5)
		})
	}
}

func checkRatings(t *testing.T, what string, got side, want referenceSide) {
	t.Helper()
	if got.N != want.N || len(got.Ranking) != 11 || len(want.Items) != 11 {
		t.Errorf("%s: base %d, %d items; want %d, 11", what, got.N, len(got.Ranking), want.N)
	}
	means := got.byRule(t, "mean rating")
	student := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: float64(want.N - 1)}.Quantile(0.975)
	for code, w := range want.Items {
		at, e, mean := checker{t, what + " " + code}, got.entry(t, code), means[code]
		at.share(e, w)
		at.equal("rank", e.Rank, w.Rank)
		at.equal("best place it may hold", e.RankLow, w.RankLow)
		at.equal("worst place it may hold", e.RankHigh, w.RankHigh)
		at.close("mean", *e.Mean, w.Mean)
		at.close("mean by rule", mean.Value, w.Mean)
		at.equal("rank by mean", mean.Rank, w.RankByMean)
		at.close("half the interval of the mean", (mean.High-mean.Low)/2, student*w.SD/math.Sqrt(float64(want.N)))
		at.close("middle of the interval of the mean", (mean.High+mean.Low)/2, w.Mean)
	}
}

// The same people were asked what they want as users and what they want as contributors: each priority is
// compared within persons, and as if they were strangers, which finds a false divergence on the licence.
func TestPairedPrioritiesEqualTheReference(t *testing.T) {
	reference := readReference[openSourceReference](t, "oss.json").Paired
	if len(reference) != 8 {
		t.Fatalf("%d priorities, want 8", len(reference))
	}
	user := readFile(t, "testdata/oss-user-priorities-map.yaml")
	contributor := write(t, t.TempDir(), "contributor.yaml", strings.ReplaceAll(user, "OSS.USER.PRIORITIES", "OSS.CONTRIBUTOR.PRIORITIES"))
	for code, want := range reference {
		t.Run(code, func(t *testing.T) {
			args := []string{
				"-q", "testdata/oss-priorities.yaml", "--item", code,
				"--map", "testdata/oss-user-priorities-map.yaml", "--internal-map", contributor,
				"--external", "example/oss_survey_2017.csv.gz", "--internal", "example/oss_survey_2017.csv.gz",
			}
			got := compareJSON(t, args...)
			at := checker{t, "within persons"}
			if got.Paired == nil {
				t.Fatal("compared as strangers")
			}
			at.equal("pairs", got.Paired.Pairs, want.Pairs)
			at.equal("external only", got.Paired.OnlyExternal, want.User.N-want.Pairs)
			at.equal("internal only", got.Paired.OnlyInternal, want.Contributor.N-want.Pairs)
			at.equal("external count", got.External.Ranking[0].Count, want.User.Count)
			at.equal("external base", got.External.N, want.User.N)
			at.equal("internal count", got.Internal.Ranking[0].Count, want.Contributor.Count)
			at.equal("internal base", got.Internal.N, want.Contributor.N)
			it := got.Items[0]
			at.close("external share", it.External, float64(want.Both+want.OnlyUser)/float64(want.Pairs))
			at.close("internal share", it.Internal, float64(want.Both+want.OnlyContributor)/float64(want.Pairs))
			at.close("difference", it.Difference, -want.UserMinus)
			at.close("low", it.Low, -want.High)
			at.close("high", it.High, -want.Low)
			at.close("p", it.P, want.PMcNemar)

			apart := compareJSON(t, append(args, "--independent")...)
			if apart.Paired != nil {
				t.Error("--independent is paired")
			}
			checker{t, "as strangers"}.close("p", apart.Items[0].P, want.PIndependent)
		})
	}
}

// Full rankings of six films, by three ways to split those who ranked them: the share among the first three,
// and with --top 1 the share put first.
func TestStarWarsEqualsTheReference(t *testing.T) {
	reference := readReference[struct{ Cases map[string]referenceCase }](t, "star_wars.json")
	layout := readFile(t, publicFiles+"star-wars-map.yaml")
	split := func(column, external, internal string) string {
		return with(t, layout, "external: {$C: Yes}", "external: {"+column+": "+external+"}",
			"internal: {$C: No}", "internal: {"+column+": "+internal+"}")
	}
	maps := map[string]string{
		"fans vs not":          layout,
		"male vs female":       split("Gender / Response", "Male", "Female"),
		"age 18 29 vs over 60": split("Age / Response", "18-29", "'> 60'"),
	}
	if len(reference.Cases) != len(maps) {
		t.Fatalf("%d cases, want %d", len(reference.Cases), len(maps))
	}
	for name, want := range reference.Cases {
		t.Run(name, func(t *testing.T) {
			args := []string{
				"-q", publicFiles + "star-wars.yaml", "--item", "films",
				"--map", write(t, t.TempDir(), "map.yaml", maps[name]), publicFiles + "star_wars_survey.csv",
			}
			got := compareJSON(t, args...)
			first := compareJSON(t, append(args, "--top", "1")...)
			for _, s := range []struct {
				what       string
				got, first side
				want       referenceSide
			}{{"external", got.External, first.External, want.External}, {"internal", got.Internal, first.Internal, want.Internal}} {
				checkRankings(t, s.what, s.got, s.first, s.want)
			}
			checker{t, "share in top 3"}.differences(got, want.Differences)
			checker{t, "share in top 3"}.lists(got, want.Lists)
			checker{t, "share first"}.differences(first, want.DifferencesFirst)
		})
	}
}

func checkRankings(t *testing.T, what string, got, first side, want referenceSide) {
	t.Helper()
	if got.N != want.N || len(got.Ranking) != 6 || len(want.Items) != 6 {
		t.Errorf("%s: base %d, %d films; want %d, 6", what, got.N, len(got.Ranking), want.N)
	}
	places, firsts := got.byRule(t, "mean place"), got.byRule(t, "share first")
	for code, w := range want.Items {
		at, e := checker{t, what + " " + code}, got.entry(t, code)
		at.share(e, w)
		at.equal("rank", e.Rank, w.Rank)
		if e.RankLow > e.Rank || e.RankHigh < e.Rank {
			t.Errorf("%s %s: place %d is outside its set %d to %d", what, code, e.Rank, e.RankLow, e.RankHigh)
		}
		at.close("mean place", places[code].Value, w.Mean)
		at.close("share first", firsts[code].Value, w.First.Share)
		at.close("low end of the share first", firsts[code].Low, w.First.Low)
		at.close("high end of the share first", firsts[code].High, w.First.High)
		checker{t, what + " " + code + " with --top 1"}.share(first.entry(t, code), *w.First)
	}
}

// weightedSegment is one population of the weighted survey.
type weightedSegment struct {
	N              int
	EffectiveN     float64 `json:"effective_n"`
	Ideas, Worries weightedQuestion
}

type weightedQuestion struct {
	Items map[string]referenceShare
	Order []string
}

// Two select-all questions with weights in eight segments: shares with the linearised variance, effective
// numbers, and all 144 percentages that the publisher printed.
func TestMasculinitySurveyEqualsTheReference(t *testing.T) {
	reference := readReference[struct {
		Segments   map[string]weightedSegment
		YoungMinus map[string]referenceDifference `json:"young_minus_old"`
	}](t, "masculinity.json")
	const everyone = publicFiles + "masculinity-everyone-map.yaml"
	layout := readFile(t, publicFiles+"masculinity-map.yaml")
	published := map[string]bool{}
	for _, tt := range []struct{ column, external, internal string }{
		{"age3", "18 - 34", "65 and up"},
		{"age3", "35 - 64", "65 and up"},
		{"race2", "White", "Non-white"},
		{"kids", "Has children", "No children"},
		{"", "all", "all"}, // everybody stands on both sides
	} {
		for _, item := range []string{"ideas", "worries"} {
			t.Run(tt.external+" against "+tt.internal+", "+item, func(t *testing.T) {
				args := []string{"-q", publicFiles + "masculinity.yaml", "--item", item}
				if tt.column == "" {
					args = append(args, "--map", everyone, "--external", publicFiles+"masculinity_weighted.csv", "--internal", publicFiles+"masculinity_weighted.csv")
				} else {
					args = append(args, publicFiles+"masculinity_weighted.csv", "--map", write(t, t.TempDir(), "map.yaml", with(t, layout,
						"external: {age3: 18 - 34}", "external: {"+tt.column+": "+tt.external+"}",
						"internal: {age3: 65 and up}", "internal: {"+tt.column+": "+tt.internal+"}")))
				}
				got := compareJSON(t, args...)
				for name, s := range map[string]side{tt.external: got.External, tt.internal: got.Internal} {
					checkWeighted(t, name, item, s, reference.Segments[name], published)
				}
				switch {
				case tt.column == "":
					checkPeopleEqualThemselves(t, got)
				case item == "worries" && tt.external == "18 - 34":
					checker{t, "young against old"}.differences(got, reference.YoungMinus)
					checker{t, "young against old"}.close("overlap of the first three", got.Lists.Overlap, commonOfFirstThree(
						reference.Segments[tt.external].Worries.Order, reference.Segments[tt.internal].Worries.Order))
				}
			})
		}
	}
	if len(published) != 8*(6+12) {
		t.Errorf("%d published percentages were checked, want 144", len(published))
	}
}

// checkWeighted checks one population and marks the published percentages that it has reproduced.
func checkWeighted(t *testing.T, name, item string, got side, want weightedSegment, published map[string]bool) {
	t.Helper()
	question, options := want.Ideas, 6
	if item == "worries" {
		question, options = want.Worries, 12
	}
	if len(question.Items) != options || len(got.Ranking) != len(question.Order) {
		t.Errorf("%s: %d options ranked, want %d", name, len(got.Ranking), len(question.Order))
	}
	all := checker{t, name}
	all.equal("base", got.N, want.N)
	all.close("effective n", got.EffectiveN, want.EffectiveN)
	for place, code := range question.Order {
		if e := got.Ranking[place]; e.Code != code || e.Rank != place+1 {
			t.Errorf("%s: at place %d stands %s with rank %d, want %s", name, place+1, e.Code, e.Rank, code)
		}
	}
	for _, e := range slices.Concat(got.Ranking, got.Unranked) {
		at, w := checker{t, name + " " + e.Code}, question.Items[e.Code]
		at.share(e, w)
		at.close("its effective n", e.EffectiveN, w.EffectiveN)
		if math.Abs(100*e.Share-w.Published) > 0.5 {
			t.Errorf("%s %s: %.2f %%, published as %v %%", name, e.Code, 100*e.Share, w.Published)
			continue
		}
		published[name+" "+item+" "+e.Code] = true
	}
}

func commonOfFirstThree(a, b []string) float64 {
	common := 0.0
	for _, code := range a[:3] {
		if slices.Contains(b[:3], code) {
			common++
		}
	}
	return common / 3
}

func checkPeopleEqualThemselves(t *testing.T, got comparison) {
	t.Helper()
	if got.Paired == nil || got.Paired.Pairs != 1615 {
		t.Fatalf("paired: %+v, want 1615 people", got.Paired)
	}
	for _, it := range got.Items {
		if it.Difference != 0 || it.P != 1 || it.Verdict != "same" {
			t.Errorf("%s: difference %v, p %v, %s between people and themselves", it.Code, it.Difference, it.P, it.Verdict)
		}
	}
}
