package charts

import (
	"fmt"
	"math"
	"slices"
	"time"

	"cxmirror/pkg/findings"
	"cxmirror/pkg/survey"
)

// Course is how many people have finished a wave day by day, and how many are expected to in the end.
type Course struct {
	Side      survey.Audience // which gives the colour
	First     time.Time       // the first day
	Finished  []int           // in all, at the end of each day from First on; never falls
	Reminders []time.Time     // days on which people are reminded
	Simulated bool

	// What is expected, if anything is: on the day End, between Low and High. End before the last of Finished is
	// that nothing is expected.
	End                 time.Time
	Expected, Low, High int
}

// last returns the last day there is a figure of.
func (c *Course) last() time.Time { return c.First.AddDate(0, 0, len(c.Finished)-1) }

// projected reports whether something is expected after the last figure.
func (c *Course) projected() bool { return c.Expected > 0 && c.End.After(c.last()) }

// Progress draws a course as a curve over a ground of its colour, reminders as dashed lines, and what is expected as
// a dashed line to a bar over where it will likely end. Days are written as days and months.
//
// A course of no days is [ErrNothingToDraw]; other errors are those of [Mirror].
func Progress(c Course, look Look) (Chart, error) {
	if len(c.Finished) == 0 {
		return Chart{}, ErrNothingToDraw
	}
	if !slices.IsSorted(c.Finished) || c.Finished[0] < 0 || c.projected() && (c.Low > c.Expected || c.High < c.Expected) {
		return Chart{}, fmt.Errorf("charts: a course of %v, expected %d to %d: it can only grow", c.Finished, c.Low, c.High)
	}
	s, f, err := blankSheet(look, findings.SharePicked, nil, c.Simulated)
	if err != nil {
		return Chart{}, err
	}
	p := course{sheet: s, Course: c, frame: f}
	bottom := p.draw()
	count := s.words.language.Integer(p.now())
	says := s.words.say("course_says", "Count", count, "Day", p.day(c.last()))
	if c.projected() {
		says += " " + s.words.say("course_expects", "Expected", s.words.language.Integer(c.Expected),
			"Low", s.words.language.Integer(c.Low), "High", s.words.language.Integer(c.High), "Day", p.day(c.End))
	}
	return s.finish("finished", bottom, f, says)
}

// course is the picture being laid out.
type course struct {
	*sheet
	Course

	frame                    frame
	left, right, top, ground float64 // of the plot
	days, ceiling            int     // what the plot's width and height stand for
	strong, tint             string
}

// Measures of the picture, in CSS pixels.
const (
	courseHeight = 250.0
	courseNarrow = 190.0 // in the phone form
	courseHead   = 34.0  // room above the plot, for figures
	tickGap      = 8.0
)

func (p *course) now() int { return p.Finished[len(p.Finished)-1] }

func (p *course) day(day time.Time) string { return day.Format(p.words.say("day_layout")) }

func (p *course) x(day time.Time) float64 {
	return p.left + (p.right-p.left)*math.Round(day.Sub(p.First).Hours()/24)/float64(p.days)
}

func (p *course) y(n int) float64 {
	return p.ground - (p.ground-p.top)*float64(n)/float64(p.ceiling)
}

// draw lays the picture out and returns the bottom.
func (p *course) draw() float64 {
	height := courseHeight
	if p.look.Width <= widestPhone {
		height = courseNarrow
	}
	last := p.last()
	if p.projected() {
		last = p.End
	}
	p.days = max(int(math.Round(last.Sub(p.First).Hours()/24)), 1)
	highest := max(p.now(), 4)
	if p.projected() {
		highest = max(highest, p.High)
	}
	step := tidyStep(float64(highest) / (height / 55))
	p.ceiling = (highest + step - 1) / step * step
	ticks := p.soft(figureSize)
	p.left = p.frame.left + p.room(p.words.language.Integer(p.ceiling), ticks) + tickGap
	p.right = p.frame.right - max(p.room(p.day(last), ticks)/2, 8)
	p.top = p.frame.top + courseHead
	p.ground = p.top + height
	p.colorsOfSide()
	for n := 0; n <= p.ceiling; n += step {
		p.rule(p.left, p.y(n), p.right, p.y(n), p.colors.grid)
		p.line(p.words.language.Integer(n), p.left-tickGap, p.y(n), right, ticks)
	}
	p.reminders()
	p.curve()
	p.outlook()
	p.counts()
	return p.key(p.dates(ticks) + 10)
}

func (p *course) colorsOfSide() {
	switch p.Side {
	case survey.External, survey.Everyone:
		p.strong, p.tint = p.colors.external, p.colors.externalTint
	case survey.Internal:
		p.strong, p.tint = p.colors.internal, p.colors.internalTint
	case survey.Leaders:
		p.strong, p.tint = p.colors.neutral, p.colors.band
	}
}

// dates writes as many days beneath the plot as have room, and returns the bottom.
func (p *course) dates(voice ink) float64 {
	widest := 0.0
	for day := range p.days + 1 {
		widest = max(widest, p.room(p.day(p.First.AddDate(0, 0, day)), voice))
	}
	every := tidyDays((widest + 14) / (p.right - p.left) * float64(p.days))
	for at := 0; at <= p.days; at += every {
		day := p.First.AddDate(0, 0, at)
		middle := max(p.x(day), p.frame.left+widest/2)
		p.rule(p.x(day), p.ground, p.x(day), p.ground+4, p.colors.axis)
		p.line(p.day(day), middle, p.ground+16, center, voice)
	}
	p.rule(p.left, p.ground, p.right, p.ground, p.colors.axis)
	return p.ground + 26
}

