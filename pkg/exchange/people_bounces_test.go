package exchange

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// bouncesTranscript reads bounces and tells all that comes of it.
func bouncesTranscript(content []byte, name string) string {
	var b strings.Builder
	r, err := OpenBounces(bytes.NewReader(content), name)
	if err != nil {
		return "error: " + err.Error() + "\n"
	}
	for bounce := range r.Bounces() {
		fmt.Fprintf(&b, "%d %s %s %q %q <%s> %s\n", bounce.Line, bounce.Address, bounce.Kind, bounce.Status, bounce.Diagnostic, bounce.MessageID, bounce.Reporter)
	}
	for _, s := range r.Skipped() {
		fmt.Fprintf(&b, "- %s\n", s)
	}
	if r.Err() != nil {
		fmt.Fprintf(&b, "error: %v\n", r.Err())
	}
	return b.String()
}

func TestBounces(t *testing.T) {
	tests := []struct{ file, want string }{
		{"postfix.eml", `1 anna+2Ekowalska+1@example.com permanent "5.1.1" "550 5.1.1 <anna.kowalska@example.com>: Recipient address rejected: User unknown" <0a1b2c3d.77@surveys.firma.pl> mail.example.com
1 full@example.com transient "5.2.2" "552 5.2.2 mailbox full" <0a1b2c3d.77@surveys.firma.pl> mail.example.com
1 later@example.com delayed "4.4.1" "connect to mx.example.com[192.0.2.7]:25: Connection timed out" <0a1b2c3d.77@surveys.firma.pl> mail.example.com
`},
		{"mailbox.mbox", `1 jan@example.com permanent "5.7.1" "550 5.7.1 RESOLVER.RST.NotAuthorized" <99.x@surveys.firma.pl> DB8PR05.eurprd05.prod.outlook.com
46 ola@example.com transient "4.2.2" "The error was: 452 4.2.2 The email account that you tried to reach is over quota." <42@surveys.firma.pl> ` + `
46 ewa@example.com transient "4.2.2" "The error was: 452 4.2.2 The email account that you tried to reach is over quota." <42@surveys.firma.pl> ` + `
- mailbox.mbox:39: an automatic answer: "Out of office: Ankieta"
`},
	}
	for _, tt := range tests {
		content, err := os.ReadFile(filepath.Join("testdata/bounces", tt.file))
		must(t, err)
		for _, ends := range []string{"\n", "\r\n"} {
			written := bytes.ReplaceAll(content, []byte("\n"), []byte(ends))
			if diff := cmp.Diff(tt.want, bouncesTranscript(written, tt.file)); diff != "" {
				t.Errorf("%s, lines that end in %q: want -, got +\n%s", tt.file, ends, diff)
			}
		}
	}
}

func TestBouncesListed(t *testing.T) {
	long := strings.Repeat("very long ", 100)
	tests := []struct{ name, text, want string }{
		{
			"a list", "E-mail;Powód\na@x.pl;550 5.1.1 User unknown\nb@x.pl;452 mailbox full\nA@x.pl;hard bounce\nc@x.pl;\nbad;550\nd@x.pl;" + long + "\n",
			`2 a@x.pl permanent "5.1.1" "550 5.1.1 User unknown" <> ` + `
3 b@x.pl transient "" "452 mailbox full" <> ` + `
4 A@x.pl permanent "" "hard bounce" <> ` + `
5 c@x.pl unclear "" "" <> ` + `
7 d@x.pl unclear "" "` + long[:299] + `…" <> ` + `
- people.csv:6: A (E-mail): "bad": no @ in it; an address reads name@company.com
`,
		},
		{
			"an export of a mail service", "Recipient,Bounce Type,Message ID,Kod\na@x.pl,Soft,<1@x>,421\nb@x.pl,Permanent,2@x,\n",
			`2 a@x.pl transient "" "Soft; 421" <1@x> ` + `
3 b@x.pl permanent "" "Permanent" <2@x> ` + "\n",
		},
		{"addresses alone", "a@x.pl\nb@x.pl\n", "1 a@x.pl unclear \"\" \"\" <> \n2 b@x.pl unclear \"\" \"\" <> \n"},
		{"a letter", "From: a@x.pl\nSubject: =?utf-8?q?Cze=C5=9B=C4=87?=\n\nHello\n", "- people.csv:1: not a report of a mail server: \"Cześć\"\n"},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, bouncesTranscript([]byte(tt.text), "people.csv")); diff != "" {
			t.Errorf("%s: want -, got +\n%s", tt.name, diff)
		}
	}
}

// RFC 3463 and what servers write: what is final, and what passes.
func TestClassifyBounce(t *testing.T) {
	tests := []struct {
		status, words, code string
		kind                BounceKind
	}{
		{"5.1.1", "", "5.1.1", BouncePermanent},
		{"5.2.2", "mailbox full", "5.2.2", BounceTransient},
		{"4.4.1", "", "4.4.1", BounceTransient},
		{"", "550 5.7.1 [192.0.2.1] blocked", "5.7.1", BouncePermanent},
		{"", "host mx[192.0.2.5] said: 421 try again", "", BounceTransient},
		{"", "552 over quota", "", BounceTransient},
		{"", "address 5.1.1.7 said nothing", "", BounceUnclear},
		{"", "Mailbox does not exist", "", BouncePermanent},
		{"", "Skrzynka nie istnieje", "", BouncePermanent},
		{"", "", "", BounceUnclear},
		{"5.0.0", "452 4.2.2 full", "5.0.0", BouncePermanent},
	}
	for _, tt := range tests {
		if code, kind := classify(tt.status, tt.words); code != tt.code || kind != tt.kind {
			t.Errorf("classify(%q, %q) = %q, %s; want %q, %s", tt.status, tt.words, code, kind, tt.code, tt.kind)
		}
	}
}

// FuzzBounces reads whatever there is: nothing may panic, and what comes of it is in one line each.
func FuzzBounces(f *testing.F) {
	for _, name := range []string{"postfix.eml", "mailbox.mbox"} {
		content, err := os.ReadFile(filepath.Join("testdata/bounces", name))
		must(f, err)
		f.Add(content)
	}
	f.Add([]byte("email;reason\na@x.pl;550\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		r, err := OpenBounces(bytes.NewReader(content), "bounces")
		if err != nil {
			return
		}
		for b := range r.Bounces() {
			if !strings.Contains(b.Address, "@") || b.Line < 1 || b.Kind == "" || strings.ContainsAny(b.Diagnostic+b.Address+b.MessageID+b.Reporter, "\r\n") {
				t.Fatalf("%+v", b)
			}
		}
	})
}
