package web

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"cxmirror/pkg/access"
	"cxmirror/pkg/survey"
)

// viewsPage lists the views that whoever looks at it may see.
type viewsPage struct {
	room
	Views []viewLine
	Done  string
}

// viewLine is a view as it is listed. Who reads it is said to those who can change that.
type viewLine struct {
	survey.View
	Maker   string
	Readers []string
}

func (s *Server) showViews(c echo.Context) error {
	page := viewsPage{room: s.room(c, "views")}
	page.Title = page.T("home")
	if done := c.QueryParam("done"); slices.Contains([]string{"made", "changed", "deleted"}, done) {
		page.Done = page.T("view_done_" + done)
	}
	ctx, actor := c.Request().Context(), actorOf(c)
	views, err := s.store.Views(ctx, s.organisationOf(c))
	if err != nil {
		return err
	}
	called := make(map[survey.UserID]string)
	if actor.May(access.SaveViews) {
		members, err := s.store.Members(ctx, s.organisationOf(c))
		if err != nil {
			return err
		}
		for i := range members {
			called[members[i].User.ID] = calledAs(&members[i].User)
		}
	}
	for i := range views {
		if !mayLookAt(actor, &views[i]) {
			continue
		}
		line := viewLine{View: views[i], Maker: called[views[i].Maker]}
		for _, reader := range views[i].Viewers {
			line.Readers = append(line.Readers, called[reader])
		}
		page.Views = append(page.Views, line)
	}
	return s.show(c, http.StatusOK, "workbench", "views", page)
}

// calledAs is what a user is called on pages.
func calledAs(u *survey.User) string {
	if u.Name != "" {
		return u.Name
	}
	return u.Address
}

// viewPage gives a view its name, and says who else sees it.
type viewPage struct {
	room
	contested
	ID       survey.ViewID // 0 is a view that is not saved yet
	Name     string        // as typed
	Query    string        // of the page that shows what was chosen
	Back     string        // where she came from
	Chosen   []namedText   // what is looked at
	Readers  []viewReader
	Problems map[string]string
}

// namedText is a text, and what it is.
type namedText struct{ Name, Text string }

// viewReader is somebody whose roles alone do not let her see a view.
type viewReader struct {
	ID              survey.UserID
	Called, Address string
	Ticked          bool
}

// showNewView asks for the name of what was chosen on the page of divergence.
func (s *Server) showNewView(c echo.Context) error {
	page, err := s.viewPage(c, 0, c.QueryParams())
	if errors.Is(err, survey.ErrNotFound) { // it was deleted since, or is another organisation's
		return c.Redirect(http.StatusSeeOther, "/divergence?gone=1")
	}
	if err != nil {
		return err
	}
	return s.show(c, http.StatusOK, "workbench", "view", page)
}

// viewPage lays the form of a view out, which shows what is chosen.
func (s *Server) viewPage(c echo.Context, id survey.ViewID, parameters url.Values) (viewPage, error) {
	page := viewPage{room: s.room(c, "views"), ID: id, Problems: map[string]string{}}
	page.Title = page.T("view_save")
	ctx := c.Request().Context()
	members, err := s.store.Members(ctx, s.organisationOf(c))
	if err != nil {
		return page, err
	}
	for i := range members {
		if m := &members[i]; !access.May(m.Roles, access.SeeResults) && access.May(m.Roles, access.SeeViews) {
			page.Readers = append(page.Readers, viewReader{ID: m.User.ID, Called: calledAs(&m.User), Address: m.User.Address})
		}
	}
	ch, _, err := s.choose(ctx, s.organisationOf(c), parameters)
	if err != nil {
		return page, notThere(err)
	}
	page.Query, page.Chosen = ch.query().Encode(), page.chosenWords(ch)
	page.Back = "/divergence?" + page.Query
	if id != 0 {
		page.Back = "/views"
	}
	return page, nil
}

// chosenWords says what was chosen.
func (r room) chosenWords(ch *chosen) []namedText {
	words := []namedText{
		{r.T("side_external"), ch.external.wave.Name},
		{r.T("side_internal"), ch.internal.wave.Name},
		{r.T("item"), ch.item.Text.In(r.Lang)},
		{r.T("top"), r.Integer(ch.top)},
	}
	for _, side := range ch.sides() {
		if side.part == nil {
			continue
		}
		answer := side.part.Answer.In(r.Lang)
		if side.part.Rest {
			answer = r.With("all_but", "Answer", answer)
		}
		words = append(words, namedText{r.T("part_" + string(side.audience)), side.part.Question.In(r.Lang) + ": " + answer})
	}
	return words
}

// read takes what was typed into the form, and reports whether it can be stored.
func (p *viewPage) read(form *upload) bool {
	p.Name = form.line("name")
	for i := range p.Readers {
		p.Readers[i].Ticked = slices.Contains(form.fields["reader"], strconv.FormatInt(int64(p.Readers[i].ID), 10))
	}
	if problem := nameProblem(p.room, p.Name); problem != "" {
		p.Problems["name"] = problem
	}
	return len(p.Problems) == 0
}

// viewers are those who were ticked.
func (p *viewPage) viewers() []survey.UserID {
	var viewers []survey.UserID
	for i := range p.Readers {
		if p.Readers[i].Ticked {
			viewers = append(viewers, p.Readers[i].ID)
		}
	}
	return viewers
}

