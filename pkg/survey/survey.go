// Package survey is the vocabulary of cxmirror: questionnaires and their grammar, code frames, items,
// answers and the checks an answer must pass; waves, panels and what is sent to them; organisations and who works
// there as what.
//
// A questionnaire is data. It is parsed from YAML ([Parse]), it is versioned, and once fielded it does not
// change. Answers are keyed by item code and option code, never by the words a respondent read, so a
// label can be renamed or translated after a thousand answers without changing a result.
//
// The package knows what a valid answer is and how to say, in the respondent's language, why one is not.
// It knows nothing of files, databases, statistics or HTTP.
package survey

import "slices"

// ItemCode names an item within a questionnaire.
type ItemCode string

// OptionCode names an option of an item, a row of a rating or an entry of a code frame.
type OptionCode string

// Audience says who is asked.
type Audience string

// The audiences.
const (
	External Audience = "external" // customers
	Internal Audience = "internal" // employees as customers of other departments
	Leaders  Audience = "leaders"  // decision makers
	Everyone Audience = "everyone" // all levels of one organisation
)

// Audiences returns every audience, in a fixed order.
func Audiences() []Audience { return []Audience{External, Internal, Leaders, Everyone} }

// Kind says how an item is asked and answered.
type Kind string

// The kinds of item.
const (
	Single Kind = "single" // one option
	Multi  Kind = "multi"  // between Min and Max options
	Rank   Kind = "rank"   // options in order, best first
	Rating Kind = "rating" // a point of a scale, for one row or many
	Number Kind = "number" // a number
	NPS    Kind = "nps"    // recommendation, 0 to 10
	Text   Kind = "text"   // words
	Matrix Kind = "matrix" // one option for each row
)

// AnItem returns "a multi item", "an nps item": an item of the kind, for messages.
func (k Kind) AnItem() string {
	if k == NPS { // spelt out when read aloud
		return "an " + string(k) + " item"
	}
	return "a " + string(k) + " item"
}

// Kinds returns every kind, in the order of the documentation.
func Kinds() []Kind { return []Kind{Single, Multi, Rank, Rating, Number, NPS, Text, Matrix} }

// Questionnaire is one version of one questionnaire. It is not changed after [Parse].
type Questionnaire struct {
	Code      string
	Version   int
	Audience  Audience
	Languages []Language // the first is the one it was written in
	Title     Words
	Intro     Words
	Items     []Item

	columns []Column
	rules   []columnRules // by column
	byKey   map[string]int
}

// Item is one question.
type Item struct {
	Code       ItemCode
	Kind       Kind
	Text       Words
	Hint       Words
	Background bool     // a segment: results may be split by it
	Required   bool     // must be answered before the respondent can go on
	Options    []Option // single, multi, rank; of a matrix, its columns. Frames and `of` are resolved.
	Rows       []Option // rating (none: an item of one row) and matrix
	Frame      string   // the code frame that Options or Rows came from, if any
	Of         ItemCode // rank: the earlier multi item whose picks are put in order
	Min, Max   int      // multi, rank: how many options may be given; 0 < Min <= Max once parsed
	Range      Range    // number
	Length     int      // text: the most characters (Unicode code points) accepted
	Random     bool     // options or rows are shown in an order drawn per respondent
	ShowIf     *Condition
	Scale      *Scale // rating and nps
	Page       int    // pages are numbered from 1
}

// Option is an answer that can be chosen, or a row that can be rated.
type Option struct {
	Code      OptionCode
	Text      Words
	Exclusive bool // excludes the others; stays in the base and out of rankings
	Other     bool // an own answer, "Other, please specify"; stays in the base and out of rankings
}

// Ranked reports whether the option stands in rankings: who picks an exclusive option, or gives an own
// answer, is in the base, but neither is a thing that can be set against the others.
func (o Option) Ranked() bool { return !o.Exclusive && !o.Other }

// Range bounds a number. Both ends are accepted.
type Range struct {
	Low, High float64
	Decimals  int // how many decimals are accepted
}

// Scale is the scale of a rating: whole points from Min to Max, of which the highest Top are the top box.
type Scale struct {
	Min, Max  int // 0 <= Min < Max <= 100
	Top       int // 1 <= Top <= Max-Min
	Low, High Words
	Labels    map[int]Words
	CannotSay bool // "cannot say" is offered, and is an answer, not a missing one
}

// InTopBox reports whether a point counts as top box.
func (s *Scale) InTopBox(point int) bool { return point > s.Max-s.Top }

// Item returns the item of the given code.
func (q *Questionnaire) Item(code ItemCode) (*Item, bool) {
	i := slices.IndexFunc(q.Items, func(it Item) bool { return it.Code == code })
	if i < 0 {
		return nil, false
	}
	return &q.Items[i], true
}

// Option returns the position of an option in [Item.Options].
func (it *Item) Option(code OptionCode) (int, bool) {
	i := slices.IndexFunc(it.Options, func(o Option) bool { return o.Code == code })
	return i, i >= 0
}
