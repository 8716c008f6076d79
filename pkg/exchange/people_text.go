package exchange

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	utf "golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"

	"cxmirror/pkg/survey"
)

const (
	maxLine        = 64 << 10 // bytes of a line of a file of people
	maxQuotedLines = 24       // lines of a cell in quotes; beyond that the quote was left open
)

// textRows are the rows of a text file of people. Unlike encoding/csv, which files of answers are read with, it
// goes on after a quote that is left open: somebody's department is worth less than the thousand people after her.
type textRows struct {
	file      string
	source    *recogniser
	text      *text
	lines     *bufio.Reader
	delimiter byte
	line      int        // read from the file
	queue     []textLine // read, and to be read again
}

// textLine is a line without its end.
type textLine struct {
	number int
	text   string
	cut    bool // it is longer than maxLine
}

func openPeopleText(r io.Reader, name string, options PeopleOptions) (*textRows, error) {
	packed := bufio.NewReaderSize(r, recogniseWindow)
	if start, err := packed.Peek(2); err == nil && string(start) == "\x1f\x8b" {
		unzipped, err := gzip.NewReader(packed)
		if err != nil {
			return nil, &FileError{File: name, Says: notUnpacked(err)}
		}
		packed = bufio.NewReaderSize(unzipped, recogniseWindow)
	}
	source, err := newRecogniser(packed, name, options.Encoding)
	if err != nil {
		return nil, err
	}
	t, err := openText(source, name, "", options.Languages)
	if source.err != nil {
		return nil, source.err
	}
	if err != nil {
		return nil, err
	}
	rows := &textRows{file: name, source: source, text: t, lines: bufio.NewReaderSize(t, maxLine)}
	declared, ok := declaredDelimiter(t.head)
	switch {
	case ok:
		if _, err := rows.readLine(); err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		rows.delimiter = byte(declared) //nolint:gosec // declaredDelimiter knows ASCII only
	default:
		rows.delimiter = commonDelimiter(t.head, name)
	}
	if options.Delimiter != 0 {
		if !strings.ContainsRune(",;\t|", options.Delimiter) {
			return nil, &FileError{File: name, Says: survey.Say("delimiter", "cells cannot be separated by %q: it is a comma, a semicolon, a tab or a bar", "Delimiter", string(options.Delimiter))}
		}
		rows.delimiter = byte(options.Delimiter) //nolint:gosec // one of four
	}
	return rows, nil
}

// commonDelimiter is the character that most of the first lines have equally often.
func commonDelimiter(head []byte, name string) byte {
	const looked = 40
	if name = strings.TrimSuffix(strings.ToLower(name), ".gz"); strings.HasSuffix(name, ".tsv") || strings.HasSuffix(name, ".tab") {
		return '\t'
	}
	const candidates = ";\t,|"
	counts := make([]map[int]int, len(candidates)) // how many lines have it how often
	for i := range counts {
		counts[i] = make(map[int]int)
	}
	lines := 0
	head = bytes.ReplaceAll(head, []byte{'\r'}, []byte{'\n'})
	for line := range bytes.SplitSeq(head, []byte{'\n'}) {
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		if lines++; lines > looked {
			break
		}
		var n [len(candidates)]int
		quoted := false
		for _, c := range line {
			if c == '"' {
				quoted = !quoted
			}
			if at := strings.IndexByte(candidates, c); at >= 0 && !quoted {
				n[at]++
			}
		}
		for i, times := range n {
			if times > 0 {
				counts[i][times]++
			}
		}
	}
	best, bestLines, bestTimes := byte(','), 0, 0
	for i, of := range counts {
		for times, n := range of {
			if n > bestLines || n == bestLines && times > bestTimes {
				best, bestLines, bestTimes = candidates[i], n, times
			}
		}
	}
	return best
}

func (*textRows) padded() bool { return true }

func (s *textRows) describe(report *PeopleReport) { report.Encoding = s.source.name }

// readLine returns the next line; the rest of one that is too long is skipped.
func (s *textRows) readLine() (textLine, error) {
	if len(s.queue) > 0 {
		line := s.queue[0]
		s.queue = s.queue[1:]
		return line, nil
	}
	s.text.startRow()
	raw, err := s.lines.ReadSlice('\n')
	line := textLine{number: s.line + 1, text: string(bytes.TrimRight(raw, "\r\n"))}
	for errors.Is(err, bufio.ErrBufferFull) {
		line.cut = true
		s.text.startRow()
		_, err = s.lines.ReadSlice('\n')
	}
	switch {
	case s.source.err != nil:
		return textLine{}, s.source.err
	case errors.Is(err, io.EOF) && len(raw) > 0:
	case err != nil:
		return textLine{}, err
	}
	s.line++
	return line, nil
}

