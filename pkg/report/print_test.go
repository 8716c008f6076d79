package report_test

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"codeberg.org/go-pdf/fpdf"
	"github.com/boombuler/barcode/qr"
	"golang.org/x/text/unicode/norm"

	"cxmirror/charts"
	"cxmirror/pkg/report"
	"cxmirror/pkg/survey"
)

const mm = 72 / 25.4 // points

// modules encodes a text as a QR code that stands a quarter of it being covered.
func modules(tb testing.TB, text string) report.Modules {
	tb.Helper()
	code, err := qr.Encode(text, qr.Q, qr.Auto)
	if err != nil {
		tb.Fatal(err)
	}
	size := code.Bounds().Dx()
	square := make(report.Modules, size)
	for y := range size {
		square[y] = make([]bool, size)
		for x := range size {
			r, _, _, _ := code.At(x, y).RGBA()
			square[y][x] = r < 0x8000
		}
	}
	return square
}

func imprint(lang survey.Language) report.Imprint {
	return report.Imprint{Language: lang, Program: "cxmirror 1.0", Made: time.Date(2026, 11, 2, 9, 30, 0, 0, time.FixedZone("", 3600))}
}

// posters are posters in languages that our users write, with words as long as they come.
func posters(tb testing.TB) map[survey.Language]report.Poster {
	tb.Helper()
	const link = "https://klient.przyklad.pl/o/wewnetrzni-klienci-2026"
	common := report.Poster{Code: modules(tb, link), Link: link, Address: "klient.przyklad.pl/o/wewnetrzni-klienci-2026"}
	words := map[survey.Language]report.Poster{
		"en": {
			Asker: "Northwind Services, Human Resources", Title: "What do you expect of those who serve you?",
			Purpose: "IT, HR, accounting and purchasing want to know what matters to you, and how well they do.",
			Minutes: "About 3 minutes", Scan: "Scan with the camera of your phone", Type: "or type this address",
			Kept: []string{
				"We keep your answers. We keep no name, e-mail address or device address.",
				"Results are shown for groups of at least 5 people only.",
				"You can stop at any time. Answers count when you send them at the end.",
			},
			Contact: "Questions? Anna Nowak, Human Resources, anna.nowak@northwind.example, +48 22 555 01 23",
		},
		"pl": {
			Asker: "Przedsiębiorstwo Usług Komunalnych „Źródło” sp. z o.o., Dział Zarządzania Zasobami Ludzkimi",
			Title: "Czego oczekujesz od tych, którzy na co dzień wspierają Cię w pracy — w informatyce, kadrach, księgowości i zaopatrzeniu?",
			Purpose: "Chcemy dowiedzieć się, co jest dla Ciebie najważniejsze i jak dobrze się z tego wywiązujemy, aby w przyszłym roku " +
				"zacząć zmiany od tego, co rzeczywiście przeszkadza w pracy, a nie od tego, o czym tylko nam się wydaje, że przeszkadza.",
			Minutes: "Około 3 minut", Scan: "Zeskanuj aparatem telefonu", Type: "albo wpisz ten adres w przeglądarce",
			Kept: []string{
				"Przechowujemy odpowiedzi. Nie przechowujemy imienia i nazwiska, adresu e-mail ani adresu urządzenia.",
				"Wyniki pokazujemy tylko dla grup liczących co najmniej 5 osób.",
				"Możesz przerwać w każdej chwili. Odpowiedzi liczą się dopiero wtedy, gdy wyślesz je na końcu.",
			},
			Contact: "Pytania? Małgorzata Brzęczyszczykiewicz-Święcicka, malgorzata.brzeczyszczykiewicz-swiecicka@zrodlo.example",
		},
		"ro": {
			Asker: "Societatea Națională de Servicii, Direcția Resurse Umane", Title: "Ce așteptați de la cei care vă susțin în fiecare zi?",
			Purpose: "Vrem să știm ce contează pentru dumneavoastră și cât de bine reușim, ca să îmbunătățim întâi ceea ce vă încurcă cu adevărat.",
			Minutes: "Aproximativ 3 minute", Scan: "Scanați cu camera telefonului", Type: "sau scrieți această adresă",
			Kept: []string{
				"Păstrăm răspunsurile. Nu păstrăm numele, adresa de e-mail sau adresa dispozitivului.",
				"Rezultatele se afișează numai pentru grupuri de cel puțin 5 persoane.",
				"Vă puteți opri oricând. Răspunsurile contează abia după ce le trimiteți la final.",
			},
			Contact: "Întrebări? Ștefania Țurcanu, Resurse Umane",
		},
		"ru": {
			Asker: "Общество с ограниченной ответственностью «Северо-Западная обслуживающая компания», отдел кадров",
			Title: "Чего вы ожидаете от тех, кто обслуживает вас внутри компании?",
			Purpose: "Информационные технологии, кадры, бухгалтерия и снабжение хотят знать, что для вас важно и насколько хорошо " +
				"они с этим справляются.",
			Minutes: "Около 3 минут", Scan: "Наведите камеру телефона на код", Type: "или введите этот адрес",
			Kept: []string{
				"Мы храним ответы. Мы не храним имя, адрес электронной почты и адрес устройства.",
				"Результаты показываются только для групп не менее чем из 5 человек.",
				"Вы можете остановиться в любой момент. Ответы учитываются только после отправки в конце.",
			},
			Contact: "Вопросы? Екатерина Константинопольская, отдел кадров, +7 812 555-01-23",
		},
	}
	for lang, p := range words {
		p.Code, p.Link, p.Address, p.Imprint = common.Code, common.Link, common.Address, imprint(lang)
		words[lang] = p
	}
	return words
}

