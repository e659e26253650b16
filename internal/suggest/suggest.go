// Package suggest guesses what a misspelt word was meant to be. It is a leaf: it
// knows words, not what they stand for, and must never act on a guess.
package suggest

import (
	"strings"
	"unicode"
)

// Nearest returns the known word that word was probably meant to be, or "".
// Case, dashes and underscores do not count; beyond them a third of the known
// word's letters may be wrong.
func Nearest(word string, known []string) string {
	best, bestDistance := "", 0
	letters := bareLetters(word)
	for _, k := range known {
		bare := bareLetters(k)
		// Both bound the work; lengths that differ too much cannot match.
		allowed := max(1, len(bare)/3)
		if len(letters) > len(bare)+allowed || len(bare) > len(letters)+allowed {
			continue
		}
		if d := distance(letters, bare); d <= allowed && (best == "" || d < bestDistance) {
			best, bestDistance = k, d
		}
	}
	return best
}

// bareLetters drops what spellings of a key differ in: maxFileSize,
// max-file-size and max_file_size are the same.
func bareLetters(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '_' || r == '-' || r == ' ' {
			return -1
		}
		return unicode.ToLower(r)
	}, s)
}

// distance is the number of bytes to insert, delete, replace or swap with
// their neighbour that turns a into b (optimal string alignment).
func distance(a, b string) int {
	// Three rows of the usual table: the one before the previous, the
	// previous, the current.
	before, previous, current := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range previous {
		previous[j] = j
	}
	for i := 1; i <= len(a); i++ {
		current[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			current[j] = min(previous[j]+1, current[j-1]+1, previous[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				current[j] = min(current[j], before[j-2]+1)
			}
		}
		before, previous, current = previous, current, before
	}
	return previous[len(b)]
}
