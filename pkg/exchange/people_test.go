package exchange

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	utf "golang.org/x/text/encoding/unicode"

	"cxmirror/pkg/survey"
)

// encode writes a text in an encoding.
func encode(tb testing.TB, in encoding.Encoding, text string) []byte {
	tb.Helper()
	encoded, err := in.NewEncoder().Bytes([]byte(text))
	if err != nil {
		tb.Fatal(err)
	}
	return encoded
}

// peopleTranscript reads people and tells all that comes of it.
func peopleTranscript(r io.Reader, name string, options PeopleOptions) string {
	var b strings.Builder
	options.OnReject = func(r PersonRejection) { fmt.Fprintf(&b, "- %s [%s]\n", r, r.Problem) }
	p, err := OpenPeople(r, name, options)
	if err != nil {
		return "error: " + err.Error() + "\n"
	}
	for line, person := range p.People() {
		fmt.Fprintf(&b, "%d %s <%s> %q", line, person.Key, person.Address, person.Name)
		if person.Language != "" {
			fmt.Fprintf(&b, " %s", person.Language)
		}
		if !person.Active {
			b.WriteString(" inactive")
		}
		for _, key := range slices.Sorted(maps.Keys(person.Attributes)) {
			fmt.Fprintf(&b, " %s=%s", key, person.Attributes[key])
		}
		b.WriteByte('\n')
	}
	if err := p.Err(); err != nil {
		fmt.Fprintf(&b, "error: %v\n", err)
	}
	report := p.Report()
	if report.Rows != report.Accepted+report.Rejected {
		fmt.Fprintf(&b, "THE COUNTS DO NOT ADD UP: %+v\n", report)
	}
	return b.String()
}

// Files as the programs of people's offices write them.
func TestOpenPeopleOfOffices(t *testing.T) {
	const polish = "Imię i nazwisko;Adres e-mail;Dział;Szczebel;Język\r\n" +
		"Zażółć Gęślą;zazolc@firma.pl;Księgowość;kierownik;polski\r\n" +
		"Michał Świątek;m.swiatek@firma.pl;Obsługa;specjalista;PL\r\n"
	const polishWant = `2 zazolc@firma.pl <zazolc@firma.pl> "Zażółć Gęślą" pl department=Księgowość level=kierownik
3 m.swiatek@firma.pl <m.swiatek@firma.pl> "Michał Świątek" pl department=Obsługa level=specjalista
`
	const russian = "Фамилия;Имя;Отчество;Электронная почта;Отдел;Табельный номер\r\n" +
		"Щукина;Анна;Петровна;anna@firma.ru;Бухгалтерия;00017\r\n"
	const russianWant = `2 00017 <anna@firma.ru> "Анна Петровна Щукина" department=Бухгалтерия
`
	const romanian = "Nume,Prenume,Adresă de e-mail,Departament\nȚîrdea,Ștefan,stefan@firma.ro,Achiziții\n"
	tests := []struct {
		name, file, want, encoding string
		content                    []byte
	}{
		{"Excel in Poland", "people.csv", polishWant, "windows-1250", encode(t, charmap.Windows1250, polish)},
		{"ISO 8859-2", "people.csv", polishWant, "iso-8859-2", encode(t, charmap.ISO8859_2, polish)},
		{"Excel, CSV UTF-8", "people.csv", polishWant, "utf-8", []byte("\xef\xbb\xbf" + polish)},
		{"Excel, Unicode text", "people.txt", polishWant, "utf-16le", encode(t, utf.UTF16(utf.LittleEndian, utf.ExpectBOM), strings.ReplaceAll(polish, ";", "\t"))},
		{"LibreOffice, UTF-16", "people.csv", polishWant, "utf-16be", encode(t, utf.UTF16(utf.BigEndian, utf.UseBOM), strings.ReplaceAll(polish, ";", "\t"))},
		{"UTF-16 without mark", "people.csv", polishWant, "utf-16le", encode(t, utf.UTF16(utf.LittleEndian, utf.IgnoreBOM), polish)},
		{"Google Sheets", "people.csv", polishWant, "utf-8", []byte(strings.ReplaceAll(polish, ";", ","))},
		{"old Mac line ends", "people.csv", polishWant, "utf-8", []byte(strings.ReplaceAll(polish, "\r\n", "\r"))},
		{"declared delimiter", "people.csv", strings.ReplaceAll(strings.ReplaceAll(polishWant, "3 m", "4 m"), "2 z", "3 z"), "windows-1250", encode(t, charmap.Windows1250, "sep=;\r\n"+polish)},
		{"Excel in Russia", "people.csv", russianWant, "windows-1251", encode(t, charmap.Windows1251, russian)},
		{"Russian, UTF-8", "people.csv", russianWant, "utf-8", []byte(russian)},
		{"Romanian", "people.csv", "2 stefan@firma.ro <stefan@firma.ro> \"Ștefan Țîrdea\" department=Achiziții\n", "utf-8", []byte(romanian)},
		{
			"Excel in Romania", "people.csv", "2 stefan@firma.ro <stefan@firma.ro> \"Ştefan Ţîrdea\" department=Achiziţii\n", "windows-1250",
			encode(t, charmap.Windows1250, strings.NewReplacer("ț", "ţ", "Ț", "Ţ", "ș", "ş", "Ș", "Ş").Replace(romanian)),
		},
		{"Western", "people.csv", "2 k@f.de <k@f.de> \"Jörg Müßig\" city=Nürnberg\n", "", encode(t, charmap.Windows1252, "Name;E-Mail;City\nJörg Müßig;k@f.de;Nürnberg\n")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := peopleTranscript(bytes.NewReader(tt.content), tt.file, PeopleOptions{})
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("want -, got +\n%s", diff)
			}
			p, err := OpenPeople(bytes.NewReader(tt.content), tt.file, PeopleOptions{})
			if err != nil {
				t.Fatal(err)
			}
			for range p.People() {
			}
			if got := p.Report().Encoding; tt.encoding != "" && got != tt.encoding {
				t.Errorf("encoding %s; want %s", got, tt.encoding)
			}
		})
	}
}

