package web

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"cxmirror/pkg/fieldwork"
	"cxmirror/pkg/store"
	"cxmirror/pkg/store/storetest"
	"cxmirror/pkg/survey"
	"cxmirror/pkg/tally"
)

// launchField is a server whose mails go to a folder, with a panel and a draft.
type launchField struct {
	*field

	mailer *fieldwork.Mailer
	outbox string
	draft  survey.Wave
}

// newLaunch is a server on a database with a panel: 30 people in IT, 25 in HR, 3 in Legal and 2 in Audit, half of them
// readers of Polish. One of IT has no address.
func newLaunch(t *testing.T, db *store.Store, change func(*survey.Wave)) (*launchField, *person) {
	t.Helper()
	f := &launchField{field: &field{store: db, moment: noon, log: &lockedBuffer{}}, outbox: filepath.Join(t.TempDir(), "outbox")}
	engine, err := testEngine()
	if err != nil {
		t.Fatal(err)
	}
	writer, err := testWriter()
	if err != nil {
		t.Fatal(err)
	}
	secret, err := fieldwork.NewSecret([]byte(strings.Repeat("of a test ", 4)))
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(f.log, nil))
	service, err := fieldwork.New(fieldwork.Options{Store: db, Secret: secret, Log: log, Now: f.now, Random: rand.Reader, Mails: true})
	if err != nil {
		t.Fatal(err)
	}
	folder, err := fieldwork.ParseServer("folder:" + f.outbox + "?from=CX+%3Ccx@example.com%3E")
	if err != nil {
		t.Fatal(err)
	}
	stationery, err := fieldwork.NewStationery()
	if err != nil {
		t.Fatal(err)
	}
	f.mailer, err = fieldwork.NewMailer(fieldwork.MailerOptions{
		Outbox: db, Servers: []fieldwork.Server{folder}, Stationery: stationery, Base: "https://survey.example.com", Token: secret.Token,
		Now: f.now, Random: rand.Reader, Log: log,
	})
	if err != nil {
		t.Fatal(err)
	}
	f.server, err = New(Options{
		Access: testAccess(t, db, f.now, nil),
		Store:  db, Fieldwork: service, Mailer: f.mailer, Outbox: f.outbox, BaseURL: "https://survey.example.com",
		Waves:  tally.NewWaves(&fromStore{db, newFielded(db, f.now)}, 1<<24),
		Engine: engine, Reports: writer, Log: log, Now: f.now, Random: rand.Reader, Version: "test",
	})
	if err != nil {
		t.Fatal(err)
	}
	f.server.pages.executed = executedTemplates.add
	f.http = httptest.NewServer(f.asOwner(t))
	t.Cleanup(f.http.Close)
	t.Cleanup(func() {
		for line := range strings.Lines(f.log.String()) {
			if t.Failed() && strings.Contains(line, "level=ERROR") {
				t.Log(line)
			}
		}
	})
	f.people(t)
	w := survey.Wave{
		Name: "Employees, spring", Audience: survey.Internal, Slug: "employees", State: survey.WaveDraft, Threshold: 5, Comments: 5,
		Mode: survey.Confidential, OpenLink: true, OncePer: true,
		Promise: survey.Promise{Asker: survey.Words{"en": "Example Ltd, HR"}, Purpose: survey.Words{"en": "To serve you better"}, Minutes: 4},
	}
	if change != nil {
		change(&w)
	}
	f.draft = f.addWave(t, "internal-expectations", w)
	return f, f.person(t)
}

func (f *launchField) people(t *testing.T) {
	t.Helper()
	var people []survey.Person
	for _, group := range []struct {
		name string
		n    int
	}{{"IT", 30}, {"HR", 25}, {"Legal", 3}, {"Audit", 2}} {
		for i := range group.n {
			p := survey.Person{
				Organisation: survey.DefaultOrganisation, Key: fmt.Sprintf("%s-%d", group.name, i), Name: fmt.Sprintf("Anna %s %d", group.name, i), Active: true,
				Address: fmt.Sprintf("%s.%d@example.com", strings.ToLower(group.name), i), Language: "en", Attributes: map[string]string{"unit": group.name},
			}
			if i%2 == 1 {
				p.Language = "pl"
			}
			if group.name == "IT" && i == 0 {
				p.Address = ""
			}
			people = append(people, p)
		}
	}
	all := func(yield func(survey.Person, error) bool) {
		for i := range people {
			if !yield(people[i], nil) {
				return
			}
		}
	}
	if _, err := f.store.ImportPeople(t.Context(), survey.DefaultOrganisation, all, store.ImportOptions{}); err != nil {
		t.Fatal(err)
	}
}

// path is an address of the draft.
func (f *launchField) path(rest string) string { return fmt.Sprintf("/waves/%d%s", f.draft.ID, rest) }

var (
	inputOf    = regexp.MustCompile(`<input\b[^>]*>`)
	selectOf   = regexp.MustCompile(`(?s)<select\b[^>]*\bname="([^"]+)"[^>]*>(.*?)</select>`)
	optionOf   = regexp.MustCompile(`<option value="([^"]*)"( selected)?`)
	textareaOf = regexp.MustCompile(`(?s)<textarea\b[^>]*\bname="([^"]+)"[^>]*>(.*?)</textarea>`)
	attribute  = regexp.MustCompile(`\b(name|value|type)="([^"]*)"`)
)

