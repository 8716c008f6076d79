package store_test

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"cxmirror/pkg/store"
	"cxmirror/pkg/store/storetest"
	"cxmirror/pkg/survey"
)

// numbered returns Message-IDs, each once.
func numbered() func() string {
	n, run := 0, randomID()
	return func() string {
		n++
		return fmt.Sprintf("<%s.%d@example.org>", run, n)
	}
}

// mailing returns what is known of a mailing of a wave.
func mailing(tb testing.TB, s *store.Store, wave survey.WaveID, at int) survey.Mailing {
	tb.Helper()
	mailings, err := s.Mailings(tb.Context(), survey.DefaultOrganisation, wave)
	if err != nil || len(mailings) <= at {
		tb.Fatalf("Mailings = %+v, %v", mailings, err)
	}
	return mailings[at]
}

// newSender makes a sender.
func newSender(tb testing.TB, s *store.Store) survey.SenderID {
	tb.Helper()
	id, err := s.JoinSenders(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	return id
}

func senders(tb testing.TB, s *store.Store) []survey.Sender {
	tb.Helper()
	all, err := s.Senders(tb.Context())
	if err != nil || len(all) == 0 {
		tb.Fatalf("Senders = %v, %v", all, err)
	}
	return all
}

func TestMailings(t *testing.T) {
	t.Parallel()
	for name, open := range storetest.Engines() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, ctx := open(t), t.Context()
			people := importPeople(t, s, 10)
			if _, err := s.SetActive(ctx, ours, []survey.PersonID{people[0].ID}, false); err != nil {
				t.Fatal(err)
			}
			if _, err := s.NoteBounce(ctx, ours, people[1].Address, true, "550", "", noon); err != nil {
				t.Fatal(err)
			}
			people[2].Address = ""
			if err := s.SavePerson(ctx, &people[2]); err != nil {
				t.Fatal(err)
			}
			w, invitations := launched(t, s, survey.Confidential, 3, people, nil, []survey.Mailing{
				{Kind: survey.InvitationLetter, At: noon}, {Kind: survey.ReminderLetter, At: noon.AddDate(0, 0, 7)},
			})
			if err := s.UnsubscribeInvitation(ctx, survey.DefaultOrganisation, invitations[3].ID, noon); err != nil {
				t.Fatal(err)
			}
			due, err := s.DueMailings(ctx, noon.Add(time.Hour))
			if err != nil || len(due) != 1 || due[0].Kind != survey.InvitationLetter || due[0].Wave != w.ID {
				t.Fatalf("DueMailings = %+v, %v; want the invitation", due, err)
			}
			if early, err := s.DueMailings(ctx, noon.Add(-time.Second)); err != nil || len(early) != 0 {
				t.Errorf("DueMailings before = %+v, %v; want none", early, err)
			}
			// Many processes start it: one does.
			results := inParallel(10, func(int) error {
				n, err := s.StartMailing(ctx, survey.DefaultOrganisation, due[0].ID, numbered(), noon)
				if err == nil && n != 6 {
					return fmt.Errorf("%d mails are queued; want 6", n)
				}
				return err
			})
			if n := count(t, results, survey.ErrConflict); n != 1 {
				t.Errorf("%d of 10 started the mailing; want 1", n)
			}

			if wait, err := s.MailsWait(ctx, noon); !wait || err != nil {
				t.Errorf("MailsWait = %v, %v; want true", wait, err)
			}
			us := newSender(t, s)
			claim := func(at time.Time, limit int) []survey.Mail {
				t.Helper()
				mails, err := s.ClaimMails(ctx, us, at, limit)
				if err != nil {
					t.Fatal(err)
				}
				return mails
			}
			first := claim(noon, 4)
			if len(first) != 4 || first[0].Kind != survey.InvitationLetter || first[0].Person.Address == "" || first[0].Person.Organisation != ours || first[0].Language != "pl" || first[0].MessageID == "" {
				t.Fatalf("ClaimMails = %+v; want 4 with all that is needed", first)
			}
			rest := claim(noon, 100)
			if len(rest) != 2 || len(claim(noon, 100)) != 0 {
				t.Fatalf("ClaimMails once more = %+v; want the other 2, and then none", rest)
			}
			// Who beats keeps its claims, for ever; who was taken for dead has none, and is told so.
			after := noon.Add(10 * time.Minute)
			before := senders(t, s)
			if err := s.BeatSender(ctx, us); err != nil {
				t.Fatal(err)
			}
			wantError(t, "dropping who has beaten since", s.DropSender(ctx, before[0]), survey.ErrConflict)
			if wait, err := s.MailsWait(ctx, after); wait || err != nil || len(claim(after, 100)) != 0 {
				t.Errorf("MailsWait = %v, %v while all are claimed; want false", wait, err)
			}
			if err := s.DropSender(ctx, senders(t, s)[0]); err != nil {
				t.Fatal(err)
			}
			wantError(t, "beating after death", s.BeatSender(ctx, us), survey.ErrNotFound)
			_, err = s.ClaimMails(ctx, us, after, 100)
			wantError(t, "claiming after death", err, survey.ErrConflict)
			dead := us
			us = newSender(t, s)
			if us == dead {
				t.Errorf("sender %d comes again", dead)
			}
			if again := claim(after, 100); len(again) != 6 {
				t.Errorf("of the dead %d are claimed; want all 6", len(again))
			}
			for _, m := range first { // what the dead says late takes nothing from the living
				if err := errors.Join(s.ReleaseMails(ctx, ours, dead, []int64{m.ID}, noon), s.MailDeferred(ctx, ours, dead, m.ID, noon, "451")); err != nil {
					t.Fatal(err)
				}
			}
			if again := claim(after, 100); len(again) != 0 {
				t.Errorf("the dead gave back %d that are not its own", len(again))
			}
			must := func(err error) {
				t.Helper()
				if err != nil {
					t.Fatal(err)
				}
			}
			for range 2 { // noted twice, counted once
				must(s.MailSent(ctx, survey.DefaultOrganisation, first[0].ID, noon))
			}
			must(s.MailDeferred(ctx, survey.DefaultOrganisation, us, first[1].ID, after.Add(time.Hour), "451 busy"))
			must(s.MailFailed(ctx, survey.DefaultOrganisation, first[2].ID, "550 no such user"))
			must(s.ReleaseMails(ctx, survey.DefaultOrganisation, us, []int64{first[3].ID, 777}, after))
			for what, err := range map[string]error{
				"sent": s.MailSent(ctx, survey.DefaultOrganisation, 777, noon), "failed": s.MailFailed(ctx, survey.DefaultOrganisation, 777, "x"),
				"deferred": s.MailDeferred(ctx, survey.DefaultOrganisation, us, 777, noon, "x"), "released": s.ReleaseMails(ctx, survey.DefaultOrganisation, us, []int64{777}, after),
			} {
				if !errors.Is(err, survey.ErrNotFound) {
					t.Errorf("%s, of a mail that is not there: %v", what, err)
				}
			}
			if got := claim(after, 100); len(got) != 1 || got[0].ID != first[3].ID || got[0].Attempts != 0 || got[0].MessageID != first[3].MessageID {
				t.Errorf("given back: %+v; want that one, with its Message-ID and no attempt", got)
			}
			must(s.MailSent(ctx, survey.DefaultOrganisation, first[3].ID, after))
			must(s.MailSent(ctx, survey.DefaultOrganisation, rest[0].ID, after))
			must(s.MailSent(ctx, survey.DefaultOrganisation, rest[1].ID, after))
			if m := mailing(t, s, w.ID, 0); m.State != survey.MailingSending || m.Queued != 6 || m.Sent != 4 || m.Failed != 1 {
				t.Errorf("the mailing is %+v; want it sending", m)
			}
			deferred := claim(after.Add(2*time.Hour), 100)
			if len(deferred) != 1 || deferred[0].ID != first[1].ID || deferred[0].Attempts != 1 {
				t.Fatalf("after its pause: %+v; want the deferred one, after an attempt", deferred)
			}
			must(s.MailSent(ctx, survey.DefaultOrganisation, first[1].ID, after))
			if m := mailing(t, s, w.ID, 0); m.State != survey.MailingDone || m.Sent != 5 {
				t.Errorf("the mailing is %+v; want it done", m)
			}
			if q, err := s.MailQueue(ctx, survey.DefaultOrganisation, w.ID); err != nil || q != (store.QueueCount{Sent: 5, Failed: 1}) {
				t.Errorf("MailQueue = %+v, %v", q, err)
			}
			sent, _, err := s.InvitationByToken(ctx, hashOf(tokenOf(first[0].Invitation)))
			if err != nil || sent.Invited == nil || !sent.Invited.Equal(*stored(noon)) || sent.Reminded != 0 {
				t.Errorf("the invitation is %+v, %v; want it invited at noon", sent, err)
			}
			if _, failed, err := s.Invitations(ctx, ours, w.ID, store.InvitationQuery{State: store.FailedInvitation}); err != nil || failed != 1 {
				t.Errorf("%d invitations failed, %v; want 1", failed, err)
			}

			// A reminder goes to those who were invited and have not finished; who finishes while it waits gets none.
			for i, m := range []survey.Mail{first[0], first[1]} {
				r := newResponse(w)
				r.Invitation = m.Invitation
				must(s.StartResponse(ctx, survey.DefaultOrganisation, &r))
				if i == 0 {
					must(s.CompleteResponse(ctx, survey.DefaultOrganisation, complete(r, `{"a":1}`), 0))
				}
			}
			reminder := mailing(t, s, w.ID, 1)
			if n, err := s.StartMailing(ctx, survey.DefaultOrganisation, reminder.ID, numbered(), after); n != 4 || err != nil {
				t.Fatalf("StartMailing of the reminder = %d, %v; want 4", n, err)
			}
			second, err := s.ResponseByInvitation(ctx, survey.DefaultOrganisation, w.ID, first[1].Invitation)
			must(err)
			must(s.CompleteResponse(ctx, survey.DefaultOrganisation, complete(second, `{"a":1}`), 0))
			must(s.UnsubscribeInvitation(ctx, survey.DefaultOrganisation, first[3].Invitation, after))
			reminders := claim(after, 1) // however few are looked at a time
			reminders = append(reminders, claim(after, 1)...)
			if len(reminders) != 2 || slices.ContainsFunc(reminders, func(m survey.Mail) bool {
				return m.Invitation == first[1].Invitation || m.Invitation == first[3].Invitation || m.Kind != survey.ReminderLetter
			}) {
				t.Errorf("reminders %+v; want those two who have not finished", reminders)
			}
			must(s.MailSent(ctx, survey.DefaultOrganisation, reminders[0].ID, after))
			must(s.CancelMailing(ctx, ours, reminder.ID))
			must(s.MailSent(ctx, survey.DefaultOrganisation, reminders[1].ID, after)) // it was on its way
			wantError(t, "cancelling again", s.CancelMailing(ctx, ours, reminder.ID), survey.ErrConflict)
			wantError(t, "another organisation's cancelling", s.CancelMailing(ctx, ours+1, reminder.ID), survey.ErrNotFound)
			if m := mailing(t, s, w.ID, 1); m.State != survey.MailingCancelled || m.Sent != 2 {
				t.Errorf("the reminder is %+v; want it cancelled after 2", m)
			}
			if got, _, err := s.InvitationByToken(ctx, hashOf(tokenOf(reminders[1].Invitation))); err != nil || got.Reminded != 1 {
				t.Errorf("reminded %d times, %v; want once", got.Reminded, err)
			}

			// Nothing to send is done at once; and a closed wave has nothing to send.
			extra := survey.Mailing{Wave: w.ID, Kind: survey.ReminderLetter, At: noon}
			must(s.PlanMailing(ctx, ours, &extra))
			w.State = survey.WaveClosed
			must(s.UpdateWave(ctx, w))
			if n, err := s.StartMailing(ctx, survey.DefaultOrganisation, extra.ID, numbered(), after); n != 0 || err != nil {
				t.Errorf("StartMailing in a closed wave = %d, %v; want 0", n, err)
			}
			if m := mailing(t, s, w.ID, 0); m.ID == extra.ID && m.State != survey.MailingDone {
				t.Errorf("a mailing without mails is %+v; want it done", m)
			}
			extra.Wave = 777
			wantError(t, "a mailing of no wave", s.PlanMailing(ctx, ours, &extra), survey.ErrNotFound)
			wantError(t, "a letter of another organisation's wave", s.ChangeLetters(ctx, ours+1, w.ID, func([]survey.Letter) ([]survey.Letter, error) {
				return []survey.Letter{{Kind: survey.ReminderLetter}}, nil
			}), survey.ErrNotFound)
		})
	}
}

