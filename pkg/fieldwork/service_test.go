package fieldwork

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cxmirror/pkg/store"
	"cxmirror/pkg/store/storetest"
	"cxmirror/pkg/survey"
)

// a world is a database with a panel and a service on it, at a time that the test sets.
type world struct {
	*Service

	store *store.Store
	log   *bytes.Buffer

	mu  sync.Mutex
	now time.Time
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) wait(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

// lockedWriter is a log that several may write to.
type lockedWriter struct {
	mu sync.Mutex
	to *bytes.Buffer
}

func (l *lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.to.Write(p)
}

func newWorld(tb testing.TB, s *store.Store) *world {
	tb.Helper()
	w := &world{store: s, now: morning, log: &bytes.Buffer{}}
	var err error
	w.Service, err = New(Options{
		Store: s, Secret: secretOf(tb, 1), Log: slog.New(slog.NewTextHandler(&lockedWriter{to: w.log}, nil)), Now: w.clock, Random: rand.Reader, Mails: true,
	})
	if err != nil {
		tb.Fatal(err)
	}
	return w
}

// eachWorld runs a test on both engines, each time in a world of its own.
func eachWorld(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		test(t, newWorld(t, s))
	})
}

// invite imports a panel and launches a wave to it.
func (w *world) invite(tb testing.TB, mode survey.Mode, departments ...string) survey.Wave {
	tb.Helper()
	plan := w.plan(tb, mode, departments...)
	launched, err := w.Launch(tb.Context(), plan)
	if err != nil {
		tb.Fatal(err)
	}
	return launched
}

// plan stores a panel and a draft, and returns a plan to launch it.
func (w *world) plan(tb testing.TB, mode survey.Mode, departments ...string) Plan {
	tb.Helper()
	people, _ := panel(tb, departments...)
	for i := range people {
		people[i].ID, people[i].Organisation = 0, survey.DefaultOrganisation
		delete(people[i].Attributes, "age")
	}
	all := func(yield func(survey.Person, error) bool) {
		for i := range people {
			if !yield(people[i], nil) {
				return
			}
		}
	}
	if _, err := w.store.ImportPeople(tb.Context(), survey.DefaultOrganisation, iter.Seq2[survey.Person, error](all), store.ImportOptions{Update: true}); err != nil {
		tb.Fatal(err)
	}
	version := survey.Version{Organisation: survey.DefaultOrganisation, Code: "staff", Number: 1, Source: []byte(staffQuestionnaire)}
	if err := w.store.SaveVersion(tb.Context(), &version); err != nil {
		tb.Fatal(err)
	}
	draft := survey.Wave{
		Organisation: survey.DefaultOrganisation, Version: version.ID, Name: "Staff", Audience: survey.Internal, Slug: "staff-" + rand.Text()[:8],
		State: survey.WaveDraft, Mode: mode, Threshold: 5, Comments: 10, Closes: after(14), Erases: after(100), TimeZone: "Europe/Warsaw",
		Reported: []survey.ItemCode{"dept", "level"}, Promise: survey.Promise{Asker: survey.Words{"en": "HR"}},
	}
	if err := w.store.CreateWave(tb.Context(), &draft); err != nil {
		tb.Fatal(err)
	}
	return Plan{
		Wave: draft, Attributes: []string{"dept"}, Mail: true, Paper: true,
		Letters:  []survey.Letter{{Kind: survey.InvitationLetter, Subject: survey.Words{"en": "Please"}, Text: survey.Words{"en": "Here: {link}"}}},
		Mailings: []survey.Mailing{{Kind: survey.InvitationLetter, At: morning}},
	}
}

// tokens returns the tokens of everybody invited, by the key of the person.
func (w *world) tokens(tb testing.TB, wave survey.Wave) map[string]string {
	tb.Helper()
	tokens := make(map[string]string)
	for code, err := range w.Codes(tb.Context(), wave.Organisation, wave.ID) {
		if err != nil {
			tb.Fatal(err)
		}
		tokens[code.Person.Key] = code.Token
	}
	return tokens
}

func newKeyOfBrowser() string { return keyOf(rand.Text()) }

// begin starts a response as a page does.
func (w *world) begin(ctx context.Context, who *Respondent) (survey.Response, error) {
	id, err := w.newID()
	if err != nil {
		return survey.Response{}, err
	}
	r := survey.Response{ID: survey.ResponseID(id), Language: "en", Seed: 7, Answers: []byte("{}"), Weight: 1, Started: w.clock().Truncate(24 * time.Hour)}
	return r, w.Start(ctx, who, &r)
}

