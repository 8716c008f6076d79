//go:build unix

package web

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cxmirror/charts"
	"cxmirror/pkg/store"
	"cxmirror/pkg/store/storetest"
	"cxmirror/pkg/survey"
	"cxmirror/pkg/tally"
)

// Limits of the pages, as shares of what else the same machine does in the same run.
const (
	savedOfPgbench  = 0.4 // pages saved, of what pgbench inserts
	savedOfRaw      = 0.5 // pages saved, of what the driver of SQLite inserts by itself
	shownOfOK       = 0.2 // pages shown, of net/http saying "ok"
	divergenceLimit = 100 * time.Millisecond
)

const (
	noticed     = 600 * time.Millisecond // after which an answer is counted: waves are held fresh for half a second
	connections = 16                     // browsers at once
	turns       = 4                      // of either side of a ratio, by turns, since what else the machine does comes and goes
)

// benchQuestionnaire asks one of everything on its first page. The second makes the first one not the last.
const benchQuestionnaire = `
code: bench
version: 1
languages: [en]
title: Bench
items:
  - {code: channel, kind: single, background: true, required: true, text: How did you reach us?, options: [{code: phone, text: By phone}, {code: mail, text: By mail}]}
  - {code: expectations, kind: multi, max: 3, required: true, text: What matters most to you?, options: [` + benchExpectations + `]}
  - {code: order, kind: rank, of: expectations, text: In which order?}
  - {code: performance, kind: rating, required: true, text: How do we do?, rows: [` + benchExpectations + `], scale: {min: 1, max: 5, cannot_say: true}}
  - {code: recommend, kind: nps, required: true, text: Would you recommend us?}
  - {code: hours, kind: number, min: 0, max: 100, decimals: 1, text: How many hours did it take?}
  - {code: comment, kind: text, text: What else?}
  - {code: department, kind: single, background: true, new_page: true, text: Your department?, options: [{code: it, text: IT}, {code: sales, text: Sales}]}
`

const benchExpectations = `{code: speed, text: Quick answers}, {code: ease, text: Easy to reach}, {code: competence, text: Competent staff}, ` +
	`{code: price, text: Fair prices}, {code: reach, text: Close by}, {code: honesty, text: Honest advice}`

// benchPage is the first page of benchQuestionnaire, answered in full.
func benchPage(f *field) url.Values {
	return url.Values{
		fieldAct: {"next"}, fieldIn: {"en"}, fieldVersion: {strconv.FormatInt(int64(f.wave.Version), 10)},
		fieldShown: {"channel expectations order performance recommend hours comment"},
		"channel":  {"phone"}, "expectations": {"speed", "ease", "competence"}, "order": {"ease", "speed", "competence"},
		"performance.speed": {"4"}, "performance.ease": {survey.CannotSayWord}, "performance.competence": {"5"},
		"performance.price": {"3"}, "performance.reach": {"4"}, "performance.honesty": {"5"},
		"recommend": {"9"}, "hours": {"7.5"}, "comment": {"Thank you, it was quick this time."},
	}
}

// connection is a browser's, kept open. It sends bytes made before, so that nearly all that is measured is the
// server.
type connection struct {
	net.Conn

	answers *bufio.Reader
	drafts  []draft // that it goes on with by turns
	sent    int
}

// draft is a response that a browser goes on with.
type draft struct {
	response survey.Response
	request  []byte
}

func connect(b *testing.B, server *httptest.Server) *connection {
	b.Helper()
	c, err := (&net.Dialer{}).DialContext(b.Context(), "tcp", server.Listener.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = c.Close() })
	return &connection{Conn: c, answers: bufio.NewReaderSize(c, 32<<10)}
}

// send sends a request, reads the answer to its end, and returns its status and where it leads.
func (c *connection) send(request []byte) (status int, location string, err error) {
	if _, err := c.Write(request); err != nil {
		return 0, "", err
	}
	response, err := http.ReadResponse(c.answers, nil)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	return response.StatusCode, response.Header.Get("Location"), err
}

