package main

import (
	"fmt"
	"log/slog"
	"strconv"
)

type migrateCommand struct {
	databaseFlags
}

// Help is printed by migrate --help.
func (migrateCommand) Help() string {
	return `Brings the database up to what this version of the program needs. Serving does so at its start, too; this is for
those who do it by hand, before new servers start with --no-migrate. Several may run at once. There is no way
back: make a backup first.`
}

// Run migrates, and says from which version to which.
func (c migrateCommand) Run(w *world) error {
	log := slog.New(slog.DiscardHandler) // what there is to say is said below
	db, err := c.open(w.ctx, serviceDatabase, log)
	if err != nil {
		return err
	}
	defer closeDatabase(db, log)
	from, to, err := db.Migrate(w.ctx)
	switch {
	case err != nil:
		return err
	case from == to:
		_, err = fmt.Fprintf(w.stdout, "The database is up to date: version %d.\n", to)
	default:
		if err := w.notedOfDatabase(db, "database.migrated", map[string]string{"from": strconv.Itoa(int(from)), "to": strconv.Itoa(int(to))}); err != nil {
			return err
		}
		_, err = fmt.Fprintf(w.stdout, "The database was version %d and is version %d now.\n", from, to)
	}
	return err
}
