package main

import (
	"path/filepath"
	"testing"

	"cxmirror/pkg/store"
)

// Whoever has lost the secret for good is told what goes with it, and goes on when she says so.
func TestALostSecret(t *testing.T) {
	data := t.TempDir()
	s := begin(t, "serve", "--data", data)
	expect(t, cxmirror(t, "secret", "--data", data), exitDone, "is the secret of this database")
	expect(t, cxmirror(t, "secret", "--data", data, "--forget-old"), exitFailed, "nothing is lost")
	s.end()

	secretOf(t, data, "secret", "a")
	expect(t, cxmirror(t, "serve", "--data", data), exitFailed, "used with another secret")
	expect(t, cxmirror(t, "secret", "--data", data), exitDone, "is not the secret of this database", "  nothing", "--forget-old")
	expect(t, cxmirror(t, "secret", "--data", data, "--confirm"), exitUsage, "--forget-old")
	expect(t, cxmirror(t, "secret", "--data", data, "--forget-old"), exitFailed, "nothing was changed", "--confirm")
	expect(t, cxmirror(t, "serve", "--data", data), exitFailed, "used with another secret")
	expect(t, cxmirror(t, "secret", "--data", data, "--forget-old", "--confirm"), exitDone, "is the secret of this database now")
	expect(t, cxmirror(t, "secret", "--data", data), exitDone, "is the secret of this database")
	begin(t, "serve", "--data", data)
	expect(t, cxmirror(t, "secret", "--data", data, "--secret-file", filepath.Join(data, "none"), "--forget-old", "--confirm"), exitFailed, store.ErrServed.Error())
	expect(t, cxmirror(t, "secret", "--data", t.TempDir()), exitFailed, "there is no database")
}
