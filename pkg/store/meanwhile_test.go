package store_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"cxmirror/pkg/store"
	"cxmirror/pkg/store/storetest"
	"cxmirror/pkg/survey"
)

// Many change one thing at once, each by a little: nothing of what any of them did is lost. One who thinks better of it
// changes nothing.
func TestChangesAtOnce(t *testing.T) {
	t.Parallel()
	for name, open := range storetest.Engines() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, ctx := open(t), t.Context()
			w := newWorld(t, s, survey.DefaultOrganisation, "draft")
			wave, err := s.Wave(ctx, w.organisation, w.wave.ID)
			if err != nil {
				t.Fatal(err)
			}
			const many = 12
			changes := map[string]func() error{
				"organisation": func() error {
					return s.ChangeOrganisation(ctx, w.organisation, func(o *survey.Organisation) error { o.Retention++; return nil })
				},
				"wave": func() error {
					return s.ChangeWave(ctx, w.organisation, w.wave.ID, func(w *survey.Wave) error { w.Limit++; return nil })
				},
				"view": func() error {
					return s.ChangeView(ctx, w.organisation, w.view, func(v *survey.View) error { v.Name += "+"; return nil })
				},
				"letters": func() error {
					return s.ChangeLetters(ctx, w.organisation, w.wave.ID, func(letters []survey.Letter) ([]survey.Letter, error) {
						text := ""
						for _, l := range letters {
							if l.Kind == survey.ReminderLetter {
								text = l.Text["en"]
							}
						}
						return []survey.Letter{{Kind: survey.ReminderLetter, Subject: survey.Words{"en": "x"}, Text: survey.Words{"en": text + "+"}}}, nil
					})
				},
			}
			before, err := s.Organisation(ctx, w.organisation)
			if err != nil {
				t.Fatal(err)
			}
			view, err := s.View(ctx, w.organisation, w.view)
			if err != nil {
				t.Fatal(err)
			}
			lettersBefore := reminderOf(t, s, &w)
			var wait sync.WaitGroup
			for what, change := range changes {
				for range many {
					wait.Go(func() {
						if err := change(); err != nil {
							t.Errorf("%s: %v", what, err)
						}
					})
				}
			}
			wait.Wait()
			if o, err := s.Organisation(ctx, w.organisation); err != nil || o.Retention != before.Retention+many {
				t.Errorf("the organisation was changed to %d, %v; want %d", o.Retention, err, before.Retention+many)
			}
			if got, err := s.Wave(ctx, w.organisation, w.wave.ID); err != nil || got.Limit != wave.Limit+many {
				t.Errorf("the wave was changed to %d, %v; want %d", got.Limit, err, wave.Limit+many)
			}
			if v, err := s.View(ctx, w.organisation, w.view); err != nil || len(v.Name) != len(view.Name)+many {
				t.Errorf("the view was changed to %q, %v", v.Name, err)
			}
			if got := reminderOf(t, s, &w); len(got) != len(lettersBefore)+many {
				t.Errorf("the letter was changed to %q", got)
			}

			other := errors.New("thought better of it")
			for what, err := range map[string]error{
				"organisation": s.ChangeOrganisation(ctx, w.organisation, func(o *survey.Organisation) error { o.Name = "lost"; return other }),
				"wave":         s.ChangeWave(ctx, w.organisation, w.wave.ID, func(w *survey.Wave) error { w.Name = "lost"; return other }),
				"view":         s.ChangeView(ctx, w.organisation, w.view, func(v *survey.View) error { v.Name = "lost"; return other }),
				"letters": s.ChangeLetters(ctx, w.organisation, w.wave.ID, func([]survey.Letter) ([]survey.Letter, error) {
					return []survey.Letter{{Kind: survey.ReminderLetter, Subject: survey.Words{"en": "lost"}, Text: survey.Words{"en": "lost"}}}, other
				}),
			} {
				if !errors.Is(err, other) {
					t.Errorf("%s: %v, want %v", what, err, other)
				}
			}
			o, err := s.Organisation(ctx, w.organisation)
			v, err2 := s.View(ctx, w.organisation, w.view)
			got, err3 := s.Wave(ctx, w.organisation, w.wave.ID)
			if err := errors.Join(err, err2, err3); err != nil {
				t.Fatal(err)
			}
			if all := fmt.Sprint(o.Name, v.Name, got.Name, reminderOf(t, s, &w)); strings.Contains(all, "lost") {
				t.Errorf("what was refused was stored: %q", all)
			}
		})
	}
}

// reminderOf is the text of the reminder of a world's wave.
func reminderOf(t *testing.T, s *store.Store, w *world) string {
	t.Helper()
	letters, err := s.Letters(t.Context(), w.organisation, w.wave.ID)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range letters {
		if l.Kind == survey.ReminderLetter {
			return l.Text["en"]
		}
	}
	return ""
}
