package web

import (
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"cxmirror/pkg/fieldwork"
	"cxmirror/pkg/store"
	"cxmirror/pkg/store/storetest"
	"cxmirror/pkg/survey"
)

// invited is a field whose wave was launched, with the links and codes of those who were invited to it.
type invited struct {
	*field

	tokens, codes []string
	ids           []survey.InvitationID
}

// testSecret is that of testFieldwork.
func testSecret(tb testing.TB) fieldwork.Secret {
	tb.Helper()
	secret, err := fieldwork.NewSecret([]byte(strings.Repeat("of a test ", 4)))
	if err != nil {
		tb.Fatal(err)
	}
	return secret
}

// invite launches the wave of threePages to two people, of whom the first reads Polish and the other one English.
func invite(tb testing.TB, s *store.Store, change func(*survey.Wave)) *invited {
	tb.Helper()
	f := &invited{field: newFieldIn(tb, s, threePages, func(w *survey.Wave) {
		w.State, w.OpenLink, w.Threshold, w.Comments = survey.WaveDraft, false, 5, 10
		if change != nil {
			change(w)
		}
	})}
	secret := testSecret(tb)
	var invitations []store.NewInvitation
	for i := range 2 {
		p := survey.Person{Organisation: f.wave.Organisation, Key: fmt.Sprintf("p%d", i), Name: fmt.Sprintf("Person %d", i), Address: fmt.Sprintf("p%d@example.com", i), Active: true}
		if err := s.SavePerson(tb.Context(), &p); err != nil {
			tb.Fatal(err)
		}
		id := survey.InvitationID(fmt.Sprintf("%032x", i+1))
		f.ids = append(f.ids, id)
		f.tokens, f.codes = append(f.tokens, secret.Token(id)), append(f.codes, secret.Code(id))
		n := store.NewInvitation{TokenHash: fieldwork.HashToken(f.tokens[i]), CodeHash: secret.HashCode(f.codes[i])}
		n.Invitation = survey.Invitation{ID: id, Organisation: f.wave.Organisation, Wave: f.wave.ID, Person: p.ID, Language: []survey.Language{"pl", "en"}[i%2]}
		for _, segment := range f.wave.Segments {
			n.Attributes = map[survey.ItemCode]survey.OptionCode{segment.Code: segment.Values[0].Code}
		}
		invitations = append(invitations, n)
	}
	f.wave.State, f.wave.Launched = survey.WaveOpen, &f.moment
	each := iter.Seq2[store.NewInvitation, error](func(yield func(store.NewInvitation, error) bool) {
		for _, n := range invitations {
			if !yield(n, nil) {
				return
			}
		}
	})
	if _, err := s.LaunchWave(tb.Context(), f.wave, each, nil, nil); err != nil {
		tb.Fatal(err)
	}
	var err error
	if f.wave, err = s.Wave(tb.Context(), f.wave.Organisation, f.wave.ID); err != nil {
		tb.Fatal(err)
	}
	return f
}

// finish answers threePages to the end, from the address of the survey.
func (p *person) finish(address string) {
	p.t.Helper()
	begun := p.post(address, p.with(p.get(address), "_act=start"))
	if begun.status != http.StatusSeeOther {
		p.t.Fatalf("begin at %s: %d %.500s", address, begun.status, visible(begun.body))
	}
	p.finishFrom(begun.location)
}

// finishFrom goes on from a page, and returns the thanks.
func (p *person) finishFrom(page string) answer {
	p.t.Helper()
	given := map[string][]string{"1": {"first=a"}, "2": {"second=c", "second=d"}, "3": {"third.d=1", "third.c=2", "fifth=Typed by her"}}
	for range 4 {
		number := page[strings.LastIndex(page, "/")+1:]
		if given[number] == nil {
			return p.get(page)
		}
		sent := p.post(page, p.with(p.get(page), append(given[number], "_act=next")...))
		if sent.status != http.StatusSeeOther {
			p.t.Fatalf("%s: %d %.500s", page, sent.status, visible(sent.body))
		}
		page = sent.location
	}
	p.t.Fatalf("no end, at %s", page)
	return answer{}
}

