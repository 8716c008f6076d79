package exchange

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"cxmirror/pkg/survey"
)

const (
	maxHeaderRow    = 25 // the header stands in the first rows, below titles
	maxAttributeKey = 64
	problemColumn   = "problem" // of a file that was given back; see WriteProblems
)

// peoplePlan says in which column of the file what is found; -1 is nowhere.
type peoplePlan struct {
	address, language, key, active int
	name                           []int // in the order in which names are said
	attributes                     []attributeSource
}

type attributeSource struct {
	column int
	key    string
	days   bool // the values are days, and written in one way
}

// columnWord is what the name of a column says of it.
type columnWord struct {
	meaning   PeopleMeaning
	attribute string     // the key of a usual attribute
	vague     bool       // the word may mean something else; what the column holds decides
	proven    bool       // the word is believed only of a column that holds addresses
	private   bool       // of an address: not the one to write to if there is another
	note      ColumnNote // why it is ignored
}

// readHeader finds the header among the rows ahead, takes it and all above it away, and makes the plan.
func (p *PeopleReader) readHeader() error {
	first, holdsAddress := p.firstAddress()
	above := p.ahead[:min(len(p.ahead), maxHeaderRow)]
	if holdsAddress {
		above = above[:min(len(above), first)]
	}
	best, most := -1, 0
	for i, row := range above {
		if n := countKnown(row.cells); n > most {
			best, most = i, n
		}
	}
	filled := p.firstFilled()
	if best < 0 && holdsAddress {
		// Names nobody knows are names all the same, if they stand right above the first person.
		for i := range above {
			if !isEmpty(above[i].cells) {
				best = i
			}
		}
	}
	headless := best < 0 && holdsAddress
	switch {
	case headless:
		// Nothing names the columns: what they hold must do.
		p.names = make([]string, len(p.ahead[first].cells))
		p.ahead = p.ahead[first:]
	case best < 0 && filled < 0:
		return &FileError{File: p.report.File, Says: survey.Say("people_empty", "the file is empty: a header row with the names of the columns, and a row for each person are expected")}
	case best < 0:
		best = filled
		fallthrough
	default:
		header := p.ahead[best]
		if len(header.faults) > 0 {
			fault := header.faults[0].RowFault
			return &FileError{File: p.report.File, Line: header.line, Fault: fault, Says: survey.Say(
				"people_header", "the names of the columns: %s; %s", "Reason", fault.Explain(), "Advice", fault.Advise())}
		}
		p.names = p.joinHeader(best)
		p.report.HeaderLine = header.line
		p.ahead = p.ahead[best+1:]
	}
	return p.recogniseColumns()
}

// joinHeader returns the names in a header row. Blank ones are taken from the row above, where cells were merged
// downwards.
func (p *PeopleReader) joinHeader(at int) []string {
	names := slices.Clone(p.ahead[at].cells)
	if at > 0 {
		for i, above := range p.ahead[at-1].cells {
			if i >= len(names) {
				names = append(names, "")
			}
			if trimCell(names[i]) == "" && known(above) {
				names[i] = above
			}
		}
	}
	for i, name := range names {
		names[i] = p.clean(name)
	}
	for len(names) > 0 && names[len(names)-1] == "" {
		names = names[:len(names)-1]
	}
	return names
}

// countKnown counts the cells of a row that name a column. Values do not count: neither does what is longer
// than any name.
func countKnown(cells []string) int {
	n := 0
	for _, cell := range cells {
		if known(cell) {
			n++
		}
	}
	return n
}

func known(cell string) bool {
	const longest = 60
	cell = trimCell(cell)
	if cell == "" || len(cell) > longest || strings.Contains(cell, "@") {
		return false
	}
	return wordOf(cell).meaning != ""
}

// firstAddress returns the first row with an address in it.
func (p *PeopleReader) firstAddress() (int, bool) {
	at := slices.IndexFunc(p.ahead, func(row *peopleRow) bool {
		return slices.ContainsFunc(row.cells, looksLikeAddress)
	})
	return at, at >= 0
}

// firstFilled returns the first row with a filled cell, or -1.
func (p *PeopleReader) firstFilled() int {
	return slices.IndexFunc(p.ahead, func(row *peopleRow) bool { return !isEmpty(row.cells) })
}

