package surveys_test

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"testing"

	"cxmirror/pkg/survey"
	"cxmirror/surveys"
)

// languages are those every bundled questionnaire speaks completely.
var languages = []survey.Language{"en", "pl", "ro", "ru"}

// parse reads a bundled questionnaire as the product does.
func parse(t *testing.T, code string) *survey.Questionnaire {
	t.Helper()
	src, err := surveys.Questionnaire(code)
	if err != nil {
		t.Fatal(err)
	}
	q, err := survey.Parse(src, code+".yaml", surveys.Frame)
	if err != nil {
		t.Fatalf("Parse(%s):\n%v", code, err)
	}
	return q
}

func parseFrame(t *testing.T, code string) *survey.Frame {
	t.Helper()
	src, err := surveys.Frame(code)
	if err != nil {
		t.Fatal(err)
	}
	f, err := survey.ParseFrame(src, path.Join("frames", code+".yaml"))
	if err != nil {
		t.Fatalf("ParseFrame(%s):\n%v", code, err)
	}
	return f
}

func item(t *testing.T, q *survey.Questionnaire, code survey.ItemCode) *survey.Item {
	t.Helper()
	it, ok := q.Item(code)
	if !ok {
		t.Fatalf("%s has no item %q", q.Code, code)
	}
	return it
}

// choices are what a respondent chooses among or rates: the options of an item, or the rows of a rating.
func choices(it *survey.Item) []survey.Option {
	return slices.Concat(it.Rows, it.Options)
}

func optionCodes(options []survey.Option) []survey.OptionCode {
	list := make([]survey.OptionCode, len(options))
	for i, o := range options {
		list[i] = o.Code
	}
	return list
}

