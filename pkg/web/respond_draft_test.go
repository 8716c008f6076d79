package web

import (
	"compress/gzip"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"cxmirror/pkg/store"
	"cxmirror/pkg/store/storetest"
	"cxmirror/pkg/survey"
	"cxmirror/pkg/tally"
)

// threePages asks one question a page.
const threePages = `
code: three
version: 1
languages: [en, pl]
title: {en: Three, pl: Trzy}
items:
  - {code: first, kind: single, required: true, text: {en: First?, pl: Pierwsze?}, options: [{code: a, text: {en: A, pl: Ą}}, {code: b, text: {en: B, pl: Ć}}]}
  - {code: second, kind: multi, random: true, max: 2, new_page: true, text: {en: Second?, pl: Drugie?}, options: [{code: c, text: {en: C}}, {code: d, text: {en: D}}, {code: e, text: {en: E}}]}
  - {code: third, kind: rank, of: second, new_page: true, text: {en: "Third, {{first}}?", pl: "Trzecie, {{first}}?"}}
  - {code: fourth, kind: rating, random: true, text: {en: Fourth?}, rows: [{code: f, text: {en: F}}, {code: g, text: {en: G}}], scale: {min: 1, max: 5, cannot_say: true}}
  - {code: fifth, kind: text, text: {en: Fifth?}}
`

// replica is another server with a store of its own on the same database.
func (f *field) replica(t *testing.T, s *store.Store) *field {
	t.Helper()
	other := &field{store: s, moment: f.moment, wave: f.wave, log: &lockedBuffer{}}
	engine, err := testEngine()
	if err != nil {
		t.Fatal(err)
	}
	writer, err := testWriter()
	if err != nil {
		t.Fatal(err)
	}
	other.server, err = New(Options{
		Access: testAccess(t, s, other.now, nil),
		Store:  s, Fieldwork: testFieldwork(t, s, other.now), Waves: tally.NewWaves(nil, 1<<20), Engine: engine, Reports: writer,
		Log: slog.New(slog.NewTextHandler(other.log, nil)), Now: other.now, Random: rand.Reader, Version: "test",
	})
	if err != nil {
		t.Fatal(err)
	}
	other.http = httptest.NewServer(other.server.Handler())
	t.Cleanup(other.http.Close)
	return other
}

// at is the same browser at another server.
func (p *person) at(f *field) *person {
	other := *p
	other.base = f.http.URL // cookies know no ports
	return &other
}

// cookies are those that the browser sends to an address.
func (p *person) cookies(path string) []*http.Cookie {
	p.t.Helper()
	address, err := url.Parse(p.base + path)
	if err != nil {
		p.t.Fatal(err)
	}
	return p.client.Jar.Cookies(address)
}

// Somebody's pages reach two servers by turns, each of which remembers her response as it last saw it.
func TestDraftsOfTwoServers(t *testing.T) {
	t.Parallel()
	for name, open := range sharedDatabases() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			one, other := open(t)
			f := newFieldIn(t, one, threePages, nil)
			g := f.replica(t, other)
			p := f.person(t)
			first := p.begin()
			second := p.get(p.post("/o/spring/1", p.with(first, "first=a")).location)
			third := p.at(g).get(p.at(g).post("/o/spring/2", p.with(second, "second=c", "second=d")).location)
			if third.status != http.StatusOK {
				t.Fatalf("the third page: %d", third.status)
			}
			if a := p.post("/o/spring/1", p.with(first, "first=b")); a.location != "/o/spring/2" { // the first server has not seen page 2
				t.Fatalf("the first page again: %d %q", a.status, a.location)
			}
			if a := p.at(g).post("/o/spring/3", p.with(third, "third.d=1", "third.c=2", "fifth=Done")); a.location != "/o/spring/thanks" {
				t.Fatalf("the last page: %d %q %.500s", a.status, a.location, visible(a.body))
			}
			want := `{"first":"b","second":["c","d"],"third":["d","c"],"fifth":"Done"}`
			if got := f.complete(t); len(got) != 1 || strings.ReplaceAll(got[0], " ", "") != want {
				t.Errorf("stored: %s; want %s", got, want)
			}
			if a := p.post("/o/spring/2", p.with(second, "second=e")); a.location != "/o/spring/thanks" {
				t.Errorf("a page after the end: %d %q", a.status, a.location)
			}
		})
	}
}

// sharedDatabases are the ways for two stores to use one database. A file of SQLite serves one process, so there
// two servers share the store.
func sharedDatabases() map[string]func(t *testing.T) (one, other *store.Store) {
	return map[string]func(t *testing.T) (one, other *store.Store){
		"sqlite": func(t *testing.T) (one, other *store.Store) {
			t.Helper()
			s := storetest.Open(t, storetest.SQLite(t))
			return s, s
		},
		"postgres": func(t *testing.T) (one, other *store.Store) {
			t.Helper()
			dsn := storetest.Postgres(t)
			return storetest.Open(t, dsn), storetest.Open(t, dsn)
		},
	}
}

