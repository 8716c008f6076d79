package web

import (
	"fmt"
	"html/template"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"text/template/parse"
	"unicode"

	"golang.org/x/net/html"

	"cxmirror/pkg/survey"
)

// sameEverywhere are words of templates that are the same in every language: names, kinds of files, symbols.
var sameEverywhere = regexp.MustCompile(`\b(cx|mirror|cxmirror|CSV|JSON|SVG|PNG|PDF|XLSX|HTML|OpenAPI|API|UTC|YAML|N|k)\b`)

// saidAloud are attributes that people read or hear.
var saidAloud = []string{"title", "placeholder", "aria-label", "aria-description", "aria-roledescription", "alt", "label"}

// asWritten writes a template as the HTML it makes, every branch of it, with a sign that is no letter wherever
// something is put in.
func asWritten(node parse.Node) string {
	const put = "\ue000"
	branch := func(b *parse.BranchNode) string {
		text := asWritten(b.List)
		if b.ElseList != nil {
			text += asWritten(b.ElseList)
		}
		return text
	}
	switch n := node.(type) {
	case nil:
	case *parse.ListNode:
		if n == nil {
			return ""
		}
		var all strings.Builder
		for _, inner := range n.Nodes {
			all.WriteString(asWritten(inner))
		}
		return all.String()
	case *parse.TextNode:
		return string(n.Text)
	case *parse.ActionNode:
		if len(n.Pipe.Decl) > 0 {
			return ""
		}
		return put
	case *parse.TemplateNode:
		return put
	case *parse.IfNode:
		return branch(&n.BranchNode)
	case *parse.RangeNode:
		return branch(&n.BranchNode)
	case *parse.WithNode:
		return branch(&n.BranchNode)
	}
	return ""
}

// untranslated returns the words that a template says by itself, in whatever language they are.
func untranslated(t *template.Template) []string {
	if t.Tree == nil {
		return nil
	}
	var all []string
	letters := func(text string) bool {
		return strings.ContainsFunc(sameEverywhere.ReplaceAllString(text, ""), unicode.IsLetter)
	}
	tokens := html.NewTokenizer(strings.NewReader(asWritten(t.Tree.Root)))
	silent := 0 // within an element that holds no words of a language
	wordless := []string{"style", "script", "code"}
	for {
		switch tokens.Next() {
		case html.ErrorToken:
			return all
		case html.TextToken:
			if text := strings.TrimSpace(html.UnescapeString(string(tokens.Text()))); silent == 0 && letters(text) {
				all = append(all, text)
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			token := tokens.Token()
			if slices.Contains(wordless, token.Data) {
				silent++
			}
			for _, a := range token.Attr {
				button := token.Data == "input" && a.Key == "value" && slices.ContainsFunc(token.Attr, func(b html.Attribute) bool {
					return b.Key == "type" && slices.Contains([]string{"submit", "button", "reset"}, b.Val)
				})
				if (slices.Contains(saidAloud, a.Key) || button) && letters(a.Val) {
					all = append(all, fmt.Sprintf("%s=%q", a.Key, a.Val))
				}
			}
		case html.EndTagToken:
			if name, _ := tokens.TagName(); silent > 0 && slices.Contains(wordless, string(name)) {
				silent--
			}
		case html.CommentToken, html.DoctypeToken:
		}
	}
}

// No template says a word by itself: all words come from the phrases, which are there in every language.
func TestNoTemplateSaysAWordByItself(t *testing.T) {
	f, _ := newBench(t)
	looked := 0
	for folder, set := range f.server.pages.sets {
		for _, one := range set.Templates() {
			looked++
			for _, words := range untranslated(one) {
				t.Errorf("templates/%s, %s says %q: let it say a phrase", folder, one.Name(), words)
			}
		}
	}
	if looked < 60 {
		t.Errorf("only %d templates were looked at", looked)
	}
	for _, tt := range []struct {
		source string
		want   int
	}{
		{`<p>Hello</p>`, 1},
		{`<p>{{.}}</p>`, 0},
		{`<p title="Привет" class="big">{{.}}</p>`, 1},
		{`{{if .}}<b>yes</b>{{else}}<b>no</b>{{end}}`, 2},
		{`{{range .}}<img alt="a {{.}}">{{else}}none{{end}}`, 2},
		{`<input placeholder="{{.}}" value="kept">`, 0},
		{`<input type="submit" value="Go">`, 1},
		{`<script>let a;</script><style>a{}</style><p>– 52 % · CSV</p>`, 0},
		{`{{with .}}<option aria-label="{{.}}: of">{{.}}</option>{{end}}`, 1},
		{`<optgroup label="Groups">`, 1},
	} {
		if got := untranslated(template.Must(template.New("").Parse(tt.source))); len(got) != tt.want {
			t.Errorf("%s says %q, want %d of them", tt.source, got, tt.want)
		}
	}
}

// saidKeys notes every phrase that a template says by a key of its own: how it is said, with which argument.
func saidKeys(node parse.Node, each func(method, key, argument string)) {
	branch := func(b *parse.BranchNode) {
		saidKeys(b.Pipe, each)
		saidKeys(b.List, each)
		if b.ElseList != nil {
			saidKeys(b.ElseList, each)
		}
	}
	switch n := node.(type) {
	case *parse.ListNode:
		for _, inner := range n.Nodes {
			saidKeys(inner, each)
		}
	case *parse.ActionNode:
		saidKeys(n.Pipe, each)
	case *parse.TemplateNode:
		if n.Pipe != nil {
			saidKeys(n.Pipe, each)
		}
	case *parse.PipeNode:
		for _, command := range n.Cmds {
			saidKeys(command, each)
		}
	case *parse.CommandNode:
		for _, argument := range n.Args {
			saidKeys(argument, each)
		}
		method := ""
		switch first := n.Args[0].(type) {
		case *parse.FieldNode:
			method = first.Ident[len(first.Ident)-1]
		case *parse.VariableNode:
			method = first.Ident[len(first.Ident)-1]
		}
		if len(n.Args) < 2 || !slices.Contains([]string{"T", "With", "N"}, method) {
			return
		}
		if key, ok := n.Args[1].(*parse.StringNode); ok {
			argument := ""
			if len(n.Args) > 2 {
				if name, ok := n.Args[2].(*parse.StringNode); ok {
					argument = name.Text
				}
			}
			each(method, key.Text, argument)
		}
	case *parse.IfNode:
		branch(&n.BranchNode)
	case *parse.RangeNode:
		branch(&n.BranchNode)
	case *parse.WithNode:
		branch(&n.BranchNode)
	}
}

// Every phrase that the workbench says is there in each of its languages, and with a count where it is said with one.
func TestEveryPhraseOfTheWorkbenchIsThere(t *testing.T) {
	f, _ := newBench(t)
	phrases := f.server.workbench.phrases
	if got := phrases.Languages(); !slices.Equal(got, []survey.Language{"en", "pl", "ro", "ru"}) {
		t.Errorf("the workbench speaks %v", got)
	}
	checked := 0
	check := func(where, method, key, argument string) {
		checked++
		for _, lang := range phrases.Languages() {
			said := ""
			switch method {
			case "T":
				said = phrases.Say(lang, key, nil)
			case "With":
				said = phrases.Say(lang, key, survey.Args{argument: "x"})
			case "N":
				for _, n := range []int{0, 1, 2, 5, 11, 12, 20, 21, 22, 25, 100, 101, 111, 1000} {
					if said = phrases.SayCount(lang, key, n, nil); strings.HasPrefix(said, "[") {
						break
					}
				}
			}
			if said == "" || strings.HasPrefix(said, "[") || strings.Contains(said, "<no value>") {
				t.Errorf("%s: %s says %q as %q", where, lang, key, said)
			}
		}
	}
	for _, one := range f.server.pages.sets["workbench"].Templates() {
		if one.Tree != nil {
			saidKeys(one.Tree.Root, func(method, key, argument string) { check("template "+one.Name(), method, key, argument) })
		}
	}
	said := regexp.MustCompile(`\.(T|With|N)\("([^"]+)"(?:, "(\w+)")?`)
	sources, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, source := range sources {
		if strings.HasSuffix(source, "_test.go") || strings.HasPrefix(source, "respond") || strings.HasPrefix(source, "ways") {
			continue // respondents are spoken to with phrases of their own
		}
		text, err := os.ReadFile(source)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range said.FindAllStringSubmatch(string(text), -1) {
			if !strings.HasSuffix(match[2], "_") { // the beginning of a key that is put together
				check(source, match[1], match[2], match[3])
			}
		}
	}
	if checked < 800 {
		t.Errorf("only %d places were looked at", checked)
	}
}