// filled returns the main form of a page as a browser would send it untouched.
func filled(page string) url.Values {
	if at := strings.Index(page, `class="form"`); at >= 0 {
		page = page[at:]
	}
	page, _, _ = strings.Cut(page, "</form>")
	form := url.Values{}
	for _, input := range inputOf.FindAllString(page, -1) {
		a := map[string]string{}
		for _, m := range attribute.FindAllStringSubmatch(input, -1) {
			a[m[1]] = unescaped(m[2])
		}
		if a["name"] == "" || (a["type"] == "radio" || a["type"] == "checkbox") && !strings.Contains(input, " checked") {
			continue
		}
		form.Add(a["name"], a["value"])
	}
	for _, m := range selectOf.FindAllStringSubmatch(page, -1) {
		chosen := ""
		for i, o := range optionOf.FindAllStringSubmatch(m[2], -1) {
			if i == 0 || o[2] != "" {
				chosen = unescaped(o[1])
			}
		}
		form.Add(m[1], chosen)
	}
	for _, m := range textareaOf.FindAllStringSubmatch(page, -1) {
		form.Add(m[1], unescaped(m[2]))
	}
	return form
}

func unescaped(text string) string {
	return strings.NewReplacer("\u00a0", " ", "&#34;", `"`, "&#39;", "'", "&lt;", "<", "&gt;", ">", "&#43;", "+", "&amp;", "&").Replace(text)
}

// step sends a step of the path as it is shown, but for what is changed, and follows to the next.
func (f *launchField) step(t *testing.T, hr *person, step string, change func(url.Values)) {
	t.Helper()
	shown := hr.get(f.path("/launch/" + step))
	if shown.status != 200 {
		t.Fatalf("step %s: status %d\n%s", step, shown.status, shown.body)
	}
	form := filled(shown.body)
	if change != nil {
		change(form)
	}
	got := hr.post(f.path("/launch/"+step), form)
	if got.status != 303 {
		t.Fatalf("step %s: status %d\n%s", step, got.status, wrongWords(got.body))
	}
}

var wrongOf = regexp.MustCompile(`(?s)class="(?:wrong|problem)[^>]*>(.*?)</`)

func wrongWords(page string) string {
	var all []string
	for _, m := range wrongOf.FindAllStringSubmatch(page, -1) {
		all = append(all, unescaped(m[1]))
	}
	if len(all) == 0 {
		return page[:min(len(page), 400)]
	}
	return strings.Join(all, "\n")
}

// mustSay fails the test for what a page does not say.
func mustSay(t *testing.T, a answer, status int, words ...string) {
	t.Helper()
	if a.status != status {
		t.Fatalf("status %d, want %d\n%s", a.status, status, wrongWords(a.body))
	}
	text := unescaped(a.body)
	for _, w := range words {
		if !strings.Contains(text, w) {
			t.Errorf("the page does not say %q:\n%s", w, plainWords(a.body))
		}
	}
}

var tagOf = regexp.MustCompile(`(?s)<script.*?</script>|<[^>]*>`)

// plainWords is a page without its marks, for a message.
func plainWords(page string) string {
	_, page, _ = strings.Cut(page, "<main")
	return strings.Join(strings.Fields(unescaped(tagOf.ReplaceAllString(page, " "))), " ")
}

// send lets the mailer work until so many mails are in the folder.
func (f *launchField) send(t *testing.T, want int) []fieldwork.StoredMail {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	done := make(chan error, 1)
	go func() { done <- f.mailer.Run(ctx) }()
	f.mailer.Wake()
	var mails []fieldwork.StoredMail
	for range 400 {
		var err error
		if mails, err = fieldwork.ReadOutbox(f.outbox); err != nil {
			t.Fatal(err)
		}
		if len(mails) >= want {
			break
		}
		time.Sleep(25 * time.Millisecond)
	}
	time.Sleep(100 * time.Millisecond)
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if len(mails) != want {
		t.Fatalf("%d mails in the folder, want %d\n%s", len(mails), want, f.log.String())
	}
	return mails
}

// HR launches a wave among employees step by step, without script, and sees how it goes: every figure of the page is
// that of the database.
func TestLaunchStepByStep(t *testing.T) {
	t.Parallel()
	for name, open := range storetest.Engines() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			launchStepByStep(t, open(t))
		})
	}
}

