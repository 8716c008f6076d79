package charts

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"

	echarts "github.com/go-echarts/go-echarts/v2/charts"
	"github.com/go-echarts/go-echarts/v2/opts"
	"github.com/go-echarts/go-echarts/v2/types"
)

// sheet is a picture being laid out: an ECharts option in the making. Everything is placed in CSS pixels from
// the top left corner.
type sheet struct {
	look   Look
	words  wording
	face   *typeface
	colors palette
	plots  []plot
	height float64

	inks  []ink // of the texts, each once
	texts []text
	marks []mark
}

// text is one line of text of the sheet component (src/sheet.js), centred on y.
type text struct {
	Words string  `json:"words"`
	X     float64 `json:"x"`
	Y     float64 `json:"y"`
	Align align   `json:"align"`
	Ink   int     `json:"ink"` // which of the inks
}

// mark is a rectangle or lines of the sheet component.
type mark struct {
	Type  string    `json:"type"` // "rect" or "strokes"
	Shape markShape `json:"shape"`
	Style markStyle `json:"style"`
	Z     int       `json:"z"` // below 2 it lies under the plots
}

type markShape struct {
	X        float64   `json:"x,omitempty"`
	Y        float64   `json:"y,omitempty"`
	Width    float64   `json:"width,omitempty"`
	Height   float64   `json:"height,omitempty"`
	R        float64   `json:"r,omitempty"`
	Segments []float64 `json:"segments,omitempty"` // of strokes: x1, y1, x2, y2, ...
}

type markStyle struct {
	Fill      string  `json:"fill"`
	Stroke    string  `json:"stroke,omitempty"`
	LineWidth float64 `json:"lineWidth,omitempty"`
	LineDash  []int   `json:"lineDash,omitempty"`
}

// textStyle is how a text looks, in ECharts' words.
type textStyle struct {
	Fill       string  `json:"fill"`
	FontSize   float64 `json:"fontSize"`
	FontWeight weight  `json:"fontWeight"`
	FontFamily string  `json:"fontFamily"`
	Font       string  `json:"font"` // the last three as a CSS shorthand
}

// ink is a kind of text: its size, weight and colour.
type ink struct {
	size   float64 // CSS pixels
	weight weight
	color  string
}

// leading is the height of one line of text.
func (i ink) leading() float64 { return i.size * 1.3 }

func (i ink) style() textStyle {
	return textStyle{
		Fill: i.color, FontSize: i.size, FontWeight: i.weight, FontFamily: fontFamily,
		Font: fmt.Sprintf("%d %gpx %s", i.weight, i.size, fontFamily),
	}
}

// align says which end of a text is at its x.
type align string

const (
	left   align = "left"
	center align = "center"
	right  align = "right"
)

// text places lines of text: x is the edge or middle named by a, y the middle of the block of lines.
func (s *sheet) text(lines []string, x, y float64, a align, i ink) {
	which := slices.Index(s.inks, i)
	if which < 0 {
		which = len(s.inks)
		s.inks = append(s.inks, i)
	}
	top := y - i.leading()*float64(len(lines)-1)/2
	for n, line := range lines {
		s.texts = append(s.texts, text{line, round(x), round(top + i.leading()*float64(n)), a, which})
	}
}

// line is text of one line.
func (s *sheet) line(words string, x, y float64, a align, i ink) {
	if words != "" {
		s.text([]string{words}, x, y, a, i)
	}
}

// rectangle places a rectangle, under or over the plots; stroke may be empty.
func (s *sheet) rectangle(x, y, width, height, radius float64, fill, stroke string, z int) {
	s.marks = append(s.marks, mark{
		Type: "rect", Z: z, Style: markStyle{Fill: fill, Stroke: stroke},
		Shape: markShape{X: round(x), Y: round(y), Width: round(width), Height: round(height), R: radius},
	})
}

// rule places a hairline. Rules that look alike become one mark.
func (s *sheet) rule(x1, y1, x2, y2 float64, color string, dash ...int) {
	i := slices.IndexFunc(s.marks, func(m mark) bool {
		return m.Type == "strokes" && m.Style.Stroke == color && slices.Equal(m.Style.LineDash, dash)
	})
	if i < 0 {
		i = len(s.marks)
		s.marks = append(s.marks, mark{Type: "strokes", Style: markStyle{Fill: "none", Stroke: color, LineWidth: 1, LineDash: dash}})
	}
	s.marks[i].Shape.Segments = append(s.marks[i].Shape.Segments, crisp(x1), crisp(y1), crisp(x2), crisp(y2))
}

// plot is a coordinate system and the one series in it, drawn by a renderer of src/.
type plot struct {
	x, y, width, height float64
	domain              [2]float64 // of the horizontal scale
	inverse             bool       // the horizontal scale grows to the left
	rows                [2]float64 // of the vertical scale, which grows downwards
	name, color         string     // what the series is called, and its colour
	renderer            string     // as registered in src/index.js
	dimensions          []dimension
	tooltip             []int // the dimensions that a tooltip shows
	payload             any   // what the renderer needs beside the data
	data                []datum
}

