package web

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"cxmirror/pkg/survey"
)

// whole keeps a picture of the page from top to bottom in the directory that CXMIRROR_PICTURES names.
func (b *browser) whole(name string) {
	b.t.Helper()
	dir := os.Getenv("CXMIRROR_PICTURES")
	if dir == "" {
		return
	}
	picture, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
	if err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), picture, 0o600); err != nil {
		b.t.Fatal(err)
	}
}

// Every page of the workbench, in every look: nothing too wide, and nothing that a checker of accessibility
// objects to.
func TestWorkbenchInABrowser(t *testing.T) {
	b := chromium(t)
	f, director := newBench(t)
	twoSides(t, f)
	f.addWave(t, "external-expectations", survey.Wave{
		Name: strings.Repeat("Kundenbefragungswelle ", 5), Audience: survey.External, Slug: "long", State: survey.WaveDraft,
	})
	empty, _ := newBench(t)
	broken := map[string][2]string{"file": {"mine.yaml", "code: mine\nversion: one\n" + strings.Repeat("x", 200)}}
	if got := director.sendForm("/waves/new", map[string]string{"questionnaire": "own"}, broken); got.status != 422 {
		t.Fatalf("status %d", got.status)
	}
	for _, look := range looks() {
		b.window(look.width, look.height, look.dark)
		for _, page := range []struct{ name, address, language string }{
			{"waves", f.http.URL + "/", "en"},
			{"empty", empty.http.URL + "/", "pl"},
			{"new", f.http.URL + "/waves/new", "ru"},
			{"wave", f.http.URL + "/waves/1", "ro"},
			{"long", f.http.URL + "/waves/3", "en"},
			{"edit", f.http.URL + "/waves/1/edit", "en"},
			{"import", f.http.URL + "/waves/1/import", "en"},
			{"divergence", f.http.URL + "/divergence", "pl"},
			{"part", f.http.URL + "/divergence?segment=internal:department:operations", "en"},
			{"withheld", f.http.URL + "/divergence?segment=internal:department:legal", "en"},
			{"nothing", empty.http.URL + "/divergence", "en"},
		} {
			b.forget()
			b.language(page.language)
			b.open(page.address)
			name := "bench-" + look.name + "-" + page.name
			if look.width >= 360 && (page.name == "divergence" || page.name == "part") { // narrower, pictures shrink and stay still
				b.alive(name)
			}
			b.fits(name)
			b.accessible(name)
			b.whole(name)
		}
	}
}

// alive waits until every visible picture has been made alive, as wide as its place.
func (b *browser) alive(name string) {
	b.t.Helper()
	const waiting = `(async () => {
		const places = [...document.querySelectorAll("[data-chart]")].filter((e) => e.offsetParent !== null);
		for (let i = 0; i < 100; i++) {
			if (places.length === 3 && places.every((e) => e.hasAttribute("_echarts_instance_"))) {
				return places.map((e) => Math.abs(e.querySelector("svg").getBoundingClientRect().width - e.clientWidth) <= 1).join();
			}
			await new Promise((done) => setTimeout(done, 50));
		}
		return "never: " + places.length;
	})()`
	if got := read[string](b, waiting); got != "true,true,true" {
		b.t.Errorf("%s: pictures alive and as wide as their place: %s", name, got)
	}
}

// A director watches counts grow without touching anything, and takes a
// picture as PNG. Nothing on the way breaks the policy.
func TestDirectorWatches(t *testing.T) {
	b := chromium(t)
	f, _ := newBench(t)
	external, _ := twoSides(t, f)
	b.window(1280, 800, false)
	b.language("en")
	b.open(f.http.URL + "/")
	if got := read[string](b, `document.querySelector('[data-wave="1"] [data-count=complete]').textContent`); got != "400" {
		t.Fatalf("at first there are %s", got)
	}
	f.addMore(t, external, 7)
	const grown = `(async () => {
		for (let i = 0; i < 160; i++) {
			const now = document.querySelector('[data-wave="1"] [data-count=complete]').textContent;
			if (now === "407") return now;
			await new Promise((done) => setTimeout(done, 50));
		}
		return document.querySelector('[data-wave="1"] [data-count=complete]').textContent;
	})()`
	if got := read[string](b, grown); got != "407" {
		t.Errorf("after seven more answers the page says %s", got)
	}

	b.open(f.http.URL + "/divergence")
	b.alive("divergence")
	if got := read[string](b, `(async () => {
		const broken = [];
		document.addEventListener("securitypolicyviolation", (e) => broken.push(e.violatedDirective + " " + e.blockedURI));
		const saved = new Promise((done) => { HTMLAnchorElement.prototype.click = function () { done(this.download + " " + this.href.slice(0, 5)); }; });
		document.querySelector("#mirror .downloads button").click();
		const name = await Promise.race([saved, new Promise((done) => setTimeout(() => done("nothing"), 5000))]);
		return name + (broken.length ? " but " + broken : "");
	})()`); got != "expectations-mirror.png blob:" {
		t.Errorf("the PNG is %q", got)
	}
}
