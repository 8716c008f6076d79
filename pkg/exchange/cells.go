package exchange

import (
	"slices"
	"strconv"
	"strings"

	"cxmirror/pkg/survey"
)

// answerSource finds the answer to one column of the questionnaire in a row of a file. What an answer may
// be is not decided here: every source hands codes to the questionnaire's decoder.
type answerSource interface {
	// read decodes the answer that a row holds into v.
	read(row []string, v *survey.Value) *trouble
	// lacks reports whether a cell is blank that a complete answer fills.
	lacks(row []string) bool
	// blame is the column of the file to point at when the answer as a whole is wrong, or -1.
	blame() int
}

// trouble says why a row is rejected.
type trouble struct {
	field int // the column of the file, or -1
	value string
	says  survey.Saying
}

// answerSlot is the column of the questionnaire that a source fills.
type answerSlot struct {
	decoder *survey.Decoder
	column  int
	item    *survey.Item
}

// vocabulary says what the words in a cell mean.
type vocabulary struct {
	missing   map[string]bool   // besides blank
	codes     map[string]string // what the file says, and the code it stands for; "" is missing
	otherwise *string           // what every other word stands for
	labels    []string          // the keys of codes, longest first
}

// clean cuts the blanks off a cell; a missing one is "".
func (w *vocabulary) clean(cell string) string {
	cell = trim(cell)
	if w.missing != nil && w.missing[cell] {
		return ""
	}
	return cell
}

// code translates one word that is not blank.
func (w *vocabulary) code(said string) string {
	if code, ok := w.codes[said]; ok {
		return code
	}
	if w.otherwise != nil {
		return *w.otherwise
	}
	return said
}

// oneCell is an answer in one cell, in the native format once its words are translated.
type oneCell struct {
	answerSlot
	vocabulary

	field   int
	guarded bool // a text from our own export, whose leading apostrophe is not part of it
	decimal byte
}

func (s *oneCell) read(row []string, v *survey.Value) *trouble {
	cell := row[s.field]
	if s.item.Kind == survey.Text {
		if s.guarded {
			cell = unguard(cell)
		}
		if s.missing != nil && s.clean(cell) == "" {
			cell = ""
		}
	} else if cell != "" && (s.missing != nil || s.codes != nil || s.otherwise != nil) {
		if cell = s.clean(cell); cell != "" {
			cell = s.code(cell)
		}
	}
	if s.item.Kind == survey.Number && s.decimal == ',' {
		cell = strings.Replace(cell, ",", ".", 1)
	}
	if problem := s.decoder.Decode(s.column, cell, v); problem != nil {
		return s.explain(problem, s.field, row[s.field])
	}
	return nil
}

func (s *oneCell) lacks(row []string) bool { return s.clean(row[s.field]) == "" }

func (s *oneCell) blame() int { return s.field }

// explain turns the decoder's problem into the row's, and suggests a word of the file where one is near.
func (w *vocabulary) explain(problem *survey.Problem, field int, cell string) *trouble {
	t := &trouble{field: field, value: cell, says: problem.Saying()}
	if problem.Rule == survey.UnknownOption && problem.Nearest == "" && len(w.labels) > 0 {
		t.says = survey.Say("no_code", "%q is neither a code nor a word that the map recodes", "Given", shortened(problem.Given)).And(didYouMean(problem.Given, w.labels))
	}
	if problem.Rule == survey.NotANumber && strings.Contains(cell, ",") {
		t.says = t.says.And(decimalCommas())
	}
	return t
}

// listCell is an answer of several entries in one cell, with a separator of its own or with labels.
type listCell struct {
	answerSlot
	vocabulary

	field     int
	separator string
	codesRead []string
}

func (s *listCell) read(row []string, v *survey.Value) *trouble {
	s.codesRead = s.codesRead[:0]
	rest := s.clean(row[s.field])
	for more := rest != ""; more; {
		var entry string
		entry, rest, more = s.cut(rest)
		if entry == "" {
			return &trouble{field: s.field, value: row[s.field], says: survey.Say("entry_empty", "an empty entry between two %q", "Separator", s.separator)}
		}
		if code := s.code(entry); code != "" {
			s.codesRead = append(s.codesRead, code)
		}
	}
	if problem := s.decoder.DecodeCodes(s.column, s.codesRead, v); problem != nil {
		return s.explain(problem, s.field, row[s.field])
	}
	return nil
}

func (s *listCell) lacks(row []string) bool { return s.clean(row[s.field]) == "" }

func (s *listCell) blame() int { return s.field }

// cut takes the first entry off a list. A label that the map knows is taken whole, the longest first, even
// if it contains the separator; so is an entry in quotes. more says that a separator followed.
func (s *listCell) cut(list string) (entry, rest string, more bool) {
	list = trim(list)
	if quoted, after, ok := cutQuoted(list); ok {
		if rest, more, ok := s.afterEntry(after); ok {
			return trim(quoted), rest, more
		}
	}
	for _, label := range s.labels {
		if after, ok := strings.CutPrefix(list, label); ok {
			if rest, more, ok := s.afterEntry(after); ok {
				return label, rest, more
			}
		}
	}
	entry, rest, more = strings.Cut(list, s.separator)
	return trim(entry), rest, more
}

