// Package sums reads and writes SHA256SUMS files in the format of GNU
// sha256sum, and holds the rule by which source entries of that very name are
// stored under another one.
//
// GNU coreutils is the judge: what Append writes is, byte for byte, what
// sha256sum prints, and passes sha256sum -c. The package works on bytes and
// must never open a file itself.
package sums

import (
	"slices"
	"strings"

	"phlb/internal/digest"
)

// FileName is the name of the checksum file in each directory of a snapshot
// that holds regular files.
const FileName = "SHA256SUMS"

// Line is one file of the directory that holds the checksum file. The name is
// raw bytes, which need not be UTF-8.
type Line struct {
	Name string
	Sum  digest.Sum
}

// Append appends the line as sha256sum prints it in text mode: the digits,
// two spaces, the name and a newline. A name with a backslash, newline or
// carriage return is escaped, which a backslash before the digits announces.
func Append(b []byte, l Line) []byte {
	if escapes(l.Name) == 0 {
		b = append(l.Sum.AppendHex(b), "  "...)
		b = append(b, l.Name...)
		return append(b, '\n')
	}
	b = append(l.Sum.AppendHex(append(b, '\\')), "  "...)
	return append(appendEscaped(b, l.Name), '\n')
}

// Len is how many bytes Append adds for a line.
func Len(l *Line) int {
	n := hexLen + len("  ") + len(l.Name) + len("\n")
	if more := escapes(l.Name); more > 0 {
		n += len(`\`) + more
	}
	return n
}

// escapes counts the bytes that sha256sum writes as a backslash and a letter.
func escapes(name string) int {
	return strings.Count(name, "\\") + strings.Count(name, "\n") + strings.Count(name, "\r")
}

func appendEscaped(b []byte, name string) []byte {
	for i := range len(name) {
		switch c := name[i]; c {
		case '\\':
			b = append(b, `\\`...)
		case '\n':
			b = append(b, `\n`...)
		case '\r':
			b = append(b, `\r`...)
		default:
			b = append(b, c)
		}
	}
	return b
}

// Sort sorts by name in byte order. Lines of the same name keep their order.
func Sort(lines []Line) {
	slices.SortStableFunc(lines, func(a, b Line) int { return strings.Compare(a.Name, b.Name) })
}
