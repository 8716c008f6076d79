package store_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	mathrand "math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"cxmirror/pkg/store"
	"cxmirror/pkg/store/storetest"
	"cxmirror/pkg/survey"
)

// The pairing test. People finish an anonymous wave in random order while others begin and go on; answers are
// published in steps. Then an attacker gets the whole database with every internal mark of it, and is to say who
// gave which answer. She orders invitations by everything there is, orders responses by everything there is, and
// pairs them rank by rank, forwards and backwards; and she joins both on every equal value, directly or through
// any row of any table, dead ones included.
//
// What she may learn is what the steps tell by design: whoever had not finished before a step is not in it. So
// her hits are set against histories that are just as likely: the same people finish in the same order, and chance
// alone decides who is published in which step (pairingSteps). The number of hits of a guess that knows no more is
// close to a Poisson number (matches of a random permutation). The test fails if any attack has more hits than
// such a number would have once in pairingAlarm runs, all attacks together.

const (
	pairingPeople = 60
	pairingK      = 5
	pairingAlarm  = 10_000 // runs for one false alarm
)

// sealer stands for the service that has a key the database has not.
type sealer struct{ cipher.AEAD }

func newSealer(tb testing.TB) sealer {
	tb.Helper()
	key := make([]byte, 32)
	_, _ = rand.Read(key)
	block, err := aes.NewCipher(key)
	if err != nil {
		tb.Fatal(err)
	}
	gcm, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		tb.Fatal(err)
	}
	return sealer{gcm}
}

// seal encrypts, padded with spaces, which JSON does not mind.
func (s sealer) seal(plain string) []byte {
	length := survey.PaddedLength(len(plain) + s.Overhead())
	return s.Seal(nil, nil, []byte(plain+strings.Repeat(" ", length-s.Overhead()-len(plain))), nil)
}

func (s sealer) open(tb testing.TB, sealed []byte) string {
	tb.Helper()
	plain, err := s.Open(nil, nil, sealed, nil)
	if err != nil {
		tb.Fatal(err)
	}
	return strings.TrimSpace(string(plain))
}

// history is what truly happened in one wave.
type history struct {
	wave       survey.Wave
	finished   []string          // invitations, in the order in which they finished
	department map[string]string // of invitations
	response   map[string]string // by invitation, the id of what was published of it
	answer     map[string]string // by invitation, what was said
	steps      []pairingStep
}

// pairingStep is one publication.
type pairingStep struct {
	finished  int      // how many had finished before it
	responses []string // ids of what it published
}

// pairingKind says who the attacked wave is.
type pairingKind int

const (
	anonymousWave    pairingKind = iota
	confidentialWave             // which the attack must break: it keeps who answered
	carelessWave                 // anonymous, but whoever publishes it gives out ids in the order in which people finished
	derivedWave                  // anonymous, but whoever publishes it gives out ids in the order of the invitations'
)

