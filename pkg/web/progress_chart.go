package web

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"cxmirror/charts"
	"cxmirror/pkg/fieldwork"
	"cxmirror/pkg/report"
	"cxmirror/pkg/store"
	"cxmirror/pkg/survey"
)

// courseChart is the picture of how many have finished, for wide and for narrow windows, with the finding as its title.
type courseChart struct {
	Title, Base string
	Wide, Phone drawnChart
}

// courseOfWave is how many have finished a wave day by day, and how many will have.
type courseOfWave struct {
	wave    *survey.Wave
	days    []dayLine
	chart   charts.Course
	early   fieldwork.Early // why nothing is projected
	method  string          // of the projection
	running bool            // answers are taken, so that something may be expected
}

// dayLine is one day (UTC) of a wave.
type dayLine struct {
	Day             string
	Invited, Finish int
	All             int // finished up to then
	Reminder        bool
}

// finished is how many there are now.
func (o *courseOfWave) finished() int { return o.days[len(o.days)-1].All }

// courseOf reads how a wave has gone and projects how it will. Days are those of UTC, as they are stored.
func (s *Server) courseOf(ctx context.Context, w *survey.Wave, life string) (*courseOfWave, error) {
	progress, err := s.store.Progress(ctx, w.Organisation, w.ID)
	if err != nil {
		return nil, err
	}
	mailings, err := s.store.Mailings(ctx, w.Organisation, w.ID)
	if err != nil {
		return nil, err
	}
	today := s.now().UTC().Truncate(24 * time.Hour)
	first := today
	if w.Launched != nil {
		first = w.Launched.UTC().Truncate(24 * time.Hour)
	}
	if len(progress) > 0 && progress[0].Day.Before(first) {
		first = progress[0].Day
	}
	last := today
	byDay := make(map[time.Time]store.DayCount, len(progress))
	for _, d := range progress {
		byDay[d.Day] = d
	}
	if life == "closed" || life == "over" { // nothing comes any more
		last = first
		for _, d := range progress {
			if d.Finished > 0 && d.Day.After(last) {
				last = d.Day
			}
		}
	}
	if last.Before(first) { // a clock that was set back
		last = first
	}
	course := &courseOfWave{wave: w, running: life == "open", chart: charts.Course{Side: w.Audience, First: first, Simulated: w.Simulated}}
	for _, m := range mailings {
		if m.Kind == survey.ReminderLetter && (m.Sent > 0 || m.State == survey.MailingPlanned) {
			course.chart.Reminders = append(course.chart.Reminders, m.At.UTC().Truncate(24*time.Hour))
		}
	}
	all := 0
	var whole []int // of days that are over
	for day := first; !day.After(last); day = day.AddDate(0, 0, 1) {
		n := byDay[day].Finished
		all += n
		course.chart.Finished = append(course.chart.Finished, all)
		if day.Before(today) {
			whole = append(whole, n)
		}
		course.days = append(course.days, dayLine{
			Day: day.Format(time.DateOnly), Invited: byDay[day].Invited, Finish: n, All: all, Reminder: slices.Contains(course.chart.Reminders, day),
		})
	}
	if course.running {
		course.project(whole, today)
	}
	return course, nil
}

// project sets what is expected by the closing date.
func (o *courseOfWave) project(whole []int, today time.Time) {
	remaining, all := -1, o.finished()
	if o.wave.Closes != nil {
		remaining = int(math.Ceil(o.wave.Closes.Sub(today).Hours() / 24))
		o.chart.End = today.AddDate(0, 0, max(remaining-1, 0))
	}
	projected := fieldwork.Project(fieldwork.Course{Days: whole, Invited: o.wave.Invited, Remaining: remaining})
	if o.early = projected.Early; o.early != fieldwork.NotEarly {
		return
	}
	o.method = projected.Method
	o.chart.Expected, o.chart.Low, o.chart.High = max(projected.Expected, all), max(projected.Low, all), max(projected.High, all)
}

