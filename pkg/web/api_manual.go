package web

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/labstack/echo/v4"
)

// manual is the document of the API laid out for people, all of it on one page. It is made of the document, so that
// it cannot say anything else.
type manual struct {
	Groups []manualGroup
	Types  []manualType
	Kinds  []manualProblem
}

type manualGroup struct {
	Name       string
	Operations []manualOperation
}

type manualOperation struct {
	ID, Method, Path, Summary, Description string
	Right                                  string
	Parameters                             []manualField
	Body                                   *manualField
	Request                                string // an example
	Curl                                   string
	Answers                                []manualAnswer
}

// manualField is a parameter, or a field of an object.
type manualField struct {
	Name, In string
	Type     string // in words
	Link     string // the name of the type that stands on the page; "" is none
	Required bool
	Text     string
	Default  string
}

type manualAnswer struct {
	Status, Text, Kind string
	Type, Link         string
	Example            string
}

type manualType struct {
	Name   string
	Fields []manualField
}

type manualProblem struct {
	Name, Title, What string
	Status            int
}

// manualPage is the manual in its frame.
type manualPage struct {
	room
	*manual
}

// newManual lays out a document.
func newManual(document *huma.OpenAPI) *manual {
	m := &manual{}
	schemas := document.Components.Schemas.Map()
	for _, name := range slices.Sorted(maps.Keys(schemas)) {
		of := manualType{Name: name}
		for _, field := range slices.Sorted(maps.Keys(schemas[name].Properties)) {
			f := fieldOf(field, schemas[name].Properties[field])
			f.Required = slices.Contains(schemas[name].Required, field)
			of.Fields = append(of.Fields, f)
		}
		m.Types = append(m.Types, of)
	}
	for _, kind := range problemKinds() {
		m.Kinds = append(m.Kinds, manualProblem{Name: kind.name, Title: kind.title, What: kind.what, Status: kind.status})
	}
	return m
}

// add puts an operation, as the document has it, under its group.
func (m *manual) add(op *huma.Operation) {
	of := manualOperation{ID: op.OperationID, Method: op.Method, Path: apiRoot + op.Path, Summary: op.Summary, Description: op.Description}
	of.Right, _ = op.Extensions[rightExtension].(string)
	for _, p := range op.Parameters {
		f := fieldOf(p.Name, p.Schema)
		f.In, f.Required, f.Text = p.In, p.Required, cmp.Or(p.Description, f.Text)
		of.Parameters = append(of.Parameters, f)
	}
	if op.RequestBody != nil {
		if media := op.RequestBody.Content[echo.MIMEApplicationJSON]; media != nil {
			f := fieldOf("", media.Schema)
			f.Required = op.RequestBody.Required
			of.Body, of.Request = &f, exampleText(media.Example)
		}
	}
	for _, status := range slices.Sorted(maps.Keys(op.Responses)) {
		if status == "401" || status == "403" || status == "429" {
			continue // of every operation; they stand among the problems
		}
		response := op.Responses[status]
		answer := manualAnswer{Status: status, Text: response.Description}
		for kind, media := range response.Content {
			f := fieldOf("", media.Schema)
			answer.Kind, answer.Type, answer.Link, answer.Example = kind, f.Type, f.Link, exampleText(media.Example)
		}
		of.Answers = append(of.Answers, answer)
	}
	of.Curl = curlOf(&of)
	name := strings.Join(op.Tags, ", ")
	at := slices.IndexFunc(m.Groups, func(g manualGroup) bool { return g.Name == name })
	if at < 0 {
		at, m.Groups = len(m.Groups), append(m.Groups, manualGroup{Name: name})
	}
	m.Groups[at].Operations = append(m.Groups[at].Operations, of)
}

// exampleText writes an example as it would be sent.
func exampleText(example any) string {
	if text, ok := example.(string); ok || example == nil {
		return text
	}
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(example); err != nil {
		return ""
	}
	return strings.TrimSpace(out.String())
}

// curlOf writes how an operation is called from a shell.
func curlOf(op *manualOperation) string {
	var b strings.Builder
	b.WriteString("curl")
	if op.Method != http.MethodGet {
		b.WriteString(" -X " + op.Method)
	}
	b.WriteString(` -H "Authorization: Bearer $CXMIRROR_TOKEN"`)
	if op.Request != "" {
		b.WriteString(" \\\n  -H 'Content-Type: application/json'")
	}
	address := strings.ReplaceAll(op.Path, "{id}", "7")
	b.WriteString(" \\\n  https://cx.example.com" + address)
	if op.Request != "" {
		b.WriteString(" \\\n  -d '" + strings.ReplaceAll(op.Request, "'", `'\''`) + "'")
	}
	return b.String()
}

// fieldOf says in words what a schema takes.
func fieldOf(name string, s *huma.Schema) manualField {
	f := manualField{Name: name}
	if s == nil {
		return f
	}
	f.Text = s.Description
	if s.Default != nil {
		f.Default = fmt.Sprint(s.Default)
	}
	if reference, ok := strings.CutPrefix(s.Ref, "#/components/schemas/"); ok {
		f.Type, f.Link = reference, reference
		return f
	}
	switch {
	case len(s.AnyOf) > 0:
		inner := fieldOf("", s.AnyOf[0])
		f.Type, f.Link = inner.Type+" or null", inner.Link
		return f
	case s.Type == huma.TypeArray:
		inner := fieldOf("", s.Items)
		f.Type, f.Link = "list of "+inner.Type, inner.Link
	case s.Type == huma.TypeObject && len(s.Properties) == 0:
		f.Type = "object"
		if values, ok := s.AdditionalProperties.(*huma.Schema); ok {
			f.Type = "object of " + fieldOf("", values).Type
		}
	case len(s.Enum) > 0:
		var values []string
		for _, value := range s.Enum {
			values = append(values, fmt.Sprint(value))
		}
		f.Type = strings.Join(values, " | ")
	case s.Format == "date-time":
		f.Type = "time"
	case s.Format == "date":
		f.Type = "day"
	default:
		f.Type = s.Type
	}
	if bounds := boundsOf(s); bounds != "" {
		f.Type += ", " + bounds
	}
	if s.Nullable {
		f.Type += " or null"
	}
	return f
}

// boundsOf says within which bounds a value lies.
func boundsOf(s *huma.Schema) string {
	number := func(n float64) string { return strconv.FormatFloat(n, 'f', -1, 64) }
	switch {
	case s.Minimum != nil && s.Maximum != nil:
		return number(*s.Minimum) + " to " + number(*s.Maximum)
	case s.Minimum != nil:
		return "from " + number(*s.Minimum)
	case s.MaxLength != nil:
		return fmt.Sprintf("at most %d characters", *s.MaxLength)
	case s.MaxItems != nil:
		return fmt.Sprintf("at most %d", *s.MaxItems)
	}
	return ""
}

// showManual shows the manual. The API speaks English; the frame is in the reader's language.
func (s *Server) showManual(c echo.Context, m *manual) error {
	c.Response().Header().Set("Content-Security-Policy", workbenchPolicy)
	page := manualPage{room: s.room(c, "api"), manual: m}
	page.Title = page.T("manual_title")
	return s.show(c, http.StatusOK, "workbench", "manual", page)
}

// manualFields are fields in the frame of their page.
type manualFields struct {
	room
	Fields []manualField
}

// Fields hands fields to their template.
func (p manualPage) Fields(fields []manualField) manualFields { return manualFields{p.room, fields} }
