package web

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/iotest"

	"cxmirror/pkg/access"
	"cxmirror/pkg/store"
	"cxmirror/pkg/store/storetest"
	"cxmirror/pkg/survey"
)

// What was made stands in the trail also where what should have followed failed: there is an organisation that nobody
// owns yet, and a user to whom no link came.
func TestWhatWasMadeIsNotedAtOnce(t *testing.T) {
	f, root, _ := newInstance(t, storetest.Open(t, storetest.SQLite(t)))
	secrets := &struct{ io.Reader }{rand.Reader}
	f.server.access = testAccess(t, f.store, f.now, func(o *access.Options) { o.Random = secrets })
	secrets.Reader = iotest.ErrReader(errors.New("no more bytes"))
	for address, tt := range map[string]struct {
		form   url.Values
		action string
	}{
		"/instance":       {url.Values{"name": {"Second"}, "owner": {"eva@example.com"}}, "organisation.made"},
		"/instance/users": {url.Values{"address": {"adam@example.com"}}, "user.made"},
	} {
		if got := root.post(address, tt.form); got.status != http.StatusInternalServerError {
			t.Errorf("%s without secrets for links: %d %s", address, got.status, visible(got.body))
		}
		events, _, err := f.store.AuditEvents(t.Context(), 0, store.AuditQuery{})
		if err != nil || len(events) == 0 || events[0].Action != tt.action {
			t.Errorf("%s: the trail says %+v, %v; want %s", address, events, err, tt.action)
		}
	}
}

// leaving is a visitor who leaves when the first part of an answer reaches her.
type leaving struct {
	*httptest.ResponseRecorder
	leave func()
	err   error // that her connection ends with
}

// Write receives a part of the answer.
func (l *leaving) Write(part []byte) (int, error) {
	l.leave()
	if l.err != nil {
		return 0, l.err
	}
	return l.ResponseRecorder.Write(part)
}

// A trail that is sent by half breaks off, so that it does not look whole; and that it was exported is noted.
func TestHalfATrailIsNoTrail(t *testing.T) {
	f, _ := newBench(t)
	owner := f.addUser(t, "eva@example.com", survey.Owner)
	f.server.eventsRead = 100
	for range 150 {
		f.addEvent(t, survey.AuditEvent{Organisation: survey.DefaultOrganisation, Actor: survey.ByCommand, Who: strings.Repeat("r", 100), Action: "people.changed", At: f.now()})
	}
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	visitor := &leaving{httptest.NewRecorder(), leave, nil}
	request := httptest.NewRequestWithContext(ctx, http.MethodGet, "/audit/audit.csv", nil)
	request.AddCookie(&http.Cookie{Name: plainCookie, Value: f.session(t, owner, survey.DefaultOrganisation)})
	cut := func() (cause any) {
		defer func() { cause = recover() }()
		f.server.Handler().ServeHTTP(visitor, request)
		return nil
	}()
	if cut != http.ErrAbortHandler { //nolint:errorlint // package http asks no other way
		t.Errorf("status %d, %d bytes, and then %v; want that it breaks off", visitor.Code, visitor.Body.Len(), cut)
	}
	events, _, err := f.store.AuditEvents(t.Context(), survey.DefaultOrganisation, store.AuditQuery{Limit: 1})
	if err != nil || len(events) != 1 || events[0].Action != "audit.exported" {
		t.Errorf("the trail ends with %+v, %v", events, err)
	}
	if !strings.Contains(f.log.String(), "route=/audit/audit.csv") {
		t.Error("the log has no line of it")
	}
}

// Who leaves while her page is sent has seen it: that stands in the trail like any other look.
func TestWhoLeavesHasLooked(t *testing.T) {
	f, _ := newBench(t)
	external, internal := twoSides(t, f)
	analyst := f.addUser(t, "eva@example.com", survey.Analyst)
	for address, action := range map[string]string{
		fmt.Sprintf("/divergence?external=%d&internal=%d", external.ID, internal.ID): "results.viewed",
		fmt.Sprintf("/waves/%d/answers.csv", external.ID):                            "answers.exported",
	} {
		ctx, leave := context.WithCancel(t.Context())
		visitor := &leaving{httptest.NewRecorder(), leave, errors.New("broken pipe")}
		request := httptest.NewRequestWithContext(ctx, http.MethodGet, address, nil)
		request.AddCookie(&http.Cookie{Name: plainCookie, Value: f.session(t, analyst, survey.DefaultOrganisation)})
		f.server.Handler().ServeHTTP(visitor, request)
		leave()
		if got := f.lastEvent(t); visitor.Code != http.StatusOK || got.Action != action || got.User != analyst.ID {
			t.Errorf("%s: status %d, and the trail tells %+v; want %s", address, visitor.Code, got, action)
		}
	}
}
