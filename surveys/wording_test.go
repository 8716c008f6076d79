package surveys_test

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"cxmirror/pkg/survey"
	"cxmirror/surveys"
)

// Rules of wording that a proof-reader applies to every text in every language. Each is a function of one
// text; it returns what is wrong, or "".
type wordingRule func(lang survey.Language, text string) string

var wordingRules = []wordingRule{alphabet, quotes, spacing, dashes, gender, address}

// alphabets are the letters each language is written in. They catch a Latin "c" in a Russian word, an
// Ukrainian letter, and Romanian ş and ţ with a cedilla where ș and ț with a comma are meant.
var alphabets = map[survey.Language]string{
	"en": "abcdefghijklmnopqrstuvwxyz",
	"pl": "abcdefghijklmnopqrstuvwxyząćęłńóśźż",
	"ro": "abcdefghijklmnopqrstuvwxyzăâîșț",
	"ru": "абвгдеёжзийклмнопрстуфхцчшщъыьэюя",
}

// quotationMarks are the pairs each language opens and closes with.
var quotationMarks = map[survey.Language][2]rune{
	"en": {'“', '”'},
	"pl": {'„', '”'},
	"ro": {'„', '”'},
	"ru": {'«', '»'},
}

var (
	piping = regexp.MustCompile(`\{\{[^}]*\}\}`)
	// Polish past and conditional forms of the first and second person carry gender.
	pastEnding   = regexp.MustCompile(`(łem|łam|łeś|łaś|łbym|łabym)$`)
	optionalEnds = regexp.MustCompile(`\p{L}\(-?\p{L}{1,3}\)|\p{L}/-?\p{L}{1,3}(\P{L}|$)`)
)

func alphabet(lang survey.Language, text string) string {
	for _, r := range piping.ReplaceAllString(text, "") {
		if unicode.IsMark(r) {
			return fmt.Sprintf("combining mark %U: write the letter as one character", r)
		}
		if unicode.IsLetter(r) && !strings.ContainsRune(alphabets[lang], unicode.ToLower(r)) {
			return fmt.Sprintf("%q (%U) is no letter of this language", r, r)
		}
	}
	return ""
}

func quotes(lang survey.Language, text string) string {
	pair, open := quotationMarks[lang], false
	for _, r := range text {
		switch {
		case r == pair[0] && !open:
			open = true
		case r == pair[1] && open:
			open = false
		case strings.ContainsRune(`"'`+"`´„“”«»‚‘", r):
			return fmt.Sprintf("%q is not how this language quotes here: %c…%c", r, pair[0], pair[1])
		}
	}
	if open {
		return fmt.Sprintf("%c is not closed", pair[0])
	}
	return ""
}

func spacing(_ survey.Language, text string) string {
	if strings.TrimSpace(text) != text || strings.Contains(text, "  ") {
		return "a space too many"
	}
	if i := strings.IndexFunc(text, func(r rune) bool { return r != ' ' && !unicode.IsGraphic(r) || r == '\u00a0' }); i >= 0 {
		return fmt.Sprintf("an invisible character at byte %d", i)
	}
	if before := regexp.MustCompile(` [,.;:?!…]`).FindString(text); before != "" {
		return fmt.Sprintf("a space before %q", before[1:])
	}
	return ""
}

func dashes(_ survey.Language, text string) string {
	if strings.Contains(text, " - ") || regexp.MustCompile(`\d-\d`).MatchString(text) {
		return "a hyphen where a dash is meant"
	}
	return ""
}

// gender refuses forms such as "zadowolony(-a)", "întrebat/ă": the sentence is to be built so that it needs none.
func gender(lang survey.Language, text string) string {
	if found := optionalEnds.FindString(text); found != "" {
		return fmt.Sprintf("%q makes readers choose their gender: rephrase", found)
	}
	if lang != "pl" {
		return ""
	}
	for _, word := range words(text) {
		if pastEnding.MatchString(word) && word != "działem" { // a noun: the department
			return fmt.Sprintf("%q has a gender: rephrase", word)
		}
	}
	return ""
}

