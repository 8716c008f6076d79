package web

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"cxmirror/pkg/exchange"
	"cxmirror/pkg/fieldwork"
	"cxmirror/pkg/survey"
)

// suggestedValues is how many values of an attribute a field offers while one types.
const suggestedValues = 200

// personPage shows one person: what is known of her, and what she was asked. Of answers it knows nothing.
type personPage struct {
	room
	Person      survey.Person
	Name        string // or what stands for it
	Language    string
	Facts       []personFact
	Marks       []string
	Invitations []personInvitation
	Done        string
}

// personFact is an attribute of a person.
type personFact struct {
	Name  string
	Value string
	Given string // as it was given, if it is read otherwise today
	Where string // the address of those who have it, too
}

// personInvitation is a wave that a person was asked to answer.
type personInvitation struct {
	survey.Invitation
	Name      string
	Mode      survey.Mode
	Protects  bool
	InvitedOn string
	State     string // the end of a key: waiting, invited, started, finished
}

// personOf returns the person whom an address names.
func (s *Server) personOf(c echo.Context) (survey.Person, error) {
	id, err := strconv.ParseInt(c.Param("person"), 10, 64)
	if err != nil {
		return survey.Person{}, fmt.Errorf("person: %w", survey.ErrNotFound)
	}
	return s.store.Person(c.Request().Context(), s.organisationOf(c), survey.PersonID(id))
}

// shownName returns what a person is called on pages: her name, or else what she is known by.
func shownName(p *survey.Person) string {
	switch {
	case p.Name != "":
		return p.Name
	case p.Address != "":
		return p.Address
	}
	return p.Key
}

func (s *Server) showPerson(c echo.Context) error {
	person, err := s.personOf(c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	page := personPage{room: s.room(c, "people"), Person: person, Name: shownName(&person), Marks: marksOf(&person)}
	page.Title = page.Name
	if person.Language != "" {
		page.Language = s.nameOf(person.Language)
	}
	attributes, err := s.store.AttributesAlone(ctx, s.organisationOf(c))
	if err != nil {
		return err
	}
	for i := range attributes {
		a := &attributes[i]
		given := person.Attributes[a.Key]
		if given == "" {
			continue
		}
		fact := personFact{Name: a.Name}
		_, fact.Value = a.Read(given)
		if fact.Value != given {
			fact.Given = given
		}
		if a.Type == survey.TextAttribute {
			fact.Where = addressOf("/people", url.Values{"where": {a.Key + ":" + fact.Value}})
		}
		page.Facts = append(page.Facts, fact)
	}
	if page.Invitations, err = s.invitationsOf(c, page.room, person.ID); err != nil {
		return err
	}
	for _, done := range []string{"saved", "created", "activated", "deactivated", "unsubscribed", "resubscribed", "reachable"} {
		if c.QueryParam("done") == done {
			page.Done = page.T("person_done_" + done)
		}
	}
	return s.show(c, http.StatusOK, "workbench", "person", page)
}

// invitationsOf lists the waves that a person was asked to answer. That somebody has finished is known in every
// mode, and is all that is told here.
func (s *Server) invitationsOf(c echo.Context, r room, id survey.PersonID) ([]personInvitation, error) {
	ctx := c.Request().Context()
	invitations, err := s.store.InvitationsOfPerson(ctx, s.organisationOf(c), id)
	if err != nil {
		return nil, err
	}
	list := make([]personInvitation, len(invitations))
	for i, invitation := range invitations {
		wave, err := s.store.Wave(ctx, s.organisationOf(c), invitation.Wave)
		if err != nil {
			return nil, err
		}
		line := personInvitation{Invitation: invitation, Name: wave.Name, Mode: wave.Mode, Protects: wave.Protects(), State: "waiting"}
		switch {
		case invitation.Finished:
			line.State = "finished"
		case invitation.Started:
			line.State = "started"
		case invitation.Invited != nil:
			line.State = "invited"
		}
		if invitation.Invited != nil {
			line.InvitedOn = r.Day(*invitation.Invited)
		}
		list[i] = line
	}
	return list, nil
}

// changePerson does what the buttons on the page of a person say.
func (s *Server) changePerson(c echo.Context) error {
	form, err := receiveForm(c, formLimit)
	if err != nil {
		return err
	}
	person, err := s.personOf(c)
	if err != nil {
		return err
	}
	ctx, ids := c.Request().Context(), []survey.PersonID{person.ID}
	done := form.fields.Get("do")
	switch done {
	case "activated":
		_, err = s.store.SetActive(ctx, s.organisationOf(c), ids, true)
	case "deactivated":
		_, err = s.store.SetActive(ctx, s.organisationOf(c), ids, false)
	case "unsubscribed":
		_, err = s.store.UnsubscribePeople(ctx, s.organisationOf(c), ids, s.now())
	case "resubscribed":
		person.Unsubscribed = nil
		err = s.store.SavePerson(ctx, &person)
	case "reachable":
		person.Bounced, person.BounceReason = nil, ""
		err = s.store.SavePerson(ctx, &person)
	default:
		return echo.NewHTTPError(http.StatusBadRequest)
	}
	if err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, fmt.Sprintf("/people/%d?done=%s", person.ID, done))
}

