package web

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/labstack/echo/v4"

	"cxmirror/pkg/fieldwork"
	"cxmirror/pkg/store"
	"cxmirror/pkg/survey"
)

// waveOperations are waves: what is asked, of whom, and how many have answered.
func (s *Server) waveOperations() []operation {
	const group = "Waves"
	tags := []string{group}
	example := exampleWave()
	opened := example
	opened.State, opened.Life = string(survey.WaveOpen), "open"
	closed := example
	closed.State, closed.Life = string(survey.WaveClosed), "closed"
	return []operation{
		answering(s, huma.Operation{
			OperationID: "list-waves", Method: http.MethodGet, Path: "/waves", Tags: tags, Summary: "List waves",
			Description: "Every wave of the organisation, the newest first, with its promise and how many have answered.",
			Responses:   answered(http.StatusOK, "Waves.", apiWaves{APIPart{1, apiListed, 0}, []apiWave{opened}}),
		}, s.listWaves),
		answering(s, huma.Operation{
			OperationID: "make-wave", Method: http.MethodPost, Path: "/waves", Tags: tags, Summary: "Make a wave", DefaultStatus: http.StatusCreated,
			Description: "Makes a draft of a questionnaire: a stored version (“questionnaire_id”), one that comes with the program (“instrument”), or YAML (“yaml”), which is stored as a version first. Nobody can answer before it is opened or launched.",
			RequestBody: exampleRequest(apiNewWave{Name: "Employees, spring", Instrument: "internal-expectations", Mode: "confidential"}), MaxBodyBytes: 4 << 20,
			Responses: or(or(answered(http.StatusCreated, "The wave that was made.", example),
				http.StatusConflict, "The address of the link is taken, or another questionnaire is stored under this code and version."),
				http.StatusUnprocessableEntity, "A field is wrong, or the YAML is: each mistake comes with its line and column."),
		}, s.makeWaveByAPI),
		answering(s, huma.Operation{
			OperationID: "show-wave", Method: http.MethodGet, Path: "/waves/{id}", Tags: tags, Summary: "Show a wave",
			Responses: or(answered(http.StatusOK, "The wave.", opened), http.StatusNotFound, "The organisation has no such wave."),
		}, s.showWaveByAPI),
		answering(s, huma.Operation{
			OperationID: "change-wave", Method: http.MethodPatch, Path: "/waves/{id}", Tags: tags, Summary: "Change a wave",
			Description: "Changes what is named and leaves the rest, all or nothing. Thresholds can be raised and never lowered: people answer trusting them.",
			RequestBody: exampleRequest(map[string]any{"threshold": 8, "closes": "2027-04-30T18:00:00Z"}),
			Responses: or(or(or(answered(http.StatusOK, "The wave as it is now.", opened), http.StatusNotFound, "The organisation has no such wave."),
				http.StatusConflict, "What was promised would be taken back, or the closing date has gone by."),
				http.StatusUnprocessableEntity, "A field is wrong."),
		}, s.changeWaveByAPI),
		answering(s, huma.Operation{
			OperationID: "open-wave", Method: http.MethodPost, Path: "/waves/{id}/open", Tags: tags, Summary: "Open a wave",
			Description: "Lets the open link of a wave take answers. Waves that people are invited to are launched in the workbench.",
			Responses: or(or(answered(http.StatusOK, "The wave as it is now.", opened), http.StatusNotFound, "The organisation has no such wave."),
				http.StatusConflict, "Its closing date has gone by."),
		}, s.openWaveByAPI),
		answering(s, huma.Operation{
			OperationID: "close-wave", Method: http.MethodPost, Path: "/waves/{id}/close", Tags: tags, Summary: "Close a wave",
			Description: "Ends a wave now. Answers that waited begin to count, if they are enough people.",
			Responses:   or(answered(http.StatusOK, "The wave as it is now.", closed), http.StatusNotFound, "The organisation has no such wave."),
		}, s.closeWaveByAPI),
		answering(s, huma.Operation{
			OperationID: "reopen-wave", Method: http.MethodPost, Path: "/waves/{id}/reopen", Tags: tags, Summary: "Reopen a wave",
			Description: "Lets a wave that has ended take answers again, until a date or until it is closed. One that has not ended stays as it is.",
			RequestBody: exampleRequest(map[string]any{"closes": "2027-04-30T18:00:00Z"}),
			Responses: or(or(answered(http.StatusOK, "The wave as it is now.", opened), http.StatusNotFound, "The organisation has no such wave."),
				http.StatusConflict, "The date has gone by, or personal data of the wave are erased before it."),
		}, s.reopenWaveByAPI),
	}
}

