package web

import (
	"net/http"
	"testing"
)

// The metrics count requests by route, and know nothing of who asked for what: no slug, no query, no path that
// a visitor made up.
func TestMetricsCountRoutesAndNoPeople(t *testing.T) {
	f := newField(t, "external-expectations", nil)
	p := f.person(t)
	p.get("/o/spring?lang=pl")
	p.get("/made-up-by-somebody")
	p.get("/metrics").expect(t, http.StatusOK, []string{
		`cxmirror_http_request_duration_seconds_count{method="GET",route="/o/:slug",status="200"} 1`, "go_goroutines", `status="404"`,
	}, "spring", "lang=pl", "made-up-by-somebody")
}
