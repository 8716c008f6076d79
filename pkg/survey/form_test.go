package survey

import (
	"encoding/json"
	"errors"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReadAnswers(t *testing.T) {
	q := questionnaireOf(t, everyKind)
	tests := []struct {
		name, form string
		want       string // the answers as JSON
		problems   string
	}{
		{"nothing but what is required", "overall=3", `{"overall":3}`, ""},
		{
			"every kind",
			"channel=phone&expectations=ease&expectations=speed&order=ease&order=speed&places.B=1&places.D=2&places.A=" +
				"&performance.speed=4&performance.ease=cannot_say&overall=5&hours=7,5&recommendation=0&duties.goals=hr&comment=A%0D%0Ab",
			`{"channel":"phone","expectations":["speed","ease"],"order":["ease","speed"],"places":["B","D"],` +
				`"performance.speed":4,"performance.ease":"cannot_say","overall":5,"hours":7.5,"recommendation":0,"duties.goals":"hr","comment":"A\nb"}`, "",
		},
		{"none", "expectations=none&overall=1&duties.goals=none", `{"expectations":"none","overall":1,"duties.goals":"none"}`, ""},
		{"none that is an option", "channel=none&overall=1", `{"channel":"none","overall":1}`, ""},
		{"blank fields are no answers", "channel=&hours=+&places.A=&overall=2", `{"overall":2}`, ""},
		{"required", "channel=web", `{"channel":"web"}`, "overall: required, but not answered"},
		{"unknown item", "overall=1&chanel=web", "", `chanel: the questionnaire has no item or row "chanel" (did you mean "channel"?)`},
		{"unknown row", "overall=1&performance.sped=1", "", `performance.sped: the questionnaire has no item or row "performance.sped" (did you mean "performance.speed"?)`},
		{"unknown option", "overall=1&channel=fax", "", `channel: no option "fax"`},
		{"two answers", "overall=1&overall=2", "", "overall: 2 answers given where one is asked for"},
		{"too many", "overall=1&expectations=speed&expectations=ease&expectations=care&expectations=price", "", "expectations: 4 options given, at most 3 allowed"},
		{"a list is no code of a form", "overall=1&expectations=speed;ease", "", `expectations: no option "speed;ease"`},
		{"a place twice", "overall=1&places.A=1&places.B=1", "", `places: "A" and "B" are both at place 1`},
		{"a place skipped", "overall=1&places.A=1&places.B=3", "", "places: no option at place 2, though later places are used"},
		{"no place", "overall=1&places.A=first", "", `places: "first" is not a place from 1 to 4`},
		{"place beyond the list", "overall=1&places.A=5", "", `places: "5" is not a place from 1 to 4`},
		{"place of nothing known", "overall=1&places.E=1", "", `places: no option "E"`},
		{"two ways at once", "overall=1&places.A=1&places=B", "", "places: places and an ordered list are given for one ranking; give one of them"},
		{"several at once", "channel=fax&hours=99&recommendation=11", "", "channel: no option \"fax\"\noverall: required, but not answered\nhours: \"99\" is outside 0 to 80\nrecommendation: \"11\" is not a whole point of the scale from 0 to 10"},
		{"order of what was picked only", "overall=1&expectations=speed&expectations=ease&order.speed=1&order.care=2", "", `order: "care" is ranked but was not picked in expectations`},
		// She went back and picked only one: what she had put in order is no longer asked.
		{"an order that is not asked any more", "overall=1&expectations=speed&order=ease&order=speed", `{"expectations":["speed"],"overall":1}`, ""},
		{"too few in what is not asked", "overall=1&expectations=speed&order=speed&order=speed", `{"expectations":["speed"],"overall":1}`, ""},
		{"unknown codes even there", "overall=1&order=sped", "", `order: no option "sped" (did you mean "speed"?)`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			form, err := url.ParseQuery(strings.ReplaceAll(tt.form, ";", "%3B"))
			if err != nil {
				t.Fatal(err)
			}
			before := maps.Clone(form)
			answers, err := q.ReadAnswers(form)
			if diff := cmp.Diff(before, form); diff != "" {
				t.Errorf("the form was changed: %s", diff)
			}
			said := ""
			if err != nil {
				problems, ok := errors.AsType[AnswersError](err)
				if !ok || len(problems.Problems) == 0 {
					t.Fatalf("error %v; want an AnswersError", err)
				}
				said = err.Error()
			}
			if said != tt.problems {
				t.Errorf("problems %q; want %q", said, tt.problems)
			}
			if tt.want == "" {
				return
			}
			got, err := json.Marshal(answers)
			if err != nil || string(got) != tt.want {
				t.Errorf("answers %s, %v; want %s", got, err, tt.want)
			}
			if tt.problems == "" {
				again, err := q.ReadAnswers(answers.Form())
				if diff := cmp.Diff(answers.Values(), again.Values(), sameOrder()); diff != "" || err != nil {
					t.Errorf("read again from its own form: %v\n%s", err, diff)
				}
			}
		})
	}
}

