package web

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"html/template"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/labstack/echo/v4"
	"golang.org/x/image/draw"
	"golang.org/x/image/webp"

	"cxmirror/pkg/survey"
)

// Bounds of logos. What is kept of one is as large as it is ever shown, on screens with two points a pixel.
const (
	logoFileLimit = 512 << 10 // bytes of a file
	logoFileSide  = 2048      // pixels of a file, either way: as many as 16 MiB are held while it is read
	logoLimit     = 64 << 10  // bytes that are kept
	logoWidth     = 640       // pixels that are kept
	logoHeight    = 192

	letterheadWidth  = 320 // pixels of a logo on a respondent's page
	letterheadHeight = 80
	letterheadLimit  = 6 << 10 // bytes of it: her page weighs 30 KB with everything, and waits for no other
)

// logoError is why a file cannot be a logo: the end of the name of a phrase.
type logoError string

// The problems.
const (
	errLogoLarge  logoError = "too_large" // more bytes than a logo needs
	errLogoSVG    logoError = "svg"       // a program, in part: it can load what is elsewhere, and run script
	errLogoOther  logoError = "other"     // no picture of a kind that every browser shows
	errLogoBroken logoError = "broken"    // it says that it is one, and cannot be read
	errLogoBig    logoError = "too_big"   // more pixels than are read
	errLogoEmpty  logoError = "empty"
)

// Error says in English why.
func (p logoError) Error() string { return "logo: " + string(p) }

// makeLogo reads a picture by what is in it, whatever it is called, and draws it anew, as large as it is shown: what
// else was in the file, such as where a photograph was taken, is left behind. kind is the media type of what is kept.
// What cannot be a logo is a logoError.
func makeLogo(file []byte) (logo []byte, kind string, err error) {
	picture, photo, err := readPicture(file)
	if err != nil {
		return nil, "", err
	}
	for width, height := logoWidth, logoHeight; ; width, height = width*3/4, height*3/4 {
		logo, kind, err = writePicture(fitted(picture, width, height), photo)
		if err != nil || len(logo) <= logoLimit {
			return logo, kind, err
		}
	}
}

// readPicture reads a PNG, JPEG or WebP. A photo has no part that can be seen through.
func readPicture(file []byte) (picture image.Image, photo bool, err error) {
	var configOf func() (image.Config, error)
	var decode func() (image.Image, error)
	start := file[:min(len(file), 1<<10)]
	switch {
	case len(file) == 0:
		return nil, false, errLogoEmpty
	case len(file) > logoFileLimit:
		return nil, false, errLogoLarge
	case bytes.HasPrefix(file, []byte("\x89PNG\r\n\x1a\n")):
		configOf, decode = func() (image.Config, error) { return png.DecodeConfig(bytes.NewReader(file)) }, func() (image.Image, error) { return png.Decode(bytes.NewReader(file)) }
	case bytes.HasPrefix(file, []byte("\xff\xd8\xff")):
		photo = true
		configOf, decode = func() (image.Config, error) { return jpeg.DecodeConfig(bytes.NewReader(file)) }, func() (image.Image, error) { return jpeg.Decode(bytes.NewReader(file)) }
	case len(file) > 12 && string(file[:4]) == "RIFF" && string(file[8:12]) == "WEBP":
		configOf, decode = func() (image.Config, error) { return webp.DecodeConfig(bytes.NewReader(file)) }, func() (image.Image, error) { return webp.Decode(bytes.NewReader(file)) }
	case bytes.Contains(bytes.ToLower(start), []byte("<svg")), bytes.HasPrefix(bytes.TrimLeft(start, "\ufeff \t\r\n"), []byte("<?xml")), bytes.HasPrefix(file, []byte("\x1f\x8b")):
		return nil, false, errLogoSVG // the last is how SVG is packed
	default:
		return nil, false, errLogoOther
	}
	config, err := configOf()
	switch {
	case err != nil:
		return nil, false, errLogoBroken
	case config.Width > logoFileSide || config.Height > logoFileSide:
		return nil, false, errLogoBig
	case config.Width < 1 || config.Height < 1:
		return nil, false, errLogoBroken
	}
	if picture, err = decode(); err != nil {
		return nil, false, errLogoBroken
	}
	return picture, photo, nil
}

// fitted draws a picture anew that fits into a box; one that does already keeps its size.
func fitted(picture image.Image, width, height int) *image.NRGBA {
	from := picture.Bounds()
	scale := min(1, float64(width)/float64(from.Dx()), float64(height)/float64(from.Dy()))
	to := image.NewNRGBA(image.Rect(0, 0, max(1, int(float64(from.Dx())*scale+.5)), max(1, int(float64(from.Dy())*scale+.5))))
	draw.CatmullRom.Scale(to, to.Bounds(), picture, from, draw.Src, nil)
	return to
}

func writePicture(picture *image.NRGBA, photo bool) (file []byte, kind string, err error) {
	var out bytes.Buffer
	if photo {
		err = jpeg.Encode(&out, picture, &jpeg.Options{Quality: 88})
		kind = "image/jpeg"
	} else {
		err = (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, fewColours(picture))
		kind = "image/png"
	}
	if err != nil {
		return nil, "", fmt.Errorf("logo: %w", err)
	}
	return out.Bytes(), kind, nil
}

