package web

import (
	"cmp"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"cxmirror/pkg/fieldwork"
	"cxmirror/pkg/survey"
)

// launchSteps is the way from a draft to people's inboxes, in order.
func launchSteps() []string { return []string{"people", "promise", "letters", "check", "confirm"} }

// launchRoutes is the path of a launch. Every step keeps what was chosen on the draft, so that it can be left and
// come back to.
func (s *Server) launchRoutes(g *echo.Group) {
	g.GET("/waves/:id/launch", s.beginLaunch)
	g.GET("/waves/:id/launch/people", s.showLaunchPeople)
	g.POST("/waves/:id/launch/people", s.saveLaunchPeople)
	g.GET("/waves/:id/launch/promise", s.showLaunchPromise)
	g.POST("/waves/:id/launch/promise", s.saveLaunchPromise)
	g.GET("/waves/:id/launch/letters", s.showLaunchLetters)
	g.POST("/waves/:id/launch/letters", s.saveLaunchLetters)
	g.GET("/waves/:id/launch/check", s.showLaunchCheck)
	g.POST("/waves/:id/launch/merge", s.mergeGroups)
	g.POST("/waves/:id/launch/split", s.splitGroup)
	g.POST("/waves/:id/launch/leave", s.leaveAttribute)
	g.POST("/waves/:id/launch/compare", s.chooseComparison)
	g.POST("/waves/:id/launch/test", s.sendTestMail)
	g.GET("/waves/:id/launch/confirm", s.showLaunchConfirm)
	g.POST("/waves/:id/launch/confirm", s.launch)
}

// launchStep is one entry of the path's table of contents.
type launchStep struct {
	Number  int
	Key     string
	Current bool
	Behind  bool
}

// launchFrame is what every step of the path shows.
type launchFrame struct {
	room
	Wave     survey.Wave
	Steps    []launchStep
	Step     string
	Fields   map[string]string
	Problems map[string]string
}

// Field returns a field of the form as it is to be shown; hint is the key of a phrase.
func (p launchFrame) Field(name, kind, hint string) formField {
	label := "launch_" + name
	switch name {
	case "minutes", "contact", "homepage": // as where a wave is edited
		label = name
	}
	return formField{name, kind, p.T(label), p.T(hint), p.Fields[name], p.Problems[name]}
}

// Is reports whether a field has a value, for boxes and lists.
func (p launchFrame) Is(name, value string) bool { return p.Fields[name] == value }

// Before returns the step before this one.
func (p launchFrame) Before() string {
	at := slices.Index(launchSteps(), p.Step)
	return launchSteps()[max(at-1, 0)]
}

// drafted is a wave that is being prepared, with the plan for its launch.
type drafted struct {
	plan          fieldwork.Plan
	fresh         bool // nothing of the plan was chosen yet
	questionnaire *questionnaire
	attributes    []survey.Attribute
	people        int // active people of the panel
}

// errLaunched says that a wave needs no launch any more.
var errLaunched = errors.New("launched already")

// draftOf reads the wave that an address names, and its plan. A wave that is launched, or open without a launch, is
// errLaunched.
func (s *Server) draftOf(c echo.Context) (drafted, error) {
	wave, err := s.waveOf(c)
	if err != nil {
		return drafted{}, err
	}
	if wave.Launched != nil || wave.State != survey.WaveDraft {
		return drafted{}, errLaunched
	}
	ctx := c.Request().Context()
	d := drafted{}
	if d.questionnaire, err = s.fielded.questionnaire(ctx, wave.Organisation, wave.Version); err != nil {
		return drafted{}, err
	}
	if d.attributes, err = s.store.Attributes(ctx, wave.Organisation); err != nil {
		return drafted{}, err
	}
	if d.people, err = s.activePeople(ctx, wave.Organisation); err != nil {
		return drafted{}, err
	}
	stored, err := s.store.Plan(ctx, wave.Organisation, wave.ID)
	switch {
	case errors.Is(err, survey.ErrNotFound):
		d.fresh = true
		usual, err := s.store.Organisation(ctx, wave.Organisation)
		if err != nil {
			return drafted{}, err
		}
		if d.plan, err = s.newPlan(s.workbenchLanguage(c), &wave, &d, &usual); err != nil {
			return drafted{}, err
		}
		if wave.Mode == survey.Anonymous && wave.Reported == nil {
			if err := s.fieldwork.ProposeSplits(ctx, &d.plan); err != nil {
				return drafted{}, err
			}
		}
		d.plan.Compare, err = s.otherSide(ctx, &wave)
		return d, err
	case err != nil:
		return drafted{}, err
	}
	if err := json.Unmarshal(stored, &d.plan); err != nil {
		return drafted{}, fmt.Errorf("the plan of wave %d, as stored: %w", wave.ID, err)
	}
	d.plan.Wave = wave
	if d.plan.Compare != 0 {
		_, err := s.store.Wave(ctx, wave.Organisation, d.plan.Compare)
		if errors.Is(err, survey.ErrNotFound) { // deleted since
			d.plan.Compare, err = 0, nil
		}
		return d, err
	}
	return d, nil
}

