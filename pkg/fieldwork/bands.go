package fieldwork

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"cxmirror/pkg/survey"
)

// Bands are the groups by which an attribute of numbers or days is reported: below the first cut, from each cut to
// the next, and from the last on.
type Bands struct {
	Attribute string         // its key
	Cuts      []string       // ascending: decimal numbers, or days as 2006-01-02
	Whole     bool           // the values are whole numbers, so that the band below 45 ends with 44
	Names     []survey.Words // of each band, one more than there are cuts; without them signs stand for words: "< 30"
}

// MaxBandCuts is how many cuts bands may have.
const MaxBandCuts = 20

// What can be wrong with the cuts of bands.
var (
	ErrCutMalformed  = errors.New("is neither a number nor a day")
	ErrCutsUnordered = errors.New("is not higher than the one before it")
	ErrCutsTooMany   = fmt.Errorf("at most %d cuts make bands", MaxBandCuts)
	ErrNoCuts        = errors.New("bands need a cut")
)

// CutError says which cut cannot be used: Err is [ErrCutMalformed] or [ErrCutsUnordered].
type CutError struct {
	Cut string
	Err error
}

func (e *CutError) Error() string { return fmt.Sprintf("cut %q %v", e.Cut, e.Err) }

func (e *CutError) Unwrap() error { return e.Err }

// ReadCuts reads cuts as people type them, parted by blanks, semicolons, or commas with a blank: "30, 45, 60". Numbers
// may have a decimal comma or point; of days, a year alone is its first of January. They are returned as [Bands] have
// them. Errors are a [*CutError], [ErrCutsTooMany] or [ErrNoCuts].
func ReadCuts(kind survey.AttributeType, typed string) ([]string, error) {
	var cuts []string
	last := math.Inf(-1)
	for word := range strings.FieldsFuncSeq(typed, func(r rune) bool { return r == ';' || r <= ' ' || r == '\u00a0' }) {
		word = strings.Trim(word, ",")
		if word == "" {
			continue
		}
		if kind == survey.DateAttribute && len(word) == len("2006") {
			word += "-01-01"
		}
		at, ok := placeOf(kind, word)
		switch {
		case !ok:
			return nil, &CutError{word, ErrCutMalformed}
		case at <= last:
			return nil, &CutError{word, ErrCutsUnordered}
		}
		if kind == survey.NumberAttribute {
			word = strconv.FormatFloat(at, 'f', -1, 64)
		}
		last, cuts = at, append(cuts, word)
	}
	switch {
	case len(cuts) == 0:
		return nil, ErrNoCuts
	case len(cuts) > MaxBandCuts:
		return nil, ErrCutsTooMany
	}
	return cuts, nil
}

// placeOf returns where a number or a day stands among others.
func placeOf(kind survey.AttributeType, value string) (float64, bool) {
	if kind == survey.DateAttribute {
		day, err := time.Parse(time.DateOnly, value)
		return float64(day.Unix()), err == nil
	}
	number, err := strconv.ParseFloat(strings.Replace(value, ",", ".", 1), 64)
	return number, err == nil && !math.IsNaN(number) && math.Abs(number) < 1e15
}

// band is one of the groups that cuts make.
type band struct {
	value panelValue
	words survey.Words
}

// banded makes an attribute of numbers or days one of groups. Cuts that cannot be read make none.
func (a *panelAttribute) banded(b *Bands) {
	var places []float64
	for _, cut := range b.Cuts {
		place, ok := placeOf(a.Type, cut)
		if !ok || len(places) > 0 && place <= places[len(places)-1] {
			return
		}
		places = append(places, place)
	}
	if len(places) == 0 || len(places) > MaxBandCuts {
		return
	}
	a.cuts = places
	for i := range len(places) + 1 {
		var name, code string
		switch {
		case i == 0:
			name, code = "< "+b.Cuts[0], "below_"+b.Cuts[0]
		case i == len(places):
			name, code = "≥ "+b.Cuts[i-1], "from_"+b.Cuts[i-1]
		default:
			name, code = "≥ "+b.Cuts[i-1]+", < "+b.Cuts[i], "from_"+b.Cuts[i-1]+"_to_"+b.Cuts[i]
		}
		words := survey.Words{survey.English: name}
		if len(b.Names) == len(places)+1 && len(b.Names[i]) > 0 {
			words = b.Names[i]
		}
		// The same cuts are the same groups in the next wave.
		code = strings.NewReplacer("-", "m", ".", "d").Replace(code)
		a.bands = append(a.bands, band{panelValue{code: survey.OptionCode(code), name: words.In(survey.English)}, words})
	}
}

// bandOf returns the band that a value falls into.
func (a *panelAttribute) bandOf(given string) (panelValue, bool) {
	place, ok := placeOf(a.Type, given)
	if !ok {
		return panelValue{}, false
	}
	at, found := slices.BinarySearch(a.cuts, place)
	if found {
		at++ // a cut is the lowest of its band
	}
	return a.bands[at].value, true
}

