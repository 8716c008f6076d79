package web

import (
	"cmp"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"cxmirror/pkg/fieldwork"
	"cxmirror/pkg/survey"
)

// reportable is something that results can be split by.
type reportable struct {
	Name  string // of the field
	Says  string
	From  string // key of the phrase that says where it is from
	Place int    // 0: results are not split by it
	Size  int    // how many groups it has; 0 is not known
	Kind  survey.AttributeType
	Cuts  string // where the bands of numbers or days begin, as it is typed
}

// launchPromisePage is the second step: what people are promised.
type launchPromisePage struct {
	launchFrame
	Reportables []reportable
	Places      []int
	Promises    []promiseFields
	Modes       []survey.Mode
	Offer       *splitsOffer // what results are better split by, now that the wave is anonymous; nil is no offer
	Taken       bool         // an offer was taken

	bands map[string]fieldwork.Bands // by attribute of numbers or days: chosen, or proposed
}

// Problem returns what is wrong with a field of a language.
func (p launchPromisePage) Problem(field string, lang survey.Language) string {
	return p.Problems[field+"."+string(lang)]
}

func (s *Server) showLaunchPromise(c echo.Context) error {
	d, err := s.draftOf(c)
	if err != nil {
		return s.leaveLaunch(c, err)
	}
	page, err := s.launchPromisePage(c, &d)
	if err != nil {
		return err
	}
	page.Taken = c.QueryParam("splits") == "taken"
	if c.QueryParam("splits") == "offer" {
		if page.Offer, err = s.offerSplits(c, &page, &d); err != nil {
			return err
		}
	}
	return s.show(c, http.StatusOK, "workbench", "launch-promise", page)
}

func (s *Server) launchPromisePage(c echo.Context, d *drafted) (launchPromisePage, error) {
	page := launchPromisePage{launchFrame: s.launchFrame(c, d, "promise"), Modes: survey.Modes()}
	w := &d.plan.Wave
	page.Fields["mode"], page.Fields["threshold"], page.Fields["comments"] = string(w.Mode), strconv.Itoa(w.Threshold), strconv.Itoa(w.Comments)
	page.Fields["minutes"], page.Fields["contact"], page.Fields["homepage"] = fieldOfNumber(w.Promise.Minutes), w.Promise.Contact, w.Promise.Homepage
	if w.Erases != nil {
		page.Fields["erases"] = w.Erases.In(zoneOf(w)).Format(time.DateOnly)
	}
	if w.Tracks {
		page.Fields["tracks"] = "1"
	}
	var err error
	if page.bands, err = s.bandsOf(c.Request().Context(), d); err != nil {
		return page, err
	}
	page.Reportables = reportables(page.room, d, page.bands)
	for i := range page.Reportables {
		page.Places = append(page.Places, i+1)
	}
	for _, lang := range d.questionnaire.Languages {
		asker, _ := w.Promise.Asker.Exactly(lang)
		purpose, _ := w.Promise.Purpose.Exactly(lang)
		kept, _ := w.Promise.Kept.Exactly(lang)
		page.Promises = append(page.Promises, promiseFields{Language: lang, Name: s.nameOf(lang), Asker: asker, Purpose: purpose, Kept: kept})
	}
	return page, nil
}

