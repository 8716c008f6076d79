package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"cxmirror/pkg/store"
	"cxmirror/pkg/store/storetest"
	"cxmirror/pkg/survey"
	"cxmirror/pkg/tally"
)

// opened is the database of a test, with the first wave of the demonstration in it and no answers.
func opened(t *testing.T, dsn string) (*store.Store, survey.Wave, *survey.Questionnaire) {
	t.Helper()
	db := storetest.Open(t, dsn)
	d := demoWaves("en")[0]
	wave, err := d.create(t.Context(), db, "en")
	if err != nil {
		t.Fatal(err)
	}
	return db, wave, questionnaireOf(t, d)
}

// ranked is how often each expectation was picked, as the tally of the database says it.
func ranked(t *testing.T, waves *tally.Waves, id survey.WaveID) (people int, picked map[survey.OptionCode]int) {
	t.Helper()
	picked = map[survey.OptionCode]int{}
	err := waves.Read(t.Context(), survey.DefaultOrganisation, id, func(w *tally.Wave) error {
		table, err := w.Table(tally.View{Item: "expectations"})
		if errors.Is(err, tally.ErrNobody) || errors.Is(err, tally.ErrWithheld) {
			people = w.Len()
			return nil
		}
		if err != nil {
			return err
		}
		people = table.N
		chosen, _ := table.Counts()
		for i, o := range table.Options {
			picked[o.Code] = chosen[i].N
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return people, picked
}

// The main job: people answer over HTTP, and the ranking is of what they picked.
func TestFromAnswersToTheRanking(t *testing.T) {
	for engine, dsn := range databases(t) {
		t.Run(engine, func(t *testing.T) {
			dsn := dsn(t)
			db, wave, q := opened(t, dsn)
			s := begin(t, "serve", "--dsn", dsn)
			host := strings.TrimPrefix(s.address, "http://")
			want := map[survey.OptionCode]int{}
			for i := range 8 {
				r := newRespondent(func() string { return host }, wave.Slug, fmt.Sprint("person ", i), uint64(i))
				if err := r.answer(t.Context(), q); err != nil {
					t.Fatal(err)
				}
			}
			for row, err := range db.Answers(t.Context(), survey.DefaultOrganisation, wave.ID, store.Mark{}) {
				if err != nil {
					t.Fatal(err)
				}
				answers, err := q.ParseAnswers(row.Answers)
				if err != nil {
					t.Fatal(err)
				}
				for _, code := range answers.Form()["expectations"] {
					want[survey.OptionCode(code)]++
				}
			}
			people, picked := ranked(t, tally.NewWaves(newStoredWaves(db, time.Now), 1<<20), wave.ID)
			total := 0
			for code, n := range picked {
				total += n
				if n != want[code] {
					t.Errorf("%s was picked %d times, the tally says %d", code, want[code], n)
				}
			}
			if people != 8 || total != 24 {
				t.Errorf("%d people picked %d things, want 8 and 24", people, total)
			}
			if code := s.end(); code != exitDone {
				t.Errorf("exit code %d after a stop:\n%s", code, s.stderr)
			}
			for _, secret := range []string{"person 1", "127.0.0.1:5", "cookie", "_key"} {
				if strings.Contains(strings.ToLower(s.stderr.String()), secret) {
					t.Errorf("the log holds %q:\n%s", secret, s.stderr)
				}
			}
		})
	}
}

// databases are both engines, each with what makes an empty database and returns its connection string.
func databases(t *testing.T) map[string]func(t *testing.T) string {
	t.Helper()
	return map[string]func(t *testing.T) string{
		"sqlite":   func(t *testing.T) string { t.Helper(); return storetest.SQLite(t) },
		"postgres": func(t *testing.T) string { t.Helper(); return storetest.Postgres(t) },
	}
}

func TestSettingsOfTheService(t *testing.T) {
	folder := t.TempDir()
	file := write(t, folder, "file", "not a directory, and not a database either")
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	data := filepath.Join(folder, "data")
	for _, tt := range []struct {
		name        string
		args        []string
		environment map[string]string
		code        int
		want        []string
	}{
		{"all addresses", []string{"serve", "--data", data, "--listen", ":8080"}, nil, exitUsage, []string{"--listen (CXMIRROR_LISTEN)", "--tls-cert"}},
		{"an outer address", []string{"serve", "--data", data, "--listen", "192.0.2.1:8080"}, nil, exitUsage, []string{"--listen (CXMIRROR_LISTEN)", "--insecure-http"}},
		{"an outer address in the environment", []string{"demo", "--data", data}, map[string]string{"CXMIRROR_LISTEN": "0.0.0.0:80"}, exitUsage, []string{"CXMIRROR_LISTEN", "0.0.0.0:80", "only"}},
		{"a name", []string{"serve", "--data", data, "--listen", "example.com:80"}, nil, exitUsage, []string{"--listen", "example.com"}},
		{"no port", []string{"serve", "--data", data, "--listen", "127.0.0.1"}, nil, exitUsage, []string{"--listen", "host and a port"}},
		{"a port that is taken", []string{"serve", "--data", data, "--listen", taken.Addr().String()}, nil, exitFailed, []string{"--listen", "in use"}},
		{"a demonstration beside another", []string{"demo", "--data", data, "--listen", taken.Addr().String()}, nil, exitFailed, []string{"--listen", "running already"}},
		{"no network of proxies", []string{"serve", "--data", data, "--trust-proxy", "proxy.example.com"}, nil, exitUsage, []string{"--trust-proxy (CXMIRROR_TRUST_PROXY)", "10.0.0.0/8"}},
		{"no memory", []string{"serve", "--data", data, "--memory", "0"}, nil, exitUsage, []string{"--memory (CXMIRROR_MEMORY)", "MiB"}},
		{"a server for mail", []string{"serve", "--data", data, "--mail", "smtp://u:secret@127.0.0.1:25?from=a@example.com&tls=none"}, nil, exitUsage, []string{"--mail (CXMIRROR_MAIL), server 1", "tls=none"}},
		{"an address of links", []string{"serve", "--data", data, "--address", "survey.example.com"}, nil, exitUsage, []string{"--address (CXMIRROR_ADDRESS)", "https://"}},
		{"a format of logs", []string{"serve", "--log-format", "xml"}, nil, exitUsage, []string{"--log-format", "text", "json"}},
		{"a file for a directory", []string{"serve", "--data", file}, nil, exitFailed, []string{"--data (CXMIRROR_DATA)", file}},
		{"a database nobody knows", []string{"serve", "--dsn", "mysql://root:secret@localhost/db"}, nil, exitFailed, []string{"--dsn (CXMIRROR_DSN)"}},
		{"a server that is not there", []string{"migrate"}, map[string]string{"CXMIRROR_DSN": "postgres://u:secret@127.0.0.1:1/x?connect_timeout=2"}, exitFailed, []string{"--dsn (CXMIRROR_DSN)", "does not answer"}},
		{"an old database that may not be migrated", []string{"serve", "--data", filepath.Join(folder, "empty"), "--no-migrate"}, nil, exitFailed, []string{"--no-migrate (CXMIRROR_NO_MIGRATE)", "cxmirror migrate"}},
		{"nothing to back up", []string{"backup", "--data", filepath.Join(folder, "nowhere"), "copy.db"}, nil, exitFailed, []string{"--data (CXMIRROR_DATA)", "there is no database"}},
		{"no service to ask", []string{"healthcheck", "--listen", "127.0.0.1:1"}, nil, exitFailed, []string{"not ready"}},
		{"no time to ask", []string{"healthcheck", "--timeout", "0s"}, nil, exitUsage, []string{"--timeout (CXMIRROR_TIMEOUT)"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second) // should it be served after all
			defer cancel()
			var got outcome
			var stdout, stderr lines
			got.code = run(ctx, tt.args, func(name string) string { return tt.environment[name] }, &stdout, &stderr)
			got.stdout, got.stderr = stdout.String(), stderr.String()
			if got.code != tt.code {
				t.Errorf("exit code %d, want %d", got.code, tt.code)
			}
			for _, want := range tt.want {
				if !strings.Contains(got.stderr, want) {
					t.Errorf("%q is not in %s", want, got.stderr)
				}
			}
			if strings.Contains(got.stderr, "secret") {
				t.Errorf("the message holds a password: %s", got.stderr)
			}
		})
	}
	if _, err := os.Stat(filepath.Join(folder, "nowhere")); err == nil {
		t.Error("backup made a database where there was none")
	}
	if _, err := os.Stat(filepath.Join(data, "secret")); err == nil {
		t.Error("a secret was made before a setting was refused")
	}
}

// A request that is being answered when the service is told to stop is answered, stored, and new ones are not.
func TestStoppingLosesNothing(t *testing.T) {
	dsn := storetest.SQLite(t)
	db, wave, _ := opened(t, dsn)
	s := begin(t, "serve", "--dsn", dsn, "--log-format", "json")
	host := strings.TrimPrefix(s.address, "http://")
	connection, err := net.Dial("tcp", host)
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	key := strings.Repeat("ab", 32)
	body := "_act=start&_in=en&_key=" + key
	fmt.Fprintf(connection, "POST /o/%s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s",
		wave.Slug, host, len(body), body[:10])
	waitFor(t, func() bool { return strings.Contains(get(t, s.address+"/healthz"), "ok") })
	s.stop()
	waitFor(t, func() bool { _, err := net.Dial("tcp", host); return err != nil })
	select {
	case <-s.ended:
		t.Fatal("the service ended in the middle of a request")
	case <-time.After(200 * time.Millisecond):
	}
	if _, err := io.WriteString(connection, body[10:]); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(connection)
	if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 303") {
		t.Errorf("the request was answered with %v and %q, want a redirection", err, answer)
	}
	<-s.ended
	if s.code != exitDone {
		t.Errorf("exit code %d:\n%s", s.code, s.stderr)
	}
	if counts, err := db.Counts(t.Context(), survey.DefaultOrganisation, wave.ID); err != nil || counts.Started != 1 {
		t.Errorf("%+v, %v; want the one response that began", counts, err)
	}
	for line := range strings.Lines(s.stderr.String()) {
		var entry struct{ Time, Level, Msg string }
		if err := json.Unmarshal([]byte(line), &entry); err != nil || entry.Time == "" || entry.Level == "" || entry.Msg == "" {
			t.Errorf("%v: no entry of a log: %s", err, line)
		}
	}
}

func get(t *testing.T, address string) string {
	t.Helper()
	return getBy(t, http.DefaultClient, address)
}

func getBy(t *testing.T, browser *http.Client, address string) string {
	t.Helper()
	response, err := browser.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v: %.300s", address, response.Status, err, body)
	}
	return string(body)
}

