package fieldwork

import (
	"fmt"
	"log/slog"
	"mime"
	"strings"
	"testing"
	"time"
)

func TestParseServer(t *testing.T) {
	t.Parallel()
	tests := []struct {
		setting, name  string
		tls            tlsPolicy
		from, bounces  string
		limits         int
		connections    int
		user, password string
	}{
		{"smtp://mail.example.org?from=survey@example.org", "smtp://mail.example.org:587", tlsRequired, "<survey@example.org>", "survey@example.org", 0, 2, "", ""},
		{
			"smtp://me%40example.org:p%2Fw%23%25@mail.example.org:2525?tls=opportunistic&rate=10/s&rate=3000/h&day=10000&connections=5&from=Zesp%C3%B3%C5%82+ankiet+<survey@example.org>&bounces=survey+bounces@example.org",
			"smtp://mail.example.org:2525", tlsOpportunistic, `=?utf-8?q?Zesp=C3=B3=C5=82_ankiet?= <survey@example.org>`, "survey+bounces@example.org", 3, 5, "me@example.org", "p/w#%",
		},
		{"smtps://[::1]?from=a@example.org", "smtps://[::1]:465", tlsImplicit, "<a@example.org>", "a@example.org", 0, 2, "", ""},
		{"smtp://localhost:25?tls=none&from=a@example.org&mails=7&timeout=90s&helo=me.example.org", "smtp://localhost:25", tlsNone, "<a@example.org>", "a@example.org", 0, 2, "", ""},
		{"folder:out/box?rate=2/m", "folder:out/box", "", "<survey@localhost>", "", 1, 1, "", ""},
	}
	for _, tt := range tests {
		s, err := ParseServer(tt.setting)
		if err != nil {
			t.Errorf("%s: %v", tt.setting, err)
			continue
		}
		if s.Name() != tt.name || s.tls != tt.tls || s.from.String() != tt.from || s.bounces != tt.bounces ||
			len(s.limits) != tt.limits || s.connections != tt.connections || s.user != tt.user || s.password != tt.password {
			t.Errorf("%s is read as %s tls %s from %s bounces %s limits %v connections %d user %q password %q",
				tt.setting, s.Name(), s.tls, s.from.String(), s.bounces, s.limits, s.connections, s.user, s.password)
		}
	}
}

// TestParseServerRefuses: each wrong setting is named, and no error shows the password.
func TestParseServerRefuses(t *testing.T) {
	t.Parallel()
	const login = "smtp://someone:hunter2pass@mail.example.org"
	tests := []struct{ setting, want string }{
		{login, "from is missing"},
		{"", "begins with"},
		{"http://someone:hunter2pass@mail.example.org", `begins with "http:"`},
		{"smtp://", "want smtp://host:port"},
		{"smtp://someone:hunter2pass/x@mail.example.org", "percent codes"},
		{"smtp://someone:hunter2pass#x@mail.example.org?from=a@b.c", "percent codes"},
		{"smtp://someone:hunter2pass%zz@mail.example.org", "percent codes"},
		{login + ":smtp?from=a@example.org", "not an address"},
		{login + ":70000?from=a@example.org", `port "70000"`},
		{login + "?from=nobody", "option from=nobody: not an address"},
		{login + "?from=a@example.org&bounces=x", "option bounces=x"},
		{login + "?from=a@example.org&tls=maybe", "option tls=maybe: want required, opportunistic or none"},
		{"smtps://someone:hunter2pass@mail.example.org?from=a@example.org&tls=none", "nothing with smtps"},
		{login + "?from=a@example.org&tls=none", "for everybody to read"},
		{"smtp://someone@mail.example.org?from=a@example.org", "belong together"},
		{login + "?from=a@example.org&rate=ten/s", "option rate=ten/s: want a number of mails"},
		{login + "?from=a@example.org&rate=10/day", "option rate=10/day"},
		{login + "?from=a@example.org&rate=0/s", "option rate=0/s"},
		{login + "?from=a@example.org&day=-1", "option day=-1: want a whole number"},
		{login + "?from=a@example.org&connections=51", "from 1 to 50"},
		{login + "?from=a@example.org&connections=2&connections=3", "given 2 times"},
		{login + "?from=a@example.org&timeout=3", "option timeout=3"},
		{login + "?from=a@example.org&timeout=2h", "from 1s to 1h"},
		{login + "?from=a@example.org&helo=a%20b", "want the name of a machine"},
		{login + "?from=a@example.org&ca=/there/is/none", "certificates cannot be read"},
		{login + "?from=a@example.org&form=b", "no such option"},
		{login + "?from=%zz", "cannot be read"},
		{"folder:", "names no folder"},
		{"folder:x?connections=2", "a folder takes"},
	}
	for _, tt := range tests {
		_, err := ParseServer(tt.setting)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v; want it to say %q", tt.setting, err, tt.want)
		}
		if err != nil && (strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "someone")) {
			t.Errorf("%s: the error shows who signs in, or how: %v", tt.setting, err)
		}
	}
}

