package main

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"maps"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"cxmirror/pkg/store"
	"cxmirror/pkg/survey"
	"cxmirror/surveys"
)

// The fieldwork of the tests: who is in it, and what they do.
const (
	invitedPeople = 500
	rejectedRows  = 12
	smallest      = 5 // the threshold that is promised
	mailLines     = 5 // mails that may be on their way at once
	erasedOne     = 300
	gossip        = 303 // names the one who is erased
	refusedOne    = 2   // the post office does not know her
	bouncedOne    = 5   // her mail comes back
	lateOne       = 11  // sends a page after the close
)

func declines(i int) bool { return i == 1 || i == 4 || i == 7 }

// finishes says who answers at once: a third of the large departments, and three people of the small ones.
func finishes(i int) bool { return i%3 == 0 && (i < 481 || i == 483 || i == 486 || i == 495) }

// stops says who begins and does not go on.
func stops(i int) bool { return i < 481 && i%30 == 8 }

// comesBack says who finishes by the link in the reminder.
func comesBack(i int) bool { return i == 8 || i == 38 || i == 68 }

// member is somebody of the panel.
type member struct{ key, name, address, department, site, language string }

// members are the people who are invited: five departments, of which one has fourteen people, and two with three and
// two; two sites, and one with four people; readers of Polish and of English.
func members() []member {
	people := make([]member, invitedPeople)
	for i := range people {
		m := member{key: fmt.Sprintf("E-%04d", i), name: fmt.Sprintf("Zofia Łęcka-%04d", i), address: fmt.Sprintf("zofia.%04d@people.example.org", i)}
		for _, d := range []struct {
			until int
			name  string
		}{{180, "Sales"}, {330, "Production"}, {430, "Logistics"}, {481, "Finance"}, {495, "Audit"}, {498, "Board"}, {500, "Archive"}} {
			if m.department = d.name; i < d.until {
				break
			}
		}
		m.site = []string{"Warszawa", "Kraków"}[i/3%2]
		if i%150 == 51 {
			m.site = "Radom"
		}
		m.language = []string{"pl", "en"}[i/6%2]
		people[i] = m
	}
	people[erasedOne].name = "Wanda Wyjątkowa"
	return people
}

// panelFile is the list that HR has: everybody, and rows that cannot be taken.
func panelFile(people []member) string {
	var file strings.Builder
	file.WriteString("Name;E-mail;Employee ID;Department;Site;Language\n")
	for i, m := range people {
		fmt.Fprintf(&file, "%s;%s;%s;%s;%s;%s\n", m.name, m.address, m.key, m.department, m.site, m.language)
		if i == 249 { // in the midst of the others
			for n, row := range []string{
				"%s;;N-%d;Sales;Kraków;pl", "%s;not an address;N-%d;Sales;Kraków;pl", "%s;nobody@;N-%d;Sales;Kraków;pl", "%s;@example.org;N-%d;Sales;Kraków;pl",
				"%s;a b@example.org;N-%d;Sales;Kraków;pl", "%s;zofia.0000@people.example.org;N-%d;Sales;Kraków;pl", "%s;ZOFIA.0001@people.example.org;N-%d;Sales;Kraków;pl",
				"%s;new@people.example.org;N-%d;Sales;Kraków;klingon", "%s;new.two@people.example.org;N-%d;Sales;Kraków;pl;and more;and more", "%s;;N-%d;Sales;Kraków;en",
				"%s;" + strings.Repeat("a", 300) + "@example.org;N-%d;Sales;Kraków;pl", "%s;new.three@people.example.org;N-%d;Sales;Kraków;xx",
			} {
				fmt.Fprintf(&file, row+"\n", "Rejected", n)
			}
		}
	}
	return file.String()
}

// fielded is a wave from the list of people to the erasure of one of them, by the running program.
type fielded struct {
	t        *testing.T
	engine   string
	dsn      string
	mode     survey.Mode
	db       *store.Store // of the test, beside the program
	q        *survey.Questionnaire
	people   []member
	office   *postOffice
	host     string
	server   *process
	logs     []*lines
	desk     *desk
	external survey.WaveID
	wave     survey.WaveID

	links map[string]string // by address

	mu     sync.Mutex
	picked map[int]string // of those who finished, what they picked
	begun  map[int]string // the same, of those who left half-way
}

// Five hundred people are imported, invited, reminded, and looked at in results; then one of them is erased.
// Meanwhile the program is asked to stop, and killed. What the pages say is what the database holds.
func TestFieldworkThroughTheService(t *testing.T) {
	for engine, dsn := range databases(t) {
		for _, mode := range []survey.Mode{survey.Confidential, survey.Anonymous} {
			t.Run(engine+"/"+string(mode), func(t *testing.T) {
				f := &fielded{t: t, engine: engine, dsn: dsn(t), mode: mode, people: members(), host: freeAddress(t), links: map[string]string{}, picked: map[int]string{}, begun: map[int]string{}}
				f.prepare()
				f.importPeople()
				f.launchWave()
				f.invite()
				f.answer()
				f.decline()
				f.progressPage("open")
				f.remind()
				f.closeWave()
				f.progressPage("closed")
				f.results()
				f.export(len(f.picked))
				f.erase()
				f.logged()
				f.t.Logf("the last program took %d MiB at most", f.peak())
			})
		}
	}
}

