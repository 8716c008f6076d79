package charts

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cxmirror/pkg/survey"
)

// courses are the courses that the picture must bear.
func courses() map[string]Course {
	first := time.Date(2027, 2, 24, 0, 0, 0, 0, time.UTC)
	at := func(days int) time.Time { return first.AddDate(0, 0, days) }
	year := make([]int, 366)
	for i := range year {
		year[i] = 120_000 * i / 365
	}
	return map[string]Course{
		"usual": {
			Side: survey.Internal, First: first, Finished: []int{0, 46, 81, 101, 118, 122, 122, 160, 178, 189}, Reminders: []time.Time{at(7), at(12)},
			End: at(17), Expected: 231, Low: 212, High: 252, Simulated: true,
		},
		"first day":  {Side: survey.External, First: first, Finished: []int{1}},
		"nobody":     {Side: survey.Leaders, First: first, Finished: []int{0, 0, 0}},
		"last day":   {Side: survey.External, First: first, Finished: []int{5, 300, 480, 499}, End: at(4), Expected: 500, Low: 499, High: 506},
		"at once":    {Side: survey.Everyone, First: first, Finished: []int{0, 999, 999, 999, 999}, End: at(5), Expected: 999, Low: 999, High: 999},
		"a year":     {Side: survey.External, First: first, Finished: year, Reminders: []time.Time{at(100), at(-4), at(400)}},
		"far to go":  {Side: survey.Internal, First: first, Finished: []int{1, 2, 3, 4}, End: at(180), Expected: 23_456, Low: 9_999, High: 51_234},
		"not likely": {Side: survey.External, First: first, Finished: []int{3, 9}, End: at(1), Expected: 30, Low: 20, High: 40},
	}
}

func TestCourseKeepsItsRoom(t *testing.T) {
	for name, course := range courses() {
		for _, width := range []int{320, 362, 481, 640, 960, 1104} {
			for _, lang := range []survey.Language{"en", "pl", "ro", "ru"} {
				c, err := Progress(course, Look{Language: lang, Width: width, Titled: width%3 == 0, Title: "189 of 412 have answered (46 %)", Subtitle: "24 February to 5 March 2027"})
				if err != nil {
					t.Fatalf("%s in %s at %d: %v", name, lang, width, err)
				}
				t.Run(fmt.Sprintf("%s/%s/%d", name, lang, width), func(t *testing.T) { checkRoom(t, c) })
			}
		}
	}
}

// The curve ends as high above its ground as there are people, the bar spans what is expected, and the description
// says both.
func TestCourseSaysItsFigures(t *testing.T) {
	c, err := Progress(courses()["usual"], Look{})
	if err != nil {
		t.Fatal(err)
	}
	for _, words := range []string{"189 have finished by 5 Mar.", "Expected are 231 by 13 Mar, between 212 and 252."} {
		if !strings.Contains(c.Description, words) {
			t.Errorf("the description %q does not say %q", c.Description, words)
		}
	}
	var option struct {
		Sheet struct{ Marks []mark }
	}
	if err := json.Unmarshal(c.Option, &option); err != nil {
		t.Fatal(err)
	}
	var curve, bar []float64
	for _, m := range option.Sheet.Marks {
		if m.Z == 3 && m.Style.LineDash == nil {
			if curve == nil {
				curve = m.Shape.Segments
				continue
			}
			bar = m.Shape.Segments
		}
	}
	if len(curve) != 9*4 || len(bar) != 3*4 {
		t.Fatalf("a curve of %d and a bar of %d numbers", len(curve), len(bar))
	}
	ground := curve[1] // nobody on the first day
	person := (ground - curve[len(curve)-1]) / 189
	if person <= 0 {
		t.Fatalf("the curve runs from %g to %g", ground, curve[len(curve)-1])
	}
	for i, n := range []int{46, 81, 101, 118, 122, 122, 160, 178, 189} {
		if got := (ground - curve[4*i+3]) / person; math.Abs(got-float64(n)) > 0.5 {
			t.Errorf("day %d stands for %.1f people, want %d", i+1, got, n)
		}
	}
	for i, n := range map[int]int{1: 212, 3: 252} {
		if got := (ground - bar[i]) / person; math.Abs(got-float64(n)) > 0.5 {
			t.Errorf("the bar ends at %.1f people, want %d", got, n)
		}
	}
}

func TestCourseRefusals(t *testing.T) {
	if _, err := Progress(Course{}, Look{}); !errors.Is(err, ErrNothingToDraw) {
		t.Errorf("no days: %v", err)
	}
	first := time.Date(2027, 2, 24, 0, 0, 0, 0, time.UTC)
	for name, c := range map[string]Course{
		"falls":              {First: first, Finished: []int{3, 2}},
		"below nothing":      {First: first, Finished: []int{-1, 2}},
		"not where expected": {First: first, Finished: []int{1, 2}, End: first.AddDate(0, 0, 9), Expected: 8, Low: 9, High: 12},
	} {
		if _, err := Progress(c, Look{}); err == nil || !strings.Contains(err.Error(), "only grow") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Progress(courses()["usual"], Look{Width: 12}); err == nil {
		t.Error("12 pixels wide: drawn")
	}
}

// The drawings, for eyes: see TestLook.
func TestCourseLook(t *testing.T) {
	dir := os.Getenv("CXMIRROR_LOOK")
	if dir == "" {
		dir = t.TempDir()
	}
	engine := newTestEngine(t)
	for name, course := range courses() {
		for _, look := range []Look{{Width: 362}, {Width: 1104}, {Width: 960, Titled: true, Title: "189 of 412 have answered (46 %)", Subtitle: "24 February to 5 March 2027", Theme: Dark, Language: "pl"}} {
			c, err := Progress(course, look)
			if err != nil {
				t.Fatal(err)
			}
			svg, err := engine.SVG(t.Context(), c)
			if err != nil {
				t.Fatal(err)
			}
			checkHarmless(t, svg)
			file := fmt.Sprintf("course-%s-%d.svg", strings.ReplaceAll(name, " ", "-"), c.Width)
			if err := os.WriteFile(filepath.Join(dir, file), svg, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}
