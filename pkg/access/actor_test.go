package access_test

import (
	"fmt"
	"strings"
	"testing"

	"cxmirror/pkg/access"
	"cxmirror/pkg/store"
	"cxmirror/pkg/survey"
)

func TestActor(t *testing.T) {
	t.Parallel()
	eachLobby(t, func(t *testing.T, l *lobby) {
		ctx := t.Context()
		second := l.organisation(t, "AAA")
		ann := l.user(t, "ann@example.org", survey.Viewer)
		l.setRoles(t, second.ID, ann.ID, survey.Owner)
		for _, tt := range []struct {
			asked, want survey.OrganisationID
			launches    bool
		}{
			{survey.DefaultOrganisation, survey.DefaultOrganisation, false},
			{second.ID, second.ID, true},
			{0, second.ID, true},   // the first by name
			{999, second.ID, true}, // not hers
		} {
			actor, err := l.Actor(ctx, ann.ID, tt.asked)
			if err != nil || actor.Organisation.ID != tt.want || actor.May(access.Launch) != tt.launches || len(actor.Memberships) != 2 {
				t.Errorf("asked for organisation %d: %+v, %v; want to be in %d", tt.asked, actor, err, tt.want)
			}
		}
		nobody := l.user(t, "nobody@example.org")
		nobody.Administrator = true
		l.save(t, nobody)
		actor, err := l.Actor(ctx, nobody.ID, survey.DefaultOrganisation)
		if err != nil || actor.Organisation.ID != 0 || !actor.May(access.Administer) {
			t.Fatalf("an administrator who works nowhere: %+v, %v", actor, err)
		}
		for _, right := range access.Rights() {
			if actor.May(right) {
				t.Errorf("an administrator who works nowhere may %s", right)
			}
		}
		ann.Disabled = true
		l.save(t, ann)
		_, err = l.Actor(ctx, ann.ID, second.ID)
		wantError(t, "a disabled user", err, access.ErrSignedOut)
		_, err = l.Actor(ctx, ann.ID+1000, second.ID)
		wantError(t, "a deleted user", err, access.ErrSignedOut)
	})
}

func TestNote(t *testing.T) {
	t.Parallel()
	eachLobby(t, func(t *testing.T, l *lobby) {
		ctx := t.Context()
		owner := l.owner(t)
		details := map[string]string{"segment": "dep\r\nartment", "long": strings.Repeat("ж", 10_000)}
		for i := range 100 {
			details[fmt.Sprintf("zz%d", i)] = "x"
		}
		if err := l.Note(ctx, owner, access.Event{Action: "results.viewed", Subject: "wave 12", Details: details, Request: "abc"}); err != nil {
			t.Fatal(err)
		}
		if err := l.Note(ctx, access.Command("root"), access.Event{Action: "users.made", Subject: "user 3", Instance: true}); err != nil {
			t.Fatal(err)
		}
		events, total, err := l.store.AuditEvents(ctx, survey.DefaultOrganisation, store.AuditQuery{Limit: 10})
		if err != nil || total != 1 {
			t.Fatalf("%d events, %v", total, err)
		}
		got := events[0]
		if got.Who != "owner@example.org" || got.Actor != survey.ByUser || got.User != owner.User.ID || got.Subject != "wave 12" || !got.At.Equal(l.now()) ||
			got.Details["segment"] != "dep artment" || len([]rune(got.Details["long"])) != 500 || len(got.Details) != 40 || got.Request != "abc" {
			t.Errorf("noted %+v", got)
		}
		events, _, err = l.store.AuditEvents(ctx, 0, store.AuditQuery{Limit: 10})
		if err != nil || len(events) != 1 || events[0].Who != "root" || events[0].Actor != survey.ByCommand {
			t.Errorf("of the instance: %+v, %v", events, err)
		}
	})
}
