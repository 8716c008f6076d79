package web

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"cxmirror/pkg/access"
	"cxmirror/pkg/store"
	"cxmirror/pkg/store/storetest"
	"cxmirror/pkg/survey"
)

// linkIn returns the link that a page hands over.
func linkIn(t *testing.T, a answer) string {
	t.Helper()
	found := regexp.MustCompile(`id="link"[^>]* value="https://survey\.example\.org(/invitation/[^"]+)"`).FindStringSubmatch(a.body)
	if found == nil {
		t.Fatalf("no link: %d %s", a.status, plainWords(a.body))
	}
	return found[1]
}

// memberCalled returns the stored member with an address; none is the zero one.
func (f *field) memberCalled(t *testing.T, address string) survey.Member {
	t.Helper()
	members, err := f.store.Members(t.Context(), survey.DefaultOrganisation)
	if err != nil {
		t.Fatal(err)
	}
	if at := slices.IndexFunc(members, func(m survey.Member) bool { return m.User.Address == address }); at >= 0 {
		return members[at]
	}
	return survey.Member{}
}

// An owner invites somebody, who comes in by the link, is made something else, and is removed again. Where no mail is
// sent the link is on the page, once.
func TestMembers(t *testing.T) {
	eachBench(t, func(t *testing.T, f *field, _ *person, _ func(string)) {
		f.strict(t)
		owner := f.as(t, f.memberCalled(t, "owner@example.com").User, survey.DefaultOrganisation)
		mustSay(t, owner.look("/members"), 200, "You are the only one here.", "This server sends no mail.", "What each role may do")
		for _, tt := range []struct {
			form url.Values
			says []string
		}{
			{url.Values{"address": {"no address"}, "name": {"Maria"}, "roles": {"hr"}}, []string{"This is not an e-mail address", `value="no address"`, `value="Maria"`, `value="hr" checked`}},
			{url.Values{"address": {"maria@example.com"}}, []string{"Tick at least one role."}},
			{url.Values{"address": {"maria@example.com"}, "roles": {"administrator"}}, []string{"Tick at least one role."}},
			{url.Values{"address": {"maria@example.com"}, "roles": {"hr"}, "name": {strings.Repeat("x", 101)}}, []string{"longer than 100 characters"}},
		} {
			mustSay(t, owner.post("/members", tt.form), http.StatusUnprocessableEntity, tt.says...)
		}
		first := owner.post("/members", url.Values{"address": {"Maria@Example.com"}, "name": {"Maria"}, "roles": {"hr", "analyst"}})
		mustSay(t, first, http.StatusCreated, "This link lets maria@example.com choose a password.", "invited")
		link := linkIn(t, first)
		if page := owner.look("/members"); strings.Contains(page.body, link) {
			t.Error("the link is shown twice")
		}
		maria := f.memberCalled(t, "maria@example.com")
		if len(maria.Roles) != 2 || maria.User.Language != survey.English {
			t.Fatalf("stored: %+v", maria)
		}

		// A new invitation ends the one before.
		again := linkIn(t, owner.post(fmt.Sprintf("/members/%d/invite", maria.User.ID), nil))
		guest := f.person(t)
		mustSay(t, guest.get(link), http.StatusGone)
		if got := guest.post(again, url.Values{"name": {"Maria"}, "password": {ownPassword}, "again": {ownPassword}}); got.location != "/" {
			t.Fatalf("accept: %d %s", got.status, wrongWords(got.body))
		}
		mustSay(t, guest.get("/people"), 200)
		mustSay(t, owner.post(fmt.Sprintf("/members/%d/invite", maria.User.ID), nil), http.StatusConflict, "This address is a member’s already.")
		mustSay(t, owner.post("/members", url.Values{"address": {"maria@example.com"}, "roles": {"viewer"}}), http.StatusUnprocessableEntity, "This address is a member’s already.")

		// What is changed holds with her next request.
		roles := fmt.Sprintf("/members/%d/roles", maria.User.ID)
		mustSay(t, owner.post(roles, nil), http.StatusUnprocessableEntity, "Tick at least one role.")
		if got := owner.post(roles, url.Values{"roles": {"hr", "analyst"}}); got.location != "/members" {
			t.Errorf("the same roles: %d %s", got.status, got.location)
		}
		got := owner.post(roles, url.Values{"roles": {"analyst"}})
		mustSay(t, owner.look(got.location), 200, "The roles were changed.")
		mustSay(t, guest.get("/people"), http.StatusForbidden)

		// The last owner stays one, whoever wants her gone.
		self := f.memberCalled(t, "owner@example.com").User.ID
		for _, path := range []string{"roles", "remove"} {
			got := owner.post(fmt.Sprintf("/members/%d/%s", self, path), url.Values{"roles": {"hr"}})
			mustSay(t, got, http.StatusConflict, "Nobody else who can sign in owns this organisation.")
		}
		got = owner.post("/members", url.Values{"address": {"owner@example.com"}, "roles": {"hr"}}) // who has no password yet is invited as often as one likes
		mustSay(t, got, http.StatusConflict, "Nobody else who can sign in owns this organisation.")
		if len(f.memberCalled(t, "owner@example.com").Roles) != 1 {
			t.Error("the last owner is none any more")
		}

		got = owner.post(fmt.Sprintf("/members/%d/remove", maria.User.ID), nil)
		mustSay(t, owner.look(got.location), 200, "The member was removed.")
		mustSay(t, guest.get("/"), 200, "You do not work in any organisation yet")
		mustSay(t, owner.post(fmt.Sprintf("/members/%d/remove", maria.User.ID), nil), http.StatusNotFound)
		mustSay(t, owner.post(roles, url.Values{"roles": {"owner"}}), http.StatusNotFound)
		if f.memberCalled(t, "maria@example.com").User.ID != 0 {
			t.Error("who was removed is a member again")
		}
		// Maria works nowhere now. Nobody knows who chose the password of such an account, so that it begins anew.
		back := linkIn(t, owner.post("/members", url.Values{"address": {"maria@example.com"}, "roles": {"owner"}}))
		if got := guest.get("/"); got.status != http.StatusSeeOther {
			t.Errorf("her session goes on: %d", got.status)
		}
		if _, got := f.signIn(t, maria.User, ownPassword); got.status != http.StatusUnprocessableEntity {
			t.Errorf("her password lets in: %d %s", got.status, got.location)
		}
		if got := guest.post(back, url.Values{"name": {"Maria"}, "password": {ownPassword}, "again": {ownPassword}}); got.location != "/" {
			t.Fatalf("accept: %d %s", got.status, wrongWords(got.body))
		}

		// There are two owners now: the other one may go, and then this page is hers no longer.
		if got := owner.post(fmt.Sprintf("/members/%d/roles", self), url.Values{"roles": {"analyst"}}); got.location != "/" {
			t.Errorf("she leaves it: %d %s", got.status, got.location)
		}
		var told []string
		events, _, err := f.store.AuditEvents(t.Context(), survey.DefaultOrganisation, store.AuditQuery{})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range slices.Backward(events) {
			told = append(told, e.Action+" "+e.Details["roles"]+e.Details["from"]+">"+e.Details["to"])
			if strings.HasPrefix(e.Action, "member") && !strings.HasPrefix(e.Subject, "user ") {
				t.Errorf("%s is about %q", e.Action, e.Subject)
			}
		}
		want := []string{
			"member.invited hr, analyst>", "member.invited_again >", "roles.changed hr, analyst>analyst", "member.removed analyst>", "member.invited owner>", "roles.changed owner>analyst",
		}
		if !slices.Equal(told, want) {
			t.Errorf("the audit trail tells %q; want %q", told, want)
		}
	})
}