func launchStepByStep(t *testing.T, db *store.Store) {
	t.Helper()
	f, hr := newLaunch(t, db, nil)
	if got := hr.get(f.path("/launch")); got.status != 303 || got.location != f.path("/launch/people") {
		t.Fatalf("the path begins with status %d at %s", got.status, got.location)
	}
	mustSay(t, hr.get(f.path("/launch/people")), 200, "60 active people", "Legal", "60 people fit", "59 are invited, 59 of them by e-mail")
	f.step(t, hr, "people", func(v url.Values) { v.Set("paper", "1") })
	f.step(t, hr, "promise", func(v url.Values) {
		if v.Get("place.a.unit") != "1" {
			t.Errorf("the unit is proposed in place %q: %v", v.Get("place.a.unit"), v)
		}
		v.Set("asker.pl", "Dział personalny")
	})
	f.step(t, hr, "letters", func(v url.Values) {
		v.Set("zone", "Europe/Warsaw")
		v.Set("subject.invitation.pl", "Zapraszamy: {survey}")
	})
	check := hr.get(f.path("/launch/check"))
	mustSay(t, check, 200, "Ready to launch", "5 people of 60 are in groups of fewer than 5", "Report as one: Audit + Legal", "One person of 60 has no e-mail address", "On paper")
	merge := formOf(check.body, "/launch/merge")
	if got := hr.post(f.path("/launch/merge"), merge); got.status != 303 {
		t.Fatalf("merge: status %d", got.status)
	}
	check = hr.get(f.path("/launch/check"))
	mustSay(t, check, 200, "Audit + Legal", "Part again")
	if strings.Contains(check.body, "finding-groups_small") {
		t.Error("merged groups are still said to be small")
	}
	mustSay(t, hr.post(f.path("/launch/test"), url.Values{"to": {"hr@example.com"}, "kind": {"invitation"}, "language": {"pl"}}), 200, "Sent to hr@example.com")
	mustSay(t, hr.post(f.path("/launch/test"), url.Values{"to": {"nobody"}, "kind": {"invitation"}, "language": {"pl"}}), 422, "An e-mail address")
	mustSay(t, hr.get(f.path("/launch/confirm")), 200, "Launch now to 60 people", "Confidential", "What is promised from now on")
	if got := hr.post(f.path("/launch/confirm"), url.Values{}); got.status != 303 || !strings.HasPrefix(got.location, f.path("/fieldwork")) {
		t.Fatalf("launch: status %d, to %s\n%s", got.status, got.location, wrongWords(got.body))
	}
	if got := hr.post(f.path("/launch/confirm"), url.Values{}); got.status != 303 { // pressed twice
		t.Errorf("launched again: status %d", got.status)
	}
	mails := f.send(t, 60) // 59 and the test
	if at := slices.IndexFunc(mails, func(m fieldwork.StoredMail) bool { return strings.HasPrefix(m.Subject, "Zapraszamy: ") }); at < 0 {
		t.Error("nobody got the Polish invitation as it was written")
	}
	page := hr.get(f.path("/fieldwork?launched=1"))
	mustSay(t, page, 200, "The wave is launched", "0 % have answered", "Invited", "60", "59", "Anna Audit 0")
	f.answer(t, db, 20)
	if _, err := f.server.fieldwork.Step(t.Context(), survey.DefaultOrganisation, f.draft.ID); err != nil {
		t.Fatal(err)
	}
	counts, err := db.Counts(t.Context(), survey.DefaultOrganisation, f.draft.ID)
	if err != nil || counts.Complete != 20 {
		t.Fatalf("%d are complete, want 20: %v", counts.Complete, err)
	}
	page = hr.get(f.path("/fieldwork"))
	mustSay(t, page, 200, "33 % have answered", "20 answers are complete;", fmt.Sprintf("%d are in the results.", counts.Counted), "Response rate by group", "<svg")
	mustSay(t, hr.get(f.path("/fieldwork?state=finished")), 200, "1 to 20 of 20 people")
	mustSay(t, hr.get(f.path("/fieldwork?state=unfinished&q=legal")), 200, "Anna Legal 2")
	f.afterwards(t, hr, len(mails))
}

// formOf returns the fields of the first form that goes to an address.
func formOf(page, action string) url.Values {
	at := strings.Index(page, action+`"`)
	if at < 0 {
		return url.Values{}
	}
	return filled(page[at:])
}

// answer lets the first n of those invited answer.
func (f *launchField) answer(t *testing.T, db *store.Store, n int) {
	t.Helper()
	invited, _, err := db.Invitations(t.Context(), survey.DefaultOrganisation, f.draft.ID, store.InvitationQuery{})
	if err != nil {
		t.Fatal(err)
	}
	wave, err := db.Wave(t.Context(), survey.DefaultOrganisation, f.draft.ID)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := fieldwork.NewSecret([]byte(strings.Repeat("of a test ", 4)))
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(invited, func(a, b store.InvitedPerson) int { // some of every unit
		return strings.Compare(a.Person.Key[len(a.Person.Key)-1:], b.Person.Key[len(b.Person.Key)-1:])
	})
	invited = slices.DeleteFunc(invited, func(i store.InvitedPerson) bool { return i.Finished })
	for i := range n {
		who, err := f.server.fieldwork.ByToken(t.Context(), secret.Token(invited[i].ID))
		if err != nil {
			t.Fatal(err)
		}
		who.Wave = wave
		at := f.now()
		r := survey.Response{ID: survey.ResponseID(strings.Repeat("0", 16) + string(invited[i].ID[:16])), Language: "en", Answers: []byte(`{"expectations":["speed"]}`), Weight: 1, Started: at}
		if err := f.server.fieldwork.Start(t.Context(), &who, &r); err != nil {
			t.Fatal(err)
		}
		r.Revision, r.Page, r.Completed = r.Revision+1, 1, &at
		if err := f.server.fieldwork.Complete(t.Context(), &who, r); err != nil {
			t.Fatal(err)
		}
	}
}

