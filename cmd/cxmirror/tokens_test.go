package main

import (
	"errors"
	"fmt"
	"html"
	"strings"
	"testing"
)

// A strict reader of the pages that the program writes. It knows less than a browser and forgives nothing: an
// unquoted attribute, a stray "<" in a text, an element that is not closed or not nested, all end the test. So
// what it reads is what every browser reads.

// token is a start of an element, its end, or a text between.
type token struct {
	kind       tokenKind
	name       string // of the element
	attributes []attribute
	text       string // unescaped
}

type tokenKind int

const (
	startToken tokenKind = iota
	endToken
	textToken
)

type attribute struct{ name, value string }

// tokens reads a page into its tokens, and fails the test if it is not strictly well formed.
func tokens(t *testing.T, page string) []token {
	t.Helper()
	all, err := readTokens(page)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// readTokens reads a page into its tokens, and checks that elements are nested.
func readTokens(page string) ([]token, error) {
	rest, ok := strings.CutPrefix(page, "<!doctype html>")
	if !ok {
		return nil, errors.New("the page does not begin with its doctype")
	}
	var all []token
	var open []string
	for rest != "" {
		if raw := last(open); raw == "style" || raw == "script" {
			end := strings.Index(rest, "</"+raw+">")
			if end < 0 {
				return nil, fmt.Errorf("%s is not closed", raw)
			}
			all, rest = append(all, token{kind: textToken, text: rest[:end]}), rest[end:]
		}
		next, after, err := oneToken(rest)
		if err != nil {
			return nil, fmt.Errorf("%w near %q", err, rest[:min(len(rest), 120)])
		}
		switch {
		case next.kind == endToken && last(open) != next.name:
			return nil, fmt.Errorf("%s is closed where %s is open", next.name, last(open))
		case next.kind == endToken:
			open = open[:len(open)-1]
		case next.kind == startToken && !isVoid(next.name):
			open = append(open, next.name)
		}
		all, rest = append(all, next), after
	}
	if len(open) > 0 {
		return nil, fmt.Errorf("not closed: %v", open)
	}
	return all, nil
}

func last(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return names[len(names)-1]
}

func isVoid(name string) bool {
	switch name {
	case "meta", "link", "br", "hr", "img", "input":
		return true
	}
	return false
}

func oneToken(s string) (next token, rest string, err error) {
	if s[0] != '<' {
		end := strings.IndexByte(s, '<')
		if end < 0 {
			end = len(s)
		}
		return token{kind: textToken, text: html.UnescapeString(s[:end])}, s[end:], nil
	}
	if after, ok := strings.CutPrefix(s, "</"); ok {
		name, rest, ok := strings.Cut(after, ">")
		if !ok || !isName(name) {
			return next, "", errors.New("a broken end of an element")
		}
		return token{kind: endToken, name: strings.ToLower(name)}, rest, nil
	}
	return startOf(s[1:])
}

func startOf(s string) (next token, rest string, err error) {
	end := strings.IndexAny(s, " \n\t/>")
	if end < 0 || !isName(s[:end]) {
		return next, "", errors.New("a broken start of an element")
	}
	next = token{kind: startToken, name: strings.ToLower(s[:end])}
	s = s[end:]
	for {
		s = strings.TrimLeft(s, " \n\t")
		if rest, ok := strings.CutPrefix(s, ">"); ok {
			return next, rest, nil
		}
		name, value, ok := strings.Cut(s, `="`)
		if !ok || !isName(name) {
			return next, "", fmt.Errorf("a broken attribute of %s", next.name)
		}
		value, rest, ok = strings.Cut(value, `"`)
		if !ok || strings.ContainsAny(value, "<>") {
			return next, "", fmt.Errorf("a broken value of %s of %s", name, next.name)
		}
		next.attributes = append(next.attributes, attribute{strings.ToLower(name), html.UnescapeString(value)})
		s = rest
	}
}

func isName(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != ':'
	})
}

// tableRows returns the cells of every row of every table, by the words of its first cell. Of several rows with
// the same words the first counts.
func tableRows(t *testing.T, page string) map[string][]string {
	t.Helper()
	rows := map[string][]string{}
	var cells []string
	inCell := false
	for _, next := range tokens(t, page) {
		switch {
		case next.name == "tr" && next.kind == startToken:
			cells = nil
		case next.name == "tr":
			if _, there := rows[cells[0]]; !there {
				rows[cells[0]] = cells[1:]
			}
		case next.name == "td" || next.name == "th":
			if inCell = next.kind == startToken; inCell {
				cells = append(cells, "")
			}
		case next.kind == textToken && inCell:
			cells[len(cells)-1] += next.text + " "
		}
	}
	for label, values := range rows {
		delete(rows, label)
		for i := range values {
			values[i] = strings.TrimSpace(values[i])
		}
		rows[strings.TrimSpace(label)] = values
	}
	return rows
}
