package report

import (
	"bufio"
	"fmt"
	"io"
	"time"

	"phlb/internal/meta"
)

// Colors says whether output is coloured.
type Colors int

// The choices of colour.
const (
	NoColors Colors = iota
	ANSIColors
)

// Style is how text for people is laid out.
type Style struct {
	Width    int // terminal cells a line may take; 0: 100
	Colors   Colors
	Location *time.Location // of times of files; nil: the system's zone
}

// Layouts of times of files.
const (
	toSecond     = "2006-01-02 15:04:05"
	toNanosecond = "2006-01-02 15:04:05.000000000"
)

// clock returns a file's time in a layout.
func (s Style) clock(t meta.Time, layout string) string {
	loc := s.Location
	if loc == nil {
		loc = time.Local
	}
	return t.Std().In(loc).Format(layout)
}

const (
	defaultWidth = 100
	// Below this nothing but fragments would be left of names.
	minWidth = 40
)

func (s Style) width() int {
	if s.Width <= 0 {
		return defaultWidth
	}
	return max(s.Width, minWidth)
}

// color is an ANSI SGR parameter.
type color string

const (
	bold   color = "1"
	red    color = "31"
	green  color = "32"
	yellow color = "33"
)

// paint returns s in color c, if the style has colours.
func (s Style) paint(c color, text string) string {
	if s.Colors == NoColors || text == "" {
		return text
	}
	return "\x1b[" + string(c) + "m" + text + "\x1b[0m"
}

// page writes text for people. The first error sticks and ends all output.
type page struct {
	Style
	w    *bufio.Writer
	used bool // something stands on the page, so that a section needs a gap
}

func newPage(w io.Writer, s Style) *page { return &page{Style: s, w: bufio.NewWriter(w)} }

// line writes one line.
func (p *page) line(format string, args ...any) {
	fmt.Fprintf(p.w, format, args...)
	p.w.WriteByte('\n')
	p.used = true
}

// section writes a heading after an empty line.
func (p *page) section(format string, args ...any) {
	p.gap()
	p.line("%s", p.paint(bold, fmt.Sprintf(format, args...)))
}

// gap writes an empty line, unless the page is empty.
func (p *page) gap() {
	if p.used {
		p.w.WriteByte('\n')
	}
}

// more tells how many lines a list leaves out.
func (p *page) more(shown int, all int64) { p.moreOf(tableIndent, shown, all) }

// moreOf is more for a list that stands at indent and may be empty.
func (p *page) moreOf(indent string, shown int, all int64) {
	if rest := all - int64(shown); rest > 0 && shown > 0 {
		p.line("%s%s and %s more", indent, ellipsis, Count(rest))
	}
}

// flush returns the first error of all that was written.
func (p *page) flush() error {
	if err := p.w.Flush(); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}
