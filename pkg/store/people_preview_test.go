package store_test

import (
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cxmirror/pkg/store"
	"cxmirror/pkg/store/storetest"
	"cxmirror/pkg/survey"
)

func panel(people []survey.Person) iter.Seq2[survey.Person, error] {
	return func(yield func(survey.Person, error) bool) {
		for _, p := range people {
			if !yield(p, nil) {
				return
			}
		}
	}
}

// A preview says what the import then does, whatever stands in the panel and in the file.
func TestPreviewPeople(t *testing.T) {
	for name, open := range storetest.Engines() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t)
			random := rand.New(rand.NewPCG(1, 2))
			file := func() []survey.Person {
				var people []survey.Person
				for _, i := range random.Perm(60)[:40] {
					p := survey.Person{Key: fmt.Sprintf("p%d", i), Address: fmt.Sprintf("p%d@example.org", i), Active: random.IntN(9) > 0}
					p.Attributes = map[string]string{"level": []string{"", "1", "2"}[random.IntN(3)]}
					if random.IntN(2) == 0 {
						p.Name = fmt.Sprintf("Name %d", random.IntN(2))
					}
					people = append(people, p)
				}
				return people
			}
			for turn := range 8 {
				options := store.ImportOptions{Update: turn%4 != 1, DeactivateMissing: turn%3 == 2}
				people := file()
				preview, err := s.PreviewPeople(t.Context(), survey.DefaultOrganisation, panel(people), options)
				if err != nil {
					t.Fatal(err)
				}
				result, err := s.ImportPeople(t.Context(), survey.DefaultOrganisation, panel(people), options)
				if err != nil || preview.ImportResult != result {
					t.Errorf("turn %d: the preview says %+v, the import did %+v, %v", turn, preview.ImportResult, result, err)
				}
			}

			if _, err := s.ImportPeople(t.Context(), survey.DefaultOrganisation, panel([]survey.Person{{Key: "left"}, {Key: "here", Active: true}}), store.ImportOptions{Update: true}); err != nil {
				t.Fatal(err)
			}
			back, err := s.PreviewPeople(t.Context(), survey.DefaultOrganisation, panel([]survey.Person{{Key: "left", Active: true}, {Key: "here", Active: true}}), store.ImportOptions{Update: true})
			if err != nil || back.Activated != 1 || back.Updated != 1 || back.Unchanged != 1 {
				t.Errorf("somebody who is back: %+v, %v", back, err)
			}

			strangers := []survey.Person{{Key: "new", Address: "P1@example.org", Active: true}, {Key: "other", Address: "other@example.org", Active: true}, {Key: "paper", Active: true}}
			if _, err := s.ImportPeople(t.Context(), survey.DefaultOrganisation, panel([]survey.Person{{Key: "p1", Address: "p1@example.org", Active: true}}), store.ImportOptions{Update: true}); err != nil {
				t.Fatal(err)
			}
			preview, err := s.PreviewPeople(t.Context(), survey.DefaultOrganisation, panel(strangers), store.ImportOptions{})
			if err != nil || preview.New != 3 || preview.Twice != 1 || !slices.Equal(preview.First, []string{"P1@example.org"}) {
				t.Errorf("people with an address of somebody else: %+v, %v", preview, err)
			}
			if _, err := s.PreviewPeople(t.Context(), survey.DefaultOrganisation, panel([]survey.Person{strangers[0], strangers[0]}), store.ImportOptions{}); !errors.Is(err, survey.ErrConflict) {
				t.Errorf("a key twice: %v", err)
			}
			broken := errors.New("half of a file")
			_, err = s.PreviewPeople(t.Context(), survey.DefaultOrganisation, func(yield func(survey.Person, error) bool) { yield(survey.Person{}, broken) }, store.ImportOptions{})
			if !errors.Is(err, broken) {
				t.Errorf("a file that ends in an error: %v", err)
			}
		})
	}
}