// editPersonPage is the form of one person, a new one or one who is known.
type editPersonPage struct {
	room
	Person   survey.Person
	Name     string           // of whom is changed; "" is a new person
	Spoken   []languageChoice // that she can be written to in
	Fields   []attributeField
	Problems map[string]personProblem // by the name of the field
}

// personProblem is what is wrong with a field, in the reader's words: in general, and what exactly.
type personProblem struct {
	Said   string
	Detail string
}

// fieldProblem is what is wrong with a field of a name.
type fieldProblem struct {
	Field string
	personProblem
}

// attributeField is the field of an attribute.
type attributeField struct {
	survey.Attribute
	Field       string // its name in the form
	Value       string
	Suggestions []string
}

// Wrong returns what is wrong with a field, if anything is.
func (p editPersonPage) Wrong(field string) fieldProblem {
	return fieldProblem{field, p.Problems[field]}
}

func (s *Server) showNewPerson(c echo.Context) error {
	page, err := s.editPersonPage(c, survey.Person{Active: true})
	if err != nil {
		return err
	}
	return s.show(c, http.StatusOK, "workbench", "edit-person", page)
}

func (s *Server) showEditPerson(c echo.Context) error {
	person, err := s.personOf(c)
	if err != nil {
		return err
	}
	page, err := s.editPersonPage(c, person)
	if err != nil {
		return err
	}
	return s.show(c, http.StatusOK, "workbench", "edit-person", page)
}

func (s *Server) editPersonPage(c echo.Context, person survey.Person) (editPersonPage, error) {
	page := editPersonPage{room: s.room(c, "people"), Person: person, Problems: map[string]personProblem{}}
	page.Title = page.T("people_new")
	if person.ID != 0 {
		page.Name = shownName(&person)
		page.Title = page.Name
	}
	attributes, err := s.store.AttributesAlone(c.Request().Context(), s.organisationOf(c))
	if err != nil {
		return page, err
	}
	for i := range attributes {
		a := &attributes[i]
		field := attributeField{Attribute: *a, Field: "attribute." + a.Key, Value: person.Attributes[a.Key]}
		if a.Type == survey.TextAttribute {
			values := valuesByName(a)
			for _, v := range values[:min(len(values), suggestedValues)] {
				field.Suggestions = append(field.Suggestions, v.Name)
			}
		}
		page.Fields = append(page.Fields, field)
	}
	page.Spoken = s.letterLanguages(person.Language)
	return page, nil
}

// letterLanguages are the languages that people can be written to in.
func (s *Server) letterLanguages(chosen survey.Language) []languageChoice {
	var choices []languageChoice
	offered := s.phrases.Languages()
	if chosen != "" && !slices.Contains(offered, chosen) {
		offered = append(offered, chosen) // as it came from a file
	}
	for _, lang := range offered {
		choices = append(choices, languageChoice{Tag: lang, Name: s.nameOf(lang), Current: lang == chosen})
	}
	return choices
}

func (s *Server) createPerson(c echo.Context) error {
	return s.savePerson(c, survey.Person{Organisation: s.organisationOf(c), Active: true}, "created")
}

func (s *Server) editPerson(c echo.Context) error {
	person, err := s.personOf(c)
	if err != nil {
		return err
	}
	return s.savePerson(c, person, "saved")
}

// savePerson stores what was typed of a person. What is wrong stands beside its field.
func (s *Server) savePerson(c echo.Context, person survey.Person, done string) error {
	form, err := receiveForm(c, formLimit)
	if err != nil {
		return err
	}
	page, err := s.editPersonPage(c, person)
	if err != nil {
		return err
	}
	read, err := page.read(form)
	if err != nil {
		return err
	}
	if len(page.Problems) > 0 {
		return s.show(c, http.StatusUnprocessableEntity, "workbench", "edit-person", page)
	}
	person.Key, person.Address, person.Name, person.Language, person.Attributes = read.Key, read.Address, read.Name, read.Language, read.Attributes
	err = s.store.SavePerson(c.Request().Context(), &person)
	if errors.Is(err, survey.ErrConflict) {
		page.Problems["key"] = personProblem{Said: page.T("person_key_taken")}
		return s.show(c, http.StatusConflict, "workbench", "edit-person", page)
	}
	if err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, fmt.Sprintf("/people/%d?done=%s", person.ID, done))
}

