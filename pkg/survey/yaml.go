package survey

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// Limits of a source. The YAML parser's time grows with the square of the nesting, so what is nested
// deeper than any questionnaire is refused before it.
const (
	maxSourceBytes = 1 << 20
	maxNesting     = 32
	maxNodes       = 200_000 // aliases can multiply a small file
)

type nodeKind uint8

const (
	nothingNode nodeKind = iota // null, or a key without a value
	wordsNode                   // a string
	wholeNode                   // an integer
	decimalNode                 // another number
	truthNode                   // true or false
	mappingNode
	listNode
)

// String names what was found, for messages.
func (k nodeKind) String() string {
	switch k {
	case nothingNode:
		return "nothing"
	case wordsNode:
		return "text"
	case wholeNode:
		return "a whole number"
	case decimalNode:
		return "a number"
	case truthNode:
		return "true or false"
	case mappingNode:
		return "a mapping"
	case listNode:
		return "a list"
	}
	return "something unknown"
}

// node is a value of a YAML file and where it stands. Its methods may be called on nil, the node of a key
// that is not there.
type node struct {
	kind         nodeKind
	line, column int    // 1-based, column in characters
	place        string // "items[2].options[1].text"
	text         string // scalars: as written, without quotes
	quote        int    // 1 if the text begins after a quotation mark
	block        bool   // the text stands in the lines below, indented
	fields       []nodeField
	list         []*node
	wrong        bool     // has been reported; must not be used
	meant        []string // mappings: the keys that misspelt ones are probably meant to be
}

type nodeField struct {
	key   *node
	value *node
}

// field returns the value of a key of a mapping, or nil.
func (n *node) field(name string) *node {
	if n == nil || n.wrong {
		return nil
	}
	for _, f := range n.fields {
		if f.key.text == name {
			return f.value
		}
	}
	return nil
}

// usable reports whether the node is there and of the shape its place asks for.
func (n *node) usable() bool { return n != nil && !n.wrong && n.kind != nothingNode }

func (n *node) elements() []*node {
	if !n.usable() {
		return nil
	}
	return n.list
}

// words returns the text of a scalar, or "".
func (n *node) words() string {
	if !n.usable() {
		return ""
	}
	return strings.TrimSpace(n.text)
}

func (n *node) isTrue() bool { return n.usable() && n.text == "true" }

// document is a YAML file being read, and the mistakes found in it so far.
type document struct {
	source   *Source
	root     *node
	mistakes Diagnostics
	anchors  map[string]ast.Node
	nodes    int
}

// readYAML reads a file into nodes. A syntax error is the only mistake then, since nothing can be said of
// what follows it.
func readYAML(text []byte, name string) *document {
	d := &document{source: NewSource(name, text), anchors: make(map[string]ast.Node)}
	if problem := refuseSource(d.source, text); problem != nil {
		d.mistakes = Diagnostics{*problem}
		return d
	}
	file, err := parseYAML([]byte(plainLines(text)))
	if err != nil {
		d.mistakes = Diagnostics{d.syntaxError(err)}
		return d
	}
	bodies := make([]ast.Node, 0, 1)
	for _, doc := range file.Docs {
		if doc.Body != nil {
			bodies = append(bodies, doc.Body)
		}
	}
	switch len(bodies) {
	case 0:
		d.mistakes = Diagnostics{{File: name, Message: "the file is empty"}}
	case 1:
		d.root = d.read(bodies[0], "", 0)
	default:
		d.report(d.read(bodies[1], "", 0), "a second YAML document: one file holds one; remove the line of dashes")
	}
	return d
}

func refuseSource(s *Source, text []byte) *Diagnostic {
	refuse := func(line, column int, format string, args ...any) *Diagnostic {
		d := s.At(line, column, format, args...)
		return &d
	}
	if len(text) > maxSourceBytes {
		return refuse(0, 0, "the file has %d bytes, more than the %d that are read", len(text), maxSourceBytes)
	}
	depth := 0
	for i, line := range s.lines {
		if !utf8.ValidString(line) {
			return refuse(i+1, utf8.RuneCountInString(line[:firstInvalid(line)])+1, "not UTF-8: save the file in that encoding")
		}
		dashes, column := 0, 0
		leading := true
		for _, r := range line {
			column++
			switch r {
			case '[', '{':
				depth++
			case ']', '}':
				depth = max(0, depth-1)
			case '-', '?', ':', '!', '&', '*', '>', '|':
				if leading {
					dashes++
				}
			case ' ', '\t':
			case 0:
				return refuse(i+1, column, "a zero byte: this is not a text file")
			default:
				leading = false
			}
			if depth > maxNesting || dashes > maxNesting && strings.Trim(line, "-") != "" {
				return refuse(i+1, column, "nested deeper than anything a questionnaire has")
			}
		}
	}
	return nil
}

func firstInvalid(s string) int {
	for i, r := range s {
		if r == utf8.RuneError {
			if _, size := utf8.DecodeRuneInString(s[i:]); size == 1 {
				return i
			}
		}
	}
	return len(s)
}

var errYAMLPanic = errors.New("the YAML cannot be read")

// parseYAML turns a panic of the YAML parser, which strange input can cause, into an error.
func parseYAML(text []byte) (file *ast.File, err error) {
	defer func() {
		if recover() != nil {
			err = errYAMLPanic
		}
	}()
	// Duplicate keys are allowed here and reported by document.read, with all other mistakes.
	return parser.ParseBytes(text, 0, parser.AllowDuplicateMapKey())
}

