package fieldwork

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	netmail "net/mail"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"cxmirror/pkg/survey"
)

// TestQuietUntil holds quiet hours to the clocks on people's walls, on days that have 23 and 25 hours, too.
func TestQuietUntil(t *testing.T) {
	t.Parallel()
	tests := []struct {
		zone        string
		from, until int
		now         string
		want        string // "" is not quiet
	}{
		{"Europe/Warsaw", 20, 8, "2027-03-01T19:59:59+01:00", ""},
		{"Europe/Warsaw", 20, 8, "2027-03-01T20:00:00+01:00", "2027-03-02T08:00:00+01:00"},
		{"Europe/Warsaw", 20, 8, "2027-03-02T07:59:59+01:00", "2027-03-02T08:00:00+01:00"},
		{"Europe/Warsaw", 20, 8, "2027-03-02T08:00:00+01:00", ""},
		{"Europe/Warsaw", 20, 8, "2027-02-28T23:30:00+01:00", "2027-03-01T08:00:00+01:00"}, // over the end of a month
		{"Europe/Warsaw", 12, 14, "2027-03-02T13:00:00+01:00", "2027-03-02T14:00:00+01:00"},
		{"Europe/Warsaw", 12, 14, "2027-03-02T15:00:00+01:00", ""},
		{"Europe/Warsaw", 8, 8, "2027-03-02T08:00:00+01:00", ""},
		{"", 20, 8, "2027-03-02T07:00:00+01:00", "2027-03-02T08:00:00Z"}, // UTC
		{"Nowhere/None", 20, 8, "2027-03-02T07:00:00Z", "2027-03-02T08:00:00Z"},
		// 28 March 2027: 02:00 becomes 03:00.
		{"Europe/Warsaw", 20, 8, "2027-03-27T21:00:00+01:00", "2027-03-28T08:00:00+02:00"},
		{"Europe/Warsaw", 22, 2, "2027-03-28T01:59:00+01:00", "2027-03-28T03:00:00+02:00"}, // quiet ends at an hour there is not
		{"Europe/Warsaw", 22, 2, "2027-03-28T03:00:00+02:00", ""},
		{"Europe/Warsaw", 2, 4, "2027-03-28T03:00:00+02:00", "2027-03-28T04:00:00+02:00"},
		// 31 October 2027: 03:00 becomes 02:00.
		{"Europe/Warsaw", 20, 8, "2027-10-30T21:00:00+02:00", "2027-10-31T08:00:00+01:00"},
		{"Europe/Warsaw", 20, 3, "2027-10-31T02:30:00+02:00", "2027-10-31T03:00:00+01:00"},
		{"Europe/Warsaw", 20, 3, "2027-10-31T02:30:00+01:00", "2027-10-31T03:00:00+01:00"}, // the second half past two
		// Lord Howe moves its clocks by half an hour: 02:00 becomes 02:30 on 3 October 2027.
		{"Australia/Lord_Howe", 22, 2, "2027-10-03T01:45:00+10:30", "2027-10-03T02:30:00+11:00"},
		{"America/New_York", 20, 8, "2027-11-06T23:00:00-04:00", "2027-11-07T08:00:00-05:00"},
	}
	for _, tt := range tests {
		now, err := time.Parse(time.RFC3339, tt.now)
		if err != nil {
			t.Fatal(err)
		}
		got, quiet := quietUntil(survey.Wave{TimeZone: tt.zone, QuietFrom: tt.from, QuietUntil: tt.until}, now)
		if tt.want == "" {
			if quiet {
				t.Errorf("%s, quiet %d-%d, at %s: quiet until %v", tt.zone, tt.from, tt.until, tt.now, got)
			}
			continue
		}
		want, err := time.Parse(time.RFC3339, tt.want)
		if err != nil {
			t.Fatal(err)
		}
		if !quiet || !got.Equal(want) {
			t.Errorf("%s, quiet %d-%d, at %s: until %v, %v; want %v", tt.zone, tt.from, tt.until, tt.now, got, quiet, want)
		}
	}
}

// TestQuietEnds walks through two years in every hour of two zones: quiet always ends within a day, at a moment
// that is not quiet, and the minute before it is.
func TestQuietEnds(t *testing.T) {
	t.Parallel()
	for _, zone := range []string{"Europe/Warsaw", "America/New_York"} {
		for _, hours := range [][2]int{{20, 8}, {22, 2}, {1, 2}, {2, 3}, {0, 1}, {23, 0}, {3, 1}} {
			w := survey.Wave{TimeZone: zone, QuietFrom: hours[0], QuietUntil: hours[1]}
			for now := time.Date(2026, 1, 1, 0, 30, 0, 0, time.UTC); now.Year() < 2028; now = now.Add(time.Hour) {
				end, quiet := quietUntil(w, now)
				if !quiet {
					continue
				}
				if !end.After(now) || end.Sub(now) > 25*time.Hour {
					t.Fatalf("%s %v at %v: quiet until %v", zone, hours, now, end)
				}
				if _, still := quietUntil(w, end); still {
					t.Fatalf("%s %v at %v: quiet at its end, %v", zone, hours, now, end.In(zoneOf(w)))
				}
			}
		}
	}
}

