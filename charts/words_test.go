package charts

import (
	"math"
	"strings"
	"testing"

	"cxmirror/pkg/findings"
	"cxmirror/pkg/survey"
)

func english(t *testing.T, rule findings.Rule) wording {
	t.Helper()
	w, err := newWording("en", rule)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestPercentNeverClaimsNoneOrAll(t *testing.T) {
	w := english(t, findings.SharePicked)
	for share, want := range map[float64]string{
		0: "0 %", 0.0001: "<1 %", 0.0049: "<1 %", 0.006: "1 %", 0.5187: "52 %", 0.994: "99 %", 0.996: ">99 %", 0.9999: ">99 %", 1: "100 %",
		math.NaN(): "–", math.Inf(1): "–",
	} {
		if got := strings.ReplaceAll(w.percent(share), "\u00a0", " "); got != want {
			t.Errorf("percent(%v) = %q, want %q", share, got, want)
		}
	}
}

func TestVerdictWords(t *testing.T) {
	tests := []struct {
		name          string
		rule          findings.Rule
		item          findings.ItemDifference
		words, detail string
	}{
		{"more", findings.SharePicked, findings.ItemDifference{Verdict: findings.Different, Difference: 0.142}, "more inside", "+14 pts"},
		{"less", findings.SharePicked, findings.ItemDifference{Verdict: findings.Different, Difference: -0.12}, "less inside", "−12 pts"},
		{"rated higher", findings.TopBox, findings.ItemDifference{Verdict: findings.Different, Difference: 0.09}, "higher inside", "+9 pts"},
		{"rated lower", findings.TopBox, findings.ItemDifference{Verdict: findings.Different, Difference: -0.09}, "lower inside", "−9 pts"},
		{"hardly", findings.SharePicked, findings.ItemDifference{Verdict: findings.Different, Difference: -0.003}, "less inside", "−0.3 pts"},
		{"small", findings.SharePicked, findings.ItemDifference{Verdict: findings.Small, Difference: 0.03}, "different, but small", "+3 pts"},
		{"same", findings.SharePicked, findings.ItemDifference{Verdict: findings.Same, Difference: 0.03, Detectable: 0.09}, "practically the same", ""},
		// What could have been seen is rounded up: 8.2 points would not have been seen at 8.
		{"unknown", findings.SharePicked, findings.ItemDifference{Verdict: findings.Unknown, Detectable: 0.082}, "cannot tell", "would see ≥ 9 pts"},
		{"unknown, a whole number", findings.SharePicked, findings.ItemDifference{Verdict: findings.Unknown, Detectable: 0.07}, "cannot tell", "would see ≥ 7 pts"},
		{"unknown, nothing could be seen", findings.SharePicked, findings.ItemDifference{Verdict: findings.Unknown, Detectable: math.NaN()}, "cannot tell", ""},
		{"unknown, not even everything", findings.SharePicked, findings.ItemDifference{Verdict: findings.Unknown, Detectable: 1.3}, "cannot tell", ""},
	}
	for _, tt := range tests {
		words, detail := english(t, tt.rule).verdict(tt.item)
		if detail = strings.ReplaceAll(detail, "\u00a0", " "); words != tt.words || detail != tt.detail {
			t.Errorf("%s: %q, %q; want %q, %q", tt.name, words, detail, tt.words, tt.detail)
		}
	}
}

// Every verdict has words in every language, different from those of the other verdicts: nobody may read
// "cannot tell" as "the same".
func TestVerdictsAreDistinctInEveryLanguage(t *testing.T) {
	phrases, err := catalogue()
	if err != nil {
		t.Fatal(err)
	}
	if got := len(phrases.Languages()); got != 4 {
		t.Errorf("%d languages, want 4", got)
	}
	for _, lang := range phrases.Languages() {
		seen := make(map[string]string)
		for _, key := range []string{"more", "less", "higher", "lower", "different", "small", "same", "unknown"} {
			words := phrases.Say(lang, key, nil)
			if other, ok := seen[words]; ok || words == "" {
				t.Errorf("%s: %s and %s are both %q", lang, key, other, words)
			}
			seen[words] = key
		}
	}
}

func TestNumbersFollowTheLanguage(t *testing.T) {
	for lang, want := range map[survey.Language]string{"en": "n = 312,345", "pl": "n = 312 345", "ro": "n = 312.345", "ru": "n = 312 345"} {
		w, err := newWording(lang, findings.SharePicked)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.ReplaceAll(w.base(findings.Base{N: 312_345}), "\u00a0", " "); got != want {
			t.Errorf("%s: %q, want %q", lang, got, want)
		}
	}
}
