package survey

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Mode is what a wave promises about who answered. It is fixed when the wave is launched.
type Mode string

// The modes of a wave.
const (
	Identified   Mode = "identified"   // answers are kept with the person's name, and may be read so
	Confidential Mode = "confidential" // answers are kept with the invitation, and shown only in groups
	Anonymous    Mode = "anonymous"    // nothing ties an answer to a person, in no table, order or time
)

// Modes returns every mode, the strictest last.
func Modes() []Mode { return []Mode{Identified, Confidential, Anonymous} }

// Segment is what panel data say of a person, as it was named and frozen at the launch of a wave: results may
// be split by it as by a background item of the questionnaire.
type Segment struct {
	Code   ItemCode // differs from the codes of the questionnaire's items
	Text   Words
	Values []Option
}

// Cut is a moment at which results of a wave that protects people were split by segments. What was shown then is
// kept, since what can be shown later depends on it.
type Cut struct {
	Release int    // the last release that was counted
	Shown   []Part // the parts that could be shown
	Final   bool   // made when no more answers could come
}

// Part is the people who gave one answer to a background item, or of whom the panel says one value of a segment.
type Part struct {
	Item   ItemCode
	Option OptionCode
}

// Held says that a threshold held when answers began to count, from a release on.
type Held struct {
	Release   int
	Threshold int
}

// WithSegments returns the questionnaire with segments of a wave behind its items: background items of one answer
// that nobody was asked, by which results are split like by those that people were. Columns of the questionnaire
// stay where they are. Without segments it is the questionnaire itself. A segment whose code is an item's, or
// another segment's, is an error.
func (q *Questionnaire) WithSegments(segments []Segment) (*Questionnaire, error) {
	if len(segments) == 0 {
		return q, nil
	}
	wide := *q
	wide.columns, wide.rules, wide.byKey = nil, nil, nil
	wide.Items = slices.Clone(q.Items)
	for _, s := range segments {
		if _, ok := wide.Item(s.Code); ok {
			return nil, fmt.Errorf("segment %q: %s has an item, or another segment, of that code", s.Code, q.Code)
		}
		wide.Items = append(wide.Items, Item{Code: s.Code, Kind: Single, Text: s.Text, Background: true, Options: s.Values})
	}
	wide.index()
	return &wide, nil
}

// Equal reports whether two segments are the same in every language.
func (s Segment) Equal(o Segment) bool { return sameSegment(s, o) }

// SplitBy returns the items that results of a wave may be split by, the most important first: those that it reports
// by or, if it says nothing of that, every background item that people were asked; of either those with one answer.
// q is the wave's questionnaire with its segments.
func (w *Wave) SplitBy(q *Questionnaire) []*Item {
	var items []*Item
	add := func(it *Item) {
		if it.Background && it.Kind == Single && !slices.Contains(items, it) {
			items = append(items, it)
		}
	}
	for _, code := range w.Reported {
		if it, ok := q.Item(code); ok {
			add(it)
		}
	}
	if w.Reported != nil {
		return items
	}
	for i := range q.Items {
		if !slices.ContainsFunc(w.Segments, func(s Segment) bool { return s.Code == q.Items[i].Code }) {
			add(&q.Items[i])
		}
	}
	return items
}

// PersonID names a person of a panel.
type PersonID int64

// Person is somebody who can be invited.
type Person struct {
	ID           PersonID
	Organisation OrganisationID
	Key          string // the organisation's own identifier, or the address where there is none; unique, at most 254 bytes
	Address      string // e-mail; "" is none: such a person is reached by an access code on paper
	Name         string
	Language     Language          // "" is not known
	Attributes   map[string]string // by the attribute's key, the value as it was given; values that were merged or renamed keep what was given
	Active       bool
	Unsubscribed *time.Time // wants no mail
	Bounced      *time.Time // mail to the address came back for good
	BounceReason string
	Updated      time.Time
}

// AttributeType says what the values of an attribute are.
type AttributeType string

// The types of attribute.
const (
	TextAttribute   AttributeType = "text"   // names of groups: departments, levels, locations
	NumberAttribute AttributeType = "number" // decimal numbers
	DateAttribute   AttributeType = "date"   // days, 2006-01-02
)

// Attribute is something a panel knows of people: department, level, location, manager.
type Attribute struct {
	Organisation OrganisationID
	Key          string // 1 to 64 of a-z, 0-9, _; begins with a letter; fixed
	Name         string // as people read it; can be changed
	Type         AttributeType
	Values       []AttributeValue // of a text attribute: every value ever given, in order of Given
}

// AttributeValue is one value of an attribute. Merging and renaming change how it is read, never what was given.
type AttributeValue struct {
	ID     int64
	Given  string // as it stood in the file or the form
	Name   string // as it is read; Given unless renamed
	Into   int64  // the value that this one was merged into; 0 is none
	People int    // active people who were given it
}

// Read returns how a value that was given is read today, however often it was renamed and merged: the id of the
// value that it became part of, and its name. What the attribute does not know, such as a number, a date or "",
// reads as it was given, with the id 0.
func (a *Attribute) Read(given string) (id int64, name string) {
	at := slices.IndexFunc(a.Values, func(v AttributeValue) bool { return v.Given == given })
	if at < 0 {
		return 0, given
	}
	v := a.Final(a.Values[at].ID)
	return v.ID, v.Name
}