func (d *document) syntaxError(err error) Diagnostic {
	var syntax *yaml.SyntaxError
	if errors.As(err, &syntax) && syntax.Token != nil && syntax.Token.Position != nil {
		at := syntax.Token.Position
		return d.source.At(at.Line, max(1, at.Column), "YAML: %s", syntax.Message)
	}
	return Diagnostic{File: d.source.Name, Message: "YAML: " + err.Error()}
}

// read turns an AST node into a node. Aliases are followed; merge keys and tags are not part of the grammar.
func (d *document) read(from ast.Node, place string, depth int) *node {
	d.nodes++
	n := &node{place: place, line: 1, column: 1}
	if from == nil {
		return n
	}
	if tk := from.GetToken(); tk != nil && tk.Position != nil {
		n.line, n.column = tk.Position.Line, max(1, tk.Position.Column)
	}
	if d.nodes > maxNodes || depth > 4*maxNesting {
		if d.nodes == maxNodes+1 || depth > 4*maxNesting {
			d.nodes = maxNodes + 1
			d.mistake(n, "the file holds more than is read, or an alias within itself")
		}
		n.wrong = true
		return n
	}
	switch from := from.(type) {
	case *ast.MappingNode:
		d.readMapping(n, from.Values, depth)
		if from.Start != nil && from.IsFlowStyle {
			n.line, n.column = from.Start.Position.Line, max(1, from.Start.Position.Column)
		}
	case *ast.MappingValueNode:
		d.readMapping(n, []*ast.MappingValueNode{from}, depth)
	case *ast.SequenceNode:
		n.kind = listNode
		for i, element := range from.Values {
			n.list = append(n.list, d.read(element, fmt.Sprintf("%s[%d]", place, i), depth+1))
		}
	case *ast.StringNode:
		n.kind, n.text = wordsNode, from.Value
		if from.Token.Type == token.DoubleQuoteType || from.Token.Type == token.SingleQuoteType {
			n.quote = 1
		}
	case *ast.LiteralNode:
		n.kind, n.text, n.block = wordsNode, from.Value.Value, true
	case *ast.IntegerNode:
		n.kind, n.text = wholeNode, from.Token.Value
	case *ast.FloatNode:
		n.kind, n.text = decimalNode, from.Token.Value
	case *ast.InfinityNode, *ast.NanNode:
		n.kind, n.text = decimalNode, from.GetToken().Value
	case *ast.BoolNode:
		n.kind, n.text = truthNode, strings.ToLower(from.Token.Value)
	case *ast.NullNode:
	case *ast.AnchorNode:
		d.anchors[from.Name.GetToken().Value] = from.Value
		return d.read(from.Value, place, depth+1)
	case *ast.AliasNode:
		name := from.Value.GetToken().Value
		target, ok := d.anchors[name]
		if !ok {
			d.mistake(n, "no anchor &%s stands before this alias", name)
			return n
		}
		return d.read(target, place, depth+1)
	default:
		d.mistake(n, "tags, merge keys and other YAML of this kind have no meaning here")
	}
	return n
}

func (d *document) readMapping(n *node, values []*ast.MappingValueNode, depth int) {
	n.kind = mappingNode
	seen := make(map[string]*node, len(values))
	for _, pair := range values {
		key := d.read(pair.Key, n.place, depth+1)
		if key.wrong {
			continue
		}
		if key.kind == mappingNode || key.kind == listNode || key.kind == nothingNode {
			d.mistake(key, "%s cannot be a key", key.kind)
			continue
		}
		if len(seen) == 0 {
			n.line, n.column = key.line, key.column
		}
		if first, ok := seen[key.text]; ok {
			d.mistake(key, "the key %q stands here a second time (first in line %d)", key.text, first.line)
			continue
		}
		seen[key.text] = key
		place := key.text
		if n.place != "" {
			place = n.place + "." + key.text
		}
		value := d.read(pair.Value, place, depth+1)
		if value.kind == nothingNode && !value.wrong { // an absent value has no spot of its own
			value.line, value.column = key.line, key.column
		}
		n.fields = append(n.fields, nodeField{key: key, value: value})
	}
}

// mistake reports that something is wrong with a node, and marks it so that it is not used.
func (d *document) mistake(n *node, format string, args ...any) {
	n.wrong = true
	d.report(n, format, args...)
}

// report reports a mistake at a node that can be used all the same.
func (d *document) report(n *node, format string, args ...any) {
	d.mistakes = append(d.mistakes, d.source.At(n.line, n.column, format, args...))
}

// reportWithin reports a mistake at a character of a text, counted from 0.
func (d *document) reportWithin(n *node, offset int, format string, args ...any) {
	line, column := d.spot(n, offset)
	d.mistakes = append(d.mistakes, d.source.At(line, column, format, args...))
}

// spot returns the line and column of a character of a text. Lines of a text that goes over several are
// joined by one character, as YAML folds them.
func (d *document) spot(n *node, offset int) (line, column int) {
	line, column = n.line, n.column+n.quote
	rest := []rune(d.lineFrom(line, column))
	if n.block {
		line, column = line+1, 1
		rest = []rune(d.lineFrom(line, 1))
	}
	for {
		indent := 0
		if line > n.line {
			for indent < len(rest) && rest[indent] == ' ' {
				indent++
			}
		}
		if width := len(rest) - indent; offset <= width || line >= len(d.source.lines) {
			return line, column + indent + offset
		}
		offset -= len(rest) - indent + 1
		line, column = line+1, 1
		rest = []rune(d.lineFrom(line, 1))
	}
}

func (d *document) lineFrom(line, column int) string {
	if line < 1 || line > len(d.source.lines) {
		return ""
	}
	runes := []rune(d.source.lines[line-1])
	return string(runes[min(column-1, len(runes)):])
}
