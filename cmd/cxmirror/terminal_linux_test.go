package main

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A password that is typed at a terminal is not shown there, is asked for twice, and the terminal shows what is typed
// again afterwards.
func TestPasswordAtATerminal(t *testing.T) {
	for name, tt := range map[string]struct{ typed, want, problem string }{
		"twice the same": {"four words of tests\nfour words of tests\n", "four words of tests", ""},
		"a slip":         {"four words of tests\nfour wards of tests\n", "", "not the same"},
		"nothing":        {"\x04", "", "EOF"}, // Ctrl-D
	} {
		t.Run(name, func(t *testing.T) {
			terminal, hand := pseudoTerminal(t)
			var shown lines
			var reading sync.WaitGroup
			reading.Go(func() {
				buffer := make([]byte, 4096)
				for {
					n, err := hand.Read(buffer)
					_, _ = shown.Write(buffer[:n])
					if err != nil {
						return // the terminal was closed
					}
				}
			})
			var asked lines
			w := world{ctx: t.Context(), stdin: terminal, stderr: &asked, getenv: func(string) string { return "" }, now: time.Now}
			type answer struct {
				password string
				err      error
			}
			done := make(chan answer)
			go func() {
				password, err := w.password()
				done <- answer{password, err}
			}()
			waitFor(t, func() bool { return strings.Contains(asked.String(), "Password: ") })
			if _, err := hand.WriteString(tt.typed); err != nil {
				t.Fatal(err)
			}
			got := <-done
			if got.password != tt.want || (got.err == nil) != (tt.problem == "") || got.err != nil && !strings.Contains(got.err.Error(), tt.problem) {
				t.Errorf("password %q, %v; want %q, %s", got.password, got.err, tt.want, tt.problem)
			}
			if strings.Contains(shown.String()+asked.String(), "words of tests") {
				t.Errorf("the terminal shows %q and is told %q", shown.String(), asked.String())
			}
			if _, err := hand.WriteString("seen again"); err != nil {
				t.Fatal(err)
			}
			waitFor(t, func() bool { return strings.Contains(shown.String(), "seen again") })
			terminal.Close()
			hand.Close()
			reading.Wait()
		})
	}
}

// pseudoTerminal returns a terminal, and what somebody at it types into.
func pseudoTerminal(t *testing.T) (terminal, hand *os.File) {
	t.Helper()
	hand, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skipf("no terminals here: %v", err)
	}
	t.Cleanup(func() { hand.Close() })
	control, err := hand.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	number := 0
	if outer := control.Control(func(fd uintptr) {
		if err = unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0); err == nil {
			number, err = unix.IoctlGetInt(int(fd), unix.TIOCGPTN)
		}
	}); outer != nil || err != nil {
		t.Fatal(outer, err)
	}
	terminal, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { terminal.Close() })
	return terminal, hand
}
