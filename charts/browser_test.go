package charts

import (
	"context"
	"encoding/xml"
	"fmt"
	"html"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"cxmirror/pkg/survey"
)

// browserSVG is a picture in the page that a browser gives back, and its lines of text.
var (
	browserSVG  = regexp.MustCompile(`(?s)<svg [^>]*>.*?</svg>`)
	browserText = regexp.MustCompile(`<text [^>]*>[^<]*</text>`)
)

// A browser that runs the bundle draws the same option into the same picture: the same words in the same
// places. Labels that would be scripts stay words there too.
func TestBrowserDrawsTheSamePicture(t *testing.T) {
	browser, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("no chromium: CI installs one")
		}
		t.Skip("no chromium here")
	}
	bundle, err := Bundle()
	if err != nil {
		t.Fatal(err)
	}
	d := divergence(expectations(), 1200, 300)
	for i, label := range hostile()[:8] {
		text := plain(label)
		d.Items[i].External.Text, d.Items[i].Internal.Text = survey.Words{"en": text}, survey.Words{"en": text}
	}
	var page strings.Builder
	page.WriteString("<!doctype html><meta charset=utf-8><body>")
	var all []Chart
	for _, p := range pictures() {
		c, err := p.draw(d, Look{})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
		fmt.Fprintf(&page, `<div class="chart" data-width="%d" data-height="%d" data-option="%s"></div>`, c.Width, c.Height, html.EscapeString(string(c.Option)))
	}
	page.WriteString(`<script src="echarts.js"></script><script>
		window.alert = () => document.body.append("a label ran");
		for (const element of document.querySelectorAll(".chart")) {
			const chart = cxmirror.enliven(element);
			chart.dispatchAction({type: "showTip", seriesIndex: 0, dataIndex: 0});
			chart.dispatchAction({type: "hideTip"});
		}
		document.title = "drawn";
	</script>`)
	dir := t.TempDir()
	for name, content := range map[string]string{"page.html": page.String(), "echarts.js": string(bundle)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	dom, err := exec.CommandContext(ctx, browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--user-data-dir="+t.TempDir(),
		"--virtual-time-budget=2000", "--dump-dom", "file://"+filepath.Join(dir, "page.html")).Output()
	if err != nil {
		t.Fatalf("chromium: %v", err)
	}
	if !strings.Contains(string(dom), "<title>drawn</title>") || strings.Contains(string(dom), "a label ran</body>") {
		t.Fatalf("the page did not draw, or a label ran: %.2000s", dom)
	}
	drawn := browserSVG.FindAllString(string(dom), -1)
	if len(drawn) != len(all) {
		t.Fatalf("%d pictures drawn of %d", len(drawn), len(all))
	}
	for i, c := range all {
		want := laidOut(t, c)
		got := browserLines(t, drawn[i])
		for _, w := range want {
			found := false
			for _, g := range got {
				found = found || g.words == w.words && math.Abs(g.left-w.left) < 0.02 && math.Abs(g.top-w.top) < 0.02
			}
			if !found {
				t.Errorf("%s: the browser does not draw %q at [%.1f, %.1f]", c.Name, w.words, w.left, w.top)
			}
		}
	}
}

// browserLines reads the lines of text of a picture in a browser's page, where they are still centred on y.
func browserLines(t *testing.T, svg string) []line {
	t.Helper()
	face := face(t)
	var all []line
	for _, element := range browserText.FindAllString(svg, -1) {
		var text struct {
			X      float64 `xml:"x,attr"`
			Y      float64 `xml:"y,attr"`
			Anchor string  `xml:"text-anchor,attr"`
			Style  string  `xml:"style,attr"`
			Words  string  `xml:",chardata"`
		}
		element = strings.ReplaceAll(element, "&nbsp;", "&#160;")
		if err := xml.Unmarshal([]byte(element), &text); err != nil {
			t.Fatalf("%v in %s", err, element)
		}
		style := make(map[string]string)
		for declaration := range strings.SplitSeq(text.Style, ";") {
			name, value, _ := strings.Cut(declaration, ":")
			style[strings.TrimSpace(name)] = strings.TrimSpace(value)
		}
		size := strings.TrimSuffix(style["font-size"], "px")
		if size == "" {
			continue // not one of ours: a tooltip's
		}
		w := regular
		if style["font-weight"] == "600" {
			w = semibold
		}
		all = append(all, lineAt(face, text.Words, text.X, text.Y, text.Anchor, number(t, size), w))
	}
	return all
}
