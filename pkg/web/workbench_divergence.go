package web

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"html/template"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"cxmirror/charts"
	"cxmirror/pkg/access"
	"cxmirror/pkg/findings"
	"cxmirror/pkg/report"
	"cxmirror/pkg/store"
	"cxmirror/pkg/survey"
	"cxmirror/pkg/tally"
)

// longestTop is the longest list that people are asked to look at.
const longestTop = 10

// chosenSide is one side of a comparison as asked for.
type chosenSide struct {
	audience survey.Audience
	wave     survey.Wave
	q        *questionnaire
	counts   store.Counts
	split    []*survey.Item // by what results may be split
	part     *report.Part
	tally    *tally.Wave
}

// chosen is a comparison as asked for in the address, with what the address leaves open decided.
type chosen struct {
	external, internal chosenSide
	item               *survey.Item
	top                int
}

// sides returns both sides, external first.
func (ch *chosen) sides() []*chosenSide { return []*chosenSide{&ch.external, &ch.internal} }

// query writes the choice as the query of an address.
func (ch *chosen) query() url.Values {
	query := url.Values{
		"external": {strconv.FormatInt(int64(ch.external.wave.ID), 10)},
		"internal": {strconv.FormatInt(int64(ch.internal.wave.ID), 10)},
		"item":     {string(ch.item.Code)}, "top": {strconv.Itoa(ch.top)},
	}
	for _, side := range ch.sides() {
		if side.part != nil {
			query.Add("segment", segmentName(side.audience, side.part.Segment))
		}
	}
	return query
}

// tellChosen adds to what the audit trail tells of a request what was looked at: with what its address leaves open,
// which tomorrow may be decided otherwise, and without what it names and nothing was done with.
func tellChosen(c echo.Context, ch *chosen) {
	decided := ch.query()
	for _, name := range []string{"external", "internal", "item", "top", "segment"} {
		detail(c, name, strings.Join(decided[name], ", "))
	}
}

// segmentName writes a segment as addresses have it: "internal:department:it", or "internal:department:!it" for
// the rest.
func segmentName(audience survey.Audience, segment tally.Segment) string {
	rest := ""
	if segment.Rest {
		rest = "!"
	}
	return strings.Join([]string{string(audience), string(segment.Item), rest + string(segment.Option)}, ":")
}

// nothingToCompareError says what is missing before anything can be compared: the end of a key of a phrase.
type nothingToCompareError struct{ why string }

func (e *nothingToCompareError) Error() string { return "nothing to compare: " + e.why }

// choose reads what to compare from the address. What it leaves open is decided: of each side the wave with the
// most answers, and the first item that both were asked and that can be ranked.
func (s *Server) choose(ctx context.Context, organisation survey.OrganisationID, query url.Values) (*chosen, []survey.Wave, error) {
	waves, err := s.store.Waves(ctx, organisation)
	if err != nil {
		return nil, nil, err
	}
	counts, err := s.store.AllCounts(ctx, organisation)
	if err != nil {
		return nil, nil, err
	}
	ch := &chosen{external: chosenSide{audience: survey.External}, internal: chosenSide{audience: survey.Internal}}
	for _, side := range ch.sides() {
		wave, err := pickWave(waves, counts, side.audience, query.Get(string(side.audience)))
		if err != nil {
			return nil, waves, err
		}
		side.wave, side.counts = wave, counts[wave.ID]
		if side.q, err = s.fielded.questionnaire(ctx, organisation, wave.Version); err != nil {
			return nil, waves, err
		}
		wide, err := side.q.WithSegments(wave.Segments)
		if err != nil {
			return nil, waves, err
		}
		side.split = wave.SplitBy(wide)
	}
	items := ch.items()
	if len(items) == 0 {
		return ch, waves, &nothingToCompareError{why: "no_item"}
	}
	ch.item = items[0]
	if code := query.Get("item"); code != "" {
		i := slices.IndexFunc(items, func(it *survey.Item) bool { return string(it.Code) == code })
		if i < 0 {
			return ch, waves, fmt.Errorf("item %q: %w", code, survey.ErrNotFound)
		}
		ch.item = items[i]
	}
	ch.top = tally.DefaultTop
	if top, err := strconv.Atoi(query.Get("top")); err == nil {
		ch.top = max(1, min(top, longestTop))
	}
	if ch.oneTop() {
		ch.top = tally.DefaultTop
	}
	return ch, waves, ch.chooseParts(query["segment"])
}