// live runs a wave from launch to close.
func live(tb testing.TB, s *store.Store, kind pairingKind, people []survey.Person, random *mathrand.Rand) *history {
	tb.Helper()
	ctx := tb.Context()
	mode := survey.Anonymous
	if kind == confidentialWave {
		mode = survey.Confidential
	}
	invitations := random.Perm(len(people))
	chosen := make([]survey.Person, pairingPeople)
	for i := range chosen {
		chosen[i] = people[invitations[i]]
	}
	w, invited := launched(tb, s, mode, pairingK, chosen, nil, nil)
	h := &history{wave: w, department: map[string]string{}, response: map[string]string{}, answer: map[string]string{}}
	service := newSealer(tb)
	type answering struct {
		invitation store.NewInvitation
		draft      store.Draft
		response   survey.Response
		own        sealer
		begun      bool
		pages      int // to go
	}
	var all []*answering
	for _, i := range invited {
		a := &answering{invitation: i, draft: newDraft(w), response: newResponse(w), own: newSealer(tb), pages: 1 + random.IntN(3)}
		all = append(all, a)
		h.department[string(i.ID)] = string(i.Attributes["department"])
		h.answer[string(i.ID)] = fmt.Sprintf(`{"comment":"what %s says"}`, randomID())
	}
	pending := 0
	for len(all) > 0 { // whoever's turn it is begins, saves a page, or finishes
		at := random.IntN(len(all))
		a := all[at]
		id := string(a.invitation.ID)
		var err error
		switch {
		case !a.begun && mode == survey.Anonymous:
			a.begun = true
			a.draft.Content = a.own.seal("{}")
			err = s.StartDraft(ctx, survey.DefaultOrganisation, &a.draft, a.invitation.ID)
		case !a.begun:
			a.begun = true
			a.response.Invitation, a.response.Attributes = a.invitation.ID, a.invitation.Attributes
			err = s.StartResponse(ctx, survey.DefaultOrganisation, &a.response)
		case a.pages > 0 && mode == survey.Anonymous:
			a.pages--
			a.draft = next(a.draft)
			a.draft.Content = a.own.seal(h.answer[id])
			err = s.SaveDraft(ctx, survey.DefaultOrganisation, a.draft)
		case a.pages > 0:
			a.pages--
			a.response.Revision++
			a.response.Page++
			err = s.SavePage(ctx, survey.DefaultOrganisation, a.response)
		default:
			all = slices.Delete(all, at, at+1)
			h.finished = append(h.finished, id)
			pending++
			if mode == survey.Anonymous {
				err = s.Seal(ctx, survey.DefaultOrganisation, next(a.draft), a.invitation.ID, survey.Sealed{ID: randomID(), Content: service.seal(id)}, noon, 0)
			} else {
				h.response[id] = string(a.response.ID)
				err = s.CompleteResponse(ctx, survey.DefaultOrganisation, complete(a.response, h.answer[id]), 0)
			}
			if err == nil && (pending >= 2*pairingK || len(all) == 0) {
				pending = step(tb, s, h, service, kind, len(all) == 0, random)
			}
		}
		if err != nil {
			tb.Fatal(err)
		}
	}
	return h
}

// step publishes a random part of what is pending, all of it at the end, and returns how much is still pending.
func step(tb testing.TB, s *store.Store, h *history, service sealer, kind pairingKind, last bool, random *mathrand.Rand) (pending int) {
	tb.Helper()
	var published []string
	choose := func(n int) []int {
		order := random.Perm(n)
		if !last {
			pending = pairingK
		}
		return order[:n-pending]
	}
	var err error
	if kind == confidentialWave {
		_, err = s.Release(tb.Context(), survey.DefaultOrganisation, h.wave.ID, noon, func(ids []survey.ResponseID, _ int, _ bool) (chosen []survey.ResponseID) {
			for _, i := range choose(len(ids)) {
				chosen = append(chosen, ids[i])
				published = append(published, string(ids[i]))
			}
			return chosen
		})
	} else {
		_, err = s.Unseal(tb.Context(), survey.DefaultOrganisation, h.wave.ID, noon, func(sealed []survey.Sealed, _ bool) (publish []survey.Response, keep []survey.Sealed, err error) {
			chosen := choose(len(sealed))
			for i, p := range sealed {
				who := service.open(tb, p.Content)
				if !slices.Contains(chosen, i) {
					keep = append(keep, survey.Sealed{ID: randomID(), Content: service.seal(who)})
					continue
				}
				id := randomID()
				switch kind {
				case carelessWave:
					id = fmt.Sprintf("%08x%s", slices.Index(h.finished, who), id[8:])
				case derivedWave:
					id = who[:8] + id[8:]
				case anonymousWave, confidentialWave:
				}
				publish = append(publish, survey.Response{
					ID: survey.ResponseID(id), Version: h.wave.Version, Language: "pl", Answers: []byte(h.answer[who]),
					Attributes: map[survey.ItemCode]survey.OptionCode{"department": survey.OptionCode(h.department[who])},
				})
				h.response[who] = id
				published = append(published, id)
			}
			return publish, keep, nil
		})
	}
	if err != nil {
		tb.Fatal(err)
	}
	h.steps = append(h.steps, pairingStep{finished: len(h.finished), responses: published})
	return pending
}

