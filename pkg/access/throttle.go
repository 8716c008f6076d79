package access

import (
	"crypto/sha256"
	"math"
	"net/netip"
	"sync"
	"time"
)

// rule is how much may be tried. Failures beyond the free ones cost a wait, which doubles from one to the next; a
// failure is forgotten after a while, so that in the long run there is one try in each forget.
type rule struct {
	free           int
	first, longest time.Duration
	forget         time.Duration
}

// rules are those of each kind of count.
type rules struct {
	strangers rule // tries of an account's password from browsers that are new to her
	pairs     rule // those of them from one place
	visitors  rule // tries from one place, of any account
	devices   rule // tries in a browser where she has signed in
	codes     rule // tries of an account's second factor
	asking    rule // links for other passwords that are asked for from one place
	askedFor  rule // those that are asked for an account
}

// theRules returns the rules. Of strangers, who have not signed in from their browser before, an account takes 20
// tries and then 30 an hour from the whole world; a browser in which she has signed in has a count of its own. So who
// hammers an account keeps its owner out of browsers that are new to her, at most, and there a link by mail lets
// her in.
func theRules() rules {
	return rules{
		strangers: rule{free: 20, first: 2 * time.Second, longest: 2 * time.Minute, forget: 2 * time.Minute},
		pairs:     rule{free: 5, first: time.Second, longest: 15 * time.Minute, forget: 10 * time.Minute},
		visitors:  rule{free: 60, first: time.Second, longest: 2 * time.Minute, forget: 30 * time.Second},
		devices:   rule{free: 5, first: time.Second, longest: 5 * time.Minute, forget: 5 * time.Minute},
		codes:     rule{free: 10, first: 2 * time.Second, longest: 15 * time.Minute, forget: 15 * time.Minute},
		asking:    rule{free: 10, first: 5 * time.Second, longest: 10 * time.Minute, forget: time.Minute},
		askedFor:  rule{free: 3, first: time.Minute, longest: 10 * time.Minute, forget: 10 * time.Minute},
	}
}

// maxCounted is how many counts of a kind are kept. Each takes about 100 bytes.
const maxCounted = 50_000

// gate knows how often somebody has failed lately.
type gate struct {
	mu sync.Mutex

	strangers, pairs, visitors, devices, codes, asking, askedFor *counts // as in [rules]
}

func newGate() *gate {
	of := func(r rule) *counts { return &counts{rule: r, limit: maxCounted, of: make(map[countKey]count)} }
	r := theRules()
	return &gate{
		strangers: of(r.strangers), pairs: of(r.pairs), visitors: of(r.visitors), devices: of(r.devices),
		codes: of(r.codes), asking: of(r.asking), askedFor: of(r.askedFor),
	}
}

// countKey is whose count it is: a hash, so that long names take no more memory than short ones.
type countKey [16]byte

func keyOf(parts ...string) countKey {
	hash := sha256.New()
	for _, part := range parts {
		sum := sha256.Sum256([]byte(part))
		_, _ = hash.Write(sum[:])
	}
	return countKey(hash.Sum(nil)[:16])
}

// network is what one visitor can be expected to have: an address, or of IPv6 the 64 bits before it.
func network(from string) string {
	address, err := netip.ParseAddr(from)
	if err != nil {
		return from
	}
	address = address.Unmap().WithZone("")
	if address.Is4() {
		return address.String()
	}
	prefix, err := address.Prefix(64)
	if err != nil {
		return address.String()
	}
	return prefix.String()
}

// count is how often somebody has failed, less what is forgotten, as of a moment.
type count struct {
	failures float64
	at       time.Time
	until    time.Time // nothing is tried before
}

// counts are those of one kind.
type counts struct {
	rule
	limit int
	of    map[countKey]count
}

// now returns a count with what is forgotten by now taken off.
func (c *counts) now(key countKey, now time.Time) count {
	held := c.of[key]
	if passed := now.Sub(held.at); passed > 0 {
		held.failures = max(0, held.failures-float64(passed)/float64(c.forget))
		held.at = now
	}
	return held
}