func poster(t *testing.T, p report.Poster) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := report.PosterPDF(&out, p); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// plainWords makes what was handed in and what was printed comparable: spaces and where lines end do not count.
func plainWords(text string) string {
	return strings.Join(strings.Fields(strings.ReplaceAll(text, "\u00a0", " ")), "")
}

// TestPoster prints posters in four languages on three papers, and reads back all their words, the code, and
// that nothing lies beyond the margins.
func TestPoster(t *testing.T) {
	sizes := map[report.Paper][2]float64{report.A3: {297, 420}, report.A4: {210, 297}, report.A5: {148, 210}}
	ruler := newRuler(t)
	for lang, p := range posters(t) {
		for paper, size := range sizes {
			t.Run(fmt.Sprint(lang, " ", paper), func(t *testing.T) {
				p.Paper = paper
				d := readPDF(t, poster(t, p))
				if len(d.pages) != 1 {
					t.Fatalf("%d pages; want 1", len(d.pages))
				}
				page := &d.pages[0]
				if math.Abs(page.width-size[0]*mm) > 0.5 || math.Abs(page.height-size[1]*mm) > 0.5 {
					t.Errorf("page of %.0f × %.0f points; want %v mm", page.width, page.height, size)
				}
				got := plainWords(page.text())
				for _, want := range append([]string{p.Asker, p.Title, p.Purpose, p.Minutes, p.Scan, p.Type, p.Address, p.Contact}, p.Kept...) {
					if !strings.Contains(got, plainWords(want)) {
						t.Errorf("%q is not on the poster:\n%s", want, page.text())
					}
				}
				inside(t, page, ruler, size[0]*0.08*mm)
				if len(page.codes) != 1 {
					t.Fatalf("%d codes; want 1", len(page.codes))
				}
				code := page.codes[0]
				if side := code.scale * float64(len(p.Code)+8) / mm; side < 79.99 {
					t.Errorf("the code is %.1f mm wide with its quiet zone; want 80 or more", side)
				}
				if !slices.EqualFunc(code.modules(t, len(p.Code)), p.Code, slices.Equal) {
					t.Error("the modules drawn are not those handed in")
				}
				clear4(t, page, &code, len(p.Code), ruler)
				if want := []string{p.Link, p.Link}; !slices.Equal(page.links, want) {
					t.Errorf("links %q; want %q", page.links, want)
				}
				for key, want := range map[string]string{"Title": p.Title, "Author": p.Asker, "Lang": string(lang), "Creator": p.Program, "CreationDate": "D:20261102083000"} {
					if d.meta[key] != want {
						t.Errorf("%s of the document is %q; want %q", key, d.meta[key], want)
					}
				}
			})
		}
	}
}