// recogniseColumns says what every column is, and makes the plan.
func (p *PeopleReader) recogniseColumns() error {
	width := len(p.names)
	if p.report.HeaderLine == 0 || !p.rows.padded() {
		for _, row := range p.ahead {
			for i, cell := range row.cells {
				if trimCell(cell) != "" {
					width = max(width, i+1)
				}
			}
		}
	}
	p.names = append(p.names, make([]string, max(0, width-len(p.names)))...)
	p.columns = make([]PeopleColumn, width)
	words := make([]columnWord, width)
	native := p.isNative()
	for i, name := range p.names {
		p.columns[i] = PeopleColumn{Letter: columnLetters(i), Header: name, Examples: p.examples(i)}
		switch {
		case native && i >= len(nativeColumns()):
			words[i] = columnWord{meaning: AttributeColumn, attribute: name}
		default:
			words[i] = wordOf(name)
		}
		if i == width-1 && name == problemColumn {
			words[i] = columnWord{meaning: IgnoredColumn, note: NoteProblem}
		}
		p.columns[i].Meaning, p.columns[i].Attribute, p.columns[i].Note = words[i].meaning, words[i].attribute, words[i].note
	}
	if err := p.applyChoices(); err != nil {
		return err
	}
	p.settleAddress(words)
	for _, meaning := range []PeopleMeaning{NameColumn, GivenColumn, PatronymicColumn, FamilyColumn, LanguageColumn, KeyColumn, ActiveColumn} {
		p.settleOne(meaning)
	}
	if p.has(GivenColumn) || p.has(FamilyColumn) {
		p.yield(NameColumn, NoteNameInParts)
	}
	if err := p.nameAttributes(); err != nil {
		return err
	}
	return p.makePlan()
}

// nativeColumns are the first columns of a file that WritePeople wrote. All further ones are attributes,
// whatever they are called.
func nativeColumns() []string { return []string{"key", "address", "name", "language", "active"} }

func (p *PeopleReader) isNative() bool {
	native := nativeColumns()
	if len(p.names) < len(native) || !slices.Equal(p.names[:len(native)], native) {
		return false
	}
	rest := p.names[len(native):]
	if n := len(rest); n > 0 && rest[n-1] == problemColumn {
		rest = rest[:n-1]
	}
	return !slices.ContainsFunc(rest, func(name string) bool { return !isAttributeKey(name) })
}

// applyChoices sets what the caller says of columns.
func (p *PeopleReader) applyChoices() error {
	h := &header{file: p.report.File, names: p.names, byName: make(map[string]int), twice: make(map[string][]int), rows: []int{p.report.HeaderLine}}
	h.index()
	for _, name := range slices.Sorted(maps.Keys(p.options.Columns)) {
		use := p.options.Columns[name]
		at, problem := h.find(name)
		if problem != nil {
			return p.columnsError(*problem)
		}
		if !slices.Contains(PeopleMeanings(), use.Meaning) {
			return p.columnsError(survey.Say("meaning_unknown", "a column cannot be taken for %q", "Name", shortened(string(use.Meaning))))
		}
		if use.Attribute != "" && !isAttributeKey(use.Attribute) {
			return p.columnsError(survey.Say("attribute_key", "an attribute cannot have the key %q: it takes 1 to %d of a-z, 0-9 and _, and begins with a letter",
				"Key", use.Attribute, "Limit", maxAttributeKey))
		}
		c := &p.columns[at]
		if c.Chosen {
			return p.columnsError(survey.Say("column_named_twice", "column %s is named twice, by its letter and by its name", "Column", c.Letter))
		}
		c.Meaning, c.Attribute, c.Chosen, c.Note = use.Meaning, use.Attribute, true, NoNote
	}
	for i, c := range p.columns {
		if !c.Chosen || c.Meaning == AttributeColumn || c.Meaning == IgnoredColumn {
			continue
		}
		for _, other := range p.columns[i+1:] {
			if other.Chosen && other.Meaning == c.Meaning {
				return p.columnsError(survey.Saying{
					Key: "meaning_twice", Args: survey.Args{"First": c.Letter, "Second": other.Letter, "Meaning": c.Meaning},
					English: fmt.Sprintf("columns %s and %s cannot both be the %s", c.Letter, other.Letter, strings.ReplaceAll(string(c.Meaning), "_", " ")),
				})
			}
		}
	}
	return nil
}

