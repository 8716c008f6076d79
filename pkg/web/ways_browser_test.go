package web

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"cxmirror/pkg/store/storetest"
	"cxmirror/pkg/survey"
)

// Every page of the ways in, in every look, in the modes that say most.
func TestWaysInABrowser(t *testing.T) {
	b := chromium(t)
	for _, look := range []struct {
		name          string
		width, height int64
		dark          bool
		language      string
		mode          survey.Mode
	}{
		{"390-light", 390, 844, false, "pl", survey.Anonymous},
		{"390-dark", 390, 844, true, "ru", survey.Confidential},
		{"320-light", 320, 640, false, "hu", survey.Anonymous},
		{"1280-light", 1280, 900, false, "en", survey.Identified},
		{"1280-dark", 1280, 900, true, "ro", survey.Anonymous},
	} {
		erases := noon.Add(90 * 24 * time.Hour)
		f := invite(t, storetest.Open(t, storetest.SQLite(t)), func(w *survey.Wave) {
			department(w)
			w.Mode, w.Kiosk, w.Erases, w.TimeZone = look.mode, true, &erases, "Europe/Warsaw"
		})
		lang := "?lang=" + look.language
		b.window(look.width, look.height, look.dark)
		b.language(look.language)
		name := func(page string) string { return look.name + "-" + page }
		link := f.http.URL + "/s/" + f.tokens[1]
		b.open(link + lang)
		b.check(name("way-promise"))
		b.open(link + "/privacy" + lang)
		b.check(name("way-privacy"))
		b.do(chromedp.ScrollIntoView(chromedp.CSS("section:last-of-type li:last-child")))
		b.picture(name("way-privacy-end"))
		b.open(f.http.URL + "/c" + lang)
		b.check(name("way-code"))
		b.do(chromedp.SendKeys(chromedp.CSS("#code"), "abcde-fgh"))
		b.press(".go")
		b.check(name("way-code-unknown"))
		b.open(f.http.URL + "/u/" + f.tokens[1] + lang)
		b.check(name("way-mail"))
		b.press(".go")
		b.check(name("way-mail-declined"))
		b.press("main .quiet")
		b.check(name("way-mail-again"))
		b.open(f.http.URL + "/s/aaaa" + lang)
		b.check(name("way-nowhere"))
		b.open(f.http.URL + "/o/spring" + lang)
		b.check(name("way-other"))
		b.open(f.http.URL + "/k/spring")
		b.check(name("way-kiosk"))
		b.open(f.http.URL + "/k/spring" + lang)
		b.check(name("way-kiosk-promise"))
		b.press(".go")
		b.check(name("way-kiosk-page"))
		b.rest("5", "9")
		b.do(chromedp.WaitVisible(chromedp.CSS("#pause")))
		b.check(name("way-kiosk-pause"))
		b.open(f.http.URL + "/k/spring/thanks" + lang)
		b.check(name("way-kiosk-thanks"))
		f.person(t).finish("/s/" + f.tokens[1])
		b.open(link)
		b.check(name("way-answered"))
	}
}

// rest makes a kiosk wait so many tenths of a second for a touch, and so many seconds for an answer; then the page
// is touched.
func (b *browser) rest(tenths, wait string) {
	b.t.Helper()
	read[bool](b, `new Promise((done) => setTimeout(done, 600)).then(() => { // a touch right after another one is none
		const p = document.querySelector("#pause"); p.dataset.rest = "0.`+tenths+`"; p.dataset.wait = "`+wait+`";
		dispatchEvent(new PointerEvent("pointerdown")); return true; })`)
}

// until waits until an expression of the page is true.
func (b *browser) until(expression string) {
	b.t.Helper()
	for range 150 {
		if is, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](expression)); err == nil && is {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	b.t.Fatalf("not so after 15 s: %s, at %s: %.500s", expression, b.address(), b.words())
}

