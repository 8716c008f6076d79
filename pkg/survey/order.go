package survey

import "hash/fnv"

// ShownOrder returns the positions of the item's options, or of its rows if it is rated, in the order one
// respondent sees them. seed is the respondent's own; the order depends on nothing else, is the same in
// every process and version, and can be stored beside the answers. Exclusive options and own answers stay at
// the end, in the order of the questionnaire. Items that share a code frame share its order, so that a respondent meets one list and not several. Without
// [Item.Random] it is the order of the questionnaire.
func (it *Item) ShownOrder(seed uint64) []int {
	list := it.Options
	if len(it.Rows) > 0 {
		list = it.Rows
	}
	order := make([]int, 0, len(list))
	var last []int
	for i := range list {
		if it.Random && !list[i].Ranked() {
			last = append(last, i)
		} else {
			order = append(order, i)
		}
	}
	if it.Random {
		name := "item " + string(it.Code)
		if it.Frame != "" {
			name = "frame " + it.Frame
		}
		hash := fnv.New64a()
		_, _ = hash.Write([]byte(name)) // a hash takes everything
		shuffle(order, seed^hash.Sum64())
	}
	return append(order, last...)
}

// shuffle is Fisher and Yates' with the generator SplitMix64 (Steele, Lea and Flood 2014). Both are written
// out because stored orders must be reproducible whatever the standard library's generators become.
func shuffle(order []int, state uint64) {
	next := func() uint64 {
		state += 0x9e3779b97f4a7c15
		z := state
		z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		return z ^ z>>31
	}
	for i := len(order) - 1; i > 0; i-- {
		n := uint64(i) + 1
		limit := ^uint64(0) - ^uint64(0)%n // values from here on would favour the first positions
		draw := next()
		for draw >= limit {
			draw = next()
		}
		j := int(draw % n) //nolint:gosec // at most MaxOptions
		order[i], order[j] = order[j], order[i]
	}
}
