package main

import (
	"bytes"
	"database/sql"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/http"
	netmail "net/mail"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"golang.org/x/net/html"
)

// postOffice is a mail server on loopback. It takes its time over every mail, and knows some addresses not.
type postOffice struct {
	address string
	pace    time.Duration
	unknown []string

	mu      sync.Mutex
	taken   []takenMail
	refused map[string]int // by address, how often
}

// takenMail is a mail that the server has answered for.
type takenMail struct {
	to, id, subject, link string
	decline, oneClick     string // List-Unsubscribe and List-Unsubscribe-Post
	text                  string
}

func startPostOffice(t *testing.T, pace time.Duration, unknown ...string) *postOffice {
	t.Helper()
	p := &postOffice{pace: pace, unknown: unknown, refused: map[string]int{}}
	server := smtp.NewServer(p)
	server.Domain, server.ReadTimeout, server.WriteTimeout = "post.example.org", time.Minute, time.Minute
	server.ErrorLog = deaf{}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p.address = listener.Addr().String()
	ended := make(chan struct{})
	go func() { defer close(ended); _ = server.Serve(listener) }() // it ends by being closed
	t.Cleanup(func() { _ = server.Close(); <-ended })
	return p
}

// deaf is told of connections that killed programs leave.
type deaf struct{}

func (deaf) Printf(string, ...any) {}
func (deaf) Println(...any)        {}

// mails returns what was taken since the first so many.
func (p *postOffice) mails(since int) []takenMail {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.taken[since:])
}

func (p *postOffice) count() int { return len(p.mails(0)) }

// NewSession implements smtp.Backend.
func (p *postOffice) NewSession(*smtp.Conn) (smtp.Session, error) { return &counter{office: p}, nil }

// counter is one session with the post office.
type counter struct {
	office *postOffice
	to     string
}

func (c *counter) Reset()                               { c.to = "" }
func (c *counter) Logout() error                        { return nil }
func (c *counter) Mail(string, *smtp.MailOptions) error { return nil }

func (c *counter) Rcpt(to string, _ *smtp.RcptOptions) error {
	c.to = to
	if !slices.Contains(c.office.unknown, to) {
		return nil
	}
	c.office.mu.Lock()
	defer c.office.mu.Unlock()
	c.office.refused[to]++
	return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such user here"}
}

func (c *counter) Data(r io.Reader) error {
	content, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	time.Sleep(c.office.pace)
	mail, err := readMail(c.to, content)
	if err != nil {
		return err
	}
	c.office.mu.Lock()
	defer c.office.mu.Unlock()
	c.office.taken = append(c.office.taken, mail)
	return nil
}

var personalLinks = regexp.MustCompile(`https://survey\.example\.org(/s/[^\s<>"]+)`)

// readMail reads what a mail program shows, and what it acts by.
func readMail(to string, content []byte) (takenMail, error) {
	message, err := netmail.ReadMessage(bytes.NewReader(content))
	if err != nil {
		return takenMail{}, err
	}
	header := message.Header
	subject, err := new(mime.WordDecoder).DecodeHeader(header.Get("Subject"))
	if err != nil {
		return takenMail{}, err
	}
	mail := takenMail{
		to: to, id: header.Get("Message-ID"), subject: subject, decline: header.Get("List-Unsubscribe"), oneClick: header.Get("List-Unsubscribe-Post"),
	}
	_, parameters, err := mime.ParseMediaType(header.Get("Content-Type"))
	if err != nil {
		return takenMail{}, err
	}
	parts := multipart.NewReader(message.Body, parameters["boundary"])
	links := map[string]bool{}
	for {
		part, err := parts.NextRawPart()
		if err == io.EOF { //nolint:errorlint // NextRawPart returns it as it is
			break
		}
		if err != nil {
			return takenMail{}, err
		}
		body, err := io.ReadAll(quotedprintable.NewReader(part))
		if err != nil {
			return takenMail{}, err
		}
		if strings.HasPrefix(part.Header.Get("Content-Type"), "text/plain") {
			mail.text = string(body)
		}
		for _, link := range personalLinks.FindAllStringSubmatch(string(body), -1) {
			links[link[1]] = true
			mail.link = link[1]
		}
	}
	if len(links) != 1 { // the same in text and in HTML
		return takenMail{}, fmt.Errorf("a mail to %s has the links %v", to, links)
	}
	return mail, nil
}

// desk is a browser at the workbench.
type desk struct {
	t      *testing.T
	host   string
	client *http.Client
}

func newDesk(t *testing.T, host string, browser *http.Client) *desk {
	t.Helper()
	return &desk{t: t, host: host, client: browser}
}

// sheet is what came back.
type sheet struct {
	status         int
	location, body string
}

