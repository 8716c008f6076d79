package fieldwork

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"math"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"cxmirror/pkg/survey"
	"cxmirror/surveys"
)

// morning is when everything in these tests happens.
var morning = time.Date(2027, 3, 1, 9, 0, 0, 0, time.UTC)

func after(days int) *time.Time {
	t := morning.AddDate(0, 0, days)
	return &t
}

// bundled returns a questionnaire that the program comes with.
func bundled(tb testing.TB, name string) *survey.Questionnaire {
	tb.Helper()
	source, err := fs.ReadFile(surveys.FS(), name+".yaml")
	if err != nil {
		tb.Fatal(err)
	}
	q, err := survey.Parse(source, name+".yaml", surveys.Frame)
	if err != nil {
		tb.Fatal(err)
	}
	return q
}

// panel returns people by department, "sales 12": so many of each, all of whom can be reached.
func panel(tb testing.TB, departments ...string) ([]survey.Person, []survey.Attribute) {
	tb.Helper()
	var people []survey.Person
	department := survey.Attribute{Key: "dept", Name: "Department", Type: survey.TextAttribute}
	level := survey.Attribute{Key: "grade", Name: "Grade", Type: survey.TextAttribute, Values: []survey.AttributeValue{
		{ID: 901, Given: "staff", Name: "Staff"}, {ID: 902, Given: "manager", Name: "Manager"},
	}}
	age := survey.Attribute{Key: "age", Name: "Age", Type: survey.NumberAttribute}
	for at, d := range departments {
		name, n := "", 0
		if _, err := fmt.Sscan(d, &name, &n); err != nil {
			tb.Fatal(err)
		}
		department.Values = append(department.Values, survey.AttributeValue{ID: int64(at + 1), Given: name, Name: strings.ToUpper(name[:1]) + name[1:]})
		for i := range n {
			key := fmt.Sprintf("%s%d@example.org", name, i)
			grade := "staff"
			if i == 0 {
				grade = "manager"
			}
			people = append(people, survey.Person{
				ID: survey.PersonID(len(people) + 1), Key: key, Address: key, Name: "Person " + key, Language: "en", Active: true,
				Attributes: map[string]string{"dept": name, "grade": grade, "age": fmt.Sprint(20 + i)},
			})
		}
	}
	return people, []survey.Attribute{department, level, age}
}

// soundFacts are those of a plan that has nothing to complain of.
func soundFacts(tb testing.TB) facts {
	tb.Helper()
	people, attributes := panel(tb, "sales 40", "support 30", "finance 20")
	return facts{
		plan: &Plan{
			Wave: survey.Wave{
				State: survey.WaveDraft, Audience: survey.Internal, Mode: survey.Confidential, Threshold: 5, Comments: 10, Closes: after(14), Erases: after(200),
				TimeZone: "Europe/Warsaw", Promise: survey.Promise{Asker: survey.Words{"en": "HR"}},
			},
			Attributes: []string{"dept"}, Mail: true, Compare: 1,
			Letters:  []survey.Letter{{Kind: survey.InvitationLetter, Subject: survey.Words{"en": "Please"}, Text: survey.Words{"en": "Here: {link}"}}},
			Mailings: []survey.Mailing{{Kind: survey.InvitationLetter, At: *after(1)}},
		},
		now: morning, questionnaire: bundled(tb, "external-expectations"), attributes: attributes, people: people, against: 1200, againstLeast: 5, mails: true,
	}
}

// backgroundOptions returns how many combinations the background items of a questionnaire have.
func backgroundOptions(tb testing.TB, code string) int {
	tb.Helper()
	n := 1
	for _, item := range bundled(tb, code).Items {
		if item.Background {
			n *= len(item.Options)
		}
	}
	return n
}

func TestCheckOfASoundPlan(t *testing.T) {
	t.Parallel()
	f, err := check(soundFacts(t))
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Items) > 0 || f.Stops() {
		t.Errorf("a sound plan: %+v", f.Items)
	}
	if f.Audience != 90 || f.Reachable != 90 || f.Invited != 90 || f.ByMail != 90 || len(f.Outlooks) != 3 || len(f.Groups) != 1 || len(f.Languages) == 0 {
		t.Errorf("got %+v", f)
	}
	if g := f.Groups[0]; g.Name != "Department" || len(g.Values) != 3 || g.Values[0].Name != "Sales" || g.Values[0].People != 40 || g.Small != 0 {
		t.Errorf("groups %+v", g)
	}
}

