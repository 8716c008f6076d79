package charts

import (
	"cmp"
	"slices"

	"cxmirror/pkg/findings"
)

// Slope draws each option's way from its place outside to its place inside. Options that differ are drawn in
// the colour of the side on which they stand higher, with brackets over the places they may truly hold; what
// is practically the same is a thin line, what cannot be told a dashed one. Options that share a place stand
// under one another, each with the place they share and an equals sign.
//
// Errors are those of [Mirror].
func Slope(d *findings.Divergence, look Look) (Chart, error) {
	s, f, err := newSheet(d, look)
	if err != nil {
		return Chart{}, err
	}
	p := slope{sheet: s, finding: d, frame: f, inside: make([]int, len(d.Items)), order: make([]int, len(d.Items))}
	for i := range p.order {
		p.order[i] = i
	}
	slices.SortStableFunc(p.order, func(a, b int) int {
		return cmp.Compare(placeOrLast(d.Items[a].Internal), placeOrLast(d.Items[b].Internal))
	})
	for row, i := range p.order {
		p.inside[i] = row
	}
	bottom := p.draw()
	return s.finish("slope", bottom, f, s.words.describe(s.words.say("place_outside")+" → "+s.words.say("place_inside"), d, s.look),
		s.words.say("note_places", "Level", s.words.language.Percent(d.Level, 0)), s.words.say("note_same", "Margin", s.words.plusMinus(d.Margin)))
}

// placeOrLast puts options without a place last.
func placeOrLast(e findings.Entry) int {
	if e.Rank <= 0 {
		return 1 << 30
	}
	return e.Rank
}

// slope is the picture being laid out. Options stand in rows, on the left in the order of the finding, on
// the right in the order of places inside.
type slope struct {
	*sheet

	finding *findings.Divergence
	frame   frame
	inside  []int // the row inside of every option
	order   []int // the option in every row inside
}

// slopeColumns are where things stand.
type slopeColumns struct {
	label, rightLabel     float64 // widths of the columns of words; the right one is 0 in the phone form
	share                 float64 // width of the columns of shares; 0 in the phone form
	leftEdge, rightEdge   float64 // where words and shares end on the left, and begin on the right
	leftPlace, rightPlace float64 // middles of the places
	x1, x2                float64 // the axes
	size                  float64 // of labels
	lines                 int     // most lines of a label
}

// Measures of the slope chart, in CSS pixels.
const (
	placeGap    = 10.0 // between place and axis
	shareGap    = 12.0 // between share and words
	laneFirst   = 13.0 // the first bracket from its axis
	laneWidth   = 9.0
	mostLanes   = 3
	slopeRowMin = 40.0
)

// draw lays the picture out and returns the bottom.
func (p slope) draw() float64 {
	c := p.columns()
	top := p.heads(c)
	voice := p.bold(c.size)
	height := slopeRowMin
	outside, inside := make([][]string, len(p.inside)), make([][]string, len(p.inside))
	for i, item := range p.finding.Items {
		v := p.voice(item.Verdict, c.size)
		outside[i] = p.face.wrap(p.words.option(item.External, item.Code), v.size, v.weight, c.label, c.lines)
		if c.rightLabel > 0 {
			inside[i] = p.face.wrap(p.words.option(item.Internal, item.Code), v.size, v.weight, c.rightLabel, c.lines)
		}
		height = max(height, voice.leading()*float64(max(len(outside[i]), len(inside[i])))+10)
	}
	middle := func(row int) float64 { return top + height*(float64(row)+0.5) }
	for i, item := range p.finding.Items {
		v := p.voice(item.Verdict, c.size)
		p.text(outside[i], c.leftEdge-c.share, middle(i), right, v)
		p.text(inside[i], c.rightEdge+c.share, middle(p.inside[i]), left, v)
		if c.share > 0 {
			figures := p.voice(item.Verdict, figureSize)
			p.line(p.share(item.External), c.leftEdge, middle(i), right, figures)
			p.line(p.share(item.Internal), c.rightEdge+c.share-shareGap, middle(p.inside[i]), right, figures)
		}
		p.placed(item, item.External, c.leftPlace, middle(i))
		p.placed(item, item.Internal, c.rightPlace, middle(p.inside[i]))
	}
	bottom := middle(len(p.inside)-1) + height/2
	p.rule(c.x1, top+height/4, c.x1, bottom-height/4, p.colors.rule)
	p.rule(c.x2, top+height/4, c.x2, bottom-height/4, p.colors.rule)
	p.lines(c, middle, bottom)
	return p.key(bottom + 14)
}

