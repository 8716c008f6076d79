package exchange

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/ianaindex"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"

	"cxmirror/pkg/survey"
)

const (
	// blockSize is how much of a file is looked at in one go, and how far the first look reaches.
	blockSize = 64 << 10
	// maxRow bounds the memory one row may take. A quote that is never closed makes one row of the rest
	// of the file; it must end as a message, not as gigabytes.
	maxRow = 4 << 20
)

// errLongRow is returned by text.Read once a row has grown beyond maxRow.
var errLongRow = errors.New("row too long")

// FileError says where and why a file could not be read on. Line and Column count from 1, Column in
// characters; 0 means that it is about the whole file, or the whole line.
type FileError struct {
	File         string
	Line, Column int
	Says         survey.Saying
	Fault        RowFault // of the row that names the columns of people, if that is what is wrong
}

func (e *FileError) Error() string { return e.Place() + e.Says.String() }

// Place returns "file:line:column: ", as far as they are known.
func (e *FileError) Place() string { return place(e.File, e.Line, e.Column) }

// place prints "file:line:column: " without the parts that are not known.
func place(file string, line, column int) string {
	switch {
	case line == 0:
		return file + ": "
	case column == 0:
		return fmt.Sprintf("%s:%d: ", file, line)
	}
	return fmt.Sprintf("%s:%d:%d: ", file, line, column)
}

// text is a file of answers as UTF-8 text whose lines end in LF: unpacked, decoded, checked. It holds one
// block of the file at a time.
type text struct {
	file  string
	from  io.Reader
	head  []byte // the first characters of the text, for guessing how it is written; see openText
	check check
	hint  survey.Saying // what to do about characters that do not fit the encoding
	crs   bool          // lines end in CR alone, as old Macs (and Excel for Mac, until lately) wrote them

	block       []byte // what was read from the file
	ready, sane int    // block[ready:sane] is checked and not yet handed out
	filled      int    // block[sane:filled] is the beginning of a character whose end is in the next block
	err         error
	line        int // of block[sane]
	column      int // of block[sane], in characters
	inRow       int // bytes handed out since startRow
}

// check says what can be wrong with the characters of a text.
type check uint8

const (
	checkNothing      check = iota // UTF-16: the decoder knows
	checkUTF8                      // must be valid UTF-8
	checkReplacements              // the decoder puts U+FFFD where a byte means nothing in the encoding
)

// openText unpacks and decodes a file. encodingName is what a map says about it, or ""; the languages are
// those that answers may be written in, and serve for advice only. The file is read from its beginning
// up to one block.
func openText(r io.Reader, file, encodingName string, languages []survey.Language) (*text, error) {
	packed := bufio.NewReaderSize(r, blockSize)
	start, err := packed.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, &FileError{File: file, Says: readFailure(err)}
	}
	switch {
	case bytes.HasPrefix(start, []byte("\x1f\x8b")):
		unzipped, err := gzip.NewReader(packed)
		if err != nil {
			return nil, &FileError{File: file, Says: notUnpacked(err)}
		}
		packed = bufio.NewReaderSize(unzipped, blockSize)
	case bytes.HasPrefix(start, []byte("PK\x03\x04")):
		return nil, &FileError{File: file, Says: survey.Say("zip_answers", "this is a zip archive, probably an Excel workbook: save the sheet as \"CSV UTF-8\" first")}
	case bytes.HasPrefix(start, []byte("\xd0\xcf\x11\xe0")):
		return nil, &FileError{File: file, Says: survey.Say("excel97_answers", "this is an Excel 97 workbook: save the sheet as \"CSV UTF-8\" first")}
	case bytes.HasPrefix(start, []byte("$FL2")):
		return nil, &FileError{File: file, Says: survey.Say("spss", "this is an SPSS data file: save it as CSV first")}
	}
	t := &text{file: file, line: 1, column: 1, block: make([]byte, blockSize)}
	decoded, err := t.decode(packed, encodingName, languages)
	if err != nil {
		return nil, err
	}
	// An error of reading is not lost here: bufio hands it out again once the text before it is read.
	t.head, _ = decoded.Peek(blockSize)
	if len(bytes.TrimSpace(t.head)) == 0 {
		if _, err := decoded.Peek(1); err == nil || errors.Is(err, io.EOF) {
			return nil, &FileError{File: file, Says: survey.Say("empty_answers", "the file is empty: a header row with the names of the columns is expected")}
		}
	}
	t.head = bytes.Clone(t.head)
	t.crs = endsLinesInCR(t.head)
	t.from = decoded
	return t, nil
}

