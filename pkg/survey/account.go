package survey

import (
	"slices"
	"time"
)

// UserID names somebody who signs in.
type UserID int64

// ViewID names a saved view of results.
type ViewID int64

// TokenID names a token of the API.
type TokenID int64

// Organisation is a company that asks, a client of a consultant perhaps. What belongs to one is not seen by another.
type Organisation struct {
	ID        OrganisationID
	Name      string
	Languages []Language // that it asks in, the first one by default; empty is whatever a questionnaire has
	Accent    string     // "#rrggbb", the colour of its pages' accents; "" is the product's own
	Logo      []byte     // a picture of at most 64 KiB; nil is none
	LogoKind  string     // its media type: image/png, image/jpeg or image/webp
	Threshold int        // proposed for new waves among employees; at least 1
	Comments  int        // the threshold of comments proposed for the same; at least Threshold
	Retention int        // days after the end of a wave until personal data go, proposed for new waves; 0 is no proposal
	Created   time.Time
	Archived  *time.Time // set: it takes no answers and nobody works in it; nothing is lost
}

// What is proposed for new waves where an organisation says nothing else: colleagues know each other, and how they
// write.
const (
	UsualThreshold = 5
	UsualComments  = 10
)

// What a change of accounts is refused for. Each is also an [ErrConflict].
const (
	ErrAddressTaken      conflict = "the address is another user's"
	ErrSubjectTaken      conflict = "that account of single sign-on is another user's"
	ErrLastAdministrator conflict = "nobody else who can sign in is an administrator: make somebody one first"
	ErrLastOwner         conflict = "nobody else who can sign in owns the organisation: make somebody an owner first"
	ErrOtherName         conflict = "the name that was typed is not the organisation's"
	ErrInUse             conflict = "the organisation has surveys or people: who works there is for its owners to say"
	ErrStays             conflict = "the first organisation stays: rename or archive it"
)

// conflict is an [ErrConflict] that says which.
type conflict string

// Error returns what is refused.
func (c conflict) Error() string { return string(c) }

// Unwrap returns [ErrConflict].
func (c conflict) Unwrap() error { return ErrConflict }

// Role is what somebody is in an organisation. What a role may do stands in the table of package access.
type Role string

// The roles.
const (
	Owner      Role = "owner"      // answers for the organisation: its people, rights, settings
	HR         Role = "hr"         // the panel, launches and fieldwork; never single answers
	Analyst    Role = "analyst"    // results above the threshold and exports; never addresses
	Consultant Role = "consultant" // an analyst who makes reports, in the organisations given
	Viewer     Role = "viewer"     // the views named to her
)

// Roles returns every role, the one that may do most first.
func Roles() []Role { return []Role{Owner, HR, Analyst, Consultant, Viewer} }

// User is somebody who signs in, once for all organisations she works in.
type User struct {
	ID            UserID
	Address       string // of e-mail, in lower case; unique
	Name          string
	Language      Language // of the workbench; "" is as the browser asks
	PasswordHash  string   // argon2id, in its PHC form; "" is none: signs in elsewhere, or has not accepted yet
	SecondFactor  []byte   // the sealed secret of the second factor; nil is none
	Issuer        string   // of single sign-on; "" is none
	Subject       string   // who she is to Issuer
	Proved        bool     // she chose her password by a link that went by mail alone: the address is hers
	Administrator bool     // runs the server, and sees no answers
	Disabled      bool     // cannot sign in
	Created       time.Time
	SignedIn      *time.Time // the last time
}

// Membership is what a user is in one organisation.
type Membership struct {
	Organisation Organisation
	Roles        []Role // at least one
}

// Has reports whether the membership has a role.
func (m *Membership) Has(r Role) bool { return slices.Contains(m.Roles, r) }

