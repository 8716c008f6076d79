package main

import (
	"cmp"
	_ "embed" // for the comments
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"

	"cxmirror/pkg/survey"
)

// population is a group of made-up people who answer a bundled questionnaire. They are made up so that what
// they answer looks like what people answer: tastes differ around what matters on average, an order follows
// from the same tastes as the picks, grades of one person hang together, some questions are left out, and who
// is asked depends on what was answered before. Equal seeds give equal answers.
type population struct {
	seed     uint64
	audience survey.Audience
	language survey.Language
	people   int

	worth      map[survey.OptionCode]float64 // by expectation, how much it matters to the average person
	grades     map[survey.OptionCode]float64 // by expectation, how well it goes, as points of 1 to 5
	unknowable map[survey.OptionCode]float64 // by expectation, the share of people who cannot say
	shares     map[survey.ItemCode][]lot     // of single items: how often each option is chosen
	leanings   map[group][]leaning           // what matters more, or less, to a group
	moods      map[group]float64             // by how much a group grades better
}

type lot struct {
	option survey.OptionCode
	share  float64
}

// group is the people who choose one option of a single item.
type group struct {
	item   survey.ItemCode
	option survey.OptionCode
}

type leaning struct {
	option survey.OptionCode
	worth  float64
}

// person is one of a population while she answers.
type person struct {
	*population

	random   *rand.Rand
	mood     float64                               // points by which she grades higher than others
	careless bool                                  // gives every row the same grade
	chosen   map[survey.ItemCode]survey.OptionCode // what she is: known before she is asked
	worth    map[survey.OptionCode]float64
	worst    survey.OptionCode // what she graded lowest
	grade    float64           // the mean of her grades
}

// How people treat questions, in shares. Of 100 who are asked to pick up to three, 74 pick three.
const (
	picksThree, picksTwo, picksOne, picksNone = 0.74, 0.16, 0.07, 0.02 // the rest leave it out
	leavesOrder, leavesRow, leavesSingle      = 0.04, 0.02, 0.015
	leavesBackground                          = 0.04 // what tells of oneself
	careless                                  = 0.03
	comments                                  = 0.22
)

// commentFile holds what people write, by language, audience and what bothers them.
//
//go:embed demo/comments.json
var commentFile []byte

// remarks are the comments of one audience in one language, by the expectation that is met worst.
type remarks map[survey.OptionCode][]string

func loadRemarks(lang survey.Language, audience survey.Audience) (remarks, error) {
	var all map[survey.Language]map[survey.Audience]remarks
	if err := json.Unmarshal(commentFile, &all); err != nil {
		return nil, fmt.Errorf("simulated comments: %w", err)
	}
	return all[lang][audience], nil
}

// answers yields the answers of everybody, each read page by page as the service reads them.
func (p *population) answers(q *survey.Questionnaire) ([]survey.Answers, error) {
	said, err := loadRemarks(p.language, p.audience)
	if err != nil {
		return nil, err
	}
	random := rand.New(rand.NewPCG(p.seed, uint64(p.people))) //nolint:gosec // seeded on purpose: every demonstration shows the same figures
	everybody := make([]survey.Answers, p.people)
	for i := range everybody {
		if everybody[i], err = p.person(random).answer(q, said); err != nil {
			return nil, fmt.Errorf("simulated person %d: %w", i+1, err)
		}
	}
	return everybody, nil
}

func (p *population) person(random *rand.Rand) *person {
	someone := &person{
		population: p, random: random, mood: 0.55 * random.NormFloat64(), careless: random.Float64() < careless,
		chosen: make(map[survey.ItemCode]survey.OptionCode, len(p.shares)),
		worth:  make(map[survey.OptionCode]float64, len(p.worth)),
	}
	// In a fixed order, since everything costs a draw.
	for _, option := range slices.Sorted(maps.Keys(p.worth)) {
		someone.worth[option] = p.worth[option] + someone.gumbel()
	}
	for _, item := range slices.Sorted(maps.Keys(p.shares)) {
		rest := random.Float64()
		for _, l := range p.shares[item] {
			if rest -= l.share; rest < 0 {
				someone.belong(group{item, l.option})
				break
			}
		}
	}
	return someone
}

