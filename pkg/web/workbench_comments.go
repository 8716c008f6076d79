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
}

// commentsPage is what people wrote to one question. Comments that name somebody are kept apart until whoever is
// responsible has asked to see them.
type commentsPage struct {
	room
	Wave     survey.Wave
	Items    []itemOption
	Question string
	Comments []shownComment
	Count    int    // of those to be shown, on all pages
	Flagged  int    // that mention somebody
	Looking  bool   // at those
	AsOf     string // up to where answers are counted, of a wave that protects people
	Before   string // addresses
	After    string
	Others   string // the comments that mention somebody, or the others
	Empty    *emptyState
}

// shownComment is a comment in pieces: as written, and what tells of somebody.
type shownComment []commentPiece

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
		page.fill(counted.comments, item, at)
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
	p.Question = chosen.Text.In(p.Lang)
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
	protected bool // of a wave that protects people
	people    int  // up to how many answers of such a wave are counted
	complete  int  // of how many that are complete
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

// parted parts comments that mention nobody from those that may.
func parted(comments []tally.Comment) (free, flagged []tally.Comment) {
	for _, comment := range comments {
		if len(comment.Mentions) > 0 {
			flagged = append(flagged, comment)
		} else {
			free = append(free, comment)
		}
	}
	return free, flagged
}

// fill puts one page of comments onto the page: those that mention nobody, or those that do.
func (p *commentsPage) fill(comments []tally.Comment, item *survey.Item, at int) {
	shown, flagged := parted(comments)
	p.Flagged = len(flagged)
	if p.Looking {
		shown = flagged
	}
	p.Count = len(shown)
	last := max(0, (len(shown)-1)/commentsShown)
	at = max(0, min(at, last))
	address := func(page int, flagged bool) string {
		query := url.Values{"item": {string(item.Code)}}
		if page > 0 {
			query.Set("page", strconv.Itoa(page))
		}
		if flagged {
			query.Set("flagged", "1")
		}
		return fmt.Sprintf("/waves/%d/comments?%s", p.Wave.ID, query.Encode())
	}
	if at > 0 {
		p.Before = address(at-1, p.Looking)
	}
	if at < last {
		p.After = address(at+1, p.Looking)
	}
	p.Others = address(0, !p.Looking)
	for comment := range slices.Values(shown[at*commentsShown : min(len(shown), (at+1)*commentsShown)]) {
		p.Comments = append(p.Comments, p.pieces(comment))
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
func (p *commentsPage) pieces(c tally.Comment) shownComment {
	var pieces shownComment
	from := 0
	for _, m := range c.Mentions {
		pieces = append(pieces, commentPiece{Text: c.Text[from:m.Start]}, commentPiece{c.Text[m.Start:m.End], p.mention(m.Kind)})
		from = m.End
	}
	return append(pieces, commentPiece{Text: c.Text[from:]})
}
