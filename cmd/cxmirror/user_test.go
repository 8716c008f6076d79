package main

import (
	"bytes"
	"database/sql"
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"cxmirror/pkg/store"
	"cxmirror/pkg/store/storetest"
	"cxmirror/pkg/survey"
)

// told runs the program with what is piped into it.
func told(t *testing.T, stdin string, args ...string) outcome {
	t.Helper()
	var stdout, stderr bytes.Buffer
	w := world{
		ctx: t.Context(), stdin: strings.NewReader(stdin), stdout: &stdout, stderr: &stderr,
		getenv: func(name string) string { return map[string]string{"SUDO_USER": "ann"}[name] },
		now:    time.Now, ready: func(string) {},
	}
	code := w.run(args)
	return outcome{code, stdout.String(), stderr.String()}
}

// Everything that can be done to users from the command line is done, works at the service that runs meanwhile, and
// stands in the audit trail under the account of the machine.
func TestUsersFromTheCommandLine(t *testing.T) {
	const password, another = "the first of four passwords", "the second of four passwords"
	for engine, dsn := range databases(t) {
		t.Run(engine, func(t *testing.T) {
			dsn := dsn(t)
			db := storetest.Open(t, dsn)
			if err := db.CreateOrganisation(t.Context(), &survey.Organisation{Name: "Client AG"}); err != nil {
				t.Fatal(err)
			}
			user := func(stdin string, args ...string) outcome {
				return told(t, stdin, append([]string{"user"}, append(args, "--dsn", dsn)...)...)
			}
			steps := []struct {
				args  string
				stdin string
				code  int
				want  string // in what is printed, whether it worked or not
			}{
				{"list", "", exitDone, "There are no users yet"},
				{"add anna@example.com", password, exitUsage, "--role, --administrator or both"},
				{"add anna@example.com --role owner", password, exitUsage, "--organisation is missing: there are 2 (Client AG), 1 (default)"},
				{"add anna@example.com --role owner --organisation nobody", password, exitUsage, `--organisation is "nobody"`},
				{"add anna --administrator", password, exitUsage, "address of e-mail"},
				{"add anna@example.com --role king", password, exitUsage, "king"},
				{"add anna@example.com --administrator", "", exitFailed, "none on standard input"},
				{"add anna@example.com --administrator", "short\n", exitFailed, "at least 12 characters"},
				{"add Anna@Example.com --name Anna --administrator --role owner,hr --organisation 1", password + "\n", exitDone, "anna@example.com is user 1, an administrator of the server, owner, hr of default"},
				{"add anna@example.com --administrator", another, exitFailed, "is a user already"},
				{"add ben@example.com --role analyst --organisation client/AG --link", "", exitDone, "/invitation/"},
				{"administrator anna@example.com --off", "", exitFailed, "nobody else who can sign in is an administrator"},
				{"disable anna@example.com", "", exitFailed, "nobody else who can sign in"},
				{"role 1 hr --organisation 1", "", exitFailed, "nobody else who can sign in owns the organisation"},
				{"role ben@example.com --organisation 1", "", exitUsage, "--none"},
				{"role ben@example.com viewer hr --organisation 1", "", exitDone, "ben@example.com is hr, viewer of default"},
				{"role ben@example.com --none --organisation 1", "", exitDone, "does not work in default any more"},
				{"password ben@example.com", another + "\r\n", exitDone, "signed out everywhere"},
				{"password ben@example.com", "ben@example.com", exitFailed, "anybody would try that first"},
				{"administrator 2", "", exitDone, "ben@example.com is an administrator"},
				{"administrator 2 --off", "", exitDone, "no administrator of the server any more"},
				{"disable ben@example.com", "", exitDone, "cannot sign in any more"},
				{"link ben@example.com", "", exitFailed, "cxmirror user enable"},
				{"enable ben@example.com", "", exitDone, "can sign in again"},
				{"link ben@example.com --address https://survey.example.org/", "", exitDone, "https://survey.example.org/reset/"},
				{"second-factor off ben@example.com", "", exitFailed, "has no second factor"},
				{"role ben@example.com owner --organisation client/AG", "", exitDone, "ben@example.com is owner of Client AG"},
				{"second-factor off ben@example.com", "", exitDone, "without a second factor"},
				{"sign-out anna@example.com", "", exitDone, "0 sessions ended"},
				{"sign-out 77", "", exitFailed, `there is no user "77"`},
				{"sign-out", "", exitUsage, "--everybody"},
				{"sign-out 1 --everybody", "", exitUsage, "--everybody"},
				{"sign-out --everybody", "", exitDone, "0 sessions and 1 link to sign in by ended"},
				{"list", "", exitDone, "administrator of the server; owner, hr of default"},
			}
			for i, step := range steps {
				if i > 0 && strings.HasPrefix(steps[i-1].args, "role ben@example.com owner") {
					if err := db.SetSecondFactor(t.Context(), 2, []byte("sealed"), nil); err != nil {
						t.Fatal(err)
					}
				}
				args := strings.Fields(step.args)
				for i := range args {
					args[i] = strings.ReplaceAll(args[i], "/AG", " AG")
				}
				got := user(step.stdin, args...)
				if got.code != step.code || !strings.Contains(got.stdout+got.stderr, step.want) {
					t.Errorf("user %s: exit code %d, want %d, and %q in:\n%s%s", step.args, got.code, step.code, step.want, got.stdout, got.stderr)
				}
				if printed := got.stdout + got.stderr; strings.Contains(printed, password) || strings.Contains(printed, another) {
					t.Errorf("user %s prints a password:\n%s", step.args, printed)
				}
			}
			events, _, err := db.AuditEvents(t.Context(), 0, store.AuditQuery{Everywhere: true, Limit: 100})
			if err != nil {
				t.Fatal(err)
			}
			var told []string
			for _, e := range slices.Backward(events) {
				if e.Actor != survey.ByCommand || !strings.HasPrefix(e.Who, "ann as ") || e.Details["address"] == "" && e.Details["all"] == "" {
					t.Errorf("the trail says %+v; want who ran the command, and on whom", e)
				}
				what := e.Action + " " + e.Subject
				if e.Organisation != 0 {
					what += " in " + strconv.Itoa(int(e.Organisation))
				}
				told = append(told, what)
			}
			want := []string{
				"user.made user 1", "roles.changed user 1 in 1", "roles.changed user 1", "user.password_set user 1", "user.password_set user 1 in 1",
				"user.made user 2", "roles.changed user 2 in 2", "roles.changed user 2", "user.link_made user 2", "user.link_made user 2 in 2",
				"roles.changed user 2 in 1", "roles.changed user 2", "roles.changed user 2 in 1", "roles.changed user 2", "user.password_set user 2", "user.password_set user 2 in 2",
				"user.administrator user 2", "user.administrator user 2 in 2", "user.administrator user 2", "user.administrator user 2 in 2",
				"user.disabled user 2", "user.disabled user 2 in 2", "user.enabled user 2", "user.enabled user 2 in 2", "user.link_made user 2", "user.link_made user 2 in 2",
				"roles.changed user 2 in 2", "roles.changed user 2", "user.factor_ended user 2", "user.factor_ended user 2 in 2",
				"user.sessions_ended user 1", "user.sessions_ended user 1 in 1", "user.sessions_ended ",
			}
			if !slices.Equal(told, want) {
				t.Errorf("the trail says\n%q, want\n%q", told, want)
			}
			if own, total, err := db.AuditEvents(t.Context(), 2, store.AuditQuery{Limit: 10}); err != nil || total != 10 || own[9].Details["roles"] != "analyst" {
				t.Errorf("the trail of Client AG is %+v, %v; want that Ben became its analyst, and by what others could sign in as him", own, err)
			}
		})
	}
}