// createView stores what was chosen under a name. The choice is stored as it is now, with what the address left
// open: the view shows the same waves when there are others.
func (s *Server) createView(c echo.Context) error {
	form, err := receiveForm(c, formLimit)
	if err != nil {
		return err
	}
	page, whole, err := s.wantedView(c, form.text("query"))
	if err != nil {
		return err
	}
	if named := page.read(form); !named || !whole {
		if !whole {
			page.Problems["query"] = page.T("view_problem_what")
			if page.Query == "" {
				page.Problems["query"] = page.T("view_problem_nothing")
			}
		}
		return s.show(c, http.StatusUnprocessableEntity, "workbench", "view", page)
	}
	view := survey.View{Organisation: s.organisationOf(c), Name: page.Name, Query: page.Query, Maker: actorOf(c).User.ID, Viewers: page.viewers()}
	if err := s.store.CreateView(c.Request().Context(), &view); err != nil {
		return err
	}
	about(c, subject("view", strconv.FormatInt(int64(view.ID), 10)))
	tellView(c, &view)
	return c.Redirect(http.StatusSeeOther, "/views?done=made")
}

// wantedView lays the form of a view out that is to show what a query names, and reports whether that can be stored:
// both waves and the item are named, and all that is named is there. Otherwise the form shows what is nearest to it,
// for whoever saves it to look at first; of an organisation with nothing to compare, nothing.
func (s *Server) wantedView(c echo.Context, query string) (page viewPage, whole bool, err error) {
	parameters, wrong := url.ParseQuery(query)
	whole = wrong == nil && parameters.Get("external") != "" && parameters.Get("internal") != "" && parameters.Get("item") != ""
	page, err = s.viewPage(c, 0, parameters)
	for _, part := range []string{"segment", "item", "internal", "external"} {
		if !errors.Is(err, survey.ErrNotFound) {
			break
		}
		whole = false
		parameters.Del(part)
		page, err = s.viewPage(c, 0, parameters)
	}
	if errors.Is(err, survey.ErrNotFound) {
		page.Back, err = "/divergence", nil
	}
	return page, whole, err
}

// tellView adds to what the audit trail tells how a view is called and who sees it.
func tellView(c echo.Context, v *survey.View) {
	detail(c, "name", v.Name)
	readers := make([]string, len(v.Viewers))
	for i, id := range v.Viewers {
		readers[i] = userSubject(id)
	}
	detail(c, "readers", strings.Join(readers, ", "))
}

func (s *Server) showEditView(c echo.Context) error {
	_, page, err := s.editedView(c)
	if err != nil {
		return err
	}
	return s.show(c, http.StatusOK, "workbench", "view", page)
}

// editedView returns the view that an address names, and its form.
func (s *Server) editedView(c echo.Context) (view survey.View, page viewPage, err error) {
	view, parameters, err := s.viewOf(c)
	if err != nil {
		return view, page, err
	}
	if page, err = s.viewPage(c, view.ID, parameters); err != nil {
		return view, page, err
	}
	page.Title, page.Name, page.Was = page.T("view_edit"), view.Name, formMark(namingOf(&view))
	for i := range page.Readers {
		page.Readers[i].Ticked = slices.Contains(view.Viewers, page.Readers[i].ID)
	}
	return view, page, nil
}

// editView gives a view another name, or names it to others. What it shows stays: a link to it never comes to mean
// something else.
func (s *Server) editView(c echo.Context) error {
	form, err := receiveForm(c, formLimit)
	if err != nil {
		return err
	}
	view, page, err := s.editedView(c)
	if err != nil {
		return err
	}
	if !page.read(form) {
		page.Was = form.text("was")
		return s.show(c, http.StatusUnprocessableEntity, "workbench", "view", page)
	}
	now := view
	view.Name, view.Viewers = page.Name, page.viewers()
	err = s.store.ChangeView(c.Request().Context(), view.Organisation, view.ID, func(stored *survey.View) error {
		now = *stored
		if err := settles(form, namingOf(stored), namingOf(&view)); err != nil {
			return err
		}
		stored.Name, stored.Viewers = view.Name, view.Viewers
		return nil
	})
	if errors.Is(err, errOvertaken) {
		page.overtake(namingOf(&now), page.whereOther(&view, &now))
		return s.show(c, http.StatusConflict, "workbench", "view", page)
	}
	if err != nil {
		return err
	}
	tellView(c, &view)
	return c.Redirect(http.StatusSeeOther, "/views?done=changed")
}

// whereOther says what a view is called now and who reads it, where that is something else than what was sent.
func (p *viewPage) whereOther(sent, now *survey.View) []namedText {
	var all []namedText
	if sent.Name != now.Name {
		all = append(all, namedText{p.T("view_name"), now.Name})
	}
	if slices.Equal(slices.Sorted(slices.Values(sent.Viewers)), slices.Sorted(slices.Values(now.Viewers))) {
		return all
	}
	var readers []string
	for i := range p.Readers {
		if slices.Contains(now.Viewers, p.Readers[i].ID) {
			readers = append(readers, p.Readers[i].Called)
		}
	}
	return append(all, namedText{p.T("view_readers"), strings.Join(readers, ", ")})
}

// deleteView takes a view away from everybody. The results stay as they are.
func (s *Server) deleteView(c echo.Context) error {
	view, _, err := s.viewOf(c)
	if err != nil {
		return err
	}
	if err := s.store.DeleteView(c.Request().Context(), view.Organisation, view.ID); err != nil {
		return err
	}
	detail(c, "name", view.Name)
	return c.Redirect(http.StatusSeeOther, "/views?done=deleted")
}
