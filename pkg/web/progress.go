package web

import (
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"cxmirror/pkg/access"
	"cxmirror/pkg/fieldwork"
	"cxmirror/pkg/store"
	"cxmirror/pkg/survey"
)

// progressRoutes is how a wave goes that was launched, and what can still be done about it.
func (s *Server) progressRoutes(g *echo.Group) {
	g.GET("/waves/:id/fieldwork", s.showProgress)
	g.GET("/waves/:id/fieldwork/finished.svg", s.drawCourse)
	g.GET("/waves/:id/fieldwork/finished.csv", s.listCourse)
	g.POST("/waves/:id/fieldwork/mailing", s.addMailing)
	g.POST("/waves/:id/fieldwork/cancel", s.cancelMailing)
	g.POST("/waves/:id/fieldwork/resend", s.resend)
	g.POST("/waves/:id/fieldwork/extend", s.extendWave)
	g.POST("/waves/:id/fieldwork/close", s.closeFieldwork)
	g.POST("/waves/:id/fieldwork/reopen", s.reopenWave)
	g.POST("/waves/:id/fieldwork/raise", s.raiseThreshold)
	g.GET("/waves/:id/poster.pdf", s.showPoster)
	g.GET("/waves/:id/codes.pdf", s.showCodes)
}

// invitedOnPage is how many people one page of the list has.
const invitedOnPage = 50

// figure is one of the large numbers.
type figure struct {
	Key   string // of the phrase that names it
	Count string
	Share string // of those invited; "" where that says nothing
	State store.InvitationState
	Loud  bool // somebody should look
}

// rateGroup is how many of a group have finished.
type rateGroup struct {
	Name     string
	Invited  string
	Finished string
	Rate     string
	Share    int // percent, for the bar
	Withheld bool
}

type rateTable struct {
	Name   string
	Groups []rateGroup
	Hidden bool // some are withheld
}

// mailingLine is a mailing as it is listed.
type mailingLine struct {
	survey.Mailing

	When  string
	Quiet string // until when quiet hours hold it back; "" is not at all
	Can   bool   // be cancelled
}

// invitedLine is somebody who was invited.
type invitedLine struct {
	ID       survey.InvitationID
	Person   survey.PersonID
	Name     string
	Address  string
	State    string
	Invited  string
	Reminded int
	Trouble  string
	Can      bool // be written to
}

// progressPage is how a wave goes.
type progressPage struct {
	launchFrame
	Life          string
	Questionnaire string
	Figures       []figure
	Rate          string
	Finished      string
	Pending       string
	Chart         *courseChart // nil is that nobody has finished yet
	Days          []dayLine    // the latest first
	Outlook       string
	Rates         []rateTable
	Mailings      []mailingLine
	Letters       bool
	Mail          bool // mail can be sent

	People  []invitedLine
	Total   int
	Text    string
	State   string
	States  []store.InvitationState
	Earlier string // addresses of the pages before and after; "" is none
	Later   string
	From    int
	To      int

	Link     string
	Paper    bool
	Parts    []int // of the sheet of codes
	Closes   string
	Launched string
	Erases   string
	Notice   string
	Expected string
}

func (s *Server) showProgress(c echo.Context) error {
	return s.showProgressWith(c, http.StatusOK, "", "", nil)
}

// showProgressWith shows the page with what is wrong with a field, and what was typed.
func (s *Server) showProgressWith(c echo.Context, status int, field, problem string, sent *upload) error {
	wave, err := s.waveOf(c)
	if err != nil {
		return err
	}
	if wave.Launched == nil && wave.State == survey.WaveDraft {
		return c.Redirect(http.StatusSeeOther, fmt.Sprintf("/waves/%d", wave.ID))
	}
	page, err := s.progressPage(c, wave)
	if err != nil {
		return err
	}
	if field != "" {
		page.Problems[field] = problem
	}
	if sent != nil {
		for name := range sent.fields {
			page.Fields[name] = sent.text(name)
		}
	}
	return s.show(c, status, "workbench", "progress", page)
}

