package fieldwork

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"cxmirror/pkg/survey"
)

// Severity says what a finding of the launch check means for the launch.
type Severity string

// The severities, the gravest first.
const (
	Stop Severity = "stop" // the wave cannot be launched so
	Warn Severity = "warn" // it can, and something will be worse than it need be
	Note Severity = "note" // good to know
)

// FindingKey says what a finding is about; whoever shows it has a sentence for each.
type FindingKey string

// What the launch check finds: about the wave, languages, addresses and segments. What Count, Of and other fields of
// the finding mean stands beside it. Of addresses, Count of Of people are meant, and People are some of them.
const (
	NotADraft           FindingKey = "not_a_draft"           // it is open or closed already
	NoWayIn             FindingKey = "no_way_in"             // neither mail nor paper, open link or kiosk
	Nobody              FindingKey = "nobody"                // of Count people none can be invited
	FewerThanThreshold  FindingKey = "fewer_than_threshold"  // Count are invited, Of is the threshold
	ThresholdTooLow     FindingKey = "threshold_too_low"     // for an anonymous wave; Count is it, Of the lowest
	ThresholdLow        FindingKey = "threshold_low"         // for employees; Count is it, Of what is usual
	CommentsTooLow      FindingKey = "comments_too_low"      // Count is the threshold of comments, Of that of the rest
	ClosesInThePast     FindingKey = "closes_in_the_past"    //
	ClosesBeforeOpens   FindingKey = "closes_before_opens"   //
	NoClosingDate       FindingKey = "no_closing_date"       // nothing is stepped in for good before somebody closes it
	ErasesTooEarly      FindingKey = "erases_too_early"      // before the wave closes, or in the past
	NoErasing           FindingKey = "no_erasing"            // personal data stay until somebody erases them
	UnknownTimeZone     FindingKey = "unknown_time_zone"     // Text is it
	NoAsker             FindingKey = "no_asker"              // nobody says who asks; no mail is sent so
	TracksOpening       FindingKey = "tracks_opening"        // and people are told
	AnswerTwice         FindingKey = "answer_twice"          // open link or kiosk beside personal invitations
	SampleOfAll         FindingKey = "sample_of_all"         // Count are drawn, and Of is no more
	Blind               FindingKey = "blind"                 // Outlooks: with Affected answering, 60 % of the Of invited, differences up to Count points stay unseen
	NothingToCompare    FindingKey = "nothing_to_compare"    // no wave is named that results are set against
	ComparesWithFew     FindingKey = "compares_with_few"     // the wave to compare with has Count answers, fewer than Of, its threshold
	NoMailServer        FindingKey = "no_mail_server"        //
	NoInvitation        FindingKey = "no_invitation_letter"  // by mail, without a letter to send
	NoReminderLetter    FindingKey = "no_reminder_letter"    // a reminder is planned without a letter
	NoMailing           FindingKey = "no_mailing"            // by mail, and nothing is planned to be sent
	LetterWrong         FindingKey = "letter_wrong"          // Letter, Language, Text
	MailingTooLate      FindingKey = "mailing_too_late"      // Count mailings are planned when the wave is closed
	MailingTooEarly     FindingKey = "mailing_too_early"     // Count reminders are planned before the invitation
	TextsMissing        FindingKey = "texts_missing"         // Language lacks Count of Of texts; Names are some; People count in Affected
	LanguageNotOffered  FindingKey = "language_not_offered"  // Count people read Language, which the questionnaire does not have
	LetterNotWritten    FindingKey = "letter_not_written"    // Count people read Language, and Letter is not written in it
	NoLanguage          FindingKey = "no_language"           // of Count people no language is known
	AddressMissing      FindingKey = "address_missing"       //
	AddressMalformed    FindingKey = "address_malformed"     //
	AddressBounced      FindingKey = "address_bounced"       //
	Unsubscribed        FindingKey = "unsubscribed"          //
	AddressShared       FindingKey = "address_shared"        // several people have the same
	Inactive            FindingKey = "inactive"              //
	GroupsSmall         FindingKey = "groups_small"          // Attribute: Count people in groups below Of, which are Names; Merge
	GroupsAtRisk        FindingKey = "groups_at_risk"        // Attribute: with 60 % answering, Names would fall below Of
	GroupUnknown        FindingKey = "group_unknown"         // Attribute: of Count people it is not known
	GroupsWrong         FindingKey = "groups_wrong"          // Attribute: values reported as one do not exist or stand in two groups; Names
	CombinationsSmall   FindingKey = "combinations_small"    // Count of Of people share what is reported of them with fewer than the threshold; leaving out Attribute makes it Affected
	TooManySplits       FindingKey = "too_many_splits"       // an anonymous wave: Of combinations of what results are split by, for Affected answers if 60 % answer
	AttributeUnknown    FindingKey = "attribute_unknown"     // Attribute: the panel has none
	AttributeNoGroups   FindingKey = "attribute_no_groups"   // Attribute: numbers and dates are not groups without bands
	AttributeManyValues FindingKey = "attribute_many_values" // Attribute: Count values, at most Of
	AttributeIsItem     FindingKey = "attribute_is_item"     // Attribute: the questionnaire asks what the panel says, and results are split by both
	AskedAndKnown       FindingKey = "asked_and_known"       // Attribute: the questionnaire asks what the panel knows
	ReportedUnknown     FindingKey = "reported_unknown"      // Names: results cannot be split by what nobody knows
	BackgroundDropped   FindingKey = "background_dropped"    // Names: background items whose answers an anonymous wave does not publish
	FilterUnknown       FindingKey = "filter_unknown"        // Attribute: Names are values nobody has
)

