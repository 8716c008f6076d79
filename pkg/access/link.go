package access

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
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

// newLink stores a one-time link and returns its address.
func (s *Service) newLink(ctx context.Context, user survey.UserID, kind survey.LinkKind) (address string, err error) {
	lasts := map[survey.LinkKind]time.Duration{survey.InvitationLink: InvitationFor, survey.ResetLink: ResetFor, survey.SetUpLink: SetUpFor}
	secret, hash, err := s.newSecret()
	if err != nil {
		return "", err
	}
	link := survey.SignInLink{Hash: hash, Kind: kind, User: user, Expires: s.now().Add(lasts[kind])}
	if err := s.store.CreateLink(ctx, link); err != nil {
		return "", fmt.Errorf("%s link: %w", kind, err)
	}
	return s.base + "/" + string(kind) + "/" + secret, nil
}

// Invitation is whom to let work in an organisation as what.
type Invitation struct {
	Organisation survey.OrganisationID
	Address      string
	Name         string          // of somebody new; may be ""
	Language     survey.Language // of somebody new
	Roles        []survey.Role   // at least one
}

// Invited is what became of an invitation.
type Invited struct {
	User     survey.User
	Existing bool   // she had a way to sign in already, and now has one more organisation
	Mailed   bool   // a letter is on its way
	Link     string // to be handed over where no mail can be sent; "" where it must not be seen
}

// Invite makes somebody a member of an organisation. Who is new gets a link to choose a password, which goes by mail
// alone where there is mail: so accepting it shows that the address is hers, and nobody who invites can accept for
// somebody whom another organisation trusts, not even who runs the server. Who was invited and has not accepted yet
// gets a new link. Without mail, whoever invites is shown the link, and so all who may invite must be trusted by all
// organisations of the service. It returns a [*RefusedError] for what cannot be an address, a name or roles.
func (s *Service) Invite(ctx context.Context, by *Actor, in Invitation) (Invited, error) {
	address, err := CheckAddress(in.Address)
	if err != nil {
		return Invited{}, err
	}
	if strings.TrimSpace(in.Name) != "" {
		if in.Name, err = CheckName(in.Name); err != nil {
			return Invited{}, err
		}
	}
	if err := checkRoles(in.Roles); err != nil {
		return Invited{}, err
	}
	organisation, err := s.store.Organisation(ctx, in.Organisation)
	if err != nil {
		return Invited{}, fmt.Errorf("invite: %w", err)
	}
	user, err := s.store.UserByAddress(ctx, address)
	if errors.Is(err, survey.ErrNotFound) {
		user = survey.User{Address: address, Name: in.Name, Language: in.Language, Created: s.now()}
		err = s.store.CreateUser(ctx, &user)
	}
	if err != nil {
		return Invited{}, fmt.Errorf("invite: %w", err)
	}
	existing := user.PasswordHash != "" || user.Subject != ""
	if existing {
		if err := s.notYetIn(ctx, in.Organisation, user); err != nil {
			return Invited{}, err
		}
	}
	if err := s.store.SetRoles(ctx, in.Organisation, user.ID, in.Roles); err != nil {
		return Invited{}, fmt.Errorf("invite: %w", err)
	}
	told := survey.Args{"Organisation": survey.OneLine(organisation.Name), "By": cmp.Or(by.called(), issuerName)}
	if existing {
		mailed := s.post.send(ctx, user, letterAdded, told)
		return Invited{User: user, Existing: true, Mailed: mailed}, nil
	}
	// A link that was shown to somebody else ends here: the newer takes its place.
	link, err := s.newLink(ctx, user.ID, survey.InvitationLink)
	if err != nil {
		return Invited{}, err
	}
	told["Link"] = link
	invited := Invited{User: user, Mailed: s.post.send(ctx, user, letterInvitation, told)}
	if !s.SendsMail() {
		invited.Link = link
	}
	return invited, nil
}

// MailInvitation sends a user who has no password yet a new link to choose one, which nobody else sees; a link made
// before ends. It reports whether the letter is on its way: not when too many wait. It returns [ErrNoMail] where no mail
// can be sent, and [survey.ErrConflict] for who can sign in already or must not.
func (s *Service) MailInvitation(ctx context.Context, by *Actor, id survey.UserID) (mailed bool, err error) {
	if !s.SendsMail() {
		return false, ErrNoMail
	}
	user, err := s.store.User(ctx, id)
	if err == nil && (user.PasswordHash != "" || user.Subject != "" || user.Disabled) {
		err = survey.ErrConflict
	}
	if err != nil {
		return false, fmt.Errorf("mail an invitation: %w", err)
	}
	memberships, err := s.store.Memberships(ctx, id)
	if err != nil {
		return false, fmt.Errorf("mail an invitation: %w", err)
	}
	link, err := s.newLink(ctx, id, survey.InvitationLink)
	if err != nil {
		return false, err
	}
	told := survey.Args{"By": cmp.Or(by.called(), issuerName), "Link": link}
	if len(memberships) == 0 {
		return s.post.send(ctx, user, letterAccount, told), nil
	}
	names := make([]string, len(memberships))
	for i := range memberships {
		names[i] = survey.OneLine(memberships[i].Organisation.Name)
	}
	told["Organisation"] = strings.Join(names, ", ")
	return s.post.send(ctx, user, letterInvitation, told), nil
}

