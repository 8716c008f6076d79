package web

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

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
	if err := storetest.SaveUser(t.Context(), f.store, administrator); err != nil {
		t.Fatal(err)
	}
	f.setPassword(t, administrator, goodPassword) // without one she cannot sign in, and is no last administrator
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
			if got := root.post("/instance/organisations/2/archive", nil); got.location != "/instance/organisations/2?done=archived" {
				t.Errorf("archive once more: %d %s", got.status, visible(got.body))
			}
			if _, n, err := f.store.AuditEvents(t.Context(), 0, store.AuditQuery{Action: "organisation.archived", Everywhere: true}); err != nil || n != 2 { // in its own trail, and in the server's
				t.Errorf("archived by one and sent again, it stands in the trails %d times: %v", n, err)
			}
			root.get("/instance").expect(t, http.StatusOK, []string{"In the archive"})
			root.post("/instance/organisations/2/restore", nil)
			if o, err := f.store.Organisation(t.Context(), 2); err != nil || o.Archived != nil {
				t.Errorf("it is not back: %+v, %v", o, err)
			}
			root.post("/instance/organisations/2/archive", nil)
			again := root.post("/instance/organisations/2/delete", url.Values{"typed": {"Lodz"}, "password": {goodPassword}})
			again.expect(t, http.StatusUnprocessableEntity, []string{"This is not its name"})
			again.holds(t, `value="Lodz"`)
			for _, password := range []string{"", "not the password of root"} { // who finds her browser open has none
				again := root.post("/instance/organisations/2/delete", url.Values{"typed": {"Łódź & Sons"}, "password": {password}})
				again.expect(t, http.StatusUnprocessableEntity, []string{"This is not your password."})
				again.holds(t, `value="Łódź &amp; Sons"`)
			}
			if _, err := f.store.Organisation(t.Context(), 2); err != nil {
				t.Fatalf("it is deleted without a password: %v", err)
			}
			if got := root.post("/instance/organisations/2/delete", url.Values{"typed": {"Łódź & Sons"}, "password": {goodPassword}}); got.location != "/instance?done=deleted" {
				t.Fatalf("delete: %d %s", got.status, visible(got.body))
			}
			for _, address := range []string{"/instance/organisations/2", "/instance/organisations/x", "/instance/users/99", "/instance/users/x"} {
				if got := root.get(address); got.status != http.StatusNotFound {
					t.Errorf("%s: %d, want 404", address, got.status)
				}
			}
			root.post("/instance/organisations/1/archive", nil)
			root.post("/instance/organisations/1/delete", url.Values{"typed": {"default"}, "password": {goodPassword}}).expect(t, http.StatusConflict, []string{"The first organisation stays"})
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
			}{{url.Values{"administrator": {"no"}, "password": {goodPassword}}, "/administrator"}, {nil, "/disable"}, {url.Values{"typed": {administrator.Address}}, "/delete"}} {
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
			root.post(at+"/administrator", url.Values{"administrator": {"yes"}}).expect(t, http.StatusUnprocessableEntity, []string{"This is not your password."})
			root.post("/instance/users", url.Values{"address": {"ben@example.com"}, "administrator": {"yes"}, "password": {"a guess of somebody"}}).
				expect(t, http.StatusUnprocessableEntity, []string{"This is not your password."})
			if u, err := f.store.User(t.Context(), anna.ID); err != nil || u.Administrator {
				t.Fatalf("without a password anna is %+v, %v", u, err)
			}
			if _, err := f.store.UserByAddress(t.Context(), "ben@example.com"); !errors.Is(err, survey.ErrNotFound) {
				t.Errorf("an administrator was made without a password (%v)", err)
			}
			root.post(at+"/administrator", url.Values{"administrator": {"yes"}, "password": {goodPassword}})
			if got := root.post(self+"/administrator", url.Values{"administrator": {"no"}, "password": {goodPassword}}); got.location != "/" {
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
				"A user was made", "A link to sign in as this user was shown", "Sessions were ended", "A user was disabled", "A user can sign in again",
				"A second factor was ended", "It was changed who administers the server", "A user was deleted", "root@example.com",
			})
		})
	}
}

