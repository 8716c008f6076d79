package charts

import (
	"cmp"
	"math"
	"slices"

	"cxmirror/pkg/findings"
)

// Order says in which order the Difference picture shows options.
type Order string

// The orders.
const (
	ByDifference Order = ""       // what stands highest inside, compared with outside, first
	AsRanked     Order = "ranked" // as the external side ranks
)

// Difference draws the difference of every option, internal minus external, with its interval (a forest
// plot): a line at zero, a band within which the sides are practically the same, and what the data show. The
// mark tells the verdict without colour: a diamond differs, a disc is practically the same, a ring cannot be
// told.
//
// Errors are those of [Mirror].
func Difference(d *findings.Divergence, look Look) (Chart, error) {
	s, f, err := newSheet(d, look)
	if err != nil {
		return Chart{}, err
	}
	items := slices.Clone(d.Items)
	if s.look.Order == ByDifference {
		slices.SortStableFunc(items[:len(d.Shown())], func(a, b findings.ItemDifference) int { return cmp.Compare(b.Difference, a.Difference) })
	}
	p := difference{sheet: s, finding: d, frame: f, items: items}
	var bottom float64
	if columns, fit := p.columns(); fit {
		bottom = p.wide(columns)
	} else {
		bottom = p.narrow()
	}
	level, margin := s.words.language.Percent(d.Level, 0), s.words.plusMinus(d.Margin)
	return s.finish("difference", bottom, f, s.words.describe(s.words.say("difference"), d, s.look),
		s.words.say("note_intervals", "Level", level)+" "+s.words.say("note_band", "Margin", margin))
}

// plusMinus writes a margin, "±10 pts".
func (w wording) plusMinus(margin float64) string {
	return w.say("points", "Value", "±"+w.language.Decimal(100*margin, 0))
}

// difference is the picture being laid out.
type difference struct {
	*sheet

	finding *findings.Divergence
	frame   frame
	items   []findings.ItemDifference
}

// differenceColumns are the columns of the wide form: words, plot, figures, verdict.
type differenceColumns struct {
	words, plot, figures, verdict float64 // widths
}

// Measures of the difference chart, in CSS pixels.
const (
	leastPlot  = 150.0
	axisHeight = 26.0
	markSize   = 4.5
)

// columns shares out the width. It reports whether the plot keeps enough room.
func (p difference) columns() (differenceColumns, bool) {
	width := p.frame.width()
	var c differenceColumns
	for _, item := range p.items {
		c.figures = max(c.figures, p.room(p.words.points(item.Difference), p.bold(labelSize)), p.room(p.words.span(item.Low, item.High), p.soft(setSize)))
		words, detail := p.verdictWords(item)
		c.verdict = max(c.verdict, p.room(words, p.body(verdictSize))+2*pillPad, p.room(detail, p.soft(detailSize)))
	}
	c.verdict = min(c.verdict, 0.24*width)
	c.words = max(min(max(0.26*width, 140), 320), min(p.longestWord(p.finding, labelSize), 0.34*width))
	c.plot = width - c.words - c.figures - c.verdict - 4*columnGap
	return c, p.look.Width > widestPhone && c.plot >= leastPlot
}

// verdictWords are a verdict's words without the figure, which stands in a column of its own.
func (p difference) verdictWords(item findings.ItemDifference) (words, detail string) {
	words, detail = p.words.verdict(item)
	if item.Verdict == findings.Different || item.Verdict == findings.Small {
		detail = ""
	}
	return words, detail
}

