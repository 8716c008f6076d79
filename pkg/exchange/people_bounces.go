package exchange

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"iter"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"regexp"
	"slices"
	"strings"
)

const (
	maxMessage = 4 << 20 // bytes of a message that are looked at
	maxParts   = 50      // of a message
	maxNesting = 4       // of parts within parts
)

// BounceKind says whether mail to an address may arrive another time.
type BounceKind string

// The kinds of bounces.
const (
	BouncePermanent BounceKind = "permanent" // the address does not exist, or refuses us: do not write again
	BounceTransient BounceKind = "transient" // a full mailbox, a server that was away: this mail is lost, the next may arrive
	BounceDelayed   BounceKind = "delayed"   // a server still tries
	BounceUnclear   BounceKind = "unclear"   // it came back, and nothing says why
)

// Bounce is a mail that did not arrive.
type Bounce struct {
	Line       int // where it stands in the file: its row, or the first line of its message
	Address    string
	Kind       BounceKind
	Status     string // "5.1.1", RFC 3463; "" if nothing says
	Diagnostic string // what the server said, at most 300 characters in one line
	MessageID  string // of our mail, without angle brackets, if the report has it
	Reporter   string // the server that reports, if it says
}

// BounceReader reads a list of bounces. It is not safe for concurrent use.
type BounceReader struct {
	file     string
	people   *PeopleReader // of a list
	mailbox  *mailbox      // of messages
	skipped  []PersonRejection
	messages int
	err      error
}

// OpenBounces makes ready to read bounces: a CSV file or workbook with a column of addresses and one that says why
// (a reason, a status, a type), one report of a mail server as a file (.eml, RFC 3464), or a mailbox of several
// (mbox). Which of them it is shows from the contents. Other messages (answers from people on holiday, mails that
// arrived) are skipped, and counted.
func OpenBounces(r io.Reader, name string) (*BounceReader, error) {
	buffered := bufio.NewReaderSize(r, blockSize)
	start, err := buffered.Peek(4 << 10)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, &FileError{File: name, Says: readFailure(err)}
	}
	b := &BounceReader{file: name}
	if isMessage(start) {
		b.mailbox = &mailbox{from: buffered, many: bytes.HasPrefix(start, []byte("From "))}
		return b, nil
	}
	b.people, err = OpenPeople(buffered, name, PeopleOptions{OnReject: func(r PersonRejection) {
		if len(b.skipped) < keptRejections {
			b.skipped = append(b.skipped, r)
		}
	}})
	if err != nil {
		return nil, err
	}
	b.people.forBounces()
	return b, nil
}

