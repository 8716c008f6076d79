package store_test

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"maps"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cxmirror/pkg/store"
	"cxmirror/pkg/store/storetest"
	"cxmirror/pkg/survey"
)

// randomID returns an id as invitations, responses and what is sealed have.
func randomID() string {
	var id [16]byte
	_, _ = rand.Read(id[:])
	return hex.EncodeToString(id[:])
}

// tokenOf is the secret in the link of an invitation in these tests.
func tokenOf(id survey.InvitationID) string { return "token of " + string(id) }

func hashOf(secret string) []byte {
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}

// sealedBytes stand for an encrypted answer: of the length that is asked for, other bytes each time.
func sealedBytes() []byte {
	content := make([]byte, survey.PaddedLength(0))
	_, _ = rand.Read(content)
	return content
}

// importPeople stores n people, keys p0000 and on, in two departments by turns.
func importPeople(tb testing.TB, s *store.Store, n int) []survey.Person {
	tb.Helper()
	_, err := s.ImportPeople(tb.Context(), survey.DefaultOrganisation, manyPeople(n), store.ImportOptions{})
	if err != nil {
		tb.Fatal(err)
	}
	people, total, err := s.People(tb.Context(), survey.DefaultOrganisation, store.PeopleQuery{})
	if err != nil || total != n || len(people) != n {
		tb.Fatalf("People = %d of %d, %v; want %d", len(people), total, err, n)
	}
	return people
}

func manyPeople(n int) iter.Seq2[survey.Person, error] {
	return func(yield func(survey.Person, error) bool) {
		for i := range n {
			p := survey.Person{
				Key: fmt.Sprintf("p%04d", i), Address: fmt.Sprintf("Person%d@example.org", i), Name: fmt.Sprintf("Żaneta Łęcka %04d", i), Language: "pl",
				Attributes: map[string]string{"department": []string{"IT", "Sales"}[i%2], "level": fmt.Sprint(i % 7)}, Active: true,
			}
			if !yield(p, nil) {
				return
			}
		}
	}
}

// launched stores a wave to which people are invited, and launches it at noon.
func launched(tb testing.TB, s *store.Store, mode survey.Mode, k int, people []survey.Person, letters []survey.Letter, mailings []survey.Mailing) (survey.Wave, []store.NewInvitation) {
	tb.Helper()
	w := survey.Wave{
		Organisation: survey.DefaultOrganisation, Version: newVersion(tb, s).ID, Name: "Employees", Audience: survey.Internal,
		Slug: "wave-" + randomID(), State: survey.WaveDraft, Threshold: k, Mode: mode,
	}
	if err := s.CreateWave(tb.Context(), &w); err != nil {
		tb.Fatal(err)
	}
	var invitations []store.NewInvitation
	for _, p := range people {
		id := survey.InvitationID(randomID())
		invitations = append(invitations, store.NewInvitation{
			Invitation: survey.Invitation{
				ID: id, Person: p.ID, Language: p.Language,
				Attributes: map[survey.ItemCode]survey.OptionCode{"department": survey.OptionCode(p.Attributes["department"])},
			},
			TokenHash: hashOf(tokenOf(id)), CodeHash: hashOf("code of " + string(id)),
		})
	}
	w.Launched = stored(noon)
	w.Segments = []survey.Segment{{Code: "department", Text: survey.Words{"en": "Department"}, Values: []survey.Option{
		{Code: "IT", Text: survey.Words{"en": "IT"}}, {Code: "Sales", Text: survey.Words{"en": "Sales"}},
	}}}
	w.Reported = []survey.ItemCode{"department"}
	w.Promise.Asker = survey.Words{"en": "HR"}
	w.Erases = stored(noon.AddDate(0, 6, 0))
	n, err := s.LaunchWave(tb.Context(), w, eachInvitation(invitations...), letters, mailings)
	if err != nil || n != len(people) {
		tb.Fatalf("LaunchWave = %d, %v; want %d", n, err, len(people))
	}
	got, err := s.Wave(tb.Context(), w.Organisation, w.ID)
	if err != nil {
		tb.Fatal(err)
	}
	return got, invitations
}

