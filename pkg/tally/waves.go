package tally

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/fnv"
	"iter"
	"slices"
	"sync"
	"time"

	"cxmirror/pkg/survey"
)

// Mark is a point in the history of a wave's responses, up to which somebody has read.
type Mark struct {
	Generation int64 // another one after something was taken away: all that was read is void
	At         int64 // grows; what it counts is the source's business. One that shrinks is another history.
}

// Row is one complete response as it is stored.
type Row struct {
	ID      survey.ResponseID
	Version survey.VersionID // of the questionnaire it was given to
	Answers []byte           // JSON as of [survey.Answers.MarshalJSON]; the source may reuse it for the next row
	Weight  float64
	Person  string // "" is unknown

	Release    int    // the step by which it began to count among others; 0 is that it counted at once
	Attributes []byte // JSON object of the wave's segments; may be empty, and may be reused like Answers
}

// Source is where waves come from. It is asked by several goroutines at once.
type Source interface {
	// Wave returns a wave of an organisation, or [survey.ErrNotFound].
	Wave(ctx context.Context, organisation survey.OrganisationID, id survey.WaveID) (survey.Wave, error)
	// Questionnaire returns a version of a questionnaire, the same pointer each time it is asked.
	Questionnaire(ctx context.Context, organisation survey.OrganisationID, id survey.VersionID) (*survey.Questionnaire, error)
	// Mark returns the point where the wave's history is now.
	Mark(ctx context.Context, organisation survey.OrganisationID, id survey.WaveID) (Mark, error)
	// Rows returns every complete response that became visible after a mark, and may return some that were
	// there before it: a transaction that began earlier can commit later, so no counter tells the two apart
	// with certainty. The zero Mark is before everything.
	Rows(ctx context.Context, organisation survey.OrganisationID, id survey.WaveID, after Mark) iter.Seq2[Row, error]
	// Ended reports whether no more responses of a wave that protects people will begin to count, as far as the
	// source knows: it takes none, and too few wait.
	Ended(ctx context.Context, wave *survey.Wave) (bool, error)
	// AddCut keeps a cut of a wave as it was returned by Wave, or is [survey.ErrConflict] if the wave has another
	// one since then, or a final one would not count all there are.
	AddCut(ctx context.Context, wave *survey.Wave, cut survey.Cut) error
}

// freshness is how long a wave is taken to be up to date. Two servers on one database show the same figures
// within a second, with time left to read what is new.
const freshness = 500 * time.Millisecond

// Waves keeps the waves that somebody looks at in memory, and up to date with their source. It is safe for
// concurrent use.
type Waves struct {
	source Source
	memory int64

	mu     sync.Mutex
	held   map[waveOf]*held
	clock  uint64 // counts uses, to tell which wave was not used for longest
	loaded int64  // bytes of all that is held
}

// waveOf names a wave by whose it is: who asks for another organisation's finds nothing, also where it is in memory.
type waveOf struct {
	organisation survey.OrganisationID
	id           survey.WaveID
}

// held is one wave in memory.
type held struct {
	turn    chan struct{} // holds one token: whoever has it may use the two below
	reading reading
	stale   *time.Timer // fires when the wave is no longer fresh; nil: it is not

	// Kept under the lock of Waves.
	used  uint64
	bytes int64
}

// reading is how far a wave has been read.
type reading struct {
	wave     *Wave // replaced, never changed: whoever looks at the old one is not disturbed; nil before the first
	version  survey.VersionID
	segments []survey.Segment
	marked   bool // mark was set by the source
	mark     Mark
	answers  *storedReader
	recent   recentRows
	releases []int32 // by response, from 1; only ever added to
	shown    *Wave   // what may be seen of wave
	seen     int     // the releases that the source knew of when shown was made
	ended    bool    // and whether there would be no more
}

// NewWaves returns waves of a source, of which as many stay in memory as fit so many bytes: those used least
// recently leave first. The wave in use stays, however large it is.
func NewWaves(source Source, memory int64) *Waves {
	return &Waves{source: source, memory: memory, held: map[waveOf]*held{}}
}

