package fieldwork

import (
	"context"
	"errors"
	"fmt"
	"io"
	netmail "net/mail"
	"time"

	"cxmirror/pkg/survey"
)

// Notice is a mail about somebody's own account, which no mailing plans and nobody unsubscribes from.
type Notice struct {
	Address  string
	Name     string // may be ""
	Language survey.Language
	Subject  string // one line
	Text     string // lines parted by "\n"
	HTML     string // a whole document that loads nothing
}

// noticePatience is how long a notice waits for its turn among the mails of a mailing that uses a server's limits up.
const noticePatience = time.Minute

// noticeFrom is whom notices are from where the server's setting has an address alone.
const noticeFrom = "cxmirror"

// Notify sends a notice past the queue, by the first server that can be used. An error may be logged: it does not say to
// whom the notice was.
func (m *Mailer) Notify(ctx context.Context, n Notice) error {
	if len(m.desks) == 0 {
		return errors.New("notice: no server for mail is set up")
	}
	written := Written{Language: n.Language, Subject: survey.OneLine(n.Subject), Text: n.Text, HTML: n.HTML, asker: noticeFrom}
	server, o, err := m.sendNow(ctx, written, netmail.Address{Name: n.Name, Address: n.Address}, noticePatience)
	if err != nil {
		return fmt.Errorf("notice: %w", err)
	}
	if o.verdict != accepted {
		return fmt.Errorf("notice: %s did not accept it: %s", server.Name(), o.brief())
	}
	return nil
}

// turn notes that a mail is begun when the limits of a server allow one, and returns 0; or how long that would take,
// if it is longer than patience.
func (m *Mailer) turn(ctx context.Context, d *desk, patience time.Duration) (wait time.Duration) {
	for wait = d.meter.begin(m.Now()); wait > 0 && wait <= patience && ctx.Err() == nil; wait = d.meter.begin(m.Now()) {
		pause(ctx, wait) // then others may have been faster
		patience -= wait
	}
	return wait
}

// sendNow sends one mail past the queue, within the limits of the server that it returns, and returns what came of
// it. Patience is how long it waits for its turn.
func (m *Mailer) sendNow(ctx context.Context, written Written, to netmail.Address, patience time.Duration) (Server, outcome, error) {
	var seed [32]byte
	if _, err := io.ReadFull(m.Random, seed[:]); err != nil {
		return Server{}, outcome{}, fmt.Errorf("random bytes: %w", err)
	}
	d := m.desks[0]
	for _, other := range m.desks {
		if other.status(m.Now()).State == ServerRunning {
			d = other
			break
		}
	}
	env, message, err := compose(d.server, written, to, messageIDs(seed, m.domain())(), m.Now())
	if err != nil {
		return d.server, outcome{}, err
	}
	if wait := m.turn(ctx, d, patience); wait > 0 {
		return d.server, outcome{}, &BusyError{Server: d.server.Name(), Wait: wait}
	}
	courier := m.newCourier(d.server)
	defer courier.close()
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	return d.server, courier.deliver(ctx, env, message), nil
}
