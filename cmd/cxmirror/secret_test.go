package main

import (
	"path/filepath"
	"testing"

	"cxmirror/pkg/store"
	"cxmirror/pkg/survey"
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
	db, err := store.Open(t.Context(), filepath.Join(data, serviceDatabase), nil)
	if err != nil {
		t.Fatal(err)
	}
	events, total, err := db.AuditEvents(t.Context(), 0, store.AuditQuery{Action: "database.secret_forgotten", Limit: 10})
	if err != nil || total != 1 || events[0].Actor != survey.ByCommand {
		t.Errorf("the trail says %+v, %v; want that the secret was forgotten, once", events, err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	begin(t, "serve", "--data", data)
	expect(t, cxmirror(t, "secret", "--data", data, "--secret-file", filepath.Join(data, "none"), "--forget-old", "--confirm"), exitFailed, store.ErrServed.Error())
	expect(t, cxmirror(t, "secret", "--data", t.TempDir()), exitFailed, "there is no database")
}
