package web

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"cxmirror/pkg/fieldwork"
	"cxmirror/pkg/survey"
)

const (
	cookieAge       = 60 * 24 * 60 * 60 // seconds for which a response can be gone on with
	attemptsToSave  = 8                 // of a page that is saved from several places at once
	bytesOfKey      = 32
	bytesOfResponse = 16
)

// visit is one respondent's request: the wave she came to and how, and her response if she has one.
type visit struct {
	way        way
	token      string            // of her personal link
	invitation survey.Invitation // and what it stands for
	wave       survey.Wave
	q          *questionnaire
	key        string // from her cookie, or of her link; "" if there is none
	response   survey.Response
	answers    survey.Answers // as stored
	sealed     bool           // she has finished, and nobody can find what she answered
	lang       survey.Language
}

// finished reports whether the visitor has answered to the end.
func (v *visit) finished() bool { return v.sealed || v.response.Completed != nil }

// who is the visitor as fieldwork knows her.
func (v *visit) who() *fieldwork.Respondent {
	return &fieldwork.Respondent{Wave: v.wave, Key: v.key, Invitation: v.invitation}
}

// showPromise shows who asks, why, how long it takes and what is kept, before the first question. Somebody who
// began earlier can go on from here.
func (s *Server) showPromise(c echo.Context) error {
	ctx := c.Request().Context()
	v, err := s.visit(ctx, c, nil)
	switch {
	case err != nil && !errors.Is(err, errNoResponse):
		return err
	case err == nil && v.finished():
		return s.showAnswered(c, v)
	}
	s.noteOpened(ctx, c, v)
	if err := s.takes(ctx, v); err != nil {
		return s.showNotTaken(c, v, err)
	}
	notice := ""
	if c.QueryParam("lost") != "" && v.response.ID == "" {
		notice = "cookies_needed"
	}
	return s.showPromiseOf(c, http.StatusOK, v, notice)
}

// start begins a response and leads to the first question, or to where an earlier one was left.
func (s *Server) start(c echo.Context) error {
	form, err := readForm(c)
	if form == nil {
		return err
	}
	ctx := c.Request().Context()
	v, err := s.visit(ctx, c, form)
	switch {
	case away(err) && v.q != nil:
		return s.showPromiseOf(c, http.StatusServiceUnavailable, v, "away")
	case err != nil && !errors.Is(err, errNoResponse):
		return err
	}
	if err := s.takes(ctx, v); err != nil {
		return s.showNotTaken(c, v, err)
	}
	if (v.response.ID != "" || v.sealed) && !v.startsAnew(form) {
		return s.leadOn(c, v)
	}
	err = s.begin(ctx, c, v, form.own.Get(fieldKey), v.q.NewAnswers())
	if away(err) {
		return s.showPromiseOf(c, http.StatusServiceUnavailable, v, "away")
	}
	if err != nil {
		return err
	}
	return s.leadOn(c, v)
}

// showPage shows a page of questions, with what was answered before. Whoever asks for a page that is not hers
// yet is led to the one that is.
func (s *Server) showPage(c echo.Context) error {
	ctx := c.Request().Context()
	v, err := s.visit(ctx, c, nil)
	if errors.Is(err, errNoResponse) {
		address := v.address()
		if v.way == openLink && (c.Request().Referer() != "" || v.key != "") { // she was here, and her browser did not keep the cookie
			address += "?lost=1"
		}
		return c.Redirect(http.StatusSeeOther, address)
	}
	if err != nil {
		return err
	}
	if v.finished() {
		return s.leadOn(c, v)
	}
	if err := s.takes(ctx, v); err != nil {
		return s.showNotTaken(c, v, err)
	}
	page, err := strconv.Atoi(c.Param("page"))
	if err != nil {
		return fmt.Errorf("page %.20q: %w", c.Param("page"), survey.ErrNotFound)
	}
	if current := v.position(); page > current || !v.q.asks(v.answers, page) {
		return s.leadOn(c, v)
	}
	return s.showQuestions(c, http.StatusOK, v, page, sheet{given: v.answers.Form(), answers: v.answers})
}

