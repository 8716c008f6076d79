package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// certificateFor writes a certificate of a name, and its key, and returns the files.
func certificateFor(t *testing.T, folder, name string) (certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	signed, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	certificate = write(t, folder, "cert.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: signed})))
	key = write(t, folder, "key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded})))
	return certificate, key
}

// Over TLS cookies are of this host and of encrypted connections alone, browsers are told to come no other way, and
// who comes without is led, by the name that is ours.
func TestServiceOverTLS(t *testing.T) {
	certificate, key := certificateFor(t, t.TempDir(), "survey.example.com")
	s := begin(t, "serve", "--tls-cert", certificate, "--tls-key", key, "--redirect-http", "127.0.0.1:0")
	if !strings.HasPrefix(s.address, "https://127.0.0.1:") {
		t.Fatalf("it answers at %s", s.address)
	}
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM([]byte(readFile(t, certificate)))
	browser := newBrowser(t)
	browser.Transport = &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: trusted}}

	link := regexp.MustCompile(`https://\S+/set-up/\S+`).FindString(s.stdout.String())
	response, err := browser.PostForm(link, url.Values{
		"address": {"director@example.org"}, "name": {"A director"}, "organisation": {"Our company"},
		"password": {"four words of tests"}, "again": {"four words of tests"},
	})
	if err != nil {
		t.Fatalf("%s: %v", link, err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusSeeOther || response.Header.Get("Strict-Transport-Security") == "" || response.ProtoMajor != 2 {
		t.Errorf("set up: %s, HTTP/%d, %v; want HTTP/2 and a word to browsers to come by TLS", response.Status, response.ProtoMajor, response.Header)
	}
	session := false
	for _, cookie := range response.Cookies() {
		session = session || cookie.Name == "__Host-cxmirror"
		if !cookie.Secure || !cookie.HttpOnly {
			t.Errorf("cookie %+v", cookie)
		}
	}
	if !session {
		t.Errorf("no cookie of this host alone: %v", response.Cookies())
	}
	getBy(t, browser, s.address+"/waves/new")

	plain := regexp.MustCompile(`address=(http://\S+) "leads to"`).FindStringSubmatch(s.stderr.String())
	if plain == nil {
		t.Fatalf("the log does not say where the address without TLS is:\n%s", s.stderr)
	}
	for _, tt := range []struct {
		method, path string
		code         int
		location     string
	}{
		{http.MethodGet, "/o/lunch?lang=pl", http.StatusMovedPermanently, s.address + "/o/lunch?lang=pl"},
		{http.MethodGet, "//evil.example/x", http.StatusMovedPermanently, s.address + "//evil.example/x"},
		{http.MethodPost, "/sign-in", http.StatusBadRequest, ""},
	} {
		request, err := http.NewRequestWithContext(t.Context(), tt.method, plain[1]+tt.path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		request.Host = "evil.example"
		response, err := browser.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != tt.code || response.Header.Get("Location") != tt.location {
			t.Errorf("%s %s: %s to %q, want %d to %q", tt.method, tt.path, response.Status, response.Header.Get("Location"), tt.code, tt.location)
		}
	}

	endless, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.address+"/healthz", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	endless.Header.Set("X-Long", strings.Repeat("x", 2*maxHeaderBytes))
	if response, err := browser.Do(endless); err == nil { // a client that asks first how much may be sent does not send it
		response.Body.Close()
		if response.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("endless headers over HTTP/2: %s, want 431", response.Status)
		}
	} else if !strings.Contains(err.Error(), "larger than peer's advertised limit") {
		t.Errorf("endless headers over HTTP/2: %v", err)
	}

	host := strings.TrimPrefix(s.address, "https://")
	if _, err := tls.DialWithDialer(&net.Dialer{}, "tcp", host, &tls.Config{RootCAs: trusted, MaxVersion: tls.VersionTLS11}); err == nil {
		t.Error("TLS 1.1 is spoken")
	}
	if got := cxmirror(t, "healthcheck", "--listen", host, "--tls-cert", certificate); got.code != exitDone {
		t.Errorf("healthcheck over TLS: %+v", got)
	}
	if got := cxmirror(t, "healthcheck", "--listen", host); got.code != exitFailed {
		t.Errorf("healthcheck without TLS: %+v", got)
	}
}

// With ACME, a certificate is asked for when somebody comes by one of the names, and for no other name. While the
// authority cannot be reached, nobody gets through and the service goes on.
func TestCertificatesByACME(t *testing.T) {
	data := t.TempDir()
	s := begin(t, "serve", "--data", data, "--acme-host", "survey.example.com", "--acme-directory", "https://127.0.0.1:1/directory")
	host := strings.TrimPrefix(s.address, "https://")
	_, port, _ := net.SplitHostPort(host)
	if !strings.Contains(s.stdout.String(), "https://survey.example.com:"+port+"/set-up/") {
		t.Errorf("links do not begin with the name:\n%s", s.stdout)
	}
	for name, want := range map[string]string{"evil.example.com": "not configured", "survey.example.com": "127.0.0.1:1"} {
		if connection, err := tls.Dial("tcp", host, &tls.Config{ServerName: name, InsecureSkipVerify: true}); err == nil {
			connection.Close()
			t.Errorf("there is a certificate of %s", name)
		}
		waitFor(t, func() bool { return strings.Contains(s.stderr.String(), want) })
	}
	door, err := reachFlags{ACMEHost: []string{"survey.example.com"}}.enter(data, time.Now, slog.New(slog.DiscardHandler))
	if err != nil || !slices.Contains(door.config.NextProtos, "acme-tls/1") || !slices.Contains(door.config.NextProtos, "h2") {
		t.Errorf("%+v, %v; want the protocol by which authorities check names, and HTTP/2", door, err)
	}
	if got := s.end(); got != exitDone {
		t.Errorf("exit code %d:\n%s", got, s.stderr)
	}
}

// A certificate is read again when its files change, and the old one is used while they do not fit together.
func TestCertificateIsRenewed(t *testing.T) {
	folder := t.TempDir()
	certificate, key := certificateFor(t, folder, "old.example.com")
	at := time.Now()
	var said bytes.Buffer
	files := &certificateFiles{certificate: certificate, key: key, now: func() time.Time { return at }, log: slog.New(slog.NewTextHandler(&said, nil))}
	if err := files.read(); err != nil {
		t.Fatal(err)
	}
	shows := func(want, when string) {
		t.Helper()
		got, err := files.current(nil)
		if err != nil || got.Leaf.Subject.CommonName != want {
			t.Errorf("%s: %v, %v; want that of %s", when, got, err, want)
		}
	}
	shows("old.example.com", "at the start")
	other := t.TempDir()
	nextCertificate, nextKey := certificateFor(t, other, "new.example.com")
	replace := func(from, to string) {
		t.Helper()
		if err := os.Rename(from, to); err != nil {
			t.Fatal(err)
		}
		later := at.Add(time.Minute) // file systems need not tell two moments of one second apart
		if err := os.Chtimes(to, later, later); err != nil {
			t.Fatal(err)
		}
	}
	replace(nextCertificate, certificate)
	shows("old.example.com", "before it looks again")
	at = at.Add(lookEvery)
	shows("old.example.com", "with half of the files renewed")
	replace(nextKey, key)
	at = at.Add(lookEvery)
	shows("new.example.com", "with both")
	if err := os.Remove(key); err != nil {
		t.Fatal(err)
	}
	at = at.Add(lookEvery)
	shows("new.example.com", "with the key gone")
	for _, want := range []string{"could not be read again", "was renewed", "no such file"} {
		if !strings.Contains(said.String(), want) {
			t.Errorf("%q is not in the log:\n%s", want, said.String())
		}
	}
}

// Whoever sends slowly, or endlessly, is left: at the address of everything and at that of respondents.
func TestSlowAndEndlessHeaders(t *testing.T) {
	t.Parallel()
	s := begin(t, "serve", "--respondents", "127.0.0.1:0")
	open := regexp.MustCompile(`address=http://(\S+) pages=`).FindStringSubmatch(s.stderr.String())
	if open == nil {
		t.Fatalf("the log does not say where respondents come:\n%s", s.stderr)
	}
	type end struct {
		who  string
		took time.Duration
		err  error
	}
	ends := make(chan end)
	hosts := []string{strings.TrimPrefix(s.address, "http://"), open[1]}
	for _, host := range hosts {
		connection, err := net.Dial("tcp", host)
		if err != nil {
			t.Fatal(err)
		}
		defer connection.Close()
		fmt.Fprintf(connection, "GET /healthz HTTP/1.1\r\nHost: %s\r\nX-Slow: ", host)
		began := time.Now()
		go func() {
			_ = connection.SetReadDeadline(began.Add(3 * headerPatience))
			_, err := io.Copy(io.Discard, connection) // nil once the server has hung up
			ends <- end{host, time.Since(began), err}
		}()
		endless, err := net.Dial("tcp", host)
		if err != nil {
			t.Fatal(err)
		}
		defer endless.Close()
		go func() { // until it is hung up on
			_, _ = fmt.Fprintf(endless, "GET /healthz HTTP/1.1\r\nHost: %s\r\nX-Long: %s\r\n\r\n", host, strings.Repeat("x", 2*maxHeaderBytes))
		}()
		response, err := http.ReadResponse(bufio.NewReader(endless), nil)
		if err != nil || response.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("endless headers at %s: %v, %v; want 431", host, response, err)
		}
		if err == nil {
			response.Body.Close()
		}
	}
	for range hosts {
		if got := <-ends; got.err != nil || got.took > 2*headerPatience {
			t.Errorf("slow headers at %s: left after %s, %v; want it after %s", got.who, got.took, got.err, headerPatience)
		}
	}
}

// A provider of single sign-on that is away keeps nobody from starting, and nobody from signing in by other ways.
func TestProviderIsAway(t *testing.T) {
	secret := write(t, t.TempDir(), "client", "a secret of the client\n")
	s := begin(t, "serve", "--oidc-issuer", "http://127.0.0.1:1/realm", "--oidc-client-id", "cxmirror", "--oidc-client-secret-file", secret, "--oidc-name", "Our login")
	waitFor(t, func() bool { return strings.Contains(s.stderr.String(), "nobody can sign in by the provider now") })
	if page := get(t, s.address+"/sign-in"); !strings.Contains(page, "Our login") {
		t.Errorf("the page to sign in does not offer it:\n%s", page)
	}
	response, err := http.Get(s.address + "/sign-in/oidc")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if body, _ := io.ReadAll(response.Body); response.StatusCode < 500 || strings.Contains(string(body), "127.0.0.1:1") {
		t.Errorf("signing in by it: %s\n%s", response.Status, body)
	}
	signedIn(t, strings.TrimPrefix(s.address, "http://"), s.stdout)
	if strings.Contains(s.stderr.String(), "a secret of the client") {
		t.Error("the log holds the client's secret")
	}
}

// What cannot be meant is refused before anything is opened, by the names of the settings.
func TestSettingsOfReachAndSignOn(t *testing.T) {
	folder := t.TempDir()
	certificate, key := certificateFor(t, folder, "survey.example.com")
	_, otherKey := certificateFor(t, t.TempDir(), "other.example.com")
	empty, data := write(t, folder, "empty", "\n"), filepath.Join(folder, "data")
	for _, tt := range []struct {
		name string
		args string
		code int
		want []string
	}{
		{"open without TLS", "--listen :8080", exitUsage, []string{"--listen (CXMIRROR_LISTEN)", "--tls-cert", "--acme-host", "--trust-proxy", "--insecure-http"}},
		{"respondents without TLS", "--respondents 0.0.0.0:8080", exitUsage, []string{"--respondents (CXMIRROR_RESPONDENTS)", "--tls-cert"}},
		{"open without an address", "--listen :8080 --insecure-http", exitUsage, []string{"--address (CXMIRROR_ADDRESS)"}},
		{"TLS and an address without", "--tls-cert " + certificate + " --tls-key " + key + " --address http://survey.example.com", exitUsage, []string{"--address (CXMIRROR_ADDRESS)", "https"}},
		{"half a certificate", "--tls-cert " + certificate, exitUsage, []string{"--tls-key (CXMIRROR_TLS_KEY)", "missing"}},
		{"a foreign key", "--tls-cert " + certificate + " --tls-key " + otherKey, exitFailed, []string{"--tls-key", "match"}},
		{"no certificate", "--tls-cert " + empty + " --tls-key " + key, exitFailed, []string{"--tls-cert (CXMIRROR_TLS_CERT)", empty}},
		{"two ways to one", "--tls-cert " + certificate + " --tls-key " + key + " --acme-host survey.example.com", exitUsage, []string{"--acme-host (CXMIRROR_ACME_HOST)", "choose one"}},
		{"a certificate for an address", "--acme-host 192.0.2.1", exitUsage, []string{"--acme-host", "survey.example.com"}},
		{"a certificate for a URL", "--acme-host https://survey.example.com", exitUsage, []string{"--acme-host"}},
		{"an authority for nothing", "--acme-email a@example.com", exitUsage, []string{"--acme-host (CXMIRROR_ACME_HOST) is missing"}},
		{"an authority without TLS", "--acme-host survey.example.com --acme-directory http://acme.example.com", exitUsage, []string{"--acme-directory (CXMIRROR_ACME_DIRECTORY)"}},
		{"led nowhere", "--redirect-http :80", exitUsage, []string{"--redirect-http (CXMIRROR_REDIRECT_HTTP)", "--tls-cert"}},
		{"a client of nobody", "--oidc-client-id cxmirror", exitUsage, []string{"--oidc-issuer (CXMIRROR_OIDC_ISSUER) is missing", "--oidc-client-id"}},
		{"nobody's provider", "--oidc-issuer https://login.example.com", exitUsage, []string{"--oidc-client-id (CXMIRROR_OIDC_CLIENT_ID)"}},
		{"a provider that is no address", "--oidc-issuer login.example.com --oidc-client-id x", exitUsage, []string{"--oidc-issuer (CXMIRROR_OIDC_ISSUER)"}},
		{"a provider without TLS", "--oidc-issuer http://login.example.com --oidc-client-id x", exitUsage, []string{"--oidc-issuer (CXMIRROR_OIDC_ISSUER)", "https"}},
		{"no secret in the file", "--oidc-issuer https://login.example.com --oidc-client-id x --oidc-client-secret-file " + empty, exitFailed, []string{"--oidc-client-secret-file (CXMIRROR_OIDC_CLIENT_SECRET_FILE)", empty}},
		{"no file of the secret", "--oidc-issuer https://login.example.com --oidc-client-id x --oidc-client-secret-file " + folder + "/none", exitFailed, []string{"--oidc-client-secret-file", "no such file"}},
		{"no list of passwords", "--breached-passwords " + folder + "/none --listen 127.0.0.1:0", exitFailed, []string{"--breached-passwords (CXMIRROR_BREACHED_PASSWORDS)", "no such file"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second) // should it be served after all
			defer cancel()
			var stdout, stderr lines
			code := run(ctx, append([]string{"serve", "--data", data}, strings.Fields(tt.args)...), func(string) string { return "" }, &stdout, &stderr)
			if code != tt.code {
				t.Errorf("exit code %d, want %d", code, tt.code)
			}
			for _, want := range tt.want {
				if !strings.Contains(stderr.String(), want) {
					t.Errorf("%q is not in %s", want, stderr.String())
				}
			}
		})
	}
}

