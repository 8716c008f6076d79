package survey

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"time"
)

// OrganisationID names an organisation. Every row of the database belongs to one.
type OrganisationID int64

// DefaultOrganisation is the one organisation there is before others are made.
const DefaultOrganisation OrganisationID = 1

// VersionID names one stored version of a questionnaire.
type VersionID int64

// WaveID names a wave.
type WaveID int64

// ResponseID names a response: 32 random hexadecimal digits, so that ids tell nothing of who came first.
type ResponseID string

// Version is one stored version of a questionnaire: the YAML as it was given, which is what waves refer to. It
// does not change once stored; a questionnaire that changes becomes another version.
type Version struct {
	ID           VersionID
	Organisation OrganisationID
	Code         string // of the questionnaire
	Number       int    // the version it states of itself
	Source       []byte // YAML, with code frames resolved beside it
	Frames       map[string][]byte
	Stored       time.Time
}

// Questionnaire returns the questionnaire of the version. It was checked when it was stored, so that an error says
// that the program or the database is not the one it was stored with.
func (v *Version) Questionnaire() (*Questionnaire, error) {
	q, err := Parse(v.Source, v.Code+".yaml", func(code string) ([]byte, error) {
		frame, ok := v.Frames[code]
		if !ok {
			return nil, fmt.Errorf("code frame %s: %w", code, fs.ErrNotExist)
		}
		return frame, nil
	})
	if err != nil {
		return nil, fmt.Errorf("version %d of %s, as stored: %w", v.Number, v.Code, err)
	}
	return q, nil
}

// WaveState says where in its life a wave is.
type WaveState string

// The states of a wave. A closed wave can be opened again; answers are kept in all of them.
const (
	WaveDraft  WaveState = "draft"  // being prepared; nobody can answer
	WaveOpen   WaveState = "open"   // answers are taken, between Opens and Closes where those are set
	WaveClosed WaveState = "closed" // no answers are taken
)

// Wave is one fieldwork period of one questionnaire.
type Wave struct {
	ID           WaveID
	Organisation OrganisationID
	Version      VersionID
	Name         string // "Customers, spring 2027"
	Audience     Audience
	Slug         string // of the open link /o/{slug}; lower case letters, digits, hyphens; unique
	State        WaveState
	Opens        *time.Time // answers are taken from here on, if set
	Closes       *time.Time // and until here, if set
	Limit        int        // how many complete responses are taken; 0 is no limit
	Threshold    int        // a base of fewer people is withheld; at least 1
	Promise      Promise
	Simulated    bool // its answers are simulated, and every output says so
	Archived     bool // its organisation is archived; known of a wave that was found by a way in: a link or a code
	Created      time.Time

	Mode       Mode
	Comments   int        // fewer comments of a group than this are withheld; at least Threshold
	Reported   []ItemCode // by what results may be split, the most important first: background items and Segments; nil is every background item
	Segments   []Segment  // what the panel says of those invited, frozen at the launch
	Launched   *time.Time // from then on what was promised can only be made stricter
	Invited    int        // how many people are invited; 0 is a wave by its open link alone
	OpenLink   bool       // /o/{slug} takes answers
	OncePer    bool       // the open link takes one answer of a browser; a soft limit
	Kiosk      bool       // /k/{slug} takes answers, one person after the other
	Tracks     bool       // notes who opened the invitation
	TimeZone   string     // of the dates people read and of quiet hours; IANA name, "" is UTC
	QuietFrom  int        // hour of the day from which no mail is sent
	QuietUntil int        // and until which; equal hours are none
	Erases     *time.Time // when personal data of the wave go
	Cuts       []Cut      // when results were split by segments, in order
	Releases   int        // how often answers were added to the results
	Held       []Held     // which threshold held when they were, in order of the releases
}

// Protects reports whether answers become visible only among others.
func (w *Wave) Protects() bool { return w.Mode != Identified && w.Threshold > 1 }

