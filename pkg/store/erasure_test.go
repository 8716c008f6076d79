package store_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"cxmirror/pkg/store"
	"cxmirror/pkg/store/storetest"
	"cxmirror/pkg/survey"
)

// everything is every row of every table as text.
func everything(t *testing.T, engine, dsn string) string {
	t.Helper()
	_, db := migrationsOf(t, engine, dsn)
	list := "SELECT name FROM sqlite_master WHERE type = 'table'"
	if engine == "postgres" {
		list = "SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"
	}
	var all strings.Builder
	for _, table := range rowsOf(t, db, list) {
		for _, row := range rowsOf(t, db, "SELECT * FROM "+strings.Trim(table, `["]`)) {
			all.WriteString(row + "\n")
		}
	}
	return all.String()
}

func TestErasePerson(t *testing.T) {
	t.Parallel()
	for engine, dsnOf := range bothEngines() {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			dsn, ctx := dsnOf(t), t.Context()
			s := storetest.Open(t, dsn)
			people := importPeople(t, s, 8)
			anna := survey.Person{Organisation: ours, Key: "A-4711", Address: "Anna.Erased@example.org", Name: "Anna Zniknięta", Active: true, Attributes: map[string]string{"department": "IT"}}
			if err := s.SavePerson(ctx, &anna); err != nil {
				t.Fatal(err)
			}
			people = append(people, anna)
			waves := map[survey.Mode]survey.Wave{}
			for _, mode := range survey.Modes() {
				w, invitations := launched(t, s, mode, 3, people, nil, []survey.Mailing{{Kind: survey.InvitationLetter, At: noon}})
				waves[mode] = w
				if _, err := s.StartMailing(ctx, survey.DefaultOrganisation, mailing(t, s, w.ID, 0).ID, numbered(), noon); err != nil {
					t.Fatal(err)
				}
				for _, i := range invitations {
					if mode == survey.Anonymous {
						sealAnswer(t, s, w, i.ID)
						continue
					}
					r := newResponse(w)
					r.Invitation = i.ID
					if err := s.StartResponse(ctx, survey.DefaultOrganisation, &r); err != nil {
						t.Fatal(err)
					}
					if mode == survey.Confidential && i.Person == anna.ID {
						continue // she left in the middle
					}
					if err := s.CompleteResponse(ctx, survey.DefaultOrganisation, complete(r, `{"a":1}`), 0); err != nil {
						t.Fatal(err)
					}
				}
			}
			filed := newWave(t, s, "filed")
			rows := []survey.Response{complete(newResponse(filed), `{"comment":"ask ANNA ZNIKNIETA about it"}`), complete(newResponse(filed), `{"a":2}`), complete(newResponse(filed), `{"a":3}`)}
			rows[1].Person, rows[2].Person = "anna.erased@EXAMPLE.org", "A-4711"
			if _, err := s.ImportResponses(ctx, survey.DefaultOrganisation, filed.ID, each(rows...)); err != nil {
				t.Fatal(err)
			}
			before := mark(t, s, filed.ID)

			// Texts that name her.
			var texts []store.FreeText
			for text, err := range s.FreeTexts(ctx, ours, []string{"Anna Zniknięta", "anna.erased@example.org", ""}) {
				if err != nil {
					t.Fatal(err)
				}
				texts = append(texts, text)
			}
			if len(texts) != 1 || texts[0].Response != rows[0].ID || texts[0].Wave != filed.ID {
				t.Fatalf("FreeTexts = %+v; want the one that names her", texts)
			}
			if err := s.BlankText(ctx, survey.DefaultOrganisation, filed.ID, rows[0].ID, []byte(`{"comment":"…"}`)); err != nil {
				t.Fatal(err)
			}
			if now := mark(t, s, filed.ID); now.Generation == before.Generation {
				t.Error("who keeps the answers does not learn that a text was blanked")
			}

			_, err := s.ErasePerson(ctx, ours+1, anna.ID)
			wantError(t, "another organisation's erasure", err, survey.ErrNotFound)
			got, err := s.ErasePerson(ctx, ours, anna.ID)
			want := store.Erased{People: 1, Invitations: 2, Nameless: 1, Mails: 3, Responses: 2, Drafts: 1}
			affected := got.Waves
			got.Waves = nil
			if err != nil || fmt.Sprint(got) != fmt.Sprint(want) || !slices.Contains(affected, filed.ID) || !slices.Contains(affected, waves[survey.Identified].ID) {
				t.Errorf("ErasePerson = %+v of %v, %v; want %+v", got, affected, err, want)
			}
			all := strings.ToLower(everything(t, engine, dsn))
			for _, trace := range []string{"anna", "znik", "erased@"} {
				if strings.Contains(all, trace) {
					t.Errorf("%q is still in the database", trace)
				}
			}
			if got := read(t, s, filed.ID, store.Mark{}); len(got) != 2 || got[rows[2].ID].Person != "A-4711" {
				t.Errorf("the file's responses are %v; want the one of her address gone, and that of her key, which may be anybody's, kept", got)
			}
			for mode, invited := range map[survey.Mode]int{survey.Identified: 8, survey.Confidential: 8, survey.Anonymous: 9} {
				w, err := s.Wave(ctx, ours, waves[mode].ID)
				_, total, listErr := s.Invitations(ctx, ours, w.ID, store.InvitationQuery{})
				if err != nil || listErr != nil || w.Invited != invited || total != invited {
					t.Errorf("%s: %d invited, %d listed, %v %v; want %d", mode, w.Invited, total, err, listErr, invited)
				}
			}
			_, err = s.ErasePerson(ctx, ours, anna.ID)
			wantError(t, "erasing her again", err, survey.ErrNotFound)
		})
	}
}

