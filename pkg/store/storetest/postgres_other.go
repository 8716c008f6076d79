//go:build !unix

package storetest

import "testing"

func sharedServer(tb testing.TB) string {
	tb.Helper()
	tb.Skip("tests start PostgreSQL on Unix only")
	return ""
}

func newDatabase(tb testing.TB, _ string) string {
	tb.Helper()
	tb.Skip("tests use PostgreSQL on Unix only")
	return ""
}
