package web

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"cxmirror/pkg/store/storetest"
	"cxmirror/pkg/survey"
)

// HR launches a wave on a phone, from the draft to the first figures, by what is on the pages alone; and every page of
// the way, in every look, is neither too wide nor out of reach.
func TestLaunchInABrowser(t *testing.T) {
	b := chromium(t)
	f, hr := newLaunch(t, storetest.Open(t, storetest.SQLite(t)), nil)
	b.window(390, 844, false)
	b.language("en")
	b.open(f.http.URL + f.path("/launch"))
	b.press(".onwards .main")
	b.do(chromedp.SetValue(chromedp.CSS("#minutes"), "5"))
	b.press(".onwards .main")
	b.do(chromedp.SetValue(chromedp.CSS(`[name="subject.invitation.en"]`), "A question about {survey}"))
	b.click(`.letter[open] .actions button`)
	f.previewed(t)
	b.do(chromedp.ScrollIntoView(chromedp.CSS(".letter[open] iframe"))) // what is out of sight is not drawn
	time.Sleep(200 * time.Millisecond)
	b.picture("launch-preview")
	b.press(".onwards .main")
	b.press(`#groups form button`) // the merge that is proposed
	if got := b.words(); strings.Contains(got, "are in groups of fewer than") {
		t.Errorf("small groups are left: %s", got)
	}
	b.press(".onwards .main")
	b.press(".onwards .main")
	if got := b.address(); !strings.Contains(got, f.path("/fieldwork")) {
		t.Fatalf("the path ends at %s: %s", got, b.words())
	}
	f.send(t, 59)
	f.course(t)
	plan := survey.Wave{
		Name: "Pracownicy, jesień – " + strings.Repeat("bardzo długa nazwa ", 4), Audience: survey.Internal, Slug: "second", State: survey.WaveDraft, Threshold: 5,
		Comments: 10, Mode: survey.Anonymous,
	}
	second := &launchField{field: f.field, mailer: f.mailer, outbox: f.outbox, draft: f.addWave(t, "internal-expectations", plan)}
	external := f.addWave(t, "external-expectations", survey.Wave{Name: "Customers", Audience: survey.External, Slug: "customers", Threshold: 1})
	f.addAnswers(t, external, 200, []float64{.5, .4, .3, .3, .2, .2, .1, .1, .1, .1}, func(int) string { return "channel=phone" })
	for _, step := range []string{"people", "promise", "letters"} {
		second.step(t, hr, step, nil)
	}
	hr.post(second.path("/launch/compare"), url.Values{"compare": {"3"}})
	mails := hr.get("/outbox").body
	at := strings.Index(mails, `href="/outbox/`)
	mail, _, _ := strings.Cut(mails[at+len(`href="`):], `"`)
	for _, look := range looks() {
		b.window(look.width, look.height, look.dark)
		for _, page := range []struct{ name, address, language string }{
			{"people", second.path("/launch/people"), "en"},
			{"promise", second.path("/launch/promise"), "pl"},
			{"letters", second.path("/launch/letters"), "en"},
			{"check", second.path("/launch/check"), "en"},
			{"check-ru", second.path("/launch/check"), "ru"},
			{"confirm", second.path("/launch/confirm"), "ro"},
			{"fieldwork", f.path("/fieldwork"), "en"},
			{"fieldwork-ru", f.path("/fieldwork?state=all"), "ru"},
			{"written", f.path("/letters"), "pl"},
			{"outbox", "/outbox", "en"},
			{"mail", mail, "en"},
		} {
			b.forget()
			b.language(page.language)
			b.open(f.http.URL + page.address)
			name := "launch-" + look.name + "-" + page.name
			b.fits(name)
			b.accessible(name)
			b.whole(name)
		}
	}
}

// previewed waits until the server was asked for the letter as it was typed: into a sandbox nobody can look.
func (f *launchField) previewed(t *testing.T) {
	t.Helper()
	for range 200 {
		for line := range strings.Lines(f.log.String()) {
			if strings.Contains(line, "method=POST route=/waves/:id/letters/:kind/:language status=200") {
				return
			}
		}
		time.Sleep(25 * time.Millisecond)
	}
	t.Errorf("the frame beside the letter never asked for it:\n%s", f.log.String())
}

// course lets people answer over ten days, with fewer every day.
func (f *launchField) course(t *testing.T) {
	t.Helper()
	for _, n := range []int{9, 7, 5, 4, 3, 2} {
		f.answer(t, f.store, n)
		f.mu.Lock()
		f.moment = f.moment.Add(24 * time.Hour)
		f.mu.Unlock()
	}
	if err := f.server.fieldwork.Tick(t.Context()); err != nil {
		t.Fatal(err)
	}
}
