package tally

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"cxmirror/pkg/survey"
)

// panelNames and panelAddresses are the people of a panel.
func panelNames() []string {
	return []string{
		"Anna Kowalska", "Marek Żółć-Nowicki", "Marta Dąb", "Agnieszka Łukasiewicz", "Jan Li", "Павел Достоевский", "Ольга Иванова",
		"Ștefan Popescu", "Tereza Nováková", "Ewa Bąk", "",
	}
}

func panelAddresses() []string {
	return []string{"anna.kowalska@example.org", "m.zielinska@example.org", "it@example.org", "nobody"}
}

func panelIdentifier() *Identifier {
	return NewIdentifier(slices.Values(panelNames()), slices.Values(panelAddresses()))
}

// panelAmong knows of the same people those whom some texts could name.
func panelAmong(texts ...string) *Identifier {
	return NewIdentifierAmong(slices.Values(texts), func(yield func(name, address string) bool) {
		for i, name := range panelNames() {
			address := ""
			if i < len(panelAddresses()) {
				address = panelAddresses()[i]
			}
			if !yield(survey.Fold(name), survey.Fold(address)) { // as a database keeps them for a search
				return
			}
		}
	})
}

func TestMentions(t *testing.T) {
	known := panelIdentifier()
	for text, want := range map[string][]string{
		"Thank you, Anna!":                                    {"name Anna"},
		"praca z ANNĄ i Kowalską to przyjemność":              {"name ANNĄ", "name Kowalską"},
		"dziękuję p. Kowalskiej oraz Markowi":                 {"name Kowalskiej", "name Markowi"},
		"u Marka, z Markiem, Żółcia i zolc":                   {"name Marka", "name Markiem", "name Żółcia", "name zolc"},
		"Marcie i Agnieszce Łukasiewicz":                      {"name Marcie", "name Agnieszce", "name Łukasiewicz"},
		"Спасибо Павлу Достоевскому и Ольге":                  {"name Павлу", "name Достоевскому", "name Ольге"},
		"с Павлом; у Ивановой":                                {"name Павлом", "name Ивановой"},
		"Lui Stefan, lui Popescului":                          {"name Stefan", "name Popescului"},
		"od paní Novákové":                                    {"name Novákové"},
		"zielinska nie odpisuje":                              {"name zielinska"},
		"Ask Li or Ewy Bąk":                                   {"name Li", "name Ewy", "name Bąk"},
		"li, ewa, jan":                                        nil, // short and without a capital: as likely a word
		"marketing, market, market share":                     nil,
		"IT is slow and it helps nobody":                      nil,
		"write to jan.li@firma.pl or jan (at) firma.com":      {"address jan.li@firma.pl", "address jan (at) firma.com"},
		"tel. 601 234 567, +48 22 123-45-67":                  {"phone 601 234 567", "phone +48 22 123-45-67"},
		"(0721) 123 456 or 8 (495) 123-45-67":                 {"phone (0721) 123 456", "phone 8 (495) 123-45-67"},
		"since 2026-11-22 10:30, 22.11.2026, paid 1 000 000,": nil,
		"":                      nil,
		"ticket 12345678 and 7": nil,
	} {
		var got []string
		for _, m := range known.Mentions(text) {
			got = append(got, string(m.Kind)+" "+text[m.Start:m.End])
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q mentions %q, want %q", text, got, want)
		}
	}
	for _, text := range []string{"u Marka, z Markiem, Żółcia i zolc", "Marcie i Agnieszce Łukasiewicz", "Спасибо Павлу Достоевскому и Ольге", "li, ewa, jan", "Ask Li or Ewy Bąk"} {
		if all, some := known.Mentions(text), panelAmong(text, "nothing").Mentions(text); !slices.Equal(all, some) {
			t.Errorf("%q mentions %v, and among its own words %v", text, all, some)
		}
	}
	if known := panelAmong("Anna"); len(known.stems) > 3 {
		t.Errorf("of %d stems one text keeps %v", len(panelIdentifier().stems), known.stems)
	}
	if some := panelAmong("Anna").Mentions("Marta"); len(some) > 0 {
		t.Errorf("a text that was not handed in mentions %v", some)
	}
	var nobody *Identifier
	if m := nobody.Mentions("Anna, anna@example.org"); len(m) != 1 || m[0].Kind != MentionAddress {
		t.Errorf("who knows nobody finds %v, want the address", m)
	}
}

func FuzzMentions(f *testing.F) {
	known := panelIdentifier()
	f.Add("Kowalskiej \xff 601 234 567 a@b.cd e\u0301wa")
	f.Fuzz(func(t *testing.T, text string) {
		if all, some := known.Mentions(text), panelAmong("x", text).Mentions(text); !slices.Equal(all, some) {
			t.Fatalf("%q mentions %v, and among its own words %v", text, all, some)
		}
		end := 0
		for _, m := range known.Mentions(text) {
			if m.Start < end || m.End <= m.Start || m.End > len(text) {
				t.Fatalf("%q: %+v after %d", text, m, end)
			}
			end = m.End
		}
	})
}

func TestComments(t *testing.T) {
	wave := &survey.Wave{ID: 3, Audience: survey.Internal}
	arrived := func(n int) []Comment {
		var list []Comment
		for i := range n {
			list = append(list, Comment{Response: survey.ResponseID(fmt.Sprintf("%032x", i*7919)), Text: fmt.Sprintf("comment %d of Anna", i)})
		}
		return append(list, Comment{Response: "x", Text: " - "})
	}
	if _, err := Comments(wave, "why", 10, slices.Values(arrived(9)), nil); !errors.Is(err, ErrWithheld) {
		t.Errorf("nine comments and one of no words: %v, want ErrWithheld", err)
	}
	if _, err := Comments(wave, "why", 10, slices.Values(arrived(0)), nil); !errors.Is(err, ErrNobody) {
		t.Errorf("no comments: %v, want ErrNobody", err)
	}
	texts := func(item survey.ItemCode, list []Comment) (texts []string) {
		shown, err := Comments(wave, item, 10, slices.Values(list), panelIdentifier())
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range shown {
			if len(c.Mentions) != 1 {
				t.Errorf("%q mentions %v, want Anna", c.Text, c.Mentions)
			}
			texts = append(texts, c.Text)
		}
		return texts
	}
	list := arrived(100)
	first := texts("why", list)
	backward := slices.Clone(list)
	slices.Reverse(backward)
	if !slices.Equal(first, texts("why", backward)) {
		t.Error("the order of comments follows that in which they were read")
	}
	if slices.Equal(first, texts("how", list)) {
		t.Error("two items have their comments in one order: who wrote both could be seen")
	}
	later := texts("why", arrived(120))
	old := slices.DeleteFunc(slices.Clone(later), func(s string) bool { return !slices.Contains(first, s) })
	if !slices.Equal(old, first) || slices.Equal(later[:100], first) {
		t.Error("new comments do not appear among the old ones")
	}
	// Runs of neighbours in the order of arrival would tell who came together; chance makes about one of 99.
	neighbours := 0
	for i := range first[1:] {
		var a, b int
		_, _ = fmt.Sscanf(first[i], "comment %d", &a)
		_, _ = fmt.Sscanf(first[i+1], "comment %d", &b)
		if b == a+1 {
			neighbours++
		}
	}
	if neighbours > 6 {
		t.Errorf("%d of 99 neighbours came one after the other", neighbours)
	}
}