func TestPeopleByAddress(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		people := importPeople(t, s, 3)
		found, err := s.PeopleByAddress(t.Context(), survey.DefaultOrganisation, []string{"PERSON1@example.ORG", "nobody@example.org", "", "person1@example.org"})
		if err != nil || len(found) != 1 || len(found["person1@example.org"]) != 1 || found["person1@example.org"][0].ID != people[1].ID {
			t.Errorf("found %v, %v", found, err)
		}
		if found, err := s.PeopleByAddress(t.Context(), survey.DefaultOrganisation+1, []string{people[0].Address}); err != nil || len(found) != 0 {
			t.Errorf("another organisation finds %v, %v", found, err)
		}
	})
}

func TestAttributesAlone(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		importPeople(t, s, 4)
		counted, err := s.Attributes(t.Context(), survey.DefaultOrganisation)
		if err != nil || len(counted) != 2 || counted[0].Values[0].People != 2 {
			t.Fatalf("counted %+v, %v", counted, err)
		}
		alone, err := s.AttributesAlone(t.Context(), survey.DefaultOrganisation)
		for i := range counted {
			for j := range counted[i].Values {
				counted[i].Values[j].People = 0
			}
		}
		if diff := cmp.Diff(counted, alone); err != nil || diff != "" {
			t.Errorf("alone, %v: %s", err, diff)
		}
	})
}

func TestPeopleByState(t *testing.T) {
	for name, open := range storetest.Engines() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t)
			people := importPeople(t, s, 5)
			ids := []survey.PersonID{people[1].ID}
			if _, err := s.UnsubscribePeople(t.Context(), survey.DefaultOrganisation, ids, time.Now()); err != nil {
				t.Fatal(err)
			}
			if _, err := s.NoteBounce(t.Context(), survey.DefaultOrganisation, people[2].Address, true, "5.1.1 unknown", "", time.Now()); err != nil {
				t.Fatal(err)
			}
			people[3].Address = ""
			if err := s.SavePerson(t.Context(), &people[3]); err != nil {
				t.Fatal(err)
			}
			yes, no := true, false
			for _, tt := range []struct {
				name  string
				query store.PeopleQuery
				want  []survey.PersonID
			}{
				{"unsubscribed", store.PeopleQuery{Unsubscribed: &yes}, ids},
				{"bounced", store.PeopleQuery{Bounced: &yes}, []survey.PersonID{people[2].ID}},
				{"without address", store.PeopleQuery{Addressed: &no}, []survey.PersonID{people[3].ID}},
				{"none of these", store.PeopleQuery{Unsubscribed: &no, Bounced: &no, Addressed: &yes}, []survey.PersonID{people[0].ID, people[4].ID}},
			} {
				found, total, err := s.People(t.Context(), survey.DefaultOrganisation, tt.query)
				var got []survey.PersonID
				for _, p := range found {
					got = append(got, p.ID)
				}
				if err != nil || total != len(tt.want) || !slices.Equal(got, tt.want) {
					t.Errorf("%s: %v of %d, %v; want %v", tt.name, got, total, err, tt.want)
				}
			}
		})
	}
}

// What people may be known by is read in parts, in whatever order, each once.
func TestNames(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		const people = 20_001 // three parts
		if _, err := s.ImportPeople(t.Context(), ours, manyPeople(people), store.ImportOptions{}); err != nil {
			t.Fatal(err)
		}
		seen := make(map[store.Named]bool)
		began := time.Now()
		for named, err := range s.Names(t.Context(), ours) {
			if err != nil {
				t.Fatal(err)
			}
			if seen[named] {
				t.Fatalf("%v twice", named)
			}
			seen[named] = true
		}
		t.Logf("%d people in %v", len(seen), time.Since(began))
		if want := (store.Named{Name: "zaneta lecka 0007", Address: "person7@example.org"}); len(seen) != people || !seen[want] {
			t.Errorf("%d people; want %d, and %v among them", len(seen), people, want)
		}
		for _, err := range s.Names(t.Context(), ours) {
			if err != nil {
				t.Error(err)
			}
			break // and nothing goes on
		}
		for named, err := range s.Names(t.Context(), ours+1) {
			t.Errorf("another organisation has %v, %v", named, err)
		}
	})
}
