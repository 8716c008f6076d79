package access_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"cxmirror/pkg/access"
	"cxmirror/pkg/store"
	"cxmirror/pkg/store/storetest"
	"cxmirror/pkg/survey"
)

var _ access.Store = (*store.Store)(nil)

const (
	base     = "https://survey.example.org"
	password = "correct horse battery"
	another  = "wrong donkey charger"
)

// lobby is a service at work with what goes in and out of it.
type lobby struct {
	*access.Service
	store *store.Store
	log   *bytes.Buffer

	mu      sync.Mutex
	at      time.Time
	letters chan access.Letter
}

// newLobby returns a service whose passwords cost next to nothing. change may be nil.
func newLobby(t *testing.T, db *store.Store, change func(*access.Options)) *lobby {
	t.Helper()
	l := &lobby{store: db, log: new(bytes.Buffer), at: time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC), letters: make(chan access.Letter, 100)}
	options := access.Options{
		Store: db, Log: slog.New(slog.NewTextHandler(&locked{l: l}, nil)), Now: l.now, Random: rand.Reader, Key: bytes.Repeat([]byte{7}, 32), Base: base,
		Cost: access.HashCost{Memory: 64, Passes: 1},
		Mail: func(_ context.Context, letter access.Letter) error {
			l.letters <- letter
			return nil
		},
	}
	if change != nil {
		change(&options)
	}
	service, err := access.New(options)
	if err != nil {
		t.Fatal(err)
	}
	l.Service = service
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		if err := service.Run(ctx); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	t.Cleanup(func() { stop(); running.Wait() })
	return l
}

// eachLobby runs a test on both engines, each time with a service of its own and nobody in it.
func eachLobby(t *testing.T, test func(t *testing.T, l *lobby)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, db *store.Store) {
		test(t, newLobby(t, db, nil))
	})
}

// locked lets several write the log.
type locked struct{ l *lobby }

func (w *locked) Write(p []byte) (int, error) {
	w.l.mu.Lock()
	defer w.l.mu.Unlock()
	return w.l.log.Write(p)
}

func (l *lobby) now() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.at
}

func (l *lobby) pass(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.at = l.at.Add(d)
}

// user makes a user with [password].
func (l *lobby) user(t *testing.T, address string, roles ...survey.Role) survey.User {
	t.Helper()
	u := survey.User{Address: address, Name: "Ann Moore", Language: survey.English}
	if err := l.store.CreateUser(t.Context(), &u); err != nil {
		t.Fatal(err)
	}
	outcome, err := l.AcceptLink(t.Context(), l.secret(t, u, survey.InvitationLink), survey.InvitationLink, access.Acceptance{Password: password})
	if err != nil {
		t.Fatal(err)
	}
	if len(roles) > 0 {
		l.setRoles(t, survey.DefaultOrganisation, u.ID, roles...)
	}
	return outcome.User
}

// save stores what a test has changed of a user.
func (l *lobby) save(t *testing.T, user survey.User) {
	t.Helper()
	if err := storetest.SaveUser(t.Context(), l.store, user); err != nil {
		t.Fatal(err)
	}
}

// setRoles makes a user what she is to be in an organisation; without a role she leaves it.
func (l *lobby) setRoles(t *testing.T, organisation survey.OrganisationID, user survey.UserID, roles ...survey.Role) {
	t.Helper()
	if err := l.store.SetRoles(t.Context(), organisation, user, roles); err != nil {
		t.Fatal(err)
	}
}

// organisation makes one beside the default organisation.
func (l *lobby) organisation(t *testing.T, name string) survey.Organisation {
	t.Helper()
	o := survey.Organisation{Name: name, Threshold: 5, Comments: 10}
	if err := l.store.CreateOrganisation(t.Context(), &o); err != nil {
		t.Fatal(err)
	}
	return o
}

// session stores a session of a user that lasts for an hour.
func (l *lobby) session(t *testing.T, user survey.User, hash string) {
	t.Helper()
	now := l.now()
	session := survey.Session{Hash: hash, User: user.ID, Started: now, Seen: now, Expires: now.Add(time.Hour)}
	if err := l.store.SaveSession(t.Context(), session, []byte("x")); err != nil {
		t.Fatal(err)
	}
}

// secret makes a link for a user and returns its secret.
func (l *lobby) secret(t *testing.T, user survey.User, kind survey.LinkKind) string {
	t.Helper()
	link, err := l.NewLink(t.Context(), user.ID, kind)
	if err != nil {
		t.Fatal(err)
	}
	return secretOf(t, link, kind)
}

// letter returns the next letter that is sent.
func (l *lobby) letter(t *testing.T) access.Letter {
	t.Helper()
	select {
	case letter := <-l.letters:
		return letter
	case <-time.After(30 * time.Second):
		t.Fatal("no letter was sent")
		return access.Letter{}
	}
}

