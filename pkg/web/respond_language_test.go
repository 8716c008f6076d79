package web

import (
	"net/http"
	"strings"
	"testing"

	"cxmirror/pkg/survey"
)

// A page speaks the language that was asked for; where its questions are in another, it says so, to readers and
// to what reads aloud.
func TestLanguages(t *testing.T) {
	tests := []struct {
		accept, query string
		lang          string // of the page
		shows         []string
		foreign       string // language of the questions, if another
	}{
		{"en", "", "en", []string{"What matters to you", "Begin"}, ""},
		{"pl-PL,pl;q=0.9,en;q=0.8", "", "pl", []string{"Co jest dla Państwa ważne", "Zaczynam"}, ""},
		{"de,ru;q=0.5", "", "ru", []string{"Что важно для Вас", "Начать"}, ""},
		{"cs,ro;q=0.3", "", "ro", []string{"Ce contează pentru dumneavoastră", "Începeți"}, ""}, // the questions are there in Romanian
		{"cs", "", "cs", []string{"Začít", "Otázky zatím nejsou přeloženy. Jsou v jiném jazyce: English."}, "en"},
		{"uk", "", "uk", []string{"Почати", "English"}, "en"}, // not Russian
		{"sk", "", "cs", []string{"Začít"}, "en"},
		{"ja", "", "en", []string{"Begin"}, ""},
		{"", "", "en", []string{"Begin"}, ""},
		{"((", "", "en", []string{"Begin"}, ""},
		{"en", "?lang=hu", "hu", []string{"Kezdés"}, "en"},
		{"en", "?lang=bg", "bg", []string{"Започнете"}, "en"},
		{"en", "?lang=sk", "sk", []string{"Začať"}, "en"},
		{"pl", "?lang=xx", "pl", []string{"Zaczynam"}, ""},
		{"pl", "?lang=%22%3E%3Cscript%3E", "pl", []string{"Zaczynam"}, ""},
	}
	f := newField(t, "external-expectations", nil)
	for _, tt := range tests {
		t.Run(tt.accept+tt.query, func(t *testing.T) {
			p := f.person(t)
			p.accept = tt.accept
			if tt.accept == "sk" { // asked for by hand, a language stays for the pages that come
				p.get("/o/spring?lang=cs")
			}
			page := p.get("/o/spring" + tt.query)
			page.expect(t, http.StatusOK, append(tt.shows, "Magyar", "Українська", "Română"), "<script>\"")
			if !strings.Contains(page.body, `<html lang="`+tt.lang+`">`) {
				t.Errorf("the page is not in %s", tt.lang)
			}
			question := p.get(p.post("/o/spring", p.formOf(page)).location)
			question.expect(t, http.StatusOK, nil)
			if !strings.Contains(question.body, `<html lang="`+tt.lang+`">`) {
				t.Errorf("the question is not in %s", tt.lang)
			}
			if told := strings.Contains(question.body, `id="i-channel" lang="en"`); told != (tt.foreign == "en") {
				t.Errorf("the question says lang=en: %t", told)
			}
		})
	}
}

// What a wave says of itself is shown, and is no way for a script or an address that is none.
func TestPromise(t *testing.T) {
	f := newField(t, "internal-expectations", func(w *survey.Wave) {
		w.Simulated = true
		w.Threshold = 10
		w.Promise = survey.Promise{
			Asker: survey.Words{"en": `HR <b>"team"</b>`}, Kept: survey.Words{"en": "Answers are deleted after two years."},
			Contact: "Ask Ann, room 5", Homepage: "javascript:alert(1)",
		}
	})
	p := f.person(t)
	page := p.get("/o/spring")
	page.expect(t, http.StatusOK, []string{
		"This is a demonstration.", `HR <b>"team"</b>`, "Answers are deleted after two years.", "groups of at least 10 people", "Ask Ann, room 5",
	}, "<b>", "javascript:", "What for", "mailto:")
	p.begin().expect(t, http.StatusOK, []string{"This is a demonstration."})
	for name, want := range map[string]string{
		"Content-Security-Policy": contentPolicy, "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin",
	} {
		if got := page.header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// A browser that keeps no cookie is told so, instead of going in circles.
func TestWithoutCookies(t *testing.T) {
	f := newField(t, "external-expectations", nil)
	p := f.person(t)
	p.client.Jar = nil
	begun := p.post("/o/spring", p.formOf(p.get("/o/spring")))
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, f.http.URL+begun.location, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Referer", f.http.URL+"/o/spring")
	response, err := p.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	p.get(response.Header.Get("Location")).expect(t, http.StatusOK, []string{"Your browser did not keep the cookie"})
	// Who only opened an address from somebody else's history is not reproached.
	if got := p.get("/o/spring/3").location; got != "/o/spring" {
		t.Errorf("led to %q", got)
	}
}
