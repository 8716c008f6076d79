package web

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// apiDocument is the document of the API, and what holds answers to it.
type apiDocument struct {
	t        testing.TB
	document map[string]any
	compiler *jsonschema.Compiler
	used     map[string]bool // operations that were called
}

func (p *person) document() *apiDocument {
	p.t.Helper()
	got := p.get("/api/v1/openapi.json")
	if got.status != http.StatusOK || got.header.Get("Content-Type") != "application/openapi+json" {
		p.t.Fatalf("the document: status %d, %s", got.status, got.header.Get("Content-Type"))
	}
	document, err := jsonschema.UnmarshalJSON(strings.NewReader(got.body))
	if err != nil {
		p.t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft2020)
	compiler.AssertFormat()
	if err := compiler.AddResource("cxmirror:api", document); err != nil {
		p.t.Fatal(err)
	}
	return &apiDocument{t: p.t, document: document.(map[string]any), compiler: compiler, used: make(map[string]bool)}
}

// at returns what stands under a path of the document.
func (d *apiDocument) at(path ...string) any {
	d.t.Helper()
	var node any = d.document
	for _, name := range path {
		object, ok := node.(map[string]any)
		if !ok || object[name] == nil {
			return nil
		}
		node = object[name]
	}
	return node
}

// schema compiles a schema of the document, which also holds it to the dialect's own.
func (d *apiDocument) schema(path ...string) *jsonschema.Schema {
	d.t.Helper()
	pointer := "cxmirror:api#"
	for _, name := range path {
		pointer += "/" + strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D").Replace(name)
	}
	schema, err := d.compiler.Compile(pointer)
	if err != nil {
		d.t.Fatalf("%s: %v", strings.Join(path, " "), err)
	}
	return schema
}

// holds compares an answer with the document.
func (d *apiDocument) holds(method, path string, got answer) {
	d.t.Helper()
	status := fmt.Sprint(got.status)
	operation := []string{"paths", path, strings.ToLower(method)}
	if d.at(operation...) == nil {
		d.t.Fatalf("%s %s is not in the document", method, path)
	}
	if got.status < 400 {
		d.used[method+" "+path] = true
	}
	if d.at(append(operation, "responses", status)...) == nil {
		status = "default"
		if got.status < 400 {
			d.t.Errorf("%s %s answers %d, which the document does not know", method, path, got.status)
		}
	}
	kind, _, _ := strings.Cut(got.header.Get("Content-Type"), ";")
	where := append(operation, "responses", status, "content", kind)
	if d.at(where...) == nil {
		d.t.Errorf("%s %s answers %d with %s, which the document does not know:\n%s", method, path, got.status, kind, got.body)
		return
	}
	if !strings.HasSuffix(kind, "json") {
		return
	}
	body, err := jsonschema.UnmarshalJSON(strings.NewReader(got.body))
	if err != nil {
		d.t.Errorf("%s %s: %v in %s", method, path, err, got.body)
		return
	}
	if err := d.schema(append(where, "schema")...).Validate(body); err != nil {
		d.t.Errorf("%s %s answers what the document does not say: %v\n%s", method, path, err, got.body)
	}
}

// operations yields every operation of the document.
func (d *apiDocument) operations(each func(method, path string, operation map[string]any)) {
	d.t.Helper()
	paths, _ := d.at("paths").(map[string]any)
	for path, item := range paths {
		for method, operation := range item.(map[string]any) {
			each(strings.ToUpper(method), path, operation.(map[string]any))
		}
	}
}