func (s *textRows) next() (*peopleRow, error) {
	first, err := s.readLine()
	if err != nil {
		return nil, err
	}
	row := &peopleRow{line: first.number}
	if first.cut {
		row.cells = []string{first.text[:min(len(first.text), 200)]}
		row.faults = []cellFault{{column: -1, problem: ProblemLong, RowFault: RowFault{Reason: LineLong, Limit: maxLine >> 10}}}
		return row, nil
	}
	whole := first.text
	var more []textLine
	for {
		cells, open, closed := splitCells(whole, s.delimiter)
		if open < 0 {
			row.cells = cells
			return row, nil
		}
		// A quoted cell may go on in the next line, unless the quote was closed where no cell ends.
		var line textLine
		if !closed && len(more) < maxQuotedLines && len(whole) < maxLine {
			if line, err = s.readLine(); err == nil && !line.cut {
				more = append(more, line)
				whole += "\n" + line.text
				continue
			} else if err != nil && !errors.Is(err, io.EOF) {
				return nil, err
			}
			if err == nil {
				more = append(more, line)
			}
		}
		s.queue = append(more, s.queue...)
		row.cells = strings.Split(first.text, string(rune(s.delimiter)))
		row.faults = []cellFault{openQuote(whole, open, closed, first.number)}
		return row, nil
	}
}

// openQuote says where a quote began that was not closed, or not where a cell ends.
func openQuote(whole string, open int, closed bool, line int) cellFault {
	before := whole[:open]
	line += strings.Count(before, "\n")
	column := utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:]) + 1
	reason := QuoteOpen
	if closed {
		reason = QuoteInside
	}
	return cellFault{column: -1, problem: ProblemQuote, RowFault: RowFault{Reason: reason, Line: line, Count: column}}
}

// splitCells cuts a line at the delimiters. Cells in quotes may hold delimiters, line ends, and quotes written
// twice. open is where the quote stands that is wrong, or -1; closed is true if text follows its end. A quote
// inside a cell that does not begin with one is part of the text.
func splitCells(line string, delimiter byte) (cells []string, open int, closed bool) {
	cells = make([]string, 0, 8)
	for at := 0; ; {
		if at < len(line) && line[at] == '"' {
			text, end, ok := quotedCell(line[at+1:])
			if !ok {
				return cells, at, false
			}
			rest := at + 1 + end
			if rest < len(line) && line[rest] != delimiter {
				return cells, at, true
			}
			cells = append(cells, text)
			if rest == len(line) {
				return cells, -1, false
			}
			at = rest + 1
			continue
		}
		end := strings.IndexByte(line[at:], delimiter)
		if end < 0 {
			return append(cells, line[at:]), -1, false
		}
		cells = append(cells, line[at:at+end])
		at += end + 1
	}
}

// quotedCell reads a cell after its opening quote, up to and with the closing one.
func quotedCell(s string) (text string, end int, ok bool) {
	for from := 0; ; {
		i := strings.IndexByte(s[from:], '"')
		if i < 0 {
			return "", 0, false
		}
		from += i + 1
		if from < len(s) && s[from] == '"' {
			from++
			continue
		}
		return strings.ReplaceAll(s[:from-1], `""`, `"`), from, true
	}
}

// recogniseWindow is how much of a file is looked at from its first character that is not ASCII.
const recogniseWindow = 128 << 10

// recogniser is a text file in UTF-8 without byte order mark, whatever it was. What it is shows at the first
// character that is not ASCII, which may stand far down. Bytes that mean nothing become U+FFFD, for which rows
// are rejected one by one.
type recogniser struct {
	file string
	from *bufio.Reader
	to   io.Reader // once it is known
	name string
	tail []byte // the last ASCII letters handed out: the word goes on with a letter that is not
	err  error
}