// afterwards does what can be done about a wave in the field.
func (f *launchField) afterwards(t *testing.T, hr *person, mails int) {
	t.Helper()
	act := func(what string, form url.Values, status int, says ...string) {
		t.Helper()
		got := hr.post(f.path("/fieldwork/"+what), form)
		if got.status != status {
			t.Fatalf("%s %v: status %d, want %d\n%s", what, form, got.status, status, wrongWords(got.body))
		}
		if status != 303 {
			mustSay(t, got, status, says...)
		}
	}
	act("raise", url.Values{"threshold": {"4"}, "comments": {"10"}}, 422, "can be raised, never lowered", `value="4"`)
	act("raise", url.Values{"threshold": {"7"}, "comments": {"12"}}, 303)
	act("raise", url.Values{"threshold": {"7"}, "comments": {"11"}}, 422, "can be raised, never lowered")
	act("extend", url.Values{"closes": {"2020-01-01T10:00"}}, 422, "That moment has passed", `value="2020-01-01T10:00"`)
	act("extend", url.Values{"closes": {"2027-04-30T18:00"}}, 303)
	act("mailing", url.Values{"kind": {"reminder"}, "at": {"not a time"}}, 422, "Give a date and a time")
	act("mailing", url.Values{"kind": {"reminder"}, "at": {"2027-06-01T10:00"}}, 422, "The wave is closed by then")
	act("mailing", url.Values{"kind": {"reminder"}, "at": {"2027-04-02T10:00"}}, 303)
	wave, err := f.store.Wave(t.Context(), survey.DefaultOrganisation, f.draft.ID)
	if err != nil || wave.Threshold != 7 || wave.Comments != 12 || wave.Closes == nil || !wave.Closes.Equal(time.Date(2027, 4, 30, 16, 0, 0, 0, time.UTC)) {
		t.Errorf("the wave is %+v, %v", wave, err)
	}
	mailings, err := f.store.Mailings(t.Context(), survey.DefaultOrganisation, f.draft.ID)
	if err != nil || len(mailings) != 4 {
		t.Fatalf("%d mailings, %v; want the invitation, two reminders, and one more", len(mailings), err)
	}
	last := mailings[len(mailings)-1]
	act("cancel", url.Values{"mailing": {strconv.FormatInt(int64(last.ID), 10)}}, 303)
	act("cancel", url.Values{"mailing": {strconv.FormatInt(int64(last.ID), 10)}}, 422, "The mailing is done already")
	act("cancel", url.Values{"mailing": {"4711"}}, 404)
	unfinished, _, err := f.store.Invitations(t.Context(), survey.DefaultOrganisation, f.draft.ID, store.InvitationQuery{State: store.InvitedOnly})
	if err != nil {
		t.Fatal(err)
	}
	act("resend", url.Values{"invitation": {string(unfinished[0].ID)}}, 303)
	act("resend", url.Values{"invitation": {string(unfinished[0].ID)}}, 422, "No mail can go to this person now")
	act("resend", url.Values{"invitation": {strings.Repeat("0", 32)}}, 404)
	again := f.send(t, mails+1)
	if again[0].To == "" {
		t.Error("the mail that was sent again goes to nobody")
	}
	f.papers(t, hr)
	mustSay(t, hr.get("/outbox"), 200, again[0].Subject, fmt.Sprintf("%d mails", len(again)))
	mustSay(t, hr.get("/outbox?page=2"), 200, "Earlier")
	mustSay(t, hr.get("/outbox/"+again[0].Name), 200, "As text", "sandbox", again[0].To)
	letter := hr.get("/outbox/" + again[0].Name + "/letter")
	mustSay(t, letter, 200, "https://survey.example.com/s/")
	if policy := letter.header.Get("Content-Security-Policy"); !strings.Contains(policy, "sandbox") || strings.Contains(policy, "script-src") {
		t.Errorf("a mail is shown under %q", policy)
	}
	f.hidesNotices(t, hr, len(again))
	mustSay(t, hr.get("/outbox/../../secret.eml"), 404)
	mustSay(t, hr.get("/outbox/nothing.eml"), 404)
	shown := hr.get(f.path("/letters"))
	mustSay(t, shown, 200, "Zapraszamy: {survey}")
	form := filled(shown.body)
	form.Set("text.reminder.en", "No link here, {nobody}.")
	mustSay(t, hr.post(f.path("/letters"), form), 422, "Nothing is saved yet", "{link} is missing", "No link here")
	form.Set("text.reminder.en", "Dear {name},\n\n{link}\n\nThank you!")
	if got := hr.post(f.path("/letters"), form); got.status != 303 {
		t.Errorf("letters: status %d\n%s", got.status, wrongWords(got.body))
	}
	mustSay(t, hr.get(f.path("/letters/reminder/en")), 200, "Dear Alex Morgan")
	mustSay(t, hr.get(f.path("/letters/reminder/en?as=text")), 200, "<pre>", "Dear Alex Morgan")
	act("close", url.Values{}, 303)
	mustSay(t, hr.get(f.path("/fieldwork?closed=1")), 200, "The wave is closed", "Open again")
	act("mailing", url.Values{"kind": {"reminder"}}, 422, "takes no answers any more")
	act("reopen", url.Values{"closes": {"2027-05-01T10:00"}}, 303)
	mustSay(t, hr.get(f.path("/fieldwork")), 200, "Close early")
	if got := hr.get(f.path("/launch/people")); got.status != 303 || got.location != f.path("/fieldwork") {
		t.Errorf("the path of a wave that is launched: status %d at %s", got.status, got.location)
	}
}