// finishedAnswers returns how many answers of the wave are finished, counted or not.
func (f *invited) finishedAnswers(tb testing.TB) int {
	tb.Helper()
	return f.counts(tb).Complete
}

// department is what a panel knows of everybody in these tests.
func department(w *survey.Wave) {
	w.Segments = []survey.Segment{{Code: "department", Text: survey.Words{"en": "Department", "pl": "Dział"}, Values: []survey.Option{{Code: "v1", Text: survey.Words{"en": "Sales"}}}}}
	w.Reported = []survey.ItemCode{"department"}
}

// headOf asks whether there is something at an address.
func headOf(t *testing.T, address string) (status int, body string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodHead, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	read, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(read)
}

// What is said before the first question is what is done.
func TestPromiseOfEveryMode(t *testing.T) {
	t.Parallel()
	for mode, says := range map[survey.Mode][]string{
		survey.Identified:   {"with your name", "from the list of those invited: Department", "go on later with the same link"},
		survey.Confidential: {"together with your invitation", "They do not see what you answered", "at least 5 people", "Department"},
		survey.Anonymous:    {"without your name, address, link, device or time", "nobody can look up what you answered", "at least 5 people", "Department"},
	} {
		f := invite(t, storetest.Open(t, storetest.SQLite(t)), func(w *survey.Wave) { department(w); w.Mode, w.Tracks = mode, true })
		p := f.person(t)
		for path, want := range map[string]int{"/s/" + f.tokens[1]: http.StatusOK, "/healthz": http.StatusOK, "/s/none": http.StatusNotFound} {
			if status, body := headOf(t, f.http.URL+path); status != want || body != "" {
				t.Errorf("HEAD %s: %d %q", path, status, body)
			}
		}
		if looked, _, err := f.store.Invitations(t.Context(), f.wave.Organisation, f.wave.ID, store.InvitationQuery{Text: "Person 1"}); err != nil || looked[0].Opened != nil {
			t.Errorf("a program that looked whether the link leads anywhere has opened it: %v", err)
		}
		page := p.get("/s/" + f.tokens[1])
		page.expect(t, http.StatusOK, append(says, "Three", "How is this kept?", "It is noted that you opened your link."), "are not kept", f.tokens[0])
		if got := page.header.Get("Referrer-Policy"); got != "no-referrer" {
			t.Errorf("Referrer-Policy %q", got)
		}
		if page.header["Set-Cookie"] != nil {
			t.Errorf("a personal link needs no cookie: %s", page.header["Set-Cookie"])
		}
		if title := regexp.MustCompile(`<title>.*?</title>`).FindString(page.body); strings.Contains(title, f.tokens[1]) {
			t.Errorf("the title holds the token: %s", title)
		}
		if opened, _, err := f.store.Invitations(t.Context(), f.wave.Organisation, f.wave.ID, store.InvitationQuery{Text: "Person 1"}); err != nil || opened[0].Opened == nil {
			t.Errorf("not noted as opened: %v", err)
		}
		more := p.get("/s/" + f.tokens[1] + "/privacy")
		more.expect(t, http.StatusOK, map[survey.Mode][]string{
			survey.Identified:   {"Your answers are kept with your name", "You get a receipt."},
			survey.Confidential: {"Only groups are shown", "at least 5 people at a time", "Somebody with direct access to the database", "at least 10 people wrote some"},
			survey.Anonymous:    {"Nobody can look up what you answered", "until at least 5 people like you have answered", "with the same: Department", "Nobody who looks at the results."},
		}[mode])
		p.accept = "ru" // the invitation says Polish
		p.get("/s/"+f.tokens[0]).expect(t, http.StatusOK, []string{"Trzy", "Jak to przechowujemy?"})
		p.get("/s/"+f.tokens[0]+"?lang=ru").expect(t, http.StatusOK, []string{"Как это хранится?"})
		p.get("/privacy/spring").expect(t, http.StatusOK, []string{"Как это хранится?"})
	}
}