// wide lays out columns and returns the bottom.
func (p difference) wide(c differenceColumns) float64 {
	f := p.frame
	x := f.left + c.words + columnGap
	figures := x + c.plot + columnGap + c.figures
	top := p.heads(x, c.plot)
	p.line(p.words.say("verdict"), f.right, f.top+8, right, p.bold(figureSize))

	rows := make([]float64, len(p.items))
	y := top
	for i, item := range p.items {
		voice := p.voice(item.Verdict, labelSize)
		lines := p.face.wrap(p.words.option(item.External, item.Code), voice.size, voice.weight, c.words, mostLines)
		height := max(leastRow, voice.leading()*float64(len(lines))+rowPad)
		rows[i] = y + height/2
		if i > 0 {
			p.rule(f.left, y, f.right, y, p.colors.rule)
		}
		p.text(lines, f.left, rows[i], left, voice)
		if !item.Withheld() {
			number := p.voice(item.Verdict, labelSize)
			number.weight = semibold
			p.line(p.words.points(item.Difference), figures, rows[i]-8, right, number)
			p.line(p.words.span(item.Low, item.High), figures, rows[i]+10, right, p.soft(setSize))
		}
		p.said(item, f.right, rows[i], c.verdict)
		y += height
	}
	return p.plot(rows, x, c.plot, [][2]float64{{top, y}}, y)
}

// narrow lays out the phone form: words over the plot, figures and verdict under it. It returns the bottom.
func (p difference) narrow() float64 {
	f := p.frame
	top := p.heads(f.left, f.width())
	rows, strips := make([]float64, len(p.items)), make([][2]float64, len(p.items))
	y := top
	for i, item := range p.items {
		p.rule(f.left, y, f.right, y, p.colors.rule)
		y += 10
		voice := p.voice(item.Verdict, narrowLabel)
		y += p.block(p.face.wrap(p.words.option(item.External, item.Code), voice.size, voice.weight, f.width(), 4), frame{f.left, f.right, y}, voice)
		rows[i] = y + 16
		strips[i] = [2]float64{y + 4, y + 28}
		y += 40
		number := p.voice(item.Verdict, verdictSize)
		number.weight = semibold
		figures := p.words.points(item.Difference)
		p.line(figures, f.left, y+6, left, number)
		p.line(p.words.span(item.Low, item.High), f.left+p.room(figures, number)+8, y+6, left, p.soft(setSize))
		words, detail := p.verdictWords(item)
		taken := p.room(figures, number) + 8 + p.room(p.words.span(item.Low, item.High), p.soft(setSize))
		if item.Verdict != findings.Different && taken+12+p.room(words, p.soft(verdictSize)) > f.width() {
			y += 20
		}
		p.said(item, f.right, y+6, f.width()-taken-12)
		if detail != "" {
			y += 9
		}
		y += 24
	}
	return p.plot(rows, f.left+14, f.width()-28, strips, y)
}

// said places the verdict flush right at x, within a width.
func (p difference) said(item findings.ItemDifference, x, y, width float64) {
	words, detail := p.verdictWords(item)
	voice := p.soft(verdictSize)
	if item.Verdict == findings.Different || item.Verdict == findings.Small {
		voice = p.body(verdictSize)
		fill, stroke := "none", p.colors.axis
		if item.Verdict == findings.Different {
			_, fill = p.side(item.Difference)
			stroke = ""
		}
		pill := p.room(words, voice) + 2*pillPad
		if pill <= width {
			p.rectangle(x-pill, y-pillHeight/2, pill, pillHeight, pillHeight/2, fill, stroke, 1)
			p.line(words, x-pill/2, y, center, voice)
			return
		}
	}
	lines := p.face.wrap(words, voice.size, voice.weight, width, 2)
	if detail == "" {
		p.text(lines, x, y, right, voice)
		return
	}
	p.text(lines, x, y-8, right, voice)
	p.line(detail, x, y+10+8*float64(len(lines)-1), right, p.soft(detailSize))
}

