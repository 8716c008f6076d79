package fieldwork

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"strings"

	"cxmirror/pkg/survey"
)

// segments looks at what results will be split by.
func (c *checker) segments() {
	c.reportedKnown()
	for _, key := range c.plan.Attributes {
		a, known := c.read[key]
		switch {
		case !known:
			c.add(Finding{Severity: Stop, Key: AttributeUnknown, Attribute: key})
			continue
		case a.Type != survey.TextAttribute && len(a.bands) == 0:
			c.add(Finding{Severity: Stop, Key: AttributeNoGroups, Attribute: key})
			continue
		}
		if c.splitTwice(&a.Attribute) {
			c.add(Finding{Severity: Warn, Key: AttributeIsItem, Attribute: key})
		}
		if !c.plan.OpenOnly {
			c.groups(a)
		}
	}
	c.groupsOfPlan()
	if c.plan.OpenOnly {
		return
	}
	for _, a := range c.attributes {
		if slices.Contains(c.plan.Attributes, a.Key) && c.splitTwice(&a) {
			continue // was said
		}
		if item, asked := c.asks(&a); asked {
			c.add(Finding{Severity: Note, Key: AskedAndKnown, Attribute: a.Key, Names: []string{string(item.Code)}})
		}
	}
}

// splitTwice reports whether results are split by the background item, too, that asks for what an attribute says.
func (c *checker) splitTwice(a *survey.Attribute) bool {
	item, asked := c.asks(a)
	return asked && slices.Contains(c.splitCodes(), item.Code)
}

// splitCodes returns the codes that results are split by, also where that is every background item.
func (c *checker) splitCodes() []survey.ItemCode {
	if codes := c.plan.reportedCodes(c.questionnaire); codes != nil {
		return codes
	}
	return reported(c.w, c.questionnaire)
}

// asks returns the background item that asks for what an attribute says, by their codes and names.
func (c *checker) asks(a *survey.Attribute) (*survey.Item, bool) {
	for i := range c.questionnaire.Items {
		item := &c.questionnaire.Items[i]
		if !item.Background {
			continue
		}
		if strings.EqualFold(string(item.Code), a.Key) || strings.EqualFold(string(item.Code), a.Name) {
			return item, true
		}
		for _, text := range item.Text {
			if strings.EqualFold(strings.TrimRight(text, "?: "), a.Name) {
				return item, true
			}
		}
	}
	return nil, false
}

// reportedKnown looks whether everything that results are to be split by is known to anybody.
func (c *checker) reportedKnown() {
	var unknown []string
	codes := c.plan.reportedCodes(c.questionnaire)
	for _, code := range codes {
		item, asked := c.questionnaire.Item(code)
		panel := slices.ContainsFunc(c.plan.Attributes, func(key string) bool { return segmentCode(key, c.questionnaire) == code })
		if !panel && (!asked || !item.Background) {
			unknown = append(unknown, string(code))
		}
	}
	if len(unknown) > 0 {
		c.add(Finding{Severity: Stop, Key: ReportedUnknown, Names: unknown})
	}
	if c.w.Mode != survey.Anonymous || codes == nil {
		return
	}
	var dropped []string
	for _, code := range unreported(c.questionnaire, codes) {
		dropped = append(dropped, string(code))
	}
	if len(dropped) > 0 {
		c.add(Finding{Severity: Warn, Key: BackgroundDropped, Names: dropped})
	}
}

// groups looks at the groups of one attribute.
func (c *checker) groups(a *panelAttribute) {
	sizes, unknown := groupSizes(c.audience.invited, a)
	g := AttributeGroups{Attribute: a.Key, Name: a.Name, Values: sizes, Unknown: unknown}
	var small, risky []string
	enough := 0
	for _, size := range sizes {
		switch {
		case size.People < c.k:
			g.Small += size.People
			small = append(small, size.Name)
		case 6*size.People < 10*c.k: // three in five answer
			risky = append(risky, size.Name)
			enough++
		default:
			enough++
		}
	}
	c.findings.Groups = append(c.findings.Groups, g)
	n := len(c.audience.invited)
	if enough > maxSegmentValues {
		c.add(Finding{Severity: Stop, Key: AttributeManyValues, Attribute: a.Key, Count: enough, Of: maxSegmentValues})
	}
	if c.w.Mode != survey.Identified && len(small) > 0 {
		f := Finding{Severity: Warn, Key: GroupsSmall, Attribute: a.Key, Count: g.Small, Of: c.k, Affected: n, Names: small}
		if len(a.bands) == 0 { // bands are cut elsewhere, not merged: those that are small need not be neighbours
			f.Merge = proposeMerge(a.Key, sizes, c.k)
		}
		c.add(f)
	}
	if c.w.Mode != survey.Identified && len(risky) > 0 {
		c.add(Finding{Severity: Note, Key: GroupsAtRisk, Attribute: a.Key, Count: len(risky), Of: c.k, Names: risky})
	}
	if unknown > 0 {
		c.add(Finding{Severity: Note, Key: GroupUnknown, Attribute: a.Key, Count: unknown, Of: n})
	}
}