// Standing is what somebody is at the moment when she is to become a member of an organisation.
type Standing struct {
	User  User
	Roles []Role // that she has there already; none is no member

	// Elsewhere and ElsewhereInUse say that she works in others, archived or not, and that one of those is in use.
	Elsewhere, ElsewhereInUse bool
}

// Admission is how somebody becomes a member.
type Admission struct {
	Roles []Role      // at least one
	Anew  bool        // her password and her second factor end, with her sessions and links: whoever knew them is out
	Link  *SignInLink // takes the place of all links she has; nil leaves those that went by mail
}

// Member is a user as one organisation has her.
type Member struct {
	User  User
	Roles []Role
}

// LinkKind is what a one-time link is for.
type LinkKind string

// The kinds of one-time links.
const (
	SetUpLink      LinkKind = "set-up"     // makes the first administrator
	InvitationLink LinkKind = "invitation" // sets the first password of somebody who was made a member
	ResetLink      LinkKind = "reset"      // sets another password
)

// LinkWay is how a one-time link reaches whom it is for: who else has seen it.
type LinkWay string

// The ways of one-time links.
const (
	ByMail LinkWay = "mail" // nobody
	ByHand LinkWay = "hand" // an owner who invited her, or whoever has the machine

	// ByServer is shown to somebody who runs the server, to be handed over. It works only as long as none of the
	// organisations that its user works in is in use: whoever runs the server sees no answers.
	ByServer LinkWay = "server"
)

// SignInLink is a link that works once. Its secret is in the address alone.
type SignInLink struct {
	Hash    []byte // SHA-256 of the secret
	Kind    LinkKind
	User    UserID  // 0 for a set-up link
	Way     LinkWay // "" is ByHand
	Expires time.Time
}

// Acceptance is what somebody chooses who uses a link.
type Acceptance struct {
	Name         string
	Language     Language
	PasswordHash string
	At           time.Time
}

// Session is a browser in which somebody is signed in.
type Session struct {
	Hash    string // of the cookie: names the session
	User    UserID
	Agent   string // "Firefox on Windows": a browser and a system, nothing finer
	Started time.Time
	Seen    time.Time // to a few minutes
	Expires time.Time
}

// APIToken lets a program do for an organisation what its rights name, as far as who made it may do that herself.
type APIToken struct {
	ID           TokenID
	Organisation OrganisationID
	User         UserID // who made it
	Name         string
	Rights       []string // of package access
	Prefix       string   // its first letters, to know it by
	Hash         []byte   // SHA-256 of the token
	Created      time.Time
	Expires      time.Time
	Used         *time.Time // the last day it was used
	Revoked      *time.Time
}

// View is a saved view of results: what was chosen on the page of divergence, under a name.
type View struct {
	ID           ViewID
	Organisation OrganisationID
	Name         string
	Query        string // of the page's address
	Maker        UserID
	Created      time.Time
	Viewers      []UserID // whose roles alone would not let them see it
}

// GroupRole says which role the members of a group of single sign-on have in an organisation.
type GroupRole struct {
	Group        string
	Organisation OrganisationID
	Role         Role
}

// ActorKind is who did what the audit trail tells.
type ActorKind string

// The kinds of actors.
const (
	ByUser    ActorKind = "user"
	ByToken   ActorKind = "token"   // a program with a token of the API
	ByCommand ActorKind = "command" // somebody on the server's own command line
	ByService ActorKind = "service" // the service itself, in its time
)

// AuditEvent is one line of the audit trail. It holds no answers.
type AuditEvent struct {
	ID           int64
	At           time.Time
	Organisation OrganisationID // 0 is the whole instance
	Actor        ActorKind
	User         UserID            // 0 where it was none
	Who          string            // as the actor was called then: an address, the name of a token, an account of the machine
	Action       string            // "results.viewed": what, and what was done to it
	Subject      string            // what it was done to: "wave 12"
	Details      map[string]string // such as the filter that was set
	Request      string            // the number of the request, which the log has too
}
