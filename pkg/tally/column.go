package tally

import (
	"math"
	"math/bits"
	"slices"

	"cxmirror/pkg/survey"
)

// column keeps the answers of one answer slot, one small value per response.
type column interface {
	add(v *survey.Value)
	clone() column // one that can be added to without this one changing; see Wave.grown
	bytes() int64
}

// newColumn returns the column that fits a slot, or nil for words, which are not tallied.
func newColumn(c survey.Column) column {
	switch c.Item.Kind {
	case survey.Single, survey.Matrix:
		return &choices{}
	case survey.Multi:
		switch n := len(c.Options); {
		case n < 16:
			return &picks[uint16]{missing: 1 << n}
		case n < 32:
			return &picks[uint32]{missing: 1 << n}
		default:
			return &picks[uint64]{missing: 1 << n}
		}
	case survey.Rank:
		return &orders{width: c.Item.Max}
	case survey.Rating, survey.NPS:
		return &points{}
	case survey.Number:
		return &numbers{}
	case survey.Text:
		return nil
	}
	return nil
}

// picks keeps sets of options: bit i is option i. The first bit that no option needs alone says that the
// question was not answered; no bit at all says that nothing was picked.
type picks[M mask] struct {
	sets    []M
	missing M
}

// mask is an unsigned integer wide enough for the options of an item and one bit more.
type mask interface{ uint16 | uint32 | uint64 }

func (c *picks[M]) add(v *survey.Value) {
	switch v.State {
	case survey.Answered:
		c.sets = append(c.sets, M(v.Bits))
	case survey.None:
		c.sets = append(c.sets, 0)
	case survey.Missing, survey.CannotSay:
		c.sets = append(c.sets, c.missing)
	}
}

func (c *picks[M]) clone() column { d := *c; return &d }

func (c *picks[M]) bytes() int64 { return int64(cap(c.sets)) * int64(bits.Len64(uint64(^M(0)))/8) }

// choices keeps one option a person: its position plus one, or 0 for no option. So kept, the column of a
// background question is at once the column of groups of a crosstab. The few who were asked and picked
// nothing are listed beside it, in rising order.
type choices struct {
	options []uint8
	none    []int
}

func (c *choices) add(v *survey.Value) {
	switch v.State {
	case survey.Answered:
		c.options = append(c.options, uint8(v.Bits)+1) //nolint:gosec // a position is below survey.MaxOptions
	case survey.None:
		c.none = append(c.none, len(c.options))
		c.options = append(c.options, 0)
	case survey.Missing, survey.CannotSay:
		c.options = append(c.options, 0)
	}
}

// answered reports whether response i is in the base: an option, or none.
func (c *choices) answered(i int) bool {
	if c.options[i] != 0 {
		return true
	}
	_, none := slices.BinarySearch(c.none, i)
	return none
}

func (c *choices) clone() column { d := *c; return &d }

func (c *choices) bytes() int64 { return int64(cap(c.options)) + int64(cap(c.none))*8 }

// points keeps points of a scale, which end at 100; the values above say why there is none.
type points struct{ points []uint8 }

const (
	pointMissing   = 255
	pointCannotSay = 254
)

func (c *points) add(v *survey.Value) {
	switch v.State {
	case survey.Answered:
		c.points = append(c.points, uint8(v.Bits)) //nolint:gosec // a scale ends at 100
	case survey.CannotSay:
		c.points = append(c.points, pointCannotSay)
	case survey.Missing, survey.None:
		c.points = append(c.points, pointMissing)
	}
}

func (c *points) clone() column { d := *c; return &d }

func (c *points) bytes() int64 { return int64(cap(c.points)) }

// orders keeps rankings, packed: width bytes a person, the position plus one of the option in each place, 0
// after the last. orderMissing in the first place says that the question was not answered.
type orders struct {
	width  int
	places []uint8
}

const orderMissing = 255

func (c *orders) add(v *survey.Value) {
	start := len(c.places)
	for range c.width {
		c.places = append(c.places, 0)
	}
	row := c.places[start:]
	switch v.State {
	case survey.Answered:
		for p, option := range v.Order[:min(len(v.Order), c.width)] {
			row[p] = option + 1
		}
	case survey.None:
	case survey.Missing, survey.CannotSay:
		row[0] = orderMissing
	}
}

// of returns the packed order of response i.
func (c *orders) of(i int) []uint8 { return c.places[i*c.width : (i+1)*c.width] }

func (c *orders) clone() column { d := *c; return &d }

func (c *orders) bytes() int64 { return int64(cap(c.places)) }

// numbers keeps numbers; NaN for no answer.
type numbers struct{ numbers []float64 }

func (c *numbers) add(v *survey.Value) {
	if v.State != survey.Answered {
		c.numbers = append(c.numbers, math.NaN())
		return
	}
	c.numbers = append(c.numbers, v.Number)
}

func (c *numbers) clone() column { d := *c; return &d }

func (c *numbers) bytes() int64 { return int64(cap(c.numbers)) * 8 }
