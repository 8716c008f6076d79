package exchange

import (
	"cmp"
	"fmt"
	"hash/maphash"
	"net/mail"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"cxmirror/pkg/survey"
)

const (
	maxAddress = 254 // bytes; RFC 5321, 4.5.3.1.3 less the angle brackets
	maxLocal   = 64  // bytes before the @; RFC 5321, 4.5.3.1.1
	maxLabel   = 63  // bytes of a part of a domain; RFC 1035, 2.3.4
)

// accept reads and checks a row. It returns false if the row is rejected, and has counted it then.
func (p *PeopleReader) accept(row *peopleRow) (survey.Person, bool) {
	faults := p.rowFaults(row)
	if len(faults) > 0 {
		p.reject(row, faults)
		return survey.Person{}, false
	}
	cell := func(column int) string {
		if column < 0 || column >= len(row.cells) {
			return ""
		}
		return p.clean(row.cells[column])
	}
	blame := func(column int, problem PersonProblem, fault RowFault) {
		faults = append(faults, cellFault{column: column, problem: problem, RowFault: fault})
	}
	person := survey.Person{Active: true}
	for _, column := range p.plan.name {
		if part := cell(column); part != "" {
			if fault, bad := checkLine(part); bad {
				blame(column, ProblemCharacters, fault)
			}
			person.Name = strings.TrimSpace(person.Name + " " + oneLine(part))
		}
	}
	if n := utf8.RuneCountInString(person.Name); n > MaxPersonText {
		blame(p.plan.name[0], ProblemLong, RowFault{Reason: NameLong, Count: n, Limit: MaxPersonText})
	}
	if given := cell(p.plan.address); given != "" {
		address, display, fault := readAddress(given)
		person.Address = address
		switch {
		case fault.Reason != "":
			blame(p.plan.address, ProblemAddress, fault)
		case person.Name == "":
			person.Name = display
		}
	} else if !p.options.OnPaper {
		blame(p.plan.address, ProblemNoAddress, RowFault{Reason: AddressMissing})
	}
	switch person.Key = cell(p.plan.key); {
	case p.plan.key < 0:
		person.Key = strings.ToLower(person.Address)
		if person.Key == "" && len(faults) == 0 {
			blame(-1, ProblemNoKey, RowFault{Reason: NeitherOfBoth})
		}
	case person.Key == "":
		blame(p.plan.key, ProblemNoKey, RowFault{Reason: IdentifierMissing})
	case len(person.Key) > MaxKey:
		blame(p.plan.key, ProblemKey, RowFault{Reason: IdentifierLong, Count: len(person.Key), Limit: MaxKey})
	default:
		if fault, bad := checkLine(person.Key); bad {
			blame(p.plan.key, ProblemKey, fault)
		}
	}
	fellBack := false
	if said := cell(p.plan.language); said != "" {
		tag, ok := p.language(said)
		switch {
		case ok:
			person.Language = tag
		case p.options.Fallback != "":
			person.Language, fellBack = p.options.Fallback, true
		default:
			blame(p.plan.language, ProblemLanguage, RowFault{Reason: UnknownLanguage, Text: strings.Join(p.languageTags(), ", ")})
		}
	}
	if said := cell(p.plan.active); said != "" {
		active, ok := yesOrNo(said)
		if !ok {
			blame(p.plan.active, ProblemActive, RowFault{Reason: UnknownActive})
		}
		person.Active = active
	}
	if len(p.plan.attributes) > 0 {
		person.Attributes = make(map[string]string, len(p.plan.attributes))
	}
	for _, a := range p.plan.attributes {
		value := cell(a.column)
		if value == "" {
			continue
		}
		value = oneLine(value)
		if p.loose {
			person.Attributes[a.key] = value
			continue
		}
		if a.days {
			if day, ok := readDay(value); ok {
				value = day
			}
		}
		if n := utf8.RuneCountInString(value); n > MaxPersonText {
			blame(a.column, ProblemLong, RowFault{Reason: AttributeLong, Count: n, Limit: MaxPersonText})
		} else if fault, bad := checkText(value); bad {
			blame(a.column, ProblemCharacters, fault)
		}
		person.Attributes[a.key] = value
	}
	if len(faults) == 0 && !p.loose {
		faults = p.repeated(&person, row.line)
	}
	if len(faults) > 0 {
		slices.SortStableFunc(faults, func(a, b cellFault) int { return cmp.Compare(a.column, b.column) })
		p.reject(row, faults)
		return survey.Person{}, false
	}
	p.report.Accepted++
	if fellBack {
		p.report.Fallbacks++
	}
	if person.Address == "" {
		p.report.Undirected++
	}
	return person, true
}