// apiWave is a wave as programs read it.
type apiWave struct {
	ID              survey.WaveID    `json:"id" doc:"Of the wave."`
	Name            string           `json:"name" doc:"What people call it."`
	QuestionnaireID survey.VersionID `json:"questionnaire_id" doc:"The stored version of the questionnaire."`
	Questionnaire   string           `json:"questionnaire" doc:"The code of the questionnaire."`
	Audience        string           `json:"audience" enum:"external,internal,leaders" doc:"Who is asked."`
	State           string           `json:"state" enum:"draft,open,closed" doc:"What was decided about it."`
	Life            string           `json:"life" enum:"draft,soon,open,full,over,closed" doc:"Whether it takes answers right now, and if not, why: “over” is past its closing date, “full” has as many answers as wanted."`
	Link            string           `json:"link" doc:"The path of the open link."`
	OpenLink        bool             `json:"open_link" doc:"The open link takes answers."`
	Opens           *time.Time       `json:"opens" doc:"Answers are taken from here on; null is no such date."`
	Closes          *time.Time       `json:"closes" doc:"Answers are taken until here; null is until it is closed."`
	Limit           int              `json:"limit" doc:"How many complete answers are taken; 0 is no limit."`
	Launched        *time.Time       `json:"launched" doc:"When people were invited; null is not launched."`
	Invited         int              `json:"invited" doc:"How many people are invited."`
	Promise         apiPromise       `json:"promise" doc:"What a respondent is told before the first question."`
	Counts          apiCounts        `json:"counts" doc:"How many people answer."`
	Simulated       bool             `json:"simulated" doc:"Its answers are simulated."`
	Created         time.Time        `json:"created" doc:"When it was made."`
}

type apiPromise struct {
	Mode             string            `json:"mode" enum:"identified,confidential,anonymous" doc:"Whether answers are tied to people."`
	Threshold        int               `json:"threshold" doc:"Of fewer people nothing is shown."`
	CommentThreshold int               `json:"comment_threshold" doc:"Of fewer comments none is shown."`
	Reported         []survey.ItemCode `json:"reported" nullable:"false" doc:"By what results may be split."`
	Tracks           bool              `json:"tracks" doc:"It is noted who opened the invitation."`
	Erases           *time.Time        `json:"erases" doc:"When personal data of the wave go; null is not decided."`
	Asker            survey.Words      `json:"asker" doc:"Who asks, by language."`
	Purpose          survey.Words      `json:"purpose" doc:"Why, by language."`
	Kept             survey.Words      `json:"kept" doc:"What is kept, by language."`
	Minutes          int               `json:"minutes" doc:"How long it takes; 0 is not said."`
	Contact          string            `json:"contact" doc:"Whom to ask."`
	Homepage         string            `json:"homepage" doc:"Of who asks."`
}

type apiCounts struct {
	Started  int     `json:"started" doc:"People who began, finished or not."`
	Complete int     `json:"complete" doc:"Those who finished."`
	Counted  int     `json:"counted" doc:"Those of them who are in the results: of a wave that protects people, others wait."`
	LastDay  *string `json:"last_day" format:"date" doc:"The day on which the last of them finished; null if nobody has."`
}

type apiWaves struct {
	APIPart
	Waves []apiWave `json:"waves" nullable:"false" doc:"The waves."`
}

func exampleWave() apiWave {
	made := time.Date(2027, 3, 1, 9, 0, 0, 0, time.UTC)
	day := "2027-03-14"
	return apiWave{
		ID: 7, Name: "Employees, spring", QuestionnaireID: 3, Questionnaire: "internal-expectations", Audience: string(survey.Internal),
		State: string(survey.WaveDraft), Life: "draft", Link: "/o/employees-spring", OpenLink: true,
		Promise: apiPromise{
			Mode: string(survey.Confidential), Threshold: 5, CommentThreshold: 10, Reported: []survey.ItemCode{"department"},
			Asker: survey.Words{"en": "Human resources"}, Purpose: survey.Words{"en": "To find out what to improve first"}, Kept: survey.Words{}, Minutes: 3, Contact: "hr@example.com",
		},
		Counts: apiCounts{Started: 120, Complete: 96, Counted: 90, LastDay: &day}, Created: made,
	}
}

// exampleRequest is a body as it is documented.
func exampleRequest(example any) *huma.RequestBody {
	return &huma.RequestBody{Content: map[string]*huma.MediaType{"application/json": {Example: example}}}
}

