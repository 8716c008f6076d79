package web

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"iter"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"cxmirror/pkg/exchange"
	"cxmirror/pkg/store"
	"cxmirror/pkg/survey"
)

// peopleShown is how many accepted people a preview shows.
const peopleShown = 10

// importChoices are what somebody decides about a file of people. They are the query of the page that shows what
// would come of them, so that nothing is stored by looking, and going back is possible.
type importChoices struct {
	Columns   map[string]string // by letter: a meaning, or "attribute:key"
	Encoding  string            // "" is recognised
	Delimiter string            // the same
	Sheet     string            // the first
	Fallback  survey.Language   // for languages that nobody can be written to in; "" rejects
	OnPaper   bool              // people without address are taken
	Leave     bool              // people who are known are left as they are
	Missing   bool              // people who are not in the file become inactive
}

// readImportChoices reads choices from a form or an address. What is chosen of columns belongs to the reading of the
// file that was shown: once another sheet or delimiter is chosen, columns are recognised anew.
func readImportChoices(sent url.Values) importChoices {
	text := func(name string) string {
		return strings.ReplaceAll(strings.ToValidUTF8(sent.Get(name), ""), "\x00", "")
	}
	ch := importChoices{
		Columns: map[string]string{}, Encoding: text("encoding"), Delimiter: text("delimiter"), Sheet: text("sheet"),
		Fallback: survey.Language(text("fallback")), OnPaper: text("paper") != "", Leave: text("known") == "leave", Missing: text("missing") != "",
	}
	if shown, ok := sent["shown"]; ok && shown[0] != ch.reading() {
		return ch
	}
	for name := range sent {
		if letter, ok := strings.CutPrefix(name, "as."); ok && columnNumber(letter) >= 0 && text(name) != "" {
			ch.Columns[letter] = text(name)
		}
	}
	return ch
}

// reading names the way in which a file is read, on which its columns depend.
func (ch *importChoices) reading() string { return ch.Encoding + "/" + ch.Delimiter + "/" + ch.Sheet }

// values returns the choices as the query of an address.
func (ch *importChoices) values() url.Values {
	query := url.Values{}
	set := func(name, value string) {
		if value != "" {
			query.Set(name, value)
		}
	}
	for letter, use := range ch.Columns {
		set("as."+letter, use)
	}
	set("encoding", ch.Encoding)
	set("delimiter", ch.Delimiter)
	set("sheet", ch.Sheet)
	set("fallback", string(ch.Fallback))
	for name, chosen := range map[string]bool{"paper": ch.OnPaper, "missing": ch.Missing} {
		if chosen {
			set(name, "yes")
		}
	}
	if ch.Leave {
		set("known", "leave")
	}
	return query
}

// importEncodings are what text files of people are written in.
func importEncodings() []string {
	return []string{"utf-8", "utf-16le", "utf-16be", "windows-1250", "windows-1251", "windows-1252", "iso-8859-2"}
}

// importDelimiters are what parts the cells of text files, by the names that choices call them.
func importDelimiters() map[string]rune {
	return map[string]rune{"comma": ',', "semicolon": ';', "tab": '\t', "bar": '|'}
}

// options returns how the file is read.
func (ch *importChoices) options(languages []survey.Language) exchange.PeopleOptions {
	options := exchange.PeopleOptions{
		Encoding: ch.Encoding, Delimiter: importDelimiters()[ch.Delimiter], Sheet: ch.Sheet, Languages: languages,
		Fallback: ch.Fallback, OnPaper: ch.OnPaper, Columns: make(map[string]exchange.ColumnUse, len(ch.Columns)),
	}
	for letter, use := range ch.Columns {
		meaning, attribute, _ := strings.Cut(use, ":")
		options.Columns["$"+letter] = exchange.ColumnUse{Meaning: exchange.PeopleMeaning(meaning), Attribute: attribute}
	}
	return options
}

