package tally

import (
	"cmp"
	"fmt"
	"slices"

	"cxmirror/pkg/survey"
)

// Joint is the people who answered the same item in two waves: what they chose in the one and in the other.
type Joint struct {
	Options    []survey.Option // those of the first wave; bit i of a cell's masks
	Cells      []JointCell
	N          int // persons in the base of both
	OnlyFirst  int // persons in the base of the first wave only
	OnlySecond int // persons in the base of the second wave only
	Threshold  int // the larger of the waves' thresholds
	Weighted   bool
}

// JointCell is the people with one pair of patterns. The weight is that of the second wave.
type JointCell struct {
	First, Second uint64 // the options chosen
	Judged        uint64 // the options judged in both
	Weight
}

// Join matches the people of two waves by respondent and tallies one item for those in the base of both.
// Without a person in both it returns a Joint of N = 0. It is an error if the items' lists differ.
func Join(first, second *Wave, v View) (*Joint, error) {
	a, err := first.patterns(v)
	if err != nil {
		return nil, err
	}
	b, err := second.patterns(v)
	if err != nil {
		return nil, err
	}
	to, err := positions(b.options, a.options)
	if err != nil {
		return nil, err
	}
	j := &Joint{
		Options: a.options, Threshold: max(first.threshold, second.threshold),
		Weighted: second.Weighted(),
	}
	if first.respondents == nil || second.respondents == nil {
		return j, nil
	}
	// The smaller wave is looked up, the larger only read: an internal wave of 300 beside a million
	// customers needs 300 entries.
	if second.n <= first.n {
		j.match(first, a, second, b, to, false)
	} else {
		j.match(second, b, first, a, to, true)
	}
	return j, nil
}

// match reads the larger wave and looks its people up in the smaller. swapped says that the smaller wave is
// the first one.
func (j *Joint) match(large *Wave, l patterns, small *Wave, s patterns, to []int, swapped bool) {
	at := make(map[uint64]int, small.n)
	inSmall := 0
	for i, id := range small.respondents {
		if _, ok := s.of(i); ok {
			inSmall++
			if id != 0 {
				at[id] = i
			}
		}
	}
	type key struct{ first, second, judged uint64 }
	cells := map[key]*Weight{}
	onlyLarge := 0
	for i, id := range large.respondents {
		p, ok := l.of(i)
		if !ok {
			continue
		}
		other, met := at[id]
		if id == 0 || !met {
			onlyLarge++
			continue
		}
		q, _ := s.of(other)
		a, b, weight := p, q, small.weightOf(other)
		if swapped {
			a, b, weight = q, p, large.weightOf(i)
		}
		b = pattern{moveBits(b.chosen, to), moveBits(b.judged, to)}
		k := key{a.chosen, b.chosen, a.judged & b.judged}
		if cells[k] == nil {
			cells[k] = &Weight{}
		}
		cells[k].add(weight)
		j.N++
	}
	j.OnlyFirst, j.OnlySecond = onlyLarge, inSmall-j.N
	if swapped {
		j.OnlyFirst, j.OnlySecond = j.OnlySecond, j.OnlyFirst
	}
	for k, sum := range cells {
		j.Cells = append(j.Cells, JointCell{k.first, k.second, k.judged, *sum})
	}
	slices.SortFunc(j.Cells, func(a, b JointCell) int {
		return cmp.Or(cmp.Compare(a.First, b.First), cmp.Compare(a.Second, b.Second), cmp.Compare(a.Judged, b.Judged))
	})
}

// patterns tells the pattern of single responses.
type patterns struct {
	options []survey.Option
	of      func(i int) (p pattern, inBase bool)
}

func (w *Wave) patterns(v View) (patterns, error) {
	it, ok := w.questionnaire.Item(v.Item)
	if !ok {
		return patterns{}, fmt.Errorf("%s has no item %q", w.questionnaire.Code, v.Item)
	}
	at, _ := w.questionnaire.Column(string(it.Code))
	all := uint64(1)<<len(it.Options) - 1
	switch it.Kind {
	case survey.Single:
		c, err := kept[*choices](w, it, at)
		return patterns{it.Options, func(i int) (pattern, bool) {
			return pattern{1 << c.options[i] >> 1, all}, c.answered(i)
		}}, err
	case survey.Multi:
		switch c := w.columns[at].(type) {
		case *picks[uint16]:
			return patterns{it.Options, setOf(c, all)}, nil
		case *picks[uint32]:
			return patterns{it.Options, setOf(c, all)}, nil
		case *picks[uint64]:
			return patterns{it.Options, setOf(c, all)}, nil
		}
		return patterns{}, fmt.Errorf("the answers to %s are not held in this wave", it.Code)
	case survey.Rank:
		c, err := kept[*orders](w, it, at)
		top := min(cmp.Or(v.Top, DefaultTop), it.Max)
		return patterns{it.Options, func(i int) (pattern, bool) {
			order := c.of(i)
			if order[0] == orderMissing {
				return pattern{}, false
			}
			var chosen uint64
			for _, o := range order[:top] {
				chosen |= 1 << o >> 1
			}
			return pattern{chosen, all}, true
		}}, err
	case survey.Rating:
		rows, columns, err := w.pointColumns(it)
		return patterns{rows, func(i int) (pattern, bool) {
			p, empty := ratingOf(it, columns, i)
			return p, empty < len(columns)
		}}, err
	case survey.Number, survey.NPS, survey.Text, survey.Matrix:
	}
	return patterns{}, fmt.Errorf("%s is %s: it has no options to rank", it.Code, it.Kind.AnItem())
}

func setOf[M mask](c *picks[M], all uint64) func(i int) (pattern, bool) {
	return func(i int) (pattern, bool) { return pattern{uint64(c.sets[i]), all}, c.sets[i] != c.missing }
}

// positions returns for each of one list's options its position in another list of the same codes.
func positions(from, to []survey.Option) ([]int, error) {
	if len(from) != len(to) {
		return nil, &ListsDifferError{}
	}
	moved := make([]int, len(from))
	for i, o := range from {
		moved[i] = slices.IndexFunc(to, func(p survey.Option) bool { return p.Code == o.Code })
		if moved[i] < 0 {
			return nil, &ListsDifferError{Code: o.Code}
		}
	}
	return moved, nil
}

// moveBits moves bit i of a mask to bit to[i].
func moveBits(set uint64, to []int) uint64 {
	var moved uint64
	for i, p := range to {
		moved |= set >> i & 1 << p
	}
	return moved
}

// ListsDifferError says that two lists cannot be compared, because they do not have the same options. The
// shares of all picks move when a list changes, so a part of a list cannot be compared either.
type ListsDifferError struct {
	Code survey.OptionCode // an option that only one list has; "" if there is none, but one list is longer
}

func (e *ListsDifferError) Error() string { return e.Says().String() }

// Says says what the lists do not have in common.
func (e *ListsDifferError) Says() survey.Saying {
	if e.Code == "" {
		return survey.Say("lists_lengths", "the two lists have different numbers of options")
	}
	return survey.Say("lists_option", "only one of the two lists has the option %q", "Option", e.Code)
}