// groupSizes counts people by what is reported of them, the largest group first.
func groupSizes(people []survey.Person, a *panelAttribute) (sizes []GroupSize, unknown int) {
	counts := make(map[survey.OptionCode]*GroupSize)
	for i := range people {
		v, known := a.of(&people[i])
		if !known {
			unknown++
			continue
		}
		if counts[v.code] == nil {
			counts[v.code] = &GroupSize{Name: v.name, value: v}
		}
		counts[v.code].People++
	}
	for _, size := range counts {
		sizes = append(sizes, *size)
	}
	slices.SortFunc(sizes, func(a, b GroupSize) int {
		return cmp.Or(cmp.Compare(b.People, a.People), cmp.Compare(a.Name, b.Name), cmp.Compare(a.value.code, b.value.code))
	})
	return sizes, unknown
}

// proposeMerge returns groups that would be at least k people each: the smallest is joined with the next
// smallest until none is too small. Only joined groups are returned; it is none if all together are too few.
func proposeMerge(attribute string, sizes []GroupSize, k int) []Group {
	type heap struct {
		people int
		parts  []GroupSize
	}
	heaps := make([]heap, len(sizes))
	for i, size := range sizes {
		heaps[i] = heap{size.People, []GroupSize{size}}
	}
	for len(heaps) > 1 {
		slices.SortStableFunc(heaps, func(a, b heap) int { return cmp.Compare(a.people, b.people) })
		if heaps[0].people >= k {
			break
		}
		heaps[1] = heap{heaps[0].people + heaps[1].people, append(heaps[1].parts, heaps[0].parts...)}
		heaps = heaps[1:]
	}
	var groups []Group
	for _, h := range heaps {
		if len(h.parts) < 2 || h.people < k {
			continue
		}
		g := Group{Attribute: attribute}
		names := make([]string, len(h.parts))
		for i, part := range h.parts {
			names[i] = part.Name
			g.Values = append(g.Values, part.value.ids...)
		}
		slices.Sort(names)
		slices.Sort(g.Values)
		g.Name = joinNames(names)
		groups = append(groups, g)
	}
	slices.SortFunc(groups, func(a, b Group) int { return cmp.Compare(a.Name, b.Name) })
	return groups
}

// joinNames returns "Legal + Audit"; of many, the first ones.
func joinNames(names []string) string {
	const most = 4
	if len(names) > most {
		return strings.Join(names[:most-1], " + ") + " + …"
	}
	return strings.Join(names, " + ")
}

// groupsOfPlan looks whether the values that are to be reported as one exist, and stand in one group each.
func (c *checker) groupsOfPlan() {
	seen := make(map[string]map[int64]bool)
	for _, g := range c.plan.Groups {
		a, known := c.read[g.Attribute]
		var wrong []string
		if !known || strings.TrimSpace(g.Name) == "" || !slices.Contains(c.plan.Attributes, g.Attribute) {
			wrong = append(wrong, g.Name)
		}
		if seen[g.Attribute] == nil {
			seen[g.Attribute] = make(map[int64]bool)
		}
		for _, id := range g.Values {
			exists := known && slices.ContainsFunc(a.Values, func(v survey.AttributeValue) bool { return v.ID == id })
			if (!exists || seen[g.Attribute][id]) && !slices.Contains(wrong, g.Name) {
				wrong = append(wrong, g.Name)
			}
			seen[g.Attribute][id] = true
		}
		if len(wrong) > 0 {
			c.add(Finding{Severity: Stop, Key: GroupsWrong, Attribute: g.Attribute, Names: wrong})
		}
	}
}

// combinations looks at how many people of an anonymous wave would be seen with less than what is reported,
// because fewer than the threshold share it.
func (c *checker) combinations() {
	n := len(c.audience.invited)
	if c.w.Mode != survey.Anonymous || n < c.k || len(c.plan.Attributes) < 2 {
		return
	}
	lonely := func(without string) int {
		classes := make(map[string]int)
		for i := range c.audience.invited {
			classes[c.panelProfile(&c.audience.invited[i], without).key()]++
		}
		lonely := 0
		for _, size := range classes {
			if size < c.k {
				lonely += size
			}
		}
		return lonely
	}
	now := lonely("")
	if now == 0 {
		return
	}
	// Of the attributes whose leaving out helps most, the least important.
	best, least := "", now
	for _, key := range slices.Backward(c.attributesByImportance()) {
		if left := lonely(key); left < least {
			best, least = key, left
		}
	}
	c.add(Finding{Severity: Warn, Key: CombinationsSmall, Attribute: best, Count: now, Of: n, Affected: least})
}

