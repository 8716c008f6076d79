package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"

	"gorm.io/gorm"
)

// A writer lets one at a time write to a file of SQLite. Who comes while somebody writes waits, and the next one to
// write commits for all who wait: the disk, which confirms some hundred commits a second, is asked once for many.
type writer struct {
	db     *gorm.DB // of one connection
	log    string   // the path of the write-ahead log
	tidyAt int64    // bytes of the log from which it is tidied; of the one who writes

	mu      sync.Mutex
	free    *sync.Cond // nobody writes
	busy    bool       // somebody writes, or is about to
	closed  bool
	waiting []*change
}

const (
	// writerBatch is how many changes are committed together at most.
	writerBatch = 128
	// logLimit is the size in bytes from which the log is emptied. Left to itself SQLite does it when nobody reads,
	// which on a busy day may be never.
	logLimit = 8 << 20
)

// A change is what somebody wants written: all of its statements or none.
type change struct {
	statements func(tx *gorm.DB) error
	ctx        context.Context //nolint:containedctx // it travels with the statements to the one who runs them, and no further
	err        error
	panicked   any
	done       chan struct{} // closed when it is written, or has failed
	turn       chan struct{} // closed when its caller is the next to write
}

func newWriter(db *gorm.DB, path string) *writer {
	// Transactions are the writer's own. It begins and ends them by statements, which the one connection of the pool
	// executes one after the other: database/sql's transactions would prepare each statement anew.
	w := &writer{db: db.Session(&gorm.Session{SkipDefaultTransaction: true}), log: path + "-wal", tidyAt: logLimit}
	w.free = sync.NewCond(&w.mu)
	return w
}

// write has statements written and returns when they are on the disk, or when ctx ends before their turn.
func (w *writer) write(ctx context.Context, statements func(tx *gorm.DB) error) error {
	c := &change{statements: statements, ctx: ctx, done: make(chan struct{}), turn: make(chan struct{})}
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return sql.ErrConnDone
	}
	w.waiting = append(w.waiting, c)
	if !w.busy {
		w.busy = true
		close(c.turn)
	}
	w.mu.Unlock()

	select {
	case <-c.turn:
		w.lead()
	case <-c.done:
	case <-ctx.Done():
		if w.withdraw(c) {
			return ctx.Err()
		}
		select { // too late: the caller must hear how it ends
		case <-c.turn:
			w.lead()
		case <-c.done:
		}
	}
	if c.panicked != nil {
		panic(c.panicked) // where it can be traced to the one who caused it
	}
	return c.err
}

// withdraw takes a change back, unless it is being written, or its caller is the next to write for all.
func (w *writer) withdraw(c *change) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	at := slices.Index(w.waiting, c)
	if at < 0 {
		return false
	}
	select {
	case <-c.turn:
		return false
	default:
	}
	w.waiting = slices.Delete(w.waiting, at, at+1)
	return true
}

// lead writes what waits, of which the caller's change is the first, and hands on to the next in line.
func (w *writer) lead() {
	w.mu.Lock()
	n := min(len(w.waiting), writerBatch)
	batch := slices.Clone(w.waiting[:n])
	w.waiting = slices.Delete(w.waiting, 0, n)
	w.mu.Unlock()

	w.commit(batch)
	w.tidy()
	w.handOn()
}

// handOn gives the turn to the next in line.
func (w *writer) handOn() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.waiting) > 0 {
		close(w.waiting[0].turn)
		return
	}
	w.busy = false
	w.free.Broadcast()
}

// alone runs what uses the connection by itself, while nobody writes.
func (w *writer) alone(use func() error) error {
	w.mu.Lock()
	for w.busy {
		w.free.Wait()
	}
	w.busy = true
	w.mu.Unlock()
	defer w.handOn()
	return use()
}

// stop refuses further changes and returns when those that wait are written.
func (w *writer) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	for w.busy {
		w.free.Wait()
	}
}

// commit writes changes in one transaction. One that fails takes back its own statements only.
func (w *writer) commit(batch []*change) {
	err := w.transaction(batch)
	for _, c := range batch {
		if c.err == nil {
			c.err = err
		}
		close(c.done)
	}
}

// transaction returns an error if all is lost.
func (w *writer) transaction(batch []*change) (err error) {
	if err := w.db.Exec("BEGIN IMMEDIATE").Error; err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = w.db.Exec("ROLLBACK").Error // which SQLite has done by itself after some errors
		}
	}()
	if len(batch) == 1 {
		if err := batch[0].apply(w.db); err != nil {
			return err
		}
	} else {
		for _, c := range batch {
			if err := c.applyAmongOthers(w.db); err != nil {
				return err
			}
		}
	}
	return w.db.Exec("COMMIT").Error
}

// apply runs the statements. A caller who leaves now does not stop them: SQLite would take back everybody's.
func (c *change) apply(tx *gorm.DB) error {
	defer func() {
		if c.panicked = recover(); c.panicked != nil {
			c.err = errors.New("a change panicked")
		}
	}()
	c.err = c.statements(tx.WithContext(context.WithoutCancel(c.ctx)))
	return c.err
}

// applyAmongOthers runs the statements so that they can be taken back alone. An error is one of all: the
// transaction is lost.
func (c *change) applyAmongOthers(tx *gorm.DB) error {
	if err := tx.Exec("SAVEPOINT one").Error; err != nil {
		return err
	}
	_ = c.apply(tx) // c keeps it
	if c.err != nil {
		if err := tx.Exec("ROLLBACK TO one").Error; err != nil {
			return fmt.Errorf("taken back with another change: %w", errors.Join(err, c.err))
		}
	}
	return tx.Exec("RELEASE one").Error
}

// tidy empties the log when it has become large. It waits a moment for those who read what is in it; if one of
// them takes longer, such as a backup, it tries again when the log has grown on.
func (w *writer) tidy() {
	info, err := os.Stat(w.log)
	if err != nil || info.Size() < w.tidyAt {
		return
	}
	var busy, frames, copied int64
	err = w.db.Exec("PRAGMA busy_timeout = 200").Error
	if err == nil {
		err = w.db.Raw("PRAGMA wal_checkpoint(TRUNCATE)").Row().Scan(&busy, &frames, &copied)
		err = errors.Join(err, w.db.Exec("PRAGMA busy_timeout = 10000").Error)
	}
	w.tidyAt = logLimit
	if err != nil || busy != 0 {
		w.tidyAt = info.Size() + logLimit/2
	}
}
