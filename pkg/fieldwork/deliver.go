package fieldwork

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	gomail "github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"
)

// ErrBadAddress reports that an address is not one that mail can be sent to.
var ErrBadAddress = errors.New("the address is not one that mail can be sent to")

// verdict is what follows from an attempt to send a mail.
type verdict int

const (
	accepted      verdict = iota // a server has taken the mail and answers for it
	mailRefused                  // this mail will never be taken
	mailDeferred                 // this mail may be taken later
	policyRefused                // this mail was refused for a reason that most mails of this server may meet
	serverPaused                 // nothing is wrong with the mail; the server cannot be used for a while
	serverStopped                // nothing is wrong with the mail; the server will take none until somebody mends its setting
)

// stage is how far the dialogue about a mail came.
type stage string

const (
	atConnect   stage = "connecting"
	atSender    stage = "MAIL"
	atRecipient stage = "RCPT"
	atContent   stage = "DATA"
)

// outcome is what an attempt came to. Reason is for pages, and may quote the server, who may quote the address;
// what is logged is [outcome.brief].
type outcome struct {
	verdict verdict
	stage   stage
	code    int    // of the answer; 0 where there was none
	status  string // "5.1.1", where the server said one
	reason  string
	lost    bool // the connection is of no use any more
}

// brief tells the outcome without what the server said of a person.
func (o outcome) brief() string {
	switch {
	case o.verdict == accepted:
		return "accepted"
	case o.stage == atConnect, o.stage == atSender: // nobody was named yet
		return string(o.stage) + ": " + o.reason
	case o.code == 0:
		return string(o.stage) + ": no answer"
	case o.status == "":
		return fmt.Sprintf("%s: %d", o.stage, o.code)
	}
	return fmt.Sprintf("%s: %d %s", o.stage, o.code, o.status)
}

// badAddress reports whether the address was refused as such, so that no other mail to it would be taken: there is
// no such mailbox or domain (5.1), it is closed (5.2.1), or the server gives no reason. Full mailboxes are not.
func (o outcome) badAddress() bool {
	return o.verdict == mailRefused && o.stage == atRecipient && o.code != 0 && o.code != 552 &&
		(o.status == "" || o.status == "5.2.1" || strings.HasPrefix(o.status, "5.1."))
}

// courier brings mails to one server, one after the other.
type courier interface {
	// deliver brings one mail. It returns early, with the mail's fate unknown, only when the context ends.
	deliver(ctx context.Context, env envelope, message []byte) outcome
	// close ends the connection, if there is one. It can be used again.
	close()
}

// newCourier returns what brings mails to a server.
func newCourier(s Server) courier {
	if dir, ok := s.Folder(); ok {
		return folderCourier{dir: dir}
	}
	return &smtpCourier{server: s}
}

// smtpCourier keeps one connection to a server open for many mails. It is for one goroutine.
type smtpCourier struct {
	server  Server
	session *smtp.Client // nil while there is none
	conn    net.Conn
	sent    int // mails over this connection
}

// deliver connects where there is no connection yet and sends one mail. A server may have hung up on a connection
// that was idle; that is noticed at the first command, when nothing was sent yet, and mended by connecting anew.
func (c *smtpCourier) deliver(ctx context.Context, env envelope, message []byte) outcome {
	reused := c.session != nil
	o := c.attempt(ctx, env, message)
	if reused && o.lost && o.stage == atSender && ctx.Err() == nil {
		o = c.attempt(ctx, env, message)
	}
	return o
}

func (c *smtpCourier) attempt(ctx context.Context, env envelope, message []byte) outcome {
	if c.session == nil {
		if err := c.connect(ctx); err != nil {
			c.abandon()
			return connecting(err)
		}
	}
	conn := c.conn
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() }) // ends whatever is being waited for
	defer stop()
	o := c.transact(env, message)
	c.sent++
	switch {
	case o.lost:
		c.abandon()
	case c.sent >= c.server.perConnection:
		c.close()
	}
	return o
}

// transact sends one mail over the connection. The deadline is one for the whole mail: servers that look into
// mails take their time before the last answer, and to give up before it is to send twice.
func (c *smtpCourier) transact(env envelope, message []byte) outcome {
	if err := c.session.UpdateDeadline(c.server.timeout); err != nil {
		return answered(atSender, err)
	}
	if offered, _ := c.session.Extension("SMTPUTF8"); env.utf8 && !offered {
		return outcome{verdict: mailRefused, stage: atRecipient, reason: onlyPlainLetters}
	}
	c.session.SkipSMTPUTF8(!env.utf8)
	if err := c.session.Mail("<" + env.from + ">"); err != nil {
		return c.reset(answered(atSender, err))
	}
	if err := c.session.Rcpt("<" + env.to + ">"); err != nil {
		return c.reset(answered(atRecipient, err))
	}
	content, err := c.session.Data()
	if err != nil {
		return c.reset(answered(atContent, err))
	}
	if _, err := content.Write(message); err != nil {
		return outcome{verdict: mailDeferred, stage: atContent, reason: lostConnection, lost: true}
	}
	if err := content.Close(); err != nil {
		return answered(atContent, err)
	}
	return outcome{verdict: accepted, stage: atContent}
}

// reset takes a refused mail back, so that the connection can be used for the next.
func (c *smtpCourier) reset(o outcome) outcome {
	if !o.lost && c.session.Reset() != nil {
		o.lost = true
	}
	return o
}

// connectTimeout is for finding the server and greeting it, not for a mail.
const connectTimeout = time.Minute

