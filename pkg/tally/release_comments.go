package tally

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"iter"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"cxmirror/pkg/survey"
)

// Comment is what one person wrote to one item.
type Comment struct {
	Response survey.ResponseID // not to be shown: it would tie together what one person wrote to several items
	Text     string
	Mentions []Mention // what in the text tells of a person, by where it begins

	// Key names the comment on pages: 32 hexadecimal digits, of this item alone, that say nothing of the response.
	Key string
}

// Mention is a place in a comment that names somebody. Start and End are bytes of the text.
type Mention struct {
	Kind       MentionKind
	Start, End int
}

// MentionKind says what a comment mentions.
type MentionKind string

// What comments mention.
const (
	MentionName    MentionKind = "name"    // a name of the panel, also where it is inflected
	MentionAddress MentionKind = "address" // an e-mail address, of whomever
	MentionPhone   MentionKind = "phone"   // a telephone number
)

// Comments returns the comments on an item in an order that tells nothing, with what they mention, if at least
// threshold people wrote one; otherwise a [WithheldError]. Comments without a letter or digit are left out and do
// not count. Nobody having written any is [ErrNobody].
//
// The order is that of a hash of wave, item and response: the same on every page and every server, another one for
// every item, and none that follows who came first. New comments appear among the old ones. Only comments of a
// release may be handed in, and only all comments of a wave: one and the same comment in the lists of a department and
// of a location would tell that its writer is in both.
func Comments(wave *survey.Wave, item survey.ItemCode, threshold int, comments iter.Seq[Comment], known *Identifier) ([]Comment, error) {
	type placed struct {
		Comment
		place [sha256.Size]byte
	}
	var all []placed
	for c := range comments {
		if !strings.ContainsFunc(c.Text, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }) {
			continue
		}
		h := sha256.New()
		for _, s := range []string{strconv.FormatInt(int64(wave.ID), 10), string(item), string(c.Response)} {
			_, _ = h.Write([]byte(s)) // a hash takes everything
			_, _ = h.Write([]byte{0})
		}
		all = append(all, placed{c, [sha256.Size]byte(h.Sum(nil))})
	}
	switch {
	case len(all) == 0:
		return nil, ErrNobody
	case len(all) < threshold:
		return nil, &WithheldError{Audience: wave.Audience, Item: item, Threshold: threshold}
	}
	slices.SortFunc(all, func(a, b placed) int {
		return cmp.Or(bytes.Compare(a.place[:], b.place[:]), cmp.Compare(a.Text, b.Text))
	})
	shown := make([]Comment, len(all))
	for i, c := range all {
		shown[i] = c.Comment
		shown[i].Key = hex.EncodeToString(c.place[:16])
		shown[i].Mentions = known.Mentions(c.Text)
	}
	return shown, nil
}

// Identifier finds in comments what tells of a person. The zero value knows nobody, and finds addresses and
// telephone numbers.
type Identifier struct {
	stems map[string]bool // beginnings of names that inflection leaves alone; true: only a word with a capital is taken for one
	among map[string]bool // what words begin with that are looked at; nil is any
}

// NewIdentifier returns an identifier that knows the names of a panel, and the names that e-mail addresses are made
// of. A name is recognised without regard to accents and capitals, and inflected as in Polish, Czech, Slovak, Romanian,
// Russian, Ukrainian and Bulgarian: "Kowalskiej", "Markowi", "Павла". A name of three letters or fewer counts only
// with a capital. Pet names ("Kasia" of Katarzyna) are not known unless the panel has them.
func NewIdentifier(names, addresses iter.Seq[string]) *Identifier {
	known := &Identifier{stems: map[string]bool{}}
	for name := range names {
		known.addName(name)
	}
	for address := range addresses {
		known.addAddress(address)
	}
	return known
}

