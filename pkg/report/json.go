package report

import (
	"encoding/json"
	"io"
	"math"
	"strconv"

	"cxmirror/pkg/findings"
	"cxmirror/pkg/survey"
)

// JSON writes one object. Its names are a contract: programs outside read them, so names are added and
// never changed. All shares are in [0, 1]; what is undefined is null, never 0.
func (w *Writer) JSON(to io.Writer, c *Comparison, lang survey.Language) error {
	e := json.NewEncoder(to)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(w.object(c, lang))
}

// number is a float that JSON can hold: what is not a finite number is null.
type number float64

// MarshalJSON writes null for NaN and the infinities, which JSON does not have.
func (n number) MarshalJSON() ([]byte, error) {
	if math.IsNaN(float64(n)) || math.IsInf(float64(n), 0) {
		return []byte("null"), nil
	}
	return strconv.AppendFloat(nil, float64(n), 'g', -1, 64), nil
}

type comparisonJSON struct {
	Item      string        `json:"item"`
	Kind      string        `json:"kind"`
	Question  string        `json:"question"`
	Rule      string        `json:"rule"`
	Top       int           `json:"top"`
	Level     number        `json:"level"`
	Margin    number        `json:"margin"`
	Sentence  string        `json:"sentence"`
	Notes     []string      `json:"notes"`
	Simulated bool          `json:"simulated"`
	Withheld  *string       `json:"withheld"`
	Rejected  int           `json:"rejected"`
	External  sideJSON      `json:"external"`
	Internal  sideJSON      `json:"internal"`
	Paired    *pairJSON     `json:"paired"`
	Items     []itemJSON    `json:"items"`
	Lists     *listsJSON    `json:"lists"`
	Emphasis  *emphasisJSON `json:"emphasis"`
}

type sideJSON struct {
	N          *int        `json:"n"`
	EffectiveN *number     `json:"effective_n"`
	Weighted   bool        `json:"weighted"`
	None       *int        `json:"none"`
	Missing    *int        `json:"missing"`
	Partial    *int        `json:"partial"`
	File       fileJSON    `json:"file"`
	Part       *partJSON   `json:"part"` // null: everybody
	OrderHolds *bool       `json:"order_holds"`
	Ranking    []entryJSON `json:"ranking"`
	Unranked   []entryJSON `json:"unranked"`
	Rules      []ruleJSON  `json:"rules"`
}

// fileJSON has no counts where the result is withheld: they would tell how small the group is.
type fileJSON struct {
	Name     string `json:"name"`
	Rows     *int   `json:"rows"`
	Accepted *int   `json:"accepted"`
	Filtered *int   `json:"filtered"`
	Rejected *int   `json:"rejected"`
}

// partJSON is the people of a side who are compared: those who gave an answer, or, with rest, another.
type partJSON struct {
	Item   string `json:"item"`
	Option string `json:"option"`
	Rest   bool   `json:"rest"`
}

type entryJSON struct {
	Code       string `json:"code"`
	Text       string `json:"text"`
	Count      *int   `json:"count"` // null, as all figures, if it is withheld
	N          *int   `json:"n"`
	EffectiveN number `json:"effective_n"`
	Share      number `json:"share"`
	Low        number `json:"low"`
	High       number `json:"high"`
	Mean       number `json:"mean"`
	CannotSay  int    `json:"cannot_say"`
	Withheld   bool   `json:"withheld"`
	Rank       int    `json:"rank,omitempty"`
	RankLow    int    `json:"rank_low,omitempty"`
	RankHigh   int    `json:"rank_high,omitempty"`
	Tied       bool   `json:"tied"`
}

type ruleJSON struct {
	Rule   string          `json:"rule"`
	Values []ruleValueJSON `json:"values"`
}

type ruleValueJSON struct {
	Code  string `json:"code"`
	Value number `json:"value"`
	Low   number `json:"low"`
	High  number `json:"high"`
	Rank  int    `json:"rank"`
	Tied  bool   `json:"tied"`
}

type itemJSON struct {
	Code string `json:"code"`
	Text string `json:"text"`
	differenceJSON
	PAdjusted  number `json:"p_adjusted"`
	Verdict    string `json:"verdict"`
	Withheld   bool   `json:"withheld"` // a side does not show it: the verdict is unknown, and figures are null
	Detectable number `json:"detectable"`
	Higher     number `json:"higher"`
	CohenH     number `json:"cohen_h"`
	Method     string `json:"method"`
	Sentence   string `json:"sentence"`
}

type listsJSON struct {
	TauB         number `json:"tau_b"`
	TauLow       number `json:"tau_expected_low"`
	TauHigh      number `json:"tau_expected_high"`
	RBO          number `json:"rbo"`
	RBOP         number `json:"rbo_p"`
	RBOChance    number `json:"rbo_chance"`
	Overlap      number `json:"overlap"`
	GlobalP      number `json:"global_p"`
	GlobalMethod string `json:"global_method"`
}

type emphasisJSON struct {
	differenceJSON
	Items []emphasisItemJSON `json:"items"`
}

type emphasisItemJSON struct {
	Code string `json:"code"`
	differenceJSON
	PAdjusted number `json:"p_adjusted"`
}

// differenceJSON is a figure on both sides, and how far the two are apart.
type differenceJSON struct {
	External   number `json:"external"`
	Internal   number `json:"internal"`
	Difference number `json:"difference"`
	Low        number `json:"low"`
	High       number `json:"high"`
	P          number `json:"p"`
}

