package store_test

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cxmirror/pkg/store"
	"cxmirror/pkg/store/storetest"
	"cxmirror/pkg/survey"
)

// noon is a time with more digits than the databases keep, in a zone that is not UTC.
var noon = time.Date(2027, 3, 1, 12, 30, 15, 123456789, time.FixedZone("CET", 3600))

func stored(t time.Time) *time.Time {
	t = t.UTC().Truncate(time.Microsecond)
	return &t
}

// newVersion stores a version for a test.
func newVersion(tb testing.TB, s *store.Store) survey.Version {
	tb.Helper()
	v := survey.Version{
		Organisation: survey.DefaultOrganisation, Code: "expectations", Number: 1, Source: []byte("code: expectations\nversion: 1\n"),
		Frames: map[string][]byte{"expectations.yaml": []byte("code: expectations\n")},
	}
	if err := s.SaveVersion(tb.Context(), &v); err != nil {
		tb.Fatal(err)
	}
	return v
}

// newWave stores an open wave for a test. Its answers count as they come.
func newWave(tb testing.TB, s *store.Store, slug string) survey.Wave {
	tb.Helper()
	w := survey.Wave{
		Organisation: survey.DefaultOrganisation, Version: newVersion(tb, s).ID, Name: "Customers, spring 2027", Audience: survey.External,
		Slug: slug, State: survey.WaveOpen, Threshold: 1,
	}
	if err := s.CreateWave(tb.Context(), &w); err != nil {
		tb.Fatal(err)
	}
	return w
}

// newResponse returns a draft that is not stored yet.
func newResponse(w survey.Wave) survey.Response {
	var random [48]byte
	_, _ = rand.Read(random[:])
	return survey.Response{
		ID: survey.ResponseID(hex.EncodeToString(random[:16])), Key: hex.EncodeToString(random[16:]), Wave: w.ID, Version: w.Version,
		Language: "pl", Seed: 1<<63 + 5, Answers: []byte(`{}`), Weight: 1, Started: noon,
	}
}

// complete returns a response as it is when its last page is saved.
func complete(r survey.Response, answers string) survey.Response {
	r.Revision++
	r.Page++
	r.Answers = []byte(answers)
	r.Completed = stored(noon.Add(time.Minute))
	return r
}

// answered stores a complete response.
func answered(tb testing.TB, s *store.Store, w survey.Wave, answers string) survey.Response {
	tb.Helper()
	r := newResponse(w)
	if err := s.StartResponse(tb.Context(), survey.DefaultOrganisation, &r); err != nil {
		tb.Fatal(err)
	}
	r = complete(r, answers)
	if err := s.CompleteResponse(tb.Context(), survey.DefaultOrganisation, r, 0); err != nil {
		tb.Fatal(err)
	}
	return r
}

func wantError(t *testing.T, what string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("%s: %v; want %v", what, got, want)
	}
}

func TestVersions(t *testing.T) {
	t.Parallel()
	for name, open := range storetest.Engines() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, ctx := open(t), t.Context()
			v := newVersion(t, s)
			if v.ID == 0 || v.Stored.IsZero() || v.Stored.Location() != time.UTC {
				t.Errorf("SaveVersion filled in id %d and %v; want both, in UTC", v.ID, v.Stored)
			}
			if again := newVersion(t, s); again.ID != v.ID {
				t.Errorf("the same version again has id %d; want %d", again.ID, v.ID)
			}
			got, err := s.Version(ctx, v.Organisation, v.ID)
			if err != nil || cmp.Diff(v, got) != "" {
				t.Errorf("Version: %v, %s", err, cmp.Diff(v, got))
			}

			for what, change := range map[string]func(v *survey.Version){
				"another source": func(v *survey.Version) { v.Source = []byte("other") },
				"another frame":  func(v *survey.Version) { v.Frames = map[string][]byte{"expectations.yaml": []byte("other")} },
				"one frame more": func(v *survey.Version) {
					v.Frames = map[string][]byte{"expectations.yaml": v.Frames["expectations.yaml"], "b": nil}
				},
				"no frames at all": func(v *survey.Version) { v.Frames = nil },
			} {
				other := v
				change(&other)
				wantError(t, what, s.SaveVersion(ctx, &other), survey.ErrConflict)
			}
			second := survey.Version{Organisation: v.Organisation, Code: v.Code, Number: 2, Source: []byte{0xff, 0, 'x'}}
			if err := s.SaveVersion(ctx, &second); err != nil {
				t.Fatal(err)
			}
			if got, err := s.Version(ctx, v.Organisation, second.ID); err != nil || !bytes.Equal(got.Source, second.Source) || got.Frames != nil {
				t.Errorf("Version = %+v, %v; want the bytes that were saved, and no frames", got, err)
			}
			list, err := s.Versions(ctx, v.Organisation)
			if err != nil || len(list) != 2 || list[0].Number != 1 || list[1].Number != 2 || list[0].Source != nil {
				t.Errorf("Versions = %+v, %v; want both by number, without sources", list, err)
			}

			_, err = s.Version(ctx, v.Organisation+1, v.ID)
			wantError(t, "another organisation's version", err, survey.ErrNotFound)
			foreign := survey.Version{Organisation: 77, Code: "x", Number: 1, Source: []byte("code: x\n")}
			wantError(t, "version of an unknown organisation", s.SaveVersion(ctx, &foreign), survey.ErrNotFound)
		})
	}
}

