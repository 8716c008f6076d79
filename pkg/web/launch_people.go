package web

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"strconv"

	"github.com/labstack/echo/v4"

	"cxmirror/pkg/fieldwork"
	"cxmirror/pkg/store"
	"cxmirror/pkg/survey"
)

// shownValues is how many values of an attribute can be chosen from; those of more are keys rather than groups.
const shownValues = 200

// filterChoice is an attribute to choose people by.
type filterChoice struct {
	Key, Name string
	Chosen    int
	Values    []filterValue
	More      int // values that are not offered
}

type filterValue struct {
	Name   string
	People string
	Chosen bool
}

// launchPeoplePage is the first step: whom, and how they get in.
type launchPeoplePage struct {
	launchFrame
	Panel    int // active people
	Filters  []filterChoice
	Findings *fieldwork.Findings // nil if nobody is invited by name
	Mails    bool                // mail can be sent
}

// peopleCounted is a query for how many people there are rather than for who they are.
func peopleCounted(active bool) store.PeopleQuery {
	return store.PeopleQuery{Active: &active, Limit: 1}
}

// valuesOf returns the values of an attribute as they are read today, those of most people first.
func valuesOf(a *survey.Attribute) []filterValue {
	people := make(map[string]int)
	names := a.Names()
	for i := range a.Values {
		people[names[a.Values[i].Given]] += a.Values[i].People
	}
	values := make([]filterValue, 0, len(people))
	for name := range people {
		values = append(values, filterValue{Name: name})
	}
	slices.SortFunc(values, func(x, y filterValue) int {
		return cmp.Or(cmp.Compare(people[y.Name], people[x.Name]), cmp.Compare(x.Name, y.Name))
	})
	for i := range values {
		values[i].People = strconv.Itoa(people[values[i].Name])
	}
	return values
}

func (s *Server) showLaunchPeople(c echo.Context) error {
	d, err := s.draftOf(c)
	if err != nil {
		return s.leaveLaunch(c, err)
	}
	page := s.launchPeoplePage(c, &d)
	if !d.plan.OpenOnly {
		found, err := s.fieldwork.Check(c.Request().Context(), &d.plan)
		if err != nil {
			return err
		}
		page.Findings = &found
	}
	return s.show(c, http.StatusOK, "workbench", "launch-people", page)
}

func (s *Server) launchPeoplePage(c echo.Context, d *drafted) launchPeoplePage {
	page := launchPeoplePage{launchFrame: s.launchFrame(c, d, "people"), Panel: d.people, Mails: s.mails()}
	p, w := &d.plan, &d.plan.Wave
	tick := func(name string, on bool) {
		if on {
			page.Fields[name] = "1"
		}
	}
	page.Fields["whom"], page.Fields["draw"] = "panel", "all"
	if p.OpenOnly {
		page.Fields["whom"] = "open"
	}
	if p.Sample > 0 {
		page.Fields["draw"] = "some"
	}
	page.Fields["sample"], page.Fields["seed"] = fieldOfNumber(p.Sample), strconv.FormatUint(p.Seed, 10)
	tick("mail", p.Mail)
	tick("paper", p.Paper)
	tick("open_link", w.OpenLink)
	tick("once_per", w.OncePer)
	tick("kiosk", w.Kiosk)
	for i := range d.attributes {
		a := &d.attributes[i]
		if a.Type != survey.TextAttribute || len(a.Values) == 0 {
			continue
		}
		choice := filterChoice{Key: a.Key, Name: cmp.Or(a.Name, a.Key), Values: valuesOf(a)}
		for i := range choice.Values {
			if slices.Contains(p.Filter[a.Key], choice.Values[i].Name) {
				choice.Values[i].Chosen = true
				choice.Chosen++
			}
		}
		if len(choice.Values) > shownValues {
			choice.More = len(choice.Values) - shownValues
			kept := slices.Clone(choice.Values[:shownValues])
			for _, v := range choice.Values[shownValues:] {
				if v.Chosen {
					kept = append(kept, v)
					choice.More--
				}
			}
			choice.Values = kept
		}
		page.Filters = append(page.Filters, choice)
	}
	return page
}

func (s *Server) saveLaunchPeople(c echo.Context) error {
	form, err := receiveForm(c, uploadLimit)
	if err != nil {
		return err
	}
	d, err := s.draftOf(c)
	if err != nil {
		return s.leaveLaunch(c, err)
	}
	frame := s.launchFrame(c, &d, "people")
	in := launchForm{&frame, form}
	p, w := &d.plan, &d.plan.Wave
	p.OpenOnly = in.text("whom") == "open"
	p.Filter = nil
	for i := range d.attributes {
		key := d.attributes[i].Key
		if chosen := form.fields["filter."+key]; len(chosen) > 0 {
			if p.Filter == nil {
				p.Filter = make(map[string][]string)
			}
			slices.Sort(chosen)
			p.Filter[key] = slices.Compact(chosen)
		}
	}
	p.Sample = 0
	some := in.text("draw") == "some"
	sample := in.number("sample", 1, 10_000_000, 0)
	if some && !p.OpenOnly {
		p.Sample = sample
		if sample == 0 && frame.Problems["sample"] == "" {
			in.problem("sample", in.T("launch_problem_sample"))
		}
	} else {
		delete(frame.Problems, "sample") // it is not meant
	}
	seed, err := strconv.ParseUint(in.text("seed"), 10, 64)
	switch {
	case err == nil:
		p.Seed = seed
	case some && !p.OpenOnly:
		in.problem("seed", in.T("launch_problem_seed"))
	}
	p.Mail, p.Paper = in.ticked("mail"), in.ticked("paper")
	w.OpenLink, w.OncePer, w.Kiosk = in.ticked("open_link"), in.ticked("once_per"), in.ticked("kiosk")
	if !w.OpenLink && !w.Kiosk && (p.OpenOnly || !p.Mail && !p.Paper) {
		in.problem("ways", in.T("finding_no_way_in"))
	}
	if len(frame.Problems) > 0 {
		page := s.launchPeoplePage(c, &d)
		page.Problems = frame.Problems
		maps.Copy(page.Fields, frame.Fields)
		return s.show(c, http.StatusUnprocessableEntity, "workbench", "launch-people", page)
	}
	if err := s.saveDraft(c.Request().Context(), p); err != nil {
		return err
	}
	return s.onwards(c, form, "people")
}