func newRecogniser(from *bufio.Reader, file, named string) (*recogniser, error) {
	g := &recogniser{file: file, from: from, name: "utf-8"}
	start, err := from.Peek(1024)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, &FileError{File: file, Says: readFailure(err)}
	}
	mark := ""
	switch {
	case bytes.HasPrefix(start, []byte("\xef\xbb\xbf")):
		mark = "utf-8"
		_, _ = from.Discard(3) // what was peeked at is there
		g.decode(utf.UTF8)
	case bytes.HasPrefix(start, []byte("\xff\xfe")):
		mark = "utf-16le"
		g.decode(utf.UTF16(utf.LittleEndian, utf.UseBOM))
	case bytes.HasPrefix(start, []byte("\xfe\xff")):
		mark = "utf-16be"
		g.decode(utf.UTF16(utf.BigEndian, utf.UseBOM))
	}
	chosen, canonical, known := encodingByName(named)
	switch {
	case !known:
		return nil, &FileError{File: file, Says: noEncoding(named)}
	case mark != "":
		// A mark is sure, whoever said what.
		g.name = mark
		return g, nil
	case chosen != nil:
		g.name = canonical
		g.decode(chosen)
		return g, nil
	}
	even, odd := zeros(start)
	switch {
	case odd > 4*even && odd*8 > len(start):
		g.name = "utf-16le"
		g.decode(utf.UTF16(utf.LittleEndian, utf.IgnoreBOM))
	case even > 4*odd && even*8 > len(start):
		g.name = "utf-16be"
		g.decode(utf.UTF16(utf.BigEndian, utf.IgnoreBOM))
	case even+odd > 0:
		return nil, &FileError{File: file, Says: survey.Say("people_zeros", "the file holds zero bytes, as no text does: save the list as .xlsx or as \"CSV UTF-8\", and import that")}
	}
	return g, nil
}

// zeros counts the zero bytes at even and at odd places.
func zeros(b []byte) (even, odd int) {
	for i, c := range b {
		if c == 0 && i%2 == 0 {
			even++
		} else if c == 0 {
			odd++
		}
	}
	return even, odd
}

func (g *recogniser) decode(from encoding.Encoding) {
	g.to = transform.NewReader(g.from, from.NewDecoder())
}

// Read implements io.Reader.
func (g *recogniser) Read(p []byte) (int, error) {
	if g.err != nil {
		return 0, g.err
	}
	if g.to != nil {
		return g.to.Read(p) //nolint:wrapcheck // a Reader hands on io.EOF as it is
	}
	window, err := g.from.Peek(recogniseWindow)
	if len(window) == 0 {
		return 0, err //nolint:wrapcheck // see above
	}
	ascii := bytes.IndexFunc(window, func(r rune) bool { return r >= utf8.RuneSelf })
	if ascii < 0 {
		ascii = len(window)
	}
	if ascii > 0 {
		n := copy(p, window[:ascii])
		_, _ = g.from.Discard(n) // what was peeked at is there
		const longest = 30
		g.tail = append(g.tail, p[max(0, n-longest):n]...)
		g.tail = bytes.Clone(g.tail[bytes.LastIndexFunc(g.tail, func(r rune) bool { return !unicode.IsLetter(r) })+1:])
		return n, nil
	}
	found, name, problem := recognise(append(g.tail, window...))
	if problem != nil {
		g.err = &FileError{File: g.file, Says: *problem}
		return 0, g.err
	}
	g.name = name
	g.decode(found)
	return g.to.Read(p) //nolint:wrapcheck // see above
}

// alphabet is the letters beyond ASCII that a language writes, and an encoding it is written in.
type alphabet struct {
	name     string
	encoding *charmap.Charmap
	letters  string
	cyrillic bool
}

// alphabets are those that are recognised, the likelier encodings first. Where two read a text the same way, the
// first is taken.
func alphabets() []alphabet {
	const (
		pl, ro = "ąćęłńóśźż", "ăâîșțşţ"
		cs, sk = "áčďéěíňóřšťúůýž", "áäčďéíĺľňóôŕšťúýž"
		hu, sl = "áéíóöőúüű", "čšžćđ"
		west   = "äöüßàâáãåæçèéêëìíîïñòóôõøùúûýÿœ"
		ru, bg = "абвгдеёжзийклмнопрстуфхцчшщъыьэюя", "абвгдежзийклмнопрстуфхцчшщъьюя"
		uk     = "абвгґдеєжзиіїйклмнопрстуфхцчшщьюя"
	)
	var all []alphabet
	for _, letters := range []string{pl, ro, cs, sk, hu, sl} {
		all = append(all, alphabet{"windows-1250", charmap.Windows1250, letters, false})
	}
	for _, letters := range []string{ru, bg, uk} {
		all = append(all, alphabet{"windows-1251", charmap.Windows1251, letters, true})
	}
	all = append(all, alphabet{"windows-1252", charmap.Windows1252, west, false})
	for _, letters := range []string{pl, ro, cs, sk, hu, sl} {
		all = append(all, alphabet{"iso-8859-2", charmap.ISO8859_2, letters, false})
	}
	return all
}

