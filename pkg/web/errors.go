package web

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"cxmirror/pkg/access"
	"cxmirror/pkg/survey"
)

// statusLeft is what the log says of a visitor who did not wait for the answer. nginx uses the same.
const statusLeft = 499

// Errors of those who may not do what they asked for.
var (
	errSignedOut = errors.New("nobody has signed in")
	errMayNot    = errors.New("her roles do not let her")
)

// mayNotError says which right was missing.
type mayNotError struct{ right access.Right }

// Error names the right.
func (e mayNotError) Error() string { return errMayNot.Error() + ": " + string(e.right) }

// Is reports that it is [errMayNot].
func (e mayNotError) Is(target error) bool { return target == errMayNot }

// halfSentError is that a file cannot be sent to its end. Its beginning is with the visitor already, and would look like
// the whole of it: so her connection is cut, which every program takes for what it is.
type halfSentError struct{ cause error }

// Error says why.
func (e *halfSentError) Error() string { return "a file was sent by half: " + e.cause.Error() }

// Unwrap returns why.
func (e *halfSentError) Unwrap() error { return e.cause }

// trouble is what a person is told of an error.
type trouble struct {
	status int
	phrase string // the keys are phrase_title and phrase_text
}

// troubleOf finds what to tell. What is not known here is our mistake.
func troubleOf(err error) trouble {
	known := []struct {
		err error
		trouble
	}{
		{errUnknownLink, trouble{http.StatusNotFound, "link_unknown"}},
		{survey.ErrNotFound, trouble{http.StatusNotFound, "not_found"}},
		{survey.ErrNotYetOpen, trouble{http.StatusForbidden, "not_open"}},
		{survey.ErrClosed, trouble{http.StatusGone, "closed"}},
		{survey.ErrFull, trouble{http.StatusGone, "full"}},
		{survey.ErrAnswered, trouble{http.StatusConflict, "thanks"}},
		{survey.ErrConflict, trouble{http.StatusConflict, "conflict"}},
		{survey.ErrPromised, trouble{http.StatusConflict, "conflict"}},
		{survey.ErrSlugTaken, trouble{http.StatusConflict, "conflict"}},
		{errSignedOut, trouble{http.StatusUnauthorized, "signed_out"}},
		{access.ErrToken, trouble{http.StatusUnauthorized, "token"}},
		{errMayNot, trouble{http.StatusForbidden, "may_not"}},
		{errOtherOrganisation, trouble{http.StatusConflict, "other_organisation"}},
		{access.ErrLink, trouble{http.StatusGone, "link_used"}},
		{errTooMany, trouble{http.StatusTooManyRequests, "too_many"}},
		{errTooSlow, trouble{http.StatusRequestTimeout, "too_slow"}},
		{errTooLarge, trouble{http.StatusRequestEntityTooLarge, "too_large"}},
	}
	for i := range known {
		if errors.Is(err, known[i].err) {
			return known[i].trouble
		}
	}
	if away(err) {
		return trouble{http.StatusServiceUnavailable, "away"}
	}
	if refused, ok := errors.AsType[*echo.HTTPError](err); ok {
		switch refused.Code {
		case http.StatusNotFound, http.StatusMethodNotAllowed: // to respondents it is all the same
			return trouble{refused.Code, "not_found"}
		case http.StatusRequestEntityTooLarge:
			return trouble{refused.Code, "too_large"}
		}
		if refused.Code < http.StatusInternalServerError {
			return trouble{refused.Code, "refused"}
		}
	}
	return trouble{http.StatusInternalServerError, "error"}
}

// respondError turns an error into a page, or into a line for what is not a browser. It is the only place that
// does. Only what is our fault is logged as an error; everybody is told the id under which it is logged.
func (s *Server) respondError(err error, c echo.Context) {
	if cameLate(c) {
		err = errTooSlow // whatever else it led to
		c.SetRequest(c.Request().WithContext(context.WithoutCancel(c.Request().Context())))
		if c.Request().ProtoMajor == 1 {
			c.Response().Header().Set("Connection", "close") // the rest may still come, and is no request
		}
	}
	t := troubleOf(err)
	ctx := c.Request().Context()
	if ctx.Err() != nil && !c.Response().Committed { // the visitor has left, which is why it failed
		_ = c.NoContent(statusLeft)
		return
	}
	s.logFailure(c, t.status, err)
	if c.Response().Committed {
		return
	}
	if !s.public && ofAPI(c.Request().URL.Path) {
		_ = sendProblem(c, s.problemOf(c, err)) // the visitor has left
		return
	}
	if t.status == http.StatusServiceUnavailable {
		c.Response().Header().Set("Retry-After", "5")
	}
	if errors.Is(err, errTooMany) {
		c.Response().Header().Set("Retry-After", gateWait)
	}
	if !takesHTML(c.Request()) {
		words := s.phrases.Say(s.languageOfScreens(c.Request()), t.phrase+"_title", nil)
		if s.atWork(c) {
			words = s.workbench.phrases.Say(s.workbenchLanguage(c), t.workbenchPhrase()+"_title", nil)
		}
		_ = c.String(t.status, words+"\n") // the visitor has left
		return
	}
	show := func() error { return s.showTrouble(c, t) }
	if s.atWork(c) {
		show = func() error { return s.showWorkbenchTrouble(c, t, err) }
	}
	if err := show(); err != nil && ctx.Err() == nil {
		s.log.LogAttrs(ctx, slog.LevelError, "page of an error failed", slog.String("id", requestID(c)), slog.Any("error", err))
		if !c.Response().Committed {
			_ = c.String(t.status, s.workbench.phrases.Say(survey.English, t.workbenchPhrase()+"_title", nil)+"\n") // there is nobody left to tell
		}
	}
}

// atWork reports whether a request is to the workbench.
func (s *Server) atWork(c echo.Context) bool {
	return !s.public && !ofRespondents(c.Request().URL.Path)
}

// takesHTML reports whether whoever asks would read a page. Programs that say nothing of it would not.
func takesHTML(r *http.Request) bool {
	accept := r.Header.Get("Accept")
	return accept == "" || strings.Contains(accept, "text/html") || strings.Contains(accept, "*/*")
}

// showTrouble shows respondents the page of an error in their language.
func (s *Server) showTrouble(c echo.Context, t trouble) error {
	lang := s.languageOfScreens(c.Request())
	page := noticePage{
		frame: s.frame(lang, s.phrases.Say(lang, t.phrase+"_title", nil)),
		Text:  s.phrases.Say(lang, t.phrase+"_text", nil),
	}
	var err error
	if page.Menu, err = s.languageLinks(c, lang, nil); err != nil {
		return err
	}
	page.Retry = t.status >= http.StatusInternalServerError && c.Request().Method == http.MethodGet
	if t.status >= http.StatusInternalServerError {
		page.Request = s.phrases.Say(lang, "request_id", survey.Args{"ID": requestID(c)})
	}
	return s.show(c, t.status, "respond", "notice", page)
}
