package web

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// browser is a tab of a real browser.
type browser struct {
	t   *testing.T
	ctx context.Context //nolint:containedctx // chromedp keeps its tab in it

	width int64 // of the window
}

// chromium starts a browser for a test. Where there is none the test is skipped; in CI, which must have one, it
// fails.
func chromium(t *testing.T) *browser {
	t.Helper()
	if testing.Short() {
		t.Skip("a browser takes its time")
	}
	path, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("no chromium: CI must have one")
		}
		t.Skip("no chromium here")
	}
	ctx, cancel := chromedp.NewExecAllocator(context.WithoutCancel(t.Context()), chromedp.ExecPath(path), chromedp.Headless,
		chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun, chromedp.Flag("hide-scrollbars", true),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-background-networking", true))
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(func() {
		_ = chromedp.Cancel(ctx) // waits until the browser is gone
		cancel()
	})
	b := &browser{t: t, ctx: ctx}
	b.do()                                                // the first call starts the browser, and must have no deadline
	ctx, cancel = context.WithTimeout(ctx, 6*time.Minute) // on a machine that does much else as well
	t.Cleanup(cancel)
	b.ctx = ctx
	return b
}

// do lets the browser act, or fails the test.
func (b *browser) do(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, actions...); err != nil {
		b.t.Fatalf("%v, at %s: %.800s", err, b.address(), b.words())
	}
}

func (b *browser) address() string { return b.ask(chromedp.Location()) }

func (b *browser) words() string { return b.ask(chromedp.Text(chromedp.CSS("body"))) }

// ask reads a text of the page. A page that has just taken the place of another may not have it yet, and what the
// browser knew of the other one is gone: then it is asked again. "" is what it has not said within seconds.
func (b *browser) ask(what chromedp.Action[string]) string {
	for range 50 {
		if text, err := chromedp.Run(b.ctx, what); err == nil && text != "" || b.ctx.Err() != nil {
			return text
		}
		time.Sleep(100 * time.Millisecond)
	}
	return ""
}

// tell sends the browser a command of its protocol.
func tell[P, R any](b *browser, command cdp.Command[P, R], params P) {
	b.t.Helper()
	if _, err := chromedp.Call(b.ctx, command, params); err != nil {
		b.t.Fatal(err)
	}
}

// window sets the size and the colours.
func (b *browser) window(width, height int64, dark bool) {
	b.t.Helper()
	b.width = width
	scheme := "light"
	if dark {
		scheme = "dark"
	}
	tell(b, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
		Width: width, Height: height, DeviceScaleFactor: 2, Mobile: width < 700,
	})
	tell(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
	}})
}

// language sets what the browser says its reader reads.
func (b *browser) language(tags string) {
	b.t.Helper()
	tell(b, network.SetExtraHTTPHeaders, network.SetExtraHTTPHeadersParams{Headers: network.Headers{"Accept-Language": tags}})
}

// script switches scripts of pages on or off.
func (b *browser) script(on bool) {
	b.t.Helper()
	tell(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !on})
}

// forget takes away all cookies.
func (b *browser) forget() {
	b.t.Helper()
	tell(b, network.ClearBrowserCookies, cdp.Empty{})
}

// open goes to an address.
func (b *browser) open(address string) {
	b.t.Helper()
	b.do(chromedp.Navigate(address))
}

// press clicks what leads to another page, and waits for that.
func (b *browser) press(selector string) {
	b.t.Helper()
	if _, err := chromedp.RunResponse(b.ctx, chromedp.Click(chromedp.CSS(selector))); err != nil {
		b.t.Fatalf("press %s: %v, at %s: %.800s", selector, err, b.address(), b.words())
	}
}

// click clicks what stays on the page.
func (b *browser) click(selector string) {
	b.t.Helper()
	b.do(chromedp.Click(chromedp.CSS(selector)))
}

// comment writes a comment, or replaces it.
func (b *browser) comment(text string) {
	b.t.Helper()
	b.do(chromedp.SetValue(chromedp.CSS("[name=comment]"), text))
}

