package main

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// What programs and people outside rely on: the names and types of the JSON, the same figures in every format,
// the same bytes for the same input, and every way in which a file may be given.

// twoSides writes answers of 120 external and 45 internal people to mattersQuestionnaire, with all that may
// stand in them.
func twoSides(t *testing.T, f folder) (external, internal string) {
	t.Helper()
	const header = "respondent,expectations,order,performance.speed,performance.ease"
	external = write(t, f.path, "external.csv", numbered("e", answers(header,
		responses{50, "speed;ease,ease>speed,5,4"}, responses{40, "speed,,4,cannot_say"},
		responses{15, "courtesy;recovery,recovery,3,"}, responses{10, "none,,2,1"}, responses{5, ",,,"})))
	internal = write(t, f.path, "internal.csv", numbered("i", answers(header,
		responses{25, "recovery;ease;courtesy,recovery>ease,2,5"}, responses{12, "speed,,4,3"},
		responses{5, "nothing,,3,3"}, responses{3, ",,5,5"})))
	return external, internal
}

// numbered puts a respondent's name before each row.
func numbered(prefix, text string) string {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	for i := range lines[1:] {
		lines[1+i] = fmt.Sprintf("%s%d,%s", prefix, i, lines[1+i])
	}
	return strings.Join(lines, "\n") + "\n"
}

// kind of a JSON value in the contract.
type jsonType string

const (
	aText    jsonType = "a text"
	aNumber  jsonType = "a number"
	aCount   jsonType = "a whole number"
	aShare   jsonType = "a number in [0, 1]"
	aDiff    jsonType = "a number in [-1, 1]"
	anObject jsonType = "an object"
	aList    jsonType = "a list"
)

func (k jsonType) fits(v any) bool {
	switch v := v.(type) {
	case string:
		return k == aText && v != ""
	case float64:
		switch k {
		case aNumber:
			return true
		case aCount:
			return v == math.Trunc(v) && v >= 0
		case aShare:
			return v >= 0 && v <= 1
		case aDiff:
			return v >= -1 && v <= 1
		case aText, anObject, aList:
		}
	case map[string]any:
		return k == anObject
	case []any:
		return k == aList
	}
	return false
}

// The contract, name by name. Others may be added.
var (
	topNames = map[string]jsonType{
		"item": aText, "kind": aText, "rule": aText, "top": aCount, "level": aShare, "margin": aShare,
		"external": anObject, "internal": anObject, "items": aList, "lists": anObject,
	}
	sideNames  = map[string]jsonType{"n": aCount, "effective_n": aNumber, "ranking": aList}
	entryNames = map[string]jsonType{
		"code": aText, "count": aCount, "share": aShare, "low": aShare, "high": aShare,
		"rank": aCount, "rank_low": aCount, "rank_high": aCount,
	}
	itemNames = map[string]jsonType{
		"code": aText, "difference": aDiff, "low": aDiff, "high": aDiff, "p": aShare, "p_adjusted": aShare,
		"verdict": aText, "detectable": aShare, "higher": aShare,
	}
	listNames = map[string]jsonType{
		"tau_b": aDiff, "rbo": aShare, "rbo_p": aShare, "rbo_chance": aShare, "overlap": aShare, "global_p": aShare,
	}
)

func checkNames(t *testing.T, what string, value any, names map[string]jsonType) map[string]any {
	t.Helper()
	object, ok := value.(map[string]any)
	if !ok {
		t.Fatalf("%s is %v, want an object", what, value)
	}
	for name, kind := range names {
		if v, there := object[name]; !there || !kind.fits(v) {
			t.Errorf("%s.%s is %v, want %s", what, name, v, kind)
		}
	}
	return object
}

