package web

import (
	"bytes"
	"crypto/sha256"
	"database/sql"
	"encoding/csv"
	"encoding/hex"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"cxmirror/pkg/exchange"
	"cxmirror/pkg/fieldwork"
	"cxmirror/pkg/store"
	"cxmirror/pkg/store/storetest"
	"cxmirror/pkg/survey"
)

// eachBench runs a test on both engines, each time with a workbench of its own; query changes the database behind
// the back of the program.
func eachBench(t *testing.T, test func(t *testing.T, f *field, director *person, query func(statement string))) {
	t.Helper()
	for engine, dsnOf := range map[string]func(testing.TB) string{"sqlite": storetest.SQLite, "postgres": storetest.Postgres} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			dsn := dsnOf(t)
			f, director := newBenchIn(t, storetest.Open(t, dsn))
			test(t, f, director, func(statement string) {
				t.Helper()
				driver := map[string]string{"sqlite": "sqlite", "postgres": "pgx"}[engine]
				db, err := sql.Open(driver, dsn)
				if err != nil {
					t.Fatal(err)
				}
				defer db.Close()
				if _, err := db.ExecContext(t.Context(), statement); err != nil {
					t.Fatalf("%s: %v", statement, err)
				}
			})
		})
	}
}

// fieldsOf is what the form with an action would send as it stands, without its buttons.
func fieldsOf(t *testing.T, a answer, action string) url.Values {
	t.Helper()
	root, err := html.Parse(strings.NewReader(a.body))
	if err != nil {
		t.Fatal(err)
	}
	attribute := func(n *html.Node, key string) (string, bool) {
		for _, at := range n.Attr {
			if at.Key == key {
				return at.Val, true
			}
		}
		return "", false
	}
	for form := range root.Descendants() {
		if to, _ := attribute(form, "action"); form.Data != "form" || to != action {
			continue
		}
		fields := make(url.Values)
		for n := range form.Descendants() {
			name, _ := attribute(n, "name")
			kind, _ := attribute(n, "type")
			value, _ := attribute(n, "value")
			_, checked := attribute(n, "checked")
			switch {
			case n.Type != html.ElementNode || name == "" || n.Data == "button" || kind == "file":
			case n.Data == "input" && (kind != "checkbox" && kind != "radio" || checked):
				fields.Add(name, value)
			case n.Data == "textarea":
				text := ""
				for words := range n.Descendants() {
					text += words.Data
				}
				fields.Add(name, text)
			case n.Data == "select":
				chosen, first := "", true
				for option := range n.Descendants() {
					if value, ok := attribute(option, "value"); ok && option.Data == "option" {
						if _, selected := attribute(option, "selected"); selected || first {
							chosen, first = value, false
						}
					}
				}
				fields.Add(name, chosen)
			}
		}
		return fields
	}
	t.Fatalf("the page has no form to %s: %.300s", action, visible(a.body))
	return nil
}

// upload sends a file of people and returns the page that shows what would come of it.
func (p *person) upload(room, name, content string) (page answer, address string) {
	p.t.Helper()
	got := p.sendForm(room, nil, map[string][2]string{"file": {name, content}})
	if got.status != http.StatusSeeOther {
		p.t.Fatalf("upload: %d %.500s", got.status, visible(got.body))
	}
	address, _, _ = strings.Cut(got.location, "?")
	return p.look(got.location), address
}

// importPeople imports a file as a director does, and returns the page of the result.
func (p *person) importPeople(t *testing.T, content string) answer {
	t.Helper()
	page, address := p.upload("/people/import", "people.csv", content)
	got := p.post(address, fieldsOf(t, page, address))
	if got.status != http.StatusSeeOther {
		t.Fatalf("import: %d %.800s", got.status, visible(got.body))
	}
	return p.look(got.location)
}

// panelOf returns everybody, by key.
func (f *field) panelOf(t *testing.T) map[string]survey.Person {
	t.Helper()
	people, _, err := f.store.People(t.Context(), survey.DefaultOrganisation, store.PeopleQuery{})
	if err != nil {
		t.Fatal(err)
	}
	byKey := make(map[string]survey.Person, len(people))
	for _, p := range people {
		byKey[p.Key] = p
	}
	return byKey
}

const staff = "Imię i nazwisko;E-mail;Nr pracownika;Dział;Język\r\n" +
	"Zażółć Gęślą;zazolc@example.org;17;Sprzedaż;pl\r\n" +
	"Łukasz Żak;lukasz@example.org;18;Sprzedaz;pl\r\n" +
	"Ion Popescu;ion@example.org;19;IT;ro\r\n" +
	"Zła Osoba;to nie adres;20;IT;pl\r\n" +
	"Drugi Raz;zazolc@example.org;21;IT;pl\r\n"