// FindingKeys returns every key there is.
func FindingKeys() []FindingKey {
	return []FindingKey{
		NotADraft, NoWayIn, Nobody, FewerThanThreshold, ThresholdTooLow, ThresholdLow, CommentsTooLow, ClosesInThePast, ClosesBeforeOpens,
		NoClosingDate, ErasesTooEarly, NoErasing, UnknownTimeZone, NoAsker, TracksOpening, AnswerTwice, SampleOfAll, Blind, NothingToCompare,
		ComparesWithFew, NoMailServer, NoInvitation, NoReminderLetter, NoMailing, LetterWrong, MailingTooLate, MailingTooEarly,
		TextsMissing, LanguageNotOffered, LetterNotWritten, NoLanguage, AddressMissing, AddressMalformed, AddressBounced, Unsubscribed,
		AddressShared, Inactive, GroupsSmall, GroupsAtRisk, GroupUnknown, GroupsWrong, CombinationsSmall, TooManySplits, AttributeUnknown,
		AttributeNoGroups, AttributeManyValues, AttributeIsItem, AskedAndKnown, ReportedUnknown, BackgroundDropped, FilterUnknown,
	}
}

// Finding is one thing that the launch check has to say. Which fields are filled in follows from its key.
type Finding struct {
	Severity  Severity
	Key       FindingKey
	Attribute string // key of an attribute of the panel
	Language  survey.Language
	Letter    survey.LetterKind
	Count, Of int
	Affected  int             // people
	Names     []string        // at most shownNames
	People    []survey.Person // at most shownNames
	Merge     []Group         // that would mend it
	Text      string          // of [UnknownTimeZone]: what stands for it
	Wrong     LetterError     // of [LetterWrong]
}

// shownNames is how many people or values a finding names.
const shownNames = 20

// Findings is what the launch check says.
type Findings struct {
	Audience  int // active people whom the plan asks
	Reachable int // of them, by the ways of the plan
	Invited   int // of them, who were drawn
	ByMail    int // of those invited
	Items     []Finding
	Outlooks  []Outlook // empty where the questionnaire has no list to rank, or nobody is invited
	Languages []LanguageCount
	Groups    []AttributeGroups // by attribute reported
}

// LanguageCount says how many of those invited read a language, and how far the questionnaire is written in it.
type LanguageCount struct {
	Language survey.Language // "" is not known
	People   int
	Offered  bool
	Missing  int // texts
	Total    int
}

// AttributeGroups is how those invited fall into the groups of an attribute.
type AttributeGroups struct {
	Attribute, Name string
	Values          []GroupSize // the largest first
	Small           int         // people in groups below the threshold
	Unknown         int         // people of whom the attribute is not known
}

// GroupSize is how many people a group has.
type GroupSize struct {
	Name   string
	People int

	value panelValue
}

// Stops reports whether the plan cannot be launched as it is.
func (f *Findings) Stops() bool {
	return slices.ContainsFunc(f.Items, func(it Finding) bool { return it.Severity == Stop })
}

