package report

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"
	"unicode"

	"cxmirror/pkg/survey"
)

// CodeSheet is access codes on paper, for people without e-mail: cards to be cut apart and handed out. Each card
// speaks its person's language; words fall back as [survey.Words.In] says. Address, Title and Enter are required;
// what else is empty takes no room.
type CodeSheet struct {
	Imprint // an empty Title or Author is the sheet's Title and Asker in the document's language

	Title   survey.Words // of the survey
	Asker   survey.Words // who wants to know
	Enter   survey.Words // what to do with the address and the code
	Scan    survey.Words // what to do with the QR code, in a few words
	Promise survey.Words // how answers are kept, in one sentence
	Once    survey.Words // that a code serves for one answer
	Address string       // where codes are entered, as people type it, without https://

	// Cards are printed in this order, and read once. An error ends the sheet.
	Cards iter.Seq2[Card, error]
}

// Card is the access code of one person.
type Card struct {
	Label    string          // whom it is for: a name or a group; may be empty
	Language survey.Language // of the person; empty is the document's
	Access   string          // the code: 4 to 20 capital letters and figures; spaces and hyphens do not count
	Code     Modules         // the QR code that leads straight to the questionnaire; nil is none
	Link     string          // the address in it, for those who read the sheet on a screen
}

// MostCards is how many cards a sheet may have. The pages of a document are kept in memory until all are made,
// at the peak about 18 KB a card.
const MostCards = 10_000

// ErrTooManyCards says that a sheet would have more than [MostCards].
var ErrTooManyCards = errors.New("too many cards for one sheet")

// The sheet, in millimetres: 2 by 5 cards of 95 by 54 (business cards, as perforated paper has them) on A4, with
// margins that every printer reaches.
const (
	cardsAcross, cardsDown = 2, 5
	cardWidth, cardHeight  = 95.0, 54.0
	sheetLeft, sheetTop    = (210 - cardsAcross*cardWidth) / 2, (297 - cardsDown*cardHeight) / 2
)

// Inside a card, in millimetres.
const (
	cardPad    = 4.5
	cardCode   = 29.0 // side of the QR code, with its quiet zone
	codeEdge   = 1.2  // between the quiet zone and the card's edge
	columnGap  = 1.0
	boxHeight  = 8.6
	boxGap     = 2.4
	accessSize = 14.5 // points, where letters stand accessStep apart
	accessStep = 5.2  // W and M, the widest, still stand apart
	boxPad     = 0.8  // left and right of the letters
	groupOf    = 5    // letters of a code that stand together
)

// CodeSheetPDF writes the cards of a sheet, ten on a page of A4 with marks to cut along. What a person needs is
// never cut: [ErrNoRoom] if the words of a language do not fit a card even at their smallest. Labels and titles,
// which only tell cards apart, end in an ellipsis when they are too long. Equal sheets have equal bytes. A sheet
// without cards is one page without cards.
func CodeSheetPDF(to io.Writer, s CodeSheet) error {
	if err := s.check(); err != nil {
		return fmt.Errorf("code sheet: %w", err)
	}
	about := s.Imprint
	if about.Title == "" {
		about.Title = s.Title.In(s.Language)
	}
	if about.Author == "" {
		about.Author = s.Asker.In(s.Language)
	}
	out, err := newPress(210, 297, &about)
	if err != nil {
		return fmt.Errorf("code sheet: %w", err)
	}
	d := dealer{sheet: &s, out: out, words: map[survey.Language]*cardWords{}}
	d.newPage()
	place := 0
	for card, err := range s.Cards {
		if err != nil {
			return fmt.Errorf("code sheet: card %d: %w", place+1, err)
		}
		if place == MostCards {
			return fmt.Errorf("code sheet: %w: at most %d; print one sheet for each group", ErrTooManyCards, MostCards)
		}
		onPage := place % (cardsAcross * cardsDown)
		if onPage == 0 && place > 0 {
			d.newPage()
		}
		x := sheetLeft + float64(onPage%cardsAcross)*cardWidth
		y := sheetTop + float64(onPage/cardsAcross)*cardHeight
		if err := d.deal(&card, x, y); err != nil {
			return fmt.Errorf("code sheet: card %d: %w", place+1, err)
		}
		place++
	}
	return out.print(to)
}

// check refuses a sheet that nobody could follow.
func (s *CodeSheet) check() error {
	switch {
	case s.Title.In(s.Language) == "":
		return errors.New("the title is missing")
	case s.Enter.In(s.Language) == "":
		return errors.New("what to do with the code is missing")
	case strings.TrimSpace(s.Address) == "":
		return errors.New("the address is missing")
	case s.Cards == nil:
		return errors.New("the cards are missing")
	}
	return s.Imprint.check()
}

// dealer draws cards.
type dealer struct {
	sheet *CodeSheet
	out   *press
	page  int
	words map[survey.Language]*cardWords // by language, as they fit a card
}

