package store_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cxmirror/pkg/store"
	"cxmirror/pkg/store/storetest"
	"cxmirror/pkg/survey"
)

// client is an organisation in which there is something of everything.
type client struct {
	id         survey.OrganisationID
	open       survey.Wave // launched and confidential
	anonymous  survey.Wave
	token      string // of a personal link of the open wave
	reminder   survey.MailingID
	unfinished survey.Response // of the open wave
	draft      store.Draft     // of the anonymous one
	slug       string          // of the open wave
}

// newClient fills an organisation.
func newClient(t *testing.T, s *store.Store, id survey.OrganisationID, name string) client {
	t.Helper()
	ctx := t.Context()
	c := client{id: id}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	version := survey.Version{Organisation: id, Code: "expectations", Number: 1, Source: []byte("code: expectations\nversion: 1\n")}
	must(s.SaveVersion(ctx, &version))
	_, err := s.ImportPeople(ctx, id, manyPeople(6), store.ImportOptions{})
	must(err)
	people, _, err := s.People(ctx, id, store.PeopleQuery{})
	must(err)
	attributes, err := s.Attributes(ctx, id)
	must(err)
	at := slices.IndexFunc(attributes, func(a survey.Attribute) bool { return a.Key == "department" })
	values := attributes[at].Values
	must(errors.Join(s.RenameValue(ctx, id, values[0].ID, "Information"), s.MergeValues(ctx, id, []int64{values[0].ID}, values[1].ID)))

	launch := func(mode survey.Mode) (survey.Wave, []store.NewInvitation, []survey.Mailing) {
		w := survey.Wave{
			Organisation: id, Version: version.ID, Name: "Employees", Audience: survey.Internal, Slug: strings.ToLower(name) + "-" + string(mode),
			State: survey.WaveDraft, Threshold: 3, Mode: mode, OpenLink: true,
		}
		must(s.CreateWave(ctx, &w))
		var invitations []store.NewInvitation
		for _, p := range people {
			invitation := survey.InvitationID(randomID())
			invitations = append(invitations, store.NewInvitation{
				Invitation: survey.Invitation{ID: invitation, Person: p.ID, Language: p.Language}, TokenHash: hashOf(tokenOf(invitation)),
			})
		}
		w.Launched = stored(noon)
		mailings := []survey.Mailing{{Kind: survey.InvitationLetter, At: noon}, {Kind: survey.ReminderLetter, At: noon.Add(time.Minute)}}
		_, err := s.LaunchWave(ctx, w, eachInvitation(invitations...), []survey.Letter{{Kind: survey.InvitationLetter, Subject: survey.Words{"en": "x"}}}, mailings)
		must(err)
		w, err = s.Wave(ctx, id, w.ID)
		must(err)
		return w, invitations, mailings
	}
	var invitations []store.NewInvitation
	var mailings []survey.Mailing
	c.open, invitations, mailings = launch(survey.Confidential)
	c.slug, c.token, c.reminder = c.open.Slug, tokenOf(invitations[0].ID), mailings[1].ID
	_, err = s.StartMailing(ctx, id, mailings[0].ID, numbered(), noon)
	must(err)
	for i := range 4 {
		r := newResponse(c.open)
		r.Invitation = invitations[i].ID
		must(s.StartResponse(ctx, id, &r))
		if i == 0 {
			c.unfinished = r
			continue
		}
		must(s.CompleteResponse(ctx, id, complete(r, `{"a":1}`), 0))
		must(s.ReviewComment(ctx, id, r.Wave, r.ID, "a", true))
	}
	c.anonymous, invitations, _ = launch(survey.Anonymous)
	for i := range 2 {
		d := newDraft(c.anonymous)
		must(s.StartDraft(ctx, id, &d, invitations[i].ID))
		if i == 0 {
			must(s.Seal(ctx, id, next(d), invitations[i].ID, survey.Sealed{ID: randomID(), Content: sealedBytes()}, noon, 0))
		} else {
			c.draft = d
		}
	}
	planned := survey.Wave{Organisation: id, Version: version.ID, Name: "Planned", Audience: survey.Internal, Slug: strings.ToLower(name) + "-planned", State: survey.WaveDraft, Threshold: 3}
	must(s.CreateWave(ctx, &planned))
	must(s.SavePlan(ctx, id, planned.ID, json.RawMessage(`{"sample":5}`)))

	u := newMember(t, s, id, strings.ToLower(name)+"@example.org", survey.Owner)
	must(s.CreateToken(ctx, &survey.APIToken{Organisation: id, User: u.ID, Name: "nightly", Hash: sha(name), Expires: noon.Add(time.Hour)}))
	must(s.CreateView(ctx, &survey.View{Organisation: id, Name: "Board", Maker: u.ID, Viewers: []survey.UserID{u.ID}}))
	must(s.SetGroupRoles(ctx, id, []survey.GroupRole{{Group: "cx", Organisation: id, Role: survey.HR}}))
	must(s.Note(ctx, survey.AuditEvent{At: noon, Organisation: id, Actor: survey.ByUser, User: u.ID, Who: u.Address, Action: "results.viewed"}))
	return c
}