// read takes what was typed and checks it as a row of a file is checked: what a file may not say of a person,
// nobody may type. What was typed stands on the page whatever comes of it.
func (p *editPersonPage) read(form *upload) (survey.Person, error) {
	typed := survey.Person{
		Key: strings.TrimSpace(form.text("key")), Address: strings.TrimSpace(form.text("address")), Name: strings.TrimSpace(form.text("name")),
		Language: survey.Language(form.text("language")), Active: true, Attributes: map[string]string{},
	}
	var attributes []survey.Attribute
	fields := []string{"key", "address", "name", "language", "active"}
	for i := range p.Fields {
		field := &p.Fields[i]
		field.Value = strings.TrimSpace(form.text(field.Field))
		if field.Value != "" {
			typed.Attributes[field.Key] = field.Value
		}
		attributes = append(attributes, field.Attribute)
		fields = append(fields, field.Field)
	}
	p.Person.Key, p.Person.Address, p.Person.Name, p.Person.Language = typed.Key, typed.Address, typed.Name, typed.Language
	for i := range p.Spoken {
		p.Spoken[i].Current = p.Spoken[i].Tag == typed.Language
	}
	row := typed
	if row.Key == "" {
		row.Key = strings.ToLower(row.Address)
	}
	if row.Key == "" {
		p.Problems["address"] = personProblem{Said: p.T("person_no_key")}
		row.Key = "nobody" // so that the other fields are looked at
	}
	var file bytes.Buffer
	if err := exchange.WritePeople(&file, exchange.PeopleCSV, attributes, without([]survey.Person{row})); err != nil {
		return survey.Person{}, err
	}
	read, rejections, err := readOne(&file)
	if err != nil {
		return survey.Person{}, err
	}
	for _, r := range rejections {
		at := columnNumber(r.Column)
		field := "key"
		if at >= 0 && at < len(fields) {
			field = fields[at]
		}
		if field == "key" && typed.Key == "" { // the address stands for it
			field = "address"
		}
		if _, ok := p.Problems[field]; !ok {
			p.Problems[field] = personProblem{Said: p.problemWords(r.Problem), Detail: sentence(p.faultWords(r.RowFault))}
		}
	}
	for i := range p.Fields {
		field := &p.Fields[i]
		if _, ok := p.Problems[field.Field]; ok || len(rejections) > 0 {
			continue
		}
		if problem := checkTyped(field.Type, read.Attributes[field.Key]); problem != "" {
			p.Problems[field.Field] = personProblem{Said: p.T(problem)}
		}
	}
	return read, nil
}

// checkTyped says what is wrong with the value of an attribute that is a number or a day: the key of a phrase.
func checkTyped(kind survey.AttributeType, value string) string {
	if value == "" {
		return ""
	}
	switch kind {
	case survey.TextAttribute:
	case survey.DateAttribute:
		if _, err := time.Parse(time.DateOnly, value); err != nil {
			return "person_no_date"
		}
	case survey.NumberAttribute:
		if _, err := strconv.ParseFloat(strings.Replace(value, ",", ".", 1), 64); err != nil {
			return "person_no_number"
		}
	}
	return ""
}

// readOne reads a file of one person.
func readOne(file io.Reader) (survey.Person, []exchange.PersonRejection, error) {
	var rejections []exchange.PersonRejection
	reader, err := exchange.OpenPeople(file, "form", exchange.PeopleOptions{OnPaper: true, OnReject: func(r exchange.PersonRejection) {
		rejections = append(rejections, r)
	}})
	if err != nil {
		return survey.Person{}, nil, err
	}
	var person survey.Person
	for _, p := range reader.People() {
		person = p
	}
	return person, rejections, reader.Err()
}

// columnNumber is the place of a column from 0, by its letter; -1 is the row as a whole.
func columnNumber(letters string) int {
	number := 0
	for _, r := range letters {
		if r < 'A' || r > 'Z' {
			return -1
		}
		number = number*26 + int(r-'A') + 1
	}
	return number - 1
}

// sentence joins what is wrong and what to do about it.
func sentence(reason, advice string) string {
	if advice == "" {
		return reason
	}
	return reason + "; " + advice
}