// charge counts one failure, and sets until when nothing more is tried.
func (c *counts) charge(key countKey, now time.Time) {
	held := c.now(key, now)
	held.failures++
	if beyond := int(math.Round(held.failures)) - c.free; beyond > 0 {
		held.until = now.Add(min(c.first<<min(beyond-1, 30), c.longest))
	}
	if _, ok := c.of[key]; !ok && len(c.of) >= c.limit {
		c.makeRoom(now)
	}
	c.of[key] = held
}

// refund takes one failure back.
func (c *counts) refund(key countKey, now time.Time) {
	if _, ok := c.of[key]; !ok {
		return
	}
	held := c.now(key, now)
	held.failures = max(0, held.failures-1)
	if held.failures <= float64(c.free) {
		held.until = time.Time{}
	}
	c.of[key] = held
}

// makeRoom forgets what has faded, and if nothing has, one of the smallest counts: many who fail once must not make
// one who fails often forgotten.
func (c *counts) makeRoom(now time.Time) {
	const looked = 64 // at a time: room is made often, and must not take long
	var smallest countKey
	least, seen := 0.0, 0
	for key := range c.of {
		held := c.now(key, now)
		if held.failures == 0 && !held.until.After(now) {
			delete(c.of, key)
			least = -1
		} else if least >= 0 && (seen == 0 || held.failures < least) {
			smallest, least = key, held.failures
		}
		if seen++; seen == looked {
			break
		}
	}
	if least >= 0 {
		delete(c.of, smallest)
	}
}

// try is one count that an attempt is held against.
type try struct {
	counts *counts
	key    countKey
	own    bool // whose success makes everything forgotten: nobody else adds to it
}

// attempt is something that is tried and has been counted as a failure already, so that a thousand at once do not
// all see that there was none yet.
type attempt struct {
	gate  *gate
	tries []try
}

// admit begins an attempt, or says until when none is let through.
func (g *gate) admit(now time.Time, tries ...try) (*attempt, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	var until time.Time
	for _, t := range tries {
		if held := t.counts.of[t.key]; held.until.After(now) && held.until.After(until) {
			until = held.until
		}
	}
	if !until.IsZero() {
		return nil, &SlowDownError{Until: until}
	}
	for _, t := range tries {
		t.counts.charge(t.key, now)
	}
	return &attempt{gate: g, tries: tries}, nil
}

// succeeded takes the failure back that the attempt was counted as, and what came before it where all were hers.
func (a *attempt) succeeded(now time.Time) { a.end(now, true) }

// undecided takes the failure back: nothing was found out.
func (a *attempt) undecided(now time.Time) { a.end(now, false) }

func (a *attempt) end(now time.Time, forget bool) {
	a.gate.mu.Lock()
	defer a.gate.mu.Unlock()
	for _, t := range a.tries {
		if forget && t.own {
			delete(t.counts.of, t.key)
			continue
		}
		t.counts.refund(t.key, now)
	}
}

// signingIn is an attempt with a password. device is nil in a browser that is not known.
func (g *gate) signingIn(now time.Time, address, from string, device []byte) (*attempt, error) {
	if device != nil {
		return g.admit(now, try{g.devices, keyOf("password", string(device)), true})
	}
	from = network(from)
	return g.admit(now, try{g.strangers, keyOf(address), false}, try{g.pairs, keyOf(address, from), true}, try{g.visitors, keyOf(from), false})
}

// givingCode is an attempt with a code of the second factor, by somebody who knew the password.
func (g *gate) givingCode(now time.Time, address, from string, device []byte) (*attempt, error) {
	if device != nil {
		return g.admit(now, try{g.devices, keyOf("code", string(device)), true})
	}
	return g.admit(now, try{g.codes, keyOf(address), false}, try{g.visitors, keyOf(network(from)), false})
}

// askingForReset counts who asks for links, and says until when to wait.
func (g *gate) askingForReset(now time.Time, from string) error {
	_, err := g.admit(now, try{g.asking, keyOf(network(from)), false})
	return err
}

// mayBeAskedFor reports whether an address may be sent another link, and counts that it is.
func (g *gate) mayBeAskedFor(now time.Time, address string) bool {
	_, err := g.admit(now, try{g.askedFor, keyOf(address), false})
	return err == nil
}
