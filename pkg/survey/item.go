package survey

// HasOptions reports whether the item is answered by choosing among options: such an item can be answered
// "none".
func (it *Item) HasOptions() bool {
	switch it.Kind {
	case Single, Multi, Rank, Matrix:
		return true
	case Rating, Number, NPS, Text:
	}
	return false
}

// Ranked reports whether the item asks about a list that can be ranked: picks, an order, or ratings of
// several rows.
func (it *Item) Ranked() bool {
	switch it.Kind {
	case Multi, Rank:
		return true
	case Rating:
		return len(it.Rows) > 0
	case Single, Number, NPS, Text, Matrix:
	}
	return false
}

// columnCount returns how many columns the item has.
func (it *Item) columnCount() int { return max(1, len(it.Rows)) }