// Where mail brings links, whoever runs the server sees none of them: neither of an owner whom she invites, nor of a user
// whom she makes, nor of anybody later. Each goes to the user herself.
func TestNoLinkForWhomMailReaches(t *testing.T) {
	for name, open := range storetest.Engines() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, root, administrator := newInstance(t, open(t))
			letters := make(chan access.Letter, 10)
			f.server.access = testAccess(t, f.store, f.now, func(o *access.Options) {
				o.Mail = func(_ context.Context, l access.Letter) error { letters <- l; return nil }
			})
			ctx, stop := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- f.server.access.Run(ctx) }()
			defer func() {
				stop()
				if err := <-ended; err != nil {
					t.Error(err)
				}
			}()
			secret := func(to string) string {
				t.Helper()
				letter := <-letters
				link := regexp.MustCompile(`/invitation/\S+`).FindString(letter.Text)
				if letter.Address != to || link == "" {
					t.Fatalf("the letter is %+v; want a link for %s", letter, to)
				}
				return link
			}
			hidden := func(got answer, at string) {
				t.Helper()
				if got.status != http.StatusSeeOther || got.location != at || strings.Contains(got.body, "/invitation/") {
					t.Fatalf("%d to %q, want to %q without a link: %s", got.status, got.location, at, visible(got.body))
				}
				root.get(at).expect(t, http.StatusOK, []string{"The invitation is on its way."}, "/invitation/")
			}

			hidden(root.post("/instance", url.Values{"name": {"Carol & Co"}, "owner": {"carol@example.com"}}), "/instance/organisations/2?done=mailed")
			first := secret("carol@example.com")
			carol, err := f.store.UserByAddress(t.Context(), "carol@example.com")
			if err != nil {
				t.Fatal(err)
			}
			at := userAddress(carol.ID)
			root.get(at).expect(t, http.StatusOK, []string{"not accepted yet", "Send a new invitation"}, "Make a link for a password")
			root.post(at+"/link", nil).expect(t, http.StatusConflict, []string{"No link was made"}, "/invitation/")
			hidden(root.post(at+"/invite", nil), at+"?done=mailed")
			second := secret("carol@example.com")
			if got := f.person(t).get(first); got.status != http.StatusGone {
				t.Errorf("the link before: %d", got.status)
			}
			if got := f.person(t).get(second); got.status != http.StatusOK {
				t.Errorf("the link that was mailed: %d %s", got.status, visible(got.body))
			}
			hidden(root.post("/instance/users", url.Values{"address": {"dan@example.com"}}), "/instance/users?done=mailed")
			secret("dan@example.com")

			// Who can sign in asks for her own link; who must not gets none.
			for _, change := range []func() error{
				func() error { return f.store.SetPassword(t.Context(), carol.ID, "$argon2id$") },
				func() error {
					dan, err := f.store.UserByAddress(t.Context(), "dan@example.com")
					dan.Disabled, at = true, userAddress(dan.ID)
					return errors.Join(err, storetest.SaveUser(t.Context(), f.store, dan))
				},
			} {
				if err := change(); err != nil {
					t.Fatal(err)
				}
				root.get(at).expect(t, http.StatusOK, nil, "Send a new invitation", "Make a link for a password")
				root.post(at+"/link", nil).expect(t, http.StatusConflict, []string{"No link was made"})
				root.post(at+"/invite", nil).expect(t, http.StatusConflict, []string{"No invitation was sent."})
			}
			events, _, err := f.store.AuditEvents(t.Context(), 0, store.AuditQuery{Everywhere: true, Action: "user", Limit: 50})
			if err != nil {
				t.Fatal(err)
			}
			var told []string
			for _, e := range events {
				if e.User == administrator.ID {
					told = append(told, e.Action+" "+e.Details["address"])
				}
			}
			if want := []string{"user.made dan@example.com", "user.invited_again carol@example.com"}; !slices.Equal(told, want) {
				t.Errorf("the trail says %q, want %q", told, want)
			}
			root.get("/audit?scope=instance").expect(t, http.StatusOK, []string{"The invitation of a user was sent again"})
		})
	}
}

