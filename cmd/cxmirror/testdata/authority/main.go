// Command authority is Pebble, the ACME server of Let's Encrypt for tests, in one process on this machine: it hands out
// certificates for names that it finds at 127.0.0.1, after checking them as authorities do. It is a module of its own, so
// that what it is made of is no part of cxmirror.
//
//	authority -folder FOLDER -tls-port PORT -http-port PORT
//
// It writes to the folder what to trust: directory.pem is the certificate of the directory, root.pem the one that signs
// what is handed out. Then it prints the address of the directory, and runs until its standard input ends.
package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/letsencrypt/pebble/v2/ca"
	"github.com/letsencrypt/pebble/v2/db"
	"github.com/letsencrypt/pebble/v2/va"
	"github.com/letsencrypt/pebble/v2/wfe"
	"github.com/miekg/dns"
)

func main() {
	folder := flag.String("folder", "", "where to write what to trust")
	tlsPort := flag.Int("tls-port", 0, "where names are checked by TLS-ALPN-01")
	httpPort := flag.Int("http-port", 0, "where names are checked by HTTP-01")
	flag.Parse()
	if err := run(*folder, *tlsPort, *httpPort); err != nil {
		fmt.Fprintln(os.Stderr, "authority:", err)
		os.Exit(1)
	}
}

func run(folder string, tlsPort, httpPort int) error {
	names, err := serveNames()
	if err != nil {
		return err
	}
	// Checks are not to wait for up to five seconds each. The one nonce in twenty that Pebble refuses stays: clients of
	// real authorities meet it, too.
	if err := os.Setenv("PEBBLE_VA_NOSLEEP", "1"); err != nil {
		return err
	}
	logger := log.New(os.Stderr, "authority: ", 0)
	memory := db.NewMemoryStore()
	issuer := ca.New(logger, memory, "", "ecdsa", 0, 1, map[string]ca.Profile{"default": {Description: "the only one"}})
	checker := va.New(logger, httpPort, tlsPort, true, names, memory)
	front := wfe.New(logger, memory, checker, issuer, []string{"authority.example.com"}, true, false, 1, 1)

	own, err := ownCertificate()
	if err != nil {
		return err
	}
	written := errors.Join(
		writeCertificate(filepath.Join(folder, "directory.pem"), own.Certificate[0]),
		writeCertificate(filepath.Join(folder, "root.pem"), issuer.GetRootCert(0).DER),
	)
	if written != nil {
		return written
	}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{own}, MinVersion: tls.VersionTLS12})
	if err != nil {
		return err
	}
	go func() { _ = http.Serve(listener, front.Handler()) }() // until the process ends
	fmt.Printf("https://%s%s\n", listener.Addr(), wfe.DirectoryPath)
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// serveNames answers that every name is at 127.0.0.1, and returns where. It answers by TCP, as Pebble asks.
func serveNames() (address string, err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	server := &dns.Server{Listener: listener, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, asked *dns.Msg) {
		answer := new(dns.Msg).SetReply(asked)
		for _, q := range asked.Question {
			if q.Qtype == dns.TypeA {
				answer.Answer = append(answer.Answer, &dns.A{
					Hdr: dns.RR_Header{Name: q.Name, Rrtype: dns.TypeA, Class: dns.ClassINET}, A: net.IPv4(127, 0, 0, 1),
				})
			}
		}
		_ = w.WriteMsg(answer) // who asked has left
	})}
	go func() { _ = server.ActivateAndServe() }() // until the process ends
	return listener.Addr().String(), nil
}

// ownCertificate returns the certificate of the directory.
func ownCertificate() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	signed, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	return tls.Certificate{Certificate: [][]byte{signed}, PrivateKey: key}, err
}

func writeCertificate(path string, der []byte) error {
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600)
}