// An encoding shows at the first letter that is not ASCII, which may stand far down.
func TestOpenPeopleFarLetters(t *testing.T) {
	for _, in := range []encoding.Encoding{charmap.Windows1250, charmap.Windows1251, utf.UTF8} {
		var b strings.Builder
		b.WriteString("email;name\n")
		for i := range 20_000 {
			fmt.Fprintf(&b, "p%d@example.com;Person %d\n", i, i)
		}
		name := map[bool]string{true: "Żaneta Wąśniewska", false: "Анна Щукина"}[in == charmap.Windows1250]
		fmt.Fprintf(&b, "last@example.com;%s\n", name)
		p, err := OpenPeople(bytes.NewReader(encode(t, in, b.String())), "people.csv", PeopleOptions{})
		if err != nil {
			t.Fatal(err)
		}
		last, n := survey.Person{}, 0
		for _, last = range p.People() {
			n++
		}
		if p.Err() != nil || n != 20_001 || last.Name != name {
			t.Errorf("%v: %d people, the last %q, %v; want 20001, %q", in, n, last.Name, p.Err(), name)
		}
	}
}

// Where two encodings fit, the reader says so and shows both.
func TestOpenPeopleAsks(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"ą or š", "email;name\nk@f.pl;G\xb9ska\n", `people.csv: the file is not UTF-8, and may be windows-1250 ("Gąska") or iso-8859-2 ("Gšska"): say which encoding it is`},
		{"no language", "email;name\nk@f.pl;\x80\x81\x82\x83\x84\x85\n", "its encoding cannot be recognised"},
		{"zero bytes", "email;name\nk@f.pl;a\x00b\n", "zero bytes"},
	}
	for _, tt := range tests {
		if got := peopleTranscript(strings.NewReader(tt.text), "people.csv", PeopleOptions{}); !strings.Contains(got, tt.want) {
			t.Errorf("%s: got %swant %s", tt.name, got, tt.want)
		}
	}
	got := peopleTranscript(strings.NewReader(tests[0].text), "people.csv", PeopleOptions{Encoding: "windows-1250"})
	if want := "2 k@f.pl <k@f.pl> \"Gąska\"\n"; got != want {
		t.Errorf("told the encoding: got %swant %s", got, want)
	}
	if got := peopleTranscript(strings.NewReader(tests[0].text), "people.csv", PeopleOptions{Encoding: "klingon"}); !strings.Contains(got, `no encoding is called "klingon"`) {
		t.Error(got)
	}
}

