package web

import (
	"encoding/json"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
)

// The types of this file describe the object that pkg/report writes; nothing is written with them. A test reads
// comparisons with them and fails on a name that they lack.

// apiComparison describes a comparison.
type apiComparison struct {
	_         struct{}                  `additionalProperties:"true"`
	Item      string                    `json:"item" doc:"The code of the question."`
	Kind      string                    `json:"kind" enum:"multi,rank,rating" doc:"Its kind."`
	Question  string                    `json:"question" doc:"The question, as people outside were asked."`
	Rule      string                    `json:"rule" doc:"By what options are ranked."`
	Top       int                       `json:"top" doc:"How many of the list are compared."`
	Level     float64                   `json:"level" minimum:"0" maximum:"1" doc:"The coverage of intervals."`
	Margin    float64                   `json:"margin" minimum:"0" maximum:"1" doc:"Up to which difference two shares are practically the same."`
	Sentence  string                    `json:"sentence" doc:"The finding."`
	Notes     []string                  `json:"notes" nullable:"false" doc:"What to know about it."`
	Simulated bool                      `json:"simulated" doc:"Answers are simulated."`
	Withheld  *string                   `json:"withheld" doc:"Why there are no figures; null if there are."`
	Rejected  int                       `json:"rejected" doc:"Rows of files that were refused."`
	External  apiSide                   `json:"external" doc:"The external side."`
	Internal  apiSide                   `json:"internal" doc:"The internal side."`
	Paired    orNull[apiPairs]          `json:"paired" doc:"People who answered on both sides; null if nobody did."`
	Items     []apiDifference           `json:"items" nullable:"false" doc:"Every option, and how far the sides are apart on it."`
	Lists     orNull[apiListsAlike]     `json:"lists" doc:"How alike the two rankings are."`
	Emphasis  orNull[apiEmphasisOfItem] `json:"emphasis" doc:"Of picks, how they are shared out among the options."`
}

type apiSide struct {
	_          struct{}        `additionalProperties:"true"`
	N          *int            `json:"n" doc:"The base: people who were asked and answered."`
	EffectiveN *float64        `json:"effective_n" doc:"What the base is worth after weighting."`
	Weighted   bool            `json:"weighted" doc:"Answers have weights."`
	None       *int            `json:"none" doc:"People who picked nothing; null of a wave that protects people."`
	Missing    *int            `json:"missing" doc:"People who did not answer the question; null of a wave that protects people."`
	Partial    *int            `json:"partial" doc:"People who ranked only a part; null of a wave that protects people."`
	File       apiSource       `json:"file" doc:"The file or wave that answers come from."`
	Part       orNull[apiPeer] `json:"part" doc:"The people compared; null is everybody."`
	OrderHolds *bool           `json:"order_holds" doc:"The order of the list would come out again."`
	Ranking    []apiEntry      `json:"ranking" nullable:"false" doc:"Options by rank."`
	Unranked   []apiEntry      `json:"unranked" nullable:"false" doc:"Options that stay out of the ranking, but in the base."`
	Rules      []apiRule       `json:"rules" nullable:"false" doc:"The order by other rules."`
}

type apiSource struct {
	_        struct{} `additionalProperties:"true"`
	Name     string   `json:"name" doc:"Of the file or wave."`
	Rows     *int     `json:"rows" doc:"Rows with answers; null where that would tell how small a group is."`
	Accepted *int     `json:"accepted" doc:"Rows that count."`
	Filtered *int     `json:"filtered" doc:"Rows that a map leaves out."`
	Rejected *int     `json:"rejected" doc:"Rows that were refused."`
}

type apiPeer struct {
	_      struct{} `additionalProperties:"true"`
	Item   string   `json:"item" doc:"The code of the segment."`
	Option string   `json:"option" doc:"The code of its value."`
	Rest   bool     `json:"rest" doc:"Everybody else instead."`
}

type apiEntry struct {
	_          struct{} `additionalProperties:"true"`
	Code       string   `json:"code" doc:"Of the option or row."`
	Text       string   `json:"text" doc:"What it says."`
	Count      *int     `json:"count" doc:"People; null, as all figures, where they are withheld."`
	N          *int     `json:"n" doc:"Of so many."`
	EffectiveN *float64 `json:"effective_n" doc:"What those are worth after weighting."`
	Share      *float64 `json:"share" minimum:"0" maximum:"1" doc:"Their share."`
	Low        *float64 `json:"low" minimum:"0" maximum:"1" doc:"Of its interval."`
	High       *float64 `json:"high" minimum:"0" maximum:"1" doc:"Of its interval."`
	Mean       *float64 `json:"mean" doc:"Of a rating."`
	CannotSay  int      `json:"cannot_say" doc:"People who could not say."`
	Withheld   bool     `json:"withheld" doc:"There are no figures, to protect people."`
	Rank       int      `json:"rank,omitempty" doc:"Its rank."`
	RankLow    int      `json:"rank_low,omitempty" doc:"Of the ranks that it can have, all options at once."`
	RankHigh   int      `json:"rank_high,omitempty" doc:"Of the same."`
	Tied       bool     `json:"tied" doc:"Another has the same rank."`
}

