package web

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"cxmirror/pkg/access"
	"cxmirror/pkg/survey"
)

// An owner who was invited makes the organisation hers: what it looks like, who works in it, what programs may, and a
// second factor of her own, by which she signs in the next time.
func TestOwnerInABrowser(t *testing.T) {
	b := chromium(t)
	f, _ := newBench(t)
	f.strict(t)
	user := f.addUser(t, "maria.wisniewska@example.com", survey.Owner)
	f.addUser(t, "ion.popescu-lung.de.tot@subsidiary.example.com", survey.Analyst, survey.Consultant)
	f.addUser(t, "viewer@example.com", survey.Viewer)
	link, err := f.server.access.NewLink(t.Context(), user.ID, survey.InvitationLink)
	if err != nil {
		t.Fatal(err)
	}
	path, err := url.Parse(link)
	if err != nil {
		t.Fatal(err)
	}
	logo := filepath.Join(t.TempDir(), "logo.png")
	if err := os.WriteFile(logo, asPNG(t, checkered(500, 120)), 0o600); err != nil {
		t.Fatal(err)
	}
	look := func(name string) {
		t.Helper()
		b.accessible(name)
		b.fits(name)
		b.picture("rooms-" + name)
	}
	b.window(1280, 900, false)
	b.language("en")
	b.open(f.http.URL + path.Path)
	b.do(chromedp.SendKeys(chromedp.CSS("#password"), ownPassword), chromedp.SendKeys(chromedp.CSS("#again"), ownPassword))
	b.press(".door .main")

	b.click(".who summary")
	b.picture("rooms-menu")
	b.press(`.who a[href="/organisation"]`)
	b.do(chromedp.SetValue(chromedp.CSS("#name"), "Example Ltd"), chromedp.SetUploadFiles(chromedp.CSS("#logo"), []string{logo}))
	b.click("[name=own_accent]")
	b.do(chromedp.SetValue(chromedp.CSS("#accent"), "#f2c94c"))
	b.press(".form .main")
	if words := b.words(); !strings.Contains(words, "Saved.") || !strings.Contains(words, "Example Ltd") {
		t.Errorf("not saved: %.600s", words)
	}
	if colour := read[string](b, `getComputedStyle(document.querySelector(".button.main")).backgroundColor`); colour == "rgb(29, 78, 216)" {
		t.Error("the accent is still the product's own")
	}
	if wide := read[int64](b, `document.querySelector(".brand img").naturalWidth`); wide != 500 {
		t.Errorf("the logo in the frame is %d wide", wide)
	}

	b.click(".who summary")
	b.press(`.who a[href="/members"]`)
	b.fill("address", "anna@example.com")
	b.click(`.invite [name=roles][value=hr]`)
	b.press(".invite .main")
	if shown := read[string](b, `document.querySelector("#link").value`); !strings.Contains(shown, "/invitation/") {
		t.Errorf("the link that is shown: %s", shown)
	}
	look("members-invited")
	b.click("tbody tr:first-child summary")
	look("members-change")

	b.click(".who summary")
	b.press(`.who a[href="/tokens"]`)
	b.fill("name", "Intranet")
	b.click(`[name=rights][value="results.see"]`)
	b.press(".invite .main")
	if shown := read[string](b, `document.querySelector("#made").value`); !strings.HasPrefix(shown, "cxm_") {
		t.Errorf("the token that is shown: %s", shown)
	}
	look("token-made")

	b.click(".who summary")
	b.press(`.who a[href="/profile"]`)
	b.do(chromedp.SendKeys(chromedp.CSS("#factor-password"), ownPassword))
	b.press("#second-factor form button")
	secret := read[string](b, `document.querySelector(".enrol code").textContent`)
	look("enrol")
	b.do(chromedp.SendKeys(chromedp.CSS("#code"), codeOf(t, secret, f.now())))
	b.press(".enrol .main")
	if codes := read[int64](b, `document.querySelectorAll(".recovery li").length`); codes != access.RecoveryCodes {
		t.Errorf("%d recovery codes", codes)
	}
	look("codes")
	b.press(".codes-once .main")

	// Every page in every look.
	for _, view := range []struct {
		name   string
		width  int64
		dark   bool
		tongue string
	}{{"phone", 390, false, "ru"}, {"phone-dark", 390, true, "ro"}, {"desk", 1280, false, "en"}, {"desk-dark", 1280, true, "pl"}} {
		b.window(view.width, 1500, view.dark)
		b.language(view.tongue)
		for _, page := range []string{"organisation", "members", "tokens", "profile"} {
			b.open(f.http.URL + "/" + page + "?lang=" + view.tongue)
			look(fmt.Sprintf("%s-%s", view.name, page))
		}
	}

	// The second factor is asked for when she comes back.
	f.wait(60e9)
	b.open(f.http.URL + "/profile?lang=en")
	b.press(`.sessions li:has(.mark) button`)
	b.do(chromedp.SendKeys(chromedp.CSS("#address"), user.Address), chromedp.SendKeys(chromedp.CSS("#password"), ownPassword))
	b.press(".door .main")
	b.do(chromedp.SendKeys(chromedp.CSS("#code"), codeOf(t, secret, f.now())))
	b.press(".door .main")
	if words := b.words(); !strings.Contains(words, "Three steps to the first finding") {
		t.Errorf("not signed in: %.400s", words)
	}
}
