package web

import (
	"cmp"
	"html/template"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"

	"cxmirror/pkg/survey"
)

// itemView is one question on a page. Choices are ready: most of them are the same for every respondent, and
// are made once.
type itemView struct {
	Code     string
	Anchor   string
	Kind     survey.Kind
	Lang     survey.Language // where the words are in another language than the page; "" otherwise
	Text     string
	Hint     string
	Required string // the word for it
	Error    string
	Choices  []template.HTML
	Limit    int // the most options to pick, where there are more; 0 otherwise
	Full     string
	Ends     []string // of a scale of several rows: what its points mean
	Value    string
	Between  string
	Focus    bool
	Tap      string // how to rank by tapping
	Placed   string
	Unplaced string
}

// Describes returns the ids of what describes the question to somebody who does not see it.
func (v *itemView) Describes() string {
	var ids []string
	if v.Hint != "" {
		ids = append(ids, v.Anchor+"-hint")
	}
	if v.Between != "" {
		ids = append(ids, v.Anchor+"-between")
	}
	if v.Error != "" {
		ids = append(ids, v.Anchor+"-error")
	}
	return strings.Join(ids, " ")
}

// choiceView is an option to pick.
type choiceView struct {
	Type      string // radio or checkbox
	Name      string
	Value     string
	Text      string
	Lang      survey.Language
	Chosen    bool
	Exclusive bool
	Focus     bool
}

// rowView is one row of a rating or a matrix, or a scale without rows.
type rowView struct {
	Anchor string
	Text   string
	Lang   survey.Language
	Error  string
	Width  int // how many points stand in a line
	Points []pointView
	Pills  bool // points are words
	Low    string
	High   string
	// Unknown is "cannot say" of a scale without rows, in full. In a table of rows it is a point that the line
	// above the rows explains.
	Unknown *pointView
	Focus   bool
}

// pointView is a point of a scale, or a column of a matrix.
type pointView struct {
	Name    string
	Value   string
	Text    string
	Meaning string // for those who do not see the ends of the scale
	Chosen  bool
	Apart   bool // not a point of the scale: "cannot say"
	Focus   bool
}

// placeView is one option of a ranking.
type placeView struct {
	Anchor string
	Item   string
	Name   string
	Text   string
	Place  string // as given
	Places []string
	Up     string // labels of its buttons
	Down   string
	Lang   survey.Language
	Focus  bool
}

// unknownSign stands for "cannot say" in a table of rows, where the words would not fit a thumb's width.
const unknownSign = "?"

// pieces are the choices of one version in one language, as HTML. Their number is bounded: it is that of the
// options and points of the questionnaire.
type pieces struct {
	mu   sync.RWMutex
	made map[pieceKey]template.HTML
}

// pieceKey names a choice and how it is chosen: for an option 1 if it is, for a row the point chosen, from 1 on.
type pieceKey struct{ item, option, chosen int }

// menuPiece stands in a pieceKey for the menu of languages, which belongs to no item.
const menuPiece = -1

// in returns the pieces of a language.
func (q *questionnaire) in(lang survey.Language) *pieces {
	q.mu.Lock()
	defer q.mu.Unlock()
	p, ok := q.pieces[lang]
	if !ok {
		p = &pieces{made: make(map[pieceKey]template.HTML)}
		q.pieces[lang] = p
	}
	return p
}

// builder makes the questions of one page for one respondent.
type builder struct {
	pages  *respondentPages
	v      *visit
	frame  *frame
	sheet  sheet
	pieces *pieces
	focus  string // the key of the only wrong answer
}

func (r *respondentPages) builder(v *visit, f *frame, filled sheet) *builder {
	b := &builder{pages: r, v: v, frame: f, sheet: filled, pieces: v.q.in(v.lang)}
	if len(filled.problems) == 1 {
		b.focus = filled.problems[0].Key
	}
	return b
}

