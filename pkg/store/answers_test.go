package store_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"

	"cxmirror/pkg/store"
	"cxmirror/pkg/store/storetest"
	"cxmirror/pkg/survey"
)

// read returns what a reader at a mark gets, by id. The same response twice fails the test.
func read(tb testing.TB, s *store.Store, wave survey.WaveID, after store.Mark) map[survey.ResponseID]store.Stored {
	tb.Helper()
	rows := make(map[survey.ResponseID]store.Stored)
	for row, err := range s.Answers(tb.Context(), survey.DefaultOrganisation, wave, after) {
		if err != nil {
			tb.Fatal(err)
		}
		if _, ok := rows[row.ID]; ok {
			tb.Errorf("response %s was read twice", row.ID)
		}
		row.Answers = bytes.Clone(row.Answers)
		rows[row.ID] = row
	}
	return rows
}

func mark(tb testing.TB, s *store.Store, wave survey.WaveID) store.Mark {
	tb.Helper()
	m, err := s.Mark(tb.Context(), survey.DefaultOrganisation, wave)
	if err != nil {
		tb.Fatal(err)
	}
	return m
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	for name, open := range storetest.Engines() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, ctx := open(t), t.Context()
			w, other := newWave(t, s, "answers"), newWave(t, s, "other")
			start := mark(t, s, w.ID)
			draft := newResponse(w)
			if err := s.StartResponse(ctx, survey.DefaultOrganisation, &draft); err != nil {
				t.Fatal(err)
			}
			answered(t, s, other, `{"a":9}`)
			if got := read(t, s, w.ID, start); len(got) != 0 {
				t.Errorf("read %v; want nothing: there is a draft, and another wave's", got)
			}

			first := answered(t, s, w, `{"comment":"żółw \"quoted\" \\ 🙂"}`)
			got := read(t, s, w.ID, start)
			row, ok := got[first.ID]
			if len(got) != 1 || !ok || row.Version != w.Version || row.Weight != 1 || row.Person != "" || !bytes.Equal(row.Answers, first.Answers) {
				t.Errorf("read %v; want response %s as it was completed", got, first.ID)
			}

			next := mark(t, s, w.ID)
			if next.Generation != start.Generation || next.At < start.At {
				t.Errorf("Mark = %+v after %+v; want the same generation, no step back", next, start)
			}
			second := answered(t, s, w, `{"a":2}`)
			if _, ok := read(t, s, w.ID, next)[second.ID]; !ok {
				t.Errorf("response %s, of after the mark, was not read", second.ID)
			}
			if got := read(t, s, w.ID, store.Mark{}); len(got) != 2 {
				t.Errorf("read %d from the start; want both", len(got))
			}
			for range 40 { // a reader may stop, and gives its connection back
				for _, err := range s.Answers(ctx, survey.DefaultOrganisation, w.ID, store.Mark{}) {
					if err != nil {
						t.Fatal(err)
					}
					break
				}
			}

			// A deletion changes the generation, so that who keeps the answers starts anew.
			wantError(t, "another organisation's deletion", s.DeleteResponse(ctx, w.Organisation+1, w.ID, second.ID), survey.ErrNotFound)
			wantError(t, "deletion in another wave", s.DeleteResponse(ctx, w.Organisation, other.ID, second.ID), survey.ErrNotFound)
			if now := mark(t, s, w.ID); now.Generation != next.Generation {
				t.Errorf("deletions that failed changed the generation from %d to %d", next.Generation, now.Generation)
			}
			if err := s.DeleteResponse(ctx, w.Organisation, w.ID, second.ID); err != nil {
				t.Fatal(err)
			}
			if now := mark(t, s, w.ID); now.Generation == next.Generation {
				t.Errorf("the generation is still %d after a deletion", now.Generation)
			}
			if now := mark(t, s, other.ID); now.Generation != start.Generation {
				t.Errorf("the generation of another wave is %d; want %d", now.Generation, start.Generation)
			}
			if got := read(t, s, w.ID, store.Mark{}); len(got) != 1 || got[first.ID].ID != first.ID {
				t.Errorf("read %v after the deletion; want response %s", got, first.ID)
			}
			wantError(t, "deleting it again", s.DeleteResponse(ctx, w.Organisation, w.ID, second.ID), survey.ErrNotFound)
			if _, err := s.ResponseByKey(ctx, survey.DefaultOrganisation, w.ID, second.Key); err == nil {
				t.Error("a deleted response was found by its key")
			}
		})
	}
}

