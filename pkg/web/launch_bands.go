package web

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"cxmirror/pkg/fieldwork"
	"cxmirror/pkg/survey"
)

// bandsOf returns the bands of attributes of numbers or days, by key: those of the plan, and proposals for the others.
func (s *Server) bandsOf(ctx context.Context, d *drafted) (map[string]fieldwork.Bands, error) {
	bands := make(map[string]fieldwork.Bands)
	if d.plan.OpenOnly || !slices.ContainsFunc(d.attributes, func(a survey.Attribute) bool { return a.Type != survey.TextAttribute }) {
		return bands, nil
	}
	proposed, err := s.fieldwork.ProposeBands(ctx, &d.plan)
	if err != nil {
		return nil, err
	}
	for _, b := range slices.Concat(proposed, d.plan.Bands) {
		bands[b.Attribute] = b
	}
	return bands, nil
}

// readBands puts the cuts that were typed for numbers and days onto the page, and into the plan where they can be
// used. Those of attributes that results are not split by may stay empty.
func (p *launchPromisePage) readBands(form *upload, d *drafted) {
	d.plan.Bands = nil
	for i := range p.Reportables {
		one := &p.Reportables[i]
		key, panel := strings.CutPrefix(one.Name, "a.")
		if !panel || one.Kind == survey.TextAttribute {
			continue
		}
		one.Cuts = strings.TrimSpace(form.text("bands." + one.Name))
		cuts, err := fieldwork.ReadCuts(one.Kind, one.Cuts)
		switch {
		case errors.Is(err, fieldwork.ErrNoCuts) && one.Place == 0:
		case err != nil:
			p.Problems["bands."+one.Name] = cutProblem(p.room, one.Kind, err)
		default:
			b := fieldwork.Bands{Attribute: key, Cuts: cuts, Whole: p.bands[key].Whole}
			b.Names = bandNames(p.phrases, one.Kind, &b)
			d.plan.Bands = append(d.plan.Bands, b)
		}
	}
}

// BandsProblem says what is wrong with the cuts of a field.
func (p launchPromisePage) BandsProblem(name string) string { return p.Problems["bands."+name] }

// cutProblem says what is wrong with cuts.
func cutProblem(r room, kind survey.AttributeType, err error) string {
	like := "30, 45, 60"
	if kind == survey.DateAttribute {
		like = "2010, 2018, 2022-07-01"
	}
	if wrong, ok := errors.AsType[*fieldwork.CutError](err); ok {
		key := "bands_problem_malformed"
		if errors.Is(err, fieldwork.ErrCutsUnordered) {
			key = "bands_problem_unordered"
		}
		return r.phrases.Say(r.Lang, key, survey.Args{"Cut": wrong.Cut, "Like": like})
	}
	if errors.Is(err, fieldwork.ErrCutsTooMany) {
		return r.N("bands_problem_many", fieldwork.MaxBandCuts)
	}
	return r.With("bands_problem_none", "Like", like)
}

// typedCuts writes cuts as people type them: of first days of years the year.
func typedCuts(kind survey.AttributeType, cuts []string) string {
	words := slices.Clone(cuts)
	if kind == survey.DateAttribute {
		for i := range words {
			words[i] = strings.TrimSuffix(words[i], "-01-01")
		}
	}
	return strings.Join(words, ", ")
}

// bandNames returns what bands are called, in every language of the workbench.
func bandNames(phrases *survey.Phrases, kind survey.AttributeType, b *fieldwork.Bands) []survey.Words {
	names := make([]survey.Words, len(b.Cuts)+1)
	for i := range names {
		key, args := bandPhrase(kind, b, i)
		names[i] = survey.Words{}
		for _, lang := range phrases.Languages() {
			names[i][lang] = phrases.Say(lang, key, args)
		}
	}
	return names
}

// bandPhrase returns the phrase that a band is called by: "under 30", "30 to 44", "45 and over". A band of whole
// numbers, years or days has a last one; between other numbers it ends below the next.
func bandPhrase(kind survey.AttributeType, b *fieldwork.Bands, band int) (key string, args survey.Args) {
	days := kind == survey.DateAttribute
	years := days && !slices.ContainsFunc(b.Cuts, func(cut string) bool { return !strings.HasSuffix(cut, "-01-01") })
	written := func(cut string) string {
		if years {
			return strings.TrimSuffix(cut, "-01-01")
		}
		return cut
	}
	switch {
	case band == 0 && days:
		return "band_before", survey.Args{"To": written(b.Cuts[0])}
	case band == 0:
		return "band_under", survey.Args{"To": b.Cuts[0]}
	case band == len(b.Cuts) && days:
		return "band_since", survey.Args{"From": written(b.Cuts[band-1])}
	case band == len(b.Cuts):
		return "band_over", survey.Args{"From": b.Cuts[band-1]}
	}
	from, next := written(b.Cuts[band-1]), b.Cuts[band]
	last := ""
	if day, err := time.Parse(time.DateOnly, next); days && err == nil {
		last = day.AddDate(0, 0, -1).Format(time.DateOnly)
		if years {
			last = last[:len("2006")]
		}
	} else if number, err := strconv.Atoi(next); err == nil && b.Whole {
		last = strconv.Itoa(number - 1)
	}
	switch last {
	case "":
		return "band_between_under", survey.Args{"From": from, "To": next}
	case from:
		return "band_one", survey.Args{"From": from}
	}
	return "band_between", survey.Args{"From": from, "To": last}
}
