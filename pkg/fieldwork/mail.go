package fieldwork

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	netmail "net/mail"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// How a server is used where its setting does not say.
const (
	defaultConnections  = 2
	defaultPerConnected = 100 // mails over one connection; many servers hang up after that many
	defaultTimeout      = 10 * time.Minute
	minTimeout          = time.Second
	maxTimeout          = time.Hour
	maxConnections      = 50
)

// tlsPolicy says when a connection is encrypted.
type tlsPolicy string

const (
	tlsRequired      tlsPolicy = "required"      // by STARTTLS, or nothing is sent
	tlsOpportunistic tlsPolicy = "opportunistic" // by STARTTLS where the server offers it
	tlsNone          tlsPolicy = "none"
	tlsImplicit      tlsPolicy = "implicit" // from the first byte: smtps
)

// Server is a server that takes mails for delivery, or a folder into which they are written, and how much may
// be asked of it. Its limits hold for each running program: where several share a server, each is given its
// part. Whatever prints a Server prints its name, and never its password.
type Server struct {
	folder         string // "" is a server
	host           string
	port           int
	user, password string
	tls            tlsPolicy
	roots          *x509.CertPool  // nil are those of the system
	from           netmail.Address // its name may be empty: then letters are from who asks
	bounces        string          // address to which mails that cannot be delivered come back
	helo           string
	limits         []limit
	connections    int
	perConnection  int
	timeout        time.Duration // of one mail, from its first command to the last answer
}

// limit is how many mails may be sent in any stretch of time so long.
type limit struct {
	mails int
	per   time.Duration
}

// Name tells servers apart on pages and in logs: "smtp://mail.example.org:587", "folder:outbox".
func (s Server) Name() string {
	switch {
	case s.folder != "":
		return "folder:" + s.folder
	case s.tls == tlsImplicit:
		return "smtps://" + s.address()
	}
	return "smtp://" + s.address()
}

// Folder returns the folder into which mails are written, and whether it is one.
func (s Server) Folder() (dir string, ok bool) { return s.folder, s.folder != "" }

// From returns the address that mails come from. Its name may be empty.
func (s Server) From() netmail.Address { return s.from }

// String returns [Server.Name].
func (s Server) String() string { return s.Name() }

// GoString returns [Server.Name], so that no way of printing shows the password.
func (s Server) GoString() string { return s.Name() }

// LogValue returns [Server.Name].
func (s Server) LogValue() slog.Value { return slog.StringValue(s.Name()) }

func (s Server) address() string { return net.JoinHostPort(s.host, strconv.Itoa(s.port)) }

func (s Server) tlsConfig() *tls.Config {
	return &tls.Config{ServerName: s.host, RootCAs: s.roots, MinVersion: tls.VersionTLS12}
}

// ParseServer reads the setting of a mail server:
//
//	smtp://user:password@host:587?from=Survey+team+<survey@example.org>&rate=10/s&day=10000
//	smtps://host:465?from=survey@example.org
//	folder:DIR
//
// smtp encrypts by STARTTLS (port 587 unless given), smtps from the first byte (port 465). Letters in user and
// password that mean something in an address are written as percent codes: "@" is %40. The options are
//
//	from         whom mails are from, an address with or without a name; needed, but for a folder
//	bounces      the address to which undeliverable mails return; that of from unless given
//	tls          required (what holds unless given), opportunistic, or none; not with smtps
//	ca           a file of PEM certificates to trust instead of the system's
//	rate         how many mails in how long: 10/s, 300/m, 5000/h; may be given several times, and all hold
//	day          how many mails in any 24 hours
//	connections  how many at once, 1 to 50; 2 unless given
//	mails        how many over one connection; 100 unless given
//	timeout      how long one mail may take, 1s to 1h; 10m unless given
//	helo         the name by which the program introduces itself; that of the machine unless given
//
// A folder takes from, rate and day. Errors name what is wrong in the setting and never show user or password.
func ParseServer(setting string) (Server, error) {
	if dir, ok := strings.CutPrefix(setting, "folder:"); ok {
		return parseFolder(dir)
	}
	u, err := url.Parse(setting)
	if err != nil { // the error quotes the whole setting
		return Server{}, errors.New("mail server: not an address such as smtp://user:password@host:587; " +
			"letters like @ : / ? # % in user and password are written as percent codes (%40 is @)")
	}
	s := Server{
		host: u.Hostname(), tls: tlsRequired, port: 587,
		connections: defaultConnections, perConnection: defaultPerConnected, timeout: defaultTimeout,
	}
	switch u.Scheme {
	case "smtp":
	case "smtps":
		s.tls, s.port = tlsImplicit, 465
	default:
		return Server{}, fmt.Errorf("mail server: it begins with %q; want one of smtp://, smtps:// and folder:DIR", u.Scheme+":")
	}
	if s.host == "" || (u.Path != "" && u.Path != "/") || u.Fragment != "" {
		return Server{}, fmt.Errorf("mail server: want %s://host:port and options after a question mark; "+
			"letters like @ : / ? # %% in user and password are written as percent codes", u.Scheme)
	}
	if port := u.Port(); port != "" {
		if s.port, err = strconv.Atoi(port); err != nil || s.port < 1 || s.port > 65535 {
			return Server{}, fmt.Errorf("mail server %s: port %q is not one of 1 to 65535", s.host, port)
		}
	}
	if u.User != nil {
		s.user = u.User.Username()
		s.password, _ = u.User.Password()
	}
	if err := s.options(u.RawQuery); err != nil {
		return Server{}, fmt.Errorf("mail server %s: %w", s.Name(), err)
	}
	return s, s.check()
}

