package web

import (
	"errors"
	"fmt"
	"html/template"
	"net/http"

	"github.com/boombuler/barcode/qr"
	"github.com/labstack/echo/v4"

	"cxmirror/pkg/access"
	"cxmirror/pkg/survey"
)

// enrolling is where a session keeps the second factor that somebody is about to set up, sealed.
const enrolling = "enrolling"

const factorPath = "/profile/second-factor"

// secondFactorRoutes set up a second factor, and end it. Each asks for the password once more: a browser that was left
// open must not be enough.
func (s *Server) secondFactorRoutes(g *echo.Group) {
	g.POST(factorPath, s.beginSecondFactor)
	g.GET(factorPath, s.showEnrolment)
	g.POST(factorPath+"/confirm", s.confirmSecondFactor)
	g.POST(factorPath+"/codes", s.renewCodes)
	g.POST(factorPath+"/end", s.endSecondFactor)
}

// enrolmentPage shows the secret of a second factor to the camera of an authenticator, and asks for a code of it.
type enrolmentPage struct {
	room
	Secret  string
	Picture template.HTML
	Problem string
}

// codesPage shows recovery codes, once.
type codesPage struct {
	room
	Codes   []string
	Address string
	Day     string
}

// ownPassword lets somebody go on who gives her password once more, or shows her account with what is wrong. done says
// that a page was shown.
func (s *Server) ownPassword(c echo.Context, field string) (done bool, err error) {
	form, err := s.own(c)
	if err != nil {
		return false, err
	}
	if actorOf(c).User.PasswordHash == "" {
		return false, survey.ErrNotFound // who signs in elsewhere has her second factor there
	}
	err = s.access.CheckAgain(c.Request().Context(), actorOf(c).User.ID, access.Attempt{
		Password: form.fields.Get("password"), From: addressOfNetwork(c).String(), Device: deviceOf(c),
	})
	if err == nil {
		return false, nil
	}
	page, failed := s.profilePage(c)
	if failed != nil {
		return false, failed
	}
	return true, s.showProfileAgain(c, page, field, err)
}

func (s *Server) beginSecondFactor(c echo.Context) error {
	if done, err := s.ownPassword(c, "factor_password"); done || err != nil {
		return err
	}
	ctx, user := c.Request().Context(), actorOf(c).User
	if len(user.SecondFactor) > 0 {
		return fmt.Errorf("second factor of user %d: %w", user.ID, survey.ErrConflict) // in another tab
	}
	enrolment, err := s.access.EnrolSecondFactor(ctx, user.ID)
	if err != nil {
		return err
	}
	s.sessions.manager.Put(ctx, enrolling, enrolment.Sealed)
	if err := s.keepSession(c); err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, factorPath)
}

func (s *Server) showEnrolment(c echo.Context) error {
	if len(s.sessions.manager.GetBytes(c.Request().Context(), enrolling)) == 0 {
		return c.Redirect(http.StatusSeeOther, "/profile")
	}
	return s.showEnrolmentWith(c, http.StatusOK, "")
}

func (s *Server) showEnrolmentWith(c echo.Context, status int, problem string) error {
	ctx := c.Request().Context()
	enrolment, err := s.access.Enrolling(ctx, actorOf(c).User.ID, s.sessions.manager.GetBytes(ctx, enrolling))
	if err != nil {
		return err
	}
	code, err := qr.Encode(enrolment.Address, qr.M, qr.Auto)
	if err != nil {
		return fmt.Errorf("second factor: %w", err)
	}
	page := enrolmentPage{room: s.room(c, "profile"), Secret: enrolment.Secret, Picture: picture(codeSVG(code)), Problem: problem}
	page.Title = page.T("enrol")
	return s.show(c, status, "workbench", "enrol", page)
}

func (s *Server) confirmSecondFactor(c echo.Context) error {
	form, err := s.own(c)
	if err != nil {
		return err
	}
	ctx, user := c.Request().Context(), actorOf(c).User
	sealed := s.sessions.manager.GetBytes(ctx, enrolling)
	if len(sealed) == 0 { // it was set up already, or never begun
		return c.Redirect(http.StatusSeeOther, "/profile")
	}
	codes, err := s.access.ConfirmSecondFactor(ctx, user.ID, sealed, form.text("code"))
	if errors.Is(err, survey.ErrConflict) { // she has one meanwhile, by another browser
		s.sessions.manager.Remove(ctx, enrolling)
		if err := s.keepSession(c); err != nil {
			return err
		}
		return ledBack(c, "/profile")
	}
	if refused, ok := errors.AsType[*access.RefusedError](err); ok {
		return s.showEnrolmentWith(c, http.StatusUnprocessableEntity, s.room(c, "").T("refused_"+string(refused.Problem)))
	}
	if err != nil {
		return err
	}
	s.sessions.manager.Remove(ctx, enrolling)
	if err := s.keepSession(c); err != nil {
		return err
	}
	s.noteOwn(c, "user.factor_added", nil)
	return s.showRecoveryCodes(c, codes)
}

// showRecoveryCodes shows recovery codes: nothing keeps them as they are.
func (s *Server) showRecoveryCodes(c echo.Context, codes []string) error {
	page := codesPage{room: s.room(c, "profile"), Codes: codes, Address: actorOf(c).User.Address, Day: s.now().UTC().Format("2006-01-02")}
	page.Title = page.T("recovery")
	return s.show(c, http.StatusCreated, "workbench", "recovery-codes", page)
}

// renewCodes replaces the recovery codes.
func (s *Server) renewCodes(c echo.Context) error {
	if done, err := s.ownPassword(c, "codes_password"); done || err != nil {
		return err
	}
	codes, err := s.access.NewRecoveryCodes(c.Request().Context(), actorOf(c).User.ID)
	if err != nil {
		return err
	}
	s.noteOwn(c, "user.codes_made", nil)
	return s.showRecoveryCodes(c, codes)
}

// endSecondFactor lets her in by her password alone from now on.
func (s *Server) endSecondFactor(c echo.Context) error {
	if done, err := s.ownPassword(c, "end_password"); done || err != nil {
		return err
	}
	if err := s.access.EndSecondFactor(c.Request().Context(), actorOf(c).User.ID); err != nil {
		return err
	}
	s.noteOwn(c, "user.factor_ended", nil)
	return c.Redirect(http.StatusSeeOther, "/profile?done=factor_ended")
}