// belong makes her one of a group.
func (p *person) belong(to group) {
	p.chosen[to.item] = to.option
	p.mood += p.moods[to]
	for _, lean := range p.leanings[to] {
		p.worth[lean.option] += lean.worth
	}
}

// gumbel draws from Gumbel's distribution: whoever picks the largest of worth plus such a draw picks in
// proportion to exp(worth), which is the model of Plackett and Luce.
func (p *person) gumbel() float64 { return -math.Log(-math.Log(1 - p.random.Float64())) }

func (p *person) answer(q *survey.Questionnaire, said remarks) (survey.Answers, error) {
	answers := q.NewAnswers()
	last := q.Items[len(q.Items)-1].Page
	for page := 1; page <= last; page++ {
		form := map[string][]string{}
		for i := range q.Items {
			it := &q.Items[i]
			if it.Page == page && answers.Asked(it.Code) {
				p.fill(form, it, answers, said)
			}
		}
		var err error
		if answers, err = q.ReadPage(page, form, answers); err != nil {
			return answers, err
		}
	}
	return answers, nil
}

// fill answers one item.
func (p *person) fill(form map[string][]string, it *survey.Item, before survey.Answers, said remarks) {
	switch it.Kind {
	case survey.Single:
		p.choose(form, it)
	case survey.Multi:
		p.pick(form, it)
	case survey.Rank:
		p.order(form, it, before)
	case survey.Rating:
		p.rate(form, it)
	case survey.NPS:
		if p.random.Float64() >= leavesSingle {
			form[string(it.Code)] = []string{strconv.Itoa(p.point(2.2*p.overall()-0.6+1.1*p.random.NormFloat64(), 0, 10))}
		}
	case survey.Text:
		p.comment(form, it, said)
	case survey.Number, survey.Matrix:
		// No bundled questionnaire asks for these, and one that is made later can leave them out.
	}
}

func (p *person) choose(form map[string][]string, it *survey.Item) {
	option, ok := p.chosen[it.Code]
	if ok && (it.Required || p.random.Float64() >= leavesBackground) {
		form[string(it.Code)] = []string{string(option)}
	}
}

// byWorth returns options, those that matter most to her first.
func (p *person) byWorth(options []survey.OptionCode) []survey.OptionCode {
	slices.SortStableFunc(options, func(a, b survey.OptionCode) int { return cmp.Compare(p.worth[b], p.worth[a]) })
	return options
}

func (p *person) pick(form map[string][]string, it *survey.Item) {
	n := 0
	switch draw := p.random.Float64(); {
	case draw < picksThree:
		n = 3
	case draw < picksThree+picksTwo:
		n = 2
	case draw < picksThree+picksTwo+picksOne:
		n = 1
	case draw < picksThree+picksTwo+picksOne+picksNone:
		form[string(it.Code)] = []string{survey.NoneWord}
		return
	}
	var options []survey.OptionCode
	for _, o := range it.Options {
		if o.Ranked() {
			options = append(options, o.Code)
		}
	}
	for _, option := range p.byWorth(options)[:min(n, it.Max)] {
		form[string(it.Code)] = append(form[string(it.Code)], string(option))
	}
}

// order puts in order what she picked. She was asked a page ago, and has changed her mind a little.
func (p *person) order(form map[string][]string, it *survey.Item, before survey.Answers) {
	if p.random.Float64() < leavesOrder {
		return
	}
	var picked []survey.OptionCode
	for _, code := range before.Form()[string(it.Of)] {
		option := survey.OptionCode(code)
		picked = append(picked, option)
		p.worth[option] += 0.25 * p.gumbel()
	}
	for _, option := range p.byWorth(picked) {
		form[string(it.Code)] = append(form[string(it.Code)], string(option))
	}
}