// likely returns another history that tells the same: by invitation, the response. Chance decides who of those
// that had finished is published in a step, and with which of its responses.
func (h *history) likely(random *mathrand.Rand) map[string]string {
	departmentOf := map[string]string{} // of responses
	for invitation, response := range h.response {
		departmentOf[response] = h.department[invitation]
	}
	pairs := map[string]string{}
	waiting := map[string][]string{}
	finished := 0
	for _, step := range h.steps {
		for ; finished < step.finished; finished++ {
			id := h.finished[finished]
			waiting[h.department[id]] = append(waiting[h.department[id]], id)
		}
		for _, response := range step.responses {
			of := waiting[departmentOf[response]]
			i := random.IntN(len(of))
			pairs[of[i]] = response
			waiting[departmentOf[response]] = slices.Delete(of, i, i+1)
		}
	}
	return pairs
}

// A dumpedRow is a row with all that can be known of it.
type dumpedRow struct {
	table  string
	live   bool
	values map[string]string // by column or mark
}

// dumpSQLite returns every row of every table in physical order.
func dumpSQLite(tb testing.TB, path string) []dumpedRow {
	tb.Helper()
	db := rawSQLite(tb, path)
	query := func(statement string) (columns []string, rows [][]any) {
		result, err := db.QueryContext(tb.Context(), statement)
		if err != nil {
			return nil, nil // such as rowid where there is none
		}
		defer result.Close()
		columns, _ = result.Columns()
		for result.Next() {
			row, into := make([]any, len(columns)), make([]any, len(columns))
			for i := range row {
				into[i] = &row[i]
			}
			if err := result.Scan(into...); err != nil {
				tb.Fatal(err)
			}
			rows = append(rows, row)
		}
		if err := result.Err(); err != nil {
			tb.Fatal(err)
		}
		return columns, rows
	}
	var dump []dumpedRow
	_, tables := query("SELECT name FROM sqlite_master WHERE type = 'table'")
	for _, name := range tables {
		table := fmt.Sprint(name[0])
		columns, rows := query("SELECT rowid AS mark_rowid, * FROM " + table + " NOT INDEXED")
		if columns == nil {
			columns, rows = query("SELECT * FROM " + table)
		}
		if columns == nil {
			tb.Fatalf("table %s cannot be read", table)
		}
		for place, row := range rows {
			d := dumpedRow{table: table, live: true, values: map[string]string{"mark_place": fmt.Sprintf("%012d", place)}}
			for i, column := range columns {
				d.values[column] = sortable(row[i])
			}
			dump = append(dump, d)
		}
	}
	return dump
}