// answer takes somebody from the first page to the last.
func (w *world) answer(tb testing.TB, who Respondent, answers string) {
	tb.Helper()
	r, err := w.begin(tb.Context(), &who)
	if err != nil {
		tb.Fatal(err)
	}
	r.Revision, r.Page, r.Answers = 1, 1, []byte(answers)
	now := w.clock()
	r.Completed = &now
	if err := w.Complete(tb.Context(), &who, r); err != nil {
		tb.Fatal(err)
	}
}

// counted returns what counts of a wave.
func (w *world) counted(tb testing.TB, wave survey.WaveID) []store.Stored {
	tb.Helper()
	var all []store.Stored
	for row, err := range w.store.Answers(tb.Context(), survey.DefaultOrganisation, wave, store.Mark{}) {
		if err != nil {
			tb.Fatal(err)
		}
		row.Answers, row.Attributes = bytes.Clone(row.Answers), bytes.Clone(row.Attributes)
		all = append(all, row)
	}
	return all
}

func (w *world) byToken(tb testing.TB, token string) Respondent {
	tb.Helper()
	who, err := w.ByToken(tb.Context(), token)
	if err != nil {
		tb.Fatal(err)
	}
	return who
}

// One person from her link to the end, on two devices, in every mode.
func TestPersonalLink(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		for _, mode := range survey.Modes() {
			wave := w.invite(t, mode, "sales 12", "support 9")
			var token string
			for _, token = range w.tokens(t, wave) {
				break
			}
			phone := w.byToken(t, strings.ToUpper(token))
			if phone.Wave.ID != wave.ID || phone.Invitation.Started || phone.Invitation.Finished {
				t.Fatalf("%s: came as %+v", mode, phone)
			}
			if _, err := w.Find(ctx, &phone); !errors.Is(err, survey.ErrNotFound) {
				t.Errorf("%s: found before the start: %v", mode, err)
			}
			r, err := w.begin(ctx, &phone)
			if err != nil {
				t.Fatal(err)
			}
			r.Revision, r.Page, r.Answers, r.Language = 1, 1, []byte(`{"level":"manager","comment":"half a thought"}`), "pl"
			if err := w.Save(ctx, &phone, r); err != nil {
				t.Fatalf("%s: %v", mode, err)
			}
			if err := w.Save(ctx, &phone, r); err != nil {
				t.Errorf("%s: the same save again: %v", mode, err)
			}
			// The other device knows nothing but the link.
			desk := w.byToken(t, token)
			got, err := w.Find(ctx, &desk)
			if err != nil || !sameAnswers(got.Answers, r.Answers) || got.Page != 1 || got.Revision != 1 || got.Language != "pl" || got.Seed != 7 || got.ID != r.ID {
				t.Errorf("%s: found %+v, %v; want %+v", mode, got, err, r)
			}
			if !desk.Invitation.Started {
				t.Errorf("%s: the invitation does not say that she began", mode)
			}
			if named := got.Person != ""; named != (mode == survey.Identified) {
				t.Errorf("%s: the answers are kept with the name %q", mode, got.Person)
			}
			got.Revision, got.Answers = 2, []byte(`{"level":"manager","comment":"a whole thought"}`)
			if err := w.Save(ctx, &desk, got); err != nil {
				t.Fatal(err)
			}
			r.Revision = 2
			if err := w.Save(ctx, &phone, r); !errors.Is(err, survey.ErrConflict) {
				t.Errorf("%s: an older page saved over a newer: %v", mode, err)
			}
			now := w.clock()
			got.Revision, got.Completed, got.Answers = 3, &now, []byte(`{"level":"manager","team":"small","wishes":["ease"],"comment":"a whole thought"}`)
			if err := w.Complete(ctx, &desk, got); err != nil {
				t.Fatalf("%s: %v", mode, err)
			}
			if err := w.Complete(ctx, &phone, got); err != nil && !errors.Is(err, survey.ErrAnswered) {
				t.Errorf("%s: finished again: %v", mode, err)
			}
			again := w.byToken(t, token)
			if !again.Invitation.Finished {
				t.Errorf("%s: the invitation does not say that she finished", mode)
			}
			found, err := w.Find(ctx, &again)
			if mode == survey.Anonymous {
				if !errors.Is(err, survey.ErrFinished) {
					t.Errorf("anonymous: who has the link finds %+v, %v", found, err)
				}
			} else if err != nil || found.Completed == nil {
				t.Errorf("%s: found %+v, %v; want it finished", mode, found, err)
			}
			if _, err := w.begin(ctx, &again); !errors.Is(err, survey.ErrFinished) {
				t.Errorf("%s: began anew: %v", mode, err)
			}
			if err := w.Save(ctx, &again, got); !errors.Is(err, survey.ErrAnswered) {
				t.Errorf("%s: saved after the end: %v", mode, err)
			}
			if n := len(w.counted(t, wave.ID)); n != map[survey.Mode]int{survey.Identified: 1}[mode] {
				t.Errorf("%s: one answer, and %d count", mode, n)
			}
		}
		if log := w.log.String(); strings.Contains(log, "level=WARN") || strings.Contains(log, "level=ERROR") {
			t.Errorf("the log complains:\n%s", log)
		}
	})
}