// importOptions returns what is done with people who are known, or missing.
func (ch *importChoices) importOptions() store.ImportOptions {
	return store.ImportOptions{Update: !ch.Leave, DeactivateMissing: ch.Missing}
}

// peopleImportPage takes a file of people and shows what would come of it.
type peopleImportPage struct {
	room
	File     string // its id; "" is none yet
	Name     string
	Gone     bool // it was there, and is not kept any more
	Choices  importChoices
	Shown    string      // how the file was read; see readImportChoices
	Looked   string      // the choices that the page shows, as they are sent if nobody changes them
	Hidden   []sentField // the same, for forms that only keep them
	Problems []string    // why the file cannot be read as it is
	Advice   string

	Columns    []columnLine
	Encodings  []string
	Delimiters []string
	Sheets     []string
	Encoding   string // as read
	Sheet      string
	Text       bool // a text file, and not a workbook
	Fallbacks  []languageChoice
	Panel      int

	Preview *peoplePreview
	Result  *peopleResult
}

// ProblemsAddress is where the file is given back with what is wrong with it.
func (p peopleImportPage) ProblemsAddress() string {
	return addressOf("/people/import/"+p.File+"/problems", p.Choices.values())
}

// columnLine is a column of the file and what it is taken for.
type columnLine struct {
	exchange.PeopleColumn
	Chosen   string // "address", "attribute:department"
	Known    []survey.Attribute
	New      string // the key of the attribute that the column would become, if there is none of that key
	NewName  string
	Meanings []exchange.PeopleMeaning
	Noted    string // why it is ignored, or how it was recognised, in the reader's words
}

// peoplePreview is what would come of the file.
type peoplePreview struct {
	store.ImportPreview
	Report     exchange.PeopleReport
	Heads      []string // attributes of the people shown
	People     []previewPerson
	Rejections []rejectionLine
	More       int // rejected rows' problems that are not shown
	Kinds      []problemCount
	Storable   int // people whom saving would change or add
	Warnings   []string
	New        []string // attributes that would be new, by name
}

type previewPerson struct {
	survey.Person
	Line  int
	Cells []string
}

// rejectionLine is a problem of a row.
type rejectionLine struct {
	exchange.PersonRejection
	Said string // the kind of the problem, in the reader's words
	Why  string // what exactly is wrong, and what to do about it
}

// problemCount is how often a kind of problem occurs.
type problemCount struct {
	Said  string
	Count string
}

// peopleResult is what came of an import.
type peopleResult struct {
	store.ImportResult
	Rejected int
	Total    int
}

func (s *Server) showPeopleImport(c echo.Context) error {
	page, err := s.peopleImportPage(c, readImportChoices(c.QueryParams()))
	if err != nil {
		return err
	}
	return s.show(c, http.StatusOK, "workbench", "people-import", page)
}

func (s *Server) peopleImportPage(c echo.Context, choices importChoices) (peopleImportPage, error) {
	page := peopleImportPage{room: s.room(c, "people"), Choices: choices, Encodings: importEncodings(), Delimiters: []string{"comma", "semicolon", "tab", "bar"}}
	page.Title, page.Shown = page.T("people_import"), choices.reading()
	query := choices.values()
	for name, values := range query {
		page.Hidden = append(page.Hidden, sentField{Name: name, Value: values[0]})
	}
	slices.SortFunc(page.Hidden, func(a, b sentField) int { return strings.Compare(a.Name, b.Name) })
	page.Fallbacks = s.letterLanguages(choices.Fallback)
	var err error
	_, page.Panel, err = s.store.People(c.Request().Context(), s.organisationOf(c), store.PeopleQuery{Limit: 1})
	return page, err
}