type pairJSON struct {
	Pairs        int `json:"pairs"`
	OnlyExternal int `json:"only_external"`
	OnlyInternal int `json:"only_internal"`
}

func (w *Writer) object(c *Comparison, lang survey.Language) comparisonJSON {
	o := comparisonJSON{
		Item: string(c.Item.Code), Kind: string(c.Item.Kind), Question: c.Item.Text.In(lang),
		Top: c.Settings.Top, Level: number(c.Settings.Level), Margin: number(c.Settings.Margin),
		Simulated: c.Simulated, Rejected: c.rejected(),
		External: c.fileOnly(c.External), Internal: c.fileOnly(c.Internal),
		Items: []itemJSON{}, Notes: []string{},
	}
	if c.Withheld != nil {
		why := w.withheld(c, lang)
		o.Withheld, o.Sentence = &why, why
		o.Rule = findings.DefaultRule(c.Item.Kind).With(c.Settings.Top)
		return o
	}
	d := c.Divergence
	o.Rule, o.Sentence = d.Rule.With(d.Top), w.speaker.Divergence(d, lang)
	o.Notes = append(o.Notes, words{w, lang}.notes(c)...)
	o.External.fill(&d.External, lang)
	o.Internal.fill(&d.Internal, lang)
	if p := d.Paired; p != nil {
		o.Paired = &pairJSON{p.Pairs, p.OnlyExternal, p.OnlyInternal}
	}
	for i := range d.Items {
		it := &d.Items[i]
		o.Items = append(o.Items, itemJSON{
			Code: string(it.Code), Text: it.External.Text.In(lang),
			differenceJSON: differenceJSON{
				number(it.External.Share), number(it.Internal.Share), number(it.Difference), number(it.Low), number(it.High), number(it.P),
			},
			PAdjusted: number(it.PAdjusted), Verdict: string(it.Verdict), Withheld: it.Withheld(),
			Detectable: number(it.Detectable), Higher: number(it.Higher), CohenH: number(it.CohenH),
			Method: it.Method, Sentence: w.speaker.Item(d, it, lang),
		})
	}
	if e := d.Emphasis; e != nil {
		o.Emphasis = &emphasisJSON{differenceJSON: differenceJSON{
			number(e.External), number(e.Internal), number(e.Difference), number(e.Low), number(e.High), number(e.P),
		}}
		for _, it := range e.Items {
			o.Emphasis.Items = append(o.Emphasis.Items, emphasisItemJSON{
				Code: string(it.Code), differenceJSON: differenceJSON{
					number(it.External), number(it.Internal), number(it.Difference), number(it.Low), number(it.High), number(it.P),
				}, PAdjusted: number(it.PAdjusted),
			})
		}
	}
	l := d.Lists
	o.Lists = &listsJSON{
		number(l.TauB), number(l.TauLow), number(l.TauHigh), number(l.RBO), number(l.RBOP), number(l.RBOChance), number(l.Overlap),
		number(l.GlobalP), l.GlobalMethod,
	}
	return o
}

func (c *Comparison) fileOnly(s Source) sideJSON {
	f := fileJSON{Name: s.Name}
	if c.Withheld == nil {
		f.Rows, f.Accepted, f.Filtered, f.Rejected = &s.Rows, &s.Accepted, &s.Filtered, &s.Rejected
	}
	var part *partJSON
	if s.Part != nil {
		part = &partJSON{string(s.Part.Item), string(s.Part.Option), s.Part.Rest}
	}
	return sideJSON{File: f, Part: part, Ranking: []entryJSON{}, Unranked: []entryJSON{}, Rules: []ruleJSON{}}
}

func (s *sideJSON) fill(r *findings.Ranking, lang survey.Language) {
	b, effective := r.Base, number(r.Base.EffectiveN)
	s.N, s.EffectiveN, s.Weighted = &b.N, &effective, b.Weighted
	s.OrderHolds = &r.OrderHolds
	if !b.Protected {
		s.None, s.Missing, s.Partial = &b.None, &b.Missing, &b.Partial
	}
	for _, e := range r.Entries {
		s.Ranking = append(s.Ranking, entryOf(e, lang))
	}
	for _, e := range r.Others {
		s.Unranked = append(s.Unranked, entryOf(e, lang))
	}
	for _, order := range r.ByRule {
		rule := ruleJSON{Rule: order.Rule.With(r.Top)}
		for _, v := range order.Values {
			rule.Values = append(rule.Values, ruleValueJSON{
				string(v.Code), number(v.Value), number(v.Low), number(v.High), v.Rank, v.Tied,
			})
		}
		s.Rules = append(s.Rules, rule)
	}
}

func entryOf(e findings.Entry, lang survey.Language) entryJSON {
	var count, n *int
	if !e.Withheld {
		count, n = &e.Count, &e.N
	}
	return entryJSON{
		Code: string(e.Code), Text: e.Text.In(lang), Count: count, N: n, EffectiveN: number(e.EffectiveN),
		Share: number(e.Share), Low: number(e.Low), High: number(e.High), Mean: number(e.Mean),
		CannotSay: e.CannotSay, Withheld: e.Withheld, Rank: e.Rank, RankLow: e.RankLow, RankHigh: e.RankHigh, Tied: e.Tied,
	}
}

// rejected counts every refused row once.
func (c *Comparison) rejected() int {
	if c.External.Shared {
		return c.External.Rejected
	}
	return c.External.Rejected + c.Internal.Rejected
}
