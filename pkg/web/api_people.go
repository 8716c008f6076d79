package web

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/labstack/echo/v4"

	"cxmirror/pkg/exchange"
	"cxmirror/pkg/store"
	"cxmirror/pkg/survey"
)

// Bounds of an import.
const (
	importedPeople = 20_000   // larger panels come in several parts, or as a file on the page
	importedBytes  = 16 << 20 // of the body
)

// peopleOperations are the panel: who can be invited.
func (s *Server) peopleOperations() []operation {
	tags := []string{"People"}
	given := apiGivenPerson{Address: "ana@example.com", Name: "Ana Pop", Language: "ro", Key: "E-1042", Attributes: map[string]string{"department": "Sales"}}
	return []operation{
		answering(s, huma.Operation{
			OperationID: "list-people", Method: http.MethodGet, Path: "/people", Tags: tags, Summary: "List people",
			Description: "The panel, by name.",
			Responses: answered(http.StatusOK, "People.", apiPeople{APIPart{1, apiListed, 0}, []apiPerson{{
				ID: 12, Key: given.Key, Address: given.Address, Name: given.Name, Language: survey.Language(given.Language), Attributes: given.Attributes, Active: true,
				Updated: time.Date(2027, 3, 1, 9, 0, 0, 0, time.UTC),
			}}}),
		}, s.listPeople),
		answering(s, huma.Operation{
			OperationID: "import-people", Method: http.MethodPost, Path: "/people", Tags: tags, Summary: "Import people",
			Description:  "Adds people and updates those who are known by their key, or by their address where no key is given. Whoever is rejected is named with the reason, and nothing else keeps the others from being stored. With “dry_run” nothing is stored.",
			MaxBodyBytes: importedBytes, RequestBody: exampleRequest(apiImport{People: []apiGivenPerson{given}}),
			Responses: or(answered(http.StatusOK, "What came of it.", apiImported{
				Stored: true, Accepted: 1, Rejected: 1, New: 1, Total: 200,
				Rejections: []apiRejection{{Index: 1, Field: "address", Problem: string(exchange.ProblemAddress), Message: "no @ in it; an address reads name@company.com"}},
			}), http.StatusUnprocessableEntity, "The body is not as described, or an attribute has a key that cannot be used."),
		}, s.importPeopleByAPI),
	}
}

// apiPerson is somebody of the panel.
type apiPerson struct {
	ID           survey.PersonID   `json:"id" doc:"Of the person."`
	Key          string            `json:"key" doc:"The organisation's own identifier, or the address."`
	Address      string            `json:"address" doc:"E-mail; empty is none."`
	Name         string            `json:"name" doc:"The name."`
	Language     survey.Language   `json:"language" doc:"The language she is written to in; empty is not known."`
	Attributes   map[string]string `json:"attributes" doc:"By the key of an attribute, its value as it was given."`
	Active       bool              `json:"active" doc:"She can be invited."`
	Unsubscribed *time.Time        `json:"unsubscribed" doc:"Since when she wants no mail; null if she does."`
	Bounced      *time.Time        `json:"bounced" doc:"Since when mail to the address comes back; null if it does not."`
	Updated      time.Time         `json:"updated" doc:"When it was last changed."`
}

type apiPeople struct {
	APIPart
	People []apiPerson `json:"people" nullable:"false" doc:"The people."`
}

type apiPeopleIn struct {
	APIList
	Text  string `query:"q" maxLength:"200" doc:"Part of a name, address or key."`
	State string `query:"state" enum:"active,inactive,unsubscribed,bounced,paper" doc:"Only people in this state; “paper” are those without address."`
}

type apiPeopleOut struct{ Body apiPeople }

func (s *Server) listPeople(c echo.Context, in *apiPeopleIn) (*apiPeopleOut, error) {
	filter := peopleFilter{Text: strings.TrimSpace(text(in.Text)), State: in.State}
	query := filter.query()
	query.Limit, query.Offset = in.Limit, in.Offset
	people, total, err := s.store.People(c.Request().Context(), s.organisationOf(c), query)
	if err != nil {
		return nil, err
	}
	out := &apiPeopleOut{apiPeople{APIPart: APIPart{Total: total, Limit: in.Limit, Offset: in.Offset}, People: []apiPerson{}}}
	for i := range people {
		p := &people[i]
		attributes := p.Attributes
		if attributes == nil {
			attributes = map[string]string{}
		}
		out.Body.People = append(out.Body.People, apiPerson{
			ID: p.ID, Key: p.Key, Address: p.Address, Name: p.Name, Language: p.Language, Attributes: attributes, Active: p.Active,
			Unsubscribed: utc(p.Unsubscribed), Bounced: utc(p.Bounced), Updated: p.Updated.UTC(),
		})
	}
	return out, nil
}