// sameOrder compares empty and nil orders as equal.
func sameOrder() cmp.Option {
	return cmp.Comparer(func(a, b []uint8) bool { return slices.Equal(a, b) })
}

func TestReadPage(t *testing.T) {
	q := questionnaireOf(t, strings.Replace(everyKind, "  - code: places\n", "  - code: places\n    new_page: true\n", 1))
	first, err := q.ReadPage(1, map[string][]string{"channel": {"web"}, "expectations": {"speed", "ease"}, "order": {"ease", "speed"}}, q.NewAnswers())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := q.ReadPage(2, map[string][]string{"comment": {"x"}}, first); err == nil {
		t.Error("page 2 without its required item is accepted")
	}
	if _, err := q.ReadPage(2, map[string][]string{"overall": {"1"}, "channel": {"web"}}, first); err == nil {
		t.Error("an item of page 1 is accepted on page 2")
	}
	second, err := q.ReadPage(2, map[string][]string{"overall": {"1"}, "comment": {"x"}}, first)
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := json.Marshal(second); string(got) != `{"channel":"web","expectations":["speed","ease"],"order":["ease","speed"],"overall":1,"comment":"x"}` {
		t.Errorf("after both pages: %s", got)
	}
	// Back to page 1: a channel is withdrawn, and another expectation picked, so that the old order is void.
	back, err := q.ReadPage(1, map[string][]string{"expectations": {"care", "ease"}}, second)
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := json.Marshal(back); string(got) != `{"expectations":["ease","care"],"overall":1,"comment":"x"}` {
		t.Errorf("after going back: %s", got)
	}
	if got, _ := json.Marshal(first); string(got) != `{"channel":"web","expectations":["speed","ease"],"order":["ease","speed"]}` {
		t.Errorf("reading later pages changed earlier answers: %s", got)
	}
	if !back.Asked("order") || first.Asked("comment") || back.Asked("no_such_item") {
		t.Error("Asked is wrong about order, comment or an unknown item")
	}
}

func TestMessages(t *testing.T) {
	q := questionnaireOf(t, everyKind)
	form := map[string][]string{
		"expectations": {"speed", "ease", "care", "price"},
		"places.A":     {"2"}, "places.B": {"2"},
		"hours":            {"80.5"},
		"performance.ease": {"9"},
		"token":            {"x"},
	}
	_, err := q.ReadAnswers(form)
	problems, ok := errors.AsType[AnswersError](err)
	if !ok {
		t.Fatal(err)
	}
	want := []Message{
		{"", "token", "Część przesłanych danych nie należy do tej strony. Proszę odświeżyć stronę i odpowiedzieć jeszcze raz."},
		{"expectations", "expectations", "Proszę wybrać najwyżej 3 odpowiedzi (liczba wybranych – 4)."},
		{"places", "places", "„A” i „B” mają to samo miejsce – 2. Proszę użyć każdego miejsca tylko raz."},
		{"performance", "performance.ease", "Proszę wybrać ocenę od 1 do 5."},
		{"overall", "overall", "Proszę odpowiedzieć na to pytanie."},
		{"hours", "hours", "Proszę wpisać liczbę od 0 do 80."},
	}
	if diff := cmp.Diff(want, problems.In("pl-PL")); diff != "" {
		t.Error(diff)
	}
	// Every rule has a sentence of its own in every language, in words and not in codes.
	phrases, err := respondentPhrases()
	if err != nil {
		t.Fatal(err)
	}
	for _, lang := range phrases.Languages() {
		for _, rule := range allRules() {
			said := AnswersError{Problems: []Problem{{Rule: rule, Key: "expectations", Given: "speed", Other: "ease", Count: 4, Limit: 3, Low: 1, High: 5}}}.In(lang)
			if len(said) != 1 || said[0].Text == "" || strings.ContainsAny(said[0].Text, "[{<_") {
				t.Errorf("%s %s: %v", lang, rule, said)
			}
		}
	}
}

