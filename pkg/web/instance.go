package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"cxmirror/pkg/access"
	"cxmirror/pkg/survey"
)

// instanceRoutes are for those who run the server: which organisations there are, and who signs in. Nothing that
// belongs to an organisation is shown but its name and its members. Who runs the server sees no answers: none of these
// requests makes her, or anybody whose link or password she could know, somebody who does, once there is something to
// see.
func (s *Server) instanceRoutes(g *echo.Group) {
	g.GET("/instance", s.showInstance)
	g.POST("/instance", s.createOrganisation)
	g.GET("/instance/organisations/:organisation", s.showHoused)
	g.POST("/instance/organisations/:organisation/owner", s.giveOwner)
	g.POST("/instance/organisations/:organisation/archive", s.archiveOrganisation)
	g.POST("/instance/organisations/:organisation/restore", s.restoreOrganisation)
	g.POST("/instance/organisations/:organisation/delete", s.deleteOrganisation)

	g.GET("/instance/users", s.showUsers)
	g.POST("/instance/users", s.createUser)
	g.GET("/instance/users/:user", s.showUser)
	g.POST("/instance/users/:user/administrator", s.setAdministrator)
	g.POST("/instance/users/:user/disable", s.disableUser)
	g.POST("/instance/users/:user/enable", s.enableUser)
	g.POST("/instance/users/:user/second-factor", s.endFactorOfUser)
	g.POST("/instance/users/:user/sessions", s.endSessionsOfUser)
	g.POST("/instance/users/:user/link", s.makeLinkForUser)
	g.POST("/instance/users/:user/invite", s.inviteUserAgain)
	g.POST("/instance/users/:user/delete", s.deleteUser)

	g.GET("/instance/groups", s.showHousedGroups)
}

// instancePage lists the organisations, and makes others.
type instancePage struct {
	room
	List      listing
	Living    []housedLine // of the page of the list
	Archived  []housedLine
	NoneLives bool   // that the archive holds all there are
	Name      string // as typed
	Owner     string
	Problems  map[string]string
	Done      string
}

// housedLine is an organisation as it is listed.
type housedLine struct {
	ID    survey.OrganisationID
	Name  string
	Since string // since when it is there, or in the archive
}

func (s *Server) showInstance(c echo.Context) error {
	page, err := s.instancePage(c)
	if err != nil {
		return err
	}
	if c.QueryParam("done") == "deleted" {
		page.Done = page.T("instance_done_deleted")
	}
	return s.show(c, http.StatusOK, "workbench", "instance", page)
}

func (s *Server) instancePage(c echo.Context) (instancePage, error) {
	page := instancePage{room: s.room(c, "instance"), Owner: actorOf(c).User.Address, Problems: map[string]string{}}
	page.Title = page.T("instance")
	all, err := s.store.Organisations(c.Request().Context())
	if err != nil {
		return page, err
	}
	put := func(o survey.Organisation) bool { return o.Archived != nil }
	page.NoneLives = !slices.ContainsFunc(all, func(o survey.Organisation) bool { return !put(o) })
	all = append(slices.DeleteFunc(slices.Clone(all), put), slices.DeleteFunc(all, func(o survey.Organisation) bool { return !put(o) })...)
	page.List = readListing("/instance", c.QueryParams())
	page.List.Hint = page.T("instance_search_hint")
	all = lookThrough(&page.List, &page.room, all, func(o *survey.Organisation) string { return o.Name })
	for i := range all {
		line := housedLine{all[i].ID, all[i].Name, page.Day(all[i].Created)}
		if all[i].Archived == nil {
			page.Living = append(page.Living, line)
			continue
		}
		line.Since = page.Day(*all[i].Archived)
		page.Archived = append(page.Archived, line)
	}
	return page, nil
}

// createOrganisation makes an organisation and its first owner: one that nobody owns is of no use.
func (s *Server) createOrganisation(c echo.Context) error {
	form, err := receiveForm(c, formLimit)
	if err != nil {
		return err
	}
	page, err := s.instancePage(c)
	if err != nil {
		return err
	}
	page.Name, page.Owner = form.line("name"), strings.TrimSpace(form.text("owner"))
	if problem := nameProblem(page.room, page.Name); problem != "" {
		page.Problems["name"] = problem
	}
	if _, err := access.CheckAddress(page.Owner); err != nil {
		page.Problems["owner"] = page.T("refused_bad_address")
	}
	if len(page.Problems) > 0 {
		return s.show(c, http.StatusUnprocessableEntity, "workbench", "instance", page)
	}
	o := survey.Organisation{Name: page.Name}
	if err := s.store.CreateOrganisation(c.Request().Context(), &o); err != nil {
		return err
	}
	s.note(c, access.Event{ // now: it is there, also if nobody comes to own it
		Action: "organisation.made", Subject: subject("organisation", strconv.FormatInt(int64(o.ID), 10)), Details: map[string]string{"name": o.Name}, Instance: true,
	})
	return s.inviteOwner(c, &o, page.Owner)
}

