package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/labstack/echo/v4"

	"cxmirror/pkg/access"
	"cxmirror/pkg/store"
	"cxmirror/pkg/survey"
	"cxmirror/pkg/tally"
)

// commentsShown is how many comments a page has.
const commentsShown = 100

// commentRoutes is what people wrote.
func (s *Server) commentRoutes(g *echo.Group) {
	g.GET("/waves/:id/comments", s.showComments, s.atTheWorkbench)
	g.POST("/waves/:id/comments", s.reviewComment, s.atTheWorkbench)
}

// commentsPage is what people wrote to one question. Comments that name somebody are kept apart until whoever is
// responsible has asked to see them.
type commentsPage struct {
	room
	Wave     survey.Wave
	Items    []itemOption
	Question string
	Item     survey.ItemCode
	Comments []shownComment
	Count    int    // of those to be shown, on all pages
	Flagged  int    // that mention somebody, and are kept apart
	Looking  bool   // at those that mention somebody, whether they are kept apart or not
	Page     int    // from 0
	AsOf     string // up to where answers are counted, of a wave that protects people
	Before   string // addresses
	After    string
	Others   string // the comments that mention somebody, or the others
	Empty    *emptyState
}

// shownComment is a comment in pieces: as written, and what tells of somebody.
type shownComment struct {
	Pieces []commentPiece
	Key    string
	Review commentReview
}

// commentReview is what somebody who has looked at a comment decided.
type commentReview string

const (
	notReviewed commentReview = ""
	released    commentReview = "released" // it is shown with the others
	keptApart   commentReview = "kept"
)

type commentPiece struct{ Text, Mention string }

func (s *Server) showComments(c echo.Context) error {
	ctx := c.Request().Context()
	wave, err := s.waveOf(c)
	if err != nil {
		return err
	}
	q, err := s.fielded.questionnaire(ctx, s.organisationOf(c), wave.Version)
	if err != nil {
		return err
	}
	page := commentsPage{room: s.room(c, "waves"), Wave: wave}
	// Who looks after people reads what may name somebody, before others read the rest.
	page.Looking = c.QueryParam("flagged") != "" || !page.May(string(access.SeeComments))
	if page.Looking && !page.May(string(access.ReviewComments)) {
		return mayNotError{access.ReviewComments}
	}
	page.Title, page.Simulated = page.With("comments_title", "Wave", wave.Name), wave.Simulated
	item, err := page.choose(q, c.QueryParam("item"))
	if err != nil {
		return err
	}
	if item == nil {
		page.Empty = &emptyState{Title: page.T("comments_none_title"), Text: page.T("comments_none_text")}
		return s.show(c, http.StatusOK, "workbench", "comments", page)
	}
	detail(c, "item", string(item.Code))
	counted, err := s.comments(ctx, &wave, item)
	page.AsOf = page.asOfStep(&counted)
	switch {
	case errors.Is(err, tally.ErrNobody):
		page.Empty = &emptyState{Title: page.T("comments_nobody_title"), Text: page.T("comments_nobody_text")}
	case errors.Is(err, tally.ErrWithheld):
		page.Empty = &emptyState{
			Title: page.T("comments_withheld_title"), Text: page.With("comments_withheld_text", "Threshold", page.Integer(leastComments(&wave))),
		}
	case err != nil:
		return err
	default:
		at, _ := strconv.Atoi(c.QueryParam("page")) // what is no number is the first page
		page.fill(&counted, item, at)
	}
	return s.show(c, http.StatusOK, "workbench", "comments", page)
}

// asOfStep says up to where answers of a wave that protects people are counted; nothing of other waves.
func (p *commentsPage) asOfStep(counted *countedComments) string {
	if !counted.protected {
		return ""
	}
	return p.phrases.Say(p.Lang, "as_of_step", survey.Args{"N": p.Integer(counted.people), "Of": p.Integer(counted.complete)})
}

// choose chooses the question: the one asked for, or the first. A questionnaire may have none.
func (p *commentsPage) choose(q *questionnaire, asked string) (chosen *survey.Item, err error) {
	if chosen, err = commented(q, asked); err != nil || chosen == nil {
		return chosen, err
	}
	for i := range q.Items {
		if it := &q.Items[i]; it.Kind == survey.Text {
			p.Items = append(p.Items, itemOption{it.Code, it.Text.In(p.Lang), it == chosen})
		}
	}
	p.Question, p.Item = chosen.Text.In(p.Lang), chosen.Code
	return chosen, nil
}

