package access

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"math/big"
	"slices"
	"strings"
	"time"

	"cxmirror/pkg/survey"
)

// Tokens are cxm_, 43 letters and digits that are random, and 6 that check them: what is mistyped or made up costs no
// look into the database, and scanners for secrets in source code know them by their form.
const (
	tokenPrefix = "cxm_"
	tokenBytes  = 32
	tokenDigits = 43 // of base 62, as many as those bytes need
	checkDigits = 6  // of base 62: 32 bits
	shownDigits = len(tokenPrefix) + 6

	// LongestToken is how long a token can be used at most.
	LongestToken = 366 * 24 * time.Hour

	base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)

// NewToken is a token that somebody asks for.
type NewToken struct {
	Name    string
	Rights  []Right // each one that she has herself
	Expires time.Time
}

// IssuedToken is a token with the text that is shown this once.
type IssuedToken struct {
	Text string
	survey.APIToken
}

// NewToken makes a token by which a program may do in the actor's organisation what the rights name, as long as who
// made it may do that herself. It returns a [*RefusedError] for a name, rights or an expiry that cannot be. A token
// cannot make tokens.
func (s *Service) NewToken(ctx context.Context, by *Actor, wanted NewToken) (IssuedToken, error) {
	name, err := CheckName(wanted.Name)
	if err != nil {
		return IssuedToken{}, err
	}
	if by.Kind != survey.ByUser || len(wanted.Rights) == 0 {
		return IssuedToken{}, refuse(BadRights, "a token has at least one right, and somebody who made it")
	}
	rights := make([]string, 0, len(wanted.Rights))
	for _, right := range wanted.Rights {
		if right == Administer || !by.May(right) {
			return IssuedToken{}, refuse(BadRights, "you do not have the right %q, so a token of yours cannot", right)
		}
		rights = append(rights, string(right))
	}
	now := s.now()
	if !wanted.Expires.After(now) || wanted.Expires.After(now.Add(LongestToken)) {
		return IssuedToken{}, refuse(BadExpiry, "a token expires after now and within %d days", int(LongestToken.Hours()/24))
	}
	slices.Sort(rights)
	random, err := s.bytesOf(tokenBytes)
	if err != nil {
		return IssuedToken{}, err
	}
	text := tokenPrefix + inBase62(new(big.Int).SetBytes(random), tokenDigits)
	text += tokenCheck(text)
	token := survey.APIToken{
		Organisation: by.Organisation.ID, User: by.User.ID, Name: name, Rights: slices.Compact(rights),
		Prefix: text[:shownDigits], Hash: hashOf(text), Created: now, Expires: wanted.Expires.UTC(),
	}
	if err := s.store.CreateToken(ctx, &token); err != nil {
		return IssuedToken{}, fmt.Errorf("make a token: %w", err)
	}
	return IssuedToken{Text: text, APIToken: token}, nil
}

// TokenHolder returns who comes with a token: what it names, as far as who made it may do that now. It returns
// [ErrToken] for any that is not good, or whose maker cannot sign in any more.
func (s *Service) TokenHolder(ctx context.Context, text string) (*Actor, error) {
	if !wellFormed(text) {
		return nil, ErrToken
	}
	now := s.now()
	token, err := s.store.TokenByHash(ctx, hashOf(text), now)
	if err != nil {
		return nil, tokenError(err)
	}
	actor, err := s.Actor(ctx, token.User, token.Organisation)
	if err != nil {
		return nil, tokenError(err)
	}
	if actor.Organisation.ID != token.Organisation {
		return nil, ErrToken // its maker works there no longer
	}
	actor.Kind, actor.Token, actor.Memberships = survey.ByToken, &token, nil
	day := now.UTC().Truncate(24 * time.Hour)
	if token.Used == nil || token.Used.Before(day) {
		if err := s.store.TokenUsed(ctx, token.Organisation, token.ID, day); err != nil {
			return nil, tokenError(err)
		}
	}
	return actor, nil
}

func tokenError(err error) error {
	if errors.Is(err, survey.ErrNotFound) || errors.Is(err, ErrSignedOut) {
		return ErrToken
	}
	return fmt.Errorf("token: %w", err)
}

// wellFormed reports whether a text is a token, good or not.
func wellFormed(text string) bool {
	if len(text) != len(tokenPrefix)+tokenDigits+checkDigits || !strings.HasPrefix(text, tokenPrefix) {
		return false
	}
	body := text[:len(text)-checkDigits]
	return tokenCheck(body) == text[len(body):]
}

func tokenCheck(body string) string {
	return inBase62(new(big.Int).SetUint64(uint64(crc32.ChecksumIEEE([]byte(body)))), checkDigits)
}

// inBase62 writes a number with leading zeros.
func inBase62(number *big.Int, digits int) string {
	text := make([]byte, digits)
	rest, base, digit := new(big.Int).Set(number), big.NewInt(int64(len(base62))), new(big.Int)
	for i := range text {
		rest.QuoRem(rest, base, digit)
		text[digits-1-i] = base62[digit.Int64()]
	}
	return string(text)
}
