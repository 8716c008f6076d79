package fieldwork

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cxmirror/pkg/survey"
)

func TestReadCuts(t *testing.T) {
	t.Parallel()
	tests := []struct {
		kind  survey.AttributeType
		typed string
		want  []string
		err   error
	}{
		{survey.NumberAttribute, "30, 45, 60", []string{"30", "45", "60"}, nil},
		{survey.NumberAttribute, " 1,5;2.50\u00a010 ", []string{"1.5", "2.5", "10"}, nil},
		{survey.NumberAttribute, "-5 0", []string{"-5", "0"}, nil},
		{survey.DateAttribute, "2010, 2018, 2022-07-01", []string{"2010-01-01", "2018-01-01", "2022-07-01"}, nil},
		{survey.NumberAttribute, "", nil, ErrNoCuts},
		{survey.NumberAttribute, " , ;", nil, ErrNoCuts},
		{survey.NumberAttribute, "30, thirty", nil, ErrCutMalformed},
		{survey.NumberAttribute, "NaN", nil, ErrCutMalformed},
		{survey.NumberAttribute, "1e300", nil, ErrCutMalformed},
		{survey.NumberAttribute, "30 30", nil, ErrCutsUnordered},
		{survey.NumberAttribute, "45 30", nil, ErrCutsUnordered},
		{survey.DateAttribute, "2018-13-01", nil, ErrCutMalformed},
		{survey.DateAttribute, "30", nil, ErrCutMalformed},
		{survey.NumberAttribute, "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21", nil, ErrCutsTooMany},
	}
	for _, tt := range tests {
		got, err := ReadCuts(tt.kind, tt.typed)
		if !errors.Is(err, tt.err) || !slices.Equal(got, tt.want) {
			t.Errorf("ReadCuts(%s, %q) = %q, %v; want %q, %v", tt.kind, tt.typed, got, err, tt.want, tt.err)
		}
	}
}

// TestBands reports a number and a day in bands: who is on a cut is in the band that begins there, and what is
// frozen has the bands in their order, with their names.
func TestBands(t *testing.T) {
	t.Parallel()
	f := soundFacts(t) // ages from 20 on: 40, 30 and 20 people
	f.attributes = append(f.attributes, survey.Attribute{Key: "hired", Name: "Hired", Type: survey.DateAttribute})
	for i := range f.people {
		f.people[i].Attributes["hired"] = fmt.Sprintf("20%02d-05-01", 10+i%10)
	}
	f.plan.Attributes = []string{"age", "hired"}
	if found, err := check(f); err != nil || !found.Stops() {
		t.Fatalf("without bands: %+v, %v; want a stop", found.Items, err)
	}
	f.plan.Bands = []Bands{
		{Attribute: "age", Cuts: []string{"30", "45"}, Names: []survey.Words{{"en": "under 30", "pl": "poniżej 30"}, {"en": "30 to 44"}, {"en": "45 and over"}}},
		{Attribute: "hired", Cuts: []string{"2015-05-01"}},
	}
	found, err := check(f)
	if err != nil || found.Stops() {
		t.Fatalf("with bands: %+v, %v", found.Items, err)
	}
	sizes := make(map[string]int)
	for _, g := range found.Groups {
		for _, size := range g.Values {
			sizes[size.Name] = size.People
		}
	}
	want := map[string]int{"under 30": 30, "30 to 44": 15 + 15 + 10, "45 and over": 15 + 5, "< 2015-05-01": 45, "≥ 2015-05-01": 45}
	if diff := cmp.Diff(want, sizes); diff != "" {
		t.Errorf("sizes, -want +got:\n%s", diff)
	}
	frozen := newChecker(f).freeze(seeded(1))
	var names []string
	for _, s := range frozen.segments {
		for _, v := range s.Values {
			names = append(names, string(v.Code)+": "+v.Text.In("en"))
		}
	}
	if diff := cmp.Diff([]string{
		"below_30: under 30", "from_30_to_45: 30 to 44", "from_45: 45 and over", "below_2015m05m01: < 2015-05-01", "from_2015m05m01: ≥ 2015-05-01",
	}, names); diff != "" {
		t.Errorf("segments, -want +got:\n%s", diff)
	}
	if got := frozen.segments[0].Values[0].Text.In("pl"); got != "poniżej 30" {
		t.Errorf("in Polish the first band is %q", got)
	}
}

// TestProposeCuts: whatever the values, every band that is proposed holds the threshold with three in five answering.
func TestProposeCuts(t *testing.T) {
	t.Parallel()
	random := seeded(7)
	cutAtAll := 0
	for range 500 {
		n, k := 1+random.IntN(400), 1+random.IntN(12)
		low, span := float64(random.IntN(2000)-1000), float64(1+random.IntN(5000))/float64(1+random.IntN(100))
		kind := survey.NumberAttribute
		places := make([]float64, n)
		for i := range places {
			places[i] = low + span*random.Float64()*random.Float64()
		}
		if random.IntN(2) == 0 {
			kind = survey.DateAttribute
			for i := range places {
				places[i] = float64(int64(places[i]) * 86_400)
			}
		}
		cuts := proposeCuts(kind, places, k)
		if len(cuts) == 0 {
			continue
		}
		cutAtAll++
		a := &panelAttribute{Attribute: survey.Attribute{Key: "a", Type: kind}}
		a.banded(&Bands{Attribute: "a", Cuts: cuts})
		sizes := make([]int, len(a.bands))
		for _, place := range places {
			at, found := slices.BinarySearch(a.cuts, place)
			if found {
				at++
			}
			sizes[at]++
		}
		for _, size := range sizes {
			if size*answering < k*outOf {
				t.Fatalf("of %d values cut at %v bands have %v people; the threshold is %d", n, cuts, sizes, k)
			}
		}
	}
	if cutAtAll < 100 {
		t.Errorf("bands were proposed for %d of 500", cutAtAll)
	}
	// Numbers so large, and so close to each other, that there are no round ones between them.
	near := slices.Repeat([]float64{1e14, math.Nextafter(1e14, math.Inf(1))}, 50)
	if got := proposeCuts(survey.NumberAttribute, near, 5); len(got) > 1 {
		t.Errorf("two numbers are cut at %v", got)
	}
	ages := make([]float64, 0, 90)
	for i := range 90 {
		ages = append(ages, float64(20+i%45))
	}
	if got := proposeCuts(survey.NumberAttribute, ages, 5); !slices.Equal(got, []string{"30", "40", "50", "60"}) {
		t.Errorf("ages from 20 to 64 are cut at %v", got)
	}
}
