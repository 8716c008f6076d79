package survey

import (
	"encoding/binary"
	"math"
	"slices"
	"strings"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/vm"
)

// Condition says when an item is asked. It is written in the expression language of expr-lang, over the
// items before it:
//
//	channel == "phone"                     a single item is the code picked, "" if none
//	has(expectations, "speed")             multi and rank items are lists of codes; a rank is best first
//	count(expectations) > 1                how many are picked, exclusive options not counted; also len
//	"speed" in expectations                and "speed" not in expectations
//	performance.speed <= 2                 a row of a rating is a number; also performance["speed"]
//	values["USER-1.EXPERIENCE"] > 3        what is no name after a dot stands in brackets
//	responsible.strategy == "hr"           a row of a matrix is the code picked
//	recommendation >= 9 and answered(fan)  rating, nps and number items are numbers
//	comment != ""                          text
//
// An unanswered number, and one the respondent cannot say, compares as false with everything: test it with
// answered(x). Items that were not asked count as unanswered.
type Condition struct {
	Source string // as written in the questionnaire

	program *vm.Program
	columns []int // positions in Questionnaire.Columns of the answers it depends on
	all     []Column
}

// String returns the condition as written.
func (c *Condition) String() string { return c.Source }

// Items returns the items the condition depends on, in the order of the questionnaire.
func (c *Condition) Items() []ItemCode {
	var items []ItemCode
	for _, column := range c.columns {
		if code := c.all[column].Item.Code; !slices.Contains(items, code) {
			items = append(items, code)
		}
	}
	return items
}

// Holds reports whether the item is asked of a person with these answers, one value per column of the
// questionnaire. A condition that cannot be computed for them, such as one that takes the first of an empty
// list, does not hold.
func (c *Condition) Holds(values []Value) bool {
	answers := make(map[string]any, len(c.columns))
	for _, column := range c.columns {
		slot := &c.all[column]
		answer := conditionValue(slot, &values[column])
		name := conditionName(string(slot.Item.Code))
		if slot.Row == "" {
			answers[name] = answer
			answers[countedName(name)] = countPicked(slot, &values[column])
			continue
		}
		rows, ok := answers[name].(map[string]any)
		if !ok {
			rows = make(map[string]any)
			answers[name] = rows
		}
		rows[string(slot.Row)] = answer
	}
	result, err := expr.Run(c.program, answers)
	holds, ok := result.(bool)
	return err == nil && ok && holds
}

// conditionValue is an answer as conditions see it.
func conditionValue(c *Column, v *Value) any {
	answered := v.State == Answered
	switch c.Item.Kind {
	case Single, Matrix:
		if !answered {
			return ""
		}
		return string(c.Options[v.Bits].Code)
	case Multi:
		picks := []string{}
		for i := range c.Options {
			if answered && v.Bits&(1<<i) != 0 {
				picks = append(picks, string(c.Options[i].Code))
			}
		}
		return picks
	case Rank:
		order := []string{}
		if answered {
			for _, at := range v.Order {
				order = append(order, string(c.Options[at].Code))
			}
		}
		return order
	case Rating, NPS:
		if !answered {
			return math.NaN()
		}
		return float64(v.Bits)
	case Number:
		if !answered {
			return math.NaN()
		}
		return v.Number
	case Text:
	}
	return v.Text
}

// countPicked returns how many options an answer has, exclusive ones not counted.
func countPicked(c *Column, v *Value) int {
	n := 0
	if v.State != Answered {
		return n
	}
	if c.Item.Kind == Rank {
		for _, at := range v.Order {
			if !c.Options[at].Exclusive {
				n++
			}
		}
		return n
	}
	for i := range c.Options {
		if c.Item.Kind == Multi && v.Bits&(1<<i) != 0 && !c.Options[i].Exclusive {
			n++
		}
	}
	return n
}

// conditionName is the variable an item has in conditions. A hyphen would be read as a minus, so it is an
// underscore there; two items of a questionnaire never differ only in that.
func conditionName(code string) string { return strings.ReplaceAll(code, "-", "_") }

// conditionMemo remembers what a condition came to for answers already met: a million rows share few.
type conditionMemo struct {
	known map[string]bool
	key   []byte
}

// memoLimit bounds the memory of a memo whose condition depends on numbers or words.
const memoLimit = 1 << 16

func (m *conditionMemo) holds(c *Condition, values []Value) bool {
	m.key = m.key[:0]
	for _, column := range c.columns {
		m.key = appendKey(m.key, &values[column])
	}
	if holds, ok := m.known[string(m.key)]; ok {
		return holds
	}
	holds := c.Holds(values)
	if m.known == nil || len(m.known) >= memoLimit {
		m.known = make(map[string]bool)
	}
	m.known[string(m.key)] = holds
	return holds
}

// appendKey appends a value so that different values give different keys.
func appendKey(key []byte, v *Value) []byte {
	key = append(key, byte(v.State))
	if v.State != Answered {
		return key
	}
	key = binary.AppendUvarint(key, v.Bits)
	key = binary.AppendUvarint(key, uint64(len(v.Order)))
	key = append(key, v.Order...)
	key = binary.BigEndian.AppendUint64(key, math.Float64bits(v.Number))
	key = binary.AppendUvarint(key, uint64(len(v.Text)))
	return append(key, v.Text...)
}