// showThanks is where a response ends.
func (s *Server) showThanks(c echo.Context) error {
	ctx := c.Request().Context()
	v, err := s.visit(ctx, c, nil)
	switch {
	case errors.Is(err, errNoResponse):
		return c.Redirect(http.StatusSeeOther, v.address())
	case err != nil:
		return err
	case !v.finished():
		return s.leadOn(c, v)
	}
	return s.showThanksOf(c, v)
}

// errNoResponse says that a visitor has no response, or a cookie that belongs to none.
var errNoResponse = errors.New("no response of this visitor")

// visit finds the wave of a request, its questionnaire and the visitor's response. Beside an error it returns
// what it could find, for pages that go without the rest. form is nil if none was sent; with a page of questions,
// the response may be one that is remembered, and not the newest.
func (s *Server) visit(ctx context.Context, c echo.Context, form *sentForm) (*visit, error) {
	v := &visit{}
	err := s.enter(ctx, c, v)
	if v.wave.ID == 0 {
		return v, err
	}
	switch {
	case err != nil, v.sealed:
	case v.key == "":
		err = errNoResponse
	case form != nil && form.own.Has(fieldVersion) && s.drafts.recall(v):
		v.lang = v.response.Language
		return v, nil
	default:
		if err = s.findResponse(ctx, c, v); err == nil && v.q != nil {
			return v, nil
		}
	}
	if unread := s.readAnew(ctx, c, v, form); unread != nil {
		return v, unread
	}
	return v, err
}

// readAnew fills in what somebody meets of whom no response is known: the wave's questionnaire, nothing answered.
func (s *Server) readAnew(ctx context.Context, c echo.Context, v *visit, form *sentForm) error {
	if v.response.Seed == 0 {
		v.response.Seed = seedOf(v.key)
	}
	q, err := s.fielded.questionnaire(ctx, v.wave.Organisation, v.wave.Version)
	if err != nil {
		v.lang = s.languageOfScreens(c.Request())
		return err
	}
	v.q, v.answers = q, q.NewAnswers()
	v.lang = s.languageOfVisitor(c, v)
	if form != nil {
		if lang, ok := s.chosenLanguage(c, v.way, form.own.Get(fieldIn), q); ok {
			v.lang = lang
		}
	}
	return nil
}

// findResponse reads the response that belongs to the key of a visit, or notes that it is sealed.
func (s *Server) findResponse(ctx context.Context, c echo.Context, v *visit) error {
	response, err := s.fieldwork.Find(ctx, v.who())
	if errors.Is(err, survey.ErrNotFound) && v.way == personalLink && v.wave.Mode == survey.Anonymous {
		// Her draft goes when she finishes, which another page of hers may have done since the link was looked up.
		if again := s.enterByLink(ctx, c, v); again != nil {
			return again
		}
		v.sealed = v.invitation.Finished
	}
	switch {
	case v.sealed:
		return nil
	case errors.Is(err, survey.ErrFinished):
		v.sealed = true
		return nil
	case errors.Is(err, survey.ErrNotFound):
		s.drafts.forget(v)
		return errNoResponse
	case err != nil:
		return err
	}
	q, err := s.fielded.questionnaire(ctx, v.wave.Organisation, response.Version)
	if err != nil {
		return err
	}
	answers, ok := s.drafts.parsed(v, &response)
	if !ok {
		if answers, err = q.ParseAnswers(response.Answers); err != nil { // stored answers were checked; the error could quote them
			return fmt.Errorf("response %s: its stored answers do not fit version %d of its questionnaire", response.ID, q.Version)
		}
	}
	v.q, v.response, v.answers = q, response, answers
	s.drafts.remember(v)
	v.lang = response.Language
	if asked := c.QueryParam("lang"); asked != "" {
		if lang, ok := s.chosenLanguage(c, v.way, asked, q); ok {
			v.lang = lang
		}
	}
	return nil
}

