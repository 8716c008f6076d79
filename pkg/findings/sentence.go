package findings

import (
	"cmp"
	"embed"
	"fmt"
	"math"
	"slices"
	"strings"

	"cxmirror/pkg/survey"
)

//go:embed phrases/*.yaml
var phraseFiles embed.FS

// Speaker says findings in sentences. It is safe for concurrent use.
type Speaker struct {
	phrases *survey.Phrases
}

// NewSpeaker loads the sentences, which are in English, Polish, Romanian and Russian. A language that it
// does not have is answered in English.
func NewSpeaker() (*Speaker, error) {
	phrases, err := survey.LoadPhrases(phraseFiles, "phrases")
	if err != nil {
		return nil, fmt.Errorf("sentences of findings: %w", err)
	}
	return &Speaker{phrases}, nil
}

// Languages returns the languages that there are sentences in.
func (s *Speaker) Languages() []survey.Language { return s.phrases.Languages() }

// Divergence says the finding in one honest sentence, or the few that it takes: what both sides share, on
// what they part, and where the data cannot tell. It never says "identical", and orders only what the data
// order.
func (s *Speaker) Divergence(d *Divergence, lang survey.Language) string {
	headline, rest := s.Headline(d, lang)
	return strings.TrimSpace(headline + " " + rest)
}

// Headline says the same as [Speaker.Divergence] in two parts: what stands above a page, and the rest, which
// may be empty.
func (s *Speaker) Headline(d *Divergence, lang survey.Language) (headline, rest string) {
	say := saying{s.phrases, lang}
	by, total := d.byVerdict(), len(d.Shown())
	var first, then []string
	if firsts := say.firsts(d); firsts != "" {
		first = append(first, firsts)
	}
	switch {
	case len(by[Different]) > 0:
		part, more := say.parting(d, by[Different])
		first, then = append(first, part), append(then, more...)
	case len(by[Same]) == total:
		first = append(first, say.count("all_same", total, survey.Args{"Margin": say.points(d.Margin)}))
		return strings.Join(first, " "), ""
	case len(by[Small]) == 0:
		first = append(first, say.it("none_differs", nil))
		if d.Lists.GlobalP < 1-d.Level {
			then = append(then, say.it("lists_differ", survey.Args{"P": say.p(d.Lists.GlobalP)}))
		}
	}
	for _, v := range []struct {
		verdict Verdict
		key     string
	}{{Small, "some_small"}, {Same, "some_same"}} {
		if n := len(by[v.verdict]); n > 0 {
			then = append(then, say.it(v.key, survey.Args{
				"Number": say.lang.Integer(n), "Total": say.lang.Integer(total), "Margin": say.points(d.Margin),
			}))
		}
	}
	if unknown := by[Unknown]; len(unknown) > 0 {
		then = append(then, say.cannotTell(d, unknown))
	}
	if len(first) == 0 {
		first, then = then[:1], then[1:]
	}
	return strings.Join(first, " "), strings.Join(then, " ")
}

// Emphasis says whether one side rates everything higher, and what remains once that is taken out; nothing
// for findings that have no such level.
func (s *Speaker) Emphasis(d *Divergence, lang survey.Language) []string {
	e := d.Emphasis
	if e == nil {
		return nil
	}
	say := saying{s.phrases, lang}
	key := "level_alike"
	if e.P < 1-d.Level {
		key = "level_outside"
		if e.Difference > 0 {
			key = "level_inside"
		}
	}
	said := []string{say.it(key, survey.Args{"Inside": lang.Decimal(e.Internal, 2), "Outside": lang.Decimal(e.External, 2)})}
	var more, less []string
	for _, it := range e.Items {
		if it.PAdjusted >= 1-d.Level {
			continue
		}
		if it.Difference > 0 {
			more = append(more, say.quoted(it.Text, it.Code))
		} else {
			less = append(less, say.quoted(it.Text, it.Code))
		}
	}
	if len(more)+len(less) == 0 {
		return append(said, say.it("emphasis_alike", nil))
	}
	if len(more) > 0 {
		said = append(said, say.it("emphasis_inside", survey.Args{"Items": say.join(more)}))
	}
	if len(less) > 0 {
		said = append(said, say.it("emphasis_outside", survey.Args{"Items": say.join(less)}))
	}
	return said
}

