package fieldwork

import (
	"flag"
	"maps"
	netmail "net/mail"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"cxmirror/pkg/survey"
)

var update = flag.Bool("update", false, "write golden files anew")

func stationery(tb testing.TB) *Stationery {
	tb.Helper()
	s, err := NewStationery()
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// occasion is a wave that closes at the end of the 31st of March in Warsaw.
func occasion() Occasion {
	closes := time.Date(2027, 3, 31, 22, 0, 0, 0, time.UTC)
	return Occasion{
		Wave: survey.Wave{
			ID: 7, Name: "Internal, spring", Mode: survey.Anonymous, Threshold: 5, TimeZone: "Europe/Warsaw", Closes: &closes,
			Promise: survey.Promise{
				Asker: survey.Words{
					"en": "The HR team of Northwind", "pl": "Dział kadr Northwind", "ro": "Resurse umane Northwind", "ru": "Отдел кадров Northwind",
				},
				Minutes: 3, Contact: "hr@northwind.example",
			},
		},
		Title: survey.Words{"en": "What matters to you", "pl": "Co jest dla Ciebie ważne", "ro": "Ce contează pentru dumneavoastră", "ru": "Что для Вас важно"},
		Base:  "https://survey.northwind.example",
	}
}

// TestDefaultLetters writes each letter of the program in each language and for each promise: nothing is left
// unfilled, and the promise of one mode is not said in another.
func TestDefaultLetters(t *testing.T) {
	t.Parallel()
	s := stationery(t)
	if got := s.Languages(); len(got) != 9 {
		t.Errorf("letters are in %v; want nine languages", got)
	}
	for _, kind := range []survey.LetterKind{survey.InvitationLetter, survey.ReminderLetter} {
		letter := s.Letter(kind)
		if problems := CheckLetter(letter); len(problems) > 0 {
			t.Errorf("%s: %v", kind, problems)
		}
		for _, lang := range s.Languages() {
			said := make(map[string]survey.Mode)
			for _, mode := range survey.Modes() {
				for _, threshold := range []int{1, 5, 21} {
					about := occasion()
					about.Wave.Mode, about.Wave.Threshold = mode, threshold
					w, err := s.Preview(about, letter, lang)
					if err != nil {
						t.Fatal(err)
					}
					if w.Language != lang || strings.ContainsAny(w.Subject+w.Text, "{}[]") || strings.Contains(w.Text, "<no value>") {
						t.Errorf("%s in %s is written as\n%s\n%s", kind, lang, w.Subject, w.Text)
					}
					for _, want := range []string{"Alex Morgan", "/s/preview", "/u/preview", "2027", "31", "hr@northwind.example"} {
						if !strings.Contains(w.Text, want) || !strings.Contains(w.HTML, want) {
							t.Errorf("%s in %s lacks %q:\n%s", kind, lang, want, w.Text)
						}
					}
					promise := s.footer(about.Wave, kind, lang, "X")[1]
					if other, ok := said[promise]; ok && other != mode {
						t.Errorf("%s: %s and %s promise the same: %s", lang, other, mode, promise)
					}
					said[promise] = mode
				}
			}
		}
	}
}

func TestLetterGolden(t *testing.T) {
	t.Parallel()
	s := stationery(t)
	for _, lang := range []survey.Language{"en", "pl", "ru"} {
		for _, kind := range []survey.LetterKind{survey.InvitationLetter, survey.ReminderLetter} {
			w, err := s.write(occasion(), s.Letter(kind), recipient{name: "Łucja Ångström-Иванова", language: lang, token: "abcdefghijklmnopqrstuvwxyz234567"})
			if err != nil {
				t.Fatal(err)
			}
			from := Server{from: netmail.Address{Address: "survey@northwind.example"}}
			to := netmail.Address{Name: "Łucja Ångström-Иванова", Address: "lucja@northwind.example"}
			_, message, err := compose(from, w, to, "0123456789abcdef@northwind.example", time.Date(2027, 3, 1, 9, 0, 0, 0, time.UTC))
			if err != nil {
				t.Fatal(err)
			}
			golden(t, string(kind)+"."+string(lang)+".txt", w.Subject+"\n\n"+w.Text)
			golden(t, string(kind)+"."+string(lang)+".html", w.HTML)
			if lang == "pl" {
				golden(t, string(kind)+"."+string(lang)+".eml", sortedHead(string(message)))
			}
		}
	}
}

// sortedHead puts the headers of a message into alphabetical order: go-mail writes some as a map has them.
func sortedHead(message string) string {
	message = strings.ReplaceAll(message, "\r\n", "\n")
	head, body, _ := strings.Cut(message, "\n\n")
	fields := strings.Split(strings.ReplaceAll(head, "\n ", "\x00"), "\n")
	slices.Sort(fields)
	return strings.ReplaceAll(strings.Join(fields, "\n"), "\x00", "\n ") + "\n\n" + body
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", "letters", name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; go test -run %s -update writes it anew. Got:\n%s", path, t.Name(), got)
	}
}