// prepare starts the program on a database with customers' answers.
func (f *fielded) prepare() {
	f.t.Helper()
	var external survey.Wave
	f.db, external, _ = opened(f.t, f.dsn)
	if _, err := demoWaves("en")[0].make(f.t.Context(), f.db, "en", time.Now()); err != nil {
		f.t.Fatal(err)
	}
	f.external = external.ID
	f.office = startPostOffice(f.t, 10*time.Millisecond, f.people[refusedOne].address)
	f.desk = newDesk(f.t, f.host)
	f.start()
}

func (f *fielded) start() {
	f.t.Helper()
	f.server = launch(f.t, "serve", "--dsn", f.dsn, "--listen", f.host, "--address", "https://survey.example.org",
		"--mail", fmt.Sprintf("smtp://%s?from=People+team+<hr@example.org>&tls=none&timeout=5s&connections=%d", f.office.address, mailLines))
	f.logs = append(f.logs, f.server.stderr)
	healthy(f.t, f.server, f.host)
}

func (f *fielded) path(rest string) string { return fmt.Sprintf("/waves/%d%s", f.wave, rest) }

// says fails the test for what a page does not say.
func (f *fielded) says(page sheet, words ...string) {
	f.t.Helper()
	text := readable(page.body)
	for _, w := range words {
		if !strings.Contains(text, w) {
			f.t.Errorf("the page does not say %q:\n%s", w, text)
		}
	}
}

func (f *fielded) importPeople() {
	f.t.Helper()
	address := f.desk.upload("/people/import", "staff.csv", panelFile(f.people))
	page := f.desk.look(address)
	f.says(page, fmt.Sprintf("New %d", invitedPeople), fmt.Sprintf("Rejected %d", rejectedRows), "Not an e-mail address", "No address", "The person is there twice", "Unknown language", "Wrong number of cells")
	plain, _, _ := strings.Cut(address, "?")
	reader := csv.NewReader(strings.NewReader(strings.TrimPrefix(f.desk.look(plain+"/problems").body, "\uFEFF")))
	reader.Comma, reader.FieldsPerRecord = ';', -1
	rows, err := reader.ReadAll()
	if err != nil || len(rows) != 1+rejectedRows || rows[0][len(rows[0])-1] != "problem" {
		f.t.Errorf("the file of rejected rows has %d rows: %q, %v", len(rows), rows, err)
	}
	if _, total, err := f.db.People(f.t.Context(), survey.DefaultOrganisation, store.PeopleQuery{Limit: 1}); err != nil || total != 0 {
		f.t.Fatalf("looking at a file stored %d people, %v", total, err)
	}
	f.says(f.desk.look(f.desk.send(plain, f.desk.form(page.body, plain))), fmt.Sprintf("New %d", invitedPeople), fmt.Sprintf("The panel has %d people now.", invitedPeople))
}

// launchWave goes the whole path, and takes what is proposed for groups that are too small.
func (f *fielded) launchWave() {
	f.t.Helper()
	to := f.desk.step("/waves/new", "/waves/new", func(v url.Values) {
		v.Set("questionnaire", "internal-expectations")
		v.Set("name", "Employees, autumn")
		v.Set("slug", "employees-autumn")
		v.Set("mode", string(f.mode))
		v.Set("threshold", strconv.Itoa(smallest))
	})
	if _, err := fmt.Sscanf(to, "/waves/%d/", &f.wave); err != nil {
		f.t.Fatalf("a new wave leads to %s: %v", to, err)
	}
	step := func(name string, change func(url.Values)) {
		f.t.Helper()
		f.desk.step(f.path("/launch/"+name), f.path("/launch/"+name), change)
	}
	step("people", func(v url.Values) {
		if v.Get("mail") == "" {
			f.t.Errorf("mail is not proposed: %v", v)
		}
		v.Del("open_link")
	})
	step("promise", func(v url.Values) {
		if v.Get("mode") != string(f.mode) || v.Get("threshold") != strconv.Itoa(smallest) {
			f.t.Errorf("the path does not know what was chosen: %v", v)
		}
		for name := range v {
			if strings.HasPrefix(name, "place.") {
				v.Set(name, "")
			}
		}
		v.Set("place.a.department", "1")
		v.Set("place.a.location", "2")
		v.Set("comments", "10")
		for _, lang := range []string{"en", "pl", "ro", "ru"} {
			v.Set("asker."+lang, "Example Ltd")
			v.Set("purpose."+lang, "To serve you better")
		}
	})
	step("letters", func(v url.Values) {
		v.Set("zone", "Europe/Warsaw")
		v.Set("quiet_from", "0") // whatever hour it is where the test runs
		v.Set("quiet_until", "0")
		for field := range v {
			if strings.HasPrefix(field, "remind.") {
				v.Set(field, "")
			}
		}
		for lang, words := range map[string][2]string{"en": {"Please tell us", "Reminder"}, "pl": {"Zapraszamy", "Przypomnienie"}} {
			v.Set("subject.invitation."+lang, words[0]+": {survey}")
			v.Set("subject.reminder."+lang, words[1]+": {survey}")
		}
	})
	page := f.desk.look(f.path("/launch/check"))
	f.says(page, "Ready to launch", "Archive", "Radom")
	merges := 0
	for form := f.desk.form(page.body, f.path("/launch/merge")); form != nil; form = f.desk.form(page.body, f.path("/launch/merge")) {
		if merges++; merges > 5 {
			f.t.Fatalf("after five merges another is proposed: %v", form)
		}
		f.desk.send(f.path("/launch/merge"), form)
		page = f.desk.look(f.path("/launch/check"))
	}
	if merges < 2 || strings.Contains(page.body, "finding-groups_small") {
		f.t.Errorf("after %d merges the check says:\n%s", merges, readable(page.body))
	}
	f.says(f.desk.look(f.path("/launch/confirm")), fmt.Sprintf("Launch now to %d people", invitedPeople))
	f.desk.send(f.path("/launch/confirm"), url.Values{})
	f.desk.send(f.path("/launch/confirm"), url.Values{}) // pressed twice
}