// inviteOwner makes somebody the owner of an organisation that is not in use, and shows its page, with a link to be
// handed over if there is one: nothing keeps it, so that it is shown once.
func (s *Server) inviteOwner(c echo.Context, o *survey.Organisation, address string) error {
	actor := actorOf(c)
	again := func(status int, problem string) error {
		return s.showHousedWith(c, o, status, func(page *housedPage) { page.Address, page.Problems["owner"] = address, page.T(problem) })
	}
	invited, err := s.access.Appoint(c.Request().Context(), actor, access.Invitation{Organisation: o.ID, Address: address, Language: s.workbenchLanguage(c)})
	if refused, ok := errors.AsType[*access.RefusedError](err); ok {
		return again(http.StatusUnprocessableEntity, "refused_"+string(refused.Problem))
	}
	if errors.Is(err, survey.ErrInUse) {
		return again(http.StatusConflict, "instance_in_use")
	}
	if err != nil {
		return err
	}
	there := *actor
	there.Organisation = *o
	s.noteAs(c, &there, access.Event{Action: "member.invited", Subject: userSubject(invited.User.ID), Details: map[string]string{
		"address": invited.User.Address, "roles": string(survey.Owner),
	}})
	if invited.Link == "" {
		done := "owner"
		if !invited.Existing {
			done = mailedOrNot(invited.Mailed)
		}
		return c.Redirect(http.StatusSeeOther, housedAddress(o.ID)+"?done="+done)
	}
	if err := s.noteShownLink(c, &invited.User, survey.InvitationLink, o.ID); err != nil {
		return err
	}
	return s.showHousedWith(c, o, http.StatusCreated, func(page *housedPage) {
		page.Link, page.LinkFor = invited.Link, invited.User.Address
	})
}

// housedAddress is the page of an organisation.
func housedAddress(id survey.OrganisationID) string {
	return "/instance/organisations/" + strconv.FormatInt(int64(id), 10)
}

// housedPage is an organisation as those see it who run the server.
type housedPage struct {
	room
	ID       survey.OrganisationID
	Name     string
	Since    string
	Archived string // since when; "" is not
	Stays    bool   // it is the first one, which cannot be deleted
	Members  []housedMember
	Owned    bool // somebody owns it who can sign in
	InUse    bool // it has waves or people: who works there is for its owners to say
	Commands []string
	Again    again
	Address  string
	Typed    string // its name, to delete it
	Problems map[string]string
	Done     string
	Link     string // to be handed over, shown this once
	LinkFor  string
}

// housedMember is somebody who works in an organisation.
type housedMember struct {
	ID       survey.UserID
	Called   string
	Address  string
	Roles    string
	Disabled bool
}

// housed returns the organisation that an address names.
func (s *Server) housed(c echo.Context) (*survey.Organisation, error) {
	id, err := strconv.ParseInt(c.Param("organisation"), 10, 64)
	if err != nil {
		return nil, survey.ErrNotFound
	}
	o, err := s.store.Organisation(c.Request().Context(), survey.OrganisationID(id))
	return &o, err
}

func (s *Server) showHoused(c echo.Context) error {
	o, err := s.housed(c)
	if err != nil {
		return err
	}
	return s.showHousedWith(c, o, http.StatusOK, func(page *housedPage) {
		switch done := c.QueryParam("done"); done {
		case "owner", "archived", "restored":
			page.Done = page.T("instance_done_" + done)
		case "mailed", "unsent":
			page.Done = page.T("members_done_" + done)
		}
	})
}

// showHousedWith shows the page of an organisation with what is to be added to it.
func (s *Server) showHousedWith(c echo.Context, o *survey.Organisation, status int, change func(*housedPage)) error {
	page := housedPage{
		room: s.room(c, "instance"), ID: o.ID, Name: o.Name, Stays: o.ID == survey.DefaultOrganisation, Problems: map[string]string{},
		Again: s.again(c),
	}
	page.Title, page.Since = o.Name, page.Day(o.Created)
	if o.Archived != nil {
		page.Archived = page.Day(*o.Archived)
	}
	var err error
	if page.InUse, err = s.store.InUse(c.Request().Context(), o.ID); err != nil {
		return err
	}
	members, err := s.store.Members(c.Request().Context(), o.ID)
	if err != nil {
		return err
	}
	for i := range members {
		m := &members[i]
		page.Owned = page.Owned || !m.User.Disabled && slices.Contains(m.Roles, survey.Owner)
		page.Members = append(page.Members, housedMember{
			ID: m.User.ID, Called: calledAs(&m.User), Address: m.User.Address, Roles: page.roleNames(m.Roles), Disabled: m.User.Disabled,
		})
	}
	change(&page)
	page.Commands = page.commands()
	return s.show(c, status, "workbench", "housed", page)
}

// plainAddress are addresses that mean nothing else to a shell.
var plainAddress = regexp.MustCompile(`^[a-z0-9][a-z0-9._+@-]*$`)

