// Package findings says what the numbers mean: how the options of an item rank, how sure that order is,
// and where two populations that were asked the same list diverge, where they are practically the same,
// and where the data cannot tell.
//
// It is handed tallies and returns findings. Every finding carries its item, its rule, its base and the
// names of its methods, so that nothing printed from it can lose them. It never meets files, databases or
// pages. A base that is too small to publish never arrives here: the tally gives an error instead.
//
// Single options may be withheld where waves promised to protect people. They have no place and no figure, stand at
// the end of a list and say so. What is told of the others is computed from the others alone, places and tests over
// the whole list included, so that nothing of an option that is not shown goes into any figure.
package findings

import (
	"strconv"

	"cxmirror/pkg/survey"
)

// Rule says by what an item's options are ranked.
type Rule string

// The rules. Each kind of item has a default rule, and others that are computed beside it.
const (
	SharePicked Rule = "share picked"   // multi: picked it, of everyone asked
	ShareTopN   Rule = "share in top N" // rank: put it among the first N, of everyone asked
	ShareFirst  Rule = "share first"    // rank: put it first, of everyone asked
	MeanPlace   Rule = "mean place"     // rank: mean place; the unranked share the places left over
	TopBox      Rule = "top box"        // rating: in the top box, of those who rated it
	MeanRating  Rule = "mean rating"    // rating: mean point, of those who rated it
)

// With says the rule with its N: "share in top 3".
func (r Rule) With(top int) string {
	if r == ShareTopN {
		return "share in top " + strconv.Itoa(top)
	}
	return string(r)
}

// Settings are what is decided before looking at the answers. The zero value means the defaults.
type Settings struct {
	Level  float64 // coverage of intervals and rank sets, and one minus the level of tests; 0 means 0.95
	Margin float64 // differences within ±Margin are practically the same; 0 means 0.10
	Top    int     // length of the list people look at; 0 means 3
}

// WithDefaults returns the settings with the default in place of every zero.
func (s Settings) WithDefaults() Settings {
	if s.Level == 0 {
		s.Level = 0.95
	}
	if s.Margin == 0 {
		s.Margin = 0.10
	}
	if s.Top == 0 {
		s.Top = 3
	}
	return s
}

// Power is the chance of finding a difference as large as the detectable one.
const Power = 0.80

// Persistence is the p of rank-biased overlap: at 0.7 the first three places carry 84 % of the weight.
const Persistence = 0.7

// Ranking is the ranking of one item's options in one population.
type Ranking struct {
	Audience   survey.Audience
	Item       survey.ItemCode
	Kind       survey.Kind
	Rule       Rule
	Top        int     // N of ShareTopN, and the length of the list people look at
	Level      float64 // coverage of intervals and rank sets, e.g. 0.95
	Base       Base
	Entries    []Entry     // best first, ties in the order of the questionnaire; at the end those withheld, which have no rank
	Others     []Entry     // exclusive options: in the base, out of the ranking; ranks are 0
	ByRule     []RuleOrder // the same options by every other rule that fits the kind
	OrderHolds bool        // every rule in ByRule puts the options among the first Top in the same order
}

// Base says who is in the denominator.
type Base struct {
	N          int     // persons who answered the question, "none" included
	EffectiveN float64 // Kish's effective N; equal to N without weights
	Weighted   bool
	None       int // of N, asked and picked nothing
	Missing    int // not in N: did not answer
	Partial    int // of N, rated some rows of a rating and left others empty
	Threshold  int // the smallest base that is shown, which N met

	Protected bool // of a wave that protects people: None, Missing and Partial are not told, and 0
}

// Entry is one option's place in a ranking.
type Entry struct {
	Code       survey.OptionCode
	Text       survey.Words
	Count      int     // persons, unweighted
	N          int     // persons in this option's own base; less than Base.N where some cannot say, or left the row empty
	EffectiveN float64 // the n that reproduces the share's variance; N without weights
	Share      float64 // in [0, 1], weighted where there are weights
	Low, High  float64 // Wilson interval of Share
	Mean       float64 // rank: mean place; rating: mean point; NaN for multi
	Rank       int     // competition rank, 1 is best
	RankLow    int     // best place it may truly hold, all options at once
	RankHigh   int     // worst place it may truly hold
	Tied       bool    // shares its rank with another option
	CannotSay  int     // persons who said they cannot say
	Withheld   bool    // not shown, to protect people: shares are NaN, counts and ranks 0
	Earlier    bool    // counted when fewer people had answered: later ones are too few to be told of
}