func eachInvitation(invitations ...store.NewInvitation) iter.Seq2[store.NewInvitation, error] {
	return func(yield func(store.NewInvitation, error) bool) {
		for _, i := range invitations {
			if !yield(i, nil) {
				return
			}
		}
	}
}

func TestLaunch(t *testing.T) {
	t.Parallel()
	for name, open := range storetest.Engines() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, ctx := open(t), t.Context()
			people := importPeople(t, s, 30)
			letter := survey.Letter{Kind: survey.InvitationLetter, Subject: survey.Words{"pl": "Zaproszenie „ankieta”"}, Text: survey.Words{"pl": "{link}"}}
			w, invitations := launched(t, s, survey.Confidential, 5, people, []survey.Letter{letter}, []survey.Mailing{
				{Kind: survey.InvitationLetter, At: noon}, {Kind: survey.ReminderLetter, At: noon.AddDate(0, 0, 7)},
			})
			if w.State != survey.WaveOpen || w.Invited != 30 || w.Comments != 5 || !slices.Equal(w.Reported, []survey.ItemCode{"department"}) || len(w.Segments) != 1 {
				t.Errorf("launched as %+v", w)
			}
			letters, err := s.Letters(ctx, survey.DefaultOrganisation, w.ID)
			letter.Wave = w.ID
			if diff := cmp.Diff([]survey.Letter{letter}, letters); err != nil || diff != "" {
				t.Errorf("Letters: %v\n%s", err, diff)
			}
			mailings, err := s.Mailings(ctx, survey.DefaultOrganisation, w.ID)
			if err != nil || len(mailings) != 2 || mailings[0].Kind != survey.InvitationLetter || mailings[1].State != survey.MailingPlanned {
				t.Errorf("Mailings = %+v, %v", mailings, err)
			}

			_, err = s.LaunchWave(ctx, w, eachInvitation(), nil, nil)
			wantError(t, "launching again", err, survey.ErrConflict)
			twice := newWave(t, s, "twice")
			twice.State, twice.Launched = survey.WaveDraft, stored(noon)
			double := slices.Clone(invitations[:1])
			double = append(double, double[0])
			double[0].ID, double[1].ID = survey.InvitationID(randomID()), survey.InvitationID(randomID())
			double[0].TokenHash, double[1].TokenHash, double[0].CodeHash, double[1].CodeHash = hashOf("a"), hashOf("b"), nil, nil
			_, err = s.LaunchWave(ctx, twice, eachInvitation(double...), nil, nil)
			wantError(t, "inviting somebody twice", err, survey.ErrConflict)
			double[1].Person = 7777
			_, err = s.LaunchWave(ctx, twice, eachInvitation(double...), nil, nil)
			wantError(t, "inviting a stranger", err, survey.ErrNotFound)
			if _, total, err := s.Invitations(ctx, w.Organisation, twice.ID, store.InvitationQuery{}); err != nil || total != 0 {
				t.Errorf("launches that failed left %d invitations, %v", total, err)
			}

			// Ways in.
			id := invitations[3].ID
			got, wave, err := s.InvitationByToken(ctx, hashOf(tokenOf(id)))
			if err != nil || got.ID != id || got.Person != people[3].ID || wave.ID != w.ID || got.Attributes["department"] != invitations[3].Attributes["department"] {
				t.Errorf("InvitationByToken = %+v of wave %d, %v", got, wave.ID, err)
			}
			if got, _, err = s.InvitationByCode(ctx, hashOf("code of "+string(id))); err != nil || got.ID != id {
				t.Errorf("InvitationByCode = %+v, %v", got, err)
			}
			for _, hash := range [][]byte{hashOf("nobody"), nil, {}} {
				_, _, err = s.InvitationByToken(ctx, hash)
				wantError(t, "no such link", err, survey.ErrNotFound)
				_, _, err = s.InvitationByCode(ctx, hash)
				wantError(t, "no such code", err, survey.ErrNotFound)
			}

			// A page of them, by name.
			page, total, err := s.Invitations(ctx, w.Organisation, w.ID, store.InvitationQuery{Text: "ZANETA lecka 000", Offset: 2, Limit: 3})
			if err != nil || total != 10 || len(page) != 3 || page[0].Person.Key != "p0002" || page[2].Person.Key != "p0004" {
				t.Errorf("Invitations = %+v of %d, %v", page, total, err)
			}
			if _, total, err := s.Invitations(ctx, w.Organisation+1, w.ID, store.InvitationQuery{}); err != nil || total != 0 {
				t.Errorf("another organisation sees %d invitations, %v", total, err)
			}
			mine, err := s.InvitationsOfPerson(ctx, w.Organisation, people[3].ID)
			if err != nil || len(mine) != 1 || mine[0].ID != id {
				t.Errorf("InvitationsOfPerson = %+v, %v", mine, err)
			}
		})
	}
}

