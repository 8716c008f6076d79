package web

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"cxmirror/pkg/store/storetest"
)

// BenchmarkQuestionPage serves the longest page of an instrument, as filled in, to somebody whose response is
// read from the database, and to compare the same server's shortest answer.
func BenchmarkQuestionPage(b *testing.B) {
	f := newFieldIn(b, storetest.Open(b, storetest.SQLite(b)), "external-expectations", nil)
	p := f.person(b)
	page := p.begin()
	for _, step := range []string{"channel=phone", "expectations=speed", "performance.speed=4"} {
		page = p.get(p.post("/o/spring/"+pageOf(page), p.with(page, step)).location)
	}
	address, err := url.Parse(f.http.URL + "/o/spring/4")
	if err != nil {
		b.Fatal(err)
	}
	var cookies []string
	for _, cookie := range p.client.Jar.Cookies(address) {
		cookies = append(cookies, cookie.Name+"="+cookie.Value)
	}
	for _, path := range []string{"/o/spring/4", "/o/spring", "/healthz"} {
		b.Run(path, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r := httptest.NewRequestWithContext(b.Context(), http.MethodGet, path, nil)
				r.Header.Set("Cookie", strings.Join(cookies, "; "))
				w := httptest.NewRecorder()
				f.server.Handler().ServeHTTP(w, r)
				if w.Code != http.StatusOK {
					b.Fatalf("%d %q", w.Code, w.Header().Get("Location"))
				}
			}
		})
	}
}
