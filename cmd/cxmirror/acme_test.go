package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// authority is an ACME server that runs until its test ends, and finds every name at this machine.
type authority struct {
	directory string // its address
	trusted   string // file with the certificate of the directory
	root      string // file with the certificate that signs what it hands out
	end       func()
}

// startAuthority builds the authority out of Pebble, which is a module of its own, and starts it. It checks names at the
// two ports of this machine.
func startAuthority(t *testing.T, program, tlsPort, httpPort string) *authority {
	t.Helper()
	folder := t.TempDir()
	command := exec.CommandContext(t.Context(), program, "-folder", folder, "-tls-port", tlsPort, "-http-port", httpPort)
	said := &lines{}
	command.Stderr = said
	input, err := command.StdinPipe() // it ends with it, also when the test is killed
	if err != nil {
		t.Fatal(err)
	}
	output, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	a := &authority{trusted: filepath.Join(folder, "directory.pem"), root: filepath.Join(folder, "root.pem")}
	ended := false
	a.end = func() {
		if !ended {
			ended = true
			_ = input.Close()
			_ = command.Wait() // what it thinks of its end is no matter
		}
	}
	t.Cleanup(func() {
		a.end()
		if t.Failed() {
			t.Logf("the authority said:\n%s", said)
		}
	})
	line, err := bufio.NewReader(output).ReadString('\n')
	if err != nil {
		t.Fatalf("the authority does not say where it is: %v\n%s", err, said)
	}
	a.directory = strings.TrimSpace(line)
	return a
}

// buildAuthority returns the program of the authority.
func buildAuthority(t *testing.T) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "authority")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", path, ".")
	build.Dir = filepath.Join("testdata", "authority")
	build.Env = append(build.Environ(), "GOFLAGS=-mod=readonly", "GOWORK=off")
	out, err := build.CombinedOutput()
	offline := strings.Contains(string(out), "dial tcp") || strings.Contains(string(out), "module lookup disabled")
	switch {
	case err == nil:
	case offline && os.Getenv("CI") != "true":
		t.Skipf("the authority's modules are not on this machine, and cannot be had:\n%s", out)
	default:
		t.Fatalf("build the authority: %v\n%s", err, out)
	}
	return path
}

// atPort80 returns an address that leads to another one as port 80 of a machine would: nobody names that port.
func atPort80(t *testing.T, plain string) string {
	t.Helper()
	server := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(&url.URL{Scheme: "http", Host: plain})
		r.Out.Host = (&url.URL{Host: r.In.Host}).Hostname()
	}})
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// An authority checks the name in either of the two ways that need no second program, and hands out a certificate when
// somebody comes by that name for the first time. It is kept: after a restart it is there without an authority. As RFC 8555
// allows, this authority does not repeat where an order is when it finalizes one, unlike Let's Encrypt.
func TestCertificateOfAnAuthority(t *testing.T) {
	program := buildAuthority(t)
	for _, way := range []string{"TLS-ALPN-01", "HTTP-01"} {
		t.Run(way, func(t *testing.T) {
			const name = "survey.example.com"
			secure, plain, nobody := freeAddress(t), freeAddress(t), freeAddress(t)
			port := func(address string) string { _, port, _ := net.SplitHostPort(address); return port }
			checked := [2]string{secure, nobody}
			if way == "HTTP-01" {
				checked = [2]string{nobody, atPort80(t, plain)}
			}
			a := startAuthority(t, program, port(checked[0]), port(checked[1]))

			data := filepath.Join(t.TempDir(), "data")
			start := func() *process {
				t.Helper()
				p := launchIn(t, []string{"SSL_CERT_FILE=" + a.trusted}, "serve", "--data", data, "--listen", secure, "--redirect-http", plain,
					"--acme-host", name, "--acme-directory", a.directory, "--acme-email", "admin@example.com")
				for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
					if one, err := net.Dial("tcp", plain); err == nil { // the last address that it takes
						one.Close()
						return p
					}
					if time.Now().After(deadline) {
						t.Fatalf("it did not answer within a minute:\n%s", p.stderr)
					}
				}
			}
			p := start()

			root := x509.NewCertPool()
			if !root.AppendCertsFromPEM([]byte(readFile(t, a.root))) {
				t.Fatal("the authority has no root")
			}
			visit := func(p *process) (*http.Response, *x509.Certificate) {
				t.Helper()
				transport := &http.Transport{
					ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: root},
					DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
						_, port, err := net.SplitHostPort(address)
						if err != nil {
							return nil, err
						}
						return (&net.Dialer{}).DialContext(ctx, network, net.JoinHostPort("127.0.0.1", port))
					},
				}
				defer transport.CloseIdleConnections()
				browser := newBrowser(t)
				browser.Transport = transport
				response, err := browser.Get("https://" + net.JoinHostPort(name, port(secure)) + "/sign-in")
				if err != nil {
					time.Sleep(time.Second) // it says a little later why
					t.Fatalf("%v\n%s", err, p.stderr)
				}
				response.Body.Close()
				return response, response.TLS.PeerCertificates[0]
			}
			response, first := visit(p) //nolint:bodyclose // it is closed
			if response.StatusCode != http.StatusOK || response.ProtoMajor != 2 || response.Header.Get("Strict-Transport-Security") == "" {
				t.Errorf("%s, HTTP/%d, %v; want the page, HTTP/2, and a word to browsers to come by TLS", response.Status, response.ProtoMajor, response.Header)
			}
			if err := first.VerifyHostname(name); err != nil {
				t.Error(err)
			}
			led, err := newBrowser(t).Get("http://" + plain + "/o/lunch")
			if err != nil {
				t.Fatal(err)
			}
			led.Body.Close()
			if want := "https://" + net.JoinHostPort(name, port(secure)) + "/o/lunch"; led.StatusCode != http.StatusMovedPermanently || led.Header.Get("Location") != want {
				t.Errorf("without TLS: %s to %q, want to %q", led.Status, led.Header.Get("Location"), want)
			}
			kept, err := os.ReadDir(filepath.Join(data, "acme"))
			if err != nil || len(kept) == 0 {
				t.Errorf("kept: %v, %v", kept, err)
			}
			for _, file := range kept {
				if about, err := file.Info(); err != nil || about.Mode().Perm()&0o077 != 0 {
					t.Errorf("others may read %s: %v, %v", file.Name(), about, err)
				}
			}

			p.kill()
			a.end()
			if _, again := visit(start()); again.SerialNumber.Cmp(first.SerialNumber) != 0 { //nolint:bodyclose // as above
				t.Errorf("after a restart there is another certificate: %x, was %x", again.SerialNumber, first.SerialNumber)
			}
		})
	}
}