func TestPeopleProblems(t *testing.T) {
	long := strings.Repeat("a", 300)
	tests := []struct {
		name, text, want string
		options          PeopleOptions
	}{
		{
			name: "addresses", text: "E-mail,Name\n" +
				",Nobody\n" +
				"jan.kowalski,No at\n" +
				"jan kowalski@firma.pl,Blank\n" +
				"a@firma.pl; b@firma.pl,Two\n" +
				"jan@firma,No dot\n" +
				"jan..k@firma.pl,Dots\n" +
				"jan@firma.pl.,Dot at the end\n" +
				"jаn@firma.pl,Cyrillic a\n" +
				long + "@firma.pl,Long\n" +
				strings.Repeat("a", 65) + "@firma.pl,Long local\n" +
				"jan@-firma.pl,Hyphen\n" +
				"jan@127.0.0.1,Machine\n" +
				"ok@FIRMA.pl,Fine\n" +
				"mailto:Two@firma.pl,Fine too\n" +
				"\"Kowalski, Jan <Three@firma.pl>\",\n",
			want: `- people.csv:2: A (E-mail): no address; add it, or allow people without address, who get access codes on paper [address missing]
- people.csv:3: A (E-mail): "jan.kowalski": no @ in it; an address reads name@company.com [address malformed]
- people.csv:4: A (E-mail): "jan kowalski@firma.pl": a blank in it; an address reads name@company.com [address malformed]
- people.csv:5: A (E-mail): "a@firma.pl; b@firma.pl": more than one address, or a comma in it; leave one address; other people take rows of their own [address malformed]
- people.csv:6: A (E-mail): "jan@firma": the domain "firma" has no dot; an address reads name@company.com [address malformed]
- people.csv:7: A (E-mail): "jan..k@firma.pl": characters or dots that an address cannot have there; an address reads name@company.com [address malformed]
- people.csv:8: A (E-mail): "jan@firma.pl.": characters or dots that an address cannot have there; an address reads name@company.com [address malformed]
- people.csv:9: A (E-mail): "jаn@firma.pl": the letter 'а', which is not of the Latin alphabet without accents; type the address anew: a letter may only look Latin; of a domain with such letters, take the form that begins with xn-- [address malformed]
- people.csv:10: A (E-mail): "` + long[:60] + `…": an address of 309 characters, mail takes at most 254; probably texts of several cells were joined; an address reads name@company.com [address malformed]
- people.csv:11: A (E-mail): "` + long[:60] + `…": 65 characters before the @, mail takes at most 64; an address reads name@company.com [address malformed]
- people.csv:12: A (E-mail): "jan@-firma.pl": a part of the domain "-firma.pl" begins or ends with a hyphen; an address reads name@company.com [address malformed]
- people.csv:13: A (E-mail): "jan@127.0.0.1": no domain ends in .1; an address reads name@company.com [address malformed]
14 ok@firma.pl <ok@firma.pl> "Fine"
15 two@firma.pl <Two@firma.pl> "Fine too"
16 three@firma.pl <Three@firma.pl> "Kowalski, Jan"
`,
		},
		{
			name: "people twice", text: "id;email\n7;a@x.pl\n8;A@X.pl\n7;b@x.pl\n;c@x.pl\n9;bad\n9;d@x.pl\n",
			want: `2 7 <a@x.pl> ""
- people.csv:3: B (email): "A@X.pl": the address stands in line 2 already; leave one of the two rows, or give each person an address of her own [person repeated]
- people.csv:4: A (id): "7": the identifier stands in line 2 already; leave one of the two rows [person repeated]
- people.csv:5: A (id): no identifier, though the file has a column for it; add it, or ignore that column: then the address is the identifier [identifier missing]
- people.csv:6: B (email): "bad": no @ in it; an address reads name@company.com [address malformed]
7 9 <d@x.pl> ""
`,
		},
		{
			name: "injection", text: "email,name,team\n\"a@x.pl\r\nBcc: b@x.pl\",A,T\n\"b@x.pl\",\"B\r\nBcc: c@x.pl\",T\nc@x.pl,C\u202e,T\nd@x.pl,D\x07,T\ne@x.pl,E,\"two\nlines\"\nf@x.pl,F,#REF!\ng@x.pl,G\ufffd,T\n",
			want: `- people.csv:2: A (email): "a@x.pl␊Bcc: b@x.pl": a line break inside; leave one line: what follows a line break could become a line of the mail's header [address malformed]
- people.csv:4: B (name): "B␊Bcc: c@x.pl": a line break inside; leave one line: what follows a line break could become a line of the mail's header [characters not allowed]
- people.csv:6: B (name): "C` + "\ufffd" + `": a control character (U+202E); delete it, or type the text anew [characters not allowed]
- people.csv:7: B (name): "D␇": a control character (U+0007); delete it, or type the text anew [characters not allowed]
8 e@x.pl <e@x.pl> "E" team=two lines
- people.csv:10: C (team): "#REF!": an error of a formula; put the formula right, or write the value instead [characters not allowed]
- people.csv:11: B (name): "G` + "\ufffd" + `": a letter that was lost (` + "\ufffd" + `); correct it; if there are many, the file was read or saved in the wrong encoding: save it as "CSV UTF-8" or .xlsx [characters not allowed]
`,
		},
		{
			name: "languages", text: "email,language\na@x.pl,pl\nb@x.pl,Русский\nc@x.pl,română\nd@x.pl,klingon\ne@x.pl,\nf@x.pl,en_GB\ng@x.pl,de\n", options: PeopleOptions{Languages: []survey.Language{"en", "pl", "ro", "ru"}},
			want: `2 a@x.pl <a@x.pl> "" pl
3 b@x.pl <b@x.pl> "" ru
4 c@x.pl <c@x.pl> "" ro
- people.csv:5: B (language): "klingon": no language that people can be written to in; write one of en, pl, ro, ru, leave it blank, or choose a language for all whose own is not there [language unknown]
6 e@x.pl <e@x.pl> ""
7 f@x.pl <f@x.pl> "" en
- people.csv:8: B (language): "de": no language that people can be written to in; write one of en, pl, ro, ru, leave it blank, or choose a language for all whose own is not there [language unknown]
`,
		},
		{
			name: "language of all others", text: "email,language\nd@x.pl,klingon\n", options: PeopleOptions{Languages: []survey.Language{"en"}, Fallback: "en"},
			want: "2 d@x.pl <d@x.pl> \"\" en\n",
		},
		{
			name: "long texts", text: "email,name,team\na@x.pl," + strings.Repeat("ż", 201) + ",T\nb@x.pl,B," + long + "\nc@x.pl," + strings.Repeat("ż", 200) + ",T\n",
			want: `- people.csv:2: B (name): "` + strings.Repeat("ż", 60) + `…": the name has 201 characters, at most 200 are kept; shorten it [text too long]
- people.csv:3: C (team): "` + long[:60] + `…": 300 characters, at most 200 are kept of an attribute; shorten it, or ignore the column if it holds remarks [text too long]
4 c@x.pl <c@x.pl> "` + strings.Repeat("ż", 200) + `" team=T
`,
		},
		{
			name: "cells", text: "email,name,team\na@x.pl,A\nb@x.pl,B,T,U\nc@x.pl,C,T,,\n\n,,\nd@x.pl,D,T\n",
			want: `- people.csv:2: the row ends after 2 cells, the header names 3; probably a cell or a line end is missing or too many; separate blank cells, too [wrong number of cells]
- people.csv:3: the row has 4 cells, the header names 3; probably a text with the delimiter in it: put it in quotes [wrong number of cells]
4 c@x.pl <c@x.pl> "C" team=T
7 d@x.pl <d@x.pl> "D" team=T
`,
		},
		{
			name: "a quote left open", text: "email,name,team\na@x.pl,\"A,T\nb@x.pl,\"B\",T\nc@x.pl,\"C,T\nd@x.pl,D,T\n",
			want: `- people.csv:2: the quote that opens in line 2 at character 8 is followed by another inside the cell; write quotes that belong to the text twice, or leave them out [quotes left open]
3 b@x.pl <b@x.pl> "B" team=T
- people.csv:4: the quote that opens in line 4 at character 8 is never closed; close it where the cell ends, or leave it out [quotes left open]
5 d@x.pl <d@x.pl> "D" team=T
`,
		},
		{
			name: "quotes inside", text: "email,name\na@x.pl,Jan \"Johnny\" K\nb@x.pl,\"Jan \"\"Johnny\"\" K\"\nc@x.pl,\"Jan \"Johnny\" K\"\n",
			want: `2 a@x.pl <a@x.pl> "Jan \"Johnny\" K"
3 b@x.pl <b@x.pl> "Jan \"Johnny\" K"
- people.csv:4: the quote that opens in line 4 at character 8 is followed by another inside the cell; write quotes that belong to the text twice, or leave them out [quotes left open]
`,
		},
		{
			name: "formulas are text", text: "email,name,team\na@x.pl,'=1+1,\"=cmd|' /C calc'!A0\"\n",
			want: "2 a@x.pl <a@x.pl> \"=1+1\" team==cmd|' /C calc'!A0\n",
		},
		{
			name: "active", text: "email,aktywny\na@x.pl,tak\nb@x.pl,nie\nc@x.pl,\nd@x.pl,może\n",
			want: `2 a@x.pl <a@x.pl> ""
3 b@x.pl <b@x.pl> "" inactive
4 c@x.pl <c@x.pl> ""
- people.csv:5: B (aktywny): "może": neither yes nor no; write yes, no, or leave it blank for yes [neither yes nor no]
`,
		},
		{name: "codes on paper", text: "id,email,name\n1,,Anna\n2,b@x.pl,\n", options: PeopleOptions{OnPaper: true}, want: "2 1 <> \"Anna\"\n3 2 <b@x.pl> \"\"\n"},
		{
			name: "codes on paper, nobody to know", text: "email,name\n,Anna\nb@x.pl,\n", options: PeopleOptions{OnPaper: true},
			want: "- people.csv:2: neither an address nor an identifier; add one: without it the person cannot be found again [identifier missing]\n3 b@x.pl <b@x.pl> \"\"\n",
		},
		{
			name: "two problems", text: "email,language\nbad,klingon\n",
			want: "- people.csv:2: A (email): \"bad\": no @ in it; an address reads name@company.com [address malformed]\n" +
				"- people.csv:2: B (language): \"klingon\": no language that people can be written to in; write one of bg, cs, de, en, es, fr, hu, it, lt, lv, pl, ro, ru, sk, uk, leave it blank, or choose a language for all whose own is not there [language unknown]\n",
		},
		{
			name: "too many", text: "email\na@x.pl\nb@x.pl\nc@x.pl\n", options: PeopleOptions{MaxRows: 2},
			want: "2 a@x.pl <a@x.pl> \"\"\n3 b@x.pl <b@x.pl> \"\"\nerror: people.csv:4: the file has more than 2 rows of people: divide it, and import the parts one after the other\n",
		},
		{
			name: "a broken letter", text: "email;name\na@x.pl;Żółć\nb@x.pl;\xa3\nc@x.pl;Gęś\n",
			want: "2 a@x.pl <a@x.pl> \"Żółć\"\n- people.csv:3: B (name): \"\ufffd\": a letter that was lost (\ufffd); correct it; if there are many, the file was read or saved in the wrong encoding: save it as \"CSV UTF-8\" or .xlsx [characters not allowed]\n4 c@x.pl <c@x.pl> \"Gęś\"\n",
		},
		{name: "empty", text: "", want: "error: people.csv: the file is empty: a header row with the names of the columns is expected\n"},
		{name: "header alone", text: "email;name\n", want: ""},
		{name: "old workbook", text: "\xd0\xcf\x11\xe0....", want: "error: people.csv: this is a workbook of Excel 97, or one that is locked with a password: save it as .xlsx without password\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, peopleTranscript(strings.NewReader(tt.text), "people.csv", tt.options)); diff != "" {
				t.Errorf("want -, got +\n%s", diff)
			}
		})
	}
}

