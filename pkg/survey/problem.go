package survey

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Rule names a way in which an answer can be invalid. It is what programs branch on; people read
// [Problem.String] (files) or [AnswersError.In] (respondents).
type Rule string

// The rules an answer can break.
const (
	UnknownItem     Rule = "unknown_item"      // the questionnaire has no such item or row
	UnknownOption   Rule = "unknown_option"    // the item has no such option
	EmptyCode       Rule = "empty_code"        // nothing between two separators
	RepeatedOption  Rule = "repeated_option"   // an option given twice
	SeveralAnswers  Rule = "several_answers"   // more than one answer where one is asked for
	TooMany         Rule = "too_many"          // more options than Item.Max
	TooFew          Rule = "too_few"           // fewer options than Item.Min
	NotAlone        Rule = "not_alone"         // an exclusive option together with others
	NotPicked       Rule = "not_picked"        // ranked, but not picked in the item that is ranked
	OffScale        Rule = "off_scale"         // not a whole point of the scale
	NoCannotSay     Rule = "no_cannot_say"     // "cannot say" where it is not offered
	NoneNotPossible Rule = "none_not_possible" // "none" where nothing can be picked
	NotANumber      Rule = "not_a_number"      // not a decimal number
	OutOfRange      Rule = "out_of_range"      // outside Item.Range
	TooManyDecimals Rule = "too_many_decimals" // more decimals than Range.Decimals
	TooLong         Rule = "too_long"          // a text longer than Item.Length
	NotText         Rule = "not_text"          // invalid UTF-8 or control characters
	NotAsked        Rule = "not_asked"         // answered, though its condition says it is not asked
	NotAnswered     Rule = "not_answered"      // required and not answered
	PlaceTaken      Rule = "place_taken"       // two options at one place of a ranking
	PlaceSkipped    Rule = "place_skipped"     // a ranking with a hole, such as places 1 and 3
	NotAPlace       Rule = "not_a_place"       // not a whole number from 1 to the number of places
	WrongShape      Rule = "wrong_shape"       // JSON of another type than the kind of item needs
	MixedEncodings  Rule = "mixed_encodings"   // a ranking given in two ways at once
)

// longestQuotation is how many characters of an answer a message quotes.
const longestQuotation = 60

// Problem says why one answer is not valid. Which of the fields after Given are set depends on the rule.
type Problem struct {
	Rule    Rule
	Key     string  // the column or form key: "expectations", "performance.speed"
	Given   string  // the offending part of the answer, as given
	Nearest string  // the known code that Given is probably a slip of, or ""
	Other   string  // the second code or item concerned
	Count   int     // how many were given
	Limit   int     // how many are allowed, or needed
	Low     float64 // the least allowed point or number
	High    float64 // the greatest allowed point or number
}

// String says the problem in English, for those who keep the files: codes, not labels.
func (p *Problem) String() string {
	if p.Key == "" {
		return p.Reason()
	}
	return printable(p.Key) + ": " + p.Reason() // a form's field can have any name
}

// Reason is [Problem.String] without the key, for reports that name the field apart.
func (p *Problem) Reason() string {
	given := quoted(p.Given)
	switch p.Rule {
	case UnknownItem:
		return "the questionnaire has no item or row " + given + p.didYouMean()
	case UnknownOption:
		return "no option " + given + p.didYouMean()
	case EmptyCode:
		return "an empty code between separators in " + given
	case RepeatedOption:
		return given + " is given twice"
	case SeveralAnswers:
		return fmt.Sprintf("%d answers given where one is asked for", p.Count)
	case TooMany:
		return fmt.Sprintf("%d options given, at most %d allowed", p.Count, p.Limit)
	case TooFew:
		return fmt.Sprintf("%d options given, at least %d needed", p.Count, p.Limit)
	case NotAlone:
		return given + " excludes every other option, but comes with " + quoted(p.Other)
	case NotPicked:
		return given + " is ranked but was not picked in " + p.Other
	case OffScale:
		return fmt.Sprintf("%s is not a whole point of the scale from %s to %s", given, number(p.Low), number(p.High))
	case NoCannotSay:
		return `"cannot_say" is not offered`
	case NoneNotPossible:
		return `"none" is for items with options; leave the answer empty if there is none`
	case NotANumber:
		return given + " is not a number (digits with a decimal point)"
	case OutOfRange:
		switch {
		case math.IsInf(p.High, 1):
			return fmt.Sprintf("%s is less than %s", given, number(p.Low))
		case math.IsInf(p.Low, -1):
			return fmt.Sprintf("%s is more than %s", given, number(p.High))
		}
		return fmt.Sprintf("%s is outside %s to %s", given, number(p.Low), number(p.High))
	case TooManyDecimals:
		return fmt.Sprintf("%s has more than %d decimals", given, p.Limit)
	case TooLong:
		return fmt.Sprintf("%d characters, at most %d allowed", p.Count, p.Limit)
	case NotText:
		return "the text has control characters or is not valid UTF-8"
	case NotAsked:
		return "answered, but by its show_if the item is not asked here"
	case NotAnswered:
		return "required, but not answered"
	case PlaceTaken:
		return fmt.Sprintf("%s and %s are both at place %d", quoted(p.Other), given, p.Count)
	case PlaceSkipped:
		return fmt.Sprintf("no option at place %d, though later places are used", p.Count)
	case NotAPlace:
		return fmt.Sprintf("%s is not a place from 1 to %d", given, p.Limit)
	case WrongShape:
		return given + " is not what an answer of kind " + p.Other + " looks like"
	case MixedEncodings:
		return "places and an ordered list are given for one ranking; give one of them"
	}
	return string(p.Rule)
}

// Saying is [Problem.Reason] with what is needed to say it in other languages, for reports of files. Its keys are the
// rules; some rules have several sentences.
func (p *Problem) Saying() Saying {
	s := Saying{Key: "answer_" + string(p.Rule), English: p.Reason(), Args: Args{
		"Given": shortened(p.Given), "Nearest": p.Nearest, "Other": shortened(p.Other), "Count": p.Count, "Limit": p.Limit, "Low": number(p.Low), "High": number(p.High),
	}}
	switch {
	case p.Rule == OutOfRange && math.IsInf(p.High, 1):
		s.Key += "_low"
	case p.Rule == OutOfRange && math.IsInf(p.Low, -1):
		s.Key += "_high"
	case (p.Rule == UnknownItem || p.Rule == UnknownOption) && p.Nearest != "":
		s.Key += "_near"
	}
	return s
}

func (p *Problem) didYouMean() string {
	if p.Nearest == "" {
		return ""
	}
	return " (did you mean " + quoted(p.Nearest) + "?)"
}

// quoted puts a value in quotes for a message, cut to a readable length.
func quoted(s string) string { return strconv.Quote(shortened(s)) }

// shortened cuts a value to a readable length.
func shortened(s string) string {
	if runes := []rune(s); len(runes) > longestQuotation {
		s = string(runes[:longestQuotation]) + "…"
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

func number(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }
