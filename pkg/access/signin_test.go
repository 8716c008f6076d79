package access_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"cxmirror/pkg/access"
	"cxmirror/pkg/store"
	"cxmirror/pkg/store/storetest"
	"cxmirror/pkg/survey"
)

func TestSignIn(t *testing.T) {
	t.Parallel()
	eachLobby(t, func(t *testing.T, l *lobby) {
		ann := l.user(t, "ann@example.org")
		l.pass(time.Minute)
		outcome, err := l.signIn(t, " Ann@Example.org ", password, "192.0.2.1", "")
		if err != nil || outcome.User.ID != ann.ID || outcome.NeedsSecondFactor || outcome.Device == "" {
			t.Fatalf("SignIn = %+v, %v; want her", outcome, err)
		}
		stored, err := l.store.User(t.Context(), ann.ID)
		if err != nil || stored.SignedIn == nil || !stored.SignedIn.Equal(l.now()) {
			t.Errorf("signed in at %v (%v), want %v", stored.SignedIn, err, l.now())
		}

		never := survey.User{Address: "never@example.org", Name: "Never accepted"}
		gone := survey.User{Address: "gone@example.org", Name: "Gone", PasswordHash: stored.PasswordHash, Disabled: true}
		for _, u := range []*survey.User{&never, &gone} {
			if err := l.store.CreateUser(t.Context(), u); err != nil {
				t.Fatal(err)
			}
		}
		for what, try := range map[string]access.Attempt{
			"a wrong password":        {Address: "ann@example.org", Password: another},
			"no password":             {Address: "ann@example.org"},
			"no user":                 {Address: "bob@example.org", Password: password},
			"no address":              {Address: "ann", Password: password},
			"not accepted yet":        {Address: "never@example.org", Password: ""},
			"disabled":                {Address: "gone@example.org", Password: password},
			"a hash as password":      {Address: "ann@example.org", Password: stored.PasswordHash},
			"a password with a zero":  {Address: "ann@example.org", Password: password + "\x00"},
			"an address with a quote": {Address: "ann@example.org' OR '1'='1", Password: password},
		} {
			try.From = what
			_, err := l.SignIn(t.Context(), try)
			if err != access.ErrWrong { //nolint:errorlint // nothing may be wrapped around it, which would tell
				t.Errorf("%s: %v, want ErrWrong and nothing else", what, err)
			}
		}
		if log := l.log.String(); strings.Contains(log, password) || strings.Contains(log, "example.org") {
			t.Errorf("the log tells of people:\n%s", log)
		}
	})
}

func TestSignInRenewsPasswordsOfAnotherCost(t *testing.T) {
	t.Parallel()
	eachLobby(t, func(t *testing.T, l *lobby) {
		ann := l.user(t, "ann@example.org")
		dearer := newLobby(t, l.store, func(o *access.Options) { o.Cost = access.HashCost{Memory: 128, Passes: 2} })
		for range 2 {
			if _, err := dearer.signIn(t, "ann@example.org", password, "", ""); err != nil {
				t.Fatal(err)
			}
			stored, err := l.store.User(t.Context(), ann.ID)
			if want := "$argon2id$v=19$m=128,t=2,p=1$"; err != nil || !strings.HasPrefix(stored.PasswordHash, want) {
				t.Fatalf("hash %q (%v), want one that begins with %q", stored.PasswordHash, err, want)
			}
		}
	})
}