// columnsOf tells what columns are taken for, in one line.
func columnsOf(columns []PeopleColumn) string {
	var b strings.Builder
	for i, c := range columns {
		if i > 0 {
			b.WriteString(" ")
		}
		fmt.Fprintf(&b, "%s:%s", c.Letter, c.Meaning)
		if c.Attribute != "" {
			fmt.Fprintf(&b, "=%s", c.Attribute)
		}
	}
	return b.String()
}

func TestPeopleColumns(t *testing.T) {
	tests := []struct {
		name, text, want string
		columns          map[string]ColumnUse
	}{
		{"titles above", "Lista pracowników 2026;;;\n;;;\nLp.;Nazwisko;Imię;E-mail służbowy\n1;Kowalska;Anna;a@x.pl\n", "A:ignored B:family_name C:given_name D:address", nil},
		{"no header", "a@x.pl;Anna\nb@x.pl;Beata\n", "A:address B:ignored", nil},
		{"no header, one column", "a@x.pl\nb@x.pl\n", "A:address", nil},
		{"nobody's names", "Kto;Gdzie pisać\nAnna;a@x.pl\n", "A:attribute=kto B:address", nil},
		{"private address", "E-mail prywatny;E-mail\na@p.pl;a@x.pl\n", "A:ignored B:address", nil},
		{"address of the manager", "E-mail przełożonego;E-mail\na@p.pl;a@x.pl\n", "A:ignored B:address", nil},
		{"streets", "Adres;Poczta;Miasto\nul. Długa 5;a@x.pl;Łódź\n", "A:ignored B:address C:attribute=city", nil},
		{"adres of mail", "Imię;Adres\nAnna;a@x.pl\n", "A:given_name B:address", nil},
		{"what is not needed", "E-mail;PESEL;Data urodzenia;Telefon;Wynagrodzenie\na@x.pl;1;2;3;4\n", "A:address B:ignored C:ignored D:ignored E:ignored", nil},
		{"the same twice", "E-mail;Dział;Department;Staż pracy\na@x.pl;A;B;5\n", "A:address B:attribute=department C:attribute=department_2 D:attribute=staz_pracy", nil},
		{"Russian attributes", "Почта;Отдел;Объект обслуживания\na@x.ru;A;B\n", "A:address B:attribute=department C:attribute=obekt_obsluzhivaniia", nil},
		{"blank column", "E-mail;;Team\na@x.pl;;B\n", "A:address B:ignored C:attribute=team", nil},
		{"chosen", "E-mail;Ort;Kod\na@x.pl;Łódź;7\n", "A:address B:attribute=location C:ignored", map[string]ColumnUse{"Ort": {Meaning: AttributeColumn, Attribute: "location"}, "$C": {Meaning: IgnoredColumn}}},
		{"chosen address", "E-mail;E-mail 2\na@x.pl;b@x.pl\n", "A:ignored B:address", map[string]ColumnUse{"$B": {Meaning: AddressColumn}}},
		{"values that are names of columns", "Kto;E-mail;Rola\nAnna;a@x.pl;Manager\nEwa;b@x.pl;Manager\n", "A:attribute=kto B:address C:attribute=position", nil},
		{
			"a directory", "userPrincipalName,displayName,surname,mail,givenName,id,userType,department,accountEnabled,officeLocation,preferredLanguage,telephoneNumber\na@x.onmicrosoft.com,Anna K,K,a@x.pl,Anna,g-1,Member,IT,True,HQ,pl-PL,1\n",
			"A:ignored B:ignored C:family_name D:address E:given_name F:key G:attribute=user_type H:attribute=department I:active J:attribute=location K:language L:ignored", nil,
		},
		{"days", "E-mail;Ostatnie szkolenie\na@x.pl;15.03.2023\n", "A:address B:attribute=ostatnie_szkolenie", nil},
		{"given back", "E-mail,Team,problem\na@x.pl,B,no\n", "A:address B:attribute=team C:ignored", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, err := OpenPeople(strings.NewReader(tt.text), "people.csv", PeopleOptions{Columns: tt.columns})
			if err != nil {
				t.Fatal(err)
			}
			if got := columnsOf(p.Columns()); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
			for range p.People() {
			}
			if p.Report().Accepted == 0 {
				t.Errorf("nobody was accepted: %+v", p.Report())
			}
		})
	}
}

