package fieldwork

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	netmail "net/mail"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"cxmirror/pkg/survey"
)

// postOffice is a mail server on loopback that does as a test wants.
type postOffice struct {
	port    int
	ca      string // file of its certificate
	trusted bool   // takes mail from who does not sign in

	onMail func(from string) error
	onRcpt func(to string, conn net.Conn) error
	// onData is asked before the content is read (after false) and when it is; a connection it closes is lost there.
	onData func(to string, read bool, conn net.Conn) error

	mu       sync.Mutex
	taken    []takenMail
	signedIn int // connections that ever were
	open     int
	mostOpen int
}

// takenMail is a mail that the server has answered for.
type takenMail struct {
	from, to, messageID string
	encrypted           bool
	content             []byte
}

func (p *postOffice) mails() []takenMail {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]takenMail(nil), p.taken...)
}

// setting is how the program is told of the server.
func (p *postOffice) setting(scheme, options string) string {
	return fmt.Sprintf("%s://someone:hunter2pass@localhost:%d?from=Survey+team+<survey@example.org>&bounces=bounces@example.org&ca=%s&timeout=5s%s", scheme, p.port, p.ca, options)
}

func (p *postOffice) server(tb testing.TB, options string) Server {
	tb.Helper()
	s, err := ParseServer(p.setting("smtp", options))
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// startPostOffice starts a mail server that takes all mail by TLS from who signs in.
func startPostOffice(tb testing.TB, p *postOffice, change ...func(*smtp.Server)) *postOffice {
	tb.Helper()
	certificate := p.certificate(tb)
	server := smtp.NewServer(p)
	server.Domain = "post.example.org"
	server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{certificate}}
	server.ReadTimeout, server.WriteTimeout = time.Minute, time.Minute
	server.ErrorLog = quiet{}
	implicit := false
	for _, c := range change {
		if c == nil {
			implicit = true
			continue
		}
		c(server)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	p.port = listener.Addr().(*net.TCPAddr).Port
	if implicit {
		listener = tls.NewListener(listener, server.TLSConfig)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(listener)
	}()
	tb.Cleanup(func() {
		_ = server.Close()
		<-done
	})
	return p
}

// implicitTLS makes startPostOffice speak TLS from the first byte.
var implicitTLS func(*smtp.Server)

type quiet struct{}

func (quiet) Printf(string, ...any) {}
func (quiet) Println(...any)        {}

func (p *postOffice) certificate(tb testing.TB) tls.Certificate {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		tb.Fatal(err)
	}
	p.ca = filepath.Join(tb.TempDir(), "ca.pem")
	if err := os.WriteFile(p.ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		tb.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// NewSession implements smtp.Backend.
func (p *postOffice) NewSession(c *smtp.Conn) (smtp.Session, error) {
	return &counter{office: p, conn: c}, nil
}

// counter is a session of the post office.
type counter struct {
	office   *postOffice
	conn     *smtp.Conn
	user     string
	from, to string
}

func (c *counter) AuthMechanisms() []string { return []string{sasl.Plain} }

func (c *counter) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != "someone" || password != "hunter2pass" {
			return smtp.ErrAuthFailed
		}
		c.user = user
		c.office.mu.Lock()
		defer c.office.mu.Unlock()
		c.office.signedIn++
		c.office.open++
		c.office.mostOpen = max(c.office.mostOpen, c.office.open)
		return nil
	}), nil
}

func (c *counter) Reset() { c.from, c.to = "", "" }

func (c *counter) Logout() error {
	c.office.mu.Lock()
	defer c.office.mu.Unlock()
	if c.user != "" {
		c.office.open--
	}
	return nil
}

func (c *counter) Mail(from string, _ *smtp.MailOptions) error {
	if c.user == "" && !c.office.trusted {
		return smtp.ErrAuthRequired
	}
	if c.office.onMail != nil {
		if err := c.office.onMail(from); err != nil {
			return err
		}
	}
	c.from = from
	return nil
}