// NewIdentifierAmong returns an identifier that finds in some texts what [NewIdentifier] would, of people whose names
// and addresses come in pairs. It keeps nothing of people who are in none of the texts: a panel may be large.
func NewIdentifierAmong(texts iter.Seq[string], people iter.Seq2[string, string]) *Identifier {
	known := &Identifier{stems: map[string]bool{}, among: map[string]bool{}}
	for text := range texts {
		for word := range words(text) {
			for beginning := range beginnings([]rune(fold(text[word.start:word.end]))) {
				known.among[beginning] = true
			}
		}
	}
	if len(known.among) == 0 {
		return known // and nobody is asked for
	}
	for name, address := range people {
		known.addName(name)
		known.addAddress(address)
	}
	return known
}

func (k *Identifier) addName(name string) {
	for word := range words(name) {
		k.add(fold(name[word.start:word.end]))
	}
}

func (k *Identifier) addAddress(address string) {
	local, _, ok := strings.Cut(address, "@")
	if !ok {
		return
	}
	for word := range words(local) {
		if folded := fold(local[word.start:word.end]); utf8.RuneCountInString(folded) > shortName {
			k.add(folded)
		}
	}
}

// shortName is up to how many letters a name is too short to be told from other words unless it has a capital.
const shortName = 3

// add notes the stems of a name: as it is, without the vowels it ends with, without a vowel that flees, and with the
// consonant that some cases change.
func (k *Identifier) add(name string) {
	runes := []rune(name)
	if len(runes) < 2 || strings.ContainsFunc(name, unicode.IsDigit) {
		return
	}
	stems := [][]rune{runes}
	bare := runes
	for range 2 {
		if len(bare) > 2 && isVowel(bare[len(bare)-1]) {
			bare = bare[:len(bare)-1]
			stems = append(stems, bare)
		}
	}
	if n := len(runes); n >= 4 && !isVowel(runes[n-1]) && strings.ContainsRune("eoео", runes[n-2]) {
		stems = append(stems, append(slices.Clone(runes[:n-2]), runes[n-1])) // Marek, Marka; Павел, Павла
	}
	for _, stem := range slices.Clone(stems) {
		if changed, ok := softened(stem[len(stem)-1]); ok && len(stem) > 2 {
			stems = append(stems, append(slices.Clone(stem[:len(stem)-1]), []rune(changed)...)) // Marta, Marcie
		}
	}
	for _, stem := range stems {
		s := string(stem)
		if k.among != nil && !k.among[s] {
			continue
		}
		if capital, ok := k.stems[s]; !ok || capital {
			k.stems[s] = len(runes) <= shortName || len(stem) <= 2
		}
	}
}

func isVowel(r rune) bool { return strings.ContainsRune("aeiouyаеиоуыэюяьъії", r) }

// softened is what the last consonant of a stem becomes before some endings.
func softened(r rune) (string, bool) {
	switch r {
	case 'k':
		return "c", true
	case 'g':
		return "dz", true
	case 'r':
		return "rz", true
	case 't':
		return "ci", true
	case 'd':
		return "dzi", true
	case 'к':
		return "ц", true
	}
	return "", false
}

// isEnding reports whether letters may follow the stem of a name: the endings of the cases, without accents.
func isEnding(s string) bool {
	switch s {
	case "", "s",
		"a", "e", "i", "o", "u", "y", "ie", "iu", "iem", "em", "om", "am", "owi", "owie", "ow", "ami", "ach", "ego", "emu", "ej",
		"im", "ym", "ich", "ych", "imi", "ymi", "iego", "iemu", "iej", "ia", "io", "ova", "ovi", "ou", "ovou", "ove", "ho", "mu",
		"ul", "ului", "lui", "ei", "ii", "ilor",
		"а", "е", "и", "о", "у", "ы", "я", "ю", "ь", "ом", "ем", "ам", "ой", "ои", "еи", "ою", "ею", "ого", "его", "ому", "ему", "ым", "им",
		"ых", "их", "ами", "ах", "ов", "ови", "еви", "ия", "ии", "ию", "ием", "ую", "ая":
		return true
	}
	return false
}

