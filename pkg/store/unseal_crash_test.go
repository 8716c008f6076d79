package store_test

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"cxmirror/pkg/store"
	"cxmirror/pkg/store/storetest"
	"cxmirror/pkg/survey"
)

// The environment of a copy of the test program that publishes sealed answers until it is killed.
const (
	unsealerDSN  = "CXMIRROR_TEST_UNSEALER"
	unsealerWave = "CXMIRROR_TEST_UNSEALER_WAVE"
)

// named is a sealed answer that names itself to this test, and has other bytes each time.
func named(who string) survey.Sealed {
	content := sealedBytes()
	copy(content, who)
	return survey.Sealed{ID: randomID(), Content: content}
}

// nameOf is the reverse.
func nameOf(s survey.Sealed) string { return string(s.Content[:32]) }

// unseal publishes five answers at a time, as fast as it can, until it is killed.
func unseal(dsn, slug string) error {
	ctx := context.Background()
	s, err := store.Open(ctx, dsn, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	w, err := s.WaveBySlug(ctx, slug)
	if err != nil {
		return err
	}
	for {
		if _, err := s.Unseal(ctx, survey.DefaultOrganisation, w.ID, noon, publishNamed(w, 5)); err != nil {
			return err
		}
		if _, err := os.Stdout.WriteString("step\n"); err != nil {
			return err
		}
	}
}

func publishNamed(w survey.Wave, n int) func([]survey.Sealed, bool) ([]survey.Response, []survey.Sealed, error) {
	return func(pending []survey.Sealed, _ bool) (publish []survey.Response, keep []survey.Sealed, err error) {
		if len(pending) < n {
			return nil, nil, nil
		}
		for i, p := range pending {
			if i < n {
				publish = append(publish, survey.Response{ID: survey.ResponseID(randomID()), Version: w.Version, Answers: fmt.Appendf(nil, `{"who":"%s"}`, nameOf(p))})
			} else {
				keep = append(keep, named(nameOf(p)))
			}
		}
		return publish, keep, nil
	}
}

// TestUnsealKilled kills a process that publishes sealed answers, again and again. Each answer is there once:
// sealed, or published.
func TestUnsealKilled(t *testing.T) {
	t.Parallel()
	for name, dsnOf := range bothEngines() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dsn, ctx := dsnOf(t), t.Context()
			s := storetest.Open(t, dsn)
			w, _ := launched(t, s, survey.Anonymous, 5, nil, nil, nil)
			var all []string
			inTheMiddle := 0
			for range 6 {
				for range 300 {
					d := newDraft(w)
					if err := s.StartDraft(ctx, survey.DefaultOrganisation, &d, ""); err != nil {
						t.Fatal(err)
					}
					who := randomID()
					if err := s.Seal(ctx, survey.DefaultOrganisation, next(d), "", named(who), noon, 0); err != nil {
						t.Fatal(err)
					}
					all = append(all, who)
				}
				publisher := exec.CommandContext(ctx, os.Args[0])
				publisher.Env = append(os.Environ(), unsealerDSN+"="+dsn, unsealerWave+"="+w.Slug)
				var stderr strings.Builder
				publisher.Stderr = &stderr
				printed, err := publisher.StdoutPipe()
				if err != nil {
					t.Fatal(err)
				}
				if err := publisher.Start(); err != nil {
					t.Fatal(err)
				}
				if _, err := printed.Read(make([]byte, 1)); err != nil { // it is at work
					t.Fatal(err, stderr.String())
				}
				time.Sleep(time.Duration(1+len(all)%7) * 5 * time.Millisecond)
				if err := publisher.Process.Kill(); err != nil {
					t.Fatal(err)
				}
				_ = publisher.Wait()

				// PostgreSQL may still be ending what the process had asked for. Who holds the wave after that knows it ended.
				_, err = s.Unseal(ctx, survey.DefaultOrganisation, w.ID, noon, func([]survey.Sealed, bool) ([]survey.Response, []survey.Sealed, error) {
					return nil, nil, nil
				})
				if err != nil {
					t.Fatal(err)
				}
				there := map[string]int{}
				for _, row := range read(t, s, w.ID, store.Mark{}) {
					there[string(row.Answers[8:40])]++
				}
				published := len(there)
				_, err = s.Unseal(ctx, survey.DefaultOrganisation, w.ID, noon, func(pending []survey.Sealed, _ bool) ([]survey.Response, []survey.Sealed, error) {
					for _, p := range pending {
						there[nameOf(p)]++
					}
					if len(pending) > 0 && published > 0 {
						inTheMiddle++
					}
					return nil, nil, nil
				})
				if err != nil {
					t.Fatal(err)
				}
				for _, who := range all {
					if there[who] != 1 {
						t.Fatalf("answer %s is there %d times; want once", who, there[who])
					}
				}
				if len(there) != len(all) {
					t.Fatalf("there are %d answers; want %d: %v", len(there), len(all), slices.Collect(maps.Keys(there))[:3])
				}
				if published%5 != 0 {
					t.Errorf("%d are published; want whole steps of 5", published)
				}
			}
			if inTheMiddle == 0 {
				t.Error("the process was never killed in the middle: this test shows nothing")
			}
			for n := 0; ; n++ { // what is left can be published
				published, err := s.Unseal(ctx, survey.DefaultOrganisation, w.ID, noon, publishNamed(w, 5))
				if err != nil {
					t.Fatal(err)
				}
				if published == 0 || n == 3 {
					break
				}
			}
			if name == "sqlite" {
				for problem := range integrity(t, dsn) {
					t.Errorf("the file is damaged: %s", problem)
				}
			}
		})
	}
}
