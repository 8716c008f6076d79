package exchange

import (
	"fmt"
	"slices"
	"strings"

	"cxmirror/pkg/survey"
)

// mapKey is a key that a part of a map knows, with an example that people can copy.
type mapKey struct {
	name    string
	example string
	form    bool // of an item: says where the answers are
}

// mapKeys are the keys at the top of a map.
func mapKeys() []mapKey {
	return []mapKey{
		{name: "file", example: "file: {header: [1, 2], encoding: windows-1250}"},
		{name: "missing", example: `missing: [NA, "-99"]`},
		{name: "respondent", example: "respondent: ResponseID"},
		{name: "weight", example: "weight: wgt"},
		{name: "audience", example: "audience: {external: {ROLE: customer}, internal: {ROLE: employee}}"},
		{name: "keep", example: "keep: {STATUS: Complete}"},
		{name: "items", example: "items: {expectations: Q4}"},
		{name: "ignore", example: "ignore: rest"},
	}
}

// layoutKeys are the keys under file.
func layoutKeys() []mapKey {
	return []mapKey{
		{name: "encoding", example: "encoding: windows-1250"},
		{name: "delimiter", example: `delimiter: ";"`},
		{name: "header", example: "header: [1, 2]"},
		{name: "data", example: "data: 4"},
		{name: "decimal", example: `decimal: ","`},
		{name: "quotes", example: "quotes: lenient"},
	}
}

// itemKeys are the keys of an item.
func itemKeys() []mapKey {
	return []mapKey{
		{name: "column", example: "column: Q4", form: true},
		{name: "columns", example: "columns: [First, Second, Third]", form: true},
		{name: "options", example: "options: {speed: Q8_1, ease: Q8_2}", form: true},
		{name: "places", example: "places: {speed: RANK_1, ease: RANK_2}", form: true},
		{name: "rows", example: "rows: {speed: P_1, ease: P_2}", form: true},
		{name: "constant", example: "constant: pl", form: true},
		{name: "recode", example: "recode: {Not at all: 1, Fully: 5}"},
		{name: "else", example: "else: other"},
		{name: "texts", example: "texts: en"},
		{name: "missing", example: `missing: [NA, "-99"]`},
		{name: "separator", example: `separator: ", "`},
		{name: "list", example: "list: order"},
		{name: "best", example: "best: highest"},
		{name: "gaps", example: "gaps: close"},
		{name: "picked", example: "picked: [Y, yes]"},
		{name: "not_picked", example: `not_picked: ["0", no]`},
		{name: "asked", example: "asked: always"},
	}
}

func audienceKeys() []mapKey {
	keys := make([]mapKey, 0, len(survey.Audiences()))
	for _, a := range survey.Audiences() {
		word := map[survey.Audience]string{survey.External: "customer", survey.Internal: "[employee, manager]"}[a]
		if word == "" {
			word = string(a)
		}
		keys = append(keys, mapKey{name: string(a), example: fmt.Sprintf("%s: {ROLE: %s}", a, word)})
	}
	return keys
}

func keyNamed(name string, among []mapKey) (mapKey, bool) {
	at := slices.IndexFunc(among, func(k mapKey) bool { return k.name == name })
	if at < 0 {
		return mapKey{}, false
	}
	return among[at], true
}

func keyNames(keys []mapKey) []string {
	names := make([]string, len(keys))
	for i, k := range keys {
		names[i] = k.name
	}
	return names
}

// exampleOf is a line that shows how a key is used. What is no key of a map is a code, which takes a column.
func exampleOf(name string) string {
	if k, ok := keyNamed(name, slices.Concat(itemKeys(), layoutKeys(), mapKeys())); ok {
		return "`" + k.example + "`"
	}
	return "`" + name + ": Q4`"
}