// decode finds the encoding, by the byte order mark or by name, and returns the text in UTF-8 without the mark.
func (t *text) decode(packed *bufio.Reader, name string, languages []survey.Language) (*bufio.Reader, error) {
	start, err := packed.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, &FileError{File: t.file, Says: readFailure(err)}
	}
	marked := ""
	switch {
	case bytes.HasPrefix(start, []byte("\xef\xbb\xbf")):
		marked = "utf-8"
		if _, err := packed.Discard(3); err != nil {
			return nil, &FileError{File: t.file, Says: readFailure(err)}
		}
	case bytes.HasPrefix(start, []byte("\xff\xfe")), bytes.HasPrefix(start, []byte("\xfe\xff")):
		marked = "utf-16"
	}
	named, canonical, known := encodingByName(name)
	if !known {
		return nil, &FileError{File: t.file, Says: noEncoding(name)}
	}
	switch {
	case marked != "" && named != nil && !strings.HasPrefix(canonical, marked):
		return nil, &FileError{File: t.file, Line: 1, Column: 1, Says: survey.Say("encoding_contradicted",
			"the map says the encoding is %s, but the file begins with the mark of %s: take the encoding out of the map",
			"Said", canonical, "Marked", strings.ToUpper(marked))}
	case marked == "utf-16":
		utf16 := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM)
		return bufio.NewReaderSize(transform.NewReader(packed, utf16.NewDecoder()), blockSize), nil
	case named == nil && bytes.IndexByte(start, 0) >= 0:
		return nil, &FileError{File: t.file, Line: 1, Column: 1, Says: survey.Say("zeros_answers", "the text holds zero bytes: it is probably UTF-16 without its mark; "+
			"name the encoding in a map, `file: {encoding: utf-16le}`, or save the file as UTF-8")}
	case named == nil || canonical == "utf-8":
		t.check = checkUTF8
		t.hint = survey.Say("not_utf8", "not UTF-8; save the file as UTF-8, or name its encoding in a map, for example `file: {encoding: %s}`", "Encoding", likelyEncoding(languages))
		return packed, nil
	case !strings.HasPrefix(canonical, "utf-16"):
		t.check = checkReplacements
		t.hint = survey.Say("byte_meaningless", "a byte here means nothing in %s: the map names the wrong encoding", "Encoding", canonical)
	}
	return bufio.NewReaderSize(transform.NewReader(packed, named.NewDecoder()), blockSize), nil
}

// encodingByName knows the names of the web (windows-1250, macintosh, iso-8859-2, koi8-r), those of IANA
// (IBM437) and the short ones people use (cp437, cp1250, latin2). It returns nil for "", which is known.
func encodingByName(name string) (found encoding.Encoding, canonical string, known bool) {
	if name == "" {
		return nil, "", true
	}
	wanted := strings.ToLower(strings.TrimSpace(name))
	// What web browsers read as latin1 is windows-1252; code pages of DOS are not on the web at all.
	switch wanted {
	case "cp437", "ibm437", "437":
		return charmap.CodePage437, "cp437", true
	case "cp850", "ibm850", "850":
		return charmap.CodePage850, "cp850", true
	case "cp852", "ibm852", "852":
		return charmap.CodePage852, "cp852", true
	case "cp855", "ibm855", "855":
		return charmap.CodePage855, "cp855", true
	case "macroman", "mac-roman", "mac":
		wanted = "macintosh"
	case "maccyrillic", "mac-cyrillic":
		wanted = "x-mac-cyrillic"
	}
	if number, found := strings.CutPrefix(wanted, "cp125"); found {
		wanted = "windows-125" + number
	}
	if found, err := htmlindex.Get(wanted); err == nil {
		if canonical, err := htmlindex.Name(found); err == nil {
			return found, canonical, true
		}
	}
	if found, err := ianaindex.IANA.Encoding(wanted); err == nil && found != nil {
		return found, wanted, true
	}
	return nil, "", false
}

// noEncoding says that no encoding has a name.
func noEncoding(name string) survey.Saying {
	return survey.Say("no_encoding",
		"no encoding is called %q: try utf-8, utf-16le, windows-1250, windows-1251, windows-1252, iso-8859-2, koi8-r, macintosh, cp437 or cp852", "Name", shortened(name))
}

