package store_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cxmirror/pkg/store"
	"cxmirror/pkg/store/storetest"
	"cxmirror/pkg/survey"
)

func TestAudit(t *testing.T) {
	t.Parallel()
	for name, open := range storetest.Engines() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, ctx := open(t), t.Context()
			o, foreign := newOrganisation(t, s, "Alfa"), newOrganisation(t, s, "Beta")
			u := newMember(t, s, o.ID, "u@example.org", survey.Owner)
			newMember(t, s, o.ID, "v@example.org", survey.Owner)
			events := []survey.AuditEvent{
				{Organisation: o.ID, Actor: survey.ByUser, User: u.ID, Who: u.Address, Action: "results.viewed", Subject: "wave 12", Details: map[string]string{"filter": "unit=żółw"}, Request: "r1"},
				{Organisation: o.ID, Actor: survey.ByToken, User: u.ID, Who: "nightly", Action: "results.exported", Subject: "wave 1"},
				{Organisation: o.ID, Actor: survey.ByCommand, Who: "root", Action: "result", Subject: "wave 12"},
				{Organisation: foreign.ID, Actor: survey.ByUser, User: u.ID, Who: u.Address, Action: "results.viewed", Subject: "wave 12"},
				{Actor: survey.ByService, Who: "cxmirror", Action: "service.started"},
			}
			for i := range events {
				events[i].At = *stored(noon.Add(time.Duration(i) * time.Minute))
				if err := s.Note(ctx, events[i]); err != nil {
					t.Fatal(err)
				}
			}
			tests := []struct {
				what         string
				organisation survey.OrganisationID
				query        store.AuditQuery
				want         []int // of events, the latest first
				total        int
			}{
				{"an organisation", o.ID, store.AuditQuery{}, []int{2, 1, 0}, 3},
				{"an organisation, everywhere", o.ID, store.AuditQuery{Everywhere: true}, []int{2, 1, 0}, 3},
				{"another organisation", foreign.ID, store.AuditQuery{}, []int{3}, 1},
				{"the instance", 0, store.AuditQuery{}, []int{4}, 1},
				{"everything", 0, store.AuditQuery{Everywhere: true}, []int{4, 3, 2, 1, 0}, 5},
				{"a page", 0, store.AuditQuery{Everywhere: true, Limit: 2, Offset: 1}, []int{3, 2}, 5},
				{"from", o.ID, store.AuditQuery{From: events[1].At}, []int{2, 1}, 2},
				{"until", o.ID, store.AuditQuery{Until: events[1].At}, []int{0}, 1},
				{"a user", o.ID, store.AuditQuery{User: u.ID}, []int{1, 0}, 2},
				{"an action", o.ID, store.AuditQuery{Action: "results."}, []int{1, 0}, 2},
				{"a subject", o.ID, store.AuditQuery{Subject: "wave 1"}, []int{1}, 1},
				{"a pattern that is none", o.ID, store.AuditQuery{Action: "%"}, nil, 0},
				{"another case", o.ID, store.AuditQuery{Action: "RESULTS"}, nil, 0},
				{"no text", o.ID, store.AuditQuery{Subject: "\x00\xff"}, nil, 0},
				{"no organisation", 77, store.AuditQuery{}, nil, 0},
			}
			for _, tt := range tests {
				got, total, err := s.AuditEvents(ctx, tt.organisation, tt.query)
				want := make([]survey.AuditEvent, len(tt.want))
				for i, at := range tt.want {
					want[i] = events[at]
					if i < len(got) {
						want[i].ID = got[i].ID
					}
				}
				if diff := cmp.Diff(want, got); err != nil || total != tt.total || diff != "" {
					t.Errorf("%s: %d in all, %v; want %d\n%s", tt.what, total, err, tt.total, diff)
				}
			}

			// What visitors send is stored as far as it can be.
			hostile := survey.AuditEvent{
				At: noon, Organisation: foreign.ID, Actor: survey.ByUser, Who: "a\x00b\xff", Action: "results.viewed", Subject: "'); DROP TABLE audit_events; --",
				Details: map[string]string{"filter": strings.Repeat("ż", 501), "exact": strings.Repeat("ż", 500)},
			}
			if err := s.Note(ctx, hostile); err != nil {
				t.Fatal(err)
			}
			got, _, err := s.AuditEvents(ctx, foreign.ID, store.AuditQuery{Subject: hostile.Subject})
			want := hostile
			want.At, want.Who = *stored(noon), "a\ufffdb\ufffd"
			want.Details = map[string]string{"filter": strings.Repeat("ż", 499) + "…", "exact": hostile.Details["exact"]}
			if len(got) == 1 {
				want.ID = got[0].ID
			}
			if diff := cmp.Diff([]survey.AuditEvent{want}, got); err != nil || diff != "" {
				t.Errorf("hostile texts: %v\n%s", err, diff)
			}
			for what, wrong := range map[string]survey.AuditEvent{
				"no time":   {Actor: survey.ByUser, Action: "x"},
				"no action": {Actor: survey.ByUser, At: noon},
				"no actor":  {Action: "x", At: noon},
			} {
				if err := s.Note(ctx, wrong); err == nil {
					t.Errorf("Note took an event with %s", what)
				}
			}
			// The trail outlives who is in it.
			if err := s.DeleteUser(ctx, u.ID); err != nil {
				t.Fatal(err)
			}
			if got, total, err := s.AuditEvents(ctx, o.ID, store.AuditQuery{User: u.ID}); err != nil || total != 2 || got[0].User != u.ID {
				t.Errorf("events of a deleted user are %+v, %v", got, err)
			}
		})
	}
}

