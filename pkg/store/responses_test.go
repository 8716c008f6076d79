package store_test

import (
	"errors"
	"fmt"
	"iter"
	"maps"
	"math"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cxmirror/pkg/store"
	"cxmirror/pkg/store/storetest"
	"cxmirror/pkg/survey"
)

func TestResponseLife(t *testing.T) {
	t.Parallel()
	for name, open := range storetest.Engines() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, ctx := open(t), t.Context()
			w := newWave(t, s, "life")
			r := newResponse(w)
			if err := s.StartResponse(ctx, survey.DefaultOrganisation, &r); err != nil {
				t.Fatal(err)
			}
			if err := s.StartResponse(ctx, survey.DefaultOrganisation, &r); err != nil {
				t.Errorf("starting the same draft again: %v", err)
			}
			sameID, sameKey := newResponse(w), newResponse(w)
			sameID.ID, sameKey.Key = r.ID, r.Key
			wantError(t, "another key for an id", s.StartResponse(ctx, survey.DefaultOrganisation, &sameID), survey.ErrConflict)
			wantError(t, "another id for a key", s.StartResponse(ctx, survey.DefaultOrganisation, &sameKey), survey.ErrConflict)

			want := r
			want.Started = *stored(noon)
			check := func(what string) {
				t.Helper()
				got, err := s.ResponseByKey(ctx, survey.DefaultOrganisation, w.ID, r.Key)
				if err != nil {
					t.Fatalf("%s: %v", what, err)
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s: %s", what, diff)
				}
			}
			check("a draft")
			_, err := s.ResponseByKey(ctx, survey.DefaultOrganisation, w.ID+1, r.Key)
			wantError(t, "the key in another wave", err, survey.ErrNotFound)
			_, err = s.ResponseByKey(ctx, survey.DefaultOrganisation, w.ID, string(r.ID))
			wantError(t, "another key", err, survey.ErrNotFound)

			// One page, saved twice as a browser does that did not hear back.
			want.Page, want.Revision, want.Language, want.Answers = 1, 1, "ro", []byte(`{"hours":7.5}`)
			page := want
			for _, answers := range []string{`{"hours":7.5}`, `{"hours":7.5}`, ` { "hours" : 7.50 }`} {
				page.Answers = []byte(answers)
				if err := s.SavePage(ctx, survey.DefaultOrganisation, page); err != nil {
					t.Fatalf("saving %s: %v", answers, err)
				}
			}
			check("a saved page")

			other := page
			other.Answers = []byte(`{"hours":8}`)
			wantError(t, "another save of the same revision", s.SavePage(ctx, survey.DefaultOrganisation, other), survey.ErrConflict)
			other.Revision += 2
			wantError(t, "a save that skips one", s.SavePage(ctx, survey.DefaultOrganisation, other), survey.ErrConflict)
			other.ID = newResponse(w).ID
			wantError(t, "a save of nobody's", s.SavePage(ctx, survey.DefaultOrganisation, other), survey.ErrNotFound)
			check("a page after conflicts")

			done := complete(page, `{"hours":9}`)
			stale := done
			stale.Revision = 1
			wantError(t, "completing what is stale", s.CompleteResponse(ctx, survey.DefaultOrganisation, stale, 0), survey.ErrConflict)
			for range 2 {
				if err := s.CompleteResponse(ctx, survey.DefaultOrganisation, done, 0); err != nil {
					t.Fatal(err)
				}
			}
			want = done
			want.Started = *stored(noon)
			check("a complete response")
			other = done
			other.Answers = []byte(`{"hours":10}`)
			wantError(t, "completing with other answers", s.CompleteResponse(ctx, survey.DefaultOrganisation, other, 0), survey.ErrAnswered)
			other.Revision++
			wantError(t, "saving a complete response", s.SavePage(ctx, survey.DefaultOrganisation, other), survey.ErrAnswered)
			check("a complete response afterwards")

			nobody := complete(newResponse(w), `{}`)
			wantError(t, "completing nobody's", s.CompleteResponse(ctx, survey.DefaultOrganisation, nobody, 0), survey.ErrNotFound)
			nobody.Wave = 77
			wantError(t, "completing in no wave", s.CompleteResponse(ctx, survey.DefaultOrganisation, nobody, 0), survey.ErrNotFound)
		})
	}
}

