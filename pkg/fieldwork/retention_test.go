package fieldwork

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"cxmirror/pkg/survey"
)

func TestMentions(t *testing.T) {
	t.Parallel()
	anna := mentionsOf(&survey.Person{Name: "Anna Kowalska", Address: "a.kowalska@example.org"})
	ivan := mentionsOf(&survey.Person{Name: "Иван Петров"})
	short := mentionsOf(&survey.Person{Name: "Jo Li"})
	single := mentionsOf(&survey.Person{Name: "Anna"})
	tests := []struct {
		text     string
		mentions []string
		want     bool
	}{
		{"Ask Anna Kowalska.", anna, true},
		{"KOWALSKA  ANNA!", anna, true},
		{"Zapytałem Annę Kowalską o to", anna, true},
		{"u Anny\nKowalskiej", anna, true},
		{"write to A.Kowalska@Example.org, please", anna, true},
		{"write to b.kowalska@example.org", anna, false},
		{"zolkowskiej anny", mentionsOf(&survey.Person{Name: "Anna Żółkowska"}), true},
		{"Anna was kind", anna, false},
		{"Kowalska was kind", anna, false},
		{"Anna and Kowalska", anna, false},
		{"Hanna Kowalska", anna, false},
		{"Joanna Kowalska", anna, false},
		{"", anna, false},
		{"спасибо Ивану Петрову", ivan, true},
		{"Петров Иван", ivan, true},
		{"Иванова Петровна", ivan, true}, // too much rather than too little
		{"Jo Li helped", short, true},
		{"Joe Lind helped", short, false},
		{"Anna", single, false},
	}
	for _, tt := range tests {
		if got := mentionsAny(tt.text, tt.mentions); got != tt.want {
			t.Errorf("mentionsAny(%q, %q) = %v; want %v", tt.text, tt.mentions, got, tt.want)
		}
		// Whatever is found is a candidate: the database looks for beginnings.
		contains := func(beginning string) bool { return strings.Contains(survey.Fold(tt.text), beginning) }
		if tt.want && !slices.ContainsFunc(beginningsOf(tt.mentions), contains) {
			t.Errorf("%q is not looked at, by %q", tt.text, beginningsOf(tt.mentions))
		}
	}
}

func TestBlankTexts(t *testing.T) {
	t.Parallel()
	q := questionnaire(t, staffQuestionnaire)
	stored := []byte(`{"level":"manager","team":"small","wishes":["speed"],"leads":"like Anna Kowalska","comment":"fine"}`)
	got, n, err := blankTexts(q, stored, []string{"Anna Kowalska"})
	if want := `{"level":"manager","team":"small","wishes":["speed"],"comment":"fine"}`; string(got) != want || n != 1 || err != nil {
		t.Errorf("got %s, %d, %v; want %s", got, n, err, want)
	}
	if got, n, err := blankTexts(q, stored, []string{"Jan Kowalski"}); string(got) != string(stored) || n != 0 || err != nil {
		t.Errorf("nobody is mentioned: %s, %d, %v", got, n, err)
	}
	if _, _, err := blankTexts(q, []byte(`{"level":"secret"}`), []string{"Jan Kowalski"}); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("answers that do not fit: %v", err)
	}
}

// ReceiptParts lists every constant, and each is said in English.
func TestReceiptParts(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("receipt.go")
	if err != nil {
		t.Fatal(err)
	}
	declared := regexp.MustCompile(`ReceiptPart = "([a-z_]+)"`).FindAllSubmatch(source, -1)
	if parts := ReceiptParts(); len(declared) < 20 || len(declared) != len(parts) {
		t.Errorf("%d constants, %d listed", len(declared), len(parts))
	}
	for _, d := range declared {
		part := ReceiptPart(d[1])
		if !slices.Contains(ReceiptParts(), part) {
			t.Errorf("%s is not listed", part)
		}
		if said := part.English(1); said == string(part) || strings.Contains(said, "%!") {
			t.Errorf("of %s is said %q", part, said)
		}
	}
}

func TestReceipt(t *testing.T) {
	t.Parallel()
	r := Receipt{At: morning, By: "hr@example.org", Of: strings.Repeat("ab", 16), Texts: 2}
	r.Erased.People, r.Erased.Invitations, r.Erased.Nameless, r.Erased.Responses = 1, 2, 1, 2
	text := r.Text()
	for _, want := range []string{"2027-03-01 09:00", "hr@example.org", r.Of, "     3  invitations", "     2  responses", "     2  free texts", "anonymous surveys (1)", "Backups"} {
		if !strings.Contains(text, want) {
			t.Errorf("the receipt lacks %q:\n%s", want, text)
		}
	}
	for line := range strings.Lines(text) {
		if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > 96 {
			t.Errorf("a line of %d characters: %s", n, line)
		}
	}
	wave := Receipt{At: morning, Wave: 7}
	if text := wave.Text(); !strings.Contains(text, "wave 7") || !strings.Contains(text, "promised") || strings.Contains(text, "Person:") {
		t.Errorf("the receipt of a wave:\n%s", text)
	}
	secret, other := secretOf(t, 1), secretOf(t, 2)
	if secret.hashOfPerson(1, "a") == secret.hashOfPerson(2, "a") || secret.hashOfPerson(1, "a") == other.hashOfPerson(1, "a") {
		t.Error("a person's code is the same in another organisation or under another secret")
	}
}
