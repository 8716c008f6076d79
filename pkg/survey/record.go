package survey

// State says what became of a question. The four are four things, and stay four in every table: a person
// who was not asked or did not answer, one who answered, one who was asked and picked nothing, and one who
// said that she cannot say.
type State uint8

// The states of a value.
const (
	Missing   State = iota // not asked, or not answered
	Answered               // answered
	None                   // asked, and picked nothing
	CannotSay              // asked, and cannot say
)

// Column is one answer slot of a questionnaire: an item, or one row of a rating or matrix item.
type Column struct {
	Key     string     // "channel", or "performance.speed" for a row
	Item    *Item      // the item asked
	Row     OptionCode // the row, or "" for an item of one row
	Options []Option   // what Value.Bits and Value.Order refer to; nil for kinds without options
}

// Value is one answer in coded form. Which fields hold it depends on the kind of the column:
//
//	single, matrix   Bits is the position of the option
//	multi            bit i of Bits is set if option i was picked
//	rank             Order holds positions of options, best first
//	rating, nps      Bits is the point of the scale
//	number           Number
//	text             Text
type Value struct {
	State  State
	Bits   uint64
	Order  []uint8
	Number float64
	Text   string
}

// Record is one response in coded form, one value per column of its questionnaire. Readers of files and
// of the database hand the same record out again and again: whoever keeps it copies it.
type Record struct {
	Line       int      // where it came from: the 1-based line of a file, or 0
	Audience   Audience // the audience it belongs to, where the source tells; otherwise the questionnaire's
	Respondent string   // who answered, if the source says so; "" is unknown
	Weight     float64  // > 0; 1 when the source has no weights
	Values     []Value  // as long as Questionnaire.Columns
}

// MaxOptions is how many options or rows an item may have: a set of picks is one 64-bit mask, with a bit to
// spare for "did not answer".
const MaxOptions = 63

// Columns returns the answer slots of the questionnaire, in the order asked; a rating or matrix item has
// one for each row. The slice is the questionnaire's own: it must not be changed.
func (q *Questionnaire) Columns() []Column { return q.columns }

// Column returns the position in [Questionnaire.Columns] of a key, "item" or "item.row".
func (q *Questionnaire) Column(key string) (int, bool) {
	i, ok := q.byKey[key]
	return i, ok
}