func TestCompleteOnlyWhileOpen(t *testing.T) {
	t.Parallel()
	before, after := stored(noon.Add(-time.Hour)), stored(noon.Add(time.Hour))
	tests := []struct {
		name   string
		change func(w *survey.Wave)
		want   error
	}{
		{"draft", func(w *survey.Wave) { w.State = survey.WaveDraft }, survey.ErrNotYetOpen},
		{"closed", func(w *survey.Wave) { w.State = survey.WaveClosed }, survey.ErrClosed},
		{"not open yet", func(w *survey.Wave) { w.Opens = after }, survey.ErrNotYetOpen},
		{"closed by the clock", func(w *survey.Wave) { w.Closes = before }, survey.ErrClosed},
		{"open by the clock", func(w *survey.Wave) { w.Opens, w.Closes = before, after }, nil},
	}
	for name, open := range storetest.Engines() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, ctx := open(t), t.Context()
			for i, tt := range tests {
				w := newWave(t, s, fmt.Sprintf("wave-%d", i))
				finished := answered(t, s, w, `{"a":1}`)
				r := newResponse(w)
				if err := s.StartResponse(ctx, survey.DefaultOrganisation, &r); err != nil {
					t.Fatal(err)
				}
				tt.change(&w)
				if err := s.UpdateWave(ctx, w); err != nil {
					t.Fatal(err)
				}
				wantError(t, tt.name, s.CompleteResponse(ctx, survey.DefaultOrganisation, complete(r, `{"a":2}`), 0), tt.want)
				// Who finished in time and did not hear back hears it now.
				if err := s.CompleteResponse(ctx, survey.DefaultOrganisation, finished, 0); err != nil {
					t.Errorf("%s: completing what is complete: %v", tt.name, err)
				}
			}
		})
	}
}

// inParallel runs n calls at the same moment and returns their errors.
func inParallel(n int, call func(i int) error) []error {
	results := make([]error, n)
	begin := make(chan struct{})
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			<-begin
			results[i] = call(i)
		})
	}
	close(begin)
	all.Wait()
	return results
}

// count returns how many results are nil, and fails the test for errors other than the one allowed.
func count(t *testing.T, results []error, allowed error) (succeeded int) {
	t.Helper()
	for _, err := range results {
		switch {
		case err == nil:
			succeeded++
		case !errors.Is(err, allowed):
			t.Errorf("%v; want %v", err, allowed)
		}
	}
	return succeeded
}

func TestTwentyAtOnce(t *testing.T) {
	t.Parallel()
	for name, open := range storetest.Engines() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, ctx := open(t), t.Context()
			w := newWave(t, s, "at-once")
			for round := range 5 {
				r := newResponse(w)
				if n := count(t, inParallel(20, func(int) error { return s.StartResponse(ctx, survey.DefaultOrganisation, &r) }), nil); n != 20 {
					t.Errorf("round %d: %d of 20 starts of one draft succeeded; want all", round, n)
				}
				page := r
				page.Revision, page.Page, page.Answers = 1, 1, []byte(`{"a":1}`)
				if n := count(t, inParallel(20, func(int) error { return s.SavePage(ctx, survey.DefaultOrganisation, page) }), nil); n != 20 {
					t.Errorf("round %d: %d of 20 equal saves succeeded; want all", round, n)
				}
				different := func(i int, r survey.Response) survey.Response {
					r.Revision, r.Page, r.Answers = 2, 2, fmt.Appendf(nil, `{"a":%d}`, i)
					return r
				}
				if n := count(t, inParallel(20, func(i int) error { return s.SavePage(ctx, survey.DefaultOrganisation, different(i, page)) }), survey.ErrConflict); n != 1 {
					t.Errorf("round %d: %d of 20 different saves succeeded; want 1", round, n)
				}
				page.Revision, page.Page = 2, 2
				done := complete(page, `{"a":2}`)
				if round%2 == 0 {
					if n := count(t, inParallel(20, func(int) error { return s.CompleteResponse(ctx, survey.DefaultOrganisation, done, 0) }), nil); n != 20 {
						t.Errorf("round %d: %d of 20 equal completions succeeded; want all", round, n)
					}
					continue
				}
				if n := count(t, inParallel(20, func(i int) error {
					return s.CompleteResponse(ctx, survey.DefaultOrganisation, complete(page, fmt.Sprintf(`{"a":%d}`, i)), 0)
				}), survey.ErrAnswered); n != 1 {
					t.Errorf("round %d: %d of 20 different completions succeeded; want 1", round, n)
				}
			}
			if counts, err := s.Counts(ctx, survey.DefaultOrganisation, w.ID); err != nil || counts.Started != 5 || counts.Complete != 5 {
				t.Errorf("Counts = %+v, %v; want 5 rows, all complete", counts, err)
			}
		})
	}
}