// dumpPostgres returns every row of every table with its internal marks, in physical order, and where the server
// lets it, the dead ones.
func dumpPostgres(tb testing.TB, dsn string) []dumpedRow {
	tb.Helper()
	ctx := tb.Context()
	connection, err := pgx.Connect(ctx, dsn)
	if err != nil {
		tb.Fatal(err)
	}
	defer connection.Close(ctx)
	_, err = connection.Exec(ctx, "CREATE EXTENSION IF NOT EXISTS pageinspect")
	inspects := err == nil
	if !inspects {
		tb.Logf("dead rows are not looked at: %v", err)
	}
	query := func(statement string) (columns []string, rows [][]any) {
		result, err := connection.Query(ctx, statement)
		if err != nil {
			tb.Fatal(err)
		}
		defer result.Close()
		for _, field := range result.FieldDescriptions() {
			columns = append(columns, field.Name)
		}
		for result.Next() {
			row, err := result.Values()
			if err != nil {
				tb.Fatal(err)
			}
			rows = append(rows, row)
		}
		if err := result.Err(); err != nil {
			tb.Fatal(err)
		}
		return columns, rows
	}
	var dump []dumpedRow
	keep := func(table string, live bool, columns []string, rows [][]any) {
		for place, row := range rows {
			d := dumpedRow{table: table, live: live, values: map[string]string{"mark_place": fmt.Sprintf("%012d", place)}}
			for i, column := range columns {
				d.values[column] = sortable(row[i])
			}
			dump = append(dump, d)
		}
	}
	_, tables := query("SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'")
	for _, name := range tables {
		table := fmt.Sprint(name[0])
		columns, rows := query(`SELECT (ctid::text::point)[0]::bigint AS mark_page, (ctid::text::point)[1]::bigint AS mark_line, xmin::text::bigint AS mark_xmin,
			xmax::text::bigint AS mark_xmax, cmin::text::bigint AS mark_cmin, tableoid::bigint AS mark_table, t.* FROM ` + table + ` t`)
		keep(table, true, columns, rows)
		if inspects {
			columns, rows = query(`SELECT page AS mark_page, lp::bigint AS mark_line, t_xmin::text::bigint AS mark_xmin, t_xmax::text::bigint AS mark_xmax, t_data AS raw, length(t_data)::bigint AS raw_length
				FROM generate_series(0, pg_relation_size('` + table + `') / 8192 - 1) AS page, heap_page_items(get_raw_page('` + table + `', page::int)) WHERE t_data IS NOT NULL`)
			keep(table, false, columns, rows)
		}
	}
	columns, rows := query("SELECT * FROM pg_sequences")
	keep("pg_sequences", false, columns, rows)
	return dump
}

// sortable returns a value as a text that sorts as the value does.
func sortable(value any) string {
	switch value := value.(type) {
	case nil:
		return ""
	case int64:
		return fmt.Sprintf("%020d", value)
	case time.Time:
		return value.UTC().Format("2006-01-02T15:04:05.000000")
	case []byte:
		if json.Valid(value) {
			return string(value)
		}
		return hex.EncodeToString(value)
	case [16]byte:
		return hex.EncodeToString(value[:])
	case string:
		return value
	}
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	return string(text)
}

// An attack names a way to pair, and says which response each invitation gave.
type attack map[string]map[string]string

// attacks returns all guesses of the attacker about one wave. fileOrder adds orders that follow from the bytes of
// the files: by name, where an id was found.
func attacks(dump []dumpedRow, h *history, fileOrders map[string]func(id string) int) attack {
	wave := sortable(int64(h.wave.ID))
	byTable := map[string][]dumpedRow{}
	for _, row := range dump {
		if row.live && row.values["wave_id"] == wave && (row.table != "invitations" || row.values["finished"] == "true" || row.values["finished"] == sortable(int64(1))) {
			byTable[row.table] = append(byTable[row.table], row)
		}
	}
	guesses := attack{}
	// Ranks, within each department.
	orders := func(table string) map[string]func(a, b dumpedRow) int {
		by := map[string]func(a, b dumpedRow) int{
			"place on the disk": func(a, b dumpedRow) int {
				return strings.Compare(a.values["mark_page"]+a.values["mark_line"], b.values["mark_page"]+b.values["mark_line"])
			},
		}
		for column := range byTable[table][0].values {
			by[column] = func(a, b dumpedRow) int { return strings.Compare(a.values[column], b.values[column]) }
		}
		for name, at := range fileOrders {
			by[name] = func(a, b dumpedRow) int { return at(a.values["id"]) - at(b.values["id"]) }
		}
		return by
	}
	department := func(row dumpedRow) string {
		var attributes struct{ Department string }
		_ = json.Unmarshal([]byte(row.values["attributes"]), &attributes)
		return attributes.Department
	}
	for a, byA := range orders("invitations") {
		for b, byB := range orders("responses") {
			forwards, backwards := map[string]string{}, map[string]string{}
			for _, of := range []string{"IT", "Sales"} {
				isOf := func(row dumpedRow) bool { return department(row) != of }
				people, answers := slices.DeleteFunc(slices.Clone(byTable["invitations"]), isOf), slices.DeleteFunc(slices.Clone(byTable["responses"]), isOf)
				slices.SortStableFunc(people, byA)
				slices.SortStableFunc(answers, byB)
				for i := range min(len(people), len(answers)) {
					forwards[people[i].values["id"]] = answers[i].values["id"]
					backwards[people[i].values["id"]] = answers[len(answers)-1-i].values["id"]
				}
			}
			guesses["rank by "+a+" and "+b] = forwards
			guesses["rank by "+a+" and "+b+" backwards"] = backwards
		}
	}
	guesses["equal values"] = joined(byTable["invitations"], byTable["responses"], dump)
	return guesses
}

