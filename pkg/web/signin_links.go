package web

import (
	"cmp"
	"errors"
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"cxmirror/pkg/access"
	"cxmirror/pkg/survey"
)

// forgotPage sends a link by which another password is set.
type forgotPage struct {
	room
	Address string // as typed
	Problem string
	Sent    bool // it is on its way, if there is somebody with that address
	NoMail  bool // the server sends none
}

func (s *Server) forgotPage(c echo.Context, address string) forgotPage {
	page := forgotPage{room: s.room(c, ""), Address: address, NoMail: !s.access.SendsMail()}
	page.Title = page.T("forgot")
	return page
}

func (s *Server) showForgot(c echo.Context) error {
	return s.show(c, http.StatusOK, "workbench", "forgot", s.forgotPage(c, ""))
}

// sendReset answers the same whoever has that address, or nobody.
func (s *Server) sendReset(c echo.Context) error {
	form, err := receiveForm(c, formLimit)
	if err != nil {
		return err
	}
	page := s.forgotPage(c, form.text("address"))
	if page.Address == "" {
		page.Problem = page.T("refused_bad_address")
		return s.show(c, http.StatusUnprocessableEntity, "workbench", "forgot", page)
	}
	err = s.access.Reset(c.Request().Context(), page.Address, addressOfNetwork(c).String())
	if errors.Is(err, access.ErrNoMail) {
		page.NoMail = true
		return s.show(c, http.StatusOK, "workbench", "forgot", page)
	}
	if err != nil {
		status, words, known := page.refusalOf(c, err, s.now())
		if !known {
			return err
		}
		page.Problem = words
		return s.show(c, status, "workbench", "forgot", page)
	}
	s.refused(c, "user.reset_asked", page.Address, byLink)
	page.Sent = true
	return s.show(c, http.StatusOK, "workbench", "forgot", page)
}

// passwordPage lets somebody choose a password, who came by a link: one she was sent, or the one that sets up the
// service.
type passwordPage struct {
	room
	Kind        survey.LinkKind
	Action      string // the address of the link
	Address     string // of the user; asked for when the service is set up
	Name        string
	Owns        string // what her organisation is called; asked for when the service is set up
	Problem     string // of the whole form, or of the field named in Wrong
	Wrong       string
	MinPassword int
}

func (s *Server) passwordPage(c echo.Context, kind survey.LinkKind) passwordPage {
	page := passwordPage{room: s.room(c, ""), Kind: kind, Action: c.Request().URL.Path, MinPassword: access.MinPassword}
	page.Title = page.T("link_" + string(kind))
	return page
}

// showLink shows what a link is for. It uses nothing up: programs open links too.
func (s *Server) showLink(kind survey.LinkKind) echo.HandlerFunc {
	return func(c echo.Context) error {
		user, err := s.access.OpenLink(c.Request().Context(), c.Param("secret"), kind)
		if err != nil {
			return err
		}
		page := s.passwordPage(c, kind)
		page.Address, page.Name = user.Address, user.Name
		return s.show(c, http.StatusOK, "workbench", "choose-password", page)
	}
}

// acceptLink sets the password of who has a link, and lets her in.
func (s *Server) acceptLink(kind survey.LinkKind) echo.HandlerFunc {
	return func(c echo.Context) error {
		form, err := receiveForm(c, formLimit)
		if err != nil {
			return err
		}
		ctx := c.Request().Context()
		user, err := s.access.OpenLink(ctx, c.Param("secret"), kind)
		if err != nil {
			return err
		}
		page := s.passwordPage(c, kind)
		page.Address, page.Name = user.Address, cmp.Or(form.text("name"), user.Name)
		if form.fields.Get("password") != form.fields.Get("again") {
			return s.showPasswordAgain(c, page, &access.RefusedError{Problem: passwordsDiffer})
		}
		outcome, err := s.access.AcceptLink(ctx, c.Param("secret"), kind, access.Acceptance{
			Name: form.text("name"), Language: s.workbenchLanguage(c), Password: form.fields.Get("password"),
		})
		if err != nil {
			return s.showPasswordAgain(c, page, err)
		}
		return s.letIn(c, &outcome, "/", string(kind))
	}
}

// passwordsDiffer is a password that was not typed twice the same.
const passwordsDiffer access.Problem = "passwords_differ"

// showPasswordAgain shows the form filled in, with what is wrong beside the field. A password is typed again.
func (s *Server) showPasswordAgain(c echo.Context, page passwordPage, cause error) error {
	status, words, known := page.refusalOf(c, cause, s.now())
	if !known {
		return cause
	}
	page.Problem, page.Wrong = words, "password"
	if refused, ok := errors.AsType[*access.RefusedError](cause); ok {
		switch refused.Problem { //nolint:exhaustive // all others are of the password
		case access.BadAddress:
			page.Wrong = "address"
		case access.BadName:
			page.Wrong = "name"
		case access.BadOrganisation:
			page.Wrong = "organisation"
		}
	}
	return s.show(c, status, "workbench", "choose-password", page)
}

func (s *Server) showSetUp(c echo.Context) error {
	if err := s.access.OpenSetUp(c.Request().Context(), c.Param("secret")); err != nil {
		return err
	}
	return s.show(c, http.StatusOK, "workbench", "choose-password", s.passwordPage(c, survey.SetUpLink))
}

// setUp makes the first administrator, and lets her in.
func (s *Server) setUp(c echo.Context) error {
	form, err := receiveForm(c, formLimit)
	if err != nil {
		return err
	}
	page := s.passwordPage(c, survey.SetUpLink)
	page.Address, page.Name, page.Owns = form.text("address"), form.text("name"), form.text("organisation")
	if form.fields.Get("password") != form.fields.Get("again") {
		return s.showPasswordAgain(c, page, &access.RefusedError{Problem: passwordsDiffer})
	}
	outcome, err := s.access.SetUp(c.Request().Context(), c.Param("secret"), access.Founder{
		Address: page.Address, Name: page.Name, Organisation: page.Owns, Password: form.fields.Get("password"), Language: s.workbenchLanguage(c),
	})
	if err != nil {
		return s.showPasswordAgain(c, page, err)
	}
	return s.letIn(c, &outcome, "/", string(survey.SetUpLink))
}

// subject is what was done to what, as the audit trail names it: a kind of thing and which one.
func subject(kind, which string) string { return kind + " " + which }

// userSubject names a user in the audit trail.
func userSubject(id survey.UserID) string { return subject("user", strconv.FormatInt(int64(id), 10)) }
