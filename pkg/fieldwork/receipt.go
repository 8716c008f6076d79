package fieldwork

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"cxmirror/pkg/store"
	"cxmirror/pkg/survey"
)

// Receipt says what was erased of a person, or of a wave. It names nobody: only who has the service's secret and
// knows the person's key can tell that it is about her.
type Receipt struct {
	At           time.Time
	Organisation survey.OrganisationID
	By           string // who asked for it; "" is the date that was set at the launch
	Of           string // 32 hexadecimal digits that stand for the person; "" is a wave
	Wave         survey.WaveID

	Erased store.Erased
	Texts  int // free texts, of anybody, that mentioned the person
}

// ReceiptPart is a part of a receipt as text; whoever hands it over has words for each.
type ReceiptPart string

// The parts of a receipt. Those that say what was erased follow its number, and take the form that the number asks for.
const (
	ReceiptOfPerson    ReceiptPart = "of_person"   // the title
	ReceiptOfWave      ReceiptPart = "of_wave"     // the title; the number is the wave's
	ReceiptAt          ReceiptPart = "at"          // before the time
	ReceiptBy          ReceiptPart = "by"          // before who asked for it
	ReceiptReason      ReceiptPart = "reason"      // before ReceiptPromised
	ReceiptPromised    ReceiptPart = "promised"    // nobody asked: the date has come
	ReceiptPerson      ReceiptPart = "person"      // before the code of the person
	ReceiptCode        ReceiptPart = "code"        // what the code is
	ReceiptErased      ReceiptPart = "erased"      // before what was erased
	ErasedPeople       ReceiptPart = "people"      // entries in the list of people
	ErasedInvitations  ReceiptPart = "invitations" //
	ErasedMails        ReceiptPart = "mails"       //
	ErasedResponses    ReceiptPart = "responses"   //
	ErasedLinks        ReceiptPart = "links"       // from responses to people
	ErasedDrafts       ReceiptPart = "drafts"      //
	ErasedSealed       ReceiptPart = "sealed"      // anonymous responses that were not published
	ErasedTexts        ReceiptPart = "texts"       //
	ReceiptAnonymous   ReceiptPart = "anonymous"   // the number of anonymous surveys she was invited to
	ReceiptFiguresStay ReceiptPart = "figures"     // responses stay as figures
	ReceiptBackups     ReceiptPart = "backups"     //
)

// ReceiptParts returns every part.
func ReceiptParts() []ReceiptPart {
	return []ReceiptPart{
		ReceiptOfPerson, ReceiptOfWave, ReceiptAt, ReceiptBy, ReceiptReason, ReceiptPromised, ReceiptPerson, ReceiptCode, ReceiptErased,
		ErasedPeople, ErasedInvitations, ErasedMails, ErasedResponses, ErasedLinks, ErasedDrafts, ErasedSealed, ErasedTexts,
		ReceiptAnonymous, ReceiptFiguresStay, ReceiptBackups,
	}
}

// English says a part of a receipt in English.
func (p ReceiptPart) English(number int) string {
	choose := func(one, many string) string {
		if number == 1 {
			return one
		}
		return many
	}
	switch p {
	case ReceiptOfPerson:
		return "Erasure of one person's data"
	case ReceiptOfWave:
		return fmt.Sprintf("Erasure of the personal data of wave %d", number)
	case ReceiptAt:
		return "Erased on"
	case ReceiptBy:
		return "Asked for by"
	case ReceiptReason:
		return "Reason"
	case ReceiptPromised:
		return "the date promised when the wave was launched has come"
	case ReceiptPerson:
		return "Person"
	case ReceiptCode:
		return "a code that stands for the person's key; nothing can be read from it"
	case ReceiptErased:
		return "Erased"
	case ErasedPeople:
		return choose("entry in the list of people", "entries in the list of people")
	case ErasedInvitations:
		return choose("invitation: name, link, access code", "invitations: name, link, access code")
	case ErasedMails:
		return choose("mail, sent or waiting", "mails, sent or waiting")
	case ErasedResponses:
		return choose("response", "responses")
	case ErasedLinks:
		return choose("link from a response to the person; the response stays, as a figure", "links from responses to people; the responses stay, as figures")
	case ErasedDrafts:
		return choose("response that was begun", "responses that were begun")
	case ErasedSealed:
		return choose("anonymous response, too few to be published", "anonymous responses that were too few to be published")
	case ErasedTexts:
		return choose("free text that mentioned the name or the address", "free texts that mentioned the name or the address")
	case ReceiptAnonymous:
		return fmt.Sprintf("The person was invited to anonymous surveys (%d). What she may have answered there cannot be found by anybody, "+
			"so it could not be erased: nothing ties it to her.", number)
	case ReceiptFiguresStay:
		return "Responses that count in the results of confidential surveys stay there as figures, without anything that leads to the person: " +
			"if they went, a look before and a look after would show what she answered."
	case ReceiptBackups:
		return "Backups made before this date still hold what they held; they go when they are replaced."
	}
	return string(p)
}