// Where mail is sent the link goes by mail alone, also to an owner of another organisation, who could accept it for
// somebody else.
func TestMembersAreInvitedByMail(t *testing.T) {
	f, owner := newBench(t)
	f.server.access = testAccess(t, f.store, f.now, func(o *access.Options) {
		o.Mail = func(context.Context, access.Letter) error { return nil }
	})
	mustSay(t, owner.look("/members"), 200, "A link to choose a password goes out by mail.")
	got := owner.post("/members", url.Values{"address": {"maria@example.com"}, "roles": {"hr"}})
	if got.status != http.StatusSeeOther || strings.Contains(got.body, "/invitation/") {
		t.Fatalf("status %d: %s", got.status, got.body)
	}
	mustSay(t, owner.look(got.location), 200, "The invitation is on its way.")
}

// The page says of every role what package access lets it do, in every language.
func TestRolesAreSaidAsTheyAre(t *testing.T) {
	f, owner := newBench(t)
	for _, lang := range f.server.workbench.phrases.Languages() {
		page := owner.look("/members?lang=" + string(lang))
		document, err := html.Parse(strings.NewReader(page.body))
		if err != nil {
			t.Fatal(err)
		}
		cells := make(map[string][]string) // of the table, by right
		for node := range document.Descendants() {
			if node.Data != "tr" || node.Parent.Parent == nil || !strings.Contains(fmt.Sprint(node.Parent.Parent.Attr), "rights") {
				continue
			}
			var row []string
			for cell := range node.ChildNodes() {
				if cell.Data == "td" || cell.Data == "th" {
					row = append(row, strings.TrimSpace(textOf(cell)))
				}
			}
			cells[row[0]] = row[1:]
		}
		r := room{Lang: lang, phrases: f.server.workbench.phrases}
		for _, right := range access.Rights() {
			row := cells[r.rightWords(right)]
			if len(row) != len(survey.Roles()) {
				t.Errorf("%s, %s: %d cells", lang, right, len(row))
				continue
			}
			for i, role := range survey.Roles() {
				if says, may := strings.HasPrefix(row[i], "✓"), access.May([]survey.Role{role}, right); says != may {
					t.Errorf("%s: the page says %v of %s and %s, the table %v", lang, says, role, right, may)
				}
			}
		}
		if len(cells) != len(access.Rights())+1 { // and a head
			t.Errorf("%s: %d rows for %d rights", lang, len(cells), len(access.Rights()))
		}
	}
}

