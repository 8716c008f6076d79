package tally

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"cxmirror/pkg/survey"
)

// archive is a source whose transactions commit in whatever order a test wants, as those of PostgreSQL do.
type archive struct {
	mu            sync.Mutex
	questionnaire *survey.Questionnaire
	wave          survey.Wave
	gone          bool
	generation    int64
	next          int64 // the next transaction's number
	open          map[int64]Row
	committed     map[survey.ResponseID]archived
	failAfter     int // rows until the reading fails; 0 is never
	asked         int // readings
	returned      int // rows returned in all
}

type archived struct {
	row Row
	tx  int64
}

var errTorn = errors.New("torn cable")

func newArchive(q *survey.Questionnaire) *archive {
	return &archive{
		questionnaire: q, wave: survey.Wave{ID: 1, Organisation: survey.DefaultOrganisation, Version: 1, Audience: survey.External, Threshold: 1},
		open: map[int64]Row{}, committed: map[survey.ResponseID]archived{},
	}
}

func (a *archive) Wave(_ context.Context, organisation survey.OrganisationID, id survey.WaveID) (survey.Wave, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.gone || organisation != a.wave.Organisation {
		return survey.Wave{}, survey.ErrNotFound
	}
	w := a.wave
	w.ID = id
	return w, nil
}

func (a *archive) Questionnaire(context.Context, survey.OrganisationID, survey.VersionID) (*survey.Questionnaire, error) {
	return a.questionnaire, nil
}

// Ended is whether the wave is closed: of an archive nothing waits.
func (a *archive) Ended(_ context.Context, wave *survey.Wave) (bool, error) {
	return wave.State == survey.WaveClosed, nil
}

// AddCut keeps a cut as a store does.
func (a *archive) AddCut(_ context.Context, wave *survey.Wave, cut survey.Cut) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.wave.Cuts) != len(wave.Cuts) || cut.Final && a.wave.Releases != wave.Releases {
		return survey.ErrConflict
	}
	a.wave.Cuts = append(a.wave.Cuts, cut)
	return nil
}

// release lets as many responses begin to count together.
func (a *archive) release(answers, department string, n int) {
	a.mu.Lock()
	a.wave.Releases++
	release := a.wave.Releases
	if len(a.wave.Held) == 0 || a.wave.Held[len(a.wave.Held)-1].Threshold < a.wave.Threshold {
		a.wave.Held = append(a.wave.Held, survey.Held{Release: release, Threshold: a.wave.Threshold})
	}
	a.mu.Unlock()
	for range n {
		tx := a.begin(answers)
		a.mu.Lock()
		row := a.open[tx]
		row.Release = release
		if department != "" {
			row.Attributes = []byte(`{"unit":"` + department + `"}`)
		}
		a.open[tx] = row
		a.mu.Unlock()
		a.commit(tx)
	}
}

// Mark is the oldest transaction still open, as pg_snapshot_xmin says it.
func (a *archive) Mark(context.Context, survey.OrganisationID, survey.WaveID) (Mark, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	oldest := a.next
	for tx := range a.open {
		oldest = min(oldest, tx)
	}
	return Mark{a.generation, oldest}, nil
}

func (a *archive) Rows(_ context.Context, _ survey.OrganisationID, _ survey.WaveID, after Mark) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		a.mu.Lock()
		var rows []Row
		for _, c := range a.committed {
			if c.tx >= after.At {
				rows = append(rows, c.row)
			}
		}
		failAfter := a.failAfter
		a.asked++
		a.returned += len(rows)
		a.mu.Unlock()
		var buffer []byte // reused, as a driver would
		for i, row := range rows {
			if failAfter > 0 && i == failAfter {
				yield(Row{}, errTorn)
				return
			}
			buffer = append(buffer[:0], row.Answers...)
			row.Answers = buffer
			if !yield(row, nil) {
				return
			}
		}
	}
}

// begin inserts a response in a transaction that stays open.
func (a *archive) begin(answers string) int64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	tx := a.next
	a.next++
	a.open[tx] = Row{ID: survey.ResponseID(fmt.Sprintf("%032x", tx)), Version: 1, Answers: []byte(answers), Weight: 1}
	return tx
}

func (a *archive) commit(tx int64) survey.ResponseID {
	a.mu.Lock()
	defer a.mu.Unlock()
	row := a.open[tx]
	delete(a.open, tx)
	a.committed[row.ID] = archived{row, tx}
	return row.ID
}

func (a *archive) add(answers string) survey.ResponseID { return a.commit(a.begin(answers)) }

