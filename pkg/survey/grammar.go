package survey

import (
	"regexp"
	"slices"
)

// The grammar of questionnaires and code frames, said once: files are checked against it, and the JSON
// Schema for editors is made from it.

type shapeKind uint8

const (
	wordsShape   shapeKind = iota // a text in one or several languages
	textShape                     // a text that is not shown to respondents
	codeShape                     // a code; a whole number will do
	wholeShape                    // a whole number
	decimalShape                  // any number
	truthShape                    // true or false
	choiceShape                   // one of some words
	listShape
	mappingShape
	pointsShape // whole numbers to words
)

// shape says what may stand at a place of a file.
type shape struct {
	kind      shapeKind
	pattern   *regexp.Regexp // code: what it looks like
	says      string         // code: what it looks like, in words
	low, high int            // whole: bounds; list: the least and most elements
	choices   []string       // choice
	element   *shape         // list
	fields    []field        // mapping
	name      string         // mapping: what one is called, e.g. "an item"
}

// field is a key of a mapping.
type field struct {
	name     string
	shape    *shape
	required bool
	doc      string
	kinds    []Kind // keys of an item: the kinds that have it; nil is all
	needs    []Kind // keys of an item: the kinds that must have it
}

var itemCodePattern = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]{0,63}$`)

// optionCodePattern allows dots: the columns of many files of answers are named so, such as USER.EXPERIENCE.
// Codes of items have none, so that "item.row" is cut at its first dot.
var optionCodePattern = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_.-]{0,62}[A-Za-z0-9_-])?$`)

var fileCodePattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$`)

var languagePattern = regexp.MustCompile(`^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$`)

func fileCode() *shape {
	return &shape{kind: codeShape, pattern: fileCodePattern, says: "a code of letters, digits, - and _, beginning with a letter or digit"}
}

func itemCode() *shape {
	return &shape{kind: codeShape, pattern: itemCodePattern, says: "a code of letters, digits, - and _, beginning with a letter"}
}

func optionCode() *shape {
	return &shape{kind: codeShape, pattern: optionCodePattern, says: "a code of letters, digits, -, _ and ., not beginning with - or . nor ending with ."}
}

func words() *shape { return &shape{kind: wordsShape} }

func truth() *shape { return &shape{kind: truthShape} }

func whole(low, high int) *shape { return &shape{kind: wholeShape, low: low, high: high} }

func languagesField() field {
	tag := &shape{kind: codeShape, pattern: languagePattern, says: "a language tag such as en or pt-BR"}
	return field{
		name: "languages", shape: &shape{kind: listShape, element: tag, low: 1, high: 100},
		doc: "Languages the texts are written in, the original first. Default: [en].",
	}
}

// questionnaireShape is the grammar of a questionnaire file.
func questionnaireShape() *shape {
	return &shape{kind: mappingShape, name: "a questionnaire", fields: []field{
		{name: "code", shape: fileCode(), required: true, doc: "Names the questionnaire. Never changes once fielded."},
		{name: "version", shape: whole(1, 1_000_000), doc: "Counts the versions of the questionnaire. Default: 1."},
		{name: "audience", shape: &shape{kind: choiceShape, choices: namesOf(Audiences())}, doc: "Who is asked; decides the voice of code frames. Default: everyone."},
		languagesField(),
		{name: "title", shape: words(), required: true, doc: "What respondents read above the first question."},
		{name: "intro", shape: words(), doc: "A few sentences before the first question."},
		{name: "items", shape: &shape{kind: listShape, element: itemShape(), low: 1, high: 1000}, required: true, doc: "The questions, in the order asked."},
	}}
}

func itemShape() *shape {
	options := &shape{kind: listShape, element: optionShape("an option"), low: 1, high: MaxOptions}
	rows := &shape{kind: listShape, element: rowShape(), low: 1, high: MaxOptions}
	return &shape{kind: mappingShape, name: "an item", fields: []field{
		{name: "code", shape: itemCode(), required: true, doc: "Names the item in answers, conditions and results. Never changes once fielded."},
		{name: "kind", shape: &shape{kind: choiceShape, choices: namesOf(Kinds())}, required: true, doc: "How the item is asked and answered."},
		{name: "text", shape: words(), required: true, doc: "The question. {{code}} puts in the answer to an earlier item."},
		{name: "hint", shape: words(), doc: "Help in small print under the question."},
		{
			name: "background", shape: truth(), kinds: []Kind{Single, Multi, Rating, Number, NPS},
			doc: "Results may be split by this item. Default: false.",
		},
		{name: "required", shape: truth(), doc: "Must be answered before the respondent can go on. Default: false."},
		{
			name: "options", shape: options, kinds: []Kind{Single, Multi, Rank, Matrix}, needs: []Kind{Matrix},
			doc: "What can be chosen; of a matrix, its columns.",
		},
		{name: "rows", shape: rows, kinds: []Kind{Rating, Matrix}, doc: "What is rated, or chosen for, one after the other. A rating without rows rates one thing."},
		{
			name: "frame", shape: fileCode(), kinds: []Kind{Single, Multi, Rank, Rating, Matrix},
			doc: "The code frame that the options, or of a rating or matrix the rows, come from.",
		},
		{name: "of", shape: itemCode(), kinds: []Kind{Rank}, doc: "The earlier multi item whose picks are put in order."},
		{
			name: "min", shape: &shape{kind: decimalShape}, kinds: []Kind{Multi, Rank, Number},
			doc: "multi, rank: the fewest options to be given, 1 unless said. number: the least number accepted.",
		},
		{
			name: "max", shape: &shape{kind: decimalShape}, kinds: []Kind{Multi, Rank, Number},
			doc: "multi, rank: the most options that can be given; all unless said, or if there are fewer. number: the greatest number accepted.",
		},
		{name: "decimals", shape: whole(0, 9), kinds: []Kind{Number}, doc: "How many decimals are accepted. Default: 0."},
		{name: "length", shape: whole(1, 100_000), kinds: []Kind{Text}, doc: "The most characters accepted. Default: 2000."},
		{
			name: "random", shape: truth(), kinds: []Kind{Single, Multi, Rank, Rating, Matrix},
			doc: "Each respondent sees the options, or rows, in an order of her own; exclusive options and own answers stay last. Default: false.",
		},
		{name: "show_if", shape: &shape{kind: textShape}, doc: "Ask only if this holds, e.g. count(expectations) > 1 or channel == \"phone\"."},
		{name: "scale", shape: scaleShape(), kinds: []Kind{Rating, NPS}, needs: []Kind{Rating}, doc: "The points of a rating. nps: 0 to 10, top 2."},
		{name: "new_page", shape: truth(), doc: "Begins a new page. Default: false."},
	}}
}

func optionShape(name string) *shape {
	return &shape{kind: mappingShape, name: name, fields: []field{
		{name: "code", shape: optionCode(), required: true, doc: "Names the option in answers and results. Never changes once fielded."},
		{name: "text", shape: words(), required: true, doc: "What respondents read."},
		{name: "exclusive", shape: truth(), doc: "Excludes the others; stays in the base and out of rankings. Default: false."},
		{
			name: "other", shape: truth(),
			doc: "An own answer, \"Other, please specify\"; stays in the base and out of rankings. The words are a text item of their own. Default: false.",
		},
	}}
}

func rowShape() *shape {
	row := optionShape("a row")
	row.fields = slices.DeleteFunc(row.fields, func(f field) bool { return f.name == "exclusive" || f.name == "other" })
	return row
}

func scaleShape() *shape {
	return &shape{kind: mappingShape, name: "a scale", fields: []field{
		{name: "min", shape: whole(0, 99), doc: "The lowest point."},
		{name: "max", shape: whole(1, 100), doc: "The highest point."},
		{name: "top", shape: whole(1, 100), doc: "How many of the highest points count as top box. Default: 1."},
		{name: "low", shape: words(), doc: "What stands at the lowest point."},
		{name: "high", shape: words(), doc: "What stands at the highest point."},
		{name: "labels", shape: &shape{kind: pointsShape}, doc: "What stands at single points, e.g. {3: {en: Neither}}."},
		{name: "cannot_say", shape: truth(), doc: "Offers \"cannot say\", an answer of its own. Default: false."},
	}}
}

// frameShape is the grammar of a code frame file.
func frameShape() *shape {
	option := optionShape("an entry")
	for _, audience := range Audiences()[1:] { // `text` is the external voice
		option.fields = append(option.fields, field{
			name: string(audience), shape: words(),
			doc: "What respondents of this audience read instead of text.",
		})
	}
	return &shape{kind: mappingShape, name: "a code frame", fields: []field{
		{name: "code", shape: fileCode(), required: true, doc: "Names the frame; questionnaires refer to it."},
		{name: "version", shape: whole(1, 1_000_000), doc: "Counts the versions of the frame. Default: 1."},
		languagesField(),
		{name: "title", shape: words(), doc: "What the list is of."},
		{name: "options", shape: &shape{kind: listShape, element: option, low: 1, high: MaxOptions}, required: true, doc: "The entries, in order."},
	}}
}

func namesOf[T ~string](values []T) []string {
	names := make([]string, len(values))
	for i, v := range values {
		names[i] = string(v)
	}
	return names
}