// TestPromises changes what was promised, through the program and past it.
func TestPromises(t *testing.T) {
	t.Parallel()
	refused := map[string]struct {
		change    func(w *survey.Wave)
		statement string
	}{
		"mode":             {func(w *survey.Wave) { w.Mode = survey.Identified }, "UPDATE waves SET mode = 'identified'"},
		"lower threshold":  {func(w *survey.Wave) { w.Threshold = 4 }, "UPDATE waves SET threshold = 4"},
		"lower comments":   {func(w *survey.Wave) { w.Comments = 9 }, "UPDATE waves SET comments = 9"},
		"more reported":    {func(w *survey.Wave) { w.Reported = append(w.Reported, "level") }, `UPDATE waves SET reported = '["department","level"]'`},
		"all reported":     {func(w *survey.Wave) { w.Reported = nil }, "UPDATE waves SET reported = NULL"},
		"other segments":   {func(w *survey.Wave) { w.Segments = nil }, "UPDATE waves SET segments = '[]'"},
		"tracking":         {func(w *survey.Wave) { w.Tracks = true }, "UPDATE waves SET tracks = true"},
		"keeping longer":   {func(w *survey.Wave) { w.Erases = stored(noon.AddDate(1, 0, 0)) }, "UPDATE waves SET erases_at = '2040-01-01 00:00:00+00:00'"},
		"keeping for good": {func(w *survey.Wave) { w.Erases = nil }, "UPDATE waves SET erases_at = NULL"},
		"asker":            {func(w *survey.Wave) { w.Promise.Asker = survey.Words{"en": "somebody else"} }, `UPDATE waves SET promise = '{"asker":{"en":"somebody else"}}'`},
		"purpose":          {func(w *survey.Wave) { w.Promise.Purpose = survey.Words{"en": "to know"} }, `UPDATE waves SET promise = '{"asker":{"en":"HR"},"purpose":{"en":"to know"}}'`},
		"kept":             {func(w *survey.Wave) { w.Promise.Kept = survey.Words{"en": "names"} }, `UPDATE waves SET promise = '{"asker":{"en":"HR"},"kept":{"en":"names"}}'`},
		"not launched":     {nil, "UPDATE waves SET launched_at = NULL"},
		"relaunched":       {nil, "UPDATE waves SET launched_at = '2040-01-01 00:00:00+00:00'"},
		"replaced":         {nil, "REPLACE INTO waves SELECT * FROM waves"}, // which PostgreSQL does not know
	}
	for name, dsnOf := range bothEngines() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dsn, ctx := dsnOf(t), t.Context()
			s := storetest.Open(t, dsn)
			w, _ := launched(t, s, survey.Confidential, 5, importPeople(t, s, 6), nil, nil)
			w.Comments = 10
			if err := s.UpdateWave(ctx, w); err != nil {
				t.Fatal(err)
			}
			for what, tt := range refused {
				if tt.change != nil {
					changed := w
					changed.Promise.Asker = maps.Clone(w.Promise.Asker)
					changed.Reported = slices.Clone(w.Reported)
					tt.change(&changed)
					wantError(t, what, s.UpdateWave(ctx, changed), survey.ErrPromised)
				}
				if err := execute(t, dsn, tt.statement); err == nil {
					t.Errorf("%s succeeded; want it refused", tt.statement)
				}
			}
			for what, change := range map[string]func(w *survey.Wave){
				"raise the threshold":          func(w *survey.Wave) { w.Threshold = 6 },
				"raise it beyond the comments": func(w *survey.Wave) { w.Threshold = 12 },
				"erase sooner":                 func(w *survey.Wave) { w.Erases = stored(noon.AddDate(0, 1, 0)) },
				"close":                        func(w *survey.Wave) { w.State = survey.WaveClosed },
				"reopen, for longer":           func(w *survey.Wave) { w.State = survey.WaveOpen; w.Closes = stored(noon.AddDate(0, 2, 0)) },
				"another contact":              func(w *survey.Wave) { w.Promise.Contact = "hr@example.org" },
			} {
				changed, err := s.Wave(ctx, w.Organisation, w.ID)
				if err != nil {
					t.Fatal(err)
				}
				change(&changed)
				if changed.Threshold < 12 && what == "raise the threshold" {
					changed.Threshold = max(6, changed.Threshold)
				}
				current, _ := s.Wave(ctx, w.Organisation, w.ID)
				changed.Threshold = max(changed.Threshold, current.Threshold)
				if err := s.UpdateWave(ctx, changed); err != nil {
					t.Errorf("%s: %v; want it done", what, err)
				}
			}

			// Before it is open, everything may change; once it is, the mode may not.
			draft := survey.Wave{Organisation: w.Organisation, Version: w.Version, Name: "Draft", Audience: survey.Internal, Slug: "draft", State: survey.WaveDraft, Threshold: 5}
			if err := s.CreateWave(ctx, &draft); err != nil || draft.Mode != survey.Confidential || draft.Comments != 5 {
				t.Fatalf("CreateWave made %+v, %v; want it confidential, with a threshold for comments", draft, err)
			}
			draft.Mode, draft.Threshold, draft.Comments, draft.Slug, draft.Audience, draft.Tracks = survey.Anonymous, 3, 4, "other-draft", survey.External, true
			if err := s.UpdateWave(ctx, draft); err != nil {
				t.Fatal(err)
			}
			got, err := s.Wave(ctx, draft.Organisation, draft.ID)
			if diff := cmp.Diff(draft, got); err != nil || diff != "" {
				t.Errorf("a changed draft: %v\n%s", err, diff)
			}
			taken := draft
			taken.Slug = w.Slug
			wantError(t, "the slug of another wave", s.UpdateWave(ctx, taken), survey.ErrSlugTaken)
			draft.State = survey.WaveOpen
			if err := s.UpdateWave(ctx, draft); err != nil {
				t.Fatal(err)
			}
			opened := draft
			opened.Mode = survey.Identified
			wantError(t, "the mode of an open wave", s.UpdateWave(ctx, opened), survey.ErrPromised)
			opened = draft
			opened.Threshold = 2
			wantError(t, "the threshold of an open wave", s.UpdateWave(ctx, opened), survey.ErrConflict)
		})
	}
}

