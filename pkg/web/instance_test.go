package web

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"cxmirror/pkg/access"
	"cxmirror/pkg/store"
	"cxmirror/pkg/store/storetest"
	"cxmirror/pkg/survey"
)

// newInstance is a server with a wave that has answers, and an administrator who works nowhere.
func newInstance(t *testing.T, db *store.Store) (f *field, root *person, administrator survey.User) {
	t.Helper()
	f, _ = newBenchIn(t, db)
	f.signedInOnly(t)
	administrator = f.addUser(t, "root@example.com")
	administrator.Administrator = true
	if err := f.store.SaveUser(t.Context(), administrator); err != nil {
		t.Fatal(err)
	}
	if err := f.store.SetPassword(t.Context(), administrator.ID, "$argon2id$"); err != nil { // without one she cannot sign in, and is no last administrator
		t.Fatal(err)
	}
	return f, f.as(t, administrator, 0), administrator
}

// linkIn is the path of the link that a page hands over.
func (a answer) linkIn(t *testing.T) string {
	t.Helper()
	link := regexp.MustCompile(`value="https://survey\.example\.org(/[a-z-]+/[^"]+)"`).FindStringSubmatch(a.body)
	if a.status != http.StatusCreated || link == nil {
		t.Fatalf("no link: %d %s", a.status, visible(a.body))
	}
	return link[1]
}

// An organisation is made with an owner, archived, brought back, archived and deleted; whoever runs the server sees
// nothing of what it asked and was answered.
func TestOrganisationsOfTheServer(t *testing.T) {
	for name, open := range storetest.Engines() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, root, administrator := newInstance(t, open(t))
			twoSides(t, f)
			root.post("/instance", url.Values{"name": {" "}, "owner": {"nobody"}}).
				expect(t, http.StatusUnprocessableEntity, []string{"2 fields", "Give it a name.", "This is not an e-mail address"})
			made := root.post("/instance", url.Values{"name": {"Łódź & Sons"}, "owner": {"boss@example.com"}})
			made.expect(t, http.StatusCreated, []string{"Łódź & Sons", "boss@example.com", "shown this once", "Owner"})
			link := made.linkIn(t)
			root.get("/instance/organisations/2").expect(t, http.StatusOK, []string{"Łódź & Sons", "boss@example.com"}, link)
			if got := f.person(t).get(link); got.status != http.StatusOK {
				t.Errorf("the link: %d %s", got.status, visible(got.body))
			}
			root.get("/instance").expect(t, http.StatusOK, []string{"Łódź & Sons", "default"}, "In the archive", "Customers, spring")

			// Who has an owner gets no other from the server, whose administrator would have a way to the results.
			root.post("/instance/organisations/2/owner", url.Values{"owner": {administrator.Address}}).
				expect(t, http.StatusUnprocessableEntity, []string{"It has an owner who can sign in"})
			for _, address := range []string{"/waves/1", "/divergence", "/people", "/waves/1/answers.csv", "/members"} {
				if got := root.get(address); got.status != http.StatusForbidden && got.status != http.StatusNotFound {
					t.Errorf("an administrator at %s: %d", address, got.status)
				}
			}

			root.post("/instance/organisations/2/delete", url.Values{"typed": {"Łódź & Sons"}}).
				expect(t, http.StatusConflict, []string{"Put it into the archive first"})
			if got := root.post("/instance/organisations/2/archive", nil); got.location != "/instance/organisations/2?done=archived" {
				t.Fatalf("archive: %d %s", got.status, visible(got.body))
			}
			root.get("/instance").expect(t, http.StatusOK, []string{"In the archive"})
			root.post("/instance/organisations/2/restore", nil)
			if o, err := f.store.Organisation(t.Context(), 2); err != nil || o.Archived != nil {
				t.Errorf("it is not back: %+v, %v", o, err)
			}
			root.post("/instance/organisations/2/archive", nil)
			again := root.post("/instance/organisations/2/delete", url.Values{"typed": {"Lodz"}})
			again.expect(t, http.StatusUnprocessableEntity, []string{"This is not its name"})
			again.holds(t, `value="Lodz"`)
			if got := root.post("/instance/organisations/2/delete", url.Values{"typed": {"Łódź & Sons"}}); got.location != "/instance?done=deleted" {
				t.Fatalf("delete: %d %s", got.status, visible(got.body))
			}
			for _, address := range []string{"/instance/organisations/2", "/instance/organisations/x", "/instance/users/99", "/instance/users/x"} {
				if got := root.get(address); got.status != http.StatusNotFound {
					t.Errorf("%s: %d, want 404", address, got.status)
				}
			}
			root.post("/instance/organisations/1/archive", nil)
			root.post("/instance/organisations/1/delete", url.Values{"typed": {"default"}}).expect(t, http.StatusConflict, []string{"The first organisation stays"})
			root.get("/instance").expect(t, http.StatusOK, []string{"All organisations are in the archive"})
			root.get("/audit?scope=instance").expect(t, http.StatusOK, []string{
				"An organisation was made", "An organisation was archived", "An organisation was brought back", "An organisation was deleted with all that was its own", "Łódź & Sons",
			})
		})
	}
}

