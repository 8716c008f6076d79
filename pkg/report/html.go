package report

import (
	"context"
	"embed"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"math"
	"sync"

	"cxmirror/charts"
	"cxmirror/pkg/findings"
	"cxmirror/pkg/survey"
)

//go:embed templates/*.html templates/*.css
var templateFiles embed.FS

// Widths at which pictures are drawn, in CSS pixels: one for a desk and for paper, one for a phone.
const (
	WideChart  = 1040
	PhoneChart = 358
)

// HTML writes a page that stands on its own: no script, nothing loaded from elsewhere, pictures inline with
// the tables behind them, light and dark, and fit for paper. The engine draws the pictures.
func (w *Writer) HTML(ctx context.Context, to io.Writer, c *Comparison, lang survey.Language, engine *charts.Engine) error {
	templates, err := template.ParseFS(templateFiles, "templates/*.html")
	if err != nil {
		return err
	}
	css, err := templateFiles.ReadFile("templates/comparison.css")
	if err != nil {
		return err
	}
	shown := document{
		Page:  w.Page(c, lang),
		Style: template.CSS(PartsStyle() + string(css) + charts.Style(".picture")), //nolint:gosec // all are the program's own
	}
	if c.Divergence != nil {
		if shown.Figures, err = drawn(ctx, w.Pictures(c.Divergence, lang), engine); err != nil {
			return err
		}
	}
	return templates.ExecuteTemplate(to, "comparison.html", shown)
}

// document is a page that stands on its own.
type document struct {
	*Page
	Style   template.CSS
	Figures []figure
}

// Parts returns the templates that pages about comparisons are put together from. Each is handed a [Page]:
// "comparison.head" is the finding and whom it is about, "comparison.details" all that stands behind it. Their
// style is [PartsStyle].
func Parts() fs.FS { return templateFiles }

// PartsPattern finds the templates in [Parts].
const PartsPattern = "templates/parts.html"

// PartsStyle returns the style of [Parts], with the colours of a page, light and dark.
func PartsStyle() string {
	css, err := templateFiles.ReadFile("templates/parts.css")
	if err != nil {
		panic(err) // the file was built in, or the program would not have been
	}
	return string(css)
}

// Page is what a page about a comparison shows, but for its pictures. All texts are ready to print.
type Page struct {
	Language  survey.Language
	Say       map[string]string // the fixed words of the page
	Simulated bool
	Title     string // the finding
	Rest      string // what else it takes to say it
	Question  string
	Parts     []string // whom of each side, where it is not everybody
	Withheld  string
	Sides     []sideHead
	RuleLine  string
	Notes     []string
	Rows      []row
	Sentences []string
	Emphasis  []string
	Rankings  []rankingPart
	Lists     []string
	Method    string
	Files     []string
	Made      string
	Program   string
}

type sideHead struct{ Class, Name, Base string }

// figure is one picture in two widths.
type figure struct {
	Name, Title string
	Wide, Phone template.HTML
}

// row is one option in the table behind the mirror.
type row struct {
	Label                            string
	ExternalPlace, ExternalSet       string
	ExternalShare, ExternalInterval  string
	InternalPlace, InternalSet       string
	InternalShare, InternalInterval  string
	Difference, DifferenceInterval   string
	P, PAdjusted, Detectable, Higher string
	Verdict, Class                   string
	Loud                             bool
}

type rankingPart struct {
	Class, Name, Sentence string
	Rules                 []string
	Rows                  []ruleRow
	Unranked              []string
}

// ruleRow is one option by every rule.
type ruleRow struct {
	Label  string
	Values []string
}

