package web

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"cxmirror/pkg/fieldwork"
	"cxmirror/pkg/survey"
)

// findingLine is one thing that the launch check has to say.
type findingLine struct {
	Key    fieldwork.FindingKey
	Text   string
	Names  string // values, people
	Step   string // where it is changed; "" is elsewhere
	Merges []mergeButton
	Leave  string // key of an attribute that can be left out
	People bool   // it is about people of the panel
}

// mergeButton proposes to report values as one.
type mergeButton struct {
	Says      string
	Attribute string
	Name      string
	Values    string // ids, parted by commas
}

// findingGroup is the findings of one severity.
type findingGroup struct {
	Severity fieldwork.Severity
	Lines    []findingLine
}

// groupBar is one group of an attribute as it is drawn.
type groupBar struct {
	Name   string
	People int
	Share  int  // percent of the largest
	Small  bool // below the threshold
	Split  string
}

type groupChart struct {
	Name    string
	Bars    []groupBar
	More    int
	Unknown int
}

// outlookLine says how sure results will be if some of those invited answer.
type outlookLine struct {
	Rate, Answers, Margin, Detectable string
	Bar                               int // percent of the widest that is drawn
}

// launchCheckPage is the fourth step: what would break the promise or the reading.
type launchCheckPage struct {
	launchFrame
	Found      fieldwork.Findings
	Groups     []findingGroup
	Charts     []groupChart
	Outlooks   []outlookLine
	Comparable []survey.Wave
	Readers    []languageLine
	Compared   string // name of the wave that is compared with
	Stops      int

	Mails         bool // letters are sent, and can be tried
	TestTo        string
	TestLanguage  survey.Language
	TestKind      survey.LetterKind
	Tested        string
	TestLanguages []languageChoice

	paper bool
}

// languageLine says how many read a language.
type languageLine struct {
	Name    string
	People  int
	Says    string
	Warning bool
}

func (s *Server) showLaunchCheck(c echo.Context) error {
	return s.showLaunchCheckWith(c, http.StatusOK, "")
}

func (s *Server) showLaunchCheckWith(c echo.Context, status int, problem string) error {
	d, err := s.draftOf(c)
	if err != nil {
		return s.leaveLaunch(c, err)
	}
	page, err := s.launchCheckPage(c, &d)
	if err != nil {
		return err
	}
	if problem != "" {
		page.Problems["launch"] = page.T(problem)
	}
	return s.show(c, status, "workbench", "launch-check", page)
}

func (s *Server) launchCheckPage(c echo.Context, d *drafted) (launchCheckPage, error) {
	page := launchCheckPage{launchFrame: s.launchFrame(c, d, "check"), TestLanguage: s.workbenchLanguage(c), TestKind: survey.InvitationLetter}
	page.Mails, page.paper = d.plan.Mail && !d.plan.OpenOnly && s.mails(), d.plan.Paper
	for _, lang := range d.questionnaire.Languages {
		page.TestLanguages = append(page.TestLanguages, languageChoice{Tag: lang, Name: s.nameOf(lang), Current: lang == page.TestLanguage})
	}
	ctx := c.Request().Context()
	var err error
	if page.Found, err = s.fieldwork.Check(ctx, &d.plan); err != nil {
		return page, err
	}
	for i := range page.Found.Items {
		found := &page.Found.Items[i]
		if len(page.Groups) == 0 || page.Groups[len(page.Groups)-1].Severity != found.Severity {
			page.Groups = append(page.Groups, findingGroup{Severity: found.Severity})
		}
		if found.Severity == fieldwork.Stop {
			page.Stops++
		}
		last := &page.Groups[len(page.Groups)-1]
		last.Lines = append(last.Lines, s.findingLine(page.room, d, found))
	}
	page.Charts = groupCharts(&page.Found, d)
	page.Outlooks = outlookLines(page.room, page.Found.Outlooks)
	for _, l := range page.Found.Languages {
		if l.Language == "" && l.People == 0 {
			continue
		}
		line := languageLine{Name: s.nameOf(l.Language), People: l.People}
		switch {
		case l.Language == "":
			line.Name, line.Says = page.T("language_unknown"), ""
		case !l.Offered:
			line.Says, line.Warning = page.T("language_not_offered"), true
		case l.Missing > 0:
			line.Says = page.phrases.Say(page.Lang, "language_missing", survey.Args{"Missing": page.Integer(l.Missing), "Total": page.Integer(l.Total)})
			line.Warning = l.People > 0
		default:
			line.Says = page.T("language_complete")
		}
		page.Readers = append(page.Readers, line)
	}
	waves, err := s.store.Waves(ctx, d.plan.Wave.Organisation)
	if err != nil {
		return page, err
	}
	for i := range waves {
		if waves[i].ID != d.plan.Wave.ID {
			page.Comparable = append(page.Comparable, waves[i])
		}
		if waves[i].ID == d.plan.Compare {
			page.Compared = waves[i].Name
		}
	}
	page.Fields["compare"] = strconv.FormatInt(int64(d.plan.Compare), 10)
	return page, nil
}

