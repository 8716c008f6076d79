package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"cxmirror/migrations"
	"cxmirror/pkg/store"
	"cxmirror/pkg/store/storetest"
	"cxmirror/pkg/survey"
)

// latest is the version of the schema that the program makes.
const latest = 4

// TestSameMigrations holds both folders to the same files.
func TestSameMigrations(t *testing.T) {
	t.Parallel()
	names := make(map[string][]string)
	for _, engine := range []string{"postgres", "sqlite"} {
		files, err := fs.ReadDir(migrations.FS(), engine)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			names[engine] = append(names[engine], file.Name())
		}
	}
	if diff := cmp.Diff(names["postgres"], names["sqlite"]); diff != "" || len(names["sqlite"]) != latest {
		t.Errorf("migrations of PostgreSQL and SQLite, -/+:\n%s\nwant the same %d", diff, latest)
	}
}

// TestSameSchema compares what the migrations make: tables, columns, which may be NULL, what has a default, what
// is unique, indexes and references. A line each, so that a difference names itself.
func TestSameSchema(t *testing.T) {
	t.Parallel()
	dsn, path := storetest.Postgres(t), storetest.SQLite(t)
	storetest.Open(t, dsn)
	storetest.Open(t, path)
	postgres, sqlite := postgresSchema(t, dsn), sqliteSchema(t, path)
	if diff := cmp.Diff(postgres, sqlite); diff != "" {
		t.Errorf("schemas of PostgreSQL and SQLite, -/+:\n%s", diff)
	}
	for _, line := range []string{ // or both could be empty
		"responses.organisation_id not null",
		"responses unique (wave_id, key_hash)",
		"responses index (wave_id, tx) partial",
		"responses (wave_id, organisation_id) references waves (id, organisation_id)",
		"waves.opens_at null",
		"waves.generation not null default",
		"api_tokens (organisation_id, user_id) references members (organisation_id, user_id)",
		"users unique (issuer, subject) partial",
	} {
		if !slices.Contains(sqlite, line) {
			t.Errorf("the schema lacks %q:\n%s", line, strings.Join(sqlite, "\n"))
		}
	}
}

func postgresSchema(t *testing.T, dsn string) []string {
	t.Helper()
	connection, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close(t.Context())
	rows, err := connection.Query(t.Context(), `
		WITH tables AS (
			SELECT oid, relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname <> 'goose_db_version'
		)
		SELECT relname || '.' || attname || CASE WHEN attnotnull THEN ' not null' ELSE ' null' END || CASE WHEN atthasdef THEN ' default' ELSE '' END
		FROM tables JOIN pg_attribute ON attrelid = oid WHERE attnum > 0 AND NOT attisdropped
		UNION ALL
		SELECT relname || CASE WHEN indisprimary THEN ' primary key' WHEN indisunique THEN ' unique' ELSE ' index' END || ' (' ||
			(SELECT string_agg(attname, ', ' ORDER BY place) FROM unnest(indkey::int2[]) WITH ORDINALITY AS k (attnum, place)
			 JOIN pg_attribute a ON a.attrelid = indrelid AND a.attnum = k.attnum) || ')' ||
			CASE WHEN indpred IS NOT NULL THEN ' partial' ELSE '' END
		FROM tables JOIN pg_index ON indrelid = oid
		UNION ALL
		SELECT relname || ' (' ||
			(SELECT string_agg(attname, ', ' ORDER BY place) FROM unnest(conkey) WITH ORDINALITY AS k (attnum, place)
			 JOIN pg_attribute a ON a.attrelid = conrelid AND a.attnum = k.attnum) || ') references ' || confrelid::regclass || ' (' ||
			(SELECT string_agg(attname, ', ' ORDER BY place) FROM unnest(confkey) WITH ORDINALITY AS k (attnum, place)
			 JOIN pg_attribute a ON a.attrelid = confrelid AND a.attnum = k.attnum) || ')'
		FROM tables JOIN pg_constraint ON conrelid = tables.oid WHERE contype = 'f'`)
	if err != nil {
		t.Fatal(err)
	}
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(lines)
	return lines
}

