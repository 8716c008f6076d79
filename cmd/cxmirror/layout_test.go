package main_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// module is the import path that the packages of this repository begin with.
const module = "cxmirror"

// rows is the direction of the house: a package imports only packages of lower rows. The picture in the
// README is a copy of this table; a change of one is a change of both, which TestLayoutIsPictured sees to.
var rows = map[string]int{
	"cmd/cxmirror":  6,
	"pkg/web":       5,
	"pkg/fieldwork": 4,
	"pkg/report":    4,
	"charts":        3,
	"pkg/access":    3,
	"pkg/findings":  2,
	"pkg/store":     1,
	"pkg/tally":     1,
	"pkg/exchange":  1,
	"pkg/survey":    0,
	"pkg/stats":     0,
	"surveys":       0,
	"migrations":    0,
}

// strangers are pairs that the rows would allow and the design does not.
var strangers = []struct{ importer, imported, because string }{
	{"pkg/findings", "pkg/store", "findings are made from tallies, whether those come from a database or from files"},
	{"pkg/findings", "pkg/exchange", "findings are made from tallies, whether those come from a database or from files"},
	{"pkg/store", "pkg/stats", "the database keeps answers and draws no conclusions"},
	{"pkg/access", "pkg/store", "who may do what is decided of users wherever they are kept"},
	{"charts", "pkg/store", "charts draw findings"},
	{"charts", "pkg/exchange", "charts draw findings"},
	{"pkg/report", "pkg/store", "reports are made from findings"},
}

// owners says which packages may import what comes from outside, by the longest path that fits. An outside
// package that no line names is a decision nobody took yet, and fails.
var owners = map[string][]string{
	"github.com/alecthomas/kong":               {"cmd/cxmirror"},
	"github.com/expr-lang/expr":                {"pkg/survey"},
	"github.com/goccy/go-yaml":                 {"pkg/survey", "pkg/exchange"},
	"github.com/nicksnyder/go-i18n/v2":         {"pkg/survey"},
	"github.com/santhosh-tekuri/jsonschema/v6": {"pkg/survey"},
	"golang.org/x/text":                        {"pkg/exchange"},
	"golang.org/x/text/language":               {"pkg/survey", "pkg/web"}, // what go-i18n is addressed with, and what browsers ask for
	"golang.org/x/text/feature/plural":         {"pkg/survey"},
	"golang.org/x/text/unicode":                {"pkg/exchange", "pkg/survey", "pkg/report", "pkg/tally", "pkg/access"},
	"golang.org/x/text/width":                  {"pkg/survey"}, // where the caret under a mistake stands
	"gonum.org/v1/gonum":                       {"pkg/stats"},
	"github.com/go-echarts/go-echarts/v2":      {"charts"},
	"github.com/dop251/goja":                   {"charts"},
	"golang.org/x/image":                       {"charts", "pkg/report"}, // report: which letters the font of its documents has
	"golang.org/x/image/draw":                  {"pkg/web"},              // logos are made as small as they are shown
	"golang.org/x/image/webp":                  {"pkg/web"},
	"gorm.io":                                  {"pkg/store"},
	"github.com/jackc/pgx/v5":                  {"pkg/store"}, // what gorm's driver runs on: errors by their codes, and reading in bulk
	"github.com/libtnb/sqlite":                 {"pkg/store"},
	"modernc.org/sqlite":                       {"pkg/store"},
	"github.com/pressly/goose/v3":              {"pkg/store"},
	"github.com/alexedwards/argon2id":          {"pkg/access"},
	"github.com/coreos/go-oidc/v3":             {"pkg/access"},
	"golang.org/x/oauth2":                      {"pkg/access"},
	"github.com/pquerna/otp":                   {"pkg/access"},
	"golang.org/x/sys/unix":                    {"cmd/cxmirror"}, // terminals that do not show a password
	"golang.org/x/crypto/acme":                 {"cmd/cxmirror"},
	"github.com/wneessen/go-mail":              {"pkg/fieldwork"},
	"golang.org/x/net/idna":                    {"pkg/fieldwork"}, // domains of addresses as mail servers know them
	"codeberg.org/go-pdf/fpdf":                 {"pkg/report"},
	"github.com/xuri/excelize/v2":              {"pkg/report", "pkg/exchange"}, // reports, and lists of people as workbooks
	"github.com/klauspost/compress/flate":      {"pkg/web"},                    // packs parts of pages that are put together
	"github.com/labstack/echo/v4":              {"pkg/web"},
	"github.com/danielgtaylor/huma/v2":         {"pkg/web"},
	"github.com/alexedwards/scs/v2":            {"pkg/web"},
	"github.com/boombuler/barcode":             {"pkg/web"},
	"github.com/prometheus/client_golang":      {"pkg/web"},

	// Parts of the standard library that only one package knows.
	"database/sql": {"pkg/store"},
	"net/http":     {"pkg/web", "cmd/cxmirror", "pkg/access"}, // access: what a provider of single sign-on is talked to with
	"net/smtp":     {"pkg/fieldwork"},
	"os/exec":      {"cmd/cxmirror"},
	"unsafe":       {},
	"C":            {}, // the program is one static binary
}