// next sends the request of the next draft, and expects a status, and to be led to an address ("" is to none).
func (c *connection) next(status int, location string) error {
	gotStatus, gotLocation, err := c.send(c.drafts[c.sent%len(c.drafts)].request)
	if err != nil {
		return err
	}
	if gotStatus != status || gotLocation != location {
		return fmt.Errorf("status %d, led to %q; want %d and %q", gotStatus, gotLocation, status, location)
	}
	c.sent++
	return nil
}

// rate returns how many calls a second all connections get done, each calling one after the other.
func rate(b *testing.B, connections []*connection, during time.Duration, call func(*connection) error) float64 {
	b.Helper()
	var calls atomic.Int64
	var all sync.WaitGroup
	began := time.Now()
	for _, c := range connections {
		all.Go(func() {
			for time.Since(began) < during {
				if err := call(c); err != nil {
					b.Error(err)
					return
				}
				calls.Add(1)
			}
		})
	}
	all.Wait()
	if b.Failed() {
		b.FailNow()
	}
	return float64(calls.Load()) / time.Since(began).Seconds()
}

// crowd opens connections, each with drafts of its own, whose requests are for the first page,
// made of a method and a form.
func crowd(b *testing.B, f *field, method string, form url.Values) []*connection {
	b.Helper()
	const draftsEach = 64
	browsers := make([]*connection, connections)
	for i := range browsers {
		browsers[i] = connect(b, f.http)
		for range draftsEach {
			id, err := f.server.newKey(bytesOfResponse)
			if err != nil {
				b.Fatal(err)
			}
			key, err := f.server.newKey(bytesOfKey)
			if err != nil {
				b.Fatal(err)
			}
			r := survey.Response{
				ID: survey.ResponseID(id), Wave: f.wave.ID, Version: f.wave.Version, Key: key, Language: "en", Seed: seedOf(key),
				Answers: []byte("{}"), Weight: 1, Started: noon,
			}
			if err := f.store.StartResponse(b.Context(), survey.DefaultOrganisation, &r); err != nil {
				b.Fatal(err)
			}
			browsers[i].drafts = append(browsers[i].drafts, draft{r, requestOf(f, method, "/o/spring/1", key, form.Encode())})
		}
	}
	return browsers
}

// requestOf returns a request as a browser sends it.
func requestOf(f *field, method, path, key, form string) []byte {
	request := fmt.Appendf(nil, "%s %s HTTP/1.1\r\nHost: %s\r\nAccept-Language: en\r\nAccept-Encoding: gzip\r\nCookie: %s=%s\r\n",
		method, path, f.http.Listener.Addr(), cookieOf(&f.wave), key)
	if form != "" {
		request = fmt.Appendf(request, "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n", len(form))
	}
	return append(append(request, "\r\n"...), form...)
}

// savedAnswers returns the answers that the page leaves in the database, after it was sent once.
func savedAnswers(b *testing.B, f *field, c *connection) []byte {
	b.Helper()
	first := c.drafts[c.sent%len(c.drafts)].response
	if err := c.next(http.StatusSeeOther, "/o/spring/2"); err != nil {
		b.Fatal(err)
	}
	stored, err := f.store.ResponseByKey(b.Context(), survey.DefaultOrganisation, f.wave.ID, first.Key)
	if err != nil {
		b.Fatal(err)
	}
	for _, given := range []string{`"cannot_say"`, `"ease","speed","competence"`, `7.5`, `it was quick this time`} {
		if !bytes.Contains(stored.Answers, []byte(given)) {
			b.Fatalf("%s is not stored: %s", given, stored.Answers)
		}
	}
	return stored.Answers
}

// checkSaved fails the benchmark unless every page that was acknowledged was saved, once.
func checkSaved(b *testing.B, f *field, browsers []*connection) {
	b.Helper()
	sent, saved := 0, 0
	for _, c := range browsers {
		sent += c.sent
		for _, d := range c.drafts {
			stored, err := f.store.ResponseByKey(b.Context(), survey.DefaultOrganisation, f.wave.ID, d.response.Key)
			if err != nil {
				b.Fatal(err)
			}
			saved += stored.Revision
		}
	}
	if sent != saved {
		b.Errorf("%d pages were acknowledged, and %d are saved", sent, saved)
	}
}

// atLeast reports a rate as a share of another one, and fails the benchmark where it is too small.
func atLeast(b *testing.B, what string, got, base, share float64) {
	b.Helper()
	b.ReportMetric(got, what+"/s")
	b.ReportMetric(got/base, what+"-of-base")
	if got/base < share {
		b.Errorf("%s: %.0f a second are %.2f of %.0f; want at least %.2g", what, got, got/base, base, share)
	}
}

// BenchmarkSavePagePostgres sends a full page over HTTP, which is read, checked, stored and answered, on a server
// that waits for its disk. It is set against what pgbench inserts of the same answers over as many connections.
func BenchmarkSavePagePostgres(b *testing.B) {
	server := storetest.StartPostgres(b, "fsync=on")
	dsn := server.Database(b)
	f := newFieldIn(b, storetest.Open(b, dsn), benchQuestionnaire, nil)
	browsers := crowd(b, f, http.MethodPost, benchPage(f))
	script := filepath.Join(b.TempDir(), "insert.sql")
	err := os.WriteFile(script, fmt.Appendf(nil, `INSERT INTO responses (id, organisation_id, wave_id, version_id, key_hash, language, seed, page, revision, answers, weight, person, started_at)
VALUES (gen_random_uuid(), 1, %d, %d, uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()), 'en', 5, 1, 0, '%s', 1, '', now());`,
		f.wave.ID, f.wave.Version, savedAnswers(b, f, browsers[0])), 0o600)
	if err != nil {
		b.Fatal(err)
	}
	const each = 2 * time.Second
	for b.Loop() {
		var base, got float64
		for range turns {
			base += pgbench(b, server, dsn, script, each) / turns
			got += rate(b, browsers, each, func(c *connection) error { return c.next(http.StatusSeeOther, "/o/spring/2") }) / turns
		}
		b.ReportMetric(base, "pgbench/s")
		atLeast(b, "saved", got, base, savedOfPgbench)
	}
	checkSaved(b, f, browsers)
}

// pgbench returns how many times a second PostgreSQL's own program gets a script done.
func pgbench(b *testing.B, server *storetest.Server, dsn, script string, during time.Duration) float64 {
	b.Helper()
	out, err := exec.CommandContext(b.Context(), filepath.Join(server.Programs(), "pgbench"), "--no-vacuum", "--protocol", "prepared",
		"--client", strconv.Itoa(connections), "--jobs", "2", "--time", strconv.Itoa(int(during.Seconds())), "--file", script, dsn).CombinedOutput()
	found := regexp.MustCompile(`tps = ([0-9.]+)`).FindSubmatch(out)
	if err != nil || found == nil {
		b.Fatalf("pgbench: %v\n%s", err, out)
	}
	tps, err := strconv.ParseFloat(string(found[1]), 64)
	if err != nil {
		b.Fatal(err)
	}
	return tps
}

