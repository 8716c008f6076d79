package exchange

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/mail"
	"runtime"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"
	"golang.org/x/text/encoding/charmap"

	"cxmirror/pkg/survey"
)

// checkPerson checks what everybody who reads people relies on.
func checkPerson(t *testing.T, p *survey.Person) {
	t.Helper()
	if p.Key == "" || len(p.Key) > MaxKey || strings.ContainsAny(p.Key+p.Address+p.Name, "\r\n\x00") {
		t.Fatalf("person %+v", p)
	}
	if p.Address != "" {
		if a, err := mail.ParseAddress(p.Address); err != nil || a.Address != p.Address || len(p.Address) > 254 {
			t.Fatalf("address %q: %v", p.Address, err)
		}
	}
	if utf8.RuneCountInString(p.Name) > MaxPersonText || len(p.Attributes) > MaxAttributes {
		t.Fatalf("person %+v", p)
	}
	for key, value := range p.Attributes {
		if !isAttributeKey(key) || value == "" || utf8.RuneCountInString(value) > MaxPersonText || !utf8.ValidString(value) {
			t.Fatalf("attribute %q %q", key, value)
		}
	}
}

// FuzzPeople reads whatever there is: nothing may panic, the counts must add up, nobody stands there twice, what
// is accepted is sound, and can be written and read again.
func FuzzPeople(f *testing.F) {
	f.Add([]byte("E-mail;Imię;Nazwisko;Dział\na@x.pl;Ewa;\"Żak\";IT\nbad;;;\n\"c@x.pl;\n"))
	f.Add(encode(f, charmap.Windows1250, "E-mail;Imię i nazwisko\r\na@x.pl;Gęślą Jaźń\r\n"))
	f.Add([]byte("\xff\xfee\x00m\x00a\x00i\x00l\x00\n\x00a\x00@\x00x\x00.\x00p\x00l\x00"))
	f.Add([]byte("a@x.pl\nb@x.pl\n"))
	f.Add([]byte("sep=|\nkey|address|name|language|active|x\n1||'=A|pl|no|'=2\n"))
	f.Add(rawWorkbook(f, `<row r="1"><c t="inlineStr" r="A1"><is><t>email</t></is></c></row><row r="2"><c r="A2" t="str"><f>1</f><v>a@x.pl</v></c></row>`))
	f.Add(aWorkbook(f, func(book *excelize.File) {
		setRow(f, book, "A1", "email", "hired")
		setRow(f, book, "A2", "a@x.pl", 45000)
	}))
	f.Fuzz(func(t *testing.T, file []byte) {
		options := PeopleOptions{OnPaper: len(file)%2 == 0}
		p, err := OpenPeople(bytes.NewReader(file), "people.csv", options)
		if err != nil {
			return
		}
		var people []survey.Person
		keys, mails := make(map[string]bool), make(map[string]bool)
		for _, person := range p.People() {
			checkPerson(t, &person)
			folded := strings.ToLower(person.Address)
			if keys[person.Key] || folded != "" && mails[folded] {
				t.Fatalf("twice: %+v", person)
			}
			keys[person.Key], mails[folded] = true, true
			people = append(people, person)
		}
		report := p.Report()
		if report.Rows != report.Accepted+report.Rejected || report.Accepted != len(people) {
			t.Fatalf("%d people; %+v", len(people), report)
		}
		var attributes []survey.Attribute
		for _, c := range p.Columns() {
			if c.Meaning == AttributeColumn {
				attributes = append(attributes, survey.Attribute{Key: c.Attribute})
			}
		}
		var b bytes.Buffer
		must(t, WritePeople(&b, PeopleCSV, attributes, func(yield func(survey.Person, error) bool) {
			for _, person := range people {
				if !yield(person, nil) {
					return
				}
			}
		}))
		again, err := OpenPeople(&b, "again.csv", PeopleOptions{OnPaper: true})
		must(t, err)
		at := 0
		for _, person := range again.People() {
			if at == len(people) || !cmp.Equal(people[at].Name, person.Name) || people[at].Key != person.Key || people[at].Address != person.Address || len(people[at].Attributes) != len(person.Attributes) {
				t.Fatalf("%d of %d: wrote %+v, read %+v", at, len(people), people[min(at, len(people)-1)], person)
			}
			at++
		}
		if again.Err() != nil || at != len(people) {
			t.Fatalf("wrote %d, read %d: %v %+v", len(people), at, again.Err(), again.Report().Rejections)
		}
		var back bytes.Buffer
		n, err := WriteProblems(&back, bytes.NewReader(file), "people.csv", options, ProblemsFile{})
		if (err == nil) != (p.Err() == nil) || err == nil && n != report.Rejected {
			t.Fatalf("%d rows given back, %v; %+v, %v", n, err, report, p.Err())
		}
	})
}

