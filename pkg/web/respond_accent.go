package web

import (
	"context"
	"fmt"
	"net/http"

	"github.com/labstack/echo/v4"

	"cxmirror/pkg/fieldwork"
	"cxmirror/pkg/store"
	"cxmirror/pkg/survey"
)

// dresses is what respondents' pages wear: one style sheet, with the colours of the organisation that asks at its end.
// Everybody who is asked by it gets the same bytes from the same address.
type dresses struct {
	name  string // of the sheet, with a hash of it
	plain string // its address, in the product's own colours
	sheet mould  // kept packed
}

func newDresses(files *static) (*dresses, error) {
	const sheet = "respond.css"
	address, err := files.address(sheet)
	if err != nil {
		return nil, err
	}
	d := &dresses{name: files.names[sheet], plain: address, sheet: mould{{html: files.byName[files.names[sheet]].content}}}
	return d, d.sheet.prepack()
}

// address returns where the style sheet in the colours of an accent is found.
func (d *dresses) address(accent string) string {
	chosen, ok := readColour(accent)
	if !ok {
		return d.plain
	}
	return "/accent/" + chosen.String()[1:] + "-" + d.name
}

// showDress sends the style sheet in the colours of an accent.
func (s *Server) showDress(c echo.Context, chosen rgb) error {
	light, dark := respondPalettes(chosen)
	h := c.Response().Header()
	h.Set(echo.HeaderContentType, "text/css; charset=utf-8")
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set(echo.HeaderVary, echo.HeaderAcceptEncoding)
	return s.sendPieces(c, http.StatusOK, append(s.dresses.sheet[:1:1], piece{html: fmt.Appendf(nil,
		"\n:root { %s }\n@media (prefers-color-scheme: dark) { :root { %s } }\n", light, dark)})...)
}

// LetterColours returns what tells the colours of an organisation's letters: those of its respondents' pages. The error
// is the database's.
func LetterColours(s *store.Store) func(context.Context, survey.OrganisationID) (fieldwork.Colours, error) {
	return func(ctx context.Context, id survey.OrganisationID) (fieldwork.Colours, error) {
		o, err := s.Organisation(ctx, id)
		if err != nil {
			return fieldwork.Colours{}, fmt.Errorf("colours of letters: %w", err)
		}
		return letterColours(o.Accent), nil
	}
}

// letterColours are those of the letters of an organisation with an accent; none is the product's own.
func letterColours(accent string) fieldwork.Colours {
	chosen, ok := readColour(accent)
	if !ok {
		return fieldwork.Colours{}
	}
	light, dark := respondPalettes(chosen)
	shades := func(p respondPalette) fieldwork.Shades {
		return fieldwork.Shades{Button: p.Accent.String(), ButtonInk: p.Ink.String(), Words: p.Deep.String()}
	}
	return fieldwork.Colours{Light: shades(light), Dark: shades(dark)}
}

// respondGround is what stands on respondents' pages of one ground beside the accent; respond.css has the same.
type respondGround struct {
	Ground, Sheet, Ink, Quiet rgb
	tint                      float64 // share of the accent in what it tints, at most
}

// The grounds of respondents' pages.
var (
	respondLight = respondGround{rgb{0xfa, 0xfa, 0xf8}, white, rgb{0x1c, 0x24, 0x34}, rgb{0x58, 0x61, 0x74}, .08}                 //nolint:gochecknoglobals // nothing changes it
	respondDark  = respondGround{rgb{0x10, 0x14, 0x1c}, rgb{0x1a, 0x20, 0x2b}, rgb{0xec, 0xef, 0xf5}, rgb{0xa5, 0xae, 0xbd}, .28} //nolint:gochecknoglobals // nothing changes it
)

// respondPalette is an accent as respondents' pages of one ground have it.
type respondPalette struct {
	Accent, Ink rgb // of buttons and of what is chosen, and of the words on it
	Over        rgb // of a button under a pointer
	Deep        rgb // of words on the page
	Soft        rgb // behind what is chosen
}

// String writes the palette as style sheets do.
func (p respondPalette) String() string {
	return fmt.Sprintf("--accent: %s; --accent-ink: %s; --accent-over: %s; --accent-deep: %s; --accent-soft: %s", p.Accent, p.Ink, p.Over, p.Deep, p.Soft)
}

// respondPalettes returns the colours that an organisation's accent becomes on respondents' light and dark pages.
func respondPalettes(chosen rgb) (light, dark respondPalette) {
	return respondLight.paletteFor(chosen), respondDark.paletteFor(chosen)
}

// paletteFor makes of a colour all that pages of the ground need of it: what shows where something is can be seen on
// everything it stands on, and words can be read.
func (g respondGround) paletteFor(chosen rgb) respondPalette {
	var p respondPalette
	for share := g.tint; ; share -= 0.01 {
		p.Soft = g.Sheet.towards(chosen, max(share, 0))
		if share <= 0 || contrast(g.Ink, p.Soft) >= textContrast && contrast(g.Quiet, p.Soft) >= textContrast {
			break
		}
	}
	pages := []rgb{g.Ground, g.Sheet, p.Soft}
	made := shadeFor(chosen, pages)
	p.Accent, p.Ink = made.Colour, made.Ink
	end := white // what words contrast with most here
	if contrast(g.Ground, white) < contrast(g.Ground, darkInk) {
		end = rgb{}
	}
	for step := range 101 {
		p.Deep = p.Accent.towards(end, float64(step)/100)
		if min(contrast(p.Deep, g.Ground), contrast(p.Deep, g.Sheet), contrast(p.Deep, p.Soft)) >= textContrast {
			break
		}
	}
	away := white // from the words on a button, which stay as easy to read
	if p.Ink == white {
		away = rgb{}
	}
	p.Over = p.Accent.towards(away, .15)
	return p
}
