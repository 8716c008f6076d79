package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Whoever writes a questionnaire, or names a file, writes onto the page that others open. Nothing of it may ever
// be more than words there.

// hostileWords are what people try: scripts, ways out of attributes and elements, template syntax, addresses that
// run. ran(N) is the mark of a word that ran.
func hostileWords() []string {
	return []string{
		`<script>ran(1)</script>`,
		`"><script>ran(2)</script>`,
		`' onmouseover='ran(3)`,
		`" onfocus="ran(4)" autofocus="`,
		`<img src=x onerror=ran(5)>`,
		`</title><script>ran(6)</script>`,
		`</style><script>ran(7)</script>`,
		`</text></svg><script>ran(8)</script>`,
		`${ran(9)}<%= ran(10) %>{%.Style%}[[ran(10)]]`,
		`javascript:ran(11)`,
		`<a href="javascript:ran(12)">here</a>`,
		`<svg onload=ran(13)>`,
		`<!--<script>ran(14)//-->`,
		`]]><script>ran(15)</script>`,
		`&lt;script&gt;ran(16)&lt;/script&gt;`,
		`<iframe src="https://example.org/?ran(17)"></iframe>`,
		`@import url(https://example.org/ran-18);`,
		`{a|<b>rich</b>}{b|x} \u003cscript\u003eran(19)\u003c/script\u003e`,
	}
}

// hostileFolder is a questionnaire of hostile words in every place that takes words, with answers in a file of a
// hostile name. The items are picks, an order and ratings.
func hostileFolder(t *testing.T) (args []string) {
	t.Helper()
	dir := t.TempDir()
	quoted := func(words string) string { return strconv.Quote(words) }
	var options, codes []string
	for i, words := range hostileWords() {
		code := "o" + strconv.Itoa(i)
		options, codes = append(options, "{code: "+code+", text: "+quoted(words)+"}"), append(codes, code)
	}
	everything := strings.Join(hostileWords(), " ")
	list := "[" + strings.Join(options, ", ") + ", {code: none, exclusive: true, text: " + quoted(`<b onclick="ran(20)">none</b>`) + "}]"
	q := write(t, dir, "hostile.yaml", "code: hostile\nlanguages: [en]\ntitle: "+quoted(everything)+"\nitems:\n"+
		"  - {code: picks, kind: multi, text: "+quoted(everything)+", options: "+list+"}\n"+
		"  - {code: order, kind: rank, text: "+quoted(everything)+", options: "+list+"}\n")
	var external, internal strings.Builder
	external.WriteString("picks,order\n")
	internal.WriteString("picks,order\n")
	for i := range 60 {
		some := slices.Concat(codes[i%len(codes):], codes)[:1+i%5]
		external.WriteString(strings.Join(some, ";") + "," + strings.Join(some, ">") + "\n")
		internal.WriteString(some[0] + "," + some[0] + "\n")
	}
	return []string{
		"-q", q, "--external", write(t, dir, `"><script>ran(21)<${}.csv`, external.String()),
		"--internal", write(t, dir, "\u202e' \x1b[2J onload='ran(22).csv", internal.String()),
	}
}

// Letters that turn the direction of a line, and commands of templates and terminals, come into no questionnaire.
func TestWordsThatDeceiveAreRefused(t *testing.T) {
	f := newFolder(t)
	for words, want := range map[string]string{
		"\u202egnp.exe": "turns the direction", "a\u2066b": "turns the direction", "{{.Style}}": "no earlier item", "\x1b[2J": "character",
	} {
		q := write(t, f.path, "hostile.yaml", "code: hostile\nlanguages: [en]\ntitle: Hostile\nitems:\n"+
			"  - {code: picks, kind: multi, text: Which?, options: [{code: a, text: "+strconv.Quote(words)+"}, {code: b, text: B}]}\n")
		got := cxmirror(t, "compare", "-q", q, "--external", f.good, "--internal", f.good, "-o", f.out)
		f.checkRefused(t, got, exitFailed, "hostile.yaml:5:", want)
		if strings.ContainsAny(got.stderr, "\u202e\u2066\x1b") {
			t.Errorf("the message repeats what it refuses: %q", got.stderr)
		}
	}
}