// BenchmarkSavePageSQLite does the same on a file of SQLite, and is set against what the driver inserts by itself,
// with the same settings and one connection, as SQLite has one writer.
func BenchmarkSavePageSQLite(b *testing.B) {
	path := storetest.SQLite(b)
	f := newFieldIn(b, storetest.Open(b, path), benchQuestionnaire, nil)
	browsers := crowd(b, f, http.MethodPost, benchPage(f))
	answers := savedAnswers(b, f, browsers[0])
	raw, err := sql.Open("sqlite", "file:"+path+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=busy_timeout(10000)&_pragma=foreign_keys(ON)")
	if err != nil {
		b.Fatal(err)
	}
	defer raw.Close()
	raw.SetMaxOpenConns(1)
	insert, err := raw.PrepareContext(b.Context(), `
		INSERT INTO responses (id, organisation_id, wave_id, version_id, key_hash, language, seed, page, revision, answers, weight, person, started_at)
		VALUES (lower(hex(randomblob(16))), 1, ?, ?, randomblob(32), 'en', 5, 1, 0, ?, 1, '', ?)`)
	if err != nil {
		b.Fatal(err)
	}
	defer insert.Close()
	const each = time.Second
	for b.Loop() {
		var base, got float64
		for range turns {
			base += rate(b, browsers[:1], each, func(*connection) error {
				_, err := insert.ExecContext(b.Context(), int64(f.wave.ID), int64(f.wave.Version), string(answers), noon)
				return err
			}) / turns
			got += rate(b, browsers, each, func(c *connection) error { return c.next(http.StatusSeeOther, "/o/spring/2") }) / turns
		}
		b.ReportMetric(base, "raw/s")
		atLeast(b, "saved", got, base, savedOfRaw)
	}
	checkSaved(b, f, browsers)
}

// BenchmarkShowPage shows a page of questions over HTTP to people whose responses are read from the database. It
// is set against net/http saying "ok" to as many connections.
func BenchmarkShowPage(b *testing.B) {
	for name, open := range storetest.Engines() {
		b.Run(name, func(b *testing.B) {
			f := newFieldIn(b, open(b), benchQuestionnaire, nil)
			browsers := crowd(b, f, http.MethodGet, nil)
			ok := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") }))
			b.Cleanup(ok.Close)
			others := make([]*connection, connections)
			for i := range others {
				others[i] = connect(b, ok)
				others[i].drafts = browsers[i].drafts
			}
			const each = time.Second
			for b.Loop() {
				var base, got float64
				for range turns {
					base += rate(b, others, each, func(c *connection) error { return c.next(http.StatusOK, "") }) / turns
					got += rate(b, browsers, each, func(c *connection) error { return c.next(http.StatusOK, "") }) / turns
				}
				b.ReportMetric(base, "ok/s")
				atLeast(b, "shown", got, base, shownOfOK)
			}
		})
	}
}

// BenchmarkDivergencePage shows the divergence page over HTTP for 100,000 customers and 1,000 employees whose answers
// count as they come: again, and after an employee has answered, which the page must show.
func BenchmarkDivergencePage(b *testing.B) {
	for name, open := range storetest.Engines() {
		b.Run(name, func(b *testing.B) {
			f := newComparedField(b, open(b), 100_000, 1_000)
			browser := connect(b, f.http)
			request := fmt.Appendf(nil, "GET /divergence HTTP/1.1\r\nHost: %s\r\nAccept-Encoding: gzip\r\n\r\n", f.http.Listener.Addr())
			show := func() time.Duration {
				began := time.Now()
				if status, _, err := browser.send(request); err != nil || status != http.StatusOK {
					b.Fatalf("status %d: %v", status, err)
				}
				return time.Since(began)
			}
			f.person(b).get("/divergence").expectFigures(b, "N = 100,000", "N = 1,000")
			show()
			var again, anew []time.Duration
			for b.Loop() {
				for range 20 {
					again = append(again, show())
				}
				for range 5 {
					f.importAnswers(b, f.wave, 1, uint64(len(anew)+1))
					time.Sleep(noticed)
					anew = append(anew, show())
				}
			}
			f.person(b).get("/divergence").expectFigures(b, "N = 100,000", fmt.Sprintf("N = 1,%03d", len(anew)))
			slices.Sort(again)
			slices.Sort(anew)
			usual := again[len(again)/2]
			b.ReportMetric(usual.Seconds()*1000, "ms/page")
			b.ReportMetric(usual.Seconds()/divergenceLimit.Seconds(), "of-limit")
			b.ReportMetric(anew[len(anew)/2].Seconds()*1000, "ms/page-after-an-answer")
			if usual > divergenceLimit {
				b.Errorf("the page takes %s, at most %s are allowed", usual, divergenceLimit)
			}
		})
	}
}

// expectFigures fails the benchmark unless the page holds three charts and what else is given.
func (a answer) expectFigures(b *testing.B, words ...string) {
	b.Helper()
	page := visible(a.body)
	for _, want := range words {
		if !strings.Contains(page, want) {
			b.Fatalf("%d: the page does not say %q: %.2000s", a.status, want, page)
		}
	}
	if drawn := strings.Count(a.body, "</svg>"); drawn < 3 {
		b.Fatalf("%d: the page has %d charts; want 3", a.status, drawn)
	}
}

// newComparedField is a server with an external and an internal wave of so many responses.
func newComparedField(b *testing.B, s *store.Store, external, internal int) *field {
	b.Helper()
	f := &field{store: s, moment: noon, log: &lockedBuffer{}}
	engine, err := charts.NewEngine() // one that has drawn nothing yet
	if err != nil {
		b.Fatal(err)
	}
	writer, err := testWriter()
	if err != nil {
		b.Fatal(err)
	}
	f.server, err = New(Options{
		Access: testAccess(b, s, f.now, nil),
		Store:  s, Fieldwork: testFieldwork(b, s, f.now), Waves: tally.NewWaves(&fromStore{s, newFielded(s, f.now)}, 1<<28), Engine: engine, Reports: writer,
		Log: slog.New(slog.NewTextHandler(f.log, nil)), Now: f.now, Random: rand.Reader, Version: "test",
	})
	if err != nil {
		b.Fatal(err)
	}
	f.http = httptest.NewServer(f.asOwner(b))
	b.Cleanup(f.http.Close)
	for _, side := range []struct {
		audience      survey.Audience
		questionnaire string
		n             int
	}{{survey.External, "external-expectations", external}, {survey.Internal, "internal-expectations", internal}} {
		f.wave = survey.Wave{
			Organisation: survey.DefaultOrganisation, Version: f.version(b, side.questionnaire), Name: string(side.audience),
			Audience: side.audience, Slug: string(side.audience), State: survey.WaveOpen, Threshold: 1,
		}
		if err := s.CreateWave(b.Context(), &f.wave); err != nil {
			b.Fatal(err)
		}
		f.importAnswers(b, f.wave, side.n, 0)
	}
	return f
}

// importAnswers stores simulated answers to a bundled questionnaire: picks, their order, ratings and a part of
// the whole. The series makes other answers, and other ids.
func (f *field) importAnswers(b *testing.B, w survey.Wave, n int, series uint64) {
	b.Helper()
	q, err := f.server.fielded.questionnaire(b.Context(), w.Organisation, w.Version)
	if err != nil {
		b.Fatal(err)
	}
	kinds := make([][]byte, min(n, 1000))
	random := mathrand.New(mathrand.NewPCG(uint64(w.ID), series))
	for i := range kinds {
		if kinds[i], err = simulated(q, random); err != nil {
			b.Fatal(err)
		}
	}
	imported, err := f.store.ImportResponses(b.Context(), survey.DefaultOrganisation, w.ID, func(yield func(survey.Response, error) bool) {
		for i := range n {
			completed := noon
			if !yield(survey.Response{
				ID: survey.ResponseID(fmt.Sprintf("%08x%08x%016x", int64(w.ID), series, i)), Version: w.Version, Language: "en",
				Answers: kinds[i%len(kinds)], Started: noon, Completed: &completed,
			}, nil) {
				return
			}
		}
	})
	if err != nil || imported != n {
		b.Fatalf("%d of %d imported: %v", imported, n, err)
	}
}

// simulated returns answers of one person, as they are stored. Those named earlier are picked more often.
func simulated(q *questionnaire, random *mathrand.Rand) ([]byte, error) {
	given := make(map[string]any)
	for i := range q.Items {
		switch it := &q.Items[i]; {
		case it.Background && it.Kind == survey.Single:
			given[string(it.Code)] = it.Options[random.IntN(2)].Code
		case it.Kind == survey.Multi:
			var picked []survey.OptionCode
			for j := range it.Options {
				if len(picked) < it.Max && !it.Options[j].Exclusive && random.IntN(4+j) == 0 {
					picked = append(picked, it.Options[j].Code)
				}
			}
			if len(picked) == 0 {
				picked = append(picked, it.Options[0].Code)
			}
			given[string(it.Code)] = picked
			if len(picked) > 1 {
				order := slices.Clone(picked)
				random.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
				given["order"] = order
			}
		case it.Kind == survey.Rating:
			for j := range it.Rows {
				given[string(it.Code)+"."+string(it.Rows[j].Code)] = 1 + random.IntN(5)
			}
		}
	}
	source, err := json.Marshal(given)
	if err != nil {
		return nil, err
	}
	read, err := q.ParseAnswers(source)
	if err != nil {
		return nil, err
	}
	return read.MarshalJSON()
}
