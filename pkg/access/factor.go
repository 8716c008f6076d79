package access

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"

	"cxmirror/pkg/survey"
)

// The second factor is the one of RFC 6238 that every authenticator knows.
const (
	factorBytes = 20 // of the secret, as long as what SHA-1 makes (RFC 4226, section 4)
	factorStep  = 30 // seconds
	factorSkew  = 1  // steps before and after, for clocks that differ and people who type slowly
	codeDigits  = otp.DigitsSix
	issuerName  = "cxmirror"

	// RecoveryCodes is how many codes let somebody in who has lost her authenticator, each once.
	RecoveryCodes = 10

	recoveryLetters = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ" // without what is mistaken for something else on paper
	recoveryLength  = 10                                 // of 32 letters each: 50 bits, and the database has them keyed
)

// Enrolment is a second factor that somebody is about to set up: nothing holds until she gives a code of it.
type Enrolment struct {
	Secret  string // to be typed, in groups of four
	Address string // otpauth://, to be shown as a code for cameras
	Sealed  []byte // the same for the session to keep; only this service reads it
}

// EnrolSecondFactor begins to set up a second factor.
func (s *Service) EnrolSecondFactor(ctx context.Context, id survey.UserID) (Enrolment, error) {
	user, err := s.store.User(ctx, id)
	if err != nil {
		return Enrolment{}, fmt.Errorf("set up a second factor: %w", err)
	}
	secret, err := s.bytesOf(factorBytes)
	if err != nil {
		return Enrolment{}, err
	}
	sealed, err := s.seal(secret, id)
	if err != nil {
		return Enrolment{}, err
	}
	return enrolment(user, secret, sealed), nil
}

// Enrolling returns the second factor that [Service.EnrolSecondFactor] began, for a page that is shown again.
func (s *Service) Enrolling(ctx context.Context, id survey.UserID, sealed []byte) (Enrolment, error) {
	user, err := s.store.User(ctx, id)
	if err != nil {
		return Enrolment{}, fmt.Errorf("set up a second factor: %w", err)
	}
	secret, err := s.open(sealed, id)
	if err != nil {
		return Enrolment{}, err
	}
	return enrolment(user, secret, sealed), nil
}

func enrolment(user survey.User, secret, sealed []byte) Enrolment {
	typed := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(secret)
	address := url.URL{
		Scheme: "otpauth", Host: "totp", Path: "/" + issuerName + ":" + user.Address,
		// Blanks as %20: some authenticators show a plus.
		RawQuery: strings.ReplaceAll(url.Values{"secret": {typed}, "issuer": {issuerName}}.Encode(), "+", "%20"),
	}
	return Enrolment{Secret: groups(typed, 4, " "), Address: address.String(), Sealed: sealed}
}

// ConfirmSecondFactor sets up what [Service.EnrolSecondFactor] began, if a code shows that the authenticator has it,
// and returns the recovery codes, which are shown this once. It tells her by mail. A code that is wrong is a
// [*RefusedError], and who has a second factor meanwhile keeps that: [survey.ErrConflict]. What was begun before, in a
// browser that was left open, takes its place without her password otherwise.
func (s *Service) ConfirmSecondFactor(ctx context.Context, id survey.UserID, sealed []byte, code string) (codes []string, err error) {
	user, err := s.store.User(ctx, id)
	if err == nil && len(user.SecondFactor) > 0 {
		err = survey.ErrConflict
	}
	if err != nil {
		return nil, fmt.Errorf("set up a second factor: %w", err)
	}
	step, ok, err := s.stepOf(sealed, id, code)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, refuse(BadCode, "that is not the code that the authenticator shows now: look whether its clock is right")
	}
	codes, err = s.keepFactor(ctx, id, sealed)
	if err != nil {
		return nil, err
	}
	// A code that was seen over her shoulder while she set it up lets nobody in.
	if err := s.store.UseSecondFactor(ctx, id, step); err != nil && !errors.Is(err, survey.ErrConflict) {
		return nil, fmt.Errorf("set up a second factor: %w", err)
	}
	s.post.send(ctx, user, letterFactorAdded, nil)
	return codes, nil
}

