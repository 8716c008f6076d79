package web

import (
	"fmt"
	"sync"
	"time"

	"github.com/labstack/echo/v4"
)

// How long it is remembered who was shown what, and how much of it. What is forgotten stands in the audit trail once more.
const (
	lookedFor  = time.Hour
	lookedHeld = 10_000
)

// looked remembers who was shown which results on a page: its script asks for the pictures of them once more, laid out
// for the width of the window, and that is no second look. Who asks for pictures without having been shown the page
// looks at results like anybody. Each server remembers for itself, in memory.
type looked struct {
	mu sync.Mutex
	at map[string]time.Time // by who and what
}

func newLooked() *looked { return &looked{at: make(map[string]time.Time)} }

// lookOf names who looks at what.
func lookOf(c echo.Context, ch *chosen) string {
	actor := actorOf(c)
	return fmt.Sprintf("%d %d %v %s", actor.User.ID, actor.Organisation.ID, actor.Token != nil, ch.query().Encode())
}

// note keeps that somebody was shown something.
func (l *looked) note(look string, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.at) >= lookedHeld {
		clear(l.at)
	}
	l.at[look] = now
}

// lately reports whether somebody was shown something a while ago at most.
func (l *looked) lately(look string, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	at, known := l.at[look]
	return known && !now.Before(at) && now.Sub(at) <= lookedFor
}