// clean is the text of a cell. In text files, an apostrophe may keep spreadsheets from taking it for a formula;
// in a workbook, it is there to be read.
func (p *PeopleReader) clean(cell string) string {
	cell = trimCell(cell)
	if p.rows.padded() {
		return unguard(cell)
	}
	return cell
}

// rowFaults returns what is wrong with a row before its cells are understood.
func (p *PeopleReader) rowFaults(row *peopleRow) []cellFault {
	var faults []cellFault
	for _, fault := range row.faults {
		if fault.column < 0 || fault.column < len(p.columns) && p.columns[fault.column].Meaning != IgnoredColumn {
			faults = append(faults, fault)
		}
	}
	width := len(p.names)
	switch {
	case len(faults) > 0 || !p.rows.padded():
	case p.report.HeaderLine == 0:
		// Without a header, nobody said how many cells a row has.
	case len(row.cells) < p.lastNamed()+1:
		faults = append(faults, cellFault{
			column: -1, problem: ProblemCells, RowFault: RowFault{Reason: CellsMissing, Count: len(row.cells), Limit: p.lastNamed() + 1},
		})
	case len(row.cells) > width && !isEmpty(row.cells[width:]):
		faults = append(faults, cellFault{
			column: -1, problem: ProblemCells, RowFault: RowFault{Reason: CellsTooMany, Count: len(row.cells), Limit: width},
		})
	}
	return faults
}

func (p *PeopleReader) lastNamed() int {
	for i, name := range slices.Backward(p.names) {
		if name != "" {
			return i
		}
	}
	return -1
}

// repeated remembers a person by key and address, and says where either stood before.
func (p *PeopleReader) repeated(person *survey.Person, line int) []cellFault {
	var faults []cellFault
	key, address := IdentifierRepeatedLine, AddressRepeatedLine
	if !p.rows.padded() {
		key, address = IdentifierRepeatedRow, AddressRepeatedRow
	}
	if p.plan.key >= 0 {
		if first, again := p.keys.lookup(person.Key); again {
			faults = append(faults, cellFault{column: p.plan.key, problem: ProblemRepeated, RowFault: RowFault{Reason: key, Line: int(first)}})
		}
	}
	folded := strings.ToLower(person.Address)
	if folded != "" {
		if first, again := p.mails.lookup(folded); again {
			faults = append(faults, cellFault{column: p.plan.address, problem: ProblemRepeated, RowFault: RowFault{Reason: address, Line: int(first)}})
		}
	}
	if len(faults) > 0 {
		return faults
	}
	if p.plan.key >= 0 {
		p.keys.add(person.Key, line)
	}
	if folded != "" {
		p.mails.add(folded, line)
	}
	return nil
}

// peopleLines remembers in which line a text stood, by a hash of 64 bits: among two million people the chance
// that any two share one is 1 in ten million.
type peopleLines struct {
	seed  maphash.Seed
	lines map[uint64]uint32
}

func newPeopleLines() peopleLines {
	return peopleLines{seed: maphash.MakeSeed(), lines: make(map[uint64]uint32)}
}

func (l *peopleLines) lookup(text string) (line uint32, ok bool) {
	line, ok = l.lines[maphash.String(l.seed, text)]
	return line, ok
}

func (l *peopleLines) add(text string, line int) {
	l.lines[maphash.String(l.seed, text)] = uint32(line) //nolint:gosec // a file of four thousand million lines wraps round, in a message only
}

