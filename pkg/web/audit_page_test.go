package web

import (
	"encoding/csv"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"cxmirror/pkg/store/storetest"
	"cxmirror/pkg/survey"
)

// addEvent notes something as if it had been done.
func (f *field) addEvent(t *testing.T, e survey.AuditEvent) {
	t.Helper()
	if e.At.IsZero() {
		e.At = f.now()
	}
	if err := f.store.Note(t.Context(), e); err != nil {
		t.Fatal(err)
	}
}

// The trail is read as sentences, with the names of what its events have as numbers; it is filtered by day, person,
// action and subject; and another organisation's part of it is not there.
func TestAuditTrailIsRead(t *testing.T) {
	for name, open := range storetest.Engines() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, owner := newBenchIn(t, open(t))
			owner.get("/audit").expect(t, http.StatusOK, []string{"Nothing was noted yet"})
			external, internal := twoSides(t, f)
			owner.get("/divergence?segment=internal:department:operations&segment=external:channel:!phone")
			other := f.addOrganisation(t, "The other")
			f.addEvent(t, survey.AuditEvent{Organisation: other.ID, Actor: survey.ByUser, Who: "stranger@example.com", Action: "results.viewed"})
			f.addEvent(t, survey.AuditEvent{Organisation: survey.DefaultOrganisation, Actor: survey.ByToken, Who: "Nightly (cxm_ab…)", Action: "answers.exported", Subject: "wave 1", At: f.now().AddDate(0, 0, -3)})
			f.addEvent(t, survey.AuditEvent{
				Organisation: survey.DefaultOrganisation, Actor: survey.ByCommand, Who: "root", Action: "roles.changed", Subject: "user 1",
				Details: map[string]string{"from": "owner, hr", "to": "viewer", "never heard of": "yes"},
			})
			f.addEvent(t, survey.AuditEvent{Organisation: survey.DefaultOrganisation, Actor: survey.ByService, Action: "moon.landed", Subject: "cheese"})

			page := owner.get("/audit")
			page.expect(t, http.StatusOK, []string{
				"4 events", "Results were looked at", "owner@example.com", external.Name, internal.Name, "Production or operations", "all but By phone",
				"Answers were taken out as a file", "Nightly", "a program, by its token", "Wave “Customers, spring”", f.now().Format(time.DateOnly),
				"Roles were changed", "on the command line of the server", "Owner, HR", "Viewer", "never heard of", "the service by itself", "moon.landed", "cheese",
			}, "stranger@example.com")
			for query, want := range map[string][2]string{
				"action=results": {"Results were looked at", "taken out as a file, Nightly"}, "subject=wave+1": {"Nightly", "Roles were changed"},
				"user=1": {"Results were looked at", "moon.landed"}, "until=" + f.now().AddDate(0, 0, -1).Format(time.DateOnly): {"Nightly", "moon.landed"},
				"from=" + f.now().Format(time.DateOnly): {"moon.landed", "Nightly"}, "subject=cheese": {"moon.landed", "Nightly"},
				"action=%27+OR+1%3D1--": {"Nothing like that was noted", "moon.landed"}, "user=99": {"Nothing like that was noted", "moon.landed"},
				"scope=everywhere": {"moon.landed", "stranger@example.com"},
			} {
				owner.get("/audit?"+query).expect(t, http.StatusOK, []string{want[0]}, want[1])
			}
			for query, says := range map[string]string{
				"from=yesterday": "Give a day", "from=2027-03-02&until=2027-03-01": "before the first one", "user=somebody": "nobody of this number",
			} {
				owner.get("/audit?"+query).expect(t, http.StatusUnprocessableEntity, []string{says}, "moon.landed")
			}
			if got := owner.get("/audit/audit.csv?from=yesterday"); got.status != http.StatusBadRequest {
				t.Errorf("a file of no day: %d", got.status)
			}
		})
	}
}

// A long trail comes in pages, none of which leaves anything out, and as one file, which no spreadsheet runs.
func TestAuditTrailInPagesAndAsAFile(t *testing.T) {
	f, owner := newBench(t)
	owner.get("/")
	const events = eventsShown*2 + 7
	for i := range events {
		f.addEvent(t, survey.AuditEvent{
			Organisation: survey.DefaultOrganisation, Actor: survey.ByUser, Who: "=cmd|' /C calc'!A" + strconv.Itoa(i), Action: "wave.made", Subject: "wave " + strconv.Itoa(i+1),
			Details: map[string]string{"name": "@SUM(1), \"quoted\"\nline"},
		})
	}
	seen := map[string]bool{}
	at, pages := "/audit", 0
	for at != "" {
		page := owner.get(at)
		pages++
		for _, who := range regexp.MustCompile(`!A\d+`).FindAllString(page.body, -1) {
			seen[who] = true
		}
		next := regexp.MustCompile(`rel="next" href="([^"]+)"`).FindStringSubmatch(page.body)
		if at = ""; next != nil {
			at = strings.ReplaceAll(next[1], "&amp;", "&")
		}
	}
	if len(seen) != events || pages != 3 {
		t.Errorf("%d events on %d pages, want %d on 3", len(seen), pages, events)
	}
	file := owner.get("/audit/audit.csv?action=wave")
	if file.status != http.StatusOK {
		t.Fatalf("the file: %d %s", file.status, file.body)
	}
	rows, err := csv.NewReader(strings.NewReader(file.body)).ReadAll()
	if err != nil || len(rows) != events+1 {
		t.Fatalf("%d rows, %v; want %d", len(rows), err, events+1)
	}
	for _, row := range rows {
		for _, cell := range row {
			if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
				t.Fatalf("a spreadsheet runs %q", cell)
			}
		}
	}
	if !slices.Contains(rows[1], "A wave was made") || !slices.Contains(rows[1], "wave.made") {
		t.Errorf("the file does not say what was done: %q", rows[1])
	}
	owner.get("/audit?action=audit").expect(t, http.StatusOK, []string{"The audit trail was taken out as a file", "Survey waves"})
}

