package web

import (
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"cxmirror/pkg/store/storetest"
	"cxmirror/pkg/survey"
)

// everyKind is a questionnaire with an item of every kind, some on one page, some depending on others there.
const everyKind = `
code: every-kind
version: 1
audience: internal
languages: [en, pl]
title: {en: Every kind, pl: Każdy rodzaj}
items:
  - {code: role, kind: single, required: true, text: {en: "Your role?", pl: "Państwa rola?"}, options: [{code: clerk, text: {en: Clerk, pl: Urzędnik}}, {code: manager, text: {en: Manager, pl: Kierownik}}]}
  - {code: team, kind: number, min: 0, max: 500, show_if: role == "manager", required: true, text: {en: "How many work for you as {{role}}?", pl: "Ilu?"}}
  - {code: tools, kind: multi, max: 2, min: 1, new_page: true, text: {en: "Tools?", pl: "Narzędzia?"}, options: [{code: a, text: {en: Alpha}}, {code: b, text: {en: Beta}}, {code: c, text: {en: Gamma}}, {code: none, exclusive: true, text: {en: None of them}}]}
  - {code: best, kind: rank, max: 2, text: {en: "Best two?", pl: "Najlepsze?"}, options: [{code: x, text: {en: Ex}}, {code: y, text: {en: Why}}, {code: z, text: {en: Zed}}]}
  - {code: mood, kind: rating, new_page: true, text: {en: "Mood?", pl: "Nastrój?"}, scale: {min: 1, max: 3, labels: {1: {en: Bad}, 2: {en: So so}, 3: {en: Good}}, cannot_say: true}}
  - {code: pace, kind: rating, text: {en: "Pace?", pl: "Tempo?"}, scale: {min: 1, max: 5, cannot_say: true, low: {en: Slow}, high: {en: Fast}}}
  - {code: duties, kind: matrix, required: true, text: {en: "Who does what?", pl: "Kto?"}, rows: [{code: goals, text: {en: Goals}}, {code: money, text: {en: Money}}], options: [{code: hr, text: {en: HR}}, {code: it, text: {en: IT}}]}
  - {code: word, kind: text, length: 100, new_page: true, text: {en: "In a word?", pl: "Jednym słowem?"}}
`

// Answers that cannot be accepted come back as they were given, with a sentence beside them.
func TestWrongAnswersComeBack(t *testing.T) {
	tests := []struct {
		name   string
		page   string
		fields []string
		shows  []string
		holds  []string // of the page's source: what was typed
	}{
		{"nothing required", "1", []string{"_act=next"}, []string{"Please answer this question."}, nil},
		{"an unknown option", "1", []string{"role=boss"}, []string{"This answer is not one of those offered."}, nil},
		{"two answers to one question", "1", []string{"role=clerk", "role=manager"}, []string{"Please choose only one answer."}, nil},
		{"a field of another questionnaire", "1", []string{"role=clerk", "salary=12345678901"}, []string{"does not belong to this page"}, nil},
		{"too many picks", "2", []string{"tools=a", "tools=b", "tools=c"}, []string{"Please choose no more than 2 answers; you chose 3."}, []string{`value="a" checked`, `value="b" checked`, `value="c" checked`}},
		{"an exclusive pick with others", "2", []string{"tools=a", "tools=none"}, []string{"“None of them” cannot be combined with other answers."}, []string{`value="a" checked`, `value="none" checked`}},
		{"two options at one place", "2", []string{"tools=a", "best.x=1", "best.y=1"}, []string{"“Ex” and “Why” are both at place 1."}, []string{"<option selected>1</option>"}},
		{"a place that is skipped", "2", []string{"tools=a", "best.x=2"}, []string{"Nothing is at place 1."}, []string{"<option selected>2</option>"}},
		{"a point off the scale", "3", []string{"mood=7", "duties.goals=hr", "duties.money=it"}, []string{"Please choose a point from 1 to 3."}, nil},
		{"half a matrix", "3", []string{"duties.goals=hr"}, []string{"Please answer this question."}, []string{`value="hr" checked`}},
		{"several at once", "3", []string{"mood=7", "pace=9"}, []string{"Please look at 4 answers again", "Error:"}, []string{`href="#i-duties-money"`, `href="#i-pace"`}},
		{"a comment of 100 KB", "4", []string{"word=" + strings.Repeat("słowo ", 100_000/7)}, []string{"Please keep to 100 characters; there are 85"}, []string{strings.Repeat("słowo ", 100_000/7-1)}},
		{"script in a comment", "4", []string{"word=</textarea><script>alert(1)</script>" + strings.Repeat("!", 100)}, []string{"Please keep to 100 characters"}, []string{"&lt;/textarea&gt;&lt;script&gt;alert(1)&lt;/script&gt;"}},
		{"control characters", "4", []string{"word=a\x00b"}, []string{"characters that cannot be stored"}, nil},
	}
	f := newField(t, everyKind, nil)
	p := f.person(t)
	page := p.begin()
	steps := [][]string{{"role=clerk"}, {"tools=a"}, {"duties.goals=hr", "duties.money=it"}, nil}
	at := 0
	for _, tt := range tests {
		for pageOf(page) != tt.page {
			got := p.post("/o/spring/"+pageOf(page), p.with(page, steps[at]...))
			if got.status != http.StatusSeeOther {
				t.Fatalf("on to page %s: %d %s", tt.page, got.status, visible(got.body))
			}
			page = p.get(got.location)
			at++
		}
		t.Run(tt.name, func(t *testing.T) {
			got := p.post("/o/spring/"+tt.page, p.with(page, append(tt.fields, "_act=next")...))
			got.expect(t, http.StatusUnprocessableEntity, tt.shows, "<script>alert", "[[")
			for _, want := range tt.holds {
				if !strings.Contains(got.body, want) {
					t.Errorf("the page does not hold %.80q", want)
				}
			}
			if strings.Count(got.body, " autofocus") != 1 {
				t.Errorf("%d elements take the focus", strings.Count(got.body, " autofocus"))
			}
		})
	}
	if n := f.counts(t).Complete; n != 0 {
		t.Errorf("%d complete responses", n)
	}
}