// The way of a file from a spreadsheet to the panel, and back.
func TestPeopleImport(t *testing.T) {
	eachBench(t, func(t *testing.T, f *field, director *person, _ func(string)) {
		director.look("/people").expect(t, http.StatusOK, []string{"Nobody can be invited yet", "Import people from a file, or add one by hand", "Add a person"})
		windows1250 := strings.NewReplacer("ą", "\xb9", "ć", "\xe6", "ę", "\xea", "ł", "\xb3", "Ł", "\xa3", "ó", "\xf3", "ś", "\x9c", "ż", "\xbf", "Ż", "\xaf")
		page, address := director.upload("/people/import", "Załoga.csv", windows1250.Replace(staff))
		page.expect(t, http.StatusOK, []string{
			"Załoga.csv", "New 3", "Rejected 2", "Zażółć Gęślą", "2 rows are rejected", "5 B E-mail to nie adres Not an e-mail address", "New attributes: Dział",
			"How the file is read: windows-1250", "Save without the rejected rows: 3 people change",
		}, "[", "lukasz@example.org;")
		if len(f.panelOf(t)) != 0 {
			t.Fatal("looking at a file has stored people")
		}
		problems := director.look(address + "/problems")
		rows := readCSV(t, problems.body, ';')
		if len(rows) != 3 || rows[0][len(rows[0])-1] != "problem" || rows[1][0] != "Zła Osoba" || !strings.Contains(rows[2][5], "line 2") {
			t.Errorf("the file with problems is %q", rows)
		}
		// The same in the language of whoever asks; the column is called the same, so that it is known again.
		director.look(address+"?lang=ru").expect(t, http.StatusOK, []string{"в нём нет знака @; адрес выглядит так", "этот адрес уже есть в строке 2"}, "left out", "no @ in it", "already")
		rows = readCSV(t, director.look(address+"/problems").body, ';')
		if rows[0][5] != "problem" || rows[1][5] != `B (E-mail): "to nie adres": в нём нет знака @; адрес выглядит так: name@company.com` || !strings.Contains(rows[2][5], "в строке 2") {
			t.Errorf("in Russian the file with problems is %q", rows)
		}
		director.look(address + "?lang=en")

		// Another choice is looked at before it is stored.
		fields := fieldsOf(t, page, address)
		fields.Set("as.C", "ignored")
		got := director.post(address, fields)
		if got.status != http.StatusSeeOther || len(f.panelOf(t)) != 0 {
			t.Fatalf("choices that nobody has looked at: %d, %d people", got.status, len(f.panelOf(t)))
		}
		director.look(got.location).expect(t, http.StatusOK, []string{"New 3", strings.Repeat("zazolc@example.org ", 2)})

		got = director.post(address, fieldsOf(t, page, address))
		director.look(got.location).expect(t, http.StatusOK, []string{"Saved.", "New 3", "Updated 0", "Rejected 2", "The panel has 3 people now."})
		if again := director.post(address, fieldsOf(t, page, address)); again.location != got.location {
			t.Errorf("asked twice: %d %s", again.status, again.location)
		}
		panel := f.panelOf(t)
		if p := panel["17"]; len(panel) != 3 || p.Name != "Zażółć Gęślą" || p.Language != "pl" || p.Attributes["department"] != "Sprzedaż" || !p.Active {
			t.Fatalf("stored %+v", panel)
		}
		director.look("/people").expect(t, http.StatusOK, []string{"3 people", "Łukasz Żak", "Dział", "Sprzedaz"})

		// The list goes out and comes back without a change.
		director.importPeople(t, director.look("/people/export/people.csv").body).expect(t, http.StatusOK, []string{"New 0", "Updated 0", "Unchanged 3", "Rejected 0"})

		// A later file: one has moved, one is new, one has left. Who was made inactive comes back if she is in it.
		if _, err := f.store.SetActive(t.Context(), survey.DefaultOrganisation, []survey.PersonID{panel["18"].ID}, false); err != nil {
			t.Fatal(err)
		}
		later := "Nr pracownika;E-mail;Dział\n17;zazolc@example.org;IT\n18;lukasz@example.org;\n22;lukasz@example.org;IT\n"
		page, address = director.upload("/people/import", "later.csv", strings.Replace(later, "22;lukasz", "22;LUKASZ2", 1))
		fields = fieldsOf(t, page, address)
		fields.Set("missing", "yes")
		got = director.post(address, fields)
		page = director.look(got.location)
		page.expect(t, http.StatusOK, []string{"New 1", "Updated 2", "Deactivated 1", "One person who is inactive would become active again"})
		got = director.post(address, fieldsOf(t, page, address))
		director.look(got.location).expect(t, http.StatusOK, []string{"New 1", "Updated 2", "Deactivated 1"})
		panel = f.panelOf(t)
		if panel["19"].Active || panel["17"].Attributes["department"] != "IT" || panel["18"].Attributes["department"] != "Sprzedaz" || !panel["18"].Active || panel["17"].Name != "Zażółć Gęślą" {
			t.Errorf("after the later file: %+v", panel)
		}

		// Somebody known by another key would be written to twice; known people can be left alone.
		page, address = director.upload("/people/import", "mails.csv", "e-mail,name\nzazolc@example.org,Other Name\n")
		page.expect(t, http.StatusOK, []string{"New 1", "would be written to twice: zazolc@example.org"})
		page = director.look(address + "?known=leave&as.A=ignored&as.B=key&paper=yes")
		page.expect(t, http.StatusOK, []string{"Known, left as they are 0", "One person has no address"})
	})
}

func readCSV(t *testing.T, text string, comma rune) [][]string {
	t.Helper()
	reader := csv.NewReader(strings.NewReader(strings.TrimPrefix(text, "\uFEFF")))
	reader.Comma = comma
	rows, err := reader.ReadAll()
	if err != nil {
		t.Fatalf("%v in %.300s", err, text)
	}
	return rows
}

// Files that are none, or none of people, each with a sentence that says what to do.
func TestPeopleImportRefuses(t *testing.T) {
	f, director := newBench(t)
	var workbook bytes.Buffer
	one := func(yield func(survey.Person, error) bool) {
		yield(survey.Person{Key: "7", Name: "=1+1", Address: "seven@example.org", Active: true}, nil)
	}
	if err := exchange.WritePeople(&workbook, exchange.PeopleWorkbook, nil, iter.Seq2[survey.Person, error](one)); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, content string
		shows         []string
	}{
		{"photo.jpg", "\xff\xd8\xff\xe0\x00\x10JFIF\x00" + strings.Repeat("\x00\x01\x02", 500), []string{"This cannot be read", "photo.jpg"}},
		{"old.xls", "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + strings.Repeat("\x00", 600), []string{"Excel 97", "save it as .xlsx"}},
		{"broken.xlsx", "PK\x03\x04 not a workbook", []string{"This cannot be read", "broken.xlsx"}},
		{"columns.csv", "Dział,Miasto\nIT,Łódź\n", []string{"no column holds e-mail addresses", "Say below what the columns are", "Dział", "Taken for", "Łódź"}},
		{"header.csv", "e-mail,name\n", []string{"New 0", "There is nothing to save"}},
		{"open.csv", "e-mail,name\n\"a@example.org,Anna\nb@example.org,Barbara\n", []string{"Quotes left open"}},
		{"sheet.xlsx", workbook.String(), []string{"How the file is read: People", "=1+1", "New 1"}},
		{"long.csv", "e-mail,name\n" + strings.Repeat("a", 300) + "@example.org,Anna\n", []string{"Not an e-mail address", "Rejected 1"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, address := director.upload("/people/import", tt.name, tt.content)
			if got.status != http.StatusOK && got.status != http.StatusUnprocessableEntity {
				t.Errorf("status %d", got.status)
			}
			got.expect(t, got.status, tt.shows)
			if strings.Contains(visible(got.body), "This cannot be read") { // it cannot be stored either
				if posted := director.post(address, url.Values{}); posted.status != http.StatusSeeOther {
					t.Errorf("stored all the same: %d", posted.status)
				}
			}
		})
	}
	director.sendForm("/people/import", nil, nil).expect(t, http.StatusUnprocessableEntity, []string{"Choose a file of people."})
	director.sendForm("/people/import", nil, map[string][2]string{"file": {"empty.csv", ""}}).expect(t, http.StatusUnprocessableEntity, []string{"empty.csv is empty"})
	if testing.Short() {
		return
	}
	large := director.sendForm("/people/import", map[string]string{"paper": "yes"}, map[string][2]string{"file": {"large.csv", strings.Repeat("x", uploadLimit+1)}})
	large.expect(t, http.StatusRequestEntityTooLarge, []string{"larger than 64 MB", "pack it with gzip"})
	if fieldsOf(t, large, "/people/import").Get("paper") != "yes" {
		t.Error("what was chosen is lost with a file that is too large")
	}
	if n := len(f.panelOf(t)); n != 0 {
		t.Errorf("%d people were stored", n)
	}
}