// An organisation whose only owner left gets another one.
func TestOrphanedOrganisationGetsAnOwner(t *testing.T) {
	f, root, _ := newInstance(t, storetest.Open(t, storetest.SQLite(t)))
	orphan := f.addOrganisation(t, "Orphan")
	root.get(housedAddress(orphan.ID)).expect(t, http.StatusOK, []string{"Nobody.", "Give it an owner"})
	root.post(housedAddress(orphan.ID)+"/owner", url.Values{"owner": {"x"}}).expect(t, http.StatusUnprocessableEntity, []string{"This is not an e-mail address"})
	root.post(housedAddress(orphan.ID)+"/owner", url.Values{"owner": {"new@example.com"}}).linkIn(t)
	members, err := f.store.Members(t.Context(), orphan.ID)
	if err != nil || len(members) != 1 || members[0].User.Address != "new@example.com" {
		t.Fatalf("members %+v, %v", members, err)
	}
	events, _, err := f.store.AuditEvents(t.Context(), orphan.ID, store.AuditQuery{})
	if err != nil || len(events) != 1 || events[0].Action != "member.invited" || events[0].Who != "root@example.com" {
		t.Errorf("the organisation's own trail says %+v, %v", events, err)
	}
}

// Users are made, made administrators, disabled, rescued and deleted; the last administrator stays one.
func TestUsersOfTheServer(t *testing.T) {
	for name, open := range storetest.Engines() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, root, administrator := newInstance(t, open(t))
			root.post("/instance/users", url.Values{"address": {"@"}, "name": {strings.Repeat("x", 101)}}).
				expect(t, http.StatusUnprocessableEntity, []string{"This is not an e-mail address", "longer than 100 characters"})
			root.post("/instance/users", url.Values{"address": {"ROOT@example.com"}}).expect(t, http.StatusUnprocessableEntity, []string{"There is a user with this address already"})
			root.post("/instance/users", url.Values{"address": {"anna@example.com"}, "name": {"Anna"}}).linkIn(t)
			anna, err := f.store.UserByAddress(t.Context(), "anna@example.com")
			if err != nil || anna.Administrator {
				t.Fatalf("anna is %+v, %v", anna, err)
			}
			at := userAddress(anna.ID)
			root.get("/instance/users").expect(t, http.StatusOK, []string{"Anna", "not accepted yet", "administrator"})
			root.get(at).expect(t, http.StatusOK, []string{"Anna", "anna@example.com", "Nowhere at the moment.", "Make a link for a password"})
			root.post(at+"/link", nil).linkIn(t)

			her := f.as(t, anna, 0)
			her.get("/")
			root.get(at).expect(t, http.StatusOK, []string{"Firefox, Linux", "Sign out everywhere"})
			root.post(at+"/sessions", nil)
			if got := her.get("/"); got.status != http.StatusSeeOther {
				t.Errorf("her session goes on: %d", got.status)
			}
			self := userAddress(administrator.ID)
			for _, step := range []struct {
				form url.Values
				to   string
			}{{url.Values{"administrator": {"no"}}, "/administrator"}, {nil, "/disable"}, {url.Values{"typed": {administrator.Address}}, "/delete"}} {
				root.post(self+step.to, step.form).expect(t, http.StatusConflict, []string{"Nobody else who can sign in runs this server"})
			}
			root.post(at+"/disable", nil)
			root.get(at+"?done=disabled").expect(t, http.StatusOK, []string{"disabled", "Let sign in again", "The user cannot sign in any more."}, "Make a link for a password")
			root.post(at+"/link", nil).expect(t, http.StatusConflict, []string{"No link was made"})
			root.post(at+"/enable", nil)
			if err := f.store.SetSecondFactor(t.Context(), anna.ID, []byte("sealed"), nil); err != nil {
				t.Fatal(err)
			}
			root.get(at).expect(t, http.StatusOK, []string{"End the second factor"})
			root.post(at+"/second-factor", nil)
			if u, err := f.store.User(t.Context(), anna.ID); err != nil || u.SecondFactor != nil || u.Disabled {
				t.Errorf("anna is %+v, %v", u, err)
			}
			if err := f.store.SetSecondFactor(t.Context(), administrator.ID, []byte("sealed"), nil); err != nil {
				t.Fatal(err)
			}
			root.get(self).expect(t, http.StatusOK, nil, "End the second factor")
			if got := root.post(self+"/second-factor", nil); got.location != "/profile" { // where the password is asked for
				t.Errorf("ending one's own second factor: %d %s", got.status, got.location)
			}
			if u, err := f.store.User(t.Context(), administrator.ID); err != nil || u.SecondFactor == nil {
				t.Errorf("the administrator is %+v, %v", u, err)
			}
			if err := f.store.SetPassword(t.Context(), anna.ID, "$argon2id$"); err != nil {
				t.Fatal(err)
			}
			root.post(at+"/administrator", url.Values{"administrator": {"yes"}})
			if got := root.post(self+"/administrator", url.Values{"administrator": {"no"}}); got.location != "/" {
				t.Errorf("an administrator who is one no longer: %d %s", got.status, got.location)
			}
			if got := root.get("/instance"); got.status != http.StatusForbidden {
				t.Errorf("who was an administrator: %d", got.status)
			}
			her = f.as(t, anna, 0)
			her.post(self+"/delete", url.Values{"typed": {"somebody@example.com"}}).expect(t, http.StatusUnprocessableEntity, []string{"This is not the address"})
			if got := her.post(self+"/delete", url.Values{"typed": {administrator.Address}}); got.location != "/instance/users?done=deleted" {
				t.Errorf("delete: %d %s", got.status, visible(got.body))
			}
			her.get("/audit?scope=instance").expect(t, http.StatusOK, []string{
				"A user was made", "A link to sign in by was made", "Sessions were ended", "A user was disabled", "A user can sign in again",
				"A second factor was ended", "It was changed who administers the server", "A user was deleted", "root@example.com",
			})
		})
	}
}

