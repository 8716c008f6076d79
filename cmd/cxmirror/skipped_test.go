package main_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// maySkip are the functions of tests that may skip wherever they run, each with its reason. All others ask whether this
// is CI, which has all that tests need, or whether a run was to be short.
var maySkip = map[string]string{
	"pkg/stats/rbo_test.go TestRBOAuthorsTestSet":        "the licence of the test set keeps it out of the repository",
	"pkg/fieldwork/queue_kill_test.go TestMailerProcess": "a program that another test starts",
	"charts/type_test.go FuzzWrap":                       "a fuzzer's input that is none",
	"cmd/cxmirror/service_bench_test.go residentMemory":  "another system than Linux, which CI is",
	"pkg/store/storetest/postgres_other.go newDatabase":  "another system than Unix, which CI is",
	"pkg/store/storetest/postgres_other.go sharedServer": "another system than Unix, which CI is",
}

// A test that is skipped in CI holds nothing: what is missing there, be it an engine, a browser or a terminal, fails.
func TestNothingIsSkippedInCI(t *testing.T) {
	root := os.DirFS("../..")
	met, skips := map[string]bool{}, 0
	err := fs.WalkDir(root, ".", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (entry.Name() == "node_modules" || path != "." && strings.HasPrefix(entry.Name(), ".")):
			return fs.SkipDir
		case !strings.HasSuffix(path, "_test.go") && !slices.Contains(testPackages, filepath.ToSlash(filepath.Dir(path))) || !strings.HasSuffix(path, ".go"):
			return nil
		}
		source, err := fs.ReadFile(root, path)
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, source, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, declaration := range file.Decls {
			function, ok := declaration.(*ast.FuncDecl)
			if !ok || function.Body == nil {
				continue
			}
			skipping, asking := false, false
			ast.Inspect(function.Body, func(node ast.Node) bool {
				switch node := node.(type) {
				case *ast.BasicLit:
					asking = asking || node.Value == `"CI"`
				case *ast.CallExpr:
					if called, ok := node.Fun.(*ast.SelectorExpr); ok {
						skipping = skipping || slices.Contains([]string{"Skip", "Skipf", "SkipNow"}, called.Sel.Name)
						asking = asking || called.Sel.Name == "Short"
					}
				}
				return true
			})
			if !skipping {
				continue
			}
			skips++
			name := path + " " + function.Name.Name
			met[name] = true
			if maySkip[name] == "" && !asking {
				t.Errorf("%s skips without asking whether this is CI, where nothing is missing", name)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for name := range maySkip {
		if !met[name] {
			t.Errorf("%s does not skip any more", name)
		}
	}
	if skips < 10 {
		t.Errorf("only %d functions that skip were found", skips)
	}
}
