package fieldwork

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	netmail "net/mail"
	"strings"
	"time"
	"unicode/utf8"

	gomail "github.com/wneessen/go-mail"
	"golang.org/x/net/idna"

	"cxmirror/pkg/survey"
)

// maxName is how many characters of a name a header shows.
const maxName = 120

// envelope is what is told to the server around a mail.
type envelope struct {
	from, to string // addresses, the domains in ASCII
	utf8     bool   // an address has letters beside ASCII before its @
}

// compose makes a written letter into a message as it goes over the wire, and the envelope around it. The
// message ID is given without its angle brackets.
func compose(s Server, w Written, to netmail.Address, messageID string, at time.Time) (envelope, []byte, error) {
	address, wide, err := wireAddress(to.Address)
	if err != nil {
		return envelope{}, nil, err
	}
	bounces := s.bounces
	if bounces == "" {
		bounces = s.from.Address
	}
	m := gomail.NewMsg(gomail.WithNoDefaultUserAgent(), gomail.WithEncoding(gomail.EncodingQP), gomail.WithCharset(gomail.CharsetUTF8))
	from := netmail.Address{Name: short(s.from.Name), Address: s.from.Address}
	if from.Name == "" {
		from.Name = short(w.asker)
	}
	m.FromMailAddress(&from)
	m.ToMailAddress(&netmail.Address{Name: short(to.Name), Address: address})
	if contact, err := netmail.ParseAddress(w.contact); err == nil && contact.Address != s.from.Address {
		m.ReplyToMailAddress(contact)
	}
	m.Subject(w.Subject)
	m.SetDateWithValue(at)
	m.SetMessageIDWithValue(messageID)
	m.SetBoundary(fmt.Sprintf("%x", sha256.Sum256([]byte(messageID)))) // a mail that is tried again is the same mail
	if w.unsubscribe == "" {                                           // a notice, which follows from what was done on a page (RFC 3834)
		m.SetGenHeader("Auto-Submitted", "auto-generated")
	} else if err := unsubscribing(m, w.unsubscribe); err != nil {
		return envelope{}, nil, err
	}
	// A letter to a person by a person's decision: not Auto-Submitted, whose receivers may not answer at all. Only
	// notes that somebody is away are of no use to who asks.
	m.SetGenHeader("X-Auto-Response-Suppress", "OOF, AutoReply")
	m.SetBodyString(gomail.TypeTextPlain, crlf(w.Text))
	m.AddAlternativeString(gomail.TypeTextHTML, crlf(w.HTML))
	var message bytes.Buffer
	if _, err := m.WriteTo(&message); err != nil {
		return envelope{}, nil, fmt.Errorf("message %s: %w", messageID, err)
	}
	return envelope{from: bounces, to: address, utf8: wide}, message.Bytes(), nil
}

// unsubscribing names the address that ends such mails with one click (RFC 8058). Mail programs use it by
// HTTPS alone; where the service is reached without, they are told the address (RFC 2369) and not the click.
func unsubscribing(m *gomail.Msg, address string) error {
	if !strings.HasPrefix(address, "https://") {
		m.SetListUnsubscribe(address)
		return nil
	}
	if err := m.SetListUnsubscribeOneClick(address); err != nil {
		return fmt.Errorf("address to unsubscribe: %w", err)
	}
	return nil
}

// wireAddress returns an address with its domain in ASCII, and whether what stands before the @ needs SMTPUTF8.
func wireAddress(address string) (wire string, wide bool, err error) {
	parsed, err := netmail.ParseAddress(strings.TrimSpace(address))
	if err != nil || strings.ContainsFunc(parsed.Address, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return "", false, ErrBadAddress
	}
	at := strings.LastIndex(parsed.Address, "@")
	local, domain := parsed.Address[:at], parsed.Address[at+1:]
	if domain, err = idna.Lookup.ToASCII(domain); err != nil {
		return "", false, ErrBadAddress
	}
	wide = strings.ContainsFunc(local, func(r rune) bool { return r >= utf8.RuneSelf })
	return local + "@" + domain, wide, nil
}

// short cuts a name to what headers can show, in one line.
func short(name string) string {
	name = survey.OneLine(name)
	if utf8.RuneCountInString(name) > maxName {
		name = string([]rune(name)[:maxName-1]) + "…"
	}
	return name
}

func crlf(text string) string {
	return strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\n", "\r\n")
}
