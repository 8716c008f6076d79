package web

import (
	"bytes"
	"fmt"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	commands "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/chromedp"

	"cxmirror/surveys"
)

// sendFile chooses a file and sends the form it is in.
func (b *browser) sendFile(file string) {
	b.t.Helper()
	b.do(chromedp.SetUploadFiles(chromedp.CSS("#file"), []string{file}))
	b.press("form.form button.main")
}

// A director sends files, good ones and bad ones, at every size and in both colours: what comes back fits the
// window, can be read by everybody, and says what became of the file.
func TestSendingFilesInABrowser(t *testing.T) {
	b := chromium(t)
	f, director := newBench(t)
	twoSides(t, f)
	folder := t.TempDir()
	keep := func(name, content string) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	lines := strings.SplitN(director.look("/waves/1/answers.csv").body, "\n", 12)
	good := keep("answers.csv", strings.Join(lines[:11], "\n")+"\n")
	channel := slices.Index(strings.Split(lines[0], ","), "channel")
	for i := 1; i < 9; i += 2 {
		cells := strings.Split(lines[i], ",")
		cells[channel] = "a-carrier-pigeon-with-a-very-long-name-that-goes-on-and-on"
		lines[i] = strings.Join(cells, ",")
	}
	mixed := keep("answers of the spring, second attempt (corrected).csv", strings.Join(lines[:11], "\n")+"\n")
	source, err := surveys.Questionnaire("external-expectations")
	if err != nil {
		t.Fatal(err)
	}
	long := "Klienci indywidualni i biznesowi, pomiar wiosenny 2027 w regionie północno-wschodnim"
	for _, look := range []struct {
		name          string
		width, height int64
		dark          bool
	}{{"1280-light", 1280, 800, false}, {"1280-dark", 1280, 800, true}, {"390-light", 390, 844, false}, {"390-dark", 390, 844, true}} {
		b.window(look.width, look.height, look.dark)
		b.language("en")
		imports := f.http.URL + "/waves/1/import"
		for _, scene := range []struct {
			name, address, file string
			words               string
		}{
			{"import-good", imports, good, "Store 10 responses"},
			{"import-mixed", imports, mixed, "Rejected rows"},
			{"import-columns", imports, keep("people.csv", "Imię,Nazwisko\nAda,Nowak\n"), "This cannot be read"},
			{"import-spreadsheet", imports, keep("answers.txt", "PK\x03\x04\x14\x00\x06\x00\x08\x00"), "This cannot be read"},
			{"import-empty", imports, keep("empty.csv", ""), "is empty: there is nothing in it"},
			{"own-bad", f.http.URL + "/waves/new", keep("bad.yaml", strings.Replace(everyKind, "kind: single", "kind: singel", 1)+"\ncolour: red\n"), "in the questionnaire"},
			{"own-good", f.http.URL + "/waves/new", keep("good.yaml", strings.Replace(string(source), "code: external-expectations", "code: own-"+look.name, 1)), "Promise to respondents"},
			{"nothing", f.http.URL + "/waves/99", "", "There is nothing here"},
		} {
			name := "files-" + look.name + "-" + scene.name
			b.open(scene.address)
			if strings.HasPrefix(scene.name, "own") {
				b.click("input[name=questionnaire][value=own]")
				b.do(chromedp.SetValue(chromedp.CSS("#name"), long))
				b.do(chromedp.SetValue(chromedp.CSS("#slug"), scene.name+"-"+look.name))
			}
			if scene.file != "" {
				b.sendFile(scene.file)
			}
			if got := b.words(); !strings.Contains(got, scene.words) {
				t.Errorf("%s: %q is not in %.600s", name, scene.words, got)
			}
			b.fits(name)
			b.accessible(name)
			b.whole(name)
		}
	}
}

