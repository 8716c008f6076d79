package survey

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
)

// Answers are one person's answers to a questionnaire, one value per column. What they hold has passed the
// checks of the questionnaire. They are not changed once made.
type Answers struct {
	questionnaire *Questionnaire
	values        []Value
}

// NewAnswers returns answers in which nothing is answered yet.
func (q *Questionnaire) NewAnswers() Answers {
	return Answers{questionnaire: q, values: make([]Value, len(q.columns))}
}

// Answers returns the values of a record as answers. The values, one per column, are those that a reader of
// files accepted; they are shared with the record, not copied.
func (q *Questionnaire) Answers(values []Value) Answers {
	return Answers{questionnaire: q, values: values}
}

// Values returns the answers in coded form, one per column of the questionnaire. The slice must not be
// changed.
func (a Answers) Values() []Value { return a.values }

// Value returns the answer in a column, "item" or "item.row".
func (a Answers) Value(key string) (Value, bool) {
	if a.questionnaire == nil {
		return Value{}, false
	}
	column, ok := a.questionnaire.Column(key)
	if !ok {
		return Value{}, false
	}
	return a.values[column], true
}

// Record returns the answers as a record of weight 1, of the questionnaire's audience.
func (a Answers) Record() Record {
	r := Record{Weight: 1, Values: slices.Clone(a.values)}
	if a.questionnaire != nil {
		r.Audience = a.questionnaire.Audience
	}
	return r
}

// Asked reports whether an item is asked of a person with these answers. An unknown item is not.
func (a Answers) Asked(code ItemCode) bool {
	if a.questionnaire == nil {
		return false
	}
	item, ok := a.questionnaire.Item(code)
	return ok && item.asked(a.values)
}

func (it *Item) asked(values []Value) bool { return it.ShowIf == nil || it.ShowIf.Holds(values) }

// Form returns the answers as the fields of a form, as [Questionnaire.ReadAnswers] reads them.
func (a Answers) Form() map[string][]string {
	form := make(map[string][]string)
	for i := range a.values {
		v := &a.values[i]
		c := &a.questionnaire.columns[i]
		if v.State == Missing {
			continue
		}
		if v.State == Answered && (c.Item.Kind == Multi || c.Item.Kind == Rank) {
			form[c.Key] = codesOf(c, v)
			continue
		}
		form[c.Key] = []string{string(a.questionnaire.AppendCell(nil, i, v))}
	}
	return form
}

// codesOf returns the codes of a multi or rank answer.
func codesOf(c *Column, v *Value) []string {
	var codes []string
	for _, at := range v.Order {
		codes = append(codes, string(c.Options[at].Code))
	}
	for i := range c.Options {
		if v.Bits&(1<<i) != 0 {
			codes = append(codes, string(c.Options[i].Code))
		}
	}
	return codes
}

// MarshalJSON writes the answers as one object, keyed by column, with codes for options:
//
//	{"channel":"phone","expectations":["speed","ease"],"order":["ease","speed"],
//	 "performance.speed":4,"performance.ease":"cannot_say","hours":7.5,"comment":"Thank you"}
//
// What is not answered is left out; "none" is an item that was asked and where nothing was picked.
func (a Answers) MarshalJSON() ([]byte, error) {
	var out bytes.Buffer
	out.WriteByte('{')
	for i := range a.values {
		v := &a.values[i]
		if v.State == Missing {
			continue
		}
		if out.Len() > 1 {
			out.WriteByte(',')
		}
		c := &a.questionnaire.columns[i]
		value, err := json.Marshal(a.plain(i))
		if err != nil {
			return nil, fmt.Errorf("answer to %s: %w", c.Key, err)
		}
		out.WriteString(strconv.Quote(c.Key)) // codes are ASCII, so Go's quotes are JSON's
		out.WriteByte(':')
		out.Write(value)
	}
	out.WriteByte('}')
	return out.Bytes(), nil
}