// TestHistoryIsAddedTo changes past the program what was shown of a wave and whom it was launched for.
func TestHistoryIsAddedTo(t *testing.T) {
	t.Parallel()
	for name, dsnOf := range bothEngines() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dsn, ctx := dsnOf(t), t.Context()
			s := storetest.Open(t, dsn)
			people := importPeople(t, s, 8)
			w, invitations := launched(t, s, survey.Confidential, 3, people, nil, nil)
			finish := func(from, until int) {
				for _, i := range invitations[from:until] {
					r := newResponse(w)
					r.Invitation = i.ID
					if err := errors.Join(s.StartResponse(ctx, ours, &r), s.CompleteResponse(ctx, ours, complete(r, `{}`), 0)); err != nil {
						t.Fatal(err)
					}
				}
				all := func(pending []survey.ResponseID, _ int, _ bool) []survey.ResponseID { return pending }
				if n, err := s.Release(ctx, ours, w.ID, noon, all); err != nil || n != until-from {
					t.Fatalf("Release = %d, %v", n, err)
				}
			}
			cut := survey.Cut{Release: 1, Shown: []survey.Part{{Item: "department", Option: "IT"}}}
			finish(0, 3)
			if err := s.AddCut(ctx, ours, w.ID, cut, 0, 1); err != nil {
				t.Fatal(err)
			}
			draft := survey.Wave{Organisation: ours, Version: w.Version, Name: "Draft", Audience: survey.External, Slug: "draft", Threshold: 3, State: survey.WaveDraft}
			if err := s.CreateWave(ctx, &draft); err != nil {
				t.Fatal(err)
			}
			before, err := s.Wave(ctx, ours, w.ID)
			if err != nil {
				t.Fatal(err)
			}
			own := fmt.Sprintf(" WHERE id = %d", w.ID)
			for _, statement := range []string{
				"UPDATE waves SET cuts = '[]'" + own,
				"UPDATE waves SET cuts = '{}'" + own,
				`UPDATE waves SET cuts = '[{"release":1,"shown":[],"final":false}]'` + own,
				`UPDATE waves SET cuts = '[{"release":0,"shown":[{"item":"department","option":"IT"}],"final":false},{"release":1,"shown":[{"item":"department","option":"IT"}],"final":false}]'` + own,
				"UPDATE waves SET cuts = '[]' FROM (SELECT 1 AS one) AS other" + own,
				"UPDATE waves SET cuts = other.cuts, held = other.held, releases = other.releases FROM waves AS other WHERE other.id <> waves.id AND waves.launched_at IS NOT NULL",
				"UPDATE waves SET held = '[]'" + own,
				`UPDATE waves SET held = '[{"release":1,"threshold":1}]'` + own,
				"UPDATE waves SET releases = 0" + own,
				"UPDATE waves SET audience = 'external'" + own,
				"UPDATE waves SET invited = 9" + own,
				"UPDATE waves SET invited = 7" + own,
				"UPDATE waves SET invited = 0" + own,
				"UPDATE waves SET id = 4711" + own,
				"INSERT INTO waves SELECT * FROM waves" + own + " ON CONFLICT (id) DO UPDATE SET cuts = '[]'",
				// Of SQLite alone.
				"REPLACE INTO waves SELECT * FROM waves" + own,
				"INSERT OR REPLACE INTO waves SELECT * FROM waves" + own,
				fmt.Sprintf("UPDATE OR REPLACE waves SET id = %d WHERE id = %d", w.ID, draft.ID),
			} {
				if err := execute(t, dsn, statement); err == nil {
					t.Errorf("%s succeeded; want it refused", statement)
				}
			}
			after, err := s.Wave(ctx, ours, w.ID)
			if diff := cmp.Diff(before, after); err != nil || diff != "" || len(after.Cuts) != 1 || len(after.Held) != 1 || after.Invited != 8 {
				t.Errorf("what was refused changed the wave: %v\n%s", err, diff)
			}
			// What the program does goes on.
			finish(3, 6)
			w.Threshold = 3
			if err := s.AddCut(ctx, ours, w.ID, survey.Cut{Release: 2, Shown: cut.Shown}, 1, 2); err != nil {
				t.Error(err)
			}
			if _, err := s.ErasePerson(ctx, ours, people[7].ID); err != nil {
				t.Error(err)
			}
			after, err = s.Wave(ctx, ours, w.ID)
			if err != nil || len(after.Cuts) != 2 || after.Releases != 2 || after.Invited != 7 {
				t.Errorf("cuts %v, %d releases, %d invited, %v; want 2, 2 and 7", after.Cuts, after.Releases, after.Invited, err)
			}
			if _, err := s.EraseWavePersonalData(ctx, ours, w.ID); err != nil {
				t.Fatal(err)
			}
			if err := execute(t, dsn, "UPDATE waves SET invited = 6"+own); err == nil {
				t.Error("after its invitations were erased a wave has fewer who were invited")
			}
			for _, statement := range []string{"UPDATE waves SET audience = 'internal'", "UPDATE waves SET invited = 0", "UPDATE waves SET id = 4711"} {
				if err := execute(t, dsn, fmt.Sprintf("%s WHERE id = %d", statement, draft.ID)); err != nil {
					t.Errorf("%s, of a draft: %v", statement, err)
				}
			}
		})
	}
}

