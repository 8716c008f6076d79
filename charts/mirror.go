package charts

import (
	"cxmirror/pkg/findings"
)

// Mirror draws the picture that cxmirror is known by: one row an option, in the order of the external
// ranking; external shares grow to the left, internal ones to the right, from the words between them;
// intervals as thin lines; the place on each side, and under it the places it may truly hold; at the end what
// the data show. Up to 480 pixels, or where the columns would leave the bars no room, the words stand above
// each pair of bars.
//
// It returns ErrNothingToDraw for a finding without options, and ErrNoAssets if the program was built
// without fonts.
func Mirror(d *findings.Divergence, look Look) (Chart, error) {
	s, f, err := newSheet(d, look)
	if err != nil {
		return Chart{}, err
	}
	m := mirror{sheet: s, finding: d, frame: f}
	var bottom float64
	columns, fit := m.columns()
	if fit {
		bottom = m.wide(columns)
	} else {
		bottom = m.narrow()
	}
	level := s.words.language.Percent(d.Level, 0)
	return s.finish("mirror", bottom, f, s.words.describe(s.words.say("verdict"), d, s.look),
		s.words.say("note_intervals", "Level", level)+" "+s.words.say("note_places", "Level", level),
		s.words.say("note_same", "Margin", s.words.plusMinus(d.Margin)))
}

// mirror is the picture being laid out.
type mirror struct {
	*sheet

	finding *findings.Divergence
	frame   frame
}

// Measures of the mirror, in CSS pixels.
const (
	labelSize   = 14.0
	figureSize  = 12.0
	placeSize   = 16.0
	setSize     = 11.0
	thickness   = 16.0 // of bars
	figureGap   = 7.0  // between interval and figures
	columnGap   = 14.0
	leastBar    = 84.0 // below this the columns are given up
	mostLines   = 3    // of a label beside bars
	placeApart  = 11.0 // of place and places it may hold from the middle of the row
	rowPad      = 12.0
	leastRow    = 44.0
	swatch      = 9.0
	narrowLabel = 15.0
)

// mirrorColumns are the columns of the wide form.
type mirrorColumns struct {
	place, bars, words, verdict float64 // widths
	stacked                     bool    // verdicts take two lines
}

// columns shares out the width. It reports whether the bars keep enough room.
func (m mirror) columns() (mirrorColumns, bool) {
	width := m.frame.width()
	c := mirrorColumns{place: m.placeWidth()}
	one, two := m.verdictWidth(m.finding)
	head := m.room(m.words.say("verdict"), m.bold(figureSize))
	c.verdict = max(one, head)
	if c.verdict > 0.19*width {
		c.stacked, c.verdict = true, max(two, min(head, 0.19*width))
	}
	c.words = max(min(max(0.21*width, 150), 300), min(m.longestWord(m.finding, labelSize), 0.3*width))
	for c.words < 0.3*width && m.linesOfLabels(c.words) > mostLines-1 {
		c.words += 10
	}
	c.bars = (width - 2*c.place - c.words - c.verdict - 5*columnGap) / 2
	return c, m.look.Width > widestPhone && c.bars >= leastBar
}

// placeWidth is how wide the widest place, set of places or head of their column is.
func (m mirror) placeWidth() float64 {
	width := m.room(m.words.say("place"), m.bold(figureSize))
	for _, item := range m.finding.Items {
		for _, e := range []findings.Entry{item.External, item.Internal} {
			width = max(width, m.room(m.words.place(e), m.bold(placeSize)), m.room(m.words.places(e), m.soft(setSize)))
		}
	}
	return width
}

// linesOfLabels is how many lines the longest label takes at a width.
func (m mirror) linesOfLabels(width float64) int {
	most := 0
	for _, item := range m.finding.Items {
		voice := m.voice(item.Verdict, labelSize)
		most = max(most, len(m.face.wrap(m.words.option(item.External, item.Code), voice.size, voice.weight, width, mostLines+1)))
	}
	return most
}

// wide lays the columns out: place, bars, words, bars, place, verdict. It returns the bottom.
func (m mirror) wide(c mirrorColumns) float64 {
	f := m.frame
	externalPlace := f.left + c.place/2
	externalZero := f.left + c.place + columnGap + c.bars
	words := externalZero + columnGap + c.words/2
	internalZero := words + c.words/2 + columnGap
	internalPlace := internalZero + c.bars + columnGap + c.place/2
	top := m.wideHead(c, externalPlace, externalZero, internalZero, internalPlace)

	rows := make([]float64, len(m.finding.Items))
	y := top
	for i, item := range m.finding.Items {
		voice := m.voice(item.Verdict, labelSize)
		lines := m.face.wrap(m.words.option(item.External, item.Code), voice.size, voice.weight, c.words, mostLines)
		height := max(leastRow, voice.leading()*float64(len(lines))+rowPad)
		if i > 0 {
			m.rule(f.left, y, f.right, y, m.colors.rule)
		}
		rows[i] = y + height/2
		m.text(lines, words, rows[i], center, voice)
		m.placed(item.External, externalPlace, rows[i])
		m.placed(item.Internal, internalPlace, rows[i])
		m.verdict(item, f.right, rows[i], c.stacked)
		y += height
	}
	m.sides(rows, externalZero, internalZero, c.bars, top, y)
	return y
}