// Leads says who leads on each side: the title of a picture of both rankings.
func (s *Speaker) Leads(d *Divergence, lang survey.Language) string {
	say := saying{s.phrases, lang}
	out, in := d.leaders()
	args := survey.Args{
		"Outside": say.list(out), "OutsideShare": say.share(out[0]),
		"Inside": say.list(in), "InsideShare": say.share(in[0]),
	}
	key := "leads"
	if len(out) == 1 && len(in) == 1 && out[0].Code == in[0].Code {
		key = "leads_both"
	}
	said := say.it(d.ofShown(key), args)
	switch sureOut, sureIn := out[0].RankHigh == 1, in[0].RankHigh == 1; {
	case !sureOut && !sureIn:
		said += say.it("unsettled_both", nil)
	case !sureOut:
		said += say.it("unsettled_outside", nil)
	case !sureIn:
		said += say.it("unsettled_inside", nil)
	}
	return said
}

// Gap says how far the sides are apart at most, and how much of that is proven: the title of a picture of
// differences.
func (s *Speaker) Gap(d *Divergence, lang survey.Language) string {
	say := saying{s.phrases, lang}
	by := d.byVerdict()
	proven := append(by[Different], by[Small]...)
	key, among := "gap", proven
	if len(proven) == 0 {
		key, among = "gap_unproven", d.Shown()
	}
	widest := slices.MaxFunc(among, func(a, b ItemDifference) int {
		return cmp.Compare(math.Abs(a.Difference), math.Abs(b.Difference))
	})
	return say.it(key, survey.Args{
		"Number": lang.Integer(len(proven)), "Total": lang.Integer(len(d.Shown())),
		"Points": say.points(math.Abs(widest.Difference)), "Item": say.quoted(widest.External.Text, widest.Code),
	})
}

// Moves says which options are shown to change their place, because the places they may truly hold do not
// meet: the title of a picture of places.
func (s *Speaker) Moves(d *Divergence, lang survey.Language) string {
	say := saying{s.phrases, lang}
	var moved []Entry
	for _, it := range d.Shown() {
		if it.External.RankLow > it.Internal.RankHigh || it.Internal.RankLow > it.External.RankHigh {
			moved = append(moved, it.External)
		}
	}
	if len(moved) == 0 {
		return say.it("moves_none", nil)
	}
	return say.it("moves", survey.Args{
		"Number": lang.Integer(len(moved)), "Total": lang.Integer(len(d.Shown())), "Items": say.list(moved),
	})
}

// Item says the finding about one option.
func (s *Speaker) Item(d *Divergence, it *ItemDifference, lang survey.Language) string {
	say := saying{s.phrases, lang}
	args := survey.Args{
		"Item":   say.quoted(it.External.Text, it.Code),
		"Inside": say.share(it.Internal), "Outside": say.share(it.External),
	}
	switch it.Verdict {
	case Different:
		low, high := it.Low, it.High
		key := "item_more"
		if it.Difference < 0 {
			key, low, high = "item_less", -it.High, -it.Low
		}
		args["Points"] = say.points(math.Abs(it.Difference))
		args["Low"], args["High"] = say.points(low), say.points(high)
		return say.it(key, args)
	case Small:
		args["Margin"] = say.points(d.Margin)
		return say.it("item_small", args)
	case Same:
		args["Margin"] = say.points(d.Margin)
		return say.it("item_same", args)
	case Unknown:
	}
	if it.Withheld() {
		return say.it("item_withheld", args)
	}
	if it.External.N == 0 || it.Internal.N == 0 {
		return say.it("item_nobody", args)
	}
	said := say.it("item_unknown_always", args)
	if it.Detectable < 1 {
		args["Detectable"] = say.pointsUp(it.Detectable)
		said = say.it("item_unknown", args)
	}
	if it.External.Count+it.Internal.Count == 0 {
		return said // which way it leans would be nothing but what was assumed before looking
	}
	if it.Higher >= 0.8 {
		said += " " + say.it("lean_more", survey.Args{"Chance": say.chance(it.Higher)})
	} else if it.Higher <= 0.2 {
		said += " " + say.it("lean_less", survey.Args{"Chance": say.chance(1 - it.Higher)})
	}
	return said
}

