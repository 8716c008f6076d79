package web

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"cxmirror/pkg/exchange"
	"cxmirror/pkg/store"
	"cxmirror/pkg/survey"
)

// Bounds of the pages of attributes.
const (
	valuesPerPage = 200
	valuesPreview = 8  // of each attribute, in the list of attributes
	changesShown  = 50 // of the history
)

var attributeKeyPattern = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)

// readValue is a value as it is read today, with everything that was given and reads so by merging.
type readValue struct {
	ID     int64
	Name   string
	People int
	Given  []survey.AttributeValue // its own first, then those merged into it
}

// readValues returns the values of an attribute as they are read: those that most people have first.
func readValues(a *survey.Attribute) []readValue {
	finals := a.Finals()
	read := make(map[int64]*readValue, len(finals))
	for i := range a.Values {
		v := finals[a.Values[i].ID]
		r, ok := read[v.ID]
		if !ok {
			r = &readValue{ID: v.ID, Name: v.Name}
			read[v.ID] = r
		}
		r.People += a.Values[i].People
		if a.Values[i].ID == v.ID {
			r.Given = slices.Insert(r.Given, 0, a.Values[i])
		} else {
			r.Given = append(r.Given, a.Values[i])
		}
	}
	values := make([]readValue, 0, len(read))
	for _, r := range read {
		values = append(values, *r)
	}
	slices.SortFunc(values, func(a, b readValue) int {
		return cmp.Or(cmp.Compare(b.People, a.People), cmp.Compare(survey.Fold(a.Name), survey.Fold(b.Name)), cmp.Compare(a.ID, b.ID))
	})
	return values
}

// namedValue is what several values may be read as: two that were given the same name are one to whoever looks.
type namedValue struct {
	Name   string
	People int
}

// valuesByName returns the names that values of an attribute are read as, in alphabetical order.
func valuesByName(a *survey.Attribute) []namedValue {
	people := make(map[string]int, len(a.Values))
	names := a.Names()
	for i := range a.Values {
		people[names[a.Values[i].Given]] += a.Values[i].People
	}
	values := make([]namedValue, 0, len(people))
	for name, n := range people {
		values = append(values, namedValue{name, n})
	}
	slices.SortFunc(values, func(a, b namedValue) int {
		return cmp.Or(cmp.Compare(survey.Fold(a.Name), survey.Fold(b.Name)), cmp.Compare(a.Name, b.Name))
	})
	return values
}

// attributesPage lists what is known of people.
type attributesPage struct {
	room
	Attributes []attributeLine
	Types      []survey.AttributeType
	Key, Name  string // of a new attribute, as typed
	Type       survey.AttributeType
	Problems   map[string]string
	Panel      int
}

type attributeLine struct {
	survey.Attribute
	Count  string // of values as they are read
	People string // active people who have it
	Top    []readValue
	More   int
}

// attributeTypes are the types of attributes, the usual one first.
func attributeTypes() []survey.AttributeType {
	return []survey.AttributeType{survey.TextAttribute, survey.NumberAttribute, survey.DateAttribute}
}

func (s *Server) showAttributes(c echo.Context) error {
	page, err := s.attributesPage(c)
	if err != nil {
		return err
	}
	return s.show(c, http.StatusOK, "workbench", "attributes", page)
}

func (s *Server) attributesPage(c echo.Context) (attributesPage, error) {
	page := attributesPage{room: s.room(c, "people"), Types: attributeTypes(), Type: survey.TextAttribute, Problems: map[string]string{}}
	page.Title = page.T("attributes")
	ctx := c.Request().Context()
	attributes, err := s.store.Attributes(ctx, s.organisationOf(c))
	if err != nil {
		return page, err
	}
	if _, page.Panel, err = s.store.People(ctx, s.organisationOf(c), store.PeopleQuery{Limit: 1}); err != nil {
		return page, err
	}
	for i := range attributes {
		line := attributeLine{Attribute: attributes[i]}
		if line.Type == survey.TextAttribute {
			values := readValues(&attributes[i])
			people := 0
			for _, v := range values {
				people += v.People
			}
			line.Count, line.People = page.N("attribute_values", len(values)), page.N("people_count", people)
			line.Top = values[:min(len(values), valuesPreview)]
			line.More = len(values) - len(line.Top)
		}
		page.Attributes = append(page.Attributes, line)
	}
	return page, nil
}