// Questions that the answers to others on the same page bring up are shown before one goes on; number, buttons
// of the ranking, language and the way back keep what was chosen.
func TestPagesKeepWhatWasChosen(t *testing.T) {
	f := newField(t, everyKind, nil)
	p := f.person(t)
	page := p.begin()
	next := func(fields ...string) {
		t.Helper()
		got := p.post("/o/spring/"+pageOf(page), p.with(page, fields...))
		if got.status != http.StatusSeeOther {
			t.Fatalf("after %v: %d %.600s", fields, got.status, visible(got.body))
		}
		page = p.get(strings.Split(got.location, "#")[0])
	}
	page.expect(t, http.StatusOK, []string{"Your role?"}, "How many work for you")
	next("role=manager")
	page.expect(t, http.StatusOK, []string{"Your role?", "How many work for you as Manager?", "From 0 to 500"})
	p.post("/o/spring/1", p.with(page, "team=12,5")).expect(t, http.StatusUnprocessableEntity, []string{"Please enter a whole number, without decimals."})
	next("team=12")
	page.expect(t, http.StatusOK, []string{"Tools?", "Best two?"})
	next("tools=a", "_up=best.z")
	if !strings.Contains(page.body, `value="a" checked`) {
		t.Error("moving an option lost a pick")
	}
	next("_up=best.x")
	next("_up=best.x")
	next("_language=pl")
	page.expect(t, http.StatusOK, []string{"Narzędzia?", "Wstecz"})
	if !strings.Contains(page.body, `value="a" checked`) {
		t.Error("another language lost a pick")
	}
	next("_act=back")
	page.expect(t, http.StatusOK, []string{"Państwa rola?"})
	if !strings.Contains(page.body, `value="manager" checked`) || !strings.Contains(page.body, `value="12"`) {
		t.Errorf("going back lost an answer: %s", page.body)
	}
	// Somebody who comes back later goes on where she was.
	home := p.get("/o/spring")
	home.expect(t, http.StatusOK, []string{"Wracam do ankiety"})
	if !strings.Contains(home.body, `href="/o/spring/1"`) {
		t.Error("the promise does not lead on")
	}
	next("role=clerk") // the number is not asked any more
	next("tools=a", "tools=b")
	next("mood=2", "pace=cannot_say", "duties.goals=hr", "duties.money=it")
	next("word=Dobrze")
	want := `{"role":"clerk","tools":["a","b"],"best":["x","z"],"mood":2,"pace":"cannot_say","duties.goals":"hr","duties.money":"it","word":"Dobrze"}`
	if got := f.complete(t); len(got) != 1 || !sameAnswers(t, got[0], want) {
		t.Errorf("stored %q", got)
	}
	// Another person on the same device has a response of her own.
	again := p.post("/o/spring", p.with(p.get("/o/spring"), "_act=anew"))
	if again.location != "/o/spring/1" || strings.Contains(p.get("/o/spring/1").body, " checked") {
		t.Errorf("another person finds %q", again.location)
	}
}

