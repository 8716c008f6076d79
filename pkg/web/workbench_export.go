package web

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"cxmirror/pkg/access"
	"cxmirror/pkg/exchange"
	"cxmirror/pkg/store"
	"cxmirror/pkg/survey"
	"cxmirror/pkg/tally"
)

// exportAnswers sends a wave's complete responses as a file in the native format, which an import, or compare,
// reads back.
//
// Of a wave that protects people the file tells no more than the figures of everybody together: of questions, only
// picks of which no option is withheld, as far as all options are counted, and each question by itself, in an order of
// its own ([tornAnswers]); and neither who answered, nor when, nor background answers and what the panel says of people,
// nor weights, which follow from those, nor comments, which stand on a page of their own. So nothing can be worked out
// from two files, one from before a step and one from after it, nor about somebody of whom a few answers are known.
//
// Of an identified wave the file says who answered. Where people are known by their addresses, it says so to those who
// see addresses; to others a code stands for each ([fieldwork.Service.CodeOf]).
func (s *Server) exportAnswers(c echo.Context) error {
	wave, err := s.waveOf(c)
	if err != nil {
		return err
	}
	out, err := s.answersFile(c.Request().Context(), actorOf(c), &wave)
	if errors.Is(err, tally.ErrWithheld) {
		return s.showWaveWith(c, http.StatusConflict, "problem_export_withheld")
	}
	if err != nil {
		return err
	}
	c.Response().Header().Set(echo.HeaderContentDisposition, attachment(answersName(&wave)))
	return c.Blob(http.StatusOK, "text/csv; charset=utf-8", out)
}

// answersName is what a file of a wave's answers is called.
func answersName(wave *survey.Wave) string {
	return wave.Slug + simulatedMark(wave.Simulated) + ".csv"
}

