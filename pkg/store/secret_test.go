package store_test

import (
	"bytes"
	"errors"
	"path/filepath"
	"sync"
	"testing"

	"cxmirror/pkg/store"
	"cxmirror/pkg/store/storetest"
	"cxmirror/pkg/survey"
)

// A database belongs to the secret it was used with first.
func TestBindSecret(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		if got, err := s.SecretFingerprint(t.Context()); !errors.Is(err, survey.ErrNotFound) {
			t.Errorf("of a new database: %x, %v; want not found", got, err)
		}
		for _, length := range []int{0, 31, 33} {
			if err := s.BindSecret(t.Context(), make([]byte, length)); err == nil || errors.Is(err, store.ErrOtherSecret) {
				t.Errorf("a fingerprint of %d bytes: %v", length, err)
			}
		}
		one, other := bytes.Repeat([]byte{0, 0xff}, 16), bytes.Repeat([]byte{7}, 32)
		for range 2 {
			if err := s.BindSecret(t.Context(), one); err != nil {
				t.Fatal(err)
			}
			if err := s.BindSecret(t.Context(), other); !errors.Is(err, store.ErrOtherSecret) {
				t.Errorf("another secret: %v", err)
			}
		}
		if got, err := s.SecretFingerprint(t.Context()); err != nil || !bytes.Equal(got, one) {
			t.Errorf("%x, %v; want %x", got, err, one)
		}
	})
}

// Of servers that start at once with secrets of their own, those with one secret go on and the others are refused.
func TestServersRaceToBindTheirSecrets(t *testing.T) {
	t.Parallel()
	for engine, dsn := range map[string]func(testing.TB) string{"sqlite": storetest.SQLite, "postgres": storetest.Postgres} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			dsn := dsn(t)
			const servers = 8
			stores := make([]*store.Store, servers)
			for i := range stores {
				stores[i] = storetest.Open(t, dsn)
			}
			var all sync.WaitGroup
			start := make(chan struct{})
			failures := make([]error, servers)
			for i, s := range stores {
				all.Go(func() {
					<-start
					failures[i] = s.BindSecret(t.Context(), bytes.Repeat([]byte{byte(1 + i%2)}, 32))
				})
			}
			close(start)
			all.Wait()
			bound, err := stores[0].SecretFingerprint(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for i, err := range failures {
				if its := byte(1+i%2) == bound[0]; its && err != nil || !its && !errors.Is(err, store.ErrOtherSecret) {
					t.Errorf("server %d, whose secret is the one of the database: %t, was told %v", i, its, err)
				}
			}
		})
	}
}

// A backup is of the same secret as the database.
func TestABackupKnowsItsSecret(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t, storetest.SQLite(t))
	fingerprint := bytes.Repeat([]byte{5}, 32)
	if err := s.BindSecret(t.Context(), fingerprint); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "copy.db")
	if err := s.Backup(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	if got, err := storetest.Open(t, path).SecretFingerprint(t.Context()); err != nil || !bytes.Equal(got, fingerprint) {
		t.Errorf("%x, %v; want %x", got, err, fingerprint)
	}
}
