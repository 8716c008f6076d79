package web

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"regexp"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humaecho"
	"github.com/labstack/echo/v4"

	"cxmirror/pkg/fieldwork"
	"cxmirror/pkg/report"
	"cxmirror/pkg/survey"
	"cxmirror/pkg/tally"
)

// problemType is the content type of problems.
const problemType = "application/problem+json"

// problem is an error as programs are told it (RFC 9457). It repeats nothing that was sent but names of fields, and of
// a questionnaire the keys and codes that its grammar does not know.
type problem struct {
	Type    string      `json:"type" format:"uri-reference" doc:"The kind of problem, as the address of its description; programs branch on it." example:"/api/v1/docs#problem-invalid"`
	Title   string      `json:"title" doc:"The kind of problem, in words." example:"Something that was sent is wrong"`
	Status  int         `json:"status" doc:"The status of the answer." example:"422"`
	Detail  string      `json:"detail,omitempty" doc:"What went wrong this time, and what to do." example:"1 field has a value that cannot be used."`
	Request string      `json:"request_id" doc:"The id under which the request stands in the log of the service." example:"5f2d1c9a0b7e4d63"`
	Errors  []problemAt `json:"errors,omitempty" nullable:"false" doc:"What is wrong with each field."`
}

// problemAt is what is wrong with one part of a request.
type problemAt struct {
	Location string `json:"location" doc:"Where: path, query or body, and the field." example:"body.threshold"`
	Message  string `json:"message" doc:"What is wrong, and what to do." example:"expected number >= 1"`
	Line     int    `json:"line,omitempty" doc:"Of a text that was sent: the line, from 1." example:"12"`
	Column   int    `json:"column,omitempty" doc:"Of a text that was sent: the character of the line, from 1." example:"5"`
}

// Error returns the title.
func (p *problem) Error() string { return p.Title }

// GetStatus returns the status, for huma.
func (p *problem) GetStatus() int { return p.Status }

// ContentType returns the content type, for huma.
func (*problem) ContentType(string) string { return problemType }

// problemKind is a kind of problem.
type problemKind struct {
	name   string // in its address
	status int
	title  string
	what   string // what to do about it
}

// Kinds of problems that more than one place tells of.
const (
	invalidProblem  = "invalid"
	withheldProblem = "withheld"
	promisedProblem = "promised"
	failedProblem   = "failed"
)

// problemKinds returns every kind of problem there is.
func problemKinds() []problemKind {
	return []problemKind{
		{invalidProblem, http.StatusUnprocessableEntity, "Something that was sent is wrong", "Mend what “errors” names, and send it again."},
		{"malformed", http.StatusBadRequest, "The request cannot be read", "Send what the description of the operation says."},
		{"not-found", http.StatusNotFound, "There is no such thing here", "Look its id up in a list; what belongs to another organisation is not found either."},
		{"method", http.StatusMethodNotAllowed, "This address does not take that method", "See the list of operations."},
		{"signed-out", http.StatusUnauthorized, "Nobody is asking whom the service knows", "Send the header Authorization: Bearer, with a token that has neither expired nor been revoked."},
		{"refused", http.StatusForbidden, "This may not be done", "Ask whoever manages the organisation for the right to do it."},
		{promisedProblem, http.StatusConflict, "What was promised can only be made stricter", "People answered trusting it: thresholds can be raised and not lowered, personal data erased sooner and not later."},
		{withheldProblem, http.StatusConflict, "Withheld to protect people", "Too few people are counted yet. Ask again when more have answered."},
		{"past", http.StatusConflict, "The date has gone by", "Give a closing date that lies ahead."},
		{"taken", http.StatusConflict, "The address of the link is taken", "Choose another “slug”."},
		{"conflict", http.StatusConflict, "It has changed meanwhile, or is taken", "Read it again, and decide anew."},
		{"not-comparable", http.StatusConflict, "These two cannot be compared", "Choose other waves, another question, or the whole sides."},
		{"nothing-to-compare", http.StatusNotFound, "There is nothing to compare yet", "See “detail” for what is missing."},
		{"too-large", http.StatusRequestEntityTooLarge, "The request is too large", "Divide it."},
		{"too-slow", http.StatusRequestTimeout, "The request came too slowly", "Send it again."},
		{"media-type", http.StatusUnsupportedMediaType, "The body is of another type", "Send application/json."},
		{"too-many", http.StatusTooManyRequests, "Too many requests", "Wait as long as the header Retry-After says."},
		{"away", http.StatusServiceUnavailable, "The database does not answer", "Ask again in a few seconds."},
		{failedProblem, http.StatusInternalServerError, "The service has failed", "Tell whoever runs it the “request_id”."},
	}
}

// newProblem returns a problem of a kind.
func newProblem(c echo.Context, name string) *problem {
	kinds := problemKinds()
	kind := kinds[len(kinds)-1]
	for _, k := range kinds {
		if k.name == name {
			kind = k
		}
	}
	return &problem{Type: apiRoot + "/docs#problem-" + kind.name, Title: kind.title, Status: kind.status, Detail: kind.what, Request: requestID(c)}
}

