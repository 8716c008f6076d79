package web

import (
	"fmt"
	"html/template"
	"math"
	"strings"
	"time"
)

// courseChart draws how many have finished, day by day, and how many will have. It is SVG whose colours come from
// the page's style, so that it follows light and dark.
type courseChart struct {
	first     time.Time // the first day
	today     time.Time // the last day of total
	end       time.Time // the last day on which answers are taken; zero is not known
	total     []int     // finished up to each day
	reminders []time.Time
	invited   int

	expected, low, high int // at the end; 0 is not known

	room *room
	side string
}

// draw returns the chart for a window of a width, in pixels.
func (c *courseChart) draw(width, height int) string {
	last := c.today
	if c.end.After(last) {
		last = c.end
	}
	days := max(int(last.Sub(c.first).Hours()/24+0.5), 1)
	top := max(c.high, c.total[len(c.total)-1], 4)
	step := niceStep(top, height/60)
	ceiling := (top + step - 1) / step * step
	left, right, above, below := 20+8*len(c.room.Integer(ceiling)), 14, 24, 30
	x := func(day time.Time) float64 {
		return float64(left) + float64(width-left-right)*day.Sub(c.first).Hours()/24/float64(days)
	}
	y := func(n int) float64 {
		return float64(height-below) - float64(height-above-below)*float64(n)/float64(ceiling)
	}
	var b strings.Builder
	says := c.room.With("chart_says", "Count", c.room.Integer(c.total[len(c.total)-1]))
	fmt.Fprintf(&b, `<svg class="course %s" viewBox="0 0 %d %d" role="img" aria-label="%s">`,
		template.HTMLEscapeString(c.side), width, height, template.HTMLEscapeString(says))
	for n := 0; n <= ceiling; n += step {
		fmt.Fprintf(&b, `<path class="grid" d="M%d %.1fH%d"/><text class="tick end" x="%d" y="%.1f">%s</text>`,
			left, y(n), width-right, left-8, y(n)+4, c.room.Integer(n))
	}
	every := niceStep(days, max((width-left)/75, 2))
	for at := 0; at <= days; at += every {
		day := c.first.AddDate(0, 0, at)
		fmt.Fprintf(&b, `<text class="tick middle" x="%.1f" y="%d">%s</text>`, min(x(day), float64(width-right-14)), height-8, day.Format("02.01."))
	}
	for _, day := range c.reminders {
		if day.Before(c.first) || day.After(last) {
			continue
		}
		fmt.Fprintf(&b, `<path class="reminder" d="M%.1f %dV%d"/><text class="tick middle" x="%.1f" y="%d">✉</text>`,
			x(day), above-4, height-below, x(day), above-8)
	}
	c.drawOutlook(&b, x, y)
	var line strings.Builder
	for i, n := range c.total {
		letter := "L"
		if i == 0 {
			letter = "M"
		}
		fmt.Fprintf(&line, "%s%.1f %.1f", letter, x(c.first.AddDate(0, 0, i)), y(n))
	}
	end := x(c.first.AddDate(0, 0, len(c.total)-1))
	fmt.Fprintf(&b, `<path class="area" d="%sL%.1f %.1fL%.1f %.1fZ"/><path class="line" d="%s"/>`, line.String(), end, y(0), x(c.first), y(0), line.String())
	fmt.Fprintf(&b, `<circle class="dot" cx="%.1f" cy="%.1f" r="4.5"/>`, end, y(c.total[len(c.total)-1]))
	b.WriteString(`</svg>`)
	return b.String()
}

// drawOutlook draws how many will have finished in the end, and the band of what is likely.
func (c *courseChart) drawOutlook(b *strings.Builder, x func(time.Time) float64, y func(int) float64) {
	if c.expected == 0 || !c.end.After(c.today) {
		return
	}
	now := c.total[len(c.total)-1]
	fmt.Fprintf(b, `<path class="band" d="M%.1f %.1fL%.1f %.1fL%.1f %.1fZ"/>`, x(c.today), y(now), x(c.end), y(c.high), x(c.end), y(c.low))
	fmt.Fprintf(b, `<path class="likely" d="M%.1f %.1fL%.1f %.1f"/>`, x(c.today), y(now), x(c.end), y(c.expected))
}

// niceStep returns a step of 1, 2, 5, 10, ... that parts a length into at most so many.
func niceStep(length, most int) int {
	rough := float64(length) / float64(max(most, 1))
	power := math.Pow(10, math.Floor(math.Log10(max(rough, 1))))
	for _, n := range []float64{1, 2, 5, 10} {
		if n*power >= rough {
			return int(n * power)
		}
	}
	return int(10 * power)
}
