package store_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cxmirror/pkg/store"
	"cxmirror/pkg/store/storetest"
)

// A file is served by one, whichever name it is called by, and the next may once the claim is given back.
func TestOneServesAFile(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "answers.db")
	claim, err := store.ClaimToServe(path) // before the file is there
	if err != nil {
		t.Fatal(err)
	}
	db := storetest.Open(t, path)
	link := filepath.Join(folder, "link.db")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(folder, filepath.Join(folder, "here")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{path, "sqlite:" + path, link, filepath.Join(folder, "here", "answers.db")} {
		_, err := store.ClaimToServe(name)
		if !errors.Is(err, store.ErrServed) {
			t.Errorf("%s could be claimed twice: %v", name, err)
			continue
		}
		for _, want := range []string{path, fmt.Sprint("process ", os.Getpid())} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%q does not name %s", err, want)
			}
		}
	}
	copied := filepath.Join(folder, "copy.db")
	if err := db.Backup(t.Context(), copied); err != nil {
		t.Errorf("a claimed database cannot be backed up: %v", err)
	}
	other, err := store.ClaimToServe(copied)
	if err != nil {
		t.Errorf("another file beside it cannot be claimed: %v", err)
	} else if err := other.Release(); err != nil {
		t.Error(err)
	}
	if stat, err := os.Stat(path + ".lock"); err != nil || stat.Mode().Perm() != 0o600 {
		t.Errorf("the lock: %v, %v", stat, err)
	}
	if err := claim.Release(); err != nil {
		t.Fatal(err)
	}
	again, err := store.ClaimToServe(link)
	if err != nil {
		t.Fatalf("a claim that was given back: %v", err)
	}
	if err := again.Release(); err != nil {
		t.Error(err)
	}
}

// What the file of a claim says is for people: whatever stands in it, the lock decides.
func TestAClaimTrustsNoText(t *testing.T) {
	path := filepath.Join(t.TempDir(), "answers.db")
	for _, left := range []string{"1\n", "", "\x1b[31mprocess of somebody else", strings.Repeat("9", 100)} {
		if err := os.WriteFile(path+".lock", []byte(left), 0o600); err != nil {
			t.Fatal(err)
		}
		claim, err := store.ClaimToServe(path)
		if err != nil {
			t.Fatalf("a file that says %q and is not locked: %v", left, err)
		}
		if err := os.WriteFile(path+".lock", []byte(left), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := store.ClaimToServe(path); !errors.Is(err, store.ErrServed) || strings.Contains(err.Error(), "\x1b") {
			t.Errorf("a file that says %q and is locked: %v", left, err)
		}
		if err := claim.Release(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestClaimsOfOtherDatabases(t *testing.T) {
	for range 2 { // as many as like
		claim, err := store.ClaimToServe("postgres://nobody@nowhere/nothing")
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := claim.Release(); err != nil {
				t.Error(err)
			}
		}()
	}
	for _, dsn := range []string{"", "sqlite::memory:", "mysql://root:secret@localhost/x", filepath.Join(t.TempDir(), "no", "folder.db")} {
		claim, err := store.ClaimToServe(dsn)
		if err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v, %v", dsn, claim, err)
		}
	}
}
