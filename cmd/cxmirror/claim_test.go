package main

import (
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cxmirror/pkg/store"
	"cxmirror/pkg/survey"
)

// healthy waits until a process answers, or fails with what it said.
func healthy(t *testing.T, p *process, address string) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		select {
		case <-p.ended:
			t.Fatalf("it ended at its start:\n%s", p.stderr)
		default:
		}
		if cxmirror(t, "healthcheck", "--listen", address).code == exitDone {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("it did not answer within 30 s:\n%s", p.stderr)
		}
	}
}

// One process serves one file. A second one is refused with a sentence that names the file and what to do, a
// backup is not, and a process that was killed leaves nothing behind that keeps the next one out.
func TestOneProcessServesOneFile(t *testing.T) {
	for command, file := range map[string]string{"serve": serviceDatabase, "demo": demoDatabase} {
		t.Run(command, func(t *testing.T) {
			data := t.TempDir()
			path := filepath.Join(data, file)
			address := freeAddress(t)
			first := launch(t, command, "--data", data, "--listen", address)
			healthy(t, first, address)

			second := launch(t, command, "--data", data, "--listen", "127.0.0.1:0")
			select {
			case <-second.ended:
			case <-time.After(30 * time.Second):
				t.Fatal("a second process serves the same file")
			}
			if code := second.command.ProcessState.ExitCode(); code != exitFailed {
				t.Errorf("exit code %d, want %d", code, exitFailed)
			}
			for _, want := range []string{path, "another process serves", fmt.Sprint("process ", first.command.Process.Pid), "stop it first", "--data (CXMIRROR_DATA)"} {
				if !strings.Contains(second.stderr.String(), want) {
					t.Errorf("%q is not in:\n%s", want, second.stderr)
				}
			}
			healthy(t, first, address) // and is not disturbed

			if command == "serve" {
				if got := cxmirror(t, "backup", "--data", data, filepath.Join(t.TempDir(), "copy.db")); got.code != exitDone {
					t.Errorf("backup of what is served: %+v", got)
				}
			}

			first.kill()
			third := launch(t, command, "--data", data, "--listen", address)
			healthy(t, third, address)
			third.kill()
		})
	}
}

// A demonstration that is to start anew does not take the database from under one that runs elsewhere.
func TestFreshDemoSparesOneThatRuns(t *testing.T) {
	data := t.TempDir()
	address := freeAddress(t)
	first := launch(t, "demo", "--data", data, "--listen", address)
	healthy(t, first, address)
	program := first.command.Path
	second := exec.CommandContext(t.Context(), program, "demo", "--fresh", "--data", data, "--listen", "127.0.0.1:0")
	second.Env = first.command.Env
	said, err := second.CombinedOutput()
	if _, failed := errors.AsType[*exec.ExitError](err); !failed || !strings.Contains(string(said), "another process serves") {
		t.Errorf("%v:\n%s", err, said)
	}
	if got := get(t, "http://"+address+"/counts.json"); !strings.Contains(got, "1,200") {
		t.Errorf("the first one shows %s", got)
	}
	db, err := store.Open(t.Context(), filepath.Join(data, demoDatabase), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if waves, err := db.Waves(t.Context(), survey.DefaultOrganisation); err != nil || len(waves) != 5 {
		t.Errorf("%d waves, %v; want the five of the first", len(waves), err)
	}
}