// kindOf returns the kind of problem that a status alone tells.
func kindOf(status int) string {
	switch status {
	case http.StatusBadRequest:
		return "malformed"
	case http.StatusUnauthorized:
		return "signed-out"
	case http.StatusNotFound:
		return "not-found"
	case http.StatusMethodNotAllowed:
		return "method"
	case http.StatusConflict:
		return "conflict"
	case http.StatusRequestEntityTooLarge:
		return "too-large"
	case http.StatusRequestTimeout:
		return "too-slow"
	case http.StatusUnsupportedMediaType:
		return "media-type"
	case http.StatusUnprocessableEntity:
		return invalidProblem
	case http.StatusTooManyRequests:
		return "too-many"
	case http.StatusServiceUnavailable:
		return "away"
	}
	if status < http.StatusInternalServerError {
		return "refused"
	}
	return failedProblem
}

// problemOf turns an error into what a program is told. What is not known here is our mistake.
func (s *Server) problemOf(c echo.Context, err error) *problem {
	if p, ok := errors.AsType[*problem](err); ok {
		return p
	}
	for _, known := range []struct {
		err  error
		kind string
	}{
		{tally.ErrWithheld, withheldProblem},
		{survey.ErrPromised, promisedProblem},
		{fieldwork.ErrPast, "past"},
		{survey.ErrSlugTaken, "taken"},
		{report.ErrPairedPart, "not-comparable"},
	} {
		if errors.Is(err, known.err) {
			return newProblem(c, known.kind)
		}
	}
	words := s.wordsOf(c)
	if nothing, ok := errors.AsType[*nothingToCompareError](err); ok {
		p := newProblem(c, "nothing-to-compare")
		p.Detail = words.T("empty_"+nothing.why+"_title") + ". " + words.T("empty_"+nothing.why+"_text")
		return p
	}
	if isNotAlike(err) {
		p := newProblem(c, "not-comparable")
		p.Detail = words.T("not_alike_text")
		return p
	}
	p := newProblem(c, kindOf(troubleOf(err).status))
	if refused, ok := errors.AsType[*echo.HTTPError](err); ok && refused.Code != p.Status && refused.Code < http.StatusInternalServerError {
		p.Status = refused.Code
	}
	return p
}

// wordsOf says phrases of the workbench to programs: in English, as all of the API is.
func (s *Server) wordsOf(echo.Context) room {
	return room{Lang: survey.English, phrases: s.workbench.phrases}
}

// sendProblem sends a problem.
func sendProblem(c echo.Context, p *problem) error {
	if c.Response().Committed {
		return nil
	}
	p.tellWhen(c)
	body, err := json.Marshal(p)
	if err != nil {
		return err
	}
	return c.Blob(p.Status, problemType, append(body, '\n'))
}

// tellWhen says when to ask again, where that helps.
func (p *problem) tellWhen(c echo.Context) {
	if p.Status == http.StatusServiceUnavailable {
		c.Response().Header().Set("Retry-After", "5")
	}
	if p.Status == http.StatusTooManyRequests {
		c.Response().Header().Set("Retry-After", gateWait)
	}
	if p.Status == http.StatusUnauthorized {
		c.Response().Header().Set("WWW-Authenticate", "Bearer")
	}
}

// logFailure logs what is our fault, under the id that the visitor is told. Who has left has no part in it.
func (s *Server) logFailure(c echo.Context, status int, err error) {
	ctx := c.Request().Context()
	if status < http.StatusInternalServerError || errors.Is(ctx.Err(), context.Canceled) {
		return
	}
	s.log.LogAttrs(ctx, slog.LevelError, "request failed", slog.String("id", requestID(c)),
		slog.String("route", c.Path()), slog.Int("status", status), slog.Any("error", err))
}

// plainField is a field as documents name them: what is not, is not repeated.
var plainField = regexp.MustCompile(`^(path|query|body|header)(\.[a-z][a-z0-9_]{0,40}|\[[0-9]{1,9}\])*$`)

// asProblem makes a problem of what huma found wrong with a request, without the values that it would repeat.
func (s *Server) asProblem(ctx huma.Context, _ string, body any) (any, error) {
	found, ok := body.(*huma.ErrorModel)
	if !ok {
		return body, nil
	}
	p := newProblem(humaecho.Unwrap(ctx), kindOf(found.Status))
	p.Status = found.Status
	if found.Status == http.StatusUnsupportedMediaType {
		return p, nil // what it says more is what was sent
	}
	for _, at := range found.Errors {
		location := at.Location
		if !plainField.MatchString(location) {
			location, _, _ = strings.Cut(location, ".")
		}
		p.Errors = append(p.Errors, problemAt{Location: location, Message: at.Message})
	}
	return p, nil
}
