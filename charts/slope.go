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
		s.words.say("note_brackets", "Level", s.words.language.Percent(d.Level, 0)))
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
	label                 float64 // width of a column of labels; the right one is 0 in the phone form
	rightLabel            float64
	leftPlace, rightPlace float64 // middles of the places
	x1, x2                float64 // the axes
	size                  float64 // of labels
	lines                 int     // most lines of a label
}

// Measures of the slope chart, in CSS pixels.
const (
	placeGap    = 10.0 // between place and axis
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
		outside[i] = p.face.wrap(p.labelled(item.External, item), v.size, v.weight, c.label, c.lines)
		if c.rightLabel > 0 {
			inside[i] = p.face.wrap(p.labelled(item.Internal, item), v.size, v.weight, c.rightLabel, c.lines)
		}
		height = max(height, voice.leading()*float64(max(len(outside[i]), len(inside[i])))+10)
	}
	middle := func(row int) float64 { return top + height*(float64(row)+0.5) }
	for i, item := range p.finding.Items {
		v := p.voice(item.Verdict, c.size)
		p.text(outside[i], c.leftPlace-p.placeWidth()/2-placeGap, middle(i), right, v)
		p.text(inside[i], c.rightPlace+p.placeWidth()/2+placeGap, middle(p.inside[i]), left, v)
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
		c.size, c.lines = 13, 4
		c.label = 0.46*f.width() - place/2
		c.leftPlace = f.left + c.label + placeGap + place/2
		c.rightPlace = f.right - place/2
	} else {
		way := min(max(0.26*f.width(), 130), 320)
		c.label = (f.width()-way)/2 - place - 2*placeGap
		c.rightLabel = c.label
		c.leftPlace = f.left + c.label + placeGap + place/2
		c.rightPlace = f.right - c.label - placeGap - place/2
	}
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

// labelled is the words of an option with its share.
func (p slope) labelled(e findings.Entry, item findings.ItemDifference) string {
	return p.words.option(e, item.Code) + " · " + p.words.percent(e.Share)
}

// heads names the two sides over their labels, and the places over theirs; it returns where the rows begin.
func (p slope) heads(c slopeColumns) float64 {
	name, soft := p.bold(figureSize), p.soft(setSize)
	leftEdge := c.leftPlace - p.placeWidth()/2 - placeGap
	rightEdge, room, a := c.rightPlace+p.placeWidth()/2+placeGap, c.rightLabel, left
	if c.rightLabel == 0 { // the phone form has no labels on the right: the name runs inwards
		rightEdge, room, a = p.frame.right, p.frame.right-leftEdge-30, right
	}
	external := p.face.wrap(p.look.ExternalName, name.size, name.weight, leftEdge-p.frame.left-swatch-6, 2)
	internal := p.face.wrap(p.look.InternalName, name.size, name.weight, room-swatch-6, 2)
	bottom := p.frame.top + name.leading()*float64(max(len(external), len(internal)))
	p.sideHead(external, leftEdge, bottom, right, p.colors.external, p.finding.External.Base, name)
	p.sideHead(internal, rightEdge, bottom, a, p.colors.internal, p.finding.Internal.Base, name)
	places := bottom + 8
	if c.rightLabel == 0 {
		places += 16
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
	Widths    map[string]float64   `json:"widths"`
	Sizes     map[string]float64   `json:"sizes"`
	Dashes    map[string][]float64 `json:"dashes"`
	Ground    string               `json:"ground"`
	BandWidth float64              `json:"bandWidth"`
}

// lines adds the plot: the quiet options first, so that the loud ones lie over them.
func (p slope) lines(c slopeColumns, middle func(int) float64, bottom float64) {
	pl := plot{
		x: c.x1, y: 0, width: c.x2 - c.x1, height: bottom, domain: [2]float64{0, 1}, rows: [2]float64{0, bottom},
		name: p.words.say("verdict"), renderer: "cxmirror.slope",
		payload: slopePayload{
			Widths: map[string]float64{"different": 3, "small": 2, "same": 1.5, "unknown": 1.5},
			Sizes:  map[string]float64{"different": 5, "small": 4, "same": 3.5, "unknown": 3.5},
			Dashes: map[string][]float64{"unknown": {4, 5}},
			Ground: p.colors.ground, BandWidth: 1.5,
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
			if (item.Verdict == findings.Different) != loud {
				continue
			}
			outside, inside := item.External, item.Internal
			laneOutside, laneInside := -1.0, -1.0
			if loud && outside.RankLow > 0 && inside.RankLow > 0 {
				laneOutside = lanesOutside.take(outside.RankLow, outside.RankHigh)
				laneInside = lanesInside.take(inside.RankLow, inside.RankHigh)
			}
			pl.data = append(pl.data, datum{
				name: tooltipName(p.words.option(outside, item.Code)), color: p.lineColor(item),
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
		for _, item := range p.finding.Items {
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
	return y + 12
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