func TestCheckLetter(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name          string
		subject, text survey.Words
		want          []string // parts of what is said, in order
	}{
		{"good", survey.Words{"en": "Hello {name}"}, survey.Words{"en": "{link}"}, nil},
		{"braces that are no placeholder", survey.Words{"en": "a {} { b }}"}, survey.Words{"en": "{link} {\"a\": 1}"}, []string{"{b}"}},
		{"unknown", survey.Words{"en": "{namn}"}, survey.Words{"en": "x\n{Link} {closing_date}"}, []string{"subject: {namn} means nothing", "text, line 2: {closing_date}"}},
		{"no link", survey.Words{"en": "x"}, survey.Words{"en": "Come!"}, []string{"{link} is missing"}},
		{"link in the subject", survey.Words{"en": "{link}"}, survey.Words{"en": "{link}"}, []string{"subject: {link} is a secret"}},
		{"half a language", survey.Words{"en": "x", "pl": "y"}, survey.Words{"en": "{link}", "ru": "{link}"}, []string{"(pl), text: is missing", "(ru), subject: is missing"}},
		{"nothing", nil, nil, []string{"text: is missing"}},
		{"long", survey.Words{"en": strings.Repeat("ж", 201)}, survey.Words{"en": strings.Repeat("ж", 20_001) + "{link}"}, []string{"201 characters", "20007 characters"}},
		{"two lines", survey.Words{"en": "x\r\nBcc: everybody@example.org"}, survey.Words{"en": "{link}"}, []string{"more than one line"}},
	}
	for _, tt := range tests {
		got := CheckLetter(survey.Letter{Kind: survey.InvitationLetter, Subject: tt.subject, Text: tt.text})
		if len(got) != len(tt.want) {
			t.Errorf("%s: got %v; want %q", tt.name, got, tt.want)
			continue
		}
		for i, want := range tt.want {
			if !strings.Contains(got[i].Error(), want) {
				t.Errorf("%s: got %q; want it to say %q", tt.name, got[i], want)
			}
		}
	}
}

// LetterProblems lists every constant, and each is said in English.
func TestLetterProblems(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("letter_check.go")
	if err != nil {
		t.Fatal(err)
	}
	declared := regexp.MustCompile(`LetterProblem = "([a-z_]+)"`).FindAllSubmatch(source, -1)
	problems := LetterProblems()
	if len(declared) < 6 || len(declared) != len(problems) {
		t.Errorf("%d constants, %d listed", len(declared), len(problems))
	}
	for _, d := range declared {
		problem := LetterProblem(d[1])
		if !slices.Contains(problems, problem) {
			t.Errorf("%s is not listed", problem)
		}
		if said := (LetterError{Problem: problem}).Explain(); said == string(problem) {
			t.Errorf("nothing is said of %s", problem)
		}
	}
}

func TestFilling(t *testing.T) {
	t.Parallel()
	f := filling{name: "Anna", title: "What matters", asker: "HR", minutes: "3 minutes", minutesAlone: "3", closes: "31 марта 2027 г."}
	nobody := f
	nobody.name, nobody.closes = "", ""
	tests := []struct {
		f          filling
		text, want string
	}{
		{f, "Hello {name},", "Hello Anna,"},
		{f, "Hello { Name }!", "Hello Anna!"},
		{nobody, "Hello {name},", "Hello,"},
		{nobody, "Dzień dobry, {name}!", "Dzień dobry!"},
		{nobody, "{name}, we ask you.", "We ask you."},
		{nobody, "{name}", ""},
		{f, "It takes {minutes}.", "It takes 3 minutes."},
		{f, "It takes {minutes} minutes.", "It takes 3 minutes."},
		{f, "Zajmie {minutes} minut, {minutes}", "Zajmie 3 minut, 3 minutes"},
		{f, "Ответить можно до {closes}.", "Ответить можно до 31 марта 2027 г."},
		{f, "До {closes}... или нет", "До 31 марта 2027 г.... или нет"},
		{nobody, "We would be glad. There is time until {closes}. Really!", "We would be glad. Really!"},
		{nobody, "Open until {closes}", ""},
		{f, "{asker}: {survey} {other}", "HR: What matters {other}"},
	}
	for _, tt := range tests {
		if got := tt.f.into(tt.text); got != tt.want {
			t.Errorf("%q becomes %q; want %q", tt.text, got, tt.want)
		}
	}
}

