package access

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"cxmirror/pkg/survey"
)

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
	Existing bool   // she has a way to sign in already, and now one more organisation
	Mailed   bool   // a letter is on its way
	Link     string // to be handed over where no mail can be sent; "" where it must not be seen
}

// Invite makes somebody a member of an organisation, on the word of one of its owners. It returns a [*RefusedError] for
// what cannot be an address, a name or roles, and for an account that must not be trusted.
//
// Who is new gets a link to choose a password, which goes by mail alone where there is mail. Accepting such a link, or
// coming by single sign-on, proves that the address is hers, and who has proved it is simply added. Of any other
// account nobody knows who chose its password: somebody may have made it to wait for this very invitation. So it
// begins anew where it opens nothing else: its password and all that lets in by it end, and it gets a link like
// a new one. Where it works elsewhere or runs the server, whoever invites must not come by it either: without mail
// only the machine's own command line adds it, and with mail it is asked to prove itself first
// ([AccountUnproved]).
func (s *Service) Invite(ctx context.Context, by *Actor, in Invitation) (Invited, error) {
	return s.invite(ctx, by, in, s.store.Admit, s.admitByOwner)
}

// InviteAgain sends a member who has not accepted yet another link, as [Service.Invite] does; the one before ends. Whoever
// is no member is [survey.ErrNotFound].
func (s *Service) InviteAgain(ctx context.Context, by *Actor, organisation survey.OrganisationID, id survey.UserID) (Invited, error) {
	user, err := s.store.User(ctx, id)
	if err != nil {
		return Invited{}, fmt.Errorf("invite again: %w", err)
	}
	in := Invitation{Organisation: organisation, Address: user.Address, Roles: survey.Roles()} // the roles are not read
	return s.invite(ctx, by, in, s.store.Admit, func(at survey.Standing, roles []survey.Role) (admitting, error) {
		if len(at.Roles) == 0 {
			return admitting{}, survey.ErrNotFound
		}
		a, err := s.admitByOwner(at, roles)
		a.roles = at.Roles
		return a, err
	})
}

// Appoint makes somebody an owner of an organisation that is not in use, on the word of whoever runs the server. Of
// one that has surveys or people it is [survey.ErrInUse]: its owners say who works there. A link that would be shown is
// worth nothing once there is something to see.
func (s *Service) Appoint(ctx context.Context, by *Actor, in Invitation) (Invited, error) {
	in.Roles = []survey.Role{survey.Owner}
	return s.invite(ctx, by, in, s.store.AdmitToUnused, s.admitByServer)
}

// admitting is how somebody is admitted, as one of the rules says.
type admitting struct {
	roles []survey.Role
	anew  bool           // nothing that let in before does any more
	way   survey.LinkWay // of the link that she gets; "" is none: she has a way to sign in
}

// admitByOwner is the rule for owners.
func (s *Service) admitByOwner(at survey.Standing, roles []survey.Role) (admitting, error) {
	signsIn := at.User.PasswordHash != "" || at.User.Subject != ""
	opensNothing := !at.Elsewhere && !at.User.Administrator
	way := survey.ByHand
	if s.SendsMail() {
		way = survey.ByMail
	}
	switch {
	case signsIn && len(at.Roles) > 0:
		return admitting{}, refuse(AlreadyMember, "%s is a member already: change her roles instead", at.User.Address)
	case signsIn && (at.User.Proved || at.User.Subject != ""):
		return admitting{roles: roles}, nil
	case opensNothing, !signsIn && s.SendsMail():
		return admitting{roles: roles, anew: true, way: way}, nil
	case s.SendsMail():
		return admitting{}, refuse(AccountUnproved, "the account of %s has not proved yet that the address is its own", at.User.Address)
	}
	return admitting{}, refuse(AccountElsewhere, "%s works elsewhere, or runs the server, and no mail is sent that would show who has the account: cxmirror user role adds it", at.User.Address)
}

// admitByServer is the rule for whoever runs the server. As long as there is nothing to see she may trust whom she likes,
// but gets no link to an account that opens something elsewhere.
func (s *Service) admitByServer(at survey.Standing, roles []survey.Role) (admitting, error) {
	a := admitting{roles: append(slices.Clone(roles), at.Roles...)}
	switch signsIn := at.User.PasswordHash != "" || at.User.Subject != ""; {
	case signsIn, !s.SendsMail() && at.ElsewhereInUse: // she has a way to sign in, or the invitation of others
	case s.SendsMail():
		a.way = survey.ByMail
	default:
		a.way = survey.ByServer
	}
	return a, nil
}

// invite checks an invitation, admits somebody as a rule says, and tells her.
func (s *Service) invite(ctx context.Context, by *Actor, in Invitation,
	admit func(context.Context, survey.OrganisationID, survey.UserID, func(survey.Standing) (survey.Admission, error)) error,
	rule func(survey.Standing, []survey.Role) (admitting, error),
) (Invited, error) {
	user, organisation, err := s.invitee(ctx, &in)
	if err != nil {
		return Invited{}, err
	}
	var with admitting
	link, address, err := s.makeLink(user.ID, survey.InvitationLink, "")
	if err != nil {
		return Invited{}, err
	}
	err = admit(ctx, in.Organisation, user.ID, func(at survey.Standing) (survey.Admission, error) {
		if with, err = rule(at, in.Roles); err != nil {
			return survey.Admission{}, err
		}
		admission := survey.Admission{Roles: with.roles, Anew: with.anew}
		if link.Way = with.way; with.way != "" {
			admission.Link = &link
		}
		user = at.User
		return admission, nil
	})
	told := survey.Args{"Organisation": survey.OneLine(organisation.Name), "By": cmp.Or(by.called(), issuerName)}
	if refused, ok := errors.AsType[*RefusedError](err); ok {
		if refused.Problem == AccountUnproved {
			err = errors.Join(s.sendReset(ctx, in.Address), refused)
		}
		return Invited{}, err
	}
	if err != nil {
		return Invited{}, fmt.Errorf("invite: %w", err)
	}
	invited := Invited{User: user, Existing: with.way == ""}
	switch with.way {
	case "":
		invited.Mailed = s.post.send(ctx, user, letterAdded, told)
	case survey.ByMail:
		told["Link"] = address
		invited.Mailed = s.post.send(ctx, user, letterInvitation, told)
	case survey.ByHand, survey.ByServer:
		invited.Link = address
	}
	return invited, nil
}

// invitee checks what was typed, and returns the user whom it names, made if she is new, and the organisation.
func (s *Service) invitee(ctx context.Context, in *Invitation) (user survey.User, organisation survey.Organisation, err error) {
	if in.Address, err = CheckAddress(in.Address); err != nil {
		return user, organisation, err
	}
	if strings.TrimSpace(in.Name) != "" {
		if in.Name, err = CheckName(in.Name); err != nil {
			return user, organisation, err
		}
	}
	if err := checkRoles(in.Roles); err != nil {
		return user, organisation, err
	}
	if organisation, err = s.store.Organisation(ctx, in.Organisation); err != nil {
		return user, organisation, fmt.Errorf("invite: %w", err)
	}
	user, err = s.store.UserByAddress(ctx, in.Address)
	if errors.Is(err, survey.ErrNotFound) {
		user = survey.User{Address: in.Address, Name: in.Name, Language: in.Language, Created: s.now()}
		err = s.store.CreateUser(ctx, &user)
	}
	if err != nil {
		return user, organisation, fmt.Errorf("invite: %w", err)
	}
	return user, organisation, nil
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
	link, err := s.newLink(ctx, id, survey.InvitationLink, survey.ByMail)
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
