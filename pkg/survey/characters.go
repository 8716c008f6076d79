package survey

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// isDirection reports whether a rune turns the direction of writing for what follows it (Unicode Annex 9).
// Such runes can make a text read differently from what it says. Marks, which only say which way their
// neighbours go, are part of ordinary texts and are none of these.
func isDirection(r rune) bool {
	return r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069'
}

// isLineEnd reports whether a rune ends a line for some programs and not for others.
func isLineEnd(r rune) bool { return r == '\u2028' || r == '\u2029' }

// printable returns a text in which nothing can steer a terminal: control characters become their pictures
// (Unicode block 2400), and whatever else does not stand for itself U+FFFD. Every rune stays one rune, and
// every byte that is not UTF-8 becomes one, so that columns hold; a tab stays.
func printable(s string) string {
	steers := func(r rune) bool {
		return r != '\t' && unicode.IsControl(r) || isDirection(r) || isLineEnd(r) || r == utf8.RuneError
	}
	if !strings.ContainsFunc(s, steers) {
		return s
	}
	return strings.Map(func(r rune) rune {
		switch {
		case !steers(r):
			return r
		case r < ' ':
			return '\u2400' + r
		case r == 0x7f:
			return '\u2421'
		}
		return utf8.RuneError
	}, s)
}

// checkCharacters reports a text that has characters which would garble what it is shown in.
func (d *document) checkCharacters(at *node) {
	for _, r := range at.text {
		switch {
		case forbiddenInText(r) || isLineEnd(r):
			d.report(at, "the text has a control character (%U)", r)
		case isDirection(r):
			d.report(at, "the text has a character that turns the direction of writing (%U)", r)
		default:
			continue
		}
		return
	}
}

// checkLabel reports texts of one line that have more: titles and labels stand in tables and charts.
func (d *document) checkLabel(at *node) {
	if !at.usable() {
		return
	}
	texts := []*node{at}
	for _, f := range at.fields {
		texts = append(texts, f.value)
	}
	for _, text := range texts {
		if !text.wrong && strings.ContainsAny(strings.TrimSpace(text.text), "\n\t") {
			d.report(text, "a title or label is one line; this one has a line break or a tab")
		}
	}
}
