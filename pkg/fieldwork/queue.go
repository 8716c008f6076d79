package fieldwork

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	netmail "net/mail"
	"net/url"
	"strings"
	"sync"
	"time"

	"cxmirror/pkg/survey"
)

// Outbox is the queue of mails in the database, and what is needed to write them. *store.Store is one.
type Outbox interface {
	BounceBook

	DueMailings(ctx context.Context, now time.Time) ([]survey.Mailing, error)
	StartMailing(ctx context.Context, organisation survey.OrganisationID, id survey.MailingID, messageID func() string, now time.Time) (queued int, err error)
	CancelMailing(ctx context.Context, organisation survey.OrganisationID, id survey.MailingID) error

	JoinSenders(ctx context.Context) (survey.SenderID, error)
	BeatSender(ctx context.Context, id survey.SenderID) error
	LeaveSenders(ctx context.Context, id survey.SenderID) error
	Senders(ctx context.Context) ([]survey.Sender, error)
	DropSender(ctx context.Context, seen survey.Sender) error

	MailsWait(ctx context.Context, now time.Time) (bool, error)
	ClaimMails(ctx context.Context, sender survey.SenderID, now time.Time, limit int) ([]survey.Mail, error)
	ClaimedMail(ctx context.Context, organisation survey.OrganisationID, sender survey.SenderID, id int64, now time.Time) (survey.Mail, error)
	MailSent(ctx context.Context, organisation survey.OrganisationID, id int64, now time.Time) error
	MailDeferred(ctx context.Context, organisation survey.OrganisationID, sender survey.SenderID, id int64, until time.Time, reason string) error
	MailFailed(ctx context.Context, organisation survey.OrganisationID, id int64, reason string) error
	ReleaseMails(ctx context.Context, organisation survey.OrganisationID, sender survey.SenderID, ids []int64, until time.Time) error

	Wave(ctx context.Context, organisation survey.OrganisationID, id survey.WaveID) (survey.Wave, error)
	Version(ctx context.Context, organisation survey.OrganisationID, id survey.VersionID) (survey.Version, error)
	Letters(ctx context.Context, organisation survey.OrganisationID, wave survey.WaveID) ([]survey.Letter, error)
}

// MailerOptions are what a [Mailer] needs.
type MailerOptions struct {
	Outbox     Outbox
	Servers    []Server // none: mailings stay planned until there is one
	Stationery *Stationery
	Base       string                           // address of the service as people reach it, "https://survey.example.org"
	Token      func(survey.InvitationID) string // the secret part of personal links
	Now        func() time.Time
	Random     io.Reader // of the IDs of messages
	Log        *slog.Logger

	Colours func(context.Context, survey.OrganisationID) (Colours, error) // of an organisation's letters; nil: the product's own
}

// Mailer sends what is in the queue. Several programs may run one each on the same database: a mail is sent by
// the one that has claimed it.
//
// A mail is claimed, written from what is true at that moment, handed to a server, and noted. A program says every
// second that it lives and keeps its claims, however long a server takes. One that ends in between loses nothing:
// within seconds others see that it is silent and take its mails. Only a mail that a server had taken when the
// program ended before it could note that is sent once more, with the Message-ID it had, by which mail programs
// tell that it is the same.
//
// Programs that send at the same time share what the limits of a server allow, in equal parts. How many connections
// a server may have is for each of them.
//
// What is logged holds no address, no name and no link.
type Mailer struct {
	MailerOptions

	desks      []*desk
	tray       *tray
	here       *presence
	newCourier func(Server) courier // other couriers are those of tests

	mu       sync.Mutex
	cases    map[survey.WaveID]*briefed
	troubled map[survey.WaveID]time.Time // until when it was said that mails of a wave cannot be written
}

