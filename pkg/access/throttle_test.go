package access

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// waits tries until it is told to wait, and returns how often it was let through before and how long to wait.
func waits(t *testing.T, most int, try func() error) (through int, wait time.Duration) {
	t.Helper()
	for ; through < most; through++ {
		err := try()
		if slow, ok := errors.AsType[*SlowDownError](err); ok {
			return through, time.Until(slow.Until)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return through, 0
}

func TestTriesFromOnePlaceWaitLongerAndLonger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		fail := func() error {
			_, err := g.signingIn(time.Now(), "ann@example.org", "192.0.2.1", nil)
			return err
		}
		var got []time.Duration
		for range 6 {
			through, wait := waits(t, 100, fail)
			if len(got) == 0 && through != theRules().pairs.free+1 {
				t.Errorf("let %d through before the first wait, want %d", through, theRules().pairs.free+1)
			}
			got = append(got, wait)
			time.Sleep(wait)
		}
		for i, wait := range got {
			if want := theRules().pairs.first << i; wait != want {
				t.Errorf("wait %d is %v, want %v", i+1, wait, want)
			}
		}
		time.Sleep(24 * time.Hour)
		if through, _ := waits(t, 100, fail); through != theRules().pairs.free+1 {
			t.Errorf("a day later %d are let through, want %d: failures are to be forgotten", through, theRules().pairs.free+1)
		}
	})
}

// TestGuessersSlowDownAndTheOwnerDoesNot has an account hammered for a day from ever other places, while its owner
// signs in from a browser she has used before.
func TestGuessersSlowDownAndTheOwnerDoesNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		device := []byte("her own browser.")
		guesses, refused := 0, 0
		for second := range 24 * 60 * 60 {
			from := netip.AddrFrom4([4]byte{10, byte(second >> 16), byte(second >> 8), byte(second)}).String()
			if _, err := g.signingIn(time.Now(), "ann@example.org", from, nil); err == nil {
				guesses++
			}
			if second%3600 == 0 {
				attempt, err := g.signingIn(time.Now(), "ann@example.org", "192.0.2.1", device)
				if err != nil {
					refused++
				} else {
					attempt.succeeded(time.Now())
				}
			}
			time.Sleep(time.Second)
		}
		if refused > 0 {
			t.Errorf("the owner was refused %d times of 24", refused)
		}
		// What is free, some more while the waits grow, and then one in each forget; much less would be a wait that
		// never ends.
		most := theRules().strangers.free + 10 + int(24*time.Hour/theRules().strangers.forget)
		if guesses > most || guesses < most/2 {
			t.Errorf("%d guesses were let through in a day, want %d to %d", guesses, most/2, most)
		}
	})
}

func TestSuccessForgetsOnlyOnesOwnFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		// Somebody with an account of her own signs in between her guesses of other accounts.
		through, wait := waits(t, 1000, func() error {
			attempt, err := g.signingIn(time.Now(), "mallory@example.org", "192.0.2.9", nil)
			if err != nil {
				return err
			}
			attempt.succeeded(time.Now())
			_, err = g.signingIn(time.Now(), fmt.Sprintf("victim%d@example.org", rand.Int64()), "192.0.2.9", nil)
			return err
		})
		if through != theRules().visitors.free+1 || wait == 0 {
			t.Errorf("%d guesses from one place, and then a wait of %v; want %d and a wait", through, wait, theRules().visitors.free+1)
		}
	})
}

func TestParallelTriesAreCountedBeforeTheyEnd(t *testing.T) {
	g := newGate()
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	var mu sync.Mutex
	through := 0
	var all sync.WaitGroup
	for range 200 {
		all.Go(func() {
			if _, err := g.signingIn(now, "ann@example.org", "192.0.2.1", nil); err == nil {
				mu.Lock()
				through++
				mu.Unlock()
			}
		})
	}
	all.Wait()
	if through != theRules().pairs.free+1 {
		t.Errorf("%d of 200 tries at once were let through, want %d", through, theRules().pairs.free+1)
	}
}

func TestUndecidedTriesDoNotCount(t *testing.T) {
	g := newGate()
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	for range 200 {
		attempt, err := g.signingIn(now, "ann@example.org", "192.0.2.1", nil)
		if err != nil {
			t.Fatal(err)
		}
		attempt.undecided(now)
	}
}

func TestManyCountsLeaveTheLargeOnes(t *testing.T) {
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	c := &counts{rule: theRules().strangers, limit: 1000, of: make(map[countKey]count)}
	hammered := keyOf("ann@example.org")
	for range 100 {
		c.charge(hammered, now)
	}
	for i := range 20_000 {
		c.charge(keyOf(fmt.Sprint("nobody", i)), now)
	}
	if len(c.of) > c.limit {
		t.Errorf("%d counts are kept, want at most %d", len(c.of), c.limit)
	}
	if got := c.of[hammered].failures; got != 100 {
		t.Errorf("the hammered account has %v failures after a flood of others, want 100", got)
	}
	later := now.Add(365 * 24 * time.Hour)
	for i := range 20_000 {
		c.charge(keyOf(fmt.Sprint("somebody", i)), later)
	}
	if _, ok := c.of[hammered]; ok {
		t.Error("what was forgotten a year ago is still kept")
	}
}

func TestNetwork(t *testing.T) {
	tests := []struct{ from, want string }{
		{"192.0.2.1", "192.0.2.1"},
		{"::ffff:192.0.2.1", "192.0.2.1"},
		{"2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"},
		{"2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"},
		{"fe80::1%eth0", "fe80::/64"},
		{"", ""},
		{"somewhere", "somewhere"},
	}
	for _, tt := range tests {
		if got := network(tt.from); got != tt.want {
			t.Errorf("network(%q) = %q, want %q", tt.from, got, tt.want)
		}
	}
}
