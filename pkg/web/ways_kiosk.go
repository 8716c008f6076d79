package web

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"
)

// Times at a kiosk, in seconds.
const (
	kioskThanks = 10 // that the thanks are shown
	kioskRest   = 60 // without a touch, after which somebody is asked whether she is there
	kioskWait   = 15 // that the question waits for an answer
)

// kioskFrame is what pages at a kiosk have beside the others: the way back to the start, and a watch that goes there
// by itself. It is part of a key.
type kioskFrame struct {
	Home       string // where the next person begins
	Rest, Wait int    // seconds
}

func (s *Server) kioskFrameOf(v *visit) *kioskFrame {
	if v.way != kiosk {
		return nil
	}
	return &kioskFrame{Home: v.address(), Rest: kioskRest, Wait: kioskWait}
}

// kioskPage is where everybody begins at a kiosk that speaks several languages.
type kioskPage struct {
	frame
	Asker     string
	Languages []kioskLanguage
}

// kioskLanguage is one language to choose, in its own words.
type kioskLanguage struct {
	languageChoice

	Survey string // title of the questionnaire
}

// nextPerson is how a kiosk goes back to its start after the thanks.
type nextPerson struct {
	Address string
	Seconds int
	Text    string
	Pattern string // has {n} for the seconds that are left
}

// newNextPerson lets the browser go to the start by itself, also without script.
func newNextPerson(c echo.Context, v *visit, pattern string) *nextPerson {
	c.Response().Header().Set("Refresh", strconv.Itoa(kioskThanks)+"; url="+v.address())
	return &nextPerson{
		Address: v.address(), Seconds: kioskThanks, Pattern: pattern, Text: strings.ReplaceAll(pattern, "{n}", strconv.Itoa(kioskThanks)),
	}
}

// showKiosk is where the next person begins: with the language, then the promise. What the browser had of the
// person before is taken away, whatever she left undone.
func (s *Server) showKiosk(c echo.Context) error {
	ctx := c.Request().Context()
	v, err := s.visitKiosk(c)
	if err != nil {
		return err
	}
	if err := s.takes(ctx, v); err != nil {
		return s.showNotTaken(c, v, err)
	}
	if c.QueryParam("lang") != "" || len(v.q.Languages) == 1 {
		return s.showPromiseOf(c, http.StatusOK, v, "")
	}
	page := kioskPage{frame: s.frameOf(c, v, v.titleOf()), Asker: v.wave.Promise.Asker.In(v.lang)}
	page.Kiosk.Rest = 0 // nobody has begun
	for _, lang := range v.q.Languages {
		page.Languages = append(page.Languages, kioskLanguage{
			languageChoice{Tag: lang, Name: s.nameOf(lang), Address: v.address() + "?lang=" + string(lang)}, v.q.Title.In(lang),
		})
	}
	return s.show(c, http.StatusOK, "respond", "kiosk", page)
}

// showKioskThanks thanks whoever stands there, and leads to the start.
func (s *Server) showKioskThanks(c echo.Context) error {
	v, err := s.visitKiosk(c)
	if err != nil {
		return err
	}
	return s.showThanksOf(c, v)
}

// visitKiosk is a visit of which nothing is known but the wave.
func (s *Server) visitKiosk(c echo.Context) (*visit, error) {
	ctx := c.Request().Context()
	v := &visit{}
	if err := s.enter(ctx, c, v); err != nil {
		return v, err
	}
	v.key = ""
	s.takeBack(c, v)
	return v, s.readAnew(ctx, c, v, nil)
}

// leaveToNext answers a page of somebody who has left the kiosk: a browser can send it again, with what she typed.
// Nothing of it is kept or shown.
func (s *Server) leaveToNext(c echo.Context, v *visit, err error) error {
	if err == nil && v.response.ID != "" {
		return s.leadOn(c, v)
	}
	return c.Redirect(http.StatusSeeOther, v.address())
}

// markOf says of which person at a kiosk a page is. Her key does not follow from it.
func markOf(key string) string {
	sum := sha256.Sum256([]byte("person " + key))
	return hex.EncodeToString(sum[:8])
}