// cardWords is what all cards of a language share. Lengths are in millimetres.
type cardWords struct {
	scale          float64
	title, asker   setting
	enter, address setting
	scan           setting
	promise, once  setting
}

// newPage begins a page with its marks and its number.
func (d *dealer) newPage() {
	d.out.newPage()
	d.page++
	d.cutMarks()
	foot := paragraph{
		text: d.out.clean(d.sheet.Title.In(d.sheet.Language)), face: face{false, 7, quietInk()}, least: 7, leading: 1.3, most: 1,
	}
	const inside = 2.0 // of the marks on its sides
	s := d.out.set(foot, cardWidth-2*inside, 1)
	const y = sheetTop + cardsDown*cardHeight + 4.2
	d.out.lay(&s, sheetLeft+inside, y, cardWidth)
	number := strconv.Itoa(d.page)
	d.out.write(sheetLeft+cardsAcross*cardWidth-inside-d.out.width(number), y+(s.lineHeight()+capHeight*s.face.size*millimetrePer)/2, number)
}

// cutMarks draws short lines outside of the cards at every cut, and crosses where cuts meet between cards.
func (d *dealer) cutMarks() {
	const long, away, arm, thick = 4.0, 0.8, 1.6, 0.15
	right, bottom := sheetLeft+cardsAcross*cardWidth, sheetTop+cardsDown*cardHeight
	for i := range cardsAcross + 1 {
		x := sheetLeft + float64(i)*cardWidth
		d.out.line(x, sheetTop-away-long, x, sheetTop-away, thick, black())
		d.out.line(x, bottom+away, x, bottom+away+long, thick, black())
	}
	for j := range cardsDown + 1 {
		y := sheetTop + float64(j)*cardHeight
		d.out.line(sheetLeft-away-long, y, sheetLeft-away, y, thick, black())
		d.out.line(right+away, y, right+away+long, y, thick, black())
		if j == 0 || j == cardsDown {
			continue
		}
		for i := 1; i < cardsAcross; i++ {
			x := sheetLeft + float64(i)*cardWidth
			d.out.line(x-arm, y, x+arm, y, thick, hairInk())
			d.out.line(x, y-arm, x, y+arm, thick, hairInk())
		}
	}
}

// deal draws one card.
func (d *dealer) deal(c *Card, x, y float64) error {
	access, err := accessCode(c.Access)
	if err != nil {
		return err
	}
	if c.Code != nil {
		if err := c.Code.check(); err != nil {
			return err
		}
	}
	tag := c.Language
	if tag == "" {
		tag = d.sheet.Language
	}
	words, err := d.wordsIn(tag)
	if err != nil {
		return err
	}
	d.out.in(tag, func() { d.draw(c, words, access, x, y) })
	return nil
}

// draw puts a card's words left of its QR code, the access code beneath them, and the promise at the foot.
func (d *dealer) draw(c *Card, w *cardWords, access string, x, y float64) {
	left, wide := x+cardPad, columnWidth()
	top := y + cardPad - 0.8 // the first line has room of its own above it
	label := d.out.set(paragraph{
		text: d.out.clean(c.Label), face: face{true, 10.5, black()}, leading: 1.2, most: 2, gap: 0.4,
	}, wide, w.scale)
	top = d.out.lay(&label, left, top, wide)
	top = d.out.lay(&w.title, left, top, wide)
	d.out.lay(&w.asker, left, top, wide)

	foot := y + cardHeight - cardPad - w.foot() + 0.6
	below := d.out.lay(&w.promise, left, foot, cardWidth-2*cardPad)
	d.out.lay(&w.once, left, below, cardWidth-2*cardPad)

	boxes := y + cardHeight - cardPad - w.footZone() - boxHeight
	d.access(access, left, boxes)
	above := boxes - w.entry()
	above = d.out.lay(&w.enter, left, above, wide)
	d.out.lay(&w.address, left, above, wide)

	if c.Code != nil {
		right := x + cardWidth - codeEdge - cardCode
		d.out.code(c.Code, right, y+codeEdge, cardCode)
		d.out.link(right, y+codeEdge, cardCode, cardCode, c.Link)
		d.out.lay(&w.scan, right, y+codeEdge+cardCode, cardCode)
	}
}

// columnWidth is the width left of the QR code.
func columnWidth() float64 { return cardWidth - cardPad - cardCode - codeEdge - columnGap }

// foot is the height of the promise and of what stands below it.
func (w *cardWords) foot() float64 { return w.promise.height + w.promise.gap + w.once.height }

// footZone is foot with the space above it.
func (w *cardWords) footZone() float64 { return w.foot() + 1.6*w.scale }

// entry is the height of what to do with the code, with the address.
func (w *cardWords) entry() float64 {
	return w.enter.height + w.enter.gap + w.address.height + w.address.gap
}