// apiImport are people to be stored.
type apiImport struct {
	People     []apiGivenPerson `json:"people" nullable:"false" minItems:"1" maxItems:"20000" doc:"The people."`
	Fallback   string           `json:"fallback_language,omitempty" maxLength:"35" doc:"For those whose language nobody can be written to in; without it they are rejected."`
	OnPaper    bool             `json:"on_paper,omitempty" doc:"People without address are taken: they get access codes on paper."`
	KeepKnown  bool             `json:"keep_known,omitempty" doc:"People who are known are left as they are."`
	Deactivate bool             `json:"deactivate_missing,omitempty" doc:"Active people who are not among these become inactive."`
	DryRun     bool             `json:"dry_run,omitempty" doc:"Say what would come of it, and store nothing."`
}

type apiGivenPerson struct {
	Address    string            `json:"address,omitempty" doc:"E-mail."`
	Name       string            `json:"name,omitempty" doc:"The name."`
	Language   string            `json:"language,omitempty" doc:"A tag such as pl, or the name of a language."`
	Key        string            `json:"key,omitempty" doc:"The organisation's own identifier; if anybody has one, everybody needs one."`
	Active     *bool             `json:"active,omitempty" doc:"She can be invited; true if it is left out."`
	Attributes map[string]string `json:"attributes,omitempty" doc:"By the key of an attribute (a to z, digits and _, at most 64) its value. What is left out or empty stays as it was."`
}

// apiImported is what came of an import.
type apiImported struct {
	Stored      bool           `json:"stored" doc:"People who were taken are stored, or others became inactive; false of a dry run, and where nobody was taken."`
	Accepted    int            `json:"accepted" doc:"People who were taken."`
	Rejected    int            `json:"rejected" doc:"People who were not."`
	New         int            `json:"new" doc:"Of those taken, who were not known."`
	Updated     int            `json:"updated" doc:"Of those taken, who changed."`
	Unchanged   int            `json:"unchanged" doc:"Of those taken, who did not."`
	Kept        int            `json:"kept" doc:"Of those taken, who are known and were left as they are."`
	Deactivated int            `json:"deactivated" doc:"People who became inactive because they are missing."`
	Total       int            `json:"total" doc:"People in the panel now."`
	Rejections  []apiRejection `json:"rejections" nullable:"false" doc:"Every problem of everybody who was rejected."`
}

type apiRejection struct {
	Index   int    `json:"index" doc:"The place in “people”, from 0."`
	Field   string `json:"field" doc:"The field; empty if it is the person as a whole."`
	Problem string `json:"problem" doc:"The kind of problem."`
	Message string `json:"message" doc:"What is wrong, and what to do."`
}

type (
	apiImportIn  struct{ Body apiImport }
	apiImportOut struct{ Body apiImported }
)

// importPeopleByAPI takes people as a file of theirs would be taken: they are written as one, and read by the same
// checks.
func (s *Server) importPeopleByAPI(c echo.Context, in *apiImportIn) (*apiImportOut, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Request().Context()), importPatience)
	defer cancel()
	organisation := s.organisationOf(c)
	out := &apiImportOut{apiImported{Rejections: []apiRejection{}}}
	attributes := in.Body.attributes()
	if len(attributes) > exchange.MaxAttributes { // before they become as many columns, of which each person would have a cell
		p := newProblem(c, invalidProblem)
		p.Errors = []problemAt{{Location: "body.people", Message: fmt.Sprintf("%d attributes are named; people can have at most %d", len(attributes), exchange.MaxAttributes)}}
		return nil, p
	}
	file, uses, fields := in.Body.file(attributes)
	reading := &peopleReading{}
	reader, err := exchange.OpenPeople(bytes.NewReader(file), "people", exchange.PeopleOptions{
		Encoding: "utf-8", Delimiter: ',', Columns: uses, Languages: s.phrases.Languages(), Fallback: survey.Language(in.Body.Fallback), OnPaper: in.Body.OnPaper,
		OnReject: func(r exchange.PersonRejection) {
			out.Body.Rejections = append(out.Body.Rejections, rejectionOf(&r, fields))
		},
	})
	if err != nil {
		p := newProblem(c, invalidProblem)
		p.Errors = []problemAt{{Location: "body.people", Message: err.Error()}}
		return nil, p
	}
	reading.reader = reader
	options := store.ImportOptions{Update: !in.Body.KeepKnown, DeactivateMissing: in.Body.Deactivate}
	var result store.ImportResult
	if in.Body.DryRun {
		preview, err := s.store.PreviewPeople(ctx, organisation, reading.people(), options)
		if err != nil {
			return nil, err
		}
		result = preview.ImportResult
	} else {
		if err := s.nameAttributes(ctx, organisation, reader.Columns()); err != nil {
			return nil, err
		}
		if result, err = s.store.ImportPeople(ctx, organisation, reading.people(), options); err != nil {
			return nil, err
		}
	}
	report := reader.Report()
	out.Body.Accepted, out.Body.Rejected = report.Accepted, report.Rejected
	out.Body.Stored = !in.Body.DryRun && (report.Accepted > 0 || result.Deactivated > 0)
	if !out.Body.Stored {
		undone(c)
	}
	tellImport(c, &result, report.Rejected)
	out.Body.New, out.Body.Updated, out.Body.Unchanged = result.New, result.Updated, result.Unchanged
	out.Body.Kept, out.Body.Deactivated = result.Skipped, result.Deactivated
	_, out.Body.Total, err = s.store.People(ctx, organisation, store.PeopleQuery{Limit: 1})
	return out, err
}

