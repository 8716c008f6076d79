package store_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"cxmirror/pkg/store"
	"cxmirror/pkg/store/storetest"
	"cxmirror/pkg/survey"
)

// pageAnswers are the answers of a usual questionnaire, some 400 bytes.
const pageAnswers = `{"channel":"phone","expectations":["speed","ease","competence"],"order":["ease","speed","competence"],` +
	`"performance.speed":4,"performance.ease":"cannot_say","performance.competence":5,"performance.price":3,"performance.reach":4,` +
	`"performance.honesty":5,"recommend":9,"department":"accounting","level":"specialist","hours":7.5,` +
	`"comment":"Thank you, it was quick this time."}`

// rate measures how many calls a second some callers get done, each calling one after the other.
func rate(b *testing.B, callers int, during time.Duration, call func() error) float64 {
	b.Helper()
	var calls atomic.Int64
	began := time.Now()
	for _, err := range inParallel(callers, func(int) error {
		for time.Since(began) < during {
			if err := call(); err != nil {
				return err
			}
			calls.Add(1)
		}
		return nil
	}) {
		if err != nil {
			b.Fatal(err)
		}
	}
	return float64(calls.Load()) / time.Since(began).Seconds()
}

// BenchmarkInsertSQLite sets the store against the driver alone, with the same settings and the same row, in the
// same run: one caller, who waits for the disk each time, and 16 at once.
func BenchmarkInsertSQLite(b *testing.B) {
	path := storetest.SQLite(b)
	s := storetest.Open(b, path)
	w := newWave(b, s, "bench")
	insert := func() error {
		r := newResponse(w)
		r.Answers = []byte(pageAnswers)
		return s.StartResponse(b.Context(), survey.DefaultOrganisation, &r)
	}
	raw := rawSQLite(b, path)
	raw.SetMaxOpenConns(1)
	statement, err := raw.PrepareContext(b.Context(), `
		INSERT INTO responses (id, organisation_id, wave_id, version_id, key_hash, language, seed, page, revision, answers, weight, person, started_at)
		VALUES (?, 1, ?, ?, ?, 'pl', 5, 0, 0, ?, 1, '', ?)`)
	if err != nil {
		b.Fatal(err)
	}
	defer statement.Close()
	insertRaw := func() error {
		r := newResponse(w)
		_, err := statement.ExecContext(b.Context(), string(r.ID), int64(w.ID), int64(w.Version), []byte(r.Key), pageAnswers, r.Started)
		return err
	}
	for b.Loop() {
		var base, one float64
		const turns = 6 // by turns, since what else the machine does comes and goes
		for range turns {
			base += rate(b, 1, 300*time.Millisecond, insertRaw) / turns
			one += rate(b, 1, 300*time.Millisecond, insert) / turns
		}
		many := rate(b, 16, time.Second, insert)
		b.ReportMetric(base, "raw/s")
		b.ReportMetric(one/base, "of-raw")
		b.ReportMetric(many/base, "of-raw-16")
		if one/base < 0.5 {
			b.Errorf("one caller stores %.0f responses a second, %.2f of the driver's %.0f; want at least 0.5", one, one/base, base)
		}
	}
}

// BenchmarkInsertPostgres sets the store against pgbench with the same row and 16 connections, on a server that
// waits for its disk.
func BenchmarkInsertPostgres(b *testing.B) {
	server := storetest.StartPostgres(b, "fsync=on")
	dsn := server.Database(b)
	s := storetest.Open(b, dsn)
	w := newWave(b, s, "bench")
	script := filepath.Join(b.TempDir(), "insert.sql")
	err := os.WriteFile(script, fmt.Appendf(nil, `INSERT INTO responses (id, organisation_id, wave_id, version_id, key_hash, language, seed, page, revision, answers, weight, person, started_at)
VALUES (gen_random_uuid(), 1, %d, %d, uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()), 'pl', 5, 0, 0, '%s', 1, '', now());`, w.ID, w.Version, pageAnswers), 0o600)
	if err != nil {
		b.Fatal(err)
	}
	const callers, each = 16, 3 * time.Second
	pgbench := func() float64 {
		out, err := exec.CommandContext(b.Context(), filepath.Join(server.Programs(), "pgbench"), "--no-vacuum", "--protocol", "prepared",
			"--client", strconv.Itoa(callers), "--jobs", "2", "--time", strconv.Itoa(int(each.Seconds())), "--file", script, dsn).CombinedOutput()
		found := regexp.MustCompile(`tps = ([0-9.]+)`).FindSubmatch(out)
		if err != nil || found == nil {
			b.Fatalf("pgbench: %v\n%s", err, out)
		}
		tps, err := strconv.ParseFloat(string(found[1]), 64)
		if err != nil {
			b.Fatal(err)
		}
		return tps
	}
	drafts := make(chan survey.Response, 1<<20)
	for b.Loop() {
		base := pgbench()
		starts := rate(b, callers, each, func() error {
			r := newResponse(w)
			r.Answers = []byte(pageAnswers)
			err := s.StartResponse(b.Context(), survey.DefaultOrganisation, &r)
			drafts <- r
			return err
		})
		saves := rate(b, callers, each, func() error {
			r := <-drafts
			r.Revision, r.Page, r.Answers = r.Revision+1, r.Page+1, []byte(pageAnswers)
			err := s.SavePage(b.Context(), survey.DefaultOrganisation, r)
			drafts <- r
			return err
		})
		completions := rate(b, callers, each/3, func() error {
			r := <-drafts
			return s.CompleteResponse(b.Context(), survey.DefaultOrganisation, complete(r, pageAnswers), 0)
		})
		base = (base + pgbench()) / 2
		b.ReportMetric(base, "pgbench/s")
		b.ReportMetric(starts/base, "starts-of-pgbench")
		b.ReportMetric(saves/base, "saves-of-pgbench")
		b.ReportMetric(completions/base, "completions-of-pgbench")
		if starts/base < 0.4 || saves/base < 0.4 {
			b.Errorf("%.0f starts and %.0f saves a second; want at least 0.4 of pgbench's %.0f", starts, saves, base)
		}
	}
}

// BenchmarkLoadPostgres reads a wave of 1,000,000 responses, as the tally does before its first table.
func BenchmarkLoadPostgres(b *testing.B) {
	const rows = 1_000_000
	dsn := storetest.Postgres(b)
	s := storetest.Open(b, dsn)
	w := newWave(b, s, "million")
	fill(b, dsn, w, rows)
	var before, after runtime.MemStats
	for b.Loop() {
		runtime.ReadMemStats(&before)
		began := time.Now()
		n, bytes := 0, 0
		for row, err := range s.Answers(b.Context(), survey.DefaultOrganisation, w.ID, store.Mark{}) {
			if err != nil {
				b.Fatal(err)
			}
			n++
			bytes += len(row.Answers)
		}
		took := time.Since(began)
		runtime.ReadMemStats(&after)
		if n != rows {
			b.Fatalf("read %d of %d", n, rows)
		}
		b.ReportMetric(took.Seconds(), "s/million")
		b.ReportMetric(float64(bytes)/rows, "B/response")
		b.ReportMetric(float64(after.Mallocs-before.Mallocs)/rows, "allocs/response")
		if took > 2*time.Second {
			b.Errorf("reading took %v; want at most 2 s", took)
		}
	}
}

// fill stores many complete responses with some 250 bytes of answers each.
func fill(b *testing.B, dsn string, w survey.Wave, rows int) {
	b.Helper()
	connection, err := pgx.Connect(b.Context(), dsn)
	if err != nil {
		b.Fatal(err)
	}
	defer connection.Close(context.WithoutCancel(b.Context()))
	for _, statement := range []string{
		fmt.Sprintf(`INSERT INTO responses (id, organisation_id, wave_id, version_id, key_hash, language, seed, page, revision, answers, weight, person, started_at, completed_at, tx)
		SELECT gen_random_uuid(), 1, %d, %d, NULL, 'pl', i, 3, 3, json_build_object('channel', (ARRAY['phone', 'mail', 'desk'])[1 + i %% 3],
			'expectations', json_build_array('speed', 'ease', 'competence'), 'order', json_build_array('ease', 'speed', 'competence'),
			'performance.speed', 1 + i %% 5, 'performance.ease', 1 + i %% 4, 'performance.competence', 1 + i %% 3, 'performance.price', 'cannot_say',
			'department', (ARRAY['accounting', 'it', 'sales', 'legal'])[1 + i %% 4], 'recommend', i %% 11), 1, '', now(), localtimestamp, pg_current_xact_id()
		FROM generate_series(1, %d) AS i`, w.ID, w.Version, rows),
		"VACUUM ANALYZE responses",
	} {
		if _, err := connection.Exec(b.Context(), statement); err != nil {
			b.Fatal(err)
		}
	}
}
