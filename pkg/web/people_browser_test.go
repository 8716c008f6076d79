package web

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"cxmirror/pkg/survey"
)

// fullPanel is a bench with people of every sort, a file that waits, and a receipt: its addresses by name.
func fullPanel(t *testing.T) (f *field, pages map[string]string) {
	t.Helper()
	f, director := newBench(t)
	people := somePeople(130)
	for i := range people {
		people[i].Name = []string{"Zażółć Gęślą-Jaźń", "Анна Каренина", "Ștefan Țîrlea", "עדי כהן", "Maria Wiśniewska"}[i%5] + fmt.Sprintf(" %d", i)
		people[i].Attributes["location"] = []string{"Kraków", "Łódź", "Санкт-Петербург"}[i%3]
		people[i].Attributes["level"] = fmt.Sprint(i % 4)
		people[i].Language = survey.Language([]string{"pl", "ru", "ro", ""}[i%4])
	}
	people[1].Address, people[2].Active = "", false
	people[3].Name, people[3].Attributes["department"] = strings.Repeat("Wieloczłonowe", 15), strings.Repeat("Oberlandesgericht ", 8)
	f.addPeople(t, people...)
	if _, err := f.store.NoteBounce(t.Context(), survey.DefaultOrganisation, "person5@example.org", true, "550 5.1.1 no such user here", "", noon); err != nil {
		t.Fatal(err)
	}
	panel := f.panelOf(t)
	if _, err := f.store.UnsubscribePeople(t.Context(), survey.DefaultOrganisation, []survey.PersonID{panel["k00000"].ID}, noon); err != nil {
		t.Fatal(err)
	}
	f.invite(t, "named", survey.Identified)
	f.invite(t, "hidden", survey.Anonymous)
	attributes, err := f.store.Attributes(t.Context(), survey.DefaultOrganisation)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range attributes {
		if a.Key == "department" {
			var from []int64
			var into int64
			for _, v := range a.Values {
				switch v.Given {
				case "Sales":
					into = v.ID
				case "sales":
					from = append(from, v.ID)
				}
			}
			if err := f.store.MergeValues(t.Context(), survey.DefaultOrganisation, from, into); err != nil {
				t.Fatal(err)
			}
			if err := f.store.RenameValue(t.Context(), survey.DefaultOrganisation, into, "Sprzedaż"); err != nil {
				t.Fatal(err)
			}
		}
	}
	_, file := director.upload("/people/import", "Załoga – wszyscy.csv", staff+strings.Repeat(strings.Repeat("x", 300)+"@example.org;bez adresu;99;IT;pl\r\n", 3))
	_, wrong := director.upload("/people/import", "columns.csv", "Dział,Miasto\nIT,Łódź\n")
	_, bounces := director.upload("/people/bounces", "bounces.csv", "address,reason\nperson6@example.org,550 5.1.1 unknown user\nstranger@example.org,4.2.2 mailbox full\n")
	erased := director.post(fmt.Sprintf("/people/%d/erase", panel["k00129"].ID), map[string][]string{"sure": {"yes"}, "by": {"letter of 3 March"}})
	if erased.status != http.StatusSeeOther {
		t.Fatalf("erase: %d", erased.status)
	}
	saved, savedAt := director.upload("/people/import", "more.csv", "e-mail,name,department\nnew@example.org,New,IT\nwrong,Wrong,IT\n")
	director.post(savedAt, fieldsOf(t, saved, savedAt))
	return f, map[string]string{
		"list": "/people", "found": "/people?q=anna&where=location:Ł%C3%B3dź&state=active", "nobody": "/people?q=nobody", "person": fmt.Sprintf("/people/%d", panel["k00000"].ID),
		"long": fmt.Sprintf("/people/%d", panel["k00003"].ID), "edit": fmt.Sprintf("/people/%d/edit", panel["k00003"].ID), "erase": fmt.Sprintf("/people/%d/erase", panel["k00004"].ID),
		"receipt": erased.location, "attributes": "/people/attributes", "attribute": "/people/attributes/department", "bounces": bounces,
		"file": "/people/import", "preview": file + "?missing=yes", "columns": wrong, "gone": "/people/import/" + strings.Repeat("0", 32), "result": savedAt,
	}
}

// Every page of the panel, in every look: nothing too wide, and nothing that a checker of accessibility objects to.
func TestPeopleInABrowser(t *testing.T) {
	b := chromium(t)
	f, pages := fullPanel(t)
	languages := map[string]string{"list": "pl", "person": "ru", "preview": "pl", "attribute": "ro", "erase": "ru", "receipt": "ro", "attributes": "ru", "bounces": "pl"}
	for _, look := range looks() {
		b.window(look.width, look.height, look.dark)
		for page, address := range pages {
			language := languages[page]
			if language == "" {
				language = "en"
			}
			b.forget()
			b.language(language)
			b.open(f.http.URL + address)
			name := "people-" + look.name + "-" + page
			b.fits(name)
			b.accessible(name)
			b.whole(name)
		}
	}
}

// A director imports a file with the pointer: chooses it, mends what a column was taken for, looks again, and saves;
// with script and without.
func TestPeopleImportInABrowser(t *testing.T) {
	for _, script := range []bool{true, false} {
		t.Run(fmt.Sprintf("script %t", script), func(t *testing.T) {
			b := chromium(t)
			f, _ := newBench(t)
			file := filepath.Join(t.TempDir(), "Załoga.csv")
			if err := os.WriteFile(file, []byte(staff), 0o600); err != nil {
				t.Fatal(err)
			}
			b.window(390, 844, false)
			b.language("en")
			b.open(f.http.URL + "/people")
			b.script(script)
			b.press(`.empty a.main`)
			b.do(chromedp.SetUploadFiles(chromedp.CSS("#file"), []string{file}))
			b.press(".form button.main")
			if words := b.words(); !strings.Contains(words, "Zażółć Gęślą") || !strings.Contains(words, "2 rows are rejected") {
				t.Fatalf("the preview says %.600s", words)
			}
			b.do(chromedp.SetValue(chromedp.CSS(`[name="as.D"]`), "ignored"))
			b.press(`.form.wide button.main`) // nobody has seen yet what comes of it: the page is shown again
			if n := len(f.panelOf(t)); n != 0 || !strings.Contains(b.words(), "This would happen") {
				t.Fatalf("%d people were stored of choices nobody has seen: %.300s", n, b.words())
			}
			b.press(`.form.wide button.main`)
			if words := b.words(); !strings.Contains(words, "The panel has 3 people now") {
				t.Fatalf("the result says %.600s", words)
			}
			if p := f.panelOf(t)["17"]; p.Name != "Zażółć Gęślą" || len(p.Attributes) != 0 {
				t.Errorf("stored %+v", p)
			}
			if !script {
				return
			}
			b.open(f.http.URL + "/people")
			b.click("[data-all]")
			b.press(`[name=do][value=deactivate]`)
			if words := b.words(); !strings.Contains(words, "3 people are inactive now.") {
				t.Errorf("after all were ticked: %.400s", words)
			}
		})
	}
}