func (a *archive) erase(id survey.ResponseID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.committed, id)
	a.generation++
}

// read returns the wave as it is read now.
func read(tb testing.TB, w *Waves, id survey.WaveID) *Wave {
	tb.Helper()
	var got *Wave
	if err := w.Read(tb.Context(), survey.DefaultOrganisation, id, func(wave *Wave) error { got = wave; return nil }); err != nil {
		tb.Fatal(err)
	}
	return got
}

const pickA, pickB = `{"department":"it","picks":["a"]}`, `{"picks":["b"],"department":"hr"}`

func TestAWaveGrowsByWhatIsNewAndAsksOnlyForThat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := newArchive(parse(t, twoQuestions))
		waves := NewWaves(source, 1<<20)
		if n := read(t, waves, 1).Len(); n != 0 {
			t.Fatalf("%d responses in an empty wave", n)
		}
		for range 100 {
			source.add(pickA)
		}
		if n := read(t, waves, 1).Len(); n != 0 {
			t.Errorf("the source was asked again at once")
		}
		time.Sleep(freshness)
		if n := read(t, waves, 1).Len(); n != 100 {
			t.Errorf("%d responses, want 100", n)
		}
		source.add(pickB)
		source.returned = 0
		time.Sleep(freshness)
		if n := read(t, waves, 1).Len(); n != 101 || source.returned != 1 {
			t.Errorf("%d responses by reading %d, want 101 by reading 1", n, source.returned)
		}
		asked := source.asked
		for range 10 {
			read(t, waves, 1)
		}
		if source.asked != asked {
			t.Errorf("the source was asked %d times about a fresh wave", source.asked-asked)
		}
	})
}

// Two readers of one archive see everybody exactly once whatever order transactions commit in, and whenever
// they look. Errors in between lose nothing.
func TestLateCommitsAreCountedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		random := rand.New(rand.NewPCG(9, 4))
		for round := range 30 {
			source := newArchive(parse(t, twoQuestions))
			replicas := []*Waves{NewWaves(source, 1<<20), NewWaves(source, 1<<20)}
			var pending []int64
			for range 300 {
				switch random.IntN(6) {
				case 0, 1:
					pending = append(pending, source.begin([]string{pickA, pickB}[random.IntN(2)]))
				case 2, 3:
					if len(pending) > 0 {
						i := random.IntN(len(pending))
						source.commit(pending[i])
						pending = slices.Delete(pending, i, i+1)
					}
				case 4:
					for id := range source.committed {
						if random.IntN(20) == 0 {
							source.erase(id)
						}
						break
					}
				case 5:
					time.Sleep(freshness)
					source.failAfter = random.IntN(3)
					replica := replicas[random.IntN(2)]
					err := replica.Read(t.Context(), survey.DefaultOrganisation, 1, func(w *Wave) error { return equal(w, source) })
					if err != nil && !errors.Is(err, errTorn) {
						t.Fatalf("round %d: %v", round, err)
					}
					source.failAfter = 0
				}
			}
			time.Sleep(freshness)
			for _, replica := range replicas {
				if err := equal(read(t, replica, 1), source); err != nil {
					t.Fatalf("round %d: %v", round, err)
				}
			}
		}
	})
}

// equal compares a wave with what its source holds.
func equal(w *Wave, source *archive) error {
	want := map[string]int{}
	for _, c := range source.committed {
		want[string(c.row.Answers)]++
	}
	got := map[string]int{}
	c := w.columns[1].(*picks[uint16])
	for _, set := range c.sets {
		got[map[uint16]string{1: pickA, 2: pickB}[set]]++
	}
	if !reflect.DeepEqual(got, want) || w.Len() != len(source.committed) {
		return fmt.Errorf("the wave holds %v, %d in all; the source %v", got, w.Len(), want)
	}
	return nil
}

