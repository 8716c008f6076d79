package fieldwork

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"cxmirror/pkg/survey"
)

// Twenty posts at once on one link give exactly one response, in every mode, and at a kiosk's key too.
func TestParallelPosts(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		s := w.store
		for _, mode := range survey.Modes() {
			wave := w.invite(t, mode, "sales 12", "support 9")
			var token string
			for _, token = range w.tokens(t, wave) {
				break
			}
			for _, who := range []Respondent{w.byToken(t, token), {Wave: wave, Key: newKeyOfBrowser()}} {
				before, err := s.Counts(t.Context(), survey.DefaultOrganisation, wave.ID)
				if err != nil {
					t.Fatal(err)
				}
				var wg sync.WaitGroup
				var mu sync.Mutex
				succeeded := map[string]int{}
				for i := range 20 {
					wg.Go(func() {
						r, err := w.begin(t.Context(), &who)
						if err != nil {
							r, err = w.Find(t.Context(), &who)
						}
						if err == nil {
							now := w.clock()
							r.Revision, r.Page, r.Completed = 1, 1, &now
							r.Answers = fmt.Appendf(nil, `{"wishes":["ease"],"comment":"post %d"}`, i)
							err = w.Complete(t.Context(), &who, r)
						}
						outcome := "stored"
						switch {
						case err == nil:
						case errors.Is(err, survey.ErrAnswered), errors.Is(err, survey.ErrFinished), errors.Is(err, survey.ErrConflict), errors.Is(err, survey.ErrNotFound):
							outcome = "refused"
						default:
							t.Errorf("%s: %v", mode, err)
						}
						mu.Lock()
						defer mu.Unlock()
						succeeded[outcome]++
					})
				}
				wg.Wait()
				counts, err := s.Counts(t.Context(), survey.DefaultOrganisation, wave.ID)
				if err != nil || counts.Complete != before.Complete+1 || succeeded["stored"] != 1 {
					t.Errorf("%s: %d complete responses more, %v; %v", mode, counts.Complete-before.Complete, err, succeeded)
				}
			}
		}
	})
}