// testOnly may be imported by the tests of every package, and by nothing else.
var testOnly = []string{
	"github.com/google/go-cmp", "testing", "net/http/httptest",
	"github.com/chromedp/chromedp", "github.com/chromedp/cdproto", // a real browser
	"golang.org/x/net/html",                                      // what a browser reads
	"github.com/emersion/go-smtp", "github.com/emersion/go-sasl", // a real mail server
}

// testPackages are code of tests that is a package of its own, for the tests of several packages to use. What
// holds for tests holds for it, as a part of the package that it lies in; and only tests import it.
var testPackages = []string{"pkg/store/storetest", "pkg/access/accesstest"}

// testers are the packages whose tests alone may import what belongs to another package.
var testers = []struct{ importer, imported, because string }{
	{"pkg/report", "github.com/boombuler/barcode", "what is printed is tested with codes that cameras read"},
	{"pkg/web", "github.com/santhosh-tekuri/jsonschema/v6", "answers of the API are held to its document"},
	{"pkg/web", "github.com/pquerna/otp", "second factors are entered as an authenticator shows them"},
	{"pkg/web", "github.com/goccy/go-yaml", "the document of the API says the same in YAML"},
	{"pkg/web", "github.com/jackc/pgx/v5", "pages are tested with a database that refuses, by its own errors"},
	{"cmd/cxmirror", "github.com/goccy/go-yaml", "the compose file is read, and what it says is started"},
	{"cmd/cxmirror", "gonum.org/v1/gonum", "the program's figures are held to distributions it did not compute itself"},
}

// A listedPackage is what `go list -json` says of a package's imports.
type listedPackage struct {
	ImportPath                         string
	Imports, TestImports, XTestImports []string
}

// TestLayout holds the packages of the repository to the direction of the house.
func TestLayout(t *testing.T) {
	list := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports,TestImports,XTestImports", "./...")
	list.Dir = "../.."
	var stderr bytes.Buffer
	list.Stderr = &stderr
	out, err := list.Output()
	if err != nil {
		t.Fatalf("go list ./...: %v\n%s", err, stderr.String())
	}
	seen := 0
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; seen++ {
		var p listedPackage
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("go list ./... printed what is not JSON: %v", err)
		}
		for _, sentence := range violations(p) {
			t.Error(sentence)
		}
	}
	if seen == 0 {
		t.Error("go list ./... found no package")
	}
}

// TestLayoutIsPictured holds the picture in the README to the table.
func TestLayoutIsPictured(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, picture, _ := strings.Cut(string(readme), "## The house\n\n```\n")
	picture, _, _ = strings.Cut(picture, "\n```")
	pictured := map[string]int{}
	for line := range strings.Lines(picture) {
		packages, _, _ := strings.Cut(line, "   ")
		fields := strings.Fields(packages)
		row, err := strconv.Atoi(fields[0])
		if err != nil {
			t.Fatalf("a line of the picture begins with no row: %s", line)
		}
		for _, name := range fields[1:] {
			pictured[name] = row
		}
	}
	if diff := cmp.Diff(rows, pictured); diff != "" {
		t.Errorf("the picture in the README is another (-table +picture):\n%s", diff)
	}
}