// language finds the tag that a cell stands for among those people can be written to in.
func (p *PeopleReader) language(said string) (survey.Language, bool) {
	offered := func(tag string) (survey.Language, bool) {
		for _, l := range p.options.Languages {
			if strings.EqualFold(string(l), tag) {
				return l, true
			}
		}
		if len(p.options.Languages) == 0 {
			for _, known := range languageWords() {
				if strings.EqualFold(known, tag) {
					return survey.Language(known), true
				}
			}
		}
		return "", false
	}
	tag := strings.ReplaceAll(said, "_", "-")
	if l, ok := offered(tag); ok {
		return l, true
	}
	base, region, _ := strings.Cut(tag, "-")
	if len(region) == 2 || len(region) == 4 { // a country or a script
		if l, ok := offered(base); ok {
			return l, true
		}
	}
	if known, ok := languageWords()[foldName(said)]; ok {
		return offered(known)
	}
	return "", false
}

func (p *PeopleReader) languageTags() []string {
	var tags []string
	for _, l := range p.options.Languages {
		tags = append(tags, string(l))
	}
	if len(tags) == 0 {
		for _, tag := range languageWords() {
			tags = append(tags, tag)
		}
		slices.Sort(tags)
		tags = slices.Compact(tags)
	}
	return tags
}

func yesOrNo(said string) (yes, ok bool) {
	switch strings.ToLower(said) {
	case "yes", "y", "true", "1", "x", "active", "tak", "t", "aktywny", "aktywna", "prawda", "da", "activ", "activă", "adevărat", "да", "активен", "истина", "ano", "áno", "igen", "так":
		return true, true
	case "no", "n", "false", "0", "inactive", "nie", "nieaktywny", "nieaktywna", "fałsz", "nu", "inactiv", "inactivă", "fals", "нет", "неактивен", "ложь", "ne", "nem", "не", "ні":
		return false, true
	}
	return false, false
}

