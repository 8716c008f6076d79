package report_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"cxmirror/charts"
	"cxmirror/pkg/findings"
	"cxmirror/pkg/report"
	"cxmirror/pkg/survey"
	"cxmirror/pkg/tally"
)

// longList is a questionnaire whose labels are as long as labels get, in Polish and Russian too, with one word that
// no line can break.
const longList = `
code: long
languages: [en, pl, ro, ru]
title: {en: What matters, pl: Co jest ważne, ro: Ce contează, ru: Что важно}
items:
  - code: care
    kind: rating
    text:
      en: How important is each of these to you when you deal with us, by phone, by e-mail or in person?
      pl: Jak ważne jest dla Państwa każde z poniższych w kontakcie z nami, telefonicznym, mailowym lub osobistym?
      ro: Cât de important este pentru dumneavoastră fiecare dintre următoarele, la telefon, prin e-mail sau personal?
      ru: Насколько важно для Вас каждое из перечисленного, когда Вы обращаетесь к нам по телефону, почте или лично?
    scale: {min: 1, max: 5, top: 1, cannot_say: true}
    rows:
      - code: first
        text:
          en: My request is solved for good the first time I get in touch
          pl: Sprawa zostaje załatwiona raz na zawsze przy pierwszym kontakcie
          ro: Cererea mea este rezolvată definitiv de la primul contact cu ei
          ru: Мой вопрос решают окончательно уже при самом первом обращении
      - code: word
        text: {en: Rindfleischetikettierungsüberwachungsaufgabenübertragungsgesetz, pl: Konstantynopolitańczykowianeczkowiczówna, ro: Pneumonoultramicroscopicsilicovolcaniconioză, ru: Рентгеноэлектрокардиографического}
      - {code: short, text: {en: Ease, pl: Wygoda, ro: Ușor, ru: Удобно}}
      - {code: nobody, text: {en: Nobody can say, pl: Nikt nie wie, ro: Nimeni nu știe, ru: Никто не знает}}
`

var languages = []survey.Language{"en", "pl", "ro", "ru"}

// comparisonOf compares 90 external and 40 internal answers to longList. Below a threshold it is withheld.
func comparisonOf(t *testing.T, threshold int) *report.Comparison {
	t.Helper()
	q, err := survey.Parse([]byte(longList), "long.yaml", nil)
	if err != nil {
		t.Fatal(err)
	}
	waveOf := func(audience survey.Audience, people int, points ...string) *tally.Wave {
		w := tally.New(q, audience, threshold)
		d := q.NewDecoder()
		for n := range people {
			rec := survey.Record{Weight: 1, Values: make([]survey.Value, len(q.Columns()))}
			for i := range rec.Values {
				if problem := d.Decode(i, points[(n+i*n)%len(points)], &rec.Values[i]); problem != nil {
					t.Fatal(problem)
				}
			}
			if problem := d.Decode(3, survey.CannotSayWord, &rec.Values[3]); problem != nil {
				t.Fatal(problem)
			}
			w.Add(&rec)
		}
		return w
	}
	c := &report.Comparison{
		Settings: findings.Settings{}.WithDefaults(), Questionnaire: q, Item: &q.Items[0],
		External: report.Source{Name: "customers.csv", Rows: 12_345, Accepted: 90, Filtered: 12_250, Rejected: 5},
		Internal: report.Source{Name: "a\x1b[2J\u202efolder/employees.csv", Rows: 40, Accepted: 40},
		Made:     time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), Program: "cxmirror test",
	}
	if err := c.Compare(waveOf(survey.External, 90, "5", "3", "5", "4"), waveOf(survey.Internal, 40, "2", "5", "1"), "care"); err != nil {
		t.Fatal(err)
	}
	return c
}

