package charts

import (
	"embed"
	"fmt"
	"math"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"cxmirror/pkg/findings"
	"cxmirror/pkg/survey"
)

//go:embed phrases/*.yaml
var phraseFiles embed.FS

// catalogue returns the words inside pictures. Reading and checking it costs more than drawing does, so it
// is done once.
//
//nolint:gochecknoglobals // it is filled once, from embedded files, and never changes
var catalogue = sync.OnceValues(func() (*survey.Phrases, error) {
	return survey.LoadPhrases(phraseFiles, "phrases")
})

// wording says things in one language.
type wording struct {
	language survey.Language
	phrases  *survey.Phrases
	rated    bool // the item is a rating: "higher", where picks are "more"
}

func newWording(language survey.Language, rule findings.Rule) (wording, error) {
	phrases, err := catalogue()
	if err != nil {
		return wording{}, fmt.Errorf("charts: %w", err)
	}
	w := wording{language: language, phrases: phrases}
	if !phrases.Speaks(language) {
		w.language = survey.English
	}
	w.rated = rule == findings.TopBox || rule == findings.MeanRating
	return w, nil
}

// say returns a phrase; pairs are the names and values of its arguments.
func (w wording) say(key string, pairs ...string) string {
	args := make(survey.Args, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		args[pairs[i]] = pairs[i+1]
	}
	return w.phrases.Say(w.language, key, args)
}

// noFigure stands where there is no share to print: nobody in an option's own base.
const noFigure = "–"

// percent writes a share in [0, 1] in whole percents. Only a share of 0 is 0 %, and only one of 1 is 100 %:
// what would round to them is written as "<1 %" and ">99 %".
func (w wording) percent(share float64) string {
	if !finite(share) {
		return noFigure
	}
	switch rounded := w.language.Percent(share, 0); {
	case share > 0 && rounded == w.language.Percent(0, 0):
		return "<" + w.language.Percent(0.01, 0)
	case share < 1 && rounded == w.language.Percent(1, 0):
		return ">" + w.language.Percent(0.99, 0)
	default:
		return rounded
	}
}

// interval writes bounds of a share in whole percents, "35–41 %".
func (w wording) interval(low, high float64) string {
	if !finite(low) || !finite(high) {
		return noFigure
	}
	return w.language.Decimal(math.Round(100*low), 0) + "–" + w.language.Percent(high, 0)
}

// points writes a difference of shares with sign and unit, "+14 pts". What would round to 0 and is not gets
// a decimal.
func (w wording) points(difference float64) string {
	if !finite(difference) {
		return noFigure
	}
	decimals := 0
	if difference != 0 && math.Abs(difference) < 0.005 {
		decimals = 1
	}
	return w.say("points", "Value", w.language.Points(difference, decimals))
}

// span writes bounds of a difference, "+8 to +20"; nothing if there are none.
func (w wording) span(low, high float64) string {
	if !finite(low) || !finite(high) {
		return ""
	}
	return w.say("range", "Low", w.language.Points(low, 0), "High", w.language.Points(high, 0))
}

// places writes the places an option may hold, "2" or "2–4".
func (w wording) places(e findings.Entry) string {
	switch {
	case e.RankLow <= 0 || e.RankHigh <= 0:
		return ""
	case e.RankLow == e.RankHigh:
		return w.language.Integer(e.RankLow)
	}
	return w.language.Integer(e.RankLow) + "–" + w.language.Integer(e.RankHigh)
}

// place writes the place an option holds, with an equals sign before a shared one.
func (w wording) place(e findings.Entry) string {
	switch {
	case e.Rank <= 0:
		return noFigure
	case e.Tied:
		return "=" + w.language.Integer(e.Rank)
	}
	return w.language.Integer(e.Rank)
}

// base writes who counts: "n = 1,200", with the effective n where answers are weighted.
func (w wording) base(b findings.Base) string {
	if b.Weighted && finite(b.EffectiveN) {
		return w.say("base_effective", "N", w.language.Integer(b.N), "Effective", w.language.Decimal(b.EffectiveN, 0))
	}
	return w.say("base", "N", w.language.Integer(b.N))
}

// verdict returns what the data show about an option, and what goes with it: the difference where there is
// one, what could have been seen where the data cannot tell.
func (w wording) verdict(item findings.ItemDifference) (words, detail string) {
	if item.Withheld() {
		return w.say("withheld"), ""
	}
	switch item.Verdict {
	case findings.Different:
		return w.direction(item.Difference), w.points(item.Difference)
	case findings.Small:
		return w.say("small"), w.points(item.Difference)
	case findings.Same:
		return w.say("same"), ""
	case findings.Unknown:
		if finite(item.Detectable) && item.Detectable > 0 && item.Detectable < 1 {
			// Rounded up, so that no more is claimed than could have been seen.
			whole := w.language.Decimal(math.Ceil(100*item.Detectable-1e-9), 0)
			detail = w.say("would_see", "Points", w.say("points", "Value", whole))
		}
		return w.say("unknown"), detail
	}
	return string(item.Verdict), ""
}

// direction says on which side an option stands higher.
func (w wording) direction(difference float64) string {
	switch {
	case w.rated && difference > 0:
		return w.say("higher")
	case w.rated:
		return w.say("lower")
	case difference > 0:
		return w.say("more")
	}
	return w.say("less")
}

// option returns the words of an option as its own side read them, or its code.
func (w wording) option(e findings.Entry, code survey.OptionCode) string {
	if text := plain(e.Text.In(w.language)); text != "" {
		return text
	}
	return plain(string(code))
}

// describe tells in words what a picture of a divergence shows: who was asked, then the options by verdict.
func (w wording) describe(title string, d *findings.Divergence, look Look) string {
	var b strings.Builder
	b.WriteString(capital(title))
	b.WriteString(". ")
	b.WriteString(look.ExternalName + " (" + w.base(d.External.Base) + "), " + look.InternalName + " (" + w.base(d.Internal.Base) + "). ")
	if d.Simulated {
		b.WriteString(capital(w.say("simulated")) + ". ")
	}
	for _, verdict := range []findings.Verdict{findings.Different, findings.Small, findings.Same, findings.Unknown} {
		var said []string
		for _, item := range d.Shown() {
			if item.Verdict == verdict {
				said = append(said, w.option(item.External, item.Code)+" "+w.percent(item.External.Share)+" / "+w.percent(item.Internal.Share))
			}
		}
		if len(said) > 0 {
			b.WriteString(capital(w.say(string(verdict))) + ": " + strings.Join(said, "; ") + ". ")
		}
	}
	var withheld []string
	for _, item := range d.Items[len(d.Shown()):] {
		withheld = append(withheld, w.option(item.External, item.Code))
	}
	if len(withheld) > 0 {
		b.WriteString(capital(w.say("withheld")) + ": " + strings.Join(withheld, "; ") + ". ")
	}
	return strings.TrimSpace(b.String())
}

// capital begins a sentence.
func capital(words string) string {
	first, length := utf8.DecodeRuneInString(words)
	return string(unicode.ToUpper(first)) + words[length:]
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }
