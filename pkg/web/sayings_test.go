package web

import (
	"go/ast"
	"go/parser"
	"go/token"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"cxmirror/pkg/survey"
)

// saidIn is a Saying that source makes: its key, or what its key begins with, and what it has to put in.
type saidIn struct {
	where string
	key   string
	whole bool // key is all of it
	args  []string
}

// sources parses the Go files of a package, without its tests.
func sources(t *testing.T, dir string) (*token.FileSet, []*ast.File) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	set := token.NewFileSet()
	var parsed []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		file, err := parser.ParseFile(set, name, text, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		parsed = append(parsed, file)
	}
	return set, parsed
}

// literal returns a string that source spells out, or the beginning of one that it puts together.
func literal(e ast.Expr) (text string, whole, ok bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		text, err := strconv.Unquote(e.Value)
		return text, true, err == nil
	case *ast.BinaryExpr:
		text, _, ok := literal(e.X)
		return text, false, ok
	}
	return "", false, false
}

// called returns the name of what a call calls, without its package.
func called(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	}
	return ""
}

// sayingsOf returns every Saying that a package makes. What it makes in a way that cannot be read here fails the test.
func sayingsOf(t *testing.T, dir string) []saidIn {
	t.Helper()
	set, files := sources(t, dir)
	var all []saidIn
	for _, file := range files {
		ast.Inspect(file, func(n ast.Node) bool {
			one, found := saidIn{}, false
			switch n := n.(type) {
			case *ast.CallExpr:
				if called(n.Fun) != "Say" || len(n.Args) < 2 {
					return true
				}
				if selector, ok := n.Fun.(*ast.SelectorExpr); ok && called(selector.X) != "survey" {
					return true // a phrase is said, not made
				}
				if one.key, one.whole, found = literal(n.Args[0]); !found {
					t.Errorf("%s: the key of a Saying begins with no literal", set.Position(n.Pos()))
				}
				for i := 2; i < len(n.Args); i += 2 {
					name, whole, ok := literal(n.Args[i])
					if !ok || !whole || i+1 == len(n.Args) {
						t.Errorf("%s: argument %d of a Saying is no name with a value", set.Position(n.Pos()), i)
					}
					one.args = append(one.args, name)
				}
			case *ast.CompositeLit:
				if called(n.Type) != "Saying" || len(n.Elts) == 0 {
					return true
				}
				for _, element := range n.Elts {
					field, ok := element.(*ast.KeyValueExpr)
					if !ok {
						continue
					}
					switch called(field.Key) {
					case "Key":
						one.key, one.whole, found = literal(field.Value)
					case "Args":
						args, ok := field.Value.(*ast.CompositeLit)
						if !ok {
							continue // of a function that makes all of them, such as Say
						}
						for _, arg := range args.Elts {
							name, _, _ := literal(arg.(*ast.KeyValueExpr).Key) //nolint:forcetypeassert // a map's literal has nothing else
							one.args = append(one.args, name)
						}
					}
				}
			}
			if found {
				one.where = set.Position(n.Pos()).String()
				all = append(all, one)
			}
			return true
		})
	}
	return all
}

// Whatever the packages say of files, mails and questions, the workbench says in all its languages; and it has no phrase
// for what nobody says.
func TestEverySayingIsTranslated(t *testing.T) {
	phrases, err := survey.LoadPhrases(files, "phrases/workbench")
	if err != nil {
		t.Fatal(err)
	}
	used := make(map[string]bool)
	tell := func(where, prefix string, s survey.Saying) {
		for _, lang := range phrases.Languages() {
			if said := phrases.Tell(lang, prefix, s); strings.Contains(said, "["+prefix) || strings.Contains(said, "<no value>") || strings.TrimSpace(said) == "" {
				t.Errorf("%s: %s%s is %q in %s", where, prefix, s.Key, said, lang)
			}
		}
	}
	checked := 0
	for dir, prefix := range map[string]string{
		".": fileWords, "../exchange": fileWords, "../survey": fileWords, "../fieldwork": mailWords, "../findings": alikeWords, "../tally": alikeWords,
	} {
		for _, one := range sayingsOf(t, dir) {
			checked++
			args := make(survey.Args)
			for _, name := range one.args {
				args[name] = "x"
			}
			if args["Count"] != nil {
				args["Count"] = 5
			}
			keys := []string{prefix + one.key}
			if !one.whole {
				keys = slices.DeleteFunc(phrases.Keys(), func(key string) bool { return !strings.HasPrefix(key, prefix+one.key) })
			}
			if len(keys) == 0 {
				t.Errorf("%s: no phrase begins with %s%s", one.where, prefix, one.key)
			}
			for _, key := range keys {
				used[key] = true
				tell(one.where, prefix, survey.Saying{Key: strings.TrimPrefix(key, prefix), Args: args})
			}
		}
	}
	if checked < 90 {
		t.Errorf("only %d Sayings were looked at", checked)
	}
	used[alikeWords+"item"] = true // what the others stand behind
	for _, key := range phrases.Keys() {
		for _, prefix := range []string{fileWords, mailWords, alikeWords} {
			if strings.HasPrefix(key, prefix) && !used[key] {
				t.Errorf("nobody says %s", key)
			}
		}
	}

	// Keys that are put together, one by one.
	rules := rulesOfAnswers(t)
	if len(rules) < 20 {
		t.Errorf("only %d rules were found", len(rules))
	}
	for _, rule := range rules {
		for _, problem := range []survey.Problem{
			{Rule: rule, Low: 1, High: 5},
			{Rule: rule, Nearest: "near", Low: 1, High: 5},
			{Rule: rule, Low: 1, High: math.Inf(1)},
			{Rule: rule, Low: math.Inf(-1), High: 5},
		} {
			tell("rule "+string(rule), fileWords, problem.Saying())
		}
	}
	for _, kind := range survey.Kinds() {
		tell("kind "+string(kind), alikeWords, survey.Saying{Key: "kind_" + string(kind)})
	}
}