// RuleOrder is the order of the options by one rule.
type RuleOrder struct {
	Rule   Rule
	Values []RuleValue // best first
}

// RuleValue is one option's value and rank by one rule.
type RuleValue struct {
	Code  survey.OptionCode
	Value float64 // a share in [0, 1], a mean place or a mean point
	Low   float64 // its interval: Wilson for a share, Student's t for a mean
	High  float64
	Rank  int
	Tied  bool
}

// Verdict is what the data show about one option's difference between two populations.
type Verdict string

// The verdicts. There is none that says "identical".
const (
	Different Verdict = "different" // Holm-adjusted p below 1 - level
	Small     Verdict = "small"     // different, but provably within the margin
	Same      Verdict = "same"      // practically the same: provably within the margin
	Unknown   Verdict = "unknown"   // the data cannot tell
)

// Divergence is the comparison of one item between an external and an internal population.
type Divergence struct {
	Item      survey.ItemCode
	Text      survey.Words // the question as put to the external population
	Kind      survey.Kind
	Rule      Rule
	Top       int
	Level     float64
	Margin    float64 // differences within ±Margin are practically the same; a share, e.g. 0.10
	External  Ranking
	Internal  Ranking
	Items     []ItemDifference // in the order of the external ranking; at the end those that a side withholds
	Lists     ListAgreement
	Emphasis  *Emphasis // ratings of several rows by different people; otherwise nil
	Paired    *Pairing  // set where most of the smaller side answered on both sides
	Overlap   int       // persons who answered on both sides though the sides are compared as independent; 0 below the threshold
	Simulated bool      // the answers are simulated; said wherever the finding shows
}

// ItemDifference is one option seen from both sides. Differences are internal minus external, as shares.
//
// Places are those among the options that both sides show, since others cannot be compared; where a side withholds none
// that the other shows, they are those of its ranking. An option that a side withholds has no figures but those of the
// other side's entry, no place on either, and the verdict Unknown. It is counted in nothing: not among the
// tests that are corrected for, not in the agreement of the lists, and in no test over all options.
type ItemDifference struct {
	Code         survey.OptionCode
	External     Entry
	Internal     Entry
	Difference   float64
	Low, High    float64 // Newcombe interval at Level
	P, PAdjusted float64 // two-sided; Holm over the items of the question
	Verdict      Verdict
	Detectable   float64 // smallest true difference found with 80 % power at the corrected level
	Higher       float64 // probability that the share is higher inside (independent Jeffreys posteriors)
	CohenH       float64
	Method       string // the test behind P
}

// Withheld reports whether a side does not show the option, to protect people.
func (it *ItemDifference) Withheld() bool { return it.External.Withheld || it.Internal.Withheld }

// Shown are the options that both sides show, in their order.
func (d *Divergence) Shown() []ItemDifference {
	n := len(d.Items)
	for n > 0 && d.Items[n-1].Withheld() {
		n--
	}
	return d.Items[:n:n]
}

// Emphasis tells the level of ratings from their order: one side may rate everything higher, and still put
// the same things first. Each person's own mean point is taken from her points.
type Emphasis struct {
	External, Internal float64 // mean of the persons' own mean points
	Difference         float64 // internal minus external
	Low, High          float64 // Welch's interval
	P                  float64
	Items              []EmphasisItem // in the order of Divergence.Items
}

// EmphasisItem is how much more, or less, than the rest of the list an option is rated.
type EmphasisItem struct {
	Code               survey.OptionCode
	Text               survey.Words
	External, Internal float64 // mean point less the person's own mean point
	Difference         float64 // internal minus external
	Low, High          float64 // Welch's interval
	P, PAdjusted       float64 // Welch's test; Holm over the options
}

// ListAgreement says how alike two whole rankings are.
type ListAgreement struct {
	TauB         float64 // NaN where undefined: one list is fully tied
	TauLow       float64 // range of TauB if both sides came from one population; NaN where there is none
	TauHigh      float64
	RBO          float64 // rank-biased overlap, extrapolated, ties averaged
	RBOP         float64 // its persistence p
	RBOChance    float64 // what two unrelated orders of so many options score
	Overlap      float64 // share of the first Top options that both lists have
	GlobalP      float64 // one test that the two populations answer alike, over all options
	GlobalMethod string
}

// Pairing says how a comparison of overlapping populations was made.
type Pairing struct {
	Pairs        int // persons who answered on both sides
	OnlyExternal int // persons left out because they answered outside only
	OnlyInternal int // persons left out because they answered inside only
}