// A file is kept for an hour. After that it is asked for again, and what was chosen is not.
func TestPeopleFileIsKeptForAnHour(t *testing.T) {
	f, director := newBench(t)
	_, address := director.upload("/people/import", "people.csv", staff)
	f.wait(50 * time.Minute)
	director.look(address).expect(t, http.StatusOK, []string{"Zażółć Gęślą"})
	f.wait(50 * time.Minute) // since somebody looked
	director.look(address).expect(t, http.StatusOK, []string{"Zażółć Gęślą"})
	f.wait(time.Hour)
	for _, got := range []answer{
		director.look(address + "?as.C=ignored&known=leave&missing=yes"),
		director.post(address, url.Values{"as.C": {"ignored"}, "known": {"leave"}, "missing": {"yes"}, "looked": {"x"}}),
		director.look(address + "/problems?as.C=ignored&known=leave&missing=yes"),
	} {
		got.expect(t, http.StatusNotFound, []string{"The file is not here any more", "Please choose it again"})
		fields := fieldsOf(t, got, "/people/import")
		if fields.Get("as.C") != "ignored" || fields.Get("known") != "leave" || fields.Get("missing") != "yes" {
			t.Errorf("what was chosen is lost: %v", fields)
		}
	}
	if len(f.server.shelf.kept) != 0 {
		t.Errorf("%d files are kept", len(f.server.shelf.kept))
	}
	got := director.sendForm("/people/import", map[string]string{"as.C": "ignored", "known": "leave"}, map[string][2]string{"file": {"people.csv", staff}})
	if !strings.Contains(got.location, "as.C=ignored") || !strings.Contains(got.location, "known=leave") {
		t.Errorf("the choices do not come along: %s", got.location)
	}
	director.look("/people/import/"+strings.Repeat("0", 32)).expect(t, http.StatusNotFound, []string{"The file is not here any more"})
	director.look("/people/bounces/"+strings.TrimPrefix(address, "/people/import/")).expect(t, http.StatusNotFound, []string{"not here any more"})
}

// The shelf drops what was used least recently when it is full.
func TestShelfIsBounded(t *testing.T) {
	now := noon
	s := newShelf(func() time.Time { return now }, strings.NewReader(strings.Repeat("0123456789abcdef", 4)+"ZZZZZZZZZZZZZZZZ"))
	var ids []string
	for i := range 3 {
		id, err := s.keep(1, "people", uploadedFile{"a", fmt.Appendf(nil, "file %d", i)})
		if err != nil {
			t.Fatal(err)
		}
		s.kept[id].size = keptBytes / 2
		if i == 0 { // the source of ids repeats itself
			s.random = strings.NewReader("1123456789abcdef2123456789abcdef3123456789abcdef")
		}
		now = now.Add(time.Minute)
		ids = append(ids, id)
	}
	for i, want := range []bool{false, true, true} {
		if _, ok := s.kept[ids[i]]; ok != want {
			t.Errorf("file %d is kept: %t", i, ok)
		}
	}
	if _, err := s.find(2, "people", ids[1]); err == nil {
		t.Error("another organisation finds the file")
	}
}

// wait lets time pass.
func (f *field) wait(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.moment = f.moment.Add(d)
}

// addPeople stores people as they are.
func (f *field) addPeople(tb testing.TB, people ...survey.Person) {
	tb.Helper()
	if _, err := f.store.ImportPeople(tb.Context(), survey.DefaultOrganisation, without(people), store.ImportOptions{Update: true}); err != nil {
		tb.Fatal(err)
	}
}

// somePeople are n people in three departments.
func somePeople(n int) []survey.Person {
	people := make([]survey.Person, n)
	for i := range people {
		people[i] = survey.Person{
			Key: fmt.Sprintf("k%05d", i), Address: fmt.Sprintf("person%d@example.org", i), Name: fmt.Sprintf("Person %05d", i), Active: true,
			Attributes: map[string]string{"department": []string{"IT", "Sales", "sales"}[i%3]},
		}
	}
	return people
}

func TestPeopleList(t *testing.T) {
	eachBench(t, func(t *testing.T, f *field, director *person, _ func(string)) {
		f.addPeople(t, somePeople(120)...)
		f.addPeople(t, survey.Person{Key: "paper", Name: "Żółć bez poczty", Active: true})
		if _, err := f.store.NoteBounce(t.Context(), survey.DefaultOrganisation, "person7@example.org", true, "5.1.1", "", noon); err != nil {
			t.Fatal(err)
		}
		director.look("/people").expect(t, http.StatusOK, []string{"121 people", "1 to 50 of 121", "Person 00049", "Next"}, "Person 00050", "Previous</a>")
		director.look("/people?page=3").expect(t, http.StatusOK, []string{"101 to 121 of 121", "Żółć bez poczty", "no address"}, ">Next<")
		if got := director.look("/people?page=99"); got.location != "/people?page=3" {
			t.Errorf("a page behind the last leads to %q", got.location)
		}
		director.look("/people?q=zolc").expect(t, http.StatusOK, []string{"One person", "Żółć bez poczty"}, "Person 0")
		director.look("/people?q=nobody+at+all").expect(t, http.StatusOK, []string{"Nobody is like that", "Show everybody"})
		director.look("/people?state=bounced").expect(t, http.StatusOK, []string{"One person", "Person 00007", "mail comes back"})
		director.look("/people?state=paper").expect(t, http.StatusOK, []string{"One person", "Żółć bez poczty"})
		director.look("/people?where=department:IT").expect(t, http.StatusOK, []string{"40 people", "department: IT"}, "Person 00001")
		director.look("/people?where=department:IT&where=department:Sales").expect(t, http.StatusOK, []string{"80 people"})
		director.look("/people?where=nothing:at+all&state=odd&page=x").expect(t, http.StatusOK, []string{"Nobody is like that"})
		director.look("/people?q=%00%ff%27%25_&where=%00:%ff").expect(t, http.StatusOK, []string{"Nobody is like that"})

		// Those who are ticked, and all who are found.
		page := director.look("/people?where=department:IT")
		fields := fieldsOf(t, page, "/people")
		panel := f.panelOf(t)
		fields["person"], fields["do"] = []string{fmt.Sprint(panel["k00000"].ID), fmt.Sprint(panel["k00003"].ID)}, []string{"deactivate"}
		got := director.post("/people", fields)
		director.look(got.location).expect(t, http.StatusOK, []string{"2 people are inactive now.", "department: IT"})
		director.look("/people?state=inactive").expect(t, http.StatusOK, []string{"2 people", "Person 00003"})
		delete(fields, "person")
		fields["everybody"], fields["do"] = []string{"yes"}, []string{"unsubscribe"}
		got = director.post("/people", url.Values{"where": {"department:IT"}, "everybody": {"yes"}, "do": {"unsubscribe"}})
		director.look(got.location).expect(t, http.StatusOK, []string{"It is noted that 40 people want no mail."})
		got = director.post("/people", url.Values{"state": {"inactive"}, "everybody": {"yes"}, "do": {"activate"}})
		director.look(got.location).expect(t, http.StatusOK, []string{"2 people are active now.", "Nobody is like that"})
		if got := director.post("/people", url.Values{"do": {"erase"}, "everybody": {"yes"}}); got.status != http.StatusBadRequest {
			t.Errorf("something that is not offered: %d", got.status)
		}
		if got := director.post("/people", url.Values{"do": {"activate"}, "person": {"x"}}); got.status != http.StatusBadRequest {
			t.Errorf("no person: %d", got.status)
		}
		got = director.look("/people/export/people.csv?where=department:IT")
		if rows := readCSV(t, got.body, ','); len(rows) != 41 || !strings.HasPrefix(got.header.Get("Content-Disposition"), `attachment; filename="people-`) {
			t.Errorf("the export has %d rows and is called %s", len(rows), got.header.Get("Content-Disposition"))
		}
		if got := director.look("/people/export/people.xlsx?state=paper"); !strings.HasPrefix(got.body, "PK") {
			t.Errorf("the workbook begins with %.20q", got.body)
		}
		for _, path := range []string{"/people/export/people.pdf", "/people/export/csv", "/people/0", "/people/x", "/people/999999", "/people/attributes/none"} {
			director.look(path).expect(t, http.StatusNotFound, []string{"There is nothing here", "To the people"})
		}
	})
}