// Addresses and telephone numbers, as people type them. What is found of the latter is counted afterwards.
var (
	addressPattern = regexp.MustCompile(`[\p{L}\p{N}._%+-]+(?:@|\s?\(at\)\s?|\s?\[at\]\s?)[\p{L}\p{N}-]+(?:\.[\p{L}\p{N}-]+)*\.\p{L}{2,}`)
	phonePattern   = regexp.MustCompile(`\+?\(?\d[\d ()/.\x{00a0}-]{6,22}\d`)
	datePattern    = regexp.MustCompile(`^(?:\d{4}[-./]\d{1,2}[-./]\d{1,2}|\d{1,2}[-./]\d{1,2}[-./]\d{4})(?:[ ]\d{1,2}(?:.\d{2})?)?$`)
)

// Mentions returns what a text tells of people, by where it begins; of what overlaps, what begins first.
func (k *Identifier) Mentions(text string) []Mention {
	var found []Mention
	for _, at := range addressPattern.FindAllStringIndex(text, -1) {
		found = append(found, Mention{MentionAddress, at[0], at[1]})
	}
	for _, at := range phonePattern.FindAllStringIndex(text, -1) {
		if isPhone(text[at[0]:at[1]]) {
			found = append(found, Mention{MentionPhone, at[0], at[1]})
		}
	}
	if k != nil && len(k.stems) > 0 {
		for word := range words(text) {
			if k.isName(text[word.start:word.end]) {
				found = append(found, Mention{MentionName, word.start, word.end})
			}
		}
	}
	slices.SortStableFunc(found, func(a, b Mention) int { return cmp.Compare(a.Start, b.Start) })
	end := 0
	return slices.DeleteFunc(found, func(m Mention) bool {
		if m.Start < end {
			return true
		}
		end = m.End
		return false
	})
}

// isPhone tells numbers that people are called by from dates, years and amounts.
func isPhone(s string) bool {
	if datePattern.MatchString(s) {
		return false
	}
	digits := 0
	for _, r := range s {
		if unicode.IsDigit(r) {
			digits++
		}
	}
	fewest := 9
	if strings.HasPrefix(s, "+") {
		fewest = 8
	}
	return fewest <= digits && digits <= 15
}

func (k *Identifier) isName(word string) bool {
	first, _ := utf8.DecodeRuneInString(word)
	runes := []rune(fold(word))
	for beginning, ending := range beginnings(runes) {
		capital, ok := k.stems[beginning]
		if ok && isEnding(ending) && (!capital || unicode.IsUpper(first)) {
			return true
		}
	}
	return false
}

// beginnings yields the ways to part a word into the stem of a name and an ending, the longest stem first.
func beginnings(word []rune) iter.Seq2[string, string] {
	const longestEnding = 4
	return func(yield func(stem, ending string) bool) {
		for n := len(word); n >= max(2, len(word)-longestEnding); n-- {
			if !yield(string(word[:n]), string(word[n:])) {
				return
			}
		}
	}
}

// fold takes away accents and capitals.
func fold(s string) string {
	var b strings.Builder
	for _, r := range norm.NFD.String(strings.ToLower(s)) {
		switch {
		case unicode.Is(unicode.Mn, r):
		case r == 'ł':
			b.WriteRune('l')
		case r == 'đ':
			b.WriteRune('d')
		case r == 'ø':
			b.WriteRune('o')
		case r == 'ß':
			b.WriteString("ss")
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

type span struct{ start, end int }

// words yields the stretches of letters and digits; a mark above a letter belongs to it.
func words(s string) iter.Seq[span] {
	return func(yield func(span) bool) {
		start := -1
		for i, r := range s {
			in := unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.Is(unicode.Mn, r)
			if in && start < 0 {
				start = i
			}
			if !in && start >= 0 {
				if !yield(span{start, i}) {
					return
				}
				start = -1
			}
		}
		if start >= 0 {
			yield(span{start, len(s)})
		}
	}
}