// say returns words in the respondent's language, with her answers put in.
func (b *builder) say(words survey.Words) string {
	return b.v.q.Pipe(words.In(b.v.lang), b.v.lang, b.sheet.answers.Values())
}

// foreign returns the language of words that are not in the page's.
func (b *builder) foreign(words survey.Words) survey.Language {
	if read := readIn(words, b.v.lang); read != b.v.lang && len(words) > 0 && !sameLanguage(read, b.v.lang) {
		return read
	}
	return ""
}

// problem returns what is wrong with an answer, in the respondent's language.
func (b *builder) problem(key string) string {
	for i := range b.sheet.problems {
		if b.sheet.problems[i].Key == key {
			return b.sheet.problems[i].Text
		}
	}
	return ""
}

// nameOf returns what a respondent knows an answer as: the row, or the question.
func (b *builder) nameOf(m *survey.Message) string {
	item, ok := b.v.q.Item(m.Item)
	if !ok {
		return ""
	}
	_, code, _ := strings.Cut(m.Key, ".")
	for i := range item.Rows {
		if string(item.Rows[i].Code) == code {
			return b.say(item.Rows[i].Text)
		}
	}
	return b.say(item.Text)
}

func (b *builder) chosen(key, value string) bool { return slices.Contains(b.sheet.given[key], value) }

// piece returns a part of a page, made by a template. It is remembered if it is the same for all.
func (b *builder) piece(key pieceKey, common bool, name string, view func() any) (template.HTML, error) {
	if !common {
		return b.pages.render(name, view())
	}
	return b.pages.piece(b.pieces, key, name, view)
}

// piece returns a part of a page that is the same for all, and makes it the first time.
func (r *respondentPages) piece(from *pieces, key pieceKey, name string, view func() any) (template.HTML, error) {
	from.mu.RLock()
	made, ok := from.made[key]
	from.mu.RUnlock()
	if ok {
		return made, nil
	}
	made, err := r.render(name, view())
	if err == nil {
		from.mu.Lock()
		from.made[key] = made
		from.mu.Unlock()
	}
	return made, err
}

func (r *respondentPages) render(name string, view any) (template.HTML, error) {
	buffer := r.pages.buffer()
	defer r.pages.buffers.Put(buffer)
	if err := r.pages.write(buffer, "respond", name, view); err != nil {
		return "", err
	}
	return template.HTML(buffer.String()), nil //nolint:gosec // a template has escaped it
}

// item makes one question.
func (b *builder) item(at int) (template.HTML, error) {
	item := &b.v.q.Items[at]
	view := itemView{
		Code: string(item.Code), Anchor: anchorOf(string(item.Code)), Kind: item.Kind, Lang: b.foreign(item.Text),
		Text: b.say(item.Text), Hint: b.say(item.Hint), Error: b.problem(string(item.Code)),
		Focus: b.focus == string(item.Code),
	}
	if item.Required {
		view.Required = b.frame.Say("required")
	}
	var err error
	name := "cards"
	switch item.Kind {
	case survey.Single, survey.Multi:
		view.Choices, err = b.options(at, item, &view)
	case survey.Rank:
		name = "rank"
		view.Tap = b.frame.Say("tap")
		view.Placed, view.Unplaced = b.frame.Say("placed"), b.frame.Say("unplaced")
		view.Choices, err = b.places(item)
	case survey.Rating, survey.NPS:
		name = "rating"
		if len(item.Rows) == 0 && len(item.Scale.Labels) > 0 {
			name = "cards"
			view.Choices, err = b.labelledPoints(at, item, &view)
			break
		}
		if len(item.Rows) > 0 {
			view.Ends = b.ends(item.Scale)
		}
		view.Choices, err = b.rows(at, item, &view)
	case survey.Matrix:
		name = "rating"
		view.Choices, err = b.rows(at, item, &view)
	case survey.Number:
		name = "number"
		view.Between = b.between(item.Range)
		view.Value = strings.Join(b.sheet.given[view.Code], " ")
	case survey.Text:
		name = "text"
		view.Value = strings.Join(b.sheet.given[view.Code], "\n")
	}
	if err != nil {
		return "", err
	}
	return b.pages.render(name, &view)
}