func TestPersonByHand(t *testing.T) {
	eachBench(t, func(t *testing.T, f *field, director *person, _ func(string)) {
		director.look("/people/new").expect(t, http.StatusOK, []string{"Add a person", "Identifier", "Nothing else is known of people yet"})
		director.post("/people/new", url.Values{"name": {"Anna Nowak"}}).expect(t, http.StatusUnprocessableEntity, []string{"One field needs another look", "Give an address or an identifier"})
		got := director.post("/people/new", url.Values{"name": {strings.Repeat("ą", 201)}, "address": {"anna"}, "language": {"xx"}, "key": {strings.Repeat("k", 255)}})
		got.expect(t, http.StatusUnprocessableEntity, []string{"4 fields need another look", "Too long", "Not an e-mail address", "Unknown language", "Not an identifier"})
		if fields := fieldsOf(t, got, "/people/new"); fields.Get("address") != "anna" || fields.Get("name") != strings.Repeat("ą", 201) {
			t.Errorf("what was typed is lost: %v", fields)
		}
		got = director.post("/people/new", url.Values{"name": {"Anna Nowak"}, "address": {"Anna@example.org"}, "language": {"pl"}})
		director.look(got.location).expect(t, http.StatusOK, []string{"Added.", "Anna Nowak", "Anna@example.org", "anna@example.org", "Polski", "To no wave so far", "Mail arrives"})
		anna := f.panelOf(t)["anna@example.org"]
		address := fmt.Sprintf("/people/%d", anna.ID)
		director.post("/people/new", url.Values{"name": {"Other"}, "key": {"anna@example.org"}}).expect(t, http.StatusConflict, []string{"Somebody else has this identifier"})

		for _, a := range []survey.Attribute{{Key: "department", Name: "Dział", Type: survey.TextAttribute}, {Key: "since", Name: "Since", Type: survey.DateAttribute}, {Key: "score", Name: "Score", Type: survey.NumberAttribute}} {
			a.Organisation = survey.DefaultOrganisation
			if err := f.store.SaveAttribute(t.Context(), a); err != nil {
				t.Fatal(err)
			}
		}
		form := fieldsOf(t, director.look(address+"/edit"), address+"/edit")
		form.Set("attribute.department", "=Finanse")
		form.Set("attribute.since", "soon")
		form.Set("attribute.score", "many")
		director.post(address+"/edit", form).expect(t, http.StatusUnprocessableEntity, []string{"2 fields need another look", "A day, such as", "A number, such as"})
		form.Set("attribute.since", "1.2.2024")
		form.Set("attribute.score", "3,5")
		got = director.post(address+"/edit", form)
		director.look(got.location).expect(t, http.StatusOK, []string{"Saved.", "Dział =Finanse", "Since 2024-02-01", "Score 3,5"})
		form.Set("attribute.department", "")
		director.post(address+"/edit", form)
		if p := f.panelOf(t)["anna@example.org"]; p.Attributes["department"] != "" || p.Attributes["since"] != "2024-02-01" || p.Name != "Anna Nowak" {
			t.Errorf("after the field was emptied: %+v", p)
		}

		for _, step := range []struct{ do, shows, mark string }{
			{"deactivated", "Inactive now.", "inactive"},
			{"activated", "Active now.", ""},
			{"unsubscribed", "Noted: no more mail.", "wants no mail"},
			{"resubscribed", "Noted: mail again.", ""},
		} {
			got := director.post(address, url.Values{"do": {step.do}})
			page := director.look(got.location)
			page.expect(t, http.StatusOK, []string{step.shows, step.mark})
		}
		if _, err := f.store.NoteBounce(t.Context(), survey.DefaultOrganisation, "anna@example.org", true, "5.1.1 no such <user>", "", noon); err != nil {
			t.Fatal(err)
		}
		director.look(address).expect(t, http.StatusOK, []string{"mail comes back", "5.1.1 no such <user>", "The mailbox works again"}, "<user>")
		got = director.post(address, url.Values{"do": {"reachable"}})
		director.look(got.location).expect(t, http.StatusOK, []string{"This person is written to again."})
		if p := f.panelOf(t)["anna@example.org"]; p.Bounced != nil || p.BounceReason != "" {
			t.Errorf("the bounce stays: %+v", p)
		}
		if got := director.post(address, url.Values{"do": {"promote"}}); got.status != http.StatusBadRequest {
			t.Errorf("something that is not offered: %d", got.status)
		}
	})
}