// Each finding is found where there is reason for it, and nowhere in a sound plan (above).
func TestCheckFinds(t *testing.T) {
	t.Parallel()
	letter := func(f *facts, kind survey.LetterKind) {
		f.plan.Letters = append(f.plan.Letters, survey.Letter{Kind: kind, Subject: survey.Words{"en": "Please"}, Text: survey.Words{"en": "{link}"}})
	}
	tests := []struct {
		spoil func(f *facts)
		want  Finding // fields that are zero are not compared
	}{
		{func(f *facts) { f.plan.Wave.State = survey.WaveOpen }, Finding{Severity: Stop, Key: NotADraft}},
		{func(f *facts) { f.plan.Mail = false }, Finding{Severity: Stop, Key: NoWayIn}},
		{func(f *facts) { f.plan.OpenOnly = true }, Finding{Severity: Stop, Key: NoWayIn}},
		{func(f *facts) { f.people = nil }, Finding{Severity: Stop, Key: Nobody}},
		{func(f *facts) { f.people = f.people[:4] }, Finding{Severity: Stop, Key: FewerThanThreshold, Count: 4, Of: 5}},
		{func(f *facts) { f.plan.Wave.Mode = survey.Anonymous; f.plan.Wave.Threshold = 2 }, Finding{Severity: Stop, Key: ThresholdTooLow, Count: 2, Of: 3}},
		{func(f *facts) { f.plan.Wave.Threshold = 4 }, Finding{Severity: Warn, Key: ThresholdLow, Count: 4, Of: 5}},
		{func(f *facts) { f.plan.Wave.Comments = 4 }, Finding{Severity: Stop, Key: CommentsTooLow, Count: 4, Of: 5}},
		{func(f *facts) { f.plan.Wave.Closes = after(0) }, Finding{Severity: Stop, Key: ClosesInThePast}},
		{func(f *facts) { f.plan.Wave.Opens = after(20) }, Finding{Severity: Stop, Key: ClosesBeforeOpens}},
		{func(f *facts) { f.plan.Wave.Closes = nil }, Finding{Severity: Note, Key: NoClosingDate}},
		{func(f *facts) { f.plan.Wave.Erases = after(13) }, Finding{Severity: Stop, Key: ErasesTooEarly}},
		{func(f *facts) { f.plan.Wave.Erases = nil }, Finding{Severity: Note, Key: NoErasing}},
		{func(f *facts) { f.plan.Wave.TimeZone = "Europe/Krakow" }, Finding{Severity: Stop, Key: UnknownTimeZone, Text: "Europe/Krakow"}},
		{func(f *facts) { f.plan.Wave.Promise.Asker = nil }, Finding{Severity: Stop, Key: NoAsker}},
		{func(f *facts) { f.plan.Wave.Tracks = true }, Finding{Severity: Note, Key: TracksOpening}},
		{func(f *facts) { f.plan.Wave.Tracks = true; f.plan.Wave.Mode = survey.Anonymous }, Finding{Severity: Warn, Key: TracksOpening}},
		{func(f *facts) { f.plan.Wave.OpenLink = true }, Finding{Severity: Warn, Key: AnswerTwice}},
		{func(f *facts) { f.plan.Sample = 90 }, Finding{Severity: Note, Key: SampleOfAll, Count: 90, Of: 90}},
		{func(f *facts) { f.plan.Sample = 50 }, Finding{Severity: Warn, Key: Blind, Count: 30, Of: 50, Affected: 30}},
		{func(f *facts) { f.plan.Compare = 0 }, Finding{Severity: Note, Key: NothingToCompare}},
		{func(f *facts) { f.against = 4 }, Finding{Severity: Note, Key: ComparesWithFew, Count: 4, Of: 5}},
		{func(f *facts) { f.mails = false }, Finding{Severity: Stop, Key: NoMailServer}},
		{func(f *facts) { f.plan.Letters = nil }, Finding{Severity: Stop, Key: NoInvitation}},
		{
			func(f *facts) {
				f.plan.Mailings = append(f.plan.Mailings, survey.Mailing{Kind: survey.ReminderLetter, At: *after(5)})
			},
			Finding{Severity: Stop, Key: NoReminderLetter},
		},
		{func(f *facts) { f.plan.Mailings = nil }, Finding{Severity: Warn, Key: NoMailing}},
		{func(f *facts) { f.plan.Letters[0].Text = survey.Words{"en": "Hello {nahme}: {link}"} }, Finding{Severity: Stop, Key: LetterWrong, Letter: survey.InvitationLetter, Language: "en"}},
		{func(f *facts) { f.plan.Mailings[0].At = *after(14) }, Finding{Severity: Stop, Key: MailingTooLate, Count: 1}},
		{
			func(f *facts) {
				letter(f, survey.ReminderLetter)
				f.plan.Mailings = append(f.plan.Mailings, survey.Mailing{Kind: survey.ReminderLetter, At: *after(1)})
			},
			Finding{Severity: Warn, Key: MailingTooEarly, Count: 1},
		},
		{func(f *facts) { f.questionnaire = halfTranslated(t) }, Finding{Severity: Note, Key: TextsMissing, Language: "pl", Count: 2, Of: 5}},
		{
			func(f *facts) { f.questionnaire = halfTranslated(t); f.people[3].Language = "pl" },
			Finding{Severity: Warn, Key: TextsMissing, Language: "pl", Count: 2, Of: 5, Affected: 1},
		},
		{func(f *facts) { f.people[3].Language = "de" }, Finding{Severity: Warn, Key: LanguageNotOffered, Language: "de", Count: 1, Of: 90}},
		{func(f *facts) { f.people[3].Language = "pl" }, Finding{Severity: Warn, Key: LetterNotWritten, Letter: survey.InvitationLetter, Language: "pl", Count: 1}},
		{func(f *facts) { f.people[3].Language = "" }, Finding{Severity: Note, Key: NoLanguage, Count: 1, Of: 90}},
		{func(f *facts) { f.people[3].Address = "" }, Finding{Severity: Warn, Key: AddressMissing, Count: 1, Of: 90}},
		{func(f *facts) { f.people[3].Address = ""; f.plan.Paper = true }, Finding{Severity: Note, Key: AddressMissing, Count: 1, Of: 90}},
		{func(f *facts) { f.people[3].Address = strings.Repeat("a", 65) + "@example.org" }, Finding{Severity: Warn, Key: AddressMalformed, Count: 1, Of: 90}},
		{func(f *facts) { f.people[3].Bounced = after(-3) }, Finding{Severity: Warn, Key: AddressBounced, Count: 1, Of: 90}},
		{func(f *facts) { f.people[3].Unsubscribed = after(-3) }, Finding{Severity: Warn, Key: Unsubscribed, Count: 1, Of: 90}},
		{func(f *facts) { f.people[3].Address = strings.ToUpper(f.people[4].Address) }, Finding{Severity: Warn, Key: AddressShared, Count: 2, Of: 90}},
		{func(f *facts) { f.people[3].Active = false }, Finding{Severity: Note, Key: Inactive, Count: 1, Of: 90}},
		{func(f *facts) { f.people, f.attributes = panel(t, "sales 40", "legal 3", "finance 20") }, Finding{Severity: Warn, Key: GroupsSmall, Attribute: "dept", Count: 3, Of: 5}},
		{func(f *facts) { f.people, f.attributes = panel(t, "sales 40", "legal 8", "finance 20") }, Finding{Severity: Note, Key: GroupsAtRisk, Attribute: "dept", Count: 1, Of: 5}},
		{func(f *facts) { delete(f.people[3].Attributes, "dept") }, Finding{Severity: Note, Key: GroupUnknown, Attribute: "dept", Count: 1, Of: 90}},
		{func(f *facts) { f.plan.Groups = []Group{{"dept", "Two", []int64{1, 77}}} }, Finding{Severity: Stop, Key: GroupsWrong, Attribute: "dept"}},
		{
			func(f *facts) {
				f.plan.Groups = []Group{{"dept", "Two", []int64{1, 2}}, {"dept", "Three", []int64{2, 3}}}
			},
			Finding{Severity: Stop, Key: GroupsWrong, Attribute: "dept"},
		},
		{
			func(f *facts) { f.plan.Wave.Mode = survey.Anonymous; f.plan.Attributes = []string{"dept", "grade"} },
			Finding{Severity: Warn, Key: CombinationsSmall, Attribute: "grade", Count: 3, Of: 90, Affected: 0},
		},
		{func(f *facts) { f.plan.Attributes = []string{"shoe"} }, Finding{Severity: Stop, Key: AttributeUnknown, Attribute: "shoe"}},
		{func(f *facts) { f.plan.Attributes = []string{"age"} }, Finding{Severity: Stop, Key: AttributeNoGroups, Attribute: "age"}},
		{
			func(f *facts) {
				var departments []string
				for i := range 64 {
					departments = append(departments, fmt.Sprintf("d%d 10", i))
				}
				f.people, f.attributes = panel(t, departments...)
			},
			Finding{Severity: Stop, Key: AttributeManyValues, Attribute: "dept", Count: 64, Of: 63},
		},
		{
			func(f *facts) {
				f.attributes[0].Key, f.plan.Attributes[0] = "channel", "channel"
			},
			Finding{Severity: Warn, Key: AttributeIsItem, Attribute: "channel"},
		},
		{ // by another code, and the same name
			func(f *facts) { f.questionnaire = bundled(t, "internal-expectations"); f.attributes[0].Name = "Level" },
			Finding{Severity: Warn, Key: AttributeIsItem, Attribute: "dept"},
		},
		{ // asked and not split by: still a question too many
			func(f *facts) {
				f.questionnaire = bundled(t, "internal-expectations")
				f.attributes[0].Name, f.plan.Wave.Reported = "Level", []survey.ItemCode{"dept"}
			},
			Finding{Severity: Note, Key: AskedAndKnown, Attribute: "dept"},
		},
		{func(f *facts) { f.plan.Wave.Reported = []survey.ItemCode{"channel", "shoe"} }, Finding{Severity: Stop, Key: ReportedUnknown}},
		{func(f *facts) { f.plan.Wave.Reported = []survey.ItemCode{"expectations"} }, Finding{Severity: Stop, Key: ReportedUnknown}},
		{func(f *facts) { f.plan.Wave.Mode = survey.Anonymous; f.plan.Wave.Reported = []survey.ItemCode{"dept"} }, Finding{Severity: Warn, Key: BackgroundDropped}},
		{
			func(f *facts) { f.plan.Wave.Mode = survey.Anonymous },
			Finding{Severity: Warn, Key: TooManySplits, Of: 3 * backgroundOptions(t, "external-expectations"), Affected: 54},
		},
		{func(f *facts) { f.plan.Filter = map[string][]string{"dept": {"Sales", "Slaes"}} }, Finding{Severity: Warn, Key: FilterUnknown, Attribute: "dept"}},
		{func(f *facts) { f.plan.Filter = map[string][]string{"shoe": {"43"}} }, Finding{Severity: Stop, Key: FilterUnknown, Attribute: "shoe"}},
	}
	found := make(map[FindingKey]bool)
	for _, tt := range tests {
		f := soundFacts(t)
		tt.spoil(&f)
		got, err := check(f)
		if err != nil {
			t.Fatalf("%s: %v", tt.want.Key, err)
		}
		found[tt.want.Key] = true
		it, ok := got.Find(tt.want.Key)
		if !ok || it.Severity != tt.want.Severity || it.Attribute != tt.want.Attribute || it.Count != tt.want.Count && tt.want.Count > 0 ||
			it.Of != tt.want.Of && tt.want.Of > 0 || it.Affected != tt.want.Affected && tt.want.Affected > 0 ||
			tt.want.Language != "" && it.Language != tt.want.Language || it.Letter != tt.want.Letter || tt.want.Text != "" && it.Text != tt.want.Text {
			t.Errorf("%s: found %+v; want %+v", tt.want.Key, it, tt.want)
		}
		if (tt.want.Severity == Stop) != got.Stops() {
			t.Errorf("%s: stops %v: %+v", tt.want.Key, got.Stops(), got.Items)
		}
	}
	for _, key := range FindingKeys() {
		if !found[key] {
			t.Errorf("no plan here has the finding %s", key)
		}
	}
}

