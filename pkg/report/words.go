package report

import (
	"cmp"
	"math"
	"strings"
	"unicode"

	"cxmirror/pkg/findings"
	"cxmirror/pkg/survey"
)

// words is the language of one document.
type words struct {
	writer *Writer
	lang   survey.Language
}

func (w words) say(key string, args survey.Args) string {
	return w.writer.phrases.Say(w.lang, key, args)
}

func (w words) count(key string, n int, args survey.Args) string {
	return w.writer.phrases.SayCount(w.lang, key, n, args)
}

// question is the title of a questionnaire and the question compared.
func (w words) question(c *Comparison) string {
	title, question := c.Questionnaire.Title.In(w.lang), c.Item.Text.In(w.lang)
	if title == "" || title == question {
		return question
	}
	return title + ": " + question
}

func (w *Writer) withheld(c *Comparison, lang survey.Language) string {
	return words{w, lang}.withheld(c)
}

func (w words) withheld(c *Comparison) string {
	side, part := "external", c.External.Part
	if c.Withheld.Audience == survey.Internal {
		side, part = "internal", c.Internal.Part
	}
	key := "withheld"
	switch {
	case c.Withheld.Options:
		key = "withheld_options"
	case part != nil:
		key = "withheld_part"
	}
	return w.say(key, survey.Args{"Side": w.say(side, nil), "Threshold": w.lang.Integer(c.Withheld.Threshold)})
}

// notes are what a reader must know before the figures.
func (w words) notes(c *Comparison) []string {
	notes := w.writer.speaker.Notes(c.Divergence, w.lang)
	if c.Strangers {
		notes = append(notes, w.say("strangers", nil))
	}
	if n := c.rejected(); n > 0 {
		notes = append(notes, w.count("rejected", n, nil))
	}
	for _, side := range []struct {
		key string
		r   *findings.Ranking
	}{{"external", &c.Divergence.External}, {"internal", &c.Divergence.Internal}} {
		if n := side.r.Base.Partial; n > 0 {
			notes = append(notes, w.count("partial", n, survey.Args{"Side": w.say(side.key, nil)}))
		}
	}
	return notes
}

func (w words) label(it *findings.ItemDifference) string {
	return cmp.Or(it.External.Text.In(w.lang), string(it.Code))
}

func (w words) name(r *findings.Ranking, code survey.OptionCode) string {
	for _, e := range r.Entries {
		if e.Code == code {
			return cmp.Or(e.Text.In(w.lang), string(code))
		}
	}
	return string(code)
}

// share writes a share without decimals: no base here bears them.
func (w words) share(share float64) string {
	if math.IsNaN(share) {
		return "–"
	}
	return w.lang.Percent(share, 0)
}

func (w words) p(p float64) string {
	if math.IsNaN(p) {
		return "–"
	}
	if p < 0.0005 {
		return "<" + w.lang.Decimal(0.001, 3)
	}
	return w.lang.Decimal(p, 3)
}

// higher is the probability that the share is higher inside; where nobody chose the option on either side
// it would only repeat what was assumed before looking.
func (w words) higher(it *findings.ItemDifference) string {
	if it.Withheld() || it.External.Count+it.Internal.Count == 0 {
		return "–"
	}
	return w.probability(it.Higher)
}

// probability never says 0 % or 100 %.
func (w words) probability(p float64) string {
	switch {
	case p < 0.005:
		return "< " + w.lang.Percent(0.01, 0)
	case p > 0.995:
		return "> " + w.lang.Percent(0.99, 0)
	}
	return w.lang.Percent(p, 0)
}

// verdict is what the data show of one option, in a word or two.
func (w words) verdict(d *findings.Divergence, it *findings.ItemDifference) string {
	if it.Withheld() {
		return w.say("verdict_withheld", nil)
	}
	key := map[findings.Verdict]string{
		findings.Small: "verdict_small", findings.Same: "verdict_same", findings.Unknown: "verdict_unknown",
	}[it.Verdict]
	if it.Verdict == findings.Different {
		// Picks are more or less, ratings are higher or lower.
		keys := [2]string{"verdict_more", "verdict_less"}
		if d.Kind == survey.Rating {
			keys = [2]string{"verdict_higher", "verdict_lower"}
		}
		key = keys[0]
		if it.Difference < 0 {
			key = keys[1]
		}
	}
	return w.say(key, nil)
}

// verdictInFull is the verdict with its size: the difference, or what would have been seen.
func (w words) verdictInFull(d *findings.Divergence, it *findings.ItemDifference) string {
	if it.Withheld() {
		return w.verdict(d, it)
	}
	args := survey.Args{"Verdict": w.verdict(d, it), "Points": w.lang.Points(it.Difference, 0)}
	switch it.Verdict {
	case findings.Different, findings.Small:
		return w.say("with_points", args)
	case findings.Unknown:
		if it.Detectable < 1 {
			args["Points"] = w.detectable(it)
			return w.say("would_see", args)
		}
	case findings.Same:
	}
	return w.verdict(d, it)
}