// memoryOutbox is a queue without a database, with the rules of one.
type memoryOutbox struct {
	mu       sync.Mutex
	wave     survey.Wave
	letters  []survey.Letter
	mailings []survey.Mailing
	people   int // whom a mailing goes to
	mails    []*queued
	bounced  []string
	away     bool // the database does not answer
	late     int  // mails that were sent by who had not claimed them
	joined   survey.SenderID
	senders  map[survey.SenderID]int64 // beats
}

type queued struct {
	survey.Mail

	state     string // waiting, sent, failed
	notBefore time.Time
	by        survey.SenderID
	reason    string
	pauses    []time.Duration
}

func (o *memoryOutbox) lock() (func(), error) {
	o.mu.Lock()
	if o.away {
		o.mu.Unlock()
		return func() {}, fmt.Errorf("queue: %w", survey.ErrUnavailable)
	}
	return o.mu.Unlock, nil
}

func (o *memoryOutbox) DueMailings(_ context.Context, now time.Time) ([]survey.Mailing, error) {
	unlock, err := o.lock()
	defer unlock()
	var due []survey.Mailing
	for _, m := range o.mailings {
		if m.State == survey.MailingPlanned && !m.At.After(now) {
			due = append(due, m)
		}
	}
	return due, err
}

func (o *memoryOutbox) StartMailing(_ context.Context, _ survey.OrganisationID, id survey.MailingID, messageID func() string, now time.Time) (int, error) {
	unlock, err := o.lock()
	defer unlock()
	if err != nil {
		return 0, err
	}
	for i := range o.mailings {
		m := &o.mailings[i]
		if m.ID != id || m.State != survey.MailingPlanned {
			continue
		}
		m.State = survey.MailingSending
		for n := range o.people {
			o.mails = append(o.mails, &queued{
				Mail: survey.Mail{
					ID: int64(len(o.mails) + 1), Mailing: id, Kind: m.Kind, Wave: m.Wave, MessageID: messageID(), Language: "en",
					Invitation: survey.InvitationID(fmt.Sprintf("%032d", n)),
					Person:     survey.Person{Organisation: m.Organisation, Name: fmt.Sprintf("Person %d", n), Address: fmt.Sprintf("person%d@example.org", n)},
				},
				state: "waiting", notBefore: now,
			})
		}
		return o.people, nil
	}
	return 0, survey.ErrConflict
}

func (o *memoryOutbox) CancelMailing(_ context.Context, _ survey.OrganisationID, id survey.MailingID) error {
	unlock, err := o.lock()
	defer unlock()
	for i := range o.mailings {
		if o.mailings[i].ID == id {
			o.mailings[i].State = survey.MailingCancelled
		}
	}
	return err
}

func (o *memoryOutbox) JoinSenders(context.Context) (survey.SenderID, error) {
	unlock, err := o.lock()
	defer unlock()
	if err != nil {
		return 0, err
	}
	if o.senders == nil {
		o.senders = make(map[survey.SenderID]int64)
	}
	o.joined++
	o.senders[o.joined] = 0
	return o.joined, nil
}

func (o *memoryOutbox) BeatSender(_ context.Context, id survey.SenderID) error {
	unlock, err := o.lock()
	defer unlock()
	if err != nil {
		return err
	}
	if _, ok := o.senders[id]; !ok {
		return survey.ErrNotFound
	}
	o.senders[id]++
	return nil
}

func (o *memoryOutbox) Senders(context.Context) ([]survey.Sender, error) {
	unlock, err := o.lock()
	defer unlock()
	if err != nil {
		return nil, err
	}
	var all []survey.Sender
	for id, beats := range o.senders {
		all = append(all, survey.Sender{ID: id, Beats: beats})
	}
	return all, nil
}

func (o *memoryOutbox) LeaveSenders(_ context.Context, id survey.SenderID) error {
	unlock, err := o.lock()
	defer unlock()
	if err != nil {
		return err
	}
	delete(o.senders, id)
	for _, q := range o.mails {
		if q.by == id {
			q.by = 0
		}
	}
	return nil
}

func (o *memoryOutbox) DropSender(ctx context.Context, seen survey.Sender) error {
	all, err := o.Senders(ctx)
	if err != nil {
		return err
	}
	if !slices.Contains(all, seen) {
		return survey.ErrConflict
	}
	return o.LeaveSenders(ctx, seen.ID)
}

func (o *memoryOutbox) MailsWait(_ context.Context, now time.Time) (bool, error) {
	unlock, err := o.lock()
	defer unlock()
	return slices.ContainsFunc(o.mails, func(q *queued) bool { return q.state == "waiting" && q.by == 0 && !q.notBefore.After(now) }), err
}

func (o *memoryOutbox) ClaimMails(_ context.Context, sender survey.SenderID, now time.Time, limit int) ([]survey.Mail, error) {
	unlock, err := o.lock()
	defer unlock()
	if err != nil {
		return nil, err
	}
	if _, ok := o.senders[sender]; !ok {
		return nil, survey.ErrConflict
	}
	var mails []survey.Mail
	for _, q := range o.mails {
		if len(mails) < limit && q.state == "waiting" && q.by == 0 && !q.notBefore.After(now) {
			q.by = sender
			mails = append(mails, q.Mail)
		}
	}
	return mails, nil
}