func sameAnswers(a, b []byte) bool {
	var x, y any
	return json.Unmarshal(a, &x) == nil && json.Unmarshal(b, &y) == nil && fmt.Sprint(x) == fmt.Sprint(y)
}

// A launch to many, a part of whom answer; then the wave is closed. What counts at each moment is checked against
// what was promised, and at the end nothing is lost.
func TestStepsOfAWave(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		s, ctx := w.store, t.Context()
		for _, mode := range survey.Modes() {
			wave := w.invite(t, mode, "sales 40", "support 30", "legal 7", "audit 3")
			tokens := w.tokens(t, wave)
			if len(tokens) != 80 || wave.Invited != 80 {
				t.Fatalf("%s: %d codes, %d invited; want 80", mode, len(tokens), wave.Invited)
			}
			random := seeded(uint64(wave.ID))
			keys := make([]string, 0, len(tokens))
			for key := range tokens {
				keys = append(keys, key)
			}
			slices.Sort(keys)
			shuffle(keys, random)
			answered, seenBefore := 0, 0
			for _, key := range keys[:63] {
				w.wait(7 * time.Second)
				level := []string{"staff", "staff", "staff", "manager"}[random.IntN(4)]
				team := ""
				if level == "manager" {
					team = `,"team":"small"`
				}
				w.answer(t, w.byToken(t, tokens[key]), fmt.Sprintf(`{"level":%q%s,"shoe":40,"wishes":["ease"],"comment":"I am %s"}`, level, team, key))
				answered++
				rows := w.counted(t, wave.ID)
				waiting, err := s.Pending(ctx, survey.DefaultOrganisation, wave.ID)
				if err != nil || waiting+len(rows) != answered {
					t.Fatalf("%s: %d wait and %d count of %d, %v", mode, waiting, len(rows), answered, err)
				}
				added := len(rows) - seenBefore
				if mode == survey.Identified && added != 1 || mode != survey.Identified && added > 0 && (added < 5 || waiting < 5) {
					t.Errorf("%s: one more answered, %d more count and %d wait", mode, added, waiting)
				}
				seenBefore = len(rows)
			}
			if seenBefore == 0 {
				t.Errorf("%s: 63 have answered, and nothing counts", mode)
			}
			// Its time is over; somebody or something notices.
			w.wait(15 * 24 * time.Hour)
			if err := w.Tick(ctx); err != nil {
				t.Fatal(err)
			}
			rows := w.counted(t, wave.ID)
			waiting, err := s.Pending(ctx, survey.DefaultOrganisation, wave.ID)
			if err != nil || len(rows) != 63 || waiting != 0 {
				t.Errorf("%s: closed with %d of 63 that count, and %d that wait, %v", mode, len(rows), waiting, err)
			}
			comments, classes, steps := map[string]bool{}, map[string]int{}, map[int]int{}
			for _, row := range rows {
				var answers map[string]any
				if err := json.Unmarshal(row.Answers, &answers); err != nil {
					t.Fatal(err)
				}
				comments[fmt.Sprint(answers["comment"])] = true
				classes[fmt.Sprint(string(row.Attributes), answers["level"], answers["team"])]++
				steps[row.Release]++
				if _, told := answers["shoe"]; told && mode == survey.Anonymous {
					t.Error("anonymous: a shoe size is published, by which results are not split")
				}
			}
			if len(comments) != 63 {
				t.Errorf("%s: %d different answers of 63", mode, len(comments))
			}
			for class, n := range classes {
				if mode == survey.Anonymous && n < 5 {
					t.Errorf("anonymous: %d answers of %s", n, class)
				}
			}
			for step, n := range steps {
				if mode != survey.Identified && (n < 5 || step == 0) {
					t.Errorf("%s: step %d has %d answers", mode, step, n)
				}
			}
			w.wait(-15 * 24 * time.Hour)
			if err := w.Tick(ctx); err != nil {
				t.Fatal(err)
			}
		}
		if log := w.log.String(); strings.Contains(log, "@") || strings.Contains(log, "level=WARN") || strings.Contains(log, "level=ERROR") {
			t.Errorf("the log names somebody or complains:\n%s", log)
		}
	})
}

