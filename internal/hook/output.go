package hook

import (
	"bytes"
	"log/slog"
	"strings"
	"unicode/utf8"
)

// How much of what a command prints is taken: a log is no place for a dump.
const (
	maxLine   = 4 << 10 // bytes of a line
	maxOutput = 1 << 20 // bytes of a command
	tailLines = 10      // that an error shows
)

// lines logs what is written to it line by line.
type lines struct {
	log   *slog.Logger
	buf   []byte // of the current line, maxLine bytes at most
	taken int
	tail  []string
}

// Write implements io.Writer. It never fails: a command must not for its log.
func (l *lines) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		line, rest, ended := bytes.Cut(p, []byte{'\n'})
		l.buf = append(l.buf, line[:min(len(line), maxLine-len(l.buf))]...)
		if ended {
			l.flush()
		}
		p = rest
	}
	return n, nil
}

// finish logs a last line without an end.
func (l *lines) finish() {
	if len(l.buf) > 0 {
		l.flush()
	}
}

func (l *lines) flush() {
	text := strings.TrimRight(string(l.buf), "\r")
	if !utf8.ValidString(text) {
		text = strings.ToValidUTF8(text, "\uFFFD")
	}
	l.buf = l.buf[:0]
	if l.tail = append(l.tail, text); len(l.tail) > tailLines {
		l.tail = l.tail[1:]
	}
	before := l.taken
	l.taken += len(text) + 1
	switch {
	case l.taken <= maxOutput:
		l.log.Info("hook output", "text", text)
	case before <= maxOutput:
		l.log.Warn("the hook prints more than is logged", "bytes", maxOutput)
	}
}