// wideHead places the heads of the columns and returns where the rows begin.
func (m mirror) wideHead(c mirrorColumns, externalPlace, externalZero, internalZero, internalPlace float64) float64 {
	name := m.bold(figureSize)
	names, bottom := m.sideHeads(m.frame.top, name,
		sideHead{m.look.ExternalName, m.finding.External.Base, m.colors.external, externalZero, right, c.bars},
		sideHead{m.look.InternalName, m.finding.Internal.Base, m.colors.internal, internalZero, left, c.bars})
	m.line(m.words.say("place"), externalPlace, names-name.leading()/2, center, m.soft(figureSize))
	m.line(m.words.say("place"), internalPlace, names-name.leading()/2, center, m.soft(figureSize))
	verdict := m.face.wrap(m.words.say("verdict"), name.size, name.weight, c.verdict, 2)
	height := name.leading() * float64(len(verdict))
	m.text(verdict, m.frame.right, max(names-name.leading(), m.frame.top)+height/2, right, name)
	return max(bottom, m.frame.top+height) + 7
}

// placed places an option's place on one side, and under it the places it may truly hold.
func (m mirror) placed(e findings.Entry, x, y float64) {
	if e.RankLow <= 0 {
		m.line(m.words.place(e), x, y, center, m.bold(placeSize))
		return
	}
	m.line(m.words.place(e), x, y-placeApart+2, center, m.bold(placeSize))
	m.line(m.words.places(e), x, y+placeApart, center, m.soft(setSize))
}

// narrow lays out the phone form: the words of an option over its pair of bars, and the verdict beneath. It
// returns the bottom.
func (m mirror) narrow() float64 {
	f := m.frame
	place := m.placeWidth()
	middle := (f.left + f.right) / 2
	bars := f.width()/2 - place - 8
	top := m.narrowHead(middle, place)

	rows := make([]float64, len(m.finding.Items))
	y := top
	for i, item := range m.finding.Items {
		m.rule(f.left, y, f.right, y, m.colors.rule)
		y += 10
		voice := m.voice(item.Verdict, narrowLabel)
		lines := m.face.wrap(m.words.option(item.External, item.Code), voice.size, voice.weight, f.width(), 4)
		height := voice.leading() * float64(len(lines))
		m.text(lines, middle, y+height/2, center, voice)
		y += height
		rows[i] = y + 24
		m.placed(item.External, f.left+place/2, rows[i])
		m.placed(item.Internal, f.right-place/2, rows[i])
		y = m.narrowVerdict(item, rows[i]+20)
	}
	m.sides(rows, middle-0.5, middle+0.5, bars, 0, 0)
	return y
}

// narrowHead names the sides, each over its bars, and returns where the rows begin.
func (m mirror) narrowHead(middle, place float64) float64 {
	f, room := m.frame, m.frame.width()/2-8
	_, bottom := m.sideHeads(f.top, m.bold(13),
		sideHead{m.look.ExternalName, m.finding.External.Base, m.colors.external, middle - 8, right, room},
		sideHead{m.look.InternalName, m.finding.Internal.Base, m.colors.internal, middle + 8, left, room})
	m.line(m.words.say("place"), f.left+place/2, bottom+9, center, m.soft(setSize))
	m.line(m.words.say("place"), f.right-place/2, bottom+9, center, m.soft(setSize))
	return bottom + 20
}

// narrowVerdict places a verdict in the middle under the bars and returns the bottom of the row.
func (m mirror) narrowVerdict(item findings.ItemDifference, y float64) float64 {
	words, detail := m.words.verdict(item)
	middle := (m.frame.left + m.frame.right) / 2
	switch item.Verdict {
	case findings.Different, findings.Small:
		width := m.room(words, m.body(verdictSize)) + m.room(detail, m.bold(verdictSize)) + pillGap + 2*pillPad
		m.verdict(item, middle+width/2, y+pillHeight/2, false)
		return y + pillHeight + 12
	case findings.Same, findings.Unknown:
	}
	if detail != "" {
		words += " · " + detail
	}
	lines := m.face.wrap(words, verdictSize, regular, m.frame.width(), 2)
	height := m.soft(verdictSize).leading() * float64(len(lines))
	m.text(lines, middle, y+height/2, center, m.soft(verdictSize))
	return y + height + 12
}