// Whoever looks at a wave is not disturbed by its growth. Run with -race.
func TestReadersAreNotDisturbed(t *testing.T) {
	source := newArchive(parse(t, twoQuestions))
	waves := NewWaves(source, 1<<20)
	var running sync.WaitGroup
	ctx, stop := context.WithTimeout(t.Context(), 2500*time.Millisecond)
	defer stop()
	running.Go(func() {
		for i := 0; ctx.Err() == nil; i++ {
			source.add([]string{pickA, pickB}[i%2])
			time.Sleep(time.Millisecond)
		}
	})
	for reader := range 4 {
		running.Go(func() {
			longest := 0
			for ctx.Err() == nil {
				err := waves.Read(t.Context(), survey.DefaultOrganisation, survey.WaveID(1+reader%2), func(w *Wave) error {
					n := w.Len()
					longest = max(longest, n)
					if n < longest {
						return fmt.Errorf("the wave shrank from %d to %d", longest, n)
					}
					for range 20 {
						table, err := w.Table(View{Item: "picks"})
						if n > 0 && (err != nil || table.N != n) {
							return fmt.Errorf("a table of %d, %w, of a wave of %d", table.N, err, n)
						}
					}
					return waves.Read(t.Context(), survey.DefaultOrganisation, survey.WaveID(2-reader%2), func(*Wave) error { return nil }) // nested, both ways round
				})
				if err != nil {
					t.Error(err)
					return
				}
			}
			if longest == 0 {
				t.Error("the wave never grew")
			}
		})
	}
	running.Wait()
}

func TestTheWaveUsedLeastRecentlyLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := newArchive(parse(t, twoQuestions))
		for range 1000 {
			source.add(pickA)
		}
		probe := NewWaves(source, 1)
		one := read(t, probe, 1).Bytes()
		all := probe.Bytes()
		if one < 3*1000 || one > 10*1000 { // two bytes of picks and one of department, a response; slices grow ahead
			t.Errorf("1,000 responses take %d bytes", one)
		}
		read(t, probe, 2)
		if len(probe.held) != 1 || probe.held[waveOf{survey.DefaultOrganisation, 2}] == nil {
			t.Errorf("with no room, %d waves stay; want only the one in use", len(probe.held))
		}
		waves := NewWaves(source, 3*all+all/2)
		for _, id := range []survey.WaveID{1, 2, 3, 1, 4} {
			read(t, waves, id)
		}
		if waves.held[waveOf{survey.DefaultOrganisation, 2}] != nil || waves.held[waveOf{survey.DefaultOrganisation, 1}] == nil || waves.held[waveOf{survey.DefaultOrganisation, 3}] == nil || waves.held[waveOf{survey.DefaultOrganisation, 4}] == nil {
			t.Errorf("wave 2 was used least recently; held are %v", waves.held)
		}
		if waves.Bytes() > waves.memory {
			t.Errorf("%d bytes held, at most %d are allowed", waves.Bytes(), waves.memory)
		}
		asked := source.asked
		if read(t, waves, 2).Len() != 1000 || source.asked == asked {
			t.Error("a wave that left is not read again")
		}
	})
}

func TestWhatChangesOfAWaveShows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := newArchive(parse(t, twoQuestions))
		waves := NewWaves(source, 1<<20)
		for range 7 {
			source.add(pickA)
		}
		if _, err := read(t, waves, 1).Table(View{Item: "picks"}); err != nil {
			t.Fatal(err)
		}
		source.wave.Threshold = 10
		time.Sleep(freshness)
		if _, err := read(t, waves, 1).Table(View{Item: "picks"}); !errors.Is(err, ErrWithheld) {
			t.Errorf("the threshold was raised above the base, and the table is %v", err)
		}
		source.gone = true
		time.Sleep(freshness)
		if err := waves.Read(t.Context(), survey.DefaultOrganisation, 1, nil); !errors.Is(err, survey.ErrNotFound) || len(waves.held) != 0 || waves.Bytes() != 0 {
			t.Errorf("a deleted wave: %v, %d held, %d bytes", err, len(waves.held), waves.Bytes())
		}
	})
}

// A source that fails half way changes nothing, and who waits for it can give up.
func TestAReadingThatFails(t *testing.T) {
	source := newArchive(parse(t, twoQuestions))
	waves := NewWaves(source, 1<<20)
	for range 5 {
		source.add(pickA)
	}
	source.failAfter = 3
	if err := waves.Read(t.Context(), survey.DefaultOrganisation, 1, nil); !errors.Is(err, errTorn) || len(waves.held) != 0 {
		t.Errorf("got %v and %d waves held, want the source's error and none", err, len(waves.held))
	}
	source.failAfter = 0
	if n := read(t, waves, 1).Len(); n != 5 {
		t.Errorf("%d responses after a failure, want 5", n)
	}
	h := waves.hold(waveOf{survey.DefaultOrganisation, 1})
	h.turn <- struct{}{} // somebody else reads it
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := waves.Read(ctx, survey.DefaultOrganisation, 1, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the reader to give up", err)
	}
}