// How a Mailer goes about its work.
const (
	pollEvery    = 5 * time.Second  // how soon is seen what another program planned
	holdFor      = 2 * time.Minute  // how long a claimed mail may wait for its turn
	stopWithin   = 20 * time.Second // how long mails that are being sent may take once the program is to end
	idleFor      = 20 * time.Second // how long a connection is kept without a mail
	rememberWave = 15 * time.Second // how soon a change of letters or quiet hours is seen
	repairWithin = 15 * time.Minute // how soon a mail is tried again that could not be written
)

// NewMailer returns a Mailer; it begins to work with [Mailer.Run].
func NewMailer(o MailerOptions) (*Mailer, error) {
	base, err := url.Parse(o.Base)
	if err != nil || base.Host == "" || (base.Scheme != "http" && base.Scheme != "https") || base.RawQuery != "" || base.Fragment != "" {
		return nil, fmt.Errorf("address of the service in mails: %q is not one such as https://survey.example.org", o.Base)
	}
	o.Base = strings.TrimRight(o.Base, "/")
	m := &Mailer{MailerOptions: o, newCourier: newCourier, cases: make(map[survey.WaveID]*briefed), troubled: make(map[survey.WaveID]time.Time)}
	connections := 0
	for _, s := range o.Servers {
		m.desks = append(m.desks, &desk{server: s, meter: newMeter(s.limits), state: ServerRunning})
		connections += s.connections
	}
	m.here = &presence{outbox: o.Outbox, now: o.Now, log: o.Log, freed: m.Wake, share: m.share}
	m.tray = &tray{outbox: o.Outbox, now: o.Now, log: o.Log, here: m.here, hold: holdFor, batch: 2 * connections, woken: make(chan struct{})}
	return m, nil
}

// deliverWithin returns how long the delivery of one mail may take, from connecting to the last answer.
func deliverWithin(s Server) time.Duration { return s.timeout + min(s.timeout, connectTimeout) }

// Wake makes a running Mailer look into the queue at once: something was planned just now.
func (m *Mailer) Wake() { m.tray.wake() }

// share divides what the limits of the servers allow among so many programs.
func (m *Mailer) share(programs int) {
	for _, d := range m.desks {
		d.meter.shareAmong(programs)
	}
}

// Run starts mailings when they are due and sends their mails, until the context ends. Then it finishes the mails
// that are being sent and gives the others back. It returns nil when it was asked to end.
func (m *Mailer) Run(ctx context.Context) error {
	if len(m.desks) == 0 {
		<-ctx.Done()
		return nil
	}
	sending, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(stopWithin, stop) })()
	var work sync.WaitGroup
	work.Go(func() {
		for ctx.Err() == nil {
			m.startDue(ctx)
			m.tray.wait(ctx, pollEvery)
		}
	})
	living, rest := context.WithCancel(sending) // as long as there is something to send
	var lifeline sync.WaitGroup
	lifeline.Go(func() { m.here.run(living) })
	for _, d := range m.desks {
		for range d.server.connections {
			work.Go(func() { m.line(ctx, sending, d) })
		}
	}
	work.Wait()
	rest()
	lifeline.Wait()
	return m.tray.giveBack(sending)
}

// startDue starts the mailings whose time has come, unless it is night where they go to.
func (m *Mailer) startDue(ctx context.Context) {
	due, err := m.Outbox.DueMailings(ctx, m.Now())
	if err != nil && ctx.Err() == nil {
		m.Log.ErrorContext(ctx, "mailings that are due cannot be read", "error", err)
	}
	for _, mailing := range due {
		if err := m.start(ctx, mailing); err != nil && ctx.Err() == nil && !errors.Is(err, survey.ErrConflict) {
			m.Log.ErrorContext(ctx, "a mailing cannot be started", "mailing", mailing.ID, "wave", mailing.Wave, "error", err)
		}
	}
}

