package web

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/mail"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"cxmirror/pkg/fieldwork"
	"cxmirror/pkg/survey"
)

// letterRoutes is what is written to people: as it will look, and as it is changed after the launch.
func (s *Server) letterRoutes(g *echo.Group) {
	g.GET("/waves/:id/letters", s.showLetters)
	g.POST("/waves/:id/letters", s.saveLetters)
	g.GET("/waves/:id/letters/:kind/:language", s.showLetter)
	g.POST("/waves/:id/letters/:kind/:language", s.previewLetter)
}

// mailPolicy is for a mail that is shown in a page: it may look as it was made, and do nothing.
const mailPolicy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox; frame-ancestors 'self'; base-uri 'none'; form-action 'none'"

// showMail sends a mail's HTML for a frame of a page.
func showMail(c echo.Context, html string) error {
	c.Response().Header().Set("Content-Security-Policy", mailPolicy)
	return c.HTML(http.StatusOK, html)
}

// mails reports whether mail can be sent: a server, or a folder, is set.
func (s *Server) mails() bool { return s.mailer != nil && len(s.mailer.Status()) > 0 }

// baseOf returns the address that links in mails begin with.
func (s *Server) baseOf(c echo.Context) string {
	if s.baseURL != "" {
		return s.baseURL
	}
	scheme := "http"
	if s.overTLS(c.Request()) {
		scheme = "https"
	}
	return scheme + "://" + c.Request().Host
}

// occasionOf is what the letters of a wave are about.
func (s *Server) occasionOf(c echo.Context, w *survey.Wave) (fieldwork.Occasion, error) {
	q, err := s.fielded.questionnaire(c.Request().Context(), w.Organisation, w.Version)
	if err != nil {
		return fieldwork.Occasion{}, err
	}
	colours := letterColours(s.logoOf(c.Request().Context(), w.Organisation).accent)
	return fieldwork.Occasion{Wave: *w, Title: q.Title, Base: s.baseOf(c), Colours: colours}, nil
}

// lettersOf returns the letters of a wave: those of its plan before the launch, those stored afterwards.
func (s *Server) lettersOf(c echo.Context) (survey.Wave, []survey.Letter, error) {
	d, err := s.draftOf(c)
	if err == nil {
		return d.plan.Wave, d.plan.Letters, nil
	}
	wave, err := s.waveOf(c)
	if err != nil {
		return survey.Wave{}, nil, err
	}
	letters, err := s.store.Letters(c.Request().Context(), wave.Organisation, wave.ID)
	return wave, letters, err
}

// letterAt returns the letter and the language that an address names.
func letterAt(c echo.Context, letters []survey.Letter) (survey.Letter, survey.Language, error) {
	kind := survey.LetterKind(c.Param("kind"))
	at := slices.IndexFunc(letters, func(l survey.Letter) bool { return l.Kind == kind })
	if at < 0 {
		return survey.Letter{}, "", fmt.Errorf("letter: %w", survey.ErrNotFound)
	}
	return letters[at], survey.Language(c.Param("language")), nil
}

func (s *Server) showLetter(c echo.Context) error {
	wave, letters, err := s.lettersOf(c)
	if err != nil {
		return err
	}
	letter, lang, err := letterAt(c, letters)
	if err != nil {
		return err
	}
	return s.showWritten(c, &wave, letter, lang, c.QueryParam("as") == "text")
}

// previewLetter shows a letter as it was typed, in the frame beside it. Nothing is stored.
func (s *Server) previewLetter(c echo.Context) error {
	form, err := receiveForm(c, uploadLimit)
	if err != nil {
		return err
	}
	wave, letters, err := s.lettersOf(c)
	if err != nil {
		return err
	}
	stored, lang, err := letterAt(c, letters)
	if err != nil {
		return err
	}
	typed := survey.Letter{Wave: wave.ID, Kind: stored.Kind, Subject: survey.Words{}, Text: survey.Words{}}
	typed.Subject[lang] = strings.TrimSpace(form.text(letterField("subject", stored.Kind, lang)))
	typed.Text[lang] = strings.TrimSpace(form.text(letterField("text", stored.Kind, lang)))
	return s.showWritten(c, &wave, typed, lang, form.text("as") == "text")
}