const everyKind = `
code: every
version: 1
audience: external
languages: [en]
title: Every kind
items:
  - {code: one, kind: single, background: true, text: One?, options: [{code: a, text: A}, {code: b.1, text: B}, {code: none, text: None, exclusive: true}]}
  - {code: many, kind: multi, max: 3, text: Many?, options: [{code: a, text: A}, {code: b-2, text: B}, {code: c, text: C}, {code: d, text: D}]}
  - {code: order, kind: rank, of: many, text: Order?}
  - {code: places, kind: rank, max: 2, text: Places?, options: [{code: x, text: X}, {code: y, text: Y}, {code: z, text: Z}]}
  - {code: rated, kind: rating, text: Rate., rows: [{code: r1, text: R1}, {code: r2, text: R2}], scale: {min: 1, max: 10, cannot_say: true}}
  - {code: nps, kind: nps, text: Recommend?}
  - {code: hours, kind: number, text: Hours?, min: -10, max: 100, decimals: 2}
  - {code: words, kind: text, text: Why?}
  - {code: grid, kind: matrix, text: Who?, rows: [{code: r1, text: R1}, {code: r2, text: R2}], options: [{code: hr, text: HR}, {code: it, text: IT}]}
`

// randomForm answers some questions of everyKind.
func randomForm(random *rand.Rand) map[string][]string {
	form := map[string][]string{}
	maybe := func(key string, cells ...string) {
		if random.IntN(4) > 0 {
			form[key] = []string{cells[random.IntN(len(cells))]}
		}
	}
	maybe("one", "a", "b.1", "none")
	picks := []string{"a", "b-2", "c", "d"}
	random.Shuffle(len(picks), func(i, j int) { picks[i], picks[j] = picks[j], picks[i] })
	if n := random.IntN(5); n < 4 {
		form["many"] = append([]string(nil), picks[:n]...)
		if n == 0 {
			form["many"] = []string{"none"}
		}
		if n > 1 && random.IntN(3) > 0 {
			form["order"] = picks[:n]
		}
	}
	maybe("places", "none")
	if random.IntN(2) == 0 {
		form["places"] = []string{"z", "x"}[:1+random.IntN(2)]
	}
	for _, row := range []string{"rated.r1", "rated.r2"} {
		maybe(row, "1", "5", "10", "cannot_say")
	}
	maybe("nps", "0", "10", "7")
	maybe("hours", "-0.25", "99.99", "0", fmt.Sprint(random.IntN(100)))
	maybe("words", "plain", `a "quoted" \ word`, `\`, `"`, "{}[],:", "dwa\nwiersze", "<script>", `\\"`, "żółć\u2028")
	maybe("grid.r1", "hr", "it")
	maybe("grid.r2", "hr")
	return form
}

// respaced is JSON as PostgreSQL's jsonb prints it: keys by length and then by bytes, blanks after colons and
// commas.
func respaced(tb testing.TB, q *survey.Questionnaire, answers survey.Answers) []byte {
	tb.Helper()
	columns := slices.Clone(q.Columns())
	slices.SortFunc(columns, func(a, b survey.Column) int {
		if d := len(a.Key) - len(b.Key); d != 0 {
			return d
		}
		return strings.Compare(a.Key, b.Key)
	})
	var parts []string
	for _, c := range columns {
		v, _ := answers.Value(c.Key)
		if v.State == survey.Missing {
			continue
		}
		single := q.NewAnswers()
		at, _ := q.Column(c.Key)
		single.Values()[at] = v
		src, err := single.MarshalJSON()
		if err != nil {
			tb.Fatal(err)
		}
		text := string(bytes.Trim(src, "{}"))
		if strings.Contains(text, `{}`) || c.Item.Kind == survey.Text {
			text = string(src[1 : len(src)-1])
		} else {
			text = strings.NewReplacer(`":`, `": `, `,`, `, `).Replace(text)
		}
		parts = append(parts, text)
	}
	return []byte("{" + strings.Join(parts, ", ") + "}")
}

// What is read fast is what the questionnaire's own reader reads, words apart.
func TestStoredAnswersReadAsTheQuestionnaireReadsThem(t *testing.T) {
	q := parse(t, everyKind)
	random := rand.New(rand.NewPCG(5, 6))
	fast := newStoredReader(q)
	for i := range 3000 {
		answers, err := q.ReadAnswers(randomForm(random))
		if err != nil {
			t.Fatal(err)
		}
		src, err := answers.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		if i%3 == 0 {
			src = respaced(t, q, answers)
		}
		same(t, q, fast, src)
	}
}

// same fails the test if both readers read something else, or if one of them reads what the other refuses.
func same(tb testing.TB, q *survey.Questionnaire, fast *storedReader, src []byte) {
	tb.Helper()
	want, err := q.ParseAnswers(src)
	if err != nil {
		tb.Fatalf("%s: %v", src, err)
	}
	got, err := fast.read(src, nil)
	if err != nil {
		tb.Fatalf("%s: %v", src, err)
	}
	for i, c := range q.Columns() {
		g, w := got.Values[i], want.Values()[i]
		if c.Item.Kind == survey.Text {
			w = survey.Value{}
		}
		if g.State != w.State || g.Bits != w.Bits || !slices.Equal(g.Order, w.Order) || g.Number != w.Number || g.Text != w.Text {
			tb.Fatalf("%s: %s is %+v, want %+v", src, c.Key, g, w)
		}
	}
}

func TestDamagedAnswersAreRefused(t *testing.T) {
	q := parse(t, everyKind)
	for _, src := range []string{
		``, `{`, `[]`, `null`, `{"one"`, `{"one":`, `{"one":}`, `{"one":"a"`, `{"one":"a",`, `{"one":"a",}`, `{"one" "a"}`,
		`{"one":"z"}`, `{"one":["a"]}`, `{"one":"a" "b"}`, `{"two":"a"}`, `{"many":["a","q"]}`, `{"many":["a"`, `{"many":["a]}`,
		`{"many":"a"x`, `{"rated.r1":11}`, `{"rated.r1":4.5}`, `{"words":"never ends\"}`, `{"nps":{}}`, `{"nps":true}`, `{one:"a"}`,
		`{"many":[1]}`, `{"many":["a","a"]}`, `{"one":"\x"}`,
	} {
		if rec, err := newStoredReader(q).read([]byte(src), nil); err == nil {
			t.Errorf("%s is read as %+v", src, rec)
		}
	}
	source := newArchive(q)
	id := source.add(`{"one":"z"}`)
	err := NewWaves(source, 1<<20).Read(t.Context(), survey.DefaultOrganisation, 1, nil)
	if err == nil || !strings.Contains(err.Error(), string(id)) || !strings.Contains(err.Error(), "one cannot be") {
		t.Errorf("got %v, want the response and what is wrong with it named", err)
	}
}

func FuzzStoredAnswers(f *testing.F) {
	q := parse(f, everyKind)
	random := rand.New(rand.NewPCG(7, 8))
	for range 20 {
		answers, err := q.ReadAnswers(randomForm(random))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(respaced(f, q, answers))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		fast := newStoredReader(q)
		_, _ = fast.read([]byte(`{"one":"a","many":["a"],"nps":3}`), nil) // it remembers what came before
		_, err := fast.read(src, nil)
		if _, refused := q.ParseAnswers(src); refused == nil {
			if err != nil {
				t.Fatalf("%q: %v; the questionnaire reads it", src, err)
			}
			same(t, q, fast, src)
		}
	})
}

func BenchmarkLoadWave(b *testing.B) {
	q := parse(b, everyKind)
	random := rand.New(rand.NewPCG(1, 2))
	rows := make([][]byte, 1000)
	for i := range rows {
		answers, err := q.ReadAnswers(randomForm(random))
		if err != nil {
			b.Fatal(err)
		}
		rows[i] = respaced(b, q, answers)
	}
	reader, wave := newStoredReader(q), New(q, survey.External, 1)
	i := 0
	for b.Loop() {
		rec, err := reader.read(rows[i%len(rows)], nil)
		if err != nil {
			b.Fatal(err)
		}
		wave.Add(rec)
		i++
	}
	b.ReportMetric(float64(wave.Bytes())/float64(wave.Len()), "B/response")
}

// A wave in memory is its organisation's: who asks for it by its number from another one finds nothing, and does not
// take it out of memory either.
func TestAWaveIsReadByItsOrganisationAlone(t *testing.T) {
	source := newArchive(parse(t, twoQuestions))
	source.add(pickA)
	waves := NewWaves(source, 1<<20)
	for range 2 { // not in memory, and in memory
		err := waves.Read(t.Context(), survey.DefaultOrganisation+1, 1, func(*Wave) error {
			t.Error("another organisation reads the wave")
			return nil
		})
		if !errors.Is(err, survey.ErrNotFound) {
			t.Errorf("another organisation's wave: %v", err)
		}
		if n := read(t, waves, 1).Len(); n != 1 {
			t.Errorf("the wave has %d people, want 1", n)
		}
		if len(waves.held) != 1 {
			t.Errorf("%d waves are in memory, want the one there is", len(waves.held))
		}
	}
}