func sqliteSchema(t *testing.T, path string) []string {
	t.Helper()
	db := rawSQLite(t, path)
	rows, err := db.QueryContext(t.Context(), `
		WITH tables AS (
			SELECT name AS relname FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name <> 'goose_db_version'
		)
		SELECT relname || '.' || c.name || CASE WHEN "notnull" THEN ' not null' ELSE ' null' END || CASE WHEN dflt_value IS NOT NULL THEN ' default' ELSE '' END
		FROM tables, pragma_table_info(relname) AS c
		UNION ALL -- keys that are row numbers have no index
		SELECT relname || ' primary key (' || c.name || ')' FROM tables, pragma_table_info(relname) AS c
		WHERE pk = 1 AND type = 'INTEGER' AND NOT EXISTS (SELECT 1 FROM pragma_table_info(relname) WHERE pk = 2)
		UNION ALL
		SELECT relname || CASE WHEN origin = 'pk' THEN ' primary key' WHEN "unique" THEN ' unique' ELSE ' index' END || ' (' ||
			(SELECT group_concat(name, ', ' ORDER BY seqno) FROM pragma_index_info(i.name)) || ')' || CASE WHEN partial THEN ' partial' ELSE '' END
		FROM tables, pragma_index_list(relname) AS i
		UNION ALL
		SELECT relname || ' (' || group_concat("from", ', ' ORDER BY seq) || ') references ' || "table" || ' (' || group_concat("to", ', ' ORDER BY seq) || ')'
		FROM tables, pragma_foreign_key_list(relname) GROUP BY relname, id`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var lines []string
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, line)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	slices.Sort(lines)
	return lines
}

// rawSQLite opens a file of SQLite past the store.
func rawSQLite(tb testing.TB, path string) *sql.DB {
	tb.Helper()
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=busy_timeout(10000)&_pragma=foreign_keys(ON)")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = db.Close() })
	return db
}

// execute runs a statement past the store.
func execute(t *testing.T, dsn, statement string) error {
	t.Helper()
	if !strings.HasPrefix(dsn, "host=") && !strings.HasPrefix(dsn, "postgres") {
		_, err := rawSQLite(t, dsn).ExecContext(t.Context(), statement)
		return err
	}
	connection, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close(t.Context())
	_, err = connection.Exec(t.Context(), statement)
	return err
}

func bothEngines() map[string]func(testing.TB) string {
	return map[string]func(testing.TB) string{"sqlite": storetest.SQLite, "postgres": storetest.Postgres}
}

func TestMigrate(t *testing.T) {
	t.Parallel()
	for name, dsnOf := range bothEngines() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dsn, ctx := dsnOf(t), t.Context()
			open := func() *store.Store {
				t.Helper()
				s, err := store.Open(ctx, dsn, slog.New(slog.DiscardHandler))
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = s.Close() })
				return s
			}
			// Six replicas start at once on an empty database.
			replicas := make([]*store.Store, 6)
			for i := range replicas {
				replicas[i] = open()
			}
			if err := errors.Join(inParallel(len(replicas), func(i int) error {
				_, to, err := replicas[i].Migrate(ctx)
				if err == nil && to != latest {
					err = fmt.Errorf("migrated to %d; want %d", to, latest)
				}
				return err
			})...); err != nil {
				t.Fatal(err)
			}
			newWave(t, replicas[0], "migrated")
			if from, to, err := replicas[1].Migrate(ctx); from != latest || to != latest || err != nil {
				t.Errorf("Migrate again: %d to %d, %v; want %d to %d", from, to, err, latest, latest)
			}

			// A newer program upgrades it: this one must not touch it any more.
			if err := execute(t, dsn, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (999, true)"); err != nil {
				t.Fatal(err)
			}
			_, _, err := replicas[2].Migrate(ctx)
			wantError(t, "Migrate of a newer schema", err, store.ErrNewer)
			_, err = store.Open(ctx, dsn, slog.New(slog.DiscardHandler))
			wantError(t, "Open of a newer schema", err, store.ErrNewer)
		})
	}
}