// TestClaimedMail looks at mails again that were claimed, right before they are sent: those that are wanted come as they
// are by then, and no others.
func TestClaimedMail(t *testing.T) {
	t.Parallel()
	for name, open := range storetest.Engines() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, ctx := open(t), t.Context()
			must := func(err error) {
				t.Helper()
				if err != nil {
					t.Fatal(err)
				}
			}
			people := importPeople(t, s, 9)
			w, invitations := launched(t, s, survey.Confidential, 3, people, nil, []survey.Mailing{{Kind: survey.InvitationLetter, At: noon}})
			_, err := s.StartMailing(ctx, ours, mailing(t, s, w.ID, 0).ID, numbered(), noon)
			must(err)
			us := newSender(t, s)
			claimed, err := s.ClaimMails(ctx, us, noon, 100)
			must(err)
			mails := map[survey.PersonID]survey.Mail{}
			for _, m := range claimed {
				mails[m.Person.ID] = m
			}
			looks := func(what string, person int, at time.Time, want error) survey.Mail {
				t.Helper()
				m, err := s.ClaimedMail(ctx, ours, us, mails[people[person].ID].ID, at)
				switch {
				case want != nil:
					wantError(t, what, err, want)
				case err != nil:
					t.Errorf("%s: %v", what, err)
				}
				return m
			}
			for i, p := range people {
				if got := looks("claimed", i, noon, nil); !reflect.DeepEqual(got, mails[p.ID]) {
					t.Errorf("ClaimedMail = %+v; want it as it was claimed, %+v", got, mails[p.ID])
				}
			}

			must(s.UnsubscribeInvitation(ctx, ours, invitations[1].ID, noon))
			looks("to somebody who wants no more mail", 1, noon, survey.ErrConflict)
			_, err = s.SetActive(ctx, ours, []survey.PersonID{people[2].ID}, false)
			must(err)
			looks("to somebody who has left", 2, noon, survey.ErrConflict)
			_, err = s.NoteBounce(ctx, ours, people[3].Address, true, "550", "", noon)
			must(err)
			looks("to an address that is none", 3, noon, survey.ErrConflict)
			people[4].Address = "new@example.org"
			must(s.SavePerson(ctx, &people[4]))
			if m := looks("to a new address", 4, noon, nil); m.Person.Address != "new@example.org" {
				t.Errorf("it goes to %s", m.Person.Address)
			}
			must(s.MailSent(ctx, ours, mails[people[5].ID].ID, noon))
			looks("sent", 5, noon, survey.ErrConflict)
			must(s.MailDeferred(ctx, ours, us, mails[people[6].ID].ID, noon, "451"))
			looks("deferred", 6, noon, survey.ErrConflict)
			_, err = s.ErasePerson(ctx, ours, people[7].ID)
			must(err)
			looks("to somebody who was erased", 7, noon, survey.ErrNotFound)
			_, err = s.ClaimedMail(ctx, ours+1, us, mails[people[0].ID].ID, noon)
			wantError(t, "of another organisation", err, survey.ErrNotFound)
			_, err = s.ClaimedMail(ctx, ours, newSender(t, s), mails[people[0].ID].ID, noon)
			wantError(t, "by who has not claimed it", err, survey.ErrConflict)

			o, err := s.Organisation(ctx, ours)
			must(err)
			o.Archived = stored(noon)
			must(storetest.SaveOrganisation(ctx, s, o))
			looks("of an archived organisation", 0, noon, survey.ErrConflict)
			o.Archived = nil
			must(storetest.SaveOrganisation(ctx, s, o))
			looks("of an organisation that came back", 0, noon, nil)

			w.Closes = stored(noon.Add(time.Hour))
			must(s.UpdateWave(ctx, w))
			looks("before the end of the wave", 0, noon, nil)
			looks("at the end of the wave", 0, noon.Add(time.Hour), survey.ErrConflict)
			w.Closes, w.State = nil, survey.WaveClosed
			must(s.UpdateWave(ctx, w))
			looks("of a closed wave", 0, noon, survey.ErrConflict)
			w.State = survey.WaveOpen
			must(s.UpdateWave(ctx, w))
			must(s.CancelMailing(ctx, ours, mailing(t, s, w.ID, 0).ID))
			looks("of a mailing that was cancelled", 0, noon, survey.ErrConflict)
		})
	}
}