// detectable is rounded up: what could have been seen must not be understated.
func (w words) detectable(it *findings.ItemDifference) string {
	if it.Withheld() || it.Detectable >= 1 {
		return "–"
	}
	return w.lang.Decimal(math.Ceil(100*it.Detectable-1e-9), 0)
}

func (w words) ruleValue(rule findings.Rule, v findings.RuleValue) string {
	switch rule {
	case findings.MeanPlace, findings.MeanRating:
		return w.lang.Decimal(v.Value, 2)
	case findings.SharePicked, findings.ShareTopN, findings.ShareFirst, findings.TopBox:
	}
	return w.share(v.Value)
}

// lists says how alike the two whole lists are, a sentence each.
func (w words) lists(d *findings.Divergence) []string {
	l := d.Lists
	alike := "global_alike"
	if l.GlobalP < 1-d.Level {
		alike = "global_differ"
	}
	tau := w.say("tau", survey.Args{"Tau": w.lang.Decimal(l.TauB, 2)})
	if math.IsNaN(l.TauB) {
		tau = w.say("tau_undefined", nil)
	}
	if !math.IsNaN(l.TauLow) {
		tau += " " + w.say("tau_expected", survey.Args{
			"Low": w.lang.Decimal(l.TauLow, 2), "High": w.lang.Decimal(l.TauHigh, 2),
		})
	}
	return []string{
		w.say(alike, survey.Args{"P": w.p(l.GlobalP), "Method": l.GlobalMethod}),
		tau,
		w.say("rbo", survey.Args{
			"RBO": w.lang.Decimal(l.RBO, 2), "P": w.lang.Decimal(l.RBOP, 1), "Chance": w.lang.Decimal(l.RBOChance, 2),
		}),
		w.say("overlap", survey.Args{"Top": w.lang.Integer(d.Top), "Overlap": w.lang.Percent(l.Overlap, 0)}),
	}
}

// fileLines says where the answers came from and what became of the rows.
func (w words) fileLines(c *Comparison) []string {
	if c.Withheld != nil {
		// Counts of rows would tell how small the group is that is withheld.
		return nil
	}
	if c.External.Shared {
		return []string{w.fileLine("file_both", c.External)}
	}
	return []string{
		w.sourceLine("file_external", "wave_external", c.External),
		w.sourceLine("file_internal", "wave_internal", c.Internal),
	}
}

// sourceLine says where one side comes from, a file or a wave.
func (w words) sourceLine(file, wave string, s Source) string {
	if s.Wave {
		return w.count(wave, s.Rows, survey.Args{"Wave": plain(s.Name)})
	}
	return w.fileLine(file, s)
}

// parts says which people of a side are compared, where that is not everybody.
func (w words) parts(c *Comparison) []string {
	var parts []string
	for _, side := range []struct {
		key  string
		part *Part
	}{{"external", c.External.Part}, {"internal", c.Internal.Part}} {
		if side.part == nil {
			continue
		}
		key := "part_only"
		if side.part.Rest {
			key = "part_rest"
		}
		parts = append(parts, w.say(key, survey.Args{
			"Side": w.say(side.key, nil), "Question": side.part.Question.In(w.lang),
			"Answer": cmp.Or(side.part.Answer.In(w.lang), string(side.part.Option)),
		}))
	}
	return parts
}

func (w words) fileLine(key string, s Source) string {
	return w.say(key, survey.Args{
		"File": plain(s.Name), "Rows": w.lang.Integer(s.Rows), "Accepted": w.lang.Integer(s.Accepted),
		"Filtered": w.lang.Integer(s.Filtered), "Rejected": w.lang.Integer(s.Rejected),
	})
}

// plain takes control characters out of a name that somebody else chose: a terminal obeys them.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			return '\uFFFD'
		}
		return r
	}, s)
}

// method says how the figures were made.
func (w words) method(d *findings.Divergence) string {
	base := "method_base_asked"
	if d.Kind == survey.Rating {
		base = "method_base_rated"
	}
	said := []string{w.say("method", survey.Args{
		"Base": w.say(base, nil),
		"Rule": w.writer.speaker.Rule(d.Rule, d.Top, w.lang), "Level": w.lang.Percent(d.Level, 0),
		"Margin": w.lang.Decimal(100*d.Margin, 0), "Count": w.lang.Integer(len(d.Shown())),
	})}
	if d.External.Base.Weighted || d.Internal.Base.Weighted {
		said = append(said, w.say("method_weighted", survey.Args{
			"External": w.lang.Decimal(d.External.Base.EffectiveN, 0), "Internal": w.lang.Decimal(d.Internal.Base.EffectiveN, 0),
		}))
	}
	return strings.Join(said, " ")
}