// With a proxy before it, or on a network that nobody else is on, it answers everybody.
func TestOpenAddresses(t *testing.T) {
	for _, args := range [][]string{{"--trust-proxy", "127.0.0.1/32"}, {"--insecure-http"}} {
		ctx, stop := context.WithCancel(t.Context())
		var stdout, stderr lines
		answered := false
		w := world{
			ctx: ctx, stdin: strings.NewReader(""), stdout: &stdout, stderr: &stderr, getenv: func(string) string { return "" }, now: time.Now,
			ready: func(address string) {
				_, port, err := net.SplitHostPort(strings.TrimPrefix(address, "http://"))
				answered = err == nil && cxmirror(t, "healthcheck", "--listen", net.JoinHostPort("127.0.0.1", port)).code == exitDone
				stop()
			},
		}
		code := w.run(append([]string{"serve", "--data", t.TempDir(), "--listen", "0.0.0.0:0", "--address", "https://survey.example.com"}, args...))
		stop()
		if code != exitDone || !answered || !strings.Contains(stdout.String(), "https://survey.example.com/set-up/") {
			t.Errorf("%v: exit code %d, answered %t:\n%s%s", args, code, answered, stdout.String(), stderr.String())
		}
	}
}

// Whoever is led to the address with TLS is led to no other name, whatever the line of the request says.
func TestLedToOurOwnName(t *testing.T) {
	for line, want := range map[string]string{
		"GET /o/lunch?lang=pl HTTP/1.1":        "https://survey.example.com/o/lunch?lang=pl",
		"GET http://evil.example/o/x HTTP/1.1": "https://survey.example.com/o/x",
		"GET //evil.example/x HTTP/1.1":        "https://survey.example.com//evil.example/x",
		"GET x:.evil.example/x HTTP/1.1":       "",
		"GET x:@evil.example/x HTTP/1.1":       "",
		"GET x://evil.example HTTP/1.1":        "https://survey.example.com/",
	} {
		request, err := http.ReadRequest(bufio.NewReader(strings.NewReader(line + "\r\nHost: survey.example.com\r\n\r\n")))
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		answer := httptest.NewRecorder()
		ledTo("https://survey.example.com").ServeHTTP(answer, request)
		if got := answer.Header().Get("Location"); got != want {
			t.Errorf("%s leads to %q, want %q", line, got, want)
		}
	}
}