// createAttribute makes an attribute that people can be given.
func (s *Server) createAttribute(c echo.Context) error {
	form, err := receiveForm(c, formLimit)
	if err != nil {
		return err
	}
	page, err := s.attributesPage(c)
	if err != nil {
		return err
	}
	page.Name, page.Key = form.line("name"), strings.TrimSpace(form.text("key"))
	page.Type = survey.AttributeType(form.text("type"))
	page.checkName(page.Name)
	if page.Key == "" {
		page.Key = exchange.AttributeKey(page.Name)
	}
	switch {
	case !attributeKeyPattern.MatchString(page.Key):
		page.Problems["key"] = page.T("attribute_key_wrong")
	case slices.ContainsFunc(page.Attributes, func(a attributeLine) bool { return a.Key == page.Key }):
		page.Problems["key"] = page.With("attribute_key_taken", "Key", page.Key)
	case len(page.Attributes) >= exchange.MaxAttributes:
		page.Problems["name"] = page.N("attribute_too_many", exchange.MaxAttributes)
	}
	if !slices.Contains(page.Types, page.Type) {
		return echo.NewHTTPError(http.StatusBadRequest)
	}
	if len(page.Problems) > 0 {
		return s.show(c, http.StatusUnprocessableEntity, "workbench", "attributes", page)
	}
	err = s.store.SaveAttribute(c.Request().Context(), survey.Attribute{
		Organisation: s.organisationOf(c), Key: page.Key, Name: page.Name, Type: page.Type,
	})
	if err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, "/people/attributes/"+page.Key+"?done=saved")
}

func (p *attributesPage) checkName(name string) {
	if problem := nameProblem(p.room, name); problem != "" {
		p.Problems["name"] = problem
	}
}

// nameProblem says what is wrong with the name of an attribute or a value.
func nameProblem(r room, name string) string {
	switch {
	case name == "":
		return r.T("problem_no_name")
	case utf8.RuneCountInString(name) > exchange.MaxPersonText:
		return r.N("problem_too_long", exchange.MaxPersonText)
	case strings.ContainsAny(name, "\n\t"):
		return r.T("attribute_one_line")
	}
	return ""
}

// attributePage is one attribute: how it is called, and how its values are read.
type attributePage struct {
	room
	Attribute survey.Attribute
	Types     []survey.AttributeType
	Problems  map[string]string
	Name      string // as typed
	Type      survey.AttributeType

	Search   string
	Values   []valueLine
	Targets  []readValue // that others can be merged into
	Total    int         // values found
	Into     int64       // chosen
	Problem  string      // with merging or renaming
	Renaming int64       // the value whose new name has a problem
	NewName  string      // as typed
	Next     string
	Previous string
	Changes  []changeLine
	Done     string
}

// valueLine is a value as it is listed.
type valueLine struct {
	readValue
	PeopleText string
	Ticked     bool
	Merged     []survey.AttributeValue // that can be taken apart again
	Renamed    string                  // as it was given, if it has another name today
	Where      string
}

// changeLine is a line of the history.
type changeLine struct {
	store.AttributeChange
	On   string
	Said string
}

func (s *Server) showAttribute(c echo.Context) error {
	page, err := s.attributePage(c)
	if err != nil {
		return err
	}
	for _, done := range []string{"saved", "renamed", "merged", "split"} {
		if c.QueryParam("done") != done {
			continue
		}
		page.Done = page.T("attribute_done_" + done)
		if n, err := strconv.Atoi(c.QueryParam("people")); err == nil && n >= 0 && done == "merged" {
			page.Done = page.N("attribute_done_merged_people", n)
		}
	}
	return s.show(c, http.StatusOK, "workbench", "attribute", page)
}

