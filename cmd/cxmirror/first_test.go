package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// Whoever starts the service on a machine of her own has a survey that people can answer two minutes later. This is
// that way in a real browser, counted: a step is something that she fills in or clicks.
func TestFromTheFirstStartToAnOpenSurvey(t *testing.T) {
	const (
		most    = 14 // steps
		perStep = 8 * time.Second
		within  = 2 * time.Minute
	)
	tab := newTab(t)
	began := time.Now()
	data := t.TempDir()
	s := begin(t, "serve", "--data", data, "--mail", "folder:"+filepath.Join(data, "mails")+"?from=surveys@example.org")
	path := ""
	waitFor(t, func() bool { path = setUpPath.FindString(s.stdout.String()); return path != "" })
	steps := 0
	do := func(actions ...chromedp.Action[chromedp.Void]) {
		t.Helper()
		steps++
		if err := chromedp.Do(tab, actions...); err != nil {
			words, _ := chromedp.Run(tab, chromedp.Text(chromedp.CSS("body"))) // for the message
			t.Fatalf("step %d: %v: %.800s", steps, err, words)
		}
	}
	fill := func(field, words string) { t.Helper(); do(chromedp.SendKeys(chromedp.CSS("#"+field), words)) }
	press := func(selector string) {
		t.Helper()
		steps++
		if _, err := chromedp.RunResponse(tab, chromedp.Click(chromedp.CSS(selector))); err != nil {
			words, _ := chromedp.Run(tab, chromedp.Text(chromedp.CSS("body"))) // for the message
			t.Fatalf("step %d, %s: %v: %.800s", steps, selector, err, words)
		}
	}
	do(chromedp.Navigate(s.address + path))
	fill("address", "director@example.org")
	fill("name", "A director")
	fill("organisation", "Our company")
	fill("password", "four words of tests")
	fill("again", "four words of tests")
	press("main form button")
	press(`main a[href="/waves/new"]`)
	do(chromedp.Click(chromedp.CSS(`input[name="questionnaire"][value="external-expectations"]`)))
	fill("name", "Customers")
	press("main form button.main")
	press(`main form[action$="/edit"] button.main`) // what is promised: as it is proposed
	press(`main form[action$="/open"] button`)
	took := time.Since(began)

	link, err := chromedp.Run(tab, chromedp.Text(chromedp.CSS("a.address")))
	if err != nil {
		t.Fatal(err)
	}
	page := get(t, strings.TrimSpace(link))
	if !strings.Contains(page, "<form") || !strings.Contains(page, "Our company") && !strings.Contains(page, "What matters to you") {
		t.Errorf("%s is no survey that can be answered:\n%s", link, page)
	}
	words, err := chromedp.Run(tab, chromedp.Text(chromedp.CSS("body")))
	if err != nil || !strings.Contains(words, "Our company") {
		t.Errorf("the workbench does not say whose it is: %v\n%s", err, words)
	}
	// Mails have links to sign in by: nobody reads them here, as in a demonstration.
	if response, err := chromedp.RunResponse(tab, chromedp.Navigate(s.address+"/outbox")); err != nil || response.Status != http.StatusNotFound {
		t.Errorf("mails in a folder: %+v, %v, want 404", response, err)
	}
	t.Logf("%d steps, and %s of waiting for the program", steps, took.Round(time.Millisecond))
	if estimate := time.Duration(steps)*perStep + took; steps > most || estimate > within {
		t.Errorf("a first survey is open after %d steps, about %s at %s each; want at most %d, and %s", steps, estimate, perStep, most, within)
	}
}

// The link that sets the service up is printed at every start until it was used. The newest is good, the others are
// not; afterwards there is none.
func TestSetUpLinkIsReplaced(t *testing.T) {
	data := t.TempDir()
	var links []string
	for range 2 {
		s := begin(t, "serve", "--data", data)
		path := ""
		waitFor(t, func() bool { path = setUpPath.FindString(s.stdout.String()); return path != "" })
		links = append(links, path)
		if strings.Contains(s.stderr.String(), path) || !strings.Contains(s.stderr.String(), "on standard output") {
			t.Errorf("the log has the link, or does not say where it is:\n%s", s.stderr)
		}
		if len(links) == 2 {
			for i, want := range []bool{false, true} {
				response, err := http.Get(s.address + links[i])
				if err != nil {
					t.Fatal(err)
				}
				response.Body.Close()
				if (response.StatusCode == http.StatusOK) != want {
					t.Errorf("link %d of 2: %s", i+1, response.Status)
				}
			}
			signedIn(t, strings.TrimPrefix(s.address, "http://"), s.stdout)
		}
		if code := s.end(); code != exitDone {
			t.Fatalf("exit code %d:\n%s", code, s.stderr)
		}
	}
	if s := begin(t, "serve", "--data", data); strings.Contains(s.stdout.String(), "/set-up/") {
		t.Errorf("a service that was set up prints a link to do so:\n%s", s.stdout)
	}
}

// newTab returns a tab of a real browser. Where there is none the test is skipped; in CI, which must have one, it fails.
func newTab(t *testing.T) context.Context {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("no chromium: CI must have one")
		}
		t.Skip("no chromium here")
	}
	ctx, cancel := chromedp.NewExecAllocator(context.WithoutCancel(t.Context()), chromedp.ExecPath(path), chromedp.Headless,
		chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun, chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-background-networking", true))
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(func() {
		_ = chromedp.Cancel(ctx) // waits until the browser is gone
		cancel()
	})
	if err := chromedp.Do(ctx); err != nil { // the first call starts the browser, and must have no deadline
		t.Fatal(fmt.Errorf("chromium: %w", err))
	}
	ctx, cancel = context.WithTimeout(ctx, time.Minute)
	t.Cleanup(cancel)
	return ctx
}
