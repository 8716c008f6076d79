package charts

import (
	"errors"
	"fmt"

	"cxmirror/pkg/findings"
	"cxmirror/pkg/survey"
)

// ErrNothingToDraw says that a finding has no options to show.
var ErrNothingToDraw = errors.New("charts: the finding has no options: nothing to draw")

// widestPhone is the widest picture, in CSS pixels, that always takes the phone form.
const widestPhone = 480

// normal fills in what a look leaves open.
func (l Look) normal(w wording) (Look, error) {
	if l.Width == 0 {
		l.Width = 960
	}
	const widest = 4000
	if l.Width < MinWidth || l.Width > widest {
		return l, fmt.Errorf("charts: a width of %d pixels cannot be drawn: give one from %d to %d", l.Width, MinWidth, widest)
	}
	switch l.Theme {
	case "":
		l.Theme = Light
	case Light, Dark:
	default:
		return l, fmt.Errorf("charts: unknown theme %q: give %q or %q", l.Theme, Light, Dark)
	}
	switch l.Order {
	case ByDifference, AsRanked:
	default:
		return l, fmt.Errorf("charts: unknown order %q: give %q or %q", l.Order, ByDifference, AsRanked)
	}
	l.Language = w.language
	l.Title, l.Subtitle = plain(l.Title), plain(l.Subtitle)
	if l.ExternalName = plain(l.ExternalName); l.ExternalName == "" {
		l.ExternalName = w.say("external")
	}
	if l.InternalName = plain(l.InternalName); l.InternalName == "" {
		l.InternalName = w.say("internal")
	}
	return l, nil
}

// frame is the part of a sheet that a picture fills: x from left to right, y downwards from top.
type frame struct {
	left, right, top float64
}

func (f frame) width() float64 { return f.right - f.left }

// newSheet begins a picture of a divergence: title and base where it stands alone, and the mark of simulated
// answers.
func newSheet(d *findings.Divergence, look Look) (*sheet, frame, error) {
	if d == nil || len(d.Items) == 0 {
		return nil, frame{}, ErrNothingToDraw
	}
	return blankSheet(look, d.Rule, d.Text, d.Simulated)
}

// blankSheet begins a picture of anything: title and base where it stands alone, and the mark of simulated answers.
// Without a title in the look it is called by the question.
func blankSheet(look Look, rule findings.Rule, question survey.Words, simulated bool) (*sheet, frame, error) {
	if look.Language == "" {
		look.Language = survey.English
	}
	words, err := newWording(look.Language, rule)
	if err != nil {
		return nil, frame{}, err
	}
	look, err = look.normal(words)
	if err != nil {
		return nil, frame{}, err
	}
	face, err := newTypeface()
	if err != nil {
		return nil, frame{}, err
	}
	s := &sheet{look: look, words: words, face: face, colors: look.Theme.palette()}
	return s, s.head(question, simulated), nil
}

// head places what stands above the picture itself.
func (s *sheet) head(question survey.Words, simulated bool) frame {
	f := frame{left: 1, right: float64(s.look.Width) - 1, top: 2}
	if s.look.Titled {
		pad := 24.0
		if s.look.Width <= widestPhone {
			pad = 14
		}
		f = frame{left: pad, right: float64(s.look.Width) - pad, top: pad}
	}
	if simulated {
		s.simulated(&f)
	}
	if !s.look.Titled {
		return f
	}
	title := s.look.Title
	if title == "" {
		title = plain(question.In(s.look.Language))
	}
	voice := s.bold(20)
	f.top += s.block(s.face.wrap(title, voice.size, voice.weight, f.width(), 4), f, voice)
	if s.look.Subtitle != "" {
		f.top += 4 + s.paragraph(s.look.Subtitle, frame{f.left, f.right, f.top + 4}, s.soft(13), 4)
	}
	f.top += 18
	return f
}

// sideHead is the head of one side: its name with its colour beside it, and its base beneath.
type sideHead struct {
	name  string
	base  findings.Base
	color string
	x     float64 // the outer edge of the colour
	align align   // right if the words run to the left of x
	room  float64 // for colour and words together
}

// sideHeads places the heads of the sides from top downwards, with the last lines of their names on one
// height. It returns where the names end and where everything ends.
func (s *sheet) sideHeads(top float64, name ink, heads ...sideHead) (names, bottom float64) {
	const beside = swatch + 6
	soft := s.soft(setSize)
	names = top
	for _, h := range heads {
		lines := s.face.wrap(h.name, name.size, name.weight, h.room-beside, 2)
		names = max(names, top+name.leading()*float64(len(lines)))
	}
	bottom = names
	for _, h := range heads {
		lines := s.face.wrap(h.name, name.size, name.weight, h.room-beside, 2)
		from := names - name.leading()*float64(len(lines))
		dot, text := h.x, h.x+beside
		if h.align == right {
			dot, text = h.x-swatch, h.x-beside
		}
		s.rectangle(dot, from+name.leading()/2-swatch/2, swatch, swatch, 2, h.color, "", 1)
		s.text(lines, text, (from+names)/2, h.align, name)
		base := s.face.wrap(s.words.base(h.base), soft.size, soft.weight, h.room-beside, 3)
		height := soft.leading() * float64(len(base))
		s.text(base, text, names+1+height/2, h.align, soft)
		bottom = max(bottom, names+1+height)
	}
	return names, bottom
}

// simulated marks a picture of simulated answers, at its top right corner.
func (s *sheet) simulated(f *frame) {
	words := s.words.say("simulated")
	i := s.soft(11.5)
	width := s.face.width(words, i.size, i.weight)*slack + 20
	s.rectangle(f.right-width, f.top, width, 22, 11, "none", s.colors.axis, 1)
	s.line(words, f.right-width/2, f.top+11, center, i)
	f.top += 30
}

