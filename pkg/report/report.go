// Package report writes findings as documents: a table for a terminal, JSON for programs, and a page that
// stands on its own. Every document carries the base, the rule, the methods and what was left out, because
// a figure that has lost them is worth nothing. It computes nothing: what it prints, it was handed. It also
// prints what fieldwork hands out on paper: posters ([PosterPDF]) and access codes ([CodeSheetPDF]).
package report

import (
	"embed"
	"errors"
	"fmt"
	"time"

	"cxmirror/pkg/findings"
	"cxmirror/pkg/survey"
	"cxmirror/pkg/tally"
)

//go:embed phrases/*.yaml
var phraseFiles embed.FS

// Comparison is a divergence, or why there is none, with all that a document says about where it came from.
type Comparison struct {
	Divergence *findings.Divergence // nil if withheld
	Withheld   *tally.WithheldError // set if a base is below the threshold, or no option can be shown
	Settings   findings.Settings    // as asked for; they stand even where the result is withheld

	Questionnaire *survey.Questionnaire // as put to the external population
	Item          *survey.Item          // what is compared
	External      Source
	Internal      Source
	Independent   bool      // whoever asked vouches that equal respondent ids are not the same people
	Strangers     bool      // people may be on both sides, and nobody was looked for, since a side protects its people
	Simulated     bool      // the answers are simulated
	Made          time.Time // when the document was made
	Program       string    // what made it, with its version
}

// Source is the file or the wave that one side's answers come from, and what became of its rows.
type Source struct {
	Name     string // of the file, or of the wave
	Wave     bool   // it is a wave of the database: Rows are its complete responses, and all of them count
	Part     *Part  // the people who are compared, if that is not everybody
	Rows     int    // rows with answers in the file
	Accepted int    // rows that count
	Filtered int    // rows that the map leaves out
	Rejected int    // rows refused, each named when it was read
	Shared   bool   // both sides were read from this one file: the counts are of the whole file
}

// Part is those people of one side who gave one answer to a background question, or the rest who gave another.
type Part struct {
	tally.Segment
	Question, Answer survey.Words
}

// ErrPairedPart says that only a part of a side was asked for, and that people answered on both sides. Who of
// them belongs to a part is not told apart yet, so they can be compared only as wholes.
var ErrPairedPart = errors.New("the same people answered on both sides: only the whole sides can be compared")

// Writer writes documents. It is safe for concurrent use.
type Writer struct {
	phrases *survey.Phrases
	speaker *findings.Speaker
}

// NewWriter loads the words of the documents, which are in the languages of [findings.Speaker].
func NewWriter() (*Writer, error) {
	phrases, err := survey.LoadPhrases(phraseFiles, "phrases")
	if err != nil {
		return nil, fmt.Errorf("words of reports: %w", err)
	}
	speaker, err := findings.NewSpeaker()
	if err != nil {
		return nil, err
	}
	return &Writer{phrases, speaker}, nil
}

// Languages returns the languages that documents can be written in.
func (w *Writer) Languages() []survey.Language { return w.phrases.Languages() }

// Compare makes the divergence of an item from two waves and keeps it, or the reason why it is withheld.
// Unless c.Independent, people who answered on both sides are looked for and compared with themselves.
func (c *Comparison) Compare(external, internal *tally.Wave, item survey.ItemCode) error {
	view := tally.View{Item: item, Top: c.Settings.Top}
	out, err := c.External.table(external, view)
	if c.withhold(err) {
		return nil
	}
	if err != nil {
		return err
	}
	in, err := c.Internal.table(internal, view)
	if c.withhold(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := findings.Alike(out, in); err != nil {
		return err
	}
	var joint *tally.Joint
	if !c.Independent {
		if joint, err = tally.Join(external, internal, view); err != nil {
			return err
		}
		if joint.N > 0 && (c.External.Part != nil || c.Internal.Part != nil) {
			return ErrPairedPart
		}
	}
	c.Divergence, err = findings.Diverge(out, in, joint, c.Settings)
	if c.withhold(err) {
		return nil
	}
	if c.Divergence != nil {
		c.Divergence.Simulated = c.Simulated
	}
	return err
}

// table makes the table of the people who are compared.
func (s *Source) table(w *tally.Wave, view tally.View) (*tally.Table, error) {
	if s.Part != nil {
		view.Only = []tally.Segment{s.Part.Segment}
	}
	return w.Table(view)
}

func (c *Comparison) withhold(err error) bool {
	withheld, ok := errors.AsType[*tally.WithheldError](err)
	if ok {
		c.Withheld = withheld
	}
	return ok
}