// TestAuditStays tries to change the trail past the program.
func TestAuditStays(t *testing.T) {
	t.Parallel()
	for engine, dsnOf := range bothEngines() {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			dsn := dsnOf(t)
			s := storetest.Open(t, dsn)
			for i := range 3 {
				if err := s.Note(t.Context(), survey.AuditEvent{At: noon.Add(time.Duration(i)), Actor: survey.ByUser, Who: "u@example.org", Action: "x"}); err != nil {
					t.Fatal(err)
				}
			}
			before, _, err := s.AuditEvents(t.Context(), 0, store.AuditQuery{Everywhere: true})
			if err != nil || len(before) != 3 {
				t.Fatalf("%+v, %v", before, err)
			}
			columns := "(id, at, actor, who, action, subject, details, request) VALUES (1, '2027-03-01 11:30:15+00:00', 'user', 'nobody', 'y', '', '{}', '')"
			statements := []string{
				"UPDATE audit_events SET who = 'nobody'",
				"UPDATE audit_events SET details = '{}' WHERE id = 1",
				"DELETE FROM audit_events",
				"DELETE FROM audit_events WHERE id = 2",
				"INSERT INTO audit_events " + columns,
				"INSERT INTO audit_events " + columns + " ON CONFLICT (id) DO UPDATE SET who = 'nobody'",
				"WITH gone AS (SELECT 2 AS id) DELETE FROM audit_events WHERE id IN (SELECT id FROM gone)",
			}
			if engine == "postgres" {
				statements = append(statements,
					"TRUNCATE audit_events",
					"TRUNCATE audit_events, users CASCADE",
					"SET session_replication_role = replica; DELETE FROM audit_events",
					"MERGE INTO audit_events USING (SELECT 1 AS one) AS s ON id = one WHEN MATCHED THEN DELETE",
					"WITH gone AS (DELETE FROM audit_events RETURNING *) SELECT * FROM gone",
				)
			} else {
				statements = append(statements,
					"REPLACE INTO audit_events "+columns,
					"INSERT OR REPLACE INTO audit_events "+columns,
					"UPDATE OR REPLACE audit_events SET id = 2 WHERE id = 1",
					"UPDATE OR IGNORE audit_events SET who = 'nobody'",
					"DELETE FROM audit_events RETURNING id",
				)
			}
			for _, statement := range statements {
				if err := execute(t, dsn, statement); err == nil {
					t.Errorf("%s succeeded; want it refused", statement)
				}
			}
			after, _, err := s.AuditEvents(t.Context(), 0, store.AuditQuery{Everywhere: true})
			if diff := cmp.Diff(before, after); err != nil || diff != "" {
				t.Errorf("the trail was changed: %v\n%s", err, diff)
			}
			if err := s.Note(t.Context(), survey.AuditEvent{At: noon, Actor: survey.ByCommand, Action: "z"}); err != nil {
				t.Errorf("adding to it: %v", err)
			}
		})
	}
}
