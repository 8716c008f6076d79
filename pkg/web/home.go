package web

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"cxmirror/pkg/access"
	"cxmirror/pkg/survey"
)

// homePage is where those begin who see no waves: the views that were named to them.
type homePage struct {
	room
	Views []survey.View
}

// showHome shows everybody what she works with first.
func (s *Server) showHome(c echo.Context) error {
	if actorOf(c).May(access.SeeWaves) {
		return s.showWaves(c)
	}
	page := homePage{room: s.room(c, "home")}
	page.Title = page.T("home")
	if page.May(string(access.SeeViews)) {
		all, err := s.store.Views(c.Request().Context(), s.organisationOf(c))
		if err != nil {
			return err
		}
		for i := range all {
			if mayLookAt(actorOf(c), &all[i]) {
				page.Views = append(page.Views, all[i])
			}
		}
	}
	return s.show(c, http.StatusOK, "workbench", "home", page)
}

// May reports whether whoever looks at the page has a right.
func (r room) May(right string) bool { return r.actor != nil && r.actor.May(access.Right(right)) }

// SignedIn reports whether somebody looks at the page whom the server knows.
func (r room) SignedIn() bool { return r.actor != nil }

// Who is what whoever looks at the page is called.
func (r room) Who() string {
	if r.actor.User.Name != "" {
		return r.actor.User.Name
	}
	return r.actor.User.Address
}

// Organisation is the name of the one worked in; "" is none.
func (r room) Organisation() string { return r.actor.Organisation.Name }

// organisationsInMenu is among how many organisations one is chosen in the menu of every page. Who works in more has a
// page of them.
const organisationsInMenu = 12

// organisationChoice is an organisation that somebody can work in.
type organisationChoice struct {
	ID      survey.OrganisationID
	Name    string
	Current bool
}

// Organisations are those that whoever looks at the page can choose from in its menu; none where there is nothing to
// choose, or too much.
func (r room) Organisations() []organisationChoice {
	if len(r.actor.Memberships) < 2 || len(r.actor.Memberships) > organisationsInMenu {
		return nil
	}
	var all []organisationChoice
	for i := range r.actor.Memberships {
		one := &r.actor.Memberships[i].Organisation
		all = append(all, organisationChoice{one.ID, one.Name, one.ID == r.actor.Organisation.ID})
	}
	return all
}

// ManyOrganisations is how many there are to choose from on a page of their own; 0 where the menu has them.
func (r room) ManyOrganisations() int {
	if len(r.actor.Memberships) <= organisationsInMenu {
		return 0
	}
	return len(r.actor.Memberships)
}

// placesPage lists the organisations that somebody works in, for her to choose one.
type placesPage struct {
	room
	List   listing
	Places []placeLine
}

// placeLine is one of them, and what she is there.
type placeLine struct {
	organisationChoice
	Roles string
}

// showPlaces shows where somebody can work. It is there for everybody; the menu leads to it from many.
func (s *Server) showPlaces(c echo.Context) error {
	page := placesPage{room: s.room(c, "places"), List: readListing("/work-in", c.QueryParams())}
	page.Title, page.List.Hint = page.T("places"), page.T("places_search_hint")
	actor := actorOf(c)
	words := func(m *survey.Membership) string { return m.Organisation.Name + " " + page.roleNames(m.Roles) }
	for _, m := range lookThrough(&page.List, &page.room, actor.Memberships, words) {
		page.Places = append(page.Places, placeLine{
			organisationChoice{m.Organisation.ID, m.Organisation.Name, m.Organisation.ID == actor.Organisation.ID}, page.roleNames(m.Roles),
		})
	}
	return s.show(c, http.StatusOK, "workbench", "places", page)
}

// roleChoice is a role in which a demonstration can be looked at.
type roleChoice struct {
	Role    survey.Role
	Name    string
	Current bool
}

// RolesToTry are the roles in which a guest can look at a demonstration.
func (r room) RolesToTry() []roleChoice {
	var all []roleChoice
	for _, role := range survey.Roles() {
		all = append(all, roleChoice{role, r.T("role_" + string(role)), len(r.actor.Roles) == 1 && r.actor.Roles[0] == role})
	}
	return all
}
