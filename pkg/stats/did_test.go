package stats

import (
	"errors"
	"fmt"
	"math"
	"testing"
)

type didFixture struct {
	PilotAfter  [2]float64 `json:"pilot_after"`
	PilotBefore [2]float64 `json:"pilot_before"`
	RestAfter   [2]float64 `json:"rest_after"`
	RestBefore  [2]float64 `json:"rest_before"`
	DiD         float64
	SE          float64    `json:"se_wald"`
	Wald        [2]float64 `json:"wald95"`
	P           float64    `json:"p_wald"`
	Mover       [2]float64 `json:"mover95"`
	Logit       *float64   `json:"logit_interaction"`
	LogitSE     float64    `json:"se_logit"`
	LogitP      float64    `json:"p_logit"`
}

func (f didFixture) groups() (pilot, rest BeforeAfter) {
	share := func(kn [2]float64) Proportion { return Proportion{kn[0], kn[1]} }
	return BeforeAfter{share(f.PilotBefore), share(f.PilotAfter)}, BeforeAfter{share(f.RestBefore), share(f.RestAfter)}
}

// R: least squares with HC0 errors and logistic regression on the saturated two by two design.
func TestCompareChangesFixture(t *testing.T) {
	var fixture struct{ Cases []didFixture }
	load(t, "did.json", &fixture)
	if len(fixture.Cases) != 5 {
		t.Errorf("%d cases, want 5", len(fixture.Cases))
	}
	for _, tt := range fixture.Cases {
		pilot, rest := tt.groups()
		what := fmt.Sprintf("%v against %v", pilot, rest)
		got := must[DifferenceInDifferences](t)(CompareChanges(pilot, rest, 0.95))
		near(t, what, got.Estimate, tt.DiD, closedForm)
		near(t, what+" SE", got.SE, tt.SE, closedForm)
		near(t, what+" p", got.Test.P, tt.P, closedForm)
		nearInterval(t, what+" Wald", got.Wald, tt.Wald, closedForm)
		nearInterval(t, what+" MOVER", got.Interval, tt.Mover, closedForm)

		estimate, se, test, err := LogitInteraction(pilot, rest)
		if tt.Logit == nil {
			if !errors.Is(err, ErrUndefined) {
				t.Errorf("%s: log odds %v, error %v, want ErrUndefined", what, estimate, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
		near(t, what+" log odds", estimate, *tt.Logit, 1e-7) // R's glm stops iterating at a deviance change of 1e-8
		near(t, what+" log odds SE", se, tt.LogitSE, 1e-6)
		near(t, what+" log odds p", test.P, tt.LogitP, 1e-6)
	}
}

func TestCompareChangesProperties(t *testing.T) {
	shares := []Proportion{{0, 5}, {5, 5}, {3, 15}, {30, 50}, {560, 1150}, {4.5, 11.25}}
	for _, pa := range shares {
		for _, pb := range shares {
			for _, ra := range shares {
				for _, rb := range shares {
					pilot, rest := BeforeAfter{pb, pa}, BeforeAfter{rb, ra}
					what := fmt.Sprintf("%v against %v", pilot, rest)
					got := must[DifferenceInDifferences](t)(CompareChanges(pilot, rest, 0.95))
					if !got.Interval.Contains(got.Estimate) || !got.Wald.Contains(got.Estimate) || got.Interval.Low >= got.Interval.High {
						t.Errorf("%s: intervals %v and %v of %v", what, got.Interval, got.Wald, got.Estimate)
					}
					if !(got.Test.P >= 0 && got.Test.P <= 1) {
						t.Errorf("%s: p %v", what, got.Test.P)
					}
					// Groups swapped, and time run backwards: both turn the sign.
					swapped := must[DifferenceInDifferences](t)(CompareChanges(rest, pilot, 0.95))
					near(t, "swapped "+what, swapped.Estimate, -got.Estimate, 1e-14)
					near(t, "swapped interval "+what, swapped.Interval.Low, -got.Interval.High, 1e-12)
					near(t, "swapped p "+what, swapped.Test.P, got.Test.P, 1e-12)
					backwards := must[DifferenceInDifferences](t)(CompareChanges(BeforeAfter{pa, pb}, BeforeAfter{ra, rb}, 0.95))
					near(t, "backwards interval "+what, backwards.Interval.Low, -got.Interval.High, 1e-12)
				}
			}
		}
	}
	// Five of five after none of five, where nobody else changed: no variance, yet no certainty either.
	got := must[DifferenceInDifferences](t)(CompareChanges(BeforeAfter{Proportion{0, 5}, Proportion{5, 5}}, BeforeAfter{Proportion{9, 9}, Proportion{9, 9}}, 0.95))
	if got.SE != 0 || !(got.Test.P > 1e-6 && got.Test.P < 0.05) || got.Test.Method != "z of the MOVER interval" {
		t.Errorf("0/5 to 5/5: %+v", got)
	}
	if math.IsNaN(got.Test.Statistic) {
		t.Error("statistic is NaN")
	}
}
