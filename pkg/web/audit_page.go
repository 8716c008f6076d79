package web

import (
	"bufio"
	"encoding/csv"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"cxmirror/pkg/access"
	"cxmirror/pkg/store"
	"cxmirror/pkg/survey"
)

// How much of the trail is read at once: for a page, and for a file.
const (
	eventsShown = 100
	eventsRead  = 5000
)

// Which part of the trail is shown: that of the organisation worked in, that of the service itself, or all of it. The
// last two are for administrators.
const (
	auditHere       = "organisation"
	auditInstance   = "instance"
	auditEverywhere = "everywhere"
)

// auditRoutes are who did what.
func (s *Server) auditRoutes(g *echo.Group) {
	g.GET("/audit", s.showAudit)
	g.GET("/audit/audit.csv", s.exportAudit)
}

// auditFilter says which events are wanted, as the address does.
type auditFilter struct {
	Scope       string
	From, Until string // days, as typed
	User        string
	Action      string // the first word of the actions, before the dot
	Subject     string
	Page        int // from 1

	problems map[string]string // by field: the key of a phrase
	query    store.AuditQuery
}

// auditPage is who did what, the latest first.
type auditPage struct {
	room
	Filter   auditFilter
	Problems map[string]string
	Filtered bool
	Scopes   []auditChoice
	People   []auditChoice
	Actions  []auditChoice
	Subjects []auditChoice
	Days     []auditDay
	Total    int
	Range    string
	Later    string // addresses
	Earlier  string
	CSV      string
}

// auditChoice is something that can be chosen.
type auditChoice struct {
	Value, Name string
	Chosen      bool
}

// auditDay is what was done on a day.
type auditDay struct {
	Day   string
	Lines []auditLine
}

// auditLine is an event in words.
type auditLine struct {
	Time         string
	Who          string
	As           string // what she is if she is no user: a program, the command line, the service
	Says         string // what was done
	Subject      string // to what
	OfSubject    string // the address of all that was done to it
	OfWho        string // the address of all that she did
	Organisation string // where several are shown
	Details      []namedText
	Request      string
}

func (s *Server) showAudit(c echo.Context) error {
	page := auditPage{room: s.room(c, "audit"), Filter: readAuditFilter(c.QueryParams(), actorOf(c)), Problems: map[string]string{}}
	page.Title = page.T("audit")
	words, err := s.auditWords(c, page.room)
	if err != nil {
		return err
	}
	f := &page.Filter
	page.Filtered = f.From+f.Until+f.User+f.Action+f.Subject != "" || f.Page > 1
	page.offer(words)
	for field, key := range f.problems {
		page.Problems[field] = page.T(key)
	}
	if len(page.Problems) > 0 {
		return s.show(c, http.StatusUnprocessableEntity, "workbench", "audit", page)
	}
	f.query.Limit, f.query.Offset = eventsShown, (f.Page-1)*eventsShown
	events, total, err := s.store.AuditEvents(c.Request().Context(), f.organisation(s.organisationOf(c)), f.query)
	if err != nil {
		return err
	}
	page.Total = total
	page.lay(words, events)
	page.CSV = addressOf("/audit/audit.csv", f.values())
	return s.show(c, http.StatusOK, "workbench", "audit", page)
}

// readAuditFilter reads what is wanted from an address. Who may not see it all is shown what she may.
func readAuditFilter(query url.Values, actor *access.Actor) auditFilter {
	f := auditFilter{
		Scope: query.Get("scope"), From: query.Get("from"), Until: query.Get("until"), User: query.Get("user"), Action: query.Get("action"),
		Subject: strings.TrimSpace(query.Get("subject")), problems: map[string]string{},
	}
	here := actor.Organisation.ID != 0 && actor.May(access.SeeAudit)
	switch {
	case !actor.May(access.Administer):
		f.Scope = auditHere
	case f.Scope == auditInstance || f.Scope == auditEverywhere:
	case here:
		f.Scope = auditHere
	default:
		f.Scope = auditEverywhere
	}
	f.query.Everywhere = f.Scope == auditEverywhere
	f.query.From, f.query.Until = f.day("from", f.From), f.day("until", f.Until)
	switch {
	case f.query.Until.IsZero():
	case !f.query.From.IsZero() && f.query.Until.Before(f.query.From):
		f.problems["until"] = "audit_days_crossed"
	default:
		f.query.Until = f.query.Until.AddDate(0, 0, 1) // the whole day
	}
	if f.User != "" {
		id, err := strconv.ParseInt(f.User, 10, 64)
		if err != nil || id <= 0 {
			id, f.problems["user"] = -1, "audit_nobody_such"
		}
		f.query.User = survey.UserID(id)
	}
	if f.Action != "" {
		f.query.Action = f.Action + "."
	}
	f.query.Subject = f.Subject
	page, _ := strconv.Atoi(query.Get("page")) // what is no number is the first page
	f.Page = max(1, min(page, 1<<20))
	return f
}