func (c *counter) Rcpt(to string, _ *smtp.RcptOptions) error {
	c.to = to
	if c.office.onRcpt != nil {
		return c.office.onRcpt(to, c.conn.Conn())
	}
	return nil
}

func (c *counter) Data(r io.Reader) error {
	on := c.office.onData
	if on != nil {
		if err := on(c.to, false, c.conn.Conn()); err != nil {
			return err
		}
	}
	content, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	_, encrypted := c.conn.TLSConnectionState()
	mail := takenMail{from: c.from, to: c.to, encrypted: encrypted, content: content}
	if m, err := netmail.ReadMessage(bytes.NewReader(content)); err == nil {
		mail.messageID = strings.Trim(m.Header.Get("Message-ID"), "<>")
	}
	c.office.mu.Lock()
	c.office.taken = append(c.office.taken, mail)
	c.office.mu.Unlock()
	if on != nil {
		return on(c.to, true, c.conn.Conn())
	}
	return nil
}

func refusal(code int, status smtp.EnhancedCode, words string) error {
	return &smtp.SMTPError{Code: code, EnhancedCode: status, Message: words}
}

func testMessage(tb testing.TB, s Server, to, messageID string) (envelope, []byte) {
	tb.Helper()
	st := stationery(tb)
	w, err := st.write(occasion(), st.Letter(survey.InvitationLetter), recipient{name: "Anna Żółć", language: "pl", token: "secrettoken"})
	if err != nil {
		tb.Fatal(err)
	}
	env, message, err := compose(s, w, netmail.Address{Name: "Anna Żółć", Address: to}, messageID, time.Date(2027, 3, 1, 9, 0, 0, 0, time.UTC))
	if err != nil {
		tb.Fatal(err)
	}
	return env, message
}

// TestDeliver sends mails over one connection by STARTTLS and by TLS from the first byte, signed in.
func TestDeliver(t *testing.T) {
	t.Parallel()
	for _, scheme := range []string{"smtp", "smtps"} {
		t.Run(scheme, func(t *testing.T) {
			t.Parallel()
			office := &postOffice{}
			if scheme == "smtps" {
				startPostOffice(t, office, implicitTLS)
			} else {
				startPostOffice(t, office)
			}
			s, err := ParseServer(office.setting(scheme, "&mails=3"))
			if err != nil {
				t.Fatal(err)
			}
			courier := newCourier(s)
			defer courier.close()
			for i := range 7 {
				env, message := testMessage(t, s, fmt.Sprintf("person%d@bücher.example", i), fmt.Sprintf("id%d@example.org", i))
				if o := courier.deliver(t.Context(), env, message); o.verdict != accepted {
					t.Fatalf("mail %d: %+v", i, o)
				}
			}
			mails := office.mails()
			if len(mails) != 7 || office.signedIn != 3 {
				t.Errorf("%d mails over %d connections; want 7 over 3", len(mails), office.signedIn)
			}
			for i, m := range mails {
				if m.from != "bounces@example.org" || m.to != fmt.Sprintf("person%d@xn--bcher-kva.example", i) || m.messageID != fmt.Sprintf("id%d@example.org", i) || !m.encrypted {
					t.Errorf("mail %d: from %s to %s id %s encrypted %v", i, m.from, m.to, m.messageID, m.encrypted)
				}
				for n, line := range bytes.Split(m.content, []byte("\r\n")) {
					if len(line) > 998 || bytes.ContainsAny(line, "\r\n") {
						t.Errorf("mail %d, line %d has %d bytes or a line end of its own", i, n+1, len(line))
					}
				}
			}
		})
	}
}

