package survey

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"
)

// Phrases is a catalogue of sentences in several languages, with the plural forms of each. It is safe for
// concurrent use.
type Phrases struct {
	languages []Language
	speakers  map[Language]*i18n.Localizer
	plain     map[Language]map[string]string // sentences with nothing to put in or to count, most of them
	plural    map[string]bool                // every key, and whether it has plural forms
}

// Args are the values put into a phrase: {{.Name}} in the catalogue is Args["Name"]. They are put in as
// they are and never read as templates.
type Args map[string]any

// LoadPhrases reads a catalogue: the files <language>.yaml of a directory, and beside them any number of files
// <subject>.<language>.yaml, so that a large catalogue can be kept in parts. Each maps a key to a sentence, or to
// the sentence's plural forms by CLDR category:
//
//	too_many:
//	  one: Please choose only one.
//	  other: Please choose no more than {{.Count}}.
//
// English must be among the languages, since it is what others fall back to. LoadPhrases refuses a catalogue
// whose languages do not have the same keys, a key in two files of a language, a sentence that lacks a plural form its language needs, and one
// that uses other arguments than the English: such a catalogue would fail only in front of a reader.
func LoadPhrases(fsys fs.FS, dir string) (*Phrases, error) {
	names, err := fs.Glob(fsys, path.Join(dir, "*.yaml"))
	if err != nil {
		return nil, fmt.Errorf("phrases in %s: %w", dir, err)
	}
	catalogues := make(map[Language]catalogue, len(names))
	var problems []error
	for _, name := range names {
		lang := languageOfFile(name)
		read, err := readCatalogue(fsys, name)
		if err == nil {
			err = read.check(lang)
		}
		if err == nil && catalogues[lang] == nil {
			catalogues[lang] = make(catalogue, len(read))
		}
		if err == nil {
			err = catalogues[lang].merge(read)
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", name, err))
		}
	}
	english, ok := catalogues[English]
	if !ok && len(problems) == 0 {
		return nil, fmt.Errorf("phrases in %s: no %s.yaml to fall back to", dir, English)
	}
	p := &Phrases{
		languages: slices.Sorted(maps.Keys(catalogues)),
		speakers:  make(map[Language]*i18n.Localizer, len(catalogues)),
		plain:     make(map[Language]map[string]string, len(catalogues)),
		plural:    make(map[string]bool, len(english)),
	}
	for key, forms := range english {
		p.plural[key] = len(forms) > 1
	}
	if err := p.gather(dir, catalogues); err != nil {
		return nil, errors.Join(append(problems, err)...)
	}
	for _, lang := range p.languages {
		for _, problem := range p.verify(lang, catalogues[lang], english) {
			problems = append(problems, fmt.Errorf("%s.yaml: %w", path.Join(dir, string(lang)), problem))
		}
	}
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	// Every sentence that was said keeps its template. Most are not said soon, or not in this language.
	return p, p.gather(dir, catalogues)
}

// gather makes the catalogues ready to be said.
func (p *Phrases) gather(dir string, catalogues map[Language]catalogue) error {
	bundle := i18n.NewBundle(language.English)
	for _, lang := range p.languages {
		if err := p.add(bundle, lang, catalogues[lang]); err != nil {
			return fmt.Errorf("%s.yaml: %w", path.Join(dir, string(lang)), err)
		}
		p.speakers[lang] = i18n.NewLocalizer(bundle, string(lang))
	}
	return nil
}

// Languages returns the languages of the catalogue, in alphabetical order.
func (p *Phrases) Languages() []Language { return slices.Clone(p.languages) }

// Keys returns the keys of the catalogue, in alphabetical order.
func (p *Phrases) Keys() []string { return slices.Sorted(maps.Keys(p.plural)) }

// Speaks reports whether the catalogue has the language itself, with or without its region, so that it need
// not fall back to English.
func (p *Phrases) Speaks(lang Language) bool {
	_, ok := p.speakers[p.nearest(lang)]
	return ok && (p.nearest(lang) != English || strings.HasPrefix(string(lang), string(English)))
}

// Say returns the phrase of a key in a language, or in English if the catalogue has no such language. args
// may be nil. A key the catalogue does not have comes back as itself in brackets, so that it shows.
func (p *Phrases) Say(lang Language, key string, args Args) string {
	return p.say(lang, key, args, nil)
}

// SayCount is [Phrases.Say] for a phrase with plural forms: count chooses the form and is the argument
// {{.Count}}, grouped as the language groups digits.
func (p *Phrases) SayCount(lang Language, key string, count int, args Args) string {
	return p.say(lang, key, args, count)
}

func (p *Phrases) say(lang Language, key string, args Args, count any) string {
	said, err := p.localize(p.nearest(lang), key, args, count)
	if err != nil {
		return "[" + key + "]"
	}
	return said
}

// nearest returns the language of the catalogue that serves a reader of lang.
func (p *Phrases) nearest(lang Language) Language {
	if _, ok := p.speakers[lang]; ok {
		return lang
	}
	base, _, _ := strings.Cut(string(lang), "-")
	if _, ok := p.speakers[Language(base)]; ok {
		return Language(base)
	}
	return English
}

func (p *Phrases) localize(lang Language, key string, args Args, count any) (string, error) {
	if sentence, ok := p.plain[lang][key]; ok {
		return sentence, nil
	}
	values := make(map[string]any, len(args)+1)
	maps.Copy(values, args)
	if count == nil && p.plural[key] {
		count = args["Count"]
		if count == nil {
			return "", fmt.Errorf("%s: a phrase with plural forms needs a count", key)
		}
	}
	if n, ok := count.(int); ok {
		values["Count"] = lang.Integer(n)
	} else if count != nil {
		values["Count"] = count
	}
	said, err := p.speakers[lang].Localize(&i18n.LocalizeConfig{MessageID: key, TemplateData: values, PluralCount: count})
	if err != nil {
		return "", fmt.Errorf("%s: %w", key, err)
	}
	return said, nil
}

