package charts

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"cxmirror/pkg/findings"
	"cxmirror/pkg/survey"
)

// line is one line of text of a picture, with the box it fills by the widths of real glyphs.
type line struct {
	words                    string
	left, right, top, bottom float64
	loud                     bool
}

// lineAt makes a line that is anchored at x and centred on y.
func lineAt(face *typeface, words string, x, y float64, anchor string, size float64, w weight) line {
	width := face.width(words, size, w)
	l := line{words: strings.ReplaceAll(words, "\u00a0", " "), left: x, top: y - 0.45*size, bottom: y + 0.45*size, loud: w == semibold}
	switch anchor {
	case "middle", "center":
		l.left = x - width/2
	case "end", "right":
		l.left = x - width
	}
	l.right = l.left + width
	return l
}

// laidOut reads the lines of text out of a chart's option.
func laidOut(t *testing.T, c Chart) []line {
	t.Helper()
	var option struct {
		Sheet struct {
			Inks  []textStyle
			Texts []text
		}
	}
	if err := json.Unmarshal(c.Option, &option); err != nil {
		t.Fatal(err)
	}
	face := face(t)
	all := make([]line, len(option.Sheet.Texts))
	for i, laid := range option.Sheet.Texts {
		style := option.Sheet.Inks[laid.Ink]
		all[i] = lineAt(face, laid.Words, laid.X, laid.Y, string(laid.Align), style.FontSize, style.FontWeight)
	}
	return all
}

// drawnLines reads the lines of text out of a drawing.
func drawnLines(t *testing.T, svg []byte) []line {
	t.Helper()
	face := face(t)
	var all []line
	var words, anchor string
	var size, x, y float64
	var w weight
	inText := false
	decoder := xml.NewDecoder(strings.NewReader(string(svg)))
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatalf("not well-formed: %v", err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			if inText = token.Name.Local == "text"; !inText {
				continue
			}
			words, anchor, size, x, y, w = "", "start", 12, 0, 0, regular
			for _, a := range token.Attr {
				switch a.Name.Local {
				case "font-size":
					size = number(t, strings.TrimSuffix(a.Value, "px"))
				case "font-weight":
					w = weight(number(t, a.Value))
				case "text-anchor":
					anchor = a.Value
				case "x":
					x += number(t, a.Value)
				case "y":
					y += number(t, a.Value)
				case "transform":
					at := translation.FindStringSubmatch(a.Value)
					if at == nil {
						t.Fatalf("transform %q is not a translation", a.Value)
					}
					x, y = x+number(t, at[1]), y+number(t, at[2])
				}
			}
		case xml.CharData:
			if inText {
				words += string(token)
			}
		case xml.EndElement:
			if inText {
				all = append(all, lineAt(face, words, x, y-0.352*size, anchor, size, w))
			}
			inText = false
		}
	}
}

var translation = regexp.MustCompile(`^translate\(([-\d.]+)[ ,]([-\d.]+)\)$`)

