//go:build unix

package main

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// A result that goes to a pipe, or to a device such as /dev/null, is written to it. A file put in its place would
// leave the reader waiting, and a machine without its device.
func TestAPipeIsWrittenToAndNotReplaced(t *testing.T) {
	f := newFolder(t)
	pipe := filepath.Join(f.path, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	read := make(chan string)
	go func() {
		content, err := os.ReadFile(pipe)
		if err != nil {
			t.Error(err)
		}
		read <- string(content)
	}()
	got := cxmirror(t, "compare", "-q", f.questionnaire, "--external", f.good, "--internal", f.good, "--format", "json", "-o", pipe)
	there, err := os.Lstat(pipe)
	if err != nil || there.Mode()&os.ModeNamedPipe == 0 {
		t.Fatalf("the pipe is now %v, %v", there, err)
	}
	if got.code != exitDone {
		t.Fatal(got.stderr)
	}
	if c := parseComparison(t, <-read); c.Item != "expectations" {
		t.Errorf("read from the pipe: %+v", c)
	}
}