// Ranking says what the data bear of one side's order.
func (s *Speaker) Ranking(r *Ranking, lang survey.Language) string {
	say := saying{s.phrases, lang}
	var said []string
	leaders, shown := r.Leaders(), r.Shown()
	first := leaders[0]
	args := survey.Args{"Item": say.quoted(first.Text, first.Code), "Share": say.share(first)}
	switch {
	case len(leaders) == len(shown) && len(leaders) > 1:
		said = append(said, say.it("first_shared_all", survey.Args{"Number": say.lang.Integer(len(leaders))}))
	case len(leaders) > 1:
		said = append(said, say.it("first_shared", survey.Args{"Items": say.list(leaders), "Share": args["Share"]}))
	case first.RankHigh == 1:
		said = append(said, say.it("first", args))
	default:
		args["Place"] = say.lang.Integer(first.RankHigh)
		said = append(said, say.it("first_unsure", args))
	}
	may := 0
	for _, e := range shown {
		if e.RankLow <= r.Top {
			may++
		}
	}
	top := survey.Args{"Top": say.lang.Integer(r.Top)}
	switch {
	case len(shown) <= r.Top || len(leaders) == len(shown):
	case may <= r.Top:
		said = append(said, say.it("true_top_sure", top))
	case may == len(shown):
		said = append(said, say.it("true_top_open", top))
	default:
		said = append(said, say.count("true_top", may, top))
	}
	if other, ok := r.otherOrder(); ok && !r.OrderHolds {
		said = append(said, say.it("depends", survey.Args{
			"Top": say.lang.Integer(min(r.Top, len(shown))), "Rule": s.Rule(other, r.Top, lang),
		}))
	}
	if hidden := len(r.Entries) - len(shown); hidden > 0 {
		said = append(said, say.count("not_shown", hidden, survey.Args{"Total": say.lang.Integer(len(r.Entries))}))
	}
	return strings.Join(said, " ")
}

// Notes says what a reader must know about how the sides were compared; nothing if there is nothing.
func (s *Speaker) Notes(d *Divergence, lang survey.Language) []string {
	say := saying{s.phrases, lang}
	var notes []string
	if d.Paired != nil {
		notes = append(notes, say.count("paired", d.Paired.Pairs, nil))
	}
	if d.Overlap > 0 {
		notes = append(notes, say.count("overlap", d.Overlap, nil))
	}
	if hidden := len(d.Items) - len(d.Shown()); hidden > 0 {
		notes = append(notes, say.count("not_shown", hidden, survey.Args{"Total": say.lang.Integer(len(d.Items))}))
	}
	earlier := 0
	for _, it := range d.Shown() {
		if it.External.Earlier || it.Internal.Earlier {
			earlier++
		}
	}
	if earlier > 0 {
		notes = append(notes, say.count("earlier", earlier, nil))
	}
	return notes
}

// Rule names a rule.
func (s *Speaker) Rule(r Rule, top int, lang survey.Language) string {
	key := map[Rule]string{
		SharePicked: "rule_share_picked", ShareTopN: "rule_share_top", ShareFirst: "rule_share_first",
		MeanPlace: "rule_mean_place", TopBox: "rule_top_box", MeanRating: "rule_mean_rating",
	}[r]
	return s.phrases.Say(lang, key, survey.Args{"Top": lang.Integer(top)})
}

// Shown are the entries that are not withheld, best first.
func (r *Ranking) Shown() []Entry {
	n := len(r.Entries)
	for n > 0 && r.Entries[n-1].Withheld {
		n--
	}
	return r.Entries[:n:n]
}

// Leaders returns the entries of rank 1.
func (r *Ranking) Leaders() []Entry {
	n := 0
	for n < len(r.Entries) && r.Entries[n].Rank == 1 {
		n++
	}
	return r.Entries[:n]
}

// otherOrder returns the first rule by which the first places are others.
func (r *Ranking) otherOrder() (Rule, bool) {
	for _, order := range r.ByRule {
		alone := Ranking{Top: r.Top, Entries: r.Entries, ByRule: []RuleOrder{order}}
		if !alone.orderHolds() {
			return order.Rule, true
		}
	}
	return "", false
}

// leaders are the options of place 1 on each side: of the whole rankings or, where a side withholds options, of what
// both show.
func (d *Divergence) leaders() (external, internal []Entry) {
	if len(d.Shown()) == len(d.Items) {
		return d.External.Leaders(), d.Internal.Leaders()
	}
	for _, it := range d.Shown() {
		if it.External.Rank == 1 {
			external = append(external, it.External)
		}
		if it.Internal.Rank == 1 {
			internal = append(internal, it.Internal)
		}
	}
	return external, internal
}

