package findings

import (
	"fmt"
	"slices"

	"cxmirror/pkg/survey"
	"cxmirror/pkg/tally"
)

// NotAlikeError says that two answers cannot be compared, because the question was not put alike: what looks
// like a difference between people would be one between questions.
type NotAlikeError struct {
	Item survey.ItemCode
	Says survey.Saying // what is not alike
}

func (e *NotAlikeError) Error() string {
	return fmt.Sprintf("%s cannot be compared: %s", e.Item, e.Says)
}

// Alike returns a [*NotAlikeError] unless the question of both tables is of one kind, with the same options,
// the same limit to the picks and the same scale. Wording and order of the options may differ, and so may
// whether "cannot say" was offered.
func Alike(external, internal *tally.Table) error {
	says := difference(external, internal)
	if says.Key == "" {
		return nil
	}
	return &NotAlikeError{external.Item.Code, says}
}

// difference names the first thing that is not alike, or nothing.
func difference(external, internal *tally.Table) survey.Saying {
	out, in := external.Item, internal.Item
	if out.Kind == in.Kind && out.Kind == survey.Rank && out.Max == in.Max && external.Top != internal.Top {
		return survey.Say("tops", "the first %d are counted outside, and the first %d inside", "External", external.Top, "Internal", internal.Top)
	}
	if out.Kind != in.Kind {
		return survey.Say("kinds", "it is %s outside and %s inside",
			"External", survey.Say("kind_"+string(out.Kind), out.Kind.AnItem()), "Internal", survey.Say("kind_"+string(in.Kind), in.Kind.AnItem()))
	}
	if says := oneSided(external.Options, internal.Options, "external"); says.Key != "" {
		return says
	}
	if says := oneSided(internal.Options, external.Options, "internal"); says.Key != "" {
		return says
	}
	switch out.Kind {
	case survey.Multi, survey.Rank:
		if out.Min != in.Min || out.Max != in.Max {
			return survey.Say("picks", "between %d and %d options may be given outside, and between %d and %d inside",
				"ExternalMin", out.Min, "ExternalMax", out.Max, "InternalMin", in.Min, "InternalMax", in.Max)
		}
	case survey.Rating:
		a, b := out.Scale, in.Scale
		if a.Min != b.Min || a.Max != b.Max || a.Top != b.Top {
			return survey.Say("scales", "its scale is %s outside and %s inside", "External", scaleInWords(a), "Internal", scaleInWords(b))
		}
	case survey.Single, survey.Number, survey.NPS, survey.Text, survey.Matrix:
	}
	return survey.Saying{}
}

// oneSided names an option of one list that the other does not have, or has as another sort. Side is external or
// internal.
func oneSided(options, others []survey.Option, side string) survey.Saying {
	for _, o := range options {
		at := slices.IndexFunc(others, func(p survey.Option) bool { return p.Code == o.Code })
		switch {
		case at < 0:
			return survey.Say("option_only_"+side, "only the "+side+" list has the option %q", "Option", o.Code)
		case o.Exclusive && !others[at].Exclusive:
			return survey.Say("option_exclusive_"+side, "the option %q is exclusive only in the "+side+" list", "Option", o.Code)
		case o.Other && !others[at].Other:
			return survey.Say("option_other_"+side, "the option %q is an answer of one's own, and out of the ranking, only in the "+side+" list", "Option", o.Code)
		}
	}
	return survey.Saying{}
}

func scaleInWords(s *survey.Scale) survey.Saying {
	return survey.Say("scale", "%d to %d with %d in the top box", "Min", s.Min, "Max", s.Max, "Top", s.Top)
}