// NewRecoveryCodes replaces the recovery codes of somebody who has a second factor.
func (s *Service) NewRecoveryCodes(ctx context.Context, id survey.UserID) (codes []string, err error) {
	user, err := s.store.User(ctx, id)
	if err == nil && len(user.SecondFactor) == 0 {
		err = survey.ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("new recovery codes: %w", err)
	}
	return s.keepFactor(ctx, id, user.SecondFactor)
}

// EndSecondFactor lets somebody in by her password alone from now on, and tells her by mail. Whoever calls it has
// asked for her password once more, or is the command line.
func (s *Service) EndSecondFactor(ctx context.Context, id survey.UserID) error {
	user, err := s.store.User(ctx, id)
	if err == nil {
		err = s.store.SetSecondFactor(ctx, id, nil, nil)
	}
	if err != nil {
		return fmt.Errorf("end the second factor: %w", err)
	}
	s.post.send(ctx, user, letterFactorRemoved, nil)
	return nil
}

// CodeAttempt is somebody who knew her password and gives a code.
type CodeAttempt struct {
	User         survey.UserID
	Knew         string // of the [Outcome] of her password
	Code         string // of the authenticator, or a recovery code
	From, Device string // as in [Attempt]
}

// SecondFactor lets somebody in whose password was right, and still is. A code works once, of an authenticator and of
// the recovery codes alike. It returns [ErrWrong] or a [*SlowDownError].
func (s *Service) SecondFactor(ctx context.Context, a CodeAttempt) (Outcome, error) {
	user, err := s.store.User(ctx, a.User)
	if errors.Is(err, survey.ErrNotFound) || err == nil && (user.Disabled || len(user.SecondFactor) == 0 || knew(user) != a.Knew) {
		return Outcome{}, ErrWrong
	}
	if err != nil {
		return Outcome{}, fmt.Errorf("second factor: %w", err)
	}
	device := s.devices.read(a.Device, user.Address, s.now())
	attempt, err := s.gate.givingCode(s.now(), user.Address, a.From, device)
	if err != nil {
		return Outcome{}, err
	}
	left, err := s.useCode(ctx, user, a.Code)
	switch {
	case errors.Is(err, ErrWrong):
		return Outcome{}, err
	case err != nil:
		attempt.undecided(s.now())
		return Outcome{}, fmt.Errorf("second factor: %w", err)
	}
	attempt.succeeded(s.now())
	outcome, err := s.letIn(ctx, user, device)
	outcome.CodesLeft = left
	return outcome, err
}

// useCode uses a code up, and returns how many recovery codes are left, or -1 if it was none.
func (s *Service) useCode(ctx context.Context, user survey.User, code string) (left int, err error) {
	if recovery := plainRecoveryCode(code); recovery != "" {
		left, err = s.store.UseRecoveryCode(ctx, user.ID, s.factors.hash(recovery, user.ID))
		if errors.Is(err, survey.ErrNotFound) || errors.Is(err, survey.ErrConflict) {
			err = ErrWrong
		}
		return left, err
	}
	step, ok, err := s.stepOf(user.SecondFactor, user.ID, code)
	if err != nil {
		return -1, err
	}
	if !ok {
		return -1, ErrWrong
	}
	if err = s.store.UseSecondFactor(ctx, user.ID, step); errors.Is(err, survey.ErrConflict) {
		err = ErrWrong // it was used
	}
	return -1, err
}

// stepOf returns the step of time whose code was given, and whether it is one that may be given now.
func (s *Service) stepOf(sealed []byte, id survey.UserID, code string) (step int64, ok bool, err error) {
	secret, err := s.open(sealed, id)
	if err != nil {
		return 0, false, err
	}
	code = strings.Map(func(r rune) rune {
		if r == ' ' || r == '-' || r == '\u00a0' {
			return -1
		}
		return r
	}, code)
	encoded := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(secret)
	now := s.now().Unix() / factorStep
	for at := now - factorSkew; at <= now+factorSkew; at++ {
		if at < 0 {
			continue
		}
		want, err := hotp.GenerateCodeCustom(encoded, uint64(at), hotp.ValidateOpts{Digits: codeDigits, Algorithm: otp.AlgorithmSHA1})
		if err != nil {
			return 0, false, fmt.Errorf("second factor of user %d: %w", id, err)
		}
		if subtle.ConstantTimeCompare([]byte(want), []byte(code)) == 1 {
			step, ok = at, true // no early end: how long it takes says nothing
		}
	}
	return step, ok, nil
}