// Going back from a page that holds a mistake shows the mistake, and a way back without it.
func TestBackFromAMistake(t *testing.T) {
	f := newField(t, everyKind, nil)
	p := f.person(t)
	page := p.begin()
	page = p.get(p.post("/o/spring/1", p.with(page, "role=clerk")).location)
	got := p.post("/o/spring/2", p.with(page, "tools=a", "tools=b", "tools=c", "_act=back"))
	got.expect(t, http.StatusUnprocessableEntity, []string{"no more than 2 answers", "Go back without keeping this page"})
	if !strings.Contains(got.body, `href="/o/spring/1"`) {
		t.Error("no way back")
	}
}

// When a wave takes no answers, everybody is told why, and nobody loses what she typed.
func TestWavesThatTakeNoAnswers(t *testing.T) {
	later := noon.Add(48 * time.Hour)
	past := noon.Add(-time.Hour)
	tests := []struct {
		name   string
		change func(*survey.Wave)
		status int
		shows  []string
	}{
		{"closed", func(w *survey.Wave) { w.State = survey.WaveClosed }, http.StatusGone, []string{"Ankieta jest zamknięta"}},
		{"past its end", func(w *survey.Wave) { w.Closes = &past }, http.StatusGone, []string{"Ankieta jest zamknięta"}},
		{"a draft", func(w *survey.Wave) { w.State = survey.WaveDraft }, http.StatusForbidden, []string{"Ankieta jeszcze się nie rozpoczęła"}},
		{"not yet open", func(w *survey.Wave) { w.Opens = &later }, http.StatusForbidden, []string{"Ankieta jeszcze się nie rozpoczęła", "Początek: 16.03.2027"}},
		{"full", func(w *survey.Wave) { w.Limit = 1 }, http.StatusGone, []string{"Mamy już wystarczająco dużo odpowiedzi"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newField(t, "code: short\nversion: 1\naudience: external\nlanguages: [pl]\ntitle: {pl: Krótka}\nitems:\n  - {code: word, kind: text, text: {pl: Słowo?}}", nil)
			finished, late, stranger := f.person(t), f.person(t), f.person(t)
			for _, p := range []*person{finished, late, stranger} {
				p.accept = "pl-PL,pl;q=0.9"
			}
			page := finished.begin()
			if got := finished.post("/o/spring/1", finished.with(page, "word=tak")); got.location != "/o/spring/thanks" {
				t.Fatalf("%d %s", got.status, got.body)
			}
			page = late.begin()
			f.change(t, tt.change)
			stranger.get("/o/spring").expect(t, tt.status, tt.shows)
			stranger.post("/o/spring", nil).expect(t, tt.status, tt.shows)
			late.get("/o/spring/1").expect(t, tt.status, tt.shows)
			late.post("/o/spring/1", late.with(page, "word=Tego nie chcę stracić")).expect(t, tt.status, []string{"Tego nie chcę stracić", "Wyślij ponownie"})
			finished.get("/o/spring").expect(t, http.StatusOK, []string{"Dziękujemy!"})
			if n := f.counts(t).Complete; n != 1 {
				t.Errorf("%d complete responses", n)
			}
		})
	}
}