// A service with another secret cannot open what is sealed, says why, and loses nothing.
func TestAnotherSecret(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		s := w.store
		wave := w.invite(t, survey.Anonymous, "sales 20")
		for _, token := range w.tokens(t, wave) {
			who := w.byToken(t, token)
			r, err := w.begin(t.Context(), &who)
			if err != nil {
				t.Fatal(err)
			}
			now := w.clock()
			r.Revision, r.Completed, r.Answers = 1, &now, []byte(`{"wishes":["ease"]}`)
			if err := w.complete(t.Context(), &who, &r); err != nil { // without a step
				t.Fatal(err)
			}
		}
		other := newWorld(t, s)
		other.secret = secretOf(t, 99)
		if _, err := other.Close(t.Context(), wave.Organisation, wave.ID); !errors.Is(err, errOtherSecret) {
			t.Errorf("closed with another secret: %v", err)
		}
		if n, err := s.Pending(t.Context(), survey.DefaultOrganisation, wave.ID); n != 20 || err != nil {
			t.Errorf("%d wait, %v; want all 20", n, err)
		}
		if n, err := w.Step(t.Context(), wave.Organisation, wave.ID); n != 20 || err != nil {
			t.Errorf("with the right secret %d are published, %v; want 20", n, err)
		}
	})
}

func TestLaunch(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		s, ctx := w.store, t.Context()
		plan := w.plan(t, survey.Confidential, "sales 12", "legal 3", "support 9")
		findings, err := w.Check(ctx, &plan)
		if err != nil || findings.Stops() || findings.Invited != 24 {
			t.Fatalf("check: %+v, %v", findings, err)
		}
		small, ok := findings.Find(GroupsSmall)
		if !ok || small.Count != 3 || len(small.Merge) != 1 || small.Merge[0].Name != "legal + support" {
			t.Errorf("small groups: %+v; want Legal merged with Support", small)
		}
		plan.Groups = small.Merge
		if findings, err = w.Check(ctx, &plan); err != nil {
			t.Fatal(err)
		}
		if it, ok := findings.Find(GroupsSmall); ok {
			t.Errorf("after the merge: %+v", it)
		}
		stopped := plan
		stopped.Wave.Comments = 2
		_, err = w.Launch(ctx, stopped)
		if stop, ok := errors.AsType[*StopError](err); !ok || !strings.Contains(stop.Error(), string(CommentsTooLow)) {
			t.Errorf("a plan that stops was launched: %v", err)
		}
		// Two press the button at once.
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				if got, err := w.Launch(ctx, plan); err != nil || got.Invited != 24 || got.State != survey.WaveOpen {
					t.Errorf("launched as %+v, %v", got, err)
				}
			})
		}
		wg.Wait()
		people, n, err := s.Invitations(ctx, plan.Wave.Organisation, plan.Wave.ID, store.InvitationQuery{})
		if err != nil || n != 24 || len(people) != 24 {
			t.Fatalf("%d invitations, %v; want 24", n, err)
		}
		groups := map[survey.OptionCode]int{}
		for _, p := range people {
			groups[p.Attributes["dept"]]++
		}
		wave, err := s.Wave(ctx, plan.Wave.Organisation, plan.Wave.ID)
		if err != nil {
			t.Fatal(err)
		}
		if len(groups) != 2 || len(wave.Segments) != 1 || len(wave.Segments[0].Values) != 2 || wave.Segments[0].Values[0].Text["en"] != "legal + support" ||
			groups[wave.Segments[0].Values[0].Code] != 12 {
			t.Errorf("groups %v, segments %+v; want 12 of Sales and 12 of the others as one", groups, wave.Segments)
		}
		if fmt.Sprint(wave.Reported) != "[dept level]" {
			t.Errorf("reported %v; want the department, then the level", wave.Reported)
		}
		mailings, err := s.Mailings(ctx, survey.DefaultOrganisation, wave.ID)
		if err != nil || len(mailings) != 1 || mailings[0].State != survey.MailingPlanned {
			t.Errorf("mailings %+v, %v; want the invitation planned", mailings, err)
		}
		other := plan
		other.Wave.Threshold = 4
		if _, err := w.Launch(ctx, other); !errors.Is(err, survey.ErrPromised) {
			t.Errorf("launched anew with less of a promise: %v", err)
		}
		foreign := plan
		foreign.Wave.Organisation = 77
		if _, err := w.Launch(ctx, foreign); !errors.Is(err, survey.ErrNotFound) {
			t.Errorf("another organisation launches it: %v", err)
		}
		if log := w.log.String(); strings.Count(log, "a wave was launched") != 1 {
			t.Errorf("the log:\n%s", log)
		}
	})
}