// FindingKeys lists every constant.
func TestFindingKeys(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("check.go")
	if err != nil {
		t.Fatal(err)
	}
	declared := regexp.MustCompile(`FindingKey = "([a-z_]+)"`).FindAllSubmatch(source, -1)
	keys := FindingKeys()
	if len(declared) != len(keys) || len(keys) < 40 {
		t.Errorf("%d keys are declared and %d listed", len(declared), len(keys))
	}
	for _, d := range declared {
		if !slices.Contains(keys, FindingKey(d[1])) {
			t.Errorf("%s is declared and not listed", d[1])
		}
	}
}

func halfTranslated(tb testing.TB) *survey.Questionnaire {
	tb.Helper()
	return questionnaire(tb, `
code: half
languages: [en, pl]
title: {en: Half, pl: Połowa}
items:
  - {code: one, kind: multi, max: 1, text: {en: One?, pl: Jeden?}, options: [{code: a, text: {en: A, pl: A}}, {code: b, text: {en: B}}]}
  - {code: words, kind: text, text: {en: Words?}}
`)
}

// The figures of the launch check are those of the method: statistics of 1,200 external answers against 50, of
// which an item is chosen by 30 %. Two-sided level 0.05, power 0.80: 18.5 points for one item, 24.1 for ten.
func TestOutlook(t *testing.T) {
	t.Parallel()
	options := ""
	for i := range 10 {
		options += fmt.Sprintf("{code: o%d, text: O}, ", i)
	}
	q := questionnaire(t, "{code: t, title: T, items: [{code: expectations, kind: multi, max: 3, text: Which?, options: ["+options+"{code: none, text: None, exclusive: true}]}]}")
	all, err := outlook(q, 83, 1200) // 60 % of 83 are 50
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 3 {
		t.Fatalf("%d outlooks; want 3", len(all))
	}
	got := all[1]
	near := func(got, want float64) bool { return math.Abs(got-want) < 5e-4 }
	if got.Rate != 0.6 || got.Answers != 50 || got.Item != "expectations" || !near(got.Share, 0.3) || got.Family != 10 ||
		!near(got.Detectable, 0.1853) || !near(got.Corrected, 0.2413) {
		t.Errorf("got %+v; want 50 answers, 18.5 and 24.1 points", got)
	}
	// Wilson for 15 of 50: 0.1910 to 0.4375, by the formula.
	if !near(got.Margin, (0.4375-0.1910)/2) || got.Practically {
		t.Errorf("got %+v; want a margin of 12.3 points, and nothing that can be shown to be the same", got)
	}
	if !(all[0].Detectable > got.Detectable && got.Detectable > all[2].Detectable) {
		t.Errorf("more answers do not see more: %+v", all)
	}
	alone, err := outlook(q, 83, 0)
	if err != nil || alone[1].Detectable != 0 || alone[1].Margin != got.Margin {
		t.Errorf("nothing to compare with: %+v, %v", alone, err)
	}
	if none, err := outlook(questionnaire(t, "{code: t, title: T, items: [{code: words, kind: text, text: Words?}]}"), 83, 1200); err != nil || len(none) > 0 {
		t.Errorf("nothing to rank: %+v, %v", none, err)
	}
	if few, err := outlook(q, 1, 1200); err != nil || len(few) != 2 {
		t.Errorf("one invited: %+v, %v; want one answer at 60 %% and 80 %%", few, err)
	}
}