func TestLimitAtOnce(t *testing.T) {
	t.Parallel()
	for name, open := range storetest.Engines() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, ctx := open(t), t.Context()
			w := newWave(t, s, "limited")
			drafts := make([]survey.Response, 40)
			for i := range drafts {
				drafts[i] = newResponse(w)
				if err := s.StartResponse(ctx, survey.DefaultOrganisation, &drafts[i]); err != nil {
					t.Fatal(err)
				}
			}
			const limit = 7
			results := inParallel(len(drafts), func(i int) error {
				return s.CompleteResponse(ctx, survey.DefaultOrganisation, complete(drafts[i], `{"a":1}`), limit)
			})
			if n := count(t, results, survey.ErrFull); n != limit {
				t.Errorf("%d responses were taken; want %d", n, limit)
			}
			for i, err := range results { // those who were in time may say so again, also when it is full
				again := s.CompleteResponse(ctx, survey.DefaultOrganisation, complete(drafts[i], `{"a":1}`), limit)
				if (again == nil) != (err == nil) {
					t.Errorf("completing again: %v, after %v", again, err)
				}
			}
			if counts, err := s.Counts(ctx, survey.DefaultOrganisation, w.ID); err != nil || counts.Complete != limit {
				t.Errorf("Counts = %+v, %v; want %d complete", counts, err, limit)
			}
		})
	}
}

// TestCloseAtOnce closes a wave while people finish: once UpdateWave has returned, nobody finishes.
func TestCloseAtOnce(t *testing.T) {
	t.Parallel()
	for name, open := range storetest.Engines() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, ctx := open(t), t.Context()
			w := newWave(t, s, "closing")
			drafts := make([]survey.Response, 60)
			for i := range drafts {
				drafts[i] = newResponse(w)
				if err := s.StartResponse(ctx, survey.DefaultOrganisation, &drafts[i]); err != nil {
					t.Fatal(err)
				}
			}
			var atClose store.Counts
			results := inParallel(len(drafts), func(i int) error {
				if i != 20 {
					return s.CompleteResponse(ctx, survey.DefaultOrganisation, complete(drafts[i], `{"a":1}`), 0)
				}
				w.State = survey.WaveClosed
				if err := s.UpdateWave(ctx, w); err != nil {
					return err
				}
				var err error
				atClose, err = s.Counts(ctx, survey.DefaultOrganisation, w.ID)
				return err
			})
			n := count(t, results, survey.ErrClosed) - 1
			if end, err := s.Counts(ctx, survey.DefaultOrganisation, w.ID); err != nil || end.Complete != atClose.Complete || end.Complete != n {
				t.Errorf("%d were told they finished, %d had when the wave was closed, %d in the end (%v); want the same", n, atClose.Complete, end.Complete, err)
			}
		})
	}
}