// A person begins on one device, goes on at another, finishes, and comes back.
func TestPersonalLinkOnTwoDevices(t *testing.T) {
	t.Parallel()
	for name, open := range storetest.Engines() {
		for _, mode := range survey.Modes() {
			t.Run(name+"/"+string(mode), func(t *testing.T) {
				t.Parallel()
				f := invite(t, open(t), func(w *survey.Wave) { department(w); w.Mode = mode })
				link := "/s/" + f.tokens[1]
				phone, office := f.person(t), f.person(t)
				first := phone.get(phone.post(link, phone.with(phone.get(link), "_act=start")).location)
				second := phone.get(phone.post(link+"/1", phone.with(first, "first=b")).location)
				second.expect(t, http.StatusOK, []string{"Second?"})
				if mode == survey.Anonymous && strings.Contains(second.body, `"first"`) {
					t.Error("a page of an anonymous wave carries answers of another one")
				}
				// The other device has the link as a mail program mangled it.
				office.get("/s/"+strings.ToUpper(f.tokens[1])+".").expect(t, http.StatusOK, []string{"You have begun already", "Go on where you stopped"}, "Someone else is answering")
				back := office.get(office.post(link, office.with(office.get(link))).location)
				back.expect(t, http.StatusOK, []string{"Second?"})
				back = office.get(link + "/1")
				if !strings.Contains(back.body, `value="b" checked`) {
					t.Errorf("the other device does not know the first answer: %.300s", visible(back.body))
				}
				office.finishFrom(link+"/2").expect(t, http.StatusOK, []string{"Thank you!"}, "Someone else is answering", "Typed by her")
				if f.finishedAnswers(t) != 1 {
					t.Fatalf("%d answers", f.finishedAnswers(t))
				}
				// Everybody who comes by this link now hears that it is done, whatever she sends.
				for _, p := range []*person{phone, office, f.person(t)} {
					p.get(link).expect(t, http.StatusOK, []string{"You have answered already"}, "Typed by her", "checked")
					for _, path := range []string{"/1", "/2", "/3"} {
						if a := p.get(link + path); a.status != http.StatusSeeOther || !strings.HasPrefix(a.location, link+"/thanks") {
							t.Errorf("%s: %d %q", path, a.status, a.location)
						}
					}
				}
				for _, a := range []answer{phone.post(link+"/2", phone.with(second, "second=e")), phone.post(link, url.Values{"_act": {"anew"}})} {
					if a.status != http.StatusSeeOther || !strings.HasPrefix(a.location, link+"/thanks") {
						t.Errorf("sent after the end: %d %q", a.status, a.location)
					}
				}
				if f.finishedAnswers(t) != 1 {
					t.Errorf("%d answers after all that", f.finishedAnswers(t))
				}
				f.get404(t, "/s/"+strings.Repeat("a", 32))
				log := f.log.String()
				for _, private := range []string{f.tokens[1], strings.ToUpper(f.tokens[1]), "127.0.0.1", "Typed by her", "p1@example.com", f.codes[1]} {
					if strings.Contains(log, private) {
						t.Errorf("the log holds %q", private)
					}
				}
				if !strings.Contains(log, "/s/:token") {
					t.Error("nothing was logged: the check above checks nothing")
				}
			})
		}
	}
}

// get404 checks what somebody is told whose link is nobody's.
func (f *invited) get404(t *testing.T, path string) {
	t.Helper()
	p := f.person(t)
	p.accept = "pl"
	for _, a := range []answer{p.get(path), p.get(path + "/1"), p.get(path + "/thanks"), p.get(path + "/privacy"), p.post(path, nil), p.post(path+"/1", nil), p.get(strings.Replace(path, "/s/", "/u/", 1))} {
		a.expect(t, http.StatusNotFound, []string{"Ten link donikąd nie prowadzi"}, path)
	}
}

