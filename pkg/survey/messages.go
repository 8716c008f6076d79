package survey

import (
	"embed"
	"math"
	"strings"
	"sync"
)

//go:embed phrases/*.yaml
var phraseFiles embed.FS

// respondentPhrases is the catalogue of what respondents are told, read once and never changed.
var respondentPhrases = sync.OnceValues(func() (*Phrases, error) { //nolint:gochecknoglobals // a constant that is read at first use
	return LoadPhrases(phraseFiles, "phrases")
})

// AnswersError is everything that is wrong with one person's answers.
type AnswersError struct {
	Problems []Problem
	answers  Answers
}

// Error returns every problem in English, for logs of programs: it says codes and what was given, so that
// it must not be logged where answers are private.
func (e AnswersError) Error() string {
	lines := make([]string, len(e.Problems))
	for i := range e.Problems {
		lines[i] = e.Problems[i].String()
	}
	return strings.Join(lines, "\n")
}

// Message is what a respondent is told about one answer.
type Message struct {
	Item ItemCode // the item to show it at; "" if it is of the form as a whole
	Key  string   // the column or field
	Text string
}

// In returns the problems as messages to the respondent, in her language or else in English, in the order of
// the questionnaire; one message for each column.
func (e AnswersError) In(lang Language) []Message {
	told := make(map[string]bool)
	var messages []Message
	for i := range e.Problems {
		p := &e.Problems[i]
		if told[p.Key] {
			continue
		}
		told[p.Key] = true
		m := Message{Key: p.Key, Text: e.say(lang, p)}
		code, _, _ := strings.Cut(p.Key, ".")
		if e.answers.questionnaire != nil {
			if item, ok := e.answers.questionnaire.Item(ItemCode(code)); ok {
				m.Item = item.Code
			}
		}
		messages = append(messages, m)
	}
	return messages
}

// say puts one problem into a sentence. Respondents read words of options, never codes.
func (e AnswersError) say(lang Language, p *Problem) string {
	phrases, err := respondentPhrases()
	if err != nil { // the tests load the catalogue, so it is there
		return p.Reason()
	}
	given, other := e.label(lang, p.Key, p.Given), e.label(lang, p.Key, p.Other)
	low, high := spokenNumber(lang, p.Low), spokenNumber(lang, p.High)
	switch p.Rule {
	case UnknownItem, WrongShape, MixedEncodings, NotAsked:
		return phrases.Say(lang, "not_of_page", nil)
	case UnknownOption, EmptyCode, NoCannotSay, NoneNotPossible:
		return phrases.Say(lang, "not_offered", nil)
	case RepeatedOption:
		return phrases.Say(lang, "repeated", Args{"Option": given})
	case SeveralAnswers:
		return phrases.Say(lang, "only_one", nil)
	case TooMany:
		return phrases.SayCount(lang, "too_many", p.Limit, Args{"Given": p.Count})
	case TooFew:
		return phrases.SayCount(lang, "too_few", p.Limit, nil)
	case NotAlone:
		if p.Given == NoneWord && given == NoneWord { // the word, not an option of that code
			return phrases.Say(lang, "not_offered", nil)
		}
		return phrases.Say(lang, "not_alone", Args{"Option": given})
	case NotPicked:
		return phrases.Say(lang, "not_picked", Args{"Option": given})
	case OffScale:
		return phrases.Say(lang, "off_scale", Args{"Low": low, "High": high})
	case NotANumber:
		return phrases.Say(lang, "not_a_number", nil)
	case OutOfRange:
		switch {
		case math.IsInf(p.High, 1):
			return phrases.Say(lang, "too_low", Args{"Low": low})
		case math.IsInf(p.Low, -1):
			return phrases.Say(lang, "too_high", Args{"High": high})
		}
		return phrases.Say(lang, "out_of_range", Args{"Low": low, "High": high})
	case TooManyDecimals:
		if p.Limit == 0 {
			return phrases.Say(lang, "whole_number", nil)
		}
		return phrases.SayCount(lang, "too_many_decimals", p.Limit, nil)
	case TooLong:
		return phrases.SayCount(lang, "too_long", p.Limit, Args{"Given": p.Count})
	case NotText:
		return phrases.Say(lang, "not_text", nil)
	case NotAnswered:
		return phrases.Say(lang, "not_answered", nil)
	case PlaceTaken:
		return phrases.Say(lang, "place_taken", Args{"First": other, "Second": given, "Place": p.Count})
	case PlaceSkipped:
		return phrases.Say(lang, "place_skipped", Args{"Place": p.Count})
	case NotAPlace:
		return phrases.Say(lang, "not_a_place", Args{"Limit": p.Limit})
	}
	return p.Reason()
}

// label returns the words of an option of the item that a key is of, or the code if there is none.
func (e AnswersError) label(lang Language, key, code string) string {
	q := e.answers.questionnaire
	if q == nil {
		return code
	}
	item, _, _ := strings.Cut(key, ".")
	it, ok := q.Item(ItemCode(item))
	if !ok {
		return code
	}
	at, ok := it.Option(OptionCode(code))
	if !ok {
		return code
	}
	return q.Pipe(it.Options[at].Text.In(lang), lang, e.answers.values)
}

// spokenNumber writes a number as people of a language do. Of the languages respondents are spoken to in,
// only English has a decimal point.
func spokenNumber(lang Language, x float64) string {
	text := number(x)
	if base, _, _ := strings.Cut(string(lang), "-"); Language(base) != English {
		text = strings.Replace(text, ".", ",", 1)
	}
	return text
}
