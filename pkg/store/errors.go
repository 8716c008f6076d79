package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"gorm.io/gorm"
	driversqlite "modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"cxmirror/pkg/survey"
)

// ErrNewer is a database whose schema is newer than the program. An older program must not write to it.
var ErrNewer = errors.New("the database was upgraded by a newer version of the program: use that version")

// classify gives an error of a driver the name callers know it by, and keeps it for the log.
func classify(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, gorm.ErrRecordNotFound), errors.Is(err, sql.ErrNoRows), isNoID(err):
		return survey.ErrNotFound
	case isUnavailable(err):
		return fmt.Errorf("%w: %w", survey.ErrUnavailable, err)
	}
	return err
}

// isUnavailable reports whether an error says that the database, not the statement, is the trouble: another try
// may do.
func isUnavailable(err error) bool {
	if errors.Is(err, context.Canceled) {
		return false // the caller left
	}
	for _, cause := range []error{
		driver.ErrBadConn, sql.ErrConnDone, net.ErrClosed, io.EOF, io.ErrUnexpectedEOF, context.DeadlineExceeded,
	} {
		if errors.Is(err, cause) {
			return true
		}
	}
	if _, ok := errors.AsType[*net.OpError](err); ok {
		return true
	}
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return true
	}
	if pgconn.SafeToRetry(err) {
		return true // nothing was sent
	}
	if failure, ok := errors.AsType[*pgconn.PgError](err); ok {
		return isUnavailableState(failure.Code)
	}
	if failure, ok := errors.AsType[*driversqlite.Error](err); ok {
		switch failure.Code() & 0xff { // the rest says more precisely which
		case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY:
			return true
		}
	}
	return false
}

// isUnavailableState looks at the code of an error of PostgreSQL (its manual, appendix A).
func isUnavailableState(code string) bool {
	for _, class := range []string{
		"08",    // the connection failed
		"40",    // rolled back for the sake of other transactions
		"53",    // out of connections, memory or disk
		"57P",   // shutting down, starting up
		"58",    // the system beneath failed
		"25006", // read only: a standby
		"55P03", // a lock was not to be had
	} {
		if strings.HasPrefix(code, class) {
			return true
		}
	}
	return false
}

// isNoID reports whether PostgreSQL was asked for a row by what cannot be an id, such as one that somebody typed.
// SQLite, where ids are texts, just finds none.
func isNoID(err error) bool {
	failure, ok := errors.AsType[*pgconn.PgError](err)
	return ok && failure.Code == "22P02" && strings.Contains(failure.Message, "uuid")
}

// isNull reports whether a statement failed because a column that needs a value got none: the row that the value
// was to be read from does not exist.
func isNull(err error) bool {
	if failure, ok := errors.AsType[*pgconn.PgError](err); ok {
		return failure.Code == "23502"
	}
	failure, ok := errors.AsType[*driversqlite.Error](err)
	return ok && failure.Code() == sqlite3.SQLITE_CONSTRAINT_NOTNULL
}
