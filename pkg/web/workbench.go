package web

import (
	"cmp"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"cxmirror/charts"
	"cxmirror/pkg/access"
	"cxmirror/pkg/report"
	"cxmirror/pkg/store"
	"cxmirror/pkg/survey"
)

// workbench is where waves are made and compared, by those who have signed in.
type workbench struct {
	phrases *survey.Phrases
}

// workbenchPolicy lets script of the workbench ask its own server for counts and pictures, and pages show mails in a
// frame.
const workbenchPolicy = contentPolicy + "; connect-src 'self'; frame-src 'self'"

// workbenchLanguage is the cookie of the language chosen by hand.
const workbenchLanguage = "cx_workbench_language"

// newWorkbench makes ready what the workbench adds to pages and files: its words, the parts of reports that its
// pages show, and the drawing code that enlivens their pictures.
func newWorkbench(p *pages, served *static) (*workbench, error) {
	phrases, err := survey.LoadPhrases(files, "phrases/workbench")
	if err != nil {
		return nil, err
	}
	if _, err := p.sets["workbench"].ParseFS(report.Parts(), report.PartsPattern); err != nil {
		return nil, err
	}
	if err := served.add("report.css", []byte(report.PartsStyle()+charts.Style(".picture"))); err != nil {
		return nil, err
	}
	bundle, err := charts.Bundle()
	if err != nil {
		return nil, err
	}
	if err := served.add("charts.js", bundle); err != nil {
		return nil, err
	}
	return &workbench{phrases: phrases}, nil
}

// workbenchRoutes is the director's side.
func (s *Server) workbenchRoutes(g *echo.Group) {
	g.Use(s.atTheWorkbench)

	// Waves: what is asked, of whom, and how many have answered.
	g.GET("/", s.showHome)
	g.GET("/counts.json", s.showCounts)
	g.GET("/waves/new", s.showNewWave)
	g.POST("/waves/new", s.createWave)
	g.GET("/waves/:id", s.showWave)
	g.POST("/waves/:id/open", s.openWave)
	g.POST("/waves/:id/close", s.closeWave)
	g.GET("/waves/:id/edit", s.showEditWave)
	g.POST("/waves/:id/edit", s.editWave)
	g.GET("/waves/:id/link.svg", s.showLinkSVG)
	g.GET("/waves/:id/link.png", s.showLinkPNG)

	// Fieldwork: a launch step by step, and how it goes.
	s.launchRoutes(g)
	s.letterRoutes(g)
	s.progressRoutes(g)
	s.outboxRoutes(g)

	// The panel: who can be invited.
	s.peopleRoutes(g)

	// Answers from files, and back into files.
	g.GET("/waves/:id/import", s.showImport)
	g.POST("/waves/:id/import", s.importAnswers)
	g.GET("/waves/:id/answers.csv", s.exportAnswers)

	// What external and internal customers expect, side by side.
	g.GET("/divergence", s.showDivergence)
	g.GET("/divergence/pictures.json", s.showPictureOptions)
	g.GET("/divergence/:document", s.downloadDivergence)
	s.viewRoutes(g)

	// The organisation, who works in it, and oneself.
	s.organisationRoutes(g)
	s.memberRoutes(g)
	s.tokenRoutes(g)
	s.profileRoutes(g)

	// Who did what, and the server itself.
	s.auditRoutes(g)
	s.instanceRoutes(g)
}

func (s *Server) atTheWorkbench(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		c.Response().Header().Set("Content-Security-Policy", workbenchPolicy)
		return next(c)
	}
}

// room is the frame of every page of the workbench. Its methods are what templates say words with.
type room struct {
	Lang      survey.Language
	Title     string
	Here      string // the entry of the navigation
	Simulated bool
	Languages []languageChoice
	Version   string
	Outbox    bool // mails go to a folder that can be looked at
	Guest     bool // nobody has signed in: it is a demonstration

	phrases *survey.Phrases
	actor   *access.Actor // nil is somebody who has not signed in
	logo    keptLogo      // of the organisation worked in
}

// room returns the frame of a page whose title is said already.
func (s *Server) room(c echo.Context, here string) room {
	r := room{Lang: s.workbenchLanguage(c), Here: here, Version: s.version, Outbox: s.showsOutbox(c), phrases: s.workbench.phrases, actor: actorOf(c)}
	if r.actor != nil && r.actor.Organisation.LogoKind != "" {
		r.logo = s.logoOf(c.Request().Context(), r.actor.Organisation.ID)
	}
	r.Guest = s.guest != 0 && r.actor != nil && r.actor.User.ID == s.guest
	if c.Request().Method == http.MethodGet {
		for _, lang := range r.phrases.Languages() {
			query := c.Request().URL.Query()
			query.Set("lang", string(lang))
			r.Languages = append(r.Languages, languageChoice{
				Tag: lang, Name: s.nameOf(lang), Address: c.Request().URL.Path + "?" + query.Encode(), Current: lang == r.Lang,
			})
		}
	}
	return r
}

// T says a phrase.
func (r room) T(key string) string { return r.phrases.Say(r.Lang, key, nil) }

// With says a phrase with one value put in.
func (r room) With(key, name string, value any) string {
	return r.phrases.Say(r.Lang, key, survey.Args{name: value})
}

// N says a phrase with a count.
func (r room) N(key string, count int) string { return r.phrases.SayCount(r.Lang, key, count, nil) }

