package web

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"cxmirror/pkg/survey"
)

// longestRetention is how many days of retention an organisation can propose: ten years.
const longestRetention = 3650

// organisationRoutes are the pages of what the organisation worked in is, and how it looks.
func (s *Server) organisationRoutes(g *echo.Group) {
	g.GET("/organisation", s.showOrganisation)
	g.POST("/organisation", s.saveOrganisation)
	g.GET("/logo/:name", s.showLogo)
}

// organisationPage is the form of what the organisation worked in is called, how it looks and what it proposes.
type organisationPage struct {
	room
	contested
	Fields    map[string]string
	Problems  map[string]string
	Offered   []tickedLanguage
	First     survey.Language // "" is what each questionnaire has
	OwnAccent bool
	Shades    []shownShade // of the accent that is typed
	LogoNow   string       // the address of the logo; "" is none
	Saved     bool
	LogoSize  int // KB that a file may have
	LogoSide  int // pixels
}

// tickedLanguage is a language that an organisation can ask in.
type tickedLanguage struct {
	Tag    survey.Language
	Name   string
	Ticked bool
}

// shownShade says what becomes of an accent on pages of one ground.
type shownShade struct {
	Ground string // light or dark
	Colour string
	Says   string
	Text   string
}

func (s *Server) showOrganisation(c echo.Context) error {
	o, err := s.store.Organisation(c.Request().Context(), s.organisationOf(c))
	if err != nil {
		return err
	}
	page := s.organisationPage(c, &o)
	page.Saved = c.QueryParam("saved") != ""
	return s.show(c, http.StatusOK, "workbench", "organisation", page)
}

func (s *Server) organisationPage(c echo.Context, o *survey.Organisation) organisationPage {
	page := organisationPage{room: s.room(c, "organisation"), Problems: map[string]string{}, LogoSize: logoFileLimit >> 10, LogoSide: logoFileSide, Fields: map[string]string{
		"name": o.Name, "accent": cmp.Or(o.Accent, defaultAccent), "threshold": strconv.Itoa(o.Threshold), "comments": strconv.Itoa(o.Comments),
		"retention": fieldOfNumber(o.Retention),
	}}
	page.Title, page.LogoNow, page.Was = page.T("organisation"), page.Logo(), formMark(settingsOf(o))
	page.choose(s, o.Languages)
	page.OwnAccent = o.Accent != ""
	page.shade()
	return page
}

// defaultAccent is the product's own accent on light pages, as workbench.css has it.
const defaultAccent = "#1d4ed8"

// choose ticks languages. Those that the screens do not speak, of which a questionnaire may have some, stay.
func (p *organisationPage) choose(s *Server, languages []survey.Language) {
	p.Offered = nil
	if p.First = ""; len(languages) > 0 {
		p.First = languages[0]
	}
	all := s.phrases.Languages()
	for _, lang := range languages {
		if !slices.Contains(all, lang) {
			all = append(all, lang)
		}
	}
	for _, lang := range all {
		p.Offered = append(p.Offered, tickedLanguage{lang, s.nameOf(lang), slices.Contains(languages, lang)})
	}
}

// shade says how the accent that is typed is shown.
func (p *organisationPage) shade() {
	chosen, ok := readColour(strings.ToLower(p.Fields["accent"]))
	if p.Shades = nil; !ok || !p.OwnAccent {
		return
	}
	light, dark := accentOf(chosen)
	for _, one := range []struct {
		ground string
		shade  shade
	}{{"light", light}, {"dark", dark}} {
		key := "accent_changed_" + one.ground
		if one.shade.Given {
			key = "accent_given_" + one.ground
		}
		p.Shades = append(p.Shades, shownShade{
			Ground: one.ground, Colour: one.shade.Colour.String(),
			Says: p.phrases.Say(p.Lang, key, survey.Args{"Page": p.ratio(one.shade.Page), "Was": p.ratio(one.shade.Was)}),
			Text: p.With("accent_text", "Text", p.ratio(one.shade.Text)),
		})
	}
}

// ratio writes a contrast with one decimal. It is cut off and not rounded: 2.98 is not 3.
func (r room) ratio(contrast float64) string {
	return r.Lang.Decimal(math.Floor(contrast*10)/10, 1)
}