func (o *memoryOutbox) ClaimedMail(_ context.Context, _ survey.OrganisationID, sender survey.SenderID, id int64, _ time.Time) (survey.Mail, error) {
	unlock, err := o.lock()
	defer unlock()
	if err != nil {
		return survey.Mail{}, err
	}
	if q := o.mails[id-1]; q.by == sender && q.state == "waiting" {
		return q.Mail, nil
	}
	return survey.Mail{}, survey.ErrConflict
}

func (o *memoryOutbox) settle(id int64, change func(*queued)) error {
	unlock, err := o.lock()
	defer unlock()
	if err == nil {
		change(o.mails[id-1])
	}
	return err
}

func (o *memoryOutbox) MailSent(_ context.Context, _ survey.OrganisationID, id int64, _ time.Time) error {
	return o.settle(id, func(q *queued) {
		if q.by == 0 || q.state == "sent" {
			o.late++
		}
		q.state, q.by = "sent", 0
	})
}

func (o *memoryOutbox) MailDeferred(_ context.Context, _ survey.OrganisationID, sender survey.SenderID, id int64, until time.Time, reason string) error {
	return o.settle(id, func(q *queued) {
		if q.by != sender {
			return
		}
		q.by = 0
		q.Attempts++
		q.pauses = append(q.pauses, time.Until(until).Round(time.Minute))
		q.notBefore, q.reason = until, reason
	})
}

func (o *memoryOutbox) MailFailed(_ context.Context, _ survey.OrganisationID, id int64, reason string) error {
	return o.settle(id, func(q *queued) { q.state, q.reason, q.by = "failed", reason, 0 })
}

func (o *memoryOutbox) ReleaseMails(_ context.Context, _ survey.OrganisationID, sender survey.SenderID, ids []int64, until time.Time) error {
	for _, id := range ids {
		if err := o.settle(id, func(q *queued) {
			if q.by == sender {
				q.notBefore, q.by = until, 0
			}
		}); err != nil {
			return err
		}
	}
	return nil
}

func (o *memoryOutbox) NoteBounce(_ context.Context, _ survey.OrganisationID, address string, permanent bool, _, _ string, _ time.Time) (int, error) {
	unlock, err := o.lock()
	defer unlock()
	if permanent {
		o.bounced = append(o.bounced, address)
	}
	return 1, err
}

func (o *memoryOutbox) Wave(context.Context, survey.OrganisationID, survey.WaveID) (survey.Wave, error) {
	unlock, err := o.lock()
	defer unlock()
	return o.wave, err
}

func (o *memoryOutbox) Version(context.Context, survey.OrganisationID, survey.VersionID) (survey.Version, error) {
	return survey.Version{Code: "q", Source: []byte(mailedQuestionnaire)}, nil
}

func (o *memoryOutbox) Letters(context.Context, survey.OrganisationID, survey.WaveID) ([]survey.Letter, error) {
	return o.letters, nil
}

const mailedQuestionnaire = `code: q
version: 1
audience: internal
languages: [en]
title: {en: What matters to you}
items:
  - {code: comment, kind: text, text: {en: What should we know?}}
`

func (o *memoryOutbox) count(state string) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	n := 0
	for _, q := range o.mails {
		if q.state == state {
			n++
		}
	}
	return n
}

// scriptedCourier answers as a test wants, after a while.
type scriptedCourier struct {
	takes  time.Duration
	answer func(env envelope, message []byte) outcome
}

func (c scriptedCourier) deliver(ctx context.Context, env envelope, message []byte) outcome {
	pause(ctx, c.takes)
	if ctx.Err() != nil {
		return outcome{verdict: mailDeferred, stage: atContent, reason: lostConnection, lost: true}
	}
	if c.answer == nil {
		return outcome{verdict: accepted, stage: atContent}
	}
	return c.answer(env, message)
}

func (scriptedCourier) close() {}

// scene is a Mailer in a bubble of time, with a queue and servers that are not real.
type scene struct {
	*Mailer

	outbox *memoryOutbox
	log    *bytes.Buffer
}

func newScene(tb testing.TB, people int, courier func(Server) courier, settings ...string) *scene {
	tb.Helper()
	var servers []Server
	for _, setting := range settings {
		s, err := ParseServer(setting)
		if err != nil {
			tb.Fatal(err)
		}
		servers = append(servers, s)
	}
	st := stationery(tb)
	outbox := &memoryOutbox{people: people, letters: []survey.Letter{st.Letter(survey.InvitationLetter), st.Letter(survey.ReminderLetter)}}
	outbox.wave = occasion().Wave
	outbox.wave.Organisation, outbox.wave.State, outbox.wave.Closes, outbox.wave.TimeZone = 1, survey.WaveOpen, nil, ""
	outbox.mailings = []survey.Mailing{{ID: 1, Organisation: 1, Wave: 7, Kind: survey.InvitationLetter, State: survey.MailingPlanned}}
	log := new(bytes.Buffer)
	m, err := NewMailer(MailerOptions{
		Outbox: outbox, Servers: servers, Stationery: st, Base: "https://survey.example.org/", Now: time.Now, Random: rand.Reader,
		Token: func(id survey.InvitationID) string { return "token" + string(id) },
		Log:   slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	if err != nil {
		tb.Fatal(err)
	}
	m.newCourier = courier
	return &scene{Mailer: m, outbox: outbox, log: log}
}

// run lets the Mailer work for a time, and ends it.
func (s *scene) run(t *testing.T, during time.Duration) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- s.Run(ctx) }()
	time.Sleep(during)
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	for _, secret := range []string{"@example.org", "token", "Person "} {
		for line := range strings.Lines(s.log.String()) {
			if strings.Contains(line, secret) && !strings.Contains(line, "survey@") {
				t.Errorf("the log tells of a person: %s", line)
			}
		}
	}
}

