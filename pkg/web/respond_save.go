package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"github.com/labstack/echo/v4"

	"cxmirror/pkg/survey"
)

// What the buttons of a page ask for.
const (
	actBack = "back" // the page before
	actAnew = "anew" // a response of somebody else on the same device
)

// savePage saves a page and leads on: to the next page or the one before, to the same one in another language,
// or to the thanks. What cannot be saved is given back as it was typed, with the reason.
func (s *Server) savePage(c echo.Context) error {
	form, unread := readForm(c)
	if form == nil {
		return unread
	}
	ctx := c.Request().Context()
	page, err := strconv.Atoi(c.Param("page"))
	if err != nil {
		return fmt.Errorf("page %.20q: %w", c.Param("page"), survey.ErrNotFound)
	}
	v, err := s.visit(ctx, c, form)
	if v.q != nil && (page < 1 || page > v.q.pages) {
		return fmt.Errorf("page %d of %d: %w", page, v.q.pages, survey.ErrNotFound)
	}
	if err == nil && v.finished() {
		return s.leadOn(c, v)
	}
	if v.way == kiosk && v.wave.ID != 0 && (v.key == "" || form.own.Get(fieldBefore) != markOf(v.key)) {
		return s.leaveToNext(c, v, err)
	}
	if errors.Is(err, errNoResponse) && (v.way == personalLink || isKey(form.own.Get(fieldKey))) {
		err = s.resume(ctx, c, v, form)
	}
	if err == nil {
		err = s.takes(ctx, v)
	}
	if err == nil {
		err = unread
	}
	if err == nil && form.own.Get(fieldVersion) != strconv.FormatInt(int64(v.q.id), 10) {
		err = errOtherVersion
	}
	if err == nil {
		err = s.keep(ctx, c, v, page, form)
	}
	if err == nil || c.Response().Committed {
		return err
	}
	return s.giveBack(c, v, page, form, err)
}

// errOtherVersion says that a page was made of another version of the questionnaire.
var errOtherVersion = errors.New("page of another version of the questionnaire")

// resume begins a response anew for somebody whose browser lost the key of hers, with the answers that the
// page carried along.
func (s *Server) resume(ctx context.Context, c echo.Context, v *visit, form *sentForm) error {
	if err := s.takes(ctx, v); err != nil {
		return err
	}
	if err := s.begin(ctx, c, v, form.own.Get(fieldKey), carried(v.q, form)); err != nil {
		return err
	}
	if v.finished() {
		return survey.ErrAnswered
	}
	return nil
}

// carried returns the answers of other pages that a page carried along. They only ever come back to the one
// who sent them, and pass the checks of all answers.
func carried(q *questionnaire, form *sentForm) survey.Answers {
	answers, err := q.ParseAnswers([]byte(form.own.Get(fieldBefore)))
	if err != nil {
		return q.NewAnswers()
	}
	return answers
}

// keep reads a page, stores it and redirects. Its error is an AnswersError if something on the page cannot be
// accepted.
func (s *Server) keep(ctx context.Context, c echo.Context, v *visit, page int, form *sentForm) error {
	moves := moveOrder(v.q, form)
	lang, switches := v.lang, false
	if form.own.Has(fieldLanguage) {
		if chosen, ok := s.chosenLanguage(c, v.way, form.own.Get(fieldLanguage), v.q); ok {
			lang, switches = chosen, true
		}
	}
	v.lang = lang
	back := form.own.Get(fieldAct) == actBack
	for range attemptsToSave {
		answers, unseen, err := readPage(v, page, form, back || moves || switches)
		if err != nil {
			return err
		}
		next := destination{page: page, fragment: form.own.Get(fieldUp) + form.own.Get(fieldDown)}
		saved := v.response.Page
		switch {
		case moves, switches:
		case unseen != "":
			next.fragment = string(unseen)
		case back:
			next.page, _ = v.q.askedBefore(answers, page)
			saved = max(next.page-1, 0)
		default:
			next.page, _ = v.q.askedAfter(answers, page)
			next.complete = next.page == 0
			saved = page
		}
		if next.complete {
			if missing, ok := firstMissing(v.q, answers); ok {
				next = destination{page: missing.Page, fragment: string(missing.Code)}
			}
		}
		switch err = s.storePage(ctx, v, answers, saved, next.complete); {
		case err == nil && next.complete:
			s.takeBack(c, v)
			return c.Redirect(http.StatusSeeOther, v.addressOfThanks())
		case err == nil:
			return c.Redirect(http.StatusSeeOther, next.address(v))
		case !errors.Is(err, survey.ErrConflict) && !errors.Is(err, survey.ErrNotFound):
			return err
		}
		// Another page of hers was saved meanwhile, or the response as it was remembered is gone.
		if err := s.findResponse(ctx, c, v); err != nil {
			return err
		}
		v.lang = lang
		if v.finished() {
			s.takeBack(c, v)
			return s.leadOn(c, v)
		}
	}
	return fmt.Errorf("save page %d of response %s: %w", page, v.response.ID, survey.ErrConflict)
}

