package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"cxmirror/pkg/access"
	"cxmirror/pkg/store"
	"cxmirror/pkg/survey"
)

type userCommand struct {
	Add           userAddCommand           `cmd:"" help:"Make a user."`
	List          userListCommand          `cmd:"" help:"List the users, what they may do, and when they last signed in."`
	Password      userPasswordCommand      `cmd:"" help:"Set a user's password, without the old one."`
	Link          userLinkCommand          `cmd:"" help:"Print a one-time link by which a user chooses a password."`
	Administrator userAdministratorCommand `cmd:"" help:"Make a user an administrator of the server, or no longer."`
	Role          userRoleCommand          `cmd:"" help:"Set a user's roles in an organisation."`
	Disable       userDisableCommand       `cmd:"" help:"Keep a user from signing in, and sign her out."`
	Enable        userEnableCommand        `cmd:"" help:"Let a disabled user sign in again."`
	SecondFactor  struct {
		Off userFactorOffCommand `cmd:"" help:"End a user's second factor: for those who have lost it."`
	} `cmd:"" help:"End a user's second factor."`
	SignOut userSignOutCommand `cmd:"" help:"End all sessions of a user, or of everybody."`
}

// Help is printed by user --help.
func (userCommand) Help() string {
	return `Makes the first administrator where the set-up link of serve is not wanted, and lets people in who cannot come in
any more. Whoever can run it on the database can become anybody, and see what the pages of the server show to no
administrator; what it does stands in the audit trail of the server and in that of every organisation that the user
works in, under the account of the machine.

  cxmirror user add anna@example.com --name "Anna Kowalska" --administrator --role owner
  cxmirror user add ben@example.com --organisation "Client AG" --role analyst --link
  cxmirror user list
  cxmirror user password anna@example.com < file-with-the-password
  cxmirror user second-factor off anna@example.com
  cxmirror user role ben@example.com owner --organisation "Client AG"
  cxmirror user sign-out --everybody

Passwords are typed at the terminal, which does not show them, or come by standard input. The service may run.`
}

// userFlags say which users.
type userFlags struct {
	databaseFlags

	Address           string `placeholder:"URL" help:"Address that people reach the service at: links begin with it."`
	BreachedPasswords string `placeholder:"FILE" help:"Passwords that nobody may choose, as serve takes it."`
}

// office is where users are kept, for one command.
type office struct {
	*store.Store

	people *access.Service
	w      *world
}

// enter opens the database of users.
func (f userFlags) enter(w *world) (*office, error) {
	base, err := fieldworkFlags{Address: f.Address}.base(usualAddress{})
	if err != nil {
		return nil, err
	}
	if err := f.exists(serviceDatabase); err != nil {
		return nil, err
	}
	db, err := f.open(w.ctx, serviceDatabase, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, err
	}
	if err := current(w.ctx, db); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	people, err := w.offline(db, base, f.BreachedPasswords)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", setting("breached-passwords"), err), db.Close())
	}
	return &office{Store: db, people: people, w: w}, nil
}

// usualAddress is where a service answers that was told nothing else.
type usualAddress struct{}

// Network is that of a listener.
func (usualAddress) Network() string { return "tcp" }

// String is the address.
func (usualAddress) String() string { return "127.0.0.1:8080" }

func (o *office) close() { closeDatabase(o.Store, slog.New(slog.DiscardHandler)) }

// find returns a user by her address, or by her number in the list.
func (o *office) find(who string) (survey.User, error) {
	var user survey.User
	id, err := strconv.ParseInt(who, 10, 64)
	if err == nil {
		user, err = o.User(o.w.ctx, survey.UserID(id))
	} else {
		user, err = o.UserByAddress(o.w.ctx, strings.ToLower(strings.TrimSpace(who)))
	}
	if errors.Is(err, survey.ErrNotFound) {
		return user, fmt.Errorf("there is no user %q: cxmirror user list tells who there are", who)
	}
	return user, err
}