// Requests that no page of ours sends, or that arrive broken.
func TestBrokenRequests(t *testing.T) {
	f := newField(t, everyKind, nil)
	p := f.person(t)
	page := p.begin()
	page = p.get(p.post("/o/spring/1", p.with(page, "role=clerk")).location)
	page = p.get(p.post("/o/spring/2", p.with(page, "tools=a")).location)
	page = p.get(p.post("/o/spring/3", p.with(page, "duties.goals=hr", "duties.money=it")).location)
	typed := p.with(page, "word=Not to be lost")

	t.Run("10 MB", func(t *testing.T) {
		got := p.post("/o/spring/4", url.Values{"word": {strings.Repeat("x", 10<<20)}})
		got.expect(t, http.StatusRequestEntityTooLarge, []string{"That was too much at once"})
	})
	t.Run("half a multipart body", func(t *testing.T) {
		var body bytes.Buffer
		w := multipart.NewWriter(&body)
		for name, values := range typed {
			for _, value := range values {
				if name != "word" {
					_ = w.WriteField(name, value)
				}
			}
		}
		_ = w.WriteField("word", "Not to be lost")
		whole := body.Bytes()
		got := p.send(http.MethodPost, "/o/spring/4", w.FormDataContentType(), bytes.NewReader(whole[:len(whole)-3]))
		got.expect(t, http.StatusBadRequest, []string{"The page did not arrive in full", "Not to be"})
	})
	t.Run("a broken field", func(t *testing.T) {
		got := p.send(http.MethodPost, "/o/spring/4", "application/x-www-form-urlencoded", strings.NewReader(typed.Encode()+"&x=%zz"))
		got.expect(t, http.StatusBadRequest, []string{"The page did not arrive in full", "Not to be lost"})
	})
	t.Run("another version", func(t *testing.T) {
		other := p.with(page, "word=Not to be lost", "_version=4711", "gone=This question is gone, its answer is not")
		p.post("/o/spring/4", other).expect(t, http.StatusConflict, []string{"The survey has changed", "Not to be lost", "This question is gone, its answer is not"})
	})
	t.Run("a tampered cookie", func(t *testing.T) {
		for _, cookie := range []string{"cx_spring=nonsense", "cx_spring=" + strings.Repeat("ab", 32), ""} {
			stranger := f.person(t)
			stranger.client.Jar = nil
			send := func(form url.Values) answer {
				r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, f.http.URL+"/o/spring/4", strings.NewReader(form.Encode()))
				if err != nil {
					t.Fatal(err)
				}
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				r.Header.Set("Cookie", cookie)
				response, err := stranger.client.Do(r)
				if err != nil {
					t.Fatal(err)
				}
				defer response.Body.Close()
				content, err := io.ReadAll(response.Body)
				if err != nil {
					t.Fatal(err)
				}
				return answer{response.StatusCode, response.Header.Get("Location"), string(content), response.Header}
			}
			before := f.counts(t).Complete
			got := send(typed)
			got.expect(t, http.StatusConflict, []string{"Please send this page again", "Not to be lost"})
			// Sent again, the page and the answers before it are a response, and only one.
			again := stranger.formOf(got)
			for range 3 {
				if end := send(again); end.status != http.StatusSeeOther || end.location != "/o/spring/thanks" {
					t.Errorf("sent again: %d %q %.500s", end.status, end.location, visible(end.body))
				}
			}
			all := f.complete(t)
			if len(all) != before+1 || !strings.Contains(strings.Join(all, " "), `"role"`) {
				t.Errorf("%d complete responses, want %d: %q", len(all), before+1, all)
			}
		}
	})
	t.Run("pages there are not", func(t *testing.T) {
		for _, path := range []string{"/o/spring/0", "/o/spring/99", "/o/spring/x", "/o/spring/4711111111111111111111", "/o/elsewhere/1", "/o/elsewhere", "/o/%00"} {
			got := p.post(path, typed)
			if got.status != http.StatusNotFound {
				t.Errorf("%s: %d", path, got.status)
			}
			if !strings.Contains(visible(got.body), "There is nothing here") {
				t.Errorf("%s says %q", path, visible(got.body))
			}
		}
	})
	t.Run("another site", func(t *testing.T) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, f.http.URL+"/o/spring/4", strings.NewReader(typed.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		response, err := p.client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != http.StatusForbidden {
			t.Errorf("status %d", response.StatusCode)
		}
	})
	if strings.Contains(f.log.String(), "level=ERROR") {
		t.Errorf("a visitor's mistake was logged as ours: %s", f.log)
	}
}

