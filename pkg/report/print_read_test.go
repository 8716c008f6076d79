package report_test

import (
	"bytes"
	"compress/zlib"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf16"
)

// printed is a document as a program that shows it reads it.
type printed struct {
	objects map[int]object
	pages   []printedPage
	meta    map[string]string // of the document: Title, Author, Creator, CreationDate, Lang
}

// object is one object of the file.
type object struct {
	dictionary string
	stream     []byte // inflated
}

// printedPage is what is drawn on a page. Lengths are in points from the lower left corner.
type printedPage struct {
	width, height float64
	texts         []printedText
	points        [][2]float64 // of every path that is painted
	codes         []printedCode
	spoken        []string // replacements of what is drawn for readers
	tags          []string // languages that words are marked with
	links         []string
}

// printedText is one run of letters.
type printedText struct {
	x, y, size float64
	bold       bool
	text       string
}

// printedCode is a path of rectangles in a space of its own: a QR code.
type printedCode struct {
	scale, x, y float64  // of one unit, and where the first module's corner lies
	blocks      [][4]int // x, y, width, height
}

// modules paints a code's blocks on a square of n modules.
func (c *printedCode) modules(t *testing.T, n int) [][]bool {
	t.Helper()
	square := make([][]bool, n)
	for i := range square {
		square[i] = make([]bool, n)
	}
	for _, b := range c.blocks {
		for y := b[1]; y < b[1]+b[3]; y++ {
			for x := b[0]; x < b[0]+b[2]; x++ {
				if x < 0 || y < 0 || x >= n || y >= n || square[y][x] {
					t.Fatalf("block %v lies outside of %d modules or on another block", b, n)
				}
				square[y][x] = true
			}
		}
	}
	return square
}

var (
	objectBegin = regexp.MustCompile(`(?m)^(\d+) 0 obj\n`)
	kids        = regexp.MustCompile(`/Kids \[([^\]]*)\]`)
	contents    = regexp.MustCompile(`/Contents (\d+) 0 R`)
	mediaBox    = regexp.MustCompile(`/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]`)
	uri         = regexp.MustCompile(`/URI \(([^)]*)\)`)
	fontOf      = regexp.MustCompile(`(/F\w+) (\d+) 0 R`)
	xref        = regexp.MustCompile(`(?s)xref\n0 (\d+)\n(.*?)trailer`)
)

// readPDF reads a document as the package writes it: objects where the table says they are, streams inflated.
func readPDF(t *testing.T, file []byte) *printed {
	t.Helper()
	d := &printed{objects: map[int]object{}, meta: map[string]string{}}
	table := xref.FindSubmatch(file)
	if table == nil {
		t.Fatal("no table of objects")
	}
	for n, line := range strings.Split(strings.TrimSpace(string(table[2])), "\n") {
		if !strings.HasSuffix(strings.TrimSpace(line), "n") {
			continue
		}
		at, err := strconv.Atoi(strings.TrimLeft(line[:10], "0"))
		if err != nil || !bytes.HasPrefix(file[at:], fmt.Appendf(nil, "%d 0 obj", n)) {
			t.Fatalf("object %d is not where the table says: %q", n, line)
		}
		d.objects[n] = readObject(t, file[at:])
	}
	for _, o := range d.objects {
		if !strings.Contains(o.dictionary, "/Type /Catalog") {
			for _, key := range []string{"Title", "Author", "Creator", "CreationDate"} {
				if _, after, found := strings.Cut(o.dictionary, "/"+key+" ("); found && strings.Contains(o.dictionary, "/CreationDate") {
					text, _ := literal([]byte("(" + after))
					d.meta[key] = decodeText(text)
				}
			}
		} else if _, after, found := strings.Cut(o.dictionary, "/Lang ("); found {
			d.meta["Lang"], _, _ = strings.Cut(after, ")")
		}
	}
	for ref := range strings.SplitSeq(strings.ReplaceAll(kids.FindStringSubmatch(d.objects[1].dictionary)[1], " 0 R", ","), ",") {
		if ref = strings.TrimSpace(ref); ref == "" {
			continue
		}
		n, err := strconv.Atoi(ref)
		if err != nil {
			t.Fatalf("page %q: %v", ref, err)
		}
		d.pages = append(d.pages, d.readPage(t, n))
	}
	return d
}

// readObject reads the object at the beginning of rest.
func readObject(t *testing.T, rest []byte) object {
	t.Helper()
	rest = rest[objectBegin.FindIndex(rest)[1]:]
	end := bytes.Index(rest, []byte("endobj"))
	begin := bytes.Index(rest, []byte("stream\n"))
	if begin < 0 || begin > end {
		return object{dictionary: string(rest[:end])}
	}
	dictionary := string(rest[:begin])
	_, after, _ := strings.Cut(dictionary, "/Length ")
	var length int
	if _, err := fmt.Sscan(after, &length); err != nil {
		t.Fatalf("length of a stream: %v", err)
	}
	raw := rest[begin+len("stream\n"):][:length]
	if !strings.Contains(dictionary, "/FlateDecode") {
		return object{dictionary, raw}
	}
	reader, err := zlib.NewReader(bytes.NewReader(raw))
	if err != nil {
		t.Fatalf("stream: %v", err)
	}
	inflated, err := io.ReadAll(reader)
	if err != nil {
		t.Fatalf("stream: %v", err)
	}
	return object{dictionary, inflated}
}

