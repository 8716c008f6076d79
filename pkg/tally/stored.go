package tally

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"cxmirror/pkg/survey"
)

// storedReader reads answers in the form [survey.Answers.MarshalJSON] gives them, one response after the
// other, into one record. It exists because a wave of a million responses is read while somebody waits:
// responses ask for the same keys in the same order and give the same few answers, so it expects the key that
// followed last time, and remembers what the bytes of an answer came to. Whether an answer is valid is still
// for the questionnaire's own decoder to say.
//
// Words are passed over: they are not tallied. The rules between answers are not checked again; they were
// when the response was taken.
type storedReader struct {
	decoder    *survey.Decoder
	columns    map[string]*storedColumn
	answers    []*storedColumn // as the keys came last time
	attributes []*storedColumn // the same of what the panel says
	record     survey.Record
	given      []int // columns answered by the response in record
}

// storedColumn is one answer slot and the answers met in it.
type storedColumn struct {
	key   string
	at    int
	kind  survey.Kind
	known map[string]survey.Value
}

// knownAnswers bounds what is remembered of a column whose answers are all different: numbers.
const knownAnswers = 1 << 12

func newStoredReader(q *survey.Questionnaire) *storedReader {
	slots := q.Columns()
	r := &storedReader{
		decoder: q.NewDecoder(),
		columns: make(map[string]*storedColumn, len(slots)),
		record:  survey.Record{Values: make([]survey.Value, len(slots))},
	}
	for i := range slots {
		r.columns[slots[i].Key] = &storedColumn{
			key: slots[i].Key, at: i, kind: slots[i].Item.Kind, known: make(map[string]survey.Value),
		}
	}
	return r
}

// read returns the record of a response, with the wave's segments, which no attributes at all say nothing of. It is
// overwritten by the next. It is an error if answers or attributes are not of the shape that MarshalJSON gives
// answers, or if one is none that the questionnaire could have been given: such a response was damaged, or is of
// another questionnaire.
func (r *storedReader) read(answers, attributes []byte) (*survey.Record, error) {
	for _, at := range r.given {
		r.record.Values[at] = survey.Value{}
	}
	r.given = r.given[:0]
	if err := r.object(answers, &r.answers); err != nil {
		return nil, fmt.Errorf("answers: %w", err)
	}
	if len(attributes) > 0 {
		if err := r.object(attributes, &r.attributes); err != nil {
			return nil, fmt.Errorf("attributes: %w", err)
		}
	}
	return &r.record, nil
}

// object adds what a JSON object says to the record. The order in which keys are expected is noted.
func (r *storedReader) object(src []byte, order *[]*storedColumn) error {
	i := skipBlanks(src, 0)
	if i == len(src) || src[i] != '{' {
		return errors.New("not a JSON object")
	}
	i = skipBlanks(src, i+1)
	if i < len(src) && src[i] == '}' {
		return nil
	}
	for n := 0; ; n++ {
		slot, after, err := r.key(src, i, n, order)
		if err != nil {
			return err
		}
		i = skipBlanks(src, after)
		if i == len(src) || src[i] != ':' {
			return fmt.Errorf("no colon after %q", slot.key)
		}
		i = skipBlanks(src, i+1)
		end := valueEnd(src, i)
		if end < 0 {
			return fmt.Errorf("the answer to %q is not one", slot.key)
		}
		if slot.kind != survey.Text {
			if r.record.Values[slot.at], err = r.value(slot, src[i:end]); err != nil {
				return err
			}
			r.given = append(r.given, slot.at)
		}
		i = skipBlanks(src, end)
		switch {
		case i < len(src) && src[i] == ',':
			i = skipBlanks(src, i+1)
		case i < len(src) && src[i] == '}':
			return nil
		default:
			return fmt.Errorf("neither a comma nor the end after %q", slot.key)
		}
	}
}

