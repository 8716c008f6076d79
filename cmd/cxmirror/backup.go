package main

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
)

type backupCommand struct {
	databaseFlags
	Path string `arg:"" help:"File to write; it must not exist."`
}

// Help is printed by backup --help.
func (backupCommand) Help() string {
	return `Copies the embedded database into one file, as it is at this moment, while the service runs. To go back to it, stop
the service, remove cxmirror.db, cxmirror.db-wal and cxmirror.db-shm from --data, and put the copy in their place.

  cxmirror backup --data /var/lib/cxmirror /backups/cxmirror-monday.db

PostgreSQL has better means of its own: pg_dump, or a continuous archive.`
}

// Run writes the copy, and says how large it is.
func (c backupCommand) Run(w *world) error {
	if err := c.exists(serviceDatabase); err != nil {
		return err
	}
	log := slog.New(slog.DiscardHandler)
	db, err := c.open(w.ctx, serviceDatabase, log)
	if err != nil {
		return err
	}
	defer closeDatabase(db, log)
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
	_, err = fmt.Fprintf(w.stdout, "%s: %d bytes\n", path, copied.Size())
	return err
}
