package web

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"cxmirror/pkg/fieldwork"
	"cxmirror/pkg/survey"
)

// mostReminders is how many reminders can be planned on the path; more are added later, one by one.
const mostReminders = 5

// launchLettersPage is the third step: when, and what is written.
type launchLettersPage struct {
	launchFrame
	Zones     []string
	Hours     []int
	Mails     bool // letters are sent at all
	Reminders []formField
	Letters   []letterFields
}

func (s *Server) showLaunchLetters(c echo.Context) error {
	d, err := s.draftOf(c)
	if err != nil {
		return s.leaveLaunch(c, err)
	}
	page, err := s.launchLettersPage(c, &d)
	if err != nil {
		return err
	}
	return s.show(c, http.StatusOK, "workbench", "launch-letters", page)
}

func (s *Server) launchLettersPage(c echo.Context, d *drafted) (launchLettersPage, error) {
	page := launchLettersPage{launchFrame: s.launchFrame(c, d, "letters"), Zones: zonesOffered(), Mails: d.plan.Mail && !d.plan.OpenOnly}
	w := &d.plan.Wave
	zone := zoneOf(w)
	page.Fields["opens"], page.Fields["closes"], page.Fields["zone"] = fieldOfMoment(w.Opens, zone), fieldOfMoment(w.Closes, zone), w.TimeZone
	page.Fields["quiet_from"], page.Fields["quiet_until"] = strconv.Itoa(w.QuietFrom), strconv.Itoa(w.QuietUntil)
	for hour := range 24 {
		page.Hours = append(page.Hours, hour)
	}
	at := 0
	for i := range d.plan.Mailings {
		m := &d.plan.Mailings[i]
		if m.Kind == survey.InvitationLetter {
			page.Fields["invite"] = fieldOfMoment(&m.At, zone)
			continue
		}
		at++
		page.Fields[reminderField(at)] = fieldOfMoment(&m.At, zone)
	}
	var err error
	page.Letters, err = s.letterFields(c, &d.plan.Wave, d.plan.Letters)
	page.reminderFields()
	return page, err
}

func reminderField(at int) string { return fmt.Sprintf("remind.%d", at) }

// reminderFields makes a field for each reminder, and one more.
func (p *launchLettersPage) reminderFields() {
	p.Reminders = nil
	for at := 1; at <= mostReminders; at++ {
		name := reminderField(at)
		p.Reminders = append(p.Reminders, formField{
			Name: name, Type: "datetime-local", Label: p.With("launch_reminder", "Number", at), Value: p.Fields[name], Wrong: p.Problems[name],
		})
	}
}

func (s *Server) saveLaunchLetters(c echo.Context) error {
	form, err := receiveForm(c, uploadLimit)
	if err != nil {
		return err
	}
	d, err := s.draftOf(c)
	if err != nil {
		return s.leaveLaunch(c, err)
	}
	page, err := s.launchLettersPage(c, &d)
	if err != nil {
		return err
	}
	page.read(form, &d.plan)
	if page.Mails {
		d.plan.Letters = readLetters(form, page.Letters, d.plan.Letters)
	}
	page.reminderFields()
	if len(page.Problems) > 0 {
		return s.show(c, http.StatusUnprocessableEntity, "workbench", "launch-letters", page)
	}
	if err := s.saveDraft(c.Request().Context(), &d.plan); err != nil {
		return err
	}
	// A letter that cannot be sent so is kept, and stops the launch. It is said at once where it was written.
	if page.Mails && sayLetterErrors(page.room, page.Letters, d.plan.Letters) && form.text("go") != "stay" {
		return s.show(c, http.StatusUnprocessableEntity, "workbench", "launch-letters", page)
	}
	return s.onwards(c, form, "letters")
}

// read puts what was sent onto the page, as it was typed, and into the plan where it is valid.
func (p *launchLettersPage) read(form *upload, plan *fieldwork.Plan) {
	in := launchForm{&p.launchFrame, form}
	w := &plan.Wave
	w.TimeZone = in.text("zone")
	zone, err := time.LoadLocation(w.TimeZone)
	if err != nil || w.TimeZone == "Local" {
		in.problem("zone", in.T("launch_problem_zone"))
		zone = time.UTC
	}
	w.Opens, w.Closes = in.moment("opens", zone), in.moment("closes", zone)
	if w.Opens != nil && w.Closes != nil && !w.Closes.After(*w.Opens) {
		in.problem("closes", in.T("problem_closes_before"))
	}
	w.QuietFrom, w.QuietUntil = in.number("quiet_from", 0, 23, 0), in.number("quiet_until", 0, 23, 0)
	if !p.Mails {
		return
	}
	plan.Mailings = nil
	invitation := survey.Mailing{Kind: survey.InvitationLetter}
	if at := in.moment("invite", zone); at != nil {
		invitation.At = *at
	}
	plan.Mailings = append(plan.Mailings, invitation)
	for n := 1; n <= mostReminders; n++ {
		name := reminderField(n)
		at := in.moment(name, zone)
		switch {
		case at == nil:
			continue
		case w.Closes != nil && !at.Before(*w.Closes):
			in.problem(name, in.T("launch_problem_reminder_late"))
		case !invitation.At.IsZero() && !at.After(invitation.At):
			in.problem(name, in.T("launch_problem_reminder_early"))
		}
		plan.Mailings = append(plan.Mailings, survey.Mailing{Kind: survey.ReminderLetter, At: *at})
	}
	slices.SortStableFunc(plan.Mailings[1:], func(a, b survey.Mailing) int { return a.At.Compare(b.At) })
}