// ByPaper writes how many of those invited get their way in on paper.
func (p launchCheckPage) ByPaper() string {
	if !p.paper {
		return "–"
	}
	return p.Integer(p.Found.Invited - p.Found.ByMail)
}

// Compares reports whether a wave is the one that results are set against.
func (p launchCheckPage) Compares(id survey.WaveID) bool {
	return p.Fields["compare"] == strconv.FormatInt(int64(id), 10)
}

// findingLine says a finding in a sentence, and where it is mended.
func (s *Server) findingLine(r room, d *drafted, f *fieldwork.Finding) findingLine {
	line := findingLine{Key: f.Key, Step: stepOf(f.Key)}
	language := ""
	if f.Language != "" {
		language = s.nameOf(f.Language)
	}
	letter := ""
	if f.Letter != "" {
		letter = r.T("letter_kind_" + string(f.Letter))
	}
	named := slices.Clone(f.Names)
	for i := range f.People {
		named = append(named, cmp.Or(f.People[i].Name, f.People[i].Address, f.People[i].Key))
	}
	line.Names = strings.Join(named, ", ")
	if len(f.People) > 0 {
		line.People = true
		if more := f.Count - len(f.People); more > 0 {
			line.Names += " " + r.N("and_more", more)
		}
	}
	wrong := ""
	if f.Key == fieldwork.LetterWrong {
		wrong = letterProblem(r, &f.Wrong)
	}
	line.Text = r.phrases.Say(r.Lang, "finding_"+string(f.Key), survey.Args{
		"Count": f.Count, "Of": r.Integer(f.Of), "Affected": r.Integer(f.Affected), "Attribute": attributeName(d, f.Attribute), "Language": language,
		"Letter": letter, "Text": wrong,
	})
	for _, g := range f.Merge {
		line.Merges = append(line.Merges, mergeOf(r, d, &g))
	}
	if slices.Contains([]fieldwork.FindingKey{
		fieldwork.GroupsSmall, fieldwork.CombinationsSmall, fieldwork.AttributeUnknown, fieldwork.AttributeNoGroups, fieldwork.AttributeManyValues,
		fieldwork.AttributeIsItem,
	}, f.Key) {
		line.Leave = f.Attribute
	}
	return line
}

// attributeName returns what people call an attribute.
func attributeName(d *drafted, key string) string {
	at := slices.IndexFunc(d.attributes, func(a survey.Attribute) bool { return a.Key == key })
	if at < 0 {
		return key
	}
	return cmp.Or(d.attributes[at].Name, key)
}