// splits looks whether an anonymous wave would be split into so many combinations that few of them could have as
// many answers as the threshold, so that most answers are published without the less important of the splits.
func (c *checker) splits() {
	if c.w.Mode != survey.Anonymous || len(c.audience.invited) == 0 {
		return
	}
	const most = 1 << 20 // more are not told apart
	combinations := 1
	for _, key := range c.plan.Attributes {
		values := make(map[survey.OptionCode]bool)
		if a, known := c.read[key]; known {
			for i := range c.audience.invited {
				if v, ok := a.of(&c.audience.invited[i]); ok {
					values[v.code] = true
				}
			}
		}
		combinations = min(combinations*max(len(values), 1), most)
	}
	for _, code := range c.splitCodes() {
		if item, ok := c.questionnaire.Item(code); ok {
			combinations = min(combinations*max(len(item.Options), 1), most)
		}
	}
	expected := len(c.audience.invited) * 6 / 10
	if combinations > 1 && expected < combinations*c.k {
		c.add(Finding{Severity: Warn, Key: TooManySplits, Of: combinations, Affected: expected})
	}
}

// panelProfile returns what attributes will say of a person, but for one of them.
func (c *checker) panelProfile(person *survey.Person, without string) profile {
	var p profile
	for _, key := range c.attributesByImportance() {
		value := ""
		if a, known := c.read[key]; known && key != without {
			if v, ok := a.of(person); ok {
				value = string(v.code)
			}
		}
		p = append(p, value)
	}
	return p
}

// attributesByImportance returns the keys of the attributes in the order in which they will be reported.
func (c *checker) attributesByImportance() []string {
	order := c.plan.reportedCodes(c.questionnaire)
	keys := slices.Clone(c.plan.Attributes)
	slices.SortStableFunc(keys, func(a, b string) int {
		return cmp.Compare(slices.Index(order, segmentCode(a, c.questionnaire)), slices.Index(order, segmentCode(b, c.questionnaire)))
	})
	return keys
}

// frozen is what a launch writes of those invited: the segments, and for each person the values.
type frozen struct {
	segments   []survey.Segment
	attributes []map[survey.ItemCode]survey.OptionCode // by person, as invited
}

// freeze returns what will be known of those invited from now on, whatever becomes of the panel. In an anonymous
// wave each shares all of it with at least k-1 others ([coarsen]). In a confidential one each shares every single
// value with as many: there its combinations are protected where results are shown, and to leave managers out
// of "managers" because their department is small would protect nobody.
func (c *checker) freeze(random *rand.Rand) frozen {
	keys := c.attributesByImportance()
	people := make([]profile, len(c.audience.invited))
	for i := range c.audience.invited {
		people[i] = c.panelProfile(&c.audience.invited[i], "")
	}
	switch {
	case c.w.Mode == survey.Anonymous:
		people = coarsen(people, c.k, random)
	case c.w.Protects():
		people = coarsenEach(people, c.k, random)
	}
	f := frozen{attributes: make([]map[survey.ItemCode]survey.OptionCode, len(c.audience.invited))}
	for i := range f.attributes {
		f.attributes[i] = make(map[survey.ItemCode]survey.OptionCode)
	}
	for at, key := range keys {
		a := c.read[key]
		used := make(map[survey.OptionCode]bool)
		for i := range people {
			if code := survey.OptionCode(people[i][at]); code != "" {
				f.attributes[i][a.code] = code
				used[code] = true
			}
		}
		s := survey.Segment{Code: a.code, Text: survey.Words{survey.English: cmp.Or(strings.TrimSpace(a.Name), a.Key)}, Values: a.options(used)}
		f.segments = append(f.segments, s)
	}
	return f
}

// coarsenEach applies [coarsen] to each segment by itself.
func coarsenEach(people []profile, k int, random *rand.Rand) []profile {
	if len(people) == 0 {
		return nil
	}
	visible := make([]profile, len(people))
	for i := range visible {
		visible[i] = make(profile, len(people[i]))
	}
	for at := range people[0] {
		one := make([]profile, len(people))
		for i := range people {
			one[i] = profile{people[i][at]}
		}
		for i, p := range coarsen(one, k, random) {
			visible[i][at] = p[0]
		}
	}
	return visible
}
