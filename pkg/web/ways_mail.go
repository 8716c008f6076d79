package web

import (
	"net/http"

	"github.com/labstack/echo/v4"
)

// actAgain is the button that takes back what was declined.
const actAgain = "again"

// declinePage is where mails can be declined, and wanted again.
type declinePage struct {
	frame
	contact
	Text    string
	Address string // of the form
	Act     string
	Button  string
	Answer  string // address of the survey, where it can still be answered
}

// showMail asks whether somebody wants no more mails. It changes nothing: programs that look for viruses follow
// every link of a mail.
func (s *Server) showMail(c echo.Context) error {
	v, err := s.visitMail(c)
	if err != nil {
		return err
	}
	if v.invitation.Unsubscribed {
		return s.showMailWith(c, v, "unsubscribed")
	}
	return s.showMailWith(c, v, "unsubscribe")
}

// declineMail notes that somebody wants no more mails, or that she does again. Mail programs send it as well, by
// one click and without a page (RFC 8058): so the answer is no redirect, and neither cookie nor origin is asked for.
func (s *Server) declineMail(c echo.Context) error {
	form, err := readForm(c)
	if form == nil {
		return err
	}
	ctx := c.Request().Context()
	v, err := s.visitMail(c)
	if err != nil {
		return err
	}
	if form.own.Get(fieldAct) == actAgain {
		if err := s.store.ResubscribeInvitation(ctx, v.wave.Organisation, v.invitation.ID); err != nil {
			return err
		}
		return s.showMailWith(c, v, "resubscribed")
	}
	if err := s.store.UnsubscribeInvitation(ctx, v.wave.Organisation, v.invitation.ID, s.now()); err != nil {
		return err
	}
	return s.showMailWith(c, v, "unsubscribed")
}

func (s *Server) visitMail(c echo.Context) (*visit, error) {
	ctx := c.Request().Context()
	v := &visit{}
	if err := s.enter(ctx, c, v); err != nil {
		return v, err
	}
	return v, s.readAnew(ctx, c, v, nil)
}

// showMailWith shows what a phrase says of mails, with the button that fits.
func (s *Server) showMailWith(c echo.Context, v *visit, phrase string) error {
	page := declinePage{frame: s.frameOf(c, v, ""), Address: addressOfMail(v.token), contact: contact{v.wave.Promise.Contact}}
	page.Title, page.Text = page.Say(phrase+"_title"), page.Say(phrase+"_text")
	switch phrase {
	case "unsubscribe":
		page.Button = page.Say("unsubscribe_go")
	case "unsubscribed":
		page.Act, page.Button = actAgain, page.Say("resubscribe_go")
	}
	if !v.invitation.Finished && v.wave.Takes(s.now(), 0) == nil {
		page.Answer = v.address()
	}
	var err error
	if page.Menu, err = s.languageLinks(c, v.lang, v.q); err != nil {
		return err
	}
	return s.show(c, http.StatusOK, "respond", "mail", page)
}