// oneTop reports whether only one length of the list can be looked at: the shares of an order in two lengths tell by
// their difference how many put an option in one place, and a wave that protects people does not.
func (ch *chosen) oneTop() bool {
	return ch.item.Kind == survey.Rank && (ch.external.wave.Protects() || ch.internal.wave.Protects())
}

// pickWave returns the wave asked for or, if none is, the one of an audience with the most answers; of several,
// the newest.
func pickWave(waves []survey.Wave, counts map[survey.WaveID]store.Counts, audience survey.Audience, asked string) (survey.Wave, error) {
	best := -1
	for i := range waves {
		if waves[i].Audience != audience {
			continue
		}
		if asked != "" && strconv.FormatInt(int64(waves[i].ID), 10) == asked {
			return waves[i], nil
		}
		if best < 0 || counts[waves[i].ID].Complete > counts[waves[best].ID].Complete {
			best = i
		}
	}
	switch {
	case asked != "":
		return survey.Wave{}, fmt.Errorf("%s wave %q: %w", audience, asked, survey.ErrNotFound)
	case best < 0 && len(waves) == 0:
		return survey.Wave{}, &nothingToCompareError{why: "no_wave"}
	case best < 0:
		return survey.Wave{}, &nothingToCompareError{why: "no_" + string(audience)}
	}
	return waves[best], nil
}

// items are those that both sides were asked and that can be ranked, as the external side was asked.
func (ch *chosen) items() []*survey.Item {
	var items []*survey.Item
	for i := range ch.external.q.Items {
		it := &ch.external.q.Items[i]
		other, ok := ch.internal.q.Item(it.Code)
		if ok && it.Ranked() && other.Ranked() {
			items = append(items, it)
		}
	}
	return items
}

// chooseParts reads the segments asked for. Empty ones are everybody; a second one of a side replaces the first.
func (ch *chosen) chooseParts(asked []string) error {
	for _, name := range asked {
		if name == "" {
			continue
		}
		parts := strings.SplitN(name, ":", 3)
		if len(parts) != 3 {
			return fmt.Errorf("segment: %w", survey.ErrNotFound)
		}
		side := &ch.external
		if parts[0] == string(survey.Internal) {
			side = &ch.internal
		}
		code, rest := strings.CutPrefix(parts[2], "!")
		at := slices.IndexFunc(side.split, func(it *survey.Item) bool { return string(it.Code) == parts[1] })
		if at < 0 {
			return fmt.Errorf("segment: %w", survey.ErrNotFound)
		}
		it := side.split[at]
		option, ok := it.Option(survey.OptionCode(code))
		if !ok {
			return fmt.Errorf("segment: %w", survey.ErrNotFound)
		}
		side.part = &report.Part{
			Segment:  tally.Segment{Item: it.Code, Option: survey.OptionCode(code), Rest: rest},
			Question: it.Text, Answer: it.Options[option].Text,
		}
	}
	return nil
}