// hidesNotices looks whether mails about accounts stay out of the outbox, in which who launches waves would find links
// that sign in as its owner.
func (f *launchField) hidesNotices(t *testing.T, hr *person, letters int) {
	t.Helper()
	err := f.mailer.Notify(t.Context(), fieldwork.Notice{
		Address: "owner@example.com", Subject: "Another password", Text: "https://survey.example.com/reset/secret", HTML: "<p>secret</p>",
	})
	if err != nil {
		t.Fatal(err)
	}
	mails, err := fieldwork.ReadOutbox(f.outbox)
	at := slices.IndexFunc(mails, func(m fieldwork.StoredMail) bool { return m.Notice })
	if err != nil || len(mails) != letters+1 || at < 0 {
		t.Fatalf("the folder has %d mails, %v; want %d letters and a notice", len(mails), err, letters)
	}
	page := hr.get("/outbox")
	mustSay(t, page, 200, fmt.Sprintf("%d mails", letters), "are not shown here")
	if strings.Contains(page.body, "Another password") || strings.Contains(page.body, mails[at].Name) {
		t.Error("the outbox lists a mail about an account")
	}
	mustSay(t, hr.get("/outbox/"+mails[at].Name), 404)
	mustSay(t, hr.get("/outbox/"+mails[at].Name+"/letter"), 404)
}

// papers prints what is handed out.
func (f *launchField) papers(t *testing.T, hr *person) {
	t.Helper()
	if got := hr.get(f.path("/codes.pdf?all=1")); got.status != 200 || !strings.HasPrefix(got.body, "%PDF") {
		t.Errorf("codes for all: status %d, %.20q", got.status, got.body)
	}
	for _, address := range []string{"/codes.pdf", "/codes.pdf?all=1&part=2"} { // mail reaches them all, and there are few
		mustSay(t, hr.get(f.path(address)), 409, "There is nobody whom this sheet would be for")
	}
	if got := hr.get(f.path("/poster.pdf")); got.status != 404 {
		t.Errorf("the poster of a wave without an open link: status %d", got.status)
	}
}

// Of an anonymous wave it is shown who has finished and how many answers wait sealed; who opened the mail only where
// that was said.
func TestLaunchAnonymous(t *testing.T) {
	t.Parallel()
	f, hr := newLaunch(t, storetest.Open(t, storetest.SQLite(t)), func(w *survey.Wave) { w.Mode, w.Tracks = survey.Anonymous, true })
	for _, step := range []string{"people", "promise", "letters"} {
		f.step(t, hr, step, nil)
	}
	mustSay(t, hr.get(f.path("/launch/check")), 200, "It is noted who opens the invitation")
	mustSay(t, hr.get(f.path("/launch/confirm")), 200, "Anonymous")
	if got := hr.post(f.path("/launch/confirm"), url.Values{}); got.status != 303 {
		t.Fatalf("launch: status %d\n%s", got.status, wrongWords(got.body))
	}
	f.send(t, 59)
	f.answer(t, f.store, 6)
	page := hr.get(f.path("/fieldwork"))
	mustSay(t, page, 200, "10 % have answered", "6 answers are complete; 0 are in the results. The other 6 join", "they are sealed", "What they answered is not known to anybody", "Opened")
	_, rates, _ := strings.Cut(plainWords(page.body), "Response rate by group")
	rates, _, _ = strings.Cut(rates, "Withheld is where")
	if strings.Contains(rates, "%") || strings.Count(rates, "withheld") < 3 {
		t.Errorf("rates of groups of whom fewer than five have finished: %s", rates)
	}
	if got := hr.post(f.path("/fieldwork/close"), url.Values{}); got.status != 303 {
		t.Fatalf("close: status %d", got.status)
	}
	mustSay(t, hr.get(f.path("/fieldwork")), 200, "6 answers are complete; 6 are in the results.")
	mustSay(t, hr.get(f.path("/import")), 200, "It takes answers from them alone")
	mustSay(t, hr.post(f.path("/import"), url.Values{"map": {""}}), 409, "It takes answers from them alone")
	got := hr.post(f.path("/edit"), func() url.Values {
		form := filled(hr.get(f.path("/edit")).body)
		form.Set("kept.en", "Everything, with your name.")
		return form
	}())
	mustSay(t, got, 409, "This was promised at the launch and cannot be taken back", "Everything, with your name.")
}