// plain returns an answer as the value JSON writes.
func (a Answers) plain(column int) any {
	c, v := &a.questionnaire.columns[column], &a.values[column]
	if v.State == Answered {
		switch c.Item.Kind {
		case Multi, Rank:
			return codesOf(c, v)
		case Rating, NPS, Number:
			return json.Number(a.questionnaire.AppendCell(nil, column, v))
		case Single, Matrix, Text:
		}
	}
	return string(a.questionnaire.AppendCell(nil, column, v))
}

// ParseAnswers reads answers that [Answers.MarshalJSON] wrote, or that a program sends. null is an answer
// not given, and an empty list is "none". Every rule of a form holds, except that required items may be
// missing: what is stored may be unfinished. The error is an [AnswersError], or says where the JSON is
// broken.
func (q *Questionnaire) ParseAnswers(src []byte) (Answers, error) {
	r := q.newAnswerReader(nil)
	input := json.NewDecoder(bytes.NewReader(src))
	input.UseNumber()
	if token, err := input.Token(); err != nil || token != json.Delim('{') {
		return Answers{}, fmt.Errorf("answers: expected a JSON object (%w)", orUnexpected(err))
	}
	seen := make(map[string]bool)
	for input.More() {
		token, err := input.Token()
		key, ok := token.(string)
		if err != nil || !ok {
			return Answers{}, fmt.Errorf("answers: %w", orUnexpected(err))
		}
		var value any
		if err := input.Decode(&value); err != nil {
			return Answers{}, fmt.Errorf("answers: %s: %w", quoted(key), orUnexpected(err))
		}
		column, known := q.Column(key)
		switch {
		case !known:
			r.problem(Problem{Rule: UnknownItem, Key: key, Given: key, Nearest: Nearest(key, q.keys())})
		case seen[key]:
			r.problem(Problem{Rule: SeveralAnswers, Key: key, Count: 2})
		default:
			r.readJSON(column, value)
		}
		seen[key] = true
	}
	if _, err := input.Token(); err != nil {
		return Answers{}, fmt.Errorf("answers: %w", orUnexpected(err))
	}
	if _, err := input.Token(); !errors.Is(err, io.EOF) {
		return Answers{}, errors.New("answers: there is more after the JSON object")
	}
	if len(r.problems) == 0 {
		r.problems = append(r.problems, r.decoder.Check(r.values)...)
	}
	return r.result()
}

// orUnexpected names what is wrong with JSON that ends early, or has a token where another belongs.
func orUnexpected(err error) error {
	switch {
	case err == nil:
		return errors.New("unexpected JSON")
	case errors.Is(err, io.EOF):
		return io.ErrUnexpectedEOF
	}
	return err
}

func (r *answerReader) readJSON(column int, value any) {
	c := &r.questionnaire.columns[column]
	v := &r.values[column]
	list := c.Item.Kind == Multi || c.Item.Kind == Rank
	isNumber := c.Item.Kind == Rating || c.Item.Kind == NPS || c.Item.Kind == Number
	switch value := value.(type) {
	case nil:
		return
	case string:
		if value != NoneWord && (list || isNumber && value != CannotSayWord) || value == "" && c.Item.Kind != Text {
			break
		}
		r.add(r.decoder.Decode(column, value, v))
		return
	case json.Number:
		if !isNumber {
			break
		}
		r.add(r.decoder.Decode(column, value.String(), v))
		return
	case []any:
		codes := make([]string, 0, len(value))
		for _, element := range value {
			if code, ok := element.(string); ok {
				codes = append(codes, code)
			}
		}
		if !list || len(codes) != len(value) {
			break
		}
		if len(codes) == 0 {
			codes = []string{NoneWord}
		}
		r.add(r.decoder.DecodeCodes(column, codes, v))
		return
	}
	given, _ := json.Marshal(value) //nolint:errchkjson // it came out of a JSON decoder
	r.problem(Problem{Rule: WrongShape, Key: c.Key, Given: string(given), Other: string(c.Item.Kind)})
}

// keys returns the keys of all columns.
func (q *Questionnaire) keys() []string {
	keys := make([]string, len(q.columns))
	for i := range q.columns {
		keys[i] = q.columns[i].Key
	}
	return keys
}
