package survey

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// ReadAnswers reads a whole questionnaire from the fields of a form. No script is needed to fill one in:
//
//	single, matrix   channel=phone, duties.goals=hr
//	multi            expectations=speed&expectations=ease
//	rank             order=ease&order=speed, best first; or places: order.ease=1&order.speed=2
//	rating, nps      performance.speed=4, recommendation=9, or cannot_say where the scale offers it
//	number, text     hours=7.5 (a decimal comma will do), comment=...
//
// The value none says that an item was asked and nothing picked. Empty values are fields left blank. Every
// field must belong to the questionnaire: what a page adds of its own, such as a token, is taken out before.
//
// A person who goes back may leave answers to questions that are no longer asked of her. Those are dropped,
// since her later word counts, but never a code that the questionnaire does not know: that is a problem.
//
// The error is an [AnswersError] with every problem of every item. The answers that could be read are
// returned beside it, so that a form can be shown again as it was filled in.
func (q *Questionnaire) ReadAnswers(form map[string][]string) (Answers, error) {
	return q.readForm(form, nil, func(*Item) bool { return true })
}

// ReadPage reads one page of a form and adds it to the answers given on other pages. All answers to items
// of this page are taken anew: a box unticked is an answer withdrawn. Answers on other pages that no longer
// fit, because their item is not asked any more or ranks what is no longer picked, are dropped. Required
// items are checked on this page only.
func (q *Questionnaire) ReadPage(page int, form map[string][]string, before Answers) (Answers, error) {
	return q.readForm(form, before.values, func(it *Item) bool { return it.Page == page })
}

func (q *Questionnaire) readForm(form map[string][]string, before []Value, asks func(*Item) bool) (Answers, error) {
	r := q.newAnswerReader(before)
	r.rejectUnknown(form, asks)
	column := 0
	for i := range q.Items {
		item := &q.Items[i]
		first := column
		column += item.columnCount()
		here := asks(item)
		if here {
			r.readItem(form, first, column)
		}
		r.settle(item, first, column, here)
	}
	return r.result()
}

// answerReader reads one person's answers and collects what is wrong with them.
type answerReader struct {
	questionnaire *Questionnaire
	decoder       *Decoder
	values        []Value
	problems      []Problem
}

func (q *Questionnaire) newAnswerReader(before []Value) *answerReader {
	r := &answerReader{questionnaire: q, decoder: q.NewDecoder(), values: make([]Value, len(q.columns))}
	for i := range before {
		r.values[i] = before[i]
		r.values[i].Order = slices.Clone(before[i].Order) // decoding reuses it, and others hold the old answers
	}
	return r
}

func (r *answerReader) problem(p Problem) { r.problems = append(r.problems, p) }

func (r *answerReader) add(p *Problem) {
	if p != nil {
		r.problem(*p)
	}
}

func (r *answerReader) result() (Answers, error) {
	answers := Answers{questionnaire: r.questionnaire, values: r.values}
	slices.SortStableFunc(r.problems, func(a, b Problem) int {
		return cmp.Compare(r.position(a.Key), r.position(b.Key))
	})
	if len(r.problems) > 0 {
		return answers, AnswersError{Problems: r.problems, answers: answers}
	}
	return answers, nil
}

// position is where in the questionnaire a problem is; fields it does not know come first.
func (r *answerReader) position(key string) int {
	if column, ok := r.questionnaire.Column(key); ok {
		return column
	}
	return -1
}

// rejectUnknown reports the fields that belong to no item asked here.
func (r *answerReader) rejectUnknown(form map[string][]string, asks func(*Item) bool) {
	q := r.questionnaire
	for _, key := range slices.Sorted(maps.Keys(form)) {
		if column, ok := q.Column(key); ok && asks(q.columns[column].Item) {
			continue
		}
		code, option, isPlace := strings.Cut(key, ".")
		item, known := q.Item(ItemCode(code))
		if isPlace && known && item.Kind == Rank && asks(item) {
			if _, ok := item.Option(OptionCode(option)); ok {
				continue
			}
			c := r.decoder.columns[q.byKey[code]]
			p := c.unknownOption(option)
			p.Key = code
			r.problem(*p)
			continue
		}
		r.problem(Problem{Rule: UnknownItem, Key: key, Given: key, Nearest: Nearest(key, q.keys())})
	}
}