// readAddress reads what people paste as an address: the address alone, mailto:, or with a name, as mail programs
// copy it. Comments, quoted local parts and addresses of machines are refused: in lists of people they are slips.
func readAddress(given string) (address, display string, fault RowFault) {
	s := given
	if len(s) > len("mailto:") && strings.EqualFold(s[:len("mailto:")], "mailto:") {
		s = s[len("mailto:"):]
	}
	if fault, bad := checkLine(s); bad {
		return "", "", fault
	}
	if strings.HasSuffix(s, ">") {
		open := strings.LastIndexByte(s, '<')
		if open < 0 {
			return "", "", RowFault{Reason: AddressBracket}
		}
		display = strings.TrimSpace(strings.Trim(strings.TrimSpace(s[:open]), `"'`))
		s = s[open+1 : len(s)-1]
	}
	at := strings.LastIndexByte(s, '@')
	foreign := strings.IndexFunc(s, func(r rune) bool { return r >= utf8.RuneSelf })
	switch {
	case at < 0:
		return "", "", RowFault{Reason: AddressNoAt}
	case strings.ContainsAny(s, ";,"):
		return "", "", RowFault{Reason: AddressMany}
	case strings.ContainsAny(s, " \u00a0"):
		return "", "", RowFault{Reason: AddressBlank}
	case strings.IndexByte(s, '@') != at:
		return "", "", RowFault{Reason: AddressManyAts}
	case len(s) > maxAddress:
		return "", "", RowFault{Reason: AddressLong, Count: len(s), Limit: maxAddress}
	case at > maxLocal:
		return "", "", RowFault{Reason: AddressLocalLong, Count: at, Limit: maxLocal}
	case foreign >= 0:
		r, _ := utf8.DecodeRuneInString(s[foreign:])
		return "", "", RowFault{Reason: AddressForeignLetter, Text: shownLetter(r)}
	}
	parsed, err := mail.ParseAddress(s)
	if err != nil || parsed.Address != s || parsed.Name != "" || strings.ContainsAny(s, `"()[]\`) {
		return "", "", RowFault{Reason: AddressCharacters}
	}
	domain := s[at+1:]
	if fault, bad := checkDomain(domain); bad {
		return "", "", fault
	}
	// The part before the @ is the server's business; domains are the same in any case.
	return s[:at+1] + strings.ToLower(domain), oneLine(display), RowFault{}
}

// shownLetter is a letter as messages show it: one that cannot be seen by its number.
func shownLetter(r rune) string {
	if unicode.IsPrint(r) {
		return string(r)
	}
	return fmt.Sprintf("%U", r)
}

// checkDomain says what is wrong with the name of a host, if anything is.
func checkDomain(domain string) (fault RowFault, bad bool) {
	blame := func(reason RowReason) (RowFault, bool) { return RowFault{Reason: reason, Text: domain}, true }
	labels := strings.Split(domain, ".")
	if len(labels) < 2 {
		return blame(DomainNoDot)
	}
	for _, label := range labels {
		switch {
		case label == "":
			return blame(DomainManyDots)
		case len(label) > maxLabel:
			return RowFault{Reason: DomainLong, Count: len(label), Limit: maxLabel}, true
		case label[0] == '-' || label[len(label)-1] == '-':
			return blame(DomainHyphen)
		case strings.Trim(strings.ToLower(label), "abcdefghijklmnopqrstuvwxyz0123456789-") != "":
			return blame(DomainCharacters)
		}
	}
	if last := labels[len(labels)-1]; len(last) < 2 || isDigits(last) {
		return RowFault{Reason: DomainEnd, Text: last}, true
	}
	return RowFault{}, false
}

// checkLine refuses what would end a line of a mail's header, and everything else that checkText does.
func checkLine(s string) (fault RowFault, bad bool) {
	if strings.ContainsAny(s, "\r\n") {
		return RowFault{Reason: LineBreak}, true
	}
	return checkText(s)
}

// checkText refuses characters that are no text.
func checkText(s string) (fault RowFault, bad bool) {
	for _, r := range s {
		switch {
		case r == '\uFFFD':
			return RowFault{Reason: LostLetter}, true
		case unicode.IsControl(r), isSteering(r):
			return RowFault{Reason: ControlCharacter, Text: fmt.Sprintf("%U", r)}, true
		}
	}
	if strings.HasPrefix(s, `"`) && strings.Count(s, `"`)%2 == 1 {
		return RowFault{Reason: UnclosedQuote}, true
	}
	return RowFault{Reason: FormulaError}, isFormulaError(s)
}

// isSteering reports whether a character changes how what follows is shown: directions of writing and line ends
// that only some programs know.
func isSteering(r rune) bool {
	return r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069' || r == '\u2028' || r == '\u2029' || r == '\uFFFD'
}

// isFormulaError knows what spreadsheets show where a formula failed.
func isFormulaError(s string) bool {
	if !strings.HasPrefix(s, "#") {
		return false
	}
	switch strings.ToUpper(s) {
	case "#N/A", "#REF!", "#NAME?", "#VALUE!", "#DIV/0!", "#NULL!", "#NUM!", "#SPILL!", "#CALC!", "#N/D!", "#N/D", "#ADR!", "#ARG!", "#NAZWA?", "#ССЫЛКА!", "#ИМЯ?", "#ЗНАЧ!", "#Н/Д":
		return true
	}
	return false
}

// oneLine makes one line of a text of several, as cells of spreadsheets have: their ends and further blanks
// become one blank.
func oneLine(s string) string {
	if !strings.ContainsAny(s, "\n\r\t\u00a0") && !strings.Contains(s, "  ") {
		return s
	}
	return strings.Join(strings.Fields(s), " ")
}

// trimCell cuts off blanks, and what looks like none: no-break and zero-width spaces, byte order marks in the
// middle of files that were joined.
func trimCell(s string) string {
	if s == "" || s[0] > ' ' && s[0] < utf8.RuneSelf && s[len(s)-1] > ' ' && s[len(s)-1] < utf8.RuneSelf {
		return s
	}
	return strings.TrimFunc(s, func(r rune) bool {
		return unicode.IsSpace(r) || r == '\u200b' || r == '\u200c' || r == '\u200d' || r == '\ufeff' || r == '\u2060'
	})
}