// address holds the polite form: Polish Państwo or impersonal, Romanian dumneavoastră, Russian Вы with a capital.
func address(lang survey.Language, text string) string {
	familiar := map[survey.Language][]string{
		"pl": {"ty", "ciebie", "cię", "tobie", "tobą", "twój", "twoja", "twoje", "twojego", "twojej", "pan", "pani", "pana", "panu"},
		"ro": {"tu", "tine", "ție", "tău", "ta", "tale"},
		"ru": {"ты", "тебя", "тебе", "твой", "твоя", "твоё"},
	}[lang]
	for _, word := range words(text) {
		if slices.Contains(familiar, strings.ToLower(word)) {
			return fmt.Sprintf("%q is not the polite form used here", word)
		}
		if lang == "ru" && slices.Contains([]string{"вы", "вас", "вам", "вами", "ваш", "ваша", "ваше", "ваши", "вашей", "вашего"}, word) {
			return fmt.Sprintf("%q needs a capital: one person is addressed", word)
		}
	}
	return ""
}

// words splits a text into its words.
func words(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) })
}

// role says what a text is for: how long it may be depends on it, and how it ends.
type role int

const (
	title    role = iota // of a questionnaire or frame
	question             // a question, an intro or a hint: whole sentences
	label                // an option, a row or the end of a scale: on a button, or beside a bar
)

// text is one text of the bundled files in all its languages.
type text struct {
	place string
	role  role
	words survey.Words
}

// texts returns every text of a questionnaire, the texts of its code frames in its voice included.
func texts(q *survey.Questionnaire) []text {
	list := []text{{q.Code + ".title", title, q.Title}, {q.Code + ".intro", question, q.Intro}}
	for i := range q.Items {
		it := &q.Items[i]
		place := fmt.Sprintf("%s.%s", q.Code, it.Code)
		list = append(list, text{place + ".text", question, it.Text})
		if len(it.Hint) > 0 {
			list = append(list, text{place + ".hint", question, it.Hint})
		}
		for _, o := range choices(it) {
			list = append(list, text{place + "." + string(o.Code), label, o.Text})
		}
		if it.Scale != nil {
			list = append(list, text{place + ".scale.low", label, it.Scale.Low}, text{place + ".scale.high", label, it.Scale.High})
		}
	}
	return list
}

func bundledTexts(t *testing.T) []text {
	t.Helper()
	var list []text
	for _, code := range surveys.Names() {
		list = append(list, texts(parse(t, code))...)
	}
	for _, code := range surveys.FrameNames() {
		list = append(list, text{"frames/" + code + ".title", title, parseFrame(t, code).Title})
	}
	return list
}

func TestWording(t *testing.T) {
	for _, x := range bundledTexts(t) {
		for _, lang := range languages {
			words, ok := x.words.Exactly(lang)
			if !ok {
				t.Errorf("%s: nothing in %s", x.place, lang)
				continue
			}
			for _, rule := range wordingRules {
				if wrong := rule(lang, words); wrong != "" {
					t.Errorf("%s, %s: %q: %s", x.place, lang, words, wrong)
				}
			}
			if wrong := fits(x.role, words); wrong != "" {
				t.Errorf("%s, %s: %q: %s", x.place, lang, words, wrong)
			}
			if lang != survey.English && words == x.words[survey.English] {
				t.Errorf("%s, %s: %q is still English", x.place, lang, words)
			}
			if got, want := pipes(words), pipes(x.words[survey.English]); !slices.Equal(got, want) {
				t.Errorf("%s, %s: %q pipes %q, English pipes %q", x.place, lang, words, got, want)
			}
		}
	}
}

// fits checks length and ending. A label of 60 letters is two lines on a phone of 320 px and in the middle
// of a mirror chart.
func fits(r role, words string) string {
	first, _ := utf8.DecodeRuneInString(words)
	if !unicode.IsUpper(first) && !unicode.IsDigit(first) && first != '{' {
		return "begins with no capital"
	}
	last, _ := utf8.DecodeLastRuneInString(words)
	limit := map[role]int{title: 40, question: 140, label: 60}[r]
	if n := utf8.RuneCountInString(words); n > limit {
		return fmt.Sprintf("%d letters, at most %d fit", n, limit)
	}
	ended := strings.ContainsRune(".?!…”»", last)
	if (r == question) != ended {
		return "only whole sentences end with a full stop, all of them"
	}
	return ""
}

func pipes(words string) []string {
	found := piping.FindAllString(words, -1)
	slices.Sort(found)
	return found
}

