package survey

import "math/bits"

// columnRules is what [Questionnaire.Effective] needs to know of a column.
type columnRules struct {
	source int     // rank with `of`: the column of the picks, or -1
	ranked uint64  // of the source's options, those that stand in rankings
	places []uint8 // by option of the source: its position in the order's own options
}

// indexRules notes the rules of every column, once the columns are made.
func (q *Questionnaire) indexRules() {
	q.rules = make([]columnRules, len(q.columns))
	for i := range q.columns {
		c := &q.columns[i]
		rules := &q.rules[i]
		rules.source = -1
		source, ok := q.byKey[string(c.Item.Of)]
		if c.Item.Kind != Rank || c.Item.Of == "" || !ok {
			continue
		}
		rules.source = source
		options := q.columns[source].Options
		rules.places = make([]uint8, len(options))
		for at := range options {
			place, known := c.Item.Option(options[at].Code)
			if known && options[at].Ranked() {
				rules.ranked |= 1 << at
				rules.places[at] = uint8(place) //nolint:gosec // below MaxOptions
			}
		}
	}
}

// Effective returns the value of one column as results count it, given a whole response, one value per
// column. It is the value itself, but for one case: the order of a rank item with `of` follows from the picks
// where there is nothing to put in order, which is why such a question is often not even asked. Of one pick
// that can be ranked, the order is that pick; of no such pick (none at all, or only exclusive options and own
// answers) it is [None]. So the base of an order is everyone who picked, whatever else the item's condition
// says. An order is not made up for who left out the picks or, having picked several, the order: that stays
// Missing. Nor is one that was given replaced.
//
// The values are not changed, and nothing is allocated: the Order returned may be the questionnaire's own
// memory and must not be changed.
func (q *Questionnaire) Effective(column int, values []Value) Value {
	rules := &q.rules[column]
	v := values[column]
	if v.State == Missing && rules.source >= 0 {
		return rules.implied(values[rules.source])
	}
	return v
}

// implied returns the order that follows from picks alone, or Missing if none does.
func (r *columnRules) implied(picks Value) Value {
	ranked := picks.Bits & r.ranked
	switch {
	case picks.State == None, picks.State == Answered && ranked == 0:
		return Value{State: None}
	case picks.State == Answered && ranked&(ranked-1) == 0:
		at := bits.TrailingZeros64(ranked)
		return Value{State: Answered, Order: r.places[at : at+1 : at+1]}
	}
	return Value{}
}

// follows reports whether an order given is the one that follows from the picks. Such an order says nothing
// that was not known, so it is valid even where the question was not asked.
func (r *columnRules) follows(given *Value, values []Value) bool {
	if r.source < 0 {
		return false
	}
	implied := r.implied(values[r.source])
	return implied.State != Missing && given.State == implied.State &&
		(implied.State == None || len(given.Order) == 1 && given.Order[0] == implied.Order[0])
}