// unknownKey says what to do about a key that the part of the map called what does not know: where it
// belongs, what it is called here, or what there is.
func unknownKey(what string, known []mapKey, key string, value *node) string {
	head := fmt.Sprintf("%s has no key %q", what, key)
	names := otherNames(strings.ToLower(key))
	for _, name := range names {
		if k, ok := keyNamed(name, known); ok {
			return fmt.Sprintf("%s; here it is called %s, as in `%s`", head, k.name, k.example)
		}
	}
	for _, name := range append([]string{key}, names...) {
		if place := belongs(name); place != "" && name == key {
			return head + "; it " + place
		} else if place != "" {
			return fmt.Sprintf("%s; %s, which it may stand for, %s", head, name, place)
		}
	}
	if what == wholeMap && value.shape == mapping && slices.ContainsFunc(value.pairs, func(p pair) bool {
		k, ok := keyNamed(p.key.text, itemKeys())
		return ok && k.form
	}) {
		return fmt.Sprintf("%s; if it is an item of the questionnaire, it belongs under items, as in `items: {%s: {column: Q4}}`", head, key)
	}
	near := survey.Nearest(key, keyNames(known))
	if k, ok := keyNamed(near, known); ok {
		return fmt.Sprintf("%s; did you mean %s, as in `%s`?", head, k.name, k.example)
	}
	if len(known) == len(itemKeys()) {
		return fmt.Sprintf("%s; it knows %s", head, strings.Join(keyNames(known), ", "))
	}
	examples := make([]string, len(known))
	for i, k := range known {
		examples[i] = "`" + k.example + "`"
	}
	return fmt.Sprintf("%s; it knows %s", head, strings.Join(examples, ", "))
}

// belongs says under what a key stands.
func belongs(name string) string {
	if k, ok := keyNamed(name, layoutKeys()); ok {
		return fmt.Sprintf("belongs under file, as in `file: {%s}`", k.example)
	}
	if k, ok := keyNamed(name, mapKeys()); ok {
		return fmt.Sprintf("belongs at the top of the map, beside items, as in `%s`", k.example)
	}
	if k, ok := keyNamed(name, itemKeys()); ok {
		inItem := k.example
		if !k.form {
			inItem = "column: Q4, " + inItem
		}
		return fmt.Sprintf("belongs to an item, as in `items: {expectations: {%s}}`", inItem)
	}
	return ""
}

// otherNames are the keys of maps that a word of other programs may stand for.
func otherNames(word string) []string {
	switch strings.NewReplacer("_", "", "-", "", " ", "").Replace(word) {
	case "headerrows", "headerrow", "headers", "headerlines", "namerow", "names":
		return []string{"header"}
	case "skip", "skiprows", "skiplines", "start", "startrow", "firstrow", "datarow", "dataline":
		return []string{"data"}
	case "charset", "codepage", "enc", "characters":
		return []string{"encoding"}
	case "sep", "delim", "delimiter", "separator", "delimiters", "separators":
		return []string{"delimiter", "separator"}
	case "quote", "quoting", "lazyquotes":
		return []string{"quotes"}
	case "filter", "filters", "where", "include", "only", "if":
		return []string{"keep"}
	case "exclude", "drop", "ignored", "skipcolumns":
		return []string{"ignore"}
	case "id", "ids", "respondents", "respondentid", "person", "case":
		return []string{"respondent"}
	case "weights", "weighting":
		return []string{"weight"}
	case "columns", "fields", "variables", "questions", "answers", "item":
		return []string{"items"}
	case "map", "mapping", "mappings":
		return []string{"items", "recode"}
	case "col", "field", "variable", "question", "source", "from":
		return []string{"column"}
	case "values", "labels", "codes", "recodes", "replace", "translate":
		return []string{"recode"}
	case "default", "otherwise", "others":
		return []string{"else"}
	case "na", "nan", "null", "missings", "missingvalues", "navalues":
		return []string{"missing"}
	case "audiences", "side", "sides", "split", "group", "groups":
		return []string{"audience"}
	case "language", "lang", "text":
		return []string{"texts"}
	case "rank", "ranks", "ranking", "rankings", "place":
		return []string{"places"}
	case "option", "picks", "choices":
		return []string{"options"}
	case "row":
		return []string{"rows"}
	case "value", "const", "fixed":
		return []string{"constant"}
	case "checked", "selected", "true", "yes":
		return []string{"picked"}
	case "unchecked", "notselected", "unpicked", "false", "no":
		return []string{"not_picked"}
	case "customer", "customers", "client", "clients", "outside":
		return []string{string(survey.External)}
	case "employee", "employees", "staff", "colleagues", "inside":
		return []string{string(survey.Internal)}
	}
	return nil
}
