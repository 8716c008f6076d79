package report

import (
	"encoding/csv"
	"io"
	"math"
	"strconv"
	"strings"

	"cxmirror/pkg/findings"
	"cxmirror/pkg/survey"
)

// CSV writes the table behind the pictures, one row an option, for spreadsheets: in UTF-8 with a byte order
// mark, without which some take it for another encoding, and with decimal points. Shares are in [0, 1]; what
// is undefined is empty, never 0. Every row carries the item, the rule, the bases and whether the answers are
// simulated, since rows get sorted, filtered and copied away from their header. An option that a side withholds has no
// figures of that side, and says withheld. A result that is withheld has a header and no rows, and a row that says so.
func (w *Writer) CSV(to io.Writer, c *Comparison, lang survey.Language) error {
	if _, err := io.WriteString(to, "\ufeff"); err != nil {
		return err
	}
	out := csv.NewWriter(to)
	rows := [][]string{csvHeader()}
	if c.Withheld != nil {
		rows = append(rows, []string{string(c.Item.Code), cell(w.withheld(c, lang))})
	} else {
		for i := range c.Divergence.Items {
			rows = append(rows, words{w, lang}.csvRow(c, &c.Divergence.Items[i]))
		}
	}
	for _, row := range rows {
		row = append(row, make([]string, len(rows[0])-len(row))...) // every row is as long as the header
		if err := out.Write(row); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

func csvHeader() []string {
	header := []string{"item", "option", "text"}
	for _, side := range []string{"external", "internal"} {
		for _, figure := range []string{
			"n", "effective_n", "count", "share", "low", "high", "rank", "rank_low", "rank_high", "part",
		} {
			header = append(header, side+"_"+figure)
		}
	}
	return append(header, "difference", "difference_low", "difference_high", "p", "p_adjusted", "verdict",
		"detectable", "higher", "test", "rule", "level", "margin", "simulated", "withheld")
}

func (w words) csvRow(c *Comparison, it *findings.ItemDifference) []string {
	d := c.Divergence
	row := []string{string(c.Item.Code), string(it.Code), cell(w.label(it))}
	for _, side := range []struct {
		e    findings.Entry
		part *Part
	}{{it.External, c.External.Part}, {it.Internal, c.Internal.Part}} {
		e, part := side.e, ""
		if side.part != nil {
			part = string(side.part.Item) + "=" + string(side.part.Option)
			if side.part.Rest {
				part = string(side.part.Item) + "!=" + string(side.part.Option)
			}
		}
		count := func(n int, known bool) string {
			if !known {
				return ""
			}
			return strconv.Itoa(n)
		}
		row = append(row, count(e.N, !e.Withheld), figureCell(e.EffectiveN), count(e.Count, !e.Withheld), figureCell(e.Share),
			figureCell(e.Low), figureCell(e.High), count(e.Rank, e.Rank > 0), count(e.RankLow, e.Rank > 0), count(e.RankHigh, e.Rank > 0), part)
	}
	return append(row, figureCell(it.Difference), figureCell(it.Low), figureCell(it.High), figureCell(it.P),
		figureCell(it.PAdjusted), string(it.Verdict), figureCell(it.Detectable), figureCell(it.Higher), it.Method,
		d.Rule.With(d.Top), figureCell(d.Level), figureCell(d.Margin), strconv.FormatBool(c.Simulated), strconv.FormatBool(it.Withheld()))
}

func figureCell(f float64) string {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return ""
	}
	return strconv.FormatFloat(f, 'g', -1, 64)
}

// cell keeps a spreadsheet from taking words that somebody else chose for a formula.
func cell(s string) string {
	if strings.HasPrefix(s, "'") || strings.IndexAny(s, "=+-@\t\r") == 0 {
		return "'" + s
	}
	return s
}
