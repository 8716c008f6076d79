package web

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"
)

// contentPolicy lets a page load our own files and nothing else, run no script that stands in it, and send
// forms to nobody else. Pictures may stand in the page.
const contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
	"form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// requestHeader names the header with the id of a request.
const requestHeader = "X-Request-Id"

// identify gives every request an id. People read it on the page of an error, and the log has it.
func (s *Server) identify(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		id := make([]byte, 8)
		if _, err := io.ReadFull(s.random, id); err != nil {
			return fmt.Errorf("id of a request: %w", err)
		}
		c.Response().Header().Set(requestHeader, hex.EncodeToString(id))
		return next(c)
	}
}

// requestID returns the id of a request, or "" where it has none.
func requestID(c echo.Context) string { return c.Response().Header().Get(requestHeader) }

// observe writes one line a request into the log. It holds no address, query, cookie or answer: who answered what
// must not be found in a log. Nor does it hold how long a page for respondents was, to which what she has typed adds
// byte by byte: with the time of the line, that would tell her answer from others.
func (s *Server) observe(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		began := s.now()
		err := next(c)
		if err != nil {
			c.Error(err) // so that the status is known here
		}
		took := s.now().Sub(began)
		r := c.Request()
		s.requests.WithLabelValues(knownMethod(r.Method), c.Path(), strconv.Itoa(c.Response().Status)).Observe(took.Seconds())
		line := []slog.Attr{
			slog.String("id", requestID(c)), slog.String("method", knownMethod(r.Method)), slog.String("route", c.Path()),
			slog.Int("status", c.Response().Status),
		}
		if wayOf(c) == noWay {
			line = append(line, slog.Int64("bytes", c.Response().Size))
		}
		line = append(line, slog.Duration("took", took.Round(time.Microsecond)))
		s.log.LogAttrs(r.Context(), slog.LevelInfo, "request", line...)
		if _, half := errors.AsType[*halfSentError](err); half {
			panic(http.ErrAbortHandler)
		}
		return nil
	}
}

// knownMethod keeps what visitors invent out of the log.
func knownMethod(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return method
	}
	return "other"
}

// recoverPanics turns a panic into an error of the request it happened in.
func (s *Server) recoverPanics(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) (err error) {
		defer func() {
			switch cause := recover(); cause {
			case nil:
			case http.ErrAbortHandler:
				panic(cause)
			default: // the cause itself may quote what a person typed
				err = fmt.Errorf("panic (%T) in %s\n%s", cause, c.Path(), debug.Stack())
			}
		}()
		return next(c)
	}
}

// secure sets the headers that keep a page to itself. What people see is theirs: nothing between them and us
// may keep a copy, unless a handler says so.
func (s *Server) secure(next echo.HandlerFunc) echo.HandlerFunc {
	fixed := http.Header{ // every answer has the same values, which nobody changes in place
		"Content-Security-Policy":    {contentPolicy},
		"X-Content-Type-Options":     {"nosniff"},
		"Referrer-Policy":            {"same-origin"},
		"Cross-Origin-Opener-Policy": {"same-origin"},
		"Permissions-Policy":         {"camera=(), geolocation=(), microphone=()"},
		"Cache-Control":              {"no-store"},
	}
	return func(c echo.Context) error {
		h := c.Response().Header()
		maps.Copy(h, fixed)
		if holdsToken(c.Request().URL.Path) {
			h.Set("Referrer-Policy", "no-referrer")
		}
		if s.overTLS(c.Request()) {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		return next(c)
	}
}

// refuseOtherSites refuses what another site's page makes a visitor's browser send. Where the address itself says
// who may do it, there is nothing to forge: mail programs unsubscribe people that way, from anywhere, and browsers
// that are told to send no referrer do not say where they come from.
func (s *Server) refuseOtherSites(next echo.HandlerFunc) echo.HandlerFunc {
	protection := http.NewCrossOriginProtection()
	return func(c echo.Context) error {
		if holdsToken(c.Request().URL.Path) {
			return next(c)
		}
		if err := protection.Check(c.Request()); err != nil {
			return echo.NewHTTPError(http.StatusForbidden).SetInternal(err)
		}
		return next(c)
	}
}