// TestWordsOfPeopleStayWords: a name is never read as a placeholder, a paragraph, a link or markup.
func TestWordsOfPeopleStayWords(t *testing.T) {
	t.Parallel()
	s := stationery(t)
	about := occasion()
	about.Title = survey.Words{"en": `<b>{link}</b> & "so" on`}
	w, err := s.write(about, s.Letter(survey.InvitationLetter), recipient{name: "{link}\r\n\r\n<script>alert(1)</script>{asker}", language: "en", token: "T"})
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(w.HTML, "<script>") || strings.Contains(w.HTML, "<b>") || strings.Contains(w.Subject, "/s/") || strings.ContainsAny(w.Subject, "\r\n") {
		t.Errorf("words of people became markup or a link: %q\n%s", w.Subject, w.HTML)
	}
	if !strings.HasPrefix(w.Text, "Hello {link} <script>alert(1)</script>{asker},\n") {
		t.Errorf("the greeting is %q", w.Text[:80])
	}
}

func TestLetterWithoutClosingDate(t *testing.T) {
	t.Parallel()
	s := stationery(t)
	about := occasion()
	about.Wave.Closes, about.Wave.Promise.Minutes = nil, 0
	for _, lang := range s.Languages() {
		for _, kind := range []survey.LetterKind{survey.InvitationLetter, survey.ReminderLetter} {
			w, err := s.write(about, s.Letter(kind), recipient{language: lang, token: "T"})
			if err != nil {
				t.Fatal(err)
			}
			if strings.ContainsAny(w.Text, "{}[]") || strings.Contains(w.Text, "  ") || strings.Contains(w.Text, "\n\n\n") {
				t.Errorf("%s %s:\n%s", lang, kind, w.Text)
			}
		}
	}
}

func TestDates(t *testing.T) {
	t.Parallel()
	s := stationery(t)
	warsaw := zoneOf(survey.Wave{TimeZone: "Europe/Warsaw"})
	tests := []struct {
		lang survey.Language
		at   time.Time
		want string
	}{
		{"en", time.Date(2027, 4, 1, 0, 0, 0, 0, warsaw), "31 March 2027"}, // the midnight that ends a day
		{"en", time.Date(2027, 3, 31, 23, 59, 0, 0, warsaw), "31 March 2027"},
		{"en", time.Date(2027, 3, 31, 12, 0, 0, 0, warsaw), "31 March 2027, 12:00"},
		{"pl", time.Date(2027, 5, 1, 16, 30, 0, 0, warsaw), "1 maja 2027, godz. 16:30"},
		{"ro", time.Date(2027, 6, 1, 0, 0, 0, 0, warsaw), "31 mai 2027"},
		{"ru", time.Date(2027, 1, 1, 0, 0, 0, 0, warsaw), "31 декабря 2026 г."},
		{"cs", time.Date(2027, 10, 9, 23, 30, 0, 0, warsaw), "9. října 2027"},
		{"hu", time.Date(2027, 10, 9, 23, 30, 0, 0, warsaw), "2027. október 9."},
		{"de", time.Date(2027, 10, 9, 23, 30, 0, 0, warsaw), "9 October 2027"}, // what the program does not speak
	}
	for _, tt := range tests {
		if got := s.date(tt.lang, tt.at); got != tt.want {
			t.Errorf("%v in %s is %q; want %q", tt.at, tt.lang, got, tt.want)
		}
	}
}