// The document says what there is: every schema is one, every example is an example of its schema, every operation has
// a name, its parameters and its errors.
func TestAPIDocument(t *testing.T) {
	_, program := newBench(t)
	d := program.document()
	if version := d.at("openapi"); version != "3.1.0" {
		t.Errorf("openapi is %v", version)
	}
	schemas, _ := d.at("components", "schemas").(map[string]any)
	for name, schema := range schemas {
		d.schema("components", "schemas", name)
		if strings.HasPrefix(name, "Api") || strings.ToUpper(name[:1]) != name[:1] {
			t.Errorf("a type is called %s", name)
		}
		for field, of := range asObject(asObject(schema)["properties"]) {
			if asObject(of)["description"] == nil {
				t.Errorf("%s.%s is not described", name, field)
			}
		}
	}
	ids := map[string]string{}
	examples := 0
	d.operations(func(method, path string, operation map[string]any) {
		id, _ := operation["operationId"].(string)
		if other := ids[id]; other != "" || id == "" || operation["summary"] == nil || operation["tags"] == nil {
			t.Errorf("%s %s has the id %q (as %q has), the summary %v", method, path, id, other, operation["summary"])
		}
		ids[id] = method + " " + path
		var declared []string
		parameters, _ := operation["parameters"].([]any)
		for _, p := range parameters {
			parameter := asObject(p)
			if parameter["in"] == "path" {
				declared = append(declared, "{"+parameter["name"].(string)+"}")
			}
			if parameter["description"] == nil {
				t.Errorf("%s %s: %v is not described", method, path, parameter["name"])
			}
		}
		for segment := range strings.SplitSeq(path, "/") {
			if strings.HasPrefix(segment, "{") && !slices.Contains(declared, segment) {
				t.Errorf("%s %s does not say what %s is", method, path, segment)
			}
		}
		if security, own := operation["security"]; own || len(asList(d.at("security"))) != 1 {
			t.Errorf("%s %s has a security of its own, %v, or the document has none", method, path, security)
		}
		for _, status := range []string{"401", "403", "429"} {
			if asObject(operation["responses"])[status] == nil {
				t.Errorf("%s %s does not say that it may answer %s", method, path, status)
			}
		}
		hold := func(at ...string) {
			media := asObject(d.at(append([]string{"paths", path, strings.ToLower(method)}, at...)...))
			if media["example"] == nil {
				t.Errorf("%s %s: %v has no example", method, path, at)
				return
			}
			examples++
			if err := d.schema(append(append([]string{"paths", path, strings.ToLower(method)}, at...), "schema")...).Validate(media["example"]); err != nil {
				t.Errorf("%s %s: the example of %v is none: %v", method, path, at, err)
			}
		}
		if body := asObject(operation["requestBody"]); body != nil {
			for kind := range asObject(body["content"]) {
				hold("requestBody", "content", kind)
			}
		}
		succeeds := false
		for status, response := range asObject(operation["responses"]) {
			content := asObject(asObject(response)["content"])
			if len(content) == 0 || asObject(response)["description"] == nil {
				t.Errorf("%s %s: status %s says nothing", method, path, status)
			}
			if status >= "400" { // or default
				if content["application/problem+json"] == nil {
					t.Errorf("%s %s: status %s is no problem", method, path, status)
				}
				continue
			}
			succeeds = true
			for kind := range content {
				hold("responses", status, "content", kind)
			}
		}
		if !succeeds || asObject(operation["responses"])["default"] == nil {
			t.Errorf("%s %s cannot succeed, or not fail", method, path)
		}
	})
	if len(ids) < 10 || examples < len(ids) {
		t.Errorf("%d operations with %d examples", len(ids), examples)
	}
	inYAML := program.get("/api/v1/openapi.yaml")
	var same any
	if err := yaml.Unmarshal([]byte(inYAML.body), &same); err != nil {
		t.Fatal(err)
	}
	want, err := json.Marshal(d.document)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := json.Marshal(same); err != nil || !bytes.Equal(got, want) {
		t.Errorf("the YAML says something else than the JSON (%v)", err)
	}
}

// officialSchema is the OpenAPI Initiative's schema of documents of version 3.1, as a package for npm has it, which
// `make assets` installs. It leaves schemas in a document to the dialect that they are of.
const officialSchema = "../../charts/node_modules/@seriousme/openapi-schema-validator/schemas/v3.1/schema.json"

