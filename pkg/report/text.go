package report

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"strings"
	"unicode/utf8"

	"cxmirror/pkg/findings"
	"cxmirror/pkg/survey"
)

// Widths of a text report, in characters.
const (
	DefaultTextWidth = 100
	minTextWidth     = 60
	wideText         = 124 // from here on the words stand between the bars
)

// Text writes a table for a terminal or a letter in a fixed-width font, no wider than width characters
// (0: [DefaultTextWidth]; less than 60 is taken as 60).
func (w *Writer) Text(to io.Writer, c *Comparison, lang survey.Language, width int) error {
	if width == 0 {
		width = DefaultTextWidth
	}
	out := bufio.NewWriter(to)
	t := &textPage{words{w, lang}, out, max(width, minTextWidth)}
	t.page(c)
	return out.Flush()
}

type textPage struct {
	words
	out   *bufio.Writer
	width int
}

func (t *textPage) line(format string, args ...any) {
	s := fmt.Sprintf(format, args...)
	fmt.Fprintln(t.out, strings.TrimRight(s, " "))
}

// wrapped writes a paragraph, its later lines indented.
func (t *textPage) wrapped(text, indent string) {
	for i, l := range wrap(text, t.width-utf8.RuneCountInString(indent)) {
		if i == 0 {
			t.line("%s", l)
		} else {
			t.line("%s%s", indent, l)
		}
	}
}

func (t *textPage) page(c *Comparison) {
	if c.Simulated {
		t.line("[%s]", t.say("simulated", nil))
	}
	t.wrapped(t.question(c), "")
	for _, part := range t.parts(c) {
		t.wrapped(part, "")
	}
	t.line("")
	if c.Withheld != nil {
		t.wrapped(t.withheld(c), "")
		t.line("")
		t.files(c)
		return
	}
	d := c.Divergence
	t.wrapped(t.writer.speaker.Divergence(d, t.lang), "")
	for _, note := range t.notes(c) {
		t.wrapped(note, "")
	}
	t.line("")
	t.mirror(d)
	t.line("")
	t.differences(d)
	t.line("")
	t.wrapped(t.say("external", nil)+". "+t.writer.speaker.Ranking(&d.External, t.lang), "  ")
	t.wrapped(t.say("internal", nil)+". "+t.writer.speaker.Ranking(&d.Internal, t.lang), "  ")
	t.otherRules(d)
	t.line("")
	for _, s := range append(t.writer.speaker.Emphasis(d, t.lang), t.lists(d)...) {
		t.wrapped(s, "  ")
	}
	t.line("")
	t.files(c)
	t.line("")
	t.wrapped(t.method(d), "")
}

// mirror writes one row per option: external bars to the left, internal to the right, words between. On
// narrow paper the words stand above the bars.
func (t *textPage) mirror(d *findings.Divergence) {
	place, share := 8, 6
	if t.width < wideText {
		t.stacked(d, place, share)
		return
	}
	verdict := 26
	bar := 12 + (t.width-wideText)/8
	label := t.width - 2*(place+share+bar+2) - verdict - 4
	t.line("%s%s  %s%s", left(t.base("external", &d.External), place+share+bar+1), strings.Repeat(" ", label+2),
		pad(t.base("internal", &d.Internal), place+share+bar+1), "")
	t.line("%s", strings.Repeat("─", t.width))
	for i := range d.Items {
		it := &d.Items[i]
		words := wrap(t.label(it), label)
		said := wrap(t.verdictInFull(d, it), verdict)
		for n := range max(len(words), len(said)) {
			out, in := strings.Repeat(" ", place+share+bar+1), strings.Repeat(" ", bar+share+1+place)
			if n == 0 {
				out = pad(placeOf(it.External), place) + left(t.share(it.External.Share), share) + left(barOf(it.External.Share, bar, true), bar+1)
				in = pad(barOf(it.Internal.Share, bar, false), bar+1) + left(t.share(it.Internal.Share), share) + left(placeOf(it.Internal), place)
			}
			t.line("%s  %s  %s  %s", out, pad(at(words, n), label), in, at(said, n))
		}
	}
}

// stacked writes the words and the verdict above each pair of bars.
func (t *textPage) stacked(d *findings.Divergence, place, share int) {
	bar := (t.width - 2*(place+share+1) - 2) / 2
	half := place + share + bar + 1
	t.line("%s  %s", left(t.base("external", &d.External), half), pad(t.base("internal", &d.Internal), half))
	t.line("%s", strings.Repeat("─", t.width))
	for i := range d.Items {
		it := &d.Items[i]
		verdict := t.verdictInFull(d, it)
		words := wrap(t.label(it), t.width-utf8.RuneCountInString(verdict)-2)
		t.line("%s%s", words[0], left(verdict, t.width-utf8.RuneCountInString(words[0])))
		for _, l := range words[1:] {
			t.line("%s", l)
		}
		t.line("%s%s%s  %s%s%s", pad(placeOf(it.External), place), left(t.share(it.External.Share), share),
			left(barOf(it.External.Share, bar, true), bar+1), pad(barOf(it.Internal.Share, bar, false), bar+1),
			pad(t.share(it.Internal.Share), share), left(placeOf(it.Internal), place))
	}
}

