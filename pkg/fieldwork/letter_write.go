package fieldwork

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"cxmirror/pkg/survey"
)

// Occasion is what a letter is about, the same for all whom it goes to.
type Occasion struct {
	Wave  survey.Wave
	Title survey.Words // of the questionnaire
	Base  string       // address of the service as people reach it, "https://survey.example.org", without a slash at the end

	Colours Colours // of who asks
}

// Colours are those of a letter, where it is read on light ground and on dark. The zero value is the product's own.
type Colours struct{ Light, Dark Shades }

// Shades are the colours of one ground, as style sheets write them: "#2563eb".
type Shades struct {
	Button, ButtonInk string // the button, and the words on it
	Words             string // links among the text
}

// ownColours are the product's own, which respondents' pages have as well.
func ownColours() Colours {
	return Colours{Light: Shades{"#2563eb", "#ffffff", "#1d4fd7"}, Dark: Shades{"#7aa5ff", "#0b1220", "#9dbcff"}}
}

// Written is a letter as one person gets it.
type Written struct {
	Language survey.Language
	Subject  string // one line
	Text     string // lines parted by "\n"
	HTML     string // a whole document that loads nothing

	asker, contact, unsubscribe string
}

// recipient is whom a letter is written to.
type recipient struct {
	name     string
	language survey.Language
	token    string
}

// sampleToken stands where nobody is invited: its link leads to no survey.
const sampleToken = "preview"

// Preview writes a letter as somebody who reads a language would get it, with a name that is made up and a link
// that leads to no survey.
func (s *Stationery) Preview(about Occasion, letter survey.Letter, lang survey.Language) (Written, error) {
	return s.write(about, letter, recipient{name: "Alex Morgan", language: lang, token: sampleToken})
}

// A paragraph of a letter: either the button, or lines of text with links among it.
type paragraph struct {
	Button bool
	Lines  [][]span
}

// span is a piece of a line: text, or the personal link.
type span struct {
	Text string
	Link bool
}

// letterPage is what the layout shows.
type letterPage struct {
	Language        survey.Language
	Subject         string
	Paragraphs      []paragraph
	Link            string
	Button          string
	CopyAddress     string
	Footer          []string
	Unsubscribe     string
	UnsubscribeText string
	Light, Dark     Shades
}

// write puts into a letter what is true of the one it goes to.
func (s *Stationery) write(about Occasion, letter survey.Letter, to recipient) (Written, error) {
	lang := LanguageOf(letter, to.language)
	subject, _ := letter.Subject.Exactly(lang)
	text, ok := letter.Text.Exactly(lang)
	if !ok {
		return Written{}, fmt.Errorf("the %s of wave %d says nothing in any language", letter.Kind, about.Wave.ID)
	}
	link := about.Base + "/s/" + to.token
	fill := s.filling(about, to.name, lang)
	w := Written{
		Language: lang, Subject: survey.OneLine(fill.into(subject)),
		asker: fill.asker, contact: about.Wave.Promise.Contact, unsubscribe: about.Base + "/u/" + to.token,
	}
	page := letterPage{
		Language: lang, Subject: w.Subject, Link: link, Paragraphs: fill.paragraphs(text),
		Button: s.phrases.Say(lang, "button", nil), CopyAddress: s.phrases.Say(lang, "copy_address", nil),
		Footer:      s.footer(about.Wave, letter.Kind, lang, fill.asker),
		Unsubscribe: w.unsubscribe, UnsubscribeText: s.phrases.Say(lang, "unsubscribe", nil),
	}
	colours := about.Colours
	if colours == (Colours{}) {
		colours = ownColours()
	}
	page.Light, page.Dark = colours.Light, colours.Dark
	w.Text = plainText(page)
	var html strings.Builder
	if err := s.page.Execute(&html, page); err != nil {
		return Written{}, fmt.Errorf("the %s of wave %d as HTML: %w", letter.Kind, about.Wave.ID, err)
	}
	w.HTML = html.String()
	return w, nil
}

// footer says who writes, why, and what is promised: the same whatever the organisation writes above.
func (s *Stationery) footer(w survey.Wave, kind survey.LetterKind, lang survey.Language, asker string) []string {
	var said []string
	say := func(key string, args survey.Args) { said = append(said, s.phrases.Say(lang, key, args)) }
	say("why", survey.Args{"Asker": asker})
	if kind == survey.ReminderLetter {
		said[0] += " " + s.phrases.Say(lang, "reminded", nil)
	}
	switch {
	case w.Mode == survey.Identified:
		say("identified", survey.Args{"Asker": asker})
	case w.Threshold <= 1:
		say(string(w.Mode)+"_any", nil)
	default:
		said = append(said, s.phrases.SayCount(lang, string(w.Mode), w.Threshold, nil))
	}
	if w.Tracks {
		said[len(said)-1] += " " + s.phrases.Say(lang, "tracked", nil)
	}
	say("personal", nil)
	if w.Promise.Contact != "" {
		say("contact", survey.Args{"Contact": w.Promise.Contact})
	}
	return said
}

// filling is what stands for the placeholders of a letter in one language.
type filling struct {
	name, title, asker, minutes, closes string
	minutesAlone                        string // the number without the word
}