// organisation returns an organisation by its name or number; without either, the only one there is.
func (o *office) organisation(which string) (survey.Organisation, error) {
	all, err := o.Organisations(o.w.ctx)
	if err != nil {
		return survey.Organisation{}, err
	}
	all = slices.DeleteFunc(all, func(one survey.Organisation) bool { return one.Archived != nil })
	var fitting []survey.Organisation
	for i := range all {
		one := &all[i]
		if which == "" || strconv.FormatInt(int64(one.ID), 10) == which || strings.EqualFold(one.Name, strings.TrimSpace(which)) {
			fitting = append(fitting, *one)
		}
	}
	if len(fitting) == 1 {
		return fitting[0], nil
	}
	names := make([]string, len(all))
	for i := range all {
		names[i] = fmt.Sprintf("%d (%s)", all[i].ID, all[i].Name)
	}
	if which == "" {
		return survey.Organisation{}, usage("--organisation is missing: there are %s", strings.Join(names, ", "))
	}
	return survey.Organisation{}, usage("--organisation is %q, and one of these is wanted: %s", which, strings.Join(names, ", "))
}

// change stores what is changed of a user.
func (o *office) change(user *survey.User, change func(*survey.User)) error {
	_, err := o.ChangeUser(o.w.ctx, user.ID, func(u *survey.User) error {
		change(u)
		return nil
	})
	return err
}

// note tells the audit trail what was done to a user.
func (o *office) note(user *survey.User, organisation survey.OrganisationID, action string, details map[string]string) error {
	if details == nil {
		details = map[string]string{}
	}
	details["address"] = user.Address
	return o.w.noted(o.people, deed{organisation, action, "user " + strconv.FormatInt(int64(user.ID), 10), details})
}

// noteEverywhere tells the trail of the server, and those of all organisations that a user works in, what was done to her
// account.
func (o *office) noteEverywhere(user *survey.User, action string, details map[string]string) error {
	if err := o.note(user, 0, action, details); err != nil {
		return err
	}
	organisations, err := o.OrganisationsOf(context.WithoutCancel(o.w.ctx), user.ID)
	for _, id := range organisations {
		err = errors.Join(err, o.note(user, id, action, details))
	}
	return err
}

// said tells whoever runs the command what was done.
func (o *office) said(format string, args ...any) error {
	_, err := fmt.Fprintf(o.w.stdout, format+"\n", args...)
	return err
}

type userAddCommand struct {
	userFlags

	Who           string   `arg:"" name:"address" help:"Her address of e-mail."`
	Name          string   `help:"What she is called; who comes by a link is asked for it."`
	Language      string   `default:"" placeholder:"en" enum:",en,pl,ro,ru" help:"Language of her workbench: en, pl, ro or ru; without it, the one her browser asks for."`
	Administrator bool     `help:"She runs the server: organisations, users, single sign-on; no answers."`
	Organisation  string   `placeholder:"NAME" help:"Where she works, by name or number; needed where there are several."`
	Role          []string `enum:"owner,hr,analyst,consultant,viewer" placeholder:"ROLE" help:"What she is there: ${enum}. May be given several times, or with commas."`
	Link          bool     `help:"Ask for no password: print a one-time link by which she chooses one."`
}

// Run makes a user.
func (c userAddCommand) Run(w *world) error {
	if !c.Administrator && len(c.Role) == 0 {
		return usage("say what she may do: --role, --administrator or both")
	}
	if c.Organisation != "" && len(c.Role) == 0 {
		return usage("--organisation without --role: say what she is there")
	}
	o, err := c.enter(w)
	if err != nil {
		return err
	}
	defer o.close()
	user := survey.User{Language: survey.Language(c.Language), Administrator: c.Administrator, Created: w.now()}
	if user.Address, err = access.CheckAddress(c.Who); err != nil {
		return usage("%s: %v", c.Who, err)
	}
	if c.Name != "" {
		if user.Name, err = access.CheckName(c.Name); err != nil {
			return usage("--name: %v", err)
		}
	}
	var where survey.Organisation
	if len(c.Role) > 0 {
		if where, err = o.organisation(c.Organisation); err != nil {
			return err
		}
	}
	if _, err := o.UserByAddress(w.ctx, user.Address); err == nil {
		return fmt.Errorf("%s is a user already: cxmirror user role gives her roles, cxmirror user link lets her in", user.Address)
	}
	password := ""
	if !c.Link {
		if password, err = w.password(); err == nil {
			err = o.people.CheckPassword(password, user.Address, user.Name)
		}
		if err != nil {
			return err
		}
	}
	if err := o.add(&user, &where, c.roles(), password); err != nil {
		return err
	}
	if err := o.said("%s is user %d%s", user.Address, user.ID, c.standing(&where)); err != nil || !c.Link {
		return err
	}
	return o.link(&user, survey.InvitationLink, c.Address == "")
}

