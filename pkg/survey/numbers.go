package survey

import (
	"math"
	"strconv"
	"strings"
)

// Spaces and signs that keep a number in one piece.
const (
	noBreakSpace = "\u00a0"
	minusSign    = "\u2212"
)

// Percent writes a share in [0, 1] as people of the language write it: "52 %", with a no-break space; a
// dash for no share (NaN).
func (l Language) Percent(share float64, decimals int) string {
	if math.IsNaN(share) {
		return l.Decimal(share, decimals)
	}
	return l.Decimal(100*share, decimals) + noBreakSpace + "%"
}

// Points writes a difference of shares in percentage points, with its sign and without the unit: "+14",
// "−12", "0".
func (l Language) Points(difference float64, decimals int) string {
	s := l.Decimal(100*difference, decimals)
	if strings.ContainsAny(s, "123456789") && !strings.HasPrefix(s, minusSign) {
		return "+" + s
	}
	return s
}

// Decimal writes a number with so many decimals, with the language's decimal and thousands marks and a
// true minus sign. A negative number that rounds to zero has no sign.
func (l Language) Decimal(x float64, decimals int) string {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return "–"
	}
	s := strconv.FormatFloat(math.Abs(x), 'f', decimals, 64)
	whole, fraction, _ := strings.Cut(s, ".")
	point, group := l.marks()
	out := grouped(whole, group)
	if fraction != "" {
		out += point + fraction
	}
	if x < 0 && strings.ContainsAny(s, "123456789") {
		return minusSign + out
	}
	return out
}

// Integer writes a count: "1,200" in English, "1 200" with a no-break space in most other languages.
func (l Language) Integer(n int) string { return l.Decimal(float64(n), 0) }

// marks returns the decimal mark and the thousands mark (Unicode CLDR 46).
func (l Language) marks() (point, group string) {
	base, _, _ := strings.Cut(string(l), "-")
	switch base {
	case "pl", "ru", "cs", "sk", "hu", "bg", "uk":
		return ",", noBreakSpace
	case "ro":
		return ",", "."
	}
	return ".", ","
}

// grouped puts a mark between groups of three digits, in numbers of five digits and more outside English,
// where four digits stand together by custom.
func grouped(digits, mark string) string {
	if len(digits) < 4 || (mark != "," && len(digits) < 5) {
		return digits
	}
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteString(mark)
		}
		b.WriteRune(d)
	}
	return b.String()
}
