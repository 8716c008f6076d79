package web

import (
	"bytes"
	"crypto/sha256"
	"sync"

	"cxmirror/pkg/survey"
)

const (
	draftsHeld = 2000    // in each of two halves
	draftLimit = 8 << 10 // bytes of answers; what is longer, with its comments, is read again
)

// drafts remembers responses in progress as this process last saw them, so that who goes on need not be looked up
// again. Another process may have seen more: whoever saves what is remembered here learns it from
// [survey.ErrConflict], and reads. No draft is held by its key, which only its respondent has, and none of an
// anonymous wave: whoever could look into the memory would read what the database has only encrypted.
//
// It is two halves: when one is full, the other one, which holds what nobody asked for meanwhile, is forgotten.
type drafts struct {
	mu         sync.Mutex
	young, old map[draftKey]rememberedDraft
}

type draftKey struct {
	wave survey.WaveID
	hash [sha256.Size]byte
}

// rememberedDraft is a response, whose Key is left out, and its answers as parsed.
type rememberedDraft struct {
	q        *questionnaire
	response survey.Response
	answers  survey.Answers
}

func newDrafts() *drafts { return &drafts{young: make(map[draftKey]rememberedDraft)} }

func keyOf(v *visit) draftKey { return draftKey{v.wave.ID, sha256.Sum256([]byte(v.key))} }

// recall fills in the response of a visit, if it is remembered.
func (d *drafts) recall(v *visit) bool {
	if v.wave.Mode == survey.Anonymous {
		return false
	}
	key := keyOf(v)
	d.mu.Lock()
	defer d.mu.Unlock()
	draft, ok := d.young[key]
	if !ok {
		if draft, ok = d.old[key]; !ok {
			return false
		}
		d.hold(key, draft)
	}
	v.q, v.response, v.answers = draft.q, draft.response, draft.answers
	v.response.Key = v.key
	return true
}

// remember keeps the response of a visit, unless it is complete or anonymous.
func (d *drafts) remember(v *visit) {
	if v.wave.Mode == survey.Anonymous {
		return
	}
	if v.response.Completed != nil || len(v.response.Answers) > draftLimit {
		d.forget(v)
		return
	}
	key := keyOf(v)
	draft := rememberedDraft{v.q, v.response, v.answers}
	draft.response.Key = ""
	d.mu.Lock()
	defer d.mu.Unlock()
	d.hold(key, draft)
}

// forget forgets the response of a visit.
func (d *drafts) forget(v *visit) {
	key := keyOf(v)
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.young, key)
	delete(d.old, key)
}

func (d *drafts) hold(key draftKey, draft rememberedDraft) {
	if len(d.young) >= draftsHeld {
		d.old, d.young = d.young, make(map[draftKey]rememberedDraft)
	}
	d.young[key] = draft
}

// parsed returns the answers of a response that was read, if they are remembered as they were stored then.
func (d *drafts) parsed(v *visit, read *survey.Response) (survey.Answers, bool) {
	key := keyOf(v)
	d.mu.Lock()
	defer d.mu.Unlock()
	draft, ok := d.young[key]
	if !ok {
		draft, ok = d.old[key]
	}
	same := ok && draft.response.ID == read.ID && draft.q.id == read.Version && bytes.Equal(draft.response.Answers, read.Answers)
	return draft.answers, same
}
