package main

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"

	"cxmirror/pkg/fieldwork"
	"cxmirror/pkg/store"
	"cxmirror/pkg/survey"
)

type secretCommand struct {
	databaseFlags

	SecretFile string `placeholder:"FILE" help:"File that the service reads its secret from; in --data unless given."`
	ForgetOld  bool   `help:"Go on with another secret, because the one of the database is lost for good. Says what is lost with it, and changes nothing without --confirm."`
	Confirm    bool   `help:"Do it. There is no way back."`
}

// Help is printed by secret --help.
func (secretCommand) Help() string {
	return `Says whether the secret at hand is the one that the database is used with, and what depends on it.

  cxmirror secret --data /var/lib/cxmirror

Where the secret is lost for good, and no backup, no other server and nobody who keeps backups has a copy, this goes
on with another one: with what is in the file of the secret, or with a new one where there is no file. Stop every
server of the database first, and make a backup.

  cxmirror secret --data /var/lib/cxmirror --forget-old              says what would be lost
  cxmirror secret --data /var/lib/cxmirror --forget-old --confirm    does it

Answers that count stay as they are, and so do answers that wait in waves that are not anonymous. Everybody who was
invited gets another personal link and access code; the old ones lead nowhere. Finished answers of anonymous waves
that waited are lost: nobody can open them.`
}

// Run says how database and secret stand to each other, and goes on with another secret if it is to.
func (c secretCommand) Run(w *world) error {
	if c.Confirm && !c.ForgetOld {
		return usage("--confirm confirms --forget-old, which is missing")
	}
	if err := c.exists(serviceDatabase); err != nil {
		return err
	}
	log := slog.New(slog.DiscardHandler)
	if c.ForgetOld && c.Confirm {
		claim, err := c.claim(serviceDatabase)
		if err != nil {
			return err
		}
		defer releaseDatabase(claim, log)
	}
	db, err := c.open(w.ctx, serviceDatabase, log)
	if err != nil {
		return err
	}
	defer closeDatabase(db, log)
	if err := current(w.ctx, db); err != nil {
		return err
	}
	old, err := db.SecretFingerprint(w.ctx)
	if errors.Is(err, survey.ErrNotFound) {
		_, err = fmt.Fprintln(w.stdout, "the database was used with no secret yet: nothing depends on one")
		return err
	}
	if err != nil {
		return err
	}
	file := fieldworkFlags{SecretFile: c.SecretFile}.secretPath(c.Data)
	_, err = readSecretOf(file, old)
	missing := errors.Is(err, fs.ErrNotExist)
	switch {
	case err == nil && c.ForgetOld:
		return fmt.Errorf("%s is the secret of this database: nothing is lost, and there is nothing to forget", file)
	case err == nil:
		_, err = fmt.Fprintf(w.stdout, "%s is the secret of this database\n", file)
		return err
	case !missing && !errors.Is(err, store.ErrOtherSecret): // nothing is known of it, and it may be the right one
		return fmt.Errorf("%s: %w", setting("secret-file"), err)
	}
	if c.ForgetOld && c.Confirm {
		return c.forget(w, db, file, old, missing)
	}
	use, err := db.SecretUse(w.ctx)
	if err != nil {
		return err
	}
	if missing {
		fmt.Fprintf(w.stdout, "the secret of this database is missing: there is no %s\n", file)
	} else {
		fmt.Fprintf(w.stdout, "%s is not the secret of this database\n", file)
	}
	fmt.Fprintf(w.stdout, "%s\n", whereSecretsAre)
	tellSecretUse(w.stdout, "if it is lost for good, this goes with it", &use)
	if c.ForgetOld {
		return errors.New("nothing was changed: with --confirm it is done, and there is no way back")
	}
	_, err = fmt.Fprintln(w.stdout, "to go on without it: cxmirror secret --forget-old")
	return err
}

// forget goes on with the secret in the file, which is made where it is missing.
func (c secretCommand) forget(w *world, db *store.Store, file string, old []byte, missing bool) error {
	next, err := fieldwork.ReadSecret(file, rand.Reader)
	if err != nil {
		return fmt.Errorf("%s: %w", setting("secret-file"), err)
	}
	if bytes.Equal(next.Fingerprint(), old) {
		return fmt.Errorf("%s is the secret of this database: nothing is lost", file)
	}
	use, err := db.ForgetSecret(w.ctx, old, next.Fingerprint(), next.Ways)
	if err != nil {
		return err
	}
	if err := w.notedOfDatabase(db, "database.secret_forgotten", nil); err != nil {
		return err
	}
	made := "is the secret of this database now"
	if missing {
		made = "was made, and is the secret of this database now; keep a copy of it, apart from backups"
	}
	fmt.Fprintf(w.stdout, "%s %s\n", file, made)
	tellSecretUse(w.stdout, "this went with the old one", &use)
	if use.Mailed > 0 {
		fmt.Fprintln(w.stdout, "send a reminder in the waves that are open: it brings everybody who has not finished her new link")
	}
	if use.Codes > 0 {
		fmt.Fprintln(w.stdout, "print the access codes anew")
	}
	return nil
}

// tellSecretUse says what depends on a secret.
func tellSecretUse(to io.Writer, title string, use *store.SecretUse) {
	fmt.Fprintf(to, "%s:\n", title)
	line := func(what string, n int, one, many, then string) {
		if n > 0 {
			fmt.Fprintf(to, "  %-10s  %s%s\n", what, counted(int64(n), one, many), then)
		}
	}
	line("links", use.Links, "personal link", "personal links", fmt.Sprintf(", of which %d were mailed, lead nowhere; everybody gets another one", use.Mailed))
	line("codes", use.Codes, "access code", "access codes", " on paper, unknown from then on; everybody gets another one")
	line("begun", use.Begun, "unfinished answer", "unfinished answers", " can be gone on with by the new link alone")
	line("drafts", use.Drafts, "unfinished answer", "unfinished answers", " of anonymous waves; those begun by a personal link are lost, and begun anew")
	line("waiting", use.Sealed, "finished answer", "finished answers", " of anonymous waves that waited for others: lost, nobody can open them")
	line("sign-in", use.SecondFactors, "second factor", "second factors", " of people who sign in: an administrator ends each, and it is set up anew")
	if *use == (store.SecretUse{}) {
		fmt.Fprintln(to, "  nothing")
	}
	fmt.Fprintln(to, "  kept        all answers that count, and those that wait in waves that are not anonymous")
}