// TestLayoutSpeaksUp shows that each kind of misstep is found and named.
func TestLayoutSpeaksUp(t *testing.T) {
	tests := []struct {
		name string
		pkg  listedPackage
		want string // part of the only sentence; empty for none
	}{
		{"down the rows", listedPackage{ImportPath: "cxmirror/pkg/findings", Imports: []string{"cxmirror/pkg/stats", "math", "cxmirror/pkg/tally"}}, ""},
		{"its own parts", listedPackage{ImportPath: "cxmirror/pkg/stats", Imports: []string{"cxmirror/pkg/stats/internal/beta"}}, ""},
		{"a part's direction", listedPackage{ImportPath: "cxmirror/pkg/stats/internal/beta", Imports: []string{"cxmirror/pkg/survey"}}, "cxmirror/pkg/stats/internal/beta imports cxmirror/pkg/survey"},
		{"up", listedPackage{ImportPath: "cxmirror/pkg/stats", Imports: []string{"cxmirror/pkg/tally"}}, "cxmirror/pkg/stats imports cxmirror/pkg/tally, but row 0 may import only rows below it, and pkg/tally is in row 1"},
		{"sideways", listedPackage{ImportPath: "cxmirror/pkg/tally", Imports: []string{"cxmirror/pkg/exchange"}}, "row 1 may import only rows below it, and pkg/exchange is in row 1"},
		{"sideways in a test", listedPackage{ImportPath: "cxmirror/surveys", XTestImports: []string{"cxmirror/surveys", "cxmirror/pkg/survey"}}, ""},
		{"up in a test", listedPackage{ImportPath: "cxmirror/surveys", XTestImports: []string{"cxmirror/pkg/tally"}}, "a test of row 0 may import only rows up to its own"},
		{"strangers", listedPackage{ImportPath: "cxmirror/pkg/findings", Imports: []string{"cxmirror/pkg/store"}}, "findings are made from tallies"},
		{"outside, its owner", listedPackage{ImportPath: "cxmirror/pkg/stats", Imports: []string{"gonum.org/v1/gonum/stat/distuv"}}, ""},
		{"outside, another", listedPackage{ImportPath: "cxmirror/pkg/findings", Imports: []string{"gonum.org/v1/gonum/stat"}}, "cxmirror/pkg/findings imports gonum.org/v1/gonum/stat, which only pkg/stats may import"},
		{"longest path counts", listedPackage{ImportPath: "cxmirror/pkg/survey", Imports: []string{"golang.org/x/text/language", "golang.org/x/text/encoding/charmap"}}, "golang.org/x/text/encoding/charmap, which only pkg/exchange may import"},
		{"outside, like a known one", listedPackage{ImportPath: "cxmirror/pkg/survey", Imports: []string{"github.com/expr-lang/expression"}}, "which no line of the table names"},
		{"outside, unknown", listedPackage{ImportPath: "cxmirror/pkg/survey", Imports: []string{"github.com/pkg/errors"}}, "which no line of the table names"},
		{"standard library, owned", listedPackage{ImportPath: "cxmirror/pkg/findings", Imports: []string{"database/sql/driver"}}, "which only pkg/store may import"},
		{"standard library, nobody's", listedPackage{ImportPath: "cxmirror/pkg/tally", Imports: []string{"unsafe"}}, "which no package may import"},
		{"for tests only", listedPackage{ImportPath: "cxmirror/pkg/tally", Imports: []string{"github.com/google/go-cmp/cmp"}}, "which only tests may import"},
		{"in tests", listedPackage{ImportPath: "cxmirror/pkg/tally", TestImports: []string{"github.com/google/go-cmp/cmp", "testing"}}, ""},
		{"another's, in a test that may", listedPackage{ImportPath: "cxmirror/cmd/cxmirror", XTestImports: []string{"gonum.org/v1/gonum/stat/distuv"}}, ""},
		{"another's, in the program", listedPackage{ImportPath: "cxmirror/cmd/cxmirror", Imports: []string{"gonum.org/v1/gonum/stat/distuv"}}, "which only pkg/stats may import"},
		{"another's, in a test that may not", listedPackage{ImportPath: "cxmirror/pkg/tally", XTestImports: []string{"gonum.org/v1/gonum/stat"}}, "which only pkg/stats may import"},
		{"code of tests", listedPackage{ImportPath: "cxmirror/pkg/store/storetest", Imports: []string{"testing", "os/exec", "github.com/jackc/pgx/v5", "cxmirror/pkg/store"}}, ""},
		{"code of tests, up", listedPackage{ImportPath: "cxmirror/pkg/store/storetest", Imports: []string{"cxmirror/pkg/findings"}}, "a test of row 1 may import only rows up to its own"},
		{"code of tests in a test", listedPackage{ImportPath: "cxmirror/pkg/web", XTestImports: []string{"cxmirror/pkg/store/storetest"}}, ""},
		{"code of tests in the program", listedPackage{ImportPath: "cxmirror/pkg/web", Imports: []string{"cxmirror/pkg/store/storetest"}}, "which only tests may import"},
		{"no place in the house", listedPackage{ImportPath: "cxmirror/pkg/util"}, "cxmirror/pkg/util has no row"},
		{"imports what has no place", listedPackage{ImportPath: "cxmirror/pkg/tally", Imports: []string{"cxmirror/pkg/util"}}, "cxmirror/pkg/tally imports cxmirror/pkg/util, which has no row"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := violations(tt.pkg)
			switch {
			case tt.want == "" && len(got) > 0:
				t.Errorf("violations(%+v) = %q; want none", tt.pkg, got)
			case tt.want != "" && (len(got) != 1 || !strings.Contains(got[0], tt.want)):
				t.Errorf("violations(%+v) = %q; want one with %q", tt.pkg, got, tt.want)
			}
		})
	}
}

