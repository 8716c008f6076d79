package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"html"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"cxmirror/pkg/survey"
)

// asProgram makes the binary of the tests be the program, so that tests can start and kill it.
const asProgram = "CXMIRROR_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// service is a running service, in this process.
type service struct {
	address        string
	stop           context.CancelFunc
	ended          chan struct{}
	code           int
	stdout, stderr *lines
}

// lines is what a service writes, while it is read.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// begin starts a service in this process on a free port, and waits until it answers.
func begin(t *testing.T, args ...string) *service {
	t.Helper()
	args = withData(t, args)
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	s := &service{stop: stop, ended: make(chan struct{}), stdout: &lines{}, stderr: &lines{}}
	ready := make(chan string, 1)
	go func() {
		defer close(s.ended)
		w := world{
			ctx: ctx, stdin: strings.NewReader(""), stdout: s.stdout, stderr: s.stderr, getenv: func(string) string { return "" },
			now: time.Now, ready: func(address string) { ready <- address },
		}
		s.code = w.run(append(args, "--listen", "127.0.0.1:0"))
	}()
	t.Cleanup(func() { stop(); <-s.ended })
	select {
	case s.address = <-ready:
	case <-s.ended:
		t.Fatalf("%v ended at its start with exit code %d:\n%s", args, s.code, s.stderr)
	case <-time.After(time.Minute):
		t.Fatalf("%v did not answer within a minute:\n%s", args, s.stderr)
	}
	return s
}

// end stops a service and returns its exit code.
func (s *service) end() int {
	s.stop()
	<-s.ended
	return s.code
}

// process is a running service in a process of its own, which can be killed.
type process struct {
	command        *exec.Cmd
	stdout, stderr *lines
	ended          chan struct{}
}

// launch starts the program in a process of its own.
func launch(tb testing.TB, args ...string) *process {
	tb.Helper()
	program, err := os.Executable()
	if err != nil {
		tb.Fatal(err)
	}
	return launchProgram(tb, program, withData(tb, args)...)
}

// launchIn starts the program in a process of its own, with variables "NAME=value" added to the environment.
func launchIn(tb testing.TB, environment []string, args ...string) *process {
	tb.Helper()
	program, err := os.Executable()
	if err != nil {
		tb.Fatal(err)
	}
	return launchProgramIn(tb, environment, program, args...)
}

// launchProgram starts a program that is this one, or a test of it, and kills it in the end.
func launchProgram(tb testing.TB, program string, args ...string) *process {
	tb.Helper()
	return launchProgramIn(tb, nil, program, args...)
}

func launchProgramIn(tb testing.TB, environment []string, program string, args ...string) *process {
	tb.Helper()
	p := &process{command: exec.CommandContext(tb.Context(), program, args...), stdout: &lines{}, stderr: &lines{}, ended: make(chan struct{})}
	p.command.Env = slices.Concat(os.Environ(), []string{asProgram + "=1", "GOCOVERDIR=" + tb.TempDir()}, environment)
	p.command.Stdout, p.command.Stderr = p.stdout, p.stderr
	if err := p.command.Start(); err != nil {
		tb.Fatal(err)
	}
	go func() { _ = p.command.Wait(); close(p.ended) }() // it ends by being killed
	tb.Cleanup(p.kill)
	return p
}

// setUpPath is the path of the link that a new service prints.
var setUpPath = regexp.MustCompile(`/set-up/\S+`)

