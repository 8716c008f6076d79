package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Fifty employees beside 1,200 customers, all drawn from one population: there is nothing to find. Half of the
// time the two lists of the first three differ by luck; what may be said then is what the data cannot tell, and
// what they could have told.

// tenToPick asks to pick up to three of ten.
func tenToPick() string {
	var options []string
	for _, code := range tenCodes() {
		options = append(options, fmt.Sprintf("{code: %s, text: Option %[1]s}", code))
	}
	return "code: ten\nlanguages: [en]\ntitle: Ten\nitems:\n" +
		"  - {code: picks, kind: multi, max: 3, text: Pick up to three, options: [" + strings.Join(options, ", ") + "]}\n"
}

// drawPicks draws people who each pick three different options; option i has weight len-i, and shift moves the
// favourites.
func drawPicks(random *rand.Rand, people, shift int) string {
	codes := tenCodes()
	var given []responses
	for range people {
		var picks []string
		for len(picks) < 3 {
			at := min(random.IntN(len(codes)), random.IntN(len(codes)))
			if code := codes[(at+shift)%len(codes)]; !slices.Contains(picks, code) {
				picks = append(picks, code)
			}
		}
		given = append(given, responses{1, strings.Join(picks, ";")})
	}
	return answers("picks", given...)
}

// claimsSameness finds words for "identical". "Practically the same" is a finding, and may be said.
func claimsSameness(said string) string {
	for _, may := range []string{"практически одинаков", "praktycznie takie same", "practically the same", "practic la fel", "practic aceleași"} {
		said = strings.ReplaceAll(strings.ToLower(said), may, "")
	}
	return regexp.MustCompile(`identi[cč]\w*|identyczn\w*|идентичн\p{L}*|одинаков\p{L}*|no difference exists|the same list|equal lists`).FindString(said)
}

func TestNothingIsFoundWhereNothingIs(t *testing.T) {
	dir := t.TempDir()
	q := write(t, dir, "ten.yaml", tenToPick())
	external, internal := filepath.Join(dir, "external.csv"), filepath.Join(dir, "internal.csv")
	const draws = 40
	anyDifferent, sameFirstThree := 0, 0
	for draw := range draws {
		random := rand.New(rand.NewPCG(uint64(draw), 50))
		write(t, dir, "external.csv", drawPicks(random, 1200, 0))
		write(t, dir, "internal.csv", drawPicks(random, 50, 0))
		args := []string{"-q", q, "--external", external, "--internal", internal}
		c := compareJSON(t, args...)
		different := 0
		for _, it := range c.Items {
			if it.Verdict == "different" || it.Verdict == "small" {
				different++
			}
			if it.Verdict == "unknown" && !(it.Detectable > 0.05 && it.Detectable < 0.5) {
				t.Errorf("draw %d: %s: a difference of %v is said to have been seen by 50 beside 1,200", draw, it.Code, it.Detectable)
			}
		}
		if different > 0 {
			anyDifferent++
		}
		if c.Lists.Overlap == 1 {
			sameFirstThree++
		}
		if draw < 4 {
			checkSaysWhatCannotBeTold(t, c, args)
		}
		if draw == 0 {
			page := cxmirror(t, slices.Concat([]string{"compare", "--format", "html"}, args)...)
			if claim := claimsSameness(textOf(t, page.stdout)); claim != "" {
				t.Errorf("the page says %q", claim)
			}
		}
	}
	// The level is 5 %; of these 40 draws, which are always the same, no more than that and its error.
	if most := int(math.Ceil(draws*0.05 + 2*math.Sqrt(draws*0.05*0.95))); anyDifferent > most {
		t.Errorf("in %d of %d draws something is called different, want %d at most", anyDifferent, draws, most)
	}
	if sameFirstThree == 0 || sameFirstThree == draws {
		t.Errorf("in %d of %d draws the first three are the same: these draws show nothing", sameFirstThree, draws)
	}
}

