package web

import (
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"net/mail"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"cxmirror/pkg/survey"
)

// frame is what every page for respondents has around it.
type frame struct {
	Lang      survey.Language
	Title     string
	Style     string        // address of the style sheet
	Menu      template.HTML // of languages
	Simulated bool
	Kiosk     *kioskFrame // nil elsewhere
	words     map[string]string
}

// contact is whom a respondent can ask.
type contact struct{ Contact string }

// Mail reports whether the contact is an address of mail, and nothing beside it.
func (c contact) Mail() bool {
	address, err := mail.ParseAddress(c.Contact)
	return err == nil && address.Address == c.Contact
}

// Say returns a phrase that needs no arguments. Templates call it.
func (f frame) Say(key string) string {
	if said, ok := f.words[key]; ok {
		return said
	}
	return "[" + key + "]"
}

// noticePage says one thing: that a wave is closed, that a page does not exist, that something went wrong.
type noticePage struct {
	frame
	Text string
	contact
	Detail  string
	Home    string // address of the asker
	Retry   bool
	Request string
	Code    bool // that there is a page for access codes
}

// startForm begins a response.
type startForm struct {
	Address string
	Key     string
}

// promisePage is what a respondent reads before the first question.
type promisePage struct {
	frame
	Notice  string
	Intro   string
	Asker   string
	Purpose string
	Minutes string
	Kept    []string
	contact
	Foreign string // says that the questions are in another language
	Start   startForm
	Draft   string       // address of the page where an earlier response goes on
	Anew    bool         // that somebody else may begin beside it
	Privacy string       // address of the page that says how answers are kept
	Mailing string       // address of the page where mails can be declined; "" is none
	Logo    template.URL // of who asks, in the page itself; "" is none
	LogoOf  string
}

// thanksPage ends a response.
type thanksPage struct {
	frame
	contact
	Text string
	Home string
	Anew *startForm // nil: nobody else answers here
	Next *nextPerson
}

// questionPage is a page of questions.
type questionPage struct {
	frame
	Survey    string // title of the questionnaire
	Page      int    // also its address, beside that of the other pages
	Pages     int
	Items     template.HTML // a hole
	Shown     string
	Version   survey.VersionID
	Before    template.HTMLAttr // a hole
	Key       string
	Notice    *notice
	Picked    *picked
	Next      string // label of the button
	Back      bool
	BackPlain string // address of the page before, without saving this one
}

// notice stands above the questions and says what became of what was sent.
type notice struct {
	Title string
	Text  string
	Links []noticeLink
	Lost  []string // what was typed and has no place on the page
	Focus bool
}

// noticeLink leads to an answer that needs a look.
type noticeLink struct{ Anchor, Text string }

// picked says how many options are picked, of how many. Pattern has {n} for the number, for the script.
type picked struct{ For, Text, Pattern string }

// sheet is how a page of questions is filled in.
type sheet struct {
	given    map[string][]string // as a form
	answers  survey.Answers
	shown    []string         // items that stood on the page when it was sent
	problems []survey.Message // in the respondent's language
	notice   string           // a phrase, if something else is to be said
	before   string           // the answers of other pages, where the response is not known
	key      string           // of a response that is to begin
	back     bool             // she wanted to go back, and something stands in the way
}

// respondentPages knows the phrases of the screens by language, and makes what stands on a page.
type respondentPages struct {
	pages   *pages
	phrases *survey.Phrases
	words   map[survey.Language]map[string]string // the phrases that need no arguments
	screens *offer                                // the languages there are phrases in
}

func newRespondentPages(p *pages, phrases *survey.Phrases) *respondentPages {
	r := &respondentPages{pages: p, phrases: phrases, words: make(map[survey.Language]map[string]string), screens: newOffer(phrases.Languages())}
	for _, lang := range phrases.Languages() {
		words := make(map[string]string)
		for _, key := range phrases.Keys() {
			if said := phrases.Say(lang, key, nil); said != "["+key+"]" {
				words[key] = said
			}
		}
		r.words[lang] = words
	}
	return r
}

