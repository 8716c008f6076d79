package store_test

import (
	"database/sql"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	_ "github.com/jackc/pgx/v5/stdlib" // opens PostgreSQL for database/sql
	"github.com/pressly/goose/v3"

	"cxmirror/migrations"
	"cxmirror/pkg/store"
	"cxmirror/pkg/store/storetest"
	"cxmirror/pkg/survey"
)

// migrationsOf returns what brings a database up and down past the store, and the database.
func migrationsOf(t *testing.T, engine, dsn string) (*goose.Provider, *sql.DB) {
	t.Helper()
	dialect, db := goose.DialectSQLite3, (*sql.DB)(nil)
	if engine == "sqlite" {
		db = rawSQLite(t, dsn)
	} else {
		var err error
		dialect = goose.DialectPostgres
		if db, err = sql.Open("pgx", dsn); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() })
	}
	folder, err := fs.Sub(migrations.FS(), engine)
	if err != nil {
		t.Fatal(err)
	}
	provider, err := goose.NewProvider(dialect, db, folder, goose.WithSlog(slog.New(slog.DiscardHandler)), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		t.Fatal(err)
	}
	return provider, db
}

// rowsOf returns the rows of a query as lines.
func rowsOf(t *testing.T, db *sql.DB, query string) []string {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for rows.Next() {
		values, into := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			t.Fatal(err)
		}
		for i, value := range values {
			if text, ok := value.([]byte); ok {
				values[i] = string(text)
			}
		}
		lines = append(lines, fmt.Sprintf("%q", values))
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return lines
}

// firstVersion are the columns that the first version of the schema has.
var firstVersion = []string{
	"SELECT id, organisation_id, code, number, source, frames, stored_at FROM versions ORDER BY id",
	"SELECT id, organisation_id, version_id, name, audience, slug, state, opens_at, closes_at, response_limit, threshold, promise, simulated, generation, created_at FROM waves ORDER BY id",
	"SELECT id, organisation_id, wave_id, version_id, key_hash, language, seed, page, revision, answers, weight, person, started_at, completed_at, tx FROM responses ORDER BY id",
}