// invite launches a wave of a mode for everybody in the panel, and returns the ids of the invitations by person.
func (f *field) invite(t *testing.T, slug string, mode survey.Mode) (survey.Wave, map[survey.PersonID]survey.InvitationID) {
	t.Helper()
	w := f.addWave(t, "internal-expectations", survey.Wave{Name: "Wave " + slug, Audience: survey.Internal, Slug: slug, Mode: mode, State: survey.WaveDraft, Threshold: 5})
	moment := noon
	w.Launched, w.State = &moment, survey.WaveOpen
	ids := make(map[survey.PersonID]survey.InvitationID)
	var invitations []store.NewInvitation
	for _, p := range f.panelOf(t) {
		sum := sha256.Sum256([]byte(slug + p.Key))
		id := survey.InvitationID(hex.EncodeToString(sum[:16]))
		ids[p.ID] = id
		invitations = append(invitations, store.NewInvitation{
			Invitation: survey.Invitation{ID: id, Organisation: w.Organisation, Wave: w.ID, Person: p.ID, Language: "en"}, TokenHash: sum[:],
		})
	}
	if _, err := f.store.LaunchWave(t.Context(), w, without(invitations), nil, nil); err != nil {
		t.Fatal(err)
	}
	return w, ids
}

// What somebody was asked is shown, what she answered is not; erased, she leaves a receipt.
func TestPersonIsErased(t *testing.T) {
	eachBench(t, func(t *testing.T, f *field, director *person, _ func(string)) {
		f.addPeople(t, survey.Person{Key: "17", Name: "Zofia Wiśniewska-Ćwik", Address: "zofia@example.org", Active: true}, survey.Person{Key: "18", Name: "Other", Address: "other@example.org", Active: true})
		zofia := f.panelOf(t)["17"]
		wave, ids := f.invite(t, "named", survey.Identified)
		f.invite(t, "hidden", survey.Anonymous)
		r := survey.Response{
			ID: survey.ResponseID(strings.Repeat("a", 32)), Wave: wave.ID, Version: wave.Version, Key: strings.Repeat("b", 64), Language: "en", Invitation: ids[zofia.ID],
			Answers: []byte(`{"comment":"the secret of Zofia"}`), Weight: 1, Started: noon,
		}
		if err := f.store.StartResponse(t.Context(), survey.DefaultOrganisation, &r); err != nil {
			t.Fatal(err)
		}
		completed := noon
		r.Completed, r.Answers, r.Page = &completed, []byte(`{"expectations":"none"}`), 3
		r.Revision = 1
		if err := f.store.CompleteResponse(t.Context(), survey.DefaultOrganisation, r, 0); err != nil {
			t.Fatal(err)
		}
		address := fmt.Sprintf("/people/%d", zofia.ID)
		director.look(address).expect(t, http.StatusOK, []string{"Wave named identified – finished", "Wave hidden anonymous – not written to yet", "not shown here"}, "the secret of Zofia", "expectations")
		director.look(address+"/erase").expect(t, http.StatusOK, []string{
			"This goes, for good", "2 invitations, with their links", "The answers in one wave that shows single answers", "one anonymous wave: nothing ties it to a person", "Backups keep what they held",
		})
		director.post(address+"/erase", url.Values{"by": {"letter of 3 March"}}).expect(t, http.StatusUnprocessableEntity, []string{"Tick that you have looked", "Erase now"})
		if _, ok := f.panelOf(t)["17"]; !ok {
			t.Fatal("erased without being sure")
		}
		got := director.post(address+"/erase", url.Values{"by": {"letter of 3 March"}, "sure": {"yes"}})
		receipt := director.look(got.location)
		receipt.expect(t, http.StatusOK, []string{
			"Receipt of an erasure", "letter of 3 March", "Entries of the panel 1", "Responses 1", "one anonymous wave. What may have been answered there cannot be found", "Code of the person",
		}, "Zofia", "zofia@example.org")
		text := director.look(got.location + "/text")
		if !strings.Contains(text.body, "Asked for by:   letter of 3 March") || !strings.HasPrefix(text.header.Get("Content-Disposition"), `attachment; filename="erasure-receipt-`) || strings.Contains(text.body, "Zofia") {
			t.Errorf("the receipt as text is %q, %v", text.body, text.header)
		}
		director.look(got.location+"?lang=pl").expect(t, http.StatusOK, []string{"Usunięcie danych jednej osoby", "Na prośbę: letter of 3 March"}, "Asked for by", "Backups")
		if text := director.look(got.location + "/text"); !strings.Contains(text.body, "Na prośbę:   letter of 3 March") || strings.Contains(text.body, "Erased") {
			t.Errorf("in Polish the receipt is %q", text.body)
		}
		director.look(got.location + "?lang=en")
		director.look(address).expect(t, http.StatusNotFound, []string{"There is nothing here"})
		director.post(address+"/erase", url.Values{"sure": {"yes"}}).expect(t, http.StatusNotFound, []string{"There is nothing here"})
		f.wait(2 * time.Hour)
		director.look(got.location).expect(t, http.StatusNotFound, []string{"There is nothing here"})
		if strings.Contains(f.log.String(), "Zofia") || strings.Contains(f.log.String(), "zofia@") {
			t.Error("the log names who was erased")
		}
	})
}