// frame returns what stands around a page.
func (s *Server) frame(lang survey.Language, title string) frame {
	words, ok := s.respondents.words[lang]
	for base := string(lang); !ok; {
		shorter, _, cut := strings.Cut(base, "-")
		if words, ok = s.respondents.words[survey.Language(shorter)]; !ok && !cut {
			words, ok = s.respondents.words[survey.English], true
		}
		base = shorter
	}
	return frame{Lang: lang, Title: title, Style: s.dresses.address(""), words: words}
}

// frameOf returns what stands around a page of a wave: it has the colours of the organisation that asks.
func (s *Server) frameOf(c echo.Context, v *visit, title string) frame {
	f := s.frame(v.lang, title)
	f.Style = s.dresses.address(s.logoOf(c.Request().Context(), v.wave.Organisation).accent)
	f.Simulated = v.wave.Simulated
	f.Kiosk = s.kioskFrameOf(v)
	return f
}

// titleOf returns what a respondent knows the survey as.
func (v *visit) titleOf() string {
	if v.q == nil {
		return v.wave.Name
	}
	return v.q.Title.In(v.lang)
}

// showPromiseOf shows the promise, with a notice above it if one is named.
func (s *Server) showPromiseOf(c echo.Context, status int, v *visit, said string) error {
	key, err := s.newKey(bytesOfKey)
	if err != nil {
		return err
	}
	promise := &v.wave.Promise
	page := promisePage{
		frame: s.frameOf(c, v, v.titleOf()), Intro: v.q.Intro.In(v.lang), Asker: promise.Asker.In(v.lang), Purpose: promise.Purpose.In(v.lang),
		Kept: s.kept(v), contact: contact{promise.Contact},
		Start: startForm{Address: v.address(), Key: key}, Privacy: v.address() + "/privacy?lang=" + string(v.lang),
	}
	if v.way == personalLink {
		page.Start.Key = "" // it follows from the link
	}
	if v.invitation.Invited != nil {
		page.Mailing = addressOfMail(v.token)
	}
	if page.Menu, err = s.languageLinks(c, v.lang, v.q); err != nil {
		return err
	}
	if said != "" {
		page.Notice = page.Say(said + "_text")
	}
	if logo := s.logoOf(c.Request().Context(), v.wave.Organisation); logo.letterhead != "" {
		page.Logo, page.LogoOf = logo.letterhead, logo.called
	}
	if promise.Minutes > 0 {
		page.Minutes = s.phrases.SayCount(v.lang, "minutes", promise.Minutes, nil)
	}
	if read := readIn(v.q.Title, v.lang); !sameLanguage(read, v.lang) {
		page.Foreign = s.phrases.Say(v.lang, "foreign", survey.Args{"Language": s.nameOf(read)})
	}
	if v.response.ID != "" {
		page.Draft, page.Anew = v.addressOfPage(v.position()), v.othersMay()
	}
	return s.show(c, status, "respond", "promise", page)
}

// showThanksOf shows the end of a response.
func (s *Server) showThanksOf(c echo.Context, v *visit) error {
	if v.way == kiosk {
		return s.showEnd(c, v, "thanks_title", "kiosk_thanks")
	}
	return s.showEnd(c, v, "thanks_title", "thanks_text")
}

// showAnswered tells somebody who comes back that she has answered.
func (s *Server) showAnswered(c echo.Context, v *visit) error {
	switch {
	case v.way == personalLink:
		return s.showEnd(c, v, "answered_title", "answered_text")
	case !v.othersMay():
		return s.showEnd(c, v, "answered_title", "once_text")
	}
	return s.showThanksOf(c, v)
}

