package access

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"cxmirror/pkg/survey"
)

// How long one-time links can be used.
const (
	InvitationFor = 7 * 24 * time.Hour
	ResetFor      = time.Hour
	SetUpFor      = 24 * time.Hour
)

const linkBytes = 32

// newSecret returns a secret for an address, and what the database keeps of it.
func (s *Service) newSecret() (secret string, hash []byte, err error) {
	random, err := s.bytesOf(linkBytes)
	if err != nil {
		return "", nil, err
	}
	secret = base64.RawURLEncoding.EncodeToString(random)
	return secret, hashOf(secret), nil
}

func hashOf(secret string) []byte {
	hash := sha256.Sum256([]byte(secret))
	return hash[:]
}

// makeLink returns a one-time link that is not stored yet, and its address.
func (s *Service) makeLink(user survey.UserID, kind survey.LinkKind, way survey.LinkWay) (link survey.SignInLink, address string, err error) {
	lasts := map[survey.LinkKind]time.Duration{survey.InvitationLink: InvitationFor, survey.ResetLink: ResetFor, survey.SetUpLink: SetUpFor}
	secret, hash, err := s.newSecret()
	link = survey.SignInLink{Hash: hash, Kind: kind, User: user, Way: way, Expires: s.now().Add(lasts[kind])}
	return link, s.base + "/" + string(kind) + "/" + secret, err
}

// newLink stores a one-time link and returns its address. The way is how that is going to reach the user.
func (s *Service) newLink(ctx context.Context, user survey.UserID, kind survey.LinkKind, way survey.LinkWay) (address string, err error) {
	link, address, err := s.makeLink(user, kind, way)
	if err != nil {
		return "", err
	}
	if err := s.store.CreateLink(ctx, link); err != nil {
		return "", fmt.Errorf("%s link: %w", kind, err)
	}
	return address, nil
}

// NewLink makes a one-time link for a user and returns its address, to be handed over: for the command line. Whoever
// has it can sign in as that user: the trails of all her organisations say so.
func (s *Service) NewLink(ctx context.Context, id survey.UserID, kind survey.LinkKind) (address string, err error) {
	if kind == survey.SetUpLink {
		return "", fmt.Errorf("a %s link is nobody's", kind)
	}
	if _, err := s.store.User(ctx, id); err != nil {
		return "", fmt.Errorf("%s link: %w", kind, err)
	}
	return s.newLink(ctx, id, kind, survey.ByHand)
}

// LinkToShow makes a one-time link for a user, to be shown to somebody who runs the server and handed over by her, and
// says of which kind it is. It is [survey.ErrConflict] where the user can have none: where mail is sent, which brings
// her one that nobody else sees, and where she signs in elsewhere or must not. It is [survey.ErrInUse] where she works
// in an organisation that is in use; and the link stops working when she does, or when one of hers becomes so.
func (s *Service) LinkToShow(ctx context.Context, id survey.UserID) (address string, kind survey.LinkKind, err error) {
	user, err := s.store.User(ctx, id)
	if err == nil && (s.SendsMail() || user.Disabled || user.Subject != "") {
		err = survey.ErrConflict
	}
	used := false
	if err == nil {
		used, err = s.store.WorksWhereInUse(ctx, id)
	}
	if used {
		err = survey.ErrInUse
	}
	if err != nil {
		return "", "", fmt.Errorf("a link to be shown: %w", err)
	}
	kind = survey.ResetLink
	if user.PasswordHash == "" {
		kind = survey.InvitationLink
	}
	address, err = s.newLink(ctx, id, kind, survey.ByServer)
	return address, kind, err
}

// Reset sends a link to set another password, if there is a user with the address. Its answer is the same and comes
// after the same time if there is none: whether there is one is looked up later, in [Service.Run]. It returns
// [ErrNoMail], or a [*SlowDownError] to a visitor who asks too often; an address that is asked for too often
// gets no more mails for a while.
func (s *Service) Reset(ctx context.Context, address, from string) error {
	if !s.SendsMail() {
		return ErrNoMail
	}
	now := s.now()
	if err := s.gate.askingForReset(now, from); err != nil {
		return err
	}
	address, err := CheckAddress(address)
	if err != nil || !s.gate.mayBeAskedFor(now, address) {
		return nil //nolint:nilerr // the answer is the same whatever was typed
	}
	queued := s.post.later(func(ctx context.Context) {
		if err := s.sendReset(ctx, address); err != nil {
			s.log.ErrorContext(ctx, "a link for another password could not be made", "error", err)
		}
	})
	if !queued {
		return &SlowDownError{Until: now.Add(busyFor)}
	}
	return nil
}

func (s *Service) sendReset(ctx context.Context, address string) error {
	user, err := s.store.UserByAddress(ctx, address)
	if errors.Is(err, survey.ErrNotFound) || err == nil && user.Disabled {
		return nil
	}
	if err != nil {
		return err
	}
	if user.Subject != "" && user.PasswordHash == "" {
		s.post.send(ctx, user, letterElsewhere, nil) // who looks after her there decides what she needs to sign in
		return nil
	}
	link, err := s.newLink(ctx, user.ID, survey.ResetLink, survey.ByMail)
	if err != nil {
		return err
	}
	s.post.send(ctx, user, letterReset, survey.Args{"Link": link})
	return nil
}

// OpenLink returns whose link it is, and uses nothing up: mail programs open links to look at them. It returns
// [ErrLink] where nothing can be done with it any more.
func (s *Service) OpenLink(ctx context.Context, secret string, kind survey.LinkKind) (survey.User, error) {
	link, err := s.store.Link(ctx, hashOf(secret), kind, s.now())
	if err != nil {
		return survey.User{}, linkError(kind, err)
	}
	return s.userOf(ctx, link)
}

