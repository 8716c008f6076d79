package web

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"cxmirror/pkg/store/storetest"
	"cxmirror/pkg/survey"
)

// Whatever colour an organisation has, what respondents' pages make of it can be seen and read on everything that it
// stands on.
func TestRespondentsAccentsCanBeSeen(t *testing.T) {
	for red := 0; red < 256; red += 17 {
		for green := 0; green < 256; green += 17 {
			for blue := 0; blue < 256; blue += 17 {
				chosen := rgb{uint8(red), uint8(green), uint8(blue)}
				for _, g := range []respondGround{respondLight, respondDark} {
					p := g.paletteFor(chosen)
					for _, behind := range []rgb{g.Ground, g.Sheet, p.Soft} {
						if contrast(p.Accent, behind) < shapeContrast || contrast(p.Deep, behind) < textContrast {
							t.Fatalf("%s on %s: %+v", chosen, behind, p)
						}
					}
					if contrast(p.Ink, p.Accent) < textContrast || contrast(p.Ink, p.Over) < textContrast {
						t.Fatalf("%s: words on buttons: %+v", chosen, p)
					}
					if contrast(g.Ink, p.Soft) < textContrast || contrast(g.Quiet, p.Soft) < textContrast {
						t.Fatalf("%s: words on what is chosen: %+v", chosen, p)
					}
				}
			}
		}
	}
	blue := rgb{0x25, 0x63, 0xeb}
	if light, _ := respondPalettes(blue); light.Accent != blue || light.Ink != white {
		t.Errorf("the product's own blue becomes %+v", light)
	}
}

// The colours that accents are measured against are those of the style sheet.
func TestRespondentsGroundsAreTheSheets(t *testing.T) {
	source, err := files.ReadFile("static/respond.css")
	if err != nil {
		t.Fatal(err)
	}
	light, dark, cut := strings.Cut(string(source), "prefers-color-scheme: dark")
	if !cut {
		t.Fatal("the sheet has no dark colours")
	}
	for part, g := range map[string]respondGround{light: respondLight, dark: respondDark} {
		for name, want := range map[string]rgb{"ground": g.Ground, "sheet": g.Sheet, "ink": g.Ink, "quiet": g.Quiet} {
			found := regexp.MustCompile(`--` + name + `: (#[0-9a-f]+);`).FindStringSubmatch(part)
			if found == nil || found[1] != want.String() && (found[1] != "#fff" || want != white) {
				t.Errorf("--%s is %q, and %s is measured against", name, found, want)
			}
		}
	}
}

// styleOf is the address of the style sheet of a page.
func styleOf(t *testing.T, page answer) string {
	t.Helper()
	all := regexp.MustCompile(`<link rel="stylesheet" href="([^"]+)">`).FindAllStringSubmatch(page.body, -1)
	if len(all) != 1 {
		t.Fatalf("%d style sheets: %.600s", len(all), page.body)
	}
	return all[0][1]
}

// Respondents' pages have the colour of who asks, from the first to the last, and all respondents the same; who asks
// without a colour has the product's own.
func TestRespondentsPagesHaveTheAccent(t *testing.T) {
	f := newField(t, "external-expectations", nil)
	plain := styleOf(t, f.person(t).get("/o/spring"))
	if !strings.HasPrefix(plain, "/static/respond-") {
		t.Errorf("without a colour the style is %s", plain)
	}
	f.change(t, func(w *survey.Wave) { w.Kiosk = true })
	f.setOrganisation(t, func(o *survey.Organisation) { o.Accent = "#b91c1c" })
	f.server.logos.forget(survey.DefaultOrganisation)
	want := "/accent/b91c1c-" + strings.TrimPrefix(plain, "/static/")
	one, two := f.person(t), f.person(t)
	for _, address := range []string{"/o/spring", "/o/spring/privacy", "/privacy/spring", "/k/spring"} {
		if got := styleOf(t, one.get(address)); got != want {
			t.Errorf("%s: the style is %s, want %s", address, got, want)
		}
	}
	for _, p := range []*person{one, two} {
		page := p.begin()
		if got := styleOf(t, page); got != want {
			t.Errorf("questions: the style is %s, want %s", got, want)
		}
	}
	style := one.get(want)
	for _, part := range []string{"--accent: #b91c1c; --accent-ink: #ffffff;", ".card", "prefers-color-scheme: dark"} {
		if style.status != http.StatusOK || !strings.Contains(style.body, part) {
			t.Errorf("the style: status %d, without %q", style.status, part)
		}
	}
	open := httptest.NewRecorder()
	f.server.Public().ServeHTTP(open, httptest.NewRequest(http.MethodGet, want, nil))
	if open.Code != http.StatusOK {
		t.Errorf("the style at the address that everybody can reach: status %d", open.Code)
	}
	if kind, kept := style.header.Get("Content-Type"), style.header.Get("Cache-Control"); !strings.HasPrefix(kind, "text/css") || !strings.Contains(kept, "immutable") || style.header.Get("Set-Cookie") != "" {
		t.Errorf("the style: %v", style.header)
	}
	for _, wrong := range []string{"/accent/b91c1c-respond.css", "/accent/b91c1c-", "/accent/red-" + strings.TrimPrefix(plain, "/static/"), "/accent/b91c1c-workbench.css"} {
		if got := one.get(wrong); got.status != http.StatusNotFound {
			t.Errorf("%s: status %d", wrong, got.status)
		}
	}
	f.change(t, func(w *survey.Wave) { w.State = survey.WaveClosed })
	if got := styleOf(t, f.person(t).get("/o/spring")); got != want {
		t.Errorf("closed: the style is %s, want %s", got, want)
	}
	f.setOrganisation(t, func(o *survey.Organisation) { o.Accent = "" })
	f.wait(logoFresh)
	if got := styleOf(t, f.person(t).get("/o/spring")); got != plain {
		t.Errorf("without a colour again the style is %s", got)
	}
}

// Letters have the colours of who asks, as they are looked at and as they are sent.
func TestLettersHaveTheAccent(t *testing.T) {
	f, hr := newLaunch(t, storetest.Open(t, storetest.SQLite(t)), nil)
	address := fmt.Sprintf("/waves/%d/letters/invitation/en", f.draft.ID)
	if page := hr.get(address); !strings.Contains(page.body, "background:#2563eb") {
		t.Errorf("without a colour: %d %.900s", page.status, page.body)
	}
	f.setOrganisation(t, func(o *survey.Organisation) { o.Accent = "#ffe600" })
	f.server.logos.forget(survey.DefaultOrganisation)
	light, dark := respondPalettes(rgb{0xff, 0xe6, 0})
	page := hr.get(address)
	for _, want := range []string{"background:" + light.Accent.String(), "color:" + light.Ink.String(), "color:" + light.Deep.String(), dark.Accent.String() + " !important"} {
		if !strings.Contains(page.body, want) {
			t.Errorf("the letter has no %s: %d %.900s", want, page.status, page.body)
		}
	}
	got, err := LetterColours(f.store)(t.Context(), survey.DefaultOrganisation)
	if err != nil || got.Light.Button != light.Accent.String() || got.Dark.Words != dark.Deep.String() {
		t.Errorf("letters that are sent: %+v, %v", got, err)
	}
	if _, err := LetterColours(f.store)(t.Context(), 99); !errors.Is(err, survey.ErrNotFound) {
		t.Errorf("of an organisation that is not there: %v", err)
	}
}