// TooSmall warns of a smallest group that is proposed and in which people can be told; "" is no warning. It may be
// stored nevertheless, as a wave that is not anonymous may be launched with it.
func (p organisationPage) TooSmall() string {
	n, err := strconv.Atoi(strings.TrimSpace(p.Fields["threshold"]))
	if err != nil || n < 1 || n >= leastAnonymous {
		return ""
	}
	return p.N("organisation_threshold_small", n)
}

// ThresholdField returns the field of the smallest group that is proposed.
func (p organisationPage) ThresholdField() formField {
	field := p.Field("threshold", "number", "threshold", "organisation_threshold_hint")
	field.Hint = p.phrases.Say(p.Lang, "organisation_threshold_hint", survey.Args{"Least": p.Integer(leastAnonymous), "Usual": p.Integer(survey.UsualThreshold)})
	return field
}

// Field returns a field of the form as it is to be shown, with the key of its hint.
func (p organisationPage) Field(name, kind, label, hint string) formField {
	return formField{name, kind, p.T(label), p.T(hint), p.Fields[name], p.Problems[name]}
}

func (s *Server) saveOrganisation(c echo.Context) error {
	form, err := receiveForm(c, formLimit)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	before, err := s.store.Organisation(ctx, s.organisationOf(c))
	if err != nil {
		return err
	}
	page, sent := s.organisationPage(c, &before), before
	page.read(s, form, &sent)
	page.readLogo(form, &sent)
	if len(page.Problems) > 0 {
		page.Was = form.text("was")
		return s.show(c, http.StatusUnprocessableEntity, "workbench", "organisation", page)
	}
	otherLogo := !bytes.Equal(sent.Logo, before.Logo)
	var o survey.Organisation
	err = s.store.ChangeOrganisation(ctx, before.ID, func(now *survey.Organisation) error {
		before, o = *now, *now
		o.Name, o.Languages, o.Accent = sent.Name, sent.Languages, sent.Accent
		o.Threshold, o.Comments, o.Retention = sent.Threshold, sent.Comments, sent.Retention
		if otherLogo {
			o.Logo, o.LogoKind = sent.Logo, sent.LogoKind
		}
		if err := settles(form, settingsOf(&before), settingsOf(&o)); err != nil {
			return err
		}
		*now = o
		return nil
	})
	if errors.Is(err, errOvertaken) {
		page.overtake(settingsOf(&before), page.whereOther(s, &o, &before))
		if _, sent := form.files["logo"]; sent {
			page.Problems["logo"] = page.T("meanwhile_file")
		}
		return s.show(c, http.StatusConflict, "workbench", "organisation", page)
	}
	if err != nil {
		return err
	}
	s.logos.forget(o.ID)
	changed := changesOf(&before, &o)
	if len(changed) == 0 {
		undone(c)
	}
	for field, to := range changed {
		detail(c, field, to)
	}
	return c.Redirect(http.StatusSeeOther, "/organisation?saved=1")
}

// read puts what was sent onto the page, as it was typed, and into the organisation where it is valid.
func (p *organisationPage) read(s *Server, form *upload, o *survey.Organisation) {
	for field := range p.Fields {
		p.Fields[field] = form.text(field)
	}
	o.Name = survey.OneLine(p.Fields["name"])
	switch {
	case o.Name == "":
		p.Problems["name"] = p.T("problem_no_name")
	case utf8.RuneCountInString(o.Name) > longestName:
		p.Problems["name"] = p.N("problem_too_long", longestName)
	}
	o.Languages = p.readLanguages(s, form)
	p.OwnAccent = form.text("own_accent") != ""
	if o.Accent = ""; p.OwnAccent {
		chosen, ok := readColour(strings.ToLower(strings.TrimSpace(p.Fields["accent"])))
		if o.Accent = chosen.String(); !ok {
			p.Problems["accent"] = p.T("problem_accent")
		}
	}
	p.shade()
	o.Threshold, o.Comments = p.number("threshold", 1, 1000), p.number("comments", 1, 1000)
	if p.Problems["threshold"] == "" && p.Problems["comments"] == "" && o.Comments < o.Threshold {
		p.Problems["comments"] = p.T("launch_problem_comments")
	}
	o.Retention = p.number("retention", 0, longestRetention)
}