// describeWave makes a wave ready to be read by programs.
func (s *Server) describeWave(ctx context.Context, w *survey.Wave, counts store.Counts) (apiWave, error) {
	q, err := s.fielded.questionnaire(ctx, w.Organisation, w.Version)
	if err != nil {
		return apiWave{}, err
	}
	wide, err := q.WithSegments(w.Segments)
	if err != nil {
		return apiWave{}, err
	}
	described := apiWave{
		ID: w.ID, Name: w.Name, QuestionnaireID: w.Version, Questionnaire: q.Code, Audience: string(w.Audience), State: string(w.State),
		Life: lifeOf(w, s.now(), counts.Complete), Link: "/o/" + w.Slug, OpenLink: w.OpenLink, Opens: utc(w.Opens), Closes: utc(w.Closes), Limit: w.Limit,
		Launched: utc(w.Launched), Invited: w.Invited, Simulated: w.Simulated, Created: w.Created.UTC(),
		Promise: apiPromise{
			Mode: string(w.Mode), Threshold: w.Threshold, CommentThreshold: w.Comments, Reported: []survey.ItemCode{}, Tracks: w.Tracks, Erases: utc(w.Erases),
			Asker: said(w.Promise.Asker), Purpose: said(w.Promise.Purpose), Kept: said(w.Promise.Kept),
			Minutes: w.Promise.Minutes, Contact: w.Promise.Contact, Homepage: w.Promise.Homepage,
		},
		Counts: apiCounts{counts.Started, counts.Complete, counts.Counted, dayOf(counts.Last)},
	}
	for _, it := range w.SplitBy(wide) {
		described.Promise.Reported = append(described.Promise.Reported, it.Code)
	}
	return described, nil
}

// said returns words as an object, also where there are none.
func said(w survey.Words) survey.Words {
	if w == nil {
		return survey.Words{}
	}
	return w
}

type apiWavesIn struct {
	APIList
	Audience string `query:"audience" enum:"external,internal,leaders" doc:"Only waves of these people."`
	State    string `query:"state" enum:"draft,open,closed" doc:"Only waves in this state."`
}

type apiWavesOut struct{ Body apiWaves }

func (s *Server) listWaves(c echo.Context, in *apiWavesIn) (*apiWavesOut, error) {
	ctx := c.Request().Context()
	waves, err := s.store.Waves(ctx, s.organisationOf(c))
	if err != nil {
		return nil, err
	}
	counts, err := s.store.AllCounts(ctx, s.organisationOf(c))
	if err != nil {
		return nil, err
	}
	waves = slices.DeleteFunc(waves, func(w survey.Wave) bool {
		return in.Audience != "" && string(w.Audience) != in.Audience || in.State != "" && string(w.State) != in.State
	})
	waves, of := part(in.APIList, waves)
	out := &apiWavesOut{apiWaves{APIPart: of, Waves: []apiWave{}}}
	for i := range waves {
		described, err := s.describeWave(ctx, &waves[i], counts[waves[i].ID])
		if err != nil {
			return nil, err
		}
		out.Body.Waves = append(out.Body.Waves, described)
	}
	return out, nil
}

// APIWave is which wave is asked for; see [APIList].
type APIWave struct {
	ID int64 `path:"id" doc:"Of the wave."`
}

type apiWaveOut struct{ Body apiWave }

// waveByID returns the wave that an operation names.
func (s *Server) waveByID(c echo.Context, id int64) (survey.Wave, error) {
	return s.store.Wave(c.Request().Context(), s.organisationOf(c), survey.WaveID(id))
}

func (s *Server) showWaveByAPI(c echo.Context, in *APIWave) (*apiWaveOut, error) {
	wave, err := s.waveByID(c, in.ID)
	if err != nil {
		return nil, err
	}
	return s.waveAsItIs(c, &wave)
}

// waveAsItIs answers with a wave.
func (s *Server) waveAsItIs(c echo.Context, wave *survey.Wave) (*apiWaveOut, error) {
	counts, err := s.store.Counts(c.Request().Context(), wave.Organisation, wave.ID)
	if err != nil {
		return nil, err
	}
	described, err := s.describeWave(c.Request().Context(), wave, counts)
	return &apiWaveOut{described}, err
}