// TestSignInSlowsDownForBothAlike hammers an address that is somebody's and one that is nobody's: the answers are the
// same one after the other. Her own browser is let in all the while.
func TestSignInSlowsDownForBothAlike(t *testing.T) {
	t.Parallel()
	eachLobby(t, func(t *testing.T, l *lobby) {
		l.user(t, "ann@example.org")
		known, err := l.signIn(t, "ann@example.org", password, "192.0.2.1", "")
		if err != nil {
			t.Fatal(err)
		}
		hers, nobodys := "", ""
		for i := range 40 {
			_, err := l.signIn(t, "ann@example.org", another, fmt.Sprintf("198.51.100.%d", i), "")
			hers += fmt.Sprintln(err)
			_, err = l.signIn(t, "bob@example.org", another, fmt.Sprintf("203.0.113.%d", i), "")
			nobodys += fmt.Sprintln(err)
		}
		if hers != nobodys || !strings.Contains(hers, "too many tries") {
			t.Errorf("an address that is somebody's answers\n%s\nand one that is nobody's\n%s", hers, nobodys)
		}
		_, err = l.signIn(t, "ann@example.org", password, "192.0.2.77", "")
		wantSlowDown(t, "her password in a browser that is not known", err)
		if _, err := l.signIn(t, "ann@example.org", password, "192.0.2.1", known.Device); err != nil {
			t.Errorf("her own browser: %v", err)
		}
		if _, err := l.signIn(t, "ann@example.org", password, "192.0.2.1", "forged"+known.Device[6:]); err == nil {
			t.Error("a forged mark of a browser is let in")
		}
	})
}

// TestManySignInsAtOnce signs 200 people in at the same moment.
func TestManySignInsAtOnce(t *testing.T) {
	t.Parallel()
	eachLobby(t, func(t *testing.T, l *lobby) {
		l.user(t, "ann@example.org")
		known, err := l.signIn(t, "ann@example.org", password, "192.0.2.1", "")
		if err != nil {
			t.Fatal(err)
		}
		first, err := l.store.UserByAddress(t.Context(), "ann@example.org")
		if err != nil {
			t.Fatal(err)
		}
		for i := range 200 {
			u := survey.User{Address: fmt.Sprintf("person%d@example.org", i), PasswordHash: first.PasswordHash}
			if err := l.store.CreateUser(t.Context(), &u); err != nil {
				t.Fatal(err)
			}
		}
		got := atOnce(200, func(i int) error {
			_, err := l.signIn(t, fmt.Sprintf("person%d@example.org", i), password, fmt.Sprintf("192.0.%d.1", i), known.Device)
			return err
		})
		for i, err := range got {
			if err != nil {
				t.Errorf("person %d: %v", i, err)
			}
		}
	})
}

func TestSignInGivesUpWithItsRequest(t *testing.T) {
	t.Parallel()
	eachLobby(t, func(t *testing.T, l *lobby) {
		l.user(t, "ann@example.org")
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		for range 100 { // none of them counts as a failure
			if _, err := l.SignIn(ctx, access.Attempt{Address: "ann@example.org", Password: another}); err == nil {
				t.Fatal("signed in without a database")
			}
		}
		if _, err := l.signIn(t, "ann@example.org", password, "", ""); err != nil {
			t.Error(err)
		}
	})
}

func TestChangePassword(t *testing.T) {
	t.Parallel()
	eachLobby(t, func(t *testing.T, l *lobby) {
		ctx := t.Context()
		ann := l.user(t, "ann@example.org")
		for _, hash := range []string{"here", "elsewhere"} {
			l.session(t, ann, hash)
		}
		change := func(from, to string) error {
			return l.ChangePassword(ctx, ann.ID, access.PasswordChange{Old: from, New: to, Keep: "here"})
		}
		wantError(t, "a wrong password", change(another, another), access.ErrWrong)
		wantProblem(t, "a short password", change(password, "short"), access.PasswordShort)
		wantProblem(t, "her address", change(password, "ann@example.org"), access.PasswordLikeYou)
		l.noLetter(t)
		if err := change(password, another); err != nil {
			t.Fatal(err)
		}
		if got := l.letter(t); got.Address != "ann@example.org" || got.Subject != "Your password was changed" {
			t.Errorf("the letter is %q to %s", got.Subject, got.Address)
		}
		sessions, err := l.store.Sessions(ctx, ann.ID, l.now())
		if err != nil || len(sessions) != 1 || sessions[0].Hash != "here" {
			t.Errorf("sessions %+v, %v; want the one she is in", sessions, err)
		}
		l.wantReplaced(t, "ann@example.org", password, another)
		wantError(t, "checking again, wrongly", l.CheckAgain(ctx, ann.ID, access.Attempt{Password: password}), access.ErrWrong)
		if err := l.CheckAgain(ctx, ann.ID, access.Attempt{Password: another}); err != nil {
			t.Errorf("checking again: %v", err)
		}
	})
}