// TestMessagesOfBounds: what a respondent is told depends on which bounds there are.
func TestMessagesOfBounds(t *testing.T) {
	q := questionnaireOf(t, `
  - {code: between, kind: number, min: 0.5, max: 9, decimals: 1, text: {en: A, pl: A}}
  - {code: above, kind: number, min: 3, text: {en: A, pl: A}}
  - {code: below, kind: number, max: -3, decimals: 2, text: {en: A, pl: A}}
`)
	tests := []struct{ form, english, polish string }{
		{"between=0.2", "Please enter a number from 0.5 to 9.", "Proszę wpisać liczbę od 0,5 do 9."},
		{"between=1,25", "Please enter no more than one decimal.", "Proszę wpisać najwyżej jedno miejsce po przecinku."},
		{"above=2", "Please enter a number of at least 3.", "Proszę wpisać liczbę nie mniejszą niż 3."},
		{"above=3,5", "Please enter a whole number, without decimals.", "Proszę wpisać liczbę całkowitą, bez miejsc po przecinku."},
		{"below=0", "Please enter a number of at most -3.", "Proszę wpisać liczbę nie większą niż -3."},
		{"below=-3,125", "Please enter no more than 2 decimals.", "Proszę wpisać najwyżej 2 miejsca po przecinku."},
		{"below=three", "Please enter a number, in digits.", "Proszę wpisać liczbę cyframi."},
	}
	for _, tt := range tests {
		form, _ := url.ParseQuery(tt.form)
		_, err := q.ReadAnswers(form)
		problems, ok := errors.AsType[AnswersError](err)
		if !ok {
			t.Fatalf("%s: %v; want an AnswersError", tt.form, err)
		}
		if en, pl := problems.In(English)[0].Text, problems.In("pl")[0].Text; en != tt.english || pl != tt.polish {
			t.Errorf("%s: %q, %q; want %q, %q", tt.form, en, pl, tt.english, tt.polish)
		}
	}
}

// allRules returns every rule there is.
func allRules() []Rule {
	return []Rule{
		UnknownItem, UnknownOption, EmptyCode, RepeatedOption, SeveralAnswers, TooMany, TooFew, NotAlone, NotPicked, OffScale,
		NoCannotSay, NoneNotPossible, NotANumber, OutOfRange, TooManyDecimals, TooLong, NotText, NotAsked, NotAnswered,
		PlaceTaken, PlaceSkipped, NotAPlace, WrongShape, MixedEncodings,
	}
}