func (s *Server) attributePage(c echo.Context) (attributePage, error) {
	page := attributePage{room: s.room(c, "people"), Types: attributeTypes(), Problems: map[string]string{}}
	ctx := c.Request().Context()
	attributes, err := s.store.Attributes(ctx, s.organisationOf(c))
	if err != nil {
		return page, err
	}
	at := slices.IndexFunc(attributes, func(a survey.Attribute) bool { return a.Key == c.Param("attribute") })
	if at < 0 {
		return page, fmt.Errorf("attribute %q: %w", c.Param("attribute"), survey.ErrNotFound)
	}
	page.Attribute = attributes[at]
	page.Title, page.Name, page.Type = page.Attribute.Name, page.Attribute.Name, page.Attribute.Type
	page.listValues(c)
	changes, err := s.store.AttributeChanges(ctx, s.organisationOf(c))
	if err != nil {
		return page, err
	}
	for _, change := range changes {
		if change.Attribute == page.Attribute.Key && len(page.Changes) < changesShown {
			page.Changes = append(page.Changes, changeLine{
				AttributeChange: change, On: change.At.Format("2006-01-02 15:04"), Said: page.sayChange(change),
			})
		}
	}
	return page, nil
}

// sayChange says a line of the history in the reader's language.
func (r room) sayChange(change store.AttributeChange) string {
	key := "change_" + change.Change
	switch change.Change {
	case "renamed", "merged", "split":
	default:
		key = "change_saved"
		if change.Before == "" {
			return r.With("change_made", "After", change.After)
		}
	}
	return r.phrases.Say(r.Lang, key, survey.Args{"Before": change.Before, "After": change.After})
}

// listValues lists the values that are looked for.
func (p *attributePage) listValues(c echo.Context) {
	if p.Attribute.Type != survey.TextAttribute {
		return
	}
	p.Search = strings.TrimSpace(strings.ToValidUTF8(c.QueryParam("q"), ""))
	wanted := survey.Fold(p.Search)
	all := readValues(&p.Attribute)
	found := slices.DeleteFunc(slices.Clone(all), func(v readValue) bool {
		return !slices.ContainsFunc(v.Given, func(g survey.AttributeValue) bool {
			return strings.Contains(survey.Fold(g.Given), wanted) || strings.Contains(survey.Fold(g.Name), wanted)
		})
	})
	p.Total = len(found)
	page, _ := strconv.Atoi(c.QueryParam("page"))
	page = min(max(page, 1), max(1, (len(found)+valuesPerPage-1)/valuesPerPage))
	first := (page - 1) * valuesPerPage
	shown := found[first:min(len(found), first+valuesPerPage)]
	address := func(number int) string {
		query := url.Values{"page": {strconv.Itoa(number)}}
		if p.Search != "" {
			query.Set("q", p.Search)
		}
		return addressOf("/people/attributes/"+p.Attribute.Key, query)
	}
	if page > 1 {
		p.Previous = address(page - 1)
	}
	if first+len(shown) < len(found) {
		p.Next = address(page + 1)
	}
	for _, v := range shown {
		line := valueLine{readValue: v, PeopleText: p.Integer(v.People), Where: addressOf("/people", url.Values{"where": {p.Attribute.Key + ":" + v.Name}})}
		for _, given := range v.Given {
			switch {
			case given.ID != v.ID:
				line.Merged = append(line.Merged, given)
			case given.Given != v.Name:
				line.Renamed = given.Given
			}
		}
		p.Values = append(p.Values, line)
	}
	p.Targets = all
	if len(all) > valuesPerPage {
		p.Targets = shown
	}
	p.Targets = slices.Clone(p.Targets)
	slices.SortFunc(p.Targets, func(a, b readValue) int {
		return cmp.Or(cmp.Compare(survey.Fold(a.Name), survey.Fold(b.Name)), cmp.Compare(a.ID, b.ID))
	})
}