// TestRelease follows responses of a confidential wave from complete to counted.
func TestRelease(t *testing.T) {
	t.Parallel()
	for name, open := range storetest.Engines() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, ctx := open(t), t.Context()
			people := importPeople(t, s, 12)
			w, invitations := launched(t, s, survey.Confidential, 3, people, nil, nil)
			all := func(pending []survey.ResponseID, _ int, _ bool) []survey.ResponseID { return pending }
			if n, err := s.Release(ctx, survey.DefaultOrganisation, w.ID, noon, all); n != 0 || err != nil {
				t.Errorf("Release of nothing = %d, %v", n, err)
			}
			var ids []survey.ResponseID
			for i := range 8 {
				r := newResponse(w)
				r.Invitation, r.Attributes = invitations[i].ID, invitations[i].Attributes
				if err := s.StartResponse(ctx, survey.DefaultOrganisation, &r); err != nil {
					t.Fatal(err)
				}
				if err := s.CompleteResponse(ctx, survey.DefaultOrganisation, complete(r, fmt.Sprintf(`{"a":%d}`, i)), 0); err != nil {
					t.Fatal(err)
				}
				got, err := s.ResponseByInvitation(ctx, survey.DefaultOrganisation, w.ID, invitations[i].ID)
				if err != nil || got.ID != r.ID || got.Invitation != r.Invitation || !maps.Equal(got.Attributes, r.Attributes) || got.Started.Hour() != 0 || !got.Completed.Equal(got.Started) {
					t.Fatalf("ResponseByInvitation = %+v, %v; want it to the day", got, err)
				}
				ids = append(ids, r.ID)
			}
			counts, err := s.Counts(ctx, survey.DefaultOrganisation, w.ID)
			if err != nil || counts.Started != 8 || counts.Complete != 8 || counts.Counted != 0 || !counts.Last.Equal(noon.UTC().Truncate(24*time.Hour)) {
				t.Errorf("Counts = %+v, %v; want 8 complete, none counted", counts, err)
			}
			if pending, err := s.Pending(ctx, survey.DefaultOrganisation, w.ID); err != nil || pending != 8 {
				t.Errorf("Pending = %d, %v; want 8", pending, err)
			}
			if waves, err := s.WavesToRelease(ctx); err != nil || len(waves) != 1 || waves[0].ID != w.ID {
				t.Errorf("WavesToRelease = %v, %v", waves, err)
			}
			at := mark(t, s, w.ID)
			if rows := read(t, s, w.ID, store.Mark{}); len(rows) != 0 {
				t.Errorf("read %d responses that do not count", len(rows))
			}

			var offered []survey.ResponseID
			n, err := s.Release(ctx, survey.DefaultOrganisation, w.ID, noon, func(pending []survey.ResponseID, k int, closing bool) []survey.ResponseID {
				offered = slices.Clone(pending)
				if k != 3 || closing {
					t.Errorf("choose was told a threshold of %d, closing %v", k, closing)
				}
				return pending[:5]
			})
			slices.Sort(ids)
			if n != 5 || err != nil || !slices.Equal(offered, ids) {
				t.Errorf("Release = %d, %v, offered %v; want 5 of %v", n, err, offered, ids)
			}
			for id, row := range read(t, s, w.ID, at) {
				if row.Release != 1 || !slices.Contains(ids[:5], id) || !bytes.Contains(row.Attributes, []byte(`"department"`)) {
					t.Errorf("released: %+v", row)
				}
			}
			if rows := read(t, s, w.ID, at); len(rows) != 5 {
				t.Errorf("read %d responses; want the 5 that were released", len(rows))
			}
			for what, choice := range map[string][]survey.ResponseID{
				"too small a step":    ids[5:7],
				"one twice":           {ids[5], ids[6], ids[6]},
				"one that counts":     {ids[5], ids[6], ids[0]},
				"one that is unknown": {ids[5], ids[6], survey.ResponseID(randomID())},
			} {
				n, err := s.Release(ctx, survey.DefaultOrganisation, w.ID, noon, func([]survey.ResponseID, int, bool) []survey.ResponseID { return choice })
				if err == nil || n != 0 {
					t.Errorf("%s: Release = %d, %v; want an error", what, n, err)
				}
			}
			if n, err := s.Release(ctx, survey.DefaultOrganisation, w.ID, noon, func([]survey.ResponseID, int, bool) []survey.ResponseID { return nil }); n != 0 || err != nil {
				t.Errorf("choosing none: %d, %v", n, err)
			}
			w.State = survey.WaveClosed
			if err := s.UpdateWave(ctx, w); err != nil {
				t.Fatal(err)
			}
			n, err = s.Release(ctx, survey.DefaultOrganisation, w.ID, noon, func(pending []survey.ResponseID, _ int, closing bool) []survey.ResponseID {
				if !closing {
					t.Error("choose was not told that the wave is closed")
				}
				return pending
			})
			got, waveErr := s.Wave(ctx, w.Organisation, w.ID)
			if n != 3 || err != nil || waveErr != nil || got.Releases != 2 {
				t.Errorf("Release at the end = %d, %v, after %d releases; want 3 in the second", n, err, got.Releases)
			}
			if rows := read(t, s, w.ID, store.Mark{}); len(rows) != 8 || rows[ids[7]].Release != 2 {
				t.Errorf("in the end %d are read, the last of release %d; want 8, and 2", len(rows), rows[ids[7]].Release)
			}

			part := []survey.Part{{Item: "department", Option: "it"}}
			first, last := survey.Cut{Release: 1, Shown: part}, survey.Cut{Release: 2, Final: true}
			for range 2 { // the second time by somebody who did not hear back
				if err := s.AddCut(ctx, w.Organisation, w.ID, first, 0, 1); err != nil {
					t.Error(err)
				}
			}
			for _, refused := range []struct {
				what           string
				cut            survey.Cut
				cuts, releases int
			}{
				{"before the last", survey.Cut{Release: 0}, 1, 2},
				{"of a release to come", survey.Cut{Release: 3}, 1, 2},
				{"of who has not read the last cut", survey.Cut{Release: 2}, 0, 2},
				{"in the end, of who has not read the last release", last, 1, 1},
			} {
				wantError(t, "a cut "+refused.what, s.AddCut(ctx, w.Organisation, w.ID, refused.cut, refused.cuts, refused.releases), survey.ErrConflict)
			}
			wantError(t, "another organisation's cut", s.AddCut(ctx, w.Organisation+1, w.ID, last, 1, 2), survey.ErrNotFound)
			if err := s.AddCut(ctx, w.Organisation, w.ID, last, 1, 2); err != nil {
				t.Error(err)
			}
			got, err = s.Wave(ctx, w.Organisation, w.ID)
			if want := []survey.Cut{first, last}; err != nil || !reflect.DeepEqual(got.Cuts, want) {
				t.Errorf("cuts %v, %v; want %v", got.Cuts, err, want)
			}
			if want := []survey.Held{{Release: 1, Threshold: w.Threshold}}; !slices.Equal(got.Held, want) {
				t.Errorf("thresholds that held: %v; want %v", got.Held, want)
			}
		})
	}
}