// beside returns another program that sends from the queue of this one.
func (s *scene) beside(t *testing.T, courier func(Server) courier, server string) *scene {
	t.Helper()
	other := newScene(t, 0, courier, server)
	other.Outbox, other.tray.outbox, other.here.outbox, other.outbox = s.outbox, s.outbox, s.outbox, s.outbox
	return other
}

// runTogether lets several programs work for a time, and ends them.
func runTogether(t *testing.T, during time.Duration, scenes ...*scene) {
	t.Helper()
	var work sync.WaitGroup
	for _, s := range scenes {
		work.Go(func() { s.run(t, during) })
	}
	work.Wait()
}

func always(takes time.Duration, o outcome) func(Server) courier {
	return func(Server) courier {
		return scriptedCourier{takes: takes, answer: func(envelope, []byte) outcome { return o }}
	}
}

// delivered counts the mails that each address got.
type delivered struct {
	mu    sync.Mutex
	mails map[string]int
}

func newDelivered() *delivered { return &delivered{mails: make(map[string]int)} }

func (d *delivered) note(to string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.mails[to]++
}

// after returns a courier that takes a while for a mail, and has it accepted and counted.
func (d *delivered) after(takes time.Duration) func(Server) courier {
	return func(Server) courier {
		return scriptedCourier{takes: takes, answer: func(env envelope, _ []byte) outcome {
			d.note(env.to)
			return outcome{verdict: accepted}
		}}
	}
}

// wantOnce fails unless so many people got mail, and each of them one.
func (d *delivered) wantOnce(t *testing.T, people int) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.mails) != people {
		t.Errorf("%d people got mail; want %d", len(d.mails), people)
	}
	for to, n := range d.mails {
		if n != 1 {
			t.Errorf("%s got %d mails", to, n)
		}
	}
}

const aServer = "smtp://mail.example.org?from=survey@example.org"

// TestRunSendsEachOnce: all are invited, once, with a message of their own; a mail's link is the person's.
func TestRunSendsEachOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got := newDelivered()
		courier := func(Server) courier {
			return scriptedCourier{takes: 100 * time.Millisecond, answer: func(env envelope, message []byte) outcome {
				got.note(env.to)
				if n := strings.TrimSuffix(strings.TrimPrefix(env.to, "person"), "@example.org"); !bytes.Contains(message, fmt.Appendf(nil, "token%032s", n)) {
					t.Errorf("the mail to %s has not her link", env.to)
				}
				return outcome{verdict: accepted}
			}}
		}
		s := newScene(t, 300, courier, aServer+"&connections=5")
		s.run(t, time.Minute)
		got.wantOnce(t, 300)
		if n := s.outbox.count("sent"); n != 300 {
			t.Errorf("%d mails are noted as sent; want 300", n)
		}
		ids := make(map[string]bool)
		for _, q := range s.outbox.mails {
			ids[q.MessageID] = true
		}
		if len(ids) != 300 {
			t.Errorf("%d message IDs; want 300", len(ids))
		}
		if got := s.Status(); got[0].Sent != 300 || got[0].State != ServerRunning {
			t.Errorf("status %+v", got)
		}
	})
}

// TestRunKeepsToLimits: two servers with limits of their own share the work, and neither is asked for more.
func TestRunKeepsToLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		begun := make(map[string][]time.Time)
		most, now := make(map[string]int), make(map[string]int)
		courier := func(server Server) courier {
			name := server.host
			return courierFunc(func(ctx context.Context) outcome {
				mu.Lock()
				begun[name] = append(begun[name], time.Now())
				now[name]++
				most[name] = max(most[name], now[name])
				mu.Unlock()
				pause(ctx, 50*time.Millisecond)
				mu.Lock()
				now[name]--
				mu.Unlock()
				return outcome{verdict: accepted}
			})
		}
		s := newScene(t, 1000, courier,
			"smtp://fast.example.org?from=survey@example.org&rate=20/s&rate=600/m&connections=5",
			"smtp://slow.example.org?from=survey@example.org&rate=1/s&day=30&connections=3")
		s.run(t, 75*time.Second)
		for name, windows := range map[string][]limit{
			"fast.example.org": {{20, time.Second}, {600, time.Minute}}, "slow.example.org": {{1, time.Second}, {30, 24 * time.Hour}},
		} {
			for _, l := range windows {
				times := begun[name]
				for i := l.mails; i < len(times); i++ {
					if times[i].Sub(times[i-l.mails]) < l.per {
						t.Fatalf("%s: more than %d mails within %v", name, l.mails, l.per)
					}
				}
			}
		}
		if most["fast.example.org"] > 5 || most["slow.example.org"] > 3 {
			t.Errorf("connections at once: %v", most)
		}
		// 600 in the first minute, 20 a second after it; the slow one reaches its day's limit.
		if fast, slow := len(begun["fast.example.org"]), len(begun["slow.example.org"]); fast < 800 || slow != 30 {
			t.Errorf("fast sent %d, slow %d; want more than 800, and 30", fast, slow)
		}
		if got := s.Status()[1].State; got != ServerWaiting {
			t.Errorf("the slow server is %s; want %s", got, ServerWaiting)
		}
	})
}

