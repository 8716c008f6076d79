package web

import (
	"html/template"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"
	"golang.org/x/text/language"

	"cxmirror/pkg/survey"
)

// languageCookie keeps the language a visitor chose by hand, for the pages that know no response of hers.
const languageCookie = "cx_language"

// menuOfLanguages is what a page offers to be read in.
type menuOfLanguages struct {
	Word    string // for "language"
	Current string
	Choices []languageChoice
}

// languageChoice is an entry of the language menu.
type languageChoice struct {
	Tag     survey.Language
	Name    string // in the language itself
	Address string // of the same page in that language, where it is a link
	Current bool
}

// languagesOf returns the languages a respondent can choose from: first those the questionnaire was written
// in, then those that only the screens around it speak.
func (s *Server) languagesOf(q *questionnaire) []survey.Language {
	var all []survey.Language
	if q != nil {
		all = slices.Clone(q.Languages)
	}
	screens := s.phrases.Languages()
	if i := slices.Index(screens, survey.English); i > 0 { // the one most people know goes first
		screens = slices.Concat([]survey.Language{survey.English}, slices.Delete(screens, i, i+1))
	}
	for _, lang := range screens {
		if !slices.Contains(all, lang) {
			all = append(all, lang)
		}
	}
	return all
}

// nameOf returns what a language calls itself, or its tag where the screens do not speak it.
func (s *Server) nameOf(lang survey.Language) string {
	if !s.phrases.Speaks(lang) {
		return string(lang)
	}
	name := s.phrases.Say(lang, "language_name", nil)
	if _, region, ok := strings.Cut(string(lang), "-"); ok {
		name += " (" + region + ")"
	}
	return name
}

// languageMenu returns the languages of a questionnaire as choices, without addresses.
func (s *Server) languageMenu(current survey.Language, q *questionnaire) []languageChoice {
	all := s.languagesOf(q)
	choices := make([]languageChoice, len(all))
	for i, lang := range all {
		choices[i] = languageChoice{Tag: lang, Name: s.nameOf(lang), Current: lang == current}
	}
	return choices
}

// menu makes the menu of a page with one of its templates. It is the same for all who read a questionnaire in
// one language.
func (s *Server) menu(name string, current survey.Language, q *questionnaire) (template.HTML, error) {
	cast := func() (mould, error) {
		choices := s.languageMenu(current, q)
		for i := range choices {
			choices[i].Address = "?lang=" + string(choices[i].Tag)
		}
		return s.pages.cast(name, menuOfLanguages{
			Word: s.phrases.Say(current, "language", nil), Current: s.nameOf(current), Choices: choices,
		})
	}
	if q != nil {
		from := q.in(current)
		m, err := kept(from, from.made, pieceKey{item: menuPiece, option: len(name)}, cast)
		return m.html(), err
	}
	m, err := cast()
	return m.html(), err
}

// languageLinks makes the menu of a page that has an address. What answers to a form has none to come back to,
// and gets none.
func (s *Server) languageLinks(c echo.Context, current survey.Language, q *questionnaire) (template.HTML, error) {
	if c.Request().Method != http.MethodGet {
		return "", nil
	}
	return s.menu("language-links", current, q)
}

// chosenLanguage returns the language asked for by hand, in this request or an earlier one, and remembers it
// where one browser is one person: at a kiosk it is not, and a personal link knows its language itself.
func (s *Server) chosenLanguage(c echo.Context, by way, asked string, q *questionnaire) (survey.Language, bool) {
	offered := s.languagesOf(q)
	if lang := survey.Language(asked); slices.Contains(offered, lang) {
		if by == openLink {
			s.setCookie(c, languageCookie, asked, "/o", cookieAge)
		}
		return lang, true
	}
	if by != openLink {
		return "", false
	}
	cookie, err := c.Cookie(languageCookie)
	if err != nil {
		return "", false
	}
	lang := survey.Language(cookie.Value)
	return lang, slices.Contains(offered, lang)
}

// languageOfVisitor returns the language for somebody whose response is not known: what she chose, what she was
// invited in, or what her browser says she reads. A language the questionnaire is written in goes before one that
// only the screens speak.
func (s *Server) languageOfVisitor(c echo.Context, v *visit) survey.Language {
	q := v.q
	if lang, ok := s.chosenLanguage(c, v.way, c.QueryParam("lang"), q); ok {
		return lang
	}
	if invited := v.invitation.Language; invited != "" {
		for _, lang := range s.languagesOf(q) {
			if sameLanguage(lang, invited) {
				return lang
			}
		}
	}
	accept := c.Request().Header.Get("Accept-Language")
	if lang, ok := q.written.best(accept); ok {
		return lang
	}
	if lang, ok := s.respondents.screens.best(accept); ok {
		return lang
	}
	return q.Languages[0]
}

// languageOfScreens returns the language of a page without a questionnaire.
func (s *Server) languageOfScreens(r *http.Request) survey.Language {
	asked := r.URL.Query().Get("lang")
	if asked == "" {
		if cookie, err := r.Cookie(languageCookie); err == nil {
			asked = cookie.Value
		}
	}
	if lang := survey.Language(asked); slices.Contains(s.phrases.Languages(), lang) {
		return lang
	}
	if lang, ok := s.respondents.screens.best(r.Header.Get("Accept-Language")); ok {
		return lang
	}
	return survey.English
}

// offer is a list of languages to choose from. Whoever asks often keeps one: making its tables takes longer than
// making the page they are for.
type offer struct {
	languages []survey.Language
	matcher   language.Matcher
}

func newOffer(languages []survey.Language) *offer {
	tags := make([]language.Tag, len(languages))
	for i, lang := range languages {
		tags[i] = language.Make(string(lang))
	}
	return &offer{languages, language.NewMatcher(tags)}
}

// best returns the language among those offered that a browser likes best, if it likes any.
func (o *offer) best(accept string) (survey.Language, bool) {
	if len(accept) > 1000 || len(o.languages) == 0 {
		return "", false
	}
	wanted, _, err := language.ParseAcceptLanguage(accept)
	if err != nil || len(wanted) == 0 {
		return "", false
	}
	_, at, confidence := o.matcher.Match(wanted...)
	if confidence < language.High { // Low would send Ukrainians to Russian
		return "", false
	}
	return o.languages[at], true
}

// readIn returns the language in which words are read by a reader of lang, as [survey.Words.In] chooses them.
func readIn(words survey.Words, lang survey.Language) survey.Language {
	base, _, _ := strings.Cut(string(lang), "-")
	for _, l := range slices.Concat([]survey.Language{lang, survey.Language(base), survey.English}, slices.Sorted(maps.Keys(words))) {
		if _, ok := words.Exactly(l); ok {
			return l
		}
	}
	return lang
}