func (s *Server) progressPage(c echo.Context, w survey.Wave) (progressPage, error) {
	ctx := c.Request().Context()
	page := progressPage{
		launchFrame: launchFrame{room: s.room(c, "waves"), Wave: w, Fields: map[string]string{}, Problems: map[string]string{}},
		Link:        s.linkOf(c, &w), Mail: s.mails(),
	}
	page.Title, page.Simulated = page.With("progress_title", "Wave", w.Name), w.Simulated
	page.Closes, page.Launched = momentText(w.Closes, &w), momentText(w.Launched, &w)
	if w.Erases != nil {
		page.Erases = dayIn(*w.Erases, zoneOf(&w))
	}
	page.Fields["closes"] = fieldOfMoment(w.Closes, zoneOf(&w))
	page.Fields["threshold"], page.Fields["comments"] = strconv.Itoa(w.Threshold), strconv.Itoa(w.Comments)
	page.Fields["kind"] = string(survey.ReminderLetter)
	q, err := s.fielded.questionnaire(ctx, w.Organisation, w.Version)
	if err != nil {
		return page, err
	}
	page.Questionnaire = cmp.Or(q.Title.In(page.Lang), q.Code)
	standing, err := s.standing(ctx, &w)
	if err != nil {
		return page, err
	}
	page.Life = standing.life
	page.figures(&w, standing)
	page.Pending = page.pending(&w, standing.counts)
	page.Rates = rateTables(page.room, standing.rates)
	if err := s.showCourse(ctx, &page, standing.course, standing.groups); err != nil {
		return page, err
	}
	if err := s.mailingsOf(c, &page, &w); err != nil {
		return page, err
	}
	if w.Invited > 0 && page.May(string(access.SeePeople)) {
		if err := s.invitedPeople(c, &page, &w); err != nil {
			return page, err
		}
	}
	page.Notice = page.notice(c)
	return page, nil
}

// Shown says which of how many people the page lists.
func (p progressPage) Shown() string {
	return p.phrases.SayCount(p.Lang, "invited_shown", p.Total, survey.Args{"From": p.Integer(p.From), "To": p.Integer(p.To)})
}

// PartOfCodes names a part of the sheet of access codes, with how many cards it has at most.
func (p progressPage) PartOfCodes(key string, part int) string {
	return p.phrases.Say(p.Lang, key, survey.Args{"Part": p.Integer(part), "Count": p.Integer(cardsInPart)})
}

// notice says what was just done.
func (p *progressPage) notice(c echo.Context) string {
	for _, done := range []string{"launched", "planned", "cancelled", "resent", "extended", "closed", "reopened", "raised"} {
		if c.QueryParam(done) != "" {
			return p.T("progress_done_" + done)
		}
	}
	return ""
}

// figures says who is how far.
func (p *progressPage) figures(w *survey.Wave, standing *standing) {
	all, counts := &standing.invited, &standing.counts
	p.Finished = p.Integer(counts.Complete)
	if all.Invited == 0 {
		p.Figures = []figure{{Key: "figure_started", Count: p.Integer(counts.Started)}, {Key: "figure_finished", Count: p.Integer(counts.Complete)}}
		return
	}
	share := func(n int) string { return p.Percent(float64(n) / float64(all.Invited)) }
	p.Rate = share(all.Finished)
	p.Figures = []figure{
		{Key: "figure_invited", Count: p.Integer(all.Invited)},
		{Key: "figure_sent", Count: p.Integer(all.Reached), Share: share(all.Reached)},
	}
	if w.Tracks {
		p.Figures = append(p.Figures, figure{Key: "figure_opened", Count: p.Integer(all.Opened), Share: share(all.Opened)})
	}
	p.Figures = append(p.Figures,
		figure{Key: "figure_started", Count: p.Integer(all.Started), Share: share(all.Started), State: store.StartedInvitation},
		figure{Key: "figure_finished", Count: p.Integer(all.Finished), Share: share(all.Finished), State: store.FinishedInvitation},
		figure{Key: "figure_failed", Count: p.Integer(all.Failed), State: store.FailedInvitation, Loud: all.Failed > 0},
		figure{Key: "figure_unsubscribed", Count: p.Integer(all.Unsubscribed), State: store.UnsubscribedInvitation},
	)
	if standing.others > 0 {
		p.Figures = append(p.Figures, figure{Key: "figure_others", Count: p.Integer(standing.others)})
	}
}

