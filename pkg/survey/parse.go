package survey

import (
	"errors"
	"io/fs"
	"math"
	"path"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/text/language"
)

// FrameSource hands out the source of a code frame. Its error wraps [fs.ErrNotExist] if there is no frame
// of that code.
type FrameSource func(code string) ([]byte, error)

// Parse reads a questionnaire from YAML. name is the file's name, for messages; frames resolves the code
// frames that the questionnaire refers to, and may be nil if it refers to none.
//
// Every mistake of the file is found at once: the error is [Diagnostics]. Texts that a declared language
// lacks are no mistakes; [Questionnaire.Completeness] counts them. A mistake in a code frame is reported in
// the file frames/CODE.yaml of the questionnaire's own folder.
func Parse(src []byte, name string, frames FrameSource) (*Questionnaire, error) {
	d := readYAML(src, name)
	d.check(d.root, questionnaireShape())
	b := builder{
		document: d, frames: frames, q: new(Questionnaire),
		items: make(map[ItemCode]int), loaded: make(map[string]*Frame),
	}
	if d.root.usable() {
		b.build(d.root)
	}
	if len(d.mistakes) > 0 {
		return nil, d.mistakes.Sort()
	}
	return b.q, nil
}

// builder makes a questionnaire of checked nodes. It goes on after mistakes, so that all are found.
type builder struct {
	*document
	frames FrameSource
	loaded map[string]*Frame // nil for a frame that cannot be used
	q      *Questionnaire
	items  map[ItemCode]int
	texts  []pipedText
	shown  []shownIf
}

// shownIf is a condition that waits until all items are known.
type shownIf struct {
	item int
	at   *node
}

func (b *builder) build(root *node) {
	b.q.Code = root.field("code").words()
	b.q.Version = root.field("version").whole(1)
	b.q.Audience = Audience(root.field("audience").words())
	if b.q.Audience == "" {
		b.q.Audience = Everyone
	}
	b.q.Languages = b.languages(root.field("languages"))
	b.q.Title = b.pipedWords(root.field("title"), 0)
	b.checkLabel(root.field("title"))
	b.q.Intro = b.pipedWords(root.field("intro"), 0)
	page := 1
	for i, at := range root.field("items").elements() {
		if at.field("new_page").isTrue() && i > 0 {
			page++
		}
		b.q.Items = append(b.q.Items, b.item(at, i))
		b.q.Items[i].Page = page
	}
	b.q.index()
	b.checkPiping()
	for _, s := range b.shown {
		b.q.Items[s.item].ShowIf = b.condition(s.at, s.item)
	}
}

// index makes the columns of a questionnaire whose items are complete.
func (q *Questionnaire) index() {
	q.byKey = make(map[string]int)
	for i := range q.Items {
		item := &q.Items[i]
		options := item.Options
		if item.Kind == Rating {
			options = nil
		}
		if len(item.Rows) == 0 {
			q.columns = append(q.columns, Column{Key: string(item.Code), Item: item, Options: options})
		}
		for _, row := range item.Rows {
			key := string(item.Code) + "." + string(row.Code)
			q.columns = append(q.columns, Column{Key: key, Item: item, Row: row.Code, Options: options})
		}
	}
	for i := range q.columns {
		q.byKey[q.columns[i].Key] = i
	}
	q.indexRules()
}

