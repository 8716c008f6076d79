package charts

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/image/font"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
)

// fontFamily is what pictures are set in: the reader's own system font. They are measured with Noto Sans,
// which runs a little wider than the fonts of common systems.
const fontFamily = "system-ui, -apple-system, 'Segoe UI', 'Noto Sans', sans-serif"

// slack is left over for fonts that run wider than Noto Sans.
const slack = 1.05

// weight is how bold a text is, as in CSS.
type weight int

// The weights.
const (
	regular  weight = 400
	semibold weight = 600
)

// typeface measures text in Noto Sans. It is not safe for concurrent use.
type typeface struct {
	regular, semibold cut
	buffer            sfnt.Buffer
}

// cut is one weight of a typeface, with the advance widths met so far, in em.
type cut struct {
	font     *sfnt.Font
	advances map[rune]float64
}

// newTypeface reads the embedded fonts; ErrNoAssets if there are none.
func newTypeface() (*typeface, error) {
	var t typeface
	for file, c := range map[string]*cut{"NotoSans-Regular.ttf": &t.regular, "NotoSans-SemiBold.ttf": &t.semibold} {
		source, err := openAsset(file)
		if err != nil {
			return nil, err
		}
		parsed, err := sfnt.ParseReaderAt(source) // reads what it needs; the files are large
		if err != nil {
			return nil, fmt.Errorf("charts: font %s: %w", file, err)
		}
		*c = cut{font: parsed, advances: make(map[rune]float64, 96)}
	}
	return &t, nil
}

// width returns how wide a line of text is at a size, in CSS pixels.
func (t *typeface) width(text string, size float64, w weight) float64 {
	c := &t.regular
	if w >= semibold {
		c = &t.semibold
	}
	var em float64
	for _, r := range text {
		advance, met := c.advances[r]
		if !met {
			advance = t.advance(c.font, r)
			c.advances[r] = advance
		}
		em += advance
	}
	return em * size
}

// advance returns the width of one letter in em. Letters that Noto Sans lacks count as a full em, as wide as
// ideographs and emoji are; marks that combine with the letter before them count nothing.
func (t *typeface) advance(f *sfnt.Font, r rune) float64 {
	if unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf) {
		return 0
	}
	glyph, err := f.GlyphIndex(&t.buffer, r)
	if err != nil || glyph == 0 {
		return 1
	}
	const ppem = 1000
	advance, err := f.GlyphAdvance(&t.buffer, glyph, fixed.I(ppem), font.HintingNone)
	if err != nil {
		return 1
	}
	return float64(advance) / 64 / ppem
}

// ellipsis stands for what was left out.
const ellipsis = "…"

// wrap breaks a text into at most lines lines, each no wider than width; what does not fit is replaced by an
// ellipsis. A word wider than a line is broken. One-letter words stay with the word after them, as Polish
// and Russian typography want it. The lines are balanced: as short as the number of lines allows.
func (t *typeface) wrap(text string, size float64, w weight, width float64, lines int) []string {
	broken, all := t.set(text, size, w, width, lines)
	if !all || len(broken) < 2 {
		return broken
	}
	low, high := max(width/2, t.longest(text, size, w)), width
	if low >= high {
		return broken // a word must be broken: it keeps as many letters together as it can
	}
	words := breakable(text)
	for range 6 { // bisection: the narrowest measure that needs no more lines and breaks no word
		middle := (low + high) / 2
		if narrower, fits := t.fill(words, size, w, middle/slack, len(broken)); fits {
			high, broken = middle, narrower
		} else {
			low = middle
		}
	}
	return broken
}

// set breaks a text like wrap, but fills each line before it begins the next, as paragraphs are set. It
// reports whether all fitted.
func (t *typeface) set(text string, size float64, w weight, width float64, lines int) ([]string, bool) {
	broken, all := t.fill(breakable(text), size, w, width/slack, lines)
	if !all {
		last := len(broken) - 1
		broken[last] = t.shorten(broken[last], size, w, width/slack)
	}
	return broken, all
}

