package exchange

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"

	"cxmirror/pkg/survey"
)

// aWorkbook makes a workbook with excelize, which reads and writes independently of this package.
func aWorkbook(tb testing.TB, fill func(f *excelize.File)) []byte {
	tb.Helper()
	f := excelize.NewFile()
	defer f.Close()
	fill(f)
	var b bytes.Buffer
	if _, err := f.WriteTo(&b); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

func setRow(tb testing.TB, f *excelize.File, cell string, values ...any) {
	tb.Helper()
	if err := f.SetSheetRow("Sheet1", cell, &values); err != nil {
		tb.Fatal(err)
	}
}

// must fails the test on an error of preparing it.
func must(tb testing.TB, errs ...error) {
	tb.Helper()
	for _, err := range errs {
		if err != nil {
			tb.Fatal(err)
		}
	}
}

// styled gives a cell a number format.
func styled(tb testing.TB, f *excelize.File, cell string, style *excelize.Style) {
	tb.Helper()
	id, err := f.NewStyle(style)
	must(tb, err, f.SetCellStyle("Sheet1", cell, cell, id))
}

func TestOpenPeopleWorkbook(t *testing.T) {
	padded, grouped, percent, day := "00000", "# ##0", "0.0%", `[$-415]d mmmm yyyy "r."`
	book := aWorkbook(t, func(f *excelize.File) {
		setRow(t, f, "A1", "Lista pracowników")
		must(t, f.MergeCell("Sheet1", "A1", "G1"))
		setRow(t, f, "A3", "Nr ewidencyjny", "Imię i nazwisko", "E-mail", "Dział", "Data zatrudnienia", "Etat", "Staż", nil, nil)
		setRow(t, f, "A4", 17, "Zażółć Gęślą", "zazolc@firma.pl", "Księgowość", 45000, 0.5, 12345.678)
		setRow(t, f, "A5", 18, "Ewa Żak", "ewa@firma.pl", nil, time.Date(2020, 2, 29, 0, 0, 0, 0, time.UTC), 1, 3)
		setRow(t, f, "A6", 19, "Jan Lis", "jan@firma.pl", nil, nil, true, nil)
		must(t, f.MergeCell("Sheet1", "D4", "D6"))
		setRow(t, f, "A8", 20, "Adam Ćma", "adam@firma.pl", "IT\nHelpdesk")
		setRow(t, f, "A9", 21, "=HYPERLINK(\"x\")", "ola@firma.pl", "HR")
		for _, row := range []string{"4", "5", "6", "8", "9"} {
			styled(t, f, "A"+row, &excelize.Style{CustomNumFmt: &padded})
		}
		styled(t, f, "E4", &excelize.Style{CustomNumFmt: &day})
		styled(t, f, "E5", &excelize.Style{NumFmt: 14})
		styled(t, f, "F4", &excelize.Style{CustomNumFmt: &percent})
		styled(t, f, "G4", &excelize.Style{CustomNumFmt: &grouped})
		styled(t, f, "J12", &excelize.Style{CustomNumFmt: &padded}) // a cell with a colour and nothing in it
	})
	want := `4 00017 <zazolc@firma.pl> "Zażółć Gęślą" department=Księgowość etat=50.0% hired=2023-03-15 staz=12 346
5 00018 <ewa@firma.pl> "Ewa Żak" department=Księgowość etat=1 hired=2020-02-29 staz=3
6 00019 <jan@firma.pl> "Jan Lis" department=Księgowość etat=TRUE
8 00020 <adam@firma.pl> "Adam Ćma" department=IT Helpdesk
9 00021 <ola@firma.pl> "=HYPERLINK(\"x\")" department=HR
`
	if diff := cmp.Diff(want, peopleTranscript(bytes.NewReader(book), "people.xlsx", PeopleOptions{})); diff != "" {
		t.Errorf("want -, got +\n%s", diff)
	}
	// The name of a file says nothing: what it holds does.
	if diff := cmp.Diff(want, peopleTranscript(bytes.NewReader(book), "people.csv", PeopleOptions{})); diff != "" {
		t.Errorf("called CSV: want -, got +\n%s", diff)
	}
}

// Formulas are not calculated: what the workbook says they gave is read, and what was never calculated is named.
func TestOpenPeopleWorkbookFormulas(t *testing.T) {
	book := rawWorkbook(t, `<row r="1"><c t="inlineStr" r="A1"><is><t>email</t></is></c><c r="B1" t="inlineStr"><is><r><t>na</t></r><r><t>me</t></r><rPh><t>x</t></rPh></is></c></row>`+
		`<row r="2"><c r="A2" t="str"><f>LOWER("A@X.PL")</f><v>a@x.pl</v></c><c r="B2" t="inlineStr"><is><t>A &amp; _x0041_</t></is></c></row>`+
		`<row r="3"><c r="A3"><f>LOWER("B@X.PL")</f></c></row>`+
		`<row r="4"><c r="A4" t="e"><f>NA()</f><v>#N/A</v></c></row>`+
		`<row><c t="inlineStr"><is><t>c@x.pl</t></is></c><c t="str"><f>""</f><v></v></c></row>`)
	want := `2 a@x.pl <a@x.pl> "A & A"
- people.xlsx:3: A (email): a formula that was never calculated; open the workbook in a spreadsheet program and save it, or write the value instead; formulas are not calculated here [formula without a value]
- people.xlsx:4: A (email): "#N/A": an error of a formula; put the formula right, or write the value instead [address malformed]
5 c@x.pl <c@x.pl> ""
`
	if diff := cmp.Diff(want, peopleTranscript(bytes.NewReader(book), "people.xlsx", PeopleOptions{})); diff != "" {
		t.Errorf("want -, got +\n%s", diff)
	}
}

// rawWorkbook makes a workbook of the rows of a sheet, as XML.
func rawWorkbook(tb testing.TB, rows string) []byte {
	tb.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, part := range [][2]string{
		{"[Content_Types].xml", `<Types/>`},
		{"_rels/.rels", `<Relationships><Relationship Id="r1" Type="http://x/officeDocument" Target="xl/workbook.xml"/></Relationships>`},
		{"xl/workbook.xml", `<workbook xmlns:r="http://r"><sheets><sheet name="H" state="hidden" r:id="r9"/><sheet name="S" r:id="r1"/></sheets></workbook>`},
		{"xl/_rels/workbook.xml.rels", `<Relationships><Relationship Id="r1" Type="http://x/worksheet" Target="/xl/worksheets/sheet1.xml"/></Relationships>`},
		{"xl/worksheets/sheet1.xml", `<worksheet><sheetData>` + rows + `</sheetData></worksheet>`},
	} {
		f, err := w.Create(part[0])
		must(tb, err)
		_, err = io.WriteString(f, part[1])
		must(tb, err)
	}
	must(tb, w.Close())
	return b.Bytes()
}

func TestOpenPeopleWorkbookSheets(t *testing.T) {
	book := aWorkbook(t, func(f *excelize.File) {
		setRow(t, f, "A1", "email")
		_, err := f.NewSheet("Druga")
		must(t, err, f.SetSheetRow("Druga", "A1", &[]any{"email"}), f.SetSheetRow("Druga", "A2", &[]any{"b@x.pl"}))
	})
	if got, want := peopleTranscript(bytes.NewReader(book), "p.xlsx", PeopleOptions{Sheet: "Druga"}), "2 b@x.pl <b@x.pl> \"\"\n"; got != want {
		t.Errorf("got %swant %s", got, want)
	}
	if got, want := peopleTranscript(bytes.NewReader(book), "p.xlsx", PeopleOptions{Sheet: "Trzecia"}), `no sheet "Trzecia"; its sheets are Sheet1, Druga`; !strings.Contains(got, want) {
		t.Errorf("got %swant %s", got, want)
	}
	p, err := OpenPeople(bytes.NewReader(book), "p.xlsx", PeopleOptions{})
	must(t, err)
	if r := p.Report(); r.Sheet != "Sheet1" || !slices.Equal(r.Sheets, []string{"Sheet1", "Druga"}) {
		t.Errorf("%+v", r)
	}
}

func TestOpenPeopleWorkbookDamaged(t *testing.T) {
	whole := aWorkbook(t, func(f *excelize.File) { setRow(t, f, "A1", "email"); setRow(t, f, "A2", "a@x.pl") })
	tests := []struct {
		name, want string
		file       []byte
	}{
		{"cut short", "cannot be unpacked", whole[:len(whole)/2]},
		{"breaks off", "is damaged after this row", rawWorkbook(t, `<row r="1"><c t="inlineStr"><is><t>email</t></is></c></row><row r="2"><c`)},
		{"a gigantic cell", "is damaged after this row (row too long)", rawWorkbook(t, `<row r="1"><c t="inlineStr"><is><t>email</t></is></c></row><row r="2"><c t="inlineStr"><is><t>`+strings.Repeat("a", 8<<20)+`</t></is></c></row>`)},
		{"a text that is missing", "refers to text", rawWorkbook(t, `<row r="1"><c t="s"><v>7</v></c></row>`)},
		{"rows that go back", "a row is called", rawWorkbook(t, `<row r="7"><c><v>7</v></c></row><row r="2"/>`)},
		{"another zip", "not a workbook", func() []byte {
			var b bytes.Buffer
			w := zip.NewWriter(&b)
			_, err := w.Create("people.csv")
			must(t, err, w.Close())
			return b.Bytes()
		}()},
		{"too large", "larger than 64 MB", append([]byte("PK\x03\x04"), make([]byte, MaxWorkbook)...)},
		{"nothing in it", "the file is empty", rawWorkbook(t, "")},
	}
	for _, tt := range tests {
		if got := peopleTranscript(bytes.NewReader(tt.file), "p.xlsx", PeopleOptions{}); !strings.Contains(got, tt.want) {
			t.Errorf("%s: got %swant %s", tt.name, got, tt.want)
		}
	}
}

// panelOf returns people with everything that could be lost on the way.
func panelOf() ([]survey.Attribute, []survey.Person) {
	attributes := []survey.Attribute{{Key: "department"}, {Key: "phone"}, {Key: "mail"}, {Key: "hired"}}
	return attributes, []survey.Person{
		{Key: "00017", Address: "zazolc@firma.pl", Name: "Zażółć Gęślą", Language: "pl", Active: true, Attributes: map[string]string{"department": "=Księgowość", "phone": "+48 12", "mail": "'=x"}},
		{Key: "=2+3", Name: `Анна "Аня" Щукина; Олеговна, мл.`, Language: "ru", Active: false, Attributes: map[string]string{"hired": "2020-02-29", "phone": "-5"}},
		{Key: "@x", Address: "o'neil+x@firma.ro", Name: "'Ștefan", Active: true, Attributes: map[string]string{"department": "007"}},
		{Key: "ż", Active: true, Attributes: map[string]string{}},
	}
}

func TestWritePeople(t *testing.T) {
	attributes, people := panelOf()
	for _, format := range []PeopleFormat{PeopleCSV, PeopleWorkbook} {
		t.Run(string(format), func(t *testing.T) {
			var b bytes.Buffer
			must(t, WritePeople(&b, format, attributes, func(yield func(survey.Person, error) bool) {
				for _, p := range people {
					if !yield(p, nil) {
						return
					}
				}
			}))
			if format == PeopleCSV {
				for line := range strings.Lines(b.String()) {
					for cell := range strings.SplitSeq(strings.TrimPrefix(line, "\uFEFF"), ",") {
						if cell = strings.TrimPrefix(cell, `"`); cell != "" && strings.ContainsRune("=+-@", rune(cell[0])) {
							t.Errorf("a spreadsheet would calculate %q", cell)
						}
					}
				}
			}
			p, err := OpenPeople(&b, "panel", PeopleOptions{OnPaper: true})
			must(t, err)
			var got []survey.Person
			for _, person := range p.People() {
				got = append(got, person)
			}
			if diff := cmp.Diff(people, got); diff != "" || p.Err() != nil || p.Report().Rejected > 0 {
				t.Errorf("written -, read +\n%s%v %+v", diff, p.Err(), p.Report())
			}
		})
	}
	failure := fmt.Errorf("the database is away")
	err := WritePeople(io.Discard, PeopleCSV, nil, func(yield func(survey.Person, error) bool) { yield(survey.Person{}, failure) })
	if err != failure { //nolint:errorlint // it must come back as it is
		t.Errorf("error %v; want %v", err, failure)
	}
}

func TestWriteProblems(t *testing.T) {
	const file = "Lista\n\nE-mail;Name;Team\na@x.pl;Anna;'=1+1\nbad;'=Ewa;T\nc@x.pl;\"C;T\nd@x.pl;D;T;U\n"
	tests := []struct {
		name   string
		wanted ProblemsFile
		want   string
	}{
		{"rejected", ProblemsFile{}, "\uFEFFE-mail;Name;Team;problem\n" +
			"bad;'=Ewa;T;\"A (E-mail): \"\"bad\"\": no @ in it; an address reads name@company.com\"\n" +
			"c@x.pl;\"\"\"C\";T;\"the quote that opens in line 6 at character 8 is never closed; close it where the cell ends, or leave it out\"\n" +
			"d@x.pl;D;T;\"the row has 4 cells, the header names 3; probably a text with the delimiter in it: put it in quotes | beyond the last column stands \"\"U\"\"\"\n"},
		{"all, and one more", ProblemsFile{All: true, Also: func(line int) string { return map[int]string{4: "known to another panel"}[line] }}, "\uFEFFE-mail;Name;Team;problem\n" +
			"a@x.pl;Anna;'=1+1;known to another panel\n" +
			"bad;'=Ewa;T;\"A (E-mail): \"\"bad\"\": no @ in it; an address reads name@company.com\"\n" +
			"c@x.pl;\"\"\"C\";T;\"the quote that opens in line 6 at character 8 is never closed; close it where the cell ends, or leave it out\"\n" +
			"d@x.pl;D;T;\"the row has 4 cells, the header names 3; probably a text with the delimiter in it: put it in quotes | beyond the last column stands \"\"U\"\"\"\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var b bytes.Buffer
			n, err := WriteProblems(&b, strings.NewReader(file), "people.csv", PeopleOptions{}, tt.wanted)
			must(t, err)
			if diff := cmp.Diff(tt.want, strings.ReplaceAll(b.String(), "\r\n", "\n")); diff != "" || n != strings.Count(tt.want, "\n")-1 {
				t.Errorf("%d rows, want -, got +\n%s", n, diff)
			}
			// Given back, and read as it is, it says the same of each row: nothing is accepted that was not.
			again, err := OpenPeople(&b, "people.csv", PeopleOptions{})
			must(t, err)
			for _, person := range again.People() {
				if person.Address != "a@x.pl" && person.Address != "d@x.pl" {
					t.Errorf("accepted %+v", person)
				}
				if person.Address == "a@x.pl" && person.Attributes["team"] != "=1+1" {
					t.Errorf("read %+v", person)
				}
			}
		})
	}
}

