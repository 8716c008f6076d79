package store_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"cxmirror/pkg/store"
	"cxmirror/pkg/store/storetest"
	"cxmirror/pkg/survey"
)

// newDraft returns a draft of an anonymous wave that is not stored yet.
func newDraft(w survey.Wave) store.Draft {
	return store.Draft{Wave: w.ID, Version: w.Version, Key: randomID() + randomID(), Language: "pl", Content: sealedBytes()}
}

// next returns a draft as its next save, or its sealing, names it.
func next(d store.Draft) store.Draft {
	d.Revision++
	d.Page++
	d.Content = sealedBytes()
	return d
}

// sealAnswer starts and seals an answer.
func sealAnswer(tb testing.TB, s *store.Store, w survey.Wave, invitation survey.InvitationID) {
	tb.Helper()
	d := newDraft(w)
	if err := s.StartDraft(tb.Context(), survey.DefaultOrganisation, &d, invitation); err != nil {
		tb.Fatal(err)
	}
	if err := s.Seal(tb.Context(), survey.DefaultOrganisation, next(d), invitation, survey.Sealed{ID: randomID(), Content: sealedBytes()}, noon, 0); err != nil {
		tb.Fatal(err)
	}
}

// publishSome decides to publish the first n that are pending, as answers that name themselves, and to keep the
// rest.
func publishSome(w survey.Wave, n int) func([]survey.Sealed, bool) ([]survey.Response, []survey.Sealed, error) {
	return func(pending []survey.Sealed, _ bool) (publish []survey.Response, keep []survey.Sealed, err error) {
		for i, p := range pending {
			if i < n {
				publish = append(publish, survey.Response{
					ID: survey.ResponseID(randomID()), Version: w.Version, Language: "pl", Answers: fmt.Appendf(nil, `{"of":"%s"}`, p.ID),
					// What would give people away is not kept.
					Seed: 77, Page: 5, Revision: 9, Key: "key", Person: "Anna", Started: noon, Completed: stored(noon),
				})
			} else {
				keep = append(keep, survey.Sealed{ID: randomID(), Content: sealedBytes()})
			}
		}
		return publish, keep, nil
	}
}

