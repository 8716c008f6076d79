package survey

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

func TestRespondentPhrases(t *testing.T) {
	phrases, err := respondentPhrases()
	if err != nil {
		t.Fatal(err)
	}
	want := []Language{"bg", "cs", "en", "hu", "pl", "ro", "ru", "sk", "uk"}
	if got := phrases.Languages(); !slices.Equal(got, want) {
		t.Errorf("languages %v; want %v", got, want)
	}
	// The forms are those of CLDR's plural rules: cardinal categories of each language.
	tests := []struct {
		lang  Language
		count int
		want  string
	}{
		{"en", 1, "Please choose at least one answer."},
		{"en", 3, "Please choose at least 3 answers."},
		{"en-GB", 3, "Please choose at least 3 answers."},
		{"pl", 2, "Proszę wybrać co najmniej 2 odpowiedzi."},
		{"pl", 5, "Proszę wybrać co najmniej 5 odpowiedzi."},
		{"ro", 3, "Vă rugăm să alegeți cel puțin 3 răspunsuri."},
		{"ro", 20, "Vă rugăm să alegeți cel puțin 20 de răspunsuri."},
		{"ru", 1, "Пожалуйста, выберите не менее 1 ответа."},
		{"ru", 3, "Пожалуйста, выберите не менее 3 ответов."},
		{"ru", 21, "Пожалуйста, выберите не менее 21 ответа."},
		{"cs", 3, "Vyberte prosím alespoň 3 odpovědi."},
		{"cs", 5, "Vyberte prosím alespoň 5 odpovědí."},
		{"sk", 5, "Vyberte, prosím, aspoň 5 odpovedí."},
		{"hu", 3, "Kérjük, legalább 3 választ jelöljön meg."},
		{"bg", 3, "Моля, изберете поне 3 отговора."},
		{"uk", 3, "Будь ласка, виберіть щонайменше 3 відповіді."},
		{"uk", 11, "Будь ласка, виберіть щонайменше 11 відповідей."},
		{"de", 3, "Please choose at least 3 answers."},
	}
	for _, tt := range tests {
		if got := phrases.SayCount(tt.lang, "too_few", tt.count, nil); got != tt.want {
			t.Errorf("%s %d: %q; want %q", tt.lang, tt.count, got, tt.want)
		}
	}
	if phrases.Speaks("de") || !phrases.Speaks("pl") || !phrases.Speaks("en-GB") {
		t.Error("Speaks is wrong about de, pl or en-GB")
	}
	if got := phrases.Say("pl", "no_such_key", nil); got != "[no_such_key]" {
		t.Errorf("unknown key: %q", got)
	}
	hostile := phrases.Say(English, "not_alone", Args{"Option": "{{.Secret}} <b>"})
	if hostile != "“{{.Secret}} <b>” cannot be combined with other answers." {
		t.Errorf("an argument was read as a template: %q", hostile)
	}
}

func TestLoadPhrasesRefuses(t *testing.T) {
	const english = "a: {one: One apple, other: \"{{.Count}} apples\"}\nb: Hello {{.Name}}\n"
	const polish = "a: {one: Jedno jabłko, few: \"{{.Count}} jabłka\", many: \"{{.Count}} jabłek\", other: \"{{.Count}} jabłka\"}\nb: Cześć {{.Name}}\n"
	tests := []struct {
		name, en, pl string
		want         []string
	}{
		{"complete", english, polish, nil},
		{"key missing", english, "b: Cześć {{.Name}}\n", []string{"pl.yaml", "a is missing"}},
		{"key too many", english, polish + "c: Nie\n", []string{"c is not in the English catalogue"}},
		{"form missing", english, "a: {one: Jedno jabłko, other: \"{{.Count}} jabłka\"}\nb: Cześć {{.Name}}\n", []string{"a: "}},
		{"other argument", english, strings.Replace(polish, "{{.Name}}", "{{.Imię}}", 1), []string{"does not use {{.Name}}"}},
		{"unknown form", english, strings.Replace(polish, "few:", "several:", 1), []string{`unknown plural form "several"`}},
		{"not words", english, "a: [x]\n", []string{"a is neither a sentence nor its plural forms"}},
		{"no English", "", polish, []string{"no en.yaml"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			files := fstest.MapFS{"words/pl.yaml": {Data: []byte(tt.pl)}}
			if tt.en != "" {
				files["words/en.yaml"] = &fstest.MapFile{Data: []byte(tt.en)}
			}
			_, err := LoadPhrases(files, "words")
			if (err == nil) != (tt.want == nil) {
				t.Fatalf("error %v; want %v", err, tt.want)
			}
			for _, part := range tt.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("error %q does not say %q", err, part)
				}
			}
		})
	}
}

func TestLoadPhrasesInParts(t *testing.T) {
	files := fstest.MapFS{
		"words/en.yaml": {Data: []byte("a: Hello\n")}, "words/pears.en.yaml": {Data: []byte("b: A pear\n")},
		"words/pears.pl.yaml": {Data: []byte("b: Gruszka\n")}, "words/pl.yaml": {Data: []byte("a: Cześć\n")},
	}
	phrases, err := LoadPhrases(files, "words")
	if err != nil {
		t.Fatal(err)
	}
	if got := phrases.Say("pl", "a", nil) + ", " + phrases.Say("pl", "b", nil); got != "Cześć, Gruszka" {
		t.Errorf("both parts say %q", got)
	}
	files["words/plums.en.yaml"] = &fstest.MapFile{Data: []byte("b: A plum\n")}
	if _, err := LoadPhrases(files, "words"); err == nil || !strings.Contains(err.Error(), "words/plums.en.yaml: b is in another file already") {
		t.Errorf("a key in two files is %v", err)
	}
	delete(files, "words/plums.en.yaml")
	delete(files, "words/pears.pl.yaml")
	if _, err := LoadPhrases(files, "words"); err == nil || !strings.Contains(err.Error(), "words/pl.yaml: b is missing") {
		t.Errorf("a part that one language lacks is %v", err)
	}
}