// TestUpgrade brings a database of the first version, with everything that it can hold, up and down again.
func TestUpgrade(t *testing.T) {
	t.Parallel()
	for engine, dsnOf := range bothEngines() {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			dsn, ctx := dsnOf(t), t.Context()
			provider, db := migrationsOf(t, engine, dsn)
			if _, err := provider.UpTo(ctx, 1); err != nil {
				t.Fatal(err)
			}
			tx, binary := "7", "X'%x'"
			if engine == "postgres" {
				tx, binary = "pg_current_xact_id()", `'\x%x'`
			}
			key := strings.Repeat("ab", 32)
			for _, statement := range []string{
				fmt.Sprintf(`INSERT INTO versions (organisation_id, code, number, source, frames) VALUES (1, 'expectations', 3, `+binary+`, '{}')`, "code: x"),
				`INSERT INTO waves (organisation_id, version_id, name, audience, slug, state, opens_at, response_limit, threshold, promise, simulated, generation)
					VALUES (1, 1, 'Wiosna „2027”', 'internal', 'spring', 'open', '2027-03-01 11:30:15.123456+00:00', 300, 5, '{"asker":{"pl":"Dział IT"},"minutes":3}', true, 4),
					(1, 1, 'Draft', 'external', 'draft', 'draft', NULL, 0, 1, '{}', false, 1)`,
				fmt.Sprintf(`INSERT INTO responses (id, organisation_id, wave_id, version_id, key_hash, language, seed, page, revision, answers, weight, person, started_at, completed_at, tx) VALUES
					('00000000000000000000000000000001', 1, 1, 1, `+binary+`, 'pl', -5, 2, 2, '{"hours":7.5}', 1, '', '2027-03-01 11:30:15.123456+00:00', NULL, NULL),
					('00000000000000000000000000000002', 1, 1, 1, NULL, 'en', 9, 5, 7, '{"comment":"żółw"}', 0.5, 'P1', '2027-03-01 11:30:15.1+00:00', '2027-03-01 12:30:15.2+00:00', %s)`,
					hashOf(key), tx),
			} {
				if _, err := db.ExecContext(ctx, statement); err != nil {
					t.Fatalf("%s: %v", statement, err)
				}
			}
			before := make([][]string, len(firstVersion))
			for i, query := range firstVersion {
				before[i] = rowsOf(t, db, query)
			}

			s := storetest.Open(t, dsn) // migrates
			for i, query := range firstVersion {
				if diff := cmp.Diff(before[i], rowsOf(t, db, query)); diff != "" {
					t.Errorf("after the upgrade:\n%s", diff)
				}
			}
			w, err := s.WaveBySlug(ctx, "spring")
			if err != nil || w.Mode != survey.Confidential || w.Comments != 5 || !w.OpenLink || w.Launched != nil || w.Reported != nil || w.Releases != 0 {
				t.Errorf("the wave is %+v, %v", w, err)
			}
			draft, err := s.ResponseByKey(ctx, survey.DefaultOrganisation, 1, key)
			if err != nil || draft.Page != 2 || string(draft.Answers) != `{"hours":7.5}` {
				t.Errorf("the draft is %+v, %v", draft, err)
			}
			if counts, err := s.Counts(ctx, survey.DefaultOrganisation, 1); err != nil || counts.Started != 2 || counts.Complete != 1 || counts.Counted != 1 {
				t.Errorf("Counts = %+v, %v", counts, err)
			}
			rows := read(t, s, 1, store.Mark{})
			if row := rows["00000000000000000000000000000002"]; len(rows) != 1 || row.Release != 0 || string(row.Attributes) != "{}" || row.Person != "P1" {
				t.Errorf("read %+v", rows)
			}
			done := complete(draft, `{"hours":8}`)
			if err := s.CompleteResponse(ctx, survey.DefaultOrganisation, done, 0); err != nil {
				t.Fatal(err)
			}
			launched(t, s, survey.Confidential, 3, importPeople(t, s, 5), []survey.Letter{{Kind: survey.InvitationLetter}}, []survey.Mailing{{Kind: survey.InvitationLetter, At: noon}})
			anonymous, _ := launched(t, s, survey.Anonymous, 3, nil, nil, nil)
			sealAnswer(t, s, anonymous, "")
			if _, err := provider.DownTo(ctx, 1); err == nil || !strings.Contains(err.Error(), "answers_wait_sealed") {
				t.Fatalf("going back while answers wait that only the newer program can read: %v; want it refused", err)
			}
			if err := s.DeleteWave(ctx, anonymous.Organisation, anonymous.ID); err != nil {
				t.Fatal(err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			if _, err := provider.DownTo(ctx, 1); err != nil {
				t.Fatal(err)
			}
			for i, query := range firstVersion[1:] {
				after := rowsOf(t, db, query)
				for _, line := range before[i+1] {
					if i == 1 && strings.Contains(line, "hours") {
						continue // completed meanwhile
					}
					if !strings.Contains(strings.Join(after, "\n"), line) {
						t.Errorf("after going back, %s is missing among\n%s", line, strings.Join(after, "\n"))
					}
				}
			}
			if lines := rowsOf(t, db, "SELECT id, answers FROM responses WHERE completed_at IS NOT NULL AND tx IS NOT NULL ORDER BY id"); len(lines) != 2 || !strings.Contains(lines[0], "8") {
				t.Errorf("after going back, complete are %v; want both", lines)
			}
			if err := execute(t, dsn, "UPDATE waves SET threshold = 4 WHERE slug = 'spring'"); err == nil {
				t.Error("after going back, the threshold can be lowered")
			}
			if _, err := provider.Up(ctx); err != nil { // and forward once more
				t.Error(err)
			}
		})
	}
}