func number(t *testing.T, s string) float64 {
	t.Helper()
	x, err := strconv.ParseFloat(s, 64)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// checkRoom fails if any two lines of text overlap, or if one leaves the picture.
func checkRoom(t *testing.T, c Chart) {
	t.Helper()
	all := laidOut(t, c)
	for i, a := range all {
		if a.left < -0.5 || a.right > float64(c.Width)+0.5 || a.top < 0 || a.bottom > float64(c.Height) {
			t.Errorf("%q leaves the picture of %d by %d: [%.1f, %.1f] by [%.1f, %.1f]", a.words, c.Width, c.Height, a.left, a.right, a.top, a.bottom)
		}
		for _, b := range all[i+1:] {
			if a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom {
				t.Errorf("%q and %q overlap: [%.1f, %.1f] and [%.1f, %.1f] at %.1f and %.1f", a.words, b.words, a.left, a.right, b.left, b.right, a.top, b.top)
			}
		}
	}
}

type picture struct {
	name string
	draw func(*findings.Divergence, Look) (Chart, error)
}

func pictures() []picture {
	return []picture{{"mirror", Mirror}, {"slope", Slope}, {"difference", Difference}}
}

func newTestEngine(tb testing.TB) *Engine {
	tb.Helper()
	engine, err := NewEngine()
	if err != nil {
		tb.Fatal(err)
	}
	return engine
}

// long makes labels of at least 60 letters, as careful translators write them.
func long(options []expectation) []expectation {
	out := slices.Clone(options)
	for i := range out {
		out[i].text = survey.Words{
			"en": "Whatever I was promised, by whomever, is kept without my asking twice",
			"pl": "Cokolwiek mi obiecano, zostaje dotrzymane bez konieczności przypominania",
			"ro": "Orice mi s-a promis, de către oricine, se respectă fără să mai întreb",
			"ru": "Всё обещанное выполняется в срок и без дополнительных напоминаний мне",
		}
	}
	return out
}

// many makes forty options, more than half of them tied in places.
func many() []expectation {
	var out []expectation
	for i := range 40 {
		e := expectations()[i%12]
		e.code = survey.OptionCode(fmt.Sprintf("%s_%d", e.code, i))
		e.external, e.internal = float64(60-i/2*2), float64(20+(i*7)%40/2*2)
		out = append(out, e)
	}
	return out
}

// withShares gives options other shares, in percent.
func withShares(options []expectation, external, internal []float64) []expectation {
	out := slices.Clone(options[:len(external)])
	for i := range out {
		out[i].external, out[i].internal = external[i], internal[i]
	}
	return out
}

// scenes are the findings every picture must bear.
func scenes() map[string]*findings.Divergence {
	undecided := expectations()
	for i := range undecided {
		undecided[i].verdict = findings.Unknown
	}
	blank := divergence(expectations()[:3], 40, 40)
	for i := range blank.Items {
		// A rating nobody could judge on one side: no share, no interval, no place.
		blank.Items[i].Internal = findings.Entry{Code: blank.Items[i].Code, Share: math.NaN(), Low: math.NaN(), High: math.NaN()}
		blank.Items[i].Difference, blank.Items[i].Low, blank.Items[i].High = math.NaN(), math.NaN(), math.NaN()
		blank.Items[i].Verdict, blank.Items[i].Detectable = findings.Unknown, math.NaN()
	}
	weighted := divergence(expectations(), 312_345, 1_234)
	weighted.External.Base.Weighted, weighted.External.Base.EffectiveN = true, 250_123.4
	weighted.Simulated = true
	return map[string]*findings.Divergence{
		"twelve":    divergence(expectations(), 1200, 300),
		"long":      divergence(long(expectations()), 1200, 300),
		"undecided": divergence(undecided, 1200, 50),
		"three":     divergence(expectations()[:3], 1200, 300),
		"one":       divergence(expectations()[:1], 1200, 300),
		"forty":     divergence(many(), 1200, 300),
		"tied":      divergence(withShares(expectations(), []float64{20, 20, 20, 20}, []float64{20, 20, 20, 20}), 30, 30),
		"five":      divergence(withShares(expectations(), []float64{100, 80, 20, 0}, []float64{0, 20, 80, 100}), 5, 5),
		"extreme":   divergence(withShares(expectations(), []float64{100, 99.9, 0.1, 0}, []float64{99.8, 100, 0, 0.2}), 312_345, 99_999),
		"nobody":    divergence(withShares(expectations(), []float64{0, 0, 0}, []float64{0, 0, 0}), 20, 20),
		"blank":     blank,
		"weighted":  weighted,
	}
}

func TestPicturesKeepTheirRoom(t *testing.T) {
	for name, scene := range scenes() {
		for _, width := range []int{320, 362, 481, 520, 640, 760, 960, 1104, 1600} {
			for _, lang := range []survey.Language{"en", "pl", "ro", "ru"} {
				for _, p := range pictures() {
					c, err := p.draw(scene, Look{Language: lang, Width: width, Titled: width%3 == 0, Title: "They part on speed", Subtitle: "March 2026"})
					if err != nil {
						t.Fatalf("%s of %s in %s at %d: %v", p.name, name, lang, width, err)
					}
					t.Run(fmt.Sprintf("%s/%s/%s/%d", p.name, name, lang, width), func(t *testing.T) { checkRoom(t, c) })
				}
			}
		}
	}
}

// The room was checked in the layout: the drawing must be that layout, word for word and place for place.
func TestDrawingsKeepTheLayout(t *testing.T) {
	engine := newTestEngine(t)
	for _, p := range pictures() {
		for _, lang := range []survey.Language{"en", "ru"} {
			c, err := p.draw(scenes()["weighted"], Look{Language: lang, Titled: true})
			if err != nil {
				t.Fatal(err)
			}
			svg, err := engine.SVG(t.Context(), c)
			if err != nil {
				t.Fatal(err)
			}
			want, got := laidOut(t, c), drawnLines(t, svg)
			if len(got) != len(want) || len(got) == 0 {
				t.Fatalf("%s: %d lines drawn of %d", p.name, len(got), len(want))
			}
			for i := range want {
				if got[i].words != want[i].words || got[i].loud != want[i].loud || math.Abs(got[i].left-want[i].left) > 0.02 || math.Abs(got[i].top-want[i].top) > 0.02 {
					t.Errorf("%s: drawn %+v, laid out %+v", p.name, got[i], want[i])
				}
			}
		}
	}
}

func TestMirrorSaysWhatTheFindingSays(t *testing.T) {
	engine := newTestEngine(t)
	d := divergence(expectations(), 1200, 300)
	for _, width := range []int{362, 1104} {
		c, err := Mirror(d, Look{Width: width})
		if err != nil {
			t.Fatal(err)
		}
		svg, err := engine.SVG(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		said := drawnLines(t, svg)
		count := func(words string) int {
			n := 0
			for _, s := range said {
				if s.words == words {
					n++
				}
			}
			return n
		}
		for words, want := range map[string]int{
			"61 %": 1, "58 %": 1, "14 %": 3, "+14 pts": 1, "−12 pts": 1, "+9 pts": 1, "+5 pts": 1,
			"more inside": 2, "less inside": 1, "different, but small": 1, "practically the same": 6,
			"=9": 2, "1–3": 3, "n = 1,200": 1, "n = 300": 1, "place": 2, "External customers": 1, "Internal customers": 1,
		} {
			if got := count(words); got != want {
				t.Errorf("width %d: %q stands %d times, want %d", width, words, got, want)
			}
		}
		loud := ""
		for _, s := range said {
			if s.loud && strings.Contains(s.words, "result") {
				loud = s.words
			}
		}
		if loud != "I get the result quickly" {
			t.Errorf("width %d: the option that differs is not loud: %q", width, loud)
		}
	}
}

// shape is a path of a drawing, by its colour.
var barPath = regexp.MustCompile(`<path d="M([-\d.]+) [-\d.]+L?[^"]*" fill="(#[0-9a-f]+)"`)

func TestBarsAreAsLongAsShares(t *testing.T) {
	c, err := Mirror(divergence(expectations(), 1200, 300), Look{Width: 1104})
	if err != nil {
		t.Fatal(err)
	}
	var option struct {
		Grid []struct{ Left, Width string }
		Axis []struct {
			Min, Max float64
			Inverse  bool
		} `json:"xAxis"`
		Series []struct {
			RenderItem string
			Data       []struct {
				Name  string
				Value []any
			}
		}
	}
	if err := json.Unmarshal(c.Option, &option); err != nil {
		t.Fatal(err)
	}
	if len(option.Grid) != 2 || len(option.Axis) != 2 || len(option.Series) != 2 {
		t.Fatalf("%d grids, %d axes, %d series; want two of each", len(option.Grid), len(option.Axis), len(option.Series))
	}
	if option.Grid[0].Width != option.Grid[1].Width || option.Axis[0].Max != option.Axis[1].Max || option.Axis[0].Min != 0 || option.Axis[1].Min != 0 {
		t.Errorf("the two sides are not on one scale: %v %v", option.Grid, option.Axis)
	}
	if !option.Axis[0].Inverse || option.Axis[1].Inverse {
		t.Errorf("the external side must grow to the left and the internal side to the right: %v", option.Axis)
	}
	for _, s := range option.Series {
		if len(s.Data) != 12 {
			t.Errorf("%d rows, want 12", len(s.Data))
		}
	}
	if got := option.Series[0].Data[2].Value[1]; got != 0.38 {
		t.Errorf("external share of the third row = %v, want 0.38", got)
	}
	// The drawn bars: 0.61 and 0.38 of the scale, from one line, in the ratio of the shares.
	svg, err := newTestEngine(t).SVG(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	colors := Light.palette()
	width := number(t, option.Grid[0].Width) / option.Axis[0].Max
	zero := number(t, option.Grid[0].Left) + number(t, option.Grid[0].Width)
	var tips []float64
	for _, m := range barPath.FindAllStringSubmatch(string(svg), -1) {
		if m[2] == colors.external || m[2] == colors.externalPale {
			tips = append(tips, number(t, m[1]))
		}
	}
	if len(tips) < 12 {
		t.Fatalf("%d external bars drawn, want 12: %v", len(tips), tips)
	}
	// A bar's outline starts at its rounded outer corner, three pixels in.
	if want := zero - 0.61*width; math.Abs(slices.Min(tips)-3-want) > 1 {
		t.Errorf("the longest external bar ends at %.1f, want %.1f", slices.Min(tips)-3, want)
	}
}

func TestSlopeStandsTiesApart(t *testing.T) {
	d := divergence(withShares(expectations(), []float64{40, 30, 20, 10}, []float64{20, 20, 20, 30}), 300, 300)
	c, err := Slope(d, Look{})
	if err != nil {
		t.Fatal(err)
	}
	var option struct {
		Series []struct{ Data []struct{ Value []any } }
	}
	if err := json.Unmarshal(c.Option, &option); err != nil {
		t.Fatal(err)
	}
	rows := make(map[any]bool)
	for _, datum := range option.Series[0].Data {
		rows[datum.Value[1]] = true
	}
	if len(rows) != 4 {
		t.Errorf("four options, three of them tied inside, stand on %d rows, want 4", len(rows))
	}
	svg, err := newTestEngine(t).SVG(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(svg), ">=2<"); n != 3 {
		t.Errorf("%d options show that they share place 2, want 3", n)
	}
}

func TestDifferenceOrder(t *testing.T) {
	d := divergence(expectations(), 1200, 300)
	for order, want := range map[Order][]float64{ByDifference: {0.14, 0.09, 0.05}, AsRanked: {-0.03, -0.05, 0.14}} {
		c, err := Difference(d, Look{Order: order})
		if err != nil {
			t.Fatal(err)
		}
		var option struct {
			Axis   []struct{ Min, Max float64 } `json:"xAxis"`
			Series []struct{ Data []struct{ Value []any } }
		}
		if err := json.Unmarshal(c.Option, &option); err != nil {
			t.Fatal(err)
		}
		for i, w := range want {
			if got, ok := option.Series[0].Data[i].Value[1].(float64); !ok || math.Abs(got-w) > 1e-9 {
				t.Errorf("order %q: row %d differs by %v, want %v", order, i, option.Series[0].Data[i].Value[1], w)
			}
		}
		if option.Axis[0].Min != -option.Axis[0].Max {
			t.Errorf("zero is not in the middle of %v", option.Axis[0])
		}
	}
}

func TestTitledPicturesStandAlone(t *testing.T) {
	engine := newTestEngine(t)
	for _, p := range pictures() {
		for _, lang := range []survey.Language{"en", "pl", "ro", "ru"} {
			c, err := p.draw(divergence(expectations(), 1200, 300), Look{Language: lang, Titled: true, Title: "They part on speed", Subtitle: "1,200 and 300 persons, March 2026"})
			if err != nil {
				t.Fatal(err)
			}
			svg, err := engine.SVG(t.Context(), c)
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range []string{"They part on speed", "1,200 and 300 persons, March 2026", "95\u00a0%", "±10"} {
				if !strings.Contains(string(svg), ">"+want) && !strings.Contains(string(svg), want) {
					t.Errorf("%s in %s does not say %q", p.name, lang, want)
				}
			}
			if strings.Contains(string(svg), "[") && strings.Contains(string(svg), "]") {
				t.Errorf("%s in %s has a phrase that is missing", p.name, lang)
			}
		}
	}
}

func TestSimulatedAnswersAreMarked(t *testing.T) {
	engine := newTestEngine(t)
	d := divergence(expectations(), 1200, 300)
	d.Simulated = true
	for _, p := range pictures() {
		c, err := p.draw(d, Look{Width: 362})
		if err != nil {
			t.Fatal(err)
		}
		svg, err := engine.SVG(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(svg), ">simulated answers<") {
			t.Errorf("%s does not say that answers are simulated", p.name)
		}
	}
}

func TestRefusals(t *testing.T) {
	d := divergence(expectations(), 1200, 300)
	tests := []struct {
		name    string
		finding *findings.Divergence
		look    Look
		says    string
	}{
		{"no finding", nil, Look{}, "nothing to draw"},
		{"no options", &findings.Divergence{}, Look{}, "nothing to draw"},
		{"too narrow", d, Look{Width: 319}, "320"},
		{"too wide", d, Look{Width: 100_000}, "100000"},
		{"unknown theme", d, Look{Theme: "sepia"}, "sepia"},
		{"unknown order", d, Look{Order: "random"}, "random"},
	}
	for _, tt := range tests {
		for _, p := range pictures() {
			if _, err := p.draw(tt.finding, tt.look); err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%s, %s: error %v, want one that says %q", p.name, tt.name, err, tt.says)
			}
		}
	}
}

func TestUnknownLanguageFallsBackToEnglish(t *testing.T) {
	for lang, want := range map[survey.Language]string{"": "External", "hu": "External", "en-GB": "External", "pl-PL": "Klienci", "ru": "Внешние"} {
		c, err := Mirror(divergence(expectations(), 1200, 300), Look{Language: lang})
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(c.Description, want) {
			t.Errorf("language %q: %q does not say %q", lang, c.Description, want)
		}
	}
}