// readItem reads the answers to one item, whose columns are from first up to, not including, end.
func (r *answerReader) readItem(form map[string][]string, first, end int) {
	for i := first; i < end; i++ {
		c := &r.questionnaire.columns[i]
		clearValue(&r.values[i])
		given := slices.DeleteFunc(slices.Clone(form[c.Key]), func(s string) bool { return strings.TrimSpace(s) == "" })
		switch c.Item.Kind {
		case Rank:
			places := r.places(form, c)
			switch {
			case places == nil:
			case len(given) > 0:
				r.problem(Problem{Rule: MixedEncodings, Key: c.Key})
				continue
			default:
				ordered, problem := c.Item.inOrder(places)
				if problem != nil {
					r.problem(*problem)
					continue
				}
				given = ordered
			}
		case Number:
			for j := range given {
				given[j] = plainNumber(given[j])
			}
		case Single, Multi, Rating, NPS, Text, Matrix:
		}
		r.add(r.decoder.DecodeCodes(i, given, &r.values[i]))
	}
}

// places returns the places given to options of a rank item, by option, or nil.
func (r *answerReader) places(form map[string][]string, c *Column) map[int][]string {
	var places map[int][]string
	for at := range c.Options {
		for _, place := range form[c.Key+"."+string(c.Options[at].Code)] {
			if place = strings.TrimSpace(place); place == "" {
				continue
			}
			if places == nil {
				places = make(map[int][]string)
			}
			places[at] = append(places[at], place)
		}
	}
	return places
}

// inOrder turns places into a list of codes, best first.
func (it *Item) inOrder(places map[int][]string) ([]string, *Problem) {
	at := make([]int, len(it.Options)+1) // by place: the option there + 1
	last := 0
	for option := range it.Options {
		given := places[option]
		if len(given) == 0 {
			continue
		}
		code := string(it.Options[option].Code)
		if len(given) > 1 {
			return nil, &Problem{Rule: RepeatedOption, Key: string(it.Code), Given: code}
		}
		place, ok := smallNumber(given[0])
		if !ok || place < 1 || place > len(it.Options) {
			return nil, &Problem{Rule: NotAPlace, Key: string(it.Code), Given: given[0], Limit: len(it.Options)}
		}
		if other := at[place]; other > 0 {
			return nil, &Problem{
				Rule: PlaceTaken, Key: string(it.Code), Given: code, Other: string(it.Options[other-1].Code), Count: place,
			}
		}
		at[place] = option + 1
		last = max(last, place)
	}
	codes := make([]string, 0, last)
	for place := 1; place <= last; place++ {
		if at[place] == 0 {
			return nil, &Problem{Rule: PlaceSkipped, Key: string(it.Code), Count: place}
		}
		codes = append(codes, string(it.Options[at[place]-1].Code))
	}
	return codes, nil
}

// plainNumber takes out what people write into numbers and files do not: blanks between thousands, and a
// comma for the decimal point.
func plainNumber(s string) string {
	s = strings.NewReplacer(" ", "", "\u00a0", "", "\u202f", "").Replace(strings.TrimSpace(s))
	if strings.Count(s, ",") == 1 && !strings.Contains(s, ".") {
		s = strings.Replace(s, ",", ".", 1)
	}
	return s
}

// settle applies the rules that depend on earlier items, once the answers to all of them are known.
func (r *answerReader) settle(item *Item, first, end int, here bool) {
	if !item.asked(r.values) {
		for i := first; i < end; i++ {
			clearValue(&r.values[i])
		}
		r.forgive(item)
		return
	}
	orderFollows := false
	if item.Kind == Rank && item.Of != "" {
		orderFollows = r.settleOrder(item, first, here)
	}
	if !here || !item.Required || orderFollows {
		return
	}
	for i := first; i < end; i++ {
		key := r.questionnaire.columns[i].Key
		told := slices.ContainsFunc(r.problems, func(p Problem) bool { return p.Key == key })
		if r.values[i].State == Missing && !told {
			r.problem(Problem{Rule: NotAnswered, Key: key})
		}
	}
}

// settleOrder checks that what is ranked was picked, and reports whether fewer than two things were: then
// there is nothing to put in order.
func (r *answerReader) settleOrder(item *Item, column int, here bool) bool {
	source := r.questionnaire.rules[column].source
	r.decoder.problems = r.decoder.problems[:0]
	if r.values[column].State == Answered {
		r.decoder.checkPicked(item, r.values, column)
	}
	if len(r.decoder.problems) > 0 {
		if here {
			r.problems = append(r.problems, r.decoder.problems...)
		}
		clearValue(&r.values[column])
	}
	ranked := r.values[source].Bits & r.questionnaire.rules[column].ranked
	return ranked&(ranked-1) == 0
}

// forgive takes back the problems of an item that is not asked, except codes that are not the
// questionnaire's: nobody can have chosen those.
func (r *answerReader) forgive(item *Item) {
	r.problems = slices.DeleteFunc(r.problems, func(p Problem) bool {
		code, _, _ := strings.Cut(p.Key, ".")
		return code == string(item.Code) && p.Rule != UnknownOption && p.Rule != UnknownItem && p.Rule != OffScale
	})
}