// TestUpgradeFromFieldwork brings a database of the second version, with an organisation, somebody invited and an answer, up.
// Once there is an audit trail it does not go back.
func TestUpgradeFromFieldwork(t *testing.T) {
	t.Parallel()
	for engine, dsnOf := range bothEngines() {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			dsn, ctx := dsnOf(t), t.Context()
			provider, db := migrationsOf(t, engine, dsn)
			if _, err := provider.UpTo(ctx, 2); err != nil {
				t.Fatal(err)
			}
			binary := "X'%x'"
			if engine == "postgres" {
				binary = `'\x%x'`
			}
			for _, statement := range []string{
				`UPDATE organisations SET name = 'Żółw S.A.' WHERE id = 1`,
				`INSERT INTO organisations (id, name) VALUES (5, 'Client')`,
				fmt.Sprintf(`INSERT INTO versions (organisation_id, code, number, source, frames) VALUES (5, 'expectations', 1, `+binary+`, '{}')`, "code: x"),
				`INSERT INTO waves (organisation_id, version_id, name, audience, slug, state, response_limit, threshold, comments, promise, simulated, mode, launched_at, invited)
					VALUES (5, 1, 'Spring', 'internal', 'spring', 'open', 0, 5, 10, '{"asker":{"pl":"Dział IT"}}', false, 'confidential', '2027-03-01 11:30:15.123456+00:00', 1)`,
				`INSERT INTO people (organisation_id, key, address, mailbox, name, language, attributes, search, active)
					VALUES (5, 'p1', 'Anna@example.org', 'anna@example.org', 'Anna', 'pl', '{"department":"IT"}', 'anna', true)`,
				fmt.Sprintf(`INSERT INTO invitations (id, organisation_id, wave_id, person_id, token_hash, language, attributes, invited_at, started, finished)
					VALUES ('00000000000000000000000000000001', 5, 1, 1, `+binary+`, 'pl', '{"department":"IT"}', '2027-03-01 11:30:15+00:00', true, true)`, hashOf("token")),
				`INSERT INTO responses (id, organisation_id, wave_id, version_id, language, seed, page, revision, answers, weight, person, started_at, completed_at, invitation_id)
					VALUES ('00000000000000000000000000000002', 5, 1, 1, 'pl', 1, 2, 2, '{"hours":7.5}', 1, '', '2027-03-01 11:00:00+00:00', '2027-03-01 00:00:00+00:00', '00000000000000000000000000000001')`,
			} {
				if _, err := db.ExecContext(ctx, statement); err != nil {
					t.Fatalf("%s: %v", statement, err)
				}
			}
			tables := []string{"SELECT id, name, created_at FROM organisations ORDER BY id"}
			for _, table := range []string{"versions", "waves", "people", "invitations", "responses"} {
				tables = append(tables, "SELECT * FROM "+table+" ORDER BY id")
			}
			var before [][]string
			for _, query := range tables {
				before = append(before, rowsOf(t, db, query))
			}

			s := storetest.Open(t, dsn) // migrates
			same := func(when string) {
				t.Helper()
				for i, query := range tables {
					if diff := cmp.Diff(before[i], rowsOf(t, db, query)); diff != "" {
						t.Errorf("%s, %s:\n%s", when, query, diff)
					}
				}
			}
			same("after the upgrade")
			for _, id := range []survey.OrganisationID{1, 5} {
				o, err := s.Organisation(ctx, id)
				if err != nil || o.Threshold != survey.UsualThreshold || o.Comments != survey.UsualComments || o.Retention != 0 || o.Archived != nil || o.Languages != nil {
					t.Errorf("organisation %d is %+v, %v; want what is usual", id, o, err)
				}
			}
			if _, w, err := s.InvitationByToken(ctx, hashOf("token")); err != nil || w.Takes(noon, 0) != nil {
				t.Errorf("the wave by a personal link is %+v, %v", w, err)
			}
			if any, err := s.HasUsers(ctx); any || err != nil {
				t.Errorf("HasUsers = %v, %v; want the service to be set up", any, err)
			}
			newMember(t, s, 5, "owner@example.org", survey.Owner)
			if err := s.Note(ctx, survey.AuditEvent{At: noon, Actor: survey.ByCommand, Action: "user.created"}); err != nil {
				t.Fatal(err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			if _, err := provider.DownTo(ctx, 2); err == nil || !strings.Contains(err.Error(), "audit_trail_stays") {
				t.Fatalf("going back with an audit trail: %v; want it refused", err)
			}
			same("after that was refused")
		})
	}
}