// options makes the options of a single or multi item.
func (b *builder) options(at int, item *survey.Item, view *itemView) ([]template.HTML, error) {
	kind := "radio"
	if item.Kind == survey.Multi {
		kind = "checkbox"
		if item.Max < len(item.Options) {
			view.Limit = item.Max
			view.Full = b.pages.phrases.SayCount(b.v.lang, "full_hand", item.Max, nil)
		}
	}
	var made []template.HTML
	for i, option := range item.ShownOrder(b.v.response.Seed) {
		o := &item.Options[option]
		chosen := b.chosen(view.Code, string(o.Code))
		focus := view.Focus && i == 0
		choice, err := b.piece(pieceKey{at, option, one(chosen)}, !focus && !piped(o.Text, b.v.lang), "choice", func() any {
			return choiceView{
				Type: kind, Name: view.Code, Value: string(o.Code), Text: b.say(o.Text), Lang: b.foreign(o.Text),
				Chosen: chosen, Exclusive: o.Exclusive, Focus: focus,
			}
		})
		if err != nil {
			return nil, err
		}
		made = append(made, choice)
	}
	return made, nil
}

// labelledPoints makes a scale whose points have words as options, best read one below the other.
func (b *builder) labelledPoints(at int, item *survey.Item, view *itemView) ([]template.HTML, error) {
	var made []template.HTML
	scale := item.Scale
	for point := scale.Min; point <= scale.Max+one(scale.CannotSay); point++ {
		value, text := number(point), number(point)
		if label := scale.Labels[point].In(b.v.lang); label != "" {
			text = number(point) + " – " + label
		}
		if point > scale.Max {
			value, text = survey.CannotSayWord, b.frame.Say("cannot_say")
		}
		chosen := b.chosen(view.Code, value)
		focus := view.Focus && point == scale.Min
		choice, err := b.piece(pieceKey{at, point, one(chosen)}, !focus, "choice", func() any {
			return choiceView{Type: "radio", Name: view.Code, Value: value, Text: text, Chosen: chosen, Exclusive: point > scale.Max, Focus: focus}
		})
		if err != nil {
			return nil, err
		}
		made = append(made, choice)
	}
	return made, nil
}

// rows makes the rows of a rating or matrix, or the one scale of an item without rows.
func (b *builder) rows(at int, item *survey.Item, view *itemView) ([]template.HTML, error) {
	if len(item.Rows) == 0 {
		row, err := b.row(at, -1, item, view.Code, view.Focus)
		return []template.HTML{row}, err
	}
	var made []template.HTML
	for i, position := range item.ShownOrder(b.v.response.Seed) {
		key := view.Code + "." + string(item.Rows[position].Code)
		row, err := b.row(at, position, item, key, b.focus == key || view.Focus && i == 0)
		if err != nil {
			return nil, err
		}
		made = append(made, row)
	}
	return made, nil
}

func (b *builder) row(at, position int, item *survey.Item, key string, focus bool) (template.HTML, error) {
	view := rowView{Focus: focus}
	common := !focus
	if position >= 0 {
		row := &item.Rows[position]
		view.Anchor, view.Text, view.Lang, view.Error = anchorOf(key), b.say(row.Text), b.foreign(row.Text), b.problem(key)
		common = common && view.Error == "" && !piped(row.Text, b.v.lang)
	}
	chosen := 0
	values := b.pointValues(item)
	for i, value := range values {
		if b.chosen(key, value) {
			chosen = i + 1
		}
	}
	return b.piece(pieceKey{at, position, chosen}, common, "row", func() any {
		b.fillRow(&view, item, key, values, chosen, position < 0)
		return &view
	})
}