// Read hands a wave of an organisation to a function, up to date as of the last half second at most: responses that were
// committed a second ago are in it, those erased are not. The wave does not change while use runs and after,
// and may be kept; what it costs to keep is that its memory is not given back. Reads can be nested.
//
// Of a wave that protects people only what may be shown is to be had; see [Wave.Protect]. Reading it makes the cuts
// that are due and has the source keep them, so that all who read it see the same. What the panel says of people
// stands behind the questionnaire's items, as of [survey.Questionnaire.WithSegments].
//
// The error is that of the source or of use. [survey.ErrNotFound] is a wave that the organisation does
// not have.
func (w *Waves) Read(ctx context.Context, organisation survey.OrganisationID, id survey.WaveID, use func(*Wave) error) error {
	wave, err := w.current(ctx, waveOf{organisation, id})
	if err != nil {
		return err
	}
	return use(wave)
}

func (w *Waves) current(ctx context.Context, wanted waveOf) (*Wave, error) {
	h := w.hold(wanted)
	select {
	case h.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for wave %d to be read: %w", wanted.id, ctx.Err())
	}
	defer func() { <-h.turn }()
	if h.fresh() {
		return h.reading.shown, nil
	}
	if err := h.refresh(ctx, w.source, wanted); err != nil {
		if errors.Is(err, survey.ErrNotFound) || h.reading.wave == nil {
			w.drop(wanted, h)
		}
		return nil, fmt.Errorf("read wave %d: %w", wanted.id, err)
	}
	w.account(wanted, h)
	return h.reading.shown, nil
}

// fresh reports whether the wave was read so short a time ago that it need not be read again.
func (h *held) fresh() bool {
	if h.stale == nil {
		return false
	}
	select {
	case <-h.stale.C:
		h.stale = nil
		return false
	default:
		return true
	}
}

// hold returns the place of a wave, and notes that it is used.
func (w *Waves) hold(id waveOf) *held {
	w.mu.Lock()
	defer w.mu.Unlock()
	h := w.held[id]
	if h == nil {
		h = &held{turn: make(chan struct{}, 1)}
		w.held[id] = h
	}
	w.clock++
	h.used = w.clock
	return h
}

func (w *Waves) drop(id waveOf, h *held) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.held[id] == h {
		w.loaded -= h.bytes
		delete(w.held, id)
	}
}

// account counts what a wave takes now, and lets others go while all together take too much.
func (w *Waves) account(id waveOf, h *held) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.held[id] != h {
		return // it had to leave while it was read: it is used this once
	}
	size := h.reading.wave.Bytes() + h.reading.recent.bytes() + int64(cap(h.reading.releases))*4
	w.loaded += size - h.bytes
	h.bytes = size
	for w.loaded > w.memory {
		var oldest waveOf
		var leaves *held
		for other, o := range w.held {
			if o != h && o.bytes > 0 && (leaves == nil || o.used < leaves.used) {
				oldest, leaves = other, o
			}
		}
		if leaves == nil {
			return
		}
		w.loaded -= leaves.bytes
		delete(w.held, oldest)
	}
}

// Bytes returns how much memory the waves held take, about.
func (w *Waves) Bytes() int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.loaded
}

// refresh brings the wave up to date. If it fails, the wave stays as it was.
func (h *held) refresh(ctx context.Context, source Source, wanted waveOf) error {
	stored, err := source.Wave(ctx, wanted.organisation, wanted.id)
	if err != nil {
		return err
	}
	q, err := source.Questionnaire(ctx, wanted.organisation, stored.Version)
	if err != nil {
		return err
	}
	next := h.reading
	if next.wave == nil || next.version != stored.Version || next.wave.audience != stored.Audience || !sameSegments(next.segments, stored.Segments) {
		if err := next.begin(q, &stored); err != nil {
			return err
		}
	}
	stale := time.NewTimer(freshness) // from before the source is asked
	rows, err := next.grow(ctx, source, wanted, &stored)
	if err == nil && rows >= largeReading {
		// Reading so much took a while: what came meanwhile is read at once, and with it the ids of all that
		// was there are forgotten.
		stale.Reset(freshness)
		_, err = next.grow(ctx, source, wanted, &stored)
	}
	if err == nil {
		err = next.show(ctx, source, &stored)
	}
	if err != nil {
		stale.Stop()
		return err
	}
	h.reading, h.stale = next, stale
	return nil
}

