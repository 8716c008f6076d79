package fieldwork

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	netmail "net/mail"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"cxmirror/pkg/survey"
)

// maxStored is how large a mail may be that is shown.
const maxStored = 10 << 20

// folderCourier writes mails into a folder instead of sending them: for those who try the program, and for tests.
type folderCourier struct{ dir string }

// deliver writes a mail whole or not at all. Its name follows from its Message-ID, so that a mail that is tried
// again takes the place of itself.
func (c folderCourier) deliver(_ context.Context, _ envelope, message []byte) outcome {
	if err := c.write(message); err != nil {
		return outcome{verdict: serverPaused, stage: atContent, reason: tidy(err.Error())}
	}
	return outcome{verdict: accepted, stage: atContent}
}

func (c folderCourier) write(message []byte) error {
	if err := os.MkdirAll(c.dir, 0o700); err != nil {
		return fmt.Errorf("folder of mails: %w", err)
	}
	m, err := netmail.ReadMessage(strings.NewReader(string(message)))
	if err != nil {
		return fmt.Errorf("message: %w", err)
	}
	file, err := os.CreateTemp(c.dir, ".mail-*")
	if err != nil {
		return fmt.Errorf("folder of mails: %w", err)
	}
	defer func() { _ = os.Remove(file.Name()) }()
	_, err = file.Write(message)
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return fmt.Errorf("folder of mails: %w", err)
	}
	if err := os.Rename(file.Name(), filepath.Join(c.dir, fileName(m.Header.Get("Message-ID")))); err != nil {
		return fmt.Errorf("folder of mails: %w", err)
	}
	return nil
}

func (c folderCourier) close() {}

var unfitForFile = regexp.MustCompile(`[^A-Za-z0-9@._-]+`)

func fileName(messageID string) string {
	name := strings.TrimLeft(unfitForFile.ReplaceAllString(strings.Trim(messageID, "<>"), "_"), ".")
	return name[:min(len(name), 200)] + ".eml"
}

// StoredMail is a mail in a folder.
type StoredMail struct {
	Name    string // of its file
	From    string
	To      string
	Subject string
	Date    time.Time
	Notice  bool     // it is about somebody's own account, and may hold a link that signs in as her: see [Notice]
	Headers []string // every header as people read it, in alphabetical order; only of [OpenMail]
	Text    string   // only of [OpenMail]
	HTML    string   // only of [OpenMail]
}

// ReadOutbox returns the mails in a folder, the newest first. A folder that is not there yet has none.
func ReadOutbox(dir string) ([]StoredMail, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("folder of mails: %w", err)
	}
	var mails []StoredMail
	for _, entry := range entries {
		if !isMail(entry.Name()) || !entry.Type().IsRegular() {
			continue
		}
		m, err := readStored(dir, entry.Name(), false)
		if errors.Is(err, survey.ErrNotFound) { // removed meanwhile
			continue
		}
		if err != nil {
			return nil, err
		}
		mails = append(mails, m)
	}
	slices.SortFunc(mails, func(a, b StoredMail) int { return cmp.Or(b.Date.Compare(a.Date), cmp.Compare(a.Name, b.Name)) })
	return mails, nil
}

// OpenMail returns one mail of a folder with its texts, or [survey.ErrNotFound].
func OpenMail(dir, name string) (StoredMail, error) {
	if !isMail(name) {
		return StoredMail{}, fmt.Errorf("mail in a folder: %w", survey.ErrNotFound)
	}
	return readStored(dir, name, true)
}

func isMail(name string) bool {
	return strings.HasSuffix(name, ".eml") && !strings.HasPrefix(name, ".") && filepath.Base(name) == name && !unfitForFile.MatchString(name)
}

func readStored(dir, name string, whole bool) (StoredMail, error) {
	file, err := os.OpenInRoot(dir, name)
	if errors.Is(err, fs.ErrNotExist) {
		err = survey.ErrNotFound
	}
	if err != nil {
		return StoredMail{}, fmt.Errorf("mail in a folder: %w", err)
	}
	defer file.Close()
	m, err := netmail.ReadMessage(io.LimitReader(file, maxStored))
	if err != nil {
		return StoredMail{}, fmt.Errorf("mail %s: %w", name, err)
	}
	read := func(header string) string {
		value := m.Header.Get(header)
		if decoded, err := new(mime.WordDecoder).DecodeHeader(value); err == nil {
			return decoded
		}
		return value
	}
	mail := StoredMail{Name: name, From: read("From"), To: read("To"), Subject: read("Subject")}
	mail.Date, _ = m.Header.Date()                       // a mail without a date is the oldest
	mail.Notice = m.Header.Get("List-Unsubscribe") == "" // which every letter of a wave has
	if !whole {
		return mail, nil
	}
	for header := range m.Header {
		mail.Headers = append(mail.Headers, header+": "+read(header))
	}
	slices.Sort(mail.Headers)
	return mail, mail.readBody(m)
}

// readBody reads the texts of a mail that this program has written: two alternatives, quoted-printable.
func (s *StoredMail) readBody(m *netmail.Message) error {
	kind, args, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || !strings.HasPrefix(kind, "multipart/") {
		return fmt.Errorf("mail %s: its content is %q, not the alternatives that mails of this program have", s.Name, kind)
	}
	for parts := multipart.NewReader(m.Body, args["boundary"]); ; {
		part, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("mail %s: %w", s.Name, err)
		}
		var content io.Reader = part
		if strings.EqualFold(part.Header.Get("Content-Transfer-Encoding"), "quoted-printable") {
			content = quotedprintable.NewReader(part)
		}
		text, err := io.ReadAll(content)
		if err != nil {
			return fmt.Errorf("mail %s: %w", s.Name, err)
		}
		switch kind, _, _ := mime.ParseMediaType(part.Header.Get("Content-Type")); kind {
		case "text/plain":
			s.Text = strings.ReplaceAll(string(text), "\r\n", "\n")
		case "text/html":
			s.HTML = string(text)
		}
	}
}