// ofShown is the key of a sentence that speaks of places: where options are withheld, places are those among the others,
// and the sentence must say so.
func (d *Divergence) ofShown(key string) string {
	if len(d.Shown()) < len(d.Items) {
		return key + "_shown"
	}
	return key
}

func (d *Divergence) byVerdict() map[Verdict][]ItemDifference {
	by := map[Verdict][]ItemDifference{}
	for _, it := range d.Shown() {
		by[it.Verdict] = append(by[it.Verdict], it)
	}
	return by
}

// saying is a catalogue and the language to say it in.
type saying struct {
	phrases *survey.Phrases
	lang    survey.Language
}

func (s saying) it(key string, args survey.Args) string { return s.phrases.Say(s.lang, key, args) }

func (s saying) count(key string, n int, args survey.Args) string {
	return s.phrases.SayCount(s.lang, key, n, args)
}

func (s saying) quoted(w survey.Words, code survey.OptionCode) string {
	return s.it("quoted", survey.Args{"Words": cmp.Or(w.In(s.lang), string(code))})
}

func (s saying) share(e Entry) string { return s.lang.Percent(e.Share, 0) }

func (s saying) points(x float64) string { return s.lang.Decimal(100*x, 0) }

// pointsUp rounds up: a difference that could have been seen must not be understated.
func (s saying) pointsUp(x float64) string { return s.lang.Decimal(math.Ceil(100*x-1e-9), 0) }

// chance never says 100 %: a probability is not a proof.
func (s saying) chance(p float64) string {
	if p > 0.99 {
		return "> " + s.lang.Percent(0.99, 0)
	}
	return s.lang.Percent(p, 0)
}

func (s saying) p(p float64) string {
	if p < 0.001 {
		return "< " + s.lang.Decimal(0.001, 3)
	}
	return "= " + s.lang.Decimal(p, 3)
}

func (s saying) list(entries []Entry) string {
	quoted := make([]string, len(entries))
	for i, e := range entries {
		quoted[i] = s.quoted(e.Text, e.Code)
	}
	return s.join(quoted)
}

func (s saying) join(words []string) string {
	last := len(words) - 1
	if last == 0 {
		return words[0]
	}
	return strings.Join(words[:last], ", ") + s.it("and", nil) + words[last]
}

// firsts says who is first on each side, where both sides are sure of it.
func (s saying) firsts(d *Divergence) string {
	outside, inside := d.leaders()
	out, in := outside[0], inside[0]
	if out.RankHigh != 1 || in.RankHigh != 1 || len(d.Shown()) == 1 {
		return ""
	}
	if out.Code == in.Code {
		return s.it(d.ofShown("both_first"), survey.Args{"Item": s.quoted(out.Text, out.Code)})
	}
	return s.it(d.ofShown("firsts_differ"), survey.Args{
		"Outside": s.quoted(out.Text, out.Code), "Inside": s.quoted(in.Text, in.Code),
	})
}

// parting names the option with the largest difference, and counts the others.
func (s saying) parting(d *Divergence, parting []ItemDifference) (widest string, others []string) {
	most := slices.MaxFunc(parting, func(a, b ItemDifference) int {
		return cmp.Compare(math.Abs(a.Difference), math.Abs(b.Difference))
	})
	widest = s.it("part", survey.Args{
		"Item":   s.quoted(most.External.Text, most.Code),
		"Inside": s.share(most.Internal), "Outside": s.share(most.External),
	})
	if more := len(parting) - 1; more > 0 {
		others = []string{s.count("part_more", more, survey.Args{"Total": s.lang.Integer(len(d.Shown()))})}
	}
	return widest, others
}

func (s saying) cannotTell(d *Divergence, unknown []ItemDifference) string {
	widest := 0.0
	for _, it := range unknown {
		// Of what nobody could say there was nothing to see.
		if it.External.N > 0 && it.Internal.N > 0 {
			widest = max(widest, min(it.Detectable, 1))
		}
	}
	if widest == 0 {
		widest = 1
	}
	return s.it("cannot_tell", survey.Args{
		"Number": s.lang.Integer(len(unknown)), "Total": s.lang.Integer(len(d.Shown())),
		"Inside": s.lang.Integer(d.Internal.Base.N), "Outside": s.lang.Integer(d.External.Base.N),
		"Detectable": s.pointsUp(widest),
	})
}
