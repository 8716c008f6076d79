package web

import (
	"net/http"

	"github.com/labstack/echo/v4"
)

// routes is the table of contents of the product.
func (s *Server) routes(e *echo.Echo) {
	// Respondents: an open link, a personal one and a kiosk lead to the promise, then page by page to the thanks.
	for _, way := range []struct {
		address       string
		enter, thanks echo.HandlerFunc
	}{{"/o/:slug", s.showPromise, s.showThanks}, {"/s/:token", s.showPromise, s.showThanks}, {"/k/:slug", s.showKiosk, s.showKioskThanks}} {
		e.GET(way.address, way.enter)
		e.POST(way.address, s.start)
		e.GET(way.address+"/thanks", way.thanks)
		e.GET(way.address+"/privacy", s.showPrivacy)
		e.GET(way.address+"/:page", s.showPage)
		e.POST(way.address+"/:page", s.savePage)
	}
	e.GET("/privacy/:slug", s.showPrivacy)

	// Those who were invited: an access code on paper leads to a personal link, and mails can be declined.
	e.GET("/c", s.showCode)
	e.POST("/c", s.enterCode)
	e.GET("/u/:token", s.showMail)
	e.POST("/u/:token", s.declineMail)

	// Directors: signing in, and then waves and what they show. Who may do what stands in rights.go.
	if !s.public {
		s.signInRoutes(e.Group("", s.atTheWorkbench))
		s.workbenchRoutes(e.Group(""))
		s.commentRoutes(e.Group(""))
		s.apiRoutes(e) // the same, for programs
	}

	// Style and script, under names that change with what is in them, and the colours of organisations.
	e.GET("/static/:name", s.showStatic)
	e.GET("/accent/:name", s.showAccent)

	// For those who keep the service running.
	e.GET("/healthz", s.healthy)
	e.GET("/readyz", s.ready)
	if !s.public {
		e.GET("/metrics", s.showMetrics())
	}
}

// healthy says that the program answers. It asks nobody else, so that a database that is away does not get
// the program restarted.
func (s *Server) healthy(c echo.Context) error { return c.String(http.StatusOK, "ok\n") }

// ready says that requests can be served.
func (s *Server) ready(c echo.Context) error {
	if err := s.store.Ping(c.Request().Context()); err != nil {
		return c.String(http.StatusServiceUnavailable, "the database does not answer\n")
	}
	return c.String(http.StatusOK, "ok\n")
}