func TestAfterTheLaunch(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		wave := w.invite(t, survey.Confidential, "sales 30")
		org, id := wave.Organisation, wave.ID
		if got, err := w.RaiseThreshold(ctx, org, id, 7, 10); err != nil || got.Threshold != 7 || got.Comments != 10 {
			t.Errorf("raised to %+v, %v", got, err)
		}
		for _, lower := range [][2]int{{6, 10}, {7, 9}, {0, 0}} {
			if _, err := w.RaiseThreshold(ctx, org, id, lower[0], lower[1]); !errors.Is(err, survey.ErrPromised) {
				t.Errorf("lowered to %v: %v", lower, err)
			}
		}
		if _, err := w.RaiseThreshold(ctx, 77, id, 9, 10); !errors.Is(err, survey.ErrNotFound) {
			t.Errorf("another organisation raises it: %v", err)
		}
		var tokens []string
		for _, token := range w.tokens(t, wave) {
			tokens = append(tokens, token)
		}
		for _, token := range tokens[:12] {
			w.wait(5 * time.Second)
			w.answer(t, w.byToken(t, token), `{"wishes":["ease"]}`)
		}
		if n := len(w.counted(t, id)); n != 0 {
			t.Errorf("12 have answered with a threshold of 7, and %d count", n)
		}
		closed, err := w.Close(ctx, org, id)
		if err != nil || closed.State != survey.WaveClosed || closed.Releases != 1 {
			t.Fatalf("closed as %+v, %v", closed, err)
		}
		if n := len(w.counted(t, id)); n != 12 {
			t.Errorf("closed, and %d of 12 count", n)
		}
		late := w.byToken(t, tokens[12])
		r, err := w.begin(ctx, &late)
		if err == nil {
			now := w.clock()
			r.Revision, r.Completed = 1, &now
			err = w.Complete(ctx, &late, r)
		}
		if !errors.Is(err, survey.ErrClosed) {
			t.Errorf("answered after the end: %v", err)
		}
		if _, err := w.Reopen(ctx, org, id, after(-1)); !errors.Is(err, ErrPast) {
			t.Errorf("reopened until yesterday: %v", err)
		}
		if _, err := w.Reopen(ctx, org, id, after(101)); !errors.Is(err, survey.ErrPromised) {
			t.Errorf("reopened beyond the day when personal data go: %v", err)
		}
		if got, err := w.Reopen(ctx, org, id, after(30)); err != nil || got.State != survey.WaveOpen || !got.Closes.Equal(*after(30)) {
			t.Errorf("reopened as %+v, %v", got, err)
		}
		if got, err := w.Reopen(ctx, org, id, nil); err != nil || got.Closes == nil || !got.Closes.Equal(*after(30)) {
			t.Errorf("reopened while it is open, it closes at %v, %v", got.Closes, err)
		}
		if got, err := w.Extend(ctx, org, id, after(40)); err != nil || !got.Closes.Equal(*after(40)) {
			t.Errorf("extended as %+v, %v", got, err)
		}
		if _, err := w.Extend(ctx, org, id, after(101)); !errors.Is(err, survey.ErrPromised) {
			t.Errorf("extended beyond the day when personal data go: %v", err)
		}
		// Three come late: they would stand alone in what is added.
		for _, token := range tokens[13:16] {
			w.wait(5 * time.Second)
			w.answer(t, w.byToken(t, token), `{"wishes":["ease"]}`)
		}
		if _, err := w.Close(ctx, org, id); err != nil {
			t.Fatal(err)
		}
		if n := len(w.counted(t, id)); n != 12 {
			t.Errorf("three came late, and %d count; they could be found by taking away the twelve", n)
		}
	})
}