// TestPosterShrinks holds type to its order: more words are set smaller, the code no smaller than 8 cm, and what
// does not fit is refused by name.
func TestPosterShrinks(t *testing.T) {
	p := posters(t)["en"]
	sizeOfTitle := func(p report.Poster) float64 {
		size := 0.0
		for _, s := range readPDF(t, poster(t, p)).pages[0].texts {
			size = max(size, s.size)
		}
		return size
	}
	short := p
	short.Title = "Your voice"
	before := sizeOfTitle(short)
	if before < 36 || before > 40 {
		t.Errorf("a short title is set in %.1f points; want 36 to 40", before)
	}
	p.Title = strings.Repeat("What do you expect of those who serve you? ", 8)
	if long := sizeOfTitle(p); long >= before || long < 16 {
		t.Errorf("a title of %d letters is set in %.1f points; want less than %.1f and 16 or more", len(p.Title), long, before)
	}
	p.Purpose = strings.Repeat("Because we want to know. ", 500)
	var out bytes.Buffer
	err := report.PosterPDF(&out, p)
	if !errors.Is(err, report.ErrNoRoom) || !strings.Contains(err.Error(), "the purpose") || out.Len() > 0 {
		t.Errorf("PosterPDF of 12,500 letters: %v, %d bytes; want ErrNoRoom that names the purpose, and nothing written", err, out.Len())
	}
}

func TestPosterRefuses(t *testing.T) {
	good := posters(t)["en"]
	tests := []struct {
		name   string
		change func(*report.Poster)
		want   string
	}{
		{"no title", func(p *report.Poster) { p.Title = "" }, "the title is missing"},
		{"no address", func(p *report.Poster) { p.Address = "" }, "the address is missing"},
		{"no time", func(p *report.Poster) { p.Made = time.Time{} }, "the time when the document was made is missing"},
		{"no code", func(p *report.Poster) { p.Code = nil }, "QR code of 0 rows"},
		{"a code of no size", func(p *report.Poster) { p.Code = p.Code[:22] }, "QR code of 22 rows"},
		{"a code that is not square", func(p *report.Poster) { p.Code = slices.Clone(p.Code); p.Code[3] = p.Code[3][1:] }, "row 4 has"},
		{"paper", func(p *report.Poster) { p.Paper = "B4" }, `paper "B4" is not known`},
		{"a language that is code", func(p *report.Poster) { p.Language = "en) /OpenAction (" }, "is no language tag"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := good
			tt.change(&p)
			var out bytes.Buffer
			if err := report.PosterPDF(&out, p); err == nil || !strings.Contains(err.Error(), tt.want) || out.Len() > 0 {
				t.Errorf("PosterPDF = %v, %d bytes; want %q and none", err, out.Len(), tt.want)
			}
		})
	}
}

// sheet is a sheet of n cards in turn in every language.
func sheet(tb testing.TB, n int) (report.CodeSheet, []report.Card) {
	tb.Helper()
	s := report.CodeSheet{
		Imprint: imprint("pl"),
		Title: survey.Words{
			"en": "What do you expect of those who serve you?", "pl": "Czego oczekujesz od tych, którzy na co dzień wspierają Cię w pracy?",
			"ro": "Ce așteptați de la cei care vă susțin în fiecare zi?", "ru": "Чего вы ожидаете от тех, кто обслуживает вас внутри компании?",
		},
		Asker: survey.Words{"en": "Northwind Services, Human Resources", "ru": "«Северо-Западная обслуживающая компания»", "pl": "Zakłady Usługowe „Źródło”, Kadry"},
		Enter: survey.Words{
			"en": "Open this address and enter your code:", "pl": "Otwórz ten adres i wpisz swój kod:",
			"ro": "Deschideți această adresă și introduceți codul:", "ru": "Откройте этот адрес и введите свой код:",
		},
		Scan: survey.Words{"en": "or scan", "pl": "albo zeskanuj", "ro": "sau scanați", "ru": "или наведите камеру"},
		Promise: survey.Words{
			"en": "Your answers are kept without your name, and are shown only in groups of at least 5 people.",
			"pl": "Twoje odpowiedzi przechowujemy bez imienia i nazwiska i pokazujemy tylko w grupach liczących co najmniej 5 osób.",
			"ro": "Răspunsurile dumneavoastră sunt păstrate fără nume și sunt afișate numai în grupuri de cel puțin 5 persoane.",
			"ru": "Ваши ответы хранятся без имени и показываются только в группах не менее чем из 5 человек; кто уже ответил — известно, что именно — нет.",
		},
		Once: survey.Words{
			"en": "One answer per code.", "pl": "Jeden kod to jedna odpowiedź.", "ro": "Un singur răspuns pentru fiecare cod.", "ru": "Один код — один ответ.",
		},
		Address: "klient.przyklad.pl/c",
	}
	labels := []string{
		"Anna Nowak", "Małgorzata Brzęczyszczykiewicz-Święcicka", "Ștefania Țurcanu-Îndreptățescu", "Константин Константинович Константинопольский",
		"Magazyn Centralny, zmiana nocna", "",
	}
	const alphabet = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
	cards := make([]report.Card, n)
	for i := range cards {
		access, rest := make([]byte, 10), i*7919+12345678
		for j := range access {
			access[j] = alphabet[rest%len(alphabet)]
			rest = rest/len(alphabet) + j*i + 17
		}
		link := fmt.Sprintf("https://klient.przyklad.pl/c/%s", access)
		cards[i] = report.Card{
			Label: labels[i%len(labels)], Language: []survey.Language{"en", "pl", "ro", "ru"}[i%4], Access: string(access), Link: link,
		}
		cards[i].Code = modules(tb, link)
	}
	s.Cards = dealt(cards)
	return s, cards
}

