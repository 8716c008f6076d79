package store

import (
	"context"
	"database/sql"
	"encoding/hex"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

const (
	lookupBatch    = 128             // responses looked up by one statement at most
	lookupPatience = 5 * time.Second // after which a statement is given up
)

// lookups finds responses by their keys in PostgreSQL. Those who ask while a statement is running share the next
// one, since a statement costs PostgreSQL and us a multiple of what one more row of it does. Who asks alone does not
// wait, and nobody gets what was read before she asked.
type lookups struct {
	pool *sql.DB

	mu      sync.Mutex
	running bool // a statement
	waiting []*lookup
}

// A lookup is one response that is asked for.
type lookup struct {
	organisation, wave int64

	hash string // of its key
	row  responseRow
	err  error
	done chan struct{} // closed when row or err is there
}

// find returns the response of an organisation's wave whose key has a hash, or [sql.ErrNoRows].
func (l *lookups) find(ctx context.Context, organisation, wave int64, hash []byte) (responseRow, error) {
	asked := &lookup{organisation: organisation, wave: wave, hash: string(hash), err: sql.ErrNoRows, done: make(chan struct{})}
	l.mu.Lock()
	l.waiting = append(l.waiting, asked)
	if !l.running {
		l.running = true
		go l.run()
	}
	l.mu.Unlock()
	select {
	case <-asked.done:
		return asked.row, asked.err
	case <-ctx.Done(): // what is read for others, too, goes on
		return responseRow{}, ctx.Err()
	}
}

// run looks up what is waited for until nobody waits.
func (l *lookups) run() {
	for {
		batch := l.next()
		if len(batch) == 0 {
			return
		}
		if err := l.read(batch); err != nil {
			for _, asked := range batch {
				asked.err = err
			}
		}
		for _, asked := range batch {
			close(asked.done)
		}
	}
}

// next takes those who wait for responses of one wave, the one who came first among them.
func (l *lookups) next() []*lookup {
	l.mu.Lock()
	defer l.mu.Unlock()
	var batch, others []*lookup
	for _, asked := range l.waiting {
		if len(batch) < lookupBatch && (len(batch) == 0 || asked.wave == batch[0].wave && asked.organisation == batch[0].organisation) {
			batch = append(batch, asked)
		} else {
			others = append(others, asked)
		}
	}
	l.waiting = others
	l.running = len(batch) > 0
	return batch
}

// read looks up a batch by one statement, past database/sql, which would spend more on a row than PostgreSQL does.
func (l *lookups) read(batch []*lookup) error {
	ctx, cancel := context.WithTimeout(context.Background(), lookupPatience)
	defer cancel()
	connection, err := l.pool.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = connection.Close() }()
	hashes := make([][]byte, len(batch))
	for i, asked := range batch {
		hashes[i] = []byte(asked.hash)
	}
	return connection.Raw(func(driverConnection any) error {
		wire, ok := driverConnection.(*stdlib.Conn)
		if !ok {
			return fmt.Errorf("the driver's connection is a %T", driverConnection)
		}
		// LIMIT keeps the planner from reading the whole table, as it would do for a list of keys before it has
		// counted the rows; OFFSET hides from it how many they are, so that it does not make another plan each time.
		rows, err := wire.Conn().Query(ctx, `
			SELECT found.* FROM (SELECT $2::bytea[] AS hashes OFFSET 0) AS batch, unnest(batch.hashes) AS asked (hash) CROSS JOIN LATERAL (
				SELECT key_hash, id, wave_id, version_id, language, seed, page, revision, answers, weight, person, started_at, completed_at,
					invitation_id::text, attributes
				FROM responses WHERE organisation_id = $3 AND wave_id = $1 AND key_hash = asked.hash LIMIT 1
			) AS found`, batch[0].wave, hashes, batch[0].organisation)
		if err != nil {
			return err
		}
		defer rows.Close()
		return hand(rows, batch)
	})
}

// hand gives each row to those who asked for it.
func hand(rows pgx.Rows, batch []*lookup) error {
	for rows.Next() {
		var hash []byte
		var id [16]byte
		var row responseRow
		if err := rows.Scan(&hash, &id, &row.WaveID, &row.VersionID, &row.Language, &row.Seed, &row.Page, &row.Revision, &row.Answers,
			&row.Weight, &row.Person, &row.StartedAt, &row.CompletedAt, &row.InvitationID, &row.Attributes); err != nil {
			return err
		}
		row.ID = responseID(hex.EncodeToString(id[:]))
		for _, asked := range batch {
			if asked.hash == string(hash) {
				asked.row, asked.err = row, nil
			}
		}
	}
	return rows.Err()
}