// columns shares out the width.
func (p slope) columns() slopeColumns {
	f, place := p.frame, p.placeWidth()
	c := slopeColumns{size: labelSize, lines: mostLines}
	if p.look.Width <= widestPhone {
		c.size, c.lines = 13, 6
		c.label = min(max(0.48*f.width()-place/2, p.longestWord(p.finding, c.size)), 0.6*f.width()-place)
		c.leftEdge, c.rightEdge = f.left+c.label, f.right+placeGap
	} else {
		for _, item := range p.finding.Items {
			figures := p.voice(item.Verdict, figureSize)
			c.share = max(c.share, p.room(p.share(item.External), figures), p.room(p.share(item.Internal), figures))
		}
		c.share += shareGap
		way := min(max(0.24*f.width(), 100), 320)
		c.label = (f.width()-way)/2 - place - 2*placeGap - c.share
		c.rightLabel = c.label
		c.leftEdge, c.rightEdge = f.left+c.label+c.share, f.right-c.label-c.share
	}
	c.leftPlace = c.leftEdge + placeGap + place/2
	c.rightPlace = c.rightEdge - placeGap - place/2
	c.x1 = c.leftPlace + place/2 + placeGap
	c.x2 = c.rightPlace - place/2 - placeGap
	return c
}

func (p slope) placeWidth() float64 {
	width := p.room(p.words.say("place"), p.soft(setSize))
	for _, item := range p.finding.Items {
		for _, e := range []findings.Entry{item.External, item.Internal} {
			width = max(width, p.room(p.words.place(e), p.bold(placeSize)), p.room(p.words.places(e), p.soft(setSize)))
		}
	}
	return width
}

// share is an option's share on one side, or the word for one that is not shown.
func (p slope) share(e findings.Entry) string {
	if e.Withheld {
		return p.words.say("withheld")
	}
	return p.words.percent(e.Share)
}

// heads names the two sides over their labels, and the places over theirs; it returns where the rows begin.
func (p slope) heads(c slopeColumns) float64 {
	soft := p.soft(setSize)
	internal := sideHead{p.look.InternalName, p.finding.Internal.Base, p.colors.internal, c.rightEdge, left, c.rightLabel + c.share}
	if c.rightLabel == 0 { // the phone form has no words on the right: the name runs inwards
		internal.x, internal.align, internal.room = p.frame.right, right, p.frame.right-c.leftEdge-16
	}
	_, bottom := p.sideHeads(p.frame.top, p.bold(figureSize),
		sideHead{p.look.ExternalName, p.finding.External.Base, p.colors.external, c.leftEdge, right, c.leftEdge - p.frame.left}, internal)
	places := bottom - soft.leading()/2
	if c.rightLabel == 0 {
		places = bottom + soft.leading()/2 + 2
	}
	p.line(p.words.say("place"), c.leftPlace, places, center, soft)
	p.line(p.words.say("place"), c.rightPlace, places, center, soft)
	return places + 14
}

// placed places an option's place beside its axis, and under it the places it may truly hold.
func (p slope) placed(item findings.ItemDifference, e findings.Entry, x, y float64) {
	number := p.voice(item.Verdict, placeSize)
	number.weight = semibold
	if e.RankLow <= 0 {
		p.line(p.words.place(e), x, y, center, number)
		return
	}
	p.line(p.words.place(e), x, y-placeApart+3, center, number)
	p.line(p.words.places(e), x, y+placeApart-1, center, p.soft(setSize))
}

// slopePayload is what src/slope.js needs beside the data.
type slopePayload struct {
	Widths       map[findings.Verdict]float64   `json:"widths"`
	Sizes        map[findings.Verdict]float64   `json:"sizes"`
	Dashes       map[findings.Verdict][]float64 `json:"dashes"`
	Ground       string                         `json:"ground"`
	BracketWidth float64                        `json:"bracketWidth"`
}

