package charts

import (
	"math"
	"strings"
	"testing"
	"unicode/utf8"
)

func face(tb testing.TB) *typeface {
	tb.Helper()
	f, err := newTypeface()
	if err != nil {
		tb.Fatal(err)
	}
	return f
}

// Advance widths in em, read from the hmtx tables of the two fonts with another parser.
func TestWidthsAreThoseOfTheGlyphs(t *testing.T) {
	f := face(t)
	tests := []struct {
		text   string
		weight weight
		want   float64
	}{
		{"0", regular, 0.572},
		{" ", regular, 0.260},
		{"i", regular, 0.258},
		{"m", regular, 0.935},
		{"Q", regular, 0.781},
		{"ł", regular, 0.258},
		{"щ", regular, 0.897},
		{"ж", regular, 0.759},
		{"0", semibold, 0.572},
		{"i", semibold, 0.283},
		{"m", semibold, 0.960},
		{"ł", semibold, 0.287},
		{"щ", semibold, 0.933},
		{"ж", semibold, 0.826},
	}
	for _, tt := range tests {
		if got := f.width(tt.text, 1, tt.weight); math.Abs(got-tt.want) > 0.0005 {
			t.Errorf("%q in %d is %.3f em wide, want %.3f", tt.text, tt.weight, got, tt.want)
		}
	}
	if got, want := f.width("a\u0301", 10, regular), f.width("a", 10, regular); got != want {
		t.Errorf("a combining accent adds %.2f pixels", got-want)
	}
	if got := f.width("漢", 10, regular); got != 10 {
		t.Errorf("a letter the font lacks is %.2f wide, want a full em, 10", got)
	}
	if got, want := f.widthIn("0000", "600 12px sans-serif"), f.width("0000", 12, semibold)*slack; math.Abs(got-want) > 0.02 {
		t.Errorf("widthIn = %.2f, want %.2f", got, want)
	}
}

func TestWrap(t *testing.T) {
	f := face(t)
	tests := []struct {
		name, text string
		width      float64
		lines      int
		want       string // lines, separated by |
	}{
		{"one line", "My needs are met", 200, 3, "My needs are met"},
		{"balanced", "Staff have knowledge and competence", 230, 3, "Staff have knowledge|and competence"},
		{"empty", "", 200, 3, ""},
		{"a one-letter word stays with the next", "Pracownicy są życzliwi i uprzejmi", 172, 3, "Pracownicy są|życzliwi i\u00a0uprzejmi"},
		{"balance breaks no word", "Сотрудники доброжелательны и вежливы", 140, 6, "Сотрудники|доброжелательны|и\u00a0вежливы"},
		{"a word wider than a line is broken", "Donaudampfschifffahrtsgesellschaft", 120, 3, "Donaudampfschi|fffahrtsgesellsch|aft"},
		{"what does not fit is left out visibly", "one two three four five six seven eight", 60, 2, "one two|three…"},
	}
	for _, tt := range tests {
		got := f.wrap(tt.text, 14, regular, tt.width, tt.lines)
		if strings.Join(got, "|") != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, strings.Join(got, "|"), tt.want)
		}
	}
}

func TestPlain(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"spaces", "  a \t b\r\n c  ", "a b c"},
		{"no-break space stays", "52\u00a0%", "52\u00a0%"},
		{"line separators", "a\u2028b\u2029c", "a b c"},
		{"control characters", "nul\x00 esc\x1b[31m", "nul esc[31m"},
		{"direction marks", "\u202Eabc\u202C \u2066d\u2069\u200f", "abc d"},
		{"invalid UTF-8", "a\xffb", "a\uFFFDb"},
		{"noncharacters", "a\uFFFFb\uFFFE\uFDD0", "ab"},
		{"markup is words", `<b onload="x">&amp;`, `<b onload="x">&amp;`},
	}
	for _, tt := range tests {
		if got := plain(tt.text); got != tt.want {
			t.Errorf("%s: plain(%q) = %q, want %q", tt.name, tt.text, got, tt.want)
		}
	}
	if got := utf8.RuneCountInString(plain(strings.Repeat("я", 10_000))); got > 601 {
		t.Errorf("%d letters are kept of 10,000", got)
	}
}

// Whatever a label is, its lines are no wider than they may be, no more than they may be, and lose nothing
// in silence.
func FuzzWrap(f *testing.F) {
	for _, label := range append(hostile(), "Szybko otrzymuję to, na czym mi zależy", "Я быстро получаю результат", "a b c d e f g h i j") {
		f.Add(label, 120.0, 3)
	}
	f.Fuzz(func(t *testing.T, label string, width float64, lines int) {
		if !(width >= 40 && width <= 2000) || lines < 1 || lines > 6 {
			t.Skip()
		}
		text := plain(label)
		set := face(t)
		got := set.wrap(text, 14, regular, width, lines)
		if len(got) > lines {
			t.Fatalf("%d lines, at most %d allowed", len(got), lines)
		}
		for _, line := range got {
			if w := set.width(line, 14, regular); w > width {
				t.Errorf("line %q is %.1f wide, at most %.1f allowed", line, w, width)
			}
		}
		squeeze := func(s string) string { return strings.NewReplacer(" ", "", "\u00a0", "").Replace(s) }
		kept := squeeze(strings.Join(got, ""))
		if kept != squeeze(text) && !strings.HasSuffix(kept, ellipsis) {
			t.Errorf("%q became %q without saying so", text, got)
		}
	})
}
