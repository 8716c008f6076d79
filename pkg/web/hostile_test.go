package web

import (
	"cmp"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"
	"golang.org/x/net/html"

	"cxmirror/pkg/store/storetest"
	"cxmirror/pkg/survey"
)

// hostile is what attackers type, by what they hope it does.
var hostile = map[string]string{
	"ends a statement":  `x'); DROP TABLE waves; DELETE FROM people; --`,
	"closes an element": `"'><script>alert(1)</script><img src=x onerror=alert(1)>`,
	"is calculated":     "=HYPERLINK(\"https://evil.example\")",
	"adds a header":     "x\r\nX-Injected: 1\r\nBcc: everybody@example.com",
	"is a template":     `{{.Version}} {{template "top" .}} %s%n ${7*7}`,
}

// trickyName leads out of a folder, and into the headers of what is sent on.
const trickyName = "../../../../tmp/evil\"; filename=\"x\r\nX-Injected: 1.csv"

// shownForm is a form of a page as a browser would send it.
type shownForm struct {
	method, action string
	files          bool
	fields         url.Values
	typed          []string // the names of those that people type into
	uploads        []string // the names of files
}

// formsOf reads the forms of a page, filled in as they are shown.
func formsOf(t *testing.T, page string) []shownForm {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	var forms []shownForm
	for n := range root.Descendants() {
		if n.Type != html.ElementNode || n.Data != "form" {
			continue
		}
		form := shownForm{method: strings.ToUpper(cmp.Or(valueOfAttribute(n, "method"), "get")), action: valueOfAttribute(n, "action"), files: valueOfAttribute(n, "enctype") != "", fields: url.Values{}}
		for field := range n.Descendants() {
			name := valueOfAttribute(field, "name")
			if field.Type != html.ElementNode || name == "" {
				continue
			}
			switch field.Data {
			case "textarea":
				form.typed = append(form.typed, name)
			case "select":
				for option := range field.Descendants() {
					if option.Data == "option" && (!form.fields.Has(name) || isMarked(option, "selected")) {
						form.fields.Set(name, valueOfAttribute(option, "value"))
					}
				}
			case "input":
				switch valueOfAttribute(field, "type") {
				case "checkbox", "radio":
					if isMarked(field, "checked") {
						form.fields.Add(name, valueOfAttribute(field, "value"))
					}
				case "hidden", "submit":
					form.fields.Add(name, valueOfAttribute(field, "value"))
				case "file":
					form.uploads = append(form.uploads, name)
				default:
					form.typed = append(form.typed, name)
				}
			}
		}
		forms = append(forms, form)
	}
	return forms
}

func valueOfAttribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func isMarked(n *html.Node, name string) bool {
	return slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == name })
}

// harmless fails the test for an answer in which something that was typed runs, or got where it should not be.
func harmless(t *testing.T, where string, got answer) {
	t.Helper()
	if got.status >= http.StatusInternalServerError {
		t.Errorf("%s: status %d: %s", where, got.status, visible(got.body))
	}
	if got.header.Get("X-Injected") != "" || got.header.Get("Bcc") != "" {
		t.Errorf("%s: a header that somebody typed: %v", where, got.header)
	}
	if !strings.HasPrefix(got.header.Get("Content-Type"), "text/html") {
		return
	}
	root, err := html.Parse(strings.NewReader(got.body))
	if err != nil {
		t.Fatal(err)
	}
	for n := range root.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		if n.Data == "script" && valueOfAttribute(n, "src") == "" && valueOfAttribute(n, "type") != "application/json" {
			t.Errorf("%s: a script within the page", where)
		}
		for _, a := range n.Attr {
			if strings.HasPrefix(a.Key, "on") || strings.HasPrefix(strings.ToLower(strings.TrimSpace(a.Val)), "javascript:") {
				t.Errorf("%s: <%s %s=%q>", where, n.Data, a.Key, a.Val)
			}
		}
	}
}