// settleAddress decides which column holds the address: the one the caller chose, else the first whose name says
// so, else one that holds addresses. Words such as "contact" are believed if the column does not hold streets.
func (p *PeopleReader) settleAddress(words []columnWord) {
	best, rank := -1, 0
	for i, c := range p.columns {
		filled, addresses := p.holds(i)
		r := 0
		switch {
		case c.Chosen && c.Meaning == AddressColumn:
			r = 7
		case c.Chosen:
		case c.Meaning == AddressColumn && !words[i].vague && !words[i].private && (filled == 0 || addresses > 0):
			r = 6
		case c.Meaning == AddressColumn && addresses > 0 && !words[i].private:
			r = 5
		case c.Meaning == AddressColumn && !words[i].vague && !words[i].private:
			r = 4
		case c.Meaning == "" && addresses > 0 && 2*addresses > filled:
			r = 3
		case c.Meaning == AddressColumn && words[i].private:
			r = 2
		case c.Meaning == AddressColumn && (filled == 0 || !words[i].proven && !p.holdsStreets(i)):
			r = 1
		}
		if r > rank {
			best, rank = i, r
		}
	}
	for i := range p.columns {
		c := &p.columns[i]
		_, addresses := p.holds(i)
		switch {
		case i == best:
			if c.Meaning != AddressColumn {
				c.Note = NoteByContents
			}
			c.Meaning, c.Attribute = AddressColumn, ""
		case c.Meaning == AddressColumn && best >= 0 && words[i].vague && addresses == 0:
			c.Meaning, c.Note = IgnoredColumn, NoteNoAddresses
		case c.Meaning == AddressColumn:
			c.Meaning, c.Note = IgnoredColumn, NoteOneAddress
			if best < 0 {
				c.Note = NoteNoAddresses
			}
		case c.Meaning == "" && addresses > 0 && !c.Chosen:
			// Somebody's address is no attribute of a group.
			c.Meaning, c.Note = IgnoredColumn, NoteOneAddress
		}
	}
}

// settleOne leaves one column of a meaning: the chosen one, else the first.
func (p *PeopleReader) settleOne(meaning PeopleMeaning) {
	keep := slices.IndexFunc(p.columns, func(c PeopleColumn) bool { return c.Chosen && c.Meaning == meaning })
	if keep < 0 {
		keep = slices.IndexFunc(p.columns, func(c PeopleColumn) bool { return c.Meaning == meaning })
	}
	for i := range p.columns {
		if c := &p.columns[i]; i != keep && c.Meaning == meaning {
			c.Meaning, c.Note, c.Instead = IgnoredColumn, NoteInstead, p.columns[keep].Letter
		}
	}
}

// yield ignores a column of a meaning, unless it was chosen.
func (p *PeopleReader) yield(meaning PeopleMeaning, note ColumnNote) {
	for i := range p.columns {
		if c := &p.columns[i]; c.Meaning == meaning && !c.Chosen {
			c.Meaning, c.Note = IgnoredColumn, note
		}
	}
}

func (p *PeopleReader) has(meaning PeopleMeaning) bool {
	return slices.ContainsFunc(p.columns, func(c PeopleColumn) bool { return c.Meaning == meaning })
}

// nameAttributes makes attributes of the columns that mean nothing else, and gives each a key of its own.
func (p *PeopleReader) nameAttributes() error {
	taken := make(map[string]bool)
	for _, c := range p.columns {
		if c.Chosen && c.Attribute != "" {
			if taken[c.Attribute] {
				return p.columnsError(survey.Say("attribute_twice", "two columns cannot both be the attribute %q", "Key", c.Attribute))
			}
			taken[c.Attribute] = true
		}
	}
	attributes := 0
	for i := range p.columns {
		c := &p.columns[i]
		if c.Meaning == "" {
			switch {
			case c.Header == "" && len(c.Examples) == 0:
				c.Meaning, c.Note = IgnoredColumn, NoteBlank
			case c.Header == "":
				c.Meaning, c.Note = IgnoredColumn, NoteNoName
			default:
				c.Meaning = AttributeColumn
			}
		}
		if c.Meaning != AttributeColumn {
			c.Attribute = ""
			continue
		}
		attributes++
		c.Type = proposedType(p.values(i))
		if c.Chosen && c.Attribute != "" {
			continue
		}
		if c.Attribute == "" || taken[c.Attribute] {
			c.Attribute = AttributeKey(c.Header)
		}
		base := c.Attribute
		for n := 2; taken[c.Attribute]; n++ {
			c.Attribute = fmt.Sprintf("%s_%d", base[:min(len(base), maxAttributeKey-4)], n)
		}
		taken[c.Attribute] = true
	}
	if attributes > MaxAttributes {
		return p.columnsError(survey.Say("attributes_many", "%d columns would become attributes of people, at most %d can: choose which ones are wanted, and ignore the others",
			"Count", attributes, "Limit", MaxAttributes))
	}
	return nil
}