func TestWaves(t *testing.T) {
	t.Parallel()
	for name, open := range storetest.Engines() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, ctx := open(t), t.Context()
			want := survey.Wave{
				Organisation: survey.DefaultOrganisation, Version: newVersion(t, s).ID, Name: "Wiosna „2027”", Audience: survey.Internal, Slug: "wiosna-2027",
				State: survey.WaveDraft, Opens: &noon, Closes: stored(noon.Add(time.Hour)), Limit: 300, Threshold: 5, Simulated: true,
				Promise: survey.Promise{
					Asker: survey.Words{"pl": "Dział IT", "en": "IT"}, Purpose: survey.Words{"pl": "żeby wiedzieć"}, Minutes: 3,
					Kept: survey.Words{"en": "answers"}, Contact: "it@example.org", Homepage: "https://example.org",
				},
			}
			if err := s.CreateWave(ctx, &want); err != nil {
				t.Fatal(err)
			}
			want.Opens = stored(noon)
			got, err := s.WaveBySlug(ctx, want.Slug)
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				t.Errorf("WaveBySlug: %v\n%s", err, diff)
			}

			taken := want
			wantError(t, "the same slug again", s.CreateWave(ctx, &taken), survey.ErrSlugTaken)
			orphan := want
			orphan.Slug, orphan.Version = "orphan", 77
			wantError(t, "wave of an unknown version", s.CreateWave(ctx, &orphan), survey.ErrNotFound)
			_, err = s.Wave(ctx, want.Organisation+1, want.ID)
			wantError(t, "another organisation's wave", err, survey.ErrNotFound)
			_, err = s.WaveBySlug(ctx, "' OR 1=1 --")
			wantError(t, "a slug that does not exist", err, survey.ErrNotFound)

			changed := want
			changed.Name, changed.State, changed.Opens, changed.Closes = "Spring", survey.WaveOpen, nil, nil
			changed.Limit, changed.Threshold, changed.Comments, changed.Promise = 0, 10, 10, survey.Promise{Minutes: 1}
			if err := s.UpdateWave(ctx, changed); err != nil {
				t.Fatal(err)
			}
			got, err = s.Wave(ctx, want.Organisation, want.ID)
			if diff := cmp.Diff(changed, got); err != nil || diff != "" {
				t.Errorf("Wave after UpdateWave: %v\n%s", err, diff)
			}
			looser := changed
			looser.Threshold = 9
			wantError(t, "a lower threshold", s.UpdateWave(ctx, looser), survey.ErrConflict)
			foreign := changed
			foreign.Organisation++
			wantError(t, "another organisation's update", s.UpdateWave(ctx, foreign), survey.ErrNotFound)
			for what, change := range map[string]func(w *survey.Wave){
				"a state there is not": func(w *survey.Wave) { w.State = "paused" },
				"a limit below 0":      func(w *survey.Wave) { w.Limit = -1 },
			} {
				wrong := changed
				change(&wrong)
				if err := s.UpdateWave(ctx, wrong); err == nil {
					t.Errorf("UpdateWave took %s", what)
				}
			}

			later := newWave(t, s, "later")
			list, err := s.Waves(ctx, want.Organisation)
			if err != nil || len(list) != 2 || list[0].ID != later.ID || list[1].ID != want.ID {
				t.Errorf("Waves = %+v, %v; want both, the newest first", list, err)
			}
		})
	}
}