// mergeOf says what a button does that reports values as one: how many people each has.
func mergeOf(r room, d *drafted, g *fieldwork.Group) mergeButton {
	button := mergeButton{Attribute: g.Attribute, Name: g.Name}
	ids := make([]string, len(g.Values))
	for i, id := range g.Values {
		ids[i] = strconv.FormatInt(id, 10)
	}
	button.Values = strings.Join(ids, ",")
	var parts []string
	at := slices.IndexFunc(d.attributes, func(a survey.Attribute) bool { return a.Key == g.Attribute })
	if at >= 0 {
		a := &d.attributes[at]
		seen := make(map[int64]bool)
		for _, id := range g.Values {
			if v := a.Final(id); !seen[v.ID] {
				seen[v.ID] = true
				parts = append(parts, v.Name)
			}
		}
	}
	slices.Sort(parts)
	button.Says = r.With("launch_merge", "Values", strings.Join(parts, " + "))
	return button
}

// stepOf returns the step of the path on which something is changed.
func stepOf(key fieldwork.FindingKey) string {
	switch key {
	case fieldwork.NoWayIn, fieldwork.Nobody, fieldwork.FewerThanThreshold, fieldwork.SampleOfAll, fieldwork.FilterUnknown, fieldwork.AnswerTwice:
		return "people"
	case fieldwork.ThresholdTooLow, fieldwork.ThresholdLow, fieldwork.CommentsTooLow, fieldwork.ErasesTooEarly, fieldwork.NoErasing, fieldwork.NoAsker,
		fieldwork.TracksOpening, fieldwork.GroupsSmall, fieldwork.GroupsAtRisk, fieldwork.CombinationsSmall, fieldwork.TooManySplits, fieldwork.AttributeUnknown,
		fieldwork.AttributeNoGroups, fieldwork.AttributeManyValues, fieldwork.AttributeIsItem, fieldwork.AskedAndKnown, fieldwork.ReportedUnknown,
		fieldwork.BackgroundDropped, fieldwork.GroupsWrong:
		return "promise"
	case fieldwork.ClosesInThePast, fieldwork.ClosesBeforeOpens, fieldwork.NoClosingDate, fieldwork.UnknownTimeZone, fieldwork.NoInvitation,
		fieldwork.NoReminderLetter, fieldwork.NoMailing, fieldwork.LetterWrong, fieldwork.MailingTooLate, fieldwork.MailingTooEarly, fieldwork.LetterNotWritten:
		return "letters"
	case fieldwork.NotADraft, fieldwork.Blind, fieldwork.NothingToCompare, fieldwork.ComparesWithFew, fieldwork.NoMailServer, fieldwork.TextsMissing,
		fieldwork.LanguageNotOffered, fieldwork.NoLanguage, fieldwork.AddressMissing, fieldwork.AddressMalformed, fieldwork.AddressBounced,
		fieldwork.Unsubscribed, fieldwork.AddressShared, fieldwork.Inactive, fieldwork.GroupUnknown:
	}
	return ""
}

// mostBars is how many groups of an attribute are drawn.
const mostBars = 15

// groupCharts draws those invited by group, attribute by attribute. Small groups are drawn first: they are what is
// to be looked at.
func groupCharts(found *fieldwork.Findings, d *drafted) []groupChart {
	var charts []groupChart
	for _, a := range found.Groups {
		chart := groupChart{Name: cmp.Or(a.Name, a.Attribute), Unknown: a.Unknown}
		values := a.Values
		if len(values) > mostBars { // the smallest
			chart.More = len(values) - mostBars
			values = values[chart.More:]
		}
		largest := 1
		for _, v := range values {
			largest = max(largest, v.People)
		}
		for _, v := range values {
			bar := groupBar{Name: v.Name, People: v.People, Share: max(1, 100*v.People/largest), Small: v.People < d.plan.Wave.Threshold}
			if slices.ContainsFunc(d.plan.Groups, func(g fieldwork.Group) bool { return g.Attribute == a.Attribute && g.Name == v.Name }) {
				bar.Split = a.Attribute
			}
			chart.Bars = append(chart.Bars, bar)
		}
		charts = append(charts, chart)
	}
	return charts
}