func TestJSONHasTheNamesOfTheContract(t *testing.T) {
	f := newFolder(t)
	external, internal := twoSides(t, f)
	for _, tt := range []struct {
		item, kind, rule string
		options          int
	}{
		{"expectations", "multi", "share picked", 4},
		{"order", "rank", "share in top 3", 4},
		{"performance", "rating", "top box", 2},
	} {
		t.Run(tt.item, func(t *testing.T) {
			got := cxmirror(t, "compare", "-q", f.questionnaire, "--external", external, "--internal", internal, "--item", tt.item, "--format", "json")
			if got.code != exitDone || got.stderr != "" {
				t.Fatalf("exit code %d: %s", got.code, got.stderr)
			}
			decoder := json.NewDecoder(strings.NewReader(got.stdout))
			var value any
			if err := decoder.Decode(&value); err != nil {
				t.Fatal(err)
			}
			if decoder.More() {
				t.Error("more than one object is printed")
			}
			top := checkNames(t, "comparison", value, topNames)
			if top["item"] != tt.item || top["kind"] != tt.kind || top["rule"] != tt.rule || top["top"] != 3.0 || top["level"] != 0.95 || top["margin"] != 0.1 {
				t.Errorf("%v, a %v by %v, top %v, level %v, margin %v", top["item"], top["kind"], top["rule"], top["top"], top["level"], top["margin"])
			}
			if withheld := top["withheld"]; withheld != nil {
				t.Errorf("withheld: %v", withheld)
			}
			for _, name := range []string{"external", "internal"} {
				side := checkNames(t, name, top[name], sideNames)
				ranking := side["ranking"].([]any)
				if len(ranking) != tt.options {
					t.Errorf("%d options are ranked, want %d: exclusive ones are not", len(ranking), tt.options)
				}
				for i, e := range ranking {
					checkNames(t, fmt.Sprintf("%s.ranking[%d]", name, i), e, entryNames)
				}
			}
			items := top["items"].([]any)
			if len(items) != tt.options {
				t.Errorf("%d options are compared, want %d", len(items), tt.options)
			}
			for i, it := range items {
				object := checkNames(t, fmt.Sprintf("items[%d]", i), it, itemNames)
				if !slices.Contains([]string{"different", "small", "same", "unknown"}, object["verdict"].(string)) {
					t.Errorf("verdict %v", object["verdict"])
				}
			}
			checkNames(t, "lists", top["lists"], listNames)
			checkSense(t, parseComparison(t, got.stdout))
		})
	}
}

// checkSense checks what holds of every comparison.
func checkSense(t *testing.T, c comparison) {
	t.Helper()
	for name, s := range map[string]side{"external": c.External, "internal": c.Internal} {
		last := 0
		for _, e := range s.Ranking {
			if !(e.Low <= e.Share && e.Share <= e.High) || e.Count > e.N || e.N > s.N {
				t.Errorf("%s %s: share %v in [%v, %v], %d of %d of %d", name, e.Code, e.Share, e.Low, e.High, e.Count, e.N, s.N)
			}
			if e.Rank < last || e.RankLow < 1 || e.RankLow > e.RankHigh || e.RankHigh > len(s.Ranking) {
				t.Errorf("%s %s: place %d, set %d to %d", name, e.Code, e.Rank, e.RankLow, e.RankHigh)
			}
			last = e.Rank
		}
	}
	for _, it := range c.Items {
		out, in := c.External.entry(t, it.Code), c.Internal.entry(t, it.Code)
		if math.Abs(it.Difference-(in.Share-out.Share)) > 1e-12 {
			t.Errorf("%s: difference %v, want internal minus external, %v - %v", it.Code, it.Difference, in.Share, out.Share)
		}
		if !(it.Low <= it.Difference && it.Difference <= it.High) || it.PAdjusted < it.P {
			t.Errorf("%s: difference %v in [%v, %v], p %v, adjusted %v", it.Code, it.Difference, it.Low, it.High, it.P, it.PAdjusted)
		}
		if different := it.PAdjusted < 1-c.Level; different != (it.Verdict == "different" || it.Verdict == "small") {
			t.Errorf("%s: adjusted p %v, verdict %s", it.Code, it.PAdjusted, it.Verdict)
		}
		if it.Sentence == "" {
			t.Errorf("%s: no sentence", it.Code)
		}
	}
}

// Who counts: everyone who answered the question, "none" included; not who left it empty.
func TestTheBaseIsEverybodyWhoAnswered(t *testing.T) {
	f := newFolder(t)
	external, internal := twoSides(t, f)
	got := compareJSON(t, "-q", f.questionnaire, "--external", external, "--internal", internal)
	if got.External.N != 115 || got.External.None != 10 || got.External.Missing != 5 {
		t.Errorf("external %d, none %d, missing %d; want 115, 10, 5", got.External.N, got.External.None, got.External.Missing)
	}
	if got.Internal.N != 42 || got.Internal.Missing != 3 {
		t.Errorf("internal %d, missing %d; want 42, 3", got.Internal.N, got.Internal.Missing)
	}
	if e := got.External.entry(t, "speed"); e.Count != 90 || e.Share != 90.0/115 {
		t.Errorf("speed: %d, %v; want 90 of 115", e.Count, e.Share)
	}
	if len(got.Internal.Unranked) != 1 || got.Internal.Unranked[0].Code != "nothing" || got.Internal.Unranked[0].Count != 5 {
		t.Errorf("out of the ranking: %+v, want nothing, 5", got.Internal.Unranked)
	}
	// A rating has a base of its own in every row: who cannot say of one still counts in the other.
	rating := compareJSON(t, "-q", f.questionnaire, "--external", external, "--internal", internal, "--item", "performance")
	if e := rating.External.entry(t, "speed"); e.Count != 50 || e.N != 115 {
		t.Errorf("speed: %d of %d in the top box, want 50 of 115", e.Count, e.N)
	}
	if e := rating.External.entry(t, "ease"); e.Count != 0 || e.N != 60 {
		t.Errorf("ease: %d of %d in the top box, want 0 of 60", e.Count, e.N)
	}
}

