package exchange

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/xuri/excelize/v2"

	"cxmirror/pkg/survey"
)

const (
	// MaxWorkbook is how many bytes a workbook of people may have, as it is stored. It must be at hand as a
	// whole; larger lists are read as CSV, as a stream.
	MaxWorkbook = 64 << 20

	maxSharedStrings = 256 << 20 // bytes of a workbook's texts once unpacked
	maxSharedCount   = 5_000_000 // how many texts it may have
	maxSheetColumns  = 16384     // of Excel
	maxSheetRows     = 1 << 20   // of Excel
	maxMerges        = 200_000
	maxCell          = 32767 // characters; of Excel
)

// sheetRows are the rows of a sheet. Sheets are read here rather than by excelize, which takes a broken sheet for
// one that ends, keeps what it unpacks in files that outlive a crash, and does not tell a formula that was never
// calculated from a blank cell. How numbers are shown is left to excelize.
type sheetRows struct {
	file   string
	sheet  string
	sheets []string
	close  io.Closer
	xml    *xml.Decoder
	bound  *boundedReader
	shared []string
	styles sheetStyles
	merges []sheetMerge // downward, by their first row
	open   []sheetMerge // those that reach the row at hand, with their values
	row    int          // read last
	done   bool
}

// sheetMerge is a cell that was merged downwards with those below it.
type sheetMerge struct {
	column, first, last int
	value               string
}

