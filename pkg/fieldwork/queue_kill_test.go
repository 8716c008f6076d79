package fieldwork

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"cxmirror/pkg/store"
	"cxmirror/pkg/store/storetest"
	"cxmirror/pkg/survey"
)

// *store.Store is an [Outbox].
var _ Outbox = (*store.Store)(nil)

// The environment of a copy of the test program that sends mails until it is killed.
const (
	mailerDSN    = "CXMIRROR_TEST_MAILER"
	mailerWave   = "CXMIRROR_TEST_MAILER_WAVE"
	mailerServer = "CXMIRROR_TEST_MAILER_SERVER"
)

// connectionsOfKilled is how many mails the killed program may be sending at once.
const connectionsOfKilled = 5

// invited launches a wave to so many people, all of them to be written to now.
func invited(tb testing.TB, s *store.Store, people int) survey.Wave {
	tb.Helper()
	ctx := tb.Context()
	version := survey.Version{Organisation: survey.DefaultOrganisation, Code: "q", Number: 1, Source: []byte(mailedQuestionnaire)}
	if err := s.SaveVersion(ctx, &version); err != nil {
		tb.Fatal(err)
	}
	_, err := s.ImportPeople(ctx, survey.DefaultOrganisation, func(yield func(survey.Person, error) bool) {
		for i := range people {
			p := survey.Person{Key: fmt.Sprintf("%06d", i), Name: fmt.Sprintf("Person %d", i), Address: fmt.Sprintf("person%d@example.org", i), Language: "pl", Active: true}
			if !yield(p, nil) {
				return
			}
		}
	}, store.ImportOptions{})
	if err != nil {
		tb.Fatal(err)
	}
	all, _, err := s.People(ctx, survey.DefaultOrganisation, store.PeopleQuery{})
	if err != nil || len(all) != people {
		tb.Fatalf("%d people, %v; want %d", len(all), err, people)
	}
	now := time.Now()
	wave := occasion().Wave
	wave.ID, wave.Organisation, wave.Version, wave.Audience, wave.State, wave.Slug = 0, survey.DefaultOrganisation, version.ID, survey.Internal, survey.WaveDraft, "mailed"
	wave.Comments, wave.Closes, wave.Created = 10, nil, now
	if err := s.CreateWave(ctx, &wave); err != nil {
		tb.Fatal(err)
	}
	wave.Launched = &now
	st := stationery(tb)
	letters := []survey.Letter{st.Letter(survey.InvitationLetter), st.Letter(survey.ReminderLetter)}
	mailings := []survey.Mailing{{Organisation: wave.Organisation, Wave: wave.ID, Kind: survey.InvitationLetter, At: now.Add(-time.Minute), State: survey.MailingPlanned}}
	_, err = s.LaunchWave(ctx, wave, func(yield func(store.NewInvitation, error) bool) {
		for _, p := range all {
			var id [16]byte
			_, _ = rand.Read(id[:])
			i := survey.Invitation{ID: survey.InvitationID(hex.EncodeToString(id[:])), Organisation: wave.Organisation, Wave: wave.ID, Person: p.ID, Language: p.Language}
			if !yield(store.NewInvitation{Invitation: i, TokenHash: HashToken(string(i.ID))}, nil) {
				return
			}
		}
	}, letters, mailings)
	if err != nil {
		tb.Fatal(err)
	}
	return wave
}

// testMailer returns a Mailer on a database that sends by one server.
func testMailer(tb testing.TB, s *store.Store, server Server) *Mailer {
	tb.Helper()
	m, err := NewMailer(MailerOptions{
		Outbox: s, Servers: []Server{server}, Stationery: stationery(tb), Base: "https://survey.example.org", Now: time.Now, Random: rand.Reader,
		Token: func(id survey.InvitationID) string { return string(id) }, Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
	})
	if err != nil {
		tb.Fatal(err)
	}
	return m
}

// sendAll runs a Mailer until no mail of the wave waits any more.
func sendAll(tb testing.TB, s *store.Store, m *Mailer, wave survey.WaveID) {
	tb.Helper()
	ctx, cancel := context.WithCancel(tb.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- m.Run(ctx) }()
	for late := time.After(5 * time.Minute); ; {
		mailings, err := s.Mailings(ctx, survey.DefaultOrganisation, wave)
		if err != nil {
			tb.Fatal(err)
		}
		if len(mailings) > 0 && mailings[0].State == survey.MailingDone {
			break
		}
		select {
		case err := <-ended:
			tb.Fatalf("the mailer ended: %v", err)
		case <-late:
			tb.Fatalf("after 5 minutes the mailing is %+v", mailings)
		case <-time.After(50 * time.Millisecond):
		}
	}
	cancel()
	if err := <-ended; err != nil {
		tb.Error(err)
	}
}