// saveAttribute changes what an attribute is called, and what its values are.
func (s *Server) saveAttribute(c echo.Context) error {
	form, err := receiveForm(c, formLimit)
	if err != nil {
		return err
	}
	page, err := s.attributePage(c)
	if err != nil {
		return err
	}
	page.Name, page.Type = form.line("name"), survey.AttributeType(form.text("type"))
	if problem := nameProblem(page.room, page.Name); problem != "" {
		page.Problems["name"] = problem
	}
	if !slices.Contains(page.Types, page.Type) {
		return echo.NewHTTPError(http.StatusBadRequest)
	}
	if len(page.Problems) > 0 {
		return s.show(c, http.StatusUnprocessableEntity, "workbench", "attribute", page)
	}
	changed := page.Attribute
	changed.Name, changed.Type = page.Name, page.Type
	if err := s.store.SaveAttribute(c.Request().Context(), changed); err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, "/people/attributes/"+changed.Key+"?done=saved")
}

// changeValues renames a value, merges several into one, or takes one apart again.
func (s *Server) changeValues(c echo.Context) error {
	form, err := receiveForm(c, formLimit)
	if err != nil {
		return err
	}
	page, err := s.attributePage(c)
	if err != nil {
		return err
	}
	do, id, _ := strings.Cut(form.fields.Get("do"), ":")
	switch do {
	case "rename":
		return s.renameValue(c, &page, id, form.line("name."+id))
	case "split":
		value, err := page.valueOf(id)
		if err != nil {
			return err
		}
		if err := s.store.SplitValue(c.Request().Context(), s.organisationOf(c), value); err != nil {
			return err
		}
		return c.Redirect(http.StatusSeeOther, page.address("split", -1))
	case "merge":
		return s.mergeValues(c, &page, form)
	}
	return echo.NewHTTPError(http.StatusBadRequest)
}

// valueOf returns the id of a value of the attribute.
func (p *attributePage) valueOf(text string) (int64, error) {
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil || !slices.ContainsFunc(p.Attribute.Values, func(v survey.AttributeValue) bool { return v.ID == id }) {
		return 0, fmt.Errorf("value %q of attribute %s: %w", text, p.Attribute.Key, survey.ErrNotFound)
	}
	return id, nil
}

// address returns where one is sent after a change.
func (p *attributePage) address(done string, people int) string {
	query := url.Values{"done": {done}}
	if people >= 0 {
		query.Set("people", strconv.Itoa(people))
	}
	if p.Search != "" {
		query.Set("q", p.Search)
	}
	return addressOf("/people/attributes/"+p.Attribute.Key, query)
}

func (s *Server) renameValue(c echo.Context, page *attributePage, id, name string) error {
	value, err := page.valueOf(id)
	if err != nil {
		return err
	}
	if problem := nameProblem(page.room, name); problem != "" {
		page.Problem, page.Renaming, page.NewName = problem, value, name
		return s.show(c, http.StatusUnprocessableEntity, "workbench", "attribute", *page)
	}
	if err := s.store.RenameValue(c.Request().Context(), s.organisationOf(c), value, name); err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, page.address("renamed", -1))
}

// mergeValues lets the ticked values be read as another one.
func (s *Server) mergeValues(c echo.Context, page *attributePage, form *upload) error {
	ticked := make(map[int64]bool)
	for _, text := range form.fields["value"] {
		id, err := page.valueOf(text)
		if err != nil {
			return err
		}
		ticked[id] = true
	}
	for i := range page.Values {
		page.Values[i].Ticked = ticked[page.Values[i].ID]
	}
	refuse := func(problem string) error {
		page.Problem = page.T(problem)
		return s.show(c, http.StatusUnprocessableEntity, "workbench", "attribute", *page)
	}
	if form.fields.Get("into") == "" {
		return refuse("merge_no_target")
	}
	into, err := page.valueOf(form.fields.Get("into"))
	if err != nil {
		return err
	}
	page.Into = into
	delete(ticked, into)
	if len(ticked) == 0 {
		return refuse("merge_nothing")
	}
	var ids []int64
	people := 0
	for _, v := range readValues(&page.Attribute) {
		if ticked[v.ID] {
			ids = append(ids, v.ID)
			people += v.People
		}
	}
	err = s.store.MergeValues(c.Request().Context(), s.organisationOf(c), ids, into)
	if errors.Is(err, survey.ErrConflict) {
		return refuse("merge_circle")
	}
	if err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, page.address("merged", people))
}
