package web

import (
	"database/sql"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"cxmirror/pkg/access"
	"cxmirror/pkg/store/storetest"
	"cxmirror/pkg/survey"
)

// Whatever is wrong with a request comes back as a problem that says where it is, and never repeats what was sent.
func TestAPIRefuses(t *testing.T) {
	f, program := newBench(t)
	d := program.document()
	external, internal := twoSides(t, f)
	closed := f.addWave(t, "external-expectations", survey.Wave{Name: "Over", Audience: survey.External, Slug: "over", State: survey.WaveClosed})
	past := noon.Add(-time.Hour)
	late := f.addWave(t, "external-expectations", survey.Wave{Name: "Late", Audience: survey.External, Slug: "late", State: survey.WaveDraft, Closes: &past})
	few := f.addWave(t, strings.Replace(commentedQuestions, "version: 1", "version: 3", 1), survey.Wave{Name: "Few", Audience: survey.Internal, Slug: "few", Mode: survey.Confidential})
	f.addComments(t, few, []string{"A secret of mine"})
	const secret = "Zażółć-gęślą-jaźń" // is in every request, and in no answer
	wave := fmt.Sprintf("/waves/%d", internal.ID)
	tests := []struct {
		method, template, path string
		body                   any
		status                 int
		kind                   string
		where                  string // the location of an error; "" is none needed
	}{
		{"GET", "/waves", "/waves?limit=0", nil, 422, "invalid", "query.limit"},
		{"GET", "/waves", "/waves?limit=" + secret, nil, 422, "invalid", "query.limit"},
		{"GET", "/waves", "/waves?offset=-1", nil, 422, "invalid", "query.offset"},
		{"GET", "/waves", "/waves?audience=" + secret, nil, 422, "invalid", "query.audience"},
		{"GET", "/waves", "/waves?" + secret + "=1", nil, 422, "invalid", "query"},
		{"GET", "/waves", "/waves?colour=1", nil, 422, "invalid", "query.colour"},
		{"GET", "/waves/{id}", "/waves/999", nil, 404, "not-found", ""},
		{"GET", "/waves/{id}", "/waves/" + secret, nil, 422, "invalid", "path.id"},
		{"GET", "/waves/{id}", "/waves/99999999999999999999", nil, 422, "invalid", "path.id"},
		{"POST", "/waves", "/waves", `{"name": "` + secret + `", `, 400, "malformed", "body"},
		{"POST", "/waves", "/waves", `["` + secret + `"]`, 422, "invalid", "body"},
		{"POST", "/waves", "/waves", "", 400, "malformed", ""},
		{"POST", "/waves", "/waves", map[string]any{"name": secret}, 422, "invalid", "body"},
		{"POST", "/waves", "/waves", map[string]any{"name": secret, "instrument": "internal-expectations", "yaml": commentedQuestions}, 422, "invalid", "body"},
		{"POST", "/waves", "/waves", map[string]any{"name": " ", "instrument": "internal-expectations"}, 422, "invalid", "body.name"},
		{"POST", "/waves", "/waves", map[string]any{"name": strings.Repeat("x", 121), "instrument": "internal-expectations"}, 422, "invalid", "body.name"},
		{"POST", "/waves", "/waves", map[string]any{"name": "x", "instrument": secret}, 422, "invalid", "body.instrument"},
		{"POST", "/waves", "/waves", map[string]any{"name": "x", "instrument": "own"}, 422, "invalid", "body.yaml"},
		{"POST", "/waves", "/waves", map[string]any{"name": "x", "instrument": "../../etc/passwd"}, 422, "invalid", "body.instrument"},
		{"POST", "/waves", "/waves", map[string]any{"name": "x", "questionnaire_id": 999}, 422, "invalid", "body.questionnaire_id"},
		{"POST", "/waves", "/waves", map[string]any{"name": "x", "yaml": "code: x\nversion: 1\ncolour: " + secret + "\n"}, 422, "invalid", "body.yaml"},
		{"POST", "/waves", "/waves", map[string]any{"name": "x", "yaml": strings.Replace(commentedQuestions, "title: Commented", "title: Other", 1)}, 201, "", ""},
		{"POST", "/waves", "/waves", map[string]any{"name": "y", "yaml": strings.Replace(commentedQuestions, "title: Commented", "title: Another", 1)}, 409, "conflict", "body.yaml"},
		{"POST", "/waves", "/waves", map[string]any{"name": "x", "instrument": "internal-expectations", "slug": secret}, 422, "invalid", "body.slug"},
		{"POST", "/waves", "/waves", map[string]any{"name": "x", "instrument": "internal-expectations", "slug": external.Slug}, 409, "taken", "body.slug"},
		{"POST", "/waves", "/waves", map[string]any{"name": "x", "instrument": "internal-expectations", "mode": secret}, 422, "invalid", "body.mode"},
		{"POST", "/waves", "/waves", map[string]any{"name": "x", "instrument": "internal-expectations", "mode": "anonymous", "threshold": 2}, 422, "invalid", "body.threshold"},
		{"POST", "/waves", "/waves", map[string]any{"name": "x", "instrument": "internal-expectations", "threshold": 0}, 422, "invalid", "body.threshold"},
		{"POST", "/waves", "/waves", map[string]any{"name": "x", "instrument": "internal-expectations", secret: true}, 422, "invalid", "body"},
		{"PATCH", "/waves/{id}", wave, map[string]any{"threshold": 4}, 409, "promised", "body.threshold"},
		{"PATCH", "/waves/{id}", wave, map[string]any{"threshold": "five"}, 422, "invalid", "body.threshold"},
		{"PATCH", "/waves/{id}", wave, map[string]any{"name": " "}, 422, "invalid", "body.name"},
		{"PATCH", "/waves/{id}", wave, map[string]any{"closes": secret}, 422, "invalid", "body.closes"},
		{"PATCH", "/waves/{id}", wave, map[string]any{"closes": noon.Add(-time.Hour)}, 409, "past", ""},
		{"PATCH", "/waves/{id}", wave, map[string]any{"mode": "identified"}, 422, "invalid", "body.mode"},
		{"PATCH", "/waves/{id}", "/waves/999", map[string]any{"name": "x"}, 404, "not-found", ""},
		{"POST", "/waves/{id}/open", fmt.Sprintf("/waves/%d/open", late.ID), nil, 409, "past", ""},
		{"POST", "/waves/{id}/close", "/waves/999/close", nil, 404, "not-found", ""},
		{"POST", "/waves/{id}/reopen", fmt.Sprintf("/waves/%d/reopen", closed.ID), map[string]any{"closes": past}, 409, "past", ""},
		{"GET", "/waves/{id}/fieldwork", "/waves/999/fieldwork", nil, 404, "not-found", ""},
		{"GET", "/waves/{id}/comments", wave + "/comments?item=" + secret, nil, 404, "not-found", ""},
		{"GET", "/waves/{id}/comments", "/waves/999/comments", nil, 404, "not-found", ""},
		{"GET", "/waves/{id}/answers.csv", fmt.Sprintf("/waves/%d/answers.csv", few.ID), nil, 409, "withheld", ""},
		{"GET", "/waves/{id}/answers.csv", "/waves/999/answers.csv", nil, 404, "not-found", ""},
		{"GET", "/divergence", "/divergence?external=999", nil, 404, "not-found", ""},
		{"GET", "/divergence", fmt.Sprintf("/divergence?external=%d", internal.ID), nil, 404, "not-found", ""},
		{"GET", "/divergence", "/divergence?item=" + secret, nil, 404, "not-found", ""},
		{"GET", "/divergence", "/divergence?top=11", nil, 422, "invalid", "query.top"},
		{"GET", "/divergence", "/divergence?segment=" + secret, nil, 404, "not-found", ""},
		{"GET", "/divergence", fmt.Sprintf("/divergence?external=%d", closed.ID), nil, 404, "nothing-to-compare", ""},
		{"GET", "/people", "/people?state=" + secret, nil, 422, "invalid", "query.state"},
		{"POST", "/people", "/people", map[string]any{"people": []any{}}, 422, "invalid", "body.people"},
		{"POST", "/people", "/people", map[string]any{"people": []any{map[string]any{"name": 7}}}, 422, "invalid", "body.people[0].name"},
		{"POST", "/people", "/people", map[string]any{"people": []any{map[string]any{"address": "a@example.com", "attributes": map[string]any{"Not A Key": "x"}}}}, 422, "invalid", "body.people"},
		{"GET", "/questionnaires/{id}", "/questionnaires/999", nil, 404, "not-found", ""},
	}
	for _, tt := range tests {
		path := strings.ReplaceAll(tt.path, secret, url.PathEscape(secret))
		got := program.call(tt.method, path, tt.body)
		what := fmt.Sprintf("%s %s %v", tt.method, tt.path, tt.body)
		if got.status != tt.status {
			t.Errorf("%s: status %d, want %d\n%s", what, got.status, tt.status, got.body)
			continue
		}
		d.holds(tt.method, tt.template, got)
		if tt.kind == "" {
			continue
		}
		p := decoded[problem](t, got)
		if !strings.HasSuffix(p.Type, "#problem-"+tt.kind) || p.Status != tt.status || p.Request == "" || p.Request != got.header.Get("X-Request-Id") || p.Detail == "" {
			t.Errorf("%s: %s", what, got.body)
		}
		found := tt.where == ""
		for _, e := range p.Errors {
			found = found || e.Location == tt.where && e.Message != ""
		}
		if !found {
			t.Errorf("%s: no error at %s in %s", what, tt.where, got.body)
		}
		if strings.Contains(got.body, "ęśl") || strings.Contains(strings.ToLower(got.body), url.PathEscape("ę")) {
			t.Errorf("%s repeats what was sent: %s", what, got.body)
		}
	}
	if strings.Contains(f.log.String(), "ęśl") {
		t.Error("the log has what was sent")
	}

	// Everybody brings attributes of her own: a column for each would make a cell of everybody in each.
	var many []any
	for i := range 1000 {
		own := make(map[string]string)
		for n := range 30 {
			own[fmt.Sprintf("a%d_%d", i, n)] = "x"
		}
		many = append(many, map[string]any{"address": fmt.Sprintf("p%d@example.com", i), "attributes": own})
	}
	refused := program.call("POST", "/people", map[string]any{"people": many})
	if p := decoded[problem](t, refused); refused.status != 422 || len(p.Errors) != 1 || !strings.HasPrefix(p.Errors[0].Message, "30000 attributes are named") {
		t.Errorf("attributes of everybody's own: status %d\n%.500s", refused.status, refused.body)
	}

	// What is no operation is a problem, too.
	for _, tt := range []struct {
		method, path, kind, body string
		status                   int
		header                   [2]string
	}{
		{"GET", "/nothing", "", "", 404, [2]string{}},
		{"DELETE", "/waves/1", "", "", 405, [2]string{}},
		{"POST", "/waves", "text/plain", "name: x", 415, [2]string{}},
		{"POST", "/waves", "application/json", `{"name": "` + strings.Repeat("x", 5<<20) + `"}`, 413, [2]string{}},
		{"POST", "/waves", "application/json", `{"name": "x", "instrument": "internal-expectations"}`, 403, [2]string{"Sec-Fetch-Site", "cross-site"}},
	} {
		r, err := http.NewRequestWithContext(t.Context(), tt.method, program.base+apiRoot+tt.path, strings.NewReader(tt.body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", tt.kind)
		if tt.header[0] != "" {
			r.Header.Set(tt.header[0], tt.header[1])
		}
		response, err := program.client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != tt.status || response.Header.Get("Content-Type") != problemType {
			t.Errorf("%s %s as %s: status %d, %s", tt.method, tt.path, tt.kind, response.StatusCode, response.Header.Get("Content-Type"))
		}
	}
	open := httptest.NewServer(f.server.Public()) // where everybody comes, there is no API
	t.Cleanup(open.Close)
	program.base = open.URL
	for _, path := range []string{"/waves", "/openapi.json", "/docs"} {
		if got := program.get(apiRoot + path); got.status != http.StatusNotFound {
			t.Errorf("%s is open to everybody: status %d", path, got.status)
		}
	}
}

// What was promised at the launch is refused to whoever would take it back: on the page, by the API and in the
// database.
func TestPromiseIsKeptEverywhere(t *testing.T) {
	t.Parallel()
	for engine, dsnOf := range map[string]func(testing.TB) string{"sqlite": storetest.SQLite, "postgres": storetest.Postgres} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			dsn := dsnOf(t)
			f, hr := newBenchIn(t, storetest.Open(t, dsn))
			wave := f.inviteDepartments(t, "promised", map[string][2]int{"Sales": {8, 0}})
			db, err := sql.Open(map[string]string{"sqlite": "sqlite", "postgres": "pgx"}[engine], dsn)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = db.Close() })
			page, api := fmt.Sprintf("/waves/%d", wave.ID), fmt.Sprintf("/waves/%d", wave.ID)
			after := noon.AddDate(0, 7, 0) // personal data are erased by then
			tests := []struct {
				what      string
				action    string // of the page
				form      url.Values
				patch     any // of the API
				statement string
			}{
				{"fewer people", "/fieldwork/raise", url.Values{"threshold": {"4"}, "comments": {"10"}}, map[string]any{"threshold": 4}, "UPDATE waves SET threshold = 4"},
				{"fewer comments", "/fieldwork/raise", url.Values{"threshold": {"5"}, "comments": {"9"}}, map[string]any{"comment_threshold": 9}, "UPDATE waves SET comments = 9"},
				{"nobody at all", "/fieldwork/raise", url.Values{"threshold": {"1"}, "comments": {"1"}}, map[string]any{"threshold": 1, "comment_threshold": 1}, "UPDATE waves SET threshold = 1, comments = 1"},
				{"one higher, one lower", "/fieldwork/raise", url.Values{"threshold": {"6"}, "comments": {"9"}}, map[string]any{"threshold": 6, "comment_threshold": 9}, "UPDATE waves SET threshold = 6, comments = 9"},
				{"answers after erasure", "/fieldwork/extend", url.Values{"closes": {after.Format(timeOfForm)}}, map[string]any{"closes": after}, "UPDATE waves SET erases_at = '2040-01-01 00:00:00+00:00'"},
			}
			for _, tt := range tests {
				if got := hr.post(page+tt.action, tt.form); got.status != http.StatusUnprocessableEntity && got.status != http.StatusConflict {
					t.Errorf("%s: the page answers %d", tt.what, got.status)
				}
				got := hr.call(http.MethodPatch, api, tt.patch)
				if p := decoded[problem](t, got); got.status != http.StatusConflict || !strings.HasSuffix(p.Type, "#problem-promised") || len(p.Errors) == 0 {
					t.Errorf("%s: the API answers %d, %s", tt.what, got.status, got.body)
				}
				if _, err := db.ExecContext(t.Context(), tt.statement); err == nil {
					t.Errorf("%s: the database takes %s", tt.what, tt.statement)
				}
				stored, err := f.store.Wave(t.Context(), wave.Organisation, wave.ID)
				if err != nil || stored.Threshold != 5 || stored.Comments != 10 || stored.Closes != nil || !stored.Erases.Equal(*wave.Erases) {
					t.Fatalf("%s: the wave became %+v, %v", tt.what, stored, err)
				}
			}
			// Stricter is taken by all three.
			if got := hr.post(page+"/fieldwork/raise", url.Values{"threshold": {"6"}, "comments": {"10"}}); got.status != http.StatusSeeOther {
				t.Errorf("the page does not raise a threshold: %d", got.status)
			}
			if got := hr.call(http.MethodPatch, api, map[string]any{"threshold": 7, "comment_threshold": 11}); got.status != http.StatusOK {
				t.Errorf("the API does not raise a threshold: %d, %s", got.status, got.body)
			}
			if _, err := db.ExecContext(t.Context(), "UPDATE waves SET threshold = 8"); err != nil {
				t.Errorf("the database does not raise a threshold: %v", err)
			}
			if got := decoded[apiWave](t, hr.call(http.MethodGet, api, nil)); got.Promise.Threshold != 8 || got.Promise.CommentThreshold != 11 {
				t.Errorf("raised to %+v", got.Promise)
			}
		})
	}
}

