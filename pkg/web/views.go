package web

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"

	"github.com/labstack/echo/v4"

	"cxmirror/pkg/access"
	"cxmirror/pkg/survey"
)

// mayLookAt reports whether a view of results is somebody's to see: she made it, it was named to her, or she sees all
// results anyway.
func mayLookAt(actor *access.Actor, v *survey.View) bool {
	return actor.May(access.SeeResults) || v.Maker == actor.User.ID || slices.Contains(v.Viewers, actor.User.ID)
}

// viewRoutes are the views of results that were named.
func (s *Server) viewRoutes(g *echo.Group) {
	g.GET("/views", s.showViews)
	g.GET("/views/new", s.showNewView)
	g.POST("/views", s.createView)
	g.GET("/views/:view", s.showView)
	g.GET("/views/:view/pictures.json", s.showPicturesOfView)
	g.GET("/views/:view/edit", s.showEditView)
	g.POST("/views/:view/edit", s.editView)
	g.POST("/views/:view/delete", s.deleteView)
}

// showView shows what a view chooses: whoever looks at it can choose nothing else.
func (s *Server) showView(c echo.Context) error {
	view, chosen, err := s.viewOf(c)
	if err != nil {
		return err
	}
	detail(c, "name", view.Name)
	here := "views"
	if !actorOf(c).May(access.SeeWaves) { // who begins with them
		here = "home"
	}
	page := divergencePage{room: s.room(c, here), Root: "/views/" + c.Param("view"), View: view.Name}
	return s.showResults(c, page, chosen)
}

// showPicturesOfView lays the pictures of a view out for another width.
func (s *Server) showPicturesOfView(c echo.Context) error {
	_, chosen, err := s.viewOf(c)
	if err != nil {
		return err
	}
	width, err := widthOf(c)
	if err != nil {
		return err
	}
	return s.layPicturesOut(c, width, chosen)
}

// viewOf returns the view that an address names, if it is there for whoever asks, and what it chooses.
func (s *Server) viewOf(c echo.Context) (view survey.View, chosen url.Values, err error) {
	id, err := strconv.ParseInt(c.Param("view"), 10, 64)
	if err != nil {
		return view, nil, survey.ErrNotFound
	}
	if view, err = s.store.View(c.Request().Context(), s.organisationOf(c), survey.ViewID(id)); err != nil {
		return view, nil, err
	}
	if !mayLookAt(actorOf(c), &view) {
		return view, nil, survey.ErrNotFound
	}
	if chosen, err = url.ParseQuery(view.Query); err != nil {
		return view, nil, fmt.Errorf("view %d: %w", view.ID, err)
	}
	return view, chosen, nil
}