func TestServerIsNeverPrinted(t *testing.T) {
	t.Parallel()
	s, err := ParseServer("smtp://someone:hunter2pass@mail.example.org?from=a@example.org")
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "server", s, "servers", []Server{s})
	for _, printed := range []string{fmt.Sprint(s), fmt.Sprintf("%+v", s), fmt.Sprintf("%#v", s), fmt.Sprintf("%v %s", &s, []Server{s}), log.String()} {
		if strings.Contains(printed, "hunter2") || !strings.Contains(printed, "mail.example.org:587") {
			t.Errorf("printed as %s", printed)
		}
	}
}

// TestMeter begins mails as fast as allowed, for two limits at once: no stretch of time has more than either
// allows, and no more is withheld than needed.
func TestMeter(t *testing.T) {
	t.Parallel()
	limits := []limit{{mails: 10, per: time.Second}, {mails: 300, per: time.Minute}}
	m := newMeter(limits)
	start := time.Date(2027, 3, 1, 9, 0, 0, 0, time.UTC)
	var begun []time.Time
	now := start
	for now.Before(start.Add(10 * time.Minute)) {
		until, full := m.full(now)
		wait := m.begin(now)
		if full != (wait > 0) || full && !until.Equal(now.Add(wait)) {
			t.Fatalf("at %v: full %v until %v, wait %v", now.Sub(start), full, until, wait)
		}
		if wait == 0 {
			begun = append(begun, now)
			now = now.Add(7 * time.Millisecond)
			continue
		}
		now = now.Add(wait)
	}
	for _, l := range limits {
		for i := l.mails; i < len(begun); i++ {
			if between := begun[i].Sub(begun[i-l.mails]); between < l.per {
				t.Fatalf("%d mails were begun within %v", l.mails+1, between)
			}
		}
	}
	if len(begun) != 10*300 {
		t.Errorf("%d mails were begun in ten minutes; want 3000", len(begun))
	}
	// Shared by so many programs, each begins its part, in whole mails, or one in a longer time.
	for programs, want := range map[int]int{2: 5 * 10, 3: 3 * 10, 40: 3} { // in ten seconds
		m, shared := newMeter(limits[:1]), 0
		m.shareAmong(programs)
		for at := start; at.Before(start.Add(10 * time.Second)); at = at.Add(10 * time.Millisecond) {
			if m.begin(at) == 0 {
				shared++
			}
		}
		if shared != want {
			t.Errorf("one of %d programs began %d mails in ten seconds; want %d", programs, shared, want)
		}
	}
	if wait := newMeter(nil).begin(now); wait != 0 {
		t.Errorf("without limits a mail waits %v", wait)
	}
}

func decoded(tb testing.TB, header string) string {
	tb.Helper()
	text, err := new(mime.WordDecoder).DecodeHeader(header)
	if err != nil {
		tb.Fatal(err)
	}
	return text
}