// newPlan proposes how a draft is launched: to everybody, by mail if that can be sent, for a fortnight, with two
// reminders, and with what is usual in the organisation; if that says nothing, personal data go a year after the end.
func (s *Server) newPlan(lang survey.Language, wave *survey.Wave, d *drafted, usual *survey.Organisation) (fieldwork.Plan, error) {
	p := fieldwork.Plan{Wave: *wave, Mail: s.mails(), Paper: !s.mails(), OpenOnly: d.people == 0}
	w := &p.Wave
	w.OpenLink = p.OpenOnly
	if w.Audience != survey.External {
		w.Comments = max(w.Comments, usual.Comments)
	}
	if w.TimeZone == "" {
		w.TimeZone = cmp.Or(usualZone(lang), "UTC")
	}
	zone, err := time.LoadLocation(w.TimeZone)
	if err != nil {
		zone = time.UTC
	}
	if w.QuietFrom == w.QuietUntil {
		w.QuietFrom, w.QuietUntil = 20, 8
	}
	today := s.now().In(zone)
	at := func(days, hour int) time.Time {
		return time.Date(today.Year(), today.Month(), today.Day()+days, hour, 0, 0, 0, zone).UTC()
	}
	if w.Closes == nil {
		closes := at(14, 18)
		w.Closes = &closes
	}
	if w.Erases == nil {
		erases := w.Closes.AddDate(1, 0, 0)
		if usual.Retention > 0 {
			erases = w.Closes.AddDate(0, 0, usual.Retention)
		}
		w.Erases = &erases
	}
	p.Mailings = []survey.Mailing{{Kind: survey.InvitationLetter}}
	for _, days := range []int{4, 9} {
		if reminder := at(days, 9); reminder.Before(*w.Closes) {
			p.Mailings = append(p.Mailings, survey.Mailing{Kind: survey.ReminderLetter, At: reminder})
		}
	}
	p.Letters = []survey.Letter{s.stationery.Letter(survey.InvitationLetter), s.stationery.Letter(survey.ReminderLetter)}
	for _, a := range d.attributes {
		if values := valuesOf(&a); a.Type == survey.TextAttribute && len(values) >= 2 && len(values) <= 20 && len(p.Attributes) < 3 {
			p.Attributes = append(p.Attributes, a.Key)
		}
	}
	var seed [4]byte
	if _, err := io.ReadFull(s.random, seed[:]); err != nil {
		return p, fmt.Errorf("number of a draw: %w", err)
	}
	p.Seed = uint64(binary.BigEndian.Uint32(seed[:]) % 1_000_000)
	return p, nil
}

// otherSide returns the wave that results will most likely be set against: the newest that was fielded on the other
// side; 0 is none.
func (s *Server) otherSide(ctx context.Context, wave *survey.Wave) (survey.WaveID, error) {
	waves, err := s.store.Waves(ctx, wave.Organisation)
	if err != nil {
		return 0, err
	}
	other := survey.External
	if wave.Audience == survey.External {
		other = survey.Internal
	}
	newest := survey.WaveID(0)
	for i := range waves {
		if waves[i].Audience == other && waves[i].State != survey.WaveDraft {
			newest = max(newest, waves[i].ID)
		}
	}
	return newest, nil
}

// leastAnonymous is the lowest threshold of an anonymous wave: of two answers each of the two knows the other's.
const leastAnonymous = 3

// usualZone is where people who read a language mostly live, as a first guess; "" where they live all over the world.
func usualZone(lang survey.Language) string {
	return map[survey.Language]string{"pl": "Europe/Warsaw", "ro": "Europe/Bucharest", "ru": "Europe/Moscow"}[lang]
}

// zonesOffered are time zones to choose from; any other of the IANA names can be typed.
func zonesOffered() []string {
	return []string{
		"UTC", "Europe/Warsaw", "Europe/Bucharest", "Europe/Chisinau", "Europe/Moscow", "Europe/Prague", "Europe/Bratislava",
		"Europe/Budapest", "Europe/Sofia", "Europe/Kyiv", "Europe/Berlin", "Europe/Vienna", "Europe/Zurich", "Europe/Paris", "Europe/London",
		"Europe/Madrid", "Europe/Rome", "Europe/Vilnius", "Europe/Riga", "Europe/Tallinn", "Europe/Istanbul", "Asia/Almaty", "Asia/Tbilisi",
		"Asia/Yekaterinburg", "Asia/Novosibirsk", "America/New_York", "America/Chicago", "America/Los_Angeles",
	}
}

func (s *Server) activePeople(ctx context.Context, organisation survey.OrganisationID) (int, error) {
	active := true
	_, n, err := s.store.People(ctx, organisation, peopleCounted(active))
	return n, err
}

