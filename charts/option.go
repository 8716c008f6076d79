package charts

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"strconv"

	echarts "github.com/go-echarts/go-echarts/v2/charts"
	"github.com/go-echarts/go-echarts/v2/opts"
	"github.com/go-echarts/go-echarts/v2/types"
)

// sheet is a picture being laid out: an ECharts option in the making. Everything is placed in CSS pixels from
// the top left corner.
type sheet struct {
	look    Look
	words   wording
	face    *typeface
	colors  palette
	graphic []graphic
	plots   []plot
	height  float64
}

// graphic is an element of ECharts' graphic component: text, rect or line.
// https://echarts.apache.org/en/option.html#graphic
type graphic struct {
	Type   string  `json:"type"`
	X      float64 `json:"x,omitempty"`
	Y      float64 `json:"y,omitempty"`
	Shape  any     `json:"shape,omitempty"`
	Style  any     `json:"style"`
	Silent bool    `json:"silent"`
	Z      int     `json:"z"` // 0 and below lie under the plots
}

// textStyle is how a text looks, in ECharts' words.
type textStyle struct {
	Text          string  `json:"text,omitempty"`
	Fill          string  `json:"fill"`
	FontSize      float64 `json:"fontSize"`
	FontWeight    weight  `json:"fontWeight"`
	FontFamily    string  `json:"fontFamily"`
	LineHeight    float64 `json:"lineHeight,omitempty"`
	Align         string  `json:"align,omitempty"`
	VerticalAlign string  `json:"verticalAlign,omitempty"`
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
	return textStyle{Fill: i.color, FontSize: i.size, FontWeight: i.weight, FontFamily: fontFamily}
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
	if len(lines) == 0 {
		return
	}
	// One element a line: the lines of a block then never depend on how an engine stacks them.
	top := y - i.leading()*float64(len(lines)-1)/2
	for n, line := range lines {
		style := i.style()
		style.Text, style.Align, style.VerticalAlign = line, string(a), "middle"
		s.graphic = append(s.graphic, graphic{Type: "text", X: round(x), Y: round(top + i.leading()*float64(n)), Style: style, Silent: true, Z: 10})
	}
}

// line is text of one line.
func (s *sheet) line(text string, x, y float64, a align, i ink) {
	if text != "" {
		s.text([]string{text}, x, y, a, i)
	}
}

// rectangle places a filled rectangle, under or over the plots; stroke may be empty.
func (s *sheet) rectangle(x, y, width, height, radius float64, fill, stroke string, z int) {
	type shape struct {
		X      float64 `json:"x"`
		Y      float64 `json:"y"`
		Width  float64 `json:"width"`
		Height float64 `json:"height"`
		R      float64 `json:"r,omitempty"`
	}
	type style struct {
		Fill   string `json:"fill"`
		Stroke string `json:"stroke,omitempty"`
	}
	s.graphic = append(s.graphic, graphic{
		Type: "rect", Shape: shape{round(x), round(y), round(width), round(height), radius},
		Style: style{fill, stroke}, Silent: true, Z: z,
	})
}

// rule places a straight line.
func (s *sheet) rule(x1, y1, x2, y2 float64, color string, dash ...int) {
	type shape struct {
		X1 float64 `json:"x1"`
		Y1 float64 `json:"y1"`
		X2 float64 `json:"x2"`
		Y2 float64 `json:"y2"`
	}
	type style struct {
		Stroke    string  `json:"stroke"`
		LineWidth float64 `json:"lineWidth"`
		LineDash  []int   `json:"lineDash,omitempty"`
	}
	s.graphic = append(s.graphic, graphic{
		Type: "line", Shape: shape{crisp(x1), crisp(y1), crisp(x2), crisp(y2)}, Style: style{color, 1, dash}, Silent: true,
	})
}

// plot is a coordinate system and the one series in it, drawn by a renderer of src/.
type plot struct {
	x, y, width, height float64
	domain              [2]float64 // of the horizontal scale
	inverse             bool       // the horizontal scale grows to the left
	rows                [2]float64 // of the vertical scale, which grows downwards
	name                string     // what the series is called
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
	made["graphic"] = s.graphic
	made["backgroundColor"] = "transparent"
	made["textStyle"] = textStyle{Fill: s.colors.ink, FontSize: 12, FontWeight: regular, FontFamily: fontFamily}
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