// Find returns the first finding of a key.
func (f *Findings) Find(key FindingKey) (Finding, bool) {
	at := slices.IndexFunc(f.Items, func(it Finding) bool { return it.Key == key })
	if at < 0 {
		return Finding{}, false
	}
	return f.Items[at], true
}

// facts are all that the launch check looks at.
type facts struct {
	plan          *Plan
	now           time.Time
	questionnaire *survey.Questionnaire
	attributes    []survey.Attribute // of the panel
	people        []survey.Person    // of the panel
	against       int                // answers that count of the wave to compare with
	againstLeast  int                // its threshold
	mails         bool               // mail can be sent
}

// What thresholds are usual, and what an anonymous wave needs at least: among two, each knows the other.
const (
	usualThreshold  = 5
	lowestAnonymous = 3
)

// checker looks at a plan and gathers what is to be said of it.
type checker struct {
	facts
	w        *survey.Wave
	k        int
	read     map[string]*panelAttribute // by key: every attribute of the panel
	audience audience
	findings Findings
}

func newChecker(f facts) *checker {
	c := &checker{facts: f, w: &f.plan.Wave, k: max(f.plan.Wave.Threshold, 1), read: make(map[string]*panelAttribute, len(f.attributes))}
	for _, a := range f.attributes {
		c.read[a.Key] = newPanelAttribute(a, segmentCode(a.Key, f.questionnaire), f.plan.Groups)
		if b := f.plan.bandsOf(a.Key); b != nil && a.Type != survey.TextAttribute {
			c.read[a.Key].banded(b)
		}
	}
	c.audience = f.plan.audienceOf(f.people, c.read)
	return c
}

// check says what would break the promise or the reading of a planned wave.
func check(f facts) (Findings, error) {
	c := newChecker(f)
	c.findings.Audience, c.findings.Reachable = len(c.audience.people), c.audience.reachable
	c.findings.Invited, c.findings.ByMail = len(c.audience.invited), c.audience.byMail
	c.wave()
	c.dates()
	c.whom()
	c.addresses()
	c.languages()
	c.letters()
	c.segments()
	c.combinations()
	c.splits()
	if err := c.uncertainty(); err != nil {
		return Findings{}, err
	}
	gravity := []Severity{Stop, Warn, Note}
	slices.SortStableFunc(c.findings.Items, func(a, b Finding) int {
		return cmp.Compare(slices.Index(gravity, a.Severity), slices.Index(gravity, b.Severity))
	})
	return c.findings, nil
}

func (c *checker) add(f Finding) {
	f.Names = f.Names[:min(len(f.Names), shownNames)]
	f.People = f.People[:min(len(f.People), shownNames)]
	c.findings.Items = append(c.findings.Items, f)
}

// when adds a finding that has no figures, if something is so.
func (c *checker) when(so bool, severity Severity, key FindingKey) {
	if so {
		c.add(Finding{Severity: severity, Key: key})
	}
}

func (c *checker) wave() {
	w, p := c.w, c.plan
	c.when(w.State != survey.WaveDraft, Stop, NotADraft)
	c.when(!p.Mail && !p.Paper && !w.OpenLink && !w.Kiosk || p.OpenOnly && !w.OpenLink && !w.Kiosk, Stop, NoWayIn)
	switch {
	case w.Mode == survey.Anonymous && w.Threshold < lowestAnonymous:
		c.add(Finding{Severity: Stop, Key: ThresholdTooLow, Count: w.Threshold, Of: lowestAnonymous})
	case w.Mode != survey.Identified && w.Audience != survey.External && w.Threshold < usualThreshold:
		c.add(Finding{Severity: Warn, Key: ThresholdLow, Count: w.Threshold, Of: usualThreshold})
	}
	if w.Comments < w.Threshold {
		c.add(Finding{Severity: Stop, Key: CommentsTooLow, Count: w.Comments, Of: w.Threshold})
	}
	if len(w.Promise.Asker) == 0 {
		severity := Warn
		if c.plan.Mail { // a letter from nobody
			severity = Stop
		}
		c.add(Finding{Severity: severity, Key: NoAsker})
	}
	if w.Tracks {
		severity := Note
		if w.Mode == survey.Anonymous {
			severity = Warn
		}
		c.when(true, severity, TracksOpening)
	}
	c.when(!p.OpenOnly && (p.Mail || p.Paper) && (w.OpenLink || w.Kiosk), Warn, AnswerTwice)
}

