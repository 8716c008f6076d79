package tally

import (
	"errors"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"
)

// attacker solves for what published figures tell, person by person and in fractions of any size: she shares no
// code with the audit. Every figure is the set of people in it.
type attacker struct {
	people  int
	unknown [][]int64 // a basis of what the figures leave open: vectors that change no figure, in whole numbers
}

func newAttacker(people int, figures [][]bool) *attacker {
	var rows [][]*big.Rat
	var leads []int
	for _, f := range figures {
		row := make([]*big.Rat, people)
		for i := range row {
			row[i] = new(big.Rat)
			if f[i] {
				row[i].SetInt64(1)
			}
		}
		for r, lead := range leads {
			subtract(row, rows[r], row[lead])
		}
		lead := slices.IndexFunc(row, func(x *big.Rat) bool { return x.Sign() != 0 })
		if lead < 0 {
			continue
		}
		inverse := new(big.Rat).Inv(row[lead])
		for i := range row {
			row[i].Mul(row[i], inverse)
		}
		for _, other := range rows {
			subtract(other, row, other[lead])
		}
		rows, leads = append(rows, row), append(leads, lead)
	}
	a := &attacker{people: people}
	for i := range people {
		if slices.Contains(leads, i) {
			continue
		}
		denominator := big.NewInt(1)
		for _, row := range rows {
			d := row[i].Denom()
			g := new(big.Int).GCD(nil, nil, denominator, d)
			denominator.Mul(denominator, new(big.Int).Div(d, g))
		}
		open := make([]int64, people)
		open[i] = denominator.Int64()
		for r, lead := range leads {
			n := new(big.Int).Mul(rows[r][i].Num(), new(big.Int).Div(denominator, rows[r][i].Denom()))
			open[lead] = -n.Int64()
		}
		a.unknown = append(a.unknown, open)
	}
	return a
}

func subtract(row, other []*big.Rat, times *big.Rat) {
	if times.Sign() == 0 {
		return
	}
	n := new(big.Rat).Set(times)
	for i := range row {
		row[i].Sub(row[i], new(big.Rat).Mul(n, other[i]))
	}
}

// knows reports whether she knows the sum of a group: whether nothing left open changes it.
func (a *attacker) knows(group []int) bool {
	return !slices.ContainsFunc(a.unknown, func(open []int64) bool {
		var sum int64
		for _, i := range group {
			sum += open[i]
		}
		return sum != 0
	})
}

// smallGroup tries every group of 1 to k-1 people, and returns one whose sum she knows and somebody else, if there is
// one, does not.
func (a *attacker) smallGroup(k int, but *attacker) []int {
	sums := make([]int64, len(a.unknown))
	var group []int
	var try func(from int) bool
	try = func(from int) bool {
		if len(group) > 0 && !slices.ContainsFunc(sums, func(n int64) bool { return n != 0 }) && (but == nil || !but.knows(group)) {
			return true
		}
		if len(group) == k-1 {
			return false
		}
		for i := from; i < a.people; i++ {
			group = append(group, i)
			for u, open := range a.unknown {
				sums[u] += open[i]
			}
			if try(i + 1) {
				return true
			}
			group = group[:len(group)-1]
			for u, open := range a.unknown {
				sums[u] -= open[i]
			}
		}
		return false
	}
	if try(0) {
		return group
	}
	return nil
}