// apiNewWave is a wave to be made.
type apiNewWave struct {
	Name            string `json:"name" maxLength:"120" doc:"What people call it." example:"Employees, spring"`
	QuestionnaireID *int64 `json:"questionnaire_id,omitempty" minimum:"1" doc:"A stored version. Of this, “instrument” and “yaml” exactly one is given."`
	Instrument      string `json:"instrument,omitempty" maxLength:"60" doc:"The code of a questionnaire that comes with the program." example:"internal-expectations"`
	YAML            string `json:"yaml,omitempty" doc:"A questionnaire of one's own, of at most 1 MB."`
	Slug            string `json:"slug,omitempty" maxLength:"60" doc:"Of the open link: a to z, digits and single hyphens. Made of the name if it is left out."`
	Mode            string `json:"mode,omitempty" enum:"identified,confidential,anonymous" doc:"Whether answers are tied to people; confidential if it is left out."`
	Threshold       *int   `json:"threshold,omitempty" minimum:"1" maximum:"1000" doc:"Of fewer people nothing is shown. If it is left out, 5 among colleagues, 1 among customers who come by an open link; at least 3 of an anonymous wave."`
}

type apiNewWaveIn struct{ Body apiNewWave }

type apiNewWaveOut struct {
	Location string `header:"Location" doc:"The address of the wave."`
	Body     apiWave
}

func (s *Server) makeWaveByAPI(c echo.Context, in *apiNewWaveIn) (*apiNewWaveOut, error) {
	words := s.wordsOf(c)
	n := &newWave{
		Name: text(in.Body.Name), Slug: in.Body.Slug, Source: text(in.Body.YAML), Mode: survey.Mode(cmp.Or(in.Body.Mode, string(survey.Confidential))),
		Problems: map[string]string{}, words: words,
	}
	if in.Body.Threshold != nil {
		n.Threshold = strconv.Itoa(*in.Body.Threshold)
	}
	given := 0
	for _, chosen := range []struct {
		is   bool
		code string
	}{{in.Body.QuestionnaireID != nil, ""}, {in.Body.Instrument != "", in.Body.Instrument}, {in.Body.YAML != "", ownQuestionnaire}} {
		if chosen.is {
			n.Chosen = chosen.code
			given++
		}
	}
	if given != 1 {
		p := newProblem(c, invalidProblem)
		p.Errors = []problemAt{{Location: "body", Message: "give exactly one of questionnaire_id, instrument and yaml"}}
		return nil, p
	}
	if in.Body.QuestionnaireID != nil {
		n.Stored = survey.VersionID(*in.Body.QuestionnaireID)
	}
	wave, err := s.makeWave(c.Request().Context(), s.organisationOf(c), n, "yaml")
	if p := n.problem(c, err); p != nil {
		return nil, p
	}
	if in.Body.QuestionnaireID != nil && errors.Is(err, survey.ErrNotFound) {
		p := newProblem(c, invalidProblem)
		p.Errors = []problemAt{{Location: "body.questionnaire_id", Message: "no version of a questionnaire is stored under this id: see the list of questionnaires"}}
		return nil, p
	}
	if err != nil {
		return nil, err
	}
	described, err := s.describeWave(c.Request().Context(), &wave, store.Counts{})
	return &apiNewWaveOut{Location: fmt.Sprintf("%s/waves/%d", apiRoot, wave.ID), Body: described}, err
}

// problem tells what is wrong with a wave that was asked for; nil if nothing is.
func (n *newWave) problem(c echo.Context, err error) *problem {
	if len(n.Problems) == 0 && len(n.Mistakes) == 0 {
		return nil
	}
	kind := invalidProblem
	switch {
	case errors.Is(err, survey.ErrSlugTaken):
		kind = "taken"
	case errors.Is(err, survey.ErrConflict):
		kind = "conflict"
	}
	p := newProblem(c, kind)
	fields := map[string]string{"source": "yaml", "questionnaire": "instrument"}
	for field, message := range n.Problems {
		p.Errors = append(p.Errors, problemAt{Location: "body." + cmp.Or(fields[field], field), Message: message})
	}
	slices.SortFunc(p.Errors, func(a, b problemAt) int { return cmp.Compare(a.Location, b.Location) })
	if len(n.Diagnostics) == 0 {
		for _, message := range n.Mistakes {
			p.Errors = append(p.Errors, problemAt{Location: "body.yaml", Message: message})
		}
	}
	for _, d := range n.Diagnostics {
		p.Errors = append(p.Errors, problemAt{Location: "body.yaml", Message: d.Message, Line: d.Line, Column: d.Column})
	}
	return p
}

// closing is a closing date that may be left out, and may be null.
type closing struct {
	given bool
	at    *time.Time
}

// UnmarshalJSON reads a time or null.
func (c *closing) UnmarshalJSON(src []byte) error {
	c.given = true
	return json.Unmarshal(src, &c.at)
}

// MarshalJSON writes a time or null.
func (c closing) MarshalJSON() ([]byte, error) { return json.Marshal(c.at) }

// Schema describes it, for huma.
func (closing) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Format: "date-time", Nullable: true}
}