func waitFor(t *testing.T, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !is(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it did not come to be within 20 s")
		}
	}
}

func TestMigrateBackupAndHealthcheck(t *testing.T) {
	data := t.TempDir()
	first := cxmirror(t, "migrate", "--data", data)
	again := cxmirror(t, "migrate", "--data", data)
	if first.code != exitDone || !strings.Contains(first.stdout, "was version 0 and is version") ||
		again.code != exitDone || !strings.Contains(again.stdout, "up to date") {
		t.Fatalf("%+v, then %+v", first, again)
	}
	s := begin(t, "serve", "--data", data, "--no-migrate")
	host := strings.TrimPrefix(s.address, "http://")
	if got := cxmirror(t, "healthcheck", "--listen", host); got.code != exitDone || got.stdout != "ready\n" {
		t.Errorf("healthcheck of a running service: %+v", got)
	}
	copied := filepath.Join(t.TempDir(), "copy.db")
	if got := cxmirror(t, "backup", "--data", data, copied); got.code != exitDone || !strings.Contains(got.stdout, copied) {
		t.Errorf("backup while it runs: %+v", got)
	}
	if got := cxmirror(t, "backup", "--data", data, copied); got.code != exitFailed {
		t.Errorf("a backup over another file: %+v", got)
	}
	if code := s.end(); code != exitDone {
		t.Errorf("exit code %d", code)
	}
	db, err := store.Open(t.Context(), copied, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if current, latest, err := db.Schema(t.Context()); err != nil || current != latest || current == 0 {
		t.Errorf("the copy is of version %d of %d, %v", current, latest, err)
	}
}

// The demonstration starts in seconds, keeps what was answered, and starts anew when asked to.
func TestDemo(t *testing.T) {
	data := t.TempDir()
	began, worked := time.Now(), processorTime(t)
	s := begin(t, "demo", "--data", data, "--language", "pl")
	// Time of processors, which passes as fast on a busy machine.
	worked = processorTime(t) - worked
	t.Logf("the first start took %s, and %s of work", time.Since(began), worked)
	if worked > 5*time.Second {
		t.Errorf("the first start took %s of work", worked)
	}
	if out := s.stdout.String(); !strings.Contains(out, s.address+"/o/customers") || !strings.Contains(out, "simulated") {
		t.Errorf("it does not say what to look at:\n%s", out)
	}
	for _, address := range regexp.MustCompile(`(?m)^  (http://\S+)$`).FindAllStringSubmatch(s.stdout.String(), -1) {
		get(t, address[1])
	}
	page := get(t, s.address+"/o/customers?lang=pl")
	if !strings.Contains(page, "Firma Zmyślona") || !strings.Contains(page, `class="demonstration"`) {
		t.Errorf("the promise does not say that this is made up:\n%s", page)
	}
	r := newRespondent(func() string { return strings.TrimPrefix(s.address, "http://") }, "customers", "one more", 1)
	if err := r.answer(t.Context(), questionnaireOf(t, demoWaves("pl")[0])); err != nil {
		t.Fatal(err)
	}
	newest := regexp.MustCompile(`href="(/outbox/[^"?]+\.eml)"`).FindStringSubmatch(get(t, s.address+"/outbox"))
	if newest == nil {
		t.Fatal("the outbox has no mails")
	}
	link := regexp.MustCompile(`/s/[A-Za-z0-9_-]+`).FindString(get(t, s.address+newest[1]))
	if link == "" {
		t.Fatalf("the newest mail, %s, has no link", newest[1])
	}
	if page := get(t, s.address+link); !strings.Contains(page, `<form`) || !strings.Contains(page, `class="promise"`) {
		t.Errorf("the link of the newest mail opens nothing that can be answered:\n%s", page)
	}
	if code := s.end(); code != exitDone {
		t.Fatalf("exit code %d:\n%s", code, s.stderr)
	}
	if got := demoCounts(t, data); got != "1201 300 50" {
		t.Errorf("%s complete responses, want 1201 300 50", got)
	}
	if code := begin(t, "demo", "--data", data).end(); code != exitDone || demoCounts(t, data) != "1201 300 50" {
		t.Errorf("after a second start: exit code %d, %s", code, demoCounts(t, data))
	}
	if code := begin(t, "demo", "--data", data, "--fresh").end(); code != exitDone || demoCounts(t, data) != "1200 300 50" {
		t.Errorf("after a fresh start: exit code %d, %s", code, demoCounts(t, data))
	}
}

// processorTime is how long processors have worked for this process.
func processorTime(t *testing.T) time.Duration {
	t.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		t.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// What package http says of connections that fail does not say whose they were.
func TestFailedConnectionsAreNobodys(t *testing.T) {
	var written strings.Builder
	log := slog.NewLogLogger(nobodysAddress{slog.NewTextHandler(&written, nil)}, slog.LevelWarn)
	log.Print("http: TLS handshake error from 192.0.2.7:50000: EOF")
	log.Print("http2: server connection error from [2001:db8::7]:50000: PROTOCOL_ERROR")
	log.Print("http: panic serving [fe80::1]:50000: at 12:34")
	got := written.String()
	for _, not := range []string{"192.0.2.7", "2001:db8", "fe80", "50000"} {
		if strings.Contains(got, not) {
			t.Errorf("the log holds %s:\n%s", not, got)
		}
	}
	for _, want := range []string{"handshake error from an address: EOF", "PROTOCOL_ERROR", "panic serving an address: at 12:34"} {
		if !strings.Contains(got, want) {
			t.Errorf("the log lacks %q:\n%s", want, got)
		}
	}
}

// A page elsewhere whose name points at this machine is not let in as everybody is whose browser is here.
func TestDemoAnswersByItsOwnNamesOnly(t *testing.T) {
	everything := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	for _, tt := range []struct {
		address, host string
		answered      bool
	}{
		{"", "127.0.0.1:8080", true},
		{"", "localhost", true},
		{"", "LocalHost:8080", true},
		{"", "[::1]:8080", true},
		{"", "127.8.9.1", true},
		{"", "elsewhere.example:8080", false},
		{"", "127.0.0.1.elsewhere.example", false},
		{"", "localhost.elsewhere.example", false},
		{"", "192.0.2.7:8080", false},
		{"", "", false},
		{"https://shown.example/", "shown.example", true},
		{"https://shown.example/", "Shown.Example:443", true},
		{"https://shown.example/", "elsewhere.example", false},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		r.Host = tt.host
		w := httptest.NewRecorder()
		if askedByName(tt.address, everything).ServeHTTP(w, r); (w.Code == http.StatusTeapot) != tt.answered {
			t.Errorf("at %q, asked for %q: %d", tt.address, tt.host, w.Code)
		}
	}

	s := begin(t, "demo", "--data", t.TempDir())
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.address+"/people", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "elsewhere.example"
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusMisdirectedRequest {
		t.Errorf("a page elsewhere is answered %d", response.StatusCode)
	}
}

// The demonstration has three organisations, and somebody in every role: each sees what is hers. Nothing of it is made
// twice, and what somebody has changed stays.
func TestDemoOffice(t *testing.T) {
	data := t.TempDir()
	s := begin(t, "demo", "--data", data)
	guest := newBrowser(t)
	if page := getBy(t, guest, s.address+"/"); !strings.Contains(page, "Employees, pilot") || !strings.Contains(page, "Made-Up Hotels") {
		t.Errorf("the guest does not see the company and where else to look:\n%s", page)
	}
	hotels := regexp.MustCompile(`<button name="to" value="(\d+)">Made-Up Hotels`).FindStringSubmatch(getBy(t, guest, s.address+"/"))
	if hotels == nil {
		t.Fatal("there is no way to the hotels")
	}
	response, err := guest.PostForm(s.address+"/work-in", url.Values{"to": {hotels[1]}})
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if page := getBy(t, guest, s.address+"/"); !strings.Contains(page, "<strong>Made-Up Hotels") || strings.Contains(page, "Employees, pilot") || !strings.Contains(page, "Simulated") && !strings.Contains(page, "simulated") {
		t.Errorf("at the hotels the guest sees:\n%s", page)
	}
	for _, tt := range []struct{ who, sees, not string }{
		{"owner", "Employees, pilot", "Made-Up Clinics"},
		{"hr", `href="/people"`, "Made-Up Clinics"},
		{"analyst", `href="/divergence"`, `href="/people"`},
		{"consultant", "Made-Up Clinics", `href="/people"`},
		{"viewer", "Customers and employees", `href="/divergence"`},
	} {
		browser := newBrowser(t)
		signIn(t, browser, s.address, tt.who+"@example.com", demoPassword)
		page := getBy(t, browser, s.address+"/")
		if !strings.Contains(page, tt.sees) || strings.Contains(page, tt.not) {
			t.Errorf("%s sees, with %q and without %q:\n%s", tt.who, tt.sees, tt.not, page)
		}
	}
	s.end()
	if got := demoOrganisations(t, data); got != "3 organisations, 6 users, 1 views" {
		t.Errorf("after the first start: %s", got)
	}
	begin(t, "demo", "--data", data).end()
	if got := demoOrganisations(t, data); got != "3 organisations, 6 users, 1 views" {
		t.Errorf("after the second start: %s", got)
	}
}

func demoOrganisations(t *testing.T, data string) string {
	t.Helper()
	db, err := store.Open(t.Context(), filepath.Join(data, demoDatabase), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	organisations, err := db.Organisations(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	users, err := db.Users(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	views, err := db.Views(t.Context(), survey.DefaultOrganisation)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%d organisations, %d users, %d views", len(organisations), len(users), len(views))
}

func demoCounts(t *testing.T, data string) string {
	t.Helper()
	db, err := store.Open(t.Context(), filepath.Join(data, demoDatabase), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var complete []string
	for _, d := range demoWaves("en") {
		wave, err := db.WaveBySlug(t.Context(), d.slug)
		if err != nil {
			t.Fatal(err)
		}
		counts, err := db.Counts(t.Context(), survey.DefaultOrganisation, wave.ID)
		if err != nil || !wave.Simulated || (wave.Threshold == demoThreshold) != (wave.Audience == survey.Internal) {
			t.Fatalf("%+v, %v", wave, err)
		}
		complete = append(complete, fmt.Sprint(counts.Complete))
	}
	return strings.Join(complete, " ")
}

// Two servers on one PostgreSQL show the same figures within a second, while people answer at both and some of
// what they answered is erased.
func TestTwoServersShowTheSame(t *testing.T) {
	dsn := storetest.Postgres(t)
	db, wave, q := opened(t, dsn)
	hosts := []string{}
	var director *http.Client
	for range 2 {
		s := begin(t, "serve", "--dsn", dsn)
		hosts = append(hosts, strings.TrimPrefix(s.address, "http://"))
		if len(hosts) == 2 { // of two links that are printed the newer one is good
			director = signedIn(t, hosts[1], s.stdout)
		}
	}
	inside, err := demoWaves("en")[2].make(t.Context(), db, "en", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	shown := func(host string) side {
		return parseComparison(t, getBy(t, director, fmt.Sprintf("http://%s/divergence/findings.json?external=%d&internal=%d&item=expectations", host, wave.ID, inside.ID))).External
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var answering sync.WaitGroup
	for i := range 6 {
		answering.Go(func() {
			for n := range 4 {
				turn := i
				next := func() string { turn++; return hosts[turn%2] } // a proxy sends every request to another
				if err := newRespondent(next, wave.Slug, "", uint64(10*i+n)).answer(ctx, q); err != nil {
					t.Error(err)
				}
			}
		})
	}
	answering.Wait()
	for row, err := range db.Answers(t.Context(), survey.DefaultOrganisation, wave.ID, store.Mark{}) {
		if err != nil {
			t.Fatal(err)
		}
		if err := db.DeleteResponse(t.Context(), survey.DefaultOrganisation, wave.ID, row.ID); err != nil {
			t.Fatal(err)
		}
		break
	}
	time.Sleep(time.Second)
	one, other := shown(hosts[0]), shown(hosts[1])
	if one.N != 23 || fmt.Sprint(one) != fmt.Sprint(other) {
		t.Errorf("one shows %+v, the other %+v; want 23 people and the same", one, other)
	}
	people, picked := ranked(t, tally.NewWaves(newStoredWaves(db, time.Now), 1<<20), wave.ID)
	if people != one.N {
		t.Errorf("%d people are stored and %d shown", people, one.N)
	}
	for code, n := range picked {
		if got := one.entry(t, string(code)).Count; got != n {
			t.Errorf("%s was picked %d times, the page says %d", code, n, got)
		}
	}
	// One more answer at the one is seen at the other.
	if err := newRespondent(func() string { return hosts[0] }, wave.Slug, "", 999).answer(ctx, q); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	waitFor(t, func() bool { return shown(hosts[1]).N == 24 })
	if took := time.Since(began); took > withinASecond {
		t.Errorf("it took %s until the other server showed it", took)
	}
}