func (c userAddCommand) roles() []survey.Role { return rolesOf(c.Role) }

// rolesOf returns roles that were named, each once.
func rolesOf(names []string) []survey.Role {
	var roles []survey.Role
	for _, role := range survey.Roles() {
		if slices.Contains(names, string(role)) {
			roles = append(roles, role)
		}
	}
	return roles
}

// standing says what somebody is.
func (c userAddCommand) standing(where *survey.Organisation) string {
	var is strings.Builder
	if c.Administrator {
		is.WriteString(", an administrator of the server")
	}
	if roles := c.roles(); len(roles) > 0 {
		fmt.Fprintf(&is, ", %s of %s", joined(roles), where.Name)
	}
	return is.String()
}

func joined(roles []survey.Role) string {
	names := make([]string, len(roles))
	for i, role := range roles {
		names[i] = string(role)
	}
	return strings.Join(names, ", ")
}

// add stores a user, what she is and what she signs in with, and notes it.
func (o *office) add(user *survey.User, where *survey.Organisation, roles []survey.Role, password string) error {
	if err := o.CreateUser(o.w.ctx, user); err != nil {
		return err
	}
	if err := o.note(user, 0, "user.made", map[string]string{"administrator": yesNo(user.Administrator)}); err != nil {
		return err
	}
	half := func(err error, then string) error {
		return fmt.Errorf("the user was made, and then: %w; go on with cxmirror user %s %s", err, then, user.Address)
	}
	if len(roles) > 0 {
		if err := o.give(user, where, roles); err != nil {
			return half(err, "role")
		}
	}
	if password == "" {
		return nil
	}
	if err := o.people.SetPassword(o.w.ctx, user.ID, password); err != nil {
		return half(err, "password")
	}
	return o.noteEverywhere(user, "user.password_set", nil)
}

// give sets roles, and notes it in the trails of the organisation and of the server.
func (o *office) give(user *survey.User, where *survey.Organisation, roles []survey.Role) error {
	if err := o.SetRoles(o.w.ctx, where.ID, user.ID, roles); err != nil {
		return err
	}
	err := o.note(user, where.ID, "roles.changed", map[string]string{"roles": joined(roles)})
	return errors.Join(err, o.note(user, 0, "roles.changed", map[string]string{"roles": joined(roles), "name": where.Name}))
}

func yesNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}

// link prints a one-time link. Usual says that nobody told the address of the service.
func (o *office) link(user *survey.User, kind survey.LinkKind, usual bool) error {
	link, err := o.people.NewLink(o.w.ctx, user.ID, kind)
	if err != nil {
		return err
	}
	if err := o.noteEverywhere(user, "user.link_made", map[string]string{"kind": string(kind)}); err != nil {
		return err
	}
	lasts := access.InvitationFor
	if kind == survey.ResetLink {
		lasts = access.ResetFor
	}
	err = o.said("\n  %s\n\nGive it to nobody else. It works once, until %s UTC; a newer one takes its place.",
		link, o.w.now().Add(lasts).UTC().Format("2006-01-02 15:04"))
	if err == nil && usual {
		err = o.said("It begins with the address that serve answers at when nothing else is said; %s says another.", setting("address"))
	}
	return err
}

type userListCommand struct{ userFlags }

// Run lists users.
func (c userListCommand) Run(w *world) error {
	o, err := c.enter(w)
	if err != nil {
		return err
	}
	defer o.close()
	users, err := o.Users(w.ctx)
	if err != nil {
		return err
	}
	if len(users) == 0 {
		return o.said("There are no users yet: cxmirror serve prints a link to set up the service, and cxmirror user add makes one.")
	}
	table := tabwriter.NewWriter(w.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "user\taddress\tname\tsigns in by\tlast\troles")
	for i := range users {
		roles, err := o.rolesOf(w.ctx, &users[i])
		if err != nil {
			return err
		}
		fmt.Fprintf(table, "%d\t%s\t%s\t%s\t%s\t%s\n", users[i].ID, users[i].Address, users[i].Name, waysIn(&users[i]), lastTime(users[i].SignedIn), roles)
	}
	return table.Flush()
}

