package main

import (
	"io"
	"iter"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"cxmirror/pkg/store"
	"cxmirror/pkg/store/storetest"
	"cxmirror/pkg/survey"
	"cxmirror/pkg/tally"
)

// Limits of the service. Times are of a machine with two cores, and generous against its bad moments.
const (
	coldStartLimit  = 300 * time.Millisecond
	idleMemoryLimit = 60 << 20 // bytes
	loadedWave      = 1_000_000
	loadLimit       = 2 * time.Second
	waveMemoryLimit = 100 // bytes a response
	importedAtATime = 100_000
	tries           = 5 // of which the fastest counts

	settled = time.Second // after which what begins beside the pages has begun: the queue is read, what is due is done
)

// manyResponses yields the simulated customers over and over.
func manyResponses(b *testing.B, n int) iter.Seq2[survey.Response, error] {
	b.Helper()
	d := demoWaves("en")[0]
	_, q, err := d.version()
	if err != nil {
		b.Fatal(err)
	}
	answers, err := d.population.answers(q)
	if err != nil {
		b.Fatal(err)
	}
	sources := make([][]byte, len(answers))
	for i, a := range answers {
		if sources[i], err = a.MarshalJSON(); err != nil {
			b.Fatal(err)
		}
	}
	completed := time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC)
	return func(yield func(survey.Response, error) bool) {
		for i := range n {
			r := survey.Response{
				ID: survey.ResponseID(randomHex()), Language: "en", Answers: sources[i%len(sources)], Weight: 1,
				Started: completed, Completed: &completed,
			}
			if !yield(r, nil) {
				return
			}
		}
	}
}

// A wave of a million that somebody asks for is there within two seconds, and takes little memory.
func BenchmarkLoadAMillion(b *testing.B) {
	db := storetest.Open(b, storetest.Postgres(b))
	d := demoWaves("en")[0]
	wave, err := d.create(b.Context(), db, "en")
	if err != nil {
		b.Fatal(err)
	}
	for range loadedWave / importedAtATime {
		if _, err := db.ImportResponses(b.Context(), survey.DefaultOrganisation, wave.ID, manyResponses(b, importedAtATime)); err != nil {
			b.Fatal(err)
		}
	}
	var before, after runtime.MemStats
	fastest, bare := time.Hour, time.Hour
	for b.Loop() {
		for range tries {
			bare = min(bare, bareRead(b, db, wave.ID))
			runtime.GC()
			runtime.ReadMemStats(&before)
			began := time.Now()
			waves := tally.NewWaves(newStoredWaves(db, time.Now), 1<<30)
			if err := waves.Read(b.Context(), survey.DefaultOrganisation, wave.ID, func(w *tally.Wave) error {
				if w.Len() != loadedWave {
					b.Fatalf("%d responses, want %d", w.Len(), loadedWave)
				}
				return nil
			}); err != nil {
				b.Fatal(err)
			}
			fastest = min(fastest, time.Since(began))
			runtime.GC()
			runtime.ReadMemStats(&after)
			runtime.KeepAlive(waves)
		}
	}
	perResponse := (float64(after.HeapAlloc) - float64(before.HeapAlloc)) / loadedWave
	b.ReportMetric(fastest.Seconds(), "s/load")
	b.ReportMetric(fastest.Seconds()/loadLimit.Seconds(), "of-load-limit")
	b.ReportMetric(fastest.Seconds()/bare.Seconds(), "of-a-bare-read")
	b.ReportMetric(perResponse, "B/response")
	if fastest > loadLimit {
		b.Errorf("a wave of %d was loaded in %s, at most %s is allowed; a bare read takes %s", loadedWave, fastest, loadLimit, bare)
	}
	if perResponse > waveMemoryLimit {
		b.Errorf("a response takes %.0f bytes, at most %d are allowed", perResponse, waveMemoryLimit)
	}
}

// bareRead reads the same responses and does nothing with them.
func bareRead(b *testing.B, db *store.Store, id survey.WaveID) time.Duration {
	b.Helper()
	began := time.Now()
	for _, err := range db.Answers(b.Context(), survey.DefaultOrganisation, id, store.Mark{}) {
		if err != nil {
			b.Fatal(err)
		}
	}
	return time.Since(began)
}

// The service answers soon after it is started on nothing, and takes little while nobody asks for anything: also
// with a second address for respondents, and with a server for mail, whose queue it looks into.
func BenchmarkColdStart(b *testing.B) {
	fastest, memory := time.Hour, 0
	built := buildProgram(b)
	for b.Loop() {
		for range tries {
			address := freeAddress(b)
			began := time.Now()
			server := launchProgram(b, built, "serve", "--data", b.TempDir(), "--listen", address, "--respondents", "127.0.0.1:0",
				"--mail", "smtp://user:password@127.0.0.1:1?from=surveys@example.com&connections=5")
			for {
				response, err := http.Get("http://" + address + "/readyz")
				if err == nil {
					_, _ = io.Copy(io.Discard, response.Body)
					response.Body.Close()
					if response.StatusCode == http.StatusOK {
						break
					}
				}
				if time.Since(began) > time.Minute {
					b.Fatalf("not ready within a minute: %v\n%s", err, server.stderr)
				}
				time.Sleep(time.Millisecond)
			}
			fastest = min(fastest, time.Since(began))
			time.Sleep(settled)
			memory = max(memory, residentMemory(b, server.command.Process.Pid))
			server.kill()
		}
	}
	b.ReportMetric(fastest.Seconds()*1000, "ms/start")
	b.ReportMetric(fastest.Seconds()/coldStartLimit.Seconds(), "of-start-limit")
	b.ReportMetric(float64(memory)/(1<<20), "MiB/idle")
	b.ReportMetric(float64(memory)/idleMemoryLimit, "of-idle-limit")
	if fastest > coldStartLimit {
		b.Errorf("ready after %s, at most %s are allowed", fastest, coldStartLimit)
	}
	if memory > idleMemoryLimit {
		b.Errorf("%d MiB while idle, at most %d are allowed", memory>>20, idleMemoryLimit>>20)
	}
}

// buildProgram builds cxmirror as make does and returns its path. A test binary, which knows browsers and mail
// servers, would take more memory.
func buildProgram(b *testing.B) string {
	b.Helper()
	path := filepath.Join(b.TempDir(), "cxmirror")
	build := exec.CommandContext(b.Context(), "go", "build", "-trimpath", "-tags", "timetzdata", "-ldflags", "-s -w", "-o", path, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("go build: %v\n%s", err, out)
	}
	return path
}

// residentMemory returns what a process holds in memory, in bytes.
func residentMemory(b *testing.B, pid int) int {
	b.Helper()
	status, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	switch {
	case err != nil && runtime.GOOS == "linux":
		b.Fatal(err)
	case err != nil:
		b.Skip("only Linux tells what a process holds in memory")
	}
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	figure, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
	kilobytes, err := strconv.Atoi(figure)
	if err != nil {
		b.Fatal(err)
	}
	return kilobytes << 10
}