// TestClaimAtOnce has eight senders empty a queue: each mail is claimed once.
func TestClaimAtOnce(t *testing.T) {
	t.Parallel()
	for name, open := range storetest.Engines() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, ctx := open(t), t.Context()
			const n = 400
			w, _ := launched(t, s, survey.Confidential, 3, importPeople(t, s, n), nil, []survey.Mailing{{Kind: survey.InvitationLetter, At: noon}})
			if queued, err := s.StartMailing(ctx, survey.DefaultOrganisation, mailing(t, s, w.ID, 0).ID, numbered(), noon); queued != n || err != nil {
				t.Fatalf("StartMailing = %d, %v", queued, err)
			}
			var mu sync.Mutex
			times := map[int64]int{}
			count(t, inParallel(8, func(int) error {
				sender, err := s.JoinSenders(ctx)
				if err != nil {
					return err
				}
				for {
					mails, err := s.ClaimMails(ctx, sender, noon, 7)
					if err != nil || len(mails) == 0 {
						return err
					}
					for _, m := range mails {
						mu.Lock()
						times[m.ID]++
						mu.Unlock()
						if err := s.MailSent(ctx, survey.DefaultOrganisation, m.ID, noon); err != nil {
							return err
						}
					}
				}
			}), nil)
			for id, k := range times {
				if k != 1 {
					t.Errorf("mail %d was claimed %d times", id, k)
				}
			}
			if mails, err := s.ClaimMails(ctx, newSender(t, s), noon, 7); err != nil || len(mails) != 0 {
				t.Errorf("%d are left, %v", len(mails), err)
			}
			if m := mailing(t, s, w.ID, 0); len(times) != n || m.Sent != n || m.State != survey.MailingDone {
				t.Errorf("%d were claimed, the mailing is %+v; want all of them, and it done", len(times), m)
			}
		})
	}
}

// TestClosedWaveDropsMails closes a wave whose mails wait.
func TestClosedWaveDropsMails(t *testing.T) {
	t.Parallel()
	for name, open := range storetest.Engines() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, ctx := open(t), t.Context()
			w, _ := launched(t, s, survey.Anonymous, 3, importPeople(t, s, 5), nil, []survey.Mailing{{Kind: survey.InvitationLetter, At: noon}})
			if _, err := s.StartMailing(ctx, survey.DefaultOrganisation, mailing(t, s, w.ID, 0).ID, numbered(), noon); err != nil {
				t.Fatal(err)
			}
			w.Closes = stored(noon.Add(time.Hour))
			if err := s.UpdateWave(ctx, w); err != nil {
				t.Fatal(err)
			}
			if mails, err := s.ClaimMails(ctx, newSender(t, s), noon.Add(time.Hour), 2); err != nil || len(mails) != 0 {
				t.Errorf("ClaimMails = %+v, %v; want none after the end", mails, err)
			}
			if m := mailing(t, s, w.ID, 0); m.State != survey.MailingDone || m.Sent != 0 || m.Queued != 5 {
				t.Errorf("the mailing is %+v; want it done with nothing sent", m)
			}
		})
	}
}
