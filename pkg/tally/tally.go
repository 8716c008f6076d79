// Package tally holds waves in memory, one column of small integers per item, and makes tables of them in
// one pass.
//
// A table is a histogram of answer patterns: how many people picked exactly this set of options. Patterns
// are few (176 for "up to 3 of 10") however many people answered, and every statistic of pick items needs
// only the histogram, so whatever is computed from it costs the same for 50 people and for a million.
//
// Small groups are withheld here and nowhere later: a table whose base is below the wave's threshold is an
// error, and a crosstab leaves out so many segments that none of them can be found by subtraction. Of a wave that
// promised to protect people more is withheld, over time and across segments: see [Wave.Protect]. The
// package computes no statistics, and never learns where responses come from: it is handed them.
package tally

import (
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"iter"
	"slices"

	"cxmirror/pkg/survey"
)

// Wave is the answers of one wave. Adding to a wave while tables are made of it is not safe.
type Wave struct {
	questionnaire *survey.Questionnaire
	audience      survey.Audience
	threshold     int
	n             int
	columns       []column     // one for each column of the questionnaire; nil where it is not kept
	weights       []float64    // nil as long as everybody weighs the same
	weight        float64      // what everybody weighs while weights is nil
	respondents   []uint64     // hashes; nil while nobody is named; 0 for the unnamed
	counted       survey.Value // the answer being added: kept here, it costs no allocation of its own
	protection    *protection  // nil: everything is shown that is not too small; see Wave.Protect
}

// ErrWithheld says that a number is not shown because too few people stand behind it.
var ErrWithheld = errors.New("withheld to protect people")

// ErrNobody says that there is nothing to table.
var ErrNobody = errors.New("nobody answered")

// WithheldError is the error of a table whose base is below the threshold. It does not say how small the
// base is: that would be telling.
type WithheldError struct {
	Audience  survey.Audience
	Item      survey.ItemCode
	Threshold int  // the smallest base that is shown
	Options   bool // enough people answered, but no option can be shown without telling of fewer
}

func (e *WithheldError) Error() string {
	if e.Options {
		return fmt.Sprintf("%s: no answer to %s can be shown without telling of fewer than %d people: %v", e.Audience, e.Item, e.Threshold, ErrWithheld)
	}
	return fmt.Sprintf("%s: fewer than %d people answered %s: %v", e.Audience, e.Threshold, e.Item, ErrWithheld)
}

// Is makes every WithheldError an [ErrWithheld].
func (e *WithheldError) Is(target error) bool { return target == ErrWithheld }

// New returns an empty wave of a questionnaire. No table with a base below threshold will be made of it; a
// threshold under 1 is taken as 1. With keep, only the columns of those items are held; without, all that
// can be tallied (words are not).
func New(q *survey.Questionnaire, audience survey.Audience, threshold int, keep ...survey.ItemCode) *Wave {
	w := &Wave{
		questionnaire: q,
		audience:      audience,
		threshold:     max(threshold, 1),
		columns:       make([]column, len(q.Columns())),
	}
	for i, c := range q.Columns() {
		if len(keep) > 0 && !slices.Contains(keep, c.Item.Code) {
			continue
		}
		w.columns[i] = newColumn(c)
	}
	return w
}

// Load returns a wave of all the records of a source.
func Load(q *survey.Questionnaire, audience survey.Audience, threshold int, records iter.Seq[*survey.Record], keep ...survey.ItemCode) *Wave {
	w := New(q, audience, threshold, keep...)
	for rec := range records {
		w.Add(rec)
	}
	return w
}

// Add appends one response. The record is copied. A weight of zero, which no source may give, counts as 1.
func (w *Wave) Add(rec *survey.Record) {
	for i, c := range w.columns {
		if c != nil {
			w.counted = w.questionnaire.Effective(i, rec.Values)
			c.add(&w.counted)
		}
	}
	w.addWeight(rec.Weight)
	w.addRespondent(rec.Respondent)
	w.n++
}

// addWeight keeps one number for as long as everybody weighs the same: equal weights are no weights.
func (w *Wave) addWeight(weight float64) {
	if weight == 0 {
		weight = 1
	}
	switch {
	case w.weights != nil:
		w.weights = append(w.weights, weight)
	case w.n == 0:
		w.weight = weight
	case weight != w.weight:
		w.weights = make([]float64, w.n, 2*w.n+1)
		for i := range w.weights {
			w.weights[i] = w.weight
		}
		w.weights = append(w.weights, weight)
	}
}

func (w *Wave) addRespondent(id string) {
	if w.respondents == nil {
		if id == "" {
			return
		}
		w.respondents = make([]uint64, w.n, 2*w.n+1)
	}
	w.respondents = append(w.respondents, respondentHash(id))
}

// respondentHash is the same in every wave, so that a person can be met again. 0 is kept for nobody.
func respondentHash(id string) uint64 {
	if id == "" {
		return 0
	}
	h := fnv.New64a()
	_, _ = io.WriteString(h, id) // a hash never fails
	return max(h.Sum64(), 1)
}

// Len is the number of responses.
func (w *Wave) Len() int { return w.n }

// Questionnaire is what the wave was asked.
func (w *Wave) Questionnaire() *survey.Questionnaire { return w.questionnaire }

// Audience is who was asked.
func (w *Wave) Audience() survey.Audience { return w.audience }

// Threshold is the smallest base that is shown.
func (w *Wave) Threshold() int { return w.threshold }

// Weighted reports whether responses differ in weight.
func (w *Wave) Weighted() bool { return w.weights != nil }

// weightOf returns the weight of a response; 1 for everybody where all weigh the same.
func (w *Wave) weightOf(i int) float64 {
	if w.weights == nil {
		return 1
	}
	return w.weights[i]
}
