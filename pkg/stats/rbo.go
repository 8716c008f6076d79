package stats

import (
	"fmt"
	"math"
	"slices"
)

// TieRule says what tied items mean to rank-biased overlap.
type TieRule int

// The rules of Corsi & Urbano (2024). Without ties all three agree.
const (
	// TiesAveraged is variant a: the true order is unknown; the mean over all orders of the tied items.
	TiesAveraged TieRule = iota
	// TiesCorrelated is variant b: as a, corrected for the information that ties take away, so that a
	// ranking with ties agrees with itself perfectly.
	TiesCorrelated
	// TiesShared is variant w: tied items truly hold the same place, as in sport (Webber et al. 2010).
	TiesShared
)

// Overlap is rank-biased overlap, in [0, 1], of two rankings that may be the beginnings of longer ones.
type Overlap struct {
	Extrapolated float64 // with the agreement seen continuing below the end; the one to report
	Low          float64 // if nothing below the end agreed
	High         float64 // if everything below the end agreed
}

// Residual is High - Low: what the part below the end could still change.
func (o Overlap) Residual() float64 { return o.High - o.Low }

// RBO returns extrapolated rank-biased overlap of two rankings of the same items, in [0, 1], ties averaged:
// agreement in which the first places weigh most. a[i] and b[i] are the ranks of item i, equal ranks are
// ties; p in (0, 1) is the persistence: 0.7 puts 84 % of the weight on the first three places
// ([RBOTopWeight]).
//
// On two rankings of the same few items it never comes near 0. Always print [RBOChance] beside it.
// Source: Webber, Moffat & Zobel (2010), ACM TOIS 28(4):20; Corsi & Urbano (2024), SIGIR, variant a.
func RBO(a, b []int, p float64) (float64, error) {
	if err := checkRanks("RBO", a, b); err != nil {
		return 0, err
	}
	if len(a) == 0 {
		return 0, fmt.Errorf("rank-biased overlap of empty lists: %w", ErrUndefined)
	}
	if err := checkPersistence("RBO", p); err != nil {
		return 0, err
	}
	overlap, err := RBOTies(groupsOf(a), groupsOf(b), p, TiesAveraged)
	return overlap.Extrapolated, err
}

// groupsOf turns the ranks of items 0, 1, ... into groups of tied items, best first.
func groupsOf(ranks []int) [][]int {
	byRank := map[int][]int{}
	for item, rank := range ranks {
		byRank[rank] = append(byRank[rank], item)
	}
	levels := make([]int, 0, len(byRank))
	for rank := range byRank {
		levels = append(levels, rank)
	}
	slices.Sort(levels)
	groups := make([][]int, len(levels))
	for i, rank := range levels {
		groups[i] = byRank[rank]
	}
	return groups
}

// RBOTies returns rank-biased overlap of any two rankings, of different items and lengths, with ties. A
// ranking is a list of groups, best first; the items of a group are tied. It is an error if a ranking is
// empty, has an empty group or names an item twice, or if p is outside (0, 1).
// Source: Corsi & Urbano (2024), "The treatment of ties in rank-biased overlap", SIGIR.
func RBOTies[T comparable](x, y [][]T, p float64, ties TieRule) (Overlap, error) {
	const function = "RBOTies"
	if err := checkPersistence(function, p); err != nil {
		return Overlap{}, err
	}
	first, err := flatten(x, "x")
	if err != nil {
		return Overlap{}, err
	}
	second, err := flatten(y, "y")
	if err != nil {
		return Overlap{}, err
	}
	if len(first) > len(second) {
		first, second = second, first
	}
	switch ties {
	case TiesAveraged, TiesCorrelated, TiesShared:
		return rankBiasedOverlap(first, second, p, ties), nil
	default:
		return Overlap{}, &ArgumentError{function, "ties", float64(ties), "one of the tie rules"}
	}
}

func checkPersistence(function string, p float64) error {
	if !(p > 0 && p < 1) {
		return &ArgumentError{function, "p", p, "a persistence in (0, 1), e.g. 0.7"}
	}
	return nil
}

// placed is an item with the first and the last place that its group of ties covers.
type placed[T comparable] struct {
	item      T
	top, last int
}

func flatten[T comparable](groups [][]T, name string) ([]placed[T], error) {
	var flat []placed[T]
	seen := map[T]bool{}
	for i, group := range groups {
		if len(group) == 0 {
			return nil, &ArgumentError{"RBOTies", "length of " + indexed(name, i), 0, "at least 1"}
		}
		top := len(flat) + 1
		for _, item := range group {
			if seen[item] {
				return nil, &ArgumentError{"RBOTies", indexed(name, i), float64(i), fmt.Sprintf("each item once; %v is there twice", item)}
			}
			seen[item] = true
			flat = append(flat, placed[T]{item, top, top + len(group) - 1})
		}
	}
	if len(flat) == 0 {
		return nil, &ArgumentError{"RBOTies", "length of " + name, 0, "at least 1"}
	}
	return flat, nil
}

// contribution is how much of the item is among the first depth places: all of it from its last place on;
// within its ties either all of it, or the share of their orders that have it there.
func (i placed[T]) contribution(depth int, ties TieRule) float64 {
	switch {
	case depth < i.top:
		return 0
	case depth >= i.last || ties == TiesShared:
		return 1
	default:
		return float64(depth-i.top+1) / float64(i.last-i.top+1)
	}
}

