package web

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humaecho"
	"github.com/labstack/echo/v4"
)

// The API is the workbench for programs: each operation asks and stores by the functions that a page does, so that
// what a page refuses or withholds, it does. Its document is made of the Go types that are read and written, and
// served beside it; errors are problem details (RFC 9457) that never repeat what was sent.

// apiRoot is the address under which operations stand.
const apiRoot = "/api/v1"

// Bounds of requests.
const (
	apiListed = 50      // things of a list where nobody says how many
	apiLimit  = 1 << 20 // bytes of a body
)

// ofAPI reports whether an address is of programs.
func ofAPI(path string) bool { return path == apiRoot || strings.HasPrefix(path, apiRoot+"/") }

// operation is one thing that programs can ask for.
type operation struct {
	huma.Operation
	register func(api huma.API, op huma.Operation)
	written  reflect.Type // describes the JSON of an answer that is written elsewhere; nil where Body does
}

// writing returns the operation with a type that describes what it answers.
func (o operation) writing(t reflect.Type) operation {
	o.written = t
	return o
}

// operations is the table of contents of the API.
func (s *Server) operations() []operation {
	return slices.Concat(s.waveOperations(), s.fieldworkOperations(), s.resultOperations(), s.peopleOperations(), s.questionnaireOperations())
}

// answering makes an operation of the function that answers it. I and O are structs as huma knows them: fields for
// parameters and headers, and Body.
func answering[I, O any](s *Server, op huma.Operation, answer func(c echo.Context, in *I) (*O, error)) operation {
	return operation{Operation: op, register: func(api huma.API, op huma.Operation) {
		huma.Register(api, op, func(ctx context.Context, in *I) (*O, error) {
			c, ok := ctx.Value(visitKey{}).(echo.Context)
			if !ok {
				return nil, errors.New("an operation was called outside of a request")
			}
			out, err := answer(c, in)
			if err != nil {
				p := s.problemOf(c, err)
				s.logFailure(c, p.Status, err)
				p.tellWhen(c)
				return nil, p
			}
			return out, nil
		})
	}}
}

// visitKey finds the request's own context behind that of an operation.
type visitKey struct{}

// apiRoutes serves the operations, the document that describes them, and a page that shows it to people.
func (s *Server) apiRoutes(e *echo.Echo) {
	g := e.Group(apiRoot)
	api := s.newAPI(e, g)
	document := api.OpenAPI()
	g.GET("/openapi.json", serveDocument("application/openapi+json", func() ([]byte, error) { return json.MarshalIndent(document, "", "  ") }))
	g.GET("/openapi.yaml", serveDocument("application/openapi+yaml", document.YAML))
	manual := newManual(document)
	for _, op := range s.operations() {
		if item := document.Paths[op.Path]; item != nil {
			manual.add(methodOf(item, op.Method))
		}
	}
	g.GET("/docs", func(c echo.Context) error { return s.showManual(c, manual) })
}

// methodOf returns an operation as the document has it.
func methodOf(item *huma.PathItem, method string) *huma.Operation {
	switch method {
	case http.MethodPost:
		return item.Post
	case http.MethodPatch:
		return item.Patch
	}
	return item.Get
}

// serveDocument serves what does not change any more.
func serveDocument(kind string, write func() ([]byte, error)) echo.HandlerFunc {
	document, err := write()
	return func(c echo.Context) error {
		if err != nil {
			return fmt.Errorf("document of the API: %w", err)
		}
		return c.Blob(http.StatusOK, kind, document)
	}
}

// newAPI registers every operation.
func (s *Server) newAPI(e *echo.Echo, g *echo.Group) huma.API {
	config := huma.DefaultConfig("cxmirror", cmp.Or(s.version, "unreleased"))
	config.Info.Description = "Waves, fieldwork and results of one organisation. Shares lie in [0, 1], times are RFC 3339 in UTC, and what protects people on the pages of the workbench protects them here."
	config.Servers = []*huma.Server{{URL: apiRoot}}
	config.Components.SecuritySchemes = map[string]*huma.SecurityScheme{"token": {
		Type: "http", Scheme: "bearer", Description: "A token of the organisation, cxm_…, which is shown once when it is made. Its rights are at most those of who made it.",
	}}
	config.Security = []map[string][]string{{"token": {}}}
	// No page of documentation that loads from elsewhere, no links to schemas in answers; see [Server.apiRoutes].
	config.CreateHooks, config.DocsPath, config.OpenAPIPath, config.SchemasPath = nil, "", "", ""
	config.Components.Schemas = huma.NewMapRegistry("#/components/schemas/", func(t reflect.Type, hint string) string {
		return strings.TrimPrefix(huma.DefaultSchemaNamer(t, hint), "Api")
	})
	config.RejectUnknownQueryParameters = true
	format := huma.Format{Marshal: huma.DefaultJSONFormat.Marshal, Unmarshal: readJSON}
	config.Formats = map[string]huma.Format{"application/json": format, "json": format}
	config.Transformers = []huma.Transformer{s.asProblem}
	api := humaecho.NewWithGroup(e, g, config)
	api.UseMiddleware(s.receiveBody)
	refusal := api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[problem](), true, "")
	for _, op := range s.operations() {
		described := op.Operation
		described.BodyReadTimeout = -1 // the body is here already: see receiveBody
		refused := &huma.MediaType{Schema: refusal}
		responses := map[string]*huma.Response{"default": {
			Description: "Why it was not done.", Content: map[string]*huma.MediaType{problemType: refused},
		}}
		or(described.Responses, http.StatusUnauthorized, "Nobody is asking whom the service knows.")
		or(described.Responses, http.StatusForbidden, "The token lacks the right.")
		or(described.Responses, http.StatusTooManyRequests, "Too many requests from this address.")
		described.Extensions = map[string]any{rightExtension: rightTo(op.Method, op.Path)}
		for status, response := range described.Responses {
			if response.Content == nil && status >= "400" {
				response.Content = map[string]*huma.MediaType{problemType: refused}
			}
			responses[status] = response
		}
		described.Responses = responses
		if op.written != nil {
			responses["200"].Content[echo.MIMEApplicationJSON].Schema = api.OpenAPI().Components.Schemas.Schema(op.written, true, "")
		}
		op.register(api, described)
	}
	for _, unused := range []string{"ErrorModel", "ErrorDetail"} { // every answer that huma would give so is a problem of ours
		delete(api.OpenAPI().Components.Schemas.Map(), unused)
	}
	return api
}