// letterFields is one kind of letter as it is edited.
type letterFields struct {
	Kind      survey.LetterKind
	Languages []letterLanguage
}

// letterLanguage is a letter in one language.
type letterLanguage struct {
	Kind          survey.LetterKind
	Language      survey.Language
	Name          string // of the language, in itself
	Subject, Text string
	Wrong         []string
	Open          bool
	Preview       string // address of the letter as it looks now
}

// letterFields returns the letters of a wave as they are edited: in the languages of its questionnaire, and in all
// in which something is written that the questionnaire does not have, if anybody would get it.
func (s *Server) letterFields(c echo.Context, w *survey.Wave, letters []survey.Letter) ([]letterFields, error) {
	q, err := s.fielded.questionnaire(c.Request().Context(), w.Organisation, w.Version)
	if err != nil {
		return nil, err
	}
	languages := slices.Clone(q.Languages)
	reader := s.workbenchLanguage(c)
	slices.SortStableFunc(languages, func(a, b survey.Language) int { // the reader's own first
		switch {
		case a == b:
			return 0
		case a == reader:
			return -1
		case b == reader:
			return 1
		}
		return 0
	})
	var all []letterFields
	for _, kind := range []survey.LetterKind{survey.InvitationLetter, survey.ReminderLetter} {
		fields := letterFields{Kind: kind}
		at := slices.IndexFunc(letters, func(l survey.Letter) bool { return l.Kind == kind })
		for i, lang := range languages {
			one := letterLanguage{
				Kind: kind, Language: lang, Name: s.nameOf(lang), Open: i == 0,
				Preview: fmt.Sprintf("/waves/%d/letters/%s/%s", w.ID, kind, lang),
			}
			if at >= 0 {
				one.Subject, one.Text = letters[at].Subject[lang], letters[at].Text[lang]
			}
			fields.Languages = append(fields.Languages, one)
		}
		all = append(all, fields)
	}
	return all, nil
}

// readLetters returns letters as they were sent, and puts what was sent onto the page. Languages that are not on
// the page are as they were.
func readLetters(form *upload, shown []letterFields, before []survey.Letter) []survey.Letter {
	letters := make([]survey.Letter, len(shown))
	for i := range shown {
		letters[i] = survey.Letter{Kind: shown[i].Kind, Subject: survey.Words{}, Text: survey.Words{}}
		for j := range shown[i].Languages {
			one := &shown[i].Languages[j]
			one.Subject = strings.TrimSpace(strings.ReplaceAll(form.text(letterField("subject", one.Kind, one.Language)), "\n", " "))
			one.Text = strings.TrimSpace(form.text(letterField("text", one.Kind, one.Language)))
			if one.Subject != "" {
				letters[i].Subject[one.Language] = one.Subject
			}
			if one.Text != "" {
				letters[i].Text[one.Language] = one.Text
			}
		}
		for _, old := range before {
			if old.Kind != shown[i].Kind {
				continue
			}
			for _, words := range []struct{ from, to survey.Words }{{old.Subject, letters[i].Subject}, {old.Text, letters[i].Text}} {
				for lang, text := range words.from {
					if !slices.ContainsFunc(shown[i].Languages, func(l letterLanguage) bool { return l.Language == lang }) {
						words.to[lang] = text
					}
				}
			}
		}
	}
	return letters
}

// letterField names a field of a letter.
func letterField(part string, kind survey.LetterKind, lang survey.Language) string {
	return part + "." + string(kind) + "." + string(lang)
}

// Field names a field of the letter.
func (l letterLanguage) Field(part string) string { return letterField(part, l.Kind, l.Language) }

// sayLetterErrors puts what is wrong with letters beside them, and reports whether there was anything.
func sayLetterErrors(r room, shown []letterFields, letters []survey.Letter) bool {
	wrong := false
	for _, letter := range letters {
		for _, problem := range fieldwork.CheckLetter(letter) {
			for i := range shown {
				for j := range shown[i].Languages {
					one := &shown[i].Languages[j]
					if one.Kind == problem.Kind && one.Language == problem.Language {
						one.Wrong, one.Open, wrong = append(one.Wrong, letterProblem(r, &problem)), true, true
					}
				}
			}
		}
	}
	return wrong
}

// letterProblem says what is wrong with a letter, and where in it.
func letterProblem(r room, e *fieldwork.LetterError) string {
	where := r.T("letter_" + e.Part)
	if e.Line > 0 {
		where += ", " + r.With("letter_line", "Line", e.Line)
	}
	return where + ": " + r.phrases.Say(r.Lang, "wrong_letter_"+string(e.Problem), survey.Args{
		"Count": e.Count, "Limit": r.Integer(e.Limit), "Name": "{" + e.Name + "}", "Names": "{" + strings.Join(fieldwork.Placeholders(), "}, {") + "}",
	})
}
