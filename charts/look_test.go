package charts

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"cxmirror/pkg/findings"
	"cxmirror/pkg/survey"
)

// TestLook draws every scene and writes it into the directory named by CXMIRROR_LOOK, to be looked at: whether a
// picture is clear and handsome is for eyes to judge. Without a directory it only holds that all can be drawn.
func TestLook(t *testing.T) {
	dir := os.Getenv("CXMIRROR_LOOK")
	if dir == "" {
		dir = t.TempDir()
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	engine := newTestEngine(t)
	save := func(scene string, d *findings.Divergence, look Look) {
		for _, p := range pictures() {
			c, err := p.draw(d, look)
			if err != nil {
				t.Fatal(err)
			}
			svg, err := engine.SVG(t.Context(), c)
			if err != nil {
				t.Fatal(err)
			}
			file := fmt.Sprintf("%s-%s-%s-%s-%d.svg", p.name, scene, c.Language, look.Theme, c.Width)
			if err := os.WriteFile(filepath.Join(dir, file), svg, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, scene := range scenes() {
		for _, width := range []int{362, 1104} {
			save(name, scene, Look{Theme: Light, Width: width})
			if name != "twelve" && name != "long" {
				continue
			}
			for _, lang := range []survey.Language{"en", "pl", "ro", "ru"} {
				save(name, scene, Look{Theme: Light, Width: width, Language: lang})
				save(name, scene, Look{Theme: Dark, Width: width, Language: lang, Titled: true})
			}
		}
	}
}
