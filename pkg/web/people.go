package web

import (
	"bytes"
	"context"
	"fmt"
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

// Bounds of the list of people.
const (
	peoplePerPage = 50
	longestSearch = 200 // characters
	valuesOffered = 100 // of one attribute, to choose from; those with more are chosen on their own page
)

// peopleRoutes is the panel: who can be invited, and what is known of them.
func (s *Server) peopleRoutes(g *echo.Group) {
	g.GET("/people", s.showPeople)
	g.POST("/people", s.changePeople)
	g.GET("/people/export/:format", s.exportPeople)
	g.GET("/people/new", s.showNewPerson)
	g.POST("/people/new", s.createPerson)

	// Files of people: looked at first, stored then.
	g.GET("/people/import", s.showPeopleImport)
	g.POST("/people/import", s.receivePeople)
	g.GET("/people/import/:file", s.showPeoplePreview)
	g.POST("/people/import/:file", s.importPeople)
	g.GET("/people/import/:file/problems", s.downloadPeopleProblems)

	// Mail that came back.
	g.GET("/people/bounces", s.showBounces)
	g.POST("/people/bounces", s.receiveBounces)
	g.GET("/people/bounces/:file", s.showBouncesPreview)
	g.POST("/people/bounces/:file", s.noteBounces)

	// What is known of people, and how it is read.
	g.GET("/people/attributes", s.showAttributes)
	g.POST("/people/attributes", s.createAttribute)
	g.GET("/people/attributes/:attribute", s.showAttribute)
	g.POST("/people/attributes/:attribute", s.saveAttribute)
	g.POST("/people/attributes/:attribute/values", s.changeValues)

	// One person.
	g.GET("/people/:person", s.showPerson)
	g.GET("/people/:person/edit", s.showEditPerson)
	g.POST("/people/:person/edit", s.editPerson)
	g.POST("/people/:person", s.changePerson)
	g.GET("/people/:person/erase", s.showErasePerson)
	g.POST("/people/:person/erase", s.erasePerson)
	g.GET("/people/receipts/:file", s.showReceipt)
	g.GET("/people/receipts/:file/text", s.downloadReceipt)
}

// peopleFilter says which people are looked at. It is the query of the address, so that it can be kept and sent.
type peopleFilter struct {
	Text  string
	State string              // "" is everybody; see peopleStates
	Where map[string][]string // by the key of an attribute, the names of its values, any of them
	Page  int                 // from 1
}

// peopleStates are the states that people can be looked for by.
func peopleStates() []string {
	return []string{"active", "inactive", "unsubscribed", "bounced", "paper"}
}

// readPeopleFilter reads a filter. What it does not know it leaves out: the address may have been kept since an
// attribute was there.
func readPeopleFilter(query url.Values) peopleFilter {
	f := peopleFilter{Text: soughtText(query.Get("q")), Page: 1, Where: map[string][]string{}}
	if state := query.Get("state"); slices.Contains(peopleStates(), state) {
		f.State = state
	}
	for _, where := range query["where"] {
		key, name, ok := strings.Cut(strings.ToValidUTF8(where, ""), ":")
		if ok && key != "" && name != "" && !strings.Contains(where, "\x00") && !slices.Contains(f.Where[key], name) {
			f.Where[key] = append(f.Where[key], name)
		}
	}
	if page, err := strconv.Atoi(query.Get("page")); err == nil && page > 1 && page < 1<<24 {
		f.Page = page
	}
	return f
}

// values returns the filter as the query of an address, without the page.
func (f *peopleFilter) values() url.Values {
	query := url.Values{}
	if f.Text != "" {
		query.Set("q", f.Text)
	}
	if f.State != "" {
		query.Set("state", f.State)
	}
	for key, names := range f.Where {
		for _, name := range names {
			query.Add("where", key+":"+name)
		}
	}
	slices.Sort(query["where"])
	return query
}

// query returns what the store is asked.
func (f *peopleFilter) query() store.PeopleQuery {
	yes, no := true, false
	q := store.PeopleQuery{Text: f.Text, Attributes: f.Where}
	switch f.State {
	case "active":
		q.Active = &yes
	case "inactive":
		q.Active = &no
	case "unsubscribed":
		q.Unsubscribed = &yes
	case "bounced":
		q.Bounced = &yes
	case "paper":
		q.Addressed = &no
	}
	return q
}

// personLine is a person as she is listed.
type personLine struct {
	survey.Person
	Cells []string // of the attributes that are shown, as they are read
	Marks []string // ends of keys of phrases: what keeps her from getting mail
}

// peoplePage lists the panel.
type peoplePage struct {
	room
	Filter    peopleFilter
	Panel     int // people in all
	Total     int // found
	TotalText string
	Range     string
	People    []personLine
	Columns   []survey.Attribute // the attributes that are shown
	Choices   []attributeChoices
	Many      []survey.Attribute // attributes with too many values to choose from here
	Chips     []filterChip
	States    []string
	Query     string // of the address without the page: "?q=..." or ""
	Hidden    []sentField
	Previous  string
	Next      string
	Done      string
	Filtered  bool
}

// attributeChoices are values of one attribute to filter by.
type attributeChoices struct {
	Name   string
	Values []attributeChoice
}

type attributeChoice struct {
	Where string // "department:Sales"
	Name  string
}

// filterChip is a value that is filtered by, and the address of the list without it.
type filterChip struct {
	Name    string
	Value   string
	Where   string // "department:Sales"
	Without string
}

func (s *Server) showPeople(c echo.Context) error {
	ctx := c.Request().Context()
	page := peoplePage{room: s.room(c, "people"), Filter: readPeopleFilter(c.QueryParams()), States: peopleStates()}
	page.Title = page.T("people")
	attributes, err := s.store.AttributesAlone(ctx, s.organisationOf(c))
	if err != nil {
		return err
	}
	query := page.Filter.query()
	query.Offset, query.Limit = (page.Filter.Page-1)*peoplePerPage, peoplePerPage
	people, total, err := s.store.People(ctx, s.organisationOf(c), query)
	if err != nil {
		return err
	}
	page.Filtered = len(page.Filter.values()) > 0
	page.Total, page.Panel = total, total
	if page.Filtered {
		if _, page.Panel, err = s.store.People(ctx, s.organisationOf(c), store.PeopleQuery{Limit: 1}); err != nil {
			return err
		}
	}
	if len(people) == 0 && total > 0 { // the list has become shorter
		return c.Redirect(http.StatusSeeOther, page.address((total+peoplePerPage-1)/peoplePerPage))
	}
	page.lay(attributes, people)
	page.Done = page.doneMessage(c.QueryParams())
	return s.show(c, http.StatusOK, "workbench", "people", page)
}

// address returns the address of a page of the list.
func (p *peoplePage) address(number int) string {
	query := p.Filter.values()
	if number > 1 {
		query.Set("page", strconv.Itoa(number))
	}
	return addressOf("/people", query)
}

func addressOf(path string, query url.Values) string {
	if len(query) == 0 {
		return path
	}
	return path + "?" + query.Encode()
}

// shownAttributes is how many attributes have a column in the list. The others stand on the page of a person.
const shownAttributes = 4

// lay makes ready to print who was found.
func (p *peoplePage) lay(attributes []survey.Attribute, people []survey.Person) {
	p.TotalText = p.Integer(p.Total)
	first := (p.Filter.Page - 1) * peoplePerPage
	if p.Total > 0 {
		p.Range = p.phrases.Say(p.Lang, "people_range", survey.Args{
			"From": p.Integer(first + 1), "To": p.Integer(first + len(people)), "Of": p.TotalText,
		})
	}
	if p.Filter.Page > 1 {
		p.Previous = p.address(p.Filter.Page - 1)
	}
	if first+len(people) < p.Total {
		p.Next = p.address(p.Filter.Page + 1)
	}
	p.Columns = attributes[:min(len(attributes), shownAttributes)]
	names := make([]map[string]string, len(p.Columns))
	for i := range p.Columns {
		names[i] = p.Columns[i].Names()
	}
	for i := range people {
		line := personLine{Person: people[i], Marks: marksOf(&people[i])}
		for j, a := range p.Columns {
			given := people[i].Attributes[a.Key]
			if name, ok := names[j][given]; ok {
				given = name
			}
			line.Cells = append(line.Cells, given)
		}
		p.People = append(p.People, line)
	}
	query := p.Filter.values()
	if len(query) > 0 {
		p.Query = "?" + query.Encode()
	}
	for _, name := range []string{"q", "state", "where"} {
		for _, value := range query[name] {
			p.Hidden = append(p.Hidden, sentField{Name: name, Value: value})
		}
	}
	p.offer(attributes)
}

// offer lists what can be filtered by, and what is.
func (p *peoplePage) offer(attributes []survey.Attribute) {
	for i := range attributes {
		a := &attributes[i]
		if a.Type != survey.TextAttribute {
			continue
		}
		values := valuesByName(a)
		if len(values) > valuesOffered {
			p.Many = append(p.Many, *a)
			continue
		}
		choices := attributeChoices{Name: a.Name}
		for _, v := range values {
			if !slices.Contains(p.Filter.Where[a.Key], v.Name) {
				choices.Values = append(choices.Values, attributeChoice{Where: a.Key + ":" + v.Name, Name: v.Name})
			}
		}
		if len(choices.Values) > 0 {
			p.Choices = append(p.Choices, choices)
		}
	}
	for _, where := range p.Filter.values()["where"] {
		key, value, _ := strings.Cut(where, ":")
		chip := filterChip{Name: key, Value: value, Where: where}
		if i := slices.IndexFunc(attributes, func(a survey.Attribute) bool { return a.Key == key }); i >= 0 {
			chip.Name = attributes[i].Name
		}
		query := p.Filter.values()
		query["where"] = slices.DeleteFunc(query["where"], func(w string) bool { return w == where })
		if len(query["where"]) == 0 {
			query.Del("where")
		}
		chip.Without = addressOf("/people", query)
		p.Chips = append(p.Chips, chip)
	}
}

// marksOf says what keeps a person from being reached by mail.
func marksOf(p *survey.Person) []string {
	var marks []string
	if !p.Active {
		marks = append(marks, "inactive")
	}
	if p.Unsubscribed != nil {
		marks = append(marks, "unsubscribed")
	}
	if p.Bounced != nil {
		marks = append(marks, "bounced")
	}
	if p.Address == "" {
		marks = append(marks, "paper")
	}
	return marks
}

// doneMessage says what was just done, as the address that one was sent to knows it.
func (p *peoplePage) doneMessage(query url.Values) string {
	for _, done := range []string{"activated", "deactivated", "unsubscribe"} {
		if n, err := strconv.Atoi(query.Get(done)); err == nil && n >= 0 {
			return p.N("people_done_"+done, n)
		}
	}
	return ""
}

// changePeople makes many people active or not: those that were ticked, or all that the filter finds.
func (s *Server) changePeople(c echo.Context) error {
	form, err := receiveForm(c, formLimit)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	filter := readPeopleFilter(form.fields)
	var ids []survey.PersonID
	if form.fields.Get("everybody") != "" {
		people, _, err := s.store.People(ctx, s.organisationOf(c), filter.query())
		if err != nil {
			return err
		}
		for i := range people {
			ids = append(ids, people[i].ID)
		}
	} else {
		for _, text := range form.fields["person"] {
			id, err := strconv.ParseInt(text, 10, 64)
			if err != nil {
				return echo.NewHTTPError(http.StatusBadRequest)
			}
			ids = append(ids, survey.PersonID(id))
		}
	}
	var changed int
	var done string
	switch form.fields.Get("do") {
	case "activate":
		done = "activated"
		changed, err = s.store.SetActive(ctx, s.organisationOf(c), ids, true)
	case "deactivate":
		done = "deactivated"
		changed, err = s.store.SetActive(ctx, s.organisationOf(c), ids, false)
	case "unsubscribe":
		done = "unsubscribe"
		changed, err = s.store.UnsubscribePeople(ctx, s.organisationOf(c), ids, s.now())
	default:
		return echo.NewHTTPError(http.StatusBadRequest)
	}
	if err != nil {
		return err
	}
	query := filter.values()
	if filter.Page > 1 {
		query.Set("page", strconv.Itoa(filter.Page))
	}
	query.Set(done, strconv.Itoa(changed))
	return c.Redirect(http.StatusSeeOther, addressOf("/people", query))
}

// exportPeople sends the people that the filter finds as a file that an import reads back.
func (s *Server) exportPeople(c echo.Context) error {
	format := exchange.PeopleFormat(strings.TrimPrefix(c.Param("format"), "people."))
	kinds := map[exchange.PeopleFormat]string{
		exchange.PeopleCSV:      "text/csv; charset=utf-8",
		exchange.PeopleWorkbook: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
	}
	kind, ok := kinds[format]
	if !ok || !strings.HasPrefix(c.Param("format"), "people.") {
		return fmt.Errorf("people as %q: %w", c.Param("format"), survey.ErrNotFound)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Request().Context()), importPatience)
	defer cancel()
	attributes, err := s.store.AttributesAlone(ctx, s.organisationOf(c))
	if err != nil {
		return err
	}
	filter := readPeopleFilter(c.QueryParams())
	people, _, err := s.store.People(ctx, s.organisationOf(c), filter.query())
	if err != nil {
		return err
	}
	var out bytes.Buffer // whole or not at all: half a list looks like a list
	if err := exchange.WritePeople(&out, format, attributes, without(people)); err != nil {
		return err
	}
	c.Response().Header().Set(echo.HeaderContentDisposition, attachment("people-"+s.now().UTC().Format("2006-01-02")+"."+string(format)))
	return c.Blob(http.StatusOK, kind, out.Bytes())
}

// without hands out what cannot fail as what can.
func without[T any](all []T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for i := range all {
			if !yield(all[i], nil) {
				return
			}
		}
	}
}
