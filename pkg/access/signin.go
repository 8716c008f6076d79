package access

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"

	"cxmirror/pkg/survey"
)

// Attempt is somebody who wants to come in.
type Attempt struct {
	Address  string // of e-mail, as typed
	Password string
	From     string // address of the visitor on the network
	Device   string // what her browser keeps since somebody signed in, see [Outcome]; may be ""
}

// Outcome is who came in, or will with a code of her second factor.
type Outcome struct {
	User              survey.User
	NeedsSecondFactor bool   // the password was right, and nobody is signed in yet
	Knew              string // with NeedsSecondFactor: which password that was, for [CodeAttempt]
	Device            string // for the browser to keep for [KnownFor]; "" while a second factor is missing
	CodesLeft         int    // recovery codes, where one was used; -1 otherwise
}

// SignIn lets somebody in who knows her password. It returns [ErrWrong] where she does not, where there is no such
// user, where the user is disabled and where she signs in elsewhere, all after the same time; and a
// [*SlowDownError] after too many tries.
func (s *Service) SignIn(ctx context.Context, a Attempt) (Outcome, error) {
	address, err := CheckAddress(a.Address)
	if err != nil {
		address = "" // nobody's: held against the visitor, and refused like any other
	}
	device := s.devices.read(a.Device, address, s.now())
	attempt, err := s.gate.signingIn(s.now(), address, a.From, device)
	if err != nil {
		return Outcome{}, err
	}
	user, err := s.store.UserByAddress(ctx, address)
	if err != nil && !errors.Is(err, survey.ErrNotFound) {
		attempt.undecided(s.now())
		return Outcome{}, fmt.Errorf("sign in: %w", err)
	}
	if err != nil || user.Disabled {
		user = survey.User{}
	}
	if user, err = s.matches(ctx, user, a.Password, attempt); err != nil {
		return Outcome{}, err
	}
	if len(user.SecondFactor) > 0 {
		return halfway(user), nil
	}
	return s.letIn(ctx, user, device)
}

// halfway is the outcome of a password that was right, of somebody who has a second factor.
func halfway(user survey.User) Outcome {
	return Outcome{User: user, NeedsSecondFactor: true, Knew: knew(user), CodesLeft: -1}
}

// knew names the password that a user has, or none: another one, and the same set anew, has another name.
func knew(user survey.User) string {
	return base64.RawURLEncoding.EncodeToString(hashOf(user.PasswordHash))
}

// matches ends an attempt with a user's password, and returns her as she is then. It renews the hash where it was made
// at another cost than now.
func (s *Service) matches(ctx context.Context, user survey.User, password string, attempt *attempt) (survey.User, error) {
	ok, outdated, err := s.hasher.check(ctx, password, user.PasswordHash)
	if err == nil && ok {
		if outdated {
			s.renew(ctx, &user, password)
		}
		user, ok, err = s.stillMatches(ctx, user, password)
	}
	switch {
	case err != nil:
		attempt.undecided(s.now())
		return survey.User{}, s.slowDown(err)
	case !ok:
		return survey.User{}, ErrWrong
	}
	attempt.succeeded(s.now())
	return user, nil
}

// renew keeps a password that was right by a hash at the cost of now.
func (s *Service) renew(ctx context.Context, user *survey.User, password string) {
	hash, err := s.hasher.hash(ctx, password)
	if err == nil {
		err = s.store.ReplacePassword(ctx, user.ID, user.PasswordHash, hash)
	}
	switch {
	case err == nil:
		user.PasswordHash = hash
	case !errors.Is(err, survey.ErrConflict): // the old one is as good as it was; in a conflict somebody was faster
		s.log.WarnContext(ctx, "a password could not be kept at its new cost", "user", user.ID, "error", err)
	}
}

