package survey

import (
	"math/bits"
	"regexp"
	"strconv"
	"strings"
)

// Piping puts the answer to an earlier item into a later text: {{channel}}, or {{performance.speed}} for a
// row.
const (
	pipeOpen  = "{{"
	pipeClose = "}}"
)

var pipePattern = regexp.MustCompile(`\{\{\s*([A-Za-z0-9_.-]+)\s*\}\}`)

// Pipe puts answers into a text of the questionnaire in the respondent's language: the words of the options
// picked, separated by commas; numbers, points and words as given. An item without an answer leaves
// nothing. The answers themselves are never searched for {{...}}, so nobody can ask for another's answers
// by writing it. values has one value per column.
func (q *Questionnaire) Pipe(text string, lang Language, values []Value) string {
	if !strings.Contains(text, pipeOpen) {
		return text
	}
	return pipePattern.ReplaceAllStringFunc(text, func(found string) string {
		column, ok := q.Column(pipePattern.FindStringSubmatch(found)[1])
		if !ok {
			return found // Parse refuses such a text
		}
		return q.spoken(column, lang, values)
	})
}

// spoken is an answer in words. The words of an option may put in answers themselves; that ends, since they
// can only be of earlier items.
func (q *Questionnaire) spoken(column int, lang Language, values []Value) string {
	c, v := &q.columns[column], &values[column]
	if v.State != Answered {
		return ""
	}
	var picked []uint64
	switch c.Item.Kind {
	case Single, Matrix:
		picked = []uint64{v.Bits}
	case Multi:
		for rest := v.Bits; rest != 0; rest &= rest - 1 {
			picked = append(picked, uint64(bits.TrailingZeros64(rest))) //nolint:gosec // 0 to 63
		}
	case Rank:
		for _, at := range v.Order {
			picked = append(picked, uint64(at))
		}
	case Rating, NPS:
		return strconv.FormatUint(v.Bits, 10)
	case Number:
		return number(v.Number)
	case Text:
		return v.Text
	}
	labels := make([]string, len(picked))
	for i, at := range picked {
		labels[i] = q.Pipe(c.Options[at].Text.In(lang), lang, values)
	}
	return strings.Join(labels, ", ")
}

// pipedText is a text that puts in answers, and the item it belongs to.
type pipedText struct {
	at   *node
	item int
}

// pipedWords reads texts that may put in answers; they are checked once all items are known.
func (b *builder) pipedWords(at *node, item int) Words {
	if at.usable() {
		if at.kind != mappingNode {
			b.texts = append(b.texts, pipedText{at, item})
		}
		for _, f := range at.fields {
			b.texts = append(b.texts, pipedText{f.value, item})
		}
	}
	return b.words(at)
}

// checkPiping reports every {{...}} that is not the key of an earlier item.
func (b *builder) checkPiping() {
	for _, piped := range b.texts {
		if !piped.at.usable() {
			continue
		}
		text := piped.at.text
		for from := 0; ; {
			open := strings.Index(text[from:], pipeOpen)
			if open < 0 {
				break
			}
			open += from
			offset := len([]rune(text[:open]))
			end := strings.Index(text[open:], pipeClose)
			if end < 0 {
				b.reportWithin(piped.at, offset, "{{ is not closed by }}")
				break
			}
			from = open + end + len(pipeClose)
			b.checkPipe(piped, offset, strings.TrimSpace(text[open+len(pipeOpen):open+end]))
		}
	}
}

func (b *builder) checkPipe(piped pipedText, offset int, key string) {
	code, _, _ := strings.Cut(key, ".")
	index, known := b.items[ItemCode(code)]
	if known && index >= piped.item {
		b.reportWithin(piped.at, offset, "{{%s}}: the item %q comes later, so there is no answer to put in yet", key, code)
		return
	}
	if _, ok := b.q.Column(key); ok {
		return
	}
	if known && len(b.q.Items[index].Rows) > 0 {
		b.reportWithin(piped.at, offset, "{{%s}}: the item %q has rows; name one, such as {{%s.%s}}", key, code, code, b.q.Items[index].Rows[0].Code)
		return
	}
	var earlier []string
	for i := range b.q.columns {
		if at, ok := b.items[b.q.columns[i].Item.Code]; ok && at < piped.item {
			earlier = append(earlier, b.q.columns[i].Key)
		}
	}
	b.reportWithin(piped.at, offset, "{{%s}}: no earlier item %q%s", key, key, didYouMean(key, earlier))
}