// Below the threshold nothing is told: no figure, and not how far below.
func TestSmallBasesAreWithheld(t *testing.T) {
	f := newFolder(t)
	small := write(t, f.path, "small.csv", answers("expectations", responses{37, "speed"}, responses{19, ""}))
	large := write(t, f.path, "large.csv", answers("expectations", responses{83, "speed"}, responses{46, "ease"}))
	counts := regexp.MustCompile(`\b(37|19|56|83|46|129)\b`)
	styles := regexp.MustCompile(`(?s)<style>.*?</style>`)
	for _, sides := range [][2]string{{small, large}, {large, small}, {small, small}} {
		for _, format := range []string{"json", "text", "html"} {
			languages := []string{"en", "pl", "ro", "ru"}
			if format == "html" {
				languages = languages[1:2]
			}
			for _, language := range languages {
				got := cxmirror(t, "compare", "-q", f.questionnaire, "--external", sides[0], "--internal", sides[1],
					"--threshold", "38", "--format", format, "--language", language)
				said := styles.ReplaceAllString(got.stdout, "")
				if got.code != exitDone || !strings.Contains(said, "38") {
					t.Errorf("%s in %s: exit code %d; the threshold is not named:\n%s", format, language, got.code, said)
				}
				if leak := counts.FindString(said + got.stderr); leak != "" {
					t.Errorf("%s in %s tells the count %s:\n%s", format, language, leak, said)
				}
				if format != "json" {
					continue
				}
				var c map[string]any
				if err := json.Unmarshal([]byte(got.stdout), &c); err != nil {
					t.Fatal(err)
				}
				if text, ok := c["withheld"].(string); !ok || text == "" {
					t.Errorf("withheld is %v", c["withheld"])
				}
				if items, ok := c["items"].([]any); !ok || len(items) != 0 {
					t.Errorf("items are %v, want an empty list", c["items"])
				}
			}
		}
	}
	shown := compareJSON(t, "-q", f.questionnaire, "--external", small, "--internal", large, "--threshold", "37")
	if shown.Withheld != nil || shown.External.N != 37 {
		t.Errorf("a base as large as the threshold is withheld: %+v", shown)
	}
}

// A rating has a base in every row; a row that few could give is as telling as a small group.
func TestSmallBasesOfRowsAreWithheld(t *testing.T) {
	f := newFolder(t)
	few := write(t, f.path, "few.csv", answers("performance.speed,performance.ease", responses{60, "5,cannot_say"}, responses{3, "4,5"}))
	many := write(t, f.path, "many.csv", answers("performance.speed,performance.ease", responses{90, "5,4"}))
	got := cxmirror(t, "compare", "-q", f.questionnaire, "--external", many, "--internal", few, "--item", "performance", "--format", "json")
	if got.code != exitDone {
		t.Fatal(got.stderr)
	}
	if c := parseComparison(t, got.stdout); c.Withheld == nil {
		for _, e := range c.Internal.Ranking {
			if e.Code == "ease" && (e.Count != 0 || e.N == 3) {
				t.Errorf("%d of %d people, below the threshold of 5, are shown for one row", e.Count, e.N)
			}
		}
	}
}