// outlookLines writes how sure results will be.
func outlookLines(r room, outlooks []fieldwork.Outlook) []outlookLine {
	var lines []outlookLine
	widest := 0.0
	for _, o := range outlooks {
		widest = max(widest, min(o.Corrected, 1))
	}
	for _, o := range outlooks {
		line := outlookLine{Rate: r.Percent(o.Rate), Answers: r.Integer(o.Answers), Margin: "± " + r.Points(o.Margin)}
		switch {
		case o.Detectable == 0: // nothing to compare with
		case o.Corrected > 1:
			line.Detectable, line.Bar = r.T("outlook_none"), 100
		default:
			line.Detectable, line.Bar = r.Points(o.Corrected), int(100*o.Corrected/widest)
		}
		lines = append(lines, line)
	}
	return lines
}

// Percent writes a share as people write it.
func (r room) Percent(share float64) string { return r.Integer(int(math.Round(100*share))) + "\u00a0%" }

// Points writes a difference of shares.
func (r room) Points(share float64) string {
	return r.N("points", int(math.Round(100*share)))
}

// changePlan changes the plan of a draft from the check, and shows the check again.
func (s *Server) changePlan(c echo.Context, change func(d *drafted, form *upload) error) error {
	form, err := receiveForm(c, uploadLimit)
	if err != nil {
		return err
	}
	d, err := s.draftOf(c)
	if err != nil {
		return s.leaveLaunch(c, err)
	}
	if err := change(&d, form); err != nil {
		return err
	}
	if err := s.saveDraft(c.Request().Context(), &d.plan); err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, "/waves/"+c.Param("id")+"/launch/check#groups")
}

// mergeGroups reports several values of an attribute as one. Groups that they were part of are part of it whole.
func (s *Server) mergeGroups(c echo.Context) error {
	return s.changePlan(c, func(d *drafted, form *upload) error {
		merged := fieldwork.Group{Attribute: form.text("attribute"), Name: form.line("name")}
		at := slices.IndexFunc(d.attributes, func(a survey.Attribute) bool { return a.Key == merged.Attribute })
		if at < 0 || merged.Name == "" {
			return fmt.Errorf("attribute %q: %w", merged.Attribute, survey.ErrNotFound)
		}
		for text := range strings.SplitSeq(form.text("values"), ",") {
			id, err := strconv.ParseInt(text, 10, 64)
			if err != nil || d.attributes[at].Final(id).ID == 0 {
				return fmt.Errorf("value %q of attribute %s: %w", text, merged.Attribute, survey.ErrNotFound)
			}
			merged.Values = append(merged.Values, id)
		}
		d.plan.Groups = slices.DeleteFunc(d.plan.Groups, func(g fieldwork.Group) bool {
			if g.Attribute != merged.Attribute || !slices.ContainsFunc(g.Values, func(id int64) bool { return slices.Contains(merged.Values, id) }) {
				return false
			}
			merged.Values = append(merged.Values, g.Values...)
			return true
		})
		slices.Sort(merged.Values)
		merged.Values = slices.Compact(merged.Values)
		d.plan.Groups = append(d.plan.Groups, merged)
		return nil
	})
}

// splitGroup takes a merge back.
func (s *Server) splitGroup(c echo.Context) error {
	return s.changePlan(c, func(d *drafted, form *upload) error {
		d.plan.Groups = slices.DeleteFunc(d.plan.Groups, func(g fieldwork.Group) bool {
			return g.Attribute == form.text("attribute") && g.Name == form.text("name")
		})
		return nil
	})
}

// leaveAttribute splits results by one attribute less.
func (s *Server) leaveAttribute(c echo.Context) error {
	return s.changePlan(c, func(d *drafted, form *upload) error {
		left := "a." + form.text("attribute")
		setReported(d, slices.DeleteFunc(reportedNames(d), func(name string) bool { return name == left }))
		return nil
	})
}