func (p *PeopleReader) makePlan() error {
	at := func(meaning PeopleMeaning) int {
		return slices.IndexFunc(p.columns, func(c PeopleColumn) bool { return c.Meaning == meaning })
	}
	p.plan = peoplePlan{address: at(AddressColumn), language: at(LanguageColumn), key: at(KeyColumn), active: at(ActiveColumn)}
	for _, part := range []PeopleMeaning{NameColumn, GivenColumn, PatronymicColumn, FamilyColumn} {
		if i := at(part); i >= 0 {
			p.plan.name = append(p.plan.name, i)
		}
	}
	for i, c := range p.columns {
		if c.Meaning == AttributeColumn {
			p.plan.attributes = append(p.plan.attributes, attributeSource{i, c.Attribute, c.Type == survey.DateAttribute})
		}
	}
	switch {
	case p.plan.address < 0 && !p.options.OnPaper:
		return p.columnsError(survey.Say("addresses_none", "no column holds e-mail addresses: say which one does, call it \"e-mail\", or allow people without address, who get access codes on paper"))
	case p.plan.address < 0 && p.plan.key < 0:
		return p.columnsError(survey.Say("identifiers_none", "no column says who is who: an e-mail address or an identifier of your own (\"id\") is needed, so that people can be updated and are not invited twice"))
	}
	return nil
}

func (p *PeopleReader) columnsError(why survey.Saying) error {
	for i := range p.columns {
		if p.columns[i].Meaning == "" {
			p.columns[i].Meaning = AttributeColumn
		}
	}
	return &ColumnsError{File: p.report.File, Says: why, Columns: p.Columns()}
}

// values are the filled cells of a column in the rows ahead.
func (p *PeopleReader) values(column int) []string {
	var values []string
	for _, row := range p.ahead {
		if column < len(row.cells) {
			if v := p.clean(row.cells[column]); v != "" {
				values = append(values, v)
			}
		}
	}
	return values
}

func (p *PeopleReader) examples(column int) []string {
	const most = 3
	var examples []string
	for _, v := range p.values(column) {
		if v = shownCell(v); !slices.Contains(examples, v) {
			if examples = append(examples, v); len(examples) == most {
				break
			}
		}
	}
	return examples
}

// holds counts the filled cells of a column in the rows ahead, and those that look like addresses.
func (p *PeopleReader) holds(column int) (filled, addresses int) {
	for _, v := range p.values(column) {
		filled++
		if looksLikeAddress(v) {
			addresses++
		}
	}
	return filled, addresses
}

// holdsStreets reports whether most values of a column have blanks in them, as postal addresses have.
func (p *PeopleReader) holdsStreets(column int) bool {
	values, blanks := p.values(column), 0
	for _, v := range values {
		if strings.Contains(v, " ") {
			blanks++
		}
	}
	return 2*blanks > len(values)
}

func looksLikeAddress(s string) bool {
	if s = trimCell(s); strings.Contains(s, " ") && !strings.HasSuffix(s, ">") {
		return false // a sentence with an address in it
	}
	at := strings.IndexByte(s, '@')
	return at > 0 && strings.IndexByte(s[at:], '.') > 1
}

// proposedType is what the values of an attribute look like. Few different numbers are names of groups.
func proposedType(values []string) survey.AttributeType {
	const groups = 12
	if len(values) == 0 {
		return survey.TextAttribute
	}
	dates, numbers := true, true
	different := make(map[string]bool)
	for _, v := range values {
		_, day := readDay(v)
		dates = dates && day
		numbers = numbers && isPlainNumber(v)
		different[v] = true
	}
	switch {
	case dates:
		return survey.DateAttribute
	case numbers && len(different) > groups:
		return survey.NumberAttribute
	}
	return survey.TextAttribute
}

// readDay reads 2006-01-02 and 2.1.2006, which mean the same day everywhere, and returns the former. What is
// written with strokes means different days in different countries, and stays text.
func readDay(s string) (string, bool) {
	for _, layout := range []string{time.DateOnly, "2.1.2006"} {
		if day, err := time.Parse(layout, s); err == nil {
			return day.Format(time.DateOnly), true
		}
	}
	return "", false
}

