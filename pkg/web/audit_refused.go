package web

import (
	"cmp"
	"container/list"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"cxmirror/pkg/access"
	"cxmirror/pkg/survey"
)

// How refusals are told in the audit trail.
const (
	refusalWindow  = 24 * time.Hour // after which one is told as the first again
	addressesNamed = 100            // of those tried from one network within that time
	refusalsHeld   = 10_000         // counts kept, of about 400 bytes
	refusalsEnded  = 8              // at once, so that nobody waits long for what others did
)

// refusal is what was refused: of which kind, to whom, from where. Without an address it stands for all addresses of
// a network but the first [addressesNamed].
type refusal struct {
	address string // of e-mail: the one tried
	network netip.Addr
	action  string // as the audit trail has it
	by      string // such as the password
}

// toldRefusal is a line for the audit trail: so many of the same kind since a moment.
type toldRefusal struct {
	refusal
	count int
	since time.Time
}

// refusals merges what the audit trail would tell again and again, as of somebody who guesses passwords all day: the
// trail only grows. The first refusal of an address from a network is told at once, then the tenth, the hundredth and so
// on, each line with the sum, so that n refusals make at most 2 + log10(n) lines. What was not told yet is told when
// the window ends, and before anything else is told of somebody who comes in after all. From one network, a hundred
// addresses are told by their names; what is tried to further ones has one sum for all of them, and that to each of
// them is counted all the same, to be told if she comes in.
//
// Each server counts for itself, in memory. One that stops leaves its last sums untold, of which the trail then has
// the order of magnitude. Whether there is anybody with an address makes no difference, not even in time.
type refusals struct {
	mu     sync.Mutex
	of     map[string]map[refusal]*list.Element // by address
	begun  *list.List                           // of *refusalCount, the oldest first
	named  map[netip.Addr]int                   // addresses of a network that are told by their names
	limit  int
	window time.Duration
}

// refusalCount is how often something was refused since it was told as the first.
type refusalCount struct {
	refusal
	since       time.Time
	count, told int
	next        int  // count at which it is told again
	silent      bool // it is told in the sum of its network
}

func newRefusals() *refusals {
	return &refusals{
		of: make(map[string]map[refusal]*list.Element), begun: list.New(), named: make(map[netip.Addr]int), limit: refusalsHeld, window: refusalWindow,
	}
}

// add counts a refusal, and returns what the audit trail is to tell now, the oldest first.
func (r *refusals) add(what refusal, now time.Time) []toldRefusal {
	r.mu.Lock()
	defer r.mu.Unlock()
	var tell []toldRefusal
	for range refusalsEnded {
		oldest := r.begun.Front()
		if oldest == nil || now.Sub(countOf(oldest).since) < r.window && r.begun.Len() < r.limit {
			break
		}
		tell = append(tell, r.end(oldest, false)...)
	}
	one, ended := r.count(what, now)
	tell = append(tell, ended...)
	if !one.silent {
		return append(tell, one.due()...)
	}
	others := what
	others.address = ""
	all, ended := r.count(others, now)
	return append(append(tell, ended...), all.due()...)
}

// count adds one to a count, which begins anew when its window has ended.
func (r *refusals) count(what refusal, now time.Time) (one *refusalCount, ended []toldRefusal) {
	held, ok := r.of[what.address][what]
	if ok && now.Sub(countOf(held).since) >= r.window {
		ended, ok = r.end(held, false), false
	}
	if !ok {
		one = &refusalCount{refusal: what, since: now, next: 1}
		if what.address != "" {
			one.silent = r.named[what.network] >= addressesNamed
			if !one.silent {
				r.named[what.network]++
			}
		}
		if r.of[what.address] == nil {
			r.of[what.address] = make(map[refusal]*list.Element)
		}
		held = r.begun.PushBack(one)
		r.of[what.address][what] = held
	}
	one = countOf(held)
	one.count++
	return one, ended
}

func countOf(e *list.Element) *refusalCount {
	one, _ := e.Value.(*refusalCount) // that is what the list holds
	return one
}