// lines adds the plot: the quiet options first, so that the loud ones lie over them.
func (p slope) lines(c slopeColumns, middle func(int) float64, bottom float64) {
	pl := plot{
		x: c.x1, y: 0, width: c.x2 - c.x1, height: bottom, domain: [2]float64{0, 1}, rows: [2]float64{0, bottom},
		name: p.words.say("place_outside") + " → " + p.words.say("place_inside"), color: p.colors.neutral, renderer: "cxmirror.slope",
		payload: slopePayload{
			Widths: map[findings.Verdict]float64{findings.Different: 3, findings.Small: 2, findings.Same: 1.5, findings.Unknown: 1.5},
			Sizes:  map[findings.Verdict]float64{findings.Different: 5, findings.Small: 4, findings.Same: 3.5, findings.Unknown: 3.5},
			Dashes: map[findings.Verdict][]float64{findings.Unknown: {4, 5}},
			Ground: p.colors.ground, BracketWidth: 1.25,
		},
		tooltip: []int{9, 10, 11},
	}
	pl.dimensions = p.dimensions("outside", "inside", "from", "to", "from inside", "to inside", "weight", "lane", "lane inside",
		p.words.say("place_outside"), p.words.say("place_inside"), p.words.say("verdict"))
	for i := range 9 {
		if i != 6 {
			pl.dimensions[i].Type = "float"
		}
	}
	var lanesOutside, lanesInside lanes
	row := func(place int) float64 { return middle(min(max(place, 1), len(p.inside)) - 1) }
	for _, loud := range []bool{false, true} {
		for i, item := range p.finding.Items {
			outside, inside := item.External, item.Internal
			if (item.Verdict == findings.Different) != loud || outside.Rank <= 0 || inside.Rank <= 0 {
				continue // without a place on one of the sides there is no way between them
			}
			laneOutside, laneInside := -1.0, -1.0
			if loud && outside.RankLow > 0 && inside.RankLow > 0 {
				laneOutside = lanesOutside.take(outside.RankLow, outside.RankHigh)
				laneInside = lanesInside.take(inside.RankLow, inside.RankHigh)
			}
			pl.data = append(pl.data, datum{
				name: handle(p.words.option(outside, item.Code)), color: p.lineColor(item),
				values: []any{
					round(middle(i)), round(middle(p.inside[i])),
					round(row(outside.RankLow)), round(row(outside.RankHigh)), round(row(inside.RankLow)), round(row(inside.RankHigh)),
					string(item.Verdict), laneOutside, laneInside,
					p.placeInWords(outside), p.placeInWords(inside), p.verdictInWords(item),
				},
			})
		}
	}
	p.plots = append(p.plots, pl)
}

// lineColor is the colour of an option's line: of the side on which it stands higher, if it differs.
func (s *sheet) lineColor(item findings.ItemDifference) string {
	switch item.Verdict {
	case findings.Different:
		strong, _ := s.side(item.Difference)
		return strong
	case findings.Small:
		return s.colors.neutral
	case findings.Same, findings.Unknown:
	}
	return s.colors.neutralPale
}

// lanes keeps brackets on one axis apart: each lane holds brackets that do not touch.
type lanes [][][2]int

// take returns how far from the axis a bracket over some places stands, or -1 if there is no room left.
func (l *lanes) take(low, high int) float64 {
	if low == high {
		return -1 // nothing to span: the place is certain
	}
	for i := range mostLanes {
		if i == len(*l) {
			*l = append(*l, nil)
		}
		if !slices.ContainsFunc((*l)[i], func(taken [2]int) bool { return taken[0] <= high && low <= taken[1] }) {
			(*l)[i] = append((*l)[i], [2]int{low, high})
			return laneFirst + laneWidth*float64(i)
		}
	}
	return -1
}

// key explains the kinds of line, from y downwards, and returns the bottom. Only kinds that occur are named.
func (p slope) key(y float64) float64 {
	f, voice := p.frame, p.soft(figureSize)
	const sample, gap, between = 26.0, 7.0, 22.0
	x := f.left
	y += 8
	seen := make(map[string]bool)
	for _, verdict := range []findings.Verdict{findings.Different, findings.Small, findings.Same, findings.Unknown} {
		for _, item := range p.finding.Shown() {
			words := p.words.say(string(verdict))
			if verdict == findings.Different {
				words = p.words.direction(item.Difference)
			}
			if item.Verdict != verdict || seen[words] {
				continue
			}
			seen[words] = true
			width := sample + gap + p.room(words, voice)
			if x > f.left && x+width > f.right {
				x, y = f.left, y+20
			}
			p.stroke(item, x, y, sample)
			p.line(words, x+sample+gap, y, left, voice)
			x += width + between
		}
	}
	if p.brackets() {
		words := p.words.say("brackets")
		if x > f.left && x+sample/2+gap+p.room(words, voice) > f.right {
			x, y = f.left, y+20
		}
		for _, end := range []float64{y - 6, y + 6} {
			p.rule(x, end, x+6, end, p.colors.quiet)
		}
		p.rule(x+3, y-6, x+3, y+6, p.colors.quiet)
		y += p.paragraph(words, frame{x + 6 + gap, f.right, y - voice.leading()/2}, voice, 3) - voice.leading()
	}
	return y + 12
}

// brackets reports whether any bracket was drawn.
func (p slope) brackets() bool {
	return slices.ContainsFunc(p.plots[0].data, func(d datum) bool { return d.values[7] != -1.0 || d.values[8] != -1.0 })
}

// stroke places a sample of an option's line.
func (p slope) stroke(item findings.ItemDifference, x, y, width float64) {
	color := p.lineColor(item)
	switch item.Verdict {
	case findings.Different:
		p.rectangle(x, y-1.5, width, 3, 1.5, color, "", 0)
	case findings.Small:
		p.rectangle(x, y-1, width, 2, 1, color, "", 0)
	case findings.Same:
		p.rectangle(x, y-0.75, width, 1.5, 0, color, "", 0)
	case findings.Unknown:
		p.rule(x, y, x+width, y, color, 4, 5)
	}
}