// Where there is no mail, a link is shown to be handed over; every organisation of who can be signed in as by it is told,
// also one that lies in the archive meanwhile.
func TestShownLinkIsNotedInEveryOrganisation(t *testing.T) {
	for name, open := range storetest.Engines() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, root, administrator := newInstance(t, open(t))
			second, third := f.addOrganisation(t, "Second"), f.addOrganisation(t, "Third")
			owner := f.addUser(t, "boss@example.com", survey.Owner)
			carol := f.addUser(t, "carol@example.com", survey.Owner)
			f.setRoles(t, second.ID, carol, survey.Owner)
			f.setRoles(t, third.ID, owner, survey.Owner)
			second.Archived = new(f.now())
			if err := storetest.SaveOrganisation(t.Context(), f.store, second); err != nil {
				t.Fatal(err)
			}
			made := func(organisation survey.OrganisationID) (kinds []string) {
				t.Helper()
				events, _, err := f.store.AuditEvents(t.Context(), organisation, store.AuditQuery{Action: "user.link_made", Limit: 50})
				if err != nil {
					t.Fatal(err)
				}
				for _, e := range events {
					if e.User != administrator.ID && e.User != owner.ID || e.Details["address"] != carol.Address || e.Subject != userSubject(carol.ID) {
						t.Errorf("the trail of %d says %+v", organisation, e)
					}
					kinds = append(kinds, e.Details["kind"])
				}
				return kinds
			}
			expect := func(when string, want map[survey.OrganisationID]int) {
				t.Helper()
				for _, id := range []survey.OrganisationID{0, survey.DefaultOrganisation, second.ID, third.ID} {
					if got := made(id); len(got) != want[id] {
						t.Errorf("%s, the trail of %d has %q, want %d links", when, id, got, want[id])
					}
				}
			}
			root.post(userAddress(carol.ID)+"/link", nil).linkIn(t)
			expect("after an invitation was shown", map[survey.OrganisationID]int{0: 1, survey.DefaultOrganisation: 1, second.ID: 1})
			f.as(t, owner, 0).get("/audit").expect(t, http.StatusOK, []string{"A link to sign in as this user was shown, to be handed over", "carol@example.com", "root@example.com"})

			// An owner elsewhere who invites her is shown none: it would let her in to the first and the second.
			f.as(t, owner, third.ID).post("/members?"+shownFor+"="+strconv.Itoa(int(third.ID)), url.Values{"address": {carol.Address}, "roles": {"viewer"}}).
				expect(t, http.StatusUnprocessableEntity, []string{"There is an account with this address already, which works elsewhere"}, "/invitation/")
			expect("after she was invited elsewhere", map[survey.OrganisationID]int{0: 1, survey.DefaultOrganisation: 1, second.ID: 1})

			f.setPassword(t, carol, goodPassword)
			root.post(userAddress(carol.ID)+"/link", nil).linkIn(t)
			expect("after a link for another password", map[survey.OrganisationID]int{0: 2, survey.DefaultOrganisation: 2, second.ID: 2})
			if kinds := made(second.ID); !slices.Equal(kinds, []string{string(survey.ResetLink), string(survey.InvitationLink)}) {
				t.Errorf("the second says %q", kinds)
			}
			root.post(userAddress(carol.ID)+"/invite", nil).expect(t, http.StatusConflict, []string{"No invitation was sent."})
		})
	}
}