// wholeSentence is the form of a phrase that has no plural forms.
const wholeSentence = "other"

// catalogue is the phrases of one language: key, then CLDR category of plural, then sentence.
type catalogue map[string]map[string]string

// languageOfFile returns the language of "dir/pl.yaml", and of "dir/people.pl.yaml".
func languageOfFile(name string) Language {
	name = strings.TrimSuffix(path.Base(name), ".yaml")
	return Language(name[strings.LastIndexByte(name, '.')+1:])
}

// merge adds the phrases of another file.
func (c catalogue) merge(other catalogue) error {
	for _, key := range slices.Sorted(maps.Keys(other)) {
		if _, ok := c[key]; ok {
			return fmt.Errorf("%s is in another file already", key)
		}
		c[key] = other[key]
	}
	return nil
}

func readCatalogue(fsys fs.FS, name string) (catalogue, error) {
	text, err := fs.ReadFile(fsys, name)
	if err != nil {
		return nil, err
	}
	var raw map[string]any
	if err := yaml.NewDecoder(bytes.NewReader(text)).Decode(&raw); err != nil {
		return nil, err
	}
	read := make(catalogue, len(raw))
	for key, value := range raw {
		switch value := value.(type) {
		case string:
			read[key] = map[string]string{wholeSentence: value}
		case map[string]any:
			forms := make(map[string]string, len(value))
			for form, sentence := range value {
				words, ok := sentence.(string)
				if !ok {
					return nil, fmt.Errorf("%s.%s is not a sentence", key, form)
				}
				forms[form] = words
			}
			read[key] = forms
		default:
			return nil, fmt.Errorf("%s is neither a sentence nor its plural forms", key)
		}
	}
	return read, nil
}

// check refuses what is no language, and forms that no language has.
func (c catalogue) check(lang Language) error {
	if _, err := language.Parse(string(lang)); err != nil {
		return fmt.Errorf("%q is not a language: %w", lang, err)
	}
	for _, key := range slices.Sorted(maps.Keys(c)) {
		for form := range c[key] {
			if !slices.Contains([]string{"zero", "one", "two", "few", "many", "other"}, form) {
				return fmt.Errorf("%s has an unknown plural form %q", key, form)
			}
		}
	}
	return nil
}

// add keeps the phrases of a language: those in which nothing changes as they are, since a template for each takes
// several times the memory.
func (p *Phrases) add(bundle *i18n.Bundle, lang Language, own catalogue) error {
	p.plain[lang] = make(map[string]string, len(own))
	for key, forms := range own {
		if sentence, whole := forms[wholeSentence]; whole && len(forms) == 1 && !p.plural[key] && !strings.Contains(sentence, "{{") {
			p.plain[lang][key] = sentence
			continue
		}
		err := bundle.AddMessages(language.Make(string(lang)), &i18n.Message{
			ID: key, Zero: forms["zero"], One: forms["one"], Two: forms["two"],
			Few: forms["few"], Many: forms["many"], Other: forms["other"],
		})
		if err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
	}
	return nil
}

// verify compares the phrases of one language with the English ones, and says each phrase once.
func (p *Phrases) verify(lang Language, own, english catalogue) []error {
	var problems []error
	for _, key := range slices.Sorted(maps.Keys(english)) {
		forms, ok := own[key]
		if !ok {
			problems = append(problems, fmt.Errorf("%s is missing", key))
			continue
		}
		arguments := argumentsOf(english[key])
		for _, form := range slices.Sorted(maps.Keys(forms)) {
			for _, argument := range argumentsOf(map[string]string{form: forms[form]}) {
				if !slices.Contains(arguments, argument) {
					problems = append(problems, fmt.Errorf("%s.%s uses {{.%s}}, which the English does not have", key, form, argument))
				}
			}
		}
		for _, argument := range arguments {
			if !slices.Contains(argumentsOf(forms), argument) {
				problems = append(problems, fmt.Errorf("%s does not use {{.%s}}", key, argument))
			}
		}
		if _, plain := p.plain[lang][key]; plain {
			continue // nothing in it can fail
		}
		if err := p.trySaying(lang, key, arguments); err != nil {
			problems = append(problems, err)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(own)) {
		if _, ok := english[key]; !ok {
			problems = append(problems, fmt.Errorf("%s is not in the English catalogue", key))
		}
	}
	return problems
}

// trySaying says a phrase with counts that between them need every plural form of every language we know.
func (p *Phrases) trySaying(lang Language, key string, arguments []string) error {
	args := make(Args, len(arguments))
	for _, argument := range arguments {
		args[argument] = 1
	}
	counts := []any{nil}
	if p.plural[key] {
		counts = []any{0, 1, 2, 3, 5, 11, 12, 20, 21, 22, 25, 100, 101, 102, 111, 1_000_000, "1.5"}
	}
	for _, count := range counts {
		if _, err := p.localize(lang, key, args, count); err != nil {
			return err
		}
	}
	return nil
}

var argumentPattern = regexp.MustCompile(`\{\{\s*\.(\w+)`)

// argumentsOf returns the names used by the sentences of a phrase, in alphabetical order.
func argumentsOf(forms map[string]string) []string {
	names := make(map[string]bool)
	for _, sentence := range forms {
		for _, match := range argumentPattern.FindAllStringSubmatch(sentence, -1) {
			names[match[1]] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}