// TestOutcomes holds what follows from a server's answers, and from its silence.
func TestOutcomes(t *testing.T) {
	t.Parallel()
	hangUp := func(_ string, conn net.Conn) error { return conn.Close() }
	tests := []struct {
		name   string
		office postOffice
		want   verdict
		stage  stage
		status string
		taken  int // how many mails the server has
		bad    bool
	}{
		{"sender refused", postOffice{onMail: func(string) error { return refusal(550, smtp.EnhancedCode{5, 7, 1}, "not you") }}, serverStopped, atSender, "5.7.1", 0, false},
		{"too busy", postOffice{onMail: func(string) error { return refusal(451, smtp.EnhancedCode{4, 3, 2}, "later") }}, serverPaused, atSender, "4.3.2", 0, false},
		{"no such person", postOffice{onRcpt: func(string, net.Conn) error { return refusal(550, smtp.EnhancedCode{5, 1, 1}, "unknown") }}, mailRefused, atRecipient, "5.1.1", 0, true},
		{"mailbox full", postOffice{onRcpt: func(string, net.Conn) error { return refusal(552, smtp.EnhancedCode{5, 2, 2}, "full") }}, mailRefused, atRecipient, "5.2.2", 0, false},
		{"relaying denied", postOffice{onRcpt: func(string, net.Conn) error { return refusal(554, smtp.EnhancedCode{5, 7, 1}, "relay") }}, policyRefused, atRecipient, "5.7.1", 0, false},
		{"grey list", postOffice{onRcpt: func(string, net.Conn) error { return refusal(450, smtp.EnhancedCode{4, 2, 0}, "grey") }}, mailDeferred, atRecipient, "4.2.0", 0, false},
		{"closing", postOffice{onRcpt: func(string, net.Conn) error { return refusal(421, smtp.EnhancedCode{4, 3, 0}, "bye") }}, mailDeferred, atRecipient, "4.3.0", 0, false},
		{"lost before the content", postOffice{onRcpt: hangUp}, mailDeferred, atRecipient, "", 0, false},
		{"lost in the content", postOffice{onData: func(_ string, read bool, conn net.Conn) error {
			if !read {
				_ = conn.Close()
			}
			return nil
		}}, mailDeferred, atContent, "", 0, false},
		{"lost before the answer", postOffice{onData: func(_ string, read bool, conn net.Conn) error {
			if read {
				_ = conn.Close()
			}
			return nil
		}}, mailDeferred, atContent, "", 1, false},
		{"content refused", postOffice{onData: func(_ string, read bool, _ net.Conn) error {
			return refusal(554, smtp.EnhancedCode{5, 6, 0}, "no")
		}}, policyRefused, atContent, "5.6.0", 0, false},
		{"content deferred", postOffice{onData: func(_ string, read bool, _ net.Conn) error {
			return refusal(451, smtp.EnhancedCode{4, 3, 0}, "disk full")
		}}, mailDeferred, atContent, "4.3.0", 0, false},
		{"silent", postOffice{onData: func(_ string, read bool, _ net.Conn) error {
			if !read {
				time.Sleep(3 * time.Second)
			}
			return nil
		}}, mailDeferred, atContent, "", -1, false},
	}
	for i := range tests {
		tt := &tests[i]
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			startPostOffice(t, &tt.office)
			s := tt.office.server(t, "")
			if tt.name == "silent" {
				s.timeout = time.Second
			}
			courier := newCourier(s)
			defer courier.close()
			env, message := testMessage(t, s, "anna@example.org", "id@example.org")
			o := courier.deliver(t.Context(), env, message)
			if o.verdict != tt.want || o.stage != tt.stage || o.status != tt.status || o.badAddress() != tt.bad {
				t.Errorf("outcome %+v; want %v at %s %s, bad address %v", o, tt.want, tt.stage, tt.status, tt.bad)
			}
			if o.reason == "" {
				t.Error("no reason is given")
			}
			if got := len(tt.office.mails()); tt.taken >= 0 && o.stage == atContent && o.lost && got != tt.taken {
				t.Errorf("the server has %d mails; want %d", got, tt.taken)
			}
			if tt.stage != atSender && strings.Contains(o.brief(), "anna") {
				t.Errorf("what is logged names the person: %s", o.brief())
			}
		})
	}
}