// noLetter fails if one waits. Whatever was to be sent has been by the time a letter that was asked for later arrives.
func (l *lobby) noLetter(t *testing.T) {
	t.Helper()
	select {
	case letter := <-l.letters:
		t.Errorf("a letter was sent: %q to %s", letter.Subject, letter.Address)
	default:
	}
}

func (l *lobby) signIn(t *testing.T, address, secret, from, device string) (access.Outcome, error) {
	t.Helper()
	return l.SignIn(t.Context(), access.Attempt{Address: address, Password: secret, From: from, Device: device})
}

// secretOf returns the secret of a link.
func secretOf(t *testing.T, link string, kind survey.LinkKind) string {
	t.Helper()
	secret, ok := strings.CutPrefix(link, base+"/"+string(kind)+"/")
	if !ok || len(secret) != 43 {
		t.Fatalf("link %q, want %s/%s/ and 43 characters", link, base, kind)
	}
	return secret
}

// linkIn returns the address in a letter.
func linkIn(t *testing.T, letter access.Letter) string {
	t.Helper()
	for line := range strings.Lines(letter.Text) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, base+"/") {
			if !strings.Contains(letter.HTML, `href="`+line+`"`) {
				t.Errorf("the HTML of %q has no link to %s", letter.Subject, line)
			}
			return line
		}
	}
	t.Fatalf("no link in the letter:\n%s", letter.Text)
	return ""
}

// wantReplaced fails unless the old password of a user lets nobody in any more, and the new one does.
func (l *lobby) wantReplaced(t *testing.T, address, old, fresh string) {
	t.Helper()
	_, err := l.signIn(t, address, old, "", "")
	wantError(t, "the old password", err, access.ErrWrong)
	if _, err := l.signIn(t, address, fresh, "", ""); err != nil {
		t.Errorf("the new password: %v", err)
	}
}

// atOnce lets n do something at the same moment, each by her number, and returns what came of it for each.
func atOnce(n int, do func(i int) error) []error {
	errs := make([]error, n)
	var all sync.WaitGroup
	for i := range errs {
		all.Go(func() { errs[i] = do(i) })
	}
	all.Wait()
	return errs
}

func wantError(t *testing.T, what string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

func wantProblem(t *testing.T, what string, got error, want access.Problem) {
	t.Helper()
	if refused, ok := errors.AsType[*access.RefusedError](got); !ok || refused.Problem != want {
		t.Errorf("%s: %v, want %s", what, got, want)
	}
}

func wantSlowDown(t *testing.T, what string, got error) {
	t.Helper()
	if _, ok := errors.AsType[*access.SlowDownError](got); !ok {
		t.Errorf("%s: %v, want a wait", what, got)
	}
}

func TestNewRefusesWrongSettings(t *testing.T) {
	good := access.Options{Log: slog.New(slog.DiscardHandler), Now: time.Now, Random: rand.Reader, Key: make([]byte, 32), Base: base}
	if _, err := access.New(good); err != nil {
		t.Fatal(err)
	}
	for what, change := range map[string]func(*access.Options){
		"a short key":    func(o *access.Options) { o.Key = o.Key[:31] },
		"no address":     func(o *access.Options) { o.Base = "" },
		"a path alone":   func(o *access.Options) { o.Base = "/survey" },
		"another scheme": func(o *access.Options) { o.Base = "ftp://survey.example.org" },
		"no randomness":  func(o *access.Options) { o.Random = strings.NewReader("") },
		"no list":        func(o *access.Options) { o.Breached = "/does/not/exist" },
		"no cost":        func(o *access.Options) { o.Cost = access.HashCost{Memory: 1, Passes: 1} },
		"no issuer":      func(o *access.Options) { o.SignOn = &access.SingleSignOn{ClientID: "x"} },
		"an issuer's query": func(o *access.Options) {
			o.SignOn = &access.SingleSignOn{Issuer: "https://login.example.org?a=b", ClientID: "x"}
		},
		"no client": func(o *access.Options) { o.SignOn = &access.SingleSignOn{Issuer: "https://login.example.org"} },
	} {
		o := good
		change(&o)
		if _, err := access.New(o); err == nil {
			t.Errorf("%s: no error", what)
		}
	}
}

func TestCheckAddress(t *testing.T) {
	for given, want := range map[string]string{
		"ann@example.org": "ann@example.org", " Ann.Moore+x@Example.ORG\n": "ann.moore+x@example.org", "root@localhost": "root@localhost",
		"": "", "ann": "", "@example.org": "", "ann@": "", "ann@a@b": "", "Ann <ann@example.org>": "", "ann@example.org, bob@example.org": "",
		"аnn@example.org": "" /* a Cyrillic а */, "ann@exämple.org": "", "ann@example.org\r\nBcc: x@example.org": "", `"a b"@example.org`: "",
		"ann@[192.0.2.1]": "", strings.Repeat("a", 250) + "@example.org": "", "ann@exam\x00ple.org": "",
	} {
		got, err := access.CheckAddress(given)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("CheckAddress(%q) = %q, %v; want %q", given, got, err, want)
		}
	}
}
