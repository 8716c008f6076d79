package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"cxmirror/pkg/store"
	"cxmirror/pkg/survey"
)

type backupCommand struct {
	databaseFlags

	SecretFile string `placeholder:"FILE" help:"File that the service reads its secret from; in --data unless given."`
	SecretTo   string `placeholder:"FILE" help:"Also copy the secret, to a file that must not exist. Keep it apart from the backup."`
	Path       string `arg:"" help:"File to write; it must not exist."`
}

// Help is printed by backup --help.
func (backupCommand) Help() string {
	return `Copies the embedded database into one file, as it is at this moment, while the service runs; cxmirror restore
puts it back.

  cxmirror backup --data /var/lib/cxmirror /backups/cxmirror-monday.db
  cxmirror backup --data /var/lib/cxmirror --secret-to /safe/cxmirror-secret /backups/cxmirror-monday.db

The secret (the file "secret" in --data) is not in the backup, which is worth little without it: personal links in
new mails, access codes, and answers of anonymous waves that wait depend on it. It never changes, so that one copy
is enough. Keep it elsewhere: whoever has both can read the answers that waited when the backup was made, and tell
whose they are. For the same reason, and because people who are erased stay in earlier backups, keep backups no
longer than you promised to keep personal data.

` + postgresBackups
}

// Run writes the copy, and says how large it is.
func (c backupCommand) Run(w *world) error {
	if c.DSN != "" {
		return usage("%s names a PostgreSQL; this copies the embedded database in --data\n\n%s", setting("dsn"), postgresBackups)
	}
	if err := c.exists(serviceDatabase); err != nil {
		return err
	}
	log := slog.New(slog.DiscardHandler)
	db, err := c.open(w.ctx, serviceDatabase, log)
	if err != nil {
		return err
	}
	defer closeDatabase(db, log)
	secret, content, err := c.secret(w, db)
	if err != nil {
		return err
	}
	if err := db.Backup(w.ctx, c.Path); err != nil {
		return err
	}
	path, err := filepath.Abs(c.Path)
	if err != nil {
		return err
	}
	copied, err := os.Stat(path)
	if err != nil {
		return err
	}
	if err := w.notedOfDatabase(db, "database.copied", map[string]string{"file": filepath.Base(path), "secret": yesNo(c.SecretTo != "")}); err != nil {
		return err
	}
	fmt.Fprintf(w.stdout, "%s: %d bytes\n", path, copied.Size())
	if c.SecretTo == "" {
		_, err = fmt.Fprintf(w.stdout, "its secret is not in it: keep a copy of %s, apart from it\n", secret)
		return err
	}
	if err := writeNew(c.SecretTo, content); err != nil {
		return fmt.Errorf("%s: %w", setting("secret-to"), err)
	}
	_, err = fmt.Fprintf(w.stdout, "%s: its secret; keep it apart from the backup: whoever has both can read answers of anonymous waves that wait, and tell whose they are\n", c.SecretTo)
	return err
}

// secret returns the file of the secret and, if it is to be copied, what is in it. It is not copied if it is not the
// one that the database is used with.
func (c backupCommand) secret(w *world, db *store.Store) (path string, content []byte, err error) {
	path = fieldworkFlags{SecretFile: c.SecretFile}.secretPath(c.Data)
	if c.SecretTo == "" {
		return path, nil, nil
	}
	if _, err := os.Lstat(c.SecretTo); err == nil {
		return path, nil, fmt.Errorf("%s: %s exists already", setting("secret-to"), c.SecretTo)
	}
	fingerprint, err := db.SecretFingerprint(w.ctx)
	if err != nil && !errors.Is(err, survey.ErrNotFound) {
		return path, nil, err
	}
	if content, err = readSecretOf(path, fingerprint); err != nil {
		return path, nil, fmt.Errorf("%s: %w", setting("secret-file"), err)
	}
	return path, content, nil
}