func TestParseAnswers(t *testing.T) {
	q := questionnaireOf(t, everyKind)
	tests := []struct{ name, json, problems string }{
		{"empty", `{}`, ""},
		{"null and empty list", `{"channel":null,"expectations":[]}`, ""},
		{"not JSON", `{"channel":`, `answers: "channel": unexpected EOF`},
		{"not an object", `[]`, "answers: expected a JSON object (unexpected JSON)"},
		{"more than one", `{} {}`, "answers: there is more after the JSON object"},
		{"unknown item", `{"chanel":"web"}`, `chanel: the questionnaire has no item or row "chanel" (did you mean "channel"?)`},
		{"twice", `{"channel":"web","channel":"web"}`, "channel: 2 answers given where one is asked for"},
		{"a list for one", `{"channel":["web"]}`, `channel: "[\"web\"]" is not what an answer of kind single looks like`},
		{"a word for a list", `{"expectations":"speed"}`, `expectations: "\"speed\"" is not what an answer of kind multi looks like`},
		{"numbers as codes", `{"expectations":[1]}`, `expectations: "[1]" is not what an answer of kind multi looks like`},
		{"a word for a number", `{"hours":"7"}`, `hours: "\"7\"" is not what an answer of kind number looks like`},
		{"true", `{"overall":true}`, `overall: "true" is not what an answer of kind rating looks like`},
		{"off the scale", `{"overall":6}`, `overall: "6" is not a whole point of the scale from 1 to 5`},
		{"not asked", `{"comment":"x"}`, "comment: answered, but by its show_if the item is not asked here"},
		{"not picked", `{"expectations":["speed","ease"],"order":["care"]}`, `order: "care" is ranked but was not picked in expectations`},
	}
	for _, tt := range tests {
		said := ""
		answers, err := q.ParseAnswers([]byte(tt.json))
		if err != nil {
			said = err.Error()
		}
		if said != tt.problems {
			t.Errorf("%s: %q; want %q", tt.name, said, tt.problems)
		}
		if err == nil {
			roundTrip(t, q, answers)
		}
	}
}

// roundTrip writes answers as JSON and reads them again.
func roundTrip(t *testing.T, q *Questionnaire, answers Answers) {
	t.Helper()
	text, err := json.Marshal(answers)
	if err != nil {
		t.Fatal(err)
	}
	again, err := q.ParseAnswers(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	if diff := cmp.Diff(answers.Values(), again.Values(), sameOrder()); diff != "" {
		t.Errorf("%s\n%s", text, diff)
	}
}

// FuzzReadAnswers: an accepted answer is always on its scale, among the options, within max and without
// repeats, and survives JSON.
func FuzzReadAnswers(f *testing.F) {
	q := questionnaireOf(f, everyKind)
	for _, form := range []string{
		"overall=3", "channel=none&overall=5&comment=a%0Ab", "expectations=speed&expectations=ease&order=ease&order=speed&overall=1",
		"places.A=1&places.B=2&overall=1", "hours=1+000,5&overall=2", "performance.speed=cannot_say&overall=1&recommendation=10",
		"duties.goals=none&overall=1", "expectations=none&overall=4", "comment=%7B%7Bchannel%7D%7D&overall=1",
	} {
		f.Add(form)
	}
	f.Fuzz(func(t *testing.T, query string) {
		form, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		answers, err := q.ReadAnswers(form)
		if err != nil {
			problems, ok := errors.AsType[AnswersError](err)
			if !ok || len(problems.Problems) == 0 || len(problems.In("ru")) == 0 {
				t.Fatalf("refused without a reason: %v", err)
			}
		}
		for i := range answers.Values() {
			obeysRules(t, q, i, &answers.Values()[i])
		}
		if err != nil {
			return
		}
		if problems := q.NewDecoder().Check(answers.Values()); problems != nil {
			t.Errorf("accepted, but %s", problems[0].String())
		}
		roundTrip(t, q, answers)
	})
}

// BenchmarkReadAnswers measures one respondent's whole form.
func BenchmarkReadAnswers(b *testing.B) {
	q := questionnaireOf(b, everyKind)
	form := map[string][]string{
		"channel": {"web"}, "expectations": {"speed", "ease"}, "order.speed": {"2"}, "order.ease": {"1"}, "performance.speed": {"4"},
		"overall": {"5"}, "hours": {"7,5"}, "recommendation": {"9"}, "duties.goals": {"hr"}, "comment": {"thank you"},
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := q.ReadAnswers(form); err != nil {
			b.Fatal(err)
		}
	}
}