type courierFunc func(context.Context) outcome

func (f courierFunc) deliver(ctx context.Context, _ envelope, _ []byte) outcome { return f(ctx) }
func (courierFunc) close()                                                      {}

// TestPauses: a mail that is not taken is tried with growing pauses for two days, and then given up with the
// server's words.
func TestPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, 1, always(0, outcome{verdict: mailDeferred, stage: atRecipient, code: 450, reason: "450 person0@example.org is grey"}), aServer)
		s.run(t, 72*time.Hour)
		q := s.outbox.mails[0]
		if q.state != "failed" || !strings.Contains(q.reason, "grey") {
			t.Errorf("the mail is %s: %s", q.state, q.reason)
		}
		total := time.Duration(0)
		for i, p := range q.pauses {
			if i > 0 && p < q.pauses[i-1] {
				t.Errorf("pauses shrink: %v", q.pauses)
			}
			total += p
		}
		if q.pauses[0] != 2*time.Minute || total < 40*time.Hour || total > 48*time.Hour {
			t.Errorf("pauses %v, together %v; want from 2 minutes on, for nearly two days", q.pauses, total)
		}
	})
}

// TestServerTrouble: a server that cannot be reached or refuses the program costs no mail an attempt, and is used
// again when it works.
func TestServerTrouble(t *testing.T) {
	for _, tt := range []struct {
		trouble outcome
		state   ServerState
		back    time.Duration // when at latest mails flow again
		most    int64         // attempts within the first hour, by five connections
	}{
		{outcome{verdict: serverPaused, stage: atConnect, reason: "refused"}, ServerPaused, 6 * time.Minute, 30},
		{outcome{verdict: serverStopped, stage: atConnect, code: 535, reason: "535 5.7.8 wrong password"}, ServerStopped, 31 * time.Minute, 5 + 2},
	} {
		t.Run(string(tt.state), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				mended := time.Now().Add(4 * time.Hour)
				var attempts atomic.Int64
				s := newScene(t, 50, func(Server) courier {
					return courierFunc(func(ctx context.Context) outcome {
						attempts.Add(1)
						pause(ctx, 100*time.Millisecond)
						if time.Now().Before(mended) {
							return tt.trouble
						}
						return outcome{verdict: accepted}
					})
				}, aServer+"&connections=5")
				ctx, cancel := context.WithCancel(t.Context())
				done := make(chan error)
				go func() { done <- s.Run(ctx) }()
				time.Sleep(time.Hour)
				if got := s.Status()[0]; got.State != tt.state || got.Reason != tt.trouble.reason || got.Until.IsZero() {
					t.Errorf("status %+v; want %s", got, tt.state)
				}
				if n := attempts.Load(); n > tt.most {
					t.Errorf("%d attempts within an hour", n)
				}
				time.Sleep(3*time.Hour + tt.back)
				cancel()
				if err := <-done; err != nil {
					t.Error(err)
				}
				if got := s.outbox.count("sent"); got != 50 {
					t.Errorf("%d mails were sent after it was mended; want 50", got)
				}
				for _, q := range s.outbox.mails {
					if q.Attempts > 0 {
						t.Errorf("mail %d was charged %d attempts", q.ID, q.Attempts)
					}
				}
				if !strings.Contains(s.log.String(), tt.trouble.reason) {
					t.Errorf("the log does not say what the server said:\n%s", s.log.String())
				}
			})
		})
	}
}

// TestOtherServerTakesOver: what one server cannot do another does.
func TestOtherServerTakesOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, 100, func(server Server) courier {
			if server.host == "broken.example.org" {
				return always(0, outcome{verdict: serverStopped, stage: atSender, code: 550, reason: "550 no"})(server)
			}
			return scriptedCourier{takes: time.Millisecond}
		}, "smtp://broken.example.org?from=survey@example.org", aServer)
		s.run(t, time.Minute)
		if got := s.outbox.count("sent"); got != 100 {
			t.Errorf("%d mails were sent; want 100", got)
		}
	})
}

// TestRelayDenied: a server that takes nobody's mail stops before everybody is held to be unreachable.
func TestRelayDenied(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, 1000, always(10*time.Millisecond, outcome{verdict: policyRefused, stage: atRecipient, code: 554, status: "5.7.1", reason: "554 5.7.1 relay access denied"}), aServer)
		s.run(t, 20*time.Minute)
		if failed := s.outbox.count("failed"); failed > 0 || len(s.outbox.bounced) > 0 {
			t.Errorf("%d mails failed, %d people are held to be unreachable", failed, len(s.outbox.bounced))
		}
		tried := 0
		for _, q := range s.outbox.mails {
			tried += q.Attempts
		}
		if got := s.Status()[0]; got.State != ServerStopped || tried > 2*refusalsInARow {
			t.Errorf("status %+v after %d attempts", got, tried)
		}
	})
}

