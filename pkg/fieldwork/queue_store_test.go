package fieldwork

import (
	"context"
	"fmt"
	"net"
	netmail "net/mail"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cxmirror/pkg/exchange"
	"cxmirror/pkg/store"
	"cxmirror/pkg/store/storetest"
	"cxmirror/pkg/survey"
)

// TestInviteAndRemind invites 60 people by a slow server that knows three of them not and defers two, and reminds
// them: only those who were reached, have not finished and want mail.
func TestInviteAndRemind(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		office := startPostOffice(t, &postOffice{
			onRcpt: func(to string, _ net.Conn) error {
				switch number(to) {
				case 3, 14, 15:
					return refusal(550, [3]int{5, 1, 1}, "<"+to+"> unknown")
				case 26, 27:
					return refusal(450, [3]int{4, 2, 1}, "grey")
				}
				return nil
			},
			onData: func(_ string, read bool, _ net.Conn) error {
				if read {
					time.Sleep(20 * time.Millisecond)
				}
				return nil
			},
		})
		wave := invited(t, s, 60)
		m := testMailer(t, s, office.server(t, "&connections=5"))
		ended := run(t, m)
		eventually(t, "58 mails are settled", func() bool {
			q, err := s.MailQueue(ctx, survey.DefaultOrganisation, wave.ID)
			return err == nil && q.Sent == 55 && q.Failed == 3 && q.Deferred == 2
		})
		ended()
		// Two of them were deferred, and are invited later. Everybody who was not reached is noted with the reason.
		byKey := invitationsByKey(t, s, wave)
		for key, i := range byKey {
			n := number(i.Person.Address)
			switch unknown, grey := slices.Contains([]int{3, 14, 15}, n), slices.Contains([]int{26, 27}, n); {
			case unknown && (i.Invited != nil || !strings.Contains(i.Failed, "5.1.1") || i.Person.Bounced == nil):
				t.Errorf("%s, whom the server does not know, is %+v", key, i)
			case grey && (i.Invited != nil || i.Failed != ""):
				t.Errorf("%s, whose mail waits, is %+v", key, i)
			case !unknown && !grey && (i.Invited == nil || i.Failed != ""):
				t.Errorf("%s is %+v", key, i)
			}
		}
		if status := m.Status()[0]; status.Sent != 55 || status.Refused != 3 || status.Deferred != 2 || status.State != ServerRunning {
			t.Errorf("status %+v", status)
		}
		// One wants no more mail, one comes back as undeliverable, twenty have finished.
		if err := s.UnsubscribeInvitation(ctx, survey.DefaultOrganisation, byKey["000040"].ID, time.Now()); err != nil {
			t.Fatal(err)
		}
		messageID := ""
		for _, mail := range office.mails() {
			if number(mail.to) == 41 {
				messageID = mail.messageID
			}
		}
		noted, err := NoteBounces(ctx, s, wave.Organisation, slices.Values([]exchange.Bounce{
			{Line: 1, Address: "other-name@example.org", Kind: exchange.BouncePermanent, Status: "5.1.6", MessageID: "<" + messageID + ">"},
			{Line: 2, Address: "stranger@example.org", Kind: exchange.BouncePermanent, Status: "5.1.1"},
			{Line: 3, Address: "PERSON42@example.org", Kind: exchange.BounceTransient, Status: "4.2.2", Diagnostic: "mailbox full"},
			{Line: 4, Address: "person43@example.org", Kind: exchange.BounceDelayed},
		}), time.Now())
		if err != nil || noted != (BouncesNoted{Permanent: 1, Transient: 1, Delayed: 1, Unknown: 1}) {
			t.Errorf("bounces noted: %+v, %v", noted, err)
		}
		for n := range 10 {
			finish(t, s, wave, byKey[fmt.Sprintf("%06d", 4+n)].ID)
			finish(t, s, wave, byKey[fmt.Sprintf("%06d", 50+n)].ID)
		}
		reminder := survey.Mailing{Wave: wave.ID, Kind: survey.ReminderLetter, At: time.Now().Add(-time.Second)}
		if err := s.PlanMailing(ctx, wave.Organisation, &reminder); err != nil {
			t.Fatal(err)
		}
		before := len(office.mails())
		ended = run(t, m)
		eventually(t, "the reminder is done", func() bool {
			all, err := s.Mailings(ctx, survey.DefaultOrganisation, wave.ID)
			return err == nil && len(all) == 2 && slices.ContainsFunc(all, func(g survey.Mailing) bool { return g.ID == reminder.ID && g.State == survey.MailingDone })
		})
		ended()
		reminded := office.mails()[before:]
		if want := 55 - 1 - 1 - 20; len(reminded) != want {
			t.Errorf("%d reminders were sent; want %d", len(reminded), want)
		}
		for _, mail := range reminded {
			message, err := netmail.ReadMessage(strings.NewReader(string(mail.content)))
			if err != nil {
				t.Fatal(err)
			}
			if subject := decoded(t, message.Header.Get("Subject")); !strings.HasPrefix(subject, "Przypomnienie: ") {
				t.Errorf("the subject of a reminder is %q", subject)
			}
			if n := number(mail.to); n >= 50 || n == 40 || n == 41 || n >= 4 && n <= 13 {
				t.Errorf("person %d was reminded", n)
			}
		}
	})
}

