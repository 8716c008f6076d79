package store

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// ErrServed is a file of SQLite that another process serves.
var ErrServed = errors.New("another process serves this database")

// A Claim is the right to be the one process that serves a file of SQLite. The system takes it back when the
// process ends, however it ends, so that nothing has to be cleared away after a crash.
type Claim struct {
	file *os.File // nil on PostgreSQL
}

// ClaimToServe claims the database of a connection string, as [Open] takes it, for this process. Two processes
// that serve one file would each think it the only one: what one writes the other would count late or not at
// all, and the log of SQLite would not be emptied. A file that is claimed already is an error of [ErrServed] that
// names the file and, where it is known, the process. Other processes may open the file all the same: a backup, a
// migration.
//
// Any number of processes can serve one PostgreSQL, which has nothing to claim.
func ClaimToServe(dsn string) (*Claim, error) {
	if isPostgres(dsn) {
		return &Claim{}, nil
	}
	path, err := sqlitePath(dsn)
	if err != nil {
		return nil, fmt.Errorf("claim the database: %w", err)
	}
	path, err = claimPath(path)
	if err != nil {
		return nil, fmt.Errorf("claim the database: %w", err)
	}
	file, err := lockFile(path)
	if errors.Is(err, errLocked) {
		return nil, fmt.Errorf("%s: %w%s", strings.TrimSuffix(path, claimEnd), ErrServed, holder(path))
	}
	if err != nil {
		return nil, fmt.Errorf("claim the database: %w", err)
	}
	// Who holds it is for people to read. The lock counts, not what the file says.
	err = file.Truncate(0)
	if err == nil {
		_, err = fmt.Fprintf(file, "%d\n", os.Getpid())
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("claim the database: %w", err), file.Close())
	}
	return &Claim{file}, nil
}

// Release gives the claim back. The file beside the database stays: were it removed, two processes could hold
// locks of two files of one name.
func (c *Claim) Release() error {
	if c.file == nil {
		return nil
	}
	if err := c.file.Close(); err != nil {
		return fmt.Errorf("release the database: %w", err)
	}
	return nil
}

// claimEnd is what the name of the file that is locked has more than that of the database. The database itself
// is not locked: SQLite locks parts of it in ways of its own.
const claimEnd = ".lock"

// claimPath returns the file to lock. It is the same whichever link leads to the database.
func claimPath(path string) (string, error) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	if target, err := filepath.EvalSymlinks(absolute); err == nil {
		return target + claimEnd, nil
	}
	folder, err := filepath.EvalSymlinks(filepath.Dir(absolute)) // the database is yet to be made
	if err != nil {
		return "", err
	}
	return filepath.Join(folder, filepath.Base(absolute)) + claimEnd, nil
}

// holder says which process holds a claim, as far as the file tells.
func holder(path string) string {
	file, err := os.Open(path) //nolint:gosec // beside the database the operator names
	if err != nil {
		return ""
	}
	defer file.Close()
	said, err := io.ReadAll(io.LimitReader(file, 20))
	id := strings.TrimSpace(string(said))
	if err != nil || id == "" || strings.Trim(id, "0123456789") != "" {
		return ""
	}
	return ": process " + id
}
