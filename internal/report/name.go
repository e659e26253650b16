package report

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/olekukonko/tablewriter/pkg/twwidth"
)

const ellipsis = "…"

// Name returns a file name or path as it can be shown on one line of a
// terminal: unchanged when it is harmless, else quoted as a Go string
// literal. Spaces at the ends, which nobody would see, are quoted as well.
func Name(s string) string {
	if harmless(s) {
		return s
	}
	return strconv.Quote(s)
}

func harmless(s string) bool {
	if s == "" || s[0] == '"' || s[0] == ' ' || s[len(s)-1] == ' ' {
		return false
	}
	for i, r := range s {
		if r < utf8.RuneSelf && r >= ' ' && r != 0x7f {
			continue
		}
		if !strconv.IsPrint(r) {
			return false
		}
		// U+FFFD is printable, but may also stand for a byte that is not UTF-8.
		if r == utf8.RuneError && !strings.HasPrefix(s[i:], string(utf8.RuneError)) {
			return false
		}
	}
	return true
}

// text makes a message safe for one line: control characters become quoted
// escapes, everything else stays, as messages may well hold quotes.
func text(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return r == utf8.RuneError || !strconv.IsPrint(r) }) {
		return s
	}
	quoted := strconv.Quote(s)
	return strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
}

// Text makes a message safe for one line of a terminal.
func Text(s string) string { return text(s) }

// Fit shortens s to at most cells terminal cells; of a path the end stays.
func Fit(s string, cells int) string { return fit(s, cells) }

// Pad returns s filled up with spaces to cells terminal cells.
func Pad(s string, cells int) string { return pad(s, cells) }

// width is the number of terminal cells s takes.
func width(s string) int { return twwidth.Width(s) }

// fit shortens s to at most cells terminal cells. It cuts out of the middle,
// nearer to the start, because the end of a path tells most.
func fit(s string, cells int) string {
	if width(s) <= cells {
		return s
	}
	room := cells - width(ellipsis)
	if room <= 0 {
		return strings.Repeat(".", max(cells, 0))
	}
	head := cutHead(s, room/3)
	tail := cutTail(s, room-width(head))
	return head + ellipsis + tail
}

// cutHead returns the longest start of s that fits into cells.
func cutHead(s string, cells int) string {
	used := 0
	for i, r := range s {
		used += width(string(r))
		if used > cells {
			return s[:i]
		}
	}
	return s
}

// cutTail returns the longest end of s that fits into cells and does not
// begin with a character that would join the one before it.
func cutTail(s string, cells int) string {
	start, used := len(s), 0
	for start > 0 {
		r, size := utf8.DecodeLastRuneInString(s[:start])
		used += width(string(r))
		if used > cells {
			break
		}
		start -= size
	}
	for start < len(s) {
		r, size := utf8.DecodeRuneInString(s[start:])
		if width(string(r)) > 0 {
			break
		}
		start += size
	}
	return s[start:]
}

// pad returns s filled up with spaces to cells terminal cells.
func pad(s string, cells int) string {
	return s + strings.Repeat(" ", max(0, cells-width(s)))
}
