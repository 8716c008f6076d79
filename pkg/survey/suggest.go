package survey

import "strings"

// shortWord is the length of words, in letters, in which two slips are too many to guess what was meant.
const shortWord = 4

// Nearest returns the known word that a written one is probably a slip of: the same but for case, or one
// letter added, dropped, changed or swapped with its neighbour; two where both words have five letters or
// more, and up to a third of the letters in long ones. It is "" if no word is that near.
func Nearest(written string, known []string) string {
	letters := len([]rune(written))
	best, least := "", max(2, letters/3)+1
	for _, word := range known {
		if strings.EqualFold(word, written) {
			return word
		}
		shorter := min(letters, len([]rune(word)))
		distance := editDistance(strings.ToLower(written), strings.ToLower(word))
		if distance > 1 && shorter <= shortWord {
			continue // two edits make any short word of any other
		}
		if distance < least && distance < shorter {
			best, least = word, distance
		}
	}
	return best
}

// editDistance is the number of insertions, deletions, substitutions and swaps of neighbours between two
// words, no part being edited twice (optimal string alignment). Words of over 64 letters are not compared:
// they are as far apart as they are long.
func editDistance(a, b string) int {
	from, to := []rune(a), []rune(b)
	const longest = 64
	if len(from) > longest || len(to) > longest {
		return max(len(from), len(to))
	}
	rows := make([][]int, len(from)+1)
	for i := range rows {
		rows[i] = make([]int, len(to)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(from); i++ {
		for j := 1; j <= len(to); j++ {
			change := 1
			if from[i-1] == to[j-1] {
				change = 0
			}
			d := min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+change)
			if i > 1 && j > 1 && from[i-1] == to[j-2] && from[i-2] == to[j-1] {
				d = min(d, rows[i-2][j-2]+1)
			}
			rows[i][j] = d
		}
	}
	return rows[len(from)][len(to)]
}