func TestNames(t *testing.T) {
	if got, want := surveys.Names(), []string{"external-expectations", "internal-expectations"}; !slices.Equal(got, want) {
		t.Errorf("Names() = %q, want %q", got, want)
	}
	if got, want := surveys.FrameNames(), []string{"expectations"}; !slices.Equal(got, want) {
		t.Errorf("FrameNames() = %q, want %q", got, want)
	}
	// A file that is embedded but has no name could never be used.
	var found []string
	err := fs.WalkDir(surveys.FS(), ".", func(p string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			found = append(found, p)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"external-expectations.yaml", "frames/expectations.yaml", "internal-expectations.yaml"}
	if !slices.Equal(found, want) {
		t.Errorf("FS() holds %q, want %q", found, want)
	}
}

func TestUnknownNames(t *testing.T) {
	for _, code := range []string{"", "expectation", "../go", "frames/expectations", "external-expectations.yaml", "*"} {
		for kind, read := range map[string]func(string) ([]byte, error){"Questionnaire": surveys.Questionnaire, "Frame": surveys.Frame} {
			src, err := read(code)
			if !errors.Is(err, fs.ErrNotExist) || src != nil {
				t.Errorf("%s(%q) = %d bytes, %v; want an error that wraps fs.ErrNotExist", kind, code, len(src), err)
			} else if !strings.Contains(err.Error(), "expectations") {
				t.Errorf("%s(%q): the error does not say what there is: %v", kind, code, err)
			}
		}
	}
}

func TestQuestionnairesAreComplete(t *testing.T) {
	audiences := map[string]survey.Audience{"external-expectations": survey.External, "internal-expectations": survey.Internal}
	for _, code := range surveys.Names() {
		q := parse(t, code)
		if q.Code != code {
			t.Errorf("%s.yaml says it is %q", code, q.Code)
		}
		if q.Version < 1 {
			t.Errorf("%s: version %d", code, q.Version)
		}
		if q.Audience != audiences[code] {
			t.Errorf("%s: audience %q, want %q", code, q.Audience, audiences[code])
		}
		if !slices.Equal(q.Languages, languages) {
			t.Errorf("%s: languages %q, want %q", code, q.Languages, languages)
		}
		// Three items show the frame's texts, which count once.
		want := len(texts(q)) - 2*len(parseFrame(t, "expectations").Options)
		completeness := q.Completeness()
		if len(completeness) != len(languages) {
			t.Errorf("%s: completeness of %d languages, want %d", code, len(completeness), len(languages))
		}
		for _, c := range completeness {
			if len(c.Missing) != 0 || c.Total != want {
				t.Errorf("%s: %v; want %d texts, none missing", code, c, want)
			}
		}
	}
}

// The whole comparison of the two sides rests on this: the same codes, in the same order, asked the same way.
func TestBothSidesAnswerOneList(t *testing.T) {
	// The order is that of the frame's description, the published top 3 first.
	want := []survey.OptionCode{
		"competence", "needs_met", "speed", "courtesy", "listening", "reliability",
		"ease", "informed", "access", "recovery", "respect", "surprise",
	}
	var listed []survey.OptionCode
	for _, o := range parseFrame(t, "expectations").Options {
		listed = append(listed, o.Code)
	}
	if !slices.Equal(listed, want) {
		t.Errorf("frame expectations: codes %q, want %q", listed, want)
	}
	external, internal := parse(t, "external-expectations"), parse(t, "internal-expectations")
	for _, code := range []survey.ItemCode{"expectations", "order", "performance"} {
		outside, inside := item(t, external, code), item(t, internal, code)
		for _, it := range []*survey.Item{outside, inside} {
			if got := optionCodes(choices(it)); !slices.Equal(got, want) {
				t.Errorf("%s: codes %q, want %q", code, got, want)
			}
		}
		if outside.Kind != inside.Kind || outside.Min != inside.Min || outside.Max != inside.Max || outside.Random != inside.Random {
			t.Errorf("%s is asked differently outside and inside", code)
		}
	}
	picks := item(t, external, "expectations")
	if picks.Kind != survey.Multi || picks.Max != 3 || !picks.Random {
		t.Errorf("expectations: %s, at most %d, random %v; want multi, at most 3, random", picks.Kind, picks.Max, picks.Random)
	}
	if order := item(t, external, "order"); order.Kind != survey.Rank || order.Of != "expectations" {
		t.Errorf("order: %s of %q; want a rank of expectations", order.Kind, order.Of)
	}
	for _, code := range []survey.ItemCode{"performance", "satisfaction"} {
		outside, inside := item(t, external, code).Scale, item(t, internal, code).Scale
		if outside.Min != 1 || outside.Max != 5 || outside.Top != 1 {
			t.Errorf("%s: scale %d to %d, top %d; want 1 to 5, top 1", code, outside.Min, outside.Max, outside.Top)
		}
		if outside.Min != inside.Min || outside.Max != inside.Max || outside.Top != inside.Top || outside.CannotSay != inside.CannotSay ||
			!maps.Equal(outside.Low, inside.Low) || !maps.Equal(outside.High, inside.High) {
			t.Errorf("%s: the scale differs between outside and inside", code)
		}
	}
}

// The two voices differ in words exactly where the frame says so.
func TestVoices(t *testing.T) {
	tests := []struct {
		code               survey.OptionCode
		external, internal string
	}{
		{"competence", "Staff have knowledge and competence", "The people who serve me have knowledge and competence"},
		{"needs_met", "My needs are met", "My needs are met"},
		{"speed", "I get the result quickly", "I get the result quickly"},
		{"recovery", "Mistakes are put right quickly and fairly", "Mistakes are put right quickly and without blame"},
		{"respect", "I am treated as important", "I am treated as a partner, not as a petitioner"},
	}
	outside := item(t, parse(t, "external-expectations"), "expectations")
	inside := item(t, parse(t, "internal-expectations"), "expectations")
	for _, tt := range tests {
		for it, want := range map[*survey.Item]string{outside: tt.external, inside: tt.internal} {
			at, ok := it.Option(tt.code)
			if !ok {
				t.Fatalf("no option %q", tt.code)
			}
			if got := it.Options[at].Text["en"]; got != want {
				t.Errorf("%s: %q, want %q", tt.code, got, want)
			}
		}
	}
}

// Linking what a function gives with what its own people get needs one code and one name for it.
func TestFunctionsAreDepartments(t *testing.T) {
	q := parse(t, "internal-expectations")
	department := item(t, q, "department")
	for _, function := range item(t, q, "served_by").Options {
		if function.Exclusive || function.Code == "other" {
			continue
		}
		at, ok := department.Option(function.Code)
		if !ok {
			t.Errorf("served_by.%s is no department", function.Code)
			continue
		}
		if !maps.Equal(function.Text, department.Options[at].Text) {
			t.Errorf("%s is named differently in served_by and department", function.Code)
		}
	}
}

// Who is asked what, by answers in the cells of a file.
func TestConditions(t *testing.T) {
	tests := []struct {
		questionnaire string
		answers       map[string]string
		item          survey.ItemCode
		asked         bool
	}{
		{"external-expectations", nil, "order", false},
		{"external-expectations", map[string]string{"expectations": "none"}, "order", false},
		{"external-expectations", map[string]string{"expectations": "speed"}, "order", false},
		{"external-expectations", map[string]string{"expectations": "speed;ease"}, "order", true},
		{"external-expectations", map[string]string{"relationship": "prospect"}, "tenure", false},
		{"external-expectations", map[string]string{"relationship": "private"}, "tenure", true},
		{"external-expectations", nil, "tenure", true},
		{"internal-expectations", map[string]string{"expectations": "speed;ease;respect"}, "order", true},
		{"internal-expectations", map[string]string{"expectations": "respect"}, "order", false},
		{"internal-expectations", map[string]string{"served_by": "it"}, "expectations", true},
		{"internal-expectations", map[string]string{"served_by": "it"}, "comment", true},
		{"internal-expectations", map[string]string{"served_by": "none"}, "expectations", false},
		{"internal-expectations", map[string]string{"served_by": "none"}, "performance", false},
		{"internal-expectations", map[string]string{"served_by": "none"}, "satisfaction", false},
		{"internal-expectations", map[string]string{"served_by": "none"}, "effort", false},
		{"internal-expectations", map[string]string{"served_by": "none"}, "comment", false},
	}
	for _, tt := range tests {
		q := parse(t, tt.questionnaire)
		decoder, values := q.NewDecoder(), make([]survey.Value, len(q.Columns()))
		for key, cell := range tt.answers {
			column, ok := q.Column(key)
			if !ok {
				t.Fatalf("%s has no column %q", q.Code, key)
			}
			if problem := decoder.Decode(column, cell, &values[column]); problem != nil {
				t.Fatalf("%s: %v", q.Code, problem)
			}
		}
		condition := item(t, q, tt.item).ShowIf
		if condition == nil {
			t.Errorf("%s: %s has no condition", q.Code, tt.item)
			continue
		}
		if got := condition.Holds(values); got != tt.asked {
			t.Errorf("%s: with %v, %s is asked: %v, want %v", q.Code, tt.answers, tt.item, got, tt.asked)
		}
	}
	// Everyone is asked about herself, whatever she answered before.
	q := parse(t, "internal-expectations")
	for _, code := range []survey.ItemCode{"served_by", "department", "level", "office"} {
		if it := item(t, q, code); it.ShowIf != nil || !it.Background {
			t.Errorf("%s: condition %v, background %v; want a background item for everyone", code, it.ShowIf, it.Background)
		}
	}
}

// The function a respondent names stands in the hints of what follows, in her language.
func TestTheFunctionIsNamed(t *testing.T) {
	want := map[survey.Language]string{
		"en": "Function: Purchasing.",
		"pl": "Dział: Zakupy.",
		"ro": "Departament: Achiziții.",
		"ru": "Служба: Закупки.",
	}
	q := parse(t, "internal-expectations")
	column, ok := q.Column("served_by")
	if !ok {
		t.Fatal("no column served_by")
	}
	values := make([]survey.Value, len(q.Columns()))
	if problem := q.NewDecoder().Decode(column, "purchasing", &values[column]); problem != nil {
		t.Fatal(problem)
	}
	for _, lang := range languages {
		if got := q.Pipe(item(t, q, "satisfaction").Hint.In(lang), lang, values); got != want[lang] {
			t.Errorf("%s: %q, want %q", lang, got, want[lang])
		}
	}
}

// Whole responses as a browser sends them, and what becomes of a person no function has served.
func TestWholeResponses(t *testing.T) {
	rated := func(form map[string][]string) map[string][]string {
		for _, o := range parseFrame(t, "expectations").Options {
			form["performance."+string(o.Code)] = []string{"4"}
		}
		form["performance.surprise"] = []string{"cannot_say"}
		return form
	}
	tests := []struct {
		name, questionnaire string
		form                map[string][]string
		refused             survey.ItemCode // the one item that is not accepted, or ""
	}{
		{"a customer answers everything", "external-expectations", rated(map[string][]string{
			"channel": {"phone"}, "expectations": {"speed", "ease", "respect"}, "order": {"ease", "speed", "respect"},
			"satisfaction": {"5"}, "recommendation": {"0"}, "fan": {"1"}, "comment": {"Szybciej, proszę."},
			"relationship": {"private"}, "tenure": {"6_10_years"},
		}), ""},
		{"a customer answers nothing", "external-expectations", map[string][]string{}, ""},
		{"a customer picks four", "external-expectations", map[string][]string{"expectations": {"speed", "ease", "respect", "access"}}, "expectations"},
		{"an employee answers everything", "internal-expectations", rated(map[string][]string{
			"served_by": {"accounting"}, "expectations": {"competence", "needs_met"}, "order": {"needs_met", "competence"},
			"satisfaction": {"2"}, "effort": {"3"}, "comment": {"—"}, "department": {"sales"}, "level": {"manager"}, "office": {"front"},
		}), ""},
		{"an employee whom none served", "internal-expectations", map[string][]string{
			"served_by": {"none"}, "department": {"legal"}, "level": {"frontline"}, "office": {"back"},
		}, ""},
		{"an employee names no function", "internal-expectations", map[string][]string{"department": {"it"}}, "served_by"},
	}
	for _, tt := range tests {
		_, err := parse(t, tt.questionnaire).ReadAnswers(tt.form)
		if tt.refused == "" {
			if err != nil {
				t.Errorf("%s: %v", tt.name, err)
			}
			continue
		}
		refused, ok := errors.AsType[survey.AnswersError](err)
		if !ok {
			t.Errorf("%s: error %v, want one of %s", tt.name, err, tt.refused)
			continue
		}
		for _, lang := range languages {
			messages := refused.In(lang)
			if len(messages) != 1 || messages[0].Item != tt.refused || messages[0].Text == "" {
				t.Errorf("%s, %s: %v, want one message at %s", tt.name, lang, messages, tt.refused)
			}
		}
	}
}

// A condition can be answered only once the items it depends on are: on a page before it, since a page must
// work without script.
func TestConditionsNeedNoScript(t *testing.T) {
	for _, code := range surveys.Names() {
		q := parse(t, code)
		for _, it := range q.Items {
			if it.ShowIf == nil {
				continue
			}
			for _, needed := range it.ShowIf.Items() {
				if item(t, q, needed).Page >= it.Page {
					t.Errorf("%s: %s depends on %s on the same page", code, it.Code, needed)
				}
			}
		}
	}
}

// update rewrites testdata/codes.txt with the codes as they are now.
var update = flag.Bool("update", false, "rewrite testdata/codes.txt")

// Answers are kept by these codes. A line may be added; to change or remove one is to lose answers that were
// given under it.
func TestCodesNeverChange(t *testing.T) {
	var got []string
	for _, code := range surveys.Names() {
		q := parse(t, code)
		for i := range q.Items {
			it := &q.Items[i]
			got = append(got, fmt.Sprintf("%s %s %s", code, it.Code, it.Kind))
			for _, o := range choices(it) {
				got = append(got, fmt.Sprintf("%s %s.%s", code, it.Code, o.Code))
			}
		}
	}
	const golden = "testdata/codes.txt"
	if *update {
		if err := os.WriteFile(golden, []byte(strings.Join(got, "\n")+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	src, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Split(strings.TrimSpace(string(src)), "\n")
	for _, line := range want {
		if !slices.Contains(got, line) {
			t.Errorf("gone: %s; answers given under this code would be lost", line)
		}
	}
	for _, line := range got {
		if !slices.Contains(want, line) {
			t.Errorf("new: %s; add it with go test ./surveys -update", line)
		}
	}
}
