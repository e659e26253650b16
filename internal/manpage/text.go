package manpage

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// block is a paragraph, or lines that are to be kept as they are.
type block struct {
	verbatim bool
	lines    []string
}

// blocks takes a text apart. A line that is laid out begins a block of its own even
// without an empty line before it; empty lines between indented ones stay.
func blocks(text string) []block {
	var all []block
	open := false // the last block goes on
	gap := 0      // empty lines since
	for _, line := range strings.Split(strings.Trim(text, "\n"), "\n") {
		line = strings.TrimRight(line, " \t")
		if line == "" {
			gap++
			continue
		}
		verbatim := isLaidOut(line)
		last := len(all) - 1
		switch {
		case !open || all[last].verbatim != verbatim, gap > 0 && !verbatim:
			all = append(all, block{verbatim: verbatim, lines: []string{line}})
		default:
			for range gap {
				all[last].lines = append(all[last].lines, "")
			}
			all[last].lines = append(all[last].lines, line)
		}
		open, gap = true, 0
	}
	for i := range all {
		if all[i].verbatim {
			all[i].lines = unindented(all[i].lines)
		}
	}
	return all
}

// isLaidOut reports whether a line is indented or has columns.
func isLaidOut(line string) bool {
	return line[0] == ' ' || line[0] == '\t' || strings.Contains(line, "  ")
}

// unindented takes away what all lines begin with.
func unindented(lines []string) []string {
	margin := -1
	for i, line := range lines {
		lines[i] = strings.ReplaceAll(line, "\t", "    ")
		if n := len(lines[i]) - len(strings.TrimLeft(lines[i], " ")); lines[i] != "" && (margin < 0 || n < margin) {
			margin = n
		}
	}
	for i, line := range lines {
		if line != "" {
			lines[i] = line[margin:]
		}
	}
	return lines
}

// filled are lines that the formatter may break elsewhere.
func filled(lines []string) string {
	var b strings.Builder
	for _, line := range lines {
		if line = strings.TrimSpace(line); line != "" {
			b.WriteString(lineOf(line) + "\n")
		}
	}
	return b.String()
}

// literal are lines that stay as they are, indented.
func literal(lines []string) string {
	var b strings.Builder
	b.WriteString(paragraph + ".RS 4\n.nf\n")
	for _, line := range lines {
		b.WriteString(lineOf(line) + "\n")
	}
	b.WriteString(".fi\n.RE\n")
	return b.String()
}

// lineOf keeps a line of text from being taken for a request.
func lineOf(line string) string {
	if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
		return `\&` + escape(line)
	}
	return escape(line)
}

// escape makes text of what would be markup. Hyphens become those of command
// lines, so that what is copied from a page can be pasted into a shell.
func escape(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '\\':
			b.WriteString(`\e`)
		case r == '-':
			b.WriteString(`\-`)
		case r == '\'':
			b.WriteString(`\(aq`)
		case r == '`':
			b.WriteString(`\(ga`)
		case r == '^':
			b.WriteString(`\(ha`)
		case r == '~':
			b.WriteString(`\(ti`)
		case r == '\n' || r == '\t':
			b.WriteByte(' ')
		case r < ' ' || r == 0x7f || r == utf8.RuneError:
			b.WriteByte('?')
		case r > 0x7e:
			fmt.Fprintf(&b, `\[u%04X]`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