func (c *smtpCourier) connect(ctx context.Context) error {
	// A client each: go-mail writes into it while it finds out how to sign in.
	client, err := gomail.NewClient(c.server.host, c.options()...)
	if err != nil {
		return stopError{fmt.Errorf("the setting cannot be used: %w", err)}
	}
	session, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return err
	}
	c.session, c.sent = session, 0
	return nil
}

func (c *smtpCourier) options() []gomail.Option {
	s := c.server
	policy := gomail.NoTLS
	switch s.tls {
	case tlsRequired:
		policy = gomail.TLSMandatory
	case tlsOpportunistic:
		policy = gomail.TLSOpportunistic
	case tlsNone, tlsImplicit: // implicit: the connection is encrypted before go-mail sees it
	}
	options := []gomail.Option{
		gomail.WithPort(s.port), gomail.WithTimeout(min(s.timeout, connectTimeout)), gomail.WithTLSConfig(s.tlsConfig()),
		gomail.WithTLSPolicy(policy), gomail.WithDialContextFunc(c.dial),
	}
	if s.helo != "" {
		options = append(options, gomail.WithHELO(s.helo))
	}
	if s.user != "" {
		options = append(options, gomail.WithUsername(s.user), gomail.WithPassword(s.password), gomail.WithOpportunisticSMTPAuth(
			gomail.SMTPAuthSCRAMSHA256, gomail.SMTPAuthPlain, gomail.SMTPAuthLogin, gomail.SMTPAuthCramMD5))
	}
	return options
}

// dial keeps the connection in hand: go-mail leaves it open when the server does not let it in.
func (c *smtpCourier) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	if c.server.tls == tlsImplicit {
		encrypted := tls.Client(conn, c.server.tlsConfig())
		if err := encrypted.HandshakeContext(ctx); err != nil {
			_ = conn.Close()
			return nil, err
		}
		conn = encrypted
	}
	c.conn = conn
	return conn, nil
}

// close says good-bye and ends the connection.
func (c *smtpCourier) close() {
	if c.session == nil {
		return
	}
	if c.session.UpdateDeadline(5*time.Second) == nil {
		_ = c.session.Quit()
	}
	c.abandon()
}

// abandon ends the connection without another word: after half a mail any word may end the mail, and the server
// would take it as it is.
func (c *smtpCourier) abandon() {
	if c.conn != nil {
		_ = c.conn.Close()
	}
	c.session, c.conn = nil, nil
}

// stopError is an error of the setting.
type stopError struct{ error }

// connecting says what follows from an error before the first mail.
func connecting(err error) outcome {
	o := outcome{verdict: serverPaused, stage: atConnect, reason: serverUnreachable, lost: true}
	if said, ok := errors.AsType[*textproto.Error](err); ok {
		o = quote(o, said)
		if said.Code/100 == 5 {
			o.verdict = serverStopped
		}
		return o
	}
	if stop, ok := errors.AsType[stopError](err); ok {
		o.verdict, o.reason = serverStopped, tidy(stop.Error())
		return o
	}
	_, wrongCertificate := errors.AsType[*tls.CertificateVerificationError](err)
	_, unknownAuthority := errors.AsType[x509.UnknownAuthorityError](err)
	if wrongCertificate || unknownAuthority {
		o.verdict, o.reason = serverStopped, tidy(err.Error())
		return o
	}
	if _, ok := errors.AsType[net.Error](err); ok || isEnd(err) {
		o.reason += ": " + tidy(err.Error())
		return o
	}
	// What is left go-mail says itself: no STARTTLS, no way of signing in that both know.
	o.verdict, o.reason = serverStopped, tidy(err.Error())
	return o
}

// answered says what follows from an error in the dialogue about a mail.
func answered(at stage, err error) outcome {
	said, ok := errors.AsType[*textproto.Error](err)
	if !ok {
		o := outcome{verdict: mailDeferred, stage: at, reason: lostConnection, lost: true}
		if at == atSender { // nothing of the mail was said
			o.verdict = serverPaused
		}
		return o
	}
	o := quote(outcome{stage: at, lost: said.Code == 421}, said)
	switch {
	case at == atSender && o.code/100 == 5, o.code == 530, o.code == 535, o.code == 538:
		o.verdict = serverStopped
	case at == atSender:
		o.verdict = serverPaused
	case o.code/100 != 5:
		o.verdict = mailDeferred
	case at == atContent, strings.HasPrefix(o.status, "5.7."), o.code == 554 && o.status == "":
		o.verdict = policyRefused
	default:
		o.verdict = mailRefused
	}
	return o
}

var enhanced = regexp.MustCompile(`^\s*([245]\.\d{1,3}\.\d{1,3})\b`)

func quote(o outcome, said *textproto.Error) outcome {
	o.code, o.reason = said.Code, tidy(fmt.Sprintf("%d %s", said.Code, said.Msg))
	if m := enhanced.FindStringSubmatch(said.Msg); m != nil {
		o.status = m[1]
	}
	return o
}

// maxReason is how much of a server's words is kept.
const maxReason = 300

// tidy makes a server's words fit for a line on a page.
func tidy(words string) string {
	words = strings.ToValidUTF8(words, "�")
	words = strings.Join(strings.FieldsFunc(words, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }), " ")
	if utf8.RuneCountInString(words) > maxReason {
		words = string([]rune(words)[:maxReason-1]) + "…"
	}
	return words
}

// isEnd reports whether a connection ended where an answer was expected.
func isEnd(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed)
}
