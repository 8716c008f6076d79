package store_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"cxmirror/pkg/store/storetest"
	"cxmirror/pkg/survey"
)

// Many who look up their responses at once get each their own, whatever they share on the way.
func TestLookUpAtOnce(t *testing.T) {
	t.Parallel()
	for name, open := range storetest.Engines() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t)
			t.Helper()
			var drafts []survey.Response
			for i, w := range []survey.Wave{newWave(t, s, "one"), newWave(t, s, "two")} {
				for range 20 {
					r := newResponse(w)
					if err := s.StartResponse(t.Context(), survey.DefaultOrganisation, &r); err != nil {
						t.Fatal(err)
					}
					drafts = append(drafts, r)
				}
				if i == 1 { // a key may be used in another wave, where it is another response's
					r := newResponse(w)
					r.Key = drafts[0].Key
					if err := s.StartResponse(t.Context(), survey.DefaultOrganisation, &r); err != nil {
						t.Fatal(err)
					}
					drafts = append(drafts, r)
				}
			}
			gone, leave := context.WithCancel(t.Context())
			leave()
			var all sync.WaitGroup
			for i := range drafts {
				for range 5 {
					all.Go(func() {
						want := &drafts[i]
						got, err := s.ResponseByKey(t.Context(), survey.DefaultOrganisation, want.Wave, want.Key)
						if err != nil || got.ID != want.ID || got.Wave != want.Wave || got.Key != want.Key {
							t.Errorf("response %s of wave %d: %s of wave %d, %v", want.ID, want.Wave, got.ID, got.Wave, err)
						}
					})
					all.Go(func() {
						if _, err := s.ResponseByKey(t.Context(), survey.DefaultOrganisation, drafts[i].Wave, fmt.Sprintf("nobody's %d", i)); !errors.Is(err, survey.ErrNotFound) {
							t.Errorf("a key that nobody has: %v", err)
						}
					})
					all.Go(func() {
						if _, err := s.ResponseByKey(gone, survey.DefaultOrganisation, drafts[i].Wave, drafts[i].Key); !errors.Is(err, context.Canceled) {
							t.Errorf("somebody who left: %v", err)
						}
					})
				}
			}
			all.Wait()
			r := drafts[0] // what was saved is read by who asks afterwards
			for range 50 {
				r.Revision++
				r.Page++
				if err := s.SavePage(t.Context(), survey.DefaultOrganisation, r); err != nil {
					t.Fatal(err)
				}
				if got, err := s.ResponseByKey(t.Context(), survey.DefaultOrganisation, r.Wave, r.Key); err != nil || got.Revision != r.Revision {
					t.Fatalf("revision %d is read after %d was saved: %v", got.Revision, r.Revision, err)
				}
			}
		})
	}
}