// Page says a comparison in a language, ready for [Parts].
func (w *Writer) Page(c *Comparison, lang survey.Language) *Page {
	t := words{w, lang}
	p := &Page{
		Language: lang, Say: map[string]string{}, Simulated: c.Simulated, Question: t.question(c), Parts: t.parts(c),
		Files: t.fileLines(c), Made: c.Made.Format("2006-01-02"), Program: c.Program,
	}
	for _, key := range []string{
		"simulated", "external", "internal", "page_table", "page_sentences", "page_emphasis", "page_order", "page_lists", "page_method",
		"page_files", "column_item", "column_points", "column_place", "column_places", "column_share", "column_interval",
		"column_difference", "column_p", "column_p_adjusted", "column_verdict", "column_would_see", "column_higher",
		"page_made", "page_unranked", "page_withheld",
	} {
		p.Say[key] = t.say(key, nil)
	}
	if c.Withheld != nil {
		p.Title, p.Withheld = p.Say["page_withheld"], t.withheld(c)
		return p
	}
	p.Notes = t.notes(c)
	p.fill(c.Divergence, t)
	return p
}

// fill shows a divergence.
func (p *Page) fill(d *findings.Divergence, t words) {
	w, lang := t.writer, t.lang
	p.Title, p.Rest = w.speaker.Headline(d, lang)
	p.Emphasis = w.speaker.Emphasis(d, lang)
	p.RuleLine = w.speaker.Rule(d.Rule, d.Top, lang)
	for _, side := range t.bothSides(d) {
		p.Sides = append(p.Sides, sideHead{side.class, side.name, "N = " + t.baseLine(side.ranking)})
		p.Rankings = append(p.Rankings, t.rankingPart(side))
	}
	for i := range d.Items {
		p.Rows = append(p.Rows, t.row(d, &d.Items[i]))
		if !d.Items[i].Withheld() { // a note says it of all of them
			p.Sentences = append(p.Sentences, w.speaker.Item(d, &d.Items[i], lang))
		}
	}
	p.Lists, p.Method = t.lists(d), t.method(d)
}

// side is one of the two populations of a divergence.
type side struct {
	class, name string
	ranking     *findings.Ranking
}

func (w words) bothSides(d *findings.Divergence) []side {
	return []side{
		{"external", w.say("external", nil), &d.External},
		{"internal", w.say("internal", nil), &d.Internal},
	}
}

// baseLine is how many people stand behind one side.
func (w words) baseLine(r *findings.Ranking) string {
	base := w.lang.Integer(r.Base.N)
	if r.Base.Weighted {
		base += " (" + w.say("effective", survey.Args{"N": w.lang.Decimal(r.Base.EffectiveN, 0)}) + ")"
	}
	return base
}

// Picture is one chart of a divergence, with the finding that it shows as its title.
type Picture struct {
	Name  string // "mirror", "difference" or "slope"
	Title string

	divergence *findings.Divergence
	look       charts.Look
	draw       func(*findings.Divergence, charts.Look) (charts.Chart, error)
}

// Pictures returns the three pictures of a divergence, not laid out yet.
func (w *Writer) Pictures(d *findings.Divergence, lang survey.Language) []Picture {
	t := words{w, lang}
	look := charts.Look{Language: lang, ExternalName: t.say("external", nil), InternalName: t.say("internal", nil)}
	return []Picture{
		{"mirror", w.speaker.Leads(d, lang), d, look, charts.Mirror},
		{"difference", w.speaker.Gap(d, lang), d, look, charts.Difference},
		{"slope", w.speaker.Moves(d, lang), d, look, charts.Slope},
	}
}

// Chart lays the picture out for a page that prints its title, so many CSS pixels wide.
func (p Picture) Chart(width int) (charts.Chart, error) {
	look := p.look
	look.Width = width
	return p.layOut(look)
}

// Alone lays the picture out to stand alone, in a letter say, with its title and a line beneath that says what
// the page around it would.
func (p Picture) Alone(width int, subtitle string, theme charts.Theme) (charts.Chart, error) {
	look := p.look
	look.Width, look.Theme, look.Titled, look.Title, look.Subtitle = width, theme, true, p.Title, subtitle
	return p.layOut(look)
}

func (p Picture) layOut(look charts.Look) (charts.Chart, error) {
	chart, err := p.draw(p.divergence, look)
	if err != nil {
		return chart, fmt.Errorf("lay out the %s: %w", p.Name, err)
	}
	return chart, nil
}