// rolesOf says what somebody is, and where.
func (o *office) rolesOf(ctx context.Context, user *survey.User) (string, error) {
	memberships, err := o.Memberships(ctx, user.ID)
	if err != nil {
		return "", err
	}
	var all []string
	if user.Administrator {
		all = append(all, "administrator of the server")
	}
	for i := range memberships {
		all = append(all, joined(memberships[i].Roles)+" of "+memberships[i].Organisation.Name)
	}
	return strings.Join(all, "; "), nil
}

// waysIn says how somebody can sign in.
func waysIn(user *survey.User) string {
	if user.Disabled {
		return "disabled"
	}
	var ways []string
	if user.PasswordHash != "" {
		ways = append(ways, "password")
	}
	if len(user.SecondFactor) > 0 {
		ways = append(ways, "second factor")
	}
	if user.Subject != "" {
		ways = append(ways, "single sign-on")
	}
	if len(ways) == 0 {
		return "nothing yet"
	}
	return strings.Join(ways, ", ")
}

func lastTime(at *time.Time) string {
	if at == nil {
		return "never"
	}
	return at.UTC().Format("2006-01-02 15:04")
}

type userPasswordCommand struct {
	userFlags

	Who string `arg:"" name:"user" help:"Address or number of the user."`
}

// Run sets a password.
func (c userPasswordCommand) Run(w *world) error {
	return c.with(w, c.Who, func(o *office, user *survey.User) error {
		password, err := w.password()
		if err != nil {
			return err
		}
		if err := o.people.SetPassword(w.ctx, user.ID, password); err != nil {
			return err
		}
		if err := o.noteEverywhere(user, "user.password_set", nil); err != nil {
			return err
		}
		return o.said("%s has the new password, and is signed out everywhere", user.Address)
	})
}

// with does something to a user.
func (f userFlags) with(w *world, who string, do func(*office, *survey.User) error) error {
	o, err := f.enter(w)
	if err != nil {
		return err
	}
	defer o.close()
	user, err := o.find(who)
	if err != nil {
		return err
	}
	return do(o, &user)
}

type userLinkCommand struct {
	userFlags

	Who string `arg:"" name:"user" help:"Address or number of the user."`
}

// Run prints a link by which a user chooses a password.
func (c userLinkCommand) Run(w *world) error {
	return c.with(w, c.Who, func(o *office, user *survey.User) error {
		if user.Disabled {
			return fmt.Errorf("%s is disabled: cxmirror user enable lets her sign in again", user.Address)
		}
		kind := survey.ResetLink
		if user.PasswordHash == "" {
			kind = survey.InvitationLink
		}
		if err := o.said("A link by which %s chooses a password:", user.Address); err != nil {
			return err
		}
		return o.link(user, kind, c.Address == "")
	})
}

type userAdministratorCommand struct {
	userFlags

	Off bool   `help:"She is one no longer."`
	Who string `arg:"" name:"user" help:"Address or number of the user."`
}

// Run makes an administrator of a user, or of an administrator a user like others.
func (c userAdministratorCommand) Run(w *world) error {
	return c.with(w, c.Who, func(o *office, user *survey.User) error {
		if err := o.change(user, func(u *survey.User) { u.Administrator = !c.Off }); err != nil {
			return err
		}
		if err := o.noteEverywhere(user, "user.administrator", map[string]string{"administrator": yesNo(!c.Off)}); err != nil {
			return err
		}
		if c.Off {
			return o.said("%s is no administrator of the server any more", user.Address)
		}
		return o.said("%s is an administrator of the server", user.Address)
	})
}

type userRoleCommand struct {
	userFlags

	Organisation string   `placeholder:"NAME" help:"Where, by name or number; needed where there are several."`
	None         bool     `help:"She works there no longer: her tokens there end too."`
	Who          string   `arg:"" name:"user" help:"Address or number of the user."`
	Roles        []string `arg:"" optional:"" name:"role" enum:"owner,hr,analyst,consultant,viewer" help:"What she is there, instead of what she was: ${enum}."`
}