func (s *Service) userOf(ctx context.Context, link survey.SignInLink) (survey.User, error) {
	user, err := s.store.User(ctx, link.User)
	if err == nil && user.Disabled {
		return survey.User{}, ErrLink
	}
	if err != nil {
		return survey.User{}, linkError(link.Kind, err)
	}
	return user, nil
}

func linkError(kind survey.LinkKind, err error) error {
	if errors.Is(err, survey.ErrNotFound) || errors.Is(err, survey.ErrConflict) {
		return ErrLink
	}
	return fmt.Errorf("%s link: %w", kind, err)
}

// Acceptance is what somebody gives who accepts a link.
type Acceptance struct {
	Name     string          // "" leaves the one she has
	Language survey.Language // "" leaves the one she has
	Password string
}

// AcceptLink sets the password of who has a link, ends all her sessions and all her links, and lets her in, unless
// she has a second factor, which is asked for as ever. Where others than she have seen the link her tokens end too. Of
// several who accept at once one does. It returns [ErrLink], a [*SlowDownError] or a [*RefusedError], after which the
// link can still be used.
func (s *Service) AcceptLink(ctx context.Context, secret string, kind survey.LinkKind, a Acceptance) (Outcome, error) {
	user, err := s.OpenLink(ctx, secret, kind)
	if err != nil {
		return Outcome{}, err
	}
	if user, err = accepted(user, a); err != nil {
		return Outcome{}, err
	}
	hash, err := s.newPassword(ctx, a.Password, user)
	if err != nil {
		return Outcome{}, err
	}
	chosen := survey.Acceptance{Name: user.Name, Language: user.Language, PasswordHash: hash, At: s.now()}
	if user, err = s.store.AcceptLink(ctx, hashOf(secret), kind, chosen); err != nil {
		return Outcome{}, linkError(kind, err)
	}
	if kind == survey.ResetLink {
		s.post.send(ctx, user, letterPassword, nil)
	}
	if len(user.SecondFactor) > 0 {
		return halfway(user), nil
	}
	return s.letIn(ctx, user, nil)
}

// accepted returns a user with what she has chosen.
func accepted(user survey.User, a Acceptance) (survey.User, error) {
	if a.Language != "" {
		user.Language = a.Language
	}
	if strings.TrimSpace(a.Name) != "" || user.Name == "" {
		name, err := CheckName(a.Name)
		if err != nil {
			return survey.User{}, err
		}
		user.Name = name
	}
	return user, nil
}

// newPassword returns the hash of a password that a user may have.
func (s *Service) newPassword(ctx context.Context, password string, user survey.User) (hash string, err error) {
	if err := s.CheckPassword(password, user.Address, user.Name); err != nil {
		return "", err
	}
	hash, err = s.hasher.hash(ctx, password)
	return hash, s.slowDown(err)
}

// SetUpLink makes the link by which the first administrator of a new service comes in, and returns its address, or
// [survey.ErrConflict] when there is a user already. A newer one takes its place.
func (s *Service) SetUpLink(ctx context.Context) (address string, err error) {
	if err := s.fresh(ctx); err != nil {
		return "", err
	}
	return s.newLink(ctx, 0, survey.SetUpLink, survey.ByHand)
}

// OpenSetUp returns nil where a link to set up the service can be used, or [ErrLink].
func (s *Service) OpenSetUp(ctx context.Context, secret string) error {
	if _, err := s.store.Link(ctx, hashOf(secret), survey.SetUpLink, s.now()); err != nil {
		return linkError(survey.SetUpLink, err)
	}
	if err := s.fresh(ctx); err != nil {
		return linkError(survey.SetUpLink, err)
	}
	return nil
}

// fresh returns [survey.ErrConflict] where there is a user.
func (s *Service) fresh(ctx context.Context) error {
	has, err := s.store.HasUsers(ctx)
	if err == nil && has {
		err = survey.ErrConflict
	}
	if err != nil {
		return fmt.Errorf("set up the service: %w", err)
	}
	return nil
}

// Founder is the first user of a service.
type Founder struct {
	Address, Name, Password string
	Organisation            string // what the organisation that there is from the start is called
	Language                survey.Language
}

// SetUp makes the first user, who runs the server and owns the organisation that there is from the start. Of several
// who use the link at once one does. It returns [ErrLink], a [*SlowDownError] or a [*RefusedError].
func (s *Service) SetUp(ctx context.Context, secret string, f Founder) (Outcome, error) {
	if err := s.OpenSetUp(ctx, secret); err != nil {
		return Outcome{}, err
	}
	user := survey.User{Language: f.Language, Administrator: true, Created: s.now()}
	var err error
	if user.Address, err = CheckAddress(f.Address); err != nil {
		return Outcome{}, err
	}
	if user.Name, err = CheckName(f.Name); err != nil {
		return Outcome{}, err
	}
	organisation, err := CheckName(f.Organisation)
	if err != nil {
		return Outcome{}, refuse(BadOrganisation, "the name of the organisation is missing or has more than %d characters", MaxName)
	}
	if user.PasswordHash, err = s.newPassword(ctx, f.Password, user); err != nil {
		return Outcome{}, err
	}
	if err := s.store.SetUp(ctx, hashOf(secret), s.now(), organisation, &user); err != nil {
		return Outcome{}, linkError(survey.SetUpLink, err)
	}
	return s.letIn(ctx, user, nil)
}