// rightExtension names the right that an operation takes, in the document.
const rightExtension = "x-right"

// rightTo returns the right that an operation takes.
func rightTo(method, path string) string {
	route := strings.NewReplacer("{", ":", "}", "").Replace(apiRoot + path)
	return string(rights[method+" "+route].right)
}

// receiveBody reads a body before the operation does, with the bounds and the errors that all of the service has. A
// body that comes too slowly is given up with the request.
func (s *Server) receiveBody(ctx huma.Context, next func(huma.Context)) {
	c := humaecho.Unwrap(ctx)
	if ctx.Operation().RequestBody != nil {
		body, err := readWhole(c, cmp.Or(ctx.Operation().MaxBodyBytes, apiLimit)-1)
		if err != nil {
			p := s.problemOf(c, err)
			s.logFailure(c, p.Status, err)
			_ = sendProblem(c, p) // the visitor has left
			return
		}
		request := c.Request().Clone(c.Request().Context())
		request.Body = io.NopCloser(bytes.NewReader(body))
		c.SetRequest(request)
		arrived(c)
	}
	next(huma.WithValue(ctx, visitKey{}, c))
}

// readWhole reads the body of a request, of at most limit bytes.
func readWhole(c echo.Context, limit int64) ([]byte, error) {
	body := c.Request().Body
	content, err := io.ReadAll(io.LimitReader(body, limit+1))
	switch {
	case int64(len(content)) > limit:
		_, _ = io.Copy(io.Discard, io.LimitReader(body, drainLimit)) // whoever sends reads no answer before
		return nil, errTooLarge
	case err != nil:
		return nil, brokenOff(err)
	}
	return content, nil
}

// readJSON reads a body. The error says where it is wrong, and not what stands there.
func readJSON(src []byte, into any) error {
	err := json.Unmarshal(src, into)
	if wrong, ok := errors.AsType[*json.SyntaxError](err); ok {
		line := 1 + bytes.Count(src[:min(int(wrong.Offset), len(src))], []byte{'\n'})
		return fmt.Errorf("no valid JSON: it goes wrong at byte %d, in line %d", wrong.Offset, line)
	}
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fmt.Errorf("of another type than the document says, at byte %d", wrong.Offset)
	}
	if err != nil {
		return errors.New("not as the document says")
	}
	return nil
}

// APIList is which part of a list is asked for. It is exported, as other structs are that are embedded in parameters
// and answers, because huma sees the fields of no other.
type APIList struct {
	Limit  int `query:"limit" minimum:"1" maximum:"500" default:"50" doc:"How many at most."`
	Offset int `query:"offset" minimum:"0" maximum:"100000000" default:"0" doc:"How many to leave out at the beginning."`
}

// APIPart is which part of a list an answer has; see [APIList].
type APIPart struct {
	Total  int `json:"total" doc:"How many there are in all." example:"1"`
	Limit  int `json:"limit" doc:"As asked for." example:"50"`
	Offset int `json:"offset" doc:"As asked for." example:"0"`
}

// part returns the things of a list that are asked for, and which those are.
func part[T any](l APIList, all []T) ([]T, APIPart) {
	from := min(l.Offset, len(all))
	return all[from:min(from+l.Limit, len(all))], APIPart{Total: len(all), Limit: l.Limit, Offset: l.Offset}
}

// text returns what was sent as text, without what no database takes for it.
func text(sent string) string { return strings.ReplaceAll(sent, "\x00", "") }

// utc returns a time as answers have it, or nil.
func utc(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	at := t.UTC()
	return &at
}

// dayOf returns the day of a time, or nil if there is none.
func dayOf(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	day := t.UTC().Format(time.DateOnly)
	return &day
}

// answered is a response of an operation as it is documented: what it is, and an example of it.
func answered(status int, description string, example any) map[string]*huma.Response {
	response := &huma.Response{Description: description}
	if example != nil {
		response.Content = map[string]*huma.MediaType{echo.MIMEApplicationJSON: {Example: example}}
	}
	return map[string]*huma.Response{strconv.Itoa(status): response}
}

// or adds why an operation may be refused.
func or(responses map[string]*huma.Response, status int, why string) map[string]*huma.Response {
	responses[strconv.Itoa(status)] = &huma.Response{Description: why}
	return responses
}
