package web

import (
	"strings"
	"testing"

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
	}{
		{"390-light", 390, 844, false}, {"390-dark", 390, 844, true}, {"320-light", 320, 640, false},
		{"1280-light", 1280, 900, false}, {"1280-dark", 1280, 900, true},
	} {
		f := newField(t, "external-expectations", nil)
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
		b.fill("comment", "Mniej formularzy.")
		b.do(chromedp.ScrollIntoView(chromedp.CSS("#i-comment")))
		b.check(name("comment"))
		b.fill("comment", strings.Repeat("Słowo. ", 500))
		b.press(".go")
		b.check(name("too-long"))
		b.fill("comment", "Mniej formularzy.")
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
