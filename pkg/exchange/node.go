package exchange

import (
	"errors"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"cxmirror/pkg/survey"
)

// word is a piece of text at a spot of the map: a value, the name of a column, a code.
type word struct {
	text         string
	line, column int
}

// node is a value of a YAML document in the few shapes that a map needs. A scalar keeps the text as it is
// written, because cells are text: 01 is not 1, 1.0 is not 1, and true is the word true. Anchors, aliases
// and merge keys are resolved.
type node struct {
	word

	shape  shape
	unsaid bool           // nothing, and not even ~ says so
	items  []*node        // of a list
	pairs  []pair         // of a mapping
	byKey  map[string]int // positions in pairs
}

type pair struct {
	key    word
	value  *node
	merged bool // came by <<, and gives way to a key of the mapping's own
}

type shape uint8

const (
	scalar shape = iota
	list
	mapping
	nothing // an empty value, ~ or null
)

// parseNode reads one YAML document. A syntax error stands alone; everything else that is wrong is added to
// the diagnostics.
func parseNode(src []byte, source *survey.Source) (*node, survey.Diagnostics) {
	file, err := parser.ParseBytes(src, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		if syntax, ok := errors.AsType[yaml.Error](err); ok && syntax.GetToken() != nil {
			at := syntax.GetToken().Position
			return nil, survey.Diagnostics{source.At(at.Line, at.Column, "not YAML: %s%s", syntax.GetMessage(), syntaxHint(syntax.GetMessage()))}
		}
		return nil, survey.Diagnostics{source.At(1, 1, "not YAML: %s", err.Error())}
	}
	w := nodeReader{source: source, anchors: make(map[string]*node)}
	var root *node
	for _, doc := range file.Docs {
		switch {
		case doc.Body == nil:
		case root != nil:
			second := w.read(doc.Body)
			return nil, survey.Diagnostics{source.At(second.line, second.column, "a map is one YAML document; a second one begins here")}
		default:
			root = w.read(doc.Body)
		}
	}
	return root, w.problems
}

// syntaxHint says what probably happened, where the words of the parser are for people who know YAML.
func syntaxHint(message string) string {
	switch {
	case strings.Contains(message, "\t") && strings.Contains(message, "cannot start"):
		return "; lines are indented with blanks, not with tabs"
	case strings.Contains(message, "mapping value is not allowed"), strings.Contains(message, "reserved character"), strings.Contains(message, "cannot start"):
		return "; a text with a colon in it, or that begins with a sign such as @ # % [ { or *, is put in quotes, as in `expectations: \"Q4: Why?\"`, and entries side by side are indented alike"
	}
	return ""
}

type nodeReader struct {
	source   *survey.Source
	anchors  map[string]*node
	problems survey.Diagnostics
}

func (w *nodeReader) fail(at word, format string, args ...any) {
	w.problems = append(w.problems, w.source.At(at.line, at.column, format, args...))
}

func (w *nodeReader) read(from ast.Node) *node {
	n := &node{word: spot(from), shape: nothing}
	switch from := from.(type) {
	case nil:
	case *ast.NullNode:
		n.unsaid = from.GetToken().Type == token.ImplicitNullType
	case *ast.MappingNode:
		n.shape = mapping
		for _, value := range from.Values {
			w.readPair(n, value)
		}
		if len(from.Values) > 0 && !from.IsFlowStyle {
			n.word = spot(from.Values[0].Key)
		}
	case *ast.MappingValueNode: // a mapping of one pair
		n.shape = mapping
		n.word = spot(from.Key)
		w.readPair(n, from)
	case *ast.SequenceNode:
		n.shape = list
		for _, value := range from.Values {
			n.items = append(n.items, w.read(value))
		}
	case *ast.AnchorNode:
		n = w.read(from.Value)
		w.anchors[from.Name.GetToken().Value] = n
	case *ast.AliasNode:
		return w.resolve(from)
	case *ast.TagNode:
		return w.read(from.Value)
	case *ast.LiteralNode:
		n.shape, n.text = scalar, strings.TrimSpace(from.Value.Value)
	case ast.ScalarNode:
		n.shape, n.text = scalar, from.GetToken().Value
	default:
		w.fail(n.word, "a map has no use for this kind of YAML value")
	}
	return n
}

func (w *nodeReader) resolve(alias *ast.AliasNode) *node {
	name := alias.Value.GetToken().Value
	found, ok := w.anchors[name]
	if !ok {
		w.fail(spot(alias), "no anchor &%s stands above this alias; if it is a text that begins with *, put it in quotes", name)
		unresolved := &node{word: spot(alias)}
		unresolved.text = "*" + name // so that what is wrong is not said twice
		return unresolved
	}
	return found
}

func (w *nodeReader) readPair(into *node, from *ast.MappingValueNode) {
	if _, merge := from.Key.(*ast.MergeKeyNode); merge {
		merged := w.read(from.Value)
		if merged.shape != mapping {
			w.fail(spot(from.Key), "<< takes the alias of a mapping")
			return
		}
		for _, p := range merged.pairs {
			if _, ok := into.byKey[p.key.text]; !ok {
				into.add(pair{key: p.key, value: p.value, merged: true})
			}
		}
		return
	}
	key := spot(from.Key)
	switch k := from.Key.(type) {
	case *ast.MappingKeyNode:
		key = spot(k.Value)
		key.text = w.read(k.Value).text
	case *ast.NullNode:
		key.text = ""
	default:
		key.text = from.Key.GetToken().Value
	}
	value := w.read(from.Value)
	if value.line == 0 {
		value.line, value.column = key.line, key.column
	}
	own := pair{key: key, value: value}
	switch at, ok := into.byKey[key.text]; {
	case !ok:
		into.add(own)
	case into.pairs[at].merged:
		into.pairs[at] = own
	default:
		w.fail(key, "%q stands twice", key.text)
	}
}

func (n *node) add(p pair) {
	if n.byKey == nil {
		n.byKey = make(map[string]int)
	}
	n.byKey[p.key.text] = len(n.pairs)
	n.pairs = append(n.pairs, p)
}

// spot is where a node stands, without its text.
func spot(n ast.Node) word {
	if n == nil || n.GetToken() == nil || n.GetToken().Position == nil {
		return word{}
	}
	at := n.GetToken().Position
	return word{line: at.Line, column: at.Column}
}