type apiRule struct {
	_      struct{}       `additionalProperties:"true"`
	Rule   string         `json:"rule" doc:"The rule."`
	Values []apiRuleValue `json:"values" doc:"Every option."`
}

type apiRuleValue struct {
	_     struct{} `additionalProperties:"true"`
	Code  string   `json:"code" doc:"Of the option."`
	Value *float64 `json:"value" doc:"By which it is ranked."`
	Low   *float64 `json:"low" doc:"Of its interval."`
	High  *float64 `json:"high" doc:"Of its interval."`
	Rank  int      `json:"rank" doc:"Its rank."`
	Tied  bool     `json:"tied" doc:"Another has the same rank."`
}

// APIApart is a figure on both sides, and how far the two are apart; see [APIList].
type APIApart struct {
	External   *float64 `json:"external" doc:"The figure outside."`
	Internal   *float64 `json:"internal" doc:"The figure inside."`
	Difference *float64 `json:"difference" doc:"Internal minus external."`
	Low        *float64 `json:"low" doc:"Of the interval of the difference."`
	High       *float64 `json:"high" doc:"Of the same."`
	P          *float64 `json:"p" doc:"Of the test of no difference."`
}

type apiDifference struct {
	_    struct{} `additionalProperties:"true"`
	Code string   `json:"code" doc:"Of the option or row."`
	Text string   `json:"text" doc:"What it says."`
	APIApart
	PAdjusted  *float64 `json:"p_adjusted" doc:"Adjusted for the number of options."`
	Verdict    string   `json:"verdict" enum:"different,small,same,unknown" doc:"What can be said: “small” is different but small, “same” practically the same, “unknown” that the data cannot tell."`
	Withheld   bool     `json:"withheld" doc:"A side does not show it, to protect people: figures are null, and the verdict is unknown."`
	Detectable *float64 `json:"detectable" doc:"The smallest difference that could have been seen."`
	Higher     *float64 `json:"higher" doc:"The chance that the side that looks higher is."`
	CohenH     *float64 `json:"cohen_h" doc:"The size of the difference."`
	Method     string   `json:"method" doc:"The name of the method."`
	Sentence   string   `json:"sentence" doc:"The finding in words."`
}

type apiPairs struct {
	_            struct{} `additionalProperties:"true"`
	Pairs        int      `json:"pairs" doc:"People who answered on both sides."`
	OnlyExternal int      `json:"only_external" doc:"People who answered outside only."`
	OnlyInternal int      `json:"only_internal" doc:"People who answered inside only."`
}

type apiListsAlike struct {
	_            struct{} `additionalProperties:"true"`
	TauB         *float64 `json:"tau_b" doc:"Kendall's rank correlation."`
	TauLow       *float64 `json:"tau_expected_low" doc:"Where it would lie if both sides were the same people."`
	TauHigh      *float64 `json:"tau_expected_high" doc:"The same."`
	RBO          *float64 `json:"rbo" doc:"Rank-biased overlap."`
	RBOP         *float64 `json:"rbo_p" doc:"Its parameter."`
	RBOChance    *float64 `json:"rbo_chance" doc:"What it would be by chance."`
	Overlap      *float64 `json:"overlap" doc:"Of the upper ends of both lists."`
	GlobalP      *float64 `json:"global_p" doc:"Of the test that nothing differs."`
	GlobalMethod string   `json:"global_method" doc:"Its name."`
}

type apiEmphasisOfItem struct {
	_ struct{} `additionalProperties:"true"`
	APIApart
	Items []apiEmphasisOfOption `json:"items" doc:"Every option."`
}

type apiEmphasisOfOption struct {
	_    struct{} `additionalProperties:"true"`
	Code string   `json:"code" doc:"Of the option."`
	APIApart
	PAdjusted *float64 `json:"p_adjusted" doc:"Adjusted for the number of options."`
}

// orNull is a T that may be null.
type orNull[T any] struct{ value *T }

// UnmarshalJSON reads a T or null.
func (n *orNull[T]) UnmarshalJSON(src []byte) error { return json.Unmarshal(src, &n.value) }

// MarshalJSON writes a T or null.
func (n orNull[T]) MarshalJSON() ([]byte, error) { return json.Marshal(n.value) }

// Schema describes it, for huma.
func (orNull[T]) Schema(r huma.Registry) *huma.Schema {
	return &huma.Schema{AnyOf: []*huma.Schema{r.Schema(reflect.TypeFor[T](), true, ""), {Type: "null"}}}
}

// divergenceResponse describes the answer, with one that is withheld for an example: it is short.
func divergenceResponse() map[string]*huma.Response {
	side := func(name string) apiSide {
		return apiSide{File: apiSource{Name: name}, Ranking: []apiEntry{}, Unranked: []apiEntry{}, Rules: []apiRule{}}
	}
	why := "Fewer than 5 people of the internal side are counted, so nothing is shown."
	return answered(http.StatusOK, "The comparison.", apiComparison{
		Item: "expectations", Kind: "multi", Question: "Which of these matter most to you?", Rule: "share of people who picked the option",
		Top: 3, Level: 0.95, Margin: 0.1, Sentence: why, Notes: []string{}, Withheld: &why,
		External: side("Customers, spring"), Internal: side("Employees, spring"), Items: []apiDifference{},
	})
}
