package web

import (
	"encoding/hex"
	"fmt"
	"math"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"cxmirror/pkg/survey"
)

// What WCAG 2.2 asks of contrasts at level AA.
const (
	textContrast  = 4.5 // of words on what is behind them (1.4.3)
	shapeContrast = 3.0 // of what shows where something is, such as a ticked box (1.4.11)
)

// rgb is a colour of sRGB.
type rgb [3]uint8

// The colours that accents stand on and beside; report.css has the same.
var (
	white      = rgb{0xff, 0xff, 0xff}                         //nolint:gochecknoglobals // nothing changes it
	darkInk    = rgb{0x12, 0x15, 0x1b}                         //nolint:gochecknoglobals // nothing changes it
	lightPages = []rgb{{0xfa, 0xfa, 0xf9}, white}              //nolint:gochecknoglobals // nothing changes it
	darkPages  = []rgb{{0x12, 0x15, 0x1b}, {0x1b, 0x1f, 0x27}} //nolint:gochecknoglobals // nothing changes it
)

// readColour reads "#1d4ed8".
func readColour(text string) (rgb, bool) {
	digits, found := strings.CutPrefix(text, "#")
	bytes, err := hex.DecodeString(digits)
	if !found || err != nil || len(bytes) != len(rgb{}) {
		return rgb{}, false
	}
	return rgb(bytes), true
}

// String writes a colour as style sheets do.
func (c rgb) String() string { return fmt.Sprintf("#%02x%02x%02x", c[0], c[1], c[2]) }

// luminance is the relative luminance of a colour, from 0 of black to 1 of white, as WCAG 2.2 defines it.
func (c rgb) luminance() float64 {
	linear := func(channel uint8) float64 {
		v := float64(channel) / 255
		if v <= 0.04045 {
			return v / 12.92
		}
		return math.Pow((v+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(c[0]) + 0.7152*linear(c[1]) + 0.0722*linear(c[2])
}

// contrast is the contrast ratio of two colours, from 1 to 21, as WCAG 2.2 defines it.
func contrast(a, b rgb) float64 {
	high, low := a.luminance(), b.luminance()
	if high < low {
		high, low = low, high
	}
	return (high + 0.05) / (low + 0.05)
}

// towards mixes a colour with another one: a share of 0 is the colour itself, of 1 the other.
func (c rgb) towards(other rgb, share float64) rgb {
	var mixed rgb
	for i := range c {
		mixed[i] = uint8(math.Round(float64(c[i]) + share*(float64(other[i])-float64(c[i]))))
	}
	return mixed
}

// shade is an accent as pages of one ground have it.
type shade struct {
	Colour, Ink rgb     // of a button, and of the words on it
	Given       bool    // it is the colour that was chosen, as it is
	Was         float64 // contrast of the colour that was chosen with the page it sees least of
	Page, Text  float64 // contrast of Colour with that page, and of Ink on Colour
}

// shadeFor makes of a colour an accent that can be seen on pages, and that words can be read on: the colour itself,
// or else the one nearest to it on the way to black, on light pages, or to white, on dark ones.
func shadeFor(chosen rgb, pages []rgb) shade {
	end := white
	if contrast(pages[0], white) < contrast(pages[0], darkInk) {
		end = rgb{}
	}
	least := func(c rgb) float64 {
		low := math.Inf(1)
		for _, page := range pages {
			low = min(low, contrast(c, page))
		}
		return low
	}
	const steps = 100
	made := shade{Was: least(chosen)}
	for step := range steps + 1 {
		c := chosen.towards(end, float64(step)/steps)
		made.Colour, made.Ink, made.Page, made.Given = c, white, least(c), step == 0
		if contrast(white, c) < textContrast {
			made.Ink = darkInk
		}
		if made.Text = contrast(made.Ink, c); made.Text >= textContrast && made.Page >= shapeContrast {
			break // at the latest the end itself: nothing contrasts more with the page
		}
	}
	return made
}

// accentOf returns an organisation's accent for light and for dark pages.
func accentOf(chosen rgb) (light, dark shade) {
	return shadeFor(chosen, lightPages), shadeFor(chosen, darkPages)
}

// accentAddress returns where the style of an accent is found; "" where there is none.
func accentAddress(accent string) string {
	chosen, ok := readColour(accent)
	if !ok {
		return ""
	}
	return "/accent/" + chosen.String()[1:] + ".css"
}

// showAccent sends the style of an accent: alone for the workbench, and with everything else for respondents. It is
// made of its address alone, and says of whom it is to nobody.
func (s *Server) showAccent(c echo.Context) error {
	digits, sheet, whole := strings.Cut(c.Param("name"), "-")
	if !whole {
		digits, sheet, _ = strings.Cut(c.Param("name"), ".")
	}
	chosen, ok := readColour("#" + digits)
	switch {
	case ok && whole && sheet == s.dresses.name:
		return s.showDress(c, chosen)
	case !ok || whole || sheet != "css":
		return fmt.Errorf("accent: %w", survey.ErrNotFound)
	}
	light, dark := accentOf(chosen)
	c.Response().Header().Set("Cache-Control", "public, max-age=86400")
	return c.Blob(http.StatusOK, "text/css; charset=utf-8", fmt.Appendf(nil,
		":root { --accent: %s; --accent-ink: %s; }\n@media screen and (prefers-color-scheme: dark) {\n  :root { --accent: %s; --accent-ink: %s; }\n}\n",
		light.Colour, light.Ink, dark.Colour, dark.Ink))
}
