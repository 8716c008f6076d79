package main

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"cxmirror/pkg/store"
	"cxmirror/pkg/survey"
)

// expect fails the test unless a command ended as it should and said what it should.
func expect(t *testing.T, got outcome, code int, words ...string) {
	t.Helper()
	if got.code != code {
		t.Fatalf("exit code %d, want %d:\n%s%s", got.code, code, got.stdout, got.stderr)
	}
	for _, want := range words {
		if !strings.Contains(got.stdout+got.stderr, want) {
			t.Errorf("%q is not in:\n%s%s", want, got.stdout, got.stderr)
		}
	}
}

// secretOf writes a secret of one letter, which is not a good one, and returns its file.
func secretOf(t *testing.T, folder, name, letter string) string {
	t.Helper()
	return write(t, folder, name, base64.StdEncoding.EncodeToString([]byte(strings.Repeat(letter, 31)+"!"))+"\n")
}

// A service whose machine is lost goes on elsewhere from its backup and its secret. What was there is kept.
func TestBackupAndRestore(t *testing.T) {
	data, safe := t.TempDir(), t.TempDir()
	backup, secret := filepath.Join(safe, "monday.db"), filepath.Join(safe, "secret")
	s := begin(t, "serve", "--data", data)
	wavesOf := func(data string) []survey.Wave {
		t.Helper()
		db, err := store.Open(t.Context(), filepath.Join(data, serviceDatabase), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		waves, err := db.Waves(t.Context(), survey.DefaultOrganisation)
		if err != nil {
			t.Fatal(err)
		}
		return waves
	}
	add := func(i int) {
		t.Helper()
		db, err := store.Open(t.Context(), filepath.Join(data, serviceDatabase), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if _, err := demoWaves("en")[i].create(t.Context(), db, "en"); err != nil {
			t.Fatal(err)
		}
	}
	add(0)
	expect(t, cxmirror(t, "backup", "--data", data, "--secret-to", secret, backup), exitDone, backup, secret, "apart from the backup")
	expect(t, cxmirror(t, "backup", "--data", data, "--secret-to", secret, filepath.Join(safe, "again.db")), exitFailed, "--secret-to", "exists already")
	if _, err := os.Stat(filepath.Join(safe, "again.db")); err == nil {
		t.Error("there is a backup without its secret")
	}
	add(1)
	expect(t, cxmirror(t, "restore", "--data", data, backup), exitFailed, "another process serves", "stop it first")
	if code := s.end(); code != exitDone {
		t.Fatal(s.stderr)
	}
	if got := wavesOf(data); len(got) != 2 {
		t.Fatalf("a refused restore left %d waves, want 2", len(got))
	}

	got := cxmirror(t, "restore", "--data", data, backup)
	expect(t, got, exitDone, filepath.Join(data, serviceDatabase), "1 wave, 0 finished answers, 0 people in the panel",
		filepath.Join(data, "secret")+" is that of the backup\n", "erase them anew")
	if len(wavesOf(data)) != 1 {
		t.Errorf("%d waves, want the one of the backup", len(wavesOf(data)))
	}
	kept := regexp.MustCompile(`kept as (\S+\.db);`).FindStringSubmatch(got.stdout)
	if kept == nil || !regexp.MustCompile(`cxmirror-before-restore-\d{8}-\d{6}\.db$`).MatchString(kept[1]) {
		t.Fatalf("it does not say where the database before is:\n%s", got.stdout)
	}
	before, err := store.Open(t.Context(), kept[1], nil)
	if err != nil {
		t.Fatal(err)
	}
	defer before.Close()
	if waves, err := before.Waves(t.Context(), survey.DefaultOrganisation); err != nil || len(waves) != 2 {
		t.Errorf("what is kept has %d waves, %v; want 2", len(waves), err)
	}
	begin(t, "serve", "--data", data).end()

	// On a new machine, at first without the secret.
	fresh := filepath.Join(t.TempDir(), "data")
	expect(t, cxmirror(t, "restore", "--data", fresh, backup), exitDone, "IS MISSING")
	expect(t, cxmirror(t, "serve", "--data", fresh, "--listen", "127.0.0.1:0"), exitFailed, "secret-file", "is missing", "put the right one there")
	if _, err := os.Stat(filepath.Join(fresh, "secret")); err == nil {
		t.Error("a secret was made that is not that of the database")
	}
	wrong := secretOf(t, safe, "wrong", "w")
	expect(t, cxmirror(t, "restore", "--data", fresh, "--secret-from", wrong, backup), exitFailed, "--secret-from", wrong, "another secret")
	expect(t, cxmirror(t, "restore", "--data", fresh, "--secret-from", filepath.Join(safe, "nowhere"), backup), exitFailed, "nowhere")
	if _, err := os.Stat(filepath.Join(safe, "nowhere")); err == nil {
		t.Error("a secret was made where there was none to put back")
	}
	write(t, fresh, "secret", "something else\n")
	expect(t, cxmirror(t, "restore", "--data", fresh, backup), exitDone, "CANNOT BE READ")
	got = cxmirror(t, "restore", "--data", fresh, "--secret-from", secret, backup)
	expect(t, got, exitDone, "is put back", "is kept as "+filepath.Join(fresh, "secret-before-restore-"))
	begin(t, "serve", "--data", fresh).end()
	if readFile(t, filepath.Join(fresh, "secret")) != readFile(t, secret) {
		t.Error("the secret is not that of the backup")
	}
}

// A database belongs to one secret: another is refused with a sentence, and changes nothing.
func TestOneSecretForADatabase(t *testing.T) {
	for engine, dsn := range databases(t) {
		t.Run(engine, func(t *testing.T) {
			dsn, folder := dsn(t), t.TempDir()
			one, other := secretOf(t, folder, "one", "1"), secretOf(t, folder, "other", "2")
			serve := func(secret string) []string { return []string{"serve", "--dsn", dsn, "--secret-file", secret} }
			begin(t, serve(one)...).end()
			for _, tt := range []struct{ secret, words string }{
				{other, other + ": links in new mails would lead nowhere"},
				{filepath.Join(folder, "lost"), filepath.Join(folder, "lost") + " is missing"},
			} {
				got := cxmirror(t, append(serve(tt.secret), "--listen", "127.0.0.1:0")...)
				expect(t, got, exitFailed, "--secret-file (CXMIRROR_SECRET_FILE)", tt.words, "put the right one there")
				if strings.Contains(got.stderr, strings.Repeat("2", 10)) || strings.Contains(got.stderr, strings.TrimSpace(readFile(t, other))) {
					t.Errorf("the message tells the secret: %s", got.stderr)
				}
			}
			if _, err := os.Stat(filepath.Join(folder, "lost")); err == nil {
				t.Error("a secret was made that is not that of the database")
			}
			begin(t, serve(one)...).end()
		})
	}
}

// PostgreSQL has means of its own, which both commands name.
func TestBackupAndRestoreOfPostgres(t *testing.T) {
	for _, command := range []string{"backup", "restore"} {
		got := cxmirror(t, command, "--dsn", "postgres://u@127.0.0.1:1/x", filepath.Join(t.TempDir(), "file"))
		expect(t, got, exitUsage, "--dsn (CXMIRROR_DSN)", "pg_dump --format custom", "pg_restore", "WAL")
		if help := cxmirror(t, command, "--help").stdout; !strings.Contains(help, "pg_restore") || !strings.Contains(help, "secret") {
			t.Errorf("the help of %s does not say how PostgreSQL is backed up, or what the secret is for:\n%s", command, help)
		}
	}
	if got := cxmirror(t, "restore", "--data", filepath.Join(t.TempDir(), "data"), "nowhere.db"); got.code != exitFailed || !strings.Contains(got.stderr, "nowhere.db") {
		t.Errorf("%+v", got)
	}
}