// TestImportIntoProtected imports few and many.
func TestImportIntoProtected(t *testing.T) {
	t.Parallel()
	for name, open := range storetest.Engines() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, ctx := open(t), t.Context()
			for _, mode := range []survey.Mode{survey.Confidential, survey.Anonymous} {
				w := newWave(t, s, string(mode))
				draft := survey.Wave{Organisation: w.Organisation, Version: w.Version, Name: "x", Audience: survey.Internal, Slug: "p-" + string(mode), State: survey.WaveDraft, Threshold: 600, Mode: mode}
				if err := s.CreateWave(ctx, &draft); err != nil {
					t.Fatal(err)
				}
				rows := func(n int) iter.Seq2[survey.Response, error] {
					var list []survey.Response
					for range n {
						r := complete(newResponse(draft), `{"a":1}`)
						r.Key = ""
						list = append(list, r)
					}
					return each(list...)
				}
				for _, n := range []int{599, 1234, 600} {
					if got, err := s.ImportResponses(ctx, survey.DefaultOrganisation, draft.ID, rows(n)); err != nil || got != n {
						t.Fatalf("ImportResponses = %d, %v; want %d", got, err, n)
					}
				}
				counts, err := s.Counts(ctx, survey.DefaultOrganisation, draft.ID)
				if err != nil || counts.Complete != 599+1234+600 || counts.Counted != 1834 || counts.Last.Hour() != 0 {
					t.Errorf("Counts = %+v, %v; want the 599 to wait, and days", counts, err)
				}
				steps := map[int]int{}
				for _, row := range read(t, s, draft.ID, store.Mark{}) {
					steps[row.Release]++
				}
				if !maps.Equal(steps, map[int]int{1: 1234, 2: 600}) {
					t.Errorf("by release: %v; want 1234 and 600", steps)
				}
				if mode != survey.Anonymous {
					continue
				}
				named := complete(newResponse(draft), `{}`)
				named.Key, named.Person = "", "Anna"
				_, err = s.ImportResponses(ctx, survey.DefaultOrganisation, draft.ID, each(named))
				wantError(t, "a name in an anonymous wave", err, survey.ErrPromised)
			}
		})
	}
}

