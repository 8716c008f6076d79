package survey

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/types"
)

// conditionFunctions returns the functions of conditions.
func conditionFunctions() []string { return []string{"has", "count", "len", "answered"} }

// conditionWords returns the words that conditions understand, which therefore cannot be item codes.
func conditionWords() []string {
	return append(conditionFunctions(),
		"and", "or", "not", "in", "true", "false", "nil", "let", "if", "else", "matches", "contains", "startsWith", "endsWith")
}

// condition compiles the condition of an item, and reports all that is wrong with it.
func (b *builder) condition(at *node, item int) *Condition {
	c := &conditionReader{builder: b, at: at, item: item, known: make(map[*ast.IdentifierNode]string)}
	source := strings.TrimRight(at.text, "\n ")
	if !b.rowsAreNames(at, source, item) {
		return nil
	}
	text := b.withoutHyphens(source)
	options := c.language()
	config := conf.CreateNew()
	for _, option := range options {
		option(config)
	}
	before := len(b.mistakes)
	tree, err := parser.ParseWithConfig(text, config)
	if err != nil {
		c.failed(err)
		return nil
	}
	ast.Walk(&tree.Node, rowPatch{c.q.Items[:item]})
	ast.Walk(&tree.Node, c)
	c.finish()
	if len(b.mistakes) > before {
		return nil
	}
	program, err := expr.Compile(text, options...)
	if err != nil {
		c.failed(err)
		return nil
	}
	return &Condition{Source: source, program: program, columns: c.columns, all: b.q.columns}
}

// withoutHyphens replaces the hyphens in item codes by underscores, since the expression language would
// read them as minus. The length stays the same, so that positions of mistakes hold. Text in quotes stays.
func (b *builder) withoutHyphens(source string) string {
	var codes []string
	for i := range b.q.Items {
		if code := string(b.q.Items[i].Code); strings.Contains(code, "-") {
			codes = append(codes, code)
		}
	}
	out := []byte(source)
	eachName(source, func(i int) int {
		code := longestName(source[i:], codes)
		copy(out[i:], conditionName(code))
		return len(code)
	})
	return string(out)
}

// eachName calls visit at each byte of a condition where a name may begin; text in quotes is none. What visit
// returns is how many bytes it has dealt with.
func eachName(source string, visit func(i int) int) {
	var quote byte
	for i := 0; i < len(source); i++ {
		switch ch := source[i]; {
		case quote != 0:
			if ch == '\\' && quote != '`' {
				i++
			} else if ch == quote {
				quote = 0
			}
		case ch == '"' || ch == '\'' || ch == '`':
			quote = ch
		case i == 0 || !isNameByte(source[i-1]):
			i += max(0, visit(i)-1)
		}
	}
}

// longestName returns the longest of the names that a text begins with, or "".
func longestName(text string, names []string) string {
	longest := ""
	for _, name := range names {
		if len(name) > len(longest) && strings.HasPrefix(text, name) && (len(text) == len(name) || !isNameByte(text[len(name)])) {
			longest = name
		}
	}
	return longest
}

// rowsAreNames reports rows that stand after a dot although their code is no name there, since the expression
// language would read values.a-b as a subtraction and cannot read values.2b at all. Dots within a code are
// no trouble: see rowPatch.
func (b *builder) rowsAreNames(at *node, source string, item int) bool {
	names := true
	codes := b.earlier()[:item]
	eachName(source, func(i int) int {
		code := longestName(source[i:], codes)
		rest, dotted := strings.CutPrefix(source[i+len(code):], ".")
		if code == "" || !dotted {
			return len(code)
		}
		of := &b.q.Items[slices.Index(codes, code)]
		row := longestName(rest, rowCodes(of))
		if row != "" && !rowNamePattern.MatchString(row) {
			names = false
			b.reportWithin(at, utf8.RuneCountInString(source[:i])+len(code)+1, "the row %q is written %s[%q] in conditions", row, code, row)
		}
		return len(code) + 1 + len(row)
	})
	return names
}