func (p *person) rate(form map[string][]string, it *survey.Item) {
	if len(it.Rows) == 0 {
		if p.random.Float64() >= leavesSingle {
			form[string(it.Code)] = []string{strconv.Itoa(p.point(p.overall()+0.6*p.random.NormFloat64(), it.Scale.Min, it.Scale.Max))}
		}
		return
	}
	lowest, sum, rated := math.Inf(1), 0.0, 0
	for _, row := range it.Rows {
		key := string(it.Code) + "." + string(row.Code)
		grade := p.grades[row.Code] + p.mood
		if !p.careless {
			grade += 0.85 * p.random.NormFloat64()
		} else {
			grade = 3.6 + p.mood
		}
		switch draw := p.random.Float64(); {
		case draw < leavesRow:
			continue
		case draw < leavesRow+p.unknowable[row.Code] && it.Scale.CannotSay:
			form[key] = []string{survey.CannotSayWord}
			continue
		}
		form[key] = []string{strconv.Itoa(p.point(grade, it.Scale.Min, it.Scale.Max))}
		sum += grade
		rated++
		if grade < lowest {
			lowest, p.worst = grade, row.Code
		}
	}
	if rated > 0 {
		p.grade = sum / float64(rated)
	}
}

// overall is what she thinks on the whole, in points of 1 to 5.
func (p *person) overall() float64 {
	if p.grade == 0 {
		return 3.6 + p.mood
	}
	return p.grade + 0.3
}

// point is the nearest point of a scale.
func (p *person) point(grade float64, low, high int) int {
	return min(max(int(math.Round(grade)), low), high)
}

func (p *person) comment(form map[string][]string, it *survey.Item, said remarks) {
	if p.random.Float64() >= comments {
		return
	}
	theme := said[p.worst]
	if len(theme) == 0 || p.random.Float64() < 0.25 {
		theme = said["any"]
	}
	if len(theme) > 0 {
		form[string(it.Code)] = []string{theme[p.random.IntN(len(theme))]}
	}
}

// customers are the external side of the demonstration: they want competent people and to get what they need,
// as published surveys of customers find, and quickly, which is where the company is weakest.
func customers(lang survey.Language, people int) *population {
	return &population{
		seed: 2027, audience: survey.External, language: lang, people: people,
		worth: map[survey.OptionCode]float64{
			"competence": 1.25, "needs_met": 1.2, "speed": 1.05, "courtesy": 0.55, "listening": 0.35, "reliability": 0.75,
			"ease": 0.7, "informed": 0.15, "access": 0.45, "recovery": -0.15, "respect": 0.1, "surprise": -1.3,
		},
		grades: map[survey.OptionCode]float64{
			"competence": 4.0, "needs_met": 3.8, "speed": 3.1, "courtesy": 4.4, "listening": 3.8, "reliability": 3.7,
			"ease": 3.4, "informed": 3.2, "access": 3.5, "recovery": 3.1, "respect": 4.3, "surprise": 2.4,
		},
		unknowable: map[survey.OptionCode]float64{"recovery": 0.28, "surprise": 0.12, "informed": 0.06, "reliability": 0.04, "access": 0.03},
		shares: map[survey.ItemCode][]lot{
			"channel": {
				{"phone", 0.26},
				{"website", 0.19},
				{"app", 0.17},
				{"email", 0.14},
				{"in_person", 0.11},
				{"chat", 0.06},
				{"partner", 0.03},
				{"other", 0.01},
				{"none", 0.03},
			},
			"relationship": {{"private", 0.66}, {"own_business", 0.13}, {"company", 0.14}, {"public_body", 0.04}, {"prospect", 0.03}},
			"tenure": {
				{"under_1_year", 0.15}, {"1_2_years", 0.21}, {"3_5_years", 0.27}, {"6_10_years", 0.21}, {"over_10_years", 0.16},
			},
		},
		leanings: map[group][]leaning{
			{"channel", "phone"}:            {{"access", 0.5}, {"speed", 0.2}},
			{"channel", "website"}:          {{"ease", 0.7}},
			{"channel", "app"}:              {{"ease", 0.9}, {"speed", 0.3}, {"courtesy", -0.5}},
			{"channel", "in_person"}:        {{"courtesy", 0.8}, {"listening", 0.4}},
			{"relationship", "company"}:     {{"reliability", 0.6}, {"competence", 0.3}},
			{"tenure", "over_10_years"}:     {{"respect", 0.4}},
			{"relationship", "public_body"}: {{"reliability", 0.5}},
		},
		moods: map[group]float64{
			{"channel", "app"}: 0.2, {"channel", "phone"}: -0.2, {"channel", "in_person"}: 0.15, {"channel", "chat"}: -0.1,
			{"tenure", "over_10_years"}: 0.15, {"relationship", "prospect"}: -0.1,
		},
	}
}