func (c *checker) dates() {
	w := c.w
	if _, err := time.LoadLocation(w.TimeZone); err != nil {
		c.add(Finding{Severity: Stop, Key: UnknownTimeZone, Text: w.TimeZone})
	}
	switch {
	case w.Closes == nil:
		c.when(true, Note, NoClosingDate)
	case !w.Closes.After(c.now):
		c.when(true, Stop, ClosesInThePast)
	case w.Opens != nil && !w.Closes.After(*w.Opens):
		c.when(true, Stop, ClosesBeforeOpens)
	}
	switch {
	case w.Erases == nil:
		c.when(true, Note, NoErasing)
	case !w.Erases.After(c.now), w.Closes != nil && w.Erases.Before(*w.Closes):
		c.when(true, Stop, ErasesTooEarly)
	}
}

// whom looks at who is asked.
func (c *checker) whom() {
	p, invited := c.plan, len(c.audience.invited)
	for _, key := range slices.Sorted(maps.Keys(p.Filter)) {
		a, known := c.read[key]
		if !known {
			c.add(Finding{Severity: Stop, Key: FilterUnknown, Attribute: key})
			continue
		}
		had := make(map[string]bool)
		for i := range c.people {
			had[a.read(&c.people[i])] = true
		}
		unknown := slices.DeleteFunc(slices.Clone(p.Filter[key]), func(name string) bool { return had[name] })
		if len(unknown) > 0 {
			c.add(Finding{Severity: Warn, Key: FilterUnknown, Attribute: key, Names: unknown})
		}
	}
	if p.OpenOnly {
		return
	}
	switch {
	case invited == 0:
		c.add(Finding{Severity: Stop, Key: Nobody, Count: c.audience.everybody})
	case c.w.Mode != survey.Identified && invited < c.k:
		c.add(Finding{Severity: Stop, Key: FewerThanThreshold, Count: invited, Of: c.k})
	}
	if p.Sample > 0 && p.Sample >= c.audience.reachable {
		c.add(Finding{Severity: Note, Key: SampleOfAll, Count: p.Sample, Of: c.audience.reachable})
	}
	if c.audience.inactive > 0 {
		c.add(Finding{Severity: Note, Key: Inactive, Count: c.audience.inactive, Of: c.audience.everybody})
	}
}

func (c *checker) addresses() {
	if !c.plan.Mail || c.plan.OpenOnly {
		return
	}
	c.when(!c.mails, Stop, NoMailServer)
	severity := Warn
	if c.plan.Paper {
		severity = Note // they get a code
	}
	for _, why := range obstacles() {
		if people := c.audience.without[why]; len(people) > 0 {
			c.add(Finding{Severity: severity, Key: FindingKey(why), Count: len(people), Of: len(c.audience.people), People: people})
		}
	}
	first := make(map[string]*survey.Person)
	var shared []survey.Person
	twice := make(map[string]bool)
	for i := range c.audience.invited {
		person := &c.audience.invited[i]
		mailbox := strings.ToLower(person.Address)
		if mailbox == "" {
			continue
		}
		if other, ok := first[mailbox]; ok {
			if !twice[mailbox] {
				shared = append(shared, *other)
			}
			twice[mailbox] = true
			shared = append(shared, *person)
			continue
		}
		first[mailbox] = person
	}
	if len(shared) > 0 {
		c.add(Finding{Severity: Warn, Key: AddressShared, Count: len(shared), Of: len(c.audience.invited), People: shared})
	}
}