// attributes returns the keys of all attributes that anybody has, sorted.
func (in *apiImport) attributes() []string {
	keys := make(map[string]bool)
	for i := range in.People {
		for key := range in.People[i].Attributes {
			keys[key] = true
		}
	}
	return slices.Sorted(maps.Keys(keys))
}

// file writes people as a file with one line each after the header, and says what its columns are: for whoever reads
// it, and, in their order, as fields of a person.
func (in *apiImport) file(attributes []string) (file []byte, uses map[string]exchange.ColumnUse, fields []string) {
	keyed := slices.ContainsFunc(in.People, func(p apiGivenPerson) bool { return p.Key != "" })
	meanings := []exchange.PeopleMeaning{exchange.AddressColumn, exchange.NameColumn, exchange.LanguageColumn, exchange.ActiveColumn}
	if keyed {
		meanings = append(meanings, exchange.KeyColumn)
	}
	uses = make(map[string]exchange.ColumnUse)
	var header []string
	column := func(name string, use exchange.ColumnUse) {
		uses["$"+columnLetter(len(header))] = use
		header = append(header, name)
	}
	for _, meaning := range meanings {
		column(string(meaning), exchange.ColumnUse{Meaning: meaning})
		fields = append(fields, string(meaning))
	}
	for _, key := range attributes {
		column(oneCell(key), exchange.ColumnUse{Meaning: exchange.AttributeColumn, Attribute: key})
		fields = append(fields, "attributes")
	}
	var out bytes.Buffer
	w := csv.NewWriter(&out)
	_ = w.Write(header) // into memory
	for i := range in.People {
		p := &in.People[i]
		active := "yes"
		if p.Active != nil && !*p.Active {
			active = "no"
		}
		row := []string{oneCell(p.Address), oneCell(p.Name), oneCell(p.Language), active}
		if keyed {
			row = append(row, oneCell(p.Key))
		}
		for _, key := range attributes {
			row = append(row, oneCell(p.Attributes[key]))
		}
		_ = w.Write(row)
	}
	w.Flush()
	return out.Bytes(), uses, fields
}

// oneCell keeps a text in one line, so that a line is a person.
func oneCell(given string) string {
	return strings.NewReplacer("\r\n", " ", "\n", " ", "\r", " ", "\x00", "\uFFFD").Replace(given)
}

// columnLetter returns what spreadsheets call a column, the first of which is 0.
func columnLetter(column int) string {
	letter := string(rune('A' + column%26))
	if column >= 26 {
		return columnLetter(column/26-1) + letter
	}
	return letter
}

// rejectionOf says what is wrong with a person, without what was sent.
func rejectionOf(r *exchange.PersonRejection, fields []string) apiRejection {
	fault := r.RowFault
	fault.Text = "" // what stands in the row, such as a part of an address
	if fault.Reason == exchange.ControlCharacter {
		fault.Text = r.Text // the number of a character
	}
	told := apiRejection{Index: r.Line - 2, Problem: string(r.Problem), Message: fault.Explain()}
	if at := columnNumber(r.Column); at >= 0 && at < len(fields) {
		told.Field = fields[at]
	}
	if r.Problem == exchange.ProblemRepeated { // which line it stood in says nothing here
		told.Message = "it is somebody else's already, among these people"
	}
	if advice := r.Advise(); advice != "" {
		told.Message += "; " + advice
	}
	return told
}