func TestEraseWave(t *testing.T) {
	t.Parallel()
	for engine, dsnOf := range bothEngines() {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			dsn, ctx := dsnOf(t), t.Context()
			s := storetest.Open(t, dsn)
			people := importPeople(t, s, 9)
			for _, mode := range survey.Modes() {
				w, invitations := launched(t, s, mode, 3, people, []survey.Letter{{Kind: survey.InvitationLetter}}, []survey.Mailing{{Kind: survey.InvitationLetter, At: noon}, {Kind: survey.ReminderLetter, At: noon}})
				if _, err := s.StartMailing(ctx, survey.DefaultOrganisation, mailing(t, s, w.ID, 0).ID, numbered(), noon); err != nil {
					t.Fatal(err)
				}
				mails, err := s.ClaimMails(ctx, newSender(t, s), noon, 1)
				if err != nil || len(mails) != 1 {
					t.Fatal(mails, err)
				}
				if err := s.MailSent(ctx, survey.DefaultOrganisation, mails[0].ID, noon); err != nil {
					t.Fatal(err)
				}
				for n, i := range invitations[:6] {
					if mode == survey.Anonymous {
						d := newDraft(w)
						if err := s.StartDraft(ctx, survey.DefaultOrganisation, &d, i.ID); err != nil {
							t.Fatal(err)
						}
						if n < 4 {
							if err := s.Seal(ctx, survey.DefaultOrganisation, next(d), i.ID, survey.Sealed{ID: randomID(), Content: sealedBytes()}, noon, 0); err != nil {
								t.Fatal(err)
							}
						}
						continue
					}
					r := newResponse(w)
					r.Invitation = i.ID
					if err := s.StartResponse(ctx, survey.DefaultOrganisation, &r); err != nil {
						t.Fatal(err)
					}
					if n < 4 {
						if err := s.CompleteResponse(ctx, survey.DefaultOrganisation, complete(r, `{"a":1}`), 0); err != nil {
							t.Fatal(err)
						}
					}
				}
				due := func() bool {
					waves, err := s.WavesToErase(ctx, noon.AddDate(0, 6, 0))
					if err != nil {
						t.Fatal(err)
					}
					return slices.ContainsFunc(waves, func(other survey.Wave) bool { return other.ID == w.ID })
				}
				if early, err := s.WavesToErase(ctx, noon.AddDate(0, 5, 0)); err != nil || len(early) != 0 || !due() {
					t.Errorf("WavesToErase before the time: %v, %v, at the time %v", early, err, due())
				}
				old := mark(t, s, w.ID)
				got, err := s.EraseWavePersonalData(ctx, survey.DefaultOrganisation, w.ID)
				want := store.Erased{Invitations: 9, Mails: 9, Unlinked: 4, Drafts: 2}
				if mode == survey.Anonymous {
					want.Unlinked, want.Sealed = 0, 4
				}
				got.Waves = nil
				if err != nil || fmt.Sprint(got) != fmt.Sprint(want) || due() {
					t.Errorf("%s: EraseWavePersonalData = %+v, %v, still due %v; want %+v", mode, got, err, due(), want)
				}
				if again, err := s.EraseWavePersonalData(ctx, survey.DefaultOrganisation, w.ID); err != nil || again.Invitations+again.Mails+again.Unlinked+again.Drafts+again.Sealed != 0 {
					t.Errorf("%s: erasing again = %+v, %v; want nothing", mode, again, err)
				}
				after, err := s.Wave(ctx, ours, w.ID)
				if err != nil || after.State != survey.WaveClosed || mark(t, s, w.ID).Generation == old.Generation {
					t.Errorf("%s: the wave is %+v, %v; want it closed, and another generation", mode, after, err)
				}
				if m := mailing(t, s, w.ID, 0); m.Queued+mailing(t, s, w.ID, 1).Queued != 9 || m.Sent+mailing(t, s, w.ID, 1).Sent != 1 {
					t.Errorf("%s: the mailings forgot what they sent: %+v", mode, m)
				}
				counts, err := s.Counts(ctx, survey.DefaultOrganisation, w.ID)
				if mode != survey.Anonymous && (err != nil || counts.Complete != 4 || counts.Started != 4) {
					t.Errorf("%s: Counts = %+v, %v; want the answers kept", mode, counts, err)
				}
				all := everything(t, engine, dsn)
				for _, i := range invitations {
					if strings.Contains(strings.ReplaceAll(all, "-", ""), string(i.ID)) {
						t.Fatalf("%s: invitation %s is still in the database", mode, i.ID)
					}
				}
			}
		})
	}
}