// receivePeople takes a file and goes on to the page that shows what is in it. The choices of an earlier file stay:
// it may be the same one, mended.
func (s *Server) receivePeople(c echo.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Request().Context()), importPatience)
	defer cancel()
	c.SetRequest(c.Request().WithContext(ctx))
	form, err := receiveForm(c, uploadLimit)
	tooLarge := errors.Is(err, errTooLarge)
	if err != nil && (!tooLarge || form == nil) {
		return err
	}
	choices := readImportChoices(form.fields)
	page, err := s.peopleImportPage(c, choices)
	if err != nil {
		return err
	}
	file, err := fileOf(form)
	if err != nil {
		return err
	}
	switch {
	case tooLarge:
		page.Problems = []string{page.With("problem_file_too_large", "Limit", page.Integer(uploadLimit>>20))}
		return s.show(c, http.StatusRequestEntityTooLarge, "workbench", "people-import", page)
	case file.name == "" && len(file.content) == 0:
		page.Problems = []string{page.T("people_no_file")}
		return s.show(c, http.StatusUnprocessableEntity, "workbench", "people-import", page)
	case len(file.content) == 0:
		page.Problems = []string{page.With("people_empty_file", "File", file.name)}
		return s.show(c, http.StatusUnprocessableEntity, "workbench", "people-import", page)
	}
	id, err := s.shelf.keep(s.organisationOf(c), "people", file)
	if err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, addressOf("/people/import/"+id, choices.values()))
}

// keptPeople returns the file that an address names, with the page about it. Where it is not kept any more, the page
// asks for it again and knows what was chosen; it is shown already then, and the file is nil.
func (s *Server) keptPeople(c echo.Context, choices importChoices) (*keptFile, peopleImportPage, error) {
	page, err := s.peopleImportPage(c, choices)
	if err != nil {
		return nil, page, err
	}
	file, err := s.shelf.find(s.organisationOf(c), "people", c.Param("file"))
	if errors.Is(err, errNotKept) {
		page.Gone = true
		return nil, page, s.show(c, http.StatusNotFound, "workbench", "people-import", page)
	}
	if err != nil {
		return nil, page, err
	}
	page.File, page.Name = c.Param("file"), file.name
	page.Title = page.With("people_import_of", "File", file.name)
	return file, page, nil
}

// showPeoplePreview shows what would come of a file, or what came of it.
func (s *Server) showPeoplePreview(c echo.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Request().Context()), importPatience)
	defer cancel()
	c.SetRequest(c.Request().WithContext(ctx))
	file, page, err := s.keptPeople(c, readImportChoices(c.QueryParams()))
	if err != nil || file == nil {
		return err
	}
	file.mu.Lock()
	result, done := file.done.(peopleResult)
	file.mu.Unlock()
	if done {
		page.Result = &result
		return s.show(c, http.StatusOK, "workbench", "people-import", page)
	}
	return s.previewPeople(c, file, &page)
}

// previewPeople reads a file from end to end and shows what saving it would do.
func (s *Server) previewPeople(c echo.Context, file *keptFile, page *peopleImportPage) error {
	ctx := c.Request().Context()
	attributes, err := s.store.AttributesAlone(ctx, s.organisationOf(c))
	if err != nil {
		return err
	}
	reading, err := s.readPeople(file, page)
	if err != nil {
		if !page.explain(err, attributes) {
			return err
		}
		return s.show(c, http.StatusUnprocessableEntity, "workbench", "people-import", *page)
	}
	counted, err := s.store.PreviewPeople(ctx, s.organisationOf(c), reading.people(), page.Choices.importOptions())
	if broken := reading.reader.Err(); broken != nil { // half of a file is not stored
		page.describe(reading.reader.Report())
		if !page.explain(broken, attributes) {
			return broken
		}
		page.list(reading.reader.Columns(), attributes)
		return s.show(c, http.StatusUnprocessableEntity, "workbench", "people-import", *page)
	}
	if err != nil {
		return err
	}
	page.describe(reading.reader.Report())
	page.list(reading.reader.Columns(), attributes)
	page.Preview = page.preview(reading, counted, attributes)
	return s.show(c, http.StatusOK, "workbench", "people-import", *page)
}