// day reads a day; zero is none.
func (f *auditFilter) day(field, typed string) time.Time {
	if typed == "" {
		return time.Time{}
	}
	day, err := time.Parse(time.DateOnly, typed)
	if err != nil {
		f.problems[field] = "audit_no_day"
	}
	return day
}

// organisation is the one whose part of the trail is wanted; 0 is none in particular.
func (f *auditFilter) organisation(here survey.OrganisationID) survey.OrganisationID {
	if f.Scope == auditHere {
		return here
	}
	return 0
}

// values writes the filter as parameters of an address, without the page.
func (f *auditFilter) values() url.Values {
	query := url.Values{}
	for name, value := range map[string]string{"from": f.From, "until": f.Until, "user": f.User, "action": f.Action, "subject": f.Subject, "scope": f.Scope} {
		if value != "" && (name != "scope" || value != auditHere) {
			query.Set(name, value)
		}
	}
	return query
}

// with is the address of the page with a parameter set, of the first of its pages.
func (f *auditFilter) with(name, value string) string {
	query := f.values()
	query.Set(name, value)
	return addressOf("/audit", query)
}

// offer fills in what can be chosen, with what is chosen already among it.
func (p *auditPage) offer(words *auditWords) {
	choices := func(chosen string, all []auditChoice) []auditChoice {
		known := chosen == ""
		for i := range all {
			all[i].Chosen = all[i].Value == chosen
			known = known || all[i].Chosen
		}
		if !known {
			all = append(all, auditChoice{chosen, chosen, true})
		}
		return all
	}
	p.People, p.Subjects = choices(p.Filter.User, words.people()), choices(p.Filter.Subject, words.subjects())
	for i := range p.Subjects {
		if p.Subjects[i].Name == p.Filter.Subject {
			p.Subjects[i].Name = words.subject(p.Filter.Subject)
		}
	}
	var actions []auditChoice
	for _, group := range auditGroups() {
		actions = append(actions, auditChoice{group, p.T("audit_group_" + group), false})
	}
	p.Actions = choices(p.Filter.Action, actions)
	if p.May(string(access.Administer)) {
		scopes := []auditChoice{{auditInstance, p.T("audit_scope_instance"), false}, {auditEverywhere, p.T("audit_scope_everywhere"), false}}
		if p.actor.Organisation.ID != 0 && p.May(string(access.SeeAudit)) {
			scopes = append([]auditChoice{{auditHere, p.actor.Organisation.Name, false}}, scopes...)
		}
		p.Scopes = choices(p.Filter.Scope, scopes)
	}
}

// lay puts events into words, by day.
func (p *auditPage) lay(words *auditWords, events []survey.AuditEvent) {
	for i := range events {
		e := &events[i]
		day := p.Day(e.At)
		if len(p.Days) == 0 || p.Days[len(p.Days)-1].Day != day {
			p.Days = append(p.Days, auditDay{Day: day})
		}
		line := auditLine{
			Time: e.At.UTC().Format("15:04"), Who: words.who(e), As: words.as(e.Actor), Says: words.action(e.Action), Subject: words.subject(e.Subject),
			Details: words.details(e), Request: e.Request,
		}
		if e.Subject != "" {
			line.OfSubject = p.Filter.with("subject", e.Subject)
		}
		if e.User != 0 {
			line.OfWho = p.Filter.with("user", strconv.FormatInt(int64(e.User), 10))
		}
		if p.Filter.Scope == auditEverywhere {
			line.Organisation = words.organisation(e.Organisation)
		}
		last := &p.Days[len(p.Days)-1]
		last.Lines = append(last.Lines, line)
	}
	first := (p.Filter.Page - 1) * eventsShown
	if len(events) > 0 {
		p.Range = p.phrases.Say(p.Lang, "people_range", survey.Args{"From": p.Integer(first + 1), "To": p.Integer(first + len(events)), "Of": p.Integer(p.Total)})
	}
	at := func(number int) string {
		query := p.Filter.values()
		query.Set("page", strconv.Itoa(number))
		return addressOf("/audit", query)
	}
	if p.Filter.Page > 1 {
		p.Later = at(p.Filter.Page - 1)
	}
	if first+len(events) < p.Total && len(events) > 0 {
		p.Earlier = at(p.Filter.Page + 1)
	}
}

