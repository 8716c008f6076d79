package fieldwork

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
)

// A profile is what can be seen of a person beside her answers: a value for each segment, the most important
// first. "" is not known. The people of one profile are a class.
type profile []string

func (p profile) key() string { return strings.Join(p, "\x00") }

// keep returns the profile with only those values whose bit is set; bit 0 is the last segment.
func (p profile) keep(bits uint) profile {
	kept := make(profile, len(p))
	for i := range p {
		if bits&(1<<(len(p)-1-i)) != 0 {
			kept[i] = p[i]
		}
	}
	return kept
}

// wholly is how many segments can be given up one without the other. With more of them, the least important
// beyond these are given up together: every subset is looked at, and of 8 there are 256.
const wholly = 8

// subsets yields which segments of n to keep, as bits for keep, from all of them to none: the less important are
// given up before the more important.
func subsets(n int) []uint {
	first := min(n, wholly)
	var all []uint
	if n > first {
		all = append(all, 1<<n-1)
	}
	for kept := 1<<first - 1; kept >= 0; kept-- {
		all = append(all, uint(kept)<<(n-first))
	}
	return all
}

// coarsen returns what may be seen of people so that each shares it with at least k-1 others: of those who are
// too few to be seen as what they are, segments are given up, the least important first, until they are k
// together or join a class that is. If in the end fewer than k are left of whom nothing could be seen, others
// join them, drawn at random. Nothing may be seen of fewer than k people: that is nil.
//
// Which class somebody comes to follows from the profiles alone, so that whoever knows all profiles still finds
// at least k people behind what is seen. The draw of those who join decides among people of one profile.
func coarsen(people []profile, k int, random *rand.Rand) []profile {
	if len(people) < k || len(people) == 0 {
		return nil
	}
	visible := make([]profile, len(people))
	members := make(map[string][]int) // by what is seen
	open := make([]int, len(people))
	for i := range open {
		open[i] = i
	}
	for _, bits := range subsets(len(people[0])) {
		if len(open) == 0 {
			break
		}
		groups := make(map[string][]int)
		for _, i := range open {
			key := people[i].keep(bits).key()
			groups[key] = append(groups[key], i)
		}
		open = open[:0]
		for _, key := range slices.Sorted(maps.Keys(groups)) {
			group := groups[key]
			if len(group)+len(members[key]) < k {
				open = append(open, group...)
				continue
			}
			members[key] = append(members[key], group...)
			for _, i := range group {
				visible[i] = people[i].keep(bits)
			}
		}
	}
	if len(open) > 0 {
		nothing := make(profile, len(people[0]))
		for _, i := range slices.Concat(open, joining(members, k, k-len(open), random)) {
			visible[i] = nothing
		}
	}
	return visible
}

// joining returns at least missing people who give up being seen as what they are: of the largest class as many
// as are missing, if k remain there, or else all of the smallest.
func joining(members map[string][]int, k, missing int, random *rand.Rand) []int {
	keys := slices.SortedFunc(maps.Keys(members), func(a, b string) int {
		return cmp.Or(cmp.Compare(len(members[a]), len(members[b])), cmp.Compare(a, b))
	})
	smallest, largest := members[keys[0]], members[keys[len(keys)-1]]
	if len(largest) >= k+missing {
		return draw(largest, missing, random)
	}
	return smallest
}

// step returns the positions of the people whose answers are published while a wave goes on, in random order: of
// every class that has at least 2k waiting, all but k drawn at random. So at least k come at once, nobody knows
// which of the class they are, and the last step of the class, when the wave is closed, will not be smaller.
func step(people []profile, k int, random *rand.Rand) []int {
	classes := make(map[string][]int)
	for i, p := range people {
		classes[p.key()] = append(classes[p.key()], i)
	}
	var published []int
	for _, key := range slices.Sorted(maps.Keys(classes)) {
		class := classes[key]
		published = append(published, draw(class, stepSize(len(class), k, false), random)...)
	}
	shuffle(published, random)
	return published
}

// stepSize returns how many of so many waiting answers are added to the results. No step is smaller than k.
func stepSize(waiting, k int, closing bool) int {
	switch {
	case closing && waiting >= k:
		return waiting
	case !closing && waiting >= 2*k:
		return waiting - k
	}
	return 0
}

// draw returns n of the given in random order.
func draw[T any](from []T, n int, random *rand.Rand) []T {
	drawn := slices.Clone(from)
	shuffle(drawn, random)
	return drawn[:n]
}

func shuffle[T any](s []T, random *rand.Rand) {
	random.Shuffle(len(s), func(i, j int) { s[i], s[j] = s[j], s[i] })
}

// newRandom returns randomness to draw and shuffle by, which nobody can foretell who does not know the bytes
// that are read from the source.
func newRandom(source io.Reader) (*rand.Rand, error) {
	var seed [32]byte
	if _, err := io.ReadFull(source, seed[:]); err != nil {
		return nil, fmt.Errorf("random bytes: %w", err)
	}
	return rand.New(rand.NewChaCha8(seed)), nil //nolint:gosec // a cipher, and its key is 32 random bytes
}

// seeded returns the same randomness for the same number.
func seeded(seed uint64) *rand.Rand {
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	return rand.New(rand.NewChaCha8(key)) //nolint:gosec // it is meant to come out the same again
}
