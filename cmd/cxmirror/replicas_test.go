package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"cxmirror/pkg/store"
	"cxmirror/pkg/store/storetest"
	"cxmirror/pkg/survey"
)

// withinASecond is how soon every server on one database shows an answer that was acknowledged by any.
const withinASecond = time.Second

// behindNginx starts nginx in front of two servers and returns the address people come to.
func behindNginx(t *testing.T, one, other string) string {
	t.Helper()
	program, err := exec.LookPath("nginx")
	if err != nil {
		if program = "/usr/sbin/nginx"; !exists(program) { // where Debian puts it, which is not on everybody's path
			if os.Getenv("CI") == "true" {
				t.Fatal(err)
			}
			t.Skip(err)
		}
	}
	folder := t.TempDir()
	address := freeAddress(t)
	settings := strings.NewReplacer("LISTEN", address, "FOLDER", folder, "ONE", one, "OTHER", other).
		Replace(readFile(t, filepath.Join("testdata", "nginx.conf")))
	conf := write(t, folder, "nginx.conf", settings)
	// One process, in the foreground, so that it ends with the test.
	nginx := exec.CommandContext(t.Context(), program, "-p", folder, "-c", conf, "-e", filepath.Join(folder, "error.log"),
		"-g", "daemon off; master_process off;")
	said := &lines{}
	nginx.Stdout, nginx.Stderr = said, said
	if err := nginx.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = nginx.Wait(); close(ended) }() // it ends by being killed
	t.Cleanup(func() { _ = nginx.Process.Kill(); <-ended })
	for deadline := time.Now().Add(20 * time.Second); cxmirror(t, "healthcheck", "--listen", address).code != exitDone; time.Sleep(20 * time.Millisecond) {
		select {
		case <-ended:
			t.Fatalf("nginx ended:\n%s", said)
		default:
		}
		if time.Now().After(deadline) {
			t.Fatalf("nginx does not lead to a server:\n%s", said)
		}
	}
	return address
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// watch looks at a comparison until it shows as many people outside as wanted, and returns the moment when it did
// and what it showed.
func watch(ctx context.Context, t *testing.T, director *http.Client, host string, external, internal survey.WaveID, want int) (time.Time, side) {
	t.Helper()
	address := fmt.Sprintf("http://%s/divergence/findings.json?external=%d&internal=%d&item=expectations", host, external, internal)
	for {
		shown := parseComparison(t, getBy(t, director, address)).External
		if shown.N == want || ctx.Err() != nil {
			return time.Now(), shown
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// Two servers on one PostgreSQL behind nginx; directors look at both while people answer. One server is killed:
// people notice at most a page that takes a moment longer, nobody who was thanked is lost or counted twice, and
// within a second of the last thanks both servers, the one that was started again and the one that stayed, show
// the same figures.
func TestOneOfTwoServersBehindAProxyIsKilled(t *testing.T) {
	dsn := storetest.Postgres(t)
	db, wave, q := opened(t, dsn)
	inside, err := demoWaves("en")[2].make(t.Context(), db, "en", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	hosts := []string{freeAddress(t), freeAddress(t)}
	start := func(i int) *process {
		p := launch(t, "serve", "--dsn", dsn, "--listen", hosts[i])
		healthy(t, p, hosts[i])
		return p
	}
	servers := []*process{start(0), start(1)}
	director := signedIn(t, hosts[1], servers[1].stdout) // of two links that are printed the newer one is good
	proxy := behindNginx(t, hosts[0], hosts[1])
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()

	people := gather(ctx, 4, wave, q, func() string { return proxy })
	progress(ctx, t, people, 10, servers...)
	servers[0].kill()
	killed := people.thanked()
	progress(ctx, t, people, killed+20, servers[1])
	servers[0] = start(0)

	// Whoever looks all the time meets figures of every age that a server keeps them for.
	looking, stopLooking := context.WithCancel(ctx)
	var directors sync.WaitGroup
	for _, host := range hosts {
		directors.Go(func() { watch(looking, t, director, host, wave.ID, inside.ID, -1) })
	}
	progress(ctx, t, people, people.thanked()+10, servers...)
	people.leaveAll()
	stopLooking()
	directors.Wait()

	last := people.last
	var both [2]side
	var seen [2]time.Time
	var watching sync.WaitGroup
	patient, stopWatching := context.WithDeadline(ctx, last.Add(10*time.Second))
	defer stopWatching()
	for i, host := range hosts {
		watching.Go(func() { seen[i], both[i] = watch(patient, t, director, host, wave.ID, inside.ID, len(people.thanks)) })
	}
	watching.Wait()
	for i := range hosts {
		took := seen[i].Sub(last)
		t.Logf("server %d shows %d people %s after the last was thanked", i, both[i].N, took.Round(time.Millisecond))
		if both[i].N != len(people.thanks) || took > withinASecond {
			t.Errorf("server %d shows %d people %s after the last of %d was thanked, want all within %s", i, both[i].N, took, len(people.thanks), withinASecond)
		}
	}
	if fmt.Sprint(both[0]) != fmt.Sprint(both[1]) {
		t.Errorf("one shows %+v, the other %+v", both[0], both[1])
	}
	people.check(t, db)
	for i, p := range servers {
		if strings.Contains(p.stderr.String(), "panic") {
			t.Errorf("server %d:\n%s", i, p.stderr)
		}
	}
}

// A server shows within a second what was answered at the other, however old the figures are that it holds when
// the answer comes: the answer is given at ten moments of the time that figures are kept.
func TestFiguresAreOneSecondOldAtMost(t *testing.T) {
	dsn := storetest.Postgres(t)
	db, wave, q := opened(t, dsn)
	inside, err := demoWaves("en")[2].make(t.Context(), db, "en", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	var hosts []string
	var director *http.Client
	for range 2 {
		s := begin(t, "serve", "--dsn", dsn)
		hosts = append(hosts, strings.TrimPrefix(s.address, "http://"))
		if len(hosts) == 2 { // of two links that are printed the newer one is good
			director = signedIn(t, hosts[1], s.stdout)
		}
	}
	n := 0
	answer := func() {
		n++
		if err := newRespondent(func() string { return hosts[0] }, wave.Slug, "", uint64(n)).answer(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
	for range 20 { // fewer would be withheld
		answer()
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var longest time.Duration
	for range 10 {
		watch(ctx, t, director, hosts[1], wave.ID, inside.ID, n)
		answer()
		answered := time.Now()
		seen, shown := watch(ctx, t, director, hosts[1], wave.ID, inside.ID, n)
		took := seen.Sub(answered)
		longest = max(longest, took)
		if shown.N != n || took > withinASecond {
			t.Errorf("%d of %d people are shown %s after the last was thanked", shown.N, n, took)
		}
	}
	t.Logf("the longest took %s", longest.Round(time.Millisecond))
	// And the same holds for what is taken away.
	for row, err := range db.Answers(t.Context(), survey.DefaultOrganisation, wave.ID, store.Mark{}) {
		if err == nil {
			err = db.DeleteResponse(t.Context(), survey.DefaultOrganisation, wave.ID, row.ID)
		}
		if err != nil {
			t.Fatal(err)
		}
		break
	}
	erased := time.Now()
	for _, host := range hosts {
		if seen, shown := watch(ctx, t, director, host, wave.ID, inside.ID, n-1); shown.N != n-1 || seen.Sub(erased) > withinASecond {
			t.Errorf("%d people are shown %s after one of %d was erased", shown.N, seen.Sub(erased), n)
		}
	}
}

// Somebody who has signed in at one server is known at the other, whichever a proxy sends her to; and who is signed out
// at one is refused by the other at once.
func TestServersShareSessions(t *testing.T) {
	dsn := storetest.Postgres(t)
	var hosts []string
	var director *http.Client
	for range 2 {
		s := begin(t, "serve", "--dsn", dsn, "--trust-proxy", "127.0.0.1/32")
		hosts = append(hosts, strings.TrimPrefix(s.address, "http://"))
		if len(hosts) == 2 { // of two links that are printed the newer one is good
			director = signedIn(t, hosts[1], s.stdout)
		}
	}
	proxy := behindNginx(t, hosts[0], hosts[1])
	for _, host := range []string{hosts[0], hosts[1], proxy, proxy, proxy, proxy} {
		getBy(t, director, "http://"+host+"/waves/new")
	}
	response, err := director.PostForm("http://"+hosts[0]+"/sign-out", nil)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	// The cookie that was hers, as somebody would have it who had copied it.
	signIn(t, director, "http://"+proxy, "director@example.org", "four words of tests")
	copied := newBrowser(t)
	address := &url.URL{Scheme: "http", Host: proxy, Path: "/"}
	copied.Jar.SetCookies(address, director.Jar.Cookies(address))
	getBy(t, copied, "http://"+hosts[1]+"/waves/new")
	response, err = director.PostForm("http://"+hosts[0]+"/sign-out", nil)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	ended := time.Now()
	for _, host := range []string{hosts[1], proxy, proxy} {
		response, err := copied.Get("http://" + host + "/waves/new")
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != http.StatusSeeOther || !strings.HasPrefix(response.Header.Get("Location"), "/sign-in") || time.Since(ended) > withinASecond {
			t.Errorf("%s after signing out elsewhere: %s, after %s; want to be sent to sign in within %s", host, response.Status, time.Since(ended), withinASecond)
		}
	}
}
