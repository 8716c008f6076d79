package charts

import (
	"os"
	"path/filepath"
	"testing"

	"cxmirror/pkg/survey"
)

// TestLook writes pictures into the directory named by CXMIRROR_LOOK, to be looked at. Pictures are judged
// by eyes; what a program can judge is in the other tests.
func TestLook(t *testing.T) {
	dir := os.Getenv("CXMIRROR_LOOK")
	if dir == "" {
		t.Skip("CXMIRROR_LOOK names no directory for pictures")
	}
	engine := newTestEngine(t)
	for _, theme := range []Theme{Light, Dark} {
		for _, lang := range []survey.Language{"en", "pl", "ru"} {
			for _, width := range []int{362, 700, 1104} {
				d := divergence(expectations(), 1200, 300)
				d.Simulated = theme == Dark
				for _, p := range pictures() {
					c, err := p.draw(d, Look{Language: lang, Theme: theme, Width: width, Titled: theme == Dark})
					if err != nil {
						t.Fatal(err)
					}
					svg, err := engine.SVG(t.Context(), c)
					if err != nil {
						t.Fatal(err)
					}
					file := filepath.Join(dir, p.name+"-"+string(lang)+"-"+string(theme)+"-"+px(float64(width))+".svg")
					if err := os.WriteFile(file, svg, 0o644); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
	}
}