func dealt(cards []report.Card) iter.Seq2[report.Card, error] {
	return func(yield func(report.Card, error) bool) {
		for _, c := range cards {
			if !yield(c, nil) {
				return
			}
		}
	}
}

func codeSheet(t *testing.T, s report.CodeSheet) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := report.CodeSheetPDF(&out, s); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestCodeSheet prints 23 cards and reads back: three pages, every card's words in its language within its own
// edges, its code and its QR code, in the order they were handed in.
func TestCodeSheet(t *testing.T) {
	s, cards := sheet(t, 23)
	d := readPDF(t, codeSheet(t, s))
	if len(d.pages) != 3 {
		t.Fatalf("%d pages; want 3", len(d.pages))
	}
	ruler := newRuler(t)
	for n := range d.pages {
		page := &d.pages[n]
		here := cards[n*10 : min(n*10+10, len(cards))]
		inside(t, page, ruler, 4*mm)
		if len(page.codes) != len(here) || len(page.spoken) != len(here) || len(page.tags) != len(here) {
			t.Fatalf("page %d: %d QR codes, %d access codes, %d languages; want %d", n+1, len(page.codes), len(page.spoken), len(page.tags), len(here))
		}
		for i, c := range here {
			if want := c.Access[:5] + " " + c.Access[5:]; page.spoken[i] != want {
				t.Errorf("card %d: access code %q; want %q", n*10+i+1, page.spoken[i], want)
			}
			if page.tags[i] != string(c.Language) || page.links[i] != c.Link {
				t.Errorf("card %d: in %q, leads to %q; want %q, %q", n*10+i+1, page.tags[i], page.links[i], c.Language, c.Link)
			}
			code := page.codes[i]
			if !slices.EqualFunc(code.modules(t, len(c.Code)), c.Code, slices.Equal) {
				t.Errorf("card %d: the modules drawn are not those handed in", n*10+i+1)
			}
			if code.scale < 0.5*mm {
				t.Errorf("card %d: modules of %.2f mm; cameras need 0.5", n*10+i+1, code.scale/mm)
			}
			left, top := 10+float64(i%2)*95, 13.5+float64(i/2)*54
			got := plainWords(onCard(t, page, ruler, left, top))
			letters := strings.Join(strings.Split(c.Access, ""), "")
			for _, want := range []string{
				c.Label, s.Title.In(c.Language), s.Asker.In(c.Language), s.Enter.In(c.Language), s.Address, letters,
				s.Scan.In(c.Language), s.Promise.In(c.Language), s.Once.In(c.Language),
			} {
				if !strings.Contains(got, plainWords(want)) {
					t.Errorf("card %d: %q is not on it:\n%s", n*10+i+1, want, got)
				}
			}
			if x, y := code.x/mm-left, (page.height-code.y)/mm-top; x < 50 || x+code.scale/mm*float64(len(c.Code)) > 95 || y < 1 {
				t.Errorf("card %d: its QR code lies at %.1f, %.1f mm of the card", n*10+i+1, x, y)
			}
			clear4(t, page, &code, len(c.Code), ruler)
		}
	}
	if got := d.meta["Title"]; got != s.Title["pl"] {
		t.Errorf("the document's title is %q; want %q", got, s.Title["pl"])
	}
}

