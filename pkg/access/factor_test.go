package access_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"cxmirror/pkg/access"
	"cxmirror/pkg/survey"
)

// authenticator is an app with a secret that was typed into it.
type authenticator string

// code returns what an app shows at a time.
func (a authenticator) code(t *testing.T, at time.Time) string {
	t.Helper()
	code, err := totp.GenerateCode(strings.ReplaceAll(string(a), " ", ""), at)
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// enrol sets up a second factor and returns its app and the recovery codes.
func (l *lobby) enrol(t *testing.T, user survey.User) (authenticator, []string) {
	t.Helper()
	enrolment, err := l.EnrolSecondFactor(t.Context(), user.ID)
	if err != nil {
		t.Fatal(err)
	}
	app := authenticator(enrolment.Secret)
	codes, err := l.ConfirmSecondFactor(t.Context(), user.ID, enrolment.Sealed, app.code(t, l.now()))
	if err != nil {
		t.Fatal(err)
	}
	if got := l.letter(t); got.Subject != "Signing in now takes a second step" {
		t.Errorf("the letter is %q", got.Subject)
	}
	l.pass(time.Minute)
	return app, codes
}

func (l *lobby) giveCode(t *testing.T, user survey.User, code string) (access.Outcome, error) {
	t.Helper()
	return l.SecondFactor(t.Context(), access.CodeAttempt{User: user.ID, Knew: l.knew(t, user), Code: code, From: "192.0.2.1"})
}

// knew is what the session of a user holds who has just given her password.
func (l *lobby) knew(t *testing.T, user survey.User) string {
	t.Helper()
	stored, err := l.store.User(t.Context(), user.ID)
	if err != nil {
		t.Error(err) // not Fatal: it is asked for by several at once
	}
	sum := sha256.Sum256([]byte(stored.PasswordHash))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func TestEnrolment(t *testing.T) {
	t.Parallel()
	eachLobby(t, func(t *testing.T, l *lobby) {
		ctx := t.Context()
		ann, bob := l.user(t, "ann@example.org"), l.user(t, "bob@example.org")
		begunElsewhere, err := l.EnrolSecondFactor(ctx, ann.ID)
		if err != nil {
			t.Fatal(err)
		}
		enrolment, err := l.EnrolSecondFactor(ctx, ann.ID)
		if err != nil {
			t.Fatal(err)
		}
		address, err := url.Parse(enrolment.Address)
		plain := strings.ReplaceAll(enrolment.Secret, " ", "")
		if err != nil || address.Scheme != "otpauth" || address.Host != "totp" || address.Path != "/cxmirror:ann@example.org" ||
			address.Query().Get("secret") != plain || address.Query().Get("issuer") != "cxmirror" {
			t.Errorf("address %q", enrolment.Address)
		}
		secret, err := base32.StdEncoding.DecodeString(plain)
		if err != nil || len(secret) != 20 || bytes.Contains(enrolment.Sealed, secret) {
			t.Errorf("secret %q (%v), sealed %x", enrolment.Secret, err, enrolment.Sealed)
		}
		app := authenticator(enrolment.Secret)
		_, err = l.ConfirmSecondFactor(ctx, ann.ID, enrolment.Sealed, "000000")
		wantProblem(t, "a wrong code", err, access.BadCode)
		_, err = l.ConfirmSecondFactor(ctx, ann.ID, enrolment.Sealed, app.code(t, l.now().Add(-2*time.Minute)))
		wantProblem(t, "an old code", err, access.BadCode)
		if _, err = l.ConfirmSecondFactor(ctx, bob.ID, enrolment.Sealed, app.code(t, l.now())); err == nil {
			t.Error("what was sealed for one user opens for another")
		}
		if outcome, err := l.signIn(t, "ann@example.org", password, "", ""); err != nil || outcome.NeedsSecondFactor {
			t.Errorf("before it is confirmed, signing in = %+v, %v", outcome, err)
		}
		codes, err := l.ConfirmSecondFactor(ctx, ann.ID, enrolment.Sealed, app.code(t, l.now()))
		if err != nil || len(codes) != access.RecoveryCodes {
			t.Fatalf("codes %q, %v", codes, err)
		}
		l.letter(t)
		seen := make(map[string]bool)
		for _, code := range codes {
			if len(code) != 11 || code[5] != '-' || seen[code] {
				t.Errorf("recovery code %q, want two groups of five, and another one each", code)
			}
			seen[code] = true
		}
		if outcome, err := l.signIn(t, "ann@example.org", password, "", ""); err != nil || !outcome.NeedsSecondFactor || outcome.Device != "" {
			t.Errorf("signing in = %+v, %v; want her second factor", outcome, err)
		}
		_, err = l.giveCode(t, ann, app.code(t, l.now()))
		wantError(t, "the code she confirmed with", err, access.ErrWrong)

		// What was begun elsewhere before does not take the place of what she has.
		_, err = l.ConfirmSecondFactor(ctx, ann.ID, begunElsewhere.Sealed, authenticator(begunElsewhere.Secret).code(t, l.now()))
		wantError(t, "another second factor, begun before", err, survey.ErrConflict)
		if stored, err := l.store.User(ctx, ann.ID); err != nil || !bytes.Equal(stored.SecondFactor, enrolment.Sealed) {
			t.Errorf("her second factor is another one, or %v", err)
		}
	})
}

func TestSecondFactor(t *testing.T) {
	t.Parallel()
	eachLobby(t, func(t *testing.T, l *lobby) {
		ann := l.user(t, "ann@example.org")
		app, codes := l.enrol(t, ann)
		_, err := l.giveCode(t, ann, "123456")
		wantError(t, "a wrong code", err, access.ErrWrong)
		_, err = l.giveCode(t, ann, app.code(t, l.now().Add(-time.Minute)))
		wantError(t, "a code of a minute ago", err, access.ErrWrong)
		_, err = l.giveCode(t, ann, app.code(t, l.now().Add(time.Minute)))
		wantError(t, "a code of a minute from now", err, access.ErrWrong)
		code := app.code(t, l.now())
		outcome, err := l.giveCode(t, ann, code[:3]+" "+code[3:])
		if err != nil || outcome.User.ID != ann.ID || outcome.Device == "" || outcome.CodesLeft != -1 {
			t.Fatalf("a right code: %+v, %v", outcome, err)
		}
		_, err = l.giveCode(t, ann, code)
		wantError(t, "the same code again", err, access.ErrWrong)
		_, err = l.giveCode(t, ann, app.code(t, l.now().Add(-30*time.Second)))
		wantError(t, "the code before it", err, access.ErrWrong)
		l.pass(time.Hour)
		if _, err := l.giveCode(t, ann, app.code(t, l.now().Add(30*time.Second))); err != nil {
			t.Errorf("a clock that is ahead: %v", err)
		}

		outcome, err = l.giveCode(t, ann, " "+strings.ToLower(codes[3])+" ")
		if err != nil || outcome.CodesLeft != access.RecoveryCodes-1 {
			t.Fatalf("a recovery code: %+v, %v", outcome, err)
		}
		_, err = l.giveCode(t, ann, codes[3])
		wantError(t, "the same recovery code again", err, access.ErrWrong)

		fresh, err := l.NewRecoveryCodes(t.Context(), ann.ID)
		if err != nil {
			t.Fatal(err)
		}
		l.pass(time.Hour)
		_, err = l.giveCode(t, ann, codes[0])
		wantError(t, "a recovery code that was replaced", err, access.ErrWrong)
		if outcome, err = l.giveCode(t, ann, fresh[0]); err != nil || outcome.CodesLeft != access.RecoveryCodes-1 {
			t.Errorf("a new recovery code: %+v, %v", outcome, err)
		}

		if err := l.EndSecondFactor(t.Context(), ann.ID); err != nil {
			t.Fatal(err)
		}
		if got := l.letter(t); got.Subject != "The second step of signing in was removed" {
			t.Errorf("the letter is %q", got.Subject)
		}
		_, err = l.giveCode(t, ann, app.code(t, l.now()))
		wantError(t, "a code without a second factor", err, access.ErrWrong)
		if outcome, err := l.signIn(t, "ann@example.org", password, "", ""); err != nil || outcome.NeedsSecondFactor {
			t.Errorf("signing in = %+v, %v", outcome, err)
		}
	})
}

// TestCodesWorkOnceForAll gives one code, and one recovery code, twenty times at once.
func TestCodesWorkOnceForAll(t *testing.T) {
	t.Parallel()
	eachLobby(t, func(t *testing.T, l *lobby) {
		ann := l.user(t, "ann@example.org")
		app, codes := l.enrol(t, ann)
		for what, give := range map[string]func() string{
			"a code": func() string { return app.code(t, l.now()) }, "a recovery code": func() string { return codes[0] },
		} {
			l.pass(24 * time.Hour) // what was tried before is forgotten
			code := give()
			got := atOnce(20, func(i int) error {
				_, err := l.SecondFactor(t.Context(), access.CodeAttempt{User: ann.ID, Knew: l.knew(t, ann), Code: code, From: fmt.Sprintf("192.0.2.%d", i)})
				return err
			})
			in := 0
			for _, err := range got {
				if err == nil {
					in++
				}
			}
			if in != 1 {
				t.Errorf("%s let in %d of 20, want one", what, in)
			}
		}
	})
}

// TestGuessingCodesSlowsDown guesses as somebody who knows the password; her own browser goes on.
func TestGuessingCodesSlowsDown(t *testing.T) {
	t.Parallel()
	eachLobby(t, func(t *testing.T, l *lobby) {
		ann := l.user(t, "ann@example.org")
		app, codes := l.enrol(t, ann)
		known, err := l.giveCode(t, ann, codes[0])
		if err != nil {
			t.Fatal(err)
		}
		through := 0
		for i := range 200 {
			_, err = l.SecondFactor(t.Context(), access.CodeAttempt{User: ann.ID, Knew: l.knew(t, ann), Code: fmt.Sprintf("%06d", i), From: fmt.Sprintf("198.51.100.%d", i)})
			if err == access.ErrWrong { //nolint:errorlint // nothing is wrapped around it
				through++
			}
		}
		wantSlowDown(t, "the last of 200 guesses", err)
		if through > 12 {
			t.Errorf("%d guesses were let through, want about 10", through)
		}
		if _, err := l.SecondFactor(t.Context(), access.CodeAttempt{User: ann.ID, Knew: l.knew(t, ann), Code: app.code(t, l.now()), Device: known.Device}); err != nil {
			t.Errorf("her own browser: %v", err)
		}
	})
}

// A password that was changed before the code came is no half of the way in any more.
func TestSecondFactorAfterAnotherPassword(t *testing.T) {
	t.Parallel()
	eachLobby(t, func(t *testing.T, l *lobby) {
		ann := l.user(t, "ann@example.org")
		app, codes := l.enrol(t, ann)
		halfway, err := l.signIn(t, ann.Address, password, "", "")
		if err != nil || halfway.Knew == "" {
			t.Fatalf("halfway: %+v, %v", halfway, err)
		}
		give := func(knew, code string) error {
			_, err := l.SecondFactor(t.Context(), access.CodeAttempt{User: ann.ID, Knew: knew, Code: code, From: "192.0.2.1"})
			return err
		}
		wantError(t, "without a password", give("", app.code(t, l.now())), access.ErrWrong)
		if err := l.SetPassword(t.Context(), ann.ID, another); err != nil {
			t.Fatal(err)
		}
		wantError(t, "a code, by the old password", give(halfway.Knew, app.code(t, l.now())), access.ErrWrong)
		wantError(t, "a recovery code, by the old password", give(halfway.Knew, codes[0]), access.ErrWrong)
		halfway, err = l.signIn(t, ann.Address, another, "", "")
		if err != nil {
			t.Fatal(err)
		}
		if err := give(halfway.Knew, codes[0]); err != nil {
			t.Errorf("by the new password, with what was not used up: %v", err)
		}
	})
}

// TestResetAsksForTheSecondFactor accepts a link as who reads somebody's mail: that is not enough to come in.
func TestResetAsksForTheSecondFactor(t *testing.T) {
	t.Parallel()
	eachLobby(t, func(t *testing.T, l *lobby) {
		ann := l.user(t, "ann@example.org")
		app, _ := l.enrol(t, ann)
		for _, kind := range []survey.LinkKind{survey.ResetLink, survey.InvitationLink} {
			outcome, err := l.AcceptLink(t.Context(), l.secret(t, ann, kind), kind, access.Acceptance{Password: another})
			if err != nil || !outcome.NeedsSecondFactor || outcome.Device != "" {
				t.Errorf("%s link: %+v, %v; want her second factor", kind, outcome, err)
			}
		}
		if outcome, err := l.giveCode(t, ann, app.code(t, l.now())); err != nil || outcome.Device == "" {
			t.Errorf("with a code: %+v, %v", outcome, err)
		}
	})
}

func TestSecondFactorOfAnotherSecret(t *testing.T) {
	t.Parallel()
	eachLobby(t, func(t *testing.T, l *lobby) {
		ann := l.user(t, "ann@example.org")
		app, codes := l.enrol(t, ann)
		other := newLobby(t, l.store, func(o *access.Options) { o.Key = bytes.Repeat([]byte{8}, 32) })
		_, err := other.giveCode(t, ann, app.code(t, other.now()))
		if err == nil || !strings.Contains(err.Error(), "another secret") {
			t.Errorf("a code: %v, want a word about the secret", err)
		}
		_, err = other.giveCode(t, ann, codes[0])
		wantError(t, "a recovery code", err, access.ErrWrong)
		if err := other.EndSecondFactor(t.Context(), ann.ID); err != nil {
			t.Error(err)
		}
	})
}
