package web

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"cxmirror/pkg/exchange"
	"cxmirror/pkg/survey"
)

// Bounds of an import.
const (
	rejectionsShown = 200             // of rejected rows; the others are counted
	importPatience  = 5 * time.Minute // for a file of answers to be read and stored
	unpackedLimit   = 512 << 20       // bytes of a file, unpacked: gzip could hide any number of them
)

// importPage takes a file of answers, shows what became of every row, and stores the good ones once somebody
// has looked. Between the two steps the browser keeps the file: the server keeps nothing, so that it does not
// matter which replica is asked next.
type importPage struct {
	room
	Wave     survey.Wave
	Complete int // responses that the wave has already
	Columns  []string
	Sample   string

	Map      string   // as given
	Problems []string // why the file, or the map, cannot be read
	Preview  *preview
}

// preview is what became of the rows of a file.
type preview struct {
	File       string
	Packed     string // the file, gzip in base64, for the browser to send again
	Accepted   int
	Filtered   int
	Rejected   int
	Known      int // of the rejected, people who have answered in this wave already
	Empty      int
	Rejections []rejectedRow
	More       int      // rejections that are not shown
	Rankings   []string // what rankings put first: a place number taken for an order shows here
}

// rejectedRow is a row that cannot be stored: where it stands in the file, ready to print, and why.
type rejectedRow struct{ Line, Column, Field, Reason string }

func (s *Server) showImport(c echo.Context) error {
	page, _, err := s.importPage(c)
	if err != nil {
		return err
	}
	return s.show(c, http.StatusOK, "workbench", "import", page)
}

// Refused reports whether files are refused.
func (p importPage) Refused() bool { return refusesFiles(&p.Wave) }

// refusesFiles reports whether a wave takes answers only from those whom it invited. Rows that somebody wrote into a
// file would count as people of a group, and whoever wrote them could take them off again: what is left is of
// fewer people than were promised.
func refusesFiles(w *survey.Wave) bool { return w.Invited > 0 && w.Protects() }

func (s *Server) importPage(c echo.Context) (importPage, *questionnaire, error) {
	wave, err := s.waveOf(c)
	if err != nil {
		return importPage{}, nil, err
	}
	ctx := c.Request().Context()
	q, err := s.fielded.questionnaire(ctx, s.organisationOf(c), wave.Version)
	if err != nil {
		return importPage{}, nil, err
	}
	counts, err := s.store.Counts(ctx, wave.Organisation, wave.ID)
	if err != nil {
		return importPage{}, nil, err
	}
	page := importPage{room: s.room(c, "waves"), Wave: wave, Complete: counts.Complete}
	page.Title, page.Simulated = page.With("import_title", "Wave", wave.Name), wave.Simulated
	for _, column := range q.Columns() {
		page.Columns = append(page.Columns, column.Key)
	}
	return page, q, nil
}

// importAnswers shows the preview of a file or, once that was confirmed, stores its answers: all of them or
// none.
func (s *Server) importAnswers(c echo.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Request().Context()), importPatience)
	defer cancel()
	c.SetRequest(c.Request().WithContext(ctx))
	form, err := receiveForm(c, uploadLimit)
	tooLarge := errors.Is(err, errTooLarge)
	if err != nil && (!tooLarge || form == nil) {
		return err
	}
	page, q, err := s.importPage(c)
	if err != nil {
		return err
	}
	if page.Refused() {
		return s.show(c, http.StatusConflict, "workbench", "import", page)
	}
	page.Map = form.text("map")
	if file := form.files["map_file"]; len(file.content) > 0 {
		page.Map = string(bytes.ToValidUTF8(file.content, []byte("\uFFFD")))
	}
	if tooLarge {
		page.Problems = []string{page.With("problem_file_too_large", "Limit", page.Integer(uploadLimit>>20))}
		return s.show(c, http.StatusRequestEntityTooLarge, "workbench", "import", page)
	}
	file, err := fileOf(form)
	if err != nil {
		return err
	}
	confirmed := len(form.files["file"].content) == 0 && form.fields.Get("confirmed") != ""
	if len(file.content) == 0 {
		page.Problems = []string{page.T("problem_no_file")}
		if file.name != "" {
			page.Problems = []string{page.With("problem_empty_file", "File", file.name)}
		}
		return s.show(c, http.StatusUnprocessableEntity, "workbench", "import", page)
	}
	reading, err := s.startReading(ctx, &page, q, file)
	if err != nil {
		return err
	}
	if confirmed && len(page.Problems) == 0 {
		return s.storeAnswers(c, &page, reading)
	}
	if len(page.Problems) == 0 {
		for range reading.records() {
		}
		if err := reading.err(); err != nil {
			if page.Problems = page.fileProblems(err); page.Problems == nil {
				return err
			}
		}
	}
	if len(page.Problems) > 0 {
		return s.show(c, http.StatusUnprocessableEntity, "workbench", "import", page)
	}
	if page.Preview, err = reading.preview(&page, file); err != nil {
		return err
	}
	return s.show(c, http.StatusOK, "workbench", "import", page)
}

