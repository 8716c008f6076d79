package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"

	"gorm.io/gorm"
)

// A writer is the one who writes to a file of SQLite. Those who want to write hand it their statements and wait.
// Each time it commits what all of them handed in meanwhile: the disk, which confirms some hundred commits a
// second, is then asked once for many.
type writer struct {
	db      *gorm.DB // of one connection
	log     string   // the path of the write-ahead log
	tidyAt  int64    // bytes of the log from which it is tidied
	queue   chan *change
	closing chan struct{}
	ended   chan struct{}
	close   func()
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
	ctx        context.Context //nolint:containedctx // it travels to the writer with the statements, and no further
	taken      atomic.Bool     // by the writer, or back by a caller who does not wait any longer
	err        error
	panicked   any
	done       chan struct{}
}

func newWriter(db *gorm.DB, path string) *writer {
	w := &writer{
		db: db, log: path + "-wal", tidyAt: logLimit,
		queue: make(chan *change), closing: make(chan struct{}), ended: make(chan struct{}),
	}
	w.close = sync.OnceFunc(func() { close(w.closing) })
	go w.run()
	return w
}

// write has statements written and returns when they are on the disk, or when ctx ends before their turn.
func (w *writer) write(ctx context.Context, statements func(tx *gorm.DB) error) error {
	c := &change{statements: statements, ctx: ctx, done: make(chan struct{})}
	select {
	case w.queue <- c:
	case <-ctx.Done():
		return ctx.Err()
	case <-w.closing:
		return sql.ErrConnDone
	}
	select {
	case <-c.done:
	case <-ctx.Done():
		if c.taken.CompareAndSwap(false, true) {
			return ctx.Err()
		}
		<-c.done // too late: it is being written, and the caller must hear how it ends
	}
	if c.panicked != nil {
		panic(c.panicked) // where it can be traced to the one who caused it
	}
	return c.err
}

// stop ends the writer after what it has begun.
func (w *writer) stop() {
	w.close()
	<-w.ended
}

func (w *writer) run() {
	defer close(w.ended)
	for {
		select {
		case first := <-w.queue:
			w.commit(w.collect(first))
			w.tidy()
		case <-w.closing:
			return
		}
	}
}

// collect returns a change and those that wait behind it, less those whose callers have left.
func (w *writer) collect(first *change) []*change {
	batch := make([]*change, 0, writerBatch)
	for next := first; ; {
		if next.taken.CompareAndSwap(false, true) {
			batch = append(batch, next)
		}
		if len(batch) == writerBatch {
			return batch
		}
		select {
		case next = <-w.queue:
		default:
			return batch
		}
	}
}

// commit writes changes in one transaction. One that fails takes back its own statements only.
func (w *writer) commit(batch []*change) {
	if len(batch) == 0 {
		return
	}
	err := w.db.Transaction(func(tx *gorm.DB) error {
		if len(batch) == 1 {
			return batch[0].apply(tx)
		}
		for _, c := range batch {
			if err := c.applyAmongOthers(tx); err != nil {
				return err
			}
		}
		return nil
	})
	for _, c := range batch {
		if c.err == nil {
			c.err = err
		}
		close(c.done)
	}
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
	err = w.db.Connection(func(db *gorm.DB) error {
		if err := db.Exec("PRAGMA busy_timeout = 200").Error; err != nil {
			return err
		}
		err := db.Raw("PRAGMA wal_checkpoint(TRUNCATE)").Row().Scan(&busy, &frames, &copied)
		return errors.Join(err, db.Exec("PRAGMA busy_timeout = 10000").Error)
	})
	w.tidyAt = logLimit
	if err != nil || busy != 0 {
		w.tidyAt = info.Size() + logLimit/2
	}
}
