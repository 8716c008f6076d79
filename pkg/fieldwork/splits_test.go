package fieldwork

import (
	"slices"
	"testing"

	"cxmirror/pkg/survey"
)

// TestProposeSplits: an anonymous wave is split by what holds the threshold everywhere, and nothing that is proposed
// makes the check complain of small groups or too many splits, unless it proposes to merge.
func TestProposeSplits(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name        string
		departments []string
		change      func(f *facts)
		attributes  []string
		items       int // background items among what is reported
	}{
		{"large departments, one manager in each", []string{"sales 40", "support 30", "finance 20"}, nil, []string{"dept"}, 0},
		{"large departments, as many managers", []string{"sales 60", "support 60"}, func(f *facts) {
			for i := range f.people {
				f.people[i].Attributes["grade"] = []string{"staff", "manager"}[i%2]
			}
		}, []string{"dept", "grade"}, 0},
		{"many people", []string{"sales 4000", "support 4000"}, nil, []string{"dept"}, 1},
		{"one small department", []string{"sales 40", "support 30", "legal 4"}, nil, []string{"dept"}, 0},
		{"all small", []string{"sales 4", "support 4", "legal 4"}, nil, nil, 0},
		{"nobody by name", nil, func(f *facts) { f.plan.OpenOnly, f.plan.Wave.OpenLink = true, true }, nil, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := soundFacts(t)
			f.plan.Wave.Mode = survey.Anonymous
			f.people, f.attributes = panel(t, tt.departments...)
			if tt.change != nil {
				tt.change(&f)
			}
			f.plan.Attributes, f.plan.Wave.Reported = nil, []survey.ItemCode{}
			newChecker(f).proposeSplits()
			items := 0
			for _, code := range f.plan.Wave.Reported {
				if _, ok := f.questionnaire.Item(code); ok {
					items++
				}
			}
			if !slices.Equal(f.plan.Attributes, tt.attributes) || items != tt.items || len(f.plan.Wave.Reported) != items+len(tt.attributes) {
				t.Errorf("proposed: attributes %v, reported %v; want %v and %d items", f.plan.Attributes, f.plan.Wave.Reported, tt.attributes, tt.items)
			}
			found, err := check(f)
			if err != nil {
				t.Fatal(err)
			}
			if many, ok := found.Find(TooManySplits); ok && !f.plan.OpenOnly {
				t.Errorf("of its own proposal the check says %+v", many)
			}
			if small, ok := found.Find(GroupsSmall); ok && len(small.Merge) == 0 {
				t.Errorf("of its own proposal the check says %+v", small)
			}
		})
	}
}
