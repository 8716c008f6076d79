package findings

import "testing"

func TestEverySentenceStandsInEveryLanguage(t *testing.T) {
	s, err := NewSpeaker()
	if err != nil {
		t.Fatal(err)
	}
	if got := len(s.Languages()); got != 4 {
		t.Errorf("%d languages, want 4", got)
	}
}