// Mails that quiet hours hold back say until when, before the launch and after it.
func TestLaunchInQuietHours(t *testing.T) {
	t.Parallel()
	f, hr := newLaunch(t, storetest.Open(t, storetest.SQLite(t)), nil)
	hour := f.server.now().UTC().Hour()
	f.step(t, hr, "people", nil)
	f.step(t, hr, "promise", nil)
	f.step(t, hr, "letters", func(v url.Values) {
		v.Set("zone", "UTC")
		v.Set("quiet_from", strconv.Itoa(hour))
		v.Set("quiet_until", strconv.Itoa((hour+3)%24))
	})
	end := f.server.now().UTC().Truncate(time.Hour).Add(3 * time.Hour).Format("2006-01-02 15:04 MST")
	mustSay(t, hr.get(f.path("/launch/confirm")), 200, "at once: quiet hours, mails go out from "+end)
	if got := hr.post(f.path("/launch/confirm"), url.Values{}); got.status != 303 {
		t.Fatalf("launch: status %d\n%s", got.status, wrongWords(got.body))
	}
	mustSay(t, hr.get(f.path("/fieldwork")), 200, "quiet hours, mails go out from "+end)
	if got := hr.post(f.path("/fieldwork/mailing"), url.Values{"kind": {"postcard"}}); got.status != 422 {
		t.Errorf("a mailing of a kind that there is not: status %d", got.status)
	}
}

// A wave for whoever has the link is launched without people, and has a poster.
func TestLaunchOpenLink(t *testing.T) {
	t.Parallel()
	f, hr := newLaunch(t, storetest.Open(t, storetest.SQLite(t)), nil)
	f.step(t, hr, "people", func(v url.Values) {
		v.Set("whom", "open")
		v.Set("open_link", "1")
		v.Set("kiosk", "1")
	})
	f.step(t, hr, "promise", func(v url.Values) { v.Set("threshold", "4") })
	mustSay(t, hr.get(f.path("/launch/letters")), 200, "No letters are written")
	f.step(t, hr, "letters", nil)
	mustSay(t, hr.get(f.path("/launch/check")), 200, "Among employees 5 is usual")
	mustSay(t, hr.get(f.path("/launch/confirm")), 200, "nobody by name", "Launch now")
	if got := hr.post(f.path("/launch/confirm"), url.Values{}); got.status != 303 {
		t.Fatalf("launch: status %d\n%s", got.status, wrongWords(got.body))
	}
	mustSay(t, hr.get(f.path("/fieldwork")), 200, "Answers: 0", "Poster (PDF)", "/k/employees")
	for _, address := range []string{"/poster.pdf", "/poster.pdf?language=pl&paper=a3"} {
		if got := hr.get(f.path(address)); got.status != 200 || !strings.HasPrefix(got.body, "%PDF") {
			t.Errorf("%s: status %d, %.200q", address, got.status, got.body)
		}
	}
	mustSay(t, hr.get(f.path("/letters")), 200, "No letters belong to this wave")
	mustSay(t, hr.get(f.path("/codes.pdf")), 404)
}

// What is typed wrongly is shown again with the problem beside it, and nothing of it is stored.
func TestLaunchRefuses(t *testing.T) {
	t.Parallel()
	f, hr := newLaunch(t, storetest.Open(t, storetest.SQLite(t)), nil)
	before, err := f.store.Wave(t.Context(), survey.DefaultOrganisation, f.draft.ID)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		step, field, value string
		says               string
	}{
		{"people", "sample", "many", "A whole number from 1"},
		{"people", "seed", "x", "A whole number."},
		{"people", "mail", "", "Nobody could get in"},
		{"promise", "threshold", "0", "A whole number from 1 to 1,000"},
		{"promise", "mode", "secret", "Choose how answers are kept"},
		{"promise", "comments", "2", "At least the smallest group shown"},
		{"promise", "homepage", "javascript:alert(1)", "https:// or http://"},
		{"promise", "erases", "soon", "Give a date and a time"},
		{"promise", "kept.en", strings.Repeat("x", 1001), "At most 1,000 characters"},
		{"letters", "zone", "Mars/Olympus", "no such time zone"},
		{"letters", "closes", "tomorrow", "Give a date and a time"},
		{"letters", "remind.1", "2027-09-01T09:00", "The wave is closed by then"},
		{"letters", "text.invitation.en", "Dear {nobody}", "{nobody} means nothing here"},
	} {
		t.Run(tt.step+" "+tt.field, func(t *testing.T) {
			form := filled(hr.get(f.path("/launch/" + tt.step)).body)
			form.Set(tt.field, tt.value)
			if tt.field == "sample" || tt.field == "seed" {
				form.Set("draw", "some")
			}
			if tt.field == "seed" {
				form.Set("sample", "10")
			}
			got := hr.post(f.path("/launch/"+tt.step), form)
			mustSay(t, got, 422, tt.says)
			if tt.field != "mode" && !strings.Contains(unescaped(got.body), tt.value) {
				t.Errorf("what was typed, %q, is lost", tt.value)
			}
		})
	}
	after, err := f.store.Wave(t.Context(), survey.DefaultOrganisation, f.draft.ID)
	if err != nil || after.Threshold != before.Threshold || after.Mode != before.Mode || after.Promise.Homepage != "" {
		t.Errorf("the draft is %+v, %v", after, err)
	}
}

