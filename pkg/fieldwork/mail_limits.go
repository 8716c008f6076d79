package fieldwork

import (
	"sync"
	"time"
)

// meter holds what is sent to the limits of a server: in no stretch of time as long as a limit's are more mails
// begun than it allows. It is exact, where a bucket that fills anew would let almost twice as many through.
type meter struct {
	mu      sync.Mutex
	windows []window
}

// window remembers when the last mails were begun, as many as its limit has.
type window struct {
	limit

	begun []time.Time // a ring, the oldest at next once it is full
	next  int
}

func newMeter(limits []limit) *meter {
	m := &meter{}
	for _, l := range limits {
		m.windows = append(m.windows, window{limit: l})
	}
	return m
}

// begin notes that a mail is begun now and returns 0, or returns how long to wait before asking again.
func (m *meter) begin(now time.Time) (wait time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range m.windows {
		w := &m.windows[i]
		if len(w.begun) == w.mails {
			wait = max(wait, w.begun[w.next].Add(w.per).Sub(now))
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
		w := &m.windows[i]
		if len(w.begun) == w.mails {
			if end := w.begun[w.next].Add(w.per); end.After(now) && end.After(until) {
				until, ok = end, true
			}
		}
	}
	return until, ok
}
