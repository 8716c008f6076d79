package main

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"cxmirror/pkg/fieldwork"
	"cxmirror/pkg/store"
)

type restoreCommand struct {
	databaseFlags

	SecretFile string `placeholder:"FILE" help:"File that the service reads its secret from; in --data unless given."`
	SecretFrom string `placeholder:"FILE" help:"Copy of the secret that belongs to the backup, to put back with it."`
	Path       string `arg:"" help:"Backup to put back, as cxmirror backup wrote it."`
}

// Help is printed by restore --help.
func (restoreCommand) Help() string {
	return `Puts a backup in the place of the embedded database. Stop the service first; one that runs is refused. The backup
is checked before anything changes, and the database that was there is kept beside it under a name with the date.
Run it as the user whom the service runs as.

  cxmirror restore --data /var/lib/cxmirror /backups/cxmirror-monday.db
  cxmirror restore --data /var/lib/cxmirror --secret-from /safe/cxmirror-secret /backups/cxmirror-monday.db

What came after the backup is not in it. So mails that were sent since then wait in it, and would be sent again:
start the service without a server for mail (CXMIRROR_MAIL) to look first. People who were erased since are in it
again: erase them anew. Nobody is signed in, and no link to sign in by works any more; passwords, roles and tokens are
those of the backup, so revoke again what was revoked since.

The secret (the file "secret" in --data) belongs to the database. With another one, access codes are unknown, new
mails carry links that lead nowhere, and answers of anonymous waves that wait cannot be opened, so the service
refuses to start.

` + postgresBackups
}

// postgresBackups is what whoever keeps backups of PostgreSQL needs to know.
const postgresBackups = `PostgreSQL has programs of its own for this, and any of them will do:

  pg_dump --format custom --file cxmirror.dump "$CXMIRROR_DSN"
  pg_restore --clean --if-exists --no-owner --dbname "$CXMIRROR_DSN" cxmirror.dump      (with the service stopped)
  cxmirror user sign-out --everybody                                                    (sessions and links of the dump)

A dump holds all but the secret: keep a copy of that file too, but elsewhere. An archive of the log (WAL) holds
every moment, also rows that were deleted since: people who were erased, and which sealed row came with which
invitation. So keep dumps and archives no longer than you promised to keep personal data, and apart from the secret.`

// Run checks the backup, puts it in place, and says what it holds.
func (c restoreCommand) Run(w *world) error {
	if c.DSN != "" {
		return usage("%s names a PostgreSQL; this restores the embedded database in --data\n\n%s", setting("dsn"), postgresBackups)
	}
	if _, err := os.Stat(c.Path); err != nil { // before a directory is made
		return fmt.Errorf("restore: %w", err)
	}
	claim, err := c.claim(serviceDatabase)
	if err != nil {
		return err
	}
	defer releaseDatabase(claim, slog.New(slog.DiscardHandler))
	path := filepath.Join(c.Data, serviceDatabase)
	restoration, err := store.PrepareRestore(w.ctx, c.Path, path)
	if err != nil {
		return err
	}
	return errors.Join(c.restore(w, restoration, path), restoration.Abandon())
}

func (c restoreCommand) restore(w *world, restoration *store.Restoration, path string) error {
	secret := fieldworkFlags{SecretFile: c.SecretFile}.secretPath(c.Data)
	stamp := w.now().UTC().Format("20060102-150405")
	said, err := c.restoreSecret(secret, restoration.Contents.Fingerprint, stamp)
	if err != nil {
		return err
	}
	kept := unused(filepath.Join(c.Data, strings.TrimSuffix(serviceDatabase, ".db")+"-before-restore-"+stamp), ".db")
	was, err := restoration.Finish(w.ctx, kept)
	if err != nil {
		return err
	}
	if err := c.note(w); err != nil {
		return err
	}
	if path, err = filepath.Abs(path); err != nil {
		return err
	}
	about := &restoration.Contents
	fmt.Fprintf(w.stdout, "%s is as it was when %s was made\n", path, c.Path)
	fmt.Fprintf(w.stdout, "  it holds    %s, %s, %s\n", counted(about.Waves, "wave", "waves"),
		counted(about.Responses, "finished answer", "finished answers"), counted(about.People, "person in the panel", "people in the panel"))
	if was {
		fmt.Fprintf(w.stdout, "  before      the database that was there is kept as %s; remove it when you are sure\n", kept)
	}
	fmt.Fprintf(w.stdout, "  secret      %s\n", said)
	if about.Sealed > 0 {
		fmt.Fprintf(w.stdout, "  waiting     %s of anonymous waves, which only that secret opens\n", counted(about.Sealed, "answer", "answers"))
	}
	if about.Sessions > 0 {
		fmt.Fprintln(w.stdout, "  signed in   nobody: the sessions and one-time links of the backup have ended; passwords and tokens are those of then")
	}
	if about.Mails > 0 {
		fmt.Fprintf(w.stdout, "  mail        %s to be sent; what was sent after the backup would be sent again: start without %s to look first\n",
			counted(about.Mails, "mail waits", "mails wait"), setting("mail"))
	}
	_, err = fmt.Fprintf(w.stdout, "  erased      whoever was erased after the backup is in it again: erase them anew\n")
	return err
}