func TestPeopleColumnsRefused(t *testing.T) {
	many := "e-mail"
	for i := range 51 {
		many += fmt.Sprintf(";q%d", i)
	}
	tests := []struct {
		name, text, want string
		columns          map[string]ColumnUse
	}{
		{"no address", "Imię;Dział\nAnna;IT\n", "no column holds e-mail addresses", nil},
		{"too many attributes", many + "\n", "51 columns would become attributes of people, at most 50 can", nil},
		{"a column that is not there", "E-mail\na@x.pl\n", `has no column "Dzial"`, map[string]ColumnUse{"Dzial": {Meaning: AttributeColumn}}},
		{"two keys", "E-mail;A;B\na@x.pl;1;2\n", "columns B and C cannot both be the key", map[string]ColumnUse{"A": {Meaning: KeyColumn}, "B": {Meaning: KeyColumn}}},
		{"a key with a blank", "E-mail;A\na@x.pl;1\n", `an attribute cannot have the key "a b"`, map[string]ColumnUse{"A": {Meaning: AttributeColumn, Attribute: "a b"}}},
		{"one key for two", "E-mail;A;B\na@x.pl;1;2\n", `two columns cannot both be the attribute "x"`, map[string]ColumnUse{"A": {Meaning: AttributeColumn, Attribute: "x"}, "B": {Meaning: AttributeColumn, Attribute: "x"}}},
	}
	for _, tt := range tests {
		_, err := OpenPeople(strings.NewReader(tt.text), "people.csv", PeopleOptions{Columns: tt.columns})
		refused, ok := errors.AsType[*ColumnsError](err)
		if !ok || !strings.Contains(refused.Says.String(), tt.want) || len(refused.Columns) == 0 {
			t.Errorf("%s: %v; want %s", tt.name, err, tt.want)
		}
	}
}

