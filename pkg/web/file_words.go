package web

import (
	"maps"
	"slices"
	"strings"

	"cxmirror/pkg/exchange"
	"cxmirror/pkg/fieldwork"
	"cxmirror/pkg/survey"
)

// fileWords is what the keys of phrases begin with that say what is wrong with files, rows and questions.
const fileWords = "file_"

// mailWords is what the keys of phrases begin with that say why a mail did not arrive.
const mailWords = "undelivered_"

// MailFailure says in the reader's words why mail did not arrive, from what stands beside it.
func (r room) MailFailure(reason string) string {
	return r.phrases.Tell(r.Lang, mailWords, fieldwork.Failure(reason))
}

// fileProblems says in the reader's words everything that is wrong with a file or with the map that tells how it is
// read, each with its place. It returns nothing for an error that is not the file's.
func (r room) fileProblems(err error) []string {
	switch err := err.(type) { //nolint:errorlint // every error within is asked, one by one
	case *exchange.FileError:
		return []string{err.Place() + r.phrases.Tell(r.Lang, fileWords, r.withFault(err))}
	case *exchange.ColumnsError:
		says := err.Says
		if meaning, ok := says.Args["Meaning"].(exchange.PeopleMeaning); ok {
			says.Args = maps.Clone(says.Args)
			says.Args["Meaning"] = r.T("meaning_" + string(meaning))
		}
		return []string{r.phrases.Tell(r.Lang, fileWords, says)}
	case survey.Diagnostics:
		problems := make([]string, len(err))
		for i, mistake := range err {
			problems[i] = mistake.String()
		}
		return problems
	case interface{ Unwrap() []error }:
		var problems []string
		for _, one := range err.Unwrap() {
			said := r.fileProblems(one)
			if said == nil {
				return nil
			}
			problems = append(problems, said...)
		}
		return problems
	case interface{ Unwrap() error }:
		return r.fileProblems(err.Unwrap())
	}
	return nil
}

// answeredInWave says why a row of somebody is left out who has answered in the wave.
func answeredInWave() survey.Saying {
	return survey.Say("known", "this respondent has answered in the wave already")
}

// withFault is what is wrong with a file; if it is a cell of its header, in the words for cells.
func (r room) withFault(err *exchange.FileError) survey.Saying {
	says := err.Says
	if err.Fault.Reason != "" {
		says.Args = maps.Clone(says.Args)
		says.Args["Reason"], says.Args["Advice"] = r.faultWords(err.Fault)
	}
	return says
}

// shownMistake is a mistake in a file: a sentence, and the line of the file that it is about with a caret under the
// place, which must not be broken into several. Those that quote a line are mistakes of a questionnaire or of a map:
// they speak of the keys of a format, which are English, and are English themselves, as compilers' are.
type shownMistake struct{ Says, Excerpt string }

// Mistake takes a mistake apart for the page.
func (r room) Mistake(text string) shownMistake {
	if says, excerpt, ok := strings.Cut(text, "\n    "); ok && strings.HasSuffix(excerpt, "^") {
		return shownMistake{says, excerpt}
	}
	return shownMistake{Says: text}
}

// InEnglish reports whether some of the mistakes are said in English to a reader of another language.
func (r room) InEnglish(mistakes []string) bool {
	return r.Lang != survey.English && slices.ContainsFunc(mistakes, func(text string) bool { return r.Mistake(text).Excerpt != "" })
}