// The document is one by the schema of those who say what OpenAPI is.
func TestAPIDocumentIsOpenAPI(t *testing.T) {
	source, err := os.ReadFile(officialSchema)
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("%v: run `make assets`", err)
		}
		t.Skipf("%v: run `make assets`", err)
	}
	official, err := jsonschema.UnmarshalJSON(bytes.NewReader(source))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	if err := compiler.AddResource("openapi:3.1", official); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("openapi:3.1")
	if err != nil {
		t.Fatal(err)
	}
	_, program := newBench(t)
	d := program.document()
	if err := schema.Validate(d.document); err != nil {
		t.Error(err)
	}
	// It is strict enough to find what is wrong.
	at := func(path ...string) map[string]any { return asObject(d.at(path...)) }
	for what, spoil := range map[string]func(){
		"an operation with a word that there is not": func() { at("paths", "/waves", "get")["headline"] = "x" },
		"a parameter that is nowhere":                func() { asObject(at("paths", "/waves", "get")["parameters"].([]any)[0])["in"] = "body" },
		"a path without its slash":                   func() { at("paths")["waves"] = at("paths", "/waves") },
		"an answer that does not say what it is":     func() { delete(at("paths", "/waves", "get", "responses", "200"), "description") },
		"a way of signing in that there is not":      func() { at("components", "securitySchemes", "token")["type"] = "bearer" },
		"no title":                                   func() { delete(at("info"), "title") },
	} {
		d = program.document()
		spoil()
		if schema.Validate(d.document) == nil {
			t.Errorf("%s is not found", what)
		}
	}
}

func asList(v any) []any {
	list, _ := v.([]any)
	return list
}

func asObject(v any) map[string]any {
	object, _ := v.(map[string]any)
	return object
}

// The page about the API names every operation, every type and every kind of problem, and loads nothing from elsewhere.
func TestManual(t *testing.T) {
	_, reader := newBench(t)
	d := reader.document()
	for _, lang := range []string{"en", "pl", "ro", "ru"} {
		page := reader.look("/api/v1/docs?lang=" + lang)
		if page.status != http.StatusOK || page.header.Get("Content-Security-Policy") != workbenchPolicy {
			t.Fatalf("%s: status %d, %s", lang, page.status, page.header.Get("Content-Security-Policy"))
		}
		want := []string{`id="problem-promised"`, `id="type-Wave"`, "curl -X PATCH", "https://cx.example.com/api/v1/waves/7"}
		d.operations(func(_, path string, operation map[string]any) {
			want = append(want, fmt.Sprintf(`id="%s"`, operation["operationId"]), apiRoot+path)
		})
		for _, words := range want {
			if !strings.Contains(page.body, words) {
				t.Errorf("%s: no %s on the page", lang, words)
			}
		}
		for _, link := range regexp.MustCompile(`href="#([^"]+)"`).FindAllStringSubmatch(page.body, -1) {
			if !strings.Contains(page.body, `id="`+link[1]+`"`) {
				t.Errorf("%s: a link leads to #%s, which is not there", lang, link[1])
			}
		}
	}
}

// A comparison has no name that the document does not describe.
func TestComparisonIsDescribed(t *testing.T) {
	f, program := newBench(t)
	external, internal := twoSides(t, f)
	d := program.document()
	for _, schema := range asObject(d.at("components", "schemas")) {
		if of := asObject(schema); of["additionalProperties"] == true { // more may be added: then it is to be described
			of["additionalProperties"] = false
		}
	}
	for _, part := range []string{"", "&segment=internal:department:operations", "&segment=internal:department:legal", "&segment=external:channel:!phone"} {
		got := program.get(fmt.Sprintf("%s/divergence?external=%d&internal=%d%s", apiRoot, external.ID, internal.ID, part))
		if got.status != http.StatusOK {
			t.Errorf("%s: status %d, %s", part, got.status, got.body)
		}
		d.holds("GET", "/divergence", got)
	}
}