// fewColours returns a picture of at most 256 colours with a palette, which takes a third of the bytes; another one as
// it is.
func fewColours(picture *image.NRGBA) image.Image {
	const most = 256
	index := make(map[color.NRGBA]uint8, most)
	var palette color.Palette
	bounds := picture.Bounds()
	small := image.NewPaletted(bounds, nil)
	for y := range bounds.Dy() {
		for x := range bounds.Dx() {
			c := picture.NRGBAAt(x, y)
			at, known := index[c]
			if !known {
				if len(palette) == most {
					return picture
				}
				at = uint8(len(palette)) //nolint:gosec // below 256
				index[c], palette = at, append(palette, c)
			}
			small.SetColorIndex(x, y, at)
		}
	}
	small.Palette = palette
	return small
}

// logos remembers the logos of organisations for a moment, so that not every page asks the database for one: another
// server that works on the same database may have stored another one meanwhile.
type logos struct {
	mu sync.Mutex
	of map[survey.OrganisationID]keptLogo
}

// keptLogo is what is known of how an organisation looks: its logo and its colour.
type keptLogo struct {
	name       string // of its address; "" is no logo
	content    []byte
	kind       string
	letterhead template.URL // the logo itself, small, as a respondent's page has it; "" where it does not fit
	called     string       // the organisation
	accent     string       // of it, as it was chosen; "" is the product's own
	read       time.Time
	asked      time.Time // the database, last: while one request waits for it, the others have what is known
}

// How long a logo is remembered, and of how many organisations.
const (
	logoFresh = 5 * time.Second
	logosHeld = 200 // as many as 13 MiB

	logoPatience = time.Second // that a page has with the database for it
)

func newLogos() *logos { return &logos{of: make(map[survey.OrganisationID]keptLogo)} }

// forget makes the next page look what an organisation's logo is now.
func (l *logos) forget(id survey.OrganisationID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.of, id)
}

// keep remembers an organisation's logo.
func (l *logos) keep(id survey.OrganisationID, logo keptLogo) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.of) >= logosHeld {
		clear(l.of)
	}
	l.of[id] = logo
}

// logoOf returns the logo of an organisation. A page is not refused because of it: without the database it is the one
// remembered, or none.
func (s *Server) logoOf(ctx context.Context, id survey.OrganisationID) keptLogo {
	if id == 0 {
		return keptLogo{}
	}
	s.logos.mu.Lock()
	known, ok := s.logos.of[id]
	now := s.now()
	age := now.Sub(known.asked)
	fresh := ok && age >= 0 && age < logoFresh
	if ok && !fresh {
		asked := known
		asked.asked = now
		s.logos.of[id] = asked
	}
	s.logos.mu.Unlock()
	if fresh {
		return known
	}
	ctx, cancel := context.WithTimeout(ctx, logoPatience)
	defer cancel()
	o, err := s.store.Organisation(ctx, id)
	switch {
	case errors.Is(err, survey.ErrNotFound):
		return keptLogo{}
	case err != nil:
		known.asked = now
		s.logos.keep(id, known) // the next pages do not wait for it as well
		return known
	}
	found := keptLogo{called: o.Name, accent: o.Accent, read: s.now(), asked: now}
	if len(o.Logo) > 0 {
		sum := sha256.Sum256(o.Logo)
		found.name = strconv.FormatInt(int64(id), 10) + "-" + hex.EncodeToString(sum[:12])
		found.content, found.kind, found.letterhead = o.Logo, o.LogoKind, known.letterhead
		if found.name != known.name {
			found.letterhead = letterhead(o.Logo)
		}
	}
	s.logos.keep(id, found)
	return found
}

// letterhead returns a logo small enough to stand in a respondent's page; "" where it cannot be made so.
func letterhead(logo []byte) template.URL {
	picture, photo, err := readPicture(logo)
	if err != nil {
		return ""
	}
	for width, height := letterheadWidth, letterheadHeight; height >= letterheadHeight/4; width, height = width*3/4, height*3/4 {
		small := fitted(picture, width, height)
		file, kind, err := writePicture(small, photo)
		if err == nil && len(file) > letterheadLimit && !photo { // of many colours: it stands on white in any case
			file, kind, err = writePicture(onWhite(small), true)
		}
		if err != nil {
			return ""
		}
		if len(file) <= letterheadLimit {
			return template.URL("data:" + kind + ";base64," + base64.StdEncoding.EncodeToString(file)) //nolint:gosec // a picture that we have drawn
		}
	}
	return ""
}

// onWhite returns a picture that nothing can be seen through.
func onWhite(picture *image.NRGBA) *image.NRGBA {
	whole := image.NewNRGBA(picture.Bounds())
	draw.Draw(whole, whole.Bounds(), image.White, image.Point{}, draw.Src)
	draw.Draw(whole, whole.Bounds(), picture, picture.Bounds().Min, draw.Over)
	return whole
}

// showLogo sends a logo to whoever knows what is in it: its address has a hash of that.
func (s *Server) showLogo(c echo.Context) error {
	name := c.Param("name")
	digits, _, _ := strings.Cut(name, "-")
	id, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return fmt.Errorf("logo: %w", survey.ErrNotFound)
	}
	ctx := c.Request().Context()
	logo := s.logoOf(ctx, survey.OrganisationID(id))
	if logo.name != name && s.now().Sub(logo.read) > logoFresh/10 { // another server has made the page, and knows it already
		s.logos.forget(survey.OrganisationID(id))
		logo = s.logoOf(ctx, survey.OrganisationID(id))
	}
	if logo.name == "" || logo.name != name {
		return fmt.Errorf("logo: %w", survey.ErrNotFound)
	}
	h := c.Response().Header()
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	return c.Blob(http.StatusOK, logo.kind, logo.content)
}