func (m *Mailer) start(ctx context.Context, mailing survey.Mailing) error {
	now := m.Now()
	wave, err := m.Outbox.Wave(ctx, mailing.Organisation, mailing.Wave)
	if err != nil {
		return err
	}
	if _, quiet := quietUntil(wave, now); quiet {
		return nil
	}
	switch err := wave.Takes(now, 0); {
	case errors.Is(err, survey.ErrClosed):
		m.Log.InfoContext(ctx, "mailing cancelled: the wave is closed", "mailing", mailing.ID, "wave", mailing.Wave)
		return m.Outbox.CancelMailing(ctx, mailing.Organisation, mailing.ID)
	case err != nil:
		return nil //nolint:nilerr // not open yet: the mailing waits
	}
	var seed [32]byte
	if _, err := io.ReadFull(m.Random, seed[:]); err != nil {
		return fmt.Errorf("random bytes: %w", err)
	}
	queued, err := m.Outbox.StartMailing(ctx, mailing.Organisation, mailing.ID, messageIDs(seed, m.domain()), now)
	if err != nil {
		return err
	}
	m.Log.InfoContext(ctx, "mailing started", "mailing", mailing.ID, "wave", mailing.Wave, "kind", mailing.Kind, "mails", queued)
	m.tray.wake()
	return nil
}

// messageIDs returns a source of Message-IDs without angle brackets: 128 bits that nobody guesses, and a domain.
func messageIDs(seed [32]byte, domain string) func() string {
	random := rand.NewChaCha8(seed)
	return func() string {
		var id [16]byte
		_, _ = random.Read(id[:]) // never fails
		return hex.EncodeToString(id[:]) + "@" + domain
	}
}

// domain returns that of the first server's sender, in which Message-IDs are made.
func (m *Mailer) domain() string {
	from := m.desks[0].server.from.Address
	return from[strings.LastIndex(from, "@")+1:]
}

// line sends mails over one connection, one after the other, until ctx ends. What is being sent then goes on
// until sending ends.
func (m *Mailer) line(ctx, sending context.Context, d *desk) {
	courier := m.newCourier(d.server)
	defer courier.close()
	lastMail := m.Now()
	for ctx.Err() == nil {
		if m.Now().Sub(lastMail) > idleFor {
			courier.close()
		}
		if wait := d.admit(m.Now()); wait > 0 {
			pause(ctx, min(wait, idleFor))
			continue
		}
		mail, ok := m.tray.take(ctx)
		if !ok {
			d.withdraw()
			m.tray.wait(ctx, pollEvery)
			continue
		}
		if wait := d.meter.begin(m.Now()); wait > 0 { // another line was faster
			m.tray.put(mail)
			d.withdraw()
			pause(ctx, min(wait, time.Second))
			continue
		}
		m.send(sending, d, courier, mail)
		lastMail = m.Now()
	}
}

// send writes one mail, hands it to a server and notes what came of it.
func (m *Mailer) send(ctx context.Context, d *desk, courier courier, mail claimed) {
	env, message, later, err := m.prepare(ctx, d.server, mail)
	switch {
	case errors.Is(err, ErrBadAddress):
		d.withdraw()
		m.note(ctx, mail, func(ctx context.Context) error {
			return m.Outbox.MailFailed(ctx, mail.Person.Organisation, mail.ID, ErrBadAddress.Error())
		})
		return
	case err != nil:
		if m.firstTrouble(mail.Wave) {
			m.Log.ErrorContext(ctx, "mails of a wave cannot be written", "mail", mail.ID, "wave", mail.Wave, "again_in", repairWithin, "error", err)
		}
		later = m.Now().Add(repairWithin)
	}
	if !later.IsZero() {
		d.withdraw()
		m.note(ctx, mail, func(ctx context.Context) error {
			return m.Outbox.ReleaseMails(ctx, mail.Person.Organisation, mail.by, []int64{mail.ID}, later)
		})
		return
	}
	delivering, cancel := context.WithTimeout(ctx, deliverWithin(d.server))
	o := courier.deliver(delivering, env, message)
	cancel()
	now := m.Now()
	o = d.judge(ctx, m.Log, o, now)
	if o.verdict != accepted {
		m.Log.InfoContext(ctx, "mail not accepted", "mail", mail.ID, "wave", mail.Wave, "server", d.server.Name(), "answer", o.brief(), "attempt", mail.Attempts+1)
	}
	m.note(ctx, mail, func(ctx context.Context) error { return m.settle(ctx, d, mail, o, now) })
}

