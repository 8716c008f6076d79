package web

import (
	"crypto/rand"
	"log/slog"
	"strings"
	"testing"
	"time"

	"cxmirror/pkg/fieldwork"
	"cxmirror/pkg/store"
)

// testFieldwork is the service of a test's server. Servers of one database need one secret, so there is only one.
func testFieldwork(tb testing.TB, s *store.Store, now func() time.Time) *fieldwork.Service {
	tb.Helper()
	secret, err := fieldwork.NewSecret([]byte(strings.Repeat("of a test ", 4)))
	if err != nil {
		tb.Fatal(err)
	}
	service, err := fieldwork.New(fieldwork.Options{Store: s, Secret: secret, Log: slog.New(slog.DiscardHandler), Now: now, Random: rand.Reader})
	if err != nil {
		tb.Fatal(err)
	}
	return service
}