func TestWordsOfOthersStayWords(t *testing.T) {
	args := hostileFolder(t)
	for _, item := range []string{"picks", "order"} {
		got := cxmirror(t, slices.Concat([]string{"compare", "--format", "html", "--item", item}, args)...)
		if got.code != exitDone {
			t.Fatalf("exit code %d: %s", got.code, got.stderr)
		}
		checkInert(t, got.stdout)
		seen := textOf(t, got.stdout)
		for _, words := range hostileWords() {
			if words = strings.Join(strings.Fields(words), " "); !strings.Contains(seen, words) {
				t.Errorf("%s: the words %q are not on the page", item, words)
			}
		}
	}
	plain := cxmirror(t, slices.Concat([]string{"compare", "--format", "html"}, []string{
		"-q", "example/oss-values.yaml", "--map", "example/oss-map.yaml", "example/oss_survey_2017.csv.gz",
	})...)
	checkInert(t, plain.stdout)
}

// checkInert fails on anything in a page that could run, load or send, and if it lacks its three pictures.
func checkInert(t *testing.T, page string) {
	t.Helper()
	for _, danger := range dangers(page) {
		t.Error(danger)
	}
	if pictures := strings.Count(page, "<svg"); pictures < 3 {
		t.Errorf("%d pictures, want 3 at least", pictures)
	}
}

// dangers names what could run, load or send. What is not known to be harmless is a danger.
func dangers(page string) []string {
	all, err := readTokens(page)
	if err != nil {
		return []string{err.Error()}
	}
	harmless := strings.Fields("html head meta title style body header main footer section figure figcaption div p span b small h1 h2 h3 ul ol li " +
		"table caption thead tbody tr th td svg g path text tspan rect circle ellipse line polyline polygon defs clippath desc")
	var found []string
	inStyle := false
	for _, next := range all {
		switch {
		case next.kind == textToken && inStyle:
			found = append(found, dangersOfStyle(next.text)...)
		case next.kind == startToken:
			if !slices.Contains(harmless, next.name) {
				found = append(found, "an element "+next.name)
			}
			for _, a := range next.attributes {
				if why := dangerOfAttribute(a); why != "" {
					found = append(found, next.name+" has "+why)
				}
			}
		}
		inStyle = next.kind == startToken && next.name == "style"
	}
	return found
}

func dangerOfAttribute(a attribute) string {
	switch {
	case strings.HasPrefix(a.name, "on"), slices.Contains(strings.Fields("srcdoc src srcset action formaction http-equiv ping background data"), a.name):
		return "the attribute " + a.name
	case strings.HasSuffix(a.name, "href") && !strings.HasPrefix(a.value, "#"):
		return "an address: " + a.value
	case strings.HasPrefix(a.name, "xmlns"):
		if a.value != "http://www.w3.org/2000/svg" && a.value != "http://www.w3.org/1999/xlink" {
			return "the name space " + a.value
		}
	case !slices.Contains(strings.Fields("content aria-label d class id"), a.name):
		return strings.Join(dangersOfStyle(a.value), ", ")
	}
	return ""
}