// TestAnswersInSteps reads as the tally does, mark by mark, while responses come in: each is read, whatever
// the order in which they become visible.
func TestAnswersInSteps(t *testing.T) {
	t.Parallel()
	for name, open := range storetest.Engines() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t)
			w := newWave(t, s, "steps")
			const people, each = 8, 40
			finished := make(chan []error, 1)
			go func() {
				finished <- inParallel(people, func(int) error {
					for range each {
						r := newResponse(w)
						if err := s.StartResponse(t.Context(), survey.DefaultOrganisation, &r); err != nil {
							return err
						}
						if err := s.CompleteResponse(t.Context(), survey.DefaultOrganisation, complete(r, `{"a":1}`), 0); err != nil {
							return err
						}
					}
					return nil
				})
			}()
			seen := make(map[survey.ResponseID]bool)
			at := store.Mark{}
			for last := false; ; {
				next := mark(t, s, w.ID)
				for id := range read(t, s, w.ID, at) {
					seen[id] = true
				}
				at = next
				if last {
					break
				}
				select {
				case results := <-finished:
					count(t, results, nil)
					last = true
				default:
				}
			}
			if len(seen) != people*each {
				t.Errorf("read %d responses in steps; want %d", len(seen), people*each)
			}
		})
	}
}

// TestLateCommit has a transaction with a lower number commit after one with a higher number was read.
func TestLateCommit(t *testing.T) {
	t.Parallel()
	dsn := storetest.StartPostgres(t).Database(t) // its own server: transactions of other tests would blur what is read again
	s, ctx := storetest.Open(t, dsn), t.Context()
	w := newWave(t, s, "late")
	late := newResponse(w)
	if err := s.StartResponse(ctx, survey.DefaultOrganisation, &late); err != nil {
		t.Fatal(err)
	}
	slow, err := pgx.Connect(ctx, dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Close(ctx)
	tx, err := slow.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(ctx, `UPDATE responses SET answers = '{"a":1}', completed_at = now(), tx = pg_current_xact_id() WHERE id = $1`, string(late.ID)); err != nil {
		t.Fatal(err)
	}

	early := answered(t, s, w, `{"a":2}`)
	first := mark(t, s, w.ID)
	if got := read(t, s, w.ID, store.Mark{}); len(got) != 1 || got[early.ID].ID != early.ID {
		t.Fatalf("read %v; want %s, the other is not committed", got, early.ID)
	}
	second := mark(t, s, w.ID)
	if err := tx.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	var lower bool
	err = slow.QueryRow(ctx, `SELECT (SELECT tx FROM responses WHERE id = $1) < (SELECT tx FROM responses WHERE id = $2)`, string(late.ID), string(early.ID)).Scan(&lower)
	if err != nil || !lower {
		t.Fatalf("the late transaction has a lower number: %v, %v; want it so, or this test shows nothing", lower, err)
	}
	for _, m := range []store.Mark{first, second} {
		if _, ok := read(t, s, w.ID, m)[late.ID]; !ok {
			t.Errorf("a reader at %+v does not get what was committed late", m)
		}
	}
	if got := read(t, s, w.ID, mark(t, s, w.ID)); len(got) != 0 {
		t.Errorf("read %v again, though nothing was running", got)
	}
}

// TestSQLiteReadsInChunks reads more responses than one statement returns.
func TestSQLiteReadsInChunks(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t, storetest.SQLite(t))
	w := newWave(t, s, "chunks")
	many := make([]survey.Response, 4000)
	for i := range many {
		many[i] = complete(newResponse(w), fmt.Sprintf(`{"a":%d}`, i))
	}
	if _, err := s.ImportResponses(t.Context(), survey.DefaultOrganisation, w.ID, each(many...)); err != nil {
		t.Fatal(err)
	}
	if got := read(t, s, w.ID, store.Mark{}); len(got) != len(many) {
		t.Errorf("read %d; want %d", len(got), len(many))
	}
	// A reader may use the store in between: it holds no connection.
	for row, err := range s.Answers(t.Context(), survey.DefaultOrganisation, w.ID, store.Mark{}) {
		if err != nil {
			t.Fatal(err)
		}
		if err := s.DeleteResponse(t.Context(), w.Organisation, w.ID, row.ID); err != nil {
			t.Fatal(err)
		}
		break
	}
}