// Integer writes a number as people write it.
func (r room) Integer(n int) string { return r.Lang.Integer(n) }

// Words returns the words of a questionnaire in the reader's language.
func (r room) Words(w survey.Words) string { return w.In(r.Lang) }

// Day writes a day; nothing if there is none.
func (r room) Day(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.DateOnly)
}

// workbenchLanguage returns the language chosen by hand, in this request or before, or else the one that the
// browser asks for.
func (s *Server) workbenchLanguage(c echo.Context) survey.Language {
	offered := s.workbench.phrases.Languages()
	if lang := survey.Language(c.QueryParam("lang")); slices.Contains(offered, lang) {
		c.SetCookie(&http.Cookie{ //nolint:gosec // Secure where the connection is: on loopback there is none
			Name: workbenchLanguage, Value: string(lang), Path: "/", HttpOnly: true, Secure: s.overTLS(c.Request()),
			SameSite: http.SameSiteLaxMode, MaxAge: int((365 * 24 * time.Hour).Seconds()),
		})
		return lang
	}
	if cookie, err := c.Cookie(workbenchLanguage); err == nil && slices.Contains(offered, survey.Language(cookie.Value)) {
		return survey.Language(cookie.Value)
	}
	if actor := actorOf(c); actor != nil && slices.Contains(offered, actor.User.Language) {
		return actor.User.Language
	}
	if lang, ok := newOffer(offered).best(c.Request().Header.Get("Accept-Language")); ok {
		return lang
	}
	return survey.English
}

// waveLine is a wave as it is listed.
type waveLine struct {
	survey.Wave
	Questionnaire string
	Life          string // what it is right now: draft, soon, open, full, over, closed
	Complete      string
	Started       string
	Last          string
}

type wavesPage struct {
	room
	Waves     []waveLine
	Comparing bool // there is a wave on either side
}

func (s *Server) showWaves(c echo.Context) error {
	ctx := c.Request().Context()
	waves, err := s.store.Waves(ctx, s.organisationOf(c))
	if err != nil {
		return err
	}
	counts, err := s.store.AllCounts(ctx, s.organisationOf(c))
	if err != nil {
		return err
	}
	page := wavesPage{room: s.room(c, "waves")}
	page.Title = page.T("waves")
	sides := map[survey.Audience]bool{}
	for i := range waves {
		line, err := s.waveLine(c, page.room, waves[i], counts[waves[i].ID])
		if err != nil {
			return err
		}
		page.Waves = append(page.Waves, line)
		page.Simulated = page.Simulated || line.Simulated
		sides[line.Audience] = true
	}
	page.Comparing = sides[survey.External] && sides[survey.Internal]
	return s.show(c, http.StatusOK, "workbench", "waves", page)
}

func (s *Server) waveLine(c echo.Context, r room, wave survey.Wave, counts store.Counts) (waveLine, error) {
	q, err := s.fielded.questionnaire(c.Request().Context(), s.organisationOf(c), wave.Version)
	if err != nil {
		return waveLine{}, err
	}
	return waveLine{
		Wave: wave, Questionnaire: cmp.Or(q.Title.In(r.Lang), q.Code), Life: lifeOf(&wave, s.now(), counts.Complete),
		Complete: r.Integer(counts.Complete), Started: r.Integer(counts.Started), Last: r.Day(counts.Last),
	}, nil
}

// lifeOf says whether a wave takes answers right now, and if not, why: the end of a key of a phrase.
func lifeOf(w *survey.Wave, now time.Time, complete int) string {
	err := w.Takes(now, complete)
	switch {
	case err == nil:
		return "open"
	case w.State == survey.WaveDraft:
		return "draft"
	case errors.Is(err, survey.ErrNotYetOpen):
		return "soon"
	case errors.Is(err, survey.ErrFull):
		return "full"
	case w.State == survey.WaveClosed:
		return "closed"
	}
	return "over"
}

// liveCounts is what script asks for every few seconds, ready to print.
type liveCounts struct {
	Complete string `json:"complete"`
	Started  string `json:"started"`
	Last     string `json:"last"`
}

func (s *Server) showCounts(c echo.Context) error {
	counts, err := s.store.AllCounts(c.Request().Context(), s.organisationOf(c))
	if err != nil {
		return err
	}
	r := s.room(c, "")
	live := make(map[survey.WaveID]liveCounts, len(counts))
	for id, n := range counts {
		live[id] = liveCounts{r.Integer(n.Complete), r.Integer(n.Started), r.Day(n.Last)}
	}
	return c.JSON(http.StatusOK, live)
}

// waveOf returns the wave that an address names.
func (s *Server) waveOf(c echo.Context) (survey.Wave, error) {
	id, err := strconv.ParseInt(c.Param("id"), 10, 64)
	if err != nil {
		return survey.Wave{}, fmt.Errorf("wave: %w", survey.ErrNotFound)
	}
	return s.store.Wave(c.Request().Context(), s.organisationOf(c), survey.WaveID(id))
}

// linkOf returns the address of a wave's open link, as this visitor reaches the server.
func (s *Server) linkOf(c echo.Context, w *survey.Wave) string {
	scheme := "http"
	if s.overTLS(c.Request()) {
		scheme = "https"
	}
	return scheme + "://" + c.Request().Host + "/o/" + w.Slug
}

// picture is the SVG of a chart, safe to stand in a page.
func picture(svg []byte) template.HTML {
	return template.HTML(svg) //nolint:gosec // the engine lets nothing through but shapes and escaped text
}
