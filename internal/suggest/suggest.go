// Package suggest guesses what a misspelt word was meant to be. It is a leaf: it
// knows words, not what they stand for, and must never act on a guess.
package suggest

import (
	"strings"
	"unicode"
)

// Nearest returns the known word that word was probably meant to be, or "":
// the shortest one that begins with it; else the shortest one that it leaves
// parts of out; else the one that the fewest letters differ from. Case, dashes
// and underscores do not count; beyond them a third of the known word's letters
// may be wrong.
func Nearest(word string, known []string) string {
	if letters := bareLetters(word); len(letters) >= minShortened {
		if k := shortest(known, func(k string) bool { return strings.HasPrefix(bareLetters(k), letters) }); k != "" {
			return k
		}
		parts := partsOf(word)
		if k := shortest(known, func(k string) bool { return leavesOut(parts, partsOf(k)) }); k != "" {
			return k
		}
	}
	return nearest(word, known)
}

// minShortened is how many letters say which word is shortened.
const minShortened = 3

// shortest returns the shortest of the known words that fit, the first of
// several; "" if none does.
func shortest(known []string, fits func(string) bool) string {
	best := ""
	for _, k := range known {
		if (best == "" || len(k) < len(best)) && fits(k) {
			best = k
		}
	}
	return best
}

// leavesOut reports whether parts are those of a known word, in order, some
// shortened or left out, though not both the first and the last.
func leavesOut(parts, known []string) bool {
	if len(parts) == 0 || len(parts) > len(known) {
		return false
	}
	if !strings.HasPrefix(known[0], parts[0]) && !strings.HasPrefix(known[len(known)-1], parts[len(parts)-1]) {
		return false
	}
	for _, k := range known {
		if len(parts) > 0 && strings.HasPrefix(k, parts[0]) {
			parts = parts[1:]
		}
	}
	return len(parts) == 0
}

// partsOf returns the parts of max_file_size, max-file-size or maxFileSize.
func partsOf(s string) []string {
	var b strings.Builder
	lower := false
	for _, r := range s {
		if unicode.IsUpper(r) && lower {
			b.WriteByte('_')
		}
		lower = unicode.IsLower(r)
		b.WriteRune(unicode.ToLower(r))
	}
	return strings.FieldsFunc(b.String(), separates)
}

// separates reports whether a rune stands between the parts of a word.
func separates(r rune) bool { return r == '_' || r == '-' || r == ' ' }

// nearest returns the known word that the fewest letters differ from.
func nearest(word string, known []string) string {
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
		if separates(r) {
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