func TestCodes(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		wave := w.invite(t, survey.Anonymous, "sales 12")
		n := 0
		for code, err := range w.Codes(ctx, wave.Organisation, wave.ID) {
			if err != nil {
				t.Fatal(err)
			}
			n++
			who, token, err := w.ByCode(ctx, strings.ToLower(strings.ReplaceAll(code.Code, "-", " ")))
			if err != nil || token != code.Token || who.Invitation.Person != code.Person.ID || !code.Mail {
				t.Errorf("%s leads to %+v, %s, %v; want %+v", code.Code, who, token, err, code)
			}
			if n == 1 {
				w.answer(t, who, `{"wishes":["ease"]}`)
			}
		}
		if left := len(w.tokens(t, wave)); n != 12 || left != 11 {
			t.Errorf("%d codes, and %d after one has finished; want 12 and 11", n, left)
		}
		for _, typed := range []string{"", "AAAAA-AAAAA", "hello"} {
			if _, _, err := w.ByCode(ctx, typed); !errors.Is(err, survey.ErrNotFound) {
				t.Errorf("ByCode(%q): %v", typed, err)
			}
		}
		if _, err := w.ByToken(ctx, "unknown"); !errors.Is(err, survey.ErrNotFound) {
			t.Errorf("an unknown link: %v", err)
		}
		plan := w.plan(t, survey.Anonymous, "sales 12")
		plan.Paper = false
		without, err := w.Launch(ctx, plan)
		if err != nil {
			t.Fatal(err)
		}
		for _, err := range w.Codes(ctx, without.Organisation, without.ID) {
			if !errors.Is(err, survey.ErrNotFound) {
				t.Errorf("codes of a wave without: %v", err)
			}
		}
	})
}

func TestErase(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		s, ctx := w.store, t.Context()
		named, hidden := w.invite(t, survey.Confidential, "sales 20"), w.invite(t, survey.Anonymous, "sales 20")
		anna := survey.Person{Organisation: survey.DefaultOrganisation, Key: "17", Name: "Anna Żółkowska", Address: "anna@example.org", Language: "pl", Active: true}
		tokens := w.tokens(t, named)
		people, _, err := s.People(ctx, survey.DefaultOrganisation, store.PeopleQuery{})
		if err != nil {
			t.Fatal(err)
		}
		anna.ID, anna.Key, anna.Attributes = people[0].ID, people[0].Key, people[0].Attributes
		if err := s.SavePerson(ctx, &anna); err != nil {
			t.Fatal(err)
		}
		w.answer(t, w.byToken(t, tokens[anna.Key]), `{"wishes":["ease"],"comment":"mine"}`)
		w.answer(t, w.byToken(t, w.tokens(t, hidden)[anna.Key]), `{"wishes":["ease"],"comment":"also mine"}`)
		for _, p := range people[1:13] {
			w.wait(5 * time.Second)
			w.answer(t, w.byToken(t, tokens[p.Key]), `{"wishes":["speed"],"comment":"Dzięki, Anno ŻÓŁKOWSKA! Anna Żółkowska pomogła."}`)
		}
		if _, err := w.Close(ctx, named.Organisation, named.ID); err != nil {
			t.Fatal(err)
		}
		before := len(w.counted(t, named.ID))
		if _, err := w.Erase(ctx, 77, anna.ID, "hr@example.org"); !errors.Is(err, survey.ErrNotFound) {
			t.Errorf("another organisation erases her: %v", err)
		}
		receipt, err := w.Erase(ctx, survey.DefaultOrganisation, anna.ID, "hr@example.org")
		if err != nil {
			t.Fatal(err)
		}
		if receipt.Erased.People != 1 || receipt.Erased.Unlinked != 1 || receipt.Erased.Responses != 0 || receipt.Texts != 12 || receipt.Erased.Nameless != 1 {
			t.Errorf("receipt %+v", receipt)
		}
		rows := w.counted(t, named.ID)
		if before != 13 || len(rows) != 13 {
			t.Errorf("%d answers before and %d after; want 13, or a look before and after would show hers", before, len(rows))
		}
		hers := 0
		for _, row := range rows {
			if row.Person != "" {
				t.Errorf("an answer names %q", row.Person)
			}
			if strings.Contains(string(row.Answers), "ease") {
				hers++
			} else if strings.Contains(strings.ToLower(string(row.Answers)), "kowska") || !strings.Contains(string(row.Answers), "speed") {
				t.Errorf("left of an answer that mentioned her: %s", row.Answers)
			}
		}
		if hers != 1 {
			t.Errorf("her answer counts %d times", hers)
		}
		text := receipt.Text()
		for _, secret := range []string{"Anna", "kowska", "anna@", anna.Key} {
			if strings.Contains(text, secret) || strings.Contains(w.log.String(), secret) {
				t.Errorf("the receipt or the log contains %q:\n%s\n%s", secret, text, w.log)
			}
		}
		if _, err := w.Erase(ctx, survey.DefaultOrganisation, anna.ID, "hr@example.org"); !errors.Is(err, survey.ErrNotFound) {
			t.Errorf("erased again: %v", err)
		}
		if _, err := w.ByToken(ctx, tokens[anna.Key]); !errors.Is(err, survey.ErrNotFound) {
			t.Errorf("her link after that: %v", err)
		}
		// The date that was promised comes.
		w.wait(101 * 24 * time.Hour)
		if err := w.Tick(ctx); err != nil {
			t.Fatal(err)
		}
		for _, wave := range []survey.Wave{named, hidden} {
			if _, n, err := s.Invitations(ctx, wave.Organisation, wave.ID, store.InvitationQuery{}); n != 0 || err != nil {
				t.Errorf("%s: %d invitations are left, %v", wave.Mode, n, err)
			}
		}
		if n := len(w.counted(t, named.ID)); n != 13 {
			t.Errorf("%d answers are left; want the 13, as figures", n)
		}
		if n, err := s.Pending(ctx, survey.DefaultOrganisation, hidden.ID); n != 0 || err != nil {
			t.Errorf("%d sealed answers are left, %v", n, err)
		}
		if receipts, err := w.EraseDue(ctx); len(receipts) != 0 || err != nil {
			t.Errorf("erased again: %+v, %v", receipts, err)
		}
	})
}

