//go:build unix

package web

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	netmail "net/mail"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"cxmirror/pkg/fieldwork"
	"cxmirror/pkg/store"
	"cxmirror/pkg/store/storetest"
	"cxmirror/pkg/survey"
)

// Limits of sending while people answer. Services that send for others allow an account 14 mails a second and more
// as it grows; whoever has 50,000 people to invite is allowed 60.
const (
	allowedRate       = 60  // mails a second that the server allows, which the program is told
	allowedAtOnce     = 5   // connections
	sentAtLeast       = 50  // mails a second
	pagesWhileSending = 0.8 // pages saved, of what is saved while nothing is sent

	sendingTurns = 5
	invitedThen  = 3000 // more than are sent in all turns
)

// mailServer takes mail by TLS only, over so many connections as it allows and no more.
type mailServer struct {
	setting string // how the program is told of it

	mu       sync.Mutex
	open     int
	most     int
	refused  int
	taken    []time.Time
	repeated int
	seen     map[string]bool // Message-IDs
}

// mailSession is a connection to a mailServer.
type mailSession struct {
	server *mailServer
	conn   *smtp.Conn
}

func startMailServer(b *testing.B) *mailServer {
	b.Helper()
	pages := httptest.NewTLSServer(http.NotFoundHandler()) // for its certificate
	b.Cleanup(pages.Close)
	ca := filepath.Join(b.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pages.Certificate().Raw}), 0o600); err != nil {
		b.Fatal(err)
	}
	m := &mailServer{seen: make(map[string]bool)}
	server := smtp.NewServer(m)
	server.Domain = "example.com"
	server.TLSConfig = pages.TLS.Clone()
	server.TLSConfig.NextProtos = nil
	listener, err := (&net.ListenConfig{}).Listen(b.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	var ended sync.WaitGroup
	ended.Go(func() { _ = server.Serve(listener) })
	b.Cleanup(func() { _ = server.Close(); ended.Wait() })
	m.setting = fmt.Sprintf("smtp://%s?from=Surveys <surveys@example.com>&tls=required&ca=%s&rate=%d/s&connections=%d",
		listener.Addr(), ca, allowedRate, allowedAtOnce)
	return m
}

// NewSession implements smtp.Backend.
func (m *mailServer) NewSession(c *smtp.Conn) (smtp.Session, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.open == allowedAtOnce {
		m.refused++
		return nil, &smtp.SMTPError{Code: 421, EnhancedCode: smtp.EnhancedCode{4, 7, 0}, Message: "too many connections"}
	}
	m.open++
	m.most = max(m.most, m.open)
	return &mailSession{m, c}, nil
}

// Logout implements smtp.Session.
func (s *mailSession) Logout() error {
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	s.server.open--
	return nil
}

// Reset implements smtp.Session.
func (s *mailSession) Reset() {}

// Mail implements smtp.Session.
func (s *mailSession) Mail(string, *smtp.MailOptions) error {
	if _, encrypted := s.conn.TLSConnectionState(); !encrypted {
		return &smtp.SMTPError{Code: 530, EnhancedCode: smtp.EnhancedCode{5, 7, 0}, Message: "by TLS only"}
	}
	return nil
}

// Rcpt implements smtp.Session.
func (s *mailSession) Rcpt(string, *smtp.RcptOptions) error { return nil }

// Data implements smtp.Session.
func (s *mailSession) Data(r io.Reader) error {
	message, err := netmail.ReadMessage(r)
	if err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, message.Body); err != nil {
		return err
	}
	id := message.Header.Get("Message-Id")
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	if s.server.seen[id] {
		s.server.repeated++
	}
	s.server.seen[id] = true
	s.server.taken = append(s.server.taken, time.Now())
	return nil
}

func (m *mailServer) count() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.taken)
}