// readLanguages returns the languages that were ticked, the first one first: what is asked in first is asked in.
func (p *organisationPage) readLanguages(s *Server, form *upload) []survey.Language {
	known := func(lang survey.Language) bool {
		return slices.ContainsFunc(p.Offered, func(o tickedLanguage) bool { return o.Tag == lang })
	}
	var languages []survey.Language
	if first := survey.Language(form.text("first")); first != "" {
		languages = append(languages, first)
	}
	for _, tag := range form.fields["languages"] {
		if lang := survey.Language(tag); !slices.Contains(languages, lang) {
			languages = append(languages, lang)
		}
	}
	if slices.ContainsFunc(languages, func(lang survey.Language) bool { return !known(lang) }) {
		p.Problems["languages"] = p.T("problem_language")
		languages = slices.DeleteFunc(languages, func(lang survey.Language) bool { return !known(lang) })
	}
	p.choose(s, languages)
	return languages
}

// readLogo takes the logo that was sent, or takes away the one there is.
func (p *organisationPage) readLogo(form *upload, o *survey.Organisation) {
	file, sent := form.files["logo"]
	switch {
	case sent:
		logo, kind, err := makeLogo(file.content)
		if problem, refused := errors.AsType[logoError](err); refused {
			p.Problems["logo"] = p.phrases.Say(p.Lang, "problem_logo_"+string(problem), survey.Args{
				"File": file.name, "Limit": p.Integer(p.LogoSize), "Side": p.Integer(p.LogoSide),
			})
			return
		}
		if err != nil {
			p.Problems["logo"] = p.With("problem_logo_broken", "File", file.name)
			return
		}
		o.Logo, o.LogoKind = logo, kind
	case form.text("no_logo") != "":
		o.Logo, o.LogoKind = nil, ""
	}
}

func (p *organisationPage) number(field string, low, high int) int {
	n, err := strconv.Atoi(cmp.Or(strings.TrimSpace(p.Fields[field]), "0"))
	if err != nil || n < low || n > high {
		p.Problems[field] = p.phrases.Say(p.Lang, "problem_number", survey.Args{"Low": p.Integer(low), "High": p.Integer(high)})
	}
	return n
}

// changesOf returns what the audit trail tells of a change: each field with what it is now.
func changesOf(before, after *survey.Organisation) map[string]string {
	changed := make(map[string]string)
	note := func(field, was, is string) {
		if was != is {
			changed[field] = is
		}
	}
	note("name", before.Name, after.Name)
	note("languages", wordsOf(before.Languages), wordsOf(after.Languages))
	note("accent", before.Accent, after.Accent)
	note("threshold", strconv.Itoa(before.Threshold), strconv.Itoa(after.Threshold))
	note("comments", strconv.Itoa(before.Comments), strconv.Itoa(after.Comments))
	note("retention", strconv.Itoa(before.Retention), strconv.Itoa(after.Retention))
	note("logo", fmt.Sprintf("%x", before.Logo), fmt.Sprintf("%x", after.Logo))
	if _, other := changed["logo"]; other {
		changed["logo"] = cmp.Or(after.LogoKind, "none")
	}
	return changed
}

// whereOther says what an organisation is now, where that is something else than what was sent.
func (p *organisationPage) whereOther(s *Server, sent, now *survey.Organisation) []namedText {
	labels := []struct{ field, label string }{
		{"name", "organisation_name"},
		{"logo", "organisation_logo"},
		{"accent", "organisation_accent"},
		{"languages", "organisation_languages"},
		{"threshold", "threshold"},
		{"comments", "launch_comments"},
		{"retention", "organisation_retention"},
	}
	var all []namedText
	other := changesOf(sent, now)
	for _, one := range labels {
		is, differs := other[one.field]
		if !differs {
			continue
		}
		switch one.field {
		case "languages":
			names := make([]string, len(now.Languages))
			for i, lang := range now.Languages {
				names[i] = s.nameOf(lang)
			}
			is = strings.Join(names, ", ")
		case "logo":
			is = p.T("meanwhile_logo")
		}
		all = append(all, namedText{p.T(one.label), is})
	}
	return all
}

// wordsOf writes a list of names in one line.
func wordsOf[T ~string](all []T) string {
	words := make([]string, len(all))
	for i, one := range all {
		words[i] = string(one)
	}
	return strings.Join(words, ", ")
}

// Logo is the address of the logo of the organisation worked in; "" is none.
func (r room) Logo() string {
	if r.logo.name == "" {
		return ""
	}
	return "/logo/" + r.logo.name
}

// Accent is the address of the style of its accent; "" where it has none.
func (r room) Accent() string {
	if r.actor == nil {
		return ""
	}
	return accentAddress(r.actor.Organisation.Accent)
}