// TestHalfAMailIsNeverTaken: a program that cannot send a mail to its end, because the time is over or the program
// is to end, must not end it: the server would take it as it is.
func TestHalfAMailIsNeverTaken(t *testing.T) {
	t.Parallel()
	for name, patience := range map[string]struct{ timeout, program time.Duration }{
		"timeout": {time.Second, time.Minute}, "end of the program": {time.Minute, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			office := startPostOffice(t, &postOffice{trusted: true, onData: func(_ string, read bool, _ net.Conn) error {
				if !read {
					time.Sleep(2 * time.Second) // the content waits in buffers meanwhile
				}
				return nil
			}}, func(server *smtp.Server) { server.MaxMessageBytes, server.TLSConfig = 1<<30, nil })
			// Without encryption: a connection by TLS takes no more words after one that was too late.
			s, err := ParseServer(fmt.Sprintf("smtp://localhost:%d?tls=none&from=survey@example.org&timeout=%v", office.port, patience.timeout))
			if err != nil {
				t.Fatal(err)
			}
			courier := newCourier(s)
			env, message := testMessage(t, s, "anna@example.org", "id@example.org")
			message = append(message, bytes.Repeat([]byte(strings.Repeat("x", 70)+"\r\n"), 500_000)...)
			ctx, cancel := context.WithTimeout(t.Context(), patience.program)
			defer cancel()
			if o := courier.deliver(ctx, env, message); o.verdict != mailDeferred || !o.lost {
				t.Errorf("outcome %+v", o)
			}
			courier.close()
			time.Sleep(3 * time.Second)
			for _, m := range office.mails() {
				t.Errorf("the server has taken %d of %d bytes", len(m.content), len(message))
			}
		})
	}
}

// TestConnecting holds what follows when no mail can be sent at all.
func TestConnecting(t *testing.T) {
	t.Parallel()
	office := startPostOffice(t, &postOffice{})
	plain := startPostOffice(t, &postOffice{}, func(s *smtp.Server) { s.TLSConfig, s.AllowInsecureAuth = nil, true })
	nobody, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone := nobody.Addr().(*net.TCPAddr).Port
	_ = nobody.Close()
	tests := []struct {
		name, setting string
		want          verdict
		says          string
	}{
		{"wrong password", strings.Replace(office.setting("smtp", ""), "hunter2pass", "hunter3pass", 1), serverStopped, "535"},
		{"nobody there", strings.Replace(office.setting("smtp", ""), fmt.Sprint(office.port), fmt.Sprint(gone), 1), serverPaused, "refused"},
		{"unknown certificate", strings.Replace(office.setting("smtp", ""), "ca="+office.ca, "ca="+plain.ca, 1), serverStopped, "certificate"},
		{"no encryption", plain.setting("smtp", ""), serverStopped, "STARTTLS"},
		{"no such host", "smtp://there-is-no-such-host.invalid?from=a@example.org", serverPaused, "cannot be reached"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, err := ParseServer(tt.setting)
			if err != nil {
				t.Fatal(err)
			}
			courier := newCourier(s)
			defer courier.close()
			env, message := testMessage(t, s, "anna@example.org", "id@example.org")
			o := courier.deliver(t.Context(), env, message)
			if o.verdict != tt.want || o.stage != atConnect || !strings.Contains(o.reason, tt.says) {
				t.Errorf("outcome %+v; want %v that says %q", o, tt.want, tt.says)
			}
			if strings.Contains(o.reason, "hunter") {
				t.Errorf("the reason shows the password: %s", o.reason)
			}
		})
	}
	if mails := len(office.mails()) + len(plain.mails()); mails > 0 {
		t.Errorf("%d mails were sent", mails)
	}
}

// TestIdleConnectionLost: a server that hung up meanwhile costs no mail an attempt.
func TestIdleConnectionLost(t *testing.T) {
	t.Parallel()
	var last net.Conn
	office := startPostOffice(t, &postOffice{onRcpt: func(_ string, conn net.Conn) error {
		last = conn
		return nil
	}})
	s := office.server(t, "")
	courier := newCourier(s)
	defer courier.close()
	for i := range 3 {
		env, message := testMessage(t, s, "anna@example.org", fmt.Sprintf("id%d@example.org", i))
		if o := courier.deliver(t.Context(), env, message); o.verdict != accepted {
			t.Fatalf("mail %d: %+v", i, o)
		}
		_ = last.Close()
		time.Sleep(50 * time.Millisecond)
	}
	if got := len(office.mails()); got != 3 || office.signedIn != 3 {
		t.Errorf("%d mails over %d connections; want 3 over 3", got, office.signedIn)
	}
}

