package access

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/mail"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"cxmirror/pkg/survey"
)

// Store keeps users, what they are in which organisation, and what lets them in. *store.Store is one. What is not
// there is [survey.ErrNotFound]; what somebody else changed or used meanwhile is [survey.ErrConflict].
type Store interface {
	HasUsers(ctx context.Context) (bool, error)
	SetUp(ctx context.Context, hash []byte, now time.Time, organisation string, user *survey.User) error
	CreateUser(ctx context.Context, user *survey.User) error
	User(ctx context.Context, id survey.UserID) (survey.User, error)
	UserByAddress(ctx context.Context, address string) (survey.User, error)
	UserBySubject(ctx context.Context, issuer, subject string) (survey.User, error)
	ChangeUser(ctx context.Context, id survey.UserID, change func(*survey.User) error) (survey.User, error)
	SetPassword(ctx context.Context, id survey.UserID, hash string) error
	ReplacePassword(ctx context.Context, id survey.UserID, was, hash string) error
	SetSecondFactor(ctx context.Context, id survey.UserID, sealed []byte, codes [][]byte) error
	UseSecondFactor(ctx context.Context, id survey.UserID, step int64) error
	UseRecoveryCode(ctx context.Context, id survey.UserID, hash []byte) (left int, err error)
	SignedIn(ctx context.Context, id survey.UserID, now time.Time) error

	Organisation(ctx context.Context, id survey.OrganisationID) (survey.Organisation, error)
	Admit(ctx context.Context, organisation survey.OrganisationID, user survey.UserID, decide func(survey.Standing) (survey.Admission, error)) error
	AdmitToUnused(ctx context.Context, organisation survey.OrganisationID, user survey.UserID, decide func(survey.Standing) (survey.Admission, error)) error
	WorksWhereInUse(ctx context.Context, user survey.UserID) (bool, error)
	Memberships(ctx context.Context, user survey.UserID) ([]survey.Membership, error)
	GroupRoles(ctx context.Context) ([]survey.GroupRole, error)
	SetRolesFromGroups(ctx context.Context, user survey.UserID, roles []survey.GroupRole) (changed []survey.OrganisationID, err error)

	EndSessions(ctx context.Context, user survey.UserID, except string) (int, error)

	CreateLink(ctx context.Context, link survey.SignInLink) error
	Link(ctx context.Context, hash []byte, kind survey.LinkKind, now time.Time) (survey.SignInLink, error)
	AcceptLink(ctx context.Context, hash []byte, kind survey.LinkKind, a survey.Acceptance) (survey.User, error)

	CreateToken(ctx context.Context, token *survey.APIToken) error
	TokenByHash(ctx context.Context, hash []byte, now time.Time) (survey.APIToken, error)
	TokenUsed(ctx context.Context, organisation survey.OrganisationID, id survey.TokenID, day time.Time) error

	Note(ctx context.Context, event survey.AuditEvent) error
}

// Options are what a [Service] needs.
type Options struct {
	Store  Store
	Log    *slog.Logger
	Now    func() time.Time
	Random io.Reader // of secrets
	Key    []byte    // 32 bytes that the database does not have: seals second factors and knows browsers again
	Base   string    // address of the service as people reach it, "https://survey.example.org"

	// Mail sends one letter, or says why it could not; it is called outside of requests, by several at once.
	// nil is a service that sends no mail.
	Mail func(context.Context, Letter) error

	Cost     HashCost      // of passwords; zero is [DefaultCost]
	Hashes   int           // passwords that are worked on at a time; 0 is 2
	Breached string        // file of passwords that everybody knows, see [Service.CheckPassword]; "" is none
	SignOn   *SingleSignOn // nil is none
}

// Service finds out who somebody is, and lets people in. It is safe for concurrent use.
//
// How often somebody has failed is known to each running program for itself, and forgotten when it ends: of n
// programs behind one address, whoever guesses has up to n times the tries. What must hold for all together, that a
// link or a code works once and that a token is revoked, the database decides.
type Service struct {
	store  Store
	log    *slog.Logger
	now    func() time.Time
	random io.Reader
	base   string

	hasher   *hasher
	breached *breachedList
	gate     *gate
	devices  deviceKey
	factors  factorKey
	post     *post
	signOn   *signOn
}

const keyBytes = 32