// A kiosk on a tablet: one person finishes, and it goes back by itself; another one walks away, is asked, and what
// she chose is gone; the third stays.
func TestKioskInABrowser(t *testing.T) {
	b := chromium(t)
	f := newField(t, threePages, func(w *survey.Wave) { w.Mode, w.Kiosk, w.OpenLink, w.Threshold = survey.Anonymous, true, false, 5 })
	b.window(820, 1180, false)
	b.language("en")
	b.open(f.http.URL + "/k/spring")
	b.check("kiosk-start")
	b.press(`a[hreflang="pl"]`)
	b.press(".go")
	b.tick("first", "b")
	b.press(".bar .go")
	b.tick("second", "c")
	b.press(".bar .go")
	b.fill("fifth", "Not for the next one")
	b.press(".bar .go")
	b.check("kiosk-thanks")
	b.until(`document.querySelector("#next").textContent.includes(" 8 s")`)
	b.until(`location.pathname === "/k/spring" && !!document.querySelector(".choose")`)
	if f.counts(t).Complete != 1 {
		t.Fatalf("%+v", f.counts(t))
	}
	// Back shows nothing of hers, however often it is pressed.
	for range 6 {
		read[bool](b, `(setTimeout(() => history.back()), true)`)
		time.Sleep(400 * time.Millisecond)
		if body := read[string](b, `document.documentElement.outerHTML`); strings.Contains(body, "Not for the next one") || strings.Contains(body, `checked=""`) {
			t.Fatalf("going back shows %s: %.500s", b.address(), body)
		}
	}
	b.open(f.http.URL + "/k/spring?lang=en")
	b.press(".go")
	b.tick("first", "a")
	b.rest("3", "2")
	b.do(chromedp.WaitVisible(chromedp.CSS("#pause")))
	b.check("kiosk-pause")
	b.until(`location.pathname === "/k/spring"`)
	b.open(f.http.URL + "/k/spring/1")
	if !strings.HasSuffix(b.address(), "/k/spring") {
		t.Errorf("after the pause the page of the one before is at %s", b.address())
	}
	b.open(f.http.URL + "/k/spring?lang=en")
	b.press(".go")
	b.tick("first", "a")
	b.rest("3", "30")
	b.do(chromedp.WaitVisible(chromedp.CSS("#pause")))
	b.click("#pause button")
	b.until(`!document.querySelector("#pause").open`)
	if !strings.HasSuffix(b.address(), "/k/spring/1") || !read[bool](b, `document.querySelector("input[value=a]").checked`) {
		t.Errorf("whoever stays is at %s", b.address())
	}
	// Without script there is a way out.
	b.script(false)
	b.open(b.address())
	b.press(".leave")
	b.script(true)
	if !strings.HasSuffix(b.address(), "/k/spring") {
		t.Errorf("start anew leads to %s", b.address())
	}
}

// fill writes into a field of words.
func (b *browser) fill(name, text string) {
	b.t.Helper()
	b.do(chromedp.SetValue(chromedp.CSS("[name="+name+"]"), text))
}

// A personal link on a phone and on another device, neither of which keeps a cookie; the code on paper leads to
// the same place. One of the devices runs no script.
func TestPersonalLinkInABrowser(t *testing.T) {
	b := chromium(t)
	f := invite(t, storetest.Open(t, storetest.SQLite(t)), func(w *survey.Wave) { department(w); w.Mode = survey.Anonymous })
	b.window(390, 844, false)
	b.language("de")
	b.open(f.http.URL + "/s/" + f.tokens[1])
	b.press(".go")
	b.tick("first", "b")
	b.press(".bar .go")
	b.forget() // another device
	b.script(false)
	b.open(f.http.URL + "/c")
	b.do(chromedp.SendKeys(chromedp.CSS("#code"), strings.ToLower(strings.ReplaceAll(f.codes[1], "-", " "))))
	b.press(".code .go")
	b.picture("way-resumed-without-script")
	b.press(".bar .go")
	if !strings.HasSuffix(b.address(), "/2") {
		t.Errorf("the other device is at %s", b.address())
	}
	b.tick("second", "d")
	b.press(".bar .go")
	b.fill("fifth", "Done")
	b.press(".bar .go")
	if !strings.Contains(b.address(), "/thanks") || f.finishedAnswers(t) != 1 {
		t.Errorf("%s, %d answers", b.address(), f.finishedAnswers(t))
	}
	b.script(true)
	b.open(f.http.URL + "/s/" + f.tokens[1] + "/2")
	if words := b.words(); !strings.Contains(words, "Thank you!") {
		t.Errorf("the first device, later: %s", words)
	}
	if a := f.person(t).get("/s/" + f.tokens[1]); a.status != http.StatusOK || strings.Contains(a.body, "Done") {
		t.Errorf("%d", a.status)
	}
}
