package survey

import (
	"slices"
	"strconv"
	"strings"
)

// check reports everything about a node that is not of the shape its place asks for. Nodes that are not
// are marked wrong, so that what reads them later can leave them out without a second report.
func (d *document) check(n *node, s *shape) {
	if n == nil || n.wrong {
		return
	}
	switch s.kind {
	case mappingShape:
		d.checkMapping(n, s)
	case listShape:
		d.checkList(n, s)
	case wordsShape:
		d.checkWords(n)
	case pointsShape:
		d.checkPoints(n)
	case textShape:
		if n.kind != wordsNode && n.kind != truthNode || strings.TrimSpace(n.text) == "" {
			d.mistake(n, "expected text, found %s", n.found())
		}
	case codeShape:
		// YAML reads the codes 1, 2 and no as numbers and truths; as codes they are words.
		if n.kind == mappingNode || n.kind == listNode || n.kind == nothingNode {
			d.mistake(n, "expected a code, found %s", n.found())
		} else if !s.pattern.MatchString(n.text) {
			d.mistake(n, "%q is not %s", n.text, s.says)
		}
	case wholeShape:
		d.checkWhole(n, s)
	case decimalShape:
		if _, err := strconv.ParseFloat(n.text, 64); err != nil || n.kind != wholeNode && n.kind != decimalNode {
			d.mistake(n, "expected a number, found %s", n.found())
		}
	case truthShape:
		if n.kind != truthNode {
			d.mistake(n, "expected true or false, found %s", n.found())
		}
	case choiceShape:
		if n.kind != wordsNode {
			d.mistake(n, "expected one of %s, found %s", strings.Join(s.choices, ", "), n.found())
		} else if !slices.Contains(s.choices, n.text) {
			d.mistake(n, "%q is none of %s%s", n.text, strings.Join(s.choices, ", "), didYouMean(n.text, s.choices))
		}
	}
}

// found says what stands at a node, for messages.
func (n *node) found() string {
	switch n.kind {
	case wordsNode, wholeNode, decimalNode, truthNode:
		return quoted(n.text)
	case nothingNode, mappingNode, listNode:
	}
	return n.kind.String()
}

func (d *document) checkMapping(n *node, s *shape) {
	if n.kind != mappingNode {
		d.mistake(n, "expected %s, with the keys %s; found %s", s.name, strings.Join(s.names(), ", "), n.found())
		return
	}
	kind := Kind("")
	if k := n.field("kind"); k != nil && slices.Contains(Kinds(), Kind(k.text)) {
		kind = Kind(k.text)
	}
	for i, f := range n.fields {
		at := slices.IndexFunc(s.fields, func(known field) bool { return known.name == f.key.text })
		if at < 0 {
			d.mistake(f.key, "%s has no key %q%s", s.name, f.key.text, didYouMean(f.key.text, s.names()))
			n.fields[i].value.wrong = true
			n.meant = append(n.meant, Nearest(f.key.text, s.names()))
			continue
		}
		known := s.fields[at]
		if kind != "" && known.kinds != nil && !slices.Contains(known.kinds, kind) {
			d.mistake(f.key, "an item of kind %s has no %q; it is for %s", kind, known.name, strings.Join(namesOf(known.kinds), ", "))
			n.fields[i].value.wrong = true
			continue
		}
		if f.value.kind == nothingNode && !f.value.wrong {
			d.mistake(f.value, "%q has no value", known.name)
			continue
		}
		d.check(f.value, known.shape)
	}
	for _, known := range s.fields {
		// A misspelt key is one mistake, not two.
		missing := n.field(known.name) == nil && !slices.Contains(n.meant, known.name)
		if missing && (known.required || kind != "" && slices.Contains(known.needs, kind)) {
			d.report(n, "%s needs the key %q", s.name, known.name)
		}
	}
}

func (s *shape) names() []string {
	names := make([]string, len(s.fields))
	for i, f := range s.fields {
		names[i] = f.name
	}
	return names
}

func (d *document) checkList(n *node, s *shape) {
	if n.kind != listNode {
		d.mistake(n, "expected a list, found %s", n.found())
		return
	}
	if len(n.list) < s.low {
		d.mistake(n, "the list is empty")
		return
	}
	if len(n.list) > s.high {
		d.report(n.list[s.high], "the list has %d elements, at most %d are allowed", len(n.list), s.high)
		n.list = n.list[:s.high]
	}
	for _, element := range n.list {
		if element.kind == nothingNode && !element.wrong {
			d.mistake(element, "an empty element of a list")
			continue
		}
		d.check(element, s.element)
	}
}

func (d *document) checkWords(n *node) {
	switch n.kind {
	case wordsNode, wholeNode, decimalNode, truthNode:
		if strings.TrimSpace(n.text) == "" {
			d.mistake(n, "the text is empty")
		}
	case mappingNode:
		for _, f := range n.fields {
			if f.value.kind == mappingNode || f.value.kind == listNode {
				d.mistake(f.value, "expected the text in %s, found %s", f.key.text, f.value.kind)
			}
		}
		if len(n.fields) == 0 {
			d.mistake(n, "the text is empty")
		}
	case nothingNode, listNode:
		d.mistake(n, "expected a text, or texts by language such as {en: ..., pl: ...}; found %s", n.kind)
	}
}

func (d *document) checkPoints(n *node) {
	if n.kind != mappingNode {
		d.mistake(n, "expected texts by point such as {1: {en: ...}}, found %s", n.found())
		return
	}
	for i, f := range n.fields {
		if _, ok := smallNumber(f.key.text); !ok {
			d.mistake(f.key, "%q is not a point of a scale", f.key.text)
			n.fields[i].value.wrong = true
			continue
		}
		d.checkWords(f.value)
	}
}

func (d *document) checkWhole(n *node, s *shape) {
	number, err := strconv.Atoi(n.text)
	switch {
	case n.kind != wholeNode || err != nil:
		d.mistake(n, "expected a whole number, found %s", n.found())
	case number < s.low || number > s.high:
		d.mistake(n, "%d is outside %d to %d", number, s.low, s.high)
	}
}

func didYouMean(written string, known []string) string {
	if near := Nearest(written, known); near != "" {
		return " (did you mean " + strconv.Quote(near) + "?)"
	}
	return ""
}