// rate returns how many mails a second came from a moment on until now. They come as soon as the limit allows, so
// that counts of two or three seconds depend on where these begin; what does not is how long as many mails take as
// the limit allows in a second. A pause of more than a second is none of the limit: then it counts.
func (m *mailServer) rate(since time.Time) float64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	from := slices.IndexFunc(m.taken, since.Before)
	if from < 0 {
		return 0
	}
	came := m.taken[from:]
	if pairs := len(came) - allowedRate; pairs > 0 && now.Sub(came[len(came)-1]) < time.Second+time.Second/4 {
		var all time.Duration
		for i := range pairs {
			all += came[i+allowedRate].Sub(came[i])
		}
		return allowedRate / (all.Seconds() / float64(pairs))
	}
	return float64(len(came)) / now.Sub(since).Seconds()
}

// toInvite launches a wave to people who are to be invited at once, and returns it.
func (f *field) toInvite(b *testing.B, stationery *fieldwork.Stationery, people int) survey.Wave {
	b.Helper()
	ctx, now := b.Context(), time.Now()
	_, err := f.store.ImportPeople(ctx, survey.DefaultOrganisation, func(yield func(survey.Person, error) bool) {
		for i := range people {
			p := survey.Person{Key: fmt.Sprintf("%06d", i), Name: fmt.Sprintf("Person %d", i), Address: fmt.Sprintf("person%d@example.org", i), Language: "en", Active: true}
			if !yield(p, nil) {
				return
			}
		}
	}, store.ImportOptions{})
	if err != nil {
		b.Fatal(err)
	}
	panel, _, err := f.store.People(ctx, survey.DefaultOrganisation, store.PeopleQuery{})
	if err != nil || len(panel) != people {
		b.Fatalf("%d people, %v; want %d", len(panel), err, people)
	}
	wave := f.wave
	wave.ID, wave.Slug, wave.Audience, wave.Mode, wave.State = 0, "invited", survey.Internal, survey.Confidential, survey.WaveDraft
	wave.Threshold, wave.Comments, wave.TimeZone, wave.Created = 5, 10, "Europe/Warsaw", now
	if err := f.store.CreateWave(ctx, &wave); err != nil {
		b.Fatal(err)
	}
	wave.Launched = &now
	letters := []survey.Letter{stationery.Letter(survey.InvitationLetter)}
	mailings := []survey.Mailing{{Organisation: wave.Organisation, Wave: wave.ID, Kind: survey.InvitationLetter, At: now.Add(-time.Minute), State: survey.MailingPlanned}}
	_, err = f.store.LaunchWave(ctx, wave, func(yield func(store.NewInvitation, error) bool) {
		for i := range panel {
			var id [16]byte
			_, _ = rand.Read(id[:]) // never fails
			invitation := survey.Invitation{
				ID: survey.InvitationID(hex.EncodeToString(id[:])), Organisation: wave.Organisation, Wave: wave.ID, Person: panel[i].ID, Language: "en",
			}
			if !yield(store.NewInvitation{Invitation: invitation, TokenHash: fieldwork.HashToken(string(invitation.ID))}, nil) {
				return
			}
		}
	}, letters, mailings)
	if err != nil {
		b.Fatal(err)
	}
	return wave
}