// needs is the height that a card must have for the longest label.
func (w *cardWords) needs() float64 {
	label := 2*10.5*1.2*millimetrePer*w.scale + 0.4
	column := cardPad - 0.8 + label + w.title.height + w.title.gap + w.asker.height + w.asker.gap + w.entry() + boxHeight
	code := codeEdge + cardCode + w.scan.height
	return max(column, code) + w.footZone() + cardPad
}

// wordsIn finds the largest type in which the words of a language fit a card; first no word may be broken, then
// any.
func (d *dealer) wordsIn(tag survey.Language) (*cardWords, error) {
	if w, met := d.words[tag]; met {
		return w, nil
	}
	if err := checkTag(tag); err != nil {
		return nil, err
	}
	const steps, best, least = 24, 1.2, 0.6 // of the sizes in settle
	var w *cardWords
	for _, breakWords := range []bool{false, true} {
		for i := range steps + 1 {
			w = d.settle(tag, best-float64(i)/steps*(best-least))
			broken := w.enter.broken || w.address.broken || w.promise.broken || w.once.broken || w.scan.broken
			if w.needs() <= cardHeight && (breakWords || !broken) {
				d.words[tag] = w
				return w, nil
			}
		}
	}
	longest := &w.promise
	for _, s := range []*setting{&w.enter, &w.address, &w.once, &w.scan} {
		if s.height > longest.height {
			longest = s
		}
	}
	return nil, fmt.Errorf("%w of a card in language %q, by %.0f mm: shorten %s", ErrNoRoom, tag, w.needs()-cardHeight, longest.name)
}

// settle breaks the words of a language at a scale.
func (d *dealer) settle(tag survey.Language, scale float64) *cardWords {
	const least = 5.5 // points: as small as print on paper may be
	s, wide, all := d.sheet, columnWidth(), cardWidth-2*cardPad
	put := func(g paragraph, width float64) setting {
		g.text, g.least = d.out.clean(g.text), least
		return d.out.set(g, width, scale)
	}
	return &cardWords{
		scale:   scale,
		title:   put(paragraph{text: s.Title.In(tag), face: face{false, 8.5, black()}, leading: 1.2, most: 2}, wide),
		asker:   put(paragraph{text: s.Asker.In(tag), face: face{false, 7.5, quietInk()}, leading: 1.2, most: 1, gap: 1}, wide),
		enter:   put(paragraph{name: "what to do with the code", text: s.Enter.In(tag), face: face{false, 7.5, black()}, leading: 1.2}, wide),
		address: put(paragraph{name: "the address", text: s.Address, face: face{true, 10, accent()}, leading: 1.2, address: true, gap: 1}, wide),
		scan:    put(paragraph{name: "what to do with the QR code", text: s.Scan.In(tag), face: face{false, 6.5, quietInk()}, leading: 1.2, centred: true}, cardCode),
		promise: put(paragraph{name: "the promise", text: s.Promise.In(tag), face: face{false, 7, black()}, leading: 1.25, gap: 0.5}, all),
		once:    put(paragraph{name: "that a code serves once", text: s.Once.In(tag), face: face{true, 7, black()}, leading: 1.25}, all),
	}
}

// accessCode returns a code's letters without what parts them.
func accessCode(written string) (string, error) {
	const least, most = 4, 20
	var letters []rune
	for _, r := range written {
		switch {
		case r == ' ' || r == '-':
		case r <= unicode.MaxASCII && (unicode.IsUpper(r) || unicode.IsDigit(r)):
			letters = append(letters, r)
		default:
			return "", errors.New("an access code has capital letters and figures only") // which, no log need know
		}
	}
	if len(letters) < least || len(letters) > most {
		return "", fmt.Errorf("an access code of %d letters: it has %d to %d", len(letters), least, most)
	}
	return string(letters), nil
}

// access draws a code in boxes of five letters. All letters are equally wide, and the figures and capitals of
// Noto Sans are told apart where codes leave out 0, O, 1 and I; copied or read aloud, it is one text.
func (d *dealer) access(letters string, x, y float64) {
	var groups []string
	for at := 0; at < len(letters); at += groupOf {
		groups = append(groups, letters[at:min(at+groupOf, len(letters))])
	}
	// The letters of longer codes stand closer together.
	room := columnWidth() - float64(len(groups)-1)*boxGap - float64(len(groups))*2*boxPad
	pitch := min(accessStep, room/float64(len(letters)))
	size := accessSize * pitch / accessStep
	d.out.use(face{true, size, black()})
	baseline := y + boxHeight/2 + capHeight/2*size*millimetrePer
	d.out.spoken(strings.Join(groups, " "), func() {
		for _, group := range groups {
			wide := float64(len(group))*pitch + 2*boxPad
			d.out.frame(x, y, wide, boxHeight, 1.4, 0.25, hairInk())
			for i, r := range group {
				letter := string(r)
				middle := x + boxPad + (float64(i)+0.5)*pitch
				d.out.write(middle-d.out.width(letter)/2, baseline, letter)
			}
			x += wide + boxGap
		}
	})
}