// TestRefused: a person who cannot be reached is noted at once, and others go on.
func TestRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, 20, func(Server) courier {
			return scriptedCourier{answer: func(env envelope, _ []byte) outcome {
				switch env.to {
				case "person3@example.org":
					return outcome{verdict: mailRefused, stage: atRecipient, code: 550, status: "5.1.1", reason: "550 5.1.1 unknown"}
				case "person4@example.org":
					return outcome{verdict: mailRefused, stage: atRecipient, code: 552, status: "5.2.2", reason: "552 5.2.2 full"}
				}
				return outcome{verdict: accepted}
			}}
		}, aServer)
		s.run(t, time.Minute)
		if s.outbox.count("failed") != 2 || s.outbox.count("sent") != 18 || !slices.Equal(s.outbox.bounced, []string{"person3@example.org"}) {
			t.Errorf("%d failed, %d sent, bounced %v", s.outbox.count("failed"), s.outbox.count("sent"), s.outbox.bounced)
		}
	})
}

// TestQuietHours: nothing goes out at night, neither a mailing that is due nor what is left of one that was begun.
func TestQuietHours(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // time begins at midnight UTC of 1 January 2000
		var mu sync.Mutex
		var at []time.Time
		s := newScene(t, 100, func(Server) courier {
			return courierFunc(func(context.Context) outcome {
				mu.Lock()
				defer mu.Unlock()
				at = append(at, time.Now())
				return outcome{verdict: accepted}
			})
		}, aServer+"&rate=1/m")
		s.outbox.wave.TimeZone, s.outbox.wave.QuietFrom, s.outbox.wave.QuietUntil = "Europe/Warsaw", 9, 8 // an hour a day
		s.run(t, 5*time.Hour)
		if got := s.outbox.mailings[0].State; got != survey.MailingPlanned { // who finishes before morning is not in the queue then
			t.Errorf("at night the mailing is %s", got)
		}
		s.run(t, 43*time.Hour)
		warsaw := zoneOf(s.outbox.wave)
		for _, when := range at {
			if when.In(warsaw).Hour() != 8 {
				t.Errorf("a mail was sent at %v", when.In(warsaw))
			}
		}
		if len(at) < 90 {
			t.Errorf("%d mails were sent in two hours at one a minute", len(at))
		}
		for _, q := range s.outbox.mails {
			if q.Attempts > 0 {
				t.Fatal("the night was charged as an attempt")
			}
		}
	})
}

// TestWaveOver: a mailing of a closed wave is cancelled, one of a wave that is not open yet waits.
func TestWaveOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, 10, always(0, outcome{verdict: accepted}), aServer)
		opens := time.Now().Add(time.Hour)
		s.outbox.wave.Opens = &opens
		s.run(t, 59*time.Minute)
		if s.outbox.mailings[0].State != survey.MailingPlanned {
			t.Errorf("before it opens the mailing is %s", s.outbox.mailings[0].State)
		}
		s.run(t, 2*time.Minute)
		if s.outbox.count("sent") != 10 {
			t.Errorf("%d mails were sent once it was open", s.outbox.count("sent"))
		}
		s.outbox.wave.State = survey.WaveClosed
		s.outbox.mailings = append(s.outbox.mailings, survey.Mailing{ID: 2, Organisation: 1, Wave: 7, Kind: survey.ReminderLetter, State: survey.MailingPlanned})
		s.run(t, time.Minute)
		if s.outbox.mailings[1].State != survey.MailingCancelled || len(s.outbox.mails) != 10 {
			t.Errorf("after it closed the reminder is %s", s.outbox.mailings[1].State)
		}
	})
}

// TestHeldTooLong: mails that wait for a slow server are given back, and sent by claims of their own.
func TestHeldTooLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, 100, always(time.Second, outcome{verdict: accepted}), aServer+"&connections=20&rate=1/m")
		s.run(t, 101*time.Minute)
		if got := s.outbox.count("sent"); got != 100 || s.outbox.late > 0 {
			t.Errorf("%d mails were sent, %d of them by who had not claimed them; want 100 and none", got, s.outbox.late)
		}
	})
}

// TestReplicas: three programs on one queue send each mail once, and what a fourth had claimed when it ended without a
// word is sent by the others, all within ten seconds.
func TestReplicas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got := newDelivered()
		courier := got.after(100 * time.Millisecond)
		first := newScene(t, 300, courier, aServer)
		scenes := []*scene{first, first.beside(t, courier, aServer), first.beside(t, courier, aServer)}
		dead, err := first.outbox.JoinSenders(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := first.outbox.StartMailing(t.Context(), survey.DefaultOrganisation, 1, messageIDs([32]byte{}, "example.org"), time.Now()); err != nil {
			t.Fatal(err)
		}
		if gone, err := first.outbox.ClaimMails(t.Context(), dead, time.Now(), 7); err != nil || len(gone) != 7 {
			t.Fatal(gone, err)
		}
		runTogether(t, 10*time.Second, scenes...)
		got.wantOnce(t, 300)
		for _, s := range scenes {
			if s.Status()[0].Sent == 0 {
				t.Error("one of them sent nothing")
			}
		}
	})
}