// Where mail brings links, whoever runs the server cannot sign in as somebody else by one.
func TestNoLinkForWhomMailReaches(t *testing.T) {
	f, _, _ := newInstance(t, storetest.Open(t, storetest.SQLite(t)))
	anna := survey.User{Address: "anna@example.com", PasswordHash: "$argon2id$"}
	if !f.server.mayHaveLink(&anna) {
		t.Error("without mail nobody can bring her a link")
	}
	f.server.access = testAccess(t, f.store, f.now, func(o *access.Options) { o.Mail = discardLetters })
	if f.server.mayHaveLink(&anna) {
		t.Error("her link would let the administrator in")
	}
	anna.PasswordHash = ""
	if !f.server.mayHaveLink(&anna) {
		t.Error("who has not accepted yet gets no link")
	}
}

// The roles of groups are stored as they are typed, and rows that are wrong come back with what is wrong.
func TestGroupsOfSignOn(t *testing.T) {
	f, root, _ := newInstance(t, storetest.Open(t, storetest.SQLite(t)))
	root.get("/instance/groups").expect(t, http.StatusOK, []string{"This server has no single sign-on set up yet"})
	wrong := root.post("/instance/groups", url.Values{"group": {"cx-analysts", "cx-hr", "cx-all", ""}, "in": {"1", "99", "1", "1"}, "role": {"analyst", "hr", "emperor", "owner"}})
	wrong.expect(t, http.StatusUnprocessableEntity, []string{"2 fields", "There is no such organisation any more.", "Choose a role."})
	wrong.holds(t, `value="cx-analysts"`, `value="cx-hr"`)
	if got := root.post("/instance/groups", url.Values{"group": {"x"}, "in": {}, "role": {"hr"}}); got.status != http.StatusBadRequest {
		t.Errorf("rows of unequal length: %d", got.status)
	}
	root.post("/instance/groups", url.Values{"group": {" cx-analysts ", "cx-analysts", "", "cx-hr"}, "in": {"1", "1", "1", "1"}, "role": {"analyst", "analyst", "owner", "hr"}})
	groups, err := f.store.GroupRoles(t.Context())
	if err != nil || len(groups) != 2 || groups[0] != (survey.GroupRole{Group: "cx-analysts", Organisation: 1, Role: survey.Analyst}) {
		t.Fatalf("stored %+v, %v", groups, err)
	}
	root.get("/instance/groups?done=saved").holds(t, `value="cx-hr"`, "The roles of groups are saved.")
	root.post("/instance/groups", url.Values{"group": {"", ""}, "in": {"1", "1"}, "role": {"hr", "hr"}})
	if groups, err = f.store.GroupRoles(t.Context()); err != nil || len(groups) != 0 {
		t.Errorf("emptied rows stay: %+v, %v", groups, err)
	}
}

func discardLetters(context.Context, access.Letter) error { return nil }
