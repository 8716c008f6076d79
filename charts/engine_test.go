package charts

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"cxmirror/pkg/survey"
)

// hostile are labels that somebody might write to run a script, to break a picture, or by accident.
func hostile() []string {
	return []string{
		`</script><script>alert(1)</script>`,
		`"><img src=x onerror=alert(1)>`,
		`' onload='alert(1)`,
		"${alert(1)}`${alert(1)}`",
		`{b|x} {a} {b0} {c} {@[1]}`,
		`__proto__`,
		`constructor`,
		`toString`,
		`hasOwnProperty`,
		"a\u2028b\u2029c",
		"\u202Egnisrever\u202C \u2066isolated\u2069",
		strings.Repeat("Donaudampfschiffahrt", 500),
		"nul\x00 bell\x07 escape\x1b[31m",
		"invalid \xff\xfe utf-8 \uFFFF",
		`]]>&lt;svg/onload=alert(1)&gt;&#x3c;`,
		`javascript:alert(1)`,
		`url(#x) url(https://example.org/a.png)`,
	}
}

// checkHarmless fails unless a drawing is well-formed and holds nothing that runs, loads or links.
func checkHarmless(t *testing.T, svg []byte) {
	t.Helper()
	decoder := xml.NewDecoder(bytes.NewReader(svg))
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatalf("not well-formed: %v", err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			switch token.Name.Local {
			case "svg", "g", "path", "rect", "circle", "polygon", "text", "desc":
			default:
				t.Errorf("element <%s> in a drawing", token.Name.Local)
			}
			for _, a := range token.Attr {
				if strings.HasPrefix(strings.ToLower(a.Name.Local), "on") || a.Name.Local == "href" || a.Name.Local == "style" || a.Name.Local == "class" || strings.Contains(a.Value, "url(") {
					t.Errorf("attribute %s=%q on <%s>", a.Name.Local, a.Value, token.Name.Local)
				}
			}
		case xml.ProcInst, xml.Directive, xml.Comment:
			t.Errorf("%T in a drawing", token)
		}
	}
}