// differences writes the table of differences with their intervals.
func (t *textPage) differences(d *findings.Divergence) {
	number := 8
	label := min(t.width-6*number-2, 48)
	t.wrapped(t.say("differences_title", nil), "")
	t.line("%s%s%s%s%s%s%s", pad("", label), left(t.say("column_points", nil), number), left(t.say("column_from", nil), number),
		left(t.say("column_to", nil), number), left("p", number), left("p Holm", number), left(t.say("column_higher", nil), number))
	for i := range d.Shown() {
		it := &d.Items[i]
		t.line("%s%s%s%s%s%s%s", pad(clip(t.label(it), label-1), label),
			left(t.lang.Points(it.Difference, 1), number), left(t.lang.Points(it.Low, 1), number), left(t.lang.Points(it.High, 1), number),
			left(t.p(it.P), number), left(t.p(it.PAdjusted), number), left(t.higher(it), number))
	}
}

// otherRules writes the first places by every other rule, where they are others.
func (t *textPage) otherRules(d *findings.Divergence) {
	for _, side := range []struct {
		key string
		r   *findings.Ranking
	}{{"external", &d.External}, {"internal", &d.Internal}} {
		for _, order := range side.r.ByRule {
			var first []string
			for _, v := range order.Values {
				if v.Rank <= d.Top {
					first = append(first, fmt.Sprintf("%s %s (%s)", placeText(v.Rank, v.Tied), clip(t.name(side.r, v.Code), 40), t.ruleValue(order.Rule, v)))
				}
			}
			t.wrapped(t.say("by_rule", survey.Args{
				"Side": t.say(side.key, nil), "Rule": t.writer.speaker.Rule(order.Rule, d.Top, t.lang), "Order": strings.Join(first, " · "),
			}), "  ")
		}
	}
}

func (t *textPage) files(c *Comparison) {
	for _, f := range t.fileLines(c) {
		t.wrapped(f, "  ")
	}
}

// base heads one side: who they are and how many.
func (w words) base(key string, r *findings.Ranking) string {
	return w.say(key, nil) + ", N = " + w.lang.Integer(r.Base.N)
}

// placeOf is the place and, beside it, the places it may truly hold.
func placeOf(e findings.Entry) string {
	p := placeText(e.Rank, e.Tied)
	if e.Rank == 0 || e.RankLow == e.RankHigh {
		return p
	}
	return fmt.Sprintf("%s %d–%d", p, e.RankLow, e.RankHigh)
}

func placeText(rank int, tied bool) string {
	if rank == 0 {
		return "–"
	}
	if tied {
		return fmt.Sprintf("%d=", rank)
	}
	return fmt.Sprintf("%d", rank)
}

// barOf draws a share as a bar of so many characters, in eighths where the bar grows to the right.
func barOf(share float64, width int, toLeft bool) string {
	if math.IsNaN(share) {
		return ""
	}
	eighths := int(math.Round(share * float64(width) * 8))
	full, rest := eighths/8, eighths%8
	bar := strings.Repeat("█", full)
	switch {
	case rest == 0 && (full > 0 || share == 0):
	case toLeft:
		// There are no left-growing eighths; a right half block is the nearest.
		if rest >= 4 {
			bar = "▐" + bar
		} else if full == 0 {
			bar = "▕"
		}
	default:
		bar += string([]rune("▏▏▎▍▌▋▊▉")[rest])
	}
	return bar
}

// pad fills a text with blanks on the right, left on the left.
func pad(s string, width int) string {
	return s + strings.Repeat(" ", max(width-utf8.RuneCountInString(s), 0))
}

func left(s string, width int) string {
	return strings.Repeat(" ", max(width-utf8.RuneCountInString(s), 0)) + s
}

func clip(s string, width int) string {
	if utf8.RuneCountInString(s) <= width {
		return s
	}
	return string([]rune(s)[:max(width-1, 0)]) + "…"
}

func at(lines []string, n int) string {
	if n < len(lines) {
		return lines[n]
	}
	return ""
}

// wrap breaks a text at blanks; a word that is too long stands broken.
func wrap(text string, width int) []string {
	width = max(width, 8)
	var lines []string
	var line []rune
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == '\n' || r == '\t' }) {
		w := []rune(word)
		if len(line) > 0 && len(line)+1+len(w) > width {
			lines, line = append(lines, string(line)), nil
		}
		for len(w) > width {
			lines, w = append(lines, string(w[:width])), w[width:]
		}
		if len(line) > 0 {
			line = append(line, ' ')
		}
		line = append(line, w...)
	}
	return append(lines, string(line))
}
