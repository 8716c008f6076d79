package stats

import (
	"errors"
	"fmt"
	"slices"
	"testing"
)

func TestListAgreementFixture(t *testing.T) {
	var fixture struct {
		Full []struct {
			Name string
			A    []int    `json:"rank_a"`
			B    []int    `json:"rank_b"`
			TauB *float64 `json:"tau_b"`
			TauX float64  `json:"tau_x"`
		} `json:"full_rankings"`
		Top []struct {
			Name    string
			A, B    []string
			Overlap map[string]float64 `json:"overlap_at"`
		} `json:"top_k"`
	}
	load(t, "list_agreement.json", &fixture)
	if len(fixture.Full) != 9 || len(fixture.Top) != 8 {
		t.Errorf("%d rankings and %d lists, want 9 and 8", len(fixture.Full), len(fixture.Top))
	}
	for _, tt := range fixture.Full {
		tau, err := TauB(tt.A, tt.B)
		if tt.TauB == nil {
			if !errors.Is(err, ErrUndefined) {
				t.Errorf("%s: tau-b %v, error %v, want ErrUndefined", tt.Name, tau, err)
			}
		} else {
			near(t, tt.Name+" tau-b", must[float64](t)(tau, err), *tt.TauB, closedForm)
			near(t, tt.Name+" tau-b swapped", must[float64](t)(TauB(tt.B, tt.A)), *tt.TauB, closedForm)
		}
		near(t, tt.Name+" tau-x", must[float64](t)(TauX(tt.A, tt.B)), tt.TauX, closedForm)
		near(t, tt.Name+" tau-x swapped", must[float64](t)(TauX(tt.B, tt.A)), tt.TauX, closedForm)
	}
	for _, tt := range fixture.Top {
		// Items outside a list share the place after its end.
		var items []string
		for _, item := range slices.Concat(tt.A, tt.B) {
			if !slices.Contains(items, item) {
				items = append(items, item)
			}
		}
		ranks := func(list []string) []int {
			out := make([]int, len(items))
			for i, item := range items {
				out[i] = len(list) + 1
				if place := slices.Index(list, item); place >= 0 {
					out[i] = place + 1
				}
			}
			return out
		}
		for n := 1; n <= len(tt.A); n++ {
			want, ok := tt.Overlap[fmt.Sprint(n)]
			if !ok {
				t.Fatalf("%s has no overlap at %d", tt.Name, n)
			}
			near(t, fmt.Sprintf("%s overlap at %d", tt.Name, n), must[float64](t)(OverlapAt(ranks(tt.A), ranks(tt.B), n)), want, closedForm)
		}
	}
}

func TestOverlapTies(t *testing.T) {
	tests := []struct {
		a, b []int
		n    int
		want float64
	}{
		{[]int{1, 2, 3, 3, 5}, []int{1, 2, 3, 4, 5}, 3, 3.0 / 4}, // four share the first three places
		{[]int{1, 2, 3, 3, 5}, []int{1, 2, 3, 3, 5}, 3, 1},       // the same four
		{[]int{1, 1, 1, 1}, []int{1, 2, 3, 4}, 1, 1.0 / 4},       // everything is first: says little
		{[]int{1, 2, 3}, []int{3, 2, 1}, 5, 1},                   // longer than the list
	}
	for _, tt := range tests {
		what := fmt.Sprintf("overlap of %v and %v at %d", tt.a, tt.b, tt.n)
		near(t, what, must[float64](t)(OverlapAt(tt.a, tt.b, tt.n)), tt.want, closedForm)
		near(t, what+" swapped", must[float64](t)(OverlapAt(tt.b, tt.a, tt.n)), tt.want, closedForm)
	}
}

func TestListsProperties(t *testing.T) {
	a, b := []int{1, 2, 2, 4, 5, 6}, []int{2, 1, 3, 3, 5, 6}
	shuffle := func(ranks []int) []int { // the items in another order
		out := make([]int, len(ranks))
		for i, r := range ranks {
			out[(i*5+2)%6] = r
		}
		return out
	}
	functions := map[string]func(a, b []int) (float64, error){
		"TauB": TauB, "TauX": TauX,
		"OverlapAt": func(a, b []int) (float64, error) { return OverlapAt(a, b, 3) },
		"RBO":       func(a, b []int) (float64, error) { return RBO(a, b, 0.7) },
	}
	for name, f := range functions {
		want := must[float64](t)(f(a, b))
		near(t, name+" of items in another order", must[float64](t)(f(shuffle(a), shuffle(b))), want, 1e-14)
		near(t, name+" swapped", must[float64](t)(f(b, a)), want, 1e-14)
		near(t, name+" of a list with itself", must[float64](t)(f([]int{3, 1, 2}, []int{3, 1, 2})), 1, 1e-14)
		_, err := f([]int{1, 2}, []int{1, 2, 3})
		refused(t, name, "lengths", err)
		_, err = f([]int{1, 0}, []int{1, 2})
		refused(t, name, "a rank of 0", err)
		_, err = f([]int{1, 2}, []int{1, -2})
		refused(t, name, "a negative rank", err)
	}
	for name, f := range map[string]func(a, b []int) (float64, error){"TauB": TauB, "TauX": TauX} {
		if _, err := f([]int{1}, []int{1}); !errors.Is(err, ErrUndefined) {
			t.Errorf("%s of one item: error %v, want ErrUndefined", name, err)
		}
	}
	_, err := OverlapAt(a, b, 0)
	refused(t, "OverlapAt", "n = 0", err)
	if _, err := OverlapAt(nil, nil, 3); !errors.Is(err, ErrUndefined) {
		t.Errorf("overlap of nothing: error %v, want ErrUndefined", err)
	}
}
