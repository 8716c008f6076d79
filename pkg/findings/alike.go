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
	Item   survey.ItemCode
	Reason string
}

func (e *NotAlikeError) Error() string {
	return fmt.Sprintf("%s cannot be compared: %s", e.Item, e.Reason)
}

// Alike returns a [*NotAlikeError] unless the question of both tables is of one kind, with the same options,
// the same limit to the picks and the same scale. Wording and order of the options may differ, and so may
// whether "cannot say" was offered.
func Alike(external, internal *tally.Table) error {
	reason := difference(external, internal)
	if reason == "" {
		return nil
	}
	return &NotAlikeError{external.Item.Code, reason}
}

// difference names the first thing that is not alike, or nothing.
func difference(external, internal *tally.Table) string {
	out, in := external.Item, internal.Item
	if out.Kind == in.Kind && out.Kind == survey.Rank && out.Max == in.Max && external.Top != internal.Top {
		return fmt.Sprintf("the first %d are counted outside, and the first %d inside", external.Top, internal.Top)
	}
	if out.Kind != in.Kind {
		return fmt.Sprintf("it is %s outside and %s inside", out.Kind.AnItem(), in.Kind.AnItem())
	}
	if reason := oneSided(external.Options, internal.Options, "external"); reason != "" {
		return reason
	}
	if reason := oneSided(internal.Options, external.Options, "internal"); reason != "" {
		return reason
	}
	switch out.Kind {
	case survey.Multi, survey.Rank:
		if out.Min != in.Min || out.Max != in.Max {
			return fmt.Sprintf("between %d and %d options may be given outside, and between %d and %d inside", out.Min, out.Max, in.Min, in.Max)
		}
	case survey.Rating:
		a, b := out.Scale, in.Scale
		if a.Min != b.Min || a.Max != b.Max || a.Top != b.Top {
			return fmt.Sprintf("its scale is %s outside and %s inside", scaleInWords(a), scaleInWords(b))
		}
	case survey.Single, survey.Number, survey.NPS, survey.Text, survey.Matrix:
	}
	return ""
}

// oneSided names an option of one list that the other does not have, or has as another sort.
func oneSided(options, others []survey.Option, side string) string {
	for _, o := range options {
		at := slices.IndexFunc(others, func(p survey.Option) bool { return p.Code == o.Code })
		switch {
		case at < 0:
			return fmt.Sprintf("only the %s list has the option %q", side, o.Code)
		case o.Exclusive && !others[at].Exclusive:
			return fmt.Sprintf("the option %q is exclusive only in the %s list", o.Code, side)
		case o.Other && !others[at].Other:
			return fmt.Sprintf("the option %q is an answer of one's own, and out of the ranking, only in the %s list", o.Code, side)
		}
	}
	return ""
}

func scaleInWords(s *survey.Scale) string {
	return fmt.Sprintf("%d to %d with %d in the top box", s.Min, s.Max, s.Top)
}
