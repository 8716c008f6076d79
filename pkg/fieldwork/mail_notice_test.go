package fieldwork

import (
	"bytes"
	"errors"
	"net"
	netmail "net/mail"
	"strings"
	"testing"
)

// TestNotify sends a notice by a real server: it is from the service, to be unsubscribed from by nobody, and what is
// said of a failure names no person.
func TestNotify(t *testing.T) {
	t.Parallel()
	office := startPostOffice(t, &postOffice{})
	s := newScene(t, 0, newCourier, office.setting("smtp", "&rate=3/h"))
	notice := Notice{
		Address: "ann@example.org", Name: "Ann\r\nBcc: x@example.org", Language: "pl", Subject: "Hasło zmienione\r\nBcc: y@example.org",
		Text: "Dzień dobry\n", HTML: "<p>Dzień dobry</p>",
	}
	if err := s.Notify(t.Context(), notice); err != nil {
		t.Fatal(err)
	}
	mails := office.mails()
	if len(mails) != 1 || mails[0].to != "ann@example.org" {
		t.Fatalf("the server has %+v", mails)
	}
	m, err := netmail.ReadMessage(bytes.NewReader(mails[0].content))
	if err != nil {
		t.Fatal(err)
	}
	if got := decoded(t, m.Header.Get("Subject")); got != "Hasło zmienione Bcc: y@example.org" {
		t.Errorf("the subject is %q", got)
	}
	for header, want := range map[string]string{"Auto-Submitted": "auto-generated", "List-Unsubscribe": "", "Bcc": ""} {
		if got := m.Header.Get(header); got != want {
			t.Errorf("%s: %q, want %q", header, got, want)
		}
	}
	body := string(mails[0].content)
	if !strings.Contains(body, "text/plain") || !strings.Contains(body, "text/html") {
		t.Errorf("the mail has not two alternatives:\n%s", body)
	}

	notice.Address = "nobody"
	if err := s.Notify(t.Context(), notice); !errors.Is(err, ErrBadAddress) {
		t.Errorf("an address that is none: %v", err)
	}
	notice.Address = "ann@example.org"
	office.onRcpt = func(to string, _ net.Conn) error { return refusal(550, [3]int{5, 1, 1}, "no mailbox "+to) }
	if err := s.Notify(t.Context(), notice); err == nil || !strings.Contains(err.Error(), "550 5.1.1") || strings.Contains(err.Error(), "ann") {
		t.Errorf("a server that refuses: %v, want its code and no address", err)
	}
	office.onRcpt = nil
	if err := s.Notify(t.Context(), notice); err != nil {
		t.Fatal(err)
	}
	if err := s.Notify(t.Context(), notice); err == nil || !strings.Contains(err.Error(), "try again in") {
		t.Errorf("beyond the server's limit: %v, want when to try again", err)
	}
	if err := newScene(t, 0, newCourier).Notify(t.Context(), notice); err == nil {
		t.Error("a notice was sent without a server")
	}
}