// chooseComparison names the wave that results will be set against.
func (s *Server) chooseComparison(c echo.Context) error {
	return s.changePlan(c, func(d *drafted, form *upload) error {
		id, _ := strconv.ParseInt(form.text("compare"), 10, 64) // what is no number is no wave
		if id == 0 || id == int64(d.plan.Wave.ID) {
			d.plan.Compare = 0
			return nil
		}
		other, err := s.store.Wave(c.Request().Context(), d.plan.Wave.Organisation, survey.WaveID(id))
		d.plan.Compare = other.ID
		return err
	})
}

// launchConfirmPage is the last step: what happens now, and what can never be taken back.
type launchConfirmPage struct {
	launchFrame
	Found     fieldwork.Findings
	Plan      fieldwork.Plan
	Reported  []string
	Invite    string
	Reminders []string
	Warnings  int
}

// ErasesAt is the day on which personal data go; the zero time is none.
func (p launchConfirmPage) ErasesAt() time.Time {
	if p.Wave.Erases == nil {
		return time.Time{}
	}
	return p.Wave.Erases.In(zoneOf(&p.Wave))
}

// mailed returns when a mailing goes out, as it was asked for, and from when on in truth if that is in quiet hours.
func (p launchConfirmPage) mailed(at time.Time, asked string) string {
	if from, later := fieldwork.SentFrom(p.Wave, at); later {
		return asked + ": " + p.With("mailing_quiet", "When", p.Moment(&from))
	}
	return asked
}

func (s *Server) showLaunchConfirm(c echo.Context) error {
	d, err := s.draftOf(c)
	if err != nil {
		return s.leaveLaunch(c, err)
	}
	page := launchConfirmPage{launchFrame: s.launchFrame(c, &d, "confirm"), Plan: d.plan}
	if page.Found, err = s.fieldwork.Check(c.Request().Context(), &d.plan); err != nil {
		return err
	}
	if page.Found.Stops() {
		return c.Redirect(http.StatusSeeOther, "/waves/"+c.Param("id")+"/launch/check")
	}
	for i := range page.Found.Items {
		if page.Found.Items[i].Severity == fieldwork.Warn {
			page.Warnings++
		}
	}
	for _, one := range reportables(page.room, &d, nil) {
		if one.Place > 0 {
			page.Reported = append(page.Reported, one.Says)
		}
	}
	if d.plan.Mail && !d.plan.OpenOnly {
		for i := range d.plan.Mailings {
			m := &d.plan.Mailings[i]
			switch {
			case m.Kind == survey.ReminderLetter:
				page.Reminders = append(page.Reminders, page.mailed(m.At, page.Moment(&m.At)))
			case m.At.IsZero():
				page.Invite = page.mailed(s.now(), page.T("launch_at_once"))
			default:
				page.Invite = page.mailed(m.At, page.Moment(&m.At))
			}
		}
	}
	return s.show(c, http.StatusOK, "workbench", "launch-confirm", page)
}

// launch makes the plan true. Pressed twice, it is done once.
func (s *Server) launch(c echo.Context) error {
	if _, err := receiveForm(c, formLimit); err != nil {
		return err
	}
	d, err := s.draftOf(c)
	if err != nil {
		return s.leaveLaunch(c, err)
	}
	now := s.now()
	for i := range d.plan.Mailings {
		if d.plan.Mailings[i].At.IsZero() {
			d.plan.Mailings[i].At = now
		}
	}
	_, err = s.fieldwork.Launch(c.Request().Context(), d.plan)
	if _, stops := errors.AsType[*fieldwork.StopError](err); stops { // the panel changed since it was looked at
		return s.showLaunchCheckWith(c, http.StatusConflict, "launch_stopped")
	}
	if err != nil {
		return err
	}
	if s.mailer != nil {
		s.mailer.Wake()
	}
	return c.Redirect(http.StatusSeeOther, "/waves/"+c.Param("id")+"/fieldwork?launched=1")
}