// Whoever is made on the command line signs in at the service that runs, and is signed out by the command line.
func TestCommandLineAndServiceAgreeOnUsers(t *testing.T) {
	data := t.TempDir()
	s := begin(t, "serve", "--data", data)
	if got := told(t, "", "user", "add", "anna@example.com", "--data", data, "--administrator", "--role", "owner", "--link", "--address", s.address); got.code != exitDone {
		t.Fatal(got.stderr)
	} else if page := get(t, regexp.MustCompile(`http://\S+/invitation/\S+`).FindString(got.stdout)); !strings.Contains(page, "anna@example.com") {
		t.Errorf("the link opens no page that she is welcome on:\n%s", page)
	}
	const password = "of four words this password"
	if got := told(t, password, "user", "password", "anna@example.com", "--data", data); got.code != exitDone {
		t.Fatal(got.stderr)
	}
	anna := newBrowser(t)
	signIn(t, anna, s.address, "anna@example.com", password)
	getBy(t, anna, s.address+"/waves/new")
	if got := told(t, "", "user", "sign-out", "anna@example.com", "--data", data); got.code != exitDone || !strings.Contains(got.stdout, "1 session ended") {
		t.Errorf("%+v", got)
	}
	response, err := anna.Get(s.address + "/waves/new")
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if location := response.Header.Get("Location"); response.StatusCode != http.StatusSeeOther || !strings.HasPrefix(location, "/sign-in") {
		t.Errorf("after signing out: %s to %q, want the page to sign in", response.Status, location)
	}
	// The link that set the service up is worth nothing once there is a user.
	link := setUpPath.FindString(s.stdout.String())
	response, err = anna.PostForm(s.address+link, url.Values{"address": {"eve@example.com"}, "name": {"Eve"}, "organisation": {"Eve's"}, "password": {password}, "again": {password}})
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusGone && response.StatusCode != http.StatusNotFound {
		t.Errorf("setting up what has a user: %s", response.Status)
	}
}

