package stats

import (
	"math"
	"math/cmplx"

	"gonum.org/v1/gonum/mathext"
)

// ProbabilityHigher returns the probability that the true share behind a is higher than the one behind b,
// when each has its own Jeffreys posterior Beta(k + 1/2, n - k + 1/2). It says which way things lean where
// there are too few answers for a verdict; it is no test and is not corrected for many comparisons.
//
// The result is exact to about 1e-12; a probability near 0 to that part of itself. Fractional counts
// (effective n) are allowed.
// Source of the posterior: Brown, Cai & DasGupta (2001), Stat. Sci. 16:101-133.
func ProbabilityHigher(a, b Proportion) (float64, error) {
	a, b, err := checkedPair("ProbabilityHigher", a, b)
	if err != nil {
		return 0, err
	}
	return betaHigher(
		a.Successes+0.5, a.Trials-a.Successes+0.5,
		b.Successes+0.5, b.Trials-b.Successes+0.5,
	), nil
}

// betaHigher is P(X > Y) for independent X ~ Beta(a1, b1) and Y ~ Beta(a2, b2).
//
// D = logit X - logit Y has the moment generating function
//
//	M(z) = Γ(a1+z) Γ(b1-z) Γ(a2-z) Γ(b2+z) / (Γ(a1) Γ(b1) Γ(a2) Γ(b2)),
//
// so P(D > 0) is the integral of M(z) / (2πi z) up a vertical line to the right of 0. On the line through
// the saddle point the integrand neither oscillates against itself nor cancels, however far out in the
// tail, and because it is analytic and dies exponentially the trapezoidal rule converges geometrically:
// fifty to three hundred points for any two posteriors.
func betaHigher(a1, b1, a2, b2 float64) float64 {
	mean := mathext.Digamma(a1) - mathext.Digamma(b1) - mathext.Digamma(a2) + mathext.Digamma(b2)
	if mean > 0 {
		// The smaller tail is the one that is computed; X > Y is the complement of Y > X.
		return 1 - higherTail(a2, b2, a1, b1)
	}
	return higherTail(a1, b1, a2, b2)
}

// higherTail is betaHigher where the mean of D is not above 0.
func higherTail(a1, b1, a2, b2 float64) float64 {
	c := saddlePoint(a1, b1, a2, b2)
	gammas := [4]gammaRatio{
		newGammaRatio(a1, c, 1), newGammaRatio(b1, c, -1), newGammaRatio(a2, c, -1), newGammaRatio(b2, c, 1),
	}
	// M(z)/z as a product of an exponential and a fraction.
	at := func(z complex128) (exponent, factor complex128) {
		numerator, denominator := complex(1, 0), z
		for i := range gammas {
			e, n, d := gammas[i].at(z)
			exponent += e
			numerator *= n
			denominator *= d
		}
		return exponent, numerator / denominator
	}
	// Everything is relative to the integrand at the saddle point, which is the largest value on the line.
	peak, scale := at(complex(c, 0))
	// M(c) is Chernoff's bound of the result.
	const smallest = -800 // e^-800 is below the smallest float64
	if real(peak)+math.Log(real(scale)*c) < smallest {
		return 0
	}
	// Its width where it is bell-shaped; where the line runs close to a pole, the distance to that. The
	// substitution s = width sinh(u) steps finely there and coarsely further out, in far fewer points.
	width := 1 / math.Sqrt(1/a1+1/b1+1/a2+1/b2+1/(c*c))
	relative := func(u float64) float64 {
		exponent, factor := at(complex(c, width*math.Sinh(u)))
		return math.Cosh(u) * real(cmplx.Exp(exponent-peak)*factor/scale)
	}
	// sum of the integrand over start, start+step, ...; its size falls steadily, so a run of negligible
	// terms is the end (one alone may be the wave crossing 0).
	sum := func(start, step float64) float64 {
		total, quiet := 0.0, 0
		for u := start; quiet < 6; u += step {
			v := relative(u)
			total += v
			if math.Abs(v) > 1e-16 {
				quiet = 0
			} else {
				quiet++
			}
		}
		return total
	}
	// Halve the step until nothing changes. Each halving squares the error: a change of 1e-7 leaves 1e-14.
	step := 1.0
	total := 0.5 + sum(step, step)
	for range 16 {
		coarse := step * total
		total += sum(step/2, step)
		step /= 2
		if math.Abs(step*total-coarse) <= 1e-7*math.Abs(coarse) {
			break
		}
	}
	return min(max(width*step*total/math.Pi*math.Exp(real(peak))*real(scale), 0), 1)
}

// saddlePoint is the c in (0, min(b1, a2)) at which M(c)/c is smallest, to about 1 part in 1000: it steers
// the path of integration and not the result.
func saddlePoint(a1, b1, a2, b2 float64) float64 {
	low, high := 0.0, min(b1, a2)
	for range 200 {
		c := low + (high-low)/2
		slope := mathext.Digamma(a1+c) - mathext.Digamma(b1-c) - mathext.Digamma(a2-c) + mathext.Digamma(b2+c) - 1/c
		if slope > 0 {
			high = c
		} else {
			low = c
		}
		if high-low < 1e-3*low {
			break
		}
	}
	return low + (high-low)/2
}

// gammaRatio is Γ(a+z) / Γ(a), or Γ(a-z) / Γ(a), on a vertical line in the complex plane.
type gammaRatio struct {
	a, sign float64 // the sign of z
	shift   int     // Γ(x) = Γ(x+shift) / (x (x+1) ... (x+shift-1)), so that Stirling's series holds
	shifted float64 // a + shift
	log     float64 // log shifted
	tail    complex128
	product complex128 // a (a+1) ... (a+shift-1)
}

func newGammaRatio(a, c, sign float64) gammaRatio {
	g := gammaRatio{a: a, sign: sign, shifted: a, product: 1}
	for g.shifted < 10 || g.shifted+sign*c < 10 {
		g.product *= complex(g.shifted, 0)
		g.shift++
		g.shifted++
	}
	g.log = math.Log(g.shifted)
	g.tail = stirlingTail(complex(1/g.shifted, 0))
	return g
}

// at returns the ratio at z as exp(exponent) numerator / denominator. The difference of the two log-gammas is
// taken term by term, since each alone is of size a log a and would lose its last digits with large counts.
func (g gammaRatio) at(z complex128) (exponent, numerator, denominator complex128) {
	if g.sign < 0 {
		z = -z
	}
	denominator = 1
	for i := range g.shift {
		denominator *= complex(g.a+float64(i), 0) + z
	}
	w := complex(g.shifted, 0) + z
	ratio := complex(real(z)/g.shifted, imag(z)/g.shifted)
	exponent = (w-0.5)*logOnePlus(ratio) + z*complex(g.log-1, 0) + stirlingTail(1/w) - g.tail
	return exponent, g.product, denominator
}

// stirlingTail is the correction of Stirling's formula for log Γ at 1/u, for |1/u| >= 10.
func stirlingTail(u complex128) complex128 {
	v := u * u
	return u * (1.0/12 - v*(1.0/360-v*(1.0/1260-v*(1.0/1680-v*(1.0/1188-v*(691.0/360360))))))
}

// logOnePlus is log(1 + u), exact for small u too.
func logOnePlus(u complex128) complex128 {
	x, y := real(u), imag(u)
	return complex(0.5*math.Log1p(x*(2+x)+y*y), math.Atan2(y, 1+x))
}
