package survey

import "testing"

// Characters of category Cf: https://www.unicode.org/Public/UCD/latest/ucd/extracted/DerivedGeneralCategory.txt
func TestOneLine(t *testing.T) {
	for given, want := range map[string]string{
		"  Acme\r\nBcc: x\u2028y\x1b[2J  ":          "Acme Bcc: x y [2J",
		"\u202eevil\u202c and \u2066isolated\u2069": "evil and isolated",
		"\u200eAc\u200fme\u061c":                    "Acme",
		"Ac\u00adme\u200b\u2060\ufeff Ltd":          "Acme Ltd",
		"Acme \u202e Ltd":                           "Acme Ltd",
		"\u202e\u2066 \u200b":                       "",
		"\u200d \u200c":                             "", // nothing to join
		"می\u200cخواهم":                             "می\u200cخواهم",
		"ක්\u200dෂ":                                 "ක්\u200dෂ",
		"\U0001f469\u200d\U0001f4bb":                "\U0001f469\u200d\U0001f4bb",
		"\u0600\u0661":                              "\u0600\u0661",
		"a\xffb":                                    "a\ufffdb",
		"Zażółć gęślą jaźń":                         "Zażółć gęślą jaźń",
	} {
		if got := OneLine(given); got != want {
			t.Errorf("OneLine(%+q) = %+q, want %+q", given, got, want)
		}
	}
}
