package web

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math"
	"math/rand/v2"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"cxmirror/pkg/store"
	"cxmirror/pkg/survey"
)

// checkered is a picture in two colours, half of which can be seen through.
func checkered(width, height int) image.Image {
	picture := image.NewNRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			if (x/16+y/16)%2 == 0 {
				picture.Set(x, y, color.NRGBA{0x1d, 0x4e, 0xd8, 0xff})
			}
		}
	}
	return picture
}

// noisy is a picture that nothing packs well.
func noisy(width, height int) image.Image {
	random := rand.New(rand.NewPCG(1, 2))
	picture := image.NewNRGBA(image.Rect(0, 0, width, height))
	for i := range picture.Pix {
		picture.Pix[i] = uint8(random.Uint32())
	}
	return picture
}

func asPNG(t *testing.T, picture image.Image) []byte {
	t.Helper()
	var file bytes.Buffer
	if err := png.Encode(&file, picture); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

func asJPEG(t *testing.T, picture image.Image) []byte {
	t.Helper()
	var file bytes.Buffer
	if err := jpeg.Encode(&file, picture, nil); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// chunk is a part of a PNG file.
func chunk(kind, content string) []byte {
	part := binary.BigEndian.AppendUint32(nil, uint32(len(content)))
	part = append(append(part, kind...), content...)
	return binary.BigEndian.AppendUint32(part, crc32.ChecksumIEEE(part[4:]))
}

// onePixel is a WebP of one pixel.
const onePixel = "UklGRiIAAABXRUJQVlA4IBYAAAAwAQCdASoBAAEADsD+JaQAA3AAAAAA"

// What is kept of a logo is a picture alone, as large as it is shown, whatever was sent.
func TestLogosAreDrawnAnew(t *testing.T) {
	secret := "<script>alert(1)</script> taken at 52.2297 N"
	plain := asPNG(t, checkered(1000, 400))
	withText := append(append(bytes.Clone(plain[:33]), chunk("tEXt", "Comment\x00"+secret)...), plain[33:]...) // behind the header
	photo := asJPEG(t, noisy(900, 900))
	withPlace := append(append(bytes.Clone(photo[:2]), append([]byte{0xff, 0xe1, 0, byte(len(secret) + 2)}, secret...)...), photo[2:]...)
	webp, err := base64.StdEncoding.DecodeString(onePixel)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, kind    string
		file          []byte
		width, height int // at most
	}{
		{"PNG", "image/png", plain, 480, 192},
		{"PNG with a text", "image/png", withText, 480, 192},
		{"small PNG", "image/png", asPNG(t, checkered(20, 10)), 20, 10},
		{"PNG with a tail", "image/png", append(bytes.Clone(plain), secret...), 480, 192},
		{"tall", "image/png", asPNG(t, checkered(2, 2000)), 1, 192},
		{"noise", "image/png", asPNG(t, noisy(700, 120)), 640, 192},
		{"JPEG with a place", "image/jpeg", withPlace, 192, 192},
		{"WebP", "image/png", webp, 1, 1},
	} {
		logo, kind, err := makeLogo(tt.file)
		if err != nil || kind != tt.kind || len(logo) > logoLimit {
			t.Errorf("%s: %s of %d bytes, %v; want %s", tt.name, kind, len(logo), err, tt.kind)
			continue
		}
		if bytes.Contains(logo, []byte("script")) || bytes.Contains(logo, []byte("taken at")) {
			t.Errorf("%s: what was in the file is kept", tt.name)
		}
		drawn, _, err := image.DecodeConfig(bytes.NewReader(logo))
		if err != nil || drawn.Width > tt.width || drawn.Height > tt.height || drawn.Width < 1 {
			t.Errorf("%s: %d x %d, %v; want at most %d x %d", tt.name, drawn.Width, drawn.Height, err, tt.width, tt.height)
		}
	}
}

// What is no picture that every browser shows is refused, and nothing large is made of something small.
func TestLogosRefused(t *testing.T) {
	huge := append([]byte("\x89PNG\r\n\x1a\n"), chunk("IHDR", "\x00\x00\xff\xff\x00\x00\xff\xff\x08\x06\x00\x00\x00")...)
	long := append([]byte("\x89PNG\r\n\x1a\n"), chunk("IHDR", "\x00\x00\x08\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00")...)
	for _, tt := range []struct {
		name string
		file []byte
		want logoError
	}{
		{"nothing", nil, errLogoEmpty},
		{"SVG", []byte(`<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>`), errLogoSVG},
		{"SVG behind a declaration", []byte("\ufeff<?xml version=\"1.0\"?><!-- x --><svg/>"), errLogoSVG},
		{"SVG in capitals", []byte("<!DOCTYPE svg><SVG/>"), errLogoSVG},
		{"packed SVG", []byte("\x1f\x8b\x08\x00"), errLogoSVG},
		{"a page", []byte("<!doctype html><script>alert(1)</script>"), errLogoOther},
		{"GIF", []byte("GIF89a\x01\x00\x01\x00"), errLogoOther},
		{"a program", []byte("MZ\x90\x00"), errLogoOther},
		{"the beginning of a PNG", asPNG(t, checkered(100, 100))[:60], errLogoBroken},
		{"the name of a PNG", []byte("\x89PNG\r\n\x1a\nhello"), errLogoBroken},
		{"half a JPEG", asJPEG(t, noisy(100, 100))[:300], errLogoBroken},
		{"the name of a WebP", []byte("RIFF\x10\x00\x00\x00WEBPVP8 hello"), errLogoBroken},
		{"4,294,836,225 pixels in 33 bytes", huge, errLogoBig},
		{"one pixel too wide", long, errLogoBig},
		{"too many bytes", append(asPNG(t, checkered(10, 10)), make([]byte, logoFileLimit)...), errLogoLarge},
	} {
		if _, _, err := makeLogo(tt.file); err != tt.want { //nolint:errorlint // it is returned as it is
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
}

// Contrasts as WCAG 2.2 has them: black on white, the grey that is just dark enough for words, and the next one.
func TestContrast(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want float64
	}{{"#000000", "#ffffff", 21}, {"#ffffff", "#ffffff", 1}, {"#767676", "#ffffff", 4.54}, {"#777777", "#ffffff", 4.48}, {"#ff0000", "#ffffff", 4.00}, {"#0000ff", "#ffffff", 8.59}} {
		a, _ := readColour(tt.a)
		b, _ := readColour(tt.b)
		if got := contrast(a, b); math.Abs(got-tt.want) > 0.005 || got != contrast(b, a) {
			t.Errorf("contrast(%s, %s) = %.3f, want %.2f", tt.a, tt.b, got, tt.want)
		}
	}
}

// Whatever colour is chosen, words on it can be read and it can be seen, on light pages and on dark ones; one that
// can already stays as it is.
func TestAccentsCanBeSeen(t *testing.T) {
	for red := 0; red < 256; red += 17 {
		for green := 0; green < 256; green += 17 {
			for blue := 0; blue < 256; blue += 17 {
				chosen := rgb{uint8(red), uint8(green), uint8(blue)}
				for _, pages := range [][]rgb{lightPages, darkPages} {
					got := shadeFor(chosen, pages)
					for _, page := range pages {
						if contrast(got.Colour, page) < shapeContrast || contrast(got.Ink, got.Colour) < textContrast {
							t.Fatalf("%s on %s: %+v", chosen, page, got)
						}
					}
					if got.Given != (got.Colour == chosen) {
						t.Fatalf("%s: %+v", chosen, got)
					}
				}
			}
		}
	}
	if light, dark := accentOf(rgb{0x1d, 0x4e, 0xd8}); !light.Given || light.Ink != white || dark.Given {
		t.Errorf("the product's own blue: %+v on light pages, %+v on dark ones", light, dark)
	}
	for text, want := range map[string]bool{"#1d4ed8": true, "#1D4ED8": true, "1d4ed8": false, "#fff": false, "#1d4ed8ff": false, "red": false, "": false, "#gggggg": false} {
		if _, got := readColour(text); got != want {
			t.Errorf("readColour(%q): %v", text, got)
		}
	}
}

// An owner changes the organisation: what she sends is stored, shown in the frame and told to the audit trail; what
// cannot be is said beside its field, and the rest of the form stays as it was typed.
func TestOrganisationPage(t *testing.T) {
	eachBench(t, func(t *testing.T, f *field, owner *person, _ func(string)) {
		mustSay(t, owner.look("/organisation"), 200, "Name and look", `name="threshold" type="number" value="5"`)
		got := owner.sendForm("/organisation", map[string]string{
			"name": " Example   Ltd ", "own_accent": "1", "accent": "#B91C1C", "first": "ro", "languages": "pl", "threshold": "7", "comments": "12", "retention": "90",
		}, map[string][2]string{"logo": {"logo.svg.png", string(asPNG(t, checkered(400, 100)))}})
		if got.status != http.StatusSeeOther || got.location != "/organisation?saved=1" {
			t.Fatalf("saved: %d %s\n%s", got.status, got.location, wrongWords(got.body))
		}
		stored, err := f.store.Organisation(t.Context(), survey.DefaultOrganisation)
		if err != nil || stored.Name != "Example Ltd" || stored.Accent != "#b91c1c" || len(stored.Languages) != 2 || stored.Languages[0] != "ro" || stored.Languages[1] != "pl" ||
			stored.Threshold != 7 || stored.Comments != 12 || stored.Retention != 90 || stored.LogoKind != "image/png" {
			t.Errorf("stored %q %q %v %d %d %d %s, %v", stored.Name, stored.Accent, stored.Languages, stored.Threshold, stored.Comments, stored.Retention, stored.LogoKind, err)
		}
		page := owner.look(got.location)
		mustSay(t, page, 200, "Saved.", "On light pages as it is: contrast 6.1 : 1", "Example Ltd", `href="/accent/b91c1c.css"`)
		events, _, err := f.store.AuditEvents(t.Context(), survey.DefaultOrganisation, store.AuditQuery{Action: "organisation"})
		if err != nil || len(events) != 1 || events[0].Details["threshold"] != "7" || events[0].Details["logo"] != "image/png" || events[0].Details["languages"] != "ro, pl" {
			t.Errorf("audit trail: %+v, %v", events, err)
		}

		// The style and the logo are there for everybody who was shown their addresses.
		visitor := f.person(t)
		style := visitor.get("/accent/b91c1c.css")
		if style.status != 200 || !strings.HasPrefix(style.header.Get("Content-Type"), "text/css") || !strings.Contains(style.body, "--accent: #b91c1c; --accent-ink: #ffffff") {
			t.Errorf("style: %d %s %s", style.status, style.header.Get("Content-Type"), style.body)
		}
		address := regexp.MustCompile(`/logo/1-[0-9a-f]{24}`).FindString(page.body)
		logo := visitor.get(address)
		if logo.status != 200 || logo.header.Get("Content-Type") != "image/png" || logo.body != string(stored.Logo) || !strings.Contains(logo.header.Get("Cache-Control"), "immutable") {
			t.Errorf("logo %s: %d %s", address, logo.status, logo.header.Get("Content-Type"))
		}
		for _, wrong := range []string{"/logo/1", "/logo/1-", "/logo/2" + address[7:], "/logo/1-000000000000000000000000", "/logo/x-1", "/logo/99999999999999999999-1", "/accent/b91c1c", "/accent/red.css", "/accent/..%2fb91c1c.css"} {
			if got := visitor.get(wrong); got.status != http.StatusNotFound {
				t.Errorf("%s: status %d", wrong, got.status)
			}
		}

		// A respondent sees whose survey it is, with nothing more to load.
		f.addWave(t, "external-expectations", survey.Wave{Name: "Customers", Audience: survey.External, Slug: "customers", OpenLink: true})
		mustSay(t, f.person(t).get("/o/customers"), 200, `<img src="data:image/png;base64,`, `alt="Example Ltd"`)

		// Nothing that is wrong is stored, and what was typed comes back.
		refused := owner.sendForm("/organisation", map[string]string{
			"name": "", "own_accent": "1", "accent": "red", "languages": "xx", "threshold": "9", "comments": "8", "retention": "99999",
		}, map[string][2]string{"logo": {"logo.png", "<svg onload=alert(1)>"}})
		mustSay(t, refused, http.StatusUnprocessableEntity, "6 fields need another look", "Give it a name.", "six digits", "Choose one of these languages.", "“logo.png” is SVG", `value="99999"`, `value="red"`)
		again, err := f.store.Organisation(t.Context(), survey.DefaultOrganisation)
		if err != nil || again.Name != "Example Ltd" || !bytes.Equal(again.Logo, stored.Logo) {
			t.Errorf("something was stored all the same: %q, %v", again.Name, err)
		}

		// The logo goes, and everything else stays; saving what is there already is nothing to tell.
		without := url.Values{"name": {"Example Ltd"}, "own_accent": {"1"}, "accent": {"#b91c1c"}, "first": {"ro"}, "languages": {"ro", "pl"}, "threshold": {"7"}, "comments": {"12"}, "retention": {"90"}}
		owner.post("/organisation", without)
		without.Set("no_logo", "1")
		owner.post("/organisation", without)
		if again, err = f.store.Organisation(t.Context(), survey.DefaultOrganisation); err != nil || again.LogoKind != "" || again.Accent != "#b91c1c" {
			t.Errorf("without a logo: %q %q, %v", again.LogoKind, again.Accent, err)
		}
		if got := visitor.get(address); got.status != http.StatusNotFound {
			t.Errorf("the logo that was taken away: status %d", got.status)
		}
		if _, n, err := f.store.AuditEvents(t.Context(), survey.DefaultOrganisation, store.AuditQuery{Action: "organisation"}); err != nil || n != 2 {
			t.Errorf("%d events, %v; want 2", n, err)
		}
	})
}

// Another server on the same database, which has remembered another logo, shows the new one at once to whoever comes
// with its address.
func TestLogoOfAnotherServer(t *testing.T) {
	f, owner := newBench(t)
	save := func(picture image.Image) string {
		t.Helper()
		f.setOrganisation(t, func(o *survey.Organisation) { o.Logo, o.LogoKind = asPNG(t, picture), "image/png" })
		f.wait(2 * logoFresh)
		return regexp.MustCompile(`/logo/1-[0-9a-f]{24}`).FindString(owner.look("/").body)
	}
	first := save(checkered(100, 40))
	second := save(checkered(40, 100))
	if first == "" || second == "" || first == second {
		t.Fatalf("logos %q and %q", first, second)
	}
	f.setOrganisation(t, func(o *survey.Organisation) { o.Logo = asPNG(t, checkered(100, 40)) }) // by the other one
	f.wait(logoFresh - 1)
	if got := f.person(t).get(first); got.status != 200 {
		t.Errorf("status %d", got.status)
	}
}