func TestDraftLife(t *testing.T) {
	t.Parallel()
	for name, open := range storetest.Engines() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, ctx := open(t), t.Context()
			w, invitations := launched(t, s, survey.Anonymous, 3, importPeople(t, s, 4), nil, nil)
			d := newDraft(w)
			for range 2 {
				if err := s.StartDraft(ctx, survey.DefaultOrganisation, &d, invitations[0].ID); err != nil {
					t.Fatal(err)
				}
			}
			for _, change := range []func(d *store.Draft){
				func(d *store.Draft) { d.Key = "" },
				func(d *store.Draft) { d.Content = []byte("short") },
				func(d *store.Draft) { d.Content = make([]byte, 2000) },
			} {
				wrong := newDraft(w)
				change(&wrong)
				if err := s.StartDraft(ctx, survey.DefaultOrganisation, &wrong, ""); err == nil {
					t.Errorf("StartDraft took %+v", wrong)
				}
			}
			open := newWave(t, s, "open")
			for _, wave := range []survey.WaveID{open.ID, 777} {
				foreign := newDraft(w)
				foreign.Wave = wave
				wantError(t, "a draft in a wave that is not anonymous, or not there", s.StartDraft(ctx, survey.DefaultOrganisation, &foreign, ""), survey.ErrNotFound)
			}
			r := newResponse(w)
			wantError(t, "a response that can be read, in an anonymous wave", s.StartResponse(ctx, survey.DefaultOrganisation, &r), survey.ErrNotFound)

			page := next(d)
			for range 2 {
				if err := s.SaveDraft(ctx, survey.DefaultOrganisation, page); err != nil {
					if !errors.Is(err, survey.ErrConflict) {
						t.Fatal(err)
					}
				}
			}
			got, err := s.DraftByKey(ctx, survey.DefaultOrganisation, w.ID, d.Key)
			if err != nil || got.Revision != 1 || got.Page != 1 || !bytes.Equal(got.Content, page.Content) || got.Version != w.Version || got.Language != "pl" {
				t.Errorf("DraftByKey = %+v, %v; want the page that was saved", got, err)
			}
			_, err = s.DraftByKey(ctx, survey.DefaultOrganisation, open.ID, d.Key)
			wantError(t, "the key in another wave", err, survey.ErrNotFound)
			stale := next(d)
			wantError(t, "a stale save", s.SaveDraft(ctx, survey.DefaultOrganisation, stale), survey.ErrConflict)
			nobody := next(newDraft(w))
			wantError(t, "nobody's save", s.SaveDraft(ctx, survey.DefaultOrganisation, nobody), survey.ErrNotFound)

			sealed := survey.Sealed{ID: randomID(), Content: sealedBytes()}
			wantError(t, "sealing what is stale", s.Seal(ctx, survey.DefaultOrganisation, stale, invitations[0].ID, sealed, noon, 0), survey.ErrConflict)
			done := next(page)
			if err := s.Seal(ctx, survey.DefaultOrganisation, done, invitations[0].ID, survey.Sealed{ID: sealed.ID, Content: []byte("short")}, noon, 0); err == nil {
				t.Error("Seal took content that tells of itself by its length")
			}
			if err := s.Seal(ctx, survey.DefaultOrganisation, done, invitations[0].ID, sealed, noon, 0); err != nil {
				t.Fatal(err)
			}
			wantError(t, "sealing again", s.Seal(ctx, survey.DefaultOrganisation, done, invitations[0].ID, survey.Sealed{ID: randomID(), Content: sealedBytes()}, noon, 0), survey.ErrFinished)
			wantError(t, "starting again", s.StartDraft(ctx, survey.DefaultOrganisation, &d, invitations[0].ID), survey.ErrFinished)
			_, err = s.DraftByKey(ctx, survey.DefaultOrganisation, w.ID, d.Key)
			wantError(t, "the draft of what is sealed", err, survey.ErrNotFound)

			// By the open link: only the key that her browser has tells that it was finished.
			d = newDraft(w)
			if err := s.StartDraft(ctx, survey.DefaultOrganisation, &d, ""); err != nil {
				t.Fatal(err)
			}
			for i, want := range []error{nil, survey.ErrFinished} {
				if err := s.Seal(ctx, survey.DefaultOrganisation, next(d), "", survey.Sealed{ID: randomID(), Content: sealedBytes()}, noon, 0); !errors.Is(err, want) {
					t.Errorf("sealing an open link's, time %d: %v; want %v", i+1, err, want)
				}
			}
			openDone := next(d)
			wantError(t, "starting an open link's again", s.StartDraft(ctx, survey.DefaultOrganisation, &d, ""), survey.ErrFinished)
			wantError(t, "saving it again", s.SaveDraft(ctx, survey.DefaultOrganisation, openDone), survey.ErrFinished)
			_, err = s.DraftByKey(ctx, survey.DefaultOrganisation, w.ID, d.Key)
			wantError(t, "the draft of an open link that is sealed", err, survey.ErrFinished)
			d = newDraft(w)
			if err := s.StartDraft(ctx, survey.DefaultOrganisation, &d, ""); err != nil {
				t.Fatal(err)
			}
			wantError(t, "one more than are wanted", s.Seal(ctx, survey.DefaultOrganisation, next(d), "", survey.Sealed{ID: randomID(), Content: sealedBytes()}, noon, 2), survey.ErrFull)
			w.State = survey.WaveClosed
			if err := s.UpdateWave(ctx, w); err != nil {
				t.Fatal(err)
			}
			wantError(t, "sealing when it is closed", s.Seal(ctx, survey.DefaultOrganisation, next(d), "", survey.Sealed{ID: randomID(), Content: sealedBytes()}, noon, 0), survey.ErrClosed)
			wantError(t, "an open link's, finished, and closed", s.Seal(ctx, survey.DefaultOrganisation, openDone, "", survey.Sealed{ID: randomID(), Content: sealedBytes()}, noon, 0), survey.ErrFinished)
			wantError(t, "finished, and closed", s.Seal(ctx, survey.DefaultOrganisation, done, invitations[0].ID, survey.Sealed{ID: randomID(), Content: sealedBytes()}, noon, 0), survey.ErrFinished)

			counts, err := s.Counts(ctx, survey.DefaultOrganisation, w.ID)
			if err != nil || counts.Started != 3 || counts.Complete != 2 || counts.Counted != 0 || !counts.Last.Equal(noon.UTC().Truncate(24*time.Hour)) {
				t.Errorf("Counts = %+v, %v; want 3 started, 2 complete", counts, err)
			}
			if progress, err := s.Progress(ctx, survey.DefaultOrganisation, w.ID); err != nil || len(progress) != 1 || progress[0].Finished != 2 {
				t.Errorf("Progress = %+v, %v; want 2 finished", progress, err)
			}
		})
	}
}

