package fieldwork

import (
	"embed"
	"fmt"
	"html/template"
	"regexp"
	"slices"
	"strings"

	"cxmirror/pkg/survey"
)

//go:embed letters
var letterFiles embed.FS

// How long a letter may be. A subject beyond a hundred letters is cut by every program that shows it.
const (
	maxSubject = 200
	maxLetter  = 20_000
)

// Stationery makes letters into mails: it holds the layout, what the program itself says around the
// organisation's words, and letters for those who write none of their own. It is safe for concurrent use.
type Stationery struct {
	phrases *survey.Phrases
	page    *template.Template
}

// NewStationery reads the embedded layout and phrases; an error means that the program was built wrongly.
func NewStationery() (*Stationery, error) {
	phrases, err := survey.LoadPhrases(letterFiles, "letters")
	if err != nil {
		return nil, fmt.Errorf("phrases of letters: %w", err)
	}
	page, err := template.ParseFS(letterFiles, "letters/letter.html.tmpl")
	if err != nil {
		return nil, fmt.Errorf("layout of letters: %w", err)
	}
	return &Stationery{phrases: phrases, page: page}, nil
}

// Languages returns the languages in which the program can write around a letter, and has letters of its own.
func (s *Stationery) Languages() []survey.Language { return s.phrases.Languages() }

// Letter returns a letter for an organisation that has written none, in every language of [Stationery.Languages].
func (s *Stationery) Letter(kind survey.LetterKind) survey.Letter {
	letter := survey.Letter{Kind: kind, Subject: make(survey.Words), Text: make(survey.Words)}
	for _, lang := range s.phrases.Languages() {
		letter.Subject[lang] = s.phrases.Say(lang, string(kind)+"_subject", nil)
		letter.Text[lang] = strings.TrimSpace(s.phrases.Say(lang, string(kind)+"_text", nil))
	}
	return letter
}

// Placeholders returns what letters can have put in, without the braces, in the order in which editors offer it.
func Placeholders() []string { return []string{"name", "link", "survey", "asker", "minutes", "closes"} }

var placeholder = regexp.MustCompile(`\{\s*([\pL\pN_]+)\s*\}`)

// languagesOf returns the languages in which a letter says anything, sorted.
func languagesOf(letter survey.Letter) []survey.Language {
	var all []survey.Language
	for _, words := range []survey.Words{letter.Subject, letter.Text} {
		for lang := range words {
			if _, says := words.Exactly(lang); says && !slices.Contains(all, lang) {
				all = append(all, lang)
			}
		}
	}
	slices.Sort(all)
	return all
}

// LanguageOf returns the language in which somebody who reads lang gets a letter: hers, the same without its
// region, English, or the first there is. Subject and text are always in the same one.
func LanguageOf(letter survey.Letter, lang survey.Language) survey.Language {
	complete := slices.DeleteFunc(languagesOf(letter), func(l survey.Language) bool {
		_, subject := letter.Subject.Exactly(l)
		_, text := letter.Text.Exactly(l)
		return !subject || !text
	})
	base, _, _ := strings.Cut(string(lang), "-")
	for _, l := range []survey.Language{lang, survey.Language(base), survey.English} {
		if slices.Contains(complete, l) {
			return l
		}
	}
	if len(complete) > 0 {
		return complete[0]
	}
	return survey.English
}

func placeholdersOf(text string) []string {
	var names []string
	for _, m := range placeholder.FindAllStringSubmatch(text, -1) {
		names = append(names, strings.ToLower(m[1]))
	}
	return names
}

func unknownPlaceholders(text string) []string {
	return slices.DeleteFunc(placeholdersOf(text), func(name string) bool { return slices.Contains(Placeholders(), name) })
}