// fileOf returns the file that was sent, or the one that the browser kept since an earlier page.
func fileOf(form *upload) (uploadedFile, error) {
	packed := form.fields.Get("packed")
	if packed == "" || len(form.files["file"].content) > 0 {
		return form.files["file"], nil
	}
	compressed, err := base64.StdEncoding.DecodeString(packed)
	if err != nil {
		return uploadedFile{}, brokenOff(err)
	}
	reader, err := gzip.NewReader(bytes.NewReader(compressed))
	if err != nil {
		return uploadedFile{}, brokenOff(err)
	}
	content, err := io.ReadAll(io.LimitReader(reader, unpackedLimit+1))
	if err != nil {
		return uploadedFile{}, brokenOff(err)
	}
	if len(content) > unpackedLimit {
		return uploadedFile{}, errTooLarge
	}
	return uploadedFile{form.text("file_name"), content}, nil
}

// reading is a file of answers being read for a wave.
type reading struct {
	questionnaire *questionnaire
	reader        *exchange.Reader
	known         map[string]bool      // respondents who have answered in the wave
	refused       []exchange.Rejection // the first of them
	already       int
	file          string
}

// refuse notes a row that cannot be stored.
func (r *reading) refuse(row exchange.Rejection) {
	if len(r.refused) < rejectionsShown {
		r.refused = append(r.refused, row)
	}
}

// startReading opens the file. What is wrong with it, or with the map, goes onto the page.
func (s *Server) startReading(ctx context.Context, page *importPage, q *questionnaire, file uploadedFile) (*reading, error) {
	var layout *exchange.Map
	var err error
	if page.Map != "" {
		if layout, err = exchange.ParseMap([]byte(page.Map), "map.yaml"); err != nil {
			if page.Problems = page.fileProblems(err); page.Problems == nil {
				return nil, err
			}
			return nil, nil //nolint:nilnil // what is wrong stands on the page
		}
	}
	r := &reading{questionnaire: q, known: make(map[string]bool), file: file.name}
	for person, err := range s.store.Respondents(ctx, page.Wave.Organisation, page.Wave.ID) {
		if err != nil {
			return nil, err
		}
		r.known[person] = true
	}
	r.reader, err = exchange.Open(bytes.NewReader(file.content), file.name, q.Questionnaire, layout,
		exchange.OnReject(r.refuse))
	if err != nil {
		if page.Problems = page.fileProblems(err); page.Problems == nil {
			return nil, err
		}
	}
	return r, nil
}

// records are the rows that can be stored: those accepted, of people who have not answered in this wave yet.
func (r *reading) records() iter.Seq[*survey.Record] {
	return func(yield func(*survey.Record) bool) {
		for record := range r.reader.Records() {
			if record.Respondent != "" && r.known[record.Respondent] {
				r.already++
				r.refuse(exchange.Rejection{
					File: r.file, Line: record.Line, Column: 1, Field: "respondent", Value: record.Respondent,
					Says: answeredInWave(),
				})
				continue
			}
			if !yield(record) {
				return
			}
		}
	}
}

func (r *reading) err() error { return r.reader.Err() }

func (r *reading) preview(page *importPage, file uploadedFile) (*preview, error) {
	report := r.reader.Report()
	shown := &preview{
		File: file.name, Accepted: report.Accepted - r.already, Filtered: report.Filtered, Rejected: report.Rejected + r.already,
		Known: r.already, Empty: report.Empty, More: report.Rejected + r.already - len(r.refused),
	}
	for _, rejected := range r.refused {
		shown.Rejections = append(shown.Rejections, rejectedRow{
			page.Integer(rejected.Line), page.Integer(rejected.Column), rejected.Field, page.phrases.Tell(page.Lang, fileWords, rejected.Says),
		})
	}
	for _, first := range report.Rankings {
		it, ok := r.questionnaire.Item(first.Item)
		if !ok {
			continue
		}
		option := string(first.Option)
		if i, ok := it.Option(first.Option); ok {
			option = it.Options[i].Text.In(page.Lang)
		}
		shown.Rankings = append(shown.Rankings, page.phrases.Say(page.Lang, "import_first", survey.Args{
			"Item": string(first.Item), "Option": option, "Count": page.Integer(first.Count), "Of": page.Integer(first.Of),
		}))
	}
	packed, err := pack(file.content)
	if err != nil {
		return nil, fmt.Errorf("pack %s: %w", file.name, err)
	}
	shown.Packed = packed
	return shown, nil
}

// storeAnswers stores what the preview promised: all of it, or nothing.
func (s *Server) storeAnswers(c echo.Context, page *importPage, r *reading) error {
	now := s.now().UTC()
	n, err := s.store.ImportResponses(c.Request().Context(), page.Wave.Organisation, page.Wave.ID, func(yield func(survey.Response, error) bool) {
		for record := range r.records() {
			answers, err := r.questionnaire.Answers(record.Values).MarshalJSON()
			if err != nil {
				yield(survey.Response{}, err)
				return
			}
			id := make([]byte, 16)
			if _, err := io.ReadFull(s.random, id); err != nil {
				yield(survey.Response{}, err)
				return
			}
			response := survey.Response{
				ID: survey.ResponseID(hex.EncodeToString(id)), Version: page.Wave.Version, Language: r.questionnaire.Languages[0],
				Page: r.questionnaire.pages, Answers: answers, Weight: record.Weight, Person: record.Respondent,
				Started: now, Completed: &now,
			}
			if !yield(response, nil) {
				return
			}
		}
		if err := r.err(); err != nil { // half of a file is not stored
			yield(survey.Response{}, err)
		}
	})
	if err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, fmt.Sprintf("/waves/%d?imported=%d", page.Wave.ID, n))
}

// simulatedMark is what the name of a file says of simulated answers: the file may have no other place for it.
func simulatedMark(simulated bool) string {
	if simulated {
		return "-simulated"
	}
	return ""
}
