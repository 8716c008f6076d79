package web

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/html"

	"cxmirror/charts"
	"cxmirror/pkg/report"
	"cxmirror/pkg/store"
	"cxmirror/pkg/store/storetest"
	"cxmirror/pkg/survey"
	"cxmirror/pkg/tally"
	"cxmirror/surveys"
)

// field is a server with an open wave, and what is needed to look behind it.
type field struct {
	server *Server
	store  *store.Store
	http   *httptest.Server
	wave   survey.Wave
	log    *lockedBuffer
	mu     sync.Mutex
	moment time.Time
}

func (f *field) now() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.moment
}

// noon is when tests take place.
var noon = time.Date(2027, 3, 14, 12, 0, 0, 0, time.UTC)

// engine and writer are shared by all tests: they keep nothing.
var (
	testEngine = sync.OnceValues(charts.NewEngine)
	testWriter = sync.OnceValues(report.NewWriter)
)

// newField opens a wave of a questionnaire that comes with the program, or of the YAML given.
func newField(tb testing.TB, questionnaire string, change func(*survey.Wave)) *field {
	tb.Helper()
	return newFieldIn(tb, storetest.Open(tb, storetest.SQLite(tb)), questionnaire, change)
}

func newFieldIn(tb testing.TB, s *store.Store, questionnaire string, change func(*survey.Wave)) *field {
	tb.Helper()
	f := &field{store: s, moment: noon, log: &lockedBuffer{}}
	engine, err := testEngine()
	if err != nil {
		tb.Fatal(err)
	}
	writer, err := testWriter()
	if err != nil {
		tb.Fatal(err)
	}
	f.server, err = New(Options{
		Access: testAccess(tb, s, f.now, nil),
		Store:  s, Fieldwork: testFieldwork(tb, s, f.now), Waves: tally.NewWaves(nil, 1<<20), Engine: engine, Reports: writer,
		Log: slog.New(slog.NewTextHandler(f.log, nil)), Now: f.now, Random: rand.Reader, Version: "test",
	})
	if err != nil {
		tb.Fatal(err)
	}
	f.server.pages.executed = executedTemplates.add
	f.http = httptest.NewServer(f.server.Handler())
	tb.Cleanup(f.http.Close)
	f.wave = survey.Wave{
		Organisation: survey.DefaultOrganisation, Version: f.version(tb, questionnaire), Name: "Spring", Audience: survey.External,
		Slug: "spring", State: survey.WaveOpen, OpenLink: true, Threshold: 1, Promise: survey.Promise{
			Asker:   survey.Words{"en": "The customer service of Example Ltd", "pl": "Dział obsługi klienta firmy Przykład"},
			Purpose: survey.Words{"en": "To find out what to improve first", "pl": "Aby wiedzieć, co poprawić najpierw"},
			Minutes: 3, Contact: "cx@example.com", Homepage: "https://example.com/",
		},
	}
	if change != nil {
		change(&f.wave)
	}
	if err := s.CreateWave(tb.Context(), &f.wave); err != nil {
		tb.Fatal(err)
	}
	return f
}

// version stores a questionnaire and returns its id.
func (f *field) version(tb testing.TB, questionnaire string) survey.VersionID {
	tb.Helper()
	source, err := surveys.Questionnaire(questionnaire)
	if err != nil {
		source = []byte(questionnaire)
	}
	frames := make(map[string][]byte)
	q, err := survey.Parse(source, "questionnaire.yaml", func(code string) ([]byte, error) {
		frame, err := surveys.Frame(code)
		frames[code] = frame
		return frame, err
	})
	if err != nil {
		tb.Fatal(err)
	}
	v := survey.Version{Organisation: survey.DefaultOrganisation, Code: q.Code, Number: q.Version, Source: source, Frames: frames, Stored: noon}
	if err := f.store.SaveVersion(tb.Context(), &v); err != nil {
		tb.Fatal(err)
	}
	return v.ID
}

// counts returns how many responses the wave has.
func (f *field) counts(tb testing.TB) store.Counts {
	tb.Helper()
	counts, err := f.store.Counts(tb.Context(), survey.DefaultOrganisation, f.wave.ID)
	if err != nil {
		tb.Fatal(err)
	}
	return counts
}

