package report

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"codeberg.org/go-pdf/fpdf"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/text/unicode/norm"

	"cxmirror/charts"
	"cxmirror/pkg/survey"
)

// ErrNoRoom says that words are too many for the paper, however small they are set. They are never cut where
// somebody needs them to the end.
var ErrNoRoom = errors.New("the words do not fit the paper")

// Modules is a QR code as its square of modules, row by row from the top, without the quiet zone; true is dark.
type Modules [][]bool

// quietModules is the margin of a QR code in modules (ISO/IEC 18004); without it cameras do not find the code.
const quietModules = 4

// check refuses what no QR code looks like: a side other than 21, 25, ... 177, or a row of another length.
func (m Modules) check() error {
	const smallest, largest, step = 21, 177, 4
	n := len(m)
	if n < smallest || n > largest || (n-smallest)%step != 0 {
		return fmt.Errorf("QR code of %d rows: a code has 21, 25, ... 177", n)
	}
	for y, row := range m {
		if len(row) != n {
			return fmt.Errorf("QR code of %d rows: row %d has %d modules", n, y+1, len(row))
		}
	}
	return nil
}

// Imprint says what a printed document is, for programs that list and search documents.
type Imprint struct {
	Title    string          // of the document, as programs show it
	Author   string          // whoever asks
	Language survey.Language // of the document; readers aloud need it
	Program  string          // what made it, with its version
	Made     time.Time       // when; required, so that equal documents have equal bytes
}

// check refuses what a document cannot say of itself.
func (i *Imprint) check() error {
	if i.Made.IsZero() {
		return errors.New("the time when the document was made is missing")
	}
	return checkTag(i.Language)
}

// checkTag refuses what is no language tag by its letters: it goes into the document as it is.
func checkTag(tag survey.Language) error {
	for _, r := range tag {
		if r != '-' && (r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r)) {
			return fmt.Errorf("%q is no language tag", tag)
		}
	}
	return nil
}

// ink is a colour, red, green and blue, each 0 to 255.
type ink [3]int

// The inks: black, a grey that is 7:1 on white, hairlines, and the one accent.
func black() ink    { return ink{0, 0, 0} }
func quietInk() ink { return ink{82, 86, 94} }
func hairInk() ink  { return ink{176, 182, 192} }
func accent() ink   { return ink{37, 99, 235} }
func white() ink    { return ink{255, 255, 255} }

// face is a size and weight of type.
type face struct {
	bold bool
	size float64 // points
	ink  ink
}

const (
	family        = "noto"
	pointsPerMM   = 72 / 25.4
	millimetrePer = 1 / pointsPerMM // of a point
	capHeight     = 0.714           // of Noto Sans, in em
)

// press sets type and draws codes on the pages of one PDF document. Lengths are in millimetres from the upper
// left corner, sizes of type in points. It is not safe for concurrent use.
type press struct {
	pdf     *fpdf.Fpdf
	face    face
	font    *sfnt.Font // of the regular weight; the other has the same letters
	buffer  sfnt.Buffer
	letters map[rune]bool // whether the font has a letter, for those met
}

// newPress begins a document of pages of one size, in millimetres; charts.ErrNoAssets if there are no fonts.
func newPress(width, height float64, about *Imprint) (*press, error) {
	regular, semibold, err := charts.Fonts()
	if err != nil {
		return nil, err
	}
	parsed, err := sfnt.Parse(bytes.Clone(regular))
	if err != nil {
		return nil, fmt.Errorf("font of printed documents: %w", err)
	}
	pdf := fpdf.NewCustom(&fpdf.InitType{OrientationStr: "P", UnitStr: "mm", Size: fpdf.SizeType{Wd: width, Ht: height}})
	p := &press{pdf: pdf, font: parsed, letters: make(map[rune]bool, 96)}
	p.pdf.AddUTF8FontFromBytes(family, "", regular)
	p.pdf.AddUTF8FontFromBytes(family, "B", semibold)
	p.pdf.SetAutoPageBreak(false, 0)
	p.pdf.SetMargins(0, 0, 0)
	p.pdf.SetCatalogSort(true) // equal documents have equal bytes
	p.pdf.SetCreationDate(about.Made.UTC())
	p.pdf.SetModificationDate(about.Made.UTC())
	p.pdf.SetLang(string(about.Language))
	p.pdf.SetTitle(p.clean(about.Title), true)
	if author := p.clean(about.Author); author != "" {
		p.pdf.SetAuthor(author, true)
	}
	p.pdf.SetCreator(p.clean(about.Program), true)
	p.pdf.SetProducer("", true) // the program says all of it
	return p, nil
}