// TestStalledServer: however long a server takes for a mail, another program does not take it.
func TestStalledServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got := newDelivered()
		courier, server := got.after(4*time.Minute), aServer+"&connections=2"
		first := newScene(t, 8, courier, server)
		runTogether(t, 12*time.Minute, first, first.beside(t, courier, server))
		got.wantOnce(t, 8)
		if first.outbox.late > 0 || first.outbox.joined > 3 {
			t.Errorf("%d mails are from who had not claimed them, of %d senders; want 0 and at most 3", first.outbox.late, first.outbox.joined)
		}
	})
}

// TestTakenForDead: a program whose signs of life do not get through for a while stops to send before others take
// its mails, and goes on as another sender afterwards. Only what it was sending when it fell silent may come twice.
func TestTakenForDead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got := newDelivered()
		const lines = 2
		courier, server := got.after(100*time.Millisecond), aServer+fmt.Sprintf("&rate=10/s&connections=%d", lines)
		first := newScene(t, 1000, courier, server)
		other := first.beside(t, courier, server)
		cut := &cutOff{memoryOutbox: first.outbox}
		other.Outbox, other.tray.outbox, other.here.outbox = cut, cut, cut
		time.AfterFunc(20500*time.Millisecond, func() { cut.off.Store(true) })
		time.AfterFunc(50*time.Second, func() { cut.off.Store(false) })
		runTogether(t, 3*time.Minute, first, other)
		repeated := 0
		for _, n := range got.mails {
			repeated += n - 1
		}
		if len(got.mails) != 1000 || repeated > lines {
			t.Errorf("%d people got mail, %d twice; want 1000 and at most the %d in flight", len(got.mails), repeated, lines)
		}
	})
}

// cutOff is a queue that cannot be reached for a while by one program.
type cutOff struct {
	*memoryOutbox

	off atomic.Bool
}

func (c *cutOff) err() error {
	if c.off.Load() {
		return fmt.Errorf("queue: %w", survey.ErrUnavailable)
	}
	return nil
}

func (c *cutOff) BeatSender(ctx context.Context, id survey.SenderID) error {
	if err := c.err(); err != nil {
		return err
	}
	return c.memoryOutbox.BeatSender(ctx, id)
}

func (c *cutOff) ClaimMails(ctx context.Context, sender survey.SenderID, now time.Time, limit int) ([]survey.Mail, error) {
	if err := c.err(); err != nil {
		return nil, err
	}
	return c.memoryOutbox.ClaimMails(ctx, sender, now, limit)
}

func (c *cutOff) MailSent(ctx context.Context, organisation survey.OrganisationID, id int64, now time.Time) error {
	if err := c.err(); err != nil {
		return err
	}
	return c.memoryOutbox.MailSent(ctx, organisation, id, now)
}

func (c *cutOff) Senders(ctx context.Context) ([]survey.Sender, error) {
	if err := c.err(); err != nil {
		return nil, err
	}
	return c.memoryOutbox.Senders(ctx)
}

// TestIdleSender: a program with nothing to send is no sender, so that nothing is written while nothing happens.
func TestIdleSender(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, 5, always(0, outcome{verdict: accepted}), aServer)
		opens := time.Now().Add(time.Hour)
		s.outbox.wave.Opens = &opens
		time.AfterFunc(time.Hour-time.Second, func() {
			s.outbox.mu.Lock()
			defer s.outbox.mu.Unlock()
			if s.outbox.joined != 0 {
				t.Errorf("%d senders before there was a mail", s.outbox.joined)
			}
		})
		time.AfterFunc(time.Hour+time.Minute, func() {
			s.outbox.mu.Lock()
			defer s.outbox.mu.Unlock()
			if s.outbox.joined != 1 || len(s.outbox.senders) != 0 {
				t.Errorf("%d senders, of whom %d are still, after all was sent; want 1 and 0", s.outbox.joined, len(s.outbox.senders))
			}
		})
		s.run(t, time.Hour+2*time.Minute)
		if s.outbox.count("sent") != 5 {
			t.Errorf("%d mails were sent; want 5", s.outbox.count("sent"))
		}
	})
}

// TestSharedLimit: three programs together send what the limit of a server allows, once each knows of the others.
func TestSharedLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var at []time.Time
		courier := func(Server) courier {
			return courierFunc(func(context.Context) outcome {
				mu.Lock()
				defer mu.Unlock()
				at = append(at, time.Now())
				return outcome{verdict: accepted}
			})
		}
		server := aServer + "&rate=60/m"
		first := newScene(t, 10_000, courier, server)
		began := time.Now()
		runTogether(t, 10*time.Minute, first, first.beside(t, courier, server), first.beside(t, courier, server))
		for minute := 1; minute < 10; minute++ {
			from, sent := began.Add(time.Duration(minute)*time.Minute), 0
			for _, when := range at {
				if !when.Before(from) && when.Before(from.Add(time.Minute)) {
					sent++
				}
			}
			if sent < 55 || sent > 60 {
				t.Errorf("in minute %d were sent %d; want about 60, and no more", minute+1, sent)
			}
		}
	})
}