// onCard returns the words within a card, which may not reach beyond its edges.
func onCard(t *testing.T, page *printedPage, r *ruler, left, top float64) string {
	t.Helper()
	var words []string
	for _, s := range page.texts {
		x, y := s.x/mm-left, (page.height-s.y)/mm-top
		if x < 0 || x > 95 || y < 0 || y > 54 {
			continue
		}
		words = append(words, s.text)
		if end := x + r.width(s)/mm; x < 2 || end > 93 || y-s.size/mm*0.75 < 1 || y+s.size/mm*0.25 > 53 {
			t.Errorf("%q reaches from %.1f to %.1f, baseline at %.1f mm, of a card of 95 by 54", s.text, x, end, y)
		}
	}
	return strings.Join(words, "")
}

// TestCodeSheetLongWords prints what registers hold: names of 200 letters, words without spaces, letters no font
// has; the words that people need stand whole, and nothing lies outside.
func TestCodeSheetLongWords(t *testing.T) {
	s, cards := sheet(t, 10)
	labels := []string{
		strings.Repeat("Bardzo długa nazwa działu ", 8), strings.Repeat("Donaudampfschifffahrt", 10), "王小明 (Wang Xiaoming)", "Zoë\u0308 \U0001F600 \u202Eevil",
		"A\nB\tC", strings.Repeat("W", 200), "i", "e\u0301cole", "((\\)", "—",
	}
	for i := range cards {
		cards[i].Label = labels[i]
	}
	s.Address = "ankiety.przedsiebiorstwo-uslug-komunalnych.przyklad.com.pl/c"
	d := readPDF(t, codeSheet(t, s))
	page, ruler := &d.pages[0], newRuler(t)
	inside(t, page, ruler, 4*mm)
	for i, want := range []string{"…", "…", "\uFFFD\uFFFD\uFFFD(WangXiaoming)", "Zoë\u0308", "ABC", "…", "i", "école", "((\\)", "—"} {
		got := plainWords(onCard(t, page, ruler, 10+float64(i%2)*95, 13.5+float64(i/2)*54))
		for _, want := range []string{want, s.Address, plainWords(s.Promise.In(cards[i].Language))} {
			if !strings.Contains(got, want) {
				t.Errorf("card %d: %q is not on it: %s", i+1, want, got)
			}
		}
		if strings.ContainsAny(got, "\u202E\n\t") {
			t.Errorf("card %d holds marks that change how words are read: %q", i+1, got)
		}
	}
}

// TestCodeSheetEmpty prints a sheet for nobody: a page with its marks and no cards, which programs can open.
func TestCodeSheetEmpty(t *testing.T) {
	s, _ := sheet(t, 0)
	d := readPDF(t, codeSheet(t, s))
	if len(d.pages) != 1 || len(d.pages[0].codes) != 0 || len(d.pages[0].points) == 0 {
		t.Errorf("a sheet without cards has %d pages; want one with marks and without codes", len(d.pages))
	}
}

// TestCodeSheetPages counts pages around a full one.
func TestCodeSheetPages(t *testing.T) {
	for cards, want := range map[int]int{1: 1, 10: 1, 11: 2, 20: 2, 21: 3} {
		s, _ := sheet(t, cards)
		if got := len(readPDF(t, codeSheet(t, s)).pages); got != want {
			t.Errorf("%d cards take %d pages; want %d", cards, got, want)
		}
	}
}

