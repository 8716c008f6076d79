package charts

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// clean rewrites the SVG that ECharts drew into one that may lie in any page: only elements that draw, only
// attributes that place and colour, so nothing that runs, loads or links can remain whatever a label says;
// no style attributes and elements, which a strict content security policy would refuse; ids of its own; and
// the description for people who do not see it.
func clean(raw string, c Chart, prefix string) ([]byte, error) {
	var out bytes.Buffer
	out.Grow(len(raw))
	w := svgWriter{out: &out, prefix: prefix, ids: make(map[string]string)}
	decoder := xml.NewDecoder(strings.NewReader(raw))
	skipped := 0 // how deep inside an element that is left out
	depth := 0
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("the drawing is not well-formed: %w", err)
		}
		switch t := token.(type) {
		case xml.StartElement:
			if skipped > 0 || !drawn(t) {
				skipped++
				continue
			}
			if depth++; depth == 1 {
				w.root(c)
				continue
			}
			w.start(t)
		case xml.EndElement:
			if skipped > 0 {
				skipped--
				continue
			}
			depth--
			fmt.Fprintf(&out, "</%s>", t.Name.Local)
		case xml.CharData:
			if skipped == 0 && depth > 1 {
				w.escape(string(t))
			}
		}
	}
	if depth != 0 || out.Len() == 0 {
		return nil, errors.New("the drawing is empty")
	}
	return out.Bytes(), nil
}

// drawn reports whether an element is one that draws. The background that ECharts puts first is not: it has
// no colour, the picture brings its own.
func drawn(t xml.StartElement) bool {
	switch t.Name.Local {
	case "svg", "g", "path", "circle", "line", "polyline", "polygon", "text", "clipPath", "defs":
		return true
	case "rect":
		for _, a := range t.Attr {
			if a.Name.Local == "fill" && a.Value != "none" && a.Value != "transparent" {
				return true
			}
			if a.Name.Local == "stroke" && a.Value != "none" {
				return true
			}
		}
	}
	return false
}

// svgWriter writes what is kept.
type svgWriter struct {
	out    *bytes.Buffer
	prefix string
	ids    map[string]string // the drawing's ids, renumbered
}

// root opens the picture.
func (w *svgWriter) root(c Chart) {
	fmt.Fprintf(w.out, `<svg xmlns="http://www.w3.org/2000/svg" width="%[1]d" height="%[2]d" viewBox="0 0 %[1]d %[2]d" role="img" aria-labelledby="%[3]s-d" lang="`,
		c.Width, c.Height, w.prefix)
	w.escape(string(c.Language))
	w.out.WriteString(`" font-family="`)
	w.escape(fontFamily)
	// A title element would pop up wherever the pointer rests on the picture.
	fmt.Fprintf(w.out, `" font-variant="tabular-nums"><desc id="%s-d">`, w.prefix)
	w.escape(c.Description)
	w.out.WriteString("</desc>")
}

// start opens an element with the attributes that are kept.
func (w *svgWriter) start(t xml.StartElement) {
	w.out.WriteString("<" + t.Name.Local)
	if t.Name.Local == "text" {
		t.Attr = onBaseline(t.Attr)
	}
	for _, a := range t.Attr {
		switch name := a.Name.Local; name {
		case "x", "y", "x1", "y1", "x2", "y2", "cx", "cy", "r", "rx", "ry", "width", "height", "d", "points", "transform",
			"stroke-width", "stroke-dasharray", "stroke-dashoffset", "stroke-linecap", "stroke-linejoin", "stroke-opacity",
			"fill-opacity", "opacity", "text-anchor", "font-size", "font-weight", "fill", "stroke":
			w.attribute(name, a.Value)
		case "id":
			w.attribute("id", w.id(a.Value))
		case "clip-path":
			if id, ok := strings.CutPrefix(a.Value, "url(#"); ok {
				w.attribute(name, "url(#"+w.id(strings.TrimSuffix(id, ")"))+")")
			}
		case "style":
			w.font(a.Value)
		}
	}
	w.out.WriteByte('>')
}

// middleToBaseline is how far below the middle of a line of text its baseline lies, in em.
const middleToBaseline = 0.352

// onBaseline moves a text that ECharts centred on y by dominant-baseline to its baseline: word processors
// do not know that attribute, and would set every text too high.
func onBaseline(attributes []xml.Attr) []xml.Attr {
	var y, size float64
	at := -1
	for i, a := range attributes {
		switch a.Name.Local {
		case "y":
			at = i
			y, _ = strconv.ParseFloat(a.Value, 64)
		case "style":
			_, after, _ := strings.Cut(a.Value, "font-size:")
			before, _, _ := strings.Cut(after, "px")
			size, _ = strconv.ParseFloat(strings.TrimSpace(before), 64)
		}
	}
	baseline := px(y + middleToBaseline*size)
	if at < 0 {
		return append(attributes, xml.Attr{Name: xml.Name{Local: "y"}, Value: baseline})
	}
	attributes[at].Value = baseline
	return attributes
}

// font turns the style of a text into attributes. The family is the picture's.
func (w *svgWriter) font(style string) {
	for declaration := range strings.SplitSeq(style, ";") {
		name, value, _ := strings.Cut(declaration, ":")
		switch strings.TrimSpace(name) {
		case "font-size", "font-weight":
			w.attribute(strings.TrimSpace(name), strings.TrimSpace(value))
		}
	}
}

func (w *svgWriter) attribute(name, value string) {
	if strings.Contains(value, "url(") && name != "clip-path" {
		return
	}
	w.out.WriteString(" " + name + `="`)
	w.escape(value)
	w.out.WriteByte('"')
}

// id gives one of the drawing's ids a name that no other picture uses.
func (w *svgWriter) id(old string) string {
	renamed, ok := w.ids[old]
	if !ok {
		renamed = fmt.Sprintf("%s-%d", w.prefix, len(w.ids))
		w.ids[old] = renamed
	}
	return renamed
}

func (w *svgWriter) escape(text string) {
	// xml.EscapeText fails only if the writer does, and a buffer does not.
	_ = xml.EscapeText(w.out, []byte(text))
}