// violations returns one sentence for each import of p that the tables above do not allow.
func violations(p listedPackage) []string {
	importer, ok := home(p.ImportPath)
	if !ok {
		return []string{p.ImportPath + " has no row in the layout table: give it one, or put its code into a package that has"}
	}
	if isTestPackage(p.ImportPath) {
		p.Imports, p.TestImports = nil, slices.Concat(p.Imports, p.TestImports)
	}
	var sentences []string
	for _, imported := range p.Imports {
		if because, ok := mayImport(importer, imported); !ok {
			sentences = append(sentences, fmt.Sprintf("%s imports %s, %s", p.ImportPath, imported, because))
		}
	}
	tests := slices.Concat(p.TestImports, p.XTestImports)
	slices.Sort(tests)
	for _, imported := range slices.Compact(tests) {
		if because, ok := testMayImport(importer, imported); !ok {
			sentences = append(sentences, fmt.Sprintf("a test of %s imports %s, %s", p.ImportPath, imported, because))
		}
	}
	return sentences
}

// mayImport says whether a package of the house may import a path, and if not, why: the end of a sentence.
func mayImport(importer, imported string) (because string, ok bool) {
	if isTestPackage(imported) || slices.ContainsFunc(testOnly, func(path string) bool { return within(imported, path) }) {
		return "which only tests may import", false
	}
	if !within(imported, module) {
		return ownerAllows(importer, imported)
	}
	target, ok := home(imported)
	switch {
	case !ok:
		return "which has no row in the layout table", false
	case target == importer:
		return "", true
	case rows[target] >= rows[importer]:
		return fmt.Sprintf("but row %d may import only rows below it, and %s is in row %d", rows[importer], target, rows[target]), false
	}
	for _, pair := range strangers {
		if pair.importer == importer && pair.imported == target {
			return "but " + pair.because, false
		}
	}
	return "", true
}

// testMayImport is mayImport for test files, which may also use their neighbours (the questionnaires are
// checked by their grammar), what only tests need, and whatever of the standard library.
func testMayImport(importer, imported string) (because string, ok bool) {
	if slices.ContainsFunc(testOnly, func(path string) bool { return within(imported, path) }) {
		return "", true
	}
	if !within(imported, module) {
		for _, pair := range testers {
			if pair.importer == importer && within(imported, pair.imported) {
				return "", true
			}
		}
		if standard(imported) {
			return "", true
		}
		return ownerAllows(importer, imported)
	}
	target, ok := home(imported)
	switch {
	case !ok:
		return "which has no row in the layout table", false
	case rows[target] > rows[importer]:
		return fmt.Sprintf("but a test of row %d may import only rows up to its own, and %s is in row %d", rows[importer], target, rows[target]), false
	}
	return "", true
}

// ownerAllows looks a path from outside the module up in owners, by the longest path that fits.
func ownerAllows(importer, imported string) (because string, ok bool) {
	longest, found := "", false
	for path := range owners {
		if within(imported, path) && len(path) > len(longest) {
			longest, found = path, true
		}
	}
	switch allowed := owners[longest]; {
	case !found && standard(imported):
		return "", true
	case !found:
		return "which no line of the table names: decide which package it belongs to", false
	case slices.Contains(allowed, importer):
		return "", true
	case len(allowed) == 0:
		return "which no package may import", false
	default:
		return "which only " + strings.Join(allowed, " and ") + " may import", false
	}
}

// isTestPackage says whether a path of this module is one of testPackages.
func isTestPackage(importPath string) bool {
	return slices.Contains(testPackages, strings.TrimPrefix(importPath, module+"/"))
}

// home returns the package of the layout table that a path of this module is, or is an internal part of, or the
// part for tests.
func home(importPath string) (string, bool) {
	name := strings.TrimPrefix(importPath, module+"/")
	name, _, _ = strings.Cut(name, "/internal/")
	if isTestPackage(importPath) {
		name = name[:strings.LastIndexByte(name, '/')]
	}
	_, ok := rows[name]
	return name, ok
}

// within says whether an import path is root or lies below it.
func within(path, root string) bool {
	return path == root || strings.HasPrefix(path, root+"/")
}

// standard says whether an import path is of the standard library: its first element has no dot.
func standard(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return !strings.Contains(first, ".")
}