// pending says how many answers do not count yet, and when they will.
func (p *progressPage) pending(w *survey.Wave, counts store.Counts) string {
	waiting := counts.Complete - counts.Counted
	if !w.Protects() || counts.Complete == 0 {
		return ""
	}
	said := p.N("pending_complete", counts.Complete) + " " + p.N("pending_counted", counts.Counted)
	if waiting <= 0 {
		return said
	}
	key := "pending_waiting"
	switch {
	case p.Life == "closed" || p.Life == "over":
		key = "pending_never"
	case w.Mode == survey.Anonymous:
		key = "pending_waiting_anonymous"
	}
	return said + " " + p.phrases.SayCount(p.Lang, key, waiting, survey.Args{"Enough": p.Integer(2 * w.Threshold), "Least": p.Integer(w.Threshold)})
}

func (s *Server) mailingsOf(c echo.Context, page *progressPage, w *survey.Wave) error {
	ctx := c.Request().Context()
	mailings, err := s.store.Mailings(ctx, w.Organisation, w.ID)
	if err != nil {
		return err
	}
	letters, err := s.store.Letters(ctx, w.Organisation, w.ID)
	if err != nil {
		return err
	}
	page.Letters = len(letters) > 0
	for _, m := range mailings {
		line := mailingLine{
			Mailing: m, When: momentText(&m.At, w), Can: m.State == survey.MailingPlanned || m.State == survey.MailingSending,
		}
		due := m.At
		if due.Before(s.now()) {
			due = s.now()
		}
		if from, later := fieldwork.SentFrom(*w, due); later && line.Can {
			line.Quiet = momentText(&from, w)
		}
		page.Mailings = append(page.Mailings, line)
	}
	return nil
}

// invitedPeople lists who was invited, first of all those who have not finished.
func (s *Server) invitedPeople(c echo.Context, page *progressPage, w *survey.Wave) error {
	page.States = []store.InvitationState{
		store.UnfinishedInvitation, store.AnyInvitation, store.NotInvitedYet, store.InvitedOnly, store.StartedInvitation, store.FinishedInvitation,
		store.FailedInvitation, store.UnsubscribedInvitation,
	}
	query := store.InvitationQuery{State: store.UnfinishedInvitation, Text: strings.TrimSpace(c.QueryParam("q")), Limit: invitedOnPage}
	if given := c.QueryParam("state"); given == "all" {
		query.State = store.AnyInvitation
	} else if state := store.InvitationState(given); given != "" && slices.Contains(page.States, state) {
		query.State = state
	}
	number, _ := strconv.Atoi(c.QueryParam("page")) // what is no number is the first
	number = max(number, 1)
	query.Offset = (number - 1) * invitedOnPage
	people, total, err := s.store.Invitations(c.Request().Context(), w.Organisation, w.ID, query)
	if err != nil {
		return err
	}
	page.Text, page.State, page.Total = query.Text, cmp.Or(string(query.State), "all"), total
	page.From, page.To = min(query.Offset+1, total), query.Offset+len(people)
	address := func(n int) string {
		return fmt.Sprintf("/waves/%d/fieldwork?%s#invited", w.ID, url.Values{"q": {page.Text}, "state": {page.State}, "page": {strconv.Itoa(n)}}.Encode())
	}
	if number > 1 {
		page.Earlier = address(number - 1)
	}
	if page.To < total {
		page.Later = address(number + 1)
	}
	for i := range people {
		page.People = append(page.People, page.invitedLine(w, &people[i]))
	}
	if page.Paper, err = s.store.HasCodes(c.Request().Context(), w.Organisation, w.ID); err != nil {
		return err
	}
	for part := range (w.Invited + cardsInPart - 1) / cardsInPart {
		page.Parts = append(page.Parts, part+1)
	}
	return nil
}