// print writes the document.
func (p *press) print(to io.Writer) error {
	if err := p.pdf.Output(to); err != nil {
		return fmt.Errorf("PDF: %w", err)
	}
	return nil
}

// clean makes people's words fit to be printed: one line of composed letters, without control characters and
// marks that turn the direction of writing. A letter that the font lacks becomes a replacement character: it
// is seen to be missing, and the rest can be read.
func (p *press) clean(text string) string {
	var b strings.Builder
	space := false
	for _, r := range norm.NFC.String(strings.ToValidUTF8(text, "\uFFFD")) {
		switch {
		case unicode.IsSpace(r) && r != '\u00a0' && r != '\u202f', r == '\u2028', r == '\u2029':
			space = b.Len() > 0
			continue
		case unicode.In(r, unicode.Cc, unicode.Cf):
			continue
		case !p.has(r):
			r = '\uFFFD'
		}
		if space {
			b.WriteByte(' ')
			space = false
		}
		b.WriteRune(r)
	}
	return b.String()
}

// has says whether the font has a letter. Letters beyond U+FFFF cannot be written with it.
func (p *press) has(r rune) bool {
	known, met := p.letters[r]
	if !met {
		glyph, err := p.font.GlyphIndex(&p.buffer, r)
		known = err == nil && glyph != 0 && r <= 0xFFFF
		p.letters[r] = known
	}
	return known
}

// use chooses the face of what is measured or written next.
func (p *press) use(f face) {
	if f.bold != p.face.bold || f.size != p.face.size {
		style := ""
		if f.bold {
			style = "B"
		}
		p.pdf.SetFont(family, style, f.size)
	}
	p.face = f
}

// width returns how wide a line is in the face in use.
func (p *press) width(line string) float64 { return p.pdf.GetStringWidth(line) }

// write sets one line with its baseline at y.
func (p *press) write(x, y float64, line string) {
	p.pdf.SetTextColor(p.face.ink[0], p.face.ink[1], p.face.ink[2])
	p.pdf.Text(x, y, line)
}

// newPage begins a page. The document forgets its face there.
func (p *press) newPage() {
	p.pdf.AddPage()
	p.face = face{}
}

// fill paints a rectangle with rounded corners.
func (p *press) fill(x, y, width, height, radius float64, colour ink) {
	p.pdf.SetFillColor(colour[0], colour[1], colour[2])
	p.pdf.RoundedRect(x, y, width, height, radius, "1234", "F")
}

// frame outlines a rectangle with rounded corners.
func (p *press) frame(x, y, width, height, radius, thick float64, colour ink) {
	p.pdf.SetDrawColor(colour[0], colour[1], colour[2])
	p.pdf.SetLineWidth(thick)
	p.pdf.RoundedRect(x, y, width, height, radius, "1234", "D")
}

// line draws a straight line.
func (p *press) line(x1, y1, x2, y2, thick float64, colour ink) {
	p.pdf.SetDrawColor(colour[0], colour[1], colour[2])
	p.pdf.SetLineWidth(thick)
	p.pdf.Line(x1, y1, x2, y2)
}

// code draws a QR code in a square with its quiet zone. All modules are one path, so that no viewer leaves
// hairs of white between them.
func (p *press) code(m Modules, x, y, side float64) {
	_, height := p.pdf.GetPageSize()
	module := side / float64(len(m)+2*quietModules)
	var b strings.Builder
	// One module is one unit, and y grows downwards: the numbers stay short.
	fmt.Fprintf(&b, "q 0 g %.5f 0 0 -%.5f %.3f %.3f cm\n", module*pointsPerMM, module*pointsPerMM,
		(x+quietModules*module)*pointsPerMM, (height-y-quietModules*module)*pointsPerMM)
	for _, r := range m.rectangles() {
		fmt.Fprintf(&b, "%d %d %d %d re\n", r.x, r.y, r.width, r.height)
	}
	b.WriteString("f Q")
	p.pdf.RawWriteStr(b.String())
}

// rectangle is a block of dark modules.
type rectangle struct{ x, y, width, height int }

