package survey

import (
	"slices"
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

// OneLine returns what people typed as one line without blanks around it, as names and subjects are. Bytes that are
// not UTF-8 become U+FFFD; line ends, other control characters and rows of blanks become one blank each. Characters
// without a shape of their own (category Cf of Unicode), which turn the direction of writing, hide in a word, or make
// two names look the same, are left out. What writing needs of them stays: the joiners U+200C and U+200D beside
// something that they join, and the signs of Arabic and its neighbours that enclose the digits behind them.
func OneLine(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Cf, r) && !isJoiner(r) && !unicode.Is(unicode.Prepended_Concatenation_Mark, r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
	words := strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) })
	if !slices.ContainsFunc(words, func(word string) bool { return strings.TrimFunc(word, isJoiner) != "" }) {
		return "" // nothing would be seen of it
	}
	return strings.Join(words, " ")
}

// isJoiner reports whether a rune says whether its neighbours are written joined, as Persian and scripts of India need.
func isJoiner(r rune) bool { return r == '\u200c' || r == '\u200d' }

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