// A plan that cannot be launched is not, and the check says why in a sentence; foreign and missing waves are not there.
func TestLaunchStops(t *testing.T) {
	t.Parallel()
	f, hr := newLaunch(t, storetest.Open(t, storetest.SQLite(t)), nil)
	f.step(t, hr, "people", func(v url.Values) { v.Set("filter.unit", "Audit") })
	mustSay(t, hr.get(f.path("/launch/check")), 200, "has to be changed before the launch", "2 people are invited, fewer than the smallest group shown (5)", "Check again")
	if got := hr.get(f.path("/launch/confirm")); got.status != 303 || !strings.HasSuffix(got.location, "/launch/check") {
		t.Errorf("the last step: status %d at %s", got.status, got.location)
	}
	mustSay(t, hr.post(f.path("/launch/confirm"), url.Values{}), 409, "Nothing was sent")
	if wave, err := f.store.Wave(t.Context(), survey.DefaultOrganisation, f.draft.ID); err != nil || wave.Launched != nil {
		t.Errorf("it was launched: %v, %v", wave.Launched, err)
	}
	for _, address := range []string{"/waves/99/launch/people", "/waves/99/fieldwork", "/waves/x/launch", "/waves/99/letters", "/waves/99/codes.pdf"} {
		mustSay(t, hr.get(address), 404)
	}
	mustSay(t, hr.get(f.path("/letters/postcard/en")), 404)
	mustSay(t, hr.post(f.path("/launch/merge"), url.Values{"attribute": {"unit"}, "values": {"1,999"}, "name": {"x"}}), 404)
	// A wave of another organisation is not there either.
	other := f.draft
	other.Organisation, other.Slug = 2, "other"
	if err := f.store.CreateWave(t.Context(), &other); err == nil {
		mustSay(t, hr.get(fmt.Sprintf("/waves/%d/launch/people", other.ID)), 404)
	}
}

// Every finding has a sentence in every language of the workbench, without what only programs read.
func TestFindingsAreSaid(t *testing.T) {
	t.Parallel()
	f, hr := newLaunch(t, storetest.Open(t, storetest.SQLite(t)), nil)
	d := drafted{attributes: []survey.Attribute{{Key: "unit", Name: "Unit"}}}
	for _, lang := range f.server.workbench.phrases.Languages() {
		r := room{Lang: lang, phrases: f.server.workbench.phrases}
		for _, key := range fieldwork.FindingKeys() {
			for _, n := range []int{1, 2, 5, 22} {
				line := f.server.findingLine(r, &d, &fieldwork.Finding{
					Key: key, Count: n, Of: 60, Affected: 7, Attribute: "unit", Language: "pl", Letter: survey.ReminderLetter, Text: "Europe/Krakow",
					Wrong: fieldwork.LetterError{Part: "text", Line: n, Problem: fieldwork.LetterPlaceholder, Name: "namn"},
				})
				if line.Text == "" || strings.ContainsAny(line.Text, "[]<>_") {
					t.Errorf("%s: %s is said as %q", lang, key, line.Text)
				}
			}
		}
	}
	for _, lang := range []string{"pl", "ro", "ru"} {
		for _, step := range []string{"people", "promise", "letters", "check", "confirm"} {
			got := hr.get(f.path("/launch/" + step + "?lang=" + lang))
			mustSay(t, got, 200)
			if strings.Contains(got.body, ">[") {
				t.Errorf("%s in %s lacks a phrase", step, lang)
			}
		}
	}
}

// Hostile names stay names on every page of fieldwork.
func TestFieldworkEscapes(t *testing.T) {
	t.Parallel()
	f, hr := newLaunch(t, storetest.Open(t, storetest.SQLite(t)), nil)
	nasty := `<script>alert(1)</script>"'` + strings.Repeat("ż", 150)
	p := survey.Person{
		Organisation: survey.DefaultOrganisation, Key: "nasty", Name: nasty, Address: "nasty@example.com", Active: true,
		Attributes: map[string]string{"unit": "<img src=x onerror=alert(1)>"},
	}
	if err := f.store.SavePerson(t.Context(), &p); err != nil {
		t.Fatal(err)
	}
	for _, step := range []string{"people", "promise", "letters"} {
		f.step(t, hr, step, nil)
	}
	check := hr.get(f.path("/launch/check"))
	mustSay(t, check, 200, "onerror")
	if got := hr.post(f.path("/launch/confirm"), url.Values{}); got.status != 303 {
		t.Fatalf("launch: status %d\n%s", got.status, wrongWords(got.body))
	}
	for _, got := range []answer{check, hr.get(f.path("/fieldwork?q=nasty")), hr.get(f.path("/fieldwork?q=%3Cscript%3E"))} {
		if strings.Contains(got.body, "<script>alert") || strings.Contains(got.body, "<img src=x") {
			t.Errorf("a name runs as a program:\n%s", got.body)
		}
	}
}