// joined pairs each invitation with the response that it has most in common with, directly or through any one row
// of the database. A value counts for the less the more rows have it.
func joined(people, answers, dump []dumpedRow) map[string]string {
	ids := make(map[string]bool)
	for _, row := range append(slices.Clone(people), answers...) {
		ids[row.values["id"]] = true
	}
	values := func(row dumpedRow) []string {
		var all []string
		for column, value := range row.values {
			if value == "" || strings.HasPrefix(column, "mark_p") || strings.HasPrefix(column, "mark_l") || column == "mark_rowid" {
				continue // places are ranks, not values
			}
			all = append(all, value)
			if column == "raw" { // bytes of a dead row: the ids that stand in them
				for id := range ids {
					if strings.Contains(value, id) {
						all = append(all, id)
					}
				}
			}
		}
		slices.Sort(all)
		return slices.Compact(all)
	}
	frequency := func(rows []dumpedRow) map[string]float64 {
		n := map[string]float64{}
		for _, row := range rows {
			for _, v := range values(row) {
				n[v]++
			}
		}
		return n
	}
	ofPeople, ofAnswers := frequency(people), frequency(answers)
	score := make([][]float64, len(people))
	for i := range people {
		score[i] = make([]float64, len(answers))
	}
	holders := func(rows []dumpedRow) map[string][]int {
		by := map[string][]int{}
		for i, row := range rows {
			for _, v := range values(row) {
				by[v] = append(by[v], i)
			}
		}
		return by
	}
	peopleWith, answersWith := holders(people), holders(answers)
	for v, some := range peopleWith {
		for _, i := range some {
			for _, j := range answersWith[v] {
				score[i][j] += 1 / (ofPeople[v] * ofAnswers[v])
			}
		}
	}
	for _, row := range dump {
		toPeople, toAnswers := map[int]float64{}, map[int]float64{}
		for _, v := range values(row) {
			for _, i := range peopleWith[v] {
				toPeople[i] += 1 / ofPeople[v]
			}
			for _, j := range answersWith[v] {
				toAnswers[j] += 1 / ofAnswers[v]
			}
		}
		for i, a := range toPeople {
			for j, b := range toAnswers {
				score[i][j] += a * b / 100
			}
		}
	}
	guess := map[string]string{}
	for i, person := range people {
		best := 0
		for j := range answers {
			if score[i][j] > score[i][best]+1e-9 {
				best = j
			}
		}
		guess[person.values["id"]] = answers[best].values["id"]
	}
	return guess
}

// hits counts how often a guess is right.
func hits(guess, truth map[string]string) (n int) {
	for invitation, response := range guess {
		if truth[invitation] == response {
			n++
		}
	}
	return n
}

// poissonTail is the chance that a Poisson number with a mean is n or more.
func poissonTail(n int, mean float64) float64 {
	if n <= 0 {
		return 1
	}
	below, term := 0.0, math.Exp(-mean)
	for i := range n {
		if i > 0 {
			term *= mean / float64(i)
		}
		below += term
	}
	if tail := 1 - below; tail > 1e-12 {
		return tail
	}
	tail := 0.0 // small tails are lost in 1 - below
	logTerm := float64(n)*math.Log(mean) - mean
	for i := 2; i <= n; i++ {
		logTerm -= math.Log(float64(i))
	}
	for i, term := n, math.Exp(logTerm); i < n+1000 && term > 0; i++ {
		tail += term
		term *= mean / float64(i+1)
	}
	return tail
}