func TestDeleteWave(t *testing.T) {
	t.Parallel()
	for name, open := range storetest.Engines() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, ctx := open(t), t.Context()
			gone, kept := newWave(t, s, "gone"), newWave(t, s, "kept")
			for range 3 {
				answered(t, s, gone, `{"a":1}`)
				answered(t, s, kept, `{"a":1}`)
			}
			wantError(t, "another organisation's deletion", s.DeleteWave(ctx, gone.Organisation+1, gone.ID), survey.ErrNotFound)
			if err := s.DeleteWave(ctx, gone.Organisation, gone.ID); err != nil {
				t.Fatal(err)
			}
			wantError(t, "deleting it again", s.DeleteWave(ctx, gone.Organisation, gone.ID), survey.ErrNotFound)
			_, err := s.Mark(ctx, survey.DefaultOrganisation, gone.ID)
			wantError(t, "mark of a deleted wave", err, survey.ErrNotFound)
			r := newResponse(gone)
			wantError(t, "start in a deleted wave", s.StartResponse(ctx, survey.DefaultOrganisation, &r), survey.ErrNotFound)
			counts, err := s.AllCounts(ctx, kept.Organisation)
			want := map[survey.WaveID]store.Counts{kept.ID: {Started: 3, Complete: 3, Counted: 3, Last: *stored(noon.Add(time.Minute))}}
			if diff := cmp.Diff(want, counts); err != nil || diff != "" {
				t.Errorf("AllCounts: %v\n%s", err, diff)
			}
		})
	}
}

func TestCounts(t *testing.T) {
	t.Parallel()
	for name, open := range storetest.Engines() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, ctx := open(t), t.Context()
			w := newWave(t, s, "counts")
			if got, err := s.Counts(ctx, survey.DefaultOrganisation, w.ID); err != nil || got != (store.Counts{}) {
				t.Errorf("Counts of nobody = %+v, %v; want none", got, err)
			}
			answered(t, s, w, `{"a":1}`)
			r := newResponse(w)
			if err := s.StartResponse(ctx, survey.DefaultOrganisation, &r); err != nil {
				t.Fatal(err)
			}
			if got, err := s.Counts(ctx, survey.DefaultOrganisation, w.ID); err != nil || got != (store.Counts{Started: 2, Complete: 1, Counted: 1, Last: *stored(noon.Add(time.Minute))}) {
				t.Errorf("Counts = %+v, %v; want 2 started, 1 complete", got, err)
			}
		})
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	text := filepath.Join(t.TempDir(), "notes.txt")
	if err := os.WriteFile(text, []byte(strings.Repeat("this is no database\n", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	missing := filepath.Join(t.TempDir(), "missing", "cxmirror.db")
	tests := []struct {
		dsn, want   string // part of the error
		unavailable bool
	}{
		{"", "is empty", false},
		{":memory:", "name a file", false},
		{"mysql://admin:secret@host/db", "neither a PostgreSQL connection string nor", false},
		{missing, missing, false},
		{text, "not a database", false},
		{t.TempDir(), "is a directory", false},
		{"postgres://localhost:1/none", "does not answer", true},
		{"host=/nonexistent dbname=none", "does not answer", true},
		{"postgres://admin:secret@localhost:abc/", "invalid port", false},
		{"postgres://localhost/none?pool_max_conns=1", "at least 2", false},
	}
	for _, tt := range tests {
		s, err := store.Open(t.Context(), tt.dsn, slog.New(slog.DiscardHandler))
		if err == nil {
			t.Errorf("Open(%q) succeeded; want an error with %q", tt.dsn, tt.want)
			_ = s.Close()
			continue
		}
		if !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "secret") || errors.Is(err, survey.ErrUnavailable) != tt.unavailable {
			t.Errorf("Open(%q): %v; want %q, no password, unavailable %v", tt.dsn, err, tt.want, tt.unavailable)
		}
	}
}

func TestSQLiteFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "100% żółć? #1 & more.db")
	s := storetest.Open(t, "sqlite:"+path)
	newWave(t, s, "odd-path")
	if s.Engine() != "sqlite" {
		t.Errorf("Engine = %q", s.Engine())
	}
	for _, suffix := range []string{"", "-wal", "-shm"} {
		info, err := os.Stat(path + suffix)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v; want a file for its owner only", path+suffix, info, err)
		}
	}
}