func (d *desk) do(method, path, kind string, body io.Reader) sheet {
	d.t.Helper()
	request, err := http.NewRequestWithContext(d.t.Context(), method, "http://"+d.host+path, body)
	if err != nil {
		d.t.Fatal(err)
	}
	if kind != "" {
		request.Header.Set("Content-Type", kind)
	}
	response, err := d.client.Do(request)
	if err != nil {
		d.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	return sheet{response.StatusCode, response.Header.Get("Location"), string(text)}
}

// look returns a page that is there.
func (d *desk) look(path string) sheet {
	d.t.Helper()
	got := d.do(http.MethodGet, path, "", nil)
	if got.status != http.StatusOK {
		d.t.Fatalf("%s: status %d\n%s", path, got.status, readable(got.body))
	}
	return got
}

// send posts a form that is accepted, and returns where it leads.
func (d *desk) send(path string, form url.Values) string {
	d.t.Helper()
	got := d.do(http.MethodPost, path, "application/x-www-form-urlencoded", strings.NewReader(form.Encode()))
	if got.status != http.StatusSeeOther {
		d.t.Fatalf("%s %v: status %d\n%s", path, form, got.status, readable(got.body))
	}
	return got.location
}

// step sends the form of a page as it is shown, but for what is changed, and returns where it leads.
func (d *desk) step(page, action string, change func(url.Values)) string {
	d.t.Helper()
	form := d.form(d.look(page).body, action)
	if form == nil {
		d.t.Fatalf("%s has no form to %s", page, action)
	}
	if change != nil {
		change(form)
	}
	return d.send(action, form)
}

// upload sends a file and returns the address of the page that shows what is in it.
func (d *desk) upload(path, name, content string) string {
	d.t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile("file", name)
	if err == nil {
		_, err = io.WriteString(part, content)
	}
	if err != nil || form.Close() != nil {
		d.t.Fatal(err)
	}
	got := d.do(http.MethodPost, path, form.FormDataContentType(), &body)
	if got.status != http.StatusSeeOther {
		d.t.Fatalf("%s: status %d\n%s", path, got.status, readable(got.body))
	}
	return got.location
}

// form returns what the first form of a page that goes to an action would send as it stands, without its buttons; nil
// if there is none.
func (d *desk) form(page, action string) url.Values {
	d.t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		d.t.Fatal(err)
	}
	for form := range root.Descendants() {
		if form.Data == "form" && attributeOf(form, "action") == action {
			return fieldsOf(form)
		}
	}
	return nil
}

func attributeOf(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

func has(n *html.Node, key string) bool {
	return slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == key })
}

func fieldsOf(form *html.Node) url.Values {
	fields := url.Values{}
	for n := range form.Descendants() {
		name, kind := attributeOf(n, "name"), attributeOf(n, "type")
		switch {
		case n.Type != html.ElementNode || name == "":
		case n.Data == "input" && kind != "file" && (kind != "checkbox" && kind != "radio" || has(n, "checked")):
			fields.Add(name, attributeOf(n, "value"))
		case n.Data == "textarea":
			fields.Add(name, wordsOf(n))
		case n.Data == "select":
			chosen, first := "", true
			for option := range n.Descendants() {
				if option.Data == "option" && (first || has(option, "selected")) {
					chosen, first = attributeOf(option, "value"), false
				}
			}
			fields.Add(name, chosen)
		}
	}
	return fields
}

// wordsOf is what people read of a part of a page.
func wordsOf(n *html.Node) string {
	var text strings.Builder
	for part := range n.Descendants() {
		if part.Type == html.TextNode && (part.Parent == nil || part.Parent.Data != "script" && part.Parent.Data != "style") {
			text.WriteString(part.Data)
		}
	}
	return text.String()
}

// readable is what people read of a page, in one line.
func readable(page string) string {
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		return page
	}
	for n := range root.Descendants() {
		if n.Data == "main" {
			root = n
			break
		}
	}
	var words []string
	for part := range root.Descendants() {
		if part.Type == html.TextNode && part.Parent.Data != "script" && part.Parent.Data != "style" {
			words = append(words, strings.Fields(part.Data)...)
		}
	}
	return strings.Join(words, " ")
}

// behind opens a database behind the back of the program.
func behind(t *testing.T, engine, dsn string) *sql.DB {
	t.Helper()
	db, err := sql.Open(map[string]string{"sqlite": "sqlite", "postgres": "pgx"}[engine], dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// wholeDatabase is every value of every table, one a line, with where it stands.
func wholeDatabase(t *testing.T, engine, dsn string) string {
	t.Helper()
	db := behind(t, engine, dsn)
	defer db.Close()
	names := "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
	if engine == "postgres" {
		names = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'"
	}
	var dump strings.Builder
	for _, name := range rowsOf(t, db, names) {
		table := fmt.Sprint(name[0])
		for at, row := range rowsOf(t, db, `SELECT * FROM "`+table+`"`) {
			for _, value := range row {
				if raw, ok := value.([]byte); ok {
					value = string(raw)
				}
				fmt.Fprintf(&dump, "%s %d %v\n", table, at, value)
			}
		}
	}
	return dump.String()
}

func rowsOf(t *testing.T, db *sql.DB, query string) [][]any {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var all [][]any
	for rows.Next() {
		values, into := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			t.Fatal(err)
		}
		all = append(all, values)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}