func TestOpenPeoplePacked(t *testing.T) {
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	_, _ = w.Write(encode(t, charmap.Windows1250, "email;name\na@x.pl;Żaneta Ślązak\n"))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if got, want := peopleTranscript(&packed, "people.csv.gz", PeopleOptions{}), "2 a@x.pl <a@x.pl> \"Żaneta Ślązak\"\n"; got != want {
		t.Errorf("got %swant %s", got, want)
	}
}

// Days are written in one way, whichever the file wrote them in; what is no day in a column of days stays.
func TestPeopleDays(t *testing.T) {
	const file = "email,hired,seen,team\na@x.pl,15.03.2023,03/04/2023,7\nb@x.pl,2023-03-16,05/06/2023,8\n"
	want := "2 a@x.pl <a@x.pl> \"\" hired=2023-03-15 seen=03/04/2023 team=7\n3 b@x.pl <b@x.pl> \"\" hired=2023-03-16 seen=05/06/2023 team=8\n"
	if got := peopleTranscript(strings.NewReader(file), "people.csv", PeopleOptions{}); got != want {
		t.Errorf("got %swant %s", got, want)
	}
	p, err := OpenPeople(strings.NewReader(file), "people.csv", PeopleOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var types []survey.AttributeType
	for _, c := range p.Columns()[1:] {
		types = append(types, c.Type)
	}
	if diff := cmp.Diff([]survey.AttributeType{survey.DateAttribute, survey.TextAttribute, survey.TextAttribute}, types); diff != "" {
		t.Error(diff)
	}
}
