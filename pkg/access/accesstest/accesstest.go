// Package accesstest lets tests sign in by a real provider of OpenID Connect.
package accesstest

import (
	"bufio"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Options are how a provider is started.
type Options struct {
	Return string // redirect URI of the client: the address of the service and access.ReturnPath
	Users  []User
	Thin   bool // ID tokens say who it is alone; the rest is to be asked for
}

// User is somebody who can sign in at a provider.
type User struct {
	Subject  string   `json:"subject"`
	Address  string   `json:"address"`
	Verified bool     `json:"verified"` // the address
	Password string   `json:"password"`
	Name     string   `json:"name"`
	Locale   string   `json:"locale"`
	Groups   []string `json:"groups"`
}

// Provider is a provider that runs until its test ends. Its page to sign in has the fields "address" and "password"
// and the buttons "do" with the values "sign-in" and "cancel". Its scopes are openid, profile, email and groups.
type Provider struct {
	Issuer, ClientID, ClientSecret string

	end func()
}

// StartProvider builds a provider out of ory/fosite, which is a module of its own, and starts it on this machine.
func StartProvider(tb testing.TB, o Options) *Provider {
	tb.Helper()
	p := &Provider{ClientID: "cxmirror", ClientSecret: "secret-of-the-client"}
	args := []string{"-client", p.ClientID, "-secret", p.ClientSecret, "-return", o.Return}
	if o.Thin {
		args = append(args, "-thin")
	}
	for _, u := range o.Users {
		text, err := json.Marshal(u) //nolint:gosec // whose password is one of a test
		if err != nil {
			tb.Fatal(err)
		}
		args = append(args, "-user", string(text))
	}
	command := exec.CommandContext(tb.Context(), buildProvider(tb), args...) //nolint:gosec // what was just built
	command.Stderr = os.Stderr
	input, err := command.StdinPipe() // the provider ends with it, also when the test is killed
	if err != nil {
		tb.Fatal(err)
	}
	output, err := command.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := command.Start(); err != nil {
		tb.Fatal(err)
	}
	ended := false
	p.end = func() {
		if !ended {
			ended = true
			_ = input.Close()
			_ = command.Wait()
		}
	}
	tb.Cleanup(p.end)
	line, err := bufio.NewReader(output).ReadString('\n')
	if err != nil {
		tb.Fatalf("the provider does not say where it is: %v", err)
	}
	p.Issuer = strings.TrimSpace(line)
	return p
}

// Stop ends the provider, so that it does not answer any more.
func (p *Provider) Stop() { p.end() }

// buildProvider returns the program of the provider.
func buildProvider(tb testing.TB) (path string) {
	tb.Helper()
	where, err := exec.CommandContext(tb.Context(), "go", "list", "-f", "{{.Dir}}", "cxmirror/pkg/access/accesstest").Output()
	if err != nil {
		tb.Fatalf("find the provider's source: %v", err)
	}
	path = filepath.Join(tb.TempDir(), "provider")
	build := exec.CommandContext(tb.Context(), "go", "build", "-o", path, ".") //nolint:gosec // a path of this repository
	build.Dir = filepath.Join(strings.TrimSpace(string(where)), "testdata", "provider")
	build.Env = append(build.Environ(), "GOFLAGS=-mod=readonly", "GOWORK=off")
	out, err := build.CombinedOutput()
	offline := strings.Contains(string(out), "dial tcp") || strings.Contains(string(out), "module lookup disabled")
	switch {
	case err == nil:
	case offline && os.Getenv("CI") != "true": //nolint:forbidigo // tests are told where they run by the environment
		tb.Skipf("the provider's modules are not on this machine, and cannot be had:\n%s", out)
	default:
		tb.Fatalf("build the provider: %v\n%s", err, out)
	}
	return path
}

// SignIn does what a browser does with the address that access.Service.Begin returns: it fills in the provider's
// page, and returns the address with the code that it is sent back to, or with an error if do is "cancel".
func SignIn(tb testing.TB, address, user, password, do string) *url.URL {
	tb.Helper()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	shown, err := client.Get(address) //nolint:noctx // tests end by their own deadline
	if err != nil {
		tb.Fatal(err)
	}
	_ = shown.Body.Close()
	if shown.StatusCode != http.StatusOK {
		tb.Fatalf("the provider's page answers %s, to %s", shown.Status, shown.Header.Get("Location"))
	}
	sent, err := client.PostForm(address, url.Values{"address": {user}, "password": {password}, "do": {do}}) //nolint:noctx // as above
	if err != nil {
		tb.Fatal(err)
	}
	_ = sent.Body.Close()
	back, err := sent.Location()
	if err != nil {
		tb.Fatalf("the provider sends %s nowhere: %s", user, sent.Status)
	}
	return back
}
