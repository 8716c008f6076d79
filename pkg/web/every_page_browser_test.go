package web

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"

	"cxmirror/pkg/store/storetest"
	"cxmirror/pkg/survey"
)

// everyPage is a server with everything in it that a page can be about, and who may look at all of it.
type everyPage struct {
	*launchField

	user  survey.User // an owner with every other role, who runs the server
	known parameters
	named map[string]string // addresses of routes that need other parameters than the rest
}

// noPageThere is what GET of a route answers where it has no page to show in this test, and why.
var noPageThere = map[string]int{
	"GET /o/:slug/thanks":            http.StatusSeeOther,   // nothing was answered, as with the next ones
	"GET /s/:token/thanks":           http.StatusSeeOther,   //
	"GET /o/:slug/:page":             http.StatusSeeOther,   // and nothing begun
	"GET /s/:token/:page":            http.StatusSeeOther,   //
	"GET /k/:slug/:page":             http.StatusSeeOther,   //
	"GET /sign-in/code":              http.StatusSeeOther,   // no password was given
	"GET /sign-in/oidc":              http.StatusNotFound,   // there is no provider
	"GET /sign-in/oidc/callback":     http.StatusNotFound,   //
	"GET /set-up/:secret":            http.StatusGone,       // somebody can sign in
	"GET /profile/second-factor":     http.StatusSeeOther,   // no second factor is being set up
	"GET /waves/:id/launch":          http.StatusSeeOther,   // its first step is a page
	"GET /waves/:id/codes.pdf":       http.StatusNotFound,   // nobody is invited on paper
	"GET /logo/:name":                http.StatusNotFound,   // there is no logo
	"GET /divergence/pictures.json":  http.StatusBadRequest, // a width is not named
	"GET /views/:view/pictures.json": http.StatusBadRequest, //
}

func newEveryPage(t *testing.T) *everyPage {
	t.Helper()
	f, known := newOffice(t, storetest.SQLite(t))
	all := &everyPage{launchField: f, known: known, named: make(map[string]string)}
	external, internal := twoSides(t, f.field)
	commented := f.addWave(t, commentedQuestions, survey.Wave{Name: "Employees, who wrote", Audience: survey.Internal, Slug: "commented", Comments: 5})
	f.addComments(t, commented, []string{"Fewer forms.", strings.Repeat("Donaudampfschifffahrtsgesellschaft ", 6), "Быстрее отвечайте на письма.", "Mniej spotkań.", "Call back.", "More time."})
	invited := f.inviteDepartments(t, "invited", map[string][2]int{"Sales": {20, 12}, "Legal": {6, 2}, "Oberlandesgerichtsverwaltungsangelegenheiten": {14, 9}})
	all.known["organisation"] = "1" // the only one: a server of several does not show mails of all
	all.user = f.addUser(t, "everybody.at.once@subsidiary.example.com", survey.Roles()...)
	all.user.Administrator = true
	if err := storetest.SaveUser(t.Context(), f.store, all.user); err != nil {
		t.Fatal(err)
	}
	p := f.as(t, all.user, survey.DefaultOrganisation)
	found := func(got answer, pattern string) string {
		t.Helper()
		at := regexp.MustCompile(pattern).FindString(got.location + "\n" + got.body)
		if at == "" {
			t.Fatalf("no %s in what was answered with %d: %.600s", pattern, got.status, got.location+visible(got.body))
		}
		return at
	}
	query := url.Values{"external": {idOfWave(external)}, "internal": {idOfWave(internal)}}.Encode()
	all.named["GET /divergence"], all.named["GET /views/new"] = "/divergence?"+query, "/views/new?"+query
	found(p.post("/views", url.Values{"query": {p.get("/views/new?" + query).hidden()["query"]}, "name": {strings.Repeat("Dla zarządu ", 12)}}), "done=made")
	all.known["view"] = "2"
	for route := range rights {
		if strings.Contains(route, "/fieldwork") || route == "GET /waves/:id/letters" {
			_, all.named[route] = parameters{"id": idOfWave(invited)}.address(t, route)
		}
	}
	all.named["GET /waves/:id/comments"], all.named["GET /waves/:id/answers.csv"] = "/waves/"+idOfWave(commented)+"/comments", "/waves/"+idOfWave(internal)+"/answers.csv"
	all.named["GET /api/v1/waves/:id/answers.csv"] = "/api/v1" + all.named["GET /waves/:id/answers.csv"]
	all.named["GET /people/export/:format"] = "/people/export/people.csv"
	token := fmt.Sprintf("%032x", 39+1000*int(invited.ID)) // of the last who was invited, and has not answered
	for route := range rights {
		if strings.HasPrefix(route, "GET /s/") || strings.HasPrefix(route, "GET /u/") {
			_, all.named[route] = parameters{"token": token, "page": "1"}.address(t, route)
		}
	}
	all.named["GET /people/bounces/:file"] = found(p.sendForm("/people/bounces", nil, map[string][2]string{"file": {"bounces.csv", "address,reason\nnobody@example.com,550 5.1.1 unknown user\n"}}), "/people/bounces/[0-9a-f]+")
	receipt := found(p.post("/people/2/erase", url.Values{"sure": {"yes"}, "by": {"letter of 3 March"}}), "/people/receipts/[0-9a-f]+")
	all.named["GET /people/receipts/:file"], all.named["GET /people/receipts/:file/text"] = receipt, receipt+"/text"
	if got := p.post(fmt.Sprintf("/waves/%d/launch/test", f.draft.ID), url.Values{"to": {"hr@example.com"}, "kind": {"invitation"}, "language": {"en"}}); got.status != http.StatusOK {
		t.Fatalf("a mail to try it: %d %s", got.status, visible(got.body))
	}
	mail := found(p.get("/outbox"), `/outbox/[^"?]+\.eml`)
	all.named["GET /outbox/:mail"], all.named["GET /outbox/:mail/letter"] = mail, mail+"/letter"
	for kind, route := range map[survey.LinkKind]string{survey.ResetLink: "GET /reset/:secret", survey.InvitationLink: "GET /invitation/:secret"} {
		link, err := f.server.access.NewLink(t.Context(), all.user.ID, kind)
		if err != nil {
			t.Fatal(err)
		}
		all.named[route] = strings.TrimPrefix(link, "https://survey.example.org")
	}
	all.named["GET /static/:name"] = "/static/" + f.server.static.names["respond.css"]
	all.named["GET /accent/:name"] = "/accent/b91c1c.css"
	return all
}

