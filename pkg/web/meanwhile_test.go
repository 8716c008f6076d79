package web

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"cxmirror/pkg/store"
	"cxmirror/pkg/store/storetest"
	"cxmirror/pkg/survey"
)

// Two open a form, and both save: who comes second is told, keeps what she typed, sees what is there now, and decides.
func TestTwoSaveAtOnce(t *testing.T) {
	f, hr := newLaunch(t, storetest.Open(t, storetest.SQLite(t)), nil)
	f.addWave(t, "external-expectations", survey.Wave{Name: "Customers", Audience: survey.External, Slug: "customers", OpenLink: true})
	launched, now := f.draft, f.now()
	launched.Launched, launched.TimeZone = &now, "Europe/Warsaw"
	letters := []survey.Letter{{Kind: survey.ReminderLetter, Subject: survey.Words{"en": "Please"}, Text: survey.Words{"en": "Dear {name},\n\n{link}"}}}
	if _, err := f.store.LaunchWave(t.Context(), launched, func(func(store.NewInvitation, error) bool) {}, letters, nil); err != nil {
		t.Fatal(err)
	}
	wave := fmt.Sprintf("/waves/%d", f.draft.ID)
	if err := f.store.CreateView(t.Context(), &survey.View{Organisation: survey.DefaultOrganisation, Name: "For the board", Query: "top=3"}); err != nil {
		t.Fatal(err)
	}
	subject := letterField("subject", survey.ReminderLetter, survey.English)
	tests := []struct {
		name, address, action string
		field                 string
		first, second         string
	}{
		{"organisation", "/organisation", "organisation.changed", "name", "Renamed by one", "Renamed by another"},
		{"wave", wave + "/edit", "wave.changed", "name", "Called so by one", "Called so by another"},
		{"view", "/views/1/edit", "view.changed", "name", "Named by one", "Named by another"},
		{"letters", wave + "/letters", "letters.changed", subject, "Please, says one", "Please, says another"},
		{"groups", "/members/groups", "groups.changed", "group", "cx-by-one", "cx-by-another"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			page := hr.get(tt.address)
			page.expect(t, http.StatusOK, nil, "since you opened it")
			one, another := fieldsOf(t, page, tt.address), fieldsOf(t, page, tt.address)
			if one.Get("was") == "" || !one.Has(tt.field) {
				t.Fatalf("the form has no mark, or not %s: %v", tt.field, one)
			}
			noted := func() int {
				_, n, err := f.store.AuditEvents(t.Context(), survey.DefaultOrganisation, store.AuditQuery{Action: tt.action})
				if err != nil {
					t.Fatal(err)
				}
				return n
			}
			send := func(form url.Values) answer { return hr.sendForm(tt.address, flat(form), nil) }
			one.Set(tt.field, tt.first)
			if got := send(one); got.status != http.StatusSeeOther {
				t.Fatalf("the first: %d %s", got.status, wrongWords(got.body))
			}
			if got := send(one); got.status != http.StatusSeeOther {
				t.Errorf("the first once more, with what is there: %d %s", got.status, visible(got.body))
			}
			before := noted()
			another.Set(tt.field, tt.second)
			refused := send(another)
			refused.expect(t, http.StatusConflict, []string{"since you opened it", tt.first})
			refused.holds(t, `value="`+tt.second+`"`)
			if noted() != before {
				t.Error("what was refused is in the audit trail")
			}
			hr.get(tt.address).holds(t, `value="`+tt.first+`"`) // what was refused is not stored
			again := fieldsOf(t, refused, tt.address)
			if again.Get(tt.field) != tt.second || again.Get("was") == another.Get("was") {
				t.Fatalf("the form comes back as %v", again)
			}
			// What is wrong with it otherwise does not make her forget what it was filled with.
			stale := fieldsOf(t, page, tt.address)
			stale.Set(tt.field, strings.Repeat("x", 2000))
			if tt.name != "letters" {
				wrong := send(stale)
				wrong.expect(t, http.StatusUnprocessableEntity, nil)
				if got := fieldsOf(t, wrong, tt.address); got.Get("was") != stale.Get("was") {
					t.Errorf("a form that was refused has the mark %q, want %q", got.Get("was"), stale.Get("was"))
				}
			}
			if got := send(again); got.status != http.StatusSeeOther {
				t.Fatalf("the second, who has seen it: %d %s", got.status, visible(got.body))
			}
			hr.get(tt.address).holds(t, `value="`+tt.second+`"`)
			if noted() != before+1 {
				t.Errorf("%d in the audit trail, want %d", noted(), before+1)
			}
		})
	}
}

// flat is a form of which each field is sent once.
func flat(form url.Values) map[string]string {
	fields := make(map[string]string, len(form))
	for name := range form {
		fields[name] = form.Get(name)
	}
	return fields
}