// erasePage asks whether a person is to be erased, and says what goes and what cannot.
type erasePage struct {
	room
	Person      survey.Person
	Name        string
	Invitations int
	Finished    int // of them, answered, in waves in which what she answered is found and goes
	Untied      int // of them, answered, in waves in which what counts stays as figures
	Anonymous   int // of them, to waves in which nobody can find what she answered
	By          string
	Wrong       string
}

func (s *Server) showErasePerson(c echo.Context) error {
	page, err := s.erasePage(c)
	if err != nil {
		return err
	}
	return s.show(c, http.StatusOK, "workbench", "erase-person", page)
}

func (s *Server) erasePage(c echo.Context) (erasePage, error) {
	person, err := s.personOf(c)
	if err != nil {
		return erasePage{}, err
	}
	page := erasePage{room: s.room(c, "people"), Person: person, Name: shownName(&person)}
	page.Title = page.With("erase_title", "Name", page.Name)
	invitations, err := s.invitationsOf(c, page.room, person.ID)
	if err != nil {
		return page, err
	}
	page.Invitations = len(invitations)
	for i := range invitations {
		switch {
		case invitations[i].Mode == survey.Anonymous:
			page.Anonymous++
		case invitations[i].Finished && invitations[i].Protects:
			page.Untied++
		case invitations[i].Finished:
			page.Finished++
		}
	}
	return page, nil
}

// erasePerson erases a person, once somebody has ticked that this is meant.
func (s *Server) erasePerson(c echo.Context) error {
	form, err := receiveForm(c, formLimit)
	if err != nil {
		return err
	}
	page, err := s.erasePage(c)
	if err != nil {
		return err
	}
	page.By = strings.TrimSpace(form.text("by"))
	switch {
	case form.fields.Get("sure") == "":
		page.Wrong = page.T("erase_not_sure")
	case len([]rune(page.By)) > longestName:
		page.Wrong = page.N("problem_too_long", longestName)
	}
	if page.Wrong != "" {
		return s.show(c, http.StatusUnprocessableEntity, "workbench", "erase-person", page)
	}
	by := page.By
	if by == "" {
		by = page.T("erase_by_nobody")
	}
	erased, err := s.fieldwork.Erase(c.Request().Context(), s.organisationOf(c), page.Person.ID, by)
	if err != nil {
		return err
	}
	id, err := s.shelf.keep(s.organisationOf(c), "receipt", uploadedFile{name: "receipt"})
	if err != nil {
		return err
	}
	kept, err := s.shelf.find(s.organisationOf(c), "receipt", id)
	if err != nil {
		return err
	}
	kept.mu.Lock()
	kept.done = erased
	kept.mu.Unlock()
	return c.Redirect(http.StatusSeeOther, "/people/receipts/"+id)
}

// receiptPage is what was erased, to be printed or kept.
type receiptPage struct {
	room
	Receipt     fieldwork.Receipt
	Invitations int // invitations, those of anonymous waves included
	At          string
	Text        string
	File        string
}

// receiptOf returns the receipt that an address names, or errNotKept.
func (s *Server) receiptOf(c echo.Context) (fieldwork.Receipt, error) {
	kept, err := s.shelf.find(s.organisationOf(c), "receipt", c.Param("file"))
	if err != nil {
		return fieldwork.Receipt{}, err
	}
	kept.mu.Lock()
	defer kept.mu.Unlock()
	receipt, _ := kept.done.(fieldwork.Receipt) // nothing else is kept in this room
	return receipt, nil
}

// receiptWords says a part of a receipt in the reader's words.
func (r room) receiptWords(part fieldwork.ReceiptPart, number int) string {
	return r.With("erased_"+string(part), "Count", number)
}

func (s *Server) showReceipt(c echo.Context) error {
	receipt, err := s.receiptOf(c)
	if err != nil {
		return err
	}
	page := receiptPage{room: s.room(c, "people"), Receipt: receipt, File: c.Param("file")}
	page.Title = page.T("receipt_title")
	page.Invitations = page.Receipt.Erased.Invitations + page.Receipt.Erased.Nameless
	page.At = page.Receipt.At.UTC().Format("2006-01-02 15:04")
	page.Text = receipt.TextIn(page.receiptWords)
	return s.show(c, http.StatusOK, "workbench", "receipt", page)
}

func (s *Server) downloadReceipt(c echo.Context) error {
	receipt, err := s.receiptOf(c)
	if err != nil {
		return err
	}
	c.Response().Header().Set(echo.HeaderContentDisposition, attachment("erasure-receipt-"+s.now().UTC().Format("2006-01-02")+".txt"))
	return c.Blob(http.StatusOK, "text/plain; charset=utf-8", []byte(receipt.TextIn(s.room(c, "people").receiptWords)))
}