// largeReading is how many rows make it worth while to read once more.
const largeReading = 10_000

func sameSegments(a, b []survey.Segment) bool { return slices.EqualFunc(a, b, survey.Segment.Equal) }

// begin begins anew, with nothing read.
func (r *reading) begin(q *survey.Questionnaire, stored *survey.Wave) error {
	wide, err := q.WithSegments(stored.Segments)
	if err != nil {
		return err
	}
	r.beginWith(wide, stored)
	return nil
}

func (r *reading) beginWith(wide *survey.Questionnaire, stored *survey.Wave) {
	*r = reading{
		wave: New(wide, stored.Audience, stored.Threshold), version: stored.Version, segments: stored.Segments, answers: newStoredReader(wide),
	}
}

// grow reads what came since the last reading, and returns how many rows the source had to say.
func (r *reading) grow(ctx context.Context, source Source, wanted waveOf, stored *survey.Wave) (int, error) {
	mark, err := source.Mark(ctx, wanted.organisation, wanted.id)
	if err != nil {
		return 0, err
	}
	if r.marked && (mark.Generation != r.mark.Generation || mark.At < r.mark.At) {
		r.beginWith(r.wave.questionnaire, stored)
	}
	grown := r.wave.grown()
	grown.threshold = max(stored.Threshold, 1)
	releases := r.releases
	var seen recentRows
	for row, err := range ahead(source.Rows(ctx, wanted.organisation, wanted.id, r.mark)) {
		if err != nil {
			return 0, err
		}
		key := keyOf(row.ID)
		seen.add(key)
		if r.recent.has(key) {
			continue
		}
		record, err := r.answers.read(row.Answers, row.Attributes)
		if err != nil {
			return 0, fmt.Errorf("response %s: %w", row.ID, err)
		}
		record.Audience, record.Respondent, record.Weight = stored.Audience, row.Person, row.Weight
		grown.Add(record)
		releases = append(releases, firstRelease(row.Release))
	}
	// What this reading returned is all that the next one can return again: what is behind this mark now was
	// behind the one before it too, and so was seen here.
	r.wave, r.mark, r.marked, r.recent, r.releases = grown, mark, true, seen, releases
	return len(seen.rows), nil
}

// recentRows remembers the rows of one reading. It is looked into only if the next reading returns something,
// which after the first, of a whole wave, is rare: so the index is made when it is asked for.
type recentRows struct {
	rows  []rowKey
	index map[rowKey]struct{}
}

// rowKey is the id of a response in half its size.
type rowKey [16]byte

func (s *recentRows) add(key rowKey) { s.rows = append(s.rows, key) }

func (s *recentRows) has(key rowKey) bool {
	if s.index == nil && len(s.rows) > 0 {
		s.index = make(map[rowKey]struct{}, len(s.rows))
		for _, k := range s.rows {
			s.index[k] = struct{}{}
		}
	}
	_, ok := s.index[key]
	return ok
}

func (s *recentRows) bytes() int64 {
	const row, entry = 16, 24 // an entry of a map of these takes about so much
	return int64(cap(s.rows))*row + int64(len(s.index))*entry
}

// keyOf packs 32 hexadecimal digits; ids of other shapes are hashed.
func keyOf(id survey.ResponseID) (key rowKey) {
	var digits [32]byte
	if copy(digits[:], id) == len(id) && len(id) == len(digits) {
		if _, err := hex.Decode(key[:], digits[:]); err == nil {
			return key
		}
	}
	hash := fnv.New128a()
	_, _ = hash.Write([]byte(id)) // a hash takes everything
	hash.Sum(key[:0])
	return key
}

// grown returns a wave that can be added to while others read this one. Both share the memory of the answers
// they have in common: additions go behind the end of what this wave sees. Of one wave only one may grow.
func (w *Wave) grown() *Wave {
	next := *w
	next.columns = make([]column, len(w.columns))
	for i, c := range w.columns {
		if c != nil {
			next.columns[i] = c.clone()
		}
	}
	return &next
}

// Bytes returns how much memory the answers take.
func (w *Wave) Bytes() int64 {
	const word = 8
	total := int64(cap(w.weights)+cap(w.respondents)) * word
	for _, c := range w.columns {
		if c != nil {
			total += c.bytes()
		}
	}
	return total
}