func each(responses ...survey.Response) iter.Seq2[survey.Response, error] {
	return func(yield func(survey.Response, error) bool) {
		for _, r := range responses {
			if !yield(r, nil) {
				return
			}
		}
	}
}

func TestImport(t *testing.T) {
	t.Parallel()
	for name, open := range storetest.Engines() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, ctx := open(t), t.Context()
			w := newWave(t, s, "imported")
			before := answered(t, s, w, `{"a":0}`)
			many := make([]survey.Response, 1234)
			for i := range many {
				many[i] = complete(newResponse(w), fmt.Sprintf(`{"a":%d}`, i))
				many[i].Key, many[i].Version, many[i].Weight, many[i].Person, many[i].Started = "", 0, 0.5, fmt.Sprintf("P%04d", i), time.Time{}
			}
			if n, err := s.ImportResponses(ctx, survey.DefaultOrganisation, w.ID, each(many...)); err != nil || n != len(many) {
				t.Fatalf("ImportResponses = %d, %v; want %d", n, err, len(many))
			}
			got := read(t, s, w.ID, store.Mark{})
			if len(got) != len(many)+1 {
				t.Fatalf("%d responses are stored; want %d", len(got), len(many)+1)
			}
			for i, r := range many {
				if row := got[r.ID]; row.Weight != 0.5 || row.Person != r.Person || row.Version != w.Version || string(row.Answers) != fmt.Sprintf(`{"a":%d}`, i) {
					t.Fatalf("response %d is stored as %+v %s", i, row, row.Answers)
				}
			}

			good := func() survey.Response { return complete(newResponse(w), `{}`) }
			spoiled := func(change func(r *survey.Response)) survey.Response {
				r := good()
				change(&r)
				return r
			}
			broken := errors.New("line 3 is broken")
			for what, tt := range map[string]struct {
				rows iter.Seq2[survey.Response, error]
				want error // nil is any
			}{
				"an id that is there":    {each(good(), before), survey.ErrConflict},
				"the same id twice":      {each(many[0], many[0]), survey.ErrConflict},
				"an unknown version":     {each(good(), spoiled(func(r *survey.Response) { r.Version = 77 })), survey.ErrNotFound},
				"no id":                  {each(good(), spoiled(func(r *survey.Response) { r.ID = "" })), nil},
				"a draft":                {each(good(), spoiled(func(r *survey.Response) { r.Completed = nil })), nil},
				"a negative weight":      {each(good(), spoiled(func(r *survey.Response) { r.Weight = -1 })), nil},
				"a weight of no number":  {each(good(), spoiled(func(r *survey.Response) { r.Weight = math.NaN() })), nil},
				"a weight without bound": {each(good(), spoiled(func(r *survey.Response) { r.Weight = math.Inf(1) })), nil},
				"answers that are none":  {each(good(), spoiled(func(r *survey.Response) { r.Answers = []byte("[1]") })), nil},
				"a sequence that breaks": {func(yield func(survey.Response, error) bool) {
					for range 700 {
						if !yield(good(), nil) {
							return
						}
					}
					yield(survey.Response{}, broken)
				}, broken},
			} {
				n, err := s.ImportResponses(ctx, survey.DefaultOrganisation, w.ID, tt.rows)
				if err == nil || n != 0 || tt.want != nil && !errors.Is(err, tt.want) {
					t.Errorf("importing %s: %d, %v; want 0 and %v", what, n, err, tt.want)
				}
			}
			if n, err := s.ImportResponses(ctx, survey.DefaultOrganisation, 77, each(good())); n != 0 || !errors.Is(err, survey.ErrNotFound) {
				t.Errorf("importing into no wave: %d, %v; want %v", n, err, survey.ErrNotFound)
			}
			after := read(t, s, w.ID, store.Mark{})
			maps.DeleteFunc(after, func(id survey.ResponseID, _ store.Stored) bool { _, known := got[id]; return known })
			if len(after) != 0 {
				t.Errorf("failed imports left %d responses", len(after))
			}
		})
	}
}