func (p *progressPage) invitedLine(w *survey.Wave, i *store.InvitedPerson) invitedLine {
	line := invitedLine{
		ID: i.ID, Person: i.Person.ID, Name: cmp.Or(i.Person.Name, i.Person.Address, i.Person.Key, p.T("invited_erased")), Address: i.Person.Address,
		Reminded: i.Reminded, State: "waiting",
	}
	switch {
	case i.Finished:
		line.State = "finished"
	case i.Started:
		line.State = "started"
	case i.Invited != nil:
		line.State = "invited"
	}
	if i.Invited != nil {
		line.Invited = dayIn(*i.Invited, zoneOf(w))
	}
	switch {
	case i.Person.ID == 0:
	case i.Unsubscribed || i.Person.Unsubscribed != nil:
		line.Trouble = p.T("invited_trouble_unsubscribed")
	case i.Failed != "":
		line.Trouble = p.With("invited_trouble_failed", "Reason", p.MailFailure(i.Failed))
	case i.Person.Bounced != nil:
		line.Trouble = p.With("invited_trouble_failed", "Reason", p.MailFailure(i.Person.BounceReason))
	case !i.Person.Active:
		line.Trouble = p.T("invited_trouble_inactive")
	case i.Person.Address == "":
		line.Trouble = p.T("invited_trouble_no_address")
	}
	line.Can = line.Trouble == "" && i.Person.ID != 0 && !i.Finished && p.Letters && p.Mail && p.Life == "open"
	return line
}

// progressAction does something about a wave and shows the page again, with what was done or what is wrong.
func (s *Server) progressAction(c echo.Context, field, done string, act func(w *survey.Wave, form *upload) (problem string, err error)) error {
	form, err := receiveForm(c, formLimit)
	if err != nil {
		return err
	}
	w, err := s.waveOf(c)
	if err != nil {
		return err
	}
	problem, err := act(&w, form)
	switch {
	case errors.Is(err, survey.ErrPromised):
		return s.showProgressWith(c, http.StatusConflict, field, s.room(c, "").T("progress_promised"), form)
	case err != nil:
		return err
	case problem != "":
		return s.showProgressWith(c, http.StatusUnprocessableEntity, field, problem, form)
	}
	return c.Redirect(http.StatusSeeOther, fmt.Sprintf("/waves/%d/fieldwork?%s=1", w.ID, done))
}

// addMailing plans a reminder, or an invitation for those who have none yet.
func (s *Server) addMailing(c echo.Context) error {
	return s.progressAction(c, "at", "planned", func(w *survey.Wave, form *upload) (string, error) {
		r := s.room(c, "")
		m := survey.Mailing{Wave: w.ID, Organisation: w.Organisation, Kind: survey.LetterKind(form.text("kind")), At: s.now()}
		at, ok := readMoment(strings.TrimSpace(form.text("at")), zoneOf(w))
		if at != nil {
			m.At = *at
		}
		letters, err := s.store.Letters(c.Request().Context(), w.Organisation, w.ID)
		if err != nil {
			return "", err
		}
		written := slices.ContainsFunc(letters, func(l survey.Letter) bool { return l.Kind == m.Kind })
		switch {
		case !ok:
			return r.T("problem_time"), nil
		case !written:
			return r.T("progress_problem_no_letter"), nil
		case errors.Is(w.Takes(s.now(), 0), survey.ErrClosed):
			return r.T("progress_problem_over"), nil
		case m.At.Before(s.now().Add(-time.Minute)):
			return r.T("progress_problem_past"), nil
		case w.Closes != nil && !m.At.Before(*w.Closes):
			return r.T("launch_problem_reminder_late"), nil
		}
		if err := s.store.PlanMailing(c.Request().Context(), w.Organisation, &m); err != nil {
			return "", err
		}
		s.wakeMailer()
		return "", nil
	})
}

func (s *Server) wakeMailer() {
	if s.mailer != nil {
		s.mailer.Wake()
	}
}

// cancelMailing stops a mailing that is not done. One that is done meanwhile stays as it is.
func (s *Server) cancelMailing(c echo.Context) error {
	return s.progressAction(c, "mailing", "cancelled", func(w *survey.Wave, form *upload) (string, error) {
		id, err := strconv.ParseInt(form.text("mailing"), 10, 64)
		if err != nil {
			return "", fmt.Errorf("mailing: %w", survey.ErrNotFound)
		}
		ctx := c.Request().Context()
		mailings, err := s.store.Mailings(ctx, w.Organisation, w.ID)
		if err != nil {
			return "", err
		}
		if !slices.ContainsFunc(mailings, func(m survey.Mailing) bool { return m.ID == survey.MailingID(id) }) {
			return "", fmt.Errorf("mailing %d of wave %d: %w", id, w.ID, survey.ErrNotFound)
		}
		err = s.store.CancelMailing(ctx, w.Organisation, survey.MailingID(id))
		if errors.Is(err, survey.ErrConflict) {
			return s.room(c, "").T("progress_problem_mailing_done"), nil
		}
		return "", err
	})
}