// rowsByTable returns the rows of every table that has a column organisation_id, those of one organisation as lines.
func rowsByTable(t *testing.T, engine string, db *sql.DB, organisation survey.OrganisationID) map[string][]string {
	t.Helper()
	tables := "SELECT m.name FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table' AND c.name = 'organisation_id'"
	if engine == "postgres" {
		tables = "SELECT table_name FROM information_schema.columns WHERE table_schema = 'public' AND column_name = 'organisation_id'"
	}
	rows := make(map[string][]string)
	for _, name := range rowsOf(t, db, tables) {
		name = strings.Trim(name, `["]`)
		rows[name] = rowsOf(t, db, fmt.Sprintf("SELECT * FROM %s WHERE organisation_id = %d", name, organisation))
		slices.Sort(rows[name])
	}
	if len(rows) < 15 {
		t.Fatalf("tables with an organisation: %v", slices.Sorted(maps.Keys(rows)))
	}
	return rows
}

// TestDeleteOrganisation deletes an organisation that has something in every table, beside one that has, too.
func TestDeleteOrganisation(t *testing.T) {
	t.Parallel()
	for engine, dsnOf := range bothEngines() {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			dsn, ctx := dsnOf(t), t.Context()
			s := storetest.Open(t, dsn)
			_, db := migrationsOf(t, engine, dsn)
			newClient(t, s, survey.DefaultOrganisation, "First")
			o := newOrganisation(t, s, "Łódź „Sp. z o.o.”")
			gone := newClient(t, s, o.ID, "Gone")
			kept := rowsByTable(t, engine, db, survey.DefaultOrganisation)
			for table, rows := range rowsByTable(t, engine, db, o.ID) {
				if len(rows) == 0 || len(kept[table]) == 0 {
					t.Errorf("the test puts nothing into %s: let newClient do so, and DeleteOrganisation take it away", table)
				}
			}

			by := survey.AuditEvent{At: noon, Actor: survey.ByUser, User: 1, Who: "admin@example.org", Request: "r9", Organisation: o.ID}
			wantError(t, "another name", s.DeleteOrganisation(ctx, o.ID, "Lodz", by), survey.ErrOtherName)
			wantError(t, "no name", s.DeleteOrganisation(ctx, o.ID, "", by), survey.ErrConflict)
			wantError(t, "the first organisation", s.DeleteOrganisation(ctx, survey.DefaultOrganisation, "default", by), survey.ErrStays)
			wantError(t, "an organisation there is not", s.DeleteOrganisation(ctx, 77, "x", by), survey.ErrNotFound)
			if got, err := s.Organisation(ctx, o.ID); err != nil || got.Archived != nil {
				t.Errorf("after refusals the organisation is %+v, %v", got, err)
			}
			// Interrupted, it goes on where it was the next time.
			stopped, stop := context.WithCancel(ctx)
			stop()
			wantError(t, "a caller who left", s.DeleteOrganisation(stopped, o.ID, o.Name, by), context.Canceled)
			if err := s.DeleteWave(ctx, o.ID, gone.open.ID); err != nil {
				t.Fatal(err)
			}
			if err := s.DeleteOrganisation(ctx, o.ID, " "+o.Name+" ", by); err != nil {
				t.Fatal(err)
			}
			for table, rows := range rowsByTable(t, engine, db, o.ID) {
				if table != "audit_events" && len(rows) > 0 {
					t.Errorf("%s still has %q", table, rows)
				}
			}
			if diff := cmp.Diff(kept, rowsByTable(t, engine, db, survey.DefaultOrganisation)); diff != "" {
				t.Errorf("of the other organisation something changed:\n%s", diff)
			}
			_, err := s.Organisation(ctx, o.ID)
			wantError(t, "the deleted organisation", err, survey.ErrNotFound)
			wantError(t, "deleting it again", s.DeleteOrganisation(ctx, o.ID, o.Name, by), survey.ErrNotFound)
			if u, err := s.UserByAddress(ctx, "gone@example.org"); err != nil {
				t.Errorf("who worked there: %v", err)
			} else if memberships, err := s.Memberships(ctx, u.ID); err != nil || len(memberships) != 0 {
				t.Errorf("who worked there works in %+v, %v", memberships, err)
			}
			if begun, _, err := s.AuditEvents(ctx, 0, store.AuditQuery{Action: "organisation.deletion_begun"}); err != nil || len(begun) == 0 || // also of the caller who left, if she came that far
				begun[0].Who != by.Who || begun[0].Details["name"] != o.Name || begun[0].Subject != fmt.Sprintf("organisation %d", o.ID) {
				t.Errorf("of the beginning the audit trail says %+v, %v", begun, err)
			}
			events, _, err := s.AuditEvents(ctx, 0, store.AuditQuery{Action: "organisation.deleted"})
			want := []survey.AuditEvent{{
				At: *stored(noon), Actor: survey.ByUser, User: 1, Who: "admin@example.org", Action: "organisation.deleted",
				Subject: fmt.Sprintf("organisation %d", o.ID), Request: "r9",
				Details: map[string]string{"name": o.Name, "waves": "2", "people": "6", "versions": "1", "responses": "1"},
			}}
			if len(events) == 1 {
				want[0].ID = events[0].ID
			}
			if diff := cmp.Diff(want, events); err != nil || diff != "" {
				t.Errorf("the audit trail says: %v\n%s", err, diff)
			}
			// Ids are not given again: old events would tell of another organisation.
			if next := newOrganisation(t, s, "Next"); next.ID <= o.ID {
				t.Errorf("the next organisation has the id %d; the deleted one had %d", next.ID, o.ID)
			}
		})
	}
}