// slow is a store of a service in which passwords wait long for their turn: what happens meanwhile, happens right behind
// the moment when a user was read to be let in.
type slow struct {
	*store.Store

	meanwhile func(survey.User) error
}

func (s *slow) pass(user survey.User, err error) (survey.User, error) {
	if meanwhile := s.meanwhile; err == nil && meanwhile != nil {
		s.meanwhile = nil
		err = meanwhile(user)
	}
	return user, err
}

func (s *slow) UserByAddress(ctx context.Context, address string) (survey.User, error) {
	return s.pass(s.Store.UserByAddress(ctx, address))
}

func (s *slow) User(ctx context.Context, id survey.UserID) (survey.User, error) {
	return s.pass(s.Store.User(ctx, id))
}

// A password that is changed while it waits to be looked at lets nobody in, and does not become hers again.
func TestPasswordChangedMeanwhile(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.Store) {
		waiting := &slow{Store: db}
		l := newLobby(t, waiting.Store, func(o *access.Options) { o.Store = waiting })
		u := l.user(t, "ann@example.org")
		const rescued = "yet another four words"
		reset := func(user survey.User) error { return l.SetPassword(t.Context(), user.ID, rescued) }
		disable := func(user survey.User) error {
			user.Disabled = true
			return storetest.SaveUser(t.Context(), waiting.Store, user)
		}
		back := func() {
			t.Helper()
			waiting.meanwhile = nil
			u.Disabled = false
			if err := errors.Join(storetest.SaveUser(t.Context(), waiting.Store, u), l.SetPassword(t.Context(), u.ID, password)); err != nil {
				t.Fatal(err)
			}
		}
		for what, meanwhile := range map[string]func(survey.User) error{"changed": reset, "hers who is disabled": disable} {
			waiting.meanwhile = meanwhile
			_, err := l.signIn(t, u.Address, password, "192.0.2.1", "")
			wantError(t, "signing in by a password that is meanwhile "+what, err, access.ErrWrong)
			back()
			waiting.meanwhile = meanwhile
			err = l.CheckAgain(t.Context(), u.ID, access.Attempt{Password: password, From: "192.0.2.1"})
			wantError(t, "asked again for a password that is meanwhile "+what, err, access.ErrWrong)
			back()
		}
		waiting.meanwhile = reset
		err := l.ChangePassword(t.Context(), u.ID, access.PasswordChange{Old: password, New: another, From: "192.0.2.1"})
		wantError(t, "changing a password that is meanwhile changed", err, access.ErrWrong)
		if _, err := l.signIn(t, u.Address, rescued, "192.0.2.2", ""); err != nil {
			t.Errorf("the password that was set meanwhile: %v", err)
		}
		back()
		// The same password, set anew meanwhile, is still hers.
		waiting.meanwhile = func(user survey.User) error { return l.SetPassword(t.Context(), user.ID, password) }
		if _, err := l.signIn(t, u.Address, password, "192.0.2.2", ""); err != nil {
			t.Errorf("the same password, set anew meanwhile: %v", err)
		}
	})
}

// A hash that is renewed because it has become cheap does not bring a password back.
func TestRenewedHashGivesWay(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.Store) {
		waiting := &slow{Store: db}
		u := newLobby(t, waiting.Store, nil).user(t, "ann@example.org")
		l := newLobby(t, waiting.Store, func(o *access.Options) {
			o.Store, o.Cost = waiting, access.HashCost{Memory: 128, Passes: 1}
		})
		waiting.meanwhile = func(user survey.User) error { return l.SetPassword(t.Context(), user.ID, another) }
		_, err := l.signIn(t, u.Address, password, "", "")
		wantError(t, "the old password", err, access.ErrWrong)
		if _, err := l.signIn(t, u.Address, another, "", ""); err != nil {
			t.Errorf("the password that was set while the old one was looked at: %v", err)
		}
	})
}