// reminders draws a dashed line on every day of one.
func (p *course) reminders() {
	for _, day := range p.Reminders {
		if x := p.x(day); x >= p.left && x <= p.right {
			p.rule(x, p.top-6, x, p.ground, p.colors.neutral, 3, 4)
		}
	}
}

// curve draws what was finished: a ground of narrow columns, whose edges the line hides, and the line.
func (p *course) curve() {
	line := mark{Type: "strokes", Z: 3, Style: markStyle{Fill: "none", Stroke: p.strong, LineWidth: 2.5}}
	for i := 1; i < len(p.Finished); i++ {
		x1, x2 := p.x(p.First.AddDate(0, 0, i-1)), p.x(p.First.AddDate(0, 0, i))
		y1, y2 := p.y(p.Finished[i-1]), p.y(p.Finished[i])
		columns := max(int(math.Abs(y2-y1)/2), 1) // no taller than the line is thick
		for n := range columns {
			from, to := x1+(x2-x1)*float64(n)/float64(columns), x1+(x2-x1)*float64(n+1)/float64(columns)
			top := y1 + (y2-y1)*(float64(n)+0.5)/float64(columns)
			if top < p.ground {
				p.rectangle(from, top, to-from+0.5, p.ground-top, 0, p.tint, "", -5)
			}
		}
		line.Shape.Segments = append(line.Shape.Segments, round(x1), round(y1), round(x2), round(y2))
	}
	if len(line.Shape.Segments) > 0 {
		p.marks = append(p.marks, line)
	}
	x, y := p.x(p.last()), p.y(p.now())
	p.rectangle(x-4.5, y-4.5, 9, 9, 4.5, p.strong, "", 4)
}

// outlook draws what is expected.
func (p *course) outlook() {
	if !p.projected() {
		return
	}
	x := p.x(p.End)
	p.marks = append(p.marks,
		mark{Type: "strokes", Z: 3, Style: markStyle{Fill: "none", Stroke: p.strong, LineWidth: 2, LineDash: []int{6, 5}}, Shape: markShape{
			Segments: []float64{round(p.x(p.last())), round(p.y(p.now())), round(x), round(p.y(p.Expected))},
		}},
		mark{Type: "strokes", Z: 3, Style: markStyle{Fill: "none", Stroke: p.strong, LineWidth: 2}, Shape: markShape{Segments: []float64{
			round(x), round(p.y(p.Low)), round(x), round(p.y(p.High)),
			round(x - 5), round(p.y(p.Low)), round(x + 5), round(p.y(p.Low)), round(x - 5), round(p.y(p.High)), round(x + 5), round(p.y(p.High)),
		}}},
	)
}

// counts writes how many there are, and how many are expected, above what they belong to.
func (p *course) counts() {
	voice := p.bold(labelSize)
	count := p.words.language.Integer(p.now())
	half := p.room(count, voice) / 2
	x := min(max(p.x(p.last()), p.left+half), p.frame.right-half)
	y := p.y(p.now()) - 16
	if p.projected() {
		soft := p.soft(labelSize)
		words := p.words.say("course_range", "Expected", p.words.language.Integer(p.Expected),
			"Low", p.words.language.Integer(p.Low), "High", p.words.language.Integer(p.High))
		above := p.y(p.High) - 16
		p.line(words, p.frame.right, above, right, soft)
		if math.Abs(above-y) < voice.leading() && x+half > p.frame.right-p.room(words, soft)-8 {
			y = min(p.y(p.now())+18, p.ground-voice.leading()/2) // there is no room beside it
		}
	}
	p.line(count, x, y, center, voice)
}

// key explains the kinds of line, from y downwards, and returns the bottom. Only kinds that occur are named.
func (p *course) key(y float64) float64 {
	voice := p.soft(figureSize)
	const sample, gap, between = 26.0, 7.0, 22.0
	x := p.frame.left
	y += 8
	entry := func(key string, dash ...int) {
		words := p.words.say(key)
		if x > p.frame.left && x+sample+gap+p.room(words, voice) > p.frame.right {
			x, y = p.frame.left, y+20
		}
		color, width := p.strong, 2.0
		switch {
		case key == "course_reminder":
			color, width = p.colors.neutral, 1
		case len(dash) == 0:
			width = 2.5
		}
		p.marks = append(p.marks, mark{
			Type: "strokes", Style: markStyle{Fill: "none", Stroke: color, LineWidth: width, LineDash: dash},
			Shape: markShape{Segments: []float64{round(x), crisp(y), round(x + sample), crisp(y)}},
		})
		y += p.paragraph(words, frame{x + sample + gap, p.frame.right, y - voice.leading()/2}, voice, 3) - voice.leading()
		x += sample + gap + p.room(words, voice) + between
	}
	entry("course_finished")
	if p.projected() {
		entry("course_expected", 6, 5)
	}
	if slices.ContainsFunc(p.Reminders, func(day time.Time) bool { return p.x(day) >= p.left && p.x(day) <= p.right }) {
		entry("course_reminder", 3, 4)
	}
	return y + 12
}

// tidyStep returns the least of 1, 2, 5, 10, 20, ... that is at least so much.
func tidyStep(least float64) int {
	for power := 1; ; power *= 10 {
		for _, n := range []int{1, 2, 5} {
			if float64(n*power) >= least {
				return n * power
			}
		}
	}
}

// tidyDays is tidyStep for days: 1, 2, or one, two, four, ... weeks.
func tidyDays(least float64) int {
	days := 1
	for float64(days) < least {
		switch days {
		case 2:
			days = 7
		default:
			days *= 2
		}
	}
	return days
}