// isMessage reports whether a file begins as a mail does: with a line of a mailbox, or with fields of a header.
func isMessage(start []byte) bool {
	if bytes.HasPrefix(start, []byte("From ")) {
		return true
	}
	field := regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]*:[ \t]`)
	fields := 0
	for line := range bytes.SplitSeq(start, []byte("\n")) {
		line = bytes.TrimRight(line, "\r")
		switch {
		case field.Match(line):
			fields++
		case len(line) > 0 && (line[0] == ' ' || line[0] == '\t') && fields > 0:
		case len(line) == 0:
			return fields >= 2
		default:
			return false
		}
		if fields > 5 {
			return true
		}
	}
	return fields >= 2
}

// Bounces hands out every bounce, once. Afterwards, [BounceReader.Err] tells whether the end was reached.
func (b *BounceReader) Bounces() iter.Seq[Bounce] {
	if b.people != nil {
		return b.listed
	}
	return func(yield func(Bounce) bool) {
		for {
			message, line, err := b.mailbox.next()
			if err != nil {
				if !errors.Is(err, io.EOF) {
					b.err = &FileError{File: b.file, Line: line, Says: readFailure(err)}
				}
				return
			}
			b.messages++
			bounces, why := readReport(message)
			if len(bounces) == 0 {
				b.skip(line, why)
			}
			for _, bounce := range bounces {
				bounce.Line = line
				if !yield(bounce) {
					return
				}
			}
		}
	}
}

func (b *BounceReader) skip(line int, why RowFault) {
	if len(b.skipped) < keptRejections {
		b.skipped = append(b.skipped, PersonRejection{File: b.file, Line: line, RowFault: why})
	}
}

// Err says why reading stopped before the end; nil if it did not.
func (b *BounceReader) Err() error { return b.err }

// Skipped names the rows and messages that are no bounces, or none that can be read, up to a hundred of them.
func (b *BounceReader) Skipped() []PersonRejection { return slices.Clone(b.skipped) }

// listed reads the bounces of a list: address, and whatever else says why.
func (b *BounceReader) listed(yield func(Bounce) bool) {
	for line, person := range b.people.People() {
		bounce := Bounce{Line: line, Address: person.Address}
		var said []string
		seen := make(map[string]bool)
		for _, a := range b.people.plan.attributes {
			value := person.Attributes[a.key]
			if seen[a.key] {
				continue
			}
			seen[a.key] = true
			switch {
			case value == "":
			case strings.Contains(a.key, "message_id"):
				bounce.MessageID = strings.Trim(value, "<> ")
			default:
				said = append(said, value)
			}
		}
		bounce.Diagnostic = clipped(strings.Join(said, "; "))
		bounce.Status, bounce.Kind = classify("", strings.Join(said, "; "))
		if !yield(bounce) {
			return
		}
	}
	b.err = b.people.Err()
}

// forBounces makes the reader take every column but the address for words about it. Somebody may bounce twice,
// and servers are verbose: for a list of bounces neither is a mistake.
func (p *PeopleReader) forBounces() {
	p.loose = true
	p.plan = peoplePlan{address: p.plan.address, language: -1, key: -1, active: -1}
	for i, c := range p.columns {
		if i != p.plan.address {
			p.plan.attributes = append(p.plan.attributes, attributeSource{column: i, key: AttributeKey(c.Header)})
			p.columns[i].Meaning = AttributeColumn
		}
	}
}

// mailbox hands out the messages of a file: one, or several that each begin with a line "From ".
type mailbox struct {
	from    *bufio.Reader
	many    bool
	line    int // read
	started bool
	done    bool
}

// next returns a message and the line it begins in.
func (m *mailbox) next() (message []byte, line int, err error) {
	if m.done {
		return nil, m.line, io.EOF
	}
	var b bytes.Buffer
	line = m.line + 1
	blank := true
	for {
		raw, err := m.from.ReadSlice('\n')
		part := bytes.Clone(raw)
		full := errors.Is(err, bufio.ErrBufferFull)
		if err != nil && !full && !errors.Is(err, io.EOF) {
			return nil, m.line, err //nolint:wrapcheck // the caller says where
		}
		if len(part) > 0 && !full {
			m.line++
		}
		if m.many && blank && isSeparator(part) {
			if m.started && b.Len() > 0 {
				return b.Bytes(), line, nil
			}
			m.started, line = true, m.line
		} else if b.Len() < maxMessage {
			// Lines of a message that begin with "From " are quoted in mailboxes.
			if m.many && bytes.HasPrefix(bytes.TrimLeft(part, ">"), []byte("From ")) {
				part = bytes.TrimPrefix(part, []byte(">"))
			}
			b.Write(part)
		}
		blank = len(bytes.TrimSpace(part)) == 0
		if errors.Is(err, io.EOF) {
			m.done = true
			if b.Len() == 0 {
				return nil, m.line, io.EOF
			}
			return b.Bytes(), line, nil
		}
	}
}

// isSeparator reports whether a line parts messages: "From somebody Tue Mar  3 10:20:00 2026". Not every program
// quotes lines of messages that begin with From; none of them ends in a time and a year.
func isSeparator(line []byte) bool {
	if !bytes.HasPrefix(line, []byte("From ")) {
		return false
	}
	fields := strings.Fields(string(line))
	clock := slices.IndexFunc(fields, func(f string) bool { return len(f) >= 5 && f[2] == ':' && isDigits(f[:2]) && isDigits(f[3:5]) })
	return clock > 1 && slices.ContainsFunc(fields[clock:], func(f string) bool { return len(f) == 4 && isDigits(f) })
}

// readReport reads a message of a mail server about mails it did not deliver. why says what the message is if it
// tells of none.
func readReport(message []byte) (bounces []Bounce, why RowFault) {
	m, err := mail.ReadMessage(bytes.NewReader(bytes.TrimLeft(message, "\r\n")))
	if err != nil {
		return nil, RowFault{Reason: MessageUnreadable, Text: err.Error()}
	}
	found := &report{}
	found.read(textproto.MIMEHeader(m.Header), m.Body, 0)
	for _, bounce := range found.bounces {
		bounce.MessageID = found.messageID
		bounce.Reporter = found.reporter
		bounces = append(bounces, bounce)
	}
	if len(bounces) > 0 {
		return bounces, RowFault{}
	}
	// Some servers write no report for machines, but name who failed in a field of their own.
	if failed := m.Header.Get("X-Failed-Recipients"); failed != "" {
		status, kind := classify("", found.text)
		for address := range strings.SplitSeq(failed, ",") {
			if address = strings.TrimSpace(address); strings.Contains(address, "@") {
				bounces = append(bounces, Bounce{Address: address, Status: status, Kind: kind, Diagnostic: clipped(diagnosticLine(found.text)), MessageID: found.messageID})
			}
		}
		if len(bounces) > 0 {
			return bounces, RowFault{}
		}
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	if err != nil {
		subject = m.Header.Get("Subject")
	}
	why.Text = shownCell(subject)
	switch auto := strings.ToLower(m.Header.Get("Auto-Submitted")); {
	case found.status && found.delivered:
		why.Reason = MessageArrived
	case found.status:
		why.Reason = MessageOfNobody
	case strings.HasPrefix(auto, "auto-replied"):
		why.Reason = MessageAutomatic
	default:
		why.Reason = MessageOther
	}
	return nil, why
}

// report is what was found in the parts of a message.
type report struct {
	bounces   []Bounce
	messageID string
	reporter  string
	text      string
	status    bool // there is a part for machines
	delivered bool
	parts     int
}

// read looks at a part, and at those within it.
func (r *report) read(h textproto.MIMEHeader, body io.Reader, depth int) {
	if r.parts++; r.parts > maxParts || depth > maxNesting {
		return
	}
	kind, params, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil && kind == "" {
		kind = "text/plain"
	}
	if strings.HasPrefix(kind, "multipart/") && params["boundary"] != "" {
		parts := multipart.NewReader(body, params["boundary"])
		for {
			part, err := parts.NextRawPart()
			if err != nil {
				return // the end, or a part cut off: what was read so far stands
			}
			r.read(part.Header, part, depth+1)
		}
	}
	switch strings.ToLower(h.Get("Content-Transfer-Encoding")) {
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	}
	content, _ := io.ReadAll(io.LimitReader(body, maxMessage)) // what can be decoded must do
	switch kind {
	case "message/delivery-status", "message/global-delivery-status":
		r.readStatus(content)
	case "message/rfc822", "message/global", "text/rfc822-headers", "message/rfc822-headers", "message/global-headers":
		// Only the first: a report of a report has the mail that failed in it, too.
		if original, err := readFields(content); r.messageID == "" && (err == nil || len(original) > 0) {
			r.messageID = strings.Trim(strings.TrimSpace(original.Get("Message-Id")), "<>")
		}
	case "text/plain", "":
		if r.text == "" {
			r.text = string(content)
		}
		if id := regexp.MustCompile(`(?im)^message-id:\s*<([^<>\s]+)>`).FindStringSubmatch(string(content)); id != nil && r.messageID == "" {
			r.messageID = id[1]
		}
	}
}

// readFields reads the header of a mail, which may end without a blank line.
func readFields(content []byte) (textproto.MIMEHeader, error) {
	return textproto.NewReader(bufio.NewReader(bytes.NewReader(append(bytes.TrimLeft(content, "\r\n"), "\r\n\r\n"...)))).ReadMIMEHeader() //nolint:wrapcheck // the caller looks whether, not why
}

// readStatus reads the fields of a delivery status: of the message, then of each recipient (RFC 3464, 2.1).
func (r *report) readStatus(content []byte) {
	r.status = true
	content = bytes.ReplaceAll(content, []byte("\r\n"), []byte("\n"))
	for group := range bytes.SplitSeq(append(content, '\n'), []byte("\n\n")) {
		if len(bytes.TrimSpace(group)) == 0 {
			continue
		}
		fields, err := readFields(group)
		if err != nil && len(fields) == 0 {
			continue
		}
		if reporter := fields.Get("Reporting-Mta"); reporter != "" {
			r.reporter = clipped(afterType(reporter))
		}
		original, final := fields.Get("Original-Recipient"), fields.Get("Final-Recipient")
		if original == "" && final == "" {
			continue
		}
		// Mail may have been forwarded: the address we wrote to is the one we know.
		address := decodeXtext(afterType(original))
		if !strings.Contains(address, "@") {
			address = afterType(final)
		}
		address = strings.Trim(strings.TrimSpace(address), "<>")
		if !strings.Contains(address, "@") {
			continue
		}
		bounce := Bounce{Address: address, Diagnostic: clipped(afterType(fields.Get("Diagnostic-Code")))}
		bounce.Status, bounce.Kind = classify(fields.Get("Status"), bounce.Diagnostic)
		switch strings.ToLower(strings.TrimSpace(fields.Get("Action"))) {
		case "delivered", "relayed", "expanded":
			r.delivered = true
			continue
		case "delayed":
			bounce.Kind = BounceDelayed
		}
		r.bounces = append(r.bounces, bounce)
	}
}

// afterType cuts the type off a typed field: "rfc822; anna@example.com" is anna@example.com.
func afterType(field string) string {
	if kind, rest, found := strings.Cut(field, ";"); found && !strings.ContainsAny(strings.TrimSpace(kind), " @") {
		return strings.TrimSpace(rest)
	}
	return strings.TrimSpace(field)
}

// decodeXtext undoes the +XX of addresses that were handed on in SMTP (RFC 3461, 4). A plus that belongs to the
// address, and was not written that way, stays.
func decodeXtext(s string) string {
	return regexp.MustCompile(`\+[0-9A-F]{2}`).ReplaceAllStringFunc(s, func(code string) string {
		var c byte
		if _, err := fmt.Sscanf(code, "+%02X", &c); err != nil || c < '!' || c > '~' {
			return code
		}
		switch c {
		case '+', '=', '@':
			return string(rune(c))
		}
		return code
	})
}

// classify finds the status code of a report, or in the words of a server, and what it means.
func classify(status, words string) (code string, kind BounceKind) {
	enhanced := regexp.MustCompile(`(?:^|[^0-9.])([245]\.\d{1,3}\.\d{1,3})(?:$|[^0-9.]|\.(?:$|[^0-9]))`)
	for _, text := range []string{status, words} {
		if found := enhanced.FindStringSubmatch(text); found != nil {
			code = found[1]
			break
		}
	}
	reply := regexp.MustCompile(`(?:^|[^0-9.])([45])[0-5]\d(?:$|[^0-9.])`).FindStringSubmatch(words)
	lower := strings.ToLower(words)
	says := func(list ...string) bool {
		return slices.ContainsFunc(list, func(word string) bool { return strings.Contains(lower, word) })
	}
	switch {
	case slices.Contains([]string{"5.2.2", "5.2.3", "5.3.1", "5.3.4", "5.4.7"}, code):
		// Reported as final, and yet about this mail or this week: a full mailbox, a full server, a mail too
		// large, time that ran out.
		return code, BounceTransient
	case strings.HasPrefix(code, "5"):
		return code, BouncePermanent
	case strings.HasPrefix(code, "4"):
		return code, BounceTransient
	case reply != nil && reply[1] == "5" && says("quota", "mailbox full", "mailbox is full", "over quota"):
		return code, BounceTransient
	case reply != nil && reply[1] == "5":
		return code, BouncePermanent
	case reply != nil:
		return code, BounceTransient
	case says("soft", "transient", "temporar", "quota", "mailbox full", "mailbox is full", "greylist", "timeout", "timed out", "miękk", "przepełnion", "tymczasow"):
		return code, BounceTransient
	case says("hard", "permanent", "does not exist", "doesn't exist", "unknown user", "user unknown", "no such user", "invalid recipient", "not found", "nie istnieje", "twarde", "trwał", "inexistent", "не существует"):
		return code, BouncePermanent
	}
	return code, BounceUnclear
}

// diagnosticLine is the line of a text for people that has a code in it.
func diagnosticLine(text string) string {
	code := regexp.MustCompile(`(?m)^.*\b[45]\d\d[ -].*$`)
	return strings.TrimSpace(code.FindString(text))
}

// clipped is what a server said, in one line that can be stored and shown.
func clipped(s string) string {
	const longest = 300
	runes := []rune(strings.Join(strings.Fields(strings.ToValidUTF8(s, "\uFFFD")), " "))
	for i, r := range runes {
		if isSteering(r) || r < ' ' || r == 0x7f {
			runes[i] = '\uFFFD'
		}
	}
	if len(runes) > longest {
		return string(runes[:longest-1]) + "…"
	}
	return string(runes)
}
