package store_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"cxmirror/pkg/store"
	"cxmirror/pkg/store/storetest"
	"cxmirror/pkg/survey"
)

// A plan belongs to a draft of its organisation; after the launch it is nobody's any more.
func TestPlan(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx, own := t.Context(), survey.DefaultOrganisation
		w := newWave(t, s, "planned")
		w.State = survey.WaveDraft
		if err := s.UpdateWave(ctx, w); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Plan(ctx, own, w.ID); !errors.Is(err, survey.ErrNotFound) {
			t.Errorf("the plan of a new draft: %v", err)
		}
		for _, plan := range []string{`{"Sample":40,"Seed":18446744073709551615}`, `{"Sample":0,"Filter":{"Dział":["Księgowość"]}}`} {
			if err := s.SavePlan(ctx, own, w.ID, json.RawMessage(plan)); err != nil {
				t.Fatal(err)
			}
			var want, got any
			text, err := s.Plan(ctx, own, w.ID)
			if err != nil || json.Unmarshal(text, &got) != nil || json.Unmarshal([]byte(plan), &want) != nil {
				t.Fatalf("plan %s: %v", text, err)
			}
			first, _ := json.Marshal(want) // both were read from JSON
			second, _ := json.Marshal(got)
			if string(first) != string(second) {
				t.Errorf("stored %s, got back %s", first, second)
			}
		}
		if err := s.SavePlan(ctx, own+1, w.ID, json.RawMessage(`{}`)); !errors.Is(err, survey.ErrNotFound) {
			t.Errorf("another organisation plans: %v", err)
		}
		if _, err := s.Plan(ctx, own+1, w.ID); !errors.Is(err, survey.ErrNotFound) {
			t.Errorf("another organisation reads the plan: %v", err)
		}
		p := survey.Person{Organisation: own, Key: "anna", Name: "Anna", Address: "anna@example.com", Active: true}
		if err := s.SavePerson(ctx, &p); err != nil {
			t.Fatal(err)
		}
		now := time.Date(2027, 3, 14, 12, 0, 0, 0, time.UTC)
		w.Launched = &now
		id := survey.InvitationID(strings.Repeat("a", 32))
		invite := func(yield func(store.NewInvitation, error) bool) {
			yield(store.NewInvitation{Invitation: survey.Invitation{ID: id, Person: p.ID}, TokenHash: []byte(strings.Repeat("t", 32)), CodeHash: []byte("code")}, nil)
		}
		if _, err := s.LaunchWave(ctx, w, invite, nil, nil); err != nil {
			t.Fatal(err)
		}
		if err := s.SavePlan(ctx, own, w.ID, json.RawMessage(`{}`)); !errors.Is(err, survey.ErrConflict) {
			t.Errorf("a plan for a wave that was launched: %v", err)
		}
		if given, err := s.HasCodes(ctx, own, w.ID); err != nil || !given {
			t.Errorf("codes: %v, %v", given, err)
		}
		if given, err := s.HasCodes(ctx, own+1, w.ID); err != nil || given {
			t.Errorf("another organisation's codes: %v, %v", given, err)
		}
		mailOnePerson(t, s, w.ID, id, now)
		if err := s.DeleteWave(ctx, own, w.ID); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Plan(ctx, own, w.ID); !errors.Is(err, survey.ErrNotFound) {
			t.Errorf("the plan of a wave that was deleted: %v", err)
		}
	})
}

// mailOnePerson holds a mail by hand to the rules of all others: the invitation first, one at a time, and none to who
// wants none or has another's wave.
func mailOnePerson(t *testing.T, s *store.Store, wave survey.WaveID, id survey.InvitationID, now time.Time) {
	t.Helper()
	ctx, own := t.Context(), survey.DefaultOrganisation
	if err := s.MailPerson(ctx, own+1, wave, id, "<0@x>", now); !errors.Is(err, survey.ErrNotFound) {
		t.Errorf("another organisation writes: %v", err)
	}
	if err := s.MailPerson(ctx, own, wave, survey.InvitationID(strings.Repeat("b", 32)), "<0@x>", now); !errors.Is(err, survey.ErrNotFound) {
		t.Errorf("to nobody: %v", err)
	}
	for i, want := range []survey.LetterKind{survey.InvitationLetter, survey.ReminderLetter} {
		messageID := []string{"<1@x>", "<2@x>"}[i]
		if err := s.MailPerson(ctx, own, wave, id, messageID, now); err != nil {
			t.Fatal(err)
		}
		if err := s.MailPerson(ctx, own, wave, id, "<3@x>", now); !errors.Is(err, survey.ErrConflict) {
			t.Errorf("while one waits: %v", err)
		}
		mails, err := s.ClaimMails(ctx, newSender(t, s), now, 10)
		if err != nil || len(mails) != 1 || mails[0].Kind != want || mails[0].MessageID != messageID {
			t.Fatalf("claimed %+v, %v; want the %s", mails, err, want)
		}
		if err := s.MailSent(ctx, survey.DefaultOrganisation, mails[0].ID, now); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.UnsubscribeInvitation(ctx, survey.DefaultOrganisation, id, now); err != nil {
		t.Fatal(err)
	}
	if err := s.MailPerson(ctx, own, wave, id, "<4@x>", now); !errors.Is(err, survey.ErrConflict) {
		t.Errorf("to somebody who wants none: %v", err)
	}
}