func (b *builder) item(at *node, index int) Item {
	item := Item{
		Code:       b.itemCode(at.field("code"), index),
		Kind:       Kind(at.field("kind").words()),
		Text:       b.pipedWords(at.field("text"), index),
		Hint:       b.pipedWords(at.field("hint"), index),
		Background: at.field("background").isTrue(),
		Required:   at.field("required").isTrue(),
		Random:     at.field("random").isTrue(),
		Frame:      at.field("frame").words(),
		Of:         ItemCode(at.field("of").words()),
	}
	switch item.Kind {
	case Single, Multi, Rank:
		item.Options = b.choices(at, &item, index)
		if item.Kind != Single {
			b.bounds(at, &item)
		}
	case Rating:
		item.Rows = b.rows(at, index)
		item.Scale = b.scale(at.field("scale"), Scale{Top: 1})
	case Matrix:
		item.Rows = b.rows(at, index)
		item.Options = b.options(at.field("options"), index)
		if at.usable() && at.field("rows") == nil && at.field("frame") == nil {
			b.report(at, "an item of kind matrix needs %q or %q", "rows", "frame")
		}
	case NPS:
		item.Scale = b.scale(at.field("scale"), Scale{Min: 0, Max: 10, Top: 2})
		if s := at.field("scale"); s.usable() && (item.Scale.Min != 0 || item.Scale.Max != 10 || item.Scale.Top != 2) {
			b.report(s, "the scale of nps is 0 to 10 with top 2; for another scale use kind: rating")
		}
	case Number:
		item.Range = b.numberRange(at)
	case Text:
		item.Length = at.field("length").whole(defaultLength)
	default: // no kind, or none there is: what can be judged without one still is
		item.Options = b.options(at.field("options"), index)
		item.Rows = b.options(at.field("rows"), index)
		b.frameOptions(at.field("frame"))
		b.scalePoints(at.field("scale"), &Scale{})
	}
	if condition := at.field("show_if"); condition.usable() {
		b.shown = append(b.shown, shownIf{item: index, at: condition})
	}
	if item.Code != "" {
		b.items[item.Code] = index
	}
	return item
}

const defaultLength = 2000

// reservedItems are the columns of files that are not items.
func reservedItems() []string { return []string{"respondent", "weight"} }

func (b *builder) itemCode(at *node, index int) ItemCode {
	code := at.words()
	if code == "" {
		return ""
	}
	if slices.Contains(reservedItems(), code) {
		b.report(at, "%q is a column of every file of answers; choose another code", code)
		return ""
	}
	if slices.Contains(conditionWords(), code) {
		b.report(at, "%q is a word of conditions; choose another code", code)
		return ""
	}
	for i := range b.q.Items[:index] {
		other := string(b.q.Items[i].Code)
		if other == code {
			b.report(at, "a second item of code %q (the first is items[%d])", code, i)
			return ""
		}
		if other != "" && conditionName(other) == conditionName(code) {
			b.report(at, "%q differs from items[%d] %q only in - and _, which conditions do not tell apart", code, i, other)
			return ""
		}
	}
	return ItemCode(code)
}

// choices returns the options of a single, multi or rank item, from whichever of its three sources it names.
func (b *builder) choices(at *node, item *Item, index int) []Option {
	own, frame, of := at.field("options"), at.field("frame"), at.field("of")
	sources := slices.DeleteFunc([]*node{own, frame, of}, func(n *node) bool { return n == nil })
	if len(sources) == 0 {
		misspelt := at != nil && slices.ContainsFunc(at.meant, func(key string) bool {
			return key == "options" || key == "frame" || key == "of"
		})
		if at.usable() && !misspelt {
			needs := `"options" or "frame"`
			if item.Kind == Rank {
				needs = `"of", "options" or "frame"`
			}
			b.report(at, "an item of kind %s needs %s", item.Kind, needs)
		}
		return nil
	}
	if len(sources) > 1 {
		b.report(sources[1], "the options come from one place: %s", "`options`, `frame` or `of`, not two of them")
	}
	switch sources[0] {
	case own:
		return b.options(own, index)
	case frame:
		return b.frameOptions(frame)
	}
	return b.optionsOf(of)
}

func (b *builder) optionsOf(at *node) []Option {
	if !at.usable() {
		return nil
	}
	source, ok := b.items[ItemCode(at.words())]
	if !ok {
		b.report(at, "no earlier item %q%s", at.words(), didYouMean(at.words(), b.earlier(Multi)))
		return nil
	}
	if kind := b.q.Items[source].Kind; kind != Multi {
		if kind == "" {
			return nil // reported where it stands
		}
		b.report(at, "%q is of kind %s; what is put in order are the picks of a multi item", at.words(), kind)
		return nil
	}
	return slices.DeleteFunc(slices.Clone(b.q.Items[source].Options), func(o Option) bool { return !o.Ranked() })
}