// invite waits for the mails. In the midst of it the program is asked to stop, and later killed.
func (f *fielded) invite() {
	f.t.Helper()
	f.await(func() bool { return f.office.count() >= 120 }, "120 mails")
	if err := f.server.command.Process.Signal(syscall.SIGTERM); err != nil {
		f.t.Fatal(err)
	}
	select {
	case <-f.server.ended:
	case <-time.After(30 * time.Second):
		f.t.Fatalf("30 seconds after it was asked to stop the program still runs:\n%s", f.server.stderr)
	}
	if code := f.server.command.ProcessState.ExitCode(); code != exitDone {
		f.t.Errorf("asked to stop in the midst of sending, the program ended with %d:\n%s", code, f.server.stderr)
	}
	stopped := f.office.mails(0)
	if len(stopped) >= invitedPeople-1 || len(stopped) != len(byAddress(stopped)) {
		f.t.Errorf("%d mails to %d people when the program stopped: it was not in the midst, or sent one twice", len(stopped), len(byAddress(stopped)))
	}
	f.start()
	f.await(func() bool { return f.office.count() >= 300 }, "300 mails")
	f.server.kill()
	killed := f.office.count()
	if killed >= invitedPeople-1 {
		f.t.Errorf("all %d mails were out when the program was killed", killed)
	}
	// Who runs next waits until the claims of the killed one have run out, for minutes. They run out now.
	if _, err := behind(f.t, f.engine, f.dsn).ExecContext(f.t.Context(), "UPDATE mails SET not_before = (SELECT starts_at FROM mailings WHERE mailings.id = mails.mailing_id) WHERE state = 'waiting'"); err != nil {
		f.t.Fatal(err)
	}
	f.start()
	f.mailed(survey.InvitationLetter)

	mails := f.office.mails(0)
	people, again := byAddress(mails), 0
	for _, same := range people {
		for _, m := range same[1:] {
			if again++; m.id != same[0].id || m.link != same[0].link {
				f.t.Errorf("%s got one mail as %s with %s, and as %s with %s", m.to, same[0].id, same[0].link, m.id, m.link)
			}
		}
	}
	if again > mailLines {
		f.t.Errorf("%d mails were sent twice, and %d can have been on their way", again, mailLines)
	}
	if len(people) != invitedPeople-1 || f.office.refused[f.people[refusedOne].address] != 1 {
		f.t.Errorf("%d people got mail, and one was refused %d times; want %d and 1", len(people), f.office.refused[f.people[refusedOne].address], invitedPeople-1)
	}
	for i, m := range f.people {
		if i == refusedOne {
			continue
		}
		if len(people[m.address]) == 0 {
			f.t.Fatalf("%s got no mail", m.address)
		}
		mail := people[m.address][0]
		f.read(mail, m, map[string]string{"en": "Please tell us: ", "pl": "Zapraszamy: "})
		f.links[m.address] = mail.link
	}
	f.t.Logf("%d mails at the stop, %d when it was killed, %d sent twice", len(stopped), killed, again)
	links := slices.Compact(slices.Sorted(maps.Values(f.links)))
	if len(links) != invitedPeople-1 {
		f.t.Errorf("%d people have %d links", invitedPeople-1, len(links))
	}
}

// read holds a mail to what it must be.
func (f *fielded) read(mail takenMail, m member, subjects map[string]string) {
	f.t.Helper()
	token := strings.TrimPrefix(mail.link, "/s/")
	switch {
	case !strings.HasPrefix(mail.subject, subjects[m.language]):
		f.t.Errorf("%s reads %s and got %q", m.address, m.language, mail.subject)
	case !strings.Contains(mail.decline, "<https://survey.example.org/u/"+token+">") || mail.oneClick != "List-Unsubscribe=One-Click":
		f.t.Errorf("%s can decline mail by %q and %q", m.address, mail.decline, mail.oneClick)
	case !strings.Contains(mail.text, m.name):
		f.t.Errorf("the mail to %s does not name her:\n%s", m.address, mail.text)
	}
}