// due returns the line that is to be told at this count, if one is.
func (one *refusalCount) due() []toldRefusal {
	if one.count < one.next {
		return nil
	}
	one.next *= 10
	one.told = one.count
	return []toldRefusal{{one.refusal, one.count, one.since}}
}

// end forgets a count, and returns what was not told of it. What is told in the sum of its network is told by itself
// only where that is asked for.
func (r *refusals) end(held *list.Element, byItself bool) []toldRefusal {
	one := countOf(held)
	r.begun.Remove(held)
	if delete(r.of[one.address], one.refusal); len(r.of[one.address]) == 0 {
		delete(r.of, one.address)
	}
	if one.address != "" && !one.silent {
		if r.named[one.network]--; r.named[one.network] == 0 {
			delete(r.named, one.network)
		}
	}
	if one.count == one.told || one.silent && !byItself {
		return nil
	}
	return []toldRefusal{{one.refusal, one.count, one.since}}
}

// cameIn ends the counts of an address, from wherever it was tried, and returns what was not told of them, the oldest
// first. by are the ways in that she has gone, all if none is given; what was refused in others counts on.
func (r *refusals) cameIn(address string, by ...string) []toldRefusal {
	r.mu.Lock()
	defer r.mu.Unlock()
	var ended []*list.Element
	for what, held := range r.of[address] {
		if len(by) == 0 || slices.Contains(by, what.by) {
			ended = append(ended, held)
		}
	}
	var tell []toldRefusal
	for _, held := range ended {
		tell = append(tell, r.end(held, true)...)
	}
	slices.SortFunc(tell, func(a, b toldRefusal) int {
		return cmp.Or(a.since.Compare(b.since), strings.Compare(a.by, b.by), a.network.Compare(b.network))
	})
	return tell
}

// The ways in that are no links.
const (
	byPassword     = "password"
	byPasswordMore = "password once more" // by somebody who is signed in
	bySecondFactor = "second factor"
	byRecoveryCode = "recovery code"
	bySingleSignOn = "single sign-on"
	byLink         = "link" // that was asked for
)

// noAddress stands in the audit trail for what somebody typed that is no address, which may be a password in the
// wrong field.
const noAddress = "–"

// refused notes that somebody was refused, with the address she typed: nothing else that she typed.
func (s *Server) refused(c echo.Context, action, typed, by string) {
	address, err := access.CheckAddress(typed)
	if err != nil {
		address = noAddress
	}
	what := refusal{address: address, network: addressOfNetwork(c), action: action, by: by}
	for _, line := range s.refusals.add(what, s.now()) {
		id := ""
		if line.address == "" || line.refusal == what {
			id = requestID(c)
		}
		s.noteRefusal(c, line, id)
	}
}

// cameInBy tells what was not told of the refusals of somebody who has come in after all, or is about to.
func (s *Server) cameInBy(c echo.Context, user *survey.User, by ...string) {
	for _, line := range s.refusals.cameIn(user.Address, by...) {
		s.noteRefusal(c, line, "")
	}
}

// noteRefusal tells of refusals: to whom, if there is somebody, and how many there were since when. Who had given her
// password before is known; of others it is what they typed.
func (s *Server) noteRefusal(c echo.Context, line toldRefusal, request string) {
	who := survey.User{Address: line.address}
	event := access.Event{Action: line.action, Request: request, Details: map[string]string{"by": line.by}, Instance: true}
	if line.address == "" {
		who.Address, event.Details["addresses"] = noAddress, severalAddresses
	} else if user, err := s.store.UserByAddress(c.Request().Context(), line.address); err == nil {
		event.Subject = userSubject(user.ID)
		if line.by == bySecondFactor || line.by == byPasswordMore {
			who = user
		}
	}
	if line.count > 1 {
		event.Details["refused"], event.Details["since"] = strconv.Itoa(line.count), line.since.UTC().Format(minuteLayout)
	}
	s.keepNote(c, &access.Actor{Kind: survey.ByUser, User: who}, event)
}

// severalAddresses is how the audit trail has it that a sum is of many addresses.
const severalAddresses = "several"
