package charts

import (
	"fmt"
	"strings"
)

// palette is the colours of a theme by what they are for. Within a theme no two of them are equal, so that a
// picture drawn in one theme can be recoloured into the other by colour alone (see Style).
type palette struct {
	ground string // what the picture lies on
	ink    string // words that are loud
	quiet  string // words that are not; at least 4.5:1 on the ground
	rule   string // hairlines between rows
	axis   string // the line the bars grow from
	grid   string // lines of a scale
	band   string // the margin within which sides are practically the same

	external, externalPale, externalTint string // bars, bars of quiet rows, the ground of a verdict
	internal, internalPale, internalTint string
	neutral, neutralPale                 string // what belongs to neither side
	whisker                              string
}

func (t Theme) palette() palette {
	if t == Dark {
		return palette{
			ground: "#1b1f27", ink: "#e9ecf1", quiet: "#a3acba", rule: "#2b313c", axis: "#4a5362", grid: "#272c36", band: "#262d3a",
			external: "#4a90f7", externalPale: "#34557f", externalTint: "#213451",
			internal: "#f27d24", internalPale: "#7f5134", internalTint: "#46301f",
			neutral: "#8d98a9", neutralPale: "#5c6675", whisker: "#f1f4f8",
		}
	}
	return palette{
		ground: "#ffffff", ink: "#1e293b", quiet: "#5f6b7d", rule: "#e6eaf0", axis: "#a9b4c4", grid: "#edf0f4", band: "#eef2f8",
		external: "#2563eb", externalPale: "#9db9f7", externalTint: "#dde8fd",
		internal: "#ea580c", internalPale: "#f6b491", internalTint: "#fde4d4",
		neutral: "#6b7789", neutralPale: "#b3bdcb", whisker: "#0f172a",
	}
}

// roles returns the colours in a fixed order of what they are for.
func (p palette) roles() []string {
	return []string{
		p.ground, p.ink, p.quiet, p.rule, p.axis, p.grid, p.band, p.external, p.externalPale, p.externalTint,
		p.internal, p.internalPale, p.internalTint, p.neutral, p.neutralPale, p.whisker,
	}
}

// Style returns the CSS that a page needs for pictures that it holds as inline SVG below a selector such as
// ".chart": figures of one width, and, for readers who asked for a dark page, the dark colours in place of
// the light ones. One light picture then serves both. The pictures must have been drawn in the Light theme.
func Style(selector string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s text{font-variant-numeric:tabular-nums}\n@media screen and (prefers-color-scheme:dark){\n", selector)
	light, dark := Light.palette().roles(), Dark.palette().roles()
	for i := range light {
		fmt.Fprintf(&b, "%[1]s [fill=%[2]q]{fill:%[3]s}%[1]s [stroke=%[2]q]{stroke:%[3]s}\n", selector, light[i], dark[i])
	}
	b.WriteString("}\n")
	return b.String()
}