// rectangles parts the dark modules into blocks: runs of a row, as far down as the rows below have the same run.
func (m Modules) rectangles() []rectangle {
	var blocks []rectangle
	open := map[[2]int]int{} // the block that a run (x, width) of the row above belongs to
	for y, row := range m {
		here := make(map[[2]int]int, len(open))
		for x := 0; x < len(row); {
			run := 0
			for x+run < len(row) && row[x+run] {
				run++
			}
			if run > 0 {
				key := [2]int{x, run}
				block, above := open[key]
				if above {
					blocks[block].height++
				} else {
					block = len(blocks)
					blocks = append(blocks, rectangle{x, y, run, 1})
				}
				here[key] = block
			}
			x += run + 1
		}
		open = here
	}
	return blocks
}

// spoken marks what draw writes as one text for those who copy it or have it read aloud, whatever pieces it is
// drawn in.
func (p *press) spoken(text string, draw func()) {
	var b strings.Builder
	b.WriteString("/Span <</ActualText <FEFF")
	for _, unit := range utf16.Encode([]rune(text)) {
		fmt.Fprintf(&b, "%04X", unit)
	}
	b.WriteString(">>> BDC")
	p.pdf.RawWriteStr(b.String())
	draw()
	p.pdf.RawWriteStr("EMC")
}

// in marks what draw writes as words of a language.
func (p *press) in(tag survey.Language, draw func()) {
	if tag != "" {
		p.pdf.RawWriteStr("/Span <</Lang (" + string(tag) + ")>> BDC")
		defer p.pdf.RawWriteStr("EMC")
	}
	draw()
}

// paragraph is words and how they want to be set.
type paragraph struct {
	name    string // as errors name it
	text    string // clean
	face    face   // at full size
	least   float64
	leading float64 // line height in em
	address bool    // broken where addresses may be, and on one line if that is possible
	centred bool
	most    int     // lines; what goes beyond is left out for an ellipsis. 0 is no limit
	gap     float64 // millimetres below it, at full size; none where it is empty
}

// setting is a paragraph broken into lines.
type setting struct {
	paragraph
	lines  []string
	height float64 // without the gap
	broken bool    // a word had to be broken
}

// set breaks a paragraph into lines no wider than width, at scale times its size but no smaller than its least.
func (p *press) set(g paragraph, width, scale float64) setting {
	g.gap *= scale
	g.face.size = max(g.face.size*scale, min(g.least, g.face.size))
	s := setting{paragraph: g}
	if g.text == "" {
		s.gap = 0
		return s
	}
	p.use(g.face)
	words := pieces(g.text, "")
	if g.address {
		s.face.size = p.onOneLine(g, width)
		words = pieces(g.text, addressMarks)
		if _, broken := p.fillLines(words, width); broken {
			words = pieces(g.text, addressMarks+nameMarks)
		}
	}
	s.lines, s.broken = p.fillLines(words, width)
	if g.most > 0 && len(s.lines) > g.most {
		s.lines = s.lines[:g.most]
		s.lines[g.most-1] = p.shorten(s.lines[g.most-1], width)
	} else if len(s.lines) > 1 && !s.broken {
		s.lines = p.balance(words, s.lines, width)
	}
	s.height = float64(len(s.lines)) * s.lineHeight()
	return s
}

// onOneLine returns the size at which an address stays on one line, if it is not much smaller; it leaves it in
// use. An address is easier to type from one line, even a smaller one.
func (p *press) onOneLine(g paragraph, width float64) float64 {
	const smaller = 0.65
	if all := p.width(g.text); all > width {
		fits := g.face.size * width / all * 0.995 // widths are whole thousandths of an em
		if fits < g.face.size*smaller || fits < g.least {
			return g.face.size
		}
		g.face.size = fits
		p.use(g.face)
	}
	return g.face.size
}

// lineHeight is in millimetres.
func (s *setting) lineHeight() float64 { return s.face.size * s.leading * millimetrePer }

// lay writes a setting with its top at y and returns where the next begins.
func (p *press) lay(s *setting, x, y, width float64) float64 {
	if len(s.lines) == 0 {
		return y
	}
	p.use(s.face)
	size := s.face.size * millimetrePer
	for i, line := range s.lines {
		left := x
		if s.centred {
			left += (width - p.width(line)) / 2
		}
		middle := y + (float64(i)+0.5)*s.lineHeight()
		p.write(left, middle+capHeight/2*size, line)
	}
	return y + s.height + s.gap
}

