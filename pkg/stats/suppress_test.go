package stats

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
)

// suppressionCase is a case of suppression.json: an exhaustive search in Python, bounds by scipy's linprog (HiGHS).
type suppressionCase struct {
	Name        string
	K           int `json:"threshold_k"`
	Table       [][]int
	Primary     [][2]int
	PrimaryOnly map[string][2]int `json:"primary_only_attack"`
	OptimalN    int               `json:"optimal_n_complementary"`
	OptimalSum  int               `json:"optimal_total_suppressed_count"`
	Optimal     [][2]int          `json:"one_optimal_solution"`
	After       map[string][2]int `json:"attack_bounds_after"`
}

func TestSuppressFixture(t *testing.T) {
	var fixture struct{ Cases []suppressionCase }
	load(t, "suppression.json", &fixture)
	if len(fixture.Cases) != 9 {
		t.Fatalf("%d cases, want 9", len(fixture.Cases))
	}
	for _, tt := range fixture.Cases {
		t.Run(tt.Name, func(t *testing.T) {
			primary := cellsHidden(tt.Table, tt.Primary)
			checkBounds(t, "primary alone", tt.Table, primary, tt.PrimaryOnly)
			checkBounds(t, "optimum", tt.Table, cellsHidden(tt.Table, append(tt.Primary, tt.Optimal...)), tt.After)

			rule := CellRule{Threshold: tt.K}
			if safe := must[bool](t)(rule.Audit(tt.Table, primary)); safe != (len(tt.Primary) == 0) {
				t.Errorf("the primary cells alone pass the audit: %v", safe)
			}
			s := must[*Suppression](t)(rule.Suppress(tt.Table))
			if fmt.Sprint(s.Primary) != fmt.Sprint(primary) {
				t.Errorf("primary %v, want %v", s.Primary, primary)
			}
			if !must[bool](t)(rule.Audit(tt.Table, s.Hidden)) {
				t.Errorf("%v does not pass the audit", s.Hidden)
			}
			sum := 0
			for r := range s.Hidden {
				for c, hidden := range s.Hidden[r] {
					if hidden && !s.Primary[r][c] {
						sum += tt.Table[r][c]
					}
				}
			}
			if n := s.Complementary(); n != tt.OptimalN || sum != tt.OptimalSum {
				t.Errorf("%d complementary cells of %d people; the optimum is %d and %d", n, sum, tt.OptimalN, tt.OptimalSum)
			}
		})
	}
}

func cellsHidden(table [][]int, cells [][2]int) [][]bool {
	hidden := make([][]bool, len(table))
	for r := range table {
		hidden[r] = make([]bool, len(table[r]))
	}
	for _, c := range cells {
		hidden[c[0]][c[1]] = true
	}
	return hidden
}

func checkBounds(t *testing.T, what string, table [][]int, hidden [][]bool, want map[string][2]int) {
	t.Helper()
	bounds := must[[][]CountRange](t)(Bounds(table, hidden))
	found := 0
	for r := range bounds {
		for c, b := range bounds[r] {
			w, ok := want[fmt.Sprintf("%d,%d", r, c)]
			if !ok {
				w = [2]int{table[r][c], table[r][c]}
			} else {
				found++
			}
			if b.Low != w[0] || b.High != w[1] {
				t.Errorf("%s: cell %d,%d is in [%d, %d], want %v", what, r, c, b.Low, b.High, w)
			}
		}
	}
	if found != len(want) {
		t.Errorf("%s: %d bounds compared, want %d", what, found, len(want))
	}
}

// bruteBounds tries every table with the same totals: the counts of small tables one after the other.
func bruteBounds(table [][]int, hidden [][]bool) [][]CountRange {
	rows, cols := len(table), len(table[0])
	bounds := make([][]CountRange, rows)
	rowLeft, colLeft := make([]int, rows), make([]int, cols)
	for r := range table {
		bounds[r] = make([]CountRange, cols)
		for c, n := range table[r] {
			bounds[r][c] = CountRange{n, n}
			if hidden[r][c] {
				rowLeft[r] += n
				colLeft[c] += n
			}
		}
	}
	tried := make([]int, rows*cols)
	var try func(cell int)
	try = func(cell int) {
		if cell == rows*cols {
			for r := range table {
				if rowLeft[r] != 0 {
					return
				}
			}
			for c := range colLeft {
				if colLeft[c] != 0 {
					return
				}
			}
			for i, n := range tried {
				b := &bounds[i/cols][i%cols]
				b.Low, b.High = min(b.Low, n), max(b.High, n)
			}
			return
		}
		r, c := cell/cols, cell%cols
		if !hidden[r][c] {
			tried[cell] = table[r][c]
			try(cell + 1)
			return
		}
		for n := range min(rowLeft[r], colLeft[c]) + 1 {
			tried[cell] = n
			rowLeft[r] -= n
			colLeft[c] -= n
			try(cell + 1)
			rowLeft[r] += n
			colLeft[c] += n
		}
	}
	try(0)
	return bounds
}

