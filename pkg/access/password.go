package access

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/alexedwards/argon2id"
	"golang.org/x/text/unicode/norm"
)

// How long passwords are.
const (
	MinPassword = 12   // characters
	MaxPassword = 1024 // bytes
)

// HashCost is what one try of a password costs, whoever tries it: argon2id in one lane.
type HashCost struct {
	Memory uint32 // KiB
	Passes uint32
}

// DefaultCost is above what OWASP's Password Storage Cheat Sheet asks at least of argon2id in one lane, which is 46
// MiB and one pass.
func DefaultCost() HashCost { return HashCost{Memory: 64 << 10, Passes: 1} }

const (
	defaultHashes = 2
	maxWaiting    = 256 // passwords that wait for their turn; more are told to come back
	saltBytes     = 16
)

// errBusy says that more passwords wait than will be worked on.
var errBusy = errors.New("too many passwords are waiting")

// hasher works on passwords, only so many at a time: each takes [HashCost.Memory] while it is worked on, and those
// that wait take next to nothing. With what the garbage collector has not yet taken back, n at a time need about
// three times n times that memory: 384 MiB as it is set, however many sign in at once. (200 at once were measured at
// a peak of 321 MiB of heap, and took 70 ms of a processor each.)
type hasher struct {
	params argon2id.Params
	decoy  string        // the hash of no password, for users that there are not
	seats  chan struct{} // of those that are worked on or wait
	turns  chan struct{} // of those that are worked on
	match  func(password, hash string) (bool, *argon2id.Params, error)
}

func newHasher(cost HashCost, atATime int, random io.Reader) (*hasher, error) {
	if cost == (HashCost{}) {
		cost = DefaultCost()
	}
	if atATime <= 0 {
		atATime = defaultHashes
	}
	h := &hasher{
		params: argon2id.Params{Memory: cost.Memory, Iterations: cost.Passes, Parallelism: 1, SaltLength: saltBytes, KeyLength: keyBytes},
		seats:  make(chan struct{}, atATime+maxWaiting),
		turns:  make(chan struct{}, atATime),
		match:  argon2id.CheckHash,
	}
	parts := make([]byte, saltBytes+keyBytes)
	if _, err := io.ReadFull(random, parts); err != nil {
		return nil, fmt.Errorf("random bytes: %w", err)
	}
	// Nobody knows a password of a random hash, and nothing has to be worked out to have one.
	h.decoy = fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=1$%s$%s", cost.Memory, cost.Passes,
		base64.RawStdEncoding.EncodeToString(parts[:saltBytes]), base64.RawStdEncoding.EncodeToString(parts[saltBytes:]))
	if _, _, _, err := argon2id.DecodeHash(h.decoy); err != nil || cost.Memory < 8 || cost.Passes < 1 {
		return nil, fmt.Errorf("cost of passwords: %d KiB and %d passes cannot be used: want at least 8 and 1", cost.Memory, cost.Passes)
	}
	return h, nil
}

// turn does something when its turn has come. It is errBusy when too many wait, and the context's error when that
// ends first.
func (h *hasher) turn(ctx context.Context, do func()) error {
	select {
	case h.seats <- struct{}{}:
	default:
		return errBusy
	}
	defer func() { <-h.seats }()
	select {
	case h.turns <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-h.turns }()
	do()
	return nil
}

// check reports whether a hash is that of a password, and whether it was made at another cost than hashes are made
// now. Without a hash it takes as long and is false.
func (h *hasher) check(ctx context.Context, password, hash string) (ok, outdated bool, err error) {
	none := hash == ""
	if none {
		hash = h.decoy
	}
	var params *argon2id.Params
	var failed error
	err = h.turn(ctx, func() { ok, params, failed = h.match(prepare(password), hash) })
	if err != nil {
		return false, false, err
	}
	if failed != nil {
		return false, false, fmt.Errorf("a stored password cannot be read: %w", failed)
	}
	if none || !ok || len(password) > MaxPassword {
		return false, false, nil
	}
	return true, *params != h.params, nil
}

// hash returns the hash of a password, in its PHC form.
func (h *hasher) hash(ctx context.Context, password string) (hash string, err error) {
	var failed error
	err = h.turn(ctx, func() { hash, failed = argon2id.CreateHash(prepare(password), &h.params) })
	return hash, errors.Join(err, failed)
}

// prepare gives a password the same bytes on every keyboard (NIST SP 800-63B, 5.1.1.2).
func prepare(password string) string {
	if len(password) > MaxPassword {
		password = password[:MaxPassword] // refused in any case, after the same time
	}
	return norm.NFKC.String(password)
}

// CheckPassword says why somebody with an address and a name may not have a password, as a [*RefusedError]. The file
// of [Options.Breached], if there is one, has the passwords that everybody knows: SHA-1 hashes in hexadecimal
// digits, sorted, one a line and perhaps with a colon and a count after it, as Have I Been Pwned hands them out.
func (s *Service) CheckPassword(password, address, name string) error {
	plain := norm.NFKC.String(password)
	switch {
	case utf8.RuneCountInString(plain) < MinPassword:
		return refuse(PasswordShort, "a password has at least %d characters", MinPassword)
	case len(password) > MaxPassword || len(plain) > MaxPassword:
		return refuse(PasswordLong, "a password has at most %d bytes", MaxPassword)
	case likeSomebody(plain, address, name):
		return refuse(PasswordLikeYou, "the password is the address or the name: anybody would try that first")
	case differentCharacters(plain) < 4:
		return refuse(PasswordSimple, "the password has hardly any different characters")
	}
	if s.breached == nil {
		return nil
	}
	known, err := s.breached.has(plain)
	if err != nil {
		return err
	}
	if known {
		return refuse(PasswordKnown, "the password is in the list of those that were stolen somewhere, and everybody tries")
	}
	return nil
}

// likeSomebody reports whether a password is made of an address and a name: whether hardly anything is left of it
// without them, such as a year.
func likeSomebody(password, address, name string) bool {
	local, domain, _ := strings.Cut(address, "@")
	parts := []string{address, local, domain, name, local + name, name + local}
	for _, of := range []string{local, domain, name} {
		parts = append(parts, strings.FieldsFunc(of, func(r rune) bool { return strings.ContainsRune(separators, r) })...)
	}
	for i := range parts {
		parts[i] = squeeze(parts[i])
	}
	slices.SortFunc(parts, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	left := squeeze(password)
	for _, part := range parts {
		if utf8.RuneCountInString(part) >= shortestPart {
			left = strings.ReplaceAll(left, part, "")
		}
	}
	return left != squeeze(password) && utf8.RuneCountInString(left) < leastOwn
}

const (
	separators   = " .-_@+,"
	shortestPart = 3 // characters of a part of a name: shorter ones are in every other word
	leastOwn     = 6 // characters beside those of a name: more than a year or a date without its century
)

// squeeze leaves what letters and digits there are, in lower case.
func squeeze(text string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(separators, r) {
			return -1
		}
		return r
	}, strings.ToLower(text))
}

func differentCharacters(text string) int {
	seen := make(map[rune]bool)
	for _, r := range text {
		seen[r] = true
	}
	return len(seen)
}

// busyFor is when to come back after errBusy.
const busyFor = 10 * time.Second

// slowDown turns errBusy into what callers know.
func (s *Service) slowDown(err error) error {
	if errors.Is(err, errBusy) {
		return &SlowDownError{Until: s.now().Add(busyFor)}
	}
	return err
}
