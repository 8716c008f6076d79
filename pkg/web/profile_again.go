package web

import (
	"errors"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"cxmirror/pkg/access"
)

// freshSignOn is how long ago somebody may have signed in who signs in elsewhere and has no password here that could be
// asked for, when she does what others are asked for theirs.
const freshSignOn = 10 * time.Minute

// again is what is asked once more of somebody who is about to do what a browser that was left open must not be
// enough for.
type again struct {
	Password bool   // her password; without one here, that she has signed in lately
	Wrong    string // what was wrong with it
}

// again says what is asked of whoever sent a request. The guests of a demonstration, who all are one user without a
// password, are asked for nothing.
func (s *Server) again(c echo.Context) again {
	return again{Password: actorOf(c).User.PasswordHash != ""}
}

// sureOf says in words why whoever sent a form has not shown once more who she is, and with which status; "" is that she
// has.
func (s *Server) sureOf(c echo.Context, form *upload, r room) (wrong string, status int, err error) {
	ctx, user := c.Request().Context(), actorOf(c).User
	switch {
	case s.guest != 0 && user.ID == s.guest:
		return "", 0, nil
	case user.PasswordHash == "" && s.now().Sub(factsOf(ctx).Started) <= freshSignOn:
		return "", 0, nil
	case user.PasswordHash == "":
		return r.T("again_sign_on"), http.StatusUnprocessableEntity, nil
	}
	err = s.access.CheckAgain(ctx, user.ID, access.Attempt{Password: form.fields.Get("password"), From: addressOfNetwork(c).String(), Device: deviceOf(c)})
	if err == nil {
		return "", 0, nil
	}
	status, words, known := r.refusalOf(c, err, s.now())
	if !known {
		return "", 0, err
	}
	if errors.Is(err, access.ErrWrong) {
		words = r.T("profile_wrong")
	}
	return words, status, nil
}