func TestBoundsAgainstEveryTable(t *testing.T) {
	rng := rand.New(rand.NewPCG(20120701, 7))
	for range 300 {
		table, hidden := make([][]int, 3), make([][]bool, 3)
		for r := range table {
			table[r], hidden[r] = make([]int, 3), make([]bool, 3)
			for c := range table[r] {
				table[r][c], hidden[r][c] = rng.IntN(6), rng.IntN(3) > 0
			}
		}
		got, want := must[[][]CountRange](t)(Bounds(table, hidden)), bruteBounds(table, hidden)
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("%v with %v hidden: bounds %v, want %v", table, hidden, got, want)
		}
	}
}

// A pattern is never unsafe: what the rule promises is checked against bounds that try every table.
func TestSuppressIsNeverUnsafe(t *testing.T) {
	rng := rand.New(rand.NewPCG(1980, 377))
	suppressed, refused := 0, 0
	for range 400 {
		rule := CellRule{Threshold: 2 + rng.IntN(3), Rest: rng.IntN(2) == 0}
		table := make([][]int, 2+rng.IntN(2))
		for r := range table {
			table[r] = make([]int, 3)
			for c := range table[r] {
				table[r][c] = rng.IntN(7)
			}
		}
		s, err := rule.Suppress(table)
		if errors.Is(err, ErrUnprotectable) {
			refused++
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		bounds := bruteBounds(table, s.Hidden)
		for r, row := range table {
			n := 0
			for _, count := range row {
				n += count
			}
			for c, count := range row {
				b, k := bounds[r][c], rule.Threshold
				small, smallRest := 0 < count && count < k, rule.Rest && count > 0 && 0 < n-count && n-count < k
				switch {
				case (small || smallRest) && !s.Hidden[r][c]:
					t.Fatalf("%v, %+v: cell %d,%d is shown", table, rule, r, c)
				case s.Hidden[r][c] && b.Low == b.High, small && (b.Low >= count || b.High < k), smallRest && (b.High <= count || n-b.Low < k):
					t.Fatalf("%v, %+v, hidden %v: cell %d,%d is known to be in %v", table, rule, s.Hidden, r, c, b)
				}
			}
		}
		if s.Complementary() > 0 {
			suppressed++
		}
	}
	if suppressed < 50 || refused == 0 {
		t.Errorf("%d tables with complementary cells and %d refused: the tables do not try the rule", suppressed, refused)
	}
}

func TestSuppressLargerTables(t *testing.T) {
	rng := rand.New(rand.NewPCG(2001, 4))
	complementary, primary := 0, 0
	for range 5 {
		table := make([][]int, 12)
		for r := range table {
			table[r] = make([]int, 20)
			for c := range table[r] {
				table[r][c] = rng.IntN(60)
			}
		}
		rule := CellRule{Threshold: 5}
		s := must[*Suppression](t)(rule.Suppress(table))
		if !must[bool](t)(rule.Audit(table, s.Hidden)) {
			t.Error("a large table does not pass its audit")
		}
		complementary += s.Complementary()
		for _, row := range s.Primary {
			for _, p := range row {
				if p {
					primary++
				}
			}
		}
	}
	t.Logf("%d small cells of 1,200 took %d complementary ones", primary, complementary)
	if complementary > primary {
		t.Errorf("%d complementary cells for %d small ones", complementary, primary)
	}
}

func TestSuppressRefuses(t *testing.T) {
	for name, call := range map[string]func() error{
		"a threshold of 0":   func() error { _, err := CellRule{}.Suppress([][]int{{1}}); return err },
		"a negative count":   func() error { _, err := CellRule{Threshold: 5}.Suppress([][]int{{-1}}); return err },
		"rows of two widths": func() error { _, err := CellRule{Threshold: 5}.Suppress([][]int{{1, 2}, {3}}); return err },
		"another shape":      func() error { _, err := Bounds([][]int{{1, 2}}, [][]bool{{true}}); return err },
	} {
		if _, ok := errors.AsType[*ArgumentError](call()); !ok {
			t.Errorf("%s: %v, want an ArgumentError", name, call())
		}
	}
	if _, err := (CellRule{Threshold: 5}).Suppress([][]int{{3, 0}, {0, 40}}); !errors.Is(err, ErrUnprotectable) {
		t.Errorf("a column of 3 people: %v, want ErrUnprotectable", err)
	}
	if s, err := (CellRule{Threshold: 5}).Suppress(nil); err != nil || s.Complementary() != 0 {
		t.Errorf("an empty table: %v, %v", s, err)
	}
}
