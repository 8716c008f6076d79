package survey

import (
	"context"
	"sync"
)

// VersionStore reads stored versions of questionnaires; *store.Store is one. A version that an organisation does not
// have is [ErrNotFound].
type VersionStore interface {
	Version(ctx context.Context, organisation OrganisationID, id VersionID) (Version, error)
}

// mostVersions is how many questionnaires are kept as parsed, of about 100 KB each. Beyond that all are parsed again
// as they are needed.
const mostVersions = 512

// Versions hands out the questionnaires of stored versions as they were parsed the first time: a stored version never
// changes.
type Versions struct {
	store VersionStore

	mu     sync.Mutex
	parsed map[versionOf]*Questionnaire
}

// versionOf names a version by whose it is: who asks for another organisation's finds nothing.
type versionOf struct {
	organisation OrganisationID
	id           VersionID
}

// NewVersions returns the questionnaires of a store.
func NewVersions(store VersionStore) *Versions {
	return &Versions{store: store, parsed: make(map[versionOf]*Questionnaire)}
}

// Questionnaire returns the questionnaire of an organisation's version. Nobody may change it.
func (v *Versions) Questionnaire(ctx context.Context, organisation OrganisationID, id VersionID) (*Questionnaire, error) {
	key := versionOf{organisation, id}
	v.mu.Lock()
	q, ok := v.parsed[key]
	v.mu.Unlock()
	if ok {
		return q, nil
	}
	version, err := v.store.Version(ctx, organisation, id)
	if err != nil {
		return nil, err
	}
	if q, err = version.Questionnaire(); err != nil {
		return nil, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if first, ok := v.parsed[key]; ok {
		return first, nil // somebody was faster
	}
	if len(v.parsed) >= mostVersions {
		clear(v.parsed)
	}
	v.parsed[key] = q
	return q, nil
}