// However often a page is sent, and however many send it at once, it is one response.
func TestOneResponseHoweverOften(t *testing.T) {
	for name, open := range storetest.Engines() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFieldIn(t, open(t), "external-expectations", nil)
			p := f.person(t)
			start := p.formOf(p.get("/o/spring"))
			at20 := func(path string, form url.Values) (locations map[string]int) {
				locations = make(map[string]int)
				var mu sync.Mutex
				var group sync.WaitGroup
				for range 20 {
					group.Go(func() {
						got := p.post(path, form)
						mu.Lock()
						defer mu.Unlock()
						locations[fmt.Sprint(got.status, got.location)]++
					})
				}
				group.Wait()
				return locations
			}
			expect := func(got map[string]int, want string) {
				t.Helper()
				if got[want] != 20 {
					t.Errorf("%v, want 20 of %s", got, want)
				}
			}
			expect(at20("/o/spring", start), "303/o/spring/1")
			if n := f.counts(t).Started; n != 1 {
				t.Errorf("%d responses were begun", n)
			}
			for _, step := range []struct {
				fields []string
				to     string
			}{
				{[]string{"channel=phone"}, "303/o/spring/2"},
				{[]string{"expectations=speed"}, "303/o/spring/4"},
				{nil, "303/o/spring/5"},
				{[]string{"comment=once"}, "303/o/spring/6"},
				{[]string{"relationship=prospect"}, "303/o/spring/thanks"},
			} {
				page := p.get(p.get("/o/spring/99").location)
				expect(at20("/o/spring/"+pageOf(page), p.with(page, step.fields...)), step.to)
			}
			if all := f.complete(t); len(all) != 1 {
				t.Errorf("%d complete responses", len(all))
			}
		})
	}
}

// While the database is away, what was typed comes back with a sentence; once it is there again, the same button
// sends it.
func TestDatabaseAway(t *testing.T) {
	dsn := storetest.Postgres(t)
	line := newCuttableLine(t, dsn)
	f := newFieldIn(t, storetest.Open(t, line.dsn), "internal-expectations", nil)
	p := f.person(t)
	p.accept = "pl"
	page := p.begin()
	page = p.get(p.post("/o/spring/1", p.with(page, "served_by=it")).location)

	line.cut()
	form := p.with(page, "expectations=speed", "expectations=courtesy")
	got := p.post("/o/spring/2", form)
	got.expect(t, http.StatusServiceUnavailable, []string{"Nic nie przepadło.", "Dział: Informatyka (IT).", "Wyślij ponownie"})
	for _, code := range []string{"speed", "courtesy"} {
		if !strings.Contains(got.body, `value="`+code+`" checked`) {
			t.Errorf("%s is not ticked any more", code)
		}
	}
	if got.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	p.get("/o/spring/2").expect(t, http.StatusServiceUnavailable, []string{"Spróbuj ponownie"})
	p.get("/readyz").expect(t, http.StatusServiceUnavailable, nil)
	p.get("/healthz").expect(t, http.StatusOK, nil)

	line.mend()
	var again answer
	for range 50 {
		if again = p.post("/o/spring/2", p.formOf(got)); again.status == http.StatusSeeOther {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	if again.location != "/o/spring/3" {
		t.Errorf("sent again: %d %q %.500s", again.status, again.location, visible(again.body))
	}
	if strings.Contains(f.log.String(), "speed") {
		t.Error("the log holds an answer")
	}
}

// cuttableLine stands between a program and PostgreSQL.
type cuttableLine struct {
	dsn  string
	mu   sync.Mutex
	away bool
	open []net.Conn
}

func newCuttableLine(t *testing.T, dsn string) *cuttableLine {
	t.Helper()
	config, err := pgconn.ParseConfig(dsn)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	address := listener.Addr().(*net.TCPAddr)
	l := &cuttableLine{dsn: fmt.Sprintf("host=127.0.0.1 port=%d user=%s password='%s' dbname=%s sslmode=disable",
		address.Port, config.User, config.Password, config.Database)}
	network, to := pgconn.NetworkAddress(config.Host, config.Port)
	go func() {
		for {
			from, err := listener.Accept()
			if err != nil {
				return
			}
			l.connect(from, network, to)
		}
	}()
	return l
}

func (l *cuttableLine) connect(from net.Conn, network, to string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.away {
		from.Close()
		return
	}
	server, err := net.Dial(network, to)
	if err != nil {
		from.Close()
		return
	}
	l.open = append(l.open, from, server)
	go func() { _, _ = io.Copy(server, from); server.Close() }()
	go func() { _, _ = io.Copy(from, server); from.Close() }()
}

func (l *cuttableLine) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.away = true
	for _, conn := range l.open {
		conn.Close()
	}
	l.open = nil
}

func (l *cuttableLine) mend() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.away = false
}