// A response that is erased while somebody answers is not saved by memory, and what she typed is given back.
func TestErasedDraft(t *testing.T) {
	t.Parallel()
	f := newField(t, threePages, nil)
	p := f.person(t)
	p.begin()
	page := p.get("/o/spring/1")
	second := p.get(p.post("/o/spring/1", p.with(page, "first=a")).location)
	var v visit
	v.wave = f.wave
	for _, cookie := range p.cookies("/o/spring") {
		if cookie.Name == cookieOf(&f.wave) {
			v.key = cookie.Value
		}
	}
	if !f.server.drafts.recall(&v) {
		t.Fatal("the draft is not remembered")
	}
	if err := f.store.DeleteResponse(t.Context(), f.wave.Organisation, f.wave.ID, v.response.ID); err != nil {
		t.Fatal(err)
	}
	a := p.post("/o/spring/2", p.with(second, "second=c"))
	if a.status != http.StatusConflict || !strings.Contains(a.body, `value="c" checked`) {
		t.Errorf("%d; want the page as it was filled in: %.500s", a.status, visible(a.body))
	}
	if n := f.counts(t).Started; n != 0 {
		t.Errorf("%d responses are stored", n)
	}
	if a = p.post("/o/spring/2", p.with(a)); a.location != "/o/spring/3" || f.counts(t).Started != 1 {
		t.Errorf("sent again: %d %q, %d responses", a.status, a.location, f.counts(t).Started)
	}
}

// A wave is remembered for a second. What closes it meanwhile in another process is obeyed where it counts: nobody
// finishes.
func TestWaveClosedElsewhere(t *testing.T) {
	t.Parallel()
	dsn := storetest.Postgres(t)
	f := newFieldIn(t, storetest.Open(t, dsn), threePages, nil)
	elsewhere := f.replica(t, storetest.Open(t, dsn))
	p := f.person(t)
	third := p.get(p.post("/o/spring/2", p.with(p.get(p.post("/o/spring/1", p.with(p.begin(), "first=a")).location), "second=c")).location)
	elsewhere.change(t, func(w *survey.Wave) { w.State = survey.WaveClosed })
	if a := p.post("/o/spring/3", p.with(third, "fifth=Too late")); a.status != http.StatusGone || !strings.Contains(a.body, "Too late") {
		t.Errorf("the end after the close: %d %q", a.status, a.location)
	}
	if n := f.counts(t).Complete; n != 0 {
		t.Errorf("%d responses were completed", n)
	}
	f.mu.Lock()
	f.moment = f.moment.Add(waveFresh)
	f.mu.Unlock()
	if a := p.get("/o/spring/3"); a.status != http.StatusGone {
		t.Errorf("a second later: %d", a.status)
	}
}

// Drafts are remembered in bounded number, without their keys, and not beyond their end.
func TestDraftsAreForgotten(t *testing.T) {
	t.Parallel()
	d := newDrafts()
	v := &visit{key: "secret", response: survey.Response{ID: "1", Key: "secret", Answers: []byte("{}")}}
	d.remember(v)
	for key, held := range d.young {
		if held.response.Key != "" || strings.Contains(string(key.hash[:]), "secret") {
			t.Error("a key is held")
		}
	}
	for i := range 3 * draftsHeld {
		d.remember(&visit{wave: survey.Wave{ID: survey.WaveID(i + 1)}, key: "other"})
		if i%100 == 0 && !d.recall(v) {
			t.Fatalf("a draft that is asked for is forgotten after %d others", i)
		}
	}
	if held := len(d.young) + len(d.old); held > 2*draftsHeld {
		t.Errorf("%d drafts are held", held)
	}
	long := *v
	long.response.Answers = make([]byte, draftLimit+1)
	d.remember(&long)
	if d.recall(v) {
		t.Error("a long draft is held, or its older state")
	}
	d.remember(v)
	done := noon
	v.response.Completed = &done
	d.remember(v)
	if d.recall(v) {
		t.Error("a response is remembered after its end")
	}
}

// Packed pages are the same as those that are not, piece by piece, whatever is filled in.
func TestPackedPages(t *testing.T) {
	t.Parallel()
	f := newField(t, threePages, nil)
	p := f.person(t)
	p.begin()
	steps := [][]string{{"first=a"}, {"second=c", "second=e"}}
	compare := func(path string) {
		t.Helper()
		packed, plain := f.raw(t, p, path, "gzip"), f.raw(t, p, path, "identity")
		unpacked, err := gzip.NewReader(strings.NewReader(packed))
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		content, err := io.ReadAll(unpacked) // it checks the sum, too
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if string(content) != plain || !strings.HasSuffix(plain, "</html>\n") || strings.Contains(plain, string(hole)) {
			t.Errorf("%s: packed %q, plain %q", path, content, plain)
		}
		if len(packed) > len(plain) {
			t.Errorf("%s: %d bytes are packed into %d", path, len(plain), len(packed))
		}
	}
	for i, step := range steps {
		path := fmt.Sprintf("/o/spring/%d", i+1)
		compare(path)
		p.post(path, p.with(p.get(path), step...))
		compare(path)
	}
	compare("/o/spring/3")
	for _, path := range []string{"/o/spring/1", "/o/spring/2", "/o/spring/3"} {
		first := p.get(path).body
		if again := p.get(path).body; again != first {
			t.Errorf("%s: shown again it is another page", path)
		}
	}
}

// raw returns the body of a page as it is sent.
func (f *field) raw(t *testing.T, p *person, path, encoding string) string {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
	r.Header.Set("Accept-Encoding", encoding)
	for _, cookie := range p.cookies(path) {
		r.AddCookie(cookie)
	}
	w := httptest.NewRecorder()
	f.server.Handler().ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		t.Fatalf("%s: %d", path, w.Code)
	}
	return w.Body.String()
}