func TestWriteProblemsWorkbook(t *testing.T) {
	book := aWorkbook(t, func(f *excelize.File) {
		must(t, f.SetSheetName("Sheet1", "Kadry"))
		for i, row := range [][]any{{"Nr ewidencyjny", "E-mail", "Dział"}, {17, "a@x.pl", "IT"}, {18, "bad", "'=HR"}, {19, "", "IT"}} {
			must(t, f.SetSheetRow("Kadry", fmt.Sprintf("A%d", i+1), &row))
		}
	})
	var b bytes.Buffer
	n, err := WriteProblems(&b, bytes.NewReader(book), "people.xlsx", PeopleOptions{}, ProblemsFile{})
	must(t, err)
	f, err := excelize.OpenReader(bytes.NewReader(b.Bytes()))
	must(t, err)
	defer f.Close()
	got, err := f.GetRows("Kadry")
	must(t, err)
	want := [][]string{
		{"Nr ewidencyjny", "E-mail", "Dział", "problem"},
		{"18", "bad", "'=HR", `B (E-mail): "bad": no @ in it; an address reads name@company.com`},
		{"19", "", "IT", "B (E-mail): no address; add it, or allow people without address, who get access codes on paper"},
	}
	if diff := cmp.Diff(want, got); diff != "" || n != 2 {
		t.Errorf("%d rows, want -, got +\n%s", n, diff)
	}
}