// attacked attacks some waves and returns the best attack, its hits, how many chance would have, and the chance of
// that many times the number of attacks.
func attacked(tb testing.TB, dump []dumpedRow, waves []*history, fileOrders map[string]func(string) int, random *mathrand.Rand) (best string, hit int, expected, p float64) {
	tb.Helper()
	const likely = 100
	got, chance := map[string]int{}, map[string]float64{}
	for _, h := range waves {
		guesses := attacks(dump, h, fileOrders)
		for name, guess := range guesses {
			got[name] += hits(guess, h.response)
		}
		for range likely {
			other := h.likely(random)
			for name, guess := range guesses {
				chance[name] += float64(hits(guess, other)) / likely
			}
		}
	}
	p = math.Inf(1)
	for name, n := range got {
		if tail := poissonTail(n, max(chance[name], 0.5)) * float64(len(got)); tail < p {
			best, hit, expected, p = name, n, chance[name], tail
		}
	}
	tb.Logf("%d attacks on %d waves of %d people; the best, %s: %d hits where chance has %.1f", len(got), len(waves), pairingPeople, best, hit, expected)
	return best, hit, expected, p
}

func TestPairing(t *testing.T) {
	t.Parallel()
	repetitions := 8
	if testing.Short() {
		repetitions = 3
	}
	for name, dsnOf := range bothEngines() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dsn := dsnOf(t)
			s := storetest.Open(t, dsn)
			people := importPeople(t, s, 2*pairingPeople)
			random := mathrand.New(mathrand.NewPCG(mathrand.Uint64(), mathrand.Uint64()))
			waves := map[pairingKind][]*history{}
			for range repetitions {
				waves[anonymousWave] = append(waves[anonymousWave], live(t, s, anonymousWave, people, random))
			}
			waves[confidentialWave] = append(waves[confidentialWave], live(t, s, confidentialWave, people, random))
			controls := []pairingKind{confidentialWave, derivedWave}
			waves[derivedWave] = append(waves[derivedWave], live(t, s, derivedWave, people, random))
			if name == "postgres" { // SQLite does not even keep in which order people finished
				controls = append(controls, carelessWave)
				waves[carelessWave] = append(waves[carelessWave], live(t, s, carelessWave, people, random))
			}

			var dump []dumpedRow
			fileOrders := map[string]func(string) int{}
			if name == "sqlite" {
				dump = dumpSQLite(t, dsn)
				fileOrders = searchFiles(t, dsn, waves[anonymousWave])
			} else {
				dump = dumpPostgres(t, dsn)
			}
			best, hit, expected, p := attacked(t, dump, waves[anonymousWave], fileOrders, random)
			if p < 1.0/pairingAlarm {
				t.Errorf("%s pairs %d answers with who gave them; chance has %.1f (p %.1g)", best, hit, expected, p)
			}
			// The attack must be one: it breaks waves that keep, or tell, who answered.
			for _, kind := range controls {
				if best, hit, expected, p := attacked(t, dump, waves[kind], fileOrders, random); p > 1e-9 {
					t.Errorf("control %d: the best attack, %s, has %d hits, chance %.1f (p %.1g); want it broken, or this test shows nothing", kind, best, hit, expected, p)
				}
			}
		})
	}
}