// Keeps returns nil if a launched wave may become what next says, and otherwise [ErrPromised] with what would be
// taken back. What was promised can be made stricter: a threshold raised, tracking ended, personal data erased
// sooner. A wave that was not launched promised nothing but its mode, and that from the moment it is opened.
func (w *Wave) Keeps(next *Wave) error {
	if w.Mode != next.Mode && (w.Launched != nil || w.State != WaveDraft) {
		return fmt.Errorf("the mode: %w", ErrPromised)
	}
	if w.Launched == nil {
		return nil
	}
	for _, rule := range []struct {
		broken bool
		what   string
	}{
		{w.Version != next.Version, "the questionnaire"},
		{next.Threshold < w.Threshold, fmt.Sprintf("a threshold of %d", w.Threshold)},
		{next.Comments < w.Comments, fmt.Sprintf("a threshold of %d for comments", w.Comments)},
		{!slices.Equal(w.Reported, next.Reported) || (w.Reported == nil) != (next.Reported == nil), "what results are split by"},
		{!slices.EqualFunc(w.Segments, next.Segments, sameSegment), "the segments"},
		{next.Tracks && !w.Tracks, "that opened mails are not noted"},
		{w.Erases != nil && (next.Erases == nil || next.Erases.After(*w.Erases)), "when personal data are erased"},
		{!maps.Equal(w.Promise.Asker, next.Promise.Asker), "who asks"},
		{!maps.Equal(w.Promise.Purpose, next.Promise.Purpose), "why"},
		{!maps.Equal(w.Promise.Kept, next.Promise.Kept), "what is kept"},
	} {
		if rule.broken {
			return fmt.Errorf("%s: %w", rule.what, ErrPromised)
		}
	}
	return nil
}

func sameSegment(a, b Segment) bool {
	return a.Code == b.Code && maps.Equal(a.Text, b.Text) && slices.EqualFunc(a.Values, b.Values, func(a, b Option) bool {
		return a.Code == b.Code && maps.Equal(a.Text, b.Text) && a.Exclusive == b.Exclusive
	})
}

// Promise is what a respondent is told before the first question.
type Promise struct {
	Asker    Words // who asks
	Purpose  Words // why
	Minutes  int   // how long it takes
	Kept     Words // what is kept, in words of its own; the program adds what it knows
	Contact  string
	Homepage string
}

// Takes returns whether the wave takes answers at a time, with so many complete responses already there: nil,
// [ErrNotYetOpen], [ErrClosed] or [ErrFull].
func (w *Wave) Takes(now time.Time, complete int) error {
	switch {
	case w.State == WaveDraft, w.Opens != nil && now.Before(*w.Opens):
		return ErrNotYetOpen
	case w.State == WaveClosed, w.Archived, w.Closes != nil && !now.Before(*w.Closes):
		return ErrClosed
	case w.Limit > 0 && complete >= w.Limit:
		return ErrFull
	}
	return nil
}

// Response is what one person answered in one wave, finished or not.
type Response struct {
	ID        ResponseID
	Wave      WaveID
	Version   VersionID
	Key       string // secret of the one who answers: 64 hexadecimal digits, kept as its SHA-256
	Language  Language
	Seed      uint64 // of the order in which options are shown
	Page      int    // pages saved, from the first on; the next to show is Page + 1
	Revision  int    // grows by one with every save; a save names the one it saw
	Answers   []byte // JSON as of Answers.MarshalJSON
	Weight    float64
	Person    string // respondent of imported answers; "" is unknown
	Started   time.Time
	Completed *time.Time

	Invitation InvitationID            // "" is none: an open link, an import, or an anonymous wave
	Attributes map[ItemCode]OptionCode // of the wave's segments
}

// Errors that pages and programs branch on.
var (
	ErrNotFound    = errors.New("there is no such thing")
	ErrNotYetOpen  = errors.New("not open yet")
	ErrClosed      = errors.New("closed")
	ErrFull        = errors.New("as many people as wanted have answered")
	ErrAnswered    = errors.New("answered already")
	ErrConflict    = errors.New("changed meanwhile by somebody else")
	ErrSlugTaken   = errors.New("the address of the link is taken")
	ErrUnavailable = errors.New("the database does not answer")
)
