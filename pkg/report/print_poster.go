package report

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// Paper is the size of a sheet, upright.
type Paper string

// The papers that posters are printed on.
const (
	A3 Paper = "A3"
	A4 Paper = "A4"
	A5 Paper = "A5"
)

// size returns width and height in millimetres (ISO 216).
func (p Paper) size() (width, height float64, err error) {
	switch p {
	case A3:
		return 297, 420, nil
	case A4, "":
		return 210, 297, nil
	case A5:
		return 148, 210, nil
	}
	return 0, 0, fmt.Errorf("paper %q is not known: A3, A4 or A5", p)
}

// Poster asks whoever passes by to answer, through one open link. All words are in one language, ready to be
// printed. Title, Address and Code are required; what else is empty takes no room.
type Poster struct {
	Imprint        // an empty Title or Author is the poster's Title and Asker
	Paper   Paper  // A4 if empty
	Asker   string // who wants to know
	Title   string // of the survey
	Purpose string // why it is asked, a sentence or two

	Minutes string // how long it takes, three or four words
	Scan    string // what to do with the code
	Code    Modules
	Type    string // what to do with the address, for those who have no camera
	Address string // as people type it, without https://
	Link    string // the whole address, for those who read the poster on a screen

	Kept    []string // how answers are kept, a sentence each
	Contact string   // who answers questions
}

// leastCode is how wide the QR code of a poster is at least, in millimetres with its quiet zone: it is read
// from about ten times that distance.
const leastCode = 80

// PosterPDF writes a poster on one page: words that can be selected, the code as vectors, at least 8 cm wide.
// Long words shrink, and are never cut: [ErrNoRoom] if they do not fit even at their smallest. Equal posters
// have equal bytes.
func PosterPDF(to io.Writer, p Poster) error {
	if err := p.check(); err != nil {
		return fmt.Errorf("poster: %w", err)
	}
	width, height, err := p.Paper.size()
	if err != nil {
		return fmt.Errorf("poster: %w", err)
	}
	about := p.Imprint
	if about.Title == "" {
		about.Title = p.Title
	}
	if about.Author == "" {
		about.Author = p.Asker
	}
	out, err := newPress(width, height, &about)
	if err != nil {
		return fmt.Errorf("poster: %w", err)
	}
	out.newPage()
	l, err := p.layOut(out, width, height)
	if err != nil {
		return fmt.Errorf("poster of %.0f × %.0f mm: %w", width, height, err)
	}
	l.draw(out, &p)
	return out.print(to)
}

// check refuses a poster that nobody could follow.
func (p *Poster) check() error {
	switch {
	case strings.TrimSpace(p.Title) == "":
		return errors.New("the title is missing")
	case strings.TrimSpace(p.Address) == "":
		return errors.New("the address is missing")
	}
	if err := p.Imprint.check(); err != nil {
		return err
	}
	return p.Code.check()
}

// posterLayout is where everything of a poster goes. Lengths are in millimetres.
type posterLayout struct {
	width, height, margin float64
	scale                 float64
	code                  float64 // side of the QR code, with its quiet zone

	top    []setting // who asks what, and why
	minute setting
	above  []setting // between the minutes and the code
	below  []setting // the address
	kept   []setting
	foot   setting
}

// layOut finds the largest type in which everything fits. First no word may be broken, then any.
func (p *Poster) layOut(out *press, width, height float64) (*posterLayout, error) {
	const (
		steps, least = 40, 0.42 // sizes tried, and the smallest of them
		mostLetters  = 30_000   // more than the largest paper holds in the smallest type
	)
	base := width / 210 // sizes are those of A4
	codeAtBest := max(leastCode, width/2)
	at := func(step int) *posterLayout {
		shrunk := float64(step) / steps
		l := p.settle(out, width, height, base*(1-shrunk*(1-least)))
		l.code = codeAtBest - shrunk*(codeAtBest-leastCode)
		return l
	}
	if all := len(p.Title) + len(p.Purpose) + len(strings.Join(p.Kept, "")) + len(p.Contact) + len(p.Address); all > mostLetters {
		return nil, fmt.Errorf("%w: they are %d letters long", ErrNoRoom, all)
	}
	smallest := at(steps)
	if over := smallest.needs() - height; over > 0 {
		name, most := smallest.tallest()
		return nil, fmt.Errorf("%w: they need %.0f mm more than there are. The longest is %s (%.0f mm in the smallest type): shorten it, or take larger paper",
			ErrNoRoom, over, name, most)
	}
	for _, breakWords := range []bool{false, true} {
		for step := range steps {
			if l := at(step); l.needs() <= height && (breakWords || !l.broken()) {
				return l, nil
			}
		}
		if !smallest.broken() {
			break
		}
	}
	return smallest, nil
}

