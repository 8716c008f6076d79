package web

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"

	"cxmirror/pkg/store"
	"cxmirror/pkg/survey"
)

// How many waves and questionnaires are remembered. Beyond that all are forgotten and read again as they are
// needed: an organisation with more waves in the field at once has other troubles.
const (
	rememberedWaves          = 4096
	rememberedQuestionnaires = 512
)

// fielded reads the waves that respondents are asked in, and remembers what it read: questionnaires for good,
// since a stored version never changes; waves only for the moments in which the database does not answer, so
// that a page that was sent then can be given back filled in.
type fielded struct {
	store *store.Store

	mu             sync.Mutex
	waves          map[string]survey.Wave // by slug, as last seen
	questionnaires map[survey.VersionID]*questionnaire
}

// questionnaire is a parsed version, with what of its pages is the same for every respondent.
type questionnaire struct {
	*survey.Questionnaire

	id    survey.VersionID
	pages int // the number of the last page

	mu     sync.Mutex
	pieces map[survey.Language]*pieces
}

func newFielded(from *store.Store) *fielded {
	return &fielded{
		store: from, waves: make(map[string]survey.Wave), questionnaires: make(map[survey.VersionID]*questionnaire),
	}
}

// wave returns the wave of an open link. While the database does not answer, it returns the wave as last seen
// beside the error; its ID is 0 if it was never seen.
func (f *fielded) wave(ctx context.Context, slug string) (survey.Wave, error) {
	wave, err := f.store.WaveBySlug(ctx, slug)
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case err == nil:
		if len(f.waves) >= rememberedWaves {
			clear(f.waves)
		}
		f.waves[slug] = wave
		return wave, nil
	case errors.Is(err, survey.ErrNotFound):
		delete(f.waves, slug)
		return survey.Wave{}, err
	case away(err):
		return f.waves[slug], err
	}
	return survey.Wave{}, err
}

// questionnaire returns a version as parsed.
func (f *fielded) questionnaire(ctx context.Context, org survey.OrganisationID, id survey.VersionID) (*questionnaire, error) {
	f.mu.Lock()
	q, ok := f.questionnaires[id]
	f.mu.Unlock()
	if ok {
		return q, nil
	}
	version, err := f.store.Version(ctx, org, id)
	if err != nil {
		return nil, err
	}
	parsed, err := survey.Parse(version.Source, version.Code+".yaml", func(code string) ([]byte, error) {
		source, ok := version.Frames[code]
		if !ok {
			return nil, fmt.Errorf("code frame %s: %w", code, fs.ErrNotExist)
		}
		return source, nil
	})
	if err != nil {
		return nil, fmt.Errorf("stored version %d of %s: %w", version.Number, version.Code, err)
	}
	q = &questionnaire{Questionnaire: parsed, id: id, pieces: make(map[survey.Language]*pieces)}
	for i := range parsed.Items {
		q.pages = max(q.pages, parsed.Items[i].Page)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.questionnaires) >= rememberedQuestionnaires {
		clear(f.questionnaires)
	}
	f.questionnaires[id] = q
	return q, nil
}

// away reports whether an error says that the database cannot be reached at present.
func away(err error) bool {
	return errors.Is(err, survey.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded)
}
