package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// storable returns answers as they are handed to the database, or why it cannot keep them: they must be a JSON
// object in UTF-8, without the character 0, which PostgreSQL's texts cannot hold. No answers are "{}".
func storable(answers []byte) (string, error) {
	trimmed := bytes.TrimSpace(answers)
	switch {
	case len(trimmed) == 0:
		return "{}", nil
	case trimmed[0] != '{' || !json.Valid(trimmed) || !utf8.Valid(trimmed):
		return "", errors.New("the answers are not a JSON object")
	case hasNUL(trimmed):
		return "", errors.New("the answers have the character 0 in a text")
	}
	return string(trimmed), nil
}

// hasNUL reports whether a text in valid JSON has an escaped character 0.
func hasNUL(text []byte) bool {
	for {
		at := bytes.IndexByte(text, '\\')
		if at < 0 {
			return false
		}
		if bytes.HasPrefix(text[at:], []byte(`\u0000`)) {
			return true
		}
		text = text[at+2:] // what is escaped may be a backslash itself
	}
}

// sameJSON reports whether two JSON documents say the same, whatever their spaces and the order of their keys.
func sameJSON(a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	first, firstErr := decoded(a)
	second, secondErr := decoded(b)
	return firstErr == nil && secondErr == nil && same(first, second)
}

func decoded(src []byte) (any, error) {
	if len(bytes.TrimSpace(src)) == 0 {
		return map[string]any{}, nil
	}
	decoder := json.NewDecoder(bytes.NewReader(src))
	decoder.UseNumber()
	var value any
	err := decoder.Decode(&value)
	return value, err
}

func same(a, b any) bool {
	switch a := a.(type) {
	case map[string]any:
		b, ok := b.(map[string]any)
		return ok && maps.EqualFunc(a, b, same)
	case []any:
		b, ok := b.([]any)
		return ok && slices.EqualFunc(a, b, same)
	case json.Number:
		b, ok := b.(json.Number)
		return ok && sameNumber(a, b)
	}
	return a == b
}

// sameNumber compares as JSON's readers do: 7.50 is 7.5.
func sameNumber(a, b json.Number) bool {
	first, firstErr := a.Float64()
	second, secondErr := b.Float64()
	return a == b || firstErr == nil && secondErr == nil && first == second
}

// responseID is a response's id as it is stored: a UUID, which PostgreSQL writes with hyphens.
type responseID string

// Scan implements [database/sql.Scanner].
func (id *responseID) Scan(value any) error {
	switch value := value.(type) {
	case string:
		*id = responseID(strings.ReplaceAll(value, "-", ""))
	case []byte:
		*id = responseID(strings.ReplaceAll(string(value), "-", ""))
	default:
		return fmt.Errorf("the id of a response is stored as %T", value)
	}
	return nil
}