func TestPluralForms(t *testing.T) {
	t.Parallel()
	s := stationery(t)
	tests := []struct {
		lang    survey.Language
		minutes int
		want    string
	}{
		{"pl", 1, "minutę"},
		{"pl", 2, "2 minuty"},
		{"pl", 5, "5 minut"},
		{"pl", 12, "12 minut"},
		{"pl", 22, "22 minuty"},
		{"ru", 1, "1 минуту"},
		{"ru", 3, "3 минуты"},
		{"ru", 11, "11 минут"},
		{"ru", 21, "21 минуту"},
		{"ro", 1, "un minut"},
		{"ro", 3, "3 minute"},
		{"ro", 20, "20 de minute"},
		{"en", 1, "1 minute"},
	}
	for _, tt := range tests {
		about := occasion()
		about.Wave.Promise.Minutes = tt.minutes
		if got := s.filling(about, "", tt.lang).minutes; got != tt.want {
			t.Errorf("%d minutes in %s: %q; want %q", tt.minutes, tt.lang, got, tt.want)
		}
	}
}

func TestLanguageOf(t *testing.T) {
	t.Parallel()
	all := survey.Words{"en": "x", "pl": "x", "pt": "x"}
	half := maps.Clone(all)
	delete(half, "pl")
	tests := []struct {
		subject survey.Words
		asked   survey.Language
		want    survey.Language
	}{
		{all, "pl", "pl"},
		{all, "pt-BR", "pt"},
		{all, "ru", "en"},
		{all, "", "en"},
		{half, "pl", "en"}, // a subject in English over a text in Polish helps nobody
		{survey.Words{"ru": "x"}, "pl", "ru"},
	}
	for _, tt := range tests {
		text := all
		if tt.want == "ru" {
			text = survey.Words{"ru": "{link}"}
		}
		if got := LanguageOf(survey.Letter{Subject: tt.subject, Text: text}, tt.asked); got != tt.want {
			t.Errorf("%v for %s: %s; want %s", tt.subject, tt.asked, got, tt.want)
		}
	}
}

// TestLettersLoadNothing: what a mail program loads from elsewhere tells who reads, and shows as a gap where it
// loads nothing.
func TestLettersLoadNothing(t *testing.T) {
	t.Parallel()
	s := stationery(t)
	for _, lang := range s.Languages() {
		w, err := s.Preview(occasion(), s.Letter(survey.ReminderLetter), lang)
		if err != nil {
			t.Fatal(err)
		}
		for _, loads := range []string{"<img", "<script", "<link", "<iframe", "<svg", "src=", "url(", "@import", "@font-face", "background="} {
			if strings.Contains(strings.ToLower(w.HTML), loads) {
				t.Errorf("the letter in %s has %s", lang, loads)
			}
		}
		for _, address := range regexp.MustCompile(`https?://[^"< ]+`).FindAllString(w.HTML, -1) {
			if !strings.HasPrefix(address, occasion().Base+"/s/") && !strings.HasPrefix(address, occasion().Base+"/u/") {
				t.Errorf("the letter in %s names %s", lang, address)
			}
		}
		if size := len(w.HTML); size > 12<<10 { // Gmail cuts at 102 KB; ours is for telephones
			t.Errorf("the letter in %s has %d bytes", lang, size)
		}
	}
}

// A letter has the colours it is given, on light ground and on dark, and the product's own where it is given none.
func TestLettersHaveTheColoursOfWhoAsks(t *testing.T) {
	t.Parallel()
	s := stationery(t)
	about := occasion()
	letter := s.Letter(survey.InvitationLetter)
	own, err := s.Preview(about, letter, "en")
	if err != nil {
		t.Fatal(err)
	}
	about.Colours = Colours{Light: Shades{"#b91c1c", "#fffffe", "#a51919"}, Dark: Shades{"#ef5f5f", "#12151b", "#f48a8a"}}
	theirs, err := s.Preview(about, letter, "en")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`bgcolor="#b91c1c" style="background:#b91c1c;`, "color:#fffffe;", "color:#a51919", "a { color: #a51919 }",
		".button { background: #ef5f5f !important }", ".button a { color: #12151b !important }", ".quiet a { color: #f48a8a !important }",
	} {
		if !strings.Contains(theirs.HTML, want) || strings.Contains(own.HTML, want) {
			t.Errorf("%q must stand in the letter in their colours, and in no other: %s", want, theirs.HTML)
		}
	}
	for _, colour := range []string{"#2563eb", "#1d4fd7", "#7aa5ff", "#9dbcff"} {
		if !strings.Contains(own.HTML, colour) || strings.Contains(theirs.HTML, colour) {
			t.Errorf("%s is the product's own, and must stand in its letters alone", colour)
		}
	}
	if theirs.Text != own.Text {
		t.Error("the text has colours")
	}
}