// A wave that becomes anonymous is split as was chosen until somebody takes what is proposed.
func TestSplitsAreOffered(t *testing.T) {
	t.Parallel()
	f, hr := newLaunch(t, storetest.Open(t, storetest.SQLite(t)), nil)
	promise := f.path("/launch/promise")
	chosen := func() []string {
		var names []string
		for name, values := range filled(hr.get(promise).body) {
			if strings.HasPrefix(name, "place.") && values[0] != "" {
				names = append(names, name)
			}
		}
		slices.Sort(names)
		return names
	}
	before := chosen()
	save := func(change func(url.Values)) string {
		t.Helper()
		form := filled(hr.get(promise).body)
		change(form)
		got := hr.post(promise, form)
		if got.status != 303 {
			t.Fatalf("status %d\n%s", got.status, wrongWords(got.body))
		}
		return got.location
	}
	anonymous := func(v url.Values) { v.Set("mode", "anonymous") }
	if to := save(anonymous); !strings.HasSuffix(to, "/launch/promise?splits=offer") {
		t.Fatalf("on to %s", to)
	}
	if got := chosen(); len(before) < 2 || !slices.Equal(got, before) {
		t.Errorf("split by %v, and was by %v: nobody has taken anything", got, before)
	}
	mustSay(t, hr.get(promise+"?splits=offer"), 200, "Take the proposal", "your choice stays")
	for _, lang := range []string{"pl", "ro", "ru"} {
		if got := hr.get(promise + "?splits=offer&lang=" + lang); strings.Contains(got.body, ">[") || strings.Contains(got.body, "Take the proposal") {
			t.Errorf("in %s the offer lacks a phrase", lang)
		}
	}
	hr.get(promise + "?lang=en")
	if strings.Contains(hr.get(promise).body, "Take the proposal") {
		t.Error("offered again and again")
	}
	// Who goes on keeps what she chose, and is not asked again.
	if to := save(func(url.Values) {}); !strings.HasSuffix(to, "/launch/letters") || !slices.Equal(chosen(), before) {
		t.Errorf("on to %s, split by %v", to, chosen())
	}
	got := hr.post(promise, url.Values{"splits": {"proposed"}})
	if got.status != 303 || !strings.HasSuffix(got.location, "?splits=taken") {
		t.Fatalf("taken: status %d, on to %s", got.status, got.location)
	}
	after := chosen()
	if len(after) >= len(before) || slices.ContainsFunc(after, func(name string) bool { return !slices.Contains(before, name) }) {
		t.Errorf("split by %v, and was by %v", after, before)
	}
	mustSay(t, hr.get(promise+"?splits=taken"), 200, "The proposal is taken")
	// There is nothing left to offer, and nothing is offered to a wave that is not anonymous.
	if strings.Contains(hr.get(promise+"?splits=offer").body, "Take the proposal") {
		t.Error("what was taken is offered")
	}
	if to := save(func(v url.Values) { v.Set("mode", "confidential") }); !strings.HasSuffix(to, "/launch/letters") {
		t.Errorf("confidential: on to %s", to)
	}
	if got := hr.post(promise, url.Values{"splits": {"proposed"}}); got.status != 303 || strings.HasSuffix(got.location, "taken") {
		t.Errorf("a confidential wave takes a proposal: on to %s", got.location)
	}
}

// The plan is kept as it was chosen, and proposes the same again.
func TestPlanIsKept(t *testing.T) {
	t.Parallel()
	f, hr := newLaunch(t, storetest.Open(t, storetest.SQLite(t)), nil)
	f.step(t, hr, "people", func(v url.Values) {
		v["filter.unit"] = []string{"IT", "HR"}
		v.Set("draw", "some")
		v.Set("sample", "40")
		v.Set("seed", "12345")
	})
	f.step(t, hr, "promise", func(v url.Values) {
		v.Set("mode", "anonymous")
		v.Set("place.a.unit", "")
	})
	form := filled(hr.get(f.path("/launch/people")).body)
	if got := form["filter.unit"]; !slices.Equal(slices.Sorted(slices.Values(got)), []string{"HR", "IT"}) || form.Get("sample") != "40" || form.Get("seed") != "12345" {
		t.Errorf("the choice is %v", form)
	}
	form = filled(hr.get(f.path("/launch/promise")).body)
	if form.Get("mode") != "anonymous" || form.Get("place.a.unit") != "" {
		t.Errorf("the promise is %v", form)
	}
	mustSay(t, hr.get(f.path("/launch/people")), 200, "40 are invited")
	text, err := f.store.Plan(t.Context(), survey.DefaultOrganisation, f.draft.ID)
	var plan fieldwork.Plan
	if err != nil || json.Unmarshal(text, &plan) != nil || plan.Sample != 40 || len(plan.Attributes) != 0 || plan.Wave.ID != 0 {
		t.Errorf("the plan is %s, %v", text, err)
	}
	if keys := slices.Collect(maps.Keys(plan.Filter)); !slices.Equal(keys, []string{"unit"}) {
		t.Errorf("people are chosen by %v", keys)
	}
	external := f.addWave(t, "external-expectations", survey.Wave{Name: "Customers", Audience: survey.External, Slug: "customers", Threshold: 1})
	if got := hr.post(f.path("/launch/compare"), url.Values{"compare": {strconv.FormatInt(int64(external.ID), 10)}}); got.status != 303 {
		t.Errorf("compare: status %d", got.status)
	}
	mustSay(t, hr.get(f.path("/launch/check")), 200, "selected>Customers")
	if err := f.store.DeleteWave(t.Context(), survey.DefaultOrganisation, external.ID); err != nil {
		t.Fatal(err)
	}
	mustSay(t, hr.get(f.path("/launch/check")), 200, "Name the wave that results will be set against")
	mustSay(t, hr.post(f.path("/launch/compare"), url.Values{"compare": {"99"}}), 404)
}
