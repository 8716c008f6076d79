package access

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha1"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alexedwards/argon2id"

	"cxmirror/pkg/survey"
)

// cheap is a cost for tests that are about something else.
var cheap = HashCost{Memory: 64, Passes: 1}

func TestHashKnowsItsPassword(t *testing.T) {
	h, err := newHasher(cheap, 0, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	const password = "correct horse battery"
	hash, err := h.hash(t.Context(), password)
	if err != nil {
		t.Fatal(err)
	}
	if want := "$argon2id$v=19$m=64,t=1,p=1$"; !strings.HasPrefix(hash, want) {
		t.Errorf("hash = %q, want one that begins with %q", hash, want)
	}
	longest := strings.Repeat("ab", MaxPassword/2)
	ofLongest, err := h.hash(t.Context(), longest)
	if err != nil {
		t.Fatal(err)
	}
	dearer, err := newHasher(HashCost{Memory: 128, Passes: 1}, 0, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, password, hash string
		hasher               *hasher
		ok, outdated         bool
	}{
		{"right", password, hash, h, true, false},
		{"wrong", "correct horse batterY", hash, h, false, false},
		{"right, at an older cost", password, hash, dearer, true, true},
		{"wrong, at an older cost", "another", hash, dearer, false, false},
		{"no hash", password, "", h, false, false},
		{"as long as may be", longest, ofLongest, h, true, false},
		{"longer than may be", longest + "x", ofLongest, h, false, false},
		{"empty", "", hash, h, false, false},
		{"very long", strings.Repeat("x", 10_000), hash, h, false, false},
	}
	for _, tt := range tests {
		ok, outdated, err := tt.hasher.check(t.Context(), tt.password, tt.hash)
		if err != nil || ok != tt.ok || outdated != tt.outdated {
			t.Errorf("%s: check = %v, %v, %v; want %v, %v", tt.name, ok, outdated, err, tt.ok, tt.outdated)
		}
	}
	if _, _, err := h.check(t.Context(), password, "$2a$not-argon"); err == nil {
		t.Error("a hash that cannot be read is no error")
	}
}

// TestHashTakesOnePasswordFromEveryKeyboard types é as one character, and as an e with an accent that is added.
func TestHashTakesOnePasswordFromEveryKeyboard(t *testing.T) {
	h, err := newHasher(cheap, 0, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	hash, err := h.hash(t.Context(), "caf\u00e9 au lait chaud")
	if err != nil {
		t.Fatal(err)
	}
	if ok, _, err := h.check(t.Context(), "cafe\u0301 au lait chaud", hash); err != nil || !ok {
		t.Errorf("check = %v, %v; want true", ok, err)
	}
}

func TestDefaultCostIsAboveTheRecommendedOne(t *testing.T) {
	h, err := newHasher(HashCost{}, 0, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	// OWASP, Password Storage Cheat Sheet: m=47104 (46 MiB), t=1, p=1.
	if h.params.Memory < 47104 || h.params.Iterations < 1 || h.params.SaltLength < 16 || h.params.KeyLength < 32 {
		t.Errorf("the default cost is %+v", h.params)
	}
	if params, _, _, err := argon2id.DecodeHash(h.decoy); err != nil || *params != h.params {
		t.Errorf("the hash for nobody costs %+v (%v), and others %+v: how long it takes tells them apart", params, err, h.params)
	}
}

// TestHashesAtATimeAreBounded works on 200 passwords at once: no more than two are ever worked on.
func TestHashesAtATimeAreBounded(t *testing.T) {
	h, err := newHasher(HashCost{Memory: 1 << 10, Passes: 1}, 2, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	var now, most, done atomic.Int64
	match := h.match
	h.match = func(password, hash string) (bool, *argon2id.Params, error) {
		at := now.Add(1)
		defer now.Add(-1)
		for seen := most.Load(); at > seen && !most.CompareAndSwap(seen, at); seen = most.Load() {
		}
		return match(password, hash)
	}
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	var all sync.WaitGroup
	for range 200 {
		all.Go(func() {
			if _, _, err := h.check(t.Context(), "a password that is wrong", h.decoy); err == nil {
				done.Add(1)
			}
		})
	}
	all.Wait()
	runtime.ReadMemStats(&after)
	if most.Load() > 2 || done.Load() != 200 {
		t.Errorf("%d of 200 were done, up to %d at a time; want all, and at most 2", done.Load(), most.Load())
	}
	// What the heap was given from the system says what the peak was: 200 at once would be 200 MiB.
	if grown := int64(after.HeapSys) - int64(before.HeapSys); grown > 100<<20 {
		t.Errorf("200 passwords of 1 MiB each made the heap grow by %d MiB", grown>>20)
	}
}

// oneUser is a store with nobody but one user in it.
type oneUser struct {
	Store
	user survey.User
}

func (s oneUser) UserByAddress(_ context.Context, address string) (survey.User, error) {
	if address != s.user.Address {
		return survey.User{}, survey.ErrNotFound
	}
	return s.user, nil
}

func (s oneUser) User(_ context.Context, id survey.UserID) (survey.User, error) {
	if id != s.user.ID {
		return survey.User{}, survey.ErrNotFound
	}
	return s.user, nil
}

func (s oneUser) SignedIn(context.Context, survey.UserID, time.Time) error { return nil }

// TestBusyIsNoFailure turns somebody away who knows her password a hundred times: she is let in when there is time.
func TestBusyIsNoFailure(t *testing.T) {
	h, err := newHasher(cheap, 1, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	hash, err := h.hash(t.Context(), "correct horse battery")
	if err != nil {
		t.Fatal(err)
	}
	ann := survey.User{ID: 1, Address: "ann@example.org", PasswordHash: hash}
	s := &Service{store: oneUser{user: ann}, now: time.Now, random: rand.Reader, hasher: h, gate: newGate(), log: slog.New(slog.DiscardHandler)}
	for range cap(h.seats) {
		h.seats <- struct{}{}
	}
	attempt := Attempt{Address: ann.Address, Password: "correct horse battery"}
	for range 100 {
		if _, err := s.SignIn(t.Context(), attempt); err == nil {
			t.Fatal("let in although too many wait")
		} else if slow, ok := errors.AsType[*SlowDownError](err); !ok || time.Until(slow.Until) > busyFor {
			t.Fatalf("%v, want to come back soon", err)
		}
	}
	for range cap(h.seats) {
		<-h.seats
	}
	if _, err := s.SignIn(t.Context(), attempt); err != nil {
		t.Error(err)
	}
}

// TestEverySignInCostsTheSame counts what is worked out for each: one hash at the same cost, whoever it is.
func TestEverySignInCostsTheSame(t *testing.T) {
	h, err := newHasher(cheap, 0, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	hash, err := h.hash(t.Context(), "correct horse battery")
	if err != nil {
		t.Fatal(err)
	}
	var hashed []argon2id.Params
	match := h.match
	h.match = func(password, hash string) (bool, *argon2id.Params, error) {
		ok, params, err := match(password, hash)
		hashed = append(hashed, *params)
		return ok, params, err
	}
	ann := survey.User{ID: 1, Address: "ann@example.org", PasswordHash: hash}
	disabled, elsewhere := ann, ann
	disabled.Disabled, elsewhere.PasswordHash = true, ""
	for name, try := range map[string]struct {
		user     survey.User
		address  string
		password string
	}{
		"a wrong password": {ann, ann.Address, "wrong"},
		"a long password":  {ann, ann.Address, strings.Repeat("x", 100_000)},
		"no password":      {ann, ann.Address, ""},
		"no user":          {ann, "bob@example.org", "correct horse battery"},
		"no address":       {ann, "ann", "correct horse battery"},
		"disabled":         {disabled, ann.Address, "correct horse battery"},
		"elsewhere":        {elsewhere, ann.Address, "correct horse battery"},
	} {
		hashed = nil
		s := &Service{store: oneUser{user: try.user}, now: time.Now, hasher: h, gate: newGate(), log: slog.New(slog.DiscardHandler)}
		_, err := s.SignIn(t.Context(), Attempt{Address: try.address, Password: try.password})
		if !errors.Is(err, ErrWrong) || len(hashed) != 1 || hashed[0] != h.params {
			t.Errorf("%s: %v, after hashes at the cost of %+v; want ErrWrong after one of %+v", name, err, hashed, h.params)
		}
	}
}

func TestMorePasswordsThanCanWaitAreTurnedAway(t *testing.T) {
	h, err := newHasher(cheap, 1, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	release := make(chan struct{})
	h.match = func(string, string) (bool, *argon2id.Params, error) { <-release; return false, &h.params, nil }
	var all sync.WaitGroup
	defer all.Wait()
	defer close(release)
	for range cap(h.seats) {
		h.seats <- struct{}{}
	}
	if _, _, err := h.check(t.Context(), "x", h.decoy); !errors.Is(err, errBusy) {
		t.Errorf("check = %v, want errBusy", err)
	}
}

func TestCheckPassword(t *testing.T) {
	list := writeBreached(t, "password1234", "qwertyuiop123", "correct horse battery staple")
	breached, err := newBreachedList(list)
	if err != nil {
		t.Fatal(err)
	}
	s := &Service{breached: breached}
	tests := []struct {
		password string
		want     Problem
	}{
		{"", PasswordShort},
		{"elevenchars", PasswordShort},
		{"zażółć gęśl", PasswordShort},
		{"zażółć gęślą", ""},
		{strings.Repeat("0123456789abcdef", 64), ""},
		{strings.Repeat("0123456789abcdef", 64) + "x", PasswordLong},
		{"ann.moore@example.org", PasswordLikeYou},
		{"ANN.MOORE.EXAMPLE.ORG", PasswordLikeYou},
		{"annmooreannmoore", PasswordLikeYou},
		{"Ann Moore Ann Moore", PasswordLikeYou},
		{"AnnMoore2026", PasswordLikeYou},
		{"moore.ann.1984!", PasswordLikeYou},
		{"Moore-Moore-Moore", PasswordLikeYou},
		{"annmooreandherdog", ""},
		{"planning 4 teas", ""}, // "ann" is a part of another word here
		{"aaaaaaaaaaaaaa", PasswordSimple},
		{"121212121212", PasswordSimple},
		{"password1234", PasswordKnown},
		{"correct horse battery staple", PasswordKnown},
		{"correct horse battery stapler", ""},
	}
	for _, tt := range tests {
		err := s.CheckPassword(tt.password, "ann.moore@example.org", "Ann Moore")
		refused, ok := errors.AsType[*RefusedError](err)
		if ok != (tt.want != "") || ok && refused.Problem != tt.want || err != nil && !ok {
			t.Errorf("CheckPassword(%.40q) = %v, want %q", tt.password, err, tt.want)
		}
	}
}

// writeBreached writes a list as they are handed out, with other hashes around those of the passwords.
func writeBreached(t *testing.T, passwords ...string) (path string) {
	t.Helper()
	lines := make([]string, 0, 1000)
	for i := range 1000 {
		lines = append(lines, fmt.Sprintf("%X:%d", sha1.Sum(fmt.Appendf(nil, "other %d", i)), 1+i*i*i))
	}
	for _, password := range passwords {
		lines = append(lines, fmt.Sprintf("%X:3", sha1.Sum([]byte(password))))
	}
	slices.Sort(lines)
	path = filepath.Join(t.TempDir(), "known.txt")
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\r\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestBreachedFindsEveryLine looks for every line of a list, with and without what may stand around hashes.
func TestBreachedFindsEveryLine(t *testing.T) {
	var hashes []string
	for i := range 257 {
		hashes = append(hashes, fmt.Sprintf("%X", sha1.Sum(fmt.Appendf(nil, "password %d", i))))
	}
	slices.Sort(hashes)
	for name, form := range map[string]func([]string) string{
		"counts":     func(lines []string) string { return strings.Join(lines, ":12\r\n") + ":12\r\n" },
		"bare":       func(lines []string) string { return strings.Join(lines, "\n") },
		"lower case": func(lines []string) string { return strings.ToLower(strings.Join(lines, "\n")) + "\n" },
	} {
		path := filepath.Join(t.TempDir(), "list")
		if err := os.WriteFile(path, []byte(form(hashes)), 0o600); err != nil {
			t.Fatal(err)
		}
		list, err := newBreachedList(path)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 300 {
			got, err := list.has(fmt.Sprintf("password %d", i))
			if want := i < 257; err != nil || got != want {
				t.Errorf("%s: has(password %d) = %v, %v; want %v", name, i, got, err, want)
			}
		}
	}
}

func TestBreachedRefusesOtherFiles(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string][]byte{
		"passwords.txt": []byte("123456\npassword\nqwerty\n"),
		"zeros":         bytes.Repeat([]byte{0}, 1000),
		"sha256":        []byte(strings.Repeat("0", 64) + ":1\n"),
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := newBreachedList(path); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: error %v, want one that names the file", name, err)
		}
	}
	if _, err := newBreachedList(filepath.Join(dir, "missing")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
}