// notYetIn refuses to invite who can come in already: her roles are changed, not given by an invitation once more.
func (s *Service) notYetIn(ctx context.Context, organisation survey.OrganisationID, user survey.User) error {
	memberships, err := s.store.Memberships(ctx, user.ID)
	if err != nil {
		return fmt.Errorf("invite: %w", err)
	}
	if slices.ContainsFunc(memberships, func(m survey.Membership) bool { return m.Organisation.ID == organisation }) {
		return refuse(AlreadyMember, "%s is a member already: change her roles instead", user.Address)
	}
	return nil
}

func checkRoles(roles []survey.Role) error {
	if len(roles) == 0 {
		return refuse(BadRoles, "a member has at least one role")
	}
	for _, role := range roles {
		if !slices.Contains(survey.Roles(), role) {
			return refuse(BadRoles, "%q is not a role: want some of %v", role, survey.Roles())
		}
	}
	return nil
}

// NewLink makes a one-time link for a user and returns its address: for an administrator, where no mail can be sent, or
// the command line, to hand over. Whoever has it can sign in as that user: the trails of all her organisations say so.
func (s *Service) NewLink(ctx context.Context, id survey.UserID, kind survey.LinkKind) (address string, err error) {
	if kind == survey.SetUpLink {
		return "", fmt.Errorf("a %s link is nobody's", kind)
	}
	if _, err := s.store.User(ctx, id); err != nil {
		return "", fmt.Errorf("%s link: %w", kind, err)
	}
	return s.newLink(ctx, id, kind)
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
	link, err := s.newLink(ctx, user.ID, survey.ResetLink)
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
// she has a second factor, which is asked for as ever. Of several who accept at once one does. It returns [ErrLink],
// a [*SlowDownError] or a [*RefusedError], after which the link can still be used.
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
	if _, err := s.store.UseLink(ctx, hashOf(secret), kind, s.now()); err != nil {
		return Outcome{}, linkError(kind, err)
	}
	chosen := user
	user, err = s.store.ChangeUser(ctx, user.ID, func(u *survey.User) error {
		if u.Disabled { // since the link was opened
			return survey.ErrNotFound
		}
		u.Name, u.Language = chosen.Name, chosen.Language
		return nil
	})
	if err != nil {
		return Outcome{}, linkError(kind, err)
	}
	if err := s.store.SetPassword(ctx, user.ID, hash); err != nil {
		return Outcome{}, fmt.Errorf("%s link: %w", kind, err)
	}
	user.PasswordHash = hash
	if _, err := s.store.EndSessions(ctx, user.ID, ""); err != nil {
		return Outcome{}, fmt.Errorf("%s link: %w", kind, err)
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
	return s.newLink(ctx, 0, survey.SetUpLink)
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

// founded returns the organisation that there is from the start, under its name.
func (s *Service) founded(ctx context.Context, name string) (survey.Organisation, error) {
	name, err := CheckName(name)
	if err != nil {
		return survey.Organisation{}, refuse(BadOrganisation, "the name of the organisation is missing or has more than %d characters", MaxName)
	}
	organisation, err := s.store.Organisation(ctx, survey.DefaultOrganisation)
	if err != nil {
		return survey.Organisation{}, fmt.Errorf("set up the service: %w", err)
	}
	organisation.Name = name
	return organisation, nil
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
	organisation, err := s.founded(ctx, f.Organisation)
	if err != nil {
		return Outcome{}, err
	}
	if user.PasswordHash, err = s.newPassword(ctx, f.Password, user); err != nil {
		return Outcome{}, err
	}
	if _, err := s.store.UseLink(ctx, hashOf(secret), survey.SetUpLink, s.now()); err != nil {
		return Outcome{}, linkError(survey.SetUpLink, err)
	}
	if err := s.store.SaveOrganisation(ctx, organisation); err != nil {
		return Outcome{}, fmt.Errorf("set up the service: %w", err)
	}
	if err := s.store.CreateUser(ctx, &user); err != nil {
		return Outcome{}, fmt.Errorf("set up the service: %w", err)
	}
	if err := s.store.SetRoles(ctx, survey.DefaultOrganisation, user.ID, []survey.Role{survey.Owner}); err != nil {
		return Outcome{}, fmt.Errorf("set up the service: %w", err)
	}
	return s.letIn(ctx, user, nil)
}
