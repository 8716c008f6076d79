package web

import (
	"context"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"cxmirror/pkg/access"
)

// detailsKey is where a handler leaves what the audit trail should tell besides what the table of rights says.
const detailsKey = "details"

// undoneKey is where a handler says that it led back without having done anything.
const undoneKey = "undone"

// undone says that nothing was done that the audit trail would tell, although nothing failed.
func undone(c echo.Context) { c.Set(undoneKey, true) }

// ledBack leads a form back to its page where nothing was done.
func ledBack(c echo.Context, address string) error {
	undone(c)
	return c.Redirect(http.StatusSeeOther, address)
}

// aboutKey is where a handler says what a request was about that its address does not name.
const aboutKey = "about"

// about says what a request was about, where its address does not name it: a subject of the audit trail.
func about(c echo.Context, subject string) { c.Set(aboutKey, subject) }

// notePatience is how long the database may take to note something.
const notePatience = 5 * time.Second

// longestNoted is how many characters of a parameter the audit trail tells.
const longestNoted = 200

// detail adds to what the audit trail tells of a request, such as from which threshold to which one was raised. It
// must not be an answer of a respondent, nor her name.
func detail(c echo.Context, key, value string) {
	details, ok := c.Get(detailsKey).(map[string]string)
	if !ok {
		details = make(map[string]string)
		c.Set(detailsKey, details)
	}
	details[key] = value
}

// note adds what was done to the audit trail. What was done is done, so that a trail that cannot be written does not
// undo it; the log has the line then.
func (s *Server) note(c echo.Context, e access.Event) {
	actor := actorOf(c)
	if actor == nil {
		return
	}
	s.noteAs(c, actor, e)
}

func (s *Server) noteAs(c echo.Context, actor *access.Actor, e access.Event) {
	e.Request = requestID(c)
	s.keepNote(c, actor, e)
}

func (s *Server) keepNote(c echo.Context, actor *access.Actor, e access.Event) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Request().Context()), notePatience) // who has left did it all the same
	defer cancel()
	if err := s.access.Note(ctx, actor, e); err != nil {
		s.log.LogAttrs(ctx, slog.LevelError, "not in the audit trail", slog.String("id", e.Request), slog.String("action", e.Action), slog.Any("error", err))
	}
}

// noteRequest adds to the audit trail what the table of rights says of a request that was done.
func (s *Server) noteRequest(c echo.Context, r *rule) {
	status := c.Response().Status
	if r.action == "" || c.Get(undoneKey) != nil || status >= http.StatusBadRequest || c.Request().Method == http.MethodPost && status == http.StatusOK && !ofAPI(c.Path()) {
		return // it was refused; a page that shows a form again has done nothing
	}
	event := access.Event{Action: r.action, Details: make(map[string]string), Instance: r.right == access.Administer}
	event.Subject, _ = c.Get(aboutKey).(string)
	kinds := map[string]string{
		"id": "wave", "person": "person", "attribute": "attribute", "view": "view", "user": "user", "token": "token",
		"organisation": "organisation", "mail": "mail",
	}
	for _, name := range c.ParamNames() {
		if kind, ok := kinds[name]; ok && event.Subject == "" {
			event.Subject = subject(kind, noted(c.Param(name)))
		} else if name != "file" && name != "secret" { // those name what lies on the shelf, or let in
			event.Details[name] = noted(c.Param(name))
		}
	}
	for _, name := range r.query {
		values := slices.DeleteFunc(slices.Clone(c.QueryParams()[name]), func(value string) bool { return value == "" })
		if len(values) > 0 { // a parameter may come more than once: both sides can be cut down to a part
			event.Details[name] = noted(strings.Join(values, ", "))
		}
	}
	if details, ok := c.Get(detailsKey).(map[string]string); ok {
		for _, key := range slices.Sorted(maps.Keys(details)) {
			if event.Details[key] = noted(details[key]); details[key] == "" { // nothing was done with what the address says
				delete(event.Details, key)
			}
		}
	}
	s.note(c, event)
}

// noted returns as much of a text as the audit trail tells.
func noted(text string) string {
	letters := []rune(text)
	if len(letters) <= longestNoted {
		return text
	}
	return string(letters[:longestNoted-1]) + "…"
}