// An owner, who may do most, types what attackers type into every field of every form that she reaches, in texts, in
// what is searched for and in names of files. Nothing fails, nothing runs, no header is added, and every table is
// there afterwards. The forms are found by following the links of pages: nobody lists them.
func TestHostileTextInEveryForm(t *testing.T) {
	for engine, dsnOf := range map[string]func(testing.TB) string{"sqlite": storetest.SQLite, "postgres": storetest.Postgres} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			dsn := dsnOf(t)
			f, _ := newOffice(t, dsn)
			twoSides(t, f.field)
			owner := f.addUser(t, "hostile.owner@example.com", survey.Owner)
			tables := tablesOf(t, dsn)
			router := echo.New()
			f.server.routes(router)
			tried := make(map[string]bool)
			for _, hope := range slices.Sorted(maps.Keys(hostile)) {
				p := f.as(t, owner, survey.DefaultOrganisation)
				seen, waiting, looked := map[string]bool{}, []string{f.path("/launch/people"), f.path("/launch/promise"), f.path("/launch/letters"), f.path("/launch/check"), "/", "/profile", "/organisation", "/members", "/tokens", "/views", "/audit", "/people", "/divergence"}, map[string]int{}
				done := make(map[string]bool)
				for len(waiting) > 0 {
					from := waiting[0]
					waiting = waiting[1:]
					page := p.get(from)
					harmless(t, hope+": "+from, page)
					for _, form := range formsOf(t, page.body) {
						path, _, _ := strings.Cut(cmp.Or(form.action, from), "?")
						route := routeIn(router, form.method, path)
						if done[route] || !strings.HasPrefix(path, "/") || len(form.typed)+len(form.uploads) == 0 {
							continue
						}
						done[route], tried[route] = true, true
						for _, name := range form.typed {
							form.fields.Set(name, hostile[hope])
						}
						got := p.sendHostile(cmp.Or(form.action, from), form, hostile[hope])
						harmless(t, hope+": "+route, got)
						if got.status == http.StatusUnauthorized { // it ended the session, as it should
							p = f.as(t, owner, survey.DefaultOrganisation)
						}
					}
					for _, address := range offeredBy(t, page)[http.MethodGet] {
						path, _, _ := strings.Cut(address, "?")
						route := routeIn(router, http.MethodGet, path)
						if r, known := rights[route]; known && strings.HasPrefix(address, "/") && r.reach != everyone && !seen[address] && looked[route] < 2 {
							seen[address] = true
							looked[route]++
							waiting = append(waiting, address)
						}
					}
				}
			}
			if len(tried) < 25 {
				t.Errorf("only %d forms were found: %v", len(tried), slices.Sorted(maps.Keys(tried)))
			}
			after := tablesOf(t, dsn)
			for _, table := range tables {
				if !slices.Contains(after, table) {
					t.Errorf("nothing is left in the table %s", table)
				}
			}
			if waves, err := f.store.Waves(t.Context(), survey.DefaultOrganisation); err != nil || len(waves) < 4 {
				t.Errorf("%d waves are left: %v", len(waves), err)
			}
		})
	}
}

// sendHostile sends a form, with a file under a name that leads elsewhere where it takes files.
func (p *person) sendHostile(action string, form shownForm, content string) answer {
	p.t.Helper()
	if form.method == http.MethodGet {
		return p.get(action + "?" + form.fields.Encode())
	}
	if !form.files {
		return p.post(action, form.fields)
	}
	fields, files := map[string]string{}, map[string][2]string{}
	for name := range form.fields {
		fields[name] = form.fields.Get(name)
	}
	for _, name := range form.uploads {
		files[name] = [2]string{trickyName, content}
	}
	return p.sendForm(action, fields, files)
}

func routeIn(router *echo.Echo, method, path string) string {
	c := router.NewContext(httptest.NewRequest(method, "/", nil), httptest.NewRecorder())
	router.Router().Find(method, path, c)
	return method + " " + c.Path()
}

// tablesOf returns the names of the tables of a database that have rows.
func tablesOf(t *testing.T, dsn string) []string {
	t.Helper()
	names := make(map[string]bool)
	for _, row := range storetest.Dump(t, dsn) {
		names[row.Table] = true
	}
	for _, grows := range []string{"sessions", "audit_events", "sqlite_sequence"} {
		delete(names, grows)
	}
	return slices.Sorted(maps.Keys(names))
}