// exportAudit sends what the filter finds as CSV, as it is at this moment: the trail only grows, so that what was
// done up to now stays where it is while the file is written.
func (s *Server) exportAudit(c echo.Context) error {
	f := readAuditFilter(c.QueryParams(), actorOf(c))
	if len(f.problems) > 0 {
		return echo.NewHTTPError(http.StatusBadRequest)
	}
	words, err := s.auditWords(c, s.room(c, "audit"))
	if err != nil {
		return err
	}
	if now := s.now(); f.query.Until.IsZero() || now.Before(f.query.Until) {
		f.query.Until = now.Add(time.Microsecond) // up to now, and with it
	}
	f.query.Limit = s.eventsRead
	ctx := c.Request().Context()
	events, _, err := s.store.AuditEvents(ctx, f.organisation(s.organisationOf(c)), f.query)
	if err != nil {
		return err
	}
	for name, values := range f.values() {
		detail(c, name, strings.Join(values, ", "))
	}
	h := c.Response().Header()
	h.Set(echo.HeaderContentDisposition, attachment("audit-"+s.now().UTC().Format(time.DateOnly)+".csv"))
	h.Set(echo.HeaderContentType, "text/csv; charset=utf-8")
	c.Response().WriteHeader(http.StatusOK)
	out := newAuditFile(c.Response(), words)
	for len(events) > 0 {
		if err := out.add(events); err != nil {
			return &halfSentError{err}
		}
		if len(events) < f.query.Limit {
			break
		}
		f.query.Offset += f.query.Limit
		if events, _, err = s.store.AuditEvents(ctx, f.organisation(s.organisationOf(c)), f.query); err != nil {
			return &halfSentError{err}
		}
	}
	if err := out.end(); err != nil {
		return &halfSentError{err}
	}
	return nil
}

// auditFile writes events as CSV.
type auditFile struct {
	words    *auditWords
	buffered *bufio.Writer
	rows     *csv.Writer
}

func newAuditFile(to io.Writer, words *auditWords) *auditFile {
	buffered := bufio.NewWriter(to)
	f := &auditFile{words, buffered, csv.NewWriter(buffered)}
	_ = f.row("time", "organisation", "who", "kind", "what", "action", "subject", "details", "request") // into the buffer
	return f
}

func (f *auditFile) row(cells ...string) error {
	for i := range cells {
		cells[i] = plainCell(cells[i])
	}
	return f.rows.Write(cells)
}

func (f *auditFile) add(events []survey.AuditEvent) error {
	for i := range events {
		e := &events[i]
		err := f.row(e.At.UTC().Format(time.RFC3339), f.words.organisation(e.Organisation), f.words.who(e), string(e.Actor), f.words.action(e.Action), e.Action,
			e.Subject, detailsInOne(e.Details), e.Request)
		if err != nil {
			return err
		}
	}
	return nil
}

// end sends what is still in the buffer.
func (f *auditFile) end() error {
	f.rows.Flush()
	if err := f.rows.Error(); err != nil {
		return err
	}
	return f.buffered.Flush()
}

// plainCell keeps a spreadsheet from taking what somebody typed for a formula.
func plainCell(text string) string {
	if strings.HasPrefix(text, "'") || strings.IndexAny(text, "=+-@\t\r") == 0 {
		return "'" + text
	}
	return text
}

// detailsInOne writes details as one cell, in the order of their names.
func detailsInOne(details map[string]string) string {
	lines := make([]string, 0, len(details))
	for name, value := range details {
		lines = append(lines, name+"="+value)
	}
	slices.Sort(lines)
	return strings.Join(lines, "; ")
}