// destination is where a respondent is led after a page was saved.
type destination struct {
	page     int    // 0 is the promise
	fragment string // the item to look at
	complete bool
}

func (d destination) address(v *visit) string {
	switch {
	case d.page == 0:
		return v.address()
	case d.fragment != "":
		return v.addressOfPage(d.page) + "#" + anchorOf(d.fragment)
	}
	return v.addressOfPage(d.page)
}

// readPage reads the answers of a page. Who goes back, changes the language or moves an option has not finished
// the page, so that nothing is missing yet. unseen is the first item that these answers make asked and that did
// not stand on the page: it is shown before the respondent goes on.
func readPage(v *visit, page int, form *sentForm, unfinished bool) (answers survey.Answers, unseen survey.ItemCode, err error) {
	answers, err = v.q.ReadPage(page, form.answers, v.answers)
	shown := form.shown()
	for i := range v.q.Items {
		item := &v.q.Items[i]
		if unseen == "" && item.Page == page && answers.Asked(item.Code) && !slices.Contains(shown, string(item.Code)) {
			unseen = item.Code
		}
	}
	problems, ok := errors.AsType[survey.AnswersError](err)
	if !ok {
		return answers, unseen, err
	}
	problems.Problems = slices.DeleteFunc(problems.Problems, func(p survey.Problem) bool {
		column, known := v.q.Column(p.Key)
		return p.Rule == survey.NotAnswered && known &&
			(unfinished || !slices.Contains(shown, string(v.q.Columns()[column].Item.Code)))
	})
	if len(problems.Problems) == 0 {
		return answers, unseen, nil
	}
	return answers, unseen, problems
}

// firstMissing returns the first item that must be answered and is not. Going back and forth can leave one
// behind on a page that was asked only later.
func firstMissing(q *questionnaire, answers survey.Answers) (*survey.Item, bool) {
	_, err := q.ReadAnswers(answers.Form())
	problems, ok := errors.AsType[survey.AnswersError](err)
	if !ok || len(problems.Problems) == 0 {
		return nil, false
	}
	for _, m := range problems.In(survey.English) {
		if item, ok := q.Item(m.Item); ok {
			return item, true
		}
	}
	return nil, false
}

// storePage stores the answers, and ends the response if it is complete.
func (s *Server) storePage(ctx context.Context, v *visit, answers survey.Answers, saved int, complete bool) error {
	content, err := answers.MarshalJSON()
	if err != nil {
		return fmt.Errorf("response %s: %w", v.response.ID, err)
	}
	r := v.response
	r.Answers, r.Language, r.Page = content, v.lang, saved
	r.Revision++
	if complete {
		now := s.now().UTC() // whether the wave takes answers is asked of this very moment
		r.Completed = &now
		err = s.fieldwork.Complete(ctx, v.who(), r)
	} else {
		err = s.fieldwork.Save(ctx, v.who(), r)
	}
	if err != nil {
		return err
	}
	v.response, v.answers = r, answers
	s.drafts.remember(v)
	return nil
}

// giveBack answers a page that could not be saved: the same page with all that was typed, and why.
func (s *Server) giveBack(c echo.Context, v *visit, page int, form *sentForm, cause error) error {
	if errors.Is(cause, survey.ErrAnswered) {
		s.takeBack(c, v)
		return c.Redirect(http.StatusSeeOther, v.addressOfThanks())
	}
	if v.q == nil || page < 1 || page > v.q.pages {
		return cause
	}
	before := v.answers
	if v.response.ID == "" {
		before = carried(v.q, form)
	}
	answers, _ := v.q.ReadPage(page, form.answers, before) // what cannot be read is shown as it was given
	sheet := sheet{given: form.answers, answers: answers, shown: form.shown(), before: form.own.Get(fieldBefore)}
	t := troubleOf(cause)
	problems, wrong := errors.AsType[survey.AnswersError](cause)
	switch {
	case wrong:
		t.status = http.StatusUnprocessableEntity
		sheet.problems = problems.In(v.lang)
		sheet.back = form.own.Get(fieldAct) == actBack
	case errors.Is(cause, errNoResponse):
		t = trouble{http.StatusConflict, "lost"}
		key, err := s.newKey(bytesOfKey)
		if err != nil {
			return err
		}
		sheet.key = key
	case errors.Is(cause, errIncomplete):
		t = trouble{http.StatusBadRequest, "incomplete"}
	case errors.Is(cause, errOtherVersion):
		t = trouble{http.StatusConflict, "other_version"}
	case t.status == http.StatusInternalServerError:
		return cause
	}
	if !wrong {
		sheet.notice = t.phrase
	}
	if away(cause) {
		s.logAway(c, cause)
		c.Response().Header().Set("Retry-After", "5")
	}
	return s.showQuestions(c, t.status, v, page, sheet)
}