func openWorkbook(r io.Reader, start []byte, name string, options PeopleOptions) (*sheetRows, error) {
	fail := func(why survey.Saying) (*sheetRows, error) { return nil, &FileError{File: name, Says: why} }
	whole, err := io.ReadAll(io.LimitReader(io.MultiReader(bytes.NewReader(start), r), MaxWorkbook+1))
	switch {
	case err != nil:
		return fail(readFailure(err))
	case len(whole) > MaxWorkbook:
		return fail(survey.Say("workbook_large", "the workbook is larger than %d MB: save the sheet as \"CSV UTF-8\", which has no limit, or divide it", "Limit", MaxWorkbook>>20))
	}
	archive, err := zip.NewReader(bytes.NewReader(whole), int64(len(whole)))
	if err != nil {
		return fail(survey.Say("workbook_cut", "this looks like a workbook, but cannot be unpacked (%v): it was cut short or damaged; save it once more", "Why", err))
	}
	book := &workbook{name: name, parts: make(map[string]*zip.File)}
	for _, f := range archive.File {
		book.parts[strings.ToLower(strings.TrimPrefix(strings.ReplaceAll(f.Name, `\`, "/"), "/"))] = f
	}
	switch {
	case book.parts["xl/workbook.bin"] != nil:
		return fail(survey.Say("workbook_binary", "this is a binary workbook (.xlsb): save it as .xlsx"))
	case book.parts["content.xml"] != nil:
		return fail(survey.Say("opendocument", "this is an OpenDocument sheet: save it as .xlsx or as CSV"))
	case book.parts["word/document.xml"] != nil:
		return fail(survey.Say("word_document", "this is a document of a word processor, not a list: copy the table into a spreadsheet, and save that as .xlsx"))
	case book.parts["[content_types].xml"] == nil:
		return fail(survey.Say("zip", "this is a zip archive, not a workbook: unpack it first"))
	}
	s, err := book.open(options.Sheet)
	if err != nil {
		if own, ok := errors.AsType[*FileError](err); ok {
			return nil, own
		}
		return fail(survey.Say("workbook_broken", "the workbook cannot be read: %v; open it in a spreadsheet program and save it once more", "Why", err))
	}
	return s, nil
}

// workbook is an unpacked .xlsx file.
type workbook struct {
	name  string
	parts map[string]*zip.File
}

// part opens a part of the workbook, which must not be larger than limit bytes.
func (b *workbook) part(name string, limit uint64) (io.ReadCloser, error) {
	f := b.parts[strings.ToLower(strings.TrimPrefix(name, "/"))]
	if f == nil {
		return nil, fmt.Errorf("its part %s is missing", name)
	}
	if f.UncompressedSize64 > limit {
		return nil, &FileError{File: b.name, Says: survey.Say("workbook_part_large", "unpacked, the workbook's part %s is larger than %d MB: save the sheet as \"CSV UTF-8\"", "Part", name, "Limit", int(limit>>20))}
	}
	r, err := f.Open()
	if err != nil {
		return nil, fmt.Errorf("its part %s: %w", name, err)
	}
	return r, nil
}

// decode reads a small part into v.
func (b *workbook) decode(name string, v any) error {
	const limit = 16 << 20
	r, err := b.part(name, limit)
	if err != nil {
		return err
	}
	defer r.Close()
	if err := xml.NewDecoder(io.LimitReader(r, limit)).Decode(v); err != nil {
		return fmt.Errorf("its part %s: %w", name, err)
	}
	return nil
}

// relations are the parts that a part refers to, by id and by the last word of their type.
func (b *workbook) relations(name string) (byID, byType map[string]string, err error) {
	var doc struct {
		Relationship []struct {
			ID     string `xml:"Id,attr"`
			Type   string `xml:"Type,attr"`
			Target string `xml:"Target,attr"`
		}
	}
	dir, base := path.Split(name)
	if err := b.decode(dir+"_rels/"+base+".rels", &doc); err != nil {
		return nil, nil, err
	}
	byID, byType = make(map[string]string), make(map[string]string)
	for _, r := range doc.Relationship {
		target := r.Target
		if !strings.HasPrefix(target, "/") {
			target = path.Join(dir, target)
		}
		byID[r.ID], byType[path.Base(r.Type)] = target, target
	}
	return byID, byType, nil
}

// open finds the sheet and makes ready to read its rows.
func (b *workbook) open(wanted string) (*sheetRows, error) {
	_, root, err := b.relations("")
	if err != nil {
		return nil, err
	}
	main := root["officeDocument"]
	if main == "" {
		return nil, errors.New("it does not say where its sheets are")
	}
	var doc struct {
		Properties struct {
			Date1904 string `xml:"date1904,attr"`
		} `xml:"workbookPr"`
		Sheets []struct {
			Name  string     `xml:"name,attr"`
			State string     `xml:"state,attr"`
			Attrs []xml.Attr `xml:",any,attr"`
		} `xml:"sheets>sheet"`
	}
	if err := b.decode(main, &doc); err != nil {
		return nil, err
	}
	byID, byType, err := b.relations(main)
	if err != nil {
		return nil, err
	}
	s := &sheetRows{file: b.name}
	target := ""
	for _, sheet := range doc.Sheets {
		if sheet.State == "" || sheet.State == "visible" {
			s.sheets = append(s.sheets, sheet.Name)
		}
		if target == "" && (sheet.Name == wanted || wanted == "" && len(s.sheets) == 1) {
			for _, a := range sheet.Attrs {
				if a.Name.Local == "id" {
					s.sheet, target = sheet.Name, byID[a.Value]
				}
			}
		}
	}
	if target == "" {
		if wanted != "" {
			return nil, &FileError{File: b.name, Says: survey.Say("sheet_none", "the workbook has no sheet %q; its sheets are %s", "Sheet", shortened(wanted), "Sheets", strings.Join(s.sheets, ", "))}
		}
		return nil, errors.New("it has no visible sheet")
	}
	if b.parts[strings.ToLower(strings.TrimPrefix(target, "/"))] == nil {
		return nil, fmt.Errorf("its sheet %q is missing", s.sheet)
	}
	if name := byType["sharedStrings"]; name != "" {
		if s.shared, err = b.sharedStrings(name); err != nil {
			return nil, err
		}
	}
	s.styles = sheetStyles{epoch1904: doc.Properties.Date1904 == "1" || doc.Properties.Date1904 == "true"}
	if name := byType["styles"]; name != "" {
		if err := b.readStyles(name, &s.styles); err != nil {
			return nil, err
		}
	}
	if s.merges, err = b.findMerges(target); err != nil {
		return nil, err
	}
	r, err := b.part(target, math.MaxInt64)
	if err != nil {
		return nil, err
	}
	s.close, s.bound = r, &boundedReader{from: r}
	s.xml = xml.NewDecoder(s.bound)
	return s, nil
}

// boundedReader fails once more than maxRow bytes are read without a start: a few kilobytes of a zip archive can
// unpack to one cell of gigabytes.
type boundedReader struct {
	from  io.Reader
	since int
}

func (b *boundedReader) start() { b.since = 0 }

func (b *boundedReader) Read(p []byte) (int, error) {
	if b.since > maxRow {
		return 0, errLongRow
	}
	n, err := b.from.Read(p)
	b.since += n
	return n, err //nolint:wrapcheck // a Reader hands on io.EOF as it is
}

// sharedStrings reads the texts of a workbook, which cells refer to by number.
func (b *workbook) sharedStrings(name string) ([]string, error) {
	r, err := b.part(name, maxSharedStrings)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	bound := &boundedReader{from: io.LimitReader(r, maxSharedStrings)}
	d := xml.NewDecoder(bound)
	var all []string
	for {
		bound.start()
		token, err := d.RawToken()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, fmt.Errorf("its texts: %w", err)
		}
		if t, ok := token.(xml.StartElement); ok && t.Name.Local == "si" {
			text, err := richText(d, "si")
			if err != nil {
				return nil, fmt.Errorf("its texts: %w", err)
			}
			if len(all) == maxSharedCount {
				return nil, &FileError{File: b.name, Says: survey.Say("workbook_texts", "the workbook has more than %d different texts: save the sheet as \"CSV UTF-8\", which has no limit, or divide it", "Limit", maxSharedCount)}
			}
			all = append(all, text)
		}
	}
}

// richText reads the text of an element that was just opened, up to its end, without the reading aids (rPh) that
// Asian texts have.
func richText(d *xml.Decoder, element string) (string, error) {
	var text []byte
	inText, aids := false, 0
	for {
		token, err := d.RawToken()
		if err != nil {
			return "", err //nolint:wrapcheck // the caller says where
		}
		switch t := token.(type) {
		case xml.StartElement:
			switch t.Name.Local {
			case "t":
				inText = true
			case "rPh":
				aids++
			}
		case xml.EndElement:
			switch t.Name.Local {
			case "t":
				inText = false
			case "rPh":
				aids--
			case element:
				return unescapeSheet(string(text)), nil
			}
		case xml.CharData:
			if inText && aids == 0 && len(text) < 4*maxCell {
				text = append(text, t...)
			}
		}
	}
}

// unescapeSheet undoes _x000D_, as sheets write characters that XML does not allow.
func unescapeSheet(s string) string {
	if !strings.Contains(s, "_x") {
		return s
	}
	var b strings.Builder
	for {
		i := strings.Index(s, "_x")
		if i < 0 || len(s) < i+7 {
			b.WriteString(s)
			return b.String()
		}
		code, err := strconv.ParseUint(s[i+2:i+6], 16, 16)
		if err != nil || s[i+6] != '_' {
			b.WriteString(s[:i+2])
			s = s[i+2:]
			continue
		}
		b.WriteString(s[:i])
		b.WriteRune(rune(code))
		s = s[i+7:]
	}
}

// findMerges reads the sheet up to its end for cells that are merged downwards: people see the department in each
// of the rows, and the file holds it in the first.
func (b *workbook) findMerges(sheet string) ([]sheetMerge, error) {
	r, err := b.part(sheet, math.MaxInt64)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	tail, err := afterRows(r)
	if err != nil {
		return nil, fmt.Errorf("its sheet: %w", err)
	}
	if tail == nil {
		return nil, nil
	}
	bound := &boundedReader{from: tail}
	d := xml.NewDecoder(bound)
	var merges []sheetMerge
	for len(merges) < maxMerges {
		bound.start()
		token, err := d.RawToken()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("its sheet, after the rows: %w", err)
		}
		t, ok := token.(xml.StartElement)
		if !ok || t.Name.Local != "mergeCell" {
			continue
		}
		for _, a := range t.Attr {
			from, to, found := strings.Cut(a.Value, ":")
			if a.Name.Local != "ref" || !found {
				continue
			}
			column, first, ok := cellAddress(from)
			_, last, okTo := cellAddress(to)
			if ok && okTo && last > first {
				merges = append(merges, sheetMerge{column: column, first: first, last: last})
			}
		}
	}
	slices.SortFunc(merges, func(a, b sheetMerge) int { return a.first - b.first })
	return merges, nil
}

// afterRows skips to the end tag of sheetData, and returns what follows; nil if the sheet has no rows.
func afterRows(r io.Reader) (io.Reader, error) {
	const mark = "sheetData>"
	block := make([]byte, 64<<10)
	kept := 0
	for {
		n, err := io.ReadFull(r, block[kept:])
		all := block[:kept+n]
		if i := bytes.Index(all, []byte(mark)); i > 0 && i+len(mark) <= len(all) {
			if slash := bytes.LastIndexByte(all[:i], '<'); slash >= 0 && slash+1 < len(all) && all[slash+1] == '/' {
				return io.MultiReader(bytes.NewReader(bytes.Clone(all[i+len(mark):])), r), nil
			}
			// The opening tag: go on behind it.
			kept = copy(block, all[i+len(mark):])
			if err == nil {
				continue
			}
			all = block[:kept]
			if j := bytes.Index(all, []byte(mark)); j >= 0 {
				return bytes.NewReader(bytes.Clone(all[j+len(mark):])), nil
			}
			return nil, nil //nolint:nilnil // documented: there are no rows
		}
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return nil, nil //nolint:nilnil // documented: there are no rows
		case err != nil:
			return nil, err //nolint:wrapcheck // the caller says where
		}
		kept = copy(block, all[len(all)-2*len(mark):])
	}
}

// cellAddress reads "C7" as column 2, from 0, and row 7.
func cellAddress(s string) (column, row int, ok bool) {
	letters := 0
	for letters < len(s) && s[letters] >= 'A' && s[letters] <= 'Z' {
		column = column*26 + int(s[letters]-'A') + 1
		if letters++; letters > 3 {
			return 0, 0, false
		}
	}
	for _, c := range []byte(s[letters:]) {
		if c < '0' || c > '9' || row > maxSheetRows {
			return 0, 0, false
		}
		row = row*10 + int(c-'0')
	}
	return column - 1, row, letters > 0 && row > 0 && column <= maxSheetColumns
}

func (*sheetRows) padded() bool { return false }

func (s *sheetRows) describe(report *PeopleReport) {
	report.Sheet, report.Sheets = s.sheet, slices.Clone(s.sheets)
}

// next returns the next row of the sheet that has a cell; blank ones need not be stored.
func (s *sheetRows) next() (*peopleRow, error) {
	if s.done {
		return nil, io.EOF
	}
	for {
		s.bound.start()
		token, err := s.xml.RawToken()
		if err != nil {
			return nil, s.broken(err)
		}
		switch t := token.(type) {
		case xml.StartElement:
			if t.Name.Local == "row" {
				row, err := s.readRow(t)
				if err != nil {
					return nil, s.broken(err)
				}
				return row, nil
			}
		case xml.EndElement:
			if t.Name.Local == "sheetData" {
				s.done = true
				s.close.Close() //nolint:gosec // it was read to the end of what matters
				return nil, io.EOF
			}
		}
	}
}

func (s *sheetRows) broken(err error) error {
	if own, ok := errors.AsType[*FileError](err); ok {
		return own
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = errors.New("it breaks off")
	}
	return &FileError{File: s.file, Line: s.row, Says: survey.Say("sheet_damaged", "sheet %q is damaged after this row (%v): open the workbook in a spreadsheet program and save it once more", "Sheet", s.sheet, "Why", err)}
}

// readRow reads a row that was just opened.
func (s *sheetRows) readRow(start xml.StartElement) (*peopleRow, error) {
	number := s.row + 1
	for _, a := range start.Attr {
		if a.Name.Local == "r" {
			n, err := strconv.Atoi(a.Value)
			if err != nil || n < number || n > maxSheetRows {
				return nil, fmt.Errorf("a row is called %q", a.Value)
			}
			number = n
		}
	}
	s.row = number
	row := &peopleRow{line: number, cells: make([]string, 0, 8)}
	for {
		token, err := s.xml.RawToken()
		if err != nil {
			return nil, err //nolint:wrapcheck // broken says where
		}
		switch t := token.(type) {
		case xml.StartElement:
			if t.Name.Local == "c" {
				if err := s.readCell(t, row); err != nil {
					return nil, err
				}
			}
		case xml.EndElement:
			if t.Name.Local == "row" {
				s.fillMerged(row)
				return row, nil
			}
		}
	}
}

// readCell reads a cell that was just opened.
func (s *sheetRows) readCell(start xml.StartElement, row *peopleRow) error {
	column, kind, style := len(row.cells), "", 0
	for _, a := range start.Attr {
		switch a.Name.Local {
		case "r":
			at, _, ok := cellAddress(a.Value)
			if !ok || at < column {
				return fmt.Errorf("a cell is called %q", a.Value)
			}
			column = at
		case "t":
			kind = a.Value
		case "s":
			style, _ = strconv.Atoi(a.Value)
		}
	}
	if column >= maxSheetColumns {
		return fmt.Errorf("a row has more than %d cells", maxSheetColumns)
	}
	var value []byte
	inline, formula, inValue := "", false, false
	for {
		token, err := s.xml.RawToken()
		if err != nil {
			return err //nolint:wrapcheck // broken says where
		}
		switch t := token.(type) {
		case xml.StartElement:
			switch t.Name.Local {
			case "v":
				inValue = true
			case "f":
				formula = true
			case "is":
				if inline, err = richText(s.xml, "is"); err != nil {
					return err
				}
			}
		case xml.CharData:
			if inValue && len(value) < 4*maxCell {
				value = append(value, t...)
			}
		case xml.EndElement:
			switch t.Name.Local {
			case "v":
				inValue = false
			case "c":
				shown, err := s.show(kind, style, string(value), inline)
				if err != nil {
					return err
				}
				if formula && shown == "" && kind != "str" {
					row.faults = append(row.faults, cellFault{column: column, problem: ProblemFormula, RowFault: RowFault{Reason: FormulaUnknown}})
				}
				for len(row.cells) < column {
					row.cells = append(row.cells, "")
				}
				row.cells = append(row.cells, shown)
				return nil
			}
		}
	}
}

// show is what people see in a cell.
func (s *sheetRows) show(kind string, style int, value, inline string) (string, error) {
	switch kind {
	case "s":
		n, err := strconv.Atoi(strings.TrimSpace(value))
		if value == "" {
			return "", nil
		}
		if err != nil || n < 0 || n >= len(s.shared) {
			return "", fmt.Errorf("a cell refers to text %q, which is missing", value)
		}
		return s.shared[n], nil
	case "inlineStr":
		return inline, nil
	case "str", "e":
		return unescapeSheet(value), nil
	case "b":
		if strings.TrimSpace(value) == "1" {
			return "TRUE", nil
		}
		return "FALSE", nil
	case "d":
		day, clock, _ := strings.Cut(value, "T")
		if strings.Trim(clock, "0:.Z") == "" {
			return day, nil
		}
		return day + " " + strings.TrimSuffix(clock, "Z"), nil
	}
	number, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
	if err != nil || math.IsNaN(number) || math.IsInf(number, 0) {
		return value, nil //nolint:nilerr // what is no number is shown as it stands
	}
	return s.styles.show(style, number)
}

// fillMerged writes the values of cells that are merged downwards into the rows they reach.
func (s *sheetRows) fillMerged(row *peopleRow) {
	s.open = slices.DeleteFunc(s.open, func(m sheetMerge) bool { return m.last < row.line })
	if len(s.open) > 0 && isEmpty(row.cells) {
		return // a blank row stays blank
	}
	for _, m := range s.open {
		for len(row.cells) <= m.column {
			row.cells = append(row.cells, "")
		}
		if row.cells[m.column] == "" {
			row.cells[m.column] = m.value
		}
	}
	for len(s.merges) > 0 && s.merges[0].first <= row.line {
		m := s.merges[0]
		s.merges = s.merges[1:]
		if m.first == row.line && m.column < len(row.cells) && row.cells[m.column] != "" {
			m.value = row.cells[m.column]
			s.open = append(s.open, m)
		}
	}
}

// sheetStyles say how numbers are shown.
type sheetStyles struct {
	epoch1904 bool
	formats   []string // by the number of a cell's style; "" is general
	dates     []bool
	shower    *excelize.File // shows what is neither general nor a date nor digits alone
	styleOf   map[string]int
}

func (b *workbook) readStyles(name string, styles *sheetStyles) error {
	var doc struct {
		Formats []struct {
			ID   int    `xml:"numFmtId,attr"`
			Code string `xml:"formatCode,attr"`
		} `xml:"numFmts>numFmt"`
		Cells []struct {
			Format int `xml:"numFmtId,attr"`
		} `xml:"cellXfs>xf"`
	}
	if err := b.decode(name, &doc); err != nil {
		return err
	}
	custom := make(map[int]string)
	for _, f := range doc.Formats {
		custom[f.ID] = f.Code
	}
	styles.formats, styles.dates = make([]string, len(doc.Cells)), make([]bool, len(doc.Cells))
	for i, c := range doc.Cells {
		code, known := custom[c.Format]
		if !known {
			code = builtInFormat(c.Format)
		}
		if strings.EqualFold(code, "general") || code == "@" {
			code = ""
		}
		styles.formats[i], styles.dates[i] = code, showsDate(code)
	}
	return nil
}

// builtInFormat is the code of a format that workbooks refer to by number alone (ECMA-376, 18.8.30). How they
// write dates differs by country; which of them are dates does not.
func builtInFormat(id int) string {
	switch {
	case id >= 14 && id <= 17, id >= 27 && id <= 36, id >= 50 && id <= 58:
		return "yyyy-mm-dd"
	case id == 22:
		return "yyyy-mm-dd hh:mm"
	case id >= 18 && id <= 21, id >= 45 && id <= 47:
		return "hh:mm:ss"
	}
	switch id {
	case 1:
		return "0"
	case 2:
		return "0.00"
	case 3, 37, 38:
		return "#,##0"
	case 4, 39, 40:
		return "#,##0.00"
	case 9:
		return "0%"
	case 10:
		return "0.00%"
	case 11:
		return "0.00E+00"
	}
	return ""
}

// showsDate reports whether a format has parts of a date or a time in it, outside of texts and conditions.
func showsDate(code string) bool {
	code, _, _ = strings.Cut(code, ";")
	for i := 0; i < len(code); i++ {
		switch c := code[i] | 0x20; { // in lower case
		case code[i] == '"':
			end := strings.IndexByte(code[i+1:], '"')
			if end < 0 {
				return false
			}
			i += end + 1
		case code[i] == '[':
			end := strings.IndexByte(code[i:], ']')
			if end < 0 {
				return false
			}
			if strings.Trim(strings.ToLower(code[i+1:i+end]), "hms") == "" {
				return true // hours beyond a day
			}
			i += end
		case code[i] == '\\' || code[i] == '_' || code[i] == '*':
			i++
		case c == 'y' || c == 'd' || c == 'm' || c == 'h' || c == 's':
			return true
		case c == 'e' || c == 'g':
			return false // scientific, or general
		}
	}
	return false
}

// show is a number as a cell of the style shows it. Dates are written as 2006-01-02, however the cell writes
// them: 03.04 is a day of March in one country and of April in another.
func (s *sheetStyles) show(style int, number float64) (string, error) {
	format, date := "", false
	if style >= 0 && style < len(s.formats) {
		format, date = s.formats[style], s.dates[style]
	}
	switch {
	case date:
		return s.showDate(number), nil
	case format == "":
		return plainNumber(number), nil
	case strings.Trim(format, "0") == "" && number >= 0:
		return fmt.Sprintf("%0*.0f", len(format), number), nil
	}
	if s.shower == nil {
		s.shower, s.styleOf = excelize.NewFile(), make(map[string]int)
	}
	const sheet, cell = "Sheet1", "A1"
	id, known := s.styleOf[format]
	if !known {
		var err error
		if id, err = s.shower.NewStyle(&excelize.Style{CustomNumFmt: &format}); err != nil {
			return plainNumber(number), nil //nolint:nilerr // a format nobody understands shows the number alone
		}
		s.styleOf[format] = id
	}
	if err := errors.Join(s.shower.SetCellFloat(sheet, cell, number, -1, 64), s.shower.SetCellStyle(sheet, cell, cell, id)); err != nil {
		return "", fmt.Errorf("show %v: %w", number, err)
	}
	shown, err := s.shower.GetCellValue(sheet, cell)
	if err != nil {
		return "", fmt.Errorf("show %v: %w", number, err)
	}
	return shown, nil
}

// plainNumber writes up to 15 digits, which is what spreadsheets keep, and never an exponent.
func plainNumber(number float64) string {
	const digits = 15
	rounded, err := strconv.ParseFloat(strconv.FormatFloat(number, 'g', digits, 64), 64)
	if err != nil || math.Abs(rounded) >= 1e21 {
		return strconv.FormatFloat(number, 'g', digits, 64)
	}
	return strconv.FormatFloat(rounded, 'f', -1, 64)
}

// showDate writes a day, a day and a time, or a time alone.
func (s *sheetStyles) showDate(number float64) string {
	const lastDay = 2958466 // the year 10000
	if number < 0 || number >= lastDay {
		return plainNumber(number)
	}
	days, fraction := math.Modf(number)
	seconds := int(math.Round(fraction * 24 * 60 * 60))
	epoch := time.Date(1899, time.December, 30, 0, 0, 0, 0, time.UTC)
	switch {
	case s.epoch1904:
		epoch = time.Date(1904, time.January, 1, 0, 0, 0, 0, time.UTC)
	case days < 61 && days > 0:
		epoch = epoch.AddDate(0, 0, 1) // before the 29 February 1900 that spreadsheets believe in
	}
	at := epoch.AddDate(0, 0, int(days)).Add(time.Duration(seconds) * time.Second)
	clock := at.Format("15:04")
	if seconds%60 != 0 {
		clock = at.Format("15:04:05")
	}
	switch {
	case days == 0 && !s.epoch1904:
		return clock
	case seconds == 0:
		return at.Format(time.DateOnly)
	}
	return at.Format(time.DateOnly) + " " + clock
}