// pointValues returns what can be chosen in a row.
func (b *builder) pointValues(item *survey.Item) []string {
	var values []string
	if item.Kind == survey.Matrix {
		for i := range item.Options {
			values = append(values, string(item.Options[i].Code))
		}
		return values
	}
	for point := item.Scale.Min; point <= item.Scale.Max; point++ {
		values = append(values, number(point))
	}
	if item.Scale.CannotSay {
		values = append(values, survey.CannotSayWord)
	}
	return values
}

func (b *builder) fillRow(view *rowView, item *survey.Item, key string, values []string, chosen int, alone bool) {
	view.Pills = item.Kind == survey.Matrix
	for i, value := range values {
		point := pointView{Name: key, Value: value, Text: value, Chosen: chosen == i+1, Focus: view.Focus && i == 0}
		switch {
		case view.Pills:
			point.Text = b.say(item.Options[i].Text)
		case value == survey.CannotSayWord && alone:
			point.Text = b.frame.Say("cannot_say")
			view.Unknown = &point
			continue
		case value == survey.CannotSayWord:
			point.Text, point.Meaning, point.Apart = unknownSign, b.frame.Say("cannot_say"), true
		default:
			point.Meaning = b.meaning(item.Scale, item.Scale.Min+i)
		}
		view.Points = append(view.Points, point)
	}
	if view.Pills {
		return
	}
	view.Width = item.Scale.Max - item.Scale.Min + 1
	if alone {
		view.Low, view.High = item.Scale.Low.In(b.v.lang), item.Scale.High.In(b.v.lang)
	}
}

// meaning returns what a point of a scale stands for, if that is said.
func (b *builder) meaning(scale *survey.Scale, point int) string {
	if label := scale.Labels[point].In(b.v.lang); label != "" {
		return label
	}
	switch point {
	case scale.Min:
		return scale.Low.In(b.v.lang)
	case scale.Max:
		return scale.High.In(b.v.lang)
	}
	return ""
}

// ends says what the points of a scale mean, for those that have words.
func (b *builder) ends(scale *survey.Scale) []string {
	var ends []string
	for point := scale.Min; point <= scale.Max; point++ {
		if meaning := b.meaning(scale, point); meaning != "" {
			ends = append(ends, number(point)+" = "+meaning)
		}
	}
	if scale.CannotSay {
		ends = append(ends, unknownSign+" = "+b.frame.Say("cannot_say"))
	}
	return ends
}

// places makes the options of a ranking: those that have a place first, in order, the others as they are shown.
func (b *builder) places(item *survey.Item) ([]template.HTML, error) {
	options := b.toRank(item)
	order := givenOrder(item, b.sheet.given)
	given := make(map[survey.OptionCode]string)
	for i := range item.Options {
		code := item.Options[i].Code
		given[code] = strings.Join(b.sheet.given[string(item.Code)+"."+string(code)], " ")
		if at := slices.Index(order, string(code)); at >= 0 && given[code] == "" {
			given[code] = number(at + 1)
		}
	}
	slices.SortStableFunc(options, func(one, other *survey.Option) int {
		return cmp.Compare(placeOf(given[one.Code]), placeOf(given[other.Code]))
	})
	var places []string
	for i := range min(len(options), item.Max) {
		places = append(places, number(i+1))
	}
	var made []template.HTML
	for i, o := range options {
		text := b.say(o.Text)
		view := placeView{
			Anchor: anchorOf(string(item.Code) + "." + string(o.Code)), Item: string(item.Code), Name: string(item.Code) + "." + string(o.Code),
			Text: text, Place: given[o.Code], Places: places, Lang: b.foreign(o.Text), Focus: b.focus == string(item.Code) && i == 0,
			Up:   b.pages.phrases.Say(b.v.lang, "move_up", survey.Args{"Option": text}),
			Down: b.pages.phrases.Say(b.v.lang, "move_down", survey.Args{"Option": text}),
		}
		place, err := b.pages.render("place", &view)
		if err != nil {
			return nil, err
		}
		made = append(made, place)
	}
	return made, nil
}