func TestProposeMerge(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name        string
		departments []string
		want        string
	}{
		{"none too small", []string{"a 5", "b 7"}, ""},
		{"two small ones", []string{"a 40", "b 3", "c 2"}, "B + C [2 3]"},
		{"a small one and the smallest that is not", []string{"a 40", "b 3", "c 9"}, "B + C [2 3]"},
		{"small ones until they are enough", []string{"a 2", "b 2", "c 2", "d 2", "e 2"}, "A + B + C + … [1 2 3 4 5]"},
		{"two groups of small ones", []string{"a 3", "b 3", "c 3", "d 3"}, "A + B [1 2], C + D [3 4]"},
		{"too few in all", []string{"a 2", "b 2"}, ""},
		{"many", []string{"a 1", "b 1", "c 1", "d 1", "e 1", "f 50"}, "A + B + C + … [1 2 3 4 5]"},
	}
	for _, tt := range tests {
		people, attributes := panel(t, tt.departments...)
		a := newPanelAttribute(attributes[0], "dept", nil)
		sizes, _ := groupSizes(people, a)
		var got []string
		groups := proposeMerge("dept", sizes, 5)
		for _, g := range groups {
			got = append(got, fmt.Sprint(g.Name, " ", g.Values))
		}
		if tt.name != "two groups of small ones" && strings.Join(got, ", ") != tt.want {
			t.Errorf("%s: got %v; want %s", tt.name, got, tt.want)
		}
		// The proposal mends what it was made for.
		sizes, _ = groupSizes(people, newPanelAttribute(attributes[0], "dept", groups))
		for _, size := range sizes {
			if len(people) >= 5 && size.People < 5 {
				t.Errorf("%s: with the proposal, %s still has %d people", tt.name, size.Name, size.People)
			}
		}
	}
}

