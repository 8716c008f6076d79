package web

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/labstack/echo/v4"

	"cxmirror/pkg/exchange"
	"cxmirror/pkg/store"
	"cxmirror/pkg/survey"
	"cxmirror/pkg/tally"
)

// exportAnswers sends a wave's complete responses as a file in the native format, which an import, or compare,
// reads back.
//
// Of a wave that protects people the file tells no more than the figures of everybody together: of questions, only
// picks of which no option is withheld, as far as all options are counted; and neither who answered, nor when, nor
// background answers and what the panel says of people, nor weights, which follow from those, nor comments, which
// stand on a page of their own. So nothing can be worked out from two files, one from before a step and one from after
// it. Rows are in the order of their ids, which are random.
func (s *Server) exportAnswers(c echo.Context) error {
	wave, err := s.waveOf(c)
	if err != nil {
		return err
	}
	out, err := s.answersFile(c.Request().Context(), &wave)
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

// answersFile returns a wave's answers as a file, whole or not at all: half a file of answers looks like a file of
// answers. The error is a [tally.ErrWithheld] if nothing of them may be told yet.
func (s *Server) answersFile(whole context.Context, wave *survey.Wave) ([]byte, error) {
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
		err = s.writeAnswers(ctx, &out, wave, q)
	}
	if err != nil {
		return nil, fmt.Errorf("export wave %d: %w", wave.ID, err)
	}
	return out.Bytes(), nil
}

// writeAnswers writes all there is, with the segments that results may be split by behind the items.
func (s *Server) writeAnswers(ctx context.Context, out *bytes.Buffer, wave *survey.Wave, q *questionnaire) error {
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

// writeProtected writes what may be told of a wave that protects people.
func (s *Server) writeProtected(ctx context.Context, out *bytes.Buffer, wave *survey.Wave, q *questionnaire, cells []int) error {
	type row struct {
		id      survey.ResponseID
		answers []byte
		release int
	}
	var rows []row
	for stored, err := range s.store.Answers(ctx, wave.Organisation, wave.ID, store.Mark{}) {
		if err != nil {
			return err
		}
		rows = append(rows, row{stored.ID, bytes.Clone(stored.Answers), stored.Release})
	}
	slices.SortFunc(rows, func(a, b row) int { return cmp.Compare(a.id, b.id) })
	writer := exchange.NewWriter(out, q.Questionnaire)
	for i := range rows {
		answers, err := q.ParseAnswers(rows[i].answers)
		if err != nil {
			return fmt.Errorf("response %s: %w", rows[i].id, err)
		}
		record, told := answers.Record(), false
		for at := range q.Columns() {
			if rows[i].release > cells[at] {
				record.Values[at] = survey.Value{}
			}
			told = told || record.Values[at].State != survey.Missing
		}
		if !told {
			continue
		}
		if err := writer.Write(&record); err != nil {
			return err
		}
	}
	return writer.Flush()
}