// Twenty times the last page of one link at once is one answer, in every mode; so it is with an open link.
func TestParallelPostsOverHTTP(t *testing.T) {
	t.Parallel()
	for name, open := range storetest.Engines() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, mode := range survey.Modes() {
				f := invite(t, open(t), func(w *survey.Wave) { w.Mode, w.OpenLink = mode, true })
				for i, link := range []string{"/s/" + f.tokens[1], "/o/spring"} {
					p := f.person(t)
					p.post(link, p.with(p.get(link), "_act=start"))
					p.post(link+"/1", p.with(p.get(link+"/1"), "first=a"))
					p.post(link+"/2", p.with(p.get(link+"/2"), "second=c"))
					form := p.with(p.get(link+"/3"), "fifth=At once")
					var all sync.WaitGroup
					for range 20 {
						other := *p
						client := *p.client
						other.client = &client
						all.Go(func() {
							a := other.post(link+"/3", form)
							if a.status != http.StatusSeeOther || !strings.HasPrefix(a.location, link+"/thanks") {
								t.Errorf("%s %s: %d %q %.200s", mode, link, a.status, a.location, visible(a.body))
							}
						})
					}
					all.Wait()
					if n := f.finishedAnswers(t); n != i+1 {
						t.Errorf("%s %s: %d answers, want %d", mode, link, n, i+1)
					}
					p.get(link+"/thanks").expect(t, http.StatusOK, []string{"Thank you!"})
				}
			}
		})
	}
}

// The button of the promise pressed twenty times begins one response.
func TestParallelStarts(t *testing.T) {
	t.Parallel()
	for _, mode := range survey.Modes() {
		f := invite(t, storetest.Open(t, storetest.SQLite(t)), func(w *survey.Wave) { w.Mode = mode })
		link := "/s/" + f.tokens[0]
		p := f.person(t)
		form := p.formOf(p.get(link))
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				if a := p.post(link, form); a.location != link+"/1" {
					t.Errorf("%s: %d %q", mode, a.status, a.location)
				}
			})
		}
		all.Wait()
		if n := f.counts(t).Started; n != 1 {
			t.Errorf("%s: %d begun", mode, n)
		}
	}
}

// A page that is sent after the close is given back with what was typed.
func TestStalePageOfAPersonalLink(t *testing.T) {
	t.Parallel()
	for _, mode := range survey.Modes() {
		f := invite(t, storetest.Open(t, storetest.SQLite(t)), func(w *survey.Wave) { w.Mode = mode })
		link, p := "/s/"+f.tokens[1], f.person(t)
		p.post(link, p.with(p.get(link), "_act=start"))
		p.post(link+"/1", p.with(p.get(link+"/1"), "first=a"))
		p.post(link+"/2", p.with(p.get(link+"/2"), "second=c"))
		form := p.with(p.get(link+"/3"), "fifth=Not to be lost")
		f.change(t, func(w *survey.Wave) { w.State = survey.WaveClosed })
		p.post(link+"/3", form).expect(t, http.StatusGone, []string{"The survey is closed", "Not to be lost", "could no longer be taken"})
		p.get(link).expect(t, http.StatusGone, []string{"The survey is closed"})
	}
}

// While the database is away, what was typed by a personal link comes back, and the same button sends it later.
func TestDatabaseAwayFromAPersonalLink(t *testing.T) {
	t.Parallel()
	for _, mode := range survey.Modes() {
		line := newCuttableLine(t, storetest.Postgres(t))
		f := invite(t, storetest.Open(t, line.dsn), func(w *survey.Wave) { w.Mode = mode })
		link, p := "/s/"+f.tokens[1], f.person(t)
		p.post(link, p.with(p.get(link), "_act=start"))
		p.post(link+"/1", p.with(p.get(link+"/1"), "first=a"))
		p.post(link+"/2", p.with(p.get(link+"/2"), "second=c", "second=d"))
		form := p.with(p.get(link+"/3"), "third.d=1", "fifth=Not to be lost")
		line.cut()
		back := p.post(link+"/3", form)
		back.expect(t, http.StatusServiceUnavailable, []string{"We could not save this just now", "Not to be lost"}, f.tokens[1])
		p.get(link).expect(t, http.StatusServiceUnavailable, []string{"Try again"}, f.tokens[1])
		line.mend()
		var again answer
		for range 50 {
			if again = p.post(link+"/3", p.formOf(back)); again.status == http.StatusSeeOther {
				break
			}
			time.Sleep(100 * time.Millisecond)
		}
		if !strings.HasPrefix(again.location, link+"/thanks") || f.finishedAnswers(t) != 1 {
			t.Errorf("%s, sent again: %d %q %.300s", mode, again.status, again.location, visible(again.body))
		}
		if strings.Contains(f.log.String(), f.tokens[1]) {
			t.Error("the log holds the token")
		}
	}
}

