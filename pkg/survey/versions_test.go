package survey_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"cxmirror/pkg/survey"
)

// shelf is a store of versions that counts how often it is asked.
type shelf struct{ asked int }

func (s *shelf) Version(_ context.Context, organisation survey.OrganisationID, id survey.VersionID) (survey.Version, error) {
	s.asked++
	if organisation != 1 {
		return survey.Version{}, survey.ErrNotFound
	}
	source := fmt.Sprintf("code: q%d\nversion: 1\naudience: external\nlanguages: [en]\ntitle: {en: Title}\nitems:\n  - {code: why, kind: text, text: {en: Why?}}\n", id)
	return survey.Version{ID: id, Organisation: organisation, Code: fmt.Sprintf("q%d", id), Number: 1, Source: []byte(source)}, nil
}

func TestVersionsAreParsedOnce(t *testing.T) {
	stored := &shelf{}
	versions := survey.NewVersions(stored)
	first, err := versions.Questionnaire(t.Context(), 1, 7)
	if err != nil || first.Code != "q7" {
		t.Fatalf("%+v, %v", first, err)
	}
	again, err := versions.Questionnaire(t.Context(), 1, 7)
	if err != nil || again != first || stored.asked != 1 {
		t.Errorf("the second time: %p instead of %p, %v, after %d questions", again, first, err, stored.asked)
	}
	// What one organisation has read, another does not find.
	if _, err := versions.Questionnaire(t.Context(), 2, 7); !errors.Is(err, survey.ErrNotFound) {
		t.Errorf("another organisation finds it: %v", err)
	}
	// However many there are, each is what was asked for.
	for id := survey.VersionID(1); id <= 600; id++ {
		if q, err := versions.Questionnaire(t.Context(), 1, id); err != nil || q.Code != fmt.Sprintf("q%d", id) {
			t.Fatalf("version %d is %+v, %v", id, q, err)
		}
	}
}