// reportables returns the attributes of the panel and the background items of the questionnaire, those that
// results are split by first, in their order.
func reportables(r room, d *drafted, bands map[string]fieldwork.Bands) []reportable {
	p := &d.plan
	var all []reportable
	place := make(map[string]int)
	for i, name := range reportedNames(d) {
		place[name] = i + 1
	}
	if !p.OpenOnly {
		for i := range d.attributes {
			a := &d.attributes[i]
			one := reportable{Name: "a." + a.Key, Says: cmp.Or(a.Name, a.Key), From: "launch_from_panel", Place: place["a."+a.Key], Kind: a.Type}
			if a.Type == survey.TextAttribute {
				one.Size = len(valuesOf(a))
			} else {
				one.Cuts = typedCuts(a.Type, bands[a.Key].Cuts)
			}
			all = append(all, one)
		}
	}
	for i := range d.questionnaire.Items {
		item := &d.questionnaire.Items[i]
		if !item.Background {
			continue
		}
		name := "q." + string(item.Code)
		all = append(all, reportable{
			Name: name, Says: cmp.Or(item.Text.In(r.Lang), string(item.Code)), From: "launch_from_questionnaire", Place: place[name], Size: len(item.Options),
		})
	}
	slices.SortStableFunc(all, func(a, b reportable) int {
		last := len(all) + 1
		return cmp.Compare(cmp.Or(a.Place, last), cmp.Or(b.Place, last))
	})
	return all
}

// reportedNames returns what results are split by as the form names it: "a." and the key of an attribute, or "q."
// and the code of a background item.
func reportedNames(d *drafted) []string {
	p := &d.plan
	if p.Wave.Reported == nil {
		var names []string
		for _, key := range p.Attributes {
			names = append(names, "a."+key)
		}
		for i := range d.questionnaire.Items {
			if d.questionnaire.Items[i].Background {
				names = append(names, "q."+string(d.questionnaire.Items[i].Code))
			}
		}
		return names
	}
	var names []string
	for _, code := range p.Wave.Reported {
		if _, asked := d.questionnaire.Item(code); asked {
			names = append(names, "q."+string(code))
			continue
		}
		names = append(names, "a."+attributeOf(d, code))
	}
	for _, key := range slices.Backward(p.Attributes) {
		if !slices.Contains(names, "a."+key) {
			names = slices.Insert(names, 0, "a."+key)
		}
	}
	return names
}

// attributeOf returns the key of the attribute that is reported under a code: the same, unless the questionnaire
// has an item of that code.
func attributeOf(d *drafted, code survey.ItemCode) string {
	key := string(code)
	for !slices.ContainsFunc(d.attributes, func(a survey.Attribute) bool { return a.Key == key }) {
		shorter, ok := strings.CutPrefix(key, "panel_")
		if !ok {
			return string(code)
		}
		key = shorter
	}
	return key
}

// setReported makes a plan report what the form names, in that order.
func setReported(d *drafted, names []string) {
	p := &d.plan
	p.Attributes, p.Wave.Reported = nil, []survey.ItemCode{}
	for _, name := range names {
		key, panel := strings.CutPrefix(name, "a.")
		if !panel {
			p.Wave.Reported = append(p.Wave.Reported, survey.ItemCode(strings.TrimPrefix(name, "q.")))
			continue
		}
		p.Attributes = append(p.Attributes, key)
		code := survey.ItemCode(key)
		for {
			if _, taken := d.questionnaire.Item(code); !taken {
				break
			}
			code = "panel_" + code
		}
		p.Wave.Reported = append(p.Wave.Reported, code)
	}
	p.Groups = slices.DeleteFunc(p.Groups, func(g fieldwork.Group) bool { return !slices.Contains(p.Attributes, g.Attribute) })
}

func (s *Server) saveLaunchPromise(c echo.Context) error {
	form, err := receiveForm(c, uploadLimit)
	if err != nil {
		return err
	}
	d, err := s.draftOf(c)
	if err != nil {
		return s.leaveLaunch(c, err)
	}
	if form.text("splits") == "proposed" {
		return s.takeSplits(c, &d)
	}
	page, err := s.launchPromisePage(c, &d)
	if err != nil {
		return err
	}
	before := d.plan.Wave.Mode
	page.read(form, &d)
	if len(page.Problems) > 0 {
		return s.show(c, http.StatusUnprocessableEntity, "workbench", "launch-promise", page)
	}
	err = s.saveDraft(c.Request().Context(), &d.plan)
	if errors.Is(err, survey.ErrConflict) { // the draft has answers already, which were given trusting it
		page.Problems["threshold"] = page.T("problem_threshold_lower")
		return s.show(c, http.StatusConflict, "workbench", "launch-promise", page)
	}
	if err != nil {
		return err
	}
	if before != survey.Anonymous {
		// What was chosen is kept; that less would be better is said before anybody goes on.
		offer, err := s.offerSplits(c, &page, &d)
		if err != nil {
			return err
		}
		if offer != nil {
			return c.Redirect(http.StatusSeeOther, "/waves/"+c.Param("id")+"/launch/promise?splits=offer")
		}
	}
	return s.onwards(c, form, "promise")
}

