package fieldwork

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"cxmirror/pkg/survey"
)

// unknownLanguage is the language of a published answer that may not tell its language.
const unknownLanguage survey.Language = "und" // BCP 47: undetermined

// sealedAnswers is what a sealed answer holds, as JSON: what is published, and nothing of who answered.
type sealedAnswers struct {
	Version    survey.VersionID                      `json:"version"`
	Language   survey.Language                       `json:"language"`
	Attributes map[survey.ItemCode]survey.OptionCode `json:"attributes,omitempty"`
	Answers    json.RawMessage                       `json:"answers"`
}

// A finished answer is one that was opened to be published.
type finished struct {
	sealedAnswers
	answers survey.Answers
}

// reported returns by what the results of a wave may be split, the most important first.
func reported(w *survey.Wave, q *survey.Questionnaire) []survey.ItemCode {
	if w.Reported != nil {
		return w.Reported
	}
	var codes []survey.ItemCode
	for i := range q.Items {
		if q.Items[i].Background {
			codes = append(codes, q.Items[i].Code)
		}
	}
	return codes
}

// profile returns what can be seen of who gave an answer: the reported segments, and last the language.
func (f *finished) profile(q *survey.Questionnaire, reported []survey.ItemCode) profile {
	p := make(profile, 0, len(reported)+1)
	for _, code := range reported {
		value := string(f.Attributes[code])
		if item, ok := q.Item(code); ok {
			value = valueOf(q, item, f.answers)
		}
		p = append(p, value)
	}
	if f.Language == unknownLanguage {
		return append(p, "")
	}
	return append(p, string(f.Language))
}

// valueOf returns the answer to an item as one text; "" is not answered.
func valueOf(q *survey.Questionnaire, item *survey.Item, answers survey.Answers) string {
	var cells []byte
	answered := false
	for column, c := range q.Columns() {
		if c.Item.Code != item.Code {
			continue
		}
		v := answers.Values()[column]
		answered = answered || v.State != survey.Missing
		cells = q.AppendCell(append(cells, byte(v.State), '\x01'), column, &v)
	}
	if !answered {
		return ""
	}
	return string(cells)
}

// show reduces a finished answer to what may be seen of it. What was answered only because of an answer that is
// left out is left out with it.
func (f *finished) show(q *survey.Questionnaire, reported []survey.ItemCode, visible profile) {
	var hidden []survey.ItemCode
	for i, code := range reported {
		if visible[i] == "" {
			hidden = append(hidden, code)
		}
	}
	if visible[len(reported)] == "" {
		f.Language = unknownLanguage
	}
	f.hide(q, hidden)
}

// hide leaves out segments, of the panel and of the questionnaire.
func (f *finished) hide(q *survey.Questionnaire, codes []survey.ItemCode) {
	form := f.answers.Form()
	before := len(form)
	for key := range form {
		code, _, _ := strings.Cut(key, ".")
		if slices.Contains(codes, survey.ItemCode(code)) {
			delete(form, key)
		}
	}
	for _, code := range codes {
		delete(f.Attributes, code)
	}
	if len(form) < before {
		// Problems can only be of required items that are missing now; what is left was accepted before.
		f.answers, _ = q.ReadAnswers(form)
	}
}

// unreported returns the background items that results may not be split by. In an anonymous wave their answers
// are not published, since each of them says something about who answered.
func unreported(q *survey.Questionnaire, reported []survey.ItemCode) []survey.ItemCode {
	var codes []survey.ItemCode
	for i := range q.Items {
		if q.Items[i].Background && !slices.Contains(reported, q.Items[i].Code) {
			codes = append(codes, q.Items[i].Code)
		}
	}
	return codes
}

// publish chooses which of the finished answers of an anonymous wave are published now, reduces them to what may
// be seen of each, and returns their positions in the order in which they are to be stored. While the wave goes
// on only whole classes are ([step]); at the closing all of them, as coarse as they must be ([coarsen]).
func publish(waiting []finished, q *survey.Questionnaire, reported []survey.ItemCode, k int, closing bool, random *rand.Rand) []int {
	never := unreported(q, reported)
	for i := range waiting {
		waiting[i].hide(q, never)
	}
	profiles := profilesOf(waiting, q, reported)
	if !closing {
		return step(profiles, k, random)
	}
	// A segment that is left out can take another with it, whose question depended on it. Then the classes are
	// others than planned, and are looked at once more; each time something is left out, so this ends.
	for {
		visible := coarsen(profiles, k, random)
		if visible == nil {
			return nil
		}
		for i := range waiting {
			waiting[i].show(q, reported, visible[i])
		}
		profiles = profilesOf(waiting, q, reported)
		if slices.EqualFunc(profiles, visible, slices.Equal[profile]) {
			break
		}
	}
	all := make([]int, len(waiting))
	for i := range all {
		all[i] = i
	}
	shuffle(all, random)
	return all
}

func profilesOf(waiting []finished, q *survey.Questionnaire, reported []survey.ItemCode) []profile {
	profiles := make([]profile, len(waiting))
	for i := range waiting {
		profiles[i] = waiting[i].profile(q, reported)
	}
	return profiles
}

// errOtherSecret says that a sealed answer cannot be opened.
var errOtherSecret = errors.New("the service was started with another secret than the one that answers were sealed with; start it with that one (the answers are kept)")

// aboutSealed is what a sealed answer is bound to: it cannot be moved to another wave.
func aboutSealed(wave survey.WaveID) string { return fmt.Sprintf("sealed answer of wave %d", wave) }