// complete returns the complete responses, as stored.
func (f *field) complete(tb testing.TB) []string {
	tb.Helper()
	var all []string
	for r, err := range f.store.Answers(tb.Context(), survey.DefaultOrganisation, f.wave.ID, store.Mark{}) {
		if err != nil {
			tb.Fatal(err)
		}
		all = append(all, string(r.Answers))
	}
	return all
}

// change changes the wave as a director would.
func (f *field) change(tb testing.TB, change func(*survey.Wave)) {
	tb.Helper()
	change(&f.wave)
	if err := f.store.UpdateWave(tb.Context(), f.wave); err != nil {
		tb.Fatal(err)
	}
}

// person is a respondent with a browser that keeps cookies and follows no redirect by itself.
type person struct {
	t      testing.TB
	client *http.Client
	base   string
	accept string // languages
}

func (f *field) person(tb testing.TB) *person {
	tb.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		tb.Fatal(err)
	}
	return &person{t: tb, base: f.http.URL, accept: "en", client: &http.Client{
		Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// answer is what came back.
type answer struct {
	status   int
	location string
	body     string
	header   http.Header
}

func (p *person) send(method, path, kind string, body io.Reader) answer {
	p.t.Helper()
	r, err := http.NewRequestWithContext(context.Background(), method, p.base+path, body)
	if err != nil {
		p.t.Fatal(err)
	}
	r.Header.Set("Accept-Language", p.accept)
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	response, err := p.client.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return answer{response.StatusCode, response.Header.Get("Location"), string(content), response.Header}
}

func (p *person) get(path string) answer { p.t.Helper(); return p.send(http.MethodGet, path, "", nil) }

func (p *person) post(path string, form url.Values) answer {
	p.t.Helper()
	return p.send(http.MethodPost, path, "application/x-www-form-urlencoded", strings.NewReader(form.Encode()))
}

// begin starts a response and returns its first page.
func (p *person) begin() answer {
	p.t.Helper()
	got := p.post("/o/spring", p.formOf(p.get("/o/spring")))
	if got.status != http.StatusSeeOther {
		p.t.Fatalf("begin: %d %.300s", got.status, got.body)
	}
	return p.get(got.location)
}

// formOf reads what a page's form would send as it stands.
func (p *person) formOf(a answer) url.Values {
	p.t.Helper()
	root, err := html.Parse(strings.NewReader(a.body))
	if err != nil {
		p.t.Fatal(err)
	}
	form := make(url.Values)
	for n := range root.Descendants() {
		attributes := make(map[string]string)
		for _, at := range n.Attr {
			attributes[at.Key] = at.Val
		}
		_, checked := attributes["checked"]
		switch {
		case n.Type != html.ElementNode || attributes["name"] == "":
		case n.Data == "input" && (attributes["type"] == "hidden" || attributes["type"] == "text" || checked):
			form.Add(attributes["name"], attributes["value"])
		case n.Data == "textarea":
			form.Add(attributes["name"], textOf(n))
		case n.Data == "select":
			value := ""
			for option := range n.Descendants() {
				if slices.ContainsFunc(option.Attr, func(at html.Attribute) bool { return at.Key == "selected" }) {
					value = textOf(option)
				}
			}
			form.Add(attributes["name"], value)
		}
	}
	return form
}

func textOf(n *html.Node) string {
	var text strings.Builder
	for child := range n.Descendants() {
		if child.Type == html.TextNode {
			text.WriteString(child.Data)
		}
	}
	return text.String()
}

// with returns the form of a page with answers filled in; an empty answer unticks.
func (p *person) with(a answer, fields ...string) url.Values {
	p.t.Helper()
	form := p.formOf(a)
	given := make(url.Values)
	for _, field := range fields {
		name, value, _ := strings.Cut(field, "=")
		given.Add(name, value)
	}
	maps.Copy(form, given)
	return form
}

// lockedBuffer is a log that several goroutines write.
type lockedBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// visible returns the words of a page, without tags.
func visible(body string) string {
	return strings.Join(strings.Fields(html.UnescapeString(regexp.MustCompile(`(?s)<(script|style).*?</(script|style)>|<[^>]*>`).ReplaceAllString(body, " "))), " ")
}

// expect checks a page: its status, words that it shows, and words that it must not hold anywhere.
func (a answer) expect(t *testing.T, status int, shows []string, never ...string) {
	t.Helper()
	if a.status != status {
		t.Errorf("status %d, want %d: %.500s", a.status, status, visible(a.body))
	}
	words := visible(a.body)
	for _, want := range shows {
		if !strings.Contains(words, want) {
			t.Errorf("the page does not say %q: %.1500s", want, words)
		}
	}
	for _, not := range never {
		if strings.Contains(a.body, not) {
			t.Errorf("the page holds %q", not)
		}
	}
	if missing := regexp.MustCompile(`\[[a-z_]+\]`).FindString(words); missing != "" {
		t.Errorf("a phrase is missing: %s", missing)
	}
}

// One person's way from the promise to the thanks, without script.
func TestRespondentAnswersToTheEnd(t *testing.T) {
	for name, open := range storetest.Engines() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFieldIn(t, open(t), "external-expectations", nil)
			p := f.person(t)
			p.accept = "pl"
			page := p.get("/o/spring")
			page.expect(t, http.StatusOK, []string{
				"Co jest dla Państwa ważne", "Dział obsługi klienta firmy Przykład", "Aby wiedzieć, co poprawić najpierw", "Około 3 minut", "cx@example.com",
			})
			page = p.begin()
			page.expect(t, http.StatusOK, []string{"Jak skontaktowali się Państwo z nami ostatnim razem?", "Telefonicznie", "Dalej"})
			next := func(fields ...string) {
				t.Helper()
				got := p.post("/o/spring/"+pageOf(page), p.with(page, append(fields, "_act=next")...))
				if got.status != http.StatusSeeOther {
					t.Fatalf("after %v: %d %.800s", fields, got.status, visible(got.body))
				}
				page = p.get(got.location)
			}
			next("channel=phone")
			next("expectations=speed", "expectations=competence", "expectations=courtesy")
			page.expect(t, http.StatusOK, []string{"Proszę ułożyć wybrane odpowiedzi według ważności.", "Pracownicy mają wiedzę i kompetencje"}, "Dostaję to, czego potrzebuję")
			next("order.speed=1", "order.courtesy=2", "order.competence=3")
			next("performance.speed=4", "performance.ease=cannot_say")
			next("satisfaction=4", "recommendation=9", "fan=3", "comment=Mniej formularzy <script>alert(1)</script>")
			next("relationship=private")
			if f.counts(t).Complete != 0 {
				t.Error("the response counts before it is sent")
			}
			page.expect(t, http.StatusOK, []string{"Wyślij odpowiedzi"})
			next("tenure=3_5_years")
			page.expect(t, http.StatusOK, []string{"Dziękujemy"})
			want := `{"channel":"phone","expectations":["competence","speed","courtesy"],"order":["speed","courtesy","competence"],"performance.speed":4,"performance.ease":"cannot_say","satisfaction":4,"recommendation":9,"fan":3,"comment":"Mniej formularzy \u003cscript\u003ealert(1)\u003c/script\u003e","relationship":"private","tenure":"3_5_years"}`
			got := f.complete(t)
			if len(got) != 1 || !sameAnswers(t, got[0], want) {
				t.Errorf("stored %q, want %s", got, want)
			}
			// Whoever comes back to any page of it is at the end.
			for _, path := range []string{"/o/spring/1", "/o/spring/9"} {
				if back := p.get(path); back.location != "/o/spring/thanks" {
					t.Errorf("%s leads to %q", path, back.location)
				}
			}
			p.get("/o/spring").expect(t, http.StatusOK, []string{"Dziękujemy"}, "Mniej formularzy")
			for _, private := range []string{"Mniej formularzy", "competence", "cx_spring", "127.0.0.1"} {
				if strings.Contains(f.log.String(), private) {
					t.Errorf("the log holds %q", private)
				}
			}
		})
	}
}

// pageOf returns the number of a page from the address of its form.
func pageOf(a answer) string {
	found := regexp.MustCompile(`<form id="page"[^>]* action="(\d+)"`).FindStringSubmatch(a.body)
	if found == nil {
		return "0"
	}
	return found[1]
}

func sameAnswers(t *testing.T, got, want string) bool {
	t.Helper()
	return canonical(t, got) == canonical(t, want)
}

// canonical writes JSON with its keys in order.
func canonical(t *testing.T, text string) string {
	t.Helper()
	var value map[string]any
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	content, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}
