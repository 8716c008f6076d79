package tally

import "cxmirror/pkg/survey"

// CrosstabBesideAll is [Wave.Crosstab] for results that are shown beside those of everybody, including people who
// did not answer the background question. If those are fewer than the threshold, they would come out by taking
// all segments from everybody, so the smallest segment is withheld as well.
func (w *Wave) CrosstabBesideAll(v View, segment survey.ItemCode) (*Crosstab, error) {
	x, err := w.Crosstab(v, segment)
	if err != nil || w.protection != nil { // a protected wave's Total is everybody already
		return x, err
	}
	all, err := w.Table(v)
	if err != nil {
		return nil, err
	}
	silent := all.N - x.Total.N
	if x.Withheld > 0 || silent == 0 || silent >= w.threshold {
		return x, nil // nobody can be told apart, or as many as the threshold asks for
	}
	smallest := 0
	for i, t := range x.Tables {
		if t.N < x.Tables[smallest].N {
			smallest = i
		}
	}
	x.hide(smallest)
	return x, nil
}
