package fieldwork

import (
	"context"
	"fmt"
	"slices"

	"cxmirror/pkg/survey"
)

// How many splits are proposed for an anonymous wave, of attributes of how many groups, and which part of the people
// may be in groups that are too small, and are to be merged, where no attribute holds everywhere.
const (
	proposedSplits   = 2
	proposedGroups   = 20
	smallAtMost      = 5 // one in
	answering, outOf = 6, 10
)

// ProposeSplits sets what the results of a planned anonymous wave are split by, before anybody has chosen: at most
// two of what the panel knows or the questionnaire asks, the panel first, such that with three in five answering
// every combination would have as many answers as the threshold. What an anonymous wave is not split by it does not
// publish, and with many splits it publishes late and in coarse groups ([TooManySplits]). If no attribute of the panel
// holds everywhere, it is one of which few people are in groups that are too small, for which [Service.Check] proposes
// to merge them.
func (s *Service) ProposeSplits(ctx context.Context, plan *Plan) error {
	f, err := s.facts(ctx, plan)
	if err != nil {
		return fmt.Errorf("propose what wave %d is split by: %w", plan.Wave.ID, err)
	}
	plan.Attributes, plan.Wave.Reported = nil, []survey.ItemCode{}
	newChecker(f).proposeSplits()
	return nil
}

func (c *checker) proposeSplits() {
	p := c.plan
	combinations := 1
	holds := func(groups int) bool {
		return combinations*groups*c.k*outOf <= len(c.audience.invited)*answering
	}
	nearly := ""
	for _, attribute := range c.attributes {
		a := c.read[attribute.Key]
		sizes, _ := groupSizes(c.audience.invited, a)
		if a.Type != survey.TextAttribute && len(a.bands) == 0 || len(sizes) < 2 || len(sizes) > proposedGroups || len(p.Attributes) == proposedSplits {
			continue
		}
		small := 0
		for _, size := range sizes {
			if size.People*answering < c.k*outOf {
				small += size.People
			}
		}
		if nearly == "" && small > 0 && small*smallAtMost <= len(c.audience.invited) {
			nearly = a.Key
		}
		if holds(len(sizes)) && c.holdsWith(a.Key) {
			p.Attributes = append(p.Attributes, a.Key)
			p.Wave.Reported = append(p.Wave.Reported, a.code)
			combinations *= len(sizes)
		}
	}
	for i := range c.questionnaire.Items {
		item := &c.questionnaire.Items[i]
		if !item.Background || item.Kind != survey.Single || len(p.Wave.Reported) == proposedSplits || c.isKnown(item) {
			continue
		}
		if p.OpenOnly && len(p.Wave.Reported) == 0 || holds(len(item.Options)) { // of an open link nobody knows how many come
			p.Wave.Reported = append(p.Wave.Reported, item.Code)
			combinations *= len(item.Options)
		}
	}
	if len(p.Attributes) == 0 && nearly != "" {
		p.Attributes, p.Wave.Reported = []string{nearly}, []survey.ItemCode{c.read[nearly].code}
	}
}

// holdsWith reports whether all combinations of the plan's attributes and one more would have enough answers, also
// those of people of whom something is not known.
func (c *checker) holdsWith(key string) bool {
	keys := append(slices.Clone(c.plan.Attributes), key)
	classes := make(map[string]int)
	for i := range c.audience.invited {
		var p profile
		for _, key := range keys {
			v, _ := c.read[key].of(&c.audience.invited[i])
			p = append(p, string(v.code))
		}
		classes[p.key()]++
	}
	for _, people := range classes {
		if people*answering < c.k*outOf {
			return false
		}
	}
	return true
}

// isKnown reports whether an item asks for what an attribute that the plan reports says.
func (c *checker) isKnown(item *survey.Item) bool {
	return slices.ContainsFunc(c.plan.Attributes, func(key string) bool {
		asked, ok := c.asks(&c.read[key].Attribute)
		return ok && asked.Code == item.Code
	})
}