// A link whose personal data were erased says no more than one that never was.
func TestErasedLink(t *testing.T) {
	t.Parallel()
	f := invite(t, storetest.Open(t, storetest.SQLite(t)), nil)
	f.person(t).get("/s/"+f.tokens[1]).expect(t, http.StatusOK, nil)
	if _, err := f.store.EraseWavePersonalData(t.Context(), survey.DefaultOrganisation, f.wave.ID); err != nil {
		t.Fatal(err)
	}
	f.get404(t, "/s/"+f.tokens[1])
}

// An access code leads to the personal link however it is typed; wrong ones are borne, but not without end.
func TestAccessCode(t *testing.T) {
	t.Parallel()
	f := invite(t, storetest.Open(t, storetest.SQLite(t)), nil)
	p := f.person(t)
	p.get("/c").expect(t, http.StatusOK, []string{"Enter an access code"})
	post := func(code string) answer { return p.post("/c", url.Values{"code": {code}}) }
	for _, typed := range []string{f.codes[1], strings.ToLower(f.codes[1]), " " + strings.ReplaceAll(f.codes[1], "-", " ") + " "} {
		if a := post(typed); a.status != http.StatusSeeOther || a.location != "/s/"+f.tokens[1] {
			t.Errorf("%q: %d %q", typed, a.status, a.location)
		}
	}
	post("  ").expect(t, http.StatusUnprocessableEntity, []string{"Please enter your code."})
	wrong := post("ABCDE-<b>")
	wrong.expect(t, http.StatusUnprocessableEntity, []string{"We do not know this code."}, "<b>")
	if !strings.Contains(wrong.body, `value="ABCDE-&lt;B&gt;"`) {
		t.Error("what was typed is not given back")
	}
	p.finish("/s/" + f.tokens[1])
	p.get(post(f.codes[1]).location).expect(t, http.StatusOK, []string{"You have answered already"})
	for range triesOfAddress - 1 {
		post("AAAAA-AAAAA")
	}
	locked := post("AAAAA-AAAAA")
	locked.expect(t, http.StatusTooManyRequests, []string{"Please wait half a minute"})
	if locked.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	f.mu.Lock()
	f.moment = f.moment.Add(30 * time.Second)
	f.mu.Unlock()
	for range 100 { // an office of people who type their codes rightly
		if a := post(f.codes[0]); a.status != http.StatusSeeOther {
			t.Fatalf("half a minute later: %d", a.status)
		}
	}
	if log := f.log.String(); strings.Contains(log, f.codes[1]) || strings.Contains(log, "127.0.0.1") {
		t.Error("the log holds a code or an address")
	}
}

// Whoever tries from many networks at once is slowed down, and nobody else.
func TestTriesOfAll(t *testing.T) {
	t.Parallel()
	all := newTries()
	address := func(i int) string { return fmt.Sprintf("2001:db8:%x:%x::1", i>>8, i&255) }
	taken := 0
	for i := range 40 {
		for range 50 {
			if all.take(mustAddress(t, address(i)), noon) {
				taken++
			}
		}
	}
	if limit := triesOfAll + 40*triesAnyway; taken > limit || taken < triesOfAll {
		t.Errorf("%d tries of 40 networks were let through, want %d to %d", taken, triesOfAll, limit)
	}
	if !all.take(mustAddress(t, "192.0.2.7"), noon) {
		t.Error("somebody who never tried is kept out")
	}
	for i := range addressesHeld + 10 {
		all.take(mustAddress(t, fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&255, i&255)), noon)
	}
	if len(all.by) > addressesHeld {
		t.Errorf("%d addresses are held", len(all.by))
	}
}

func mustAddress(t *testing.T, text string) netip.Addr {
	t.Helper()
	address, err := netip.ParseAddr(text)
	if err != nil {
		t.Fatal(err)
	}
	return address
}