// The three formats are one result: what stands in the JSON stands, rounded, in the text and on the page.
func TestFormatsAgree(t *testing.T) {
	f := newFolder(t)
	external, internal := twoSides(t, f)
	for _, item := range []string{"expectations", "order", "performance"} {
		args := []string{"-q", f.questionnaire, "--external", external, "--internal", internal, "--item", item}
		c := compareJSON(t, args...)
		text := cxmirror(t, slices.Concat([]string{"compare", "--width", "150"}, args)...).stdout
		page := cxmirror(t, slices.Concat([]string{"compare", "--format", "html"}, args)...).stdout
		rows := tableRows(t, page)
		for _, it := range c.Items {
			label := strings.ToUpper(it.Code[:1]) + it.Code[1:]
			out, in := c.External.entry(t, it.Code), c.Internal.entry(t, it.Code)
			mirror := regexp.MustCompile(fmt.Sprintf(`(?m)^%s\s+%s\s.*\s%s\s.*\s%s\s+%s\s`, regexp.QuoteMeta(placeInWords(out)),
				percent(out.Share), label, percent(in.Share), regexp.QuoteMeta(placeInWords(in))))
			if !mirror.MatchString(text) {
				t.Errorf("%s: no line like %v in the text:\n%s", it.Code, mirror, text)
			}
			forest := []string{
				label, points(it.Difference, 1), points(it.Low, 1), points(it.High, 1), probability(it.P), probability(it.PAdjusted),
			}
			if !slices.ContainsFunc(strings.Split(text, "\n"), func(line string) bool {
				said := strings.Fields(line)
				return len(said) > len(forest) && slices.Equal(said[:len(forest)], forest)
			}) {
				t.Errorf("%s: no line %v in the text:\n%s", it.Code, forest, text)
			}
			cells := strings.Join(rows[label], " | ")
			for _, want := range []string{
				percent(out.Share), percent(in.Share), interval(out), interval(in), points(it.Difference, 0),
				points(it.Low, 0) + " to " + points(it.High, 0), probability(it.P), probability(it.PAdjusted),
			} {
				if !strings.Contains(cells, want) {
					t.Errorf("%s: %q is not in the row %s", it.Code, want, cells)
				}
			}
			if !strings.Contains(page, it.Sentence) {
				t.Errorf("%s: the page does not say %q", it.Code, it.Sentence)
			}
		}
		unwrapped := strings.Join(strings.Fields(text), " ")
		if !strings.Contains(unwrapped, strings.Join(strings.Fields(c.Sentence), " ")) {
			t.Errorf("the text does not say %q:\n%s", c.Sentence, text)
		}
		for _, said := range []string{text, page} {
			for _, n := range []int{c.External.N, c.Internal.N} {
				if !strings.Contains(said, fmt.Sprintf("N = %d", n)) {
					t.Errorf("the base %d is not told", n)
				}
			}
		}
	}
}

func percent(share float64) string { return fmt.Sprintf("%.0f\u00a0%%", 100*share) }

func interval(e entry) string { return fmt.Sprintf("%.0f–%.0f\u00a0%%", 100*e.Low, 100*e.High) }

func points(difference float64, decimals int) string {
	said := fmt.Sprintf("%+.*f", decimals, 100*difference)
	if !strings.ContainsAny(said, "123456789") {
		return strings.TrimLeft(said, "+-")
	}
	return strings.ReplaceAll(said, "-", "−")
}

func probability(p float64) string {
	if p < 0.0005 {
		return "<0.001"
	}
	return fmt.Sprintf("%.3f", p)
}

func placeInWords(e entry) string {
	place := strconv.Itoa(e.Rank)
	if e.Tied {
		place += "="
	}
	if e.RankLow != e.RankHigh {
		place += fmt.Sprintf(" %d–%d", e.RankLow, e.RankHigh)
	}
	return place
}

// The same input gives the same bytes, whatever the order in which two files are read and maps are walked.
func TestTheSameInputGivesTheSameBytes(t *testing.T) {
	f := newFolder(t)
	external, internal := twoSides(t, f)
	for _, format := range []string{"text", "json", "html"} {
		made := func() string {
			got := cxmirror(t, "compare", "-q", f.questionnaire, "--external", external, "--internal", internal, "--item", "performance", "--format", format)
			if got.code != exitDone {
				t.Fatal(got.stderr)
			}
			return got.stdout
		}
		day := time.Now().Day()
		first, second := made(), made()
		if time.Now().Day() != day {
			first = made() // the page tells its day, and midnight has passed
		}
		if first != second {
			t.Errorf("%s differs from one time to the next", format)
		}
	}
}