// showCourse puts the course onto the page: the picture, the table behind it, and what is expected in words.
func (s *Server) showCourse(ctx context.Context, page *progressPage, o *courseOfWave, groups []store.GroupCount) error {
	page.Days = slices.Clone(o.days)
	slices.Reverse(page.Days)
	switch {
	case !o.running:
	case o.early != fieldwork.NotEarly:
		page.Outlook = page.T("outlook_" + string(o.early))
	default:
		page.Outlook = page.phrases.Say(page.Lang, "outlook_projected", survey.Args{
			"Expected": page.Integer(o.chart.Expected), "Low": page.Integer(o.chart.Low), "High": page.Integer(o.chart.High),
		})
		if o.wave.Invited > 0 {
			page.Expected = page.Percent(float64(o.chart.Expected) / float64(o.wave.Invited))
		}
	}
	if o.finished() == 0 {
		return nil
	}
	chart := courseChart{Title: page.courseTitle(o, groups), Base: page.courseBase(o)}
	for _, into := range []struct {
		width int
		chart *drawnChart
	}{{report.WideChart, &chart.Wide}, {report.PhoneChart, &chart.Phone}} {
		laid, err := charts.Progress(o.chart, charts.Look{Language: page.Lang, Width: into.width})
		if err != nil {
			return err
		}
		svg, err := s.engine.SVG(ctx, laid)
		if err != nil {
			return fmt.Errorf("draw how wave %d goes: %w", o.wave.ID, err)
		}
		*into.chart = drawnChart{SVG: picture(svg), Width: laid.Width, Height: laid.Height}
	}
	page.Chart = &chart
	return nil
}

// courseTitle says how many have finished, of those invited where all were.
func (r room) courseTitle(o *courseOfWave, groups []store.GroupCount) string {
	invited, finished := 0, 0
	for _, g := range groups {
		invited += g.Invited
		finished += g.Finished
	}
	if invited == 0 || finished != o.finished() { // some came by the open link
		return r.N("chart_title_count", o.finished())
	}
	return r.phrases.SayCount(r.Lang, "chart_title_rate", finished, survey.Args{
		"Invited": r.Integer(invited), "Rate": r.Percent(float64(finished) / float64(invited)),
	})
}

// courseBase says what the picture is made of.
func (r room) courseBase(o *courseOfWave) string {
	base := r.days(o.chart.First, o.chart.First.AddDate(0, 0, len(o.days)-1)) + " (UTC)"
	if o.wave.Invited > 0 {
		base += " · " + r.With("chart_base_invited", "Count", r.Integer(o.wave.Invited))
	}
	return base
}

// courseToDownload reads the course of a wave that has answers.
func (s *Server) courseToDownload(c echo.Context) (*courseOfWave, error) {
	w, err := s.waveOf(c)
	if err != nil {
		return nil, err
	}
	ctx := c.Request().Context()
	counts, err := s.store.Counts(ctx, w.Organisation, w.ID)
	if err != nil {
		return nil, err
	}
	course, err := s.courseOf(ctx, &w, lifeOf(&w, s.now(), counts.Complete))
	if err != nil {
		return nil, err
	}
	if course.finished() == 0 {
		return nil, fmt.Errorf("how wave %d goes, before anybody has finished: %w", w.ID, survey.ErrNotFound)
	}
	return course, nil
}

// drawCourse is the picture as a file that stands alone.
func (s *Server) drawCourse(c echo.Context) error {
	course, err := s.courseToDownload(c)
	if err != nil {
		return err
	}
	ctx, r := c.Request().Context(), s.room(c, "waves")
	groups, err := s.store.InvitationGroups(ctx, course.wave.Organisation, course.wave.ID)
	if err != nil {
		return err
	}
	theme := charts.Light
	if c.QueryParam("theme") == string(charts.Dark) {
		theme = charts.Dark
	}
	laid, err := charts.Progress(course.chart, charts.Look{
		Language: r.Lang, Theme: theme, Width: report.WideChart, Titled: true,
		Title: r.courseTitle(course, groups), Subtitle: course.wave.Name + " · " + r.courseBase(course),
	})
	if err != nil {
		return err
	}
	svg, err := s.engine.SVG(ctx, laid)
	if err != nil {
		return fmt.Errorf("draw how wave %d goes: %w", course.wave.ID, err)
	}
	return sendCourse(c, course, "svg", "image/svg+xml", svg)
}

// listCourse is the table behind the picture as a file.
func (s *Server) listCourse(c echo.Context) error {
	course, err := s.courseToDownload(c)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	table := csv.NewWriter(&out)
	rows := [][]string{{"day_utc", "invited", "finished", "finished_in_all", "reminder"}}
	for _, d := range course.days {
		reminder := ""
		if d.Reminder {
			reminder = "1"
		}
		rows = append(rows, []string{d.Day, strconv.Itoa(d.Invited), strconv.Itoa(d.Finish), strconv.Itoa(d.All), reminder})
	}
	if err := table.WriteAll(rows); err != nil {
		return fmt.Errorf("how wave %d goes, as CSV: %w", course.wave.ID, err)
	}
	return sendCourse(c, course, "csv", "text/csv; charset=utf-8", out.Bytes())
}

func sendCourse(c echo.Context, course *courseOfWave, extension, kind string, content []byte) error {
	c.Response().Header().Set(echo.HeaderContentDisposition,
		attachment(course.wave.Slug+"-finished"+simulatedMark(course.wave.Simulated)+"."+extension))
	return c.Blob(http.StatusOK, kind, content)
}
