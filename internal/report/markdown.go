package report

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

// Limits of a comment in Markdown, in bytes.
const (
	DefaultMarkdownBytes = 60_000 // GitHub takes 65,536 characters
	MinMarkdownBytes     = 2_000
	MaxMarkdownBytes     = 16 << 20
)

// Cells longer than this, in terminal cells, are shortened.
const (
	markdownName = 200
	markdownText = 300
)

// markdown writes GitHub-flavoured Markdown up to a limit. What does not fit
// is left out from some line on, to the end, and the last section says so: the
// text is never cut within a line, so within a table row or a character.
//
// Whatever comes from files or messages goes through code or words, so that it
// can neither leave its cell nor become a link, a mention, a reference, an
// image or HTML.
type markdown struct {
	b       strings.Builder
	room    int    // bytes for everything but the end
	section string // the one being written
	cut     bool
	at      string // the section that was cut
}

// newMarkdown leaves reserve bytes for what end writes.
func newMarkdown(limit, reserve int) *markdown { return &markdown{room: limit - reserve} }

// line writes one line, or from the first that does not fit on none.
func (m *markdown) line(format string, args ...any) bool {
	s := format
	if len(args) > 0 {
		s = fmt.Sprintf(format, args...)
	}
	if m.cut || m.b.Len()+len(s)+1 > m.room {
		if !m.cut {
			m.cut, m.at = true, m.section
		}
		return false
	}
	m.b.WriteString(s)
	m.b.WriteByte('\n')
	return true
}

// together writes lines that make no sense without each other.
func (m *markdown) together(lines ...string) bool { return m.line("%s", strings.Join(lines, "\n")) }

// heading begins a section with its first lines.
func (m *markdown) heading(level int, title string, first ...string) bool {
	m.section = label(title)
	lines := append([]string{"", strings.Repeat("#", level) + " " + title, ""}, first...)
	return m.together(lines...)
}

// label is a title without the names in it.
func label(title string) string {
	if i := strings.IndexAny(title, "`<"); i >= 0 {
		title = title[:i]
	}
	for _, word := range []string{" of ", " in ", " "} {
		title = strings.TrimSuffix(title, word)
	}
	return title
}

// table writes a section that is a table, at least with its first row. Titles
// that end in a colon are of numbers. It returns how many rows stand there.
func (m *markdown) table(level int, title string, columns []string, rows [][]string) int {
	if len(rows) == 0 {
		return 0
	}
	var names, marks []string
	for _, c := range columns {
		mark := "---"
		if strings.HasSuffix(c, ":") {
			c, mark = strings.TrimSuffix(c, ":"), "--:"
		}
		names, marks = append(names, c), append(marks, mark)
	}
	head := []string{row(names), row(marks), row(rows[0])}
	if title == "" {
		head = append([]string{""}, head...)
		if !m.together(head...) {
			return 0
		}
	} else if !m.heading(level, title, head...) {
		return 0
	}
	n := 1
	for _, r := range rows[1:] {
		if !m.line("%s", row(r)) {
			break
		}
		n++
	}
	return n
}

// more tells how many lines of a list are not shown.
func (m *markdown) more(shown int, all int64) {
	if rest := all - int64(shown); rest > 0 {
		m.together("", fmt.Sprintf("… and %s more.", Count(rest)))
	}
}

func row(cells []string) string { return "| " + strings.Join(cells, " | ") + " |" }

// end returns the whole text. Tail stands below the notice that something was
// left out, if it was.
func (m *markdown) end(notice func(section string) string, tail []string) string {
	if m.cut {
		m.b.WriteString("\n" + notice(m.at) + "\n")
	}
	for _, l := range tail {
		m.b.WriteString(l + "\n")
	}
	return m.b.String()
}

// mdName is a file name or path as a cell.
func mdName(raw string) string { return mdCode(brief(Name(raw), markdownName)) }

// brief is fit for text whose characters may take no cells: it bounds the
// bytes, too.
func brief(s string, cells int) string {
	if len(s) <= cells {
		return s
	}
	if runes := []rune(s); len(runes) > 2*cells {
		s = string(runes[:cells/2]) + ellipsis + string(runes[len(runes)-cells:])
	}
	return fit(s, cells)
}

// mdCode returns harmless text as code, in which there are neither links nor
// mentions. Backquotes and bars cannot stand in a code span of a table for
// every reader alike; as character references in a code element they can.
func mdCode(s string) string {
	switch {
	case s == "":
		return ""
	case !strings.ContainsAny(s, "`|") && utf8.ValidString(s):
		return "`" + s + "`"
	}
	var b strings.Builder
	b.WriteString("<code>")
	for _, r := range strings.ToValidUTF8(s, "\uFFFD") {
		if r >= utf8.RuneSelf || r == ' ' || r == '/' || isWordByte(byte(r)) {
			b.WriteRune(r)
		} else {
			fmt.Fprintf(&b, "&#%d;", r)
		}
	}
	b.WriteString("</code>")
	return b.String()
}

func isWordByte(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
}

var (
	// plainWords have nothing that Markdown, or what reads comments after it,
	// takes for more than words.
	plainWords = regexp.MustCompile(`^[A-Za-z0-9(][A-Za-z0-9 ,.;:()%/'-]*$`)
	// notPlain are the exceptions: addresses, references to issues and
	// commits, emoji, milestones.
	notPlain = regexp.MustCompile(`(?i)www\.|:[^ ]|%[^ ,.;)]|[a-z]-[0-9]|[0-9a-f]{7,}|^[0-9]+[.)]|^-`)
)

// mdWords is a message as a cell or in a sentence: words as they are, anything
// else as code.
func mdWords(s string) string {
	s = text(s)
	if s == "" || plainWords.MatchString(s) && !notPlain.MatchString(s) {
		return brief(s, markdownText)
	}
	return mdCode(brief(s, markdownText))
}