func TestAttributes(t *testing.T) {
	eachBench(t, func(t *testing.T, f *field, director *person, _ func(string)) {
		director.look("/people/attributes").expect(t, http.StatusOK, []string{"Nothing is known yet", "New attribute"})
		f.addPeople(t, somePeople(9)...)
		director.look("/people/attributes").expect(t, http.StatusOK, []string{"department", "Names of groups · 3 values · 9 people", "IT 3", "sales 3"})
		const at = "/people/attributes/department"
		page := director.look(at)
		page.expect(t, http.StatusOK, []string{"3 values", "Merge the ticked values"})
		attributes, err := f.store.Attributes(t.Context(), survey.DefaultOrganisation)
		if err != nil {
			t.Fatal(err)
		}
		id := make(map[string]string)
		for _, v := range attributes[0].Values {
			id[v.Given] = fmt.Sprint(v.ID)
		}

		got := director.post(at, url.Values{"name": {"Dział"}, "type": {"text"}})
		director.look(got.location).expect(t, http.StatusOK, []string{"Saved.", "Dział", "department (text) became Dział (text)"})
		director.post(at, url.Values{"name": {""}, "type": {"text"}}).expect(t, http.StatusUnprocessableEntity, []string{"Give it a name"})
		if got := director.post(at, url.Values{"name": {"X"}, "type": {"colour"}}); got.status != http.StatusBadRequest {
			t.Errorf("a type there is not: %d", got.status)
		}

		values := at + "/values"
		director.post(values, url.Values{"do": {"merge"}, "value": {id["sales"]}}).expect(t, http.StatusUnprocessableEntity, []string{"Choose the value to merge into"})
		director.post(values, url.Values{"do": {"merge"}, "into": {id["Sales"]}, "value": {id["Sales"]}}).expect(t, http.StatusUnprocessableEntity, []string{"Tick at least one value other"})
		got = director.post(values, url.Values{"do": {"merge"}, "value": {id["sales"], id["Sales"]}, "into": {id["Sales"]}})
		director.look(got.location).expect(t, http.StatusOK, []string{"Merged. 3 people are read anew.", "2 values", "Sales 6 sales 3 Undo", "“sales” was merged into “Sales”"})
		director.look("/people?where=department:Sales").expect(t, http.StatusOK, []string{"6 people"}, ">sales<")
		director.post(values, url.Values{"do": {"merge"}, "value": {id["Sales"]}, "into": {id["sales"]}}).expect(t, http.StatusUnprocessableEntity, []string{"One of the ticked values is what the chosen one was merged into"})
		director.post(values, url.Values{"do": {"rename:" + id["Sales"]}, "name." + id["Sales"]: {""}}).expect(t, http.StatusUnprocessableEntity, []string{"Give it a name"})
		got = director.post(values, url.Values{"do": {"rename:" + id["Sales"]}, "name." + id["Sales"]: {"Sprzedaż"}})
		director.look(got.location).expect(t, http.StatusOK, []string{"Renamed.", "Sprzedaż 6 Sales sales 3 Undo", "“Sales” was renamed to “Sprzedaż”"})
		anybody := f.panelOf(t)["k00002"]
		director.look(fmt.Sprintf("/people/%d", anybody.ID)).expect(t, http.StatusOK, []string{"Dział Sprzedaż given as: sales"})

		// What was given is kept: an import of the old spelling changes nobody, and the merge can be undone.
		director.importPeople(t, director.look("/people/export/people.csv").body).expect(t, http.StatusOK, []string{"Unchanged 9"})
		got = director.post(values, url.Values{"do": {"split:" + id["sales"]}})
		director.look(got.location).expect(t, http.StatusOK, []string{"The merge is undone.", "3 values", "“sales” was taken out of “Sprzedaż” again"})
		for _, wrong := range []url.Values{{"do": {"split:999999"}}, {"do": {"rename:x"}, "name.x": {"X"}}, {"do": {"merge"}, "value": {"999999"}, "into": {id["IT"]}}} {
			director.post(values, wrong).expect(t, http.StatusNotFound, []string{"There is nothing here"})
		}
		if got := director.post(values, url.Values{"do": {"paint"}}); got.status != http.StatusBadRequest {
			t.Errorf("something that is not offered: %d", got.status)
		}

		got = director.post("/people/attributes", url.Values{"name": {"Staż pracy"}, "type": {"number"}})
		director.look(got.location).expect(t, http.StatusOK, []string{"Key in files: staz_pracy", "Numbers cannot be merged", "Made: Staż pracy (number)"})
		director.post("/people/attributes", url.Values{"name": {"Staz pracy"}, "type": {"text"}}).expect(t, http.StatusUnprocessableEntity, []string{"an attribute with the key staz_pracy already"})
		director.post("/people/attributes", url.Values{"name": {"A"}, "key": {"Ą b"}, "type": {"text"}}).expect(t, http.StatusUnprocessableEntity, []string{"Use a to z, digits"})
	})
}

// Many values are looked through page by page.
func TestManyValues(t *testing.T) {
	f, director := newBench(t)
	people := somePeople(450)
	for i := range people {
		people[i].Attributes["manager"] = fmt.Sprintf("Manager %03d", i)
	}
	f.addPeople(t, people...)
	director.look("/people/attributes/manager").expect(t, http.StatusOK, []string{"450 values", "Manager 199", "Next"}, "Manager 200<")
	director.look("/people/attributes/manager?page=3").expect(t, http.StatusOK, []string{"Manager 449", "Previous"})
	director.look("/people/attributes/manager?page=77").expect(t, http.StatusOK, []string{"Manager 449"})
	director.look("/people/attributes/manager?q=manager+44").expect(t, http.StatusOK, []string{"10 values", "Manager 449"}, "Manager 199")
	director.look("/people/attributes/manager?q=nothing").expect(t, http.StatusOK, []string{"No value is like that"})
	director.look("/people").expect(t, http.StatusOK, []string{"Too many values to list here"}, `value="manager:`)
}

func TestBounces(t *testing.T) {
	eachBench(t, func(t *testing.T, f *field, director *person, _ func(string)) {
		f.addPeople(t, somePeople(5)...)
		director.look("/people/bounces").expect(t, http.StatusOK, []string{"Bounces", "A report (.eml), a mailbox (.mbox), or a list"})
		page, address := director.upload("/people/bounces", "bounces.csv", "address,reason\nPerson1@example.org,550 5.1.1 <b>unknown</b>\nperson2@example.org,4.2.2 mailbox full\nstranger@example.org,550 5.1.1 unknown\n")
		page.expect(t, http.StatusOK, []string{"Failed for good 2", "Failed this time 1", "Not in the panel 1", "Person 00001", "stranger@example.org not in the panel", "Note 3 reports"}, "<b>unknown")
		if f.panelOf(t)["k00001"].Bounced != nil {
			t.Fatal("looking has noted bounces")
		}
		got := director.post(address, nil)
		director.look(got.location).expect(t, http.StatusOK, []string{"Noted.", "Get no more mail 1", "Noted, written to again 1", "Not in the panel 1"})
		director.post(address, nil)
		if panel := f.panelOf(t); panel["k00001"].Bounced == nil || panel["k00002"].Bounced != nil || panel["k00002"].BounceReason == "" {
			t.Errorf("noted %+v", panel)
		}
		director.look("/people?state=bounced").expect(t, http.StatusOK, []string{"One person", "Person 00001"})

		const report = "From: mailer-daemon@example.org\r\nTo: hr@example.org\r\nSubject: Undelivered\r\nMIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n" +
			"--b\r\nContent-Type: text/plain\r\n\r\nSorry.\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example.org\r\n\r\nFinal-Recipient: rfc822; person3@example.org\r\nAction: failed\r\nStatus: 5.1.1\r\nDiagnostic-Code: smtp; 550 5.1.1 no such user\r\n\r\n--b--\r\n"
		page, address = director.upload("/people/bounces", "report.eml", report)
		page.expect(t, http.StatusOK, []string{"Failed for good 1", "Person 00003", "5.1.1", "Note one report"})
		director.post(address, nil)
		if f.panelOf(t)["k00003"].Bounced == nil {
			t.Error("the report was not noted")
		}
		page, _ = director.upload("/people/bounces", "holiday.eml", "From: a@example.org\r\nTo: b@example.org\r\nSubject: On holiday\r\nAuto-Submitted: auto-replied\r\n\r\nBack soon.\r\n")
		page.expect(t, http.StatusOK, []string{"There is no report of undelivered mail in this file", "On holiday"})
		page, address = director.upload("/people/bounces", "photo.jpg", "\xff\xd8\xff\xe0\x00\x10JFIF"+strings.Repeat("\x00\x01", 400))
		page.expect(t, http.StatusUnprocessableEntity, []string{"This cannot be read"})
		if got := director.post(address, nil); got.status != http.StatusSeeOther {
			t.Errorf("a file that cannot be read: %d", got.status)
		}
		director.sendForm("/people/bounces", nil, nil).expect(t, http.StatusUnprocessableEntity, []string{"Choose a file of reports"})
		f.wait(2 * time.Hour)
		director.look(address).expect(t, http.StatusNotFound, []string{"The file is not here any more"})
	})
}