// saveDraft stores a wave that is being prepared, and the plan for its launch.
func (s *Server) saveDraft(ctx context.Context, plan *fieldwork.Plan) error {
	if err := s.store.UpdateWave(ctx, plan.Wave); err != nil {
		return err
	}
	kept := *plan
	kept.Wave = survey.Wave{}
	text, err := json.Marshal(kept)
	if err != nil {
		return fmt.Errorf("the plan of wave %d: %w", plan.Wave.ID, err)
	}
	return s.store.SavePlan(ctx, plan.Wave.Organisation, plan.Wave.ID, text)
}

// launchFrame returns the frame of a step.
func (s *Server) launchFrame(c echo.Context, d *drafted, step string) launchFrame {
	f := launchFrame{room: s.room(c, "waves"), Wave: d.plan.Wave, Step: step, Fields: map[string]string{}, Problems: map[string]string{}}
	f.Title, f.Simulated = f.With("launch_title", "Wave", d.plan.Wave.Name), d.plan.Wave.Simulated
	here := slices.Index(launchSteps(), step)
	for i, key := range launchSteps() {
		f.Steps = append(f.Steps, launchStep{Number: i + 1, Key: key, Current: i == here, Behind: i < here})
	}
	return f
}

// leaveLaunch is where somebody goes who has no business on the path.
func (s *Server) leaveLaunch(c echo.Context, err error) error {
	if errors.Is(err, errLaunched) {
		return ledBack(c, "/waves/"+c.Param("id")+"/fieldwork")
	}
	return err
}

func (s *Server) beginLaunch(c echo.Context) error {
	if _, err := s.draftOf(c); err != nil {
		return s.leaveLaunch(c, err)
	}
	return c.Redirect(http.StatusSeeOther, "/waves/"+c.Param("id")+"/launch/people")
}

// onwards goes to the step that the button pressed leads to: the next one, or the same again.
func (s *Server) onwards(c echo.Context, form *upload, step string) error {
	if form.text("go") != "stay" {
		at := slices.Index(launchSteps(), step)
		step = launchSteps()[min(at+1, len(launchSteps())-1)]
	}
	return c.Redirect(http.StatusSeeOther, "/waves/"+c.Param("id")+"/launch/"+step)
}

// A launchForm reads what was sent in one step: values as they were typed stay on the page, valid ones go into
// the plan.
type launchForm struct {
	*launchFrame
	sent *upload
}

func (f *launchForm) text(name string) string {
	value := strings.TrimSpace(f.sent.text(name))
	f.Fields[name] = value
	return value
}

func (f *launchForm) ticked(name string) bool { return f.text(name) != "" }

func (f *launchForm) problem(name, text string) { f.Problems[name] = text }

// number reads a whole number; nothing typed is otherwise.
func (f *launchForm) number(name string, low, high, otherwise int) int {
	given := f.text(name)
	if given == "" {
		return otherwise
	}
	n, err := strconv.Atoi(given)
	if err != nil || n < low || n > high {
		f.problem(name, f.phrases.Say(f.Lang, "problem_number", survey.Args{"Low": f.Integer(low), "High": f.Integer(high)}))
		return otherwise
	}
	return n
}

// moment reads a date and a time of a zone; nothing typed is nil.
func (f *launchForm) moment(name string, zone *time.Location) *time.Time {
	t, ok := readMoment(f.text(name), zone)
	if !ok {
		f.problem(name, f.T("problem_time"))
	}
	return t
}

// readMoment reads what a browser's field for date and time sends, or one for a date alone: that is its beginning.
func readMoment(given string, zone *time.Location) (*time.Time, bool) {
	if given == "" {
		return nil, true
	}
	for _, layout := range []string{timeOfForm, timeOfForm + ":05", time.DateOnly} {
		if t, err := time.ParseInLocation(layout, given, zone); err == nil && t.Year() >= 2000 && t.Year() <= 9999 {
			t = t.UTC()
			return &t, true
		}
	}
	return nil, false
}

// fieldOfMoment writes a time as a browser's field takes it.
func fieldOfMoment(t *time.Time, zone *time.Location) string {
	if t == nil || t.IsZero() {
		return ""
	}
	return t.In(zone).Format(timeOfForm)
}

// zoneOf returns the time zone of a wave; of one that is not known, UTC.
func zoneOf(w *survey.Wave) *time.Location {
	zone, err := time.LoadLocation(w.TimeZone)
	if err != nil {
		return time.UTC
	}
	return zone
}

// Moment writes a time in the zone of a wave.
func (p launchFrame) Moment(t *time.Time) string { return momentText(t, &p.Wave) }

func momentText(t *time.Time, w *survey.Wave) string {
	if t == nil || t.IsZero() {
		return ""
	}
	at := t.In(zoneOf(w))
	return at.Format("2006-01-02 15:04 ") + at.Format("MST")
}

// Zone is what the dates of a wave are read in.
func (p launchFrame) Zone() string {
	if p.Wave.TimeZone == "" {
		return "UTC"
	}
	return p.Wave.TimeZone
}