// Administrators see the whole trail, and in it no names of what belongs to organisations that they do not work in.
func TestAuditTrailOfTheServer(t *testing.T) {
	f, _ := newBench(t)
	twoSides(t, f)
	f.signedInOnly(t)
	administrator := f.addUser(t, "root@example.com")
	administrator.Administrator = true
	if err := storetest.SaveUser(t.Context(), f.store, administrator); err != nil {
		t.Fatal(err)
	}
	f.addEvent(t, survey.AuditEvent{Organisation: survey.DefaultOrganisation, Actor: survey.ByUser, Who: "hr@example.com", Action: "wave.launched", Subject: "wave 1"})
	f.addEvent(t, survey.AuditEvent{Actor: survey.ByCommand, Who: "root", Action: "user.made", Subject: userSubject(administrator.ID)})
	root := f.as(t, administrator, 0)
	root.get("/audit").expect(t, http.StatusOK, []string{"A wave was launched", "Wave “#1”", "A user was made", "User root@example.com", "default"}, "Customers, spring")
	root.get("/audit?scope=instance").expect(t, http.StatusOK, []string{"A user was made"}, "A wave was launched")
	hr := f.as(t, f.addUser(t, "hr@example.com", survey.HR), survey.DefaultOrganisation)
	for _, address := range []string{"/audit", "/audit?scope=everywhere", "/audit/audit.csv"} {
		if got := hr.get(address); got.status != http.StatusForbidden {
			t.Errorf("HR at %s: %d", address, got.status)
		}
	}
}

// Every action that the program notes has its words, and what is offered to choose from finds something.
func TestEveryNotedActionHasWords(t *testing.T) {
	actions := map[string]string{}
	for route, r := range rights {
		if r.action != "" {
			actions[r.action] = route
		}
	}
	names := regexp.MustCompile(`^[a-z]+\.[a-z_]+$`)
	prefixes := auditGroups()
	for _, root := range []string{"..", filepath.Join("..", "..", "cmd")} {
		err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			source, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, source, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			noted := func(e ast.Expr) {
				literal, ok := e.(*ast.BasicLit)
				if !ok || literal.Kind != token.STRING {
					return
				}
				if text, err := strconv.Unquote(literal.Value); err == nil && names.MatchString(text) {
					actions[text] = path
				}
			}
			ast.Inspect(file, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.KeyValueExpr: // Action: "user.made", or action: ...
					if key, ok := n.Key.(*ast.Ident); ok && strings.EqualFold(key.Name, "action") {
						noted(n.Value)
					}
				case *ast.CallExpr: // note(..., "user.made", ...), noteOwn, noted, refused
					called := ""
					switch f := n.Fun.(type) {
					case *ast.Ident:
						called = f.Name
					case *ast.SelectorExpr:
						called = f.Sel.Name
					}
					if strings.HasPrefix(called, "note") || called == "refused" {
						for _, argument := range n.Args {
							noted(argument)
						}
					}
				}
				return true
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(actions) < 30 {
		t.Fatalf("only %d actions were found", len(actions))
	}
	f, _ := newBench(t)
	phrases := f.server.workbench.phrases
	for action, where := range actions {
		if !slices.Contains(auditActions(), action) {
			t.Errorf("%s, noted by %s, has no words: add it to auditActions and audit.*.yaml", action, where)
		}
	}
	said := func(key string) {
		if text := phrases.Say(survey.English, key, survey.Args{"Which": "x"}); strings.HasPrefix(text, "[") {
			t.Errorf("there is no phrase %s", key)
		}
	}
	for _, action := range auditActions() {
		said("audit_" + strings.ReplaceAll(action, ".", "_"))
	}
	for _, group := range prefixes {
		said("audit_group_" + group)
	}
	for _, kind := range auditKinds() {
		said("audit_kind_" + kind)
	}
	for _, name := range auditDetails() {
		said("audit_detail_" + name)
	}
}

// What anybody typed stays words on the page of the trail.
func TestAuditTrailRunsNothing(t *testing.T) {
	f, owner := newBench(t)
	hostile := `"><script>alert(1)</script>`
	owner.get("/")
	f.addEvent(t, survey.AuditEvent{
		Organisation: survey.DefaultOrganisation, Actor: survey.ByUser, Who: hostile, Action: hostile, Subject: hostile, Request: hostile, Details: map[string]string{hostile: hostile},
	})
	for _, address := range []string{"/audit", "/audit?" + url.Values{"subject": {hostile}, "action": {hostile}, "from": {hostile}, "user": {hostile}, "scope": {hostile}}.Encode()} {
		if got := owner.get(address); strings.Contains(got.body, "<script>alert") {
			t.Errorf("%s: a word runs as script", address)
		}
	}
}