// compare makes the comparison that was chosen, and leaves the waves it came from in ch. The error may say that
// there is nothing to compare, or that it cannot be compared.
func (s *Server) compare(ctx context.Context, ch *chosen) (*report.Comparison, error) {
	for _, side := range ch.sides() {
		err := s.waves.Read(ctx, side.wave.Organisation, side.wave.ID, func(w *tally.Wave) error {
			side.tally = w // a wave that was read does not change any more
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	c := &report.Comparison{
		Settings:      findings.Settings{Top: ch.top}.WithDefaults(),
		Questionnaire: ch.external.q.Questionnaire, Item: ch.item,
		External:  ch.external.source(),
		Internal:  ch.internal.source(),
		Simulated: ch.external.wave.Simulated || ch.internal.wave.Simulated,
		Strangers: ch.strangers(),
		Made:      s.now(), Program: strings.TrimSpace("cxmirror " + s.version),
	}
	for _, side := range ch.sides() {
		if side.tally.Len() == 0 {
			if side.counts.Complete > 0 { // they wait until they count among others
				return c, &nothingToCompareError{why: "waiting_" + string(side.audience)}
			}
			return c, &nothingToCompareError{why: "nobody_" + string(side.audience)}
		}
		if err := side.mayShow(ch); err != nil {
			if withheld, ok := errors.AsType[*tally.WithheldError](err); ok {
				c.Withheld = withheld
				return c, nil
			}
			return c, err
		}
	}
	err := c.Compare(ch.external.tally, ch.internal.tally, ch.item.Code)
	if errors.Is(err, tally.ErrNobody) {
		return c, &nothingToCompareError{why: "nobody_item"}
	}
	return c, err
}

// strangers reports whether people may have been invited to both sides and cannot be met again, as one protects them.
func (ch *chosen) strangers() bool {
	out, in := &ch.external.wave, &ch.internal.wave
	return (out.Protects() || in.Protects()) && out.Invited > 0 && in.Invited > 0
}

func (side *chosenSide) source() report.Source {
	_, n := side.tally.CountedUntil()
	return report.Source{Name: side.wave.Name, Wave: true, Rows: n, Accepted: n, Part: side.part}
}

// mayShow refuses a part that is withheld: because it is small, or because what is left without it is.
func (side *chosenSide) mayShow(ch *chosen) error {
	if side.part == nil {
		return nil
	}
	table, err := side.tally.CrosstabBesideAll(tally.View{Item: ch.item.Code, Top: ch.top}, side.part.Item)
	if err != nil {
		return err
	}
	at, ok := table.Segment.Option(side.part.Option)
	if !ok || table.Tables[at] == nil {
		return &tally.WithheldError{Audience: side.audience, Item: ch.item.Code, Threshold: side.tally.Threshold()}
	}
	return nil
}

// divergencePage is both sides beside each other.
type divergencePage struct {
	room
	Root    string  // where the address of the page begins
	Choice  *choice // nil of a view, whose parameters are chosen
	Gone    bool    // what was to be saved as a view is not there
	Empty   *emptyState
	Report  *report.Page
	Base    string // the bases and dates, beneath every picture
	Figures []livePicture
	Query   template.URL // of the downloads
	Rest    []restTable
	Hidden  []hiddenParts
	View    string // the name of the view it is; "" is what whoever looks at it has chosen
}

// hiddenParts are the parts of one side that are withheld, by one question, and why.
type hiddenParts struct{ Class, Side, Question, Values, Why string }

// emptyState says what to do first.
type emptyState struct {
	Title, Text string
	Reason      string // more of it
	Action      string // the label of the link, if there is one
	Address     string
}

// choice is the form that says what to compare.
type choice struct {
	External, Internal []waveOption
	Items              []itemOption
	Tops               []int
	Top                int
	Segments           []segmentMenu
}

type waveOption struct {
	ID     survey.WaveID
	Name   string
	Chosen bool
}

type itemOption struct {
	Code   survey.ItemCode
	Text   string
	Chosen bool
}

// segmentMenu is the parts that one side can be cut down to.
type segmentMenu struct {
	Audience survey.Audience
	Groups   []segmentGroup
}

type segmentGroup struct {
	Question string
	Options  []segmentOption
}

type segmentOption struct {
	Value    string
	Label    string
	Chosen   bool
	Withheld bool
}

// livePicture is a chart in two widths: drawn, for everybody, and the option of which script makes it alive.
type livePicture struct {
	Name, Title string
	Wide, Phone drawnChart
}

type drawnChart struct {
	SVG           template.HTML
	Option        string
	Width, Height int
}

// restTable sets a part of one side against the rest of that side.
type restTable struct {
	Class, Title  string
	PartN, OtherN string
	Rows          []restRow
	Problem       string
}

type restRow struct {
	Label, Part, Other, Difference, Interval, Verdict, Class string
}

func (s *Server) showDivergence(c echo.Context) error {
	page := divergencePage{room: s.room(c, "divergence"), Root: "/divergence", Gone: c.QueryParam("gone") != ""}
	return s.showResults(c, page, c.QueryParams())
}

// showResults shows what parameters choose, on a page that has a frame and an address already.
func (s *Server) showResults(c echo.Context, page divergencePage, chosen url.Values) error {
	ctx := c.Request().Context()
	page.Title = page.T("divergence")
	ch, waves, err := s.choose(ctx, s.organisationOf(c), chosen)
	var comparison *report.Comparison
	if err == nil {
		tellChosen(c, ch)
		comparison, err = s.compare(ctx, ch)
	}
	if err != nil {
		if page.Empty = page.emptyState(err, ch); page.Empty == nil {
			return err
		}
	}
	if ch != nil {
		choice := ch.choice(waves, page.Lang)
		if page.View == "" { // of a view nobody can choose anything, so that nothing is missing from it
			page.Choice, page.Hidden = choice, page.hiddenParts(ch, choice)
		}
		page.Simulated = ch.external.wave.Simulated || ch.internal.wave.Simulated
	}
	if page.Empty != nil {
		if !page.May(string(access.EditWaves)) {
			page.Empty.Action = "" // it would lead to where she may not go
		}
		return s.show(c, http.StatusOK, "workbench", "divergence", page)
	}
	page.Report = s.reports.Page(comparison, page.Lang)
	page.Title = page.Report.Title
	page.Query = template.URL(ch.query().Encode()) //nolint:gosec // encoded, and of codes that are known
	s.looked.note(lookOf(c, ch), s.now())
	if comparison.Divergence != nil {
		page.Base = page.baseLine(ch, comparison.Divergence)
		if page.Figures, err = s.livePictures(ctx, comparison.Divergence, page.Lang); err != nil {
			return err
		}
		page.Rest = page.restTables(ch)
	}
	return s.show(c, http.StatusOK, "workbench", "divergence", page)
}

// emptyState turns what keeps a comparison from being made into words; nil for errors that are no such thing.
func (r room) emptyState(err error, ch *chosen) *emptyState {
	if nothing, ok := errors.AsType[*nothingToCompareError](err); ok {
		e := &emptyState{Title: r.T("empty_" + nothing.why + "_title"), Text: r.T("empty_" + nothing.why + "_text")}
		switch nothing.why {
		case "nobody_external", "waiting_external":
			e.Action, e.Address = r.T("to_wave"), fmt.Sprintf("/waves/%d", ch.external.wave.ID)
		case "nobody_internal", "waiting_internal":
			e.Action, e.Address = r.T("to_wave"), fmt.Sprintf("/waves/%d", ch.internal.wave.ID)
		case "nobody_item":
		default:
			e.Action, e.Address = r.T("new_wave"), "/waves/new"
		}
		return e
	}
	if why := r.notAlike(err); why != "" {
		return &emptyState{Title: r.T("not_alike_title"), Text: r.T("not_alike_text"), Reason: why}
	}
	if errors.Is(err, report.ErrPairedPart) {
		whole := ch.query()
		whole.Del("segment")
		return &emptyState{
			Title: r.T("paired_part_title"), Text: r.T("paired_part_text"),
			Action: r.T("paired_part_whole"), Address: "/divergence?" + whole.Encode(),
		}
	}
	return nil
}

// choice makes the form. Parts that may not be shown cannot be chosen.
func (ch *chosen) choice(waves []survey.Wave, lang survey.Language) *choice {
	menu := &choice{Top: ch.top}
	for i := range waves {
		w := &waves[i]
		switch w.Audience {
		case survey.External:
			menu.External = append(menu.External, waveOption{w.ID, w.Name, w.ID == ch.external.wave.ID})
		case survey.Internal:
			menu.Internal = append(menu.Internal, waveOption{w.ID, w.Name, w.ID == ch.internal.wave.ID})
		case survey.Leaders, survey.Everyone:
		}
	}
	for _, it := range ch.items() {
		menu.Items = append(menu.Items, itemOption{it.Code, it.Text.In(lang), ch.item != nil && it.Code == ch.item.Code})
	}
	for n := range longestTop {
		if ch.item == nil || !ch.oneTop() || n+1 == ch.top {
			menu.Tops = append(menu.Tops, n+1)
		}
	}
	for _, side := range ch.sides() {
		menu.Segments = append(menu.Segments, segmentMenu{side.audience, side.groups(ch, lang)})
	}
	return menu
}

func (side *chosenSide) groups(ch *chosen, lang survey.Language) []segmentGroup {
	var groups []segmentGroup
	if side.tally == nil || ch.item == nil {
		return groups
	}
	for _, it := range side.split {
		table, err := side.tally.CrosstabBesideAll(tally.View{Item: ch.item.Code, Top: ch.top}, it.Code)
		if err != nil {
			continue // withheld as a whole, or nobody answered it: there is nothing to choose
		}
		group := segmentGroup{Question: it.Text.In(lang)}
		for j := range it.Options {
			segment := tally.Segment{Item: it.Code, Option: it.Options[j].Code}
			group.Options = append(group.Options, segmentOption{
				Value: segmentName(side.audience, segment), Label: it.Options[j].Text.In(lang),
				Chosen: side.part != nil && side.part.Segment == segment, Withheld: table.Tables[j] == nil,
			})
		}
		groups = append(groups, group)
	}
	return groups
}

// baseLine says who stands behind the pictures, and of when their answers are.
func (r room) baseLine(ch *chosen, d *findings.Divergence) string {
	var line []string
	for i, side := range ch.sides() {
		n := []int{d.External.Base.N, d.Internal.Base.N}[i]
		from := side.wave.Created
		if side.wave.Opens != nil {
			from = *side.wave.Opens
		}
		key := "base_" + string(side.audience)
		said := r.phrases.Say(r.Lang, key, survey.Args{
			"N": r.Integer(n), "Wave": side.wave.Name, "Days": r.days(from, side.counts.Last),
		})
		if asOf := r.asOf(ch, side); asOf != "" {
			said += " (" + asOf + ")"
		}
		line = append(line, said)
	}
	return strings.Join(line, " · ")
}

// asOf says up to where the answers of a wave that protects people are counted; nothing of other waves.
func (r room) asOf(ch *chosen, side *chosenSide) string {
	if !side.tally.Protected() {
		return ""
	}
	var part *tally.Segment
	if side.part != nil {
		part = &side.part.Segment
	}
	n, ok := side.tally.Counted(ch.item.Code, part)
	switch {
	case !ok:
		return ""
	case part != nil:
		return r.With("as_of_part", "N", r.Integer(n))
	}
	return r.phrases.Say(r.Lang, "as_of_step", survey.Args{"N": r.Integer(n), "Of": r.Integer(side.counts.Complete)})
}

// hiddenParts lists what cannot be chosen, and why.
func (r room) hiddenParts(ch *chosen, menu *choice) []hiddenParts {
	var all []hiddenParts
	for i, side := range ch.sides() {
		if side.tally == nil {
			continue
		}
		for _, group := range menu.Segments[i].Groups {
			var values []string
			for _, option := range group.Options {
				if option.Withheld {
					values = append(values, option.Label)
				}
			}
			if len(values) == 0 {
				continue
			}
			why := r.With("withheld_small", "Threshold", r.Integer(side.tally.Threshold()))
			if side.tally.Protected() && len(values) == len(group.Options) {
				why = r.With("withheld_yet", "Threshold", r.Integer(side.tally.Threshold()))
			}
			all = append(all, hiddenParts{
				Class: string(side.audience), Side: r.T("side_" + string(side.audience)), Question: group.Question,
				Values: strings.Join(values, ", "), Why: why,
			})
		}
	}
	return all
}

// days writes the days of a fieldwork period, from when it opened to its last answer so far.
func (r room) days(from, to time.Time) string {
	if !to.After(from) || r.Day(from) == r.Day(to) {
		return r.Day(from)
	}
	return r.phrases.Say(r.Lang, "days", survey.Args{"From": r.Day(from), "To": r.Day(to)})
}

// livePictures draws the three charts in both widths. The engine keeps what it drew.
func (s *Server) livePictures(ctx context.Context, d *findings.Divergence, lang survey.Language) ([]livePicture, error) {
	var figures []livePicture
	for _, p := range s.reports.Pictures(d, lang) {
		figure := livePicture{Name: p.Name, Title: p.Title}
		for _, into := range []struct {
			width int
			chart *drawnChart
		}{{report.WideChart, &figure.Wide}, {report.PhoneChart, &figure.Phone}} {
			chart, err := p.Chart(into.width)
			if err != nil {
				return nil, err
			}
			svg, err := s.engine.SVG(ctx, chart)
			if err != nil {
				return nil, fmt.Errorf("draw the %s: %w", p.Name, err)
			}
			*into.chart = drawnChart{picture(svg), string(chart.Option), chart.Width, chart.Height}
		}
		figures = append(figures, figure)
	}
	return figures, nil
}

// restTables sets every chosen part against the rest of its side.
func (r room) restTables(ch *chosen) []restTable {
	var tables []restTable
	for _, side := range ch.sides() {
		if side.part == nil || side.part.Rest {
			continue
		}
		t := restTable{Class: string(side.audience), Title: r.phrases.Say(r.Lang, "rest_title_"+string(side.audience), survey.Args{
			"Answer": side.part.Answer.In(r.Lang),
		})}
		if err := t.fill(r, ch, side); err != nil {
			t.Problem = r.T("rest_withheld")
			if errors.Is(err, tally.ErrNobody) {
				t.Problem = r.T("rest_nobody")
			}
		}
		tables = append(tables, t)
	}
	return tables
}

func (t *restTable) fill(r room, ch *chosen, side *chosenSide) error {
	view := tally.View{Item: ch.item.Code, Top: ch.top, Only: []tally.Segment{side.part.Segment}}
	part, err := side.tally.Table(view)
	if err != nil {
		return err
	}
	view.Only = []tally.Segment{{Item: side.part.Item, Option: side.part.Option, Rest: true}}
	other, err := side.tally.Table(view)
	if err != nil {
		return err
	}
	d, err := findings.Diverge(other, part, nil, findings.Settings{Top: ch.top})
	if err != nil {
		return err
	}
	t.PartN, t.OtherN = r.Integer(part.N), r.Integer(other.N)
	for i := range d.Items {
		it := &d.Items[i]
		if it.Withheld() {
			t.Rows = append(t.Rows, restRow{Label: it.Internal.Text.In(r.Lang), Part: "–", Other: "–", Difference: "–", Verdict: r.T("rest_not_shown")})
			continue
		}
		if math.IsNaN(it.Difference) {
			continue // nobody could say in this part or outside it
		}
		row := restRow{
			Label: it.Internal.Text.In(r.Lang), Part: r.share(it.Internal.Share), Other: r.share(it.External.Share),
			Difference: r.Lang.Points(it.Difference, 0),
			Interval:   r.phrases.Say(r.Lang, "from_to", survey.Args{"From": r.Lang.Points(it.Low, 0), "To": r.Lang.Points(it.High, 0)}),
			Verdict:    r.T("rest_" + string(it.Verdict)),
		}
		if it.Verdict == findings.Different {
			row.Class, row.Verdict = t.Class, r.T("rest_more")
			if it.Difference < 0 {
				row.Verdict = r.T("rest_less")
			}
		}
		t.Rows = append(t.Rows, row)
	}
	return nil
}

// share writes a share; one of a row that nobody could rate, or too few did, is none.
func (r room) share(share float64) string {
	if math.IsNaN(share) {
		return "–"
	}
	return r.Lang.Percent(share, 0)
}

// showPictureOptions lays the pictures out for the width a browser has, for script to make them alive.
func (s *Server) showPictureOptions(c echo.Context) error {
	width, err := widthOf(c)
	if err != nil {
		return err
	}
	return s.layPicturesOut(c, width, c.QueryParams())
}

// widthOf returns the width that a browser asks to have pictures laid out for.
func widthOf(c echo.Context) (int, error) {
	width, err := strconv.Atoi(c.QueryParam("width"))
	if err != nil || width < charts.MinWidth || width > 2000 {
		return 0, echo.NewHTTPError(http.StatusBadRequest)
	}
	return width, nil
}

// layPicturesOut sends the pictures of what parameters choose.
func (s *Server) layPicturesOut(c echo.Context, width int, chosen url.Values) error {
	comparison, ch, err := s.chosenComparison(c, chosen)
	if err != nil {
		return err
	}
	if s.looked.lately(lookOf(c, ch), s.now()) { // and stands in the audit trail
		undone(c)
	}
	if comparison.Divergence == nil {
		return fmt.Errorf("pictures of a withheld result: %w", survey.ErrNotFound)
	}
	type layout struct {
		Name   string `json:"name"`
		Width  int    `json:"width"`
		Height int    `json:"height"`
		Option string `json:"option"`
	}
	var layouts []layout
	for _, p := range s.reports.Pictures(comparison.Divergence, s.workbenchLanguage(c)) {
		chart, err := p.Chart(width)
		if err != nil {
			return err
		}
		layouts = append(layouts, layout{p.Name, chart.Width, chart.Height, string(chart.Option)})
	}
	return c.JSON(http.StatusOK, layouts)
}

// chosenComparison makes the comparison of an address for documents, which need one that is not withheld.
func (s *Server) chosenComparison(c echo.Context, parameters url.Values) (*report.Comparison, *chosen, error) {
	ctx := c.Request().Context()
	ch, _, err := s.choose(ctx, s.organisationOf(c), parameters)
	if err != nil {
		return nil, nil, notThere(err)
	}
	tellChosen(c, ch)
	comparison, err := s.compare(ctx, ch)
	if err != nil {
		return nil, nil, notThere(err)
	}
	return comparison, ch, nil
}

// notThere makes a document that cannot be made one that is not there: the page says why.
func notThere(err error) error {
	_, nothing := errors.AsType[*nothingToCompareError](err)
	if nothing || isNotAlike(err) || errors.Is(err, report.ErrPairedPart) {
		return fmt.Errorf("%w: %w", survey.ErrNotFound, err)
	}
	return err
}

// downloadDivergence sends the comparison as a file: figures for programs and spreadsheets, a page that stands
// on its own, or one of its pictures.
func (s *Server) downloadDivergence(c echo.Context) error {
	comparison, ch, err := s.chosenComparison(c, c.QueryParams())
	if err != nil {
		return err
	}
	ctx, lang := c.Request().Context(), s.workbenchLanguage(c)
	var out bytes.Buffer
	var kind string
	name := c.Param("document")
	switch name {
	case "findings.json":
		kind, err = "application/json", s.reports.JSON(&out, comparison, lang)
	case "figures.csv":
		kind, err = "text/csv; charset=utf-8", s.reports.CSV(&out, comparison, lang)
	case "report.html":
		kind, err = "text/html; charset=utf-8", s.reports.HTML(ctx, &out, comparison, lang, s.engine)
	default:
		picture, found := strings.CutSuffix(name, ".svg")
		if !found || comparison.Divergence == nil {
			return fmt.Errorf("document: %w", survey.ErrNotFound)
		}
		kind, err = "image/svg+xml", s.drawAlone(c, &out, comparison, ch, picture)
	}
	if err != nil {
		return err
	}
	base, extension, _ := strings.Cut(name, ".")
	c.Response().Header().Set(echo.HeaderContentDisposition,
		attachment(string(ch.item.Code)+"-"+base+simulatedMark(comparison.Simulated)+"."+extension))
	return c.Blob(http.StatusOK, kind, out.Bytes())
}

// drawAlone draws a picture that stands alone, with its finding as title and the bases beneath it.
func (s *Server) drawAlone(c echo.Context, out *bytes.Buffer, comparison *report.Comparison, ch *chosen, name string) error {
	r := s.room(c, "divergence")
	theme := charts.Light
	if c.QueryParam("theme") == string(charts.Dark) {
		theme = charts.Dark
	}
	for _, p := range s.reports.Pictures(comparison.Divergence, r.Lang) {
		if p.Name != name {
			continue
		}
		subtitle := r.baseLine(ch, comparison.Divergence)
		if comparison.Simulated {
			subtitle = r.T("simulated") + " · " + subtitle
		}
		chart, err := p.Alone(report.WideChart, subtitle, theme)
		if err != nil {
			return err
		}
		svg, err := s.engine.SVG(c.Request().Context(), chart)
		if err != nil {
			return fmt.Errorf("draw the %s: %w", name, err)
		}
		out.Write(svg)
		return nil
	}
	return fmt.Errorf("picture %s: %w", name, survey.ErrNotFound)
}