// Nobody can choose between two options that read the same.
func TestLabelsOfAnItemDiffer(t *testing.T) {
	for _, code := range surveys.Names() {
		q := parse(t, code)
		for i := range q.Items {
			it := &q.Items[i]
			for _, lang := range languages {
				seen := make(map[string]survey.OptionCode)
				for _, o := range choices(it) {
					key := strings.ToLower(o.Text[lang])
					if first, ok := seen[key]; ok {
						t.Errorf("%s.%s, %s: %s and %s both read %q", code, it.Code, lang, first, o.Code, o.Text[lang])
					}
					seen[key] = o.Code
				}
			}
		}
	}
}

// What is said alike in one language is said alike in all: a code has one wording wherever an English wording
// recurs. (The same English in two voices of a frame may differ elsewhere; those are listed.)
func TestTermsAreConsistent(t *testing.T) {
	voiced := []string{"listening"}
	first := make(map[string]text)
	for _, x := range bundledTexts(t) {
		english := x.words[survey.English]
		before, ok := first[english]
		if !ok {
			first[english] = x
			continue
		}
		code := x.place[strings.LastIndexByte(x.place, '.')+1:]
		if !slices.Contains(voiced, code) && !maps.Equal(before.words, x.words) {
			t.Errorf("%s and %s are alike in English, and differ:\n%v\n%v", before.place, x.place, before.words, x.words)
		}
	}
}

// The rules themselves: each catches the mistake it was made for, and lets the right form pass.
func TestWordingRules(t *testing.T) {
	tests := []struct {
		rule        wordingRule
		lang        survey.Language
		wrong, good string
	}{
		{alphabet, "ru", "Cотрудники вежливы", "Сотрудники вежливы"}, // the first letter is Latin
		{alphabet, "ru", "Служба: HR", "Служба: {{served_by}}"},
		{alphabet, "ru", "Як швидкiсть", "Скорость"},
		{alphabet, "ro", "Aşteptări", "Așteptări"},
		{alphabet, "ro", "Funcţie", "Funcție"},
		{alphabet, "ro", "As\u0326teptări", "Așteptări"},
		{alphabet, "pl", "Usługі", "Usługi"}, // the last letter is Cyrillic
		{alphabet, "en", "naïve", "naive"},
		{quotes, "en", `"so"`, "“so”"},
		{quotes, "en", "the company's", "the company’s"},
		{quotes, "pl", "“tak”", "„tak”"},
		{quotes, "ro", "„așa“", "„așa”"},
		{quotes, "ru", "„так“", "«так»"},
		{quotes, "ru", "«так", "«так»"},
		{spacing, "en", "two  spaces", "two spaces"},
		{spacing, "en", "why ?", "why?"},
		{spacing, "en", "soft\u00adhyphen", "soft hyphen"},
		{spacing, "en", "hard\u00a0space", "hard space"},
		{dashes, "en", "1-2 years", "1–2 years"},
		{dashes, "ru", "Самый важный - на первом месте", "Самый важный — на первом месте"},
		{gender, "pl", "Jestem zadowolony(-a)", "Pełne zadowolenie"},
		{gender, "pl", "Kiedy był/a", "Kiedy ostatnio"},
		{gender, "pl", "Dostałem", "Dostaję"},
		{gender, "ro", "Sunt întrebat(ă)", "Mă întreabă cineva"},
		{gender, "ru", "Остался(ась)", "Вы довольны"},
		{address, "pl", "Co jest dla Ciebie ważne?", "Co jest dla Państwa ważne?"},
		{address, "ro", "Ce contează pentru tine?", "Ce contează pentru dumneavoastră?"},
		{address, "ru", "Что важно для вас?", "Что важно для Вас?"},
	}
	for _, tt := range tests {
		if tt.rule(tt.lang, tt.wrong) == "" {
			t.Errorf("%s %q passes", tt.lang, tt.wrong)
		}
		if wrong := tt.rule(tt.lang, tt.good); wrong != "" {
			t.Errorf("%s %q: %s", tt.lang, tt.good, wrong)
		}
	}
	for _, tt := range []struct {
		role        role
		wrong, good string
	}{
		{label, "In person.", "In person"},
		{label, strings.Repeat("Ż", 61), strings.Repeat("Ż", 60)},
		{question, "How", "How?"},
		{title, "what matters", "What matters"},
	} {
		if fits(tt.role, tt.wrong) == "" {
			t.Errorf("%q passes", tt.wrong)
		}
		if wrong := fits(tt.role, tt.good); wrong != "" {
			t.Errorf("%q: %s", tt.good, wrong)
		}
	}
}