// peopleReading is a file of people being read.
type peopleReading struct {
	reader     *exchange.PeopleReader
	rejections []exchange.PersonRejection // the first of them
	problems   int                        // all of them
	first      []previewPerson
}

// readPeople opens a file as the choices say.
func (s *Server) readPeople(file *keptFile, page *peopleImportPage) (*peopleReading, error) {
	r := &peopleReading{}
	options := page.Choices.options(s.phrases.Languages())
	options.OnReject = func(rejection exchange.PersonRejection) {
		if r.problems++; len(r.rejections) < rejectionsShown {
			r.rejections = append(r.rejections, rejection)
		}
	}
	var err error
	r.reader, err = exchange.OpenPeople(file.open(), file.name, options)
	return r, err
}

// people are the accepted people of the file, of whom the first are kept to be shown. A file that ends before its
// end is an error.
func (r *peopleReading) people() iter.Seq2[survey.Person, error] {
	return func(yield func(survey.Person, error) bool) {
		for line, person := range r.reader.People() {
			if len(r.first) < peopleShown {
				r.first = append(r.first, previewPerson{Person: person, Line: line})
			}
			if !yield(person, nil) {
				return
			}
		}
		if err := r.reader.Err(); err != nil {
			yield(survey.Person{}, err)
		}
	}
}

// explain puts on the page why a file cannot be read, and the columns to choose from if it is about them. It returns
// false for errors that are not the file's.
func (p *peopleImportPage) explain(err error, attributes []survey.Attribute) bool {
	p.Problems = p.fileProblems(err)
	p.Advice = p.T("people_not_read")
	if wrong, ok := errors.AsType[*exchange.ColumnsError](err); ok {
		p.Advice = p.T("people_say_columns")
		p.list(wrong.Columns, attributes)
	}
	return p.Problems != nil
}

// describe tells how the file was read.
func (p *peopleImportPage) describe(report exchange.PeopleReport) {
	p.Encoding, p.Sheet, p.Sheets = report.Encoding, report.Sheet, report.Sheets
	p.Text = report.Sheet == ""
}

// list puts the columns on the page, with what each can be taken for.
func (p *peopleImportPage) list(columns []exchange.PeopleColumn, attributes []survey.Attribute) {
	known := make(map[string]bool, len(attributes))
	for i := range attributes {
		known[attributes[i].Key] = true
	}
	meanings := slices.DeleteFunc(exchange.PeopleMeanings(), func(m exchange.PeopleMeaning) bool {
		return m == exchange.AttributeColumn || m == exchange.IgnoredColumn
	})
	p.Columns = nil
	for _, column := range columns {
		line := columnLine{PeopleColumn: column, Chosen: string(column.Meaning), Known: attributes, Meanings: meanings}
		if column.Note != exchange.NoNote {
			line.Noted = p.With("column_"+string(column.Note), "Column", column.Instead)
		}
		if column.Meaning == exchange.AttributeColumn {
			line.Chosen = "attribute:" + column.Attribute
		}
		line.New = column.Attribute
		if line.New == "" {
			line.New = exchange.AttributeKey(column.Header)
		}
		if known[line.New] {
			line.New = ""
		}
		line.NewName = cmp.Or(nameOfColumn(column), line.New)
		p.Columns = append(p.Columns, line)
	}
	looked := p.Choices
	looked.Columns = make(map[string]string, len(p.Columns))
	for _, line := range p.Columns {
		looked.Columns[line.Letter] = line.Chosen
	}
	p.Looked = looked.values().Encode()
}

// problemWords says a kind of problem in the reader's words.
func (r room) problemWords(problem exchange.PersonProblem) string {
	return r.T("row_" + strings.ReplaceAll(string(problem), " ", "_"))
}

// faultWords says in the reader's words what exactly is wrong with a row, and what to do about it; "" is that nothing
// can be said.
func (r room) faultWords(fault exchange.RowFault) (reason, advice string) {
	args := survey.Args{"Count": fault.Count, "Limit": r.Integer(fault.Limit), "Line": fault.Line, "Text": fault.Text}
	if todo := fault.Advice(); todo != exchange.NoAdvice {
		advice = r.phrases.Say(r.Lang, "advice_"+string(todo), args)
	}
	return r.phrases.Say(r.Lang, "fault_"+string(fault.Reason), args), advice
}