// stillMatches returns a user as she is now, and whether the password that was hers a moment ago still is. When many
// sign in, that moment is seconds long: a password that was changed in them because somebody else knows it, and a user
// who was disabled, let nobody in.
func (s *Service) stillMatches(ctx context.Context, user survey.User, password string) (now survey.User, ok bool, err error) {
	now, err = s.store.User(ctx, user.ID)
	switch {
	case errors.Is(err, survey.ErrNotFound):
		return survey.User{}, false, nil
	case err != nil:
		return survey.User{}, false, fmt.Errorf("sign in: %w", err)
	case now.Disabled:
		return survey.User{}, false, nil
	case now.PasswordHash == user.PasswordHash:
		return now, true, nil
	}
	ok, _, err = s.hasher.check(ctx, password, now.PasswordHash)
	return now, ok, err
}

// letIn is the end of every way in: the browser is known from now on.
func (s *Service) letIn(ctx context.Context, user survey.User, device []byte) (Outcome, error) {
	if device == nil {
		fresh, err := s.bytesOf(deviceBytes)
		if err != nil {
			return Outcome{}, err
		}
		device = fresh
	}
	now := s.now()
	if err := s.store.SignedIn(ctx, user.ID, now); err != nil {
		return Outcome{}, fmt.Errorf("sign in: %w", err)
	}
	return Outcome{User: user, Device: s.devices.mark(device, user.Address, now), CodesLeft: -1}, nil
}

// StillHolds reports whether what somebody came in by still lets in. Between the moment when her password was right and
// the one when her session is there, somebody else may have ended both: who begins a session asks afterwards.
func (s *Service) StillHolds(ctx context.Context, o *Outcome) (bool, error) {
	user, err := s.store.User(ctx, o.User.ID)
	if errors.Is(err, survey.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("sign in: %w", err)
	}
	return !user.Disabled && user.PasswordHash == o.User.PasswordHash && user.Subject == o.User.Subject, nil
}

// CheckAgain asks somebody who is signed in for her password once more, before something that matters. The address
// of the attempt is not read. It returns [ErrWrong] or a [*SlowDownError].
func (s *Service) CheckAgain(ctx context.Context, id survey.UserID, a Attempt) error {
	user, err := s.store.User(ctx, id)
	if err != nil {
		return fmt.Errorf("check password: %w", err)
	}
	_, err = s.checkAgain(ctx, user, a)
	return err
}

// checkAgain returns the user as she is then.
func (s *Service) checkAgain(ctx context.Context, user survey.User, a Attempt) (survey.User, error) {
	if user.Disabled {
		return survey.User{}, ErrSignedOut
	}
	attempt, err := s.gate.signingIn(s.now(), user.Address, a.From, s.devices.read(a.Device, user.Address, s.now()))
	if err != nil {
		return survey.User{}, err
	}
	return s.matches(ctx, user, a.Password, attempt)
}

// PasswordChange is what somebody who is signed in gives to have another password.
type PasswordChange struct {
	Old, New     string
	From, Device string // as in [Attempt]
	Keep         string // hash of the session she is in, which goes on; all others of hers end
}

// ChangePassword gives somebody another password, ends her other sessions and all her links, and tells her by mail. It returns
// [ErrWrong], a [*SlowDownError] or a [*RefusedError].
func (s *Service) ChangePassword(ctx context.Context, id survey.UserID, change PasswordChange) error {
	user, err := s.store.User(ctx, id)
	if err != nil {
		return fmt.Errorf("change password: %w", err)
	}
	if user, err = s.checkAgain(ctx, user, Attempt{Password: change.Old, From: change.From, Device: change.Device}); err != nil {
		return err
	}
	if err := s.CheckPassword(change.New, user.Address, user.Name); err != nil {
		return err
	}
	hash, err := s.hasher.hash(ctx, change.New)
	if err != nil {
		return s.slowDown(err)
	}
	err = s.store.ReplacePassword(ctx, id, user.PasswordHash, hash)
	if errors.Is(err, survey.ErrConflict) {
		return ErrWrong // it was changed elsewhere since the old one was asked for
	}
	if err != nil {
		return fmt.Errorf("change password: %w", err)
	}
	if _, err := s.store.EndSessions(ctx, id, change.Keep); err != nil {
		return fmt.Errorf("change password: %w", err)
	}
	s.post.send(ctx, user, letterPassword, nil)
	return nil
}
