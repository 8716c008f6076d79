package store_test

import (
	"errors"
	"iter"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cxmirror/pkg/store"
	"cxmirror/pkg/store/storetest"
	"cxmirror/pkg/survey"
)

const ours = survey.DefaultOrganisation

func these(people ...survey.Person) iter.Seq2[survey.Person, error] {
	return func(yield func(survey.Person, error) bool) {
		for _, p := range people {
			if !yield(p, nil) {
				return
			}
		}
	}
}

func names(people []survey.Person) []string {
	var list []string
	for _, p := range people {
		list = append(list, p.Name)
	}
	return list
}

func TestPeople(t *testing.T) {
	t.Parallel()
	for name, open := range storetest.Engines() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, ctx := open(t), t.Context()
			anna := survey.Person{
				Organisation: ours, Key: "7", Address: "Anna.Nowak@example.org", Name: "Łucja Żółć", Language: "pl", Active: true,
				Attributes: map[string]string{"department": "IT", "odd key's \"name\"": "100 %_\\", "empty": ""},
			}
			if err := s.SavePerson(ctx, &anna); err != nil {
				t.Fatal(err)
			}
			if anna.ID == 0 || anna.Updated.IsZero() || len(anna.Attributes) != 2 {
				t.Errorf("SavePerson filled in %+v", anna)
			}
			got, err := s.Person(ctx, ours, anna.ID)
			if diff := cmp.Diff(anna, got); err != nil || diff != "" {
				t.Errorf("Person: %v\n%s", err, diff)
			}
			_, err = s.Person(ctx, ours+1, anna.ID)
			wantError(t, "another organisation's person", err, survey.ErrNotFound)
			same := survey.Person{Organisation: ours, Key: "7", Name: "Other"}
			wantError(t, "a key that is taken", s.SavePerson(ctx, &same), survey.ErrConflict)
			stranger := survey.Person{Organisation: 77, Key: "7"}
			wantError(t, "a person of nobody's", s.SavePerson(ctx, &stranger), survey.ErrNotFound)
			gone := survey.Person{ID: 777, Organisation: ours, Key: "8"}
			wantError(t, "a person who is not there", s.SavePerson(ctx, &gone), survey.ErrNotFound)
			for _, wrong := range []survey.Person{{Organisation: ours}, {Organisation: ours, Key: strings.Repeat("k", 255)}, {Organisation: ours, Key: "x", Name: "a\x00b"}} {
				if err := s.SavePerson(ctx, &wrong); err == nil {
					t.Errorf("SavePerson took %+v", wrong)
				}
			}

			others := []survey.Person{
				{Organisation: ours, Key: "1", Name: "Андрей Ёлкин", Active: true, Attributes: map[string]string{"department": "Sales"}},
				{Organisation: ours, Key: "2", Name: "100% Under_score", Address: "u@example.org", Attributes: map[string]string{"department": "it"}},
				{Organisation: ours, Key: "3", Name: "Adam", Address: "adam@example.org", Active: true, Attributes: map[string]string{"grade": "3"}},
			}
			for i := range others {
				if err := s.SavePerson(ctx, &others[i]); err != nil {
					t.Fatal(err)
				}
			}
			yes, no := true, false
			for what, tt := range map[string]struct {
				query store.PeopleQuery
				want  []string
			}{
				"all, by name":         {store.PeopleQuery{}, []string{"100% Under_score", "Adam", "Łucja Żółć", "Андрей Ёлкин"}},
				"without diacritics":   {store.PeopleQuery{Text: "lucja zol"}, []string{"Łucja Żółć"}},
				"in Cyrillic":          {store.PeopleQuery{Text: "ЕЛКИН"}, []string{"Андрей Ёлкин"}},
				"by address":           {store.PeopleQuery{Text: "nowak@EXAMPLE"}, []string{"Łucja Żółć"}},
				"what LIKE would take": {store.PeopleQuery{Text: "_"}, []string{"100% Under_score"}},
				"and a percent sign":   {store.PeopleQuery{Text: "0%"}, []string{"100% Under_score"}},
				"active":               {store.PeopleQuery{Active: &no}, []string{"100% Under_score"}},
				"reachable":            {store.PeopleQuery{Reachable: &yes, Active: &yes}, []string{"Adam", "Łucja Żółć"}},
				"an attribute":         {store.PeopleQuery{Attributes: map[string][]string{"department": {"IT", "Sales"}}}, []string{"Łucja Żółć", "Андрей Ёлкин"}},
				"two attributes":       {store.PeopleQuery{Attributes: map[string][]string{"department": {"IT"}, `odd key's "name"`: {`100 %_\`}}}, []string{"Łucja Żółć"}},
				"nobody's value":       {store.PeopleQuery{Attributes: map[string][]string{"department": {"Legal"}}}, nil},
				"nobody's attribute":   {store.PeopleQuery{Attributes: map[string][]string{"shoe": {"43"}}}, nil},
				"no value at all":      {store.PeopleQuery{Attributes: map[string][]string{"department": {}}}, nil},
			} {
				people, total, err := s.People(ctx, ours, tt.query)
				if err != nil || total != len(tt.want) || !slices.Equal(names(people), tt.want) {
					t.Errorf("%s: %q of %d, %v; want %q", what, names(people), total, err, tt.want)
				}
			}
			page, total, err := s.People(ctx, ours, store.PeopleQuery{Offset: 1, Limit: 2})
			if err != nil || total != 4 || !slices.Equal(names(page), []string{"Adam", "Łucja Żółć"}) {
				t.Errorf("a page: %q of %d, %v", names(page), total, err)
			}
			if rest, _, err := s.People(ctx, ours, store.PeopleQuery{Offset: 3}); err != nil || len(rest) != 1 {
				t.Errorf("the rest: %q, %v", names(rest), err)
			}

			ids := []survey.PersonID{anna.ID, others[0].ID, 777}
			if n, err := s.SetActive(ctx, ours, ids, false); n != 2 || err != nil {
				t.Errorf("SetActive = %d, %v; want 2", n, err)
			}
			if n, err := s.SetActive(ctx, ours, ids, false); n != 0 || err != nil {
				t.Errorf("SetActive again = %d, %v; want 0", n, err)
			}
			if n, err := s.SetActive(ctx, ours+1, ids, true); n != 0 || err != nil {
				t.Errorf("SetActive of another organisation = %d, %v; want 0", n, err)
			}
			if n, err := s.UnsubscribePeople(ctx, ours, ids, noon); n != 2 || err != nil {
				t.Errorf("UnsubscribePeople = %d, %v; want 2", n, err)
			}
			if n, err := s.UnsubscribePeople(ctx, ours, ids, noon.Add(time.Hour)); n != 0 || err != nil {
				t.Errorf("UnsubscribePeople again = %d, %v; want 0", n, err)
			}
			if n, err := s.NoteBounce(ctx, ours, "ANNA.nowak@example.org", true, "550 no such user", "", noon); n != 1 || err != nil {
				t.Errorf("NoteBounce = %d, %v; want 1", n, err)
			}
			if n, err := s.NoteBounce(ctx, ours, "", true, "550", "", noon); n != 0 || err != nil {
				t.Errorf("NoteBounce of no address = %d, %v; want 0", n, err)
			}
			got, err = s.Person(ctx, ours, anna.ID)
			if err != nil || got.Active || !got.Unsubscribed.Equal(*stored(noon)) || got.Bounced == nil || got.BounceReason != "550 no such user" {
				t.Errorf("Person = %+v, %v", got, err)
			}
			got.Address = "lucja@example.org"
			if err := s.SavePerson(ctx, &got); err != nil || got.Bounced != nil || got.BounceReason != "" || got.Unsubscribed == nil {
				t.Errorf("with another address: %+v, %v; want it not bounced, still unsubscribed", got, err)
			}
			if n, err := s.NoteBounce(ctx, ours, "lucja@example.org", false, "452 full", "", noon); n != 1 || err != nil {
				t.Errorf("NoteBounce = %d, %v; want 1", n, err)
			}
			if got, err = s.Person(ctx, ours, anna.ID); err != nil || got.Bounced != nil || got.BounceReason != "452 full" {
				t.Errorf("after a bounce that may pass: %+v, %v", got, err)
			}
		})
	}
}

func TestImportPeople(t *testing.T) {
	t.Parallel()
	for name, open := range storetest.Engines() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, ctx := open(t), t.Context()
			importAll := func(options store.ImportOptions, want store.ImportResult, people ...survey.Person) {
				t.Helper()
				got, err := s.ImportPeople(ctx, ours, these(people...), options)
				if err != nil || got != want {
					t.Errorf("ImportPeople = %+v, %v; want %+v", got, err, want)
				}
			}
			person := func(key, address, name string, attributes map[string]string) survey.Person {
				return survey.Person{Key: key, Address: address, Name: name, Active: true, Attributes: attributes}
			}
			a := person("a", "a@example.org", "Anna", map[string]string{"department": "IT", "level": "3"})
			b := person("b", "b@example.org", "Bartek", map[string]string{"department": "HR"})
			c := person("c", "", "Celina", nil)
			importAll(store.ImportOptions{}, store.ImportResult{New: 3}, a, b, c)
			importAll(store.ImportOptions{Update: true}, store.ImportResult{Unchanged: 3}, a, b, c)
			importAll(store.ImportOptions{}, store.ImportResult{New: 1, Skipped: 1}, person("a", "x@example.org", "Other", nil), person("d", "d@example.org", "Dorota", nil))

			if _, err := s.NoteBounce(ctx, ours, "a@example.org", true, "550", "", noon); err != nil {
				t.Fatal(err)
			}
			people, _, err := s.People(ctx, ours, store.PeopleQuery{Text: "Anna"})
			if err != nil || len(people) != 1 {
				t.Fatal(people, err)
			}
			if _, err := s.UnsubscribePeople(ctx, ours, []survey.PersonID{people[0].ID}, noon); err != nil {
				t.Fatal(err)
			}
			// Empty cells leave what is known; an empty attribute takes it away; another address has not bounced.
			importAll(store.ImportOptions{Update: true, DeactivateMissing: true}, store.ImportResult{Updated: 1, Unchanged: 1, Deactivated: 2},
				person("a", "anna@example.org", "", map[string]string{"level": "", "office": "back"}), b)
			people, _, err = s.People(ctx, ours, store.PeopleQuery{})
			if err != nil || len(people) != 4 {
				t.Fatal(people, err)
			}
			got := people[0]
			if got.Name != "Anna" || got.Address != "anna@example.org" || got.Bounced != nil || got.Unsubscribed == nil || !got.Active ||
				!maps.Equal(got.Attributes, map[string]string{"department": "IT", "office": "back"}) {
				t.Errorf("updated to %+v", got)
			}
			if people[1].Name != "Bartek" || !people[1].Active || people[2].Active || people[3].Active {
				t.Errorf("active are not those imported: %+v", people)
			}
			importAll(store.ImportOptions{Update: true}, store.ImportResult{Updated: 1}, c) // who comes back is active

			// All or nothing.
			broken := errors.New("line 7 is broken")
			for what, tt := range map[string]struct {
				people iter.Seq2[survey.Person, error]
				want   error
			}{
				"the same key twice": {these(person("n", "", "N", nil), person("n", "", "N", nil)), survey.ErrConflict},
				"no key":             {these(person("n", "", "N", nil), person("", "", "N", nil)), nil},
				"a sequence that breaks": {func(yield func(survey.Person, error) bool) {
					for p, err := range manyPeople(1500) {
						if !yield(p, err) {
							return
						}
					}
					yield(survey.Person{}, broken)
				}, broken},
			} {
				result, err := s.ImportPeople(ctx, ours, tt.people, store.ImportOptions{})
				if err == nil || result != (store.ImportResult{}) || tt.want != nil && !errors.Is(err, tt.want) {
					t.Errorf("%s: %+v, %v; want %v", what, result, err, tt.want)
				}
			}
			if _, err := s.ImportPeople(ctx, ours, these(person("same-key", "", "", nil), person("same-key", "", "", nil)), store.ImportOptions{}); err == nil || !strings.Contains(err.Error(), `"same-key"`) {
				t.Errorf("the same key twice: %v; want it named", err)
			}
			if _, total, err := s.People(ctx, ours, store.PeopleQuery{}); err != nil || total != 4 {
				t.Errorf("after imports that failed there are %d people, %v; want 4", total, err)
			}
			_, err = s.ImportPeople(ctx, 77, these(a), store.ImportOptions{})
			wantError(t, "people of nobody's", err, survey.ErrNotFound)
		})
	}
}

func TestAttributes(t *testing.T) {
	t.Parallel()
	for name, open := range storetest.Engines() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, ctx := open(t), t.Context()
			for i, department := range []string{"IT", "IT", "Dział IT", "it dept", "HR", ""} {
				p := survey.Person{Organisation: ours, Key: randomID(), Active: i != 1, Attributes: map[string]string{"department": department, "joined": "2020-01-0" + string(rune('1'+i))}}
				if err := s.SavePerson(ctx, &p); err != nil {
					t.Fatal(err)
				}
			}
			value := func(given string) survey.AttributeValue {
				t.Helper()
				attributes, err := s.Attributes(ctx, ours)
				if err != nil || len(attributes) != 2 || attributes[0].Key != "department" || attributes[1].Key != "joined" {
					t.Fatalf("Attributes = %+v, %v", attributes, err)
				}
				at := slices.IndexFunc(attributes[0].Values, func(v survey.AttributeValue) bool { return v.Given == given })
				if at < 0 {
					t.Fatalf("%q is not among %+v", given, attributes[0].Values)
				}
				return attributes[0].Values[at]
			}
			it, dzial, dept, hr := value("IT"), value("Dział IT"), value("it dept"), value("HR")
			if it.People != 1 || hr.People != 1 || it.Name != "IT" {
				t.Errorf("IT is %+v, HR %+v; want one active person each", it, hr)
			}
			if err := s.RenameValue(ctx, ours, it.ID, "Information technology"); err != nil {
				t.Fatal(err)
			}
			if err := s.MergeValues(ctx, ours, []int64{dept.ID}, dzial.ID); err != nil {
				t.Fatal(err)
			}
			if err := s.MergeValues(ctx, ours, []int64{dzial.ID, it.ID}, it.ID); err != nil {
				t.Fatal(err)
			}
			count := func(name string) int {
				t.Helper()
				_, total, err := s.People(ctx, ours, store.PeopleQuery{Attributes: map[string][]string{"department": {name}}})
				if err != nil {
					t.Fatal(err)
				}
				return total
			}
			if n := count("Information technology"); n != 4 {
				t.Errorf("%d people read as Information technology; want 4", n)
			}
			wantError(t, "merging in a circle", s.MergeValues(ctx, ours, []int64{it.ID}, dept.ID), survey.ErrConflict)
			wantError(t, "another organisation's merge", s.MergeValues(ctx, ours+1, []int64{hr.ID}, it.ID), survey.ErrNotFound)
			wantError(t, "another organisation's name", s.RenameValue(ctx, ours+1, it.ID, "x"), survey.ErrNotFound)
			wantError(t, "one that is not there, with one that is", s.MergeValues(ctx, ours, []int64{hr.ID, 777}, it.ID), survey.ErrNotFound)
			if value("HR").Into != 0 {
				t.Error("a merge that failed was half done")
			}
			if err := s.SplitValue(ctx, ours, dzial.ID); err != nil {
				t.Fatal(err)
			}
			if a, b := count("Information technology"), count("Dział IT"); a != 2 || b != 2 {
				t.Errorf("after the split %d and %d; want 2 and 2: what was merged into it went along", a, b)
			}
			changes, err := s.AttributeChanges(ctx, ours)
			var kinds []string
			for _, c := range changes {
				kinds = append(kinds, c.Change+" "+c.Given)
			}
			if err != nil || !slices.Equal(kinds, []string{"split Dział IT", "merged Dział IT", "merged it dept", "renamed IT"}) {
				t.Errorf("AttributeChanges = %q, %v", kinds, err)
			}

			// Dates have no values; as texts, what was given becomes known.
			if err := s.SaveAttribute(ctx, survey.Attribute{Organisation: ours, Key: "joined", Name: "Joined on", Type: survey.DateAttribute}); err != nil {
				t.Fatal(err)
			}
			if _, total, err := s.People(ctx, ours, store.PeopleQuery{Attributes: map[string][]string{"joined": {"2020-01-03"}}}); err != nil || total != 1 {
				t.Errorf("%d people joined that day, %v; want 1", total, err)
			}
			p := survey.Person{Organisation: ours, Key: "late", Active: true, Attributes: map[string]string{"joined": "2026-01-01"}}
			if err := s.SavePerson(ctx, &p); err != nil {
				t.Fatal(err)
			}
			if err := s.SaveAttribute(ctx, survey.Attribute{Organisation: ours, Key: "joined", Name: "Joined", Type: survey.TextAttribute}); err != nil {
				t.Fatal(err)
			}
			attributes, err := s.Attributes(ctx, ours)
			if err != nil || attributes[1].Name != "Joined" || len(attributes[1].Values) != 7 {
				t.Errorf("Attributes = %+v, %v; want 7 days known", attributes, err)
			}
			if err := s.SaveAttribute(ctx, survey.Attribute{Organisation: ours, Key: "x", Name: "X", Type: "colour"}); err == nil {
				t.Error("SaveAttribute took a type there is not")
			}
		})
	}
}