// firstTrouble reports whether this is the first mail of a wave for a while that cannot be written: what is wrong
// is the same for all of them, and said once.
func (m *Mailer) firstTrouble(wave survey.WaveID) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.Now()
	if now.Before(m.troubled[wave]) {
		return false
	}
	m.troubled[wave] = now.Add(repairWithin)
	return true
}

// prepare writes a mail. later is set, and the mail is not to be sent now, while it is night where it goes to or
// its wave takes no answers, and where it is not wanted any more: who claims it then drops it, or finds that its
// organisation is archived.
func (m *Mailer) prepare(ctx context.Context, s Server, claim claimed) (env envelope, message []byte, later time.Time, err error) {
	mail, err := m.Outbox.ClaimedMail(ctx, claim.Person.Organisation, claim.by, claim.ID, m.Now())
	switch {
	case errors.Is(err, survey.ErrConflict), errors.Is(err, survey.ErrNotFound):
		return envelope{}, nil, m.Now(), nil
	case errors.Is(err, survey.ErrUnavailable): // the claim is given back as soon as the database is there
		return envelope{}, nil, m.Now().Add(pollEvery), nil
	case err != nil:
		return envelope{}, nil, time.Time{}, err
	}
	b, err := m.brief(ctx, mail)
	if err != nil {
		return envelope{}, nil, time.Time{}, err
	}
	now := m.Now()
	if until, quiet := quietUntil(b.about.Wave, now); quiet {
		return envelope{}, nil, until, nil
	}
	if err := b.about.Wave.Takes(now, 0); err != nil {
		return envelope{}, nil, now.Add(rememberWave), nil //nolint:nilerr // the queue drops mails of a closed wave; one not open yet waits
	}
	letter, ok := b.letters[mail.Kind]
	if !ok {
		return envelope{}, nil, time.Time{}, fmt.Errorf("the wave has no letter for the %s", mail.Kind)
	}
	written, err := m.Stationery.write(b.about, letter, recipient{
		name: mail.Person.Name, language: mail.Language, token: m.Token(mail.Invitation),
	})
	if err != nil {
		return envelope{}, nil, time.Time{}, err
	}
	to := netmail.Address{Name: mail.Person.Name, Address: mail.Person.Address}
	env, message, err = compose(s, written, to, mail.MessageID, now)
	return env, message, time.Time{}, err
}

// settle writes into the queue what came of an attempt.
func (m *Mailer) settle(ctx context.Context, d *desk, mail claimed, o outcome, now time.Time) error {
	switch o.verdict {
	case accepted:
		return m.Outbox.MailSent(ctx, mail.Person.Organisation, mail.ID, now)
	case mailRefused:
		if o.badAddress() {
			_, err := m.Outbox.NoteBounce(ctx, mail.Person.Organisation, mail.Person.Address, true, o.reason, mail.MessageID, now)
			if err != nil && !errors.Is(err, survey.ErrNotFound) {
				return err
			}
		}
		return m.Outbox.MailFailed(ctx, mail.Person.Organisation, mail.ID, o.reason)
	case mailDeferred, policyRefused:
		wait, again := pauseAfter(mail.Attempts, o.verdict)
		if !again {
			return m.Outbox.MailFailed(ctx, mail.Person.Organisation, mail.ID, notAcceptedAfter(mail.Attempts+1, o.reason))
		}
		return m.Outbox.MailDeferred(ctx, mail.Person.Organisation, mail.by, mail.ID, now.Add(wait), o.reason)
	case serverPaused, serverStopped:
		return m.Outbox.ReleaseMails(ctx, mail.Person.Organisation, mail.by, []int64{mail.ID}, now)
	}
	return fmt.Errorf("mail %d at %s: no such verdict %d", mail.ID, d.server.Name(), o.verdict)
}