// When the day comes on which personal data go, a wave that was never closed is: what waited is published before the
// rest is erased.
func TestErasingPublishesFirst(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		for _, mode := range []survey.Mode{survey.Confidential, survey.Anonymous} {
			plan := w.plan(t, mode, "sales 20")
			plan.Wave.Closes = nil
			wave, err := w.Launch(ctx, plan)
			if err != nil {
				t.Fatal(err)
			}
			for _, token := range slices.Sorted(maps.Values(w.tokens(t, wave)))[:8] {
				w.answer(t, w.byToken(t, token), `{"wishes":["ease"]}`)
			}
			w.wait(101 * 24 * time.Hour)
			if err := w.Tick(ctx); err != nil {
				t.Fatal(err)
			}
			if n := len(w.counted(t, wave.ID)); n != 8 {
				t.Errorf("%s: %d of 8 answers count after the personal data went", mode, n)
			}
			w.wait(-101 * 24 * time.Hour)
		}
	})
}

// A panel of 100,000 is checked and launched to.
func BenchmarkLaunch100000(b *testing.B) {
	for name, open := range storetest.Engines() {
		b.Run(name, func(b *testing.B) {
			w := newWorld(b, open(b))
			for b.Loop() {
				b.StopTimer()
				plan := w.plan(b, survey.Anonymous, "sales 40000", "support 30000", "it 20000", "legal 10000")
				b.StartTimer()
				start := time.Now()
				if _, err := w.Check(b.Context(), &plan); err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(time.Since(start).Seconds(), "s/check")
				if wave, err := w.Launch(b.Context(), plan); err != nil || wave.Invited != 100_000 {
					b.Fatal(wave.Invited, err)
				}
			}
		})
	}
}