// TestCodeSheetAccess prints codes of other lengths than ten: in groups of five, within the card's column.
func TestCodeSheetAccess(t *testing.T) {
	s, cards := sheet(t, 3)
	cards[0].Access, cards[1].Access, cards[2].Access = "WMWM", "wmwmwmwmwmwmwmwmwmwm", "MWMWM-23456"
	cards[1].Access = strings.ToUpper(cards[1].Access)
	d := readPDF(t, codeSheet(t, s))
	page, ruler := &d.pages[0], newRuler(t)
	if want := []string{"WMWM", "WMWMW MWMWM WMWMW MWMWM", "MWMWM 23456"}; !slices.Equal(page.spoken, want) {
		t.Errorf("codes %q; want %q", page.spoken, want)
	}
	for i := range cards {
		onCard(t, page, ruler, 10+float64(i%2)*95, 13.5+float64(i/2)*54)
		clear4(t, page, &page.codes[i], len(cards[i].Code), ruler)
	}
}

func TestCodeSheetRefuses(t *testing.T) {
	broken := errors.New("the database went away")
	tests := []struct {
		name   string
		change func(*report.CodeSheet, []report.Card)
		want   string
	}{
		{"no title", func(s *report.CodeSheet, _ []report.Card) { s.Title = nil }, "the title is missing"},
		{"no address", func(s *report.CodeSheet, _ []report.Card) { s.Address = "" }, "the address is missing"},
		{"nothing to do", func(s *report.CodeSheet, _ []report.Card) { s.Enter = nil }, "what to do with the code is missing"},
		{"no time", func(s *report.CodeSheet, _ []report.Card) { s.Made = time.Time{} }, "the time when the document was made is missing"},
		{"no cards", func(s *report.CodeSheet, _ []report.Card) { s.Cards = nil }, "the cards are missing"},
		{"small letters", func(_ *report.CodeSheet, c []report.Card) { c[2].Access = "abcde12345" }, "card 3: an access code has capital letters and figures only"},
		{"a short code", func(_ *report.CodeSheet, c []report.Card) { c[1].Access = "A-B" }, "card 2: an access code of 2 letters: it has 4 to 20"},
		{"a cut QR code", func(_ *report.CodeSheet, c []report.Card) { c[0].Code = c[0].Code[1:] }, "card 1: QR code of"},
		{"a language that is code", func(_ *report.CodeSheet, c []report.Card) { c[0].Language = "pl)>>" }, `card 1: "pl)>>" is no language tag`},
		{"a long promise", func(s *report.CodeSheet, _ []report.Card) {
			s.Promise = survey.Words{"en": strings.Repeat("We promise. ", 200)}
		}, `of a card in language "en", by`},
		{"cards that end", func(s *report.CodeSheet, _ []report.Card) {
			s.Cards = func(yield func(report.Card, error) bool) { yield(report.Card{}, broken) }
		}, "card 1: the database went away"},
		{"too many", func(s *report.CodeSheet, c []report.Card) {
			c[0].Code = nil
			s.Cards = func(yield func(report.Card, error) bool) {
				for range report.MostCards + 1 {
					if !yield(c[0], nil) {
						return
					}
				}
			}
		}, "too many cards for one sheet: at most 10000"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, cards := sheet(t, 4)
			tt.change(&s, cards)
			var out bytes.Buffer
			if err := report.CodeSheetPDF(&out, s); err == nil || !strings.Contains(err.Error(), tt.want) || out.Len() > 0 {
				t.Errorf("CodeSheetPDF = %v, %d bytes; want %q and none", err, out.Len(), tt.want)
			}
		})
	}
}

// TestPrintedEqually prints each document several times: equal input, equal bytes.
func TestPrintedEqually(t *testing.T) {
	p := posters(t)["ru"]
	s, _ := sheet(t, 12)
	onePoster, oneSheet := poster(t, p), codeSheet(t, s)
	for range 8 {
		if !bytes.Equal(poster(t, p), onePoster) {
			t.Fatal("two posters of the same words differ")
		}
		if !bytes.Equal(codeSheet(t, s), oneSheet) {
			t.Fatal("two sheets of the same cards differ")
		}
	}
	p.Made = p.Made.Add(time.Hour)
	if bytes.Equal(poster(t, p), onePoster) {
		t.Error("a poster made an hour later does not say so")
	}
}