func parseFolder(setting string) (Server, error) {
	dir, query, _ := strings.Cut(setting, "?")
	if dir == "" {
		return Server{}, errors.New("mail server: folder: names no folder; want folder:outbox")
	}
	s := Server{folder: filepath.Clean(dir), connections: 1, perConnection: 1, timeout: time.Minute}
	s.from = netmail.Address{Address: "survey@localhost"}
	if err := s.options(query); err != nil {
		return Server{}, fmt.Errorf("mail server %s: %w", s.Name(), err)
	}
	return s, nil
}

func (s *Server) check() error {
	switch {
	case s.from.Address == "":
		return fmt.Errorf("mail server %s: option from is missing: the address that mails come from", s.Name())
	case s.user != "" && s.tls == tlsNone:
		return fmt.Errorf("mail server %s: tls=none would send the password for everybody to read; leave out user and password, or encrypt", s.Name())
	case (s.user == "") != (s.password == ""):
		return fmt.Errorf("mail server %s: user and password belong together: smtp://user:password@host", s.Name())
	}
	if s.bounces == "" {
		s.bounces = s.from.Address
	}
	return nil
}

// options reads what stands behind the question mark.
func (s *Server) options(query string) error {
	// A plus in an address is a plus more often than a blank: survey+bounces@example.org.
	values, err := url.ParseQuery(plusInAddresses(query))
	if err != nil {
		return errors.New("the options after the question mark cannot be read: want name=value&name=value")
	}
	names := make([]string, 0, len(values))
	for name := range values {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if len(values[name]) > 1 && name != "rate" {
			return fmt.Errorf("option %s is given %d times", name, len(values[name]))
		}
		if s.folder != "" && !slices.Contains([]string{"from", "rate", "day"}, name) {
			return fmt.Errorf("option %s: a folder takes from, rate and day", name)
		}
		for _, value := range values[name] {
			if err := s.option(name, value); err != nil {
				return fmt.Errorf("option %s=%s: %w", name, value, err)
			}
		}
	}
	return nil
}

// plusInAddresses keeps a plus that has a letter on both sides and an @ behind it in the same option.
func plusInAddresses(query string) string {
	options := strings.Split(query, "&")
	for i, option := range options {
		name, value, _ := strings.Cut(option, "=")
		at := strings.LastIndex(value, "@")
		if name != "bounces" || at < 0 {
			continue
		}
		options[i] = name + "=" + strings.ReplaceAll(value[:at], "+", "%2B") + value[at:]
	}
	return strings.Join(options, "&")
}

func (s *Server) option(name, value string) (err error) {
	switch name {
	case "from":
		from, err := netmail.ParseAddress(value)
		if err != nil {
			return errors.New("not an address such as survey@example.org or Survey team <survey@example.org>")
		}
		s.from = *from
	case "bounces":
		address, err := netmail.ParseAddress(value)
		if err != nil {
			return errors.New("not an address such as bounces@example.org")
		}
		s.bounces = address.Address
	case "tls":
		policy := tlsPolicy(value)
		if s.tls == tlsImplicit || !slices.Contains([]tlsPolicy{tlsRequired, tlsOpportunistic, tlsNone}, policy) {
			return errors.New("want required, opportunistic or none, and nothing with smtps")
		}
		s.tls = policy
	case "ca":
		pem, err := os.ReadFile(value) //nolint:gosec // the operator names the file
		if err != nil {
			return fmt.Errorf("certificates cannot be read: %w", err)
		}
		s.roots = x509.NewCertPool()
		if !s.roots.AppendCertsFromPEM(pem) {
			return errors.New("the file holds no certificate in PEM")
		}
	case "rate":
		return s.rate(value)
	case "day":
		mails, err := count(value, 10_000_000)
		if err != nil {
			return err
		}
		s.limits = append(s.limits, limit{mails: mails, per: 24 * time.Hour})
	case "connections":
		s.connections, err = count(value, maxConnections)
	case "mails":
		s.perConnection, err = count(value, 1_000_000)
	case "timeout":
		s.timeout, err = time.ParseDuration(value)
		if err != nil || s.timeout < minTimeout || s.timeout > maxTimeout {
			return fmt.Errorf("want a time from %v to %v, such as 90s or 10m", minTimeout, maxTimeout)
		}
	case "helo":
		if strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r > '~' }) || value == "" {
			return errors.New("want the name of a machine")
		}
		s.helo = value
	default:
		return errors.New("there is no such option; there are from, bounces, tls, ca, rate, day, connections, mails, timeout and helo")
	}
	return err
}

func (s *Server) rate(value string) error {
	number, unit, _ := strings.Cut(value, "/")
	per, ok := map[string]time.Duration{
		"s": time.Second, "m": time.Minute, "h": time.Hour,
		"second": time.Second, "minute": time.Minute, "hour": time.Hour,
	}[unit]
	mails, err := count(number, 1_000_000)
	if err != nil || !ok {
		return errors.New("want a number of mails per second, minute or hour: 10/s, 300/m, 5000/h")
	}
	s.limits = append(s.limits, limit{mails: mails, per: per})
	return nil
}

func count(value string, most int) (int, error) {
	n, err := strconv.Atoi(value)
	if err != nil || n < 1 || n > most {
		return 0, fmt.Errorf("want a whole number from 1 to %d", most)
	}
	return n, nil
}