// writtenPage is a letter beside the form in which it is written.
type writtenPage struct {
	room
	Language survey.Language // of the letter
	Subject  string
	Text     string
	Wrong    []string
}

// showWritten shows a letter as somebody who reads a language would get it, or what keeps it from being sent.
func (s *Server) showWritten(c echo.Context, wave *survey.Wave, letter survey.Letter, lang survey.Language, plain bool) error {
	page := writtenPage{room: s.room(c, ""), Language: lang}
	for _, problem := range fieldwork.CheckLetter(letter) {
		if problem.Language == lang {
			page.Wrong = append(page.Wrong, letterProblem(page.room, &problem))
		}
	}
	about, err := s.occasionOf(c, wave)
	if err != nil {
		return err
	}
	written := fieldwork.Written{}
	if len(page.Wrong) == 0 {
		if written, err = s.stationery.Preview(about, letter, lang); err != nil {
			page.Wrong = append(page.Wrong, page.T("letter_empty"))
		}
	}
	if len(page.Wrong) == 0 && !plain {
		return showMail(c, written.HTML)
	}
	page.Subject, page.Text, page.Language = written.Subject, written.Text, survey.Language(cmp.Or(string(written.Language), string(lang)))
	buffer := s.pages.buffer()
	defer s.pages.buffers.Put(buffer)
	if err := s.pages.write(buffer, "workbench", "letter-text", page); err != nil {
		return fmt.Errorf("page workbench/letter-text: %w", err)
	}
	c.Response().Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; sandbox; frame-ancestors 'self'; base-uri 'none'; form-action 'none'")
	return c.HTML(http.StatusOK, buffer.String())
}

// lettersPage is the letters of a wave that was launched.
type lettersPage struct {
	launchFrame
	contested
	Letters []letterFields
	Saved   bool
}

func (s *Server) showLetters(c echo.Context) error {
	page, err := s.lettersPage(c)
	if err != nil {
		return err
	}
	page.Saved = c.QueryParam("saved") != ""
	return s.show(c, http.StatusOK, "workbench", "letters", page)
}

func (s *Server) lettersPage(c echo.Context) (lettersPage, error) {
	wave, letters, err := s.lettersOf(c)
	if err != nil {
		return lettersPage{}, err
	}
	page := lettersPage{launchFrame: launchFrame{room: s.room(c, "waves"), Wave: wave, Fields: map[string]string{}, Problems: map[string]string{}}}
	page.Title, page.Simulated = page.With("letters_title", "Wave", wave.Name), wave.Simulated
	page.Was = formMark(writingOf(letters))
	page.Letters, err = s.letterFields(c, &wave, letters)
	page.Letters = slices.DeleteFunc(page.Letters, func(l letterFields) bool {
		return !slices.ContainsFunc(letters, func(stored survey.Letter) bool { return stored.Kind == l.Kind })
	})
	return page, err
}

// saveLetters stores letters of a wave that was launched, if they can be sent. Mails that were sent are as they
// were.
func (s *Server) saveLetters(c echo.Context) error {
	form, err := receiveForm(c, uploadLimit)
	if err != nil {
		return err
	}
	page, err := s.lettersPage(c)
	if err != nil {
		return err
	}
	if page.Wave.Launched == nil {
		return c.Redirect(http.StatusSeeOther, fmt.Sprintf("/waves/%d/launch/letters", page.Wave.ID))
	}
	ctx := c.Request().Context()
	before, err := s.store.Letters(ctx, page.Wave.Organisation, page.Wave.ID)
	if err != nil {
		return err
	}
	letters := readLetters(form, page.Letters, before)
	if sayLetterErrors(page.room, page.Letters, letters) {
		page.Problems["letters"], page.Was = page.T("letters_not_saved"), form.text("was")
		return s.show(c, http.StatusUnprocessableEntity, "workbench", "letters", page)
	}
	now := before
	err = s.store.ChangeLetters(ctx, page.Wave.Organisation, page.Wave.ID, func(stored []survey.Letter) ([]survey.Letter, error) {
		now = stored
		letters = readLetters(form, page.Letters, stored)
		return letters, settles(form, writingOf(stored), writingOf(letters))
	})
	if errors.Is(err, errOvertaken) {
		page.overtake(writingOf(now), page.whereOther(letters, now))
		return s.show(c, http.StatusConflict, "workbench", "letters", page)
	}
	if err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, fmt.Sprintf("/waves/%d/letters?saved=1", page.Wave.ID))
}