// answersFile returns a wave's answers as a file for somebody, whole or not at all: half a file of answers looks like a
// file of answers. The error is a [tally.ErrWithheld] if nothing of them may be told yet.
func (s *Server) answersFile(whole context.Context, reader *access.Actor, wave *survey.Wave) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(whole), importPatience)
	defer cancel()
	q, err := s.fielded.questionnaire(ctx, wave.Organisation, wave.Version)
	if err != nil {
		return nil, err
	}
	var counted *tally.Wave
	if wave.Protects() {
		err := s.waves.Read(ctx, wave.Organisation, wave.ID, func(w *tally.Wave) error {
			counted = w
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	var out bytes.Buffer
	if counted != nil && counted.Protected() {
		cells := protectedCells(counted, q.Questionnaire)
		if cells == nil {
			return nil, fmt.Errorf("answers of wave %d: %w", wave.ID, tally.ErrWithheld)
		}
		err = s.writeProtected(ctx, &out, wave, q, cells)
	} else {
		err = s.writeAnswers(ctx, &out, reader, wave, q)
	}
	if err != nil {
		return nil, fmt.Errorf("export wave %d: %w", wave.ID, err)
	}
	return out.Bytes(), nil
}

// writeAnswers writes all there is, with the segments that results may be split by behind the items.
func (s *Server) writeAnswers(ctx context.Context, out *bytes.Buffer, reader *access.Actor, wave *survey.Wave, q *questionnaire) error {
	wide, err := q.WithSegments(wave.Segments)
	if err != nil {
		return err
	}
	writer, decoder := exchange.NewWriter(out, wide), wide.NewDecoder()
	for stored, err := range s.store.Answers(ctx, wave.Organisation, wave.ID, store.Mark{}) {
		if err != nil {
			return err
		}
		answers, err := q.ParseAnswers(stored.Answers)
		if err != nil {
			return fmt.Errorf("response %s: %w", stored.ID, err)
		}
		record := answers.Record()
		record.Weight, record.Respondent = stored.Weight, stored.Person
		if strings.Contains(stored.Person, "@") && !reader.May(access.SeePeople) {
			record.Respondent = s.fieldwork.CodeOf(wave.Organisation, stored.Person)
		}
		record.Values = append(record.Values, make([]survey.Value, len(wide.Columns())-len(record.Values))...)
		var said map[string]string
		if len(stored.Attributes) > 0 {
			if err := json.Unmarshal(stored.Attributes, &said); err != nil {
				return fmt.Errorf("attributes of response %s: %w", stored.ID, err)
			}
		}
		for key, value := range said {
			if column, ok := wide.Column(key); ok && column >= len(q.Columns()) {
				if problem := decoder.Decode(column, value, &record.Values[column]); problem != nil {
					return fmt.Errorf("attributes of response %s: %s cannot be %q", stored.ID, key, value)
				}
			}
		}
		if err := writer.Write(&record); err != nil {
			return err
		}
	}
	return writer.Flush()
}

// protectedCells returns by column up to which release its answers may leave the program one by one, -1 for none; nil if
// no column's may.
func protectedCells(w *tally.Wave, q *survey.Questionnaire) []int {
	cells, some := make([]int, len(q.Columns())), false
	for i, column := range q.Columns() {
		cells[i] = -1
		it := column.Item
		if it.Background || it.Kind == survey.Text {
			continue
		}
		if release, ok := w.Alone(it.Code); ok {
			cells[i], some = release, true
		}
	}
	if !some {
		return nil
	}
	return cells
}

// writeProtected writes what may be told of a wave that protects people: the answers to each question by itself.
func (s *Server) writeProtected(ctx context.Context, out *bytes.Buffer, wave *survey.Wave, q *questionnaire, cells []int) error {
	answered := newTornAnswers(q.Questionnaire)
	for stored, err := range s.store.Answers(ctx, wave.Organisation, wave.ID, store.Mark{}) {
		if err != nil {
			return err
		}
		answers, err := q.ParseAnswers(stored.Answers)
		if err != nil {
			return fmt.Errorf("response %s: %w", stored.ID, err)
		}
		record := answers.Record()
		for at := range record.Values {
			if stored.Release > cells[at] {
				record.Values[at] = survey.Value{}
			}
		}
		answered.add(&record)
	}
	var seed [32]byte
	if _, err := io.ReadFull(s.random, seed[:]); err != nil {
		return fmt.Errorf("random bytes: %w", err)
	}
	answered.tear(rand.New(rand.NewChaCha8(seed))) //nolint:gosec // a cipher, and its key is 32 random bytes
	return answered.write(exchange.NewWriter(out, q.Questionnaire))
}

// tornAnswers are the answers to every column of a questionnaire, of which nothing says who gave which. In a row of a
// file as people answered, somebody who knows two answers of a colleague, or only which questions she skipped, could
// find the others.
type tornAnswers struct {
	q        *survey.Questionnaire
	columns  [][]uint32       // by column and person, a position in distinct; 0 is no answer
	distinct [][]survey.Value // by column
	place    []map[string]uint32
	cell     []byte
}

func newTornAnswers(q *survey.Questionnaire) *tornAnswers {
	n := len(q.Columns())
	a := &tornAnswers{q: q, columns: make([][]uint32, n), distinct: make([][]survey.Value, n), place: make([]map[string]uint32, n)}
	for at := range n {
		a.distinct[at], a.place[at] = []survey.Value{{}}, map[string]uint32{}
	}
	return a
}

// add takes the answers of one person, if there are any.
func (a *tornAnswers) add(r *survey.Record) {
	if !slices.ContainsFunc(r.Values, func(v survey.Value) bool { return v.State != survey.Missing }) {
		return
	}
	for at := range r.Values {
		value := &r.Values[at]
		var which uint32
		if value.State != survey.Missing {
			a.cell = a.q.AppendCell(a.cell[:0], at, value)
			known, met := a.place[at][string(a.cell)]
			if !met {
				known = uint32(len(a.distinct[at])) //nolint:gosec // there are fewer answers than people
				a.place[at][string(a.cell)] = known
				kept := *value
				kept.Order = slices.Clone(value.Order)
				a.distinct[at] = append(a.distinct[at], kept)
			}
			which = known
		}
		a.columns[at] = append(a.columns[at], which)
	}
}

// tear brings the answers to each column into an order of their own, drawn by lot.
func (a *tornAnswers) tear(random *rand.Rand) {
	for _, column := range a.columns {
		random.Shuffle(len(column), func(i, j int) { column[i], column[j] = column[j], column[i] })
	}
}

// write writes what there is, row by row; rows in which nothing has come to stand are left out.
func (a *tornAnswers) write(to *exchange.Writer) error {
	record := survey.Record{Weight: 1, Values: make([]survey.Value, len(a.columns))}
	for i := range len(a.columns[0]) {
		told := false
		for at, column := range a.columns {
			record.Values[at] = a.distinct[at][column[i]]
			told = told || column[i] != 0
		}
		if !told {
			continue
		}
		if err := to.Write(&record); err != nil {
			return err
		}
	}
	return to.Flush()
}