// rankBiasedOverlap is (1-p)/p Σ A(d) p^d, where A(d) is the agreement of the first d places: seen in both
// rankings down to the end of the shorter, in one of them down to the end of the longer, and in none below.
func rankBiasedOverlap[T comparable](short, long []placed[T], p float64, ties TieRule) Overlap {
	s, l := len(short), len(long)
	inShort := make(map[T]placed[T], s)
	for _, item := range short {
		inShort[item.item] = item
	}
	var missing []placed[T] // of the longer ranking, not in the shorter
	for _, item := range long {
		if _, ok := inShort[item.item]; !ok {
			missing = append(missing, item)
		}
	}

	var extrapolated, low, high float64 // sums of A(d) p^d
	var overlap, atShortEnd float64     // X(d), and A(s)
	weight := 1.0                       // p^d
	harmonic := 0.0                     // Σ p^d / d, for the lower bound
	for d := 1; d <= l; d++ {
		weight *= p
		harmonic += weight / float64(d)
		overlap = 0
		var sizeShort, sizeLong float64 // in the norm that the tie rule divides by
		for _, item := range long {
			inLong := item.contribution(d, ties)
			if inLong == 0 {
				break // items come in the order of their places
			}
			sizeLong += power(inLong, ties)
			if other, ok := inShort[item.item]; ok {
				overlap += inLong * other.contribution(d, ties)
			}
		}
		if d <= s {
			for _, item := range short {
				sizeShort += power(item.contribution(d, ties), ties)
			}
			agreement := ties.agreement(overlap, d, sizeShort, sizeLong)
			atShortEnd = agreement
			extrapolated += agreement * weight
			low += agreement * weight
			high += agreement * weight
			continue
		}
		// The shorter ranking has ended: d-s of its items are unseen, and any of the missing may be there.
		var best, sum, active float64
		for rank, item := range missing {
			c := item.contribution(d, ties)
			if rank < d-s {
				best += c
			}
			if c > 0 {
				sum += c
				active++
			}
		}
		unseen := float64(d-s) * atShortEnd * sum / active
		full := float64(d)
		extrapolated += ties.agreement(overlap+unseen, d, full, sizeLong) * weight
		low += ties.agreement(overlap, d, full, sizeLong) * weight
		high += ties.agreement(overlap+best, d, full, sizeLong) * weight
	}

	// Below the end of both: overlap is now the number of items seen in both.
	end := weight * p / (1 - p) // Σ p^d for d > l
	extrapolated += (overlap + float64(l-s)*atShortEnd) / float64(l) * end
	low += overlap * (-math.Log1p(-p) - harmonic)
	all := l + s - int(math.Round(overlap)) // the depth at which both could have all items of either
	for d := l + 1; d <= all; d++ {
		weight *= p
		high += (float64(2*d-l-s) + overlap) / float64(d) * weight
	}
	high += weight * p / (1 - p)

	scale := (1 - p) / p
	return Overlap{scale * extrapolated, scale * low, scale * high}
}

// power is an item's part in the size of a list under the tie rule.
func power(contribution float64, ties TieRule) float64 {
	if ties == TiesCorrelated {
		return contribution * contribution
	}
	return contribution
}

// agreement is the overlap of two lists of depth d as a share of their size.
func (r TieRule) agreement(overlap float64, d int, sizeShort, sizeLong float64) float64 {
	switch r {
	case TiesShared:
		return 2 * overlap / (sizeShort + sizeLong)
	case TiesCorrelated:
		return overlap / math.Sqrt(sizeShort*sizeLong)
	case TiesAveraged:
	}
	return overlap / float64(d)
}

// RBOChance returns the expected [RBO] of two unrelated random orders of the same number of items: .32 for
// ten items at p = .7, .65 at p = .9. At least one item, p in (0, 1).
// Source: E|A∩B| at depth d is d²/K, in the definition of extrapolated RBO.
func RBOChance(items int, p float64) (float64, error) {
	if items < 1 {
		return 0, &ArgumentError{"RBOChance", "items", float64(items), "at least 1"}
	}
	if err := checkPersistence("RBOChance", p); err != nil {
		return 0, err
	}
	sum, weight := 0.0, 1.0
	for d := 1; d <= items; d++ {
		weight *= p
		sum += float64(d) / float64(items) * weight
	}
	return weight + (1-p)/p*sum, nil
}

// RBOTopWeight returns the share of the weight of [RBO] that lies on the first depth places.
// Source: Webber, Moffat & Zobel (2010), ACM TOIS 28(4):20, equation 21.
func RBOTopWeight(p float64, depth int) (float64, error) {
	if err := checkPersistence("RBOTopWeight", p); err != nil {
		return 0, err
	}
	if depth < 1 {
		return 0, &ArgumentError{"RBOTopWeight", "depth", float64(depth), "at least 1"}
	}
	sum, weight := 0.0, 1.0
	for i := 1; i < depth; i++ {
		weight *= p
		sum += weight / float64(i)
	}
	return 1 - weight + (1-p)/p*float64(depth)*(-math.Log1p(-p)-sum), nil
}
