package survey

import "testing"

func TestFold(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                      "",
		"  Łukasz\t ŻÓŁĆ ":      "lukasz zolc",
		"Ёлкин Андрей":          "елкин андреи",
		"Ștefan Țepeș":          "stefan tepes",
		"Đorđe Großmann":        "dorde grossmann",
		"anna.nowak@Example.PL": "anna.nowak@example.pl",
		"Ji\u0159í e\u0301":     "jiri e", // composed or not
	} {
		if got := Fold(text); got != want {
			t.Errorf("Fold(%q) = %q; want %q", text, got, want)
		}
	}
}

func TestAttributeRead(t *testing.T) {
	t.Parallel()
	a := Attribute{Values: []AttributeValue{
		{ID: 1, Given: "IT", Name: "Information technology"},
		{ID: 2, Given: "Dział IT", Name: "Dział IT", Into: 1},
		{ID: 3, Given: "it dept", Name: "it dept", Into: 2},
		{ID: 4, Given: "HR", Name: "HR"},
		{ID: 5, Given: "a", Name: "a", Into: 6}, // a circle, which cannot be stored
		{ID: 6, Given: "b", Name: "b", Into: 5},
	}}
	names := a.Names()
	for given, want := range map[string]struct {
		id   int64
		name string
	}{
		"IT": {1, "Information technology"}, "it dept": {1, "Information technology"}, "HR": {4, "HR"}, "Legal": {0, "Legal"}, "": {0, ""},
	} {
		id, name := a.Read(given)
		if id != want.id || name != want.name {
			t.Errorf("Read(%q) = %d, %q; want %d, %q", given, id, name, want.id, want.name)
		}
		if known, ok := names[given]; ok != (want.id != 0) || ok && known != want.name {
			t.Errorf("Names[%q] = %q, %v; want %q", given, known, ok, want.name)
		}
	}
	if id, _ := a.Read("a"); id != 5 && id != 6 {
		t.Errorf("a circle of merges ends at %d", id)
	}
	if _, ok := names["a"]; !ok {
		t.Error("a circle of merges has no name")
	}
}

func TestPaddedLength(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]int{0: 1536, 1: 1536, 1536: 1536, 1537: 4096, 4096: 4096, 4097: 8192, 100_000: 131_072} {
		if got := PaddedLength(n); got != want || PaddedLength(got) != got {
			t.Errorf("PaddedLength(%d) = %d; want %d", n, got, want)
		}
	}
}
