package tally

import (
	"errors"
	"fmt"
	"iter"
	"testing"

	"cxmirror/pkg/survey"
)

// countedRows hands out n rows in memory that it uses again, and then an error, if there is one.
func countedRows(n int, end error, ended *bool) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		defer func() { *ended = true }()
		var answers []byte
		for i := range n {
			answers = fmt.Appendf(answers[:0], `{"n":%d}`, i)
			if !yield(Row{ID: survey.ResponseID(fmt.Sprint(i)), Answers: answers}, nil) {
				return
			}
		}
		if end != nil {
			yield(Row{}, end)
		}
	}
}

func TestReadingAheadChangesNothing(t *testing.T) {
	broken := errors.New("broken")
	for _, n := range []int{0, 1, batchRows - 1, batchRows, batchRows + 1, 10*batchRows + 7} {
		for _, end := range []error{nil, broken} {
			ended, got := false, 0
			var failed error
			for row, err := range ahead(countedRows(n, end, &ended)) {
				if err != nil {
					failed = err
					continue
				}
				if want := fmt.Sprintf(`{"n":%d}`, got); string(row.Answers) != want || string(row.ID) != fmt.Sprint(got) {
					t.Fatalf("row %d is %s %s", got, row.ID, row.Answers)
				}
				got++
			}
			if got != n || !errors.Is(failed, end) || !ended {
				t.Errorf("%d rows and %v, ended %v; want %d and %v", got, failed, ended, n, end)
			}
		}
	}
}

func TestWhoStopsReadingLeavesNobodyReading(t *testing.T) {
	for _, after := range []int{1, batchRows, 3 * batchRows} {
		ended, got := false, 0
		for _, err := range ahead(countedRows(100*batchRows, nil, &ended)) {
			if got++; err != nil || got == after {
				break
			}
		}
		if !ended {
			t.Errorf("stopped after %d rows, and the source is still being read", after)
		}
	}
}