// earlier returns the codes of the items built so far, of some kinds or of all.
func (b *builder) earlier(kinds ...Kind) []string {
	var codes []string
	for i := range b.q.Items {
		if len(kinds) == 0 || slices.Contains(kinds, b.q.Items[i].Kind) {
			codes = append(codes, string(b.q.Items[i].Code))
		}
	}
	return codes
}

func (b *builder) rows(at *node, index int) []Option {
	own, frame := at.field("rows"), at.field("frame")
	switch {
	case own != nil && frame != nil:
		b.report(frame, "the rows come from `rows` or from `frame`, not from both")
		return nil
	case frame != nil:
		// What excludes the others, or stands for an own answer, is a way to answer a choice and not a
		// thing to be rated.
		return slices.DeleteFunc(b.frameOptions(frame), func(o Option) bool { return !o.Ranked() })
	case own != nil:
		return b.options(own, index)
	}
	return nil
}

func (b *builder) options(at *node, index int) []Option {
	seen := make(map[OptionCode]*node)
	var options []Option
	for _, element := range at.elements() {
		o := Option{
			Code:      OptionCode(element.field("code").words()),
			Text:      b.pipedWords(element.field("text"), index),
			Exclusive: element.field("exclusive").isTrue(),
			Other:     element.field("other").isTrue(),
		}
		b.checkOther(element)
		b.checkLabel(element.field("text"))
		if code := element.field("code"); code.usable() {
			b.checkOptionCode(code, o, seen)
		}
		options = append(options, o)
	}
	return options
}

// checkOptionCode reports a code that is reserved or given twice.
func (d *document) checkOptionCode(at *node, o Option, seen map[OptionCode]*node) {
	switch {
	case o.Code == CannotSayWord:
		d.report(at, "%q is reserved; a scale offers it by cannot_say: true", o.Code)
	case o.Code == NoneWord && !o.Exclusive:
		d.report(at, "%q means that nothing is picked; an option of this code must have exclusive: true", o.Code)
	case seen[o.Code] != nil:
		d.report(at, "the code %q is used a second time (first in line %d)", o.Code, seen[o.Code].line)
	default:
		seen[o.Code] = at
	}
}

// checkOther reports an option that is an own answer and excludes all others.
func (d *document) checkOther(option *node) {
	if other := option.field("other"); other.isTrue() && option.field("exclusive").isTrue() {
		d.report(other, "an own answer goes with other answers: an option is exclusive or other, not both")
	}
}

// bounds sets how many options of a multi or rank item may be given. Without a word of the file it is one
// at least (a partial order is an answer), and all at most; a greater max means all, too.
func (b *builder) bounds(at *node, item *Item) {
	free, ranked := 0, 0
	for _, o := range item.Options {
		if !o.Exclusive {
			free++
		}
		if o.Ranked() {
			ranked++
		}
	}
	if source, ok := b.items[item.Of]; ok && item.Of != "" && len(item.Options) > 0 {
		free = min(free, b.q.Items[source].Max) // what is not picked cannot be ranked
	}
	item.Min, item.Max = 1, max(1, free)
	low, high := at.field("min"), at.field("max")
	if low.usable() {
		item.Min = b.count(low, item.Min)
	}
	if high.usable() {
		item.Max = b.count(high, item.Max)
	}
	if len(item.Options) == 0 {
		return // reported already
	}
	said := high.usable() && item.Max < free
	item.Max = min(item.Max, max(1, free))
	switch {
	case item.Min > item.Max && said:
		b.report(low, "min is %d, more than max, which is %d", item.Min, item.Max)
	case item.Min > item.Max:
		b.report(low, "min is %d, more than the number of options that can be given together, which is %d", item.Min, free)
	}
	if source, ok := b.items[item.Of]; ok && low.usable() {
		if source := b.q.Items[source]; item.Min > max(1, source.Min) {
			b.report(low, "min is %d, but a respondent need pick only %d in %q", item.Min, source.Min, item.Of)
		}
	}
	if item.Kind == Rank && item.Of == "" && ranked < 2 {
		b.report(at.field("options").or(at.field("frame")), "a ranking needs at least two options")
	}
}

