package findings

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"cxmirror/pkg/survey"
	"cxmirror/pkg/tally"
)

// people is a population that picks up to three of ten options, the first ones more often. Its order is
// known, so that places can be checked.
type people struct {
	sets       []uint64
	cumulative []float64
	shares     []float64
}

func newPeople(options int) people {
	p := people{shares: make([]float64, options)}
	weight := func(set uint64) float64 {
		w := 1.0
		for o := range options {
			if set>>o&1 == 1 {
				w *= 1.35 - 0.13*float64(o)
			}
		}
		return w
	}
	total := 0.0
	for set := range uint64(1) << options {
		n := 0
		for o := range options {
			n += int(set >> o & 1)
		}
		if n < 1 || n > 3 {
			continue
		}
		w := weight(set)
		total += w
		p.sets, p.cumulative = append(p.sets, set), append(p.cumulative, total)
		for o := range options {
			if set>>o&1 == 1 {
				p.shares[o] += w
			}
		}
	}
	for o := range p.shares {
		p.shares[o] /= total
	}
	return p
}

func (p people) draw(q *survey.Questionnaire, audience survey.Audience, n int, random *rand.Rand) *tally.Wave {
	w := tally.New(q, audience, 5, "picks")
	at, _ := q.Column("picks")
	rec := &survey.Record{Weight: 1, Values: make([]survey.Value, len(q.Columns()))}
	total := p.cumulative[len(p.cumulative)-1]
	for range n {
		u := random.Float64() * total
		low, high := 0, len(p.sets)-1
		for low < high {
			if mid := (low + high) / 2; p.cumulative[mid] > u {
				high = mid
			} else {
				low = mid + 1
			}
		}
		rec.Values[at] = survey.Value{State: survey.Answered, Bits: p.sets[low]}
		w.Add(rec)
	}
	return w
}

// Two samples of one population, 1,200 against 50, a thousand times. In at most 5 % of the draws, Monte-Carlo
// error apart, may anything be called different; the true places must lie within the rank sets in at least
// 95 %; and no sentence may say more than the data do.
func TestOnePopulationIsRarelyCalledTwo(t *testing.T) {
	const draws = 1000
	q := parse(t, tenOptions)
	p := newPeople(10)
	random := rand.New(rand.NewPCG(2018, 50))
	speaker, err := NewSpeaker()
	if err != nil {
		t.Fatal(err)
	}
	different, misplaced, unknown := 0, 0, 0
	for range draws {
		d := divergePicks(t, p.draw(q, survey.External, 1200, random), p.draw(q, survey.Internal, 50, random))
		by := verdicts(d)
		if by[Different]+by[Small] > 0 {
			different++
		}
		unknown += by[Unknown]
		if p.misplaced(&d.External) {
			misplaced++
		}
		if p.misplaced(&d.Internal) {
			misplaced++
		}
		honest(t, speaker, d)
	}
	// Three standard errors of a proportion over so many draws.
	slack := 3 * math.Sqrt(0.05*0.95/draws)
	if got := float64(different) / draws; got > 0.05+slack {
		t.Errorf("something is called different in %.1f %% of draws from one population; want at most 5 %%", 100*got)
	}
	if got := float64(misplaced) / (2 * draws); got > 0.05+slack {
		t.Errorf("a true place lies outside its rank set in %.1f %% of samples; want at most 5 %%", 100*got)
	}
	if unknown < draws*10/2 {
		t.Errorf("50 answers are said to tell in %d of %d cases; most of them cannot", draws*10-unknown, draws*10)
	}
	t.Logf("different in %d, misplaced in %d of %d samples, unknown %d of %d items", different, misplaced, 2*draws, unknown, draws*10)
}

// misplaced reports whether any option's true place is outside its rank set.
func (p people) misplaced(r *Ranking) bool {
	for _, e := range r.Entries {
		at := strings.Index("ABCDEFGHYZ", string(e.Code))
		place := 1
		for _, s := range p.shares {
			if s > p.shares[at] {
				place++
			}
		}
		if place < e.RankLow || place > e.RankHigh {
			return true
		}
	}
	return false
}

// honest fails on a sentence that claims identity, or that does not say what could have been seen.
func honest(t *testing.T, s *Speaker, d *Divergence) {
	t.Helper()
	for _, lang := range s.Languages() {
		said := s.Divergence(d, lang)
		for i := range d.Items {
			said += " " + s.Item(d, &d.Items[i], lang)
		}
		for _, claim := range []string{"identical", "identyczn", "identic", "идентичн", "[", "NaN"} {
			if strings.Contains(said, claim) {
				t.Fatalf("%s: %q in %s", lang, claim, said)
			}
		}
		for i := range d.Items {
			it := &d.Items[i]
			detectable := lang.Decimal(math.Ceil(100*it.Detectable-1e-9), 0)
			if it.Verdict == Unknown && !strings.Contains(s.Item(d, it, lang), detectable) {
				t.Fatalf("%s: %s is left open without what could have been seen, %s points: %s", lang, it.Code, detectable, s.Item(d, it, lang))
			}
		}
	}
}

// With two populations that differ, more answers find more, and never the wrong way round.
func TestADifferenceThatIsThereIsFound(t *testing.T) {
	q := parse(t, tenOptions)
	p, turned := newPeople(10), newPeople(10)
	for i, set := range turned.sets {
		// Exchange the likes of A and G: their true shares differ by some 15 points.
		a, g := set&1, set>>6&1
		turned.sets[i] = set&^0b1000001 | g | a<<6
	}
	random := rand.New(rand.NewPCG(7, 7))
	found := map[int]int{}
	for _, n := range []int{50, 1200} {
		for range 50 {
			d := divergePicks(t, p.draw(q, survey.External, 1200, random), turned.draw(q, survey.Internal, n, random))
			for _, it := range d.Items {
				switch {
				case it.Verdict != Different:
				case it.Code == "A" && it.Difference < 0, it.Code == "G" && it.Difference > 0:
					found[n]++
				case n == 1200 && (it.Code == "A" || it.Code == "G"):
					t.Errorf("%s is found the wrong way round: %+v", it.Code, it)
				}
			}
		}
	}
	if found[1200] != 100 || found[50] >= found[1200] {
		t.Errorf("found %s; want all 100 with 1,200 answers inside, fewer with 50", fmt.Sprint(found))
	}
}
