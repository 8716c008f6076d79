package web

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"net/http"
	"strings"

	"github.com/boombuler/barcode"
	"github.com/boombuler/barcode/qr"
	"github.com/labstack/echo/v4"
)

// quietZone is the margin of a QR code in modules (ISO/IEC 18004); without it cameras do not find the code.
const quietZone = 4

// linkCode is the open link of a wave as a QR code. It stands a quarter of it being covered: people print it
// small and put a logo beside it.
func (s *Server) linkCode(c echo.Context) (code barcode.Barcode, slug string, err error) {
	wave, err := s.waveOf(c)
	if err != nil {
		return nil, "", err
	}
	if code, err = qr.Encode(s.linkOf(c, &wave), qr.Q, qr.Auto); err != nil {
		return nil, "", fmt.Errorf("QR code of wave %d: %w", wave.ID, err)
	}
	return code, wave.Slug, nil
}

func (s *Server) showLinkSVG(c echo.Context) error {
	code, slug, err := s.linkCode(c)
	if err != nil {
		return err
	}
	if c.QueryParam("download") != "" {
		c.Response().Header().Set(echo.HeaderContentDisposition, attachment(slug+"-qr.svg"))
	}
	return c.Blob(http.StatusOK, "image/svg+xml", codeSVG(code))
}

// codeSVG draws a QR code: one path, one run of dark modules a stroke, on white, whatever the page's ground.
func codeSVG(code barcode.Barcode) []byte {
	size := code.Bounds().Dx()
	whole := size + 2*quietZone
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" shape-rendering="crispEdges">`, whole, whole, 8*whole, 8*whole)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="#fff"/><path fill="#000" d="`, whole, whole)
	for y := range size {
		for x := 0; x < size; {
			run := 0
			for x+run < size && dark(code, x+run, y) {
				run++
			}
			if run > 0 {
				fmt.Fprintf(&b, "M%d %dh%dv1h-%dz", x+quietZone, y+quietZone, run, run)
			}
			x += run + 1
		}
	}
	b.WriteString(`"/></svg>`)
	return []byte(b.String())
}

func dark(code barcode.Barcode, x, y int) bool {
	r, _, _, _ := code.At(code.Bounds().Min.X+x, code.Bounds().Min.Y+y).RGBA()
	return r < 0x8000
}

func (s *Server) showLinkPNG(c echo.Context) error {
	code, slug, err := s.linkCode(c)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	if err := png.Encode(&out, enlarged(code, 12)); err != nil {
		return fmt.Errorf("QR code: %w", err)
	}
	c.Response().Header().Set(echo.HeaderContentDisposition, attachment(slug+"-qr.png"))
	return c.Blob(http.StatusOK, "image/png", out.Bytes())
}

// attachment names a download. The name is made of ASCII letters, digits, dots and hyphens.
func attachment(name string) string { return `attachment; filename="` + name + `"` }

// enlarged returns a QR code with its margin, one module so many pixels wide.
func enlarged(code barcode.Barcode, module int) image.Image {
	size := code.Bounds().Dx() + 2*quietZone
	picture := image.NewPaletted(image.Rect(0, 0, size*module, size*module), color.Palette{color.White, color.Black})
	for y := range size * module {
		for x := range size * module {
			cx, cy := x/module-quietZone, y/module-quietZone
			if cx >= 0 && cy >= 0 && cx < size-2*quietZone && cy < size-2*quietZone && dark(code, cx, cy) {
				picture.SetColorIndex(x, y, 1)
			}
		}
	}
	return picture
}