func (s *Server) showEnd(c echo.Context, v *visit, title, text string) error {
	page := thanksPage{frame: s.frameOf(c, v, ""), Home: homepage(v.wave.Promise.Homepage), contact: contact{v.wave.Promise.Contact}}
	page.Title, page.Text = page.Say(title), page.Say(text)
	var err error
	if v.othersMay() {
		page.Anew = &startForm{Address: v.address()}
		if page.Anew.Key, err = s.newKey(bytesOfKey); err != nil {
			return err
		}
	}
	if v.way == kiosk {
		page.Home, page.Next = "", newNextPerson(c, v, page.Say("kiosk_soon"))
	}
	if page.Menu, err = s.languageLinks(c, v.lang, v.q); err != nil {
		return err
	}
	return s.show(c, http.StatusOK, "respond", "thanks", page)
}

// showNotTaken says why no answers are taken: not yet open, closed, full. Other errors are returned.
func (s *Server) showNotTaken(c echo.Context, v *visit, cause error) error {
	t := troubleOf(cause)
	if t.status >= http.StatusInternalServerError {
		return cause
	}
	if errors.Is(cause, errOtherWay) {
		t.phrase = "other_way"
	}
	page := noticePage{
		frame: s.frameOf(c, v, s.phrases.Say(v.lang, t.phrase+"_title", nil)), Text: s.phrases.Say(v.lang, t.phrase+"_text", nil),
		contact: contact{v.wave.Promise.Contact}, Home: homepage(v.wave.Promise.Homepage), Code: t.phrase == "other_way",
	}
	if v.way == kiosk {
		page.Home = ""
	}
	var err error
	if page.Menu, err = s.languageLinks(c, v.lang, v.q); err != nil {
		return err
	}
	if opens := v.wave.Opens; opens != nil && t.phrase == "not_open" && s.now().Before(*opens) {
		page.Detail = s.phrases.Say(v.lang, "not_open_until", survey.Args{"Date": opens.In(zoneOf(&v.wave)).Format(page.Say("date_layout"))})
	}
	return s.show(c, t.status, "respond", "notice", page)
}

// showQuestions shows a page of questions as a sheet fills it in.
func (s *Server) showQuestions(c echo.Context, status int, v *visit, number int, filled sheet) error {
	f := s.frameOf(c, v, "")
	b := s.respondents.builder(v, &f, filled)
	var shown []string
	var first *survey.Item
	for i := range v.q.Items {
		item := &v.q.Items[i]
		if item.Page != number || !filled.answers.Asked(item.Code) && !slices.Contains(filled.shown, string(item.Code)) {
			continue
		}
		if err := b.item(i); err != nil {
			return fmt.Errorf("item %s: %w", item.Code, err)
		}
		if first == nil {
			first = item
		}
		shown = append(shown, string(item.Code))
	}
	around, err := s.around(b, number, first, shown)
	if err != nil {
		return fmt.Errorf("page %d: %w", number, err)
	}
	b.made[0] = around[0]
	before := piece{html: []byte(`value="` + template.HTMLEscapeString(v.carried(&filled)) + `"`)}
	return s.send(c, status, append(b.made, around[1], before, around[2])...)
}

