package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"testing"

	"gorm.io/gorm"
)

// TestWriterCommitsTogether hands in changes while the writer is busy: those that fail take back their own
// statements only, those whose callers left are not written, and the rest is committed.
func TestWriterCommitsTogether(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "writer.db"), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.change(t.Context(), func(tx *gorm.DB) error { return tx.Exec("CREATE TABLE numbers (n INTEGER UNIQUE)").Error }); err != nil {
		t.Fatal(err)
	}
	insert := func(n int) func(tx *gorm.DB) error {
		return func(tx *gorm.DB) error { return tx.Exec("INSERT INTO numbers VALUES (?)", n).Error }
	}
	refused := errors.New("refused")
	left, leave := context.WithCancel(t.Context())
	changes := []*change{
		{ctx: t.Context(), statements: insert(1)},
		{ctx: t.Context(), statements: insert(1)}, // taken
		{ctx: t.Context(), statements: func(tx *gorm.DB) error { return errors.Join(insert(2)(tx), refused) }},
		{ctx: t.Context(), statements: func(tx *gorm.DB) error { panic("out of order") }},
		{ctx: left, statements: insert(3)}, // its caller leaves when it has been taken: too late
		{ctx: t.Context(), statements: insert(4)},
	}
	for _, c := range changes {
		c.done, c.turn = make(chan struct{}), make(chan struct{})
	}
	leave()
	s.writer.commit(changes)
	for i, want := range []error{nil, gorm.ErrDuplicatedKey, refused, nil, nil, nil} {
		<-changes[i].done
		if i == 3 {
			if changes[i].panicked != "out of order" {
				t.Errorf("change %d panicked with %v", i, changes[i].panicked)
			}
			continue
		}
		if !errors.Is(changes[i].err, want) || want == nil && changes[i].err != nil {
			t.Errorf("change %d: %v; want %v", i, changes[i].err, want)
		}
	}
	var numbers []int
	if err := s.read.Raw("SELECT n FROM numbers ORDER BY n").Scan(&numbers).Error; err != nil || fmt.Sprint(numbers) != "[1 3 4]" {
		t.Errorf("written: %v, %v; want [1 3 4]", numbers, err)
	}

	// Behind a slow change a caller can leave before its turn, and then nothing is written for it.
	begun, goOn := make(chan struct{}), make(chan struct{})
	slow := make(chan error)
	go func() {
		slow <- s.change(t.Context(), func(tx *gorm.DB) error {
			close(begun)
			<-goOn
			return insert(5)(tx)
		})
	}()
	<-begun
	if err := s.change(left, insert(6)); !errors.Is(err, context.Canceled) {
		t.Errorf("a caller who left: %v; want %v", err, context.Canceled)
	}
	close(goOn)
	if err := <-slow; err != nil {
		t.Error(err)
	}
	func() {
		defer func() {
			if got := recover(); got != "to the caller" {
				t.Errorf("recovered %v; want the panic where the change came from", got)
			}
		}()
		_ = s.change(t.Context(), func(*gorm.DB) error { panic("to the caller") })
	}()
	if err := s.read.Raw("SELECT n FROM numbers ORDER BY n").Scan(&numbers).Error; err != nil || fmt.Sprint(numbers) != "[1 3 4 5]" {
		t.Errorf("written: %v, %v; want [1 3 4 5]", numbers, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.change(t.Context(), insert(7)); err == nil {
		t.Error("a closed store took a change")
	}
}