func (c *checker) languages() {
	counts := make(map[survey.Language]int)
	for i := range c.audience.invited {
		counts[c.audience.invited[i].Language]++
	}
	offered := make(map[survey.Language]survey.Completeness)
	for _, texts := range c.questionnaire.Completeness() {
		offered[texts.Language] = texts
		counts[texts.Language] += 0
	}
	for _, lang := range slices.Sorted(maps.Keys(counts)) {
		texts, ok := offered[lang]
		if !ok { // "pt-BR" is served by "pt"
			base, _, _ := strings.Cut(string(lang), "-")
			texts, ok = offered[survey.Language(base)]
		}
		n := counts[lang]
		c.findings.Languages = append(c.findings.Languages, LanguageCount{Language: lang, People: n, Offered: ok, Missing: len(texts.Missing), Total: texts.Total})
		switch {
		case lang == "":
			if n > 0 {
				c.add(Finding{Severity: Note, Key: NoLanguage, Count: n, Of: len(c.audience.invited)})
			}
		case !ok:
			c.add(Finding{Severity: Warn, Key: LanguageNotOffered, Language: lang, Count: n, Of: len(c.audience.invited)})
		case len(texts.Missing) > 0:
			severity := Note
			if n > 0 || c.plan.OpenOnly {
				severity = Warn
			}
			c.add(Finding{
				Severity: severity, Key: TextsMissing, Language: lang, Count: len(texts.Missing), Of: texts.Total, Affected: n, Names: texts.Missing,
			})
		}
	}
	slices.SortStableFunc(c.findings.Languages, func(a, b LanguageCount) int { return cmp.Compare(b.People, a.People) })
}

func (c *checker) letters() {
	if !c.plan.Mail || c.plan.OpenOnly {
		return
	}
	written := make(map[survey.LetterKind]survey.Letter)
	for _, letter := range c.plan.Letters {
		written[letter.Kind] = letter
		for _, wrong := range CheckLetter(letter) {
			c.add(Finding{Severity: Stop, Key: LetterWrong, Letter: wrong.Kind, Language: wrong.Language, Wrong: wrong})
		}
	}
	var invites, reminds []survey.Mailing
	late := 0
	for _, m := range c.plan.Mailings {
		if c.w.Closes != nil && !m.At.Before(*c.w.Closes) {
			late++
		}
		switch m.Kind {
		case survey.InvitationLetter:
			invites = append(invites, m)
		case survey.ReminderLetter:
			reminds = append(reminds, m)
		}
	}
	if late > 0 {
		c.add(Finding{Severity: Stop, Key: MailingTooLate, Count: late})
	}
	_, invitation := written[survey.InvitationLetter]
	_, reminder := written[survey.ReminderLetter]
	c.when(!invitation, Stop, NoInvitation)
	c.when(len(invites) == 0, Warn, NoMailing)
	c.when(len(reminds) > 0 && !reminder, Stop, NoReminderLetter)
	if len(invites) > 0 {
		start := slices.MinFunc(invites, func(a, b survey.Mailing) int { return a.At.Compare(b.At) }).At
		early := 0
		for _, m := range reminds {
			if !m.At.After(start) {
				early++
			}
		}
		if early > 0 {
			c.add(Finding{Severity: Warn, Key: MailingTooEarly, Count: early})
		}
	}
	for _, kind := range []survey.LetterKind{survey.InvitationLetter, survey.ReminderLetter} {
		letter, ok := written[kind]
		if !ok {
			continue
		}
		for _, l := range c.findings.Languages {
			got := LanguageOf(letter, l.Language)
			base, _, _ := strings.Cut(string(l.Language), "-")
			if l.Language != "" && l.People > 0 && got != l.Language && got != survey.Language(base) {
				c.add(Finding{Severity: Warn, Key: LetterNotWritten, Letter: kind, Language: l.Language, Count: l.People, Of: len(c.audience.invited)})
			}
		}
	}
}

func (c *checker) uncertainty() error {
	p, invited := c.plan, len(c.audience.invited)
	if p.OpenOnly || invited == 0 {
		return nil
	}
	against := c.against
	if against < c.againstLeast {
		c.add(Finding{Severity: Note, Key: ComparesWithFew, Count: against, Of: c.againstLeast})
		against = 0
	}
	outlooks, err := outlook(c.questionnaire, invited, against)
	if err != nil {
		return err
	}
	c.findings.Outlooks = outlooks
	if p.Compare == 0 {
		c.when(true, Note, NothingToCompare)
		return nil
	}
	const blind = 0.25 // only what is very different will be seen
	for _, o := range outlooks {
		if o.Rate == 0.6 && o.Corrected > blind {
			c.add(Finding{Severity: Warn, Key: Blind, Count: points(o.Corrected), Of: invited, Affected: o.Answers})
		}
	}
	return nil
}

// points returns a share in whole points, not above 100.
func points(share float64) int { return int(min(share, 1)*100 + 0.5) }
