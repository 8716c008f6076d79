package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cxmirror/pkg/store"
	"cxmirror/pkg/store/storetest"
	"cxmirror/pkg/survey"
)

// crowd is people who answer one after the other, several at a time, until they are told to stop.
type crowd struct {
	wave   survey.Wave
	q      *survey.Questionnaire
	hosts  func() string
	leave  chan struct{}
	close  sync.Once
	people sync.WaitGroup

	mu     sync.Mutex
	thanks []string  // the comments of those who were thanked
	last   time.Time // when the last of them was
	failed []error
}

func gather(ctx context.Context, at int, wave survey.Wave, q *survey.Questionnaire, hosts func() string) *crowd {
	c := &crowd{wave: wave, q: q, hosts: hosts, leave: make(chan struct{})}
	for i := range at {
		c.people.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-c.leave:
					return
				default:
				}
				comment := fmt.Sprintf("person %d of place %d", n, i)
				err := newRespondent(c.hosts, c.wave.Slug, comment, uint64(1000*i+n)).answer(ctx, c.q)
				c.mu.Lock()
				if err == nil {
					c.thanks, c.last = append(c.thanks, comment), time.Now()
				} else {
					c.failed = append(c.failed, err)
				}
				c.mu.Unlock()
			}
		})
	}
	return c
}

// thanked returns how many were thanked so far.
func (c *crowd) thanked() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.thanks)
}

// leaveAll ends the answering, and waits for those who are at it.
func (c *crowd) leaveAll() {
	c.close.Do(func() { close(c.leave) })
	c.people.Wait()
}

// check ends the answering, and fails the test unless everybody was thanked and is stored once, and nobody else is.
func (c *crowd) check(t *testing.T, db *store.Store) {
	t.Helper()
	c.leaveAll()
	if len(c.failed) > 0 {
		t.Errorf("%d people could not answer to the end; the first: %v", len(c.failed), c.failed[0])
	}
	stored := map[string]int{}
	rows := 0
	for row, err := range db.Answers(t.Context(), survey.DefaultOrganisation, c.wave.ID, store.Mark{}) {
		if err != nil {
			t.Fatal(err)
		}
		answers, err := c.q.ParseAnswers(row.Answers)
		if err != nil {
			t.Fatal(err)
		}
		comment, _ := answers.Value("comment")
		stored[comment.Text]++
		rows++
	}
	for _, comment := range c.thanks {
		if stored[comment] != 1 {
			t.Errorf("%s was thanked and is stored %d times", comment, stored[comment])
		}
	}
	if rows != len(c.thanks) {
		t.Errorf("%d responses are stored, and %d people were thanked", rows, len(c.thanks))
	}
	t.Logf("%d people were thanked, and each is stored once", len(c.thanks))
}

// Whoever was thanked is stored, exactly once, though the server is killed 20 times while people answer. They
// send again what was not answered, as people do.
func TestKilledServersLoseNothing(t *testing.T) {
	for engine, dsn := range databases(t) {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			dsn := dsn(t)
			db, wave, q := opened(t, dsn)
			address := freeAddress(t)
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
			defer cancel()
			people := gather(ctx, 4, wave, q, func() string { return address })
			for range 20 {
				before := people.thanked()
				server := launch(t, "serve", "--dsn", dsn, "--listen", address)
				progress(ctx, t, people, before+3, server)
				server.kill()
			}
			server := launch(t, "serve", "--dsn", dsn, "--listen", address)
			people.check(t, db)
			server.kill()
		})
	}
}

// progress waits until so many were thanked.
func progress(ctx context.Context, t *testing.T, people *crowd, thanked int, servers ...*process) {
	t.Helper()
	for people.thanked() < thanked {
		if ctx.Err() != nil {
			for _, s := range servers {
				t.Log(s.stderr)
			}
			people.mu.Lock()
			defer people.mu.Unlock()
			t.Fatalf("only %d people were thanked: %v", len(people.thanks), errors.Join(people.failed...))
		}
		time.Sleep(time.Millisecond)
	}
}

// Two servers on one PostgreSQL behind a proxy: one is killed, and nobody notices more than a page that takes a
// moment longer. Then PostgreSQL itself is ended as if it had been killed; the server that is left recovers.
func TestAServerAndItsDatabaseAreKilled(t *testing.T) {
	t.Parallel()
	postgres := storetest.StartPostgres(t)
	dsn := postgres.Database(t)
	db, wave, q := opened(t, dsn)
	addresses := []string{freeAddress(t), freeAddress(t)}
	var turn atomic.Int64
	proxy := func() string { return addresses[turn.Add(1)%2] }
	servers := []*process{
		launch(t, "serve", "--dsn", dsn, "--listen", addresses[0]),
		launch(t, "serve", "--dsn", dsn, "--listen", addresses[1]),
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	people := gather(ctx, 4, wave, q, proxy)
	progress(ctx, t, people, 10, servers...)
	servers[0].kill()
	progress(ctx, t, people, people.thanked()+10, servers...)
	postgres.Crash(t)
	time.Sleep(300 * time.Millisecond)
	postgres.Start(t)
	progress(ctx, t, people, people.thanked()+10, servers...)
	people.check(t, db)
	if strings.Contains(servers[1].stderr.String(), "panic") {
		t.Error(servers[1].stderr)
	}
}
