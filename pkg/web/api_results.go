package web

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
	"github.com/labstack/echo/v4"

	"cxmirror/pkg/survey"
	"cxmirror/pkg/tally"
)

// resultOperations are what the answers say.
func (s *Server) resultOperations() []operation {
	tags := []string{"Results"}
	return []operation{
		answering(s, huma.Operation{
			OperationID: "compare", Method: http.MethodGet, Path: "/divergence", Tags: tags, Summary: "What external and internal customers expect, side by side",
			Description: "The object of “cxmirror compare --format json”, and of the workbench's file findings.json: both rankings, where they differ, and how alike they are. Names are added to it and never changed. Where a base is withheld, “withheld” says why and there are no figures.",
			Responses: or(or(or(divergenceResponse(), http.StatusNotFound, "There is no such wave, item or segment, or nothing to compare yet."),
				http.StatusConflict, "The question was not put alike on both sides, or a part of people who answered on both sides was asked for."),
				http.StatusUnprocessableEntity, "A parameter is wrong."),
		}, s.compareByAPI).writing(reflect.TypeFor[apiComparison]()),
		answering(s, huma.Operation{
			OperationID: "list-comments", Method: http.MethodGet, Path: "/waves/{id}/comments", Tags: tags, Summary: "What people wrote",
			Description: "Comments of those who are counted, in an order that tells nothing, if there are as many as the promise says. Comments that may name somebody are left out and counted in “flagged”: people look at those in the workbench first.",
			Responses: or(answered(http.StatusOK, "Comments, or why there are none.", apiComments{
				APIPart: APIPart{1, apiListed, 0}, Item: new(survey.ItemCode("remarks")), Question: "What else should we know?", Flagged: 2,
				Comments: []apiComment{{Text: "Answer the telephone sooner."}}, CountedUntil: new(90),
			}), http.StatusNotFound, "There is no such wave, or no such question in it."),
		}, s.listComments),
		answering(s, huma.Operation{
			OperationID: "export-answers", Method: http.MethodGet, Path: "/waves/{id}/answers.csv", Tags: tags, Summary: "A wave's answers as a file",
			Description: "Complete answers in the native format, which an import reads back. Of a wave that protects people the file tells no more than the figures of everybody together.",
			Responses: or(or(map[string]*huma.Response{"200": {
				Description: "The file.", Content: map[string]*huma.MediaType{"text/csv": {Schema: &huma.Schema{Type: huma.TypeString}, Example: "expectations,performance.speed\nspeed;care,4\n"}},
			}}, http.StatusNotFound, "The organisation has no such wave."), http.StatusConflict, "Nothing of it may be told yet."),
		}, s.exportByAPI),
	}
}

// apiComments are comments on one question.
type apiComments struct {
	APIPart
	Item         *survey.ItemCode `json:"item" doc:"The code of the question; null if the questionnaire asks for no text."`
	Question     string           `json:"question" doc:"The question, in the language asked for."`
	Withheld     *string          `json:"withheld" doc:"Why none is shown; null if they may be."`
	Flagged      int              `json:"flagged" doc:"Comments that may name somebody, which are left out."`
	CountedUntil *int             `json:"counted_until" doc:"Of a wave that protects people, up to how many of its answers comments are taken from; otherwise null."`
	Comments     []apiComment     `json:"comments" nullable:"false" doc:"The comments."`
}

type apiComment struct {
	Text string `json:"text" doc:"As it was written."`
}

type apiCommentsIn struct {
	APIWave
	APIList
	Item string `query:"item" maxLength:"64" doc:"The code of a question; the first that asks for a text if it is left out."`
	Lang string `query:"lang" enum:"en,pl,ro,ru" default:"en" doc:"The language of the question."`
}

type apiCommentsOut struct{ Body apiComments }

