package charts

import (
	"strings"

	"cxmirror/pkg/findings"
)

// dimensions names the dimensions of a plot: the first four or so are numbers, the others words. Names are
// what a tooltip shows beside a value.
func (s *sheet) dimensions(names ...string) []dimension {
	all := make([]dimension, len(names))
	for i, name := range names {
		all[i] = dimension{Name: name, Type: "ordinal"}
		switch name {
		case "y", "share", "low", "high", "difference":
			all[i].Type = "float"
		}
	}
	return all
}

// handle makes words fit to name a series or a datum. Tooltips are built as rich text, where braces are
// markup; and ECharts keeps some things in plain objects by name, where the names that every object has
// already would be mistaken for something kept: an invisible letter makes them other names.
func handle(words string) string {
	switch words {
	case "constructor", "hasOwnProperty", "isPrototypeOf", "propertyIsEnumerable", "toLocaleString", "toString", "valueOf":
		return words + "\u2060"
	}
	if strings.HasPrefix(words, "__") {
		return "\u2060" + words
	}
	return strings.NewReplacer("{", "｛", "}", "｝").Replace(words)
}

// placeInWords is a place with the places it may truly hold, "3 (2–4)".
func (s *sheet) placeInWords(e findings.Entry) string {
	if sets := s.words.places(e); sets != "" {
		return s.words.place(e) + " (" + sets + ")"
	}
	return s.words.place(e)
}

// verdictInWords is a verdict in one line.
func (s *sheet) verdictInWords(item findings.ItemDifference) string {
	words, detail := s.words.verdict(item)
	if detail == "" {
		return words
	}
	return words + ", " + detail
}