func newWriter(t *testing.T) *report.Writer {
	t.Helper()
	w, err := report.NewWriter()
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func textOf(t *testing.T, w *report.Writer, c *report.Comparison, lang survey.Language, width int) string {
	t.Helper()
	var out bytes.Buffer
	if err := w.Text(&out, c, lang, width); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// Every width from a phone's to a wide terminal's, in every language: no line is longer, and no word of a label is
// lost above the table of figures, which may shorten them.
func TestTextFitsItsWidth(t *testing.T) {
	w, c := newWriter(t), comparisonOf(t, 5)
	for _, lang := range languages {
		for width := 60; width <= 170; width++ {
			text := textOf(t, w, c, lang, width)
			for line := range strings.Lines(text) {
				if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > width {
					t.Fatalf("%s at %d: a line of %d: %s", lang, width, n, line)
				}
			}
			for _, row := range c.Item.Rows {
				for word := range strings.FieldsSeq(row.Text.In(lang)) {
					if utf8.RuneCountInString(word) < 12 && !strings.Contains(text, word) {
						t.Errorf("%s at %d: %q is lost:\n%s", lang, width, word, text)
					}
				}
			}
		}
	}
	if narrow, least := textOf(t, w, c, "en", 5), textOf(t, w, c, "en", 60); narrow != least {
		t.Error("a width below 60 is not taken as 60")
	}
	if textOf(t, w, c, "en", 0) != textOf(t, w, c, "en", report.DefaultTextWidth) {
		t.Error("no width is not the default")
	}
}

// A terminal obeys what a file's name commands, so the name is printed without commands.
func TestTextPrintsNoCommands(t *testing.T) {
	w, c := newWriter(t), comparisonOf(t, 5)
	for _, lang := range languages {
		if text := textOf(t, w, c, lang, 100); strings.ContainsAny(text, "\x1b\u202e") || !strings.Contains(text, "employees.csv") {
			t.Errorf("%s: %q", lang, text)
		}
	}
}

// What happened to every row is said: how many were read, counted, left out, refused.
func TestWhereTheAnswersComeFrom(t *testing.T) {
	w, c := newWriter(t), comparisonOf(t, 5)
	text := strings.Join(strings.Fields(textOf(t, w, c, "en", 100)), " ")
	for _, want := range []string{"customers.csv: 12,345 rows, 90 counted, 12,250 left out by the map, 5 rejected", "5 rows were rejected"} {
		if !strings.Contains(text, want) {
			t.Errorf("the text does not say %q:\n%s", want, text)
		}
	}
	if text := textOf(t, w, c, "pl", 100); !strings.Contains(text, "12\u00a0345") {
		t.Errorf("in Polish thousands are parted by a no-break space:\n%s", text)
	}
}

// JSON has no NaN: what nobody could say is null, and what is known of it stands.
func TestWhatIsUndefinedIsNull(t *testing.T) {
	var out bytes.Buffer
	if err := newWriter(t).JSON(&out, comparisonOf(t, 5), "en"); err != nil {
		t.Fatal(err)
	}
	var c struct {
		Items []struct {
			Code                           string
			External, Internal, Difference *float64
			Low, High, P                   float64
			Verdict                        string
		}
		External struct {
			Ranking []struct {
				Code  string
				Share *float64
				Count int
			}
		}
	}
	if err := json.Unmarshal(out.Bytes(), &c); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	if len(c.Items) != 4 {
		t.Fatalf("%d items", len(c.Items))
	}
	for _, it := range c.Items {
		if undefined := it.Difference == nil; undefined != (it.Code == "nobody") {
			t.Errorf("%s: difference undefined: %v", it.Code, undefined)
		}
		if it.Code == "nobody" && (it.Verdict != "unknown" || it.P != 1 || it.External != nil || it.Internal != nil) {
			t.Errorf("what nobody could say: %+v", it)
		}
	}
	for _, e := range c.External.Ranking {
		if (e.Share == nil) != (e.Code == "nobody") {
			t.Errorf("%s: share %v", e.Code, e.Share)
		}
	}
}

// Below the threshold there are words and no figures, whatever the format.
func TestWithheld(t *testing.T) {
	w, c := newWriter(t), comparisonOf(t, 41)
	if c.Divergence != nil || c.Withheld == nil || c.Withheld.Audience != survey.Internal || !errors.Is(c.Withheld, tally.ErrWithheld) {
		t.Fatalf("divergence %v, withheld %v", c.Divergence, c.Withheld)
	}
	for _, lang := range languages {
		var object, page bytes.Buffer
		if err := errors.Join(w.JSON(&object, c, lang), w.HTML(t.Context(), &page, c, lang, nil)); err != nil {
			t.Fatal(err)
		}
		// The style's figures are no findings.
		visible := regexp.MustCompile(`(?s)<style>.*</style>`).ReplaceAllString(page.String(), "")
		for format, said := range map[string]string{"text": textOf(t, w, c, lang, 100), "json": object.String(), "html": visible} {
			if leak := regexp.MustCompile(`\b(40|90|12.?345|12.?250)\b`).FindString(said); leak != "" || !strings.Contains(said, "41") {
				t.Errorf("%s in %s: tells %q, or not the threshold:\n%s", format, lang, leak, said)
			}
		}
		if strings.Contains(visible, "<ul></ul>") || strings.Contains(visible, "<svg") || strings.Contains(visible, "<table") {
			t.Errorf("%s: a page about nothing has lists, pictures or tables:\n%s", lang, visible)
		}
	}
}

// The page is in the reader's language, has its finding for a title, and a table behind the pictures.
func TestPage(t *testing.T) {
	engine, err := charts.NewEngine()
	if err != nil {
		t.Fatal(err)
	}
	w, c := newWriter(t), comparisonOf(t, 5)
	c.Simulated = true
	speaker, err := findings.NewSpeaker()
	if err != nil {
		t.Fatal(err)
	}
	for _, lang := range languages {
		var out bytes.Buffer
		if err := w.HTML(t.Context(), &out, c, lang, engine); err != nil {
			t.Fatal(err)
		}
		page := out.String()
		headline, _ := speaker.Headline(c.Divergence, lang)
		for _, want := range []string{
			fmt.Sprintf("<html lang=%q>", lang), "<title>" + headline + "</title>", "<h1>" + headline + "</h1>", "2026-03-01", "cxmirror test", `class="badge"`,
		} {
			if !strings.Contains(page, want) {
				t.Errorf("%s: the page lacks %q", lang, want)
			}
		}
		for _, row := range c.Item.Rows {
			if label := row.Text.In(lang); !strings.Contains(page, `<th scope="row">`+label+"</th>") {
				t.Errorf("%s: no row for %q", lang, label)
			}
		}
		if n := strings.Count(page, "<svg"); n < 3 {
			t.Errorf("%s: %d pictures", lang, n)
		}
		for _, slip := range []string{"<no value>", "NaN", "%!", "<th scope=\"row\"></th>", "<h2></h2>", "<li></li>", "<p></p>", "<figcaption></figcaption>"} {
			if strings.Contains(page, slip) {
				t.Errorf("%s: the page has %q", lang, slip)
			}
		}
	}
	stopped, stop := context.WithCancel(t.Context())
	stop()
	var out bytes.Buffer
	if err := w.HTML(stopped, &out, comparisonOf(t, 5), "en", engine); err == nil && !strings.Contains(out.String(), "</html>") || err != nil && out.Len() > 0 {
		t.Errorf("half a page was written: %v", err)
	}
}

// One writer serves many at once, and says the same to all.
func TestWriterIsSafeForConcurrentUse(t *testing.T) {
	w, c := newWriter(t), comparisonOf(t, 5)
	want := map[survey.Language]string{}
	for _, lang := range w.Languages() {
		want[lang] = textOf(t, w, c, lang, 90)
	}
	if len(want) != len(languages) {
		t.Errorf("languages %v", w.Languages())
	}
	var wait sync.WaitGroup
	for n := range 16 {
		wait.Go(func() {
			lang := languages[n%len(languages)]
			var text, object bytes.Buffer
			if err := errors.Join(w.Text(&text, c, lang, 90), w.JSON(&object, c, lang)); err != nil || text.String() != want[lang] {
				t.Errorf("%s: %v, or another text", lang, err)
			}
		})
	}
	wait.Wait()
}

// A full disk is an error, not a shorter report.
func TestWritingThatFails(t *testing.T) {
	w, c := newWriter(t), comparisonOf(t, 5)
	engine, err := charts.NewEngine()
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Text(full{}, c, "en", 100); !errors.Is(err, errFull) {
		t.Errorf("text: %v", err)
	}
	if err := w.JSON(full{}, c, "en"); !errors.Is(err, errFull) {
		t.Errorf("json: %v", err)
	}
	if err := w.HTML(t.Context(), full{}, c, "en", engine); !errors.Is(err, errFull) {
		t.Errorf("html: %v", err)
	}
}

var errFull = errors.New("no space left")

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errFull }

// Every phrase is there in every language, with the same figures in it, and is used; and every phrase that the
// page asks for is given to it, since a template prints nothing for a word it does not have.
func TestPhrases(t *testing.T) {
	catalogue := map[survey.Language]map[string]string{}
	for _, lang := range languages {
		// A phrase begins with its key at the margin, and its plural forms are indented.
		catalogue[lang] = map[string]string{}
		key := ""
		for line := range strings.Lines(filesLike(t, "phrases/"+string(lang)+".yaml")) {
			if before, _, found := strings.Cut(line, ":"); found && regexp.MustCompile(`^\w+$`).MatchString(before) {
				key, line = before, line[len(before)+1:]
			}
			catalogue[lang][key] += line
		}
		if len(catalogue[lang]) < 30 {
			t.Fatalf("%s has %d phrases", lang, len(catalogue[lang]))
		}
	}
	source, template := filesLike(t, "*.go"), filesLike(t, "templates/*.html")
	figures := regexp.MustCompile(`\{\{\.(\w+)\}\}`)
	in := func(phrase string) []string {
		names := []string{}
		for _, m := range figures.FindAllStringSubmatch(phrase, -1) {
			if m[1] != "Count" && !slices.Contains(names, m[1]) { // "one" may be said in words
				names = append(names, m[1])
			}
		}
		slices.Sort(names)
		return names
	}
	for key, phrase := range catalogue["en"] {
		for _, lang := range languages[1:] {
			other, there := catalogue[lang][key]
			if !there || !slices.Equal(in(other), in(phrase)) {
				t.Errorf("%s of %s says %v; in English it says %v", key, lang, in(other), in(phrase))
			}
			if other == phrase && regexp.MustCompile(`\p{L}{3,} \p{L}`).MatchString(phrase) {
				t.Errorf("%s of %s is English", key, lang)
			}
		}
		if !strings.Contains(source, `"`+key+`"`) && !strings.Contains(template, ".Say."+key) {
			t.Errorf("nothing says %s", key)
		}
	}
	for _, lang := range languages[1:] {
		if len(catalogue[lang]) != len(catalogue["en"]) {
			t.Errorf("%s has %d phrases, English %d", lang, len(catalogue[lang]), len(catalogue["en"]))
		}
	}
	asked := regexp.MustCompile(`\.Say\.(\w+)`).FindAllStringSubmatch(template, -1)
	if len(asked) < 10 {
		t.Fatalf("the page asks for %d phrases", len(asked))
	}
	for _, m := range asked {
		if _, there := catalogue["en"][m[1]]; !there || !strings.Contains(source, `"`+m[1]+`"`) {
			t.Errorf("the page asks for %s and is not given it", m[1])
		}
	}
}

// filesLike is the text of all files of a pattern, tests apart.
func filesLike(t *testing.T, pattern string) string {
	t.Helper()
	names, err := filepath.Glob(pattern)
	if err != nil || len(names) == 0 {
		t.Fatalf("%s: no such files, %v", pattern, err)
	}
	var text strings.Builder
	for _, name := range names {
		src, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(name, "_test.go") {
			text.Write(src)
		}
	}
	return text.String()
}
