package web

import (
	"net/url"
	"strconv"
	"strings"

	"cxmirror/pkg/survey"
)

// How many lines of a list stand on a page, and from how many on it can be searched.
const (
	linesPerPage  = 50
	linesUnsought = 15
)

// listing is what is shown of a list that may be long: of what is looked for in it, one page.
type listing struct {
	Path     string // of the page
	Text     string // that is looked for
	Hint     string // what can be looked for
	Number   int    // of the page, from 1
	All      int    // lines there are
	Total    int    // lines found
	Range    string // "51 to 100 of 2,000"; "" where all stands on one page
	Previous string // addresses
	Next     string
}

// readListing reads from an address what is looked for in a list, and which page of it is shown.
func readListing(path string, query url.Values) listing {
	l := listing{Path: path, Text: soughtText(query.Get("q")), Number: 1}
	if number, err := strconv.Atoi(query.Get("page")); err == nil && number > 1 && number < 1<<24 {
		l.Number = number
	}
	return l
}

// soughtText returns what somebody typed to look for, as it can be looked for.
func soughtText(typed string) string {
	text := strings.ReplaceAll(strings.ToValidUTF8(strings.TrimSpace(typed), ""), "\x00", "")
	if letters := []rune(text); len(letters) > longestSearch {
		return string(letters[:longestSearch])
	}
	return text
}

// Searched reports whether the list is long enough to look for something in it.
func (l listing) Searched() bool { return l.All > linesUnsought || l.Text != "" }

// None reports whether nothing was found.
func (l listing) None() bool { return l.Text != "" && l.Total == 0 }

// lookThrough returns the lines of the page that is shown: of those whose words have what is looked for, in whatever
// case and without diacritics, as the panel is searched. A list that has become shorter is shown from its last page.
func lookThrough[T any](l *listing, r *room, all []T, words func(*T) string) []T {
	l.All = len(all)
	found := all
	if sought := survey.Fold(l.Text); sought != "" {
		found = nil
		for i := range all {
			if strings.Contains(survey.Fold(words(&all[i])), sought) {
				found = append(found, all[i])
			}
		}
	}
	l.Total = len(found)
	pages := max(1, (l.Total+linesPerPage-1)/linesPerPage)
	l.Number = min(l.Number, pages)
	first := (l.Number - 1) * linesPerPage
	last := min(first+linesPerPage, l.Total)
	if pages > 1 {
		l.Range = r.phrases.Say(r.Lang, "people_range", survey.Args{"From": r.Integer(first + 1), "To": r.Integer(last), "Of": r.Integer(l.Total)})
	}
	if l.Number > 1 {
		l.Previous = l.address(l.Number - 1)
	}
	if l.Number < pages {
		l.Next = l.address(l.Number + 1)
	}
	return found[first:last]
}

// address is that of a page of the list.
func (l *listing) address(number int) string {
	query := url.Values{}
	if l.Text != "" {
		query.Set("q", l.Text)
	}
	if number > 1 {
		query.Set("page", strconv.Itoa(number))
	}
	return addressOf(l.Path, query)
}
