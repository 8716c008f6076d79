package web

import (
	"cmp"
	"html/template"
	"maps"
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
	Choices  template.HTML // a hole
	Limit    int           // the most options to pick, where there are more; 0 otherwise
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

// mouldsKept is how many parts of pages are kept of one version in one language. A questionnaire has a few for every
// option; rankings of many options could have more.
const mouldsKept = 5000

// pieces are what the pages of one version in one language are made of, as far as it is the same for many people.
type pieces struct {
	mu     sync.RWMutex
	made   map[pieceKey]mould
	around map[aroundKey]mould
}

// pieceKey names a choice and how it is chosen: for an option 1 if it is, for a row the point chosen, from 1 on.
type pieceKey struct{ item, option, chosen int }

// What a pieceKey names beside options and rows.
const (
	menuPiece     = -1 // as the item: the menu of languages
	aroundChoices = -2 // as the option: the question with a hole for its choices
	untouched     = -3 // the whole question as it is seen at first
)

// aroundKey names what stands around the questions of a page, by what two respondents' pages differ in.
type aroundKey struct {
	page      int
	style     string
	simulated bool
	kiosk     kioskFrame
	shown     string // items, of which the first one is the title
	picked    int
	next      string
}

// in returns the pieces of a language.
func (q *questionnaire) in(lang survey.Language) *pieces {
	q.mu.Lock()
	defer q.mu.Unlock()
	p, ok := q.pieces[lang]
	if !ok {
		p = &pieces{made: make(map[pieceKey]mould), around: make(map[aroundKey]mould)}
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
	focus  string  // the key of the only wrong answer
	made   []piece // of the page, first of all what stands above the questions
}

func (r *respondentPages) builder(v *visit, f *frame, filled sheet) *builder {
	b := &builder{pages: r, v: v, frame: f, sheet: filled, pieces: v.q.in(v.lang), made: make([]piece, 1, 32)}
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

// add adds a part to the page, made by a template. It is remembered if it is the same for all.
func (b *builder) add(key pieceKey, common bool, name string, view func() any) error {
	m, err := b.mould(key, common, name, view)
	b.made = append(b.made, m...)
	return err
}

// mould has a template make what stands around its holes.
func (b *builder) mould(key pieceKey, common bool, name string, view func() any) (mould, error) {
	if !common {
		return b.pages.pages.cast(name, view())
	}
	return kept(b.pieces, b.pieces.made, key, func() (mould, error) { return b.pages.pages.cast(name, view()) })
}

// kept returns the mould that is kept under a key, and has it made the first time.
func kept[K comparable](from *pieces, moulds map[K]mould, key K, cast func() (mould, error)) (mould, error) {
	from.mu.RLock()
	m, ok := moulds[key]
	from.mu.RUnlock()
	if ok {
		return m, nil
	}
	m, err := cast()
	if err == nil {
		err = m.prepack()
	}
	if err != nil {
		return nil, err
	}
	from.mu.Lock()
	defer from.mu.Unlock()
	if len(moulds) >= mouldsKept {
		clear(moulds)
	}
	moulds[key] = m
	return m, nil
}

// item adds one question to the page.
func (b *builder) item(at int) error {
	if !b.v.q.steady[at] || b.touched(&b.v.q.Items[at]) {
		return b.question(at)
	}
	m, err := kept(b.pieces, b.pieces.made, pieceKey{at, untouched, 0}, func() (mould, error) {
		whole := *b
		whole.made = nil
		err := whole.question(at)
		return mould{{html: []byte(mould(whole.made).html())}}, err
	})
	b.made = append(b.made, m...)
	return err
}

// steady reports for each item whether all who answered nothing yet see it the same.
func steady(items []survey.Item) []bool {
	all := make([]bool, len(items))
	for i := range items {
		item := &items[i]
		texts := []survey.Words{item.Text, item.Hint}
		for _, option := range slices.Concat(item.Options, item.Rows) {
			texts = append(texts, option.Text)
		}
		all[i] = !item.Random && item.Of == "" && !slices.ContainsFunc(texts, func(words survey.Words) bool {
			for text := range maps.Values(words) {
				if strings.Contains(text, "{{") {
					return true
				}
			}
			return false
		})
	}
	return all
}

// touched reports whether a question has an answer, or something is wrong on its page.
func (b *builder) touched(item *survey.Item) bool {
	if len(b.sheet.problems) > 0 {
		return true
	}
	for key := range b.sheet.given {
		if code, _, _ := strings.Cut(key, "."); code == string(item.Code) {
			return true
		}
	}
	return false
}

// question adds one question with its choices.
func (b *builder) question(at int) error {
	item := &b.v.q.Items[at]
	code := string(item.Code)
	focus := b.focus == code
	common := !focus && b.problem(code) == "" && !piped(item.Text, b.v.lang) && !piped(item.Hint, b.v.lang)
	var name string
	switch item.Kind {
	case survey.Single, survey.Multi:
		name = "cards"
	case survey.Rank:
		name = "rank"
	case survey.Rating, survey.NPS:
		name = "rating"
		if labelled(item) {
			name = "cards"
		}
	case survey.Matrix:
		name = "rating"
	case survey.Number, survey.Text:
		name = string(item.Kind)
		common = common && len(b.sheet.given[code]) == 0
	}
	around, err := b.mould(pieceKey{at, aroundChoices, 0}, common, name, func() any { return b.view(item, focus) })
	if err != nil {
		return err
	}
	b.made = append(b.made, around[0])
	if len(around) == 1 {
		return nil
	}
	switch {
	case name == "rank":
		err = b.places(at, item)
	case name == "rating":
		err = b.rows(at, item, focus)
	case item.Scale != nil:
		err = b.labelledPoints(at, item, focus)
	default:
		err = b.options(at, item, focus)
	}
	b.made = append(b.made, around[1])
	return err
}

// labelled reports whether the points of a scale have words, and are best read one below the other.
func labelled(item *survey.Item) bool { return len(item.Rows) == 0 && len(item.Scale.Labels) > 0 }

// view returns what a question is made of, with a hole for its choices.
func (b *builder) view(item *survey.Item, focus bool) *itemView {
	view := &itemView{
		Code: string(item.Code), Anchor: anchorOf(string(item.Code)), Kind: item.Kind, Lang: b.foreign(item.Text),
		Text: b.say(item.Text), Hint: b.say(item.Hint), Error: b.problem(string(item.Code)), Focus: focus, Choices: hole,
	}
	if item.Required {
		view.Required = b.frame.Say("required")
	}
	switch item.Kind {
	case survey.Multi:
		if item.Max < len(item.Options) {
			view.Limit = item.Max
			view.Full = b.pages.phrases.SayCount(b.v.lang, "full_hand", item.Max, nil)
		}
	case survey.Rank:
		view.Tap = b.frame.Say("tap")
		view.Placed, view.Unplaced = b.frame.Say("placed"), b.frame.Say("unplaced")
	case survey.Rating, survey.NPS:
		if len(item.Rows) > 0 {
			view.Ends = b.ends(item.Scale)
		}
	case survey.Number:
		view.Between = b.between(item.Range)
		view.Value = strings.Join(b.sheet.given[view.Code], " ")
	case survey.Text:
		view.Value = strings.Join(b.sheet.given[view.Code], "\n")
	case survey.Single, survey.Matrix:
	}
	return view
}

// options adds the options of a single or multi item.
func (b *builder) options(at int, item *survey.Item, focus bool) error {
	kind := "radio"
	if item.Kind == survey.Multi {
		kind = "checkbox"
	}
	for i, option := range item.ShownOrder(b.v.response.Seed) {
		o := &item.Options[option]
		chosen := b.chosen(string(item.Code), string(o.Code))
		focus := focus && i == 0
		err := b.add(pieceKey{at, option, one(chosen)}, !focus && !piped(o.Text, b.v.lang), "choice", func() any {
			return choiceView{
				Type: kind, Name: string(item.Code), Value: string(o.Code), Text: b.say(o.Text), Lang: b.foreign(o.Text),
				Chosen: chosen, Exclusive: o.Exclusive, Focus: focus,
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// labelledPoints adds the points of a scale as options.
func (b *builder) labelledPoints(at int, item *survey.Item, focus bool) error {
	scale := item.Scale
	for point := scale.Min; point <= scale.Max+one(scale.CannotSay); point++ {
		value, text := number(point), number(point)
		if label := scale.Labels[point].In(b.v.lang); label != "" {
			text = number(point) + " – " + label
		}
		if point > scale.Max {
			value, text = survey.CannotSayWord, b.frame.Say("cannot_say")
		}
		chosen := b.chosen(string(item.Code), value)
		focus := focus && point == scale.Min
		err := b.add(pieceKey{at, point, one(chosen)}, !focus, "choice", func() any {
			return choiceView{
				Type: "radio", Name: string(item.Code), Value: value, Text: text, Chosen: chosen, Exclusive: point > scale.Max, Focus: focus,
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// rows adds the rows of a rating or matrix, or the one scale of an item without rows.
func (b *builder) rows(at int, item *survey.Item, focus bool) error {
	if len(item.Rows) == 0 {
		return b.row(at, -1, item, string(item.Code), focus)
	}
	for i, position := range item.ShownOrder(b.v.response.Seed) {
		key := string(item.Code) + "." + string(item.Rows[position].Code)
		if err := b.row(at, position, item, key, b.focus == key || focus && i == 0); err != nil {
			return err
		}
	}
	return nil
}

func (b *builder) row(at, position int, item *survey.Item, key string, focus bool) error {
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
	return b.add(pieceKey{at, position, chosen}, common, "row", func() any {
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

// places adds the options of a ranking: those that have a place first, in order, the others as they are shown.
func (b *builder) places(at int, item *survey.Item) error {
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
	most := min(len(options), item.Max)
	for i, o := range options {
		position, _ := item.Option(o.Code)
		focus := b.focus == string(item.Code) && i == 0
		place, common := 0, !focus && !piped(o.Text, b.v.lang)
		if given[o.Code] != "" {
			place = placeOf(given[o.Code])
			common = common && place <= most
		}
		// The list of places is as long as there are options to rank.
		err := b.add(pieceKey{at, position, most*(survey.MaxOptions+1) + place}, common, "place", func() any {
			name, text := string(item.Code)+"."+string(o.Code), b.say(o.Text)
			return placeView{
				Anchor: anchorOf(name), Item: string(item.Code), Name: name, Text: text, Place: given[o.Code], Places: numbers(most),
				Lang: b.foreign(o.Text), Focus: focus,
				Up:   b.pages.phrases.Say(b.v.lang, "move_up", survey.Args{"Option": text}),
				Down: b.pages.phrases.Say(b.v.lang, "move_down", survey.Args{"Option": text}),
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// numbers returns the numbers from 1 to n.
func numbers(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = number(i + 1)
	}
	return all
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

// limited returns the one list of a page that has a limit to how many options are picked, or nil.
func (b *builder) limited(shown []string) *survey.Item {
	var found *survey.Item
	for _, code := range shown {
		item, ok := b.v.q.Item(survey.ItemCode(code))
		if !ok || item.Kind != survey.Multi || item.Max >= len(item.Options) {
			continue
		}
		if found != nil {
			return nil
		}
		found = item
	}
	return found
}

// picked says how many options are picked of a list with a limit.
func (b *builder) picked(item *survey.Item) *picked {
	if item == nil {
		return nil
	}
	code := string(item.Code)
	say := func(n string) string {
		return b.pages.phrases.Say(b.v.lang, "picked", survey.Args{"Given": n, "Limit": item.Max})
	}
	return &picked{For: anchorOf(code), Text: say(number(len(b.sheet.given[code]))), Pattern: say("{n}")}
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
	if given == "" {
		return math.MaxInt
	}
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
