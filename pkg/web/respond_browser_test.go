package web

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"cxmirror/pkg/survey"
)

// Every page for respondents, in every look: nothing too wide, nothing too small, nothing that a checker of
// accessibility objects to.
func TestRespondentPagesInABrowser(t *testing.T) {
	b := chromium(t)
	for _, look := range []struct {
		name          string
		width, height int64
		dark          bool
		accent        string // of who asks
	}{
		{"390-light", 390, 844, false, ""},
		{"390-dark", 390, 844, true, "#7f1d1d"},
		{"320-light", 320, 640, false, "#ffe600"},
		{"1280-light", 1280, 900, false, "#16a34a"},
		{"1280-dark", 1280, 900, true, ""},
	} {
		f := newField(t, "external-expectations", nil)
		f.setOrganisation(t, func(o *survey.Organisation) { o.Accent = look.accent })
		b.window(look.width, look.height, look.dark)
		b.language("pl")
		name := func(page string) string { return look.name + "-" + page }
		address := f.http.URL + "/o/spring"
		b.open(address)
		b.check(name("promise"))
		b.click(".languages summary")
		b.check(name("languages"))
		b.press(".go")
		b.check(name("channel"))
		b.tick("channel", "phone")
		b.press(".go")
		b.tick("expectations", "speed")
		b.tick("expectations", "competence")
		b.tick("expectations", "courtesy")
		b.check(name("expectations"))
		b.press(".go")
		b.check(name("order"))
		b.click(".place:nth-of-type(2) .tap")
		b.click(".place:nth-of-type(1) .tap")
		b.check(name("ordered"))
		b.press(".go")
		b.tick("performance.speed", "4")
		b.check(name("performance"))
		b.press(".go")
		b.tick("recommendation", "9")
		b.check(name("satisfaction"))
		b.comment("Mniej formularzy.")
		b.do(chromedp.ScrollIntoView(chromedp.CSS("#i-comment")))
		b.check(name("comment"))
		b.comment(strings.Repeat("Słowo. ", 500))
		b.press(".go")
		b.check(name("too-long"))
		b.comment("Mniej formularzy.")
		b.press(".go")
		b.tick("relationship", "prospect")
		b.check(name("relationship"))
		b.press(".go")
		b.check(name("thanks"))
		f.change(t, func(w *survey.Wave) { w.State = survey.WaveClosed })
		b.forget()
		b.open(address)
		b.check(name("closed"))
		b.open(f.http.URL + "/o/nowhere")
		b.check(name("nowhere"))
	}
}

// Both instruments are answered to the end in Polish on phones, with and without script: half of it, then the
// link is opened anew, and the rest.
func TestAnsweringOnAPhone(t *testing.T) {
	b := chromium(t)
	// What is done on each page, by the item that stands on it.
	acts := map[string]func(scripted bool){
		"channel":   func(bool) { b.tick("channel", "app") },
		"served_by": func(bool) { b.tick("served_by", "it") },
		"expectations": func(bool) {
			for _, code := range []string{"needs_met", "respect", "surprise"} {
				b.tick("expectations", code)
			}
		},
		"order": func(scripted bool) {
			tap := func(option string) string { return fmt.Sprintf("#i-order-%s .tap", option) }
			up := `#i-order-surprise button[name="_up"]`
			if scripted {
				b.click(tap("respect"))
				b.click(tap("surprise")) // and what is left is last
				b.click(up)
				return
			}
			b.do(chromedp.SendKeys(chromedp.CSS(`#i-order-respect select`), "1"))
			b.do(chromedp.SendKeys(chromedp.CSS(`#i-order-needs_met select`), "2"))
			b.press(up) // the third
			b.press(up)
			b.press(up)
			b.press(`#i-order-respect button[name="_up"]`)
			b.press(`#i-order-respect button[name="_down"]`)
		},
		"performance": func(bool) {
			b.tick("performance.speed", "5")
			b.tick("performance.ease", "cannot_say")
		},
		"satisfaction": func(bool) {
			b.tick("satisfaction", "4")
			b.comment("Żółty formularz\nw dwóch wierszach")
		},
		"relationship": func(bool) { b.tick("relationship", "company") },
		"tenure":       func(bool) { b.tick("tenure", "1_2_years") },
		"department":   func(bool) { b.tick("department", "legal"); b.tick("level", "manager"); b.tick("office", "back") },
	}
	const common = `"expectations":["needs_met","respect","surprise"],"performance.speed":5,"performance.ease":"cannot_say","satisfaction":4,"comment":"Żółty formularz\nw dwóch wierszach"`
	instruments := []struct{ code, want string }{
		{"external-expectations", `{"channel":"app","relationship":"company","tenure":"1_2_years",` + common},
		{"internal-expectations", `{"served_by":"it","department":"legal","level":"manager","office":"back",` + common},
	}
	for _, instrument := range instruments {
		for _, look := range []struct {
			width    int64
			scripted bool
		}{{390, true}, {390, false}, {320, true}, {320, false}} {
			t.Run(fmt.Sprintf("%s/%d/script=%t", instrument.code, look.width, look.scripted), func(t *testing.T) {
				b.t = t
				f := newField(t, instrument.code, nil)
				b.forget()
				b.script(look.scripted)
				b.window(look.width, 700, false)
				b.language("pl")
				b.open(f.http.URL + "/o/spring")
				b.press(".go")
				for step := 0; !strings.HasSuffix(b.address(), "/thanks"); step++ {
					if step == 3 { // she leaves, and comes back by the link
						b.open("about:blank")
						b.open(f.http.URL + "/o/spring")
						b.press(".go")
					}
					if step > 12 {
						t.Fatalf("no end, at %s", b.address())
					}
					if wide := read[int64](b, "document.documentElement.scrollWidth"); wide > look.width {
						t.Errorf("%s is %d wide", b.address(), wide)
					}
					item := read[string](b, `document.querySelector(".item").id.slice(2)`)
					acts[item](look.scripted)
					b.press(".go")
				}
				order := `"order":["surprise","respect","needs_met"]`
				all := f.complete(t)
				if len(all) != 1 || !sameAnswers(t, all[0], instrument.want+","+order+"}") {
					t.Errorf("stored %s", all)
				}
				b.script(true)
			})
		}
	}
}