// TestPrintedCodesAreRead shows pages to programs that people use: Poppler draws them and finds their words,
// ZBar reads the codes as cameras do.
func TestPrintedCodesAreRead(t *testing.T) {
	for _, tool := range []string{"pdftoppm", "pdftotext", "zbarimg"} {
		if _, err := exec.LookPath(tool); err != nil {
			if os.Getenv("CI") != "" {
				t.Fatalf("no %s: CI installs poppler-utils and zbar-tools", tool)
			}
			t.Skipf("no %s here", tool)
		}
	}
	s, cards := sheet(t, 10)
	p := posters(t)["pl"]
	folder := os.Getenv("CXMIRROR_LOOK") // where to leave the documents for somebody to look at
	if folder == "" {
		folder = t.TempDir()
	}
	show := func(name string, document []byte, dpi string) (words string, read []string) {
		file := filepath.Join(folder, name)
		if err := os.WriteFile(file+".pdf", document, 0o600); err != nil {
			t.Fatal(err)
		}
		run(t, "pdftoppm", "-r", dpi, "-png", "-singlefile", file+".pdf", file)
		words = run(t, "pdftotext", "-layout", file+".pdf", "-")
		return words, strings.Fields(run(t, "zbarimg", "--quiet", "--raw", file+".png"))
	}
	for lang, each := range posters(t) {
		words, read := show("poster-"+string(lang), poster(t, each), "100")
		if !slices.Equal(read, []string{p.Link}) {
			t.Errorf("poster in %s: read %q; want %q", lang, read, p.Link)
		}
		for _, want := range []string{each.Address, each.Minutes} {
			if !strings.Contains(words, want) {
				t.Errorf("poster in %s: no %q among\n%s", lang, want, words)
			}
		}
	}
	words, read := show("sheet", codeSheet(t, s), "150")
	var links []string
	for _, c := range cards {
		links = append(links, c.Link)
		if want := c.Access[:5] + " " + c.Access[5:]; !strings.Contains(words, want) {
			t.Errorf("no %q among\n%s", want, words)
		}
	}
	slices.Sort(links)
	slices.Sort(read)
	if !slices.Equal(read, links) {
		t.Errorf("read %q; want %q", read, links)
	}
}

func run(t *testing.T, name string, arguments ...string) string {
	t.Helper()
	var stderr bytes.Buffer
	c := exec.CommandContext(t.Context(), name, arguments...)
	c.Stderr = &stderr
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", name, arguments, err, stderr.String())
	}
	return string(out)
}

// TestPosterLines holds lines to their ends: no one-letter word at the end of one, no dash at its beginning, and
// an address parted where it cannot be mistyped.
func TestPosterLines(t *testing.T) {
	p := posters(t)["pl"]
	p.Address = "ankiety.przedsiebiorstwo-uslug-komunalnych.przyklad.com.pl/o/czego-oczekujesz-od-tych-ktorzy-wspieraja"
	var address []string
	for _, s := range readPDF(t, poster(t, p)).pages[0].texts {
		words := strings.Fields(strings.ReplaceAll(s.text, "\u00a0", " "))
		if last := words[len(words)-1]; len(last) == 1 {
			t.Errorf("a line ends in a word of one letter: %q", s.text)
		}
		if strings.HasPrefix(s.text, "—") {
			t.Errorf("a line begins with a dash: %q", s.text)
		}
		if strings.Contains(p.Address, s.text) {
			address = append(address, s.text)
		}
	}
	want := []string{"ankiety.przedsiebiorstwo-uslug-komunalnych.przyklad", ".com.pl/o/czego-oczekujesz-od-tych-ktorzy-wspieraja"}
	if !slices.Equal(address, want) {
		t.Errorf("the address is set as %q; want %q", address, want)
	}
}

