package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"cxmirror/pkg/store"
	"cxmirror/pkg/store/storetest"
	"cxmirror/pkg/survey"
)

// filesIn returns what is in a directory.
func filesIn(t *testing.T, folder string) []string {
	t.Helper()
	files, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	names := make([]string, len(files))
	for i, file := range files {
		names[i] = file.Name()
	}
	return names
}

// A database goes back to its backup, and what it was meanwhile is kept: also what a process that was killed has
// left in the log.
func TestRestore(t *testing.T) {
	t.Parallel()
	ctx, folder := t.Context(), t.TempDir()
	path, backup, kept := filepath.Join(folder, "answers.db"), filepath.Join(t.TempDir(), "monday.db"), filepath.Join(folder, "before.db")
	live := storetest.Open(t, path)
	w := newWave(t, live, "restored")
	early := answered(t, live, w, `{"comment":"early"}`)
	if err := live.BindSecret(ctx, bytes.Repeat([]byte{3}, 32)); err != nil {
		t.Fatal(err)
	}
	if err := live.Backup(ctx, backup); err != nil {
		t.Fatal(err)
	}
	late := answered(t, live, w, `{"comment":"late"}`)
	// As after a crash: the file and its log, of a process that did not close them.
	crashed := filepath.Join(t.TempDir(), "answers.db")
	for _, end := range []string{"", "-wal"} {
		content, err := os.ReadFile(path + end)
		if err != nil || len(content) == 0 {
			t.Fatalf("%s: %d bytes, %v", end, len(content), err)
		}
		if err := os.WriteFile(crashed+end, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := live.Close(); err != nil {
		t.Fatal(err)
	}

	for _, path := range []string{path, crashed} {
		kept := filepath.Join(filepath.Dir(path), filepath.Base(kept))
		r, err := store.PrepareRestore(ctx, backup, path)
		if err != nil {
			t.Fatal(err)
		}
		if c := r.Contents; c.Waves != 1 || c.Responses != 1 || c.Schema == 0 || !bytes.Equal(c.Fingerprint, bytes.Repeat([]byte{3}, 32)) {
			t.Errorf("the backup holds %+v", c)
		}
		if was, err := r.Finish(ctx, kept); err != nil || !was {
			t.Fatalf("%t, %v", was, err)
		}
		if err := r.Abandon(); err != nil {
			t.Error(err)
		}
		if got := filesIn(t, filepath.Dir(path)); !slices.Equal(got, []string{"answers.db", "before.db"}) {
			t.Errorf("there are %v", got)
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%v, %v; want a file for its owner only", info, err)
		}
		restored, before := storetest.Open(t, path), storetest.Open(t, kept)
		for _, tt := range []struct {
			in   *store.Store
			key  string
			want error
		}{{restored, early.Key, nil}, {restored, late.Key, survey.ErrNotFound}, {before, early.Key, nil}, {before, late.Key, nil}} {
			if _, err := tt.in.ResponseByKey(ctx, survey.DefaultOrganisation, w.ID, tt.key); !errors.Is(err, tt.want) {
				t.Errorf("%s: an answer is %v; want %v", path, err, tt.want)
			}
		}
	}
}

// A backup goes where there is no database yet, and one that was copied with its log is taken with it.
func TestRestoreToNothing(t *testing.T) {
	t.Parallel()
	ctx, from, folder := t.Context(), t.TempDir(), t.TempDir()
	live := storetest.Open(t, filepath.Join(from, "live.db"))
	w := newWave(t, live, "copied")
	r := answered(t, live, w, `{"comment":"in the log"}`)
	for _, end := range []string{"", "-wal"} {
		content, err := os.ReadFile(filepath.Join(from, "live.db"+end))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(from, "copy.db"+end), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(folder, "answers.db")
	restoration, err := store.PrepareRestore(ctx, filepath.Join(from, "copy.db"), path)
	if err != nil {
		t.Fatal(err)
	}
	if was, err := restoration.Finish(ctx, filepath.Join(folder, "before.db")); err != nil || was {
		t.Errorf("%t, %v", was, err)
	}
	if _, err := storetest.Open(t, path).ResponseByKey(ctx, survey.DefaultOrganisation, w.ID, r.Key); err != nil {
		t.Error(err)
	}
}

// What is not restored leaves everything as it was, and says why.
func TestRefusedRestore(t *testing.T) {
	t.Parallel()
	ctx, folder, from := t.Context(), t.TempDir(), t.TempDir()
	path := filepath.Join(folder, "answers.db")
	live := storetest.Open(t, path)
	w := newWave(t, live, "kept")
	for i := range 200 { // some pages
		answered(t, live, w, fmt.Sprintf(`{"comment":"%d %s"}`, i, strings.Repeat("long ", 50)))
	}
	good := filepath.Join(from, "good.db")
	if err := live.Backup(ctx, good); err != nil {
		t.Fatal(err)
	}
	if err := live.Close(); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	file := func(name string, content []byte) string {
		name = filepath.Join(from, name)
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	changed := func(name, statement string) string {
		name = file(name, content)
		if _, err := rawSQLite(t, name).ExecContext(ctx, statement); err != nil {
			t.Fatal(err)
		}
		return name
	}
	torn := bytes.Clone(content)
	for i := len(torn) / 2; i < len(torn)/2+8192; i++ {
		torn[i] ^= 0x5a
	}
	served := file("served.db", content)
	claim, err := store.ClaimToServe(served)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = claim.Release() }()
	link := filepath.Join(from, "link.db")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, backup, dsn string
		want              error
		words             string
	}{
		{"missing", filepath.Join(from, "nowhere.db"), path, os.ErrNotExist, "nowhere.db"},
		{"a directory", from, path, nil, "it is no file"},
		{"empty", file("empty.db", nil), path, store.ErrForeign, "not a file of SQLite"},
		{"text", file("text.db", []byte("SQLite format 3 is what this file is about")), path, store.ErrForeign, "not a file of SQLite"},
		{"a dump", file("dump", []byte("PGDMP\x01\x0f")), path, store.ErrForeign, "pg_restore"},
		{"cut off", file("cut.db", content[:len(content)/2]), path, store.ErrDamaged, ""},
		{"torn", file("torn.db", torn), path, store.ErrDamaged, ""},
		{"only its header", file("header.db", content[:100]), path, store.ErrDamaged, ""},
		{"of another program", changed("other.db", "DROP TABLE goose_db_version"), path, store.ErrForeign, ""},
		{"without answers", changed("without.db", "PRAGMA foreign_keys = OFF; DROP TABLE responses"), path, store.ErrForeign, ""},
		{"newer", changed("newer.db", "INSERT INTO goose_db_version (version_id, is_applied) VALUES (99, true)"), path, store.ErrNewer, "99"},
		{"in service", served, path, store.ErrServed, "served.db"},
		{"itself", path, path, nil, "the database itself"},
		{"itself by a link", link, path, nil, "the database itself"},
		{"PostgreSQL", good, "postgres://nobody@nowhere/nothing", nil, "pg_restore"},
	} {
		r, err := store.PrepareRestore(ctx, tt.backup, tt.dsn)
		if err == nil {
			t.Errorf("%s was taken: %+v", tt.name, r.Contents)
			continue
		}
		if tt.want != nil && !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.words) {
			t.Errorf("%s: %v; want %v, and %q in it", tt.name, err, tt.want, tt.words)
		}
	}
	stopped, stop := context.WithCancel(ctx)
	stop()
	if _, err := store.PrepareRestore(stopped, good, path); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped: %v", err)
	}
	// The name to keep the database under is taken: nothing is lost of either.
	r, err := store.PrepareRestore(ctx, good, path)
	if err != nil {
		t.Fatal(err)
	}
	taken := file("taken.db", []byte("something else"))
	if _, err := r.Finish(ctx, taken); !errors.Is(err, os.ErrExist) {
		t.Errorf("over another file: %v", err)
	}
	if err := r.Abandon(); err != nil {
		t.Error(err)
	}
	if got := filesIn(t, folder); !slices.Equal(got, []string{"answers.db"}) {
		t.Errorf("there are %v", got)
	}
	if counts, err := storetest.Open(t, path).Counts(ctx, survey.DefaultOrganisation, w.ID); err != nil || counts.Complete != 200 {
		t.Errorf("the database has %+v, %v", counts, err)
	}
}
