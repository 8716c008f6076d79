package stats

import (
	"math"

	"gonum.org/v1/gonum/mathext"
)

// The distributions behind the intervals and tests. gonum's incomplete beta function stops after 300 terms
// and takes log-gammas of size n log n, which costs six and more digits at n = 1,000,000; what depends on
// it is therefore computed here, from Loader's saddle-point form, to close to machine precision at any n.

// normalTwoSided is z with P(|Z| <= z) = level.
func normalTwoSided(level float64) float64 { return -mathext.NormalQuantile((1 - level) / 2) }

// normalUpper is P(Z >= z).
func normalUpper(z float64) float64 { return math.Erfc(z/math.Sqrt2) / 2 }

// normalTwoSidedP is P(|Z| >= |z|).
func normalTwoSidedP(z float64) float64 { return math.Erfc(math.Abs(z) / math.Sqrt2) }

// chiSquareUpper is P(X >= x) for a chi-square variable on df degrees of freedom, df > 0 and not
// necessarily whole.
func chiSquareUpper(x, df float64) float64 {
	if x <= 0 {
		return 1
	}
	return mathext.GammaIncRegComp(df/2, x/2)
}

// studentTwoSidedP is P(|T| >= |t|) for Student's t on df > 0 degrees of freedom.
func studentTwoSidedP(t, df float64) float64 {
	if t == 0 {
		return 1
	}
	if math.IsInf(t, 0) {
		return 0
	}
	square := t * t
	lower, _ := betaTails(df/2, 0.5, df/(df+square), square/(df+square))
	return lower
}

// studentTwoSided is t with P(|T| <= t) = level on df > 0 degrees of freedom.
func studentTwoSided(level, df float64) float64 {
	w := betaQuantile(0.5, df/2, level)
	return math.Sqrt(df * w / (1 - w))
}

// stirlingError is log Γ(x+1) - [(x + 1/2) log x - x + log(2π)/2], x > 0: what Stirling's formula leaves.
func stirlingError(x float64) float64 {
	if x < 16 {
		lg, _ := math.Lgamma(x + 1)
		return lg - (x+0.5)*math.Log(x) + x - 0.5*math.Log(2*math.Pi)
	}
	s := 1 / (x * x)
	return (1.0/12 - s*(1.0/360-s*(1.0/1260-s*(1.0/1680-s/1188)))) / x
}

// deviance is x log(x/m) + m - x for x > 0, m > 0, without the cancellation that this form has near x = m.
// Source: Loader (2000), "Fast and accurate computation of binomial probabilities".
func deviance(x, m float64) float64 {
	if math.Abs(x-m) >= 0.1*(x+m) {
		return x*math.Log(x/m) + m - x
	}
	v := (x - m) / (x + m)
	sum := (x - m) * v
	term := 2 * x * v
	for j := 3.0; ; j += 2 {
		term *= v * v
		next := sum + term/j
		if next == sum {
			return sum
		}
		sum = next
	}
}

// binomialDensity is Γ(a+b+1) / (Γ(a+1) Γ(b+1)) x^a y^b with y = 1 - x: the probability of a successes and
// b failures, for a and b >= 0 that need not be whole.
func binomialDensity(a, b, x, y float64) float64 {
	n := a + b
	switch {
	case n == 0:
		return 1
	case x == 0:
		return boolFloat(a == 0)
	case y == 0:
		return boolFloat(b == 0)
	case a == 0:
		return math.Exp(n * logOneMinus(x, y))
	case b == 0:
		return math.Exp(n * logOneMinus(y, x))
	}
	exponent := stirlingError(n) - stirlingError(a) - stirlingError(b) - deviance(a, n*x) - deviance(b, n*y)
	// The roots are taken one by one: a*b would overflow for counts that still make sense.
	return math.Exp(exponent) * math.Sqrt(n/(2*math.Pi)) / (math.Sqrt(a) * math.Sqrt(b))
}

// logOneMinus is log(1 - x) where y = 1 - x is known, from whichever of the two is exact.
func logOneMinus(x, y float64) float64 {
	if x < 0.5 {
		return math.Log1p(-x)
	}
	return math.Log(y)
}

func boolFloat(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// betaTails returns P(X <= x) and P(X >= x) for X ~ Beta(a, b), a and b > 0, y = 1 - x. The smaller of the
// two is accurate to about 1e-13 of itself, however small.
func betaTails(a, b, x, y float64) (lower, upper float64) {
	switch {
	case x <= 0:
		return 0, 1
	case y <= 0:
		return 1, 0
	}
	density := binomialDensity(a, b, x, y) / (a + b)
	if x > (a+1)/(a+b+2) {
		upper = min(density*a*betaFraction(b, a, y), 1)
		return 1 - upper, upper
	}
	lower = min(density*b*betaFraction(a, b, x), 1)
	return lower, 1 - lower
}

// betaFraction is the continued fraction of the incomplete beta function (Abramowitz & Stegun 26.5.8) by
// Lentz's method. It converges for x below the mean in about sqrt(max(a, b)) terms.
func betaFraction(a, b, x float64) float64 {
	const tiny = 1e-300
	guard := func(v float64) float64 {
		if math.Abs(v) < tiny {
			return tiny
		}
		return v
	}
	c := 1.0
	d := 1 / guard(1-(a+b)*x/(a+1))
	h := d
	limit := 1000 + int(20*math.Sqrt(max(a, b)))
	for m := 1; m <= limit; m++ {
		k := float64(m)
		even := k * (b - k) * x / ((a + 2*k - 1) * (a + 2*k))
		d = 1 / guard(1+even*d)
		c = guard(1 + even/c)
		h *= d * c
		odd := -(a + k) * (a + b + k) * x / ((a + 2*k) * (a + 2*k + 1))
		d = 1 / guard(1+odd*d)
		c = guard(1 + odd/c)
		step := d * c
		h *= step
		if math.Abs(step-1) < 1e-15 {
			break
		}
	}
	return h
}

// betaQuantile is x with P(X <= x) = probability for X ~ Beta(a, b); probability in (0, 1).
func betaQuantile(a, b, probability float64) float64 {
	low, high := 0.0, 1.0
	x := a / (a + b)
	for range 200 {
		lower, upper := betaTails(a, b, x, 1-x)
		gap := lower - probability
		if probability > 0.5 {
			gap = (1 - probability) - upper
		}
		if gap > 0 {
			high = x
		} else {
			low = x
		}
		// Newton's step with the density; bisection where it would leave the bracket.
		density := binomialDensity(a, b, x, 1-x) * a / x * b / ((a + b) * (1 - x))
		next := x - gap/density
		if !(next > low && next < high) {
			next = low + (high-low)/2
		}
		if math.Abs(next-x) <= 1e-15*next || high-low <= 1e-16*high {
			return next
		}
		x = next
	}
	return x
}

// fairTails returns P(B >= b) and P(B <= b) for B ~ Bin(n, 1/2), and P(B = b); whole numbers, 0 <= b <= n.
// The terms are summed outwards from b, so that the smaller tail is exact to rounding.
func fairTails(b, n float64) (atLeast, atMost, equal float64) {
	if 2*b < n {
		atMost, atLeast, equal = fairTails(n-b, n)
		return atLeast, atMost, equal
	}
	equal = binomialDensity(b, n-b, 0.5, 0.5)
	sum, term := 1.0, 1.0
	for k := b; k < n; k++ {
		term *= (n - k) / (k + 1)
		sum += term
		if term < 1e-17*sum {
			break
		}
	}
	atLeast = min(equal*sum, 1)
	return atLeast, min(1-atLeast+equal, 1), equal
}