// settle breaks all words at a scale.
func (p *Poster) settle(out *press, width, height, scale float64) *posterLayout {
	const least = 8 // points that can be read at arm's length
	l := &posterLayout{width: width, height: height, margin: width * 0.085, scale: scale}
	inner := l.inner()
	put := func(g paragraph, wide float64) setting {
		g.text, g.least = out.clean(g.text), least
		return out.set(g, wide, scale)
	}
	l.top = []setting{
		put(paragraph{name: "who asks", text: p.Asker, face: face{true, 15, accent()}, leading: 1.3, gap: 3}, inner),
		put(paragraph{name: "the title", text: p.Title, face: face{true, 40, black()}, leading: 1.14, gap: 4}, inner),
		put(paragraph{name: "the purpose", text: p.Purpose, face: face{false, 17, black()}, leading: 1.36}, inner),
	}
	l.minute = put(paragraph{name: "the minutes", text: p.Minutes, face: face{true, 16, white()}, leading: 1.3, centred: true, gap: 3}, inner-12*scale)
	l.above = []setting{put(paragraph{name: "what to do with the code", text: p.Scan, face: face{true, 19, black()}, leading: 1.3, centred: true, gap: 2.5}, inner)}
	l.below = []setting{
		put(paragraph{name: "what to do with the address", text: p.Type, face: face{false, 14, quietInk()}, leading: 1.3, centred: true, gap: 0.5}, inner),
		put(paragraph{name: "the address", text: p.Address, face: face{true, 26, black()}, leading: 1.25, centred: true, address: true}, inner),
	}
	for _, sentence := range p.Kept {
		l.kept = append(l.kept, put(paragraph{name: "how answers are kept", text: sentence, face: face{false, 13.5, black()}, leading: 1.35, gap: 1.5}, inner-l.indent()))
	}
	l.foot = put(paragraph{name: "the contact", text: p.Contact, face: face{false, 12, quietInk()}, leading: 1.35}, inner)
	return l
}

func (l *posterLayout) inner() float64  { return l.width - 2*l.margin }
func (l *posterLayout) gap() float64    { return 7 * l.scale }         // between the three parts of the page
func (l *posterLayout) bar() float64    { return 3 * l.scale }         // the accent at the head
func (l *posterLayout) pill() float64   { return 1.8 * l.scale }       // around the minutes
func (l *posterLayout) indent() float64 { return 6 * l.scale }         // of sentences behind their marks
func (l *posterLayout) head() float64   { return l.bar() + 5*l.scale } // the accent and the space below it

// minutes is the height of the pill with what lies below it.
func (l *posterLayout) minutes() float64 {
	if len(l.minute.lines) == 0 {
		return 0
	}
	return l.minute.height + 2*l.pill() + l.minute.gap
}

// middle is the height of the code and of what tells how to use it.
func (l *posterLayout) middle() float64 {
	return l.minutes() + tall(l.above) + l.code + l.gap()/2 + tall(l.below)
}

// bottom is the height of the sentences on keeping and of the contact with the line between them.
func (l *posterLayout) bottom() float64 {
	height := tall(l.kept)
	if len(l.foot.lines) > 0 {
		height += l.foot.height + 4*l.scale
	}
	return height
}

// needs is the height of page that is needed.
func (l *posterLayout) needs() float64 {
	return 2*l.margin + l.head() + tall(l.top) + l.gap() + l.middle() + l.gap() + l.bottom()
}

// all returns every setting.
func (l *posterLayout) all() []setting {
	all := append([]setting{l.minute, l.foot}, l.top...)
	all = append(append(all, l.above...), l.below...)
	return append(all, l.kept...)
}

func (l *posterLayout) broken() bool {
	for _, s := range l.all() {
		if s.broken {
			return true
		}
	}
	return false
}

// tallest names the words that take the most height.
func (l *posterLayout) tallest() (name string, most float64) {
	heights := map[string]float64{}
	for _, s := range l.all() {
		heights[s.name] += s.height
		if heights[s.name] > most {
			name, most = s.name, heights[s.name]
		}
	}
	return name, most
}

// tall is the height of settings one below the other.
func tall(settings []setting) float64 {
	sum := 0.0
	for i := range settings {
		sum += settings[i].height + settings[i].gap
	}
	return sum
}

// draw puts the poster on the page: who asks at the top, how answers are kept at the bottom, the code in the
// middle of what is left.
func (l *posterLayout) draw(out *press, p *Poster) {
	left, inner := l.margin, l.inner()
	y := l.margin
	out.fill(left, y, 26*l.scale, l.bar(), l.bar()/2, accent())
	y += l.head()
	for i := range l.top {
		y = out.lay(&l.top[i], left, y, inner)
	}

	bottom := l.height - l.margin - l.bottom()
	y += max(0, (bottom-y-l.middle())/2)
	if len(l.minute.lines) > 0 {
		out.use(l.minute.face)
		widest := 0.0
		for _, line := range l.minute.lines {
			widest = max(widest, out.width(line))
		}
		wide, high := widest+10*l.scale, l.minute.height+2*l.pill()
		out.fill((l.width-wide)/2, y, wide, high, min(high/2, 5*l.scale), accent())
		y = out.lay(&l.minute, left, y+l.pill(), inner) + l.pill()
	}
	for i := range l.above {
		y = out.lay(&l.above[i], left, y, inner)
	}
	x := (l.width - l.code) / 2
	thick := 0.9 * l.scale // the frame lies around the quiet zone, not in it
	out.frame(x-thick/2, y-thick/2, l.code+thick, l.code+thick, 4*l.scale, thick, accent())
	out.code(p.Code, x, y, l.code)
	out.link(x, y, l.code, l.code, p.Link)
	y += l.code + l.gap()/2
	for i := range l.below {
		begin := y
		y = out.lay(&l.below[i], left, y, inner)
		if l.below[i].address {
			out.link(left, begin, inner, y-begin, p.Link)
		}
	}

	y = bottom
	for i := range l.kept {
		s := &l.kept[i]
		if len(s.lines) == 0 {
			continue
		}
		mark := 2.4 * l.scale
		out.fill(left, y+(s.lineHeight()-mark)/2, mark, mark, mark/4, accent())
		y = out.lay(s, left+l.indent(), y, inner-l.indent())
	}
	if len(l.foot.lines) > 0 {
		out.line(left, y+1.5*l.scale, l.width-l.margin, y+1.5*l.scale, 0.2, hairInk())
		out.lay(&l.foot, left, y+4*l.scale, inner)
	}
}