// tick chooses an answer.
func (b *browser) tick(name, value string) {
	b.t.Helper()
	b.click(fmt.Sprintf(`label:has(input[name=%q][value=%q])`, name, value))
}

// read returns what an expression of the page says.
func read[T any](b *browser, expression string) T {
	b.t.Helper()
	value, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("%v, in %.200s", err, expression)
	}
	return value
}

// look is a window, and whether its owner likes it dark.
type look struct {
	name          string
	width, height int64 // in CSS pixels
	dark          bool
}

// looks returns those in which the pages of the workbench are looked at: a desk's, a phone's and the narrowest.
func looks() []look {
	return []look{
		{"1280-light", 1280, 800, false},
		{"1280-dark", 1280, 800, true},
		{"390-light", 390, 844, false},
		{"390-dark", 390, 844, true},
		{"320-light", 320, 640, false},
	}
}

// fits fails if one has to scroll sideways, and names what is too wide.
func (b *browser) fits(name string) {
	b.t.Helper()
	if wide := read[int64](b, "document.documentElement.scrollWidth"); wide > b.width {
		b.t.Errorf("%s is %d wide in a window of %d: %s", name, wide, b.width, read[string](b, `[...document.querySelectorAll("main *, header *, footer *")].filter((e) => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest(".scroll, pre, nav, .order")).map((e) => e.outerHTML.slice(0, 120)).slice(0, 5).join("\n")`))
	}
}

// axe returns the accessibility checker, as `make assets` leaves it.
var axe = sync.OnceValues(func() ([]byte, error) {
	return os.ReadFile(filepath.Join("..", "..", "charts", "node_modules", "axe-core", "axe.min.js"))
})

// check looks at the page as it is shown: no sideways scrolling, nothing to tap that is too small for a thumb,
// and no violation of WCAG 2.2 AA that a program can find.
func (b *browser) check(name string) {
	b.t.Helper()
	b.accessible(name)
	b.fits(name)
	small := read[[]string](b, `[...document.querySelectorAll("button, summary, select, textarea, label, input[type=text], a")].filter((e) => {
		const box = e.getBoundingClientRect(), style = getComputedStyle(e);
		if (e.closest(".unseen") || box.width === 0 || style.visibility === "hidden" || e.matches("h2 label, .notice a")) return false;
		return e.checkVisibility() && (box.width < 43.9 || box.height < 43.9);
	}).map((e) => e.outerHTML.slice(0, 120) + JSON.stringify(e.getBoundingClientRect()))`)
	for _, element := range small {
		b.t.Errorf("%s: smaller than a thumb: %s", name, element)
	}
	b.picture(name)
}

// accessible fails the test for what a program can find against WCAG 2.2 AA.
func (b *browser) accessible(name string) {
	b.t.Helper()
	source, err := axe()
	if err != nil {
		if os.Getenv("CI") != "" {
			b.t.Fatalf("%v: run `make assets`", err)
		}
		b.t.Skipf("%v: run `make assets`", err)
	}
	if _, err := chromedp.Run(b.ctx, chromedp.Evaluate[any](string(source)+"; null")); err != nil {
		b.t.Fatal(err)
	}
	violations := read[string](b, `axe.run({runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}).then((found) =>
		JSON.stringify(found.violations.map((v) => ({id: v.id, help: v.help, nodes: v.nodes.map((n) => n.html + " " + (n.failureSummary || ""))}))))`)
	var found []struct {
		ID, Help string
		Nodes    []string
	}
	if err := json.Unmarshal([]byte(violations), &found); err != nil {
		b.t.Fatal(err)
	}
	for _, v := range found {
		b.t.Errorf("%s: %s (%s): %.700s", name, v.Help, v.ID, strings.Join(v.Nodes, "\n"))
	}
}

// picture keeps a picture of the page in the directory that CXMIRROR_PICTURES names.
func (b *browser) picture(name string) {
	b.t.Helper()
	dir := os.Getenv("CXMIRROR_PICTURES")
	if dir == "" {
		return
	}
	picture, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), picture, 0o600); err != nil {
		b.t.Fatal(err)
	}
}