// dimension is one number or text of a datum.
type dimension struct {
	Name string `json:"name"`
	Type string `json:"type"` // "float" or "ordinal" (text)
}

// datum is one option in a plot. Values that are not finite are written as null.
type datum struct {
	name   string
	values []any // float64 or string
	color  string
}

// series adds to go-echarts' series what ECharts 6 knows and go-echarts does not.
type series struct {
	echarts.SingleSeries
	Dimensions  []dimension `json:"dimensions"`
	ItemPayload any         `json:"itemPayload"`
	Clip        bool        `json:"clip"`
}

// option is the ECharts option of the whole sheet: data only, no functions.
func (s *sheet) option(description string) (json.RawMessage, error) {
	base := echarts.NewCustom()
	base.SetGlobalOptions(
		echarts.WithAnimation(false),
		echarts.WithAriaOpts(&opts.Aria{Enabled: opts.Bool(true), Label: &opts.AriaLabel{Description: description}}),
		echarts.WithTooltipOpts(opts.Tooltip{
			Show: opts.Bool(true), Trigger: "item", BackgroundColor: s.colors.ground, BorderColor: s.colors.axis,
		}),
	)
	base.GridList, base.XAxisList, base.YAxisList = nil, nil, nil
	all := make([]series, 0, len(s.plots))
	for i, p := range s.plots {
		base.GridList = append(base.GridList, opts.Grid{Left: px(p.x), Top: px(p.y), Width: px(p.width), Height: px(p.height)})
		base.XAxisList = append(base.XAxisList, opts.XAxis{
			Type: "value", Show: opts.Bool(false), GridIndex: i, Min: p.domain[0], Max: p.domain[1], Inverse: opts.Bool(p.inverse),
		})
		base.YAxisList = append(base.YAxisList, opts.YAxis{
			Type: "value", Show: opts.Bool(false), GridIndex: i, Min: p.rows[0], Max: p.rows[1], Inverse: opts.Bool(true),
		})
		all = append(all, p.series(i))
	}
	made := base.JSON()
	delete(made, "title")  // titles are laid out with everything else, so that they wrap
	delete(made, "legend") // words stand beside what they name
	made["series"] = all
	made["sheet"] = map[string]any{"inks": s.styles(), "texts": s.texts, "marks": s.marks}
	made["backgroundColor"] = "transparent"
	made["textStyle"] = s.body(12).style()
	// A tooltip as rich text is drawn, never parsed as HTML.
	tooltip, err := with(made["tooltip"], map[string]any{
		"renderMode": "richText", "confine": true,
		"textStyle": map[string]any{"color": s.colors.ink, "fontSize": 12, "fontFamily": fontFamily},
	})
	if err != nil {
		return nil, err
	}
	made["tooltip"] = tooltip
	text, err := json.Marshal(made)
	if err != nil {
		return nil, fmt.Errorf("charts: option: %w", err)
	}
	return text, nil
}

// styles is the inks in ECharts' words.
func (s *sheet) styles() []textStyle {
	styles := make([]textStyle, len(s.inks))
	for n, i := range s.inks {
		styles[n] = i.style()
	}
	return styles
}

// series turns a plot into the i-th series.
func (p plot) series(i int) series {
	data := make([]opts.CustomData, len(p.data))
	for n, d := range p.data {
		values := make([]any, len(d.values))
		for k, v := range d.values {
			if number, ok := v.(float64); !ok || finite(number) {
				values[k] = v
			}
		}
		data[n] = opts.CustomData{Name: d.name, Value: values, ItemStyle: &opts.ItemStyle{Color: d.color}}
	}
	return series{
		SingleSeries: echarts.SingleSeries{
			Name: p.name, Type: types.ChartCustom, XAxisIndex: i, YAxisIndex: i, Data: data,
			// Every datum has its own colour; without one of its own the series would take one from a palette.
			ItemStyle:  &opts.ItemStyle{Color: p.color},
			RenderItem: types.FuncStr(p.renderer), // the name of a registered renderer, not code
			Encode:     &opts.Encode{X: 1, Y: 0, Tooltip: p.tooltip},
		},
		Dimensions: p.dimensions, ItemPayload: p.payload,
	}
}

// with adds keys to an option made by go-echarts.
func with(option any, more map[string]any) (map[string]any, error) {
	text, err := json.Marshal(option)
	if err != nil {
		return nil, fmt.Errorf("charts: option: %w", err)
	}
	merged := make(map[string]any)
	if err := json.Unmarshal(text, &merged); err != nil {
		return nil, fmt.Errorf("charts: option: %w", err)
	}
	maps.Copy(merged, more)
	return merged, nil
}

func px(x float64) string { return strconv.FormatFloat(round(x), 'f', -1, 64) }

// round keeps a coordinate to a hundredth of a pixel.
func round(x float64) float64 { return math.Round(100*x) / 100 }

// crisp moves a thin line to the middle of a pixel.
func crisp(x float64) float64 { return math.Round(x-0.5) + 0.5 }