// searchFiles reads the bytes of a file of SQLite and its log. It fails the test where they have what should be
// gone, and returns the orders in which ids stand in them.
func searchFiles(t *testing.T, path string, waves []*history) map[string]func(string) int {
	t.Helper()
	orders := map[string]func(string) int{}
	for _, suffix := range []string{"", "-wal"} {
		content, err := os.ReadFile(path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		first, last := map[string]int{}, map[string]int{}
		for _, h := range waves {
			for invitation, response := range h.response {
				for _, id := range []string{invitation, response} {
					first[id], last[id] = bytes.Index(content, []byte(id)), bytes.LastIndex(content, []byte(id))
				}
				if bytes.Contains(content, []byte(tokenOf(survey.InvitationID(invitation)))) {
					t.Error("the secret of a link is in the file")
				}
			}
		}
		orders["first in the file"+suffix] = func(id string) int { return first[id] }
		orders["last in the file"+suffix] = func(id string) int { return last[id] }
	}
	return orders
}

// TestNothingStays looks for traces in the bytes of the files: what was deleted is overwritten, and what is sealed
// cannot be read.
func TestNothingStays(t *testing.T) {
	t.Parallel()
	path := storetest.SQLite(t)
	s, ctx := storetest.Open(t, path), t.Context()
	w, invitations := launched(t, s, survey.Anonymous, 3, importPeople(t, s, 8), nil, nil)
	var gone [][]byte // contents of drafts and of sealed answers that were published or encrypted anew
	for i := range 8 {
		d := newDraft(w)
		invitation := invitations[i].ID
		if i >= 5 {
			invitation = "" // by the open link
		}
		if err := s.StartDraft(ctx, survey.DefaultOrganisation, &d, invitation); err != nil {
			t.Fatal(err)
		}
		done, sealed := next(d), survey.Sealed{ID: randomID(), Content: sealedBytes()}
		if err := s.Seal(ctx, survey.DefaultOrganisation, done, invitation, sealed, noon, 0); err != nil {
			t.Fatal(err)
		}
		gone = append(gone, d.Content, []byte(d.Key), sealed.Content, store.DraftHash(&d))
	}
	if n, err := s.Unseal(ctx, survey.DefaultOrganisation, w.ID, noon, publishSome(w, 4)); n != 4 || err != nil {
		t.Fatalf("Unseal = %d, %v", n, err)
	}
	// stays returns how many of the traces are in the files, whole or in part.
	stays := func() (whole, part int) {
		t.Helper()
		var content []byte
		for _, suffix := range []string{"", "-wal"} {
			file, err := os.ReadFile(path + suffix)
			if err != nil {
				t.Fatal(err)
			}
			content = append(content, file...)
		}
		for _, trace := range gone {
			pieces, found := 0, 0
			for piece := range slices.Chunk(trace, 32) { // a long content may be cut in two by the end of a page
				pieces++
				if bytes.Contains(content, piece) {
					found++
				}
			}
			if found > 0 {
				part++
			}
			if found == pieces && pieces > 1 {
				whole++
			}
		}
		return whole, part
	}
	if whole, part := stays(); whole > 0 || part > len(gone)/4 {
		t.Errorf("of %d contents, keys and ids that were deleted, %d are in the files, %d in part; want none, and few", len(gone), whole, part)
	}
	if content, err := os.ReadFile(path); err != nil || !bytes.Contains(content, hashOf(tokenOf(invitations[0].ID))) {
		t.Errorf("the file does not have what it should: this test shows nothing (%v)", err)
	}
	gone = append(gone, hashOf(tokenOf(invitations[0].ID)), []byte(invitations[0].ID))
	if _, err := s.EraseWavePersonalData(ctx, survey.DefaultOrganisation, w.ID); err != nil {
		t.Fatal(err)
	}
	if whole, part := stays(); whole > 0 || part > 0 {
		t.Errorf("after the erasure %d are in the files, %d in part; want none at all", whole, part)
	}
	for _, name := range []string{"Żaneta Łęcka 0003", "Person3@example.org"} {
		if content, err := os.ReadFile(path); err != nil || !bytes.Contains(content, []byte(name)) {
			t.Errorf("%s is not in the file: this test shows nothing (%v)", name, err)
		}
	}
	people, _, err := s.People(ctx, ours, store.PeopleQuery{Text: "p0003"})
	if err != nil || len(people) != 1 {
		t.Fatal(people, err)
	}
	if _, err := s.ErasePerson(ctx, ours, people[0].ID); err != nil {
		t.Fatal(err)
	}
	gone = [][]byte{[]byte("Żaneta Łęcka 0003"), []byte("zaneta lecka 0003"), []byte("Person3@example.org"), []byte("person3@example.org")}
	if _, part := stays(); part > 0 {
		t.Errorf("after her erasure %d of name and address are in the files", part)
	}
}