// Commands that touch the database as a whole stand in its trail too.
func TestAuditTrailOfTheDatabase(t *testing.T) {
	data, copied := t.TempDir(), filepath.Join(t.TempDir(), "copy.db")
	for _, args := range [][]string{{"migrate", "--data", data}, {"backup", "--data", data, copied}, {"restore", "--data", data, copied}} {
		if got := told(t, "", args...); got.code != exitDone {
			t.Fatalf("%v: %s", args, got.stderr)
		}
	}
	db, err := store.Open(t.Context(), filepath.Join(data, serviceDatabase), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	events, _, err := db.AuditEvents(t.Context(), 0, store.AuditQuery{Everywhere: true, Limit: 10})
	if err != nil {
		t.Fatal(err)
	}
	var actions []string
	for _, e := range slices.Backward(events) {
		actions = append(actions, e.Action)
		if e.Actor != survey.ByCommand || !strings.HasPrefix(e.Who, "ann as ") {
			t.Errorf("%+v does not say who did it", e)
		}
	}
	// The copy that was put back was made before it was noted that it was.
	if want := []string{"database.migrated", "database.restored"}; !slices.Equal(actions, want) {
		t.Errorf("the trail says %q, want %q", actions, want)
	}
}

// A database that is to be brought up to date has a trail already, if it is not older than that.
func TestAuditTrailOfAnOlderDatabase(t *testing.T) {
	for version, want := range map[int]int{trailSince: 1, trailSince - 1: 0} {
		data := t.TempDir()
		if got := told(t, "", "migrate", "--data", data); got.code != exitDone {
			t.Fatal(got.stderr)
		}
		db, err := sql.Open("sqlite", filepath.Join(data, serviceDatabase))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.ExecContext(t.Context(), "DELETE FROM goose_db_version WHERE version_id > ?", version); err != nil {
			t.Fatal(err)
		}
		if got := told(t, "", "backup", "--data", data, filepath.Join(t.TempDir(), "copy.db")); got.code != exitDone {
			t.Fatal(got.stderr)
		}
		noted := 0
		if err := db.QueryRowContext(t.Context(), "SELECT count(*) FROM audit_events WHERE action = 'database.copied'").Scan(&noted); err != nil || noted != want {
			t.Errorf("of version %d it is noted %d times that it was copied, %v; want %d", version, noted, err, want)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
