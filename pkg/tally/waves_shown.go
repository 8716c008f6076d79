package tally

import (
	"context"
	"errors"
	"slices"

	"cxmirror/pkg/survey"
)

// show makes ready what may be seen of a wave, and the cut that is due of one that protects people. The wave was
// asked for before its rows were, so that every release its cuts count has been read.
func (r *reading) show(ctx context.Context, source Source, stored *survey.Wave) error {
	if !stored.Protects() {
		r.shown = r.wave
		return nil
	}
	ended, err := source.Ended(ctx, stored)
	if err != nil {
		return err
	}
	p := protectionOf(stored, r.wave.questionnaire)
	if r.upToDate(&p, stored) {
		if ended == r.ended {
			return nil
		}
	} else if err := r.protect(p, stored); err != nil {
		return err
	}
	r.ended = ended
	cut, due := r.shown.NextCut(ended)
	if !due {
		return nil
	}
	kept := cut.kept()
	switch err := source.AddCut(ctx, stored, kept); {
	case errors.Is(err, survey.ErrConflict): // another replica was faster: what it kept is read the next time
		r.ended = false
		return nil
	case err != nil:
		return err
	}
	stored.Cuts = append(slices.Clip(stored.Cuts), kept)
	return r.protect(protectionOf(stored, r.wave.questionnaire), stored)
}

// upToDate reports whether what may be seen was made from all that is known now.
func (r *reading) upToDate(p *Protection, stored *survey.Wave) bool {
	if r.shown == nil || r.shown.protection == nil {
		return false
	}
	made := &r.shown.protection.Protection
	return r.shown.n == r.wave.n && r.seen == stored.Releases && slices.Equal(made.Segments, p.Segments) &&
		slices.Equal(made.Thresholds, p.Thresholds) && slices.EqualFunc(made.Cuts, p.Cuts, Cut.equal)
}

func (r *reading) protect(p Protection, stored *survey.Wave) error {
	releases, newest := r.releases, firstRelease(stored.Releases)
	if slices.ContainsFunc(releases, func(release int32) bool { return release > newest }) {
		// These began to count after the wave was asked for, perhaps under another threshold: they wait for the next time.
		releases = slices.Clone(releases)
		for i, release := range releases {
			if release > newest {
				releases[i] = 0
			}
		}
	}
	shown, err := r.wave.Protect(slices.Clip(releases), p, r.shown)
	if err != nil {
		return err
	}
	r.shown, r.seen = shown, stored.Releases
	return nil
}

// firstRelease is the number that a release has here: those that a source counts from 1 on come after the people who
// were counted at once, before the wave protected anybody.
func firstRelease(stored int) int32 {
	return int32(stored) + 1 //nolint:gosec // each release is of several people
}

// protectionOf returns what was promised for a wave and what has been shown of it.
func protectionOf(stored *survey.Wave, q *survey.Questionnaire) Protection {
	var p Protection
	for _, it := range stored.SplitBy(q) {
		if len(p.Segments) < maxSegments {
			p.Segments = append(p.Segments, it.Code)
		}
	}
	p.Thresholds = []Threshold{{0, stored.Threshold}}
	if len(stored.Held) > 0 {
		p.Thresholds[0].People = stored.Held[0].Threshold
	}
	raise := func(release int32, people int) {
		if people > p.Thresholds[len(p.Thresholds)-1].People {
			p.Thresholds = append(p.Thresholds, Threshold{int(release), people})
		}
	}
	for _, h := range stored.Held {
		raise(firstRelease(h.Release), h.Threshold)
	}
	raise(firstRelease(stored.Releases+1), stored.Threshold)
	for _, c := range stored.Cuts {
		cut := Cut{Release: int(firstRelease(c.Release)), Shown: []Segment{}, Final: c.Final}
		for _, part := range c.Shown {
			it, ok := q.Item(part.Item)
			if !ok {
				continue // a draft got another questionnaire
			}
			if _, ok := it.Option(part.Option); !ok {
				continue
			}
			// What is not reported any more was shown all the same.
			if !slices.Contains(p.Segments, part.Item) && len(p.Segments) < maxSegments {
				p.Segments = append(p.Segments, part.Item)
			}
			if slices.Contains(p.Segments, part.Item) {
				cut.Shown = append(cut.Shown, Segment{Item: part.Item, Option: part.Option})
			}
		}
		p.Cuts = append(p.Cuts, cut)
	}
	return p
}

// kept returns a cut as a source keeps it.
func (c *Cut) kept() survey.Cut {
	kept := survey.Cut{Release: c.Release - 1, Final: c.Final}
	for _, s := range c.Shown {
		kept.Shown = append(kept.Shown, survey.Part{Item: s.Item, Option: s.Option})
	}
	return kept
}

// Protected reports whether the wave protects people: whether [Wave.Protect] made it.
func (w *Wave) Protected() bool { return w.protection != nil }

// Counted returns how many people are counted as of the moment up to which an item is shown, whether they answered it
// or not; of everybody, also for a part. part nil is everybody. It reports false if it is withheld.
func (w *Wave) Counted(item survey.ItemCode, part *Segment) (people int, ok bool) {
	if w.protection == nil {
		return w.n, true
	}
	release, ok := w.Shown(item, part)
	if !ok {
		return 0, false
	}
	return w.until(release), true
}

// CountedUntil returns as of which release, as its source numbers them, everybody together was counted last, and how
// many people that is; 0 and 0 if nobody was. Of a wave that is not protected that is everybody, as of release 0.
func (w *Wave) CountedUntil() (release, people int) {
	if w.protection == nil {
		return 0, w.n
	}
	steps := w.protection.everyone.steps
	if len(steps) == 0 {
		return 0, 0
	}
	last := int(steps[len(steps)-1].last)
	return last - 1, w.until(last)
}

// Counts reports whether people of a release, as the source numbers it, are counted in what everybody together is shown
// to answer to an item; item "" is whether they are counted at all.
func (w *Wave) Counts(item survey.ItemCode, release int) bool {
	g := w.protection
	if g == nil {
		return true
	}
	steps := g.everyone.steps
	if item != "" {
		r, err := w.released(item)
		if err != nil {
			return false
		}
		steps = r.steps
	}
	return len(steps) > 0 && firstRelease(release) <= steps[len(steps)-1].last
}

// until counts the people of the first releases.
func (w *Wave) until(release int) int {
	n := 0
	for _, r := range w.protection.release {
		if 0 < r && int(r) <= release {
			n++
		}
	}
	return n
}
