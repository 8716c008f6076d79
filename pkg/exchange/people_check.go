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
	blame := func(column int, problem PersonProblem, reason, advice string) {
		faults = append(faults, cellFault{column: column, problem: problem, reason: reason, advice: advice})
	}
	person := survey.Person{Active: true}
	for _, column := range p.plan.name {
		if part := cell(column); part != "" {
			if reason, advice := checkLine(part); reason != "" {
				blame(column, ProblemCharacters, reason, advice)
			}
			person.Name = strings.TrimSpace(person.Name + " " + oneLine(part))
		}
	}
	if n := utf8.RuneCountInString(person.Name); n > MaxPersonText {
		blame(p.plan.name[0], ProblemLong, fmt.Sprintf("the name has %d characters, at most %d are kept", n, MaxPersonText), "shorten it")
	}
	if given := cell(p.plan.address); given != "" {
		address, display, reason, advice := readAddress(given)
		person.Address = address
		switch {
		case reason != "":
			blame(p.plan.address, ProblemAddress, reason, advice)
		case person.Name == "":
			person.Name = display
		}
	} else if !p.options.OnPaper {
		blame(p.plan.address, ProblemNoAddress, "no address", "add it, or allow people without address, who get access codes on paper")
	}
	switch person.Key = cell(p.plan.key); {
	case p.plan.key < 0:
		person.Key = strings.ToLower(person.Address)
		if person.Key == "" && len(faults) == 0 {
			blame(-1, ProblemNoKey, "neither an address nor an identifier", "add one: without it the person cannot be found again")
		}
	case person.Key == "":
		blame(p.plan.key, ProblemNoKey, "no identifier, though the file has a column for it", "add it, or ignore that column: then the address is the identifier")
	case len(person.Key) > MaxKey:
		blame(p.plan.key, ProblemKey, fmt.Sprintf("an identifier of %d bytes, at most %d are kept", len(person.Key), MaxKey), "shorten it, or take another column")
	default:
		if reason, advice := checkLine(person.Key); reason != "" {
			blame(p.plan.key, ProblemKey, reason, advice)
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
			blame(p.plan.language, ProblemLanguage, "no language that people can be written to in",
				"write one of "+strings.Join(p.languageTags(), ", ")+", leave it blank, or choose a language for all whose own is not there")
		}
	}
	if said := cell(p.plan.active); said != "" {
		active, ok := yesOrNo(said)
		if !ok {
			blame(p.plan.active, ProblemActive, "neither yes nor no", "write yes, no, or leave it blank for yes")
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
			blame(a.column, ProblemLong, fmt.Sprintf("%d characters, at most %d are kept of an attribute", n, MaxPersonText), "shorten it, or ignore the column if it holds remarks")
		} else if reason, advice := checkText(value); reason != "" {
			blame(a.column, ProblemCharacters, reason, advice)
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
			column: -1, problem: ProblemCells,
			reason: fmt.Sprintf("the row ends after %s, the header names %d", countCells(len(row.cells)), p.lastNamed()+1),
			advice: "probably a cell or a line end is missing or too many; separate blank cells, too",
		})
	case len(row.cells) > width && !isEmpty(row.cells[width:]):
		faults = append(faults, cellFault{
			column: -1, problem: ProblemCells,
			reason: fmt.Sprintf("the row has %d cells, the header names %d", len(row.cells), width),
			advice: "probably a text with the delimiter in it: put it in quotes",
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
	stands := "line"
	if !p.rows.padded() {
		stands = "row"
	}
	if p.plan.key >= 0 {
		if first, again := p.keys.lookup(person.Key); again {
			faults = append(faults, cellFault{
				column: p.plan.key, problem: ProblemRepeated,
				reason: fmt.Sprintf("the identifier stands in %s %d already", stands, first), advice: "leave one of the two rows",
			})
		}
	}
	folded := strings.ToLower(person.Address)
	if folded != "" {
		if first, again := p.mails.lookup(folded); again {
			faults = append(faults, cellFault{
				column: p.plan.address, problem: ProblemRepeated,
				reason: fmt.Sprintf("the address stands in %s %d already", stands, first), advice: "leave one of the two rows, or give each person an address of her own",
			})
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
func readAddress(given string) (address, display, reason, advice string) {
	const likeThis = "an address reads name@company.com"
	s := given
	if len(s) > len("mailto:") && strings.EqualFold(s[:len("mailto:")], "mailto:") {
		s = s[len("mailto:"):]
	}
	if reason, advice := checkLine(s); reason != "" {
		return "", "", reason, advice
	}
	if strings.HasSuffix(s, ">") {
		open := strings.LastIndexByte(s, '<')
		if open < 0 {
			return "", "", "a > without <", likeThis
		}
		display = strings.TrimSpace(strings.Trim(strings.TrimSpace(s[:open]), `"'`))
		s = s[open+1 : len(s)-1]
	}
	at := strings.LastIndexByte(s, '@')
	foreign := strings.IndexFunc(s, func(r rune) bool { return r >= utf8.RuneSelf })
	switch {
	case at < 0:
		return "", "", "no @ in it", likeThis
	case strings.ContainsAny(s, ";,"):
		return "", "", "more than one address, or a comma in it", "leave one address; other people take rows of their own"
	case strings.ContainsAny(s, " \u00a0"):
		return "", "", "a blank in it", likeThis
	case strings.IndexByte(s, '@') != at:
		return "", "", "more than one @ in it", "leave one address; other people take rows of their own"
	case len(s) > maxAddress:
		return "", "", fmt.Sprintf("an address of %d characters, mail takes at most %d", len(s), maxAddress), "probably texts of several cells were joined; " + likeThis
	case at > maxLocal:
		return "", "", fmt.Sprintf("%d characters before the @, mail takes at most %d", at, maxLocal), likeThis
	case foreign >= 0:
		r, _ := utf8.DecodeRuneInString(s[foreign:])
		return "", "", fmt.Sprintf("the letter %q, which is not of the Latin alphabet without accents", r),
			"type the address anew: a letter may only look Latin; of a domain with such letters, take the form that begins with xn--"
	}
	parsed, err := mail.ParseAddress(s)
	if err != nil || parsed.Address != s || parsed.Name != "" || strings.ContainsAny(s, `"()[]\`) {
		return "", "", "characters or dots that an address cannot have there", likeThis
	}
	domain := s[at+1:]
	if reason := checkDomain(domain); reason != "" {
		return "", "", reason, likeThis
	}
	// The part before the @ is the server's business; domains are the same in any case.
	return s[:at+1] + strings.ToLower(domain), oneLine(display), "", ""
}

// checkDomain says what is wrong with the name of a host, or "".
func checkDomain(domain string) string {
	labels := strings.Split(domain, ".")
	if len(labels) < 2 {
		return fmt.Sprintf("the domain %q has no dot", domain)
	}
	for _, label := range labels {
		switch {
		case label == "":
			return fmt.Sprintf("the domain %q has a dot too many", domain)
		case len(label) > maxLabel:
			return fmt.Sprintf("a part of the domain has %d characters, at most %d are allowed", len(label), maxLabel)
		case label[0] == '-' || label[len(label)-1] == '-':
			return fmt.Sprintf("a part of the domain %q begins or ends with a hyphen", domain)
		case strings.Trim(strings.ToLower(label), "abcdefghijklmnopqrstuvwxyz0123456789-") != "":
			return fmt.Sprintf("the domain %q has characters that domains do not have", domain)
		}
	}
	if last := labels[len(labels)-1]; len(last) < 2 || isDigits(last) {
		return fmt.Sprintf("no domain ends in .%s", last)
	}
	return ""
}

// checkLine refuses what would end a line of a mail's header, and everything else that checkText does.
func checkLine(s string) (reason, advice string) {
	if strings.ContainsAny(s, "\r\n") {
		return "a line break inside", "leave one line: what follows a line break could become a line of the mail's header"
	}
	return checkText(s)
}

// checkText refuses characters that are no text.
func checkText(s string) (reason, advice string) {
	for _, r := range s {
		switch {
		case r == '\uFFFD':
			return "a letter that was lost (\uFFFD)", "correct it; if there are many, the file was read or saved in the wrong encoding: save it as \"CSV UTF-8\" or .xlsx"
		case unicode.IsControl(r), isSteering(r):
			return fmt.Sprintf("a control character (%U)", r), "delete it, or type the text anew"
		}
	}
	if strings.HasPrefix(s, `"`) && strings.Count(s, `"`)%2 == 1 {
		return "a quote that is never closed", "close it, or leave it out"
	}
	return excelError(s)
}

// isSteering reports whether a character changes how what follows is shown: directions of writing and line ends
// that only some programs know.
func isSteering(r rune) bool {
	return r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069' || r == '\u2028' || r == '\u2029' || r == '\uFFFD'
}

// excelError knows what spreadsheets show where a formula failed.
func excelError(s string) (reason, advice string) {
	if !strings.HasPrefix(s, "#") {
		return "", ""
	}
	switch strings.ToUpper(s) {
	case "#N/A", "#REF!", "#NAME?", "#VALUE!", "#DIV/0!", "#NULL!", "#NUM!", "#SPILL!", "#CALC!", "#N/D!", "#N/D", "#ADR!", "#ARG!", "#NAZWA?", "#ССЫЛКА!", "#ИМЯ?", "#ЗНАЧ!", "#Н/Д":
		return "an error of a formula", "put the formula right, or write the value instead"
	}
	return "", ""
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