// readPage interprets the operators of a page.
func (d *printed) readPage(t *testing.T, n int) printedPage {
	t.Helper()
	o := d.objects[n]
	box := mediaBox.FindStringSubmatch(o.dictionary)
	if box == nil {
		box = mediaBox.FindStringSubmatch(d.objects[1].dictionary)
	}
	if box == nil {
		t.Fatalf("page %d has no size", n)
	}
	var p printedPage
	p.width, p.height = number(t, box[1]), number(t, box[2])
	for _, m := range uri.FindAllStringSubmatch(o.dictionary, -1) {
		p.links = append(p.links, m[1])
	}
	stream, err := strconv.Atoi(contents.FindStringSubmatch(o.dictionary)[1])
	if err != nil {
		t.Fatalf("page %d: %v", n, err)
	}
	bold := map[string]bool{}
	for _, m := range fontOf.FindAllStringSubmatch(d.objects[2].dictionary, -1) {
		bold[m[1]] = strings.Contains(d.objects[int(number(t, m[2]))].dictionary, "/BaseFont /utf8notoB")
	}
	if len(bold) != 2 {
		t.Fatalf("%d fonts; want 2", len(bold))
	}
	var (
		operands []string
		font     string
		size     float64
		x, y     float64
		code     *printedCode
		depth    int
	)
	last := func(n int) []float64 {
		numbers := make([]float64, n)
		for i, s := range operands[len(operands)-n:] {
			numbers[i] = number(t, s)
		}
		return numbers
	}
	for rest := d.objects[stream].stream; ; {
		var token string
		if token, rest = nextToken(rest); token == "" {
			break
		}
		if strings.ContainsRune("(<>/[]-.0123456789", rune(token[0])) {
			operands = append(operands, token)
			continue
		}
		switch token {
		case "Tf":
			font, size = operands[len(operands)-2], last(1)[0]
		case "Td":
			v := last(2)
			x, y = v[0], v[1]
		case "Tj":
			p.texts = append(p.texts, printedText{x, y, size, bold[font], decodeText("\xFE\xFF" + operands[len(operands)-1][1:])})
		case "cm":
			v := last(6)
			if v[1] != 0 || v[2] != 0 || v[0] != -v[3] {
				t.Fatalf("page %d: a space that is turned or stretched: %v", n, v)
			}
			code = &printedCode{scale: v[0], x: v[4], y: v[5]}
		case "re":
			v := last(4)
			if code != nil {
				code.blocks = append(code.blocks, [4]int{int(v[0]), int(v[1]), int(v[2]), int(v[3])})
				break
			}
			p.points = append(p.points, [2]float64{v[0], v[1]}, [2]float64{v[0] + v[2], v[1] + v[3]})
		case "m", "l":
			v := last(2)
			p.points = append(p.points, [2]float64{v[0], v[1]})
		case "c":
			v := last(6)
			for i := 0; i < 6; i += 2 {
				p.points = append(p.points, [2]float64{v[i], v[i+1]})
			}
		case "q":
			depth++
		case "Q":
			if depth--; code != nil {
				p.codes, code = append(p.codes, *code), nil
			}
		case "BDC":
			joined := strings.Join(operands, " ")
			if _, after, found := strings.Cut(joined, "/ActualText <"); found {
				hex, _, _ := strings.Cut(after, ">")
				var raw []byte
				if _, err := fmt.Sscanf(hex, "%X", &raw); err != nil {
					t.Fatalf("page %d: replacement %q: %v", n, hex, err)
				}
				p.spoken = append(p.spoken, decodeText(string(raw)))
			} else if _, after, found := strings.Cut(joined, "/Lang ("); found {
				tag, _, _ := strings.Cut(after, " ")
				p.tags = append(p.tags, tag)
			}
			depth++
		case "EMC":
			depth--
		}
		operands = operands[:0]
	}
	if depth != 0 {
		t.Errorf("page %d: what is opened is not closed, or the other way round: %d", n, depth)
	}
	return p
}

// text returns the words of a page in the order they are written, lines parted by spaces.
func (p *printedPage) text() string {
	var all []string
	for _, s := range p.texts {
		all = append(all, s.text)
	}
	return strings.Join(all, " ")
}

func number(t *testing.T, s string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		t.Fatalf("%q is no number", s)
	}
	return v
}

// nextToken returns the next token of a content stream; a string as "(" and its bytes.
func nextToken(b []byte) (token string, rest []byte) {
	b = bytes.TrimLeft(b, " \n\r\t")
	switch {
	case len(b) == 0:
		return "", nil
	case b[0] == '(':
		text, after := literal(b)
		return "(" + text, after
	case bytes.HasPrefix(b, []byte("<<")), bytes.HasPrefix(b, []byte(">>")):
		return string(b[:2]), b[2:]
	case b[0] == '<':
		end := bytes.IndexByte(b, '>')
		return string(b[:end+1]), b[end+1:]
	case b[0] == '[', b[0] == ']':
		return string(b[:1]), b[1:]
	}
	end := bytes.IndexAny(b[1:], " \n\r\t(<>[]/")
	if end < 0 {
		return string(b), nil
	}
	return string(b[:end+1]), b[end+1:]
}

// literal reads a string in brackets, with its escapes.
func literal(b []byte) (text string, rest []byte) {
	var out []byte
	for i := 1; i < len(b); i++ {
		switch b[i] {
		case ')':
			return string(out), b[i+1:]
		case '\\':
			i++
			if b[i] == 'r' {
				out = append(out, '\r')
				continue
			}
			out = append(out, b[i])
		default:
			out = append(out, b[i])
		}
	}
	return string(out), nil
}

// decodeText reads UTF-16 with its mark, or else plain bytes.
func decodeText(s string) string {
	after, marked := strings.CutPrefix(s, "\xFE\xFF")
	if !marked {
		return s
	}
	units := make([]uint16, len(after)/2)
	for i := range units {
		units[i] = uint16(after[2*i])<<8 | uint16(after[2*i+1])
	}
	return string(utf16.Decode(units))
}
