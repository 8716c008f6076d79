package fieldwork

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// ServerState says whether a server for mail is used.
type ServerState string

// The states of a server.
const (
	ServerRunning ServerState = "running"
	ServerWaiting ServerState = "waiting" // as many mails as its limits allow were sent
	ServerPaused  ServerState = "paused"  // it cannot be reached, or has asked for time
	ServerStopped ServerState = "stopped" // it refuses the program itself: somebody must look at its setting
)

// ServerStatus is how a server for mail does, since the program was started.
type ServerStatus struct {
	Name     string
	State    ServerState
	Until    time.Time // when it is tried again; zero while it is running
	Reason   string    // why it is not running: what the server said
	Sent     int       // mails that it took
	Deferred int       // attempts after which a mail waits
	Refused  int       // mails that it will never take
}

// Status returns how each server does, in the order of the settings.
func (m *Mailer) Status() []ServerStatus {
	all := make([]ServerStatus, len(m.desks))
	for i, d := range m.desks {
		all[i] = d.status(m.Now())
	}
	return all
}

// refusalsInARow are so many refusals by rule, without a mail taken in between, that it is not the mails.
const refusalsInARow = 5

// stoppedFor is how long a stopped server is left alone. Then one mail tries whether it was mended meanwhile.
const stoppedFor = 30 * time.Minute

// desk is a server and how it does.
type desk struct {
	server Server
	meter  *meter

	mu       sync.Mutex
	state    ServerState // running, paused or stopped
	until    time.Time
	reason   string
	trouble  int  // pauses in a row
	refusals int  // by rule, in a row
	trying   bool // one mail tries whether the server can be used again

	sent, deferred, refused int
}

// admit returns 0 if a mail may be sent, or how long to wait before asking again. Whoever is admitted calls judge
// or withdraw.
func (d *desk) admit(now time.Time) (wait time.Duration) {
	if until, full := d.meter.full(now); full {
		return until.Sub(now)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.state == ServerRunning:
		return 0
	case now.Before(d.until):
		return d.until.Sub(now)
	case d.trying:
		return time.Second
	}
	d.trying = true
	return 0
}

// withdraw ends an admission that came to no attempt.
func (d *desk) withdraw() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.trying = false
}

// judge notes what the outcome of an attempt says of the server, and returns the outcome as it is to be taken for
// the mail.
func (d *desk) judge(ctx context.Context, log *slog.Logger, o outcome, now time.Time) outcome {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.trying = false
	switch o.verdict {
	case accepted:
		if d.state != ServerRunning {
			log.InfoContext(ctx, "server for mail is used again", "server", d.server.Name())
		}
		d.sent++
		d.state, d.reason, d.until, d.trouble, d.refusals = ServerRunning, "", time.Time{}, 0, 0
	case mailRefused: // the server works, and knows this address better
		d.refused++
		d.resume(now)
	case mailDeferred:
		d.deferred++
		if !o.lost {
			d.resume(now)
			break
		}
		// Nothing tells whether it is the mail or the server: both wait.
		d.rest(ctx, log, o, now)
	case policyRefused:
		d.deferred++
		if d.refusals++; d.refusals >= refusalsInARow {
			o.reason = fmt.Sprintf("%d mails in a row were refused, the last with: %s", d.refusals, o.reason)
			d.stop(ctx, log, o, now)
		} else {
			d.resume(now)
		}
	case serverPaused:
		d.rest(ctx, log, o, now)
	case serverStopped:
		d.stop(ctx, log, o, now)
	}
	return o
}

// resume notes that the server has answered about a mail. A stopped one stays stopped until it takes one.
func (d *desk) resume(now time.Time) {
	switch d.state {
	case ServerPaused:
		d.state, d.reason, d.until = ServerRunning, "", time.Time{}
	case ServerStopped:
		d.until = now.Add(time.Minute)
	case ServerRunning, ServerWaiting:
	}
	d.trouble = 0
}

// rest leaves the server alone for 1, 2, 4 ... seconds, at most 5 minutes. Of many lines that meet the same
// trouble at once one counts.
func (d *desk) rest(ctx context.Context, log *slog.Logger, o outcome, now time.Time) {
	if d.state != ServerRunning && now.Before(d.until) {
		return
	}
	wait := min(time.Second<<min(d.trouble, 10), 5*time.Minute)
	d.trouble++
	d.until = now.Add(wait)
	if d.state == ServerStopped { // and stays so: that it cannot be reached now does not mend it
		return
	}
	d.state, d.reason = ServerPaused, o.reason
	log.WarnContext(ctx, "server for mail cannot be used now", "server", d.server.Name(), "answer", o.brief(), "again_in", wait)
}

func (d *desk) stop(ctx context.Context, log *slog.Logger, o outcome, now time.Time) {
	if d.state == ServerStopped && now.Before(d.until) {
		return
	}
	d.state, d.until, d.reason, d.refusals = ServerStopped, now.Add(stoppedFor), o.reason, 0
	log.ErrorContext(ctx, "server for mail stopped: it refuses what this program sends; check its setting", "server", d.server.Name(), "answer", o.brief(), "again_in", stoppedFor)
}

func (d *desk) status(now time.Time) ServerStatus {
	d.mu.Lock()
	s := ServerStatus{
		Name: d.server.Name(), State: d.state, Until: d.until, Reason: d.reason,
		Sent: d.sent, Deferred: d.deferred, Refused: d.refused,
	}
	d.mu.Unlock()
	if s.State == ServerRunning {
		if until, full := d.meter.full(now); full && until.Sub(now) > time.Minute {
			s.State, s.Until = ServerWaiting, until
		}
	}
	return s
}