// New returns a service. Letters are written and sent while [Service.Run] runs.
func New(o Options) (*Service, error) {
	if len(o.Key) != keyBytes {
		return nil, fmt.Errorf("key for signing in: %d bytes, want %d", len(o.Key), keyBytes)
	}
	base, err := url.Parse(o.Base)
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" || base.RawQuery != "" || base.Fragment != "" {
		return nil, fmt.Errorf("address of the service: %q is not one such as https://survey.example.org", o.Base)
	}
	s := &Service{
		store: o.Store, log: o.Log, now: o.Now, random: o.Random, base: strings.TrimRight(o.Base, "/"),
		gate: newGate(), devices: deviceKey{subkey(o.Key, "device")}, factors: factorKey{subkey(o.Key, "second factor")},
	}
	if s.hasher, err = newHasher(o.Cost, o.Hashes, o.Random); err != nil {
		return nil, err
	}
	if o.Breached != "" {
		if s.breached, err = newBreachedList(o.Breached); err != nil {
			return nil, err
		}
	}
	if s.post, err = newPost(o.Mail, o.Log, s.base); err != nil {
		return nil, err
	}
	if o.SignOn != nil {
		if s.signOn, err = newSignOn(*o.SignOn, s.base, o.Now); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// Run writes and sends letters until the context ends, and then those that wait already, for some seconds. It
// returns nil when it was asked to end.
func (s *Service) Run(ctx context.Context) error { return s.post.run(ctx) }

// SendsMail reports whether the service can send letters: without, passwords are set by links that are handed over.
func (s *Service) SendsMail() bool { return s.post.mail != nil }

// subkey returns a key for one purpose.
func subkey(key []byte, purpose string) []byte {
	derived, err := hkdf.Key(sha256.New, key, nil, "cxmirror access: "+purpose, keyBytes)
	if err != nil {
		panic(err) // only a key that is too long to derive is an error
	}
	return derived
}

// bytesOf returns n random bytes.
func (s *Service) bytesOf(n int) ([]byte, error) {
	secret := make([]byte, n)
	if _, err := io.ReadFull(s.random, secret); err != nil {
		return nil, fmt.Errorf("random bytes: %w", err)
	}
	return secret, nil
}

// The answers to those who are not let in.
var (
	// ErrWrong says that what was given does not let anybody in. It is the same, and comes after the same time,
	// whether there is such a user or not.
	ErrWrong = errors.New("the address, the password or the code is wrong")
	// ErrLink is a link that was used, has expired, was replaced by a newer one, or never was.
	ErrLink = errors.New("the link has been used or has expired: ask for a new one")
	// ErrToken is a token of the API that is unknown, has expired or was revoked.
	ErrToken = errors.New("the token is unknown, has expired or was revoked")
	// ErrSignedOut is a user who cannot be signed in any more.
	ErrSignedOut = errors.New("the user was disabled or deleted")
	// ErrProvider is a provider of single sign-on that cannot be reached, or is in trouble itself.
	ErrProvider = errors.New("the provider of single sign-on does not answer")
	// ErrNoMail is a service that cannot send the letter that was asked for.
	ErrNoMail = errors.New("the service sends no mail: ask whoever runs it for a link")
)

// SlowDownError says that there were too many tries, and until when nothing more is tried.
type SlowDownError struct{ Until time.Time }

// Error says until when to wait.
func (e *SlowDownError) Error() string {
	return "too many tries: wait until " + e.Until.UTC().Format(time.RFC3339)
}

// Problem is why something that was asked for is refused. It is the name of a phrase on pages.
type Problem string

// The problems.
const (
	PasswordShort    Problem = "password_short"    // fewer than [MinPassword] characters
	PasswordLong     Problem = "password_long"     // more than [MaxPassword] bytes
	PasswordLikeYou  Problem = "password_like_you" // the address or the name
	PasswordSimple   Problem = "password_simple"   // hardly more than one character, repeated
	PasswordKnown    Problem = "password_known"    // in the list of those that everybody knows
	BadAddress       Problem = "bad_address"       // not one that mail can be sent to
	BadName          Problem = "bad_name"          // missing, or longer than [MaxName] characters
	BadOrganisation  Problem = "bad_organisation"  // its name is missing, or longer than [MaxName] characters
	BadRoles         Problem = "bad_roles"         // none, or one that there is not
	AlreadyMember    Problem = "already_member"    // who is invited works there already
	AccountUnproved  Problem = "account_unproved"  // nobody has shown yet that the account is hers whose address it has
	AccountElsewhere Problem = "account_elsewhere" // the same, and no mail can be sent to find out
	BadRights        Problem = "bad_rights"        // none, or one that who asks does not have herself
	BadExpiry        Problem = "bad_expiry"        // in the past, or later than [LongestToken] from now
	BadCode          Problem = "bad_code"          // of the second factor, while it is set up

	SignOnExpired    Problem = "sign_on_expired"    // begun too long ago, in another browser, or finished already
	SignOnCancelled  Problem = "sign_on_cancelled"  // the provider says that she did not want to, or may not
	SignOnRefused    Problem = "sign_on_refused"    // the provider's answer does not prove who she is
	SignOnUnverified Problem = "sign_on_unverified" // the provider has not verified that the address is hers
	SignOnNoRole     Problem = "sign_on_no_role"    // none of her groups has a role anywhere, and nobody gave her one
	SignOnTaken      Problem = "sign_on_taken"      // her address is that of a user who signs in as somebody else
)

// RefusedError says why something that was asked for is refused.
type RefusedError struct {
	Problem Problem
	Words   string // in English, for logs and the command line
	Address string // of whom a provider of single sign-on has sent, if it has verified her address
}

// Error says in English why.
func (e *RefusedError) Error() string { return e.Words }

func refuse(p Problem, format string, args ...any) *RefusedError {
	return &RefusedError{Problem: p, Words: fmt.Sprintf(format, args...)}
}

// What users may be called.
const (
	MaxName    = 100 // characters
	maxAddress = 254 // bytes, as much as mail takes
)

// CheckAddress returns an address of e-mail as users have it, in lower case, or a [*RefusedError]. Letters beside
// those of ASCII are refused: an address that only looks like another would be another user.
func CheckAddress(given string) (address string, err error) {
	address = strings.ToLower(strings.TrimSpace(given))
	parsed, err := mail.ParseAddress(address)
	if err != nil || parsed.Address != address || parsed.Name != "" || len(address) > maxAddress ||
		strings.ContainsAny(address, "\"()[]\\<>,;:") || strings.ContainsFunc(address, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return "", refuse(BadAddress, "that is not an address of e-mail: want one such as name@company.com")
	}
	return address, nil
}

// CheckName returns a name in one line without blanks around it, or a [*RefusedError].
func CheckName(given string) (name string, err error) {
	name = survey.OneLine(given)
	if name == "" || !utf8.ValidString(given) || utf8.RuneCountInString(name) > MaxName {
		return "", refuse(BadName, "the name is missing or has more than %d characters", MaxName)
	}
	return name, nil
}