// TestArchivedWhileMailsWait archives an organisation while some of its mails are at the server and others wait, claimed,
// for their turn: those at the server go, and no other does until the organisation comes back.
func TestArchivedWhileMailsWait(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		const people, connections = 30, 3
		at, archived := make(chan string, people), make(chan struct{})
		office := startPostOffice(t, &postOffice{onData: func(to string, read bool, _ net.Conn) error {
			if !read {
				at <- to
				<-archived
			}
			return nil
		}})
		let := sync.OnceFunc(func() { close(archived) })
		t.Cleanup(let)
		wave := invited(t, s, people)
		server := office.server(t, fmt.Sprintf("&connections=%d", connections))
		server.timeout = time.Minute
		m := testMailer(t, s, server)
		ended := run(t, m)
		for range connections { // which leaves as many mails claimed and waiting
			<-at
		}
		o, err := s.Organisation(ctx, wave.Organisation)
		if err != nil {
			t.Fatal(err)
		}
		now := time.Now()
		o.Archived = &now
		if err := storetest.SaveOrganisation(ctx, s, o); err != nil {
			t.Fatal(err)
		}
		let()
		eventually(t, "what was at the server is sent", func() bool {
			q, err := s.MailQueue(ctx, wave.Organisation, wave.ID)
			return err == nil && q.Sent == connections
		})
		eventually(t, "nothing of it is claimed", func() bool {
			m.here.mu.Lock()
			defer m.here.mu.Unlock()
			return m.here.held == 0
		})
		if q, err := s.MailQueue(ctx, wave.Organisation, wave.ID); err != nil || q.Sent != connections || q.Waiting != people-connections {
			t.Errorf("while it is archived: %+v, %v", q, err)
		}
		o.Archived = nil
		if err := storetest.SaveOrganisation(ctx, s, o); err != nil {
			t.Fatal(err)
		}
		m.Wake()
		eventually(t, "all are sent once it is back", func() bool {
			q, err := s.MailQueue(ctx, wave.Organisation, wave.ID)
			return err == nil && q.Sent == people
		})
		ended()
		if mails := office.mails(); len(mails) != people {
			t.Errorf("the server took %d mails; want one for each of %d people", len(mails), people)
		}
	})
}

// run lets a Mailer work until the returned function is called.
func run(t *testing.T, m *Mailer) (end func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- m.Run(ctx) }()
	return func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for late := time.Now().Add(time.Minute); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(late) {
			t.Fatalf("after a minute it does not hold that %s", what)
		}
	}
}

// number returns the number in an address of [invited].
func number(address string) int {
	var n int
	if _, err := fmt.Sscanf(strings.ToLower(address), "person%d@", &n); err != nil {
		return -1
	}
	return n
}

func invitationsByKey(t *testing.T, s *store.Store, wave survey.Wave) map[string]store.InvitedPerson {
	t.Helper()
	all, _, err := s.Invitations(t.Context(), wave.Organisation, wave.ID, store.InvitationQuery{})
	if err != nil {
		t.Fatal(err)
	}
	byKey := make(map[string]store.InvitedPerson)
	for _, i := range all {
		byKey[i.Person.Key] = i
	}
	return byKey
}

// finish marks an invitation as answered.
func finish(t *testing.T, s *store.Store, wave survey.Wave, id survey.InvitationID) {
	t.Helper()
	key := string(id) + string(id)
	draft := store.Draft{Wave: wave.ID, Key: key, Language: "pl", Version: wave.Version, Content: make([]byte, survey.PaddedLength(1))}
	if err := s.StartDraft(t.Context(), survey.DefaultOrganisation, &draft, id); err != nil {
		t.Fatal(err)
	}
	draft.Revision++
	sealed := survey.Sealed{ID: string(id), Content: make([]byte, survey.PaddedLength(1))}
	if err := s.Seal(t.Context(), survey.DefaultOrganisation, draft, id, sealed, time.Now(), 0); err != nil {
		t.Fatal(err)
	}
}
