package web

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"cxmirror/pkg/survey"
)

// editWavePage is the form of what can be changed of a wave. Dates are written in the wave's time zone, and read in
// the one that is sent with them. Of a wave that was launched it offers only what its promise leaves open ([survey.Wave.Keeps]), and says why.
type editWavePage struct {
	room
	contested
	Wave     survey.Wave
	Fields   map[string]string
	Problems map[string]string
	Promises []promiseFields
	Launched string // when, ready to print; "" is not yet
	Fixed    bool   // thresholds can be raised and not lowered
}

// promiseFields is what a respondent of one language is told.
type promiseFields struct {
	Language             survey.Language
	Name                 string // of the language, in itself
	Asker, Purpose, Kept string
	Unsaved              []string // what was sent from a page of before the launch
}

func (s *Server) showEditWave(c echo.Context) error {
	wave, err := s.waveOf(c)
	if err != nil {
		return err
	}
	page, err := s.editWavePage(c, wave)
	if err != nil {
		return err
	}
	return s.show(c, http.StatusOK, "workbench", "edit-wave", page)
}

func (s *Server) editWavePage(c echo.Context, wave survey.Wave) (editWavePage, error) {
	q, err := s.fielded.questionnaire(c.Request().Context(), s.organisationOf(c), wave.Version)
	if err != nil {
		return editWavePage{}, err
	}
	zone := zoneOf(&wave)
	page := editWavePage{room: s.room(c, "waves"), Wave: wave, Problems: map[string]string{}, Fields: map[string]string{
		"name": wave.Name, "opens": fieldOfMoment(wave.Opens, zone), "closes": fieldOfMoment(wave.Closes, zone), "limit": fieldOfNumber(wave.Limit),
		"threshold": strconv.Itoa(wave.Threshold), "comments": strconv.Itoa(wave.Comments), "minutes": fieldOfNumber(wave.Promise.Minutes),
		"contact": wave.Promise.Contact, "homepage": wave.Promise.Homepage, "zone": cmp.Or(wave.TimeZone, "UTC"),
	}}
	page.Title, page.Simulated, page.Was = page.With("edit_title", "Wave", wave.Name), wave.Simulated, formMark(editableOf(&wave))
	page.Launched, page.Fixed = momentText(wave.Launched, &wave), wave.Launched != nil || wave.State != survey.WaveDraft
	for _, lang := range q.Languages {
		asker, _ := wave.Promise.Asker.Exactly(lang)
		purpose, _ := wave.Promise.Purpose.Exactly(lang)
		kept, _ := wave.Promise.Kept.Exactly(lang)
		page.Promises = append(page.Promises, promiseFields{Language: lang, Name: s.nameOf(lang), Asker: asker, Purpose: purpose, Kept: kept})
	}
	return page, nil
}

func fieldOfNumber(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

func (s *Server) editWave(c echo.Context) error {
	form, err := receiveForm(c, uploadLimit)
	if err != nil {
		return err
	}
	wave, err := s.waveOf(c)
	if err != nil {
		return err
	}
	page, err := s.editWavePage(c, wave)
	if err != nil {
		return err
	}
	page.read(form, &wave)
	if len(page.Problems) > 0 {
		status := http.StatusUnprocessableEntity
		if page.Problems["promised"] != "" {
			status = http.StatusConflict
		}
		page.Was = form.text("was")
		return s.show(c, status, "workbench", "edit-wave", page)
	}
	now := wave
	err = s.store.ChangeWave(c.Request().Context(), wave.Organisation, wave.ID, func(stored *survey.Wave) error {
		now = *stored
		if err := settles(form, editableOf(stored), editableOf(&wave)); err != nil {
			return err
		}
		stored.Name, stored.Opens, stored.Closes, stored.TimeZone, stored.Limit = wave.Name, wave.Opens, wave.Closes, wave.TimeZone, wave.Limit
		stored.Threshold, stored.Comments, stored.Promise = wave.Threshold, wave.Comments, wave.Promise
		return nil
	})
	if errors.Is(err, errOvertaken) {
		is, err := s.editWavePage(c, now)
		if err != nil {
			return err
		}
		page.Launched, page.Fixed = is.Launched, is.Fixed
		page.overtake(editableOf(&now), page.whereOther(&is))
		return s.show(c, http.StatusConflict, "workbench", "edit-wave", page)
	}
	if errors.Is(err, survey.ErrPromised) { // launched meanwhile
		page.Problems["promised"] = page.T("progress_promised")
		return s.show(c, http.StatusConflict, "workbench", "edit-wave", page)
	}
	if errors.Is(err, survey.ErrConflict) { // somebody raised it meanwhile, or has answered
		page.Problems["threshold"] = page.T("problem_threshold_lower")
		return s.show(c, http.StatusConflict, "workbench", "edit-wave", page)
	}
	if err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, fmt.Sprintf("/waves/%d", wave.ID))
}