func TestSealedAtOnce(t *testing.T) {
	t.Parallel()
	for name, open := range storetest.Engines() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, ctx := open(t), t.Context()
			w, invitations := launched(t, s, survey.Anonymous, 3, importPeople(t, s, 4), nil, nil)
			for i, invitation := range invitations {
				drafts := make([]store.Draft, 20)
				same := newDraft(w)
				if n := count(t, inParallel(20, func(j int) error {
					drafts[j] = same
					if i%2 == 1 { // twenty devices that know nothing of each other
						drafts[j] = newDraft(w)
					}
					return s.StartDraft(ctx, survey.DefaultOrganisation, &drafts[j], invitation.ID)
				}), nil); n != 20 {
					t.Errorf("%d of 20 starts succeeded; want all", n)
				}
				results := inParallel(20, func(j int) error {
					return s.Seal(ctx, survey.DefaultOrganisation, next(drafts[j]), invitation.ID, survey.Sealed{ID: randomID(), Content: sealedBytes()}, noon, 0)
				})
				if n := count(t, results, survey.ErrFinished); n != 1 {
					t.Errorf("%d of 20 answers to one invitation were sealed; want 1", n)
				}
				if pending, err := s.Pending(ctx, survey.DefaultOrganisation, w.ID); err != nil || pending != i+1 {
					t.Errorf("Pending = %d, %v; want %d", pending, err, i+1)
				}
			}
			d := newDraft(w)
			if err := s.StartDraft(ctx, survey.DefaultOrganisation, &d, ""); err != nil {
				t.Fatal(err)
			}
			results := inParallel(20, func(int) error {
				return s.Seal(ctx, survey.DefaultOrganisation, next(d), "", survey.Sealed{ID: randomID(), Content: sealedBytes()}, noon, 0)
			})
			if n := count(t, results, survey.ErrFinished); n != 1 {
				t.Errorf("%d of 20 answers of one open link were sealed; want 1", n)
			}
			// The limit holds, however many finish at once.
			drafts := make([]store.Draft, 20)
			for i := range drafts {
				drafts[i] = newDraft(w)
				if err := s.StartDraft(ctx, survey.DefaultOrganisation, &drafts[i], ""); err != nil {
					t.Fatal(err)
				}
			}
			results = inParallel(20, func(i int) error {
				return s.Seal(ctx, survey.DefaultOrganisation, next(drafts[i]), "", survey.Sealed{ID: randomID(), Content: sealedBytes()}, noon, 8)
			})
			if n := count(t, results, survey.ErrFull); n != 3 {
				t.Errorf("%d were sealed beside 5 where 8 are wanted; want 3", n)
			}
		})
	}
}

