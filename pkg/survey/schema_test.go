package survey

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

func compileSchema(tb testing.TB, source func() ([]byte, error)) *jsonschema.Schema {
	tb.Helper()
	text, err := source()
	if err != nil {
		tb.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		tb.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("schema.json", document); err != nil {
		tb.Fatal(err)
	}
	schema, err := compiler.Compile("schema.json")
	if err != nil {
		tb.Fatal(err)
	}
	return schema
}

// errNotJSON is a YAML text that stands for no JSON.
var errNotJSON = errors.New("no JSON")

// validateYAML checks a YAML text against a schema, the way an editor does: as the JSON it stands for.
func validateYAML(tb testing.TB, schema *jsonschema.Schema, text []byte) error {
	tb.Helper()
	var value any
	if err := yaml.Unmarshal(text, &value); err != nil {
		return errors.Join(errNotJSON, err)
	}
	asJSON, err := json.Marshal(jsonKeys(value))
	if err != nil { // .inf and the like
		return errNotJSON
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(asJSON))
	if err != nil {
		tb.Fatal(err)
	}
	return schema.Validate(document)
}

// jsonKeys turns keys that are no strings in YAML, such as the points of a scale, into strings.
func jsonKeys(value any) any {
	switch value := value.(type) {
	case map[string]any:
		for key := range value {
			value[key] = jsonKeys(value[key])
		}
	case map[any]any:
		out := make(map[string]any, len(value))
		for key, v := range value {
			name, _ := json.Marshal(key)
			out[strings.Trim(string(name), `"`)] = jsonKeys(v)
		}
		return out
	case []any:
		for i := range value {
			value[i] = jsonKeys(value[i])
		}
	}
	return value
}

// TestSchemaAgreesWithParse holds the schema against the cases of the parser: it accepts every valid file,
// and refuses every file whose mistakes lie in its structure.
func TestSchemaAgreesWithParse(t *testing.T) {
	schema, frameSchema := compileSchema(t, Schema), compileSchema(t, FrameSchema)
	structural := []string{"unknown_keys", "missing_codes", "bad_codes", "wrong_kinds_of_value", "duplicate_keys", "languages", "matrix", "scales", "empty", "unknown_kind", "own_answers"}
	for _, name := range structural {
		c := readParseCase(t, filepath.Join("testdata/parse", name+".txt"))
		if err := validateYAML(t, schema, []byte(c.source)); err == nil {
			t.Errorf("%s: the schema accepts what Parse refuses", name)
		}
	}
	files, _ := filepath.Glob("testdata/parse/valid_*.txt")
	for _, file := range files {
		c := readParseCase(t, file)
		if err := validateYAML(t, schema, []byte(c.source)); err != nil {
			t.Errorf("%s: Parse accepts what the schema refuses: %v", file, err)
		}
		for code, text := range c.frames {
			if err := validateYAML(t, frameSchema, []byte(text)); err != nil {
				t.Errorf("%s: the frame %s is accepted, and its schema refuses it: %v", file, code, err)
			}
		}
	}
}

// TestBundledFiles parses what the product ships, and checks it against the schemas.
func TestBundledFiles(t *testing.T) {
	frames := func(code string) ([]byte, error) {
		return os.ReadFile(filepath.Join("../../surveys/frames", code+".yaml"))
	}
	questionnaires, _ := filepath.Glob("../../surveys/*.yaml")
	frameFiles, _ := filepath.Glob("../../surveys/frames/*.yaml")
	if len(questionnaires) < 2 || len(frameFiles) < 1 {
		t.Fatalf("found %d questionnaires and %d frames", len(questionnaires), len(frameFiles))
	}
	schema, frameSchema := compileSchema(t, Schema), compileSchema(t, FrameSchema)
	for _, file := range questionnaires {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		q, err := Parse(text, file, frames)
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		for _, c := range q.Completeness() {
			if len(c.Missing) > 0 {
				t.Errorf("%s: %s", file, c)
			}
		}
		if err := validateYAML(t, schema, text); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
	for _, file := range frameFiles {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ParseFrame(text, file); err != nil {
			t.Errorf("%v", err)
		}
		if err := validateYAML(t, frameSchema, text); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
}