// likelyEncoding is what a file that is not UTF-8 is most likely written in, by the languages of its questionnaire.
func likelyEncoding(languages []survey.Language) string {
	for _, l := range languages {
		base, _, _ := strings.Cut(string(l), "-")
		switch base {
		case "pl", "cs", "sk", "hu", "ro", "sl", "hr":
			return "windows-1250"
		case "ru", "bg", "uk", "be", "sr", "mk":
			return "windows-1251"
		}
	}
	return "windows-1252"
}

// endsLinesInCR looks at the first line end outside quotes.
func endsLinesInCR(head []byte) bool {
	quoted := false
	for i, c := range head {
		switch {
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '\n':
			return false
		case c == '\r':
			return i+1 < len(head) && head[i+1] != '\n'
		}
	}
	return false
}

// startRow tells the text that the row before has been read, and may be forgotten.
func (t *text) startRow() { t.inRow = 0 }

// Read implements io.Reader. A character that does not fit the encoding is a *FileError, after the text before it.
func (t *text) Read(p []byte) (int, error) {
	for t.ready == t.sane {
		if t.err != nil {
			return 0, t.err
		}
		t.fill()
	}
	if t.inRow > maxRow {
		return 0, errLongRow
	}
	n := copy(p, t.block[t.ready:t.sane])
	t.ready += n
	t.inRow += n
	return n, nil
}

// fill reads and checks the next block. A character cut in two by the end of the block waits for the next.
func (t *text) fill() {
	kept := copy(t.block, t.block[t.sane:t.filled])
	n, err := t.from.Read(t.block[kept:])
	fresh := t.block[kept : kept+n]
	if t.crs {
		for i := range fresh {
			if fresh[i] == '\r' {
				fresh[i] = '\n'
			}
		}
	}
	t.ready, t.filled = 0, kept+n
	all := t.block[:t.filled]
	t.sane = t.soundPrefix(all, err != nil)
	if t.sane < len(all) && (err != nil || len(all)-t.sane >= utf8.UTFMax || utf8.FullRune(all[t.sane:])) {
		t.advance(all[:t.sane])
		problem := &FileError{File: t.file, Line: t.line, Column: t.column, Says: t.hint}
		if t.check == checkUTF8 {
			problem.Says = survey.Say("byte", "byte %s is ", "Byte", fmt.Sprintf("0x%02x", all[t.sane])).And(t.hint)
		}
		t.err, t.filled = problem, t.sane
		return
	}
	t.advance(all[:t.sane])
	switch {
	case errors.Is(err, io.EOF):
		t.err = io.EOF
	case err != nil:
		t.err = &FileError{File: t.file, Line: t.line, Says: readFailure(err)}
	}
}

// soundPrefix returns how many bytes at the beginning of b are whole characters that fit the encoding.
func (t *text) soundPrefix(b []byte, last bool) int {
	switch t.check {
	case checkNothing:
		return len(b)
	case checkReplacements:
		if i := bytes.Index(b, []byte("\uFFFD")); i >= 0 {
			return i
		}
		if last {
			return len(b)
		}
		// U+FFFD itself may be cut in two.
		for i := len(b) - 1; i >= max(0, len(b)-2); i-- {
			if b[i] >= utf8.RuneSelf && !utf8.FullRune(b[i:]) {
				return i
			}
		}
		return len(b)
	case checkUTF8:
		if utf8.Valid(b) {
			return len(b)
		}
		for i := 0; i < len(b); {
			r, size := utf8.DecodeRune(b[i:])
			if r == utf8.RuneError && size <= 1 {
				return i
			}
			i += size
		}
	}
	return len(b)
}

// advance moves the line and column past b.
func (t *text) advance(b []byte) {
	if lines := bytes.Count(b, []byte{'\n'}); lines > 0 {
		t.line += lines
		t.column = 1
		b = b[bytes.LastIndexByte(b, '\n')+1:]
	}
	t.column += utf8.RuneCount(b)
}

// readFailure says in words why the bytes ended.
func readFailure(err error) survey.Saying {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return survey.Say("breaks_off", "the file breaks off here: it was cut short when it was packed or copied")
	}
	return survey.Say("unreadable", "cannot be read: %s", "Why", err.Error())
}

// notUnpacked says that a file packed with gzip is broken.
func notUnpacked(err error) survey.Saying { return survey.Say("gzip", "gzip: %s", "Why", err.Error()) }