// Whatever is frozen at the launch, each shares it with others: in an anonymous wave all of it, in a confidential
// one every value.
func TestFreeze(t *testing.T) {
	t.Parallel()
	for _, mode := range survey.Modes() {
		f := soundFacts(t)
		f.people, f.attributes = panel(t, "sales 40", "legal 3", "finance 20", "it 7")
		f.plan.Wave.Mode = mode
		f.plan.Attributes = []string{"grade", "dept"}
		f.plan.Wave.Reported = []survey.ItemCode{"dept", "grade", "channel"}
		c := newChecker(f)
		got := c.freeze(seeded(1))
		if len(got.segments) != 2 || got.segments[0].Code != "dept" || got.segments[1].Code != "grade" || got.segments[0].Text["en"] != "Department" {
			t.Fatalf("%s: segments %+v; want the department, then the grade", mode, got.segments)
		}
		whole, single := map[string]int{}, map[string]int{}
		for i, attributes := range got.attributes {
			encoded, err := json.Marshal(attributes)
			if err != nil {
				t.Fatal(err)
			}
			whole[string(encoded)]++
			for _, code := range []survey.ItemCode{"dept", "grade"} {
				single[string(code)+"="+string(attributes[code])]++
			}
			if d := attributes["dept"]; d != "" && d != valueCode(map[string]int64{"sales": 1, "legal": 2, "finance": 3, "it": 4}[c.audience.invited[i].Attributes["dept"]]) {
				t.Errorf("%s: somebody of %s is frozen as %s", mode, c.audience.invited[i].Attributes["dept"], d)
			}
			for code, option := range attributes {
				at := slices.IndexFunc(got.segments, func(s survey.Segment) bool { return s.Code == code })
				if at < 0 || !slices.ContainsFunc(got.segments[at].Values, func(o survey.Option) bool { return o.Code == option }) {
					t.Errorf("%s: %s=%s is in no segment", mode, code, option)
				}
			}
		}
		switch mode {
		case survey.Identified:
			if single["dept=v2"] != 3 {
				t.Errorf("identified: %v; want the three of Legal", single)
			}
		case survey.Confidential:
			if single["dept=v2"] != 0 || single["dept=v1"] < 35 {
				t.Errorf("confidential: %v; want nobody of Legal, and nearly all of Sales", single)
			}
			for value, n := range single {
				if n < 5 && !strings.HasPrefix(value, "grade") || n > 0 && n < 5 && value == "grade=" {
					t.Errorf("confidential: %d people are %s", n, value)
				}
			}
		case survey.Anonymous:
			for class, n := range whole {
				if n < 5 {
					t.Errorf("anonymous: %d people are %s", n, class)
				}
			}
		}
	}
}