// note tells the audit trail of the database that was put back, unless that is older than the trail.
func (c restoreCommand) note(w *world) error {
	db, err := c.open(w.ctx, serviceDatabase, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	return errors.Join(w.notedOfDatabase(db, "database.restored", map[string]string{"file": filepath.Base(c.Path)}), db.Close())
}

// unused returns a name that no file has: the one given, or with a number if two restores come within a second.
func unused(name, end string) string {
	for i, candidate := 2, name; ; i++ {
		if _, err := os.Lstat(candidate + end); err != nil { // what else is wrong shows when it is used
			return candidate + end
		}
		candidate = fmt.Sprintf("%s-%d", name, i)
	}
}

// counted says how many there are.
func counted(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// restoreSecret puts the secret back if it is to be, and says whether the one that the service will read is that of
// the backup. A secret that does not belong to the backup is refused; one that is in the way is kept under a name
// with the stamp.
func (c restoreCommand) restoreSecret(path string, fingerprint []byte, stamp string) (said string, err error) {
	if c.SecretFrom == "" {
		return secretState(path, fingerprint), nil
	}
	content, err := readSecretOf(c.SecretFrom, fingerprint)
	if err != nil {
		return "", fmt.Errorf("%s: %w", setting("secret-from"), err)
	}
	present, err := os.ReadFile(path)
	switch {
	case err == nil && bytes.Equal(present, content):
		return path + " is that of the backup already", nil
	case err == nil:
		kept := unused(path+"-before-restore-"+stamp, "")
		if err := os.Rename(path, kept); err != nil {
			return "", fmt.Errorf("%s: %w", setting("secret-file"), err)
		}
		said = "; the one that was there is kept as " + kept
	case !errors.Is(err, fs.ErrNotExist):
		return "", fmt.Errorf("%s: %w", setting("secret-file"), err)
	}
	if err := writeNew(path, content); err != nil {
		return "", fmt.Errorf("%s: %w", setting("secret-file"), err)
	}
	return path + " is put back" + said, nil
}

// secretState says whether the secret in a file is the one that a database is used with.
func secretState(path string, fingerprint []byte) string {
	if len(fingerprint) == 0 {
		return "the backup was used with none yet"
	}
	_, err := readSecretOf(path, fingerprint)
	switch {
	case err == nil:
		return path + " is that of the backup"
	case errors.Is(err, fs.ErrNotExist):
		return path + " IS MISSING: put it back before you start the service, which refuses to start without it"
	case errors.Is(err, store.ErrOtherSecret):
		return path + " IS ANOTHER ONE: put that of the backup there before you start the service, which refuses to start with this"
	default:
		return path + " CANNOT BE READ: " + err.Error()
	}
}

// readSecretOf returns the content of a file that holds a secret, or [store.ErrOtherSecret] if it is not the one of
// the fingerprint, if there is one.
func readSecretOf(path string, fingerprint []byte) ([]byte, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	secret, err := fieldwork.ReadSecret(path, rand.Reader) // which is there, so that none is made
	if err != nil {
		return nil, err
	}
	if len(fingerprint) > 0 && !bytes.Equal(secret.Fingerprint(), fingerprint) {
		return nil, fmt.Errorf("%s: %w", path, store.ErrOtherSecret)
	}
	return content, nil
}

// writeNew writes a file that must not exist yet, for its owner alone.
func writeNew(path string, content []byte) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(file, bytes.NewReader(content))
	return errors.Join(err, file.Sync(), file.Close())
}