// whereOther says what a form would be filled with now, where that is something else than what was sent.
func (p *editWavePage) whereOther(now *editWavePage) []namedText {
	var all []namedText
	other := func(label, sent, is string) {
		if strings.TrimSpace(sent) != strings.TrimSpace(is) {
			all = append(all, namedText{label, is})
		}
	}
	for _, name := range []string{"name", "opens", "closes", "zone", "threshold", "comments", "limit", "minutes", "contact", "homepage"} {
		other(p.Field(name, "", "name_hint").Label, p.Fields[name], now.Fields[name])
	}
	for i := range p.Promises {
		sent := &p.Promises[i]
		for j := range now.Promises {
			is := &now.Promises[j]
			if is.Language != sent.Language {
				continue
			}
			other(p.T("asker")+" ("+is.Name+")", sent.Asker, is.Asker)
			other(p.T("purpose")+" ("+is.Name+")", sent.Purpose, is.Purpose)
			other(p.T("kept")+" ("+is.Name+")", sent.Kept, is.Kept)
		}
	}
	return all
}

// read puts what was sent onto the page, as it was typed, and into the wave where it is valid.
func (p *editWavePage) read(form *upload, wave *survey.Wave) {
	for field := range p.Fields {
		p.Fields[field] = form.text(field)
	}
	p.readZone(wave)
	wave.Name = survey.OneLine(p.Fields["name"])
	switch {
	case wave.Name == "":
		p.Problems["name"] = p.T("problem_no_name")
	case utf8.RuneCountInString(wave.Name) > longestName:
		p.Problems["name"] = p.N("problem_too_long", longestName)
	}
	p.readDates(wave)
	wave.Limit = p.number("limit", 0, 10_000_000)
	wave.Promise.Minutes = p.number("minutes", 0, 240)
	p.readThresholds(wave)
	wave.Promise.Contact = p.short("contact")
	wave.Promise.Homepage = p.short("homepage")
	if h := wave.Promise.Homepage; h != "" && !strings.HasPrefix(h, "https://") && !strings.HasPrefix(h, "http://") {
		p.Problems["homepage"] = p.T("problem_homepage")
	}
	p.readPromises(form, wave)
}

// readZone takes the time zone of the dates. A form without one leaves it as it is, and so does one that was not
// touched: where nobody has said it, it is proposed at the launch.
func (p *editWavePage) readZone(wave *survey.Wave) {
	is := cmp.Or(wave.TimeZone, "UTC")
	given := cmp.Or(strings.TrimSpace(p.Fields["zone"]), is)
	if p.Fields["zone"] = given; given == is {
		return
	}
	if _, err := time.LoadLocation(given); err != nil || given == "Local" {
		p.Problems["zone"] = p.T("launch_problem_zone")
		return
	}
	wave.TimeZone = given
}

func (p *editWavePage) readDates(wave *survey.Wave) {
	zone := zoneOf(wave)
	wave.Opens, wave.Closes = p.time("opens", wave.Opens, zone), p.time("closes", wave.Closes, zone)
	switch {
	case p.Problems["opens"] != "" || p.Problems["closes"] != "" || wave.Closes == nil:
	case wave.Opens != nil && !wave.Closes.After(*wave.Opens):
		p.Problems["closes"] = p.T("problem_closes_before")
	case wave.Launched != nil && wave.Erases != nil && wave.Closes.After(*wave.Erases):
		p.Problems["closes"] = p.With("progress_problem_erased", "Day", dayIn(*wave.Erases, zone))
	}
}