// ProposeBands returns, for each attribute of numbers or days of those a plan invites, bands of about equal size that
// hold the plan's threshold with three in five answering: at most five, cut at round numbers or first days of years
// or months. An attribute that cannot be cut so has no cuts.
func (s *Service) ProposeBands(ctx context.Context, plan *Plan) ([]Bands, error) {
	f, err := s.facts(ctx, plan)
	if err != nil {
		return nil, fmt.Errorf("propose bands for wave %d: %w", plan.Wave.ID, err)
	}
	c := newChecker(f)
	var all []Bands
	for _, a := range c.attributes {
		if a.Type == survey.TextAttribute {
			continue
		}
		var places []float64
		whole := true
		for i := range c.audience.invited {
			if place, ok := placeOf(a.Type, c.audience.invited[i].Attributes[a.Key]); ok {
				places = append(places, place)
				whole = whole && place == math.Trunc(place)
			}
		}
		all = append(all, Bands{Attribute: a.Key, Cuts: proposeCuts(a.Type, places, c.k), Whole: whole && len(places) > 0})
	}
	return all, nil
}

// proposeCuts cuts values into groups of about equal size, each of at least k people if three in five answer.
func proposeCuts(kind survey.AttributeType, places []float64, k int) []string {
	const most = 5
	least := (k*outOf + answering - 1) / answering
	groups := min(most, len(places)/max(least, 1))
	if groups < 2 {
		return nil
	}
	slices.Sort(places)
	size := max(len(places)/groups, least)
	var cuts []string
	below := 0 // people below the last cut
	for _, at := range roundPlaces(kind, places[0], places[len(places)-1]) {
		under, _ := slices.BinarySearch(places, at)
		if under-below < least || len(places)-under < least || under-below < size*9/10 || len(cuts) == most-1 {
			continue
		}
		below = under
		if kind == survey.DateAttribute {
			cuts = append(cuts, time.Unix(int64(at), 0).UTC().Format(time.DateOnly))
		} else {
			cuts = append(cuts, strconv.FormatFloat(at, 'f', -1, 64))
		}
	}
	return cuts
}

// roundPlaces returns the round numbers, or first days of years or months, above low and up to high.
func roundPlaces(kind survey.AttributeType, low, high float64) []float64 {
	var places []float64
	if kind == survey.DateAttribute {
		first, last := time.Unix(int64(low), 0).UTC(), time.Unix(int64(high), 0).UTC()
		months := 1
		if last.Year()-first.Year() >= 4 {
			months = 12
		}
		day := time.Date(first.Year(), 1, 1, 0, 0, 0, 0, time.UTC)
		for ; !day.After(last); day = day.AddDate(0, months, 0) {
			if day.After(first) {
				places = append(places, float64(day.Unix()))
			}
		}
		return places
	}
	if high <= low {
		return nil
	}
	unit := math.Pow(10, math.Floor(math.Log10((high-low)/10)))
	for _, times := range []float64{5, 2} { // the coarsest that makes at least six
		if (high-low)/(unit*times) >= 6 {
			unit *= times
			break
		}
	}
	first := math.Floor(low/unit) + 1
	for i := range 100 { // of which there are fewer; counted, since to a number as large as first 1 cannot be added
		n := first + float64(i)
		if n*unit > high {
			break
		}
		// Rounded to the unit's own digits: 0.1 * 3 is not 0.3.
		at, err := strconv.ParseFloat(strconv.FormatFloat(n*unit, 'f', max(0, int(-math.Floor(math.Log10(unit)))), 64), 64)
		if err == nil {
			places = append(places, at)
		}
	}
	return places
}

// bandsOf returns the bands of an attribute in a plan, or nil.
func (p *Plan) bandsOf(key string) *Bands {
	at := slices.IndexFunc(p.Bands, func(b Bands) bool { return b.Attribute == key })
	if at < 0 {
		return nil
	}
	return &p.Bands[at]
}

// options returns what a segment of the attribute has as values, of those codes that are used.
func (a *panelAttribute) options(used map[survey.OptionCode]bool) []survey.Option {
	var options []survey.Option
	for _, b := range a.bands {
		if used[b.value.code] {
			options = append(options, survey.Option{Code: b.value.code, Text: b.words})
		}
	}
	if len(a.bands) > 0 {
		return options
	}
	seen := make(map[survey.OptionCode]bool)
	for _, v := range a.byGiven {
		if used[v.code] && !seen[v.code] {
			seen[v.code] = true
			options = append(options, survey.Option{Code: v.code, Text: survey.Words{survey.English: v.name}})
		}
	}
	slices.SortFunc(options, func(x, y survey.Option) int {
		return cmp.Or(cmp.Compare(x.Text[survey.English], y.Text[survey.English]), cmp.Compare(x.Code, y.Code))
	})
	return options
}
