package fieldwork

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"

	"cxmirror/pkg/survey"
)

// Plan is what a launch makes of a draft: whom it asks, by which ways, what results will be split by. It can be
// written as JSON and read back, so that it can be kept while it is being thought over.
type Plan struct {
	Wave survey.Wave // a stored draft: mode, thresholds, dates, promise, open link, kiosk

	// What results are split by, beside Wave.Reported, which is as it is in a wave: codes of background items
	// and of attributes, the most important first; nil is every background item. Attributes that Reported does
	// not name come before all that it does.
	Attributes []string // keys of attributes of the panel
	Groups     []Group  // values that are reported as one
	Bands      []Bands  // of attributes of numbers or days, which are no groups without them

	Filter map[string][]string // by the attribute's key, names of values of which a person has one; nil is everybody
	Sample int                 // how many of those who can be reached are drawn; 0 is all
	Seed   uint64              // by which they are drawn: the same number draws the same people of the same panel

	Mail     bool // people get their own link by mail
	Paper    bool // or an access code on paper, those whom mail does not reach
	OpenOnly bool // nobody is invited by name: the open link, or the kiosk, alone

	Letters  []survey.Letter
	Mailings []survey.Mailing

	Compare survey.WaveID // the wave that results will be set against; 0 is none
}

// Group is values of an attribute that are reported as one, because each alone would be too few people, or
// because somebody wants it so.
type Group struct {
	Attribute string // its key
	Name      string // as results call it
	Values    []int64
}

// maxSegmentValues is how many values a segment may have, as a background item may have options.
const maxSegmentValues = survey.MaxOptions

// segmentCode returns the code by which an attribute is a segment of waves of a questionnaire: its key, unless
// the questionnaire has an item of that code.
func segmentCode(key string, q *survey.Questionnaire) survey.ItemCode {
	code := survey.ItemCode(key)
	for {
		if _, taken := q.Item(code); !taken {
			return code
		}
		code = "panel_" + code
	}
}

// reportedCodes returns what the results of the planned wave are split by, or nil if that is every background
// item and nothing else.
func (p *Plan) reportedCodes(q *survey.Questionnaire) []survey.ItemCode {
	if len(p.Attributes) == 0 {
		return p.Wave.Reported
	}
	given := reported(&p.Wave, q)
	codes := make(map[survey.ItemCode]survey.ItemCode, len(p.Attributes)) // by what Reported may call them
	for _, key := range p.Attributes {
		code := segmentCode(key, q)
		codes[code] = code
		codes[survey.ItemCode(key)] = code
	}
	var all []survey.ItemCode
	for _, key := range p.Attributes {
		code := segmentCode(key, q)
		named := slices.ContainsFunc(given, func(c survey.ItemCode) bool {
			_, item := q.Item(c)
			return !item && codes[c] == code
		})
		if !named {
			all = append(all, code)
		}
	}
	for _, code := range given {
		if _, item := q.Item(code); !item {
			code = cmp.Or(codes[code], code)
		}
		if !slices.Contains(all, code) {
			all = append(all, code)
		}
	}
	return all
}

// A panelAttribute reads what a panel knows of people, as one plan sees it.
type panelAttribute struct {
	survey.Attribute

	code    survey.ItemCode
	byGiven map[string]panelValue
	cuts    []float64 // of numbers or days that are reported in bands
	bands   []band    // one more than cuts, or none
}

// A panelValue is one value as it will be reported.
type panelValue struct {
	code survey.OptionCode
	name string // as results will call it
	read string // as the panel reads it today, whatever is reported as one
	ids  []int64
}

func newPanelAttribute(a survey.Attribute, code survey.ItemCode, groups []Group) *panelAttribute {
	p := &panelAttribute{Attribute: a, code: code, byGiven: make(map[string]panelValue, len(a.Values))}
	byID := make(map[int64]*survey.AttributeValue, len(a.Values))
	for i := range a.Values {
		byID[a.Values[i].ID] = &a.Values[i]
	}
	final := func(id int64) *survey.AttributeValue {
		v := byID[id]
		for range a.Values { // no chain is longer, and a circle ends
			into, ok := byID[v.Into]
			if !ok {
				break
			}
			v = into
		}
		return v
	}
	grouped := make(map[int64]Group)
	for _, g := range groups {
		if g.Attribute != a.Key {
			continue
		}
		for _, id := range g.Values {
			if _, known := byID[id]; known {
				grouped[final(id).ID] = g
			}
		}
	}
	for i := range a.Values {
		v := final(a.Values[i].ID)
		value := panelValue{code: valueCode(v.ID), name: v.Name, read: v.Name, ids: []int64{v.ID}}
		if g, ok := grouped[v.ID]; ok {
			ids := slices.Clone(g.Values)
			for at, id := range ids {
				if _, known := byID[id]; known {
					ids[at] = final(id).ID
				}
			}
			slices.Sort(ids)
			value.ids = slices.Compact(ids)
			value.code, value.name = valueCode(value.ids...), g.Name
		}
		p.byGiven[a.Values[i].Given] = value
	}
	return p
}

// of returns what is reported of a person, and whether the panel knows it.
func (a *panelAttribute) of(person *survey.Person) (panelValue, bool) {
	given, ok := person.Attributes[a.Key]
	if !ok || given == "" {
		return panelValue{}, false
	}
	if len(a.bands) > 0 {
		return a.bandOf(given)
	}
	v, ok := a.byGiven[given]
	return v, ok
}

// read returns how the panel reads today what is known of a person: also numbers and dates.
func (a *panelAttribute) read(person *survey.Person) string {
	given := person.Attributes[a.Key]
	if v, ok := a.byGiven[given]; ok {
		return v.read
	}
	return given
}

// valueCode returns the code of a value, or of several that are reported as one. It follows from the ids, so
// that a value that is renamed is the same in the next wave.
func valueCode(ids ...int64) survey.OptionCode {
	const longest = 64
	words := make([]string, len(ids))
	for i, id := range ids {
		words[i] = strconv.FormatInt(id, 10)
	}
	code := "v" + strings.Join(words, "-")
	if len(code) > longest {
		sum := sha256.Sum256([]byte(code))
		code = "g" + hex.EncodeToString(sum[:16])
	}
	return survey.OptionCode(code)
}

// matches reports whether a person is one of those whom the plan asks.
func (p *Plan) matches(person *survey.Person, attributes map[string]*panelAttribute) bool {
	for key, names := range p.Filter {
		a, known := attributes[key]
		if !known || len(names) > 0 && !slices.Contains(names, a.read(person)) {
			return false
		}
	}
	return true
}

// sample draws n people by a number: those whose keys come first when each is hashed with it. So a draw can be
// made again, in whatever order people are read, and somebody who joins the panel changes at most one place.
func sample(people []survey.Person, n int, seed uint64) []survey.Person {
	if n <= 0 || n >= len(people) {
		return people
	}
	type drawn struct {
		lot    [sha256.Size]byte
		person survey.Person
	}
	all := make([]drawn, len(people))
	for i := range people {
		all[i] = drawn{sha256.Sum256(append(binary.BigEndian.AppendUint64(nil, seed), people[i].Key...)), people[i]}
	}
	slices.SortFunc(all, func(a, b drawn) int { return slices.Compare(a.lot[:], b.lot[:]) })
	result := make([]survey.Person, n)
	for i := range result {
		result[i] = all[i].person
	}
	slices.SortFunc(result, func(a, b survey.Person) int { return cmp.Compare(a.ID, b.ID) })
	return result
}
