package sums

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"phlb/internal/digest"
)

const (
	// maxLine bounds a line with its line end, in bytes. The longest that any
	// file system needs is far below it.
	maxLine = 16 << 10
	// maxBad is how many malformed lines are reported before the whole file
	// is taken for something else.
	maxBad = 1000
	// maxText is how much of a malformed line is kept for messages, in bytes.
	maxText = 200
	// hexLen is the number of hex digits of a SHA-256.
	hexLen = 64
)

// Reasons why a line is not understood, found in BadLine.Err.
var (
	ErrFormat  = errors.New("not in the form of sha256sum")
	ErrTooLong = fmt.Errorf("longer than %d bytes", maxLine)
	ErrName    = errors.New("not the name of a file in this directory")
	ErrEscape  = errors.New("unknown escape in the name")
)

// ErrTooManyBad is returned by Parse for a file that is no checksum file.
var ErrTooManyBad = fmt.Errorf("more than %d lines are not in the form of sha256sum", maxBad)

// BadLine is a line that was not understood and skipped.
type BadLine struct {
	Number int    // counted from 1
	Text   string // its first 200 bytes, raw: clean them before printing
	Err    error
}

// Parse reads a checksum file. As sha256sum -c does, it accepts text and
// binary marks ("  " and " *"), upper-case digits, blanks before a line, CRLF
// line ends and a missing newline at the end, and passes over empty lines and
// comments (#). Lines need not be sorted or unique, and the unescaped
// backslashes that PHLB writes are read as they were meant. Malformed lines
// are returned apart. err is a failure to read, or ErrTooManyBad; what was
// read before it is returned as well.
//
// A line over 16 KiB is skipped without being held in memory.
//
// The names share few allocations: whoever keeps one may keep up to 4 KiB.
func Parse(r io.Reader) (lines []Line, bad []BadLine, err error) {
	var p Parser
	return p.Parse(r, nil)
}

// Parser parses one file after the other with the same memory. It is not for
// concurrent use; the zero value is ready.
type Parser struct {
	in    *bufio.Reader
	names strings.Builder
}

// Parse is the function Parse that appends to lines.
func (p *Parser) Parse(r io.Reader, lines []Line) (all []Line, bad []BadLine, err error) {
	if p.in == nil {
		p.in = bufio.NewReaderSize(nil, maxLine)
	}
	in := p.in
	in.Reset(r)
	defer in.Reset(nil) // nobody's file is held on to
	for number := 1; ; number++ {
		text, whole, err := readLine(in)
		if err == io.EOF {
			return lines, bad, nil
		}
		if err != nil {
			return lines, bad, fmt.Errorf("read line %d: %w", number, err)
		}
		if whole && (len(text) == 0 || text[0] == '#') {
			continue
		}
		line, err := p.parseLine(text, whole)
		if err == nil {
			lines = append(lines, line)
			continue
		}
		if len(bad) == maxBad {
			return lines, bad, ErrTooManyBad
		}
		bad = append(bad, BadLine{Number: number, Text: string(text[:min(len(text), maxText)]), Err: err})
	}
}

// readLine returns the next line without its end. whole is false for one that
// does not fit the buffer, of which only the beginning is returned. The text
// is valid until the next call.
func readLine(in *bufio.Reader) (text []byte, whole bool, err error) {
	text, err = in.ReadSlice('\n')
	switch {
	case err == bufio.ErrBufferFull:
		text = bytes.Clone(text[:maxText])
		return text, false, skipLine(in)
	case err == io.EOF && len(text) > 0: // the last line, without newline
	case err != nil:
		return nil, false, err
	}
	text = bytes.TrimSuffix(text, []byte("\n"))
	return bytes.TrimSuffix(text, []byte("\r")), true, nil
}

func skipLine(in *bufio.Reader) error {
	for {
		_, err := in.ReadSlice('\n')
		if err == bufio.ErrBufferFull {
			continue
		}
		if err == io.EOF {
			return nil // the next read says so again
		}
		return err
	}
}

func (p *Parser) parseLine(text []byte, whole bool) (Line, error) {
	if !whole {
		return Line{}, ErrTooLong
	}
	text = bytes.TrimLeft(text, " \t")
	text, isEscaped := bytes.CutPrefix(text, []byte(`\`))
	// Digits, a blank, the mark of text or binary mode, the name.
	if len(text) < hexLen+2 || !blank(text[hexLen]) || text[hexLen+1] != ' ' && text[hexLen+1] != '*' {
		return Line{}, ErrFormat
	}
	sum, err := digest.Parse(text[:hexLen])
	if err != nil {
		return Line{}, ErrFormat
	}
	raw := text[hexLen+2:]
	if isEscaped {
		if raw, err = unescape(raw); err != nil {
			return Line{}, err
		}
	}
	if !validName(raw) {
		return Line{}, ErrName
	}
	return Line{Name: p.name(raw), Sum: sum}, nil
}

// Allocations for names double from the one size to the other, in bytes: short
// files are to waste little.
const (
	minNames = 256
	maxNames = 4 << 10
)

// name makes a string in an allocation with others.
func (p *Parser) name(raw []byte) string {
	if p.names.Cap()-p.names.Len() < len(raw) {
		size := min(max(2*p.names.Cap(), minNames), maxNames)
		p.names = strings.Builder{}
		p.names.Grow(max(size, len(raw)))
	}
	start := p.names.Len()
	p.names.Write(raw)
	return p.names.String()[start:]
}

func blank(c byte) bool { return c == ' ' || c == '\t' }

// validName reports whether name can be that of a file in the checksum file's
// own directory, where alone phlb and PHLB list files.
func validName(name []byte) bool {
	return len(name) > 0 && string(name) != "." && string(name) != ".." &&
		bytes.IndexByte(name, '/') < 0 && bytes.IndexByte(name, 0) < 0
}

func unescape(name []byte) ([]byte, error) {
	b := make([]byte, 0, len(name))
	for i := 0; i < len(name); i++ {
		c := name[i]
		if c == '\\' {
			i++
			if i == len(name) {
				return nil, ErrEscape
			}
			switch name[i] {
			case '\\':
			case 'n':
				c = '\n'
			case 'r':
				c = '\r'
			default:
				return nil, ErrEscape
			}
		}
		b = append(b, c)
	}
	return b, nil
}
