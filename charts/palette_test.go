package charts

import (
	"math"
	"strconv"
	"testing"
)

// linear reads "#rrggbb" as linear light, each channel in [0, 1].
func linear(t *testing.T, color string) [3]float64 {
	t.Helper()
	var out [3]float64
	for i := range out {
		v, err := strconv.ParseUint(color[1+2*i:3+2*i], 16, 8)
		if err != nil {
			t.Fatal(err)
		}
		c := float64(v) / 255
		if c <= 0.04045 {
			out[i] = c / 12.92
		} else {
			out[i] = math.Pow((c+0.055)/1.055, 2.4)
		}
	}
	return out
}

// contrast is the ratio of WCAG 2.2.
func contrast(t *testing.T, a, b string) float64 {
	t.Helper()
	luminance := func(color string) float64 {
		c := linear(t, color)
		return 0.2126*c[0] + 0.7152*c[1] + 0.0722*c[2]
	}
	high, low := luminance(a), luminance(b)
	return (max(high, low) + 0.05) / (min(high, low) + 0.05)
}

func TestContrast(t *testing.T) {
	for _, theme := range []Theme{Light, Dark} {
		p := theme.palette()
		tests := []struct {
			what, over, under string
			least             float64
		}{
			// WCAG 2.2, 1.4.3: words.
			{"ink on ground", p.ink, p.ground, 4.5},
			{"quiet on ground", p.quiet, p.ground, 4.5},
			{"ink on a verdict of less", p.ink, p.externalTint, 4.5},
			{"ink on a verdict of more", p.ink, p.internalTint, 4.5},
			// WCAG 2.2, 1.4.11: marks that are needed to understand the picture.
			{"external bars", p.external, p.ground, 3},
			{"internal bars", p.internal, p.ground, 3},
			{"marks of neither side", p.neutral, p.ground, 3},
			{"intervals", p.whisker, p.ground, 3},
			{"intervals on external bars", p.whisker, p.external, 2.4},
			{"intervals on internal bars", p.whisker, p.internal, 2.4},
			{"intervals on pale external bars", p.whisker, p.externalPale, 3},
			{"intervals on pale internal bars", p.whisker, p.internalPale, 3},
		}
		for _, tt := range tests {
			if got := contrast(t, tt.over, tt.under); got < tt.least {
				t.Errorf("%s: %s has a contrast of %.2f, want %.1f", theme, tt.what, got, tt.least)
			}
		}
	}
}

// The two sides stay apart for eyes that lack one kind of cone. Matrices: Machado, Oliveira and Fernandes
// (2009), IEEE TVCG 15:1291-1298, severity 1.0; distance: CIE 1976, of which 2.3 can just be seen.
func TestSidesAreApartForEveryEye(t *testing.T) {
	eyes := map[string][3][3]float64{
		"all cones": {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}},
		"protan":    {{0.152286, 1.052583, -0.204868}, {0.114503, 0.786281, 0.099216}, {-0.003882, -0.048116, 1.051998}},
		"deutan":    {{0.367322, 0.860646, -0.227968}, {0.280085, 0.672501, 0.047413}, {-0.011820, 0.042940, 0.968881}},
		"tritan":    {{1.255528, -0.076749, -0.178779}, {-0.078411, 0.930809, 0.147602}, {0.004733, 0.691367, 0.303900}},
	}
	for eye, m := range eyes {
		lab := func(color string) [3]float64 {
			c := linear(t, color)
			var seen [3]float64
			for i, row := range m {
				seen[i] = min(max(row[0]*c[0]+row[1]*c[1]+row[2]*c[2], 0), 1)
			}
			return toLab(seen)
		}
		for _, theme := range []Theme{Light, Dark} {
			p := theme.palette()
			for _, pair := range [][2]string{{p.external, p.internal}, {p.externalPale, p.internalPale}, {p.external, p.externalPale}, {p.internal, p.internalPale}} {
				a, b := lab(pair[0]), lab(pair[1])
				if d := math.Hypot(math.Hypot(a[0]-b[0], a[1]-b[1]), a[2]-b[2]); d < 20 {
					t.Errorf("%s, %s: %s and %s are %.0f apart, want 20", theme, eye, pair[0], pair[1], d)
				}
			}
		}
	}
}

// toLab turns linear sRGB into CIE L*a*b* under D65.
func toLab(c [3]float64) [3]float64 {
	f := func(v float64) float64 {
		if v > 216.0/24389 {
			return math.Cbrt(v)
		}
		return (24389.0/27*v + 16) / 116
	}
	x := f((0.4124564*c[0] + 0.3575761*c[1] + 0.1804375*c[2]) / 0.95047)
	y := f(0.2126729*c[0] + 0.7151522*c[1] + 0.0721750*c[2])
	z := f((0.0193339*c[0] + 0.1191920*c[1] + 0.9503041*c[2]) / 1.08883)
	return [3]float64{116*y - 16, 500 * (x - y), 200 * (y - z)}
}
