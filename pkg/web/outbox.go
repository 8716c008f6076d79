package web

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"github.com/labstack/echo/v4"

	"cxmirror/pkg/fieldwork"
	"cxmirror/pkg/survey"
)

// outboxRoutes shows the mails that went to a folder instead of a server.
func (s *Server) outboxRoutes(g *echo.Group) {
	g.GET("/outbox", s.showOutbox)
	g.GET("/outbox/:mail", s.showOutboxMail)
	g.GET("/outbox/:mail/letter", s.showOutboxLetter)
}

// mailsOnPage is how many mails one page of the outbox lists.
const mailsOnPage = 50

// outboxPage is the mails in the folder, the newest first.
type outboxPage struct {
	room
	Folder         string
	Mails          []fieldwork.StoredMail
	Total          int
	Notices        bool // mails about accounts are in the folder and not here
	Earlier, Later string
}

// outboxFolder returns the folder, or [survey.ErrNotFound] where mails are not shown. In the folder lie the mails of all
// organisations, those with links to sign in by among them: it is for demonstrations, whose people are made up.
func (s *Server) outboxFolder(c echo.Context) (string, error) {
	if !s.showsOutbox(c) {
		return "", fmt.Errorf("outbox: %w", survey.ErrNotFound)
	}
	return s.outbox, nil
}

// showsOutbox reports whether there is a folder of mails for whoever sent a request.
func (s *Server) showsOutbox(c echo.Context) bool {
	return s.outbox != "" && s.organisationOf(c) != 0
}

func (s *Server) showOutbox(c echo.Context) error {
	dir, err := s.outboxFolder(c)
	if err != nil {
		return err
	}
	mails, err := fieldwork.ReadOutbox(dir)
	if err != nil {
		return err
	}
	mails = slices.DeleteFunc(mails, func(m fieldwork.StoredMail) bool { return m.Notice && s.guest == 0 })
	page := outboxPage{room: s.room(c, "outbox"), Folder: dir, Total: len(mails), Notices: s.guest == 0}
	page.Title = page.T("outbox")
	number, _ := strconv.Atoi(c.QueryParam("page")) // what is no number is the first
	number = max(number, 1)
	first, last := min((number-1)*mailsOnPage, len(mails)), min(number*mailsOnPage, len(mails))
	page.Mails = mails[first:last]
	if number > 1 {
		page.Earlier = fmt.Sprintf("/outbox?page=%d", number-1)
	}
	if last < len(mails) {
		page.Later = fmt.Sprintf("/outbox?page=%d", number+1)
	}
	return s.show(c, http.StatusOK, "workbench", "outbox", page)
}

// mailPage is one mail of the folder.
type mailPage struct {
	room
	Mail fieldwork.StoredMail
}

// outboxMail returns the mail that an address names. One about somebody's own account, with a link that signs in as
// her, is nobody's to see here: who launches waves must not come in as who decides what she may do. At a demonstration
// everybody is the same guest.
func (s *Server) outboxMail(c echo.Context) (fieldwork.StoredMail, error) {
	dir, err := s.outboxFolder(c)
	if err != nil {
		return fieldwork.StoredMail{}, err
	}
	mail, err := fieldwork.OpenMail(dir, c.Param("mail"))
	if err == nil && mail.Notice && s.guest == 0 {
		err = fmt.Errorf("mail in a folder: %w", survey.ErrNotFound)
	}
	return mail, err
}

func (s *Server) showOutboxMail(c echo.Context) error {
	mail, err := s.outboxMail(c)
	if err != nil {
		return err
	}
	page := mailPage{room: s.room(c, "outbox"), Mail: mail}
	page.Title = mail.Subject
	return s.show(c, http.StatusOK, "workbench", "outbox-mail", page)
}

// showOutboxLetter is the HTML of a mail, for the frame of its page.
func (s *Server) showOutboxLetter(c echo.Context) error {
	mail, err := s.outboxMail(c)
	if err != nil {
		return err
	}
	return showMail(c, mail.HTML)
}