// keepFactor stores a sealed second factor with new recovery codes.
func (s *Service) keepFactor(ctx context.Context, id survey.UserID, sealed []byte) (codes []string, err error) {
	hashes := make([][]byte, 0, RecoveryCodes)
	for range RecoveryCodes {
		random, err := s.bytesOf(recoveryLength)
		if err != nil {
			return nil, err
		}
		for i, b := range random {
			random[i] = recoveryLetters[int(b)%len(recoveryLetters)] // 256 is a multiple of 32: no letter is likelier
		}
		codes = append(codes, groups(string(random), recoveryLength/2, "-"))
		hashes = append(hashes, s.factors.hash(string(random), id))
	}
	if err := s.store.SetSecondFactor(ctx, id, sealed, hashes); err != nil {
		return nil, fmt.Errorf("keep a second factor: %w", err)
	}
	return codes, nil
}

// plainRecoveryCode returns the letters of a recovery code as it was printed, or "" of what cannot be one.
func plainRecoveryCode(typed string) string {
	code := strings.Map(func(r rune) rune {
		if strings.ContainsRune(" -\u00a0\u2010\u2011\u2012\u2013\u2014_.", r) {
			return -1
		}
		return r
	}, strings.ToUpper(typed))
	if len(code) != recoveryLength || strings.Trim(code, recoveryLetters) != "" {
		return ""
	}
	return code
}

// groups parts a text into groups of n letters.
func groups(text string, n int, between string) string {
	var parts []string
	for len(text) > n {
		parts, text = append(parts, text[:n]), text[n:]
	}
	return strings.Join(append(parts, text), between)
}

// factorKey seals the secrets of second factors, and keys the hashes of recovery codes, which are too short to be
// safe from somebody who has only the database and can try them all.
type factorKey struct{ key []byte }

func (k factorKey) hash(code string, id survey.UserID) []byte {
	mac := hmac.New(sha256.New, k.key)
	_, _ = mac.Write([]byte("recovery code of user " + strconv.FormatInt(int64(id), 10) + "\x00" + code))
	return mac.Sum(nil)
}

// seal encrypts a secret for one user with AES-256-GCM: it opens as no other user's.
func (s *Service) seal(secret []byte, id survey.UserID) ([]byte, error) {
	gcm, err := s.factors.cipher()
	if err != nil {
		return nil, err
	}
	nonce, err := s.bytesOf(gcm.NonceSize())
	if err != nil {
		return nil, err
	}
	return gcm.Seal(nonce, nonce, secret, sealedFor(id)), nil
}

func (s *Service) open(sealed []byte, id survey.UserID) ([]byte, error) {
	gcm, err := s.factors.cipher()
	if err != nil {
		return nil, err
	}
	if len(sealed) < gcm.NonceSize() {
		return nil, fmt.Errorf("second factor of user %d: cut off", id)
	}
	secret, err := gcm.Open(nil, sealed[:gcm.NonceSize()], sealed[gcm.NonceSize():], sealedFor(id))
	if err != nil {
		return nil, fmt.Errorf("second factor of user %d: sealed with another secret of the service, or changed since: end it on the command line", id)
	}
	return secret, nil
}

func (k factorKey) cipher() (cipher.AEAD, error) {
	block, err := aes.NewCipher(k.key)
	if err != nil {
		return nil, fmt.Errorf("key of second factors: %w", err)
	}
	return cipher.NewGCM(block)
}

func sealedFor(id survey.UserID) []byte {
	return []byte("second factor of user " + strconv.FormatInt(int64(id), 10))
}