// isPlainNumber knows numbers without a leading zero: what has one is a code.
func isPlainNumber(s string) bool {
	s = strings.TrimPrefix(s, "-")
	whole, decimals, found := strings.Cut(strings.Replace(s, ",", ".", 1), ".")
	return isDigits(whole) && (!found || isDigits(decimals)) && (len(whole) == 1 || whole[0] != '0')
}

func isDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

func isAttributeKey(s string) bool {
	if s == "" || len(s) > maxAttributeKey || s[0] < 'a' || s[0] > 'z' {
		return false
	}
	return strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789_") == ""
}

// AttributeKey makes the key of an attribute of its name, such as that of a column: "Staż pracy" is staz_pracy,
// "Отдел продаж" otdel_prodazh. Different names can have the same key.
func AttributeKey(name string) string {
	var b strings.Builder
	var parted strings.Builder // usageLocation is two words
	last := ' '
	for _, r := range name {
		if unicode.IsLower(last) && unicode.IsUpper(r) {
			parted.WriteByte(' ')
		}
		parted.WriteRune(r)
		last = r
	}
	gap := false
	for _, r := range unaccented(parted.String()) {
		latin := transliterated(r)
		if latin == "" {
			if !unicode.IsLetter(r) {
				gap = true // a sign that only softens is a letter, and parts no words
			}
			continue
		}
		if gap && b.Len() > 0 {
			b.WriteByte('_')
		}
		gap = false
		b.WriteString(latin)
	}
	key := b.String()
	if key == "" || key[0] < 'a' || key[0] > 'z' {
		key = strings.TrimSuffix("a_"+key, "_")
	}
	return strings.TrimRight(key[:min(len(key), maxAttributeKey)], "_")
}

// transliterated returns a lower-case letter or digit in ASCII; "" if there is none.
func transliterated(r rune) string {
	switch {
	case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
		return string(r)
	case r >= 'а' && r <= 'я':
		return strings.Split("a,b,v,g,d,e,zh,z,i,i,k,l,m,n,o,p,r,s,t,u,f,kh,ts,ch,sh,shch,,y,,e,iu,ia", ",")[r-'а']
	}
	switch r {
	case 'є':
		return "ie"
	case 'і':
		return "i"
	case 'ґ':
		return "g"
	case 'đ':
		return "d"
	case 'ß':
		return "ss"
	case 'ø':
		return "o"
	case 'æ':
		return "ae"
	}
	return ""
}

// unaccented is a text in lower case without accents and strokes. Ё becomes Е and Й И, as people write them.
func unaccented(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.Is(unicode.Mn, r):
			return -1
		case r == 'ł':
			return 'l'
		}
		return r
	}, norm.NFD.String(strings.ToLower(s)))
}

// wordOf says what a name of a column means. The name is compared without case, accents and punctuation.
func wordOf(name string) columnWord {
	folded := foldName(name)
	if folded == "" {
		return columnWord{}
	}
	if word, ok := peopleWords()[folded]; ok {
		return word
	}
	// Addresses go by many names: "Adres e-mail (służbowy)", "Work e-mail", "Адрес электронной почты".
	holds := func(part string) bool { return strings.Contains(folded, part) }
	mail := holds("email") || strings.HasPrefix(folded, "mail") && !strings.HasPrefix(folded, "mailing") || strings.HasSuffix(folded, "mail") ||
		holds("имеил") || holds("почт") && !holds("почтов")
	switch {
	case !mail && (holds("phone") || holds("telefon") || holds("телефон") || holds("mobil")):
		return columnWord{meaning: IgnoredColumn, note: NoteNotNeeded}
	case !mail:
		return columnWord{}
	case slices.ContainsFunc([]string{"manager", "supervisor", "przeloz", "kierown", "sefului", "superior", "руковод", "начальник"}, holds):
		return columnWord{meaning: IgnoredColumn, note: NoteSomebodyElse}
	}
	return columnWord{meaning: AddressColumn, private: slices.ContainsFunc([]string{"priv", "personal", "home", "domow", "pryw", "лич", "домаш"}, holds)}
}

// foldName is a name without case, accents, blanks and punctuation.
func foldName(name string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return r
		}
		return -1
	}, unaccented(name))
}
