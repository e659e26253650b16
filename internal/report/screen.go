package report

import (
	"fmt"
	"io"
	"strings"
)

// screen keeps a block of lines at the end of what a terminal shows, which is
// drawn over again and again, and lets other lines pass above it.
//
// The cursor rests at the start of the block. So what is drawn next begins at
// the right place even after the terminal has been resized and has wrapped
// the lines of the block in its own way, and what has to be wiped is always
// all that follows. Lines are written over, not wiped and written, and all
// that changes is one write: nothing flickers. The cursor is never hidden:
// nothing would bring it back after a SIGKILL.
type screen struct {
	out   io.Writer
	size  func() (columns, rows int) // as it is now; zeros: not known
	lines int                        // of the block
	title string                     // that was set; "": the terminal has its own
}

// Control sequences of ECMA-48, and two of xterm that others ignore.
const (
	eraseRight = "\x1b[K"
	eraseBelow = "\x1b[J"
	wrapOff    = "\x1b[?7l" // terminals do not agree about the width of every character
	wrapOn     = "\x1b[?7h"
	pushTitle  = "\x1b[22;2t"
	popTitle   = "\x1b[23;2t"
)

// room is the size that a block may have: the last column stays free, as
// writing to it makes some terminals wrap.
func (s *screen) room() (cells, lines int) {
	columns, rows := s.size()
	if columns <= 0 {
		columns = 80
	}
	if rows <= 0 {
		rows = 24
	}
	return columns - 1, max(rows-1, 1)
}

// draw writes whole lines above the block, and replaces the block.
func (s *screen) draw(above []byte, block []string) error {
	if len(above) == 0 && len(block) == 0 && s.lines == 0 {
		return nil
	}
	var b strings.Builder
	b.WriteString("\r")
	if len(above) > 0 || len(block) == 0 {
		b.WriteString(eraseBelow)
		b.Write(above)
	}
	if len(block) > 0 {
		writeBlock(&b, block)
	}
	s.lines = len(block)
	_, err := io.WriteString(s.out, b.String())
	return err
}

func writeBlock(b *strings.Builder, block []string) {
	b.WriteString(wrapOff)
	last := len(block) - 1
	for _, line := range block[:last] {
		b.WriteString(line + eraseRight + "\r\n")
	}
	b.WriteString(block[last] + eraseBelow + "\r")
	if last > 0 {
		fmt.Fprintf(b, "\x1b[%dA", last)
	}
	b.WriteString(wrapOn)
}

// entitle sets the terminal's title; with "" it gets back the one it had,
// or, where terminals do not keep it, none, and shells set theirs again.
func (s *screen) entitle(title string) error {
	if title == s.title {
		return nil
	}
	var b strings.Builder
	if s.title == "" {
		b.WriteString(pushTitle)
	}
	b.WriteString("\x1b]2;" + title + "\a")
	if title == "" {
		b.WriteString(popTitle)
	}
	s.title = title
	_, err := io.WriteString(s.out, b.String())
	return err
}