// commented returns the question of a questionnaire that asks for a text: the one asked for, or the first; nil if
// there is none.
func commented(q *questionnaire, asked string) (*survey.Item, error) {
	for i := range q.Items {
		if it := &q.Items[i]; it.Kind == survey.Text && (asked == "" || asked == string(it.Code)) {
			return it, nil
		}
	}
	if asked != "" {
		return nil, fmt.Errorf("comments on %q: %w", asked, survey.ErrNotFound)
	}
	return nil, nil //nolint:nilnil // no question of a questionnaire may ask for a text
}

// leastComments is of how many comments one is shown.
func leastComments(w *survey.Wave) int {
	if w.Mode == survey.Identified {
		return 1
	}
	return max(w.Comments, w.Threshold)
}

// countedComments are comments of those who are counted in the results, in no order that tells anything.
type countedComments struct {
	comments  []tally.Comment
	reviewed  map[survey.ResponseID]bool // of those that were looked at, whether they may be shown with the others
	protected bool                       // of a wave that protects people
	people    int                        // up to how many answers of such a wave are counted
	complete  int                        // of how many that are complete
}

// comments returns what people wrote to an item who are counted in the results. The error can be [tally.ErrNobody] or
// [tally.ErrWithheld].
func (s *Server) comments(ctx context.Context, wave *survey.Wave, item *survey.Item) (countedComments, error) {
	var all countedComments
	var counted *tally.Wave
	if err := s.waves.Read(ctx, wave.Organisation, wave.ID, func(w *tally.Wave) error { counted = w; return nil }); err != nil {
		return all, err
	}
	if all.protected = counted.Protected(); all.protected {
		counts, err := s.store.Counts(ctx, wave.Organisation, wave.ID)
		if err != nil {
			return all, err
		}
		_, all.people = counted.CountedUntil()
		all.complete = counts.Complete
	}
	var written []tally.Comment
	for stored, err := range s.store.Answers(ctx, wave.Organisation, wave.ID, store.Mark{}) {
		if err != nil {
			return all, err
		}
		if !counted.Counts("", stored.Release) {
			continue
		}
		text, err := commentIn(stored.Answers, item.Code)
		if err != nil {
			return all, fmt.Errorf("response %s: %w", stored.ID, err)
		}
		if text != "" {
			written = append(written, tally.Comment{Response: stored.ID, Text: text})
		}
	}
	known, err := s.identifier(ctx, wave.Organisation, written)
	if err == nil {
		all.reviewed, err = s.store.ReviewedComments(ctx, wave.Organisation, wave.ID, item.Code)
	}
	if err != nil {
		return all, err
	}
	all.comments, err = tally.Comments(wave, item.Code, leastComments(wave), slices.Values(written), known)
	return all, err
}

// commentIn takes one text out of stored answers.
func commentIn(answers []byte, item survey.ItemCode) (string, error) {
	var given map[string]json.RawMessage
	if err := json.Unmarshal(answers, &given); err != nil {
		return "", errors.New("the answers are not a JSON object") // the error could quote them
	}
	raw, ok := given[string(item)]
	if !ok {
		return "", nil
	}
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		return "", fmt.Errorf("the answer to %s is not a text", item)
	}
	if text == survey.NoneWord {
		return "", nil
	}
	return text, nil
}

// identifier knows whom comments name of the people of the panel.
func (s *Server) identifier(ctx context.Context, organisation survey.OrganisationID, comments []tally.Comment) (*tally.Identifier, error) {
	texts := func(yield func(string) bool) {
		for i := range comments {
			if !yield(comments[i].Text) {
				return
			}
		}
	}
	var failed error
	people := func(yield func(name, address string) bool) {
		for person, err := range s.store.Names(ctx, organisation) {
			if failed = err; err != nil || !yield(person.Name, person.Address) {
				return
			}
		}
	}
	return tally.NewIdentifierAmong(texts, people), failed
}

// review is what was decided of a comment.
func (c *countedComments) review(comment *tally.Comment) commentReview {
	switch may, looked := c.reviewed[comment.Response]; {
	case may:
		return released
	case looked:
		return keptApart
	}
	return notReviewed
}

// parted parts comments that mention nobody, or that somebody released who has looked at them, from those that are kept
// apart.
func (c *countedComments) parted() (free, apart []tally.Comment) {
	for _, comment := range c.comments {
		if len(comment.Mentions) > 0 && c.review(&comment) != released {
			apart = append(apart, comment)
		} else {
			free = append(free, comment)
		}
	}
	return free, apart
}