// manyPeople makes a file of people as a Polish spreadsheet writes it.
func manyPeople(rows int) string {
	random := rand.New(rand.NewPCG(1, 2))
	names := []string{"Żaneta", "Łukasz", "Ewa", "Świętosława", "Jan"}
	departments := []string{"Księgowość", "Obsługa klienta", "IT", "Kadry"}
	var b strings.Builder
	b.WriteString("Nr ewidencyjny;Imię;Nazwisko;E-mail;Język;Dział;Poziom;Lokalizacja\r\n")
	for i := range rows {
		fmt.Fprintf(&b, "%06d;%s;Wąs-%d;person.%d@firma.example.com;pl;%s;%d;Łódź\r\n", i, names[random.IntN(len(names))], i, i, departments[random.IntN(len(departments))], random.IntN(5))
	}
	return b.String()
}

func benchmarkPeople(b *testing.B, file []byte, rows int) {
	b.Helper()
	b.SetBytes(int64(len(file)))
	b.ReportAllocs()
	for b.Loop() {
		p, err := OpenPeople(bytes.NewReader(file), "people", PeopleOptions{})
		must(b, err)
		n := 0
		for range p.People() {
			n++
		}
		if n != rows || p.Err() != nil {
			b.Fatalf("%d people, %v, %+v", n, p.Err(), p.Report())
		}
	}
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "s/file")
}

// BenchmarkPeople reads 100,000 people of eight columns, as CSV in windows-1250.
func BenchmarkPeople(b *testing.B) {
	const rows = 100_000
	benchmarkPeople(b, encode(b, charmap.Windows1250, manyPeople(rows)), rows)
}

// BenchmarkPeopleWorkbook reads the same people from a workbook.
func BenchmarkPeopleWorkbook(b *testing.B) {
	const rows = 100_000
	var file bytes.Buffer
	out, err := newSheetWriter(&file, PeopleWorkbook, 0, "Kadry")
	must(b, err)
	for line := range strings.Lines(manyPeople(rows)) {
		must(b, out.write(strings.Split(strings.TrimSpace(line), ";")))
	}
	must(b, out.finish())
	out.close()
	benchmarkPeople(b, file.Bytes(), rows)
}

// endless makes lines of people without holding them.
type endless struct {
	rows, made int
	rest       []byte
}

func (e *endless) Read(p []byte) (int, error) {
	for len(e.rest) == 0 {
		e.made++
		switch {
		case e.made == 1:
			e.rest = []byte("email,team\n")
		case e.made > e.rows+1:
			return 0, errLongRow // nobody may read so far
		default:
			e.rest = fmt.Appendf(e.rest[:0], "p%d@example.com,%d\n", e.made, e.made%7)
		}
	}
	n := copy(p, e.rest)
	e.rest = e.rest[n:]
	return n, nil
}

// Two million people are read as a stream; the next one is refused with a sentence.
func TestPeopleMillions(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	p, err := OpenPeople(&endless{rows: MaxPeople + 100_000}, "people.csv", PeopleOptions{})
	must(t, err)
	n := 0
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for range p.People() {
		n++
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if n != MaxPeople || p.Err() == nil || !strings.Contains(p.Err().Error(), "more than 2000000 rows") {
		t.Errorf("%d people, %v", n, p.Err())
	}
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 160<<20 {
		t.Errorf("%d MB are kept of two million people; at most 160 were expected", grown>>20)
	} else {
		t.Logf("%d MB are kept of two million people", grown>>20)
	}
	runtime.KeepAlive(p)
}