// A page weighs under 30 KB on the first visit, in at most three requests, also with a logo that packs badly and a colour of
// its own.
func TestPagesAreLight(t *testing.T) {
	b := chromium(t)
	f := newField(t, "internal-expectations", nil)
	f.setOrganisation(t, func(o *survey.Organisation) {
		var err error
		o.Accent = "#b91c1c"
		if o.Logo, o.LogoKind, err = makeLogo(asPNG(t, noisy(300, 80))); err != nil {
			t.Fatal(err)
		}
	})
	if logo := f.server.logoOf(t.Context(), survey.DefaultOrganisation); len(logo.letterhead) < 2000 {
		t.Fatalf("a logo of %d characters weighs nothing", len(logo.letterhead))
	}
	b.window(390, 844, false)
	b.language("ru") // more bytes a letter
	b.open(f.http.URL + "/o/spring")
	for range 7 {
		tell(b, network.ClearBrowserCache, cdp.Empty{})
		b.open(b.address())
		weighed := read[[]int](b, `(() => { const all = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")];
			return [all.length, all.reduce((sum, entry) => sum + entry.transferSize, 0)]; })()`)
		t.Logf("%s: %d requests, %d bytes", b.address(), weighed[0], weighed[1])
		if weighed[0] > 3 || weighed[1] > 30_000 || weighed[1] < 3000 {
			t.Errorf("%s: %d requests, %d bytes", b.address(), weighed[0], weighed[1])
		}
		if strings.HasSuffix(b.address(), "/1") {
			b.tick("served_by", "it")
		}
		if strings.HasSuffix(b.address(), "/2") {
			b.tick("expectations", "speed")
			b.tick("expectations", "ease")
		}
		b.press(".go")
	}
}

// The pages that nobody hopes to see, and the kinds of question that the instruments do not use, in every look.
func TestRarePagesInABrowser(t *testing.T) {
	b := chromium(t)
	for _, look := range []struct {
		name          string
		width, height int64
		dark          bool
	}{{"390-light", 390, 844, false}, {"390-dark", 390, 844, true}, {"320-light", 320, 640, false}, {"1280-light", 1280, 900, false}} {
		f := newField(t, everyKind, nil)
		b.forget()
		b.window(look.width, look.height, look.dark)
		b.language("en")
		name := func(page string) string { return look.name + "-" + page }
		b.open(f.http.URL + "/o/spring")
		b.press(".go")
		b.press(".go")
		b.check(name("unanswered"))
		b.tick("role", "manager")
		b.press(".go")
		b.check(name("number"))
		b.do(chromedp.SetValue(chromedp.CSS("[name=team]"), "12"))
		b.press(".go")
		b.script(false)
		b.open(b.address())
		b.tick("tools", "a")
		b.press(`#i-best-z button[name="_up"]`)
		b.script(true)
		b.do(chromedp.ScrollIntoView(chromedp.CSS("#i-best-y")))
		b.picture(name("order-without-script"))
		b.open(f.http.URL + "/o/spring")
		b.check(name("resume"))
		b.press(".go")
		b.press(".go")
		b.tick("mood", "2")
		b.press(".go")
		b.check(name("several-errors"))
		b.do(chromedp.ScrollIntoView(chromedp.CSS("#i-duties-money")))
		b.picture(name("matrix"))
		b.tick("duties.goals", "hr")
		b.tick("duties.money", "it")
		b.press(".go")
		f.change(t, func(w *survey.Wave) { w.State = survey.WaveClosed })
		b.do(chromedp.SetValue(chromedp.CSS("[name=word]"), "Not to be lost"))
		b.press(".go")
		b.check(name("closed-meanwhile"))
		later := noon.Add(48 * 3600e9)
		f.change(t, func(w *survey.Wave) { w.State, w.Opens = survey.WaveOpen, &later })
		b.open(f.http.URL + "/o/spring")
		b.check(name("not-open"))
	}
}