// BenchmarkSending sends invitations by a mail server that allows 60 a second over five connections, by TLS, while
// people answer: their pages are saved nearly as fast as while nothing is sent, by turns in one run. Everything
// runs in one process on the same processors: the pages, the people, the queue, and the mail server.
func BenchmarkSending(b *testing.B) {
	for name, open := range map[string]func(b *testing.B) string{
		"sqlite":   func(b *testing.B) string { b.Helper(); return storetest.SQLite(b) },
		"postgres": func(b *testing.B) string { b.Helper(); return storetest.StartPostgres(b, "fsync=on").Database(b) },
	} {
		b.Run(name, func(b *testing.B) {
			f := newFieldIn(b, storetest.Open(b, open(b)), benchQuestionnaire, nil)
			browsers := crowd(b, f, http.MethodPost, benchPage(f))
			savedAnswers(b, f, browsers[0])
			post := func(c *connection) error { return c.next(http.StatusSeeOther, "/o/spring/2") }
			server := startMailServer(b)
			sender := newSender(b, f, server)
			wave := f.toInvite(b, sender.stationery, invitedThen)
			sender.start(b)() // what is done once: the queue is made, and all is warm

			const each = 5 * time.Second / 2
			for b.Loop() {
				var without, with, sent float64
				for range sendingTurns {
					without += rate(b, browsers, each, post) / sendingTurns
					stop := sender.start(b)
					began := time.Now()
					with += rate(b, browsers, each, post) / sendingTurns
					sent += server.rate(began) / sendingTurns
					stop()
				}
				b.ReportMetric(without, "undisturbed/s")
				atLeast(b, "saved", with, without, pagesWhileSending)
				b.ReportMetric(sent, "mails/s")
				if sent < sentAtLeast {
					b.Errorf("%.1f mails a second were sent, at least %d are wanted", sent, sentAtLeast)
				}
			}
			checkSaved(b, f, browsers)
			server.check(b, f.store, wave.ID)
		})
	}
}

// sender sends mail beside the pages of a field.
type sender struct {
	server     *mailServer
	mailer     *fieldwork.Mailer
	stationery *fieldwork.Stationery
}

// newSender returns what sends, and lets the rest of fieldwork run until the benchmark ends.
func newSender(b *testing.B, f *field, server *mailServer) *sender {
	b.Helper()
	log := slog.New(slog.NewTextHandler(f.log, nil))
	setting, err := fieldwork.ParseServer(server.setting)
	if err != nil {
		b.Fatal(err)
	}
	s := &sender{server: server}
	if s.stationery, err = fieldwork.NewStationery(); err != nil {
		b.Fatal(err)
	}
	s.mailer, err = fieldwork.NewMailer(fieldwork.MailerOptions{
		Outbox: f.store, Servers: []fieldwork.Server{setting}, Stationery: s.stationery, Base: "https://survey.example.com",
		Token: func(id survey.InvitationID) string { return string(id) }, Now: time.Now, Random: rand.Reader, Log: log,
	})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	var ended sync.WaitGroup
	ended.Go(func() { testFieldwork(b, f.store, time.Now).Run(ctx, 10*time.Second) })
	b.Cleanup(func() { cancel(); ended.Wait() })
	return s
}

// start begins to send, and returns when as many mails were sent as may be at once: those that come later are held
// to the limit. What it returns ends it.
func (s *sender) start(b *testing.B) (stop func()) {
	b.Helper()
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	before := s.server.count()
	go func() { ended <- s.mailer.Run(ctx) }()
	for late := time.Now().Add(time.Minute); s.server.count() < before+allowedRate; time.Sleep(time.Millisecond) {
		if time.Now().After(late) {
			b.Fatalf("%d mails within a minute: %+v", s.server.count()-before, s.mailer.Status())
		}
	}
	return func() {
		cancel()
		if err := <-ended; err != nil {
			b.Error(err)
		}
	}
}

// check fails the benchmark unless each mail was sent once, is noted as sent, and the server's limits were kept.
func (m *mailServer) check(b *testing.B, s *store.Store, wave survey.WaveID) {
	b.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	queue, err := s.MailQueue(b.Context(), survey.DefaultOrganisation, wave)
	if err != nil {
		b.Fatal(err)
	}
	if queue.Sent != len(m.taken) || queue.Sent+queue.Waiting != invitedThen || m.repeated > 0 {
		b.Errorf("the server has %d mails, %d of them twice; the queue says %+v of %d", len(m.taken), m.repeated, queue, invitedThen)
	}
	if queue.Waiting == 0 {
		b.Error("there were too few mails: towards the end none was sent")
	}
	if m.most != allowedAtOnce || m.refused > 0 {
		b.Errorf("%d connections at once and %d refused; want %d and none", m.most, m.refused, allowedAtOnce)
	}
}
