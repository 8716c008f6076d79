package fieldwork

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"cxmirror/pkg/survey"
)

// LetterProblem says what is wrong with a letter; whoever shows it has a sentence for each.
type LetterProblem string

// What can be wrong with a letter, with what is said of it in [LetterError].
const (
	LetterMissing     LetterProblem = "missing"      // the part is blank
	LetterLong        LetterProblem = "long"         // it has Count characters, Limit are allowed
	LetterLines       LetterProblem = "lines"        // a subject of more than one line
	LetterPlaceholder LetterProblem = "placeholder"  // Name is none of the placeholders
	LetterLinkShown   LetterProblem = "link_shown"   // the subject has the link in it
	LetterLinkMissing LetterProblem = "link_missing" // the text does not
)

// LetterProblems returns all that can be wrong with a letter.
func LetterProblems() []LetterProblem {
	return []LetterProblem{LetterMissing, LetterLong, LetterLines, LetterPlaceholder, LetterLinkShown, LetterLinkMissing}
}

// LetterError is something wrong with a letter in one language.
type LetterError struct {
	Kind     survey.LetterKind
	Language survey.Language
	Part     string // "subject" or "text"
	Line     int    // of the text, from 1; 0 where the whole part is meant
	Problem  LetterProblem

	Count, Limit int    // of [LetterLong]
	Name         string // of [LetterPlaceholder], without the braces
}

// Error says where in which letter something is wrong, in English.
func (e LetterError) Error() string {
	at := fmt.Sprintf("%s (%s), %s", e.Kind, e.Language, e.Part)
	if e.Line > 0 {
		at = fmt.Sprintf("%s, line %d", at, e.Line)
	}
	return at + ": " + e.Explain()
}

// Explain says what is wrong and what to do, in English and without where it is.
func (e LetterError) Explain() string {
	switch e.Problem {
	case LetterMissing:
		return "is missing"
	case LetterLong:
		return fmt.Sprintf("has %d characters; at most %d are allowed", e.Count, e.Limit)
	case LetterLines:
		return "has more than one line"
	case LetterPlaceholder:
		return fmt.Sprintf("{%s} means nothing here; there are {%s}", e.Name, strings.Join(Placeholders(), "}, {"))
	case LetterLinkShown:
		return "{link} is a secret of the person invited, and belongs into the text"
	case LetterLinkMissing:
		return "{link} is missing: without it nobody can answer"
	}
	return string(e.Problem)
}

// CheckLetter returns what is wrong with a letter, language by language: placeholders nobody knows, a text
// without {link}, a link in the subject, a subject without its text or a text without its subject, too much of
// either. Nothing is returned for a letter that can be sent. That a wave has no closing date is not wrong with its
// letters: sentences with {closes} are left out.
func CheckLetter(letter survey.Letter) []LetterError {
	var problems []LetterError
	for _, lang := range languagesOf(letter) {
		found := func(part string, e LetterError) {
			e.Kind, e.Language, e.Part = letter.Kind, lang, part
			problems = append(problems, e)
		}
		subject, text := letter.Subject[lang], letter.Text[lang]
		switch n := utf8.RuneCountInString(subject); {
		case strings.TrimSpace(subject) == "":
			found("subject", LetterError{Problem: LetterMissing})
		case n > maxSubject:
			found("subject", LetterError{Problem: LetterLong, Count: n, Limit: maxSubject})
		case strings.ContainsAny(strings.TrimSpace(subject), "\r\n"):
			found("subject", LetterError{Problem: LetterLines})
		}
		for _, name := range unknownPlaceholders(subject) {
			found("subject", LetterError{Problem: LetterPlaceholder, Name: name})
		}
		if slices.Contains(placeholdersOf(subject), "link") {
			found("subject", LetterError{Problem: LetterLinkShown})
		}
		if strings.TrimSpace(text) == "" {
			found("text", LetterError{Problem: LetterMissing})
			continue
		}
		if n := utf8.RuneCountInString(text); n > maxLetter {
			found("text", LetterError{Problem: LetterLong, Count: n, Limit: maxLetter})
		}
		for i, line := range strings.Split(text, "\n") {
			for _, name := range unknownPlaceholders(line) {
				found("text", LetterError{Line: i + 1, Problem: LetterPlaceholder, Name: name})
			}
		}
		if !slices.Contains(placeholdersOf(text), "link") {
			found("text", LetterError{Problem: LetterLinkMissing})
		}
	}
	if len(problems) == 0 && len(letter.Text) == 0 {
		problems = append(problems, LetterError{Kind: letter.Kind, Language: survey.English, Part: "text", Problem: LetterMissing})
	}
	return problems
}