// TestRulesInTheSchema breaks each rule past the program: the databases hold it themselves.
func TestRulesInTheSchema(t *testing.T) {
	t.Parallel()
	statements := []string{
		"UPDATE waves SET threshold = 4",
		"UPDATE waves SET threshold = 0",
		"UPDATE waves SET state = 'paused'",
		"UPDATE waves SET slug = ''",
		"UPDATE waves SET response_limit = -1",
		"UPDATE waves SET organisation_id = 2", // its version is another's
		"UPDATE waves SET promise = NULL",
		"DELETE FROM waves",
		"DELETE FROM versions",
		"DELETE FROM organisations",
		"UPDATE responses SET weight = 0",
		"UPDATE responses SET weight = -1",
		"UPDATE responses SET weight = 9e999",
		"UPDATE responses SET answers = '[]'",
		"UPDATE responses SET answers = '{'",
		"UPDATE responses SET completed_at = NULL",
		"UPDATE responses SET organisation_id = 2",
		"UPDATE responses SET wave_id = 77",
		"UPDATE responses SET version_id = 77",
		"UPDATE responses SET revision = -1",
		"UPDATE responses SET id = 'x'",
		"INSERT INTO responses (id, organisation_id, wave_id, version_id, key_hash, language, seed, page, revision, answers, weight, person, started_at)" +
			" SELECT '00000000000000000000000000000000', organisation_id, wave_id, version_id, key_hash, language, seed, page, revision, answers, weight, person, started_at FROM responses",

		"UPDATE organisations SET threshold = 0",
		"UPDATE organisations SET comments = 4",
		"UPDATE organisations SET retention = -1",
		"UPDATE organisations SET accent = '#FFFFFF'",
		"UPDATE organisations SET accent = '#12345g'",
		"UPDATE organisations SET accent = 'url(x)'",
		"UPDATE organisations SET languages = '{}'",
		"UPDATE organisations SET logo_kind = 'image/png'",
		"UPDATE users SET address = 'U@example.org'",
		"UPDATE users SET address = ''",
		"UPDATE users SET address = 'v@example.org' WHERE address = 'u@example.org'",
		"UPDATE users SET issuer = 'https://id.example.org'",
		"UPDATE users SET issuer = 'https://id.example.org', subject = 'same'",
		"INSERT INTO members (organisation_id, user_id) VALUES (77, 1)",
		"INSERT INTO members (organisation_id, user_id) VALUES (2, 77)",
		"INSERT INTO member_roles (organisation_id, user_id, role) VALUES (1, 1, 'administrator')",
		"INSERT INTO member_roles (organisation_id, user_id, role) VALUES (2, 1, 'hr')", // no member there
		"UPDATE api_tokens SET organisation_id = 2",
		"UPDATE api_tokens SET user_id = 2",
		"UPDATE api_tokens SET rights = '{}'",
		"UPDATE api_tokens SET name = ''",
		"UPDATE views SET name = ''",
		"UPDATE views SET organisation_id = 2", // its viewers are not there
		"INSERT INTO view_viewers (view_id, organisation_id, user_id) VALUES (1, 1, 2)",
		"INSERT INTO view_viewers (view_id, organisation_id, user_id) VALUES (1, 2, 1)",
		"UPDATE group_roles SET role = 'root'",
		"UPDATE group_roles SET organisation_id = 77",
		"UPDATE sessions SET hash = ''",
		"UPDATE sessions SET ended = true", // with its data
		"UPDATE sign_in_links SET kind = 'set-up'",
		"UPDATE sign_in_links SET user_id = NULL",
		"UPDATE sign_in_links SET kind = 'magic'",
	}
	for name, dsnOf := range bothEngines() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dsn := dsnOf(t)
			s := storetest.Open(t, dsn)
			w := newWave(t, s, "rules")
			answered(t, s, w, `{"a":1}`)
			w.Threshold = 5
			if err := s.UpdateWave(t.Context(), w); err != nil {
				t.Fatal(err)
			}
			if err := execute(t, dsn, "INSERT INTO organisations (name) VALUES ('second')"); err != nil {
				t.Fatal(err)
			}
			u := newMember(t, s, survey.DefaultOrganisation, "u@example.org", survey.Owner)
			newUser(t, s, "v@example.org")
			if err := errors.Join(
				s.CreateToken(t.Context(), &survey.APIToken{Organisation: survey.DefaultOrganisation, User: u.ID, Name: "nightly", Hash: sha("token"), Expires: noon}),
				s.CreateView(t.Context(), &survey.View{Organisation: survey.DefaultOrganisation, Name: "Board", Maker: u.ID, Viewers: []survey.UserID{u.ID}}),
				s.SetGroupRoles(t.Context(), survey.DefaultOrganisation, []survey.GroupRole{{Group: "cx", Organisation: survey.DefaultOrganisation, Role: survey.HR}}),
				s.SaveSession(t.Context(), survey.Session{Hash: "hash", User: u.ID, Started: noon, Seen: noon, Expires: noon}, []byte("data")),
				s.CreateLink(t.Context(), survey.SignInLink{Hash: sha("link"), Kind: survey.ResetLink, User: u.ID, Expires: noon}),
			); err != nil {
				t.Fatal(err)
			}
			for _, statement := range statements {
				if statement == "UPDATE responses SET weight = 9e999" && name == "postgres" {
					statement = "UPDATE responses SET weight = 'NaN'"
				}
				if err := execute(t, dsn, statement); err == nil {
					t.Errorf("%s succeeded; want it refused", statement)
				}
			}
			for _, statement := range []string{"UPDATE waves SET threshold = 6", "UPDATE responses SET weight = 0.5"} {
				if err := execute(t, dsn, statement); err != nil {
					t.Errorf("%s: %v; want it done", statement, err)
				}
			}
		})
	}
}