func TestSample(t *testing.T) {
	t.Parallel()
	people, _ := panel(t, "sales 500")
	keys := func(people []survey.Person) map[string]bool {
		m := make(map[string]bool)
		for i := range people {
			m[people[i].Key] = true
		}
		return m
	}
	drawn := sample(people, 100, 7)
	backwards := slices.Clone(people)
	slices.Reverse(backwards)
	one, again, other := keys(drawn), keys(sample(backwards, 100, 7)), keys(sample(people, 100, 8))
	if len(one) != 100 || len(again) != 100 || len(other) != 100 {
		t.Fatalf("%d, %d and %d people; want 100", len(one), len(again), len(other))
	}
	same := 0
	for key := range one {
		if !again[key] {
			t.Errorf("%s is drawn from the panel and not from the panel backwards", key)
		}
		if other[key] {
			same++
		}
	}
	if same < 5 || same > 40 { // hypergeometric: 20, standard deviation 3.6
		t.Errorf("another number draws %d of 100 again; want about 20", same)
	}
	if all := sample(people, 0, 7); len(all) != 500 {
		t.Errorf("no sample is %d people", len(all))
	}
	// Everybody is as likely as everybody else: of 400 draws of 100 of 500 each is in 80, with a standard deviation
	// of 8; five of them away is less than once in a thousand for the most extreme of 500.
	times := map[string]int{}
	for seed := range uint64(400) {
		for key := range keys(sample(people, 100, seed)) {
			times[key]++
		}
	}
	for key, n := range times {
		if n < 40 || n > 120 {
			t.Errorf("%s is drawn %d times of 400; want about 80", key, n)
		}
	}
}