// drawn draws every picture in both widths, all at once: the engine has as many painters as there are
// processors.
func drawn(ctx context.Context, pictures []Picture, engine *charts.Engine) ([]figure, error) {
	figures := make([]figure, len(pictures))
	errs := make([]error, 2*len(pictures))
	var wait sync.WaitGroup
	for i, picture := range pictures {
		figures[i] = figure{Name: picture.Name, Title: picture.Title}
		for n, into := range []struct {
			width int
			svg   *template.HTML
		}{{WideChart, &figures[i].Wide}, {PhoneChart, &figures[i].Phone}} {
			wait.Go(func() {
				chart, err := picture.Chart(into.width)
				if err != nil {
					errs[2*i+n] = err
					return
				}
				svg, err := engine.SVG(ctx, chart)
				if err != nil {
					errs[2*i+n] = fmt.Errorf("draw the %s: %w", picture.Name, err)
				}
				*into.svg = template.HTML(svg) //nolint:gosec // the engine lets nothing through but shapes and escaped text
			})
		}
	}
	wait.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return figures, nil
}

func (w words) row(d *findings.Divergence, it *findings.ItemDifference) row {
	out, in := it.External, it.Internal
	r := row{
		Label:         w.label(it),
		ExternalPlace: placeText(out.Rank, out.Tied), ExternalSet: placeRange(out),
		ExternalShare: w.share(out.Share), ExternalInterval: w.shareRange(out.Low, out.High),
		InternalPlace: placeText(in.Rank, in.Tied), InternalSet: placeRange(in),
		InternalShare: w.share(in.Share), InternalInterval: w.shareRange(in.Low, in.High),
		Difference:         w.lang.Points(it.Difference, 0),
		DifferenceInterval: w.say("from_to", survey.Args{"From": w.lang.Points(it.Low, 0), "To": w.lang.Points(it.High, 0)}),
		P:                  w.p(it.P), PAdjusted: w.p(it.PAdjusted), Detectable: w.detectable(it), Higher: w.higher(it),
		Verdict: w.verdict(d, it), Loud: it.Verdict == findings.Different,
	}
	if it.Withheld() {
		r.Difference, r.DifferenceInterval, r.P = "–", "", ""
	}
	if it.Verdict == findings.Different {
		r.Class = "internal"
		if it.Difference < 0 {
			r.Class = "external"
		}
	}
	return r
}

func placeRange(e findings.Entry) string {
	if e.Rank == 0 {
		return ""
	}
	if e.RankLow == e.RankHigh {
		return fmt.Sprint(e.RankLow)
	}
	return fmt.Sprintf("%d–%d", e.RankLow, e.RankHigh)
}

func (w words) shareRange(low, high float64) string {
	if math.IsNaN(low) || math.IsNaN(high) {
		return ""
	}
	return w.lang.Decimal(100*low, 0) + "–" + w.lang.Percent(high, 0)
}

// rankingPart is one side's order by all the rules, and what stays out of it.
func (w words) rankingPart(s side) rankingPart {
	r := s.ranking
	part := rankingPart{Class: s.class, Name: s.name, Sentence: w.writer.speaker.Ranking(r, w.lang)}
	part.Rules = append(part.Rules, w.writer.speaker.Rule(r.Rule, r.Top, w.lang))
	for _, order := range r.ByRule {
		part.Rules = append(part.Rules, w.writer.speaker.Rule(order.Rule, r.Top, w.lang))
	}
	for _, e := range r.Entries {
		line := ruleRow{Label: w.name(r, e.Code), Values: []string{placeText(e.Rank, e.Tied) + " · " + w.share(e.Share)}}
		if e.Withheld {
			line.Values[0] = w.say("verdict_withheld", nil)
		}
		for _, order := range r.ByRule {
			for _, v := range order.Values {
				if v.Code == e.Code {
					line.Values = append(line.Values, placeText(v.Rank, v.Tied)+" · "+w.ruleValue(order.Rule, v))
				}
			}
		}
		line.Values = append(line.Values, make([]string, len(part.Rules)-len(line.Values))...)
		part.Rows = append(part.Rows, line)
	}
	for _, e := range r.Others {
		if !math.IsNaN(e.Share) {
			part.Unranked = append(part.Unranked, e.Text.In(w.lang)+": "+w.share(e.Share))
		}
	}
	return part
}
