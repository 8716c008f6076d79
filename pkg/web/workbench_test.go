package web

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image/png"
	"io"
	"iter"
	"log/slog"
	"maps"
	mathrand "math/rand/v2"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"cxmirror/pkg/exchange"
	"cxmirror/pkg/findings"
	"cxmirror/pkg/report"
	"cxmirror/pkg/store"
	"cxmirror/pkg/store/storetest"
	"cxmirror/pkg/survey"
	"cxmirror/pkg/tally"
)

// fromStore lets the tally read what the store keeps.
type fromStore struct {
	store   *store.Store
	fielded *fielded
}

func (s *fromStore) Wave(ctx context.Context, organisation survey.OrganisationID, id survey.WaveID) (survey.Wave, error) {
	return s.store.Wave(ctx, organisation, id)
}

func (s *fromStore) Questionnaire(ctx context.Context, organisation survey.OrganisationID, id survey.VersionID) (*survey.Questionnaire, error) {
	q, err := s.fielded.questionnaire(ctx, organisation, id)
	if err != nil {
		return nil, err
	}
	return q.Questionnaire, nil
}

func (s *fromStore) Mark(ctx context.Context, organisation survey.OrganisationID, id survey.WaveID) (tally.Mark, error) {
	mark, err := s.store.Mark(ctx, organisation, id)
	return tally.Mark(mark), err
}

func (s *fromStore) Rows(ctx context.Context, organisation survey.OrganisationID, id survey.WaveID, after tally.Mark) iter.Seq2[tally.Row, error] {
	return func(yield func(tally.Row, error) bool) {
		for row, err := range s.store.Answers(ctx, organisation, id, store.Mark(after)) {
			if !yield(tally.Row{
				ID: row.ID, Version: row.Version, Answers: row.Answers, Weight: row.Weight, Person: row.Person,
				Release: row.Release, Attributes: row.Attributes,
			}, err) {
				return
			}
		}
	}
}

func (s *fromStore) Ended(ctx context.Context, wave *survey.Wave) (bool, error) {
	waiting, err := s.store.Pending(ctx, wave.Organisation, wave.ID)
	return wave.State == survey.WaveClosed && waiting < wave.Threshold, err
}

func (s *fromStore) AddCut(ctx context.Context, wave *survey.Wave, cut survey.Cut) error {
	return s.store.AddCut(ctx, wave.Organisation, wave.ID, cut, len(wave.Cuts), wave.Releases)
}

// newBench is a server with nothing in it, and a director who looks at it.
func newBench(t *testing.T) (*field, *person) {
	t.Helper()
	return newBenchIn(t, storetest.Open(t, storetest.SQLite(t)))
}

// newBenchIn is the same on a database of the test's own.
func newBenchIn(t *testing.T, db *store.Store) (*field, *person) {
	t.Helper()
	f := &field{store: db, moment: noon, log: &lockedBuffer{}}
	engine, err := testEngine()
	if err != nil {
		t.Fatal(err)
	}
	writer, err := testWriter()
	if err != nil {
		t.Fatal(err)
	}
	f.server, err = New(Options{
		Access: testAccess(t, f.store, f.now, nil),
		Store:  f.store, Fieldwork: testFieldwork(t, f.store, f.now), Waves: tally.NewWaves(&fromStore{f.store, newFielded(f.store, f.now)}, 1<<24), Engine: engine, Reports: writer,
		Log: slog.New(slog.NewTextHandler(f.log, nil)), Now: f.now, Random: rand.Reader, Version: "test",
	})
	if err != nil {
		t.Fatal(err)
	}
	f.server.pages.executed = executedTemplates.add
	f.http = httptest.NewServer(f.asOwner(t))
	t.Cleanup(f.http.Close)
	return f, f.person(t)
}

// addWave stores a wave of a bundled questionnaire, or of YAML.
func (f *field) addWave(t *testing.T, questionnaire string, w survey.Wave) survey.Wave {
	t.Helper()
	w.Organisation, w.Version, w.Threshold = survey.DefaultOrganisation, f.version(t, questionnaire), cmp.Or(w.Threshold, 5)
	if w.State == "" {
		w.State = survey.WaveOpen
	}
	if err := f.store.CreateWave(t.Context(), &w); err != nil {
		t.Fatal(err)
	}
	return w
}

