package survey

import (
	"encoding/json"
	"slices"
	"strconv"
)

const schemaDialect = "https://json-schema.org/draft/2020-12/schema"

// Schema returns the JSON Schema (draft 2020-12) of questionnaire files, for editors that check and complete
// YAML while it is written. It is made from the grammar that [Parse] checks by, and accepts whatever Parse
// accepts; what needs more than one place to judge, such as conditions and codes used twice, only Parse
// knows.
func Schema() ([]byte, error) { return schemaOf(questionnaireShape(), "A questionnaire of cxmirror") }

// FrameSchema returns the JSON Schema of code frame files.
func FrameSchema() ([]byte, error) { return schemaOf(frameShape(), "A code frame of cxmirror") }

// object is a JSON object; encoding/json sorts its keys, so that a schema is the same in every run.
type object map[string]any

func schemaOf(s *shape, title string) ([]byte, error) {
	root := s.schema()
	root["$schema"] = schemaDialect
	root["title"] = title
	root["$defs"] = object{"words": wordsSchema()}
	return json.MarshalIndent(root, "", "  ")
}

func wordsSchema() object {
	text := object{"type": []string{"string", "number", "boolean"}}
	return object{
		"description": "A text, or texts by language: {en: ..., pl: ...}.",
		"oneOf": []object{
			{"type": []string{"string", "number", "boolean"}, "not": object{"type": "string", "pattern": `^\s*$`}},
			{
				"type": "object", "minProperties": 1, "propertyNames": object{"pattern": languagePattern.String()},
				"additionalProperties": object{"anyOf": []object{text, {"type": "null"}}},
			},
		},
	}
}

func (s *shape) schema() object {
	switch s.kind {
	case wordsShape:
		return object{"$ref": "#/$defs/words"}
	case textShape:
		return object{"type": []string{"string", "boolean"}}
	case codeShape:
		// YAML reads 1 and true as a number and a truth; as codes they are words.
		return object{"type": []string{"string", "integer", "number", "boolean"}, "pattern": s.pattern.String()}
	case wholeShape:
		return object{"type": "integer", "minimum": s.low, "maximum": s.high}
	case decimalShape:
		return object{"type": "number"}
	case truthShape:
		return object{"type": "boolean"}
	case choiceShape:
		return object{"enum": s.choices}
	case listShape:
		return object{"type": "array", "minItems": s.low, "maxItems": s.high, "items": s.element.schema()}
	case pointsShape:
		return object{
			"type": "object", "propertyNames": object{"pattern": `^[0-9]{1,3}$`},
			"additionalProperties": object{"$ref": "#/$defs/words"},
		}
	case mappingShape:
	}
	return s.mappingSchema()
}

func (s *shape) mappingSchema() object {
	properties := make(object)
	required := []string{}
	byKind := false
	for _, f := range s.fields {
		property := f.shape.schema()
		property["description"] = f.doc
		properties[f.name] = property
		if f.required {
			required = append(required, f.name)
		}
		byKind = byKind || f.kinds != nil
	}
	schema := object{"type": "object", "properties": properties, "required": required, "additionalProperties": false}
	if byKind {
		schema["allOf"] = s.kindRules()
	}
	return schema
}

// kindRules says for each kind which keys its items cannot have and which they must.
func (s *shape) kindRules() []object {
	var rules []object
	for _, kind := range Kinds() {
		without := make(object)
		required := []string{}
		for _, f := range s.fields {
			if f.kinds != nil && !slices.Contains(f.kinds, kind) {
				without[f.name] = false
			}
			if slices.Contains(f.needs, kind) {
				required = append(required, f.name)
			}
		}
		rules = append(rules, object{
			"if":   object{"required": []string{"kind"}, "properties": object{"kind": object{"const": string(kind)}}},
			"then": object{"properties": without, "required": required, "$comment": "kind " + strconv.Quote(string(kind))},
		})
	}
	return rules
}