// pauseAfter returns how long a mail waits that was not taken, and whether it is tried again: after 2, 4, 8 ...
// minutes, later every 6 hours, for two days. One that was refused by a rule is tried three times.
func pauseAfter(attempts int, why verdict) (wait time.Duration, again bool) {
	const first, longest, all = 2 * time.Minute, 6 * time.Hour, 48 * time.Hour
	if why == policyRefused && attempts >= 2 {
		return 0, false
	}
	waited := time.Duration(0)
	wait = first
	for range attempts {
		waited += wait
		wait = min(2*wait, longest)
	}
	return wait, waited+wait <= all
}

// note makes a note in the queue, and tries again while the database does not answer: a mail that was sent and is
// not noted would be sent again. The notes of a program that is to end are made, too. A mail of which nothing can be
// noted stays claimed for as long as the program runs.
func (m *Mailer) note(ctx context.Context, mail claimed, write func(context.Context) error) {
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		err := write(context.WithoutCancel(ctx))
		if err == nil || errors.Is(err, survey.ErrNotFound) { // erased meanwhile: there is nothing to note it of
			m.here.settled(mail.by, 1)
			return
		}
		if !errors.Is(err, survey.ErrUnavailable) || ctx.Err() != nil {
			m.Log.ErrorContext(ctx, "what came of a mail cannot be noted; it may be sent again after the next start", "mail", mail.ID, "wave", mail.Wave, "error", err)
			return
		}
		pause(ctx, wait)
	}
}

// briefed is what letters of a wave are written from, as of a moment.
type briefed struct {
	about   Occasion
	letters map[survey.LetterKind]survey.Letter
	until   time.Time // it is good for
}

// brief returns what a mail is written from.
func (m *Mailer) brief(ctx context.Context, mail survey.Mail) (*briefed, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if b := m.cases[mail.Wave]; b != nil && m.Now().Before(b.until) {
		return b, nil
	}
	wave, err := m.Outbox.Wave(ctx, mail.Person.Organisation, mail.Wave)
	if err != nil {
		return nil, err
	}
	version, err := m.Outbox.Version(ctx, wave.Organisation, wave.Version)
	if err != nil {
		return nil, err
	}
	q, err := version.Questionnaire()
	if err != nil {
		return nil, err
	}
	letters, err := m.Outbox.Letters(ctx, wave.Organisation, wave.ID)
	if err != nil {
		return nil, err
	}
	var colours Colours
	if m.Colours != nil {
		if colours, err = m.Colours(ctx, wave.Organisation); err != nil {
			return nil, err
		}
	}
	b := &briefed{
		about:   Occasion{Wave: wave, Title: q.Title, Base: m.Base, Colours: colours},
		letters: make(map[survey.LetterKind]survey.Letter), until: m.Now().Add(rememberWave),
	}
	for _, letter := range letters {
		b.letters[letter.Kind] = letter
	}
	m.cases[mail.Wave] = b
	return b, nil
}

// SendTest sends a letter to one address at once, as a person who reads a language would get it, by the first
// server that can be used. Its subject says that it is a test, and its link leads to no survey. An error says
// what the server answered.
func (m *Mailer) SendTest(ctx context.Context, about Occasion, letter survey.Letter, lang survey.Language, to string) error {
	if len(m.desks) == 0 {
		return errors.New("test mail: no server for mail is set up")
	}
	about.Base = m.Base
	written, err := m.Stationery.Preview(about, letter, lang)
	if err != nil {
		return fmt.Errorf("test mail: %w", err)
	}
	written.Subject = m.Stationery.phrases.Say(written.Language, "test", nil) + " " + written.Subject
	server, o, err := m.sendNow(ctx, written, netmail.Address{Address: to}, 0)
	if err != nil {
		return fmt.Errorf("test mail: %w", err)
	}
	if o.verdict != accepted {
		return &TestMailError{Server: server.Name(), Stage: string(o.stage), Reason: o.reason}
	}
	return nil
}

// pause waits, or until the context ends.
func pause(ctx context.Context, wait time.Duration) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