// readThresholds takes from how many people on results and comments are shown. An empty field for comments leaves
// them as they are, or as many as results need.
func (p *editWavePage) readThresholds(wave *survey.Wave) {
	least := 1
	if wave.Mode == survey.Anonymous {
		least = leastAnonymous
	}
	people := p.number("threshold", 1, 1000)
	comments := max(wave.Comments, people)
	if strings.TrimSpace(p.Fields["comments"]) != "" {
		comments = p.number("comments", 1, 1000)
	}
	if p.Problems["threshold"] != "" || p.Problems["comments"] != "" {
		return
	}
	switch {
	case p.Fixed && people < wave.Threshold:
		p.Problems["threshold"] = p.T("problem_threshold_lower")
	case people < least:
		p.Problems["threshold"] = p.T("launch_problem_threshold_anonymous")
	case p.Fixed && comments < wave.Comments:
		p.Problems["comments"] = p.T("problem_threshold_lower")
	case comments < people && p.Fields["comments"] == strconv.Itoa(wave.Comments): // left as it was: it goes up, too
		comments = people
	case comments < people:
		p.Problems["comments"] = p.T("launch_problem_comments")
	}
	wave.Threshold, wave.Comments = people, comments
}

// readPromises takes who asks, why, and what is kept. Once people may have read that, it stays: another text, sent
// from a page of before the launch, is given back.
func (p *editWavePage) readPromises(form *upload, wave *survey.Wave) {
	asker, purpose, kept := survey.Words{}, survey.Words{}, survey.Words{}
	for i := range p.Promises {
		texts := &p.Promises[i]
		for _, field := range []struct {
			name  string
			shown *string
			into  survey.Words
		}{
			{"asker", &texts.Asker, asker},
			{"purpose", &texts.Purpose, purpose},
			{"kept", &texts.Kept, kept},
		} {
			name := field.name + "." + string(texts.Language)
			sent := form.text(name)
			if p.Launched != "" {
				if was := strings.TrimSpace(sent); was != "" && was != *field.shown {
					texts.Unsaved = append(texts.Unsaved, was)
					p.Problems["promised"] = p.T("progress_promised")
				}
				continue
			}
			*field.shown = sent
			if utf8.RuneCountInString(sent) > longestPromise {
				p.Problems[name] = p.N("problem_too_long", longestPromise)
			}
			if text := strings.TrimSpace(sent); text != "" {
				field.into[texts.Language] = text
			}
		}
	}
	if p.Launched != "" {
		return
	}
	wave.Promise.Asker, wave.Promise.Purpose, wave.Promise.Kept = asker, purpose, kept
}

// Problem returns what is wrong with a field of a language.
func (p editWavePage) Problem(field string, lang survey.Language) string {
	return p.Problems[field+"."+string(lang)]
}

// Zones are time zones to choose from.
func (editWavePage) Zones() []string { return zonesOffered() }

// time reads a date of the form in a time zone. What was not touched stays to the second.
func (p *editWavePage) time(field string, was *time.Time, zone *time.Location) *time.Time {
	given := strings.TrimSpace(p.Fields[field])
	if was != nil && given == fieldOfMoment(was, zone) {
		return was
	}
	t, ok := readMoment(given, zone)
	if !ok {
		p.Problems[field] = p.T("problem_time")
	}
	return t
}

func (p *editWavePage) number(field string, low, high int) int {
	given := cmp.Or(strings.TrimSpace(p.Fields[field]), "0")
	n, err := strconv.Atoi(given)
	if err != nil || n < low || n > high {
		p.Problems[field] = p.phrases.Say(p.Lang, "problem_number", survey.Args{"Low": p.Integer(low), "High": p.Integer(high)})
	}
	return n
}

func (p *editWavePage) short(field string) string {
	text := survey.OneLine(p.Fields[field])
	if utf8.RuneCountInString(text) > longestName {
		p.Problems[field] = p.N("problem_too_long", longestName)
	}
	return text
}

// formField is one field of a form.
type formField struct{ Name, Type, Label, Hint, Value, Wrong string }

// Field returns a field of the form as it is to be shown, with the key of its hint.
func (p editWavePage) Field(name, kind, hint string) formField {
	label := name
	if name == "comments" || name == "zone" {
		label = "launch_" + name
	}
	return formField{name, kind, p.T(label), p.With(hint, "Zone", p.Fields["zone"]), p.Fields[name], p.Problems[name]}
}