// checkSaysWhatCannotBeTold checks all that is said of draws from one population, in every language and format.
func checkSaysWhatCannotBeTold(t *testing.T, c comparison, args []string) {
	t.Helper()
	checkVerdicts(t, c, args)
	for _, language := range []string{"en", "pl", "ro", "ru"} {
		text := cxmirror(t, slices.Concat([]string{"compare", "--language", language, "--width", "160"}, args)...)
		object := cxmirror(t, slices.Concat([]string{"compare", "--language", language, "--format", "json"}, args)...)
		for format, said := range map[string]string{"text": text.stdout, "json": object.stdout} {
			if claim := claimsSameness(said); claim != "" {
				t.Errorf("%s in %s says %q:\n%s", format, language, claim, said)
			}
		}
		for _, it := range parseComparison(t, object.stdout).Items {
			if it.Verdict != "unknown" {
				continue
			}
			// Rounded up, so that it is not understated.
			points := strconv.Itoa(int(math.Ceil(100*it.Detectable - 1e-9)))
			if !regexp.MustCompile(`\D` + points + `\D`).MatchString(it.Sentence) {
				t.Errorf("%s in %s does not say that %s points could have been seen: %s", it.Code, language, points, it.Sentence)
			}
			if !regexp.MustCompile(`\D` + points + `\D`).MatchString(text.stdout) {
				t.Errorf("the text in %s does not say that %s points could have been seen", language, points)
			}
		}
	}
	checkOrdersOnlyWhatIsOrdered(t, c, args)
}

// checkVerdicts checks every verdict against the corrected p and the two one-sided tests, which at 95 % are that the
// interval at 90 % lies within the margin. It returns how often each verdict was given.
func checkVerdicts(t *testing.T, c comparison, args []string) map[string]int {
	t.Helper()
	narrow := compareJSON(t, slices.Concat(args, []string{"--level", "0.9"})...)
	given := map[string]int{}
	for _, it := range c.Items {
		at90 := narrow.item(t, it.Code)
		within := at90.Low > -c.Margin && at90.High < c.Margin
		want := map[[2]bool]string{
			{true, false}: "different", {true, true}: "small", {false, true}: "same", {false, false}: "unknown",
		}[[2]bool{it.PAdjusted < 0.05, within}]
		if it.Verdict != want {
			t.Errorf("%s: %s, want %s: Holm's p is %v, the interval at 90 %% %v to %v", it.Code, it.Verdict, want, it.PAdjusted, at90.Low, at90.High)
		}
		given[it.Verdict]++
	}
	return given
}

// checkOrdersOnlyWhatIsOrdered checks that the words name a first place only where the data do.
func checkOrdersOnlyWhatIsOrdered(t *testing.T, c comparison, args []string) {
	t.Helper()
	text := strings.Join(strings.Fields(cxmirror(t, slices.Concat([]string{"compare"}, args)...).stdout), " ")
	for name, s := range map[string]side{"External": c.External, "Internal": c.Internal} {
		first := s.Ranking[0]
		said := regexp.MustCompile(name + ` customers\. (“[^.]*)\.`).FindStringSubmatch(text)
		if said == nil {
			t.Errorf("%s: nothing is said of the order:\n%s", name, text)
			continue
		}
		low := fmt.Sprintf("as low as %d", first.RankHigh)
		doubted := strings.Contains(said[1], low) || strings.Contains(said[1], "share the first place")
		if want := first.RankHigh > 1 || first.Tied; doubted != want {
			t.Errorf("%s: its places are %d to %d, and it says: %s", name, first.RankLow, first.RankHigh, said[1])
		}
	}
	if c.External.Ranking[0].RankHigh > 1 || c.Internal.Ranking[0].RankHigh > 1 {
		for _, claim := range []string{"Both sides put", "Outside, “"} {
			if strings.Contains(c.Sentence, claim) {
				t.Errorf("the order is not sure, but: %s", c.Sentence)
			}
		}
	}
}

// The words above must be found where they stand, and a real difference too.
func TestWhatIsThereIsFound(t *testing.T) {
	for _, claim := range []string{"The lists are identical.", "Listy są identyczne.", "Listele sunt identice.", "Списки идентичны.", "Они одинаковы."} {
		if claimsSameness(claim) == "" {
			t.Errorf("%q is not seen", claim)
		}
	}
	for _, fine := range []string{"practically the same", "практически одинаковы"} {
		if claim := claimsSameness(fine); claim != "" {
			t.Errorf("%q is taken for %q", fine, claim)
		}
	}
	dir := t.TempDir()
	random := rand.New(rand.NewPCG(1, 2))
	c := compareJSON(t, "-q", write(t, dir, "ten.yaml", tenToPick()),
		"--external", write(t, dir, "external.csv", drawPicks(random, 1200, 0)), "--internal", write(t, dir, "internal.csv", drawPicks(random, 50, 5)))
	if !slices.ContainsFunc(c.Items, func(it itemResult) bool { return it.Verdict == "different" }) {
		t.Errorf("other favourites, and no difference is found: %+v", c.Items)
	}
	if c.Lists.GlobalP > 1e-6 {
		t.Errorf("global p %v", c.Lists.GlobalP)
	}
}