// toRank returns the options that a respondent ranks, in the order in which she picked from them.
func (b *builder) toRank(item *survey.Item) []*survey.Option {
	shown := item
	if source, ok := b.v.q.Item(item.Of); ok && !item.Random {
		shown = source
	}
	var options []*survey.Option
	for _, at := range shown.ShownOrder(b.v.response.Seed) {
		i, ok := item.Option(shown.Options[at].Code)
		if !ok {
			continue
		}
		if item.Of != "" {
			picks, _ := b.sheet.answers.Value(string(item.Of))
			source, _ := b.v.q.Item(item.Of)
			position, known := source.Option(item.Options[i].Code)
			_, sent := b.sheet.given[string(item.Code)+"."+string(item.Options[i].Code)]
			if !sent && (!known || picks.Bits&(1<<position) == 0) || !item.Options[i].Ranked() {
				continue
			}
		}
		options = append(options, &item.Options[i])
	}
	return options
}

// picked says how many options are picked, where a page has one list with a limit.
func (b *builder) picked(shown []string) *picked {
	var found *picked
	for _, code := range shown {
		item, ok := b.v.q.Item(survey.ItemCode(code))
		if !ok || item.Kind != survey.Multi || item.Max >= len(item.Options) {
			continue
		}
		if found != nil {
			return nil
		}
		say := func(n string) string {
			return b.pages.phrases.Say(b.v.lang, "picked", survey.Args{"Given": n, "Limit": item.Max})
		}
		found = &picked{For: anchorOf(code), Text: say(number(len(b.sheet.given[code]))), Pattern: say("{n}")}
	}
	return found
}

// between says which numbers are accepted.
func (b *builder) between(r survey.Range) string {
	write := func(x float64) string { return b.v.lang.Decimal(x, decimalsOf(x)) }
	switch {
	case math.IsInf(r.Low, -1) || math.IsInf(r.High, 1):
		return ""
	default:
		return b.pages.phrases.Say(b.v.lang, "between", survey.Args{"Low": write(r.Low), "High": write(r.High)})
	}
}

// decimalsOf returns how many decimals a number needs.
func decimalsOf(x float64) int {
	_, decimals, _ := strings.Cut(strconv.FormatFloat(x, 'f', -1, 64), ".")
	return len(decimals)
}

// givenOrder returns the options of a ranking that have a place, best first, however a form says so. What is
// no place is left out: it is told of elsewhere.
func givenOrder(item *survey.Item, given map[string][]string) []string {
	var order []string
	for _, code := range given[string(item.Code)] {
		if _, ok := item.Option(survey.OptionCode(code)); ok && !slices.Contains(order, code) {
			order = append(order, code)
		}
	}
	if len(order) > 0 {
		return order
	}
	places := make(map[string]int)
	for i := range item.Options {
		code := string(item.Options[i].Code)
		place := placeOf(strings.Join(given[string(item.Code)+"."+code], " "))
		if place < math.MaxInt {
			places[code] = place
			order = append(order, code)
		}
	}
	slices.SortStableFunc(order, func(one, other string) int { return cmp.Compare(places[one], places[other]) })
	return order
}

// placeOf reads a place; what is none stands last.
func placeOf(given string) int {
	place, err := strconv.Atoi(strings.TrimSpace(given))
	if err != nil || place < 1 {
		return math.MaxInt
	}
	return place
}

// moved returns an order in which an option stands one place higher (-1) or lower (1). One without a place
// gets the next.
func moved(order []string, option string, by int) []string {
	at := slices.Index(order, option)
	if at < 0 {
		return append(order, option)
	}
	if to := at + by; to >= 0 && to < len(order) {
		order[at], order[to] = order[to], order[at]
	}
	return order
}

// piped reports whether words hold an answer of the respondent's.
func piped(words survey.Words, lang survey.Language) bool {
	return strings.Contains(words.In(lang), "{{")
}

func one(yes bool) int {
	if yes {
		return 1
	}
	return 0
}
