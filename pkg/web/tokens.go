package web

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"cxmirror/pkg/access"
	"cxmirror/pkg/survey"
)

// tokenDays are for how many days a token can be made, the usual one first.
func tokenDays() []int { return []int{90, 7, 30, 180, 365} }

// tokenRoutes are what programs sign in with.
func (s *Server) tokenRoutes(g *echo.Group) {
	g.GET("/tokens", s.showTokens)
	g.POST("/tokens", s.makeToken)
	g.POST("/tokens/:token/revoke", s.revokeToken)
}

// tokensPage lists the tokens of the organisation, and makes others.
type tokensPage struct {
	room
	Tokens  []tokenLine
	Revoked bool // one was, just now

	Name     string // of the form, as typed
	Days     []dayChoice
	Rights   []tickedRight
	Problems map[string]string

	Made    string // a token that was made: shown this once
	Called  string
	Example string // how a program uses it
}

// tokenLine is a token as it is listed.
type tokenLine struct {
	survey.APIToken
	Maker    string
	May      []string // in words
	State    string   // the end of a key of a phrase: works, expired or revoked
	Ends     string
	UsedLast string // the day; "" is never
}

type dayChoice struct {
	Days   int
	Says   string
	Ticked bool
}

type tickedRight struct {
	Right  access.Right
	Says   string
	Ticked bool
}

func (s *Server) showTokens(c echo.Context) error {
	page, err := s.tokensPage(c, tokenDays()[0], nil)
	if err != nil {
		return err
	}
	page.Revoked = c.QueryParam("revoked") != ""
	return s.show(c, http.StatusOK, "workbench", "tokens", page)
}

func (s *Server) tokensPage(c echo.Context, days int, ticked []access.Right) (tokensPage, error) {
	page := tokensPage{room: s.room(c, "tokens"), Problems: map[string]string{}}
	page.Title = page.T("tokens")
	for _, d := range tokenDays() {
		page.Days = append(page.Days, dayChoice{d, page.N("tokens_days", d), d == days})
	}
	slices.SortFunc(page.Days, func(a, b dayChoice) int { return a.Days - b.Days })
	for _, right := range rightsOfPrograms() {
		if actorOf(c).May(right) {
			page.Rights = append(page.Rights, tickedRight{right, page.rightWords(right), slices.Contains(ticked, right)})
		}
	}
	ctx := c.Request().Context()
	tokens, err := s.store.Tokens(ctx, s.organisationOf(c))
	if err != nil {
		return page, err
	}
	members, err := s.store.Members(ctx, s.organisationOf(c))
	if err != nil {
		return page, err
	}
	makers := make(map[survey.UserID]string, len(members))
	for i := range members {
		makers[members[i].User.ID] = members[i].User.Address
	}
	now := s.now()
	for i := range tokens {
		line := tokenLine{APIToken: tokens[i], Maker: makers[tokens[i].User], State: "works", Ends: page.Day(tokens[i].Expires)}
		for _, right := range tokens[i].Rights {
			line.May = append(line.May, page.rightWords(access.Right(right)))
		}
		switch {
		case tokens[i].Revoked != nil:
			line.State, line.Ends = "revoked", page.Day(*tokens[i].Revoked)
		case !tokens[i].Expires.After(now):
			line.State = "expired"
		}
		if tokens[i].Used != nil {
			line.UsedLast = page.Day(*tokens[i].Used)
		}
		page.Tokens = append(page.Tokens, line)
	}
	return page, nil
}

// rightsOfPrograms returns the rights that an operation of the API needs: those that a token can have any use for.
func rightsOfPrograms() []access.Right {
	var all []access.Right
	for route, r := range rights {
		_, path, _ := strings.Cut(route, " ")
		if ofAPI(path) && r.reach == byRight && !slices.Contains(all, r.right) {
			all = append(all, r.right)
		}
	}
	return inOrder(all)
}

// rightWords says what a right is.
func (r room) rightWords(right access.Right) string {
	return r.T("right_" + strings.ReplaceAll(string(right), ".", "_"))
}