// key reads the n-th key of an object, which begins at i, and returns where it ends.
func (r *storedReader) key(src []byte, i, n int, order *[]*storedColumn) (slot *storedColumn, end int, err error) {
	if n < len(*order) {
		expected := (*order)[n]
		end := i + len(expected.key) + 2
		if end <= len(src) && src[i] == '"' && src[end-1] == '"' && string(src[i+1:end-1]) == expected.key {
			return expected, end, nil
		}
		if next := n + 1; next < len(*order) { // most often one question was left out
			expected = (*order)[next]
			end = i + len(expected.key) + 2
			if end <= len(src) && src[i] == '"' && src[end-1] == '"' && string(src[i+1:end-1]) == expected.key {
				*order = append((*order)[:n], (*order)[next:]...)
				return expected, end, nil
			}
		}
	}
	if i == len(src) || src[i] != '"' {
		return nil, 0, errors.New("a key is missing")
	}
	end = stringEnd(src, i)
	if end < 0 {
		return nil, 0, errors.New("a key has no end")
	}
	slot, ok := r.columns[string(src[i+1:end-1])] // codes have no character that JSON would escape
	if !ok {
		return nil, 0, fmt.Errorf("the questionnaire has no %q", src[i+1:end-1])
	}
	*order = append((*order)[:min(n, len(*order))], slot)
	return slot, end, nil
}

// value returns what the bytes of an answer mean.
func (r *storedReader) value(slot *storedColumn, src []byte) (survey.Value, error) {
	if v, ok := slot.known[string(src)]; ok {
		return v, nil
	}
	v, err := r.decode(slot, src)
	if err == nil && len(slot.known) < knownAnswers {
		slot.known[string(src)] = v
	}
	return v, err
}

func (r *storedReader) decode(slot *storedColumn, src []byte) (v survey.Value, err error) {
	var problem *survey.Problem
	list := slot.kind == survey.Multi || slot.kind == survey.Rank
	switch {
	case string(src) == "null":
		return v, nil
	case src[0] == '[' && list:
		var codes []string
		if err := json.Unmarshal(src, &codes); err != nil {
			return v, fmt.Errorf("%s: %w", slot.key, err)
		}
		if len(codes) == 0 {
			codes = []string{survey.NoneWord}
		}
		problem = r.decoder.DecodeCodes(slot.at, codes, &v)
	case src[0] == '"':
		var word string
		if err := json.Unmarshal(src, &word); err != nil {
			return v, fmt.Errorf("%s: %w", slot.key, err)
		}
		problem = r.decoder.Decode(slot.at, word, &v)
	case src[0] == '[':
		return v, fmt.Errorf("%s: %s takes no list", slot.key, slot.kind.AnItem())
	default:
		problem = r.decoder.Decode(slot.at, string(src), &v)
	}
	if problem != nil {
		return v, fmt.Errorf("%s cannot be %s", slot.key, src)
	}
	return v, nil
}

func skipBlanks(src []byte, i int) int {
	for i < len(src) && (src[i] == ' ' || src[i] == '\n' || src[i] == '\t' || src[i] == '\r') {
		i++
	}
	return i
}

// stringEnd returns the position after the string that begins at i, or -1 if it has no end.
func stringEnd(src []byte, i int) int {
	for i++; ; {
		quote := bytes.IndexByte(src[i:], '"')
		if quote < 0 {
			return -1
		}
		i += quote + 1
		backslashes := 0
		for src[i-2-backslashes] == '\\' { // ends at the opening quote at the latest
			backslashes++
		}
		if backslashes%2 == 0 {
			return i
		}
	}
}

// valueEnd returns the position after the answer that begins at i: a string, a list of strings, a number or
// null; -1 if there is none.
func valueEnd(src []byte, i int) int {
	if i == len(src) {
		return -1
	}
	switch src[i] {
	case '"':
		return stringEnd(src, i)
	case '[':
		for i++; i < len(src); {
			switch src[i] {
			case ']':
				return i + 1
			case '"':
				if i = stringEnd(src, i); i < 0 {
					return -1
				}
			default:
				i++
			}
		}
		return -1
	case '{':
		return -1
	}
	start := i
	for i < len(src) && src[i] != ',' && src[i] != '}' && src[i] != ' ' {
		i++
	}
	if i == start {
		return -1
	}
	return i
}