// read puts what was sent onto the page, as it was typed, and into the plan where it is valid.
func (p *launchPromisePage) read(form *upload, d *drafted) {
	in := launchForm{&p.launchFrame, form}
	w := &d.plan.Wave
	if mode := survey.Mode(in.text("mode")); slices.Contains(survey.Modes(), mode) {
		w.Mode = mode
	} else {
		in.problem("mode", in.T("launch_problem_mode"))
	}
	w.Threshold = in.number("threshold", 1, 1000, 1)
	if p.Problems["threshold"] == "" && w.Mode == survey.Anonymous && w.Threshold < leastAnonymous {
		in.problem("threshold", in.T("launch_problem_threshold_anonymous"))
	}
	w.Comments = in.number("comments", 1, 1000, w.Threshold)
	if p.Problems["comments"] == "" && w.Comments < w.Threshold {
		in.problem("comments", in.T("launch_problem_comments"))
	}
	w.Promise.Minutes = in.number("minutes", 0, 240, 0)
	w.Promise.Contact, w.Promise.Homepage = in.text("contact"), in.text("homepage")
	for _, name := range []string{"contact", "homepage"} {
		if len([]rune(p.Fields[name])) > longestName {
			in.problem(name, in.N("problem_too_long", longestName))
		}
	}
	if h := w.Promise.Homepage; h != "" && !strings.HasPrefix(h, "https://") && !strings.HasPrefix(h, "http://") {
		in.problem("homepage", in.T("problem_homepage"))
	}
	w.Tracks = in.ticked("tracks")
	w.Erases = in.moment("erases", zoneOf(w))
	p.readReported(form, d)
	p.readBands(form, d)
	asker, purpose, kept := survey.Words{}, survey.Words{}, survey.Words{}
	for i := range p.Promises {
		texts := &p.Promises[i]
		for _, field := range []struct {
			name  string
			shown *string
			into  survey.Words
		}{{"asker", &texts.Asker, asker}, {"purpose", &texts.Purpose, purpose}, {"kept", &texts.Kept, kept}} {
			name := field.name + "." + string(texts.Language)
			*field.shown = form.text(name)
			if len([]rune(*field.shown)) > longestPromise {
				in.problem(name, in.N("problem_too_long", longestPromise))
			}
			if text := strings.TrimSpace(*field.shown); text != "" {
				field.into[texts.Language] = text
			}
		}
	}
	w.Promise.Asker, w.Promise.Purpose, w.Promise.Kept = asker, purpose, kept
}

// readReported reads the places of what results are split by. Two in one place stand in the order in which the
// page has them.
func (p *launchPromisePage) readReported(form *upload, d *drafted) {
	var chosen []reportable
	for i := range p.Reportables {
		one := &p.Reportables[i]
		one.Place, _ = strconv.Atoi(form.text("place." + one.Name)) // nothing, or no number, is no place
		if one.Place > 0 {
			chosen = append(chosen, *one)
		}
	}
	slices.SortStableFunc(chosen, func(a, b reportable) int { return cmp.Compare(a.Place, b.Place) })
	names := make([]string, len(chosen))
	for i := range chosen {
		names[i] = chosen[i].Name
	}
	setReported(d, names)
}
