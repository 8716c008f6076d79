package access

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"

	"cxmirror/pkg/survey"
)

// Actor is who asks for something: somebody who is signed in, a program with a token, the command line, or the
// service itself.
type Actor struct {
	Kind         survey.ActorKind
	User         survey.User         // who is signed in, or who made the token
	Organisation survey.Organisation // in which she works now; its ID is 0 where she works in none
	Roles        []survey.Role       // in Organisation
	Memberships  []survey.Membership // every organisation she works in, without logos; none of a token
	Token        *survey.APIToken    // of a program
	Account      string              // of the machine, on the command line
}

// Actor returns somebody who is signed in, at work in an organisation: the one that is asked for, or else the first
// she works in. It returns [ErrSignedOut] for who is disabled or was deleted.
func (s *Service) Actor(ctx context.Context, id survey.UserID, organisation survey.OrganisationID) (*Actor, error) {
	user, err := s.store.User(ctx, id)
	if errors.Is(err, survey.ErrNotFound) || err == nil && user.Disabled {
		return nil, ErrSignedOut
	}
	if err != nil {
		return nil, fmt.Errorf("who is signed in: %w", err)
	}
	memberships, err := s.store.Memberships(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("who is signed in: %w", err)
	}
	actor := &Actor{Kind: survey.ByUser, User: user, Memberships: memberships}
	at := slices.IndexFunc(memberships, func(m survey.Membership) bool { return m.Organisation.ID == organisation })
	if at < 0 && len(memberships) > 0 {
		at = 0
	}
	if at >= 0 {
		actor.Organisation, actor.Roles = memberships[at].Organisation, memberships[at].Roles
	}
	return actor, nil
}

// Command returns the actor on the server's own command line, by the account of the machine. Who has the machine has
// every right; what is done there is noted like anything else.
func Command(account string) *Actor { return &Actor{Kind: survey.ByCommand, Account: account} }

// TheService returns the service itself, as an actor.
func TheService() *Actor { return &Actor{Kind: survey.ByService} }

// May reports whether the actor has a right in the organisation she works in now. [Administer] is of the instance:
// administrators have it, and no token has.
func (a *Actor) May(right Right) bool {
	switch a.Kind {
	case survey.ByCommand, survey.ByService:
		return true
	case survey.ByToken:
		return right != Administer && a.Token != nil && slices.Contains(a.Token.Rights, string(right)) && May(a.Roles, right)
	case survey.ByUser:
		if right == Administer {
			return a.User.Administrator
		}
		return May(a.Roles, right)
	}
	return false
}

// called returns what the actor is called in letters.
func (a *Actor) called() string {
	if a.User.Name != "" {
		return survey.OneLine(a.User.Name)
	}
	return a.User.Address
}

// who returns what the actor is called in the audit trail.
func (a *Actor) who() string {
	switch a.Kind {
	case survey.ByToken:
		return a.Token.Name + " (" + a.Token.Prefix + "…)"
	case survey.ByCommand:
		return a.Account
	case survey.ByUser, survey.ByService:
	}
	return a.User.Address
}

// Event is something that was done.
type Event struct {
	Action  string            // "results.viewed"
	Subject string            // "wave 12"
	Details map[string]string // such as the filter that was set; never an answer
	Request string            // the number of the request

	// Instance says that it was not done in an organisation.
	Instance bool
}

// How much the audit trail keeps of what people type.
const (
	maxDetails = 40
	maxDetail  = 500 // characters of a value
)

// Note adds what an actor did to the audit trail.
func (s *Service) Note(ctx context.Context, a *Actor, e Event) error {
	event := survey.AuditEvent{
		At: s.now().UTC(), Organisation: a.Organisation.ID, Actor: a.Kind, User: a.User.ID, Who: cut(a.who()),
		Action: e.Action, Subject: cut(e.Subject), Request: cut(e.Request),
	}
	if e.Instance {
		event.Organisation = 0
	}
	if len(e.Details) > 0 {
		event.Details = make(map[string]string, min(len(e.Details), maxDetails))
	}
	for _, key := range firstKeys(e.Details, maxDetails) {
		event.Details[key] = cut(e.Details[key])
	}
	if err := s.store.Note(ctx, event); err != nil {
		return fmt.Errorf("audit trail: %w", err)
	}
	return nil
}

// firstKeys returns the first n keys of a map in alphabetical order.
func firstKeys(of map[string]string, n int) []string {
	keys := make([]string, 0, len(of))
	for key := range of {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys[:min(n, len(keys))]
}

// cut makes a text one valid line of at most maxDetail characters.
func cut(text string) string {
	text = survey.OneLine(text)
	if utf8.RuneCountInString(text) > maxDetail {
		return string([]rune(text)[:maxDetail-1]) + "…"
	}
	return text
}