// rulesOfAnswers returns the rules that an answer can break, as package survey declares them.
func rulesOfAnswers(t *testing.T) []survey.Rule {
	t.Helper()
	_, files := sources(t, "../survey")
	var rules []survey.Rule
	for _, file := range files {
		for _, declared := range file.Decls {
			constants, ok := declared.(*ast.GenDecl)
			if !ok || constants.Tok != token.CONST {
				continue
			}
			for _, spec := range constants.Specs {
				value, ok := spec.(*ast.ValueSpec)
				if !ok || value.Type == nil || called(value.Type) != "Rule" {
					continue
				}
				text, _, _ := literal(value.Values[0])
				rules = append(rules, survey.Rule(text))
			}
		}
	}
	return rules
}

// No page says the English of an error, of a reason or of an advice: those are for programs and for the log. Where
// source takes it all the same, this names the function, and why.
func TestNoPageSaysTheEnglishOfErrors(t *testing.T) {
	allowed := map[string]string{
		"importPeopleByAPI": "problems of the API are English",
		"rejectionOf":       "problems of the API are English",
		"Error":             "an error that holds another",
		"end":               "csv.Writer.Error returns an error",
		"fileProblems":      "mistakes of a questionnaire or a map speak of the keys of a format, which are English",
		"versionOf":         "mistakes of a questionnaire speak of the keys of a format, which are English",
	}
	set, files := sources(t, ".")
	looked, met := 0, make(map[string]bool)
	for _, file := range files {
		for _, declared := range file.Decls {
			function, ok := declared.(*ast.FuncDecl)
			if !ok || function.Body == nil {
				continue
			}
			looked++
			ast.Inspect(function.Body, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok {
					return true
				}
				if selector, ok := call.Fun.(*ast.SelectorExpr); ok && called(selector.X) == "log" {
					return false // the log is English
				}
				if what := englishOf(call); what != "" {
					met[function.Name.Name] = true
					if allowed[function.Name.Name] == "" {
						t.Errorf("%s: %s takes %s, which is English: say a phrase", set.Position(call.Pos()), function.Name.Name, what)
					}
				}
				return true
			})
		}
	}
	if looked < 700 {
		t.Errorf("only %d functions were looked at", looked)
	}
	for name := range allowed {
		if !met[name] {
			t.Errorf("%s takes no English of errors any more", name)
		}
	}
	for source, want := range map[string]bool{
		"err.Error()": true, "fmt.Sprintf(\"%v\", err)": true, "fmt.Sprint(err)": true, "fault.Explain()": true, "fault.Advise()": true,
		"problem.Reason()": true, "says.String()": true, "mistake.String()": true, "fmt.Errorf(\"%w\", err)": false, "fmt.Sprintf(\"%d\", n)": false, "b.String()": false,
	} {
		e, err := parser.ParseExpr(source)
		if err != nil {
			t.Fatal(err)
		}
		if got := englishOf(e.(*ast.CallExpr)) != ""; got != want { //nolint:forcetypeassert // all are calls
			t.Errorf("%s: found %v, want %v", source, got, want)
		}
	}
}

// englishOf returns what of a call is the English of an error or of a Saying; "" if nothing is.
func englishOf(call *ast.CallExpr) string {
	selector, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return ""
	}
	name, of := selector.Sel.Name, called(selector.X)
	switch {
	case slices.Contains([]string{"Error", "Explain", "Advise", "Reason"}, name) && len(call.Args) == 0:
		return of + "." + name
	case name == "String" && len(call.Args) == 0 && slices.Contains([]string{"Says", "says", "mistake", "problem", "rejected", "rejection", "Saying"}, of):
		return of + ".String"
	case of == "fmt" && strings.HasPrefix(name, "Sprint"):
		for _, argument := range call.Args {
			if ident, ok := argument.(*ast.Ident); ok && (ident.Name == "err" || strings.HasSuffix(ident.Name, "Err")) {
				return "fmt." + name + " of " + ident.Name
			}
		}
	}
	return ""
}