// The order of the rows says nothing, and neither does the scale of the weights.
func TestTheOrderOfRowsAndTheScaleOfWeightsChangeNothing(t *testing.T) {
	f := newFolder(t)
	external, internal := twoSides(t, f)
	args := []string{"-q", f.questionnaire, "--item", "expectations", "--internal", internal}
	straight := compareJSON(t, append(args, "--external", external)...)
	lines := strings.Split(strings.TrimSuffix(readFile(t, external), "\n"), "\n")
	slices.Reverse(lines[1:])
	reversed := compareJSON(t, append(args, "--external", write(t, f.path, "reversed.csv", strings.Join(lines, "\n")+"\n"))...)
	checkSame(t, "reversed", reversed, straight)

	weighted := func(scale float64) comparison {
		text := []string{lines[0] + ",weight"}
		for i, line := range lines[1:] {
			text = append(text, fmt.Sprintf("%s,%v", line, scale*float64(1+i%4)))
		}
		return compareJSON(t, append(args, "--external", write(t, f.path, fmt.Sprintf("weighted-%v.csv", scale), strings.Join(text, "\n")+"\n"))...)
	}
	// Powers of two change no bit of a sum.
	once, twice := weighted(1), weighted(1024)
	checkSame(t, "weighted by 1,024 times as much", twice, once)
	if once.External.EffectiveN >= float64(once.External.N) {
		t.Errorf("effective n %v of %d with unequal weights", once.External.EffectiveN, once.External.N)
	}
}

// checkSame compares all but the names of the files.
func checkSame(t *testing.T, what string, got, want comparison) {
	t.Helper()
	a, errA := json.Marshal(got)
	b, errB := json.Marshal(want)
	if errA != nil || errB != nil || !bytes.Equal(a, b) {
		t.Errorf("%s: %v %v\n got %s\nwant %s", what, errA, errB, a, b)
	}
}