func TestValidAddress(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]bool{
		"anna@example.org": true, "anna.kowalska+x@mail.example.org": true, "анна@пример.рф": true, "anna@localhost": true,
		"": false, "anna": false, "anna@": false, "@example.org": false, "Anna <anna@example.org>": false, "anna@example.org, jan@example.org": false,
		"anna@example.org\r\nBcc: all@example.org": false, "an na@example.org": false, strings.Repeat("a", 300) + "@example.org": false,
		"anna@" + strings.Repeat("a.", 130) + "org": false, "anna@[127.0.0.1]": false, " anna@example.org": false,
	} {
		if got := validAddress(address); got != want {
			t.Errorf("validAddress(%.40q) = %v; want %v", address, got, want)
		}
	}
}

// A plan can be kept as JSON while it is thought over.
func TestPlanAsJSON(t *testing.T) {
	t.Parallel()
	plan := soundFacts(t).plan
	plan.Filter, plan.Groups, plan.Sample, plan.Seed = map[string][]string{"dept": {"Sales"}}, []Group{{"dept", "Both", []int64{1, 2}}}, 30, math.MaxUint64
	encoded, err := json.Marshal(plan)
	if err != nil {
		t.Fatal(err)
	}
	var got Plan
	if err := json.Unmarshal(encoded, &got); err != nil {
		t.Fatal(err)
	}
	if again, err := json.Marshal(got); err != nil || string(again) != string(encoded) || got.Seed != plan.Seed {
		t.Errorf("got  %s, %v\nwant %s", again, err, encoded)
	}
}

func TestReportedCodes(t *testing.T) {
	t.Parallel()
	q := bundled(t, "internal-expectations") // asks for department, level, office; served_by
	tests := []struct {
		attributes []string
		reported   []survey.ItemCode
		want       string
	}{
		{nil, nil, "[]"},
		{nil, []survey.ItemCode{"level"}, "[level]"},
		{[]string{"location"}, nil, "[location served_by department level office]"},
		{[]string{"location", "site"}, []survey.ItemCode{"level", "site"}, "[location level site]"},
		{[]string{"department"}, []survey.ItemCode{"department", "level"}, "[panel_department department level]"},
		{[]string{"department"}, []survey.ItemCode{"level", "panel_department"}, "[level panel_department]"},
		{[]string{"location"}, []survey.ItemCode{}, "[location]"},
	}
	for _, tt := range tests {
		p := Plan{Attributes: tt.attributes, Wave: survey.Wave{Reported: tt.reported}}
		if got := fmt.Sprint(p.reportedCodes(q)); got != tt.want {
			t.Errorf("%v with %v: got %s; want %s", tt.attributes, tt.reported, got, tt.want)
		}
	}
}

// TestSplitTwice: what the panel knows and the questionnaire asks is split by twice only if results are split by both.
func TestSplitTwice(t *testing.T) {
	t.Parallel()
	for name, twice := range map[string]bool{"every item": true, "the item": true, "another item": false, "no item": false} {
		f := soundFacts(t)
		f.attributes[0].Key, f.plan.Attributes[0] = "channel", "channel"
		switch name {
		case "the item":
			f.plan.Wave.Reported = []survey.ItemCode{"channel", "panel_channel"}
		case "another item":
			f.plan.Wave.Reported = []survey.ItemCode{"panel_channel", "segment"}
		case "no item":
			f.plan.Wave.Reported = []survey.ItemCode{"panel_channel"}
		}
		found, err := check(f)
		if err != nil {
			t.Fatal(err)
		}
		if _, got := found.Find(AttributeIsItem); got != twice {
			t.Errorf("split by the attribute and %s: said to be twice: %v; want %v", name, got, twice)
		}
		if _, asked := found.Find(AskedAndKnown); asked == twice {
			t.Errorf("split by the attribute and %s: said to be asked in vain: %v; want %v", name, asked, !twice)
		}
	}
}
