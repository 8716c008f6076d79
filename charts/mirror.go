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
		s.words.say("note_intervals", "Level", level)+" "+s.words.say("note_places", "Level", level))
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
	heads                       int     // lines of the longer head
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
	c.words = min(max(0.21*width, 150), 300)
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
	external := m.face.wrap(m.look.ExternalName, name.size, name.weight, c.bars-swatch-6, 2)
	internal := m.face.wrap(m.look.InternalName, name.size, name.weight, c.bars-swatch-6, 2)
	verdict := m.face.wrap(m.words.say("verdict"), name.size, name.weight, c.verdict, 2)
	lines := float64(max(len(external), len(internal), len(verdict)))
	height := name.leading() * lines
	y := m.frame.top + height/2
	m.sideHead(external, externalZero, m.frame.top+height, right, m.colors.external, m.finding.External.Base, name)
	m.sideHead(internal, internalZero, m.frame.top+height, left, m.colors.internal, m.finding.Internal.Base, name)
	m.line(m.words.say("place"), externalPlace, m.frame.top+height-name.leading()/2, center, m.soft(figureSize))
	m.line(m.words.say("place"), internalPlace, m.frame.top+height-name.leading()/2, center, m.soft(figureSize))
	m.text(verdict, m.frame.right, y, right, name)
	return m.frame.top + height + 22
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
		rows[i] = y + 22
		m.placed(item.External, f.left+place/2, rows[i])
		m.placed(item.Internal, f.right-place/2, rows[i])
		y = m.narrowVerdict(item, rows[i]+20)
	}
	m.sides(rows, middle-0.5, middle+0.5, bars, 0, 0)
	return y
}

// narrowHead names the sides, each over its bars, and returns where the rows begin.
func (m mirror) narrowHead(middle, place float64) float64 {
	f, name := m.frame, m.bold(13)
	half := f.width()/2 - swatch - 16
	external := m.face.wrap(m.look.ExternalName, name.size, name.weight, half, 2)
	internal := m.face.wrap(m.look.InternalName, name.size, name.weight, half, 2)
	height := name.leading() * float64(max(len(external), len(internal)))
	m.sideHead(external, middle-8, f.top+height, right, m.colors.external, m.finding.External.Base, name)
	m.sideHead(internal, middle+8, f.top+height, left, m.colors.internal, m.finding.Internal.Base, name)
	m.line(m.words.say("place"), f.left+place/2, f.top+height+24, center, m.soft(setSize))
	m.line(m.words.say("place"), f.right-place/2, f.top+height+24, center, m.soft(setSize))
	return f.top + height + 36
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
	Side      int          `json:"side"`
	Thickness float64      `json:"thickness"`
	Radius    float64      `json:"radius"`
	Cap       float64      `json:"cap"`
	Gap       float64      `json:"gap"`
	Whisker   whiskerStyle `json:"whisker"`
	Label     textStyle    `json:"label"`
}

// whiskerStyle is how intervals are drawn.
type whiskerStyle struct {
	Ink  string `json:"ink,omitempty"`
	Halo string `json:"halo"`
}

// sides adds the two plots, mirrored about the words: rows are the middles of the rows, zeros where the bars
// begin, and width what bars, intervals and figures share.
func (m mirror) sides(rows []float64, externalZero, internalZero, width, top, bottom float64) {
	figures, longest := 0.0, 0.05
	for _, item := range m.finding.Items {
		for _, e := range []findings.Entry{item.External, item.Internal} {
			figures = max(figures, m.room(m.words.percent(e.Share), m.bold(figureSize)))
			for _, x := range []float64{e.Share, e.High} {
				if finite(x) {
					longest = max(longest, x)
				}
			}
		}
	}
	width -= figures + figureGap
	last := rows[len(rows)-1] + leastRow/2
	for _, side := range []struct {
		sign         int
		x            float64
		name         string
		strong, pale string
		entry        func(findings.ItemDifference) findings.Entry
	}{
		{-1, externalZero - width, m.look.ExternalName, m.colors.external, m.colors.externalPale, func(i findings.ItemDifference) findings.Entry { return i.External }},
		{+1, internalZero, m.look.InternalName, m.colors.internal, m.colors.internalPale, func(i findings.ItemDifference) findings.Entry { return i.Internal }},
	} {
		p := plot{
			x: side.x, y: 0, width: width, height: last,
			domain: [2]float64{0, longest}, inverse: side.sign < 0, rows: [2]float64{0, last},
			name: side.name, renderer: "cxmirror.bar",
			dimensions: m.dimensions("y", "share", "low", "high", m.words.say("share"), m.words.say("interval"), m.words.say("place"), m.words.say("verdict")),
			tooltip:    []int{4, 5, 6, 7},
			payload: barPayload{
				Side: side.sign, Thickness: thickness, Radius: 3, Cap: 4, Gap: figureGap,
				Whisker: whiskerStyle{m.colors.whisker, m.colors.ground}, Label: m.bold(figureSize).style(),
			},
		}
		for i, item := range m.finding.Items {
			e, color := side.entry(item), side.pale
			if item.Verdict == findings.Different {
				color = side.strong
			}
			p.data = append(p.data, datum{
				name: tooltipName(m.words.option(e, item.Code)), color: color,
				values: []any{round(rows[i]), e.Share, e.Low, e.High, m.words.percent(e.Share), m.words.interval(e.Low, e.High), m.placeInWords(e), m.verdictInWords(item)},
			})
		}
		m.plots = append(m.plots, p)
	}
	if bottom > top {
		m.rule(externalZero, top+6, externalZero, bottom-6, m.colors.axis)
		m.rule(internalZero, top+6, internalZero, bottom-6, m.colors.axis)
		return
	}
	for _, y := range rows {
		m.rule((externalZero+internalZero)/2, y-thickness/2-3, (externalZero+internalZero)/2, y+thickness/2+3, m.colors.axis)
	}
}
