package web

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"cxmirror/pkg/store"
	"cxmirror/pkg/survey"
)

// withToken asks for something as a program does.
func (f *field) withToken(t *testing.T, token, path string) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, f.http.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	return answer.StatusCode
}

// A token does what it was made for, as long as it was made for, and until it is revoked; its text is on one page, once.
func TestTokens(t *testing.T) {
	eachBench(t, func(t *testing.T, f *field, _ *person, _ func(string)) {
		f.strict(t)
		user := f.addUser(t, "maker@example.com", survey.Owner)
		owner := f.as(t, user, survey.DefaultOrganisation)
		mustSay(t, owner.get("/tokens"), 200, "No program has access yet", "See results above the thresholds")
		if page := owner.get("/tokens"); strings.Contains(page.body, `value="audit.see"`) {
			t.Error("a right is offered that no operation of the API needs")
		}
		for _, tt := range []struct {
			form url.Values
			says string
		}{
			{url.Values{"name": {""}, "days": {"90"}, "rights": {"waves.see"}}, "The name is missing"},
			{url.Values{"name": {"Intranet"}, "days": {"90"}}, "Tick at least one right"},
			{url.Values{"name": {"Intranet"}, "days": {"90"}, "rights": {"instance.administer"}}, "No token can have one of these rights."},
			{url.Values{"name": {"Intranet"}, "days": {"90"}, "rights": {"members.manage"}}, "No token can have one of these rights."},
			{url.Values{"name": {"Intranet"}, "days": {"30"}, "rights": {"waves.see", "tokens.manage"}}, `value="waves.see" checked`},
			{url.Values{"name": {"Intranet"}, "days": {"30"}, "rights": {"waves.see", "audit.see"}}, `<option value="30" selected`},
			{url.Values{"name": {"Intranet"}, "days": {"90"}, "rights": {"waves.see", "everything"}}, "No token can have one of these rights."},
			{url.Values{"name": {"Intranet"}, "days": {"4000"}, "rights": {"waves.see"}}, "Choose one of these times."},
		} {
			mustSay(t, owner.post("/tokens", tt.form), http.StatusUnprocessableEntity, tt.says, `value="`+tt.form.Get("name")+`"`)
		}
		made := owner.post("/tokens", url.Values{"name": {"Intranet <b>"}, "days": {"30"}, "rights": {"waves.see", "results.see"}})
		mustSay(t, made, http.StatusCreated, "The token “Intranet <b>”", "curl -H 'Authorization: Bearer cxm_", "works until 2027-04-13")
		text := regexp.MustCompile(`id="made"[^>]* value="(cxm_[0-9A-Za-z]+)"`).FindStringSubmatch(made.body)
		if text == nil {
			t.Fatalf("no token: %s", plainWords(made.body))
		}
		page := owner.get("/tokens")
		mustSay(t, page, 200, text[1][:10]+"…", "maker@example.com", "never")
		if strings.Contains(page.body, text[1]) {
			t.Error("the token is shown twice")
		}
		for path, want := range map[string]int{"/api/v1/waves": 200, "/api/v1/people": http.StatusForbidden} {
			if got := f.withToken(t, text[1], path); got != want {
				t.Errorf("%s: %d, want %d", path, got, want)
			}
		}
		mustSay(t, owner.get("/tokens"), 200, f.now().Format(time.DateOnly)) // it was used today

		tokens, err := f.store.Tokens(t.Context(), survey.DefaultOrganisation)
		if err != nil || len(tokens) != 1 {
			t.Fatalf("%d tokens, %v", len(tokens), err)
		}
		got := owner.post(fmt.Sprintf("/tokens/%d/revoke", tokens[0].ID), nil)
		mustSay(t, owner.get(got.location), 200, "The token was revoked.", "revoked on 2027-03-14")
		if got := f.withToken(t, text[1], "/api/v1/waves"); got != http.StatusUnauthorized {
			t.Errorf("after it was revoked: %d", got)
		}
		for _, path := range []string{"/tokens/x/revoke", "/tokens/99999/revoke"} {
			if got := owner.post(path, nil); got.status != http.StatusNotFound {
				t.Errorf("%s: %d", path, got.status)
			}
		}

		// Time ends a token, too.
		made = owner.post("/tokens", url.Values{"name": {"Short"}, "days": {"7"}, "rights": {"waves.see"}})
		text = regexp.MustCompile(`id="made"[^>]* value="(cxm_[0-9A-Za-z]+)"`).FindStringSubmatch(made.body)
		f.wait(8 * 24 * time.Hour)
		if got := f.withToken(t, text[1], "/api/v1/waves"); got != http.StatusUnauthorized {
			t.Errorf("after it has expired: %d", got)
		}
		owner = f.as(t, user, survey.DefaultOrganisation)
		mustSay(t, owner.get("/tokens"), 200, "expired on 2027-03-21")
		events, _, err := f.store.AuditEvents(t.Context(), survey.DefaultOrganisation, store.AuditQuery{Action: "token"})
		if err != nil || len(events) != 3 || events[2].Action != "token.made" || events[2].Subject != fmt.Sprintf("token %d", tokens[0].ID) || events[2].Details["rights"] != "results.see, waves.see" {
			t.Errorf("audit trail: %+v, %v", events, err)
		}
		for i := range events {
			if strings.Contains(fmt.Sprint(events[i].Details), text[1][10:]) {
				t.Error("a token is in the audit trail")
			}
		}
	})
}