func TestUnseal(t *testing.T) {
	t.Parallel()
	for name, open := range storetest.Engines() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, ctx := open(t), t.Context()
			w, invitations := launched(t, s, survey.Anonymous, 3, importPeople(t, s, 10), nil, nil)
			if n, err := s.Unseal(ctx, survey.DefaultOrganisation, w.ID, noon, publishSome(w, 5)); n != 0 || err != nil {
				t.Errorf("Unseal of nothing = %d, %v", n, err)
			}
			for _, i := range invitations {
				sealAnswer(t, s, w, i.ID)
			}
			var before []survey.Sealed
			failed := errors.New("no key")
			for what, decide := range map[string]func(p []survey.Sealed, closing bool) ([]survey.Response, []survey.Sealed, error){
				"fewer than the threshold": publishSome(w, 2),
				"one lost": func(p []survey.Sealed, closing bool) ([]survey.Response, []survey.Sealed, error) {
					publish, keep, err := publishSome(w, 5)(p, closing)
					return publish, keep[1:], err
				},
				"one doubled": func(p []survey.Sealed, closing bool) ([]survey.Response, []survey.Sealed, error) {
					publish, keep, err := publishSome(w, 5)(p, closing)
					return append(publish, publish[0]), keep[1:], err
				},
				"one kept as it was": func(p []survey.Sealed, closing bool) ([]survey.Response, []survey.Sealed, error) {
					publish, keep, err := publishSome(w, 9)(p, closing)
					keep[0].Content = p[9].Content
					return publish, keep, err
				},
				"one kept under its id": func(p []survey.Sealed, closing bool) ([]survey.Response, []survey.Sealed, error) {
					publish, keep, err := publishSome(w, 9)(p, closing)
					keep[0].ID = p[9].ID
					return publish, keep, err
				},
				"one published under its id": func(p []survey.Sealed, closing bool) ([]survey.Response, []survey.Sealed, error) {
					publish, keep, err := publishSome(w, 9)(p, closing)
					publish[0].ID = survey.ResponseID(p[9].ID)
					return publish, keep, err
				},
				"answers that are none": func(p []survey.Sealed, closing bool) ([]survey.Response, []survey.Sealed, error) {
					publish, keep, err := publishSome(w, 9)(p, closing)
					publish[3].Answers = []byte("[")
					return publish, keep, err
				},
				"a failure": func([]survey.Sealed, bool) ([]survey.Response, []survey.Sealed, error) { return nil, nil, failed },
			} {
				if n, err := s.Unseal(ctx, survey.DefaultOrganisation, w.ID, noon, decide); err == nil || n != 0 {
					t.Errorf("%s: Unseal = %d, %v; want an error", what, n, err)
				}
			}
			n, err := s.Unseal(ctx, survey.DefaultOrganisation, w.ID, noon, func(pending []survey.Sealed, closing bool) ([]survey.Response, []survey.Sealed, error) {
				before = pending
				if closing {
					t.Error("decide was told that the wave is closed")
				}
				return nil, nil, nil
			})
			if n != 0 || err != nil || len(before) != 10 {
				t.Errorf("publishing nothing: %d, %v, of %d pending; want 10", n, err, len(before))
			}
			at := mark(t, s, w.ID)
			if n, err := s.Unseal(ctx, survey.DefaultOrganisation, w.ID, noon, publishSome(w, 6)); n != 6 || err != nil {
				t.Fatalf("Unseal = %d, %v; want 6", n, err)
			}
			rows := read(t, s, w.ID, at)
			for id, row := range rows {
				if row.Release != 1 || row.Person != "" || row.Weight != 1 || !slices.ContainsFunc(before, func(p survey.Sealed) bool {
					return string(row.Answers) == fmt.Sprintf(`{"of":"%s"}`, p.ID) && string(id) != p.ID
				}) {
					t.Errorf("published: %+v %s", row, row.Answers)
				}
			}
			if counts, err := s.Counts(ctx, survey.DefaultOrganisation, w.ID); err != nil || len(rows) != 6 || counts.Started != 10 || counts.Complete != 10 || counts.Counted != 6 {
				t.Errorf("%d are read, Counts = %+v, %v; want 6 counted of 10", len(rows), counts, err)
			}
			after := noon.AddDate(0, 0, 40)
			w.Closes = stored(noon.AddDate(0, 0, 30))
			if err := s.UpdateWave(ctx, w); err != nil {
				t.Fatal(err)
			}
			n, err = s.Unseal(ctx, survey.DefaultOrganisation, w.ID, after, func(pending []survey.Sealed, closing bool) ([]survey.Response, []survey.Sealed, error) {
				for _, p := range pending {
					if slices.ContainsFunc(before, func(b survey.Sealed) bool { return b.ID == p.ID || bytes.Equal(b.Content, p.Content) }) {
						t.Error("what was kept can be told from what was published")
					}
				}
				if !closing || len(pending) != 4 {
					t.Errorf("%d are pending, closing %v; want 4 at the end", len(pending), closing)
				}
				return publishSome(w, 4)(pending, closing)
			})
			if n != 4 || err != nil {
				t.Errorf("Unseal at the end = %d, %v; want 4", n, err)
			}
			if rows := read(t, s, w.ID, store.Mark{}); len(rows) != 10 {
				t.Errorf("in the end %d are read; want 10", len(rows))
			}
			if waves, err := s.WavesToRelease(ctx); err != nil || len(waves) != 0 {
				t.Errorf("WavesToRelease = %v, %v; want none", waves, err)
			}
		})
	}
}