// afterEntry takes the separator off what follows an entry; ok is false if the entry goes on.
func (s *listCell) afterEntry(after string) (rest string, more, ok bool) {
	if rest, found := strings.CutPrefix(after, s.separator); found {
		return rest, true, true
	}
	after = trim(after)
	if rest, found := strings.CutPrefix(after, s.separator); found {
		return rest, true, true
	}
	return "", false, after == ""
}

// cutQuoted takes a text in double quotes off the beginning; two double quotes within are one.
func cutQuoted(list string) (text, after string, ok bool) {
	if !strings.HasPrefix(list, `"`) {
		return "", list, false
	}
	for at := 1; at < len(list); at++ {
		if list[at] != '"' {
			continue
		}
		if at+1 < len(list) && list[at+1] == '"' {
			at++
			continue
		}
		return strings.ReplaceAll(list[1:at], `""`, `"`), list[at+1:], true
	}
	return "", list, false
}

// choiceCells is an answer in several cells of one option each: in order for a ranking, in any for picks.
type choiceCells struct {
	answerSlot
	vocabulary

	fields    []int
	closeGaps bool
	codesRead []string
}

func (s *choiceCells) read(row []string, v *survey.Value) *trouble {
	s.codesRead = s.codesRead[:0]
	blank := -1
	for i, field := range s.fields {
		code := s.clean(row[field])
		if code != "" {
			code = s.code(code)
		}
		switch {
		case code == "":
			blank = max(blank, i)
			continue
		case blank >= 0 && s.item.Kind == survey.Rank && !s.closeGaps:
			return &trouble{field: field, value: row[field], says: survey.Say("place_blank", "place %d is given to %q, but place %d is blank", "Place", i+1, "Given", shortened(code), "Blank", blank+1)}
		}
		s.codesRead = append(s.codesRead, code)
	}
	if problem := s.decoder.DecodeCodes(s.column, s.codesRead, v); problem != nil {
		field := s.blame()
		for _, f := range s.fields {
			if cell := s.clean(row[f]); cell != "" && s.code(cell) == problem.Given {
				field = f
			}
		}
		return s.explain(problem, field, row[field])
	}
	return nil
}

func (s *choiceCells) lacks(row []string) bool {
	return slices.ContainsFunc(s.fields, func(f int) bool { return s.clean(row[f]) == "" })
}

func (s *choiceCells) blame() int { return s.fields[0] }

// optionCells is an answer in one cell for each option, which says whether it is picked.
type optionCells struct {
	answerSlot
	vocabulary

	fields    []int           // by option; -1: no column, never picked
	says      map[string]tick // what a cell may read
	anyCase   bool
	filled    bool // whatever is not blank is a pick
	always    bool // a row without a pick was asked all the same
	asked     test // ... or was, if this holds; nil: if a cell says so
	codesRead []string

	// noneOffered says that an option coded "none" has a column of its own. Who ticked no column did not
	// tick that one either: she picked nothing, which is not the same as picking "none of these".
	noneOffered bool
}

// tick is what the cell of one option says.
type tick uint8

const (
	isBlank tick = iota
	isPicked
	isNotPicked
	isForeign
)

func (s *optionCells) read(row []string, v *survey.Value) *trouble {
	s.codesRead = s.codesRead[:0]
	said := false
	for option, field := range s.fields {
		if field < 0 {
			continue
		}
		switch s.tick(row[field]) {
		case isBlank:
		case isPicked:
			s.codesRead = append(s.codesRead, string(s.item.Options[option].Code))
		case isNotPicked:
			said = true
		case isForeign:
			return &trouble{field: field, value: row[field], says: survey.Say("tick_unknown",
				"%q does not say whether %q is picked; name the words in the map, `picked: ...` and `not_picked: ...`",
				"Cell", shortened(trim(row[field])), "Option", s.item.Options[option].Code)}
		}
	}
	var problem *survey.Problem
	switch {
	case len(s.codesRead) > 0:
		problem = s.decoder.DecodeCodes(s.column, s.codesRead, v)
	case !s.always && (s.asked == nil && !said || s.asked != nil && !s.asked(row)):
		problem = s.decoder.Decode(s.column, "", v)
	case s.noneOffered:
		*v = survey.Value{State: survey.None, Order: v.Order[:0]}
	default:
		problem = s.decoder.Decode(s.column, survey.NoneWord, v)
	}
	if problem == nil {
		return nil
	}
	field := s.blame()
	if option, ok := s.item.Option(survey.OptionCode(problem.Given)); ok {
		field = s.fields[option]
	}
	return &trouble{field: field, value: strings.Join(s.codesRead, survey.MultiSeparator), says: problem.Saying()}
}

func (s *optionCells) tick(cell string) tick {
	cell = s.clean(cell)
	if cell == "" {
		return isBlank
	}
	if said, ok := s.says[cell]; ok {
		return said
	}
	if s.anyCase {
		if said, ok := s.says[strings.ToLower(cell)]; ok {
			return said
		}
	}
	if s.filled {
		return isPicked
	}
	return isForeign
}