// newBrowser returns a browser that keeps cookies and follows no redirection.
func newBrowser(t *testing.T) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{Jar: jar, Timeout: time.Minute, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// signIn signs somebody in by her password.
func signIn(t *testing.T, browser *http.Client, address, who, password string) {
	t.Helper()
	response, err := browser.PostForm(address+"/sign-in", url.Values{"address": {who}, "password": {password}})
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusSeeOther || response.Header.Get("Location") != "/" {
		body, _ := io.ReadAll(response.Body)
		t.Fatalf("signing in as %s: %s\n%s", who, response.Status, body)
	}
}

// signedIn returns a browser in which the first user of a new service is signed in, by the link that it has printed.
// Cookies do not mind ports: she is signed in at all servers of the same database on this machine.
func signedIn(t *testing.T, host string, printed *lines) *http.Client {
	t.Helper()
	browser := newBrowser(t)
	link := ""
	waitFor(t, func() bool { link = setUpPath.FindString(printed.String()); return link != "" })
	response, err := browser.PostForm("http://"+host+link, url.Values{
		"address": {"director@example.org"}, "name": {"A director"}, "organisation": {"Our company"}, "password": {"four words of tests"}, "again": {"four words of tests"},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusSeeOther {
		body, _ := io.ReadAll(response.Body)
		t.Fatalf("setting up the service: %s\n%s", response.Status, body)
	}
	return browser
}

// withData adds a directory for the secret, the same for all servers of a test, as servers of one database need it.
func withData(tb testing.TB, args []string) []string {
	tb.Helper()
	if slices.Contains(args, "--data") || args[0] != "serve" {
		return args
	}
	return append(slices.Clone(args), "--data", filepath.Join(filepath.Dir(tb.TempDir()), "data"))
}

func (p *process) kill() {
	_ = p.command.Process.Kill() // it may have ended already
	<-p.ended
}

// freeAddress returns an address that nobody listens on now, nor by chance a little later: its port is below those
// that systems hand out by themselves, to every connection that the other tests make.
func freeAddress(tb testing.TB) string {
	tb.Helper()
	for range 100 {
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(20_000+rand.IntN(12_000)))
		if listener, err := net.Listen("tcp", address); err == nil {
			_ = listener.Close()
			return address
		}
	}
	tb.Fatal("no port of 127.0.0.1 from 20000 to 31999 is free")
	return ""
}

// respondent answers in a browser without script. She sends a page again when she hears nothing back, as
// people do, and goes on where she was.
type respondent struct {
	browser *http.Client
	hosts   func() string // where to send the next request: replicas take turns
	slug    string
	random  *rand.Rand
	comment string
	patient time.Duration
}

func newRespondent(hosts func() string, slug, comment string, seed uint64) *respondent {
	jar, _ := cookiejar.New(nil) // never fails without options
	return &respondent{
		browser: &http.Client{
			Jar: jar, Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		hosts: hosts, slug: slug, random: rand.New(rand.NewPCG(seed, 1)), comment: comment, patient: 20 * time.Second,
	}
}

var errGaveUp = errors.New("the respondent gave up")

// send sends one request until it is answered by other than a failure of the server.
func (r *respondent) send(ctx context.Context, method, path string, form url.Values) (status int, location, body string, err error) {
	var last error
	for deadline := time.Now().Add(r.patient); time.Now().Before(deadline) && ctx.Err() == nil; time.Sleep(20 * time.Millisecond) {
		request, err := http.NewRequestWithContext(ctx, method, "http://"+r.hosts()+path, strings.NewReader(form.Encode()))
		if err != nil {
			return 0, "", "", err
		}
		if method == http.MethodPost {
			request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		response, err := r.browser.Do(request)
		if err != nil {
			last = err
			continue
		}
		text, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil || response.StatusCode >= http.StatusInternalServerError {
			last = fmt.Errorf("%s %s: %s, %w", method, path, response.Status, err)
			continue
		}
		return response.StatusCode, response.Header.Get("Location"), string(text), nil
	}
	return 0, "", "", fmt.Errorf("%w: %w", errGaveUp, errors.Join(last, ctx.Err()))
}

var hiddenField = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)"`)

// answer goes from the promise to the thanks, and returns nil once she was thanked.
func (r *respondent) answer(ctx context.Context, q *survey.Questionnaire) error {
	path := "/o/" + r.slug
	_, _, body, err := r.send(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	form := hidden(body)
	form.Set("_act", "start")
	for range 30 {
		status, location, text, err := r.send(ctx, http.MethodPost, path, form)
		switch {
		case err != nil:
			return err
		case status != http.StatusSeeOther:
			return fmt.Errorf("%s: status %d: %.300s", path, status, text)
		case strings.HasSuffix(location, "/thanks"):
			return nil
		}
		path, _, _ = strings.Cut(location, "#")
		if status, location, body, err = r.send(ctx, http.MethodGet, path, nil); err != nil {
			return err
		}
		if status == http.StatusSeeOther {
			if strings.HasSuffix(location, "/thanks") {
				return nil
			}
			return fmt.Errorf("%s leads to %s", path, location)
		}
		page, err := strconv.Atoi(path[strings.LastIndexByte(path, '/')+1:])
		if err != nil {
			return fmt.Errorf("led to %s: %w", path, err)
		}
		form = hidden(body)
		form.Set("_act", "next")
		r.fill(form, q, page)
	}
	return fmt.Errorf("no end at %s", path)
}

func hidden(body string) url.Values {
	form := url.Values{}
	for _, field := range hiddenField.FindAllStringSubmatch(body, -1) {
		form.Set(html.UnescapeString(field[1]), html.UnescapeString(field[2]))
	}
	return form
}

// fill answers what is required and what the tests look at.
func (r *respondent) fill(form url.Values, q *survey.Questionnaire, page int) {
	for _, it := range q.Items {
		if it.Page != page {
			continue
		}
		switch code := string(it.Code); it.Kind {
		case survey.Single:
			form.Set(code, string(it.Options[r.random.IntN(len(it.Options)-1)].Code)) // the last one is "none" where there is one
		case survey.Multi:
			for _, i := range r.random.Perm(len(it.Options))[:3] {
				form.Add(code, string(it.Options[i].Code))
			}
		case survey.Text:
			form.Set(code, r.comment)
		case survey.Rating:
			for _, row := range it.Rows {
				form.Set(code+"."+string(row.Code), strconv.Itoa(1+r.random.IntN(5)))
			}
		case survey.NPS:
			form.Set(code, strconv.Itoa(r.random.IntN(11)))
		case survey.Rank, survey.Number, survey.Matrix:
		}
	}
}