// preview lays out what would come of the file.
func (p *peopleImportPage) preview(reading *peopleReading, counted store.ImportPreview, attributes []survey.Attribute) *peoplePreview {
	report := reading.reader.Report()
	shown := &peoplePreview{
		ImportPreview: counted, Report: report, People: reading.first, More: reading.problems - len(reading.rejections),
		Storable: counted.New + counted.Updated + counted.Deactivated,
	}
	for _, rejection := range reading.rejections {
		shown.Rejections = append(shown.Rejections, rejectionLine{rejection, p.problemWords(rejection.Problem), sentence(p.faultWords(rejection.RowFault))})
	}
	for _, problem := range sortedProblems(report.Problems) {
		shown.Kinds = append(shown.Kinds, problemCount{p.problemWords(problem), p.Integer(report.Problems[problem])})
	}
	var keys []string
	for _, column := range p.Columns {
		if column.Meaning != exchange.AttributeColumn {
			continue
		}
		var name string
		if i := slices.IndexFunc(attributes, func(a survey.Attribute) bool { return a.Key == column.Attribute }); i >= 0 {
			name = attributes[i].Name
		} else {
			name = nameOfColumn(column.PeopleColumn)
			shown.New = append(shown.New, name)
		}
		keys, shown.Heads = append(keys, column.Attribute), append(shown.Heads, name)
	}
	for i := range shown.People {
		for _, key := range keys {
			shown.People[i].Cells = append(shown.People[i].Cells, shown.People[i].Attributes[key])
		}
	}
	p.warn(shown)
	return shown
}

// warn says what may not be meant.
func (p *peopleImportPage) warn(shown *peoplePreview) {
	if shown.Twice > 0 {
		shown.Warnings = append(shown.Warnings, p.phrases.SayCount(p.Lang, "people_warn_twice", shown.Twice, survey.Args{"First": strings.Join(shown.First, ", ")}))
	}
	if shown.Report.Fallbacks > 0 {
		shown.Warnings = append(shown.Warnings, p.N("people_warn_fallback", shown.Report.Fallbacks))
	}
	if shown.Activated > 0 {
		shown.Warnings = append(shown.Warnings, p.N("people_warn_activated", shown.Activated))
	}
	if shown.Report.Undirected > 0 {
		shown.Warnings = append(shown.Warnings, p.N("people_warn_paper", shown.Report.Undirected))
	}
	if p.Choices.Missing && shown.Report.Rejected > 0 {
		shown.Warnings = append(shown.Warnings, p.T("people_warn_missing_rejected"))
	}
}

// nameOfColumn is what an attribute is called that a column becomes.
func nameOfColumn(column exchange.PeopleColumn) string {
	name := strings.Join(strings.Fields(column.Header), " ")
	if letters := []rune(name); len(letters) > exchange.MaxPersonText {
		name = string(letters[:exchange.MaxPersonText])
	}
	if name == "" {
		return column.Attribute
	}
	return name
}

func sortedProblems(problems map[exchange.PersonProblem]int) []exchange.PersonProblem {
	var sorted []exchange.PersonProblem
	for problem := range problems {
		sorted = append(sorted, problem)
	}
	slices.SortFunc(sorted, func(a, b exchange.PersonProblem) int {
		if problems[a] != problems[b] {
			return problems[b] - problems[a]
		}
		return strings.Compare(string(a), string(b))
	})
	return sorted
}