// employees are the internal side: served by other departments, they want above all to know where they stand
// and that what was promised is kept. Courtesy matters less among colleagues than to customers.
func employees(lang survey.Language, people int) *population {
	p := &population{
		seed: 2028, audience: survey.Internal, language: lang, people: people,
		worth: map[survey.OptionCode]float64{
			"competence": 1.2, "needs_met": 1.15, "speed": 1.0, "courtesy": -0.2, "listening": 0.3, "reliability": 1.1,
			"ease": 0.65, "informed": 0.95, "access": 0.1, "recovery": -0.2, "respect": 0.35, "surprise": -2.0,
		},
		grades: map[survey.OptionCode]float64{
			"competence": 3.9, "needs_met": 3.5, "speed": 2.9, "courtesy": 4.1, "listening": 3.4, "reliability": 3.3,
			"ease": 3.0, "informed": 2.6, "access": 3.4, "recovery": 2.9, "respect": 3.9, "surprise": 2.0,
		},
		unknowable: map[survey.OptionCode]float64{"recovery": 0.2, "surprise": 0.15, "reliability": 0.03},
		shares: map[survey.ItemCode][]lot{
			"served_by": {
				{"it", 0.34},
				{"hr", 0.19},
				{"accounting", 0.14},
				{"purchasing", 0.08},
				{"logistics", 0.07},
				{"facilities", 0.09},
				{"legal", 0.03},
				{"other", 0.02},
				{"none", 0.04},
			},
			"department": {
				{"sales", 0.17},
				{"customer_service", 0.16},
				{"operations", 0.26},
				{"development", 0.09},
				{"marketing", 0.05},
				{"logistics", 0.08},
				{"accounting", 0.06},
				{"it", 0.05},
				{"hr", 0.03},
				{"purchasing", 0.02},
				{"facilities", 0.02},
				{"legal", 0.01},
			},
			"level":  {{"frontline", 0.79}, {"manager", 0.17}, {"senior_leader", 0.04}},
			"office": {{"front", 0.42}, {"back", 0.58}},
		},
		leanings: map[group][]leaning{
			{"served_by", "it"}:                {{"speed", 0.4}, {"recovery", 0.3}},
			{"served_by", "hr"}:                {{"listening", 0.5}, {"respect", 0.4}},
			{"served_by", "accounting"}:        {{"informed", 0.3}, {"ease", 0.3}},
			{"served_by", "purchasing"}:        {{"ease", 0.6}},
			{"department", "customer_service"}: {{"speed", 0.7}, {"informed", 0.3}},
			{"department", "sales"}:            {{"speed", 0.6}},
			{"department", "operations"}:       {{"reliability", 0.5}, {"access", 0.4}},
			{"level", "manager"}:               {{"competence", 0.4}, {"ease", -0.3}},
			{"level", "senior_leader"}:         {{"competence", 0.8}, {"informed", -0.6}},
		},
		moods: map[group]float64{
			{"served_by", "it"}: 0.1, {"served_by", "hr"}: 0.15, {"served_by", "purchasing"}: -0.5, {"served_by", "legal"}: -0.2,
			{"level", "manager"}: 0.2, {"level", "senior_leader"}: 0.5, {"department", "operations"}: -0.2,
		},
	}
	return p
}

// pilot are the people of one part of the company after a first change: they are told where their request
// stands, and get it sooner.
func pilot(lang survey.Language, people int) *population {
	p := employees(lang, people)
	p.seed = 2029
	p.grades["informed"] += 0.9
	p.grades["speed"] += 0.6
	p.grades["ease"] += 0.3
	p.shares["department"] = []lot{{"customer_service", 0.8}, {"sales", 0.2}}
	p.shares["office"] = []lot{{"front", 0.9}, {"back", 0.1}}
	return p
}