func (s *Stationery) filling(about Occasion, name string, lang survey.Language) filling {
	w := about.Wave
	f := filling{
		name: survey.OneLine(name), title: survey.OneLine(about.Title.In(lang)), asker: survey.OneLine(w.Promise.Asker.In(lang)),
		minutes: s.phrases.Say(lang, "minutes_unknown", nil), minutesAlone: s.phrases.Say(lang, "minutes_unknown", nil),
	}
	if f.title == "" {
		f.title = w.Name
	}
	if f.asker == "" {
		f.asker = f.title
	}
	if w.Promise.Minutes > 0 {
		f.minutes, f.minutesAlone = s.phrases.SayCount(lang, "minutes", w.Promise.Minutes, nil), strconv.Itoa(w.Promise.Minutes)
	}
	if w.Closes != nil {
		f.closes = s.date(lang, w.Closes.In(zoneOf(w)))
	}
	return f
}

// date writes a moment as the last one of something: midnight is the end of the day before, and a day's last
// hour is the day.
func (s *Stationery) date(lang survey.Language, at time.Time) string {
	day, hour := at, at.Format("15:04")
	if at.Hour() == 0 && at.Minute() == 0 {
		day, hour = at.AddDate(0, 0, -1), ""
	} else if at.Hour() == 23 {
		hour = ""
	}
	date := s.phrases.Say(lang, "date", survey.Args{
		"Day": day.Day(), "Month": s.phrases.Say(lang, fmt.Sprintf("month_%d", int(day.Month())), nil), "Year": day.Year(),
	})
	if hour == "" {
		return date
	}
	return s.phrases.Say(lang, "date_time", survey.Args{"Date": date, "Time": hour})
}

var (
	noName     = regexp.MustCompile(`(?i)^\{\s*name\s*\}\s*,?\s*|\s*,?\s*\{\s*name\s*\}`)
	sentence   = regexp.MustCompile(`[^.!?…]+(?:[.!?…]+["”»)]*(?:\s+|$)|$)`)
	withCloses = regexp.MustCompile(`(?i)\{\s*closes\s*\}`)
	minuteWord = regexp.MustCompile(`(?i)^\s+(?:de )?(?:min|мин|хв|perc)`)
)

// into fills a text that holds no link.
func (f filling) into(text string) string {
	text = f.without(text)
	var b strings.Builder
	last := 0
	for _, at := range placeholder.FindAllStringSubmatchIndex(text, -1) {
		b.WriteString(text[last:at[0]])
		last = at[1]
		said := f.says(strings.ToLower(text[at[2]:at[3]]), text[last:])
		b.WriteString(said)
		if strings.HasSuffix(said, ".") && strings.HasPrefix(text[last:], ".") && !strings.HasPrefix(text[last:], "..") {
			last++ // a date that ends with the point of an abbreviation ends the sentence, too
		}
	}
	return b.String() + text[last:]
}

// without leaves out what cannot be filled: a name that is not known, with the comma before it, and sentences
// about a closing date that there is not.
func (f filling) without(text string) string {
	if f.name == "" {
		text = capital(noName.ReplaceAllString(text, ""))
	}
	if f.closes == "" && withCloses.MatchString(text) {
		text = strings.TrimSpace(sentence.ReplaceAllStringFunc(text, func(s string) string {
			if withCloses.MatchString(s) {
				return ""
			}
			return s
		}))
	}
	return text
}

func (f filling) says(name, after string) string {
	switch name {
	case "name":
		return f.name
	case "survey":
		return f.title
	case "asker":
		return f.asker
	case "minutes":
		if minuteWord.MatchString(after) { // "{minutes} minutes"
			return f.minutesAlone
		}
		return f.minutes
	case "closes":
		return f.closes
	}
	return "{" + name + "}" // not a placeholder, which [CheckLetter] has said
}

var (
	emptyLines = regexp.MustCompile(`\n[ \t]*\n\s*`)
	linkAt     = regexp.MustCompile(`(?i)\{\s*link\s*\}`)
)

// paragraphs parts a text into paragraphs and fills them. People's words are filled in after the text was parted,
// so that a name makes neither paragraphs nor links.
func (f filling) paragraphs(text string) []paragraph {
	var all []paragraph
	text = strings.TrimSpace(strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n"))
	for _, part := range emptyLines.Split(text, -1) {
		part = strings.TrimSpace(part)
		if linkAt.FindString(part) == part && part != "" {
			all = append(all, paragraph{Button: true})
			continue
		}
		if part = f.without(part); part == "" {
			continue
		}
		p := paragraph{}
		for line := range strings.SplitSeq(part, "\n") {
			var spans []span
			for i, piece := range linkAt.Split(strings.TrimSpace(line), -1) {
				if i > 0 {
					spans = append(spans, span{Link: true})
				}
				if piece != "" {
					spans = append(spans, span{Text: f.into(piece)})
				}
			}
			p.Lines = append(p.Lines, spans)
		}
		all = append(all, p)
	}
	return all
}

// footerRule parts the letter from what the program says. "-- " would make mail programs hide what follows.
const footerRule = "----------------------------------------"

// plainText writes a letter for programs that show no HTML.
func plainText(page letterPage) string {
	var b strings.Builder
	for _, p := range page.Paragraphs {
		if p.Button {
			b.WriteString(page.Button + ":\n" + page.Link + "\n\n")
			continue
		}
		for _, line := range p.Lines {
			for _, s := range line {
				if s.Link {
					b.WriteString(page.Link)
				}
				b.WriteString(s.Text)
			}
			b.WriteString("\n")
		}
		b.WriteString("\n")
	}
	b.WriteString(footerRule + "\n")
	for _, line := range page.Footer {
		b.WriteString(line + "\n\n")
	}
	b.WriteString(page.UnsubscribeText + ":\n" + page.Unsubscribe + "\n")
	return b.String()
}

func capital(text string) string {
	first, size := utf8.DecodeRuneInString(text)
	if size == 0 {
		return text
	}
	return string(unicode.ToUpper(first)) + text[size:]
}