func (b *builder) count(at *node, otherwise int) int {
	n, err := strconv.Atoi(at.text)
	if err != nil || n < 1 {
		b.report(at, "expected how many options, a whole number of at least 1; found %s", at.found())
		return otherwise
	}
	return n
}

func (b *builder) numberRange(at *node) Range {
	r := Range{Low: math.Inf(-1), High: math.Inf(1), Decimals: at.field("decimals").whole(0)}
	low, high := at.field("min"), at.field("max")
	if low.usable() {
		r.Low = b.bound(low, r)
	}
	if high.usable() {
		r.High = b.bound(high, r)
	}
	if r.Low > r.High {
		b.report(low, "min is %s, more than max, which is %s", number(r.Low), number(r.High))
	}
	return r
}

func (b *builder) bound(at *node, r Range) float64 {
	x, err := strconv.ParseFloat(at.text, 64)
	switch {
	case err != nil || math.IsInf(x, 0) || math.IsNaN(x):
		b.report(at, "expected a number, found %s", at.found())
		return math.NaN()
	case decimals(x) > r.Decimals:
		b.report(at, "%s has more decimals than the answers (decimals: %d)", at.text, r.Decimals)
	}
	return x
}

// scale reads a scale; keys that are not there keep their defaults.
func (b *builder) scale(at *node, s Scale) *Scale {
	if !at.usable() {
		return &s
	}
	nps := s.Max > 0
	for _, key := range []string{"min", "max"} {
		if at.field(key) == nil && !nps {
			b.report(at, "a scale needs the key %q", key)
		}
	}
	b.scalePoints(at, &s)
	s.Low, s.High = b.label(at.field("low")), b.label(at.field("high"))
	s.CannotSay = at.field("cannot_say").isTrue()
	return &s
}

// scalePoints reads the points of a scale and their labels. Each is judged by whatever of the others is
// known: of min and max in the wrong order, the points between them all the same.
func (b *builder) scalePoints(at *node, s *Scale) {
	given := s.Max > 0 // nps: the file need not say the points
	lowest, highest, top := at.field("min"), at.field("max"), at.field("top")
	s.Min, s.Max, s.Top = lowest.whole(s.Min), highest.whole(s.Max), top.whole(s.Top)
	from, to := 0, maxPoint
	if given || lowest.usable() && highest.usable() {
		from, to = min(s.Min, s.Max), max(s.Min, s.Max)
		if s.Min >= s.Max {
			b.report(lowest.or(highest), "min is %d, but must be below max, which is %d", s.Min, s.Max)
		}
	} else if highest.usable() {
		to = s.Max
	} else if lowest.usable() {
		from = s.Min
	}
	if top.usable() && s.Top > max(1, to-from) {
		b.report(top, "top is %d, but the scale from %d to %d leaves no point below the top box", s.Top, from, to)
	}
	labels := at.field("labels")
	if !labels.usable() {
		return
	}
	s.Labels = make(map[int]Words, len(labels.fields))
	for _, f := range labels.fields {
		point, ok := smallNumber(f.key.text)
		if ok && (point < from || point > to) {
			b.report(f.key, "%d is not a point of the scale from %d to %d", point, from, to)
		}
		s.Labels[point] = b.label(f.value)
	}
}

// maxPoint is the highest point that any scale can have.
const maxPoint = 100

// or returns the node itself if it stands in the file, otherwise the other.
func (n *node) or(other *node) *node {
	if n != nil {
		return n
	}
	return other
}

// whole returns the whole number of a checked node, or otherwise what is meant when it is not there.
func (n *node) whole(otherwise int) int {
	if !n.usable() {
		return otherwise
	}
	number, err := strconv.Atoi(n.text)
	if err != nil {
		return otherwise
	}
	return number
}