// Run sets roles.
func (c userRoleCommand) Run(w *world) error {
	if c.None == (len(c.Roles) > 0) {
		return usage("say which roles she has, or --none")
	}
	return c.with(w, c.Who, func(o *office, user *survey.User) error {
		where, err := o.organisation(c.Organisation)
		if err != nil {
			return err
		}
		roles := rolesOf(c.Roles)
		if err := o.give(user, &where, roles); err != nil {
			return err
		}
		if c.None {
			return o.said("%s does not work in %s any more", user.Address, where.Name)
		}
		return o.said("%s is %s of %s", user.Address, joined(roles), where.Name)
	})
}

type userDisableCommand struct {
	userFlags

	Who string `arg:"" name:"user" help:"Address or number of the user."`
}

// Run keeps a user out.
func (c userDisableCommand) Run(w *world) error {
	return c.with(w, c.Who, func(o *office, user *survey.User) error {
		if err := o.change(user, func(u *survey.User) { u.Disabled = true }); err != nil {
			return err
		}
		if err := o.noteEverywhere(user, "user.disabled", nil); err != nil {
			return err
		}
		return o.said("%s cannot sign in any more, and is signed out everywhere", user.Address)
	})
}

type userEnableCommand struct {
	userFlags

	Who string `arg:"" name:"user" help:"Address or number of the user."`
}

// Run lets a user in again.
func (c userEnableCommand) Run(w *world) error {
	return c.with(w, c.Who, func(o *office, user *survey.User) error {
		if err := o.change(user, func(u *survey.User) { u.Disabled = false }); err != nil {
			return err
		}
		if err := o.noteEverywhere(user, "user.enabled", nil); err != nil {
			return err
		}
		return o.said("%s can sign in again", user.Address)
	})
}

type userFactorOffCommand struct {
	userFlags

	Who string `arg:"" name:"user" help:"Address or number of the user."`
}

// Run ends a second factor. Her sessions go on: whoever has lost it is still who she is.
func (c userFactorOffCommand) Run(w *world) error {
	return c.with(w, c.Who, func(o *office, user *survey.User) error {
		if len(user.SecondFactor) == 0 {
			return fmt.Errorf("%s has no second factor", user.Address)
		}
		if err := o.people.EndSecondFactor(w.ctx, user.ID); err != nil {
			return err
		}
		if err := o.noteEverywhere(user, "user.factor_ended", nil); err != nil {
			return err
		}
		return o.said("%s signs in without a second factor until she sets one up anew", user.Address)
	})
}

type userSignOutCommand struct {
	userFlags

	Everybody bool   `help:"Everybody's: after a dump of PostgreSQL was put back, for instance. Links to sign in by end with them."`
	Who       string `arg:"" optional:"" name:"user" help:"Address or number of the user."`
}

// Run ends sessions.
func (c userSignOutCommand) Run(w *world) error {
	if c.Everybody == (c.Who != "") {
		return usage("say whose sessions end: a user's, or --everybody's")
	}
	if c.Everybody {
		return c.everybody(w)
	}
	return c.with(w, c.Who, func(o *office, user *survey.User) error {
		ended, err := o.EndSessions(w.ctx, user.ID, "")
		if err != nil {
			return err
		}
		if err := o.noteEverywhere(user, "user.sessions_ended", map[string]string{"sessions": strconv.Itoa(ended)}); err != nil {
			return err
		}
		return o.said("%s: %s ended", user.Address, counted(int64(ended), "session", "sessions"))
	})
}

// everybody ends all sessions and all links.
func (c userSignOutCommand) everybody(w *world) error {
	o, err := c.enter(w)
	if err != nil {
		return err
	}
	defer o.close()
	sessions, links, err := o.EndAllAccess(w.ctx)
	if err != nil {
		return err
	}
	err = o.w.noted(o.people, deed{action: "user.sessions_ended", details: map[string]string{"all": "yes", "sessions": strconv.Itoa(sessions)}})
	if err != nil {
		return err
	}
	return o.said("%s and %s ended", counted(int64(sessions), "session", "sessions"), counted(int64(links), "link to sign in by", "links to sign in by"))
}
