package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/labstack/echo/v4"

	"cxmirror/pkg/access"
)

// beginSignOn sends a browser to the provider of single sign-on. What has to come back with it is kept in a session
// that is nobody's yet.
func (s *Server) beginSignOn(c echo.Context) error {
	ctx := c.Request().Context()
	address, kept, err := s.access.Begin(ctx)
	if errors.Is(err, access.ErrProvider) {
		return s.showSignOnProblem(c, http.StatusBadGateway, "sign_on_away")
	}
	if err != nil {
		return err
	}
	state, err := json.Marshal(kept)
	if err != nil {
		return fmt.Errorf("single sign-on: %w", err)
	}
	if err := s.sessions.begin(ctx, 0, agentOf(c.Request().UserAgent()), halfwayLife); err != nil {
		return err
	}
	s.sessions.manager.Put(ctx, keptForSignOn, state)
	s.sessions.manager.Put(ctx, thenGoes, ownAddress(c.QueryParam("next")))
	if err := s.keepSession(c); err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, address)
}

// finishSignOn lets in whom the provider sends back. What was kept is gone before it is looked at: it is good once.
func (s *Server) finishSignOn(c echo.Context) error {
	ctx := c.Request().Context()
	c.Response().Header().Set("Referrer-Policy", "no-referrer") // the address holds a code
	var kept access.SignOn
	if state := s.sessions.manager.GetBytes(ctx, keptForSignOn); len(state) > 0 {
		if err := json.Unmarshal(state, &kept); err != nil {
			return fmt.Errorf("single sign-on: %w", err)
		}
	}
	next := ownAddress(s.sessions.manager.GetString(ctx, thenGoes))
	if kept.State != "" {
		if err := s.endSession(c); err != nil {
			return err
		}
	}
	outcome, err := s.access.Finish(ctx, kept, c.QueryParams())
	if errors.Is(err, access.ErrProvider) {
		return s.showSignOnProblem(c, http.StatusBadGateway, "sign_on_away")
	}
	if refused, ok := errors.AsType[*access.RefusedError](err); ok {
		s.refused(c, "user.refused", refused.Address, bySingleSignOn)
		// The page says what she can do about it; who runs the server needs to know what the provider has sent.
		s.log.WarnContext(ctx, "single sign-on refused", "id", requestID(c), "problem", refused.Problem, "reason", refused.Error())
		return s.showSignOnProblem(c, http.StatusForbidden, string(refused.Problem))
	}
	if err != nil {
		return err
	}
	return s.letIn(c, &outcome, next, bySingleSignOn)
}

// showSignOnProblem shows the ways in once more, with what single sign-on said.
func (s *Server) showSignOnProblem(c echo.Context, status int, problem string) error {
	page := s.signInPage(c, "", "/")
	page.Problem = page.T("refused_" + problem)
	return s.show(c, status, "workbench", "sign-in", page)
}
