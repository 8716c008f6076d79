package web

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cxmirror/pkg/survey"
)

// Over HTTP/2, which the service speaks where it has TLS itself, limits hold for each of the many requests that share a
// connection: who sends 10 MB is told that it is too much, who sends slowly that she does, and the others on the connection
// do not notice.
func TestLimitsOverHTTP2(t *testing.T) {
	f, _, user := newDoor(t, survey.Owner)
	var connections atomic.Int32
	server := httptest.NewUnstartedServer(f.server.Handler())
	server.EnableHTTP2 = true
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	server.StartTLS()
	t.Cleanup(server.Close)
	client := server.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	session := f.session(t, user, survey.DefaultOrganisation)
	// send returns what is answered to a body of so many bytes.
	send := func(method, path string, body io.Reader, length int) (status int, page string, err error) {
		r, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, body)
		if err != nil {
			return 0, "", err
		}
		r.ContentLength = int64(length)
		r.Header.Set("Accept-Language", "en")
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		for _, name := range []string{plainCookie, secureCookie} {
			r.AddCookie(&http.Cookie{Name: name, Value: session})
		}
		response, err := client.Do(r)
		if err != nil {
			return 0, "", err
		}
		defer response.Body.Close()
		if response.ProtoMajor != 2 {
			return 0, "", fmt.Errorf("it speaks %s", response.Proto)
		}
		content, err := io.ReadAll(response.Body)
		return response.StatusCode, string(content), err
	}
	another := func(while string) {
		t.Helper()
		if status, _, err := send(http.MethodGet, "/profile", nil, 0); status != http.StatusOK || err != nil {
			t.Errorf("another request, %s: %d, %v", while, status, err)
		}
	}
	another("which opens the connection")

	large := "name=" + strings.Repeat("x", 10<<20)
	for path, says := range map[string]string{
		"/sign-in": "<title>That is more than can be taken", "/organisation": "<title>That is more than can be taken", "/o/spring/1": "<title>That was too much at once", "/api/v1/waves": "#problem-too-large",
	} {
		status, page, err := send(http.MethodPost, path, strings.NewReader(large), len(large))
		if err != nil || status != http.StatusRequestEntityTooLarge || !strings.Contains(page, says) || strings.Contains(page, "xxxxxxxx") {
			t.Errorf("%s with 10 MB: %d, %v\n%.500s", path, status, err, page)
		}
		another("after 10 MB")
	}

	f.server.waits.form = time.Second
	var slow sync.WaitGroup
	began := make(chan struct{}, 5)
	for path, says := range map[string]string{
		"/sign-in": "<title>It came too slowly", "/organisation": "<title>It came too slowly", "/waves/new": "<title>It came too slowly",
		"/o/spring/1": "<title>That came too slowly", "/api/v1/waves": "#problem-too-slow",
	} {
		body, typing := io.Pipe()
		slow.Go(func() {
			_, _ = typing.Write([]byte("name=")) // and nothing more
			began <- struct{}{}
		})
		slow.Go(func() {
			status, page, err := send(http.MethodPost, path, body, 100)
			_ = body.Close()
			if err != nil || status != http.StatusRequestTimeout || !strings.Contains(page, says) {
				t.Errorf("%s, slowly: %d, %v\n%.500s", path, status, err, page)
			}
		})
	}
	for range cap(began) {
		<-began
	}
	another("while five send slowly")
	slow.Wait()
	another("after they did")
	if n := connections.Load(); n != 1 {
		t.Errorf("there were %d connections; want one for all", n)
	}
}
