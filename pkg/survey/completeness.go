package survey

import (
	"fmt"
	"strings"
)

// Completeness says how much of a questionnaire is written in one of its languages.
type Completeness struct {
	Language Language
	Total    int      // texts the questionnaire has
	Missing  []string // where the language has none: "items.performance.rows.speed.text", or "frame expectations: speed"
}

// String returns "ru: 3 of 120 texts missing: title, items.channel.text, ...", or "ru: 120 texts, complete".
func (c Completeness) String() string {
	if len(c.Missing) == 0 {
		return fmt.Sprintf("%s: %d texts, complete", c.Language, c.Total)
	}
	return fmt.Sprintf("%s: %d of %d texts missing: %s", c.Language, len(c.Missing), c.Total, strings.Join(c.Missing, ", "))
}

// Completeness counts, for every declared language, the texts that it lacks and respondents would read in
// another language. A text of a code frame counts once, however many items use it.
func (q *Questionnaire) Completeness() []Completeness { return countTexts(q.Languages, q.texts) }

// Completeness counts, for every declared language of the frame, the texts that it lacks. The voice of each
// audience is a text of its own.
func (f *Frame) Completeness() []Completeness {
	return countTexts(f.Languages, func(visit func(place string, words Words)) {
		if len(f.Title) > 0 {
			visit("title", f.Title)
		}
		for i := range f.Options {
			o := &f.Options[i]
			visit(fmt.Sprintf("options.%s.text", o.Code), o.Text)
			for _, audience := range Audiences() {
				if voice, ok := o.Voices[audience]; ok {
					visit(fmt.Sprintf("options.%s.%s", o.Code, audience), voice)
				}
			}
		}
	})
}

// countTexts counts the texts that walk visits. A place visited twice counts once.
func countTexts(languages []Language, walk func(visit func(place string, words Words))) []Completeness {
	result := make([]Completeness, len(languages))
	for i, lang := range languages {
		result[i].Language = lang
	}
	seen := make(map[string]bool)
	walk(func(place string, words Words) {
		if seen[place] {
			return
		}
		seen[place] = true
		for i, lang := range languages {
			result[i].Total++
			if _, ok := words.Exactly(lang); !ok {
				result[i].Missing = append(result[i].Missing, place)
			}
		}
	})
	return result
}

// texts calls visit for every text that stands in the questionnaire and its frames.
func (q *Questionnaire) texts(visit func(place string, words Words)) {
	optional := func(place string, words Words) {
		if len(words) > 0 {
			visit(place, words)
		}
	}
	visit("title", q.Title)
	optional("intro", q.Intro)
	for i := range q.Items {
		item := &q.Items[i]
		place := "items." + string(item.Code)
		visit(place+".text", item.Text)
		optional(place+".hint", item.Hint)
		q.listTexts(item, place, visit)
		if s := item.Scale; s != nil {
			optional(place+".scale.low", s.Low)
			optional(place+".scale.high", s.High)
			for point := s.Min; point <= s.Max; point++ {
				optional(fmt.Sprintf("%s.scale.labels.%d", place, point), s.Labels[point])
			}
		}
	}
}

func (q *Questionnaire) listTexts(item *Item, place string, visit func(place string, words Words)) {
	framed := item.Options // the list that a frame, if there is one, gave
	if item.Kind == Rating || item.Kind == Matrix {
		framed = item.Rows
	}
	switch {
	case item.Of != "": // the texts are those of the item it ranks
	case item.Frame != "":
		for j := range framed {
			visit(fmt.Sprintf("frame %s: %s", item.Frame, framed[j].Code), framed[j].Text)
		}
	default:
		for j := range item.Rows {
			visit(fmt.Sprintf("%s.rows.%s.text", place, item.Rows[j].Code), item.Rows[j].Text)
		}
	}
	if item.Of == "" && (item.Frame == "" || item.Kind == Matrix) {
		for j := range item.Options {
			visit(fmt.Sprintf("%s.options.%s.text", place, item.Options[j].Code), item.Options[j].Text)
		}
	}
}