// Mails are declined by a button or by a mail program, never by looking.
func TestDecliningMail(t *testing.T) {
	t.Parallel()
	for name, open := range storetest.Engines() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := invite(t, open(t), nil)
			p := f.person(t)
			declined := func() bool {
				t.Helper()
				people, _, err := f.store.People(t.Context(), f.wave.Organisation, store.PeopleQuery{Text: "Person 1"})
				if err != nil || len(people) != 1 {
					t.Fatal(people, err)
				}
				return people[0].Unsubscribed != nil
			}
			address := "/u/" + f.tokens[1]
			page := p.get(address)
			page.expect(t, http.StatusOK, []string{"No more mails?", "Send me no more mails", "you can still answer"})
			if declined() {
				t.Fatal("looking at the page declined")
			}
			p.post(address, p.formOf(page)).expect(t, http.StatusOK, []string{"You will get no more mails", "Send me mails again"})
			if !declined() {
				t.Fatal("the button did nothing")
			}
			p.get(address).expect(t, http.StatusOK, []string{"You will get no more mails"})
			p.post(address, url.Values{"_act": {"again"}}).expect(t, http.StatusOK, []string{"You will get mails again"})
			if declined() {
				t.Fatal("it cannot be undone")
			}
			// RFC 8058: no cookie, and wherever it comes from.
			for _, kind := range []string{"application/x-www-form-urlencoded", "multipart/form-data; boundary=x"} {
				body := "List-Unsubscribe=One-Click"
				if strings.HasPrefix(kind, "multipart") {
					body = "--x\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--x--\r\n"
				}
				r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, f.http.URL+address, strings.NewReader(body))
				if err != nil {
					t.Fatal(err)
				}
				r.Header.Set("Content-Type", kind)
				r.Header.Set("Origin", "https://mail.example.org")
				r.Header.Set("Sec-Fetch-Site", "cross-site")
				response, err := http.DefaultClient.Do(r)
				if err != nil {
					t.Fatal(err)
				}
				_ = response.Body.Close()
				if response.StatusCode != http.StatusOK || !declined() {
					t.Errorf("one click as %s: %d, declined: %t", kind, response.StatusCode, declined())
				}
				p.post(address, url.Values{"_act": {"again"}})
			}
		})
	}
}

// An open link takes one answer of a browser where the wave says so.
func TestOnceOfABrowser(t *testing.T) {
	t.Parallel()
	for _, mode := range []survey.Mode{survey.Confidential, survey.Anonymous} {
		for _, once := range []bool{true, false} {
			f := newField(t, threePages, func(w *survey.Wave) { w.Mode, w.OncePer, w.Threshold = mode, once, 5 })
			p := f.person(t)
			page := p.get("/o/spring")
			begun := p.post("/o/spring", p.with(page, "_act=start"))
			half := p.get("/o/spring")
			half.expect(t, http.StatusOK, []string{"You have begun already"})
			if offered := strings.Contains(half.body, "Someone else is answering"); offered == once {
				t.Errorf("%s, once %t: somebody else is offered to begin: %t", mode, once, offered)
			}
			p.finishFrom(begun.location).expect(t, http.StatusOK, []string{"Thank you!"})
			if mode == survey.Anonymous {
				for _, cookie := range p.cookies("/o/spring") {
					if cookie.Name == cookieOf(&f.wave) && cookie.Value != finishedMark {
						t.Errorf("the browser keeps %s after an anonymous answer", cookie)
					}
				}
			}
			if once {
				p.get("/o/spring").expect(t, http.StatusOK, []string{"takes one answer from each device"}, "Someone else is answering")
			}
			again := p.post("/o/spring", url.Values{"_act": {"anew"}})
			if began := again.location == "/o/spring/1"; began == once {
				t.Errorf("%s, once %t: again leads to %q", mode, once, again.location)
			}
		}
	}
}

// A wave by invitation says so at its open link, and the kiosk of one that has none does.
func TestOtherWay(t *testing.T) {
	t.Parallel()
	f := invite(t, storetest.Open(t, storetest.SQLite(t)), nil)
	p := f.person(t)
	for _, path := range []string{"/o/spring", "/k/spring"} {
		p.get(path).expect(t, http.StatusGone, []string{"This survey is by invitation", "Enter an access code"}, f.wave.Name)
		if a := p.post(path, url.Values{"_act": {"start"}}); a.status != http.StatusGone {
			t.Errorf("%s: %d", path, a.status)
		}
	}
	if n := f.counts(t).Started; n != 0 {
		t.Errorf("%d begun", n)
	}
}