// TestArchivedOrganisation archives an organisation and takes it back: nothing happens in between, nothing is lost.
func TestArchivedOrganisation(t *testing.T) {
	t.Parallel()
	for engine, dsnOf := range bothEngines() {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			dsn, ctx := dsnOf(t), t.Context()
			s := storetest.Open(t, dsn)
			_, db := migrationsOf(t, engine, dsn)
			o := newOrganisation(t, s, "Client")
			c := newClient(t, s, o.ID, "Client")
			other := newClient(t, s, survey.DefaultOrganisation, "First")
			before := rowsByTable(t, engine, db, o.ID)
			sender, err := s.JoinSenders(ctx)
			if err != nil {
				t.Fatal(err)
			}
			after := noon.Add(2 * time.Minute)

			changes := s.WaveChanges()
			o.Archived = stored(noon)
			if err := storetest.SaveOrganisation(ctx, s, o); err != nil {
				t.Fatal(err)
			}
			if s.WaveChanges() == changes {
				t.Error("whoever remembers a wave does not learn that it takes no answers")
			}
			// Settings that somebody had open, and archiving it once more, change nothing of that.
			open := o
			open.Archived = nil
			if err := errors.Join(s.SaveOrganisation(ctx, open), s.ArchiveOrganisation(ctx, o.ID, noon.Add(time.Hour))); err != nil {
				t.Fatal(err)
			}
			if got, err := s.Organisation(ctx, o.ID); err != nil || got.Archived == nil || !got.Archived.Equal(*o.Archived) {
				t.Errorf("after its settings were stored it is archived since %v, %v; want %v", got.Archived, err, o.Archived)
			}
			wantError(t, "archiving none", s.ArchiveOrganisation(ctx, 77, noon), survey.ErrNotFound)
			wantError(t, "bringing none back", s.RestoreOrganisation(ctx, 77), survey.ErrNotFound)
			archived := func(what string, w survey.Wave, err error, want error) {
				t.Helper()
				if err != nil {
					t.Errorf("%s: %v", what, err)
				}
				wantError(t, what, w.Takes(after, 0), want)
			}
			_, byToken, err := s.InvitationByToken(ctx, hashOf(c.token))
			archived("the personal link", byToken, err, survey.ErrClosed)
			bySlug, err := s.WaveBySlug(ctx, c.slug)
			archived("the open link", bySlug, err, survey.ErrClosed)
			bySlug, err = s.WaveBySlug(ctx, other.slug)
			archived("the open link of another organisation", bySlug, err, nil)
			finished := complete(c.unfinished, `{"a":2}`)
			wantError(t, "finishing", s.CompleteResponse(ctx, o.ID, finished, 0), survey.ErrClosed)
			wantError(t, "finishing with a limit", s.CompleteResponse(ctx, o.ID, finished, 100), survey.ErrClosed)
			sealed := survey.Sealed{ID: randomID(), Content: sealedBytes()}
			wantError(t, "sealing", s.Seal(ctx, o.ID, next(c.draft), "", sealed, after, 0), survey.ErrClosed)

			due, err := s.DueMailings(ctx, after)
			if slices.ContainsFunc(due, func(m survey.Mailing) bool { return m.Organisation != other.id }) || len(due) == 0 || err != nil {
				t.Errorf("DueMailings = %+v, %v; want the other organisation's only", due, err)
			}
			_, err = s.StartMailing(ctx, o.ID, c.reminder, numbered(), after)
			wantError(t, "starting a mailing", err, survey.ErrConflict)
			mails, err := s.ClaimMails(ctx, sender, after, 100)
			if slices.ContainsFunc(mails, func(m survey.Mail) bool { return m.Wave != other.open.ID }) || len(mails) == 0 || err != nil {
				t.Errorf("ClaimMails = %+v, %v; want the other organisation's only", mails, err)
			}
			if wait, err := s.MailsWait(ctx, after); wait || err != nil {
				t.Errorf("MailsWait = %v, %v; want none that may be claimed", wait, err)
			}
			if diff := cmp.Diff(before, rowsByTable(t, engine, db, o.ID)); diff != "" {
				t.Errorf("while it was archived something changed:\n%s", diff)
			}
			// What was promised is kept also then.
			if waves, err := s.WavesToRelease(ctx); err != nil || !slices.ContainsFunc(waves, func(w survey.Wave) bool { return w.ID == c.open.ID }) {
				t.Errorf("WavesToRelease = %+v, %v; want that of the archived organisation among them", waves, err)
			}

			o.Archived = nil
			if err := storetest.SaveOrganisation(ctx, s, o); err != nil {
				t.Fatal(err)
			}
			bySlug, err = s.WaveBySlug(ctx, c.slug)
			archived("the open link of the organisation that came back", bySlug, err, nil)
			if err := s.CompleteResponse(ctx, o.ID, finished, 0); err != nil {
				t.Errorf("finishing when it came back: %v", err)
			}
			if mails, err := s.ClaimMails(ctx, sender, after, 100); err != nil || len(mails) == 0 || mails[0].Wave != c.open.ID {
				t.Errorf("ClaimMails = %+v, %v; want those that waited", mails, err)
			}
			if due, err := s.DueMailings(ctx, after); err != nil || !slices.ContainsFunc(due, func(m survey.Mailing) bool { return m.ID == c.reminder }) {
				t.Errorf("DueMailings = %+v, %v; want the reminder that waited", due, err)
			}
		})
	}
}
