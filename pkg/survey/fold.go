package survey

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Fold returns a text as people look for it: in lower case, without diacritics, with one space between words.
// "Łukasz ŻÓŁĆ" and "lukasz zolc" fold to the same, and so do "Ёлкин" and "елкин".
func Fold(text string) string {
	if isASCII(text) { // most texts that are searched, and all codes
		return strings.Join(strings.Fields(strings.ToLower(text)), " ")
	}
	var folded strings.Builder
	space := false
	for _, r := range norm.NFKD.String(text) {
		switch {
		case unicode.Is(unicode.Mn, r):
			continue
		case unicode.IsSpace(r):
			space = folded.Len() > 0
			continue
		case space:
			folded.WriteByte(' ')
			space = false
		}
		switch r = unicode.ToLower(r); r { // letters that Unicode does not take apart
		case 'ł':
			r = 'l'
		case 'đ', 'ð':
			r = 'd'
		case 'ø':
			r = 'o'
		case 'ı':
			r = 'i'
		case 'ß':
			folded.WriteByte('s')
			r = 's'
		case 'æ':
			folded.WriteByte('a')
			r = 'e'
		}
		folded.WriteRune(r)
	}
	return folded.String()
}

func isASCII(text string) bool {
	for i := range len(text) {
		if text[i] >= 0x80 {
			return false
		}
	}
	return true
}