// longest returns how wide a column must be so that no word of a text is broken.
func (t *typeface) longest(text string, size float64, w weight) float64 {
	width := 0.0
	for _, word := range breakable(text) {
		width = max(width, t.width(word, size, w))
	}
	return width * slack
}

// fill sets words into at most so many lines, greedily. It reports whether all fitted.
func (t *typeface) fill(words []string, size float64, w weight, width float64, lines int) ([]string, bool) {
	var set []string
	line := ""
	for _, word := range words {
		for {
			joined := word
			if line != "" {
				joined = line + " " + word
			}
			if t.width(joined, size, w) <= width {
				line = joined
				break
			}
			if line != "" {
				set, line = append(set, line), ""
			} else { // the word alone is too wide: it is broken where it must be
				head := t.head(word, size, w, width)
				set, word = append(set, head), word[len(head):]
			}
			if len(set) == lines {
				return set, word == ""
			}
			if word == "" {
				break
			}
		}
	}
	if line != "" {
		set = append(set, line)
	}
	return set, true
}

// head returns the longest beginning of a word that fits a width; at least one letter.
func (t *typeface) head(word string, size float64, w weight, width float64) string {
	end := 0
	var sum float64
	for i, r := range word {
		sum += t.width(string(r), size, w)
		if sum > width && end > 0 {
			break
		}
		end = i + utf8.RuneLen(r)
	}
	return word[:end]
}

// shorten ends a line with an ellipsis, within a width.
func (t *typeface) shorten(line string, size float64, w weight, width float64) string {
	room := width - t.width(ellipsis, size, w)
	if t.width(line, size, w) > room {
		line = t.head(line, size, w, room)
	}
	return strings.TrimRight(line, " \u00a0,.;:–-") + ellipsis
}

// breakable splits a plain text where a line may end: at spaces, but not after a one-letter word, which is
// tied to the next by a no-break space.
func breakable(text string) []string {
	var words []string
	tied := false
	for word := range strings.SplitSeq(text, " ") {
		if word == "" {
			continue
		}
		if tied {
			words[len(words)-1] += "\u00a0" + word
			tied = false
			continue
		}
		words = append(words, word)
		first, length := utf8.DecodeRuneInString(word)
		tied = length == len(word) && unicode.IsLetter(first)
	}
	return words
}

// plain makes people's words fit to be drawn: one line of valid text without control characters, without
// marks that turn the direction of writing (they would reverse the words beside them), and no longer than
// anybody reads in a picture.
func plain(text string) string {
	const longest = 600 // letters; nothing that fits a picture comes near
	var b strings.Builder
	space, letters := false, 0
	for _, r := range strings.ToValidUTF8(text, "\uFFFD") {
		switch {
		case unicode.IsSpace(r) && r != '\u00a0' && r != '\u202f', r == '\u2028', r == '\u2029':
			space = b.Len() > 0
			continue
		case unicode.Is(unicode.Cc, r), unicode.Is(unicode.Bidi_Control, r), r == '\uFEFF',
			r&0xFFFE == 0xFFFE, r >= 0xFDD0 && r <= 0xFDEF:
			continue
		}
		if space {
			b.WriteByte(' ')
			space = false
		}
		b.WriteRune(r)
		if letters++; letters == longest {
			b.WriteString(ellipsis)
			break
		}
	}
	return b.String()
}

// cssFont reads the size and the weight from a CSS font shorthand such as "600 12px sans-serif".
var cssFont = regexp.MustCompile(`^(?:\w+ )??(bold|normal|\d+)? ?(\d+(?:\.\d+)?)px`)

// widthIn returns how wide a text is in a font given as a CSS shorthand, as ECharts asks for it.
func (t *typeface) widthIn(text, shorthand string) float64 {
	size, w := 12.0, regular
	if m := cssFont.FindStringSubmatch(shorthand); m != nil {
		if n, err := strconv.ParseFloat(m[2], 64); err == nil {
			size = n
		}
		if n, err := strconv.Atoi(m[1]); err == nil {
			w = weight(n)
		} else if m[1] == "bold" {
			w = semibold
		}
	}
	return math.Ceil(t.width(text, size, w)*slack*100) / 100
}