// rowNamePattern is what a row that stands after a dot looks like.
var rowNamePattern = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$`)

func rowCodes(it *Item) []string {
	codes := make([]string, len(it.Rows))
	for i := range it.Rows {
		codes[i] = string(it.Rows[i].Code)
	}
	return codes
}

// rowPatch makes values.USER.EXPERIENCE one row of an item that has rows, rather than a part of a part.
type rowPatch struct{ items []Item }

// Visit implements [ast.Visitor]. Children are visited before their parents, so what stands left of the last
// dot is one row already.
func (p rowPatch) Visit(n *ast.Node) {
	outer, ok := (*n).(*ast.MemberNode)
	if !ok {
		return
	}
	last, isName := outer.Property.(*ast.StringNode)
	inner, isMember := outer.Node.(*ast.MemberNode)
	if !isName || !isMember {
		return
	}
	first, isName := inner.Property.(*ast.StringNode)
	root, isRoot := inner.Node.(*ast.IdentifierNode)
	hasRows := func(it Item) bool { return len(it.Rows) > 0 && conditionName(string(it.Code)) == root.Value }
	if !isName || !isRoot || !slices.ContainsFunc(p.items, hasRows) {
		return
	}
	row := &ast.StringNode{Value: first.Value + "." + last.Value}
	row.SetLocation(first.Location())
	ast.Patch(n, &ast.MemberNode{Node: root, Property: row})
}

func isNameByte(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
}

// conditionReader walks over a condition, notes what it depends on and reports what cannot be meant.
type conditionReader struct {
	*builder
	at      *node
	item    int
	columns []int
	names   []*ast.IdentifierNode
	known   map[*ast.IdentifierNode]string // names that have been looked at, with the row after them
}

// failed reports an error of the expression language at its position.
func (c *conditionReader) failed(err error) {
	var at *file.Error
	if !errors.As(err, &at) {
		message, _, _ := strings.Cut(err.Error(), "\n")
		c.report(c.at, "the condition must be true or false; %s", plainMessage(message))
		return
	}
	c.reportWithin(c.at, at.From, "%s", plainMessage(at.Message))
}

var mismatchPattern = regexp.MustCompile(`^invalid operation: (\S+) \(mismatched types (\S+) and (\S+)\)$`)

var notBoolPattern = regexp.MustCompile(`^expected bool, but got (\S+)$`)

// plainMessage puts the commonest messages of the expression language into the words of questionnaires.
// Messages that are none of these are left as they are.
func plainMessage(message string) string {
	if m := mismatchPattern.FindStringSubmatch(message); m != nil {
		return fmt.Sprintf("%s and %s do not go together with %s", plainType(m[2]), plainType(m[3]), m[1])
	}
	if m := notBoolPattern.FindStringSubmatch(message); m != nil {
		return "this is " + plainType(m[1])
	}
	switch message {
	case `unexpected token Operator("=")`:
		return "= means nothing here; two answers are compared with =="
	case "unexpected token EOF":
		return "the condition ends too early"
	}
	return message
}

func plainType(name string) string {
	switch name {
	case "string":
		return "a text"
	case "int", "float64":
		return "a number"
	case "[]string":
		return "a list of codes"
	case "bool":
		return "true or false"
	}
	return name
}

func (c *conditionReader) wrong(at ast.Node, format string, args ...any) {
	c.reportWithin(c.at, at.Location().From, format, args...)
}

// language returns the variables, with their types, and functions that conditions can use.
func (c *conditionReader) language() []expr.Option {
	variables := make(types.Map)
	for i := range c.q.Items[:c.item] {
		item := &c.q.Items[i]
		if item.Code == "" {
			continue
		}
		name := conditionName(string(item.Code))
		if item.Kind == "" { // that its kind is wrong is reported where it stands, and is enough
			variables[name] = types.Any
			variables[countedName(name)] = types.Int
			continue
		}
		one := conditionType(item.Kind)
		if len(item.Rows) == 0 {
			variables[name] = one
			variables[countedName(name)] = types.Int
			continue
		}
		rows := make(types.Map, len(item.Rows))
		for _, row := range item.Rows {
			rows[string(row.Code)] = one
		}
		variables[name] = rows
	}
	return []expr.Option{
		expr.Env(variables),
		expr.AsBool(),
		expr.Optimize(false), // constant folding would hide the spots of mistakes
		expr.DisableAllBuiltins(),
		expr.Patch(rowPatch{c.q.Items[:c.item]}),
		expr.Patch(countPatch{}),
		expr.Function("count", func(...any) (any, error) { return 0, nil }, new(func([]string) int)), // see countPatch
		expr.Function("len", func(...any) (any, error) { return 0, nil }, new(func([]string) int)),   // see countPatch
		expr.Function("has", func(args ...any) (any, error) {
			codes, ok := args[0].([]string)
			code, isCode := args[1].(string)
			return ok && isCode && slices.Contains(codes, code), nil
		}, new(func([]string, string) bool)),
		expr.Function("answered", func(args ...any) (any, error) {
			switch answer := args[0].(type) {
			case string:
				return answer != "", nil
			case []string:
				return len(answer) > 0, nil
			case float64:
				return !math.IsNaN(answer), nil // an unanswered number
			}
			return false, nil
		}, new(func(string) bool), new(func([]string) bool), new(func(float64) bool)),
	}
}

func conditionType(kind Kind) types.Type {
	switch kind {
	case Multi, Rank:
		return types.TypeOf([]string{})
	case Rating, NPS, Number:
		return types.Float64
	case Single, Matrix, Text:
	}
	return types.String
}

// countedName is the hidden variable that holds how many options of an item are picked, without the
// exclusive ones. It is no name that a questionnaire could write.
func countedName(name string) string { return "count of " + name }

// countPatch puts the hidden variable in the place of count(item) and len(item): the list itself does not tell which of
// its codes are exclusive.
type countPatch struct{}

// Visit implements [ast.Visitor].
func (countPatch) Visit(n *ast.Node) {
	call, ok := (*n).(*ast.CallNode)
	if !ok || len(call.Arguments) != 1 {
		return
	}
	callee, isName := call.Callee.(*ast.IdentifierNode)
	counted, ofName := call.Arguments[0].(*ast.IdentifierNode)
	if isName && ofName && (callee.Value == "count" || callee.Value == "len") {
		ast.Patch(n, &ast.IdentifierNode{Value: countedName(counted.Value)})
	}
}

// Visit implements [ast.Visitor]. Children are visited before their parents.
func (c *conditionReader) Visit(n *ast.Node) {
	switch n := (*n).(type) {
	case *ast.IdentifierNode:
		c.names = append(c.names, n)
	case *ast.MemberNode:
		c.visitMember(n)
	case *ast.CallNode:
		c.visitCall(n)
	case *ast.BinaryNode:
		c.visitBinary(n)
	case *ast.BuiltinNode:
		c.wrong(n, "conditions have no function %q; they have has, count and answered", n.Name)
	case *ast.PredicateNode, *ast.PointerNode, *ast.SequenceNode, *ast.VariableDeclaratorNode, *ast.MapNode:
		c.wrong(n, "this part of the expression language is not used in conditions")
	}
}

func (c *conditionReader) visitMember(n *ast.MemberNode) {
	name, isName := n.Node.(*ast.IdentifierNode)
	if !isName {
		return
	}
	item := c.itemOf(name)
	if item == nil || item.Kind == "" {
		return
	}
	row, ok := n.Property.(*ast.StringNode)
	if len(item.Rows) == 0 {
		if column := c.columnOf(name); ok && column != nil && !c.refuseList(n, column) {
			c.wrong(n, "the item %q has no rows", item.Code)
		}
		return
	}
	if !ok {
		c.known[name] = "?"
		c.wrong(n.Property, "a row is named by its code, such as %s.%s", item.Code, item.Rows[0].Code)
		return
	}
	c.known[name] = row.Value
	if _, ok := c.q.Column(string(item.Code) + "." + row.Value); !ok {
		c.wrong(n.Property, "the item %q has no row %q%s", item.Code, row.Value, didYouMean(row.Value, rowCodes(item)))
	}
}

func (c *conditionReader) visitCall(n *ast.CallNode) {
	callee, ok := n.Callee.(*ast.IdentifierNode)
	if !ok || !slices.Contains(conditionFunctions(), callee.Value) {
		if ok {
			c.known[callee] = callee.Value
			c.wrong(n, "conditions have no function %q; they have has, count and answered", callee.Value)
		}
		return
	}
	c.known[callee] = callee.Value
	if len(n.Arguments) == 0 {
		c.wrong(n, "%s needs an item, such as %s(%s)", callee.Value, callee.Value, c.q.Items[0].Code)
		return
	}
	column := c.columnOf(n.Arguments[0])
	if column == nil {
		return // unknown names and items with rows are reported where they stand
	}
	list := column.Item.Kind == Multi || column.Item.Kind == Rank
	if callee.Value != "answered" && !list {
		c.wrong(n, "%s is for multi and rank items; %q is of kind %s", callee.Value, column.Key, column.Item.Kind)
		return
	}
	if callee.Value == "has" && len(n.Arguments) == 2 {
		c.checkCode(column, n.Arguments[1])
	}
}

func (c *conditionReader) visitBinary(n *ast.BinaryNode) {
	switch n.Operator {
	case "contains", "startsWith", "endsWith", "matches":
		c.refuseList(n, c.columnOf(n.Left), c.columnOf(n.Right))
	case "==", "!=", "<", "<=", ">", ">=":
		left, right := c.columnOf(n.Left), c.columnOf(n.Right)
		if c.refuseList(n, left, right) {
			return
		}
		if left != nil {
			c.checkCode(left, n.Right)
			c.checkPoint(left, n.Right)
		}
		if right != nil {
			c.checkCode(right, n.Left)
			c.checkPoint(right, n.Left)
		}
	case "in":
		if column := c.columnOf(n.Right); column != nil {
			c.checkCode(column, n.Left)
		}
		if list, ok := n.Right.(*ast.ArrayNode); ok {
			if column := c.columnOf(n.Left); column != nil && !c.refuseList(n, column) {
				for _, element := range list.Nodes {
					c.checkCode(column, element)
					c.checkPoint(column, element)
				}
			}
		}
	case "..", "??", "|":
		c.wrong(n, "the operator %s is not used in conditions", n.Operator)
	}
}

// refuseList reports a list of codes that stands where one answer belongs, and whether there was one.
func (c *conditionReader) refuseList(at ast.Node, columns ...*Column) bool {
	for _, column := range columns {
		if column != nil && (column.Item.Kind == Multi || column.Item.Kind == Rank) {
			c.wrong(at, "%q is a list of codes: ask has(%s, \"...\"), \"...\" in %s or count(%s)", column.Key, column.Key, column.Key, column.Key)
			return true
		}
	}
	return false
}

// checkCode reports a text that is compared with an item and is not the code of one of its options.
func (c *conditionReader) checkCode(column *Column, literal ast.Node) {
	text, ok := literal.(*ast.StringNode)
	if !ok || text.Value == "" || !column.Item.HasOptions() || len(column.Options) == 0 {
		return
	}
	codes := make([]string, len(column.Options))
	for i := range column.Options {
		codes[i] = string(column.Options[i].Code)
	}
	if !slices.Contains(codes, text.Value) {
		c.wrong(literal, "%q has no option %q%s", column.Item.Code, text.Value, didYouMean(text.Value, codes))
	}
}

// checkPoint reports a number that is compared with a rating and is not on its scale.
func (c *conditionReader) checkPoint(column *Column, literal ast.Node) {
	point, ok := literal.(*ast.IntegerNode)
	s := column.Item.Scale
	if !ok || s == nil || s.Min >= s.Max || point.Value >= s.Min && point.Value <= s.Max {
		return
	}
	c.wrong(literal, "%d is not on the scale of %q, which goes from %d to %d", point.Value, column.Item.Code, s.Min, s.Max)
}

// itemOf returns the earlier item that a name stands for, or nil.
func (c *conditionReader) itemOf(name *ast.IdentifierNode) *Item {
	for i := range c.q.Items[:c.item] {
		if code := string(c.q.Items[i].Code); code != "" && conditionName(code) == name.Value {
			return &c.q.Items[i]
		}
	}
	return nil
}

// columnOf returns the column that a name, or a name with a row, stands for, or nil. An item whose kind is
// wrong has none: nothing can be said of what it is compared with.
func (c *conditionReader) columnOf(n ast.Node) *Column {
	key := ""
	switch n := n.(type) {
	case *ast.IdentifierNode:
		if item := c.itemOf(n); item != nil {
			key = string(item.Code)
		}
	case *ast.MemberNode:
		name, isName := n.Node.(*ast.IdentifierNode)
		row, isRow := n.Property.(*ast.StringNode)
		if isName && isRow {
			if item := c.itemOf(name); item != nil {
				key = string(item.Code) + "." + row.Value
			}
		}
	}
	if column, ok := c.q.Column(key); ok && key != "" && c.q.columns[column].Item.Kind != "" {
		return &c.q.columns[column]
	}
	return nil
}

// finish reports names that stand for nothing, and notes the columns the condition depends on.
func (c *conditionReader) finish() {
	for _, name := range c.names {
		row, seen := c.known[name]
		item := c.itemOf(name)
		switch {
		case item == nil && seen: // a function
		case item == nil:
			c.unknownName(name)
		case len(item.Rows) > 0 && !seen && item.Kind != "":
			c.wrong(name, "the item %q has rows; name one, such as %s[%s]", item.Code, item.Code, strconv.Quote(string(item.Rows[0].Code)))
		default:
			key := string(item.Code)
			if len(item.Rows) > 0 {
				key += "." + row
			}
			if column, ok := c.q.Column(key); ok && !slices.Contains(c.columns, column) {
				c.columns = append(c.columns, column)
			}
		}
	}
	slices.Sort(c.columns)
}

func (c *conditionReader) unknownName(name *ast.IdentifierNode) {
	var earlier []string
	for i := range c.q.Items {
		code := string(c.q.Items[i].Code)
		switch {
		case i < c.item:
			earlier = append(earlier, code)
		case code != "" && conditionName(code) == name.Value && i == c.item:
			c.wrong(name, "the condition of %q depends on its own answer", code)
			return
		case code != "" && conditionName(code) == name.Value:
			c.wrong(name, "the item %q comes later; a condition can only use earlier items", code)
			return
		}
	}
	c.wrong(name, "no earlier item %q%s", name.Value, didYouMean(name.Value, earlier))
}