func (d *document) languages(at *node) []Language {
	var languages []Language
	for _, element := range at.elements() {
		tag := Language(element.words())
		switch {
		case tag == "":
			continue
		case slices.Contains(languages, tag):
			d.report(element, "the language %s stands here twice", tag)
			continue
		}
		if _, err := language.Parse(string(tag)); err != nil {
			d.report(element, "%q is not a language known to BCP 47", tag)
		}
		languages = append(languages, tag)
	}
	if len(languages) == 0 {
		return []Language{English}
	}
	return languages
}

// words reads texts by language. A text in a language that the questionnaire does not declare is a mistake;
// one that is missing is not, as long as there is one at all.
func (b *builder) words(at *node) Words { return b.wordsIn(at, b.q.Languages) }

func (d *document) wordsIn(at *node, languages []Language) Words {
	if !at.usable() {
		return nil
	}
	if at.kind != mappingNode {
		d.checkCharacters(at)
		if len(languages) > 1 {
			d.report(at, "there are %d languages, so each text is given by language: {%s: ..., %s: ...}", len(languages), languages[0], languages[1])
		}
		return Words{languages[0]: strings.TrimSpace(at.text)}
	}
	read := make(Words, len(at.fields))
	before := len(d.mistakes)
	for _, f := range at.fields {
		if f.value.wrong {
			continue
		}
		d.checkCharacters(f.value)
		tag := Language(f.key.text)
		if !slices.Contains(languages, tag) {
			d.report(f.key, "the language %q is not among the languages of the file%s", tag, didYouMean(string(tag), namesOf(languages)))
			continue
		}
		if text := f.value.words(); text != "" {
			read[tag] = text
		}
	}
	reported := slices.ContainsFunc(at.fields, func(f nodeField) bool { return f.value.wrong })
	if len(read) == 0 && len(d.mistakes) == before && !reported {
		d.report(at, "there is no text in any language")
	}
	return read
}

// label is [builder.words] for what stands on one line.
func (b *builder) label(at *node) Words {
	b.checkLabel(at)
	return b.words(at)
}

// frameOptions returns the entries of a code frame in the voice of the questionnaire's audience.
func (b *builder) frameOptions(at *node) []Option {
	code := at.words()
	if code == "" {
		return nil
	}
	frame, ok := b.loaded[code]
	if !ok {
		frame = b.loadFrame(at, code)
		b.loaded[code] = frame
	}
	if frame == nil {
		return nil
	}
	options := make([]Option, len(frame.Options))
	for i := range frame.Options {
		entry := &frame.Options[i]
		text := make(Words, len(b.q.Languages))
		for _, lang := range b.q.Languages {
			if words, ok := entry.Voice(b.q.Audience).Exactly(lang); ok {
				text[lang] = words
			}
		}
		if len(text) == 0 { // none of the questionnaire's languages: what there is, rather than nothing
			text = entry.Voice(b.q.Audience)
		}
		options[i] = Option{Code: entry.Code, Text: text, Exclusive: entry.Exclusive, Other: entry.Other}
	}
	return options
}

func (b *builder) loadFrame(at *node, code string) *Frame {
	if b.frames == nil {
		b.report(at, "there are no code frames to take %q from", code)
		return nil
	}
	name := path.Join(path.Dir(b.source.Name), "frames", code+".yaml")
	text, err := b.frames(code)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		b.report(at, "there is no code frame %q (%s)", code, name)
		return nil
	case err != nil:
		b.report(at, "the code frame %q cannot be read: %v", code, err)
		return nil
	}
	frame, err := ParseFrame(text, name)
	if err != nil {
		var mistakes Diagnostics
		errors.As(err, &mistakes)
		b.mistakes = append(b.mistakes, mistakes...)
		b.report(at, "the code frame %q has mistakes of its own, listed with it", code)
		return nil
	}
	if frame.Code != code {
		b.report(at, "%s calls itself %q, not %q", name, frame.Code, code)
		return nil
	}
	return frame
}