func idOfWave(w survey.Wave) string { return fmt.Sprint(w.ID) }

// pages returns the addresses of the routes that show a page, by route. A route that shows none must be one of those
// that are known to, and answer as they are known to; one that answers with a file is no page.
func (f *everyPage) pages(t *testing.T) map[string]string {
	t.Helper()
	pages := make(map[string]string)
	for _, route := range slices.Sorted(maps.Keys(rights)) {
		method, address := "", f.named[route]
		if address == "" {
			method, address = f.known.address(t, route)
		}
		if method == http.MethodPost || !strings.HasPrefix(route, "GET ") {
			continue
		}
		p := f.person(t)
		if r := rights[route].reach; r == byRight || r == users {
			p = f.as(t, f.user, survey.DefaultOrganisation)
		}
		got := p.get(address)
		want, none := noPageThere[route]
		switch {
		case none && got.status != want:
			t.Errorf("%s: status %d, and %d is known of it: %s", route, got.status, want, visible(got.body))
		case none:
		case got.status != http.StatusOK:
			t.Errorf("%s: %s answers with %d (%s): %s. Name something that there is", route, address, got.status, got.location, visible(got.body))
		case strings.HasPrefix(got.header.Get("Content-Type"), "text/html") && strings.Contains(got.body, "<main"):
			pages[route] = address
		}
	}
	return pages
}

// tooLow are what a thumb has to hit on a page of the workbench and is lower than that.
const tooLow = `[...document.querySelectorAll("header nav a, .button, select, main summary, .who summary, input:not([type=checkbox], [type=radio], [type=file], [type=hidden])")].filter((e) =>
	e.checkVisibility() && e.getBoundingClientRect().height < 43.5).map((e) => e.outerHTML.slice(0, 120) + " " + e.getBoundingClientRect().height)`

// Every page of the table of rights, whoever it is for, on a desk and on a phone, in light and in dark, in the four
// languages in turn: nothing too wide, nothing too low for a thumb, and nothing that a checker of accessibility objects
// to.
func TestEveryPageInABrowser(t *testing.T) {
	f := newEveryPage(t)
	pages := f.pages(t)
	if len(pages) < 58 {
		t.Errorf("only %d routes show a page", len(pages))
	}
	session := f.session(t, f.user, survey.DefaultOrganisation)
	at := 0
	for some := range slices.Chunk(slices.Sorted(maps.Keys(pages)), 15) { // as many as one browser has the time for
		for look, width := range []int64{1280, 390} {
			t.Run(fmt.Sprintf("%d/%d", width, at), func(t *testing.T) {
				b := chromium(t)
				for i, route := range some {
					b.window(width, 844, (i+look)%2 == 0)
					b.language([]string{"en", "pl", "ro", "ru"}[(i/2+look)%4])
					b.forget()
					if r := rights[route].reach; r == byRight || r == users {
						tell(b, network.SetCookie, network.SetCookieParams{Name: plainCookie, Value: session, URL: f.http.URL})
					}
					f.look(t, b, route, pages[route])
				}
			})
		}
		at += len(some)
	}
}

// look holds a page that a browser opens to what holds of every page.
func (f *everyPage) look(t *testing.T, b *browser, route, address string) {
	t.Helper()
	b.open(f.http.URL + address)
	if got := b.address(); got != f.http.URL+address {
		t.Errorf("%s leads to %s", route, got)
		return
	}
	name := fmt.Sprintf("every-%d-%s", b.width, strings.Trim(regexp.MustCompile(`[^a-z]+`).ReplaceAllString(route, "-"), "-"))
	b.fits(name)
	if b.width < 760 && rights[route].reach != everyone {
		for _, low := range read[[]string](b, tooLow) {
			t.Errorf("%s: lower than a thumb: %s", name, low)
		}
	}
	b.accessible(name)
	b.whole(name)
}