// whereOther says what letters are now, where that is something else than what was sent.
func (p *lettersPage) whereOther(sent, now []survey.Letter) []namedText {
	var all []namedText
	for i := range p.Letters {
		for _, one := range p.Letters[i].Languages {
			of := func(letters []survey.Letter) (subject, text string) {
				for j := range letters {
					if letters[j].Kind == one.Kind {
						return letters[j].Subject[one.Language], letters[j].Text[one.Language]
					}
				}
				return "", ""
			}
			subject, text := of(sent)
			subjectNow, textNow := of(now)
			if subject != subjectNow || text != textNow {
				all = append(all, namedText{p.T("letter_"+string(one.Kind)) + " (" + one.Name + ")", strings.TrimSpace(subjectNow + "\n\n" + textNow)})
			}
		}
	}
	return all
}

// Placeholders returns what letters can have put in, in braces, with what each stands for.
func (r room) Placeholders() []placeholderWord {
	var words []placeholderWord
	for _, name := range fieldwork.Placeholders() {
		words = append(words, placeholderWord{"{" + name + "}", r.T("placeholder_" + name)})
	}
	return words
}

// placeholderWord is what letters can have put in.
type placeholderWord struct{ Word, Says string }

// sendTestMail sends a letter to one address at once, so that whoever launches has seen it arrive.
func (s *Server) sendTestMail(c echo.Context) error {
	form, err := receiveForm(c, uploadLimit)
	if err != nil {
		return err
	}
	d, err := s.draftOf(c)
	if err != nil {
		return s.leaveLaunch(c, err)
	}
	page, err := s.launchCheckPage(c, &d)
	if err != nil {
		return err
	}
	page.TestTo, page.TestLanguage, page.TestKind = strings.TrimSpace(form.text("to")), survey.Language(form.text("language")), survey.LetterKind(form.text("kind"))
	refuse := func(problem string) error {
		page.Problems["to"] = problem
		return s.show(c, http.StatusUnprocessableEntity, "workbench", "launch-check", page)
	}
	address, err := mail.ParseAddress(page.TestTo)
	at := slices.IndexFunc(d.plan.Letters, func(l survey.Letter) bool { return l.Kind == page.TestKind })
	switch {
	case err != nil:
		return refuse(page.T("launch_problem_address"))
	case !s.mails():
		return refuse(page.T("finding_no_mail_server"))
	case at < 0:
		return refuse(page.T("letter_empty"))
	}
	about, err := s.occasionOf(c, &d.plan.Wave)
	if err != nil {
		return err
	}
	if err := s.mailer.SendTest(c.Request().Context(), about, d.plan.Letters[at], page.TestLanguage, address.Address); err != nil {
		why, ok := fieldwork.TestFailure(err)
		if !ok {
			return err
		}
		return refuse(page.With("launch_test_failed", "Reason", page.phrases.Tell(page.Lang, mailWords, why)))
	}
	page.Tested = page.With("launch_test_sent", "Address", address.Address)
	return s.show(c, http.StatusOK, "workbench", "launch-check", page)
}

// day writes the day of a time in a zone.
func dayIn(t time.Time, zone *time.Location) string { return t.In(zone).Format(time.DateOnly) }
