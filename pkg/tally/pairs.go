package tally

import "math/bits"

// Pairs says how people treated every two options of a table. All statistics of a table that look at two
// options at once follow from it, whatever the number of patterns: rank sets, covariances, correlations.
//
// The matrices have a row and a column for each option of the table, in its order.
type Pairs struct {
	Judged [][]Weight // [i][j] are the people who judged both options; [i][i] those who judged option i
	Chose  [][]Weight // [i][j] are the people who chose option i, of those who judged both
	Both   [][]Weight // [i][j] are the people who chose both options; [i][i] those who chose option i
}

// Pairs gathers the pairs of options in one pass over the cells.
//
// Nearly everybody judges nearly every option, so people are counted where they did not: who judged both
// options is everybody less who left out one, the other or both.
func (t *Table) Pairs() *Pairs {
	n := len(t.Options)
	all := uint64(1)<<n - 1
	var total Weight
	leftOut, choseAlone := weightMatrix(n), weightMatrix(n) // who judged neither; who chose i and did not judge j
	p := &Pairs{Judged: weightMatrix(n), Chose: weightMatrix(n), Both: weightMatrix(n)}
	for from := 0; from < len(t.Cells); {
		chosen := t.Cells[from].Chosen
		var run Weight // cells are in the order of what was chosen
		for ; from < len(t.Cells) && t.Cells[from].Chosen == chosen; from++ {
			c := &t.Cells[from]
			run = run.Plus(c.Weight)
			if leaves := all &^ c.Judged; leaves != 0 {
				addPairs(leftOut, leaves, leaves, c.Weight)
				addPairs(choseAlone, chosen, leaves, c.Weight)
			}
		}
		total = total.Plus(run)
		addPairs(p.Both, chosen, chosen, run)
	}
	for i := range n {
		for j := range n {
			either := leftOut[i][i].Plus(leftOut[j][j]).less(leftOut[i][j])
			p.Judged[i][j] = total.less(either)
			p.Chose[i][j] = p.Both[i][i].less(choseAlone[i][j])
		}
	}
	return p
}

// Preferred returns the people who chose option i and not option j, of those who judged both.
func (p *Pairs) Preferred(i, j int) Weight { return p.Chose[i][j].less(p.Both[i][j]) }

// less takes a part of a group away from it. Nobody weighs nothing: rounding must not leave a weight behind.
func (a Weight) less(part Weight) Weight {
	if a.N == part.N {
		return Weight{}
	}
	return Weight{a.N - part.N, a.W - part.W, a.W2 - part.W2}
}

// addPairs adds people to every cell of a matrix whose row and column are in the sets.
func addPairs(matrix [][]Weight, rows, columns uint64, w Weight) {
	for ; rows != 0; rows &= rows - 1 {
		row := matrix[bits.TrailingZeros64(rows)]
		for set := columns; set != 0; set &= set - 1 {
			at := &row[bits.TrailingZeros64(set)]
			at.N += w.N
			at.W += w.W
			at.W2 += w.W2
		}
	}
}

func weightMatrix(n int) [][]Weight {
	cells := make([]Weight, n*n)
	rows := make([][]Weight, n)
	for i := range rows {
		rows[i] = cells[i*n : (i+1)*n]
	}
	return rows
}