// change returns what it asks fieldwork for; nil if it was left out.
func (c *closing) change() *fieldwork.Closing {
	if !c.given {
		return nil
	}
	return &fieldwork.Closing{At: utc(c.at)}
}

// apiWaveChange is what is to become different of a wave.
type apiWaveChange struct {
	Name             *string `json:"name,omitempty" maxLength:"120" doc:"What people call it."`
	Closes           closing `json:"closes,omitzero" doc:"When it stops taking answers; it lies ahead. Null is when it is closed."`
	Threshold        *int    `json:"threshold,omitempty" minimum:"1" maximum:"1000" doc:"A higher one. The one of comments is raised with it where it would be lower."`
	CommentThreshold *int    `json:"comment_threshold,omitempty" minimum:"1" maximum:"1000" doc:"A higher one."`
}

type apiWaveChangeIn struct {
	APIWave
	Body apiWaveChange
}

func (s *Server) changeWaveByAPI(c echo.Context, in *apiWaveChangeIn) (*apiWaveOut, error) {
	before, err := s.waveByID(c, in.ID)
	if err != nil {
		return nil, err
	}
	change := fieldwork.Change{Closes: in.Body.Closes.change()}
	words := s.wordsOf(c)
	if in.Body.Name != nil {
		if change.Name = survey.OneLine(text(*in.Body.Name)); change.Name == "" {
			p := newProblem(c, invalidProblem)
			p.Errors = []problemAt{{Location: "body.name", Message: words.T("problem_no_name")}}
			return nil, p
		}
	}
	if in.Body.Threshold != nil {
		change.People = *in.Body.Threshold
		detail(c, "threshold", strconv.Itoa(change.People))
	}
	if in.Body.CommentThreshold != nil {
		change.Comments = *in.Body.CommentThreshold
		detail(c, "comments", strconv.Itoa(change.Comments))
	}
	wave, err := s.fieldwork.Change(c.Request().Context(), before.Organisation, before.ID, change)
	if errors.Is(err, survey.ErrPromised) || errors.Is(err, survey.ErrConflict) { // the latter: somebody raised it meanwhile
		return nil, takenBack(c, words, &before, &change)
	}
	if err != nil {
		return nil, err
	}
	return s.waveAsItIs(c, &wave)
}

// takenBack says what of a change would take back a promise.
func takenBack(c echo.Context, words room, before *survey.Wave, change *fieldwork.Change) *problem {
	p := newProblem(c, promisedProblem)
	if change.People > 0 && change.People < before.Threshold {
		p.Errors = append(p.Errors, problemAt{Location: "body.threshold", Message: words.T("problem_threshold_lower")})
	}
	if change.Comments > 0 && change.Comments < before.Comments {
		p.Errors = append(p.Errors, problemAt{Location: "body.comment_threshold", Message: words.T("problem_threshold_lower")})
	}
	if change.Closes != nil && before.Erases != nil {
		p.Errors = append(p.Errors, problemAt{Location: "body.closes", Message: words.With("progress_problem_erased", "Day", dayIn(*before.Erases, zoneOf(before)))})
	}
	return p
}

func (s *Server) openWaveByAPI(c echo.Context, in *APIWave) (*apiWaveOut, error) {
	return s.turnByAPI(c, in.ID, survey.WaveOpen)
}

func (s *Server) closeWaveByAPI(c echo.Context, in *APIWave) (*apiWaveOut, error) {
	return s.turnByAPI(c, in.ID, survey.WaveClosed)
}

func (s *Server) turnByAPI(c echo.Context, id int64, state survey.WaveState) (*apiWaveOut, error) {
	wave, err := s.waveByID(c, id)
	if err != nil {
		return nil, err
	}
	if err := s.turn(c.Request().Context(), wave, state); err != nil {
		return nil, err
	}
	return s.showWaveByAPI(c, &APIWave{id})
}

type apiReopenIn struct {
	APIWave
	Body *struct {
		Closes closing `json:"closes,omitzero" doc:"Until when; it lies ahead, and not behind the day on which personal data are erased. Null, or left out, is until it is closed."`
	}
}

func (s *Server) reopenWaveByAPI(c echo.Context, in *apiReopenIn) (*apiWaveOut, error) {
	wave, err := s.waveByID(c, in.ID)
	if err != nil {
		return nil, err
	}
	var until *time.Time
	if in.Body != nil {
		until = utc(in.Body.Closes.at)
	}
	if wave, err = s.fieldwork.Reopen(c.Request().Context(), wave.Organisation, wave.ID, until); err != nil {
		return nil, err
	}
	return s.waveAsItIs(c, &wave)
}