// Closing asks nothing, says so, and a respondent who comes too late meets a page that says so in her language.
func TestClosingInABrowser(t *testing.T) {
	b := chromium(t)
	f, _ := newBench(t)
	twoSides(t, f)
	b.window(390, 844, false)
	b.language("en")
	b.open(f.http.URL + "/waves/1")
	b.press(`form[action="/waves/1/close"] button`)
	if got := b.words(); !strings.Contains(got, "No answers are taken") || !strings.Contains(got, "Open again") {
		t.Errorf("after closing: %.600s", got)
	}
	b.fits("closed")
	b.accessible("closed")
	b.whole("closed-wave")
	b.language("pl")
	b.open(f.http.URL + "/o/customers")
	b.check("closed for respondents")
	b.whole("closed-respondent")
}

// The database goes away between a form and its sending: the page of the error shows what was typed.
func TestTroubleInABrowser(t *testing.T) {
	b := chromium(t)
	f, _ := newBench(t)
	twoSides(t, f)
	b.language("pl")
	b.window(390, 844, false)
	b.open(f.http.URL + "/waves/1/edit")
	typed := "Klienci, pomiar wiosenny 2027\nW drugim wierszu: " + strings.Repeat("dłuuuuuuuugo", 12)
	b.do(chromedp.SetValue(chromedp.CSS("#purpose-pl"), typed))
	if err := f.store.Close(); err != nil {
		t.Fatal(err)
	}
	b.press("form.form button.main")
	for _, look := range []struct {
		name   string
		width  int64
		height int64
		dark   bool
	}{{"390-light", 390, 844, false}, {"390-dark", 390, 844, true}, {"1280-light", 1280, 800, false}} {
		b.window(look.width, look.height, look.dark)
		name := "trouble-" + look.name
		if got := b.words(); !strings.Contains(got, "W drugim wierszu") || !strings.Contains(got, "Wyślij ponownie") {
			t.Errorf("%s: %.600s", name, got)
		}
		b.fits(name)
		b.accessible(name)
		b.whole(name)
	}
}

// The PNG of a picture arrives as a file, in twice the size, with both sides on it.
func TestPictureIsDownloaded(t *testing.T) {
	b := chromium(t)
	f, _ := newBench(t)
	twoSides(t, f)
	folder := t.TempDir()
	tell(b, commands.SetDownloadBehavior, commands.SetDownloadBehaviorParams{Behavior: commands.SetDownloadBehaviorBehaviorAllow, DownloadPath: folder})
	b.window(1280, 800, true) // dark: the picture is for paper and slides all the same
	b.language("en")
	b.open(f.http.URL + "/divergence")
	b.alive("divergence")
	for _, name := range []string{"mirror", "difference", "slope"} {
		b.click(fmt.Sprintf("#%s .downloads button", name))
	}
	var content []byte
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		var err error
		if content, err = os.ReadFile(filepath.Join(folder, "expectations-mirror.png")); err == nil && bytes.HasSuffix(content, []byte("IEND\xaeB`\x82")) {
			break
		}
		if time.Now().After(deadline) {
			there, _ := filepath.Glob(filepath.Join(folder, "*"))
			t.Fatalf("no PNG came: %v, there are %v", err, there)
		}
	}
	image, err := png.Decode(bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	colours := map[[3]uint32]int{}
	for y := range image.Bounds().Dy() {
		for x := range image.Bounds().Dx() {
			r, g, b, _ := image.At(x, y).RGBA()
			colours[[3]uint32{r >> 8, g >> 8, b >> 8}]++
		}
	}
	blue, orange := colours[[3]uint32{0x25, 0x63, 0xeb}], colours[[3]uint32{0xea, 0x58, 0x0c}]
	if size := image.Bounds().Size(); size.X < 1600 || blue < 1000 || orange < 1000 {
		t.Errorf("%v with %d blue and %d orange dots", size, blue, orange)
	}
	if dir := os.Getenv("CXMIRROR_PICTURES"); dir != "" {
		if err := os.WriteFile(filepath.Join(dir, "downloaded.png"), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