// What is on the disk while an anonymous wave goes on, before and after a step, contains neither what somebody
// typed before it is published, nor anything of the way in. A confidential wave shows that the test can fail.
func TestNothingToReadOnTheDisk(t *testing.T) {
	t.Parallel()
	path := storetest.SQLite(t)
	s := storetest.Open(t, path)
	w := newWorld(t, s)
	ctx := t.Context()
	disk := func() string {
		all := ""
		for _, suffix := range []string{"", "-wal"} {
			content, err := os.ReadFile(path + suffix)
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				t.Fatal(err)
			}
			all += string(content)
		}
		return all
	}
	for _, mode := range []survey.Mode{survey.Anonymous, survey.Confidential} {
		wave := w.invite(t, mode, "sales 12")
		tokens := slices.Sorted(maps.Values(w.tokens(t, wave)))
		begun := w.byToken(t, tokens[0])
		r, err := w.begin(ctx, &begun)
		if err != nil {
			t.Fatal(err)
		}
		r.Revision, r.Answers = 1, []byte(`{"comment":"aardvark unfinished"}`)
		if err := w.Save(ctx, &begun, r); err != nil {
			t.Fatal(err)
		}
		for i, token := range tokens[1:8] {
			w.answer(t, w.byToken(t, token), fmt.Sprintf(`{"wishes":["ease"],"comment":"aardvark finished %d"}`, i))
		}
		content := disk()
		readable := strings.Contains(content, "aardvark")
		if readable != (mode == survey.Confidential) {
			t.Errorf("%s: what was typed can be read on the disk: %v", mode, readable)
		}
		for _, secret := range []string{tokens[0], begun.Key, w.secret.Code(begun.Invitation.ID), string(*w.secret.key)} {
			if strings.Contains(content, secret) {
				t.Errorf("%s: %q can be read on the disk", mode, secret)
			}
		}
		if mode == survey.Confidential {
			continue
		}
		if _, err := w.Close(ctx, wave.Organisation, wave.ID); err != nil {
			t.Fatal(err)
		}
		if content := disk(); !strings.Contains(content, "aardvark finished") || strings.Contains(content, "aardvark unfinished") {
			t.Error("after the step the finished answers cannot be read, or the draft can")
		}
		erased, err := s.EraseWavePersonalData(ctx, survey.DefaultOrganisation, wave.ID)
		if err != nil || erased.Drafts != 1 {
			t.Fatalf("erased %+v, %v", erased, err)
		}
	}
}

// BenchmarkStepAtTheClosing closes an anonymous wave in which 10,000 answers are sealed.
func BenchmarkStepAtTheClosing(b *testing.B) {
	const people = 10_000
	for name, open := range storetest.Engines() {
		b.Run(name, func(b *testing.B) {
			w := newWorld(b, open(b))
			q := questionnaire(b, staffQuestionnaire)
			for b.Loop() {
				b.StopTimer()
				plan := w.plan(b, survey.Anonymous, "sales 10")
				plan.OpenOnly, plan.Wave.OpenLink, plan.Attributes = true, true, nil
				plan.Wave.Reported = []survey.ItemCode{"level"}
				wave, err := w.Launch(b.Context(), plan)
				if err != nil {
					b.Fatal(err)
				}
				all := staff(b, q, people, seeded(1))
				for i := range all {
					answers, err := json.Marshal(all[i].answers)
					if err != nil {
						b.Fatal(err)
					}
					who := Respondent{Wave: wave, Key: newKeyOfBrowser()}
					r, err := w.begin(b.Context(), &who)
					if err != nil {
						b.Fatal(err)
					}
					now := w.clock()
					r.Revision, r.Completed, r.Answers = 1, &now, answers
					if err := w.complete(b.Context(), &who, &r); err != nil {
						b.Fatal(err)
					}
				}
				b.StartTimer()
				if _, err := w.Close(b.Context(), wave.Organisation, wave.ID); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// TestLanguageOfTheOrganisation invites somebody whose language nobody knows in the one her organisation asks in.
func TestLanguageOfTheOrganisation(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		s, ctx := w.store, t.Context()
		plan := w.plan(t, survey.Confidential, "sales 12")
		people, _, err := s.People(ctx, survey.DefaultOrganisation, store.PeopleQuery{})
		if err != nil {
			t.Fatal(err)
		}
		unknown := people[0]
		unknown.Language = ""
		o, err := s.Organisation(ctx, survey.DefaultOrganisation)
		if err != nil {
			t.Fatal(err)
		}
		o.Languages = []survey.Language{"pl", "en"}
		if err := errors.Join(s.SavePerson(ctx, &unknown), s.SaveOrganisation(ctx, o)); err != nil {
			t.Fatal(err)
		}
		launched, err := w.Launch(ctx, plan)
		if err != nil {
			t.Fatal(err)
		}
		invited, _, err := s.Invitations(ctx, launched.Organisation, launched.ID, store.InvitationQuery{})
		if err != nil || len(invited) != 12 {
			t.Fatalf("%d are invited, %v", len(invited), err)
		}
		for _, i := range invited {
			want := i.Person.Language
			if i.Person.ID == unknown.ID {
				want = "pl"
			}
			if i.Language != want {
				t.Errorf("person %d, whose language is %q, is invited in %q; want %q", i.Person.ID, i.Person.Language, i.Language, want)
			}
		}
	})
}
