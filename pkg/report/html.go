package report

import (
	"context"
	"embed"
	"fmt"
	"html/template"
	"io"
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
	wideChart  = 1040
	phoneChart = 358
)

// HTML writes a page that stands on its own: no script, nothing loaded from elsewhere, pictures inline with
// the tables behind them, light and dark, and fit for paper. The engine draws the pictures.
func (w *Writer) HTML(ctx context.Context, to io.Writer, c *Comparison, lang survey.Language, engine *charts.Engine) error {
	page, err := w.comparisonPage(ctx, c, lang, engine)
	if err != nil {
		return err
	}
	templates, err := template.ParseFS(templateFiles, "templates/comparison.html")
	if err != nil {
		return err
	}
	return templates.Execute(to, page)
}

// comparisonPage is what the template of a comparison shows. All texts are ready to print.
type comparisonPage struct {
	Language  survey.Language
	Style     template.CSS
	Say       map[string]string // the fixed words of the page
	Simulated bool
	Title     string // the finding
	Rest      string // what else it takes to say it
	Question  string
	Withheld  string
	Sides     []sideHead
	RuleLine  string
	Notes     []string
	Figures   []figure
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

func (w *Writer) comparisonPage(ctx context.Context, c *Comparison, lang survey.Language, engine *charts.Engine) (*comparisonPage, error) {
	t := words{w, lang}
	css, err := templateFiles.ReadFile("templates/comparison.css")
	if err != nil {
		return nil, err
	}
	p := &comparisonPage{
		Language: lang, Style: template.CSS(string(css) + charts.Style(".picture")), //nolint:gosec // both are the program's own
		Say: map[string]string{}, Simulated: c.Simulated, Question: t.question(c), Files: t.fileLines(c),
		Made: c.Made.Format("2006-01-02"), Program: c.Program,
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
	} else {
		p.Notes = t.notes(c)
		err = p.fill(ctx, c.Divergence, t, engine)
	}
	return p, err
}

// fill shows a divergence.
func (p *comparisonPage) fill(ctx context.Context, d *findings.Divergence, t words, engine *charts.Engine) (err error) {
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
		p.Sentences = append(p.Sentences, w.speaker.Item(d, &d.Items[i], lang))
	}
	p.Lists, p.Method = t.lists(d), t.method(d)
	p.Figures, err = t.figures(ctx, d, engine)
	return err
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

// figures draws every picture in both widths, all at once: the engine has as many painters as there are
// processors.
func (w words) figures(ctx context.Context, d *findings.Divergence, engine *charts.Engine) ([]figure, error) {
	speaker := w.writer.speaker
	pictures := []struct {
		name  string
		title string
		draw  func(*findings.Divergence, charts.Look) (charts.Chart, error)
	}{
		{"mirror", speaker.Leads(d, w.lang), charts.Mirror},
		{"difference", speaker.Gap(d, w.lang), charts.Difference},
		{"slope", speaker.Moves(d, w.lang), charts.Slope},
	}
	figures := make([]figure, len(pictures))
	errs := make([]error, 2*len(pictures))
	var wait sync.WaitGroup
	for i, picture := range pictures {
		figures[i] = figure{Name: picture.name, Title: picture.title}
		for n, into := range []struct {
			width int
			svg   *template.HTML
		}{{wideChart, &figures[i].Wide}, {phoneChart, &figures[i].Phone}} {
			wait.Go(func() {
				chart, err := picture.draw(d, charts.Look{
					Language: w.lang, Width: into.width,
					ExternalName: w.say("external", nil), InternalName: w.say("internal", nil),
				})
				if err != nil {
					errs[2*i+n] = fmt.Errorf("lay out the %s: %w", picture.name, err)
					return
				}
				svg, err := engine.SVG(ctx, chart)
				if err != nil {
					errs[2*i+n] = fmt.Errorf("draw the %s: %w", picture.name, err)
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
	if it.Verdict == findings.Different {
		r.Class = "internal"
		if it.Difference < 0 {
			r.Class = "external"
		}
	}
	return r
}

func placeRange(e findings.Entry) string {
	if e.RankLow == e.RankHigh {
		return fmt.Sprint(e.RankLow)
	}
	return fmt.Sprintf("%d–%d", e.RankLow, e.RankHigh)
}

func (w words) shareRange(low, high float64) string {
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
		for _, order := range r.ByRule {
			for _, v := range order.Values {
				if v.Code == e.Code {
					line.Values = append(line.Values, placeText(v.Rank, v.Tied)+" · "+w.ruleValue(order.Rule, v))
				}
			}
		}
		part.Rows = append(part.Rows, line)
	}
	for _, e := range r.Others {
		if !math.IsNaN(e.Share) {
			part.Unranked = append(part.Unranked, e.Text.In(w.lang)+": "+w.share(e.Share))
		}
	}
	return part
}
