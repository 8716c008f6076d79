package web

import (
	"html"
	"net/http"
	"strings"
	"testing"

	"cxmirror/pkg/survey"
)

// Bad files are refused in the language of whoever imports them: as a whole, and row by row.
func TestBadFilesAreRefusedInTheReadersLanguage(t *testing.T) {
	f, director := newBench(t)
	f.addWave(t, "external-expectations", survey.Wave{Name: "Customers", Audience: survey.External, Slug: "customers", Threshold: 1})
	answers := func(file string) string {
		return director.sendForm("/waves/1/import", nil, map[string][2]string{"file": {"a.csv", file}}).body
	}
	people := func(file string) string {
		sent := director.sendForm("/people/import", nil, map[string][2]string{"file": {"p.csv", file}})
		if sent.status != http.StatusSeeOther {
			t.Fatalf("people: status %d", sent.status)
		}
		return director.look(sent.location).body
	}
	for _, tt := range []struct {
		name string
		page func() string
		want map[survey.Language]string
	}{
		{"no column of the questionnaire", func() string { return answers("wynik\n1\n") }, map[survey.Language]string{
			"en": "a.csv:1: no column belongs to the questionnaire external-expectations; the file has wynik; if another column answers it",
			"pl": "a.csv:1: żadna kolumna nie należy do kwestionariusza external-expectations; w pliku są: wynik; jeśli odpowiedzi są w innej kolumnie",
			"ro": "a.csv:1: nicio coloană nu aparține chestionarului external-expectations; fișierul are: wynik; dacă răspunsurile sunt în altă coloană",
			"ru": "a.csv:1: ни один столбец не относится к анкете external-expectations; в файле есть: wynik; если ответы стоят в другом столбце",
		}},
		{"a column too many", func() string { return answers("expectations,wagi\nnone,1\n") }, map[survey.Language]string{
			"en": "a.csv:1:14: column B, “wagi”, is not in the questionnaire",
			"pl": "a.csv:1:14: kolumny B, „wagi”, nie ma w kwestionariuszu",
			"ro": "a.csv:1:14: coloana B, „wagi”, nu este în chestionar",
			"ru": "a.csv:1:14: столбца B, «wagi», нет в анкете",
		}},
		{"an unknown option", func() string { return answers("expectations\nnonsense\n") }, map[survey.Language]string{
			"en": "no option “nonsense”", "pl": "nie ma opcji „nonsense”", "ro": "nu există opțiunea „nonsense”", "ru": "нет варианта «nonsense»",
		}},
		{"too few cells", func() string { return answers("expectations,weight,respondent\nnone,1\n") }, map[survey.Language]string{
			"en": "the row ends after 2 cells, the header names 3", "pl": "wiersz kończy się po 2 komórkach, a nagłówek wymienia 3",
			"ro": "rândul se termină după 2 celule, iar antetul numește 3", "ru": "строка кончается после 2 ячеек, а в заголовке названо столбцов: 3",
		}},
		{"a workbook among answers", func() string { return answers("PK\x03\x04 and more") }, map[survey.Language]string{
			"en": "this is a zip archive, probably an Excel workbook", "pl": "to jest archiwum zip, prawdopodobnie skoroszyt Excela",
			"ro": "aceasta este o arhivă zip, probabil un registru Excel", "ru": "это архив zip, вероятно, книга Excel",
		}},
		{"people without addresses", func() string { return people("Imię;Dział\nAnna;IT\n") }, map[survey.Language]string{
			"en": "no column holds e-mail addresses", "pl": "żadna kolumna nie zawiera adresów e-mail",
			"ro": "nicio coloană nu conține adrese de e-mail", "ru": "ни в одном столбце нет адресов e-mail",
		}},
		{"people in no file at all", func() string { return people("\n\n") }, map[survey.Language]string{
			"en": "the file is empty: a header row", "pl": "plik jest pusty: potrzebny jest wiersz nagłówka",
			"ro": "fișierul este gol: este nevoie de un rând de antet", "ru": "файл пуст: нужна строка заголовка",
		}},
		{"a broken workbook of people", func() string { return people("PK\x03\x04 and more") }, map[survey.Language]string{
			"en": "this looks like a workbook, but cannot be unpacked", "pl": "to wygląda na skoroszyt, ale nie da się go rozpakować",
			"ro": "pare un registru de calcul, dar nu poate fi decomprimat", "ru": "это похоже на книгу, но она не распаковывается",
		}},
		{"people under a header with a fault", func() string { return people("E-mail;\"Dział\nanna@example.org;IT\n") }, map[survey.Language]string{
			"en": "the names of the columns: ", "pl": "nazwy kolumn: ", "ro": "numele coloanelor: ", "ru": "названия столбцов: ",
		}},
	} {
		for lang, want := range tt.want {
			director.accept = string(lang)
			page := html.UnescapeString(tt.page())
			if !strings.Contains(page, want) {
				t.Errorf("%s in %s: the page lacks %q", tt.name, lang, want)
			}
			for other, words := range tt.want {
				if other != lang && strings.Contains(page, words) {
					t.Errorf("%s in %s: the page has %q", tt.name, lang, words)
				}
			}
		}
	}

	// Mistakes of a questionnaire are said as compilers say them, and marked as English.
	director.accept = "pl"
	page := director.sendForm("/waves/new", map[string]string{"questionnaire": "own", "source": "code: x\nversions: 1\n", "name": "N"}, nil).body
	if !strings.Contains(page, "Słowa kluczowe formatu są angielskie") || !strings.Contains(page, `<div class="mistake" lang="en">`) {
		t.Errorf("mistakes of a questionnaire are not marked as English:\n%s", page)
	}
}

// Why a mail did not arrive is said in the reader's language, and what a server answered is quoted.
func TestUndeliveredMailIsExplained(t *testing.T) {
	f, _ := newBench(t)
	r := room{Lang: "pl", phrases: f.server.workbench.phrases}
	for reason, want := range map[string]string{
		"550 5.1.1 no such user":                                   "serwer poczty odpowiedział „550 5.1.1 no such user”",
		"the connection was lost":                                  "połączenie z serwerem poczty zostało przerwane",
		"not accepted after 5 attempts: 451 try later":             "nieprzyjęty po 5 próbach: serwer poczty odpowiedział „451 try later”",
		"the server cannot be reached: dial tcp: no such host":     "nie można połączyć się z serwerem poczty (dial tcp: no such host)",
		"the server takes no addresses with letters beside a to z": "serwer poczty nie przyjmuje adresów z literami spoza a–z",
		"came back without a reason":                               "wrócił bez podania przyczyny",
		"the address is not one that mail can be sent to":          "na taki adres nie da się wysłać poczty",
	} {
		if got := r.MailFailure(reason); got != want {
			t.Errorf("%q is told as %q, want %q", reason, got, want)
		}
	}
}