// commands are how whoever has the machine makes somebody an owner: a user, or somebody new.
func (p *housedPage) commands() []string {
	who := p.Address
	if !plainAddress.MatchString(who) {
		who = p.T("instance_command_address")
	}
	return []string{
		fmt.Sprintf("cxmirror user role %s owner --organisation %d", who, p.ID),
		fmt.Sprintf("cxmirror user add %s --role owner --organisation %d --link", who, p.ID),
	}
}

// roleNames says the names of roles.
func (r room) roleNames(roles []survey.Role) string {
	names := make([]string, len(roles))
	for i, role := range roles {
		names[i] = r.T("role_" + string(role))
	}
	return strings.Join(names, ", ")
}

// giveOwner makes somebody the owner of an organisation that has none who can sign in, as long as it is not in use. Of
// any other one, its owners say who works there: running the server is no way to its results.
func (s *Server) giveOwner(c echo.Context) error {
	form, err := receiveForm(c, formLimit)
	if err != nil {
		return err
	}
	o, err := s.housed(c)
	if err != nil {
		return err
	}
	members, err := s.store.Members(c.Request().Context(), o.ID)
	if err != nil {
		return err
	}
	address := strings.TrimSpace(form.text("owner"))
	owned := slices.ContainsFunc(members, func(m survey.Member) bool { return !m.User.Disabled && slices.Contains(m.Roles, survey.Owner) })
	if _, err := access.CheckAddress(address); owned || err != nil {
		return s.showHousedWith(c, o, http.StatusUnprocessableEntity, func(page *housedPage) {
			page.Address, page.Problems["owner"] = address, page.T("refused_bad_address")
			if owned {
				page.Problems["owner"] = page.T("instance_owned")
			}
		})
	}
	return s.inviteOwner(c, o, address)
}

// archiveOrganisation stops an organisation: nobody works in it, its waves take no answers, and nothing is lost.
func (s *Server) archiveOrganisation(c echo.Context) error {
	return s.changeHoused(c, "archived", func(ctx context.Context, id survey.OrganisationID) error {
		return s.store.ArchiveOrganisation(ctx, id, s.now())
	})
}

// restoreOrganisation brings an organisation back.
func (s *Server) restoreOrganisation(c echo.Context) error {
	return s.changeHoused(c, "restored", s.store.RestoreOrganisation)
}

func (s *Server) changeHoused(c echo.Context, done string, change func(context.Context, survey.OrganisationID) error) error {
	o, err := s.housed(c)
	if err != nil {
		return err
	}
	if (done == "archived") == (o.Archived != nil) { // sent twice, or by two: it is so already
		return ledBack(c, housedAddress(o.ID)+"?done="+done)
	}
	if err := change(c.Request().Context(), o.ID); err != nil {
		return err
	}
	detail(c, "name", o.Name)
	there := *actorOf(c)
	there.Organisation = *o
	s.noteAs(c, &there, access.Event{Action: "organisation." + done, Subject: subject("organisation", strconv.FormatInt(int64(o.ID), 10))})
	return c.Redirect(http.StatusSeeOther, housedAddress(o.ID)+"?done="+done)
}

// deleteOrganisation deletes an organisation that is archived, with all that is its own, once its name was typed and whoever
// wants it has shown once more who she is.
// The store notes it with what was deleted. It goes on if whoever asked for it leaves.
func (s *Server) deleteOrganisation(c echo.Context) error {
	form, err := receiveForm(c, formLimit)
	if err != nil {
		return err
	}
	o, err := s.housed(c)
	if err != nil {
		return err
	}
	typed := strings.TrimSpace(form.text("typed"))
	refused := func(status int, problem string) error {
		return s.showHousedWith(c, o, status, func(page *housedPage) { page.Typed, page.Problems["typed"] = typed, page.T(problem) })
	}
	if o.Archived == nil {
		return refused(http.StatusConflict, "instance_archive_first")
	}
	if typed != strings.TrimSpace(o.Name) {
		return refused(http.StatusUnprocessableEntity, "instance_other_name")
	}
	wrong, status, err := s.sureOf(c, form, s.room(c, "instance"))
	if err != nil {
		return err
	}
	if wrong != "" {
		return s.showHousedWith(c, o, status, func(page *housedPage) { page.Typed, page.Again.Wrong = typed, wrong })
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Request().Context()), s.waits.long)
	defer cancel()
	actor := actorOf(c)
	err = s.store.DeleteOrganisation(ctx, o.ID, typed, survey.AuditEvent{
		At: s.now(), Actor: actor.Kind, User: actor.User.ID, Who: actor.User.Address, Request: requestID(c),
	})
	switch {
	case errors.Is(err, survey.ErrOtherName):
		return refused(http.StatusUnprocessableEntity, "instance_other_name")
	case errors.Is(err, survey.ErrStays):
		return refused(http.StatusConflict, "instance_stays")
	case errors.Is(err, survey.ErrConflict), errors.Is(err, context.DeadlineExceeded):
		return refused(http.StatusConflict, "instance_half_deleted")
	case err != nil:
		return err
	}
	return c.Redirect(http.StatusSeeOther, "/instance?done=deleted")
}