// flagged are all comments that mention somebody.
func (c *countedComments) flagged() (flagged []tally.Comment) {
	for _, comment := range c.comments {
		if len(comment.Mentions) > 0 {
			flagged = append(flagged, comment)
		}
	}
	return flagged
}

// reviewComment keeps what somebody decided who has looked at a comment that mentions a person.
func (s *Server) reviewComment(c echo.Context) error {
	form, err := receiveForm(c, formLimit)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	wave, err := s.waveOf(c)
	if err != nil {
		return err
	}
	q, err := s.fielded.questionnaire(ctx, wave.Organisation, wave.Version)
	if err != nil {
		return err
	}
	item, err := commented(q, form.text("item"))
	if err == nil && item == nil {
		err = survey.ErrNotFound
	}
	if err != nil {
		return err
	}
	counted, err := s.comments(ctx, &wave, item)
	if errors.Is(err, tally.ErrNobody) || errors.Is(err, tally.ErrWithheld) {
		err = fmt.Errorf("comments that can be looked at: %w", survey.ErrNotFound)
	}
	if err != nil {
		return err
	}
	flagged := counted.flagged()
	at := slices.IndexFunc(flagged, func(comment tally.Comment) bool { return comment.Key == form.text("comment") })
	decided := commentReview(form.text("review"))
	if at < 0 || decided != released && decided != keptApart {
		return fmt.Errorf("a comment that can be looked at: %w", survey.ErrNotFound)
	}
	err = s.store.ReviewComment(ctx, wave.Organisation, wave.ID, flagged[at].Response, item.Code, decided == released)
	if err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, addressOfComments(wave.ID, item.Code, at/commentsShown, true)+"#c-"+flagged[at].Key)
}

// addressOfComments is the address of one page of comments.
func addressOfComments(wave survey.WaveID, item survey.ItemCode, page int, flagged bool) string {
	query := url.Values{"item": {string(item)}}
	if page > 0 {
		query.Set("page", strconv.Itoa(page))
	}
	if flagged {
		query.Set("flagged", "1")
	}
	return fmt.Sprintf("/waves/%d/comments?%s", wave, query.Encode())
}

// fill puts one page of comments onto the page: those that may be seen, or those that mention somebody.
func (p *commentsPage) fill(counted *countedComments, item *survey.Item, at int) {
	shown, apart := counted.parted()
	flagged := counted.flagged()
	p.Flagged = len(apart)
	if p.Looking {
		shown = flagged
	}
	p.Count = len(shown)
	last := max(0, (len(shown)-1)/commentsShown)
	at = max(0, min(at, last))
	p.Page = at
	address := func(page int, flagged bool) string { return addressOfComments(p.Wave.ID, item.Code, page, flagged) }
	if at > 0 {
		p.Before = address(at-1, p.Looking)
	}
	if at < last {
		p.After = address(at+1, p.Looking)
	}
	if p.Looking && p.May(string(access.SeeComments)) || !p.Looking && len(flagged) > 0 && p.May(string(access.ReviewComments)) {
		p.Others = address(0, !p.Looking)
	}
	for comment := range slices.Values(shown[at*commentsShown : min(len(shown), (at+1)*commentsShown)]) {
		line := shownComment{Key: comment.Key, Review: counted.review(&comment)}
		if !p.Looking {
			comment.Mentions = nil // who released it has seen what it mentions
		}
		line.Pieces = p.pieces(&comment)
		p.Comments = append(p.Comments, line)
	}
}

// mention says what kind of mention it is.
func (r room) mention(kind tally.MentionKind) string {
	switch kind {
	case tally.MentionAddress:
		return r.T("mention_address")
	case tally.MentionPhone:
		return r.T("mention_phone")
	case tally.MentionName:
	}
	return r.T("mention_name")
}

// pieces parts a comment where it tells of somebody.
func (p *commentsPage) pieces(c *tally.Comment) []commentPiece {
	var pieces []commentPiece
	from := 0
	for _, m := range c.Mentions {
		pieces = append(pieces, commentPiece{Text: c.Text[from:m.Start]}, commentPiece{c.Text[m.Start:m.End], p.mention(m.Kind)})
		from = m.End
	}
	return append(pieces, commentPiece{Text: c.Text[from:]})
}
