package web

import (
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"cxmirror/pkg/access"
	"cxmirror/pkg/store"
	"cxmirror/pkg/store/storetest"
	"cxmirror/pkg/survey"
)

// begun is when the tests of refusals begin.
var begun = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

func passwordOf(address string, host byte) refusal {
	return refusal{address, netip.AddrFrom4([4]byte{203, 0, 113, host}), "user.refused", byPassword}
}

func linesOf(told []toldRefusal) string {
	lines := make([]string, len(told))
	for i, line := range told {
		lines[i] = fmt.Sprintf("%s.%d %s %d since %s", line.address, line.network.As4()[3], line.by, line.count, line.since.Sub(begun))
	}
	return strings.Join(lines, "; ")
}

func TestRefusalsAreMerged(t *testing.T) {
	r, now := newRefusals(), begun
	var lines []string
	for range 1234 {
		if told := r.add(passwordOf("ann", 1), now); len(told) > 0 {
			lines = append(lines, linesOf(told))
		}
		now = now.Add(time.Second)
	}
	want := []string{"ann.1 password 1 since 0s", "ann.1 password 10 since 0s", "ann.1 password 100 since 0s", "ann.1 password 1000 since 0s"}
	if !slices.Equal(lines, want) {
		t.Errorf("told %q, want %q", lines, want)
	}
	// From elsewhere, and by another way, they are others.
	for _, tt := range []struct {
		what refusal
		want string
	}{
		{passwordOf("ann", 2), "ann.2 password 1 since 20m34s"},
		{passwordOf("bob", 1), "bob.1 password 1 since 20m34s"},
		{refusal{"ann", passwordOf("", 1).network, "user.refused", bySecondFactor}, "ann.1 second factor 1 since 20m34s"},
	} {
		if got := linesOf(r.add(tt.what, now)); got != tt.want {
			t.Errorf("%+v: told %q, want %q", tt.what, got, tt.want)
		}
	}
	r.add(passwordOf("ann", 2), now)
	// She comes in by her password: what was tried with it is told to the last, what with a code counts on.
	if got, want := linesOf(r.cameIn("ann", byPassword)), "ann.1 password 1234 since 0s; ann.2 password 2 since 20m34s"; got != want {
		t.Errorf("when she comes in: %q, want %q", got, want)
	}
	r.add(refusal{"ann", passwordOf("", 1).network, "user.refused", bySecondFactor}, now)
	if got, want := linesOf(r.cameIn("ann")), "ann.1 second factor 2 since 20m34s"; got != want {
		t.Errorf("when she is in: %q, want %q", got, want)
	}
	if got := linesOf(r.cameIn("ann")); got != "" {
		t.Errorf("told twice: %q", got)
	}
	// A day later it is the first again, and what was left of yesterday is told.
	for range 3 {
		r.add(passwordOf("bob", 1), now)
	}
	if got, want := linesOf(r.add(passwordOf("bob", 1), now.Add(refusalWindow))), "bob.1 password 4 since 20m34s; bob.1 password 1 since 24h20m34s"; got != want {
		t.Errorf("the day after: %q, want %q", got, want)
	}
}

// Who tries one password on all addresses there are makes no more lines than who tries all passwords on one, but for
// the first hundred; and what was tried on somebody who comes in is told nevertheless.
func TestRefusalsOfManyAddresses(t *testing.T) {
	r, lines, others := newRefusals(), 0, []string(nil)
	for i := range 5000 {
		for _, line := range r.add(passwordOf(fmt.Sprint("user-", i), 1), begun.Add(time.Duration(i)*time.Second)) {
			if lines++; line.address == "" {
				others = append(others, fmt.Sprint(line.count))
			}
		}
	}
	if want := []string{"1", "10", "100", "1000"}; lines != addressesNamed+len(want) || !slices.Equal(others, want) {
		t.Errorf("%d lines, of further addresses %v; want %d and %v", lines, others, addressesNamed+len(want), want)
	}
	if got, want := linesOf(r.cameIn("user-4321")), "user-4321.1 password 1 since 1h12m1s"; got != want {
		t.Errorf("one of the further ones comes in: %q, want %q", got, want)
	}
	if got := linesOf(r.cameIn("user-7")); got != "" {
		t.Errorf("one that was told: %q", got)
	}
}