func dangersOfStyle(style string) []string {
	var found []string
	style = strings.ToLower(strings.ReplaceAll(style, "url(#", ""))
	for _, load := range []string{"@import", "url(", "image(", "expression(", "javascript:", "behavior", `\`} {
		if strings.Contains(style, load) {
			found = append(found, "a style with "+load)
		}
	}
	return found
}

// textOf is all text that a reader sees, with single blanks.
func textOf(t *testing.T, page string) string {
	t.Helper()
	var text strings.Builder
	for _, next := range tokens(t, page) {
		if next.kind == textToken {
			text.WriteString(next.text + " ")
		}
	}
	return strings.Join(strings.Fields(text.String()), " ")
}

// The reader of pages must itself see what is wrong with a page, and nothing in one that is right.
func TestDangersAreSeen(t *testing.T) {
	page := func(body string) string {
		return `<!doctype html><html lang="en"><head><title>x</title><style>p { color: red }</style></head><body>` + body + "</body></html>"
	}
	if found := dangers(page(`<p class="a">&lt;script&gt; on url(x)</p><svg xmlns="http://www.w3.org/2000/svg"><path d="M0 0" clip-path="url(#a)"></path></svg>`)); len(found) > 0 {
		t.Errorf("nothing is wrong here, but: %v", found)
	}
	for _, bad := range []string{
		`<script>ran(1)</script>`, `<SCRIPT>ran(1)</SCRIPT>`, `<p onclick="ran(1)">x</p>`, `<p ONCLICK="ran(1)">x</p>`, `<p onclick=ran(1)>x</p>`,
		`<a href="#">x</a>`, `<svg><g xlink:href="javascript:ran(1)"></g></svg>`, `<p style="background: url(https://example.org)">x</p>`,
		`<style>@import "https://example.org";</style>`, `<iframe src="https://example.org"></iframe>`, `<p title="x" autofocus>x</p>`,
		`<p>a < b</p>`, `<p>x`, `<p>x</b></p>`, `<p title="<b>">x</p>`, `<!-- x -->`, `<meta http-equiv="refresh" content="0">`,
		`<svg><foreignObject></foreignObject></svg>`, `<style>p { background: \75rl(x) }</style>`,
	} {
		if len(dangers(page(bad))) == 0 {
			t.Errorf("%s passes", bad)
		}
	}
}

// A browser reads the page as we do: nothing runs, nothing is asked of anybody, and the words are there.
func TestABrowserRunsNothing(t *testing.T) {
	browser, err := exec.LookPath("chromium")
	if err != nil && os.Getenv("CI") == "true" {
		t.Fatal("chromium must be installed where this counts")
	}
	if err != nil {
		t.Skip("no chromium here")
	}
	dir := t.TempDir()
	page := filepath.Join(dir, "page.html")
	got := cxmirror(t, slices.Concat([]string{"compare", "--format", "html", "-o", page}, hostileFolder(t))...)
	if got.code != exitDone {
		t.Fatal(got.stderr)
	}
	// The marker is a script of our own in front of the page: it shows that scripts do run here, and any of
	// the hostile words that ran would call it.
	marker := "<script>window.ran = n => document.documentElement.setAttribute('data-ran', n); ran('only ours')</script>"
	armed := strings.Replace(readFile(t, page), "<head>", "<head>"+marker, 1)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	dom, err := exec.CommandContext(ctx, browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--user-data-dir="+t.TempDir(),
		"--virtual-time-budget=2000", "--dump-dom", "file://"+write(t, dir, "armed.html", armed)).Output()
	if err != nil {
		t.Fatalf("chromium: %v", err)
	}
	if !strings.Contains(string(dom), `data-ran="only ours"`) {
		t.Errorf("something of the page ran, or no script runs here: %.300s", dom)
	}
	if scripts := strings.Count(string(dom), "<script"); scripts != 1 {
		t.Errorf("%d scripts in the browser's page, want only ours", scripts)
	}
	if !strings.Contains(string(dom), "&lt;script&gt;ran(1)&lt;/script&gt;") {
		t.Error("the words are not on the page")
	}
}

// Text goes to terminals, which obey control characters; JSON goes into pages.
func TestWordsOfOthersInTextAndJSON(t *testing.T) {
	args := hostileFolder(t)
	for _, format := range []string{"text", "json"} {
		got := cxmirror(t, slices.Concat([]string{"compare", "--format", format}, args)...)
		if got.code != exitDone {
			t.Fatal(got.stderr)
		}
		for _, r := range got.stdout + got.stderr {
			if r < ' ' && r != '\n' || r == 0x7f || r >= 0x80 && r < 0xa0 {
				t.Fatalf("%s holds the control character %U", format, r)
			}
			if format == "text" && (r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069) {
				t.Fatalf("text holds %U, which turns the line round", r)
			}
		}
	}
}