// A program may do what its token says and no more, and what it shows instead of a token is told without being
// repeated.
func TestAPITokens(t *testing.T) {
	f, _ := newBench(t)
	external, internal := twoSides(t, f)
	owner, err := f.server.access.Actor(t.Context(), f.addUser(t, "maker@example.com", survey.Owner).ID, survey.DefaultOrganisation)
	if err != nil {
		t.Fatal(err)
	}
	signedOut := httptest.NewServer(f.server.Handler())
	t.Cleanup(signedOut.Close)
	issued, err := f.server.access.NewToken(t.Context(), owner, access.NewToken{
		Name: "Dashboard", Rights: []access.Right{access.SeeWaves, access.SeeResults}, Expires: f.now().AddDate(0, 1, 0),
	})
	if err != nil {
		t.Fatal(err)
	}
	ask := func(method, path, body, authorisation string) answer {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, signedOut.URL+apiRoot+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", authorisation)
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		content, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		return answer{response.StatusCode, "", string(content), response.Header}
	}
	for _, tt := range []struct {
		method, path, body, authorisation string
		status                            int
	}{
		{"GET", "/waves", "", "Bearer " + issued.Text, 200},
		{"GET", fmt.Sprintf("/divergence?external=%d&internal=%d", external.ID, internal.ID), "", "bearer " + issued.Text, 200},
		{"GET", "/people", "", "Bearer " + issued.Text, 403},
		{"POST", "/people", `{"people": [{"address": "a@example.com"}]}`, "Bearer " + issued.Text, 403},
		{"PATCH", fmt.Sprintf("/waves/%d", internal.ID), `{"threshold": 9}`, "Bearer " + issued.Text, 403},
		{"GET", fmt.Sprintf("/waves/%d/answers.csv", external.ID), "", "Bearer " + issued.Text, 403},
		{"GET", fmt.Sprintf("/waves/%d/comments", external.ID), "", "Bearer " + issued.Text, 403},
		{"GET", "/waves", "", "", 401},
		{"GET", "/waves", "", "Bearer ", 401},
		{"GET", "/waves", "", "Bearer " + issued.Text + "x", 401},
		{"GET", "/waves", "", "Basic " + issued.Text, 401},
	} {
		got := ask(tt.method, tt.path, tt.body, tt.authorisation)
		if got.status != tt.status || tt.status >= 400 && got.header.Get("Content-Type") != problemType {
			t.Errorf("%s %s with %q: status %d, want %d\n%s", tt.method, tt.path, tt.authorisation, got.status, tt.status, got.body)
		}
		if strings.Contains(got.body, issued.Text) || tt.status == 401 && got.header.Get("WWW-Authenticate") != "Bearer" {
			t.Errorf("%s %s: %v %s", tt.method, tt.path, got.header, got.body)
		}
	}
	if strings.Contains(f.log.String(), issued.Text) {
		t.Error("the log has the token")
	}
}
