package charts

import (
	"encoding/json"
	"errors"

	"cxmirror/pkg/survey"
)

// ErrNoAssets says that the program was built without ECharts and the fonts.
var ErrNoAssets = errors.New("charts: the drawing code is not built in: run `make assets` and build again")

// MinWidth is the narrowest picture that is drawn, in CSS pixels: the width of the narrowest phone.
const MinWidth = 320

// Theme says on what ground a picture is drawn.
type Theme string

// The themes.
const (
	Light Theme = "light"
	Dark  Theme = "dark"
)

// Look says how a picture is to look. The zero value is an English, light picture of 960 pixels without a
// title, for a page that prints title and base itself.
type Look struct {
	Language survey.Language // of labels, verdicts and numbers; English if empty or unknown
	Theme    Theme           // Light if empty
	Width    int             // CSS pixels, at least MinWidth; 960 if 0. Up to 480 the picture takes its phone form.

	// Titled puts Title and Subtitle into the picture, so that it can stand alone, in a letter say. Without a
	// Title the picture falls back to the question that was asked.
	Titled          bool
	Title, Subtitle string

	// What the two sides are called; "External customers" and "Internal customers" if empty.
	ExternalName, InternalName string

	Order Order // of the options in the Difference picture
}

// Chart is one picture, laid out and ready to be drawn by [Engine.SVG] or, enlivened, by a browser.
type Chart struct {
	Name          string          // "mirror", "slope" or "difference"
	Language      survey.Language // of its words
	Width, Height int             // CSS pixels
	Option        json.RawMessage // an ECharts option: data only, safe in a data attribute or a JSON block
	Description   string          // what the picture shows, in words, for people who do not see it
}
