package web

import (
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/labstack/echo/v4"

	"cxmirror/pkg/survey"
	"cxmirror/surveys"
)

// questionnaireOperations are what can be asked.
func (s *Server) questionnaireOperations() []operation {
	tags := []string{"Questionnaires"}
	return []operation{
		answering(s, huma.Operation{
			OperationID: "list-questionnaires", Method: http.MethodGet, Path: "/questionnaires", Tags: tags, Summary: "List questionnaires",
			Description: "Every stored version of a questionnaire, by code and version, and the instruments that come with the program. A stored version never changes.",
			Responses: answered(http.StatusOK, "Questionnaires.", apiQuestionnaires{
				APIPart{1, apiListed, 0},
				[]apiQuestionnaire{{ID: 3, Code: "internal-expectations", Version: 1, Stored: time.Date(2027, 3, 1, 9, 0, 0, 0, time.UTC)}},
				[]apiInstrument{{Code: "internal-expectations", Version: 1, Audience: string(survey.Internal), Title: survey.Words{"en": "What matters to you at work"}, Items: 6}},
			}),
		}, s.listQuestionnaires),
		answering(s, huma.Operation{
			OperationID: "show-questionnaire", Method: http.MethodGet, Path: "/questionnaires/{id}", Tags: tags, Summary: "A stored questionnaire as YAML",
			Responses: or(map[string]*huma.Response{"200": {
				Description: "The YAML as it was stored.", Content: map[string]*huma.MediaType{"application/yaml": {Schema: &huma.Schema{Type: huma.TypeString}, Example: "code: internal-expectations\nversion: 1\n"}},
			}}, http.StatusNotFound, "The organisation has no such version."),
		}, s.showQuestionnaire),
	}
}

type apiQuestionnaire struct {
	ID      survey.VersionID `json:"id" doc:"Of the stored version."`
	Code    string           `json:"code" doc:"Of the questionnaire."`
	Version int              `json:"version" doc:"As it states of itself."`
	Stored  time.Time        `json:"stored" doc:"When it was stored."`
}

type apiInstrument struct {
	Code     string       `json:"code" doc:"Of the questionnaire."`
	Version  int          `json:"version" doc:"As it states of itself."`
	Audience string       `json:"audience" enum:"external,internal,leaders,everyone" doc:"Who is asked."`
	Title    survey.Words `json:"title" doc:"The title, by language."`
	Items    int          `json:"items" doc:"How many questions it has."`
}

type apiQuestionnaires struct {
	APIPart
	Questionnaires []apiQuestionnaire `json:"questionnaires" nullable:"false" doc:"Stored versions."`
	Instruments    []apiInstrument    `json:"instruments" nullable:"false" doc:"Those that come with the program."`
}

type apiQuestionnairesOut struct{ Body apiQuestionnaires }

func (s *Server) listQuestionnaires(c echo.Context, in *APIList) (*apiQuestionnairesOut, error) {
	versions, err := s.store.Versions(c.Request().Context(), s.organisationOf(c))
	if err != nil {
		return nil, err
	}
	versions, of := part(*in, versions)
	out := &apiQuestionnairesOut{apiQuestionnaires{APIPart: of, Questionnaires: []apiQuestionnaire{}, Instruments: []apiInstrument{}}}
	for i := range versions {
		v := &versions[i]
		out.Body.Questionnaires = append(out.Body.Questionnaires, apiQuestionnaire{ID: v.ID, Code: v.Code, Version: v.Number, Stored: v.Stored.UTC()})
	}
	for _, code := range surveys.Names() {
		q, err := bundled(code)
		if err != nil {
			return nil, err
		}
		out.Body.Instruments = append(out.Body.Instruments, apiInstrument{Code: code, Version: q.Version, Audience: string(q.Audience), Title: q.Title, Items: len(q.Items)})
	}
	return out, nil
}

type apiQuestionnaireIn struct {
	ID int64 `path:"id" doc:"Of the stored version."`
}

func (s *Server) showQuestionnaire(c echo.Context, in *apiQuestionnaireIn) (*apiFileOut, error) {
	version, err := s.store.Version(c.Request().Context(), s.organisationOf(c), survey.VersionID(in.ID))
	return &apiFileOut{Kind: "application/yaml", Body: version.Source}, err
}
