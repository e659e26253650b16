package verify

import (
	"slices"
	"strings"

	"phlb/internal/digest"
	"phlb/internal/sums"
)

// sheet is what the SHA256SUMS of one directory says, by name.
type sheet struct {
	lines []sums.Line // sorted by name; those of one name in the file's order
	used  []bool      // whether the name was asked for, at its first line
	next  int         // the line after those of the last name asked for
}

// recorded is what the lines for one name say.
type recorded struct {
	isListed bool // there is a line
	sum      digest.Sum
	others   []digest.Sum // not none: the lines contradict each other
}

// has reports whether a line says that the name has this hash.
func (r *recorded) has(sum digest.Sum) bool {
	return r.isListed && (r.sum == sum || slices.Contains(r.others, sum))
}

// index makes the sheet one of these lines, which it keeps.
func (s *sheet) index(lines []sums.Line) {
	if !slices.IsSortedFunc(lines, compareLines) {
		slices.SortStableFunc(lines, compareLines)
	}
	s.lines, s.next = lines, 0
	s.used = slices.Grow(s.used[:0], len(lines))[:len(lines)]
	clear(s.used)
}

// maxSheet is how many lines a sheet may have for its memory to be used again:
// that of one huge directory is not kept for all the small ones.
const maxSheet = 16 << 10

// reset forgets the lines.
func (s *sheet) reset() {
	if cap(s.lines) > maxSheet {
		*s = sheet{}
		return
	}
	clear(s.lines) // what the names point to is not kept
	s.lines, s.used, s.next = s.lines[:0], s.used[:0], 0
}

// compareLines compares names.
func compareLines(a, b sums.Line) int { return strings.Compare(a.Name, b.Name) }

// find returns what there is for a name. It takes least time for names that
// come in the order of the lines.
func (s *sheet) find(name string) recorded {
	i := s.next
	if i == len(s.lines) || s.lines[i].Name != name {
		isThere := false
		i, isThere = slices.BinarySearchFunc(s.lines, name, func(l sums.Line, name string) int {
			return strings.Compare(l.Name, name)
		})
		if !isThere {
			return recorded{}
		}
	}
	s.used[i] = true
	r, next := s.at(i)
	s.next = next
	return r
}

// at returns what the lines from i on say, which is the first of its name, and
// where those of the next name begin.
func (s *sheet) at(i int) (r recorded, next int) {
	r = recorded{isListed: true, sum: s.lines[i].Sum}
	for next = i + 1; next < len(s.lines) && s.lines[next].Name == s.lines[i].Name; next++ {
		if sum := s.lines[next].Sum; !r.has(sum) {
			r.others = append(r.others, sum)
		}
	}
	return r, next
}