// heads says over the plot what its two halves mean, and whose differences they are.
func (p difference) heads(x, width float64) float64 {
	f := p.frame
	outside, inside := "outside_side", "inside_side"
	if p.words.rated {
		outside, inside = "outside_side_rated", "inside_side_rated"
	}
	name := p.bold(figureSize)
	middle := x + width/2
	half := width/2 - 12
	l := p.face.wrap("← "+p.words.say(outside), name.size, name.weight, half, 2)
	r := p.face.wrap(p.words.say(inside)+" →", name.size, name.weight, half, 2)
	height := name.leading() * float64(max(len(l), len(r)))
	p.text(l, middle-10, f.top+height/2, right, name)
	p.text(r, middle+10, f.top+height/2, left, name)
	return f.top + height + 10
}

// forestPayload is what src/forest.js needs beside the data.
type forestPayload struct {
	Size   float64 `json:"size"`
	Cap    float64 `json:"cap"`
	Ground string  `json:"ground"`
}

// plot adds the scale, the margin band and the line at zero, in one strip or in one a row, and the marks; it
// returns the bottom. The scale's figures stand under y.
func (p difference) plot(rows []float64, x, width float64, strips [][2]float64, y float64) float64 {
	limit, step := p.scale(width)
	at := func(v float64) float64 { return x + width*(v+limit)/(2*limit) }
	steps := int(limit/step + 1e-9)

	for _, strip := range strips {
		top, bottom := strip[0], strip[1]
		if p.finding.Margin > 0 {
			low, high := at(max(-p.finding.Margin, -limit)), at(min(p.finding.Margin, limit))
			p.rectangle(low, top, high-low, bottom-top, 0, p.colors.band, "", -5)
		}
		for n := -steps; n <= steps; n++ {
			color := p.colors.grid
			if n == 0 {
				color = p.colors.axis
			}
			p.rule(at(float64(n)*step), top, at(float64(n)*step), bottom, color)
		}
	}
	for n := -steps; n <= steps; n++ {
		p.line(p.words.language.Points(float64(n)*step, 0), at(float64(n)*step), y+12, center, p.soft(setSize))
	}
	bottom := y
	pl := plot{
		x: x, y: 0, width: width, height: bottom, domain: [2]float64{-limit, limit}, rows: [2]float64{0, bottom},
		name: p.words.say("difference"), color: p.colors.neutral, renderer: "cxmirror.forest",
		dimensions: p.dimensions("y", "difference", "low", "high", "shape", p.words.say("difference"), p.words.say("interval"), p.words.say("verdict")),
		tooltip:    []int{5, 6, 7},
		payload:    forestPayload{markSize, 4, p.colors.ground},
	}
	for i, item := range p.items {
		if item.Withheld() {
			continue
		}
		shape, color := "disc", p.colors.neutral
		switch item.Verdict {
		case findings.Different:
			shape = "diamond"
			color, _ = p.side(item.Difference)
		case findings.Small:
			shape = "diamond"
		case findings.Unknown:
			shape = "ring"
		case findings.Same:
		}
		pl.data = append(pl.data, datum{
			name: handle(p.words.option(item.External, item.Code)), color: color,
			values: []any{round(rows[i]), item.Difference, item.Low, item.High, shape, p.words.points(item.Difference), p.words.span(item.Low, item.High), p.verdictInWords(item)},
		})
	}
	p.plots = append(p.plots, pl)
	return bottom + axisHeight
}

// scale returns the end of the scale, the same on both sides of zero, and the step of its figures: round
// percentage points, as many as the width bears.
func (p difference) scale(width float64) (limit, step float64) {
	farthest := max(p.finding.Margin*1.3, 0.05)
	for _, item := range p.items {
		for _, v := range []float64{item.Difference, item.Low, item.High} {
			if finite(v) {
				farthest = max(farthest, math.Abs(v))
			}
		}
	}
	limit = min(math.Ceil(farthest*1.02*20)/20, 1)
	const leastApart = 44.0 // CSS pixels between figures
	for _, step = range []float64{0.01, 0.02, 0.05, 0.1, 0.2, 0.25, 0.5} {
		if width*step/(2*limit) >= leastApart {
			return limit, step
		}
	}
	return limit, limit
}