// TestEnds: a program that is asked to end finishes what it sends and gives the rest back at once.
func TestEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, 100, always(5*time.Second, outcome{verdict: accepted}), aServer+"&connections=4")
		began := time.Now()
		s.run(t, 12*time.Second)
		if ended := time.Since(began); ended > 20*time.Second {
			t.Errorf("it ended after %v", ended)
		}
		if got := s.outbox.count("sent"); got != 12 { // three by each of four lines
			t.Errorf("%d mails were sent; want 12", got)
		}
		for _, q := range s.outbox.mails {
			if q.state == "waiting" && (q.by != 0 || q.notBefore.After(time.Now())) {
				t.Errorf("mail %d was not given back", q.ID)
			}
		}
		// One that never answers does not keep the program.
		s = newScene(t, 10, always(time.Hour, outcome{verdict: accepted}), aServer)
		began = time.Now()
		s.run(t, 10*time.Second)
		if ended := time.Since(began); ended > 10*time.Second+stopWithin+time.Second {
			t.Errorf("it ended after %v", ended)
		}
	})
}

// TestDatabaseAway: while the database does not answer nothing is sent twice, and all goes on when it is back.
func TestDatabaseAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got := newDelivered()
		s := newScene(t, 100, got.after(time.Second), aServer)
		set := func(away bool) {
			s.outbox.mu.Lock()
			defer s.outbox.mu.Unlock()
			s.outbox.away = away
		}
		time.AfterFunc(10500*time.Millisecond, func() { set(true) })
		time.AfterFunc(100*time.Second, func() { set(false) })
		s.run(t, 5*time.Minute)
		got.wantOnce(t, 100)
		if n := s.outbox.count("sent"); n != 100 {
			t.Errorf("%d mails are noted as sent; want 100", n)
		}
	})
}

func TestNewMailerRefuses(t *testing.T) {
	t.Parallel()
	for _, base := range []string{"", "survey.example.org", "ftp://survey.example.org", "https://", "https://survey.example.org/?x=1"} {
		if _, err := NewMailer(MailerOptions{Base: base, Now: time.Now}); err == nil {
			t.Errorf("address %q was taken", base)
		}
	}
}

// TestSendTest sends a letter to oneself by a real server, and tells what it answered.
func TestSendTest(t *testing.T) {
	t.Parallel()
	office := startPostOffice(t, &postOffice{})
	s := newScene(t, 0, newCourier, office.setting("smtp", ""))
	letter := s.Stationery.Letter(survey.ReminderLetter)
	if err := s.SendTest(t.Context(), occasion(), letter, "ru", "me@example.org"); err != nil {
		t.Fatal(err)
	}
	mails := office.mails()
	if len(mails) != 1 || mails[0].to != "me@example.org" {
		t.Fatalf("the server has %+v", mails)
	}
	m, err := netmail.ReadMessage(bytes.NewReader(mails[0].content))
	if err != nil {
		t.Fatal(err)
	}
	if subject := m.Header.Get("Subject"); !strings.HasPrefix(decoded(t, subject), "[Проверка] Напоминание: ") {
		t.Errorf("the subject is %q", decoded(t, subject))
	}
	if err := s.SendTest(t.Context(), occasion(), letter, "ru", "nobody"); !errors.Is(err, ErrBadAddress) {
		t.Errorf("an address that is none: %v", err)
	}
	office.onRcpt = nil
	office.onMail = func(string) error { return refusal(550, [3]int{5, 7, 1}, "not you") }
	if err := s.SendTest(t.Context(), occasion(), letter, "ru", "me@example.org"); err == nil || !strings.Contains(err.Error(), "not you") {
		t.Errorf("a server that refuses: %v", err)
	}
	if err := newScene(t, 0, newCourier).SendTest(t.Context(), occasion(), letter, "en", "me@example.org"); err == nil {
		t.Error("a test mail was sent without a server")
	}
}

// Letters are written in the colours of the organisation whose wave it is, as it has them at that time.
func TestMailsHaveTheColoursOfWhoAsks(t *testing.T) {
	s := newScene(t, 1, nil, "smtp://127.0.0.1:1?from=cx@example.org&tls=none")
	want := Colours{Light: Shades{"#b91c1c", "#ffffff", "#a51919"}, Dark: Shades{"#ef5f5f", "#12151b", "#f48a8a"}}
	s.Colours = func(_ context.Context, id survey.OrganisationID) (Colours, error) {
		if id != 1 {
			t.Errorf("asked for the colours of organisation %d", id)
		}
		return want, nil
	}
	mail := survey.Mail{Wave: 7, Person: survey.Person{Organisation: 1}}
	b, err := s.brief(t.Context(), mail)
	if err != nil || b.about.Colours != want {
		t.Errorf("colours %+v, %v; want %+v", b, err, want)
	}
	away := errors.New("away")
	s.cases = make(map[survey.WaveID]*briefed)
	s.Colours = func(context.Context, survey.OrganisationID) (Colours, error) { return Colours{}, away }
	if _, err := s.brief(t.Context(), mail); !errors.Is(err, away) {
		t.Errorf("the colours cannot be read: %v", err)
	}
}