func TestHostileLabelsAreOnlyWords(t *testing.T) {
	engine := newTestEngine(t)
	for _, label := range hostile() {
		d := divergence(expectations()[:4], 1200, 300)
		for i := range d.Items {
			d.Items[i].External.Text = survey.Words{"en": label}
			d.Items[i].Internal.Text = survey.Words{"en": label}
			d.Items[i].Code = survey.OptionCode(label)
		}
		d.Text = survey.Words{"en": label}
		look := Look{Titled: true, Title: label, Subtitle: label, ExternalName: label, InternalName: label}
		for _, p := range pictures() {
			for _, width := range []int{320, 960} {
				look.Width = width
				c, err := p.draw(d, look)
				if err != nil {
					t.Fatalf("%s of %.40q: %v", p.name, label, err)
				}
				if !json.Valid(c.Option) || bytes.ContainsAny(c.Option, "<>&") {
					t.Errorf("%s of %.40q: the option may not be put into a page: %.200s", p.name, label, c.Option)
				}
				checkRoom(t, c)
				if width == 320 {
					continue
				}
				svg, err := engine.SVG(t.Context(), c)
				if err != nil {
					t.Fatalf("%s of %.40q: %v", p.name, label, err)
				}
				checkHarmless(t, svg)
			}
		}
	}
	// No label reached what all objects share.
	painter, err := engine.painter(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	shared, err := painter.runtime.RunString(`[Object.prototype, Object, Function.prototype, Array.prototype].map(o => Object.keys(o)).join("")`)
	if err != nil || shared.String() != "" {
		t.Errorf("labels left %q on shared objects (error %v)", shared, err)
	}
	engine.idle <- painter
	// After all that, the runtimes still draw what they drew before.
	c, err := Mirror(divergence(expectations(), 1200, 300), Look{})
	if err != nil {
		t.Fatal(err)
	}
	var seen [][]byte
	for _, e := range []*Engine{engine, newTestEngine(t)} {
		svg, err := e.SVG(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		seen = append(seen, svg)
	}
	if !bytes.Equal(seen[0], seen[1]) {
		t.Error("a runtime that drew hostile labels draws other pictures than a fresh one")
	}
}

// Rich text markup must come out as it was written, not be read as markup.
func TestMarkupInLabelsIsShown(t *testing.T) {
	d := divergence(expectations()[:3], 1200, 300)
	d.Items[0].External.Text = survey.Words{"en": "{b|bold} {a}"}
	c, err := Mirror(d, Look{})
	if err != nil {
		t.Fatal(err)
	}
	svg, err := newTestEngine(t).SVG(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(svg), ">{b|bold} {a}<") {
		t.Error("a label with braces is not drawn as it was written")
	}
}

// An option is data: nothing in it is, or becomes, a function.
func TestOptionsHoldNoCode(t *testing.T) {
	for _, p := range pictures() {
		c, err := p.draw(divergence(expectations(), 1200, 300), Look{})
		if err != nil {
			t.Fatal(err)
		}
		for _, sign := range []string{"function", "=>", "__f__", "formatter", "javascript:"} {
			if strings.Contains(string(c.Option), sign) {
				t.Errorf("%s: the option holds %q", p.name, sign)
			}
		}
		var option struct {
			Tooltip struct{ RenderMode string }
		}
		if err := json.Unmarshal(c.Option, &option); err != nil {
			t.Fatal(err)
		}
		if option.Tooltip.RenderMode != "richText" {
			t.Errorf("%s: tooltips are rendered as %q; as HTML, labels could run", p.name, option.Tooltip.RenderMode)
		}
	}
}

func TestSeveralPicturesInOnePage(t *testing.T) {
	engine := newTestEngine(t)
	seen := make(map[string]bool)
	for _, p := range pictures() {
		for _, width := range []int{362, 960} {
			c, err := p.draw(divergence(expectations(), 1200, 300), Look{Width: width})
			if err != nil {
				t.Fatal(err)
			}
			svg, err := engine.SVG(t.Context(), c)
			if err != nil {
				t.Fatal(err)
			}
			n := 0
			decoder := xml.NewDecoder(bytes.NewReader(svg))
			for token, err := decoder.Token(); err == nil; token, err = decoder.Token() {
				start, ok := token.(xml.StartElement)
				if !ok {
					continue
				}
				for _, a := range start.Attr {
					if a.Name.Local != "id" {
						continue
					}
					n++
					if seen[a.Value] {
						t.Errorf("id %q twice", a.Value)
					}
					seen[a.Value] = true
				}
			}
			if n == 0 {
				t.Errorf("%s has no id: its description cannot be referred to", p.name)
			}
		}
	}
}

func TestDrawingsAreKept(t *testing.T) {
	engine := newTestEngine(t)
	c, err := Mirror(divergence(expectations(), 1200, 300), Look{})
	if err != nil {
		t.Fatal(err)
	}
	first, err := engine.SVG(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	again, err := engine.SVG(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if &first[0] != &again[0] {
		t.Error("the same chart was drawn twice")
	}
	other := c
	other.Description = "Something else"
	drawn, err := engine.SVG(t.Context(), other)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(first, drawn) {
		t.Error("a chart with another description got the first one's drawing")
	}
}

func TestCacheForgetsWhatWasAskedForLongestAgo(t *testing.T) {
	c := newCache(100)
	key := func(n byte) [32]byte { return [32]byte{n} }
	c.keep(key(1), make([]byte, 40))
	c.keep(key(2), make([]byte, 40))
	c.find(key(1))
	c.keep(key(3), make([]byte, 40))
	c.keep(key(4), make([]byte, 101)) // more than there is room for at all
	for n, want := range map[byte]bool{1: true, 2: false, 3: true, 4: false} {
		if _, got := c.find(key(n)); got != want {
			t.Errorf("drawing %d kept: %v, want %v", n, got, want)
		}
	}
	if c.used != 80 {
		t.Errorf("%d bytes in use, want 80", c.used)
	}
}

func TestEngineServesManyAtOnce(t *testing.T) {
	engine := newTestEngine(t)
	var wait sync.WaitGroup
	drawn := make([][]byte, 12)
	for i := range drawn {
		wait.Go(func() {
			c, err := Slope(divergence(expectations(), 1200, 300+i/2), Look{})
			if err != nil {
				t.Error(err)
				return
			}
			drawn[i], err = engine.SVG(t.Context(), c)
			if err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	for i := 0; i+1 < len(drawn); i += 2 {
		if !bytes.Equal(drawn[i], drawn[i+1]) {
			t.Errorf("drawings %d and %d of one chart differ", i, i+1)
		}
	}
}

func TestEngineStopsWithItsContext(t *testing.T) {
	engine := newTestEngine(t)
	c, err := Mirror(divergence(many(), 1200, 300), Look{})
	if err != nil {
		t.Fatal(err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := engine.SVG(gone, c); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want context.Canceled", err)
	}
	if err := engine.Warm(t.Context()); err != nil {
		t.Fatal(err)
	}
	soon, cancel := context.WithTimeout(t.Context(), 2*time.Millisecond)
	defer cancel()
	if _, err := engine.SVG(soon, c); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v, want context.DeadlineExceeded", err)
	}
	// An interrupted runtime is replaced, and the pool is as large as before.
	for range 2 * cap(engine.idle) {
		if _, err := engine.SVG(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	if len(engine.idle) != cap(engine.idle) {
		t.Errorf("%d of %d runtimes came back", len(engine.idle), cap(engine.idle))
	}
}

func TestEngineNamesWhatItCannotDraw(t *testing.T) {
	engine := newTestEngine(t)
	for name, c := range map[string]Chart{
		"no size":   {Name: "mirror", Option: json.RawMessage(`{}`)},
		"no option": {Name: "mirror", Width: 100, Height: 100},
		"not JSON":  {Name: "mirror", Width: 100, Height: 100, Option: json.RawMessage(`{"series": [`)},
	} {
		if _, err := engine.SVG(t.Context(), c); err == nil || !strings.Contains(err.Error(), "mirror") {
			t.Errorf("%s: error %v, want one that names the chart", name, err)
		}
	}
}

// One light picture serves a dark page too: every colour in it has its dark counterpart in the style.
func TestStyleRecoloursEveryColour(t *testing.T) {
	style := Style(".chart")
	light := Light.palette().roles()
	seen := make(map[string]bool)
	for i, color := range light {
		if seen[color] {
			t.Errorf("%s stands for two things: it cannot be recoloured", color)
		}
		seen[color] = true
		if !strings.Contains(style, `.chart [fill="`+color+`"]{fill:`+Dark.palette().roles()[i]+"}") {
			t.Errorf("%s has no dark counterpart", color)
		}
	}
	engine := newTestEngine(t)
	for _, p := range pictures() {
		c, err := p.draw(divergence(expectations(), 1200, 300), Look{Titled: true})
		if err != nil {
			t.Fatal(err)
		}
		svg, err := engine.SVG(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		decoder := xml.NewDecoder(bytes.NewReader(svg))
		for token, err := decoder.Token(); err == nil; token, err = decoder.Token() {
			start, ok := token.(xml.StartElement)
			if !ok {
				continue
			}
			for _, a := range start.Attr {
				if (a.Name.Local == "fill" || a.Name.Local == "stroke") && a.Value != "none" && !seen[a.Value] {
					t.Errorf("%s: %s %q is not a colour of the palette", p.name, a.Name.Local, a.Value)
				}
			}
		}
	}
}

func BenchmarkEngineStart(b *testing.B) {
	for b.Loop() {
		if err := newTestEngine(b).Warm(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

// benchmarkSVG draws a chart that is new each time, so that nothing comes out of the cache.
func benchmarkSVG(b *testing.B, p picture) {
	b.Helper()
	engine := newTestEngine(b)
	d := divergence(expectations(), 1200, 300)
	c, err := p.draw(d, Look{})
	if err != nil {
		b.Fatal(err)
	}
	if err := engine.Warm(b.Context()); err != nil {
		b.Fatal(err)
	}
	description := c.Description
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		n++
		c.Description = description + strings.Repeat(".", n)
		if _, err := engine.SVG(b.Context(), c); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMirrorSVG(b *testing.B)     { benchmarkSVG(b, picture{"mirror", Mirror}) }
func BenchmarkSlopeSVG(b *testing.B)      { benchmarkSVG(b, picture{"slope", Slope}) }
func BenchmarkDifferenceSVG(b *testing.B) { benchmarkSVG(b, picture{"difference", Difference}) }

// BenchmarkMirrorLayout is the part before the engine: measuring, wrapping, the option.
func BenchmarkMirrorLayout(b *testing.B) {
	d := divergence(expectations(), 1200, 300)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Mirror(d, Look{}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkColdPage is what a program pays that starts, draws the three pictures in two widths, and ends.
func BenchmarkColdPage(b *testing.B) {
	d := divergence(expectations(), 1200, 300)
	for b.Loop() {
		engine := newTestEngine(b)
		var wait sync.WaitGroup
		for _, p := range pictures() {
			for _, width := range []int{358, 1040} {
				wait.Go(func() {
					c, err := p.draw(d, Look{Width: width})
					if err == nil {
						_, err = engine.SVG(b.Context(), c)
					}
					if err != nil {
						b.Error(err)
					}
				})
			}
		}
		wait.Wait()
	}
}