// barPayload is what src/bar.js needs beside the data.
type barPayload struct {
	Side      int     `json:"side"` // -1 grows to the left, 1 to the right
	Thickness float64 `json:"thickness"`
	Radius    float64 `json:"radius"`
	Cap       float64 `json:"cap"`     // half the height of an interval's ends
	Whisker   string  `json:"whisker"` // the colour of intervals
}

// mirrorSide is one side of the mirror.
type mirrorSide struct {
	sign         int     // -1 grows to the left, 1 to the right
	zero         float64 // where the bars begin
	name         string
	strong, pale string // the colours of bars
	entry        func(findings.ItemDifference) findings.Entry
}

// sides adds the bars of both sides, on one scale: rows are the middles of the rows, zeros where the bars
// begin, width what bars, intervals and figures share. The lines that bars grow from run from top to bottom,
// or, where bottom is 0, beside each pair of bars.
func (m mirror) sides(rows []float64, externalZero, internalZero, width, top, bottom float64) {
	external := mirrorSide{
		-1, externalZero, m.look.ExternalName, m.colors.external, m.colors.externalPale,
		func(i findings.ItemDifference) findings.Entry { return i.External },
	}
	internal := mirrorSide{
		+1, internalZero, m.look.InternalName, m.colors.internal, m.colors.internalPale,
		func(i findings.ItemDifference) findings.Entry { return i.Internal },
	}
	figures, longest := 0.0, 0.05
	for _, item := range m.finding.Items {
		for _, e := range []findings.Entry{item.External, item.Internal} {
			if e.Withheld {
				continue // its words stand where the bar would begin
			}
			figures = max(figures, m.room(m.words.percent(e.Share), m.bold(figureSize)))
			longest = max(longest, reach(e))
		}
	}
	for _, side := range []mirrorSide{external, internal} {
		m.side(side, rows, width-figures-figureGap, longest)
	}
	if bottom > 0 {
		m.rule(externalZero, top+6, externalZero, bottom-6, m.colors.axis)
		m.rule(internalZero, top+6, internalZero, bottom-6, m.colors.axis)
		return
	}
	for _, y := range rows {
		m.rule((externalZero+internalZero)/2, y-thickness/2-3, (externalZero+internalZero)/2, y+thickness/2+3, m.colors.axis)
	}
}

// side adds the bars of one side, width pixels for the longest share, and the figures beyond them.
func (m mirror) side(side mirrorSide, rows []float64, width, longest float64) {
	bottom := rows[len(rows)-1] + leastRow/2
	p := plot{
		x: side.zero, width: width, height: bottom,
		domain: [2]float64{0, longest}, inverse: side.sign < 0, rows: [2]float64{0, bottom},
		name: handle(side.name), color: side.strong, renderer: "cxmirror.bar",
		dimensions: m.dimensions("y", "share", "low", "high", m.words.say("share"), m.words.say("interval"), m.words.say("place"), m.words.say("verdict")),
		tooltip:    []int{4, 5, 6, 7},
		payload:    barPayload{Side: side.sign, Thickness: thickness, Radius: 3, Cap: 4, Whisker: m.colors.whisker},
	}
	if side.sign < 0 {
		p.x -= width
	}
	for i, item := range m.finding.Items {
		e, color := side.entry(item), side.pale
		if e.Withheld {
			m.gap(side, rows[i])
			continue
		}
		if item.Verdict == findings.Different {
			color = side.strong
		}
		p.data = append(p.data, datum{
			name: handle(m.words.option(e, item.Code)), color: color,
			values: []any{round(rows[i]), e.Share, e.Low, e.High, m.words.percent(e.Share), m.words.interval(e.Low, e.High), m.placeInWords(e), m.verdictInWords(item)},
		})
		end, a := side.zero+float64(side.sign)*(width*reach(e)/longest+figureGap), left
		if side.sign < 0 {
			a = right
		}
		m.line(m.words.percent(e.Share), end, rows[i], a, m.bold(figureSize))
	}
	m.plots = append(m.plots, p)
}

// gap marks the place of a bar that is not shown: a few short strokes, so that it is not taken for a share of 0, and the
// word.
func (m mirror) gap(side mirrorSide, y float64) {
	const strokes, apart, half = 3, 5.0, 4.0
	x, a := side.zero, left
	for range strokes {
		x += float64(side.sign) * apart
		m.rule(x, y-half, x, y+half, m.colors.axis)
	}
	if side.sign < 0 {
		a = right
	}
	m.line(m.words.say("withheld"), x+float64(side.sign)*figureGap, y, a, m.soft(setSize))
}

// reach is how far bar and interval of an option go, as a share.
func reach(e findings.Entry) float64 {
	far := 0.0
	for _, x := range []float64{e.Share, e.High} {
		if finite(x) {
			far = max(far, x)
		}
	}
	return far
}