// TestMailerProcess is the program that is killed: it does nothing unless [TestMailerKilled] starts it.
func TestMailerProcess(t *testing.T) {
	dsn := os.Getenv(mailerDSN)
	if dsn == "" {
		t.Skip("started by TestMailerKilled")
	}
	s := storetest.Open(t, dsn)
	server, err := ParseServer(os.Getenv(mailerServer))
	if err != nil {
		t.Fatal(err)
	}
	wave, err := strconv.ParseInt(os.Getenv(mailerWave), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	m := testMailer(t, s, server)
	sendAll(t, s, m, survey.WaveID(wave))
}

// TestMailerKilled kills the program that sends 10,000 mails (2,000 with -short) five times without warning, while
// connections are in all stages. Every person gets her mail. Those that get it twice are no more than were in flight
// when it was killed, and both have the same Message-ID.
func TestMailerKilled(t *testing.T) {
	t.Parallel()
	people := 10_000
	if testing.Short() {
		people = 2_000
	}
	for name, dsnOf := range map[string]func(testing.TB) string{"sqlite": storetest.SQLite, "postgres": storetest.Postgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dsn := dsnOf(t)
			s, err := store.Open(t.Context(), dsn, slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			if _, _, err := s.Migrate(t.Context()); err != nil {
				t.Fatal(err)
			}
			wave := invited(t, s, people)
			if err := s.Close(); err != nil { // the process that is killed is to be the one that has it
				t.Fatal(err)
			}
			reached := make(chan int, people*2)
			office := startPostOffice(t, &postOffice{}, func(server *smtp.Server) { server.MaxMessageBytes = 1 << 20 })
			office.onData = func(_ string, read bool, _ net.Conn) error {
				if read {
					office.mu.Lock()
					defer office.mu.Unlock()
					reached <- len(office.taken)
				}
				return nil
			}
			setting := office.setting("smtp", fmt.Sprintf("&connections=%d", connectionsOfKilled))
			const kills = 5
			for kill := range kills {
				killMailer(t, dsn, setting, wave.ID, reached, people*(kill+1)/(kills+2))
			}
			if err := startMailer(t, dsn, setting, wave.ID).Wait(); err != nil {
				t.Fatalf("the last program ended with %v", err)
			}
			verifyMailed(t, storetest.Open(t, dsn), wave, office.mails(), people, kills)
		})
	}
}

func startMailer(t *testing.T, dsn, setting string, wave survey.WaveID) *exec.Cmd {
	t.Helper()
	mailer := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestMailerProcess$", "-test.timeout=9m")
	mailer.Env = append(os.Environ(), mailerDSN+"="+dsn, mailerServer+"="+setting, fmt.Sprintf("%s=%d", mailerWave, wave))
	mailer.Stderr = os.Stderr
	if err := mailer.Start(); err != nil {
		t.Fatal(err)
	}
	return mailer
}

// killMailer starts the program and kills it at the moment when the server has so many mails.
func killMailer(t *testing.T, dsn, setting string, wave survey.WaveID, reached <-chan int, at int) {
	t.Helper()
	mailer := startMailer(t, dsn, setting, wave)
	ended := make(chan error, 1)
	go func() { ended <- mailer.Wait() }()
	for late := time.After(2 * time.Minute); ; {
		select {
		case <-late:
			t.Fatalf("within two minutes the server did not get %d mails", at)
		case n := <-reached:
			if n < at {
				continue
			}
			if err := mailer.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			if err := <-ended; err == nil || !strings.Contains(err.Error(), "killed") {
				t.Fatalf("the program ended with %v; want it killed", err)
			}
			return
		case err := <-ended:
			t.Fatalf("the program ended by itself: %v", err)
		}
	}
}

// verifyMailed holds what the server has to what people were to get, and what is noted to both.
func verifyMailed(t *testing.T, s *store.Store, wave survey.Wave, mails []takenMail, people, kills int) {
	t.Helper()
	idOf := make(map[string]string, people) // by address
	repeated := 0
	for _, m := range mails {
		if id, ok := idOf[m.to]; ok {
			repeated++
			if id != m.messageID {
				t.Errorf("%s got one mail as %s and as %s", m.to, id, m.messageID)
			}
		}
		idOf[m.to] = m.messageID
	}
	distinct := make(map[string]bool)
	for id := range maps.Values(idOf) {
		distinct[id] = true
	}
	if len(idOf) != people || len(distinct) != people {
		t.Errorf("%d people got mail, under %d Message-IDs; want %d", len(idOf), len(distinct), people)
	}
	if limit := kills * connectionsOfKilled; repeated > limit {
		t.Errorf("%d mails were sent twice; want no more than the %d in flight", repeated, limit)
	}
	mailings, err := s.Mailings(t.Context(), survey.DefaultOrganisation, wave.ID)
	if err != nil {
		t.Fatal(err)
	}
	if m := mailings[0]; m.State != survey.MailingDone || m.Queued != people || m.Sent != people || m.Failed != 0 {
		t.Errorf("the mailing is %+v; want %d sent", m, people)
	}
	all, total, err := s.Invitations(t.Context(), wave.Organisation, wave.ID, store.InvitationQuery{})
	if err != nil || total != people {
		t.Fatalf("%d invitations, %v; want %d", total, err, people)
	}
	for _, i := range all {
		if i.Invited == nil || i.Failed != "" {
			t.Fatalf("%s is not noted as invited: %+v", i.Person.Key, i.Invitation)
		}
	}
	t.Logf("%d mails to %d people; the program was killed %d times, %d mails were repeated", len(mails), people, kills, repeated)
}

// BenchmarkSend sends 2,000 mails over 5 connections by TLS to a server on loopback, written and noted one by one.
func BenchmarkSend(b *testing.B) {
	const people = 2_000
	for name, open := range storetest.Engines() {
		b.Run(name, func(b *testing.B) {
			office := startPostOffice(b, &postOffice{})
			sent := 0
			for b.Loop() {
				b.StopTimer()
				s := open(b)
				wave := invited(b, s, people)
				m := testMailer(b, s, office.server(b, "&connections=5"))
				b.StartTimer()
				sendAll(b, s, m, wave.ID)
				sent += people
			}
			if got := len(office.mails()); got != sent || office.mostOpen > 5 {
				b.Errorf("the server has %d mails of %d, over %d connections at once", got, sent, office.mostOpen)
			}
			b.ReportMetric(float64(sent)/b.Elapsed().Seconds(), "mails/s")
		})
	}
}