// A file is the same file in every encoding, with every line end, packed or not, however it is given.
func TestAFileInEveryWrapping(t *testing.T) {
	f := newFolder(t)
	external, internal := twoSides(t, f)
	text := readFile(t, internal)
	want := compareJSON(t, "-q", f.questionnaire, "--external", external, "--internal", internal, "--item", "order")
	packed := func(content string) string {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		if _, err := w.Write([]byte(content)); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	utf16le := func(content string) string {
		var b []byte
		for _, unit := range utf16.Encode([]rune("\ufeff" + content)) {
			b = binary.LittleEndian.AppendUint16(b, unit)
		}
		return string(b)
	}
	for name, content := range map[string]string{
		"bom.csv":            "\ufeff" + text,
		"crlf.csv":           strings.ReplaceAll(text, "\n", "\r\n"),
		"cr.csv":             strings.ReplaceAll(text, "\n", "\r"),
		"bom-crlf.csv":       "\ufeff" + strings.ReplaceAll(text, "\n", "\r\n"),
		"no-end.csv":         strings.TrimSuffix(text, "\n"),
		"empty-end.csv":      text + ",,,,\n\n\n",
		"tabs.tsv":           strings.ReplaceAll(text, ",", "\t"),
		"tabs.txt":           strings.ReplaceAll(text, ",", "\t"),
		"packed.csv.gz":      packed(text),
		"packed.tsv.gz":      packed(strings.ReplaceAll(text, ",", "\t")),
		"packed-unnamed.csv": packed(text),
		"utf16.csv":          utf16le(text),
		"quoted.csv":         regexp.MustCompile(`[^,\n]+`).ReplaceAllString(text, `"$0"`),
		"no-suffix":          text,
	} {
		t.Run(name, func(t *testing.T) {
			got := compareJSON(t, "-q", f.questionnaire, "--external", external, "--internal", write(t, f.path, name, content), "--item", "order")
			checkSame(t, name, got, want)
		})
	}
	t.Run("standard input", func(t *testing.T) {
		defer func(stdin *os.File) { os.Stdin = stdin }(os.Stdin)
		for _, args := range [][]string{{"--external", external, "--internal", "-"}, {"--external", "-", "--internal", internal}} {
			file, err := os.Open(map[bool]string{true: internal, false: external}[args[3] == "-"])
			if err != nil {
				t.Fatal(err)
			}
			os.Stdin = file
			checkSame(t, "standard input", compareJSON(t, append(args, "-q", f.questionnaire, "--item", "order")...), want)
			if err := file.Close(); err != nil {
				t.Error(err)
			}
		}
	})
	t.Run("one file", func(t *testing.T) {
		var both strings.Builder
		both.WriteString("side," + "respondent,expectations,order,performance.speed,performance.ease\n")
		for side, content := range map[string]string{"customer": readFile(t, external), "employee": text, "robot": "\n" + text} {
			for _, line := range strings.Split(strings.TrimSuffix(content, "\n"), "\n")[1:] {
				both.WriteString(side + "," + strings.Replace(line, "i", map[bool]string{true: "r", false: "i"}[side == "robot" && line[0] == 'i'], 1) + "\n")
			}
		}
		file := write(t, f.path, "both.csv", both.String())
		layout := write(t, f.path, "both.yaml", "audience:\n  external: {side: customer}\n  internal: {side: [employee, manager]}\n")
		got := compareJSON(t, "-q", f.questionnaire, "--map", layout, "--item", "order", file)
		if got.External.File.Filtered == 0 {
			t.Error("nobody was left out")
		}
		got.External.File, got.Internal.File = want.External.File, want.Internal.File
		checkSame(t, "one file", got, want)
	})
}

// Equal names on both sides are the same people, unless whoever asks says that they are not.
func TestPeopleOnBothSides(t *testing.T) {
	f := newFolder(t)
	external := write(t, f.path, "external.csv", numbered("p", answers("respondent,expectations", responses{60, "speed"}, responses{40, "ease"})))
	internal := write(t, f.path, "internal.csv", numbered("p", answers("respondent,expectations", responses{50, "speed"}, responses{30, "ease"})))
	args := []string{"-q", f.questionnaire, "--external", external, "--internal", internal}
	paired := compareJSON(t, args...)
	if paired.Paired == nil || paired.Paired.Pairs != 80 || paired.Paired.OnlyExternal != 20 || paired.Paired.OnlyInternal != 0 {
		t.Fatalf("paired %+v; want 80 pairs, 20 only external", paired.Paired)
	}
	// Of the 80, 60 said speed outside and 50 inside.
	if it := paired.item(t, "speed"); it.External != 60.0/80 || it.Internal != 50.0/80 || it.Difference != -10.0/80 {
		t.Errorf("speed: %v outside, %v inside, difference %v", it.External, it.Internal, it.Difference)
	}
	apart := compareJSON(t, append(args, "--independent")...)
	if apart.Paired != nil {
		t.Errorf("--independent is paired: %+v", apart.Paired)
	}
	if it := apart.item(t, "speed"); it.External != 0.6 || it.Internal != 50.0/80 || math.Abs(it.Difference-0.025) > 1e-12 {
		t.Errorf("speed: %v outside, %v inside, difference %v", it.External, it.Internal, it.Difference)
	}
	text := cxmirror(t, slices.Concat([]string{"compare"}, args)...).stdout
	if !strings.Contains(text, "80 people answered on both sides; they alone are compared") {
		t.Errorf("the text does not say who is compared:\n%s", text)
	}
}

// Every setting has a variable; the command line is stronger.
func TestSettingsFromTheEnvironment(t *testing.T) {
	f := newFolder(t)
	external, internal := twoSides(t, f)
	out := filepath.Join(f.path, "from-environment.json")
	environment := map[string]string{
		"CXMIRROR_QUESTIONNAIRE": f.questionnaire, "CXMIRROR_EXTERNAL": external, "CXMIRROR_INTERNAL": internal,
		"CXMIRROR_TOP": "2", "CXMIRROR_LEVEL": "0.9", "CXMIRROR_MARGIN": "0.2", "CXMIRROR_ITEM": "order",
		"CXMIRROR_FORMAT": "json", "CXMIRROR_OUTPUT": out, "CXMIRROR_THRESHOLD": "40", "CXMIRROR_SIMULATED": "true",
	}
	if got := cxmirrorWith(t, environment, "compare"); got.code != exitDone || got.stdout != "" {
		t.Fatalf("exit code %d: %s%s", got.code, got.stderr, got.stdout)
	}
	c := parseComparison(t, readFile(t, out))
	if c.Item != "order" || c.Top != 2 || c.Level != 0.9 || c.Margin != 0.2 || c.Rule != "share in top 2" {
		t.Errorf("item %s, top %d, level %v, margin %v, rule %s", c.Item, c.Top, c.Level, c.Margin, c.Rule)
	}
	if !strings.Contains(readFile(t, out), `"simulated": true`) {
		t.Error("CXMIRROR_SIMULATED is not heard")
	}
	stronger := cxmirrorWith(t, environment, "compare", "--top", "4", "-o", "-")
	if c := parseComparison(t, stronger.stdout); c.Top != 4 || c.Level != 0.9 {
		t.Errorf("top %d, level %v; want the command line's 4 and the environment's 0.9", c.Top, c.Level)
	}
	for name, value := range map[string]string{"CXMIRROR_TOP": "three", "CXMIRROR_LEVEL": "95", "CXMIRROR_FORMAT": "pdf", "CXMIRROR_INDEPENDENT": "perhaps"} {
		wrong := map[string]string{name: value}
		got := cxmirrorWith(t, wrong, "compare", "-q", f.questionnaire, "--external", external, "--internal", internal)
		if flag := "--" + strings.ToLower(strings.TrimPrefix(name, "CXMIRROR_")); got.code != exitUsage || !strings.Contains(got.stderr, flag) || got.stdout != "" {
			t.Errorf("%s=%s: exit code %d, %s", name, value, got.code, got.stderr)
		}
	}
}

// A result appears whole or not at all, over an old one or in a new place.
func TestTheResultAppearsWhole(t *testing.T) {
	f := newFolder(t)
	external, internal := twoSides(t, f)
	write(t, f.path, "out.json", strings.Repeat("an old result that is longer\n", 10_000))
	got := cxmirror(t, "compare", "-q", f.questionnaire, "--external", external, "--internal", internal, "--format", "json", "-o", f.out)
	if got.code != exitDone || got.stdout != "" || got.stderr != "" {
		t.Fatalf("exit code %d: %s%s", got.code, got.stdout, got.stderr)
	}
	parseComparison(t, readFile(t, f.out))
	f.checkTidy(t)
	there, err := os.Stat(f.out)
	if err != nil || there.Mode().Perm() != 0o644 {
		t.Errorf("%v, %v; want a file that others can read", there.Mode(), err)
	}
	printed := cxmirror(t, "compare", "-q", f.questionnaire, "--external", external, "--internal", internal, "--format", "json")
	if printed.stdout != readFile(t, f.out) {
		t.Error("the file is not what is printed")
	}
}

// Every language says all of it, in its own words.
func TestFourLanguages(t *testing.T) {
	f := newFolder(t)
	external, internal := twoSides(t, f)
	own := map[string][]string{
		"en": {"External customers", "Internal customers", "Method."},
		"pl": {"Klienci zewnętrzni", "Klienci wewnętrzni", "Metoda."},
		"ro": {"Clienți externi", "Clienți interni", "Metod"},
		"ru": {"Внешние клиенты", "Внутренние клиенты", "Метод"},
	}
	for language, words := range own {
		for _, item := range []string{"expectations", "order", "performance"} {
			args := []string{"compare", "-q", f.questionnaire, "--external", external, "--internal", internal, "--item", item, "--language", language}
			text := cxmirror(t, args...).stdout
			all := map[string]string{"text": text, "json": cxmirror(t, append(args, "--format", "json")...).stdout}
			if item == "performance" {
				all["html"] = cxmirror(t, append(args, "--format", "html")...).stdout
			}
			for format, said := range all {
				for _, slip := range []string{"{{", "<no value>", "%!", "NaN", "Inf", "<nil>"} {
					if strings.Contains(said, slip) {
						t.Errorf("%s of %s in %s holds %q", format, item, language, slip)
					}
				}
				if key := regexp.MustCompile(`\[[a-z]+_?[a-z_]+\]`).FindString(said); key != "" && format != "html" {
					t.Errorf("%s of %s in %s has no words for %s", format, item, language, key)
				}
				for other := range own {
					if other != language && strings.Contains(said, own[other][0]) {
						t.Errorf("%s of %s in %s says %q", format, item, language, own[other][0])
					}
				}
				if !utf8.ValidString(said) || strings.ContainsFunc(said, unicode.IsMark) {
					t.Errorf("%s of %s in %s holds letters in parts, which searches do not find", format, item, language)
				}
			}
			for _, word := range words {
				if !strings.Contains(text, word) {
					t.Errorf("%s in %s does not say %q:\n%s", item, language, word, text)
				}
			}
		}
	}
}

// The bundled instruments compare as they stand, by their names alone.
func TestTheBundledInstrumentsCompare(t *testing.T) {
	dir := t.TempDir()
	external := write(t, dir, "customers.csv", answers("channel,expectations,order,performance.speed,weight",
		responses{60, "phone,speed;ease,ease>speed,5,1"}, responses{40, "email,none,,3,1.5"}))
	internal := write(t, dir, "employees.csv", answers("expectations,order,performance.speed,performance.ease",
		responses{30, "speed,,4,5"}, responses{20, "ease;speed,speed>ease,5,3"}))
	for _, item := range []string{"expectations", "order", "performance"} {
		got := cxmirror(t, "compare", "-q", "external-expectations", "--internal-questionnaire", "internal-expectations",
			"--external", external, "--internal", internal, "--item", item, "--format", "json")
		if item == "performance" {
			checkSaid(t, got, exitFailed, "customers.csv:1: ", "performance.ease")
			continue
		}
		if got.code != exitDone {
			t.Errorf("%s: exit code %d: %s", item, got.code, got.stderr)
			continue
		}
		if c := parseComparison(t, got.stdout); len(c.Items) < 8 || c.External.N != 100 && c.External.N != 60 {
			t.Errorf("%s: %d items, base %d", item, len(c.Items), c.External.N)
		}
	}
}

// Text is never wider than asked for, from a phone's 60 to a wide terminal's 160 characters.
func TestWidths(t *testing.T) {
	f := newFolder(t)
	external, internal := twoSides(t, f)
	for _, language := range []string{"en", "pl", "ro", "ru"} {
		for width := 60; width <= 160; width += 10 {
			got := cxmirror(t, "compare", "-q", f.questionnaire, "--external", external, "--internal", internal, "--item", "performance",
				"--language", language, "--width", strconv.Itoa(width))
			for line := range strings.Lines(got.stdout) {
				if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > width {
					t.Errorf("in %s a line has %d characters, not %d: %s", language, n, width, line)
				}
				if strings.HasSuffix(line, " \n") {
					t.Errorf("in %s a line of width %d ends in blanks: %q", language, width, line)
				}
			}
		}
	}
}

// The exit codes, as the help states them.
func TestExitCodes(t *testing.T) {
	f := newFolder(t)
	compare := []string{"compare", "-q", f.questionnaire, "--external", f.good, "--internal"}
	for _, tt := range []struct {
		what string
		args []string
		want int
	}{
		{"done", slices.Concat(compare, []string{f.good}), 0},
		{"withheld, which is a result", slices.Concat(compare, []string{f.good, "--threshold", "100"}), 0},
		{"failed", slices.Concat(compare, []string{filepath.Join(f.path, "missing.csv")}), 1},
		{"wrong command line", slices.Concat(compare, []string{f.good, "--top", "0"}), 2},
		{"done without rejected rows", slices.Concat(compare, []string{write(t, f.path, "some.csv", goodAnswers()+"sped,\n")}), 3},
	} {
		if got := cxmirror(t, tt.args...); got.code != tt.want {
			t.Errorf("%s: exit code %d, want %d: %s", tt.what, got.code, tt.want, got.stderr)
		}
	}
}

// Help teaches by example, and tells the exit codes.
func TestHelp(t *testing.T) {
	for _, args := range [][]string{nil, {"--help"}} {
		got := cxmirror(t, args...)
		if got.code != exitDone || !strings.Contains(got.stdout, "Exit codes: 0 done; 1 failed") || !strings.Contains(got.stdout, "CXMIRROR_TOP") {
			t.Errorf("%v: exit code %d:\n%s%s", args, got.code, got.stdout, got.stderr)
		}
	}
	for command, example := range map[string]string{
		"compare": "cxmirror compare -q", "lint": "cxmirror lint", "example": "cxmirror example", "schema": "cxmirror schema",
	} {
		got := cxmirror(t, command, "--help")
		if got.code != exitDone || !strings.Contains(got.stdout, example) {
			t.Errorf("%s: exit code %d, no example %q:\n%s", command, got.code, example, got.stdout)
		}
	}
	if got := cxmirror(t, "version"); got.code != exitDone || got.stdout != "cxmirror "+version+"\n" {
		t.Errorf("version: %d, %q", got.code, got.stdout)
	}
}

// The example makes the page and says where it lies; the text is of the same result.
func TestExample(t *testing.T) {
	page := filepath.Join(t.TempDir(), "example.html")
	got := cxmirror(t, "example", "-o", page)
	if got.code != exitDone || !strings.Contains(got.stdout, page) || !strings.Contains(got.stdout, "N = 1,075") || !strings.Contains(got.stdout, "N = 2,840") {
		t.Errorf("exit code %d:\n%s%s", got.code, got.stdout, got.stderr)
	}
	if charts := strings.Count(readFile(t, page), "<svg"); charts < 3 {
		t.Errorf("%d pictures on the page, want 3 at least", charts)
	}
}
