package store_test

import (
	"bytes"
	"fmt"
	"testing"

	"cxmirror/pkg/store"
	"cxmirror/pkg/store/storetest"
	"cxmirror/pkg/survey"
)

// TestForgetSecret goes on with another secret: all who were invited have other ways in, what was sealed is gone, and
// nothing else is.
func TestForgetSecret(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		old, next := bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 32)
		must(s.BindSecret(ctx, old))
		people := importPeople(t, s, 6)
		confidential, by := launched(t, s, survey.Confidential, 3, people, nil, nil)
		anonymous, unnamed := launched(t, s, survey.Anonymous, 3, people, nil, nil)
		var begun, finished survey.Response
		for i := range 3 {
			r := newResponse(confidential)
			r.Invitation = by[i].ID
			must(s.StartResponse(ctx, ours, &r))
			if i == 0 {
				begun = r
				continue
			}
			finished = complete(r, `{"a":1}`)
			must(s.CompleteResponse(ctx, ours, finished, 0))
		}
		imported := answersTo(3)
		if _, err := s.ImportResponses(ctx, ours, confidential.ID, each(imported...)); err != nil {
			t.Fatal(err)
		}
		for i := range 4 {
			if i < 3 {
				sealAnswer(t, s, anonymous, unnamed[i].ID)
				continue
			}
			d := newDraft(anonymous)
			must(s.StartDraft(ctx, ours, &d, unnamed[i].ID))
		}
		for _, p := range people[5:] { // of whom nothing is left but that somebody was invited
			if _, err := s.ErasePerson(ctx, ours, p.ID); err != nil {
				t.Fatal(err)
			}
		}
		ways := func(id survey.InvitationID) store.Ways {
			return store.Ways{TokenHash: hashOf("another " + string(id)), CodeHash: hashOf("another code " + string(id)), Key: "another key " + string(id)}
		}

		_, err := s.ForgetSecret(ctx, next, old, ways)
		wantError(t, "forgetting a secret that the database is not used with", err, survey.ErrConflict)
		if _, err := s.ForgetSecret(ctx, old, old, ways); err == nil {
			t.Error("the secret was forgotten for itself")
		}
		want := store.SecretUse{Links: 10, Codes: 10, Begun: 1, Drafts: 1, Sealed: 3}
		before, err := s.SecretUse(ctx)
		if err != nil || before != want {
			t.Errorf("SecretUse = %+v, %v; want %+v", before, err, want)
		}
		if got, err := s.ForgetSecret(ctx, old, next, ways); err != nil || got != want {
			t.Errorf("ForgetSecret = %+v, %v; want %+v", got, err, want)
		}

		wantError(t, "the old secret", s.BindSecret(ctx, old), store.ErrOtherSecret)
		must(s.BindSecret(ctx, next))
		for _, i := range append(by[:5:5], unnamed[:5]...) {
			_, _, err := s.InvitationByToken(ctx, hashOf(tokenOf(i.ID)))
			wantError(t, "an old link", err, survey.ErrNotFound)
			_, _, err = s.InvitationByCode(ctx, hashOf("code of "+string(i.ID)))
			wantError(t, "an old code", err, survey.ErrNotFound)
			for what, find := range map[string]func() (survey.Invitation, survey.Wave, error){
				"link": func() (survey.Invitation, survey.Wave, error) { return s.InvitationByToken(ctx, ways(i.ID).TokenHash) },
				"code": func() (survey.Invitation, survey.Wave, error) { return s.InvitationByCode(ctx, ways(i.ID).CodeHash) },
			} {
				if found, _, err := find(); err != nil || found.ID != i.ID {
					t.Errorf("a new %s finds invitation %q, %v; want %q", what, found.ID, err, i.ID)
				}
			}
		}
		got, err := s.ResponseByKey(ctx, ours, confidential.ID, ways(begun.Invitation).Key)
		if err != nil || got.ID != begun.ID || got.Completed != nil {
			t.Errorf("what was begun is %+v by the new link, %v", got, err)
		}
		got.Revision++
		must(s.SavePage(ctx, ours, got))
		if got, err := s.ResponseByKey(ctx, ours, confidential.ID, ways(finished.Invitation).Key); err != nil || got.ID != finished.ID || got.Completed == nil {
			t.Errorf("what was finished is %+v by the new link, %v", got, err)
		}
		counts, err := s.Counts(ctx, ours, confidential.ID)
		if err != nil || counts.Complete != 5 || counts.Counted != 3 {
			t.Errorf("the confidential wave has %+v, %v; want 5 who finished, 3 of whom count", counts, err)
		}
		if counts, err := s.Counts(ctx, ours, anonymous.ID); err != nil || counts != (store.Counts{Last: counts.Last}) {
			t.Errorf("the anonymous wave has %+v, %v; want nothing that is sealed or was begun by an old link", counts, err)
		}
		if n, err := s.Unseal(ctx, ours, anonymous.ID, noon, publishSome(anonymous, 3)); n != 0 || err != nil {
			t.Errorf("Unseal = %d, %v; want nothing, and no error", n, err)
		}
		sealAnswer(t, s, anonymous, unnamed[4].ID) // and it goes on
	})
}

// answersTo are complete responses of nobody.
func answersTo(n int) []survey.Response {
	var all []survey.Response
	for i := range n {
		all = append(all, survey.Response{ID: survey.ResponseID(randomID()), Answers: fmt.Appendf(nil, `{"a":%d}`, i), Completed: stored(noon)})
	}
	return all
}