func byAddress(mails []takenMail) map[string][]takenMail {
	people := map[string][]takenMail{}
	for _, m := range mails {
		people[m.to] = append(people[m.to], m)
	}
	return people
}

// await waits for something to come true.
func (f *fielded) await(is func() bool, what string) {
	f.t.Helper()
	for deadline := time.Now().Add(time.Minute); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			f.t.Fatalf("within a minute there were not %s; the log:\n%s", what, f.server.stderr)
		}
	}
}

// mailed waits until the last mailing of a kind is done.
func (f *fielded) mailed(kind survey.LetterKind) survey.Mailing {
	f.t.Helper()
	var last survey.Mailing
	f.await(func() bool {
		mailings, err := f.db.Mailings(f.t.Context(), f.wave)
		if err != nil {
			f.t.Fatal(err)
		}
		for _, m := range mailings {
			if m.Kind == kind {
				last = m
			}
		}
		return last.State == survey.MailingDone
	}, "all mails of the "+string(kind))
	return last
}

func (f *fielded) respondent(i int) *respondent {
	comment := fmt.Sprintf("What person %04d says", i)
	if i == gossip {
		comment = "Ask " + f.people[erasedOne].name + " about it"
	}
	r := newRespondent(func() string { return f.host }, "", comment, uint64(i))
	r.browser.Timeout, r.patient = 30*time.Second, time.Minute // the machine is busy
	return r
}

// walk is how somebody goes through the pages of a personal link.
type walk struct {
	leave  int                                      // after so many pages; 0 is at the end
	last   func(path string, form url.Values) error // how she sends the last page
	picked string                                   // which expectations
	next   string                                   // the page where she left
}

// follow goes through the pages from a link, or on from where somebody left.
func (r *respondent) follow(ctx context.Context, link string, q *survey.Questionnaire, w *walk) error {
	_, _, body, err := r.send(ctx, http.MethodGet, link, nil)
	if err != nil {
		return err
	}
	path, form, pages := link, hidden(body), q.Items[len(q.Items)-1].Page
	form.Set("_act", "start")
	for saved := range 20 {
		if w.last != nil && strings.HasSuffix(path, "/"+strconv.Itoa(pages)) {
			return w.last(path, form)
		}
		status, location, text, err := r.send(ctx, http.MethodPost, path, form)
		switch {
		case err != nil:
			return err
		case status != http.StatusSeeOther:
			return fmt.Errorf("a page: status %d: %.300s", status, readable(text))
		case strings.HasPrefix(location, link+"/thanks"):
			return nil
		}
		path, _, _ = strings.Cut(location, "#")
		if w.next = path; w.leave > 0 && saved == w.leave {
			return nil
		}
		if status, location, body, err = r.send(ctx, http.MethodGet, path, nil); err != nil {
			return err
		}
		if status != http.StatusOK {
			return fmt.Errorf("a page: status %d, to %s", status, strings.TrimPrefix(location, link))
		}
		page, err := strconv.Atoi(path[strings.LastIndexByte(path, '/')+1:])
		if err != nil {
			return err
		}
		form = hidden(body)
		form.Set("_act", "next")
		r.fill(form, q, page)
		if chosen := form["expectations"]; len(chosen) > 0 {
			w.picked = strings.Join(slices.Sorted(slices.Values(chosen)), ";")
		}
	}
	return errors.New("no end")
}

