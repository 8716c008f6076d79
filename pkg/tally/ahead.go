package tally

import "iter"

// Rows are handed over in batches: one at a time would cost more than it saves.
const (
	batchRows    = 1024
	batchesAhead = 4
)

// rowBatch is rows with answers and attributes of their own, and the error that ended them, if one did.
type rowBatch struct {
	rows    []Row
	answers []byte
	err     error
}

func (b *rowBatch) add(row Row) {
	from := len(b.answers)
	b.answers = append(b.answers, row.Answers...)
	row.Answers = b.answers[from:len(b.answers):len(b.answers)]
	from = len(b.answers)
	b.answers = append(b.answers, row.Attributes...)
	row.Attributes = b.answers[from:len(b.answers):len(b.answers)]
	b.rows = append(b.rows, row)
}

// ahead reads rows in a goroutine of its own, a few batches before they are used, so that the database, its
// driver and the tally work at the same time. When the returned sequence has ended, so has the goroutine.
func ahead(rows iter.Seq2[Row, error]) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		batches, stop := make(chan *rowBatch, batchesAhead), make(chan struct{})
		go readAhead(rows, batches, stop)
		defer func() {
			close(stop)
			for range batches { //revive:disable-line:empty-block // until the goroutine has closed it
			}
		}()
		for batch := range batches {
			for _, row := range batch.rows {
				if !yield(row, nil) {
					return
				}
			}
			if batch.err != nil {
				yield(Row{}, batch.err)
				return
			}
		}
	}
}

func readAhead(rows iter.Seq2[Row, error], batches chan<- *rowBatch, stop <-chan struct{}) {
	defer close(batches)
	batch := &rowBatch{}
	for row, err := range rows {
		if err != nil {
			batch.err = err
			break
		}
		batch.add(row)
		if len(batch.rows) < batchRows {
			continue
		}
		select {
		case batches <- batch:
			batch = &rowBatch{rows: make([]Row, 0, batchRows), answers: make([]byte, 0, len(batch.answers))}
		case <-stop:
			return
		}
	}
	select {
	case batches <- batch:
	case <-stop:
	}
}