// around makes what stands around the questions of a page, with one hole for them and one for the answers of other
// pages. It is remembered where nothing in it is of one respondent only.
func (s *Server) around(b *builder, number int, first *survey.Item, shown []string) (mould, error) {
	filled, f := &b.sheet, b.frame
	limited := b.limited(shown)
	key := aroundKey{page: number, style: f.Style, simulated: f.Simulated, shown: strings.Join(shown, " "), next: "next"}
	if f.Kiosk != nil {
		key.kiosk = *f.Kiosk
	}
	if limited != nil {
		key.picked = len(filled.given[string(limited.Code)])
	}
	if _, more := b.v.q.askedAfter(filled.answers, number); !more {
		key.next = "send"
	}
	if filled.notice != "" {
		key.next = "send_again"
	}
	cast := func() (mould, error) {
		page := questionPage{
			frame: *f, Survey: b.v.titleOf(), Page: number, Pages: b.v.q.pages, Version: b.v.q.id,
			Items: hole, Before: attributeHole, Shown: key.shown, Key: filled.key, Next: f.Say(key.next), Back: true, Picked: b.picked(limited),
		}
		if first != nil {
			page.Title = b.say(first.Text)
		}
		var err error
		if page.Menu, err = s.menu("language-buttons", b.v.lang, b.v.q); err != nil {
			return nil, err
		}
		page.Notice = s.noticeOf(b, &page, *filled, shown)
		if filled.back {
			page.BackPlain = b.v.address()
			if before, ok := b.v.q.askedBefore(filled.answers, number); ok {
				page.BackPlain = b.v.addressOfPage(before)
			}
		}
		return s.pages.cast("questions", page)
	}
	if filled.key == "" && filled.notice == "" && len(filled.problems) == 0 && (first == nil || !piped(first.Text, b.v.lang)) {
		return kept(b.pieces, b.pieces.around, key, cast)
	}
	return cast()
}

// noticeOf says above the questions what became of what was sent, if anything is to be said.
func (s *Server) noticeOf(b *builder, page *questionPage, filled sheet, shown []string) *notice {
	v := b.v
	var n notice
	for i := range filled.problems {
		m := &filled.problems[i]
		if slices.Contains(shown, string(m.Item)) {
			n.Links = append(n.Links, noticeLink{Anchor: anchorOf(m.Key), Text: b.nameOf(m) + ": " + m.Text})
		} else if !strings.Contains(n.Text, m.Text) {
			n.Text = strings.TrimSpace(n.Text + " " + m.Text)
		}
	}
	switch {
	case filled.notice != "":
		n.Title, n.Text = page.Say(filled.notice+"_title"), page.Say(filled.notice+"_text")
		switch filled.notice {
		case "closed", "full", "not_open":
			n.Text = page.Say("not_taken")
		}
		n.Lost = homeless(v.q, filled.given, shown)
	case len(filled.problems) == 0:
		return nil
	default:
		n.Title = s.phrases.SayCount(v.lang, "problems", len(filled.problems), nil)
		page.Title = page.Say("error_prefix") + " " + page.Title
	}
	// One wrong answer is said beside it, where the reader is led at once; more are listed first.
	if len(n.Links) == 1 && n.Text == "" {
		return nil
	}
	n.Focus = true
	return &n
}

// homeless returns what was typed into fields that the page does not have.
func homeless(q *questionnaire, given map[string][]string, shown []string) []string {
	var lost []string
	for key, values := range given {
		item, _, _ := strings.Cut(key, ".")
		if slices.Contains(shown, item) {
			continue
		}
		if known, ok := q.Item(survey.ItemCode(item)); ok && known.Kind != survey.Text {
			continue // a choice can be made again
		}
		for _, value := range values {
			if len([]rune(value)) > len("cannot_say") { // words, not codes
				lost = append(lost, value)
			}
		}
	}
	slices.Sort(lost)
	return lost
}

// logAway notes that a page could not be saved for want of the database.
func (s *Server) logAway(c echo.Context, cause error) {
	s.log.LogAttrs(c.Request().Context(), slog.LevelError, "page given back", slog.String("id", requestID(c)),
		slog.String("route", c.Path()), slog.Any("error", cause))
}

// homepage returns an address that a link may lead to: of the web, and nothing else.
func homepage(address string) string {
	if strings.HasPrefix(address, "https://") || strings.HasPrefix(address, "http://") {
		return address
	}
	return ""
}

func sameLanguage(a, b survey.Language) bool {
	one, _, _ := strings.Cut(string(a), "-")
	other, _, _ := strings.Cut(string(b), "-")
	return one == other
}

// anchorOf returns the id of the element that an item, a row or an option of a ranking stands in.
func anchorOf(key string) string { return "i-" + strings.ReplaceAll(key, ".", "-") }

func number(n int) string { return strconv.Itoa(n) }