func (s *optionCells) lacks([]string) bool { return false }

func (s *optionCells) blame() int {
	return s.fields[slices.IndexFunc(s.fields, func(f int) bool { return f >= 0 })]
}

// placeCells is a ranking told by the place of each option, in one cell each or in one cell for all.
type placeCells struct {
	answerSlot
	vocabulary

	ranked    []int  // positions of the options, in the order of fields or of the entries
	fields    []int  // by entry of ranked; one only if the places share a cell
	separator string // between places in one cell; "" if each has its own
	highBest  bool
	closeGaps bool
	places    []int // by entry of ranked; 0 is unranked
	codesRead []string
}

func (s *placeCells) read(row []string, v *survey.Value) *trouble {
	if t := s.readPlaces(row); t != nil {
		return t
	}
	s.codesRead = s.codesRead[:0]
	for place, given := 1, 0; place <= len(s.ranked); place++ {
		at := slices.Index(s.places, place)
		if at < 0 {
			continue
		}
		field := s.fields[min(at, len(s.fields)-1)]
		if again := slices.Index(s.places[at+1:], place); again >= 0 {
			other := at + 1 + again
			return &trouble{field: s.fields[min(other, len(s.fields)-1)], value: row[field], says: survey.Say("place_shared",
				"%q and %q share place %d", "First", s.option(at), "Second", s.option(other), "Place", s.asWritten(place))}
		}
		if given++; place != given && !s.closeGaps {
			return &trouble{field: field, value: row[field], says: survey.Say("place_hole",
				"place %d is given, but place %d is not; if holes in the numbering are meant, the map says `gaps: close`",
				"Place", s.asWritten(place), "Hole", s.asWritten(given))}
		}
		s.codesRead = append(s.codesRead, s.option(at))
	}
	if problem := s.decoder.DecodeCodes(s.column, s.codesRead, v); problem != nil {
		field := s.blame()
		return &trouble{field: field, value: row[field], says: problem.Saying()}
	}
	return nil
}

// option is the code of the option at an entry of s.ranked.
func (s *placeCells) option(entry int) string { return string(s.item.Options[s.ranked[entry]].Code) }

// asWritten is a place, 1 being the best, as the file numbers it.
func (s *placeCells) asWritten(place int) int {
	if s.highBest {
		return len(s.ranked) + 1 - place
	}
	return place
}

func (s *placeCells) readPlaces(row []string) *trouble {
	if s.separator == "" {
		for i, field := range s.fields {
			if t := s.readPlace(i, row[field], field); t != nil {
				return t
			}
		}
		return nil
	}
	clear(s.places)
	cell := s.clean(row[s.fields[0]])
	if cell == "" {
		return nil
	}
	if n := strings.Count(cell, s.separator) + 1; n != len(s.ranked) {
		return &trouble{field: s.fields[0], value: row[s.fields[0]], says: survey.Say("places_for_options", "%d places for %d options", "Count", n, "Options", len(s.ranked))}
	}
	for i := range s.ranked {
		entry, rest, _ := strings.Cut(cell, s.separator)
		if t := s.readPlace(i, entry, s.fields[0]); t != nil {
			return t
		}
		cell = rest
	}
	return nil
}

func (s *placeCells) readPlace(entry int, cell string, field int) *trouble {
	s.places[entry] = 0
	cell = s.clean(cell)
	if cell != "" {
		cell = s.code(cell)
	}
	if cell == "" {
		return nil
	}
	whole, zeros, _ := strings.Cut(cell, ".") // 3.0, as statistics programs write whole numbers
	n, err := strconv.Atoi(whole)
	if err != nil || strings.Trim(zeros, "0") != "" || n < 1 || n > len(s.ranked) {
		return &trouble{field: field, value: cell, says: survey.Say("no_place", "%q is not a place from 1 to %d", "Cell", shortened(cell), "Last", len(s.ranked))}
	}
	s.places[entry] = s.asWritten(n)
	return nil
}

func (s *placeCells) lacks(row []string) bool {
	return slices.ContainsFunc(s.fields, func(f int) bool { return s.clean(row[f]) == "" })
}

func (s *placeCells) blame() int { return s.fields[0] }

// sameAnswer is an answer that the map gives for every row.
type sameAnswer struct{ value survey.Value }

func (s *sameAnswer) read(_ []string, v *survey.Value) *trouble {
	order := append(v.Order[:0], s.value.Order...)
	*v = s.value
	v.Order = order
	return nil
}

func (s *sameAnswer) lacks([]string) bool { return false }

func (s *sameAnswer) blame() int { return -1 }

// trim cuts blanks off both ends, no-break spaces included. Cells that have none, nearly all, cost nothing.
func trim(s string) string {
	if s == "" {
		return s
	}
	const lastASCII = 0x7f
	if first, last := s[0], s[len(s)-1]; first > ' ' && first < lastASCII && last > ' ' && last < lastASCII {
		return s
	}
	return strings.TrimSpace(s)
}
