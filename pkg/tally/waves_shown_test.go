package tally

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"cxmirror/pkg/survey"
)

func protectedArchive(t *testing.T) *archive {
	t.Helper()
	source := newArchive(parse(t, twoQuestions))
	source.wave.Threshold, source.wave.Mode, source.wave.State = 5, survey.Confidential, survey.WaveOpen
	source.wave.Segments = []survey.Segment{{Code: "unit", Text: survey.Words{"en": "Unit"}, Values: []survey.Option{{Code: "north"}, {Code: "south"}}}}
	source.wave.Reported = []survey.ItemCode{"unit"}
	return source
}

func baseOf(t *testing.T, w *Wave, part *Segment) int {
	t.Helper()
	view := View{Item: "picks"}
	if part != nil {
		view.Only = []Segment{*part}
	}
	table, err := w.Table(view)
	if errors.Is(err, ErrWithheld) || errors.Is(err, ErrNobody) {
		return 0
	}
	if err != nil {
		t.Fatal(err)
	}
	return table.N
}

// Two replicas read a protected wave. Whoever looks first makes the cut that is due, and both show the same: parts as
// of the cut, everybody as of the last step, and in the end all.
func TestReplicasShowTheSameOfAProtectedWave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := protectedArchive(t)
		replicas := []*Waves{NewWaves(source, 1<<20), NewWaves(source, 1<<20)}
		north, department := &Segment{Item: "unit", Option: "north"}, &Segment{Item: "department", Option: "it"}
		look := func(when string, first, everybody, inNorth, cuts int) {
			t.Helper()
			time.Sleep(freshness)
			for i := range replicas { // the one first, then the other
				w := read(t, replicas[(first+i)%2], 1)
				if got := baseOf(t, w, nil); got != everybody {
					t.Errorf("%s, replica %d: everybody is %d, want %d", when, (first+i)%2, got, everybody)
				}
				if got := baseOf(t, w, north); got != inNorth {
					t.Errorf("%s, replica %d: the north is %d, want %d", when, (first+i)%2, got, inNorth)
				}
				if got := baseOf(t, w, department); got != 0 {
					t.Errorf("%s: a background question that is not reported gives %d", when, got)
				}
			}
			if got := len(source.wave.Cuts); got != cuts {
				t.Errorf("%s: %d cuts were kept, want %d", when, got, cuts)
			}
		}
		look("empty", 0, 0, 0, 0)
		source.release(pickA, "north", 3)
		look("too few", 0, 0, 0, 0)
		source.release(pickA, "north", 5)
		source.release(pickB, "south", 7)
		look("the first cut", 1, 15, 8, 1)
		source.release(pickA, "south", 2)
		look("two more", 0, 15, 8, 1)
		source.release(pickA, "north", 6)
		look("too few of them in the south", 0, 23, 8, 1)
		source.release(pickA, "south", 3)
		look("a second cut", 0, 23, 8, 1)
		source.release(pickA, "north", 5)
		look("more", 1, 31, 19, 2)
		source.wave.Threshold = 6
		source.release(pickA, "south", 6)
		look("a threshold of six, and less than a quarter more", 1, 37, 19, 2)
		source.wave.State = survey.WaveClosed
		look("closed", 0, 37, 19, 3)
		source.wave.State = survey.WaveOpen
		source.release(pickA, "north", 6)
		look("open again, less than a quarter more", 0, 43, 19, 3)
		source.wave.State = survey.WaveClosed
		look("closed again", 1, 43, 25, 4)
		if n := len(source.wave.Cuts); n != 4 || !source.wave.Cuts[n-1].Final {
			t.Error("the last cut is not final")
		}
		// A replica that starts now sees what the others see, and so does one whose wave was read before the last cut.
		replicas[0] = NewWaves(source, 1<<20)
		look("a fresh replica", 0, 43, 25, 4)
		eraseOf := func(release int) {
			for id, c := range source.committed {
				if c.row.Release == release {
					source.erase(id)
					return
				}
			}
			t.Fatalf("nobody of release %d is left", release)
		}
		eraseOf(1)
		look("one of the first erased", 0, 42, 24, 4)
		// The last step held six. The five who are left would be told by the difference, so that they go together.
		eraseOf(source.wave.Releases)
		look("one of the last step erased", 1, 36, 18, 4)
	})
}

// What came after the wave was asked for waits for the next look: the threshold may be another.
func TestLaterReleasesThanTheWaveKnowsWait(t *testing.T) {
	source := protectedArchive(t)
	source.release(pickA, "north", 10)
	stored := source.wave
	source.release(pickA, "north", 10)
	var r reading
	if err := r.begin(source.questionnaire, &stored); err != nil {
		t.Fatal(err)
	}
	if _, err := r.grow(t.Context(), source, waveOf{survey.DefaultOrganisation, 1}, &stored); err != nil {
		t.Fatal(err)
	}
	if err := r.show(t.Context(), source, &stored); err != nil {
		t.Fatal(err)
	}
	if got := baseOf(t, r.shown, nil); got != 10 {
		t.Errorf("everybody is %d, want the 10 of the first release", got)
	}
	stored = source.wave
	if err := r.show(t.Context(), source, &stored); err != nil {
		t.Fatal(err)
	}
	if got := baseOf(t, r.shown, nil); got != 20 {
		t.Errorf("the next time everybody is %d, want 20", got)
	}
}

// Answers that were counted at once, before a wave protected anybody, are there when it does.
func TestThoseCountedAtOnceStay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := protectedArchive(t)
		source.wave.Threshold = 1
		waves := NewWaves(source, 1<<20)
		for range 12 {
			source.add(pickA)
		}
		if w := read(t, waves, 1); w.Protected() || baseOf(t, w, nil) != 12 {
			t.Errorf("unprotected: %v, base %d; want 12", w.Protected(), baseOf(t, w, nil))
		}
		source.wave.Threshold = 5
		time.Sleep(freshness)
		w := read(t, waves, 1)
		if n, ok := w.Counted("picks", nil); !w.Protected() || baseOf(t, w, nil) != 12 || n != 12 || !ok {
			t.Errorf("protected: %v, base %d, %d counted; want 12", w.Protected(), baseOf(t, w, nil), n)
		}
		if _, ok := w.Counted("picks", &Segment{Item: "unit", Option: "north"}); ok {
			t.Error("a part of nobody is shown")
		}
		source.release(pickA, "north", 6)
		time.Sleep(freshness)
		if release, n := read(t, waves, 1).CountedUntil(); release != 1 || n != 18 {
			t.Errorf("as of release %d, %d people; want 1 and 18", release, n)
		}
	})
}
