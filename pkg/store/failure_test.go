package store_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cxmirror/pkg/store"
	"cxmirror/pkg/store/storetest"
	"cxmirror/pkg/survey"
)

// The environment of a copy of the test program that stores responses until it is killed.
const (
	writerDSN  = "CXMIRROR_TEST_WRITER"
	writerWave = "CXMIRROR_TEST_WRITER_WAVE"
)

func TestMain(m *testing.M) {
	if dsn := os.Getenv(writerDSN); dsn != "" {
		if err := write(dsn, os.Getenv(writerWave)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if dsn := os.Getenv(unsealerDSN); dsn != "" {
		fmt.Fprintln(os.Stderr, unseal(dsn, os.Getenv(unsealerWave)))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// write stores responses, eight people at a time, and prints the id of each once it is acknowledged.
func write(dsn, slug string) error {
	ctx := context.Background()
	s, err := store.Open(ctx, dsn, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	w, err := s.WaveBySlug(ctx, slug)
	if err != nil {
		return err
	}
	failed := make(chan error)
	for range 8 {
		go func() {
			for {
				r := newResponse(w)
				err := answer(ctx, s, r)
				if err == nil {
					_, err = os.Stdout.WriteString(string(r.ID) + "\n")
				}
				if err != nil {
					failed <- err
				}
			}
		}()
	}
	return <-failed
}

// answer starts a response, saves a page, and completes it; its answers name it.
func answer(ctx context.Context, s *store.Store, r survey.Response) error {
	if err := s.StartResponse(ctx, survey.DefaultOrganisation, &r); err != nil {
		return err
	}
	r.Page, r.Revision, r.Answers = 1, 1, fmt.Appendf(nil, `{"half":"%s"}`, r.ID)
	if err := s.SavePage(ctx, survey.DefaultOrganisation, r); err != nil {
		return err
	}
	return s.CompleteResponse(ctx, survey.DefaultOrganisation, complete(r, answersOf(r.ID)), 0)
}

func answersOf(id survey.ResponseID) string {
	return fmt.Sprintf(`{"comment":"%s","id":"%s"}`, strings.Repeat("x", 500), id)
}

// TestKilled kills a process that stores responses, without warning, five times. Every response that it
// acknowledged is stored, once, as it was given.
func TestKilled(t *testing.T) {
	t.Parallel()
	for name, dsnOf := range bothEngines() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dsn := dsnOf(t)
			s := storetest.Open(t, dsn)
			w := newWave(t, s, "killed")
			acknowledged := make(map[survey.ResponseID]bool)
			for round := range 5 {
				before := len(acknowledged)
				maps.Copy(acknowledged, killedWriter(t, dsn, w.Slug, time.Duration(150+100*round)*time.Millisecond))
				if len(acknowledged) == before {
					t.Errorf("round %d: the writer acknowledged nothing", round)
				}
			}
			verifyStored(t, s, w, acknowledged)
			if name == "sqlite" {
				for problem := range integrity(t, dsn) {
					t.Errorf("the file is damaged: %s", problem)
				}
			}
			t.Logf("%d responses were acknowledged, and are stored", len(acknowledged))
		})
	}
}

// killedWriter runs a writer, kills it some time after its first response, and returns what it acknowledged.
func killedWriter(t *testing.T, dsn, slug string, after time.Duration) map[survey.ResponseID]bool {
	t.Helper()
	writer := exec.CommandContext(t.Context(), os.Args[0])
	writer.Env = append(os.Environ(), writerDSN+"="+dsn, writerWave+"="+slug)
	var stderr strings.Builder
	writer.Stderr = &stderr
	printed, err := writer.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := writer.Start(); err != nil {
		t.Fatal(err)
	}
	ids := make(map[survey.ResponseID]bool)
	kill := sync.OnceFunc(func() { time.AfterFunc(after, func() { _ = writer.Process.Kill() }) })
	for lines := bufio.NewReader(printed); ; {
		line, err := lines.ReadString('\n')
		if err != nil { // the end; a line that was cut is no acknowledgement
			if !errors.Is(err, io.EOF) {
				t.Error(err)
			}
			break
		}
		ids[survey.ResponseID(strings.TrimSpace(line))] = true
		kill()
	}
	if err := writer.Wait(); err == nil || stderr.Len() > 0 {
		t.Fatalf("the writer ended with %v, %s; want it killed", err, stderr.String())
	}
	return ids
}

// verifyStored fails the test for an acknowledged response that is missing, there twice, or not as it was given.
func verifyStored(t *testing.T, s *store.Store, w survey.Wave, acknowledged map[survey.ResponseID]bool) {
	t.Helper()
	counts, err := s.Counts(t.Context(), survey.DefaultOrganisation, w.ID)
	if err != nil {
		t.Fatal(err)
	}
	rows := read(t, s, w.ID, store.Mark{}) // fails for what is there twice
	// What a killed process had sent may be committed at any time after it, but it was not acknowledged.
	if counts.Complete < len(acknowledged) || len(rows) < counts.Complete {
		t.Errorf("%d responses were acknowledged, %d counted, %d read; want no fewer each time", len(acknowledged), counts.Complete, len(rows))
	}
	for id := range acknowledged {
		row, ok := rows[id]
		if !ok {
			t.Errorf("response %s was acknowledged, and is not stored", id)
			continue
		}
		if string(row.Answers) != answersOf(id) {
			t.Errorf("response %s is stored as %s", id, row.Answers)
		}
	}
}

// integrity yields what SQLite finds wrong with a file.
func integrity(t *testing.T, path string) map[string]bool {
	t.Helper()
	problems := make(map[string]bool)
	for _, check := range []string{"PRAGMA integrity_check", "SELECT 'a reference of ' || \"table\" FROM pragma_foreign_key_check"} {
		rows, err := rawSQLite(t, path).QueryContext(t.Context(), check)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			var problem string
			if err := rows.Scan(&problem); err != nil {
				t.Fatal(err)
			}
			if problem != "ok" {
				problems[problem] = true
			}
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
	}
	return problems
}

// TestPostgresRestarts crashes the server under load, twice. While it is away callers are told so; afterwards
// the same store goes on, and each call that was tried again has taken effect once.
func TestPostgresRestarts(t *testing.T) {
	t.Parallel()
	server := storetest.StartPostgres(t)
	s := storetest.Open(t, server.Database(t))
	w := newWave(t, s, "restarts")

	var stop atomic.Bool
	var interrupted atomic.Int64
	insist := func(call func() error) error {
		for patience := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
			err := call()
			if err == nil || !errors.Is(err, survey.ErrUnavailable) || time.Now().After(patience) {
				return err
			}
			interrupted.Add(1)
		}
	}
	var mu sync.Mutex
	acknowledged := make(map[survey.ResponseID]bool)
	finished := make(chan []error, 1)
	go func() {
		finished <- inParallel(8, func(int) error {
			for !stop.Load() {
				r := newResponse(w)
				if err := insist(func() error { return s.StartResponse(t.Context(), survey.DefaultOrganisation, &r) }); err != nil {
					return err
				}
				page := r
				page.Page, page.Revision, page.Answers = 1, 1, fmt.Appendf(nil, `{"half":"%s"}`, r.ID)
				if err := insist(func() error { return s.SavePage(t.Context(), survey.DefaultOrganisation, page) }); err != nil {
					return err
				}
				if err := insist(func() error {
					return s.CompleteResponse(t.Context(), survey.DefaultOrganisation, complete(page, answersOf(r.ID)), 0)
				}); err != nil {
					return err
				}
				mu.Lock()
				acknowledged[r.ID] = true
				mu.Unlock()
			}
			return nil
		})
	}()
	for range 2 {
		time.Sleep(300 * time.Millisecond)
		server.Crash(t)
		if err := s.Ping(t.Context()); !errors.Is(err, survey.ErrUnavailable) {
			t.Errorf("Ping while the server is away: %v; want %v", err, survey.ErrUnavailable)
		}
		server.Start(t)
	}
	time.Sleep(300 * time.Millisecond)
	stop.Store(true)
	count(t, <-finished, nil)
	if interrupted.Load() == 0 {
		t.Error("no call met the server while it was away: this test shows nothing")
	}
	verifyStored(t, s, w, acknowledged)
	if counts, err := s.Counts(t.Context(), survey.DefaultOrganisation, w.ID); err != nil || counts.Complete != len(acknowledged) || counts.Started != len(acknowledged) {
		t.Errorf("Counts = %+v, %v; want the %d that were acknowledged and no others: each was tried until it was", counts, err, len(acknowledged))
	}
	t.Logf("%d responses; %d calls met the server while it was away", len(acknowledged), interrupted.Load())
}

// TestLogOfSQLiteStaysSmall writes while others read, and watches the write-ahead log: it must not grow with
// what was written.
func TestLogOfSQLiteStaysSmall(t *testing.T) {
	t.Parallel()
	path := storetest.SQLite(t)
	s := storetest.Open(t, path)
	w := newWave(t, s, "log")
	people := 2000
	if n, err := strconv.Atoi(os.Getenv("CXMIRROR_TEST_RESPONSES")); err == nil {
		people = n // 100,000 take some minutes
	}
	var left atomic.Int64
	left.Store(int64(people))
	ctx, cancel := context.WithCancel(t.Context())
	var readers sync.WaitGroup
	for range 3 {
		readers.Go(func() {
			at := store.Mark{} // as the tally reads: all at first, then what is new
			for ctx.Err() == nil {
				next, _ := s.Mark(ctx, survey.DefaultOrganisation, w.ID)
				for _, err := range s.Answers(ctx, survey.DefaultOrganisation, w.ID, at) {
					if err != nil {
						if ctx.Err() == nil {
							t.Error(err)
						}
						return
					}
				}
				at = next
				_, _ = s.Counts(ctx, survey.DefaultOrganisation, w.ID)
				time.Sleep(50 * time.Millisecond)
			}
		})
	}
	count(t, inParallel(8, func(int) error {
		for left.Add(-1) >= 0 {
			if err := answer(ctx, s, newResponse(w)); err != nil {
				return err
			}
		}
		return nil
	}), nil)
	cancel()
	readers.Wait()
	size := func(suffix string) int64 {
		info, err := os.Stat(path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	t.Logf("%d responses: %d MB, the log %d MB", people, size("")>>20, size("-wal")>>20)
	if size("-wal") > 64<<20 {
		t.Errorf("the log has %d MB after %d responses; want at most 64", size("-wal")>>20, people)
	}
}