// FuzzPoster prints whatever words: they all stand within the page, or the poster is refused for want of room.
func FuzzPoster(f *testing.F) {
	f.Add("What matters to you", "Because.", "Answers are kept without names.", "x.example/o/a")
	f.Add(strings.Repeat("Donaudampfschifffahrtsgesellschaft", 9), "", "", "a.b-c_d?e=f&g/h//i")
	f.Add("Щ", strings.Repeat("Щ ", 300), "\xff\u0301\u202e(", strings.Repeat("W", 300))
	code := modules(f, "https://x.example/o/a")
	f.Fuzz(func(t *testing.T, title, purpose, kept, address string) {
		var out bytes.Buffer
		p := report.Poster{Imprint: imprint("en"), Title: title, Purpose: purpose, Kept: []string{kept, title}, Contact: purpose, Address: address, Code: code}
		err := report.PosterPDF(&out, p)
		if errors.Is(err, report.ErrNoRoom) || strings.TrimSpace(title) == "" || strings.TrimSpace(address) == "" {
			if err == nil || out.Len() > 0 {
				t.Fatalf("PosterPDF = %v, %d bytes; want an error and none", err, out.Len())
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		d := readPDF(t, out.Bytes())
		inside(t, &d.pages[0], newRuler(t), 0.08*210*mm)
		letters := func(s string) (n int) {
			for _, r := range s {
				if 'a' <= r && r <= 'z' || 'а' <= r && r <= 'я' {
					n++
				}
			}
			return n
		}
		if got, want := letters(d.pages[0].text()), letters(norm.NFC.String(strings.ToValidUTF8(title+title+purpose+purpose+kept+address, ""))); got != want {
			t.Errorf("%d letters are printed of %d", got, want)
		}
	})
}

// inside fails if anything is drawn beyond a margin, in points.
func inside(t *testing.T, page *printedPage, r *ruler, margin float64) {
	t.Helper()
	within := func(x, y float64) bool {
		return x >= margin-0.1 && x <= page.width-margin+0.1 && y >= margin-0.1 && y <= page.height-margin+0.1
	}
	for _, s := range page.texts {
		if end := s.x + r.width(s); !within(s.x, s.y-0.22*s.size) || !within(end, s.y+0.72*s.size) {
			t.Errorf("%q in %.1f points reaches from %.0f to %.0f at %.0f, on a page of %.0f × %.0f points with a margin of %.0f",
				s.text, s.size, s.x, end, s.y, page.width, page.height, margin)
		}
	}
	for _, p := range page.points {
		if !within(p[0], p[1]) {
			t.Errorf("a line passes %.1f, %.1f on a page of %.0f × %.0f points with a margin of %.0f", p[0], p[1], page.width, page.height, margin)
		}
	}
}

// clear4 fails if words or lines stand within four modules of a code.
func clear4(t *testing.T, page *printedPage, c *printedCode, n int, r *ruler) {
	t.Helper()
	const hair = 0.2 // points: the frame of a poster's code begins where its quiet zone ends
	quiet := 4*c.scale - hair
	left, right := c.x-quiet, c.x+c.scale*float64(n)+quiet
	bottom, top := c.y-c.scale*float64(n)-quiet, c.y+quiet
	for _, s := range page.texts {
		if s.x < right && s.x+r.width(s) > left && s.y < top && s.y+0.6*s.size > bottom {
			t.Errorf("%q stands in the quiet zone of a code", s.text)
		}
	}
	for _, p := range page.points {
		if p[0] > left && p[0] < right && p[1] > bottom && p[1] < top {
			t.Errorf("a line passes the quiet zone of a code at %.1f, %.1f", p[0], p[1])
		}
	}
}

// ruler measures words as they are printed.
type ruler struct{ pdf *fpdf.Fpdf }

func newRuler(tb testing.TB) *ruler {
	tb.Helper()
	regular, semibold, err := charts.Fonts()
	if err != nil {
		tb.Fatal(err)
	}
	pdf := fpdf.New("P", "pt", "A4", "")
	pdf.AddUTF8FontFromBytes("noto", "", regular)
	pdf.AddUTF8FontFromBytes("noto", "B", semibold)
	return &ruler{pdf}
}

func (r *ruler) width(s printedText) float64 {
	style := ""
	if s.bold {
		style = "B"
	}
	r.pdf.SetFont("noto", style, 10)
	return r.pdf.GetStringWidth(s.text) / 10 * s.size
}

// BenchmarkCodeSheet prints the cards of a thousand people, whose QR codes are made already.
func BenchmarkCodeSheet(b *testing.B) {
	s, _ := sheet(b, 1000)
	b.ReportAllocs()
	for b.Loop() {
		var out bytes.Buffer
		if err := report.CodeSheetPDF(&out, s); err != nil {
			b.Fatal(err)
		}
		b.SetBytes(int64(out.Len()))
	}
}
