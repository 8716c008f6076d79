package survey

import (
	"slices"
	"strings"
)

// Language is a BCP 47 language tag, as in a questionnaire's list: "en", "pl", "pt-BR".
type Language string

// English is the language every missing text falls back to.
const English Language = "en"

// Words is a text in several languages.
type Words map[Language]string

// In returns the words in a language. Missing words fall back to the tag without its region, then to
// English, then to the alphabetically first language there is; never to nothing while words exist.
func (w Words) In(lang Language) string {
	if s, ok := w.Exactly(lang); ok {
		return s
	}
	base, _, _ := strings.Cut(string(lang), "-")
	for _, l := range []Language{Language(base), English} {
		if s, ok := w.Exactly(l); ok {
			return s
		}
	}
	tags := make([]Language, 0, len(w))
	for l := range w {
		tags = append(tags, l)
	}
	slices.Sort(tags)
	for _, l := range tags {
		if s, ok := w.Exactly(l); ok {
			return s
		}
	}
	return ""
}

// Exactly returns the words in exactly this language, and whether there are any.
func (w Words) Exactly(lang Language) (string, bool) {
	s := strings.TrimSpace(w[lang])
	return s, s != ""
}
