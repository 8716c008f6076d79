// Package charts draws findings: it turns a [findings.Divergence] into ECharts options, and options into
// SVG without a browser.
//
// A picture is made in two steps. [Mirror], [Slope] and [Difference] lay the picture out for a width and a
// language: they wrap and measure every label with the widths of real glyphs, so that nothing is cut and
// nothing overlaps, and return a [Chart], whose option is plain JSON without a single function. [Engine]
// runs the same Apache ECharts that a browser runs, and the same drawing code (src/), and returns the SVG.
//
// The package draws and decides nothing: verdicts, intervals and places are the finding's. It knows
// neither files nor databases nor pages.
package charts