// TestInvitedAtOnce has twenty devices answer one invitation at the same moment.
func TestInvitedAtOnce(t *testing.T) {
	t.Parallel()
	for name, open := range storetest.Engines() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, ctx := open(t), t.Context()
			people := importPeople(t, s, 5)
			w, invitations := launched(t, s, survey.Confidential, 3, people, nil, nil)
			for i, invitation := range invitations {
				drafts := make([]survey.Response, 20)
				for j := range drafts {
					drafts[j] = newResponse(w)
					drafts[j].Invitation = invitation.ID
				}
				if n := count(t, inParallel(20, func(j int) error { return s.StartResponse(ctx, survey.DefaultOrganisation, &drafts[j]) }), survey.ErrConflict); n != 1 {
					t.Errorf("%d of 20 drafts of one invitation were started; want 1", n)
				}
				r, err := s.ResponseByInvitation(ctx, survey.DefaultOrganisation, w.ID, invitation.ID)
				if err != nil {
					t.Fatal(err)
				}
				results := inParallel(20, func(j int) error {
					return s.CompleteResponse(ctx, survey.DefaultOrganisation, complete(r, fmt.Sprintf(`{"a":%d}`, j)), 0)
				})
				if n := count(t, results, survey.ErrAnswered); n != 1 {
					t.Errorf("%d of 20 completions of one invitation succeeded; want 1", n)
				}
				late := newResponse(w)
				late.Invitation = invitation.ID
				wantError(t, "starting what is finished", s.StartResponse(ctx, survey.DefaultOrganisation, &late), survey.ErrFinished)
				if counts, err := s.Counts(ctx, survey.DefaultOrganisation, w.ID); err != nil || counts.Complete != i+1 || counts.Started != i+1 {
					t.Errorf("Counts = %+v, %v; want %d", counts, err, i+1)
				}
				got, _, err := s.InvitationByToken(ctx, hashOf(tokenOf(invitation.ID)))
				if err != nil || !got.Finished || !got.Started {
					t.Errorf("the invitation is %+v, %v; want it finished", got, err)
				}
			}
			stranger := newResponse(w)
			stranger.Invitation = survey.InvitationID(randomID())
			wantError(t, "an invitation there is not", s.StartResponse(ctx, survey.DefaultOrganisation, &stranger), survey.ErrNotFound)
			other := newWave(t, s, "other")
			foreign := newResponse(other)
			foreign.Invitation = invitations[0].ID
			wantError(t, "an invitation of another wave", s.StartResponse(ctx, survey.DefaultOrganisation, &foreign), survey.ErrNotFound)

			groups, err := s.InvitationGroups(ctx, survey.DefaultOrganisation, w.ID)
			total := store.GroupCount{}
			for _, g := range groups {
				total.Invited += g.Invited
				total.Finished += g.Finished
				total.Started += g.Started
			}
			if err != nil || len(groups) != 2 || total.Invited != 5 || total.Finished != 5 || total.Started != 5 || groups[0].Attributes["department"] != "IT" {
				t.Errorf("InvitationGroups = %+v, %v; want two departments, all finished", groups, err)
			}
			progress, err := s.Progress(ctx, survey.DefaultOrganisation, w.ID)
			if err != nil || len(progress) != 1 || progress[0].Finished != 5 || !progress[0].Day.Equal(noon.UTC().Truncate(24*time.Hour)) {
				t.Errorf("Progress = %+v, %v; want 5 on one day", progress, err)
			}
		})
	}
}