// makeToken makes a token, and shows it this once.
func (s *Server) makeToken(c echo.Context) error {
	form, err := receiveForm(c, formLimit)
	if err != nil {
		return err
	}
	var ticked []access.Right
	for _, right := range form.fields["rights"] {
		ticked = append(ticked, access.Right(right))
	}
	days, _ := strconv.Atoi(form.text("days")) // what is no number is none of those offered
	page, err := s.tokensPage(c, days, ticked)
	if err != nil {
		return err
	}
	page.Name = form.text("name")
	if !slices.Contains(tokenDays(), days) {
		page.Problems["days"] = page.T("refused_bad_expiry")
	}
	offered := func(right access.Right) bool {
		return slices.ContainsFunc(page.Rights, func(r tickedRight) bool { return r.Right == right })
	}
	if len(ticked) == 0 {
		page.Problems["rights"] = page.T("refused_bad_rights")
	} else if slices.ContainsFunc(ticked, func(right access.Right) bool { return !offered(right) }) {
		page.Problems["rights"] = page.T("tokens_not_offered")
	}
	if _, err := access.CheckName(page.Name); err != nil {
		page.Problems["name"] = page.T("refused_bad_name")
	}
	if len(page.Problems) > 0 {
		return s.show(c, http.StatusUnprocessableEntity, "workbench", "tokens", page)
	}
	made, err := s.access.NewToken(c.Request().Context(), actorOf(c), access.NewToken{
		Name: page.Name, Rights: ticked, Expires: s.now().Add(time.Duration(days) * 24 * time.Hour),
	})
	if refused, ok := errors.AsType[*access.RefusedError](err); ok { // she lost a right meanwhile
		page.Problems["rights"] = page.T("refused_" + string(refused.Problem))
		return s.show(c, http.StatusUnprocessableEntity, "workbench", "tokens", page)
	}
	if err != nil {
		return err
	}
	about(c, subject("token", fmt.Sprint(made.ID)))
	detail(c, "name", made.Name)
	detail(c, "rights", strings.Join(made.Rights, ", "))
	detail(c, "expires", made.Expires.Format(time.DateOnly))
	if page, err = s.tokensPage(c, tokenDays()[0], nil); err != nil {
		return err
	}
	page.Made, page.Called, page.Example = made.Text, made.Name, s.exampleOf(c, &made)
	return s.show(c, http.StatusCreated, "workbench", "tokens", page)
}

// exampleOf returns a command that asks the API for something that a token may see.
func (s *Server) exampleOf(c echo.Context, made *access.IssuedToken) string {
	path := apiRoot + "/waves"
	for _, try := range []struct {
		right access.Right
		path  string
	}{{access.SeeWaves, "/waves"}, {access.SeeResults, "/divergence?external=1&internal=2"}, {access.SeePeople, "/people"}, {access.SeeFieldwork, "/waves/1/fieldwork"}, {access.ExportAnswers, "/waves/1/answers.csv"}} {
		if slices.Contains(made.Rights, string(try.right)) {
			path = apiRoot + try.path
			break
		}
	}
	return fmt.Sprintf("curl -H 'Authorization: Bearer %s' '%s%s'", made.Text, s.base(c), path)
}

// base returns the address that the service is found at: as it is set, or as this visitor reaches it.
func (s *Server) base(c echo.Context) string {
	if s.baseURL != "" {
		return s.baseURL
	}
	scheme := "http"
	if s.overTLS(c.Request()) {
		scheme = "https"
	}
	return scheme + "://" + c.Request().Host
}

// revokeToken makes a token work no more.
func (s *Server) revokeToken(c echo.Context) error {
	id, err := strconv.ParseInt(c.Param("token"), 10, 64)
	if err != nil {
		return survey.ErrNotFound
	}
	if err := s.store.RevokeToken(c.Request().Context(), s.organisationOf(c), survey.TokenID(id), s.now()); err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, "/tokens?revoked=1")
}
