package main

import (
	"encoding/csv"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"cxmirror/pkg/store"
	"cxmirror/pkg/survey"
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
	f.start()
	f.desk = newDesk(f.t, f.host, signedIn(f.t, f.host, f.server.stdout))
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
	if claimed := f.claimed(); claimed != 0 {
		f.t.Errorf("the program that was asked to stop did not give %d mails back", claimed)
	}
	f.start()
	f.await(func() bool { return f.office.count() >= 300 }, "300 mails")
	f.server.kill()
	killed := f.office.count()
	if killed >= invitedPeople-1 {
		f.t.Errorf("all %d mails were out when the program was killed", killed)
	}
	claimed := f.claimed() // they go on by themselves
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
	f.t.Logf("%d mails at the stop, %d when it was killed with %d claimed, %d sent twice", len(stopped), killed, claimed, again)
	links := slices.Compact(slices.Sorted(maps.Values(f.links)))
	if len(links) != invitedPeople-1 {
		f.t.Errorf("%d people have %d links", invitedPeople-1, len(links))
	}
}

// claimed returns how many mails programs have claimed.
func (f *fielded) claimed() int {
	f.t.Helper()
	return len(rowsOf(f.t, behind(f.t, f.engine, f.dsn), "SELECT id FROM mails WHERE sender_id IS NOT NULL"))
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
		mailings, err := f.db.Mailings(f.t.Context(), survey.DefaultOrganisation, f.wave)
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