func TestComposeInjectsNothing(t *testing.T) {
	t.Parallel()
	s := Server{from: netmail.Address{Name: "A\r\nBcc: x@example.org", Address: "survey@example.org"}, bounces: "b@example.org"}
	w := Written{Subject: survey.OneLine("Hello\r\nBcc: everybody@example.org\r\n\r\nbody"), Text: "x", HTML: "<p>x", unsubscribe: "https://h.example/u/T", contact: "hr@example.org\r\nBcc: y@example.org"}
	to := netmail.Address{Name: "Eve\" <eve@evil.example>\r\nBcc: z@example.org", Address: "anna@example.org"}
	env, message, err := compose(s, w, to, "id@example.org", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	m, err := netmail.ReadMessage(bytes.NewReader(message))
	if err != nil {
		t.Fatal(err)
	}
	if m.Header.Get("Bcc") != "" || env.to != "anna@example.org" {
		t.Errorf("a name became a header:\n%s", message)
	}
	if list, err := m.Header.AddressList("To"); err != nil || len(list) != 1 || list[0].Address != "anna@example.org" {
		t.Errorf("To is %v, %v", list, err)
	}
	for _, address := range []string{"", "nobody", "a@b@c", "anna@example.org\r\nRCPT TO:<x@y.z>", "a@", "anna@exa mple.org", strings.Repeat("a", 300)} {
		if _, _, err := compose(s, w, netmail.Address{Address: address}, "id@example.org", time.Now()); !errors.Is(err, ErrBadAddress) {
			t.Errorf("address %q: error %v; want %v", address, err, ErrBadAddress)
		}
	}
	// By HTTP alone no mail program unsubscribes by itself.
	w.unsubscribe = "http://localhost/u/T"
	_, message, err = compose(s, w, to, "id@example.org", time.Now())
	if err != nil || bytes.Contains(message, []byte("One-Click")) || !bytes.Contains(message, []byte("List-Unsubscribe: <http://localhost/u/T>")) {
		t.Errorf("unsubscribing by HTTP: %v\n%s", err, message)
	}
}

func TestFolder(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "outbox")
	if mails, err := ReadOutbox(dir); err != nil || len(mails) > 0 {
		t.Errorf("a folder that is not there: %v, %v", mails, err)
	}
	s, err := ParseServer("folder:" + dir)
	if err != nil {
		t.Fatal(err)
	}
	courier := newCourier(s)
	for _, id := range []string{"one@example.org", "../two@example.org", "one@example.org"} {
		env, message := testMessage(t, s, "anna@example.org", id)
		if o := courier.deliver(t.Context(), env, message); o.verdict != accepted {
			t.Fatalf("%+v", o)
		}
	}
	mails, err := ReadOutbox(dir)
	if err != nil || len(mails) != 2 {
		t.Fatalf("the folder has %v, %v; want two mails", mails, err)
	}
	got, err := OpenMail(dir, mails[0].Name)
	if err != nil {
		t.Fatal(err)
	}
	if got.Subject != "Liczy się każda opinia: Co jest dla Ciebie ważne" || !strings.Contains(got.Text, "Dzień dobry, Anna Żółć!") ||
		!strings.Contains(got.HTML, "<html lang=\"pl\">") || !strings.Contains(got.To, "Anna Żółć") || len(got.Headers) < 8 {
		t.Errorf("the mail reads %+v", got)
	}
	for _, name := range []string{"", "../secret.eml", "/etc/passwd", ".mail-1.eml", "none.eml", "one@example.org"} {
		if _, err := OpenMail(dir, name); !errors.Is(err, survey.ErrNotFound) {
			t.Errorf("mail %q: error %v; want %v", name, err, survey.ErrNotFound)
		}
	}
	left, _ := filepath.Glob(filepath.Join(dir, ".*"))
	if len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
