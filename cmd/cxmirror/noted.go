package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"os"
	"os/user"
	"strconv"

	"cxmirror/pkg/access"
	"cxmirror/pkg/store"
	"cxmirror/pkg/survey"
)

// account returns what whoever runs the program is called on this machine: in the audit trail it stands beside what
// was done from the command line.
func (w *world) account() string {
	name := "user " + strconv.Itoa(os.Getuid()) // of a container, where nobody has a name
	if current, err := user.Current(); err == nil && current.Username != "" {
		name = current.Username
	}
	if behind := w.getenv("SUDO_USER"); behind != "" && behind != name {
		return behind + " as " + name
	}
	return name
}

// offline returns what users are kept by, for a command: it sends no mail, and has no use for the secret of the
// service, since it neither seals second factors nor knows browsers again.
func (w *world) offline(db access.Store, base, breached string) (*access.Service, error) {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails: the program is ended if the machine has no randomness
	return access.New(access.Options{
		Store: db, Log: slog.New(slog.DiscardHandler), Now: w.now, Random: rand.Reader, Key: key, Base: base, Breached: breached,
	})
}

// deed is what a command did, as the audit trail tells it.
type deed struct {
	organisation survey.OrganisationID // 0 is the whole instance
	action       string
	subject      string
	details      map[string]string
}

// noted adds to the audit trail what a command did.
func (w *world) noted(people *access.Service, d deed) error {
	actor := access.Command(w.account())
	actor.Organisation.ID = d.organisation
	// It is done: who interrupts the command now cannot keep it out of the trail.
	return people.Note(context.WithoutCancel(w.ctx), actor, access.Event{
		Action: d.action, Subject: d.subject, Details: d.details, Instance: d.organisation == 0,
	})
}

// trailSince is the version of the database from which on it has an audit trail.
const trailSince = 3

// notedOfDatabase adds to the audit trail what was done to a database as a whole. One that is older than the trail
// has none to add to.
func (w *world) notedOfDatabase(db *store.Store, action string, details map[string]string) error {
	if has, _, err := db.Schema(w.ctx); err != nil || has < trailSince {
		return err
	}
	people, err := w.offline(db, nowhere, "")
	if err != nil {
		return err
	}
	return w.noted(people, deed{action: action, subject: "database", details: details})
}

// nowhere is the address of a service that makes no links.
const nowhere = "http://localhost"

// current refuses a database that this version of the program cannot work with yet.
func current(ctx context.Context, db *store.Store) error {
	has, needs, err := db.Schema(ctx)
	if err == nil && has < needs {
		err = fmt.Errorf("the database is of version %d, this program needs %d: run cxmirror migrate first", has, needs)
	}
	return err
}
