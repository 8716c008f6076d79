package fieldwork

import (
	"sync"
	"time"
)

// meter holds what is sent to the limits of a server: in no stretch of time as long as a limit's are more mails
// begun than it allows. It is exact, where a bucket that fills anew would let almost twice as many through. Of
// programs that share a limit each counts for itself: in the stretch in which one joins, up to its part more may be
// begun than the limit allows.
type meter struct {
	mu       sync.Mutex
	windows  []window
	programs int // that share the limits
}

// window remembers when the last mails were begun, as many as its limit has.
type window struct {
	limit

	begun []time.Time // a ring, the oldest at next once it is full
	next  int
}

func newMeter(limits []limit) *meter {
	m := &meter{programs: 1}
	for _, l := range limits {
		m.windows = append(m.windows, window{limit: l})
	}
	return m
}

// shareAmong divides the limits among so many programs in equal parts.
func (m *meter) shareAmong(programs int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.programs = max(programs, 1)
}

// begin notes that a mail is begun now and returns 0, or returns how long to wait before asking again.
func (m *meter) begin(now time.Time) (wait time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range m.windows {
		if end, ok := m.windows[i].free(m.programs); ok {
			wait = max(wait, end.Sub(now))
		}
	}
	if wait > 0 {
		return wait
	}
	for i := range m.windows {
		w := &m.windows[i]
		if len(w.begun) < w.mails {
			w.begun = append(w.begun, now)
			continue
		}
		w.begun[w.next] = now
		w.next = (w.next + 1) % w.mails
	}
	return 0
}

// full returns until when no mail may be begun, if not now.
func (m *meter) full(now time.Time) (until time.Time, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range m.windows {
		if end, begun := m.windows[i].free(m.programs); begun && end.After(now) && end.After(until) {
			until, ok = end, true
		}
	}
	return until, ok
}

// free returns from when on another mail may be begun; ok is false if so few were that the window does not say. A
// program's part of a limit is whole mails; where it is less than one, it is one in so much longer a time.
func (w *window) free(programs int) (from time.Time, ok bool) {
	part, per := w.mails/programs, w.per
	if part == 0 {
		part, per = 1, w.per*time.Duration(programs)/time.Duration(w.mails)
	}
	n := len(w.begun)
	if n < part {
		return time.Time{}, false
	}
	return w.begun[(w.next+n-part)%n].Add(per), true
}