// Final returns the value that a value became part of by merging: itself if it was not merged. Merges in a
// circle, which the store refuses, end at the first value that comes again. An id that the attribute does not
// have is the zero value.
func (a *Attribute) Final(id int64) AttributeValue {
	var last AttributeValue
	seen := make(map[int64]bool)
	for !seen[id] {
		seen[id] = true
		at := slices.IndexFunc(a.Values, func(v AttributeValue) bool { return v.ID == id })
		if at < 0 {
			return last
		}
		last = a.Values[at]
		if last.Into == 0 {
			return last
		}
		id = last.Into
	}
	return last
}

// Finals returns what every value became part of by merging, by its id: itself if it was not merged. Many values
// are read faster so than by [Attribute.Final].
func (a *Attribute) Finals() map[int64]*AttributeValue {
	byID := make(map[int64]*AttributeValue, len(a.Values))
	for i := range a.Values {
		byID[a.Values[i].ID] = &a.Values[i]
	}
	finals := make(map[int64]*AttributeValue, len(a.Values))
	for i := range a.Values {
		v := &a.Values[i]
		for range a.Values { // no chain is longer
			into, ok := byID[v.Into]
			if !ok {
				break
			}
			v = into
		}
		finals[a.Values[i].ID] = v
	}
	return finals
}

// Names returns how everything that was given is read today: by what was given, the name. Many people are read
// faster so than by [Attribute.Read].
func (a *Attribute) Names() map[string]string {
	finals := a.Finals()
	names := make(map[string]string, len(a.Values))
	for i := range a.Values {
		names[a.Values[i].Given] = finals[a.Values[i].ID].Name
	}
	return names
}

// InvitationID names an invitation: 32 random hexadecimal digits, so that ids tell nothing of order.
type InvitationID string

// Invitation asks one person to answer one wave. What it says of the person was frozen when the wave was launched.
type Invitation struct {
	ID           InvitationID
	Organisation OrganisationID
	Wave         WaveID
	Person       PersonID // 0 after the person was erased
	Language     Language
	Attributes   map[ItemCode]OptionCode // of the wave's segments; those too rare for the promise are left out
	Invited      *time.Time              // the first mail was taken by a server
	Reminded     int                     // reminders taken by a server
	Opened       *time.Time              // only where the wave tracks it
	Started      bool
	Finished     bool
	Failed       string // why mail did not arrive: a refusal or a bounce; "" is that none is known
	Unsubscribed bool
}

// LetterKind says what a letter is for.
type LetterKind string

// The kinds of letter.
const (
	InvitationLetter LetterKind = "invitation"
	ReminderLetter   LetterKind = "reminder"
)

// Letter is what is written to people, in words of the organisation. {name}, {link}, {survey}, {asker}, {minutes}
// and {closes} are put in for each of them.
type Letter struct {
	Wave    WaveID
	Kind    LetterKind
	Subject Words
	Text    Words // paragraphs are parted by empty lines; a paragraph that is {link} alone becomes a button
}

// MailingID names a mailing.
type MailingID int64

// MailingState says how far a mailing is.
type MailingState string

// The states of a mailing.
const (
	MailingPlanned   MailingState = "planned"   // waits for its time
	MailingSending   MailingState = "sending"   // its mails are in the queue
	MailingDone      MailingState = "done"      // none of its mails waits any more
	MailingCancelled MailingState = "cancelled" // by hand; mails that were not sent are not
)

// Mailing is one letter sent to all whom it concerns: invitations to everybody who was not yet invited, reminders
// to those who were and have not finished.
type Mailing struct {
	ID           MailingID
	Organisation OrganisationID
	Wave         WaveID
	Kind         LetterKind
	At           time.Time // not before
	State        MailingState

	Queued, Sent, Failed int // mails
}

// SenderID names a program that sends mail, from its first claim until it ends or has nothing to send. No two have
// the same, ever.
type SenderID int64

// Sender is a program that sends mail, as the others see it.
type Sender struct {
	ID    SenderID
	Beats int64 // goes up while it lives
}

// Mail is one letter to one person, as it waits in the queue. It holds neither address nor link: both are put in
// at the moment of sending, from what is true then.
type Mail struct {
	ID         int64
	Mailing    MailingID
	Kind       LetterKind
	Wave       WaveID
	Invitation InvitationID
	MessageID  string // the same however often the mail is tried
	Attempts   int    // before this one
	Person     Person
	Language   Language
}

// Sealed is a finished answer of an anonymous wave that waits until it can be published among others. Only who has
// the key of the service can read Content.
type Sealed struct {
	ID      string // random, of this waiting only
	Content []byte // encrypted
}

// PaddedLength returns the length in bytes that encrypted content of n bytes must be filled up to: one of a few,
// so that lengths tell next to nothing of what is inside. Up to 1,536 bytes, which hold the answers of a usual
// questionnaire, all content is of one length; beyond that a power of two, at least 4,096.
func PaddedLength(n int) int {
	const usual, long = 1536, 4096
	if n <= usual {
		return usual
	}
	length := long
	for length < n {
		length *= 2
	}
	return length
}

// Errors of fieldwork.
var (
	ErrPromised = errors.New("promised at the launch, and cannot be taken back")
	ErrFinished = errors.New("the invitation was answered already")
)