// The search finds a small group exactly where trying every group of people finds one.
func TestAuditAgainstEveryGroup(t *testing.T) {
	rng := rand.New(rand.NewPCG(1976, 9))
	never := func(*disclosure) (bool, error) { return false, nil }
	disclosures, safe := 0, 0
	for trial := range 1200 {
		k, parts, steps := 2+rng.IntN(4), 1+rng.IntN(7), 1+rng.IntN(3)
		var atoms []auditAtom
		var persons []int
		for step := range steps {
			people := int32(0)
			for range 1 + rng.IntN(6) {
				a := auditAtom{id: int32(len(atoms)), step: int32(step), people: int32(1 + rng.IntN(5))}
				for p := range parts {
					if rng.IntN(3) == 0 {
						a.parts = append(a.parts, int32(p))
					}
				}
				people += a.people
				atoms = append(atoms, a)
			}
			atoms[len(atoms)-1].people += max(0, int32(k)-people)
		}
		atoms = merged(atoms)
		for i, a := range atoms {
			atoms[i].id = int32(i)
			persons = append(persons, slices.Repeat([]int{i}, int(a.people))...)
		}
		var figures [][]bool
		figure := func(in func(a *auditAtom) bool) {
			f := make([]bool, len(persons))
			for i, a := range persons {
				f[i] = in(&atoms[a])
			}
			figures = append(figures, f)
		}
		for step := range steps {
			figure(func(a *auditAtom) bool { return a.step == int32(step) })
		}
		for p := range parts {
			figure(func(a *auditAtom) bool { return slices.Contains(a.parts, int32(p)) })
		}
		want := newAttacker(len(persons), figures).smallGroup(k, nil)
		a, err := newAudit(slices.Clone(atoms), parts, auditWork)
		if err != nil {
			t.Fatal(err)
		}
		got, err := a.disclosed(k, never)
		if err != nil {
			t.Fatal(err)
		}
		if (got == nil) != (want == nil) {
			t.Fatalf("trial %d, k %d: the audit finds %+v, trying every group finds %v of %+v", trial, k, got, want, atoms)
		}
		if got == nil {
			safe++
			continue
		}
		disclosures++
		group := map[int32]bool{}
		for _, id := range got.atoms {
			group[id] = true
		}
		if !a.computes(group) {
			t.Fatalf("trial %d: the group found cannot be computed", trial)
		}
		for range 5 {
			id := int32(rng.IntN(len(atoms)))
			group[id] = !group[id]
			if known := a.computes(group); known != knows(persons, figures, group) {
				t.Fatalf("trial %d: group %v can be computed: %v", trial, group, known)
			}
		}
	}
	t.Logf("%d sets of figures disclose a small group, %d do not", disclosures, safe)
	if disclosures < 200 || safe < 200 {
		t.Errorf("%d disclosures, %d safe: the trials do not try the audit", disclosures, safe)
	}
}

// knows asks the attacker about one group of atoms.
func knows(persons []int, figures [][]bool, atoms map[int32]bool) bool {
	var group []int
	for i, a := range persons {
		if atoms[int32(a)] {
			group = append(group, i)
		}
	}
	return newAttacker(len(persons), figures).knows(group)
}

// merged joins atoms that are alike, as a planner does.
func merged(atoms []auditAtom) []auditAtom {
	var out []auditAtom
	for _, a := range atoms {
		at := slices.IndexFunc(out, func(o auditAtom) bool { return o.step == a.step && slices.Equal(o.parts, a.parts) })
		if at < 0 {
			out = append(out, a)
			continue
		}
		out[at].people += a.people
	}
	return out
}

func TestAuditGivesUpRatherThanGuess(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	var atoms []auditAtom
	for i := range 300 {
		atoms = append(atoms, auditAtom{id: int32(i), people: 1, parts: []int32{int32(rng.IntN(10)), int32(10 + rng.IntN(10)), int32(20 + rng.IntN(10))}})
	}
	a, err := newAudit(atoms, 30, 3000)
	if err == nil {
		_, err = a.disclosed(5, func(*disclosure) (bool, error) { return false, nil })
	}
	if !errors.Is(err, errTooHard) {
		t.Errorf("an audit with hardly any work allowed: %v, want errTooHard", err)
	}
}

func TestAuditPrimes(t *testing.T) {
	for _, p := range auditPrimes() {
		if p >= 1<<63 || !new(big.Int).SetUint64(p).ProbablyPrime(0) { // exact below 2^64
			t.Errorf("%d is no prime below 2^63", p)
		}
		f := field{p}
		for _, n := range []uint64{1, 2, 12345, p - 1} {
			if got := f.product(n, f.inverse(n)); got != 1 {
				t.Errorf("%d times its inverse modulo %d is %d", n, p, got)
			}
		}
	}
}