// begin stores a new response and gives its key to the browser. The key comes from the page that was shown, so
// that a button pressed twice begins one response; that of a personal link comes from the link.
func (s *Server) begin(ctx context.Context, c echo.Context, v *visit, key string, answers survey.Answers) error {
	if v.way == personalLink {
		key = v.key
	} else if !isKey(key) {
		var err error
		if key, err = s.newKey(bytesOfKey); err != nil {
			return err
		}
	}
	id, err := s.newKey(bytesOfResponse)
	if err != nil {
		return err
	}
	q, err := s.fielded.questionnaire(ctx, v.wave.Organisation, v.wave.Version)
	if err != nil {
		return err
	}
	content, err := json.Marshal(answers)
	if err != nil {
		return fmt.Errorf("begin a response: %w", err)
	}
	r := survey.Response{
		ID: survey.ResponseID(id), Wave: v.wave.ID, Version: v.wave.Version, Key: key, Language: v.lang, Seed: seedOf(key),
		Answers: content, Weight: 1, Started: s.today(),
	}
	v.key, v.q, v.sealed = key, q, false
	if err := s.fieldwork.Start(ctx, v.who(), &r); err != nil {
		// The same button pressed twice: then the response is there.
		if found := s.findResponse(ctx, c, v); found != nil {
			return err
		}
	} else {
		v.response, v.answers = r, answers
		s.drafts.remember(v)
	}
	s.handOver(c, v)
	return nil
}

// takes returns why the wave takes no answers now by the way the visitor came, if it takes none.
func (s *Server) takes(ctx context.Context, v *visit) error {
	if !v.open() {
		return errOtherWay
	}
	complete := 0
	if v.wave.Limit > 0 {
		counts, err := s.store.Counts(ctx, v.wave.Organisation, v.wave.ID)
		if err != nil {
			return err
		}
		complete = counts.Complete
	}
	return v.wave.Takes(s.now(), complete)
}

// leadOn redirects to the page where the response goes on.
func (s *Server) leadOn(c echo.Context, v *visit) error {
	if v.finished() {
		return c.Redirect(http.StatusSeeOther, v.addressOfThanks())
	}
	return c.Redirect(http.StatusSeeOther, v.addressOfPage(v.position()))
}

// position is the page that a response is at: the first one asked after those saved, or the last one asked if
// there is none.
func (v *visit) position() int {
	if page, ok := v.q.askedAfter(v.answers, v.response.Page); ok {
		return page
	}
	page, _ := v.q.askedBefore(v.answers, v.q.pages+1)
	return page
}

// asks reports whether a page has a question for a person with these answers.
func (q *questionnaire) asks(answers survey.Answers, page int) bool {
	for i := range q.Items {
		if q.Items[i].Page == page && answers.Asked(q.Items[i].Code) {
			return true
		}
	}
	return false
}

// askedAfter returns the next page that has a question for a person with these answers.
func (q *questionnaire) askedAfter(answers survey.Answers, page int) (int, bool) {
	for page++; page <= q.pages; page++ {
		if q.asks(answers, page) {
			return page, true
		}
	}
	return 0, false
}

// askedBefore returns the page before that has a question for a person with these answers.
func (q *questionnaire) askedBefore(answers survey.Answers, page int) (int, bool) {
	for page--; page >= 1; page-- {
		if q.asks(answers, page) {
			return page, true
		}
	}
	return 0, false
}

// isKey reports whether a text can be the key of a response.
func isKey(s string) bool {
	decoded, err := hex.DecodeString(s)
	return err == nil && len(decoded) == bytesOfKey
}

func (s *Server) newKey(bytes int) (string, error) {
	key := make([]byte, bytes)
	if _, err := io.ReadFull(s.random, key); err != nil {
		return "", fmt.Errorf("random key: %w", err)
	}
	return hex.EncodeToString(key), nil
}

// seedOf returns the seed of a respondent's order of options. It follows from her key, so that a page can be
// shown again in the same order while the database is away; the key does not follow from it.
func seedOf(key string) uint64 {
	sum := sha256.Sum256([]byte("order " + key))
	return binary.BigEndian.Uint64(sum[:8])
}

// today is the day of now. A finer time would tell who answered to those who saw her answer.
func (s *Server) today() time.Time { return s.now().UTC().Truncate(24 * time.Hour) }
