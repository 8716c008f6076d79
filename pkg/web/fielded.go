package web

import (
	"context"
	"errors"
	"sync"
	"time"

	"cxmirror/pkg/store"
	"cxmirror/pkg/survey"
)

// How many waves and questionnaires are remembered. Beyond that all are forgotten and read again as they are
// needed: an organisation with more waves in the field at once has other troubles.
const (
	rememberedWaves          = 4096
	rememberedQuestionnaires = 512
)

// waveFresh is how long a wave is taken to be as it was read. Another process that closes it is heard of that much
// later; no response is completed by then, since the store looks at the wave itself.
const waveFresh = time.Second

// fielded reads the waves that respondents are asked in, and remembers what it read: questionnaires for good,
// since a stored version never changes; waves for a moment, and for as long as the database does not answer, so
// that a page that was sent then can be given back filled in.
type fielded struct {
	store *store.Store
	now   func() time.Time

	mu             sync.Mutex
	waves          map[string]seenWave // by slug
	questionnaires map[versionOf]*questionnaire
}

// versionOf names a stored version by whose it is: who asks for another organisation's finds nothing.
type versionOf struct {
	organisation survey.OrganisationID
	id           survey.VersionID
}

// seenWave is a wave as last read.
type seenWave struct {
	survey.Wave

	read    time.Time
	changes int64 // that this process had made to waves by then
}

// questionnaire is a parsed version, with what of its pages is the same for every respondent.
type questionnaire struct {
	*survey.Questionnaire

	id      survey.VersionID
	pages   int    // the number of the last page
	written *offer // the languages it is written in
	steady  []bool // for each item: all who answered nothing yet see it the same

	mu     sync.Mutex
	pieces map[survey.Language]*pieces
}

func newFielded(from *store.Store, now func() time.Time) *fielded {
	return &fielded{
		store: from, now: now, waves: make(map[string]seenWave), questionnaires: make(map[versionOf]*questionnaire),
	}
}

// wave returns the wave of an open link. While the database does not answer, it returns the wave as last seen
// beside the error; its ID is 0 if it was never seen.
func (f *fielded) wave(ctx context.Context, slug string) (survey.Wave, error) {
	now, changes := f.now(), f.store.WaveChanges() // before it is read: a change in between is noticed the next time
	f.mu.Lock()
	seen, ok := f.waves[slug]
	f.mu.Unlock()
	if age := now.Sub(seen.read); ok && seen.changes == changes && age >= 0 && age < waveFresh {
		return seen.Wave, nil
	}
	wave, err := f.store.WaveBySlug(ctx, slug)
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case err == nil:
		if len(f.waves) >= rememberedWaves {
			clear(f.waves)
		}
		f.waves[slug] = seenWave{wave, now, changes}
		return wave, nil
	case errors.Is(err, survey.ErrNotFound):
		delete(f.waves, slug)
		return survey.Wave{}, err
	case away(err):
		return f.waves[slug].Wave, err
	}
	return survey.Wave{}, err
}

// questionnaire returns a version of an organisation as parsed.
func (f *fielded) questionnaire(ctx context.Context, org survey.OrganisationID, id survey.VersionID) (*questionnaire, error) {
	key := versionOf{org, id}
	f.mu.Lock()
	q, ok := f.questionnaires[key]
	f.mu.Unlock()
	if ok {
		return q, nil
	}
	version, err := f.store.Version(ctx, org, id)
	if err != nil {
		return nil, err
	}
	parsed, err := version.Questionnaire()
	if err != nil {
		return nil, err
	}
	q = &questionnaire{Questionnaire: parsed, id: id, written: newOffer(parsed.Languages), steady: steady(parsed.Items), pieces: make(map[survey.Language]*pieces)}
	for i := range parsed.Items {
		q.pages = max(q.pages, parsed.Items[i].Page)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.questionnaires) >= rememberedQuestionnaires {
		clear(f.questionnaires)
	}
	f.questionnaires[key] = q
	return q, nil
}

// away reports whether an error says that the database cannot be reached at present.
func away(err error) bool {
	return errors.Is(err, survey.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded)
}