// TestRestoredDump restores a dump on a server that has counted fewer transactions: readers must not take its
// responses for new again and again.
func TestRestoredDump(t *testing.T) {
	t.Parallel()
	first, second := storetest.StartPostgres(t), storetest.StartPostgres(t)
	from, to := first.Database(t), second.Database(t)
	busy := storetest.Open(t, from)
	w := newWave(t, busy, "restored")
	if err := execute(t, from, "DO $$ BEGIN FOR i IN 1..20000 LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$"); err != nil {
		t.Fatal(err)
	}
	kept := answered(t, busy, w, `{"a":1}`)

	dump := filepath.Join(t.TempDir(), "dump.sql")
	run(t, filepath.Join(first.Programs(), "pg_dump"), "--no-owner", "--file", dump, "--dbname", from)
	run(t, filepath.Join(second.Programs(), "psql"), "--quiet", "--no-psqlrc", "--set", "ON_ERROR_STOP=1", "--output", os.DevNull, "--dbname", to, "--file", dump)

	s := storetest.Open(t, to) // migrates
	if got := read(t, s, w.ID, store.Mark{}); len(got) != 1 || got[kept.ID].ID != kept.ID {
		t.Fatalf("the restored wave has %v; want %s", got, kept.ID)
	}
	at := mark(t, s, w.ID)
	next := answered(t, s, w, `{"a":2}`)
	if got := read(t, s, w.ID, at); len(got) != 1 || got[next.ID].ID != next.ID {
		t.Errorf("after the mark there is %v; want %s only", got, next.ID)
	}
	// New rows get numbers of their own, beyond the restored ones.
	if another := newWave(t, s, "after-the-restore"); another.ID == w.ID || another.Version != w.Version {
		t.Errorf("the next wave has id %d and version %d; the restored one %d and %d", another.ID, another.Version, w.ID, w.Version)
	}
}

func run(t *testing.T, program string, args ...string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), program, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", filepath.Base(program), err, out)
	}
}

// TestCancelledIsNotUnavailable tells who left from a database that is away.
func TestCancelledIsNotUnavailable(t *testing.T) {
	t.Parallel()
	for name, open := range storetest.Engines() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t)
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			_, err := s.WaveBySlug(ctx, "x")
			if !errors.Is(err, context.Canceled) || errors.Is(err, survey.ErrUnavailable) {
				t.Errorf("WaveBySlug of a caller who left: %v; want %v", err, context.Canceled)
			}
			ctx, cancel = context.WithTimeout(t.Context(), 0)
			defer cancel()
			wantError(t, "Ping without time", s.Ping(ctx), survey.ErrUnavailable)
			if err := s.Ping(t.Context()); err != nil {
				t.Errorf("Ping: %v", err)
			}
		})
	}
}