// Who was invited and has not accepted yet is marked as such; the guest of a demonstration, whom everybody is taken for,
// has no password either and was invited by nobody.
func TestGuestOfADemonstrationIsNotInvited(t *testing.T) {
	f, _, administrator := newInstance(t, storetest.Open(t, storetest.SQLite(t)))
	guest := f.addUser(t, "guest@example.com", survey.Owner)
	anna := f.addUser(t, "anna@example.com", survey.HR)
	guest.Administrator = true
	if err := storetest.SaveUser(t.Context(), f.store, guest); err != nil {
		t.Fatal(err)
	}
	invited := func(page answer, address string) bool {
		row := regexp.MustCompile(`(?s)<tr(?: class="off")?>\s*<th scope="row">.*?</th>`).FindAllString(page.body, -1)
		at := slices.IndexFunc(row, func(one string) bool { return strings.Contains(one, address) })
		if page.status != http.StatusOK || at < 0 {
			t.Fatalf("%d, without %s: %s", page.status, address, plainWords(page.body))
		}
		return strings.Contains(row[at], "invited") || strings.Contains(row[at], "not accepted yet")
	}
	f.server.guest = guest.ID
	for path, who := range map[string]*person{"/members": f.as(t, guest, 0), "/instance/users": f.as(t, administrator, 0)} {
		page := who.get(path)
		if invited(page, guest.Address) || !invited(page, anna.Address) {
			t.Errorf("%s: the guest is marked %v, want not; who has not accepted yet is marked %v", path, invited(page, guest.Address), invited(page, anna.Address))
		}
	}
	f.as(t, administrator, 0).get(userAddress(guest.ID)).expect(t, http.StatusOK, nil, "not accepted yet", "Make a link for a password")
}