func (s *Server) listComments(c echo.Context, in *apiCommentsIn) (*apiCommentsOut, error) {
	ctx := c.Request().Context()
	wave, err := s.waveByID(c, in.ID)
	if err != nil {
		return nil, err
	}
	q, err := s.fielded.questionnaire(ctx, wave.Organisation, wave.Version)
	if err != nil {
		return nil, err
	}
	out := &apiCommentsOut{apiComments{Comments: []apiComment{}, APIPart: APIPart{Limit: in.Limit, Offset: in.Offset}}}
	item, err := commented(q, in.Item)
	if err != nil || item == nil {
		return out, err
	}
	detail(c, "item", string(item.Code))
	out.Body.Item, out.Body.Question = &item.Code, item.Text.In(survey.Language(in.Lang))
	counted, err := s.comments(ctx, &wave, item)
	words := s.wordsOf(c)
	switch {
	case errors.Is(err, tally.ErrNobody):
		return out, nil
	case errors.Is(err, tally.ErrWithheld):
		out.Body.Withheld = new(words.With("comments_withheld_text", "Threshold", words.Integer(leastComments(&wave))))
		return out, nil
	case err != nil:
		return nil, err
	}
	if counted.protected {
		out.Body.CountedUntil = &counted.people
	}
	shown, flagged := counted.parted()
	out.Body.Flagged = len(flagged)
	shown, out.Body.APIPart = part(in.APIList, shown)
	for _, comment := range shown {
		out.Body.Comments = append(out.Body.Comments, apiComment{comment.Text})
	}
	return out, nil
}

type apiFileOut struct {
	Kind string `header:"Content-Type" hidden:"true"`
	Name string `header:"Content-Disposition" doc:"What the file is called."`
	Body []byte
}

func (s *Server) exportByAPI(c echo.Context, in *APIWave) (*apiFileOut, error) {
	wave, err := s.waveByID(c, in.ID)
	if err != nil {
		return nil, err
	}
	file, err := s.answersFile(c.Request().Context(), actorOf(c), &wave)
	return &apiFileOut{Kind: "text/csv; charset=utf-8", Name: attachment(answersName(&wave)), Body: file}, err
}

type apiCompareIn struct {
	External int64    `query:"external" minimum:"1" doc:"The wave of external customers; the one with the most answers if it is left out."`
	Internal int64    `query:"internal" minimum:"1" doc:"The wave of internal customers; the one with the most answers if it is left out."`
	Item     string   `query:"item" maxLength:"64" doc:"The code of the question; the first that both were asked and that can be ranked if it is left out."`
	Top      int      `query:"top" minimum:"1" maximum:"10" default:"3" doc:"How many of the list are compared."`
	Segment  []string `query:"segment,explode" maxItems:"2" doc:"A part of one side: internal:department:it, or internal:department:!it for the rest."`
	Lang     string   `query:"lang" enum:"en,pl,ro,ru" default:"en" doc:"The language of what is said in words."`
}

// query returns what is asked for as the query of the page's address.
func (in *apiCompareIn) query() url.Values {
	query := url.Values{"top": {strconv.Itoa(in.Top)}, "segment": in.Segment}
	for side, id := range map[survey.Audience]int64{survey.External: in.External, survey.Internal: in.Internal} {
		if id > 0 {
			query.Set(string(side), strconv.FormatInt(id, 10))
		}
	}
	if in.Item != "" {
		query.Set("item", in.Item)
	}
	return query
}

// compareByAPI writes what the page's findings.json has, byte for byte.
func (s *Server) compareByAPI(c echo.Context, in *apiCompareIn) (*apiFileOut, error) {
	ctx := c.Request().Context()
	ch, _, err := s.choose(ctx, s.organisationOf(c), in.query())
	if err != nil {
		return nil, err
	}
	tellChosen(c, ch)
	comparison, err := s.compare(ctx, ch)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := s.reports.JSON(&out, comparison, survey.Language(in.Lang)); err != nil {
		return nil, fmt.Errorf("comparison: %w", err)
	}
	return &apiFileOut{Kind: echo.MIMEApplicationJSON, Body: out.Bytes()}, nil
}