// importPeople stores the people of a file, all who are accepted, or nobody. Asked twice, it says what came of it
// the first time.
func (s *Server) importPeople(c echo.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Request().Context()), importPatience)
	defer cancel()
	c.SetRequest(c.Request().WithContext(ctx))
	form, err := receiveForm(c, formLimit)
	if err != nil {
		return err
	}
	choices := readImportChoices(form.fields)
	file, page, err := s.keptPeople(c, choices)
	if err != nil || file == nil {
		return err
	}
	address := addressOf("/people/import/"+c.Param("file"), choices.values())
	if looked := choices.values(); form.fields.Get("again") != "" || looked.Encode() != form.fields.Get("looked") {
		return ledBack(c, address) // nobody has seen yet what would come of these choices
	}
	file.mu.Lock()
	defer file.mu.Unlock()
	if _, done := file.done.(peopleResult); done {
		return ledBack(c, address)
	}
	reading, err := s.readPeople(file, &page)
	if err != nil {
		return ledBack(c, address) // which says what is wrong with it
	}
	if err := s.nameAttributes(ctx, s.organisationOf(c), reading.reader.Columns()); err != nil {
		return err
	}
	result, err := s.store.ImportPeople(ctx, s.organisationOf(c), reading.people(), choices.importOptions())
	if reading.reader.Err() != nil {
		return ledBack(c, address)
	}
	if err != nil {
		return err
	}
	done := peopleResult{ImportResult: result, Rejected: reading.reader.Report().Rejected}
	_, done.Total, err = s.store.People(ctx, s.organisationOf(c), store.PeopleQuery{Limit: 1})
	if err != nil {
		return err
	}
	file.done = done
	tellImport(c, &result, done.Rejected)
	return c.Redirect(http.StatusSeeOther, address)
}

// tellImport adds to what the audit trail tells how many people an import was about.
func tellImport(c echo.Context, result *store.ImportResult, rejected int) {
	detail(c, "new", strconv.Itoa(result.New))
	detail(c, "updated", strconv.Itoa(result.Updated))
	detail(c, "unchanged", strconv.Itoa(result.Unchanged))
	detail(c, "deactivated", strconv.Itoa(result.Deactivated))
	detail(c, "rejected", strconv.Itoa(rejected))
}

// nameAttributes makes the attributes that a file brings known by the names of its columns.
func (s *Server) nameAttributes(ctx context.Context, organisation survey.OrganisationID, columns []exchange.PeopleColumn) error {
	attributes, err := s.store.AttributesAlone(ctx, organisation)
	if err != nil {
		return err
	}
	for _, column := range columns {
		if column.Meaning != exchange.AttributeColumn || slices.ContainsFunc(attributes, func(a survey.Attribute) bool { return a.Key == column.Attribute }) {
			continue
		}
		err := s.store.SaveAttribute(ctx, survey.Attribute{
			Organisation: organisation, Key: column.Attribute, Name: nameOfColumn(column), Type: column.Type,
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// downloadPeopleProblems gives the file back with a last column that says what is wrong with each rejected row.
func (s *Server) downloadPeopleProblems(c echo.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Request().Context()), importPatience)
	defer cancel()
	c.SetRequest(c.Request().WithContext(ctx))
	file, page, err := s.keptPeople(c, readImportChoices(c.QueryParams()))
	if err != nil || file == nil {
		return err
	}
	var out bytes.Buffer
	wanted := exchange.ProblemsFile{All: c.QueryParam("all") != "", Explain: func(r exchange.PersonRejection) string {
		return r.ExplainAs(page.faultWords(r.RowFault))
	}}
	if _, err := exchange.WriteProblems(&out, file.open(), file.name, page.Choices.options(s.phrases.Languages()), wanted); err != nil {
		return c.Redirect(http.StatusSeeOther, addressOf("/people/import/"+c.Param("file"), page.Choices.values()))
	}
	name, kind := "people-problems.csv", "text/csv; charset=utf-8"
	if bytes.HasPrefix(out.Bytes(), []byte("PK")) {
		name, kind = "people-problems.xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
	}
	c.Response().Header().Set(echo.HeaderContentDisposition, attachment(name))
	return c.Blob(http.StatusOK, kind, out.Bytes())
}
