package survey

import "testing"

func TestNumbersAsPeopleWriteThem(t *testing.T) {
	tests := []struct{ got, want string }{
		{English.Percent(0.5187, 0), "52\u00a0%"},
		{Language("pl").Percent(0.5187, 1), "51,9\u00a0%"},
		{English.Points(0.14, 0), "+14"},
		{English.Points(-0.1249, 1), "\u221212.5"},
		{English.Points(-0.001, 0), "0"},
		{English.Integer(1200), "1,200"},
		{Language("pl").Integer(1200), "1200"},
		{Language("pl").Integer(12000), "12\u00a0000"},
		{Language("ru-RU").Integer(1200000), "1\u00a0200\u00a0000"},
		{Language("ro").Decimal(12345.5, 1), "12.345,5"},
		{Language("ru").Decimal(-0.7, 2), "\u22120,70"},
	}
	for _, tt := range tests {
		if tt.got != tt.want {
			t.Errorf("got %q, want %q", tt.got, tt.want)
		}
	}
}