// Text returns the receipt as it can be printed and handed over, in English.
func (r *Receipt) Text() string { return r.TextIn(ReceiptPart.English) }

// TextIn returns the receipt as it can be printed and handed over, in the words of say, which is given each part with
// its number; 0 where a part has none.
func (r *Receipt) TextIn(say func(part ReceiptPart, number int) string) string {
	const widest = 96 // characters of a line
	var text strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&text, format+"\n", args...) }
	type fact struct{ label, value string }
	facts := []fact{{say(ReceiptAt, 0), r.At.UTC().Format("2006-01-02 15:04") + " (UTC)"}}
	if r.By != "" {
		facts = append(facts, fact{say(ReceiptBy, 0), r.By})
	} else {
		facts = append(facts, fact{say(ReceiptReason, 0), say(ReceiptPromised, 0)})
	}
	if r.Of != "" {
		line("%s", say(ReceiptOfPerson, 0))
		facts = append(facts, fact{say(ReceiptPerson, 0), r.Of}, fact{"", "(" + say(ReceiptCode, 0) + ")"})
	} else {
		line("%s", say(ReceiptOfWave, int(r.Wave)))
	}
	line("")
	indent := 0
	for _, f := range facts {
		indent = max(indent, utf8.RuneCountInString(f.label)+len(":   "))
	}
	for _, f := range facts {
		if f.label != "" {
			f.label += ":"
		}
		line("%-*s%s", indent, f.label, f.value)
	}
	line("")
	line("%s:", say(ReceiptErased, 0))
	for _, what := range []struct {
		part ReceiptPart
		n    int
	}{
		{ErasedPeople, r.Erased.People},
		{ErasedInvitations, r.Erased.Invitations + r.Erased.Nameless},
		{ErasedMails, r.Erased.Mails},
		{ErasedResponses, r.Erased.Responses},
		{ErasedLinks, r.Erased.Unlinked},
		{ErasedDrafts, r.Erased.Drafts},
		{ErasedSealed, r.Erased.Sealed},
		{ErasedTexts, r.Texts},
	} {
		if what.n > 0 || what.part == ErasedResponses { // that there were none is said, too
			line("  %6d  %s", what.n, say(what.part, what.n))
		}
	}
	note := func(part ReceiptPart, number int) {
		line("")
		for _, l := range wrapped(say(part, number), widest) {
			line("%s", l)
		}
	}
	if r.Erased.Nameless > 0 {
		note(ReceiptAnonymous, r.Erased.Nameless)
	}
	if r.Of != "" && r.Erased.Unlinked > 0 {
		note(ReceiptFiguresStay, 0)
	}
	note(ReceiptBackups, 0)
	return text.String()
}

// wrapped parts a text between words into lines of at most so many characters.
func wrapped(text string, widest int) []string {
	var lines []string
	current := ""
	for word := range strings.FieldsSeq(text) {
		if current != "" && utf8.RuneCountInString(current)+1+utf8.RuneCountInString(word) > widest {
			lines, current = append(lines, current), ""
		}
		if current != "" {
			current += " "
		}
		current += word
	}
	return append(lines, current)
}