// fillLines fills one line after the other. A piece that is wider than a line is broken where it must be.
func (p *press) fillLines(words []piece, width float64) (lines []string, broken bool) {
	space := p.width(" ")
	line, used := "", 0.0 // widths add up: letters are not kerned
	for _, w := range words {
		rest, wide := w.text, p.width(w.text)
		switch {
		case line == "":
		case w.spaced && used+space+wide <= width:
			line, used = line+" "+rest, used+space+wide
			continue
		case !w.spaced && used+wide <= width:
			line, used = line+rest, used+wide
			continue
		default:
			lines = append(lines, line)
		}
		for wide > width {
			head, taken := p.head(rest, width)
			if len(head) == len(rest) {
				break // a single letter is wider than the line
			}
			broken = true
			lines, rest, wide = append(lines, head), rest[len(head):], wide-taken
		}
		line, used = rest, wide
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines, broken
}

// balance makes lines of like width, as short as their number allows, so that no line holds a lone word.
func (p *press) balance(words []piece, lines []string, width float64) []string {
	low, high := width/2, width
	for range 7 {
		middle := (low + high) / 2
		if narrower, broken := p.fillLines(words, middle); !broken && len(narrower) <= len(lines) {
			lines, high = narrower, middle
		} else {
			low = middle
		}
	}
	return lines
}

// head returns the longest beginning of a word that fits a width, at least one letter with its marks, and how
// wide it is.
func (p *press) head(word string, width float64) (head string, wide float64) {
	for i, r := range word {
		letter := p.width(string(r))
		if i > 0 && !unicode.In(r, unicode.Mn, unicode.Me) && wide+letter > width {
			return word[:i], wide
		}
		wide += letter
	}
	return word, wide
}

// shorten ends a line with an ellipsis, within a width.
func (p *press) shorten(line string, width float64) string {
	const ellipsis = "…"
	for line != "" && p.width(line+ellipsis) > width {
		_, last := utf8.DecodeLastRuneInString(line)
		line = line[:len(line)-last]
	}
	return strings.TrimRight(line, " \u00a0,.;:–-") + ellipsis
}

// piece is what stays on one line.
type piece struct {
	text   string
	spaced bool // a space parts it from the piece before it, where both are on one line
}

// Marks that an address may be broken before: those that part it, and, only where these are not enough, those
// within its names.
const (
	addressMarks = ".?&=@#%"
	nameMarks    = "-_"
)

// pieces splits a text where lines may end: at spaces, but not after a one-letter word (as Polish, Czech and
// Russian typography want it) nor before a dash, and after hyphens and strokes within words. With marks it is
// an address, which has its own places: after a stroke and before these marks, so that no line ends in a dot or
// a hyphen that seems to be none of it.
func pieces(text, marks string) []piece {
	var all []piece
	tied := false
	for word := range strings.SplitSeq(text, " ") {
		first, length := utf8.DecodeRuneInString(word)
		dash := word == "–" || word == "—"
		for i, part := range parts(word, marks) {
			if i == 0 && (tied || dash && len(all) > 0) {
				all[len(all)-1].text += "\u00a0" + part
			} else {
				all = append(all, piece{part, i == 0})
			}
		}
		tied = length > 0 && length == len(word) && unicode.IsLetter(first)
	}
	return all
}

// parts splits one word where it may be broken without a mark.
func parts(word, marks string) []string {
	const atLeast = 2 // letters on each side
	var all []string
	begin := 0
	for i, r := range word {
		after := i + utf8.RuneLen(r)
		cut := begin
		switch {
		case r == '/' && !strings.HasPrefix(word[after:], "/"):
			cut = after
		case marks != "":
			if strings.ContainsRune(marks, r) {
				cut = i
			}
		case r == '-' || r == '–' || r == '—':
			cut = after
		}
		if cut-begin >= atLeast && len(word)-cut >= atLeast {
			all, begin = append(all, word[begin:cut]), cut
		}
	}
	return append(all, word[begin:])
}

// link makes a place of the page lead to an address, for those who read it on a screen. Whatever is not a web
// address in ASCII is left alone.
func (p *press) link(x, y, width, height float64, address string) {
	if !strings.HasPrefix(address, "https://") && !strings.HasPrefix(address, "http://") {
		return
	}
	for _, r := range address {
		if r <= ' ' || r > '~' {
			return
		}
	}
	p.pdf.LinkString(x, y, width, height, address)
}