// resend writes to one person at once.
func (s *Server) resend(c echo.Context) error {
	return s.progressAction(c, "resend", "resent", func(w *survey.Wave, form *upload) (string, error) {
		r := s.room(c, "")
		if !s.mails() {
			return r.T("finding_no_mail_server"), nil
		}
		var random [16]byte
		if _, err := io.ReadFull(s.random, random[:]); err != nil {
			return "", fmt.Errorf("message id: %w", err)
		}
		host := "localhost"
		if base, err := url.Parse(s.baseOf(c)); err == nil && base.Hostname() != "" {
			host = base.Hostname()
		}
		messageID := hex.EncodeToString(random[:]) + "@" + host
		err := s.store.MailPerson(c.Request().Context(), w.Organisation, w.ID, survey.InvitationID(form.text("invitation")), messageID, s.now())
		if errors.Is(err, survey.ErrConflict) {
			return r.T("progress_problem_resend"), nil
		}
		if err != nil {
			return "", err
		}
		s.wakeMailer()
		return "", nil
	})
}

// extendWave changes when a wave stops taking answers.
func (s *Server) extendWave(c echo.Context) error {
	return s.progressAction(c, "closes", "extended", func(w *survey.Wave, form *upload) (string, error) {
		closes, problem := s.comingDate(c, w, form)
		if problem != "" {
			return problem, nil
		}
		_, err := s.fieldwork.Extend(c.Request().Context(), w.Organisation, w.ID, closes)
		return "", err
	})
}

// comingDate reads the day on which a wave is to close.
func (s *Server) comingDate(c echo.Context, w *survey.Wave, form *upload) (*time.Time, string) {
	r := s.room(c, "")
	closes, ok := readMoment(strings.TrimSpace(form.text("closes")), zoneOf(w))
	switch {
	case !ok:
		return nil, r.T("problem_time")
	case closes != nil && !closes.After(s.now()):
		return nil, r.T("progress_problem_past")
	case closes != nil && w.Erases != nil && closes.After(*w.Erases):
		return nil, r.With("progress_problem_erased", "Day", dayIn(*w.Erases, zoneOf(w)))
	}
	return closes, ""
}

// closeFieldwork ends a wave now.
func (s *Server) closeFieldwork(c echo.Context) error {
	return s.progressAction(c, "close", "closed", func(w *survey.Wave, _ *upload) (string, error) {
		_, err := s.fieldwork.Close(c.Request().Context(), w.Organisation, w.ID)
		return "", err
	})
}

// reopenWave lets a wave that has ended take answers again.
func (s *Server) reopenWave(c echo.Context) error {
	return s.progressAction(c, "closes", "reopened", func(w *survey.Wave, form *upload) (string, error) {
		closes, problem := s.comingDate(c, w, form)
		if problem != "" {
			return problem, nil
		}
		if w.Erases != nil && !w.Erases.After(s.now()) {
			return s.room(c, "").With("progress_problem_erased", "Day", dayIn(*w.Erases, zoneOf(w))), nil
		}
		_, err := s.fieldwork.Reopen(c.Request().Context(), w.Organisation, w.ID, closes)
		return "", err
	})
}

// raiseThreshold makes the promise stricter. A lower one is refused with the reason.
func (s *Server) raiseThreshold(c echo.Context) error {
	return s.progressAction(c, "threshold", "raised", func(w *survey.Wave, form *upload) (string, error) {
		r := s.room(c, "")
		people, _ := strconv.Atoi(strings.TrimSpace(form.text("threshold"))) // what is no number is 0
		comments, _ := strconv.Atoi(strings.TrimSpace(form.text("comments")))
		switch {
		case people < 1 || people > 1000 || comments < 1 || comments > 1000:
			return r.phrases.Say(r.Lang, "problem_number", survey.Args{"Low": r.Integer(1), "High": r.Integer(1000)}), nil
		case people < w.Threshold || comments < w.Comments:
			return r.T("problem_threshold_lower"), nil
		}
		detail(c, "threshold", fmt.Sprintf("%d → %d", w.Threshold, people))
		detail(c, "comments", fmt.Sprintf("%d → %d", w.Comments, comments))
		_, err := s.fieldwork.RaiseThreshold(c.Request().Context(), w.Organisation, w.ID, people, comments)
		return "", err
	})
}