// addAnswers answers a wave: expectation number i is picked with the chance that its share says, and every
// person names one of two departments or channels.
func (f *field) addAnswers(t *testing.T, w survey.Wave, n int, shares []float64, segment func(i int) string) {
	t.Helper()
	q, err := f.server.fielded.questionnaire(t.Context(), survey.DefaultOrganisation, w.Version)
	if err != nil {
		t.Fatal(err)
	}
	random := mathrand.New(mathrand.NewPCG(uint64(w.ID), 7))
	it, ok := q.Item("expectations")
	if !ok {
		t.Fatal("there are no expectations to answer")
	}
	_, err = f.store.ImportResponses(t.Context(), survey.DefaultOrganisation, w.ID, func(yield func(survey.Response, error) bool) {
		for i := range n {
			var picked []string
			for j, share := range shares {
				if len(picked) < it.Max && random.Float64() < share {
					picked = append(picked, string(it.Options[j].Code))
				}
			}
			answers := map[string]any{"expectations": picked}
			if len(picked) == 0 {
				answers["expectations"] = "none"
			}
			if segment != nil {
				item, option, _ := strings.Cut(segment(i), "=")
				answers[item] = option
			}
			src, err := json.Marshal(answers)
			if err == nil {
				var read survey.Answers
				if read, err = q.ParseAnswers(src); err == nil {
					src, err = read.MarshalJSON()
				}
			}
			completed := noon
			if !yield(survey.Response{
				ID: survey.ResponseID(fmt.Sprintf("%032x", int(w.ID)*1_000_000+i)), Version: w.Version, Language: "en",
				Answers: src, Started: noon, Completed: &completed,
			}, err) {
				return
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

// addMore adds a few answers to a wave that has some.
func (f *field) addMore(t *testing.T, w survey.Wave, n int) {
	t.Helper()
	_, err := f.store.ImportResponses(t.Context(), survey.DefaultOrganisation, w.ID, func(yield func(survey.Response, error) bool) {
		for i := range n {
			completed := noon
			r := survey.Response{
				ID: survey.ResponseID(fmt.Sprintf("ff%030x", i)), Version: w.Version, Language: "en",
				Answers: []byte(`{"expectations":"none"}`), Started: noon, Completed: &completed,
			}
			if !yield(r, nil) {
				return
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

// twoSides are an external and an internal wave with answers that differ on the second expectation.
func twoSides(t *testing.T, f *field) (external, internal survey.Wave) {
	t.Helper()
	external = f.addWave(t, "external-expectations", survey.Wave{Name: "Customers, spring", Audience: survey.External, Slug: "customers"})
	internal = f.addWave(t, "internal-expectations", survey.Wave{Name: "Employees, spring", Audience: survey.Internal, Slug: "employees"})
	f.addAnswers(t, external, 400, []float64{.5, .2, .3, .1, .2, .3}, func(i int) string {
		if i%4 == 0 {
			return "channel=phone"
		}
		return "channel=email"
	})
	f.addAnswers(t, internal, 200, []float64{.5, .6, .3, .1, .2, .1}, func(i int) string {
		switch {
		case i < 60:
			return "department=sales"
		case i < 63:
			return "department=legal"
		}
		return "department=operations"
	})
	return external, internal
}

// sendForm sends a form with files as a browser does.
func (p *person) sendForm(path string, fields map[string]string, files map[string][2]string) answer {
	p.t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if err := w.WriteField(name, fields[name]); err != nil {
			p.t.Fatal(err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		part, err := w.CreateFormFile(name, files[name][0])
		if err != nil {
			p.t.Fatal(err)
		}
		if _, err := io.WriteString(part, files[name][1]); err != nil {
			p.t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		p.t.Fatal(err)
	}
	return p.send(http.MethodPost, path, w.FormDataContentType(), &body)
}

func (p *person) look(path string) answer { p.t.Helper(); return p.send(http.MethodGet, path, "", nil) }

// Every address of the workbench, empty and with answers: what must be there, and what must not.
func TestWorkbenchPages(t *testing.T) {
	empty, looker := newBench(t)
	full, director := newBench(t)
	external, internal := twoSides(t, full)
	lonely := full.addWave(t, "external-expectations", survey.Wave{Name: "Nobody yet", Audience: survey.External, Slug: "nobody"})
	few := full.addWave(t, "internal-expectations", survey.Wave{Name: "A few", Audience: survey.Internal, Slug: "few", Threshold: 1})
	full.addAnswers(t, few, 4, []float64{.5, .5}, nil)
	few.Threshold = 5 // raised when they count already
	if err := full.store.UpdateWave(t.Context(), few); err != nil {
		t.Fatal(err)
	}
	pair := fmt.Sprintf("external=%d&internal=%d", external.ID, internal.ID)
	tests := []struct {
		name   string
		who    *person
		path   string
		status int
		has    []string
		hasNot []string
	}{
		{"nothing there", looker, "/", 200, []string{"Three steps", `href="/waves/new"`, "Sign out"}, []string{"<table", "divergence?"}},
		{"nothing to compare", looker, "/divergence", 200, []string{"Nothing to compare yet", `href="/waves/new"`}, []string{"<figure", "<select"}},
		{"no figures to download", looker, "/divergence/figures.csv", 404, nil, []string{"difference"}},
		{"instruments", looker, "/waves/new", 200, []string{"external-expectations", "internal-expectations", `name="source"`}, nil},
		{"no such wave", looker, "/waves/7", 404, nil, nil},
		{"no wave at all", looker, "/waves/x", 404, nil, nil},
		{"all waves", director, "/", 200, []string{"Customers, spring", "400", "Employees, spring", "200", `data-wave="1"`}, []string{"simulated answers"}},
		{"a wave", director, "/waves/1", 200, []string{"/o/customers", `src="/waves/1/link.svg"`, "promised to protect people", `href="/waves/1/comments"`}, nil},
		{"edit", director, "/waves/1/edit", 200, []string{`value="Customers, spring"`, "asker.pl", "asker.ru"}, nil},
		{"import", director, "/waves/1/import", 200, []string{"performance.speed", `type="file"`}, nil},
		{"divergence", director, "/divergence?" + pair, 200, []string{
			"Customers, spring", "N = 400", "N = 200", "<svg", `data-option="{`, "All figures", "How this was made",
			"/divergence/figures.csv?", "/divergence/mirror.svg?", `value="external:channel:phone"`,
		}, []string{"simulated answers"}},
		{"a part that is too small cannot be chosen", director, "/divergence?" + pair, 200, []string{
			`<option value="internal:department:legal" disabled>`, `<option value="internal:department:operations">`,
		}, nil},
		{"a part", director, "/divergence?" + pair + "&segment=internal:department:operations", 200, []string{
			"N = 137", "against the rest", `value="internal:department:operations" selected>`, "segment=internal%3Adepartment%3Aoperations",
		}, []string{"N = 200"}},
		{"a part that would tell of a small one", director, "/divergence?" + pair + "&segment=internal:department:sales", 200, []string{"This result is withheld"}, []string{"<svg", "N = 60"}},
		{"a part that is too small", director, "/divergence?" + pair + "&segment=internal:department:legal", 200, []string{"This result is withheld", "fewer than 5"}, []string{"<svg", "figures.csv"}},
		{"all but the part that is too small", director, "/divergence?" + pair + "&segment=internal:department:!legal", 200, []string{"This result is withheld"}, []string{"<svg", "N = 197"}},
		{"pictures of what is withheld", director, "/divergence/mirror.svg?" + pair + "&segment=internal:department:legal", 404, nil, []string{"<svg xmlns"}},
		{"options of what is withheld", director, "/divergence/pictures.json?width=800&" + pair + "&segment=internal:department:legal", 404, nil, nil},
		{"no such part", director, "/divergence?" + pair + "&segment=internal:department:nowhere", 404, nil, nil},
		{"a part by a question that is none", director, "/divergence?" + pair + "&segment=internal:expectations:speed", 404, nil, nil},
		{"no such item", director, "/divergence?" + pair + "&item=nothing", 404, nil, nil},
		{"an item nobody answered", director, "/divergence?" + pair + "&item=performance", 200, []string{"Nobody has answered this question yet"}, []string{"<figure"}},
		{"the wrong side", director, fmt.Sprintf("/divergence?external=%d&internal=%d", internal.ID, external.ID), 404, nil, nil},
		{"nobody answered", director, fmt.Sprintf("/divergence?external=%d&internal=%d", lonely.ID, internal.ID), 200, []string{"Nobody has answered outside yet", fmt.Sprintf(`href="/waves/%d"`, lonely.ID), "<select"}, []string{"<figure"}},
		{"too few", director, fmt.Sprintf("/divergence?external=%d&internal=%d", external.ID, few.ID), 200, []string{"This result is withheld"}, []string{"<figure", "N = 4<"}},
		{"Polish", director, "/?lang=pl", 200, []string{`<html lang="pl">`}, nil},
		{"counts", director, "/counts.json", 200, []string{`"complete":"400"`}, nil},
		{"a width no screen has", director, "/divergence/pictures.json?width=9&" + pair, 400, nil, nil},
		{"no such document", director, "/divergence/mirror.exe?" + pair, 404, nil, nil},
		{"no such picture", director, "/divergence/cake.svg?" + pair, 404, nil, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := tt.who.look(tt.path)
			if got.status != tt.status {
				t.Errorf("status %d, want %d", got.status, tt.status)
			}
			for _, want := range tt.has {
				if !strings.Contains(got.body, want) {
					t.Errorf("%s is missing", want)
				}
			}
			for _, no := range tt.hasNot {
				if strings.Contains(got.body, no) {
					t.Errorf("%s must not be there", no)
				}
			}
			if strings.Contains(got.body, "[") && regexp.MustCompile(`\[[a-z]+_[a-z_]+\]`).MatchString(got.body) {
				t.Errorf("a phrase is missing: %s", regexp.MustCompile(`\[[a-z]+_[a-z_]+\]`).FindString(got.body))
			}
			if policy := got.header.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") {
				t.Errorf("policy %q", policy)
			}
		})
	}
	if strings.Contains(full.log.String(), "level=ERROR") || strings.Contains(empty.log.String(), "level=ERROR") {
		t.Errorf("errors were logged:\n%s%s", full.log.String(), empty.log.String())
	}
}

// A page of a strict policy has no style and no script of its own.
func TestWorkbenchPagesKeepThePolicy(t *testing.T) {
	f, director := newBench(t)
	twoSides(t, f)
	inline := regexp.MustCompile(`(?i)<style|<script[^>]*>[^<]|\sstyle=|\son[a-z]+=|javascript:`)
	for _, path := range []string{"/", "/divergence", "/divergence?segment=internal:department:operations", "/waves/1", "/waves/1/edit", "/waves/1/import", "/waves/new"} {
		if found := inline.FindString(director.look(path).body); found != "" {
			t.Errorf("%s has %q", path, found)
		}
	}
}

func TestWorkbenchIsNotForThePublic(t *testing.T) {
	f, _ := newBench(t)
	engine, _ := testEngine()
	writer, _ := testWriter()
	public, err := New(Options{
		Access: testAccess(t, f.store, f.now, nil),
		Store:  f.store, Fieldwork: testFieldwork(t, f.store, f.now), Waves: tally.NewWaves(nil, 1), Engine: engine, Reports: writer, Log: slog.New(slog.DiscardHandler),
		Now: f.now, Random: rand.Reader, Public: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/", "/divergence", "/waves/new", "/counts.json", "/people", "/outbox", "/waves/1/fieldwork", "/waves/1/comments", "/metrics"} {
		got := httptest.NewRecorder()
		public.Handler().ServeHTTP(got, httptest.NewRequest(http.MethodGet, path, nil))
		if got.Code != http.StatusNotFound {
			t.Errorf("%s: status %d, want 404", path, got.Code)
		}
	}
}

// A director makes a wave, opens it, closes it, and cannot lower what she promised.
func TestLifeOfAWave(t *testing.T) {
	f, director := newBench(t)
	got := director.sendForm("/waves/new", map[string]string{"questionnaire": "external-expectations", "name": "Klienci: wiosna żółta"}, nil)
	if got.status != http.StatusSeeOther || got.location != "/waves/1/edit" {
		t.Fatalf("creating: %d to %q\n%s", got.status, got.location, got.body)
	}
	wave, err := f.store.WaveBySlug(t.Context(), "klienci-wiosna-zolta")
	if err != nil || wave.State != survey.WaveDraft || wave.Audience != survey.External || wave.Threshold != 1 { // customers count at once, unless somebody asks for more
		t.Fatalf("the wave is %+v, %v", wave, err)
	}
	edit := map[string]string{
		"name": "Customers", "opens": "2027-03-01T09:00", "closes": "2027-04-01T09:00", "limit": "500", "threshold": "10",
		"minutes": "3", "contact": "cx@example.com", "homepage": "https://example.com/", "asker.pl": "Dział obsługi", "purpose.pl": "Aby było lepiej",
	}
	if got = director.sendForm("/waves/1/edit", edit, nil); got.status != http.StatusSeeOther {
		t.Fatalf("editing: %d\n%s", got.status, got.body)
	}
	for _, tt := range []struct{ field, value, says string }{
		{"comments", "9", "At least the smallest group shown"},
		{"threshold", "many", "whole number"},
		{"limit", "-1", "whole number"},
		{"name", "  ", "Give it a name"},
		{"name", strings.Repeat("ż", 121), "At most 120"},
		{"closes", "2027-02-01T09:00", "close after it opens"},
		{"opens", "yesterday", "date and a time"},
		{"homepage", "javascript:alert(1)", "begins with"},
		{"purpose.pl", strings.Repeat("x", 1001), "At most 1,000"},
	} {
		form := maps.Clone(edit)
		form[tt.field] = tt.value
		got := director.sendForm("/waves/1/edit", form, nil)
		if got.status != http.StatusUnprocessableEntity || !strings.Contains(got.body, tt.says) || !strings.Contains(got.body, "Dział obsługi") {
			t.Errorf("%s=%q: status %d, want 422, %q and all that was typed", tt.field, tt.value, got.status, tt.says)
		}
	}
	for _, step := range []struct {
		act   string
		state survey.WaveState
		shows string
	}{{"open", survey.WaveOpen, "life open"}, {"close", survey.WaveClosed, "life closed"}, {"open", survey.WaveOpen, "life open"}} {
		if got = director.sendForm("/waves/1/"+step.act, nil, nil); got.status != http.StatusSeeOther {
			t.Fatalf("%s: status %d", step.act, got.status)
		}
		wave, err = f.store.Wave(t.Context(), survey.DefaultOrganisation, 1)
		if err != nil || wave.State != step.state || wave.Limit != 500 || wave.Threshold != 10 {
			t.Errorf("after %s: %+v, %v", step.act, wave, err)
		}
		if page := director.look(got.location).body; !strings.Contains(page, step.shows) {
			t.Errorf("after %s the page has no %q", step.act, step.shows)
		}
	}
	f.mu.Lock()
	f.moment = f.moment.AddDate(0, 1, 0)
	f.mu.Unlock()
	if page := director.look("/waves/1").body; !strings.Contains(page, "life over") {
		t.Error("past its end the wave is not shown as ended")
	}
	director.sendForm("/waves/1/close", nil, nil)
	if got = director.sendForm("/waves/1/open", nil, nil); got.status != http.StatusConflict || !strings.Contains(got.body, "closing date has passed") {
		t.Errorf("opening past the end: status %d", got.status)
	}
}

func TestOwnQuestionnaire(t *testing.T) {
	f, director := newBench(t)
	broken := "code: mine\nversion: 1\naudience: external\nlanguages: [en]\ntitle: {en: Mine}\nitems:\n  - code: what\n    kind: mutli\n    text: {en: What?}\n"
	got := director.sendForm("/waves/new", map[string]string{"questionnaire": "own", "name": "Mine", "slug": "mine"}, map[string][2]string{"file": {"mine.yaml", broken}})
	if got.status != http.StatusUnprocessableEntity {
		t.Fatalf("status %d", got.status)
	}
	for _, want := range []string{"mine.yaml:8:11", "^", "kind: mutli", `value="Mine"`, `value="mine"`, "<textarea"} {
		if !strings.Contains(got.body, want) {
			t.Errorf("%q is missing from the page", want)
		}
	}
	if n := strings.Count(got.body, "kind: mutli"); n < 2 {
		t.Errorf("the file that was sent is lost: its line stands there %d times", n)
	}
	whole := strings.Replace(broken, "mutli", "text", 1)
	got = director.sendForm("/waves/new", map[string]string{"questionnaire": "own", "name": "Mine", "slug": "mine", "source": strings.ReplaceAll(whole, "\n", "\r\n")}, nil)
	if got.status != http.StatusSeeOther {
		t.Fatalf("status %d\n%s", got.status, got.body)
	}
	for _, tt := range []struct {
		name   string
		fields map[string]string
		file   string
		status int
		says   string
	}{
		{"other contents under the same version", map[string]string{"questionnaire": "own", "name": "Again", "source": strings.Replace(whole, "What?", "Why?", 1)}, "", 409, "higher version"},
		{"the same link", map[string]string{"questionnaire": "own", "name": "Again", "slug": "mine", "source": whole}, "", 409, "Another wave has the address"},
		{"no questionnaire", map[string]string{"questionnaire": "own", "name": "Again"}, "", 422, "Choose a file"},
		{"no such instrument", map[string]string{"questionnaire": "../secrets", "name": "Again"}, "", 422, "Choose one"},
		{"a link with a space", map[string]string{"questionnaire": "own", "name": "Again", "slug": "a b", "source": whole}, "", 422, "single hyphens"},
		{"not text", map[string]string{"questionnaire": "own", "name": "Again"}, "\xff\xfe\x00", 422, "not a text file"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var files map[string][2]string
			if tt.file != "" {
				files = map[string][2]string{"file": {"q.yaml", tt.file}}
			}
			got := f.person(t).sendForm("/waves/new", tt.fields, files)
			if got.status != tt.status || !strings.Contains(got.body, tt.says) || !strings.Contains(got.body, `value="Again"`) {
				t.Errorf("status %d, want %d and %q", got.status, tt.status, tt.says)
			}
		})
	}
}

// What people type is shown as they typed it, and never runs.
func TestHostileNames(t *testing.T) {
	f, director := newBench(t)
	const hostile = `"><script>alert(1)</script>{{.T}}'`
	external := f.addWave(t, "external-expectations", survey.Wave{Name: hostile, Audience: survey.External, Slug: "hostile"})
	internal := f.addWave(t, "internal-expectations", survey.Wave{Name: hostile, Audience: survey.Internal, Slug: "hostile-inside", Simulated: true})
	f.addAnswers(t, external, 50, []float64{.5, .2}, nil)
	f.addAnswers(t, internal, 50, []float64{.2, .5}, nil)
	for _, path := range []string{"/", "/waves/1", "/waves/1/edit", "/waves/1/import", "/divergence", "/divergence/report.html", "/divergence/mirror.svg"} {
		got := director.look(path)
		if got.status != http.StatusOK || strings.Contains(got.body, "<script>alert") {
			t.Errorf("%s: status %d, or the name runs", path, got.status)
		}
	}
	for _, path := range []string{"/", "/divergence", "/divergence/report.html", "/divergence/mirror.svg"} {
		if !strings.Contains(director.look(path).body, "simulated answers") {
			t.Errorf("%s does not say that answers are simulated", path)
		}
	}
	for path, name := range map[string]string{"/divergence/figures.csv": "-simulated.csv", "/divergence/findings.json": "-simulated.json", "/waves/2/answers.csv": "-simulated.csv"} {
		if got := director.look(path).header.Get("Content-Disposition"); !strings.Contains(got, name) {
			t.Errorf("%s is named %q", path, got)
		}
	}
	got := director.sendForm("/waves/1/import", map[string]string{"map": hostile}, map[string][2]string{"file": {hostile, "expectations\n" + hostile + "\n"}})
	if strings.Contains(got.body, "<script>alert") {
		t.Error("a file's name or cell runs")
	}
}

// What the page shows is what compare makes of the exported files.
func TestDivergenceEqualsCompareOfTheExport(t *testing.T) {
	f, director := newBench(t)
	external, internal := twoSides(t, f)
	c := &report.Comparison{Settings: findings.Settings{}.WithDefaults(), Made: noon, Program: "cxmirror test"}
	var waves [2]*tally.Wave
	for i, wave := range []survey.Wave{external, internal} {
		exported := director.look(fmt.Sprintf("/waves/%d/answers.csv", wave.ID))
		q, err := f.server.fielded.questionnaire(t.Context(), survey.DefaultOrganisation, wave.Version)
		if err != nil {
			t.Fatal(err)
		}
		reader, err := exchange.Open(strings.NewReader(exported.body), "export.csv", q.Questionnaire, nil)
		if err != nil {
			t.Fatal(err)
		}
		waves[i] = tally.Load(q.Questionnaire, wave.Audience, wave.Threshold, reader.Records())
		if err := reader.Err(); err != nil || waves[i].Len() != []int{400, 200}[i] {
			t.Fatalf("%d rows were exported, %v", waves[i].Len(), err)
		}
		source := report.Source{Name: wave.Name, Wave: true, Rows: waves[i].Len(), Accepted: waves[i].Len()}
		if i == 0 {
			c.External, c.Questionnaire = source, q.Questionnaire
			c.Item, _ = q.Item("expectations")
		} else {
			c.Internal = source
		}
	}
	if err := c.Compare(waves[0], waves[1], "expectations"); err != nil {
		t.Fatal(err)
	}
	c.Divergence.External.Base.Protected, c.Divergence.Internal.Base.Protected = true, true // which a file does not say
	writer, err := testWriter()
	if err != nil {
		t.Fatal(err)
	}
	for _, document := range []struct {
		path  string
		write func(io.Writer, *report.Comparison, survey.Language) error
	}{{"/divergence/findings.json?item=expectations", writer.JSON}, {"/divergence/figures.csv?item=expectations", writer.CSV}} {
		var want bytes.Buffer
		if err := document.write(&want, c, survey.English); err != nil {
			t.Fatal(err)
		}
		if got := director.look(document.path).body; got != want.String() {
			t.Errorf("%s differs from compare:\n%s\nwant\n%s", document.path, got, want.String())
		}
	}
	page := director.look("/divergence?item=expectations").body
	shown := writer.Page(c, survey.English)
	for _, row := range shown.Rows {
		for _, figure := range []string{row.ExternalShare, row.InternalInterval, row.Difference, row.PAdjusted} {
			if !strings.Contains(page, strings.ReplaceAll(strings.ReplaceAll(figure, "+", "&#43;"), "<", "&lt;")) {
				t.Errorf("the page lacks %q of %s", figure, row.Label)
			}
		}
	}
	for _, part := range []string{shown.Title, shown.Rest} {
		if !strings.Contains(page, strings.NewReplacer("+", "&#43;", "'", "&#39;").Replace(part)) {
			t.Errorf("the page lacks %q", part)
		}
	}
}

var packedField = regexp.MustCompile(`name="packed" value="([^"]*)"`)

// A file is looked at first, with every row that would be left out, and then stored: all of it, once.
func TestImport(t *testing.T) {
	f, director := newBench(t)
	wave := f.addWave(t, "external-expectations", survey.Wave{Name: "Customers", Audience: survey.External, Slug: "customers", Threshold: 1})
	q, err := f.server.fielded.questionnaire(t.Context(), survey.DefaultOrganisation, wave.Version)
	if err != nil {
		t.Fatal(err)
	}
	it, _ := q.Item("expectations")
	one, two := string(it.Options[0].Code), string(it.Options[1].Code)
	file := "respondent,expectations,weight\na1," + one + ";" + two + ",1.5\na2,nonsense,1\na3,none,1\na4," + two + ",2\n"
	got := director.sendForm("/waves/1/import", nil, map[string][2]string{"file": {"answers.csv", file}})
	if got.status != http.StatusOK || !strings.Contains(got.body, "Store 3 responses") || !strings.Contains(got.body, `<td>3</td><td class="words">4 · expectations</td>`) || !strings.Contains(got.body, "nonsense") {
		t.Fatalf("preview: status %d\n%s", got.status, got.body)
	}
	if n := f.counted(t, wave); n != 0 {
		t.Fatalf("the preview stored %d responses", n)
	}
	found := packedField.FindStringSubmatch(got.body)
	if found == nil {
		t.Fatal("the browser does not keep the file")
	}
	packed := strings.NewReplacer("&#43;", "+", "&#61;", "=").Replace(found[1])
	confirm := map[string]string{"packed": packed, "file_name": "answers.csv", "map": "", "confirmed": "yes"}
	if got = director.sendForm("/waves/1/import", confirm, nil); got.status != http.StatusSeeOther || got.location != "/waves/1?imported=3" {
		t.Fatalf("confirmed: %d to %q\n%s", got.status, got.location, got.body)
	}
	if page := director.look(got.location).body; !strings.Contains(page, "3 responses were stored") || f.counted(t, wave) != 3 {
		t.Errorf("%d responses, and the page says otherwise", f.counted(t, wave))
	}
	if got = director.sendForm("/waves/1/import", confirm, nil); got.location != "/waves/1?imported=0" || f.counted(t, wave) != 3 {
		t.Errorf("sent twice, there are %d responses (%s)", f.counted(t, wave), got.location)
	}
	if got = director.sendForm("/waves/1/import", nil, map[string][2]string{"file": {"answers.csv", file}}); !strings.Contains(got.body, "answered in this wave already") {
		t.Error("people who have answered are not named")
	}
	exported := director.look("/waves/1/answers.csv").body
	for _, want := range []string{"a1,1.5", one + ";" + two, "a3,1,", "a4,2"} {
		if !strings.Contains(exported, want) {
			t.Errorf("the export lacks %q:\n%s", want, exported)
		}
	}
	for _, tt := range []struct {
		name   string
		fields map[string]string
		file   string
		status int
		says   string
	}{
		{"nothing", nil, "", 422, "Choose a file"},
		{"an unknown column", nil, "expectation\nspeed\n", 422, "expectation"},
		{"another encoding", nil, "expectations\n\xff\xfe\xfd\n", 422, "UTF-8"},
		{"an empty file", nil, "\n", 422, "answers.csv"},
		{"a broken map", map[string]string{"map": "items: {expectations: [}"}, file, 422, "map.yaml:1"},
		{"a broken preview", map[string]string{"packed": "%%%", "confirmed": "yes"}, "", 400, ""},
		{"a preview that is no gzip", map[string]string{"packed": base64.StdEncoding.EncodeToString([]byte("no")), "confirmed": "yes"}, "", 400, ""},
		{"with a map", map[string]string{"map": "respondent: who\nitems:\n  expectations: {column: pick, recode: {First: " + one + "}}\n"}, "who,pick\nz9,First\n", 200, "Store one response"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var files map[string][2]string
			if tt.file != "" {
				files = map[string][2]string{"file": {"answers.csv", tt.file}}
			}
			got := f.person(t).sendForm("/waves/1/import", tt.fields, files)
			if got.status != tt.status || !strings.Contains(got.body, tt.says) {
				t.Errorf("status %d, want %d and %q\n%s", got.status, tt.status, tt.says, got.body)
			}
			if kept := tt.fields["map"]; tt.status == 422 && kept != "" && !strings.Contains(got.body, "items: {expectations: [}") {
				t.Error("the map that was typed is lost")
			}
		})
	}
}

func (f *field) counted(t *testing.T, w survey.Wave) int {
	t.Helper()
	counts, err := f.store.Counts(t.Context(), survey.DefaultOrganisation, w.ID)
	if err != nil {
		t.Fatal(err)
	}
	return counts.Complete
}

func TestLinkAsCode(t *testing.T) {
	f, director := newBench(t)
	f.addWave(t, "external-expectations", survey.Wave{Name: "Customers", Audience: survey.External, Slug: "customers"})
	got := director.look("/waves/1/link.svg")
	if got.status != http.StatusOK || got.header.Get("Content-Type") != "image/svg+xml" || !strings.Contains(got.body, `fill="#fff"`) {
		t.Errorf("SVG: status %d, %s", got.status, got.body)
	}
	picture, err := png.Decode(strings.NewReader(director.look("/waves/1/link.png").body))
	if err != nil {
		t.Fatal(err)
	}
	modules := picture.Bounds().Dx() / 12
	finder := func(x, y int) bool { // dark centre of one of the three finder patterns
		r, _, _, _ := picture.At((x+quietZone)*12+6, (y+quietZone)*12+6).RGBA()
		return r == 0
	}
	inner := modules - 2*quietZone
	if !finder(3, 3) || !finder(inner-4, 3) || !finder(3, inner-4) || finder(inner-4, inner-4) && finder(-1, -1) {
		t.Error("the picture is no QR code with its margin")
	}
	for y := range modules {
		for x := range modules {
			r, _, _, _ := picture.At(x*12+6, y*12+6).RGBA()
			inSVG := strings.Contains(got.body, fmt.Sprintf("M%d %dh", x, y))
			if inSVG && r != 0 {
				t.Fatalf("module %d, %d is dark in the SVG and light in the PNG", x, y)
			}
		}
	}
}

// Every phrase that templates and programs of the workbench ask for is there, and no other.
func TestWorkbenchPhrases(t *testing.T) {
	phrases, err := survey.LoadPhrases(files, "phrases/workbench")
	if err != nil {
		t.Fatal(err)
	}
	if got := phrases.Languages(); !slices.Equal(got, []survey.Language{"en", "pl", "ro", "ru"}) {
		t.Errorf("languages %v", got)
	}
	var text strings.Builder
	for _, pattern := range []string{"templates/workbench", "."} {
		entries, err := os.ReadDir(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			ours := regexp.MustCompile(`^(api|workbench|people|launch|letters|outbox|progress|signin|home|views|organisation|logo|accent|members|tokens|profile|audit|instance)`).MatchString(e.Name())
			if pattern == "." && (!ours || strings.HasSuffix(e.Name(), "_test.go")) {
				continue
			}
			content, err := os.ReadFile(pattern + "/" + e.Name())
			if err != nil {
				t.Fatal(err)
			}
			text.Write(content)
		}
	}
	used := text.String()
	// Keys that are put together of a beginning and one of these ends.
	built := regexp.MustCompile(`^(side|role|right|refused|problem_logo|accent_given|accent_changed|members_state|members_done|tokens_state|profile_done|view_done|audit|instance_done|user_done|user_mark|link|life|life_text|part|base|rest_title|rest|empty|trouble|launch_step|launch_(?:closes|invite|opens|sample|seed)|mode|mode_text|finding|severity|placeholder|letter|letter_kind|mailing|outlook|invited|invited_text|progress_done|people_state|people_done|person_done|person_state|person_mode|mark|row|meaning|delimiter|fault|advice|wrong_letter|erased|column|attribute_type|attribute_explain|attribute_done|change|bounce|file|undelivered|alike)(?:_|$)`)
	for _, key := range phrases.Keys() {
		if !strings.Contains(used, `"`+key+`"`) && !built.MatchString(key) {
			t.Errorf("nothing says %s", key)
		}
	}
	keys := phrases.Keys()
	for _, m := range regexp.MustCompile(`\.(?:T|N|With) "([a-z_0-9]+)"`).FindAllStringSubmatch(used, -1) {
		if !slices.Contains(keys, m[1]) {
			t.Errorf("%s is said and not in the catalogue", m[1])
		}
	}
	for _, m := range regexp.MustCompile(`\.(?:T|N|With|Say)\((?:r\.Lang, |page\.Lang, |p\.Lang, )?"([a-z_0-9]+)"[,)]`).FindAllStringSubmatch(used, -1) {
		if !slices.Contains(keys, m[1]) {
			t.Errorf("%s is said and not in the catalogue", m[1])
		}
	}
}