// One person after the other at a kiosk, of whom none meets what the one before left.
func TestKiosk(t *testing.T) {
	t.Parallel()
	for _, mode := range []survey.Mode{survey.Confidential, survey.Anonymous} {
		f := newField(t, threePages, func(w *survey.Wave) { w.Mode, w.Kiosk, w.OpenLink, w.Threshold = mode, true, false, 5 })
		p := f.person(t)
		start := p.get("/k/spring")
		start.expect(t, http.StatusOK, []string{"English", "Polski", "Three", "Trzy"}, "Start anew")
		promise := p.get("/k/spring?lang=pl")
		promise.expect(t, http.StatusOK, []string{"Zaczynam", "Zacznij od nowa", "to urządzenie zapomina"})
		begun := p.post("/k/spring", p.with(promise, "_act=start"))
		first := p.get(begun.location)
		first.expect(t, http.StatusOK, []string{"Pierwsze?", "Zacznij od nowa"})
		second := p.get(p.post("/k/spring/1", p.with(first, "first=b")).location)
		if strings.Contains(second.body, `&#34;first&#34;`) {
			t.Error("a page at a kiosk carries answers")
		}
		// She walks away. The next one begins, and somebody presses "back" and sends the old page again.
		p.get("/k/spring")
		if left := p.cookies("/k/spring"); len(left) != 0 {
			t.Errorf("the kiosk keeps %v", left)
		}
		stale := p.with(second, "second=d")
		if a := p.post("/k/spring/2", stale); a.location != "/k/spring" || strings.Contains(a.body, "checked") {
			t.Errorf("a page of one who left: %d %q", a.status, a.location)
		}
		begun = p.post("/k/spring", p.with(p.get("/k/spring?lang=en"), "_act=start"))
		if a := p.post("/k/spring/2", stale); a.location != "/k/spring/1" {
			t.Errorf("a page of the one before: %d %q", a.status, a.location)
		}
		page := p.get("/k/spring/1")
		if strings.Contains(page.body, "checked") {
			t.Error("the next person sees what the one before chose")
		}
		thanks := p.finishFrom(begun.location)
		thanks.expect(t, http.StatusOK, []string{"Thank you!", "The next person can begin in 10 s.", "Next person"}, "example.com/\"")
		if got := thanks.header.Get("Refresh"); got != "10; url=/k/spring" {
			t.Errorf("Refresh: %q", got)
		}
		if left := p.cookies("/k/spring"); len(left) != 0 {
			t.Errorf("after the thanks the kiosk keeps %v", left)
		}
		if a := p.get("/k/spring/3"); a.location != "/k/spring" {
			t.Errorf("back after the thanks: %d %q", a.status, a.location)
		}
		p.finish("/k/spring?lang=en")
		if counts := f.counts(t); counts.Complete != 2 {
			t.Errorf("%s: %+v", mode, counts)
		}
		p.get("/k/spring/privacy?lang=en").expect(t, http.StatusOK, []string{"How is this kept?", "this device forgets what you typed", "To the survey"})
	}
}

// Drafts of anonymous waves are in no memory of ours.
func TestNoAnonymousDraftInMemory(t *testing.T) {
	t.Parallel()
	for _, mode := range survey.Modes() {
		f := invite(t, storetest.Open(t, storetest.SQLite(t)), func(w *survey.Wave) { w.Mode, w.OpenLink = mode, true })
		for _, address := range []string{"/s/" + f.tokens[1], "/o/spring"} {
			p := f.person(t)
			p.post(address, p.with(p.get(address), "_act=start"))
			p.post(address+"/1", p.with(p.get(address+"/1"), "first=a"))
		}
		held := len(f.server.drafts.young) + len(f.server.drafts.old)
		if want := 2; mode != survey.Anonymous && held != want || mode == survey.Anonymous && held != 0 {
			t.Errorf("%s: %d drafts are held", mode, held)
		}
	}
}