// People, attributes and values of another organisation are not there, to be seen or changed.
func TestPeopleOfOthers(t *testing.T) {
	eachBench(t, func(t *testing.T, f *field, director *person, query func(string)) {
		query("INSERT INTO organisations (id, name) VALUES (2, 'second')")
		foreign := survey.Person{Organisation: 2, Key: "theirs", Name: "Theirs Alone", Address: "theirs@example.org", Active: true, Attributes: map[string]string{"rank": "Major"}}
		if err := f.store.SavePerson(t.Context(), &foreign); err != nil {
			t.Fatal(err)
		}
		f.addPeople(t, survey.Person{Key: "ours", Name: "Ours", Active: true, Attributes: map[string]string{"level": "1"}})
		attributes, err := f.store.Attributes(t.Context(), 2)
		if err != nil || len(attributes) != 1 {
			t.Fatalf("%v, %v", attributes, err)
		}
		value := fmt.Sprint(attributes[0].Values[0].ID)
		address := fmt.Sprintf("/people/%d", foreign.ID)
		for _, path := range []string{address, address + "/edit", address + "/erase", "/people/attributes/rank"} {
			director.look(path).expect(t, http.StatusNotFound, []string{"There is nothing here"}, "Theirs", "Major")
		}
		for path, form := range map[string]url.Values{
			address:                             {"do": {"deactivated"}},
			address + "/edit":                   {"name": {"Mine"}, "key": {"theirs"}},
			address + "/erase":                  {"sure": {"yes"}},
			"/people/attributes/rank":           {"name": {"Mine"}, "type": {"text"}},
			"/people/attributes/rank/values":    {"do": {"rename:" + value}, "name." + value: {"Mine"}},
			"/people/attributes/level/values":   {"do": {"rename:" + value}, "name." + value: {"Mine"}},
			"/people/attributes/level/values?a": {"do": {"merge"}, "value": {value}, "into": {value}},
		} {
			director.post(path, form).expect(t, http.StatusNotFound, []string{"There is nothing here"}, "Theirs", "Major")
		}
		got := director.post("/people", url.Values{"do": {"deactivate"}, "person": {fmt.Sprint(foreign.ID)}})
		director.look(got.location).expect(t, http.StatusOK, []string{"0 people are inactive now."}, "Theirs")
		director.post("/people", url.Values{"do": {"deactivate"}, "everybody": {"yes"}})
		for _, path := range []string{"/people", "/people?q=theirs", "/people?where=rank:Major", "/people/export/people.csv", "/people/attributes", "/people/new"} {
			if body := director.look(path).body; strings.Contains(body, "Theirs Alone") || strings.Contains(body, "theirs@") || strings.Contains(body, "rank</") {
				t.Errorf("%s shows what is another's", path)
			}
		}
		page, bounces := director.upload("/people/bounces", "b.csv", "address,reason\ntheirs@example.org,550 5.1.1 unknown\n")
		page.expect(t, http.StatusOK, []string{"not in the panel"}, "Theirs")
		director.post(bounces, nil)
		now, err := f.store.Person(t.Context(), 2, foreign.ID)
		if err != nil || !now.Active || now.Bounced != nil || now.Name != "Theirs Alone" {
			t.Errorf("now they are %+v, %v", now, err)
		}
		if after, err := f.store.Attributes(t.Context(), 2); err != nil || after[0].Values[0].Name != "Major" || after[0].Name != "rank" {
			t.Errorf("now their attributes are %+v, %v", after, err)
		}
	})
}

// Names that are no names: they are shown as they are, run nowhere, and turn nothing round.
func TestHostilePeople(t *testing.T) {
	eachBench(t, func(t *testing.T, f *field, director *person, _ func(string)) {
		const script = `<script>alert(1)</script>`
		long := strings.Repeat("Wieloczłonowe", 15) // 195 letters without a blank
		hostile := []survey.Person{
			{Key: `'><img src=x onerror=alert(1)>`, Name: script, Address: "script@example.org", Active: true, Attributes: map[string]string{"department": script}},
			{Key: "formula", Name: "=HYPERLINK(\"http://evil.example\")", Address: "formula@example.org", Active: true, Attributes: map[string]string{"department": "@SUM(A1)"}},
			{Key: "rtl", Name: "עדי כהן", Address: "rtl@example.org", Active: true, Attributes: map[string]string{"department": "مبيعات"}},
			{Key: "long", Name: long, Address: strings.Repeat("a", 60) + "@" + strings.Repeat("b.", 60) + "example.org", Active: true, Attributes: map[string]string{"department": long}},
			{Key: "{{.T}}", Name: "{{.Secret}} & 'quote' \"quote\"", Active: true, Attributes: map[string]string{"department": "a:b/c?d&e=f"}},
		}
		f.addPeople(t, hostile...)
		panel := f.panelOf(t)
		paths := []string{"/people", "/people?q=" + url.QueryEscape(script), "/people?where=" + url.QueryEscape("department:"+script), "/people/attributes", "/people/attributes/department", "/people/new"}
		for _, p := range panel {
			paths = append(paths, fmt.Sprintf("/people/%d", p.ID), fmt.Sprintf("/people/%d/edit", p.ID), fmt.Sprintf("/people/%d/erase", p.ID))
		}
		for _, path := range paths {
			got := director.look(path)
			got.expect(t, http.StatusOK, nil, "<script>alert", "<img src=x", "ZgotmplZ", "[{{")
		}
		director.look("/people").expect(t, http.StatusOK, []string{script, "{{.Secret}} & 'quote' \"quote\"", long, "עדי כהן"})
		got := director.look("/people?where=" + url.QueryEscape("department:a:b/c?d&e=f"))
		got.expect(t, http.StatusOK, []string{"One person", "{{.Secret}}"})

		csvFile := director.look("/people/export/people.csv").body
		for _, row := range readCSV(t, csvFile, ',')[1:] {
			for _, cell := range row {
				if strings.HasPrefix(cell, "=") || strings.HasPrefix(cell, "@") {
					t.Errorf("a spreadsheet would run %q", cell)
				}
			}
		}
		page, address := director.upload("/people/import", "people.csv", csvFile)
		page.expect(t, http.StatusOK, []string{"Unchanged 4", "Rejected 1", "No address"})
		page = director.look(address + "?paper=yes")
		page.expect(t, http.StatusOK, []string{"Unchanged 5", "Rejected 0", "There is nothing to save"})
		// The same from a file: shown before it is stored, and in what is rejected.
		page, address = director.upload("/people/import", strings.ReplaceAll(script, "/", "")+".csv", "e-mail,name,"+script+"\n"+script+",=1+1,"+script+"\nok@example.org,"+script+","+script+"\n")
		page.expect(t, http.StatusOK, []string{"Rejected 1", "New 1", "<script>alert(1)<script>.csv"}, "<script>alert", "ZgotmplZ")
		got = director.post(address, fieldsOf(t, page, address))
		director.look(got.location).expect(t, http.StatusOK, []string{"New 1"}, "<script>alert")
		if got := f.panelOf(t)["ok@example.org"]; got.Name != script {
			t.Errorf("stored %+v", got)
		}
	})
}