// Whoever runs the server reads which groups have which roles, and gives them none: the owners of each organisation do, for
// theirs alone.
func TestGroupsOfSignOnAreForOwners(t *testing.T) {
	f, root, _ := newInstance(t, storetest.Open(t, storetest.SQLite(t)))
	root.get("/instance/groups").expect(t, http.StatusOK, []string{"This server has no single sign-on set up yet", "No group has a role anywhere yet."})
	other := f.addOrganisation(t, "The other")
	owner := f.addUser(t, "boss@example.com", survey.Owner)
	for id, group := range map[survey.OrganisationID]string{survey.DefaultOrganisation: "cx-analysts", other.ID: "theirs"} {
		if err := f.store.SetGroupRoles(t.Context(), id, []survey.GroupRole{{Group: group, Organisation: id, Role: survey.Analyst}}); err != nil {
			t.Fatal(err)
		}
	}
	root.get("/instance/groups").expect(t, http.StatusOK, []string{"cx-analysts", "The other", "theirs", "Analyst"})
	if got := root.post("/instance/groups", url.Values{"group": {"mine"}, "in": {"1"}, "role": {"owner"}}); got.status != http.StatusMethodNotAllowed && got.status != http.StatusNotFound {
		t.Errorf("a group of hers: %d %s", got.status, got.location)
	}
	if got := root.post("/members/groups", url.Values{"group": {"mine"}, "role": {"owner"}}); got.status != http.StatusForbidden {
		t.Errorf("a group of hers, as owners do it: %d %s", got.status, got.location)
	}

	boss := f.as(t, owner, 0)
	shown := boss.get("/members/groups")
	shown.expect(t, http.StatusOK, []string{"This server has no single sign-on set up yet"}, "theirs")
	shown.holds(t, `value="cx-analysts"`)
	if fields := fieldsOf(t, shown, "/members/groups"); !slices.Equal(fields["role"], []string{"analyst", "viewer", "viewer", "viewer"}) {
		t.Errorf("rows for other groups propose more than a viewer's role: %v", fields["role"])
	}
	wrong := boss.post("/members/groups", url.Values{"group": {"cx-analysts", "cx-all", strings.Repeat("x", 201), ""}, "role": {"analyst", "emperor", "hr", "owner"}})
	wrong.expect(t, http.StatusUnprocessableEntity, []string{"2 fields", "Choose a role."})
	wrong.holds(t, `value="cx-analysts"`, `value="cx-all"`)
	if got := boss.post("/members/groups", url.Values{"group": {"x"}, "role": {}}); got.status != http.StatusBadRequest {
		t.Errorf("rows of unequal length: %d", got.status)
	}
	stored := func() []survey.GroupRole {
		t.Helper()
		groups, err := f.store.GroupRoles(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return groups
	}
	theirs := survey.GroupRole{Group: "theirs", Organisation: other.ID, Role: survey.Analyst}
	boss.post("/members/groups", url.Values{"group": {" cx-hr ", "cx-hr", "", "cx-top"}, "role": {"hr", "hr", "owner", "owner"}})
	want := []survey.GroupRole{{Group: "cx-hr", Organisation: 1, Role: survey.HR}, {Group: "cx-top", Organisation: 1, Role: survey.Owner}, theirs}
	if got := stored(); !slices.Equal(got, want) {
		t.Fatalf("stored %+v, want %+v", got, want)
	}
	boss.get("/members/groups?done=saved").holds(t, `value="cx-hr"`, "The roles of groups are saved.")
	boss.get("/audit").expect(t, http.StatusOK, []string{"The roles of groups were changed", "cx-top: Owner"})
	boss.post("/members/groups", url.Values{"group": {"", ""}, "role": {"hr", "hr"}})
	if got := stored(); !slices.Equal(got, []survey.GroupRole{theirs}) {
		t.Errorf("emptied rows stay, or others went: %+v", got)
	}
}

// Who signs in elsewhere has no password here: what others are asked theirs for, she does soon after she has signed in.
func TestWithoutPasswordSignInIsFresh(t *testing.T) {
	f, _, administrator := newInstance(t, storetest.Open(t, storetest.SQLite(t)))
	elsewhere := survey.User{Address: "sso@example.com", Name: "Sue", Issuer: "https://login.example.org", Subject: "sue", Administrator: true}
	if err := f.store.CreateUser(t.Context(), &elsewhere); err != nil {
		t.Fatal(err)
	}
	sue := f.as(t, elsewhere, 0)
	at := userAddress(administrator.ID) + "/administrator"
	sue.get(userAddress(administrator.ID)).expect(t, http.StatusOK, nil, "Your password now")
	if got := sue.post(at, url.Values{"administrator": {"no"}}); got.status != http.StatusSeeOther {
		t.Errorf("at once: %d %s", got.status, visible(got.body))
	}
	f.pass(freshSignOn + time.Second)
	sue.post(at, url.Values{"administrator": {"yes"}}).expect(t, http.StatusUnprocessableEntity, []string{"You signed in more than ten minutes ago."})
	if u, err := f.store.User(t.Context(), administrator.ID); err != nil || u.Administrator {
		t.Errorf("she is %+v, %v", u, err)
	}
}