// answer has people answer by the links in their mails: some on two devices, some who press the button of the last
// page twenty times at once, some who leave half-way. In the midst of it the program is killed; they send again what
// was not answered.
func (f *fielded) answer() {
	f.t.Helper()
	wave, err := f.db.Wave(f.t.Context(), survey.DefaultOrganisation, f.wave)
	if err != nil {
		f.t.Fatal(err)
	}
	version, err := f.db.Version(f.t.Context(), survey.DefaultOrganisation, wave.Version)
	if err != nil {
		f.t.Fatal(err)
	}
	if f.q, err = survey.Parse(version.Source, "stored.yaml", surveys.Frame); err != nil {
		f.t.Fatal(err)
	}
	kill := func(i int) {
		if i == invitedPeople/3 {
			f.server.kill()
			f.start()
		}
	}
	f.atOnce(func(i int) bool { return finishes(i) || stops(i) }, kill, func(i int) error {
		link, w := f.links[f.people[i].address], &walk{}
		switch {
		case stops(i):
			w.leave = 3
			err := f.respondent(i).follow(f.t.Context(), link, f.q, w)
			f.mu.Lock()
			defer f.mu.Unlock()
			f.begun[i] = w.picked
			return err
		case i%30 == 0: // on the way to work, and there
			w.leave = 2
			if err := f.respondent(i).follow(f.t.Context(), link, f.q, w); err != nil {
				return err
			}
			w.leave = 0
		case i%45 == 3:
			w.last = func(path string, form url.Values) error { return f.twentyTimes(i, path, form) }
		}
		if err := f.respondent(i).follow(f.t.Context(), link, f.q, w); err != nil {
			return err
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		f.picked[i] = w.picked
		return nil
	})
}

// atOnce has some of the people do something, eight at a time. Before each of the people comes something else may be
// done.
func (f *fielded) atOnce(who func(int) bool, before func(int), do func(int) error) {
	f.t.Helper()
	queue := make(chan int)
	var crowd sync.WaitGroup
	var stuck atomic.Int32
	for range 8 {
		crowd.Go(func() {
			for i := range queue {
				if err := do(i); err != nil {
					stuck.Add(1)
					f.t.Errorf("%s: %v", f.people[i].key, err)
				}
			}
		})
	}
	for i := range f.people {
		if before(i); who(i) {
			queue <- i
		}
	}
	close(queue)
	crowd.Wait()
	if stuck.Load() > 0 {
		f.t.FailNow()
	}
}

func (f *fielded) twentyTimes(i int, path string, form url.Values) error {
	failed := make([]error, 20)
	var fingers sync.WaitGroup
	for n := range failed {
		fingers.Go(func() {
			status, location, body, err := f.respondent(i).send(f.t.Context(), http.MethodPost, path, form)
			if err != nil || status != http.StatusSeeOther || !strings.Contains(location, "/thanks") {
				failed[n] = fmt.Errorf("post %d: status %d, %w: %.200s", n, status, err, readable(body))
			}
		})
	}
	fingers.Wait()
	return errors.Join(failed...)
}

// decline has three people want no mail: by the button of their mail program, and by the page. A mail comes back.
func (f *fielded) decline() {
	f.t.Helper()
	for i, m := range f.people {
		if !declines(i) {
			continue
		}
		path, form := strings.Replace(f.links[m.address], "/s/", "/u/", 1), url.Values{"List-Unsubscribe": {"One-Click"}}
		r := f.respondent(i)
		if i == 4 {
			status, _, body, err := r.send(f.t.Context(), http.MethodGet, path, nil)
			if err != nil || status != http.StatusOK {
				f.t.Fatalf("the page to decline: status %d, %v", status, err)
			}
			form = f.desk.form(body, path)
		}
		if status, _, body, err := r.send(f.t.Context(), http.MethodPost, path, form); err != nil || status != http.StatusOK {
			f.t.Errorf("declined: status %d, %v: %s", status, err, readable(body))
		}
	}
	address := f.desk.upload("/people/bounces", "bounces.csv", "address,status,reason\n"+f.people[bouncedOne].address+",5.1.1,mailbox unknown\n")
	f.desk.step(address, address, nil)
}

// remind writes to those who have not finished, and to nobody else. Three of them finish.
func (f *fielded) remind() {
	f.t.Helper()
	before := f.office.count()
	f.desk.step(f.path("/fieldwork"), f.path("/fieldwork/mailing"), func(v url.Values) { v.Set("kind", string(survey.ReminderLetter)) })
	mailing := f.mailed(survey.ReminderLetter)
	reminded := byAddress(f.office.mails(before))
	want := 0
	for i, m := range f.people {
		got := reminded[m.address]
		if finishes(i) || declines(i) || i == refusedOne || i == bouncedOne {
			if len(got) != 0 {
				f.t.Errorf("%s got a reminder that is not for her", m.address)
			}
			continue
		}
		want++
		if len(got) != 1 || got[0].link != f.links[m.address] {
			f.t.Errorf("%s got %d reminders: %v", m.address, len(got), got)
			continue
		}
		f.read(got[0], m, map[string]string{"en": "Reminder: ", "pl": "Przypomnienie: "})
	}
	if mailing.Sent != want || mailing.Failed != 0 {
		f.t.Errorf("the reminder is noted as %+v, want %d sent", mailing, want)
	}
	f.atOnce(comesBack, func(int) {}, func(i int) error {
		w := &walk{}
		if err := f.respondent(i).follow(f.t.Context(), f.links[f.people[i].address], f.q, w); err != nil {
			return err
		}
		if w.picked != "" {
			return fmt.Errorf("she was asked again what she had answered before she left: %s", w.picked)
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		f.picked[i] = f.begun[i]
		return nil
	})
}

// closeWave ends the wave while somebody fills in a page. What she typed comes back to her.
func (f *fielded) closeWave() {
	f.t.Helper()
	r, w, link := f.respondent(lateOne), &walk{leave: 4}, f.links[f.people[lateOne].address]
	if err := r.follow(f.t.Context(), link, f.q, w); err != nil {
		f.t.Fatal(err)
	}
	_, _, body, err := r.send(f.t.Context(), http.MethodGet, w.next, nil)
	if err != nil {
		f.t.Fatal(err)
	}
	form := hidden(body)
	form.Set("_act", "next")
	r.fill(form, f.q, 5)
	if form.Get("comment") == "" {
		f.t.Fatalf("no comment is asked for on %s", strings.TrimPrefix(w.next, link))
	}
	f.desk.step(f.path("/fieldwork"), f.path("/fieldwork/close"), nil)
	status, _, body, err := r.send(f.t.Context(), http.MethodPost, w.next, form)
	if err != nil || status != http.StatusGone || !strings.Contains(body, r.comment) {
		f.t.Errorf("after the close: status %d, %v, and what she typed is there: %v\n%s", status, err, strings.Contains(body, r.comment), readable(body))
	}
	counts, err := f.db.Counts(f.t.Context(), f.wave)
	if err != nil || counts.Complete != len(f.picked) || counts.Counted != len(f.picked) {
		f.t.Errorf("%d people finished; the database has %+v, %v", len(f.picked), counts, err)
	}
}

// invitations are those of the wave as the database has them.
func (f *fielded) invitations() []store.InvitedPerson {
	f.t.Helper()
	all, _, err := f.db.Invitations(f.t.Context(), survey.DefaultOrganisation, f.wave, store.InvitationQuery{})
	if err != nil {
		f.t.Fatal(err)
	}
	return all
}

// countedPage returns the page about the fieldwork, which says how many answers are complete and how many of them
// are in the results, once no step comes in between.
func (f *fielded) countedPage() string {
	f.t.Helper()
	for {
		before, err := f.db.Counts(f.t.Context(), f.wave)
		if err != nil {
			f.t.Fatal(err)
		}
		page := f.desk.look(f.path("/fieldwork"))
		after, err := f.db.Counts(f.t.Context(), f.wave)
		if err != nil {
			f.t.Fatal(err)
		}
		if after.Counted != before.Counted {
			continue
		}
		if before.Complete != len(f.picked) {
			f.t.Errorf("%d people finished, and the database has %d", len(f.picked), before.Complete)
		}
		f.says(page, fmt.Sprintf("%d answers are complete; %d are in the results.", before.Complete, before.Counted))
		return page.body
	}
}

var (
	countOf = regexp.MustCompile(`(?s)<dt>([^<]*)</dt><dd[^>]*>(?:<a[^>]*>)?([\d\s\x{a0},.]+)`)
	rateRow = regexp.MustCompile(`(?s)<tr><th scope="row">([^<]*)</th><td>(?:<meter[^>]*></meter>)?</td><td class="n">(.*?)</td></tr>`)
	rateOf  = regexp.MustCompile(`<small>(\d+)/(\d+)</small>`)
)

// progressPage holds the figures of the page about the fieldwork to the database, and both to what people did.
func (f *fielded) progressPage(life string) {
	f.t.Helper()
	page := f.countedPage()
	shown := map[string]int{}
	for _, m := range countOf.FindAllStringSubmatch(page, -1) {
		n, err := strconv.Atoi(strings.Map(func(r rune) rune {
			if r < '0' || r > '9' {
				return -1
			}
			return r
		}, m[2]))
		if err != nil {
			f.t.Fatalf("%s is %q", m[1], m[2])
		}
		shown[m[1]] = n
	}
	stored := map[string]int{}
	type group struct{ invited, finished int }
	groups := map[survey.ItemCode]map[survey.OptionCode]group{}
	for _, i := range f.invitations() {
		for name, is := range map[string]bool{
			"Invited": true, "Sent": i.Invited != nil, "Started": i.Started, "Finished": i.Finished, "Not delivered": i.Failed != "", "Want no mail": i.Unsubscribed,
		} {
			if is {
				stored[name]++
			}
		}
		for code, value := range i.Attributes {
			if groups[code] == nil {
				groups[code] = map[survey.OptionCode]group{}
			}
			g := groups[code][value]
			if g.invited++; i.Finished {
				g.finished++
			}
			groups[code][value] = g
		}
	}
	begun := len(f.picked)
	for i := range f.people {
		if _, finished := f.picked[i]; stops(i) && !finished || i == lateOne && life == "closed" {
			begun++
		}
	}
	did := map[string]int{"Invited": invitedPeople, "Sent": invitedPeople - 1, "Started": begun, "Finished": len(f.picked), "Not delivered": 2, "Want no mail": 3}
	if !maps.Equal(shown, stored) || !maps.Equal(stored, did) {
		f.t.Errorf("%s: the page says %v, the database %v, and people did %v", life, shown, stored, did)
	}
	wave, err := f.db.Wave(f.t.Context(), survey.DefaultOrganisation, f.wave)
	if err != nil || len(wave.Segments) != 2 {
		f.t.Fatalf("the wave reports %+v, %v", wave.Segments, err)
	}
	rows := map[string]string{}
	for _, row := range rateRow.FindAllStringSubmatch(page, -1) {
		rows[html.UnescapeString(row[1])] = row[2]
	}
	told := 0
	for _, segment := range wave.Segments {
		hidden := 0
		for _, value := range segment.Values {
			g, row := groups[segment.Code][value.Code], rows[value.Text.In("en")]
			figures := rateOf.FindStringSubmatch(row)
			switch {
			case figures == nil && !strings.Contains(row, "withheld"):
				f.t.Errorf("nothing is said of %s: %q", value.Text.In("en"), row)
			case figures == nil:
				hidden += g.finished
			case figures[1] != strconv.Itoa(g.finished) || figures[2] != strconv.Itoa(g.invited):
				f.t.Errorf("of %s the page says %v, the database %+v", value.Text.In("en"), figures, g)
			case g.finished < smallest:
				f.t.Errorf("the page tells that %d people of %s finished", g.finished, value.Text.In("en"))
			default:
				told++
			}
		}
		if hidden > 0 && hidden < smallest {
			f.t.Errorf("subtraction tells that %d people of hidden groups by %s finished", hidden, segment.Code)
		}
	}
	if told < 3 {
		f.t.Errorf("only %d groups are told: %v", told, rows)
	}
}

// results looks at the comparison with customers, of everybody and of each group.
func (f *fielded) results() {
	f.t.Helper()
	query := fmt.Sprintf("external=%d&internal=%d&item=expectations", f.external, f.wave)
	f.says(f.desk.look("/divergence?"+query), fmt.Sprintf("%d", len(f.picked)))
	whole := parseComparison(f.t, f.desk.look("/divergence/findings.json?"+query).body)
	if whole.Internal.N != len(f.picked) || len(whole.Items) == 0 {
		f.t.Errorf("results are of %d people and %d items, want %d people", whole.Internal.N, len(whole.Items), len(f.picked))
	}
	count := map[string]int{}
	attributes := map[string]map[string]int{}
	for row, err := range f.db.Answers(f.t.Context(), f.wave, store.Mark{}) {
		if err != nil {
			f.t.Fatal(err)
		}
		answers, err := f.q.ParseAnswers(row.Answers)
		if err != nil {
			f.t.Fatal(err)
		}
		for _, code := range answers.Form()["expectations"] {
			count[code]++
		}
		var said map[string]string
		if len(row.Attributes) > 0 {
			if err := json.Unmarshal(row.Attributes, &said); err != nil {
				f.t.Fatal(err)
			}
		}
		for code, value := range said {
			if attributes[code] == nil {
				attributes[code] = map[string]int{}
			}
			attributes[code][value]++
		}
	}
	for _, e := range whole.Internal.Ranking {
		if e.Count != count[e.Code] {
			f.t.Errorf("%s was picked by %d, results say %d", e.Code, count[e.Code], e.Count)
		}
	}
	wave, err := f.db.Wave(f.t.Context(), survey.DefaultOrganisation, f.wave)
	if err != nil {
		f.t.Fatal(err)
	}
	shown, withheld := 0, 0
	for _, segment := range wave.Segments {
		hidden := 0
		for _, value := range segment.Values {
			part := query + "&segment=" + url.QueryEscape(fmt.Sprintf("internal:%s:%s", segment.Code, value.Code))
			there := attributes[string(segment.Code)][string(value.Code)]
			got := f.desk.do(http.MethodGet, "/divergence/findings.json?"+part, "", nil)
			page := f.desk.look("/divergence?" + part)
			if c := parseComparison(f.t, got.body); got.status == http.StatusOK && c.Internal.N > 0 {
				shown++
				if there < smallest || c.Internal.N != there {
					f.t.Errorf("%s %s has %d people, and results of %d are shown", segment.Code, value.Text.In("en"), there, c.Internal.N)
				}
				continue
			}
			withheld++
			hidden += there
			if strings.Contains(page.body, "data-option") || !strings.Contains(strings.ToLower(readable(page.body)), "withheld") {
				f.t.Errorf("%s is withheld, and the page says:\n%s", value.Text.In("en"), readable(page.body))
			}
		}
		if hidden > 0 && hidden < smallest {
			f.t.Errorf("subtraction tells of %d people who are withheld by %s", hidden, segment.Code)
		}
	}
	f.t.Logf("%d groups are shown, %d withheld, of %v", shown, withheld, attributes)
	if shown < 2 || withheld < 2 {
		f.t.Errorf("%d groups are shown and %d withheld, of %v", shown, withheld, attributes)
	}
}

// export takes the answers out: those that are complete, and nothing of who gave them.
func (f *fielded) export(want int) {
	f.t.Helper()
	text := f.desk.look(f.path("/answers.csv")).body
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(text, "\uFEFF"))).ReadAll()
	if err != nil {
		f.t.Fatal(err)
	}
	at := slices.Index(rows[0], "expectations")
	if at < 0 || len(rows)-1 != want {
		f.t.Fatalf("%d answers in columns %v, want %d", len(rows)-1, rows[0], want)
	}
	for _, column := range []string{"respondent", "weight", "panel_department", "location", "department", "comment"} {
		if i := slices.Index(rows[0], column); i >= 0 && slices.ContainsFunc(rows[1:], func(row []string) bool { return row[i] != rows[1][i] || row[i] != "" && row[i] != "1" }) {
			f.t.Errorf("the export tells %s", column) // and not the weight of everybody
		}
	}
	exported := map[string]int{}
	for _, row := range rows[1:] {
		picked := strings.Split(row[at], ";")
		slices.Sort(picked)
		exported[strings.Join(picked, ";")]++
	}
	missing := 0
	for _, picked := range f.picked {
		if exported[picked]--; exported[picked] < 0 {
			missing++
		}
	}
	if erased := len(f.picked) - want; missing != erased {
		f.t.Errorf("%d answers are not in the export, want %d", missing, erased)
	}
	private := []string{"Zofia", "Wanda", "Wyjątkowa", "@", "What person", "E-0", "survey.example.org"}
	for _, link := range f.links {
		private = append(private, strings.TrimPrefix(link, "/s/"))
	}
	for _, i := range f.invitations() {
		private = append(private, string(i.ID))
	}
	for _, word := range private {
		if strings.Contains(text, word) {
			f.t.Errorf("the export holds %q", word)
		}
	}
	if moment := regexp.MustCompile(`\d\d:\d\d|20\d\d-\d\d`).FindString(text); moment != "" {
		f.t.Errorf("the export holds the time %q", moment)
	}
}