// recognise finds the encoding of a text that begins with a character that is not ASCII. Where two encodings
// are as likely and do not say the same, problem shows how each would read it.
func recognise(window []byte) (found encoding.Encoding, name string, problem *survey.Saying) {
	if mostlyUTF8(window) {
		return utf.UTF8, "utf-8", nil
	}
	type reading struct {
		alphabet
		share float64
	}
	words := foreignWords(window)
	var best []reading
	for _, a := range alphabets() {
		best = append(best, reading{alphabet: a, share: a.share(words)})
	}
	slices.SortStableFunc(best, func(a, b reading) int {
		switch {
		case a.share > b.share:
			return -1
		case a.share < b.share:
			return 1
		}
		return 0
	})
	const sure = 0.75
	first := best[0]
	if first.share < sure {
		example := ""
		if len(words) > 0 {
			example = fmt.Sprintf(" (windows-1250: %q, windows-1251: %q)", alphabets()[0].read(words[0]), decodeWord(charmap.Windows1251, words[0]))
		}
		why := survey.Say("encoding_unrecognised", "the file is not UTF-8, and its encoding cannot be recognised%s: "+
			"say which it is (windows-1250, windows-1251, windows-1252, iso-8859-2, koi8-r, cp852 ...), or save it as \"CSV UTF-8\" or .xlsx", "Example", example)
		return nil, "", &why
	}
	for _, other := range best[1:] {
		if other.name == first.name || other.share < first.share {
			continue
		}
		for _, word := range words {
			if one, two := first.read(word), other.read(word); one != two {
				why := survey.Say("encoding_either", "the file is not UTF-8, and may be %s (%q) or %s (%q): say which encoding it is, or save it as \"CSV UTF-8\" or .xlsx",
					"First", first.name, "One", one, "Second", other.name, "Two", two)
				return nil, "", &why
			}
		}
	}
	return first.encoding, first.name, nil
}

// mostlyUTF8 reports whether a text is UTF-8, perhaps with a damaged character here and there. Its last
// character may be cut.
func mostlyUTF8(b []byte) bool {
	good, bad := 0, 0
	for len(b) > 0 {
		r, size := utf8.DecodeRune(b)
		switch {
		case r == utf8.RuneError && size == 1 && !utf8.FullRune(b):
			return good >= 3*bad
		case r == utf8.RuneError && size == 1:
			bad++
		case size > 1:
			good++
		}
		b = b[size:]
	}
	return good > 0 && good >= 3*bad || bad == 0
}

// foreignWords are the words of a text with bytes that are not ASCII, each once.
func foreignWords(b []byte) []string {
	const most = 5000
	seen := make(map[string]bool)
	var words []string
	for start := 0; start < len(b) && len(words) < most; {
		end, foreign := start, false
		for end < len(b) && (b[end] >= utf8.RuneSelf || unicode.IsLetter(rune(b[end]))) {
			foreign = foreign || b[end] >= utf8.RuneSelf
			end++
		}
		if word := string(b[start:end]); foreign && !seen[word] {
			seen[word] = true
			words = append(words, word)
		}
		start = end + 1
	}
	return words
}

// share is how large a part of the foreign letters of words are of the alphabet, and stand where it has them.
// Letters of a neighbour's alphabet count half: there is a Müller in every list.
func (a alphabet) share(words []string) float64 {
	good, half, bad := 0, 0, 0
	for _, word := range words {
		letters := []rune(a.read(word))
		run := 0
		for i, r := range letters {
			if r < utf8.RuneSelf {
				run = 0
				continue
			}
			run++
			lower := unicode.ToLower(r)
			fits := strings.ContainsRune(a.letters, lower)
			switch {
			case !fits:
			case a.cyrillic && (i > 0 && letters[i-1] < utf8.RuneSelf || i+1 < len(letters) && letters[i+1] < utf8.RuneSelf):
				fits = false // Cyrillic and Latin in one word
			case !a.cyrillic && run > 2:
				fits = false // no language here has three such letters in a row
			case i > 0 && unicode.IsUpper(r) && unicode.IsLower(letters[i-1]):
				fits = false
			}
			switch {
			case fits:
				good++
			case !a.cyrillic && unicode.IsLetter(r) && r < '\u0250' && run <= 2:
				half++
			default:
				bad++
			}
		}
	}
	if good+half+bad == 0 {
		return 0
	}
	return (float64(good) + float64(half)/2) / float64(good+half+bad)
}

func (a alphabet) read(word string) string { return decodeWord(a.encoding, word) }

func decodeWord(from *charmap.Charmap, word string) string {
	var b strings.Builder
	for i := range len(word) {
		b.WriteRune(from.DecodeByte(word[i]))
	}
	return b.String()
}