// Whatever happens in which order: the first of each is told, the lines of one count are few, their sums only grow and
// end right up to the order that was told, and memory has a bound.
func TestRefusalsHoldWhatTheyPromise(t *testing.T) {
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 7))
		r, now := newRefusals(), begun
		r.limit = 40 + random.IntN(40)
		happened, told, lines, since := map[refusal]int{}, map[refusal]int{}, map[refusal]int{}, map[refusal]time.Time{}
		total, named, shared := 0, 0, 0
		take := func(all []toldRefusal) {
			for _, line := range all {
				if line.address == "" {
					shared++
					continue
				}
				if !line.since.Equal(since[line.refusal]) {
					named += told[line.refusal]
					told[line.refusal], lines[line.refusal], since[line.refusal] = 0, 0, line.since
				}
				if line.count <= told[line.refusal] {
					t.Fatalf("seed %d: %s after %d", seed, linesOf([]toldRefusal{line}), told[line.refusal])
				}
				told[line.refusal] = line.count
				if lines[line.refusal]++; float64(lines[line.refusal]) > 2+math.Log10(float64(line.count)) {
					t.Fatalf("seed %d: %d lines of %d refusals", seed, lines[line.refusal], line.count)
				}
			}
		}
		for range 20_000 {
			now = now.Add(time.Duration(random.ExpFloat64() * float64(40*time.Second)))
			what := passwordOf(fmt.Sprint("user-", int(random.ExpFloat64()*8)), byte(random.IntN(3)))
			if random.IntN(200) == 0 {
				for key := range happened {
					if key.address == what.address {
						delete(happened, key)
					}
				}
				take(r.cameIn(what.address))
				continue
			}
			_, known := r.of[what.address][what]
			all := r.add(what, now)
			take(all)
			total++
			if held := r.of[what.address][what]; !known && !slices.ContainsFunc(all, func(line toldRefusal) bool { return line.refusal == what && line.count == 1 }) && !countOf(held).silent {
				t.Fatalf("seed %d: the first of %+v is not told: %s", seed, what, linesOf(all))
			}
			if r.begun.Len() > r.limit+2 {
				t.Fatalf("seed %d: %d counts are kept, with a limit of %d", seed, r.begun.Len(), r.limit)
			}
		}
		// What is told of those that still count is right up to its order; of those that ended, to the last.
		left := 0
		for e := r.begun.Front(); e != nil; e = e.Next() {
			one := countOf(e)
			if one.silent || one.address == "" {
				continue
			}
			if one.told*10 <= one.count {
				t.Errorf("seed %d: %d told of %d", seed, one.told, one.count)
			}
			left += one.count - one.told
		}
		for _, n := range told {
			named += n
		}
		if named+left != total {
			t.Errorf("seed %d: %d told and %d left of %d", seed, named, left, total)
		}
		if shared != 0 {
			t.Errorf("seed %d: %d lines of further addresses, of so few", seed, shared)
		}
		indexed := 0
		for _, of := range r.of {
			indexed += len(of)
		}
		if indexed != r.begun.Len() {
			t.Errorf("seed %d: %d counts in the index, %d in the list", seed, indexed, r.begun.Len())
		}
	}
}

// Who guesses leaves a few lines, all of them before the one that says that she came in.
func TestGuessesInTheAuditTrail(t *testing.T) {
	f, p, user := newDoor(t, survey.Owner)
	enrolment, err := f.server.access.EnrolSecondFactor(t.Context(), user.ID)
	if err != nil {
		t.Fatal(err)
	}
	code, err := totp.GenerateCode(strings.ReplaceAll(enrolment.Secret, " ", ""), f.now())
	if err != nil {
		t.Fatal(err)
	}
	codes, err := f.server.access.ConfirmSecondFactor(t.Context(), user.ID, enrolment.Sealed, code)
	if err != nil {
		t.Fatal(err)
	}
	tell := func() (lines []string) {
		events, _, err := f.store.AuditEvents(t.Context(), 0, store.AuditQuery{Limit: 1000})
		if err != nil {
			t.Fatal(err)
		}
		slices.SortFunc(events, func(a, b survey.AuditEvent) int { return int(a.ID - b.ID) })
		for _, e := range events {
			lines = append(lines, strings.TrimSpace(fmt.Sprintf("%s %d %s %s %s %s", e.Who, e.User, e.Action, e.Subject, e.Details["by"], e.Details["refused"])))
		}
		return lines
	}
	for range 12 {
		if got := p.post("/sign-in", typed(user.Address, "wrong and wrong again")); got.status != http.StatusUnprocessableEntity {
			t.Fatalf("a wrong password: %d", got.status)
		}
		f.pass(20 * time.Minute)
	}
	p.post("/sign-in", typed("nobody@example.com", "wrong and wrong again"))
	if got := p.post("/sign-in", typed(user.Address, goodPassword)); got.location != codePath {
		t.Fatalf("her password: %d %s", got.status, got.location)
	}
	for range 2 {
		p.post(codePath, url.Values{"code": {"000000"}}).expect(t, http.StatusUnprocessableEntity, nil)
	}
	if got := p.post(codePath, url.Values{"code": {codes[0]}}); got.status != http.StatusSeeOther {
		t.Fatalf("a recovery code: %d %s", got.status, visible(got.body))
	}
	p.post("/profile/second-factor/end", url.Values{"password": {"not hers"}}).expect(t, http.StatusUnprocessableEntity, nil)
	me, subject := user.Address, userSubject(user.ID)
	want := []string{
		me + " 0 user.refused " + subject + " password",
		me + " 0 user.refused " + subject + " password 10",
		"nobody@example.com 0 user.refused  password",
		me + " 0 user.refused " + subject + " password 12",
		fmt.Sprintf("%s %d user.refused %s second factor", me, user.ID, subject),
		fmt.Sprintf("%s %d user.refused %s second factor 2", me, user.ID, subject),
		fmt.Sprintf("%s %d user.signed_in %s recovery code", me, user.ID, subject),
		fmt.Sprintf("%s %d user.refused %s password once more", me, user.ID, subject),
	}
	if got := tell(); !slices.Equal(got, want) {
		t.Errorf("the trail tells\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	root := f.addUser(t, "root@example.com")
	root.Administrator = true
	if err := storetest.SaveUser(t.Context(), f.store, root); err != nil {
		t.Fatal(err)
	}
	f.as(t, root, 0).get("/audit?scope=instance&lang=pl").
		expect(t, http.StatusOK, []string{"Odmówiono zalogowania", "Odmów", "12", "2027-", "hasło", "drugi"}, "recovery code", access.ErrWrong.Error())
}