// Every kind of problem that a file can have is said in words of the workbench, in all its languages.
func TestProblemsOfRowsHaveWords(t *testing.T) {
	f, _ := newBench(t)
	for _, lang := range f.server.workbench.phrases.Languages() {
		r := room{Lang: lang, phrases: f.server.workbench.phrases}
		for _, problem := range []exchange.PersonProblem{
			exchange.ProblemNoAddress, exchange.ProblemAddress, exchange.ProblemRepeated, exchange.ProblemNoKey, exchange.ProblemKey, exchange.ProblemLanguage,
			exchange.ProblemLong, exchange.ProblemCharacters, exchange.ProblemActive, exchange.ProblemCells, exchange.ProblemQuote, exchange.ProblemFormula,
		} {
			if said := r.problemWords(problem); strings.HasPrefix(said, "[") {
				t.Errorf("%s: nothing is said of %q", lang, problem)
			}
		}
		for _, meaning := range exchange.PeopleMeanings() {
			if said := r.T("meaning_" + string(meaning)); strings.HasPrefix(said, "[") {
				t.Errorf("%s: nothing is said of a column that is %q", lang, meaning)
			}
		}
		for _, note := range exchange.ColumnNotes() {
			if said := r.With("column_"+string(note), "Column", "C"); strings.HasPrefix(said, "[") {
				t.Errorf("%s: nothing is said of a column with the note %q", lang, note)
			}
		}
		for _, state := range peopleStates() {
			if said := r.T("people_state_" + state); strings.HasPrefix(said, "[") {
				t.Errorf("%s: nothing is said of people who are %q", lang, state)
			}
		}
		for _, kind := range attributeTypes() {
			if said := r.T("attribute_type_" + string(kind)); strings.HasPrefix(said, "[") {
				t.Errorf("%s: nothing is said of %q", lang, kind)
			}
		}
	}
}

// What files, letters and receipts say in English is said in every language of the workbench, and in English in the
// same words.
func TestReasonsAreSaidInEveryLanguage(t *testing.T) {
	t.Parallel()
	phrases, err := survey.LoadPhrases(files, "phrases/workbench")
	if err != nil {
		t.Fatal(err)
	}
	english := room{Lang: survey.English, phrases: phrases}
	for _, lang := range phrases.Languages() {
		r := room{Lang: lang, phrases: phrases}
		check := func(what, said, inEnglish, written string) {
			t.Helper()
			switch {
			case said == "" || strings.Contains(said, "[") || strings.Contains(said, "<no value>"):
				t.Errorf("%s: of %s is said %q", lang, what, said)
			case inEnglish != written:
				t.Errorf("of %s the workbench says %q, and the program %q", what, inEnglish, written)
			case lang != survey.English && said == written:
				t.Errorf("%s: %s is said in English: %q", lang, what, said)
			}
		}
		for _, n := range []int{1, 2, 5, 22} {
			for _, reason := range exchange.RowReasons() {
				fault := exchange.RowFault{Reason: reason, Count: n, Limit: 64, Line: 1704, Text: "x"}
				why, todo := r.faultWords(fault)
				whyEnglish, todoEnglish := english.faultWords(fault)
				if said := fault.Explain(); strings.Contains(said, " 1 characters") || strings.HasPrefix(said, "1 characters") || strings.Contains(said, " 1 bytes") {
					whyEnglish = fault.Explain() // so few are never too many
				}
				check(string(reason), why, whyEnglish, fault.Explain())
				if fault.Advice() != exchange.NoAdvice {
					check(string(fault.Advice()), todo, todoEnglish, fault.Advise())
				}
			}
			for _, problem := range fieldwork.LetterProblems() {
				e := fieldwork.LetterError{Part: "text", Problem: problem, Count: 200 + n, Limit: 200, Name: "namn"}
				check(string(problem), letterProblem(r, &e), letterProblem(english, &e), "Text: "+e.Explain())
			}
			for _, part := range fieldwork.ReceiptParts() {
				check(string(part), r.receiptWords(part, n), english.receiptWords(part, n), part.English(n))
			}
		}
	}
	pl, ru := room{Lang: "pl", phrases: phrases}, room{Lang: "ru", phrases: phrases}
	for _, tt := range []struct{ got, want string }{
		{pl.receiptWords(fieldwork.ErasedResponses, 22), "odpowiedzi"},
		{pl.receiptWords(fieldwork.ErasedInvitations, 5), "zaproszeń: imię i nazwisko, link, kod dostępu"},
		{pl.receiptWords(fieldwork.ErasedInvitations, 22), "zaproszenia: imię i nazwisko, link, kod dostępu"},
		{room{Lang: "ro", phrases: phrases}.receiptWords(fieldwork.ErasedMails, 2), "e-mailuri, trimise sau în așteptare"},
		{ru.receiptWords(fieldwork.ErasedResponses, 21), "ответ"},
		{ru.receiptWords(fieldwork.ErasedResponses, 12), "ответов"},
	} {
		if tt.got != tt.want {
			t.Errorf("got %q; want %q", tt.got, tt.want)
		}
	}
}