// block places lines flush left from the top of a frame, and returns their height.
func (s *sheet) block(lines []string, f frame, i ink) float64 {
	height := i.leading() * float64(len(lines))
	s.text(lines, f.left, f.top+height/2, left, i)
	return height
}

// paragraph places a text that wraps like block.
func (s *sheet) paragraph(words string, f frame, i ink, most int) float64 {
	lines, _ := s.face.set(words, i.size, i.weight, f.width(), most)
	return s.block(lines, f, i)
}

// finish closes the picture at a height, with notes beneath where it stands alone, and makes the chart.
func (s *sheet) finish(name string, bottom float64, f frame, description string, notes ...string) (Chart, error) {
	if s.look.Titled {
		bottom += 10
		for _, note := range notes {
			bottom += s.paragraph(note, frame{f.left, f.right, bottom}, s.soft(11.5), 4)
		}
		bottom += f.left
	}
	s.height = float64(int(bottom + 1))
	if s.look.Titled {
		s.rectangle(0, 0, float64(s.look.Width), s.height, 0, s.colors.ground, "", -10)
	}
	option, err := s.option(description)
	if err != nil {
		return Chart{}, err
	}
	return Chart{
		Name: name, Language: s.look.Language, Width: s.look.Width, Height: int(s.height),
		Option: option, Description: description,
	}, nil
}

// The kinds of text.

func (s *sheet) bold(size float64) ink { return ink{size, semibold, s.colors.ink} }
func (s *sheet) body(size float64) ink { return ink{size, regular, s.colors.ink} }
func (s *sheet) soft(size float64) ink { return ink{size, regular, s.colors.quiet} }

// voice is how the words of an option sound: loud where the sides differ, quiet otherwise.
func (s *sheet) voice(v findings.Verdict, size float64) ink {
	switch v {
	case findings.Different:
		return s.bold(size)
	case findings.Small:
		return s.body(size)
	case findings.Same, findings.Unknown:
	}
	return s.soft(size)
}

// room is how wide a text is, with slack for other fonts.
func (s *sheet) room(text string, i ink) float64 {
	return s.face.width(text, i.size, i.weight) * slack
}

// longestWord is how wide the longest word of the options is, as loud as it is said.
func (s *sheet) longestWord(d *findings.Divergence, size float64) float64 {
	width := 0.0
	for _, item := range d.Items {
		voice := s.voice(item.Verdict, size)
		for _, e := range []findings.Entry{item.External, item.Internal} {
			width = max(width, s.face.longest(s.words.option(e, item.Code), voice.size, voice.weight))
		}
	}
	return width + 1
}

// side is the colours of the side on which an option stands higher, for a verdict that is loud.
func (s *sheet) side(difference float64) (strong, tint string) {
	if difference > 0 {
		return s.colors.internal, s.colors.internalTint
	}
	return s.colors.external, s.colors.externalTint
}

// verdictWidth is how wide the verdicts are when each takes one line (a pill: words and figure) or two.
func (s *sheet) verdictWidth(d *findings.Divergence) (one, two float64) {
	for _, item := range d.Items {
		words, detail := s.words.verdict(item)
		w, n := s.room(words, s.body(verdictSize)), s.room(detail, s.bold(verdictSize))
		switch item.Verdict {
		case findings.Different, findings.Small:
			one = max(one, w+n+pillGap+2*pillPad)
			two = max(two, w+2*pillPad, n+2*pillPad)
		case findings.Same, findings.Unknown:
			n = s.room(detail, s.soft(detailSize))
			one, two = max(one, w, n), max(two, w, n)
		}
	}
	return one, two
}

// Measures of verdicts, in CSS pixels.
const (
	verdictSize = 12.5
	detailSize  = 11.0
	pillPad     = 10.0
	pillGap     = 4.0
	pillHeight  = 25.0
)

// verdict places what the data show about an option, flush right at x, centred on y, and returns nothing
// taller than 2 lines. A difference stands in a pill: words to the left, the figure to the right; stacked
// puts the figure under the words.
func (s *sheet) verdict(item findings.ItemDifference, x, y float64, stacked bool) {
	words, detail := s.words.verdict(item)
	switch item.Verdict {
	case findings.Different, findings.Small:
		fill, stroke, voice := "none", s.colors.axis, s.body(verdictSize)
		if item.Verdict == findings.Different {
			_, fill = s.side(item.Difference)
			stroke = ""
		}
		w, n := s.room(words, voice), s.room(detail, s.bold(verdictSize))
		if stacked {
			width := max(w, n) + 2*pillPad
			s.rectangle(x-width, y-pillHeight*0.75, width, pillHeight*1.5, 10, fill, stroke, 1)
			s.line(words, x-width/2, y-8, center, voice)
			s.line(detail, x-width/2, y+9, center, s.bold(verdictSize))
			return
		}
		width := w + n + pillGap + 2*pillPad
		s.rectangle(x-width, y-pillHeight/2, width, pillHeight, pillHeight/2, fill, stroke, 1)
		s.line(words, x-width+pillPad, y, left, voice)
		s.line(detail, x-pillPad, y, right, s.bold(verdictSize))
	case findings.Same, findings.Unknown:
		if detail == "" {
			s.line(words, x, y, right, s.soft(verdictSize))
			return
		}
		s.line(words, x, y-8, right, s.soft(verdictSize))
		s.line(detail, x, y+9, right, s.soft(detailSize))
	}
}