func TestBackup(t *testing.T) {
	t.Parallel()
	s, ctx := storetest.Open(t, storetest.SQLite(t)), t.Context()
	w := newWave(t, s, "backed-up")
	r := answered(t, s, w, `{"comment":"żółw"}`)
	dir := t.TempDir()
	path := filepath.Join(dir, "it's a copy.db")
	if err := s.Backup(ctx, path); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the copy: %v, %v; want a file for its owner only", info, err)
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 1 {
		t.Errorf("beside the copy there is %v, %v; want nothing", files, err)
	}
	wantError(t, "backup onto a file", s.Backup(ctx, path), os.ErrExist)
	answered(t, s, w, `{"comment":"later"}`)

	restored := storetest.Open(t, path)
	got, err := restored.ResponseByKey(ctx, survey.DefaultOrganisation, w.ID, r.Key)
	if err != nil || string(got.Answers) != string(r.Answers) {
		t.Errorf("ResponseByKey of the copy = %+v, %v; want %s", got, err, r.Answers)
	}
	if counts, err := restored.Counts(ctx, survey.DefaultOrganisation, w.ID); err != nil || counts.Complete != 1 {
		t.Errorf("Counts of the copy = %+v, %v; want those of its moment", counts, err)
	}
	if err := s.Backup(ctx, filepath.Join(dir, "missing", "copy.db")); err == nil || !strings.Contains(err.Error(), "missing") {
		t.Errorf("Backup into a directory that is not there: %v", err)
	}
}

func TestBackupOfPostgres(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t, storetest.Postgres(t))
	if err := s.Backup(t.Context(), filepath.Join(t.TempDir(), "copy")); err == nil || !strings.Contains(err.Error(), "pg_dump") {
		t.Errorf("Backup = %v; want an error that names pg_dump", err)
	}
}

// TestSilence shows that no failing statement prints answers, on the log or elsewhere.
func TestSilence(t *testing.T) {
	t.Parallel()
	for name, dsn := range map[string]func(testing.TB) string{"sqlite": storetest.SQLite, "postgres": storetest.Postgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log bytes.Buffer
			s, err := store.Open(t.Context(), dsn(t), slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})))
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if _, _, err := s.Migrate(t.Context()); err != nil {
				t.Fatal(err)
			}
			const secret = "whom I complain about"
			w := newWave(t, s, "silence")
			var said []string
			for _, spoil := range []func(r *survey.Response){
				func(r *survey.Response) { r.Wave = 77 },
				func(r *survey.Response) { r.Version = 77 },
				func(r *survey.Response) { r.ID = "short" },
				func(r *survey.Response) { r.Weight = -1 },
				func(r *survey.Response) { r.Page = -1 },
				func(r *survey.Response) { r.Answers = []byte(`{"comment":"` + secret) },
				func(r *survey.Response) { r.Answers = []byte(`["` + secret + `"]`) },
				func(r *survey.Response) { r.Answers = []byte(`{"comment":"` + secret + `\u0000"}`) },
				func(r *survey.Response) { r.Answers = []byte("{\"comment\":\"" + secret + "\xff\"}") },
				func(r *survey.Response) { r.Answers = []byte(`{"comment":"` + secret + `\ud800"}`); r.Weight = -1 },
			} {
				r := newResponse(w)
				r.Answers = []byte(`{"comment":"` + secret + `"}`)
				spoil(&r)
				err := s.StartResponse(t.Context(), survey.DefaultOrganisation, &r)
				if err == nil {
					t.Errorf("StartResponse stored %+v", r)
				}
				said = append(said, fmt.Sprint(err))
			}
			if all := log.String() + strings.Join(said, "\n"); strings.Contains(all, "complain") {
				t.Errorf("answers were printed:\n%s", all)
			}
			if strings.Count(log.String(), "\n") != 1 || !strings.Contains(log.String(), "database migrated") {
				t.Errorf("the log has\n%s\nwant one line, of the migration", log.String())
			}
		})
	}
}