// erase takes one person out of everything, and looks for what is left of her.
func (f *fielded) erase() {
	f.t.Helper()
	she := f.people[erasedOne]
	traces := []string{"Wyjątkowa", "wyjatkowa", she.address, she.key}
	before := wholeDatabase(f.t, f.engine, f.dsn)
	for _, trace := range traces {
		if !strings.Contains(before, trace) {
			f.t.Errorf("%q was not in the database before: the search finds nothing", trace)
		}
	}
	found, _, err := f.db.People(f.t.Context(), survey.DefaultOrganisation, store.PeopleQuery{Text: "Wyjatkowa"})
	if err != nil || len(found) != 1 {
		f.t.Fatalf("%d people of her name, %v", len(found), err)
	}
	address := fmt.Sprintf("/people/%d/erase", found[0].ID)
	receipt := f.desk.step(address, address, func(v url.Values) { v.Set("sure", "yes"); v.Set("by", "Data protection officer") })
	text := f.desk.look(receipt + "/text").body
	f.says(f.desk.look(receipt), "Data protection officer")
	responses, left := 0, len(f.picked)
	if f.mode == survey.Confidential {
		responses, left = 1, left-1
	}
	for _, line := range []string{"1  entries in the list of people", "1  invitations: name, link, access code", "1  mails, sent or waiting", fmt.Sprintf("%d  responses", responses)} {
		if !strings.Contains(text, line) {
			f.t.Errorf("the receipt does not say %q:\n%s", line, text)
		}
	}
	after := wholeDatabase(f.t, f.engine, f.dsn)
	for _, trace := range traces {
		for line := range strings.Lines(after) {
			if strings.Contains(line, trace) {
				f.t.Errorf("after the erasure %q is left: %.200s", trace, line)
			}
		}
		if strings.Contains(text, trace) {
			f.t.Errorf("the receipt holds %q", trace)
		}
	}
	if f.engine == "sqlite" {
		for _, suffix := range []string{"", "-wal"} {
			content, err := os.ReadFile(f.dsn + suffix)
			if err != nil && suffix == "" {
				f.t.Fatal(err)
			}
			for _, trace := range traces {
				if strings.Contains(string(content), trace) {
					f.t.Errorf("after the erasure %q is left in the file%s", trace, suffix)
				}
			}
		}
	}
	if status, _, body, err := f.respondent(erasedOne).send(f.t.Context(), http.MethodGet, f.links[she.address], nil); err != nil || status != http.StatusNotFound {
		f.t.Errorf("her link leads to status %d, %v: %s", status, err, readable(body))
	}
	counts, err := f.db.Counts(f.t.Context(), f.wave)
	if err != nil || counts.Complete != left {
		f.t.Errorf("%d answers are left, want %d: %v", counts.Complete, left, err)
	}
	f.export(left)
}

// logged looks for people in what the programs have logged.
func (f *fielded) logged() {
	f.t.Helper()
	for _, log := range f.logs {
		text := log.String()
		if !strings.Contains(text, "listening") {
			f.t.Error("nothing was logged: the search finds nothing")
		}
		private := []string{"Zofia", "zofia", "Wyj", "people.example.org", "What person", "level=ERROR", "panic"}
		for _, link := range f.links {
			private = append(private, strings.TrimPrefix(link, "/s/"))
		}
		for line := range strings.Lines(text) {
			for _, word := range private {
				if strings.Contains(line, word) {
					f.t.Errorf("the log holds %q: %.300s", word, line)
				}
			}
		}
	}
}

// peak ends the program and returns how much memory it took at most, in MiB.
func (f *fielded) peak() int64 {
	f.t.Helper()
	f.server.kill()
	used, ok := f.server.command.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		f.t.Fatal("the system does not say how much memory a program took")
	}
	return used.Maxrss >> 10
}
