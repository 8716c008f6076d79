package web

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"cxmirror/pkg/store/storetest"
	"cxmirror/pkg/survey"
)

func TestLookThrough(t *testing.T) {
	f, _ := newBench(t)
	r := room{Lang: survey.English, phrases: f.server.workbench.phrases}
	names := make([]string, 120)
	for i := range names {
		names[i] = fmt.Sprintf("Nr %d", i+1)
	}
	names[77] = "Łukasz Gül"
	tests := []struct {
		query          string
		first, last    string // of the page
		shown, total   int
		span           string
		previous, next string
	}{
		{"", "Nr 1", "Nr 50", 50, 120, "1 to 50 of 120", "", "/list?page=2"},
		{"page=2", "Nr 51", "Nr 100", 50, 120, "51 to 100 of 120", "/list", "/list?page=3"},
		{"page=3", "Nr 101", "Nr 120", 20, 120, "101 to 120 of 120", "/list?page=2", ""},
		{"page=99", "Nr 101", "Nr 120", 20, 120, "101 to 120 of 120", "/list?page=2", ""},
		{"page=-1", "Nr 1", "Nr 50", 50, 120, "1 to 50 of 120", "", "/list?page=2"},
		{"q=+LUKASZ++gul+", "Łukasz Gül", "Łukasz Gül", 1, 1, "", "", ""},
		{"q=nr&page=3", "Nr 102", "Nr 120", 19, 119, "101 to 119 of 119", "/list?page=2&q=nr", ""},
		{"q=nobody&page=2", "", "", 0, 0, "", "", ""},
		{"q=%00%ff", "Nr 1", "Nr 50", 50, 120, "1 to 50 of 120", "", "/list?page=2"},
	}
	for _, tt := range tests {
		query, err := url.ParseQuery(tt.query)
		if err != nil {
			t.Fatal(err)
		}
		l := readListing("/list", query)
		got := lookThrough(&l, &r, names, func(s *string) string { return *s })
		first, last := "", ""
		if len(got) > 0 {
			first, last = got[0], got[len(got)-1]
		}
		if first != tt.first || last != tt.last || len(got) != tt.shown || l.Total != tt.total || l.Range != tt.span || l.Previous != tt.previous || l.Next != tt.next {
			t.Errorf("%q: %d lines from %q to %q, %+v; want %+v", tt.query, len(got), first, last, l, tt)
		}
		if l.All != len(names) || l.None() != (tt.total == 0) {
			t.Errorf("%q: %+v", tt.query, l)
		}
	}
	if names[77] != "Łukasz Gül" || names[119] != "Nr 120" {
		t.Error("the list itself was changed")
	}
}

// Many users, organisations and members are listed page by page, and found by a part of their names.
func TestLongListsOfTheServer(t *testing.T) {
	f, root, administrator := newInstance(t, storetest.Open(t, storetest.SQLite(t)))
	const many = 70
	for i := range many {
		o := f.addOrganisation(t, fmt.Sprintf("Client %02d", i+1))
		f.setRoles(t, o.ID, administrator, survey.Viewer)
		f.addUser(t, fmt.Sprintf("user-%02d@example.com", i+1), survey.Viewer)
	}
	boss := f.addUser(t, "boss@example.com", survey.Owner)
	if got := root.post("/instance/organisations/2/archive?organisation=2", nil); got.location != "/instance/organisations/2?done=archived" { // Client 01
		t.Fatalf("archive: %d %s", got.status, visible(got.body))
	}

	pages := []struct {
		who        *person
		address    string
		has, hasnt []string
	}{
		{root, "/instance", []string{"Client 02", "1 to 50 of 71", "Next"}, []string{"Client 70", "In the archive"}},
		{root, "/instance?page=2", []string{"Client 70", "In the archive", "Client 01"}, []string{"Client 03"}},
		{root, "/instance?q=client+07", []string{"Client 07"}, []string{"Client 70", "of 71", "All organisations are in the archive"}},
		{root, "/instance?q=Nobody%22%3E", []string{`Nothing found for “Nobody">”`, "Show all"}, []string{"Client 07", "All organisations are in the archive"}},
		{root, "/instance/users", []string{"boss@example.com", "user-10@example.com", "of 7"}, []string{"user-70@example.com"}},
		{root, "/instance/users?q=USER-7", []string{"user-70@example.com"}, []string{"user-07@example.com"}},
		{f.as(t, boss, survey.DefaultOrganisation), "/members", []string{"boss@example.com", "user-10@example.com"}, []string{"user-70@example.com"}},
		{f.as(t, boss, survey.DefaultOrganisation), "/members?q=owner", []string{"boss@example.com"}, []string{"user-10@example.com"}},
		{root, "/work-in", []string{"Client 02", "Viewer", "1 to 50 of 69"}, []string{"Client 70"}},
		{root, "/work-in?q=70", []string{"Client 70"}, []string{"Client 03"}},
	}
	for _, tt := range pages {
		got := tt.who.get(tt.address)
		got.expect(t, http.StatusOK, tt.has, tt.hasnt...)
	}
	// The menu of every page leads to them, instead of listing them all.
	if got := root.get("/profile").body; strings.Contains(got, `name="to"`) || !strings.Contains(got, `href="/work-in"`) || !strings.Contains(got, "All 69 organisations") {
		t.Errorf("the menu of who works in 69 organisations: %s", visible(got))
	}
	// What is wrong with a member far behind stands beside her.
	members, err := f.store.Members(t.Context(), survey.DefaultOrganisation)
	if err != nil {
		t.Fatal(err)
	}
	last := members[slices.IndexFunc(members, func(m survey.Member) bool { return m.User.Address == "user-70@example.com" })]
	f.as(t, boss, survey.DefaultOrganisation).post(fmt.Sprintf("/members/%d/roles", last.User.ID), nil).
		expect(t, http.StatusUnprocessableEntity, []string{"user-70@example.com", "at least one role"}, "user-10@example.com")
}

// Few are listed as they are: there is nothing to look for, and no other page.
func TestShortListsOfTheServer(t *testing.T) {
	_, root, _ := newInstance(t, storetest.Open(t, storetest.SQLite(t)))
	for _, address := range []string{"/instance", "/instance/users"} {
		root.get(address).expect(t, http.StatusOK, nil, `type="search"`, `rel="next"`, "Nothing found")
	}
}
